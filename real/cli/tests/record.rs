//! Records as a new user meets them, in terminals of their own: the sample, layouts of C structs, values that cannot
//! be, and writers that are killed on their way.

mod common;

use common::{OnTerminal, Running, lastword, run, wait_for};
use lastword::zerocopy::IntoBytes;
use lastword::{Channel, Char, Force, Padding, Text};
use nix::sys::signal::Signal;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

lastword::message! {
    /// The sample, as a program has it that was compiled with it.
    struct Record {
        text: Text<24>,
        numerator: i32,
        slash: Char,
        gap_1: Padding<3>,
        denominator: i32,
        equals: Text<2>,
        gap_2: Padding<2>,
        value: f64,
        farewell: Text<16>,
    }
}

const SENTENCE: &str = "PI is defined as: 22/7==3.14286\ngoodbye\n";

/// A record that is removed again, and files that are.
struct Scratch {
    name: String,
    files: Vec<PathBuf>,
}

impl Scratch {
    fn new(test: &str) -> Self {
        Self { name: format!("record-{}-{test}", std::process::id()), files: Vec::new() }
    }

    fn file(&mut self, name: &str, text: &[u8]) -> String {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.{name}", self.name));
        std::fs::write(&path, text).expect("there is room in target");
        self.files.push(path.clone());
        path.into_os_string().into_string().expect("the path is UTF-8")
    }

    /// Runs `lastword record what --name ...`.
    fn run(&self, what: &str, arguments: &[&str]) -> Output {
        run(&[&["record", what, "--name", &self.name], arguments].concat())
    }

    fn terminal(&self, what: &str, arguments: &[&str]) -> OnTerminal {
        OnTerminal::start(&[&["record", what, "--name", &self.name], arguments].concat())
    }

    fn typed(&self) -> Channel<Record> {
        Channel::new(&self.name).expect("the name can be")
    }

    fn json(&self) -> serde_json::Value {
        common::json(&self.run("read", &["--once", "--json"]))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = Channel::<[u8]>::new(&self.name).map(|channel| channel.remove(Force::Yes));
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What is said on standard error by a command that fails.
fn refused(output: &Output) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("lastword: "), "{text}");
    text
}

#[test]
fn the_sample_is_written_piece_by_piece_and_read_as_a_sentence() {
    let scratch = Scratch::new("sample");
    // The reader is there first.
    let mut reader = scratch.terminal("read", &[]);
    reader.hear(&format!("waiting for record {0}; to publish one: lastword record write --name {0}", scratch.name));
    let mut writer = scratch.terminal("write", &[]);
    for piece in [
        "byte   0: text = \"PI is defined as: \"",
        "byte  24: numerator = 22",
        "byte  28: slash = '/'",
        "byte  32: denominator = 7",
        "byte  36: equals = \"==\"",
        "byte  40: value = 3.14286",
        "byte  48: farewell = \"goodbye\"",
        "published message 1 of record",
        &format!("it stays in /dev/shm for readers: lastword record read --name {0}", scratch.name),
        &format!("to remove it: lastword rm {}", scratch.name),
    ] {
        writer.hear(piece);
    }
    assert_eq!(writer.end(), Some(0));
    reader.hear("PI is defined as: 22/7==3.14286\r\ngoodbye\r\n");
    assert_eq!(reader.end(), Some(0));
    let output = scratch.run("read", &[]);
    assert_eq!((stdout(&output), stderr(&output)), (SENTENCE.to_owned(), String::new()));
    let fields = stdout(&scratch.run("read", &["--fields"]));
    assert!(
        fields.starts_with("text[]: \"PI is defined as: \"\nnumerator: 22\nslash: '/'\ndenominator: 7\n"),
        "{fields}"
    );
    let grid = stdout(&scratch.run("read", &["--grid"]));
    assert!(grid.starts_with("Record, message 1: 64 bytes, aligned to 8\noffset  size  type      name"), "{grid}");
    assert!(
        grid.contains("40     8  f64       value        3.14286               a3 40 9f c8 93 24 09 40\n"),
        "{grid}"
    );
    assert!(grid.contains("    29     3            (padding)") && grid.lines().all(|line| line.len() <= 100), "{grid}");
    let json = scratch.json();
    assert_eq!(
        (&json["record"], &json["type"], &json["message"]),
        (&scratch.name.as_str().into(), &"Record".into(), &1.into())
    );
    assert_eq!((&json["fields"]["text[]"], &json["fields"]["value"]), (&"PI is defined as: ".into(), &3.14286.into()));
}

