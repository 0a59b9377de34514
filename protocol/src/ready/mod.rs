//! # `ready`: one message at a time behind a ready flag
//!
//! **Problem.** A writer hands messages to a reader, one at a time, behind a flag. Either may be killed at any
//! instruction and started again. A boolean flag loses count: after a death nobody can tell which message it was about.
//!
//! **Legal states** of the word `state`, which is the flag and the message's number:
//!
//! | state | meaning | who leaves it | recovery |
//! |---|---|---|---|
//! | (0, clear) | nothing sent yet | writer: (1, set) | writer sends 1 next; reader waits |
//! | (q, set) | message q is out | reader: (q, clear) | writer: q took effect; reader gets q, perhaps again |
//! | (q, clear) | message q was consumed | writer: (q+1, set) | writer: q was consumed; reader waits for q+1 |
//!
//! **Memory.**
//!
//! ```text
//! +-----------------------------+ 0
//! | header, 256 bytes           |
//! +-----------------------------+ 256
//! | state         (8, alone in  |       63 .. 55 | 54 .. 1         | 0
//! |                128 bytes)   |          0     | sequence number | set
//! +-----------------------------+ 384
//! | length        8             |
//! | writer_wait   8             |       63 | 62 .. 0
//! | reader_wait   8             |        1 | the state that the process last went to sleep on; the word 0: never
//! +- - - - - - - - - - - - - - -+ 448
//! | payload, capacity           |
//! +-----------------------------+ 448 + capacity, rounded up to 8
//! ```
//!
//! In the rest of the header's 256 bytes two words for each role say who took it last (its signature) and since when:
//! the writer's at 248 and 240, the reader's at 232 and 224. No protocol reads them.
//!
//! **Invariants.**
//! 1. Length and payload are written only while the flag is clear, and read only while it is set.
//! 2. While the flag is set, length and payload are one whole message.
//! 3. The reader receives 1, 2, 3, ... without a gap. The same message comes twice only if the reader was killed
//!    between receiving and clearing it, and then it has the same number.
//!
//! 4. A process that sleeps although the state has changed is woken: by the process that changed it, or, if that one
//!    died in between, by the next that takes up its role. Until there is one, it sleeps for at most the time it asked
//!    for.
//!
//! **Sleeping.** A process that waits for the other notes in its wait word what the state is, and sleeps on it, which
//! the kernel compares again, for as long as it does not change. Who has changed the state looks at the other's wait
//! word, and wakes it if it sleeps on the state of before. A death leaves nothing to put right: an old wait word is not
//! the state of before.
//!
//! **Who may write what.** The writer: length, payload, its wait word, and `state` from clear to set. The reader: its
//! wait word, and `state` from set to clear.
//!
//! **Orderings.** [`site`].
//!
//! **What a death leaves.** One of the legal states: every step but the two stores to `state` is invisible. A process
//! that dies between its store to `state` and waking the other leaves that one asleep until its successor wakes it.
//!
//! **Checked** with loom, shuttle and proptest (`tests/`), and by the simulator (`lastword-sim`). **Specified** in TLA+
//! (`specs/tla/Ready.tla`), with one action for each [`site`], of the same name.

pub mod site {
    //! The table of `ready`: every access to shared memory, with its ordering.
    use crate::memory::{Kind, Ordering, Site};
    use Ordering::{Acquire, Relaxed, SeqCst};
    /// The writer loads `state`. Acquires the end of the reader's reading, before the payload is written again.
    pub const LOOK: &Site = &Site::load(0, "ready.look", Acquire);
    /// Writes the payload.
    pub const FILL: &Site = &Site::payload(1, "ready.fill", Kind::Write);
    /// Stores the length.
    pub const MEASURE: &Site = &Site::store(2, "ready.measure", Relaxed);
    /// Sets the flag. Releases the message to [`RECEIVE`]; first half of a Dekker pair, whose second is
    /// [`READER_ASLEEP`].
    pub const SEND: &Site = &Site::store(3, "ready.send", SeqCst);
    /// The reader loads `state`. Acquires the message.
    pub const RECEIVE: &Site = &Site::load(4, "ready.receive", Acquire);
    /// Loads the length.
    pub const LENGTH: &Site = &Site::load(5, "ready.length", Relaxed);
    /// Reads the payload.
    pub const READ: &Site = &Site::payload(6, "ready.read", Kind::Read);
    /// Clears the flag. Releases the end of the reading to [`LOOK`]; first half of a Dekker pair, whose second is
    /// [`WRITER_ASLEEP`].
    pub const CLEAR: &Site = &Site::store(7, "ready.clear", SeqCst);
    /// Recovery of the writer: loads `state`, for the number to go on from. Nothing is read on the strength of it.
    pub const WRITER_RECOVER: &Site = &Site::load(8, "ready.writer_recover", Relaxed);
    /// Recovery of the reader: loads `state`, for the number to expect. Nothing is read on the strength of it.
    pub const READER_RECOVER: &Site = &Site::load(9, "ready.reader_recover", Relaxed);

