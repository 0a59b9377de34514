//! The searches against each other, and against what is known of them: merging loses nothing, parts make the whole, a
//! series is the same however it is split, and every failure can be run again.

use lastword_protocol::model::variant::{self, Change};
use lastword_protocol::model::{Scenario, ready, slots};
use lastword_sim::case::{self, CASES, Spec};
use lastword_sim::choose::{Odometer, Random};
use lastword_sim::coverage::Coverage;
use lastword_sim::executions::{chosen, every};
use lastword_sim::exhaustive::{Found, Gauge, Limits, search};
use lastword_sim::memory::{Handover, Model};
use lastword_sim::sample::{Method, Sampling};
use lastword_sim::token::Token;
use lastword_sim::trace::{Facts, Place, What};
use lastword_sim::verify::untouched;
use lastword_sim::world::{Kills, Setting, State, Step, System, World};
use slots::Op::{Acquire, Publish, Release};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::Ordering::Relaxed;

const SMALL: slots::Scenario<'static> = slots::Scenario::new(&[&[Publish(8), Publish(8)], &[Acquire, Release]], 1, 8);
const MAILBOX: ready::Scenario<'static> = ready::Scenario {
    processes: &[&[ready::Op::Send(8), ready::Op::Send(8)], &[ready::Op::Receive, ready::Op::Receive]],
    capacity: 8,
    genesis: None,
};

/// How a run can end: what is in memory, or the promise that is broken. Every run, by a search that merges only states
/// with the same history, or, with `merge`, states with the same digest.
fn ends<S: Scenario + Clone + 'static>(
    mut world: World<S>,
    merge: bool,
) -> (BTreeSet<Result<Vec<u64>, &'static str>>, u64) {
    let mut ends = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut steps = 0;
    let mut open: Vec<State<S::Oracle>> = vec![world.initial().clone()];
    while let Some(state) = open.pop() {
        let mut odometer = Odometer::default();
        loop {
            odometer.rewind();
            let mut next = state.clone();
            steps += 1;
            match world.step(&mut next, &mut odometer) {
                Err(violation) => drop(ends.insert(Err(violation.promise))),
                Ok(Step::End) => drop(ends.insert(Ok(world.values(&next)))),
                Ok(Step::More) if !merge || seen.insert(world.digest(&next)) => open.push(next),
                Ok(Step::More) => {}
            }
            if !odometer.advance() {
                break;
            }
        }
    }
    (ends, steps)
}

fn merging_loses_nothing<S: Scenario + Clone + 'static>(scenario: &S, setting: &Setting) {
    let world = || World::new(scenario, setting).expect("small");
    let (whole, all) = ends(world().without_merging(), false);
    let (merged, fewer) = ends(world(), true);
    assert_eq!(whole, merged, "{:?}", setting.change);
    assert!(fewer < all, "{fewer} of {all}");
}

#[test]
fn merging_states_loses_no_outcome() {
    for model in [Model::Sc, Model::Weak] {
        merging_loses_nothing(&SMALL, &Setting::new(model, 0));
    }
    // Not in the weak model: there a process may find that it has to wait any number of times.
    merging_loses_nothing(&MAILBOX, &Setting::new(Model::Sc, 1));
    merging_loses_nothing(&MAILBOX, &Setting::new(Model::Pso, 0));
    let once = slots::Scenario::new(&[&[Publish(8)], &[Acquire]], 1, 8);
    for handover in [Handover::Bare, Handover::Synchronized] {
        merging_loses_nothing(&once, &Setting { handover, ..Setting::new(Model::Sc, 1) });
    }
}

#[test]
fn single_accesses_have_the_same_outcomes_and_more_states() {
    let once = slots::Scenario::new(&[&[Publish(8), Publish(8)], &[Acquire]], 1, 8);
    let setting = Setting::new(Model::Sc, 1);
    let world = || World::new(&once, &setting).expect("small");
    let (merged, fewer) = ends(world(), true);
    let (single, more) = ends(world().access_by_access(), true);
    assert_eq!(merged, single);
    assert!(fewer < more, "{fewer} of {more}");
}

#[test]
fn no_store_is_lost_where_none_may_be() {
    let once = slots::Scenario::new(&[&[Publish(8)], &[]], 1, 8);
    let world = || World::new(&once, &Setting::new(Model::Sc, 1)).expect("small");
    let most_lost = |mut world: World<slots::Scenario<'static>>| {
        let mut most = 0;
        let all = every(&mut world, |lines| {
            let lost = lines.iter().map(|line| match &line.what {
                What::Dies { lost } => lost.len(),
                _ => 0,
            });
            most = lost.fold(most, usize::max);
            true
        });
        all.expect("no promise is broken");
        most
    };
    // The payload, the length and the sequence number.
    assert_eq!(most_lost(world()), 3);
    assert_eq!(most_lost(world().without_lost_stores()), 0);
}

