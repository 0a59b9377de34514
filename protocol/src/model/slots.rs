//! `slots`: operations, oracle, scenario.
//!
//! The oracle judges *strict linearizability of a register with one writer*. A read returns a message that is not older
//! than any whose publish had returned, or that any read had returned, when it began (so the register is atomic, not
//! merely regular); and none that was not begun. A publish interrupted by a kill takes effect before the kill or never:
//! the recovered producer says which, and every read is held to it. Beside that, invariants 1 to 6 of
//! [`slots`](crate::slots), and that a consumer finds again what it held when it was killed.

use super::variant::Change;
use super::{Attempt, Counted, Judge, KNOWN, MESSAGE_MAX, Progress, SLEEP_MAX, Violation, check_answer, fill};
use crate::memory::{Memory, Numbering, Site};
use crate::slots::{Consumer, Layout, Lock, Observer, Producer, Recovery, Sequence, Stamp, Word, asleep_on, site};

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
    /// A consumer sleeps until there is another message than the one it holds; if it holds none, until there is one.
    Sleep,
    /// An observer copies the newest message.
    Peek,
}

/// Most consumers and observers of a scenario.
pub const READERS_MAX: usize = 8;
/// How many of the last messages the oracle knows the content of.
pub const WINDOW: usize = 16;
/// Attempts of a [`Op::Peek`].
pub const PEEK_ATTEMPTS: u32 = 2;

/// What the judge is told of. Readers are numbered from 0, the consumers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A producer took up its role and found this message to be the last.
    Resumed(Option<Stamp>),
    /// A publish of so many bytes begins. The answer is the attempt's number, for [`fill`].
    BeginPublish(u8),
    /// The publish returned this stamp.
    EndPublish(Stamp),
    /// A reader begins to read, and locks nothing.
    BeginRead(u8),
    /// The reader read this message, or that there is none.
    EndRead(u8, Option<Stamp>),
    /// The reader gave up.
    Overtaken(u8),
    /// A consumer begins to acquire.
    BeginAcquire(u8),
    /// The consumer holds this message, or there is none.
    EndAcquire(u8, Option<Stamp>),
    /// A consumer begins to release.
    BeginRelease(u8),
    /// The consumer holds nothing any more.
    EndRelease(u8),
    /// A consumer took up its role and found that it holds this message, or nothing.
    Recovered(u8, Option<Stamp>),
    /// Which attempt is this message? The answer is 0 if it is too old to be known; otherwise it names the attempt's
    /// number and its length.
    Identify(Stamp),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Lease {
    #[default]
    Nothing,
    Holds(u32),
    /// Is acquiring; until it has another one, the consumer holds what it held.
    Acquiring(Option<u32>),
    /// Is releasing this rank.
    Releasing(u32),
}

/// The judge of a `slots` run. It counts messages by *rank*: how many messages after the start; the first is 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Oracle {
    genesis: Option<Sequence>,
    /// The newest rank that took effect, as far as the producer said.
    returned: u32,
    /// The newest rank that any read has returned.
    seen: u32,
    /// Whether an attempt at the next rank is under way, and its length.
    pending: Option<u8>,
    /// How many attempts at the next rank came to nothing.
    retries: u8,
    /// The last messages that took effect, by their rank.
    effects: [Attempt; WINDOW],
    /// The newest rank that each reader has read.
    last: [u32; READERS_MAX],
    /// The rank that the read under way must give at least, of each reader; 0 while it does not read.
    floors: [u32; READERS_MAX],
    leases: [Lease; READERS_MAX],
}

const _: () = assert!(size_of::<Oracle>() <= 256, "searches keep many oracles");

impl Oracle {
    /// The judge of a run that starts with `genesis` as the newest message, or with none.
    #[must_use]
    pub fn new(genesis: Option<Sequence>) -> Self {
        Self {
            genesis,
            returned: 0,
            seen: 0,
            pending: None,
            retries: 0,
            effects: [Attempt::default(); WINDOW],
            last: [0; READERS_MAX],
            floors: [0; READERS_MAX],
            leases: [Lease::Nothing; READERS_MAX],
        }
    }

