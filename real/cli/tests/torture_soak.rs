//! What is tortured at random moments: the figures, the exit codes, what is left behind, and that each check can fail.

mod common;

use common::{Running, assert_nothing_left, json, objects_of, run};
use lastword::status::Writer;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn number(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("{field} is no number in {report}"))
}

#[test]
fn processes_that_are_killed_as_they_start_keep_nobody_from_starting() {
    let output = run(&["torture", "startup", "--runs", "200", "--json", "--seed", "7"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!((number(&report, "runs"), number(&report, "seed")), (200, 7));
    assert_eq!((number(&report, "stuck"), number(&report, "left_behind")), (0, 0), "{report}");
    let hits = ["killed_before", "killed_during", "killed_after"].map(|hit| number(&report, hit));
    assert_eq!(hits.iter().sum::<u64>(), 200, "{report}");
    assert!(hits[0] > 0 && hits[2] > 0, "{report}");
    assert!(report["start_ms_p50"].as_f64() <= report["start_ms_max"].as_f64(), "{report}");
}

#[test]
fn a_process_that_cannot_start_and_an_object_that_stays_are_reported() {
    for (fault, counter) in [("stuck", "stuck"), ("left-behind", "left_behind")] {
        let output = run(&["torture", "startup", "--runs", "20", "--json", "--break", fault]);
        let report = json(&output);
        assert!(number(&report, counter) > 0, "{report}");
        assert!(report["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty()), "{report}");
        assert_eq!(output.status.code(), Some(1), "{report}");
    }
}

#[test]
fn ctrl_c_ends_the_killing_of_starts_with_its_report_and_nothing_is_left() {
    let mut running = Running::start(&["torture", "startup", "--runs", "1000000", "--json"]);
    let pid = running.pid();
    running.hear("startup.");
    running.hear(" ");
    running.signal(Signal::SIGINT);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(output.contains("ended by signal 2") && output.contains("\"killed_during\":"), "{output}");
    assert_nothing_left("startup", pid);
}

const BREACHES: [&str; 7] = ["torn", "went_back", "stale", "lost", "stranded", "lost_roles", "held_up"];

/// A directory for evidence, which is not there yet.
fn evidence(of: &str) -> String {
    let directory = format!("{}/soak-{of}-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let _ = fs::remove_dir_all(&directory);
    directory
}

#[test]
fn processes_that_are_killed_and_stopped_and_hand_roles_around_read_what_they_should() {
    for more in [&["--processes", "6"][..], &["--processes", "3", "--payload", "0"], &["--payload", "100000"]] {
        let directory = evidence("clean");
        let arguments = ["torture", "soak", "--seconds", "3", "--json", "--seed", "5", "--evidence", &directory];
        let output = run(&[&arguments, more].concat());
        let report = json(&output);
        assert_eq!(output.status.code(), Some(0), "{report}");
        for counter in BREACHES {
            assert_eq!(number(&report, counter), 0, "{counter} in {report}");
        }
        for counter in ["kills", "stops", "restarts", "role_changes", "roles_given_up"] {
            assert!(number(&report, counter) > 0, "no {counter} in {report}");
        }
        for counter in ["published", "acquired", "peeked", "sent", "received", "waits", "boards_set", "boards_read"] {
            assert!(number(&report, counter) > 0, "no {counter} in {report}");
        }
        assert!(number(&report, "recovery_us_p50") <= number(&report, "recovery_us_max"), "{report}");
        assert!(report["evidence"].is_null() && !fs::exists(&directory).expect("it can be looked for"), "{report}");
    }
}

#[test]
fn every_breach_of_a_soak_is_found_and_its_evidence_saved() {
    let faults = [
        ("torn", "torn"),
        ("went-back", "went_back"),
        ("stale", "stale"),
        ("lost", "lost"),
        ("lost-role", "lost_roles"),
        ("held-up", "held_up"),
        ("stranded", "stranded"),
    ];
    for (fault, counter) in faults {
        // Who finds a fault first may see another side of it: a message that is too old is stale to a new reader.
        assert!((0..20).any(|_| number(&soak_with(fault), counter) > 0), "{fault} was never counted as {counter}");
    }
}

/// The report of a soak with a fault, whose breach and evidence are asserted.
fn soak_with(fault: &str) -> Value {
    let directory = evidence(fault);
    let arguments = ["torture", "soak", "--seconds", "100", "--json", "--break", fault, "--evidence", &directory];
    let running = Running::start(&arguments);
    let pid = running.pid();
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(1), "{output}");
    assert_nothing_left("soak", pid);
    let last = output.lines().rfind(|line| line.starts_with('{')).expect("it has printed its figures");
    let report: Value = serde_json::from_str(last).expect("they are JSON");
    assert!(BREACHES.iter().any(|counter| number(&report, counter) > 0), "{output}");

    let saved = Path::new(report["evidence"].as_str().expect("it was saved"));
    let log = fs::read_to_string(saved.join("log.txt")).expect("a log is saved");
    assert!(log.contains("start 0, generation 1"), "{log}");
    let again = fs::read(saved.join("report.json")).expect("a report is saved");
    let again: Value = serde_json::from_slice(&again).expect("it is JSON");
    assert_eq!(again["seed"], report["seed"]);
    let images = fs::read_dir(saved).expect("it is a directory").filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("lastword-soak."))
    });
    assert!(images.count() > 0, "{log}");
    fs::remove_dir_all(saved).expect("nobody else has it");
    report
}

#[test]
fn ctrl_c_ends_a_soak_with_its_report_and_nothing_is_left() {
    let mut running = Running::start(&["torture", "soak", "--seconds", "100000", "--json"]);
    let pid = running.pid();
    // A line of progress.
    running.hear("   ");
    assert!(!objects_of("soak", pid).is_empty());
    running.signal(Signal::SIGINT);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(output.contains("ended by signal 2") && output.contains("\"stranded\":0"), "{output}");
    assert_nothing_left("soak", pid);
}

#[test]
fn garbage_in_shared_memory_makes_errors_and_nothing_worse() {
    let output = run(&["torture", "hostile", "--seconds", "4", "--json", "--seed", "3"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(["panics", "crashes", "hangs"].map(|counter| number(&report, counter)), [0; 3], "{report}");
    assert!(number(&report, "writes") > 0 && number(&report, "operations") > 0, "{report}");
    let restored = number(&report, "restored");
    assert!(restored >= 3 && restored == number(&report, "to_restore"), "{report}");
    assert_eq!(restored, number(&report, "recovered") + number(&report, "recreated"));
    let errors = report["errors"].as_object().expect("errors by their kinds");
    for kind in ["attach.Header", "publish.Corrupt", "get.NotOfKind"] {
        assert!(errors.get(kind).is_some_and(|count| count.as_u64() > Some(0)), "no {kind} in {report}");
    }
}

#[test]
fn a_panic_a_crash_a_hang_and_what_does_not_work_again_are_reported() {
    let faults = [("panic", "panics"), ("crash", "crashes"), ("hang", "hangs")];
    for (fault, counter) in faults {
        let output = run(&["torture", "hostile", "--seconds", "1", "--json", "--break", fault]);
        let report = json(&output);
        assert_eq!((output.status.code(), number(&report, counter)), (Some(1), 1), "{report}");
    }
    let output = run(&["torture", "hostile", "--seconds", "1", "--json", "--break", "unrestored"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(number(&report, "to_restore") - number(&report, "restored"), number(&report, "rounds"), "{report}");
}

#[test]
fn ctrl_c_ends_the_vandalism_with_its_report_and_nothing_is_left() {
    let mut running = Running::start(&["torture", "hostile", "--seconds", "100000", "--json"]);
    let pid = running.pid();
    // The first round is over.
    running.hear("   ");
    running.signal(Signal::SIGINT);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(output.contains("ended by signal 2") && output.contains("\"restored\":"), "{output}");
    assert_nothing_left("hostile", pid);
}

#[test]
fn what_cannot_be_tortured_is_a_usage_error_and_help_has_examples() {
    let wrong = [
        ["startup", "--runs", "0"],
        ["soak", "--seconds", "0"],
        ["soak", "--processes", "1"],
        ["soak", "--processes", "19"],
        ["soak", "--payload", "-1"],
        ["hostile", "--seconds", "x"],
    ];
    for arguments in wrong {
        let output = run(&[&["torture"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    for command in [&["torture", "startup"][..], &["torture", "soak"], &["torture", "hostile"], &["clean"]] {
        let output = run(&[command, &["--help"]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("Examples:") && text.contains("Exit code:"), "{text}");
        assert!(!text.contains("--break") && !text.contains("--supervisor"), "{text}");
    }
    let text = String::from_utf8_lossy(&run(&["torture", "--help"]).stdout).into_owned();
    assert!(["startup", "soak", "hostile"].iter().all(|command| text.contains(command)), "{text}");
    assert!(!text.contains("worker") && !text.contains("vandal"), "{text}");
}

/// What `lastword clean` says of objects whose names begin so.
fn clean(prefix: &str, more: &[&str]) -> Value {
    let output = run(&[&["clean", prefix, "--json"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    json(&output)
}

fn objects(list: &Value) -> Vec<&str> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|object| object["object"].as_str().or(object.as_str()).expect("a name"))
        .collect()
}

#[test]
fn what_nobody_uses_is_removed_and_nothing_else() {
    let prefix = format!("test-clean-{}.", std::process::id());
    let names = ["used", "unused"].map(|name| format!("{prefix}{name}"));
    let board = |name: &str| Writer::create(name, 1, 0o600).expect("nobody has it");
    let used = board(&names[0]);
    drop(board(&names[1]));
    let channel = lastword::Channel::<u64>::new(&names[1]).expect("a name");
    drop(channel.producer().expect("nobody has it"));

    let there = |kind: &str, name: &str| format!("/lastword-{name}.{kind}");
    let unused = [there("data", &names[1]), there("locks", &names[1]), there("status", &names[1])];
    let left = [there("status", &names[0])];
    let looked = clean(&prefix, &["--dry-run"]);
    assert_eq!(
        (objects(&looked["removed"]), objects(&looked["left"])),
        (unused.iter().map(String::as_str).collect(), vec![left[0].as_str()])
    );
    let removed = clean(&prefix, &[]);
    assert_eq!((&removed["removed"], objects(&removed["left"])), (&looked["removed"], vec![left[0].as_str()]));
    assert!(
        removed["left"][0]["reason"].as_str().is_some_and(|reason| reason.contains("the role of writer is held by"))
    );
    drop(used);
    assert_eq!(objects(&clean(&prefix, &[])["removed"]), [left[0].as_str()]);
    assert_eq!(objects(&clean(&prefix, &[])["removed"]), [] as [&str; 0]);
}

#[test]
fn what_belongs_to_a_running_demo_stays_even_where_nobody_has_it() {
    let mut running = Running::start(&["demo", "--seconds", "100", "--kill-every-ms", "5"]);
    running.hear("  1 s ");
    let prefix = format!("demo.{}-", running.pid());
    let before = objects_of("demo", running.pid());
    for more in [&["--dry-run"][..], &[]] {
        assert_eq!(objects(&clean(&prefix, more)["removed"]), [] as [&str; 0]);
    }
    assert_eq!(objects_of("demo", running.pid()), before);
    running.signal(Signal::SIGINT);
    let pid = running.pid();
    running.finish();
    assert_nothing_left("demo", pid);
}
