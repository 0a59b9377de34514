//! Who has a role, and an event when that process dies.
//!
//! Whether a role is had, the kernel says: it is a lock. Who has it, the holder has noted in the object itself, its
//! *signature*: the process id and the time at which that process started, in one word, so that they are never read of
//! two processes, and a process that was given the id of a dead one is not taken for it.

use crate::error::{OsError, WatchError};
use crate::object::{Identity, Object};
use crate::region::process_id;
use crate::role::Role;
use nix::errno::Errno;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// A live process that has a role, as it was found when it was asked for.
#[derive(Clone, Debug)]
pub struct Holder {
    object: Held,
    role: Role,
    signature: Signature,
    since: Option<SystemTime>,
}

/// What it has a role of.
#[derive(Clone, Debug)]
enum Held {
    /// It is open.
    Open(Arc<Object>),
    /// It is opened again where it is needed.
    Closed(Box<Identity>),
}

impl Holder {
    /// Who has a role of an object; `None` where no live process has it.
    pub(crate) fn find(object: &Arc<Object>, role: Role) -> Result<Option<Self>, OsError> {
        if !object.is_held(&role.bytes())? {
            return Ok(None);
        }
        let (signature, since) = role.signed(object);
        Ok(Some(Self { object: Held::Open(Arc::clone(object)), role, signature, since }))
    }

    /// The same, without a file descriptor.
    pub(crate) fn closed(self) -> Self {
        let object = match self.object {
            Held::Open(object) => Held::Closed(Box::new(object.identity())),
            closed @ Held::Closed(_) => closed,
        };
        Self { object, ..self }
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The process that took the role last, as its own pid namespace numbers it; `None` if it has not noted it yet.
    ///
    /// It may be a dead one: where a forked child has the role still, or for a moment where a successor has just taken
    /// it. [`watch`](Self::watch) tells.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.signature.process()
    }

    /// Since when that process has the role, by the clock of the wall; `None` if it has not noted it yet.
    #[must_use]
    pub fn since(&self) -> Option<SystemTime> {
        self.since
    }

    /// Watches the process, to be told when it dies.
    ///
    /// A process can also give its role up and live on, which is no event. Ask again who has the role now and then, or
    /// after what the process says by itself.
    ///
    /// # Errors
    /// The process no longer has the role, it is not known, or it cannot be seen from here: a forked child has the role
    /// of a dead parent, it lives in another pid or time namespace, or `/proc` is not mounted or hides it. Of a holder
    /// that a [`survey`](crate::inspect::survey()) has found, also: what it has the role of was removed since, or cannot
    /// be opened again.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn watch(&self) -> Result<DeathWatch, WatchError> {
        let role = self.role;
        let Some(process) = self.pid() else { return Err(WatchError::NotKnown { role }) };
        let object = match &self.object {
            Held::Open(object) => Arc::clone(object),
            Held::Closed(object) => Arc::new(object.look()?.ok_or(WatchError::NotHeld { role, process })?),
        };
        let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
            return Err(WatchError::NotSeen { role, process });
        };
        let watch = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process_fd) => Some(DeathWatch { object: Arc::clone(&object), process_fd, process }),
            Err(rustix::io::Errno::SRCH) => None,
            Err(errno) => return Err(failed(&object, "pidfd_open", errno).into()),
        };
        // The process that signed had the id before this, so if it has the id now it had it in between.
        let is_that_one = Process::look_up(process).is_some_and(|found| found.is(self.signature));
        let has_ended = watch.as_ref().map_or(Ok(true), |watch| watch.wait(Some(Duration::ZERO)))?;
        // Who gives a role up lives on, and who takes it signs: both are looked at once there is something to watch.
        if !object.is_held(&role.bytes())? || role.signature(&object) != self.signature {
            return Err(WatchError::NotHeld { role, process });
        }
        watch.filter(|_| is_that_one && !has_ended).ok_or(WatchError::NotSeen { role, process })
    }
}

/// A file descriptor that is readable once a process is dead, for `poll`, `epoll` and what is built on them.
///
/// The kernel drops a process's roles before it becomes readable, so they can be taken then. It never becomes
/// unreadable again, and reading from it is of no use.
#[derive(Debug)]
pub struct DeathWatch {
    object: Arc<Object>,
    process_fd: OwnedFd,
    process: u32,
}

