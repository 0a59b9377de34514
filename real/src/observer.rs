//! An observer of a channel.

use crate::channel::Channel;
use crate::description::Description;
use crate::error::{OpenError, OsError, PeekError};
use crate::generation::Link;
use crate::holder::Holder;
use crate::message::{Message, check_fixed_length, check_length};
use crate::name::Name;
use crate::object::Object;
use crate::owner::Owner;
use crate::role::Role;
use crate::slots::SlotsMemory;
use lastword_protocol::header::TypeLayout;
use lastword_protocol::slots::{self, Layout, Sequence};
use std::marker::PhantomData;
use std::sync::Arc;

const ATTEMPTS: u32 = 64;

/// A process that copies the most recent message without locking it. There may be any number, and nobody notices them.
#[derive(Debug)]
pub struct Observer<T: Message + ?Sized> {
    inner: slots::Observer<SlotsMemory>,
    /// The length that all messages have, if they have one.
    fixed: Option<usize>,
    name: Name,
    roles: Arc<Object>,
    link: Link,
    messages: PhantomData<fn() -> Box<T>>,
}

impl<T: Message + ?Sized> Observer<T> {
    pub(crate) fn new(
        name: Name,
        memory: SlotsMemory,
        layout: Layout,
        fixed: Option<usize>,
        roles: Arc<Object>,
        link: Link,
    ) -> Self {
        Self { inner: slots::Observer::new(memory, layout), fixed, name, roles, link, messages: PhantomData }
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
        self.peek_of_length(self.fixed, bytes)
    }

    /// As [`peek_into`](Self::peek_into), of messages that all have this length, if they have one.
    fn peek_of_length(&self, fixed: Option<usize>, bytes: &mut Vec<u8>) -> Result<Option<Sequence>, PeekError> {
        for _ in 0..ATTEMPTS {
            bytes.resize(bytes.capacity(), 0);
            match self.inner.peek(bytes, ATTEMPTS) {
                Ok(None) => {
                    bytes.clear();
                    return Ok(None);
                }
                Ok(Some((stamp, length))) => {
                    check_fixed_length(fixed, length, stamp.slot())
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

/// An observer of a channel whose messages are of any type: what the channel says of them is all that it needs.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let name = format!("doc-untyped-{}", std::process::id());
/// # let name = name.as_str();
/// lastword::message! {
///     pub struct Pose {
///         pub x: f64 ["m"],
///         pub y: f64 ["m"],
///     }
/// }
/// // Some program publishes.
/// let channel = lastword::Channel::<Pose>::new(name)?;
/// channel.producer()?.publish(&Pose { x: 1.5, y: -2.0 })?;
///
/// // Another one, which has never heard of a pose, prints it.
/// let observer = lastword::UntypedObserver::open(name)?;
/// let (sequence, message) = observer.peek()?.expect("a message is out");
/// let text = observer.description().text(&message).to_string();
/// assert_eq!((sequence.get(), text.as_str()), (1, "x: 1.5 m\ny: -2.0 m\n"));
/// # channel.remove(lastword::Force::No)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UntypedObserver {
    inner: Observer<[u8]>,
    description: Description,
}

impl UntypedObserver {
    /// Opens channel `name`, mapping its messages read-only. Creates nothing.
    ///
    /// An observer of a channel that is removed and created anew, or replaced, goes on seeing the old one.
    ///
    /// # Errors
    /// The channel is not there, not complete yet, none of this version, damaged, belongs to another user, or cannot be
    /// opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::open_of(name, Owner::AsMode)
    }

    /// As [`open`](Self::open), of a channel that may be of such an owner, besides this process's user and root.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn open_of(name: &str, owner: Owner) -> Result<Self, OpenError> {
        let (inner, description) = Channel::of_any_type(name)?.owner(owner).described_observer()?;
        Ok(Self { inner, description })
    }

    /// What the messages consist of.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The number of the newest message; `None` before the first.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn newest(&self) -> Result<Option<Sequence>, PeekError> {
        self.inner.newest()
    }

    /// The number of the most recent message, and a copy of its bytes; `None` before the first. At most 64 attempts.
    ///
    /// # Errors
    /// The producer was faster each time, or a word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn peek(&self) -> Result<Option<(Sequence, Vec<u8>)>, PeekError> {
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
        let message_type = self.description.message_type();
        // Of bytes alone the length varies; of all else it is the capacity, which was looked at.
        let fixed = (*message_type != TypeLayout::BYTES).then(|| self.capacity());
        self.inner.peek_of_length(fixed, bytes)
    }

    /// The live process that has the producer's role, as the kernel knows; `None` where none has.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn producer(&self) -> Result<Option<Holder>, OsError> {
        self.inner.producer()
    }

    /// Whether the channel was replaced ([`Channel::replace`]), so that who opens it now gets another one, whose
    /// messages may be of another type. One load.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    #[inline]
    pub fn is_replaced(&self) -> bool {
        self.inner.is_replaced()
    }

    /// How many consumers the channel has.
    #[must_use]
    pub fn consumers(&self) -> u8 {
        self.inner.consumers()
    }

    /// Longest message, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.inner.capacity()
    }
}
