//! The scenarios that loom runs, for the protocols as they ship and for their broken variants alike.

use super::{Outcome, loom};
use lastword_protocol::model::variant::Change;
use lastword_protocol::model::{Scenario, ready, slots, status};
use lastword_protocol::sequence::Sequence;
use std::time::{Duration, Instant};

/// Who is killed, where: every access of the process, and for each the accesses of its next incarnation up to a number.
#[derive(Clone, Copy, Debug)]
pub enum Kills {
    /// Nobody.
    None,
    /// Process, and how many accesses of its second incarnation are kill points too.
    Of(usize, u32),
}

/// A scenario with its bounds.
#[derive(Clone, Copy, Debug)]
pub struct Case<S> {
    /// What happens in it.
    pub name: &'static str,
    /// What is run.
    pub scenario: S,
    /// Who is killed, where.
    pub kills: Kills,
    /// At most so many preemptions in one interleaving.
    pub preemptions: usize,
    /// The process that runs until the first preemption.
    pub begins: usize,
}

/// What a case came to, over all its kill points.
pub struct Total {
    /// Of all executions.
    pub outcome: Outcome,
    /// How many kill points (or pairs of them) there were, each of them hit.
    pub points: u64,
}

impl<S> Case<S>
where
    S: Scenario + Clone + Send + Sync + 'static,
{
    /// Runs the case, up to the first violation.
    pub fn run(&self, change: Option<Change>) -> Total {
        self.run_within(change, None)
    }

    /// Runs the case, up to the first violation or until the time is up.
    pub fn run_within(&self, change: Option<Change>, time: Option<Duration>) -> Total {
        let begun = Instant::now();
        let left = || time.map(|time| time.saturating_sub(begun.elapsed()));
        let bounds = || loom::Bounds { preemptions: Some(self.preemptions), begins: self.begins, time: left() };
        let mut total = Total { outcome: Outcome { executions: 0, kills: 0, violation: None }, points: 0 };
        let Kills::Of(process, again) = self.kills else {
            total.add(loom::run(&self.scenario, change, &[], bounds()));
            return total;
        };
        let mut once = |points: &[u32]| {
            let mut kills = vec![Vec::new(); self.scenario.processes()];
            kills[process] = points.to_vec();
            let next = total.add(loom::run(&self.scenario, change, &kills, bounds()));
            if left() == Some(Duration::ZERO) { Next::TimeIsUp } else { next }
        };
        'points: for first in 0.. {
            match once(&[first]) {
                Next::Hit => {}
                Next::NoSuchPoint | Next::Violation | Next::TimeIsUp => break,
            }
            for second in 0..again {
                match once(&[first, second]) {
                    Next::Hit => {}
                    Next::NoSuchPoint => break,
                    Next::Violation | Next::TimeIsUp => break 'points,
                }
            }
        }
        total
    }
}

/// What a run says about the next one.
enum Next {
    /// Somebody was killed at the last of the points, in some execution.
    Hit,
    /// In no execution does the process have so many accesses.
    NoSuchPoint,
    Violation,
    /// There is no next one.
    TimeIsUp,
}

impl Total {
    /// Adds a run of loom. The violation that is kept is the first.
    fn add(&mut self, found: Outcome) -> Next {
        self.outcome.executions += found.executions;
        self.outcome.kills += found.kills;
        if found.violation.is_some() {
            self.outcome.violation = self.outcome.violation.take().or(found.violation);
            return Next::Violation;
        }
        if found.kills == 0 {
            return Next::NoSuchPoint;
        }
        self.points += 1;
        Next::Hit
    }
}

use slots::Op::{AbandonLoan, Acquire, Peek, Publish, PublishInPlace, ReadLast, Release, Reread};

type Slots = slots::Scenario<'static>;

const THREE: &[slots::Op] = &[Publish(16), Publish(8), PublishInPlace(16)];

const FOUR: &[slots::Op] = &[Publish(16), Publish(8), PublishInPlace(16), Publish(8)];