#[test]
fn a_program_that_was_compiled_with_the_struct_reads_and_writes_the_same_record() {
    let scratch = Scratch::new("typed");
    assert!(scratch.run("write", &["--json"]).status.success());
    let (sequence, record) =
        scratch.typed().observer().expect("the same type").peek().expect("intact").expect("a message is out");
    assert_eq!((sequence.get(), record.text.as_str(), record.value), (1, Ok("PI is defined as: "), 3.14286));
    let mut producer = scratch.typed().producer().expect("the writer has ended");
    let last = producer.read_last().expect("intact").expect("a message is out");
    assert_eq!(last.as_bytes(), record.as_bytes());
    producer.publish(&Record { numerator: 355, denominator: 113, value: 3.1415929, ..last }).expect("intact");
    drop(producer);
    assert_eq!(stdout(&scratch.run("read", &[])), "PI is defined as: 355/113==3.1415929\ngoodbye\n");
    let other = Scratch::new("typed-first");
    drop(other.typed().producer().expect("it is created"));
    let output = other.run("read", &["--once"]);
    assert!(refused(&output).contains("found no message in it yet, expected one; publish one: lastword record write"));
    assert_eq!(common::json(&other.run("write", &["--json"]))["message"], 1);
    assert_eq!(stdout(&other.run("read", &[])), SENTENCE);
}

#[test]
fn fields_are_set_and_the_others_stay_as_they_were() {
    let scratch = Scratch::new("fields");
    assert!(scratch.run("write", &["numerator=0", "farewell=0123456789abcdef"]).status.success());
    assert_eq!(stdout(&scratch.run("read", &[])), "PI is defined as: 0/7==3.14286\n0123456789abcdef\n");
    assert!(scratch.run("write", &["numerator=2147483647", "denominator=-2147483648", "value=-0"]).status.success());
    let expected = "PI is defined as: 2147483647/-2147483648==-0\n0123456789abcdef\n";
    assert_eq!(stdout(&scratch.run("read", &[])), expected);
    for (fields, expected) in [
        (
            &["numerator=2147483648"][..],
            "field numerator: found \"2147483648\", expected i32: -2147483648 to 2147483647",
        ),
        (&["value=1", "farewell=0123456789abcdefg"], "field farewell: found 17 bytes of text, expected at most 16"),
        (&["value=1e999"], "field value: found 1e999, expected f64: -1.7976931348623157e308 to"),
        (&["apples=1"], "found a field \"apples\", expected one of Record: text, numerator, slash"),
        (&["value"], "found \"value\", expected a field and its value: text=..."),
    ] {
        let text = refused(&scratch.run("write", fields));
        assert!(text.contains(expected), "{text}");
    }
    // Nothing of that was published.
    assert_eq!((stdout(&scratch.run("read", &[])), &scratch.json()["message"]), (expected.to_owned(), &2.into()));
    // Whatever is in there, a terminal is told nothing else.
    assert!(scratch.run("write", &["text=\x1b[2J\u{202e}", "slash=\x07"]).status.success());
    for output in [scratch.run("read", &[]), scratch.run("read", &["--fields"]), scratch.run("read", &["--grid"])] {
        assert!(!stdout(&output).contains(['\x1b', '\x07', '\u{202e}']), "{}", stdout(&output));
    }
    for range in ["--pause-ms=60001", "--pause-ms=-1", "--pause-ms=x"] {
        assert_eq!(scratch.run("write", &[range]).status.code(), Some(2));
    }
}

