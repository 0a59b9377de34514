//! Whether the process at the other end lives, said when that changes.

use crate::tell::tell;
use lastword::Holder;
use std::time::Duration;

/// How often the kernel is asked.
pub(crate) const ASK: Duration = Duration::from_millis(100);

/// What is known of the process that has a role.
#[derive(Debug)]
pub(crate) struct Presence {
    /// What it is called: `the reader`.
    who: &'static str,
    seen: Seen,
    /// The process that had the role last, if it is known.
    process: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Absent,
    Lives,
    Gone,
}

impl Presence {
    pub(crate) fn of(who: &'static str) -> Self {
        Self { who, seen: Seen::Nothing, process: None }
    }

    /// Notes who has the role now, and says on standard error what has changed.
    pub(crate) fn note(&mut self, holder: Option<&Holder>) {
        if let Some(words) = self.change(holder.map(Holder::pid)) {
            tell!("{words}");
        }
    }

    /// What is to be said if a process has the role now. It may not have noted yet which one it is.
    fn change(&mut self, holder: Option<Option<u32>>) -> Option<String> {
        let who = self.who;
        let (before, process) = (self.seen, self.process);
        let Some(found) = holder else {
            self.seen = match before {
                Seen::Nothing | Seen::Absent => Seen::Absent,
                Seen::Lives | Seen::Gone => Seen::Gone,
            };
            return match before {
                Seen::Nothing => Some(format!("waiting for {who}")),
                Seen::Lives => Some(format!("{who} is gone; waiting for it")),
                Seen::Absent | Seen::Gone => None,
            };
        };
        self.seen = Seen::Lives;
        // Who has just taken a role seems for a moment to be the one before.
        let is_news = before == Seen::Lives || found != process;
        self.process = found.filter(|_| is_news).or(process.filter(|_| before == Seen::Lives));
        match before {
            Seen::Nothing | Seen::Absent => Some(format!("{who} is there")),
            Seen::Gone => Some(format!("{who} is back")),
            Seen::Lives => match (process, found) {
                (Some(process), Some(found)) if process != found => {
                    Some(format!("{who} was process {process} and is process {found} now"))
                }
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_said_once() {
        let mut presence = Presence::of("the reader");
        let mut change = |holder| presence.change(holder);
        assert_eq!(change(None).as_deref(), Some("waiting for the reader"));
        assert_eq!(change(None), None);
        assert_eq!(change(Some(Some(1))).as_deref(), Some("the reader is there"));
        assert_eq!(change(Some(Some(1))), None);
        assert_eq!(change(None).as_deref(), Some("the reader is gone; waiting for it"));
        assert_eq!(change(None), None);
        // The successor has not signed yet, and is no third process when it has.
        assert_eq!(change(Some(Some(1))).as_deref(), Some("the reader is back"));
        assert_eq!(change(Some(Some(2))), None);
        assert_eq!(change(Some(None)), None);
        assert_eq!(change(Some(Some(3))).as_deref(), Some("the reader was process 2 and is process 3 now"));
        assert_eq!(Presence::of("it").change(Some(None)).as_deref(), Some("it is there"));
    }
}
