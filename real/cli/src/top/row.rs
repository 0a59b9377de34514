//! What is shown of a channel, mailbox or board.

use crate::look::text::{is_certain, pid, problem, shown};
use lastword::Role;
use lastword::inspect::{Condition, Survey, What};
use std::fmt::Write;
use std::time::SystemTime;

/// One that there is.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) what: What,
    pub(super) condition: Condition,
    /// What is wrong, in words.
    pub(super) problems: Vec<String>,
    pub(super) generation: u32,
    pub(super) type_name: Option<String>,
    /// All its objects.
    pub(super) bytes: u64,
    pub(super) created: Option<SystemTime>,
    pub(super) messages: Option<u64>,
    /// Messages, or changes of a board's words, per second; `None` if it cannot be read, or was not there
    /// at the look before.
    pub(super) rate: Option<f64>,
    pub(super) is_set: Option<bool>,
    pub(super) roles: Vec<RoleRow>,
    /// Whether a live process has a role, or is creating or removing it.
    pub(super) is_used: bool,
    /// A board's words, undecoded; `None` where they cannot be read.
    pub(super) words: Option<Vec<u64>>,
}

/// A role, and who has it.
#[derive(Clone, Debug)]
pub(super) struct RoleRow {
    pub(super) role: Role,
    pub(super) is_taken: bool,
    pub(super) pid: Option<u32>,
    /// Whether that process has it: it lives, and can be seen from here.
    pub(super) is_certain: bool,
    pub(super) since: Option<SystemTime>,
    /// Who had it last.
    pub(super) last: Option<u32>,
}

impl Row {
    pub(super) fn new(survey: &Survey) -> Self {
        let roles = survey.roles.iter().map(|state| RoleRow {
            role: state.role,
            is_taken: state.holder.is_some(),
            pid: state.holder.as_ref().and_then(lastword::Holder::pid),
            is_certain: state.holder.as_ref().is_some_and(is_certain),
            since: state.holder.as_ref().and_then(lastword::Holder::since),
            last: state.last,
        });
        Self {
            name: survey.name.clone(),
            what: survey.what,
            condition: survey.condition,
            problems: survey.problems.iter().map(|found| problem(survey, found)).collect(),
            generation: survey.generation,
            type_name: survey.message_type.as_ref().map(|message| shown(message.name()).into_owned()),
            bytes: survey.bytes(),
            created: survey.created,
            messages: survey.messages,
            rate: None,
            is_set: survey.is_set,
            roles: roles.collect(),
            is_used: survey.is_used,
            words: survey.board.as_ref().map(|board| board.values().to_vec()),
        }
    }

    pub(super) fn key(&self) -> (&str, What) {
        (&self.name, self.what)
    }

    /// What has happened since it was as `before`, in messages or changes of words; `None` if that is another one.
    pub(super) fn progress(&self, before: &Self) -> Option<u64> {
        if self.is_another_than(before) {
            return None;
        }
        match self.what {
            What::Channel | What::Mailbox => self.messages?.checked_sub(before.messages?),
            What::Board => {
                let (now, before) = (self.words.as_ref()?, before.words.as_ref()?);
                Some(now.iter().zip(before).filter(|(now, before)| now != before).count() as u64)
            }
        }
    }

    /// Whether it was removed and created anew, or replaced, since then.
    pub(super) fn is_another_than(&self, before: &Self) -> bool {
        (self.created, self.generation) != (before.created, before.generation)
    }

    pub(super) fn rate(&self) -> String {
        self.rate.map_or_else(|| "-".to_owned(), number_per_second)
    }

    /// Who has its roles, and what is wrong with it.
    pub(super) fn state(&self) -> String {
        let mut words = Vec::new();
        if self.condition != Condition::Complete {
            words.push(self.condition.to_string());
        }
        let is_consumer = |row: &&RoleRow| matches!(row.role, Role::Consumer(_));
        for row in self.roles.iter().filter(|row| !is_consumer(row)) {
            words.push(if row.is_taken {
                format!("{} {}", row.role, pid(row.pid, row.is_certain))
            } else {
                format!("no {}", row.role)
            });
        }
        let consumers = self.roles.iter().filter(is_consumer).count();
        if consumers > 0 {
            let taken = self.roles.iter().filter(is_consumer).filter(|row| row.is_taken);
            let taken: Vec<String> = taken.map(|row| pid(row.pid, row.is_certain)).collect();
            let mut text = format!("consumers {}/{consumers}", taken.len());
            if !taken.is_empty() {
                let _ = write!(text, " ({})", taken.join(" "));
            }
            words.push(text);
        }
        if self.is_set == Some(true) {
            words.push("a message waits".to_owned());
        }
        words.join(", ")
    }
}

/// So many of them.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A rate in few characters.
pub(super) fn number_per_second(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        _ if rate < 9.95 => format!("{rate:.1}"),
        _ if rate < 99_999.5 => format!("{rate:.0}"),
        _ if rate < 9_999_500.0 => format!("{:.0}k", rate / 1e3),
        _ => format!("{:.0}M", rate / 1e6),
    }
}

/// The time of the day, UTC.
pub(super) fn clock(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword::inspect::survey;
    use lastword::status::Writer;
    use lastword::{Force, status};
    use std::time::Duration;

    #[test]
    fn rates_are_short_at_every_magnitude() {
        let rates = [0.0, 0.04, 1.26, 9.96, 1234.5, 99_999.6, 12_345_678.0].map(number_per_second);
        assert_eq!(rates, ["0", "0.0", "1.3", "10", "1234", "100k", "12M"]);
    }

    #[test]
    fn words_that_cannot_be_read_have_no_rate() {
        let name = format!("top-rate-{}", std::process::id());
        drop(Writer::create(&name, 2, 0o600).expect("nobody has it"));
        let before = Row::new(&survey(&name).expect("there is /dev/shm")[0]);
        let denied = Row { words: None, ..before.clone() };
        assert_eq!(before.progress(&before), Some(0));
        assert_eq!([denied.progress(&before), before.progress(&denied), denied.progress(&denied)], [None; 3]);
        status::remove(&name, Force::No).expect("nobody uses it");
    }

    #[test]
    fn times_are_of_the_day() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!([clock(at(0)), clock(at(86_400 + 43_387))], ["00:00:00", "12:03:07"]);
    }
}
