//! A process that waits goes on when the word has changed that it waits for.

use lastword_protocol::memory::{Kind, Memory, Numbering, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Scenario, Violation};
use lastword_sim::exhaustive::{Gauge, shortest};
use lastword_sim::memory::Model;
use lastword_sim::world::{Setting, World};
use std::fmt;

/// Two processes hand one word to each other, by compare-exchanges only.
#[derive(Clone, Copy)]
struct PingPong;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Ball;

impl fmt::Display for Ball {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ball")
    }
}

/// Changes the word from the first value to the second, when it has the first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hit(u64, u64);

static HIT: Site = Site {
    id: 0,
    name: "hit",
    kind: Kind::CompareExchange,
    order: Ordering::AcqRel,
    failure: Ordering::Relaxed,
    weaker_order_is_equivalent: None,
};

#[derive(Clone, Copy)]
struct Table;

impl Numbering for Table {
    type Word = Ball;
    fn words(&self) -> usize {
        1
    }
    fn number(&self, Ball: Ball) -> Option<usize> {
        Some(0)
    }
    fn word(&self, number: usize) -> Option<Ball> {
        (number == 0).then_some(Ball)
    }
    fn areas(&self) -> usize {
        0
    }
    fn area_words(&self) -> usize {
        0
    }
}

impl Scenario for PingPong {
    type Word = Ball;
    type Layout = Table;
    type Event = ();
    type Oracle = ();
    type Op = Hit;
    type Process<M: Memory<Word = Ball>> = M;
    const SITES: &'static [&'static Site] = &[&HIT];

    fn layout(&self) -> Table {
        Table
    }
    fn initial(&self) -> impl Iterator<Item = (Ball, u64)> {
        std::iter::once((Ball, 1))
    }
    fn processes(&self) -> usize {
        2
    }
    fn role(&self, _: usize) -> &'static str {
        "player"
    }
    fn oracle(&self) {}
    fn operations(&self, process: usize) -> &[Hit] {
        if process == 0 { &[Hit(0, 1), Hit(0, 2)] } else { &[Hit(1, 0), Hit(1, 0)] }
    }
    fn judge((): &mut (), (): ()) -> Result<u64, Violation> {
        Ok(0)
    }
    fn start<M: Memory<Word = Ball>>(&self, _: usize, memory: M, _: &impl Judge<()>) -> Result<M, Violation> {
        Ok(memory)
    }
    fn perform<M: Memory<Word = Ball>>(
        memory: &mut M,
        Hit(from, to): Hit,
        _: &impl Judge<()>,
    ) -> Result<Progress, Violation> {
        Ok(memory.compare_exchange(Ball, from, to, &HIT).map_or(Progress::Blocked, |_| Progress::Done))
    }
    fn carried<M: Memory<Word = Ball>>(_: &M) -> [u64; 2] {
        [0; 2]
    }
    fn check_write(&self, _: usize, _: &dyn Fn(Ball) -> u64) -> Result<(), Violation> {
        Ok(())
    }
}

#[test]
fn who_fails_to_exchange_a_word_waits_until_that_word_changes() {
    for model in [Model::Sc, Model::Tso, Model::Pso, Model::Weak] {
        let mut world = World::new(&PingPong, &Setting::new(model, 0)).unwrap();
        let found = shortest(&mut world, 1000, &Gauge::default());
        assert!(found.is_none(), "{model:?}: {found:?}");
    }
}
