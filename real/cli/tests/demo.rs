//! The demo, driven as people drive it: its figures, its exit codes, what it leaves behind, and that it can fail.

mod common;

use common::{Running, assert_nothing_left, json, objects_of, processes_of, run, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const COUNTERS: [&str; 5] = ["torn", "went_back", "stale", "lost", "lost_roles"];

fn demo(more: &[&str]) -> (Option<i32>, Value) {
    let output = run(&[&["demo", "--json"], more].concat());
    (output.status.code(), json(&output))
}

fn number(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("{field} is no number in {report}"))
}

fn assert_clean(report: &Value) {
    for counter in COUNTERS {
        assert_eq!(number(report, counter), 0, "{counter} in {report}");
    }
    assert!(report["failure"].is_null(), "{report}");
    for counter in ["published", "read", "peeks", "kills", "recoveries"] {
        assert!(number(report, counter) > 0, "no {counter} in {report}");
    }
    assert!(number(report, "recovery_us_p50") <= number(report, "recovery_us_max"), "{report}");
}

#[test]
fn processes_that_are_killed_all_the_time_never_read_what_they_should_not() {
    let (code, report) = demo(&["--seconds", "2", "--kill-every-ms", "20"]);
    assert_clean(&report);
    assert_eq!(code, Some(0), "{report}");
}

#[test]
fn messages_of_all_sizes_stay_whole() {
    for payload in ["32", "64", "4096", "1048576"] {
        let (code, report) = demo(&["--seconds", "2", "--kill-every-ms", "40", "--payload", payload]);
        assert_clean(&report);
        assert_eq!(code, Some(0), "{report}");
        assert_eq!(number(&report, "payload").to_string(), payload);
    }
}

#[test]
fn two_processes_and_sixteen_do_as_four() {
    for processes in ["2", "16"] {
        let (code, report) = demo(&["--seconds", "2", "--kill-every-ms", "40", "--processes", processes]);
        assert_clean(&report);
        assert_eq!(code, Some(0), "{report}");
    }
}

#[test]
fn two_demos_at_once_do_not_disturb_each_other() {
    let arguments = ["demo", "--seconds", "2", "--kill-every-ms", "20"];
    let both = [Running::start(&arguments), Running::start(&arguments)];
    for running in both {
        let (status, output) = running.finish();
        assert_eq!(status.code(), Some(0), "{output}");
    }
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let plan = |seed: &str| {
        let (_, report) = demo(&["--seconds", "1", "--kill-every-ms", "20", "--seed", seed]);
        assert_eq!(number(&report, "seed").to_string(), seed);
        report["plan"].as_str().expect("a plan is a string").to_owned()
    };
    assert_eq!(plan("7"), plan("7"));
    assert_ne!(plan("7"), plan("8"));
}

#[test]
fn without_kills_nobody_recovers() {
    let (code, report) = demo(&["--seconds", "1", "--kill-every-ms", "0"]);
    assert_eq!(code, Some(0));
    assert_eq!((number(&report, "kills"), number(&report, "recoveries")), (0, 0));
    assert!(report["recovery_us_p50"].is_null());
}

#[test]
fn every_check_can_fail() {
    let faults = [
        ("torn", "torn"),
        ("went-back", "went_back"),
        ("stale", "stale"),
        ("lost", "lost"),
        ("lost-role", "lost_roles"),
    ];
    for (fault, counter) in faults {
        let (code, report) = demo(&["--seconds", "2", "--kill-every-ms", "20", "--break", fault]);
        assert!(number(&report, counter) > 0, "{counter} in {report}");
        assert_eq!(code, Some(1), "{report}");
    }
}

#[test]
fn ctrl_c_ends_it_and_nothing_is_left() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut running = Running::start(&["demo", "--seconds", "100", "--kill-every-ms", "20", "--json"]);
        running.hear("  1 s ");
        let pid = running.pid();
        assert!(!objects_of("demo", pid).is_empty() && !processes_of("demo", pid).is_empty());
        running.signal(signal);
        let (status, output) = running.finish();
        assert_eq!(status.code(), Some(code), "{output}");
        assert!(output.contains(&format!("ended by signal {}", signal as i32)), "{output}");
        assert_nothing_left("demo", pid);
    }
}

#[test]
fn a_process_that_somebody_else_kills_is_started_again() {
    let mut running = Running::start(&["demo", "--seconds", "3", "--kill-every-ms", "0", "--json"]);
    running.hear("  1 s ");
    let victim = *processes_of("demo", running.pid()).first().expect("it has processes");
    kill(Pid::from_raw(victim as i32), Signal::SIGKILL).expect("it lives");
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(0), "{output}");
    let last = output.lines().last().expect("it has printed its figures");
    let report = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {output}"));
    assert_eq!((number(&report, "kills_from_outside"), number(&report, "recoveries")), (1, 1), "{report}");
}

#[test]
fn its_processes_die_with_it_and_the_next_one_removes_their_objects() {
    // Another test's demo may be the one that removes them; one that sees ours say so is enough.
    let said = (0..20).any(|_| {
        let mut killed = Running::start(&["demo", "--seconds", "100", "--kill-every-ms", "20"]);
        let pid = killed.pid();
        killed.hear("  1 s ");
        killed.signal(Signal::SIGKILL);
        killed.finish();
        wait_for("its processes to die", || processes_of("demo", pid).is_empty().then_some(()));

        let output = run(&["demo", "--seconds", "1"]);
        assert_eq!(output.status.code(), Some(0));
        wait_for("its objects to go", || objects_of("demo", pid).is_empty().then_some(()));
        let errors = String::from_utf8_lossy(&output.stderr);
        errors.lines().any(|line| line.contains(&format!("demo.{pid}-")) && line.contains("which was killed"))
    });
    assert!(said);
}

#[test]
fn a_demo_leaves_nothing() {
    let running = Running::start(&["demo", "--seconds", "1", "--kill-every-ms", "5"]);
    let pid = running.pid();
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains("clean"), "{output}");
    assert_nothing_left("demo", pid);
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    let wrong = [
        ["--processes", "0"],
        ["--processes", "1"],
        ["--processes", "65"],
        ["--processes", "99999999999999999999"],
        ["--payload", "31"],
        ["--payload", "67108865"],
        ["--payload", "18446744073709551616"],
        ["--seconds", "0"],
        ["--seconds", "18446744073709551615"],
        ["--kill-every-ms", "3600001"],
        ["--kill-every-ms", "-1"],
        ["--seed", "x"],
        ["--break", "everything"],
    ];
    for arguments in wrong {
        let output = run(&["demo", arguments[0], arguments[1]]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(arguments[1]), "{arguments:?}: {errors}");
    }
    let output = run(&["demo", "--seconds", "604800", "--kill-every-ms", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("2000000 kills"));
    assert_eq!(run(&["demo", "surplus"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn a_demo_that_does_not_fit_says_what_to_do() {
    // The largest demo needs 260 GiB.
    let running = Running::start(&["demo", "--processes", "64", "--payload", "67108864", "--seconds", "1"]);
    let pid = running.pid();
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("/dev/shm"), "{output}");
    assert_nothing_left("demo", pid);
}

#[test]
fn help_has_examples() {
    for command in ["demo", "exchange"] {
        let output = run(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("Examples:") && text.contains("Exit code:"), "{text}");
        let explained = ["killed publishing  ", "time  ", "with process start  ", "130 ended by q"];
        assert!(command != "demo" || explained.iter().all(|words| text.contains(words)), "{text}");
        assert!(!text.contains("--break") && !text.contains("--supervisor"), "{text}");
    }
}
