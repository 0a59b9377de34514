//! A chat room between terminals, whose server and clients are killed at random moments.
//!
//! 1. Every line that a client sends is published once, whoever is killed: the room's numbers are consecutive, and the
//!    last one is the number of lines.
//! 2. How many clients live is right on the room's board, soon after any death.
//! 3. Nothing is left when all have gone.

mod common;

use common::{OnTerminal, Running, lastword, run, wait_for};
use lastword::UntypedObserver;
use lastword::ready::Monitor as Mailbox;
use lastword::status::Monitor;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;

/// A room of one test, which leaves nothing.
struct Room(String);

impl Room {
    fn of(test: &str) -> Self {
        Self(format!("chat-{}-{test}", std::process::id()))
    }

    fn serve<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["chat", "serve", "--name", &self.0], arguments].concat()
    }

    fn join<'a>(&'a self, name: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["chat", "join", name, "--room", &self.0], arguments].concat()
    }

    fn server(&self, arguments: &[&str]) -> OnTerminal {
        OnTerminal::start(&self.serve(arguments))
    }

    fn client(&self, name: &str) -> OnTerminal {
        OnTerminal::start(&self.join(name, &[]))
    }

    fn objects(&self) -> Vec<String> {
        let objects = lastword::objects(&self.0).expect("objects can be listed");
        objects.iter().map(ToString::to_string).collect()
    }

    fn assert_gone(&self) {
        assert_eq!(self.objects(), [] as [&str; 0]);
    }

    fn wait_for_count(&self, expected: u32) {
        wait_for(&format!("{expected} clients on the board"), || {
            let board = Monitor::open(&self.0).ok()?;
            let key = board.key::<u32>("connected_clients").ok()?;
            (board.get(key) == Ok(expected)).then_some(())
        });
    }

    /// The number of the last message.
    fn last(&self) -> u64 {
        let observer = UntypedObserver::open(&self.0).expect("the room is open");
        observer.newest().expect("no garbage").map_or(0, |number| number.get())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for object in self.objects() {
            let _ = fs::remove_file(format!("/dev/shm{object}"));
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a client with these lines to its end.
fn say(room: &Room, name: &str, arguments: &[&str], lines: &[u8]) -> Output {
    let mut command = lastword();
    command.args(room.join(name, arguments)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = command.spawn().expect("it starts");
    client.stdin.take().expect("piped").write_all(lines).expect("it listens");
    client.wait_with_output().expect("it ends")
}

#[test]
fn people_in_terminals_see_what_the_others_say_and_the_server_who_comes_and_goes() {
    let room = Room::of("people");
    let mut alice = room.client("alice");
    alice.hear(&format!("waiting for the server of room {}\r\n", room.0));
    let mut server = room.server(&[]);
    server.hear(&format!("room {} is open", room.0));
    alice.hear("joined room");
    server.hear("alice joined (1 connected)\r\n");
    let mut bob = room.client("bob");
    server.hear("bob joined (2 connected)\r\n");
    room.wait_for_count(2);
    bob.write_line("hello, alice");
    for (terminal, line) in [(&mut alice, "bob: hello, alice\r\n"), (&mut server, "1 bob: hello, alice\r\n")] {
        terminal.hear(line);
    }
    alice.write_line("grüße");
    bob.hear("alice: grüße\r\n");

    alice.press(CTRL_D);
    assert_eq!(alice.end(), Some(0));
    server.hear("alice left (1 connected)\r\n");
    bob.signal(Signal::SIGKILL);
    server.hear("bob left (0 connected)\r\n");
    room.wait_for_count(0);
    server.press(CTRL_C);
    server.hear(&format!("removed board {}\r\n", room.0));
    server.hear("removed channel");
    assert_eq!((server.end(), bob.end()), (Some(130), None));
    room.assert_gone();
}

#[test]
fn clients_outlive_the_server_however_it_ends_and_the_last_of_them_removes_the_room() {
    let room = Room::of("outlive");
    let mut server = room.server(&[]);
    server.hear("is open");
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| {
        let mut client = room.client(name);
        client.hear("joined room");
        client
    });
    server.hear("(2 connected)");
    server.signal(Signal::SIGKILL);
    alice.hear("the server was killed; waiting for it\r\n");
    bob.hear("the server was killed; waiting for it\r\n");
    // What is typed now is said when it is back: one line is in the mailbox then, the others in the input.
    alice.write_line("one");
    alice.write_line("two");
    let mut server = room.server(&[]);
    alice.hear("the server is back\r\n");
    bob.hear("alice: two\r\n");
    server.hear("1 alice: one\r\n");
    server.hear("2 alice: two\r\n");
    server.press(CTRL_C);
    server.hear("removed board");
    server.hear(&format!("channel {} stays, and these clients can go on with the next server: alice, bob\r\n", room.0));
    assert_eq!(server.end(), Some(130));
    alice.hear("the server has left; waiting for the next one\r\n");
    bob.hear("the server has left; waiting for the next one\r\n");

    // The numbers go on as long as somebody is in the room.
    let mut server = room.server(&[]);
    server.hear("continues after message 2\r\n");
    bob.write_line("three");
    server.hear("3 bob: three\r\n");
    alice.hear("the server is back\r\nbob: three\r\n");
    bob.hear("the server is back\r\nbob: three\r\n");
    // A server that is killed before it has cleared a line keeps the sender waiting for the next one.
    let mailbox = Mailbox::open(&format!("{}.client.bob", room.0)).expect("it is there");
    wait_for("the line to be cleared", || (!mailbox.state().expect("no garbage").set).then_some(()));
    server.signal(Signal::SIGKILL);
    alice.hear("the server was killed");
    alice.press(CTRL_C);
    assert_eq!(alice.end(), Some(130));
    bob.hear("the server was killed");
    bob.press(CTRL_D);
    bob.hear(&format!("removed room {}, which nobody was in any more\r\n", room.0));
    assert_eq!((bob.end(), server.end()), (Some(0), None));
    room.assert_gone();
}

#[test]
fn a_line_of_a_client_that_left_or_was_killed_before_the_server_came_back_is_published() {
    let room = Room::of("posthumous");
    let mut server = room.server(&[]);
    server.hear("is open");
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| {
        let mut client = room.client(name);
        client.hear("joined room");
        client
    });
    server.hear("(2 connected)");
    server.signal(Signal::SIGKILL);
    assert_eq!(server.end(), None);
    for (client, name) in [(&mut alice, "alice"), (&mut bob, "bob")] {
        client.hear("the server was killed");
        client.write_line("last words");
        let mailbox = Mailbox::open(&format!("{}.client.{name}", room.0)).expect("it is there");
        wait_for("the line in the mailbox", || mailbox.state().expect("no garbage").set.then_some(()));
    }
    alice.signal(Signal::SIGKILL);
    bob.press(CTRL_C);
    bob.hear(&format!("a line is still in mailbox {}.client.bob: the next server takes it", room.0));
    assert_eq!((alice.end(), bob.end()), (None, Some(130)));
    let mut server = room.server(&[]);
    server.hear("1 alice: last words\r\n");
    server.hear("2 bob: last words\r\n");
    wait_for("the mailboxes to go", || (room.objects().len() == 3).then_some(()));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.end(), Some(143));
    assert!(!server.text().contains("joined"), "the dead do not come: {}", server.text());
    room.assert_gone();
}

