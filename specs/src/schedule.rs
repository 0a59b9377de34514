//! Runs jobs, as many at once as there are cores.

use crate::job::{Expectation, Found, Gauge, Job};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// A job ended. Jobs end in any order.
    Ended {
        /// Its place among the jobs.
        index: usize,
        /// What it came to.
        found: Found,
        /// How long it took.
        seconds: f64,
    },
    /// Some time went by.
    Tick(Vec<Running>),
}

/// A job that is running.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its place among the jobs.
    pub index: usize,
    /// Distinct states so far, 0 where the engine does not say.
    pub states: u64,
    /// How long it has been running.
    pub seconds: f64,
}

/// Runs all jobs, the largest first, and tells what happens. They use `cores` threads together; one that wants more
/// has them all. When `stop` is set, the running ones end, and no other begins.
pub fn run_all(jobs: &[Box<dyn Job>], cores: usize, stop: &Arc<AtomicBool>, mut tell: impl FnMut(Event)) {
    const TICK: Duration = Duration::from_millis(200);
    let mut order: Vec<_> = (0..jobs.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(jobs.get(*index).map_or(0, |job| size(job.as_ref()))));
    let gauges: Vec<_> = jobs.iter().map(|_| Gauge::stopped_by(stop)).collect();
    let begun: Vec<_> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let free = Cores::new(cores);
    let (sender, ended) = mpsc::channel();
    thread::scope(|scope| {
        let (gauges, begun, free) = (&gauges, &begun, &free);
        scope.spawn(move || {
            for index in order {
                let (Some(job), Some(gauge), Some(begun)) = (jobs.get(index), gauges.get(index), begun.get(index))
                else {
                    continue;
                };
                let taken = free.take(job.threads());
                let sender = sender.clone();
                scope.spawn(move || {
                    let now = Instant::now();
                    *lock(begun) = Some(now);
                    let found = if stop.load(Relaxed) { Found::stopped() } else { job.run(gauge) };
                    *lock(begun) = None;
                    free.give_back(taken);
                    // Nobody listens only if the listener panicked.
                    let _ = sender.send((index, found, now.elapsed().as_secs_f64()));
                });
            }
        });
        loop {
            match ended.recv_timeout(TICK) {
                Ok((index, found, seconds)) => tell(Event::Ended { index, found, seconds }),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let running = |(index, (gauge, begun)): (usize, (&Gauge, &Mutex<Option<Instant>>))| {
                        let seconds = (*lock(begun))?.elapsed().as_secs_f64();
                        Some(Running { index, states: gauge.states.load(Relaxed), seconds })
                    };
                    tell(Event::Tick(gauges.iter().zip(begun).enumerate().filter_map(running).collect()));
                }
            }
        }
    });
}

/// About how much there is to do.
fn size(job: &dyn Job) -> u64 {
    match job.expectation() {
        // What nobody has counted may be long.
        Expectation::Pass { distinct_states, .. } => distinct_states.unwrap_or(u64::MAX),
        Expectation::Fail(_) => 0,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Cores {
    all: usize,
    free: Mutex<usize>,
    given_back: Condvar,
}

impl Cores {
    fn new(all: usize) -> Self {
        let all = all.max(1);
        Self { all, free: Mutex::new(all), given_back: Condvar::new() }
    }

    /// Waits for as many, and returns how many that were.
    fn take(&self, wanted: usize) -> usize {
        let wanted = wanted.clamp(1, self.all);
        let enough = self.given_back.wait_while(lock(&self.free), |free| *free < wanted);
        *enough.unwrap_or_else(PoisonError::into_inner) -= wanted;
        wanted
    }

    fn give_back(&self, taken: usize) {
        *lock(&self.free) += taken;
        self.given_back.notify_all();
    }
}
