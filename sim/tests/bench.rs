//! The comparison with loom and shuttle runs, and its objects have the fields that they are to have.

use serde_json::Value;
use std::process::Command;

const BUGS: [&str; 3] = ["no re-check", "slots.scan: SeqCst to Acquire", "a restarted consumer forgets what it held"];

fn bench(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lastword-sim"))
        .args(["bench", "--seconds", "0.05", "--bug-seconds", "0.3"])
        .args(arguments)
        .output()
        .expect("the command runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    // Neither loom nor shuttle says anything of the bugs that they find.
    let is_ours = |line: &str| line.starts_with("round ") || line.starts_with("looking for: ");
    assert!(errors.lines().all(is_ours), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn is_rate(value: &Value) {
    for field in ["executions_per_s", "executions", "seconds"] {
        assert!(value[field].as_f64().is_some_and(|number| number > 0.0), "{field} of {value}");
    }
}

fn has_bugs(value: &Value) {
    for field in ["seconds_to_bug", "executions_to_bug"] {
        let bugs = value[field].as_object().unwrap_or_else(|| panic!("{field} of {value}"));
        assert_eq!(bugs.len(), BUGS.len());
        for bug in BUGS {
            assert!(bugs.get(bug).is_some_and(|found| found.is_null() || found.is_number()), "{bug} of {value}");
        }
    }
}

#[test]
fn there_is_one_object_for_each_engine() {
    let text = bench(&["--json"]);
    let engines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let names: Vec<_> = engines.iter().map(|engine| engine["engine"].as_str()).collect();
    assert_eq!(names, [Some("loom"), Some("shuttle"), Some("lastword")]);
    for engine in &engines {
        is_rate(engine);
        has_bugs(engine);
        assert!(engine["version"].as_str().is_some_and(|version| version.split('.').count() == 3), "{engine}");
    }
    let [loom, shuttle, lastword] = &engines[..] else { unreachable!("there are three") };
    assert!(loom.get("with_kills").is_none());
    is_rate(&shuttle["with_kills"]);
    // Its memory is sequentially consistent.
    assert!(shuttle["seconds_to_bug"]["slots.scan: SeqCst to Acquire"].is_null());
    for field in ["with_kills", "weak", "all_threads", "exhaustive"] {
        is_rate(&lastword[field]);
    }
    assert!(lastword["exhaustive"]["states_per_s"].is_number());
    has_bugs(&lastword["at_random"]);
    for field in ["shuttle", "shuttle_with_kills", "loom", "loom_weak"] {
        assert!(lastword["ratios"][field].as_f64().is_some_and(|ratio| ratio > 0.0), "{field} of {lastword}");
    }
}

#[test]
fn the_table_names_every_engine_and_bug() {
    let text = bench(&[]);
    for name in ["loom 0.", "shuttle 0.", "lastword 0.", "times shuttle's"].iter().chain(&BUGS) {
        assert!(text.contains(name), "{name} in {text}");
    }
}

#[test]
fn nonsense_for_seconds_is_wrong_usage() {
    for seconds in ["0", "-1", "nan", "inf", "soon"] {
        let output = Command::new(env!("CARGO_BIN_EXE_lastword-sim"))
            .args(["bench", &format!("--seconds={seconds}")])
            .output()
            .expect("the command runs");
        assert_eq!(output.status.code(), Some(2), "{seconds}");
    }
}