#[test]
fn every_execution_is_told() {
    let once = slots::Scenario::new(&[&[Publish(8)], &[Acquire]], 1, 8);
    let mut world = World::new(&once, &Setting::new(Model::Sc, 1)).expect("small");
    let (mut told, mut deaths) = (HashSet::new(), 0);
    let count = every(&mut world, |lines| {
        deaths += usize::from(lines.iter().any(|line| matches!(line.what, What::Dies { .. })));
        told.insert(format!("{lines:?}"));
        true
    });
    let count = count.expect("no promise is broken");
    // Who has nothing left to do takes a step that is not told.
    assert!(told.len() as u64 <= count, "{} of {count}", told.len());
    assert!(0 < deaths && (deaths as u64) < count, "{deaths} of {count}");
    // Each engine's execution is one of them.
    for seed in 0..100 {
        let (lines, result) = chosen(&mut world, &mut Random::new(seed, 8, 1));
        assert_eq!(result, Ok(()));
        assert!(told.contains(&format!("{lines:?}")), "{lines:?}");
    }
    let stopped = every(&mut world, |_| false).expect("no promise is broken");
    assert_eq!(stopped, 1);
}

#[test]
fn an_access_is_told_in_numbers_too() {
    let once = slots::Scenario::new(&[&[Publish(8)], &[]], 1, 8);
    let mut world = World::new(&once, &Setting::new(Model::Sc, 0)).expect("small");
    let (lines, _) = chosen(&mut world, &mut Random::new(1, 1, 1));
    let facts = |name: &str| {
        lines.iter().find_map(|line| match &line.what {
            What::Access { site, facts, .. } if site.name == name => Some(*facts),
            _ => None,
        })
    };
    let word = |number| Some(Place::Word(number));
    let latest = Facts { place: word(0), found: None, stored: Some(1 << 8) };
    assert_eq!(facts("slots.publish"), Some(latest));
    assert_eq!(facts("slots.scan"), Some(Facts { place: word(1), found: Some(0), stored: None }));
    assert_eq!(facts("slots.retire_fence"), Some(Facts { place: None, found: None, stored: None }));
    let filled = facts("slots.fill").expect("there is a message");
    assert_eq!(filled.place, Some(Place::Payload { area: 0, index: 0 }));
    assert_eq!(filled.stored.map(|word| word & 0xffff_ffff), Some(1));
}

#[test]
fn merging_states_loses_no_violation() {
    let changes = variant::weakenings(ready::Scenario::SITES).chain(variant::READY.iter().map(|step| step.change));
    for change in changes.filter(|change| !matches!(change, Change::OneSlotTooFew)) {
        merging_loses_nothing(&MAILBOX, &Setting { change: Some(change), ..Setting::new(Model::Sc, 0) });
    }
}

fn count(searched: &dyn Fn(&Limits, &Gauge), limits: &Limits) -> (u64, u64) {
    let gauge = Gauge::default();
    searched(limits, &gauge);
    (gauge.states.load(Relaxed), gauge.executions.load(Relaxed))
}

#[test]
fn threads_find_the_same_states() {
    let setting = Setting::new(Model::Sc, 1);
    let run = |limits: &Limits, gauge: &Gauge| {
        let searched = search(&|| World::new(&SMALL, &setting).expect("small"), limits, gauge);
        assert!(searched.complete && searched.found.is_none());
    };
    let one = count(&run, &Limits { threads: 1, ..Limits::default() });
    for threads in [2, 3, 7] {
        assert_eq!(count(&run, &Limits { threads, ..Limits::default() }).0, one.0, "{threads} threads");
    }
}

#[test]
fn parts_of_a_search_make_the_whole() {
    let case = case::find("slots-1").expect("there");
    let mut points: BTreeMap<u32, Coverage> = BTreeMap::new();
    let spec = Spec::new(Model::Sc, 1);
    for part in 0..3 {
        let limits = Limits { threads: 1, shard: (part, 3), ..Limits::default() };
        let searched = case.search(&spec, &limits, &Gauge::default()).expect("small");
        assert!(searched.complete);
        points.insert(part, searched.coverage);
    }
    let mut whole = points.remove(&0).expect("searched");
    points.values().for_each(|part| whole.add(part));
    let searched = case.search(&spec, &Limits::default(), &Gauge::default()).expect("small");
    assert_eq!(whole.hits(), searched.coverage.hits());

    // What is broken is found by one of them at least, and by a search that is not split.
    let broken = spec.broken("no Held before reading");
    let found = (0..3).any(|part| {
        let limits = Limits { shard: (part, 3), ..Limits::default() };
        case.search(&broken, &limits, &Gauge::default()).expect("small").found.is_some()
    });
    assert!(found);
}