#[test]
fn a_server_whose_output_fails_has_published_a_line_once() {
    let room = Room::of("full");
    let mut server = room.server(&[]);
    server.hear("is open");
    let mut alice = room.client("alice");
    server.hear("alice joined");
    server.signal(Signal::SIGKILL);
    alice.hear("the server was killed");
    alice.write_line("hello");
    alice.hear("hello");
    // Whether it is in the mailbox can only be seen there.
    let mailbox = Mailbox::open(&format!("{}.client.alice", room.0)).expect("it is there");
    wait_for("the line to be sent", || mailbox.state().expect("it is well").set.then_some(()));
    alice.signal(Signal::SIGKILL);
    alice.end();

    let observer = UntypedObserver::open(&room.0).expect("the channel is there");
    let full = File::options().write(true).open("/dev/full").expect("it is there");
    let output = lastword().args(room.serve(&[])).stdin(Stdio::null()).stdout(full).output().expect("it runs");
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("cannot write standard output"), "{said}");
    assert_eq!(observer.newest().expect("no garbage").map(|number| number.get()), Some(1));
    // It has closed the room, in which nobody is any more: all was published.
    room.assert_gone();
}

#[test]
fn lines_of_a_pipe_are_all_published_before_the_client_ends_and_what_cannot_be_said_is_refused() {
    let room = Room::of("pipe");
    let mut server = room.server(&[]);
    server.hear("is open");
    let mut listener = room.client("listener");
    listener.hear("joined room");
    let lines = [&b"one\n\n"[..], &[b'x'; 1025], b"\nab\xff\n", &[b'y'; 1024], b"\n\x1b[2J\xe2\x80\xaeevil"].concat();
    let output = say(&room, "bob", &["--json"], &lines);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for refusal in [
        "line 2 is refused: it is empty, expected 1 to 1024 bytes",
        "line 3 is refused: found 1025 bytes, expected 1 to 1024; shorten it",
        "line 4 is refused: byte 3 is not UTF-8, expected UTF-8 text",
    ] {
        assert!(said.contains(refusal), "{refusal:?} in {said}");
    }
    let events = events(&text(&output.stdout));
    let sent: Vec<u64> = events.iter().filter_map(|event| event["line"].as_u64()).collect();
    assert_eq!(sent, [1, 5, 6], "{events:?}");
    assert_eq!(room.last(), 3);
    // What others see is not obeyed by their terminals; programs get it as it was.
    listener.hear("bob: \\u{1b}[2J\\u{202e}evil\r\n");
    server.hear("3 bob: \\u{1b}[2J\\u{202e}evil\r\n");
    let last = events.iter().rfind(|event| event["event"] == "message").expect("it sees its own");
    assert_eq!((&last["text"], &last["from"]), (&Value::from("\x1b[2J\u{202e}evil"), &Value::from("bob")));

    let output = say(&room, "carol", &["--verbose"], b"fine");
    let stdout = text(&output.stdout);
    // In either order.
    assert!(output.status.success() && stdout.contains("(line 1 was sent)\n") && stdout.contains("carol: fine\n"));
    listener.press(CTRL_C);
    assert_eq!(listener.end(), Some(130));
    server.press(CTRL_C);
    assert_eq!(server.end(), Some(130));
    room.assert_gone();
}

