//! Which executions are checked.

use super::check::{Set, Which};
use super::slots::MESSAGE_LENGTH;
use super::subject::Options;
use lastword_protocol::model::{ready, slots, status};
use lastword_protocol::sequence::Sequence;
use lastword_sim::memory::Model;
use ready::Op::{
    AbandonLoan, Receive, Send, SleepAndReceive, SleepAndSend, TryReceive, TryReceiveAndClear, TrySend, TrySendInPlace,
};
use slots::Op::{Acquire, Newest, Peek, Publish, ReadLast, Release, Reread, Sleep};
use status::Op::{Get, Set as Put};

const ONE: slots::Op = Publish(MESSAGE_LENGTH);
const TWO: &[slots::Op] = &[ONE, ONE];
const SIX: &[slots::Op] = &[ONE, ONE, ONE, ONE, ONE, ONE];
const TWELVE: &[slots::Op] = &[ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE];
const MIXED: &[slots::Op] = &[ReadLast, ONE, ReadLast, ONE, ONE, ReadLast, ONE];
const READS: &[slots::Op] = &[Newest, Acquire, Reread, Release, Newest, Acquire, Acquire, Newest, Release];
const ACQUIRES: &[slots::Op] = &[Acquire, Acquire, Acquire];
const SLEEPS: &[slots::Op] = &[Sleep, Acquire, Sleep, Acquire, Sleep, Release, Sleep, Acquire, Newest, Sleep, Acquire];
const CROWDS: &[slots::Op] = &[Acquire, Acquire, Release, Acquire, Acquire, Release, Acquire, Acquire, Acquire, Sleep];
const PEEKS: &[slots::Op] = &[Peek, Peek, Peek];

type Slots = slots::Scenario<'static>;

const fn of(processes: &'static [&'static [slots::Op]], consumers: u8) -> Slots {
    slots::Scenario::new(processes, consumers, MESSAGE_LENGTH as usize)
}

const fn random<S>(
    name: &'static str,
    scenarios: &'static [(S, u8)],
    executions: u64,
    quick: u64,
    options: Options,
) -> Set<S> {
    Set { name, scenarios, which: Which::Random { executions, quick }, options, model: Model::Sc }
}

const fn every<S>(name: &'static str, scenarios: &'static [(S, u8)], quick: bool) -> Set<S> {
    Set { name, scenarios, which: Which::Every { quick }, options: Options::STRICT, model: Model::Sc }
}

/// The executions of `slots`: scenarios, each with the number of deaths that there may be.
pub const SLOTS: &[Set<Slots>] = &[
    every("every, one message", &[(of(&[&[ONE], &[Acquire]], 1), 1)], true),
    every("every, two messages", &[(of(&[TWO, &[Acquire]], 1), 1)], false),
    random("one", &[(of(&[SIX, READS], 1), 3), (of(&[MIXED, ACQUIRES], 1), 3)], 500, 60, Options::STRICT),
    random(
        "two",
        &[(of(&[SIX, READS, ACQUIRES], 2), 3), (of(&[MIXED, ACQUIRES, READS], 2), 3), (of(&[SIX, READS, READS], 2), 0)],
        600,
        60,
        Options::STRICT,
    ),
    random("three", &[(of(&[SIX, READS, ACQUIRES, ACQUIRES], 3), 4)], 200, 20, Options::GARBAGE),
    random("one sleeps", &[(of(&[SIX, SLEEPS], 1), 3), (of(&[TWO, SLEEPS], 1), 3)], 250, 40, Options::STRICT),
    random(
        "two sleep",
        &[(of(&[SIX, SLEEPS, SLEEPS], 2), 3), (of(&[MIXED, SLEEPS, SLEEPS], 2), 3)],
        400,
        40,
        Options::STRICT,
    ),
    random(
        "one observed",
        &[(of(&[SIX, READS, PEEKS], 1), 3), (of(&[TWELVE, &[], PEEKS], 1), 2)],
        500,
        100,
        Options::STRICT,
    ),
    random("everything", &[(of(&[SIX, SLEEPS, READS, PEEKS, PEEKS], 2), 4)], 300, 40, Options::STRICT),
    random("any order", &[(of(&[SIX, READS, SLEEPS, PEEKS], 2), 3)], 300, 40, Options::ANY_ORDER),
];

/// What the code is broken in.
pub const SLOTS_BROKEN: Set<Slots> = random(
    "crowded",
    &[(of(&[TWELVE, SLEEPS, PEEKS], 1), 4), (of(&[TWELVE, CROWDS, PEEKS], 1), 4), (of(&[TWO, SLEEPS, PEEKS], 1), 3)],
    0,
    0,
    Options::STRICT,
);

