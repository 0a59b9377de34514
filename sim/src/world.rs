//! The processes of a scenario over a simulated memory: one [`step`](System::step) at a time, with kills.
//!
//! # What a step is
//!
//! One process goes on with its next access to a word that others may be after, and with what follows of its own:
//! accesses that must be ordered with everybody else's anyway (payload, and the words that are guarded like it), and
//! what it tells the judge. Nobody could tell those apart from being done one by one, with one exception, which is a
//! data race, and that is found: the two accesses would still be unordered when the second of them is done, whichever
//! that is. (They are what partial-order reduction calls an ample set.) What an operation tells the judge at its
//! beginning comes right before its first access, and what it tells at its end right after its last, which is when the
//! judge is strictest.
//!
//! # Where processes die
//!
//! Before and after each of a process's accesses, events included, in its recovery too. A point is passed over where
//! dying would leave the same as at the point before: nothing but loads and Release fences have come in between, and
//! what these leave is forgotten, or only takes away from what could happen.
//!
//! Both are undone by [`World::access_by_access`], for who wants to see every state and not only every outcome.
//!
//! A dead process is one that has not begun again yet: it is restarted when it is its turn, and its turn may come
//! after everybody else is through. So a process that is stopped, or dead, for any length of time is among the runs.

use crate::choose::{Choose, Question, nth_enabled};
use crate::coverage::Coverage;
use crate::images::{Pictured, Stand};
use crate::memory::{Handover, Memory as Cells, Model, Rules};
use crate::program::{Ask, Code, NodeId, Outcome, Port, Program};
use crate::trace::{Facts, Line, Place, What};
use foldhash::quality::FixedState;
use lastword_protocol::memory::{Kind, Memory, Numbering, Ordering, Site};
use lastword_protocol::model::broken::{Broken, NOTHING};
use lastword_protocol::model::variant::{Change, Part};
use lastword_protocol::model::{Judge, Progress, Scenario, Violation};
use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

/// A system that takes steps, and can be at any of its states.
pub trait System {
    /// All that the future depends on. `clone_from` does not allocate.
    type State: Clone;

    /// The state at the start.
    fn initial(&self) -> &Self::State;

    /// Takes a step.
    ///
    /// # Errors
    /// A promise was broken.
    fn step(&mut self, state: &mut Self::State, choose: &mut impl Choose) -> Result<Step, Violation>;

    /// Stands for the state: two states with one digest have the same future.
    fn digest(&mut self, state: &Self::State) -> u64;

    /// The points at which processes have been killed so far.
    fn coverage(&self) -> &Coverage;

    /// Told of a state that was met before: whoever can be killed in it was, though he may have come from another site.
    fn merged(&mut self, state: &Self::State) {
        let _ = state;
    }

    /// Called between two runs of a series, when no state is kept: a time to let go of memory.
    fn rest(&mut self) {}

    /// From here on, notes what happens.
    fn record(&mut self);

    /// What has been noted.
    fn recorded(&mut self) -> Vec<Line>;
}

/// A system whose processes perform lists of operations.
pub trait Scripted: System {
    /// The operations that each process performs, as numbers into the scenario's lists.
    fn script(&self) -> &[Vec<u16>];

    /// Has each process perform these operations only.
    fn set_script(&mut self, script: Vec<Vec<u16>>);

    /// Has at most so many processes die.
    fn set_kills(&mut self, max: u8);

    /// How many processes have died on the way to a state.
    fn deaths(&self, state: &Self::State) -> usize;
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to do.
    More,
    /// Nobody has anything left to do.
    End,
}

/// What a process asks of this world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action<E> {
    /// Load of a word.
    Load(u16, u8),
    /// Store of a value.
    Store(u16, u8, u64),
    /// Compare-exchange of the first value by the second.
    CompareExchange(u16, u8, u64, u64),
    /// A fence.
    Fence(u8),
    /// A fence, and sleeping while a word has this value.
    Wait(u16, u8, u64),
    /// Waking those who sleep on a word.
    Wake(u16, u8),
    /// Read of a word of an area.
    Read(u8, u16, u8),
    /// Write of a word of an area.
    Write(u8, u16, u8, u64),
    /// Something for the judge.
    Tell(E),
}

/// Where a process is.
#[derive(Clone, Copy, Debug)]
pub enum Standing {
    /// It has been killed and not begun again, or never begun.
    Dead,
    /// Between two operations: before it makes an access it tells the judge of something, or asks for its next one.
    Resting,
    /// It sleeps.
    Asleep,
    /// Within an operation or a recovery.
    Before {
        /// It makes this access next.
        next: &'static Site,
        /// To this word.
        place: Option<Place>,
        /// It made this one last.
        last: Option<&'static Site>,
    },
}

