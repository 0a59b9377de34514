//! What can go wrong, in words that say which object, what was found, what was expected and what to do.

use crate::holder::Process;
use crate::name::{NameError, ObjectKind};
use crate::role::Role;
use lastword_protocol::description::DescriptionError;
use lastword_protocol::header::HeaderError;
use lastword_protocol::ready;
use lastword_protocol::slots::{self, Corrupt, LayoutError};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, geteuid};
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A system call on an object failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsError {
    object: String,
    call: &'static str,
    errno: Errno,
    ours: bool,
    stranger: Option<u32>,
}

impl OsError {
    pub(crate) fn new(object: &str, call: &'static str, errno: Errno) -> Self {
        Self { object: object.to_owned(), call, errno, ours: false, stranger: None }
    }

    /// The object belongs to a user who is not trusted.
    pub(crate) fn of_a_stranger(object: &str, owner: u32) -> Self {
        Self { stranger: Some(owner), ..Self::new(object, "fstat", Errno::EPERM) }
    }

    /// The same, of an object that belongs to the user that this process runs as, or not.
    pub(crate) fn of_ours(self, ours: bool) -> Self {
        Self { ours, ..self }
    }

    /// Whether what failed is another user's affair.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.errno, Errno::EACCES | Errno::EPERM)
    }

    /// Whether the object is this user's own, whose mode keeps its owner out.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.ours && self.is_denied()
    }

    /// The error's number, as in errno(3).
    #[must_use]
    pub fn raw_os_error(&self) -> i32 {
        self.errno as i32
    }
}

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.errno {
            Errno::EACCES | Errno::EPERM if self.ours => {
                "it is this user's own, and its mode keeps its owner out: chmod u+rw its file in /dev/shm, or delete it"
            }
            Errno::EACCES | Errno::EPERM => "ask its owner for access, or run as that user",
            Errno::EINVAL | Errno::EISDIR | Errno::ELOOP | Errno::ENXIO if self.call == "shm_open" => {
                "it is no object but a directory, a pipe, a socket or a link: delete it from /dev/shm"
            }
            Errno::EMLINK if self.call == "shm_open" => {
                "it has another name too, which this package never gives: find out who did that, and delete it from /dev/shm"
            }
            Errno::EROFS => "/dev/shm is mounted read-only: mount -o remount,rw /dev/shm",
            Errno::ENOENT if self.call == "shm_open" => {
                "there is no /dev/shm: mount -t tmpfs -o mode=1777 tmpfs /dev/shm, after mkdir -p"
            }
            Errno::ENOSPC => "/dev/shm is full: remove what is not used, or mount it larger",
            Errno::EFBIG => "this process may not make files that large (ulimit -f): raise the limit, or ask for less",
            Errno::ENOMEM => "memory is short: end other processes, or ask for less",
            Errno::EMFILE | Errno::ENFILE => "too many files are open: raise the limit (ulimit -n)",
            _ => "see errno(3)",
        };
        write!(f, "object {}: {} failed: {} ({:?}); {advice}", self.object, self.call, self.errno.desc(), self.errno)
    }
}

impl Error for OsError {}

