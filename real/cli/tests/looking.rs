//! `lastword ls`, `inspect` and `rm`, as somebody at a terminal uses them: on what is whole, used, half-created,
//! damaged, not there, and another user's.

mod common;

use common::{OnTerminal, Running, lastword, run, wait_for};
use lastword::ready::Mailbox;
use lastword::status::{Definition, Writer};
use lastword::{Channel, Message, Producer, TypeLayout};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde_json::Value;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};

lastword::message! {
    /// Where the arm is.
    struct Pose {
        x: f64 ["m"],
        joints: [f32; 2] ["rad"],
        moves: u64,
    }
}

const POSE: Pose = Pose { x: 1.5, joints: [0.0, 0.25], moves: 7 };

/// The beginning of the names of one test, removed again whatever happens.
struct Names(String);

impl Names {
    fn new(test: &str) -> Self {
        Self(format!("look-{}-{test}", std::process::id()))
    }

    fn of(&self, which: &str) -> String {
        format!("{}-{which}", self.0)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        for entry in fs::read_dir("/dev/shm").expect("it can be read").flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("lastword-{}", self.0)) {
                let _ = fs::remove_file(entry.path());
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

fn producer(name: &str) -> Producer<Pose> {
    let mut producer = Channel::<Pose>::new(name).expect("a name").consumers(2).producer().expect("it is free");
    producer.publish(&POSE).expect("it is published");
    producer
}

fn plant(name: &str, suffix: &str, bytes: &[u8]) {
    fs::write(format!("/dev/shm/lastword-{name}.{suffix}"), bytes).expect("it can be written");
}

/// Standard output and standard error of a run that ends so.
fn ends(output: &Output, code: i32) -> (String, String) {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

fn json(arguments: &[&str]) -> Value {
    let (out, err) = ends(&run(arguments), 0);
    assert_eq!(out.lines().count(), 1, "{out}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out} {err}"))
}

#[test]
fn nothing_is_nothing_and_no_failure() {
    let names = Names::new("nothing");
    let (out, err) = ends(&run(&["ls", &names.0]), 0);
    assert_eq!(
        (out.as_str(), err.as_str()),
        ("", format!("no objects in /dev/shm that begin with {}\n", names.0).as_str())
    );
    assert_eq!(json(&["ls", &names.0, "--json"])["found"], Value::Array(Vec::new()));
}

#[test]
fn everything_is_listed_with_who_uses_it() {
    let names = Names::new("list");
    let (arm, box_name, board) = (names.of("arm"), names.of("box"), names.of("board"));
    let _producer = producer(&arm);
    let _consumer = Channel::<Pose>::new(&arm).expect("a name").consumer(1).expect("it is free");
    let mut writer = Mailbox::<u64>::new(&box_name).expect("a name").writer().expect("it is free");
    writer.try_send(&5).expect("it is empty");
    drop(Writer::create(&board, 3, 0o640).expect("it is free"));
    let pid = std::process::id();
    let (out, err) = ends(&run(&["ls", &names.0]), 0);
    assert_eq!(err, "");
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "KIND", "TYPE", "SIZE", "MODE", "OWNER", "MESSAGES", "AGE", "ROLES"]);
    assert_eq!(lines[1][..3], [arm.as_str(), "channel", "Pose"]);
    assert!(out.contains(&format!("producer {pid}, consumers 1/2 ({pid})\n")), "{out}");
    assert!(out.contains("1 set") && out.contains(&format!("writer {pid}, reader -\n")), "{out}");
    assert_eq!(lines[2][..4], [board.as_str(), "board", "3", "words"]);
    assert!(out.contains("0640") && out.contains("writer -\n"), "{out}");

    let found = &json(&["ls", &names.0, "--json"])["found"];
    assert_eq!(found.as_array().map(Vec::len), Some(3));
    assert_eq!((&found[0]["name"], &found[0]["condition"]), (&arm.as_str().into(), &"complete".into()));
    assert_eq!(found[0]["message_type"]["name"], "Pose");
    assert_eq!((&found[0]["capacity"], &found[0]["messages"]), (&24.into(), &1.into()));
    let roles = found[0]["roles"].as_array().expect("there are roles");
    let held: Vec<_> = roles.iter().map(|role| (role["role"].as_str(), role["is_held"].as_bool())).collect();
    assert_eq!(
        held,
        [(Some("producer"), Some(true)), (Some("consumer 0"), Some(false)), (Some("consumer 1"), Some(true))]
    );
    assert_eq!(roles[0]["pid"], pid);
    assert_eq!((&found[2]["is_set"], &found[1]["words"], &found[1]["mode"]), (&true.into(), &3.into(), &"0640".into()));

