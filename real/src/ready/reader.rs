//! The reader of a mailbox.

use super::Attached;
use super::error::ReceiveError;
use super::memory::MailboxMemory;
use crate::error::OpenError;
use crate::message::{Message, fixed_length};
use crate::name::Name;
use crate::role::Held;
use crate::waiting;
use lastword_protocol::ready::{self as protocol, Corrupt, Expected, Sequence, State, Word};
use std::marker::PhantomData;
use std::time::Duration;

/// The one process that receives messages from a mailbox.
///
/// The role lasts until this is dropped or the process dies. If a process dies that has forked, its child has the role
/// until it calls exec or is gone too; the child must not use it.
///
/// # A message that comes twice
///
/// A message that was received and not cleared is received again, by this process or by its successor, with the same
/// number; so nothing is lost, and only the newest message can come twice. Whoever must not act on a message twice
/// keeps its number with the result (in the same transaction, in the same file), and skips the message of that number
/// when [`Received::may_be_repeated`] says that it may be one. Who must not act at all on a message that a predecessor
/// may have acted on clears such a one unread.
#[derive(Debug)]
pub struct Reader<T: Message + ?Sized> {
    inner: protocol::Reader<MailboxMemory>,
    recovery: State,
    name: Name,
    _held: Held,
    messages: PhantomData<fn() -> Box<T>>,
}

impl<T: Message + ?Sized> Reader<T> {
    pub(super) fn recover(attached: Attached) -> Result<Self, OpenError> {
        let Attached { name, memory, layout, held } = attached;
        let corrupt = |source| OpenError::CorruptMailbox { mailbox: name.to_string(), source };
        // Looked at before: what the writer sends from here on no predecessor can have received.
        let (found, recovery) = memory.look();
        let recovery =
            recovery.ok_or_else(|| corrupt(Corrupt { word: Word::State, found, expected: Expected::State }))?;
        let inner = protocol::Reader::recover(memory, layout).map_err(corrupt)?;
        Ok(Self { inner, recovery, name, _held: held, messages: PhantomData })
    }

    /// The message that waits, if one does: the one after [`consumed`](Self::consumed). It stays, and is received
    /// again, until [`Received::clear`]. Wait-free.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.* The successor receives the message again.
    #[inline]
    pub fn try_receive(&mut self) -> Result<Option<Received<'_, T>>, ReceiveError> {
        match self.inner.try_receive() {
            Ok(None) => Ok(None),
            Ok(Some(message)) => match fixed_length::<T>() {
                Some(expected) if expected != message.length() => Err(self.wrong_length(message, expected)),
                _ => Ok(Some(Received { message, reader: self })),
            },
            Err(source) => Err(self.corrupt(source)),
        }
    }

    /// [Waits](Self::wait) until a message is there, and receives it; `None` if there is none after `timeout`.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo*, as [`try_receive`](Self::try_receive).
    pub fn receive(&mut self, timeout: Option<Duration>) -> Result<Option<Received<'_, T>>, ReceiveError> {
        if self.wait(timeout)? { self.try_receive() } else { Ok(None) }
    }

    /// Waits until there is a message; false if there still is none after `timeout`, which may be `None` to wait for
    /// ever.
    ///
    /// Spins for a few microseconds, then sleeps, and is woken by the writer's send. A writer that is killed between
    /// sending and waking leaves it asleep until there is another writer, but for 100 ms at most.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, ReceiveError> {
        let before = State { sequence: self.consumed(), set: false };
        let look = || Ok(waiting::seen(self.inner.memory().is_past(before)));
        let sleep = |limit| self.inner.sleep(limit).map(drop);
        waiting::wait(timeout, look, sleep).map_err(|source| self.corrupt(source))?;
        Ok(self.try_receive()?.is_some())
    }

    /// Copies the message that waits over what is in `bytes`, and then clears it; its number, and `None` where no
    /// message waits. Allocates only where a message is longer than any before it.
    ///
    /// # Errors
    /// A word in shared memory is garbage. What is in `bytes` then is as it was.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed on its way, the message was cleared, or the successor receives it. Who is killed later
    /// takes with it what it took: to have the message until it was acted on, use [`try_receive`](Self::try_receive).
    pub fn try_take_into(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Sequence>, ReceiveError> {
        let Some(message) = self.try_receive()? else { return Ok(None) };
        bytes.resize(message.len(), 0);
        message.read_into(bytes);
        Ok(Some(message.clear()))
    }

    /// [Waits](Self::wait) until a message is there, and takes it as [`try_take_into`](Self::try_take_into) does;
    /// `None` if there is none after `timeout`.
    ///
    /// # Errors
    /// As [`try_take_into`](Self::try_take_into).
    ///
    /// # Crash safety
    /// As [`try_take_into`](Self::try_take_into).
    pub fn take_into(
        &mut self,
        bytes: &mut Vec<u8>,
        timeout: Option<Duration>,
    ) -> Result<Option<Sequence>, ReceiveError> {
        if self.wait(timeout)? { self.try_take_into(bytes) } else { Ok(None) }
    }

    /// The number of the last message that was cleared, by this process or by a predecessor; `None` before the first.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    pub fn consumed(&self) -> Option<Sequence> {
        self.inner.consumed()
    }

    /// What was found when the role was taken: the number of the last message sent, and whether it waited. One that did
    /// a predecessor may have received.
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

    #[cold]
    fn corrupt(&self, source: Corrupt) -> ReceiveError {
        ReceiveError::Corrupt { mailbox: self.name.to_string(), source }
    }

    #[cold]
    fn wrong_length(&self, message: protocol::Message, expected: usize) -> ReceiveError {
        let (sequence, found) = (message.sequence(), message.length());
        ReceiveError::Length { mailbox: self.name.to_string(), sequence, found, expected }
    }
}

