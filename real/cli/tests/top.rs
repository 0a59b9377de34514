//! The live screen, looked at as a person does: real processes, which are killed while it is watched.

mod common;

use common::{OnTerminal, Running, run, wait_for};
use lastword::status::{Definition, Writer};
use lastword::{Channel, Force, Producer, status};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::VecDeque;
use std::fs;
use std::process::Command;

const UP: &[u8] = b"\x1b[A";
const DOWN: &[u8] = b"\x1b[B";
const END: &[u8] = b"\x1b[F";
const ESCAPE: u8 = 0x1b;
const ENTER: u8 = b'\r';
const CTRL_C: u8 = 3;

/// A prefix that no other test has. All its objects go with it.
struct Names(String);

impl Names {
    fn new(test: &str) -> Self {
        Self(format!("top-{}-{test}", std::process::id()))
    }

    fn prefix(&self) -> &str {
        &self.0
    }

    fn of(&self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }

    fn channel(&self, name: &str) -> Producer<u64> {
        let channel = Channel::<u64>::new(&self.of(name)).expect("a name can be that").consumers(2);
        channel.producer().expect("nobody has it")
    }

    /// A process of a pair that exchanges numbers: the producer of channel `index`, a consumer of the other one.
    fn partner(&self, index: &str) -> Running {
        Running::start(&["exchange", "2", "--session", &self.0, "--index", index, "--interval-ms", "10"])
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = lastword::remove_unused(&self.0);
    }
}

/// Whether a line of the screen has all these words.
fn has_line(screen: &str, words: &[&str]) -> bool {
    screen.lines().any(|line| words.iter().all(|word| line.contains(word)))
}

/// The row of a name in the table.
fn row<'s>(screen: &'s str, name: &str) -> Option<Vec<&'s str>> {
    let cells = screen.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    cells.into_iter().find(|cells| cells.first() == Some(&name) && cells.get(1) == Some(&"channel"))
}

#[test]
fn the_screen_shows_who_has_which_role_and_who_was_killed() {
    let names = Names::new("killed");
    let mut partners = [names.partner("0"), names.partner("1")];
    partners[1].hear("1: write 3");
    let mut terminal = OnTerminal::start(&["top", names.prefix(), "--interval-ms", "100"]);
    let channels = [names.of("0"), names.of("1")];
    let pids = [partners[0].pid(), partners[1].pid()].map(|pid| pid.to_string());
    let screen = terminal.see("both channels and their rates", |screen| {
        channels
            .iter()
            .all(|name| row(screen, name).is_some_and(|cells| cells[2].parse::<f64>().is_ok_and(|rate| rate > 0.0)))
    });
    assert!(terminal.is_raw());
    assert!(has_line(&screen, &["lastword top", "4 objects", "2 processes", "every 100 ms"]), "{screen}");
    assert!(has_line(&screen, &["NAME", "KIND", "RATE/S", "NUMBER", "SIZE", "STATE"]), "{screen}");
    assert!(has_line(&screen, &[&channels[0], &format!("producer {}, consumers 1/1 ({})", pids[0], pids[1])]));
    assert!(has_line(&screen, &[&channels[0], "board", &format!("writer {}", pids[0])]), "{screen}");
    assert!(has_line(&screen, &["q quit", "s sort: name", "? help"]), "{screen}");

    // Nobody is told but by the kernel.
    partners[1].signal(Signal::SIGKILL);
    let died = format!("producer of {} (pid {}) died", channels[1], pids[1]);
    let screen = terminal.see("the death", |screen| screen.contains(&died) && screen.contains("no producer"));
    let line = screen.lines().find(|line| line.contains(&died)).expect("it is there");
    let time = line.split_whitespace().next().expect("it begins with the time");
    assert!(time.len() == 8 && time.chars().filter(|&char| char == ':').count() == 2, "{line}");
    assert!(screen.contains(&format!("consumer 0 of {} (pid {}) died", channels[0], pids[1])), "{screen}");
    assert!(has_line(&screen, &[&channels[1], "no producer, consumers 1/1"]), "{screen}");
    terminal.see("that nothing is published", |screen| row(screen, &channels[1]).is_some_and(|cells| cells[2] == "0"));

    partners[1] = names.partner("1");
    let came = format!("producer of {} (pid {}) has come", channels[1], partners[1].pid());
    terminal.see("the successor", |screen| screen.contains(&came) && !screen.contains("no producer"));

    terminal.press(b'q');
    assert_eq!(terminal.end(), Some(0));
    assert!(!terminal.is_raw());
    terminal.see("that the other screen is left", |screen| screen.trim().is_empty());
    drop(partners);
}