/// Why a role or a view of a channel, mailbox or board was not had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The name cannot be.
    Name(NameError),
    /// The dimensions asked for cannot be.
    Dimensions {
        /// The channel.
        channel: String,
        /// What is wrong with them.
        source: LayoutError,
    },
    /// The number of words asked for cannot be.
    Words {
        /// The board.
        board: String,
        /// The words asked for.
        found: u64,
    },
    /// The capacity asked for is more than a mailbox can have.
    Capacity {
        /// The mailbox.
        mailbox: String,
        /// The bytes asked for.
        found: u64,
    },
    /// The channel or mailbox is to be created, and nobody said how long its messages can be.
    CapacityNotGiven {
        /// The channel or mailbox.
        channel: String,
    },
    /// The mode asked for would keep the objects' owner from reading or writing them.
    Mode {
        /// The channel, mailbox or board.
        object: String,
        /// The mode asked for.
        found: u32,
    },
    /// The object belongs to a user whose objects were not asked for ([`Owner`](crate::Owner)).
    Owner {
        /// The object.
        object: String,
        /// The user that it belongs to.
        found: u32,
        /// The user that this process runs as.
        expected: u32,
    },
    /// There is no such object, and this operation does not create it.
    NotFound {
        /// The object.
        object: String,
    },
    /// The object's creator has not finished, or was killed before it had.
    Incomplete {
        /// The object.
        object: String,
    },
    /// What was found is no object of this version, or is damaged.
    Header {
        /// The object.
        object: String,
        /// What is wrong with it.
        source: HeaderError,
    },
    /// What an object says of its messages or words cannot be.
    Description {
        /// The object.
        object: String,
        /// What is wrong with it.
        source: DescriptionError,
    },
    /// The channel is to be created, and there is no room to note what its messages consist of.
    NotDescribed {
        /// The channel.
        channel: String,
        /// What does not fit.
        source: DescriptionError,
    },
    /// The object is another one than what was asked for.
    Mismatch {
        /// The object.
        object: String,
        /// What of it differs.
        field: &'static str,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The locks object is there and complete, and the data object that belongs to it is not there.
    DataMissing {
        /// The data object.
        object: String,
    },
    /// The channel was replaced by a generation that is not there.
    GenerationMissing {
        /// The locks object of that generation.
        object: String,
    },
    /// The number of the generation that has replaced the channel is garbage, or the last one that there can be.
    Successor {
        /// The locks object of the first generation.
        object: String,
        /// The number.
        found: u64,
    },
    /// Another process is replacing or removing the channel.
    BeingReplaced {
        /// The locks object of the first generation.
        object: String,
    },
    /// Another process has been creating or removing the channel for this long.
    BeingCreated {
        /// The object.
        object: String,
        /// How long this call waited.
        waited: Duration,
    },
    /// The object was removed and created again, each time this call had opened it.
    Unsettled {
        /// The object.
        object: String,
    },
    /// A live process has the role.
    RoleTaken {
        /// The channel, mailbox or board.
        channel: String,
        /// The role.
        role: Role,
        /// The process that has it, as its own pid namespace numbers it, if it is known.
        holder: Option<u32>,
    },
    /// The channel has no consumer of that index.
    NoSuchConsumer {
        /// The channel.
        channel: String,
        /// The index asked for.
        index: u8,
        /// How many consumers the channel has.
        consumers: u8,
    },
    /// A channel has no such role, or a mailbox.
    NoSuchRole {
        /// The channel or mailbox.
        channel: String,
        /// The role asked for.
        role: Role,
    },
    /// Live processes have the roles of all consumers.
    AllConsumersTaken {
        /// The channel.
        channel: String,
        /// How many consumers the channel has.
        consumers: u8,
    },
    /// A word in shared memory is garbage, and the role cannot be taken up without it.
    Corrupt {
        /// The channel.
        channel: String,
        /// The word.
        source: Corrupt,
    },
    /// The word of a mailbox is garbage, and the role cannot be taken up without it.
    CorruptMailbox {
        /// The mailbox.
        mailbox: String,
        /// The word.
        source: ready::Corrupt,
    },
    /// A system call failed.
    Os(OsError),
}

impl From<OsError> for OpenError {
    fn from(error: OsError) -> Self {
        match error.stranger {
            Some(found) => OpenError::Owner { object: error.object, found, expected: geteuid().as_raw() },
            None => OpenError::Os(error),
        }
    }
}

impl From<NameError> for OpenError {
    fn from(error: NameError) -> Self {
        OpenError::Name(error)
    }
}

/// What has such a role.
fn noun(role: Role) -> &'static str {
    match role {
        Role::Producer | Role::Consumer(_) => "channel",
        Role::Writer => "board",
        Role::MailboxWriter | Role::MailboxReader => "mailbox",
    }
}

/// Who has a role of which this process is known to have taken it last. A process that it forked may have it still.
fn held_by(holder: Option<u32>) -> String {
    match holder {
        None => "a live process".to_owned(),
        Some(pid) if lives(pid) => format!("process {pid}, which lives"),
        Some(pid) => format!(
            "a live process: it was last taken by process {pid}, which is gone, and a process that it forked has the \
             role (or it lives in another pid namespace)"
        ),
    }
}