/// Runs `record write` with these lines on its standard input.
fn write_lines(scratch: &Scratch, arguments: &[&str], lines: &[u8]) -> Output {
    let mut command = lastword();
    command.args(["record", "write", "--name", &scratch.name]).args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(lines).expect("it listens");
    child.wait_with_output().expect("it ends")
}

#[test]
fn lines_of_standard_input_are_records_and_a_wrong_one_stops_no_other() {
    let scratch = Scratch::new("lines");
    let output = write_lines(&scratch, &[], b"numerator=1\nvalue=0.5\n\n\nvalue=0.25\n");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output).matches("published message").count(), 2);
    assert_eq!(stdout(&scratch.run("read", &[])), "PI is defined as: 1/7==0.25\ngoodbye\n");
    let output = write_lines(&scratch, &["--json"], b"numerator=9\nvalue=x\n\nnumerator=2\n\n\xff=1\n");
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("line 2 of standard input: field value: found \"x\", expected f64"), "{text}");
    assert!(text.contains("line 6 of standard input: found no UTF-8 at byte 0"), "{text}");
    assert_eq!(stdout(&output), format!("{{\"record\":\"{}\",\"message\":3,\"bytes\":64}}\n", scratch.name));
    assert_eq!(stdout(&scratch.run("read", &[])), "PI is defined as: 2/7==0.25\ngoodbye\n");
    // A pipe that nobody has written to.
    let output = write_lines(&scratch, &[], b"");
    assert!(output.status.success() && stderr(&output).contains("nothing is published"), "{}", stderr(&output));
    assert_eq!(stdout(&scratch.run("read", &[])), "PI is defined as: 2/7==0.25\ngoodbye\n");
    // Waiting for lines, it is ended by a signal, and its role is free.
    let writer = Running::start(&["record", "write", "--name", &scratch.name]);
    wait_for("the writer", || scratch.typed().holder(lastword::Role::Producer).expect("it can be asked"));
    writer.signal(Signal::SIGTERM);
    assert_eq!(writer.finish().0.code(), Some(128 + 15));
}

#[test]
fn a_writer_that_is_killed_between_two_pieces_has_published_nothing() {
    let scratch = Scratch::new("kill");
    assert!(scratch.run("write", &[]).status.success());
    let slowly = &["--pause-ms", "60000", "numerator=1", "denominator=2", "value=0.5"];
    for signal in [Signal::SIGKILL, Signal::SIGINT, Signal::SIGKILL] {
        let mut writer = scratch.terminal("write", slowly);
        writer.hear("byte  24: numerator = 1");
        // Half of it is in the memory.
        assert_eq!(stdout(&scratch.run("read", &[])), SENTENCE);
        // One writer at a time.
        let text = refused(&scratch.run("write", &[]));
        assert!(text.contains(&format!("the role of producer is held by process {}", writer.pid())), "{text}");
        match signal {
            Signal::SIGINT => {
                writer.press(3);
                writer.hear("nothing was published: readers still see message 1");
                assert_eq!(writer.end(), Some(130));
            }
            _ => {
                writer.signal(signal);
                assert_eq!(writer.end(), None);
            }
        }
        assert_eq!((stdout(&scratch.run("read", &[])), &scratch.json()["message"]), (SENTENCE.to_owned(), &1.into()));
    }
    assert!(scratch.run("write", &["numerator=1", "denominator=2", "value=0.5"]).status.success());
    assert_eq!(stdout(&scratch.run("read", &[])), "PI is defined as: 1/2==0.5\ngoodbye\n");
    // The first one of all: there is nothing to see, and a reader waits on.
    let first = Scratch::new("kill-first");
    let mut reader = first.terminal("read", &[]);
    let mut writer = first.terminal("write", &["--pause-ms", "60000"]);
    writer.hear("byte   0: text");
    writer.signal(Signal::SIGKILL);
    assert_eq!(writer.end(), None);
    reader.hear("waiting for the first message of record");
    assert!(first.run("write", &[]).status.success());
    reader.hear("goodbye");
    assert_eq!(reader.end(), Some(0));
}

