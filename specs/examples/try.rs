//! x
use lastword_specs::{checker, job::Gauge, model::Model};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    for c in &a[3..] {
        let b = std::time::Instant::now();
        let f = checker::check(&Model::new(a[1].as_ref(), &a[2], c), &Gauge::default());
        println!(
            "## {c}: {} {:?} {:?} {:?} {:?}",
            f.outcome.name(),
            f.distinct_states,
            f.depth,
            b.elapsed(),
            f.outcome
        );
    }
}
