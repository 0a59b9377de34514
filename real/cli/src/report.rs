//! What a run comes to: its figures, in words and as JSON.

use crate::check::Promise;
use crate::explain::cannot;
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

/// Prints a report in words, and where it is asked for as JSON, which is the last line then.
pub(crate) fn print(report: &(impl fmt::Display + Serialize), json: bool) -> io::Result<()> {
    let mut text = report.to_string();
    if json {
        text += &serde_json::to_string(report)?;
        text += "\n";
    }
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(cannot("write standard output"))
}

/// What one process has done, as its board says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages published.
    pub(crate) published: u64,
    /// Messages read under a lock.
    pub(crate) reads: u64,
    /// Messages read by peeking.
    pub(crate) peeks: u64,
    /// Restarts that ended with all roles back and verified.
    pub(crate) recoveries: u64,
    /// Locks that a dead predecessor had, found again.
    pub(crate) locks_found: u64,
    /// Acquires that a predecessor was killed in.
    pub(crate) acquires_interrupted: u64,
    /// Publishes that had taken effect when a predecessor was killed, and had not been noted as returned.
    pub(crate) publishes_unnoted: u64,
    /// Breaches, in the order of [`Promise::ALL`].
    pub(crate) violations: [u64; Promise::ALL.len()],
}

impl Counts {
    /// These and those.
    pub(crate) fn plus(mut self, other: &Self) -> Self {
        self.published += other.published;
        self.reads += other.reads;
        self.peeks += other.peeks;
        self.recoveries += other.recoveries;
        self.locks_found += other.locks_found;
        self.acquires_interrupted += other.acquires_interrupted;
        self.publishes_unnoted += other.publishes_unnoted;
        for (sum, count) in self.violations.iter_mut().zip(other.violations) {
            *sum += count;
        }
        self
    }

    /// Breaches of a promise.
    pub(crate) fn of(&self, promise: Promise) -> u64 {
        self.violations[promise as usize]
    }
}

/// Times in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<u64>);

impl Times {
    /// Notes one.
    pub(crate) fn add(&mut self, time_us: u64) {
        self.0.push(time_us);
    }

    /// The median and the longest; `None` for no times at all.
    pub(crate) fn p50_and_max(&self) -> Option<(u64, u64)> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        Some((*sorted.get(sorted.len() / 2)?, *sorted.last()?))
    }
}

/// The figures of a run. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Version of this program.
    pub(crate) version: &'static str,
    /// Processes.
    pub(crate) processes: usize,
    /// Longest message, in bytes.
    pub(crate) payload: usize,
    /// How long it ran.
    pub(crate) seconds: f64,
    /// What the plan was drawn from.
    pub(crate) seed: u64,
    /// Hash of the plan.
    pub(crate) plan: String,
    /// Kills that the plan has.
    pub(crate) planned_kills: usize,
    /// Kills that were done.
    pub(crate) kills: u64,
    /// Kills that somebody else did, beside those.
    pub(crate) kills_from_outside: u64,
    /// Kills that came before the victim had all of its roles.
    pub(crate) kills_before_ready: u64,
    /// Restarts that ended with all roles back and verified.
    pub(crate) recoveries: u64,
    /// Recovered locks that a dead process had.
    pub(crate) locks_found: u64,
    /// Kills in the middle of an acquire, as recovery found them.
    pub(crate) acquires_interrupted: u64,
    /// Kills between a publish's effect and its return being noted.
    pub(crate) publishes_unnoted: u64,
    /// Messages published.
    pub(crate) published: u64,
    /// Messages read under a lock.
    pub(crate) read: u64,
    /// Messages read by peeking.
    pub(crate) peeks: u64,
    /// See [`Promise::Torn`].
    pub(crate) torn: u64,
    /// See [`Promise::WentBack`].
    pub(crate) went_back: u64,
    /// See [`Promise::Stale`].
    pub(crate) stale: u64,
    /// See [`Promise::Lost`].
    pub(crate) lost: u64,
    /// Roles that could not be had although their holder was dead.
    pub(crate) lost_roles: u64,
    /// From the beginning of attaching to all roles back and verified.
    pub(crate) recovery_us_p50: Option<u64>,
    /// The longest of these.
    pub(crate) recovery_us_max: Option<u64>,
    /// From the start of the process to all roles back and verified.
    pub(crate) spawn_to_ready_us_p50: Option<u64>,
    /// The longest of these.
    pub(crate) spawn_to_ready_us_max: Option<u64>,
    /// The signal that ended the run before its time.
    pub(crate) signal: Option<i32>,
    /// Whether `q` ended the run before its time.
    pub(crate) quit: bool,
    /// What else ended the run before its time.
    pub(crate) failure: Option<String>,
}

impl Report {
    /// Whether no promise was broken and no process failed.
    pub(crate) fn is_clean(&self) -> bool {
        self.failure.is_none() && self.breaches() == 0
    }