/// Which kills there are.
#[derive(Clone, Copy, Debug)]
pub struct Kills {
    /// At most so many in one run.
    pub max: u8,
    /// A bit for each process that may die.
    pub of: u32,
}

impl Kills {
    /// So many, of anybody.
    pub const fn any(max: u8) -> Self {
        Self { max, of: u32::MAX }
    }
}

/// How a scenario is run.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// What a load may find.
    pub model: Model,
    /// Which kills there are.
    pub kills: Kills,
    /// What the successor in a role knows.
    pub handover: Handover,
    /// What is broken, if anything.
    pub change: Option<Change>,
}

impl Setting {
    /// The protocol as it is, under `model`, with so many kills, and the stricter hand-over.
    pub const fn new(model: Model, kills: u8) -> Self {
        Self { model, kills: Kills::any(kills), handover: Handover::Bare, change: None }
    }
}

/// The code of a scenario's processes.
pub struct Lives<S: Scenario> {
    scenario: S,
    layout: S::Layout,
    operations: Vec<Vec<S::Op>>,
    change: Option<Change>,
    /// The words that nobody writes.
    constant: Vec<bool>,
    /// Whether anybody ever sleeps.
    sleeps: bool,
}

struct View<'p, 'y, L, E> {
    port: &'p Port<'y, Action<E>>,
    layout: L,
    constant: &'p [bool],
    sleeps: bool,
}

impl<L: Numbering, E> View<'_, '_, L, E> {
    fn cell(&self, word: L::Word) -> u16 {
        match self.layout.number(word) {
            Some(number) => number as u16,
            None => panic!("{word:?} is no word of the channel"),
        }
    }
}

impl<L: Numbering, E> Memory for View<'_, '_, L, E> {
    type Word = L::Word;
    fn load(&self, word: L::Word, site: &'static Site) -> u64 {
        let cell = self.cell(word);
        if self.constant[usize::from(cell)] { 0 } else { self.port.ask(Action::Load(cell, site.id)) }
    }
    fn store(&self, word: L::Word, value: u64, site: &'static Site) {
        self.port.ask(Action::Store(self.cell(word), site.id, value));
    }
    fn compare_exchange(&self, word: L::Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        let found = self.port.ask(Action::CompareExchange(self.cell(word), site.id, current, new));
        if found == current { Ok(found) } else { Err(found) }
    }
    fn fence(&self, site: &'static Site) {
        self.port.ask(Action::Fence(site.id));
    }
    fn wait(&self, word: L::Word, current: u64, _: Duration, site: &'static Site) {
        self.port.ask(Action::Wait(self.cell(word), site.id, current));
    }
    fn wake(&self, word: L::Word, site: &'static Site) {
        if self.sleeps {
            self.port.ask(Action::Wake(self.cell(word), site.id));
        }
    }
    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64 {
        self.port.ask(Action::Read(area as u8, index as u16, site.id))
    }
    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site) {
        self.port.ask(Action::Write(area as u8, index as u16, site.id, value));
    }
}

struct Bench<'p, 'y, E> {
    port: &'p Port<'y, Action<E>>,
}

impl<E> Judge<E> for Bench<'_, '_, E> {
    fn tell(&self, event: E) -> Result<u64, Violation> {
        Ok(self.port.ask(Action::Tell(event)))
    }
    fn pause(&self) {}
}

