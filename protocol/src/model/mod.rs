//! What each protocol promises, as code that every engine runs.
//!
//! A *scenario* says which processes there are and which operations ([`Op`](slots::Op)) each of them performs. An
//! *engine* (loom, shuttle, a single thread, a simulator, a fuzzer) provides a [`Memory`], decides who steps and who
//! dies, and calls [`Scenario::live`] once for each incarnation of a process. The *oracle*, which all processes of a
//! run share, judges what they see, and answers with a [`Violation`].
//!
//! Oracles are data: they are told events, which are data too ([`Judge`]), and can be copied, compared and hashed. What
//! a process carries from one operation to the next is two numbers ([`Scenario::carried`]). So an engine can also
//! search states instead of runs.
//!
//! Nothing here allocates or knows an engine.

pub mod broken;
pub mod ready;
pub mod slots;
pub mod status;
pub mod variant;

use crate::memory::{Memory, Numbering, Site};
use core::cell::Cell;
use core::fmt;
use core::hash::Hash;
use core::time::Duration;
use variant::Change;

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What was promised.
    pub promise: &'static str,
    /// What was found instead: a number whose meaning the promise gives.
    pub found: u64,
    /// What was expected, likewise.
    pub expected: u64,
}

impl Violation {
    /// A broken promise.
    #[must_use]
    pub const fn new(promise: &'static str, found: u64, expected: u64) -> Self {
        Self { promise, found, expected }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}, expected {}", self.promise, self.found, self.expected)
    }
}

impl core::error::Error for Violation {}

/// The judge of a run, as a process reaches it.
pub trait Judge<E> {
    /// Tells the judge of `event`; its answer. Never a point at which the engine switches or kills processes.
    ///
    /// # Errors
    /// A promise was broken.
    fn tell(&self, event: E) -> Result<u64, Violation>;

    /// Lets other processes go first: this one waits for them.
    fn pause(&self);
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an operation that waits has to be performed again"]
pub enum Progress {
    /// It is complete.
    Done,
    /// It waits for another process, and has to be performed again.
    Blocked,
    /// It has slept, or nearly, and has to be performed again. An engine for which [`Memory::wait`] does not sleep lets
    /// others go first.
    Slept,
}

/// Which processes run, and what each of them does.
pub trait Scenario {
    /// The protocol's words.
    type Word: Copy + fmt::Debug + fmt::Display + Send + 'static;
    /// The protocol's layout.
    type Layout: Numbering<Word = Self::Word> + Copy + 'static;
    /// What the judge is told of.
    type Event: Copy + fmt::Debug + PartialEq + Send + 'static;
    /// The judge.
    type Oracle: Clone + PartialEq + Hash + fmt::Debug + Send + 'static;
    /// What a process does.
    type Op: Copy + fmt::Debug + PartialEq + Send + Sync + 'static;
    /// One incarnation of a process.
    type Process<M: Memory<Word = Self::Word>>;

    /// The protocol's table of sites.
    const SITES: &'static [&'static Site];

    /// The scenario as a [`Change`] of its dimensions, rather than of an access, wants it.
    #[must_use]
    fn changed(self, change: &Change) -> Self
    where
        Self: Sized,
    {
        let _ = change;
        self
    }
    /// The memory that the scenario needs.
    fn layout(&self) -> Self::Layout;
    /// The words that are not 0 at the start.
    fn initial(&self) -> impl Iterator<Item = (Self::Word, u64)>;
    /// How many processes.
    fn processes(&self) -> usize;
    /// What process `process` is called in a table or a trace.
    fn role(&self, process: usize) -> &'static str;
    /// A new judge.
    fn oracle(&self) -> Self::Oracle;

    /// The operations that a process performs.
    fn operations(&self, process: usize) -> &[Self::Op];

    /// Tells `oracle` of `event`; its answer.
    ///
    /// # Errors
    /// A promise was broken.
    fn judge(oracle: &mut Self::Oracle, event: Self::Event) -> Result<u64, Violation>;

    /// Takes up the role of process number `process`, for the first time or after its predecessor's death.
    ///
    /// # Errors
    /// A promise was broken.
    fn start<M: Memory<Word = Self::Word>>(
        &self,
        process: usize,
        memory: M,
        judge: &impl Judge<Self::Event>,
    ) -> Result<Self::Process<M>, Violation>;

