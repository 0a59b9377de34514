//! What all parts of a process share: its board, what it knows of others, its judge.

use super::Fault;
use super::stage::{Part, Stage};
use super::tally;
use super::worker::{Failure, Options};
use crate::check::Violation;
use crate::worker::{line, say};
use lastword::OpenError;
use lastword::status::{Monitor, Writer};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use std::thread;
use std::time::{Duration, Instant};

/// Where a fault is ordered, one message in this many has it.
const FAULT_EVERY: u32 = 16;
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
    evidence: u32,
}

impl<'o> Company<'o> {
    pub(super) fn new(options: &'o Options, stage: Stage, tally: Writer, rng: ChaCha8Rng) -> Self {
        let buffer = vec![0; options.payload];
        Self { options, stage, tally, rng, buffer, ledgers: Vec::new(), evidence: 0 }
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
        Ok(monitor.as_ref().map_or(Ok(0), |monitor| monitor.get(word))?)
    }

    /// Adds to a word of this process's board.
    pub(super) fn add(&mut self, word: u16, count: u64) -> Result<(), Failure> {
        let before: u64 = self.tally.get(word)?;
        Ok(self.tally.set(word, before + count)?)
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
