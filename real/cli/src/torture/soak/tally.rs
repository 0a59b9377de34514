//! The words of a process's own board: what it has done, so that a kill loses none of it.

use super::stage::{BOARDS, CHANNELS};
use crate::check::Promise;
use lastword::status::{Key, Monitor, StatusError};

/// Steps done. The supervisor sees from it that the process gets on.
pub(super) const STEPS: u16 = 0;
pub(super) const PUBLISHED: u16 = 1;
pub(super) const ACQUIRED: u16 = 2;
pub(super) const PEEKED: u16 = 3;
pub(super) const SENT: u16 = 4;
pub(super) const RECEIVED: u16 = 5;
/// Messages received again after a death.
pub(super) const REPEATED: u16 = 6;
/// Times that a board was set.
pub(super) const SET: u16 = 7;
/// Times that a board was read.
pub(super) const READ: u16 = 8;
/// Locks that a predecessor had, found again.
pub(super) const LOCKS_FOUND: u16 = 9;
/// Acquires that a predecessor was killed in.
pub(super) const ACQUIRES_INTERRUPTED: u16 = 10;
/// Messages of a predecessor that were out and not noted.
pub(super) const UNNOTED: u16 = 11;
/// Waits for a message, or for one to be received.
pub(super) const WAITS: u16 = 12;
const VIOLATIONS: u16 = 13;
const COUNTERS: usize = VIOLATIONS as usize + Promise::ALL.len();
const SEEN_CHANNEL: u16 = COUNTERS as u16;
const SEEN_BOARD: u16 = SEEN_CHANNEL + CHANNELS as u16;
/// Of the wait that is under way: its number; 0 for none.
pub(super) const WAIT: u16 = SEEN_BOARD + BOARDS as u16;
/// Of that wait: it is for a word of this part's ledger, by the number of the part,
pub(super) const WAIT_PART: u16 = WAIT + 1;
/// for this word of it,
pub(super) const WAIT_WORD: u16 = WAIT + 2;
/// and over once that word is this, or more.
pub(super) const WAIT_UNTIL: u16 = WAIT + 3;
/// How many words the board has.
pub(super) const WORDS: u16 = WAIT + 4;

pub(super) fn violations(promise: Promise) -> u16 {
    VIOLATIONS + promise as u16
}

/// Number of the newest message of a channel that the process has peeked at.
pub(super) fn seen_channel(channel: u8) -> u16 {
    SEEN_CHANNEL + u16::from(channel)
}

/// Newest number that the process has seen on a board.
pub(super) fn seen_board(board: u8) -> u16 {
    SEEN_BOARD + u16::from(board)
}

/// What processes have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally([u64; COUNTERS]);

impl Tally {
    /// What one process has done.
    pub(super) fn read(board: &Monitor) -> Result<Self, StatusError> {
        let mut tally = Self::default();
        for (word, count) in tally.0.iter_mut().enumerate() {
            *count = board.get(Key::at(word as u16))?;
        }
        Ok(tally)
    }

    /// These and those.
    pub(super) fn plus(mut self, other: &Self) -> Self {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
        self
    }

    pub(super) fn of(&self, word: u16) -> u64 {
        self.0[usize::from(word)]
    }

    /// Breaches of a promise.
    pub(super) fn breaches(&self, promise: Promise) -> u64 {
        self.of(violations(promise))
    }
}
