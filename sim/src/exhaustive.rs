//! Every run of a system: a depth-first search over its states, on several threads.
//!
//! A state that was met before is not gone on from. States are told apart by 64-bit digests, so that with n of them the
//! chance that any two were taken for one is about n^2 / 2^65 (10 million states: 1 in 400,000).
//!
//! A worker that has nothing to do is given a part of another's: the untried answers at the shallowest of its open
//! states. Parts travel as the answers that lead there, since states are made of numbers of their worker's own graph.

use crate::choose::{Choose, Listed, Odometer, Question, nth_enabled};
use crate::coverage::Coverage;
use crate::trace::Line;
use crate::world::{Step, System};
use hashbrown::HashTable;
use lastword_protocol::model::Violation;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many threads.
    pub threads: usize,
    /// At most so many states, 8 to 16 bytes each.
    pub states_max: u64,
    /// Of the parts that the search is split into, those whose number is the first modulo the second.
    pub shard: (u32, u32),
}

impl Default for Limits {
    fn default() -> Self {
        Self { threads: threads(), states_max: 1 << 31, shard: (0, 1) }
    }
}

/// As many threads as there are cores.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What is known of a search that goes on.
#[derive(Debug, Default)]
pub struct Gauge {
    /// Runs, to their end or to a state that was met before.
    pub executions: AtomicU64,
    /// Different states.
    pub states: AtomicU64,
    /// Steps taken.
    pub steps: AtomicU64,
    /// Set to have everybody stop.
    pub stop: Arc<AtomicBool>,
}

impl Gauge {
    /// A gauge of its own for each of several searches, which all stop by one flag.
    pub fn stopped_by(stop: &Arc<AtomicBool>) -> Self {
        Self { stop: Arc::clone(stop), ..Self::default() }
    }
}

/// A run that broke a promise.
#[derive(Clone, Debug)]
pub struct Found {
    /// The answers that lead there.
    pub answers: Vec<u8>,
    /// The promise.
    pub violation: Violation,
}

/// What a search came to.
#[derive(Debug)]
pub struct Searched {
    /// Whether there is nothing that was not searched.
    pub complete: bool,
    /// The first violation found, if any; then the search ended.
    pub found: Option<Found>,
    /// The points that processes were killed at.
    pub coverage: Coverage,
}

const SHARDS: usize = 256;

/// The states met so far.
struct Seen {
    shards: Vec<Mutex<HashTable<u64>>>,
}

