//! What happened in a run, line by line.

use lastword_protocol::memory::{Kind, Ordering, Site};
use std::fmt;

/// Something that a process did, or that was done to it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which process.
    pub process: usize,
    /// How many times it had died.
    pub incarnation: u16,
    /// What.
    pub what: What,
}

/// What an access accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The word of this number in the layout.
    Word(usize),
    /// A word of the payload.
    Payload {
        /// Of which area.
        area: usize,
        /// Which word of it.
        index: usize,
    },
}

/// An access in bare numbers, for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// What was accessed; nothing by a fence.
    pub place: Option<Place>,
    /// The value found. By a wait, what the kernel found in memory.
    pub found: Option<u64>,
    /// The value stored.
    pub stored: Option<u64>,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// The process takes up its role.
    Starts,
    /// It begins an operation.
    Begins {
        /// Which.
        operation: String,
    },
    /// An access.
    Access {
        /// From where in the protocol's table.
        site: &'static Site,
        /// The ordering that it had.
        order: Ordering,
        /// What was accessed; nothing by a fence.
        place: Option<String>,
        /// The value found.
        found: Option<String>,
        /// The value stored.
        stored: Option<String>,
        /// Whether this decided what an earlier death had left there.
        left: bool,
        /// The same in numbers.
        facts: Facts,
    },
    /// The judge is told of something.
    Tells {
        /// Of what.
        event: String,
        /// The answer; none where the judge found a promise broken.
        answer: Option<u64>,
    },
    /// A store reaches memory from its process's buffer.
    Flushes {
        /// Where.
        place: String,
        /// The value.
        value: String,
        /// The same in numbers.
        facts: Facts,
    },
    /// The operation is complete.
    Completes,
    /// The operation waits for another process.
    Waits,
    /// The process is killed.
    Dies {
        /// What it had stored unordered, and which may be lost.
        lost: Vec<String>,
    },
    /// Something that a system other than memory did.
    Call {
        /// What was asked for.
        call: String,
        /// What came of it.
        result: String,
    },
}

/// What the process of a line is called: its role, and a stroke for each time that it has died, up to three.
pub fn name(roles: &[String], line: &Line) -> String {
    let role = roles.get(line.process).map_or("?", String::as_str);
    format!("{role}{}", "'".repeat(usize::from(line.incarnation).min(3)))
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Starts => f.write_str("starts"),
            What::Begins { operation } => write!(f, "begins {operation}"),
            What::Access { site, order, place, found, stored, left, .. } => {
                write!(f, "  {:22} {:8}", site.name, format!("{order:?}"))?;
                if let Some(place) = place {
                    write!(f, " {place}")?;
                }
                match (site.kind, found, stored) {
                    (Kind::CompareExchange, Some(found), Some(stored)) => write!(f, ": {found} -> {stored}")?,
                    (Kind::CompareExchange, Some(found), None) => write!(f, ": failed, found {found}")?,
                    (_, Some(found), _) => write!(f, " = {found}")?,
                    (_, _, Some(stored)) => write!(f, " := {stored}")?,
                    _ => {}
                }
                if *left { f.write_str("   (what a death left)") } else { Ok(()) }
            }
            What::Tells { event, answer: Some(_) } => write!(f, "  judge: {event}"),
            What::Tells { event, answer: None } => write!(f, "  judge: {event}   <- this cannot be"),
            What::Flushes { place, value, .. } => write!(f, "  its buffer is flushed: {place} := {value}"),
            What::Completes => f.write_str("is done"),
            What::Waits => f.write_str("  waits"),
            What::Dies { lost } if lost.is_empty() => f.write_str("IS KILLED"),
            What::Dies { lost } => write!(f, "IS KILLED; lost or not, each by itself: {}", lost.join(", ")),
            What::Call { call, result } => write!(f, "  {call} = {result}"),
        }
    }
}
