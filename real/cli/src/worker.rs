//! One process of the demo: producer of its own channel, consumer of everybody else's, killed at any moment.

use crate::board;
use crate::check::{self, Known, Violation};
use crate::crew;
use crate::fault::Fault;
use crate::names;
use crate::payload::{self, Header};
use lastword::protocol::slots;
use lastword::status::{Key, Monitor, Writer};
use lastword::{Consumer, Observer, OpenError, PeekError, Producer, Recovery};
use nix::time::{ClockId, clock_gettime};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

/// What the supervisor tells a worker.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    session: String,
    #[arg(long)]
    index: usize,
    #[arg(long)]
    of: usize,
    #[arg(long)]
    payload: usize,
    /// When the supervisor started this process, on the monotonic clock.
    #[arg(long)]
    started_ns: u64,
    /// Whether it had a predecessor.
    #[arg(long)]
    restarted: bool,
    #[arg(long)]
    supervisor: i32,
    #[arg(long = "break")]
    fault: Option<Fault>,
}

/// How long a role may be another process's whose death the kernel has reported.
const ROLE_WAIT_MAX: Duration = Duration::from_secs(1);
const ROLE_POLL: Duration = Duration::from_micros(100);
/// In-place writing goes in pieces, so that kills find half-written messages.
const PIECE: usize = 4096;
/// How long a process works before it sleeps.
const BURST: Duration = Duration::from_micros(500);
/// How much longer the longest sleep is, for each process that a processor has. Everybody gets through, and the
/// supervisor too, while the processors stay busy.
const SLEEP_MAX: Duration = Duration::from_micros(1200);
/// Longest time that a lock is kept on purpose.
const KEEP_MAX: Duration = Duration::from_millis(4);
/// Longest time from one such lock on a channel to the next.
const KEEP_EVERY_MAX: Duration = Duration::from_millis(20);
/// Evidence printed by one process; the counters count all.
const EVIDENCE_MAX: u32 = 20;
/// Where a fault is ordered, one message in this many is as it should be.
const FAULT_EVERY: u64 = 16;

/// Words that begin the lines a worker prints.
pub(crate) mod line {
    /// All roles are back and verified: microseconds since attaching began, and since the process was started.
    pub(crate) const READY: &str = "ready";
    /// A breach of a promise, with evidence.
    pub(crate) const VIOLATION: &str = "violation";
    /// A role could not be had although its holder is dead.
    pub(crate) const LOST_ROLE: &str = "lost-role";
    /// The worker cannot go on.
    pub(crate) const FAILED: &str = "failed";
}

/// Why a worker ends.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A role could not be had although nobody has it.
    LostRole(String),
    /// Anything else.
    Other(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Other(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::LostRole(evidence) => write!(f, "{} {evidence}", line::LOST_ROLE),
            Failure::Other(error) => write!(f, "{} {error}", line::FAILED),
        }
    }
}

/// The monotonic clock, which processes share.
pub(crate) fn monotonic() -> Result<Duration, nix::Error> {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from)
}

/// Works until it is killed; the exit code if something keeps it from working.
pub(crate) fn run(options: &Options) -> Result<u8, Box<dyn std::error::Error>> {
    let Err(failure) = work(options);
    say(&failure.to_string())?;
    Ok(1)
}

fn work(options: &Options) -> Result<Infallible, Failure> {
    crew::die_with(options.supervisor)?;
    let mut worker = Worker::attach(options)?;
    let sleep_max =
        SLEEP_MAX * options.of as u32 / thread::available_parallelism().map_or(1, |count| count.get() as u32);
    loop {
        let begin = Instant::now();
        while begin.elapsed() < BURST {
            worker.step()?;
        }
        thread::sleep(worker.up_to(sleep_max));
    }
}

/// A message that is kept locked.
struct Locked {
    header: Header,
    until: Instant,
}

