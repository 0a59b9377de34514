//! Progress on standard error, and a clean stop.

use super::output::count;
use lastword_specs::job::{Expectation, Job};
use lastword_specs::schedule::Running;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// A flag that a signal sets. A second signal kills.
pub(super) fn stop_on_signals() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Where they fail, the signal kills at once.
        let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop));
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    stop
}

/// Says how far everything is, now and then.
pub(super) struct Progress {
    terminal: bool,
    begun: Instant,
    last: Instant,
    shown: bool,
    /// The states that each job had when it said so last, and after how many seconds: TLC says it once a minute.
    said: BTreeMap<usize, (u64, f64)>,
}

const FIRST: Duration = Duration::from_secs(1);
const PLAIN: Duration = Duration::from_secs(10);

impl Progress {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { terminal: io::stderr().is_terminal(), begun: now, last: now, shown: false, said: BTreeMap::new() }
    }

    /// Says it, if it is time.
    pub(super) fn say(&mut self, jobs: &[Box<dyn Job>], ended: usize, running: &[Running]) {
        for run in running {
            let said = self.said.entry(run.index).or_insert((0, 0.0));
            if said.0 != run.states {
                *said = (run.states, run.seconds);
            }
        }
        if self.begun.elapsed() < FIRST || (!self.terminal && self.last.elapsed() < PLAIN) {
            return;
        }
        self.last = Instant::now();
        let each =
            running.iter().filter_map(|run| Some(one(jobs.get(run.index)?.as_ref(), run, self.said.get(&run.index))));
        let line = format!("{ended} of {} done; {}", jobs.len(), each.collect::<Vec<_>>().join("; "));
        let line = if self.terminal { format!("\r\x1b[2K{}", cut(&line)) } else { format!("{line}\n") };
        let _ = io::stderr().lock().write_all(line.as_bytes());
        self.shown = true;
    }

    /// Makes room for something else.
    pub(super) fn clear(&mut self) {
        if self.shown && self.terminal {
            let _ = io::stderr().lock().write_all(b"\r\x1b[2K");
        }
        self.shown = false;
    }
}

/// As long as a line of the terminal.
fn cut(line: &str) -> &str {
    let columns = terminal_size::terminal_size_of(io::stderr()).map_or(120, |(width, _)| usize::from(width.0));
    line.char_indices().nth(columns.saturating_sub(1)).map_or(line, |(end, _)| line.get(..end).unwrap_or(line))
}

fn one(job: &dyn Job, run: &Running, said: Option<&(u64, f64)>) -> String {
    let title = job.title();
    let mut text = format!("{} {}: {:.0} s", title.name, title.engine, run.seconds);
    if let Some((states @ 1.., seconds)) = said {
        text += &format!(", {} states", count(*states));
        if let Expectation::Pass { distinct_states: Some(pinned), .. } = job.expectation() {
            text += &format!(" of {}", count(*pinned));
        }
        if run.seconds - seconds > 2.0 {
            text += &format!(" after {seconds:.0} s");
        }
    }
    text
}
