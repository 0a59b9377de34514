//! The demo's supervisor: it carries out the kill plan, watches the boards, and reports.

use crate::USAGE;
use crate::board;
use crate::check::{Known, Promise, Violation};
use crate::crew::{Crew, Event};
use crate::explain::cannot;
use crate::fault::Fault;
use crate::names;
use crate::plan::{Action, Plan};
use crate::report::{Counts, Report, Times, print, seconds};
use crate::room;
use crate::session::Session;
use crate::signals;
use crate::table::{CTRL_C, Display, Shown, State, View};
use crate::tell::tell;
use crate::worker::{line, monotonic};
use clap::ValueEnum;
use lastword::status::Monitor;
use lastword::{OpenError, Producer};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// How a run is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// How many processes: each publishes in a channel of its own and reads all others
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=64))]
    processes: u64,
    /// How long to run
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    /// Milliseconds between kills on average; 0 for no kills
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=KILL_EVERY_MS_MAX))]
    kill_every_ms: u64,
    /// Bytes of the longest message; lengths vary from 32 to this
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(32..=PAYLOAD_MAX))]
    payload: u64,
    /// Seed of the kill plan; a random one if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Print the figures as one JSON object, the last line of standard output
    #[arg(long)]
    json: bool,
    /// Bring about a fault, to see that it is found
    #[arg(long = "break", hide = true)]
    fault: Option<Fault>,
}

const SECONDS_MAX: u64 = 7 * 24 * 60 * 60;
const KILL_EVERY_MS_MAX: u64 = 60 * 60 * 1000;
const PAYLOAD_MAX: u64 = 64 << 20;
const KILLS_MAX: u64 = 2_000_000;

const EXAMPLES: &str = "\
Examples:
  lastword demo                                        4 processes for 10 s, a kill every 50 ms
  lastword demo --processes 8 --kill-every-ms 10       more of both
  lastword demo --payload 1048576 --seconds 60         messages of up to 1 MiB
  lastword demo --seed 7 --json                        a kill plan to repeat, figures for a program

Every process is killed with SIGKILL at moments that the seed decides, in start-up and recovery too, and started again.
Everything read is checked: torn, went_back, stale, lost and lost_roles count the breaches.

In the report:
  killed publishing    kills after a publish took effect and before its return was noted: the message is out, and counts
  time                 from a restarted process's beginning to take its roles to all of them back and verified
  with process start   the same, from the supervisor's starting of that process

Objects take about processes * (processes + 1) * payload bytes of /dev/shm, and are removed in the end.

Exit code: 0 clean; 1 a breach, or a process that failed; 2 usage; 128 + n ended by signal n; 130 ended by q or Ctrl-C.";

/// How long everybody may take to be back after the last kill.
const ALL_BACK_MAX: Duration = Duration::from_secs(30);
/// How long the last words of the dead may take to arrive.
const OUTPUT_WAIT: Duration = Duration::from_secs(1);
/// Breaches kept to be shown; the counters count all.
const EVIDENCE_MAX: usize = 100;
/// What a process printed last, kept for when it fails.
const OUTPUT_MAX: usize = 20;

/// Runs the demo; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let length = Duration::from_secs(options.seconds);
    let processes = options.processes as usize;
    if options.kill_every_ms > 0 && options.seconds * 1000 / options.kill_every_ms > KILLS_MAX {
        tell!(
            "error: --seconds {} with --kill-every-ms {} means more than {KILLS_MAX} kills, which the plan cannot hold; \
             ask for less time or rarer kills",
            options.seconds,
            options.kill_every_ms
        );
        return Ok(USAGE);
    }
    let plan = Plan::draw(seed, processes, length, Duration::from_millis(options.kill_every_ms));
    let (sender, events) = mpsc::channel();
    signals::send(&sender)?;
    let session = Session::begin("demo")?;
    room::check(room::needed(processes, options.payload as usize)?)?;
    tell!("{}: {processes} processes, seed {seed}, {} kills planned", session.name(), plan.len());

    let mut supervisor = Supervisor::new(options, &session, seed, &plan, &sender);
    let mut display = Display::open(&sender)?;
    let end = supervisor.supervise(&mut display, &events)?;
    let ran = supervisor.started.elapsed();
    supervisor.crew.kill_all()?;
    let mut end = supervisor.drain(&display, &events)?.unwrap_or(end);
    supervisor.count()?;
    let on_screen = display.is_screen();
    drop(display);
    if matches!(end, End::Complete)
        && let Err(error) = supervisor.verify_channels()
    {
        end = End::Failure(error.to_string());
    }
    let report = supervisor.report(ran, &end);
    if on_screen {
        supervisor.evidence.iter().for_each(|evidence| tell!("{evidence}"));
    }
    drop(supervisor);
    // Before the session ends, which may fail.
    let printed = print(&report, options.json).map_err(cannot("print the report"));
    session.end()?;
    match end {
        _ if !report.is_clean() => Ok(1),
        // The signal says, too, that nobody may be there to read: the terminal's end is one.
        End::Signal(signal) => Ok(signals::exit_code(signal)),
        // As Ctrl-C: the run is not the one that was asked for.
        End::Quit => printed.map(|()| signals::exit_code(Signal::SIGINT as i32)).map_err(Into::into),
        _ => printed.map(|()| 0).map_err(Into::into),
    }
}

