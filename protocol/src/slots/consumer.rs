//! A consumer: [`recover`](Consumer::recover), [`acquire`](Consumer::acquire), [`read`](Consumer::read),
//! [`release`](Consumer::release).

use super::layout::Layout;
use super::producer::{in_range, parse_length};
use super::site;
use super::waiter::Waiter;
use super::word::{Corrupt, Garbage, Lock, Stamp, Word};
use crate::memory::Memory;

/// A message that a consumer has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    stamp: Stamp,
    length: usize,
}

impl Message {
    /// Its sequence number and slot.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Its length, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }
}

/// What a consumer found when it took up its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing was locked: the role is new, or its last holder had released.
    Nothing,
    /// The last holder died while it was acquiring. It had locked nothing yet.
    Interrupted,
    /// The last holder had locked this message, which is still locked and may be read again.
    Held(Message),
    /// The lock word was garbage, or named a slot with another message. It has been set to Free.
    Repaired(Corrupt),
}

/// One process that locks the most recent message in place.
///
/// It owns its lock word. Foreign to it are `latest` and the slots, which it never writes; and in its own word one
/// transition, from Claim to Held, which the producer may make in its stead.
#[derive(Debug)]
pub struct Consumer<M> {
    memory: M,
    layout: Layout,
    index: u8,
    held: Option<Message>,
}

impl<M: Memory<Word = Word>> Consumer<M> {
    /// Takes up the role of consumer `index`, for the first time or after a predecessor's death. At most 4 shared
    /// accesses.
    ///
    /// The caller sees to it that nobody else has the role. `None` where the channel has no such consumer.
    ///
    /// # Crash safety
    /// *Repeatable.* Killed at any point, the next recovery does the same.
    pub fn recover(memory: M, layout: Layout, index: u8) -> Option<(Self, Recovery)> {
        if index >= layout.consumers() {
            return None;
        }
        let word = Word::Lock(index);
        let mut consumer = Self { memory, layout, index, held: None };
        // Acquire `slots.recover`: the message's publish happens-before our reading it.
        // Pairs with `slots.hold`, `slots.settle` of a process that is dead, and with `slots.help`.
        // Killed before or after: nothing was changed.
        let found = consumer.memory.load(word, site::RECOVER);
        let recovery = match Lock::parse(found, &layout) {
            Ok(Lock::Free) => Recovery::Nothing,
            Ok(lock) => match lock.recovered().map(|stamp| consumer.measure(stamp)) {
                Some(Ok(message)) => Recovery::Held(message),
                Some(Err(corrupt)) => Recovery::Repaired(corrupt),
                None => Recovery::Interrupted,
            },
            Err(why) => Recovery::Repaired(Corrupt { word, found, why }),
        };
        match recovery {
            Recovery::Nothing => {}
            Recovery::Held(message) => consumer.held = Some(message),
            // Release `slots.abandon`: what the predecessor read happens-before the slot's reuse.
            // Pairs with `slots.scan`. The producer's help may have come in between: it made the word Held, and we
            // overwrite that too, having promised nothing.
            // Killed before: the word is as it was, and recovery begins again. Killed after: Free.
            Recovery::Interrupted | Recovery::Repaired(_) => {
                consumer.memory.store(word, Lock::Free.bits(), site::ABANDON);
            }
        }
        Some((consumer, recovery))
    }

    /// This consumer's index.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// The channel's dimensions.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The memory that this consumer works on.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The message that is locked now.
    #[must_use]
    pub fn held(&self) -> Option<Message> {
        self.held
    }

