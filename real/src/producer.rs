//! The producer of a channel.

use crate::channel::Attached;
use crate::error::{AcquireError, OpenError, OsError, PublishError};
use crate::generation::Link;
use crate::holder::Holder;
use crate::message::{Message, check_fixed_length, fixed_length};
use crate::name::Name;
use crate::object::Object;
use crate::role::{Held, Role};
use crate::slots::SlotsMemory;
use lastword_protocol::slots::{self, Corrupt, Sequence};
use std::marker::PhantomData;
use std::sync::Arc;

/// The one process that publishes on a channel.
///
/// The role lasts until this is dropped or the process dies. If a process dies that has forked, its child has the role
/// until it calls exec or is gone too; the child must not use it.
#[derive(Debug)]
pub struct Producer<T: Message + ?Sized> {
    inner: slots::Producer<SlotsMemory>,
    /// The length that all messages have, if they have one.
    fixed: Option<usize>,
    name: Name,
    _held: Held,
    roles: Arc<Object>,
    link: Link,
    messages: PhantomData<fn(&T)>,
}

impl<T: Message + ?Sized> Producer<T> {
    pub(crate) fn recover(attached: Attached, link: Link) -> Result<Self, OpenError> {
        let Attached { name, memory, layout, fixed, held, roles } = attached;
        match slots::Producer::recover(memory, layout) {
            Ok(inner) => Ok(Self { inner, fixed, name, _held: held, roles, link, messages: PhantomData }),
            Err(source) => Err(OpenError::Corrupt { channel: name.to_string(), source }),
        }
    }

    /// Publishes a copy of `message`; its number. Wait-free.
    ///
    /// # Errors
    /// The message is longer than the channel's capacity or not as long as its type, or a word in shared memory is
    /// garbage. Nothing was published.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed on its way, the message is out whole, or was never published.
    #[inline]
    pub fn publish(&mut self, message: &T) -> Result<Sequence, PublishError> {
        let message = message.as_bytes();
        self.check_length(message.len())?;
        match self.inner.publish(message) {
            Ok(stamp) => Ok(stamp.sequence()),
            Err(source) => Err(failed(&self.name, source)),
        }
    }

    /// The number of the newest message, published by this process or by a predecessor; `None` before the first.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    pub fn last(&self) -> Option<Sequence> {
        self.inner.last().map(slots::Stamp::sequence)
    }

    /// The bytes of the newest message; `None` before the first.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn read_last_bytes(&self) -> Result<Option<Vec<u8>>, AcquireError> {
        let Some(length) = self.last_length()? else { return Ok(None) };
        let mut bytes = vec![0; length];
        Ok(self.inner.read_last(0, &mut bytes).then_some(bytes))
    }

    /// The live process that has the role of consumer `index`, as the kernel knows; `None` where none has, or where
    /// there is no such consumer.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn consumer(&self, index: u8) -> Result<Option<Holder>, OsError> {
        if index < self.consumers() { Holder::find(&self.roles, Role::Consumer(index)) } else { Ok(None) }
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

    fn last_length(&self) -> Result<Option<usize>, AcquireError> {
        let length = self.inner.last_length().and_then(|length| match (length, self.inner.last()) {
            (Some(length), Some(stamp)) => check_fixed_length(self.fixed, length, stamp.slot()).map(|()| Some(length)),
            _ => Ok(None),
        });
        length.map_err(|source: Corrupt| AcquireError { channel: self.name.to_string(), source })
    }

    /// Checks that a message to be published has the length that all have, if they have one and not the compiler has
    /// seen to it.
    #[inline]
    fn check_length(&self, length: usize) -> Result<(), PublishError> {
        match self.fixed {
            Some(size) if fixed_length::<T>().is_none() && size != length => {
                Err(failed(&self.name, slots::PublishError::NotOfType { length, size }))
            }
            _ => Ok(()),
        }
    }

    fn lend(&mut self, length: usize) -> Result<Loan<'_, T>, PublishError> {
        self.check_length(length)?;
        match self.inner.loan(length) {
            Ok(inner) => Ok(Loan { inner, name: &self.name, messages: PhantomData }),
            Err(source) => Err(failed(&self.name, source)),
        }
    }
}

impl<T: Message> Producer<T> {
    /// Lends a free slot, to write a message in place. It holds the bytes of some older message.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.* A loan that is dropped, forgotten or killed was never published.
    #[inline]
    pub fn loan(&mut self) -> Result<Loan<'_, T>, PublishError> {
        self.lend(size_of::<T>())
    }

    /// The newest message, to go on from where a predecessor was; `None` before the first.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn read_last(&self) -> Result<Option<T>, AcquireError> {
        if self.last_length()?.is_none() {
            return Ok(None);
        }
        let mut message = T::new_zeroed();
        Ok(self.inner.read_last(0, message.as_mut_bytes()).then_some(message))
    }
}

impl Producer<[u8]> {
    /// Lends a free slot, to write a message of `length` bytes in place. It holds the bytes of some older message.
    ///
    /// # Errors
    /// The length is more than the channel's capacity or not that of its type, or a word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.* A loan that is dropped, forgotten or killed was never published.
    #[inline]
    pub fn loan_bytes(&mut self, length: usize) -> Result<Loan<'_, [u8]>, PublishError> {
        self.lend(length)
    }
}

/// A slot lent to the producer, to be written in place and then published.
///
/// Dropping it publishes nothing.
#[derive(Debug)]
#[must_use = "a loan that is dropped is not published"]
pub struct Loan<'p, T: Message + ?Sized> {
    inner: slots::Loan<'p, SlotsMemory>,
    name: &'p Name,
    messages: PhantomData<fn(&T)>,
}

impl<T: Message + ?Sized> Loan<'_, T> {
    /// Copies `message` to the slot's beginning.
    ///
    /// # Errors
    /// It is longer than the loan, which a message of fixed size never is.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn write(&mut self, message: &T) -> Result<(), PublishError> {
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
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> Result<(), PublishError> {
        self.inner.write(offset, bytes).map_err(|source| failed(self.name, source))
    }

    /// The address of the message's first byte, a multiple of 64, for code that writes in place.
    ///
    /// Writing the [`len`](Self::len) bytes there is sound until the loan is published or dropped: no consumer reads
    /// them before. Observers may read them at the same time, atomically in words of 64 bits, and discard what they
    /// read. To be free of a data race with those, write with relaxed atomics, as [`write_at`](Self::write_at) does.
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.inner.memory().payload_ptr(self.inner.slot())
    }

    /// Length of the message, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty message is a message")]
    pub fn len(&self) -> usize {
        self.inner.length()
    }

    /// Publishes the message; its number.
    ///
    /// # Crash safety
    /// *All or nothing*, as [`Producer::publish`].
    #[inline]
    pub fn publish(self) -> Sequence {
        self.inner.publish().sequence()
    }
}

#[cold]
fn failed(name: &Name, source: slots::PublishError) -> PublishError {
    PublishError { channel: name.to_string(), source }
}