/// Whether there is a process of that id that has not ended. For messages to people: the id may be in use anew.
fn lives(pid: u32) -> bool {
    let Ok(id) = i32::try_from(pid) else { return false };
    if kill(Pid::from_raw(id), None) == Err(Errno::ESRCH) {
        return false;
    }
    !Process::look_up(pid).is_some_and(|process| process.has_ended())
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Name(error) => error.fmt(f),
            OpenError::Dimensions { channel, source } => write!(f, "channel {channel}: {source}"),
            OpenError::Words { board, found } => write!(
                f,
                "board {board}: {found} words asked for; a board has 1 to {}",
                lastword_protocol::status::WORDS_MAX
            ),
            OpenError::Capacity { mailbox, found } => write!(
                f,
                "mailbox {mailbox}: a capacity of {found} bytes asked for; a mailbox holds messages of 0 to {} bytes",
                ready::CAPACITY_MAX
            ),
            OpenError::CapacityNotGiven { channel } => write!(
                f,
                "channel or mailbox {channel}: it does not exist yet, and its messages have no size of their own; give a capacity \
                 to create it"
            ),
            OpenError::Mode { object, found } => write!(
                f,
                "channel, mailbox or board {object}: mode {found:04o} asked for, which keeps the owner from reading or writing; \
                 expected at least 0600; ask for a mode that has it"
            ),
            OpenError::Owner { object, found, expected } => write!(
                f,
                "object {object}: it belongs to user {found}, expected user {expected}, who this process runs as, or root; \
                 if user {found} is to be trusted with what is read here, ask for that owner, or for a mode with which others \
                 may write; if not, user {found} has taken the name first: have it deleted"
            ),
            OpenError::NotFound { object } => {
                write!(f, "object {object}: not found; start the process that creates it, then try again")
            }
            OpenError::Incomplete { object } if object.ends_with(ObjectKind::Data.suffix()) => write!(
                f,
                "object {object}: it is not complete, though the channel's locks object is; try again, and if it stays so, \
                 somebody has emptied it: remove the channel, and create it anew"
            ),
            OpenError::Incomplete { object } => write!(
                f,
                "object {object}: its creator has not finished, or was killed before it had; try again, or take a role, \
                 which completes it"
            ),
            OpenError::Header { object, source: source @ HeaderError::Version { found } } => {
                // A channel alone can be replaced.
                let ends = |kind: ObjectKind| object.ends_with(kind.suffix());
                let or_replace = if ends(ObjectKind::Locks) || ends(ObjectKind::Data) {
                    "or replace the channel by one of this version while they run (`Channel::replace`), "
                } else {
                    ""
                };
                write!(
                    f,
                    "object {object}: {source}; stop the programs of version {found} and remove it, {or_replace}or use a \
                     program of version {found}"
                )
            }
            OpenError::Header { object, source } => write!(
                f,
                "object {object}: {source}; it is no object of this package or was damaged: remove it and create it anew"
            ),
            OpenError::Description { object, source } => {
                write!(f, "object {object}: {source}; remove it and create it anew")
            }
            OpenError::NotDescribed { channel, source } => write!(
                f,
                "channel {channel}: its message type cannot be described: {source}; give it shorter names or fewer \
                 fields"
            ),
            OpenError::Mismatch { object, field, found, expected } => write!(
                f,
                "object {object}: its {field}: found {found}, expected {expected}; ask for what is there, or remove it \
                 and create it anew"
            ),
            OpenError::DataMissing { object } => write!(
                f,
                "object {object}: not found, though the channel's locks object is complete: somebody removed it; remove \
                 the channel and create it anew"
            ),
            OpenError::GenerationMissing { object } => write!(
                f,
                "object {object}: not found, though it has replaced the channel of that name: somebody removed it; remove \
                 the channel and create it anew"
            ),
            OpenError::Successor { object, found } => write!(
                f,
                "object {object}: found {found} as the number of the channel's newest generation, expected less than {}; \
                 remove the channel and create it anew",
                u32::MAX
            ),
            OpenError::BeingReplaced { object } => write!(
                f,
                "object {object}: another process is replacing or removing the channel; let it finish or end it, and try \
                 again"
            ),
            OpenError::BeingCreated { object, waited } => write!(
                f,
                "object {object}: another process has been creating, replacing or removing it for {} s (is it stopped?); \
                 let it go on, or kill it and try again",
                waited.as_secs()
            ),
            OpenError::Unsettled { object } => {
                write!(f, "object {object}: it was removed again and again while it was opened; try again")
            }
            OpenError::RoleTaken { channel, role, holder } => write!(
                f,
                "{} {channel}: the role of {role} is held by {}; end it first, or take another role",
                noun(*role),
                held_by(*holder)
            ),
            OpenError::NoSuchConsumer { channel, index, consumers } => {
                write!(f, "channel {channel}: consumer {index} asked for, and it has consumers 0 to ")?;
                write!(f, "{}; use one of them, or create it anew with more", consumers.saturating_sub(1))
            }
            OpenError::NoSuchRole { channel, role } => write!(
                f,
                "channel or mailbox {channel}: the role of a {}'s {role} asked for; a channel has a producer and consumers, a \
                 mailbox a writer and a reader: ask for one of them",
                noun(*role)
            ),
            OpenError::AllConsumersTaken { channel, consumers } => write!(
                f,
                "channel {channel}: all of its {consumers} consumers are held by live processes; end one, or create it \
                 anew with more"
            ),
            OpenError::Corrupt { channel, source } => write!(f, "channel {channel}: {source}"),
            OpenError::CorruptMailbox { mailbox, source } => write!(f, "mailbox {mailbox}: {source}"),
            OpenError::Os(error) => error.fmt(f),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            OpenError::Dimensions { source, .. } => Some(source),
            OpenError::Header { source, .. } => Some(source),
            OpenError::Corrupt { source, .. } => Some(source),
            OpenError::CorruptMailbox { source, .. } => Some(source),
            OpenError::Description { source, .. } | OpenError::NotDescribed { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why nothing was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoveError {
    /// The name cannot be.
    Name(NameError),
    /// A live process has a role.
    InUse {
        /// The channel, mailbox or board.
        channel: String,
        /// The role.
        role: Role,
        /// The process that has it, as its own pid namespace numbers it, if it is known.
        holder: Option<u32>,
    },
    /// Another process has been creating or removing it for this long.
    BeingCreated {
        /// The object.
        object: String,
        /// How long this call waited.
        waited: Duration,
    },
    /// It was removed and created again, each time this call had opened it.
    Unsettled {
        /// The object.
        object: String,
    },
    /// A system call failed.
    Os(OsError),
}

impl From<OsError> for RemoveError {
    fn from(error: OsError) -> Self {
        RemoveError::Os(error)
    }
}

impl From<NameError> for RemoveError {
    fn from(error: NameError) -> Self {
        RemoveError::Name(error)
    }
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RemoveError::Name(error) => error.fmt(f),
            RemoveError::InUse { channel, role, holder } => write!(
                f,
                "{} {channel}: not removed, the role of {role} is held by {}; end it first, or remove by \
                 force",
                noun(*role),
                held_by(*holder)
            ),
            RemoveError::BeingCreated { object, waited } => {
                OpenError::BeingCreated { object: object.clone(), waited: *waited }.fmt(f)
            }
            RemoveError::Unsettled { object } => OpenError::Unsettled { object: object.clone() }.fmt(f),
            RemoveError::Os(error) => error.fmt(f),
        }
    }
}

