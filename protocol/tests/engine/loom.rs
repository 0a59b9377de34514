//! Loom: every interleaving and every permitted stale value, within a bound on preemptions.
//!
//! `SeqCst` accesses are passed to loom as they are. Loom gives a `SeqCst` load no `SeqCst` store of its word but the
//! newest, and no extra happens-before edge, which is what Dekker's pattern needs. Two things are added. A word's initial
//! value is no `SeqCst` store, so it is stored once more. And loom also offers such a load the weaker stores that are
//! older than the newest `SeqCst` store, which C++20 does not: an execution in which it takes one is abandoned. (With
//! `SeqCst` *fences* instead, loom has a full happens-before edge between any two, which hides missing Release and
//! Acquire.)

use super::{Backend, Impossible, Listener, Outcome, Trace, World, caught, live, report, tell};
use lastword_protocol::memory::Ordering;
use lastword_protocol::model::Scenario;
use lastword_protocol::model::variant::Change;
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU64, fence};
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

pub(crate) struct Loom;

/// A word, and beside it one that every access stores to.
///
/// Loom decides what to reorder by each object's *last* access only: a thread that loads a word before it stores to it
/// hides every earlier load by others from that decision, and most interleavings are never tried (loom's issues 166 and
/// 392). A store to `order` at each access makes all accesses of one word depend on each other, which is what they do.
/// It is Relaxed and never loaded: it adds no happens-before edge.
pub(crate) struct Word {
    /// Which of the values: loom then tells apart two stores of the same value.
    which: AtomicU64,
    order: AtomicU64,
    /// Every value that a store has, or is about to be, given.
    values: RefCell<Vec<u64>>,
    /// The stores done since the newest `SeqCst` one, that one included.
    recent: RefCell<Vec<u64>>,
}

impl Word {
    fn touched(&self) -> &AtomicU64 {
        self.order.store(0, Ordering::Relaxed);
        &self.which
    }

    fn register(&self, value: u64) -> u64 {
        let mut values = self.values.borrow_mut();
        values.push(value);
        values.len() as u64 - 1
    }

    fn value(&self, which: u64) -> u64 {
        self.values.borrow()[which as usize]
    }

    /// Notes a store that has just been done: loom switches threads before an access, not after it.
    fn done(&self, which: u64, order: Ordering) {
        let mut recent = self.recent.borrow_mut();
        if order == Ordering::SeqCst {
            recent.clear();
        }
        recent.push(which);
    }
}

/// A payload word: either a cell on which loom reports every data race, or an atomic that a peek may read.
pub(crate) enum Payload {
    /// The cell tracks the accesses, the value lies beside it.
    Tracked(UnsafeCell<()>, Cell<u64>),
    Racy(AtomicU64),
}

impl Backend for Loom {
    type Word = Word;
    type Payload = Payload;

    fn word(value: u64) -> Word {
        let word = Word {
            which: AtomicU64::new(0),
            order: AtomicU64::new(0),
            values: RefCell::new(vec![value]),
            recent: RefCell::new(vec![0]),
        };
        word.which.store(0, Ordering::SeqCst);
        word
    }
    fn load(word: &Word, order: Ordering) -> u64 {
        let which = word.touched().load(order);
        if order == Ordering::SeqCst && !word.recent.borrow().contains(&which) {
            resume_unwind(Box::new(Impossible));
        }
        word.value(which)
    }
    fn store(word: &Word, value: u64, order: Ordering) {
        let which = word.register(value);
        word.touched().store(which, order);
        word.done(which, order);
    }
    fn compare_exchange(word: &Word, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        let new = word.register(new);
        let at = word.touched();
        // The newest store that is known to hold the value; a failure names another, or there is none.
        let known = word.recent.borrow().last().copied().filter(|&which| word.value(which) == current);
        let mut expected = known.unwrap_or(u64::MAX);
        loop {
            match at.compare_exchange(expected, new, success, failure) {
                Ok(_) => {
                    word.done(new, success);
                    return Ok(current);
                }
                Err(found) if word.value(found) == current => expected = found,
                Err(found) => return Err(word.value(found)),
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

/// Runs `scenario` in every interleaving with at most `preemptions`, before which process `begins` runs. Process `p` dies before access `kills[p][i]` of
/// its incarnation `i`; the enumeration of those numbers is the caller's.
pub(crate) fn run<S>(
    scenario: &S,
    change: Option<Change>,
    kills: &[Vec<u32>],
    preemptions: usize,
    begins: usize,
) -> Outcome
where
    S: Scenario + Clone + Send + Sync + 'static,
{
    explore(scenario, change, kills, Some(preemptions), begins, None)
}

/// Runs `scenario` in every interleaving, and tells of each.
pub(crate) fn explore_all<S>(scenario: &S, listener: Listener) -> Outcome
where
    S: Scenario + Clone + Send + Sync + 'static,
{
    explore(scenario, None, &[], None, 1, Some(listener))
}

fn explore<S>(
    scenario: &S,
    change: Option<Change>,
    kills: &[Vec<u32>],
    preemptions: Option<usize>,
    begins: usize,
    listener: Option<Listener>,
) -> Outcome
where
    S: Scenario + Clone + Send + Sync + 'static,
{
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
                            killed.fetch_add(dies.into(), Relaxed);
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
