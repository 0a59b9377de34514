//! Removing channels, mailboxes and boards by their names.

use super::names::not_found;
use super::text::is_certain;
use super::{Error, Kind, kinds};
use crate::names;
use crate::output;
use crate::session;
use crate::tell::tell;
use lastword::inspect::{Condition, Inspection, ObjectFile, Survey, What};
use lastword::ready::Mailbox;
use lastword::{Channel, Force, RemoveError, status};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// What is to be removed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Their names
    #[arg(required = true, value_name = "NAME", value_parser = names::name)]
    names: Vec<String>,
    /// What of these names; everything if not given
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Though live processes have roles: they go on with what has no name any more
    #[arg(long)]
    force: bool,
    /// Print what was done as one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword rm arm leg              remove what is called arm, and what is called leg
  lastword rm arm --kind board     the board alone, where there is a channel of that name too
  lastword rm arm --force          though processes use it

Of a name of which a live process has a role nothing is removed without --force. With it, that process goes on with
memory that has no name any more: whoever opens the name next gets another channel, which that process does not see.
Only a process that certainly has a role is proposed to be killed.
What is half-created, damaged or of another version can be removed as well. `lastword clean` removes what nobody uses.

Exit code: 0 all removed; 1 one of them was not, the others were; 2 usage.";

/// Removes what is asked for; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let mut report = Report { removed: Vec::new(), failed: Vec::new() };
    for name in &options.names {
        if let Err(reason) = remove(name, options, &mut report.removed) {
            report.failed.push(Failed { name: name.clone(), reason: reason.to_string() });
        }
    }
    if options.json {
        output::json(&report)?;
    } else {
        for removed in &report.removed {
            output::line(format_args!("removed {} {}", removed.kind, removed.name))?;
        }
    }
    for removed in report.removed.iter().filter(|removed| !removed.still_used_by.is_empty()) {
        let users: Vec<String> = removed.still_used_by.iter().map(User::to_string).collect();
        tell!(
            "{} {} was in use: {}; what they have open has no name any more, and nobody else finds it: end them, or \
             restart them to have a new one",
            removed.kind,
            removed.name,
            users.join(", ")
        );
    }
    for Failed { reason, .. } in &report.failed {
        tell!("lastword: {reason}");
    }
    Ok(u8::from(!report.failed.is_empty()))
}

/// Removes everything of a name that is asked for, and notes it. The error says why not all was removed.
fn remove(name: &str, options: &Options, removed: &mut Vec<Removed>) -> Result<(), Error> {
    let all = kinds(options.kind);
    let mut found = Vec::new();
    for &what in &all {
        let inspection = Inspection::open(name, what)?;
        if inspection.survey().condition != Condition::Gone {
            found.push(inspection);
        }
    }
    if found.is_empty() {
        return Err(not_found(name, &all)?.into());
    }
    let surveys: Vec<&Survey> = found.iter().map(Inspection::survey).collect();
    if !options.force {
        // All or nothing of a name, as far as that can be.
        for survey in &surveys {
            refuse_used(survey)?;
        }
        if session::is_running(name) {
            return Err(format!("{name} belongs to a session that is running: end that, or use --force").into());
        }
    }
    for survey in surveys {
        let still_used_by = users(survey);
        if remove_one(survey, options.force)? {
            removed.push(Removed { name: name.to_owned(), kind: survey.what.to_string(), still_used_by });
        }
    }
    Ok(())
}

fn remove_one(survey: &Survey, force: bool) -> Result<bool, Error> {
    let force = if force { Force::Yes } else { Force::No };
    // Of what type its messages are is of no account.
    let removed = match survey.what {
        What::Channel => Channel::<u64>::new(&survey.name)?.remove(force),
        What::Mailbox => Mailbox::<u64>::new(&survey.name)?.remove(force),
        What::Board => status::remove(&survey.name, force),
    };
    removed.map_err(|error| match error {
        // Somebody has taken the role since it was looked at.
        RemoveError::InUse { .. } => format!("{error} (--force)").into(),
        error => error.into(),
    })
}

/// That live processes use it, which they are, and what to do.
fn refuse_used(survey: &Survey) -> Result<(), Error> {
    let users = users(survey);
    if users.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = users.iter().map(User::to_string).collect();
    let certain: BTreeSet<u32> = users.iter().filter(|user| user.is_certain).filter_map(|user| user.pid).collect();
    let pids: Vec<String> = certain.iter().map(u32::to_string).collect();
    let kill = if pids.is_empty() { String::new() } else { format!(" (kill {})", pids.join(" ")) };
    let find = if users.iter().all(|user| user.is_certain) { String::new() } else { how_to_find(survey) };
    Err(format!(
        "{} {}: not removed, it is in use: {}; end them first{kill}{find}, or remove it all the same with --force, and \
         they go on with what has no name any more",
        survey.what,
        survey.name,
        said.join(", ")
    )
    .into())
}

/// How to find the processes that are not certain. A role is a lock, which the kernel notes with each file that has it.
fn how_to_find(survey: &Survey) -> String {
    let has_roles =
        |file: &&ObjectFile| file.name.generation == survey.generation && file.name.kind == file.name.kind.anchor();
    let file = survey.objects.iter().find(has_roles).map(|file| format!("/dev/shm{}", file.name));
    let inode = file.and_then(|file| fs::symlink_metadata(file).ok()).map(|found| found.ino().to_string());
    format!(
        " (as root, where all processes are seen, `grep -ls 'OFDLCK.*:{} ' /proc/[0-9]*/fdinfo/*` names those that \
         have it)",
        inode.as_deref().unwrap_or("INODE")
    )
}

fn users(survey: &Survey) -> Vec<User> {
    let held = survey.roles.iter().filter_map(|state| state.holder.as_ref());
    held.map(|holder| User { role: holder.role().to_string(), pid: holder.pid(), is_certain: is_certain(holder) })
        .collect()
}

/// What was done. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Report {
    removed: Vec<Removed>,
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
struct Removed {
    name: String,
    /// `channel`, `mailbox` or `board`.
    kind: String,
    /// The live processes that had a role, and have what was removed open.
    still_used_by: Vec<User>,
}

#[derive(Debug, Serialize)]
struct Failed {
    name: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct User {
    /// `producer`, `consumer 0`, `writer`, `reader`.
    role: String,
    /// The process that took it last.
    pid: Option<u32>,
    /// Whether it is the one that has it: it lives, and can be seen from here.
    is_certain: bool,
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) if self.is_certain => write!(f, "{} is process {pid}", self.role),
            Some(pid) => write!(
                f,
                "{} is a live process: it was last taken by process {pid}, which is gone, and a process that it forked \
                 has the role, or which lives in another pid namespace",
                self.role
            ),
            None => write!(f, "{} is a live process, which has not noted which", self.role),
        }
    }
}
