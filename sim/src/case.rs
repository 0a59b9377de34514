//! Scenarios with a name, whatever their protocol.

use crate::exhaustive::{self, Found, Gauge, Limits, Searched};
use crate::kernel;
use crate::memory::{Handover, Model};
use crate::sample::{self, Sampled, Sampling};
use crate::shrink::{self, Shrunk};
use crate::trace::Line;
use crate::world::{Kills, Scripted, Setting, World};
use lastword_protocol::model::variant::{self, Change, Variant};
use lastword_protocol::model::{Scenario, Violation, ready, slots, status};
use lastword_protocol::sequence::Sequence;

/// How a scenario is run, by names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// What a load may find.
    pub model: Model,
    /// At most so many kills, of anybody.
    pub kills: u8,
    /// What the successor in a role knows.
    pub handover: Handover,
    /// The broken variant, if any.
    pub variant: Option<String>,
}

impl Spec {
    /// The protocol as it is, where the kernel's hand-over orders nothing.
    pub const fn new(model: Model, kills: u8) -> Self {
        Self { model, kills, handover: Handover::Bare, variant: None }
    }

    /// The same, where it does.
    #[must_use]
    pub const fn synchronized(mut self) -> Self {
        self.handover = Handover::Synchronized;
        self
    }

    /// The same, of a broken variant.
    #[must_use]
    pub fn broken(mut self, variant: &str) -> Self {
        self.variant = Some(variant.to_owned());
        self
    }
}

/// A scenario by its name.
pub trait Case: Send + Sync {
    /// Its name, by which a command names it.
    fn name(&self) -> &'static str;

    /// The protocol that it is of.
    fn protocol(&self) -> &'static str;

    /// What each process is.
    fn roles(&self) -> Vec<String>;

    /// The operations of each process.
    fn operations(&self) -> Vec<Vec<String>>;

    /// The names of the protocol's sites, or of what else there is to be killed beside.
    fn sites(&self) -> Vec<&'static str>;

    /// The names of the protocol's broken variants.
    fn variants(&self) -> Vec<String>;

    /// Searches every run.
    ///
    /// # Errors
    /// The scenario is larger than the simulator's tables, or has no such variant.
    fn search(&self, spec: &Spec, limits: &Limits, gauge: &Gauge) -> Result<Searched, String>;

    /// Tries random runs.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    fn sample(&self, spec: &Spec, sampling: &Sampling, gauge: &Gauge) -> Result<Sampled, String>;

    /// The run with the fewest kills, then the fewest steps, that breaks a promise.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    fn shortest(&self, spec: &Spec, states_max: u64, gauge: &Gauge) -> Result<Option<Found>, String>;

    /// Makes a failure smaller.
    ///
    /// # Errors
    /// As [`search`](Self::search); or the answers lead to no violation.
    fn shrink(&self, spec: &Spec, answers: &[u8]) -> Result<Shrunk, String>;

    /// What happens in a run of these operations along these answers.
    ///
    /// # Errors
    /// As [`search`](Self::search); or there are no such operations.
    fn tell(&self, spec: &Spec, script: Option<&[Vec<u16>]>, answers: &[u8]) -> Result<Told, String>;
}

/// What happened in a run.
#[derive(Debug)]
pub struct Told {
    /// Line by line.
    pub lines: Vec<Line>,
    /// The promise that was broken, if any was.
    pub violation: Option<Violation>,
}

/// Systems of one kind, for as many threads as one likes.
pub(crate) trait Maker {
    type System: Scripted;

    /// One of them.
    ///
    /// # Errors
    /// As [`Case::search`].
    fn make(&self, spec: &Spec) -> Result<Self::System, String>;
}

/// Makes systems that could be made once.
fn again<M: Maker>(maker: &M, spec: &Spec) -> Result<impl Fn() -> M::System, String> {
    maker.make(spec)?;
    Ok(move || match maker.make(spec) {
        Ok(system) => system,
        Err(error) => unreachable!("it could be made before: {error}"),
    })
}

pub(crate) fn search<M: Maker + Sync>(
    maker: &M,
    spec: &Spec,
    limits: &Limits,
    gauge: &Gauge,
) -> Result<Searched, String> {
    Ok(exhaustive::search(&again(maker, spec)?, limits, gauge))
}

pub(crate) fn sample<M: Maker + Sync>(
    maker: &M,
    spec: &Spec,
    sampling: &Sampling,
    gauge: &Gauge,
) -> Result<Sampled, String> {
    Ok(sample::sample(&again(maker, spec)?, sampling, gauge))
}

