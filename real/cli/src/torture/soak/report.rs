//! What a soak comes to.

use super::tally::{self, Tally};
use crate::check::Promise;
use crate::report::{Times, write_end};
use serde::Serialize;
use std::fmt;

/// The figures of a soak. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) version: &'static str,
    pub(super) processes: usize,
    /// Longest message, in bytes.
    pub(super) payload: usize,
    /// How long it ran.
    pub(super) seconds: f64,
    pub(super) seed: u64,
    pub(super) kills: u64,
    /// Kills that somebody else did, beside those.
    pub(super) kills_from_outside: u64,
    /// Kills that came before the victim had all of its roles.
    pub(super) kills_before_ready: u64,
    /// Kills of processes that were stopped.
    pub(super) kills_while_stopped: u64,
    pub(super) stops: u64,
    /// Restarts that ended with all roles back and verified.
    pub(super) restarts: u64,
    /// Roles that another process took than the one that had them.
    pub(super) role_changes: u64,
    /// Of these, roles that a live process gave up.
    pub(super) roles_given_up: u64,
    pub(super) published: u64,
    pub(super) acquired: u64,
    pub(super) peeked: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Messages of mailboxes that were received again after a death.
    pub(super) repeated: u64,
    /// Waits, spinning and then asleep.
    pub(super) waits: u64,
    pub(super) boards_set: u64,
    pub(super) boards_read: u64,
    /// Locks that a dead process had, found again.
    pub(super) locks_found: u64,
    /// Kills in the middle of an acquire, as recovery found them.
    pub(super) acquires_interrupted: u64,
    /// Messages that were out when their sender was killed, and that it had not noted.
    pub(super) publishes_unnoted: u64,
    pub(super) torn: u64,
    pub(super) went_back: u64,
    pub(super) stale: u64,
    pub(super) lost: u64,
    /// Sleepers that no wake-up reached while a message was there.
    pub(super) stranded: u64,
    pub(super) lost_roles: u64,
    /// Processes that did not get on while another one was stopped.
    pub(super) held_up: u64,
    /// From the beginning of attaching to all roles back and verified.
    pub(super) recovery_us_p50: Option<u64>,
    pub(super) recovery_us_max: Option<u64>,
    /// From the start of the process to all roles back and verified.
    pub(super) spawn_to_ready_us_p50: Option<u64>,
    pub(super) spawn_to_ready_us_max: Option<u64>,
    /// Where the evidence of a breach was saved.
    pub(super) evidence: Option<String>,
    /// The signal that ended it before its time.
    pub(super) signal: Option<i32>,
    /// What else ended it before its time.
    pub(super) failure: Option<String>,
}

impl Report {
    /// Takes over what processes have done.
    pub(super) fn count(&mut self, tally: &Tally) {
        self.published = tally.of(tally::PUBLISHED);
        self.acquired = tally.of(tally::ACQUIRED);
        self.peeked = tally.of(tally::PEEKED);
        self.sent = tally.of(tally::SENT);
        self.received = tally.of(tally::RECEIVED);
        self.repeated = tally.of(tally::REPEATED);
        self.waits = tally.of(tally::WAITS);
        self.boards_set = tally.of(tally::SET);
        self.boards_read = tally.of(tally::READ);
        self.locks_found = tally.of(tally::LOCKS_FOUND);
        self.acquires_interrupted = tally.of(tally::ACQUIRES_INTERRUPTED);
        self.publishes_unnoted = tally.of(tally::UNNOTED);
        self.torn = tally.breaches(Promise::Torn);
        self.went_back = tally.breaches(Promise::WentBack);
        self.stale = tally.breaches(Promise::Stale);
        self.lost = tally.breaches(Promise::Lost);
    }

    /// Takes over how long recoveries took.
    pub(super) fn time(&mut self, recoveries: &Times, starts: &Times) {
        (self.recovery_us_p50, self.recovery_us_max) = recoveries.p50_and_max().unzip();
        (self.spawn_to_ready_us_p50, self.spawn_to_ready_us_max) = starts.p50_and_max().unzip();
    }

    /// Whether no promise was broken and no process failed.
    pub(super) fn is_clean(&self) -> bool {
        self.failure.is_none() && self.breaches().iter().all(|(_, count, _)| *count == 0)
    }

