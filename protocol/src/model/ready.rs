//! `ready`: operations, oracle, scenario.
//!
//! The oracle judges that messages arrive in order, whole and without a gap; that the same message comes twice only if
//! the reader was killed between receiving and clearing it, and then with the same number; and that a restarted writer
//! knows which of its messages took effect.

use super::{Counted, MESSAGE_MAX, Shared, Violation, check_content, fill};
use crate::memory::{Memory, Site};
use crate::ready::{Layout, Reader, SendError, Sequence, State, Word, Writer, site};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// The writer sends so many bytes, waiting until the mailbox is free.
    Send(u8),
    /// The writer tries to send so many bytes.
    TrySend(u8),
    /// The reader waits for a message, reads it, and clears it.
    Receive,
    /// The reader looks for a message, and reads it if there is one, without clearing it.
    TryReceive,
    /// The reader looks for a message, and reads and clears it if there is one.
    TryReceiveAndClear,
}

/// The judge of a `ready` run.
#[derive(Debug)]
pub struct Oracle {
    genesis: Option<Sequence>,
    attempts: u32,
    /// The attempt that is on its way: number and length.
    pending: Option<(u32, usize)>,
    /// The last message that is known to have taken effect.
    sent: u64,
    /// Which attempt it was.
    effect: Option<(u32, usize)>,
    /// The last message that the reader cleared, as far as it is known.
    cleared: u64,
    /// The reader is clearing.
    clearing: bool,
}

impl Oracle {
    /// The judge of a run that starts after message `genesis` was consumed, or with nothing sent.
    #[must_use]
    pub fn new(genesis: Option<Sequence>) -> Self {
        Self { genesis, attempts: 0, pending: None, sent: 0, effect: None, cleared: 0, clearing: false }
    }

    fn rank(&self, sequence: Option<Sequence>) -> u64 {
        match (sequence, self.genesis) {
            (None, _) => 0,
            (Some(sequence), None) => sequence.get(),
            (Some(sequence), Some(genesis)) => sequence.since(genesis).cast_unsigned(),
        }
    }

    fn begin_send(&mut self, length: usize) -> u32 {
        self.attempts += 1;
        self.pending = Some((self.attempts, length));
        self.attempts
    }

    fn end_send(&mut self, sequence: Option<Sequence>) -> Result<(), Violation> {
        let Some(sequence) = sequence else {
            self.pending = None;
            return Ok(());
        };
        let rank = self.rank(Some(sequence));
        // The reader may have received it before the writer could say so.
        if self.pending.is_some() {
            self.take_effect();
        }
        if rank == self.sent {
            Ok(())
        } else {
            Err(Violation::new("messages are numbered one after the other", rank, self.sent))
        }
    }

    fn take_effect(&mut self) {
        self.sent += 1;
        self.effect = self.pending.take();
    }

    fn writer_recovered(&mut self, state: State) -> Result<(), Violation> {
        let rank = self.rank(state.sequence);
        if self.pending.is_some() && rank == self.sent + 1 {
            self.take_effect();
        }
        self.pending = None;
        if rank != self.sent {
            return Err(Violation::new("a restarted writer knows which message took effect", rank, self.sent));
        }
        if !state.set && self.cleared < self.sent && !(self.clearing && self.cleared + 1 == self.sent) {
            return Err(Violation::new("none lost: a message is consumed only by its reader", self.cleared, self.sent));
        }
        Ok(())
    }