    let (out, _) = ends(&run(&["ls", &names.0, "--kind", "board"]), 0);
    assert_eq!(out.lines().count(), 2, "{out}");
    let (out, _) = ends(&run(&["ls", &names.0, "--long"]), 0);
    assert!(out.contains(&format!("  /lastword-{arm}.locks  ")), "{out}");
}

#[test]
fn what_is_not_whole_is_a_row_that_says_why() {
    let names = Names::new("broken");
    plant(&names.of("half"), "locks", &[]);
    plant(&names.of("noise"), "status", &[0xaa; 500]);
    drop(producer(&names.of("torn")));
    fs::remove_file(format!("/dev/shm/lastword-{}.data", names.of("torn"))).expect("it is there");
    fs::create_dir(format!("/dev/shm/lastword-{}.ready", names.of("yard"))).expect("it is not there");
    let (out, err) = ends(&run(&["ls", &names.0]), 0);
    assert_eq!(err, "");
    for expected in [
        "half-created: object /lastword-",
        "damaged: object /lastword-",
        "it begins with 0xaaaaaaaaaaaaaaaa",
        "data object missing: object",
        "not an object: object",
    ] {
        assert!(out.contains(expected), "no {expected} in {out}");
    }
    let found = json(&["ls", &names.0, "--json"]);
    let conditions: Vec<_> =
        found["found"].as_array().expect("a list").iter().map(|one| one["condition"].as_str().unwrap_or("")).collect();
    assert_eq!(conditions, ["incomplete", "damaged", "data_missing", "not_an_object"]);
    for which in ["half", "noise", "torn", "yard"] {
        let (out, _) = ends(&run(&["inspect", &names.of(which), "--hex"]), 0);
        assert!(out.contains("object /lastword-"), "{out}");
        json(&["inspect", &names.of(which), "--json"]);
    }
    for (which, why) in [("half", "half-created"), ("torn", "object /lastword-")] {
        let (out, _) = ends(&run(&["inspect", &names.of(which), "--kind", "channel", "--slot", "0"]), 0);
        assert!(out.contains(&format!("slot 0\n  it cannot be read: {why}")), "{out}");
    }
    // Three of them can be removed. The directory is no object of this package: the reason says what to do.
    let all = ["half", "noise", "yard", "torn"].map(|which| names.of(which));
    let mut arguments = vec!["rm"];
    arguments.extend(all.iter().map(String::as_str));
    let (out, err) = ends(&run(&arguments), 1);
    assert_eq!(out.lines().count(), 3, "{out}");
    assert!(err.lines().count() == 1 && err.contains("delete it from /dev/shm"), "{err}");
}

#[test]
fn a_channel_whose_locks_object_was_deleted_is_created_anew_as_is_said() {
    let names = Names::new("locks");
    let name = names.of("arm");
    drop(producer(&name));
    fs::remove_file(format!("/dev/shm/lastword-{name}.locks")).expect("it is there");
    let said = "who takes a role next creates the channel anew";
    for arguments in [&["ls", &name][..], &["inspect", &name], &["doctor"], &["top", &name, "--once", "--json"]] {
        let output = run(arguments);
        assert!(String::from_utf8_lossy(&output.stdout).contains(said), "{output:?}");
    }
    drop(producer(&name));
    assert_eq!(json(&["ls", &name, "--json"])["found"][0]["condition"], "complete");
    fs::remove_file(format!("/dev/shm/lastword-{name}.locks")).expect("it is there");
    ends(&run(&["rm", &name]), 0);
    assert!(lastword::objects(&names.0).expect("they can be listed").is_empty());
}

