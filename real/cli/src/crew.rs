//! The processes that a supervisor starts, kills and hears from.

use crate::explain::cannot;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

/// What a supervisor waits for.
#[derive(Debug)]
pub(crate) enum Event {
    /// A process printed a line.
    Line { process: usize, generation: u64, line: String },
    /// A process closed its output, which it does by dying.
    Closed { process: usize, generation: u64 },
    /// A signal asks this program to end.
    Signal(i32),
    /// A command: a key pressed, or a line of standard input.
    Command(String),
}

/// The running program, even if its file has been replaced meanwhile.
const PROGRAM: &str = "/proc/self/exe";

#[derive(Debug, Default)]
struct Member {
    child: Option<Child>,
    generation: u64,
}

/// A number of processes of this program, each of which may be dead.
///
/// They are children of the thread that starts them and die with it, so that thread must be the main one.
#[derive(Debug)]
pub(crate) struct Crew {
    members: Vec<Member>,
    events: Sender<Event>,
}

impl Crew {
    /// A crew of `count`, all dead.
    pub(crate) fn new(count: usize, events: Sender<Event>) -> Self {
        Self { members: (0..count).map(|_| Member::default()).collect(), events }
    }

    /// Starts a process that is dead, with these arguments. Its output comes as events of the generation returned.
    pub(crate) fn start(&mut self, process: usize, arguments: &[String]) -> io::Result<u64> {
        self.try_start(process, arguments, Stdio::null).map_err(cannot(format_args!("start process {process}")))
    }

    /// As [`start`](Self::start), a process that can be told things.
    pub(crate) fn start_listener(&mut self, process: usize, arguments: &[String]) -> io::Result<u64> {
        self.try_start(process, arguments, Stdio::piped).map_err(cannot(format_args!("start process {process}")))
    }

    /// Writes a line to the standard input of a process that listens. One that is dead hears nothing.
    pub(crate) fn tell(&mut self, process: usize, line: &str) -> io::Result<()> {
        let child = self.members[process].child.as_mut();
        let Some(input) = child.and_then(|child| child.stdin.as_mut()) else { return Ok(()) };
        match input.write_all(format!("{line}\n").as_bytes()) {
            // It has just died, which its output's end will tell.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Lets a process that listens know that nothing more will be said.
    pub(crate) fn close_input(&mut self, process: usize) {
        if let Some(child) = &mut self.members[process].child {
            child.stdin = None;
        }
    }

    /// Sends a signal to a process, unless it is dead.
    pub(crate) fn signal(&self, process: usize, signal: Signal) -> io::Result<()> {
        let Some(child) = &self.members[process].child else { return Ok(()) };
        Ok(kill(Pid::from_raw(child.id() as i32), signal)?)
    }

    fn try_start(&mut self, process: usize, arguments: &[String], stdin: fn() -> Stdio) -> io::Result<u64> {
        let (output, input) = io::pipe()?;
        let child = Command::new(PROGRAM)
            .arg0("lastword")
            .args(arguments)
            .args(["--supervisor", &getpid().to_string()])
            .stdin(stdin())
            .stdout(input.try_clone()?)
            .stderr(input)
            // Ctrl-C on the terminal is for the supervisor alone.
            .process_group(0)
            .spawn()?;
        let member = &mut self.members[process];
        member.child = Some(child);
        member.generation += 1;
        let generation = member.generation;
        let events = self.events.clone();
        thread::Builder::new().spawn(move || listen(output, process, generation, &events))?;
        Ok(generation)
    }

    /// Kills a process without warning, and waits until the kernel has taken it away. `None` if it was dead.
    pub(crate) fn kill(&mut self, process: usize) -> io::Result<Option<ExitStatus>> {
        let Some(mut child) = self.members[process].child.take() else { return Ok(None) };
        child.kill()?;
        child.wait().map(Some)
    }

    /// The end of a process that was not killed from here; `None` if it was, or lives on in a later generation.
    pub(crate) fn ended(&mut self, process: usize, generation: u64) -> io::Result<Option<ExitStatus>> {
        let member = &mut self.members[process];
        match member.child.take() {
            Some(mut child) if member.generation == generation => child.wait().map(Some),
            other => {
                member.child = other;
                Ok(None)
            }
        }
    }

    /// Whether a process has been started and not been killed since.
    pub(crate) fn lives(&self, process: usize) -> bool {
        self.members[process].child.is_some()
    }

    /// Whether this is the generation of the process that lives now.
    pub(crate) fn is_current(&self, process: usize, generation: u64) -> bool {
        self.lives(process) && self.members[process].generation == generation
    }

    /// How often a process has been started.
    pub(crate) fn generation(&self, process: usize) -> u64 {
        self.members[process].generation
    }

    /// How many processes there are, dead or alive.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Kills everybody.
    pub(crate) fn kill_all(&mut self) -> io::Result<()> {
        (0..self.members.len()).try_for_each(|process| self.kill(process).map(drop))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // If this fails they die with this process.
        let _ = self.kill_all();
    }
}

fn listen(output: PipeReader, process: usize, generation: u64, events: &Sender<Event>) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    while matches!(output.read_until(b'\n', &mut bytes), Ok(count) if count > 0) {
        // A line that a kill cut off is no line.
        if bytes.pop() == Some(b'\n') {
            let line = String::from_utf8_lossy(&bytes).into_owned();
            if events.send(Event::Line { process, generation, line }).is_err() {
                return;
            }
        }
        bytes.clear();
    }
    // Nobody listens any more when the supervisor is ending.
    let _ = events.send(Event::Closed { process, generation });
}

/// Makes a child die with its supervisor, however that one dies.
///
/// # Errors
/// The supervisor is dead already.
pub(crate) fn die_with(supervisor: i32) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have died before that call, and then nobody sends the signal.
    if getppid() == Pid::from_raw(supervisor) { Ok(()) } else { Err(io::Error::other("the supervisor is dead")) }
}
