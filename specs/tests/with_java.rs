//! The command, with TLC: needs a Java, and PyPI for TLC's package.
//!
//! `.ci/run` runs them: `cargo test -p lastword-specs --test with_java -- --ignored`.

mod common;

use common::{Scratch, command, fixtures, rows, run, run_of, stderr};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PASS: &str = "expected = \"pass\"\ndistinct_states = 8\ndepth = 4\n";

#[test]
#[ignore = "needs Java and PyPI"]
fn every_run_of_the_fixtures_is_as_expected_with_every_engine() {
    let output = command(&fixtures().join("runs.toml")).arg("--json").output().expect("the command");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(rows(&output).len(), 20);
}

#[test]
#[ignore = "needs Java and PyPI"]
fn what_tlc_cannot_parse_or_evaluate_is_an_error_and_what_it_finds_is_told() {
    let scratch = Scratch::new("tlc-error");
    let fail = |name| format!("expected = \"fail\"\nviolates = \"{name}\"\n");
    let runs = [
        run_of("Syntax", "syntax", "Syntax", "tlc", &fail("InRange")),
        run("sum", "CounterSum", "tlc", &fail("Sum")),
        run("counter", "Counter", "tlc", &fail("Refines")),
        run("too-far", "CounterTooFar", "tlc", PASS),
        run("wrong", "Counter", "tlc", "expected = \"pass\"\ndistinct_states = 7\ndepth = 5\n"),
    ];
    scratch.write("runs.toml", &runs.concat());
    let output = command(&scratch.manifest()).arg("--json").output().expect("the command");
    let (rows, told) = (rows(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(1));
    let results: Vec<_> = rows.iter().map(|row| row["result"].as_str().expect("a result")).collect();
    assert_eq!(results, ["error", "error", "pass", "fail", "pass"], "{told}");
    assert!(rows.iter().all(|row| row["ok"] == false));
    assert!(told.contains("line 9, column 1"), "{told}");
    assert!(told.contains("UpTwo") && told.contains("n = 4"), "{told}");
    assert!(told.contains("found 8, expected 7") && told.contains("found 4, expected 5"), "{told}");
}

#[test]
#[ignore = "needs Java and PyPI"]
fn two_that_download_at_once_and_a_damaged_download_are_no_matter() {
    let scratch = Scratch::new("download");
    scratch.write("runs.toml", &run("counter", "Counter", "tlc", PASS));
    let start = || {
        let mut command = scratch.command();
        command.env_remove("LASTWORD_TLA2TOOLS").stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the command")
    };
    for child in [start(), start()] {
        let output = child.wait_with_output().expect("the command");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let jar = scratch.path.join("target/specs/tla2tools.jar");
    let whole = fs::read(&jar).expect("the jar");
    fs::write(&jar, &whole[..whole.len() / 2]).expect("damage");
    let offline = scratch.command().env_remove("LASTWORD_TLA2TOOLS").arg("--offline").output().expect("the command");
    assert_eq!(offline.status.code(), Some(1));
    assert!(stderr(&offline).contains("is damaged"), "{}", stderr(&offline));
    let output = start().wait_with_output().expect("the command");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(fs::read(&jar).expect("the jar") == whole);
    let left = fs::read_dir(scratch.path.join("target/specs/scratch")).expect("a directory");
    assert_eq!(left.count(), 0);
}

#[test]
#[ignore = "needs Java and PyPI"]
fn ctrl_c_kills_tlc_and_leaves_no_file() {
    let scratch = Scratch::new("tlc-ctrl-c");
    let config = "CONSTANTS\n    Max = 1000000000\n    Processes = {p1}\nSPECIFICATION Spec\nINVARIANT InRange\n";
    scratch.write("tla/Counter.cfg", config);
    scratch.write("runs.toml", &run("counter", "Counter", "tlc", PASS));
    let mut command = scratch.command();
    let child = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command");
    // TLC makes the directory of its states when it begins to search.
    let all = scratch.path.join("target/specs/scratch");
    let states = || {
        let processes = fs::read_dir(&all).ok()?.flatten();
        processes.map(|process| process.path().join("0/states")).find(|states| states.is_dir())
    };
    let begun = Instant::now();
    while states().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(javas(&scratch), 1);
    let kill = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
    assert!(kill.expect("a shell").success());
    let output = child.wait_with_output().expect("the command");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    assert_eq!(javas(&scratch), 0);
    assert_eq!(fs::read_dir(&all).expect("a directory").count(), 0);
}

/// How many processes have this test's directory among their arguments.
fn javas(scratch: &Scratch) -> usize {
    let name = scratch.path.join("target/specs/scratch").to_string_lossy().into_owned();
    let commands = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path().join("cmdline"));
    commands.filter_map(|path| fs::read(path).ok()).filter(|text| String::from_utf8_lossy(text).contains(&name)).count()
}

#[test]
#[ignore = "needs PyPI"]
fn z3_is_found_or_downloaded_and_runs() {
    let tools = lastword_specs::tools::Toolbox::new(false);
    let z3 = tools.z3(&|| false).expect("z3");
    let output = Command::new(z3).arg("--version").output().expect("z3 runs");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("Z3 version"));
}