#[test]
fn no_line_of_a_list_wraps_on_a_terminal_and_none_is_cut_in_a_pipe() {
    let names = Names::new("narrow");
    let long = names.of(&"n".repeat(60));
    let _producer = producer(&long);
    plant(&names.of("noise"), "status", &[0xaa; 500]);
    for columns in [30, 60, 100] {
        let mut terminal = OnTerminal::start_sized(&["ls", &names.0], 20, columns);
        assert_eq!(terminal.end(), Some(0));
        let screen = terminal.see("the list", |screen| screen.lines().filter(|line| !line.is_empty()).count() >= 3);
        assert_eq!(screen.lines().filter(|line| !line.is_empty()).count(), 3, "{screen}");
        assert!(screen.contains('…') && screen.starts_with("NAME"), "{screen}");
    }
    let (out, _) = ends(&run(&["ls", &names.0]), 0);
    assert!(out.contains(&long) && out.contains("remove it and create it anew") && !out.contains('…'), "{out}");
    assert!(!out.contains('\u{1b}'), "{out}");
}

#[test]
fn everything_of_a_name_is_inspected() {
    let names = Names::new("inspect");
    let name = names.of("arm");
    let mut publisher = producer(&name);
    let mut definition = Definition::new();
    let moves = definition.word::<u32>("moves", "").expect("a word");
    definition.word::<f64>("speed", "m/s").expect("a word");
    let mut board = Writer::define(&name, &definition, 0o600).expect("it is free");
    board.set(moves, 12).expect("it is a word");
    let mut consumer = Channel::<Pose>::new(&name).expect("a name").consumer(0).expect("it is free");
    let held = consumer.acquire().expect("it works").expect("a message is out");
    let pid = std::process::id();

    let (out, err) = ends(&run(&["inspect", &name]), 0);
    assert_eq!(err, "");
    for expected in [
        format!("channel {name}: complete\n"),
        format!("board {name}: complete\n"),
        format!("  /lastword-{name}.data  "),
        "  messages: Pose (24 bytes, aligned to 8, layout ".to_owned(),
        "  newest message: 1\n".to_owned(),
        format!("  producer    process {pid}, for "),
        "  consumer 1  free\n".to_owned(),
        "  consumer 0: holds message 1 in slot 0; never slept\n".to_owned(),
        "newest, locked by consumer 0\n".to_owned(),
        "message 1 in slot 0, 24 bytes\noffset  size  type ".to_owned(),
        "  joints  [0.0, 0.25] rad  00 00 00 00 00 00 80 3e\n".to_owned(),
        "  moves   7                07 00 00 00 00 00 00 00\n".to_owned(),
        "  moves: 12\n  speed: 0.0 m/s\n".to_owned(),
    ] {
        assert!(out.contains(&expected), "no {expected:?} in\n{out}");
    }
    assert!(!out.contains("00000000  "), "bytes were not asked for: {out}");
    let (out, _) = ends(&run(&["inspect", &name, "--kind", "board"]), 0);
    assert!(!out.contains("channel"), "{out}");
    let (out, _) = ends(&run(&["inspect", &name, "--hex"]), 0);
    assert!(out.contains("00000000  00 00 00 00 00 00 f8 3f  00 00 00 00 00 00 80 3e  |.......?.......>|\n"), "{out}");
    assert!(out.contains("  data    256     8      latest\n"), "{out}");

    drop(held);
    publisher.publish(&Pose { moves: 8, ..POSE }).expect("it is published");
    let found = &json(&["inspect", &name, "--json"])["found"];
    assert_eq!(found[0]["message"]["values"]["moves"], 8);
    assert_eq!(found[0]["message"]["values"]["joints[]"][1], 0.25);
    assert_eq!((&found[0]["message"]["sequence"], &found[0]["message"]["is_whole"]), (&2.into(), &true.into()));
    assert_eq!(found[0]["message"]["bytes"].as_str().map(str::len), Some(48));
    assert_eq!((&found[0]["locks"][0]["state"], &found[0]["slots"][1]["is_newest"]), (&"idle".into(), &true.into()));
    assert_eq!((&found[1]["readings"][0]["value"], &found[1]["readings"][1]["unit"]), (&12.into(), &"m/s".into()));
    let old = &json(&["inspect", &name, "--json", "--slot", "0"])["found"][0]["message"];
    assert_eq!((&old["sequence"], &old["values"]["moves"], &old["slot"]), (&1.into(), &7.into(), &0.into()));

    let (out, _) = ends(&run(&["inspect", &name, "--slot", "3"]), 0);
    assert!(out.contains("slot 3\n  nothing: it was never used, or is being written\n"), "{out}");
    assert!(!out.contains("torn") && !out.contains("offset  size"), "{out}");

    let (_, err) = ends(&run(&["inspect", &name, "--slot", "4"]), 1);
    assert!(err.contains("slot 4 asked for, and the channel has slots 0 to 3"), "{err}");
    ends(&run(&["inspect", &name, "--slot", "256"]), 2);
    let (_, err) = ends(&run(&["inspect", &name, "--kind", "board", "--slot", "0"]), 1);
    assert!(err.contains("is no channel"), "{err}");
}

