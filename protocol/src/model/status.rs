//! `status`: operations, oracle, scenario.
//!
//! The writer sets words to the values 1, 2, 3, ... in both halves, one value after the other across all words. The
//! oracle judges that every value read was set on that word, whole; that a word never goes back; and that who has read
//! a value sees what was set before it.

use super::{Counted, Shared, Violation};
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

/// The judge of a `status` run.
#[derive(Debug)]
pub struct Oracle {
    /// Which word each value was set on; the value is the index plus 1.
    history: [u8; VALUES_MAX],
    /// How many values have been begun.
    begun: usize,
    /// Whether the last of them is still being set.
    pending: bool,
    /// The newest value that each monitor has seen.
    seen: [u64; MONITORS_MAX],
}

impl Oracle {
    fn newest_on(&self, word: u8, up_to: u64) -> u64 {
        (1..=up_to).rev().find(|&value| self.history[value as usize - 1] == word).unwrap_or(0)
    }

    fn got(&mut self, monitor: usize, word: u8, found: u64) -> Result<(), Violation> {
        let value = check_whole(found)?;
        if value > self.begun as u64 || value != 0 && self.history[value as usize - 1] != word {
            return Err(Violation::new("Inv 1: a word holds what was set on it", value, self.begun as u64));
        }
        let floor = self.newest_on(word, self.seen[monitor]);
        if value < floor {
            return Err(Violation::new("Inv 2: who reads a value sees what was set before it", value, floor));
        }
        self.seen[monitor] = self.seen[monitor].max(value);
        Ok(())
    }
}

fn check_whole(found: u64) -> Result<u64, Violation> {
    let (high, low) = (found >> 32, found & u64::from(u32::MAX));
    if high == low { Ok(low) } else { Err(Violation::new("Inv 1: a value is whole (halves)", high, low)) }
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
    Monitor(Monitor<Counted<M>>, usize),
}

impl<M: Memory<Word = Word>> Process<M> {
    fn start(memory: M, layout: Layout, process: usize, oracle: &impl Shared<Oracle>) -> Result<Self, Violation> {
        let memory = Counted::new(memory);
        let Some(monitor) = process.checked_sub(1) else {
            let writer = Writer::recover(memory, layout);
            writer.memory().check(0, 0)?;
            let mut newest = 0;
            for index in 0..layout.words() {
                newest = newest.max(check_whole(writer.get(index).map_err(refused)?)?);
                writer.memory().check(1, 0)?;
            }
            oracle.with(|oracle| {
                let begun = oracle.begun as u64;
                if newest != begun && !(oracle.pending && newest + 1 == begun) {
                    return Err(Violation::new("a restarted writer finds what it had set", newest, begun));
                }
                oracle.pending = false;
                oracle.begun = newest as usize;
                Ok(())
            })?;
            return Ok(Process::Writer(writer));
        };
        Ok(Process::Monitor(Monitor::new(memory, layout), monitor))
    }

    fn perform(&mut self, op: Op, oracle: &impl Shared<Oracle>) -> Result<(), Violation> {
        match (self, op) {
            (Process::Writer(writer), Op::Set(word)) => {
                let value = oracle.with(|oracle| {
                    oracle.history[oracle.begun] = word;
                    oracle.begun += 1;
                    oracle.pending = true;
                    oracle.begun as u64
                });
                writer.set(word.into(), value << 32 | value).map_err(refused)?;
                oracle.with(|oracle| oracle.pending = false);
                writer.memory().check(1, 0)
            }
            (Process::Monitor(monitor, number), Op::Get(word)) => {
                let found = monitor.get(word.into()).map_err(refused)?;
                monitor.memory().check(1, 0)?;
                oracle.with(|oracle| oracle.got(*number, word, found))
            }
            _ => Ok(()),
        }
    }
}
