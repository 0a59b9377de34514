//! Every protocol under loom: exhaustive within the stated bounds, killed at each access.
//!
//! Loom finds torn messages as data races on payload words, missing Acquire and Release edges, stale values that the
//! memory model permits, and through the oracles every invariant of the protocols:
//! `slots` Inv 1 to 6, strict linearizability and recovery; `ready` Inv 1 to 3; `status` Inv 1 and 2.

mod engine;

use engine::suite::{Case, READY, SLOTS, STATUS};
use lastword_protocol::model::Scenario;

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
fn ready_keeps_its_promises() {
    holds("ready", READY);
}

#[test]
fn status_keeps_its_promises() {
    holds("status", STATUS);
}