#[test]
fn details_show_words_and_messages_as_they_are_and_keys_select_sort_and_filter() {
    let names = Names::new("keys");
    let mut definition = Definition::new();
    let warmth = definition.word::<f64>("temperature", "°C").expect("a word can be that");
    let mut board = Writer::define(&names.of("oven"), &definition, 0o600).expect("nobody has it");
    board.set(warmth, 21.5).expect("it is there");
    let mut small = names.channel("a-small");
    small.publish(&41).expect("memory is well");
    let large = Channel::bytes(&names.of("z-large"), 100_000).expect("a name can be that");
    let large = large.producer().expect("nobody has it");

    let mut terminal = OnTerminal::start_sized(&["top", names.prefix(), "--interval-ms", "50"], 24, 80);
    terminal.see("three objects", |screen| screen.contains("3 objects") && screen.contains("1 process "));
    let order = |screen: &str| {
        let at = |name: &str| screen.find(&names.of(name)).unwrap_or(usize::MAX);
        let mut order = ["a-small", "oven", "z-large"];
        order.sort_by_key(|name| at(name));
        order
    };
    assert_eq!(order(&terminal.screen()), ["a-small", "oven", "z-large"]);

    terminal.press(b'i');
    let screen = terminal.see("the first one's message", |screen| screen.contains("newest message 1, 8 bytes:"));
    assert!(has_line(&screen, &["value: 41"]) || has_line(&screen, &[": 41"]), "{screen}");
    assert!(has_line(&screen, &["producer: process", &std::process::id().to_string()]), "{screen}");
    assert!(has_line(&screen, &["consumer 1: nobody"]), "{screen}");
    small.publish(&42).expect("memory is well");
    terminal.see("the next message", |screen| has_line(screen, &[": 42"]));
    terminal.press(ESCAPE);
    terminal.see("the table again", |screen| screen.contains("s sort: name"));

    terminal.keys(DOWN);
    terminal.press(ENTER);
    terminal.see("the board's words", |screen| screen.contains("temperature: 21.5 °C"));
    board.set(warmth, 180.0).expect("it is there");
    terminal.see("the word's new value", |screen| screen.contains("temperature: 180.0 °C"));
    terminal.press(ENTER);
    terminal.keys(END);
    terminal.keys(UP);
    terminal.press(b'i');
    terminal.see("the board again", |screen| screen.contains("temperature: 180.0 °C"));
    terminal.press(b'i');

    terminal.press(b's');
    terminal.see("the order of rates", |screen| screen.contains("s sort: rate"));
    terminal.press(b's');
    terminal.see("the largest first", |screen| screen.contains("s sort: size") && order(screen)[0] == "z-large");

    terminal.press(b'/');
    terminal.keys(b"ove\r");
    let screen = terminal
        .see("the filter", |screen| screen.contains("1 with \"ove\" of 3 objects") && !screen.contains("a-small"));
    assert!(screen.contains(&names.of("oven")) && !screen.contains("z-large"), "{screen}");
    terminal.press(ESCAPE);
    terminal.see("everything", |screen| screen.contains("z-large"));

    terminal.press(b'?');
    terminal.see("the help", |screen| screen.contains("nobody is disturbed") && screen.contains("any other key: back"));
    terminal.press(b'x');
    terminal.press(b'p');
    terminal.see("that it is paused", |screen| screen.contains("PAUSED") && screen.contains("z-large"));
    small.publish(&43).expect("memory is well");
    terminal.press(b'p');
    terminal.see("that it goes on", |screen| {
        !screen.contains("PAUSED") && row(screen, &names.of("a-small")).is_some_and(|cells| cells[3] == "3")
    });
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(130));
    assert!(!terminal.is_raw());
    drop((small, large, board));
}