impl DeathWatch {
    /// The process that is watched.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process
    }

    /// Waits until the process is dead, for `timeout` at most, or for as long as it takes where there is none; whether
    /// it is dead.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, OsError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            // Where the deadline is further away than the kernel can count, there is none.
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut [PollFd::new(&self.process_fd, PollFlags::IN)], left.as_ref()) {
                Ok(ready) => return Ok(ready != 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(failed(&self.object, "poll", errno)),
            }
        }
    }

    /// Calls `then` in a thread of its own when the process is dead: for a supervisor that starts another one.
    ///
    /// The thread waits as long as the process lives, and ends with this process. It is given `false` where waiting
    /// failed, so that nothing is known of the process.
    ///
    /// # Errors
    /// No thread can be started.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn on_death(self, then: impl FnOnce(bool) + Send + 'static) -> io::Result<JoinHandle<()>> {
        let wait = move || then(self.wait(None).unwrap_or(false));
        std::thread::Builder::new().name("lastword-watch".to_owned()).spawn(wait)
    }
}

impl AsFd for DeathWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.process_fd.as_fd()
    }
}

impl AsRawFd for DeathWatch {
    fn as_raw_fd(&self) -> RawFd {
        self.process_fd.as_raw_fd()
    }
}

/// Which process it was that took a role: its id, and the time at which it started (/proc/PID/stat, field 22: clock
/// ticks since the machine's start) modulo 2^32, which is 497 days.
///
/// ```text
///  63             32 31              0
/// +-----------------+-----------------+
/// | start, or 0     | process, or 0   |
/// +-----------------+-----------------+
/// ```
///
/// A word that another process can write: it is compared, and never trusted further than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signature(u64);

impl Signature {
    /// That of nobody.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// Without a start where `/proc` cannot be read.
    pub(crate) fn of_this_process() -> Self {
        // `/proc` is asked once for each process; a forked child has another id.
        static OWN: AtomicU64 = AtomicU64::new(0);
        // Relaxed: the word is all there is; a thread that does not see it looks it up once more.
        let (process, known) = (process_id(), Self(OWN.load(Ordering::Relaxed)));
        if known.process() == Some(process) {
            return known;
        }
        let own = Self::new(process, Process::look_up(process).map_or(0, |process| process.start));
        OWN.store(own.0, Ordering::Relaxed);
        own
    }

    fn new(process: u32, start: u64) -> Self {
        Self((start & u64::from(u32::MAX)) << 32 | u64::from(process))
    }

    /// The process.
    pub(crate) fn process(self) -> Option<u32> {
        let process = self.0 as u32;
        (process != 0).then_some(process)
    }
}

/// A process, as `/proc` shows it.
pub(crate) struct Process {
    id: u32,
    start: u64,
    has_ended: bool,
}

impl Process {
    /// The process of that id in this pid namespace, if there is one and it can be seen.
    pub(crate) fn look_up(id: u32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
        // The second field is the program's name, which may have anything in it, and be cut within a character.
        let stat = String::from_utf8_lossy(&stat);
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        // One that has ended and that nobody has waited for has no open files.
        let has_ended = matches!(fields.next()?, "Z" | "X");
        let start = fields.nth(18)?.parse().ok()?;
        Some(Self { id, start, has_ended })
    }

    /// Whether it is the process that signed so.
    fn is(&self, signature: Signature) -> bool {
        self.start != 0 && Signature::new(self.id, self.start) == signature
    }

    /// Whether it has ended, or its first thread at least.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

fn failed(object: &Object, call: &'static str, errno: rustix::io::Errno) -> OsError {
    OsError::new(object.name(), call, Errno::from_raw(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_tells_processes_of_the_same_id_apart() {
        let own = Signature::of_this_process();
        assert_eq!(own.process(), Some(std::process::id()));
        let found = Process::look_up(std::process::id()).expect("this process lives");
        assert!(found.is(own));
        assert!(!found.is(Signature::new(found.id, found.start + 1)));
        assert!(!found.is(Signature::new(found.id + 1, found.start)));
        assert!(!found.is(Signature::new(found.id, 0)), "it was not known when the role was taken");
        assert_eq!(Signature::NONE.process(), None);
        // The time is cut, the process is not.
        assert_eq!(Signature::new(7, u64::MAX).process(), Some(7));
    }
}