impl<S: Scenario + 'static> Code for Lives<S> {
    type Action = Action<S::Event>;

    fn processes(&self) -> usize {
        self.operations.len()
    }

    fn live(&self, process: usize, port: &Port<'_, Action<S::Event>>) -> Violation {
        let view = View { port, layout: self.layout, constant: &self.constant, sleeps: self.sleeps };
        let memory = Broken::new(view, self.layout, self.change);
        let judge = Bench { port };
        let mut now = match self.scenario.start(process, &memory, &judge) {
            Ok(now) => now,
            Err(violation) => return violation,
        };
        let mut outcome = Outcome::Started;
        loop {
            let [first, second] = S::carried(&now);
            let operation = port.next(outcome, [first, second, memory.carried()]);
            outcome = match S::perform(&mut now, self.operations[process][operation], &judge) {
                Ok(Progress::Done) => Outcome::Done,
                Ok(Progress::Blocked) => Outcome::Blocked,
                Ok(Progress::Slept) => Outcome::Slept,
                Err(violation) => return violation,
            };
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Runs,
    /// Waits until this cell has another value.
    Waits(u16, u64),
    /// Sleeps on this cell, which had this value, until it is woken.
    Sleeps(u16, u64),
    /// Has nothing left to do.
    Finished,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    node: NodeId,
    /// How many operations are complete.
    progress: u16,
    phase: Phase,
    /// Whether this incarnation has done anything.
    begun: bool,
    /// Whether it has taken up its role.
    started: bool,
    /// Whether dying here leaves the same as dying where it last could have.
    clean: bool,
    /// Kills since the last complete operation.
    deaths: u8,
    incarnation: u16,
    /// The site of the last access.
    behind: Option<u8>,
    /// The last word loaded, or not exchanged, and the value found.
    looked: (u16, u64),
}

/// A state of a [`World`].
#[derive(Debug)]
pub struct State<O> {
    processes: Vec<Process>,
    memory: Cells,
    oracle: O,
    kills: u8,
    last: u8,
}

impl<O: Clone> Clone for State<O> {
    fn clone(&self) -> Self {
        Self {
            processes: self.processes.clone(),
            memory: self.memory.clone(),
            oracle: self.oracle.clone(),
            kills: self.kills,
            last: self.last,
        }
    }

    fn clone_from(&mut self, other: &Self) {
        self.processes.clone_from(&other.processes);
        self.memory.clone_from(&other.memory);
        self.oracle.clone_from(&other.oracle);
        self.kills = other.kills;
        self.last = other.last;
    }
}

/// A scenario, its memory and its rules.
pub struct World<S: Scenario + 'static> {
    program: Program<Lives<S>>,
    rules: Rules,
    /// The orderings of each site, the changed one among them.
    orders: Vec<(Ordering, Ordering)>,
    /// The operations that each process performs, as numbers into its list.
    script: Vec<Vec<u16>>,
    kills_of: u32,
    initial: State<S::Oracle>,
    /// Processes that may change places.
    symmetric: Vec<Vec<usize>>,
    scratch: Option<State<S::Oracle>>,
    coverage: Coverage,
    lines: Option<Vec<Line>>,
    /// Whether every access is a step of its own, and every point one to die at.
    access_by_access: bool,
    /// The process for which images are noted, and those.
    watched: Option<usize>,
    pictures: Vec<Vec<u64>>,
}

impl<S: Scenario> std::fmt::Debug for World<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("rules", &self.rules).field("program", &self.program).finish_non_exhaustive()
    }
}

const SEED: FixedState = FixedState::with_seed(0x0077_6f72_6c64);
/// How many swaps of neighbours go through all orders of none, one, two and three.
const ORDERS: [usize; 4] = [0, 0, 1, 5];
/// How much code is remembered between the runs of a series.
const NODES_MAX: usize = 2_000_000;