    /// Whether time was up before the plan was.
    fn is_behind(&self) -> bool {
        let complete = self.failure.is_none() && self.signal.is_none() && !self.quit;
        complete && self.kills < self.planned_kills as u64
    }

    fn breaches(&self) -> u64 {
        self.torn + self.went_back + self.stale + self.lost + self.lost_roles
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} processes, messages of 32 to {} bytes, {:.1} s, seed {}, plan {}",
            self.processes, self.payload, self.seconds, self.seed, self.plan
        )?;
        writeln!(f, "  published            {:>12}", self.published)?;
        writeln!(f, "  read locked          {:>12}", self.read)?;
        writeln!(f, "  peeked               {:>12}", self.peeks)?;
        let planned = self.planned_kills;
        writeln!(f, "  kills                {:>12}   of {planned} planned", self.kills)?;
        if self.kills_from_outside > 0 {
            writeln!(f, "    from outside       {:>12}   beside those", self.kills_from_outside)?;
        }
        writeln!(f, "    before ready       {:>12}", self.kills_before_ready)?;
        writeln!(f, "  recoveries           {:>12}", self.recoveries)?;
        writeln!(f, "    locks found held   {:>12}", self.locks_found)?;
        writeln!(f, "    killed acquiring   {:>12}", self.acquires_interrupted)?;
        writeln!(f, "    killed publishing  {:>12}   after it took effect", self.publishes_unnoted)?;
        if let (Some(p50), Some(max)) = (self.recovery_us_p50, self.recovery_us_max) {
            writeln!(f, "    time               {p50:>12} us p50, {max} us max")?;
        }
        if let (Some(p50), Some(max)) = (self.spawn_to_ready_us_p50, self.spawn_to_ready_us_max) {
            writeln!(f, "    with process start {p50:>12} us p50, {max} us max")?;
        }
        let counters = [
            ("torn", self.torn, "a message that was not whole, not the right one, or changed while locked"),
            ("went_back", self.went_back, "a reader saw an older message after a newer one"),
            ("stale", self.stale, "a reader saw an older message than one already published"),
            ("lost", self.lost, "a restart lost a number or a lock"),
            ("lost_roles", self.lost_roles, "a restarted process did not get its roles back"),
        ];
        for (name, count, meaning) in counters {
            writeln!(f, "  {name:<20} {count:>12}   {meaning}")?;
        }
        if let Some(failure) = &self.failure {
            writeln!(f, "failed: {failure}")?;
        }
        if self.breaches() > 0 {
            writeln!(f, "NOT CLEAN; the same seed gives the same kill plan: --seed {}", self.seed)?;
        }
        if self.is_behind() {
            writeln!(
                f,
                "time was up before the plan was done: {} of {planned} kills; the same seed may get further, or less far",
                self.kills
            )?;
        }
        match self.signal {
            Some(signal) => writeln!(f, "ended by signal {signal}")?,
            None if self.quit => writeln!(f, "ended by q")?,
            None if self.is_clean() => writeln!(f, "clean")?,
            None => {}
        }
        Ok(())
    }
}

/// Writes how a torture ended: what kept it from going on, what it comes to, the signal that ended it before its time.
pub(crate) fn write_end(
    f: &mut fmt::Formatter<'_>,
    failure: Option<&str>,
    is_clean: bool,
    signal: Option<i32>,
) -> fmt::Result {
    if let Some(failure) = failure {
        writeln!(f, "failed: {failure}")?;
    }
    match (is_clean, signal) {
        (true, None) => writeln!(f, "clean"),
        (true, Some(signal)) => writeln!(f, "ended by signal {signal}"),
        (false, None) => writeln!(f, "NOT CLEAN"),
        (false, Some(signal)) => writeln!(f, "NOT CLEAN, ended by signal {signal}"),
    }
}

/// Seconds, to the millisecond.
pub(crate) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_was_not_kept_up_with_is_said_of_complete_runs_alone() {
        let behind = |report: Report| report.to_string().contains("before the plan was done: 3 of 4 kills");
        let report = || Report { planned_kills: 4, kills: 3, ..Report::default() };
        assert!(behind(report()) && report().is_clean() && report().to_string().ends_with("\nclean\n"));
        assert!(!behind(Report { kills: 4, ..report() }));
        assert!(!behind(Report { signal: Some(15), ..report() }));
        assert!(!behind(Report { quit: true, ..report() }));
        assert!(!behind(Report { failure: Some(String::new()), ..report() }));
    }

    #[test]
    fn times_give_their_median_and_their_maximum() {
        let mut times = Times::default();
        assert_eq!(times.p50_and_max(), None);
        for time in [5, 1, 9, 3, 7] {
            times.add(time);
        }
        assert_eq!(times.p50_and_max(), Some((5, 9)));
    }
}
