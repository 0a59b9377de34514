//! `ready`: operations, oracle, scenario.
//!
//! The oracle judges that messages arrive in order, whole and without a gap; that the same message comes twice only if
//! the reader was killed between receiving and clearing it, and then with the same number; and that a restarted writer
//! knows which of its messages took effect.

use super::{Attempt, Counted, Judge, MESSAGE_MAX, Progress, SLEEP_MAX, Violation, check_answer, fill};
use crate::memory::{Memory, Site};
use crate::ready::{Layout, Reader, SendError, Sequence, State, Word, Writer, site};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// The writer sends so many bytes, waiting until the mailbox is free.
    Send(u8),
    /// The writer tries to send so many bytes.
    TrySend(u8),
    /// The writer tries to send so many bytes, written in place and in two pieces.
    TrySendInPlace(u8),
    /// The writer tries to take a loan, writes to it, and drops it.
    AbandonLoan(u8),
    /// The reader waits for a message, reads it, and clears it.
    Receive,
    /// The writer sleeps until the mailbox is free, then sends so many bytes.
    SleepAndSend(u8),
    /// The reader sleeps until a message waits, then reads and clears it.
    SleepAndReceive,
    /// The reader looks for a message, and reads it if there is one, without clearing it.
    TryReceive,
    /// The reader looks for a message, and reads and clears it if there is one.
    TryReceiveAndClear,
}

/// What the judge is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A writer took up its role and found this state.
    WriterRecovered(State),
    /// A send of so many bytes begins. The answer is the attempt's number, for [`fill`].
    BeginSend(u8),
    /// The message was sent with this number; or it was not, because the mailbox is full.
    EndSend(Option<Sequence>),
    /// The reader has this message. The answer names the attempt that it must be, and its length.
    Received(Sequence),
    /// The reader begins to clear.
    BeginClear,
    /// The reader has cleared.
    EndClear,
}

/// The judge of a `ready` run. It counts messages by *rank*: how many messages after the start; the first is 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Oracle {
    genesis: Option<Sequence>,
    /// Whether an attempt at the next rank is on its way, and its length.
    pending: Option<u8>,
    /// How many attempts at the next rank came to nothing.
    retries: u8,
    /// The last message that is known to have taken effect.
    sent: u32,
    /// Which attempt it was.
    effect: Attempt,
    /// The last message that the reader cleared, as far as it is known.
    cleared: u32,
    /// The reader is clearing.
    clearing: bool,
}

impl Oracle {
    /// The judge of a run that starts after message `genesis` was consumed, or with nothing sent.
    #[must_use]
    pub fn new(genesis: Option<Sequence>) -> Self {
        let effect = Attempt::default();
        Self { genesis, pending: None, retries: 0, sent: 0, effect, cleared: 0, clearing: false }
    }

    fn judge(&mut self, event: Event) -> Result<u64, Violation> {
        match event {
            Event::WriterRecovered(state) => self.writer_recovered(state)?,
            Event::BeginSend(length) => {
                self.pending = Some(length);
                return Ok(Attempt { retry: self.retries, length }.number(self.sent + 1).into());
            }
            Event::EndSend(sequence) => self.end_send(sequence)?,
            Event::Received(sequence) => return self.received(sequence),
            Event::BeginClear => self.clearing = true,
            Event::EndClear => {
                self.cleared += 1;
                self.clearing = false;
            }
        }
        Ok(0)
    }

    fn rank(&self, sequence: Option<Sequence>) -> u32 {
        let rank = match (sequence, self.genesis) {
            (None, _) => 0,
            (Some(sequence), None) => sequence.get(),
            (Some(sequence), Some(genesis)) => sequence.since(genesis).cast_unsigned(),
        };
        u32::try_from(rank).unwrap_or(u32::MAX)
    }

    fn end_send(&mut self, sequence: Option<Sequence>) -> Result<(), Violation> {
        let Some(sequence) = sequence else {
            self.pending = None;
            return Ok(());
        };
        let rank = self.rank(Some(sequence));
        // The reader may have received it before the writer could say so.
        self.take_effect();
        if rank == self.sent {
            Ok(())
        } else {
            Err(Violation::new("messages are numbered one after the other", rank.into(), self.sent.into()))
        }
    }

