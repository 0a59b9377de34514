//! The command: exit codes, what it prints, and what it refuses.

use serde_json::Value;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lastword-sim")).args(arguments).output().expect("the command runs")
}

fn json(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_search_without_a_violation_ends_with_0() {
    let output = sim(&["search", "slots-1", "--kills", "1", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    let [row] = &json(&output)[..] else { panic!("one object") };
    assert_eq!(row["complete"], true);
    assert_eq!(row["violations"], 0);
    assert_eq!(row["kill_points"], row["kill_points_hit"]);
    assert!(row["kill_points"].as_u64() > Some(30) && row["states"].as_u64() > Some(5000), "{row}");
}

#[test]
fn verify_has_an_object_for_each_search() {
    let output = sim(&["verify", "--quick", "--scenario", "ready-3", "--scenario", "status-2", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    let rows = json(&output);
    assert!(rows.len() >= 6, "{rows:?}");
    for row in &rows {
        for field in [
            "name",
            "model",
            "complete",
            "executions",
            "states",
            "kill_points",
            "kill_points_hit",
            "violations",
            "seconds",
        ] {
            assert!(!row[field].is_null(), "{field}: {row}");
        }
        assert_eq!((&row["complete"], &row["violations"]), (&true.into(), &0.into()), "{row}");
    }
}

#[test]
fn a_violation_ends_with_1_and_its_replay_too() {
    let output =
        sim(&["search", "slots-1", "--kills", "1", "--variant", "a restarted consumer forgets what it held", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", error(&output));
    let row = json(&output).remove(0);
    let (token, violation) = (row["replay"].as_str().expect("a token"), row["violation"].as_str().expect("a promise"));
    let replayed = sim(&["replay", token]);
    assert_eq!(replayed.status.code(), Some(1));
    let text = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert!(text.ends_with(&format!("BROKEN: {violation}\n")), "{text}");
    assert!(text.contains("IS KILLED"), "{text}");
    assert_eq!(sim(&["replay", token]).stdout, replayed.stdout, "byte for byte");
    let events = json(&sim(&["replay", token, "--json"]));
    assert_eq!(events.last().map(|end| &end["violation"]), Some(&violation.into()));
}

#[test]
fn random_runs_are_the_same_by_the_same_seed() {
    let run = || {
        let all = [
            "random",
            "slots-large",
            "--kills",
            "2",
            "--executions",
            "3000",
            "--seed",
            "7",
            "--threads",
            "2",
            "--json",
        ];
        let output = sim(&all);
        assert_eq!(output.status.code(), Some(0), "{}", error(&output));
        let mut row = json(&output).remove(0);
        row["seconds"] = Value::Null;
        row
    };
    let first = run();
    assert_eq!(first["executions"], 3000);
    assert_eq!(first["seed"], 7);
    assert_eq!(first, run());
}

#[test]
fn parts_are_merged_and_a_missing_one_is_missed() {
    let directory = std::env::temp_dir().join(format!("lastword-sim-merge-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory of our own");
    let mut files = Vec::new();
    for part in 0..3 {
        let shard = format!("{part}/3");
        let output = sim(&["random", "slots-1", "--executions", "1000", "--seed", "3", "--shard", &shard, "--json"]);
        let file = directory.join(format!("{part}.json"));
        std::fs::write(&file, &output.stdout).expect("written");
        files.push(file.display().to_string());
    }
    let merged = sim(&["merge", "--json", &files[0], &files[1], &files[2]]);
    assert_eq!(merged.status.code(), Some(0), "{}", error(&merged));
    let row = json(&merged).remove(0);
    assert_eq!((&row["executions"], &row["complete"]), (&1000.into(), &true.into()));
    let missing = sim(&["merge", &files[0], &files[2]]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(error(&missing).contains("parts are missing, of 3: 1"), "{}", error(&missing));
    let twice = sim(&["merge", &files[0], &files[0]]);
    assert_eq!(twice.status.code(), Some(2));
    std::fs::write(directory.join("other"), "not JSON\n").expect("written");
    let other = sim(&["merge", &directory.join("other").display().to_string()]);
    assert_eq!(other.status.code(), Some(2));
    assert!(error(&other).contains("line 1"), "{}", error(&other));
    std::fs::remove_dir_all(&directory).expect("removed");
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_to_do() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["search"], "SCENARIO"),
        (&["search", "no-such"], "`list` shows them"),
        (&["search", "slots-1", "--kills", "256"], "256"),
        (&["search", "slots-1", "--model", "arm"], "sc, tso, pso and weak"),
        (&["search", "slots-1", "--variant", "nonsense"], "list --variants"),
        (&["search", "slots-1", "--shard", "4/4"], "0 to N-1"),
        (&["search", "slots-1", "--shard", "0/0"], "0 to N-1"),
        (&["search", "creation", "--model", "tso"], "use sc"),
        (&["search", "slots-1", "--threads", "0"], "threads"),
        (&["random", "slots-1", "--method", "pct:0"], "pct:3"),
        (&["random", "slots-1", "--dies-one-in", "0"], "dies-one-in"),
        (&["random", "slots-1", "--shard", "0/2"], "--seed"),
        (&["search", "slots-1", "--svg", "/dev/null"], "no plain file"),
        (&["replay", "slots-1,sc,0,bare,,0.0.0.0.0.0.0.0.0-0,"], "not those of this scenario"),
        (&["replay", "nonsense"], "7 parts"),
        (&["replay", "no-such,sc,0,bare,,,"], "`list` shows them"),
        (&["replay", "slots-1,sc,0,bare,,9-0,"], "not those of this scenario"),
        (&["merge", "/no/such/file"], "/no/such/file"),
        (&["verify", "--scenario", "no-such"], "`list` shows them"),
        (&["mutants", "--protocol", "no-such"], "slots, ready, status"),
    ];
    for (arguments, says) in cases {
        let output = sim(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", error(&output));
        assert!(error(&output).contains(says), "{arguments:?}: {}", error(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn extreme_numbers_are_taken_as_they_are() {
    for arguments in [
        &["random", "slots-1", "--executions", "0"][..],
        &["random", "slots-1", "--executions", "1", "--kills", "255", "--dies-one-in", "1"],
        &["random", "ready-3", "--executions", "50", "--seed", "18446744073709551615", "--method", "pct:32"],
        &["random", "slots-1", "--executions", "3", "--threads", "9"],
        &["random", "creation", "--executions", "50", "--kills", "9", "--method", "bursts"],
        &["search", "ready-tried", "--kills", "0", "--threads", "9"],
        &["search", "status-2", "--kills", "1", "--shard", "7/4000"],
        &["random", "slots-1", "--seconds", "0", "--executions", "18446744073709551615"],
    ] {
        let output = sim(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", error(&output));
    }
    let few = sim(&["search", "slots-2", "--states-max", "0"]);
    assert_eq!(few.status.code(), Some(1));
    assert!(error(&few).contains("not everything was searched"), "{}", error(&few));
}

#[test]
fn a_reader_that_goes_away_ends_it_without_a_word() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastword-sim"));
    command.args(["list", "--variants"]).stdout(writer).stderr(Stdio::piped());
    let output = command.spawn().and_then(|child| child.wait_with_output()).expect("the command runs");
    assert_eq!(output.status.code(), Some(141), "{}", error(&output));
    assert!(output.stderr.is_empty(), "{}", error(&output));
}

#[test]
fn a_signal_stops_a_search_cleanly() {
    for arguments in [&["search", "slots-2", "--kills", "3"][..], &["verify", "--scenario", "slots-2"]] {
        let child = Command::new(env!("CARGO_BIN_EXE_lastword-sim"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        std::thread::sleep(Duration::from_millis(300));
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(130), "{arguments:?}: {}", error(&output));
        assert!(error(&output).contains("stopped"), "{}", error(&output));
    }
}

#[test]
fn every_scenario_is_listed_with_its_variants() {
    let rows = json(&sim(&["list", "--variants", "--json"]));
    assert!(rows.len() >= 20, "{}", rows.len());
    for row in rows {
        let variants = row["variants"].as_array().expect("a list");
        assert!(variants.len() >= 5, "{row}");
    }
}
