//! Which executions are checked.

use super::check::{Set, Which};
use super::slots::MESSAGE_LENGTH;
use super::subject::Options;
use lastword_protocol::model::slots;
use slots::Op::{Acquire, Newest, Peek, Publish, ReadLast, Release, Reread, Sleep};

const ONE: slots::Op = Publish(MESSAGE_LENGTH);
const TWO: &[slots::Op] = &[ONE, ONE];
const SIX: &[slots::Op] = &[ONE, ONE, ONE, ONE, ONE, ONE];
const TWELVE: &[slots::Op] = &[ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE];
const MIXED: &[slots::Op] = &[ReadLast, ONE, ReadLast, ONE, ONE, ReadLast, ONE];
const READS: &[slots::Op] = &[Newest, Acquire, Reread, Release, Newest, Acquire, Acquire, Newest, Release];
const ACQUIRES: &[slots::Op] = &[Acquire, Acquire, Acquire];
const SLEEPS: &[slots::Op] = &[Sleep, Acquire, Sleep, Acquire, Sleep, Release, Sleep, Acquire, Newest, Sleep, Acquire];
const PEEKS: &[slots::Op] = &[Peek, Peek, Peek];

type Slots = slots::Scenario<'static>;

const fn of(processes: &'static [&'static [slots::Op]], consumers: u8) -> Slots {
    slots::Scenario::new(processes, consumers, MESSAGE_LENGTH as usize)
}

const fn random(
    name: &'static str,
    scenarios: &'static [(Slots, u8)],
    executions: u64,
    quick: u64,
    options: Options,
) -> Set<Slots> {
    Set { name, scenarios, which: Which::Random { executions, quick }, options }
}

const fn every(name: &'static str, scenarios: &'static [(Slots, u8)], quick: bool) -> Set<Slots> {
    Set { name, scenarios, which: Which::Every { quick }, options: Options::STRICT }
}

/// The executions of `slots`: scenarios, each with the number of deaths that there may be.
pub const SLOTS: &[Set<Slots>] = &[
    every("every, one message", &[(of(&[&[ONE], &[Acquire]], 1), 1)], true),
    every("every, two messages", &[(of(&[TWO, &[Acquire]], 1), 1)], false),
    random("one", &[(of(&[SIX, READS], 1), 3), (of(&[MIXED, ACQUIRES], 1), 3)], 1000, 60, Options::STRICT),
    random(
        "two",
        &[(of(&[SIX, READS, ACQUIRES], 2), 3), (of(&[MIXED, ACQUIRES, READS], 2), 3), (of(&[SIX, READS, READS], 2), 0)],
        1200,
        60,
        Options::STRICT,
    ),
    random("three", &[(of(&[SIX, READS, ACQUIRES, ACQUIRES], 3), 4)], 400, 20, Options::GARBAGE),
    random("one sleeps", &[(of(&[SIX, SLEEPS], 1), 3), (of(&[TWO, SLEEPS], 1), 3)], 500, 40, Options::STRICT),
    random(
        "two sleep",
        &[(of(&[SIX, SLEEPS, SLEEPS], 2), 3), (of(&[MIXED, SLEEPS, SLEEPS], 2), 3)],
        800,
        40,
        Options::STRICT,
    ),
    random(
        "one observed",
        &[(of(&[SIX, READS, PEEKS], 1), 3), (of(&[TWELVE, &[], PEEKS], 1), 2)],
        1000,
        100,
        Options::STRICT,
    ),
    random("everything", &[(of(&[SIX, SLEEPS, READS, PEEKS, PEEKS], 2), 4)], 500, 40, Options::STRICT),
    random("any order", &[(of(&[SIX, READS, SLEEPS, PEEKS], 2), 3)], 500, 40, Options::ANY_ORDER),
];
