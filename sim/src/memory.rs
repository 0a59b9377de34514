//! Shared memory under a memory model, as a value that can be copied and compared.
//!
//! # Models
//!
//! | [`Model`] | a load finds | what it is for |
//! |---|---|---|
//! | `Sc` | the newest value | every interleaving; with what is known of races, below, it finds missing Release and Acquire |
//! | `Tso` | its own process's newest buffered store, else memory; buffers are flushed in order | x86-64: finds a store that has to be a `SeqCst` one |
//! | `Pso` | the same; buffers are flushed in any order between words, but for Release stores and fences | finds two stores that may pass each other |
//! | `Weak` | any value not older than what its process knows of | C++20 without load buffering: finds each ordering of each pair |
//!
//! `Weak` leaves out four things that C++20 allows. Load buffering: a load finds no store of its own future. A store
//! comes last in its word's order, never before another process's store that it does not know of (our words have one
//! storing process each and are otherwise compare-exchanged, or two that store in turn, each having seen the other's).
//! A failed compare-exchange finds the newest value. And the single order of `SeqCst` accesses is the order in which
//! they are done, so that it never contradicts happens-before, which C++20 lets it where a word is accessed with
//! `SeqCst` and with less (the litmus test Z6.U).
//!
//! # Races
//!
//! Payload, and the words that a scenario says are guarded like it, must never be accessed by two processes unordered.
//! In C++20 terms: conflicting accesses are ordered by happens-before. What is kept is not clocks but *knowledge*: for
//! each area its last write, and each process's last read since, are an event, and each process and each store has the
//! set of events that happen-before it. Two histories that leave the same knowledge are the same state.
//!
//! # Deaths
//!
//! A kill is not a prefix of program order: a Relaxed store may be moved by the compiler past others, up to the next
//! Release store, Release fence or releasing read-modify-write. So, in `Sc` and `Weak`, the stores since that point are
//! *unordered*: each of them is lost or not when the process dies, unless another process has seen it; a payload word
//! may also be left with neither the old nor the new value ([`POISON`]). Which of these it is is chosen at the first
//! access that could tell. A Relaxed store that is moved up, before a Release store that comes earlier in the program,
//! is not among these: between any two such stores of our protocols lies a load that acquires. `Tso` and `Pso` model
//! the machine only: what was stored is flushed.
//!
//! For the successor in a role no word goes back to an older value than the dead process could have found. Apart from
//! that there are two ways to see the kernel's hand-over, and each finds what the other does not. Either it orders
//! memory ([`Handover::Synchronized`]): the successor knows what the dead process knew, and has to pass it on, its
//! reads among it. Or it does not ([`Handover::Bare`]): the dead process's reads are over, and the payload that
//! recovery reads has to be ordered by the protocol's own accesses.

use crate::choose::{Choose, Question};
use lastword_protocol::memory::Ordering;
use lastword_protocol::model::Violation;
use std::hash::{Hash, Hasher};

/// What a load may find. See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// Sequentially consistent.
    Sc,
    /// Total store order.
    Tso,
    /// Partial store order.
    Pso,
    /// C++20 without load buffering.
    Weak,
}

/// What the successor in a role knows. See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handover {
    /// All that the dead process knew: the kernel's hand-over orders memory.
    Synchronized,
    /// Nothing: what anybody did does not happen-before what it does until it acquires it.
    Bare,
}

/// What a payload word holds whose copy was cut short.
pub const POISON: u64 = 0x5055_4c4c_4544_2121;

/// Most words and payload words under [`Model::Weak`].
pub const WEAK_CELLS_MAX: usize = 48;

/// A set of events: for each area one write, and one read of each process.
type Known = u128;

/// The dimensions and the rules of a memory.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What a load may find.
    pub model: Model,
    /// Whether a dying process's unordered stores may be lost.
    pub stores_may_be_lost: bool,
    /// What the successor in a role knows.
    pub handover: Handover,
    /// How many words there are; cells beyond are payload.
    pub words: usize,
    /// How many payload areas there are.
    pub areas: usize,
    /// Length of an area, in cells.
    pub area_words: usize,
    /// How many processes there are.
    pub processes: usize,
    /// For each word the area that it is guarded like.
    pub guards: Vec<Option<u8>>,
    /// Whether payload is read while it may be written: then it is not guarded.
    pub racy: bool,
}

