//! A status struct that is read word by word.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "dirty-status-struct",
    title: "A status struct that monitors read word by word",
    models: "The idiom of a struct of counters in shared memory that a server writes and monitors map and read, a \
             \"dirty read\": no library in particular. Modelled are two words that the server keeps equal between its \
             updates, and a monitor that reads each of them once.",
    why: "Each word is whole, the struct is not: a monitor that reads between two stores of one update sees one word \
          of the new state and one of the old, which is a state that the server never was in. No death is needed, and \
          a death in the middle of an update leaves that state for good. lastword's `status` promises each word by \
          itself and says that a board is not a snapshot; who needs one publishes the struct through `slots`. Two \
          values that fit in one word can share it, as in the repaired variant.",
    show: |gauge| shortest_failure(&Staged(Status { packed: false }), Model::Sc, 1, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Status { packed: true }), Model::Sc, 2, gauge)),
};

#[derive(Clone, Copy, Debug)]
struct Status {
    /// The repaired variant: both values are in one word.
    packed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Opened,
    Closed,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Word::Opened { "opened" } else { "closed" })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    /// The server has opened and closed so many connections.
    Set(u64),
    Look,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// What the monitor saw.
    Saw { opened: u64, closed: u64 },
}

const SET_OPENED: &Site = &site(0, "set.opened", Kind::Store, Ordering::Release);
const SET_CLOSED: &Site = &site(1, "set.closed", Kind::Store, Ordering::Release);
const LOOK_OPENED: &Site = &site(2, "look.opened", Kind::Load, Ordering::Acquire);
const LOOK_CLOSED: &Site = &site(3, "look.closed", Kind::Load, Ordering::Acquire);

impl Design for Status {
    type Word = Word;
    type Event = Event;
    type Oracle = ();
    type Op = Op;
    const SITES: &'static [&'static Site] = &[SET_OPENED, SET_CLOSED, LOOK_OPENED, LOOK_CLOSED];
    const WORDS: &'static [Word] = &[Word::Opened, Word::Closed];

    fn cast(&self) -> &'static [Part<Op>] {
        &[("server", &[Op::Set(1)]), ("monitor", &[Op::Look])]
    }

    fn judge((): &mut (), Event::Saw { opened, closed }: Event) -> Result<u64, Violation> {
        if opened == closed {
            Ok(0)
        } else {
            Err(Violation::new("a snapshot is of one moment (its second word, its first word)", closed, opened))
        }
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        op: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        let packed = me.design.packed;
        match op {
            Op::Set(count) if packed => me.memory.store(Word::Opened, count << 32 | count, SET_OPENED),
            Op::Set(count) => {
                me.memory.store(Word::Opened, count, SET_OPENED);
                me.memory.store(Word::Closed, count, SET_CLOSED);
            }
            Op::Look => {
                let opened = me.memory.load(Word::Opened, LOOK_OPENED);
                let (opened, closed) = if packed {
                    (opened >> 32, opened & u64::from(u32::MAX))
                } else {
                    (opened, me.memory.load(Word::Closed, LOOK_CLOSED))
                };
                judge.tell(Event::Saw { opened, closed })?;
            }
        }
        Ok(Progress::Done)
    }

    fn show(_: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}
