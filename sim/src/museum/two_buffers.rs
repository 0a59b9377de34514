//! Two buffers, and counts of their readers.

use super::design::{Actor, Design, Part, Staged, site};
use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::memory::{Kind, Memory, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Violation};
use std::fmt;

pub(super) const COUNT_TOO_LATE: Piece = Piece {
    name: "two-buffers-reader-count",
    title: "Two buffers, whose readers count themselves in after they have chosen one",
    models: "The version and the reader counts of mmap-sync 2.0.4's synchronizer \
             (https://github.com/cloudflare/mmap-sync, src/state.rs and src/synchronizer.rs; all accesses SeqCst, as \
             there): a reader loads the version, then adds 1 to the count of the buffer that it names, reads, and \
             subtracts 1; the writer waits until the count of the other buffer is 0, writes that buffer, and switches \
             the version to it. Not modelled: files and their mapping, the length and checksum in the version (it is a \
             plain counter here, whose last bit names the buffer), that nothing is published at first (here 0 is, in \
             buffer 0), the grace period after which the writer sets a count to 0 (by default it sleeps for a second \
             between two looks), and the optional validation by rkyv.",
    why: "The reader never looks at the version again after it has counted itself in. Between its load and its count \
          the writer may publish to the other buffer, find nobody counted on the first one, and begin to write it: the \
          reader reads a buffer that is being written. No process dies. One write has to end and the next to begin \
          within those few instructions of a reader: a stress test hardly ever meets that, and a reader that is \
          stopped there does. The repaired variant loads the version again after counting itself in, and starts over \
          if it changed; as all of this is SeqCst, one of the two sees the other. lastword's `slots` does the same \
          with the lock word: announce, look again, hold.",
    show: |gauge| shortest_failure(&Staged(Buffers::PUBLISHED), Model::Sc, 0, gauge),
    // Without kills: with one it leaks its count, which is the next piece.
    repaired: Some(|gauge| {
        shortest_failure(&Staged(Buffers { looks_again: true, ..Buffers::PUBLISHED }), Model::Sc, 0, gauge)
    }),
};

pub(super) const COUNT_LEAKS: Piece = Piece {
    name: "reader-count-leaks",
    title: "A count of readers, one of which dies",
    models: "Any count of readers in shared memory: mmap-sync 2.0.4's (https://github.com/cloudflare/mmap-sync), a \
             readers-writer lock's, a reference count. Modelled is the scheme of the piece before, with its reader \
             repaired. mmap-sync's writer waits for a grace period, then sets the count to 0; here it waits for ever.",
    why: "A number says how many, not who. A reader that dies between counting itself in and out leaves the count too \
          high, and neither the writer nor the reader's successor can know that: the writer waits for ever. A grace \
          period only chooses the other failure, for a reader that is alive and slow, or stopped, loses its protection \
          when the count is set to 0, and when it is done subtracts 1 from that. The repaired variant gives the reader \
          counts of its own, which its successor clears first. lastword's `slots` has one lock word for each consumer, \
          held by a role that the kernel hands over: a successor finds what was held, and a dead consumer costs one \
          slot, never the producer's progress.",
    show: |gauge| shortest_failure(&Staged(Buffers { looks_again: true, ..Buffers::FOLLOWED }), Model::Sc, 1, gauge),
    repaired: Some(|gauge| {
        let own = Buffers { looks_again: true, own_counts: true, ..Buffers::FOLLOWED };
        shortest_failure(&Staged(own), Model::Sc, 2, gauge)
    }),
};

#[derive(Clone, Copy, Debug)]
struct Buffers {
    /// The reader loads the version again after it has counted itself in.
    looks_again: bool,
    /// The counts are the reader's own: it knows that they are 0 when it begins.
    own_counts: bool,
    /// The reader waits for the last version in the end.
    follows: bool,
}