impl Seen {
    fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::new(HashTable::new())).collect() }
    }

    /// Notes a state; false if it was met before.
    fn insert(&self, digest: u64) -> bool {
        // The table uses the lowest and the highest bits.
        let shard = (digest >> 32) as usize % SHARDS;
        let mut table = lock(&self.shards[shard]);
        match table.entry(digest, |&known| known == digest, |&known| known) {
            hashbrown::hash_table::Entry::Occupied(_) => false,
            hashbrown::hash_table::Entry::Vacant(free) => {
                free.insert(digest);
                true
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A part of the search: the way to a state, and the answers to try there first.
#[derive(Clone, Debug)]
struct Part {
    steps: usize,
    answers: Vec<u8>,
    odometer: Odometer,
    /// Whether the odometer's present answers have been tried.
    tried: bool,
}

/// The parts that nobody works at.
struct Pool {
    parts: Mutex<(VecDeque<Part>, usize)>,
    changed: Condvar,
    waiting: AtomicUsize,
    workers: usize,
}

impl Pool {
    /// The next part; `None` when everything is done.
    fn take(&self, gauge: &Gauge, ended: &Ended) -> Option<Part> {
        let mut parts = lock(&self.parts);
        parts.1 += 1;
        self.waiting.store(parts.1, Relaxed);
        loop {
            if let Some(part) = parts.0.pop_front() {
                parts.1 -= 1;
                self.waiting.store(parts.1, Relaxed);
                return Some(part);
            }
            if parts.1 == self.workers || gauge.stop.load(Relaxed) || ended.over.load(Relaxed) {
                self.changed.notify_all();
                return None;
            }
            let waited = self.changed.wait_timeout(parts, Duration::from_millis(50));
            parts = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    fn give(&self, part: Part) {
        lock(&self.parts).0.push_back(part);
        self.changed.notify_one();
    }

    fn is_hungry(&self) -> bool {
        self.waiting.load(Relaxed) > 0 && lock(&self.parts).0.is_empty()
    }
}

/// That a search is over before it is through: something was found, or there are too many states.
#[derive(Default)]
struct Ended {
    over: AtomicBool,
    states: AtomicU64,
}

struct EndOnPanic<'e>(&'e Ended);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.over.store(true, Relaxed);
        }
    }
}

struct Frame<S> {
    state: S,
    odometer: Odometer,
    tried: bool,
    /// Its rest was given away.
    given: bool,
}

/// Searches every run of the systems that `make` makes, which are all the same one.
pub fn search<S: System>(make: &(impl Fn() -> S + Sync), limits: &Limits, gauge: &Gauge) -> Searched {
    let seen = Seen::new();
    let first = Part { steps: 0, answers: Vec::new(), odometer: Odometer::default(), tried: false };
    let mut parts = VecDeque::from([first]);
    let found = Mutex::new(None);
    let ended = Ended::default();
    let coverage = Mutex::new(make().coverage().clone());
    if limits.shard.1 > 1 {
        parts = split(make, limits, gauge, &seen, &found, &coverage);
    }
    let pool = Pool {
        parts: Mutex::new((parts, 0)),
        changed: Condvar::new(),
        waiting: AtomicUsize::new(0),
        workers: limits.threads.max(1),
    };
    std::thread::scope(|scope| {
        for _ in 0..pool.workers {
            scope.spawn(|| {
                // Should a worker panic, the others do not wait for it.
                let _end = EndOnPanic(&ended);
                let mut system = make();
                while let Some(part) = pool.take(gauge, &ended) {
                    if let Some(failed) = work(&mut system, part, &pool, &seen, limits, gauge, &ended) {
                        ended.over.store(true, Relaxed);
                        lock(&found).get_or_insert(failed);
                    }
                }
                lock(&coverage).add(system.coverage());
            });
        }
    });
    let found = found.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let coverage = coverage.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let complete = !ended.over.into_inner() && !gauge.stop.load(Relaxed) && found.is_none();
    Searched { complete, found, coverage }
}

/// Splits the search into parts, which are the same in every shard, and keeps those of this shard.
fn split<S: System>(
    make: &impl Fn() -> S,
    limits: &Limits,
    gauge: &Gauge,
    seen: &Seen,
    found: &Mutex<Option<Found>>,
    coverage: &Mutex<Coverage>,
) -> VecDeque<Part> {
    const PARTS_PER_SHARD: usize = 64;
    let (mine, all) = limits.shard;
    let mut system = make();
    let mut open = VecDeque::from([(system.initial().clone(), 0, Vec::new())]);
    // In order of depth, so that every shard splits alike.
    while open.len() < PARTS_PER_SHARD * all as usize {
        let Some((state, steps, answers)) = open.pop_front() else { break };
        let mut odometer = Odometer::default();
        loop {
            odometer.rewind();
            let mut next = state.clone();
            let result = system.step(&mut next, &mut odometer);
            let answers: Vec<u8> = answers.iter().copied().chain(odometer.answers()).collect();
            match result {
                Err(violation) => {
                    lock(found).get_or_insert(Found { answers, violation });
                    return VecDeque::new();
                }
                Ok(Step::More) if seen.insert(system.digest(&next)) => open.push_back((next, steps + 1, answers)),
                Ok(_) => {
                    // What was searched to its end on the way is everybody's; one counts it.
                    gauge.executions.fetch_add((mine == 0).into(), Relaxed);
                }
            }
            if !odometer.advance() {
                break;
            }
        }
    }
    lock(coverage).add(system.coverage());
    open.into_iter()
        .enumerate()
        .filter(|(number, _)| *number as u32 % all == mine)
        .map(|(_, (_, steps, answers))| Part { steps, answers, odometer: Odometer::default(), tried: false })
        .collect()
}

/// Works at a part, and gives parts of it away to those who wait.
fn work<S: System>(
    system: &mut S,
    part: Part,
    pool: &Pool,
    seen: &Seen,
    limits: &Limits,
    gauge: &Gauge,
    ended: &Ended,
) -> Option<Found> {
    let mut state = system.initial().clone();
    let mut listed = Listed::new(&part.answers);
    for _ in 0..part.steps {
        // The way was gone before: it breaks no promise.
        let _ = system.step(&mut state, &mut listed);
    }
    let mut frames = vec![Frame { state, odometer: part.odometer.clone(), tried: part.tried, given: false }];
    let mut depth = 1;
    let (mut executions, mut states, mut steps) = (0_u64, 0_u64, 0_u64);
    let mut failed = None;
    while depth > 0 {
        if frames.len() == depth {
            let state = frames[depth - 1].state.clone();
            frames.push(Frame { state, odometer: Odometer::default(), tried: false, given: false });
        }
        let (below, above) = frames.split_at_mut(depth);
        let (frame, next) = (&mut below[depth - 1], &mut above[0]);
        if frame.tried && (frame.given || !frame.odometer.advance()) {
            depth -= 1;
            continue;
        }
        frame.tried = true;
        frame.odometer.rewind();
        next.state.clone_from(&frame.state);
        steps += 1;
        match system.step(&mut next.state, &mut frame.odometer) {
            Err(violation) => {
                let open = frames[..depth].iter().flat_map(|frame| frame.odometer.answers());
                let answers = part.answers.iter().copied().chain(open).collect();
                failed = Some(Found { answers, violation });
                executions += 1;
                break;
            }
            Ok(Step::More) if seen.insert(system.digest(&next.state)) => {
                states += 1;
                next.odometer.start();
                (next.tried, next.given) = (false, false);
                depth += 1;
            }
            Ok(step) => {
                executions += 1;
                if step == Step::More {
                    system.merged(&next.state);
                }
            }
        }
        if steps % 1024 == 0 {
            gauge.executions.fetch_add(std::mem::take(&mut executions), Relaxed);
            gauge.states.fetch_add(states, Relaxed);
            let all = ended.states.fetch_add(states, Relaxed) + std::mem::take(&mut states);
            gauge.steps.fetch_add(1024, Relaxed);
            if all > limits.states_max {
                ended.over.store(true, Relaxed);
            }
            if gauge.stop.load(Relaxed) || ended.over.load(Relaxed) {
                break;
            }
            if pool.is_hungry() {
                give(&mut frames[..depth], &part, pool);
            }
        }
    }
    gauge.executions.fetch_add(executions, Relaxed);
    gauge.states.fetch_add(states, Relaxed);
    gauge.steps.fetch_add(steps % 1024, Relaxed);
    failed
}

/// Gives away what is untried at the shallowest open state.
fn give<S>(frames: &mut [Frame<S>], part: &Part, pool: &Pool) {
    let untried = |frame: &Frame<S>| frame.tried && !frame.given && frame.odometer.clone().advance();
    let Some(at) = frames.iter().position(untried) else { return };
    let way = frames[..at].iter().flat_map(|frame| frame.odometer.answers());
    let answers = part.answers.iter().copied().chain(way).collect();
    let odometer = frames[at].odometer.clone();
    frames[at].given = true;
    pool.give(Part { steps: part.steps + at, answers, odometer, tried: true });
}

/// A state on the way to the shortest failure.
struct Reached<S> {
    state: S,
    answers: Vec<u8>,
    /// How often somebody went on who was not the last to.
    switches: usize,
}

/// Counts the switches on the way.
struct Switches<'o> {
    odometer: &'o mut Odometer,
    count: usize,
}

