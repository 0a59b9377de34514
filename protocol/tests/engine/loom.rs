//! Loom: every interleaving and every permitted stale value, within a bound on preemptions.
//!
//! `SeqCst` accesses are passed to loom as they are. Loom gives a `SeqCst` load the newest `SeqCst` store of its word
//! and no extra happens-before edge, which is what Dekker's pattern needs; only a word's initial value is not such a
//! store, so it is stored once more. (A `SeqCst` *fence* in loom is a full happens-before edge to every later one, which
//! would hide missing Release and Acquire.)

use super::{Backend, Outcome, World, caught, live};
use lastword_protocol::memory::Ordering;
use lastword_protocol::model::Scenario;
use lastword_protocol::model::variant::Change;
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU64, fence};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

pub struct Loom;

/// A word, and beside it one that every access stores to.
///
/// Loom decides what to reorder by each object's *last* access only: a thread that loads a word before it stores to it
/// hides every earlier load by others from that decision, and most interleavings are never tried (loom's issues 166 and
/// 392). A store to `order` at each access makes all accesses of one word depend on each other, which is what they do.
/// It is Relaxed and never loaded: it adds no happens-before edge.
pub struct Word {
    value: AtomicU64,
    order: AtomicU64,
}

impl Word {
    fn touched(&self) -> &AtomicU64 {
        self.order.store(0, Ordering::Relaxed);
        &self.value
    }
}

/// A payload word: either a cell on which loom reports every data race, or an atomic that a peek may read.
pub enum Payload {
    /// The cell tracks the accesses, the value lies beside it.
    Tracked(UnsafeCell<()>, Cell<u64>),
    Racy(AtomicU64),
}

impl Backend for Loom {
    type Word = Word;
    type Payload = Payload;

    fn word(value: u64) -> Word {
        let word = Word { value: AtomicU64::new(value), order: AtomicU64::new(0) };
        word.value.store(value, Ordering::SeqCst);
        word
    }
    fn load(word: &Word, order: Ordering) -> u64 {
        word.touched().load(order)
    }
    fn store(word: &Word, value: u64, order: Ordering) {
        word.touched().store(value, order);
    }
    /// Loom lets a `SeqCst` load read a Release store that a later `SeqCst` store of the same process has overwritten,
    /// which C++20 does not. So a store that is declared Release is marked `SeqCst` too: the mark keeps `SeqCst` loads
    /// from what is older than it, and means nothing to any other access.
    fn declared_store(order: Ordering) -> Ordering {
        if order == Ordering::Release { Ordering::SeqCst } else { order }
    }
    fn compare_exchange(word: &Word, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        word.touched().compare_exchange(current, new, success, failure)
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

/// Runs `scenario` in every interleaving with at most `preemptions`. Process `p` dies before access `kills[p][i]` of
/// its incarnation `i`; the enumeration of those numbers is the caller's.
pub fn run<S>(scenario: &S, change: Option<Change>, kills: &[Vec<u32>], preemptions: usize) -> Outcome
where
    S: Scenario + Clone + Send + Sync + 'static,
{
    let executions = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let killed = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let violation = {
        let (scenario, executions, killed) = (scenario.clone(), Arc::clone(&executions), Arc::clone(&killed));
        let kills: Arc<[Vec<u32>]> = kills.into();
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.max_branches = 10_000;
        caught(move || {
            builder.check(move || {
                executions.fetch_add(1, Relaxed);
                let world = Arc::new(World::<Loom, S>::new(&scenario, change));
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
                // The last process is this thread itself: loom has few threads.
                let processes = scenario.processes();
                let others: Vec<_> = (0..processes - 1).map(|process| loom::thread::spawn(life(process))).collect();
                life(processes - 1)();
                for other in others {
                    other.join().expect("a violation ends the whole run");
                }
            });
        })
    };
    Outcome { executions: executions.load(Relaxed), kills: killed.load(Relaxed), violation }
}
