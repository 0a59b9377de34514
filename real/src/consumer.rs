//! A consumer of a channel.

use crate::channel::Attached;
use crate::error::{AcquireError, OpenError, OsError};
use crate::generation::Link;
use crate::holder::Holder;
use crate::message::{Message, check_locked};
use crate::name::Name;
use crate::notifier::{Doze, Notifier};
use crate::object::Object;
use crate::region::process_id;
use crate::role::{Held, Role};
use crate::slots::SlotsMemory;
use crate::waiting;
use lastword_protocol::slots::{self, Corrupt, Garbage, Recovery, Sequence, Word};
use std::marker::PhantomData;
use std::mem::forget;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// One process that locks the most recent message of a channel, in place.
///
/// The role lasts until this is dropped or the process dies. A message that is still locked then
/// ([`Sample::keep`], or a kill) stays locked for the successor. If a process dies that has forked, its child has the
/// role until it calls exec or is gone too; the child must not use it.
#[derive(Debug)]
pub struct Consumer<T: Message + ?Sized> {
    inner: slots::Consumer<SlotsMemory>,
    /// The length that all messages have, if they have one.
    fixed: Option<usize>,
    recovery: Recovery,
    seen: Option<Sequence>,
    name: Name,
    doze: DozeUntilDropped,
    held: Held,
    roles: Arc<Object>,
    link: Link,
    messages: PhantomData<fn() -> Box<T>>,
}

/// Ends the notifiers' use of the wait word, before the role is given up.
#[derive(Debug)]
struct DozeUntilDropped {
    notifiers: Arc<Doze>,
    process: u32,
}

impl DozeUntilDropped {
    fn new() -> Self {
        Self { notifiers: Arc::default(), process: process_id() }
    }
}

impl Drop for DozeUntilDropped {
    /// A forked child has no such threads, and one of them may have had the lock when it was forked.
    fn drop(&mut self) {
        if self.process == process_id() {
            self.notifiers.end();
        }
    }
}

impl<T: Message + ?Sized> Consumer<T> {
    pub(crate) fn recover(attached: Attached, link: Link, index: u8) -> Result<Self, OpenError> {
        let Attached { name, memory, layout, fixed, held, roles } = attached;
        let Some((mut inner, mut recovery)) = slots::Consumer::recover(memory, layout, index) else {
            let consumers = layout.consumers();
            return Err(OpenError::NoSuchConsumer { channel: name.to_string(), index, consumers });
        };
        let mut seen = None;
        if let Recovery::Held(message) = recovery {
            match check_locked::<T>(&message, fixed) {
                Ok(sequence) => seen = Some(sequence),
                Err(corrupt) => {
                    inner.release();
                    recovery = Recovery::Repaired(corrupt);
                }
            }
        }
        let doze = DozeUntilDropped::new();
        Ok(Self { inner, fixed, recovery, seen, name, doze, held, roles, link, messages: PhantomData })
    }

