//! x
use lastword_sim::exhaustive::*;
use lastword_sim::kernel::*;
use lastword_sim::world::Kills;
use std::sync::atomic::Ordering::Relaxed;
fn main() {
    for s in SCENARIOS {
        for k in 0..=2 {
            let s = Scenario { kills: Kills::any(k), ..*s };
            let g = Gauge::default();
            let t = std::time::Instant::now();
            let r = std::thread::scope(|sc| {
                let h = sc.spawn(|| search(&|| Kernel::new(&s, None), &Limits{states_max: 20_000_000, ..Default::default()}, &g));
                while !h.is_finished() && t.elapsed().as_secs() < 20 { std::thread::sleep(std::time::Duration::from_millis(20)); }
                g.stop.store(true, Relaxed);
                h.join().unwrap()
            });
            println!("{} k{k}: states {} exec {} steps {} {:.1}s complete {} {:?}", s.name, g.states.load(Relaxed), g.executions.load(Relaxed), g.steps.load(Relaxed), t.elapsed().as_secs_f64(), r.complete, r.found.as_ref().map(|f| f.violation));
            if let Some(f) = r.found { let (_, lines) = tell(&mut Kernel::new(&s, None), &f.answers); for l in lines.iter().rev().take(60).rev() { println!("   {}.{} {}", l.process, l.incarnation, l.what); } }
        }
    }
}
