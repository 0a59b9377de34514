//! Status boards, and the list of objects.

mod common;

use common::{Child, Pose, Scratch, role, say, wait_for_the_end};
use lastword::ready::Mailbox;
use lastword::status::{self, Board, Definition, DefinitionError, Key, KeyError, Monitor, StatusError, Writer};
use lastword::{
    Channel, DescriptionError, EntryError, Force, Kind, ObjectKind, OpenError, RemoveError, Role, TypeLayout, Value,
};
use lastword_protocol::description::{Dimension, Entry, encode};
use lastword_protocol::header::Header;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
#[ignore = "other tests run it in child processes"]
fn child_process() -> Outcome {
    let (_, name) = role();
    let mut writer = Writer::create(&name, 6, 0o600)?;
    writer.set(Key::at(0), 41u64)?;
    say("ready");
    wait_for_the_end();
    writer.set(Key::at(0), 42u64)?;
    say("ready");
    wait_for_the_end();
    Ok(())
}

#[test]
fn a_value_of_every_kind_is_read_as_it_was_set() -> Outcome {
    let scratch = Scratch::new();
    let mut writer = Writer::create(scratch.name(), 6, 0o600)?;
    let monitor = Monitor::open(scratch.name())?;
    assert_eq!((monitor.words().len(), writer.words().len(), monitor.get::<u64>(Key::at(5))?), (6, 6, 0));
    writer.set(Key::at(0), u32::MAX)?;
    writer.set(Key::at(1), u64::MAX)?;
    writer.set(Key::at(2), usize::MAX)?;
    writer.set(Key::at(3), i64::MIN)?;
    writer.set(Key::at(4), -0.5f64)?;
    writer.set(Key::at(5), true)?;
    assert_eq!(
        (monitor.get(Key::at(0)), monitor.get(Key::at(1)), monitor.get(Key::at(2))),
        (Ok(u32::MAX), Ok(u64::MAX), Ok(usize::MAX))
    );
    assert_eq!(
        (monitor.get(Key::at(3)), monitor.get(Key::at(4)), monitor.get(Key::at(5))),
        (Ok(i64::MIN), Ok(-0.5f64), Ok(true))
    );
    assert!(matches!(monitor.get::<bool>(Key::at(1)), Err(StatusError::NotOfKind { index: 1, .. })));
    assert!(matches!(writer.set(Key::at(6), 1u64), Err(StatusError::OutOfRange { index: 6, words: 6 })));
    Ok(())
}

#[test]
fn a_board_outlives_its_killed_writer_and_the_kernel_knows_whether_one_lives() -> Outcome {
    let scratch = Scratch::new();
    let mut child = Child::start("write", scratch.name());
    child.hear();
    let monitor = Monitor::open(scratch.name())?;
    assert_eq!(
        (monitor.writer_lives()?, monitor.last_writer(), monitor.get::<u64>(Key::at(0))?),
        (true, Some(child.id()), 41)
    );
    child.nudge();
    child.hear();
    assert_eq!(monitor.get::<u64>(Key::at(0))?, 42);
    let (channel, holder) = (scratch.name().to_owned(), Some(child.id()));
    let error = Writer::create(scratch.name(), 6, 0o600).expect_err("the child lives");
    assert_eq!(error, OpenError::RoleTaken { channel: channel.clone(), role: Role::Writer, holder });
    let error = status::remove(scratch.name(), Force::No).expect_err("the child lives");
    assert_eq!(error, RemoveError::InUse { channel, role: Role::Writer, holder });
    child.kill();
    assert!(!monitor.writer_lives()?);
    let mut writer = Writer::create(scratch.name(), 6, 0o600)?;
    assert!(monitor.writer_lives()?);
    assert_eq!(writer.get::<u64>(Key::at(0))?, 42, "the successor goes on from there");
    writer.set(Key::at(0), 43u64)?;
    assert_eq!(monitor.get::<u64>(Key::at(0))?, 43);
    drop(writer);
    assert!(status::remove(scratch.name(), Force::No)?);
    assert!(!status::remove(scratch.name(), Force::No)?);
    assert_eq!(monitor.get::<u64>(Key::at(0))?, 43, "the memory lives as long as the monitor");
    Ok(())
}

