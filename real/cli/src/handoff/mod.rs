//! A mailbox between two terminals: one process writes, one reads, and either may be killed.
//!
//! A *run* is `count` messages, numbered from a multiple of it on: 1 to 5, 6 to 10. Whoever is started finds in the
//! mailbox which message is next, and so where the run ends. The mailbox is removed when a run is over, by the one of
//! the two that ends last. A writer that finds a whole run consumed begins the next one: no message that it is asked
//! for is taken for sent. One that was killed after its last message was consumed therefore gives way: started again,
//! it sends a second run, and says so.

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
last removes the mailbox, and the next run begins at 1. A writer that finds a run of which something is left to send
goes on with it if the text is its own, and fails, sending nothing, if it is another one. A writer that finds a run
whose messages were all sent begins the next one, and says so; only if the last of them waits still, and is its own, it
sends no more, says so, and ends when that was read. So a writer that was killed in the moment after its last message
was consumed sends its run once more if it is started again. To avoid that, look first: where lastword inspect NAME
shows that the last message was consumed, remove the mailbox with lastword rm NAME instead.

Ctrl-C in the midst leaves the mailbox: go on with the same command, or remove it with lastword rm NAME. Lines of
standard input are not remembered: give those that were not sent, as in tail -n +9 FILE | lastword handoff write.
Ctrl-C says which line was sent last.";

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

    /// Whether the last message that was sent was the last of a run.
    fn is_at_end(self, count: u64) -> bool {
        self.sent > 0 && self.sent.is_multiple_of(count)
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

/// How to go on after Ctrl-C, if nothing else has to be done.
const SAME_COMMAND: &str = "go on with the same command";

/// What Ctrl-C leaves, when this process has given up its role, and how to go on; the exit code.
fn interrupted(mailbox: &Mailbox<[u8]>, progress: Progress, signal: i32, go_on: &str) -> Result<u8, RemoveError> {
    let (name, Progress { sent, waits }) = (mailbox.name(), progress);
    if sent == 0 {
        remove(mailbox, "the other end uses it")?;
    } else {
        let what = if waits {
            format!("message {sent} is still in mailbox {name}")
        } else {
            format!("mailbox {name} stays, its messages consumed up to {sent}")
        };
        tell!("{what}: {go_on}, or remove it with lastword rm {}", as_argument(name));
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
        let at_end = |sent, waits| Progress { sent, waits }.is_at_end(5);
        assert!(at_end(5, false) && at_end(5, true) && !at_end(0, false) && !at_end(6, false));
    }
}
