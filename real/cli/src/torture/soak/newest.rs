//! The parts of a channel: who publishes, who locks the newest message, and who only looks.

use super::Fault;
use super::company::Company;
use super::stage::{Part, Stage};
use super::tally;
use super::worker::take;
use crate::check::{self, Known};
use crate::payload::{self, Header};
use crate::worker::Failure;
use lastword::protocol::slots;
use lastword::status::{Key, Writer};
use lastword::{Consumer, Observer, OpenError, PeekError, Producer, Recovery};
use rand::RngExt;
use std::thread;
use std::time::{Duration, Instant};

/// In the producer's ledger: number of the newest message whose publish has returned.
const RETURNED: u16 = 0;
/// In a consumer's ledger: number of the newest message that it has had.
const SEEN: u16 = 0;
/// In a consumer's ledger: number of the message that it certainly has locked. Set after the lock, 0 before its
/// release.
const HOLDING: u16 = 1;
/// In-place writing goes in pieces, so that kills find half-written messages.
const PIECE: usize = 256;
/// Longest time that a lock is kept on purpose, and longest time from one such lock to the next.
const KEEP_MAX: Duration = Duration::from_millis(4);
const KEEP_EVERY_MAX: Duration = Duration::from_millis(20);
/// One acquire in this many waits first, for a message that the consumer has not had.
const WAIT_EVERY: u32 = 400;
const STALE_FOR: Duration = Duration::from_micros(200);

/// Who publishes in a channel.
pub(super) struct Publisher {
    channel: u8,
    producer: Producer<[u8]>,
    ledger: Writer,
}

impl Publisher {
    pub(super) fn recover(channel: u8, ledger: Writer, company: &mut Company<'_>) -> Result<Self, Failure> {
        let producer = take(|| company.stage.channel(channel)?.producer())?;
        let mut publisher = Self { channel, producer, ledger };
        let returned = publisher.ledger.get(Key::at(RETURNED))?;
        let last = publisher.producer.last().map_or(0, |sequence| sequence.get());
        company.judge(check::numbering(channel, last, returned))?;
        if last != 0 {
            let message = publisher.producer.read_last_bytes()?.unwrap_or_default();
            let length = payload::length_of(channel, last, company.stage.channel_capacity(channel));
            let known = Known { channel, seen: 0, returned: 0 };
            company.judge(known.message_of_length(&message, last, length))?;
        }
        company.add(tally::UNNOTED, (last > returned).into())?;
        // It took effect, so it counts as returned from now on.
        publisher.ledger.set(Key::at(RETURNED), last)?;
        Ok(publisher)
    }

    pub(super) fn step(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let channel = self.channel;
        let sequence = self.producer.last().map_or(1, |last| last.get() + 1);
        let length = payload::length_of(channel, sequence, company.stage.channel_capacity(channel));
        let fault = company.fault();
        let noted = if fault == Some(Fault::WentBack) { sequence / 2 } else { sequence };
        let header = Header { sequence: noted, nonce: company.rng.random(), channel, length };
        if fault == Some(Fault::Stale) {
            self.ledger.set(Key::at(RETURNED), sequence)?;
            thread::sleep(STALE_FOR);
        }
        let published = if length < payload::HEADER || sequence.is_multiple_of(2) {
            let message = &mut company.buffer[..length];
            header.write(message);
            if let (Some(Fault::Torn), Some(last)) = (fault, message.last_mut()) {
                *last ^= 1;
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
            company.linger();
            loan.publish()
        };
        company.linger();
        if fault != Some(Fault::Lost) {
            self.ledger.set(Key::at(RETURNED), published.get())?;
        }
        company.judge(check::published(channel, published.get(), sequence))?;
        company.add(tally::PUBLISHED, 1)
    }
}

/// A message that is kept locked.
struct Locked {
    header: Header,
    until: Instant,
}

/// Who locks the newest message of a channel.
pub(super) struct Locker {
    channel: u8,
    consumer: Consumer<[u8]>,
    ledger: Writer,
    locked: Option<Locked>,
    /// From when on a lock is kept.
    keep_at: Instant,
}

impl Locker {
    pub(super) fn recover(
        (channel, index): (u8, u8),
        ledger: Writer,
        company: &mut Company<'_>,
    ) -> Result<Self, Failure> {
        let consumer = take(|| company.stage.channel(channel)?.consumer(index))?;
        let mut locker = Self { channel, consumer, ledger, locked: None, keep_at: Instant::now() };
        locker.verify_lock(company)?;
        Ok(locker)
    }