#[test]
fn what_is_created_replaced_damaged_or_removed_is_said() {
    let names = Names::new("events");
    let mut terminal = OnTerminal::start(&["top", names.prefix(), "--interval-ms", "50"]);
    terminal.see("that there is nothing", |screen| {
        screen.contains(&format!("There is no channel, mailbox or board that begins with {}", names.prefix()))
    });
    let (arm, pid) = (names.of("arm"), std::process::id());
    let producer = names.channel("arm");
    terminal.see("the channel", |screen| {
        screen.contains(&format!("channel {arm} was created"))
            && screen.contains(&format!("{arm} (pid {pid}) has come"))
    });
    drop(producer);
    terminal.see("that the role is free", |screen| {
        screen.contains(&format!("producer of {arm} (pid {pid}) gave the role up"))
    });
    let channel = Channel::<u64>::new(&arm).expect("a name can be that");
    drop(Channel::<u32>::new(&arm).expect("a name can be that").replace().expect("nobody else does").commit());
    terminal
        .see("the next generation", |screen| screen.contains(&format!("channel {arm} was replaced by generation 1")));
    assert!(channel.remove(Force::No).expect("nobody has a role"));
    terminal.see("that it is gone", |screen| screen.contains(&format!("channel {arm} was removed")));

    let path = format!("/dev/shm/lastword-{}.status", names.of("garbage"));
    fs::write(&path, [b'x'; 4096]).expect("there is room");
    let damaged = |screen: &str| has_line(screen, &[&names.of("garbage"), "board", "damaged"]);
    terminal.see("the damaged board", damaged);
    fs::remove_file(&path).expect("it is there");
    terminal.press(b'q');
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn it_follows_the_terminals_size_down_to_one_cell() {
    let names = Names::new("sizes");
    let producer = names.channel("arm");
    let mut terminal = OnTerminal::start_sized(&["top", names.prefix(), "--interval-ms", "50"], 24, 80);
    terminal.see("the channel", |screen| screen.contains(&names.of("arm")) && screen.contains("What has happened"));
    for (rows, columns) in [(1, 1), (2, 3), (5, 20), (9, 200), (1, 80), (60, 10)] {
        terminal.resize(rows, columns);
        terminal.keys(b"i?xi");
        terminal.keys(DOWN);
    }
    terminal.resize(12, 60);
    let screen =
        terminal.see("a smaller screen", |screen| screen.contains("What has happened") && screen.contains("arm"));
    assert!(screen.lines().count() <= 12 && screen.lines().all(|line| line.chars().count() <= 60), "{screen}");
    terminal.press(b'q');
    assert_eq!(terminal.end(), Some(0));

    for (rows, columns) in [(1, 1), (2, 2), (3, 40)] {
        let mut terminal = OnTerminal::start_sized(&["top", names.prefix(), "--interval-ms", "50"], rows, columns);
        wait_for("it to begin", || terminal.is_raw().then_some(()));
        terminal.press(b'q');
        assert_eq!(terminal.end(), Some(0), "{rows} rows of {columns}:\n{}", terminal.text());
    }
    drop(producer);
}

#[test]
fn a_signal_or_a_terminal_that_is_gone_ends_it() {
    let names = Names::new("signals");
    let mut terminal = OnTerminal::start(&["top", names.prefix(), "--interval-ms", "3600000"]);
    terminal.see("the screen", |screen| screen.contains("q quit"));
    terminal.signal(Signal::SIGTERM);
    assert_eq!(terminal.end(), Some(143));
    assert!(!terminal.is_raw());

    let mut terminal = OnTerminal::start(&["top", names.prefix(), "--interval-ms", "50"]);
    terminal.see("the screen", |screen| screen.contains("q quit"));
    terminal.hang_up();
    terminal.signal(Signal::SIGHUP);
    assert_eq!(terminal.end(), Some(129));
}

#[test]
fn colors_are_off_where_they_are_not_wanted() {
    let names = Names::new("colors");
    let producer = names.channel("arm");
    for (variables, has_color) in [(&[][..], true), (&[("NO_COLOR", "1")][..], false)] {
        let mut terminal = OnTerminal::start_in(variables, &["top", names.prefix()], 24, 80);
        terminal.see("the channel", |screen| screen.contains(&names.of("arm")));
        let text = terminal.text();
        assert_eq!(text.contains("\u{1b}[38;5;") || text.contains("\u{1b}[32m"), has_color, "{text:?}");
        terminal.press(b'q');
        assert_eq!(terminal.end(), Some(0));
    }
    drop(producer);
}

#[test]
fn off_a_terminal_it_prints_a_table_each_interval_and_deaths_as_lines() {
    let names = Names::new("lines");
    let mut partners = [names.partner("0"), names.partner("1")];
    partners[1].hear("1: write 3");
    let mut top = Running::start(&["top", names.prefix(), "--interval-ms", "50"]);
    let heads = top.hear("NAME");
    assert_eq!(heads.split_whitespace().collect::<Vec<_>>(), ["KIND", "RATE/S", "NUMBER", "SIZE", "STATE"]);
    assert!(top.hear(&names.of("0")).contains("channel"));
    let pid = partners[0].pid();
    partners[0].signal(Signal::SIGKILL);
    let died = format!("producer of {} (pid {pid}) died", names.of("0"));
    wait_for("the death", || top.hear("").contains(&died).then_some(()));
    top.signal(Signal::SIGINT);
    let (status, output) = top.finish();
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(!output.contains('\u{1b}'), "{output}");
    drop(partners);
}

#[test]
fn once_is_one_table_or_one_object_of_json() {
    let names = Names::new("once");
    let mut producer = names.channel("arm");
    producer.publish(&7).expect("memory is well");
    let output = run(&["top", names.prefix(), "--once", "--interval-ms", "50"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), text.lines().count()), (Some(0), 3), "{text}");
    assert!(has_line(&text, &[&names.of("arm"), "channel", " 0 ", " 1 ", "producer"]), "{text}");

    let output = run(&["top", names.prefix(), "--once", "--json", "--interval-ms", "50"]);
    let look: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert!(look["at_ms"].as_u64() > Some(1_600_000_000_000) && look["interval_ms"].as_u64() >= Some(50), "{look}");
    let [arm] = &look["objects"].as_array().expect("an array")[..] else { panic!("{look}") };
    assert_eq!((&arm["name"], &arm["kind"], &arm["type"]), (&names.of("arm").into(), &"channel".into(), &"u64".into()));
    assert_eq!((arm["number"].as_u64(), arm["rate_per_s"].as_f64()), (Some(1), Some(0.0)));
    assert_eq!((&arm["condition"], arm["is_used"].as_bool()), (&"complete".into(), Some(true)));
    assert_eq!(arm["roles"][0]["role"], "producer");
    assert_eq!(arm["roles"][0]["pid"], std::process::id());
    assert_eq!(arm["roles"].as_array().map(Vec::len), Some(3));
    assert_eq!(look["events"].as_array().map(Vec::len), Some(0));
}

