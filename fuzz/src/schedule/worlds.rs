//! The worlds of the simulator that inputs are run in. Each is made once and kept: it remembers the processes' code,
//! and what the simulator makes of a scenario is never freed.

use super::{Dimensions, Protocol};
use lastword_protocol::model::variant::Change;
use lastword_protocol::model::{Scenario, ready, slots, status};
use lastword_protocol::sequence::Sequence;
use lastword_sim::memory::{Handover, Model};
use lastword_sim::world::{Setting, World};
use std::collections::HashMap;

/// Consumers, observers and capacity. Not every combination: all the worlds there can be are in memory at once. Each
/// fits the weak model.
const SLOTS: [(u8, u8, u8); 9] =
    [(1, 0, 24), (1, 1, 24), (1, 2, 13), (2, 0, 16), (2, 1, 24), (2, 2, 8), (3, 0, 5), (3, 1, 16), (3, 2, 0)];
/// Capacities of mailboxes.
const READY: [u8; 3] = [24, 13, 0];
/// Monitors and words of boards.
const STATUS: [(u8, u8); 4] = [(1, 2), (2, 1), (2, 3), (3, 2)];

/// What a world is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    shape: usize,
    genesis: Option<Sequence>,
    model: Model,
    handover: Handover,
}

impl Key {
    fn new(dimensions: &Dimensions, shapes: usize) -> Self {
        let Dimensions { shape, model, handover, .. } = *dimensions;
        Self { shape: usize::from(shape) % shapes, genesis: dimensions.genesis(), model, handover }
    }

    /// Deaths may always be: with none in a run, what the memory keeps for them makes no difference.
    fn world<S: Scenario + Clone + 'static>(&self, scenario: &S, change: Option<Change>) -> World<S> {
        let setting = Setting { handover: self.handover, change, ..Setting::new(self.model, super::KILLS_MAX) };
        match World::new(scenario, &setting) {
            Ok(world) => world,
            Err(error) => panic!("the dimensions are chosen to fit the simulator: {error}"),
        }
    }
}

/// What can be done with a world of any protocol.
pub(super) trait Visit {
    fn visit<S: Scenario + Clone + 'static>(self, world: &mut World<S>, scenario: &S);
}

/// A scenario in which each process has every operation once, and its world.
struct Kept<S: Scenario + 'static>(S, World<S>);

/// How much code all worlds remember together.
const NODES_MAX: usize = 1_000_000;

/// The worlds so far.
#[derive(Default)]
pub(super) struct Worlds {
    /// How much code they have come to remember since they last forgot all of it.
    nodes: usize,
    slots: HashMap<Key, Kept<slots::Scenario<'static>>>,
    ready: HashMap<Key, Kept<ready::Scenario<'static>>>,
    status: HashMap<Key, Kept<status::Scenario<'static>>>,
}

impl Worlds {
    /// Does something with the world of these dimensions.
    pub(super) fn with(&mut self, protocol: Protocol, dimensions: &Dimensions, visit: impl Visit) {
        match protocol {
            Protocol::Slots => {
                let key = Key::new(dimensions, SLOTS.len());
                let make = || {
                    let scenario = slots(SLOTS[key.shape], key.genesis);
                    Kept(scenario, key.world(&scenario, planted()))
                };
                let Kept(scenario, world) = self.slots.entry(key).or_insert_with(make);
                self.nodes += visit_and_count(world, scenario, visit);
            }
            Protocol::Ready => {
                let key = Key::new(dimensions, READY.len());
                let make = || {
                    let scenario = ready(READY[key.shape], key.genesis);
                    Kept(scenario, key.world(&scenario, None))
                };
                let Kept(scenario, world) = self.ready.entry(key).or_insert_with(make);
                self.nodes += visit_and_count(world, scenario, visit);
            }
            Protocol::Status => {
                // A board has no numbers that could wrap.
                let key = Key { genesis: None, ..Key::new(dimensions, STATUS.len()) };
                let make = || {
                    let scenario = status(STATUS[key.shape]);
                    Kept(scenario, key.world(&scenario, None))
                };
                let Kept(scenario, world) = self.status.entry(key).or_insert_with(make);
                self.nodes += visit_and_count(world, scenario, visit);
            }
        }
        if self.nodes > NODES_MAX {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.slots.values_mut().for_each(|Kept(_, world)| world.forget());
        self.ready.values_mut().for_each(|Kept(_, world)| world.forget());
        self.status.values_mut().for_each(|Kept(_, world)| world.forget());
        self.nodes = 0;
    }
}

/// How many nodes the world has come to remember by the visit.
fn visit_and_count<S: Scenario + Clone + 'static>(world: &mut World<S>, scenario: &S, visit: impl Visit) -> usize {
    let before = world.nodes();
    visit.visit(world, scenario);
    world.nodes() - before
}

fn slots((consumers, observers, capacity): (u8, u8, u8), genesis: Option<Sequence>) -> slots::Scenario<'static> {
    use slots::Op;
    let produces = [Op::Publish, Op::PublishInPlace, |_| Op::ReadLast, Op::AbandonLoan];
    let produces = lengths(capacity).flat_map(|length| produces.map(|op: fn(u8) -> Op| op(length)));
    let mut processes = vec![leak(produces)];
    let consumes = &[Op::Acquire, Op::Reread, Op::Acquire, Op::Release, Op::Acquire, Op::Newest];
    processes.extend((0..consumers).map(|_| &consumes[..]));
    processes.extend((0..observers).map(|_| &[Op::Peek][..]));
    let scenario = slots::Scenario::new(processes.leak(), consumers, capacity.into());
    slots::Scenario { genesis, ..scenario }
}

fn ready(capacity: u8, genesis: Option<Sequence>) -> ready::Scenario<'static> {
    use ready::Op;
    let sends = lengths(capacity).flat_map(|length| [Op::Send(length), Op::TrySend(length)]);
    let receives = &[Op::Receive, Op::TryReceive, Op::TryReceiveAndClear];
    let processes = Box::leak(Box::new([leak(sends), receives]));
    ready::Scenario { processes, capacity: capacity.into(), genesis }
}

fn status((monitors, words): (u8, u8)) -> status::Scenario<'static> {
    let mut processes = vec![leak((0..words).map(status::Op::Set))];
    let gets = leak((0..words).map(status::Op::Get));
    processes.extend((0..monitors).map(|_| gets));
    status::Scenario { processes: processes.leak(), words: words.into() }
}

/// The lengths of messages: the longest first, whole words and parts of them, nothing.
fn lengths(capacity: u8) -> impl Iterator<Item = u8> {
    [capacity, capacity / 2, 8, 5, 0].into_iter().map(move |length| length.min(capacity))
}

/// The world that it is for refers to it for ever.
fn leak<T>(items: impl Iterator<Item = T>) -> &'static [T] {
    items.collect::<Vec<_>>().leak()
}

#[cfg(not(feature = "seeded-bug"))]
fn planted() -> Option<Change> {
    None
}

/// The planted bug: a consumer does not look again whether what it has announced is the newest message still. Between
/// the two the producer may have chosen that very slot.
#[cfg(feature = "seeded-bug")]
fn planted() -> Option<Change> {
    Some(Change::Skip { site: lastword_protocol::slots::site::RECHECK })
}
