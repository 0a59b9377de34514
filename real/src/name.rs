//! Names of channels, mailboxes and boards, and of the objects that they are made of.

use std::fmt;

/// What every object's name begins with.
pub(crate) const PREFIX: &str = "lastword-";
const LENGTH_MAX: usize = 200;

/// The name of a channel, a mailbox or a board: 1 to 200 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(Box<str>);

/// The name that was given is none that a channel, a mailbox or a board can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    found: String,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no name for a channel, a mailbox or a board: use 1 to {LENGTH_MAX} of A-Z a-z 0-9 . _ -",
            self.found
        )
    }
}

impl std::error::Error for NameError {}

impl Name {
    pub(crate) fn new(name: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=LENGTH_MAX).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(NameError { found: name.to_owned() })
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The object of this name and kind, as shm_overview(7) spells it.
    pub(crate) fn object(&self, kind: ObjectKind) -> String {
        format!("/{PREFIX}{}.{}", self.0, kind.suffix())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an object is, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// The messages of a channel: `/lastword-NAME.data`.
    Data,
    /// The lock words and roles of a channel: `/lastword-NAME.locks`.
    Locks,
    /// A ready mailbox: `/lastword-NAME.ready`.
    Ready,
    /// A status board: `/lastword-NAME.status`.
    Status,
}

impl ObjectKind {
    pub(crate) const ALL: [Self; 4] = [ObjectKind::Data, ObjectKind::Locks, ObjectKind::Ready, ObjectKind::Status];

    /// The end of the object's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            ObjectKind::Data => "data",
            ObjectKind::Locks => "locks",
            ObjectKind::Ready => "ready",
            ObjectKind::Status => "status",
        }
    }

    /// The object that has the roles of what this one belongs to: of a channel, the locks object; of a mailbox or a
    /// board, the one that there is. Objects of one name belong together where they agree in this.
    #[must_use]
    pub const fn anchor(self) -> Self {
        match self {
            ObjectKind::Data | ObjectKind::Locks => ObjectKind::Locks,
            ObjectKind::Ready => ObjectKind::Ready,
            ObjectKind::Status => ObjectKind::Status,
        }
    }
}
