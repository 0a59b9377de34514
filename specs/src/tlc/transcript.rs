//! What TLC says with `-tool`: messages with numbers, between lines that mark them.

use crate::job::{Depth, Found, Outcome};
use crate::model::Names;
use signal_hook::consts::SIGKILL;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// TLC's numbers of messages, as in its `tlc2.output.EC`.
mod code {
    pub(super) const INVARIANT_VIOLATED_INITIALLY: u32 = 2107;
    pub(super) const PROPERTY_VIOLATED_INITIALLY: u32 = 2108;
    pub(super) const INVARIANT_VIOLATED: u32 = 2110;
    pub(super) const ACTION_PROPERTY_VIOLATED: u32 = 2112;
    pub(super) const DEADLOCK: u32 = 2114;
    pub(super) const TEMPORAL_PROPERTY_VIOLATED: u32 = 2116;
    pub(super) const BEHAVIOUR_FOLLOWS: u32 = 2121;
    pub(super) const BACK_TO_STATE: u32 = 2122;
    pub(super) const SUCCESS: u32 = 2193;
    pub(super) const DEPTH: u32 = 2194;
    pub(super) const STATES: u32 = 2199;
    pub(super) const PROGRESS: u32 = 2200;
    pub(super) const STATE: u32 = 2217;
    pub(super) const STUTTERING: u32 = 2218;
    pub(super) const VERSION: u32 = 2262;
    pub(super) const COUNTEREXAMPLE_FOLLOWS: u32 = 2264;
}

/// TLC's classes of messages.
const ERRORS: [u32; 2] = [1, 2];

/// TLC's exit codes when something is violated: an invariant or action, a temporal property.
const VIOLATED: [i32; 2] = [12, 13];

const BEGIN: &str = "@!@!@STARTMSG ";
const END: &str = "@!@!@ENDMSG ";
const MARK: &str = " @!@!@";

/// More than this of an engine's words helps nobody, bytes.
const MOST: usize = 4 << 20;

/// Adds a line, unless that were too much.
pub(super) fn keep(to: &mut String, line: &str) {
    if to.len() + line.len() < MOST {
        to.push_str(line);
        to.push('\n');
    }
}

/// What TLC has said so far.
#[derive(Debug, Default)]
pub struct Transcript {
    /// The message that has begun: number, class, text.
    open: Option<(u32, u32, String)>,
    version: String,
    violated: Option<Violated>,
    succeeded: bool,
    distinct_states: Option<u64>,
    depth: Option<u64>,
    states_so_far: u64,
    errors: String,
    /// Of the parser, which marks nothing.
    unmarked: Vec<String>,
    behaviour: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Violated {
    /// This one, by a name that may be one of a promise's.
    Named(String),
    /// A property, by its place or not at all.
    SomeProperty,
}

impl Transcript {
    /// Takes the next line.
    pub fn line(&mut self, line: &str) {
        if let Some((number, class)) = line.strip_prefix(BEGIN).and_then(header) {
            self.close();
            self.open = Some((number, class, String::new()));
        } else if let Some(rest) = line.strip_prefix(END) {
            // An exception's message may have others within.
            let ended = rest.strip_suffix(MARK).and_then(|number| number.parse().ok());
            if self.open.as_ref().is_some_and(|(number, ..)| Some(*number) == ended) {
                self.close();
            }
        } else if let Some((_, _, text)) = &mut self.open {
            keep(text, line.split_once(BEGIN).map_or(line, |(before, _)| before));
        } else {
            self.unmarked(line);
        }
    }

    /// Distinct states at the last report.
    pub fn states_so_far(&self) -> u64 {
        self.states_so_far
    }

    /// What it comes to, when TLC has ended.
    pub fn found(mut self, status: ExitStatus, stderr: &str, names: &Names, workers: usize) -> Found {
        self.close();
        let outcome = match (&self.violated, status.code()) {
            (Some(violated), Some(code)) if VIOLATED.contains(&code) => Outcome::Fail(violated.names(names)),
            (None, Some(0)) if self.succeeded && self.distinct_states.is_some() => Outcome::Pass,
            _ => Outcome::Error(self.why(status)),
        };
        let details = match &outcome {
            Outcome::Pass | Outcome::Stopped => String::new(),
            Outcome::Fail(_) => self.behaviour,
            Outcome::Error(_) => {
                let parts = [&self.version, &self.errors, &self.unmarked.join("\n"), stderr, &self.behaviour];
                parts.map(str::trim_end).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
            }
        };
        let depth = if workers > 1 { Depth::AtMost } else { Depth::Exact };
        Found {
            outcome,
            distinct_states: self.distinct_states,
            depth: self.depth.map(depth),
            details,
            figures: Vec::new(),
        }
    }