impl Error for RemoveError {}

/// Why a process that has a role is not watched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchError {
    /// It no longer has the role.
    NotHeld {
        /// The role.
        role: Role,
        /// The process that had it.
        process: u32,
    },
    /// The process that has the role has not noted yet which one it is.
    NotKnown {
        /// The role.
        role: Role,
    },
    /// The process that took the role cannot be seen from here, or is dead and has left the role to one that it forked.
    NotSeen {
        /// The role.
        role: Role,
        /// The process that took it, as its own pid namespace numbers it.
        process: u32,
    },
    /// A system call failed.
    Os(OsError),
}

impl From<OsError> for WatchError {
    fn from(error: OsError) -> Self {
        WatchError::Os(error)
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WatchError::NotHeld { role, process } => {
                write!(f, "the role of {role}: process {process} no longer has it; ask again who has")
            }
            WatchError::NotKnown { role } => write!(
                f,
                "the role of {role}: its holder has just taken it and has not noted yet who it is, or was killed before \
                 it had and a process that it forked has the role; ask again"
            ),
            WatchError::NotSeen { role, process } => write!(
                f,
                "the role of {role}: it was taken by process {process}, which cannot be seen from here: it is gone, and a \
                 process that it forked has the role, or it lives in another pid or time namespace, or /proc is not there \
                 or hides it; watch it from its own namespace, or ask now and then whether the role is free"
            ),
            WatchError::Os(error) => error.fmt(f),
        }
    }
}

impl Error for WatchError {}

macro_rules! channel_errors {
    ($($(#[$doc:meta])* $name:ident, $source:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The channel.
            pub channel: String,
            /// What happened.
            pub source: $source,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "channel {}: {}", self.channel, self.source)
            }
        }

        impl Error for $name {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.source)
            }
        }
    )*};
}

channel_errors! {
    /// Why nothing was published.
    PublishError, slots::PublishError;
    /// Why nothing was locked, or nothing was read: a word in shared memory is garbage.
    AcquireError, Corrupt;
    /// Why a peek gave no message.
    PeekError, slots::PeekError;
}
