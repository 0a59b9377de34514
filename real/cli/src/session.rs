//! A session: a name of its own for all objects of one run, and the certainty that they go again.

use crate::explain::cannot_list;
use crate::names;
use crate::removal::{self, Cause, Left, is_denied};
use crate::tell::tell;
use lastword::status::{self, Monitor, Writer};
use lastword::{Force, OpenError};
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// How long the kernel may take to drop the roles of processes whose death it has reported.
const ROLES_GONE_MAX: Duration = Duration::from_secs(2);
const ROLES_POLL: Duration = Duration::from_millis(5);
/// So many reasons why something could not be removed are said; the others are counted.
const REASONS_MAX: usize = 4;

/// A session that is this process's to end. Its board's writer is this process, which shows others that it lives.
#[derive(Debug)]
pub(crate) struct Session {
    name: String,
    writer: Option<Writer>,
}

impl Session {
    /// Begins a session of this kind, after ending those whose supervisor was killed.
    pub(crate) fn begin(kind: &str) -> Result<Self, Error> {
        for name in names_of(kind)? {
            match Self::take(name) {
                // What cannot be removed keeps nobody from a session of their own.
                Ok(mut dead) => match dead.remove() {
                    Ok(removed) => tell!("removed {removed} objects of {}, which was killed", dead.name),
                    Err(error) => tell!("{error}"),
                },
                Err(OpenError::RoleTaken { .. }) => {}
                // Another user's.
                Err(OpenError::Os(error)) if is_denied(error.raw_os_error()) => {}
                Err(error) => tell!("left as it is: {error}"),
            }
        }
        loop {
            let name = format!("{kind}.{}-{:08x}", std::process::id(), rand::random::<u32>());
            match Self::take(name) {
                // Somebody took it for dead, between its board's creation and our having its role.
                Err(OpenError::RoleTaken { .. }) => {}
                session => return Ok(session?),
            }
        }
    }

    fn take(name: String) -> Result<Self, OpenError> {
        let writer = Writer::create(&names::session_board(&name), 1, names::MODE)?;
        Ok(Self { name, writer: Some(writer) })
    }

    /// The session's name, with which the names of all its objects begin.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Removes all objects. Every process of the session must be dead.
    pub(crate) fn end(mut self) -> Result<(), Error> {
        self.remove().map(drop)
    }

    fn remove(&mut self) -> Result<usize, Error> {
        // As long as other objects are there, the session's board shows whose they are.
        let Some(writer) = self.writer.take() else { return Ok(0) };
        let prefix = format!("{}.", self.name);
        let board = names::session_board(&self.name);
        let deadline = Instant::now() + ROLES_GONE_MAX;
        let mut removed = 0;
        let left = loop {
            // What went wrong is found below, where each is removed by itself.
            removed += lastword::remove_unused(&prefix).map_or(0, |removed| removed.len());
            // By name, because somebody may have removed the board.
            let outcome = removal::remove_each(&prefix, |object| object.name != board)?;
            removed += outcome.removed.len();
            let may_pass = outcome.left.iter().any(|left| left.cause == Cause::Used);
            if !may_pass || Instant::now() > deadline {
                break outcome.left;
            }
            thread::sleep(ROLES_POLL);
        };
        drop(writer);
        // It goes even where others stay: it may be ours alone, and keep their owner from removing them.
        let ended = status::remove(&board, Force::No);
        if !left.is_empty() {
            return Err(in_words(&left, &self.name).into());
        }
        Ok(removed + usize::from(ended?))
    }
}

fn in_words(left: &[Left], session: &str) -> String {
    let mut words = format!("not all objects of {session} could be removed; these stay behind:");
    for left in left.iter().take(REASONS_MAX) {
        words.push_str(&format!("\n  {}", left.reason));
    }
    if let Some(more @ 1..) = left.len().checked_sub(REASONS_MAX) {
        words.push_str(&format!("\n  and {more} more"));
    }
    words
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tell!("{error}");
        }
    }
}

/// The names of the sessions of this kind of which there are objects.
fn names_of(kind: &str) -> Result<BTreeSet<String>, Error> {
    let objects = lastword::objects(&format!("{kind}.")).map_err(cannot_list)?;
    Ok(objects.iter().filter_map(|object| session_of(&object.name)).map(str::to_owned).collect())
}

/// The session that an object of this name belongs to, if it is called like one of a session's.
fn session_of(object: &str) -> Option<&str> {
    let mut dots = object.match_indices('.').map(|(at, _)| at);
    let (kind_end, end) = (dots.next()?, dots.next()?);
    let (pid, random) = object[kind_end + 1..end].split_once('-')?;
    (pid.parse::<u32>().is_ok() && !random.is_empty()).then(|| &object[..end])
}

/// Whether an object belongs to a session whose supervisor lives: it will be used again, even if nobody has it now.
pub(crate) fn is_running(object: &str) -> bool {
    session_of(object).is_some_and(|session| {
        Monitor::open(&names::session_board(session)).is_ok_and(|board| board.writer_lives().unwrap_or(true))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objects_name_says_of_which_session_it_is() {
        assert_eq!(session_of("demo.12-0a.3"), Some("demo.12-0a"));
        assert_eq!(session_of("demo.12-0a.3.4"), Some("demo.12-0a"));
        for other in ["demo.12-0a", "demo.x-0a.3", "demo.12-.3", "demo", "", "...", "demo.12.3"] {
            assert_eq!(session_of(other), None, "{other}");
        }
    }
}
