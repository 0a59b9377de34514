//! A ready flag that is a boolean.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "boolean-ready-flag",
    title: "A ready flag that is a boolean",
    models: "The idiom of one message behind one flag, as it is found in countless programs and in no library in \
             particular: the writer waits until the flag is clear, writes and sets it; the reader waits until it is \
             set, reads and clears it. Modelled whole. A process that was killed is started again, does again what it \
             had not finished, and knows nothing but what is in memory.",
    why: "A death between two steps leaves the flag in a state that has two histories. The reader that died after it \
          had read a message, and before it cleared the flag, is given the message again and takes it for the next \
          one. The writer that died after it set the flag sends its message again. If either decided the other way \
          round, the message would be lost in the other history. The flag has one bit, and the answer does not fit in \
          it. lastword's `ready` puts the message's number beside the flag, in the same word: a repeated message is \
          recognised, and a restarted writer knows which of its messages took effect.",
    show: |gauge| shortest_failure(&Staged(Mailbox { numbered: false }), Model::Sc, 1, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Mailbox { numbered: true }), Model::Sc, 2, gauge)),
};

#[derive(Clone, Copy, Debug)]
struct Mailbox {
    /// The repaired variant: the flag's word has the number of the message that was sent last.
    numbered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Flag,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flag")
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Send(u64),
    Receive,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// The reader has this message, with this number, if it has one.
    Received { message: u64, number: Option<u64> },
}

const LOOK_SEND: &Site = &site(0, "send.flag", Kind::Load, Ordering::Acquire);
const WRITE: &Site = &site(1, "send.payload", Kind::Write, Ordering::Relaxed);
const SET: &Site = &site(2, "send.set", Kind::Store, Ordering::Release);
const LOOK_RECEIVE: &Site = &site(3, "receive.flag", Kind::Load, Ordering::Acquire);
const READ: &Site = &site(4, "receive.payload", Kind::Read, Ordering::Relaxed);
const CLEAR: &Site = &site(5, "receive.clear", Kind::Store, Ordering::Release);

/// The flag is the lowest bit, the number is above it.
const IS_SET: u64 = 1;

impl Design for Mailbox {
    type Word = Word;
    type Event = Event;
    /// The last message that was received.
    type Oracle = u64;
    type Op = Op;
    const SITES: &'static [&'static Site] = &[LOOK_SEND, WRITE, SET, LOOK_RECEIVE, READ, CLEAR];
    const WORDS: &'static [Word] = &[Word::Flag];
    const AREAS: (usize, usize) = (1, 1);

    fn cast(&self) -> &'static [Part<Op>] {
        &[("writer", &[Op::Send(1), Op::Send(2)]), ("reader", &[Op::Receive, Op::Receive])]
    }

    fn judge(last: &mut u64, Event::Received { message, number }: Event) -> Result<u64, Violation> {
        // Who is told a number, and knows it, drops the message.
        let recognised = number.is_some_and(|number| number == *last && message == number);
        if !recognised && message != *last + 1 {
            let promise = "every message arrives once and in order, or is recognised as a repetition (message)";
            return Err(Violation::new(promise, message, *last + 1));
        }
        *last = message;
        Ok(0)
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        op: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        let numbered = me.design.numbered;
        match op {
            Op::Send(message) => {
                let flag = me.memory.load(Word::Flag, LOOK_SEND);
                if numbered && flag >> 1 >= message {
                    // It took effect before the death.
                    return Ok(Progress::Done);
                }
                if flag & IS_SET != 0 {
                    return Ok(Progress::Blocked);
                }
                me.memory.write_word(0, 0, message, WRITE);
                let number = if numbered { message << 1 } else { 0 };
                me.memory.store(Word::Flag, number | IS_SET, SET);
            }
            Op::Receive => {
                let flag = me.memory.load(Word::Flag, LOOK_RECEIVE);
                if flag & IS_SET == 0 {
                    return Ok(Progress::Blocked);
                }
                let message = me.memory.read_word(0, 0, READ);
                judge.tell(Event::Received { message, number: numbered.then_some(flag >> 1) })?;
                me.memory.store(Word::Flag, flag & !IS_SET, CLEAR);
            }
        }
        Ok(Progress::Done)
    }

    fn show(_: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = if value & IS_SET == 0 { "clear" } else { "set" };
        if value >> 1 == 0 { f.write_str(flag) } else { write!(f, "{} {flag}", value >> 1) }
    }
}