    /// The attempt on its way, if there is one, has taken effect.
    fn take_effect(&mut self) {
        if let Some(length) = self.pending.take() {
            self.sent += 1;
            self.effect = Attempt { retry: self.retries, length };
            self.retries = 0;
        }
    }

    fn writer_recovered(&mut self, state: State) -> Result<(), Violation> {
        let rank = self.rank(state.sequence);
        if rank == self.sent + 1 {
            self.take_effect();
        }
        if self.pending.take().is_some() {
            self.retries = self.retries.saturating_add(1);
        }
        if rank != self.sent {
            return Err(Violation::new(
                "a restarted writer knows which message took effect",
                rank.into(),
                self.sent.into(),
            ));
        }
        if !state.set && self.cleared < self.sent && !(self.clearing && self.cleared + 1 == self.sent) {
            return Err(Violation::new(
                "none lost: a message is consumed only by its reader",
                self.cleared.into(),
                self.sent.into(),
            ));
        }
        Ok(())
    }

    fn received(&mut self, sequence: Sequence) -> Result<u64, Violation> {
        let rank = self.rank(Some(sequence));
        // A reader that was killed while clearing has cleared or not; what comes next tells.
        if self.clearing && rank == self.cleared + 2 {
            self.cleared += 1;
        }
        self.clearing = false;
        let expected = self.cleared + 1;
        if rank != expected {
            return Err(Violation::new("Inv 3: messages arrive in order, without a gap", rank.into(), expected.into()));
        }
        if rank == self.sent + 1 {
            self.take_effect();
        }
        if rank != self.sent {
            return Err(Violation::new("nothing is received that was not sent", rank.into(), self.sent.into()));
        }
        Ok(self.effect.answer(rank))
    }
}

/// The processes of a run: process 0 is the writer, process 1 the reader.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// The operations of each process.
    pub processes: &'a [&'a [Op]; 2],
    /// Capacity of the mailbox, in bytes; at most [`MESSAGE_MAX`].
    pub capacity: usize,
    /// The last message at the start, which was consumed; or none.
    pub genesis: Option<Sequence>,
}