    fn breaches(&self) -> [(&'static str, u64, &'static str); 7] {
        [
            ("torn", self.torn, "a message that was not whole, not the right one, or changed while locked"),
            ("went_back", self.went_back, "a reader saw something older after something newer"),
            ("stale", self.stale, "a reader saw something older than what was out already"),
            ("lost", self.lost, "a number, a message or a lock was lost"),
            ("stranded", self.stranded, "a sleeper was not woken though a message was there"),
            ("lost_roles", self.lost_roles, "a role could not be had though nobody had it"),
            ("held_up", self.held_up, "a process did not get on while another one was stopped"),
        ]
    }

    /// In one line.
    pub(super) fn progress(&self) -> String {
        let breaches: Vec<String> = self.breaches().iter().map(|(name, count, _)| format!("{name} {count}")).collect();
        format!(
            "{:>5.0} s  {} kills  {} stops  {} restarts  {} role changes  {} published  {} acquired  {} sent  {} \
             received  {}",
            self.seconds,
            self.kills,
            self.stops,
            self.restarts,
            self.role_changes,
            self.published,
            self.acquired,
            self.sent,
            self.received,
            breaches.join(" ")
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processes, payload, seconds, seed, .. } = self;
        writeln!(f, "{processes} processes, messages of 0 to {payload} bytes, {seconds:.1} s, seed {seed}")?;
        writeln!(f, "  kills          {:>12}", self.kills)?;
        if self.kills_from_outside > 0 {
            writeln!(f, "    from outside {:>12}   beside those", self.kills_from_outside)?;
        }
        writeln!(f, "    before ready {:>12}", self.kills_before_ready)?;
        writeln!(f, "    stopped      {:>12}", self.kills_while_stopped)?;
        writeln!(f, "  stops          {:>12}   each until everybody else had got on", self.stops)?;
        writeln!(f, "  restarts       {:>12}", self.restarts)?;
        if let (Some(p50), Some(max)) = (self.recovery_us_p50, self.recovery_us_max) {
            writeln!(f, "    recovery     {p50:>12} us p50, {max} us max")?;
        }
        if let (Some(p50), Some(max)) = (self.spawn_to_ready_us_p50, self.spawn_to_ready_us_max) {
            writeln!(f, "    whole start  {p50:>12} us p50, {max} us max")?;
        }
        writeln!(f, "  role changes   {:>12}   {} of them given up alive", self.role_changes, self.roles_given_up)?;
        writeln!(
            f,
            "  published      {:>12}   {} of them not noted by who was killed",
            self.published, self.publishes_unnoted
        )?;
        let (found, interrupted) = (self.locks_found, self.acquires_interrupted);
        writeln!(f, "  acquired       {:>12}   {found} found locked, {interrupted} killed acquiring", self.acquired)?;
        writeln!(f, "  peeked         {:>12}", self.peeked)?;
        writeln!(f, "  sent           {:>12}", self.sent)?;
        writeln!(f, "  received       {:>12}   {} of them again after a death", self.received, self.repeated)?;
        writeln!(f, "  waits          {:>12}", self.waits)?;
        writeln!(f, "  boards set     {:>12}   {} read", self.boards_set, self.boards_read)?;
        for (name, count, meaning) in self.breaches() {
            writeln!(f, "  {name:<14} {count:>12}   {meaning}")?;
        }
        if let Some(evidence) = &self.evidence {
            writeln!(f, "images of all objects, a log and this report are in {evidence}")?;
        }
        write_end(f, self.failure.as_deref(), self.is_clean(), self.signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_breach_is_not_clean() {
        assert!(Report::default().is_clean());
        let breaches: [fn(&mut Report); 8] = [
            |report| report.torn = 1,
            |report| report.went_back = 1,
            |report| report.stale = 1,
            |report| report.lost = 1,
            |report| report.stranded = 1,
            |report| report.lost_roles = 1,
            |report| report.held_up = 1,
            |report| report.failure = Some(String::new()),
        ];
        for breach in breaches {
            let mut report = Report::default();
            breach(&mut report);
            assert!(!report.is_clean(), "{report}");
            assert!(report.to_string().ends_with("NOT CLEAN\n"));
        }
    }
}
