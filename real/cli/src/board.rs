//! The words of a worker's status board. They are shared memory, so a kill loses none of them.

use crate::check::Promise;
use lastword::status::Key;

/// Number of the newest message whose publish has returned. Set at once after it; readers look here before they read.
pub(crate) const RETURNED: Key<u64> = Key::at(0);
/// Messages read under a lock.
pub(crate) const READS: Key<u64> = Key::at(1);
/// Messages read by peeking.
pub(crate) const PEEKS: Key<u64> = Key::at(2);
/// Restarts after which every role was back and everything found was verified.
pub(crate) const RECOVERIES: Key<u64> = Key::at(3);
/// Locks that a dead predecessor had, found again.
pub(crate) const LOCKS_FOUND: Key<u64> = Key::at(4);
/// Acquires that a predecessor was killed in.
pub(crate) const ACQUIRES_INTERRUPTED: Key<u64> = Key::at(5);
/// Publishes that had taken effect when a predecessor was killed, and had not been noted as returned.
pub(crate) const PUBLISHES_UNNOTED: Key<u64> = Key::at(6);
const VIOLATIONS: u16 = 7;
const CHANNELS: u16 = VIOLATIONS + Promise::ALL.len() as u16;
const WORDS_PER_CHANNEL: u16 = 3;

/// How many words a board has, for that many processes.
pub(crate) fn words(processes: usize) -> u16 {
    CHANNELS + WORDS_PER_CHANNEL * processes as u16
}

/// Breaches of a promise.
pub(crate) fn violations(promise: Promise) -> Key<u64> {
    Key::at(VIOLATIONS + promise as u16)
}

/// Number of the newest message of a channel that the worker has locked, so that its successor knows it.
pub(crate) fn acquired(channel: usize) -> Key<u64> {
    of_channel(channel, 0)
}

/// Number of the newest message of a channel that the worker has peeked at.
pub(crate) fn peeked(channel: usize) -> Key<u64> {
    of_channel(channel, 1)
}

/// Number of the message of a channel that the worker certainly has locked: set after the lock, zeroed before its
/// release.
pub(crate) fn holding(channel: usize) -> Key<u64> {
    of_channel(channel, 2)
}

fn of_channel(channel: usize, word: u16) -> Key<u64> {
    Key::at(CHANNELS + WORDS_PER_CHANNEL * channel as u16 + word)
}