    fn received(&mut self, sequence: Sequence, bytes: &[u8]) -> Result<(), Violation> {
        let rank = self.rank(Some(sequence));
        // A reader that was killed while clearing has cleared or not; what comes next tells.
        if self.clearing && rank == self.cleared + 2 {
            self.cleared += 1;
        }
        self.clearing = false;
        if rank != self.cleared + 1 {
            return Err(Violation::new("Inv 3: messages arrive in order, without a gap", rank, self.cleared + 1));
        }
        if self.pending.is_some() && rank == self.sent + 1 {
            self.take_effect();
        }
        if rank != self.sent {
            return Err(Violation::new("nothing is received that was not sent", rank, self.sent));
        }
        let Some((attempt, length)) = self.effect else { return Ok(()) };
        if bytes.len() != length {
            return Err(Violation::new("Inv 2: a message has its length", bytes.len() as u64, length as u64));
        }
        check_content(bytes, attempt)
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

    fn start<M: Memory<Word = Word>>(
        &self,
        process: usize,
        memory: M,
        oracle: &impl Shared<Oracle>,
    ) -> Result<Process<M>, Violation> {
        Process::start(memory, self.layout(), process, oracle)
    }

    fn perform<M: Memory<Word = Word>>(
        process: &mut Process<M>,
        op: Op,
        oracle: &impl Shared<Oracle>,
    ) -> Result<(), Violation> {
        process.perform(op, oracle)
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
    fn start(memory: M, layout: Layout, process: usize, oracle: &impl Shared<Oracle>) -> Result<Self, Violation> {
        let memory = Counted::new(memory);
        if process == 0 {
            let (writer, state) = Writer::recover(memory, layout).map_err(corrupt)?;
            writer.memory().check(1, 0)?;
            oracle.with(|oracle| oracle.writer_recovered(state))?;
            Ok(Process::Writer(writer))
        } else {
            let reader = Reader::recover(memory, layout).map_err(corrupt)?;
            reader.memory().check(1, 0)?;
            Ok(Process::Reader(reader))
        }
    }

    fn perform(&mut self, op: Op, oracle: &impl Shared<Oracle>) -> Result<(), Violation> {
        match (self, op) {
            (Process::Writer(writer), Op::Send(length)) => {
                while !send(writer, length, oracle)? {
                    oracle.pause();
                }
                Ok(())
            }
            (Process::Writer(writer), Op::TrySend(length)) => send(writer, length, oracle).map(drop),
            (Process::Reader(reader), Op::Receive) => {
                while !receive(reader, oracle)? {
                    oracle.pause();
                }
                clear(reader, oracle)
            }
            (Process::Reader(reader), Op::TryReceiveAndClear) => {
                if receive(reader, oracle)? {
                    clear(reader, oracle)
                } else {
                    Ok(())
                }
            }
            (Process::Reader(reader), Op::TryReceive) => receive(reader, oracle).map(drop),
            _ => Ok(()),
        }
    }
}

fn send<M: Memory<Word = Word>>(
    writer: &mut Writer<Counted<M>>,
    length: u8,
    oracle: &impl Shared<Oracle>,
) -> Result<bool, Violation> {
    let mut buffer = [0; MESSAGE_MAX];
    let bytes = &mut buffer[..usize::from(length)];
    fill(bytes, oracle.with(|oracle| oracle.begin_send(bytes.len())));
    let sent = match writer.try_send(bytes) {
        Ok(sequence) => Some(sequence),
        Err(SendError::Full) => None,
        Err(SendError::Corrupt(error)) => return Err(corrupt(error)),
        Err(SendError::TooLong { length, capacity }) => {
            return Err(Violation::new("a message within the capacity is sent", length as u64, capacity as u64));
        }
    };
    writer.memory().check(3, 2 * bytes.len().div_ceil(8) as u32)?;
    oracle.with(|oracle| oracle.end_send(sent))?;
    Ok(sent.is_some())
}

fn receive<M: Memory<Word = Word>>(
    reader: &mut Reader<Counted<M>>,
    oracle: &impl Shared<Oracle>,
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
    oracle.with(|oracle| oracle.received(message.sequence(), bytes))?;
    Ok(true)
}

fn clear<M: Memory<Word = Word>>(
    reader: &mut Reader<Counted<M>>,
    oracle: &impl Shared<Oracle>,
) -> Result<(), Violation> {
    oracle.with(|oracle| oracle.clearing = true);
    reader.clear();
    oracle.with(|oracle| {
        oracle.cleared += 1;
        oracle.clearing = false;
    });
    reader.memory().check(1, 0)
}
