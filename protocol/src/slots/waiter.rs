//! Sleeping until there is another message: [`doze`](Waiter::doze), [`sleep`](Waiter::sleep).

use super::layout::Layout;
use super::site;
use super::word::{Corrupt, Stamp, Word, asleep_on, latest_bits};
use crate::memory::Memory;
use crate::sequence::Sequence;
use core::time::Duration;

/// One thread of a consumer's process that sleeps until there is another message.
///
/// It owns the consumer's wait word. Threads of the process may share that, if no two of them [`doze`](Self::doze) at
/// the same time: then what they note never goes back.
#[derive(Debug)]
pub struct Waiter<M> {
    memory: M,
    layout: Layout,
    consumer: u8,
}

/// What a consumer has noted that it will sleep on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "who dozes is about to sleep"]
pub struct Doze {
    newest: Option<Stamp>,
}

impl<M: Memory<Word = Word>> Waiter<M> {
    /// The waiter of a consumer; `None` where the channel has no such consumer. The caller sees to it that this process
    /// has its role.
    pub fn new(memory: M, layout: Layout, consumer: u8) -> Option<Self> {
        (consumer < layout.consumers()).then_some(Self { memory, layout, consumer })
    }

    pub(super) fn of(memory: M, layout: Layout, consumer: u8) -> Self {
        Self { memory, layout, consumer }
    }

    /// The memory that this waiter works on.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Notes that this process will sleep until there is another message than `seen`; `None` where there is one, or
    /// none although there was one. At most 2 shared accesses.
    ///
    /// # Errors
    /// `latest` is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.* What is noted costs the producer at most one wake in vain.
    pub fn doze(&self, seen: Option<Sequence>) -> Result<Option<Doze>, Corrupt> {
        // Relaxed `slots.look`: an old message is found to be one by `slots.sleep`, a new one is there to stay.
        // A death leaves nothing.
        let found = self.memory.load(Word::Latest, site::LOOK);
        let parsed = Stamp::parse(found, &self.layout);
        let newest = parsed.map_err(|why| Corrupt { word: Word::Latest, found, why })?;
        if newest.map(Stamp::sequence) != seen {
            return Ok(None);
        }
        // Relaxed `slots.doze`: the fence of `slots.sleep` orders it before the last look (Dekker).
        // Pairs with `slots.sleepers` (Producer::wake_sleepers).
        // Killed before: the wait word is an older one. Killed after: it is as if this process slept.
        self.memory.store(Word::Wait(self.consumer), asleep_on(newest), site::DOZE);
        Ok(Some(Doze { newest }))
    }

    /// Sleeps until there is another message than the one noted, for at most `limit`, or shorter for no reason: look
    /// again. One sleep.
    ///
    /// # Crash safety
    /// *Nothing to undo*, as [`doze`](Self::doze).
    pub fn sleep(&self, doze: Doze, limit: Duration) {
        // SeqCst, wait `slots.sleep`: looks after `slots.doze` (Dekker). Whoever publishes next has seen our wait word,
        // and wakes us; or has published before this, and we do not sleep. (Inv 7)
        // Pairs with `slots.publish`, `slots.sleepers`.
        // Killed before or after: the wait word stays.
        self.memory.wait(Word::Latest, latest_bits(doze.newest), limit, site::SLEEP);
    }
}
