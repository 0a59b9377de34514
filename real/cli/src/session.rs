//! A session: a name of its own for all objects of one run, and the certainty that they go again.

use crate::names;
use crate::tell::tell;
use lastword::OpenError;
use lastword::status::Writer;
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// How long the kernel may take to drop the roles of processes whose death it has reported.
const ROLES_GONE_MAX: Duration = Duration::from_secs(2);
const ROLES_POLL: Duration = Duration::from_millis(5);

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
                Ok(mut dead) => {
                    let removed = dead.remove()?;
                    tell!("removed {removed} objects of {}, which was killed", dead.name);
                }
                Err(OpenError::RoleTaken { .. }) => {}
                // Another user's.
                Err(OpenError::Os(error)) if matches!(Errno::from_raw(error.raw_os_error()), Errno::EACCES) => {}
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
        loop {
            removed += lastword::remove_unused(&prefix)?.len();
            // By name, because somebody may have removed the board.
            let left = lastword::objects(&prefix)?.iter().filter(|object| object.name != board).count();
            if left == 0 {
                break;
            }
            if Instant::now() > deadline {
                return Err(format!("{left} objects of {} are still in use and stay behind", self.name).into());
            }
            thread::sleep(ROLES_POLL);
        }
        drop(writer);
        removed += lastword::remove_unused(&prefix)?.len();
        Ok(removed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tell!("not removed: {error}");
        }
    }
}

/// The names of the sessions of this kind of which there are objects.
fn names_of(kind: &str) -> Result<BTreeSet<String>, Error> {
    let objects = lastword::objects(&format!("{kind}."))?;
    let names = objects.iter().filter_map(|object| {
        let mut parts = object.name.splitn(3, '.');
        let (kind, session, _) = (parts.next()?, parts.next()?, parts.next()?);
        let (pid, random) = session.split_once('-')?;
        (pid.parse::<u32>().is_ok() && !random.is_empty()).then(|| format!("{kind}.{session}"))
    });
    Ok(names.collect())
}
