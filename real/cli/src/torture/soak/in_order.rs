//! The parts of a mailbox: who sends, and who receives.

use super::Fault;
use super::company::Company;
use super::stage::{Part, mailbox_id};
use super::tally;
use super::worker::take;
use crate::check::{self, Known};
use crate::payload::{self, Header};
use crate::worker::Failure;
use lastword::ready::{Reader, SendError, Sequence, Writer as MailboxWriter};
use lastword::status::{Key, Writer};
use rand::RngExt;

/// In-place writing goes in pieces, so that kills find half-written messages.
const PIECE: usize = 256;
/// In the sender's ledger: number of the newest message whose sending has returned.
const SENT: u16 = 0;
/// In the receiver's ledger: number of the newest message that it has received and judged.
const RECEIVED: u16 = 0;
/// In the receiver's ledger: number of the newest message whose clearing has returned.
const CLEARED: u16 = 1;
/// One message in this many is waited for, and so is one free mailbox.
const WAIT_EVERY: u32 = 8;
/// One message in this many is received twice before it is cleared.
const AGAIN_EVERY: u32 = 8;

/// Who sends to a mailbox.
pub(super) struct Sender {
    mailbox: u8,
    writer: MailboxWriter<[u8]>,
    ledger: Writer,
}

impl Sender {
    pub(super) fn recover(mailbox: u8, ledger: Writer, company: &mut Company<'_>) -> Result<Self, Failure> {
        let writer = take(|| company.stage.mailbox(mailbox)?.writer())?;
        let mut sender = Self { mailbox, writer, ledger };
        let returned = sender.ledger.get(Key::at(SENT))?;
        let last = sender.writer.last().map_or(0, |sequence| sequence.get());
        company.judge(check::numbering(mailbox_id(mailbox), last, returned))?;
        company.add(tally::UNNOTED, (last > returned).into())?;
        // It took effect, so it counts as sent from now on.
        sender.ledger.set(Key::at(SENT), last)?;
        Ok(sender)
    }

    pub(super) fn step(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let (mailbox, channel) = (self.mailbox, mailbox_id(self.mailbox));
        let sequence = self.writer.last().map_or(1, |last| last.get() + 1);
        let length = payload::length_of(channel, sequence, company.stage.mailbox_capacity(mailbox));
        if company.chooses_to_wait(Part::Receiver(mailbox), WAIT_EVERY) {
            let writer = &mut self.writer;
            company.wait((Part::Receiver(mailbox), CLEARED, sequence - 1), |timeout| writer.wait(timeout))??;
        }
        let fault = company.fault();
        let noted = if fault == Some(Fault::WentBack) { sequence / 2 } else { sequence };
        let header = Header { sequence: noted, nonce: company.rng.random(), channel, length };
        let message = &mut company.buffer[..length];
        header.write(message);
        if let (Some(Fault::Torn), Some(last)) = (fault, message.last_mut()) {
            *last ^= 1;
        }
        let sent = if sequence.is_multiple_of(2) { self.writer.try_send(message) } else { self.send_in_place(message) };
        let sent = match sent {
            Ok(sent) => sent.get(),
            Err(SendError::Full) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        company.linger();
        if fault != Some(Fault::Lost) {
            self.ledger.set(Key::at(SENT), sent)?;
        }
        company.judge(check::published(channel, sent, sequence))?;
        company.add(tally::SENT, 1)
    }

    fn send_in_place(&mut self, message: &[u8]) -> Result<Sequence, SendError> {
        let mut loan = self.writer.try_loan_bytes(message.len())?;
        for (number, piece) in message.chunks(PIECE).enumerate() {
            loan.write_at(number * PIECE, piece)?;
        }
        Ok(loan.send())
    }
}

/// Who receives from a mailbox.
pub(super) struct Receiver {
    mailbox: u8,
    reader: Reader<[u8]>,
    ledger: Writer,
}

impl Receiver {
    pub(super) fn recover(mailbox: u8, ledger: Writer, company: &mut Company<'_>) -> Result<Self, Failure> {
        let reader = take(|| company.stage.mailbox(mailbox)?.reader())?;
        let consumed = reader.consumed().map_or(0, |sequence| sequence.get());
        company.judge(check::consumed(mailbox_id(mailbox), consumed, ledger.get(Key::at(RECEIVED))?))?;
        Ok(Self { mailbox, reader, ledger })
    }

    pub(super) fn step(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        let (mailbox, channel) = (self.mailbox, mailbox_id(self.mailbox));
        let sent = company.ledger(Part::Sender(mailbox), SENT)?;
        let received: u64 = self.ledger.get(Key::at(RECEIVED))?;
        if company.chooses_to_wait(Part::Sender(mailbox), WAIT_EVERY) {
            let reader = &mut self.reader;
            company.wait((Part::Sender(mailbox), SENT, received + 1), |timeout| reader.wait(timeout))??;
        }
        let Some(message) = self.reader.try_receive()? else {
            company.judge(Known { channel, seen: 0, returned: sent }.number(received))?;
            return Ok(());
        };
        let (sequence, may_be_repeated) = (message.sequence().get(), message.may_be_repeated());
        let length = message.read_into(&mut company.buffer);
        company.judge(check::in_order(channel, sequence, received, may_be_repeated))?;
        let expected = payload::length_of(channel, sequence, company.stage.mailbox_capacity(mailbox));
        let known = Known { channel, seen: 0, returned: 0 };
        let header = company.judge(known.message_of_length(&company.buffer[..length], sequence, expected))?;
        self.ledger.set(Key::at(RECEIVED), sequence)?;
        company.linger();
        if let Some(header) = header
            && company.rng.random_range(0..AGAIN_EVERY) == 0
        {
            let length = message.read_into(&mut company.buffer);
            company.judge(check::again(&header, &company.buffer[..length]))?;
        }
        message.clear();
        self.ledger.set(Key::at(CLEARED), sequence)?;
        company.add(tally::RECEIVED, 1)?;
        company.add(tally::REPEATED, (sequence == received).into())
    }
}
