//! Transcripts of terminals: those in the documents are of real runs, made by these.
//!
//! With the variable `LASTWORD_BLESS` set, the documents get what these runs have printed.

use crate::common;
use crate::documents;
use crate::place::{PROMPT, Place, ROWS, Shell};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// So many lines of the same form, one after the other, are enough.
const ALIKE_MAX: usize = 3;

/// Lines that are in one run and not in another, as the moment of a kill has it.
const BY_CHANCE: &[&str] = &[
    "0: still held 1 from 2",
    "0: read info from 1: empty",
    "0: waits for 1",
    "0: write 1",
    "0: read info from 1: 2",
    "mailbox handoff stays: its writer lives, and removes it at its end",
    "mailbox handoff stays: its reader lives, and removes it at its end",
    "removed mailbox handoff",
    "0 1 8 newest",
    "0 1 8 free",
    "0 1 8 locked by consumer 0",
    "0 1 8 newest, locked by consumer 0",
    "consumer 0: idle; never slept",
    "consumer 0: holds message 1 in slot 0; never slept",
];

/// The form of a line: what differs from run to run is left out.
fn form(line: &str) -> String {
    let mut form = String::new();
    for word in line.split_whitespace() {
        // A byte of a dump.
        if word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            form.push_str("# ");
            continue;
        }
        let mut digits = false;
        for char in word.chars() {
            let is_digit = char.is_ascii_digit() || digits && (char == '.' || char == ',');
            if is_digit && !digits {
                form.push('#');
            }
            if !is_digit {
                form.push(char);
            }
            digits = is_digit;
        }
        form.push(' ');
    }
    form
}

/// A transcript in which of many lines of one form that follow each other the first ones are kept.
fn shortened(transcript: &str) -> String {
    let mut short = String::new();
    let mut alike = 0;
    let mut before = String::new();
    for line in transcript.lines() {
        let form = form(line);
        alike = if form == before { alike + 1 } else { 1 };
        if alike <= ALIKE_MAX {
            short.push_str(line.trim_end());
            short.push('\n');
        }
        before = form;
    }
    short
}

/// Holds what these terminals show against the block of that name.
fn check(name: &str, terminals: &mut [&mut Shell]) {
    let transcripts: Vec<_> = terminals.iter_mut().map(|terminal| terminal.transcript()).collect();
    check_text(name, &transcripts.join("\n"), form);
}

/// The same, of any text that a run has shown, by the form that is to be the same of each of its lines.
fn check_text(name: &str, real: &str, form: fn(&str) -> String) {
    /// Whoever has it may write documents.
    static WRITER: Mutex<()> = Mutex::new(());
    let _writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    let all = documents::all();
    let (document, block) = all
        .iter()
        .flat_map(|document| document.blocks().into_iter().map(move |block| (document, block)))
        .find(|(_, block)| block.name == Some(name))
        .unwrap_or_else(|| panic!("no document has a block that is called {name}; the run has shown\n{real}"));
    if std::env::var_os("LASTWORD_BLESS").is_some() {
        let mut text = document.text.clone();
        text.replace_range(block.start..block.start + block.text.len(), &shortened(real));
        fs::write(documents::top().join(&document.path), text).expect("it can be written");
        return;
    }
    let forms: BTreeSet<String> = real.lines().chain(BY_CHANCE.iter().copied()).map(form).collect();
    for line in block.text.lines() {
        assert!(
            forms.contains(&form(line)),
            "{}: {name}: this line is in no real run (LASTWORD_BLESS=1 writes what is):\n{line}\nthe run:\n{real}",
            document.path.display()
        );
    }
}

#[test]
fn every_transcript_in_the_documents_is_of_a_session_here() {
    let source = include_str!("sessions.rs");
    for document in documents::all() {
        for block in document.blocks() {
            let path = document.path.display();
            match block.name {
                Some(name) => assert!(source.contains(&format!("\"{name}\"")), "{path}: nothing here makes {name}"),
                None => assert_ne!(block.language, "console", "{path}: of which session is\n{}", block.text),
            }
        }
    }
}

#[test]
fn the_form_of_a_line_has_no_figures() {
    assert_eq!(form("0: read  info from 12: 3.5 (pid 77)"), "#: read info from #: # (pid #) ");
    assert_eq!(shortened("a 1\na 2\na 3\na 4\nb\na 5\n"), "a 1\na 2\na 3\nb\na 5\n");
}

/// Terminals of these titles.
fn terminals<const COUNT: usize>(place: &Place, titles: [&str; COUNT]) -> [Shell; COUNT] {
    titles.map(|title| place.terminal(title))
}