    /// Locks the most recent message, giving up what was locked before; `None` where nothing has been published yet.
    ///
    /// The message is at least as new as the newest one whose publish returned before this call began, and never older
    /// than one that this consumer has had. The producer never waits for the sample to be dropped. Wait-free.
    ///
    /// # Errors
    /// A word in shared memory is garbage. Nothing is locked then.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed on its way, nothing is locked, or the successor finds the message locked
    /// ([`held`](Self::held)).
    #[inline]
    pub fn acquire(&mut self) -> Result<Option<Sample<'_, T>>, AcquireError> {
        match self.inner.acquire() {
            Ok(None) if self.seen.is_some() => Err(self.vanished()),
            Ok(None) => Ok(None),
            Ok(Some(message)) => match check_locked::<T>(&message, self.fixed) {
                Ok(sequence) => {
                    self.seen = Some(sequence);
                    Ok(Some(Sample { message, consumer: self }))
                }
                Err(source) => {
                    self.inner.release();
                    Err(self.failed(source))
                }
            },
            Err(source) => Err(self.failed(source)),
        }
    }

    /// The message that is locked now: one that was kept ([`Sample::keep`]), or that a dead predecessor had locked.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn held(&mut self) -> Option<Sample<'_, T>> {
        let message = self.inner.held()?;
        Some(Sample { message, consumer: self })
    }

    /// What was found when the role was taken.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// The number of the newest message, without locking it; `None` before the first.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn newest(&self) -> Result<Option<Sequence>, AcquireError> {
        match self.inner.newest() {
            Ok(None) if self.seen.is_some() => Err(self.vanished()),
            Ok(stamp) => Ok(stamp.map(slots::Stamp::sequence)),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Whether there is a message that this consumer has not had. A new process has had none but what it found locked.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn has_newer(&self) -> Result<bool, AcquireError> {
        Ok(self.newest()?.is_some_and(|newest| Some(newest) != self.seen))
    }

    /// Waits until there is a message that this consumer has not had; false if there still is none after `timeout`,
    /// which may be `None` to wait for ever, or if there is none and the channel was replaced
    /// ([`is_replaced`](Self::is_replaced)).
    ///
    /// Spins for a few microseconds, then sleeps, and is woken by the publish. A producer that is killed between
    /// publishing and waking leaves it asleep until there is another producer, but for 100 ms at most. So long it
    /// may take to see that the channel was replaced, or that a word has become garbage. That a channel was removed
    /// by force is never seen.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, AcquireError> {
        let (waiter, seen) = (self.inner.waiter(), self.seen);
        let look = || match self.has_newer()? {
            false if self.link.is_replaced() => Ok(ControlFlow::Break(false)),
            is_there => Ok(waiting::seen(is_there)),
        };
        let sleep = |limit| {
            // It ends only when this consumer is dropped.
            let dozes = self.doze.notifiers.alone(|| waiter.doze(seen)).unwrap_or(Ok(None));
            if let Some(doze) = dozes.map_err(|source| self.failed(source))? {
                waiter.sleep(doze, limit);
            }
            Ok(())
        };
        waiting::wait(timeout, look, sleep)
    }

    #[cfg(test)]
    pub(crate) fn sleep_without_backstop(&self) {
        let waiter = self.inner.waiter();
        while let Some(doze) = waiter.doze(self.seen).expect("no garbage") {
            waiter.sleep(doze, Duration::MAX);
        }
    }

    /// Waits as [`wait`](Self::wait) does, and locks the message; `None` if there is none after `timeout`, or none any
    /// more.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    ///
    /// # Crash safety
    /// *All or nothing*, as [`acquire`](Self::acquire).
    pub fn acquire_newer(&mut self, timeout: Option<Duration>) -> Result<Option<Sample<'_, T>>, AcquireError> {
        if self.wait(timeout)? { self.acquire() } else { Ok(None) }
    }

    /// A file descriptor that becomes readable when there is a message that this consumer has not had: for event loops
    /// and async runtimes.
    ///
    /// # Errors
    /// The process may have no more descriptors or threads.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn notifier(&self) -> Result<Notifier, OsError> {
        let memory = self.inner.memory().clone();
        let (link, notifiers) = (self.link.clone(), Arc::clone(&self.doze.notifiers));
        Notifier::start(self.name.as_str(), memory, link, self.index(), self.seen, notifiers)
    }

    /// Makes `notifier`'s descriptor unreadable until there is a message that this consumer has not had. If there is
    /// one already, or the channel was replaced, it is readable again at once; so is one of another consumer.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn rearm(&self, notifier: &Notifier) {
        notifier.rearm(&self.doze.notifiers, self.seen);
    }

    /// The live process that has the producer's role, as the kernel knows; `None` where none has.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn producer(&self) -> Result<Option<Holder>, OsError> {
        Holder::find(&self.roles, Role::Producer)
    }

    /// This consumer's index.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.inner.index()
    }

    /// Whether the channel was replaced ([`Channel::replace`]), so that who opens it now gets another one. One load.
    ///
    /// [`Channel::replace`]: crate::Channel::replace
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    #[inline]
    pub fn is_replaced(&self) -> bool {
        self.link.is_replaced()
    }

    /// How many consumers the channel has.
    #[must_use]
    pub fn consumers(&self) -> u8 {
        self.inner.layout().consumers()
    }

    /// Longest message, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.inner.layout().capacity()
    }

    /// Messages do not vanish: somebody has cut the object, or written to it.
    #[cold]
    fn vanished(&self) -> AcquireError {
        let why = Garbage::Unexpected { expected: "a message, since there has been one" };
        self.failed(Corrupt { word: Word::Latest, found: 0, why })
    }

    #[cold]
    fn failed(&self, source: Corrupt) -> AcquireError {
        AcquireError { channel: self.name.to_string(), source }
    }
}

/// A locked message. Dropping it releases the message, as a courtesy to nobody: a consumer that never releases takes
/// nothing from the producer or from other consumers.
#[derive(Debug)]
pub struct Sample<'c, T: Message + ?Sized> {
    message: slots::Message,
    consumer: &'c mut Consumer<T>,
}

impl<T: Message + ?Sized> Sample<'_, T> {
    /// The message's number.
    #[must_use]
    #[inline]
    pub fn sequence(&self) -> Sequence {
        self.message.stamp().sequence()
    }

    /// The message's length, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty message is a message")]
    #[inline]
    pub fn len(&self) -> usize {
        self.message.length()
    }

    /// Copies as much of the message as `into` has room for; how many bytes that was.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn read_into(&self, into: &mut [u8]) -> usize {
        let length = into.len().min(self.len());
        // The range lies in the message that is locked, so this does not fail.
        if self.consumer.inner.read(0, &mut into[..length]) { length } else { 0 }
    }

    /// The message's bytes.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len()];
        self.read_into(&mut bytes);
        bytes
    }

    /// The address of the message's first byte, a multiple of 64, for code that reads in place.
    ///
    /// Reading the [`len`](Self::len) bytes there, through a reference too, is sound while the sample lives, provided
    /// that every process that has write access to the channel runs this protocol: then nobody writes them. The mapping
    /// is read-only; a write through this pointer is SIGSEGV.
    #[must_use]
    #[inline]
    pub fn as_ptr(&self) -> *const u8 {
        self.consumer.inner.memory().payload_ptr(self.message.stamp().slot())
    }

    /// Keeps the message locked beyond the life of this guard, until the next [`Consumer::acquire`];
    /// [`Consumer::held`] gives it again.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn keep(self) {
        forget(self);
    }
}

impl<T: Message> Sample<'_, T> {
    /// A copy of the message.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    #[inline]
    pub fn read(&self) -> T {
        let mut message = T::new_zeroed();
        self.read_into(message.as_mut_bytes());
        message
    }
}

impl<T: Message + ?Sized> Drop for Sample<'_, T> {
    /// A forked child that drops its copy leaves its parent's message locked.
    #[inline]
    fn drop(&mut self) {
        if self.consumer.held.is_ours() {
            self.consumer.inner.release();
        }
    }
}
