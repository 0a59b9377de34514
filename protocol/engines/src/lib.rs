//! The engines that run a scenario: [loom], [shuttle], and [one thread](single) that plays every process.
//!
//! For the protocols' own tests, and to compare other engines with these.
//!
//! One memory serves them all. It kills the process that it belongs to before an access of a given number: by unwinding
//! to the incarnation's start, with its memory inert from then on. A [`Change`] is applied on top of it, by [`Broken`];
//! only an ordering is weakened here.

#![forbid(unsafe_code)]

pub mod loom;
pub mod shuttle;
pub mod single;
pub mod suite;

use lastword_protocol::memory::{Memory, Numbering, Ordering, Site};
use lastword_protocol::model::broken::Broken;
use lastword_protocol::model::variant::{Change, Part};
use lastword_protocol::model::{Judge, Scenario, Violation};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::Duration;

/// An atomic word and a payload word, as an engine has them.
pub trait Backend: 'static {
    /// An atomic word.
    type Word: 'static;
    /// A payload word.
    type Payload: 'static;
    /// An atomic word that holds `value`.
    fn word(value: u64) -> Self::Word;
    /// Loads a word.
    fn load(word: &Self::Word, order: Ordering) -> u64;
    /// Stores to a word.
    fn store(word: &Self::Word, value: u64, order: Ordering);
    /// Stores `new` to a word that holds `current`; what it held.
    ///
    /// # Errors
    /// It held something else, which this is.
    fn compare_exchange(
        word: &Self::Word,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64>;
    /// A fence.
    fn fence(order: Ordering);
    /// A payload word; `racy` if the scenario has observers, which read it while it is written.
    fn payload(racy: bool) -> Self::Payload;
    /// Reads a payload word.
    fn read(payload: &Self::Payload) -> u64;
    /// Writes a payload word.
    fn write(payload: &Self::Payload, value: u64);
    /// Lets another process run.
    fn pause();
}

/// One access, for the story of a failure.
#[derive(Clone, Copy)]
pub struct Event<W> {
    process: usize,
    site: &'static Site,
    place: Named<W>,
    value: u64,
}

#[derive(Clone, Copy)]
enum Named<W> {
    Word(W),
    Payload(usize, usize),
    Nothing,
}

/// The accesses of the execution that runs, in order.
pub type Trace<W> = Arc<Mutex<Vec<Event<W>>>>;