#[test]
fn a_mailbox_of_bytes_is_shown_byte_by_byte() {
    let names = Names::new("bytes");
    let name = names.of("box");
    let mailbox = Mailbox::bytes(&name, 2000).expect("a name");
    let mut writer = mailbox.writer().expect("it is free");
    let (out, _) = ends(&run(&["inspect", &name]), 0);
    assert!(out.contains("nothing was sent yet") && !out.contains("00000000  "), "{out}");
    writer.try_send(&[b'z'; 1000]).expect("it is empty");
    let (out, _) = ends(&run(&["inspect", &name]), 0);
    assert!(out.contains("the flag is set: it waits for the reader"), "{out}");
    assert!(out.contains("|zzzzzzzzzzzzzzzz|\n... and 488 bytes more: --hex\n"), "{out}");
    let (out, _) = ends(&run(&["inspect", &name, "--hex"]), 0);
    assert!(out.contains("000003e0  7a 7a 7a 7a 7a 7a 7a 7a                           |zzzzzzzz|\n"), "{out}");
    let mut reader = mailbox.reader().expect("it is free");
    reader.try_receive().expect("it works").expect("it is set").clear();
    let (out, _) = ends(&run(&["inspect", &name]), 0);
    assert!(out.contains("the flag is clear: it was consumed") && out.contains("maybe torn"), "{out}");
}

#[test]
fn a_name_that_is_not_there_is_an_error_that_proposes_others() {
    let names = Names::new("similar");
    let name = names.of("camera");
    drop(producer(&name));
    for command in ["inspect", "rm"] {
        let (_, err) = ends(&run(&[command, &names.of("camrea")]), 1);
        assert!(err.contains("no channel, mailbox or board is called") && err.contains(&name), "{err}");
        let (_, err) = ends(&run(&[command, &name, "--kind", "board"]), 1);
        assert!(err.contains("no board is called") && err.contains(&format!("{name} (a channel)")), "{err}");
        let (_, err) = ends(&run(&[command, "wholly-otherwise-than-all-else"]), 1);
        assert!(err.contains("`lastword ls` lists what there is"), "{err}");
    }
    ends(&run(&["rm"]), 2);
}

#[test]
fn what_no_name_can_be_is_a_usage_error_with_the_rule() {
    for arguments in [
        &["ls", "no/name"][..],
        &["inspect", "no/name"],
        &["rm", "no/name"],
        &["rm", ""],
        &["record", "read", "--name", "no/name"],
        &["record", "write", "--name", "no/name"],
        &["handoff", "write", "--name", "no/name"],
        &["status", "serve", "--name", "no/name"],
        &["status", "monitor", "--name", "no/name"],
        &["status", "export", "--name", "no/name"],
        &["exchange", "--index", "0", "--of", "2", "--session", "no/name"],
    ] {
        let (_, err) = ends(&run(arguments), 2);
        assert!(err.contains("is no name for a channel, a mailbox or a board: use 1 to 200 of"), "{err}");
    }
}

/// Whether the grid has this many moves.
fn shows_moves(screen: &str, moves: u32) -> bool {
    let mut words = screen.split_whitespace().skip_while(|&word| word != "moves");
    words.nth(1) == Some(&moves.to_string())
}

