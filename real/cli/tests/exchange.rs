//! The exchange, driven through its standard input and on a terminal.

mod common;

use common::{OnTerminal, Running, assert_nothing_left, lastword, processes_of, run, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

const FAST: [&str; 2] = ["--interval-ms", "20"];

fn exchange(of: &str) -> Running {
    Running::start(&["exchange", of, FAST[0], FAST[1]])
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

#[test]
fn everybody_writes_and_reads_what_others_wrote() {
    let mut running = exchange("3");
    let pid = running.pid();
    running.hear("0: write 5");
    for from in 0..3 {
        for process in (0..3).filter(|&process| process != from) {
            assert!(number(&running.hear(&format!("{process}: read info from {from}: "))) > 0);
        }
    }
    running.tell("q");
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(0), "{output}");
    assert_nothing_left("exchange", pid);
}

#[test]
fn nobody_reads_anything_before_the_first_write() {
    let mut running = Running::start(&["exchange", "2", "--interval-ms", "1"]);
    // One of the two is the first.
    running.hear("0: write 1");
    running.tell("q");
    let (_, output) = running.finish();
    assert!(output.contains(": read info from 0: empty") || output.contains(": read info from 1: empty"), "{output}");
}

#[test]
fn a_process_that_somebody_else_kills_disturbs_nobody() {
    let mut running = exchange("2");
    running.hear("0: write 3");
    let victim = *processes_of("exchange", running.pid()).first().expect("it has processes");
    kill(Pid::from_raw(victim as i32), Signal::SIGKILL).expect("it lives");
    let killed = wait_for("the kill to be noticed", || {
        let line = running.hear("");
        (0..2).find(|process| line.starts_with(&format!("{process}: killed from outside")))
    });
    running.hear(&format!("{}: write ", 1 - killed));
    running.tell(&killed.to_string());
    running.hear(&format!("{killed}: continues from "));
    let pid = running.pid();
    running.tell("q");
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(0), "{output}");
    assert_nothing_left("exchange", pid);
}

#[test]
fn a_killed_process_is_started_again_and_continues_from_its_last_number() {
    let mut running = exchange("3");
    running.hear("1: write 5");
    running.tell("k 1");
    running.hear("1: killed");
    // A second kill of the dead changes nothing; the others go on.
    running.tell("k 1");
    running.hear("0: write ");
    running.hear("2: write ");
    running.tell("1");
    running.hear("1: started again");
    let last = number(&running.hear("1: continues from "));
    assert!(last >= 5);
    assert_eq!(number(&running.hear("1: write ")), last + 1);
    // A bare number kills, too.
    running.tell("2");
    running.hear("2: killed");
    running.tell("9");
    running.hear("\"9\" is no command");
    running.close_stdin();
    running.hear("0: write ");
    let pid = running.pid();
    running.signal(Signal::SIGTERM);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(143), "{output}");
    assert_nothing_left("exchange", pid);
}

#[test]
fn a_restarted_process_reads_again_what_it_held() {
    let mut running = exchange("2");
    running.hear("1: write 3");
    // Whether it holds a lock when it is killed is a matter of chance.
    let held = (0..200).find_map(|_| {
        running.tell("1");
        running.hear("1: killed");
        running.tell("1");
        let line = std::iter::repeat_with(|| running.hear("1: "))
            .find(|line| line.starts_with("still held ") || line.starts_with("read info"))?;
        line.strip_prefix("still held ").map(str::to_owned)
    });
    let held = held.expect("sometimes a lock is held");
    let (message, from) = held.split_once(" from ").expect("it says from whom");
    assert!(number(message) > 0);
    assert_eq!(from, "0");
    running.tell("q");
    assert_eq!(running.finish().0.code(), Some(0));
}

#[test]
fn lines_that_are_no_commands_end_nothing_and_those_after_them_are_obeyed() {
    let mut running = exchange("2");
    let pid = running.pid();
    running.hear("1: write 2");
    running.tell_bytes(b"\xff\xfe 0\n");
    running.hear("\"\u{fffd}\u{fffd} 0\" is no command");
    running.tell(&"x".repeat(3 << 20));
    running.hear(&format!("\"{}\"... is no command", "x".repeat(40)));
    running.tell("q");
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(0), "{output}");
    assert_nothing_left("exchange", pid);
}

