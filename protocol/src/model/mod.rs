//! What each protocol promises, as code that every engine runs.
//!
//! A *scenario* says which processes there are and which operations ([`Op`](slots::Op)) each of them performs. An
//! *engine* (loom, shuttle, a single thread, a simulator, a fuzzer) provides a [`Memory`], decides who steps and who dies,
//! and calls [`Scenario::live`] once for each incarnation of a process. The *oracle*, which all processes of a run
//! share, judges what they see, and answers with a [`Violation`].
//!
//! Nothing here allocates or knows an engine.

pub mod ready;
pub mod slots;
pub mod status;
pub mod variant;

use crate::memory::{Memory, Numbering, Site};
use core::cell::Cell;
use core::fmt;
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

/// A value that the processes of a run share outside of the memory under test, one at a time.
pub trait Shared<T> {
    /// Calls `f` on the value. Never a point at which the engine switches processes.
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R;

    /// Lets other processes go first: this one waits for them.
    fn pause(&self);
}

/// Which processes run, and what each of them does.
pub trait Scenario {
    /// The protocol's words.
    type Word: Copy + fmt::Debug + Send + 'static;
    /// The protocol's layout.
    type Layout: Numbering<Word = Self::Word> + Copy + 'static;
    /// The judge.
    type Oracle: 'static;
    /// What a process does.
    type Op: Copy + fmt::Debug;
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

    /// Takes up the role of process number `process`, for the first time or after its predecessor's death.
    ///
    /// # Errors
    /// A promise was broken.
    fn start<M: Memory<Word = Self::Word>>(
        &self,
        process: usize,
        memory: M,
        oracle: &impl Shared<Self::Oracle>,
    ) -> Result<Self::Process<M>, Violation>;

    /// Performs one operation. One that is not of this process's role does nothing.
    ///
    /// # Errors
    /// A promise was broken.
    fn perform<M: Memory<Word = Self::Word>>(
        process: &mut Self::Process<M>,
        op: Self::Op,
        oracle: &impl Shared<Self::Oracle>,
    ) -> Result<(), Violation>;

    /// One incarnation of a process: it takes up its role, and performs its operations from number `progress` on,
    /// which it counts up as it completes them. An engine that kills it calls `live` again.
    ///
    /// # Errors
    /// A promise was broken.
    fn live<M: Memory<Word = Self::Word>>(
        &self,
        process: usize,
        memory: M,
        oracle: &impl Shared<Self::Oracle>,
        progress: &Cell<usize>,
    ) -> Result<(), Violation> {
        let mut now = self.start(process, memory, oracle)?;
        while let Some(&op) = self.operations(process).get(progress.get()) {
            Self::perform(&mut now, op, oracle)?;
            progress.set(progress.get() + 1);
        }
        Ok(())
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
    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64 {
        Self::count(&self.payload);
        self.memory.read_word(area, index, site)
    }
    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site) {
        Self::count(&self.payload);
        self.memory.write_word(area, index, value, site);
    }
}

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
