//! A mailbox between two terminals, whose processes are killed and started again.
//!
//! Every message arrives, in order; a second time only marked, and only if its reader was killed before clearing it.

mod common;

use common::{OnTerminal, Running, lastword, run, wait_for};
use lastword::Force;
use lastword::ready::{Mailbox, Monitor};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::chown;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

const CTRL_C: u8 = 3;

/// A mailbox of one test, which leaves nothing.
struct Name(String);

impl Name {
    fn of(test: &str) -> Self {
        Self(format!("handoff-{}-{test}", std::process::id()))
    }

    fn command<'n>(&'n self, end: &'n str, arguments: &[&'n str]) -> Vec<&'n str> {
        [&["handoff", end, "--name", &self.0], arguments].concat()
    }

    fn on_terminal(&self, end: &str, arguments: &[&str]) -> OnTerminal {
        OnTerminal::start(&self.command(end, arguments))
    }

    fn start(&self, end: &str, arguments: &[&str]) -> Running {
        Running::start(&self.command(end, arguments))
    }

    fn run(&self, end: &str, arguments: &[&str]) -> Output {
        run(&self.command(end, arguments))
    }

    fn is_gone(&self) -> bool {
        lastword::objects(&self.0).expect("objects can be listed").is_empty()
    }

    fn path(&self) -> String {
        format!("/dev/shm/lastword-{}.ready", self.0)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn kill(mut running: Running) {
    running.child.kill().expect("it can be killed");
    running.child.wait().expect("it can be waited for");
}

#[test]
fn five_messages_go_from_one_terminal_to_another_whoever_is_first() {
    for first in ["read", "write"] {
        let name = Name::of(first);
        let second = if first == "read" { "write" } else { "read" };
        let mut one = name.on_terminal(first, &[]);
        one.hear(if first == "read" { "waiting for the writer" } else { "waiting for the reader" });
        let other = name.on_terminal(second, &[]);
        one.hear(if first == "read" { "the writer is there" } else { "the reader is there" });
        let (mut writer, mut reader) = if first == "read" { (other, one) } else { (one, other) };
        for number in 1..=5 {
            reader.hear(&format!("{number}: hello {number}\r\n"));
        }
        writer.hear("sent 5: hello 5\r\n");
        assert_eq!((writer.end(), reader.end()), (Some(0), Some(0)));
        assert!(!reader.text().contains("again"), "{}", reader.text());
        assert!(name.is_gone());
        let removed = format!("removed mailbox {}", name.0);
        wait_for("who removed it to say so", || (reader.text() + &writer.text()).contains(&removed).then_some(()));
    }
}

#[test]
fn a_message_whose_reader_was_killed_before_clearing_it_comes_again_and_is_marked() {
    let name = Name::of("again");
    let mut writer = name.on_terminal("write", &["--interval-ms", "0"]);
    writer.hear("waiting for the reader");
    let mut reader = name.on_terminal("read", &["--hold-ms", "3600000"]);
    reader.hear("1: hello 1\r\n");
    writer.hear("the reader is there");
    reader.signal(Signal::SIGKILL);
    writer.hear("the reader is gone; waiting for it");
    let mut reader = name.on_terminal("read", &[]);
    writer.hear("the reader is back");
    reader.hear("1: hello 1 (again: ");
    reader.hear("5: hello 5\r\n");
    assert_eq!((writer.end(), reader.end()), (Some(0), Some(0)));
    assert_eq!(reader.text().matches("(again").count(), 1, "{}", reader.text());
    assert!(name.is_gone());
}

#[test]
fn a_writer_that_was_killed_goes_on_after_its_last_message() {
    let name = Name::of("goes-on");
    let mut reader = name.on_terminal("read", &[]);
    let mut writer = name.on_terminal("write", &["--interval-ms", "100"]);
    reader.hear("2: hello 2\r\n");
    writer.signal(Signal::SIGKILL);
    reader.hear("the writer is gone; waiting for it");
    let mut successor = name.on_terminal("write", &["--interval-ms", "0"]);
    successor.hear("continues after message ");
    reader.hear("the writer is back");
    reader.hear("5: hello 5\r\n");
    assert_eq!((successor.end(), reader.end()), (Some(0), Some(0)));
    for number in 1..=5 {
        assert_eq!(reader.text().matches(&format!("{number}: hello {number}\r\n")).count(), 1, "{}", reader.text());
    }
    assert!(name.is_gone() && writer.end().is_none());
}

#[test]
fn a_writer_that_finds_a_run_consumed_begins_the_next_one_and_says_so() {
    let name = Name::of("the-end");
    let mut writer = name.on_terminal("write", &["--count", "1"]);
    writer.hear("sent 1: hello 1");
    writer.signal(Signal::SIGKILL);
    assert_eq!(writer.end(), None);
    let output = name.run("read", &["--count", "1"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "1: hello 1\n".to_owned()));
    assert!(text(&output.stderr).contains("the writer is gone and does not know that message 1 was read"));
    // A reader that comes next begins with the next run, and so does a writer while one is there.
    let reader = name.start("read", &["--count", "1"]);
    wait_for("the reader", || {
        Monitor::open(&name.0).is_ok_and(|monitor| monitor.reader_lives() == Ok(true)).then_some(())
    });
    let output = name.run("write", &["--count", "1"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "sent 2: hello 2\n".to_owned()));
    let (status, heard) = reader.finish();
    assert!(status.success() && heard.contains("2: hello 2") && !heard.contains("again"), "{heard}");
    assert!(name.is_gone());

    // With nobody there, too.
    let mut writer = name.on_terminal("write", &["--count", "1"]);
    writer.hear("sent 1: hello 1");
    writer.signal(Signal::SIGKILL);
    assert_eq!(writer.end(), None);
    assert!(name.run("read", &["--count", "1"]).status.success());
    let mut writer = name.on_terminal("write", &["--count", "1"]);
    writer.hear("message 1, the last of a run, was consumed: begins the next run, 2 to 2");
    writer.hear("sent 2: hello 2");
    assert!(name.run("read", &["--count", "1"]).status.success());
    assert_eq!(writer.end(), Some(0));
    assert!(name.is_gone());
}

#[test]
fn a_message_asked_for_is_sent_or_refused_whatever_was_sent_before() {
    let name = Name::of("important");
    let mut reader = name.on_terminal("read", &["--count", "10"]);
    assert!(name.run("write", &["--interval-ms", "0"]).status.success());
    reader.hear("5: hello 5\r\n");
    reader.press(CTRL_C);
    assert_eq!(reader.end(), Some(130));
    let mut writer = name.on_terminal("write", &["--message", "important", "--count", "1"]);
    writer.hear("sent 6: important 6");
    // It is the last one of its run, and waits: who has sent it goes on, and another one comes after it.
    writer.signal(Signal::SIGKILL);
    assert_eq!(writer.end(), None);
    let mut same = name.on_terminal("write", &["--message", "important", "--count", "1"]);
    same.hear("nothing is left to send of the run that ends with 6");
    same.signal(Signal::SIGKILL);
    assert_eq!(same.end(), None);
    let mut other = name.on_terminal("write", &["--message", "urgent", "--count", "1"]);
    other.hear("message 6, the last of a run, waits for the reader: begins the next run, 7 to 7");
    let mut reader = name.on_terminal("read", &["--count", "0"]);
    reader.hear("6: important 6");
    reader.hear("7: urgent 7");
    assert_eq!(other.end(), Some(0));
    // In the midst of another one's run nothing is sent, and that is an error.
    let output = name.run("write", &["--message", "late"]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{said}");
    assert!(said.contains("found message 7, \"urgent 7\", expected \"late 7\"; nothing was sent"), "{said}");
    reader.press(CTRL_C);
    assert_eq!(reader.end(), Some(130));
    assert!(name.is_gone());
}

#[test]
fn a_writer_stopped_between_two_messages_has_not_sent_all() {
    let name = Name::of("pause");
    let mut reader = name.on_terminal("read", &[]);
    let mut writer = name.on_terminal("write", &["--interval-ms", "3600000"]);
    reader.hear("1: hello 1\r\n");
    wait_for("the message to be cleared", || {
        let state = Monitor::open(&name.0).ok()?.state().ok()?;
        (state.sequence.is_some() && !state.set).then_some(())
    });
    writer.press(CTRL_C);
    writer.hear("consumed up to 1: go on with the same command");
    assert_eq!(writer.end(), Some(130));
    let mut writer = name.on_terminal("write", &["--interval-ms", "0"]);
    writer.hear("left of the run that ends with 5: 4 of 5 messages");
    assert_eq!((writer.end(), reader.end()), (Some(0), Some(0)));
    assert!(name.is_gone());
}

#[test]
fn ctrl_c_among_lines_says_which_were_sent() {
    let name = Name::of("some-lines");
    let mut writer = name.start("write", &[]);
    for line in ["one", "two", "three"] {
        writer.tell(line);
    }
    writer.hear("sent 1: one");
    let reader = name.run("read", &["--count", "1"]);
    assert_eq!(text(&reader.stdout), "1: one\n");
    writer.hear("sent 2: two");
    writer.signal(Signal::SIGINT);
    let (status, said) = writer.finish();
    assert_eq!(status.code(), Some(130), "{said}");
    // The third may have been read meanwhile.
    assert!(said.contains("all lines up to 2 were sent"), "{said}");
    assert!(
        said.contains(&format!("from line 3: tail -n +3 FILE | lastword handoff write --name {}", name.0)),
        "{said}"
    );
    let mut writer = name.start("write", &[]);
    writer.tell("three");
    writer.close_stdin();
    let reader = name.run("read", &["--count", "3"]);
    let heard = text(&reader.stdout);
    assert!(heard.starts_with("2: two") && heard.ends_with("3: three\n"), "{heard}");
    assert_eq!(writer.finish().0.code(), Some(0));
    assert!(name.is_gone());
}

/// The messages that a reader has printed: number, text, whether again.
fn received(lines: &str) -> Vec<(u64, String, bool)> {
    let objects = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let message = |object: Value| {
        let text = object["text"].as_str().expect("it has a text").to_owned();
        (object["number"].as_u64().expect("it has a number"), text, object["again"].as_bool().expect("it says whether"))
    };
    objects.map(message).collect()
}

#[test]
fn whoever_is_killed_when_every_message_arrives_in_order_and_twice_only_if_marked() {
    const COUNT: u64 = 300;
    let name = Name::of("kills");
    let count = COUNT.to_string();
    let mut writing = Some(name.start("write", &["--count", &count, "--interval-ms", "4"]));
    let mut reading = Some(name.start("read", &["--count", &count, "--hold-ms", "3", "--json"]));
    let (mut heard, mut kills) = (String::new(), [0; 2]);
    let progress = || Monitor::open(&name.0).ok().and_then(|monitor| monitor.state().ok());
    wait_for("the mailbox", progress);
    for round in 0_u64.. {
        thread::sleep(Duration::from_millis(40 + round * 37 % 90));
        // At the end nobody is killed: whoever has ended its part is not started again.
        if progress().is_none_or(|state| state.sequence.is_some_and(|sent| sent.get() > COUNT - 80)) {
            break;
        }
        if round % 3 != 0 {
            let mut reader = reading.take().expect("it was started");
            reader.child.kill().expect("it can be killed");
            heard += &(reader.finish().1 + "\n");
            kills[0] += 1;
            reading = Some(name.start("read", &["--count", &count, "--hold-ms", "3", "--json"]));
        }
        if round % 2 == 0 {
            kill(writing.take().expect("it was started"));
            kills[1] += 1;
            writing = Some(name.start("write", &["--count", &count, "--interval-ms", "4"]));
        }
    }
    let (status, said) = writing.take().expect("it was started").finish();
    assert!(status.success(), "{said}");
    let (status, last) = reading.take().expect("it was started").finish();
    assert!(status.success(), "{last}");
    heard += &last;
    let (mut next, mut repeated) = (1, 0);
    for (number, text, again) in received(&heard) {
        assert_eq!(text, format!("hello {number}"));
        if number == next {
            // One that waited for the new reader may be marked, too.
            next += 1;
        } else {
            assert!(number + 1 == next && again, "message {number} came instead of {next}:\n{heard}");
            repeated += 1;
        }
    }
    assert_eq!(next, COUNT + 1, "{heard}");
    eprintln!("{} kills of the reader, {} of the writer; {repeated} messages came twice, marked", kills[0], kills[1]);
    assert!(kills[0] > 3 && kills[1] > 2, "{kills:?}");
    assert!(name.is_gone());
}

#[test]
fn ctrl_c_says_what_it_leaves_and_the_same_command_goes_on() {
    let name = Name::of("ctrl-c");
    let mut writer = name.on_terminal("write", &["--interval-ms", "0"]);
    writer.hear("sent 1: hello 1");
    writer.press(CTRL_C);
    writer.hear(&format!("message 1 is still in mailbox {0}: go on with the same command, or remove it with", name.0));
    assert_eq!(writer.end(), Some(130));
    let mut reader = name.on_terminal("read", &["--hold-ms", "3600000"]);
    reader.hear("1: hello 1\r\n");
    reader.press(CTRL_C);
    reader.hear("message 1 is still in mailbox");
    assert_eq!(reader.end(), Some(130));
    let mut reader = name.on_terminal("read", &[]);
    reader.hear("1: hello 1 (again: ");
    let mut writer = name.on_terminal("write", &["--interval-ms", "0"]);
    writer.hear("continues after message 1");
    reader.hear("5: hello 5");
    assert_eq!((writer.end(), reader.end()), (Some(0), Some(0)));
    assert!(name.is_gone());

    // Where nothing was sent, nothing stays; nor where everything was read and there is no end to wait for.
    let mut reader = name.on_terminal("read", &[]);
    reader.hear("waiting for the writer");
    reader.press(CTRL_C);
    reader.hear("removed mailbox");
    assert_eq!(reader.end(), Some(130));
    let mut reader = name.on_terminal("read", &["--count", "0"]);
    let mut writer = name.on_terminal("write", &["--count", "2", "--interval-ms", "0"]);
    reader.hear("2: hello 2");
    writer.hear("stays: its reader lives");
    assert_eq!(writer.end(), Some(0));
    reader.hear("the writer is gone");
    reader.signal(Signal::SIGTERM);
    reader.hear("removed mailbox");
    assert_eq!(reader.end(), Some(143));
    assert!(name.is_gone());
}

#[test]
fn lines_of_standard_input_are_messages_and_those_that_are_too_long_are_refused() {
    let name = Name::of("lines");
    let reader = name.start("read", &["--count", "3"]);
    let mut writer = lastword()
        .args(name.command("write", &[]))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = [
        b"one\n".to_vec(),
        vec![b'x'; 1025],
        b"\n".to_vec(),
        b"\x1b[2J\xff\n".to_vec(),
        vec![b'y'; 1024],
        b"\n".to_vec(),
        vec![b'z'; 3 << 20],
    ];
    writer.stdin.take().expect("piped").write_all(&lines.concat()).expect("it listens");
    let output = writer.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("line 2: refused: mailbox") && said.contains("1025 bytes, and the capacity is 1024"),
        "{said}"
    );
    assert!(said.contains("line 5: refused: it has more than 1048576 bytes, and a message at most 1024"), "{said}");
    let (status, heard) = reader.finish();
    assert!(status.success(), "{heard}");
    let last = format!("3: {}", "y".repeat(1024));
    for line in ["1: one", "2: \\u{1b}[2J\u{fffd}", &last] {
        assert!(heard.lines().any(|heard| heard == line), "{line:?} in {heard}");
    }
    assert!(name.is_gone());
}

#[test]
fn what_is_in_the_way_is_named_with_the_way_out() {
    let name = Name::of("in-the-way");
    let mut reader = name.on_terminal("read", &[]);
    reader.hear("waiting for the writer");
    let said = text(&name.run("read", &[]).stderr);
    assert!(said.contains(&format!("the role of reader is held by process {}, which lives", reader.pid())), "{said}");
    reader.press(CTRL_C);
    assert_eq!(reader.end(), Some(130));

    // A mailbox of another type.
    let other = Mailbox::<u64>::new(&name.0).expect("a name");
    drop(other.writer().expect("it is new"));
    for end in ["read", "write"] {
        let output = name.run(end, &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("message type: found") && said.contains("expected"), "{said}");
    }
    other.remove(Force::No).expect("nobody uses it");

    // Somebody else's.
    drop(Mailbox::bytes(&name.0, 1024).expect("a name").writer().expect("it is new"));
    if chown(name.path(), Some(65_534), None).is_ok() {
        let said = text(&name.run("read", &[]).stderr);
        assert!(said.contains("it belongs to user 65534, expected user 0"), "{said}");
    } else {
        eprintln!("NOT TESTED: a mailbox of another user, which needs root");
    }
    std::fs::remove_file(name.path()).expect("it can be deleted");

    // No room for it.
    let limited = format!("ulimit -f 0; exec {} handoff read --name {}", env!("CARGO_BIN_EXE_lastword"), name.0);
    let output = Command::new("sh").args(["-c", &limited]).stdin(Stdio::null()).output().expect("there is a shell");
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("raise the limit"), "{said}");
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    for arguments in [
        &["write", "--count", "0"][..],
        &["write", "--count", "1000000001"],
        &["write", "--interval-ms", "3600001"],
        &["read", "--count", "1000000001"],
        &["read", "--hold-ms", "3600001"],
        &["read", "--count", "x"],
        &[],
    ] {
        assert_eq!(run(&[&["handoff"], arguments].concat()).status.code(), Some(2), "{arguments:?}");
    }
    let output = run(&["handoff", "read", "--name", "a/b"]);
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("is no name for"));
    let name = Name::of("long");
    let output = name.run("write", &["--message", &"x".repeat(1023)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the message has 1025 bytes"), "{}", text(&output.stderr));
    assert!(name.is_gone());
    // The largest of everything is taken.
    let mut reader = name.on_terminal("read", &["--count", "1000000000", "--hold-ms", "3600000"]);
    reader.hear("waiting for the writer");
    let mut writer = name.on_terminal("write", &["--count", "1000000000", "--interval-ms", "3600000"]);
    reader.hear("1: hello 1");
    for end in [&mut writer, &mut reader] {
        end.press(CTRL_C);
        assert_eq!(end.end(), Some(130));
    }
}