    /// Performs one operation. One that is not of this process's role does nothing. One that is blocked leaves the
    /// oracle as it was, so that waiting makes no new states.
    ///
    /// # Errors
    /// A promise was broken.
    fn perform<M: Memory<Word = Self::Word>>(
        process: &mut Self::Process<M>,
        op: Self::Op,
        judge: &impl Judge<Self::Event>,
    ) -> Result<Progress, Violation>;

    /// One incarnation of a process: it takes up its role, and performs its operations from number `progress` on,
    /// which it counts up as it completes them. An engine that kills it calls `live` again.
    ///
    /// # Errors
    /// A promise was broken.
    fn live<M: Memory<Word = Self::Word>>(
        &self,
        process: usize,
        memory: M,
        judge: &impl Judge<Self::Event>,
        progress: &Cell<usize>,
    ) -> Result<(), Violation> {
        let mut now = self.start(process, memory, judge)?;
        while let Some(&op) = self.operations(process).get(progress.get()) {
            match Self::perform(&mut now, op, judge)? {
                Progress::Done => progress.set(progress.get() + 1),
                Progress::Blocked | Progress::Slept => judge.pause(),
            }
        }
        Ok(())
    }

    /// Everything that the process carries from one operation to the next, so that two processes with the same number
    /// are in the same state.
    fn carried<M: Memory<Word = Self::Word>>(process: &Self::Process<M>) -> [u64; 2];

    /// Tells `oracle` that `process` died, for what only the process itself would have cleaned up. The oracle learns
    /// nothing that a real death would not show.
    fn died(oracle: &mut Self::Oracle, process: usize) {
        let _ = (oracle, process);
    }

    /// The payload area that `word` belongs to, where it is accessed only by whom may access that area: such a word is
    /// never accessed by two processes at once.
    fn guard(&self, word: Self::Word) -> Option<usize> {
        let _ = word;
        None
    }

    /// Whether the process may sleep ([`Memory::wait`]). Where nobody does, waking does nothing.
    fn sleeps(&self, process: usize) -> bool {
        let _ = process;
        false
    }

    /// Whether `word` is 0 and nobody writes it in this scenario, so that a load of it commutes with everything.
    fn is_constant(&self, word: Self::Word) -> bool {
        let _ = word;
        false
    }

    /// Whether the process reads payload while others may write it, and finds out afterwards.
    fn reads_while_written(&self, process: usize) -> bool {
        let _ = process;
        false
    }

    /// Writes `value` as a value of `word`, for people.
    ///
    /// # Errors
    /// The formatter's own.
    fn show(&self, word: Self::Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = word;
        write!(f, "{value:#x}")
    }

    /// Whether the process may change places with any other symmetric one that has the same operations: nothing in
    /// memory bears its number.
    fn symmetric(&self, process: usize) -> bool {
        let _ = process;
        false
    }

    /// Exchanges what `oracle` knows of two symmetric processes.
    fn swap(oracle: &mut Self::Oracle, a: usize, b: usize) {
        let _ = (oracle, a, b);
    }

    /// Whether payload area `area` may be written, by what the words are at this moment.
    ///
    /// # Errors
    /// It may not.
    fn check_write(&self, area: usize, words: &dyn Fn(Self::Word) -> u64) -> Result<(), Violation>;
}

/// A memory that counts the accesses to shared words made through it, fences not included, and payload apart.
#[derive(Debug)]
pub struct Counted<M> {
    memory: M,
    words: Cell<u32>,
    payload: Cell<u32>,
}

impl<M> Counted<M> {
    /// Counts from 0.
    pub fn new(memory: M) -> Self {
        Self { memory, words: Cell::new(0), payload: Cell::new(0) }
    }

    /// Accesses to words since the last call, which must be at most `words`; and to payload, at most `payload`.
    fn check(&self, words: u32, payload: u32) -> Result<(), Violation> {
        let (found, found_payload) = (self.words.take(), self.payload.take());
        if found > words {
            return Err(Violation::new(
                "Inv 5: an operation is at most so many shared accesses",
                found.into(),
                words.into(),
            ));
        }
        if found_payload > payload {
            return Err(Violation::new(
                "Inv 5: an operation is at most so many payload accesses",
                found_payload.into(),
                payload.into(),
            ));
        }
        Ok(())
    }

