//! An observer: [`peek`](Observer::peek) without a lock, without a role, on a read-only mapping.

use super::layout::Layout;
use super::producer::parse_length;
use super::site;
use super::word::{Corrupt, Stamp, Word};
use crate::memory::Memory;
use core::fmt;

/// Why a peek gave no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeekError {
    /// The producer rewrote the slot during each of the attempts. Peek again, or be a consumer and acquire, which
    /// never fails for this reason.
    Overtaken {
        /// How many attempts there were.
        attempts: u32,
    },
    /// The message does not fit the buffer.
    BufferTooSmall {
        /// Length of the message, in bytes.
        length: usize,
        /// Length of the buffer, in bytes.
        buffer: usize,
    },
    /// A word in shared memory is garbage.
    Corrupt(Corrupt),
}

impl fmt::Display for PeekError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeekError::Overtaken { attempts } => {
                write!(
                    f,
                    "the producer overtook {attempts} attempts to copy the message; peek again, or acquire as a consumer"
                )
            }
            PeekError::BufferTooSmall { length, buffer } => {
                write!(f, "the message has {length} bytes and the buffer {buffer}")
            }
            PeekError::Corrupt(corrupt) => corrupt.fmt(f),
        }
    }
}

impl core::error::Error for PeekError {}

/// A process that copies the most recent message without locking it. There may be any number.
///
/// It owns no word and writes none: a dead observer leaves nothing.
#[derive(Debug)]
pub struct Observer<M> {
    memory: M,
    layout: Layout,
}

impl<M: Memory<Word = Word>> Observer<M> {
    /// An observer of the channel in `memory`.
    pub fn new(memory: M, layout: Layout) -> Self {
        Self { memory, layout }
    }

    /// The channel's dimensions.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The memory that this observer looks at.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The stamp of the newest message; `None` before the first. 1 shared access.
    ///
    /// # Errors
    /// `latest` is garbage.
    pub fn newest(&self) -> Result<Option<Stamp>, Corrupt> {
        let found = self.memory.load(Word::Latest, site::PEEK);
        Stamp::parse(found, &self.layout).map_err(|why| Corrupt { word: Word::Latest, found, why })
    }

    /// Copies the most recent message into `buffer`; its stamp and length, or `None` before the first message.
    ///
    /// Each attempt is 4 shared accesses and one read of the payload; there are at most `attempts`, at least one. No
    /// write, no locked instruction. What an unsuccessful call leaves in `buffer` is of no account.
    ///
    /// # Errors
    /// The producer was faster each time, the buffer is too small, or a word is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn peek(&self, buffer: &mut [u8], attempts: u32) -> Result<Option<(Stamp, usize)>, PeekError> {
        let attempts = attempts.max(1);
        for _ in 0..attempts {
            // SeqCst `slots.peek`: acquires the message, and is as fresh as an acquire.
            // Pairs with `slots.publish`.
            let Some(stamp) = self.newest().map_err(PeekError::Corrupt)? else { return Ok(None) };
            // Relaxed `slots.peek_length`, `slots.peek_read`: may be a later message's, which the check below refuses.
            let found = self.memory.load(Word::Length(stamp.slot()), site::PEEK_LENGTH);
            let length = parse_length(found, stamp.slot(), &self.layout);
            if let Ok(length) = length
                && let Some(into) = buffer.get_mut(..length)
            {
                self.memory.read(stamp.slot().into(), 0, into, site::PEEK_READ);
            }
            // Acquire `slots.peek_fence`: if we read a byte of a later message, the load below sees that the slot was
            // retired for it. Pairs with `slots.retire_fence`.
            self.memory.fence(site::PEEK_FENCE);
            if self.memory.load(Word::Sequence(stamp.slot()), site::PEEK_VERIFY) != stamp.sequence().get() {
                continue;
            }
            let length = length.map_err(PeekError::Corrupt)?;
            if length > buffer.len() {
                return Err(PeekError::BufferTooSmall { length, buffer: buffer.len() });
            }
            return Ok(Some((stamp, length)));
        }
        Err(PeekError::Overtaken { attempts })
    }
}