#[test]
fn a_board_that_is_not_the_one_asked_for_is_refused() -> Outcome {
    let scratch = Scratch::new();
    assert!(matches!(Monitor::open(scratch.name()), Err(OpenError::NotFound { .. })));
    for words in [0, status::WORDS_MAX + 1] {
        assert!(matches!(Writer::create(scratch.name(), words, 0o600), Err(OpenError::Words { .. })));
    }
    drop(Writer::create(scratch.name(), 6, 0o600)?);
    let error = Writer::create(scratch.name(), 7, 0o600).expect_err("another number of words");
    assert!(matches!(error, OpenError::Mismatch { field: "words", .. }), "{error:?}");

    let other = Scratch::new();
    drop(Channel::<Pose>::new(other.name())?.producer()?);
    std::fs::copy(other.path("locks"), scratch.path("status"))?;
    let error = Monitor::open(scratch.name()).expect_err("no board");
    assert!(matches!(error, OpenError::Mismatch { field: "kind", .. }), "{error:?}");
    scratch.plant("status", b"somebody else's bytes");
    let error = Writer::create(scratch.name(), 6, 0o600).expect_err("no board");
    assert!(matches!(error, OpenError::Header { .. }), "{error:?}");
    assert!(status::remove(scratch.name(), Force::No)?);
    Ok(())
}

#[test]
fn objects_are_listed_by_prefix_and_those_in_use_are_not_removed() -> Outcome {
    let scratch = Scratch::new();
    let name = |suffix: &str| format!("{}{suffix}", scratch.name());
    let used = Channel::<Pose>::new(&name("used"))?;
    let consumer = used.consumer(0)?;
    let board = Writer::create(&name("used"), 1, 0o600)?;
    let reader = Mailbox::<Pose>::new(&name("used"))?.reader()?;
    drop(Channel::<Pose>::new(&name("unused.x"))?.producer()?);
    drop(Writer::create(&name("unused.x"), 1, 0o600)?);
    drop(Mailbox::<Pose>::new(&name("unused.x"))?.writer()?);
    std::fs::write(format!("/dev/shm/lastword-{}.locks", name("begun")), [])?;
    std::fs::write(format!("/dev/shm/lastword-{}.other", name("other")), [])?;

    let listed = |prefix: &str| -> Result<Vec<String>, Box<dyn Error>> {
        let kinds = |kind| match kind {
            ObjectKind::Data => "d",
            ObjectKind::Locks => "l",
            ObjectKind::Ready => "r",
            ObjectKind::Status => "s",
        };
        let objects = lastword::objects(prefix)?;
        Ok(objects
            .iter()
            .map(|object| format!("{} {}", &object.name[scratch.name().len()..], kinds(object.kind)))
            .collect())
    };
    let in_use = ["used d", "used l", "used r", "used s"];
    assert_eq!(listed(scratch.name())?[..5], ["begun l", "unused.x d", "unused.x l", "unused.x r", "unused.x s"]);
    assert_eq!(listed(scratch.name())?[5..], in_use);
    assert_eq!(listed(&name("us"))?, in_use);

    let removed = lastword::remove_unused(scratch.name())?;
    assert_eq!(removed.len(), 5);
    assert_eq!(removed[0].to_string(), format!("/lastword-{}.locks", name("begun")));
    assert_eq!(listed(scratch.name())?, in_use);
    drop((consumer, board, reader));
    assert_eq!(lastword::remove_unused(scratch.name())?.len(), 4);
    assert_eq!(listed(scratch.name())?, [""; 0]);
    std::fs::remove_file(format!("/dev/shm/lastword-{}.other", name("other")))?;
    Ok(())
}