    fn count(counter: &Cell<u32>) {
        counter.set(counter.get() + 1);
    }
}

impl<M: Memory> Memory for Counted<M> {
    type Word = M::Word;
    fn load(&self, word: M::Word, site: &'static Site) -> u64 {
        Self::count(&self.words);
        self.memory.load(word, site)
    }
    fn store(&self, word: M::Word, value: u64, site: &'static Site) {
        Self::count(&self.words);
        self.memory.store(word, value, site);
    }
    fn compare_exchange(&self, word: M::Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        Self::count(&self.words);
        self.memory.compare_exchange(word, current, new, site)
    }
    fn fence(&self, site: &'static Site) {
        self.memory.fence(site);
    }
    fn wait(&self, word: M::Word, current: u64, limit: Duration, site: &'static Site) {
        self.memory.wait(word, current, limit, site);
    }
    fn wake(&self, word: M::Word, site: &'static Site) {
        self.memory.wake(word, site);
    }
    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64 {
        Self::count(&self.payload);
        self.memory.read_word(area, index, site)
    }
    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site) {
        Self::count(&self.payload);
        self.memory.write_word(area, index, value, site);
    }
}

/// How long a sleep lasts at most that a scenario asks for. Engines have no clock.
pub const SLEEP_MAX: Duration = Duration::MAX;

/// Longest message that a scenario uses, in bytes.
pub const MESSAGE_MAX: usize = 64;

/// Fills `bytes` with the content of a message that was the `attempt`-th to be written. Every 8 bytes differ, and each
/// of them names the attempt.
pub fn fill(bytes: &mut [u8], attempt: u32) {
    for (index, chunk) in bytes.chunks_mut(8).enumerate() {
        let word = (u64::from(attempt) << 32) | (index as u64 + 1);
        chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
    }
}

/// Checks that `bytes` are what [`fill`] wrote for `attempt`.
///
/// # Errors
/// They are not: the message is torn, or is another one.
pub fn check_content(bytes: &[u8], attempt: u32) -> Result<(), Violation> {
    let mut expected = [0; MESSAGE_MAX];
    let expected = &mut expected[..bytes.len()];
    fill(expected, attempt);
    match bytes.iter().zip(expected.iter()).position(|(found, expected)| found != expected) {
        None => Ok(()),
        Some(at) => Err(Violation::new(
            "Inv 2: a message is whole (byte found and expected)",
            bytes[at].into(),
            expected[at].into(),
        )),
    }
}

/// One attempt to write a message of a given rank, which is how many messages after the start it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Attempt {
    /// How many attempts at this rank were begun before, all of them by processes that died.
    retry: u8,
    /// Length of the message, in bytes.
    length: u8,
}

impl Attempt {
    /// The attempt's number. It does not tell of deaths at earlier ranks, so that runs with and without them merge.
    fn number(self, rank: u32) -> u32 {
        rank.wrapping_mul(256) | u32::from(self.retry)
    }

    /// An oracle's answer: the message of `rank` is this attempt.
    fn answer(self, rank: u32) -> u64 {
        KNOWN | u64::from(self.number(rank)) << 8 | u64::from(self.length)
    }
}

/// Set in an [`Attempt`]'s answer, which is 0 where the oracle does not know the message any more.
const KNOWN: u64 = 1 << 63;

/// Checks that `bytes` are those of the attempt that the oracle's answer names, if it names one.
///
/// # Errors
/// They are not: the message has another length or content.
///
/// # Panics
/// There are more than [`MESSAGE_MAX`] of them, and the answer says so too.
pub fn check_answer(bytes: &[u8], answer: u64) -> Result<(), Violation> {
    if answer & KNOWN == 0 {
        return Ok(());
    }
    let length = answer & 0xff;
    if bytes.len() as u64 != length {
        return Err(Violation::new("Inv 2: a message has its length", bytes.len() as u64, length));
    }
    check_content(bytes, (answer >> 8) as u32)
}