impl Rules {
    /// Whether the events of these dimensions can be told apart; how many there would be.
    pub fn check(&self) -> Result<(), String> {
        let events = self.areas * (self.processes + 1);
        if events > Known::BITS as usize {
            return Err(format!(
                "{} areas and {} processes are {events} kinds of events, and the simulator tells {} apart; use fewer consumers",
                self.areas,
                self.processes,
                Known::BITS
            ));
        }
        let cells = self.cells();
        if self.model == Model::Weak && cells > WEAK_CELLS_MAX {
            return Err(format!(
                "the weak model holds {WEAK_CELLS_MAX} words, and these are {cells}; use a smaller scenario or another model"
            ));
        }
        Ok(())
    }

    /// Words and payload words.
    pub fn cells(&self) -> usize {
        self.words + self.areas * self.area_words
    }

    /// The cell of a payload word.
    #[inline]
    pub fn payload(&self, area: usize, index: usize) -> usize {
        self.words + area * self.area_words + index
    }

    /// The area that a cell may only be accessed with, if so.
    #[inline]
    pub fn guard(&self, cell: usize) -> Option<usize> {
        if cell < self.words {
            self.guards[cell].map(usize::from)
        } else if self.racy {
            None
        } else {
            Some((cell - self.words) / self.area_words)
        }
    }

    fn write_event(&self, area: usize) -> Known {
        1 << (area * (self.processes + 1))
    }

    fn read_event(&self, area: usize, process: usize) -> Known {
        2 << (area * (self.processes + 1) + process)
    }

    fn reads_of(&self, area: usize) -> Known {
        ((1 << self.processes) - 1) << (area * (self.processes + 1) + 1)
    }

    fn reads_by(&self, process: usize) -> Known {
        (0..self.areas).fold(0, |events, area| events | self.read_event(area, process))
    }
}

#[inline]
fn acquires(order: Ordering) -> bool {
    matches!(order, Ordering::Acquire | Ordering::AcqRel | Ordering::SeqCst)
}

#[inline]
fn releases(order: Ordering) -> bool {
    matches!(order, Ordering::Release | Ordering::AcqRel | Ordering::SeqCst)
}

/// What a process knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Knowledge {
    now: Known,
    /// What an Acquire fence adds.
    acquired: Known,
    /// What was known at the last Release fence, which a Relaxed store releases.
    fenced: Known,
}

/// A store that is lost if its process dies now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Unordered {
    process: u8,
    cell: u16,
    value_before: u64,
    released_before: Known,
}

/// Another value that a cell may turn out to have, since a process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Doubt {
    cell: u16,
    value: u64,
    released: Known,
}

/// A store in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Buffered {
    cell: u16,
    value: u64,
    released: Known,
    /// Not flushed before what came before it.
    release: bool,
    /// Nothing that came after it is flushed before it.
    closed: bool,
}

/// For each cell the oldest store that may still be found, as a position in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct View([u8; WEAK_CELLS_MAX]);

impl View {
    const NOTHING: Self = Self([0; WEAK_CELLS_MAX]);

    fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    Sure,
    /// Lost if this process dies.
    Unordered(u8),
    /// Its process has died.
    Doubtful,
}

/// A store in a word's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Message {
    value: u64,
    released: Known,
    view: View,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Views {
    now: View,
    acquired: View,
    fenced: View,
}

/// The orders of the words, under [`Model::Weak`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Histories {
    cells: Vec<Vec<Message>>,
    views: Vec<Views>,
    /// The newest `SeqCst` store of each cell.
    seq_cst: View,
    /// What is known at the last `SeqCst` fence.
    fence: View,
}

