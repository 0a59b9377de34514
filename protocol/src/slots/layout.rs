//! Where the words and the payload of a `slots` channel lie.
//!
//! A channel is two objects. Consumers map the first read-only, so that no stray pointer of theirs can damage a
//! message.
//!
//! ```text
//! data object                                    locks object
//! +-----------------------------+ 0              +-----------------------------+ 0
//! | header, 256 bytes           |                | header, 256 bytes           |
//! +-----------------------------+ 256            +-----------------------------+ 256
//! | latest        (8, alone in  |                | lock[0]        (8, alone in |
//! |                128 bytes)   |                |  and who has the role)      |
//! +-----------------------------+ 384            +-----------------------------+ 384
//! | slot[0].seq         8       |                | lock[1]                     |
//! | slot[0].length      8       |                +-----------------------------+ 512
//! | (48 unused)                 |                | ...                         |
//! +- - - - - - - - - - - - - - -+ 448            +-----------------------------+ 256 + 128 * consumers
//! | slot[0] payload, capacity   |                | wait[0]        8            |
//! | rounded up to 64 bytes      |                | wait[1]        8            |
//! +-----------------------------+ 448 + rounded  | ...                         |
//! | slot[1] ...                 |                +-----------------------------+
//! +-----------------------------+                  256 + 128 * consumers + 8 * consumers, rounded up to 64
//!   384 + (consumers + 2) * (64 + rounded)
//! ```
//!
//! Two words for each role say who took it last (its signature) and since when: the consumer's at 264 + 128 c and 272 +
//! 128 c, the producer's at 248 and 240, in the rest of the header's 256 bytes. No protocol reads them.
//!
//! The word `successor`, at 232 of the locks object, is 0, or the number of the generation of the channel that has
//! replaced this one. Whoever opens the channel follows it; its place, the magic and the version are the same in every
//! version.
//!
//! After the wait words follows the [description](crate::description) of the messages, if there is one.
//!
//! A word that one side polls and the other writes has 128 bytes to itself: x86-64 fetches cache lines in pairs. The
//! wait words lie side by side: they are written only on the way to sleep, and the producer reads all of them. The
//! payload of every slot begins at a multiple of 64.

use super::word::Word;
use crate::header;
use crate::memory::Numbering;
use core::fmt;

/// Most consumers that a channel can have: C consumers need C+2 slots, and a slot's number is 8 bits.
pub const CONSUMERS_MAX: u8 = 254;
/// Largest capacity of a channel, in bytes: 2^40.
pub const CAPACITY_MAX: usize = 1 << 40;
/// Alignment of every slot's payload, in bytes.
pub const PAYLOAD_ALIGN: usize = 64;

const LATEST: usize = 256;
const SLOTS: usize = 384;
const SLOT_SEQUENCE: usize = 0;
const SLOT_LENGTH: usize = 8;
const SLOT_PAYLOAD: usize = 64;
const LOCKS: usize = 256;
const LOCK_STRIDE: usize = 128;
const HOLDER: usize = 8;
const SINCE: usize = 16;
const WAIT_STRIDE: usize = 8;

/// Byte offset, in the locks object, of the signature of the process that last took the producer's role.
pub const PRODUCER_HOLDER: usize = 248;
/// Byte offset, in the locks object, of the time at which it took the role.
pub const PRODUCER_SINCE: usize = 240;

/// Byte offset, in the locks object, of the number of the generation that has replaced this one.
pub const SUCCESSOR: usize = 232;

/// Byte offset, in the locks object, of the signature of the process that last took this consumer's role.
#[must_use]
pub const fn consumer_holder(consumer: u8) -> usize {
    LOCKS + consumer as usize * LOCK_STRIDE + HOLDER
}

/// Byte offset, in the locks object, of the time at which it took the role.
#[must_use]
pub const fn consumer_since(consumer: u8) -> usize {
    LOCKS + consumer as usize * LOCK_STRIDE + SINCE
}

const _: () = {
    assert!(header::LENGTH <= LATEST && header::LENGTH <= LOCKS);
    assert!(LATEST.is_multiple_of(128) && SLOTS.is_multiple_of(PAYLOAD_ALIGN));
    assert!(SLOT_PAYLOAD.is_multiple_of(PAYLOAD_ALIGN));
    assert!(SLOTS - LATEST == 128 && SLOT_LENGTH == SLOT_SEQUENCE + 8 && SLOT_LENGTH + 8 <= SLOT_PAYLOAD);
    assert!(
        header::LENGTH <= SUCCESSOR
            && SUCCESSOR + 8 == PRODUCER_SINCE
            && PRODUCER_SINCE + 8 == PRODUCER_HOLDER
            && PRODUCER_HOLDER + 8 <= LOCKS
    );
    assert!(HOLDER >= 8 && HOLDER + 8 == SINCE && SINCE + 8 <= LOCK_STRIDE);
    // The largest channel's length still fits 63 bits.
    assert!((SLOT_PAYLOAD + CAPACITY_MAX) as u128 * (CONSUMERS_MAX as u128 + 2) < i64::MAX as u128);
};

/// The two objects of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// Header, `latest`, slots. Written by the producer alone.
    Data,
    /// Header, lock words. Written by every process that has a role.
    Locks,
}

/// A channel's dimensions cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// There must be 1 to 254 consumers.
    Consumers {
        /// How many were asked for.
        found: u64,
    },
    /// The capacity must be at most [`CAPACITY_MAX`], and fit the address space.
    Capacity {
        /// The bytes asked for.
        found: u64,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutError::Consumers { found } => {
                write!(f, "{found} consumers asked for; a channel has 1 to {CONSUMERS_MAX}")
            }
            LayoutError::Capacity { found } => {
                write!(
                    f,
                    "a capacity of {found} bytes asked for; a channel holds messages of 0 to {CAPACITY_MAX} bytes"
                )
            }
        }
    }
}

