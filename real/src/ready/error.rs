//! What can go wrong with a message, in words that say of which mailbox.

use lastword_protocol::ready::{Corrupt, Sequence};
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why nothing was sent. Nothing in the mailbox was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The message before this one has not been consumed yet. Without the mailbox's name, so that polling costs
    /// nothing.
    Full,
    /// The message before this one was not consumed in time.
    TimedOut {
        /// The mailbox.
        mailbox: String,
        /// How long this call waited.
        waited: Duration,
    },
    /// The message is longer than the mailbox's capacity.
    TooLong {
        /// The mailbox.
        mailbox: String,
        /// Length of the message, in bytes.
        length: usize,
        /// The capacity, in bytes.
        capacity: usize,
    },
    /// A write to a loan reaches beyond its end.
    OutsideOfLoan {
        /// The mailbox.
        mailbox: String,
        /// Where the write would have ended, in bytes.
        end: usize,
        /// Length of the loan, in bytes.
        length: usize,
    },
    /// A word in shared memory is garbage.
    Corrupt {
        /// The mailbox.
        mailbox: String,
        /// The word.
        source: Corrupt,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full => {
                f.write_str("the mailbox is full: the message before this one has not been consumed yet; try again")
            }
            SendError::TimedOut { mailbox, waited } => write!(
                f,
                "mailbox {mailbox}: the message before this one was not consumed within {waited:?} (does its reader live?); \
                 start the reader, or try again"
            ),
            SendError::TooLong { mailbox, length, capacity } => write!(
                f,
                "mailbox {mailbox}: the message has {length} bytes, and the capacity is {capacity}; send less, or create \
                 it anew with more"
            ),
            SendError::OutsideOfLoan { mailbox, end, length } => write!(
                f,
                "mailbox {mailbox}: a write that ends at byte {end}, and the loan has {length} bytes; write less, or ask \
                 for a longer loan"
            ),
            SendError::Corrupt { mailbox, source } => write!(f, "mailbox {mailbox}: {source}"),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SendError::Corrupt { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why nothing was received, or why the state is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// A word in shared memory is garbage.
    Corrupt {
        /// The mailbox.
        mailbox: String,
        /// The word.
        source: Corrupt,
    },
    /// The message has another length than messages of the mailbox's type have. It waits on.
    Length {
        /// The mailbox.
        mailbox: String,
        /// The message's number.
        sequence: Sequence,
        /// Its length, in bytes.
        found: usize,
        /// The size of the type, in bytes.
        expected: usize,
    },
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReceiveError::Corrupt { mailbox, source } => write!(f, "mailbox {mailbox}: {source}"),
            ReceiveError::Length { mailbox, sequence, found, expected } => write!(
                f,
                "mailbox {mailbox}: the word length is corrupt: message {sequence} has {found} bytes, expected the \
                 {expected} of the mailbox's message type; remove the mailbox and create it anew"
            ),
        }
    }
}

impl Error for ReceiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ReceiveError::Corrupt { source, .. } => Some(source),
            ReceiveError::Length { .. } => None,
        }
    }
}