/// The memory.
#[derive(Debug, PartialEq, Eq)]
pub struct Memory {
    values: Vec<u64>,
    released: Vec<Known>,
    known: Vec<Knowledge>,
    /// The events that there have been, and that matter still.
    events: Known,
    /// Those of them that nobody but their own process knows of.
    fresh: Known,
    writers: Vec<u8>,
    unordered: Vec<Unordered>,
    doubts: Vec<Doubt>,
    buffers: Vec<Vec<Buffered>>,
    histories: Option<Histories>,
    /// Processes that will not load any more.
    over: u32,
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self {
            values: self.values.clone(),
            released: self.released.clone(),
            known: self.known.clone(),
            events: self.events,
            fresh: self.fresh,
            writers: self.writers.clone(),
            unordered: self.unordered.clone(),
            doubts: self.doubts.clone(),
            buffers: self.buffers.clone(),
            histories: self.histories.clone(),
            over: self.over,
        }
    }

    /// Without allocating, where the other was of the same dimensions.
    fn clone_from(&mut self, other: &Self) {
        self.values.clone_from(&other.values);
        self.released.clone_from(&other.released);
        self.known.clone_from(&other.known);
        self.events = other.events;
        self.fresh = other.fresh;
        self.writers.clone_from(&other.writers);
        self.unordered.clone_from(&other.unordered);
        self.doubts.clone_from(&other.doubts);
        self.buffers.clone_from(&other.buffers);
        match (&mut self.histories, &other.histories) {
            (Some(mine), Some(theirs)) => {
                mine.cells.clone_from(&theirs.cells);
                mine.views.clone_from(&theirs.views);
                mine.seq_cst = theirs.seq_cst;
                mine.fence = theirs.fence;
            }
            (mine, theirs) => mine.clone_from(theirs),
        }
        self.over = other.over;
    }
}

const NO_WRITER: u8 = u8::MAX;

impl Memory {
    /// A memory with these values in its words, and 0 in its payload.
    pub fn new(rules: &Rules, initial: &[(usize, u64)]) -> Self {
        let cells = rules.cells();
        let mut values = vec![0; cells];
        for &(cell, value) in initial {
            values[cell] = value;
        }
        let all = Known::MAX;
        let histories = (rules.model == Model::Weak).then(|| {
            let view = View::NOTHING;
            let message = |value| Message { value, released: all, view, fate: Fate::Sure };
            let views = Views { now: view, acquired: view, fenced: view };
            Histories {
                cells: values.iter().map(|&value| vec![message(value)]).collect(),
                views: vec![views; rules.processes],
                seq_cst: view,
                fence: view,
            }
        });
        Self {
            values,
            released: vec![all; if rules.racy { cells } else { rules.words }],
            known: vec![Knowledge { now: all, acquired: all, fenced: all }; rules.processes],
            events: 0,
            fresh: 0,
            writers: vec![NO_WRITER; rules.areas],
            unordered: Vec::new(),
            doubts: Vec::new(),
            buffers: vec![Vec::new(); if matches!(rules.model, Model::Tso | Model::Pso) { rules.processes } else { 0 }],
            histories,
            over: 0,
        }
    }

    /// The newest value of a cell.
    #[inline]
    pub fn newest(&self, cell: usize) -> u64 {
        self.values[cell]
    }

    /// What a process finds in a cell that finds the newest value: its own buffered store, if it has one.
    #[inline]
    pub fn newest_to(&self, process: usize, cell: usize) -> u64 {
        self.own(process, cell).unwrap_or(self.values[cell])
    }

    /// Loads a cell.
    pub fn load(
        &mut self,
        rules: &Rules,
        process: usize,
        cell: usize,
        order: Ordering,
        choose: &mut impl Choose,
    ) -> Result<u64, Violation> {
        self.resolve(rules, cell, choose);
        if let Some(area) = rules.guard(cell) {
            self.read_area(rules, process, area)?;
        } else if self.histories.is_some() {
            return Ok(self.load_weak(process, cell, order, choose));
        }
        if let Some(own) = self.own(process, cell) {
            return Ok(own);
        }
        self.perform(process, cell);
        self.gain(process, cell, acquires(order));
        Ok(self.values[cell])
    }

