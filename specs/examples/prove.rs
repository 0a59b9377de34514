//! Proves `slots`, and prints what came of it: `cargo run -p lastword-specs --example prove -- path/to/z3`.

use lastword_specs::proof::{Obligation, prove_slots};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let Some(z3) = std::env::args_os().nth(1) else {
        eprintln!("usage: prove path/to/z3");
        return ExitCode::from(2);
    };
    let began = Instant::now();
    let specifications = Path::new(env!("CARGO_MANIFEST_DIR")).join("tla");
    let report = match prove_slots(&specifications, Path::new(&z3), 2) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    for open in report.obligations.iter().filter(|obligation| !obligation.is_discharged()) {
        println!("not discharged: {}", told(open));
    }
    let slowest = report.obligations.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    println!("slowest: {}", slowest.map(told).unwrap_or_default());
    for found in &report.agreements {
        let (steps, changed) = (found.steps, found.changed);
        println!("compared: {} answers on {steps} steps and {changed} changed ones", found.answers);
        found.differences.iter().for_each(|difference| println!("differs: {difference}"));
    }
    for control in &report.controls {
        println!("broken: {}: {}", control.name, control.refuted.join(", "));
    }
    let discharged = report.obligations.iter().filter(|obligation| obligation.is_discharged()).count();
    let seconds = began.elapsed().as_secs_f64();
    println!("{discharged} of {} obligations discharged, {seconds:.0} s, {}", report.obligations.len(), report.solver);
    if report.is_proved() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn told(obligation: &Obligation) -> String {
    let Obligation { name, action, conjunct, answer, seconds, .. } = obligation;
    let about: Vec<_> = [conjunct, action].into_iter().flatten().map(String::as_str).collect();
    format!("{} {name}: {answer}, {seconds:.1} s", about.join(" by "))
}