impl Buffers {
    const PUBLISHED: Self = Self { looks_again: false, own_counts: false, follows: false };
    const FOLLOWED: Self = Self { follows: true, ..Self::PUBLISHED };
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Version,
    Readers(u8),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Version => f.write_str("version"),
            Word::Readers(buffer) => write!(f, "readers[{buffer}]"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    /// The writer publishes this version.
    Write(u64),
    Read,
    /// The reader waits for this version.
    Await(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// The reader has read these two words.
    Read(u64, u64),
}

const WRITE_VERSION: &Site = &site(0, "write.version", Kind::Load, Ordering::SeqCst);
const WRITE_READERS: &Site = &site(1, "write.readers", Kind::Load, Ordering::SeqCst);
const WRITE_PAYLOAD: &Site = &site(2, "write.payload", Kind::Write, Ordering::Relaxed);
const WRITE_SWITCH: &Site = &site(3, "write.switch", Kind::Store, Ordering::SeqCst);
const READ_VERSION: &Site = &site(4, "read.version", Kind::Load, Ordering::SeqCst);
const READ_ENTER: &Site = &site(5, "read.enter", Kind::CompareExchange, Ordering::SeqCst);
const READ_AGAIN: &Site = &site(6, "read.version-again", Kind::Load, Ordering::SeqCst);
const READ_PAYLOAD: &Site = &site(7, "read.payload", Kind::RacyRead, Ordering::Relaxed);
const READ_LEAVE: &Site = &site(8, "read.leave", Kind::CompareExchange, Ordering::SeqCst);
const AWAIT_VERSION: &Site = &site(9, "await.version", Kind::Load, Ordering::SeqCst);
const RECOVER: &Site = &site(10, "recover.readers", Kind::Store, Ordering::SeqCst);

impl Design for Buffers {
    type Word = Word;
    type Event = Event;
    type Oracle = ();
    type Op = Op;
    const SITES: &'static [&'static Site] = &[
        WRITE_VERSION,
        WRITE_READERS,
        WRITE_PAYLOAD,
        WRITE_SWITCH,
        READ_VERSION,
        READ_ENTER,
        READ_AGAIN,
        READ_PAYLOAD,
        READ_LEAVE,
        AWAIT_VERSION,
        RECOVER,
    ];
    const WORDS: &'static [Word] = &[Word::Version, Word::Readers(0), Word::Readers(1)];
    const AREAS: (usize, usize) = (2, 2);
    // That the two accesses are unordered is a data race, and would be found three steps earlier. What comes of it, a
    // torn value, is what people ask for.
    const RACY: bool = true;

    fn cast(&self) -> &'static [Part<Op>] {
        if self.follows {
            &[("writer", &[Op::Write(1), Op::Write(2)]), ("reader", &[Op::Read, Op::Await(2)])]
        } else {
            &[("writer", &[Op::Write(1), Op::Write(2)]), ("reader", &[Op::Read])]
        }
    }

    fn judge((): &mut (), Event::Read(first, second): Event) -> Result<u64, Violation> {
        if first == second {
            Ok(0)
        } else {
            Err(Violation::new("a value is whole (its second word, its first word)", second, first))
        }
    }

    fn start<M: Memory<Word = Word>>(me: &mut Actor<Self, M>, _: &impl Judge<Event>) -> Result<(), Violation> {
        if me.design.own_counts && me.number == 1 {
            me.memory.store(Word::Readers(0), 0, RECOVER);
            me.memory.store(Word::Readers(1), 0, RECOVER);
        }
        Ok(())
    }

    fn perform<M: Memory<Word = Word>>(
        me: &mut Actor<Self, M>,
        op: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        match op {
            Op::Write(version) => {
                let found = me.memory.load(Word::Version, WRITE_VERSION);
                if found >= version {
                    // It took effect before the death.
                    return Ok(Progress::Done);
                }
                let buffer = (found + 1) % 2;
                if me.memory.load(Word::Readers(buffer as u8), WRITE_READERS) != 0 {
                    return Ok(Progress::Blocked);
                }
                me.memory.write_word(buffer as usize, 0, version, WRITE_PAYLOAD);
                me.memory.write_word(buffer as usize, 1, version, WRITE_PAYLOAD);
                me.memory.store(Word::Version, version, WRITE_SWITCH);
            }
            Op::Read => loop {
                let version = me.memory.load(Word::Version, READ_VERSION);
                let buffer = version % 2;
                let readers = Word::Readers(buffer as u8);
                me.count(readers, 0, 1, READ_ENTER);
                let current = !me.design.looks_again || me.memory.load(Word::Version, READ_AGAIN) == version;
                if current {
                    let first = me.memory.read_word(buffer as usize, 0, READ_PAYLOAD);
                    let second = me.memory.read_word(buffer as usize, 1, READ_PAYLOAD);
                    judge.tell(Event::Read(first, second))?;
                }
                me.count(readers, 1, -1, READ_LEAVE);
                if current {
                    break;
                }
            },
            Op::Await(version) => {
                if me.memory.load(Word::Version, AWAIT_VERSION) != version {
                    return Ok(Progress::Blocked);
                }
            }
        }
        Ok(Progress::Done)
    }

    fn show(word: Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match word {
            Word::Version => write!(f, "{value} in buffer {}", value % 2),
            Word::Readers(_) => write!(f, "{value}"),
        }
    }
}
