//! Looking again and again, and what has happened in between.

use super::row::{RoleRow, Row, clock};
use crate::look::text::pid;
use lastword::inspect::{Condition, Inspection, Surveyor, What};
use lastword::{DeathWatch, Role};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::time::{Duration, Instant, SystemTime};

/// So many events are kept.
const LOG_MAX: usize = 1000;
/// The kernel drops a dying process's roles a moment before it reports its death. A look waits so long for that.
const PATIENCE: Duration = Duration::from_millis(100);

/// Looks at everything, and compares it with what was there before.
#[derive(Debug)]
pub(super) struct Watcher {
    surveyor: Surveyor,
    rows: Vec<Row>,
    /// By process, so that a role's end is told from its holder's.
    watches: BTreeMap<u32, DeathWatch>,
    looked: Option<Instant>,
    at: SystemTime,
    since: Duration,
    log: VecDeque<Event>,
    /// How many of these, the last ones, are of the last look.
    new: usize,
}

/// Something that has happened.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: SystemTime,
    pub(super) name: String,
    pub(super) what: What,
    pub(super) happened: Happened,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Created,
    Removed,
    /// It was removed and created in between.
    CreatedAnew,
    /// The channel has another generation.
    Replaced(u32),
    /// It is well, or damaged, or otherwise than before.
    Condition(Condition),
    /// A process has taken a role, and whether it is certain to be the one of that id here.
    Taken(Role, Option<u32>, bool),
    /// The process that had a role is dead.
    Died(Role, Option<u32>),
    /// A process has given a role up, and lives.
    GivenUp(Role, Option<u32>),
    /// A process no longer has a role, and it cannot be seen from here whether it lives.
    Lost(Role, Option<u32>),
}

impl Event {
    /// The event in words, with its time.
    pub(super) fn text(&self) -> String {
        let (time, name, what) = (clock(self.at), &self.name, self.what);
        let of = |role: &Role, process: &Option<u32>, is_certain: bool| {
            // A channel alone has a producer; a mailbox's writer and a board's have to be told apart.
            let kind = if what == What::Channel { String::new() } else { format!("{what} ") };
            let pid = process.map_or_else(String::new, |_| format!(" (pid {})", pid(*process, is_certain)));
            format!("{role} of {kind}{name}{pid}")
        };
        match &self.happened {
            Happened::Created => format!("{time} {what} {name} was created"),
            Happened::Removed => format!("{time} {what} {name} was removed"),
            Happened::CreatedAnew => format!("{time} {what} {name} was removed and created anew"),
            Happened::Replaced(generation) => format!("{time} {what} {name} was replaced by generation {generation}"),
            Happened::Condition(condition) => format!("{time} {what} {name} is {condition}"),
            Happened::Taken(role, pid, is_certain) => format!("{time} {} has come", of(role, pid, *is_certain)),
            Happened::Died(role, pid) => format!("{time} {} died", of(role, pid, true)),
            Happened::GivenUp(role, pid) => format!("{time} {} gave the role up", of(role, pid, true)),
            Happened::Lost(role, pid) => format!("{time} {} has the role no longer", of(role, pid, false)),
        }
    }

    /// Whether it is one that people look for.
    pub(super) fn is_grave(&self) -> bool {
        match self.happened {
            Happened::Died(..) => true,
            Happened::Condition(condition) => !matches!(condition, Condition::Complete | Condition::BeingCreated),
            _ => false,
        }
    }
}