#[test]
fn what_is_watched_is_shown_again_as_it_changes_and_when_it_is_gone() {
    let names = Names::new("watch");
    let name = names.of("arm");
    let mut publisher = producer(&name);
    let mut terminal = OnTerminal::start_sized(&["inspect", &name, "--watch"], 40, 100);
    terminal.see("the first message", |screen| shows_moves(screen, 7));
    publisher.publish(&Pose { moves: 8, ..POSE }).expect("it is published");
    let screen = terminal.see("the second message", |screen| shows_moves(screen, 8));
    assert!(
        screen.starts_with(&format!("channel {name}: complete")) && screen.contains("newest message: 2"),
        "{screen}"
    );
    drop(publisher);
    terminal.see("that the role is free", |screen| screen.contains(" free; process "));
    Channel::<Pose>::new(&name).expect("a name").remove(lastword::Force::No).expect("nobody uses it");
    terminal.see("that it is gone", |screen| screen.contains(&format!("{name}: gone")));
    let _again = producer(&name);
    terminal.see("that it is there again", |screen| shows_moves(screen, 7));
    terminal.press(3);
    assert_eq!(terminal.end(), Some(130));

    let mut running = Running::start(&["inspect", &name, "--watch", "--json"]);
    for _ in 0..2 {
        let line = running.hear("{");
        assert!(line.contains("\"moves\":7"), "{line}");
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.finish().0.code(), Some(143));
}

#[test]
fn a_screen_that_is_too_small_is_filled_and_does_not_scroll() {
    let names = Names::new("small");
    let name = names.of("arm");
    let _producer = producer(&name);
    let mut terminal = OnTerminal::start_sized(&["inspect", &name, "--watch"], 6, 20);
    let screen = terminal.see("the head", |screen| screen.lines().count() >= 5);
    assert!(screen.starts_with("channel look-"), "{screen}");
    terminal.press(3);
    assert_eq!(terminal.end(), Some(130));
}

#[test]
fn what_is_used_is_not_removed_without_force_and_who_uses_it_is_named() {
    let names = Names::new("rm");
    let (used, free) = (names.of("used"), names.of("free"));
    let _producer = producer(&used);
    drop(Writer::create(&used, 2, 0o600).expect("it is free"));
    drop(producer(&free));
    let pid = std::process::id();
    let (out, err) = ends(&run(&["rm", &used, &free, &names.of("none")]), 1);
    assert_eq!(out, format!("removed channel {free}\n"));
    let reasons: Vec<&str> = err.lines().collect();
    assert_eq!(reasons.len(), 2, "{err}");
    assert!(
        reasons[0].contains(&format!("channel {used}: not removed, it is in use: producer is process {pid}")),
        "{err}"
    );
    assert!(reasons[0].contains(&format!("(kill {pid})")) && reasons[0].contains("--force"), "{err}");
    assert!(reasons[1].contains("no channel, mailbox or board is called"), "{err}");
    // Neither the board of that name, which nobody uses.
    assert_eq!(lastword::objects(&names.0).expect("they can be listed").len(), 3);

    let (out, _) = ends(&run(&["rm", &used, "--kind", "board"]), 0);
    assert_eq!(out, format!("removed board {used}\n"));
    let (out, err) = ends(&run(&["rm", &used, "--force"]), 0);
    assert_eq!(out, format!("removed channel {used}\n"));
    assert!(err.contains(&format!("channel {used} was in use: producer is process {pid}; ")), "{err}");
    assert!(lastword::objects(&names.0).expect("they can be listed").is_empty());

    let _producer = producer(&used);
    let output = run(&["rm", &used, "--force", "--json", &free]);
    let (out, _) = ends(&output, 1);
    let report: Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(report["removed"][0]["still_used_by"][0]["pid"], pid);
    assert_eq!(
        (&report["removed"][0]["kind"], &report["failed"][0]["name"]),
        (&"channel".into(), &free.as_str().into())
    );
}

#[test]
fn of_three_that_clean_at_once_each_says_what_it_has_removed() {
    const CHANNELS: usize = 100;
    let names = Names::new("at-once");
    (0..CHANNELS).for_each(|number| drop(producer(&names.of(&number.to_string()))));
    let clean = || {
        let mut command = lastword();
        command.args(["clean", &names.0, "--json"]).stdout(Stdio::piped()).spawn().expect("it starts")
    };
    let cleaners = [(); 3].map(|()| clean());
    let removed: usize = cleaners
        .into_iter()
        .map(|cleaner| {
            let report = common::json(&cleaner.wait_with_output().expect("it is a child"));
            report["removed"].as_array().expect("it lists them").len()
        })
        .sum();
    assert_eq!(removed, 2 * CHANNELS);
}

