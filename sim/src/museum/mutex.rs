//! A mutex whose owner dies.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const PIECE: Piece = Piece {
    name: "mutex-whose-owner-dies",
    title: "A mutex in shared memory whose owner dies",
    models: "A spin lock: a word that is taken by compare-exchange and given up by a store. Modelled whole. A pthread \
             mutex that is PTHREAD_PROCESS_SHARED and not PTHREAD_MUTEX_ROBUST comes to the same end, since POSIX has \
             no one else unlock it; process-sync 0.2.2's SharedMutex makes such a one \
             (https://docs.rs/crate/process-sync/0.2.2/source/src/mutex.rs). Sleeping in the kernel is not modelled: a \
             process that waits is one that tries again when the word has changed.",
    why: "The lock word says that somebody owns the lock, and the owner is the only one who ever clears it. A dead \
          owner clears nothing; its successor does not know that it owned anything, and waits with everybody else for \
          itself. The repaired variant stores who owns the lock, and gives each role to one process at a time, by a \
          lock of the kernel that ends with its holder: a successor finds its own name and goes on. That repairs the \
          lock only. What it protects is half changed, and somebody has to complete it. lastword has no locks: every \
          state that a death can leave is a state of the protocol, which says who leaves it and how.",
    show: |gauge| shortest_failure(&Staged(Mutex { knows_itself: false }), Model::Sc, 1, gauge),
    repaired: Some(|gauge| shortest_failure(&Staged(Mutex { knows_itself: true }), Model::Sc, 2, gauge)),
};

#[derive(Clone, Copy, Debug)]
struct Mutex {
    /// The repaired variant: a process that finds itself to be the owner goes on as such.
    knows_itself: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Lock,
    /// What the lock protects.
    Shared,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Word::Lock { "lock" } else { "shared" })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    /// Locks, works and unlocks.
    Work,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Enters(usize),
    Leaves,
}

const LOOK: &Site = &site(0, "lock.look", Kind::Load, Ordering::Relaxed);
const TAKE: &Site = &site(1, "lock.take", Kind::CompareExchange, Ordering::AcqRel);
const WORK: &Site = &site(2, "inside.work", Kind::Load, Ordering::Relaxed);
const GIVE: &Site = &site(3, "lock.give", Kind::Store, Ordering::Release);

impl Design for Mutex {
    type Word = Word;
    type Event = Event;
    /// Who is inside.
    type Oracle = Option<usize>;
    type Op = Op;
    const SITES: &'static [&'static Site] = &[LOOK, TAKE, WORK, GIVE];
    const WORDS: &'static [Word] = &[Word::Lock, Word::Shared];

    fn cast(&self) -> &'static [Part<Op>] {
        &[("process 0", &[Op::Work]), ("process 1", &[Op::Work])]
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

    fn died(inside: &mut Option<usize>, process: usize) {
        if *inside == Some(process) {
            *inside = None;
        }
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        Op::Work: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        let mine = me.number as u64 + 1;
        loop {
            match me.memory.load(Word::Lock, LOOK) {
                0 if me.memory.compare_exchange(Word::Lock, 0, mine, TAKE).is_ok() => break,
                0 => {}
                found if found == mine && me.design.knows_itself => break,
                _ => return Ok(Progress::Blocked),
            }
        }
        judge.tell(Event::Enters(me.number))?;
        me.memory.load(Word::Shared, WORK);
        judge.tell(Event::Leaves)?;
        me.memory.store(Word::Lock, 0, GIVE);
        Ok(Progress::Done)
    }

    fn show(word: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (word, value.checked_sub(1)) {
            (Word::Shared, _) => write!(f, "{value}"),
            (Word::Lock, None) => f.write_str("free"),
            (Word::Lock, Some(owner)) => write!(f, "locked by {owner}"),
        }
    }
}