#[test]
fn status() {
    let place = Place::new();
    let [mut server, mut monitor, mut other] = terminals(&place, ["one terminal", "a second one", "a third one"]);
    server.run("lastword status serve");
    server.hear("serving board status");
    monitor.run("lastword status monitor");
    let pid = monitor.word_after("process ");
    (0..3).for_each(|_| monitor.hear("user_count: "));
    other.run_to_its_end(&format!("kill -9 {pid}"));
    server.ended();
    monitor.hear("is dead");
    server.run("lastword status serve");
    server.hear("going on from user_count ");
    monitor.hear("serves board status");
    (0..2).for_each(|_| monitor.hear("user_count: "));
    server.interrupt();
    monitor.hear("was removed");
    monitor.interrupt();
    other.run_to_its_end("lastword status monitor --once");
    check("status", &mut [&mut server, &mut monitor, &mut other]);
}

#[test]
fn exporter() {
    let place = Place::new();
    // Others may have the port for a while.
    common::wait_for("the documented port to be free", || TcpListener::bind("127.0.0.1:9464").ok());
    let [mut server, mut exporter, mut other] = terminals(&place, ["one terminal", "a second one", "a third one"]);
    server.run("lastword status serve");
    server.hear("serving board status");
    exporter.run("lastword status export --listen 127.0.0.1:9464");
    exporter.hear("/metrics: board status");
    other.run_to_its_end("curl -s http://127.0.0.1:9464/metrics");
    check("exporter", &mut [&mut exporter, &mut other]);
    server.interrupt();
    exporter.interrupt();
}

#[test]
fn exchange() {
    let place = Place::new();
    let [mut one, mut two, mut three] = terminals(&place, ["one terminal", "a second one", "a third one"]);
    one.run("lastword exchange --index 0 --of 3");
    one.hear("0: waits for ");
    two.run("lastword exchange --index 1 --of 3");
    let pid = two.word_after("1: is process ");
    three.run("lastword exchange --index 2 --of 3");
    two.hear("1: write 3");
    let mut four = place.terminal("a fourth one");
    four.run_to_its_end(&format!("kill -9 {pid}"));
    two.ended();
    one.hear("0: 1 is gone");
    one.hear("0: write ");
    two.run("lastword exchange --index 1 --of 3");
    two.hear("1: continues from ");
    two.hear("1: write ");
    one.hear("0: 1 is back");
    three.interrupt();
    one.interrupt();
    two.interrupt();
    two.run("lastword clean --dry-run");
    two.hear("0 to remove, 0 left");
    check("exchange", &mut [&mut one, &mut two, &mut four]);
}

#[test]
fn record() {
    let place = Place::new();
    let [mut reader, mut writer] = terminals(&place, ["one terminal", "a second one"]);
    reader.run("lastword record read");
    reader.hear("waiting for ");
    writer.run_to_its_end("lastword record write");
    reader.hear("goodbye");
    reader.ended();
    reader.run_to_its_end("lastword record read --once --grid");
    writer.run_to_its_end("lastword record write numerator=355 denominator=113 value=3.1415929");
    reader.run_to_its_end("lastword record read --once");
    writer.run_to_its_end("lastword rm record");
    check("record", &mut [&mut reader, &mut writer]);
}

#[test]
fn layout() {
    let place = Place::new();
    let [mut terminal] = terminals(&place, ["a struct of one's own"]);
    terminal.run_to_its_end("cat docs/pose.layout");
    terminal
        .run_to_its_end("lastword record write --name arm --layout docs/pose.layout x=1.5 y=-2 'joints=0.1,0.2,0.3'");
    terminal.run_to_its_end("lastword record read --name arm --once --grid");
    terminal.run_to_its_end("lastword rm arm");
    check("layout", &mut [&mut terminal]);
}

#[test]
fn handoff() {
    let place = Place::new();
    let [mut reader, mut writer] = terminals(&place, ["one terminal", "a second one"]);
    reader.run("lastword handoff read --hold-ms 1000");
    reader.hear("waiting for the writer");
    writer.run("lastword handoff write");
    reader.hear("2: hello 2");
    let mut other = place.terminal("a third one");
    other.run("lastword ls");
    let pid = other.word_after(", reader ");
    other.run_to_its_end(&format!("kill -9 {pid}"));
    reader.ended();
    writer.hear("the reader is gone");
    reader.run("lastword handoff read");
    reader.hear("5: hello 5");
    reader.ended();
    writer.ended();
    check("handoff", &mut [&mut reader, &mut writer, &mut other]);
}