    fn judge(&mut self, event: Event) -> Result<u64, Violation> {
        match event {
            Event::Resumed(last) => self.producer_recovered(last)?,
            Event::BeginPublish(length) => {
                self.pending = Some(length);
                return Ok(Attempt { retry: self.retries, length }.number(self.returned + 1).into());
            }
            Event::EndPublish(stamp) => self.end_publish(stamp)?,
            Event::BeginRead(reader) => self.begin_read(reader),
            Event::EndRead(reader, stamp) => self.end_read(reader, stamp)?,
            Event::Overtaken(reader) => self.floors[usize::from(reader)] = 0,
            Event::BeginAcquire(consumer) => {
                let lease = &mut self.leases[usize::from(consumer)];
                *lease = Lease::Acquiring(match *lease {
                    Lease::Holds(rank) => Some(rank),
                    _ => None,
                });
                self.begin_read(consumer);
            }
            Event::EndAcquire(consumer, stamp) => {
                self.leases[usize::from(consumer)] = self.lease(stamp);
                self.end_read(consumer, stamp)?;
            }
            Event::BeginRelease(consumer) => {
                let lease = &mut self.leases[usize::from(consumer)];
                if let Lease::Holds(rank) = *lease {
                    *lease = Lease::Releasing(rank);
                }
            }
            Event::EndRelease(consumer) => self.leases[usize::from(consumer)] = Lease::Nothing,
            Event::Recovered(consumer, found) => self.consumer_recovered(consumer, found)?,
            Event::Identify(stamp) => return Ok(self.identify(stamp)),
        }
        Ok(0)
    }

    fn rank(&self, stamp: Option<Stamp>) -> u32 {
        let rank = match (stamp, self.genesis) {
            (None, _) => 0,
            (Some(stamp), None) => stamp.sequence().get(),
            (Some(stamp), Some(genesis)) => stamp.sequence().since(genesis).cast_unsigned(),
        };
        u32::try_from(rank).unwrap_or(u32::MAX)
    }

    fn lease(&self, found: Option<Stamp>) -> Lease {
        if found.is_some() { Lease::Holds(self.rank(found)) } else { Lease::Nothing }
    }

    fn end_publish(&mut self, stamp: Stamp) -> Result<(), Violation> {
        let (rank, expected) = (self.rank(Some(stamp)), self.returned + 1);
        if rank != expected {
            return Err(Violation::new("messages are numbered one after the other", rank.into(), expected.into()));
        }
        self.settle();
        Ok(())
    }

    /// The pending publish has taken effect.
    fn settle(&mut self) {
        if let Some(length) = self.pending.take() {
            self.returned += 1;
            self.effects[self.returned as usize % WINDOW] = Attempt { retry: self.retries, length };
            self.retries = 0;
        }
    }

    fn producer_recovered(&mut self, last: Option<Stamp>) -> Result<(), Violation> {
        let rank = self.rank(last);
        if self.pending.is_some() && rank == self.returned + 1 {
            self.settle();
        } else if rank != self.returned {
            return Err(Violation::new(
                "a restarted producer goes on from its last number",
                rank.into(),
                self.returned.into(),
            ));
        } else if self.pending.take().is_some() {
            self.retries = self.retries.saturating_add(1);
        }
        if self.seen > self.returned {
            return Err(Violation::new(
                "an interrupted publish takes effect before the kill or never",
                self.seen.into(),
                self.returned.into(),
            ));
        }
        Ok(())
    }

    fn begin_read(&mut self, reader: u8) {
        self.floors[usize::from(reader)] = self.returned.max(self.seen);
    }

    fn end_read(&mut self, reader: u8, stamp: Option<Stamp>) -> Result<(), Violation> {
        let rank = self.rank(stamp);
        let (last, floor) = (&mut self.last[usize::from(reader)], &mut self.floors[usize::from(reader)]);
        if rank < *last {
            return Err(Violation::new("Inv 4: sequence numbers never go back", rank.into(), (*last).into()));
        }
        if rank < *floor {
            return Err(Violation::new(
                "Inv 4: a read is not older than what was out when it began",
                rank.into(),
                (*floor).into(),
            ));
        }
        let newest = self.returned + u32::from(self.pending.is_some());
        if rank > newest {
            return Err(Violation::new("nothing is read that was not published", rank.into(), newest.into()));
        }
        (*last, *floor) = (rank, 0);
        self.seen = self.seen.max(rank);
        Ok(())
    }