    // Sleeping and waking. Two Dekker pairs: either who changes the state sees that the other sleeps, or that one sees
    // the new state.

    /// The writer has set the flag: loads the reader's wait word.
    pub const READER_ASLEEP: &Site = &Site::load(10, "ready.reader_asleep", SeqCst);
    /// The writer wakes the reader.
    pub const WAKE_READER: &Site = &Site::wake(11, "ready.wake_reader");
    /// The reader has cleared the flag: loads the writer's wait word.
    pub const WRITER_ASLEEP: &Site = &Site::load(12, "ready.writer_asleep", SeqCst);
    /// The reader wakes the writer.
    pub const WAKE_WRITER: &Site = &Site::wake(13, "ready.wake_writer");
    /// The writer loads `state`, to see whether there is anything to sleep for. [`WRITER_SLEEP`] looks again.
    pub const WRITER_LOOK: &Site = &Site::load(14, "ready.writer_look", Relaxed);
    /// The writer notes what it sleeps on. Ordered by [`WRITER_SLEEP`].
    pub const WRITER_DOZE: &Site = &Site::store(15, "ready.writer_doze", Relaxed);
    /// The writer fences, and sleeps on `state`. With [`WRITER_DOZE`] a Dekker pair.
    pub const WRITER_SLEEP: &Site = &Site::wait(16, "ready.writer_sleep", SeqCst);
    /// The reader loads `state`, to see whether there is anything to sleep for. [`READER_SLEEP`] looks again.
    pub const READER_LOOK: &Site = &Site::load(17, "ready.reader_look", Relaxed);
    /// The reader notes what it sleeps on. Ordered by [`READER_SLEEP`].
    pub const READER_DOZE: &Site = &Site::store(18, "ready.reader_doze", Relaxed);
    /// The reader fences, and sleeps on `state`. With [`READER_DOZE`] a Dekker pair.
    pub const READER_SLEEP: &Site = &Site::wait(19, "ready.reader_sleep", SeqCst);
    /// Recovery of the writer: wakes the reader, as the predecessor may have died before it did.
    pub const WRITER_RECOVER_WAKE: &Site = &Site::wake(20, "ready.writer_recover_wake");
    /// Recovery of the reader: wakes the writer, as the predecessor may have died before it did.
    pub const READER_RECOVER_WAKE: &Site = &Site::wake(21, "ready.reader_recover_wake");
    /// The whole table.
    pub const SITES: [&Site; 22] = [
        LOOK,
        FILL,
        MEASURE,
        SEND,
        RECEIVE,
        LENGTH,
        READ,
        CLEAR,
        WRITER_RECOVER,
        READER_RECOVER,
        READER_ASLEEP,
        WAKE_READER,
        WRITER_ASLEEP,
        WAKE_WRITER,
        WRITER_LOOK,
        WRITER_DOZE,
        WRITER_SLEEP,
        READER_LOOK,
        READER_DOZE,
        READER_SLEEP,
        WRITER_RECOVER_WAKE,
        READER_RECOVER_WAKE,
    ];
    const _: () = crate::memory::assert_numbered(&SITES);
}