impl<S: Scenario + Clone + 'static> World<S> {
    /// The world of `scenario`.
    ///
    /// The scenario and its code are never freed: coroutines refer to them, and are not unwound.
    ///
    /// # Errors
    /// The scenario is larger than the simulator's tables.
    pub fn new(scenario: &S, setting: &Setting) -> Result<Self, String> {
        let scenario = match &setting.change {
            Some(change) => scenario.clone().changed(change),
            None => scenario.clone(),
        };
        let layout = scenario.layout();
        let processes = scenario.processes();
        if processes * 2 > u32::BITS as usize {
            return Err(format!("{processes} processes, and the simulator runs at most 16"));
        }
        let operations: Vec<Vec<_>> = (0..processes).map(|process| scenario.operations(process).to_vec()).collect();
        let script = operations.iter().map(|list| (0..list.len() as u16).collect()).collect();
        let racy = (0..processes).any(|process| scenario.reads_while_written(process));
        let guard = |number| layout.word(number).and_then(|word| scenario.guard(word)).map(|area| area as u8);
        let guards = (0..layout.words()).map(guard).collect();
        let rules = Rules {
            model: setting.model,
            stores_may_be_lost: setting.kills.max > 0 && matches!(setting.model, Model::Sc | Model::Weak),
            handover: setting.handover,
            words: layout.words(),
            areas: layout.areas(),
            area_words: layout.area_words().max(1),
            processes,
            guards,
            racy,
        };
        rules.check()?;
        let initial: Vec<_> =
            scenario.initial().filter_map(|(word, value)| layout.number(word).map(|number| (number, value))).collect();
        let oracle = scenario.oracle();
        let orders = S::SITES.iter().map(|site| orders(site, setting.change.as_ref())).collect();
        let coverage = Coverage::new(&scenario, &operations);
        let symmetric = symmetric(&scenario, &operations);
        let constant = |number| layout.word(number).is_some_and(|word| scenario.is_constant(word));
        let constant = (0..layout.words()).map(constant).collect();
        let sleeps = (0..processes).any(|process| scenario.sleeps(process));
        let change = setting.change;
        let code = Box::leak(Box::new(Lives { scenario, layout, operations, change, constant, sleeps }));
        let program = Program::new(code);
        let initial = State {
            processes: (0..processes).map(|process| Process::new(program.root(process))).collect(),
            memory: Cells::new(&rules, &initial),
            oracle,
            kills: setting.kills.max,
            last: 0,
        };
        Ok(Self {
            program,
            rules,
            orders,
            script,
            kills_of: setting.kills.of,
            initial,
            symmetric,
            scratch: None,
            coverage,
            lines: None,
            access_by_access: false,
            watched: None,
            pictures: Vec::new(),
        })
    }

    /// The same, where two histories of a process are never taken for the same state. For tests of the merging.
    #[must_use]
    pub fn without_merging(mut self) -> Self {
        self.program = Program::new(self.program.code()).without_merging();
        self.restart_all();
        self
    }

    /// The same, where every access, and everything that the judge is told, is a step of its own, and processes die
    /// wherever they stand.
    ///
    /// A step otherwise is an access and what follows of its process alone, and deaths are passed over that change
    /// nothing ([module](self)). That leaves out states, though no outcome. Here none is left out: another process can
    /// go on, and this one die, between any two accesses.
    #[must_use]
    pub fn access_by_access(mut self) -> Self {
        self.access_by_access = true;
        self
    }

    /// The same, where the stores of a process that dies are never lost: a kill is a prefix of program order.
    #[must_use]
    pub fn without_lost_stores(mut self) -> Self {
        self.rules.stores_may_be_lost = false;
        self
    }

    /// Where a process is.
    pub fn standing(&self, state: &State<S::Oracle>, process: usize) -> Standing {
        let now = &state.processes[process];
        if !now.begun {
            return Standing::Dead;
        }
        if matches!(now.phase, Phase::Sleeps(..)) {
            return Standing::Asleep;
        }
        let Ask::Act(action) = self.program.node(now.node).ask else { return Standing::Resting };
        match site_of(&action) {
            None => Standing::Resting,
            Some(site) => {
                let place = self.cell_of(&action).map(|cell| self.place_of(cell));
                let last = now.behind.map(|site| S::SITES[usize::from(site)]);
                Standing::Before { next: S::SITES[usize::from(site)], place, last }
            }
        }
    }

    /// How many points of the processes' code are remembered.
    pub fn nodes(&self) -> usize {
        self.program.len()
    }

    /// Forgets the processes' code, which is found again. States are void.
    pub fn forget(&mut self) {
        self.program.forget();
        self.restart_all();
    }

    /// The newest value of every word and payload word.
    pub fn values(&self, state: &State<S::Oracle>) -> Vec<u64> {
        (0..self.rules.cells()).map(|cell| state.memory.newest(cell)).collect()
    }

    /// An operation of a process, by its number.
    pub fn operation(&self, process: usize, number: u16) -> S::Op {
        self.program.code().operations[process][usize::from(number)]
    }

    fn scenario(&self) -> &'static S {
        &self.program.code().scenario
    }

    fn restart_all(&mut self) {
        for process in 0..self.initial.processes.len() {
            self.initial.processes[process].node = self.program.root(process);
        }
    }

    fn note(&mut self, process: usize, state: &State<S::Oracle>, what: What) {
        if let Some(lines) = &mut self.lines {
            lines.push(Line { process, incarnation: state.processes[process].incarnation, what });
        }
    }

    fn place(&self, cell: usize) -> String {
        match self.place_of(cell) {
            Place::Word(number) => {
                self.program.code().layout.word(number).map_or_else(String::new, |word| word.to_string())
            }
            Place::Payload { area, index } => format!("payload[{area}][{index}]"),
        }
    }

    fn cell_of(&self, action: &Action<S::Event>) -> Option<usize> {
        match *action {
            Action::Load(cell, _)
            | Action::Store(cell, ..)
            | Action::CompareExchange(cell, ..)
            | Action::Wait(cell, ..)
            | Action::Wake(cell, _) => Some(cell.into()),
            Action::Read(area, index, _) | Action::Write(area, index, ..) => {
                Some(self.rules.payload(area.into(), index.into()))
            }
            Action::Fence(_) | Action::Tell(_) => None,
        }
    }

    fn place_of(&self, cell: usize) -> Place {
        match cell.checked_sub(self.rules.words) {
            None => Place::Word(cell),
            Some(at) => Place::Payload { area: at / self.rules.area_words, index: at % self.rules.area_words },
        }
    }

    /// Whether a process would do this in the same turn as what came before it.
    fn is_inline(&self, action: &Action<S::Event>) -> bool {
        if self.access_by_access {
            return false;
        }
        match *action {
            Action::Tell(_) => true,
            Action::Load(cell, _) | Action::Store(cell, ..) | Action::CompareExchange(cell, ..) => {
                self.rules.guard(cell.into()).is_some()
            }
            Action::Fence(site) => self.fence(site) != Ordering::SeqCst,
            Action::Wait(..) | Action::Wake(..) => false,
            Action::Read(..) | Action::Write(..) => !self.rules.racy,
        }
    }

    /// The ordering of a fence; of the point where a change has left something out, Relaxed, which is none.
    fn fence(&self, site: u8) -> Ordering {
        self.orders.get(usize::from(site)).map_or(Ordering::Relaxed, |&(order, _)| order)
    }

    /// Whether the process dies here, where it may.
    fn dies(&mut self, state: &mut State<S::Oracle>, process: usize, choose: &mut impl Choose) -> bool {
        let Process { begun, clean, deaths, behind, .. } = state.processes[process];
        if !self.may_die(state, process) {
            return false;
        }
        let (operation, ahead) = self.stand(state, process);
        // Who has done nothing since it was started is as dead as before. Who looks at images looks at all of them.
        let clean = clean && self.watched.is_none() && !self.access_by_access || !begun;
        let dies = !clean && choose.choose(Question::Dies, 2) == 1;
        // Where it could have died before, and nothing is different, that was this point too.
        self.coverage.at(process, operation, behind, ahead, deaths, dies || clean);
        if dies {
            self.kill(state, process);
            return true;
        }
        state.processes[process].clean = true;
        false
    }

    fn may_die(&self, state: &State<S::Oracle>, process: usize) -> bool {
        state.kills > 0 && self.kills_of & (1 << process) != 0
    }

    /// Which operation a process is at, if it is past its recovery, and which site comes next.
    fn stand(&self, state: &State<S::Oracle>, process: usize) -> (Option<u16>, Option<u8>) {
        let Process { node, started, progress, .. } = state.processes[process];
        let progress = usize::from(progress);
        let (at, ahead) = match self.program.node(node).ask {
            Ask::Act(action) => (started.then_some(progress), site_of(&action)),
            Ask::Next { outcome: Outcome::Done, .. } => (progress.checked_sub(1), None),
            Ask::Next { outcome: Outcome::Blocked | Outcome::Slept, .. } => (Some(progress), None),
            _ => (None, None),
        };
        (at.and_then(|at| self.script[process].get(at)).copied(), ahead)
    }

    fn kill(&mut self, state: &mut State<S::Oracle>, process: usize) {
        let lost = if self.lines.is_some() { state.memory.unordered_of(process) } else { Vec::new() };
        let lost = lost.into_iter().map(|cell| self.place(cell)).collect();
        self.note(process, state, What::Dies { lost });
        state.memory.kill(&self.rules, process);
        S::died(&mut state.oracle, process);
        state.kills -= 1;
        let before = state.processes[process];
        state.processes[process] = Process {
            progress: before.progress,
            deaths: before.deaths.saturating_add(1),
            incarnation: before.incarnation + 1,
            ..Process::new(self.program.root(process))
        };
        self.picture(state);
    }

    /// Does what the process asks for; the answer.
    fn act(
        &mut self,
        state: &mut State<S::Oracle>,
        process: usize,
        action: Action<S::Event>,
        choose: &mut impl Choose,
    ) -> Result<u64, Violation> {
        let rules = &self.rules;
        let mut effect = false;
        let known = self.lines.is_some().then(|| state.memory.doubts());
        let answer = match action {
            Action::Tell(event) => {
                let before = (state.kills > 0).then(|| state.oracle.clone());
                let told = S::judge(&mut state.oracle, event);
                effect = before.is_some_and(|before| before != state.oracle);
                if self.lines.is_some() {
                    let event = format!("{event:?}");
                    self.note(process, state, What::Tells { event, answer: told.as_ref().copied().ok() });
                }
                if effect {
                    state.processes[process].clean = false;
                }
                return told;
            }
            Action::Load(cell, site) => {
                let (order, _) = self.orders[usize::from(site)];
                let found = state.memory.load(rules, process, cell.into(), order, choose)?;
                if rules.guard(cell.into()).is_none() {
                    state.processes[process].looked = (cell, found);
                }
                found
            }
            Action::Store(cell, site, value) => {
                let (order, _) = self.orders[usize::from(site)];
                effect = true;
                state.memory.store(rules, process, cell.into(), value, order, choose)?;
                0
            }
            Action::CompareExchange(cell, site, current, new) => {
                let orders = self.orders[usize::from(site)];
                let found =
                    state.memory.compare_exchange(rules, process, cell.into(), (current, new), orders, choose)?;
                effect = found == current;
                if !effect && rules.guard(cell.into()).is_none() {
                    // Who fails to exchange a word and waits, waits for that word.
                    state.processes[process].looked = (cell, found);
                }
                found
            }
            Action::Fence(site) => {
                state.memory.fence(rules, process, self.fence(site));
                0
            }
            Action::Wait(cell, site, value) => {
                state.memory.fence(rules, process, self.orders[usize::from(site)].0);
                // The kernel looks at what is in memory, and knows of no store that only its process sees.
                if state.memory.newest(cell.into()) == value {
                    state.processes[process].phase = Phase::Sleeps(cell, value);
                }
                0
            }
            Action::Wake(cell, _) => {
                for other in &mut state.processes {
                    if matches!(other.phase, Phase::Sleeps(on, _) if on == cell) {
                        other.phase = Phase::Runs;
                        // Awake, it could die here, and not only as long as it slept.
                        other.clean = false;
                    }
                }
                effect = true;
                0
            }
            Action::Read(area, index, site) => {
                let area = usize::from(area);
                match S::SITES[usize::from(site)].kind {
                    Kind::RacyRead => {}
                    // The bytes of a word that is written in part: a part of the write.
                    Kind::Write => state.memory.write_area(rules, process, area)?,
                    _ => state.memory.read_area(rules, process, area)?,
                }
                let cell = rules.payload(area, index.into());
                state.memory.load(rules, process, cell, Ordering::Relaxed, choose)?
            }
            Action::Write(area, index, _, value) => {
                let area = usize::from(area);
                let scenario = self.scenario();
                let layout = &self.program.code().layout;
                let memory = &state.memory;
                scenario.check_write(area, &|word| layout.number(word).map_or(0, |number| memory.newest(number)))?;
                effect = true;
                if rules.racy {
                    state.memory.write_area(rules, process, area)?;
                }
                let cell = rules.payload(area, index.into());
                state.memory.store(rules, process, cell, value, Ordering::Relaxed, choose)?;
                0
            }
        };
        let site = site_of(&action);
        state.processes[process].behind = site;
        if effect {
            self.picture(state);
            state.processes[process].clean = false;
        }
        if let (Some(before), Some(site)) = (known, site) {
            let left = state.memory.doubts() < before;
            let what = self.access(state, action, site, answer, left);
            self.note(process, state, what);
        }
        Ok(answer)
    }

    fn access(&self, state: &State<S::Oracle>, action: Action<S::Event>, site: u8, answer: u64, left: bool) -> What {
        let (order, failure) = self.orders[usize::from(site)];
        let cell = self.cell_of(&action);
        let (found, stored) = match action {
            Action::Load(..) | Action::Read(..) => (Some(answer), None),
            Action::Store(.., value) | Action::Write(.., value) => (None, Some(value)),
            Action::CompareExchange(_, _, current, new) => (Some(answer), (answer == current).then_some(new)),
            Action::Wait(.., value) => (Some(value), None),
            Action::Wake(..) | Action::Fence(_) | Action::Tell(_) => (None, None),
        };
        let exchange = matches!(action, Action::CompareExchange(..));
        let is_wait = matches!(action, Action::Wait(..));
        let facts = Facts {
            place: cell.map(|cell| self.place_of(cell)),
            found: cell.filter(|_| is_wait).map(|cell| state.memory.newest(cell)).or(found),
            stored,
        };
        What::Access {
            site: S::SITES[usize::from(site)],
            order: if exchange && stored.is_none() { failure } else { order },
            place: cell.map(|cell| self.place(cell)),
            found: found.map(|value| self.value(cell, value)),
            stored: stored.map(|value| self.value(cell, value)),
            left,
            facts,
        }
    }

    fn value(&self, cell: Option<usize>, value: u64) -> String {
        let word = cell.filter(|&cell| cell < self.rules.words).and_then(|cell| self.program.code().layout.word(cell));
        match word {
            Some(word) => std::fmt::from_fn(|f| self.scenario().show(word, value, f)).to_string(),
            _ if value == crate::memory::POISON => "poison".to_owned(),
            _ => format!("{value:#x}"),
        }
    }

    /// The process stands at `node` now; whether it waits there.
    fn come_to(&mut self, state: &mut State<S::Oracle>, process: usize, node: NodeId) -> bool {
        let now = &mut state.processes[process];
        now.node = node;
        let Ask::Next { outcome, .. } = self.program.node(node).ask else { return false };
        match outcome {
            Outcome::Started | Outcome::Slept => {}
            Outcome::Done => {
                now.progress += 1;
                now.deaths = 0;
                self.note(process, state, What::Completes);
            }
            Outcome::Blocked => {
                now.phase = Phase::Waits(now.looked.0, now.looked.1);
                self.note(process, state, What::Waits);
            }
        }
        outcome == Outcome::Blocked
    }
}

