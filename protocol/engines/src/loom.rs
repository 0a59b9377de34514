//! Loom: every interleaving and every permitted stale value, within a bound on preemptions.
//!
//! `SeqCst` accesses are passed to loom as they are. Loom gives a `SeqCst` load no `SeqCst` store of its word but the
//! newest, and no extra happens-before edge, which is what Dekker's pattern needs. (With `SeqCst` *fences* instead,
//! loom has a full happens-before edge between any two, which hides missing Release and Acquire.) Three things are
//! added:
//!
//! - A word's initial value is no `SeqCst` store to loom, so it is stored once more.
//! - Loom also offers a `SeqCst` load the weaker stores that are older than the newest `SeqCst` store, which C++20 does
//!   not. An execution in which it takes one is abandoned.
//! - Loom does not know that a compare-exchange's store comes right after the store that it replaced. It lets a thread
//!   that has overwritten the older one read the newer one afterwards, as if that lay between. Such an execution is
//!   abandoned too.

use super::{Backend, Impossible, Listener, Outcome, Trace, World, caught, live, report, tell};
use lastword_protocol::memory::Ordering;
use lastword_protocol::model::Scenario;
use lastword_protocol::model::variant::Change;
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU64, fence};
use loom::thread::ThreadId;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Loom's memory.
pub struct Loom;

/// A word, and beside it one that every access stores to.
///
/// Loom decides what to reorder by each object's *last* access only: a thread that loads a word before it stores to it
/// hides every earlier load by others from that decision, and most interleavings are never tried (loom's issues 166 and
/// 392). A store to `order` at each access makes all accesses of one word depend on each other, which is what they do.
/// It is Relaxed and never loaded: it adds no happens-before edge.
pub struct Word {
    /// The number of a store in `stores`: loom then tells apart two stores of the same value.
    which: AtomicU64,
    order: AtomicU64,
    stores: RefCell<Vec<Store>>,
    /// How many stores have been done.
    done: Cell<usize>,
    /// When the newest `SeqCst` store was done.
    newest_seq_cst: Cell<usize>,
    /// The newest store that each thread has seen or done.
    seen: RefCell<HashMap<ThreadId, usize>>,
}

/// A store that was done, or is about to be.
#[derive(Clone, Copy)]
struct Store {
    value: u64,
    /// When it was done, counted in stores of its word. Every word has one process that stores to it; others only
    /// compare-exchange, which loom gives the newest store. So this is the word's modification order.
    when: usize,
}

impl Word {
    fn touched(&self) -> &AtomicU64 {
        self.order.store(0, Ordering::Relaxed);
        &self.which
    }

    fn register(&self, value: u64) -> u64 {
        let mut stores = self.stores.borrow_mut();
        stores.push(Store { value, when: usize::MAX });
        stores.len() as u64 - 1
    }

    fn store_of(&self, which: u64) -> Store {
        self.stores.borrow()[which as usize]
    }

    /// Notes a store that has just been done: loom switches threads before an access, not after it.
    fn done(&self, which: u64, order: Ordering) {
        let when = self.done.replace(self.done.get() + 1);
        self.stores.borrow_mut()[which as usize].when = when;
        if order == Ordering::SeqCst {
            self.newest_seq_cst.set(when);
        }
        self.see(when);
    }

    /// Notes that this thread has seen a store. Having seen a newer one, it cannot.
    fn see(&self, when: usize) {
        let mut seen = self.seen.borrow_mut();
        let newest = seen.entry(loom::thread::current().id()).or_insert(0);
        if when < *newest {
            resume_unwind(Box::new(Impossible));
        }
        *newest = when;
    }

    /// The newest store, if it holds `value`.
    fn newest_with(&self, value: u64) -> Option<u64> {
        let newest = self.done.get() - 1;
        let stores = self.stores.borrow();
        stores.iter().position(|store| store.when == newest && store.value == value).map(|which| which as u64)
    }
}

/// A payload word: either a cell on which loom reports every data race, or an atomic that a peek may read.
pub enum Payload {
    /// The cell tracks the accesses, the value lies beside it.
    Tracked(UnsafeCell<()>, Cell<u64>),
    /// The atomic.
    Racy(AtomicU64),
}

impl Backend for Loom {
    type Word = Word;
    type Payload = Payload;

