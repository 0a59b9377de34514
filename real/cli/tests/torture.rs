//! `lastword torture instructions`: what ships is clean at every instruction, what is broken is found, nothing is left.

mod common;

use common::{Running, assert_nothing_left, run, wait_for};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::process::{Command, Stdio};

/// What every object of the JSON has.
const FIELDS: [&str; 9] = [
    "instructions",
    "distinct_images",
    "distinct_moments",
    "kills",
    "recoveries",
    "nested_kills",
    "predicted",
    "misses",
    "violations",
];

/// The exit code, and an object for each operation.
fn torture(more: &[&str]) -> (Option<i32>, Vec<Value>) {
    torture_in(&[], more)
}

/// The same, with these variables in its environment.
fn torture_in(environment: &[(&str, &str)], more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastword"));
    command.args(["torture", "instructions", "--json", "--evidence", env!("CARGO_TARGET_TMPDIR")]).args(more);
    command.envs(environment.iter().copied());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("it runs");
    assert_nothing_left("torture", pid);
    let text = String::from_utf8_lossy(&output.stdout);
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
    let objects: Vec<Value> = text.lines().map(parse).collect();
    assert!(!objects.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), objects)
}

fn number(object: &Value, field: &str) -> u64 {
    object[field].as_u64().unwrap_or_else(|| panic!("{field} is no number in {object}"))
}