#[test]
fn whenever_a_writer_is_killed_a_reader_sees_a_whole_record() {
    let scratch = Scratch::new("kills");
    let number =
        |n: u64| [format!("numerator={n}"), format!("denominator={n}"), format!("value={n}"), format!("farewell={n}")];
    let write = |n: u64| {
        let mut command = lastword();
        command.args(["record", "write", "--name", &scratch.name, "--pause-ms", "3"]).args(number(n));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
    };
    assert!(write(0).wait().expect("it ends").success());
    let (mut numbers, mut published, mut unpublished) = (Numbers(2), 0, 0);
    let observer = scratch.typed().observer().expect("it is there");
    let see = || {
        let (sequence, record) = observer.peek().expect("intact").expect("a message is out");
        let Record { numerator, denominator, value, farewell, .. } = record;
        let all = [denominator.to_string(), value.to_string(), farewell.as_str().expect("digits").to_owned()];
        assert!(all.iter().all(|part| *part == numerator.to_string()), "{record:?}");
        (sequence, numerator)
    };
    for n in 1..=60 {
        let before = see();
        let mut writer = write(n);
        let life = Duration::from_micros(numbers.below(20_000));
        let born = Instant::now();
        while born.elapsed() < life {
            see();
        }
        let _ = writer.kill();
        writer.wait().expect("it is a child");
        let after = see();
        if after == before {
            unpublished += 1;
        } else {
            assert_eq!((after.0.get(), after.1), (before.0.get() + 1, n as i32));
            published += 1;
        }
    }
    // On a slow machine none may get as far; all of them cannot.
    assert!(unpublished > 0, "{published} published");
}

#[test]
fn a_reader_follows_records_through_their_removal() {
    let scratch = Scratch::new("follow");
    let mut reader = scratch.terminal("read", &["--follow"]);
    reader.hear("waiting for record");
    assert!(scratch.run("write", &[]).status.success());
    reader.hear("message 1\r\nPI is defined as: 22/7==3.14286\r\ngoodbye");
    assert!(scratch.run("write", &["numerator=23"]).status.success());
    reader.hear("message 2\r\nPI is defined as: 23/7==3.14286\r\ngoodbye");
    assert!(scratch.typed().remove(Force::No).expect("nobody has a role"));
    reader.hear("waiting for record");
    assert!(scratch.run("write", &["numerator=24"]).status.success());
    reader.hear("message 1\r\nPI is defined as: 24/7==3.14286\r\ngoodbye");
    // Several between two looks: the newest is shown, and that there were others.
    let mut producer = scratch.typed().producer().expect("the role is free");
    let last = producer.read_last().expect("intact").expect("a message is out");
    for numerator in 25..=1000 {
        producer.publish(&Record { numerator, ..last }).expect("intact");
    }
    reader.hear("published and overwritten meanwhile)");
    reader.hear("PI is defined as: 1000/7==3.14286");
    reader.press(3);
    assert_eq!(reader.end(), Some(130));
}

const MINE: &str = "\
// Two structs of a C program.
struct point { float x, y; };
struct mine {
    char name[8];
    struct point points[3] \"mm\";
    uint64_t count @ 40 \"apples\";
    bool is_done;
};
";

