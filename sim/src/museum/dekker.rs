//! Two flags, and stores that are late.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "dekker-with-plain-stores",
    title: "Raise your flag, look at the other's, with plain stores",
    models: "What Dekker's and Peterson's mutual exclusion begin with, and hazard pointers and every \"announce, then \
             look again\": each process stores to its own word and then loads the other's. Modelled is one attempt of \
             each process, which gives up where the other's flag is raised; who goes first then is not modelled. \
             Release and Acquire are plain instructions on x86-64. Searched under total store order, the memory model \
             of that machine.",
    why: "A store waits in its processor's buffer while the load after it is done. Both processes look before either \
          flag can be seen, and both go in. Release and Acquire do not order a store with a later load, and nothing \
          weaker than SeqCst does; under sequential consistency the simulator finds nothing. The repaired variant has \
          SeqCst stores. In lastword's `slots` a consumer announces what it will hold and looks whether that is still \
          the newest, while the producer publishes and looks at what is announced: SeqCst stores, and SeqCst loads.",
    show: |gauge| shortest_failure(&Staged(Flags { seq_cst: false }), Model::Tso, 0, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Flags { seq_cst: true }), Model::Tso, 0, gauge)),
};

/// The plain variant, where it is right.
#[cfg(test)]
fn under_sequential_consistency(gauge: &crate::exhaustive::Gauge) -> super::Exhibit {
    shortest_failure(&Staged(Flags { seq_cst: false }), Model::Sc, 0, gauge)
}

#[derive(Clone, Copy, Debug)]
struct Flags {
    /// The repaired variant.
    seq_cst: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Flag(u8),
    /// What the flags protect.
    Shared,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Flag(process) => write!(f, "flag[{process}]"),
            Word::Shared => f.write_str("shared"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    TryToEnter,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Enters(usize),
    Leaves,
}

const RAISE: &Site = &site(0, "enter.raise", Kind::Store, Ordering::Release);
const RAISE_SEQ_CST: &Site = &site(1, "enter.raise-seq-cst", Kind::Store, Ordering::SeqCst);
const LOOK: &Site = &site(2, "enter.look", Kind::Load, Ordering::SeqCst);
const WORK: &Site = &site(3, "inside.work", Kind::Load, Ordering::Relaxed);
const LOWER: &Site = &site(4, "leave.lower", Kind::Store, Ordering::Release);

impl Design for Flags {
    type Word = Word;
    type Event = Event;
    /// Who is inside.
    type Oracle = Option<usize>;
    type Op = Op;
    const SITES: &'static [&'static Site] = &[RAISE, RAISE_SEQ_CST, LOOK, WORK, LOWER];
    const WORDS: &'static [Word] = &[Word::Flag(0), Word::Flag(1), Word::Shared];

    fn cast(&self) -> &'static [Part<Op>] {
        &[("process 0", &[Op::TryToEnter]), ("process 1", &[Op::TryToEnter])]
    }

    fn judge(inside: &mut Option<usize>, event: Event) -> Result<u64, Violation> {
        match (event, *inside) {
            (Event::Enters(process), Some(other)) => {
                let promise = "one process at a time is inside (who enters, who is inside)";
                Err(Violation::new(promise, process as u64, other as u64))
            }
            (Event::Enters(process), None) => {
                *inside = Some(process);
                Ok(0)
            }
            (Event::Leaves, _) => {
                *inside = None;
                Ok(0)
            }
        }
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        Op::TryToEnter: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        let (mine, other) = (Word::Flag(me.number as u8), Word::Flag(1 - me.number as u8));
        me.memory.store(mine, 1, if me.design.seq_cst { RAISE_SEQ_CST } else { RAISE });
        if me.memory.load(other, LOOK) == 0 {
            judge.tell(Event::Enters(me.number))?;
            me.memory.load(Word::Shared, WORK);
            judge.tell(Event::Leaves)?;
        }
        me.memory.store(mine, 0, LOWER);
        Ok(Progress::Done)
    }

    fn show(word: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (word, value) {
            (Word::Shared, _) => write!(f, "{value}"),
            (Word::Flag(_), 0) => f.write_str("lowered"),
            (Word::Flag(_), _) => f.write_str("raised"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::exhaustive::Gauge;

    #[test]
    fn plain_stores_are_enough_under_sequential_consistency() {
        let exhibit = super::under_sequential_consistency(&Gauge::default());
        assert!(exhibit.complete && exhibit.found.is_none(), "{exhibit:?}");
    }
}
