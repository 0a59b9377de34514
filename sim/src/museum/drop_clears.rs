//! A flag that only `Drop` clears.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "flag-only-drop-clears",
    title: "A role behind a flag that only Drop clears",
    models: "The producer flag of iceoryx2 0.10.0's blackboard entries \
             (iceoryx2-bb/lock-free/src/spmc/unrestricted_atomic.rs): a writer's handle to an entry is taken by \
             compare-exchange of a boolean in shared memory, and given up by Drop. Reported as \
             https://github.com/eclipse-iceoryx/iceoryx2/issues/2008, open when this was written. Modelled is the \
             flag, and one process that takes it when it starts (trying twice; iceoryx2 tries once and says \
             HandleAlreadyExists), with orderings that are stronger than its own, which are Relaxed. Not modelled: the \
             entry's two cells, and iceoryx2's removal of dead nodes, which frees the writer's port and leaves the \
             flag. The flag goes when the whole service goes.",
    why: "SIGKILL runs no Drop. The flag says that the role is taken, and nobody is left to give it up: whoever \
          restarts the process gets an error for as long as the memory lives. A destructor is a courtesy, not a \
          protocol. The repaired variant stores who has the role, so that a successor recognises its predecessor. In \
          lastword a role is a lock of the kernel on a byte of the object, which ends with the process however that \
          ends; no protocol reads from memory that a role is taken.",
    show: |gauge| shortest_failure(&Staged(Role { names_holder: false }), Model::Sc, 1, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Role { names_holder: true }), Model::Sc, 2, gauge)),
};

#[derive(Clone, Copy, Debug)]
struct Role {
    /// The repaired variant: the word says who has the role.
    names_holder: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Producer,
    Value,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Word::Producer { "producer" } else { "value" })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Update(u64),
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// The process tried this many times to take its role.
    Refused(u64),
}

/// How often a process tries to take its role.
const ATTEMPTS: u64 = 2;
/// The flag of a role that is taken, by process 0 if it matters.
const TAKEN: u64 = 1;

const TAKE: &Site = &site(0, "start.take", Kind::CompareExchange, Ordering::AcqRel);
const UPDATE: &Site = &site(1, "update.value", Kind::Store, Ordering::Release);
const GIVE: &Site = &site(2, "drop.give", Kind::Store, Ordering::Release);

impl Design for Role {
    type Word = Word;
    type Event = Event;
    type Oracle = ();
    type Op = Op;
    const SITES: &'static [&'static Site] = &[TAKE, UPDATE, GIVE];
    const WORDS: &'static [Word] = &[Word::Producer, Word::Value];

    fn cast(&self) -> &'static [Part<Op>] {
        &[("producer", &[Op::Update(1), Op::Drop])]
    }

    fn judge((): &mut (), Event::Refused(attempts): Event) -> Result<u64, Violation> {
        // There is one process for this role, and it is the one that asks.
        Err(Violation::new("a restarted process gets its role back (attempts, at most)", attempts, ATTEMPTS - 1))
    }

    fn start<M: Memory<Word = Word>>(me: &mut Actor<Self, M>, judge: &impl Judge<Event>) -> Result<(), Violation> {
        for _ in 0..ATTEMPTS {
            match me.memory.compare_exchange(Word::Producer, 0, TAKEN, TAKE) {
                Ok(_) => return Ok(()),
                Err(found) if me.design.names_holder && found == TAKEN => return Ok(()),
                Err(_) => {}
            }
        }
        judge.tell(Event::Refused(ATTEMPTS)).map(drop)
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        op: Op,
        _: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        match op {
            Op::Update(value) => me.memory.store(Word::Value, value, UPDATE),
            Op::Drop => me.memory.store(Word::Producer, 0, GIVE),
        }
        Ok(Progress::Done)
    }

    fn show(word: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (word, value) {
            (Word::Producer, 0) => f.write_str("free"),
            (Word::Producer, _) => f.write_str("taken"),
            (Word::Value, _) => write!(f, "{value}"),
        }
    }
}
