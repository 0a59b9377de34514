//! The one door to the kernel: what creation asks of the directory of shared-memory objects.

use crate::header::{Header, HeaderError};
use crate::slots;
use core::ops::RangeInclusive;
use core::time::Duration;

/// The byte of an object whose lock is a role, or the right to create and remove.
pub type LockByte = u16;

/// The right to create, complete and remove.
pub const CREATE: RangeInclusive<LockByte> = 0..=0;
/// The role of a channel's producer, or of a board's or a mailbox's writer.
pub const PRODUCER: LockByte = 1;
/// The role of a channel's consumer 0, or of a mailbox's reader. The other consumers' follow.
pub const CONSUMERS: LockByte = 2;
/// Every role that there can be.
pub const ALL_ROLES: RangeInclusive<LockByte> = PRODUCER..=CONSUMERS + slots::CONSUMERS_MAX as LockByte - 1;

/// An object of a channel or a board, which is the same as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The object whose locks are the roles and the right to create: a channel's locks object, or a board.
    Anchor,
    /// A channel's data object. A board has none.
    Data,
}

/// How an object is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// To read. This does for looking at locks, not for taking them.
    Read,
    /// To read and write, and to lock.
    ReadWrite,
}

/// The right to replace a channel by its next generation, and to remove all of them. No role is next to it, so that it
/// is never part of the same range.
pub const REPLACE: RangeInclusive<LockByte> = 512..=512;
const _: () = assert!(*ALL_ROLES.end() + 1 < *REPLACE.start());

/// The objects of one channel or board, as one process reaches them through the kernel.
///
/// A process may be killed before, after and within each of these; the kernel then drops its locks. Each is a fixed
/// sequence of system calls. Of those, the ones that change anything are noted here, in their order.
///
/// # What an implementation owes
///
/// - A lock is of one opened object: two of them conflict, even within one process. Dropping the object gives it up.
/// - Who sees [`complete`](Self::complete) sees the header, the description and the length as they were before it.
/// - A call that fails has done what one has done that was killed: nothing, or its first steps.
pub trait Objects {
    /// An opened object. Dropping it closes it. The name may be another object's by then, or nobody's.
    type Object;
    /// A system call failed.
    type Error;

    /// Opens an object; `None` where there is none of that name. Changes nothing but the mode of an empty object of
    /// this user's, where it keeps its owner out.
    ///
    /// # Errors
    /// A system call failed.
    fn open(&self, part: Part, access: Access) -> Result<Option<Self::Object>, Self::Error>;

    /// Creates an object, empty, to read and write; `None` where there is one of that name. One system call
    /// (`O_CREAT | O_EXCL`), and one more to set the mode.
    ///
    /// # Errors
    /// A system call failed.
    fn create(&self, part: Part) -> Result<Option<Self::Object>, Self::Error>;

    /// Removes the name, if there is one. Who has the object open keeps it. One system call.
    ///
    /// # Errors
    /// A system call failed.
    fn unlink(&self, part: Part) -> Result<(), Self::Error>;

    /// The same object, opened once more; `None` if the name is gone or is another object's now. Changes nothing.
    ///
    /// # Errors
    /// A system call failed.
    fn reopen(&self, object: &Self::Object, access: Access) -> Result<Option<Self::Object>, Self::Error>;

    /// Whether the object is as its creation leaves it at first. Changes nothing.
    ///
    /// # Errors
    /// A system call failed.
    fn is_empty(&self, object: &Self::Object) -> Result<bool, Self::Error>;

    /// The object's header, or what it has instead. Changes nothing.
    ///
    /// A creator may be at work meanwhile: before the first word says that the object is complete, nothing else of it
    /// is looked at.
    ///
    /// # Errors
    /// A system call failed.
    fn header(&self, object: &Self::Object) -> Result<Result<Header, HeaderError>, Self::Error>;

    /// Begins to make this empty object one of `length` bytes, all zero. Three system calls: writes the first word,
    /// which says that the object is incomplete; sets the mode; reserves the memory.
    ///
    /// # Errors
    /// A system call failed.
    fn begin(&self, object: &Self::Object, length: u64) -> Result<(), Self::Error>;

    /// Writes a header, all but its first word, and a [description](crate::description), which ends where the object
    /// ends. Two system calls; one where the description is empty.
    ///
    /// # Errors
    /// A system call failed.
    fn describe(&self, object: &Self::Object, header: &Header, description: &[u8]) -> Result<(), Self::Error>;

    /// Writes the first word of a complete object. One system call.
    ///
    /// # Errors
    /// A system call failed.
    fn complete(&self, object: &Self::Object) -> Result<(), Self::Error>;

    /// Writes the first word of an incomplete object. One system call.
    ///
    /// # Errors
    /// A system call failed.
    fn mark_incomplete(&self, object: &Self::Object) -> Result<(), Self::Error>;

    /// Takes an exclusive lock of all these bytes; false where another opened object has one of them. One system call.
    ///
    /// # Errors
    /// A system call failed.
    fn try_lock(&self, object: &Self::Object, bytes: &RangeInclusive<LockByte>) -> Result<bool, Self::Error>;

    /// As [`try_lock`](Self::try_lock), trying again for a time.
    ///
    /// # Errors
    /// A system call failed.
    fn lock_within(
        &self,
        object: &Self::Object,
        bytes: &RangeInclusive<LockByte>,
        wait: Duration,
    ) -> Result<bool, Self::Error>;

    /// Gives locks up. One system call.
    ///
    /// # Errors
    /// A system call failed.
    fn unlock(&self, object: &Self::Object, bytes: &RangeInclusive<LockByte>) -> Result<(), Self::Error>;

    /// A lock that another opened object has of one of these bytes, the first such one: all bytes that it is of, which
    /// are one range with what else that object has locked next to them. One system call. Changes nothing.
    ///
    /// # Errors
    /// A system call failed.
    fn locked(
        &self,
        object: &Self::Object,
        bytes: &RangeInclusive<LockByte>,
    ) -> Result<Option<RangeInclusive<LockByte>>, Self::Error>;
}
