//! What vandalism comes to.

use crate::report::write_end;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The figures of a run. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) version: &'static str,
    /// How long it ran.
    pub(super) seconds: f64,
    pub(super) seed: u64,
    /// How often the vandal came, and was gone again.
    pub(super) rounds: u64,
    /// What the vandal wrote.
    pub(super) writes: u64,
    /// Operations of the others.
    pub(super) operations: u64,
    /// Operations that ended with an error, by its kind.
    pub(super) errors: BTreeMap<String, u64>,
    /// Processes that panicked.
    pub(super) panics: u64,
    /// Processes that died otherwise, or were given what cannot be.
    pub(super) crashes: u64,
    /// Operations that took longer than they may.
    pub(super) hangs: u64,
    /// Channels, mailboxes and boards that were to work again, with the vandal gone.
    pub(super) to_restore: u64,
    /// Those that did.
    pub(super) restored: u64,
    /// Of these, those for which it was enough to take the roles again.
    pub(super) recovered: u64,
    /// The others, which were removed and created anew.
    pub(super) recreated: u64,
    /// What must not have been.
    pub(super) evidence: Vec<String>,
    /// The signal that ended it before its time.
    pub(super) signal: Option<i32>,
    /// What else ended it before its time.
    pub(super) failure: Option<String>,
}

impl Report {
    pub(super) fn is_clean(&self) -> bool {
        self.panics + self.crashes + self.hangs == 0 && self.restored == self.to_restore && self.failure.is_none()
    }

    /// Takes over what a worker says to have done: operations, then kind=count for each kind of error. False where that
    /// is not what it says.
    pub(super) fn add(&mut self, done: &str) -> bool {
        let mut words = done.split(' ');
        let Some(operations) = words.next().and_then(|count| count.parse::<u64>().ok()) else { return false };
        self.operations += operations;
        words.all(|word| {
            let Some((kind, count)) = word.split_once('=') else { return false };
            let Ok(count) = count.parse::<u64>() else { return false };
            *self.errors.entry(kind.to_owned()).or_default() += count;
            true
        })
    }

    /// In one line.
    pub(super) fn progress(&self) -> String {
        let Self { seconds, writes, operations, panics, crashes, hangs, restored, to_restore, .. } = self;
        let errors: u64 = self.errors.values().sum();
        format!(
            "{seconds:>5.0} s  {writes} writes  {operations} operations  {errors} errors  panics {panics}  crashes \
             {crashes}  hangs {hangs}  restored {restored} of {to_restore}"
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a vandal and 4 others, {:.1} s, {} rounds, seed {}", self.seconds, self.rounds, self.seed)?;
        writeln!(f, "  writes      {:>12}   garbage over headers, words and messages", self.writes)?;
        writeln!(f, "  operations  {:>12}", self.operations)?;
        writeln!(f, "  errors      {:>12}", self.errors.values().sum::<u64>())?;
        for (kind, count) in &self.errors {
            writeln!(f, "    {kind:<24} {count:>12}")?;
        }
        writeln!(f, "  panics      {:>12}", self.panics)?;
        writeln!(f, "  crashes     {:>12}", self.crashes)?;
        writeln!(f, "  hangs       {:>12}", self.hangs)?;
        let Self { restored, to_restore, recovered, recreated, .. } = self;
        writeln!(
            f,
            "  restored    {restored:>12}   of {to_restore}: {recovered} by recovery, {recreated} created anew"
        )?;
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
    fn what_workers_say_is_added_up() {
        let mut report = Report::default();
        assert!(
            report.add("10") && report.add("5 publish.Corrupt=2 attach.Header=1") && report.add("1 publish.Corrupt=3")
        );
        assert_eq!(report.operations, 16);
        assert_eq!(report.errors, BTreeMap::from([("attach.Header".to_owned(), 1), ("publish.Corrupt".to_owned(), 5)]));
        assert!(!report.add("") && !report.add("x") && !report.add("1 publish") && !report.add("1 publish=x"));
    }

    #[test]
    fn errors_are_clean_and_nothing_else_is() {
        let clean = || Report { errors: BTreeMap::from([("publish.Corrupt".to_owned(), 5)]), ..Report::default() };
        assert!(clean().is_clean());
        assert!(!Report { panics: 1, ..clean() }.is_clean());
        assert!(!Report { crashes: 1, ..clean() }.is_clean());
        assert!(!Report { hangs: 1, ..clean() }.is_clean());
        assert!(!Report { to_restore: 3, restored: 2, ..clean() }.is_clean());
        assert!(!Report { failure: Some(String::new()), ..clean() }.is_clean());
    }
}