    /// Stores to a cell.
    pub fn store(
        &mut self,
        rules: &Rules,
        process: usize,
        cell: usize,
        value: u64,
        order: Ordering,
        choose: &mut impl Choose,
    ) -> Result<(), Violation> {
        self.resolve(rules, cell, choose);
        let guard = rules.guard(cell);
        if let Some(area) = guard {
            self.write_area(rules, process, area)?;
        }
        let release = releases(order);
        if release {
            self.order(process);
        }
        let released = self.release(process, release);
        if guard.is_none() && self.histories.is_some() {
            let fate = self.fate(rules, process, release);
            self.append(process, cell, value, released, order, None, fate);
            self.values[cell] = value;
            return Ok(());
        }
        if !self.buffers.is_empty() {
            if order == Ordering::SeqCst {
                self.drain(process);
            } else {
                let cell = cell as u16;
                self.buffers[process].push(Buffered { cell, value, released, release, closed: false });
                self.flush_guarded(rules, process);
                return Ok(());
            }
        }
        // What another process had stored here before is overwritten, lost or not.
        self.unordered.retain(|store| store.process == process as u8 || usize::from(store.cell) != cell);
        if rules.stores_may_be_lost && !release && self.buffers.is_empty() {
            self.unordered.push(Unordered {
                process: process as u8,
                cell: cell as u16,
                value_before: self.values[cell],
                released_before: self.released.get(cell).copied().unwrap_or(Known::MAX),
            });
        }
        self.put(cell, value, released);
        Ok(())
    }

    /// Compares and exchanges a cell; the value found.
    pub fn compare_exchange(
        &mut self,
        rules: &Rules,
        process: usize,
        cell: usize,
        (current, new): (u64, u64),
        (success, failure): (Ordering, Ordering),
        choose: &mut impl Choose,
    ) -> Result<u64, Violation> {
        self.resolve(rules, cell, choose);
        self.drain(process);
        let found = self.values[cell];
        let order = if found == current { success } else { failure };
        if let Some(area) = rules.guard(cell) {
            self.write_area(rules, process, area)?;
        } else if let Some(histories) = &mut self.histories {
            let newest = histories.cells[cell].len() - 1;
            histories.find(process, cell, newest, acquires(order));
            let released = histories.cells[cell][newest].released;
            self.gain_known(process, released, acquires(order));
            if found == current {
                let release = releases(order);
                if release {
                    self.order(process);
                }
                // A read-modify-write continues the release sequence of the store that it replaces.
                let released = self.release(process, release) | released;
                let fate = self.fate(rules, process, release);
                self.append(process, cell, new, released, order, Some(newest), fate);
                self.values[cell] = new;
            }
            return Ok(found);
        }
        self.perform(process, cell);
        self.gain(process, cell, acquires(order));
        if found == current {
            let release = releases(order);
            if release {
                self.order(process);
            }
            let before = self.released.get(cell).copied().unwrap_or(Known::MAX);
            let released = self.release(process, release) | before;
            if rules.stores_may_be_lost && !release && self.buffers.is_empty() {
                self.unordered.push(Unordered {
                    process: process as u8,
                    cell: cell as u16,
                    value_before: found,
                    released_before: before,
                });
            }
            self.put(cell, new, released);
        }
        Ok(found)
    }

    /// A fence.
    pub fn fence(&mut self, rules: &Rules, process: usize, order: Ordering) {
        if acquires(order) {
            let known = &mut self.known[process];
            known.now |= known.acquired;
            if let Some(histories) = &mut self.histories {
                let views = &mut histories.views[process];
                let acquired = views.acquired;
                views.now.join(&acquired);
            }
        }
        if order == Ordering::SeqCst {
            self.drain(process);
            if let Some(histories) = &mut self.histories {
                let (seq_cst, fence) = (histories.seq_cst, histories.fence);
                let views = &mut histories.views[process];
                views.now.join(&seq_cst);
                views.now.join(&fence);
                histories.fence = views.now;
            }
        }
        if releases(order) {
            self.order(process);
            self.fresh &= !self.known[process].now;
            self.known[process].fenced = self.known[process].now;
            if let Some(histories) = &mut self.histories {
                let views = &mut histories.views[process];
                views.fenced = views.now;
            }
            if rules.model == Model::Pso {
                for store in &mut self.buffers[process] {
                    store.closed = true;
                }
            }
        }
    }

    /// Notes that a payload area is read, which it must be ordered for.
    pub fn read_area(&mut self, rules: &Rules, process: usize, area: usize) -> Result<(), Violation> {
        let written = rules.write_event(area);
        if self.events & written & !self.known[process].now != 0 {
            let promise = "no data race: what is read was written before (area, writer)";
            return Err(Violation::new(promise, area as u64, self.writers[area].into()));
        }
        let read = rules.read_event(area, process);
        if self.fresh & read == 0 {
            self.happen(process, read);
        }
        Ok(())
    }