#[test]
fn commands_without_end_take_little_memory_and_hide_no_signal() {
    let mut running = exchange("2");
    let pid = running.pid();
    running.hear("1: write 2");
    let yes = running.flood();
    for _ in 0..10_000 {
        running.hear("\"y\" is no command");
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel counts");
    let kib = number(resident.trim().trim_end_matches(" kB"));
    assert!(kib < 64 << 10, "{kib} KiB");
    running.signal(Signal::SIGTERM);
    let (status, _) = running.finish();
    assert_eq!(status.code(), Some(143));
    yes.join().expect("it ends with who reads");
    assert_nothing_left("exchange", pid);
}

#[test]
fn it_ends_by_itself_after_its_time() {
    let running = Running::start(&["exchange", "4", FAST[0], FAST[1], "--seconds", "1"]);
    let pid = running.pid();
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(0), "{output}");
    assert_nothing_left("exchange", pid);
}

#[test]
fn its_processes_die_with_it() {
    let mut running = exchange("3");
    let pid = running.pid();
    running.hear("2: write 2");
    assert_eq!(processes_of("exchange", pid).len(), 3);
    running.signal(Signal::SIGKILL);
    running.finish();
    wait_for("its processes to die", || processes_of("exchange", pid).is_empty().then_some(()));
    assert!(run(&["exchange", "2", FAST[0], FAST[1], "--seconds", "1"]).status.success());
    wait_for("its objects to go", || common::objects_of("exchange", pid).is_empty().then_some(()));
}

#[test]
fn processes_started_by_hand_wait_for_each_other() {
    let session = format!("by-hand-{}", std::process::id());
    let start = |index| Running::start(&["exchange", "2", "--session", &session, "--index", index, FAST[0], FAST[1]]);
    let mut first = start("0");
    first.hear("0: waits for 1");
    let mut second = start("1");
    first.hear("0: write 2");
    second.hear("1: write 2");
    drop(second);
    let mut second = start("1");
    assert!(number(&second.hear("1: continues from ")) >= 2);
    drop((first, second));
    let removed = lastword::remove_unused(&format!("{session}.")).expect("objects can be removed");
    assert_eq!(removed.len(), 2 * 3, "two channels of two objects, and two boards");
}

