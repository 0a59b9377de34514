//! The writer of a mailbox.

use super::Attached;
use super::error::SendError;
use super::memory::MailboxMemory;
use crate::error::OpenError;
use crate::message::Message;
use crate::name::Name;
use crate::role::Held;
use lastword_protocol::ready::{self as protocol, Sequence, State};
use std::marker::PhantomData;

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
    /// The message before this one has not been consumed ([`SendError::Full`]), the message is longer than the mailbox's
    /// capacity, or a word in shared memory is garbage. Nothing was sent.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed on its way, the message is out whole, or was never sent; [`recovery`](Self::recovery)
    /// tells the successor which.
    #[inline]
    pub fn try_send(&mut self, message: &T) -> Result<Sequence, SendError> {
        self.inner.try_send(message.as_bytes()).map_err(|source| failed(&self.name, source))
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
