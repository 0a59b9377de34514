//! The producer: [`recover`](Producer::recover), [`publish`](Producer::publish), [`loan`](Producer::loan).

use super::layout::Layout;
use super::site;
use super::word::{Corrupt, Garbage, Lock, Stamp, Word, asleep_on};
use crate::memory::Memory;
use crate::sequence::Sequence;
use core::fmt;

/// Why nothing was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The message is longer than the channel's capacity. Nothing was touched.
    TooLong {
        /// Length of the message, in bytes.
        length: usize,
        /// The channel's capacity, in bytes.
        capacity: usize,
    },
    /// The message is not as long as the channel's message type. Nothing was touched.
    NotOfType {
        /// Length of the message, in bytes.
        length: usize,
        /// The type's size, in bytes.
        size: usize,
    },
    /// The bytes written reach beyond the loan's length. Nothing was touched.
    OutsideOfLoan {
        /// Byte offset of the end of what was to be written.
        end: usize,
        /// The loan's length, in bytes.
        length: usize,
    },
    /// A word in shared memory is garbage. Nothing was published.
    Corrupt(Corrupt),
    /// Every slot is named by a lock word or by `latest`, which C consumers and C+2 slots cannot bring about: somebody
    /// else writes lock words, or two processes run one consumer. Nothing was published.
    NoFreeSlot,
}

impl From<Corrupt> for PublishError {
    fn from(corrupt: Corrupt) -> Self {
        PublishError::Corrupt(corrupt)
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::TooLong { length, capacity } => {
                write!(f, "the message has {length} bytes and the channel's capacity is {capacity}; create the channel with a larger one")
            }
            PublishError::NotOfType { length, size } => {
                write!(f, "the message has {length} bytes and the channel's message type has {size}; publish all of it")
            }
            PublishError::OutsideOfLoan { end, length } => {
                write!(f, "the write ends at byte {end} and the loan has {length} bytes")
            }
            PublishError::Corrupt(corrupt) => corrupt.fmt(f),
            PublishError::NoFreeSlot => f.write_str(
                "every slot is locked, which the channel's consumers cannot bring about: somebody else writes lock words; \
                 remove the channel and create it anew",
            ),
        }
    }
}

impl core::error::Error for PublishError {}

/// A set of slots, one bit each.
#[derive(Clone, Copy, Default)]
struct SlotSet([u64; 4]);

impl SlotSet {
    #[inline]
    fn insert(&mut self, slot: u8) {
        self.0[slot as usize / 64] |= 1 << (slot % 64);
    }
    #[inline]
    fn contains(&self, slot: u8) -> bool {
        self.0[slot as usize / 64] & 1 << (slot % 64) != 0
    }
}

/// The one process that publishes.
///
/// It owns `latest` and the slots: nobody else writes them. Foreign to it are the lock words, which it changes in one
/// way only, from Claim to Held.
#[derive(Debug)]
pub struct Producer<M> {
    memory: M,
    layout: Layout,
    /// What this process knows `latest` to be, since nobody else writes it.
    latest: Option<Stamp>,
}

impl<M: Memory<Word = Word>> Producer<M> {
    /// Takes up the producer's role, for the first time or after a predecessor's death: reads `latest`, continues from
    /// there, and wakes who sleeps. 1 shared access, and at most one wake.
    ///
    /// The caller sees to it that nobody else has the role.
    ///
    /// # Errors
    /// `latest` is garbage: the numbering is lost, and the channel has to be created anew.
    ///
    /// # Crash safety
    /// *Nothing to undo.* Recovery writes nothing, and wakes again if it is repeated. A publish that the predecessor
    /// was killed in has taken effect if [`last`](Self::last) names it, and never will if not.
    pub fn recover(memory: M, layout: Layout) -> Result<Self, Corrupt> {
        // Acquire `slots.resume`: the predecessor's last message happens-before our reading it back.
        // Pairs with `slots.publish`, of a process that is dead.
        // Killed before or after: nothing was changed.
        let found = memory.load(Word::Latest, site::RESUME);
        let latest = Stamp::parse(found, &layout).map_err(|why| Corrupt { word: Word::Latest, found, why })?;
        // Wake `slots.resume_wake` (Inv 7): the predecessor may have died after `slots.publish` and before `slots.wake`.
        // Killed before: the next successor wakes. Killed after: who slept is awake.
        memory.wake(Word::Latest, site::RESUME_WAKE);
        Ok(Self { memory, layout, latest })
    }

