//! Events: what one action of an execution found and stored, as the trace modules have it.

use std::fmt;

/// A value of a word: what kind it is, and up to two numbers, in the form that the trace module of the specification
/// gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub &'static str, pub u64, pub u64);

impl Value {
    /// Nothing was found, or stored.
    pub const NONE: Value = Value("none", 0, 0);
}

/// A word of shared memory: what it is, and whose or in which slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub &'static str, pub usize);

impl Place {
    /// No word: a fence, a kill.
    pub const NONE: Place = Place("none", 0);
}

/// One action of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Event {
    /// The process.
    pub by: usize,
    /// The action of the specification.
    pub action: &'static str,
    /// The word.
    pub on: Place,
    /// The value found there.
    pub found: Value,
    /// The value stored there.
    pub stored: Value,
}

impl Event {
    /// The death of a process.
    pub fn kill(by: usize) -> Self {
        Self::silent(by, KILL)
    }

    /// An action that is no access.
    pub fn silent(by: usize, action: &'static str) -> Self {
        Self { by, action, on: Place::NONE, found: Value::NONE, stored: Value::NONE }
    }
}

/// The action that a death is.
pub const KILL: &str = "Kill";

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<<\"{}\", {}, {}>>", self.0, self.1, self.2)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<<\"{}\", {}>>", self.0, self.1)
    }
}

/// As a record of TLA+.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event { by, action, on, found, stored } = self;
        write!(f, "[by |-> {by}, action |-> \"{action}\", on |-> {on}, found |-> {found}, stored |-> {stored}]")
    }
}

/// The action that a site is, unless it is among the exceptions: its name in CamelCase, without the protocol's.
pub fn action_of(site: &str) -> String {
    let name = site.split_once('.').map_or(site, |(_, name)| name);
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('_').map(capitalised).collect()
}