impl Watcher {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            surveyor: Surveyor::new(prefix),
            rows: Vec::new(),
            watches: BTreeMap::new(),
            looked: None,
            at: SystemTime::now(),
            since: Duration::ZERO,
            log: VecDeque::new(),
            new: 0,
        }
    }

    /// Looks.
    pub(super) fn look(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let is_first = self.looked.is_none();
        self.since = self.looked.replace(now).map_or(Duration::ZERO, |before| now - before);
        self.at = SystemTime::now();
        let mut rows = Vec::new();
        let mut holders = Vec::new();
        for survey in self.surveyor.refresh()? {
            rows.push(Row::new(survey));
            holders.extend(survey.roles.iter().filter_map(|state| state.holder.clone()));
        }
        let before = std::mem::take(&mut self.rows);
        let before: BTreeMap<_, _> = before.into_iter().map(|row| (row.key_owned(), row)).collect();
        let mut happened = Vec::new();
        let mut patience = PATIENCE;
        for row in &mut rows {
            let Some(before) = before.get(&row.key_owned()) else {
                happened.push((row.key_owned(), Happened::Created));
                let known = row.taken().filter(|role| role.pid.is_some());
                happened
                    .extend(known.map(|role| (row.key_owned(), Happened::Taken(role.role, role.pid, role.is_certain))));
                continue;
            };
            self.keep_certain(before, row);
            if let Some(progress) = row.progress(before) {
                row.rate = Some(progress as f64 / self.since.as_secs_f64().max(0.001));
            }
            happened
                .extend(self.changes(before, row, &mut patience).into_iter().map(|change| (row.key_owned(), change)));
        }
        let there: BTreeSet<_> = rows.iter().map(Row::key).collect();
        for row in before.values().filter(|row| !there.contains(&row.key())) {
            let ends = row
                .taken()
                .filter(|role| role.pid.is_some())
                .map(|role| (row.key_owned(), self.end(role, &mut patience)));
            happened.extend(ends);
            happened.push((row.key_owned(), Happened::Removed));
        }
        let is_end =
            |change: &Happened| matches!(change, Happened::Died(..) | Happened::GivenUp(..) | Happened::Lost(..));
        // Who has a role has come after who had it has gone.
        happened.sort_by_key(|(_, change)| !is_end(change));
        // What was there before there was anybody to look is no event.
        self.new = if is_first { 0 } else { happened.len().min(LOG_MAX) };
        if !is_first {
            let at = self.at;
            self.log.extend(happened.into_iter().map(|((name, what), happened)| Event { at, name, what, happened }));
            self.log.drain(..self.log.len().saturating_sub(LOG_MAX));
        }
        self.rows = rows;
        self.watch(&holders);
        Ok(())
    }

    /// What there is, in the order of names.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// When it was looked.
    pub(super) fn at(&self) -> SystemTime {
        self.at
    }

    /// How long before that it was looked.
    pub(super) fn since(&self) -> Duration {
        self.since
    }

    /// What has happened, from the first that is known on.
    pub(super) fn log(&self) -> &VecDeque<Event> {
        &self.log
    }

    /// What the last look has found to have happened.
    pub(super) fn new_events(&self) -> impl Iterator<Item = &Event> {
        self.log.iter().skip(self.log.len() - self.new)
    }

    /// One of the rows, word by word.
    pub(super) fn inspection(&self, name: &str, what: What) -> Option<&Inspection> {
        self.surveyor.inspection(name, what)
    }

    /// How many processes have roles, as far as they are certain.
    pub(super) fn processes(&self) -> usize {
        let certain = self.rows.iter().flat_map(Row::taken).filter(|role| role.is_certain);
        certain.filter_map(|role| role.pid).collect::<BTreeSet<u32>>().len()
    }

    /// Who was certain to have a role still is while he lives, though he gave it up just when that was asked.
    fn keep_certain(&self, before: &Row, now: &mut Row) {
        for role in now.roles.iter_mut().filter(|role| role.is_taken && !role.is_certain) {
            let key = |role: &RoleRow| (role.role, role.pid, role.since);
            let was_certain = before.taken().any(|before| before.is_certain && key(before) == key(role));
            let watch = role.pid.and_then(|pid| self.watches.get(&pid));
            let lives = |watch: &DeathWatch| watch.wait(Some(Duration::ZERO)) == Ok(false);
            role.is_certain = was_certain && watch.is_some_and(lives);
        }
    }

    /// What has happened to one that was there before.
    fn changes(&self, before: &Row, now: &Row, patience: &mut Duration) -> Vec<Happened> {
        let mut changes = Vec::new();
        if now.generation != before.generation {
            changes.push(Happened::Replaced(now.generation));
        } else if now.created != before.created {
            changes.push(Happened::CreatedAnew);
        }
        if now.condition != before.condition {
            changes.push(Happened::Condition(now.condition));
        }
        // Who has not yet noted who it is has not yet come.
        let holder = |row: &Row, role| row.taken().find(|taken| taken.role == role).and_then(|taken| taken.pid);
        for role in before.taken().filter(|role| role.pid.is_some() && role.pid != holder(now, role.role)) {
            changes.push(self.end(role, patience));
        }
        for role in now.taken().filter(|role| role.pid.is_some() && role.pid != holder(before, role.role)) {
            changes.push(Happened::Taken(role.role, role.pid, role.is_certain));
        }
        changes
    }

    /// How a role came to its end. Waits a little for a process that is just dying, and takes that off the patience.
    fn end(&self, role: &RoleRow, patience: &mut Duration) -> Happened {
        let Some(watch) = role.pid.and_then(|pid| self.watches.get(&pid)) else {
            return Happened::Lost(role.role, role.pid);
        };
        let began = Instant::now();
        let is_dead = watch.wait(Some(*patience));
        *patience = patience.saturating_sub(began.elapsed());
        match is_dead {
            Ok(true) => Happened::Died(role.role, role.pid),
            Ok(false) if role.is_certain => Happened::GivenUp(role.role, role.pid),
            // What is watched may be another process of that id.
            Ok(false) => Happened::Lost(role.role, role.pid),
            Err(_) => Happened::Lost(role.role, role.pid),
        }
    }

    /// Watches the processes that have roles, and no others.
    fn watch(&mut self, holders: &[lastword::Holder]) {
        let pids: BTreeSet<u32> = holders.iter().filter_map(lastword::Holder::pid).collect();
        // A dead one's id may be another one's by now.
        self.watches.retain(|pid, watch| pids.contains(pid) && !watch.wait(Some(Duration::ZERO)).unwrap_or(true));
        for holder in holders {
            if let Some(pid) = holder.pid()
                && !self.watches.contains_key(&pid)
                && let Ok(watch) = holder.watch()
            {
                self.watches.insert(pid, watch);
            }
        }
    }
}

impl Row {
    /// Its roles that somebody has.
    pub(super) fn taken(&self) -> impl Iterator<Item = &RoleRow> {
        self.roles.iter().filter(|role| role.is_taken)
    }

    fn key_owned(&self) -> (String, What) {
        (self.name.clone(), self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_certain_to_be_the_process_of_that_id_has_a_question_mark() {
        let text = |happened| {
            Event { at: SystemTime::UNIX_EPOCH, name: "arm".to_owned(), what: What::Channel, happened }.text()
        };
        let taken = |is_certain| text(Happened::Taken(Role::Producer, Some(7), is_certain));
        assert_eq!(taken(true), "00:00:00 producer of arm (pid 7) has come");
        assert_eq!(taken(false), "00:00:00 producer of arm (pid 7?) has come");
        let lost = text(Happened::Lost(Role::Producer, Some(7)));
        assert_eq!(lost, "00:00:00 producer of arm (pid 7?) has the role no longer");
        assert_eq!(text(Happened::Lost(Role::Producer, None)), "00:00:00 producer of arm has the role no longer");
    }
}