impl core::error::Error for LayoutError {}

/// The dimensions of a channel, and the arithmetic of its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    consumers: u8,
    slots: u16,
    capacity: usize,
    stride: usize,
}

impl Layout {
    /// A channel for `consumers` consumers (1 to 254) and messages of at most `capacity` bytes (0 to 2^40).
    ///
    /// # Errors
    /// A dimension is out of range.
    pub const fn new(consumers: u8, capacity: usize) -> Result<Self, LayoutError> {
        if consumers == 0 || consumers > CONSUMERS_MAX {
            return Err(LayoutError::Consumers { found: consumers as u64 });
        }
        if capacity > CAPACITY_MAX {
            return Err(LayoutError::Capacity { found: capacity as u64 });
        }
        let slots = consumers as u16 + 2;
        let stride = SLOT_PAYLOAD + capacity.next_multiple_of(PAYLOAD_ALIGN);
        match stride.checked_mul(slots as usize) {
            Some(length) if length <= isize::MAX as usize - SLOTS => Ok(Self { consumers, slots, capacity, stride }),
            _ => Err(LayoutError::Capacity { found: capacity as u64 }),
        }
    }

    /// The same channel with one slot too few, which breaks invariant 3: for checkers to show that they see it.
    #[must_use]
    pub const fn with_one_slot_too_few(mut self) -> Self {
        self.slots -= 1;
        self
    }

    /// How many consumers the channel has.
    #[must_use]
    pub const fn consumers(&self) -> u8 {
        self.consumers
    }

    /// How many slots: two more than consumers.
    #[must_use]
    pub const fn slots(&self) -> u16 {
        self.slots
    }

    /// Longest message, in bytes.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Length of an object, in bytes.
    #[must_use]
    pub const fn length(&self, object: Object) -> usize {
        match object {
            Object::Data => SLOTS + self.slots as usize * self.stride,
            Object::Locks => self.waits() + (self.consumers as usize * WAIT_STRIDE).next_multiple_of(64),
        }
    }

    /// The byte offset of the wait words in the locks object.
    const fn waits(&self) -> usize {
        LOCKS + self.consumers as usize * LOCK_STRIDE
    }

    /// The object and the byte offset of `word`; `None` if the channel has no such word.
    #[must_use]
    #[inline]
    pub const fn offset(&self, word: Word) -> Option<(Object, usize)> {
        match word {
            Word::Latest => Some((Object::Data, LATEST)),
            Word::Lock(consumer) if consumer < self.consumers => {
                Some((Object::Locks, LOCKS + consumer as usize * LOCK_STRIDE))
            }
            Word::Sequence(slot) if (slot as u16) < self.slots => {
                Some((Object::Data, SLOTS + slot as usize * self.stride + SLOT_SEQUENCE))
            }
            Word::Length(slot) if (slot as u16) < self.slots => {
                Some((Object::Data, SLOTS + slot as usize * self.stride + SLOT_LENGTH))
            }
            Word::Wait(consumer) if consumer < self.consumers => {
                Some((Object::Locks, self.waits() + consumer as usize * WAIT_STRIDE))
            }
            Word::Lock(_) | Word::Sequence(_) | Word::Length(_) | Word::Wait(_) => None,
        }
    }

    /// The byte offset of a slot's payload in the data object; `None` if the channel has no such slot.
    #[must_use]
    #[inline]
    pub const fn payload_offset(&self, slot: usize) -> Option<usize> {
        if slot < self.slots as usize { Some(SLOTS + slot * self.stride + SLOT_PAYLOAD) } else { None }
    }

    /// Length of a slot's payload area in bytes: the capacity, rounded up to whole words.
    #[must_use]
    #[inline]
    pub const fn payload_length(&self) -> usize {
        self.capacity.next_multiple_of(8)
    }
}

impl Numbering for Layout {
    type Word = Word;

    fn words(&self) -> usize {
        1 + 2 * self.consumers as usize + 2 * self.slots as usize
    }

    fn number(&self, word: Word) -> Option<usize> {
        self.offset(word)?;
        let locks = 1;
        let sequences = locks + self.consumers as usize;
        let lengths = sequences + self.slots as usize;
        Some(match word {
            Word::Latest => 0,
            Word::Lock(consumer) => locks + consumer as usize,
            Word::Sequence(slot) => sequences + slot as usize,
            Word::Length(slot) => lengths + slot as usize,
            Word::Wait(consumer) => lengths + self.slots as usize + consumer as usize,
        })
    }

    fn word(&self, number: usize) -> Option<Word> {
        let (locks, slots) = (usize::from(self.consumers), usize::from(self.slots));
        Some(match number {
            0 => Word::Latest,
            _ if number - 1 < locks => Word::Lock((number - 1) as u8),
            _ if number - 1 - locks < slots => Word::Sequence((number - 1 - locks) as u8),
            _ if number - 1 - locks < 2 * slots => Word::Length((number - 1 - locks - slots) as u8),
            _ if number - 1 - locks - 2 * slots < locks => Word::Wait((number - 1 - locks - 2 * slots) as u8),
            _ => return None,
        })
    }

    fn areas(&self) -> usize {
        self.slots as usize
    }

    fn area_words(&self) -> usize {
        self.payload_length() / 8
    }
}