impl Process {
    fn new(node: NodeId) -> Self {
        Self {
            node,
            progress: 0,
            phase: Phase::Runs,
            begun: false,
            started: false,
            clean: true,
            deaths: 0,
            incarnation: 0,
            behind: None,
            looked: (0, 0),
        }
    }
}

impl<S: Scenario + Clone + 'static> System for World<S> {
    type State = State<S::Oracle>;

    fn initial(&self) -> &State<S::Oracle> {
        &self.initial
    }

    fn step(&mut self, state: &mut State<S::Oracle>, choose: &mut impl Choose) -> Result<Step, Violation> {
        let count = state.processes.len();
        let (mut enabled, mut finished) = (0_u32, 0);
        for (process, now) in state.processes.iter().enumerate() {
            let goes = match now.phase {
                Phase::Runs => now.begun || state.memory.is_settled(process),
                Phase::Sleeps(..) => false,
                // A store of its own that only it sees is nothing to wake up for.
                Phase::Waits(cell, value) => state.memory.newest_to(process, cell.into()) != value,
                Phase::Finished => {
                    finished += 1;
                    false
                }
            };
            enabled |= u32::from(goes) << process;
            enabled |= u32::from(state.memory.can_flush(process)) << (count + process);
        }
        if enabled == 0 {
            for now in &state.processes {
                if let Phase::Sleeps(cell, value) = now.phase
                    && state.memory.newest(cell.into()) != value
                {
                    let promise = "nobody is left asleep when what it slept for has come (word now, and then)";
                    return Err(Violation::new(promise, state.memory.newest(cell.into()), value));
                }
            }
            // Who waits for somebody that has finished is not waiting in vain: there would be more to come.
            if finished == 0 {
                return Err(Violation::new("nobody waits for ever (processes that wait)", count as u64, 0));
            }
            return Ok(Step::End);
        }
        let last = u32::from(state.last);
        let ways = enabled.count_ones() as usize;
        let index = if ways > 1 {
            choose.choose(Question::Who { enabled, last }, ways)
        } else {
            choose.alone(enabled.trailing_zeros());
            0
        };
        let who = nth_enabled(enabled, last, index) as usize;
        state.last = who as u8;
        let Some(process) = (who < count).then_some(who) else {
            let process = who - count;
            let cell = state.memory.flush(&self.rules, process, choose);
            if self.lines.is_some() {
                let stored = state.memory.newest(cell);
                let facts = Facts { place: Some(self.place_of(cell)), found: None, stored: Some(stored) };
                let what = What::Flushes { place: self.place(cell), value: self.value(Some(cell), stored), facts };
                self.note(process, state, what);
            }
            return Ok(Step::More);
        };
        let mut done = false;
        state.processes[process].phase = Phase::Runs;
        loop {
            match self.program.node(state.processes[process].node).ask {
                Ask::Failed(violation) => return Err(violation),
                Ask::Next { outcome, .. } => {
                    let progress = usize::from(state.processes[process].progress);
                    let Some(&operation) = self.script[process].get(progress) else {
                        if self.dies(state, process, choose) {
                            return Ok(Step::More);
                        }
                        state.processes[process].phase = Phase::Finished;
                        state.memory.end(process);
                        return Ok(Step::More);
                    };
                    if done || self.dies(state, process, choose) {
                        return Ok(Step::More);
                    }
                    if self.lines.is_some() && !matches!(outcome, Outcome::Blocked | Outcome::Slept) {
                        let operation = format!("{:?}", self.operation(process, operation));
                        self.note(process, state, What::Begins { operation });
                    }
                    let now = &mut state.processes[process];
                    (now.begun, now.started, now.behind) = (true, true, None);
                    let node = self.program.advance(now.node, operation.into());
                    if self.come_to(state, process, node) {
                        return Ok(Step::More);
                    }
                }
                Ask::Act(action) => {
                    let inline = self.is_inline(&action);
                    if done && !inline || self.dies(state, process, choose) {
                        return Ok(Step::More);
                    }
                    if !state.processes[process].begun {
                        state.processes[process].begun = true;
                        self.note(process, state, What::Starts);
                    }
                    let answer = self.act(state, process, action, choose)?;
                    done |= !inline;
                    let node = self.program.advance(state.processes[process].node, answer);
                    if self.come_to(state, process, node) || state.processes[process].phase != Phase::Runs {
                        return Ok(Step::More);
                    }
                }
            }
        }
    }

    fn digest(&mut self, state: &State<S::Oracle>) -> u64 {
        if self.symmetric.is_empty() {
            return self.digest_of(state);
        }
        let mut canonical = match self.scratch.take() {
            Some(mut scratch) => {
                scratch.clone_from(state);
                scratch
            }
            None => state.clone(),
        };
        // The least digest of all orders. Groups are of two or three, and a swap is all that the parts offer.
        let mut digest = self.digest_of(&canonical);
        for group in &self.symmetric {
            for round in 0..ORDERS[group.len().min(3)] {
                let (left, right) = (group[round % (group.len() - 1)], group[round % (group.len() - 1) + 1]);
                canonical.processes.swap(left, right);
                canonical.memory.swap(left, right);
                S::swap(&mut canonical.oracle, left, right);
                digest = digest.min(self.digest_of(&canonical));
            }
        }
        self.scratch = Some(canonical);
        digest
    }

    fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    fn merged(&mut self, state: &State<S::Oracle>) {
        for (process, now) in state.processes.iter().enumerate() {
            if now.begun && now.phase == Phase::Runs && self.may_die(state, process) {
                let (operation, ahead) = self.stand(state, process);
                self.coverage.at(process, operation, now.behind, ahead, now.deaths, true);
            }
        }
    }

    fn rest(&mut self) {
        if self.nodes() > NODES_MAX {
            self.forget();
        }
    }

    fn record(&mut self) {
        self.lines = Some(Vec::new());
    }

    fn recorded(&mut self) -> Vec<Line> {
        self.lines.take().unwrap_or_default()
    }
}

