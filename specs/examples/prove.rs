//! Proves, and prints.
use std::path::Path;
fn main() {
    let z3 = std::env::args().nth(1).unwrap_or_default();
    let began = std::time::Instant::now();
    match lastword_specs::proof::prove_slots(Path::new("specs/tla"), Path::new(&z3), 2) {
        Ok(report) => {
            let open: Vec<_> = report.obligations.iter().filter(|o| !o.is_discharged()).collect();
            for o in &open {
                println!("{:?} {} {:?}: {} {:.2}", o.action, o.name, o.conjunct, o.answer, o.seconds);
            }
            let mut slow = report.obligations.clone();
            slow.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
            for o in slow.iter().take(5) {
                println!("slow: {:?} {} {:?}: {} {:.2}", o.action, o.name, o.conjunct, o.answer, o.seconds);
            }
            for a in &report.agreements {
                println!("{} steps, {} changed, {} answers, {} hold, {} without; {:?}", a.steps, a.changed, a.answers, a.hold, a.without_value, a.differences.iter().take(5).collect::<Vec<_>>());
            }
            for c in &report.controls {
                println!("control {}: {:?}", c.name, c.refuted);
            }
            println!("{} of {}; {:?}", report.obligations.len() - open.len(), report.obligations.len(), began.elapsed());
        }
        Err(error) => println!("{error}"),
    }
}