/// Why a run is over.
enum End {
    Complete,
    Signal(i32),
    /// Somebody pressed `q`.
    Quit,
    Failure(String),
}

struct Process {
    shown: Shown,
    /// There only once the process has created its board.
    monitor: Option<Monitor>,
    output: Vec<String>,
    /// Generations that were killed before their line that says they are ready was read.
    killed_unready: BTreeSet<u64>,
}

struct Supervisor<'s> {
    options: &'s Options,
    session: &'s Session,
    seed: u64,
    plan: &'s Plan,
    crew: Crew,
    processes: Vec<Process>,
    started: Instant,
    kills: u64,
    kills_from_outside: u64,
    recoveries: Times,
    starts: Times,
    /// Breaches that were found here and not by a process.
    found: Counts,
    lost_roles: u64,
    evidence: Vec<String>,
    /// Outputs of processes, dead ones too, that have not been read to their end.
    outputs_open: usize,
    /// A role that is taken from a process, where that is the fault ordered.
    stolen: Option<Producer<[u8]>>,
}

impl<'s> Supervisor<'s> {
    fn new(options: &'s Options, session: &'s Session, seed: u64, plan: &'s Plan, events: &Sender<Event>) -> Self {
        let count = options.processes as usize;
        let counts = Counts::default();
        let shown = Shown { state: State::Starting, kills: 0, recovery_us: None, counts, before: counts };
        Self {
            options,
            session,
            seed,
            plan,
            crew: Crew::new(count, events.clone()),
            processes: (0..count)
                .map(|_| Process { shown, monitor: None, output: Vec::new(), killed_unready: BTreeSet::new() })
                .collect(),
            started: Instant::now(),
            kills: 0,
            kills_from_outside: 0,
            recoveries: Times::default(),
            starts: Times::default(),
            found: counts,
            lost_roles: 0,
            evidence: Vec::new(),
            outputs_open: 0,
            stolen: None,
        }
    }

    /// Carries out the plan, until the time is up and everybody is back.
    fn supervise(&mut self, display: &mut Display, events: &Receiver<Event>) -> Result<End, Error> {
        let length = Duration::from_secs(self.options.seconds);
        let mut steps = self.plan.steps().into_iter().peekable();
        self.started = Instant::now();
        for process in 0..self.crew.len() {
            self.start(process)?;
        }
        let mut shown = Duration::ZERO;
        let mut time_is_up = false;
        loop {
            let now = self.started.elapsed();
            if !time_is_up && now >= length {
                time_is_up = true;
                steps = Vec::new().into_iter().peekable();
                for process in 0..self.crew.len() {
                    if !self.crew.lives(process) {
                        self.start(process)?;
                    }
                }
            }
            if time_is_up && self.processes.iter().all(|process| process.shown.state == State::Alive) {
                return Ok(End::Complete);
            }
            if now >= length + ALL_BACK_MAX {
                return Ok(End::Failure(format!("not everybody was back within {} s", ALL_BACK_MAX.as_secs())));
            }
            // In order, however late.
            if let Some(step) = steps.next_if(|step| step.at <= now) {
                match step.action {
                    Action::Kill => {
                        if let Some(failure) = self.kill(step.process)? {
                            return Ok(failure);
                        }
                    }
                    Action::Start => self.start(step.process)?,
                }
            }
            if now >= shown + display.period() {
                self.show(display, now, now - shown)?;
                shown = now;
            }
            let end = if time_is_up { length + ALL_BACK_MAX } else { length };
            let next = steps.peek().map_or(end, |step| step.at).min(end).min(shown + display.period());
            let mut wait = next.saturating_sub(self.started.elapsed());
            while let Some(event) = receive(events, wait)? {
                wait = Duration::ZERO;
                if let Some(end) = self.handle(event, display)? {
                    return Ok(end);
                }
            }
        }
    }

