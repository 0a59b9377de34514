//! A [subject](super::subject) as its tracer sees it: started, stepped, killed.
//!
//! Whatever happens to the tracer, its tracees die: by `PTRACE_O_EXITKILL`, and by the death signal that they ask for
//! before they are traced.

use super::Trouble;
use super::part::{Answer, Command, Dimensions};
use super::subject::NOT_TRACED;
use crate::explain::cannot;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::ffi::c_void;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The running program, even if its file has been replaced meanwhile.
const PROGRAM: &str = "/proc/self/exe";
/// What breaks a step of a protocol, in a build that can.
pub(super) const BREAK: &str = "LASTWORD_BREAK";
/// So many instructions an operation takes at most. One that takes more does not end.
const INSTRUCTIONS_MAX: u64 = 500_000;
/// The two bytes of the instruction `syscall`.
const SYSCALL: i64 = 0x050f;
/// System calls that wait for time to pass.
const SLEEPS: [u64; 2] = [35, 230];
/// The system call futex(2), and what it may be asked to do: sleep, wake.
const FUTEX: u64 = 202;
const FUTEX_WAITS: [u64; 2] = [0, 9];
const FUTEX_WAKES: [u64; 2] = [1, 10];
/// Its flags.
const FUTEX_FLAGS: u64 = 0x180;
/// So long a process may take to fall asleep, or to wake up.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// Where a tracee is after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Between two instructions of the operation.
    Instruction,
    /// Asleep in the kernel, until somebody wakes it.
    Asleep,
    /// The operation is complete.
    End,
}

/// A process that is traced.
#[derive(Debug)]
pub(super) struct Tracee {
    child: Child,
    pid: Pid,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Whether the instruction at an address is a system call.
    calls: HashMap<u64, bool>,
    /// Instructions done of the operation under way.
    pub(super) instructions: u64,
    /// System calls done of it.
    pub(super) system_calls: u64,
    /// System calls of it that wait for time to pass, or slept.
    pub(super) sleeps: u64,
    /// Its calls that wake whoever sleeps on a word.
    pub(super) wakes: u64,
    /// Whether it was asleep at the end of the last step.
    pub(super) is_asleep: bool,
    is_gone: bool,
}

impl Tracee {
    /// Starts one, which waits for a command.
    pub(super) fn start(name: &str, dimensions: Dimensions, broken: Option<&str>) -> Result<Self, Trouble> {
        let dimensions = serde_json::to_string(&dimensions)?;
        let mut command = std::process::Command::new(PROGRAM);
        command.arg0("lastword").args(["torture", "instructions-subject", "--name", name, "--dimensions", &dimensions]);
        command.args(["--supervisor", &std::process::id().to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C on the terminal is for the tracer alone.
        command.process_group(0).env_remove(BREAK);
        // A panic that is stepped through is long enough without.
        command.env("RUST_BACKTRACE", "0");
        if let Some(broken) = broken {
            command.env(BREAK, broken);
        }
        let mut child = command.spawn().map_err(cannot("start a process"))?;
        let pid = Pid::from_raw(child.id().cast_signed());
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a process was started without its pipes").into());
        };
        let output = BufReader::new(output);
        let mut tracee = Self {
            child,
            pid,
            input: Some(input),
            output,
            calls: HashMap::new(),
            instructions: 0,
            system_calls: 0,
            sleeps: 0,
            wakes: 0,
            is_asleep: false,
            is_gone: false,
        };
        tracee.rest()?;
        ptrace::setoptions(pid, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD).map_err(refused)?;
        Ok(tracee)
    }

    /// The process's number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Does all of a command, without stepping.
    pub(super) fn play(&mut self, command: &Command) -> Result<Answer, Trouble> {
        self.begin(command)?;
        self.finish()?;
        self.answer()
    }

    /// Brings it to the first instruction of a command.
    pub(super) fn begin(&mut self, command: &Command) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        if let Some(input) = &mut self.input {
            input.write_all(&line).map_err(cannot("tell a process what to do"))?;
        }
        self.go_on()?;
        self.rest()?;
        (self.instructions, self.system_calls, self.sleeps, self.wakes) = (0, 0, 0, 0);
        Ok(())
    }

    /// Goes on with a command that has begun, without stepping, and falls asleep in it.
    pub(super) fn fall_asleep(&mut self) -> Result<(), Trouble> {
        self.go_on()?;
        match self.rest_or_sleep(PATIENCE)? {
            Some(At::Asleep) => Ok(()),
            Some(_) => Err(Trouble::Violation("a process that was to sleep did not".to_owned())),
            None => Err(Trouble::Violation(format!("a process was not asleep within {PATIENCE:?}"))),
        }
    }

