//! The objects that are vandalised, and the exchange that proves that each of them works.

use crate::names;
use crate::payload::Header;
use lastword::ready::{Mailbox, SendError};
use lastword::status::{Key, Monitor, Writer};
use lastword::{Channel, Force, NameError};

type Error = Box<dyn std::error::Error>;

pub(super) const CONSUMERS: u8 = 3;
pub(super) const CAPACITY: usize = 1000;
pub(super) const WORDS: u16 = 8;
/// Messages of a checked exchange.
const EXCHANGED: u64 = 5;
const LENGTH: usize = 777;

/// A channel, a mailbox or a board that is vandalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Channel,
    Mailbox,
    Board,
}

impl Target {
    pub(super) const ALL: [Self; 3] = [Target::Channel, Target::Mailbox, Target::Board];

    pub(super) fn name(self) -> &'static str {
        match self {
            Target::Channel => "channel",
            Target::Mailbox => "mailbox",
            Target::Board => "board",
        }
    }
}

/// How a target works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restored {
    /// It was enough to take the roles again.
    Recovered,
    /// It was removed and created anew.
    Recreated,
}

/// The targets of one run.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    prefix: String,
}

impl Targets {
    pub(super) fn new(session: &str) -> Self {
        Self { prefix: format!("{session}.target") }
    }

    /// What the names of all targets are.
    pub(super) fn name(&self) -> &str {
        &self.prefix
    }

    pub(super) fn channel(&self) -> Result<Channel<[u8]>, NameError> {
        Ok(Channel::<[u8]>::bytes(&self.prefix, CAPACITY)?.consumers(CONSUMERS).mode(names::MODE))
    }

    pub(super) fn mailbox(&self) -> Result<Mailbox<[u8]>, NameError> {
        Ok(Mailbox::<[u8]>::bytes(&self.prefix, CAPACITY)?.mode(names::MODE))
    }

    /// Removes a target; false where there was none.
    pub(super) fn remove(&self, target: Target, force: Force) -> Result<bool, Error> {
        Ok(match target {
            Target::Channel => self.channel()?.remove(force)?,
            Target::Mailbox => self.mailbox()?.remove(force)?,
            Target::Board => lastword::status::remove(&self.prefix, force)?,
        })
    }

    /// Takes a role of the board, for a fault.
    pub(super) fn keep(&self) -> Result<Writer, Error> {
        Ok(Writer::create(&self.prefix, WORDS, names::MODE)?)
    }

    /// Makes a target work again, now that nobody vandalises it and nobody has it: by taking its roles, or else by
    /// removing and creating it.
    pub(super) fn restore(&self, target: Target) -> Result<Restored, Error> {
        if self.exchange(target).is_ok() {
            return Ok(Restored::Recovered);
        }
        self.remove(target, Force::No)?;
        self.exchange(target).map(|()| Restored::Recreated)
    }

    /// Takes every role, and exchanges messages that are compared byte by byte.
    pub(super) fn exchange(&self, target: Target) -> Result<(), Error> {
        match target {
            Target::Channel => self.exchange_newest(),
            Target::Mailbox => self.exchange_in_order(),
            Target::Board => self.exchange_words(),
        }
    }

    fn exchange_newest(&self) -> Result<(), Error> {
        let channel = self.channel()?;
        // Before the producer, which is to find no garbage in their lock words.
        let mut consumers =
            (0..CONSUMERS).map(|index| channel.consumer(index)).collect::<Result<Vec<_>, lastword::OpenError>>()?;
        let (mut producer, observer) = (channel.producer()?, channel.observer()?);
        for number in 0..EXCHANGED {
            let message = message(number);
            let sequence = producer.publish(&message)?;
            for consumer in &mut consumers {
                let Some(sample) = consumer.acquire()? else { return Err("nothing is there".into()) };
                same((sample.sequence().get(), &sample.to_vec()), (sequence.get(), &message))?;
                sample.keep();
            }
            let Some((peeked, bytes)) = observer.peek_bytes()? else { return Err("nothing is to be seen".into()) };
            same((peeked.get(), &bytes), (sequence.get(), &message))?;
        }
        Ok(())
    }

    fn exchange_in_order(&self) -> Result<(), Error> {
        let mailbox = self.mailbox()?;
        let (mut reader, mut writer) = (mailbox.reader()?, mailbox.writer()?);
        // What waits there may be anything.
        if let Some(received) = reader.try_receive()? {
            received.clear();
        }
        for number in 0..EXCHANGED {
            let message = message(number);
            let sequence = writer.try_send(&message)?;
            if !matches!(writer.try_send(&message), Err(SendError::Full)) {
                return Err("a mailbox with a message in it took another one".into());
            }
            let Some(received) = reader.try_receive()? else { return Err("nothing was received".into()) };
            same((received.sequence().get(), &received.to_vec()), (sequence.get(), &message))?;
            received.clear();
        }
        Ok(())
    }

    fn exchange_words(&self) -> Result<(), Error> {
        let mut writer = Writer::create(&self.prefix, WORDS, names::MODE)?;
        let monitor = Monitor::open(&self.prefix)?;
        for number in 0..EXCHANGED {
            for word in 0..WORDS {
                let value = u64::from(word) + number;
                writer.set(Key::at(word), value)?;
                let found: u64 = monitor.get(Key::at(word))?;
                if found != value {
                    return Err(format!("word {word} is {found}, and was set to {value}").into());
                }
            }
        }
        Ok(())
    }
}

fn message(number: u64) -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    Header { sequence: number, nonce: number, channel: 0, length: LENGTH }.write(&mut message);
    message
}

fn same(found: (u64, &[u8]), expected: (u64, &[u8])) -> Result<(), Error> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("message {} is not what was sent as {}", found.0, expected.0).into())
    }
}
