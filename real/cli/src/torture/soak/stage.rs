//! The objects of a soak, and the parts that processes play in it.
//!
//! A part is a role, and a ledger: a board of its own, which the holder of the role writes. What must survive a kill is
//! noted there; whoever has the part next reads it.

use crate::names;
use lastword::protocol::slots::{Layout, Object};
use lastword::ready::Mailbox;
use lastword::{Channel, LayoutError, OpenError};
use std::fmt;

/// How many channels there are, and consumers of each.
pub(super) const CHANNELS: u8 = 3;
pub(super) const CONSUMERS: u8 = 3;
pub(super) const MAILBOXES: u8 = 2;
pub(super) const BOARDS: u8 = 2;
/// Words of a board, all of which are set to one number.
pub(super) const BOARD_WORDS: u16 = 6;
pub(super) const LEDGER_WORDS: u16 = 4;
/// What mailboxes and boards are called in messages and evidence, where channels are 0, 1, 2.
const MAILBOX_ID: u8 = 100;
const BOARD_ID: u8 = 200;

/// One role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Publishes in a channel.
    Producer(u8),
    /// Consumer of a channel, by its index.
    Consumer(u8, u8),
    /// Sends to a mailbox.
    Sender(u8),
    /// Receives from a mailbox.
    Receiver(u8),
    /// Sets the words of a board.
    Setter(u8),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Producer(channel) => write!(f, "producer of channel {channel}"),
            Part::Consumer(channel, index) => write!(f, "consumer {index} of channel {channel}"),
            Part::Sender(mailbox) => write!(f, "sender of mailbox {mailbox}"),
            Part::Receiver(mailbox) => write!(f, "receiver of mailbox {mailbox}"),
            Part::Setter(board) => write!(f, "setter of board {board}"),
        }
    }
}

/// All parts, in an order that everybody knows.
pub(super) fn parts() -> Vec<Part> {
    let mut parts = Vec::new();
    for channel in 0..CHANNELS {
        parts.push(Part::Producer(channel));
        parts.extend((0..CONSUMERS).map(|index| Part::Consumer(channel, index)));
    }
    for mailbox in 0..MAILBOXES {
        parts.extend([Part::Sender(mailbox), Part::Receiver(mailbox)]);
    }
    parts.extend((0..BOARDS).map(Part::Setter));
    parts
}

/// The objects of one session.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    session: String,
    /// Longest message of all.
    payload: usize,
}

impl Stage {
    pub(super) fn new(session: &str, payload: usize) -> Self {
        Self { session: session.to_owned(), payload }
    }

    /// The memory of the channels and mailboxes.
    pub(super) fn needed(&self) -> Result<u64, LayoutError> {
        let mut needed = 0;
        for channel in 0..CHANNELS {
            let layout = Layout::new(CONSUMERS, self.channel_capacity(channel))?;
            needed += layout.length(Object::Data) + layout.length(Object::Locks);
        }
        needed += (0..MAILBOXES).map(|mailbox| self.mailbox_capacity(mailbox)).sum::<usize>();
        Ok(needed as u64)
    }

    pub(super) fn channel_capacity(&self, channel: u8) -> usize {
        // One of messages both shorter and longer than a header, one whose longest end in the middle of a word.
        match channel {
            0 => self.payload,
            1 => self.payload.min(48),
            _ => self.payload.min(1001),
        }
    }

    pub(super) fn mailbox_capacity(&self, mailbox: u8) -> usize {
        if mailbox == 0 { self.payload } else { self.payload.min(43) }
    }

    pub(super) fn channel(&self, channel: u8) -> Result<Channel<[u8]>, OpenError> {
        let name = format!("{}.channel{channel}", self.session);
        let capacity = self.channel_capacity(channel);
        Ok(Channel::<[u8]>::bytes(&name, capacity)?.consumers(CONSUMERS).mode(names::MODE))
    }

    pub(super) fn mailbox(&self, mailbox: u8) -> Result<Mailbox<[u8]>, OpenError> {
        let name = format!("{}.mailbox{mailbox}", self.session);
        Ok(Mailbox::<[u8]>::bytes(&name, self.mailbox_capacity(mailbox))?.mode(names::MODE))
    }

    /// The name of a board that is not a ledger.
    pub(super) fn board(&self, board: u8) -> String {
        format!("{}.board{board}", self.session)
    }

    /// The name of a part's ledger.
    pub(super) fn ledger(&self, part: Part) -> String {
        let part = match part {
            Part::Producer(channel) => format!("producer{channel}"),
            Part::Consumer(channel, index) => format!("consumer{channel}-{index}"),
            Part::Sender(mailbox) => format!("sender{mailbox}"),
            Part::Receiver(mailbox) => format!("receiver{mailbox}"),
            Part::Setter(board) => format!("setter{board}"),
        };
        format!("{}.{part}", self.session)
    }

    /// The name of the board whose writer is a process.
    pub(super) fn process(&self, process: usize) -> String {
        format!("{}.process{process}", self.session)
    }
}

/// What a mailbox is called where channels are called by their numbers.
pub(super) fn mailbox_id(mailbox: u8) -> u8 {
    MAILBOX_ID + mailbox
}

/// What a board is called there.
pub(super) fn board_id(board: u8) -> u8 {
    BOARD_ID + board
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_parts_have_one_ledger() {
        let stage = Stage::new("s", 64);
        let mut ledgers: Vec<String> = parts().into_iter().map(|part| stage.ledger(part)).collect();
        let count = ledgers.len();
        ledgers.sort();
        ledgers.dedup();
        assert_eq!((ledgers.len(), count), (18, 18));
    }
}