impl<S: Scenario + Clone + 'static> Scripted for World<S> {
    fn script(&self) -> &[Vec<u16>] {
        &self.script
    }

    fn set_script(&mut self, script: Vec<Vec<u16>>) {
        self.script = script;
    }

    fn set_kills(&mut self, max: u8) {
        self.initial.kills = max;
    }

    fn deaths(&self, state: &State<S::Oracle>) -> usize {
        usize::from(self.initial.kills - state.kills)
    }
}

impl<S: Scenario + Clone + 'static> Pictured for World<S> {
    /// The value of every word and payload word.
    type Image = Vec<u64>;

    fn image(&self, state: &State<S::Oracle>) -> Vec<u64> {
        self.values(state)
    }

    fn watch(&mut self, process: Option<usize>) {
        self.watched = process;
        self.pictures.clear();
    }

    fn picture(&mut self, state: &State<S::Oracle>) {
        let Some(process) = self.watched else { return };
        let first = self.pictures.len();
        self.pictures.push(self.values(state));
        let mut others: Vec<_> = state.memory.alternatives(process).collect();
        others.sort_unstable();
        for of_a_cell in others.chunk_by(|left, right| left.0 == right.0) {
            for at in first..self.pictures.len() {
                for &(cell, value) in of_a_cell {
                    let mut image = self.pictures[at].clone();
                    image[cell] = value;
                    self.pictures.push(image);
                }
            }
        }
    }

    fn pictures(&mut self) -> Vec<Vec<u64>> {
        std::mem::take(&mut self.pictures)
    }

    fn stand(&self, state: &State<S::Oracle>, process: usize) -> Stand {
        let now = &state.processes[process];
        Stand {
            complete: now.progress.into(),
            deaths: now.incarnation,
            begun: now.begun,
            asleep: matches!(now.phase, Phase::Sleeps(..)),
            idle: matches!(
                self.program.node(now.node).ask,
                Ask::Next { outcome: Outcome::Started | Outcome::Done, .. }
            ),
            finished: now.phase == Phase::Finished,
        }
    }
}