use crate::header;
use crate::memory::{Memory, Numbering, Site};
pub use crate::sequence::Sequence;
use core::fmt;
use core::time::Duration;

/// Largest capacity of a mailbox, in bytes: 2^40.
pub const CAPACITY_MAX: usize = 1 << 40;

/// Byte offset of the signature of the process that last took the writer's role.
pub const WRITER_HOLDER: usize = 248;
/// Byte offset of the time at which it took the role.
pub const WRITER_SINCE: usize = 240;
/// Byte offset of the signature of the process that last took the reader's role.
pub const READER_HOLDER: usize = 232;
/// Byte offset of the time at which it took the role.
pub const READER_SINCE: usize = 224;

const STATE: usize = 256;
const LENGTH: usize = 384;
const WRITER_WAIT: usize = 392;
const READER_WAIT: usize = 400;
const PAYLOAD: usize = 448;
const _: () = {
    assert!(header::LENGTH <= READER_SINCE && READER_SINCE + 8 == READER_HOLDER);
    assert!(READER_HOLDER + 8 == WRITER_SINCE && WRITER_SINCE + 8 == WRITER_HOLDER && WRITER_HOLDER + 8 <= STATE);
};
const _: () = assert!(LENGTH - STATE == 128 && PAYLOAD.is_multiple_of(64));

/// The names of a mailbox's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// The flag and the sequence number.
    State,
    /// Length of the message, in bytes.
    Length,
    /// The state that the writer last went to sleep on.
    WriterWait,
    /// The state that the reader last went to sleep on.
    ReaderWait,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Word::State => "state",
            Word::Length => "length",
            Word::WriterWait => "writer_wait",
            Word::ReaderWait => "reader_wait",
        })
    }
}

/// The dimensions of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    capacity: usize,
}

impl Layout {
    /// A mailbox for messages of at most `capacity` bytes, 0 to 2^40; `None` otherwise.
    #[must_use]
    pub const fn new(capacity: usize) -> Option<Self> {
        if capacity > CAPACITY_MAX { None } else { Some(Self { capacity }) }
    }

    /// Longest message, in bytes.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Length of the object, in bytes.
    #[must_use]
    pub const fn length(&self) -> usize {
        PAYLOAD + self.payload_length()
    }

    /// Byte offset of a word.
    #[must_use]
    #[inline]
    pub const fn offset(&self, word: Word) -> usize {
        match word {
            Word::State => STATE,
            Word::Length => LENGTH,
            Word::WriterWait => WRITER_WAIT,
            Word::ReaderWait => READER_WAIT,
        }
    }

    /// Byte offset of the payload.
    #[must_use]
    #[inline]
    pub const fn payload_offset(&self) -> usize {
        PAYLOAD
    }

    /// Length of the payload area in bytes: the capacity, rounded up to whole words.
    #[must_use]
    #[inline]
    pub const fn payload_length(&self) -> usize {
        self.capacity.next_multiple_of(8)
    }
}

impl Numbering for Layout {
    type Word = Word;
    fn words(&self) -> usize {
        4
    }
    fn number(&self, word: Word) -> Option<usize> {
        Some(match word {
            Word::State => 0,
            Word::Length => 1,
            Word::WriterWait => 2,
            Word::ReaderWait => 3,
        })
    }
    fn word(&self, number: usize) -> Option<Word> {
        [Word::State, Word::Length, Word::WriterWait, Word::ReaderWait].get(number).copied()
    }
    fn areas(&self) -> usize {
        1
    }
    fn area_words(&self) -> usize {
        self.payload_length() / 8
    }
}

/// A word in shared memory that no process running this protocol writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// The word.
    pub word: Word,
    /// What was found in it.
    pub found: u64,
    /// What it should have been.
    pub expected: Expected,
}

/// What a word should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A flag and a sequence number, and no other bit.
    State,
    /// The state with the last message's number, which this process knows.
    Number {
        /// That number; 0 before the first message.
        sequence: u64,
    },
    /// A length of at most the capacity.
    Length {
        /// The capacity, in bytes.
        capacity: usize,
    },
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the word {} is corrupt: found {:#x}, expected ", self.word, self.found)?;
        match self.expected {
            Expected::State => f.write_str("a flag and a sequence number")?,
            Expected::Number { sequence } => write!(f, "the sequence number {sequence}")?,
            Expected::Length { capacity } => write!(f, "at most {capacity}")?,
        }
        f.write_str("; remove the mailbox and create it anew")
    }
}

