//! Scenarios with a name, whatever their protocol.

use crate::exhaustive::{self, Found, Gauge, Limits, Searched};
use crate::sample::{self, Sampled, Sampling};
use crate::shrink::{self, Shrunk};
use crate::trace::Line;
use crate::world::{Setting, System, World};
use lastword_protocol::model::variant::{self, Change, Variant};
use lastword_protocol::model::{Scenario, Violation, ready, slots, status};
use lastword_protocol::sequence::Sequence;

/// A scenario by its name.
pub trait Case: Send + Sync {
    /// Its name, by which a command names it.
    fn name(&self) -> &'static str;

    /// What each process is.
    fn roles(&self) -> Vec<String>;

    /// The operations of each process.
    fn operations(&self) -> Vec<Vec<String>>;

    /// The names of the protocol's sites.
    fn sites(&self) -> Vec<&'static str>;

    /// The missing and misplaced steps of the protocol, and its weakened orderings.
    fn variants(&self) -> Vec<(String, Change)>;

    /// Searches every run.
    ///
    /// # Errors
    /// The scenario is larger than the simulator's tables.
    fn search(&self, setting: &Setting, limits: &Limits, gauge: &Gauge) -> Result<Searched, String>;

    /// Tries random runs.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    fn sample(&self, setting: &Setting, sampling: &Sampling, gauge: &Gauge) -> Result<Sampled, String>;

    /// The run with the fewest kills, then the fewest steps, that breaks a promise.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    fn shortest(&self, setting: &Setting, states_max: u64, gauge: &Gauge) -> Result<Option<Found>, String>;

    /// Makes a failure smaller.
    ///
    /// # Errors
    /// As [`search`](Self::search); or the answers lead to no violation.
    fn shrink(&self, setting: &Setting, answers: &[u8]) -> Result<Shrunk, String>;

    /// What happens in a run of these operations along these answers.
    ///
    /// # Errors
    /// As [`search`](Self::search); or there are no such operations.
    fn tell(&self, setting: &Setting, script: Option<&[Vec<u16>]>, answers: &[u8]) -> Result<Told, String>;
}

/// What happened in a run.
#[derive(Debug)]
pub struct Told {
    /// Line by line.
    pub lines: Vec<Line>,
    /// The promise that was broken, if any was.
    pub violation: Option<Violation>,
}

struct Named<S> {
    name: &'static str,
    scenario: S,
    steps: &'static [Variant],
}

impl<S: Scenario + Clone + Send + Sync + 'static> Named<S> {
    fn world(&self, setting: &Setting) -> Result<World<S>, String> {
        World::new(&self.scenario, setting).map_err(|error| format!("{}: {error}", self.name))
    }

    /// Worlds for as many threads as one likes. They refer to their scenarios for ever.
    fn make<'a>(&'a self, setting: &'a Setting) -> Result<impl Fn() -> World<S> + Sync + 'a, String> {
        self.world(setting)?;
        Ok(move || match self.world(setting) {
            Ok(world) => world,
            Err(error) => unreachable!("it could be made before: {error}"),
        })
    }
}

impl<S: Scenario + Clone + Send + Sync + 'static> Case for Named<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn roles(&self) -> Vec<String> {
        let all: Vec<_> = (0..self.scenario.processes()).map(|process| self.scenario.role(process)).collect();
        let number = |process: usize| all[..process].iter().filter(|&&role| role == all[process]).count();
        let is_alone = |role: &str| all.iter().filter(|&&other| other == role).count() == 1;
        let name = |process: usize| match all[process] {
            role if is_alone(role) => role.to_owned(),
            role => format!("{role} {}", number(process)),
        };
        (0..all.len()).map(name).collect()
    }

    fn operations(&self) -> Vec<Vec<String>> {
        let list = |process| self.scenario.operations(process).iter().map(|operation| format!("{operation:?}")).collect();
        (0..self.scenario.processes()).map(list).collect()
    }

    fn sites(&self) -> Vec<&'static str> {
        S::SITES.iter().map(|site| site.name).collect()
    }

    fn variants(&self) -> Vec<(String, Change)> {
        let steps = self.steps.iter().map(|step| (step.name.to_owned(), step.change));
        steps.chain(variant::weakenings(S::SITES).map(|change| (variant_name(&change), change))).collect()
    }

    fn search(&self, setting: &Setting, limits: &Limits, gauge: &Gauge) -> Result<Searched, String> {
        Ok(exhaustive::search(&self.make(setting)?, limits, gauge))
    }

    fn sample(&self, setting: &Setting, sampling: &Sampling, gauge: &Gauge) -> Result<Sampled, String> {
        Ok(sample::sample(&self.make(setting)?, sampling, gauge))
    }

    fn shortest(&self, setting: &Setting, states_max: u64, gauge: &Gauge) -> Result<Option<Found>, String> {
        let mut world = self.world(setting)?;
        for kills in 0..=setting.kills.max {
            world.set_kills(kills);
            let found = exhaustive::shortest(&mut world, states_max, gauge);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn shrink(&self, setting: &Setting, answers: &[u8]) -> Result<Shrunk, String> {
        shrink::shrink(&mut self.world(setting)?, answers).ok_or_else(|| format!("{}: no promise is broken", self.name))
    }

    fn tell(&self, setting: &Setting, script: Option<&[Vec<u16>]>, answers: &[u8]) -> Result<Told, String> {
        let mut world = self.world(setting)?;
        if let Some(script) = script {
            let known = world.script();
            let there = |(process, list): (usize, &Vec<u16>)| {
                known.get(process).is_some_and(|known| list.iter().all(|&number| usize::from(number) < known.len()))
            };
            if script.len() != known.len() || !script.iter().enumerate().all(there) {
                return Err(format!("{}: the operations are not those of this scenario", self.name));
            }
            world.set_script(script.to_vec());
        }
        let (result, lines) = exhaustive::tell(&mut world, answers);
        Ok(Told { lines, violation: result.err() })
    }
}

/// The name of a weakened ordering.
fn variant_name(change: &Change) -> String {
    match change {
        Change::Weaken { site, part: variant::Part::Order, to } => format!("{site}: {:?} to {to:?}", site.order),
        Change::Weaken { site, part: variant::Part::Failure, to } => {
            format!("{site}: {:?} to {to:?} on failure", site.failure)
        }
        other => format!("{other:?}"),
    }
}

use ready::Op::{Receive, Send as SendOne, TryReceive, TryReceiveAndClear, TrySend};
use slots::Op::{AbandonLoan, Acquire, Newest, Peek, Publish, PublishInPlace, ReadLast, Release, Reread};
use status::Op::{Get, Set};

const THREE: &[slots::Op] = &[Publish(8), Publish(16), Publish(8)];
const FIVE: &[slots::Op] = &[Publish(8), Publish(8), Publish(8), Publish(8), Publish(8)];
const MIXED: &[slots::Op] = &[Publish(8), ReadLast, PublishInPlace(16), AbandonLoan(8), Publish(16)];

const fn slots_case(name: &'static str, scenario: slots::Scenario<'static>) -> Named<slots::Scenario<'static>> {
    Named { name, scenario, steps: variant::SLOTS }
}

