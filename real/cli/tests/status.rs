//! The status board, driven as a new user would: a server in one terminal, monitors in others.

mod common;

use common::{Board, OnTerminal, Running, lastword, run, wait_for};
use lastword::Force;
use lastword::status::{self, Definition, Key, Monitor, Writer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde_json::Value;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CTRL_C: u8 = 3;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_monitor_prints_what_the_server_sets_and_ctrl_c_removes_the_board() {
    let board = Board::new("terminals");
    let mut monitor = OnTerminal::start(&["status", "monitor", "--name", &board.0]);
    monitor.hear(&format!("waiting for board {}", board.0));
    let mut server = OnTerminal::start(&["status", "serve", "--name", &board.0, "--interval-ms", "50", "--verbose"]);
    server.hear(&format!("lastword status monitor --name {}", board.0));
    server.hear("user_count: 2, rpc_per_minute: 176 1/min, load: 0.1288888888888889");
    monitor.hear(&format!("process {} serves board {}", server.pid(), board.0));
    for word in ["user_count", "rpc_per_minute", "load", "user_count"] {
        monitor.hear(&format!("{word}: "));
    }
    assert!(monitor.text().contains("\u{1b}[1muser_count: "), "what changed is bold");

    server.press(CTRL_C);
    server.hear(&format!("removed board {}", board.0));
    assert_eq!(server.end(), Some(130));
    assert!(board.is_gone());
    monitor.hear(&format!("process {} of board {} has ", server.pid(), board.0));
    monitor.hear(&format!("board {0} was removed; waiting for board {0}", board.0));
    monitor.press(CTRL_C);
    assert_eq!(monitor.end(), Some(130));
}

#[test]
fn a_killed_server_is_told_and_goes_on_from_its_count() {
    let board = Board::new("killed");
    let serve = || OnTerminal::start(&["status", "serve", "--name", &board.0, "--interval-ms", "20", "--verbose"]);
    let mut monitor = OnTerminal::start(&["status", "monitor", "--name", &board.0, "--interval-ms", "60000"]);
    let mut last = 0;
    for round in 0..3 {
        let mut server = serve();
        if round > 0 {
            server.hear(&format!("going on from user_count {last}, as the server before left it"));
            server.hear(&format!("user_count: {}, ", last + 1));
        }
        monitor.hear(&format!("process {} serves board {}", server.pid(), board.0));
        server.hear(&format!("user_count: {}, ", last + 5));
        let killed = Instant::now();
        server.signal(Signal::SIGKILL);
        assert_eq!(server.end(), None);
        last = Monitor::open(&board.0)
            .expect("it stays")
            .reading(0)
            .expect("it is there")
            .value
            .to_string()
            .parse::<u64>()
            .expect("it is a number");
        // It looks once a minute at the words, and yet it says so at once, with what the server set last.
        monitor.hear(&format!("user_count: {last}"));
        monitor.hear(&format!("process {} of board {} is dead after ", server.pid(), board.0));
        monitor.hear("s; the words are as it left them; waiting for its next server");
        assert!(killed.elapsed() < Duration::from_secs(30), "it was told with the next look at the words");
    }
    monitor.press(CTRL_C);
    assert_eq!(monitor.end(), Some(130));
    // Somebody looks later.
    let once = run(&["status", "monitor", "--name", &board.0, "--once"]);
    assert_eq!(once.status.code(), Some(0));
    assert!(text(&once.stdout).starts_with(&format!("user_count: {last}\n")), "{}", text(&once.stdout));
    let told = text(&once.stderr);
    assert!(told.contains("no process serves board") && told.contains("as they were left by process"), "{told}");
}

#[test]
fn a_server_that_is_followed_at_once_by_another_is_told_too() {
    let board = Board::new("followed");
    let serve = || Running::start(&["status", "serve", "--name", &board.0, "--interval-ms", "20"]);
    let mut server = serve();
    server.hear("serving board ");
    let mut monitor = Running::start(&["status", "monitor", "--name", &board.0]);
    monitor.hear(&format!("process {} serves", server.pid()));
    for _ in 0..5 {
        server.signal(Signal::SIGKILL);
        let (status, _) = server.finish();
        assert_eq!(status.code(), None);
        server = serve();
        server.hear("serving board ");
        monitor.hear(&format!("process {} serves", server.pid()));
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(server.finish().0.code(), Some(143));
    monitor.signal(Signal::SIGTERM);
    assert_eq!(monitor.finish().0.code(), Some(143));
}

#[test]
fn a_board_that_is_removed_and_created_anew_is_found_again_as_json() {
    let board = Board::new("anew");
    let mut definition = Definition::new();
    let engine = definition.word::<f64>("oil", "°C").expect("it is a word");
    let mut writer = Writer::define(&board.0, &definition, 0o600).expect("it is new");
    writer.set(engine, 81.5).expect("it is there");
    let mut monitor = Running::start(&["status", "monitor", "--name", &board.0, "--json", "--interval-ms", "1"]);
    let mut event = |kind: &str| -> Value {
        let rest = monitor.hear(&format!("{{\"event\":\"{kind}\""));
        serde_json::from_str(&format!("{{\"event\":\"{kind}\"{rest}")).expect("it is JSON")
    };
    let up = event("up");
    assert_eq!((&up["board"], &up["pid"]), (&Value::from(board.0.clone()), &Value::from(std::process::id())));
    let words = event("words");
    assert_eq!(words["words"]["oil"], 81.5);
    assert_eq!((&words["alive"], &words["changed"][0]), (&Value::Bool(true), &Value::from("oil")));
    writer.set(engine, f64::NAN).expect("it is there");
    assert_eq!(event("words")["words"]["oil"], Value::Null);

    drop(writer);
    let down = event("down");
    assert!(down["lived_s"].as_f64().is_some_and(|lived| lived > 0.0), "{down}");
    assert!(status::remove(&board.0, Force::No).expect("nobody has it"));
    event("removed");
    // With other words, and without names.
    let mut writer = Writer::create(&board.0, 2, 0o600).expect("it is new");
    writer.set(Key::<u64>::at(1), 7).expect("it is there");
    event("up");
    let mut words = event("words");
    while words["words"]["1"] != 7 {
        words = event("words");
    }
    assert_eq!(words["words"]["0"], 0);
    monitor.signal(Signal::SIGINT);
    assert_eq!(monitor.finish().0.code(), Some(130));
}

#[test]
fn a_word_that_holds_no_value_of_its_kind_is_shown_as_that() {
    let board = Board::new("garbage");
    let mut definition = Definition::new();
    definition.word::<bool>("open", "").expect("it is a word");
    let _writer = Writer::define(&board.0, &definition, 0o600).expect("it is new");
    let object =
        File::options().write(true).open(format!("/dev/shm/lastword-{}.status", board.0)).expect("it is there");
    let first = 256;
    object.write_all_at(&7u64.to_ne_bytes(), first).expect("it can be written");
    let once = run(&["status", "monitor", "--name", &board.0, "--once"]);
    assert_eq!((once.status.code(), text(&once.stdout)), (Some(0), "open: no bool\n".to_owned()));
    let once = run(&["status", "monitor", "--name", &board.0, "--once", "--json"]);
    assert!(text(&once.stdout).contains("\"words\":{\"open\":null}"), "{}", text(&once.stdout));
}

#[test]
fn lines_set_words_wrong_ones_are_told_and_their_end_ends_nothing() {
    let board = Board::new("lines");
    let mut server = Running::start(&["status", "serve", "--name", &board.0, "--interval-ms", "60000"]);
    server.hear("serving board ");
    let value =
        |word: u16| Monitor::open(&board.0).expect("it is there").reading(word).expect("it is there").value.to_string();
    let wait = |word, expected: &str| wait_for(expected, || (value(word) == expected).then_some(()));
    server.tell("load=0.5");
    wait(2, "0.5");
    server.tell(" rpc_per_minute = 18446744073709551615 ");
    wait(1, "18446744073709551615");
    server.tell("user_count=41");
    wait(0, "41");
    let long = "x".repeat(1000);
    let shown = format!("{:?}...", "x".repeat(60));
    for (wrong, shown, why) in [
        ("load=NaN", "\"load=NaN\"", "load is a number"),
        ("load", "\"load\"", "expected word=value"),
        ("user_count=-1", "\"user_count=-1\"", "a whole number from 0"),
        ("rpc_per_minute=1.5", "\"rpc_per_minute=1.5\"", "a whole number from 0, or wave"),
        ("\u{1b}[2Jx=1", "\"\\u{1b}[2Jx=1\"", "the words are user_count, rpc_per_minute and load"),
        (&long, &shown, "expected word=value"),
    ] {
        server.tell(wrong);
        let told = server.hear(&format!("{shown} sets nothing: "));
        assert!(told.contains(why), "{wrong}: {told}");
    }
    server.close_stdin();
    assert_eq!([value(0), value(1), value(2)], ["41", "18446744073709551615", "0.5"]);
    server.signal(Signal::SIGHUP);
    let (status, said) = server.finish();
    assert_eq!(status.code(), Some(129), "{said}");
    assert!(said.contains("removed board ") && board.is_gone(), "{said}");
}

#[test]
fn a_word_set_by_hand_stays_until_it_is_to_follow_the_wave() {
    let board = Board::new("hand");
    let mut server = Running::start(&[
        "status",
        "serve",
        "--name",
        &board.0,
        "--interval-ms",
        "10",
        "--verbose",
        "--seconds",
        "604800",
    ]);
    server.tell("load=2.5");
    let rest = |server: &mut Running| server.hear("user_count: ");
    wait_for("the word", || rest(&mut server).ends_with("load: 2.5").then_some(()));
    for _ in 0..5 {
        let line = rest(&mut server);
        assert!(line.ends_with("load: 2.5"), "{line}");
    }
    server.tell("load=wave");
    wait_for("the wave", || (!rest(&mut server).ends_with("load: 2.5")).then_some(()));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.finish().0.code(), Some(143));
}

#[test]
fn a_server_ends_by_its_time_and_removes_its_board() {
    let board = Board::new("time");
    let ended = run(&["status", "serve", "--name", &board.0, "--interval-ms", "60000", "--seconds", "1"]);
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    assert_eq!(text(&ended.stderr), format!("removed board {}\n", board.0));
    assert!(board.is_gone());
}

#[test]
fn a_second_server_is_told_who_the_first_is_and_disturbs_nothing() {
    let board = Board::new("second");
    let mut server = Running::start(&["status", "serve", "--name", &board.0, "--interval-ms", "20", "--verbose"]);
    server.hear("user_count: 1");
    let second = run(&["status", "serve", "--name", &board.0]);
    assert_eq!(second.status.code(), Some(1));
    let told = text(&second.stderr);
    assert!(told.contains(&format!("is held by process {}, which lives; end it first", server.pid())), "{told}");
    server.hear("user_count: ");
    server.signal(Signal::SIGINT);
    assert_eq!(server.finish().0.code(), Some(130));
}

#[test]
fn what_is_in_the_way_is_told_with_the_way_out() {
    let board = Board::new("in-the-way");
    let once = run(&["status", "monitor", "--name", &board.0, "--once"]);
    assert_eq!(once.status.code(), Some(1));
    let told = text(&once.stderr);
    assert!(told.contains("not found; start the process that creates it") && told.starts_with("lastword: "), "{told}");

    let other = Writer::create(&board.0, 3, 0o600).expect("it is new");
    drop(other);
    let server = run(&["status", "serve", "--name", &board.0]);
    let told = text(&server.stderr);
    assert_eq!(server.status.code(), Some(1));
    assert!(told.contains("word 0 without a name") && told.contains("remove it and create it anew"), "{told}");
    assert!(!board.is_gone(), "it is somebody else's");

    let full = Board::new("full");
    let command = format!("ulimit -f 0; exec {} status serve --name {}", env!("CARGO_BIN_EXE_lastword"), full.0);
    let server = Command::new("sh").args(["-c", &command]).stdin(Stdio::null()).output().expect("there is a shell");
    let told = text(&server.stderr);
    assert_eq!(server.status.code(), Some(1), "{told}");
    assert!(told.contains("ulimit -f"), "{told}");

    for wrong in ["", "a/b", "ümlaut"] {
        let server = run(&["status", "serve", "--name", wrong]);
        assert_eq!(server.status.code(), Some(2), "{wrong}");
        assert!(text(&server.stderr).contains("A-Z a-z 0-9"), "{}", text(&server.stderr));
    }
    for wrong in ["0", "604801"] {
        let usage = run(&["status", "serve", "--seconds", wrong]);
        assert_eq!(usage.status.code(), Some(2), "{}", text(&usage.stderr));
    }
    for wrong in ["0", "60001", "x"] {
        for command in ["serve", "monitor"] {
            let usage = run(&["status", command, "--interval-ms", wrong]);
            assert_eq!(usage.status.code(), Some(2), "{}", text(&usage.stderr));
        }
    }
}

#[test]
fn another_users_board_is_refused_with_what_to_do() {
    const STRANGER: u32 = 65_534;
    if !Uid::effective().is_root() {
        eprintln!("NOT TESTED: another user's board, which needs root to act as another user");
        return;
    }
    let board = Board::new("foreign");
    let _writer = Writer::create(&board.0, 1, 0o600).expect("it is new");
    let stranger = |arguments: &[&str]| {
        let mut command = lastword();
        command.args(arguments).uid(STRANGER).gid(STRANGER).stdin(Stdio::null());
        command.output().expect("another user can run the command")
    };
    for arguments in [&["status", "monitor", "--once"][..], &["status", "monitor"], &["status", "serve"]] {
        let refused = stranger(&[arguments, &["--name", &board.0]].concat());
        assert_eq!(refused.status.code(), Some(1));
        let told = text(&refused.stderr);
        assert!(told.contains("ask its owner for access, or run as that user"), "{told}");
    }
}

#[test]
fn a_monitor_whose_reader_is_gone_ends() {
    let board = Board::new("pipe");
    let mut server = Running::start(&["status", "serve", "--name", &board.0, "--interval-ms", "10"]);
    server.hear("serving board ");
    let mut monitor = lastword()
        .args(["status", "monitor", "--name", &board.0])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    drop(monitor.stdout.take());
    let began = Instant::now();
    let status = wait_for("its end", || monitor.try_wait().expect("it is a child"));
    assert_eq!(status.code(), Some(141), "after {:?}", began.elapsed());
    server.signal(Signal::SIGINT);
    assert_eq!(server.finish().0.code(), Some(130));
}

#[test]
fn a_server_whose_output_nobody_reads_ends_by_a_second_signal() {
    let board = Board::new("full-pipe");
    let mut server = lastword()
        .args(["status", "serve", "--verbose", "--interval-ms", "1", "--name", &board.0])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut before = None;
    wait_for("the pipe to be full", || {
        std::thread::sleep(Duration::from_millis(500));
        let count = Monitor::open(&board.0).ok().and_then(|monitor| Some(monitor.reading(0).ok()?.value.to_string()));
        let is_full = count.is_some() && count == before;
        before = count;
        is_full.then_some(())
    });
    let pid = Pid::from_raw(server.id() as i32);
    kill(pid, Signal::SIGTERM).expect("it lives");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(server.try_wait().expect("it is a child"), None, "one signal waits behind the output");
    let status = wait_for("its end", || {
        kill(pid, Signal::SIGTERM).expect("it was not waited for");
        server.try_wait().expect("it is a child")
    });
    assert_eq!(status.signal(), Some(Signal::SIGTERM as i32));
}

#[test]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    let board = Board::new("nohup");
    let serve = format!("status serve --verbose --interval-ms 20 --name {}", board.0);
    for (command, beginning) in [(serve.as_str(), "user_count: "), ("exchange 2 --interval-ms 20", "0: write ")] {
        let script = format!("trap '' HUP; exec {} {command}", env!("CARGO_BIN_EXE_lastword"));
        let mut running = Running::of(Command::new("sh").args(["-c", &script]));
        running.hear(beginning);
        running.signal(Signal::SIGHUP);
        for _ in 0..20 {
            running.hear(beginning);
        }
        running.signal(Signal::SIGTERM);
        let (status, output) = running.finish();
        assert_eq!(status.code(), Some(143), "{output}");
    }
}
