//! Progress on standard error, and a clean stop.

use super::output::count;
use lastword_sim::exhaustive::Gauge;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A flag that a signal sets. A second signal kills.
pub(crate) fn stop_on_signals() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Where they fail, the signal kills at once.
        let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop));
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    stop
}

const FIRST: Duration = Duration::from_secs(1);
const TERMINAL: Duration = Duration::from_millis(200);
const PLAIN: Duration = Duration::from_secs(10);

/// Does `work`, and says how far it is. `total` is about how many states or executions there will be.
pub(crate) fn watched<T: Send>(name: &str, gauge: &Gauge, total: Option<u64>, work: impl FnOnce() -> T + Send) -> T {
    let terminal = io::stderr().is_terminal();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let work = scope.spawn(work);
        let (mut said, mut last) = (false, begun);
        while !work.is_finished() {
            std::thread::park_timeout(Duration::from_millis(5));
            let every = if terminal { TERMINAL } else { PLAIN };
            if begun.elapsed() < FIRST || last.elapsed() < every {
                continue;
            }
            (said, last) = (true, Instant::now());
            let line = progress(name, gauge, total, begun.elapsed());
            let (before, after) = if terminal { ("\r\x1b[2K", "") } else { ("", "\n") };
            let _ = io::stderr().lock().write_all(format!("{before}{line}{after}").as_bytes());
        }
        if said && terminal {
            let _ = io::stderr().lock().write_all(b"\r\x1b[2K");
        }
        match work.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn progress(name: &str, gauge: &Gauge, total: Option<u64>, elapsed: Duration) -> String {
    let (executions, states) = (gauge.executions.load(Relaxed), gauge.states.load(Relaxed));
    let done = if states > 0 { states } else { executions };
    let rate = done as f64 / elapsed.as_secs_f64();
    let mut line = format!("{name}: {} runs", count(executions));
    if states > 0 {
        line += &format!(", {} states", count(states));
    }
    line += &format!(", {}/s, {:.0} s", count(rate as u64), elapsed.as_secs_f64());
    if let Some(total) = total
        && rate > 0.0
    {
        let left = total.saturating_sub(done) as f64 / rate;
        line += &format!(", about {left:.0} s left");
    }
    line
}