    fn close(&mut self) {
        let Some((number, class, text)) = self.open.take() else { return };
        let first = text.lines().next().unwrap_or_default().trim();
        match number {
            code::VERSION => self.version = first.to_owned(),
            code::SUCCESS => self.succeeded = true,
            code::DEPTH => self.depth = number_before(first, "."),
            code::STATES => self.distinct_states = number_before(first, " distinct states found"),
            code::PROGRESS => {
                self.states_so_far = number_before(first, " distinct states found").unwrap_or(self.states_so_far);
            }
            code::INVARIANT_VIOLATED | code::INVARIANT_VIOLATED_INITIALLY | code::PROPERTY_VIOLATED_INITIALLY => {
                self.violate(match first.split_once(" is violated") {
                    Some((subject, _)) => Violated::Named(last_word(subject).to_owned()),
                    None => Violated::SomeProperty,
                });
                text.lines().for_each(|line| keep(&mut self.behaviour, line));
            }
            code::ACTION_PROPERTY_VIOLATED | code::TEMPORAL_PROPERTY_VIOLATED => {
                self.violate(Violated::SomeProperty);
                text.lines().for_each(|line| keep(&mut self.behaviour, line));
            }
            code::STATE | code::STUTTERING | code::BACK_TO_STATE => {
                text.lines().for_each(|line| keep(&mut self.behaviour, line));
            }
            code::BEHAVIOUR_FOLLOWS | code::COUNTEREXAMPLE_FOLLOWS => {}
            code::DEADLOCK => keep(&mut self.errors, "deadlock"),
            _ if ERRORS.contains(&class) => text.lines().for_each(|line| keep(&mut self.errors, line)),
            _ => {}
        }
    }

    /// The first one counts: TLC goes on to say what else it met.
    fn violate(&mut self, violated: Violated) {
        self.violated.get_or_insert(violated);
    }

    fn unmarked(&mut self, line: &str) {
        let line = line.trim();
        let progress = ["Parsing file", "Semantic processing"].iter().any(|start| line.starts_with(start));
        // TLC's parser says everything up to five times.
        if !line.is_empty() && !progress && self.unmarked.len() < 1000 && !self.unmarked.iter().any(|said| said == line)
        {
            self.unmarked.push(line.to_owned());
        }
    }

