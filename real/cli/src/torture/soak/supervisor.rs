//! The soak's supervisor: it kills, stops and starts processes, hands parts around, and hears what is found.

use super::cast::Cast;
use super::evidence::{self, Log};
use super::report::Report;
use super::stage::{LEDGER_WORDS, Part, Stage, parts};
use super::tally::{self, Tally};
use super::worker::{command, take_all};
use super::{Error, Fault, Options};
use crate::crew::{Crew, Event};
use crate::names;
use crate::report::{Times, seconds};
use crate::tell::tell;
use crate::worker::{line, monotonic};
use clap::ValueEnum;
use lastword::OpenError;
use lastword::status::{Key, Monitor, Writer};
use nix::sys::signal::Signal;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// Time between kills, between stops, between changes of roles, on average.
const KILL_EVERY: Duration = Duration::from_millis(10);
const STOP_EVERY: Duration = Duration::from_millis(60);
const CHANGE_EVERY: Duration = Duration::from_millis(25);
/// One kill in this many is of several processes at once.
const SEVERAL_EVERY: u32 = 8;
/// One kill in this many is followed by another one as the process starts again.
const AMBUSH_EVERY: u32 = 4;
const AMBUSH_MAX: Duration = Duration::from_millis(5);
/// How long a dead process stays so at most; half of them are started again at once.
const DEAD_MAX: Duration = Duration::from_millis(10);
/// One dead process in this many has a part taken over by another one.
const INHERIT_EVERY: u32 = 4;
/// How long a process stays stopped at least.
const STOPPED_MAX: Duration = Duration::from_millis(30);
/// From then on who has not got on is neither killed nor stopped, and who is stopped not killed.
const SUSPECT_AFTER: Duration = Duration::from_millis(40);
/// Who has not got on for so long although only others were stopped is held up by them.
const HELD_UP_AFTER: Duration = Duration::from_secs(5);
/// Who waits for so long although what is waited for is there was left without a wake-up. The library looks by itself
/// after 100 ms.
const STRANDED_AFTER: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(1);
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// How long everybody may take to be back after the last kill.
const ALL_BACK_MAX: Duration = Duration::from_secs(30);
/// How long the last words of the dead may take to arrive.
const OUTPUT_WAIT: Duration = Duration::from_secs(1);
/// What a process printed last, kept for when it fails.
const OUTPUT_MAX: usize = 20;

/// Why a soak is over.
pub(super) enum End {
    Complete,
    Signal(i32),
    /// A promise was broken.
    Breach,
    Failure(String),
}

/// How a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Dead { until: Instant },
    Starting,
    Ready,
}

struct Process {
    state: State,
    /// When it is killed because it has just been started.
    ambush: Option<Instant>,
    /// There only once it has created its board.
    monitor: Option<Monitor>,
    /// What it printed that is for nobody.
    output: Vec<String>,
    /// Generations that were killed before their line that says they are ready was read.
    killed_unready: BTreeSet<u64>,
    deaths: u64,
}

/// A wait that goes on although what is waited for is there.
struct Overdue {
    process: usize,
    generation: u64,
    /// The number of the wait.
    wait: u64,
    since: Instant,
}

/// A process that is stopped.
struct Stop {
    process: usize,
    since: Instant,
    until: Instant,
    /// Others that were at work when it was stopped: process, generation, steps done by then.
    watched: Vec<(usize, u64, u64)>,
}

pub(super) struct Supervisor<'s> {
    options: &'s Options,
    session: &'s str,
    stage: Stage,
    crew: Crew,
    cast: Cast,
    processes: Vec<Process>,
    stops: Vec<Stop>,
    overdue: Vec<Overdue>,
    /// Ledgers, by the numbers of their parts, once they are there.
    ledgers: Vec<Option<Monitor>>,
    rng: ChaCha8Rng,
    started: Instant,
    log: Log,
    recoveries: Times,
    starts: Times,
    report: Report,
    /// Outputs of processes, dead ones too, that have not been read to their end.
    outputs_open: usize,
    /// A role that is taken from a process, where that is the fault ordered.
    stolen: Option<Writer>,
}

