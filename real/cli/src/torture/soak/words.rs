//! The parts of a board: who sets its words, and who reads them.

use super::Fault;
use super::company::Company;
use super::stage::{BOARD_WORDS, Part, board_id};
use super::tally;
use super::worker::take;
use crate::check;
use crate::names;
use crate::worker::Failure;
use lastword::OpenError;
use lastword::status::{Key, Monitor, StatusError, Value, Writer};

/// In the setter's ledger: the newest number that it has set in every word.
const RETURNED: u16 = 0;
/// The words of these indices are of other kinds than u64.
const FLOAT: u16 = 1;
const SIGNED: u16 = 2;

/// Reads a word as the number that it was set to.
trait Words {
    fn value<V: Value>(&self, word: u16) -> Result<V, StatusError>;

    fn number(&self, word: u16) -> Result<u64, StatusError> {
        match word {
            FLOAT => self.value::<f64>(word).map(|value| value as u64),
            SIGNED => self.value::<i64>(word).map(i64::unsigned_abs),
            _ => self.value(word),
        }
    }
}

impl Words for Writer {
    fn value<V: Value>(&self, word: u16) -> Result<V, StatusError> {
        self.get(Key::at(word))
    }
}

impl Words for Monitor {
    fn value<V: Value>(&self, word: u16) -> Result<V, StatusError> {
        self.get(Key::at(word))
    }
}

/// Who sets the words of a board, the first word first, all to one number.
pub(super) struct Setter {
    writer: Writer,
    ledger: Writer,
}

impl Setter {
    pub(super) fn recover(board: u8, ledger: Writer, company: &mut Company<'_>) -> Result<Self, Failure> {
        let writer = take(|| Writer::create(&company.stage.board(board), BOARD_WORDS, names::MODE))?;
        let mut setter = Self { writer, ledger };
        let words = (0..BOARD_WORDS).map(|word| setter.writer.number(word)).collect::<Result<Vec<_>, _>>()?;
        let returned = setter.ledger.get(Key::at(RETURNED))?;
        company.judge(check::board_recovered(board_id(board), &words, returned))?;
        // What the predecessor had begun is done, so that all words are one number again.
        setter.set(words.first().copied().unwrap_or(0), company)?;
        Ok(setter)
    }

    pub(super) fn step(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let number = self.ledger.get::<u64>(Key::at(RETURNED))? + 1;
        match company.options.fault {
            Some(Fault::Stale) => {
                self.ledger.set(Key::at(RETURNED), number)?;
                self.set(number, company)?;
            }
            _ => self.set(number, company)?,
        }
        company.add(tally::SET, 1)
    }

    fn set(&mut self, number: u64, company: &mut Company<'_>) -> Result<(), Failure> {
        for word in 0..BOARD_WORDS {
            if word == BOARD_WORDS / 2 {
                company.linger();
            }
            match word {
                FLOAT => self.writer.set(Key::at(word), number as f64)?,
                SIGNED => self.writer.set(Key::at(word), -(number as i64))?,
                _ => self.writer.set(Key::at(word), number)?,
            }
        }
        Ok(self.ledger.set(Key::at(RETURNED), number)?)
    }
}

/// Who reads a board.
pub(super) struct Watcher {
    board: u8,
    monitor: Option<Monitor>,
}

impl Watcher {
    pub(super) fn new(board: u8) -> Self {
        Self { board, monitor: None }
    }

    pub(super) fn step(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let board = self.board;
        let returned = company.ledger(Part::Setter(board), RETURNED)?;
        let seen: u64 = company.tally.get(Key::at(tally::seen_board(board)))?;
        if self.monitor.is_none() {
            self.monitor = match Monitor::open(&company.stage.board(board)) {
                Ok(monitor) => Some(monitor),
                Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        let Some(monitor) = &self.monitor else { return Ok(()) };
        let mut words = [0; BOARD_WORDS as usize];
        for (word, number) in (0..BOARD_WORDS).rev().zip(&mut words) {
            *number = monitor.number(word)?;
        }
        company.judge(check::board(board_id(board), &words, seen, returned))?;
        company.tally.set(Key::at(tally::seen_board(board)), words.iter().copied().max().unwrap_or(0).max(seen))?;
        company.add(tally::READ, 1)
    }
}
