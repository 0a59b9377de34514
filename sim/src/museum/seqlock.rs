//! A seqlock without fences.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "seqlock-without-fences",
    title: "A seqlock with Release stores and Acquire loads, and no fences",
    models: "The version of the seqlock that looks right: the sequence word is stored with Release and loaded with \
             Acquire, the payload is accessed with Relaxed. H.-J. Boehm takes it apart in \"Can seqlocks get along \
             with programming language memory models?\", MSPC 2012 (https://doi.org/10.1145/2247684.2247688). Modelled \
             whole, with one attempt of the reader, under the weak memory model (C++20 without load buffering).",
    why: "A Release store orders what comes before it, and the payload is written after the first one: the new payload \
          may be seen before the odd sequence number. An Acquire load orders what comes after it, and the payload is \
          read before the second one: the reader may look at the sequence word again too early. On x86-64 the machine \
          does neither, and a compiler may do both; on Arm the machine does too. Under sequential consistency this \
          protocol is right, and the simulator finds nothing: it takes the weak model to see it. The repaired variant \
          has a Release fence after the first store and an Acquire fence before the second load. A death is another \
          matter: a writer that dies while the number is odd stops every reader of a seqlock. lastword's observers \
          read with such fences too, and a death in the middle of a write spoils no slot that they are sent to.",
    show: |gauge| shortest_failure(&Staged(Seqlock { fences: false }), Model::Weak, 0, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Seqlock { fences: true }), Model::Weak, 0, gauge)),
};

/// The published variant, where it is right.
#[cfg(test)]
fn under_sequential_consistency(gauge: &crate::exhaustive::Gauge) -> super::Exhibit {
    shortest_failure(&Staged(Seqlock { fences: false }), Model::Sc, 0, gauge)
}

#[derive(Clone, Copy, Debug)]
struct Seqlock {
    /// The repaired variant.
    fences: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Sequence,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sequence")
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Write(u64),
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// The reader has read these two words, and found that nobody wrote meanwhile.
    Read(u64, u64),
}

const WRITE_LOOK: &Site = &site(0, "write.sequence", Kind::Load, Ordering::Relaxed);
const WRITE_ODD: &Site = &site(1, "write.odd", Kind::Store, Ordering::Release);
const WRITE_FENCE: &Site = &site(2, "write.fence", Kind::Fence, Ordering::Release);
const WRITE_PAYLOAD: &Site = &site(3, "write.payload", Kind::Write, Ordering::Relaxed);
const WRITE_EVEN: &Site = &site(4, "write.even", Kind::Store, Ordering::Release);
const READ_SEQUENCE: &Site = &site(5, "read.sequence", Kind::Load, Ordering::Acquire);
const READ_PAYLOAD: &Site = &site(6, "read.payload", Kind::RacyRead, Ordering::Relaxed);
const READ_FENCE: &Site = &site(7, "read.fence", Kind::Fence, Ordering::Acquire);
const READ_AGAIN: &Site = &site(8, "read.sequence-again", Kind::Load, Ordering::Acquire);

impl Design for Seqlock {
    type Word = Word;
    type Event = Event;
    type Oracle = ();
    type Op = Op;
    const SITES: &'static [&'static Site] = &[
        WRITE_LOOK,
        WRITE_ODD,
        WRITE_FENCE,
        WRITE_PAYLOAD,
        WRITE_EVEN,
        READ_SEQUENCE,
        READ_PAYLOAD,
        READ_FENCE,
        READ_AGAIN,
    ];
    const WORDS: &'static [Word] = &[Word::Sequence];
    const AREAS: (usize, usize) = (1, 2);
    const RACY: bool = true;

    fn cast(&self) -> &'static [Part<Op>] {
        &[("writer", &[Op::Write(1)]), ("reader", &[Op::Read])]
    }

    fn judge((): &mut (), Event::Read(first, second): Event) -> Result<u64, Violation> {
        if first == second {
            Ok(0)
        } else {
            Err(Violation::new("a value is whole (its second word, its first word)", second, first))
        }
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        op: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        match op {
            Op::Write(value) => {
                let sequence = me.memory.load(Word::Sequence, WRITE_LOOK);
                me.memory.store(Word::Sequence, sequence + 1, WRITE_ODD);
                if me.design.fences {
                    me.memory.fence(WRITE_FENCE);
                }
                me.memory.write_word(0, 0, value, WRITE_PAYLOAD);
                me.memory.write_word(0, 1, value, WRITE_PAYLOAD);
                me.memory.store(Word::Sequence, sequence + 2, WRITE_EVEN);
            }
            Op::Read => {
                let sequence = me.memory.load(Word::Sequence, READ_SEQUENCE);
                if !sequence.is_multiple_of(2) {
                    return Ok(Progress::Done);
                }
                let first = me.memory.read_word(0, 0, READ_PAYLOAD);
                let second = me.memory.read_word(0, 1, READ_PAYLOAD);
                if me.design.fences {
                    me.memory.fence(READ_FENCE);
                }
                if me.memory.load(Word::Sequence, READ_AGAIN) == sequence {
                    judge.tell(Event::Read(first, second))?;
                }
            }
        }
        Ok(Progress::Done)
    }

    fn show(_: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}{}", if value.is_multiple_of(2) { "" } else { " (being written)" })
    }
}

#[cfg(test)]
mod tests {
    use crate::exhaustive::Gauge;

    #[test]
    fn the_seqlock_without_fences_is_right_under_sequential_consistency() {
        let exhibit = super::under_sequential_consistency(&Gauge::default());
        assert!(exhibit.complete && exhibit.found.is_none(), "{exhibit:?}");
    }
}
