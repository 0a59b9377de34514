//! Names of channels, mailboxes and boards, and of the objects that they are made of.

use std::fmt;

/// What every object's name begins with.
pub(crate) const PREFIX: &str = "lastword-";
const LENGTH_MAX: usize = 200;

/// What stands between a channel's name and the number of a generation that has replaced the first one.
const GENERATION: char = '~';

/// The name of a channel, a mailbox or a board: 1 to 200 of `A-Z a-z 0-9 . _ -`; and which generation of the channel is
/// meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    name: Box<str>,
    generation: u32,
}

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
            Ok(Self { name: name.into(), generation: 0 })
        } else {
            Err(NameError { found: name.to_owned() })
        }
    }

    /// A name as an object has it, with the number of its generation if it is not the first.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some((name, number)) = text.split_once(GENERATION) else { return Self::new(text).ok() };
        let generation = number.parse().ok().filter(|&generation: &u32| generation != 0)?;
        // One spelling only: the others are not found again by the number.
        (number == generation.to_string()).then(|| Self::new(name).ok().map(|name| name.of(generation)))?
    }

    /// The name of a generation of the same channel. The first one has number 0.
    pub(crate) fn of(&self, generation: u32) -> Self {
        Self { name: self.name.clone(), generation }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }

    /// The object of this name and kind, as shm_overview(7) spells it.
    pub(crate) fn object(&self, kind: ObjectKind) -> String {
        object_name(&self.name, self.generation, kind)
    }
}

/// The object of a generation of this name and kind, as shm_overview(7) spells it.
pub(crate) fn object_name(name: &str, generation: u32, kind: ObjectKind) -> String {
    let suffix = kind.suffix();
    match generation {
        0 => format!("/{PREFIX}{name}.{suffix}"),
        _ => format!("/{PREFIX}{name}{GENERATION}{generation}.{suffix}"),
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// What an object is, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// The messages of a channel: `/lastword-NAME.data`, or `/lastword-NAME~3.data` of its generation 3.
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