    fn start(&mut self, process: usize) -> Result<(), Error> {
        let mut arguments: Vec<String> = [
            "demo-worker",
            "--session",
            self.session.name(),
            "--index",
            &process.to_string(),
            "--of",
            &self.options.processes.to_string(),
            "--payload",
            &self.options.payload.to_string(),
            "--started-ns",
            &monotonic()?.as_nanos().to_string(),
        ]
        .map(str::to_owned)
        .into();
        let restarted = self.processes[process].shown.kills > 0;
        if restarted {
            arguments.push("--restarted".to_owned());
        }
        if let Some(fault) = self.options.fault {
            let fault = fault.to_possible_value().ok_or("a fault has no name")?;
            arguments.extend(["--break".to_owned(), fault.get_name().to_owned()]);
        }
        self.crew.start(process, &arguments)?;
        self.outputs_open += 1;
        self.processes[process].shown.state = if restarted { State::Recovering } else { State::Starting };
        Ok(())
    }

    fn kill(&mut self, process: usize) -> Result<Option<End>, Error> {
        let Some(status) = self.crew.kill(process)? else { return Ok(None) };
        self.count_death(process);
        self.kills += 1;
        if status.signal() != Some(Signal::SIGKILL as i32) {
            return Ok(Some(self.failure_of(process, status)));
        }
        if self.options.fault == Some(Fault::LostRole) && self.stolen.is_none() {
            let Options { processes, payload, .. } = *self.options;
            let channel = names::channel(self.session.name(), process, processes as usize, payload as usize)?;
            self.stolen = Some(channel.producer()?);
        }
        Ok(None)
    }

    fn handle(&mut self, event: Event, display: &Display) -> Result<Option<End>, Error> {
        match event {
            Event::Line { process, generation, line } => {
                let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
                match word {
                    line::READY => self.ready(process, generation, rest)?,
                    line::VIOLATION => self.note(process, rest, display),
                    line::LOST_ROLE => {
                        self.lost_roles += 1;
                        return Ok(Some(End::Failure(format!("process {process} did not get its role back: {rest}"))));
                    }
                    line::FAILED => return Ok(Some(End::Failure(format!("process {process}: {rest}")))),
                    _ => {
                        let output = &mut self.processes[process].output;
                        if output.len() == OUTPUT_MAX {
                            output.remove(0);
                        }
                        output.push(line);
                    }
                }
            }
            Event::Closed { process, generation } => {
                self.outputs_open -= 1;
                if let Some(status) = self.crew.ended(process, generation)? {
                    if status.signal() != Some(Signal::SIGKILL as i32) {
                        return Ok(Some(self.failure_of(process, status)));
                    }
                    // Somebody else's kill (kill -9, the OOM killer) is survived like our own.
                    self.kills_from_outside += 1;
                    self.count_death(process);
                    self.start(process)?;
                }
            }
            Event::Signal(signal) => return Ok(Some(End::Signal(signal))),
            Event::Command(command) if command == "q" => return Ok(Some(End::Quit)),
            Event::Command(command) if command == CTRL_C => return Ok(Some(End::Signal(Signal::SIGINT as i32))),
            Event::Command(_) => {}
        }
        Ok(None)
    }

    fn ready(&mut self, process: usize, generation: u64, times: &str) -> Result<(), Error> {
        let (recovery_us, start_us) = times.split_once(' ').ok_or("a process's times are not two")?;
        let (recovery_us, start_us) = (recovery_us.parse()?, start_us.parse()?);
        let Process { shown, killed_unready, .. } = &mut self.processes[process];
        // Where it was killed meanwhile, it had been ready before.
        killed_unready.remove(&generation);
        if generation > 1 {
            self.recoveries.add(recovery_us);
            self.starts.add(start_us);
            shown.recovery_us = Some(recovery_us);
        }
        if self.crew.is_current(process, generation) {
            shown.state = State::Alive;
        }
        Ok(())
    }

    fn count_death(&mut self, process: usize) {
        let Process { shown, killed_unready, .. } = &mut self.processes[process];
        if shown.state != State::Alive {
            killed_unready.insert(self.crew.generation(process));
        }
        shown.state = State::Killed;
        shown.kills += 1;
    }

    fn note(&mut self, process: usize, evidence: &str, display: &Display) {
        let evidence = format!("process {process} at {:.3} s: {evidence}", self.started.elapsed().as_secs_f64());
        if !display.is_screen() {
            tell!("{evidence}");
        }
        if self.evidence.len() < EVIDENCE_MAX {
            self.evidence.push(evidence);
        }
    }

    fn failure_of(&self, process: usize, status: ExitStatus) -> End {
        let output = &self.processes[process].output;
        let said = if output.is_empty() { String::new() } else { format!(": {}", output.join(" | ")) };
        End::Failure(format!("process {process} ended by itself, {status}{said}"))
    }