    fn word(value: u64) -> Word {
        let word = Word {
            which: AtomicU64::new(0),
            order: AtomicU64::new(0),
            stores: RefCell::default(),
            done: Cell::new(0),
            newest_seq_cst: Cell::new(0),
            seen: RefCell::default(),
        };
        let which = word.register(value);
        word.which.store(which, Ordering::SeqCst);
        word.done(which, Ordering::SeqCst);
        word
    }
    fn load(word: &Word, order: Ordering) -> u64 {
        let store = word.store_of(word.touched().load(order));
        if order == Ordering::SeqCst && store.when < word.newest_seq_cst.get() {
            resume_unwind(Box::new(Impossible));
        }
        word.see(store.when);
        store.value
    }
    fn store(word: &Word, value: u64, order: Ordering) {
        let which = word.register(value);
        word.touched().store(which, order);
        word.done(which, order);
    }
    fn compare_exchange(word: &Word, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        let new = word.register(new);
        let at = word.touched();
        // The store that is expected is a guess, since loom compares numbers of stores; a failure names the right one.
        let mut expected = word.newest_with(current).unwrap_or(u64::MAX);
        loop {
            match at.compare_exchange(expected, new, success, failure) {
                Ok(_) => {
                    word.done(new, success);
                    return Ok(current);
                }
                Err(found) => {
                    let store = word.store_of(found);
                    word.see(store.when);
                    if store.value != current {
                        return Err(store.value);
                    }
                    expected = found;
                }
            }
        }
    }
    fn fence(order: Ordering) {
        fence(order);
    }
    fn payload(racy: bool) -> Payload {
        if racy { Payload::Racy(AtomicU64::new(0)) } else { Payload::Tracked(UnsafeCell::new(()), Cell::new(0)) }
    }
    fn read(payload: &Payload) -> u64 {
        match payload {
            Payload::Tracked(cell, value) => cell.with(|_| value.get()),
            Payload::Racy(word) => word.load(Ordering::Relaxed),
        }
    }
    fn write(payload: &Payload, new: u64) {
        match payload {
            Payload::Tracked(cell, value) => cell.with_mut(|_| value.set(new)),
            Payload::Racy(word) => word.store(new, Ordering::Relaxed),
        }
    }
    fn pause() {
        loom::thread::yield_now();
    }
}

/// How far loom searches.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// At most so many preemptions in one interleaving.
    pub preemptions: Option<usize>,
    /// The process that runs before the first of them.
    pub begins: usize,
    /// Whatever is left after this time is not searched.
    pub time: Option<Duration>,
}

/// Runs `scenario` in every interleaving within the bounds. Process `p` dies before access `kills[p][i]` of its
/// incarnation `i`; the outcome counts the kills at the last of these points. The enumeration of the numbers is the
/// caller's.
pub fn run<S>(scenario: &S, change: Option<Change>, kills: &[Vec<u32>], bounds: Bounds) -> Outcome
where
    S: Scenario + Clone + Send + Sync + 'static,
{
    explore(scenario, change, kills, bounds, None)
}

/// Runs `scenario` in every interleaving, and tells of each.
pub fn explore_all<S>(scenario: &S, listener: Listener) -> Outcome
where
    S: Scenario + Clone + Send + Sync + 'static,
{
    explore(scenario, None, &[], Bounds { preemptions: None, begins: 1, time: None }, Some(listener))
}

fn explore<S>(
    scenario: &S,
    change: Option<Change>,
    kills: &[Vec<u32>],
    bounds: Bounds,
    listener: Option<Listener>,
) -> Outcome
where
    S: Scenario + Clone + Send + Sync + 'static,
{
    let Bounds { preemptions, begins, time } = bounds;
    let executions = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let killed = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let trace = Trace::default();
    let violation = {
        let trace = Arc::clone(&trace);
        let (scenario, executions, killed) = (scenario.clone(), Arc::clone(&executions), Arc::clone(&killed));
        let kills: Arc<[Vec<u32>]> = kills.into();
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = preemptions;
        builder.max_branches = 10_000;
        if time.is_some() {
            builder.max_duration = time;
            // So often loom looks at the clock.
            builder.checkpoint_interval = 16;
        }
        caught(change.is_some(), move || {
            builder.check(move || {
                executions.fetch_add(1, Relaxed);
                let world = Arc::new(World::<Loom, S>::new(&scenario, change, &trace));
                let life = |process: usize| {
                    let (world, kills, killed) = (Arc::clone(&world), Arc::clone(&kills), Arc::clone(&killed));
                    let points = kills.get(process).cloned().unwrap_or_default();
                    move || {
                        live(&world, process, move |incarnation, access, _| {
                            let dies = points.get(incarnation) == Some(&access);
                            let last = incarnation + 1 == points.len();
                            killed.fetch_add((dies && last).into(), Relaxed);
                            dies
                        });
                    }
                };
                // The process that begins is this thread itself: loom has few threads.
                let others: Vec<_> = (0..scenario.processes())
                    .filter(|&process| process != begins)
                    .map(|process| loom::thread::spawn(life(process)))
                    .collect();
                life(begins)();
                for other in others {
                    other.join().expect("a violation ends the whole run");
                }
                if !world.impossible.load(Relaxed) {
                    report(listener.as_ref(), &scenario, &trace);
                }
            });
        })
    };
    if violation.is_some() && change.is_none() {
        tell(scenario, &trace);
    }
    Outcome { executions: executions.load(Relaxed), kills: killed.load(Relaxed), violation }
}