type Ready = ready::Scenario<'static>;

const SENDS: &[ready::Op] = &[Send(16), Send(8), Send(0), Send(16), Send(8)];
const TRIES: &[ready::Op] = &[
    TrySend(16),
    AbandonLoan(16),
    TrySendInPlace(16),
    AbandonLoan(16),
    Send(8),
    TrySendInPlace(16),
    TrySend(0),
    Send(16),
];
const RECEIVES: &[ready::Op] = &[Receive, Receive, Receive, Receive];
const LOOKS: &[ready::Op] =
    &[TryReceive, TryReceiveAndClear, Receive, TryReceive, TryReceive, Receive, TryReceiveAndClear, TryReceiveAndClear];
const SLEEPING_SENDS: &[ready::Op] =
    &[SleepAndSend(16), SleepAndSend(0), TrySend(8), SleepAndSend(8), SleepAndSend(16)];
const SLEEPING_RECEIVES: &[ready::Op] =
    &[SleepAndReceive, SleepAndReceive, TryReceive, SleepAndReceive, SleepAndReceive];

const fn mailbox(processes: &'static [&'static [ready::Op]; 2], genesis: Option<Sequence>) -> Ready {
    ready::Scenario { processes, capacity: 16, genesis }
}

/// The executions of `ready`.
pub const READY: &[Set<Ready>] = &[
    every("every, two messages", &[(mailbox(&[&[Send(16), TrySend(8)], &[Receive, TryReceive]], None), 1)], true),
    random(
        "awake",
        &[
            (mailbox(&[SENDS, RECEIVES], None), 3),
            (mailbox(&[TRIES, LOOKS], None), 4),
            (mailbox(&[SENDS, LOOKS], None), 0),
        ],
        600,
        100,
        Options::STRICT,
    ),
    random("after the last number", &[(mailbox(&[TRIES, LOOKS], Some(Sequence::LAST)), 3)], 250, 40, Options::STRICT),
    random("the writer sleeps", &[(mailbox(&[SLEEPING_SENDS, LOOKS], None), 3)], 300, 40, Options::STRICT),
    random("the reader sleeps", &[(mailbox(&[TRIES, SLEEPING_RECEIVES], None), 3)], 300, 40, Options::STRICT),
    random(
        "both sleep",
        &[
            (mailbox(&[SLEEPING_SENDS, SLEEPING_RECEIVES], None), 4),
            (mailbox(&[SLEEPING_SENDS, SLEEPING_RECEIVES], None), 0),
        ],
        500,
        60,
        Options::STRICT,
    ),
];

/// What the code is broken in.
pub const READY_BROKEN: Set<Ready> =
    random("both sleep", &[(mailbox(&[SLEEPING_SENDS, SLEEPING_RECEIVES], None), 3)], 0, 0, Options::STRICT);

type Status = status::Scenario<'static>;

const SETS: &[status::Op] = &[Put(0), Put(1), Put(1), Put(0), Put(1), Put(0)];
const GETS: &[status::Op] = &[Get(1), Get(0), Get(1), Get(1), Get(0), Get(1)];

const fn board(processes: &'static [&'static [status::Op]], words: u16) -> Status {
    status::Scenario { processes, words }
}

/// The executions of `status`, of a memory with store buffers.
pub const STATUS: &[Set<Status>] = &[
    Set {
        model: Model::Tso,
        ..every("every, two values", &[(board(&[&[Put(0), Put(1)], &[Get(1), Get(0)]], 2), 1)], true)
    },
    Set { model: Model::Tso, ..random("two words", &[(board(&[SETS, GETS, GETS], 2), 3)], 1500, 100, Options::STRICT) },
    Set {
        model: Model::Pso,
        ..random(
            "three words",
            &[(board(&[&[Put(2), Put(0), Put(2), Put(1)], &[Get(2), Get(1), Get(0)]], 3), 3)],
            1000,
            60,
            Options::STRICT,
        )
    },
    Set {
        model: Model::Tso,
        ..random("one word", &[(board(&[&[Put(0), Put(0)], &[Get(0), Get(0)]], 1), 2)], 300, 40, Options::STRICT)
    },
];

/// What the code is broken in.
pub const STATUS_BROKEN: Set<Status> =
    Set { model: Model::Tso, ..random("two words", &[(board(&[SETS, GETS, GETS], 2), 3)], 0, 0, Options::STRICT) };
