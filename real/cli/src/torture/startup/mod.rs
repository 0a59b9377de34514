//! Killing processes in their first milliseconds: the next one has to start at once, and nothing stays behind that
//! cannot be removed.
//!
//! A run kills one process, starts the next one on what it has left, and removes everything. Half of the kills are
//! spread evenly over a start and somewhat beyond, half over the creation of the objects, counted from the first one
//! on: that is but a small part of a start.

mod report;
mod worker;

use crate::crew::{Crew, Event};
use crate::names;
use crate::removal;
use crate::report::{print, seconds};
use crate::session::Session;
use crate::signals;
use crate::tell::tell;
use crate::worker::{line, monotonic};
use clap::ValueEnum;
use lastword::status::{Monitor, Writer};
use lastword::{Channel, Force};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use report::{Hit, Report};
use std::fmt;
use std::hint;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
pub(crate) use worker::{Options as WorkerOptions, work};

type Error = Box<dyn std::error::Error>;

/// How it is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// How many processes are killed
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    runs: u64,
    /// Seed of the moments at which they are killed; a random one if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Print the figures as one JSON object, the last line of standard output
    #[arg(long)]
    json: bool,
    /// Bring about a fault, to see that it is found
    #[arg(long = "break", hide = true)]
    fault: Option<Fault>,
}

/// A fault that is brought about in some runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Somebody else takes the role of the process that was killed.
    Stuck,
    /// Somebody else takes it while everything is removed.
    LeftBehind,
}

const EXAMPLES: &str = "\
Examples:
  lastword torture startup                         1,000 processes
  lastword torture startup --runs 10000 --json     more of them, figures for a program

Each process creates a channel, a mailbox and a board, or attaches to what is there, takes all roles and exchanges a
message. It is killed with SIGKILL at a random moment. The next one has to do the same at once, on what the kill has
left; what is there then has to be removable. When a kill comes the seed decides, and what it hits the machine.

In the report:
  before, during, after    what a kill found: no object, objects that were not all complete, all complete
  stuck                    processes that could not start after a kill, within 4 s
  left_behind              objects that could not be removed although nobody used them
  start                    from the start of the process after a kill to its having exchanged a message

Exit code: 0 clean; 1 stuck, left behind, or something failed; 2 usage; 128 + n ended by signal n.";

/// A start that takes so long is stuck. Less than the library waits for another process that creates an object.
const STUCK_AFTER: Duration = Duration::from_secs(4);
/// How many starts are measured before any is killed.
const CALIBRATIONS: usize = 15;
/// Kills are spread over a start, and so much beyond.
const BEYOND: f64 = 1.25;
/// What the reach of kills that are meant for the creation is multiplied with after a hit, and divided by after a miss:
/// so that half of them hit.
const REACH_FACTOR: f64 = 1.05;
const START_STEPS: u32 = 64;
const REACH_MIN: Duration = Duration::from_micros(10);
/// One run in this many leaves its objects to the next one, so that attaching is killed too.
const KEEP_EVERY: u32 = 5;
const FAULT_EVERY: u64 = 8;
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// What went wrong, kept for the report; the counters count all.
const EVIDENCE_MAX: usize = 20;

/// Runs it; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let (sender, events) = mpsc::channel();
    signals::send(&sender)?;
    let session = Session::begin("startup")?;
    tell!("{}: {} runs, seed {seed}", session.name(), options.runs);
    let name = format!("{}.run", session.name());
    let mut torture = Torture {
        options,
        session: session.name(),
        name,
        crew: Crew::new(1, sender),
        events,
        rng: ChaCha8Rng::seed_from_u64(seed),
        reach: Duration::ZERO,
        start: Duration::ZERO,
        report: Report { seed, ..Report::default() },
        signal: None,
    };
    let begin = Instant::now();
    let ended = torture.torture();
    torture.crew.kill_all()?;
    let Torture { mut report, signal, .. } = torture;
    report.seconds = seconds(begin.elapsed());
    report.signal = signal;
    if let Err(error) = ended {
        report.failure = Some(error.to_string());
    }
    let printed = print(&report, options.json);
    session.end()?;
    printed?;
    Ok(match signal {
        _ if !report.is_clean() => 1,
        Some(signal) => signals::exit_code(signal),
        None => 0,
    })
}

/// When a start that is not killed does what, from the moment on that it is asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Start {
    /// It begins to create, and so has loaded the program.
    began: Duration,
    /// It has its roles.
    attached: Duration,
    /// It has exchanged a message.
    exchanged: Duration,
}