    /// Hears what the dead have said.
    fn drain(&mut self, display: &Display, events: &Receiver<Event>) -> Result<Option<End>, Error> {
        while self.outputs_open > 0
            && let Some(event) = receive(events, OUTPUT_WAIT)?
        {
            if let Some(end @ End::Failure(_)) = self.handle(event, display)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    fn count(&mut self) -> Result<(), Error> {
        for (number, process) in self.processes.iter_mut().enumerate() {
            if process.monitor.is_none() {
                process.monitor = match Monitor::open(&names::board(self.session.name(), number)) {
                    Ok(monitor) => Some(monitor),
                    Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
            }
            if let Some(monitor) = &process.monitor {
                let counts = &mut process.shown.counts;
                counts.published = monitor.get(board::RETURNED)?;
                counts.reads = monitor.get(board::READS)?;
                counts.peeks = monitor.get(board::PEEKS)?;
                counts.recoveries = monitor.get(board::RECOVERIES)?;
                counts.locks_found = monitor.get(board::LOCKS_FOUND)?;
                counts.acquires_interrupted = monitor.get(board::ACQUIRES_INTERRUPTED)?;
                counts.publishes_unnoted = monitor.get(board::PUBLISHES_UNNOTED)?;
                for promise in Promise::ALL {
                    counts.violations[promise as usize] = monitor.get(board::violations(promise))?;
                }
            }
        }
        Ok(())
    }

    fn show(&mut self, display: &mut Display, elapsed: Duration, since: Duration) -> Result<(), Error> {
        self.count()?;
        let processes: Vec<Shown> = self.processes.iter().map(|process| process.shown).collect();
        display.show(&View {
            title: self.session.name(),
            elapsed,
            length: Duration::from_secs(self.options.seconds),
            since,
            kills: self.kills,
            planned_kills: self.plan.len(),
            lost_roles: self.lost_roles,
            processes: &processes,
            evidence: &self.evidence,
        });
        for process in &mut self.processes {
            process.shown.before = process.shown.counts;
        }
        Ok(())
    }

    /// Looks at the last message of every channel once more, now that everybody is dead.
    fn verify_channels(&mut self) -> Result<(), Error> {
        let Options { processes, payload, .. } = *self.options;
        for process in 0..self.crew.len() {
            let channel = names::channel(self.session.name(), process, processes as usize, payload as usize)?;
            let returned = self.processes[process].shown.counts.published;
            let known = Known { channel: process as u8, seen: 0, returned };
            let verdict = match channel.observer()?.peek_bytes()? {
                Some((sequence, message)) => known.message(&message, sequence.get()).map(drop),
                None => known.nothing(),
            };
            if let Err(Violation { promise, evidence }) = verdict {
                self.found.violations[promise as usize] += 1;
                self.evidence.push(format!("after the end: {} {evidence}", promise.name()));
            }
        }
        Ok(())
    }

    fn report(&self, ran: Duration, end: &End) -> Report {
        let total = self.processes.iter().fold(self.found, |sum, process| sum.plus(&process.shown.counts));
        let recovery = self.recoveries.p50_and_max();
        let start = self.starts.p50_and_max();
        Report {
            version: env!("CARGO_PKG_VERSION"),
            processes: self.crew.len(),
            payload: self.options.payload as usize,
            seconds: seconds(ran),
            seed: self.seed,
            plan: format!("{:016x}", self.plan.hash()),
            planned_kills: self.plan.len(),
            kills: self.kills,
            kills_from_outside: self.kills_from_outside,
            kills_before_ready: self.processes.iter().map(|process| process.killed_unready.len() as u64).sum(),
            recoveries: total.recoveries,
            locks_found: total.locks_found,
            acquires_interrupted: total.acquires_interrupted,
            publishes_unnoted: total.publishes_unnoted,
            published: total.published,
            read: total.reads,
            peeks: total.peeks,
            torn: total.of(Promise::Torn),
            went_back: total.of(Promise::WentBack),
            stale: total.of(Promise::Stale),
            lost: total.of(Promise::Lost),
            lost_roles: self.lost_roles,
            recovery_us_p50: recovery.map(|(p50, _)| p50),
            recovery_us_max: recovery.map(|(_, max)| max),
            spawn_to_ready_us_p50: start.map(|(p50, _)| p50),
            spawn_to_ready_us_max: start.map(|(_, max)| max),
            signal: if let End::Signal(signal) = end { Some(*signal) } else { None },
            quit: matches!(end, End::Quit),
            failure: if let End::Failure(failure) = end { Some(failure.clone()) } else { None },
        }
    }
}

/// The next event, if one comes in time.
fn receive(events: &Receiver<Event>, wait: Duration) -> Result<Option<Event>, RecvTimeoutError> {
    match events.recv_timeout(wait) {
        Ok(event) => Ok(Some(event)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Err(RecvTimeoutError::Disconnected),
    }
}