impl super::Scenario for Scenario<'_> {
    type Word = Word;
    type Layout = Layout;
    type Event = Event;
    type Oracle = Oracle;
    type Op = Op;
    type Process<M: Memory<Word = Word>> = Process<M>;
    const SITES: &'static [&'static Site] = &site::SITES;

    fn layout(&self) -> Layout {
        match Layout::new(self.capacity) {
            Some(layout) => layout,
            None => panic!("the scenario's capacity"),
        }
    }

    fn initial(&self) -> impl Iterator<Item = (Word, u64)> {
        let state = State { sequence: self.genesis, set: false };
        core::iter::once((Word::State, state.bits()))
    }

    fn processes(&self) -> usize {
        self.processes.len()
    }

    fn role(&self, process: usize) -> &'static str {
        if process == 0 { "writer" } else { "reader" }
    }

    fn oracle(&self) -> Oracle {
        Oracle::new(self.genesis)
    }

    fn operations(&self, process: usize) -> &[Op] {
        self.processes[process]
    }

    fn judge(oracle: &mut Oracle, event: Event) -> Result<u64, Violation> {
        oracle.judge(event)
    }

    fn start<M: Memory<Word = Word>>(
        &self,
        process: usize,
        memory: M,
        judge: &impl Judge<Event>,
    ) -> Result<Process<M>, Violation> {
        Process::start(memory, self.layout(), process, judge)
    }

    fn perform<M: Memory<Word = Word>>(
        process: &mut Process<M>,
        op: Op,
        judge: &impl Judge<Event>,
    ) -> Result<Progress, Violation> {
        process.perform(op, judge)
    }

    fn carried<M: Memory<Word = Word>>(process: &Process<M>) -> [u64; 2] {
        match process {
            Process::Writer(writer) => [writer.last().map_or(0, Sequence::get), 0],
            // The current message's number is the one after the last consumed.
            Process::Reader(reader) => [
                reader.consumed().map_or(0, Sequence::get),
                reader.current().map_or(0, |message| message.length() as u64 + 1),
            ],
        }
    }

    fn guard(&self, word: Word) -> Option<usize> {
        match word {
            Word::State | Word::WriterWait | Word::ReaderWait => None,
            Word::Length => Some(0),
        }
    }

    fn sleeps(&self, process: usize) -> bool {
        self.processes[process].iter().any(|op| matches!(op, Op::SleepAndSend(_) | Op::SleepAndReceive))
    }

    fn is_constant(&self, word: Word) -> bool {
        match word {
            Word::State | Word::Length => false,
            Word::WriterWait => !super::Scenario::sleeps(self, 0),
            Word::ReaderWait => !super::Scenario::sleeps(self, 1),
        }
    }

    fn show(&self, word: Word, value: u64, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (asleep, state) = match word {
            Word::WriterWait | Word::ReaderWait if value >> 63 != 0 => ("asleep on ", value & !(1 << 63)),
            _ => ("", value),
        };
        f.write_str(asleep)?;
        match (word, State::parse(state)) {
            (Word::State, Some(State { sequence, set })) => {
                write!(f, "{} {}", sequence.map_or(0, Sequence::get), if set { "set" } else { "clear" })
            }
            (Word::WriterWait | Word::ReaderWait, Some(State { sequence, set })) if !asleep.is_empty() => {
                write!(f, "{} {}", sequence.map_or(0, Sequence::get), if set { "set" } else { "clear" })
            }
            (Word::State | Word::WriterWait | Word::ReaderWait, _) => write!(f, "{state:#x}"),
            (Word::Length, _) => write!(f, "{value}"),
        }
    }

    fn check_write(&self, _: usize, words: &dyn Fn(Word) -> u64) -> Result<(), Violation> {
        match State::parse(words(Word::State)) {
            Some(State { set: true, sequence }) => Err(Violation::new(
                "Inv 1: the payload is written only while the flag is clear",
                sequence.map_or(0, Sequence::get),
                0,
            )),
            _ => Ok(()),
        }
    }
}

fn corrupt(error: crate::ready::Corrupt) -> Violation {
    Violation::new("a run without garbage finds no garbage", error.found, 0)
}

/// One incarnation of a process.
#[derive(Debug)]
pub enum Process<M> {
    /// The writer.
    Writer(Writer<Counted<M>>),
    /// The reader.
    Reader(Reader<Counted<M>>),
}

impl<M: Memory<Word = Word>> Process<M> {
    fn start(memory: M, layout: Layout, process: usize, judge: &impl Judge<Event>) -> Result<Self, Violation> {
        let memory = Counted::new(memory);
        if process == 0 {
            let (writer, state) = Writer::recover(memory, layout).map_err(corrupt)?;
            writer.memory().check(1, 0)?;
            judge.tell(Event::WriterRecovered(state))?;
            Ok(Process::Writer(writer))
        } else {
            let reader = Reader::recover(memory, layout).map_err(corrupt)?;
            reader.memory().check(1, 0)?;
            Ok(Process::Reader(reader))
        }
    }

    fn perform(&mut self, op: Op, judge: &impl Judge<Event>) -> Result<Progress, Violation> {
        let is_awake = match (&*self, op) {
            (Process::Writer(writer), Op::SleepAndSend(_)) => {
                let is_free = writer.sleep(SLEEP_MAX).map_err(corrupt)?;
                writer.memory().check(2, 0)?;
                is_free
            }
            (Process::Reader(reader), Op::SleepAndReceive) => {
                let waits = reader.sleep(SLEEP_MAX).map_err(corrupt)?;
                reader.memory().check(2, 0)?;
                waits
            }
            _ => true,
        };
        if !is_awake {
            return Ok(Progress::Slept);
        }
        let happened = match (self, op) {
            (Process::Writer(writer), Op::Send(length) | Op::SleepAndSend(length) | Op::TrySend(length)) => {
                send(writer, length, Writer::try_send, judge)?
            }
            (Process::Writer(writer), Op::TrySendInPlace(length)) => send(writer, length, send_in_place, judge)?,
            (Process::Writer(writer), Op::AbandonLoan(length)) => {
                let mut buffer = [0; MESSAGE_MAX];
                abandon(writer, &mut buffer[..usize::from(length)])?
            }
            (Process::Reader(reader), Op::Receive | Op::SleepAndReceive | Op::TryReceiveAndClear) => {
                let received = receive(reader, judge)?;
                if received {
                    clear(reader, judge)?;
                }
                received
            }
            (Process::Reader(reader), Op::TryReceive) => receive(reader, judge)?,
            _ => return Ok(Progress::Done),
        };
        let waits = matches!(op, Op::Send(_) | Op::SleepAndSend(_) | Op::Receive | Op::SleepAndReceive);
        Ok(if waits && !happened { Progress::Blocked } else { Progress::Done })
    }
}

