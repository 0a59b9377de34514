//! The worlds of the simulator that inputs are run in. Each is made once and kept: it remembers the processes' code, and
//! what the simulator makes of a scenario is never freed.

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

/// The message that was the last before a run, by number: near the wrap, and not.
const GENESES: [Option<Sequence>; 4] = [None, Some(Sequence::FIRST), Sequence::LAST.previous(), Some(Sequence::LAST)];

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
        let Dimensions { shape, genesis, model, handover } = *dimensions;
        let genesis = GENESES[usize::from(genesis) % GENESES.len()];
        Self { shape: usize::from(shape) % shapes, genesis, model, handover }
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

/// The worlds so far.
#[derive(Default)]
pub(super) struct Worlds {
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
                visit.visit(world, scenario);
            }
            Protocol::Ready => {
                let key = Key::new(dimensions, READY.len());
                let make = || {
                    let scenario = ready(READY[key.shape], key.genesis);
                    Kept(scenario, key.world(&scenario, None))
                };
                let Kept(scenario, world) = self.ready.entry(key).or_insert_with(make);
                visit.visit(world, scenario);
            }
            Protocol::Status => {
                // A board has no numbers that could wrap.
                let key = Key { genesis: None, ..Key::new(dimensions, STATUS.len()) };
                let make = || {
                    let scenario = status(STATUS[key.shape]);
                    Kept(scenario, key.world(&scenario, None))
                };
                let Kept(scenario, world) = self.status.entry(key).or_insert_with(make);
                visit.visit(world, scenario);
            }
        }
    }
}

fn slots((consumers, observers, capacity): (u8, u8, u8), genesis: Option<Sequence>) -> slots::Scenario<'static> {
    use slots::Op;
    let lengths = |op: fn(u8) -> Op| (0..=capacity).map(op);
    let produces = lengths(Op::Publish).chain(lengths(Op::PublishInPlace)).chain(lengths(Op::AbandonLoan));
    let mut processes = vec![leak(produces.chain([Op::ReadLast]))];
    processes.extend((0..consumers).map(|_| &[Op::Acquire, Op::Reread, Op::Release, Op::Newest][..]));
    processes.extend((0..observers).map(|_| &[Op::Peek][..]));
    let scenario = slots::Scenario::new(processes.leak(), consumers, capacity.into());
    slots::Scenario { genesis, ..scenario }
}

fn ready(capacity: u8, genesis: Option<Sequence>) -> ready::Scenario<'static> {
    use ready::Op;
    let sends = (0..=capacity).map(Op::Send).chain((0..=capacity).map(Op::TrySend));
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

/// The world that it is for refers to it for ever.
fn leak<T>(items: impl Iterator<Item = T>) -> &'static [T] {
    items.collect::<Vec<_>>().leak()
}

#[cfg(not(feature = "seeded-bug"))]
fn planted() -> Option<Change> {
    None
}

/// The planted bug: a consumer's announcement is a plain store on x86-64, and may still be in its buffer when it looks
/// whether what it announced is the newest message still.
#[cfg(feature = "seeded-bug")]
fn planted() -> Option<Change> {
    use lastword_protocol::memory::Ordering;
    use lastword_protocol::model::variant::Part;
    use lastword_protocol::slots::site;
    Some(Change::Weaken { site: site::ANNOUNCE, part: Part::Order, to: Ordering::Release })
}