impl core::error::Error for Corrupt {}

/// The state of a mailbox: the flag, and the number of the last message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The last message sent; `None` before the first.
    pub sequence: Option<Sequence>,
    /// Whether it still waits for the reader.
    pub set: bool,
}

impl State {
    /// The packed word.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u64 {
        let sequence = match self.sequence {
            None => 0,
            Some(sequence) => sequence.get(),
        };
        sequence << 1 | self.set as u64
    }

    /// Parses the word; `None` if it is garbage.
    #[must_use]
    #[inline]
    pub const fn parse(bits: u64) -> Option<Self> {
        let set = bits & 1 != 0;
        match (bits >> 1, set) {
            (0, false) => Some(Self { sequence: None, set }),
            (0, true) => None,
            (number, _) => match Sequence::new(number) {
                Some(sequence) => Some(Self { sequence: Some(sequence), set }),
                None => None,
            },
        }
    }

    /// The next message is out. Only from a clear flag.
    #[must_use]
    const fn sent(self) -> Self {
        Self { sequence: Some(next(self.sequence)), set: true }
    }

    /// The wait word of a process that sleeps for as long as the state is this one.
    #[must_use]
    #[inline]
    pub const fn asleep(self) -> u64 {
        const ASLEEP: u64 = 1 << (u64::BITS - 1);
        ASLEEP | self.bits()
    }

    /// The message was consumed. Only from a set flag.
    #[must_use]
    const fn cleared(self) -> Self {
        Self { sequence: self.sequence, set: false }
    }
}

const fn next(sequence: Option<Sequence>) -> Sequence {
    match sequence {
        None => Sequence::FIRST,
        Some(sequence) => sequence.next(),
    }
}

/// The sites of one end's sleep.
struct Bed {
    look: &'static Site,
    doze: &'static Site,
    sleep: &'static Site,
}

/// Whether the flag is `wanted`. If not, sleeps until the state changes, for at most `limit`, or shorter for no reason.
fn sleep<M: Memory<Word = Word>>(
    memory: &M,
    wanted: bool,
    wait_word: Word,
    bed: &Bed,
    limit: Duration,
) -> Result<bool, Corrupt> {
    // Relaxed `ready.writer_look`, `ready.reader_look`: an old state is found to be one by the sleep; one that the
    // other process has left stays until this one changes it. A death leaves nothing.
    let state = parse_state(memory.load(Word::State, bed.look))?;
    if state.set == wanted {
        return Ok(true);
    }
    // Relaxed `ready.writer_doze`, `ready.reader_doze`: the fence of the sleep orders it before the last look (Dekker).
    // Pairs with `ready.reader_asleep`, `ready.writer_asleep`, where the other process looks.
    // Killed before: the wait word is an older one. Killed after: it is as if this process slept.
    memory.store(wait_word, state.asleep(), bed.doze);
    // SeqCst, wait `ready.writer_sleep`, `ready.reader_sleep`: looks after noting it (Dekker). Whoever changes the
    // state next has seen our wait word, and wakes us; or has changed it before this, and we do not sleep. (Inv 4)
    // Pairs with `ready.send`, `ready.clear`. Killed before or after: the wait word stays.
    memory.wait(Word::State, state.bits(), limit, bed.sleep);
    Ok(false)
}

/// Wakes the other process if it sleeps until the state is no longer `before`. (Inv 4)
fn wake<M: Memory<Word = Word>>(
    memory: &M,
    before: State,
    wait_word: Word,
    asleep: &'static Site,
    wake: &'static Site,
) {
    // SeqCst `ready.reader_asleep`, `ready.writer_asleep`: after `ready.send`, `ready.clear` (Dekker).
    // Pairs with `ready.reader_doze`, `ready.writer_doze`.
    // Killed before or after: nothing was changed.
    if memory.load(wait_word, asleep) == before.asleep() {
        // Wake `ready.wake_reader`, `ready.wake_writer`.
        // Killed before: the next process in this role wakes. Killed after: the other is awake.
        memory.wake(Word::State, wake);
    }
}