#[test]
fn a_search_that_is_cut_short_says_so() {
    let case = case::find("slots-2").expect("there");
    let limits = Limits { states_max: 1000, ..Limits::default() };
    let searched = case.search(&Spec::new(Model::Sc, 1), &limits, &Gauge::default()).expect("small");
    assert!(!searched.complete && searched.found.is_none());
    let stopped = Gauge::default();
    stopped.stop.store(true, Relaxed);
    let searched = case.search(&Spec::new(Model::Sc, 1), &Limits::default(), &stopped).expect("small");
    assert!(!searched.complete);
}

fn first_failure(method: Method, threads: usize, shard: (u32, u32)) -> Option<(u64, Found)> {
    let case = case::find("slots-1").expect("there");
    let spec = Spec::new(Model::Sc, 1).broken("a restarted consumer forgets what it held");
    let sampling = Sampling { threads, shard, ..Sampling::new(method, 20_000, 7) };
    case.sample(&spec, &sampling, &Gauge::default()).expect("small").found
}

#[test]
fn a_series_is_the_same_however_it_is_split() {
    for method in [Method::Random, Method::Bursts, Method::Pct(3)] {
        let (number, found) = first_failure(method, 1, (0, 1)).expect("found");
        let (again, same) = first_failure(method, 2, (0, 1)).expect("found");
        assert_eq!((number, &found.answers), (again, &same.answers), "{method:?}");
        let parts = (0..3).filter_map(|part| first_failure(method, 1, (part, 3)));
        let (least, earliest) = parts.min_by_key(|(number, _)| *number).expect("found");
        assert_eq!((number, &found.answers), (least, &earliest.answers), "{method:?}");
    }
}

#[test]
fn every_run_of_a_series_is_run_once() {
    let case = case::find("ready-3").expect("there");
    for threads in [1, 2, 3] {
        let gauge = Gauge::default();
        let sampling = Sampling { threads, shard: (1, 2), ..Sampling::new(Method::Random, 1001, 1) };
        let sampled = case.sample(&Spec::new(Model::Sc, 2), &sampling, &gauge).expect("small");
        assert!(sampled.complete);
        assert_eq!(gauge.executions.load(Relaxed), 500);
    }
}

#[test]
fn a_failure_is_made_small_and_runs_again() {
    let case = case::find("slots-large").expect("there");
    let spec = Spec::new(Model::Sc, 3).broken("a restarted consumer forgets what it held");
    let sampling = Sampling::new(Method::Random, 100_000, 1);
    let (_, found) = case.sample(&spec, &sampling, &Gauge::default()).expect("small").found.expect("found");
    let shrunk = case.shrink(&spec, &found.answers).expect("a failure");
    assert_eq!(shrunk.kills, 1, "one kill is enough");
    let operations: usize = shrunk.script.iter().map(Vec::len).sum();
    assert_eq!(operations, 2, "one publish and one acquire are enough: {:?}", shrunk.script);
    let told = case.tell(&spec, Some(&shrunk.script), &shrunk.answers).expect("it runs");
    assert_eq!(told.violation.map(|violation| violation.promise), Some(shrunk.violation.promise));
    // What is small stays as it is.
    let again = case.tell(&spec, Some(&shrunk.script), &shrunk.answers).expect("it runs");
    assert_eq!(format!("{:?}", told.lines), format!("{:?}", again.lines));
}

/// Runs that were recorded once, and how they ended. Another build of the same source ends them alike; where a protocol
/// or a scenario changes, they are recorded anew: `mutants --json` prints a token for each variant.
const RECORDED: &[(&str, &str)] = &include!("recorded.in");

#[test]
fn recorded_failures_end_with_the_same_line() {
    assert!(RECORDED.len() >= 3);
    for (token, last) in RECORDED {
        let token: Token = token.parse().expect("a token");
        let case = case::find(&token.scenario).expect("there");
        let told = case.tell(&token.spec, token.script.as_deref(), &token.answers).expect("it runs");
        let line = told.lines.last().map(|line| line.what.to_string()).unwrap_or_default();
        let violation = told.violation.expect("a failure");
        assert_eq!(&format!("{}; {violation}", line.trim()), last, "{token}");
    }
}