struct Torture<'t> {
    options: &'t Options,
    session: &'t str,
    /// Of the channel, the mailbox and the board.
    name: String,
    crew: Crew,
    events: Receiver<Event>,
    rng: ChaCha8Rng,
    /// How long after its first object a process is killed at most, where its creation is meant.
    reach: Duration,
    /// How long a start takes.
    start: Duration,
    report: Report,
    signal: Option<i32>,
}

impl Torture<'_> {
    fn torture(&mut self) -> Result<(), Error> {
        let Some(usual) = self.calibrate()? else { return Ok(()) };
        self.reach = usual.attached.saturating_sub(usual.began);
        self.start = usual.exchanged;
        self.report.unkilled_ms_p50 = usual.exchanged.as_micros() as f64 / 1000.0;
        let mut shown = Instant::now();
        while self.report.runs < self.options.runs && self.signal.is_none() {
            self.run()?;
            if shown.elapsed() >= SHOW_EVERY {
                shown = Instant::now();
                tell!("{}", self.report.progress(self.options.runs));
            }
        }
        if !self.remove()? {
            self.report.left_behind += self.left()?;
        }
        Ok(())
    }

    /// How a start goes that is not killed; `None` if a signal came first.
    fn calibrate(&mut self) -> Result<Option<Start>, Error> {
        let mut starts = Vec::new();
        for _ in 0..CALIBRATIONS {
            match self.start_next()? {
                Next::Started(start) => starts.push(start),
                Next::Stuck(why) => return Err(format!("a process that nobody had killed did not start: {why}").into()),
                Next::Signal => return Ok(None),
            }
            self.crew.kill(0)?;
            self.remove()?;
        }
        let median = |of: fn(&Start) -> Duration| {
            let mut times: Vec<Duration> = starts.iter().map(of).collect();
            times.sort_unstable();
            times[times.len() / 2]
        };
        Ok(Some(Start {
            began: median(|start| start.began),
            attached: median(|start| start.attached),
            exchanged: median(|start| start.exchanged),
        }))
    }

    /// Kills one process, starts the next one on what that has left, and mostly removes everything.
    fn run(&mut self) -> Result<(), Error> {
        let is_new = lastword::objects(&self.name)?.is_empty();
        let is_aimed = is_new && self.rng.random();
        let moment = if is_aimed {
            Moment::OfCreation(self.reach.mul_f64(self.rng.random()))
        } else {
            Moment::OfStart(self.start.mul_f64(BEYOND * self.rng.random::<f64>()))
        };
        self.kill_at(&moment)?;
        let hit = if is_new { self.hit() } else { Hit::After };
        self.report.count(hit);
        if is_aimed {
            // How long a creation takes changes with what else the machine has to do.
            let factor = if hit == Hit::After { 1.0 / REACH_FACTOR } else { REACH_FACTOR };
            self.reach = self.reach.mul_f64(factor).max(REACH_MIN);
        }

        let is_faulty = self.options.fault.is_some() && self.report.runs.is_multiple_of(FAULT_EVERY);
        let fault = self.options.fault.filter(|_| is_faulty);
        let stolen = if fault == Some(Fault::Stuck) { Some(self.steal()?) } else { None };
        match self.start_next()? {
            Next::Started(start) => {
                self.report.starts.add(start.exchanged.as_micros() as u64);
                // Towards the median, slowly: how long a start takes changes too.
                let step = self.start / START_STEPS;
                self.start = if start.exchanged > self.start { self.start + step } else { self.start - step };
            }
            Next::Stuck(why) => {
                self.report.stuck += 1;
                self.note(format!("after a kill {}, {moment}: {why}", hit.name()));
            }
            // What it has is removed when it is dead.
            Next::Signal => return self.crew.kill(0).map(drop).map_err(Into::into),
        }
        self.crew.kill(0)?;
        drop(stolen);
        if self.rng.random_range(0..KEEP_EVERY) == 0 && fault.is_none() {
            return Ok(());
        }
        let thief = if fault == Some(Fault::LeftBehind) { Some(self.steal()?) } else { None };
        if !self.remove()? {
            let left = self.left()?;
            self.report.left_behind += left;
            self.note(format!("after a kill {}, {moment}: {left} objects stay", hit.name()));
            drop(thief);
            self.remove_by_force()?;
        }
        Ok(())
    }

    /// Starts a process and kills it at this moment.
    fn kill_at(&mut self, moment: &Moment) -> Result<(), Error> {
        let mut begin = Instant::now();
        self.start()?;
        // Sleeping would miss the moment by more than a start takes.
        let after = match moment {
            Moment::OfStart(after) => after,
            Moment::OfCreation(after) => {
                let deadline = begin + STUCK_AFTER;
                while !worker::has_begun(&self.name) && Instant::now() < deadline {
                    hint::spin_loop();
                }
                begin = Instant::now();
                after
            }
        };
        while begin.elapsed() < *after {
            hint::spin_loop();
        }
        self.crew.kill(0)?;
        Ok(())
    }

    fn start(&mut self) -> Result<u64, Error> {
        let arguments = ["torture", "startup-worker", "--name", &self.name].map(str::to_owned);
        Ok(self.crew.start(0, &arguments)?)
    }

    /// Starts a process, and waits until it has exchanged a message.
    fn start_next(&mut self) -> Result<Next, Error> {
        let asked = monotonic()?;
        let generation = self.start()?;
        let deadline = Instant::now() + STUCK_AFTER;
        let mut said = String::new();
        loop {
            let event = match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    return Ok(Next::Stuck(format!("no message after {} s", STUCK_AFTER.as_secs())));
                }
                Err(error) => return Err(error.into()),
            };
            match event {
                Event::Line { generation: of, line, .. } if of == generation => {
                    let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
                    if word == line::READY {
                        return Ok(Next::Started(times(rest, asked).ok_or("a process's times are not three")?));
                    }
                    said.push_str(&line);
                }
                Event::Closed { generation: of, .. } if of == generation => {
                    let status = self.crew.ended(0, generation)?.map(|status| status.to_string());
                    return Ok(Next::Stuck(format!("it ended, {}: {said}", status.unwrap_or_default())));
                }
                Event::Signal(signal) => {
                    self.signal = Some(signal);
                    return Ok(Next::Signal);
                }
                _ => {}
            }
        }
    }

    /// What the last kill found.
    fn hit(&self) -> Hit {
        if lastword::objects(&self.name).is_ok_and(|objects| objects.is_empty()) {
            return Hit::Before;
        }
        let channel = worker::channel(&self.name).and_then(|channel| channel.observer());
        let mailbox = worker::mailbox(&self.name).and_then(|mailbox| mailbox.monitor());
        let all = channel.is_ok() && mailbox.is_ok() && Monitor::open(&self.name).is_ok();
        if all { Hit::After } else { Hit::During }
    }

    /// Takes a role, for a fault.
    fn steal(&self) -> Result<Writer, Error> {
        Ok(Writer::create(&self.name, worker::WORDS, names::MODE)?)
    }

    /// As `lastword clean`; whether everything is gone.
    fn remove(&self) -> Result<bool, Error> {
        Ok(removal::remove_each(&self.name, |_| true)?.left.is_empty())
    }

    fn left(&self) -> Result<u64, Error> {
        Ok(lastword::objects(&self.name)?.len() as u64)
    }

    fn remove_by_force(&self) -> Result<(), Error> {
        Channel::<u64>::new(&self.name)?.remove(Force::Yes)?;
        worker::mailbox(&self.name)?.remove(Force::Yes)?;
        lastword::status::remove(&self.name, Force::Yes)?;
        Ok(())
    }

    fn note(&mut self, evidence: String) {
        tell!("{}: {evidence}", self.session);
        if self.report.evidence.len() < EVIDENCE_MAX {
            self.report.evidence.push(evidence);
        }
    }
}