    /// Notes that a payload area is written, which it must be ordered for.
    pub fn write_area(&mut self, rules: &Rules, process: usize, area: usize) -> Result<(), Violation> {
        let (now, written) = (self.known[process].now, rules.write_event(area));
        let own = usize::from(self.writers[area]) == process;
        if own && self.fresh & written != 0 && self.events & rules.reads_of(area) == 0 {
            return Ok(());
        }
        let reads = self.events & rules.reads_of(area) & !rules.read_event(area, process) & !now;
        if reads != 0 {
            let reader = (0..rules.processes).find(|&reader| reads & rules.read_event(area, reader) != 0);
            let promise = "no data race: what is written has been read before (area, reader)";
            return Err(Violation::new(promise, area as u64, reader.unwrap_or(0) as u64));
        }
        if !own && self.events & written & !now != 0 {
            let promise = "no data race: what is written was written before (area, writer)";
            return Err(Violation::new(promise, area as u64, self.writers[area].into()));
        }
        // Whoever knows of this write knows of the reads before it.
        let reads = rules.reads_of(area);
        if self.events & reads != 0 {
            self.events &= !reads;
            self.for_each_known(|known| *known |= reads);
        }
        self.writers[area] = process as u8;
        self.happen(process, written);
        Ok(())
    }

    /// A process dies.
    pub fn kill(&mut self, rules: &Rules, process: usize) {
        if rules.handover == Handover::Bare {
            // What the dead process has read is of no account to anybody, and its successor knows nothing of it.
            let reads = rules.reads_by(process);
            if self.events & reads != 0 {
                self.events &= !reads;
                self.for_each_known(|known| *known |= reads);
            }
            self.known[process].now = !self.events;
        }
        self.fresh = 0;
        let nothing = !self.events;
        let known = &mut self.known[process];
        known.acquired = known.now;
        known.fenced = nothing;
        // The newest value comes first: it is the one that is there if nothing was lost.
        let mut at = self.unordered.len();
        while at > 0 {
            at -= 1;
            let store = self.unordered[at];
            if usize::from(store.process) != process {
                continue;
            }
            self.unordered.remove(at);
            self.doubts.push(Doubt { cell: store.cell, value: store.value_before, released: store.released_before });
        }
        if let Some(histories) = &mut self.histories {
            histories.kill(process);
        }
    }

    /// Whether a dead process's stores are in memory, so that its successor may begin.
    pub fn is_settled(&self, process: usize) -> bool {
        self.buffers.get(process).is_none_or(Vec::is_empty)
    }

    /// Whether a process has stores in its buffer.
    pub fn can_flush(&self, process: usize) -> bool {
        self.buffers.get(process).is_some_and(|buffer| !buffer.is_empty())
    }

    /// Flushes one store of a process's buffer; the cell.
    pub fn flush(&mut self, rules: &Rules, process: usize, choose: &mut impl Choose) -> usize {
        let count = if rules.model == Model::Tso { 1 } else { self.flushable(process).count() };
        let which = if count > 1 { choose.choose(Question::Flush, count) } else { 0 };
        let at = self.flushable(process).nth(which).unwrap_or(0);
        let cell = self.flush_at(process, at);
        self.flush_guarded(rules, process);
        cell
    }

