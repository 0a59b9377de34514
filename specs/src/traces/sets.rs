//! Which executions are checked.

use super::check::{Set, Which};
use super::slots::MESSAGE_LENGTH;
use super::subject::Options;
use lastword_protocol::model::slots;
use slots::Op::{Acquire, Newest, Peek, Publish, ReadLast, Release, Reread, Sleep};

const ONE: slots::Op = Publish(MESSAGE_LENGTH);
const TWO: &[slots::Op] = &[ONE, ONE];
const SIX: &[slots::Op] = &[ONE, ONE, ONE, ONE, ONE, ONE];
const MIXED: &[slots::Op] = &[ReadLast, ONE, ReadLast, ONE, ONE, ReadLast, ONE];
const READS: &[slots::Op] = &[Newest, Acquire, Reread, Release, Newest, Acquire, Acquire, Newest, Release];
const ACQUIRES: &[slots::Op] = &[Acquire, Acquire, Acquire];
const SLEEPS: &[slots::Op] = &[Sleep, Acquire, Sleep, Acquire, Sleep, Release, Sleep, Acquire, Newest, Sleep, Acquire];
const PEEKS: &[slots::Op] = &[Peek, Peek, Peek];

type Slots = slots::Scenario<'static>;

const fn of(processes: &'static [&'static [slots::Op]], consumers: u8) -> Slots {
    slots::Scenario::new(processes, consumers, MESSAGE_LENGTH as usize)
}

const fn random(name: &'static str, scenarios: &'static [Slots], kills: u8, executions: u64) -> Set<Slots> {
    let which = Which::Random { executions, quick: executions / 10 };
    Set { name, scenarios, kills, which, options: Options::STRICT }
}

/// The executions of `slots`.
pub const SLOTS: &[Set<Slots>] = &[
    Set { name: "one, every", scenarios: &[of(&[TWO, &[Acquire]], 1)], kills: 1, which: Which::Every, options: Options::STRICT },
    random("one", &[of(&[SIX, READS], 1), of(&[MIXED, ACQUIRES], 1)], 3, 1000),
    random("two", &[of(&[SIX, READS, ACQUIRES], 2), of(&[MIXED, ACQUIRES, READS], 2)], 3, 1000),
    random("two, no kills", &[of(&[SIX, READS, READS], 2)], 0, 500),
    random("three", &[of(&[SIX, READS, ACQUIRES, ACQUIRES], 3)], 4, 500),
    random("one sleeps", &[of(&[SIX, SLEEPS], 1), of(&[TWO, SLEEPS], 1)], 3, 500),
    random("two sleep", &[of(&[SIX, SLEEPS, SLEEPS], 2), of(&[MIXED, SLEEPS, SLEEPS], 2)], 3, 1000),
    random("one observed", &[of(&[SIX, READS, PEEKS], 1), of(&[SIX, &[], PEEKS], 1)], 3, 1000),
    random("everything", &[of(&[SIX, SLEEPS, READS, PEEKS, PEEKS], 2)], 4, 500),
    Set {
        name: "any order",
        scenarios: &[of(&[SIX, READS, SLEEPS, PEEKS], 2)],
        kills: 3,
        which: Which::Random { executions: 500, quick: 50 },
        options: Options::ANY_ORDER,
    },
];