#[test]
fn chat() {
    let place = Place::new();
    let [mut server, mut alice, mut bob, mut other] =
        terminals(&place, ["one terminal", "a second one", "a third one", "a fourth one"]);
    server.run("lastword chat serve");
    server.hear("is open");
    alice.run("lastword chat join alice");
    server.hear("alice joined");
    bob.run("lastword chat join bob");
    server.hear("bob joined");
    alice.terminal.write_line("hello");
    bob.hear("alice: hello");
    other.run("lastword ls chat --kind board");
    let pid = other.word_after("writer ");
    other.run_to_its_end(&format!("kill -9 {pid}"));
    server.ended();
    bob.hear("waiting for");
    bob.terminal.write_line("is anybody there?");
    server.run("lastword chat serve");
    server.hear("is anybody there?");
    alice.hear("bob: is anybody there?");
    other.run_to_its_end("lastword status monitor --name chat --once");
    bob.interrupt();
    server.hear("bob left");
    server.interrupt();
    alice.interrupt();
    check("chat", &mut [&mut server, &mut alice, &mut bob, &mut other]);
}

/// So wide that nothing is cut, however many digits the ids of processes have.
const WIDE: u16 = 120;

/// A system to look at: a room with two in it, an exchange of two, a record, and a board whose server was killed.
fn running(place: &Place) -> Vec<Shell> {
    let commands = [
        ("lastword chat serve", "is open"),
        ("lastword chat join alice", "joined"),
        ("lastword chat join bob", "joined"),
        ("lastword exchange --index 0 --of 2 --interval-ms 20", "waits for 1"),
        ("lastword exchange --index 1 --of 2 --interval-ms 20", "write 9"),
        ("lastword record write", "published"),
        ("lastword status serve --interval-ms 200", "serving"),
    ];
    let mut shells: Vec<Shell> = Vec::new();
    for (command, words) in commands {
        let mut shell = place.terminal("");
        shell.run(command);
        shell.hear(words);
        shells.push(shell);
    }
    shells
}

#[test]
fn looking() {
    let place = Place::new();
    let _running = running(&place);
    let mut terminal = place.terminal_of("with some of the systems running", ROWS, WIDE);
    terminal.run_to_its_end("lastword ls");
    terminal.run_to_its_end("lastword ls exchange --json | head -c 300; echo");
    check("ls", &mut [&mut terminal]);
    let mut terminal = place.terminal("who uses it, what is locked, and the newest message");
    terminal.run_to_its_end("lastword inspect exchange.0 --kind channel");
    terminal.run_to_its_end("lastword inspect status");
    check("inspect", &mut [&mut terminal]);
    let mut terminal = place.terminal("what was found, and what to do");
    terminal.run_to_its_end("lastword rm status");
    terminal.run_to_its_end("lastword clean --dry-run");
    check("removing", &mut [&mut terminal]);
}

#[test]
fn doctor() {
    let place = Place::new();
    let mut terminal = place.terminal("this machine");
    terminal.run_to_its_end("lastword doctor");
    // What is found is another thing on each machine; what is looked at is not.
    let looked_at = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["ok" | "warning" | "problem", id, ..] => id.to_owned(),
        _ => String::new(),
    };
    check_text("doctor", &terminal.transcript(), looked_at);
}

#[test]
fn top() {
    let place = Place::new();
    let mut running = running(&place);
    let mut terminal = place.terminal_of("", 24, WIDE);
    terminal.run("lastword top");
    terminal.terminal.see("rates", |screen| screen.contains("exchange.1"));
    let server = running.last_mut().expect("there are some");
    let mut other = place.terminal("");
    other.run("lastword ls status --kind board");
    let pid = other.word_after("writer ");
    other.run_to_its_end(&format!("kill -9 {pid}"));
    server.ended();
    let screen = terminal.terminal.see("the death", |screen| screen.contains("died"));
    check_text("top", &format!("{screen}\n"), form);
    terminal.terminal.press(b'q');
    terminal.hear(PROMPT);
}

#[test]
fn troubles() {
    let place = Place::new();
    if !place.is_own() {
        eprintln!("NOT TESTED: this /dev/shm is everybody's, and is not to be filled");
        return;
    }
    let [mut terminal, mut other] = terminals(&place, ["what goes wrong first", "meanwhile, in a second terminal"]);
    terminal.run_to_its_end("lastword status monitor --once");
    terminal.run("lastword status monitor");
    terminal.hear("waiting for board status");
    other.run("lastword status serve");
    let pid = terminal.word_after("process ");
    terminal.hear("load: ");
    terminal.hear("\r\n");
    terminal.interrupt();
    terminal.run_to_its_end("lastword status serve");
    terminal.run_to_its_end(&format!("kill -9 {pid}"));
    other.ended();
    terminal.run_to_its_end("lastword status monitor --once");
    terminal.run_to_its_end("lastword clean");
    terminal.run_to_its_end("lastword record write --json");
    terminal.run_to_its_end("lastword chat serve --name record");
    terminal.run_to_its_end("lastword rm record");
    terminal.run_to_its_end("head -c 64M /dev/zero > /dev/shm/filler; lastword status serve; rm /dev/shm/filler");
    terminal.run_to_its_end("lastword ls");
    check("troubles", &mut [&mut terminal, &mut other]);
}
