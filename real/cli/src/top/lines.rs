//! Off a terminal: tables, and objects of JSON.

use super::row::{Row, clock, counted};
use super::watcher::{Event, Happened, Watcher};
use crate::look::text::size;
use crate::output::{BAD, HEAD, Styled, WARNING};
use lastword::inspect::Condition;
use serde::Serialize;
use std::fmt::Write;
use std::time::SystemTime;

/// The heads of the columns, and how wide these are at least.
const HEADS: [(&str, usize); 6] = [("NAME", 4), ("KIND", 7), ("RATE/S", 7), ("NUMBER", 8), ("SIZE", 9), ("STATE", 0)];

/// What has happened, and what there is.
pub(super) fn table(watcher: &Watcher) -> String {
    let mut text = String::new();
    for event in watcher.new_events() {
        let words = event.text();
        let _ = if event.is_grave() { writeln!(text, "{}", Styled(WARNING, words)) } else { writeln!(text, "{words}") };
    }
    let rows: Vec<[String; 6]> = watcher.rows().iter().map(cells).collect();
    let objects = counted(rows.len(), "object", "objects");
    let processes = counted(watcher.processes(), "process", "processes");
    let _ = writeln!(text, "{} {objects}, {processes}", clock(watcher.at()));
    if rows.is_empty() {
        return text;
    }
    let width = |column: usize| {
        let widest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        widest.max(HEADS[column].1)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |cells: &[String; 6]| {
        let [name, kind, rate, number, size, state] = cells;
        let [w0, w1, w2, w3, w4, _] = widths;
        format!("{name:<w0$}  {kind:<w1$}  {rate:>w2$}  {number:>w3$}  {size:>w4$}  {state}")
    };
    let _ = writeln!(text, "{}", Styled(HEAD, line(&HEADS.map(|(head, _)| head.to_owned()))));
    for (row, cells) in watcher.rows().iter().zip(&rows) {
        let words = line(cells);
        let _ = match row.condition {
            Condition::Complete | Condition::BeingCreated => writeln!(text, "{words}"),
            _ => writeln!(text, "{}", Styled(BAD, words)),
        };
    }
    text
}

/// A row's cells.
pub(super) fn cells(row: &Row) -> [String; 6] {
    [
        row.name.clone(),
        row.what.to_string(),
        row.rate(),
        row.messages.map_or_else(|| "-".to_owned(), |messages| messages.to_string()),
        size(row.bytes),
        row.state(),
    ]
}

/// One look. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Serialize)]
pub(super) struct Look<'w> {
    /// When, in milliseconds since 1970.
    at_ms: u64,
    /// How long after the look before.
    interval_ms: u64,
    /// What there is, in the order of names.
    objects: Vec<Shown<'w>>,
    /// What has happened since the look before.
    events: Vec<EventShown<'w>>,
}

/// A channel, mailbox or board.
#[derive(Debug, Serialize)]
struct Shown<'w> {
    name: &'w str,
    /// `channel`, `mailbox` or `board`.
    kind: String,
    /// `complete`, or what else it is.
    condition: String,
    /// What is wrong with it.
    problems: &'w [String],
    generation: u32,
    #[serde(rename = "type")]
    type_name: Option<&'w str>,
    /// All its objects.
    bytes: u64,
    /// Messages, or changed words of a board, per second; null if that cannot be read, now or at the look before.
    rate_per_s: Option<f64>,
    /// The newest message's number, 0 before the first; null of a board.
    number: Option<u64>,
    /// Whether a mailbox's message waits; null of others.
    is_set: Option<bool>,
    is_used: bool,
    roles: Vec<RoleShown>,
}

/// A role.
#[derive(Debug, Serialize)]
struct RoleShown {
    role: String,
    is_taken: bool,
    /// Who has it, if `is_certain`, or who took it last; null if nobody has it, or it is not known.
    pid: Option<u32>,
    /// Whether that process has it: it lives, and can be seen from here. If not, and the role is taken, a process that
    /// it forked has it, or it lives in another pid namespace.
    is_certain: bool,
    /// Since when, in milliseconds since 1970.
    since_ms: Option<u64>,
    /// Who took it last.
    last_pid: Option<u32>,
}

/// What has happened.
#[derive(Debug, Serialize)]
struct EventShown<'w> {
    at_ms: u64,
    event: &'static str,
    name: &'w str,
    kind: String,
    role: Option<String>,
    pid: Option<u32>,
    /// Of `taken`: whether that process is certain to have the role, as of a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_certain: Option<bool>,
    /// Of `condition`, what it is now; of `replaced`, by which generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
}

/// The last look.
pub(super) fn object(watcher: &Watcher) -> Look<'_> {
    Look {
        at_ms: since_1970(watcher.at()),
        interval_ms: watcher.since().as_millis() as u64,
        objects: watcher.rows().iter().map(shown).collect(),
        events: watcher.new_events().map(event_shown).collect(),
    }
}

fn shown(row: &Row) -> Shown<'_> {
    let roles = row.roles.iter().map(|role| RoleShown {
        role: role.role.to_string(),
        is_taken: role.is_taken,
        pid: role.pid,
        is_certain: role.is_certain,
        since_ms: role.since.map(since_1970),
        last_pid: role.last,
    });
    Shown {
        name: &row.name,
        kind: row.what.to_string(),
        condition: row.condition.to_string(),
        problems: &row.problems,
        generation: row.generation,
        type_name: row.type_name.as_deref(),
        bytes: row.bytes,
        rate_per_s: row.rate,
        number: row.messages,
        is_set: row.is_set,
        is_used: row.is_used,
        roles: roles.collect(),
    }
}

fn event_shown(event: &Event) -> EventShown<'_> {
    let (name, role, pid, now) = match &event.happened {
        Happened::Created => ("created", None, None, None),
        Happened::Removed => ("removed", None, None, None),
        Happened::CreatedAnew => ("created_anew", None, None, None),
        Happened::Replaced(generation) => ("replaced", None, None, Some(generation.to_string())),
        Happened::Condition(condition) => ("condition", None, None, Some(condition.to_string())),
        Happened::Taken(role, pid, _) => ("taken", Some(role), *pid, None),
        Happened::Died(role, pid) => ("died", Some(role), *pid, None),
        Happened::GivenUp(role, pid) => ("given_up", Some(role), *pid, None),
        Happened::Lost(role, pid) => ("lost", Some(role), *pid, None),
    };
    EventShown {
        at_ms: since_1970(event.at),
        event: name,
        name: &event.name,
        kind: event.what.to_string(),
        role: role.map(ToString::to_string),
        pid,
        is_certain: match event.happened {
            Happened::Taken(_, _, is_certain) => Some(is_certain),
            _ => None,
        },
        now,
    }
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