#[test]
fn what_is_no_object_keeps_no_other_from_being_removed() -> Outcome {
    let scratch = Scratch::new();
    let named = |name: &str, suffix: &str| format!("/dev/shm/lastword-{}{name}.{suffix}", scratch.name());
    let channel = |name: &str| Channel::<Pose>::new(&format!("{}{name}", scratch.name()));
    for good in ["a", "k", "z"] {
        drop(channel(good)?.producer()?);
        drop(Writer::create(&format!("{}{good}", scratch.name()), 1, 0o600)?);
    }
    // What is no file is no object: it is not listed, and not in the way.
    std::fs::create_dir(named("c", "locks"))?;
    std::fs::create_dir(named("d", "status"))?;
    mkfifo(named("e", "data").as_str(), Mode::S_IRWXU)?;
    mkfifo(named("f", "locks").as_str(), Mode::S_IRWXU)?;
    std::os::unix::fs::symlink("/dev/null", named("g", "status"))?;
    assert_eq!(lastword::objects(scratch.name())?.len(), 9);
    for error in [
        channel("c")?.producer().expect_err("a directory").to_string(),
        channel("f")?.observer().expect_err("a pipe").to_string(),
        channel("f")?.producer().expect_err("a pipe").to_string(),
        channel("f")?.remove(Force::No).expect_err("a pipe").to_string(),
        channel("e")?.remove(Force::No).expect_err("a pipe").to_string(),
    ] {
        assert!(error.contains("a directory, a pipe, a socket or a link"), "{error}");
    }
    // A channel of which a part is none cannot be removed; the others can.
    std::fs::write(named("c", "data"), [0; 8])?;
    let error = lastword::remove_unused(scratch.name()).expect_err("one of them is a directory");
    assert!(error.to_string().contains("c.locks"), "{error}");
    let left: Vec<_> = lastword::objects(scratch.name())?.into_iter().map(|object| object.to_string()).collect();
    assert_eq!(left, [format!("/lastword-{}c.data", scratch.name())]);
    std::fs::remove_dir(named("c", "locks"))?;
    assert_eq!(lastword::remove_unused(scratch.name())?.len(), 1);
    std::fs::remove_dir(named("d", "status"))?;
    for (name, suffix) in [("e", "data"), ("f", "locks"), ("g", "status")] {
        std::fs::remove_file(named(name, suffix))?;
    }
    Ok(())
}

lastword::board! {
    /// How a server is.
    struct Server {
        /// Players who are logged in.
        pub players: u32,
        /// Of the processor.
        pub temperature: f64 ["°C"],
        /// Whether more may come.
        pub open: bool,
    }
}

lastword::board! {
    /// Called as words of Rust's are.
    struct Raw {
        /// A word of Rust's.
        r#type: u32,
        /// Another one.
        r#loop: f64 ["s"],
    }
}