#[test]
fn who_has_nothing_to_say_or_is_asked_to_stay_listens_until_a_signal() {
    let room = Room::of("listen");
    let mut server = room.server(&[]);
    server.hear("is open");
    let mut silent = lastword();
    silent.args(room.join("silent", &[])).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let silent = silent.spawn().expect("it starts");
    let mut stays = Running::start(&room.join("stays", &["--stay"]));
    stays.tell("only this");
    stays.close_stdin();
    stays.hear("stays: only this");
    server.hear("(2 connected)");
    assert!(say(&room, "bob", &[], b"one\n").status.success());
    stays.hear("bob: one");
    stays.signal(Signal::SIGTERM);
    assert_eq!(stays.finish().0.code(), Some(143));
    kill(Pid::from_raw(silent.id() as i32), Signal::SIGHUP).expect("it lives");
    let output = silent.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(129));
    assert!(text(&output.stdout).ends_with("bob: one\n"), "{}", text(&output.stdout));
    server.press(CTRL_C);
    assert_eq!(server.end(), Some(130));
    room.assert_gone();
}

#[test]
fn a_client_that_was_too_slow_is_told_how_many_messages_it_missed() {
    let room = Room::of("slow");
    let mut server = room.server(&[]);
    server.hear("is open");
    let mut slow = room.client("slow");
    slow.hear("joined room");
    assert!(say(&room, "bob", &[], b"one\n").status.success());
    slow.hear("bob: one\r\n");
    slow.signal(Signal::SIGSTOP);
    assert!(say(&room, "bob", &[], b"two\nthree\nfour\n").status.success());
    slow.signal(Signal::SIGCONT);
    slow.hear("(2 messages were missed)\r\nbob: four\r\n");
    slow.press(CTRL_C);
    assert_eq!(slow.end(), Some(130));
    server.hear("slow left");
    // Who comes later has missed nothing.
    let mut late = Running::start(&room.join("late", &["--json"]));
    late.hear("joined room");
    assert!(say(&room, "bob", &[], b"five").status.success());
    assert_eq!(late.hear(r#"{"event":"message","number":5,"#), r#""from":"bob","text":"five"}"#);
    late.close_stdin();
    let (status, heard) = late.finish();
    assert!(status.success() && !heard.contains("missed"), "{heard}");
    server.press(CTRL_C);
    assert_eq!(server.end(), Some(130));
    room.assert_gone();
}

#[test]
fn what_is_in_the_way_is_named_with_the_way_out() {
    let room = Room::of("in-the-way");
    let mut server = room.server(&["--clients", "2"]);
    server.hear("is open");
    let mut alice = room.client("alice");
    alice.hear("joined room");
    server.hear("alice joined");

    let said = text(&run(&room.serve(&[])).stderr);
    assert!(said.contains(&format!("the role of writer is held by process {}", server.pid())), "{said}");
    let said = text(&run(&room.join("alice", &[])).stderr);
    let expected = format!("the role of writer is held by process {}, which lives; end it first", alice.pid());
    assert!(said.contains(&expected) && said.contains("or choose another name"), "{said}");
    let mut bob = room.client("bob");
    bob.hear("joined room");
    let output = run(&room.join("carol", &[]));
    let said = text(&output.stderr);
    assert!(said.contains("is full: channel") && said.contains("all of its 2 consumers"), "{said}");
    assert_eq!(output.status.code(), Some(1));
    // A client that was killed makes room.
    server.hear("bob joined (2 connected)");
    bob.signal(Signal::SIGKILL);
    server.hear("bob left (1 connected)");
    assert!(say(&room, "carol", &[], b"there is room\n").status.success());
    server.hear("1 carol: there is room");

    // The server was killed, and the next one asks for another room, or takes it as it is.
    server.signal(Signal::SIGKILL);
    alice.hear("the server was killed");
    let output = run(&room.serve(&["--clients", "3"]));
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("consumers: found 2, expected 3"), "{said}");
    let mut server = room.server(&[]);
    alice.hear("the server is back");
    alice.press(CTRL_C);
    server.hear("alice left (0 connected)");
    server.press(CTRL_C);
    assert_eq!((alice.end(), server.end()), (Some(130), Some(130)));
    room.assert_gone();

    // The name is a channel's of other messages.
    let other = lastword::Channel::<u64>::new(&room.0).expect("a name");
    drop(other.producer().expect("it is new"));
    let said = text(&run(&room.serve(&[])).stderr);
    assert!(said.contains("message type: found u64"), "{said}");
    assert!(other.remove(lastword::Force::No).expect("nobody uses it"));
    room.assert_gone();

    // Somebody else's, and no room for it.
    let path = format!("/dev/shm/lastword-{}.status", room.0);
    drop(lastword::status::Writer::create(&room.0, 1, 0o600).expect("it is new"));
    let said = text(&run(&room.serve(&[])).stderr);
    assert!(said.contains("definition") && said.contains("expected"), "a board of other words: {said}");
    if chown(&path, Some(65_534), None).is_ok() {
        let said = text(&run(&room.serve(&[])).stderr);
        assert!(said.contains("it belongs to user 65534, expected user 0"), "{said}");
    } else {
        eprintln!("NOT TESTED: a board of another user, which needs root");
    }
    fs::remove_file(&path).expect("it can be deleted");
    let limited = format!("ulimit -f 0; exec {} chat serve --name {}", env!("CARGO_BIN_EXE_lastword"), room.0);
    let output = Command::new("sh").args(["-c", &limited]).stdin(Stdio::null()).output().expect("there is a shell");
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("raise the limit"), "{said}");
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    let (long, room) = ("x".repeat(33), "x".repeat(161));
    for arguments in [
        &["serve", "--clients", "0"][..],
        &["serve", "--clients", "255"],
        &["serve", "--name", "a/b"],
        &["serve", "--name", &room],
        &["join"],
        &["join", ""],
        &["join", "a.b"],
        &["join", &long],
        &["join", "alice", "--room", "a/b"],
        &[],
    ] {
        assert_eq!(run(&[&["chat"], arguments].concat()).status.code(), Some(2), "{arguments:?}");
    }
    let room = Room::of("most");
    let mut server = room.server(&["--clients", "254"]);
    server.hear("is open");
    server.press(CTRL_C);
    assert_eq!(server.end(), Some(130));
    room.assert_gone();
}