    fn identify(&self, stamp: Stamp) -> u64 {
        let rank = self.rank(Some(stamp));
        match (self.returned.checked_sub(rank), self.pending) {
            // The message before the run is empty.
            (Some(_), _) if rank == 0 => KNOWN,
            (Some(age), _) if (age as usize) < WINDOW => self.effects[rank as usize % WINDOW].answer(rank),
            (None, Some(length)) if rank == self.returned + 1 => Attempt { retry: self.retries, length }.answer(rank),
            _ => 0,
        }
    }

    fn consumer_recovered(&mut self, consumer: u8, found: Option<Stamp>) -> Result<(), Violation> {
        let (index, rank) = (usize::from(consumer), self.rank(found));
        let lease = self.leases[index];
        self.leases[index] = self.lease(found);
        match (lease, found) {
            (Lease::Holds(held), None) => {
                return Err(Violation::new("a restarted consumer finds what it held", 0, held.into()));
            }
            (Lease::Holds(held) | Lease::Releasing(held), Some(_)) if rank != held => {
                return Err(Violation::new("a restarted consumer finds what it held", rank.into(), held.into()));
            }
            (Lease::Nothing, Some(_)) => {
                return Err(Violation::new("what was released stays released", rank.into(), 0));
            }
            (Lease::Acquiring(held), Some(_)) if held != Some(rank) => self.end_read(consumer, found)?,
            _ => {}
        }
        self.floors[index] = 0;
        Ok(())
    }

    fn died(&mut self, reader: usize) {
        // Of an acquire, recovery is held to the floor.
        if !matches!(self.leases[reader], Lease::Acquiring(_)) {
            self.floors[reader] = 0;
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
    type Event = Event;
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
            Process::Producer(producer) => [producer.last().map_or(0, Stamp::bits), 0],
            Process::Consumer(consumer) => {
                consumer.held().map_or([0; 2], |message| [message.stamp().bits(), message.length() as u64])
            }
            Process::Observer(..) => [0; 2],
        }
    }

    fn died(oracle: &mut Oracle, process: usize) {
        if let Some(reader) = process.checked_sub(1) {
            oracle.died(reader);
        }
    }

    fn guard(&self, word: Word) -> Option<usize> {
        // Observers look at any slot at any time.
        let observed = self.processes.len() > 1 + usize::from(self.consumers);
        match word {
            Word::Sequence(slot) | Word::Length(slot) if !observed => Some(slot.into()),
            _ => None,
        }
    }

    fn sleeps(&self, process: usize) -> bool {
        (1..=self.consumers.into()).contains(&process) && self.processes[process].contains(&Op::Sleep)
    }

    fn is_constant(&self, word: Word) -> bool {
        matches!(word, Word::Wait(consumer) if !super::Scenario::sleeps(self, 1 + usize::from(consumer)))
    }

    fn reads_while_written(&self, process: usize) -> bool {
        process > self.consumers.into()
    }

    fn show(&self, word: Word, value: u64, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let layout = self.layout();
        let stamp =
            |stamp: Stamp, f: &mut core::fmt::Formatter<'_>| write!(f, "{} in slot {}", stamp.sequence(), stamp.slot());
        match word {
            Word::Latest => match Stamp::parse(value, &layout) {
                Ok(None) => f.write_str("none"),
                Ok(Some(newest)) => stamp(newest, f),
                Err(_) => write!(f, "{value:#x}"),
            },
            Word::Lock(_) => match Lock::parse(value, &layout) {
                Ok(Lock::Free) => f.write_str("Free"),
                Ok(Lock::Claim) => f.write_str("Claim"),
                Ok(Lock::Tentative(named)) => {
                    f.write_str("Tentative: ")?;
                    stamp(named, f)
                }
                Ok(Lock::Held(named)) => {
                    f.write_str("Held: ")?;
                    stamp(named, f)
                }
                Err(_) => write!(f, "{value:#x}"),
            },
            Word::Wait(_) if value == asleep_on(None) => f.write_str("asleep on none"),
            Word::Wait(_) => match Stamp::parse(value & !asleep_on(None), &layout) {
                Ok(Some(newest)) => {
                    f.write_str("asleep on ")?;
                    stamp(newest, f)
                }
                _ => write!(f, "{value:#x}"),
            },
            Word::Sequence(_) | Word::Length(_) => write!(f, "{value}"),
        }
    }

