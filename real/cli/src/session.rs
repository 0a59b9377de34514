//! A session: a name of its own for all objects of one run, and the certainty that they go again.

use crate::names;
use lastword::OpenError;
use lastword::status::{Monitor, Writer};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// How long the kernel may take to drop the roles of processes whose death it has reported.
const ROLES_GONE_MAX: Duration = Duration::from_secs(2);
const ROLES_POLL: Duration = Duration::from_millis(5);

/// A running session. Its supervisor is the writer of the session's board, which shows others that it lives.
#[derive(Debug)]
pub(crate) struct Session {
    name: String,
    writer: Option<Writer>,
}

impl Session {
    /// Begins a session of this kind, after removing what killed ones have left.
    pub(crate) fn begin(kind: &str) -> Result<Self, Error> {
        for dead in dead(kind)? {
            let removed = lastword::remove_unused(&format!("{dead}."))?;
            eprintln!("removed {} objects of {dead}, which was killed", removed.len());
        }
        let name = format!("{kind}.{}-{:08x}", std::process::id(), rand::random::<u32>());
        let writer = Writer::create(&names::session_board(&name), 1, names::MODE)?;
        Ok(Self { name, writer: Some(writer) })
    }

    /// The session's name, with which the names of all its objects begin.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Removes all objects. Every process of the session must be dead.
    pub(crate) fn end(mut self) -> Result<(), Error> {
        self.remove()
    }

    fn remove(&mut self) -> Result<(), Error> {
        // As long as other objects are there, the session's board shows whose they are.
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let prefix = format!("{}.", self.name);
        let deadline = Instant::now() + ROLES_GONE_MAX;
        loop {
            lastword::remove_unused(&prefix)?;
            let left = lastword::objects(&prefix)?.len() - 1;
            if left == 0 {
                break;
            }
            if Instant::now() > deadline {
                return Err(format!("{left} objects of {} are still in use and stay behind", self.name).into());
            }
            thread::sleep(ROLES_POLL);
        }
        drop(writer);
        lastword::remove_unused(&prefix)?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("not removed: {error}");
        }
    }
}

/// The sessions of this kind whose supervisor is dead.
fn dead(kind: &str) -> Result<BTreeSet<String>, Error> {
    let sessions: BTreeSet<String> = lastword::objects(&format!("{kind}."))?
        .iter()
        .filter_map(|object| {
            let mut parts = object.name.splitn(3, '.');
            let (kind, session) = (parts.next()?, parts.next()?);
            let (pid, random) = session.split_once('-')?;
            (pid.parse::<i32>().is_ok() && !random.is_empty()).then(|| format!("{kind}.{session}"))
        })
        .collect();
    let mut dead = BTreeSet::new();
    for session in sessions {
        let lives = match Monitor::open(&names::session_board(&session)) {
            Ok(monitor) => monitor.writer_lives()?,
            // Its supervisor is at the very beginning or the very end, or was killed there.
            Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => process_lives(&session),
            Err(error) => {
                eprintln!("{session} is left as it is: {error}");
                true
            }
        };
        if !lives {
            dead.insert(session);
        }
    }
    Ok(dead)
}

fn process_lives(session: &str) -> bool {
    let pid = session.split_once('.').and_then(|(_, session)| session.split_once('-')?.0.parse().ok());
    pid.is_none_or(|pid| kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH))
}
