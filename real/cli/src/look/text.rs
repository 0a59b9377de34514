//! Times, sizes, users and names, as they are shown.

use lastword::inspect::{Condition, Problem, RoleState, Survey, What};
use lastword::protocol::description::is_printable;
use lastword::{Holder, OpenError, Role};
use nix::unistd::{Uid, User};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// What somebody else wrote, with what a terminal would act on escaped.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if is_printable(text) { Cow::Borrowed(text) } else { Cow::Owned(text.escape_default().to_string()) }
}

/// A user's name, or the number where there is none.
pub(crate) fn user(id: u32) -> String {
    match User::from_uid(Uid::from_raw(id)) {
        Ok(Some(user)) => shown(&user.name).into_owned(),
        Ok(None) | Err(_) => id.to_string(),
    }
}

/// As chmod(1) has it.
pub(crate) fn mode(mode: u32) -> String {
    format!("{mode:04o}")
}

/// How long ago that was, in the largest unit; nothing where it is to come, by a clock that was set.
pub(crate) fn ago(then: SystemTime) -> Option<String> {
    SystemTime::now().duration_since(then).ok().map(span)
}

/// A length of time, in the largest unit.
pub(super) fn span(length: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match length.as_secs() {
        seconds @ 0..MINUTE => format!("{seconds} s"),
        seconds @ MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        seconds @ HOUR..DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} d", seconds / DAY),
    }
}

/// What is wrong, in words that say what to do.
pub(crate) fn problem(survey: &Survey, problem: &Problem) -> String {
    match problem {
        // The library says that of what is not there at all.
        Problem::Object(OpenError::NotFound { object }) if survey.condition == Condition::LocksMissing => {
            format!(
                "object {object}: not found, though the channel's data object is there: somebody removed it; {ANEW}"
            )
        }
        problem => problem.to_string(),
    }
}

/// What becomes of a channel without a locks object.
const ANEW: &str = "who takes a role next creates the channel anew; restart the processes that have the old one open";

/// So many bytes, to three digits or so.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if unit == "B" || value >= 10.0 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

/// The type of the messages, or how many words there are.
pub(super) fn messages_of(survey: &Survey) -> String {
    match (survey.what, survey.message_type, survey.words) {
        (What::Board, _, Some(1)) => "1 word".to_owned(),
        (What::Board, _, Some(words)) => format!("{words} words"),
        (_, Some(message_type), _) => shown(message_type.name()).into_owned(),
        _ => "-".to_owned(),
    }
}

/// How many messages there were, and whether the newest one of a mailbox waits.
pub(super) fn count(survey: &Survey) -> String {
    match (survey.messages, survey.is_set) {
        (Some(number), Some(true)) => format!("{number} set"),
        (Some(number), Some(false)) => format!("{number} clear"),
        (Some(number), None) => number.to_string(),
        (None, _) => "-".to_owned(),
    }
}

/// Whether the process that has a role is certainly the one of that id, which lives and can be seen from here.
pub(crate) fn is_certain(holder: &Holder) -> bool {
    holder.watch().is_ok()
}

/// A process that took a role, with a question mark where it may be another one that has it.
pub(crate) fn pid(pid: Option<u32>, is_certain: bool) -> String {
    match pid {
        Some(pid) if is_certain => pid.to_string(),
        Some(pid) => format!("{pid}?"),
        None => "?".to_owned(),
    }
}

/// The process that has a role.
fn process(holder: &Holder) -> String {
    pid(holder.pid(), is_certain(holder))
}

/// Who has which roles: `producer 1234, consumers 2/4 (1240,1241)`.
pub(super) fn roles(survey: &Survey) -> String {
    let holders = |chosen: fn(Role) -> bool| -> Vec<String> {
        let held = survey.roles.iter().filter(|state| chosen(state.role)).filter_map(|state| state.holder.as_ref());
        held.map(process).collect()
    };
    let one = |role: Role| {
        let holder = survey.holder(role).map_or_else(|| "-".to_owned(), process);
        format!("{role} {holder}")
    };
    match survey.what {
        What::Board => one(Role::Writer),
        What::Mailbox => format!("{}, {}", one(Role::MailboxWriter), one(Role::MailboxReader)),
        What::Channel => {
            let consumers = holders(|role| matches!(role, Role::Consumer(_)));
            let all = survey.consumers.map_or_else(|| "?".to_owned(), |all| all.to_string());
            let taken = consumers.len();
            let pids = if consumers.is_empty() { String::new() } else { format!(" ({})", consumers.join(",")) };
            format!("{}, consumers {taken}/{all}{pids}", one(Role::Producer))
        }
    }
}

/// Who has a role, and since when: `process 1234, for 3 s`.
pub(super) fn holder(state: &RoleState) -> String {
    match (&state.holder, state.last) {
        (Some(holder), _) => {
            let since = holder.since().and_then(ago).map_or_else(String::new, |since| format!(", for {since}"));
            match holder.pid() {
                Some(pid) if is_certain(holder) => format!("process {pid}{since}"),
                Some(pid) => format!("process {pid}?, which is gone or lives in another pid namespace{since}"),
                None => "a live process, which has not noted which".to_owned(),
            }
        }
        (None, Some(last)) => format!("free; process {last} had it last"),
        (None, None) => "free".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_certain_to_have_a_role_has_a_question_mark() {
        assert_eq!([pid(Some(7), true), pid(Some(7), false), pid(None, false)], ["7", "7?", "?"]);
    }

    #[test]
    fn times_and_sizes_are_in_their_largest_unit() {
        let spans = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 864_000].map(|s| span(Duration::from_secs(s)));
        assert_eq!(spans, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "10 d"]);
        let sizes = [0, 1_023, 1_024, 10_240, 1_048_576, u64::MAX].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "10 KiB", "1.0 MiB", "16 EiB"]);
    }

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        assert_eq!(shown("Pose é"), "Pose é");
        assert_eq!(shown("\u{1b}[31mPose"), "\\u{1b}[31mPose");
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
    }
}
