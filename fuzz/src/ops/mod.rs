//! Target `ops`: one thread plays every process of a protocol, an operation at a time, with more of them and longer
//! than the simulator can. Processes die within operations; or words are overwritten.

mod bench;
mod garbage;
mod judged;

use arbitrary::Arbitrary;
use bench::{Bench, Strike};
use lastword_protocol::model::{MESSAGE_MAX, ready, slots, status};
use lastword_protocol::sequence::Sequence;

/// A run.
#[derive(Arbitrary, Clone, Debug)]
pub struct Input {
    protocol: Protocol,
    dimensions: Dimensions,
    /// Nothing: then every promise is kept. Otherwise what strikes in the first operation, in the second, and so on.
    garbage: Vec<Garbage>,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Protocol {
    Slots,
    Ready,
    Status,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Dimensions {
    /// Consumers, or words of a board.
    count: u8,
    /// Observers or monitors.
    observers: u8,
    #[arbitrary(with = |bytes: &mut arbitrary::Unstructured<'_>| bytes.int_in_range(0..=MESSAGE_MAX as u8))]
    capacity: u8,
    genesis: Option<Genesis>,
}

/// The message that was the last before the run.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Genesis {
    /// So many before the wrap.
    Wraps(u8),
    /// So many after the first.
    Early(u8),
}

/// An operation.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Step {
    process: u8,
    operation: u8,
    length: u8,
    /// Dies after so many actions, if it is given and comes so far.
    dies: u8,
}

/// A cell that is overwritten within an operation.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Garbage {
    after: u8,
    cell: u8,
    value: Value,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Value {
    Any(u64),
    /// Nearly a stamp or a lock.
    Stamp {
        tag: u8,
        sequence: u8,
        slot: u8,
    },
    /// Nearly a length, or a mailbox's state.
    Small(u8),
}

impl Step {
    fn length(&self, capacity: u8) -> u8 {
        (u16::from(self.length) % (u16::from(capacity) + 1)) as u8
    }

    /// Most do not die.
    fn dies_after(&self) -> Option<u32> {
        self.dies.checked_sub(192).map(u32::from)
    }
}

impl Garbage {
    fn strike(&self, cells: usize) -> Strike {
        let value = match self.value {
            Value::Any(value) => value,
            Value::Stamp { tag, sequence, slot } => {
                u64::from(tag) << 62 | u64::from(sequence) << 8 | u64::from(slot % 16)
            }
            Value::Small(value) => value.into(),
        };
        Strike { after: u32::from(self.after % 32), cell: usize::from(self.cell) % cells, value }
    }
}

impl Dimensions {
    fn genesis(&self) -> Option<Sequence> {
        let number = match self.genesis? {
            Genesis::Wraps(before) => Sequence::LAST.get() - u64::from(before),
            Genesis::Early(after) => Sequence::FIRST.get() + u64::from(after),
        };
        Sequence::new(number)
    }

    fn slots<'a>(&self, processes: &'a [&'a [slots::Op]]) -> slots::Scenario<'a> {
        let most = slots::READERS_MAX as u8;
        let consumers = 1 + self.count % most;
        let observers = self.observers % (most - consumers + 1);
        let processes = &processes[..usize::from(1 + consumers + observers)];
        slots::Scenario { genesis: self.genesis(), ..slots::Scenario::new(processes, consumers, self.capacity.into()) }
    }

    fn ready<'a>(&self, processes: &'a [&'a [ready::Op]; 2]) -> ready::Scenario<'a> {
        ready::Scenario { processes, capacity: self.capacity.into(), genesis: self.genesis() }
    }

    fn status<'a>(&self, processes: &'a [&'a [status::Op]]) -> status::Scenario<'a> {
        let monitors = usize::from(self.observers) % status::MONITORS_MAX + 1;
        let processes = &processes[..processes.len().min(1 + monitors)];
        status::Scenario { processes, words: u16::from(self.count % 64) + 1 }
    }
}

/// Runs one input.
///
/// # Panics
/// Something is not as it has to be.
pub fn run(input: &Input) {
    let Input { protocol, dimensions, garbage, steps } = input;
    match (protocol, &garbage[..]) {
        (Protocol::Slots, []) => judged::slots(dimensions, steps),
        (Protocol::Ready, []) => judged::ready(dimensions, steps),
        (Protocol::Status, []) => judged::status(dimensions, steps),
        (Protocol::Slots, garbage) => garbage::slots(dimensions, steps, garbage),
        (Protocol::Ready, garbage) => garbage::ready(dimensions, steps, garbage),
        (Protocol::Status, garbage) => garbage::status(dimensions, steps, garbage),
    }
}
