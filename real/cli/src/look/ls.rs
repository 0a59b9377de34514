//! Listing channels, mailboxes and boards.

use super::record::Found;
use super::table::{Cell, Table};
use super::text::{ago, count, messages_of, mode, problem, roles, shown, size, user};
use super::{Error, Kind};
use crate::explain::cannot_list;
use crate::names;
use crate::output::{self, BAD, WARNING};
use crate::tell::tell;
use lastword::inspect::{Condition, Survey, survey};
use ratatui::crossterm::terminal;
use serde::Serialize;
use std::fmt::Write;

/// What is to be listed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// What the names begin with; all if not given
    #[arg(default_value = "", hide_default_value = true, value_parser = names::prefix)]
    prefix: String,
    /// Only these
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Their objects, too, and everything that is wrong
    #[arg(long)]
    long: bool,
    /// Print one JSON object: {"found": [...]}
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword ls                      everything
  lastword ls arm --long           what is called arm..., object by object
  lastword ls --json | jq -r '.found[] | select(.condition != \"complete\") | .name'

Nothing is changed, and nobody is disturbed. Roles are had by live processes, as the kernel knows. MESSAGES is the
number of the newest message, of a mailbox with its ready flag. What is not complete is told with the reason in place of
roles. 1234? is a process that took a role which a live process has, and is itself gone (one that it forked has it), or
lives in another pid namespace. On a terminal the rows of the table are cut to fit it; elsewhere they are whole, and
what --long adds is whole everywhere.

Exit code: 0 done, also where there is nothing; 1 /dev/shm cannot be read; 2 usage.";

/// So narrow the columns can become, the last one first.
const NARROW: &[(usize, usize)] = &[(8, 16), (2, 6), (0, 12)];
const NAMES: [&str; 9] = ["NAME", "KIND", "TYPE", "SIZE", "MODE", "OWNER", "MESSAGES", "AGE", "ROLES"];

/// Lists what is asked for; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let mut found = survey(&options.prefix).map_err(cannot_list)?;
    found.retain(|one| options.kind.is_none_or(|kind| kind.what() == one.what));
    if options.json {
        output::json(&List { found: found.iter().map(Found::new).collect() })?;
        return Ok(0);
    }
    if found.is_empty() {
        let which = if options.prefix.is_empty() {
            String::new()
        } else {
            format!(" that begin with {}", shown(&options.prefix))
        };
        tell!("no objects in /dev/shm{which}");
        return Ok(0);
    }
    let width = output::is_terminal().then(terminal::size).and_then(Result::ok).map(|(columns, _)| columns.into());
    let mut table = Table::new(&NAMES, NARROW);
    for survey in &found {
        table.push(row(survey));
    }
    let mut text = table.shown(width).to_string();
    if options.long {
        text += "\n";
        for survey in &found {
            text += &long(survey);
        }
    }
    output::print(text)?;
    Ok(0)
}

/// What there is. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct List {
    found: Vec<Found>,
}

fn row(survey: &Survey) -> Vec<Cell> {
    let unknown = || "-".to_owned();
    let mut row: Vec<Cell> = [
        survey.name.clone(),
        survey.what.to_string(),
        messages_of(survey),
        size(survey.bytes()),
        survey.mode.map_or_else(unknown, mode),
        survey.owner.map_or_else(unknown, user),
        count(survey),
        survey.created.and_then(ago).unwrap_or_else(unknown),
    ]
    .map(Cell::new)
    .into();
    row.push(state(survey));
    row
}

/// Who has the roles, or why that is not told.
fn state(survey: &Survey) -> Cell {
    let style = match survey.condition {
        Condition::Complete => return Cell::new(roles(survey)),
        Condition::BeingCreated | Condition::Denied => WARNING,
        _ => BAD,
    };
    let why = survey.problems.first().map_or_else(String::new, |found| format!(": {}", problem(survey, found)));
    Cell::styled(style, format!("{}{why}", survey.condition))
}

/// The objects of a channel, mailbox or board, and what is wrong with it.
fn long(survey: &Survey) -> String {
    let mut text = format!("{} {}: {}", survey.what, survey.name, survey.condition);
    if survey.is_replaced() {
        let _ = write!(text, ", generation {}", survey.generation);
    }
    if let Some(capacity) = survey.capacity {
        let _ = write!(text, ", messages of at most {capacity} bytes");
    }
    text.push('\n');
    text += &objects(survey);
    for found in &survey.problems {
        let _ = writeln!(text, "  {}", problem(survey, found));
    }
    text
}

/// A line for each object.
pub(super) fn objects(survey: &Survey) -> String {
    let mut text = String::new();
    for file in &survey.objects {
        // A string takes everything.
        let _ = writeln!(
            text,
            "  {}  {} bytes, {} in memory, mode {}, of {}",
            file.name,
            file.length,
            size(file.allocated),
            mode(file.mode),
            user(file.owner),
        );
    }
    text
}
