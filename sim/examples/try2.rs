//! x
use lastword_sim::{case::*, world::*, memory::*, exhaustive::*, sample::*};
use std::sync::atomic::Ordering::Relaxed;
fn main() {
    let proto = std::env::args().nth(1).unwrap();
    let ladder: Vec<(&str, Model, u8)> = match proto.as_str() {
        "slots" => vec![("slots-1", Model::Sc, 0), ("slots-2-one", Model::Sc, 0), ("slots-1-long", Model::Sc, 0), ("slots-1-mixed", Model::Sc, 0), ("slots-1", Model::Sc, 1), ("slots-1-mixed", Model::Sc, 1), ("slots-1-long", Model::Tso, 0), ("slots-observed", Model::Sc, 0),
            ("slots-1-long", Model::Weak, 0), ("slots-1-mixed", Model::Weak, 0), ("slots-peeked", Model::Weak, 0), ("slots-observed", Model::Weak, 0), ("slots-1", Model::Weak, 1), ("slots-1-mixed", Model::Weak, 1), ("slots-1-long", Model::Weak, 1), ("slots-observed", Model::Weak, 1)],
        "ready" => vec![("ready-3", Model::Sc, 0), ("ready-tried", Model::Sc, 0), ("ready-3", Model::Sc, 1), ("ready-3", Model::Weak, 2)],
        _ => vec![("status-2", Model::Sc, 0), ("status-2", Model::Sc, 1), ("status-2", Model::Weak, 1)],
    };
    let c0 = find(ladder[0].0).unwrap();
    for (name, change) in c0.variants() {
        let gauge = Gauge::default();
        let t = std::time::Instant::now();
        let mut r = None;
        for (case, model, k) in &ladder {
            let set = Setting { change: Some(change), ..Setting::new(*model, *k) };
            let c = find(case).unwrap();
            if let Some(f) = c.search(&set, &Limits::default(), &gauge).unwrap().found { r = Some((case, model, k, f)); break; }
        }
        match r {
            Some((c, m, k, f)) => println!("{name:55} {c} {m:?} {k} {:?} exec {:?} {:.2}s", f.violation.promise, gauge.executions, t.elapsed().as_secs_f64()),
            None => println!("{name:55} SURVIVED exec {:?} {:.2}s", gauge.executions, t.elapsed().as_secs_f64()),
        }
    }
    // bench
    for (c, m, k) in [("slots-2-one", Model::Sc, 0), ("slots-2-one", Model::Sc, 1), ("ready-3", Model::Sc, 1), ("slots-large", Model::Sc, 2)] {
        let gauge = Gauge::default();
        let t = std::time::Instant::now();
        find(c).unwrap().sample(&Setting::new(m, k), &Sampling::new(Method::Random, 1_000_000, 1), &gauge).unwrap();
        println!("{c} {k}: {:.0} exec/s, {:.1} steps", gauge.executions.load(Relaxed) as f64 / t.elapsed().as_secs_f64(), gauge.steps.load(Relaxed) as f64/gauge.executions.load(Relaxed) as f64);
    }
}