fn parse_state(found: u64) -> Result<State, Corrupt> {
    State::parse(found).ok_or(Corrupt { word: Word::State, found, expected: Expected::State })
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The message before it still waits for the reader. Nothing was touched.
    Full,
    /// The message is longer than the mailbox's capacity. Nothing was touched.
    TooLong {
        /// Length of the message, in bytes.
        length: usize,
        /// The capacity, in bytes.
        capacity: usize,
    },
    /// The word is garbage. Nothing was touched.
    Corrupt(Corrupt),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full => f.write_str("the message before this one has not been consumed yet; try again"),
            SendError::TooLong { length, capacity } => {
                write!(f, "the message has {length} bytes and the mailbox's capacity is {capacity}")
            }
            SendError::Corrupt(corrupt) => corrupt.fmt(f),
        }
    }
}

impl core::error::Error for SendError {}

/// The one process that sends.
#[derive(Debug)]
pub struct Writer<M> {
    memory: M,
    layout: Layout,
    last: Option<Sequence>,
}

impl<M: Memory<Word = Word>> Writer<M> {
    /// Takes up the writer's role, for the first time or after a predecessor's death. Also tells whether the last
    /// message has been consumed, and wakes the reader if it sleeps. 1 shared access and one wake.
    ///
    /// The caller sees to it that nobody else has the role.
    ///
    /// # Errors
    /// The word is garbage: the numbering is lost.
    ///
    /// # Crash safety
    /// *Nothing to undo.* A send that the predecessor was killed in has taken effect if the state names it, and never
    /// will if not.
    pub fn recover(memory: M, layout: Layout) -> Result<(Self, State), Corrupt> {
        // Relaxed `ready.writer_recover`: only the number is used; `ready.look` acquires before anything is written.
        // Pairs with nothing: the kernel's hand-over of the role orders it. A death leaves nothing.
        let state = parse_state(memory.load(Word::State, site::WRITER_RECOVER))?;
        // Wake `ready.writer_recover_wake` (Inv 4): the predecessor may have died after `ready.send` and before it woke.
        // Killed before: the next successor wakes. Killed after: the reader is awake.
        memory.wake(Word::State, site::WRITER_RECOVER_WAKE);
        Ok((Self { memory, layout, last: state.sequence }, state))
    }

    /// The memory that this writer works on.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The mailbox's dimensions.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of the last message sent, by this process or by a predecessor.
    #[must_use]
    pub fn last(&self) -> Option<Sequence> {
        self.last
    }

    /// Sends a copy of `message`, if the one before it has been consumed, and wakes the reader if it sleeps. At most 4
    /// shared accesses, one write of the payload and one wake.
    ///
    /// # Errors
    /// The mailbox is full, the message is too long, or the word is garbage.
    ///
    /// # Crash safety
    /// *All or nothing.*
    pub fn try_send(&mut self, message: &[u8]) -> Result<Sequence, SendError> {
        let loan = self.try_loan(message.len())?;
        loan.writer.memory.write(0, 0, message, site::FILL);
        Ok(loan.send())
    }