    /// The cells whose newest store is lost or not if `process` dies now.
    pub fn unordered_of(&self, process: usize) -> Vec<usize> {
        let own = Fate::Unordered(process as u8);
        let cells = self.histories.iter().flat_map(|histories| histories.cells.iter().enumerate());
        let weak = cells.filter(|(_, messages)| messages.last().is_some_and(|message| message.fate == own));
        let plain = self.unordered.iter().filter(|store| usize::from(store.process) == process);
        let mut all: Vec<_> = plain.map(|store| store.cell.into()).chain(weak.map(|(cell, _)| cell)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What cells may hold instead of their newest values, if somebody looks now: the stores of `process` that are lost
    /// if it dies may not be done yet, and those of the dead may never have been. A cell can be there more than once.
    /// Not of [`Model::Weak`].
    pub fn alternatives(&self, process: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        let own = self.unordered.iter().filter(move |store| usize::from(store.process) == process);
        let own = own.map(|store| (usize::from(store.cell), store.value_before));
        own.chain(self.doubts.iter().map(|doubt| (usize::from(doubt.cell), doubt.value)))
    }

    /// How many cells have a value that is not decided yet.
    pub fn doubts(&self) -> usize {
        let weak = self.histories.iter().flat_map(|histories| &histories.cells);
        self.doubts.len()
            + weak.filter(|messages| messages.last().is_some_and(|message| message.fate == Fate::Doubtful)).count()
    }

    /// Exchanges what two processes know. They must not have stored, nor read what is guarded.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.known.swap(a, b);
        if let Some(histories) = &mut self.histories {
            histories.views.swap(a, b);
        }
    }

    /// A process will not load any more.
    pub fn end(&mut self, process: usize) {
        self.over |= 1 << process;
        for cell in 0..self.histories.as_ref().map_or(0, |histories| histories.cells.len()) {
            self.collect(cell);
        }
    }

    fn flushable(&self, process: usize) -> impl Iterator<Item = usize> + '_ {
        let buffer = &self.buffers[process];
        (0..buffer.len()).filter(move |&at| {
            let store = &buffer[at];
            buffer[..at].iter().all(|before| before.cell != store.cell && !store.release && !before.closed)
        })
    }

    fn flush_at(&mut self, process: usize, at: usize) -> usize {
        let Buffered { cell, value, released, .. } = self.buffers[process].remove(at);
        self.put(cell.into(), value, released);
        cell.into()
    }

    /// Flushes what nobody may look at unordered: no order of these can be told from another.
    fn flush_guarded(&mut self, rules: &Rules, process: usize) {
        loop {
            let tso = rules.model == Model::Tso;
            let next = self
                .flushable(process)
                .take(if tso { 1 } else { usize::MAX })
                .find(|&at| rules.guard(self.buffers[process][at].cell.into()).is_some());
            match next {
                Some(at) => self.flush_at(process, at),
                None => return,
            };
        }
    }

    /// The newest store to a cell in a process's buffer.
    #[inline]
    fn own(&self, process: usize, cell: usize) -> Option<u64> {
        let buffer = self.buffers.get(process)?;
        buffer.iter().rev().find(|store| usize::from(store.cell) == cell).map(|store| store.value)
    }

    fn drain(&mut self, process: usize) {
        if let Some(buffer) = self.buffers.get_mut(process) {
            for Buffered { cell, value, released, .. } in std::mem::take(buffer) {
                self.put(cell.into(), value, released);
            }
        }
    }

    fn put(&mut self, cell: usize, value: u64, released: Known) {
        self.values[cell] = value;
        if let Some(word) = self.released.get_mut(cell) {
            *word = released;
        }
    }

    /// What a store of `process` releases.
    fn release(&mut self, process: usize, release: bool) -> Known {
        let known = &self.known[process];
        if release {
            self.fresh &= !known.now;
            known.now
        } else {
            known.fenced
        }
    }

    /// A load of `process` has found what is in `cell`.
    #[inline]
    fn gain(&mut self, process: usize, cell: usize, acquire: bool) {
        if let Some(&released) = self.released.get(cell) {
            self.gain_known(process, released, acquire);
        }
    }

    #[inline]
    fn gain_known(&mut self, process: usize, released: Known, acquire: bool) {
        let known = &mut self.known[process];
        known.acquired |= released;
        if acquire {
            known.now |= released;
        }
    }

    /// An event that nobody else knows of yet.
    fn happen(&mut self, process: usize, event: Known) {
        self.events |= event;
        self.fresh |= event;
        self.for_each_known(|known| *known &= !event);
        let known = &mut self.known[process];
        known.now |= event;
        known.acquired |= event;
    }

    fn for_each_known(&mut self, change: impl Fn(&mut Known)) {
        self.released.iter_mut().for_each(&change);
        for known in &mut self.known {
            change(&mut known.now);
            change(&mut known.acquired);
            change(&mut known.fenced);
        }
        self.unordered.iter_mut().for_each(|store| change(&mut store.released_before));
        self.doubts.iter_mut().for_each(|doubt| change(&mut doubt.released));
        self.buffers.iter_mut().flatten().for_each(|store| change(&mut store.released));
        if let Some(histories) = &mut self.histories {
            histories.cells.iter_mut().flatten().for_each(|message| change(&mut message.released));
        }
    }