    fn verify_lock(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let channel = self.channel;
        let recovery = self.consumer.recovery();
        let (seen, holding) = (self.ledger.get(Key::at(SEEN))?, self.ledger.get(Key::at(HOLDING))?);
        let known = Known { channel, seen, returned: 0 };
        let held = self.consumer.held().map(|sample| {
            let stamp = sample.sequence().get();
            let length = sample.read_into(&mut company.buffer);
            // It stays locked for a while, as if its reader had not died.
            sample.keep();
            (stamp, length)
        });
        // Judged before anything is noted: killed in between, the next recovery judges the same again.
        company.judge(check::recovery(channel, &recovery))?;
        company.judge(known.held(held.map(|(stamp, _)| stamp), holding))?;
        let stamp = held.map_or(0, |(stamp, _)| stamp);
        self.ledger.set(Key::at(SEEN), seen.max(stamp))?;
        self.ledger.set(Key::at(HOLDING), stamp)?;
        company.add(tally::ACQUIRES_INTERRUPTED, (recovery == Recovery::Interrupted).into())?;
        if let Some((stamp, length)) = held {
            company.add(tally::LOCKS_FOUND, 1)?;
            let expected = payload::length_of(channel, stamp, company.stage.channel_capacity(channel));
            let verdict = known.message_of_length(&company.buffer[..length], stamp, expected);
            match company.judge(verdict)? {
                Some(header) => self.locked = Some(Locked { header, until: company.in_up_to(KEEP_MAX) }),
                None => self.release()?,
            }
        }
        Ok(())
    }

    pub(super) fn step(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        if self.locked.is_some() { self.reread(company) } else { self.read(company) }
    }

    fn read(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let channel = self.channel;
        let returned = company.ledger(Part::Producer(channel), RETURNED)?;
        let seen: u64 = self.ledger.get(Key::at(SEEN))?;
        let known = Known { channel, seen, returned };
        if company.chooses_to_wait(Part::Producer(channel), WAIT_EVERY) {
            let (consumer, awaited) = (&mut self.consumer, (Part::Producer(channel), RETURNED, seen + 1));
            if !company.wait(awaited, |timeout| consumer.wait(timeout))?? {
                // Then there was nothing newer before the wait either.
                company.judge(known.number(seen))?;
            }
        }
        let Some(sample) = self.consumer.acquire()? else {
            company.judge(known.nothing())?;
            return Ok(());
        };
        let stamp = sample.sequence().get();
        company.linger();
        self.ledger.set(Key::at(HOLDING), stamp)?;
        self.ledger.set(Key::at(SEEN), seen.max(stamp))?;
        let length = sample.read_into(&mut company.buffer);
        sample.keep();
        let expected = payload::length_of(channel, stamp, company.stage.channel_capacity(channel));
        let verdict = known.message_of_length(&company.buffer[..length], stamp, expected);
        let now = Instant::now();
        match company.judge(verdict)? {
            Some(header) if self.keep_at <= now => {
                self.keep_at = company.in_up_to(KEEP_EVERY_MAX);
                self.locked = Some(Locked { header, until: company.in_up_to(KEEP_MAX) });
            }
            _ => self.release()?,
        }
        company.add(tally::ACQUIRED, 1)
    }

    /// Reads a message again that has been locked for a while; it must be what it was.
    fn reread(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let (Some(locked), Some(sample)) = (&self.locked, self.consumer.held()) else {
            return Err(Failure::Other(format!("the lock on channel {} is gone", self.channel)));
        };
        let length = sample.read_into(&mut company.buffer);
        sample.keep();
        let verdict = check::again(&locked.header, &company.buffer[..length]);
        let is_over = Instant::now() >= locked.until;
        company.judge(verdict)?;
        if is_over { self.release() } else { Ok(()) }
    }

    fn release(&mut self) -> Result<(), Failure> {
        self.locked = None;
        self.ledger.set(Key::at(HOLDING), 0u64)?;
        drop(self.consumer.held());
        Ok(())
    }
}

/// Who looks at a channel without a role.
pub(super) struct Onlooker {
    channel: u8,
    observer: Option<Observer<[u8]>>,
}

impl Onlooker {
    pub(super) fn new(channel: u8) -> Self {
        Self { channel, observer: None }
    }

    pub(super) fn step(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let channel = self.channel;
        let returned = company.ledger(Part::Producer(channel), RETURNED)?;
        let Some(observer) = self.open(&company.stage)? else { return Ok(()) };
        let seen: u64 = company.tally.get(Key::at(tally::seen_channel(channel)))?;
        let known = Known { channel, seen, returned };
        let verdict = match observer.peek_into(&mut company.buffer) {
            // The producer was faster than we were, as it may be: nothing was read.
            Err(PeekError { source: slots::PeekError::Overtaken { .. }, .. }) => Ok(None),
            Err(error) => return Err(error.into()),
            Ok(None) => known.nothing().map(|()| None),
            Ok(Some(stamp)) => {
                let stamp = stamp.get();
                let expected = payload::length_of(channel, stamp, company.stage.channel_capacity(channel));
                known.message_of_length(&company.buffer, stamp, expected).map(|_| Some(stamp))
            }
        };
        company.buffer.resize(company.options.payload, 0);
        if let Some(Some(stamp)) = company.judge(verdict)? {
            company.tally.set(Key::at(tally::seen_channel(channel)), seen.max(stamp))?;
            company.add(tally::PEEKED, 1)?;
        }
        Ok(())
    }

    /// There only once somebody has created the channel.
    fn open(&mut self, stage: &Stage) -> Result<Option<&Observer<[u8]>>, Failure> {
        if self.observer.is_none() {
            self.observer = match stage.channel(self.channel)?.observer() {
                Ok(observer) => Some(observer),
                Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        Ok(self.observer.as_ref())
    }
}
