//! Removing what nobody uses any more.

use crate::explain::cannot_list;
use crate::names;
use crate::removal::{self, Cause};
use crate::report::print;
use crate::session;
use lastword::ObjectName;
use lastword::inspect::Survey;
use serde::Serialize;
use std::fmt;

type Error = Box<dyn std::error::Error>;

/// What is to be removed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// What the names of the channels, mailboxes and boards begin with; all that this user may remove if not given
    #[arg(default_value = "", value_parser = names::prefix)]
    prefix: String,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print what was done as one JSON object too, on the last line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword clean --dry-run         what nobody uses
  lastword clean arm               remove what of that is called arm...

A channel, mailbox or board is removed if no live process has a role of it, is creating or is removing it. Each is
judged by itself: if a process of your system has just died and is to be started again, what it alone used is unused.
What belongs to a demo, an exchange or a torture that is running stays.

Exit code: 0 done, though what is used or another user's has stayed; 1 something could not be removed; 2 usage.";

/// Removes what is asked for; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let report = if options.dry_run { look(&options.prefix)? } else { remove(&options.prefix)? };
    print(&report, options.json)?;
    Ok(u8::from(report.failed > 0))
}

fn look(prefix: &str) -> Result<Report, Error> {
    let mut unused = lastword::unused(prefix).map_err(cannot_list)?;
    unused.retain(|object| !session::is_running(&object.name));
    let mut others = lastword::objects(prefix).map_err(cannot_list)?;
    others.retain(|object| !unused.contains(object));
    let surveys = lastword::inspect::survey(prefix).map_err(cannot_list)?;
    let reason = |object: &ObjectName| {
        let of = surveys.iter().find(|survey| survey.objects.iter().any(|file| file.name == *object));
        why_it_stays(object, of)
    };
    let left = others.iter().map(|object| Left { object: object.to_string(), reason: reason(object) }).collect();
    Ok(Report { dry_run: true, removed: listed(&unused), left, failed: 0 })
}

/// Why an object would stay.
fn why_it_stays(object: &ObjectName, survey: Option<&Survey>) -> String {
    if session::is_running(&object.name) {
        return "it belongs to a session that is running".to_owned();
    }
    let Some(survey) = survey else { return "it is gone, or was created this moment".to_owned() };
    let had: Vec<String> =
        survey.roles.iter().filter(|state| state.holder.is_some()).map(|state| state.role.to_string()).collect();
    if !had.is_empty() {
        return format!("live processes have roles of it: {}", had.join(", "));
    }
    if survey.is_used {
        return "a live process is creating, replacing or removing it, or uses an older generation".to_owned();
    }
    match survey.problems.first() {
        Some(problem) => problem.to_string(),
        None => "this user may not remove it: its owner can, or root".to_owned(),
    }
}

fn remove(prefix: &str) -> Result<Report, Error> {
    let running: Vec<ObjectName> = lastword::objects(prefix)
        .map_err(cannot_list)?
        .into_iter()
        .filter(|object| session::is_running(&object.name))
        .collect();
    let outcome = removal::remove_each(prefix, |object| !running.contains(object))?;
    let mut left: Vec<Left> = running
        .iter()
        .map(|object| Left { object: object.to_string(), reason: "it belongs to a session that is running".to_owned() })
        .collect();
    let mut failed = 0;
    for channel in outcome.left {
        failed += usize::from(channel.cause == Cause::Failed) * channel.objects.len();
        for object in channel.objects {
            left.push(Left { object: object.to_string(), reason: channel.reason.clone() });
        }
    }
    left.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(Report { dry_run: false, removed: listed(&outcome.removed), left, failed })
}

fn listed(objects: &[ObjectName]) -> Vec<String> {
    objects.iter().map(ToString::to_string).collect()
}

#[derive(Debug, Serialize)]
struct Left {
    object: String,
    reason: String,
}

/// What was done. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether nothing was removed because nothing was to be.
    dry_run: bool,
    /// The objects that were removed, or would be.
    removed: Vec<String>,
    /// Those that stay.
    left: Vec<Left>,
    /// How many of these stay because a system call failed.
    failed: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (remove, removed) = if self.dry_run { ("would remove", "to remove") } else { ("removed", "removed") };
        for object in &self.removed {
            writeln!(f, "{remove} {object}")?;
        }
        for Left { object, reason } in &self.left {
            writeln!(f, "left    {object}: {reason}")?;
        }
        writeln!(f, "{} {removed}, {} left", self.removed.len(), self.left.len())
    }
}
