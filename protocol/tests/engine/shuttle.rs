//! Shuttle: random schedules of larger runs, sequentially consistent, with kills drawn from the schedule's own numbers,
//! so that shuttle's replay string holds them.

use super::{Backend, Outcome, Trace, World, caught, live, tell};
use lastword_protocol::memory::Ordering;
use lastword_protocol::model::Scenario;
use lastword_protocol::model::variant::Change;
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::atomic::{AtomicU64, fence};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

pub struct Shuttle;

impl Backend for Shuttle {
    type Word = AtomicU64;
    type Payload = AtomicU64;

    fn word(value: u64) -> AtomicU64 {
        AtomicU64::new(value)
    }
    fn load(word: &AtomicU64, _: Ordering) -> u64 {
        word.load(Ordering::SeqCst)
    }
    fn store(word: &AtomicU64, value: u64, _: Ordering) {
        word.store(value, Ordering::SeqCst);
    }
    fn compare_exchange(word: &AtomicU64, current: u64, new: u64, _: Ordering, _: Ordering) -> Result<u64, u64> {
        word.compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst)
    }
    fn fence(_: Ordering) {
        fence(Ordering::SeqCst);
    }
    fn payload(_: bool) -> AtomicU64 {
        AtomicU64::new(0)
    }
    fn read(payload: &AtomicU64) -> u64 {
        payload.load(Ordering::SeqCst)
    }
    fn write(payload: &AtomicU64, value: u64) {
        payload.store(value, Ordering::SeqCst);
    }
    fn pause() {
        shuttle::thread::yield_now();
    }
}

/// How shuttle chooses who runs.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    /// Any process, at every step.
    Random,
    /// Probabilistic concurrency testing with so many priority changes.
    Pct(usize),
}

/// Runs `scenario` in `executions` schedules drawn from `seed`. Every process dies with chance 1 in `one_in` before each
/// access, at most `kills_max` times a run and process.
pub fn run<S>(
    scenario: &S,
    change: Option<Change>,
    choice: Choice,
    executions: usize,
    one_in: u32,
    kills_max: usize,
    seed: u64,
) -> Outcome
where
    S: Scenario + Clone + Send + Sync + 'static,
    S::Word: Send + Sync,
    S::Layout: Send + Sync,
    S::Oracle: Send,
{
    let count = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let killed = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let trace = Trace::default();
    let violation = {
        let trace = Arc::clone(&trace);
        let (scenario, count, killed) = (scenario.clone(), Arc::clone(&count), Arc::clone(&killed));
        let body = move || {
            count.fetch_add(1, Relaxed);
            let world = Arc::new(World::<Shuttle, S>::new(&scenario, change, &trace));
            let life = |process: usize| {
                let (world, killed) = (Arc::clone(&world), Arc::clone(&killed));
                move || {
                    live(&world, process, move |incarnation, _, _| {
                        let dies =
                            incarnation < kills_max && one_in > 0 && shuttle::rand::thread_rng().gen_ratio(1, one_in);
                        killed.fetch_add(dies.into(), Relaxed);
                        dies
                    });
                }
            };
            let threads: Vec<_> =
                (0..scenario.processes()).map(|process| shuttle::thread::spawn(life(process))).collect();
            for thread in threads {
                thread.join().expect("a violation ends the whole run");
            }
        };
        let scheduler: Box<dyn Scheduler + Send> = match choice {
            Choice::Random => Box::new(RandomScheduler::new_from_seed(seed, executions)),
            Choice::Pct(depth) => Box::new(PctScheduler::new_from_seed(seed, depth, executions)),
        };
        let mut config = shuttle::Config::new();
        config.stack_size = 64 << 10;
        config.silence_warnings = true;
        caught(change.is_some(), move || {
            shuttle::Runner::new(scheduler, config).run(body);
        })
    };
    if violation.is_some() && change.is_none() {
        tell(scenario, &trace);
    }
    Outcome { executions: count.load(Relaxed), kills: killed.load(Relaxed), violation }
}
