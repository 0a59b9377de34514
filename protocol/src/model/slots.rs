//! `slots`: operations, oracle, scenario.
//!
//! The oracle judges *strict linearizability of a register with one writer*. A read returns a message that is not older
//! than any whose publish had returned, or that any read had returned, when it began (so the register is atomic, not
//! merely regular); and none that was not begun. A publish interrupted by a kill takes effect before the kill or never:
//! the recovered producer says which, and every read is held to it. Beside that, invariants 1 to 6 of
//! [`slots`](crate::slots), and that a consumer finds again what it held when it was killed.

use super::variant::Change;
use super::{Counted, MESSAGE_MAX, Shared, Violation, check_content, fill};
use crate::memory::{Memory, Numbering, Site};
use crate::slots::{Consumer, Layout, Lock, Observer, Producer, Recovery, Sequence, Stamp, Word, site};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// The producer publishes a copy of so many bytes.
    Publish(u8),
    /// The producer publishes so many bytes that it writes in place, in two pieces.
    PublishInPlace(u8),
    /// The producer takes a loan, writes to it, and drops it.
    AbandonLoan(u8),
    /// The producer reads its last message back.
    ReadLast,
    /// A consumer locks the newest message and reads it.
    Acquire,
    /// A consumer reads again what it holds.
    Reread,
    /// A consumer gives up what it holds.
    Release,
    /// A consumer asks for the newest message's number, without locking it.
    Newest,
    /// An observer copies the newest message.
    Peek,
}

/// Most consumers and observers of a scenario.
pub const READERS_MAX: usize = 16;
/// How many of the last messages the oracle knows the content of.
pub const WINDOW: usize = 64;
/// Attempts of a [`Op::Peek`].
pub const PEEK_ATTEMPTS: u32 = 2;

/// One attempt to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempt {
    number: u32,
    length: usize,
    /// How many messages after the start; the first is 1.
    rank: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lease {
    #[default]
    Nothing,
    Holds(u64),
    /// Is acquiring: the read must give at least rank `floor`; until it begins to, the consumer holds what it held.
    Acquiring {
        floor: u64,
        held: Option<u64>,
    },
    /// Is releasing this rank.
    Releasing(u64),
}

/// The judge of a `slots` run.
#[derive(Debug)]
pub struct Oracle {
    genesis: Option<Sequence>,
    attempts: u32,
    pending: Option<Attempt>,
    returned: u64,
    /// The newest rank that any read has returned.
    seen: u64,
    effects: [Option<Attempt>; WINDOW],
    last: [u64; READERS_MAX],
    leases: [Lease; READERS_MAX],
}

impl Oracle {
    /// The judge of a run that starts with `genesis` as the newest message, or with none.
    #[must_use]
    pub fn new(genesis: Option<Sequence>) -> Self {
        Self {
            genesis,
            attempts: 0,
            pending: None,
            returned: 0,
            seen: 0,
            effects: [None; WINDOW],
            last: [0; READERS_MAX],
            leases: [Lease::Nothing; READERS_MAX],
        }
    }

    fn rank(&self, stamp: Option<Stamp>) -> u64 {
        match (stamp, self.genesis) {
            (None, _) => 0,
            (Some(stamp), None) => stamp.sequence().get(),
            (Some(stamp), Some(genesis)) => stamp.sequence().since(genesis).cast_unsigned(),
        }
    }

    fn begin_publish(&mut self, length: usize) -> u32 {
        self.attempts += 1;
        self.pending = Some(Attempt { number: self.attempts, length, rank: self.returned + 1 });
        self.attempts
    }

    fn end_publish(&mut self, stamp: Stamp) -> Result<(), Violation> {
        let rank = self.rank(Some(stamp));
        if rank != self.returned + 1 {
            return Err(Violation::new("messages are numbered one after the other", rank, self.returned + 1));
        }
        self.settle();
        Ok(())
    }

    /// The pending publish has taken effect.
    fn settle(&mut self) {
        if let Some(attempt) = self.pending.take() {
            self.returned = attempt.rank;
            self.effects[attempt.rank as usize % WINDOW] = Some(attempt);
        }
    }

    fn producer_recovered(&mut self, last: Option<Stamp>) -> Result<(), Violation> {
        let rank = self.rank(last);
        match self.pending {
            Some(attempt) if rank == attempt.rank => self.settle(),
            _ if rank != self.returned => {
                return Err(Violation::new("a restarted producer goes on from its last number", rank, self.returned));
            }
            _ => self.pending = None,
        }
        if self.seen > self.returned {
            return Err(Violation::new(
                "an interrupted publish takes effect before the kill or never",
                self.seen,
                self.returned,
            ));
        }
        Ok(())
    }

