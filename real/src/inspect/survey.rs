//! What there is: an answer for each channel, mailbox and board.

use super::file::ObjectFile;
use super::inspection::Inspection;
use super::words::Board;
use crate::error::OpenError;
use crate::holder::Holder;
use crate::list::{self, ObjectName};
use crate::name::ObjectKind;
use crate::role::Role;
use lastword_protocol::header::TypeLayout;
use lastword_protocol::status::StatusError;
use lastword_protocol::{ready, slots};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::SystemTime;

/// What objects of one name are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// A channel: the most recent message, for several consumers.
    Channel,
    /// A mailbox: one message at a time, behind a ready flag.
    Mailbox,
    /// A status board: single words.
    Board,
}

impl What {
    /// All that there can be of one name.
    pub const ALL: [Self; 3] = [What::Channel, What::Mailbox, What::Board];

    /// What an object of this kind belongs to.
    #[must_use]
    pub const fn of(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Data | ObjectKind::Locks => What::Channel,
            ObjectKind::Ready => What::Mailbox,
            ObjectKind::Status => What::Board,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Channel => "channel",
            What::Mailbox => "mailbox",
            What::Board => "board",
        })
    }
}

/// How a channel, mailbox or board is. Shown as a word or two.
///
/// Whether this process may use it is another question: it may belong to a stranger
/// ([`Owner`](crate::Owner), [`Survey::owner`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// Complete, and of this version.
    Complete,
    /// A live process is creating or removing it.
    BeingCreated,
    /// A creator or remover has died at it. Who takes a role of it next creates it anew.
    Incomplete,
    /// The channel's data object is not there.
    DataMissing,
    /// The channel's locks object is not there.
    LocksMissing,
    /// The channel was replaced by a generation that is not there.
    GenerationMissing,
    /// It was made by a program of another version.
    OtherVersion {
        /// Which one.
        found: u32,
    },
    /// It is no object of this package, or damaged.
    Damaged,
    /// This user may not read it.
    Denied,
    /// What has its name is a directory, a link, a pipe or a socket.
    NotAnObject,
    /// A system call failed.
    Unreadable,
    /// There is nothing of that name any more.
    Gone,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Condition::Complete => "complete",
            Condition::BeingCreated => "being created or removed",
            Condition::Incomplete => "half-created",
            Condition::DataMissing => "data object missing",
            Condition::LocksMissing => "locks object missing",
            Condition::GenerationMissing => "newest generation missing",
            Condition::OtherVersion { found } => return write!(f, "of version {found}"),
            Condition::Damaged => "damaged",
            Condition::Denied => "permission denied",
            Condition::NotAnObject => "not an object",
            Condition::Unreadable => "unreadable",
            Condition::Gone => "gone",
        })
    }
}

/// What is wrong, in words that say where, what was found and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// With an object.
    Object(OpenError),
    /// With a word of a channel.
    Word(slots::Corrupt),
    /// With a word of a mailbox.
    MailboxWord(ready::Corrupt),
    /// With a word of a board.
    BoardWord(StatusError),
    /// An object ends before what its header says that it has.
    CutOff {
        /// The object.
        object: String,
        /// Where it should have gone on, in bytes.
        offset: u64,
    },
    /// The channel has no such slot.
    NoSuchSlot {
        /// The slot asked for.
        slot: u8,
        /// How many slots there are.
        slots: u16,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Object(error) => error.fmt(f),
            Problem::Word(corrupt) => corrupt.fmt(f),
            Problem::MailboxWord(corrupt) => corrupt.fmt(f),
            Problem::BoardWord(error) => error.fmt(f),
            Problem::CutOff { object, offset } => write!(
                f,
                "object {object}: it ends before byte {offset}, where its header says that it goes on: somebody has \
                 just shortened it; remove it and create it anew"
            ),
            Problem::NoSuchSlot { slot, slots } => {
                write!(f, "slot {slot} asked for, and the channel has slots 0 to {}", slots.saturating_sub(1))
            }
        }
    }
}

impl Error for Problem {}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        Problem::Object(error)
    }
}

/// Who has a role.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoleState {
    /// The role.
    pub role: Role,
    /// The live process that has it, as the kernel knows; `None` where none has.
    pub holder: Option<Holder>,
    /// The process that took it last, as its own pid namespace numbers it, if it is noted: the holder, if there is one.
    pub last: Option<u32>,
}

/// What is known of a channel, mailbox or board from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Survey {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: What,
    /// How it is.
    pub condition: Condition,
    /// What is wrong with it, the worst first; empty where it is complete and all its words can be.
    pub problems: Vec<Problem>,
    /// The generation of the channel that is told of, the newest one: 0 unless it was replaced.
    pub generation: u32,
    /// All its objects, those of other generations too, in order.
    pub objects: Vec<ObjectFile>,
    /// The type of its messages; `None` of a board, and where it is not known. Its name is whatever the creator wrote.
    pub message_type: Option<TypeLayout>,
    /// The longest message, in bytes; `None` of a board, and where it is not known.
    pub capacity: Option<u64>,
    /// How many consumers a channel has.
    pub consumers: Option<u8>,
    /// How many words a board has.
    pub words: Option<u16>,
    /// Who may do what with the object that has the roles, as in chmod(2).
    pub mode: Option<u32>,
    /// The user that this object belongs to.
    pub owner: Option<u32>,
    /// When it was created.
    pub created: Option<SystemTime>,
    /// When one of the objects of this generation was last written by a system call ([`ObjectFile::modified`]).
    pub modified: Option<SystemTime>,
    /// Its roles, and who has them. Of one whose header is damaged, those that somebody has.
    pub roles: Vec<RoleState>,
    /// Whether a live process has a role of this generation, or is creating, replacing or removing it.
    pub is_used: bool,
    /// Whether a live process is creating, replacing or removing it.
    pub is_changing: bool,
    /// The number of the newest message, which is how many there were (modulo 2^54 - 1): 0 before the first. `None` of
    /// a board, and where it is not known.
    pub messages: Option<u64>,
    /// Of a mailbox: whether the newest message still waits for the reader.
    pub is_set: Option<bool>,
    /// Of a board: its words.
    pub board: Option<Board>,
}