    /// Whether a process that fell asleep has come to the end of its command within `limit`.
    pub(super) fn is_awake_within(&mut self, limit: Duration) -> Result<bool, Trouble> {
        let started = Instant::now();
        loop {
            match self.poll()? {
                Some(At::End) => return Ok(true),
                Some(_) => return Err(io::Error::other("a process that was not stepped has stopped").into()),
                None if started.elapsed() >= limit => return Ok(false),
                None => thread::sleep(LOOK_EVERY),
            }
        }
    }

    /// Does one instruction; or, if it sleeps in it, goes on to where it sleeps. The next step is to where it has woken
    /// up.
    pub(super) fn step(&mut self) -> Result<At, Trouble> {
        if self.is_asleep {
            return self.wake_up();
        }
        let call = self.system_call()?;
        ptrace::step(self.pid, None).map_err(refused)?;
        if call.is_some_and(Call::may_sleep) {
            match self.rest_or_sleep(PATIENCE)? {
                Some(At::Asleep) => {
                    self.is_asleep = true;
                    self.sleeps += 1;
                    return Ok(At::Asleep);
                }
                Some(At::End) => return Ok(At::End),
                Some(At::Instruction) => {}
                None => return Err(Trouble::Violation("a process neither sleeps nor goes on".to_owned())),
            }
        } else if self.wait()? == At::End {
            return Ok(At::End);
        }
        self.instructions += 1;
        if let Some(call) = call {
            self.called(call);
        }
        if self.instructions > INSTRUCTIONS_MAX {
            return Err(Trouble::Violation(format!(
                "the operation has not ended after {INSTRUCTIONS_MAX} instructions"
            )));
        }
        Ok(At::Instruction)
    }

    fn wake_up(&mut self) -> Result<At, Trouble> {
        let started = Instant::now();
        let at = loop {
            match self.poll()? {
                Some(at) => break at,
                None if started.elapsed() >= PATIENCE => return Err(stranded()),
                None => thread::sleep(LOOK_EVERY),
            }
        };
        self.is_asleep = false;
        self.instructions += 1;
        self.system_calls += 1;
        Ok(at)
    }

    fn called(&mut self, call: Call) {
        self.system_calls += 1;
        self.sleeps += u64::from(SLEEPS.contains(&call.number));
        self.wakes += u64::from(call.wakes());
    }

    /// Goes on to the end of its next system call.
    pub(super) fn skip(&mut self) -> Result<At, Trouble> {
        for _ in 0..2 {
            ptrace::syscall(self.pid, None).map_err(refused)?;
            if self.wait()? == At::End {
                return Ok(At::End);
            }
        }
        let registers = ptrace::getregs(self.pid).map_err(refused)?;
        self.called(Call { number: registers.orig_rax, asks: registers.rsi });
        Ok(At::Instruction)
    }

    /// Does the rest of the command.
    pub(super) fn finish(&mut self) -> Result<(), Trouble> {
        self.go_on()?;
        self.rest()
    }

    /// What it answers to a command that is complete.
    pub(super) fn answer(&mut self) -> Result<Answer, Trouble> {
        self.go_on()?;
        self.rest()?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(cannot("hear a process"))?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Kills it, and waits until the kernel is done with it.
    pub(super) fn kill(mut self) -> Result<(), Trouble> {
        self.end().map_err(Into::into)
    }

    /// Lets it end, which it does when it has nothing more to do.
    pub(super) fn dismiss(mut self) -> Result<(), Trouble> {
        self.input = None;
        self.go_on()?;
        match waitpid(self.pid, None).map_err(refused)? {
            WaitStatus::Exited(_, 0) => {
                self.is_gone = true;
                Ok(())
            }
            status => self.ended(status),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if !self.is_gone {
            self.is_gone = true;
            self.child.kill()?;
            self.child.wait()?;
        }
        Ok(())
    }

    fn go_on(&self) -> Result<(), Trouble> {
        ptrace::cont(self.pid, None).map_err(refused)
    }

    /// Waits until it has stopped itself.
    fn rest(&mut self) -> Result<(), Trouble> {
        match self.wait()? {
            At::End => Ok(()),
            _ => Err(io::Error::other("a process that was not stepped has stopped").into()),
        }
    }

    fn wait(&mut self) -> Result<At, Trouble> {
        let status = waitpid(self.pid, None).map_err(refused)?;
        self.stopped(status)
    }

    /// Where it has stopped, if it has.
    fn poll(&mut self) -> Result<Option<At>, Trouble> {
        match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)).map_err(refused)? {
            WaitStatus::StillAlive => Ok(None),
            status => self.stopped(status).map(Some),
        }
    }

