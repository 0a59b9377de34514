//! What lies about in `/dev/shm`.

use super::{Check, Question, SHM, State, bytes};
use crate::look::text::problem;
use crate::session;
use lastword::ObjectName;
use lastword::inspect::{Condition, Survey, survey};
use nix::unistd::geteuid;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

const ALL: Question = Question::new("objects", "they can be listed");
const UNUSED: Question = Question::new("objects-unused", "none");
const INCOMPLETE: Question = Question::new("objects-incomplete", "none whose creator is dead");
const DAMAGED: Question = Question::new("objects-damaged", "none");
const VERSION: Question = Question::new("objects-version", "none of another version");
const UNREADABLE: Question = Question::new("objects-unreadable", "none of which a system call fails");
const OTHERS: Question = Question::new("objects-other-users", "none that this user may not read");
const UNKNOWN: Question = Question::new("objects-unknown", "none that is called like an object and is none");

/// So many names are said; the others are counted.
const NAMES_MAX: usize = 5;

/// The checks. Where there is nothing to list, another check says so.
pub(super) fn checks() -> Vec<Check> {
    let objects = match lastword::objects("") {
        Ok(objects) => objects,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Vec::new();
        }
        Err(error) => {
            return vec![ALL.problem(format!("/dev/shm cannot be read: {error}"), "as root: chmod 1777 /dev/shm")];
        }
    };
    let size =
        objects.iter().filter_map(|object| fs::symlink_metadata(path(object)).ok()).map(|found| found.blocks() * 512);
    let mut checks = vec![ALL.ok(format!("{} objects, {}", objects.len(), bytes(size.sum())))];
    let unused = match lastword::unused("") {
        Ok(unused) => unused,
        Err(error) => {
            checks.push(UNUSED.problem(error.to_string(), "do what it says"));
            Vec::new()
        }
    };
    let idle: Vec<&ObjectName> = unused.iter().filter(|object| !session::is_running(&object.name)).collect();
    checks.push(none_or(UNUSED, State::Warning, &idle, "if they are not to be used again: lastword clean"));

    let found = match survey("") {
        Ok(surveys) => Found::among(&surveys),
        Err(error) => {
            checks.push(DAMAGED.problem(format!("/dev/shm cannot be read: {error}"), "as root: chmod 1777 /dev/shm"));
            return checks;
        }
    };
    checks.push(none_or(
        INCOMPLETE,
        State::Warning,
        &found.incomplete,
        "the next process that takes a role completes them; if none will: lastword clean",
    ));
    checks.push(none_or(
        DAMAGED,
        State::Problem,
        &found.damaged,
        "they cannot be opened as they are: lastword rm NAME, and start their processes again",
    ));
    checks.push(none_or(
        VERSION,
        State::Warning,
        &found.version,
        "programs of this version do not open them: end the programs of the other version and run lastword clean, or \
         replace the channels while they run (`Channel::replace`)",
    ));
    checks.push(none_or(UNREADABLE, State::Warning, &found.unreadable, "each says why, and what to do"));
    checks.push(others(&found.denied));
    checks.push(none_or(
        UNKNOWN,
        State::Warning,
        &unknown(&objects),
        "nothing of this package uses or removes them: find out whose they are, and delete them from /dev/shm",
    ));
    checks
}

/// What was found that is not as it should be.
#[derive(Debug, Default)]
struct Found {
    incomplete: Vec<String>,
    damaged: Vec<String>,
    version: Vec<String>,
    unreadable: Vec<String>,
    denied: Vec<String>,
}

impl Found {
    fn among(surveys: &[Survey]) -> Self {
        let mut found = Self::default();
        for survey in surveys {
            let called = format!("{} {}", survey.what, survey.name);
            match survey.condition {
                Condition::Complete | Condition::BeingCreated | Condition::Gone => {}
                Condition::Incomplete => found.incomplete.push(called),
                Condition::OtherVersion { found: version } => {
                    found.version.push(format!("{called} (version {version})"))
                }
                Condition::Denied => found.denied.push(called),
                // It is among the unknown.
                Condition::NotAnObject => {}
                other => {
                    let why = survey.problems.first().map_or_else(|| other.to_string(), |found| problem(survey, found));
                    let list = if other == Condition::Unreadable { &mut found.unreadable } else { &mut found.damaged };
                    list.push(format!("{called} ({why})"));
                }
            }
        }
        found
    }
}

fn others(denied: &[String]) -> Check {
    if denied.is_empty() {
        return OTHERS.ok("none");
    }
    OTHERS.noted(
        listed(denied),
        format!("this is user {}: run it as their owner, or as root, to know more of them", geteuid()),
    )
}

/// What begins like an object's name and is none.
fn unknown(objects: &[ObjectName]) -> Vec<String> {
    let known: BTreeSet<String> = objects.iter().map(|object| object.to_string().replacen('/', "", 1)).collect();
    let Ok(entries) = fs::read_dir(SHM) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut unknown: Vec<String> = names
        .filter(|name| name.starts_with("lastword-") && !known.contains(name))
        // What was created since the others were listed is one of them.
        .filter(|name| {
            !lastword::objects("").is_ok_and(|now| now.iter().any(|object| object.to_string()[1..] == *name))
        })
        .map(|name| name.escape_debug().to_string())
        .collect();
    unknown.sort();
    unknown
}

fn none_or(question: Question, state: State, found: &[impl ToString], advice: &str) -> Check {
    if found.is_empty() {
        return question.ok("none");
    }
    question.answer(state, listed(found), Some(advice.to_owned()))
}

/// How many, and the first ones' names.
fn listed(found: &[impl ToString]) -> String {
    let names: Vec<String> = found.iter().take(NAMES_MAX).map(ToString::to_string).collect();
    let more = if found.len() > NAMES_MAX { ", ..." } else { "" };
    format!("{}: {}{more}", found.len(), names.join(", "))
}

fn path(object: &ObjectName) -> String {
    format!("/dev/shm{object}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_counted_and_the_first_ones_said() {
        let names: Vec<String> = (0..7).map(|number| format!("n{number}")).collect();
        assert_eq!(listed(&names), "7: n0, n1, n2, n3, n4, ...");
        assert_eq!(listed(&names[..5]), "5: n0, n1, n2, n3, n4");
        assert_eq!(none_or(DAMAGED, State::Problem, &[] as &[String], "x").state, State::Ok);
    }
}