    /// Lends the payload, to write a message of `length` bytes in place, if the one before it has been consumed. 1
    /// shared access.
    ///
    /// It holds the bytes of the message before, or a dead process's half-written one.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    ///
    /// # Crash safety
    /// *Nothing to undo.* A loan that is dropped, forgotten or killed was never sent.
    pub fn try_loan(&mut self, length: usize) -> Result<Loan<'_, M>, SendError> {
        let capacity = self.layout.capacity;
        if length > capacity {
            return Err(SendError::TooLong { length, capacity });
        }
        // Acquire `ready.look`: the end of the reading happens-before the payload is written again.
        // Pairs with `ready.clear` (Reader::clear).
        let found = self.memory.load(Word::State, site::LOOK);
        let state = parse_state(found).map_err(SendError::Corrupt)?;
        if state.sequence != self.last {
            let sequence = self.last.map_or(0, Sequence::get);
            return Err(SendError::Corrupt(Corrupt {
                word: Word::State,
                found,
                expected: Expected::Number { sequence },
            }));
        }
        if state.set {
            return Err(SendError::Full);
        }
        Ok(Loan { writer: self, before: state, length })
    }

    /// Whether the message before has been consumed. If not, sleeps until it is, for at most `limit`, or shorter for no
    /// reason, and says no: ask again. At most 2 shared accesses and one sleep.
    ///
    /// # Errors
    /// The word is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn sleep(&self, limit: Duration) -> Result<bool, Corrupt> {
        const BED: Bed = Bed { look: site::WRITER_LOOK, doze: site::WRITER_DOZE, sleep: site::WRITER_SLEEP };
        sleep(&self.memory, false, Word::WriterWait, &BED, limit)
    }
}

/// The payload lent to the writer, to be written in place and then sent.
///
/// Dropping it sends nothing.
#[derive(Debug)]
#[must_use = "a loan that is dropped is not sent"]
pub struct Loan<'w, M> {
    writer: &'w mut Writer<M>,
    /// The state, whose flag is clear.
    before: State,
    length: usize,
}

impl<M: Memory<Word = Word>> Loan<'_, M> {
    /// Length of the message, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The memory that the payload is in.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.writer.memory
    }

    /// Copies `bytes` into the message, at byte `offset`; false, and the message untouched, where the range reaches
    /// beyond it.
    ///
    /// # Crash safety
    /// *Nothing to undo.* The message is not sent yet.
    #[must_use]
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> bool {
        let is_inside = offset.checked_add(bytes.len()).is_some_and(|end| end <= self.length);
        if is_inside {
            self.writer.memory.write(0, offset, bytes, site::FILL);
        }
        is_inside
    }

    /// Sends the message, and wakes the reader if it sleeps; the message's number. 3 shared accesses and one wake.
    ///
    /// # Crash safety
    /// *All or nothing*, as [`Writer::try_send`].
    pub fn send(self) -> Sequence {
        let Self { writer, before, length } = self;
        // Relaxed `ready.measure`: released by `ready.send`.
        // Killed before or after: the flag is clear, nobody looks (Inv 1).
        writer.memory.store(Word::Length, length as u64, site::MEASURE);
        let sent = before.sent();
        // SeqCst `ready.send`: length and payload happen-before the reader's reading; before `ready.reader_asleep`
        // (Dekker). Pairs with `ready.receive` (Reader::try_receive), `ready.reader_sleep`.
        // Killed before: never sent. Killed after: the message is out.
        writer.memory.store(Word::State, sent.bits(), site::SEND);
        writer.last = sent.sequence;
        wake(&writer.memory, before, Word::ReaderWait, site::READER_ASLEEP, site::WAKE_READER);
        next(before.sequence)
    }
}

/// A message that waits behind the flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    sequence: Sequence,
    length: usize,
}

impl Message {
    /// Its number: one more than the message before it; the same again only after the reader was killed.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Its length, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }
}

/// The one process that receives.
#[derive(Debug)]
pub struct Reader<M> {
    memory: M,
    layout: Layout,
    /// The last message that was consumed, by this process or by a predecessor.
    consumed: Option<Sequence>,
    /// The message that was received and not cleared yet.
    current: Option<Message>,
}

impl<M: Memory<Word = Word>> Reader<M> {
    /// Takes up the reader's role, for the first time or after a predecessor's death, and wakes the writer if it
    /// sleeps. 1 shared access and one wake.
    ///
    /// The caller sees to it that nobody else has the role.
    ///
    /// # Errors
    /// The word is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.* A message that the predecessor had not cleared is received again, with its number.
    pub fn recover(memory: M, layout: Layout) -> Result<Self, Corrupt> {
        // Relaxed `ready.reader_recover`: only the number is used; `ready.receive` acquires before anything is read.
        // Pairs with nothing: the kernel's hand-over of the role orders it. A death leaves nothing.
        let state = parse_state(memory.load(Word::State, site::READER_RECOVER))?;
        // Wake `ready.reader_recover_wake` (Inv 4): the predecessor may have died after `ready.clear` and before it woke.
        // Killed before: the next successor wakes. Killed after: the writer is awake.
        memory.wake(Word::State, site::READER_RECOVER_WAKE);
        let consumed = match state {
            State { sequence: Some(sequence), set: true } => sequence.previous(),
            State { sequence, .. } => sequence,
        };
        Ok(Self { memory, layout, consumed, current: None })
    }