#[test]
fn tokens_are_parsed_back_and_nonsense_is_refused() {
    let token = Token {
        scenario: "slots-1".to_owned(),
        spec: Spec::new(Model::Weak, 2).synchronized().broken("slots.hold: Release to Relaxed"),
        script: Some(vec![vec![0, 2], vec![], vec![1]]),
        answers: vec![0, 1, 255],
    };
    assert_eq!(token.to_string().parse(), Ok(token.clone()));
    assert!(!token.to_string().contains(' '), "{token}");
    let whole = Token { script: None, answers: Vec::new(), spec: Spec::new(Model::Sc, 0), ..token };
    assert_eq!(whole.to_string().parse(), Ok(whole));
    for nonsense in [
        "",
        "slots-1",
        "a,b,c,d,e,f,g",
        "slots-1,sc,0,bare,,x,",
        "slots-1,sc,0,bare,,,0",
        "slots-1,sc,999,bare,,,",
        "slots-1,sc,0,bare,,,zz",
        "slots-1,sc,0,bare,,,\u{e9}\u{e9}",
    ] {
        assert!(nonsense.parse::<Token>().is_err(), "{nonsense:?}");
    }
}

#[test]
fn a_token_of_another_scenario_is_refused() {
    let case = case::find("ready-3").expect("there");
    let spec = Spec::new(Model::Sc, 0);
    for script in [vec![vec![0]], vec![vec![9], vec![0]], vec![vec![0], vec![0], vec![0]]] {
        assert!(case.tell(&spec, Some(&script), &[]).is_err(), "{script:?}");
    }
    assert!(case.tell(&spec.broken("no such variant"), None, &[]).is_err());
}

#[test]
fn any_bytes_are_a_run() {
    let mut bytes = Vec::new();
    for round in 0..2000_u32 {
        bytes.push((round.wrapping_mul(2_654_435_761) >> 24) as u8);
        for case in CASES {
            let told = case.tell(&Spec::new(Model::Sc, 2), None, &bytes[..(round as usize).min(60)]).expect("it runs");
            assert!(told.violation.is_none(), "{}: {:?} by {bytes:?}", case.name(), told.violation);
        }
        if round > 40 {
            break;
        }
    }
}

#[test]
fn a_process_that_may_not_die_is_a_point_that_is_not_hit() {
    let setting = Setting { kills: Kills { max: 2, of: 1 }, ..Setting::new(Model::Sc, 2) };
    let searched = search(&|| World::new(&SMALL, &setting).expect("small"), &Limits::default(), &Gauge::default());
    let hits = searched.coverage.hits();
    assert!(hits.iter().all(|point| point.role == "producer"));
    let sites: Vec<_> = slots::Scenario::SITES.iter().map(|site| site.name).collect();
    let missed = untouched(&sites, &hits);
    assert!(missed.iter().any(|missed| missed == "before slots.hold, kill 1"), "{missed:?}");
    assert!(!missed.iter().any(|missed| missed.contains("slots.publish")), "{missed:?}");
}

#[test]
fn a_scenario_that_is_too_large_is_refused() {
    let many: &[&[slots::Op]] = &[&[Publish(8)], &[], &[], &[], &[], &[], &[], &[]];
    let large = slots::Scenario::new(many, 7, 64);
    let error = World::new(&large, &Setting::new(Model::Weak, 0)).expect_err("more words than the weak model holds");
    assert!(error.contains("48"), "{error}");
}

#[test]
fn a_store_that_nothing_orders_may_be_lost_with_its_process() {
    // A flag that is set by a Relaxed store, and a writer that dies: the message may be out, or not, or out without its
    // length. With Release it is out whole or not at all.
    let case = case::find("ready-3").expect("there");
    let spec = Spec::new(Model::Sc, 1).broken("ready.send: SeqCst to Relaxed");
    assert!(case.search(&spec, &Limits::default(), &Gauge::default()).expect("small").found.is_some());
    let case = case::find("status-2").expect("there");
    let spec = Spec::new(Model::Sc, 1).broken("status.set: Release to Relaxed");
    let found = case.search(&spec, &Limits::default(), &Gauge::default()).expect("small").found.expect("a lost store");
    let told = case.tell(&spec, None, &found.answers).expect("it runs");
    let killed = told.lines.iter().any(|line| line.what.to_string().contains("lost or not"));
    assert!(killed, "{:?}", told.lines);
}