    /// The newest message, published by this process or by a predecessor; `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<Stamp> {
        self.latest
    }

    /// The channel's dimensions.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The memory that this producer works on.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Length in bytes of the newest message, for a restarted producer that restores its state from it; `None` before
    /// the first. 2 shared accesses.
    ///
    /// # Errors
    /// The slot's words are garbage.
    pub fn last_length(&self) -> Result<Option<usize>, Corrupt> {
        let Some(stamp) = self.latest else { return Ok(None) };
        let word = Word::Sequence(stamp.slot());
        // Relaxed `slots.reread_sequence`, `slots.reread_length`: our own words, or our predecessor's, which
        // `slots.resume` acquired. A death leaves nothing.
        let found = self.memory.load(word, site::REREAD_SEQUENCE);
        if found != stamp.sequence().get() {
            return Err(Corrupt { word, found, why: Garbage::OtherMessage { locked: stamp.sequence() } });
        }
        let found = self.memory.load(Word::Length(stamp.slot()), site::REREAD_LENGTH);
        parse_length(found, stamp.slot(), &self.layout).map(Some)
    }

    /// Reads bytes of the newest message back, from byte `offset`; false, and `into` untouched, where there is none or
    /// where the range reaches beyond the capacity.
    pub fn read_last(&self, offset: usize, into: &mut [u8]) -> bool {
        let Some(stamp) = self.latest else { return false };
        if !in_range(offset, into.len(), self.layout.capacity()) {
            return false;
        }
        self.memory.read(stamp.slot().into(), offset, into, site::REREAD);
        true
    }

    /// Publishes a copy of `message`, and wakes who sleeps. Wait-free: at most 4 C + 4 shared accesses, one write of
    /// the payload and, if a consumer sleeps, one wake.
    ///
    /// # Errors
    /// The message is too long, or a lock word is garbage; nothing was published, and publishing goes on as before when
    /// the cause is gone.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed before the store to `latest`, the message was never published and the slot is free;
    /// killed after it, the message is out.
    pub fn publish(&mut self, message: &[u8]) -> Result<Stamp, PublishError> {
        let loan = self.loan(message.len())?;
        loan.producer.memory.write(loan.slot.into(), 0, message, site::FILL);
        Ok(loan.publish())
    }

    /// Lends a free slot, to write a message of `length` bytes in place.
    ///
    /// The slot holds the bytes of some older message, or a dead process's half-written one.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    ///
    /// # Crash safety
    /// *Nothing to undo.* A loan that is dropped, forgotten or killed was never published, and its slot is free.
    pub fn loan(&mut self, length: usize) -> Result<Loan<'_, M>, PublishError> {
        if length > self.layout.capacity() {
            return Err(PublishError::TooLong { length, capacity: self.layout.capacity() });
        }
        let busy = self.scan()?;
        let slot = self.choose(&busy).ok_or(PublishError::NoFreeSlot)?;
        // Relaxed `slots.retire`: nobody acquires anything by it; the fence orders it before the payload.
        // Killed before or after: the slot is free and its content of no account (Inv 2).
        self.memory.store(Word::Sequence(slot), 0, site::RETIRE);
        // Release `slots.retire_fence`: whoever reads a byte of what is written next, and then fences, sees the 0.
        // Pairs with `slots.peek_fence` (Observer::peek).
        // Killed before or after: as above.
        self.memory.fence(site::RETIRE_FENCE);
        Ok(Loan { producer: self, slot, length })
    }

    /// The slots that lock words name. Helps every consumer that claims.
    fn scan(&self) -> Result<SlotSet, Corrupt> {
        let mut busy = SlotSet::default();
        for consumer in 0..self.layout.consumers() {
            let word = Word::Lock(consumer);
            let parse = |found| Lock::parse(found, &self.layout).map_err(|why| Corrupt { word, found, why });
            // SeqCst `slots.scan`: after our last `slots.publish` (Dekker), and acquires the consumer's last read.
            // Pairs with `slots.announce`, `slots.claim`, `slots.release`.
            // Killed before or after: nothing was changed.
            let mut lock = parse(self.memory.load(word, site::SCAN))?;
            if let (Lock::Claim, Some(newest)) = (lock, self.latest) {
                let held = Lock::Held(newest);
                // Release, Acquire `slots.help`: our last publish happens-before the consumer's reading of it; and what
                // it has read before this Claim, which need not be the one that the scan found, before the slot's
                // reuse.
                // Pairs with `slots.settle` (Consumer::acquire), and with `slots.claim`.
                // Killed before: the consumer settles by itself, or our successor helps. Killed after: it is helped.
                lock = match self.memory.compare_exchange(word, Lock::Claim.bits(), held.bits(), site::HELP) {
                    Ok(_) => held,
                    // The consumer settled by itself, and may have released since: scanned again, to acquire that.
                    Err(_) => parse(self.memory.load(word, site::SCAN))?,
                };
            }
            if let Some(stamp) = lock.stamp() {
                busy.insert(stamp.slot());
            }
        }
        Ok(busy)
    }

    /// Wakes the consumers that sleep until `latest` is no longer `before`. (Inv 7)
    ///
    /// One of them may have seen the new message already, and sleep on that, while another thread of its process still
    /// sleeps on `before`: what it has noted last is then the new one.
    #[inline]
    fn wake_sleepers(&self, before: Option<Stamp>) {
        let (before, now) = (asleep_on(before), asleep_on(self.latest));
        let sleeps = |consumer| {
            // SeqCst `slots.sleepers`: after `slots.publish` (Dekker).
            // Pairs with `slots.doze`, `slots.sleep`.
            // Killed before or after: nothing was changed.
            let noted = self.memory.load(Word::Wait(consumer), site::SLEEPERS);
            noted == before || noted == now
        };
        if (0..self.layout.consumers()).any(sleeps) {
            // Wake `slots.wake`.
            // Killed before: the next process in this role wakes (`slots.resume_wake`). Killed after: who slept is
            // awake.
            self.memory.wake(Word::Latest, site::WAKE);
        }
    }

    /// A slot that is neither busy nor the newest message's. (Inv 1)
    ///
    /// Slots are taken in turn from the newest one's on, so that a message stays for peeks as long as it can. Locks
    /// name at most C of the C+2 slots and `latest` one more, so one is left. (Inv 3)
    #[inline]
    fn choose(&self, busy: &SlotSet) -> Option<u8> {
        let slots = self.layout.slots();
        let start = self.latest.map_or(0, |stamp| u16::from(stamp.slot()) + 1);
        (start..slots).chain(0..start.saturating_sub(1)).map(|slot| slot as u8).find(|&slot| !busy.contains(slot))
    }
}

