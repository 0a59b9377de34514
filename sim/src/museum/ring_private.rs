//! A ring whose producer keeps its index to itself.

use super::design::{Actor, Design, Part, Staged, site};
use super::ring::{Event, Op, Ring};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "ring-private-index",
    title: "A ring whose producer keeps its index to itself",
    models: "shmem-ipc 0.3.0 (https://github.com/diwic/shmem-ipc, src/ringbuf.rs): shared memory has the number of \
             messages in the ring, and sender and receiver keep their positions in private memory; `attach` begins at \
             0. Modelled are the count, both positions and a ring of two slots. Not modelled: signals, and messages of \
             several elements. `attach` is documented to assume a ring that is set up, and nothing of a process that \
             had attached before and died.",
    why: "The position is part of the ring's state, and dies with the process that has it. A producer that is started \
          again begins at slot 0, while the count still says that a message is waiting there: it overwrites it. From \
          then on the consumer reads slots in an order that nobody wrote them in. The repaired variant keeps the index \
          in shared memory, where a successor finds it. In lastword all that a successor needs is in shared memory, \
          and each protocol says what it makes of it.",
    show: |gauge| shortest_failure(&Staged(Private), Model::Sc, 1, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Ring::repaired(SLOTS)), Model::Sc, 2, gauge)),
};

/// How many slots the ring has.
const SLOTS: u64 = 2;

#[derive(Clone, Copy, Debug)]
struct Private;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Count,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("count")
    }
}

const SEND_COUNT: &Site = &site(0, "send.count", Kind::Load, Ordering::Acquire);
const SEND_PAYLOAD: &Site = &site(1, "send.payload", Kind::Write, Ordering::Relaxed);
const SEND_ADD: &Site = &site(2, "send.add", Kind::CompareExchange, Ordering::AcqRel);
const RECEIVE_COUNT: &Site = &site(3, "receive.count", Kind::Load, Ordering::Acquire);
const RECEIVE_PAYLOAD: &Site = &site(4, "receive.payload", Kind::RacyRead, Ordering::Relaxed);
const RECEIVE_SUBTRACT: &Site = &site(5, "receive.subtract", Kind::CompareExchange, Ordering::AcqRel);

impl Design for Private {
    type Word = Word;
    type Event = Event;
    /// The last message that was received.
    type Oracle = u64;
    type Op = Op;
    const SITES: &'static [&'static Site] =
        &[SEND_COUNT, SEND_PAYLOAD, SEND_ADD, RECEIVE_COUNT, RECEIVE_PAYLOAD, RECEIVE_SUBTRACT];
    const WORDS: &'static [Word] = &[Word::Count];
    const AREAS: (usize, usize) = (SLOTS as usize, 1);
    // The overwritten slot may be read meanwhile, a data race. What people ask for is the message that is lost.
    const RACY: bool = true;

    fn cast(&self) -> &'static [Part<Op>] {
        &[("producer", &[Op::Send(1), Op::Send(2)]), ("consumer", &[Op::Receive, Op::Receive])]
    }

    fn judge(last: &mut u64, event: Event) -> Result<u64, Violation> {
        Ring::judge(last, event)
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        op: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        match op {
            Op::Send(message) => {
                let count = me.memory.load(Word::Count, SEND_COUNT);
                if count == SLOTS {
                    return Ok(Progress::Blocked);
                }
                me.memory.write_word(me.private as usize, 0, message, SEND_PAYLOAD);
                me.count(Word::Count, count, 1, SEND_ADD);
            }
            Op::Receive => {
                let count = me.memory.load(Word::Count, RECEIVE_COUNT);
                if count == 0 {
                    return Ok(Progress::Blocked);
                }
                let message = me.memory.read_word(me.private as usize, 0, RECEIVE_PAYLOAD);
                judge.tell(Event::Received { message, number: None })?;
                me.count(Word::Count, count, -1, RECEIVE_SUBTRACT);
            }
        }
        me.private = (me.private + 1) % SLOTS;
        Ok(Progress::Done)
    }

    fn show(_: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}