/// Everything that a worker has of another one's channel.
struct Source {
    channel: usize,
    consumer: Consumer<[u8]>,
    /// There only once the other process has created its board.
    monitor: Option<Monitor>,
    observer: Option<Observer<[u8]>>,
    acquired: u64,
    peeked: u64,
    locked: Option<Locked>,
    /// From when on a lock is kept.
    keep_at: Instant,
}

impl Source {
    fn known(&self, returned: u64) -> Known {
        Known { channel: self.channel as u8, seen: self.acquired.max(self.peeked), returned }
    }
}

struct Worker<'o> {
    options: &'o Options,
    board: Writer,
    producer: Producer<[u8]>,
    sources: Vec<Source>,
    buffer: Vec<u8>,
    rng: ChaCha8Rng,
    evidence: u32,
}

/// Takes a role that nobody has, or for `wait` at most.
pub(crate) fn take<T>(wait: Duration, mut attempt: impl FnMut() -> Result<T, OpenError>) -> Result<T, Failure> {
    let begin = Instant::now();
    loop {
        match attempt() {
            Err(error @ (OpenError::RoleTaken { .. } | OpenError::AllConsumersTaken { .. })) => {
                if begin.elapsed() > wait {
                    return Err(Failure::LostRole(error.to_string()));
                }
                thread::sleep(ROLE_POLL);
            }
            result => return Ok(result?),
        }
    }
}

impl<'o> Worker<'o> {
    /// Takes all roles, for the first time or after a predecessor's death, and verifies what it finds.
    fn attach(options: &'o Options) -> Result<Self, Failure> {
        let &Options { ref session, index, of, payload, started_ns, .. } = options;
        let begin = Instant::now();
        let board =
            take(ROLE_WAIT_MAX, || Writer::create(&names::board(session, index), board::words(of), names::MODE))?;
        let producer = take(ROLE_WAIT_MAX, || names::channel(session, index, of, payload)?.producer())?;
        let mut sources = Vec::new();
        for channel in (0..of).filter(|&channel| channel != index) {
            let consumer = take(ROLE_WAIT_MAX, || {
                names::channel(session, channel, of, payload)?.consumer(names::consumer_index(index, channel))
            })?;
            let (acquired, peeked) = (board.get(board::acquired(channel))?, board.get(board::peeked(channel))?);
            sources.push(Source {
                channel,
                consumer,
                monitor: None,
                observer: None,
                acquired,
                peeked,
                locked: None,
                keep_at: begin,
            });
        }
        // What a worker does need not be repeatable: when it is killed is not either. Two lives of it should differ.
        let rng = ChaCha8Rng::seed_from_u64(started_ns);
        let mut worker = Self { options, board, producer, sources, buffer: vec![0; payload], rng, evidence: 0 };
        worker.verify_recovered()?;
        let recovery = begin.elapsed();
        let ready = monotonic()?.saturating_sub(Duration::from_nanos(started_ns));
        worker.add(board::RECOVERIES, options.restarted.into())?;
        say(&format!("{} {} {}", line::READY, recovery.as_micros(), ready.as_micros()))?;
        Ok(worker)
    }

    fn verify_recovered(&mut self) -> Result<(), Failure> {
        let channel = self.options.index as u8;
        let returned = self.board.get(board::RETURNED)?;
        let last = self.producer.last().map_or(0, |sequence| sequence.get());
        self.judge(check::numbering(channel, last, returned))?;
        if last != 0 {
            let message = self.producer.read_last_bytes()?.unwrap_or_default();
            self.judge(Known { channel, seen: 0, returned: 0 }.message(&message, last))?;
        }
        self.add(board::PUBLISHES_UNNOTED, (last > returned).into())?;
        // It took effect, so it counts as returned from now on.
        self.board.set(board::RETURNED, last)?;
        (0..self.sources.len()).try_for_each(|position| self.verify_lock(position))
    }

