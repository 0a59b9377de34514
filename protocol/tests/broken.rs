//! Every broken variant has to be rejected: each ordering of each table weakened, each step left out or misplaced.
//!
//! `cargo test --release -p lastword-protocol --test broken -- --nocapture` prints the table: variant, the engine and
//! scenario that rejected it, what was found, and how many executions that took. A weakening that is said to be
//! equivalent must indeed not be found, and its reason is printed.

use lastword_engines::shuttle::{self, Bounds, Choice};
use lastword_engines::suite::{Case, READY, SLOTS, STATUS};
use lastword_protocol::memory::Kind;
use lastword_protocol::model::variant::{self, Change, Part, Variant};
use lastword_protocol::model::{Scenario, slots};
use slots::Op::{Acquire, Peek, Publish, PublishInPlace, Release};

/// Variants whose failure takes a longer run than loom is given here, and why. `lastword-sim mutants` rejects them, as
/// it does all others.
const LEFT_TO_THE_SIMULATOR: &[(&str, &str)] = &[(
    "slots.help: AcqRel to Release",
    "the Claim that is replaced has to be a later one than the scan found: two acquires beside five publishes",
)];

/// Sites that do nothing but put to sleep and wake, which the engines here do not.
const SLEEP: &[&str] = &[
    "slots.sleepers",
    "slots.doze",
    "ready.reader_asleep",
    "ready.writer_asleep",
    "ready.writer_doze",
    "ready.reader_doze",
];
/// What only a sleeper needs to be stronger than Release.
const SLEEP_WEAKENINGS: &[&str] = &["ready.send: SeqCst to Release", "ready.clear: SeqCst to Release"];

/// Why a variant is left to the simulator, if it is.
fn why_left(name: &str, change: &Change) -> Option<&'static str> {
    let is_of_sleep = match change {
        Change::Skip { site } | Change::Weaken { site, .. } => {
            matches!(site.kind, Kind::Wait | Kind::Wake) || SLEEP.contains(&site.name)
        }
        _ => false,
    };
    if is_of_sleep || SLEEP_WEAKENINGS.contains(&name) {
        return Some("nobody sleeps here");
    }
    LEFT_TO_THE_SIMULATOR.iter().find(|(left, _)| *left == name).map(|&(_, why)| why)
}

/// What became of a variant.
enum Verdict {
    Rejected { by: String, found: String, executions: u64 },
    Equivalent { reason: &'static str, executions: u64 },
    Survived { executions: u64 },
    Refuted { reason: &'static str, found: String },
}

fn judge<S: Scenario + Clone + Send + Sync + 'static>(
    variant: &Variant,
    cases: &[Case<S>],
    then: impl Fn(Change) -> Option<(String, u64, String)>,
) -> Verdict {
    let reason = variant::equivalent(&variant.change);
    let mut executions = 0;
    for case in cases {
        let total = case.run(Some(variant.change));
        executions += total.outcome.executions;
        match (total.outcome.violation, reason) {
            (None, _) => {}
            (Some(found), None) => return Verdict::Rejected { by: format!("loom: {}", case.name), found, executions },
            (Some(found), Some(reason)) => return Verdict::Refuted { reason, found },
        }
    }
    match (then(variant.change), reason) {
        (Some((by, more, found)), None) => Verdict::Rejected { by, found, executions: executions + more },
        (Some((_, _, found)), Some(reason)) => Verdict::Refuted { reason, found },
        (None, Some(reason)) => Verdict::Equivalent { reason, executions },
        (None, None) => Verdict::Survived { executions },
    }
}

/// Judges all variants of a protocol, prints the table, and fails if one survives or an equivalence is refuted.
fn judge_all<S: Scenario + Clone + Send + Sync + 'static>(
    protocol: &str,
    steps: &[Variant],
    cases: &[Case<S>],
    then: impl Fn(Change) -> Option<(String, u64, String)>,
) {
    let weakened = variant::weakenings(S::SITES).map(|change| {
        let Change::Weaken { site, part, to } = change else { unreachable!("a weakening") };
        let (from, which) = match part {
            Part::Order => (site.order, ""),
            Part::Failure => (site.failure, " on failure"),
        };
        (format!("{site}: {from:?} to {to:?}{which}"), change)
    });
    let steps = steps.iter().map(|step| (step.name.to_owned(), step.change));
    let (mut wrong, mut all, mut variants, mut equivalent, mut left) = (0, 0, 0, 0, 0);
    for (name, change) in steps.chain(weakened) {
        if let Some(why) = why_left(&name, &change) {
            left += 1;
            variants += 1;
            println!("{protocol:6} | {name:58} | {:>8} | left to the simulator: {why}", 0);
            continue;
        }
        let verdict = judge(&Variant { name: "", change }, cases, &then);
        let (what, executions) = match verdict {
            Verdict::Rejected { by, found, executions } => (format!("rejected by {by}: {found}"), executions),
            Verdict::Equivalent { reason, executions } => {
                equivalent += 1;
                (format!("equivalent: {reason}"), executions)
            }
            Verdict::Survived { executions } => {
                wrong += 1;
                ("SURVIVED".to_owned(), executions)
            }
            Verdict::Refuted { reason, found } => {
                wrong += 1;
                (format!("NOT EQUIVALENT, though said to be ({reason}): {found}"), 0)
            }
        };
        all += executions;
        variants += 1;
        println!("{protocol:6} | {name:58} | {executions:>8} | {what}");
    }
    let rejected = variants - equivalent - wrong - left;
    println!(
        "{protocol}: {variants} variants, {rejected} rejected, {equivalent} equivalent, {left} left to the simulator, {wrong} \
         wrong; {all} executions of loom and shuttle in all"
    );
    assert_eq!(wrong, 0, "{protocol}: variants that survive, or are wrongly said to be equivalent");
}

#[test]
fn every_broken_variant_of_slots_is_rejected() {
    const LARGE: slots::Scenario = slots::Scenario::new(
        &[
            &[Publish(16), Publish(8), PublishInPlace(16), Publish(16), Publish(24), Publish(16), Publish(8)],
            &[Acquire, Release, Acquire, Acquire, Release],
            &[Acquire, Release, Acquire, Acquire, Release],
            &[Peek, Peek, Peek],
        ],
        2,
        24,
    );
    judge_all("slots", variant::SLOTS, SLOTS, |change| {
        let choices = [Choice::Random, Choice::Pct(3)];
        choices.into_iter().find_map(|choice| {
            let bounds = Bounds { executions: 50_000, one_in: 40, kills_max: 2, seed: 1, time: None };
            let outcome = shuttle::run(&LARGE, Some(change), choice, bounds).outcome;
            let by = format!("shuttle, {choice:?}");
            outcome.violation.map(|found| (by, outcome.executions, found))
        })
    });
}

#[test]
fn every_broken_variant_of_ready_is_rejected() {
    judge_all("ready", variant::READY, READY, |_| None);
}

#[test]
fn every_broken_variant_of_status_is_rejected() {
    judge_all("status", variant::STATUS, STATUS, |_| None);
}