impl<S: Scenario + Clone + 'static> World<S> {
    fn digest_of_process(&self, state: &State<S::Oracle>, process: usize) -> u64 {
        let now = &state.processes[process];
        let deaths = if state.kills > 0 { now.deaths.min(2) } else { 0 };
        let node = self.program.node(now.node).digest;
        // A process that has not begun stands at its root, whatever it was before.
        SEED.hash_one((node, now.progress, now.phase, now.begun, deaths))
    }

    fn digest_of(&self, state: &State<S::Oracle>) -> u64 {
        let mut hasher = SEED.build_hasher();
        for process in 0..state.processes.len() {
            hasher.write_u64(self.digest_of_process(state, process));
        }
        state.oracle.hash(&mut hasher);
        hasher.write_u8(state.kills);
        state.memory.digest(&mut hasher);
        hasher.finish()
    }
}

fn orders(site: &'static Site, change: Option<&Change>) -> (Ordering, Ordering) {
    match change {
        Some(Change::Weaken { site: at, part: Part::Order, to }) if at.id == site.id => (*to, site.failure),
        Some(Change::Weaken { site: at, part: Part::Failure, to }) if at.id == site.id => (site.order, *to),
        _ => (site.order, site.failure),
    }
}

fn site_of<E>(action: &Action<E>) -> Option<u8> {
    match *action {
        Action::Load(_, site)
        | Action::Store(_, site, _)
        | Action::CompareExchange(_, site, ..)
        | Action::Fence(site)
        | Action::Wait(_, site, _)
        | Action::Wake(_, site)
        | Action::Read(_, _, site)
        | Action::Write(_, _, site, _) => (site != NOTHING.id).then_some(site),
        Action::Tell(_) => None,
    }
}

/// The groups of processes that may change places, of more than one process each.
fn symmetric<S: Scenario>(scenario: &S, operations: &[Vec<S::Op>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for process in (0..operations.len()).filter(|&process| scenario.symmetric(process)) {
        match groups.iter_mut().find(|group| operations[group[0]] == operations[process]) {
            Some(group) => group.push(process),
            None => groups.push(vec![process]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}
