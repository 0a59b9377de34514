//! Larger runs than loom can do, under shuttle: 4 processes and more, several kills each, in random schedules.
//!
//! Checks `slots` Inv 1 to 6, `ready` Inv 1 to 3, `status` Inv 1 and 2, under sequential consistency. A failure prints
//! the accesses in order and shuttle's replay string. `LASTWORD_SHUTTLE_SEED` and `LASTWORD_SHUTTLE_EXECUTIONS` choose
//! the seed and how much is run; `LASTWORD_SHUTTLE_REPLAY` runs the schedule that was printed, for the test that is
//! named on the command line.

use lastword_engines::shuttle::{Bounds, Choice, replay, replay_printed, run};
use lastword_protocol::model::{Scenario, ready, slots, status};
use lastword_protocol::sequence::Sequence;
use slots::Op::{AbandonLoan, Acquire, Newest, Peek, Publish, PublishInPlace, ReadLast, Release, Reread};

fn from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
        Err(_) => default,
    }
}

fn holds<S>(name: &str, scenario: &S)
where
    S: Scenario + Clone + Send + Sync + 'static,
    S::Layout: Send + Sync,
{
    let seed = from_env("LASTWORD_SHUTTLE_SEED", 20_261_121);
    let executions = from_env("LASTWORD_SHUTTLE_EXECUTIONS", 40_000) as usize;
    let (mut all, mut kills) = (0, 0);
    for choice in [Choice::Random, Choice::Pct(2), Choice::Pct(4)] {
        for one_in in [0, 60, 12] {
            let bounds = Bounds { executions: executions / 8, one_in, kills_max: 3, seed, time: None };
            if let Ok(printed) = std::env::var("LASTWORD_SHUTTLE_REPLAY") {
                let outcome = replay_printed(scenario, bounds, &printed).outcome;
                assert_eq!(outcome.violation, None, "{name}: replayed");
            }
            let outcome = run(scenario, None, choice, bounds).outcome;
            assert_eq!(outcome.violation, None, "{name}: {choice:?}, kills 1 in {one_in}, seed {seed}");
            all += outcome.executions;
            kills += outcome.kills;
        }
    }
    println!("shuttle: {name}: {all} executions, {kills} kills, seed {seed}");
    assert!(kills > 0, "{name}: nobody was killed");
}

const PUBLISHES: &[slots::Op] = &[
    Publish(24),
    PublishInPlace(9),
    Publish(0),
    AbandonLoan(24),
    ReadLast,
    Publish(17),
    PublishInPlace(24),
    Publish(8),
    ReadLast,
    Publish(24),
];
const KEEPS: &[slots::Op] = &[Acquire, Reread, Newest, Reread, Release, Acquire, Acquire, Reread];
const HURRIES: &[slots::Op] = &[Acquire, Acquire, Release, Acquire, Release, Newest, Acquire, Release];
const PEEKS: &[slots::Op] = &[Peek, Peek, Peek, Peek];

#[test]
fn slots_holds_with_three_consumers_and_an_observer() {
    holds("slots, 5 processes", &slots::Scenario::new(&[PUBLISHES, KEEPS, HURRIES, KEEPS, PEEKS], 3, 24));
}

#[test]
fn slots_holds_with_six_consumers_across_the_wrap() {
    let near_the_wrap = Sequence::new(Sequence::LAST.get() - 2).expect("a number");
    let processes: &[&[slots::Op]] = &[PUBLISHES, KEEPS, HURRIES, KEEPS, HURRIES, KEEPS, HURRIES];
    holds("slots, 7 processes", &slots::Scenario::new(processes, 6, 24).after(near_the_wrap));
}

#[test]
fn ready_holds() {
    use ready::Op::{Receive, Send, TryReceive};
    holds(
        "ready",
        &ready::Scenario {
            processes: &[
                &[Send(24), Send(0), Send(7), Send(16), Send(24), Send(8)],
                &[Receive, TryReceive, Receive, Receive, TryReceive, Receive, Receive, Receive],
            ],
            capacity: 24,
            genesis: Sequence::new(Sequence::LAST.get() - 2),
        },
    );
}

#[test]
fn status_holds() {
    use status::Op::{Get, Set};
    const GETS: &[status::Op] = &[Get(2), Get(1), Get(0), Get(2), Get(0), Get(1)];
    holds(
        "status",
        &status::Scenario {
            processes: &[&[Set(0), Set(1), Set(2), Set(0), Set(2), Set(1), Set(0)], GETS, GETS, GETS],
            words: 3,
        },
    );
}

#[test]
fn a_failure_replays_from_its_string_kills_included() {
    use lastword_protocol::model::variant::Change;
    use lastword_protocol::slots::site;
    // A bug that only a kill brings out.
    let change = Change::Skip { site: site::HOLD };
    let scenario = slots::Scenario::new(&[PUBLISHES, KEEPS, HURRIES, KEEPS], 3, 24);
    let bounds = Bounds { executions: 10_000, one_in: 20, kills_max: 3, seed: 1, time: None };
    let found = run(&scenario, Some(change), Choice::Random, bounds);
    let violation = found.outcome.violation.expect("the variant is broken");
    assert_eq!(replay(&scenario, Some(change), bounds, found.schedule).outcome.violation, Some(violation));
}