#[test]
fn a_channel_that_was_replaced_is_not_removed_while_its_old_generation_is_used() {
    let names = Names::new("replaced");
    let name = names.of("arm");
    let old = producer(&name);
    let channel = Channel::<Pose>::new(&name).expect("a name");
    drop(channel.replace().expect("it is there").commit());
    let found = &json(&["inspect", &name, "--json"])["found"][0];
    assert_eq!((&found["generation"], &found["messages"]), (&1.into(), &0.into()));
    let (out, _) = ends(&run(&["inspect", &name]), 0);
    assert!(
        out.contains("generation 1: it was replaced") && out.contains(&format!("/lastword-{name}~1.data")),
        "{out}"
    );
    let (_, err) = ends(&run(&["rm", &name]), 1);
    assert!(err.contains(&format!("held by process {}", std::process::id())) && err.contains("(--force)"), "{err}");
    drop(old);
    let (out, _) = ends(&run(&["rm", &name]), 0);
    assert_eq!(out, format!("removed channel {name}\n"));
    assert!(lastword::objects(&names.0).expect("they can be listed").is_empty());
}

#[test]
fn a_process_that_is_killed_is_seen_to_be_gone() {
    let mut running = Running::start(&["exchange", "3", "--interval-ms", "50"]);
    let prefix = format!("exchange.{}-", running.pid());
    let channel = |number: usize| -> Option<Value> {
        let found = json(&["ls", &prefix, "--kind", "channel", "--json"]);
        let one = found["found"].as_array()?.get(number)?.clone();
        one["roles"].as_array()?.iter().all(|role| role["pid"].is_u64()).then_some(one)
    };
    let before = wait_for("all roles", || channel(1).filter(|one| one["roles"][0]["is_held"] == true));
    let pid = before["roles"][0]["pid"].as_u64().expect("it is known");
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).expect("it lives");
    let after = wait_for("the role's end", || channel(1).filter(|one| one["roles"][0]["is_held"] == false));
    assert_eq!(after["roles"][0]["pid"], pid);
    let name = after["name"].as_str().expect("it has a name");
    let (out, _) = ends(&run(&["inspect", name, "--kind", "channel"]), 0);
    assert!(out.contains(&format!("  producer    free; process {pid} had it last\n")), "{out}");
    // What a session uses that is running is not removed, though nobody has a role of it just now.
    let board = format!("{}.1", name.strip_suffix(".1").expect("it is the second one"));
    let (_, err) = ends(&run(&["rm", &board, "--kind", "board"]), 1);
    assert!(err.contains("belongs to a session that is running"), "{err}");
    running.tell("q");
    let (status, text) = running.finish();
    assert_eq!(status.code(), Some(0), "{text}");
    assert_eq!(json(&["ls", &prefix, "--json"])["found"].as_array().map(Vec::len), Some(0));
}

#[derive(lastword::zerocopy::FromBytes, lastword::zerocopy::IntoBytes, lastword::zerocopy::Immutable)]
#[zerocopy(crate = "lastword::zerocopy")]
#[repr(C)]
struct Hostile(u64);

impl Message for Hostile {
    const LAYOUT: TypeLayout = TypeLayout::new("\u{1b}]0;owned\u{7}\u{202e}x", 8, 8, &[]);
}

#[test]
fn what_a_creator_wrote_does_nothing_to_a_terminal() {
    let names = Names::new("hostile");
    let name = names.of("arm");
    let mut producer = Channel::<Hostile>::new(&name).expect("a name").producer().expect("it is free");
    producer.publish(&Hostile(0x1b1b_1b1b_1b1b_1b1b)).expect("it is published");
    for arguments in [&["ls", &names.0, "--long"][..], &["ls", &names.0, "--json"], &["inspect", &name, "--hex"]] {
        let (out, _) = ends(&run(arguments), 0);
        assert!(!out.contains('\u{1b}') && !out.contains('\u{7}') && out.contains("owned"), "{out:?}");
    }
    let (out, _) = ends(&run(&["ls", &names.0]), 0);
    assert!(!out.contains('\u{202e}'), "{out:?}");
}