    /// The memory that this reader works on.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The mailbox's dimensions.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of the last message that was consumed, by this process or by a predecessor.
    #[must_use]
    pub fn consumed(&self) -> Option<Sequence> {
        self.consumed
    }

    /// The message that was received and not cleared yet.
    #[must_use]
    pub fn current(&self) -> Option<Message> {
        self.current
    }

    /// The message that waits, if one does. At most 2 shared accesses. Until [`clear`](Self::clear), the same again.
    ///
    /// # Errors
    /// A word is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.* The successor receives the message again.
    pub fn try_receive(&mut self) -> Result<Option<Message>, Corrupt> {
        if self.current.is_some() {
            return Ok(self.current);
        }
        // Acquire `ready.receive`: length and payload happen-before our reading.
        // Pairs with `ready.send` (Writer::try_send).
        let found = self.memory.load(Word::State, site::RECEIVE);
        let state = parse_state(found)?;
        let expected = if state.set { Some(next(self.consumed)) } else { self.consumed };
        if state.sequence != expected {
            let sequence = expected.map_or(0, Sequence::get);
            return Err(Corrupt { word: Word::State, found, expected: Expected::Number { sequence } });
        }
        let (true, Some(sequence)) = (state.set, state.sequence) else { return Ok(None) };
        // Relaxed `ready.length`: ordered by `ready.receive`.
        let found = self.memory.load(Word::Length, site::LENGTH);
        let capacity = self.layout.capacity;
        let length = match usize::try_from(found) {
            Ok(length) if length <= capacity => length,
            _ => return Err(Corrupt { word: Word::Length, found, expected: Expected::Length { capacity } }),
        };
        self.current = Some(Message { sequence, length });
        Ok(self.current)
    }

    /// Reads bytes of the message received, from byte `offset`; false, and `into` untouched, where there is none or
    /// where the range reaches beyond the message.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    pub fn read(&self, offset: usize, into: &mut [u8]) -> bool {
        match self.current {
            Some(message) if offset.checked_add(into.len()).is_some_and(|end| end <= message.length) => {
                self.memory.read(0, offset, into, site::READ);
                true
            }
            _ => false,
        }
    }

    /// Consumes the message received, and wakes the writer if it sleeps: it may send the next one. At most 2 shared
    /// accesses and one wake.
    ///
    /// # Crash safety
    /// *All or nothing.*
    pub fn clear(&mut self) {
        let Some(message) = self.current.take() else { return };
        self.consumed = Some(message.sequence);
        let received = State { sequence: self.consumed, set: true };
        // SeqCst `ready.clear`: our reading happens-before the payload is written again; before `ready.writer_asleep`
        // (Dekker).
        // Pairs with `ready.look` (Writer::try_loan), `ready.writer_sleep`.
        // Killed before: the message is received again. Killed after: it was consumed.
        self.memory.store(Word::State, received.cleared().bits(), site::CLEAR);
        wake(&self.memory, received, Word::WriterWait, site::WRITER_ASLEEP, site::WAKE_WRITER);
    }

    /// Whether a message waits, or was received and not cleared yet. If not, sleeps until one is sent, for at most
    /// `limit`, or shorter for no reason, and says no: ask again. At most 2 shared accesses and one sleep.
    ///
    /// # Errors
    /// The word is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn sleep(&self, limit: Duration) -> Result<bool, Corrupt> {
        const BED: Bed = Bed { look: site::READER_LOOK, doze: site::READER_DOZE, sleep: site::READER_SLEEP };
        sleep(&self.memory, true, Word::ReaderWait, &BED, limit)
    }
}