fn names() -> Vec<String> {
    let output = run(&["torture", "instructions", "--list"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_operation_is_clean_wherever_it_is_killed() {
    let (code, objects) = torture(&["--quick"]);
    let found: Vec<_> = objects.iter().map(|object| object["operation"].as_str().unwrap_or_default()).collect();
    assert_eq!(found, names());
    for object in &objects {
        for field in FIELDS {
            number(object, field);
        }
        assert_eq!((number(object, "misses"), number(object, "violations")), (0, 0), "{object}");
        assert!(number(object, "instructions") > 20, "{object}");
        // Each moment has somebody killed, and recovered from; so has each moment of a recovery that is stepped.
        let (moments, nested) = (number(object, "distinct_moments"), number(object, "nested_kills"));
        assert_eq!(number(object, "kills"), moments + nested, "{object}");
        assert_eq!(number(object, "recoveries"), moments + nested, "{object}");
        assert!(moments >= number(object, "distinct_images"), "{object}");
        assert!(nested >= moments.min(2), "{object}");
    }
    assert_eq!(code, Some(0));
}

#[test]
fn real_memory_shows_the_images_that_the_protocol_has_steps_for() {
    let operations = ["acquire-helped", "acquire-slow", "acquire-fast", "release", "status-set", "receive-only"];
    let arguments: Vec<_> = operations.iter().flat_map(|operation| ["--operation", operation]).collect();
    let (code, objects) = torture(&arguments);
    assert_eq!(code, Some(0));
    let images = |operation: &str| {
        let object = objects.iter().find(|object| object["operation"] == operation);
        number(object.unwrap_or_else(|| panic!("{operation} was not run")), "distinct_images")
    };
    // Free, Tentative, a newer message, Claim, then Held by itself; or another newer message, which settles it.
    assert_eq!((images("acquire-fast"), images("acquire-slow"), images("acquire-helped")), (3, 5, 5));
    assert_eq!((images("release"), images("status-set"), images("receive-only")), (2, 2, 1));
}

#[test]
fn waking_and_sleeping_are_moments_of_their_own() {
    let operations = ["receive-from-sleeper", "wait", "wait-overtaken"];
    let arguments: Vec<_> = operations.iter().flat_map(|operation| ["--operation", operation]).collect();
    let (code, objects) = torture(&arguments);
    assert_eq!(code, Some(0));
    let figures = |operation: &str| {
        let object = objects.iter().find(|object| object["operation"] == operation);
        let object = object.unwrap_or_else(|| panic!("{operation} was not run"));
        (number(object, "distinct_images"), number(object, "distinct_moments"))
    };
    // The flag set; cleared; cleared, and the writer woken.
    assert_eq!(figures("receive-from-sleeper"), (2, 3));
    // No note; a note; asleep; asleep with the message there; awake.
    assert_eq!(figures("wait"), (3, 5));
    assert_eq!(figures("wait-overtaken"), (3, 3));
}

#[test]
fn ctrl_c_ends_it_and_leaves_nothing() {
    let running = Running::start(&["torture", "instructions"]);
    let pid = running.pid();
    wait_for("its objects", || (!common::objects_of("torture", pid).is_empty()).then_some(()));
    running.signal(Signal::SIGINT);
    let (status, words) = running.finish();
    assert_eq!(status.code(), Some(130), "{words}");
    assert_nothing_left("torture", pid);
}

#[test]
fn what_a_killed_one_leaves_the_next_one_removes() {
    let mut running = Running::start(&["torture", "instructions"]);
    let pid = running.pid();
    wait_for("its objects", || (!common::objects_of("torture", pid).is_empty()).then_some(()));
    running.signal(Signal::SIGKILL);
    running.child.wait().expect("it is a child");
    // Its own processes die with it.
    wait_for("their deaths", || common::processes_of("torture", pid).is_empty().then_some(()));
    let (code, _) = torture(&["--operation", "status-set"]);
    assert_eq!(code, Some(0));
    assert_nothing_left("torture", pid);
}

#[test]
fn what_cannot_be_run_is_said() {
    let output = run(&["torture", "instructions", "--operation", "no-such"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such"));
    let output = run(&["torture", "instructions", "--break", "no-such"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such"));
}

/// In builds that can break a step.
#[cfg(feature = "broken")]
mod broken {
    use super::{number, torture_in};
    use serde_json::Value;
    use std::process::Command;

    /// A step that is broken, and the operation that shows it.
    const BROKEN: &[(&str, &str)] = &[
        ("payload after publish", "publish"),
        ("the slot is not retired", "publish"),
        ("nothing is published", "publish"),
        ("a restarted producer begins anew", "recover-producer"),
        ("nothing is announced", "acquire-slow"),
        ("no Held before reading", "acquire-fast"),
        ("no Claim on the slow path", "acquire-slow"),
        ("Claim is never settled", "acquire-slow"),
        ("released before reading", "acquire-fast"),
        ("no release", "release"),
        ("a restarted consumer forgets what it held", "recover-consumer-from-held"),
        ("recovery leaves the lock word", "recover-consumer-from-claim"),
        ("flag before payload", "send"),
        ("flag before length", "send"),
        ("the flag is never cleared", "receive"),
        ("a restarted writer begins anew", "recover-sender"),
        ("a restarted reader takes the waiting message for consumed", "recover-receiver"),
        ("nobody is woken", "publish-to-sleeper"),
        ("a restarted producer wakes nobody", "publish-to-sleeper"),
        ("a sleeper leaves no note", "publish-to-sleeper"),
        ("the reader is not woken", "send-to-sleeper"),
        ("the writer is not woken", "receive-from-sleeper"),
        ("a restarted writer does not wake the reader", "send-to-sleeper"),
        ("a restarted reader does not wake the writer", "receive-from-sleeper"),
        ("a sleeping writer leaves no note", "receive-from-sleeper"),
        ("a sleeping reader leaves no note", "send-to-sleeper"),
        ("a word is stored in two halves", "status-set"),
        ("a word is never stored", "status-set"),
        ("anchor-first", "create-channel"),
        ("not-marked", "remove-channel"),
        ("data-stays", "remove-channel"),
    ];

    #[test]
    fn every_broken_step_is_found() {
        let mut not_found = Vec::new();
        for (variant, operation) in BROKEN {
            let (code, objects) = torture_without_backstop(&["--quick", "--break", variant, "--operation", operation]);
            let found = number(&objects[0], "misses") + number(&objects[0], "violations");
            if found == 0 {
                not_found.push((variant, operation));
                continue;
            }
            assert_eq!(code, Some(1), "{variant}");
            let evidence = objects[0]["evidence"].as_str().expect("evidence is saved");
            let saved = std::fs::read_to_string(evidence).expect("it is there");
            let findings: Vec<Value> = serde_json::from_str(&saved).expect("it is JSON");
            assert!(!findings[0]["what"].as_str().unwrap_or_default().is_empty(), "{saved}");
        }
        assert_eq!(not_found, []);
    }

    #[test]
    fn every_sleeper_is_woken_although_none_looks_by_itself() {
        let sleepers = [
            "publish-to-sleeper",
            "send-to-sleeper",
            "receive-from-sleeper",
            "wait",
            "wait-overtaken",
            "receive-sleeping",
            "wait-to-send",
        ];
        let arguments: Vec<_> = sleepers.iter().flat_map(|operation| ["--operation", operation]).collect();
        let (code, objects) = torture_without_backstop(&arguments);
        assert_eq!((code, objects.len()), (Some(0), sleepers.len()), "{objects:?}");
    }

    /// Steps that processes at work or at their start show, one beside the other as they happen to run.
    const BROKEN_AT_WORK: &[(&str, &str)] = &[
        ("a restarted producer begins anew", "soak"),
        ("a restarted consumer forgets what it held", "soak"),
        ("released before reading", "soak"),
        ("no length", "soak"),
        ("length after publish", "soak"),
        ("a restarted writer begins anew", "soak"),
        ("anchor-first", "startup"),
    ];

    #[test]
    fn a_soak_and_a_thousand_starts_find_broken_steps_too() {
        for (variant, command) in BROKEN_AT_WORK {
            let evidence = format!("{}/broken-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
            let arguments: &[&str] = match *command {
                "soak" => &["--seconds", "120", "--evidence", &evidence],
                _ => &["--runs", "2000"],
            };
            let output = Command::new(env!("CARGO_BIN_EXE_lastword"))
                .args(["torture", command, "--json"])
                .args(arguments)
                .env("LASTWORD_BREAK", variant)
                .output()
                .expect("it starts");
            let said = String::from_utf8_lossy(&output.stdout);
            let report: Value = said.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("JSON");
            assert_eq!(output.status.code(), Some(1), "{command} with {variant}: {report}");
            assert!(report["failure"].is_null(), "{command} with {variant}: {report}");
            let _ = std::fs::remove_dir_all(&evidence);
        }
    }

    /// Sleepers sleep until they are woken.
    fn torture_without_backstop(more: &[&str]) -> (Option<i32>, Vec<Value>) {
        torture_in(&[("LASTWORD_BACKSTOP", "none")], more)
    }
}
