//! `bench`: the same scenario under loom, under shuttle and here, in turn and in one run.
//!
//! All three run the protocol's own source over a memory of theirs, with the same operations, oracle and kill points.

use super::output::{Ended, Failure, count, print, print_json, tell};
use super::search::Threads;
use lastword_engines::suite::{self, Kills};
use lastword_engines::{shuttle, version};
use lastword_protocol::model::slots::Scenario;
use lastword_protocol::model::variant::Change;
use lastword_sim::case::{self, Case, Spec};
use lastword_sim::exhaustive::{Gauge, Limits};
use lastword_sim::memory::Model;
use lastword_sim::sample::{Method, Sampling};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Options of `bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = BUGS_TOLD)]
pub(crate) struct Options {
    /// Seconds for each engine in each of three rounds, shared among what is measured of it
    #[arg(long, value_name = "N", default_value = "2", value_parser = seconds)]
    seconds: Duration,
    /// Give up on a bug after so many seconds
    #[arg(long, value_name = "N", default_value = "20", value_parser = seconds)]
    bug_seconds: Duration,
    /// One JSON object a line: one for each engine
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

const BUGS_TOLD: &str = "Seeded bugs, which every engine looks for in scenario slots-1-long:
  no re-check                    a consumer announces a message and does not look whether it is still the newest
  slots.scan: SeqCst to Acquire  the producer may find a lock word as it was before the consumer announced: only weak
                                 memory shows it
  a restarted consumer forgets what it held
                                 only a kill shows it: whoever was killed while it held a message restarts without it";

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(time)) if !time.is_zero() && time <= Duration::from_secs(3600) => Ok(time),
        _ => Err(format!("`{text}` is no number of seconds above 0 and up to 3600, as in 2 or 0.5")),
    }
}

/// What runs as fast as it can.
const SCENARIO: (&str, Scenario<'static>) = ("slots-2-one", case::SLOTS_2_ONE);
/// What the bugs are looked for in.
const BUG_SCENARIO: (&str, Scenario<'static>) = ("slots-1-long", case::SLOTS_1_LONG);

/// A seeded bug.
struct Bug {
    /// The variant's name.
    name: &'static str,
    /// Whether only a kill shows it.
    needs_kill: bool,
}

const BUGS: [Bug; 3] = [
    Bug { name: "no re-check", needs_kill: false },
    Bug { name: "slots.scan: SeqCst to Acquire", needs_kill: false },
    Bug { name: "a restarted consumer forgets what it held", needs_kill: true },
];

/// The machine is not ours alone: engines take turns, and the round in the middle counts.
const ROUNDS: u64 = 3;
/// Where there are kills, a process dies before an access with a chance of 1 in this many.
const DIES_ONE_IN: u32 = 40;
const KILLS_MAX: u8 = 2;
/// Loom's bounds, those of the protocols' own tests.
const PREEMPTIONS: usize = 3;
const PREEMPTIONS_WITH_KILLS: usize = 2;

/// How fast it went.
#[derive(Clone, Copy, Debug, Serialize)]
struct Rate {
    executions_per_s: f64,
    executions: u64,
    seconds: f64,
    /// Of an exhaustive search: different states, of which the others know nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    states_per_s: Option<f64>,
}

impl Rate {
    fn new(executions: u64, taken: Duration) -> Self {
        let executions_per_s = (executions as f64 / taken.as_secs_f64()).round();
        Self { executions_per_s, executions, seconds: rounded(taken.as_secs_f64(), 3), states_per_s: None }
    }
}

fn rounded(number: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (number * unit).round() / unit
}

/// The middle one in order of `key`.
fn median<T: Clone>(of: &[T], key: impl Fn(&T) -> f64) -> Option<T> {
    let mut of = of.to_vec();
    of.sort_by(|a, b| key(a).total_cmp(&key(b)));
    of.get(of.len() / 2).cloned()
}

/// What it took to find a bug.
#[derive(Clone, Copy, Debug)]
struct Hunt {
    seconds: f64,
    executions: u64,
}

/// What it took to find each bug; nothing where it was not found.
#[derive(Debug, Default, Serialize)]
struct Hunts {
    seconds_to_bug: BTreeMap<&'static str, Option<f64>>,
    executions_to_bug: BTreeMap<&'static str, Option<u64>>,
}

impl Hunts {
    fn note(&mut self, bug: &Bug, hunt: Option<Hunt>) {
        self.seconds_to_bug.insert(bug.name, hunt.map(|hunt| rounded(hunt.seconds, 6)));
        self.executions_to_bug.insert(bug.name, hunt.map(|hunt| hunt.executions));
    }

    fn told(&self, bug: &Bug) -> String {
        match (self.seconds_to_bug.get(bug.name), self.executions_to_bug.get(bug.name)) {
            (Some(Some(seconds)), Some(Some(executions))) => format!("{seconds:.4} ({})", count(*executions)),
            _ => "not found".to_owned(),
        }
    }
}

/// What one engine came to.
#[derive(Debug, Serialize)]
struct Engine {
    engine: &'static str,
    version: &'static str,
    scenario: &'static str,
    search: &'static str,
    memory: &'static str,
    threads: usize,
    #[serde(flatten)]
    rate: Rate,
    bug_scenario: &'static str,
    #[serde(flatten)]
    hunts: Hunts,
    /// The same with kills, where they are drawn at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    with_kills: Option<Rate>,
    #[serde(flatten)]
    more: Option<More>,
}

/// What is measured of this simulator only.
#[derive(Debug, Serialize)]
struct More {
    /// The same where loads find stale values, as loom's do.
    weak: Rate,
    /// The same on so many threads.
    all_threads: AllThreads,
    /// Every run with at most two kills, each state once.
    exhaustive: Rate,
    /// The bugs again, with random runs.
    at_random: Hunts,
    ratios: Ratios,
}

#[derive(Debug, Serialize)]
struct AllThreads {
    threads: usize,
    #[serde(flatten)]
    rate: Rate,
}

/// How many times the others' executions a second, on one thread: the median of the rounds.
#[derive(Debug, Serialize)]
struct Ratios {
    shuttle: f64,
    shuttle_with_kills: f64,
    loom: f64,
    /// Where loads find stale values here too.
    loom_weak: f64,
}

/// How fast something goes, drawn from a seed, for so long.
type Measured<'a> = &'a dyn Fn(u64, Duration) -> Result<Rate, String>;

/// Looks for a bug, drawn from a seed: in how many executions, and whether it was found.
type Way<'a> = &'a dyn Fn(u64) -> Result<(u64, bool), String>;

/// Runs `bench`.
pub(crate) fn run(options: &Options) -> Ended {
    let threads = options.threads.count();
    let here = case::find(SCENARIO.0).ok_or_else(|| format!("there is no scenario `{}`", SCENARIO.0))?;
    let [sc, kills] = [0, KILLS_MAX].map(|kills| Spec::new(Model::Sc, kills));
    let weak = Spec::new(Model::Weak, 0);
    // With each, among how many an engine's time is shared.
    let rows: [(Measured<'_>, u32); 8] = [
        (&|_, time| Ok(loom_rate(time)), 1),
        (&|seed, time| Ok(shuttle_rate(seed, time, false)), 2),
        (&|seed, time| Ok(shuttle_rate(seed, time, true)), 2),
        (&|seed, time| sample_rate(here, &sc, seed, time, 1), 5),
        (&|seed, time| sample_rate(here, &kills, seed, time, 1), 5),
        (&|seed, time| sample_rate(here, &weak, seed, time, 1), 5),
        (&|seed, time| sample_rate(here, &sc, seed, time, threads), 5),
        (&|_, time| search_rate(here, &kills, time), 5),
    ];
    let mut rates = [const { Vec::new() }; 8];
    for round in 0..ROUNDS {
        tell(format_args!("round {} of {ROUNDS}", round + 1));
        for ((row, share), rates) in rows.iter().zip(&mut rates) {
            rates.push(row(round, options.seconds / *share)?);
        }
    }
    let ratio = |of: usize, to: usize| {
        let ratios = rates[of].iter().zip(&rates[to]).map(|(of, to)| of.executions_per_s / to.executions_per_s);
        median(&ratios.collect::<Vec<_>>(), |ratio| *ratio).map_or(0.0, |ratio| rounded(ratio, 2))
    };
    let ratios =
        Ratios { shuttle: ratio(3, 1), shuttle_with_kills: ratio(4, 2), loom: ratio(3, 0), loom_weak: ratio(5, 0) };
    let fastest = |rate: &Rate| rate.states_per_s.unwrap_or(rate.executions_per_s);
    let medians = rates.each_ref().map(|rates| median(rates, fastest));
    let [
        Some(loom),
        Some(shuttle),
        Some(shuttle_kills),
        Some(random),
        Some(kills),
        Some(weak),
        Some(all),
        Some(search),
    ] = medians
    else {
        unreachable!("every row was run in every round")
    };
    let [in_loom, in_shuttle, in_search, at_random] = hunts(options.bug_seconds)?;
    let engine = |engine, version, search, memory, rate, hunts| Engine {
        engine,
        version,
        scenario: SCENARIO.0,
        search,
        memory,
        threads: 1,
        rate,
        bug_scenario: BUG_SCENARIO.0,
        hunts,
        with_kills: None,
        more: None,
    };
    let version = |name| version(name).unwrap_or("unknown");
    let all_threads = AllThreads { threads, rate: all };
    let engines = [
        engine("loom", version("loom"), "exhaustive within 3 preemptions", "weak", loom, in_loom),
        Engine {
            with_kills: Some(shuttle_kills),
            ..engine("shuttle", version("shuttle"), "random", "sc", shuttle, in_shuttle)
        },
        Engine {
            with_kills: Some(kills),
            more: Some(More { weak, all_threads, exhaustive: search, at_random, ratios }),
            ..engine("lastword", env!("CARGO_PKG_VERSION"), "random", "sc", random, in_search)
        },
    ];
    if options.json {
        for engine in &engines {
            print_json(engine)?;
        }
    } else {
        show(&engines)?;
    }
    Ok(true)
}

fn loom_case(scenario: Scenario<'static>, kills: bool) -> suite::Case<Scenario<'static>> {
    let (kills, preemptions) = match kills {
        false => (Kills::None, PREEMPTIONS),
        true => (Kills::Of(1, 0), PREEMPTIONS_WITH_KILLS),
    };
    suite::Case { name: "bench", scenario, kills, preemptions, begins: 0 }
}

fn loom_rate(time: Duration) -> Rate {
    let begun = Instant::now();
    let total = loom_case(SCENARIO.1, false).run_within(None, Some(time));
    Rate::new(total.outcome.executions, begun.elapsed())
}

fn shuttle_bounds(seed: u64, time: Duration, kills: bool) -> shuttle::Bounds {
    let one_in = if kills { DIES_ONE_IN } else { 0 };
    shuttle::Bounds { executions: usize::MAX, one_in, kills_max: KILLS_MAX.into(), seed, time: Some(time) }
}

fn shuttle_rate(seed: u64, time: Duration, kills: bool) -> Rate {
    let begun = Instant::now();
    let found = shuttle::run(&SCENARIO.1, None, shuttle::Choice::Random, shuttle_bounds(seed, time, kills));
    Rate::new(found.outcome.executions, begun.elapsed())
}

fn sampling(seed: u64, threads: usize) -> Sampling {
    Sampling { dies_one_in: DIES_ONE_IN, threads, ..Sampling::new(Method::Random, u64::MAX, seed) }
}

fn sample_rate(case: &dyn Case, spec: &Spec, seed: u64, time: Duration, threads: usize) -> Result<Rate, String> {
    let gauge = Gauge::default();
    let begun = Instant::now();
    within(time, &gauge, || case.sample(spec, &sampling(seed, threads), &gauge))?;
    Ok(Rate::new(gauge.executions.load(Relaxed), begun.elapsed()))
}

fn search_rate(case: &dyn Case, spec: &Spec, time: Duration) -> Result<Rate, String> {
    let gauge = Gauge::default();
    let begun = Instant::now();
    within(time, &gauge, || case.search(spec, &Limits { threads: 1, ..Limits::default() }, &gauge))?;
    let taken = begun.elapsed();
    let states_per_s = (gauge.states.load(Relaxed) as f64 / taken.as_secs_f64()).round();
    Ok(Rate { states_per_s: Some(states_per_s), ..Rate::new(gauge.executions.load(Relaxed), taken) })
}

/// Does `work`, which stops when the time is up.
fn within<T>(time: Duration, gauge: &Gauge, work: impl FnOnce() -> T) -> T {
    let (done, wait) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if wait.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                gauge.stop.store(true, Relaxed);
            }
        });
        let worked = work();
        drop(done);
        worked
    })
}

/// Looks for every bug: under loom, under shuttle, here in every run, here in random runs.
fn hunts(limit: Duration) -> Result<[Hunts; 4], Failure> {
    let here = case::find(BUG_SCENARIO.0).ok_or_else(|| format!("there is no scenario `{}`", BUG_SCENARIO.0))?;
    let mut all: [Hunts; 4] = Default::default();
    for bug in &BUGS {
        tell(format_args!("looking for: {}", bug.name));
        let change = case::slots_variant(bug.name).ok_or_else(|| format!("there is no variant `{}`", bug.name))?;
        // Nothing tells beforehand that a bug needs weak memory: the simulator always looks there.
        let kills = if bug.needs_kill { KILLS_MAX } else { 0 };
        let spec = |kills| Spec::new(Model::Weak, kills).broken(bug.name);
        let ways: [Way<'_>; 4] = [
            &|_| Ok(loom_hunt(bug, change, limit)),
            &|seed| Ok(shuttle_hunt(bug, change, seed, limit)),
            &|_| search_hunt(here, &spec(kills.min(1)), limit),
            &|seed| sample_hunt(here, &spec(kills), seed, limit),
        ];
        for (way, hunts) in ways.iter().zip(&mut all) {
            hunts.note(bug, hunt(way, limit)?);
        }
    }
    Ok(all)
}

/// The median of some attempts at a bug; none if one of them fails. Those that take long are not repeated.
fn hunt(way: Way<'_>, limit: Duration) -> Result<Option<Hunt>, String> {
    let begun = Instant::now();
    let mut hunts = Vec::new();
    for seed in 0..ROUNDS {
        let begun_this = Instant::now();
        let (executions, found) = way(seed)?;
        if !found {
            return Ok(None);
        }
        hunts.push(Hunt { seconds: begun_this.elapsed().as_secs_f64(), executions });
        if begun.elapsed() > limit / 4 {
            break;
        }
    }
    Ok(median(&hunts, |hunt| hunt.seconds))
}

fn loom_hunt(bug: &Bug, change: Change, limit: Duration) -> (u64, bool) {
    let total = loom_case(BUG_SCENARIO.1, bug.needs_kill).run_within(Some(change), Some(limit));
    (total.outcome.executions, total.outcome.violation.is_some())
}

fn shuttle_hunt(bug: &Bug, change: Change, seed: u64, limit: Duration) -> (u64, bool) {
    let bounds = shuttle_bounds(seed, limit, bug.needs_kill);
    let found = shuttle::run(&BUG_SCENARIO.1, Some(change), shuttle::Choice::Random, bounds);
    (found.outcome.executions, found.outcome.violation.is_some())
}

fn search_hunt(case: &dyn Case, spec: &Spec, limit: Duration) -> Result<(u64, bool), String> {
    let gauge = Gauge::default();
    let limits = Limits { threads: 1, ..Limits::default() };
    let searched = within(limit, &gauge, || case.search(spec, &limits, &gauge))?;
    Ok((gauge.executions.load(Relaxed), searched.found.is_some()))
}

fn sample_hunt(case: &dyn Case, spec: &Spec, seed: u64, limit: Duration) -> Result<(u64, bool), String> {
    let gauge = Gauge::default();
    let sampled = within(limit, &gauge, || case.sample(spec, &sampling(seed, 1), &gauge))?;
    Ok((gauge.executions.load(Relaxed), sampled.found.is_some()))
}

const NOTES: &str = "All three run the same source, operations and oracle; what one execution checks differs:
- loom goes through every interleaving within its bound and the stale values that loads may find, and reports data
  races. Kills are numbered from outside: one loom run for each point. Here it takes all accesses to a word to depend
  on each other, without which it misses some of what can happen; with it, it needs more executions to find a bug.
- shuttle draws schedules at random. Its memory is sequentially consistent and it knows no data races: bugs of
  orderings are not found. Each process dies at most 2 times, before an access with a chance of 1 in 40.
- lastword draws runs at random likewise, at most 2 deaths in a run; every row but `weak` has sequentially consistent
  memory, and all rows detect data races. Its exhaustive search goes on from each state once, so that its runs are
  only the rests of whole ones. It looks for bugs in weak memory, with at most 1 kill in its exhaustive search.
- Loom and shuttle run one execution at a time, on one thread.";

fn show(engines: &[Engine; 3]) -> Result<(), Failure> {
    let [loom, shuttle, lastword] = engines;
    print(format_args!("{}, median of {ROUNDS} rounds in turn", SCENARIO.0))?;
    print(format_args!("{:16} {:32} {:6} {:>7} {:>14}", "engine", "search", "memory", "threads", "executions/s"))?;
    for engine in engines {
        let name = format!("{} {}", engine.engine, engine.version);
        let row = |search: &str, memory: &str, threads: usize, rate: &Rate| {
            let speed = count(rate.executions_per_s as u64);
            print(format_args!("{name:16} {search:32} {memory:6} {threads:>7} {speed:>14}"))
        };
        row(engine.search, engine.memory, engine.threads, &engine.rate)?;
        if let Some(rate) = &engine.with_kills {
            row("random, with kills", engine.memory, engine.threads, rate)?;
        }
        if let Some(More { weak, all_threads, exhaustive, .. }) = &engine.more {
            row("random", "weak", engine.threads, weak)?;
            row("random", engine.memory, all_threads.threads, &all_threads.rate)?;
            row("exhaustive, at most 2 kills", engine.memory, engine.threads, exhaustive)?;
            let states = count(exhaustive.states_per_s.unwrap_or_default() as u64);
            print(format_args!("{:64} {states} states/s", ""))?;
        }
    }
    let Some(More { ratios, at_random, .. }) = &lastword.more else { return Ok(()) };
    print(format_args!(
        "executions/s of lastword on one thread: {} times shuttle's, {} times with kills; {} times loom's, {} times with \
         weak memory",
        ratios.shuttle, ratios.shuttle_with_kills, ratios.loom, ratios.loom_weak
    ))?;
    print(format_args!(""))?;
    print(format_args!("seconds (and executions) to a seeded bug, {}", BUG_SCENARIO.0))?;
    let row = |name: &str, cells: [&str; 4]| {
        let [loom, shuttle, search, random] = cells;
        print(format_args!("{name:42} {loom:>18} {shuttle:>18} {search:>22} {random:>18}"))
    };
    row("bug", ["loom", "shuttle", "lastword, exhaustive", "lastword, random"])?;
    for bug in &BUGS {
        let told = [&loom.hunts, &shuttle.hunts, &lastword.hunts, at_random].map(|hunts| hunts.told(bug));
        row(bug.name, told.each_ref().map(String::as_str))?;
    }
    print(format_args!(""))?;
    print(format_args!("{NOTES}"))?;
    Ok(())
}
