//! An observer of a channel.

use crate::error::{OsError, PeekError};
use crate::generation::Link;
use crate::holder::Holder;
use crate::message::{Message, check_length};
use crate::name::Name;
use crate::object::Object;
use crate::role::Role;
use crate::slots::SlotsMemory;
use lastword_protocol::slots::{self, Layout, Sequence};
use std::marker::PhantomData;
use std::sync::Arc;

const ATTEMPTS: u32 = 64;

/// A process that copies the most recent message without locking it. There may be any number, and nobody notices them.
#[derive(Debug)]
pub struct Observer<T: Message + ?Sized> {
    inner: slots::Observer<SlotsMemory>,
    name: Name,
    roles: Arc<Object>,
    link: Link,
    messages: PhantomData<fn() -> Box<T>>,
}

impl<T: Message + ?Sized> Observer<T> {
    pub(crate) fn new(name: Name, memory: SlotsMemory, layout: Layout, roles: Arc<Object>, link: Link) -> Self {
        Self { inner: slots::Observer::new(memory, layout), name, roles, link, messages: PhantomData }
    }

    /// The number of the newest message; `None` before the first.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn newest(&self) -> Result<Option<Sequence>, PeekError> {
        match self.inner.newest() {
            Ok(stamp) => Ok(stamp.map(slots::Stamp::sequence)),
            Err(corrupt) => Err(self.failed(slots::PeekError::Corrupt(corrupt))),
        }
    }

    /// A copy of the bytes of the most recent message, and its number; `None` before the first.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn peek_bytes(&self) -> Result<Option<(Sequence, Vec<u8>)>, PeekError> {
        let mut bytes = Vec::new();
        Ok(self.peek_into(&mut bytes)?.map(|sequence| (sequence, bytes)))
    }

    /// Copies the most recent message over what is in `bytes`, and gives its number; `None` before the first. Allocates
    /// only where a message is longer than any before it.
    ///
    /// # Errors
    /// As [`peek`](Self::peek). What is in `bytes` then is of no account.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn peek_into(&self, bytes: &mut Vec<u8>) -> Result<Option<Sequence>, PeekError> {
        for _ in 0..ATTEMPTS {
            bytes.resize(bytes.capacity(), 0);
            match self.inner.peek(bytes, ATTEMPTS) {
                Ok(None) => {
                    bytes.clear();
                    return Ok(None);
                }
                Ok(Some((stamp, length))) => {
                    check_length::<T>(length, stamp.slot())
                        .map_err(|corrupt| self.failed(slots::PeekError::Corrupt(corrupt)))?;
                    bytes.truncate(length);
                    return Ok(Some(stamp.sequence()));
                }
                Err(slots::PeekError::BufferTooSmall { length, .. }) => bytes.reserve_exact(length - bytes.len()),
                Err(source) => return Err(self.failed(source)),
            }
        }
        Err(self.failed(slots::PeekError::Overtaken { attempts: ATTEMPTS }))
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

    #[cold]
    fn failed(&self, source: slots::PeekError) -> PeekError {
        PeekError { channel: self.name.to_string(), source }
    }
}

impl<T: Message> Observer<T> {
    /// A copy of the most recent message, and its number; `None` before the first. At most 64 attempts.
    ///
    /// # Errors
    /// The producer was faster each time, or a word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn peek(&self) -> Result<Option<(Sequence, T)>, PeekError> {
        let mut message = T::new_zeroed();
        let found = self.inner.peek(message.as_mut_bytes(), ATTEMPTS).and_then(|found| match found {
            Some((stamp, length)) => match check_length::<T>(length, stamp.slot()) {
                Ok(()) => Ok(Some((stamp.sequence(), message))),
                Err(corrupt) => Err(slots::PeekError::Corrupt(corrupt)),
            },
            None => Ok(None),
        });
        found.map_err(|source| self.failed(source))
    }
}
