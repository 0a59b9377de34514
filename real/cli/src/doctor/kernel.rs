//! What the kernel can do, by having it done.

use super::{Check, Question, shm};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::utsname::uname;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use rustix::thread::futex;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicU32;

const VERSION: Question = Question::new("kernel-version", "Linux 5.3 or newer");
const ARCHITECTURE: Question = Question::new("architecture", "x86_64, or aarch64");
const LOCKS: Question =
    Question::new("kernel-locks", "locks of open file descriptions (F_OFD_SETLK), by which roles are had");
const DEATHS: Question = Question::new("kernel-pidfd", "pidfd_open, by which deaths are seen");
const SLEEP: Question = Question::new("kernel-futex", "futex, by which consumers and readers sleep");
const EVENTS: Question = Question::new("kernel-eventfd", "eventfd, by which event loops are told");

const FORBIDDEN: &str = "the kernel is too old, or a filter of system calls forbids it (of a container: its seccomp \
                         profile; of a service: SystemCallFilter=)";

/// The checks.
pub(super) fn checks() -> Vec<Check> {
    let tried = |question: Question, outcome: Result<(), String>| match outcome {
        Ok(()) => question.ok("it works"),
        Err(found) => question.problem(found, FORBIDDEN),
    };
    vec![
        version(uname().ok().map(|name| name.release().to_string_lossy().into_owned())),
        architecture(std::env::consts::ARCH),
        tried(LOCKS, locks()),
        tried(DEATHS, deaths()),
        tried(SLEEP, sleep()),
        tried(EVENTS, events()),
    ]
}

fn version(release: Option<String>) -> Check {
    let Some(release) = release else { return VERSION.warning("not known: uname failed", "see uname(2)") };
    let mut numbers = release.split(|byte: char| !byte.is_ascii_digit()).map(|number| number.parse().unwrap_or(0_u32));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if (major, minor) >= (5, 3) {
        return VERSION.ok(release);
    }
    VERSION.warning(release, "what the other checks find decides; use a newer kernel")
}

fn architecture(name: &str) -> Check {
    match name {
        "x86_64" => ARCHITECTURE.ok("x86_64, which is tested"),
        "aarch64" => ARCHITECTURE.warning(
            "aarch64, which is model-checked, and not tested",
            "run `lastword torture soak` on this machine before you rely on it",
        ),
        other => ARCHITECTURE.problem(format!("{other}, of which nothing is known"), "use another machine"),
    }
}

fn failed(call: &str, why: impl std::fmt::Display) -> String {
    format!("{call} failed: {why}")
}

/// One description's lock keeps another one out, until it is gone.
fn locks() -> Result<(), String> {
    let probe = match shm::probe() {
        Ok(probe) => probe,
        // Where there is no room for an object, which another check says, one that needs none.
        Err(_) => memfd_create("lastword-doctor", MFdFlags::MFD_CLOEXEC)
            .map_err(|errno| failed("memfd_create", errno))?
            .into(),
    };
    let lock = |file: &File| {
        let request = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 1,
            l_pid: 0,
        };
        fcntl(file, FcntlArg::F_OFD_SETLK(&request))
    };
    lock(&probe).map_err(|errno| failed("fcntl(F_OFD_SETLK)", errno))?;
    let path = format!("/proc/self/fd/{}", probe.as_raw_fd());
    // Without /proc, which another check says, this is all that can be tried.
    let Ok(again) = File::options().read(true).write(true).open(path) else { return Ok(()) };
    if !matches!(lock(&again), Err(Errno::EAGAIN | Errno::EACCES)) {
        return Err("two open file descriptions have the same lock".to_owned());
    }
    drop(probe);
    lock(&again).map(drop).map_err(|errno| failed("fcntl(F_OFD_SETLK) of a lock that is free", errno))
}

fn deaths() -> Result<(), String> {
    let process = pidfd_open(getpid(), PidfdFlags::empty()).map_err(|errno| failed("pidfd_open", errno))?;
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&now)) {
        Ok(0) => Ok(()),
        Ok(_) => Err("this process is said to be dead".to_owned()),
        Err(errno) => Err(failed("poll", errno)),
    }
}

fn sleep() -> Result<(), String> {
    let word = AtomicU32::new(1);
    let short = futex::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    let wait = |value| futex::wait(&word, futex::Flags::empty(), value, Some(&short));
    match (wait(1), wait(0)) {
        (Err(rustix::io::Errno::TIMEDOUT | rustix::io::Errno::INTR), Err(rustix::io::Errno::AGAIN)) => {}
        (slept, refused) => return Err(format!("futex: found {slept:?} and {refused:?}, expected TIMEDOUT and AGAIN")),
    }
    futex::wake(&word, futex::Flags::empty(), 1).map(drop).map_err(|errno| failed("futex", errno))
}

fn events() -> Result<(), String> {
    let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
        .map_err(|errno| failed("eventfd", errno))?;
    event.write(1).map_err(|errno| failed("writing to an eventfd", errno))?;
    let count = event.read().map_err(|errno| failed("reading an eventfd", errno))?;
    if count == 1 { Ok(()) } else { Err(format!("1 was written to an eventfd, and {count} read")) }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let state = |release: &str| version(Some(release.to_owned())).state;
        assert_eq!(["5.3.0", "5.10-rc1", "6.18.44-fc-v595", "10.0"].map(state), [State::Ok; 4]);
        assert_eq!(["5.2.21", "4.19.0", "3", "x", ""].map(state), [State::Warning; 5]);
    }

    #[test]
    fn what_nobody_has_tried_is_said() {
        let states = ["x86_64", "aarch64", "riscv64"].map(|name| architecture(name).state);
        assert_eq!(states, [State::Ok, State::Warning, State::Problem]);
    }
}