const fn ready_case(name: &'static str, scenario: ready::Scenario<'static>) -> Named<ready::Scenario<'static>> {
    Named { name, scenario, steps: variant::READY }
}

const fn status_case(name: &'static str, scenario: status::Scenario<'static>) -> Named<status::Scenario<'static>> {
    Named { name, scenario, steps: variant::STATUS }
}

/// Every scenario that has a name.
pub static CASES: &[&dyn Case] = &[
    &slots_case("slots-1", slots::Scenario::new(&[THREE, &[Acquire, Acquire]], 1, 16)),
    &slots_case("slots-1-long", slots::Scenario::new(&[FIVE, &[Acquire, Acquire, Acquire]], 1, 8)),
    &slots_case(
        "slots-1-mixed",
        slots::Scenario::new(&[MIXED, &[Newest, Acquire, Release, Acquire, Reread]], 1, 16).after(Sequence::LAST),
    ),
    &slots_case("slots-2", slots::Scenario::new(&[THREE, &[Acquire, Acquire], &[Acquire, Acquire]], 2, 16)),
    &slots_case("slots-2-one", slots::Scenario::new(&[THREE, &[Acquire], &[Acquire]], 2, 16)),
    &slots_case("slots-3", slots::Scenario::new(&[THREE, &[Acquire], &[Acquire], &[Acquire]], 3, 16)),
    &slots_case("slots-observed", slots::Scenario::new(&[MIXED, &[Acquire], &[Peek, Peek]], 1, 16)),
    &slots_case(
        "slots-peeked",
        slots::Scenario::new(&[&[Publish(16), Publish(8), AbandonLoan(16), Publish(8)], &[], &[Peek], &[Peek]], 1, 16),
    ),
    &slots_case(
        "slots-large",
        slots::Scenario::new(
            &[
                &[Publish(16), Publish(8), PublishInPlace(16), Publish(16), Publish(24), Publish(16), Publish(8)],
                &[Acquire, Release, Acquire, Acquire, Release],
                &[Acquire, Release, Acquire, Acquire, Release],
                &[Peek, Peek, Peek],
            ],
            2,
            24,
        ),
    ),
    &ready_case(
        "ready-3",
        ready::Scenario {
            processes: &[&[SendOne(16), SendOne(8), SendOne(16)], &[Receive, Receive, Receive]],
            capacity: 16,
            genesis: None,
        },
    ),
    &ready_case(
        "ready-tried",
        ready::Scenario {
            processes: &[
                &[TrySend(8), SendOne(16), TrySend(16)],
                &[TryReceive, Receive, TryReceive, TryReceiveAndClear],
            ],
            capacity: 16,
            genesis: Some(Sequence::LAST),
        },
    ),
    &status_case(
        "status-2",
        status::Scenario {
            processes: &[&[Set(0), Set(1), Set(0), Set(1)], &[Get(1), Get(0), Get(1)], &[Get(1), Get(0), Get(1)]],
            words: 2,
        },
    ),
];

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static dyn Case> {
    CASES.iter().copied().find(|case| case.name() == name)
}

/// What happens under a system along these answers.
pub fn told<S: System>(system: &mut S, answers: &[u8]) -> Told {
    let (result, lines) = exhaustive::tell(system, answers);
    Told { lines, violation: result.err() }
}