    fn begin_read(&self) -> u64 {
        self.returned.max(self.seen)
    }

    /// A read that began when `floor` was the oldest answer gives `stamp`.
    fn end_read(&mut self, reader: usize, floor: u64, stamp: Option<Stamp>) -> Result<(), Violation> {
        let rank = self.rank(stamp);
        if rank < self.last[reader] {
            return Err(Violation::new("Inv 4: sequence numbers never go back", rank, self.last[reader]));
        }
        if rank < floor {
            return Err(Violation::new("Inv 4: a read is not older than what was out when it began", rank, floor));
        }
        let newest = self.pending.map_or(self.returned, |attempt| attempt.rank);
        if rank > newest {
            return Err(Violation::new("nothing is read that was not published", rank, newest));
        }
        self.last[reader] = rank;
        self.seen = self.seen.max(rank);
        Ok(())
    }

    /// The attempt that rank `rank` is; `None` for the start and for what is out of the window.
    fn attempt(&self, rank: u64) -> Option<Attempt> {
        let candidates = [self.pending, self.effects[rank as usize % WINDOW]];
        candidates.into_iter().flatten().find(|attempt| attempt.rank == rank)
    }

    /// What was read of `stamp`.
    fn content(&self, stamp: Stamp, bytes: &[u8]) -> Result<(), Violation> {
        let rank = self.rank(Some(stamp));
        let attempt = self.attempt(rank);
        let length = match attempt {
            Some(attempt) => attempt.length,
            None if rank == 0 => 0,
            None => return Ok(()),
        };
        if length != bytes.len() {
            return Err(Violation::new("Inv 2: a message has its length", bytes.len() as u64, length as u64));
        }
        attempt.map_or(Ok(()), |attempt| check_content(bytes, attempt.number))
    }

    fn consumer_recovered(&mut self, consumer: usize, found: Option<Stamp>) -> Result<(), Violation> {
        let lease = self.leases[consumer];
        let rank = self.rank(found);
        self.leases[consumer] = if found.is_some() { Lease::Holds(rank) } else { Lease::Nothing };
        match (lease, found) {
            (Lease::Holds(held), None) => Err(Violation::new("a restarted consumer finds what it held", 0, held)),
            (Lease::Holds(held) | Lease::Releasing(held), Some(_)) if rank != held => {
                Err(Violation::new("a restarted consumer finds what it held", rank, held))
            }
            (Lease::Nothing, Some(_)) => Err(Violation::new("what was released stays released", rank, 0)),
            (Lease::Acquiring { floor, held }, Some(_)) if held != Some(rank) => self.end_read(consumer, floor, found),
            _ => Ok(()),
        }
    }
}

/// The processes of a run: process 0 is the producer, then come the consumers, then observers.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// The operations of each process.
    pub processes: &'a [&'a [Op]],
    /// How many of the processes are consumers.
    pub consumers: u8,
    /// Capacity of the channel, in bytes; at most [`MESSAGE_MAX`].
    pub capacity: usize,
    /// The newest message at the start, which is empty; or none.
    pub genesis: Option<Sequence>,
    /// Whether the channel has one slot less than it needs.
    pub one_slot_too_few: bool,
}

impl<'a> Scenario<'a> {
    /// A run of these processes over a channel for messages of `capacity` bytes that has seen no message.
    #[must_use]
    pub const fn new(processes: &'a [&'a [Op]], consumers: u8, capacity: usize) -> Self {
        Self { processes, consumers, capacity, genesis: None, one_slot_too_few: false }
    }

    /// The same, with message `genesis` published before it begins.
    #[must_use]
    pub const fn after(mut self, genesis: Sequence) -> Self {
        self.genesis = Some(genesis);
        self
    }
}

impl super::Scenario for Scenario<'_> {
    type Word = Word;
    type Layout = Layout;
    type Oracle = Oracle;
    type Op = Op;
    type Process<M: Memory<Word = Word>> = Process<M>;
    const SITES: &'static [&'static Site] = &site::SITES;

    fn changed(mut self, change: &Change) -> Self {
        self.one_slot_too_few |= matches!(change, Change::OneSlotTooFew);
        self
    }

    fn layout(&self) -> Layout {
        match Layout::new(self.consumers, self.capacity) {
            Ok(layout) if self.one_slot_too_few => layout.with_one_slot_too_few(),
            Ok(layout) => layout,
            Err(error) => panic!("the scenario's dimensions: {error}"),
        }
    }

    fn initial(&self) -> impl Iterator<Item = (Word, u64)> {
        let words = self.genesis.map(|sequence| {
            let stamp = Stamp::new(sequence, 0);
            [(Word::Latest, stamp.bits()), (Word::Sequence(0), sequence.get())]
        });
        words.into_iter().flatten()
    }

    fn processes(&self) -> usize {
        self.processes.len()
    }

    fn role(&self, process: usize) -> &'static str {
        match process {
            0 => "producer",
            _ if process <= self.consumers.into() => "consumer",
            _ => "observer",
        }
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

    fn check_write(&self, area: usize, words: &dyn Fn(Word) -> u64) -> Result<(), Violation> {
        check_write(&self.layout(), area, words)
    }
}

