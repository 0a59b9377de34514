//! What the killing of starting processes comes to.

use crate::report::{Times, write_end};
use serde::{Serialize, Serializer};
use std::fmt;

/// What a kill found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hit {
    /// No object.
    Before,
    /// Objects that were not all complete.
    During,
    /// Complete objects.
    After,
}

impl Hit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Hit::Before => "before creation",
            Hit::During => "during creation",
            Hit::After => "after creation",
        }
    }
}

/// The figures of a run. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// Processes that were killed.
    pub(super) runs: u64,
    /// Kills that found no object.
    pub(super) killed_before: u64,
    /// Kills that found objects that were not all complete.
    pub(super) killed_during: u64,
    /// Kills that found complete objects.
    pub(super) killed_after: u64,
    /// Processes that could not start after a kill.
    pub(super) stuck: u64,
    /// Objects that could not be removed although nobody used them.
    pub(super) left_behind: u64,
    /// From the start of a process after a kill to its having exchanged a message.
    #[serde(flatten, serialize_with = "milliseconds")]
    pub(super) starts: Times,
    /// The same where nobody had been killed.
    pub(super) unkilled_ms_p50: f64,
    /// What the moments of the kills were drawn from.
    pub(super) seed: u64,
    /// How long it took.
    pub(super) seconds: f64,
    /// The signal that ended it before its time.
    pub(super) signal: Option<i32>,
    /// What went wrong.
    pub(super) evidence: Vec<String>,
    /// What else ended it before its time.
    pub(super) failure: Option<String>,
}

#[derive(Serialize)]
struct Milliseconds {
    start_ms_p50: Option<f64>,
    start_ms_max: Option<f64>,
}

fn milliseconds<S: Serializer>(times: &Times, serializer: S) -> Result<S::Ok, S::Error> {
    let (p50, max) = times.p50_and_max().unzip();
    let ms = |time: u64| time as f64 / 1000.0;
    Milliseconds { start_ms_p50: p50.map(ms), start_ms_max: max.map(ms) }.serialize(serializer)
}

impl Report {
    pub(super) fn count(&mut self, hit: Hit) {
        self.runs += 1;
        *match hit {
            Hit::Before => &mut self.killed_before,
            Hit::During => &mut self.killed_during,
            Hit::After => &mut self.killed_after,
        } += 1;
    }

    pub(super) fn is_clean(&self) -> bool {
        self.stuck == 0 && self.left_behind == 0 && self.failure.is_none()
    }

    /// In one line.
    pub(super) fn progress(&self, of: u64) -> String {
        let Self { runs, killed_before, killed_during, killed_after, stuck, left_behind, .. } = self;
        format!(
            "{runs:>6} of {of}  before {killed_before}  during {killed_during}  after {killed_after}  stuck {stuck}  \
             left_behind {left_behind}"
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} processes killed as they started, {:.1} s, seed {}", self.runs, self.seconds, self.seed)?;
        writeln!(f, "  before creation {:>8}", self.killed_before)?;
        writeln!(f, "  during creation {:>8}   objects that were not all complete", self.killed_during)?;
        writeln!(f, "  after creation  {:>8}", self.killed_after)?;
        if let Some((p50, max)) = self.starts.p50_and_max() {
            let (p50, max) = (p50 as f64 / 1000.0, max as f64 / 1000.0);
            let usual = self.unkilled_ms_p50;
            writeln!(f, "  next start      {p50:>8.3} ms p50, {max:.3} ms max; {usual:.3} ms where nobody was killed")?;
        }
        writeln!(f, "  stuck           {:>8}   processes that could not start after a kill", self.stuck)?;
        writeln!(f, "  left_behind     {:>8}   objects that could not be removed", self.left_behind)?;
        for evidence in &self.evidence {
            writeln!(f, "{evidence}")?;
        }
        write_end(f, self.failure.as_deref(), self.is_clean(), self.signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_counted_where_it_hit() {
        let mut report = Report::default();
        for hit in [Hit::Before, Hit::During, Hit::During, Hit::After] {
            report.count(hit);
        }
        let Report { runs, killed_before, killed_during, killed_after, .. } = report;
        assert_eq!((runs, killed_before, killed_during, killed_after), (4, 1, 2, 1));
    }

    #[test]
    fn what_is_stuck_or_left_is_not_clean() {
        assert!(Report::default().is_clean());
        assert!(!Report { stuck: 1, ..Report::default() }.is_clean());
        assert!(!Report { left_behind: 1, ..Report::default() }.is_clean());
        assert!(!Report { failure: Some(String::new()), ..Report::default() }.is_clean());
    }

    #[test]
    fn times_are_milliseconds_in_json() {
        let mut report = Report::default();
        for time in [1500, 2500, 3500] {
            report.starts.add(time);
        }
        let json = serde_json::to_value(&report).expect("it is serialised");
        assert_eq!((json["start_ms_p50"].as_f64(), json["start_ms_max"].as_f64()), (Some(2.5), Some(3.5)));
        assert!(json["starts"].is_null());
    }
}