    /// What `process` has stored can no longer be lost.
    fn order(&mut self, process: usize) {
        self.unordered.retain(|store| usize::from(store.process) != process);
        if let Some(histories) = &mut self.histories {
            let fate = Fate::Unordered(process as u8);
            for message in histories.cells.iter_mut().flatten().filter(|message| message.fate == fate) {
                message.fate = Fate::Sure;
            }
        }
    }

    fn fate(&self, rules: &Rules, process: usize, release: bool) -> Fate {
        if release || !rules.stores_may_be_lost { Fate::Sure } else { Fate::Unordered(process as u8) }
    }

    /// Another process has found a store: it has been done.
    fn perform(&mut self, process: usize, cell: usize) {
        if !self.unordered.is_empty() {
            self.unordered.retain(|store| usize::from(store.process) == process || usize::from(store.cell) != cell);
        }
    }

    /// Decides what a death left in a cell, now that somebody comes to it.
    fn resolve(&mut self, rules: &Rules, cell: usize, choose: &mut impl Choose) {
        if let Some(histories) = &mut self.histories {
            let messages = &mut histories.cells[cell];
            let doubtful = messages.iter().rev().take_while(|message| message.fate == Fate::Doubtful).count();
            if doubtful > 0 {
                let payload = usize::from(cell >= rules.words);
                let lost = choose.choose(Question::Left, doubtful + 1 + payload);
                if lost > doubtful {
                    if let Some(newest) = messages.last_mut() {
                        newest.value = POISON;
                    }
                } else {
                    messages.truncate(messages.len() - lost);
                }
                for message in messages.iter_mut().filter(|message| message.fate == Fate::Doubtful) {
                    message.fate = Fate::Sure;
                }
                self.values[cell] = messages.last().map_or(0, |message| message.value);
                let newest = (messages.len() - 1) as u8;
                histories.forget(cell, newest);
            }
        }
        if self.doubts.is_empty() {
            return;
        }
        let here = |doubt: &Doubt| usize::from(doubt.cell) == cell;
        let others = self.doubts.iter().filter(|doubt| here(doubt)).count();
        if others == 0 {
            return;
        }
        let payload = usize::from(cell >= rules.words);
        let lost = choose.choose(Question::Left, others + 1 + payload);
        if lost > others {
            self.values[cell] = POISON;
        } else if lost > 0
            && let Some(&doubt) = self.doubts.iter().filter(|doubt| here(doubt)).nth(lost - 1)
        {
            self.put(cell, doubt.value, doubt.released);
        }
        self.doubts.retain(|doubt| !here(doubt));
    }

    fn load_weak(&mut self, process: usize, cell: usize, order: Ordering, choose: &mut impl Choose) -> u64 {
        let Some(histories) = &mut self.histories else { return self.values[cell] };
        let mut oldest = histories.views[process].now.0[cell];
        if order == Ordering::SeqCst {
            oldest = oldest.max(histories.seq_cst.0[cell]).max(histories.fence.0[cell]);
        }
        let newest = histories.cells[cell].len() - 1;
        let count = newest + 1 - usize::from(oldest);
        let back = if count > 1 { choose.choose(Question::Older, count) } else { 0 };
        let at = newest - back;
        histories.find(process, cell, at, acquires(order));
        let Message { value, released, .. } = histories.cells[cell][at];
        self.gain_known(process, released, acquires(order));
        self.collect(cell);
        value
    }

    #[expect(clippy::too_many_arguments, reason = "all of a store")]
    fn append(
        &mut self,
        process: usize,
        cell: usize,
        value: u64,
        released: Known,
        order: Ordering,
        replaces: Option<usize>,
        fate: Fate,
    ) {
        let Some(histories) = &mut self.histories else { return };
        let at = histories.cells[cell].len();
        assert!(at < usize::from(u8::MAX), "a word's order holds 255 stores that may still be found");
        let views = &histories.views[process];
        let mut view = if releases(order) { views.now } else { views.fenced };
        if let Some(replaced) = replaces {
            view.join(&histories.cells[cell][replaced].view);
        }
        view.0[cell] = at as u8;
        histories.views[process].now.0[cell] = at as u8;
        if order == Ordering::SeqCst {
            histories.seq_cst.0[cell] = at as u8;
        }
        let message = Message { value, released, view, fate };
        histories.cells[cell].push(message);
        self.collect(cell);
    }