pub(crate) fn shortest<M: Maker>(
    maker: &M,
    spec: &Spec,
    states_max: u64,
    gauge: &Gauge,
) -> Result<Option<Found>, String> {
    let mut system = maker.make(spec)?;
    for kills in 0..=spec.kills {
        system.set_kills(kills);
        let found = exhaustive::shortest(&mut system, states_max, gauge);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

pub(crate) fn shrink<M: Maker>(maker: &M, spec: &Spec, answers: &[u8]) -> Result<Shrunk, String> {
    shrink::shrink(&mut maker.make(spec)?, answers)
        .ok_or_else(|| "these choices lead to no violation: there is nothing to shrink".to_owned())
}

pub(crate) fn tell<M: Maker>(
    maker: &M,
    spec: &Spec,
    script: Option<&[Vec<u16>]>,
    answers: &[u8],
) -> Result<Told, String> {
    let mut system = maker.make(spec)?;
    if let Some(script) = script {
        let known = system.script();
        let there = |(process, list): (usize, &Vec<u16>)| {
            known.get(process).is_some_and(|known| {
                list.len() <= known.len() && list.iter().all(|&number| usize::from(number) < known.len())
            })
        };
        if script.len() != known.len() || !script.iter().enumerate().all(there) {
            return Err("the operations are not those of this scenario".to_owned());
        }
        system.set_script(script.to_vec());
    }
    let (result, lines) = exhaustive::tell(&mut system, answers);
    Ok(Told { lines, violation: result.err() })
}

/// Names of processes of these roles: numbered where there are several.
pub(crate) fn numbered(roles: &[&str]) -> Vec<String> {
    let number = |process: usize| roles[..process].iter().filter(|&&role| role == roles[process]).count();
    let is_alone = |role: &str| roles.iter().filter(|&&other| other == role).count() == 1;
    let name = |process: usize| match roles[process] {
        role if is_alone(role) => role.to_owned(),
        role => format!("{role} {}", number(process)),
    };
    (0..roles.len()).map(name).collect()
}

/// The methods of a [`Case`] that is a [`Maker`].
macro_rules! delegate_to_maker {
    () => {
        fn search(
            &self,
            spec: &$crate::case::Spec,
            limits: &$crate::exhaustive::Limits,
            gauge: &$crate::exhaustive::Gauge,
        ) -> Result<$crate::exhaustive::Searched, String> {
            $crate::case::search(self, spec, limits, gauge)
        }
        fn sample(
            &self,
            spec: &$crate::case::Spec,
            sampling: &$crate::sample::Sampling,
            gauge: &$crate::exhaustive::Gauge,
        ) -> Result<$crate::sample::Sampled, String> {
            $crate::case::sample(self, spec, sampling, gauge)
        }
        fn shortest(
            &self,
            spec: &$crate::case::Spec,
            states_max: u64,
            gauge: &$crate::exhaustive::Gauge,
        ) -> Result<Option<$crate::exhaustive::Found>, String> {
            $crate::case::shortest(self, spec, states_max, gauge)
        }
        fn shrink(&self, spec: &$crate::case::Spec, answers: &[u8]) -> Result<$crate::shrink::Shrunk, String> {
            $crate::case::shrink(self, spec, answers)
        }
        fn tell(
            &self,
            spec: &$crate::case::Spec,
            script: Option<&[Vec<u16>]>,
            answers: &[u8],
        ) -> Result<$crate::case::Told, String> {
            $crate::case::tell(self, spec, script, answers)
        }
    };
}
pub(crate) use delegate_to_maker;

/// A scenario of a protocol over memory.
struct Named<S> {
    name: &'static str,
    scenario: S,
    steps: &'static [Variant],
}

impl<S: Scenario> Named<S> {
    fn changes(&self) -> impl Iterator<Item = (String, Change)> {
        changes::<S>(self.steps)
    }
}

impl<S: Scenario + Clone + 'static> Maker for Named<S> {
    type System = World<S>;

    fn make(&self, spec: &Spec) -> Result<World<S>, String> {
        let change = match &spec.variant {
            None => None,
            Some(name) => match self.changes().find(|(known, _)| known == name) {
                Some((_, change)) => Some(change),
                None => return Err(format!("the protocol has no variant `{name}`; `list --variants` shows them")),
            },
        };
        let kills = Kills::any(spec.kills);
        let setting = Setting { model: spec.model, kills, handover: spec.handover, change };
        World::new(&self.scenario, &setting).map_err(|error| format!("{}: {error}", self.name))
    }
}

impl<S: Scenario + Clone + Send + Sync + 'static> Case for Named<S> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn protocol(&self) -> &'static str {
        S::SITES.first().and_then(|site| site.name.split('.').next()).unwrap_or_default()
    }
    fn roles(&self) -> Vec<String> {
        let all: Vec<_> = (0..self.scenario.processes()).map(|process| self.scenario.role(process)).collect();
        numbered(&all)
    }
    fn operations(&self) -> Vec<Vec<String>> {
        let list =
            |process| self.scenario.operations(process).iter().map(|operation| format!("{operation:?}")).collect();
        (0..self.scenario.processes()).map(list).collect()
    }
    fn sites(&self) -> Vec<&'static str> {
        S::SITES.iter().map(|site| site.name).collect()
    }
    fn variants(&self) -> Vec<String> {
        self.changes().map(|(name, _)| name).collect()
    }
    delegate_to_maker!();
}

