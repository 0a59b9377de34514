//! Creation in two steps.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "two-step-creation",
    title: "Creation in two steps, of which nobody reclaims the middle",
    models: "Whoever comes first creates the object, then sizes and initialises it; the others wait until it is ready. \
             Boost.Interprocess opens managed segments so, and yields for as long as their first word says \
             UninitializedSegment or InitializingSegment (detail/managed_open_or_create_impl.hpp at commit 02a7e7e). \
             iceoryx2 waits up to a timeout and reports HangsInCreation, whose documentation names a process that \
             crashed in between as a cause. Modelled is one word with three states, in the place of a file that is \
             absent, empty or complete, and what the object contains as another word. Files, names and timeouts are \
             not modelled.",
    why: "\"Creating\" is a state that only its creator leaves, and it does not say who that is. A creator that dies \
          in it leaves an object that exists and will never be ready. Everybody waits, its own successor too; a \
          timeout turns waiting into an error, and then somebody has to remove the object by hand. The repaired \
          variant builds the object where nobody looks, and makes it visible when it is complete, in one step. \
          lastword's `creation` has a state for every step that a creator can die at, and a lock of the kernel, which \
          ends with the creator, is the right to clean up after it.",
    show: |gauge| shortest_failure(&Staged(Creation { in_one_step: false }), Model::Sc, 1, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Creation { in_one_step: true }), Model::Sc, 2, gauge)),
};

#[derive(Clone, Copy, Debug)]
struct Creation {
    /// The repaired variant: what becomes visible is complete.
    in_one_step: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    State,
    /// What the object contains that this process creates.
    Contents(u8),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::State => f.write_str("object"),
            Word::Contents(creator) => write!(f, "contents[{creator}]"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    OpenOrCreate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// A process has opened the object, and found these contents.
    Opened(u64),
}

const ABSENT: u64 = 0;
const CREATING: u64 = 1;
/// Ready, and created by process 0; the others follow.
const READY: u64 = 2;
const INITIALISED: u64 = 1;

const LOOK: &Site = &site(0, "open.look", Kind::Load, Ordering::Acquire);
const CREATE: &Site = &site(1, "create.create", Kind::CompareExchange, Ordering::AcqRel);
const INITIALISE: &Site = &site(2, "create.initialise", Kind::Store, Ordering::Relaxed);
const COMPLETE: &Site = &site(3, "create.complete", Kind::Store, Ordering::Release);
const USE: &Site = &site(4, "open.contents", Kind::Load, Ordering::Relaxed);

impl Design for Creation {
    type Word = Word;
    type Event = Event;
    type Oracle = ();
    type Op = Op;
    const SITES: &'static [&'static Site] = &[LOOK, CREATE, INITIALISE, COMPLETE, USE];
    const WORDS: &'static [Word] = &[Word::State, Word::Contents(0), Word::Contents(1)];

    fn cast(&self) -> &'static [Part<Op>] {
        &[("process 0", &[Op::OpenOrCreate]), ("process 1", &[Op::OpenOrCreate])]
    }

    fn judge((): &mut (), Event::Opened(contents): Event) -> Result<u64, Violation> {
        if contents == INITIALISED {
            Ok(0)
        } else {
            Err(Violation::new("what is opened has been initialised", contents, INITIALISED))
        }
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        Op::OpenOrCreate: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        let mine = me.number as u8;
        let ready = READY + u64::from(mine);
        loop {
            match me.memory.load(Word::State, LOOK) {
                // Where the compare-exchange fails, another process came first; what this one has built, nobody sees.
                ABSENT if me.design.in_one_step => {
                    me.memory.store(Word::Contents(mine), INITIALISED, INITIALISE);
                    let _ = me.memory.compare_exchange(Word::State, ABSENT, ready, CREATE);
                }
                ABSENT => {
                    if me.memory.compare_exchange(Word::State, ABSENT, CREATING, CREATE).is_ok() {
                        me.memory.store(Word::Contents(mine), INITIALISED, INITIALISE);
                        me.memory.store(Word::State, ready, COMPLETE);
                    }
                }
                CREATING => return Ok(Progress::Blocked),
                ready => {
                    let creator = (ready - READY) as u8;
                    judge.tell(Event::Opened(me.memory.load(Word::Contents(creator), USE)))?;
                    return Ok(Progress::Done);
                }
            }
        }
    }

    fn show(word: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (word, value) {
            (Word::State, ABSENT) => f.write_str("absent"),
            (Word::State, CREATING) => f.write_str("creating"),
            (Word::State, _) => f.write_str("ready"),
            (Word::Contents(_), 0) => f.write_str("nothing"),
            (Word::Contents(_), _) => f.write_str("initialised"),
        }
    }
}