/// When a process is killed.
enum Moment {
    /// So long after it was asked for.
    OfStart(Duration),
    /// So long after the first object is there.
    OfCreation(Duration),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::OfStart(after) => write!(f, "{} us after it was asked for", after.as_micros()),
            Moment::OfCreation(after) => write!(f, "{} us after the first object was there", after.as_micros()),
        }
    }
}

/// What became of the process after a kill.
enum Next {
    Started(Start),
    Stuck(String),
    Signal,
}

/// The times that a worker says, in nanoseconds on the monotonic clock, from `asked` on.
fn times(said: &str, asked: Duration) -> Option<Start> {
    let mut times = said
        .split(' ')
        .map(|time| time.parse().ok().map(Duration::from_nanos).map(|time: Duration| time.saturating_sub(asked)));
    let start = Start { began: times.next()??, attached: times.next()??, exchanged: times.next()?? };
    times.next().is_none().then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_times_are_counted_from_the_moment_it_was_asked_for() {
        let start = times("1500 1700 2000", Duration::from_nanos(1000)).expect("three times");
        assert_eq!([start.began, start.attached, start.exchanged].map(|time| time.as_nanos()), [500, 700, 1000]);
        for said in ["", "1 2", "1 2 3 4", "1 2 x"] {
            assert!(times(said, Duration::ZERO).is_none(), "{said}");
        }
    }
}
