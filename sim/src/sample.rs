//! Random runs: for scenarios too large to search.
//!
//! Run number i of a series draws from a seed of its own, made of the series' seed and i. So a series can be split
//! among threads and machines, in any way, and finds the same.

use crate::choose::{Choose, Pct, Random, Recorder};
use crate::coverage::Coverage;
use crate::exhaustive::{Found, Gauge};
use crate::world::{Step, System};
use foldhash::quality::FixedState;
use lastword_protocol::model::Violation;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;

/// How random runs choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Any process at every step.
    Random,
    /// Random, but a process goes on for some steps before another has its turn.
    Bursts,
    /// Probabilistic concurrency testing with so many priority changes, plus 1.
    Pct(u32),
}

/// A series of random runs.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// How they choose.
    pub method: Method,
    /// How many.
    pub executions: u64,
    /// What the runs' seeds are made of.
    pub seed: u64,
    /// A process dies with a chance of 1 in so many at each point.
    pub dies_one_in: u32,
    /// How many threads.
    pub threads: usize,
    /// Of the runs, those whose number is the first modulo the second.
    pub shard: (u32, u32),
}

impl Sampling {
    /// So many runs, on one thread, that choose in this way.
    pub fn new(method: Method, executions: u64, seed: u64) -> Self {
        Self { method, executions, seed, dies_one_in: 24, threads: 1, shard: (0, 1) }
    }
}

/// What a series came to.
#[derive(Debug)]
pub struct Sampled {
    /// The violation with the lowest number of those found, and that number.
    pub found: Option<(u64, Found)>,
    /// Whether every run of the series was run.
    pub complete: bool,
    /// The points that processes were killed at.
    pub coverage: Coverage,
}

/// A run of more steps than this has lost its way.
const STEPS_MAX: u32 = 1 << 20;
/// About how many steps a run has.
const STEPS_USUAL: u32 = 64;
const BATCH: u64 = 256;

/// Runs the series.
pub fn sample<S: System>(make: &(impl Fn() -> S + Sync), sampling: &Sampling, gauge: &Gauge) -> Sampled {
    let (mine, all) = sampling.shard;
    let first: Mutex<Option<(u64, Found)>> = Mutex::new(None);
    let coverage = Mutex::new(make().coverage().clone());
    let threads = sampling.threads.max(1) as u64;
    let work = |thread: u64| {
        let mut system = make();
        let mut state = system.initial().clone();
        let (mut executions, mut steps) = (0, 0);
        let mut number = u64::from(mine) + thread * u64::from(all);
        while number < sampling.executions && !gauge.stop.load(Relaxed) {
            state.clone_from(system.initial());
            match run(&mut system, &mut state, sampling, number, &mut steps) {
                Ok(()) => {}
                Err(_) => {
                    let found = record(&mut system, sampling, number);
                    let mut first = lock(&first);
                    if first.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                        *first = found.map(|found| (number, found));
                    }
                    executions += 1;
                    break;
                }
            }
            executions += 1;
            if executions == BATCH {
                gauge.executions.fetch_add(std::mem::take(&mut executions), Relaxed);
                gauge.steps.fetch_add(std::mem::take(&mut steps), Relaxed);
                system.rest();
                // Somebody has found one that comes before all that is left here.
                if lock(&first).as_ref().is_some_and(|(earlier, _)| *earlier < number) {
                    break;
                }
            }
            number += threads * u64::from(all);
        }
        gauge.executions.fetch_add(executions, Relaxed);
        gauge.steps.fetch_add(steps, Relaxed);
        lock(&coverage).add(system.coverage());
    };
    if threads == 1 {
        work(0);
    } else {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let work = &work;
                scope.spawn(move || work(thread));
            }
        });
    }
    let found = first.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let coverage = coverage.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    Sampled { complete: !gauge.stop.load(Relaxed) && found.is_none(), found, coverage }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn run<S: System>(
    system: &mut S,
    state: &mut S::State,
    sampling: &Sampling,
    number: u64,
    steps: &mut u64,
) -> Result<(), Violation> {
    let seed = FixedState::with_seed(sampling.seed).hash_one(number);
    match sampling.method {
        Method::Random => go(system, state, &mut Random::new(seed, sampling.dies_one_in, 1), steps),
        Method::Bursts => go(system, state, &mut Random::new(seed, sampling.dies_one_in, 6), steps),
        Method::Pct(depth) => go(system, state, &mut Pct::new(seed, sampling.dies_one_in, depth, STEPS_USUAL), steps),
    }
}

/// Runs a system to its end, or to the step that breaks a promise.
pub(crate) fn run_to_end<S: System>(
    system: &mut S,
    state: &mut S::State,
    choose: &mut impl Choose,
) -> Result<(), Violation> {
    go(system, state, choose, &mut 0)
}

fn go<S: System>(
    system: &mut S,
    state: &mut S::State,
    choose: &mut impl Choose,
    steps: &mut u64,
) -> Result<(), Violation> {
    for _ in 0..STEPS_MAX {
        *steps += 1;
        if system.step(state, choose)? == Step::End {
            return Ok(());
        }
    }
    Err(Violation::new("every run ends (steps)", STEPS_MAX.into(), STEPS_MAX.into()))
}

/// Runs number `number` once more, for its answers.
fn record<S: System>(system: &mut S, sampling: &Sampling, number: u64) -> Option<Found> {
    let seed = FixedState::with_seed(sampling.seed).hash_one(number);
    let mut answers = Vec::new();
    let mut state = system.initial().clone();
    let mut steps = 0;
    let result = match sampling.method {
        Method::Random => {
            let engine = Random::new(seed, sampling.dies_one_in, 1);
            go(system, &mut state, &mut Recorder::new(engine, &mut answers), &mut steps)
        }
        Method::Bursts => {
            let engine = Random::new(seed, sampling.dies_one_in, 6);
            go(system, &mut state, &mut Recorder::new(engine, &mut answers), &mut steps)
        }
        Method::Pct(depth) => {
            let engine = Pct::new(seed, sampling.dies_one_in, depth, STEPS_USUAL);
            go(system, &mut state, &mut Recorder::new(engine, &mut answers), &mut steps)
        }
    };
    let answers = answers.into_iter().map(|(answer, _)| answer).collect();
    result.err().map(|violation| Found { answers, violation })
}