#[test]
fn a_word_that_is_called_as_a_word_of_rusts_is_known_by_its_plain_name() -> Outcome {
    let scratch = Scratch::new();
    let mut definition = Definition::new();
    let raw = Raw::define(&mut definition)?;
    let mut writer = Writer::define(scratch.name(), &definition, 0o600)?;
    writer.set(raw.r#type, 3)?;
    writer.set(raw.r#loop, 0.5)?;
    let monitor = Monitor::open(scratch.name())?;
    assert_eq!(monitor.words().map(|word| word.name()).collect::<Vec<_>>(), ["type", "loop"]);
    assert_eq!(monitor.get(monitor.key::<u32>("type")?)?, 3);
    assert_eq!(monitor.get(Raw::find(&monitor)?.r#loop)?, 0.5);
    Ok(())
}

/// A definition of these words.
fn defined(words: &[(&str, &str, Kind)]) -> Result<Definition, DefinitionError> {
    let mut definition = Definition::new();
    for &(name, unit, kind) in words {
        match kind {
            Kind::U32 => definition.word::<u32>(name, unit).map(drop)?,
            Kind::F64 => definition.word::<f64>(name, unit).map(drop)?,
            _ => definition.word::<u64>(name, unit).map(drop)?,
        }
    }
    Ok(definition)
}

#[test]
fn a_board_is_read_by_who_knows_nothing_but_its_name() -> Outcome {
    let scratch = Scratch::new();
    let mut definition = Definition::new();
    let server = Server::define(&mut definition)?;
    let drift = definition.word::<i64>("drift", "ns")?;
    let sent = definition.word::<usize>("sent", "")?;
    let mut writer = Writer::define(scratch.name(), &definition, 0o600)?;
    writer.set(server.players, u32::MAX)?;
    writer.set(server.temperature, -0.5)?;
    writer.set(server.open, true)?;
    writer.set(drift, i64::MIN)?;
    writer.set(sent, 7)?;
    assert_eq!((writer.get(server.players)?, writer.get(drift)?), (u32::MAX, i64::MIN));

    let listed = lastword::objects(scratch.name())?;
    assert_eq!(listed.iter().map(|object| object.kind).collect::<Vec<_>>(), [ObjectKind::Status]);
    let monitor = Monitor::open(&listed[0].name)?;
    let words: Vec<_> = monitor.words().map(|word| (word.index(), word.name(), word.kind(), word.unit())).collect();
    let expected = [
        (0, "players", Kind::U32, ""),
        (1, "temperature", Kind::F64, "°C"),
        (2, "open", Kind::Bool, ""),
        (3, "drift", Kind::I64, "ns"),
        (4, "sent", Kind::U64, ""),
    ];
    assert_eq!(words, expected);
    assert!(writer.words().eq(monitor.words()) && definition.words().eq(monitor.words()));
    let readings = monitor.readings().map(|reading| reading.map(|reading| reading.to_string()));
    let expected =
        ["players: 4294967295", "temperature: -0.5 °C", "open: true", "drift: -9223372036854775808 ns", "sent: 7"];
    assert_eq!(readings.collect::<Result<Vec<_>, _>>()?, expected);
    assert_eq!(monitor.reading(0)?.value, Value::Unsigned(u32::MAX.into()));
    assert_eq!(monitor.reading(2)?.value, Value::Bool(true));
    assert_eq!(monitor.reading(5).map(drop), Err(StatusError::OutOfRange { index: 5, words: 5 }));

    let found = Server::find(&monitor)?;
    assert_eq!((monitor.get(found.temperature)?, monitor.get(monitor.key::<u64>("sent")?)?), (-0.5, 7));
    assert_eq!(monitor.get(server.players)?, u32::MAX, "the writer's key is to the same word");
    // Words that are set as what they are not can only come of garbage.
    scratch.patch("status", 256 / 8, |_| 1 << 32);
    let garbage = StatusError::NotOfKind { index: 0, found: 1 << 32, kind: "u32" };
    assert_eq!((monitor.reading(0).map(drop), monitor.get(found.players)), (Err(garbage), Err(garbage)));
    Ok(())
}

#[test]
fn a_key_that_cannot_be_had_says_which_word_was_found_and_expected() -> Outcome {
    let scratch = Scratch::new();
    let definition = defined(&[("players", "", Kind::U32), ("load", "%", Kind::F64)])?;
    let _writer = Writer::define(scratch.name(), &definition, 0o600)?;
    let monitor = Monitor::open(scratch.name())?;
    let error = monitor.key::<u64>("load").expect_err("another kind");
    let (board, name) = (scratch.name().to_owned(), "load".to_owned());
    assert_eq!(error, KeyError::Kind { board, name, found: Kind::F64, expected: Kind::U64 });
    assert!(error.to_string().contains("word load: found f64, expected u64"), "{error}");
    let error = monitor.key::<f64>("laod").expect_err("no such word");
    assert!(error.to_string().contains("found players, load"), "{error}");
    assert!(matches!(Server::find(&monitor), Err(KeyError::NoSuchWord { name, .. }) if name == "temperature"));

    let nameless = Scratch::new();
    let mut writer = Writer::create(nameless.name(), 2, 0o600)?;
    writer.set(Key::at(1), 5u64)?;
    let monitor = Monitor::open(nameless.name())?;
    let readings = monitor.readings().map(|reading| reading.map(|reading| reading.to_string()));
    assert_eq!(readings.collect::<Result<Vec<_>, _>>()?, ["word 0: 0", "word 1: 5"]);
    for name in ["", "load"] {
        let error = monitor.key::<u64>(name).expect_err("no names");
        assert!(error.to_string().contains("no names"), "{error}");
    }
    Ok(())
}

#[test]
fn a_key_of_another_board_is_refused() -> Outcome {
    let scratch = Scratch::new();
    let mut definition = Definition::new();
    let server = Server::define(&mut definition)?;
    let mut writer = Writer::define(scratch.name(), &definition, 0o600)?;
    let monitor = Monitor::open(scratch.name())?;
    let mut other = Definition::new();
    let celsius = other.word::<u32>("players", "k")?;
    let later = ["a", "b", "c"].map(|name| other.word::<u32>(name, ""))[2].clone()?;
    assert_eq!(writer.set(celsius, 1), Err(StatusError::OtherWord { index: 0 }));
    assert_eq!(writer.set(Key::at(0), 1u32), Err(StatusError::OtherWord { index: 0 }));
    assert_eq!(monitor.get(celsius), Err(StatusError::OtherWord { index: 0 }));
    assert_eq!(monitor.get(Key::<u32>::at(0)), Err(StatusError::OtherWord { index: 0 }));
    assert_eq!(monitor.get(later), Err(StatusError::OutOfRange { index: 3, words: 3 }));
    assert_eq!(monitor.get(server.players)?, 0);
    Ok(())
}

#[test]
fn a_word_that_cannot_be_is_refused() -> Outcome {
    let mut definition = Definition::new();
    let too_long = "x".repeat(65);
    for name in ["", "a\nb", "\u{1b}[2J", "\u{202e}", too_long.as_str()] {
        let error = definition.word::<u64>(name, "").expect_err("no name");
        assert_eq!(error, DefinitionError::Name { found: name.to_owned() });
    }
    for unit in ["\t", &"x".repeat(33)] {
        let error = definition.word::<u64>("word", unit).expect_err("no unit");
        assert_eq!(error, DefinitionError::Unit { name: "word".to_owned(), found: unit.to_owned() });
    }
    definition.word::<u64>("word", "")?;
    let error = definition.word::<f64>("word", "m").expect_err("it is defined");
    assert_eq!(error, DefinitionError::Duplicate { name: "word".to_owned() });
    assert_eq!(definition.words().len(), 1, "what was refused is not there");

    let empty = Scratch::new();
    let error = Writer::define(empty.name(), &Definition::new(), 0o600).expect_err("no words");
    assert!(matches!(error, OpenError::Words { found: 0, .. }), "{error:?}");
    assert!(empty.is_gone());
    Ok(())
}

#[test]
fn a_board_has_4096_words_with_the_longest_names_and_units() -> Outcome {
    let scratch = Scratch::new();
    let mut definition = Definition::new();
    let name = |number| format!("{number:0>64}");
    for number in 0..status::WORDS_MAX {
        definition.word::<u64>(&name(number), &"u".repeat(32))?;
    }
    let error = definition.word::<u64>("one more", "").expect_err("one too many");
    assert_eq!(error, DefinitionError::TooMany { name: "one more".to_owned() });
    let _writer = Writer::define(scratch.name(), &definition, 0o600)?;
    let monitor = Monitor::open(scratch.name())?;
    assert_eq!(monitor.key::<u64>(&name(4095))?.index(), 4095);
    Ok(())
}

#[test]
fn another_definition_is_refused_by_the_first_word_that_differs() -> Outcome {
    let scratch = Scratch::new();
    let words = [("users", "", Kind::U32), ("load", "%", Kind::F64), ("sent", "", Kind::U64)];
    drop(Writer::define(scratch.name(), &defined(&words)?, 0o600)?);
    let before = std::fs::read(scratch.path("status"))?;
    let with = |index: usize, word: (&'static str, &'static str, Kind)| {
        let mut other = words;
        other[index] = word;
        other
    };
    let cases = [
        (with(1, ("loads", "%", Kind::F64)).to_vec(), "word 1, load: f64 in %", "word 1, loads: f64 in %"),
        (with(1, ("load", "", Kind::F64)).to_vec(), "word 1, load: f64 in %", "word 1, load: f64"),
        (with(0, ("users", "", Kind::U64)).to_vec(), "word 0, users: u32", "word 0, users: u64"),
        (words[..2].to_vec(), "word 2, sent: u64", "no word 2"),
        ([&words[..], &[("more", "", Kind::U64)]].concat(), "no word 3", "word 3, more: u64"),
    ];
    let nameless = Writer::create(scratch.name(), 3, 0o600);
    let nameless = (nameless, "word 0, users: u32", "word 0 without a name");
    let refused = cases.into_iter().map(|(words, found, expected)| -> Result<_, DefinitionError> {
        Ok((Writer::define(scratch.name(), &defined(&words)?, 0o600), found, expected))
    });
    for case in refused.chain([Ok(nameless)]) {
        let (writer, found, expected) = case?;
        let object = format!("/lastword-{}.status", scratch.name());
        let (found, expected) = (found.to_owned(), expected.to_owned());
        let error = writer.expect_err("other words");
        assert_eq!(error, OpenError::Mismatch { object, field: "definition", found, expected });
    }
    assert_eq!(std::fs::read(scratch.path("status"))?, before);
    drop(Writer::define(scratch.name(), &defined(&words)?, 0o600)?);

    let nameless = Scratch::new();
    drop(Writer::create(nameless.name(), 3, 0o600)?);
    let error = Writer::define(nameless.name(), &defined(&words)?, 0o600).expect_err("no names");
    assert!(error.to_string().contains("found word 0 without a name, expected word 0, users: u32"), "{error}");
    Ok(())
}

/// Makes a board with this description, which its header agrees with.
fn plant_board(scratch: &Scratch, words: u16, section: &[u8]) -> Outcome {
    let layout = lastword_protocol::status::Layout::new(words).ok_or("so many words cannot be")?;
    let checksum = section.last_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    let header = Header {
        kind: lastword_protocol::header::Kind::Status,
        pair: 0,
        length: (layout.length() + section.len()) as u64,
        consumers: words.into(),
        capacity: 0,
        payload: TypeLayout::new("words", 8, 8, &[]).described_by(checksum),
    };
    let mut bytes: Vec<u8> = header.encode().into_iter().flat_map(u64::to_ne_bytes).collect();
    bytes.resize(layout.length(), 0);
    bytes.extend(section);
    scratch.plant("status", &bytes);
    Ok(())
}

#[test]
fn a_damaged_or_hostile_board_is_an_error_and_no_panic() -> Outcome {
    let word = |index: u64, name: &'static str, kind| Entry::new(name, "", kind, index * 8);
    let array = word(1, "b", Kind::U64).with_dimensions(&[Dimension { count: 1, stride: 8 }])?;
    let long: &'static str = "a name that is longer than any that a word of a board has, by a lot";
    let hostile = [
        (vec![word(0, "a", Kind::U64)], DescriptionError::Count { found: 1, expected: 2 }),
        (vec![word(0, "a", Kind::Bool); 3], DescriptionError::Count { found: 3, expected: 2 }),
        (
            vec![word(0, "a", Kind::U64); 3],
            DescriptionError::Entry { number: 2, why: EntryError::Overlap { size: 16 } },
        ),
        (vec![word(0, "a", Kind::U64), word(1, "a", Kind::F64)], at_1(EntryError::Duplicate)),
        (vec![word(0, "a", Kind::U64), word(0, "b", Kind::U64)], at_1(EntryError::NotAWord)),
        (vec![word(0, "a", Kind::U64), word(1, "b", Kind::U8)], at_1(EntryError::NotAWord)),
        (vec![word(0, "a", Kind::U64), word(1, long, Kind::U64)], at_1(EntryError::NotAWord)),
        (vec![word(0, "a", Kind::U64), array], at_1(EntryError::NotAWord)),
    ];
    let definition = defined(&[("a", "", Kind::U64), ("b", "", Kind::U64)])?;
    for (entries, source) in hostile {
        let scratch = Scratch::new();
        let mut section = Vec::new();
        encode(entries, 16, &mut section)?;
        plant_board(&scratch, 2, &section)?;
        let error = Monitor::open(scratch.name()).expect_err("it is hostile");
        assert_eq!(error, OpenError::Description { object: format!("/lastword-{}.status", scratch.name()), source });
        let error = Writer::define(scratch.name(), &definition, 0o600).expect_err("it is hostile");
        assert!(matches!(error, OpenError::Mismatch { field: "definition", .. }), "{error:?}");
        assert!(status::remove(scratch.name(), Force::No)?);
    }

    let scratch = Scratch::new();
    drop(Writer::define(scratch.name(), &definition, 0o600)?);
    let intact = std::fs::read(scratch.path("status"))?;
    for at in 256 + 16..intact.len() {
        let mut damaged = intact.clone();
        damaged[at] ^= 1;
        scratch.plant("status", &damaged);
        let monitor = Monitor::open(scratch.name()).expect_err("it is damaged");
        assert!(matches!(monitor, OpenError::Description { .. }), "{monitor:?}");
        assert_eq!(Writer::define(scratch.name(), &definition, 0o600).expect_err("it is damaged"), monitor);
    }
    // Another description, whole in itself, than the one that the header was made for.
    let mut section = Vec::new();
    encode([word(0, "a", Kind::U64), word(1, "c", Kind::U64)], 16, &mut section)?;
    scratch.plant("status", &[&intact[..256 + 16], &section].concat());
    let error = Monitor::open(scratch.name()).expect_err("the header is of another");
    assert!(matches!(error, OpenError::Mismatch { field: "definition", .. }), "{error:?}");
    Ok(())
}

fn at_1(why: EntryError) -> DescriptionError {
    DescriptionError::Entry { number: 1, why }
}