    fn symmetric(&self, process: usize) -> bool {
        // Not of consumers: the producer visits their lock words in turn.
        process > self.consumers.into()
    }

    fn swap(oracle: &mut Oracle, a: usize, b: usize) {
        let (a, b) = (a - 1, b - 1);
        oracle.last.swap(a, b);
        oracle.floors.swap(a, b);
        oracle.leases.swap(a, b);
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
    Observer(Observer<Counted<M>>, u8),
}

impl<M: Memory<Word = Word>> Process<M> {
    fn start(memory: M, layout: Layout, process: usize, judge: &impl Judge<Event>) -> Result<Self, Violation> {
        let memory = Counted::new(memory);
        let Some(reader) = process.checked_sub(1) else {
            let producer = Producer::recover(memory, layout).map_err(|error| corrupt(error.found))?;
            producer.memory().check(1, 0)?;
            judge.tell(Event::Resumed(producer.last()))?;
            return Ok(Process::Producer(producer));
        };
        let reader = reader as u8;
        if process > layout.consumers().into() {
            return Ok(Process::Observer(Observer::new(memory, layout), reader));
        }
        let Some((consumer, recovery)) = Consumer::recover(memory, layout, reader) else {
            return Err(Violation::new("there is a consumer with this index", reader.into(), 0));
        };
        consumer.memory().check(4, 0)?;
        let found = match recovery {
            Recovery::Nothing | Recovery::Interrupted => None,
            Recovery::Held(message) => Some(message.stamp()),
            Recovery::Repaired(error) => return Err(corrupt(error.found)),
        };
        judge.tell(Event::Recovered(reader, found))?;
        if recovery == Recovery::Interrupted {
            look(&consumer, judge)?;
        }
        let process = Process::Consumer(consumer);
        process.read_held(judge)?;
        Ok(process)
    }

    fn perform(&mut self, op: Op, judge: &impl Judge<Event>) -> Result<Progress, Violation> {
        if let (Process::Consumer(consumer), Op::Sleep) = (&*self, op) {
            return sleep(consumer);
        }
        match self {
            Process::Producer(producer) => produce(producer, op, judge),
            Process::Consumer(consumer) => match op {
                Op::Acquire => {
                    judge.tell(Event::BeginAcquire(consumer.index()))?;
                    let message = consumer.acquire().map_err(|error| corrupt(error.found))?;
                    consumer.memory().check(8, 0)?;
                    judge.tell(Event::EndAcquire(consumer.index(), message.map(|message| message.stamp())))?;
                    self.read_held(judge)
                }
                Op::Reread => self.read_held(judge),
                Op::Newest => look(consumer, judge),
                Op::Release => {
                    judge.tell(Event::BeginRelease(consumer.index()))?;
                    consumer.release();
                    judge.tell(Event::EndRelease(consumer.index()))?;
                    consumer.memory().check(1, 0)
                }
                _ => Ok(()),
            },
            Process::Observer(observer, reader) => match op {
                Op::Peek => peek(observer, *reader, judge),
                _ => Ok(()),
            },
        }?;
        Ok(Progress::Done)
    }

