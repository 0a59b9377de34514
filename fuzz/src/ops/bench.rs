//! The memory that one thread plays every process on, an operation at a time.

use lastword_protocol::memory::{Memory, Numbering, Site};
use lastword_protocol::model::{Judge, Scenario, Violation};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// More than any operation does.
const ACTIONS_MAX: u32 = 1_000;

/// A cell that is overwritten, once the operation has come so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strike {
    pub(super) after: u32,
    pub(super) cell: usize,
    pub(super) value: u64,
}

/// The memory of a scenario, its judge, and what is to happen in the operation that goes on.
pub(super) struct Bench<S: Scenario> {
    scenario: S,
    layout: S::Layout,
    /// The words, then the payload.
    cells: Vec<Cell<u64>>,
    oracle: RefCell<S::Oracle>,
    /// How many accesses the operation has made, and events it has told.
    actions: Cell<u32>,
    dies_after: Cell<Option<u32>>,
    strike: Cell<Option<Strike>>,
    /// The process has died: what it still does is done to nothing.
    is_dead: Cell<bool>,
    /// Whether writes are held to what the words say.
    is_judged: bool,
    violation: Cell<Option<Violation>>,
}

impl<S: Scenario> Bench<S> {
    pub(super) fn new(scenario: S, is_judged: bool) -> Self {
        let (layout, oracle) = (scenario.layout(), scenario.oracle());
        let cells = vec![Cell::new(0); layout.words() + layout.areas() * layout.area_words()];
        for (word, value) in scenario.initial() {
            cells[layout.number(word).expect("a word of the scenario")].set(value);
        }
        Self {
            scenario,
            layout,
            cells,
            oracle: RefCell::new(oracle),
            actions: Cell::new(0),
            dies_after: Cell::new(None),
            strike: Cell::new(None),
            is_dead: Cell::new(false),
            is_judged,
            violation: Cell::new(None),
        }
    }

    pub(super) fn scenario(&self) -> &S {
        &self.scenario
    }

    /// How many cells there are.
    pub(super) fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Runs an operation of `process`, which dies after so many actions, if it is given; `None` if it died.
    pub(super) fn perform<T>(
        &self,
        process: usize,
        dies_after: Option<u32>,
        act: impl FnOnce() -> Result<T, Violation>,
    ) -> Option<Result<T, Violation>> {
        self.actions.set(0);
        self.dies_after.set(dies_after);
        let result = act();
        self.dies_after.set(None);
        self.strike.set(None);
        if let Some(violation) = self.violation.take() {
            return Some(Err(violation));
        }
        if self.is_dead.replace(false) {
            S::died(&mut self.oracle.borrow_mut(), process);
            return None;
        }
        Some(result)
    }

    /// In the next operation, a cell is overwritten.
    pub(super) fn strike(&self, strike: Strike) {
        self.strike.set(Some(strike));
    }

    /// How much the operation has done.
    pub(super) fn actions(&self) -> u32 {
        self.actions.get()
    }

    /// The point before each action. False if the process is dead.
    fn goes_on(&self) -> bool {
        let actions = self.actions.get();
        assert!(actions < ACTIONS_MAX, "an operation ends");
        if self.dies_after.get() == Some(actions) {
            self.is_dead.set(true);
        }
        if let Some(strike) = self.strike.get()
            && strike.after == actions
        {
            self.cells[strike.cell].set(strike.value);
        }
        self.actions.set(actions + 1);
        !self.is_dead.get()
    }

    fn word(&self, word: S::Word) -> &Cell<u64> {
        &self.cells[self.layout.number(word).expect("a word of the channel")]
    }

    fn payload(&self, area: usize, index: usize) -> &Cell<u64> {
        assert!(area < self.layout.areas() && index < self.layout.area_words(), "a word of the payload");
        &self.cells[self.layout.words() + area * self.layout.area_words() + index]
    }
}

impl<S: Scenario> Memory for Bench<S> {
    type Word = S::Word;

    fn load(&self, word: S::Word, _: &'static Site) -> u64 {
        if self.goes_on() { self.word(word).get() } else { 0 }
    }

    fn store(&self, word: S::Word, value: u64, _: &'static Site) {
        if self.goes_on() {
            self.word(word).set(value);
        }
    }

    fn compare_exchange(&self, word: S::Word, current: u64, new: u64, _: &'static Site) -> Result<u64, u64> {
        if !self.goes_on() {
            return Ok(current);
        }
        let found = self.word(word).get();
        if found != current {
            return Err(found);
        }
        self.word(word).set(new);
        Ok(found)
    }

    fn fence(&self, _: &'static Site) {}

    /// There is nobody who could wake it: it ends at once, for no reason.
    fn wait(&self, _: S::Word, _: u64, _: Duration, _: &'static Site) {
        self.goes_on();
    }

    fn wake(&self, _: S::Word, _: &'static Site) {
        self.goes_on();
    }

    fn read_word(&self, area: usize, index: usize, _: &'static Site) -> u64 {
        if self.goes_on() { self.payload(area, index).get() } else { 0 }
    }

    fn write_word(&self, area: usize, index: usize, value: u64, _: &'static Site) {
        if !self.goes_on() {
            return;
        }
        if self.is_judged
            && let Err(violation) = self.scenario.check_write(area, &|word| self.word(word).get())
        {
            self.violation.set(Some(violation));
        }
        self.payload(area, index).set(value);
    }
}

impl<S: Scenario> Judge<S::Event> for Bench<S> {
    fn tell(&self, event: S::Event) -> Result<u64, Violation> {
        if self.goes_on() { S::judge(&mut self.oracle.borrow_mut(), event) } else { Ok(0) }
    }

    fn pause(&self) {}
}