    /// Forgets what nobody can find any more.
    fn collect(&mut self, cell: usize) {
        let over = self.over;
        let Some(histories) = &mut self.histories else { return };
        let live = histories.views.iter().enumerate().filter(|(process, _)| over & (1 << process) == 0);
        let newest = histories.cells[cell].len() - 1;
        let oldest = live.map(|(_, views)| views.now.0[cell]).min().unwrap_or(newest as u8);
        // What may be lost leaves what was there before.
        let unsure = histories.cells[cell].iter().rev().take_while(|message| message.fate != Fate::Sure).count();
        let oldest = oldest.min(newest.saturating_sub(unsure) as u8);
        if oldest == 0 {
            return;
        }
        histories.cells[cell].drain(..usize::from(oldest));
        histories.for_each_view(|view| view.0[cell] = view.0[cell].saturating_sub(oldest));
    }

    /// Everything that the future depends on.
    pub fn digest(&self, hasher: &mut impl Hasher) {
        for &value in &self.values {
            hasher.write_u64(value);
        }
        // What everybody knows, and what never happened, is no difference.
        let events = self.events;
        for &released in &self.released {
            hasher.write_u128(released & events);
        }
        for known in &self.known {
            hasher.write_u128(known.now & events);
            hasher.write_u128((known.acquired | known.now) & events);
            hasher.write_u128(known.fenced & events);
        }
        hasher.write_u128(events);
        hasher.write(&self.writers);
        hasher.write_usize(self.unordered.len());
        for store in &self.unordered {
            (store.process, store.cell, store.value_before, store.released_before & events).hash(hasher);
        }
        hasher.write_usize(self.doubts.len());
        for doubt in &self.doubts {
            (doubt.cell, doubt.value, doubt.released & events).hash(hasher);
        }
        for buffer in &self.buffers {
            hasher.write_usize(buffer.len());
            for store in buffer {
                (store.cell, store.value, store.released & events, store.release, store.closed).hash(hasher);
            }
        }
        if let Some(histories) = &self.histories {
            for messages in &histories.cells {
                hasher.write_usize(messages.len());
                for message in messages {
                    (message.value, message.released & events, message.view, message.fate).hash(hasher);
                }
            }
            histories.views.hash(hasher);
            histories.seq_cst.hash(hasher);
            histories.fence.hash(hasher);
        }
    }
}

impl Histories {
    /// `process` has found the store at `at`, and what was stored before it in program order is done too.
    fn find(&mut self, process: usize, cell: usize, at: usize, acquire: bool) {
        let message = &mut self.cells[cell][at];
        if message.fate != Fate::Unordered(process as u8) {
            message.fate = Fate::Sure;
        }
        let view = message.view;
        let views = &mut self.views[process];
        views.now.0[cell] = views.now.0[cell].max(at as u8);
        views.acquired.join(&view);
        if acquire {
            views.now.join(&view);
        }
        let now = views.now;
        views.acquired.join(&now);
    }

    fn kill(&mut self, process: usize) {
        for messages in &mut self.cells {
            for message in
                messages.iter_mut().rev().take_while(|message| message.fate == Fate::Unordered(process as u8))
            {
                message.fate = Fate::Doubtful;
            }
        }
        let views = &mut self.views[process];
        views.acquired = views.now;
        views.fenced = View::NOTHING;
    }

    /// Stores after `newest` are no more.
    fn forget(&mut self, cell: usize, newest: u8) {
        self.for_each_view(|view| view.0[cell] = view.0[cell].min(newest));
    }

    fn for_each_view(&mut self, change: impl Fn(&mut View)) {
        for views in &mut self.views {
            change(&mut views.now);
            change(&mut views.acquired);
            change(&mut views.fenced);
        }
        self.cells.iter_mut().flatten().for_each(|message| change(&mut message.view));
        change(&mut self.seq_cst);
        change(&mut self.fence);
    }
}
