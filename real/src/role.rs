//! Roles: who may do what, held as locks that the kernel drops when a process dies.

use crate::holder::Signature;
use crate::object::Object;
use crate::region::{Region, process_id};
use lastword_protocol::creation::{CONSUMERS, LockByte, PRODUCER};
use lastword_protocol::ready;
use lastword_protocol::slots::layout;
use lastword_protocol::status;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What one process at a time may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The producer of a channel.
    Producer,
    /// A consumer of a channel.
    Consumer(u8),
    /// The writer of a status board.
    Writer,
    /// The writer of a mailbox.
    MailboxWriter,
    /// The reader of a mailbox.
    MailboxReader,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Producer => f.write_str("producer"),
            Role::Consumer(index) => write!(f, "consumer {index}"),
            Role::Writer | Role::MailboxWriter => f.write_str("writer"),
            Role::MailboxReader => f.write_str("reader"),
        }
    }
}

impl Role {
    pub(crate) fn bytes(self) -> RangeInclusive<LockByte> {
        let byte = match self {
            Role::Producer | Role::Writer | Role::MailboxWriter => PRODUCER,
            Role::MailboxReader => CONSUMERS,
            Role::Consumer(index) => CONSUMERS + LockByte::from(index),
        };
        byte..=byte
    }

    /// The role of a channel whose lock is at `byte`.
    pub(crate) fn of_channel(byte: LockByte) -> Self {
        let consumer = byte.checked_sub(CONSUMERS).and_then(|index| u8::try_from(index).ok());
        consumer.map_or(Role::Producer, Role::Consumer)
    }

    /// The role of a mailbox whose lock is at `byte`.
    pub(crate) fn of_mailbox(byte: LockByte) -> Self {
        if byte == CONSUMERS { Role::MailboxReader } else { Role::MailboxWriter }
    }

    /// Where the object notes who took the role last, and when.
    pub(crate) fn offsets(self) -> (usize, usize) {
        match self {
            Role::Producer => (layout::PRODUCER_HOLDER, layout::PRODUCER_SINCE),
            Role::Consumer(index) => (layout::consumer_holder(index), layout::consumer_since(index)),
            Role::Writer => (status::WRITER_HOLDER, status::WRITER_SINCE),
            Role::MailboxWriter => (ready::WRITER_HOLDER, ready::WRITER_SINCE),
            Role::MailboxReader => (ready::READER_HOLDER, ready::READER_SINCE),
        }
    }

    /// The process that took the role last, if it is known. For messages to people: it may be out of date.
    pub(crate) fn holder(self, object: &Object) -> Option<u32> {
        self.signature(object).process()
    }

    /// Who took the role last, if it is known.
    pub(crate) fn signature(self, object: &Object) -> Signature {
        Signature::from_word(object.peek_word(self.offsets().0))
    }

    /// Who took the role last, and since when, as far as it is known.
    pub(crate) fn signed(self, object: &Object) -> (Signature, Option<SystemTime>) {
        let signature = self.signature(object);
        // Acquire: the time is at least as new as the signature. Pairs with the signature's store in `sign`.
        fence(Ordering::Acquire);
        let since = object.peek_word(self.offsets().1);
        // Acquire: if the time is a later one's, so is the signature, or none. Pairs with the fence in `sign`.
        fence(Ordering::Acquire);
        // The time belongs to the signature only if nobody signed meanwhile.
        let is_known = signature.process().is_some() && since != 0 && self.signature(object) == signature;
        (signature, is_known.then(|| UNIX_EPOCH + Duration::from_nanos(since)))
    }

    /// Notes that this process has the role, from now on.
    ///
    /// Killed on its way, the role's holder is not known; nobody is taken for another one.
    pub(crate) fn sign(self, region: &Region) {
        let (signature, since) = self.offsets();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        region.store(signature, Signature::NONE.word(), Ordering::Relaxed);
        // Release: whoever reads the time that follows sees that the signature of before is gone. Pairs with the second
        // fence in `signed`. Killed before: whoever signed before seems to be it. Killed after: nobody is known.
        fence(Ordering::Release);
        region.store(since, u64::try_from(now).unwrap_or(0), Ordering::Relaxed);
        // Release: whoever reads the signature reads this time, or a later one. Pairs with the first fence in `signed`.
        // Killed before: nobody is known. Killed after: this process is, and is seen to be dead.
        region.store(signature, Signature::of_this_process().word(), Ordering::Release);
    }
}

/// A role that this process has, until this is dropped or the process dies.
#[derive(Debug)]
pub(crate) struct Held {
    object: Object,
    role: Role,
    process: u32,
}

impl Held {
    /// The role of `object`, whose lock this process has just taken.
    pub(crate) fn new(object: Object, role: Role) -> Self {
        Self { object, role, process: process_id() }
    }

    /// Whether this process took the role, and not the one that it was forked from.
    #[inline]
    pub(crate) fn is_ours(&self) -> bool {
        self.process == process_id()
    }
}

impl Drop for Held {
    /// Closing the object would do, if another thread were not just starting a program: between its fork and its exec
    /// the child has the object open too. A forked child that drops its copy leaves its parent's role alone.
    fn drop(&mut self) {
        if self.is_ours() {
            // Where this fails, closing follows.
            let _ = self.object.unlock(&self.role.bytes());
        }
    }
}
