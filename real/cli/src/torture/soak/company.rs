//! What all parts of a process share: its board, what it knows of others, its judge.

use super::Fault;
use super::stage::{Part, Stage, parts};
use super::tally;
use super::worker::Options;
use crate::check::Violation;
use crate::worker::Failure;
use crate::worker::{line, say};
use lastword::OpenError;
use lastword::status::{Key, Monitor, Writer};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use std::thread;
use std::time::{Duration, Instant};

/// Where a fault is ordered, one message in this many has it.
const FAULT_EVERY: u32 = 16;
/// Longest wait but for one in so many, which is longer than any sleeper may be left without a wake-up.
const WAIT_MAX: Duration = Duration::from_millis(5);
const LONG_WAIT_EVERY: u32 = 50;
const LONG_WAIT: Duration = Duration::from_secs(30);
const LINGER_EVERY: u32 = 1000;
const LINGER_MAX: Duration = Duration::from_micros(300);
/// Evidence printed by one process; the counters count all.
const EVIDENCE_MAX: u32 = 20;

pub(super) struct Company<'o> {
    pub(super) options: &'o Options,
    pub(super) stage: Stage,
    /// The board of this process.
    pub(super) tally: Writer,
    pub(super) rng: ChaCha8Rng,
    /// Room for any message.
    pub(super) buffer: Vec<u8>,
    /// Ledgers of others, by their part, which are there once somebody has had the part.
    ledgers: Vec<(Part, Option<Monitor>)>,
    /// The parts that this process has.
    pub(super) own: Vec<Part>,
    evidence: u32,
    /// How many waits there were in this life of the process.
    waits: u64,
}

impl<'o> Company<'o> {
    pub(super) fn new(options: &'o Options, stage: Stage, tally: Writer, rng: ChaCha8Rng) -> Self {
        let buffer = vec![0; options.payload];
        Self { options, stage, tally, rng, buffer, ledgers: Vec::new(), own: Vec::new(), evidence: 0, waits: 0 }
    }

    /// Reads a word of somebody's ledger; 0 where nobody has had the part yet.
    pub(super) fn ledger(&mut self, part: Part, word: u16) -> Result<u64, Failure> {
        let position = match self.ledgers.iter().position(|(of, _)| *of == part) {
            Some(position) => position,
            None => {
                self.ledgers.push((part, None));
                self.ledgers.len() - 1
            }
        };
        let monitor = &mut self.ledgers[position].1;
        if monitor.is_none() {
            *monitor = match Monitor::open(&self.stage.ledger(part)) {
                Ok(monitor) => Some(monitor),
                Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(monitor.as_ref().map_or(Ok(0), |monitor| monitor.get(Key::at(word)))?)
    }

    /// Adds to a word of this process's board.
    pub(super) fn add(&mut self, word: u16, count: u64) -> Result<(), Failure> {
        let before: u64 = self.tally.get(Key::at(word))?;
        Ok(self.tally.set(Key::at(word), before + count)?)
    }

    /// Counts a breach and shows its evidence; otherwise gives what was judged.
    pub(super) fn judge<T>(&mut self, verdict: Result<T, Violation>) -> Result<Option<T>, Failure> {
        match verdict {
            Ok(judged) => Ok(Some(judged)),
            Err(violation) => {
                self.add(tally::violations(violation.promise), 1)?;
                self.evidence += 1;
                if self.evidence <= EVIDENCE_MAX {
                    say(&format!("{} {violation}", line::VIOLATION))?;
                }
                Ok(None)
            }
        }
    }

    /// Whether to wait for another process now, which is done one time in so many, and never for a part of one's own.
    pub(super) fn chooses_to_wait(&mut self, part: Part, every: u32) -> bool {
        self.rng.random_range(0..every) == 0 && !self.own.contains(&part)
    }

    /// Waits, and lets the supervisor know for what: for this word of a part's ledger to be `until`, or more. Meanwhile
    /// this process need not get on, but once the word is there it has to.
    pub(super) fn wait<T>(
        &mut self,
        (part, word, until): (Part, u16, u64),
        wait: impl FnOnce(Option<Duration>) -> T,
    ) -> Result<T, Failure> {
        let number = parts().iter().position(|&other| other == part).unwrap_or_default();
        self.tally.set(Key::at(tally::WAIT_PART), number as u64)?;
        self.tally.set(Key::at(tally::WAIT_WORD), u64::from(word))?;
        self.tally.set(Key::at(tally::WAIT_UNTIL), until)?;
        self.waits += 1;
        self.tally.set(Key::at(tally::WAIT), self.waits)?;
        let is_long = self.rng.random_range(0..LONG_WAIT_EVERY) == 0;
        let timeout = if is_long { LONG_WAIT } else { self.up_to(WAIT_MAX) };
        if self.options.fault == Some(Fault::Stranded) {
            thread::sleep(Duration::MAX);
        }
        let waited = wait(Some(timeout));
        self.tally.set(Key::at(tally::WAIT), 0u64)?;
        self.add(tally::WAITS, 1)?;
        Ok(waited)
    }

    /// The fault to bring about with the next message, if one is ordered.
    pub(super) fn fault(&mut self) -> Option<Fault> {
        let is_faulty = self.rng.random_range(0..FAULT_EVERY) == 0;
        // One note that is made tells all that was not noted before.
        self.options.fault.filter(|&fault| is_faulty != (fault == Fault::Lost))
    }

    /// Now and then waits a moment, so that stops and kills find what is being done in the middle.
    pub(super) fn linger(&mut self) {
        if self.rng.random_range(0..LINGER_EVERY) == 0 {
            thread::sleep(self.up_to(LINGER_MAX));
        }
    }

    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.rng.random_range(0..=longest.as_micros() as u64))
    }

    pub(super) fn in_up_to(&mut self, longest: Duration) -> Instant {
        Instant::now() + self.up_to(longest)
    }
}