impl<'s> Supervisor<'s> {
    pub(super) fn new(options: &'s Options, session: &'s str, seed: u64, events: &Sender<Event>) -> Self {
        let count = options.processes as usize;
        let now = Instant::now();
        let process = |_| Process {
            state: State::Dead { until: now },
            ambush: None,
            monitor: None,
            output: Vec::new(),
            killed_unready: BTreeSet::new(),
            deaths: 0,
        };
        Self {
            options,
            session,
            stage: Stage::new(session, options.payload as usize),
            crew: Crew::new(count, events.clone()),
            cast: Cast::new(parts().len(), count),
            processes: (0..count).map(process).collect(),
            stops: Vec::new(),
            overdue: Vec::new(),
            ledgers: parts().iter().map(|_| None).collect(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            started: now,
            log: Log::default(),
            recoveries: Times::default(),
            starts: Times::default(),
            report: Report {
                version: env!("CARGO_PKG_VERSION"),
                processes: count,
                payload: options.payload as usize,
                seed,
                ..Report::default()
            },
            outputs_open: 0,
            stolen: None,
        }
    }

    /// Tortures everybody until the time is up and everybody is back.
    pub(super) fn supervise(&mut self, events: &Receiver<Event>) -> Result<End, Error> {
        self.started = Instant::now();
        let end = self.started + Duration::from_secs(self.options.seconds);
        let (mut kill_at, mut stop_at, mut change_at) = (self.started, self.started, self.started);
        let mut show_at = self.started + SHOW_EVERY;
        loop {
            let now = Instant::now();
            self.start_the_dead(now)?;
            if let Some(held_up) = self.go_on(now, now >= end)? {
                return Ok(held_up);
            }
            if let Some(stranded) = self.watch_waits(now)? {
                return Ok(stranded);
            }
            if now < end {
                if now >= kill_at && self.may_kill() {
                    kill_at = now + self.up_to(KILL_EVERY * 2);
                    if let Some(end) = self.kill_some(now)? {
                        return Ok(end);
                    }
                }
                if let Some(end) = self.spring_ambushes(now)? {
                    return Ok(end);
                }
                if now >= stop_at {
                    stop_at = now + self.up_to(STOP_EVERY * 2);
                    self.stop_one(now)?;
                }
                if now >= change_at {
                    change_at = now + self.up_to(CHANGE_EVERY * 2);
                    self.change_a_role()?;
                }
            } else if self.processes.iter().all(|process| process.state == State::Ready) && self.stops.is_empty() {
                return Ok(End::Complete);
            } else if now >= end + ALL_BACK_MAX {
                return Ok(End::Failure(format!("not everybody was back within {} s", ALL_BACK_MAX.as_secs())));
            }
            if now >= show_at {
                show_at = now + SHOW_EVERY;
                self.count()?;
                tell!("{}", self.report.progress());
            }
            let mut wait = POLL;
            while let Some(event) = receive(events, wait)? {
                wait = Duration::ZERO;
                if let Some(end) = self.handle(event)? {
                    return Ok(end);
                }
            }
        }
    }

    fn start_the_dead(&mut self, now: Instant) -> Result<(), Error> {
        for process in 0..self.processes.len() {
            if matches!(self.processes[process].state, State::Dead { until } if until <= now) {
                self.start(process)?;
            }
        }
        Ok(())
    }

    fn start(&mut self, process: usize) -> Result<(), Error> {
        let mut arguments: Vec<String> = [
            "torture",
            "soak-worker",
            "--session",
            self.session,
            "--index",
            &process.to_string(),
            "--payload",
            &self.options.payload.to_string(),
            "--started-ns",
            &monotonic()?.as_nanos().to_string(),
        ]
        .map(str::to_owned)
        .into();
        let parts = self.cast.of(process);
        if !parts.is_empty() {
            let parts: Vec<String> = parts.iter().map(usize::to_string).collect();
            arguments.extend(["--parts".to_owned(), parts.join(",")]);
        }
        if let Some(fault) = self.options.fault {
            let fault = fault.to_possible_value().ok_or("a fault has no name")?;
            arguments.extend(["--break".to_owned(), fault.get_name().to_owned()]);
        }
        let generation = self.crew.start_listener(process, &arguments)?;
        self.log.note(self.started.elapsed(), format_args!("start {process}, generation {generation}, {parts:?}"));
        self.outputs_open += 1;
        self.processes[process].state = State::Starting;
        let is_ambushed = generation > 1 && self.rng.random_range(0..AMBUSH_EVERY) == 0;
        self.processes[process].ambush = is_ambushed.then(|| Instant::now() + self.up_to(AMBUSH_MAX));
        Ok(())
    }

    /// Whether enough processes are at work to kill some.
    fn may_kill(&self) -> bool {
        let ready = self.processes.iter().filter(|process| process.state == State::Ready).count();
        ready * 2 > self.processes.len()
    }

    fn kill_some(&mut self, now: Instant) -> Result<Option<End>, Error> {
        let several = self.rng.random_range(0..SEVERAL_EVERY) == 0;
        let count = if several { self.rng.random_range(2..=3) } else { 1 };
        for _ in 0..count {
            // Those that start are ambushed only: who waits for a role is to be heard of.
            let victims: Vec<usize> = (0..self.processes.len())
                .filter(|&process| self.processes[process].state == State::Ready && !self.is_suspect(process, now))
                .collect();
            if let Some(&process) = victims.choose(&mut self.rng)
                && let Some(end) = self.kill(process, now)?
            {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    fn spring_ambushes(&mut self, now: Instant) -> Result<Option<End>, Error> {
        for process in 0..self.processes.len() {
            if self.processes[process].ambush.take_if(|at| *at <= now).is_some()
                && let Some(end) = self.kill(process, now)?
            {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    fn kill(&mut self, process: usize, now: Instant) -> Result<Option<End>, Error> {
        let generation = self.crew.generation(process);
        let Some(status) = self.crew.kill(process)? else { return Ok(None) };
        self.log.note(self.started.elapsed(), format_args!("kill {process}, generation {generation}"));
        self.report.kills += 1;
        self.bury(process, now)?;
        if status.signal() != Some(Signal::SIGKILL as i32) {
            return Ok(Some(self.failure_of(process, status)));
        }
        if self.options.fault == Some(Fault::LostRole)
            && self.stolen.is_none()
            && let Some(&part) = self.cast.of(process).first()
        {
            self.stolen = Some(Writer::create(&self.stage.ledger(parts()[part]), LEDGER_WORDS, names::MODE)?);
        }
        Ok(None)
    }

    /// Sees to what a death leaves to be done.
    fn bury(&mut self, process: usize, now: Instant) -> Result<(), Error> {
        let generation = self.crew.generation(process);
        let stays_for = if self.rng.random() { Duration::ZERO } else { self.up_to(DEAD_MAX) };
        let dead = &mut self.processes[process];
        if dead.state != State::Ready {
            dead.killed_unready.insert(generation);
        }
        dead.state = State::Dead { until: now + stays_for };
        dead.ambush = None;
        dead.deaths += 1;
        if let Some(position) = self.stops.iter().position(|stop| stop.process == process) {
            self.stops.swap_remove(position);
            self.report.kills_while_stopped += 1;
        }
        for (part, to) in self.cast.died(process) {
            self.hand_over(part, to)?;
        }
        if self.rng.random_range(0..INHERIT_EVERY) == 0 {
            let part = self.cast.of(process).choose(&mut self.rng).copied();
            if let (Some(part), Some(heir)) = (part, self.anybody_ready()) {
                self.cast.inherit(part, heir);
                self.hand_over(part, heir)?;
            }
        }
        Ok(())
    }

    /// Tells a process to take a part that nobody has. One that is dead takes it when it is started again.
    fn hand_over(&mut self, part: usize, to: usize) -> Result<(), Error> {
        self.log.note(self.started.elapsed(), format_args!("part {part}, {}, goes to {to}", parts()[part]));
        self.report.role_changes += 1;
        Ok(self.crew.tell(to, &format!("{} {part}", command::TAKE))?)
    }

    fn is_stopped(&self, process: usize) -> bool {
        self.stops.iter().any(|stop| stop.process == process)
    }

    /// Whether a process may be holding up another one, or held up, so that it is left as it is.
    fn is_suspect(&self, process: usize, now: Instant) -> bool {
        let is_long = |since| now.saturating_duration_since(since) > SUSPECT_AFTER;
        self.overdue.iter().any(|overdue| overdue.process == process && is_long(overdue.since))
            || self.stops.iter().any(|stop| {
                let concerns = stop.process == process || stop.watched.iter().any(|(watched, ..)| *watched == process);
                concerns && is_long(stop.since)
            })
    }

    /// The processes that have all their roles and are not stopped.
    fn at_work(&self) -> Vec<usize> {
        (0..self.processes.len())
            .filter(|&process| self.processes[process].state == State::Ready && !self.is_stopped(process))
            .collect()
    }

    fn anybody_ready(&mut self) -> Option<usize> {
        self.at_work().choose(&mut self.rng).copied()
    }

    fn stop_one(&mut self, now: Instant) -> Result<(), Error> {
        // While objects are being created, others may have to wait for that.
        let everything_is_there =
            self.processes.iter().all(|process| process.state == State::Ready || process.deaths > 0);
        if !everything_is_there || self.stops.len() * 3 >= self.processes.len() {
            return Ok(());
        }
        let Some(process) = self.anybody_ready().filter(|&process| !self.is_suspect(process, now)) else {
            return Ok(());
        };
        self.crew.signal(process, Signal::SIGSTOP)?;
        self.log.note(self.started.elapsed(), format_args!("stop {process}"));
        self.report.stops += 1;
        let until = now + self.up_to(STOPPED_MAX);
        self.stops.push(Stop { process, since: now, until, watched: Vec::new() });
        let others = self.at_work();
        let mut watched = Vec::new();
        for other in others {
            if let Some(steps) = self.steps(other)? {
                watched.push((other, self.crew.generation(other), steps));
            }
        }
        if let Some(stop) = self.stops.last_mut() {
            stop.watched = watched;
        }
        Ok(())
    }

    /// Continues the stopped processes whose time is over, once everybody else has got on meanwhile.
    fn go_on(&mut self, now: Instant, all: bool) -> Result<Option<End>, Error> {
        for position in (0..self.stops.len()).rev() {
            let mut watched = std::mem::take(&mut self.stops[position].watched);
            let mut failed = None;
            watched.retain(|&(process, generation, before)| {
                let is_watched = self.crew.is_current(process, generation) && !self.is_stopped(process);
                is_watched
                    && match self.gets_on(process, before) {
                        Ok(gets_on) => !gets_on,
                        Err(error) => {
                            failed = Some(error);
                            true
                        }
                    }
            });
            if let Some(error) = failed {
                return Err(error);
            }
            let stop = &mut self.stops[position];
            stop.watched = watched;
            let stopped = stop.process;
            if now.saturating_duration_since(stop.since) > HELD_UP_AFTER
                && let Some((process, ..)) = stop.watched.first()
            {
                let evidence = format!("process {process} does not get on while process {stopped} is stopped");
                self.report.held_up += 1;
                self.note(&evidence);
                return Ok(Some(End::Breach));
            }
            if (now >= stop.until || all) && stop.watched.is_empty() {
                self.stops.swap_remove(position);
                self.crew.signal(stopped, Signal::SIGCONT)?;
                self.log.note(self.started.elapsed(), format_args!("continue {stopped}"));
            }
        }
        Ok(None)
    }

    fn change_a_role(&mut self) -> Result<(), Error> {
        let Some(from) = self.anybody_ready() else { return Ok(()) };
        let to = self.rng.random_range(0..self.processes.len());
        let Some(&part) = self.cast.of(from).choose(&mut self.rng) else { return Ok(()) };
        if from != to && self.cast.leave(part, from, to) {
            self.log.note(self.started.elapsed(), format_args!("{from} is told to give up part {part} for {to}"));
            self.crew.tell(from, &format!("{} {part}", command::GIVE))?;
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<Option<End>, Error> {
        match event {
            Event::Line { process, generation, line } => self.hear(process, generation, line),
            Event::Closed { process, generation } => {
                self.outputs_open -= 1;
                let Some(status) = self.crew.ended(process, generation)? else { return Ok(None) };
                if status.signal() != Some(Signal::SIGKILL as i32) {
                    return Ok(Some(self.failure_of(process, status)));
                }
                // Somebody else's kill (kill -9, the OOM killer) is survived like our own.
                self.report.kills_from_outside += 1;
                self.bury(process, Instant::now())?;
                Ok(None)
            }
            Event::Signal(signal) => Ok(Some(End::Signal(signal))),
            Event::Command(_) => Ok(None),
        }
    }

    fn hear(&mut self, process: usize, generation: u64, said: String) -> Result<Option<End>, Error> {
        self.log.note(self.started.elapsed(), format_args!("{process}, generation {generation}: {said}"));
        let (word, rest) = said.split_once(' ').unwrap_or((&said, ""));
        let is_current = self.crew.is_current(process, generation);
        match word {
            line::READY => {
                let (recovery_us, start_us) = rest.split_once(' ').ok_or("a process's times are not two")?;
                // Where it was killed meanwhile, it had been ready before.
                self.processes[process].killed_unready.remove(&generation);
                if generation > 1 {
                    self.report.restarts += 1;
                    self.recoveries.add(recovery_us.parse()?);
                    self.starts.add(start_us.parse()?);
                }
                if is_current {
                    self.processes[process].state = State::Ready;
                }
            }
            command::GAVE if is_current => {
                if let Some(to) = self.cast.left(rest.parse()?, process) {
                    self.report.roles_given_up += 1;
                    self.hand_over(rest.parse()?, to)?;
                }
            }
            command::GAVE | command::TOOK => {}
            line::VIOLATION => {
                self.note(&format!("process {process}: {rest}"));
                return Ok(Some(End::Breach));
            }
            line::LOST_ROLE => {
                self.report.lost_roles += 1;
                self.note(&format!("process {process} did not get a role that nobody has: {rest}"));
                return Ok(Some(End::Breach));
            }
            line::FAILED => return Ok(Some(End::Failure(format!("process {process}: {rest}")))),
            _ => {
                let output = &mut self.processes[process].output;
                if output.len() == OUTPUT_MAX {
                    output.remove(0);
                }
                output.push(said);
            }
        }
        Ok(None)
    }

    fn note(&mut self, evidence: &str) {
        let at = self.started.elapsed();
        tell!("at {:.3} s: {evidence}", at.as_secs_f64());
        self.log.note(at, evidence);
    }

    fn failure_of(&self, process: usize, status: ExitStatus) -> End {
        let output = &self.processes[process].output;
        let said = if output.is_empty() { String::new() } else { format!(": {}", output.join(" | ")) };
        End::Failure(format!("process {process} ended by itself, {status}{said}"))
    }

    /// The board of a process, once it is there.
    fn monitor(&mut self, process: usize) -> Result<Option<&Monitor>, Error> {
        let monitor = &mut self.processes[process].monitor;
        if monitor.is_none() {
            *monitor = match Monitor::open(&self.stage.process(process)) {
                Ok(monitor) => Some(monitor),
                Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(self.processes[process].monitor.as_ref())
    }

    /// How many steps a process has done.
    fn steps(&mut self, process: usize) -> Result<Option<u64>, Error> {
        let Some(monitor) = self.monitor(process)? else { return Ok(None) };
        Ok(Some(monitor.get(Key::at(tally::STEPS))?))
    }

    /// Whether a process has done more steps than these, or waits for another one.
    fn gets_on(&mut self, process: usize, before: u64) -> Result<bool, Error> {
        let Some(monitor) = self.monitor(process)? else { return Ok(true) };
        Ok(monitor.get::<u64>(Key::at(tally::STEPS))? != before || monitor.get::<u64>(Key::at(tally::WAIT))? != 0)
    }

    /// Looks for waits that go on although what is waited for is there.
    fn watch_waits(&mut self, now: Instant) -> Result<Option<End>, Error> {
        let mut before = std::mem::take(&mut self.overdue);
        for process in self.at_work() {
            let Some((wait, part)) = self.wait_that_is_over(process)? else { continue };
            let generation = self.crew.generation(process);
            let known = before
                .iter()
                .position(|overdue| (overdue.process, overdue.generation, overdue.wait) == (process, generation, wait));
            let overdue = match known {
                Some(position) => before.swap_remove(position),
                None => Overdue { process, generation, wait, since: now },
            };
            if now.saturating_duration_since(overdue.since) > STRANDED_AFTER {
                self.report.stranded += 1;
                self.note(&format!("process {process} waits for the {part}, and what it waits for is there"));
                return Ok(Some(End::Breach));
            }
            self.overdue.push(overdue);
        }
        Ok(None)
    }

    /// The wait that a process is in although what it waits for is there: its number, and whom it waits for.
    fn wait_that_is_over(&mut self, process: usize) -> Result<Option<(u64, Part)>, Error> {
        let Some(monitor) = self.monitor(process)? else { return Ok(None) };
        let wait: u64 = monitor.get(Key::at(tally::WAIT))?;
        let words =
            [tally::WAIT_PART, tally::WAIT_WORD, tally::WAIT_UNTIL].map(|word| monitor.get::<u64>(Key::at(word)));
        let [number, word, until] = words;
        let (number, word, until) = (number? as usize, word? as u16, until?);
        // Otherwise these words may be of two waits.
        let is_still = monitor.get::<u64>(Key::at(tally::WAIT))? == wait;
        let (true, Some(&part)) = (wait != 0 && is_still, parts().get(number)) else { return Ok(None) };
        let ledger = &mut self.ledgers[number];
        if ledger.is_none() {
            *ledger = match Monitor::open(&self.stage.ledger(part)) {
                Ok(monitor) => Some(monitor),
                Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        let is_over = match ledger {
            Some(ledger) => ledger.get::<u64>(Key::at(word))? >= until,
            None => false,
        };
        Ok(is_over.then_some((wait, part)))
    }

    fn count(&mut self) -> Result<(), Error> {
        let mut total = Tally::default();
        for process in 0..self.processes.len() {
            if let Some(monitor) = self.monitor(process)? {
                total = total.plus(&Tally::read(monitor)?);
            }
        }
        self.report.count(&total);
        self.report.seconds = seconds(self.started.elapsed());
        Ok(())
    }

    /// Saves the objects as they are now, with everybody stopped.
    pub(super) fn save_evidence(&self, directory: &Path) -> Result<(), Error> {
        for process in 0..self.crew.len() {
            self.crew.signal(process, Signal::SIGSTOP)?;
        }
        Ok(evidence::save(directory, &format!("{}.", self.session), &self.log)?)
    }

    /// Kills everybody, hears what the dead have said, counts, and takes every role that is free now, unless something
    /// else than a breach has ended it, which may keep from that too.
    pub(super) fn end(&mut self, events: &Receiver<Event>, takes_roles: bool) -> Result<(), Error> {
        let ran = seconds(self.started.elapsed());
        self.crew.kill_all()?;
        while self.outputs_open > 0
            && let Some(event) = receive(events, OUTPUT_WAIT)?
        {
            if let Event::Closed { .. } = event {
                self.outputs_open -= 1;
            }
        }
        self.count()?;
        self.report.seconds = ran;
        drop(self.stolen.take());
        let lost = if takes_roles { take_all(&self.stage) } else { Vec::new() };
        self.report.lost_roles += lost.len() as u64;
        lost.iter().for_each(|error| self.note(error));
        Ok(())
    }

    pub(super) fn report(&mut self, end: &End) -> Report {
        let mut report = std::mem::take(&mut self.report);
        report.kills_before_ready = self.processes.iter().map(|process| process.killed_unready.len() as u64).sum();
        report.time(&self.recoveries, &self.starts);
        match end {
            End::Signal(signal) => report.signal = Some(*signal),
            End::Failure(failure) => report.failure = Some(failure.clone()),
            End::Complete | End::Breach => {}
        }
        report
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.rng.random_range(0..=longest.as_micros() as u64))
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
