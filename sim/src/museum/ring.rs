//! A ring whose producer claims a slot before it fills it.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "ring-index-before-payload",
    title: "A ring whose producer claims a slot first and fills it then",
    models: "Rings with several producers: the index is moved by compare-exchange, then the payload is written, then \
             the slot is marked as full. So do Agrona's ManyToOneRingBuffer (https://github.com/real-logic/agrona), \
             which has an operation `unblock` for a producer that died in between, D. Vyukov's bounded queue and many \
             others. Modelled are the claim, the mark and one producer over a ring of one slot; a ring of n slots \
             takes n - 1 messages more. Not modelled: `unblock`, which somebody has to call after a timeout, for a \
             producer that may be only slow.",
    why: "The claim is visible before the message is, and only the producer that made it can fill it. Its successor \
          claims the next slot; the consumer waits at the first one, for ever, and soon the ring is full. What was \
          claimed does not say by whom, so nobody can take it over, or know that it may be skipped. The repaired \
          variant has one producer, which fills the slot first and moves the index then, so that a death before that \
          leaves nothing. lastword's `ready` and `slots` publish like that, with one store that comes last.",
    show: |gauge| shortest_failure(&Staged(Ring { index: Index::BeforePayload, slots: 1 }), Model::Sc, 1, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Ring::repaired(1)), Model::Sc, 2, gauge)),
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Index {
    /// The slot is claimed, filled, and marked.
    BeforePayload,
    /// The repaired variant: the slot is filled, then the index is moved, and it is the last message's number.
    AfterPayload,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    index: Index,
    slots: u64,
}

impl Ring {
    /// The repaired variant.
    pub(super) const fn repaired(slots: u64) -> Self {
        Self { index: Index::AfterPayload, slots }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word {
    /// How many messages the producer has claimed, or sent.
    Tail,
    /// How many messages the consumer has taken.
    Head,
    /// Whether the slot is full.
    Full,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Word::Tail => "tail",
            Word::Head => "head",
            Word::Full => "full[0]",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op {
    Send(u64),
    Receive,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Event {
    /// The consumer has this message, with this number, if it has one.
    Received { message: u64, number: Option<u64> },
}

const SEND_TAIL: &Site = &site(0, "send.tail", Kind::Load, Ordering::Acquire);
const SEND_HEAD: &Site = &site(1, "send.head", Kind::Load, Ordering::Acquire);
const SEND_CLAIM: &Site = &site(2, "send.claim", Kind::CompareExchange, Ordering::AcqRel);
const SEND_PAYLOAD: &Site = &site(3, "send.payload", Kind::Write, Ordering::Relaxed);
const SEND_MARK: &Site = &site(4, "send.mark", Kind::Store, Ordering::Release);
const SEND_PUBLISH: &Site = &site(5, "send.publish", Kind::Store, Ordering::Release);
const RECEIVE_HEAD: &Site = &site(6, "receive.head", Kind::Load, Ordering::Relaxed);
const RECEIVE_LOOK: &Site = &site(7, "receive.look", Kind::Load, Ordering::Acquire);
const RECEIVE_PAYLOAD: &Site = &site(8, "receive.payload", Kind::Read, Ordering::Relaxed);
const RECEIVE_CLEAR: &Site = &site(9, "receive.clear", Kind::Store, Ordering::Release);
const RECEIVE_TAKE: &Site = &site(10, "receive.take", Kind::Store, Ordering::Release);

impl Design for Ring {
    type Word = Word;
    type Event = Event;
    /// The last message that was received.
    type Oracle = u64;
    type Op = Op;
    const SITES: &'static [&'static Site] = &[
        SEND_TAIL,
        SEND_HEAD,
        SEND_CLAIM,
        SEND_PAYLOAD,
        SEND_MARK,
        SEND_PUBLISH,
        RECEIVE_HEAD,
        RECEIVE_LOOK,
        RECEIVE_PAYLOAD,
        RECEIVE_CLEAR,
        RECEIVE_TAKE,
    ];
    const WORDS: &'static [Word] = &[Word::Tail, Word::Head, Word::Full];
    const AREAS: (usize, usize) = (2, 1);

    fn cast(&self) -> &'static [Part<Op>] {
        &[("producer", &[Op::Send(1), Op::Send(2)]), ("consumer", &[Op::Receive, Op::Receive])]
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
        match (op, me.design.index) {
            (Op::Send(message), Index::BeforePayload) => Ok(claim_and_send(me, message)),
            (Op::Send(message), Index::AfterPayload) => Ok(send_and_publish(me, message)),
            (Op::Receive, _) => receive(me, judge),
        }
    }

    fn show(word: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (word, value) {
            (Word::Full, 0) => f.write_str("empty"),
            (Word::Full, _) => f.write_str("full"),
            _ => write!(f, "{value}"),
        }
    }
}

fn claim_and_send<M: Memory<Word = Word>>(me: &Actor<Ring, M>, message: u64) -> Progress {
    let mut claimed = false;
    while !claimed {
        let tail = me.memory.load(Word::Tail, SEND_TAIL);
        if tail - me.memory.load(Word::Head, SEND_HEAD) == me.design.slots {
            return Progress::Blocked;
        }
        claimed = me.memory.compare_exchange(Word::Tail, tail, tail + 1, SEND_CLAIM).is_ok();
    }
    me.memory.write_word(0, 0, message, SEND_PAYLOAD);
    me.memory.store(Word::Full, 1, SEND_MARK);
    Progress::Done
}

fn send_and_publish<M: Memory<Word = Word>>(me: &Actor<Ring, M>, message: u64) -> Progress {
    let tail = me.memory.load(Word::Tail, SEND_TAIL);
    if tail >= message {
        // It took effect before the death.
        return Progress::Done;
    }
    if tail - me.memory.load(Word::Head, SEND_HEAD) == me.design.slots {
        return Progress::Blocked;
    }
    me.memory.write_word((tail % me.design.slots) as usize, 0, message, SEND_PAYLOAD);
    me.memory.store(Word::Tail, tail + 1, SEND_PUBLISH);
    Progress::Done
}

fn receive<M: Memory<Word = Word>>(me: &Actor<Ring, M>, judge: &impl Judge<Event>) -> Result<Progress, Violation> {
    let head = me.memory.load(Word::Head, RECEIVE_HEAD);
    let claims = me.design.index == Index::BeforePayload;
    let there = if claims {
        me.memory.load(Word::Full, RECEIVE_LOOK) != 0
    } else {
        me.memory.load(Word::Tail, RECEIVE_LOOK) > head
    };
    if !there {
        return Ok(Progress::Blocked);
    }
    let message = me.memory.read_word((head % me.design.slots) as usize, 0, RECEIVE_PAYLOAD);
    judge.tell(Event::Received { message, number: (!claims).then_some(head + 1) })?;
    if claims {
        me.memory.store(Word::Full, 0, RECEIVE_CLEAR);
    }
    me.memory.store(Word::Head, head + 1, RECEIVE_TAKE);
    Ok(Progress::Done)
}