impl Survey {
    pub(super) fn new(name: &str, what: What) -> Self {
        Self {
            name: name.to_owned(),
            what,
            condition: Condition::Gone,
            problems: Vec::new(),
            generation: 0,
            objects: Vec::new(),
            message_type: None,
            capacity: None,
            consumers: None,
            words: None,
            mode: None,
            owner: None,
            created: None,
            modified: None,
            roles: Vec::new(),
            is_used: false,
            is_changing: false,
            messages: None,
            is_set: None,
            board: None,
        }
    }

    /// The live process that has a role, if there is one.
    #[must_use]
    pub fn holder(&self, role: Role) -> Option<&Holder> {
        self.roles.iter().find(|state| state.role == role)?.holder.as_ref()
    }

    /// How long all its objects are together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.objects.iter().fold(0, |sum, object| sum.saturating_add(object.length))
    }

    /// Whether the channel was ever replaced ([`Channel::replace`](crate::Channel::replace)).
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.generation > 0
    }

    /// The same, without open files: a holder opens what it has a role of again, where it is watched.
    fn closed(mut self) -> Self {
        for state in &mut self.roles {
            state.holder = state.holder.take().map(Holder::closed);
        }
        self
    }

    /// Notes what is wrong, and how bad that is if nothing worse was found before.
    pub(super) fn note(&mut self, condition: Condition, problem: impl Into<Problem>) {
        if self.condition == Condition::Complete {
            self.condition = condition;
        }
        self.problems.push(problem.into());
    }
}

/// What there is whose names begin with `prefix`, in the order of names. See [`Surveyor`] for looking again and again.
///
/// It has no more files open at a time than one of them has objects, and none afterwards, however many there are.
///
/// # Errors
/// `/dev/shm` cannot be read.
///
/// # Crash safety
/// *Nothing to undo.*
pub fn survey(prefix: &str) -> io::Result<Vec<Survey>> {
    let mut surveys = Vec::new();
    for ((name, what), objects) in listed(prefix)? {
        // All names that are listed can be. Each is closed before the next: there may be more than files can be open.
        let Ok(mut inspection) = Inspection::unopened(&name, what) else { continue };
        inspection.refresh_of(&objects);
        surveys.push(inspection.into_survey().closed());
    }
    surveys.retain(|survey| survey.condition != Condition::Gone);
    Ok(surveys)
}

/// What has the names of objects that begin with `prefix`. What is no object is among it: it keeps everybody from its
/// name all the same.
fn listed(prefix: &str) -> io::Result<BTreeMap<(String, What), Vec<ObjectName>>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for object in list::names(prefix, |_| true)? {
        found.entry((object.name.clone(), What::of(object.kind))).or_default().push(object);
    }
    Ok(found)
}

/// Looks at all channels, mailboxes and boards again and again, and keeps their objects open in between.
///
/// It has as many files open as there are objects; where the limit is lower (`ulimit -n`), some are told to be
/// unreadable. A look at one costs a dozen system calls, and two for each role.
#[derive(Debug)]
pub struct Surveyor {
    prefix: String,
    inspections: BTreeMap<(String, What), Inspection>,
}

impl Surveyor {
    /// For those whose names begin with `prefix`. Looks at nothing yet.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), inspections: BTreeMap::new() }
    }

    /// Looks at all that there is now, in the order of names. What is removed and created anew in between is told of as
    /// it is now.
    ///
    /// # Errors
    /// `/dev/shm` cannot be read.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn refresh(&mut self) -> io::Result<impl Iterator<Item = &Survey>> {
        let found = listed(&self.prefix)?;
        self.inspections.retain(|key, _| found.contains_key(key));
        for (key, objects) in found {
            // All names that are listed can be.
            if !self.inspections.contains_key(&key)
                && let Ok(inspection) = Inspection::unopened(&key.0, key.1)
            {
                self.inspections.insert(key.clone(), inspection);
            }
            if let Some(inspection) = self.inspections.get_mut(&key) {
                inspection.refresh_of(&objects);
            }
        }
        self.inspections.retain(|_, inspection| inspection.survey().condition != Condition::Gone);
        Ok(self.inspections.values().map(Inspection::survey))
    }

    /// One of those that the last [`refresh`](Self::refresh) has found, to look at it word by word.
    #[must_use]
    pub fn inspection(&self, name: &str, what: What) -> Option<&Inspection> {
        self.inspections.get(&(name.to_owned(), what))
    }
}
