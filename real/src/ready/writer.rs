//! The writer of a mailbox.

use super::Attached;
use super::error::SendError;
use super::memory::MailboxMemory;
use crate::error::OpenError;
use crate::message::Message;
use crate::name::Name;
use crate::role::Held;
use crate::waiting;
use lastword_protocol::ready::{self as protocol, Sequence, State};
use std::marker::PhantomData;
use std::time::Duration;

/// The one process that sends messages to a mailbox.
///
/// The role lasts until this is dropped or the process dies. If a process dies that has forked, its child has the role
/// until it calls exec or is gone too; the child must not use it.
#[derive(Debug)]
pub struct Writer<T: Message + ?Sized> {
    inner: protocol::Writer<MailboxMemory>,
    recovery: State,
    name: Name,
    _held: Held,
    messages: PhantomData<fn(&T)>,
}

impl<T: Message + ?Sized> Writer<T> {
    pub(super) fn recover(attached: Attached) -> Result<Self, OpenError> {
        let Attached { name, memory, layout, held } = attached;
        match protocol::Writer::recover(memory, layout) {
            Ok((inner, recovery)) => Ok(Self { inner, recovery, name, _held: held, messages: PhantomData }),
            Err(source) => Err(OpenError::CorruptMailbox { mailbox: name.to_string(), source }),
        }
    }

    /// Sends a copy of `message`, if the one before it has been consumed; its number. Wait-free.
    ///
    /// # Errors
    /// The message before this one has not been consumed ([`SendError::Full`]), the message is longer than the
    /// mailbox's capacity, or a word in shared memory is garbage. Nothing was sent.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed on its way, the message is out whole, or was never sent; [`recovery`](Self::recovery)
    /// tells the successor which.
    #[inline]
    pub fn try_send(&mut self, message: &T) -> Result<Sequence, SendError> {
        self.inner.try_send(message.as_bytes()).map_err(|source| failed(&self.name, source))
    }

    /// Sends a copy of `message` when the one before it has been consumed; its number. [Waits](Self::wait) for that for
    /// at most `timeout`, which may be `None` to wait for ever.
    ///
    /// # Errors
    /// The time has passed ([`SendError::TimedOut`]), the message is longer than the mailbox's capacity, or a word in
    /// shared memory is garbage. Nothing was sent.
    ///
    /// # Crash safety
    /// *All or nothing*, as [`try_send`](Self::try_send).
    pub fn send(&mut self, message: &T, timeout: Option<Duration>) -> Result<Sequence, SendError> {
        match self.try_send(message) {
            Err(SendError::Full) => {}
            sent => return sent,
        }
        self.wait_past_the_last(timeout)?;
        self.try_send(message).map_err(|error| match (error, timeout) {
            (SendError::Full, Some(waited)) => SendError::TimedOut { mailbox: self.name.to_string(), waited },
            (error, _) => error,
        })
    }

    /// Waits until the message before has been consumed; false if it still has not been after `timeout`, which may be
    /// `None` to wait for ever. The next send or loan then finds the mailbox free.
    ///
    /// Spins for a few microseconds, then sleeps, and is woken by the reader's clear. A reader that is killed between
    /// clearing and waking leaves it asleep until there is another reader, but for 100 ms at most.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, SendError> {
        self.wait_past_the_last(timeout)?;
        match self.lend(0).map(drop) {
            Ok(()) => Ok(true),
            Err(SendError::Full) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The number of the last message sent, by this process or by a predecessor; `None` before the first. The next one
    /// gets the number after it.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    pub fn last(&self) -> Option<Sequence> {
        self.inner.last()
    }

