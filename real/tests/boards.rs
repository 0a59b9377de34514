//! Status boards, and the list of objects.

mod common;

use common::{Child, Pose, Scratch, role, say, wait_for_the_end};
use lastword::status::{self, Key, Monitor, StatusError, Writer};
use lastword::{Channel, Force, ObjectKind, OpenError, RemoveError, Role};
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
    drop(Channel::<Pose>::new(&name("unused.x"))?.producer()?);
    drop(Writer::create(&name("unused.x"), 1, 0o600)?);
    std::fs::write(format!("/dev/shm/lastword-{}.locks", name("begun")), [])?;
    std::fs::write(format!("/dev/shm/lastword-{}.other", name("other")), [])?;

    let listed = |prefix: &str| -> Result<Vec<String>, Box<dyn Error>> {
        let kinds = |kind| match kind {
            ObjectKind::Data => "d",
            ObjectKind::Locks => "l",
            ObjectKind::Status => "s",
        };
        let objects = lastword::objects(prefix)?;
        Ok(objects
            .iter()
            .map(|object| format!("{} {}", &object.name[scratch.name().len()..], kinds(object.kind)))
            .collect())
    };
    let in_use = ["used d", "used l", "used s"];
    assert_eq!(listed(scratch.name())?[..4], ["begun l", "unused.x d", "unused.x l", "unused.x s"]);
    assert_eq!(listed(scratch.name())?[4..], in_use);
    assert_eq!(listed(&name("us"))?, in_use);

    let removed = lastword::remove_unused(scratch.name())?;
    assert_eq!(removed.len(), 4);
    assert_eq!(removed[0].to_string(), format!("/lastword-{}.locks", name("begun")));
    assert_eq!(listed(scratch.name())?, in_use);
    drop((consumer, board));
    assert_eq!(lastword::remove_unused(scratch.name())?.len(), 3);
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