/// Checks that `slot` is named neither by `latest` nor by a Held lock. (Inv 1)
///
/// # Errors
/// It is.
pub fn check_write(layout: &Layout, slot: usize, words: &dyn Fn(Word) -> u64) -> Result<(), Violation> {
    let named = |stamp: Option<Stamp>| stamp.is_some_and(|stamp| usize::from(stamp.slot()) == slot);
    if let Ok(latest) = Stamp::parse(words(Word::Latest), layout)
        && named(latest)
    {
        return Err(Violation::new("Inv 1: the newest message's slot is not written (slot)", slot as u64, u64::MAX));
    }
    for consumer in 0..layout.consumers() {
        if let Ok(lock @ Lock::Held(_)) = Lock::parse(words(Word::Lock(consumer)), layout)
            && named(lock.stamp())
        {
            return Err(Violation::new(
                "Inv 1: a held slot is not written (slot, consumer)",
                slot as u64,
                consumer.into(),
            ));
        }
    }
    Ok(())
}

const fn corrupt(found: u64) -> Violation {
    Violation::new("a run without garbage finds no garbage", found, 0)
}

/// One incarnation of a process.
#[derive(Debug)]
pub enum Process<M> {
    /// The producer.
    Producer(Producer<Counted<M>>),
    /// A consumer.
    Consumer(Consumer<Counted<M>>),
    /// An observer, with its number among the readers.
    Observer(Observer<Counted<M>>, usize),
}

impl<M: Memory<Word = Word>> Process<M> {
    fn start(memory: M, layout: Layout, process: usize, oracle: &impl Shared<Oracle>) -> Result<Self, Violation> {
        let memory = Counted::new(memory);
        let Some(reader) = process.checked_sub(1) else {
            let producer = Producer::recover(memory, layout).map_err(|error| corrupt(error.found))?;
            producer.memory().check(1, 0)?;
            oracle.with(|oracle| oracle.producer_recovered(producer.last()))?;
            return Ok(Process::Producer(producer));
        };
        if process > layout.consumers().into() {
            return Ok(Process::Observer(Observer::new(memory, layout), reader));
        }
        let Some((consumer, recovery)) = Consumer::recover(memory, layout, reader as u8) else {
            return Err(Violation::new("there is a consumer with this index", reader as u64, 0));
        };
        consumer.memory().check(4, 0)?;
        let found = match recovery {
            Recovery::Nothing | Recovery::Interrupted => None,
            Recovery::Held(message) => Some(message.stamp()),
            Recovery::Repaired(error) => return Err(corrupt(error.found)),
        };
        oracle.with(|oracle| oracle.consumer_recovered(reader, found))?;
        if recovery == Recovery::Interrupted {
            look(&consumer, oracle)?;
        }
        let process = Process::Consumer(consumer);
        process.read_held(oracle)?;
        Ok(process)
    }

    fn perform(&mut self, op: Op, oracle: &impl Shared<Oracle>) -> Result<(), Violation> {
        match self {
            Process::Producer(producer) => produce(producer, op, oracle),
            Process::Consumer(consumer) => {
                let reader = usize::from(consumer.index());
                match op {
                    Op::Acquire => {
                        let floor = oracle.with(|oracle| {
                            let floor = oracle.begin_read();
                            let held = match oracle.leases[reader] {
                                Lease::Holds(rank) => Some(rank),
                                _ => None,
                            };
                            oracle.leases[reader] = Lease::Acquiring { floor, held };
                            floor
                        });
                        let message = consumer.acquire().map_err(|error| corrupt(error.found))?;
                        consumer.memory().check(8, 0)?;
                        let stamp = message.map(|message| message.stamp());
                        oracle.with(|oracle| {
                            let rank = oracle.rank(stamp);
                            oracle.leases[reader] = if stamp.is_some() { Lease::Holds(rank) } else { Lease::Nothing };
                            oracle.end_read(reader, floor, stamp)
                        })?;
                        self.read_held(oracle)
                    }
                    Op::Reread => self.read_held(oracle),
                    Op::Newest => look(consumer, oracle),
                    Op::Release => {
                        oracle.with(|oracle| {
                            if let Lease::Holds(rank) = oracle.leases[reader] {
                                oracle.leases[reader] = Lease::Releasing(rank);
                            }
                        });
                        consumer.release();
                        oracle.with(|oracle| oracle.leases[reader] = Lease::Nothing);
                        consumer.memory().check(1, 0)
                    }
                    _ => Ok(()),
                }
            }
            Process::Observer(observer, reader) => match op {
                Op::Peek => peek(observer, *reader, oracle),
                _ => Ok(()),
            },
        }
    }