    /// Reads what a consumer holds, byte by byte and whole.
    fn read_held(&self, judge: &impl Judge<Event>) -> Result<(), Violation> {
        let Process::Consumer(consumer) = self else { return Ok(()) };
        let Some(message) = consumer.held() else { return Ok(()) };
        let mut buffer = [0; MESSAGE_MAX];
        let bytes = &mut buffer[..message.length()];
        if !consumer.read(0, bytes) {
            return Err(Violation::new("a held message can be read", 0, 1));
        }
        consumer.memory().check(0, bytes.len().div_ceil(8) as u32)?;
        check_answer(bytes, judge.tell(Event::Identify(message.stamp()))?)
    }
}

fn sleep<M: Memory<Word = Word>>(consumer: &Consumer<Counted<M>>) -> Result<Progress, Violation> {
    let waiter = consumer.waiter();
    let seen = consumer.held().map(|message| message.stamp().sequence());
    let doze = waiter.doze(seen).map_err(|error| corrupt(error.found))?;
    let progress = match doze {
        None => Progress::Done,
        Some(doze) => {
            waiter.sleep(doze, SLEEP_MAX);
            Progress::Slept
        }
    };
    consumer.memory().check(2, 0)?;
    Ok(progress)
}

fn look<M: Memory<Word = Word>>(consumer: &Consumer<Counted<M>>, judge: &impl Judge<Event>) -> Result<(), Violation> {
    judge.tell(Event::BeginRead(consumer.index()))?;
    let newest = consumer.newest().map_err(|error| corrupt(error.found))?;
    consumer.memory().check(1, 0)?;
    judge.tell(Event::EndRead(consumer.index(), newest))?;
    Ok(())
}

fn produce<M: Memory<Word = Word>>(
    producer: &mut Producer<Counted<M>>,
    op: Op,
    judge: &impl Judge<Event>,
) -> Result<(), Violation> {
    let refused = |_| Violation::new("Inv 3: a publish within the capacity finds a free slot", 0, 1);
    let mut buffer = [0; MESSAGE_MAX];
    // In two pieces, a word is written twice, and three are read first: at both sides of the middle, and the last.
    let bounds = (4 * u32::from(producer.layout().consumers()) + 4, MESSAGE_MAX as u32 / 8 + 4);
    match op {
        Op::Publish(length) => {
            let bytes = &mut buffer[..usize::from(length)];
            fill(bytes, judge.tell(Event::BeginPublish(length))? as u32);
            let stamp = producer.publish(bytes).map_err(refused)?;
            judge.tell(Event::EndPublish(stamp))?;
        }
        Op::PublishInPlace(length) => {
            let bytes = &mut buffer[..usize::from(length)];
            fill(bytes, judge.tell(Event::BeginPublish(length))? as u32);
            let middle = bytes.len() / 2;
            let mut loan = producer.loan(bytes.len()).map_err(refused)?;
            loan.write(middle, &bytes[middle..]).map_err(refused)?;
            loan.write(0, &bytes[..middle]).map_err(refused)?;
            let stamp = loan.publish();
            judge.tell(Event::EndPublish(stamp))?;
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
                check_answer(bytes, judge.tell(Event::Identify(stamp))?)?;
            }
        }
        _ => {}
    }
    producer.memory().check(bounds.0, bounds.1)
}

fn peek<M: Memory<Word = Word>>(
    observer: &Observer<Counted<M>>,
    reader: u8,
    judge: &impl Judge<Event>,
) -> Result<(), Violation> {
    judge.tell(Event::BeginRead(reader))?;
    let mut buffer = [0; MESSAGE_MAX];
    let bytes = &mut buffer[..observer.layout().capacity()];
    let peeked = observer.peek(bytes, PEEK_ATTEMPTS);
    observer.memory().check(PEEK_ATTEMPTS * 3, PEEK_ATTEMPTS * observer.layout().area_words() as u32)?;
    match peeked {
        Ok(peeked) => {
            judge.tell(Event::EndRead(reader, peeked.map(|(stamp, _)| stamp)))?;
            match peeked {
                Some((stamp, length)) => check_answer(&bytes[..length], judge.tell(Event::Identify(stamp))?),
                None => Ok(()),
            }
        }
        Err(crate::slots::PeekError::Overtaken { .. }) => judge.tell(Event::Overtaken(reader)).map(drop),
        Err(_) => Err(Violation::new("a peek within the capacity succeeds or is overtaken", 0, 1)),
    }
}