impl Choose for Switches<'_> {
    fn choose(&mut self, question: Question, n: usize) -> usize {
        let answer = self.odometer.choose(question, n);
        if let Question::Who { enabled, last } = question {
            self.count += usize::from(nth_enabled(enabled, last, answer) != last);
        }
        answer
    }
}

/// The run with the fewest steps that breaks a promise, if there is one: a breadth-first search on one thread, of at
/// most so many states.
///
/// Of several it is one that goes from process to process seldom: of the ways to a state that are as short, the one
/// with the fewest switches is kept.
pub fn shortest<S: System>(system: &mut S, states_max: u64, gauge: &Gauge) -> Option<Found> {
    let seen = Seen::new();
    let initial = system.initial().clone();
    seen.insert(system.digest(&initial));
    let mut level = vec![Reached { state: initial, answers: Vec::new(), switches: 0 }];
    let mut states = 0;
    while !level.is_empty() {
        let mut next: Vec<Reached<S::State>> = Vec::new();
        let mut places: HashMap<u64, usize> = HashMap::new();
        let mut found: Option<(usize, Found)> = None;
        for reached in level {
            if states > states_max || gauge.stop.load(Relaxed) {
                return None;
            }
            let mut odometer = Odometer::default();
            loop {
                odometer.rewind();
                let mut state = reached.state.clone();
                let mut counted = Switches { odometer: &mut odometer, count: reached.switches };
                gauge.steps.fetch_add(1, Relaxed);
                let result = system.step(&mut state, &mut counted);
                let switches = counted.count;
                let answers = || reached.answers.iter().copied().chain(odometer.answers()).collect();
                let place = match &result {
                    Ok(Step::More) => {
                        let digest = system.digest(&state);
                        let is_new = seen.insert(digest);
                        if is_new {
                            places.insert(digest, next.len());
                        }
                        places.get(&digest).map(|&place| (place, is_new))
                    }
                    _ => None,
                };
                match (result, place) {
                    (Err(violation), _) if found.as_ref().is_none_or(|(fewest, _)| switches < *fewest) => {
                        found = Some((switches, Found { answers: answers(), violation }));
                    }
                    (_, Some((_, true))) => {
                        states += 1;
                        gauge.states.fetch_add(1, Relaxed);
                        next.push(Reached { state, answers: answers(), switches });
                    }
                    (_, known) => {
                        gauge.executions.fetch_add(1, Relaxed);
                        // As short a way to a state of this level, with fewer switches.
                        if let Some((place, _)) = known
                            && switches < next[place].switches
                        {
                            next[place] = Reached { state, answers: answers(), switches };
                        }
                    }
                }
                if !odometer.advance() {
                    break;
                }
            }
        }
        if let Some((_, found)) = found {
            return Some(found);
        }
        level = next;
    }
    None
}

/// Runs a system along these answers, and 0 after them, to its end.
///
/// # Errors
/// A promise was broken.
pub fn follow<S: System>(system: &mut S, answers: &[u8]) -> Result<(), Violation> {
    let mut state = system.initial().clone();
    let mut listed = Listed::new(answers);
    while system.step(&mut state, &mut listed)? == Step::More {}
    Ok(())
}

/// The same, and what happened.
pub fn tell<S: System>(system: &mut S, answers: &[u8]) -> (Result<(), Violation>, Vec<Line>) {
    system.record();
    let result = follow(system, answers);
    (result, system.recorded())
}