    /// Reads what a consumer holds, byte by byte and whole.
    fn read_held(&self, oracle: &impl Shared<Oracle>) -> Result<(), Violation> {
        let Process::Consumer(consumer) = self else { return Ok(()) };
        let Some(message) = consumer.held() else { return Ok(()) };
        let mut buffer = [0; MESSAGE_MAX];
        let bytes = &mut buffer[..message.length()];
        if !consumer.read(0, bytes) {
            return Err(Violation::new("a held message can be read", 0, 1));
        }
        consumer.memory().check(0, bytes.len().div_ceil(8) as u32)?;
        oracle.with(|oracle| oracle.content(message.stamp(), bytes))
    }
}

fn look<M: Memory<Word = Word>>(
    consumer: &Consumer<Counted<M>>,
    oracle: &impl Shared<Oracle>,
) -> Result<(), Violation> {
    let floor = oracle.with(|oracle| oracle.begin_read());
    let newest = consumer.newest().map_err(|error| corrupt(error.found))?;
    consumer.memory().check(1, 0)?;
    oracle.with(|oracle| oracle.end_read(consumer.index().into(), floor, newest))
}

fn produce<M: Memory<Word = Word>>(
    producer: &mut Producer<Counted<M>>,
    op: Op,
    oracle: &impl Shared<Oracle>,
) -> Result<(), Violation> {
    let refused = |_| Violation::new("Inv 3: a publish within the capacity finds a free slot", 0, 1);
    let mut buffer = [0; MESSAGE_MAX];
    let bounds = (3 * u32::from(producer.layout().consumers()) + 4, MESSAGE_MAX as u32 / 8 + 3);
    match op {
        Op::Publish(length) => {
            let bytes = &mut buffer[..usize::from(length)];
            fill(bytes, oracle.with(|oracle| oracle.begin_publish(bytes.len())));
            let stamp = producer.publish(bytes).map_err(refused)?;
            oracle.with(|oracle| oracle.end_publish(stamp))?;
        }
        Op::PublishInPlace(length) => {
            let bytes = &mut buffer[..usize::from(length)];
            fill(bytes, oracle.with(|oracle| oracle.begin_publish(bytes.len())));
            let middle = bytes.len() / 2;
            let mut loan = producer.loan(bytes.len()).map_err(refused)?;
            loan.write(middle, &bytes[middle..]).map_err(refused)?;
            loan.write(0, &bytes[..middle]).map_err(refused)?;
            let stamp = loan.publish();
            oracle.with(|oracle| oracle.end_publish(stamp))?;
        }
        Op::AbandonLoan(length) => {
            let mut loan = producer.loan(length.into()).map_err(refused)?;
            loan.write(0, &buffer[..usize::from(length)]).map_err(refused)?;
        }
        Op::ReadLast => {
            let length = producer.last_length().map_err(|error| corrupt(error.found))?;
            if let (Some(stamp), Some(length)) = (producer.last(), length) {
                let bytes = &mut buffer[..length];
                if !producer.read_last(0, bytes) {
                    return Err(Violation::new("the last message can be read back", 0, 1));
                }
                oracle.with(|oracle| oracle.content(stamp, bytes))?;
            }
        }
        _ => {}
    }
    producer.memory().check(bounds.0, bounds.1)
}

fn peek<M: Memory<Word = Word>>(
    observer: &Observer<Counted<M>>,
    reader: usize,
    oracle: &impl Shared<Oracle>,
) -> Result<(), Violation> {
    let floor = oracle.with(|oracle| oracle.begin_read());
    let mut buffer = [0; MESSAGE_MAX];
    let bytes = &mut buffer[..observer.layout().capacity()];
    let peeked = observer.peek(bytes, PEEK_ATTEMPTS);
    observer.memory().check(PEEK_ATTEMPTS * 3, PEEK_ATTEMPTS * observer.layout().area_words() as u32)?;
    match peeked {
        Ok(peeked) => oracle.with(|oracle| {
            oracle.end_read(reader, floor, peeked.map(|(stamp, _)| stamp))?;
            peeked.map_or(Ok(()), |(stamp, length)| oracle.content(stamp, &bytes[..length]))
        }),
        Err(crate::slots::PeekError::Overtaken { .. }) => Ok(()),
        Err(_) => Err(Violation::new("a peek within the capacity succeeds or is overtaken", 0, 1)),
    }
}