#[test]
fn three_terminals_exchange_while_processes_are_killed_and_started_again_and_the_last_one_removes_all() {
    let session = format!("by-hand-{}-terminals", std::process::id());
    let start = |index| {
        OnTerminal::start(&["exchange", "--index", index, "--of", "3", "--session", &session, FAST[0], FAST[1]])
    };
    let [mut zero, mut one] = ["0", "1"].map(start);
    zero.hear("0: is process ");
    zero.hear("0: waits for ");
    one.hear("1: waits for ");
    let mut two = start("2");
    for (index, terminal) in [&mut zero, &mut one, &mut two].into_iter().enumerate() {
        terminal.hear(&format!("{index}: write 3\r\n"));
    }

    one.signal(Signal::SIGKILL);
    assert_eq!(one.end(), None);
    zero.hear("0: 1 is gone");
    two.hear("2: 1 is gone");
    zero.hear("0: write ");
    // A second one of it is refused while it lives, and not when it does not.
    let mut again = start("2");
    again.hear("lives");
    assert_eq!(again.end(), Some(1));
    let mut one = start("1");
    one.hear("1: continues from ");
    one.hear("1: write ");
    zero.hear("0: 1 is back");

    two.press(CTRL_C);
    two.hear("its objects stay until the last one leaves");
    assert_eq!(two.end(), Some(130));
    // Killed, nobody tidies up after it: the last one does.
    one.signal(Signal::SIGKILL);
    one.end();
    zero.hear("0: write ");
    zero.press(CTRL_C);
    zero.hear("all objects");
    assert_eq!(zero.end(), Some(130));
    let left = lastword::objects(&format!("{session}.")).expect("objects can be listed");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn one_that_waits_for_others_ends_by_ctrl_c_and_after_its_time() {
    let session = format!("by-hand-{}-waiting", std::process::id());
    let arguments = ["exchange", "--index", "0", "--of", "2", "--session", &session];
    let mut terminal = OnTerminal::start(&arguments);
    terminal.hear("0: waits for 1");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(130));
    let output = run(&[&arguments[..], &["--seconds", "1"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(lastword::objects(&session).expect("objects can be listed").is_empty());
}

#[test]
fn who_fails_or_is_no_longer_listened_to_leaves_nothing() {
    let session = format!("by-hand-{}-failing", std::process::id());
    let arguments = |index, of| ["exchange", "--index", index, "--of", of, "--session", &session, FAST[0], FAST[1]];
    let objects = || lastword::objects(&format!("{session}.")).expect("objects can be listed");
    let mut zero = Running::start(&arguments("0", "3"));
    zero.hear("0: waits for 1");
    let before = objects();
    // Process 3 of 4, where 0 is one of 3.
    let output = run(&arguments("3", "4"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("lastword: "));
    assert_eq!(objects(), before);
    if Uid::effective().is_root() {
        let stranger = lastword().args(arguments("1", "3")).uid(65_534).gid(65_534).output().expect("it runs");
        assert_eq!(stranger.status.code(), Some(1));
        assert_eq!(objects(), before);
    } else {
        eprintln!("NOT TESTED: another user, which needs root");
    }
    zero.signal(Signal::SIGTERM);
    assert_eq!(zero.finish().0.code(), Some(143));
    assert!(objects().is_empty(), "{:?}", objects());

    let mut alone =
        lastword().args(arguments("0", "2")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let mut other = Running::start(&arguments("1", "2"));
    other.hear("1: write 2");
    drop(alone.stdout.take());
    assert_eq!(wait_for("its end", || alone.try_wait().expect("it is a child")).code(), Some(141));
    other.signal(Signal::SIGTERM);
    assert_eq!(other.finish().0.code(), Some(143));
    assert!(objects().is_empty(), "{:?}", objects());
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    let wrong = [&["0"][..], &["1"], &["65"], &["x"], &["3", "--seconds", "0"], &["3", "--interval-ms", "0"]];
    for arguments in wrong {
        let output = run(&[&["exchange"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let by_hand = [
        &["2", "--session", "x", "--index", "2"][..],
        &["--index", "3", "--of", "3"],
        &["--index", "0", "--of", "1"],
        &["--index", "0", "--of", "65"],
        &["3", "--index", "0", "--of", "3"],
        &["--of", "3"],
        &["3", "--session", "x"],
        &["--index", "0", "--of", "2", "--session", ""],
        &["--index", "0", "--of", "2", "--session", "a/b"],
        &["--index", "0", "--of", "2", "--session", &"x".repeat(181)],
    ];
    for arguments in by_hand {
        let output = run(&[&["exchange"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

const CTRL_C: u8 = 3;

#[test]
fn on_a_terminal_keys_kill_and_start_and_the_terminal_is_restored() {
    for last_key in [b'q', CTRL_C] {
        let mut terminal = OnTerminal::start(&["exchange", "3", FAST[0], FAST[1]]);
        let pid = terminal.child.id();
        terminal.hear("1: write 3\r\n");
        assert!(terminal.is_raw());
        terminal.press(b'1');
        terminal.hear("1: killed\r\n");
        terminal.press(b'1');
        terminal.hear("1: continues from ");
        terminal.press(last_key);
        assert_eq!(terminal.end(), Some(0));
        assert!(!terminal.is_raw());
        assert_nothing_left("exchange", pid);
    }
}

#[test]
fn on_a_terminal_a_signal_restores_it_and_more_than_ten_processes_are_refused() {
    let mut terminal = OnTerminal::start(&["exchange", "2", FAST[0], FAST[1]]);
    terminal.hear("1: write 3");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(terminal.child.id() as i32), Signal::SIGTERM).expect("it lives");
    assert_eq!(terminal.end(), Some(143));
    assert!(!terminal.is_raw());

    let mut terminal = OnTerminal::start(&["exchange", "11"]);
    terminal.hear("on a terminal there are 2 to 10");
    assert_eq!(terminal.end(), Some(2));
}

#[test]
fn on_a_terminal_the_demo_shows_a_table_and_gives_the_terminal_back() {
    for (last_key, words, fields) in [
        (b'q', "ended by q", "\"signal\":null,\"quit\":true,"),
        (CTRL_C, "ended by signal 2", "\"signal\":2,\"quit\":false,"),
    ] {
        let mut terminal = OnTerminal::start(&["demo", "--seconds", "100", "--kill-every-ms", "20", "--json"]);
        let pid = terminal.child.id();
        terminal.hear("kill plan: ");
        terminal.hear("recovering");
        assert!(terminal.is_raw());
        terminal.press(last_key);
        terminal.hear(words);
        terminal.hear(fields);
        assert_eq!(terminal.end(), Some(130));
        assert!(!terminal.is_raw());
        assert_nothing_left("demo", pid);
    }
}