#[test]
fn what_is_proposed_runs_also_where_the_name_begins_like_an_option() {
    let scratch = Scratch { name: format!("-record-{}-dash", std::process::id()), files: Vec::new() };
    let output = run(&["record", "write", &format!("--name={}", scratch.name)]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let advice = said.lines().find(|line| line.starts_with("it stays")).expect("it is said");
    let commands: Vec<&str> =
        advice.split("lastword ").skip(1).map(|rest| rest.split(';').next().unwrap_or(rest)).collect();
    let [read, remove] = commands[..] else { panic!("{advice}") };
    let read: Vec<&str> = read.split_whitespace().chain(["--once"]).collect();
    assert!(stdout(&run(&read)).contains("goodbye"), "{read:?}");
    let remove: Vec<&str> = remove.split_whitespace().collect();
    assert_eq!(stdout(&run(&remove)), format!("removed channel {}\n", scratch.name), "{remove:?}");
}

#[test]
fn a_struct_of_a_users_own_is_described_by_a_file() {
    let mut scratch = Scratch::new("layout");
    let file = scratch.file("mine.h", MINE.as_bytes());
    let output = run(&["record", "layout", &file]);
    let expected = "\
mine: 56 bytes, aligned to 8
offset  size  type     name            unit
     0     8  char[8]  name
     8    12  f32      points[0..3].x  mm
    12    12  f32      points[0..3].y  mm
    32     8           (padding)
    40     8  u64      count           apples
    48     1  bool     is_done
    49     7           (padding)
";
    assert_eq!(stdout(&output), expected);
    let json = common::json(&run(&["record", "layout", "--json", &file]));
    assert_eq!((&json["name"], &json["size"], &json["align"]), (&"mine".into(), &56.into(), &8.into()));
    assert_eq!(json["fields"][1]["dimensions"][0], serde_json::json!({"count": 3, "stride": 8}));
    assert_eq!(json["padding"][1], serde_json::json!({"offset": 49, "size": 7}));
    let set = ["--layout", &file, "name=arm", "points[1].x=-0.5", "count=18446744073709551615", "is_done=true"];
    assert!(scratch.run("write", &set).status.success());
    let expected = "name[]: \"arm\"\npoints[].x: [0.0, -0.5, 0.0] mm\npoints[].y: [0.0, 0.0, 0.0] mm\n\
                    count: 18446744073709551615 apples\nis_done: true\n";
    assert_eq!(stdout(&scratch.run("read", &[])), expected);
    // From now on the record itself says what it is.
    assert!(scratch.run("write", &["count=0"]).status.success());
    assert_eq!(scratch.json()["fields"]["count"], 0);
    // Other layouts are refused by the first field that differs.
    let other = scratch.file("other.h", MINE.replace("uint64_t count", "int64_t count").as_bytes());
    let text = refused(&scratch.run("write", &["--layout", &other]));
    let with = |kind: &str| format!("mine (56 bytes, aligned to 8) with the field count: {kind} at byte 40, in apples");
    assert!(text.contains(&format!("found {}, expected {}", with("u64"), with("i64"))), "{text}");
    let text = refused(&scratch.run("write", &[]));
    assert!(text.contains("with the field name[0..8]: char at byte 0, expected Record (64 bytes"), "{text}");
}

#[test]
fn what_is_wrong_with_a_layout_is_said_with_its_place_in_the_file() {
    let mut scratch = Scratch::new("errors");
    let refused = |file: &str| refused(&run(&["record", "layout", file]));
    let file = scratch.file("wrong.h", MINE.replace("float", "flaot").as_bytes());
    assert!(refused(&file).starts_with(&format!("lastword: {file}:2:16: found `flaot`, expected a type: char, bool")));
    let file = scratch.file("binary.h", b"struct s { int x; \xff};");
    assert!(refused(&file).contains("byte 18 is not UTF-8"));
    let file = scratch.file("long.h", &vec![b' '; (1 << 20) + 1]);
    assert!(refused(&file).contains("found more than 1048576 bytes"));
    let missing = "/nowhere/mine.h";
    assert!(refused(missing).contains("/nowhere/mine.h: cannot read the layout: No such file"));
    assert!(refused("/dev/zero").contains("found more than 1048576 bytes"));
    // Nothing is created before all is right.
    let file = scratch.file("mine.h", MINE.as_bytes());
    assert_eq!(scratch.run("write", &["--layout", &file, "count=-1"]).status.code(), Some(1));
    let output = scratch.run("read", &["--once"]);
    assert!(stderr(&output).contains("not found; start the process that creates it"), "{}", stderr(&output));
}

#[test]
fn a_name_that_messages_of_bytes_or_another_object_have_is_refused() {
    let scratch = Scratch::new("bytes");
    let bytes = Channel::bytes(&scratch.name, 100).expect("the name can be");
    bytes.producer().expect("it is created").publish(b"of any length").expect("it fits");
    let text = refused(&scratch.run("write", &[]));
    assert!(text.contains("message type: found bytes, which names no fields, expected Record (64 bytes"), "{text}");
    let text = refused(&scratch.run("write", &["value=1"]));
    assert!(text.contains("which name no fields, expected fields to set; choose another --name"), "{text}");
    let shown = stdout(&scratch.run("read", &[]));
    assert!(shown.contains("of any l  6f 66 20 61 6e 79 20 6c\n"), "{shown}");
    let output = run(&["record", "write", "--name", "a/b"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("a/b"), "{}", stderr(&output));
    // Nobody will complete what somebody has deleted, so it is not waited for.
    let cut = Scratch::new("cut");
    assert!(cut.run("write", &[]).status.success());
    std::fs::remove_file(format!("/dev/shm/lastword-{}.data", cut.name)).expect("it is there");
    let text = refused(&cut.run("read", &[]));
    assert!(text.contains(".data: not found, though the channel's locks object is complete"), "{text}");
    // What a crash has left half-made is completed.
    let half = Scratch::new("half");
    let path = format!("/dev/shm/lastword-{}.locks", half.name);
    std::fs::File::create(&path).expect("/dev/shm can be written");
    assert!(half.run("write", &[]).status.success());
    assert_eq!(stdout(&half.run("read", &[])), SENTENCE);
    let garbage = Scratch::new("garbage");
    std::fs::write(format!("/dev/shm/lastword-{}.locks", garbage.name), [7; 4096]).expect("/dev/shm can be written");
    for output in [garbage.run("write", &[]), garbage.run("read", &[])] {
        assert!(refused(&output).contains("remove it and create it anew"));
    }
}

#[test]
fn a_record_that_there_is_no_room_for_or_that_is_another_users_is_an_error_with_advice() {
    let scratch = Scratch::new("room");
    let command = format!("ulimit -f 0; exec {} record write --name {}", env!("CARGO_BIN_EXE_lastword"), scratch.name);
    let output = Command::new("sh").args(["-c", &command]).stdin(Stdio::null()).output().expect("there is a shell");
    assert!(refused(&output).contains("(ulimit -f)"), "{}", stderr(&output));
    assert_eq!(::lastword::objects(&scratch.name).expect("objects can be listed"), []);
    // The user who may do anything becomes another one; others take the permission from themselves.
    assert!(scratch.run("write", &[]).status.success());
    let is_root = std::fs::metadata("/proc/self").expect("there is /proc").uid() == 0;
    if !is_root {
        for part in ["locks", "data"] {
            let path = format!("/dev/shm/lastword-{}.{part}", scratch.name);
            std::fs::set_permissions(path, Permissions::from_mode(0o000)).expect("it is this user's");
        }
    }
    for what in ["read", "write"] {
        let mut command = lastword();
        command.args(["record", what, "--name", &scratch.name]).stdin(Stdio::null());
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        let text = refused(&command.output().expect("it runs"));
        assert!(text.contains("Permission denied") || text.contains("EACCES"), "{text}");
        assert!(text.contains(&scratch.name), "{text}");
    }
}

/// Numbers that only look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const STRUCTS: usize = 60;

/// Structs of all types, in arrays and in each other; each with its fields.
fn structs(numbers: &mut Numbers) -> Vec<(String, Vec<String>)> {
    let types = [
        "char",
        "signed char",
        "unsigned char",
        "bool",
        "short",
        "unsigned short int",
        "int",
        "unsigned",
        "long",
        "unsigned long long",
        "float",
        "double",
        "int8_t",
        "uint16_t",
        "int32_t",
        "uint64_t",
        "size_t",
        "__int128",
        "unsigned __int128",
        "long int",
        "uint8_t",
    ];
    let mut structs = Vec::new();
    for number in 0..STRUCTS {
        let (mut members, mut names) = (String::new(), Vec::new());
        for field in 0..=numbers.below(7) {
            let name = format!("f{field}");
            let type_name = match numbers.below(5) {
                0 if number > 0 => format!("struct s{}", numbers.below(number.min(8) as u64)),
                _ => types[numbers.below(types.len() as u64) as usize].to_owned(),
            };
            let dimensions: String =
                (0..numbers.below(5).saturating_sub(2)).map(|_| format!("[{}]", numbers.below(5) + 1)).collect();
            members += &format!("    {type_name} {name}{dimensions};\n");
            names.push(name);
        }
        let packed = if numbers.below(4) == 0 { "__attribute__((packed)) " } else { "" };
        structs.push((format!("struct {packed}s{number} {{\n{members}}};\n"), names));
    }
    structs
}

#[test]
fn a_c_compiler_puts_every_field_where_the_layout_says() {
    let mut scratch = Scratch::new("cc");
    let structs = structs(&mut Numbers(1));
    let mut program = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n".to_owned();
    let declarations: String = structs.iter().map(|(text, _)| text.as_str()).collect();
    program += &declarations;
    program += "int main(void) {\n";
    for (number, (_, fields)) in structs.iter().enumerate() {
        program += &format!("printf(\"%zu %zu\", sizeof(struct s{number}), _Alignof(struct s{number}));\n");
        for field in fields {
            program += &format!("printf(\" %zu\", offsetof(struct s{number}, {field}));\n");
        }
        program += "puts(\"\");\n";
    }
    program += "}\n";
    let source = scratch.file("structs.c", program.as_bytes());
    let compiled = scratch.file("structs", b"");
    let output = Command::new("cc").args(["-o", &compiled, &source]).output().expect("there is a C compiler");
    assert!(output.status.success(), "{}", stderr(&output));
    let said = Command::new(&compiled).output().expect("it runs");
    let mut text = "#include <stdint.h>\n".to_owned();
    let mut fields_compared = 0;
    for (number, ((declaration, fields), said)) in structs.iter().zip(stdout(&said).lines()).enumerate() {
        let said: Vec<u64> = said.split(' ').map(|number| number.parse().expect("a number")).collect();
        text += declaration;
        let file = scratch.file("layout.h", text.as_bytes());
        let output = run(&["record", "layout", "--json", &file]);
        assert!(output.status.success(), "{}", stderr(&output));
        let json = common::json(&output);
        assert_eq!(
            (json["size"].as_u64(), json["align"].as_u64()),
            (Some(said[0]), Some(said[1])),
            "s{number} in\n{text}"
        );
        for (field, &offset) in fields.iter().zip(&said[2..]) {
            let begins = |entry: &&serde_json::Value| {
                entry["name"].as_str().is_some_and(|name| name.split(['.', '[']).next() == Some(field))
            };
            // The first value of a struct within it is where that begins.
            let first = json["fields"].as_array().and_then(|fields| fields.iter().find(begins));
            let found = first.and_then(|entry| entry["offset"].as_u64());
            assert_eq!(found, Some(offset), "{field} of s{number} in\n{text}");
            fields_compared += 1;
        }
    }
    assert!(fields_compared > 3 * STRUCTS, "{fields_compared}");
}