/// What each process saw and did in one execution, as the sites and values of its accesses; not how the processes were
/// interleaved.
pub type Story = Vec<Vec<(&'static str, u64)>>;

/// Told of the story of every execution.
pub type Listener = Arc<dyn Fn(Story) + Send + Sync>;

/// Tells a listener of the execution that just ended.
fn report<S: Scenario>(listener: Option<&Listener>, scenario: &S, trace: &Trace<S::Word>) {
    let Some(listener) = listener else { return };
    let mut story = vec![Vec::new(); scenario.processes()];
    for event in trace.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter() {
        story[event.process].push((event.site.name, event.value));
    }
    listener(story);
}

/// Prints the accesses of a failed execution, one a line.
fn tell<S: Scenario>(scenario: &S, trace: &Trace<S::Word>) {
    for event in trace.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter() {
        let Event { process, site, place, value } = event;
        let place = match place {
            Named::Word(word) => format!("{word:?}"),
            Named::Payload(area, index) => format!("payload[{area}][{index}]"),
            Named::Nothing => String::new(),
        };
        println!("{process} {:9} {site:24} {:?} {place} {value:#x}", scenario.role(*process), site.order);
    }
}

/// The memory of one run.
pub struct World<B: Backend, S: Scenario> {
    scenario: S,
    layout: S::Layout,
    words: Vec<B::Word>,
    payload: Vec<B::Payload>,
    /// What each word was last set to, in the order in which the engine runs things.
    shadow: Vec<AtomicU64>,
    change: Option<Change>,
    impossible: AtomicBool,
    trace: Trace<S::Word>,
    oracle: Mutex<S::Oracle>,
}

impl<B: Backend, S: Scenario + Clone> World<B, S> {
    /// The memory at a run's beginning, whose accesses will be noted in `trace`.
    pub fn new(scenario: &S, change: Option<Change>, trace: &Trace<S::Word>) -> Self {
        trace.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clear();
        let trace = Arc::clone(trace);
        let scenario = match &change {
            Some(change) => scenario.clone().changed(change),
            None => scenario.clone(),
        };
        let layout = scenario.layout();
        let racy = (0..scenario.processes()).any(|process| scenario.role(process) == "observer");
        let shadow: Vec<_> = (0..layout.words()).map(|_| AtomicU64::new(0)).collect();
        for (word, value) in scenario.initial() {
            shadow[layout.number(word).expect("a word of the scenario")].store(value, Relaxed);
        }
        let words: Vec<_> = shadow.iter().map(|value| B::word(value.load(Relaxed))).collect();
        let payload = (0..layout.areas() * layout.area_words()).map(|_| B::payload(racy)).collect();
        let oracle = Mutex::new(scenario.oracle());
        Self { scenario, layout, words, payload, shadow, change, impossible: AtomicBool::new(false), trace, oracle }
    }
}

impl<B: Backend, S: Scenario> World<B, S> {
    /// What is known of the run.
    pub fn oracle(&self) -> MutexGuard<'_, S::Oracle> {
        // A process that is killed inside a violation's report poisons nothing that is used again.
        self.oracle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Tells the oracle that a process died.
    pub fn died(&self, process: usize) {
        S::died(&mut self.oracle(), process);
    }
}

impl<B: Backend, S: Scenario> Judge<S::Event> for World<B, S> {
    fn tell(&self, event: S::Event) -> Result<u64, Violation> {
        S::judge(&mut self.oracle(), event)
    }

    fn pause(&self) {
        if self.impossible.load(Relaxed) {
            resume_unwind(Box::new(Impossible));
        }
        B::pause();
    }
}

/// What a killed process unwinds with.
struct Killed;

/// What every process unwinds with when the engine finds that it is in an execution which cannot happen.
struct Impossible;

/// One incarnation's way to the memory.
pub struct View<B: Backend, S: Scenario> {
    world: Arc<World<B, S>>,
    process: usize,
    die: Box<dyn Fn(&'static Site) -> bool>,
    dead: Cell<bool>,
}

/// One incarnation's way to the memory, with the change applied.
pub type BrokenView<B, S> = Broken<View<B, S>, <S as Scenario>::Layout>;

/// A [`View`] with the world's change applied.
fn view<B: Backend, S: Scenario>(
    world: &Arc<World<B, S>>,
    process: usize,
    die: Box<dyn Fn(&'static Site) -> bool>,
) -> BrokenView<B, S> {
    Broken::new(View::new(world, process, die), world.layout, world.change)
}

impl<B: Backend, S: Scenario> View<B, S> {
    /// A view whose process dies before the access at which `die`, asked at each, says so.
    fn new(world: &Arc<World<B, S>>, process: usize, die: Box<dyn Fn(&'static Site) -> bool>) -> Self {
        Self { world: Arc::clone(world), process, die, dead: Cell::new(false) }
    }

    /// The kill point before every access. False if the process is dead and its accesses have no effect.
    fn step(&self, site: &'static Site) -> bool {
        if self.world.impossible.load(Relaxed) && !self.dead.replace(true) {
            resume_unwind(Box::new(Impossible));
        }
        if !self.dead.get() && (self.die)(site) {
            self.dead.set(true);
            resume_unwind(Box::new(Killed));
        }
        !self.dead.get()
    }

    fn note(&self, site: &'static Site, place: Named<S::Word>, value: u64) {
        let event = Event { process: self.process, site, place, value };
        self.world.trace.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(event);
    }

    fn order(&self, site: &'static Site) -> Ordering {
        match self.world.change {
            Some(Change::Weaken { site: at, part: Part::Order, to }) if at.id == site.id => to,
            _ => site.order,
        }
    }

    fn failure(&self, site: &'static Site) -> Ordering {
        match self.world.change {
            Some(Change::Weaken { site: at, part: Part::Failure, to }) if at.id == site.id => to,
            _ => site.failure,
        }
    }

    fn number(&self, word: S::Word) -> usize {
        self.world.layout.number(word).expect("a word of the channel")
    }
}

impl<B: Backend, S: Scenario> Memory for View<B, S> {
    type Word = S::Word;

    fn load(&self, word: S::Word, site: &'static Site) -> u64 {
        if self.world.scenario.is_constant(word) || !self.step(site) {
            return 0;
        }
        let found = B::load(&self.world.words[self.number(word)], self.order(site));
        self.note(site, Named::Word(word), found);
        found
    }

    fn store(&self, word: S::Word, value: u64, site: &'static Site) {
        if self.step(site) {
            let number = self.number(word);
            self.world.shadow[number].store(value, Relaxed);
            B::store(&self.world.words[number], value, self.order(site));
            self.note(site, Named::Word(word), value);
        }
    }

    fn compare_exchange(&self, word: S::Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        if !self.step(site) {
            return Ok(current);
        }
        let number = self.number(word);
        let at = &self.world.words[number];
        let result = B::compare_exchange(at, current, new, self.order(site), self.failure(site));
        if result.is_ok() {
            self.world.shadow[number].store(new, Relaxed);
        }
        self.note(site, Named::Word(word), result.map_or_else(|found| found, |_| new));
        result
    }

    fn fence(&self, site: &'static Site) {
        if self.step(site) && self.order(site) != Ordering::Relaxed {
            B::fence(self.order(site));
            self.note(site, Named::Nothing, 0);
        }
    }

    /// Does not sleep: it ends at once, for no reason, and the caller lets others go first.
    fn wait(&self, _: S::Word, _: u64, _: Duration, site: &'static Site) {
        self.fence(site);
    }

    fn wake(&self, _: S::Word, site: &'static Site) {
        let scenario = &self.world.scenario;
        if (0..scenario.processes()).any(|process| scenario.sleeps(process)) {
            self.step(site);
        }
    }

    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64 {
        if !self.step(site) {
            return 0;
        }
        self.note(site, Named::Payload(area, index), 0);
        B::read(&self.world.payload[area * self.world.layout.area_words() + index])
    }

    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site) {
        if !self.step(site) {
            return;
        }
        self.note(site, Named::Payload(area, index), value);
        let shadow = |word| self.world.shadow[self.number(word)].load(Relaxed);
        if let Err(violation) = self.world.scenario.check_write(area, &shadow) {
            violated(violation);
        }
        B::write(&self.world.payload[area * self.world.layout.area_words() + index], value);
    }
}

/// Lives one process of a run through all its incarnations. `die` is asked before every access, with the number of the
/// incarnation and of the access within it, whether the process dies there.
pub fn live<B: Backend, S: Scenario + 'static>(
    world: &Arc<World<B, S>>,
    process: usize,
    die: impl Fn(usize, u32, &'static Site) -> bool + Clone + 'static,
) {
    let progress = Cell::new(0);
    for incarnation in 0.. {
        let (count, die) = (Cell::new(0), die.clone());
        let die = Box::new(move |site| die(incarnation, count.replace(count.get() + 1), site));
        let life = || world.scenario.live(process, view(world, process, die), &**world, &progress);
        match catch_unwind(AssertUnwindSafe(life)) {
            Ok(Ok(())) => return,
            Ok(Err(violation)) => violated(violation),
            Err(cause) if cause.is::<Killed>() => world.died(process),
            Err(cause) if cause.is::<Impossible>() => {
                world.impossible.store(true, Relaxed);
                return;
            }
            Err(cause) => resume_unwind(cause),
        }
    }
}

/// Ends the run with a violation.
fn violated(violation: Violation) -> ! {
    std::panic::panic_any(violation.to_string());
}

/// What an engine found.
pub struct Outcome {
    /// How many executions it ran.
    pub executions: u64,
    /// How many of them had a process die at the point that was asked for.
    pub kills: u64,
    /// What went wrong, if anything did.
    pub violation: Option<String>,
}

/// Runs `check`, which panics when it finds a violation; prints no panic where one is `expected`.
fn caught(expected: bool, check: impl FnOnce()) -> Option<String> {
    static QUIET: Once = Once::new();
    thread_local!(static CATCHING: Cell<bool> = const { Cell::new(false) });
    QUIET.call_once(|| {
        // Shuttle's own hook, which it sets at its first run, has to lie below this one.
        ::shuttle::check_random(|| {}, 1);
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CATCHING.get() {
                print(info);
            }
        }));
    });
    CATCHING.set(expected);
    let result = catch_unwind(AssertUnwindSafe(check));
    CATCHING.set(false);
    result.err().map(|cause| message(&*cause))
}

/// The first line of a panic's message.
fn message(cause: &(dyn Any + Send)) -> String {
    let text = match (cause.downcast_ref::<String>(), cause.downcast_ref::<&str>()) {
        (Some(text), _) => text,
        (_, Some(text)) => *text,
        _ => "a panic without a message",
    };
    text.lines().next().unwrap_or_default().to_owned()
}

/// The version of a package that this one was built with, as the workspace's lock file has it.
#[must_use]
pub fn version(package: &str) -> Option<&'static str> {
    let lock = include_str!("../../../Cargo.lock");
    let (_, after) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    after.split('"').next()
}