    /// Why it is neither a pass nor a violation, in a line.
    fn why(&self, status: ExitStatus) -> String {
        let first = |text: &str| text.lines().find(|line| !line.trim().is_empty()).map(str::to_owned);
        let said = first(&self.errors).or_else(|| self.unmarked.first().cloned());
        match (status.code(), said) {
            (Some(code), Some(said)) => format!("TLC ended with exit code {code}: {said}"),
            (Some(code), None) => format!("TLC ended with exit code {code}, and without a result"),
            (None, said) => {
                let said = said.map_or_else(String::new, |said| format!(": {said}"));
                let memory = if status.signal() == Some(SIGKILL) { ", maybe because memory ran out" } else { "" };
                format!("TLC was killed by {status}{memory}{said}")
            }
        }
    }
}

impl Violated {
    /// The name in the configuration; several, where it can be one of them.
    fn names(&self, names: &Names) -> Vec<String> {
        match self {
            Violated::Named(name) if names.has(name) || names.properties.is_empty() => vec![name.clone()],
            _ => names.properties.clone(),
        }
    }
}

/// `2193:0 @!@!@` is number 2193 of class 0.
fn header(rest: &str) -> Option<(u32, u32)> {
    let (number, class) = rest.strip_suffix(MARK)?.split_once(':')?;
    Some((number.parse().ok()?, class.parse().ok()?))
}

/// The number that stands before `end`, with or without commas.
fn number_before(text: &str, end: &str) -> Option<u64> {
    let (before, _) = text.split_once(end)?;
    last_word(before).replace(',', "").parse().ok()
}

fn last_word(text: &str) -> &str {
    text.split_whitespace().next_back().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    //! On what real ones said: TLC 2.15 and 2.20, of the modules among the tests' fixtures. Each file begins with the
    //! exit code.

    use super::*;
    use crate::model::Model;
    use std::fs;

    const VERSIONS: [&str; 2] = ["2.15", "2.20"];

    fn found(config: &str, version: &str, lines: usize) -> Found {
        let fixtures = crate::directory().join("tests/fixtures");
        let text = fs::read_to_string(fixtures.join(format!("transcripts/{config}-{version}.txt"))).expect("a fixture");
        let (code, said) = text.split_once('\n').expect("an exit code and a transcript");
        let code: i32 = code.strip_prefix("exit code ").and_then(|code| code.parse().ok()).expect("an exit code");
        let mut transcript = Transcript::default();
        said.lines().take(lines).for_each(|line| transcript.line(line));
        let names = Model::new(&fixtures.join("tla"), "", config).names().expect("a configuration");
        transcript.found(ExitStatus::from_raw(code << 8), "", &names, 1)
    }

    fn all(config: &str) -> impl Iterator<Item = Found> {
        VERSIONS.into_iter().map(move |version| found(config, version, usize::MAX))
    }

    #[test]
    fn a_pass_has_its_counts() {
        for found in all("Counter") {
            assert_eq!(found.outcome, Outcome::Pass);
            assert_eq!((found.distinct_states, found.depth), (Some(8), Some(Depth::Exact(4))));
        }
    }

    #[test]
    fn whatever_is_violated_is_named_as_the_configuration_names_it() {
        for (config, violated, last) in [
            ("CounterTooFar", "InRange", "/\\ n = 4"),
            ("CounterAtLeastOne", "AtLeastOne", "/\\ n = 0"),
            ("CounterSkips", "Refines", "/\\ n = 2"),
            ("CounterLater", "RefinesLater", "/\\ last = p1"),
            ("CounterUnfair", "AlwaysComesBack", "Stuttering"),
        ] {
            for found in all(config) {
                assert_eq!(found.outcome, Outcome::Fail(vec![violated.to_owned()]), "{config}");
                assert!(found.details.contains(last), "{config}: {}", found.details);
            }
        }
    }

    #[test]
    fn what_cannot_be_parsed_or_evaluated_is_an_error_and_says_where() {
        for (config, place) in [("Syntax", "line 9, column 1"), ("CounterSum", "in Counter")] {
            for found in all(config) {
                assert!(matches!(found.outcome, Outcome::Error(_)), "{config}: {:?}", found.outcome);
                assert!(found.details.contains(place), "{config}: {}", found.details);
            }
        }
    }

    #[test]
    fn a_transcript_that_breaks_off_anywhere_is_no_pass() {
        for version in VERSIONS {
            let passed = |lines| found("Counter", version, lines).outcome == Outcome::Pass;
            let enough = (0..200).find(|lines| passed(*lines)).expect("it passes in the end");
            assert!(enough > 20, "{version}: {enough}");
            assert!((0..enough).all(|lines| !passed(lines)));
        }
    }

    #[test]
    fn a_tlc_that_was_killed_is_an_error_whatever_it_said() {
        let mut transcript = Transcript::default();
        transcript.line("@!@!@STARTMSG 2110:1 @!@!@");
        transcript.line("Invariant InRange is violated.");
        transcript.line("@!@!@ENDMSG 2110 @!@!@");
        let found = transcript.found(ExitStatus::from_raw(9), "", &Names::default(), 1);
        assert!(matches!(&found.outcome, Outcome::Error(why) if why.contains("killed")), "{:?}", found.outcome);
    }

    #[test]
    fn several_properties_are_all_named_if_tlc_does_not_say_which() {
        let names = Names { invariants: vec!["A".into()], properties: vec!["B".into(), "C".into()] };
        assert_eq!(Violated::SomeProperty.names(&names), ["B", "C"]);
        assert_eq!(Violated::Named("Init".into()).names(&names), ["B", "C"]);
        assert_eq!(Violated::Named("A".into()).names(&names), ["A"]);
    }
}