#[test]
fn json_says_what_has_happened() {
    let names = Names::new("json");
    let mut top = Running::start(&["top", names.prefix(), "--json", "--interval-ms", "50"]);
    // What is there at its first look is no event.
    top.hear("{");
    let mut events = VecDeque::new();
    let mut event = |name: &str| {
        wait_for(name, || {
            while let Some(event) = events.pop_front() {
                let event: Value = event;
                if event["event"] == name {
                    return Some(event);
                }
            }
            let look: Value = serde_json::from_str(&top.hear("")).expect("it is JSON");
            events.extend(look["events"].as_array().expect("an array").iter().cloned());
            None
        })
    };
    let partner = names.partner("0");
    let pid = partner.pid();
    assert!(event("created")["name"].as_str().is_some_and(|name| name.starts_with(names.prefix())));
    assert_eq!(event("taken")["pid"], pid);
    partner.signal(Signal::SIGKILL);
    let died = event("died");
    assert_eq!((died["pid"].as_u64(), died["role"].is_string()), (Some(u64::from(pid)), true), "{died}");
    lastword::remove_unused(names.prefix()).expect("they can be removed");
    event("removed");
    top.signal(Signal::SIGTERM);
    let (status, output) = top.finish();
    assert_eq!(status.code(), Some(143), "{output}");
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    let wrong = [&["--interval-ms", "49"][..], &["--interval-ms", "3600001"], &["a/b"], &["a", "b"]];
    for arguments in wrong {
        let output = run(&[&["top", "--once"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let output = run(&["top", "--once", "a/b"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("\"a/b\" is no name for a channel, a mailbox or a board"));
}

#[test]
fn a_board_without_a_writer_is_shown_and_does_not_change() {
    let names = Names::new("idle");
    drop(Writer::create(&names.of("board"), 3, 0o600).expect("nobody has it"));
    let output = run(&["top", names.prefix(), "--once", "--interval-ms", "50"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(has_line(&text, &[&names.of("board"), "board", " 0 ", "no writer"]), "{text}");
    assert!(status::remove(&names.of("board"), Force::No).expect("nobody has it"));
}

#[test]
fn many_objects_need_no_raised_limit_of_open_files() {
    let names = Names::new("many");
    for number in 0..40 {
        drop(Writer::create(&names.of(&format!("board{number}")), 3, 0o600).expect("nobody has it"));
    }
    let script = format!("ulimit -S -n 24; exec {} top --once --json --interval-ms 50 {}", command(), names.prefix());
    let output = Command::new("sh").args(["-c", &script]).output().expect("there is a shell");
    let look: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let objects = look["objects"].as_array().expect("an array");
    assert_eq!(objects.len(), 40);
    assert!(objects.iter().all(|object| object["condition"] == "complete"), "{look}");

    // Where it may not be raised, that is said, and what to do.
    let script = format!("ulimit -n 24; exec {} top --once --interval-ms 50 {}", command(), names.prefix());
    let output = Command::new("sh").args(["-c", &script]).output().expect("there is a shell");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("lastword top PREFIX") && text.contains("ulimit -n"), "{text}");
}

fn command() -> &'static str {
    env!("CARGO_BIN_EXE_lastword")
}
