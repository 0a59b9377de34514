//! The command, with what needs no Java.

mod common;

use common::{Scratch, command, fixtures, rows, run, run_of, stderr};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PASS: &str = "expected = \"pass\"\ndistinct_states = 8\ndepth = 4\n";

#[test]
fn a_row_has_what_its_readers_need() {
    let scratch = Scratch::new("row");
    let (output, rows) = scratch.rows(&run("counter", "Counter", "tla-checker", PASS));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(rows.len(), 1);
    let text = ["name", "spec", "config", "engine", "expected", "result"].map(|key| rows[0][key].as_str());
    assert_eq!(text.map(Option::unwrap), ["counter", "Counter", "Counter", "tla-checker", "pass", "pass"]);
    assert_eq!(rows[0]["ok"], true);
    assert_eq!(rows[0]["distinct_states"], 8);
    assert_eq!(rows[0]["depth"], 4);
    assert!(rows[0]["seconds"].is_f64());
    assert!(rows[0]["violated"].is_null());
}

#[test]
fn a_violated_invariant_is_named_and_told_state_by_state_where_nothing_should_be_violated() {
    let scratch = Scratch::new("violated");
    let (output, rows) = scratch.rows(&run("counter", "CounterTooFar", "tla-checker", PASS));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((&rows[0]["result"], &rows[0]["violated"]), (&"fail".into(), &"InRange".into()));
    assert_eq!(rows[0]["ok"], false);
    let told = stderr(&output);
    assert!(told.contains("InRange is violated, and nothing should be"), "{told}");
    assert!(told.contains("UpTwo") && told.contains("n    = 4"), "{told}");
}

#[test]
fn another_invariant_than_the_one_that_must_be_violated_does_not_count() {
    let scratch = Scratch::new("another");
    let rest = "expected = \"fail\"\nviolates = \"InRange\"\n";
    let (output, rows) = scratch.rows(&run("counter", "CounterBelowTwo", "tla-checker", rest));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(rows[0]["why"], "BelowTwo is violated, and InRange should be");
}

#[test]
fn a_run_that_passes_and_should_fail_makes_the_command_fail() {
    let scratch = Scratch::new("passes");
    let rest = "expected = \"fail\"\nviolates = \"Refines\"\n";
    let (output, rows) = scratch.rows(&run("counter", "Counter", "tla-checker", rest));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(rows[0]["result"], "pass");
    assert_eq!(rows[0]["why"], "everything holds, and Refines should be violated");
}

#[test]
fn other_counts_than_the_pinned_ones_are_wrong_and_both_are_told() {
    let scratch = Scratch::new("counts");
    for (rest, why) in [
        ("distinct_states = 9\ndepth = 4\n", "distinct states: found 8, expected 9;"),
        ("distinct_states = 8\ndepth = 5\n", "depth: found 4, expected 5;"),
    ] {
        let rest = format!("expected = \"pass\"\n{rest}");
        let (output, rows) = scratch.rows(&run("counter", "Counter", "tla-checker", &rest));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!((&rows[0]["result"], &rows[0]["ok"]), (&"pass".into(), &false.into()));
        assert!(rows[0]["why"].as_str().is_some_and(|said| said.starts_with(why) && said.contains("--bless")));
    }
}

#[test]
fn what_does_not_parse_or_cannot_be_evaluated_is_an_error_even_where_a_failure_is_expected() {
    let scratch = Scratch::new("error");
    let fail = |name| format!("expected = \"fail\"\nviolates = \"{name}\"\n");
    let runs = [
        run_of("Syntax", "syntax", "Syntax", "tla-checker", &fail("InRange")),
        run("sum", "CounterSum", "tla-checker", &fail("Sum")),
    ];
    let (output, rows) = scratch.rows(&runs.concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["result"] == "error" && row["ok"] == false), "{rows:?}");
}