    /// Waits until it has stopped or sleeps; `None` if it has done neither within `limit`.
    fn rest_or_sleep(&mut self, limit: Duration) -> Result<Option<At>, Trouble> {
        let started = Instant::now();
        loop {
            if let Some(at) = self.poll()? {
                return Ok(Some(at));
            }
            if self.sleeps_in_futex() {
                return Ok(Some(At::Asleep));
            }
            if started.elapsed() >= limit {
                return Ok(None);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Whether the kernel has it asleep in futex(2).
    fn sleeps_in_futex(&self) -> bool {
        let read = |file| fs::read_to_string(format!("/proc/{}/{file}", self.pid)).unwrap_or_default();
        let (call, status) = (read("syscall"), read("stat"));
        // The name in parentheses may have spaces.
        let state = status.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state == Some('S') && call.split(' ').next() == Some(&FUTEX.to_string())
    }

    fn stopped(&mut self, status: WaitStatus) -> Result<At, Trouble> {
        match status {
            WaitStatus::Stopped(_, Signal::SIGTRAP) | WaitStatus::PtraceSyscall(_) => Ok(At::Instruction),
            WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(At::End),
            status => self.ended(status),
        }
    }

    /// It has ended, or is about to, where it was not to.
    fn ended<T>(&mut self, status: WaitStatus) -> Result<T, Trouble> {
        if let WaitStatus::Exited(..) | WaitStatus::Signaled(..) = status {
            self.is_gone = true;
        }
        self.end()?;
        let mut words = String::new();
        if let Some(mut error) = self.child.stderr.take() {
            error.read_to_string(&mut words).map_err(cannot("hear a process"))?;
        }
        if let WaitStatus::Exited(_, NOT_TRACED) = status {
            return Err(io::Error::other(format!("{PTRACE}: {}", words.trim())).into());
        }
        let how = match status {
            WaitStatus::Exited(_, code) => format!("ended with code {code}"),
            WaitStatus::Signaled(_, signal, _) | WaitStatus::Stopped(_, signal) => format!("was ended by {signal}"),
            status => format!("ended: {status:?}"),
        };
        Err(Trouble::Violation(format!("a process {how}; it said: {}", words.trim())))
    }

    /// The system call that comes next, if one does.
    fn system_call(&mut self) -> Result<Option<Call>, Trouble> {
        let registers = ptrace::getregs(self.pid).map_err(refused)?;
        let is_call = match self.calls.get(&registers.rip) {
            Some(&is_call) => is_call,
            None => {
                let bytes = ptrace::read(self.pid, registers.rip as *mut c_void).map_err(refused)?;
                let is_call = bytes & 0xffff == SYSCALL;
                self.calls.insert(registers.rip, is_call);
                is_call
            }
        };
        Ok(is_call.then_some(Call { number: registers.rax, asks: registers.rsi }))
    }
}

/// A system call.
#[derive(Clone, Copy, Debug)]
struct Call {
    number: u64,
    /// Its second argument: of futex(2), what it is to do.
    asks: u64,
}

impl Call {
    fn may_sleep(self) -> bool {
        self.number == FUTEX && FUTEX_WAITS.contains(&(self.asks & !FUTEX_FLAGS))
    }

    fn wakes(self) -> bool {
        self.number == FUTEX && FUTEX_WAKES.contains(&(self.asks & !FUTEX_FLAGS))
    }
}

/// What is said of a process that sleeps on although what it sleeps for is there.
pub(super) fn stranded() -> Trouble {
    Trouble::Violation(format!(
        "stranded: what a process sleeps for is there, and it was not woken within {PATIENCE:?}"
    ))
}

impl Drop for Tracee {
    fn drop(&mut self) {
        // If this fails it dies with this process.
        let _ = self.end();
    }
}

const PTRACE: &str = "this system does not let a process trace its own child, which stepping needs \
                      (seccomp, or kernel.yama.ptrace_scope=3); allow ptrace, in a container with --cap-add=SYS_PTRACE";

fn refused(errno: nix::errno::Errno) -> Trouble {
    match errno {
        nix::errno::Errno::EPERM | nix::errno::Errno::ENOSYS | nix::errno::Errno::EACCES => {
            io::Error::other(format!("{PTRACE}: {errno}")).into()
        }
        // It was killed by somebody else.
        nix::errno::Errno::ESRCH => Trouble::Violation("a traced process is gone".to_owned()),
        errno => io::Error::from(errno).into(),
    }
}