fn changes<S: Scenario>(steps: &[Variant]) -> impl Iterator<Item = (String, Change)> {
    let steps = steps.iter().map(|step| (step.name.to_owned(), step.change));
    steps.chain(variant::weakenings(S::SITES).map(|change| (variant_name(&change), change)))
}

/// What the broken variant of `slots` with this name changes, for engines that are not this one.
pub fn slots_variant(name: &str) -> Option<Change> {
    changes::<slots::Scenario<'_>>(variant::SLOTS).find(|(known, _)| known == name).map(|(_, change)| change)
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

use ready::Op::{
    AbandonLoan as AbandonSend, Receive, Send as SendOne, SleepAndReceive, SleepAndSend, TryReceive,
    TryReceiveAndClear, TrySend, TrySendInPlace,
};
use slots::Op::{AbandonLoan, Acquire, Newest, Peek, Publish, PublishInPlace, ReadLast, Release, Reread, Sleep};
use status::Op::{Get, Set};

const TWO: &[slots::Op] = &[Publish(8), Publish(8)];
const THREE: &[slots::Op] = &[Publish(8), Publish(16), Publish(8)];
const FIVE: &[slots::Op] = &[Publish(8), Publish(8), Publish(8), Publish(8), Publish(8)];
const SIX: &[slots::Op] = &[Publish(8), Publish(8), Publish(8), Publish(8), Publish(8), Publish(8)];
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

/// Scenario `slots-2-one`: a producer of 3 messages, 2 consumers of at most one.
pub const SLOTS_2_ONE: slots::Scenario<'static> = slots::Scenario::new(&[THREE, &[Acquire], &[Acquire]], 2, 16);

/// Scenario `slots-1-long`: a producer of 5 messages, a consumer of at most 3.
pub const SLOTS_1_LONG: slots::Scenario<'static> = slots::Scenario::new(&[FIVE, &[Acquire, Acquire, Acquire]], 1, 8);

/// Every scenario that has a name.
pub static CASES: &[&dyn Case] = &[
    &slots_case("slots-1", slots::Scenario::new(&[THREE, &[Acquire, Acquire]], 1, 16)),
    &slots_case("slots-1-long", SLOTS_1_LONG),
    &slots_case(
        "slots-1-mixed",
        slots::Scenario::new(&[MIXED, &[Newest, Acquire, Release, Acquire, Reread]], 1, 16).after(Sequence::LAST),
    ),
    &slots_case("slots-2", slots::Scenario::new(&[THREE, &[Acquire, Acquire], &[Acquire, Acquire]], 2, 16)),
    &slots_case("slots-2-one", SLOTS_2_ONE),
    // More publishes than slots, so that every slot is used again while two or three consumers are at work.
    &slots_case("slots-2-long", slots::Scenario::new(&[FIVE, &[Acquire], &[Acquire]], 2, 8)),
    &slots_case("slots-3-long", slots::Scenario::new(&[SIX, &[Acquire], &[Acquire], &[Acquire]], 3, 8)),
    &slots_case("slots-3", slots::Scenario::new(&[THREE, &[Acquire], &[Acquire], &[Acquire]], 3, 16)),
    &slots_case(
        "slots-observed",
        slots::Scenario::new(&[&[Publish(16), ReadLast, PublishInPlace(16), Publish(8)], &[Acquire], &[Peek]], 1, 16),
    ),
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
    &slots_case("slots-sleep", slots::Scenario::new(&[TWO, &[Sleep, Acquire, Sleep, Acquire]], 1, 8)),
    &slots_case(
        "slots-sleep-2",
        slots::Scenario::new(&[TWO, &[Sleep, Acquire, Sleep], &[Sleep, Acquire, Sleep]], 2, 8),
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
    &ready_case(
        "ready-in-place",
        ready::Scenario {
            processes: &[&[AbandonSend(8), TrySendInPlace(16), AbandonSend(16), SendOne(8)], &[Receive, Receive]],
            capacity: 16,
            genesis: None,
        },
    ),
    &ready_case(
        "ready-sleep",
        ready::Scenario {
            processes: &[
                &[SleepAndSend(8), SleepAndSend(16), SleepAndSend(8)],
                &[SleepAndReceive, SleepAndReceive, SleepAndReceive],
            ],
            capacity: 16,
            genesis: None,
        },
    ),
    &status_case(
        "status-2",
        status::Scenario {
            processes: &[&[Set(0), Set(1), Set(0), Set(1)], &[Get(1), Get(0), Get(1)], &[Get(1), Get(0), Get(1)]],
            words: 2,
        },
    ),
    &kernel::Named(0),
    &kernel::Named(1),
    &kernel::Named(2),
    &kernel::Named(3),
    &kernel::Named(4),
    &kernel::Named(5),
    &kernel::Named(6),
    &kernel::Named(7),
    &kernel::Named(8),
    &kernel::Named(9),
    &kernel::Named(10),
    &kernel::Named(11),
    &kernel::Named(12),
];

const _: () = assert!(kernel::SCENARIOS.len() == 13, "each has its number above");

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static dyn Case> {
    CASES.iter().copied().find(|case| case.name() == name)
}
