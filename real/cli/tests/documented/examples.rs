//! The library's examples, as their first lines say that they are run.

use crate::documents::top;
use crate::place::{Place, Shell};
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

/// A command line, and the words that are to be on its terminal.
type Typed = (&'static str, &'static [&'static str]);

/// What is typed in terminals, each a new one. `kill -9` is for the one before.
const RUNS: &[(&str, &[Typed])] = &[
    (
        "status_server",
        &[
            ("status_server", &["going on from 0 users"]),
            ("kill -9", &[]),
            ("status_server", &["going on from "]),
            ("status_monitor", &["users, load"]),
        ],
    ),
    (
        "exchange",
        &[
            ("exchange -- 0 3", &["0: wrote 1"]),
            ("exchange -- 1 3", &["1: read ", "1: wrote 1"]),
            ("exchange -- 2 3", &["2: wrote 2"]),
            ("kill -9", &[]),
            ("exchange -- 2 3", &["2: wrote 3"]),
        ],
    ),
    (
        "record",
        &[
            ("record -- write", &["published message 1"]),
            ("record -- read", &["PI is defined as: 22/7==3.14286", "goodbye"]),
        ],
    ),
    (
        "handoff",
        &[
            ("handoff -- read", &[]),
            ("handoff -- write", &["sent order 2"]),
            ("kill -9", &[]),
            ("handoff -- write", &["continues after order ", "sent order 5"]),
        ],
    ),
    (
        "chat",
        &[
            ("chat -- serve", &["the room is open"]),
            ("chat -- alice", &["alice is in the room"]),
            ("chat -- bob", &["bob is in the room"]),
        ],
    ),
];

/// The command lines in the comment at the beginning of an example, as they are listed here.
fn documented(source: &str) -> Vec<String> {
    let head = source.lines().take_while(|line| line.starts_with("//!"));
    let lines = head.filter_map(|line| line.strip_prefix("//! cargo run -p lastword --example "));
    lines.map(|line| line.split("  ").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_example_says_how_to_run_it_and_is_run_so() {
    let mut count = 0;
    for entry in fs::read_dir(top().join("real/examples")).expect("it is there") {
        let path = entry.expect("it can be read").path();
        let lines = documented(&fs::read_to_string(&path).expect("it is text"));
        assert!(!lines.is_empty(), "{} does not say how to run it", path.display());
        for line in lines {
            let is_run = RUNS.iter().flat_map(|(_, lines)| *lines).any(|(listed, _)| *listed == line);
            assert!(is_run, "{}: nobody runs {line:?}", path.display());
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} were found");
}

/// The directory of the examples, built.
fn built() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| {
        let program = crate::common::lastword();
        let directory = std::path::Path::new(program.get_program()).parent().expect("it is in a directory");
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        cargo.args(["build", "--quiet", "--package", "lastword", "--examples"]).current_dir(top());
        if directory.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("there is a cargo").success(), "the examples can be built");
        directory.join("examples").display().to_string()
    })
}

fn run(name: &str) -> Vec<Shell> {
    let place = Place::new();
    let (_, lines) = RUNS.iter().find(|(listed, _)| *listed == name).expect("it is listed");
    let mut shells: Vec<Shell> = Vec::new();
    for (line, heard) in *lines {
        if *line == "kill -9" {
            let shell = shells.last_mut().expect("it was started");
            // Ctrl-Z gives the shell back, which knows the process.
            shell.terminal.press(26);
            shell.hear("Stopped");
            shell.run_to_its_end("kill -9 %1");
            continue;
        }
        let mut shell = place.terminal(line);
        shell.run(&format!("{}/{}", built(), line.replace(" -- ", " ")));
        for words in *heard {
            shell.hear(words);
        }
        shells.push(shell);
    }
    shells
}

#[test]
fn the_status_board() {
    run("status_server");
}

#[test]
fn the_exchange() {
    run("exchange");
}

#[test]
fn the_record() {
    run("record");
}

#[test]
fn the_handoff() {
    let mut shells = run("handoff");
    (1..=5).for_each(|order| shells[0].hear(&format!("order {order}: part {order}")));
}

#[test]
fn the_chat() {
    let mut shells = run("chat");
    // Who joins sees what is said from then on.
    shells[2].terminal.write_line("here is bob");
    shells[2].hear("bob: here is bob");
    shells[1].terminal.write_line("hello");
    shells[2].hear("alice: hello");
}
