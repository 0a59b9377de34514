//! The packed words of `slots`, their legal states and their transitions.
//!
//! ```text
//!            63 62 | 61                                        8 | 7       0
//! latest       0   | sequence, 1 .. 2^54-1; the word 0: nothing  |   slot
//! lock[c]     tag  | sequence                                    |   slot
//! slot[s].seq  0   |                  0 | sequence, 0 while being rewritten
//! wait[c]      2   | what `latest` was when consumer c last went to sleep; the word 0: never
//! ```
//!
//! | tag | lock state | names a slot | who may write it | what recovery makes of it |
//! |---|---|---|---|---|
//! | 0 | Free (the word 0) | no | consumer c | Free |
//! | 1 | Claim (all else 0) | no | consumer c | Free: nothing was locked |
//! | 2 | Tentative(stamp) | yes, never read | consumer c | Free: the slot may have been rewritten before the store |
//! | 3 | Held(stamp) | yes | consumer c, or the producer by compare-exchange from Claim | Held: the message may be read again |
//!
//! Every other word is garbage that some process wrote: [`Garbage`].

use super::layout::Layout;
use crate::sequence::Sequence;
use core::fmt;

const SLOT_BITS: u32 = 8;
const SEQUENCE_BITS: u32 = Sequence::BITS;
const TAG_SHIFT: u32 = SLOT_BITS + SEQUENCE_BITS;
const _: () = assert!(TAG_SHIFT + 2 == u64::BITS);

/// The names of the words of a `slots` channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// The stamp of the newest message. Written by the producer.
    Latest,
    /// The lock word of a consumer. Written by that consumer, and by the producer to help it.
    Lock(u8),
    /// The sequence number of the message in a slot; 0 while it is rewritten. Written by the producer.
    Sequence(u8),
    /// The length in bytes of the message in a slot. Written by the producer.
    Length(u8),
    /// The wait word of a consumer: what `latest` was when it last went to sleep. Written by that consumer.
    Wait(u8),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Latest => f.write_str("latest"),
            Word::Lock(consumer) => write!(f, "lock[{consumer}]"),
            Word::Sequence(slot) => write!(f, "slot[{slot}].seq"),
            Word::Length(slot) => write!(f, "slot[{slot}].length"),
            Word::Wait(consumer) => write!(f, "wait[{consumer}]"),
        }
    }
}

/// What is wrong with a word found in shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// It names a slot that the channel does not have.
    SlotOutOfRange {
        /// The slot named.
        slot: u8,
        /// How many slots there are.
        slots: u16,
    },
    /// It is not 0, but its sequence number is.
    NoSequence,
    /// Bits are set that this state of the word does not have.
    StrayBits,
    /// The length is more than the channel's capacity.
    LengthOverCapacity {
        /// The capacity in bytes.
        capacity: usize,
    },
    /// A locked slot holds another message than the one that was locked.
    OtherMessage {
        /// The sequence number that was locked.
        locked: Sequence,
    },
    /// A word that no process of this protocol puts here at this point.
    Unexpected {
        /// What should have been found.
        expected: &'static str,
    },
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Garbage::SlotOutOfRange { slot, slots } => {
                write!(f, "it names slot {slot}, and the channel has slots 0 to {}", slots.saturating_sub(1))
            }
            Garbage::NoSequence => f.write_str("it names a slot but its sequence number is 0"),
            Garbage::StrayBits => f.write_str("bits are set that no state of this word has"),
            Garbage::LengthOverCapacity { capacity } => write!(f, "the channel's capacity is {capacity} bytes"),
            Garbage::OtherMessage { locked } => write!(f, "message {locked} was locked in this slot"),
            Garbage::Unexpected { expected } => write!(f, "expected {expected}"),
        }
    }
}

/// A word in shared memory that no process running this protocol writes.
///
/// Somebody else wrote into the channel. Nothing was done on the strength of the word. What helps: where it is a lock
/// word, restarting that consumer (taking its role repairs its word); otherwise, creating the channel anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// The word.
    pub word: Word,
    /// What was found in it.
    pub found: u64,
    /// Why it cannot be.
    pub why: Garbage,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the word {} is corrupt: found {:#x}; {}; ", self.word, self.found, self.why)?;
        match self.word {
            Word::Lock(consumer) => write!(f, "restart consumer {consumer}, which repairs its word"),
            _ => f.write_str("remove the channel and create it anew"),
        }
    }
}

impl core::error::Error for Corrupt {}

/// A message and where it is: its sequence number and its slot, packed into one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    sequence: Sequence,
    slot: u8,
}