#[test]
fn a_promise_is_seen_into_in_both_of_its_spellings_and_never_if_it_speaks_of_the_wrong_variables() {
    let scratch = Scratch::new("promise");
    let counter = fs::read_to_string(scratch.path.join("tla/Counter.tla")).expect("the fixture");
    let spelled =
        counter.replace("Refines == Promise!Spec", "Refines == Promise!Init /\\ [][Promise!Next]_(Promise!vars)");
    assert_ne!(counter, spelled);
    let fail = "expected = \"fail\"\nviolates = \"Refines\"\n";
    let runs =
        [run("counter", "Counter", "tla-checker", PASS), run("skips", "CounterSkips", "tla-checker", fail)].concat();
    for module in [&counter, &spelled] {
        scratch.write("tla/Counter.tla", module);
        let (output, rows) = scratch.rows(&runs);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(rows[1]["violated"], "Refines");
    }
    let clock = fs::read_to_string(scratch.path.join("tla/Clock.tla")).expect("the fixture");
    let unchanged = clock.replace("Tick ==", "Stop == UNCHANGED time\nTick ==").replace("Wrap\n", "Wrap \\/ Stop\n");
    scratch.write("tla/Clock.tla", &unchanged);
    let (output, rows) = scratch.rows(&runs);
    assert_eq!(output.status.code(), Some(1));
    assert!(rows.iter().all(|row| row["result"] == "error"), "{rows:?}");
    assert!(stderr(&output).contains("has UNCHANGED, in which tla-checker does not substitute"), "{}", stderr(&output));
    // A property whose formula hides what happens is refused, not taken for a predicate.
    scratch.write("tla/Clock.tla", &clock.replace("Spec == Init /\\ [][Next]_vars", "Spec == [][Next]_vars /\\ Init"));
    scratch.write("tla/Counter.tla", &counter);
    let (_, rows) = scratch.rows(&runs);
    assert!(rows.iter().all(|row| row["result"] == "error"), "{rows:?}");
}

#[test]
fn blessed_counts_are_pinned_and_everything_else_in_the_manifest_stays_as_it_is() {
    let scratch = Scratch::new("bless");
    let before = format!(
        "# What is run.\n\n{}{}",
        run("counter", "Counter", "tla-checker", "expected = \"pass\"\ndistinct_states = 1 # why\n"),
        run("few", "CounterFew", "tla-checker", "expected = \"pass\"\ndistinct_states = 9\ndepth = 9\n"),
    );
    scratch.write("runs.toml", &before);
    let output = scratch.command().args(["--bless", "--only", "counter"]).output().expect("the command");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let after = fs::read_to_string(scratch.manifest()).expect("the manifest");
    assert_eq!(after, before.replace("distinct_states = 1 # why\n", "distinct_states = 8 # why\ndepth = 4\n"));
    assert!(scratch.command().args(["--only", "counter"]).output().expect("the command").status.success());
}

#[test]
fn a_run_that_is_violated_is_never_blessed() {
    let scratch = Scratch::new("not-blessed");
    let manifest = run("counter", "CounterTooFar", "tla-checker", PASS);
    scratch.write("runs.toml", &manifest);
    let output = scratch.command().arg("--bless").output().expect("the command");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_to_string(scratch.manifest()).expect("the manifest"), manifest);
}

#[test]
fn a_manifest_with_a_mistake_runs_nothing_and_every_mistake_is_told() {
    let scratch = Scratch::new("mistakes");
    let fail = "expected = \"fail\"\n";
    let two = "CONSTANTS\n    Max = 3\n    Processes = {p1}\nSPECIFICATION Spec\nPROPERTIES Refines AlwaysComesBack\n";
    scratch.write("tla/Two.cfg", two);
    scratch.write("tla/Nothing.cfg", "CONSTANTS\n    Max = 3\n    Processes = {p1}\nSPECIFICATION Spec\n");
    for (manifest, mistake) in [
        (String::new(), "there is no [[run]]"),
        (run("a", "Counter", "tlc", "expected = \"pass\"\n"), "a: distinct_states and depth are not pinned"),
        (run("a", "Counter", "tlc", fail), "a: violates: what must be violated is not said"),
        (run("a", "Counter", "tlc", &format!("{fail}violates = \"Sum\"\n")), "names no invariant or property Sum"),
        (run("a", "Two", "tlc", &format!("{fail}violates = \"Refines\"\n")), "must be the only property"),
        (run("a", "Counter", "tlc", &format!("{PASS}violates = \"InRange\"\n")), "a: violates: expected is pass"),
        (run("a", "Counter", "tlc", PASS).repeat(2), "a: there are two runs of this name"),
        (run("a", "Nowhere", "tlc", PASS), "Nowhere.cfg: No such file"),
        (run("a", "Nothing", "tlc", PASS), "nothing could fail"),
        (run_of("Nowhere", "a", "Counter", "tlc", PASS), "there is no"),
        (run("a", "Counter", "tcl", PASS), "unknown variant `tcl`"),
        (run("a", "Counter", "tlc", &format!("{PASS}quik = true\n")), "unknown field `quik`"),
    ] {
        let (output, rows) = scratch.rows(&manifest);
        assert_eq!(output.status.code(), Some(1), "{mistake}");
        assert!(rows.is_empty(), "{mistake}");
        assert!(stderr(&output).contains(mistake), "{mistake}: {}", stderr(&output));
    }
}