impl<T: Message> Reader<T> {
    /// Copies the message that waits, and then clears it; its number, and the copy. `None` where no message waits.
    ///
    /// # Errors
    /// A word in shared memory is garbage.
    ///
    /// # Crash safety
    /// As [`try_take_into`](Self::try_take_into).
    pub fn try_take(&mut self) -> Result<Option<(Sequence, T)>, ReceiveError> {
        let Some(message) = self.try_receive()? else { return Ok(None) };
        let copy = message.read();
        Ok(Some((message.clear(), copy)))
    }

    /// [Waits](Self::wait) until a message is there, and takes it as [`try_take`](Self::try_take) does; `None` if there
    /// is none after `timeout`.
    ///
    /// # Errors
    /// As [`try_take`](Self::try_take).
    ///
    /// # Crash safety
    /// As [`try_take_into`](Self::try_take_into).
    pub fn take(&mut self, timeout: Option<Duration>) -> Result<Option<(Sequence, T)>, ReceiveError> {
        if self.wait(timeout)? { self.try_take() } else { Ok(None) }
    }
}

/// A message that waits in the mailbox. The writer leaves it as it is until it is cleared.
///
/// Dropping this clears nothing: the message is received again. So a message is not lost by a panic or an early return
/// between receiving it and acting on it, no more than by a death; the price is that who forgets to
/// [`clear`](Self::clear) receives the same message for ever.
#[derive(Debug)]
#[must_use = "a message that is not cleared is received again"]
pub struct Received<'r, T: Message + ?Sized> {
    message: protocol::Message,
    reader: &'r mut Reader<T>,
}

impl<T: Message + ?Sized> Received<'_, T> {
    /// The message's number: one more than that of the message before it.
    #[must_use]
    #[inline]
    pub fn sequence(&self) -> Sequence {
        self.message.sequence()
    }

    /// Whether a predecessor may have received this message too: it waited already when the role was taken.
    #[must_use]
    pub fn may_be_repeated(&self) -> bool {
        let State { sequence, set } = self.reader.recovery;
        set && sequence == Some(self.sequence())
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
        // The range lies in the message that was received, so this does not fail.
        if self.reader.inner.read(0, &mut into[..length]) { length } else { 0 }
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
    /// Reading the [`len`](Self::len) bytes there, through a reference too, is sound while this lives, provided that
    /// every process that has write access to the mailbox runs this protocol: then nobody writes them.
    #[must_use]
    #[inline]
    pub fn as_ptr(&self) -> *const u8 {
        self.reader.inner.memory().payload_ptr()
    }

    /// Consumes the message: the writer may send the next one. The number of the message.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed on its way, the message was cleared, or the successor receives it again.
    #[inline]
    pub fn clear(self) -> Sequence {
        self.reader.inner.clear();
        self.message.sequence()
    }
}

impl<T: Message> Received<'_, T> {
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