impl Stamp {
    /// The stamp of message `sequence` in `slot`.
    #[must_use]
    pub const fn new(sequence: Sequence, slot: u8) -> Self {
        Self { sequence, slot }
    }

    /// The message's sequence number.
    #[must_use]
    pub const fn sequence(self) -> Sequence {
        self.sequence
    }

    /// The slot that the message is in.
    #[must_use]
    pub const fn slot(self) -> u8 {
        self.slot
    }

    /// The packed word.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.sequence.get() << SLOT_BITS | self.slot as u64
    }

    /// Parses the word `latest`: `None` is "nothing published yet".
    ///
    /// # Errors
    /// The word is garbage.
    #[inline]
    pub const fn parse(bits: u64, layout: &Layout) -> Result<Option<Self>, Garbage> {
        if bits == 0 {
            return Ok(None);
        }
        if bits >> TAG_SHIFT != 0 {
            return Err(Garbage::StrayBits);
        }
        match Self::parse_named(bits, layout) {
            Ok(stamp) => Ok(Some(stamp)),
            Err(why) => Err(why),
        }
    }

    #[inline]
    const fn parse_named(bits: u64, layout: &Layout) -> Result<Self, Garbage> {
        let slot = (bits & ((1 << SLOT_BITS) - 1)) as u8;
        if slot as u16 >= layout.slots() {
            return Err(Garbage::SlotOutOfRange { slot, slots: layout.slots() });
        }
        match Sequence::new(bits >> SLOT_BITS & Sequence::LAST.get()) {
            Some(sequence) => Ok(Self { sequence, slot }),
            None => Err(Garbage::NoSequence),
        }
    }
}

/// The wait word of a consumer that sleeps for as long as `latest` is `seen`. Nobody parses it: whoever publishes
/// compares.
#[must_use]
#[inline]
pub const fn asleep_on(seen: Option<Stamp>) -> u64 {
    const ASLEEP: u64 = 1 << (u64::BITS - 1);
    ASLEEP | latest_bits(seen)
}

/// The word `latest`.
#[must_use]
#[inline]
pub(super) const fn latest_bits(latest: Option<Stamp>) -> u64 {
    match latest {
        None => 0,
        Some(stamp) => stamp.bits(),
    }
}

/// The state of a consumer's lock word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lock {
    /// The consumer locks nothing.
    Free,
    /// The consumer asks for whatever is newest. The producer, seeing this, gives it its newest message.
    Claim,
    /// The consumer wants this message and has not yet seen whether it was still in time. The slot is never read.
    Tentative(Stamp),
    /// The consumer has locked this message. Its slot is not written until the word changes.
    Held(Stamp),
}

const FREE: u64 = 0;
const CLAIM: u64 = 1;
const TENTATIVE: u64 = 2;
const HELD: u64 = 3;

impl Lock {
    /// The packed word.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u64 {
        match self {
            Lock::Free => FREE,
            Lock::Claim => CLAIM << TAG_SHIFT,
            Lock::Tentative(stamp) => TENTATIVE << TAG_SHIFT | stamp.bits(),
            Lock::Held(stamp) => HELD << TAG_SHIFT | stamp.bits(),
        }
    }

    /// Parses a lock word.
    ///
    /// # Errors
    /// The word is garbage.
    #[inline]
    pub const fn parse(bits: u64, layout: &Layout) -> Result<Self, Garbage> {
        let rest = bits & ((1 << TAG_SHIFT) - 1);
        match (bits >> TAG_SHIFT, rest) {
            (FREE, 0) => Ok(Lock::Free),
            (CLAIM, 0) => Ok(Lock::Claim),
            (FREE | CLAIM, _) => Err(Garbage::StrayBits),
            (tag, _) => match Stamp::parse_named(rest, layout) {
                Ok(stamp) if tag == TENTATIVE => Ok(Lock::Tentative(stamp)),
                Ok(stamp) => Ok(Lock::Held(stamp)),
                Err(why) => Err(why),
            },
        }
    }

    /// The message that the word keeps the producer away from, if any.
    #[must_use]
    #[inline]
    pub const fn stamp(self) -> Option<Stamp> {
        match self {
            Lock::Free | Lock::Claim => None,
            Lock::Tentative(stamp) | Lock::Held(stamp) => Some(stamp),
        }
    }

    /// What a restarted consumer has of its predecessor's lock: the message, if it was held. (Inv 6)
    #[must_use]
    #[inline]
    pub const fn recovered(self) -> Option<Stamp> {
        match self {
            Lock::Held(stamp) => Some(stamp),
            Lock::Free | Lock::Claim | Lock::Tentative(_) => None,
        }
    }
}
