//! Whether this machine has what the library needs, tried for real, and what lies about.

mod kernel;
mod limits;
mod memory;
mod objects;
mod shm;
mod surroundings;

use crate::output::{self, BAD, GOOD, HEAD, Styled, WARNING};
use anstyle::Style;
use serde::Serialize;
use std::fmt::Write;

type Error = Box<dyn std::error::Error>;

/// How what is found is told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Print an array of JSON objects, one for each check, instead of a table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword doctor                  what is there, and what to do about what is not
  lastword doctor --json | jq '.[] | select(.state != \"ok\")'

Each check is tried where that can be done: memory is reserved in /dev/shm, locks are taken, calls are made. Nothing of
that outlives the command, even if it is killed. A warning is what works and may cost you something later; a problem is
what does not work. Run it as the user, and in the container, that the programs run in.

In JSON each check has `id`, `state` (ok, warning or problem), `found`, `expected`, and `advice` where there is some.

Exit code: 0 no problem, though there may be warnings; 1 a problem; 2 usage.";

/// Where the objects are.
const SHM: &str = "/dev/shm";
/// The least that is of any use: a small channel, its locks, and a board.
const LEAST: u64 = 64 * KIB;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// It works, and may cost something later.
    Warning,
    /// It does not work.
    Problem,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "problem",
        }
    }

    fn style(self) -> Style {
        match self {
            State::Ok => GOOD,
            State::Warning => WARNING,
            State::Problem => BAD,
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
struct Question {
    /// Never renamed: programs know it.
    id: &'static str,
    expected: &'static str,
}

impl Question {
    const fn new(id: &'static str, expected: &'static str) -> Self {
        Self { id, expected }
    }

    fn ok(self, found: impl Into<String>) -> Check {
        self.answer(State::Ok, found.into(), None)
    }

    /// All is well, and there is something worth knowing.
    fn noted(self, found: impl Into<String>, advice: impl Into<String>) -> Check {
        self.answer(State::Ok, found.into(), Some(advice.into()))
    }

    fn warning(self, found: impl Into<String>, advice: impl Into<String>) -> Check {
        self.answer(State::Warning, found.into(), Some(advice.into()))
    }

    fn problem(self, found: impl Into<String>, advice: impl Into<String>) -> Check {
        self.answer(State::Problem, found.into(), Some(advice.into()))
    }

    fn answer(self, state: State, found: String, advice: Option<String>) -> Check {
        Check { id: self.id, state, found, expected: self.expected, advice }
    }
}

/// What a check has found. Its JSON is an interface: fields and ids are added, never renamed.
#[derive(Debug, Serialize)]
struct Check {
    /// Which check it is.
    id: &'static str,
    /// How it ended.
    state: State,
    /// What is there.
    found: String,
    /// What should be there.
    expected: &'static str,
    /// What to do; where the state is `ok`, what is worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// Makes all checks; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let mut checks = shm::checks();
    checks.extend(limits::checks());
    checks.extend(memory::checks());
    checks.extend(kernel::checks());
    checks.extend(surroundings::checks());
    checks.extend(objects::checks());
    if options.json {
        output::json(&checks)?;
    } else {
        output::print(table(&checks))?;
    }
    Ok(u8::from(checks.iter().any(|check| check.state == State::Problem)))
}

/// The checks in words.
fn table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    let indent = " ".repeat(width + 11);
    for Check { id, state, found, expected, advice } in checks {
        let name = Styled(state.style(), format!("{:<7}", state.name()));
        let _ = writeln!(text, "{name}  {id:<width$}  {found}");
        if *state != State::Ok {
            let _ = writeln!(text, "{indent}expected: {expected}");
        }
        if let Some(advice) = advice {
            let lead = if *state == State::Ok { "note" } else { "to do" };
            let _ = writeln!(text, "{indent}{lead}: {advice}");
        }
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let [well, warnings, problems] = [State::Ok, State::Warning, State::Problem].map(count);
    let plural = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let sum = format!("{well} ok, {}, {}", plural(warnings, "warning"), plural(problems, "problem"));
    let _ = writeln!(text, "{}", Styled(HEAD, sum));
    text
}

/// Bytes, for people.
fn bytes(count: u64) -> String {
    match count {
        0..KIB => format!("{count} bytes"),
        KIB..MIB => format!("{} KiB", count / KIB),
        _ => format!("{} MiB", count / MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected_and_what_to_do() {
        let question = Question::new("a-check", "good");
        let checks = [
            question.ok("good"),
            question.noted("good", "it is"),
            question.warning("bad", "repair it"),
            question.problem("none", "get one"),
        ];
        let text = anstream::adapter::strip_str(&table(&checks)).to_string();
        let expected = "\
ok       a-check  good
ok       a-check  good
                  note: it is
warning  a-check  bad
                  expected: good
                  to do: repair it
problem  a-check  none
                  expected: good
                  to do: get one
2 ok, 1 warning, 1 problem
";
        assert_eq!(text, expected);
    }

    #[test]
    fn bytes_are_rounded_down() {
        let words: Vec<String> = [0, 1023, 1024, 65_535, 1 << 20, 3 << 30].map(bytes).into();
        assert_eq!(words, ["0 bytes", "1023 bytes", "1 KiB", "63 KiB", "1 MiB", "3072 MiB"]);
    }
}