/// A slot lent to the producer, to be written in place and then published.
///
/// Dropping it publishes nothing.
#[derive(Debug)]
#[must_use = "a loan that is dropped is not published"]
pub struct Loan<'p, M> {
    producer: &'p mut Producer<M>,
    slot: u8,
    length: usize,
}

impl<M: Memory<Word = Word>> Loan<'_, M> {
    /// The slot.
    #[must_use]
    pub fn slot(&self) -> u8 {
        self.slot
    }

    /// Length of the message, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The memory that the slot is in.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.producer.memory
    }

    /// Copies `bytes` into the message, at byte `offset`.
    ///
    /// # Errors
    /// The range reaches beyond the loan's length.
    ///
    /// # Crash safety
    /// *Nothing to undo.* The message is not published yet.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), PublishError> {
        if !in_range(offset, bytes.len(), self.length) {
            let end = offset.saturating_add(bytes.len());
            return Err(PublishError::OutsideOfLoan { end, length: self.length });
        }
        self.producer.memory.write(self.slot.into(), offset, bytes, site::FILL);
        Ok(())
    }

    /// Publishes the message, and wakes who sleeps. At most C + 3 shared accesses and one wake.
    ///
    /// # Crash safety
    /// *All or nothing*, as [`Producer::publish`].
    pub fn publish(self) -> Stamp {
        let Self { producer, slot, length } = self;
        let sequence = producer.latest.map_or(Sequence::FIRST, |stamp| stamp.sequence().next());
        let stamp = Stamp::new(sequence, slot);
        // Relaxed `slots.measure`, `slots.seal`: released by `slots.publish`.
        // Killed before or after: the slot is free and its content of no account (Inv 2).
        producer.memory.store(Word::Length(slot), length as u64, site::MEASURE);
        producer.memory.store(Word::Sequence(slot), sequence.get(), site::SEAL);
        // SeqCst `slots.publish`: before our next `slots.scan` (Dekker); releases the slot's words and payload.
        // Pairs with `slots.recheck`, `slots.catch_up`, `slots.peek`.
        // Killed before: the slot stays free (Inv 2). Killed after: the message is out.
        producer.memory.store(Word::Latest, stamp.bits(), site::PUBLISH);
        let before = producer.latest.replace(stamp);
        producer.wake_sleepers(before);
        stamp
    }
}

pub(super) fn in_range(offset: usize, length: usize, end: usize) -> bool {
    offset.checked_add(length).is_some_and(|sum| sum <= end)
}

pub(super) fn parse_length(found: u64, slot: u8, layout: &Layout) -> Result<usize, Corrupt> {
    match usize::try_from(found) {
        Ok(length) if length <= layout.capacity() => Ok(length),
        _ => Err(Corrupt {
            word: Word::Length(slot),
            found,
            why: Garbage::LengthOverCapacity { capacity: layout.capacity() },
        }),
    }
}