    /// What was found when the role was taken: the number of the last message that a predecessor sent, and whether it
    /// still waited for the reader. A message that the predecessor was sending when it died is out if the number is
    /// that message's, and never will be if it is not.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    pub fn recovery(&self) -> State {
        self.recovery
    }

    /// Longest message, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.inner.layout().capacity()
    }

    /// Waits for as long as the last message waits for the reader, but no longer than `timeout`.
    fn wait_past_the_last(&self, timeout: Option<Duration>) -> Result<(), SendError> {
        let before = State { sequence: self.last(), set: true };
        let look = || Ok(waiting::seen(self.inner.memory().is_past(before)));
        let sleep = |limit| self.inner.sleep(limit).map(drop);
        let waited = waiting::wait(timeout, look, sleep);
        waited.map(drop).map_err(|source| failed(&self.name, protocol::SendError::Corrupt(source)))
    }

    fn lend(&mut self, length: usize) -> Result<Loan<'_, T>, SendError> {
        match self.inner.try_loan(length) {
            Ok(inner) => Ok(Loan { inner, name: &self.name, messages: PhantomData }),
            Err(source) => Err(failed(&self.name, source)),
        }
    }
}

impl<T: Message> Writer<T> {
    /// Lends the mailbox's payload, to write a message in place, if the one before it has been consumed. It holds the
    /// bytes of some older message.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    ///
    /// # Crash safety
    /// *Nothing to undo.* A loan that is dropped, forgotten or killed was never sent.
    #[inline]
    pub fn try_loan(&mut self) -> Result<Loan<'_, T>, SendError> {
        self.lend(size_of::<T>())
    }
}

impl Writer<[u8]> {
    /// Lends the mailbox's payload, to write a message of `length` bytes in place, if the one before it has been
    /// consumed. It holds the bytes of some older message.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    ///
    /// # Crash safety
    /// *Nothing to undo.* A loan that is dropped, forgotten or killed was never sent.
    #[inline]
    pub fn try_loan_bytes(&mut self, length: usize) -> Result<Loan<'_, [u8]>, SendError> {
        self.lend(length)
    }
}

/// The mailbox's payload lent to the writer, to be written in place and then sent.
///
/// Dropping it sends nothing.
#[derive(Debug)]
#[must_use = "a loan that is dropped is not sent"]
pub struct Loan<'w, T: Message + ?Sized> {
    inner: protocol::Loan<'w, MailboxMemory>,
    name: &'w Name,
    messages: PhantomData<fn(&T)>,
}

impl<T: Message + ?Sized> Loan<'_, T> {
    /// Copies `message` to the loan's beginning.
    ///
    /// # Errors
    /// It is longer than the loan, which a message of fixed size never is.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn write(&mut self, message: &T) -> Result<(), SendError> {
        self.write_at(0, message.as_bytes())
    }

    /// Copies `bytes` into the message, at byte `offset`.
    ///
    /// # Errors
    /// The range reaches beyond the loan.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> Result<(), SendError> {
        if self.inner.write(offset, bytes) {
            return Ok(());
        }
        let (end, length) = (offset.saturating_add(bytes.len()), self.len());
        Err(SendError::OutsideOfLoan { mailbox: self.name.to_string(), end, length })
    }

    /// The address of the message's first byte, a multiple of 64, for code that writes in place.
    ///
    /// Writing the [`len`](Self::len) bytes there is sound until the loan is sent or dropped: nobody reads them before.
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.inner.memory().payload_ptr()
    }

    /// Length of the message, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty message is a message")]
    pub fn len(&self) -> usize {
        self.inner.length()
    }

    /// Sends the message; its number.
    ///
    /// # Crash safety
    /// *All or nothing*, as [`Writer::try_send`].
    #[inline]
    pub fn send(self) -> Sequence {
        self.inner.send()
    }
}

fn failed(name: &Name, source: protocol::SendError) -> SendError {
    match source {
        protocol::SendError::Full => SendError::Full,
        protocol::SendError::TooLong { length, capacity } => {
            SendError::TooLong { mailbox: name.to_string(), length, capacity }
        }
        protocol::SendError::Corrupt(source) => SendError::Corrupt { mailbox: name.to_string(), source },
    }
}
