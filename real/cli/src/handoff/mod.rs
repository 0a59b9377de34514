//! A mailbox between two terminals: one process writes, one reads, and either may be killed.
//!
//! A *run* is `count` messages, numbered from a multiple of it on: 1 to 5, 6 to 10. Whoever is started finds in the
//! mailbox which message is next, and so where the run ends. The mailbox is removed when a run is over, by the one of
//! the two that ends last; if the writer was killed before it could see that its last message was consumed, the reader
//! leaves the mailbox, so that the next writer finds that nothing is left to send.

mod read;
mod write;

use crate::names::as_argument;
use crate::output;
use crate::signals;
use crate::tell::tell;
use crate::text::{escaped, escaped_json};
use clap::Subcommand;
use lastword::ready::{Mailbox, State};
use lastword::{Force, NameError, RemoveError};
use serde::Serialize;
use std::io;

type Error = Box<dyn std::error::Error>;

/// The longest message, in bytes.
const CAPACITY: usize = 1024;
const NAME: &str = "handoff";
const COUNT: u64 = 5;
const COUNT_MAX: u64 = 1_000_000_000;
/// An hour.
const TIME_MS_MAX: u64 = 3_600_000;

/// What is said of both ends.
const RULES: &str = "\
Start them in any order, and kill either with kill -9 whenever you like: started again with the same arguments, it goes
on. Nothing is lost, and the order stays. A message comes twice only if its reader was killed before it had cleared it,
and is marked then.

Messages are numbered, and a run ends at the next multiple of COUNT: 1 to 5, then 6 to 10. When a run is over, who ends
last removes the mailbox, and the next run begins at 1. If the writer was killed before it saw the end, the mailbox
stays: a writer that is started again finds that everything was consumed, removes it and ends; a reader begins with
the next run. Ctrl-C in the midst leaves the mailbox: go on with the same command, or remove it with lastword rm NAME.";

/// What is asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Handoff {
    /// Send messages, each when the one before has been read
    Write(write::Options),
    /// Read messages, and clear each when it was read
    Read(read::Options),
}

/// Runs one end; the exit code.
pub(crate) fn run(handoff: &Handoff) -> Result<u8, Error> {
    match handoff {
        Handoff::Write(options) => write::run(options),
        Handoff::Read(options) => read::run(options),
    }
}

fn mailbox(name: &str) -> Result<Mailbox<[u8]>, NameError> {
    Mailbox::bytes(name, CAPACITY)
}

/// How far a mailbox is.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// The last message sent; 0 before the first.
    sent: u64,
    /// Whether it waits for the reader.
    waits: bool,
}

impl From<State> for Progress {
    fn from(state: State) -> Self {
        Self { sent: state.sequence.map_or(0, lastword::Sequence::get), waits: state.set }
    }
}

impl Progress {
    /// The last message that was consumed; 0 before the first.
    fn consumed(self) -> u64 {
        self.sent - u64::from(self.waits && self.sent > 0)
    }

    /// The last message of the run that the next message to be consumed is in.
    fn end_of_run(self, count: u64) -> u64 {
        (self.consumed() + 1).checked_next_multiple_of(count).unwrap_or(u64::MAX)
    }

    /// Whether a whole run was consumed, and nothing was sent since.
    fn is_between_runs(self, count: u64) -> bool {
        self.sent > 0 && !self.waits && self.sent.is_multiple_of(count)
    }
}

/// A message, as it is printed. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Message {
    /// Its number in the mailbox.
    number: u64,
    /// What it says. What is not UTF-8 is a replacement character.
    text: String,
    /// Whether an earlier reader may have had it too. Of a reader only.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<bool>,
}

impl Message {
    /// Prints it, after `before` in words.
    fn print(&self, before: &str, json: bool) -> Result<(), io::Error> {
        let Self { number, text, again } = self;
        if json {
            return output::line(escaped_json(&serde_json::to_string(self)?));
        }
        let again = match again {
            Some(true) => " (again: an earlier reader may have had it, and did not clear it)",
            _ => "",
        };
        output::line(format_args!("{before}{number}: {}{again}", escaped(text.as_bytes())))
    }
}

/// Removes the mailbox when this process has given up its role, unless the other one has its own. `stays` says then
/// what becomes of it.
fn remove(mailbox: &Mailbox<[u8]>, stays: &str) -> Result<(), RemoveError> {
    let name = mailbox.name();
    match mailbox.remove(Force::No) {
        Ok(true) => tell!("removed mailbox {name}"),
        Ok(false) => {}
        Err(RemoveError::InUse { .. }) => tell!("mailbox {name} stays: {stays}"),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// What Ctrl-C leaves, when this process has given up its role; the exit code.
fn interrupted(mailbox: &Mailbox<[u8]>, progress: Progress, signal: i32) -> Result<u8, RemoveError> {
    let (name, Progress { sent, waits }) = (mailbox.name(), progress);
    if sent == 0 {
        remove(mailbox, "the other end uses it")?;
    } else {
        let what = if waits {
            format!("message {sent} is still in mailbox {name}")
        } else {
            format!("mailbox {name} stays, its messages consumed up to {sent}")
        };
        tell!("{what}: go on with the same command, or remove it with lastword rm {}", as_argument(name));
    }
    Ok(signals::exit_code(signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_the_next_multiple_of_what_is_next() {
        let end = |sent, waits| Progress { sent, waits }.end_of_run(5);
        assert_eq!([end(0, false), end(1, true), end(3, false), end(5, true)], [5; 4]);
        assert_eq!([end(5, false), end(6, true), end(10, true)], [10; 3]);
        assert_eq!(Progress { sent: u64::MAX - 1, waits: false }.end_of_run(1 << 40), u64::MAX);
        let between = |sent, waits| Progress { sent, waits }.is_between_runs(5);
        assert!(between(5, false) && !between(0, false) && !between(5, true) && !between(6, false));
    }
}