#[test]
fn a_tool_that_is_missing_is_told_with_what_to_do_and_nothing_is_run() {
    let scratch = Scratch::new("missing");
    scratch.write("runs.toml", &run("counter", "Counter", "tlc", PASS));
    let set = |variables: &[(&'static str, &'static str)]| variables.to_vec();
    let cases = [
        (
            set(&[("LASTWORD_JAVA", "/nonexistent")]),
            ["LASTWORD_JAVA is /nonexistent, which is no file", "apt install default-jre"],
        ),
        (
            set(&[("LASTWORD_JAVA", ""), ("JAVA_HOME", "/nonexistent"), ("PATH", "")]),
            ["JAVA_HOME is set, but /nonexistent/bin/java is no file; no directory of PATH", "apt install default-jre"],
        ),
    ];
    for (variables, told) in cases {
        let output = scratch.command().args(["--json", "--offline"]).envs(variables).output();
        let output = output.expect("the command");
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert!(stderr(&output).contains("there is no Java"), "{}", stderr(&output));
        assert!(told.iter().all(|told| stderr(&output).contains(told)), "{}", stderr(&output));
    }
    let any_file = scratch.manifest();
    let mut command = scratch.command();
    command.arg("--offline").env("LASTWORD_JAVA", &any_file).env_remove("LASTWORD_TLA2TOOLS");
    let output = command.output().expect("the command");
    assert_eq!(output.status.code(), Some(1));
    for told in ["no TLC", "LASTWORD_TLA2TOOLS is not set", "nothing may be downloaded", "pip"] {
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    let output = command.env("LASTWORD_TLA2TOOLS", "/nonexistent").output().expect("the command");
    assert!(stderr(&output).contains("LASTWORD_TLA2TOOLS is /nonexistent, which is no file"), "{}", stderr(&output));
}

#[test]
fn the_list_needs_no_tools_and_names_every_run() {
    let output = command(&fixtures().join("runs.toml")).args(["--list", "--json"]).env("PATH", "").output();
    let rows = rows(&output.expect("the command"));
    assert_eq!(rows.len(), 10);
    assert_eq!(rows[0]["name"], "counter");
    assert_eq!(rows[9]["violates"], "RefinesLater");
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [&["--only", "nothing"][..], &["--engine", "nothing"], &["--nothing"]] {
        let output = command(&fixtures().join("runs.toml")).args(arguments).output().expect("the command");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn ctrl_c_ends_a_search_that_has_no_end() {
    let scratch = Scratch::new("ctrl-c");
    scratch.write(
        "tla/Counter.cfg",
        "CONSTANTS\n    Max = 1000000000\n    Processes = {p1}\nSPECIFICATION Spec\nINVARIANT InRange\n",
    );
    scratch.write("runs.toml", &run("counter", "Counter", "tla-checker", PASS));
    let mut command = scratch.command();
    let child = command.args(["--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command");
    // The signal is caught as soon as the thread of tla-checker is there.
    let tasks = format!("/proc/{}/task", child.id());
    let begun = Instant::now();
    while fs::read_dir(&tasks).map_or(0, Iterator::count) < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
    assert!(kill.expect("a shell").success());
    let output = child.wait_with_output().expect("the command");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}