/// The events that a process has printed. A line that a kill has cut is none.
fn events(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// A process of the room whose output goes to a file, which outlives it.
struct Process(Child);

impl Process {
    fn start(arguments: &[&str], input: Stdio, output: &Path) -> Self {
        let open = || OpenOptions::new().create(true).append(true).open(output).expect("it can be opened");
        let mut command = lastword();
        command.args(arguments).stdin(input).stdout(open()).stderr(Stdio::null());
        Self(command.spawn().expect("it starts"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it can be waited for");
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("it is a child").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody who has lines to send, and sends them all however often it is killed.
struct Sender {
    name: String,
    lines: Vec<String>,
    /// How many of them are known to be published.
    published: usize,
    process: Process,
    incarnation: usize,
    directory: PathBuf,
}

impl Sender {
    fn start(room: &Room, directory: &Path, name: &str, lines: usize) -> Self {
        let lines = (1..=lines).map(|line| format!("{name} says {line}")).collect::<Vec<_>>();
        let process = Self::join(room, directory, name, &lines, 0);
        Self { name: name.to_owned(), lines, published: 0, process, incarnation: 0, directory: directory.to_path_buf() }
    }

    fn join(room: &Room, directory: &Path, name: &str, lines: &[String], incarnation: usize) -> Process {
        let input = directory.join(format!("{name}.{incarnation}.lines"));
        fs::write(&input, lines.join("\n")).expect("it can be written");
        let input = File::open(input).expect("it is there");
        Process::start(&room.join(name, &["--json"]), input.into(), &Self::output(directory, name, incarnation))
    }

    fn output(directory: &Path, name: &str, incarnation: usize) -> PathBuf {
        directory.join(format!("{name}.{incarnation}.events"))
    }

    /// Goes on where the process that is dead was. Whether the line after the last one that it was told of was published
    /// too, the server's events tell when nothing waits in its mailbox.
    fn restart(&mut self, room: &Room, server_events: &Path) {
        let mailbox = format!("{}.client.{}", room.0, self.name);
        wait_for("the mailbox to be emptied", || {
            Mailbox::open(&mailbox).map_or(true, |mailbox| mailbox.state().is_ok_and(|state| !state.set)).then_some(())
        });
        let told = fs::read_to_string(Self::output(&self.directory, &self.name, self.incarnation)).unwrap_or_default();
        self.published += events(&told).iter().filter(|event| event["event"] == "sent").count();
        let server_events = fs::read_to_string(server_events).expect("there are events");
        if self.lines.get(self.published).is_some_and(|line| server_events.contains(&format!("\"{line}\""))) {
            self.published += 1;
        }
        self.incarnation += 1;
        let rest = &self.lines[self.published..];
        self.process = Self::join(room, &self.directory, &self.name, rest, self.incarnation);
    }
}

/// The oracle is the servers' events: a message is printed by the server that published it, or by its successor, before
/// its mailbox is cleared.
#[test]
fn every_line_is_published_once_and_the_numbers_have_no_gap_whoever_is_killed_when() {
    const SENDERS: usize = 3;
    const LINES: usize = 400;
    let seed = rand::random::<u64>();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    eprintln!("seed {seed}");
    let room = Room::of("kills");
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&room.0);
    fs::create_dir_all(&directory).expect("it can be made");
    let server_events = directory.join("server.events");
    let serve = || Process::start(&room.serve(&["--json"]), Stdio::null(), &server_events);
    let mut server = serve();
    // Without somebody in it all the time, the room could be removed and its numbers begin anew.
    let mut listener = Running::start(&room.join("listener", &["--json"]));
    listener.hear("joined room");
    let mut senders: Vec<Sender> =
        (0..SENDERS).map(|index| Sender::start(&room, &directory, &format!("sender-{index}"), LINES)).collect();
    let (mut server_kills, mut sender_kills) = (0, 0);
    loop {
        thread::sleep(Duration::from_millis(random.random_range(5..120)));
        let mut running: Vec<&mut Sender> = senders
            .iter_mut()
            .filter_map(|sender| if sender.process.has_ended() { None } else { Some(sender) })
            .collect();
        if running.is_empty() {
            break;
        }
        let victim = random.random_range(0..running.len());
        let together = random.random_range(0..3) == 0;
        let is_server = together || random.random_bool(0.5);
        if !is_server || together {
            running[victim].process.kill();
            sender_kills += 1;
        }
        if is_server {
            server.kill();
            server_kills += 1;
            server = serve();
        }
        if !is_server || together {
            running[victim].restart(&room, &server_events);
        }
    }
    for sender in &mut senders {
        let status = sender.process.0.wait().expect("it has ended");
        assert!(status.success(), "{} ended with {status}", sender.name);
    }
    // The listener alone is left, and is counted.
    room.wait_for_count(1);
    assert_eq!(room.last(), (SENDERS * LINES) as u64, "seed {seed}");
    let mut published: BTreeMap<u64, String> = BTreeMap::new();
    let (mut again, mut next) = (0, vec![1; SENDERS]);
    for event in events(&fs::read_to_string(&server_events).expect("there are events")) {
        if event["event"] != "message" {
            continue;
        }
        let number = event["number"].as_u64().expect("it has a number");
        let text = event["text"].as_str().expect("it has a text").to_owned();
        again += usize::from(event["again"] == true);
        if let Some(before) = published.insert(number, text.clone()) {
            assert_eq!((before, &event["again"]), (text, &Value::from(true)), "seed {seed}: message {number} is two");
        }
    }
    // Each line of each sender once, in its order.
    assert!(published.keys().copied().eq(1..=(SENDERS * LINES) as u64), "seed {seed}: {published:?}");
    for text in published.values() {
        let (sender, line) = text.split_once(" says ").expect("it is one of these");
        let sender: usize = sender.strip_prefix("sender-").and_then(|index| index.parse().ok()).expect("it is one");
        assert_eq!(line, next[sender].to_string(), "seed {seed}: {published:?}");
        next[sender] += 1;
    }
    eprintln!(
        "{server_kills} kills of the server, {sender_kills} of senders; {again} messages finished by a successor"
    );
    assert!(server_kills > 3 && sender_kills > 3, "there was time for {server_kills} and {sender_kills} kills");

    // A kill of everybody at once leaves what the next ones clear away.
    kill(Pid::from_raw(listener.pid() as i32), Signal::SIGKILL).expect("it lives");
    room.wait_for_count(0);
    kill(Pid::from_raw(server.0.id() as i32), Signal::SIGINT).expect("it lives");
    assert_eq!(server.0.wait().expect("it ends").code(), Some(130));
    room.assert_gone();
    fs::remove_dir_all(&directory).expect("it can be removed");
}