/// The command as another user, to whom the way to it may be closed.
fn run_as_a_stranger(arguments: &[&str]) -> Output {
    const STRANGER: u32 = 65_534;
    let program = File::open(lastword().get_program()).expect("it is there");
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    command.args(arguments).uid(STRANGER).gid(STRANGER).current_dir("/").stdin(Stdio::null());
    command.output().expect("it starts")
}

#[test]
fn what_another_user_may_not_read_is_a_row_that_says_so_and_is_not_removed() {
    if !Uid::effective().is_root() {
        return eprintln!("NOT TESTED: looking as another user, which needs root");
    }
    let names = Names::new("stranger");
    let name = names.of("arm");
    drop(producer(&name));
    let (out, _) = ends(&run_as_a_stranger(&["ls", &names.0]), 0);
    let row = out.lines().nth(1).expect("there is a row");
    assert!(row.contains("0600") && row.contains("root") && row.contains("permission denied: object"), "{out}");
    let (out, _) = ends(&run_as_a_stranger(&["inspect", &name]), 0);
    assert!(out.contains("permission denied") && out.contains("ask its owner for access"), "{out}");
    let (_, err) = ends(&run_as_a_stranger(&["rm", &name, "--force"]), 1);
    assert!(err.contains("ask its owner for access"), "{err}");
    ends(&run(&["rm", &name]), 0);
}

#[test]
fn more_is_listed_than_files_can_be_open() {
    let names = Names::new("many");
    let all: Vec<String> = (0..100).map(|number| names.of(&format!("{number:03}"))).collect();
    for name in &all {
        drop(Writer::create(name, 2, 0o600).expect("it is free"));
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 32; exec \"$0\" ls \"$1\""]).arg(lastword().get_program()).arg(&names.0);
    let (out, _) = ends(&shell.output().expect("there is a shell"), 0);
    assert_eq!(out.lines().filter(|line| line.contains("writer -")).count(), 100, "{out}");
    let mut arguments = vec!["rm"];
    arguments.extend(all.iter().map(String::as_str));
    let (out, _) = ends(&run(&arguments), 0);
    assert_eq!(out.lines().count(), 100);
}

/// A status server in a pid namespace of its own, where it is process 1. It ends with what started it.
struct Elsewhere(Child);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn served_elsewhere(name: &str) -> Option<Elsewhere> {
    let options = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if !Command::new("unshare").args(options).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TESTED: a process of another pid namespace, since this user may not have one (unshare(1))");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(options).arg(lastword().get_program()).args(["status", "serve", "--name", name]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    Some(Elsewhere(command.spawn().expect("it starts")))
}

#[test]
fn a_process_of_another_pid_namespace_is_not_taken_for_one_of_this() {
    let names = Names::new("namespace");
    let name = names.of("board");
    let Some(server) = served_elsewhere(&name) else { return };
    wait_for("the server", || {
        let found = json(&["ls", &name, "--json"]);
        (found["found"][0]["roles"][0]["is_held"] == true && found["found"][0]["roles"][0]["pid"] == 1).then_some(())
    });
    let role = &json(&["ls", &name, "--json"])["found"][0]["roles"][0];
    assert_eq!(role["is_certain"], false, "{role}");
    let (out, _) = ends(&run(&["ls", &name]), 0);
    assert!(out.contains("writer 1?\n"), "{out}");
    let (out, _) = ends(&run(&["inspect", &name]), 0);
    assert!(out.contains("process 1?, which is gone or lives in another pid namespace"), "{out}");
    let (out, _) = ends(&run(&["top", &name, "--once", "--interval-ms", "50"]), 0);
    assert!(out.contains("writer 1?\n") && out.contains("1 object, 0 processes"), "{out}");
    let (_, err) = ends(&run(&["rm", &name]), 1);
    assert!(!err.contains("(kill") && err.contains("it was last taken by process 1, which is gone"), "{err}");

    // What is proposed finds it.
    let advice = err.split('`').nth(1).expect("a command is proposed").to_owned();
    let found = Command::new("sh").args(["-c", &advice]).output().expect("there is a shell");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let pids: Vec<&str> = found.lines().filter_map(|line| line.split('/').nth(2)).collect();
    assert!(!pids.is_empty(), "{advice}: {found}");
    for pid in pids {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("it lives");
        assert!(line.contains(&name) && line.contains("serve"), "{line:?}");
    }
    drop(server);
}