    fn verify_lock(&mut self, position: usize) -> Result<(), Failure> {
        let source = &mut self.sources[position];
        let channel = source.channel;
        let recovery = source.consumer.recovery();
        let known = Known { seen: source.acquired, ..source.known(0) };
        let holding = self.board.get(board::holding(channel))?;
        let held = source.consumer.held().map(|sample| {
            let stamp = sample.sequence().get();
            let length = sample.read_into(&mut self.buffer);
            // It stays locked for a while, as if its reader had not died.
            sample.keep();
            (stamp, length)
        });
        let stamp = held.map_or(0, |(stamp, _)| stamp);
        source.acquired = source.acquired.max(stamp);
        let acquired = source.acquired;
        // Judged before anything is noted: killed in between, the next recovery judges the same again.
        self.judge(check::recovery(channel as u8, &recovery))?;
        self.judge(known.held(held.map(|(stamp, _)| stamp), holding))?;
        self.board.set(board::acquired(channel), acquired)?;
        self.board.set(board::holding(channel), stamp)?;
        self.add(board::ACQUIRES_INTERRUPTED, (recovery == Recovery::Interrupted).into())?;
        if let Some((stamp, length)) = held {
            self.add(board::LOCKS_FOUND, 1)?;
            match self.judge(known.message(&self.buffer[..length], stamp))? {
                Some(header) => {
                    let until = Instant::now() + self.up_to(KEEP_MAX);
                    self.sources[position].locked = Some(Locked { header, until });
                }
                None => self.release(position)?,
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Failure> {
        match self.rng.random_range(0..10) {
            0..4 => self.publish(),
            4..9 => {
                let position = self.rng.random_range(0..self.sources.len());
                if self.sources[position].locked.is_some() { self.reread(position) } else { self.read(position) }
            }
            _ => {
                let position = self.rng.random_range(0..self.sources.len());
                self.peek(position)
            }
        }
    }

    fn publish(&mut self) -> Result<(), Failure> {
        let Options { index, payload, fault, .. } = *self.options;
        let sequence = self.producer.last().map_or(1, |last| last.get() + 1);
        // The longest message more often than chance would have it.
        let length =
            if self.rng.random_range(0..4) == 0 { payload } else { self.rng.random_range(payload::HEADER..=payload) };
        let fault = fault.filter(|_| self.rng.random_range(0..FAULT_EVERY) != 0);
        let noted = if fault == Some(Fault::WentBack) { sequence / 2 } else { sequence };
        let header = Header { sequence: noted, nonce: self.rng.random(), channel: index as u8, length };
        if fault == Some(Fault::Stale) {
            self.board.set(board::RETURNED, sequence)?;
            thread::sleep(ROLE_POLL);
        }
        let published = if sequence.is_multiple_of(2) {
            let message = &mut self.buffer[..length];
            header.fill(0, message);
            if fault == Some(Fault::Torn) {
                message[length - 1] ^= 1;
            }
            self.producer.publish(message)?
        } else {
            let mut loan = self.producer.loan_bytes(length)?;
            let mut piece = [0; PIECE];
            for offset in (0..length).step_by(PIECE) {
                let piece = &mut piece[..PIECE.min(length - offset)];
                header.fill(offset, piece);
                loan.write_at(offset, piece)?;
            }
            loan.publish()
        };
        if fault != Some(Fault::Lost) {
            self.board.set(board::RETURNED, published.get())?;
        }
        self.judge(check::published(index as u8, published.get(), sequence))?;
        Ok(())
    }

    /// Number of the newest message of a channel that is known to be out.
    fn returned(&mut self, position: usize) -> Result<u64, Failure> {
        let source = &mut self.sources[position];
        if source.monitor.is_none() {
            source.monitor = match Monitor::open(&names::board(&self.options.session, source.channel)) {
                Ok(monitor) => Some(monitor),
                // Its process has not got that far yet, and has published nothing.
                Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        match &source.monitor {
            Some(monitor) => Ok(monitor.get(board::RETURNED)?),
            None => Ok(0),
        }
    }

    fn read(&mut self, position: usize) -> Result<(), Failure> {
        let returned = self.returned(position)?;
        let now = Instant::now();
        let (until, keep_at) = (now + self.up_to(KEEP_MAX), now + self.up_to(KEEP_EVERY_MAX));
        let source = &mut self.sources[position];
        let channel = source.channel;
        let known = source.known(returned);
        let Some(sample) = source.consumer.acquire()? else {
            self.judge(known.nothing())?;
            return Ok(());
        };
        let stamp = sample.sequence().get();
        self.board.set(board::holding(channel), stamp)?;
        source.acquired = source.acquired.max(stamp);
        self.board.set(board::acquired(channel), source.acquired)?;
        let message = &mut self.buffer[..sample.len()];
        sample.read_into(message);
        let verdict = known.message(message, stamp);
        sample.keep();
        match self.judge(verdict)? {
            Some(header) if self.sources[position].keep_at <= now => {
                let source = &mut self.sources[position];
                source.keep_at = keep_at;
                source.locked = Some(Locked { header, until });
            }
            _ => self.release(position)?,
        }
        self.add(board::READS, 1)
    }

    /// Reads a message again that has been locked for a while; it must be what it was.
    fn reread(&mut self, position: usize) -> Result<(), Failure> {
        let source = &mut self.sources[position];
        let (Some(locked), Some(sample)) = (&source.locked, source.consumer.held()) else {
            return Err(Failure::Other(format!("the lock on channel {} is gone", source.channel)));
        };
        let message = &mut self.buffer[..sample.len()];
        sample.read_into(message);
        let verdict = check::again(&locked.header, message);
        sample.keep();
        let over = Instant::now() >= locked.until;
        self.judge(verdict)?;
        if over { self.release(position) } else { Ok(()) }
    }

    fn release(&mut self, position: usize) -> Result<(), Failure> {
        let source = &mut self.sources[position];
        source.locked = None;
        self.board.set(board::holding(source.channel), 0u64)?;
        drop(source.consumer.held());
        Ok(())
    }

    fn peek(&mut self, position: usize) -> Result<(), Failure> {
        let returned = self.returned(position)?;
        let source = &mut self.sources[position];
        let channel = source.channel;
        let Options { session, of, payload, .. } = self.options;
        let observer = match &mut source.observer {
            Some(observer) => observer,
            none => none.insert(names::channel(session, channel, *of, *payload)?.observer()?),
        };
        let peeked = match observer.peek_bytes() {
            // The producer was faster than we were, as it may be: nothing was read.
            Err(PeekError { source: slots::PeekError::Overtaken { .. }, .. }) => return Ok(()),
            peeked => peeked?,
        };
        let known = source.known(returned);
        let verdict = match peeked {
            None => known.nothing(),
            Some((stamp, message)) => {
                source.peeked = source.peeked.max(stamp.get());
                self.board.set(board::peeked(channel), source.peeked)?;
                known.message(&message, stamp.get()).map(drop)
            }
        };
        self.judge(verdict)?;
        self.add(board::PEEKS, 1)
    }

    fn add(&mut self, word: Key<u64>, count: u64) -> Result<(), Failure> {
        let before = self.board.get(word)?;
        Ok(self.board.set(word, before + count)?)
    }

    /// Counts a breach and shows its evidence; otherwise gives what was judged.
    fn judge<T>(&mut self, verdict: Result<T, Violation>) -> Result<Option<T>, Failure> {
        match verdict {
            Ok(judged) => Ok(Some(judged)),
            Err(violation) => {
                self.add(board::violations(violation.promise), 1)?;
                self.evidence += 1;
                if self.evidence <= EVIDENCE_MAX {
                    say(&format!("{} {violation}", line::VIOLATION))?;
                }
                Ok(None)
            }
        }
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.rng.random_range(0..=longest.as_micros() as u64))
    }
}

/// Prints a line in one piece.
pub(crate) fn say(line: &str) -> io::Result<()> {
    io::stdout().lock().write_all(format!("{line}\n").as_bytes())
}
