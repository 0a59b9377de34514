//! `status`: operations, oracle, scenario.
//!
//! The writer sets words to the values 1, 2, 3, ... in both halves, one value after the other across all words. The
//! oracle judges that every value read was set on that word, whole; that a word never goes back; and that who has read
//! a value sees what was set before it.

use super::{Counted, Judge, Progress, Violation};
use crate::memory::{Memory, Site};
use crate::status::{Layout, Monitor, Word, Writer, site};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// The writer sets a word to the next value.
    Set(u8),
    /// A monitor reads a word.
    Get(u8),
}

/// Most monitors of a scenario.
pub const MONITORS_MAX: usize = 8;
/// Most values of a run.
pub const VALUES_MAX: usize = 64;

/// What the judge is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A writer took up its role and found this to be the newest value on the board.
    Restored(u32),
    /// The next value is about to be set on this word. The answer is the value.
    BeginSet(u8),
    /// The value is set.
    EndSet,
    /// A monitor (the first is 0) read a word and found this.
    Got(u8, u8, u64),
}

/// The judge of a `status` run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Oracle {
    /// Which word each value was set on; the value is the index plus 1.
    history: [u8; VALUES_MAX],
    /// How many values have been begun.
    begun: u8,
    /// Whether the last of them is still being set.
    pending: bool,
    /// The newest value that each monitor has seen.
    seen: [u8; MONITORS_MAX],
}

impl Oracle {
    fn judge(&mut self, event: Event) -> Result<u64, Violation> {
        match event {
            Event::Restored(newest) => self.restored(newest)?,
            Event::BeginSet(word) => {
                self.history[usize::from(self.begun)] = word;
                self.begun += 1;
                self.pending = true;
                return Ok(self.begun.into());
            }
            Event::EndSet => self.pending = false,
            Event::Got(monitor, word, found) => self.got(monitor.into(), word, found)?,
        }
        Ok(0)
    }

    fn restored(&mut self, newest: u32) -> Result<(), Violation> {
        let begun = u32::from(self.begun);
        let never_set = self.pending && newest.checked_add(1) == Some(begun);
        if newest != begun && !never_set {
            return Err(Violation::new("a restarted writer finds what it had set", newest.into(), begun.into()));
        }
        if never_set {
            self.begun -= 1;
            self.history[usize::from(self.begun)] = 0;
        }
        self.pending = false;
        Ok(())
    }

    fn newest_on(&self, word: u8, up_to: u8) -> u8 {
        (1..=up_to).rev().find(|&value| self.history[usize::from(value) - 1] == word).unwrap_or(0)
    }

    fn got(&mut self, monitor: usize, word: u8, found: u64) -> Result<(), Violation> {
        let found = check_whole(found)?;
        let value = match u8::try_from(found) {
            Ok(value) if value <= self.begun && (value == 0 || self.history[usize::from(value) - 1] == word) => value,
            _ => return Err(Violation::new("Inv 1: a word holds what was set on it", found.into(), self.begun.into())),
        };
        let floor = self.newest_on(word, self.seen[monitor]);
        if value < floor {
            return Err(Violation::new(
                "Inv 2: who reads a value sees what was set before it",
                value.into(),
                floor.into(),
            ));
        }
        self.seen[monitor] = self.seen[monitor].max(value);
        Ok(())
    }
}

fn check_whole(found: u64) -> Result<u32, Violation> {
    let (high, low) = ((found >> 32) as u32, found as u32);
    if high == low { Ok(low) } else { Err(Violation::new("Inv 1: a value is whole (halves)", high.into(), low.into())) }
}

/// The processes of a run: process 0 is the writer, every other a monitor.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// The operations of each process.
    pub processes: &'a [&'a [Op]],
    /// How many words the board has.
    pub words: u16,
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
        match Layout::new(self.words) {
            Some(layout) => layout,
            None => panic!("the scenario's number of words"),
        }
    }

    fn initial(&self) -> impl Iterator<Item = (Word, u64)> {
        core::iter::empty()
    }

    fn processes(&self) -> usize {
        self.processes.len()
    }

    fn role(&self, process: usize) -> &'static str {
        if process == 0 { "writer" } else { "monitor" }
    }

    fn oracle(&self) -> Oracle {
        Oracle { history: [0; VALUES_MAX], begun: 0, pending: false, seen: [0; MONITORS_MAX] }
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
        process.perform(op, judge)?;
        Ok(Progress::Done)
    }

    fn carried<M: Memory<Word = Word>>(_: &Process<M>) -> [u64; 2] {
        [0; 2]
    }

    fn symmetric(&self, process: usize) -> bool {
        process > 0
    }

    fn swap(oracle: &mut Oracle, a: usize, b: usize) {
        oracle.seen.swap(a - 1, b - 1);
    }

    fn check_write(&self, area: usize, _: &dyn Fn(Word) -> u64) -> Result<(), Violation> {
        Err(Violation::new("a board has no payload", area as u64, 0))
    }
}

fn refused(_: crate::status::StatusError) -> Violation {
    Violation::new("a word of the board can be set and read", 0, 1)
}

/// One incarnation of a process.
#[derive(Debug)]
pub enum Process<M> {
    /// The writer.
    Writer(Writer<Counted<M>>),
    /// A monitor, with its number.
    Monitor(Monitor<Counted<M>>, u8),
}

impl<M: Memory<Word = Word>> Process<M> {
    fn start(memory: M, layout: Layout, process: usize, judge: &impl Judge<Event>) -> Result<Self, Violation> {
        let memory = Counted::new(memory);
        let Some(monitor) = process.checked_sub(1) else {
            let writer = Writer::recover(memory, layout);
            writer.memory().check(0, 0)?;
            let mut newest = 0;
            for index in 0..layout.words() {
                newest = newest.max(check_whole(writer.get(index).map_err(refused)?)?);
                writer.memory().check(1, 0)?;
            }
            judge.tell(Event::Restored(newest))?;
            return Ok(Process::Writer(writer));
        };
        Ok(Process::Monitor(Monitor::new(memory, layout), monitor as u8))
    }

    fn perform(&mut self, op: Op, judge: &impl Judge<Event>) -> Result<(), Violation> {
        match (self, op) {
            (Process::Writer(writer), Op::Set(word)) => {
                let value = judge.tell(Event::BeginSet(word))?;
                writer.set(word.into(), value << 32 | value).map_err(refused)?;
                judge.tell(Event::EndSet)?;
                writer.memory().check(1, 0)
            }
            (Process::Monitor(monitor, number), Op::Get(word)) => {
                let found = monitor.get(word.into()).map_err(refused)?;
                monitor.memory().check(1, 0)?;
                judge.tell(Event::Got(*number, word, found))?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