/// The cases of `slots`.
pub const SLOTS: &[Case<Slots>] = &[
    Case {
        name: "1 consumer, 2 acquires, 4 publishes",
        scenario: Slots::new(&[FOUR, &[Acquire, Release, Acquire]], 1, 16),
        kills: Kills::None,
        preemptions: 3,
        begins: 0,
    },
    Case {
        name: "2 consumers, 3 publishes",
        scenario: Slots::new(&[THREE, &[Acquire], &[Acquire]], 2, 16),
        kills: Kills::None,
        preemptions: 3,
        begins: 0,
    },
    Case {
        name: "1 consumer, 3 publishes after a message, across the wrap",
        scenario: Slots::new(&[THREE, &[Acquire, Reread, Acquire]], 1, 16).after(Sequence::LAST),
        kills: Kills::None,
        preemptions: 3,
        begins: 1,
    },
    Case {
        name: "an observer, 2 peeks, 4 publishes",
        scenario: Slots::new(
            &[&[Publish(8), Publish(16), AbandonLoan(16), Publish(8), Publish(8)], &[], &[Peek, Peek]],
            1,
            16,
        ),
        kills: Kills::None,
        preemptions: 3,
        begins: 0,
    },
    Case {
        name: "the consumer is killed",
        scenario: Slots::new(&[THREE, &[Acquire, Reread, Release, Acquire]], 1, 8 * 2),
        kills: Kills::Of(1, 4),
        preemptions: 2,
        begins: 0,
    },
    Case {
        name: "the producer is killed",
        scenario: Slots::new(&[&[Publish(16), ReadLast, PublishInPlace(8)], &[Acquire, Release, Acquire]], 1, 16),
        kills: Kills::Of(0, 2),
        preemptions: 2,
        begins: 0,
    },
    Case {
        name: "the producer is killed while one is observed",
        scenario: Slots::new(&[&[Publish(16), Publish(8)], &[], &[Peek]], 1, 16),
        kills: Kills::Of(0, 0),
        preemptions: 2,
        begins: 0,
    },
    Case {
        name: "the consumer is killed while it exchanges one message for the next",
        scenario: Slots::new(&[FOUR, &[Acquire, Acquire]], 1, 16),
        kills: Kills::Of(1, 0),
        preemptions: 2,
        begins: 0,
    },
    Case {
        name: "the consumer is killed on the slow path",
        scenario: Slots::new(&[&[Publish(8), Publish(16), Publish(8), Publish(16)], &[Acquire, Release]], 1, 16)
            .after(Sequence::FIRST),
        kills: Kills::Of(1, 4),
        preemptions: 3,
        begins: 1,
    },
];

/// More cases of `slots`, larger: for the protocol as it ships. No broken variant needs them to be found.
pub const SLOTS_LARGER: &[Case<Slots>] = &[
    Case {
        name: "one of 2 consumers is killed",
        scenario: Slots::new(&[&[Publish(16), Publish(8), Publish(16)], &[Acquire, Acquire], &[Acquire]], 2, 16),
        kills: Kills::Of(1, 2),
        preemptions: 2,
        begins: 0,
    },
    Case {
        name: "the producer of 2 consumers is killed",
        scenario: Slots::new(&[&[Publish(16), Publish(8), Publish(16)], &[Acquire], &[Acquire]], 2, 16),
        kills: Kills::Of(0, 1),
        preemptions: 2,
        begins: 0,
    },
];

type Ready = ready::Scenario<'static>;
use ready::Op::{Receive, Send as SendOne, TryReceive, TrySend};

const MESSAGES: &[ready::Op] = &[SendOne(16), SendOne(8), SendOne(16)];

/// The cases of `ready`.
pub const READY: &[Case<Ready>] = &[
    Case {
        name: "3 messages",
        scenario: Ready { processes: &[MESSAGES, &[Receive, Receive, Receive]], capacity: 16, genesis: None },
        kills: Kills::None,
        preemptions: 4,
        begins: 0,
    },
    Case {
        name: "3 messages across the wrap, tried",
        scenario: Ready {
            processes: &[&[TrySend(8), SendOne(16), TrySend(16)], &[TryReceive, Receive, TryReceive]],
            capacity: 16,
            genesis: Some(Sequence::LAST),
        },
        kills: Kills::None,
        preemptions: 4,
        begins: 0,
    },
    Case {
        name: "the writer is killed",
        scenario: Ready { processes: &[MESSAGES, &[Receive, Receive, Receive]], capacity: 16, genesis: None },
        kills: Kills::Of(0, 2),
        preemptions: 2,
        begins: 0,
    },
    Case {
        name: "the reader is killed",
        scenario: Ready { processes: &[MESSAGES, &[Receive, Receive, Receive]], capacity: 16, genesis: None },
        kills: Kills::Of(1, 2),
        preemptions: 2,
        begins: 0,
    },
];

type Status = status::Scenario<'static>;
use status::Op::{Get, Set};

/// The cases of `status`.
pub const STATUS: &[Case<Status>] = &[
    Case {
        name: "2 words, 2 monitors",
        scenario: Status {
            processes: &[&[Set(0), Set(1), Set(0), Set(1)], &[Get(1), Get(0), Get(1)], &[Get(0), Get(1)]],
            words: 2,
        },
        kills: Kills::None,
        preemptions: 3,
        begins: 0,
    },
    Case {
        name: "the writer is killed",
        scenario: Status { processes: &[&[Set(0), Set(1), Set(0), Set(1)], &[Get(1), Get(0), Get(1)]], words: 2 },
        kills: Kills::Of(0, 3),
        preemptions: 3,
        begins: 0,
    },
];
