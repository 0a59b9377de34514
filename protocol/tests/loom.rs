//! Every protocol under loom: exhaustive within the stated bounds, killed at each access.
//!
//! Loom finds torn messages as data races on payload words, missing Acquire and Release edges, stale values that the
//! memory model permits, and through the oracles every invariant of the protocols:
//! `slots` Inv 1 to 6, strict linearizability and recovery; `ready` Inv 1 to 3; `status` Inv 1 and 2.

use lastword_engines::Story;
use lastword_engines::suite::{Case, READY, SLOTS, SLOTS_LARGER, STATUS};
use lastword_protocol::model::{Scenario, slots};
use slots::Op::{Acquire, Publish};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

fn holds<S: Scenario + Clone + Send + Sync + 'static>(protocol: &str, cases: &[Case<S>]) {
    let mut executions = 0;
    for case in cases {
        let total = case.run(None);
        executions += total.outcome.executions;
        println!(
            "loom: {protocol}: {}: {} executions, {} kill points, preemption bound {}",
            case.name, total.outcome.executions, total.points, case.preemptions
        );
        assert_eq!(total.outcome.violation, None, "{protocol}: {}", case.name);
    }
    println!("loom: {protocol}: {executions} executions in all");
}

#[test]
fn slots_keeps_its_promises() {
    holds("slots", SLOTS);
}

#[test]
fn slots_of_two_consumers_keeps_its_promises_when_one_is_killed() {
    holds("slots", SLOTS_LARGER);
}

#[test]
fn ready_keeps_its_promises() {
    holds("ready", READY);
}

#[test]
fn status_keeps_its_promises() {
    holds("status", STATUS);
}

/// The stories of every execution that `explore` makes.
fn stories(explore: impl FnOnce(lastword_engines::Listener) -> Option<String>) -> HashSet<Story> {
    let stories = Arc::new(Mutex::new(HashSet::new()));
    let listener = Arc::clone(&stories);
    let violation = explore(Arc::new(move |story| {
        listener.lock().expect("nobody panics in here").insert(story);
    }));
    assert_eq!(violation, None);
    std::mem::take(&mut *stories.lock().expect("nobody panics in here"))
}

/// Loom's reduction must not lose what a process can see. (Without the companion words, it does.)
#[test]
fn loom_misses_nothing_that_an_unreduced_search_finds() {
    const SCENARIO: slots::Scenario = slots::Scenario::new(&[&[Publish(0), Publish(0)], &[Acquire]], 1, 0);
    let all = stories(|listener| lastword_engines::shuttle::explore_all(&SCENARIO, listener).outcome.violation);
    let reduced = stories(|listener| lastword_engines::loom::explore_all(&SCENARIO, listener).violation);
    let missed = all.difference(&reduced).count();
    println!("{} stories in an unreduced search, {} under loom, {missed} missed", all.len(), reduced.len());
    assert_eq!(missed, 0);
}

#[test]
fn a_violation_that_needs_a_second_kill_during_recovery_is_reported() {
    use lastword_engines::suite::Kills;
    use lastword_protocol::model::variant::Change;
    let change = Change::Skip { site: lastword_protocol::slots::site::ABANDON };
    let twice =
        *SLOTS.iter().find(|case| matches!(case.kills, Kills::Of(1, 4)) && case.begins == 1).expect("in the suite");
    let once = Case { kills: Kills::Of(1, 0), ..twice };
    assert_eq!(once.run(Some(change)).outcome.violation, None, "one kill is enough: this test tests nothing");
    assert!(twice.run(Some(change)).outcome.violation.is_some());
}