/// Writes the message in two pieces, the second one first.
fn send_in_place<M: Memory<Word = Word>>(
    writer: &mut Writer<Counted<M>>,
    message: &[u8],
) -> Result<Sequence, SendError> {
    let middle = message.len() / 2;
    let mut loan = writer.try_loan(message.len())?;
    // What is not written is found by the reader.
    let _ = loan.write(middle, &message[middle..]) && loan.write(0, &message[..middle]);
    Ok(loan.send())
}

/// Writes garbage to a loan; whether there was one.
fn abandon<M: Memory<Word = Word>>(writer: &mut Writer<Counted<M>>, garbage: &mut [u8]) -> Result<bool, Violation> {
    garbage.fill(0xff);
    let written = match writer.try_loan(garbage.len()) {
        Ok(mut loan) => loan.write(0, garbage),
        Err(SendError::Full) => false,
        Err(error) => return Err(refused(error)),
    };
    writer.memory().check(1, 2 * garbage.len().div_ceil(8) as u32)?;
    Ok(written)
}

fn refused(error: SendError) -> Violation {
    match error {
        SendError::Corrupt(error) => corrupt(error),
        SendError::TooLong { length, capacity } => {
            Violation::new("a message within the capacity is sent", length as u64, capacity as u64)
        }
        SendError::Full => Violation::new("a full mailbox is no error of a run", 1, 0),
    }
}

fn send<M: Memory<Word = Word>>(
    writer: &mut Writer<Counted<M>>,
    length: u8,
    how: impl Fn(&mut Writer<Counted<M>>, &[u8]) -> Result<Sequence, SendError>,
    judge: &impl Judge<Event>,
) -> Result<bool, Violation> {
    let mut buffer = [0; MESSAGE_MAX];
    let bytes = &mut buffer[..usize::from(length)];
    fill(bytes, judge.tell(Event::BeginSend(length))? as u32);
    let sent = match how(writer, bytes) {
        Ok(sequence) => Some(sequence),
        Err(SendError::Full) => None,
        Err(error) => return Err(refused(error)),
    };
    // In two pieces, a word is written twice, and three are read first: at both sides of the middle, and the last.
    writer.memory().check(4, 2 * bytes.len().div_ceil(8) as u32 + 4)?;
    judge.tell(Event::EndSend(sent))?;
    Ok(sent.is_some())
}

fn receive<M: Memory<Word = Word>>(
    reader: &mut Reader<Counted<M>>,
    judge: &impl Judge<Event>,
) -> Result<bool, Violation> {
    let received = reader.try_receive().map_err(corrupt)?;
    reader.memory().check(2, 0)?;
    let Some(message) = received else { return Ok(false) };
    let mut buffer = [0; MESSAGE_MAX];
    let bytes = &mut buffer[..message.length()];
    if !reader.read(0, bytes) {
        return Err(Violation::new("a received message can be read", 0, 1));
    }
    reader.memory().check(0, bytes.len().div_ceil(8) as u32)?;
    check_answer(bytes, judge.tell(Event::Received(message.sequence()))?)?;
    Ok(true)
}

fn clear<M: Memory<Word = Word>>(reader: &mut Reader<Counted<M>>, judge: &impl Judge<Event>) -> Result<(), Violation> {
    judge.tell(Event::BeginClear)?;
    reader.clear();
    judge.tell(Event::EndClear)?;
    reader.memory().check(2, 0)
}