    /// The stamp of the newest message, without locking it; `None` before the first. 1 shared access.
    ///
    /// # Errors
    /// `latest` is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn newest(&self) -> Result<Option<Stamp>, Corrupt> {
        // SeqCst `slots.observe`: as fresh as an acquire. Pairs with `slots.publish`. A death leaves nothing.
        self.latest(site::OBSERVE)
    }

    /// Locks the most recent message, giving up what was locked before; `None` where nothing has been published yet.
    ///
    /// The message is at least as new as the newest one whose publish returned before this call began, and never older
    /// than one that this consumer has had. It stays as it is until [`release`](Self::release), the next `acquire`, or
    /// the recovery of a successor. Wait-free: at most 8 shared accesses, 1 of them a locked instruction on the fast
    /// path (x86-64); 9 where a word is garbage.
    ///
    /// # Errors
    /// A word is garbage. Nothing is locked then.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed before the word becomes Held, nothing is locked; killed after it, the successor finds
    /// the message locked ([`Recovery::Held`]).
    pub fn acquire(&mut self) -> Result<Option<Message>, Corrupt> {
        // SeqCst `slots.observe`: "nothing yet" is as fresh an answer as any other. What is announced is checked again.
        // Pairs with `slots.publish`.
        // Killed after: what was held before is held still.
        let observed = match self.latest(site::OBSERVE) {
            Ok(Some(observed)) => observed,
            nothing => {
                self.release();
                return nothing.map(|_| None);
            }
        };
        self.held = None;
        let message = self.lock(observed).and_then(|stamp| self.measure(stamp));
        match message {
            Ok(message) => {
                self.held = Some(message);
                Ok(Some(message))
            }
            Err(corrupt) => {
                // Release `slots.abandon`: what we read before happens-before its slot's reuse.
                // Pairs with `slots.scan`.
                // Killed before: recovery finds the word as it is, and frees or repairs it. Killed after: Free.
                self.memory.store(Word::Lock(self.index), Lock::Free.bits(), site::ABANDON);
                Err(corrupt)
            }
        }
    }

    fn lock(&self, observed: Stamp) -> Result<Stamp, Corrupt> {
        let word = Word::Lock(self.index);
        // SeqCst `slots.announce`: before `slots.recheck` (Dekker); releases what we read before.
        // Pairs with `slots.scan` (Producer::scan).
        // Killed after: Tentative keeps one slot from the producer until recovery makes it Free (Inv 3, Inv 6).
        self.memory.store(word, Lock::Tentative(observed).bits(), site::ANNOUNCE);
        // SeqCst `slots.recheck`: after `slots.announce` (Dekker); acquires the message.
        // Pairs with `slots.publish`.
        if self.latest(site::RECHECK)? == Some(observed) {
            // Release `slots.hold`: what we read before this acquire happens-before its slot's reuse.
            // Pairs with `slots.scan`.
            // Killed before: recovery finds Tentative, and frees it. Killed after: Held; the successor may read.
            self.memory.store(word, Lock::Held(observed).bits(), site::HOLD);
            return Ok(observed);
        }
        // A newer message came in between. From here on the producer helps: trying again could take for ever.
        //
        // SeqCst `slots.claim`: before `slots.catch_up` (Dekker); releases what we read before.
        // Pairs with `slots.scan`.
        // Killed after: Claim, or Held by the producer's help; recovery frees the one and may read the other.
        self.memory.store(word, Lock::Claim.bits(), site::CLAIM);
        // SeqCst `slots.catch_up`: after `slots.claim` (Dekker); acquires the message.
        // Pairs with `slots.publish`.
        let Some(newest) = self.latest(site::CATCH_UP)? else {
            return Err(Corrupt {
                word: Word::Latest,
                found: 0,
                why: Garbage::Unexpected { expected: "a stamp, as was there before" },
            });
        };
        // Either the producer has not scanned since our claim, and then `newest` or the message after it is its last
        // and the slot is safe; or it has, and has given us a message.
        //
        // Release, Acquire `slots.settle`: a failure acquires the message that the producer gave us.
        // Pairs with `slots.help`.
        // Killed before: Claim or Held, as above. Killed after: Held.
        let held = Lock::Held(newest).bits();
        match self.memory.compare_exchange(word, Lock::Claim.bits(), held, site::SETTLE) {
            Ok(_) => Ok(newest),
            Err(found) => match Lock::parse(found, &self.layout) {
                Ok(Lock::Held(given)) => Ok(given),
                Ok(_) => Err(Corrupt { word, found, why: Garbage::Unexpected { expected: "Claim or Held" } }),
                Err(why) => Err(Corrupt { word, found, why }),
            },
        }
    }

    /// Reads bytes of the locked message, from byte `offset`; false, and `into` untouched, where nothing is locked or
    /// where the range reaches beyond the message.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    pub fn read(&self, offset: usize, into: &mut [u8]) -> bool {
        match self.held {
            Some(message) if in_range(offset, into.len(), message.length) => {
                self.memory.read(message.stamp.slot().into(), offset, into, site::READ);
                true
            }
            _ => false,
        }
    }

    /// Gives up what is locked, if anything. At most 1 shared access.
    ///
    /// # Crash safety
    /// *All or nothing.*
    pub fn release(&mut self) {
        if self.held.take().is_some() {
            // Release `slots.release`: what we read happens-before the slot is written again.
            // Pairs with `slots.scan`.
            // Killed before: Held; the successor may read it again. Killed after: Free.
            self.memory.store(Word::Lock(self.index), Lock::Free.bits(), site::RELEASE);
        }
    }

    /// What it takes to sleep until there is a message that this consumer has not seen.
    #[must_use]
    pub fn waiter(&self) -> Waiter<&M> {
        Waiter::of(&self.memory, self.layout, self.index)
    }

    #[inline]
    fn latest(&self, site: &'static crate::memory::Site) -> Result<Option<Stamp>, Corrupt> {
        let found = self.memory.load(Word::Latest, site);
        Stamp::parse(found, &self.layout).map_err(|why| Corrupt { word: Word::Latest, found, why })
    }

    /// The locked message's length, and whether it is that message at all.
    #[inline]
    fn measure(&self, stamp: Stamp) -> Result<Message, Corrupt> {
        let word = Word::Sequence(stamp.slot());
        // Relaxed `slots.verify`, `slots.length`: ordered by the load or compare-exchange that gave us the stamp.
        let found = self.memory.load(word, site::VERIFY);
        if found != stamp.sequence().get() {
            return Err(Corrupt { word, found, why: Garbage::OtherMessage { locked: stamp.sequence() } });
        }
        let found = self.memory.load(Word::Length(stamp.slot()), site::LENGTH);
        Ok(Message { stamp, length: parse_length(found, stamp.slot(), &self.layout)? })
    }
}
