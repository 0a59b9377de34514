//! What becomes of a run whose terminal, objects or resources are taken away. One test at a time: what they leave lying
//! about is what other runs of the command find.

mod common;

use common::{OnTerminal, Running, assert_nothing_left, lastword, objects_of};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard streams to which nothing can be written.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("it is there").into()
}

#[test]
fn a_terminal_that_is_closed_ends_the_demo_by_a_signal_and_leaves_nothing() {
    let _alone = alone();
    let mut terminal = OnTerminal::start(&["demo", "--seconds", "100", "--kill-every-ms", "20", "--json"]);
    let pid = terminal.child.id();
    terminal.hear("recovering");
    terminal.hang_up();
    // It is to draw, in vain, before the signal comes.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(terminal.child.try_wait().expect("it is a child"), None, "it goes on without a display");
    assert!(!objects_of("demo", pid).is_empty());
    kill(Pid::from_raw(pid as i32), Signal::SIGHUP).expect("it lives");
    assert_eq!(terminal.end(), Some(129));
    assert_nothing_left("demo", pid);
}

#[test]
fn standard_error_that_takes_nothing_does_not_cost_the_report() {
    let _alone = alone();
    let child = lastword()
        .args(["demo", "--seconds", "2", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(full())
        .spawn()
        .expect("it starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("it is a child");
    assert_eq!(output.status.code(), Some(0));
    assert!(common::json(&output)["failure"].is_null());
    assert_nothing_left("demo", pid);
}

#[test]
fn a_report_that_cannot_be_printed_is_an_error_and_leaves_nothing() {
    let _alone = alone();
    let child = lastword()
        .args(["demo", "--seconds", "1"])
        .stdin(Stdio::null())
        .stdout(full())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("it is a child");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("cannot print the report"), "{errors}");
    assert_nothing_left("demo", pid);
}

#[test]
fn a_board_that_somebody_removed_costs_neither_the_report_nor_the_end() {
    let _alone = alone();
    let mut running = Running::start(&["demo", "--seconds", "2", "--json"]);
    let pid = running.pid();
    running.hear("  1 s ");
    let board = objects_of("demo", pid).into_iter().find(|object| object.contains(".session.")).expect("it has one");
    fs::remove_file(format!("/dev/shm{board}")).expect("it is there");
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains("clean\n") && output.contains("\"kills\":"), "{output}");
    assert_nothing_left("demo", pid);
}

#[test]
fn what_cannot_be_removed_is_said_and_keeps_nobody_from_running() {
    let _alone = alone();
    let session = format!("demo.{}-left", std::process::id());
    let path = |object: &str| format!("/dev/shm/lastword-{session}.{object}");
    let directories = [path("0.data"), path("0.locks"), path("1.status")];
    let fifo = path("2.locks");
    let taken = format!("{session}.3");
    directories.iter().for_each(|directory| fs::create_dir(directory).expect("there is room"));
    mkfifo(fifo.as_str(), Mode::S_IRWXU).expect("there is room");
    let writer = lastword::status::Writer::create(&taken, 1, 0o600).expect("nobody has it");
    let removable = lastword::status::Writer::create(&format!("{session}.4"), 1, 0o600).expect("nobody has it");
    drop(removable);
    let mailbox = |name: &str| lastword::ready::Mailbox::<u64>::new(name).expect("a name can be that");
    let reader = mailbox(&taken).reader().expect("nobody has it");
    drop(mailbox(&format!("{session}.4")).writer().expect("nobody has it"));

    let output = common::run(&["demo", "--seconds", "1"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let left = lastword::objects(&format!("{session}.")).expect("objects can be listed");
    directories.iter().for_each(|directory| fs::remove_dir(directory).expect("nobody else can"));
    drop((writer, reader));
    let _ = fs::remove_file(fifo);
    let rest = lastword::remove_unused(&format!("{session}."));
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(errors.contains(&format!("{session} could be removed; these stay behind:")), "{errors}");
    assert!(errors.contains(&format!("board {taken}: not removed, the role of writer is held by")), "{errors}");
    assert!(errors.contains(&format!("mailbox {taken}: not removed, the role of reader is held by")), "{errors}");
    let removed = |name: &str| !left.iter().any(|object| object.name == format!("{session}.{name}"));
    assert!(removed("4") && removed("session"), "{left:?} {rest:?}");
}

/// Runs the demo where the shell's `ulimit` has set this limit; what it says on standard error.
fn demo_under(limit: &str, arguments: &str) -> String {
    let _alone = alone();
    let command = format!("ulimit {limit}; exec {} demo --seconds 2 {arguments}", env!("CARGO_BIN_EXE_lastword"));
    let child = Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let pid = child.id();
    let output = child.wait_with_output().expect("it is a child");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_nothing_left("demo", pid);
    errors + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn objects_that_are_larger_than_files_may_be_are_an_error_with_advice() {
    for (limit, arguments) in [("-f 0", ""), ("-f 64", "--payload 1048576")] {
        let said = demo_under(limit, arguments);
        assert!(said.contains("(ulimit -f)"), "{said}");
    }
}

#[test]
fn too_few_files_are_an_error_that_says_what_was_being_done() {
    let said = demo_under("-n 8", "");
    assert!(said.contains("cannot start process ") && said.contains("ulimit -n"), "{said}");
    let said = demo_under("-n 4", "");
    assert!(said.contains("cannot listen to signals") && said.contains("ulimit -n"), "{said}");
}

#[test]
fn a_process_that_ends_without_a_word_is_reported_without_one() {
    let _alone = alone();
    let mut running = Running::start(&["demo", "--seconds", "100", "--kill-every-ms", "0"]);
    let pid = running.pid();
    running.hear("  1 s ");
    let victim = *common::processes_of("demo", pid).first().expect("it has processes");
    kill(Pid::from_raw(victim as i32), Signal::SIGTERM).expect("it lives");
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.lines().any(|line| line.ends_with("ended by itself, signal: 15 (SIGTERM)")), "{output}");
    assert_nothing_left("demo", pid);
}
