//! A session: a name of its own for all objects of one run, and the certainty that they go again.

use crate::explain::cannot_list;
use crate::names;
use crate::tell::tell;
use lastword::ready::Mailbox;
use lastword::status::{self, Writer};
use lastword::{Channel, Force, ObjectKind, ObjectName, OpenError, RemoveError};
use nix::errno::Errno;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
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
        let refused = loop {
            // What went wrong is found below, where each is removed by itself.
            removed += lastword::remove_unused(&prefix).map_or(0, |removed| removed.len());
            let refused = remove_each(&prefix, &board)?;
            removed += refused.removed;
            if refused.reasons.is_empty() || !refused.may_pass || Instant::now() > deadline {
                break refused;
            }
            thread::sleep(ROLES_POLL);
        };
        drop(writer);
        // It goes even where others stay: it may be ours alone, and keep their owner from removing them.
        let ended = status::remove(&board, Force::No);
        if !refused.reasons.is_empty() {
            return Err(refused.in_words(&self.name).into());
        }
        Ok(removed + usize::from(ended?))
    }
}

/// What was not removed, and why.
struct Refused {
    reasons: Vec<String>,
    /// Whether waiting may help: somebody has a role.
    may_pass: bool,
    /// How many objects were.
    removed: usize,
}

impl Refused {
    fn in_words(&self, session: &str) -> String {
        let mut words = format!("not all objects of {session} could be removed; these stay behind:");
        for reason in self.reasons.iter().take(REASONS_MAX) {
            words.push_str(&format!("\n  {reason}"));
        }
        if let Some(more @ 1..) = self.reasons.len().checked_sub(REASONS_MAX) {
            words.push_str(&format!("\n  and {more} more"));
        }
        words
    }
}

/// Removes each channel, mailbox and board for itself, this board excepted.
fn remove_each(prefix: &str, board: &str) -> Result<Refused, Error> {
    // By name, because somebody may have removed the board.
    let others = || -> Result<Vec<ObjectName>, Error> {
        let mut objects = lastword::objects(prefix).map_err(cannot_list)?;
        objects.retain(|object| object.name != board);
        Ok(objects)
    };
    let before = others()?;
    let (mut reasons, mut may_pass) = (BTreeMap::new(), false);
    for object in &before {
        let tried = reasons.entry((object.name.clone(), object.kind.anchor()));
        let Entry::Vacant(untried) = tried else { continue };
        // Of what type its messages are is of no account.
        let removed = match object.kind {
            ObjectKind::Data | ObjectKind::Locks => Channel::<u64>::new(&object.name)?.remove(Force::No),
            ObjectKind::Ready => Mailbox::<u64>::new(&object.name)?.remove(Force::No),
            ObjectKind::Status => status::remove(&object.name, Force::No),
        };
        may_pass |= matches!(removed, Err(RemoveError::InUse { .. } | RemoveError::BeingCreated { .. }));
        untried.insert(why(object, removed));
    }
    let left = others()?;
    reasons
        .retain(|(name, anchor), _| left.iter().any(|object| object.name == *name && object.kind.anchor() == *anchor));
    let removed = before.len().saturating_sub(left.len());
    Ok(Refused { reasons: reasons.into_values().collect(), may_pass, removed })
}

/// Why an object is still there.
fn why(object: &ObjectName, removed: Result<bool, RemoveError>) -> String {
    match removed {
        Err(RemoveError::Os(error)) if is_denied(error.raw_os_error()) => {
            format!("object {object}: belongs to another user, who can remove it")
        }
        Err(error) => error.to_string(),
        Ok(_) => format!("object {object}: it is there again"),
    }
}

fn is_denied(number: i32) -> bool {
    matches!(Errno::from_raw(number), Errno::EACCES | Errno::EPERM)
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
    let names = objects.iter().filter_map(|object| {
        let mut parts = object.name.splitn(3, '.');
        let (kind, session, _) = (parts.next()?, parts.next()?, parts.next()?);
        let (pid, random) = session.split_once('-')?;
        (pid.parse::<u32>().is_ok() && !random.is_empty()).then(|| format!("{kind}.{session}"))
    });
    Ok(names.collect())
}
