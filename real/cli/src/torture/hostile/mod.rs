//! Garbage in shared memory: a process writes it over every object while others work. They may be given errors and
//! wrong values, and nothing worse; with the vandal gone, everything has to work again.

mod report;
mod targets;
mod vandal;
mod worker;

use crate::crew::{Crew, Event};
use crate::report::{print, seconds};
use crate::session::Session;
use crate::signals;
use crate::tell::tell;
use crate::worker::monotonic;
use clap::ValueEnum;
use lastword::status::{Key, Monitor};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use report::Report;
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use targets::{Restored, Target, Targets};
pub(crate) use vandal::{Options as VandalOptions, vandalise};
use worker::{BEGAN, MAY_WAIT, WORKERS};
pub(crate) use worker::{Options as WorkerOptions, work};

type Error = Box<dyn std::error::Error>;

/// How it is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// How long
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=7 * 24 * 60 * 60))]
    seconds: u64,
    /// Seed of what is written where; a random one if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Print the figures as one JSON object, the last line of standard output
    #[arg(long)]
    json: bool,
    /// Bring about a fault, to see that it is found
    #[arg(long = "break", hide = true)]
    fault: Option<Fault>,
}

/// A fault that is brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// An operation panics.
    Panic,
    /// An operation crashes.
    Crash,
    /// An operation does not end.
    Hang,
    /// Somebody keeps a role while everything is to work again.
    Unrestored,
}

const EXAMPLES: &str = "\
Examples:
  lastword torture hostile                           half a minute
  lastword torture hostile --seconds 3600 --json     an hour, figures for a program

A channel, a mailbox and a board are worked with by 4 processes: producer and sender; a consumer and receiver; a
consumer and setter; observer and monitors. A fifth, of the same user, writes random bytes, random words, words that
could be stamps or lengths, zeros, ones, and headers whose checksums are right, over all objects: headers, words and
messages. It shortens nothing, which would be SIGBUS. Every second it is gone for a moment, and everything has to work
again: by taking the roles anew, or else by removing and creating anew; messages are exchanged and compared.

In the report:
  errors      operations that ended with an error, by its kind, as is right
  crashes     processes that died by a signal or ended by themselves, or got a message longer than there can be
  hangs       operations that took longer than 5 s; where they may wait for another process, 20 s

Exit code: 0 clean; 1 a panic, a crash, a hang, something that was not restored; 2 usage; 128 + n ended by signal n.";

const ROUND: Duration = Duration::from_secs(1);
/// Longer than an operation takes that waits for nobody, on a busy machine.
const OPERATION_MAX: Duration = Duration::from_secs(5);
/// Longer than the library waits for other processes, some times over.
const WAITING_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// How long workers may take to end, beyond what their operations may.
const END_MAX: Duration = Duration::from_secs(25);
const OUTPUT_WAIT: Duration = Duration::from_secs(1);
/// What went wrong, kept for the report; the counters count all.
const EVIDENCE_MAX: usize = 20;
/// The code that a panic ends a process with.
const PANIC: i32 = 101;
/// The process that vandalises comes after those that work.
const VANDAL: usize = WORKERS;

/// Runs it; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let (sender, events) = mpsc::channel();
    signals::send(&sender)?;
    let session = Session::begin("hostile")?;
    tell!("{}: {} s, seed {seed}", session.name(), options.seconds);
    let mut torture = Torture {
        options,
        session: session.name(),
        targets: Targets::new(session.name()),
        crew: Crew::new(WORKERS + 1, sender),
        events,
        outputs_open: 0,
        outputs: vec![Vec::new(); WORKERS + 1],
        rng: ChaCha8Rng::seed_from_u64(seed),
        report: Report { version: env!("CARGO_PKG_VERSION"), seed, ..Report::default() },
        started: Instant::now(),
    };
    let ended = torture.torture();
    torture.crew.kill_all()?;
    let Torture { mut report, started, .. } = torture;
    report.seconds = seconds(started.elapsed());
    if let Err(error) = ended {
        report.failure = Some(error.to_string());
    }
    // Before the session ends, which may fail.
    let printed = print(&report, options.json);
    session.end()?;
    printed?;
    Ok(match report.signal {
        _ if !report.is_clean() => 1,
        Some(signal) => signals::exit_code(signal),
        None => 0,
    })
}

struct Torture<'t> {
    options: &'t Options,
    session: &'t str,
    targets: Targets,
    crew: Crew,
    events: Receiver<Event>,
    /// Outputs of processes that have not been read to their end.
    outputs_open: usize,
    /// What each process printed that is for nobody: the words of a panic.
    outputs: Vec<Vec<String>>,
    rng: ChaCha8Rng,
    report: Report,
    started: Instant,
}

