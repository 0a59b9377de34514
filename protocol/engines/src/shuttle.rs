//! Shuttle: random schedules of larger runs, sequentially consistent, with kills drawn from the schedule's own numbers,
//! so that shuttle's replay string holds them.

use super::{Backend, Listener, Outcome, Trace, World, caught, live, message, report, tell};
use lastword_protocol::memory::Ordering;
use lastword_protocol::model::Scenario;
use lastword_protocol::model::variant::Change;
use shuttle::rand::Rng;
use shuttle::scheduler::{
    DfsScheduler, PctScheduler, RandomScheduler, ReplayScheduler, Schedule, Scheduler, Task, TaskId,
};
use shuttle::sync::atomic::{AtomicU64, fence};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// Shuttle's memory, which is sequentially consistent whatever the orderings.
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

/// How much is run, and how often processes die.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many schedules.
    pub executions: usize,
    /// Before each access, a process dies with chance 1 in this many; 0 for never.
    pub one_in: u32,
    /// How often each process dies in one run, at most.
    pub kills_max: usize,
    /// What the schedules are drawn from.
    pub seed: u64,
    /// After this time no schedule is begun.
    pub time: Option<Duration>,
}

/// What shuttle found.
pub struct Found {
    /// What came of it.
    pub outcome: Outcome,
    /// The schedule of the last execution.
    pub schedule: Schedule,
}

/// Runs `scenario` in random schedules.
pub fn run<S>(scenario: &S, change: Option<Change>, choice: Choice, bounds: Bounds) -> Found
where
    S: Scenario + Clone + Send + Sync + 'static,
    S::Layout: Send + Sync,
{
    let Bounds { executions, seed, .. } = bounds;
    match choice {
        Choice::Random => schedule(scenario, change, bounds, RandomScheduler::new_from_seed(seed, executions), None),
        Choice::Pct(depth) => {
            schedule(scenario, change, bounds, PctScheduler::new_from_seed(seed, depth, executions), None)
        }
    }
}

/// Runs `scenario` once more in a schedule that was found.
pub fn replay<S>(scenario: &S, change: Option<Change>, bounds: Bounds, found: Schedule) -> Found
where
    S: Scenario + Clone + Send + Sync + 'static,
    S::Layout: Send + Sync,
{
    schedule(scenario, change, bounds, ReplayScheduler::new_from_schedule(found), None)
}

/// Runs `scenario` once more in a schedule that shuttle printed.
pub fn replay_printed<S>(scenario: &S, bounds: Bounds, printed: &str) -> Found
where
    S: Scenario + Clone + Send + Sync + 'static,
    S::Layout: Send + Sync,
{
    schedule(scenario, None, bounds, ReplayScheduler::new_from_encoded(printed), None)
}

/// Runs `scenario` in every interleaving, unreduced, and tells of each.
pub fn explore_all<S>(scenario: &S, listener: Listener) -> Found
where
    S: Scenario + Clone + Send + Sync + 'static,
    S::Layout: Send + Sync,
{
    let bounds = Bounds { executions: 0, one_in: 0, kills_max: 0, seed: 0, time: None };
    schedule(scenario, None, bounds, DfsScheduler::new(None, false), Some(listener))
}

/// Records what another scheduler chooses, up to a violation.
struct Recorder<T> {
    /// Never dropped: shuttle's random scheduler would print the seed of its last execution, failed or not.
    inner: ManuallyDrop<T>,
    last: Arc<Mutex<Schedule>>,
    found: Arc<OnceLock<String>>,
}

impl<T> Recorder<T> {
    fn last(&self) -> std::sync::MutexGuard<'_, Schedule> {
        self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<T: Scheduler> Scheduler for Recorder<T> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.found.get().is_some() {
            return None;
        }
        let schedule = self.inner.new_execution()?;
        self.last().clone_from(&schedule);
        Some(schedule)
    }
    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        let task = self.inner.next_task(runnable, current, is_yielding)?;
        self.last().push_task(task);
        Some(task)
    }
    fn next_u64(&mut self) -> u64 {
        self.last().push_random();
        self.inner.next_u64()
    }
}

fn schedule<S>(
    scenario: &S,
    change: Option<Change>,
    bounds: Bounds,
    inner: impl Scheduler + 'static,
    listener: Option<Listener>,
) -> Found
where
    S: Scenario + Clone + Send + Sync + 'static,
    S::Layout: Send + Sync,
{
    let Bounds { one_in, kills_max, time, .. } = bounds;
    let count = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let killed = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let trace = Trace::default();
    let last = Arc::new(Mutex::new(Schedule::new(0)));
    // Shuttle prints every panic that ends a run, whatever the hook: where one is expected it is kept from shuttle.
    let found = Arc::new(OnceLock::new());
    let violation = {
        let noted = Arc::clone(&found);
        let (scenario, count, killed) = (scenario.clone(), Arc::clone(&count), Arc::clone(&killed));
        let trace = Arc::clone(&trace);
        let body = move || {
            count.fetch_add(1, Relaxed);
            let world = Arc::new(World::<Shuttle, S>::new(&scenario, change, &trace));
            let life = |process: usize| {
                let (world, killed, noted) = (Arc::clone(&world), Arc::clone(&killed), Arc::clone(&noted));
                move || {
                    let die = move |incarnation, _, _| {
                        let dies =
                            incarnation < kills_max && one_in > 0 && shuttle::rand::thread_rng().gen_ratio(1, one_in);
                        killed.fetch_add(dies.into(), Relaxed);
                        dies
                    };
                    match catch_unwind(AssertUnwindSafe(|| live(&world, process, die))) {
                        Err(cause) if change.is_some() => {
                            let _ = noted.set(message(&*cause));
                            // The others have nothing left to do in this execution.
                            world.impossible.store(true, Relaxed);
                        }
                        Err(cause) => resume_unwind(cause),
                        Ok(()) => {}
                    }
                }
            };
            let threads: Vec<_> =
                (0..scenario.processes()).map(|process| shuttle::thread::spawn(life(process))).collect();
            for thread in threads {
                thread.join().expect("a violation ends the whole run");
            }
            report(listener.as_ref(), &scenario, &trace);
        };
        let recorder = Recorder { inner: ManuallyDrop::new(inner), last: Arc::clone(&last), found: Arc::clone(&found) };
        let mut config = shuttle::Config::new();
        config.stack_size = 64 << 10;
        config.silence_warnings = true;
        config.max_time = time;
        if change.is_some() {
            config.failure_persistence = shuttle::FailurePersistence::None;
        }
        caught(change.is_some(), move || {
            shuttle::Runner::new(recorder, config).run(body);
        })
        .or_else(|| found.get().cloned())
    };
    if violation.is_some() && change.is_none() {
        tell(scenario, &trace);
    }
    let schedule = last.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    Found { outcome: Outcome { executions: count.load(Relaxed), kills: killed.load(Relaxed), violation }, schedule }
}
