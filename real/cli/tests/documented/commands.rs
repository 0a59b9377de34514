//! Every command line in the documents, and in the command's own help.

use crate::common::{OnTerminal, run};
use crate::documents::{self, top};
use crate::place::{self, Place};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// How a command line is tried.
#[derive(Clone, Copy, Debug)]
enum Trial {
    /// By a shell with a home of its own, to its end, which is a good one.
    ToItsEnd,
    /// On a terminal, until these words are there; then this key ends it.
    Until(&'static str, char),
    /// By `.ci/run`, which has this line.
    Ci(&'static str),
    /// In a session of `sessions.rs`, which has this line.
    Session,
    /// Not at all, for this reason.
    Not(&'static str),
}

const NIGHTLY: &str = "needs a nightly toolchain; `.ci/run` runs the same targets for 15 seconds where there is one";
const FOR_PEOPLE: &str = "has a part that the reader is to fill in";

/// The command lines in the documents. `lastword` is `cargo run --release --bin lastword --`.
const TRIALS: &[(&str, Trial)] = &[
    ("cargo demo", Trial::Ci("--bin lastword -- demo --processes 4")),
    ("cargo test", Trial::Ci("cargo test --workspace --locked")),
    ("lastword exchange 4", Trial::Until("3: write 2", 'q')),
    ("lastword demo --processes 8 --kill-every-ms 5 --payload 65536", Trial::ToItsEnd),
    ("lastword demo --seed 7 --json", Trial::ToItsEnd),
    ("lastword torture instructions", Trial::Ci("--bin lastword -- torture instructions --json")),
    ("lastword torture startup", Trial::Ci("--bin lastword -- torture startup --runs 300 --json")),
    ("lastword torture soak", Trial::Ci("--bin lastword -- torture soak --seconds 15 --json")),
    ("lastword torture hostile", Trial::Ci("--bin lastword -- torture hostile --seconds 10 --json")),
    ("lastword clean --dry-run", Trial::ToItsEnd),
    ("mkdir -p ~/.local/share/bash-completion/completions ~/.local/share/man/man1", Trial::ToItsEnd),
    ("lastword completions bash > ~/.local/share/bash-completion/completions/lastword", Trial::ToItsEnd),
    ("lastword man --directory ~/.local/share/man/man1", Trial::ToItsEnd),
    ("cargo verify", Trial::Ci("cargo verify")),
    ("lastword-sim mutants", Trial::Ci("for command in mutants museum")),
    ("lastword-sim museum", Trial::Ci("for command in mutants museum")),
    (
        "lastword-sim search slots-1 --variant \"no re-check\"",
        Trial::Ci("--bin lastword-sim -- search slots-1 --variant"),
    ),
    ("lastword-sim bench", Trial::Not("40 seconds of measuring, which says nothing on a busy machine")),
    (
        "cargo test --release -p lastword-protocol --test loom -- --nocapture",
        Trial::Ci("cargo test --workspace --locked"),
    ),
    (
        "cargo test --release -p lastword-protocol --test broken -- --nocapture",
        Trial::Ci("cargo test --workspace --locked"),
    ),
    ("cargo specs --quick", Trial::Ci("cargo specs --quick")),
    ("cargo specs", Trial::Not("12 minutes; `.ci/run` does the parts that the quick one leaves out of")),
    ("cargo specs --list", Trial::Ci("cargo test --workspace --locked")),
    ("rustup toolchain install nightly && cargo install --locked cargo-fuzz", Trial::Not(NIGHTLY)),
    ("cargo +nightly fuzz run attach -- -max_total_time=60 -timeout=4", Trial::Not(NIGHTLY)),
    ("cargo +nightly fuzz run ops -- -max_total_time=60", Trial::Not(NIGHTLY)),
    ("cargo +nightly fuzz run schedule -- -max_total_time=60", Trial::Not(NIGHTLY)),
    ("cargo test --manifest-path fuzz/Cargo.toml", Trial::Ci("cargo test --locked --manifest-path fuzz/Cargo.toml")),
    ("mkdir -p fuzz/target/empty", Trial::Not(NIGHTLY)),
    (
        "cargo +nightly fuzz run --features seeded-bug schedule fuzz/target/empty -- -seed=1 -print_final_stats=1",
        Trial::Not(NIGHTLY),
    ),
    ("mkdir -p fuzz/target/chosen", Trial::Not(NIGHTLY)),
    (
        "cargo +nightly fuzz run TARGET fuzz/target/chosen fuzz/target/grown -- -set_cover_merge=1 -use_counters=0",
        Trial::Not(FOR_PEOPLE),
    ),
    ("ls -tr fuzz/target/chosen | head -56", Trial::Not(FOR_PEOPLE)),
];

/// A line of a document, as it is spelled in the table: without its remark, and the command's name in place of cargo's.
fn spelled(line: &str) -> String {
    let command = line.split("  #").next().unwrap_or_default();
    let mut words = command.split_whitespace().collect::<Vec<_>>().join(" ");
    for program in ["lastword-sim", "lastword"] {
        for quiet in ["", "-q "] {
            words = words.replace(&format!("cargo run --release {quiet}--bin {program} --"), program);
        }
    }
    words
}

/// Each command line in the documents' blocks for a shell, and where it is.
fn documented() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for document in documents::all() {
        for block in document.blocks() {
            let lines: Vec<&str> = match block.language {
                "sh" => block.text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect(),
                "console" => block.text.lines().filter_map(|line| line.strip_prefix("$ ")).collect(),
                _ => continue,
            };
            let path = document.path.display();
            found.extend(lines.into_iter().map(|line| (spelled(line), format!("{path}"))));
        }
    }
    assert!(found.len() >= 20, "the command lines are not where they were");
    found
}

fn trial(line: &str) -> Option<Trial> {
    let listed = TRIALS.iter().find(|(listed, _)| *listed == line).map(|(_, trial)| *trial);
    let line = match line.strip_prefix("kill -9 ") {
        Some(pid) if pid.parse::<u32>().is_ok() => "kill -9 {pid}",
        _ => line,
    };
    listed.or_else(|| include_str!("sessions.rs").contains(&format!("\"{line}\"")).then_some(Trial::Session))
}

#[test]
fn every_command_line_in_the_documents_is_tried() {
    let ci = fs::read_to_string(top().join(".ci/run")).expect("it is there");
    let documented = documented();
    for (line, path) in &documented {
        match trial(line) {
            None => panic!("{path}: nobody tries {line:?}"),
            // A line that is continued is one.
            Some(Trial::Ci(needle)) => assert!(ci.contains(needle), "{path}: .ci/run does not run {line}: {needle}"),
            Some(Trial::Not(reason)) => assert!(!reason.is_empty()),
            Some(Trial::ToItsEnd | Trial::Until(..) | Trial::Session) => {}
        }
    }
    let stale: Vec<_> = TRIALS.iter().filter(|(line, _)| !documented.contains_key(*line)).collect();
    assert!(stale.is_empty(), "these are in no document: {stale:?}");
}

fn arguments(line: &str) -> Vec<&str> {
    line.split_whitespace().skip(1).collect()
}

#[test]
fn command_lines_that_end_end_well() {
    let place = Place::new();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("home-{}", std::process::id()));
    fs::create_dir(&home).expect("it is new");
    let lines: Vec<_> = TRIALS.iter().filter(|(_, trial)| matches!(trial, Trial::ToItsEnd)).collect();
    assert!(!lines.is_empty());
    for (line, _) in lines {
        let mut command = place.command("bash");
        command.args(["-c", line]).env("PATH", place::path()).env("HOME", &home);
        let output = command.stdin(Stdio::null()).output().expect("it runs");
        assert!(output.status.success(), "{line}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let there = |path: &str| fs::metadata(home.join(".local/share").join(path)).is_ok_and(|found| found.len() > 0);
    assert!(there("bash-completion/completions/lastword") && there("man/man1/lastword-ls.1"));
    fs::remove_dir_all(&home).expect("it is there");
}

#[test]
fn command_lines_that_go_on_can_be_ended_on_a_terminal() {
    for (line, trial) in TRIALS {
        let Trial::Until(words, key) = trial else { continue };
        let mut terminal = OnTerminal::start(&arguments(line));
        terminal.hear(words);
        terminal.press(*key as u8);
        assert_eq!(terminal.end(), Some(0), "{line}: {}", terminal.text());
    }
}

/// Whether a command line is understood. Nothing is done.
fn is_understood(line: &str) -> Result<(), String> {
    // Most words in capitals may be anything.
    let mut arguments: Vec<_> =
        arguments(line).into_iter().map(|word| if word == "SHELL" { "bash" } else { word }).collect();
    arguments.push("--help");
    let output = run(&arguments);
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The names of commands that somebody may call, with those of the commands that they are of.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        let output = run(&[path.iter().map(String::as_str).collect(), vec!["--help"]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let listed = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        for line in listed {
            let name = line.strip_prefix("  ").and_then(|line| line.split(' ').next()).unwrap_or_default();
            // A longer description goes on below it.
            if !name.is_empty() && name != "help" {
                found.push([path.clone(), vec![name.to_owned()]].concat());
            }
        }
        at += 1;
    }
    found
}

#[test]
fn the_examples_in_the_help_are_understood() {
    let mut count = 0;
    for path in commands() {
        let output = run(&[path.iter().map(String::as_str).collect(), vec!["--help"]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{path:?}");
        for example in text.lines().filter(|line| line.starts_with("  lastword ")) {
            // What it does is said behind it; a pipe or a file is the shell's.
            let line = example.trim().split("  ").next().unwrap_or_default();
            let line = line.split([';', '|', '<', '>', '&']).next().unwrap_or_default();
            assert_eq!(is_understood(line), Ok(()), "the help of {path:?}: {example}");
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} examples were found");
}

#[test]
fn what_is_said_of_the_command_within_a_sentence_is_understood() {
    let mut count = 0;
    for document in documents::all() {
        let path = document.path.display();
        if path.to_string().starts_with("CHANGELOG") {
            // Of former versions.
            continue;
        }
        for code in document.inline() {
            if code.strip_prefix("lastword ").is_none_or(|rest| rest.starts_with('=')) {
                continue;
            }
            assert_eq!(is_understood(&code), Ok(()), "{path}: `{code}`");
            count += 1;
        }
    }
    assert!(count >= 3, "only {count} were found");
}
