//! Creation, attachment and removal in every interleaving, and with every flaw.

use lastword_sim::exhaustive::{Found, Gauge, Limits, Searched, follow, search, tell};
use lastword_sim::kernel::{FLAWS, Flaw, Kernel, SCENARIOS, Scenario};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

fn run(scenario: &Scenario, flaw: Option<Flaw>) -> Searched {
    let (gauge, start) = (Gauge::default(), Instant::now());
    let searched = search(&|| Kernel::new(scenario, flaw), &Limits::default(), &gauge);
    println!(
        "{:16} {:?}: {} states, {} executions, {:.1} s, {} points, {} hit; {:?}",
        scenario.name,
        flaw,
        gauge.states.load(Relaxed),
        gauge.executions.load(Relaxed),
        start.elapsed().as_secs_f64(),
        searched.coverage.reached(),
        searched.coverage.hit(),
        searched.found.as_ref().map(|found| found.violation),
    );
    searched
}

fn explain(scenario: &Scenario, flaw: Option<Flaw>, found: &Found) -> String {
    let (result, lines) = tell(&mut Kernel::new(scenario, flaw), &found.answers);
    let mut text = format!("{}: {result:?}\n", scenario.name);
    for line in lines {
        text += &format!("{}.{} {}\n", line.process, line.incarnation, line.what);
    }
    text
}

#[test]
fn no_promise_is_broken() {
    for scenario in SCENARIOS {
        let searched = run(scenario, None);
        if let Some(found) = &searched.found {
            panic!("{}", explain(scenario, None, found));
        }
        assert!(searched.complete, "{}", scenario.name);
        assert_eq!(searched.coverage.missed(), []);
    }
}

#[test]
fn an_operation_takes_as_many_calls_as_it_says_and_no_fewer_will_do() {
    for scenario in SCENARIOS {
        let fewer = Scenario { calls: scenario.calls - 1, ..*scenario };
        let found = run(&fewer, None).found.map(|found| (found.violation.found, found.violation.expected));
        assert_eq!(found, Some((scenario.calls.into(), fewer.calls.into())), "{}", scenario.name);
    }
}

/// In the order of the scenarios, the first one in which the flaw breaks a promise other than the number of calls.
fn first_found(flaw: Flaw) -> Option<(Scenario, Found)> {
    // This one changes nothing where the umask takes nothing away.
    let scenarios = SCENARIOS.iter().filter(|scenario| scenario.umask || flaw != Flaw::LentOnce);
    scenarios.map(|scenario| Scenario { calls: 10_000, ..*scenario }).find_map(|scenario| {
        let found = run(&scenario, Some(flaw)).found;
        found.map(|found| (scenario, found))
    })
}

#[test]
fn every_flaw_is_found() {
    for &(name, flaw) in FLAWS {
        let Some((scenario, found)) = first_found(flaw) else { panic!("{name} is not found") };
        let again = follow(&mut Kernel::new(&scenario, Some(flaw)), &found.answers);
        assert_eq!(again, Err(found.violation), "{name} is found again");
    }
}