impl Torture<'_> {
    fn torture(&mut self) -> Result<(), Error> {
        let length = Duration::from_secs(self.options.seconds);
        while self.started.elapsed() < length && self.report.signal.is_none() {
            self.round((length - self.started.elapsed()).min(ROUND))?;
            self.report.seconds = seconds(self.started.elapsed());
            tell!("{}", self.report.progress());
        }
        Ok(())
    }

    /// Everybody works and is vandalised for this long; then everything has to work again.
    fn round(&mut self, length: Duration) -> Result<(), Error> {
        self.report.rounds += 1;
        let end = Instant::now() + length;
        (0..WORKERS).try_for_each(|process| self.start(process))?;
        self.start(VANDAL)?;
        while Instant::now() < end && self.report.signal.is_none() {
            self.hear(POLL)?;
            self.watch()?;
        }
        self.crew.kill(VANDAL)?;
        (0..WORKERS).for_each(|process| self.crew.close_input(process));
        let deadline = Instant::now() + END_MAX;
        while (0..WORKERS).any(|process| self.crew.lives(process)) && Instant::now() < deadline {
            self.hear(POLL)?;
            self.watch()?;
        }
        for process in 0..WORKERS {
            if self.crew.kill(process)?.is_some() {
                self.report.hangs += 1;
                self.note(format!("process {process} did not end within {} s", END_MAX.as_secs()));
            }
        }
        // The words of a panic may come after everything else.
        let deadline = Instant::now() + OUTPUT_WAIT;
        while self.outputs_open > 0 && Instant::now() < deadline {
            self.hear(POLL)?;
        }
        self.restore()
    }

    fn start(&mut self, process: usize) -> Result<(), Error> {
        let (index, seed) = (process.to_string(), self.rng.random::<u64>().to_string());
        let common = ["--session", self.session, "--seed", &seed].map(str::to_owned);
        let own: &[&str] = match process {
            VANDAL => &["torture", "hostile-vandal"],
            _ => &["torture", "hostile-worker", "--index", &index],
        };
        let mut arguments: Vec<String> = own.iter().map(|&word| word.to_owned()).chain(common).collect();
        if process == 0
            && let Some(fault) = self.options.fault
        {
            let fault = fault.to_possible_value().ok_or("a fault has no name")?;
            arguments.extend(["--break".to_owned(), fault.get_name().to_owned()]);
        }
        self.crew.start_listener(process, &arguments)?;
        self.outputs_open += 1;
        Ok(())
    }

    /// Hears whatever is said within this time.
    fn hear(&mut self, wait: Duration) -> Result<(), Error> {
        let mut wait = wait;
        loop {
            match self.events.recv_timeout(wait) {
                Ok(event) => self.handle(event)?,
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            wait = Duration::ZERO;
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Line { process, line, .. } => {
                let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
                match word {
                    vandal::WRITES => self.report.writes += rest.parse::<u64>()?,
                    worker::DONE if self.report.add(rest) => {}
                    worker::WRONG => {
                        self.report.crashes += 1;
                        self.note(format!("process {process}: {rest}"));
                    }
                    _ => self.outputs[process].push(line),
                }
            }
            Event::Closed { process, generation } => {
                self.outputs_open -= 1;
                if let Some(status) = self.crew.ended(process, generation)? {
                    self.judge_end(process, status)?;
                }
            }
            Event::Signal(signal) => self.report.signal = Some(signal),
            Event::Command(_) => {}
        }
        Ok(())
    }

    /// Judges how a process ended that nobody killed.
    fn judge_end(&mut self, process: usize, status: ExitStatus) -> Result<(), Error> {
        if status.success() {
            return Ok(());
        }
        if status.code() == Some(PANIC) {
            self.report.panics += 1;
        } else {
            self.report.crashes += 1;
        }
        let said = self.outputs[process].join(" | ");
        self.note(format!("process {process} ended, {status}: {said}"));
        self.outputs[process].clear();
        // It goes on with the next round.
        Ok(())
    }

    /// Looks for operations that take too long. Who does one is killed.
    fn watch(&mut self) -> Result<(), Error> {
        for process in 0..WORKERS {
            // There only once the process has created it.
            let Ok(board) = Monitor::open(&worker::board(self.session, process)) else { continue };
            let (began, may_wait): (u64, u64) = (board.get(Key::at(BEGAN))?, board.get(Key::at(MAY_WAIT))?);
            // Otherwise these words may be of two operations.
            let is_still = board.get::<u64>(Key::at(BEGAN))? == began;
            let longest = if may_wait == 0 { OPERATION_MAX } else { WAITING_MAX };
            let now = monotonic()?;
            let is_too_long = is_still && began != 0 && now.saturating_sub(Duration::from_nanos(began)) > longest;
            if is_too_long && board.writer_lives()? && self.crew.kill(process)?.is_some() {
                self.report.hangs += 1;
                self.note(format!("process {process}: an operation took longer than {} s", longest.as_secs()));
            }
        }
        Ok(())
    }

    /// Makes everything work again, now that nobody has it.
    fn restore(&mut self) -> Result<(), Error> {
        let fault = self.options.fault == Some(Fault::Unrestored);
        let kept =
            if fault { Some(self.targets.restore(Target::Board).and_then(|_| self.targets.keep())?) } else { None };
        for target in Target::ALL {
            self.report.to_restore += 1;
            match self.targets.restore(target) {
                Ok(how) => {
                    self.report.restored += 1;
                    match how {
                        Restored::Recovered => self.report.recovered += 1,
                        Restored::Recreated => self.report.recreated += 1,
                    }
                }
                Err(error) => self.note(format!("round {}: the {}: {error}", self.report.rounds, target.name())),
            }
        }
        drop(kept);
        Ok(())
    }

    fn note(&mut self, evidence: String) {
        tell!("{evidence}");
        if self.report.evidence.len() < EVIDENCE_MAX {
            self.report.evidence.push(evidence);
        }
    }
}
