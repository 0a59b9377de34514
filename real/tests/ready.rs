//! Mailboxes: messages through real shared memory between processes that are killed, and who may have which role.
//!
//! Of the protocol's invariants, 2 and 3 are checked here: messages are whole, and come in order without a gap; the
//! same one twice only to a reader's successor, with the same number.

mod common;

use common::{Child, Pose, Scratch, pose, role, say, wait_for_the_end};
use lastword::ready::{Mailbox, Monitor, ReceiveError, SendError, Sequence, State};
use lastword::status::{self, Key, Writer};
use lastword::{Channel, Force, OpenError, RemoveError, Role};
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn Error>>;

/// The word `state`, and the word `length`.
const STATE: u64 = 256 / 8;
const LENGTH: u64 = 384 / 8;
/// What the words of the board say that the killed processes keep.
const SENDING: Key<u64> = Key::at(0);
const ACTED_ON: Key<u64> = Key::at(1);
const REPEATED: Key<u64> = Key::at(2);

#[test]
#[ignore = "other tests run it in child processes"]
fn child_process() -> Outcome {
    let (role, name) = role();
    let mailbox = Mailbox::<Pose>::new(&name)?;
    let is_asleep = role.ends_with("asleep");
    match role.as_str() {
        "send" => {
            let mut writer = mailbox.writer()?;
            say(writer.try_send(&pose(1))?);
            wait_for_the_end();
            Ok(())
        }
        "receive" => {
            let mut reader = mailbox.reader()?;
            let message = reader.try_receive()?.expect("a message waits");
            assert_eq!(message.read(), pose(message.sequence().get()));
            say(message.sequence());
            wait_for_the_end();
            Ok(())
        }
        echo if echo.starts_with("echo to ") => {
            end_with_the_parent();
            let back = Mailbox::<Pose>::new(&echo["echo to ".len()..])?;
            let (mut reader, mut writer) = (mailbox.reader()?, back.writer()?);
            say("ready");
            loop {
                let (_, message) = reader.take(None)?.expect("for ever");
                writer.send(&message, None)?;
            }
        }
        "send for ever" | "send for ever asleep" => {
            end_with_the_parent();
            let mut board = Writer::create(&format!("{name}.sent"), 1, 0o600)?;
            let mut writer = mailbox.writer()?;
            let last = writer.last().map_or(0, Sequence::get);
            let sending: u64 = board.get(SENDING)?;
            assert!(last == sending || last + 1 == sending, "{last} was sent last, {sending} was on its way");
            let mut number = last + 1;
            loop {
                board.set(SENDING, number)?;
                match writer.try_send(&pose(number)) {
                    Ok(sequence) => {
                        assert_eq!(sequence.get(), number);
                        number += 1;
                    }
                    Err(SendError::Full) if is_asleep => assert!(writer.wait(None)?),
                    Err(SendError::Full) => yield_now(),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        "receive for ever" | "receive for ever asleep" => {
            end_with_the_parent();
            let mut board = Writer::create(&format!("{name}.read"), 3, 0o600)?;
            let mut reader = mailbox.reader()?;
            loop {
                let Some(message) = reader.try_receive()? else {
                    if is_asleep {
                        assert!(reader.wait(None)?)
                    } else {
                        yield_now()
                    }
                    continue;
                };
                let (number, acted_on): (u64, u64) = (message.sequence().get(), board.get(ACTED_ON)?);
                assert_eq!(message.read(), pose(number));
                if number == acted_on && message.may_be_repeated() {
                    board.set(REPEATED, board.get(REPEATED)? + 1)?;
                } else {
                    assert_eq!(number, acted_on + 1, "in order, none lost, and none twice without a word");
                    board.set(ACTED_ON, number)?;
                }
                // A time in which kills find it acted on and not cleared.
                if number.is_multiple_of(100) {
                    sleep(Duration::from_micros(100));
                    assert_eq!(message.read(), pose(number), "it stays as it is");
                }
                message.clear();
            }
        }
        _ => Err(format!("no such role: {role}").into()),
    }
}

/// Ends this process when the test is gone, however that went.
fn end_with_the_parent() {
    std::thread::spawn(|| {
        wait_for_the_end();
        std::process::exit(0);
    });
}

fn state(number: u64, set: bool) -> State {
    State { sequence: Sequence::new(number), set }
}

#[test]
fn messages_arrive_one_by_one_as_they_were_sent() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let mut reader = mailbox.reader()?;
    let mut writer = mailbox.writer()?;
    assert_eq!((writer.capacity(), reader.capacity(), mailbox.name()), (24, 24, scratch.name()));
    assert_eq!((writer.last(), reader.consumed()), (None, None));
    for number in 1..=10 {
        assert!(reader.try_receive()?.is_none());
        assert_eq!(writer.try_send(&pose(number))?.get(), number);
        assert_eq!(writer.try_send(&pose(99)), Err(SendError::Full));
        let message = reader.try_receive()?.expect("a message waits");
        assert_eq!((message.sequence().get(), message.len(), message.read()), (number, 24, pose(number)));
        assert_eq!((message.as_ptr() as usize % lastword::PAYLOAD_ALIGN, message.may_be_repeated()), (0, false));
        assert_eq!(message.clear().get(), number);
        assert_eq!((reader.consumed(), writer.last()), (Sequence::new(number), Sequence::new(number)));
    }
    Ok(())
}

#[test]
fn bytes_of_every_length_up_to_the_capacity_arrive() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::bytes(scratch.name(), 100)?;
    let (mut writer, mut reader) = (mailbox.writer()?, mailbox.reader()?);
    let mut taken = Vec::new();
    for length in (0..=100).chain((0..=100).rev()) {
        let message: Vec<u8> = (0..length).map(|byte| byte ^ length).collect();
        let sequence = writer.try_send(&message)?;
        let received = reader.try_receive()?.expect("a message waits");
        assert_eq!((received.sequence(), received.to_vec()), (sequence, message.clone()));
        let mut part = [0xff; 7];
        let count = received.read_into(&mut part);
        assert_eq!((count, &part[..count]), (message.len().min(7), &message[..count]));
        assert_eq!(reader.try_take_into(&mut taken)?, Some(sequence), "it was not cleared");
        assert_eq!(taken, message);
        assert_eq!(reader.try_take_into(&mut taken)?, None);
    }
    let error = writer.try_send(&[0; 101]).expect_err("one byte too many");
    assert_eq!(error, SendError::TooLong { mailbox: scratch.name().into(), length: 101, capacity: 100 });
    assert!(error.to_string().contains(&format!("mailbox {}: the message has 101 bytes", scratch.name())), "{error}");
    assert_eq!(writer.last().map(Sequence::get), Some(202));
    Ok(())
}

#[test]
fn a_message_can_be_written_in_place_and_a_loan_that_is_dropped_is_not_sent() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::bytes(scratch.name(), 64)?;
    let (mut writer, mut reader) = (mailbox.writer()?, mailbox.reader()?);
    let mut loan = writer.try_loan_bytes(20)?;
    assert_eq!((loan.len(), loan.as_mut_ptr() as usize % lastword::PAYLOAD_ALIGN), (20, 0));
    loan.write(&[0; 20])?;
    loan.write_at(3, b"abc")?;
    loan.write_at(6, b"defghijkl")?;
    loan.write_at(19, b"z")?;
    let error = loan.write_at(19, b"zz").expect_err("one byte too many");
    assert_eq!(error, SendError::OutsideOfLoan { mailbox: scratch.name().into(), end: 21, length: 20 });
    assert!(loan.write_at(usize::MAX, b"zz").is_err() && loan.write(&[0; 21]).is_err());
    assert_eq!(loan.send(), Sequence::FIRST);
    assert_eq!(writer.try_loan_bytes(1).map(drop), Err(SendError::Full));
    let message = reader.try_receive()?.expect("a message waits");
    assert_eq!(message.to_vec(), b"\0\0\0abcdefghijkl\0\0\0\0z");
    message.clear();
    assert!(matches!(writer.try_loan_bytes(65), Err(SendError::TooLong { length: 65, capacity: 64, .. })));

    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let (mut writer, mut reader) = (mailbox.writer()?, mailbox.reader()?);
    writer.try_loan()?.write(&pose(1))?;
    assert_eq!((writer.last(), reader.try_take()?), (None, None));
    let mut loan = writer.try_loan()?;
    loan.write(&pose(2))?;
    assert_eq!(loan.send(), Sequence::FIRST);
    assert_eq!(reader.try_take()?, Some((Sequence::FIRST, pose(2))));
    Ok(())
}

#[test]
fn a_message_is_received_again_until_it_is_cleared() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<u64>::new(scratch.name())?;
    let (mut writer, mut reader) = (mailbox.writer()?, mailbox.reader()?);
    writer.try_send(&7)?;
    drop(reader.try_receive()?.expect("a message waits"));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let message = reader.try_receive().expect("no garbage").expect("a message waits");
        assert_eq!(message.read(), 8, "this panics");
    }));
    assert!(panicked.is_err());
    assert_eq!(writer.try_send(&8), Err(SendError::Full));
    drop(reader);
    let mut reader = mailbox.reader()?;
    assert_eq!((reader.recovery(), reader.consumed()), (state(1, true), None));
    let message = reader.try_receive()?.expect("a message waits");
    assert!(message.may_be_repeated());
    assert_eq!((message.read(), message.clear().get()), (7, 1));
    assert_eq!(reader.try_take()?, None);
    writer.try_send(&8)?;
    assert!(!reader.try_receive()?.expect("a message waits").may_be_repeated());
    assert_eq!(reader.try_take()?, Sequence::new(2).map(|sequence| (sequence, 8)));
    assert_eq!((reader.try_take()?, reader.consumed()), (None, Sequence::new(2)));
    Ok(())
}

#[test]
fn a_killed_readers_message_waits_and_comes_again_with_its_number() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let mut writer = mailbox.writer()?;
    for number in 1..=3 {
        writer.try_send(&pose(number))?;
        for _ in ["a reader", "its successor"] {
            let mut child = Child::start("receive", scratch.name());
            assert_eq!(child.hear(), number.to_string());
            assert!(matches!(mailbox.reader(), Err(OpenError::RoleTaken { role: Role::MailboxReader, .. })));
            child.kill();
            assert_eq!(writer.try_send(&pose(99)), Err(SendError::Full));
        }
        let mut reader = mailbox.reader()?;
        let message = reader.try_receive()?.expect("it waits");
        assert!(message.may_be_repeated());
        assert_eq!((message.read(), message.clear().get()), (pose(number), number));
    }
    Ok(())
}

#[test]
fn a_killed_writers_successor_knows_what_was_sent_and_whether_it_was_consumed() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let mut child = Child::start("send", scratch.name());
    assert_eq!(child.hear(), "1");
    let error = mailbox.writer().expect_err("the child lives");
    let (channel, holder) = (scratch.name().to_owned(), Some(child.id()));
    assert_eq!(error, OpenError::RoleTaken { channel, role: Role::MailboxWriter, holder });
    child.kill();
    let writer = mailbox.writer()?;
    assert_eq!((writer.recovery(), writer.last()), (state(1, true), Sequence::new(1)));
    drop(writer);
    mailbox.reader()?.try_take()?.expect("it waits");
    let mut writer = mailbox.writer()?;
    assert_eq!(writer.recovery(), state(1, false));
    assert_eq!(writer.try_send(&pose(2))?.get(), 2);
    assert_eq!(writer.recovery(), state(1, false), "what was found when the role was taken");
    Ok(())
}

#[test]
fn writer_and_reader_killed_at_random_lose_no_message_and_repeat_only_with_its_number() -> Outcome {
    killed_at_random(["send for ever", "receive for ever"])
}

#[test]
fn writer_and_reader_that_sleep_are_killed_at_random_and_go_on() -> Outcome {
    killed_at_random(["send for ever asleep", "receive for ever asleep"])
}

fn killed_at_random(roles: [&str; 2]) -> Outcome {
    const ROUNDS: u32 = 60;
    let scratch = Scratch::new();
    let (sent, read) = (format!("{}.sent", scratch.name()), format!("{}.read", scratch.name()));
    let outcome = (|| -> Outcome {
        let random = RandomState::new();
        let mut children = [None, None];
        for round in 0..ROUNDS {
            for (child, role) in children.iter_mut().zip(roles) {
                child.get_or_insert_with(|| Child::start(role, scratch.name()));
            }
            sleep(Duration::from_micros(random.hash_one(round) % 8000));
            // One of them, or both.
            let killed = random.hash_one((round, "who")) % 3;
            for (index, child) in children.iter_mut().enumerate() {
                if killed != index as u64 {
                    child.take().expect("it was started").kill();
                }
            }
        }
        // Whatever the kills left goes on.
        let [writing, reading] = children;
        let go_on = |child: Option<Child>, role| child.unwrap_or_else(|| Child::start(role, scratch.name()));
        let (writing, reading) = (go_on(writing, roles[0]), go_on(reading, roles[1]));
        let deadline = Instant::now() + Duration::from_secs(60);
        let monitor = loop {
            match status::Monitor::open(&read) {
                Ok(monitor) => break monitor,
                Err(error) => assert!(Instant::now() < deadline, "no reader came up: {error}"),
            }
        };
        let end = monitor.get(ACTED_ON)? + 1000;
        while monitor.get(ACTED_ON)? < end {
            assert!(Instant::now() < deadline, "no message comes any more");
            sleep(Duration::from_millis(1));
        }
        writing.kill();
        reading.kill();

        let mailbox = Mailbox::<Pose>::new(scratch.name())?;
        let (last, acted_on): (Option<Sequence>, u64) = (mailbox.writer()?.last(), monitor.get(ACTED_ON)?);
        let mut reader = mailbox.reader()?;
        if let Some(message) = reader.try_receive()? {
            assert!(message.sequence().get() == acted_on || message.sequence().get() == acted_on + 1);
            message.clear();
        } else {
            assert_eq!(reader.consumed().map(Sequence::get), Some(acted_on));
        }
        assert_eq!(reader.consumed(), last);
        let repeated: u64 = monitor.get(REPEATED)?;
        println!("{acted_on} messages, {ROUNDS} rounds of kills, {repeated} messages came twice");
        drop(reader);
        assert!(mailbox.remove(Force::No)?);
        Ok(())
    })();
    for board in [sent, read] {
        status::remove(&board, Force::Yes)?;
    }
    outcome?;
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn who_sleeps_is_woken() -> Outcome {
    // Without being woken, each of them would sleep for a tenth of a second.
    const TRIPS: u64 = 1000;
    const LIMIT: Duration = Duration::from_secs(30);
    let (there_scratch, back_scratch) = (Scratch::new(), Scratch::new());
    let there = Mailbox::<Pose>::new(there_scratch.name())?;
    let back = Mailbox::<Pose>::new(back_scratch.name())?;
    let (mut writer, mut reader) = (there.writer()?, back.reader()?);
    let mut child = Child::start(&format!("echo to {}", back.name()), there.name());
    assert_eq!(child.hear(), "ready");
    let begin = Instant::now();
    for number in 1..=TRIPS {
        assert_eq!(writer.send(&pose(number), Some(LIMIT))?.get(), number);
        let message = reader.receive(Some(LIMIT))?.expect("it comes back");
        assert_eq!((message.read(), message.clear().get()), (pose(number), number));
    }
    // The other way round: the writer sleeps until the child has taken the message before.
    for number in TRIPS + 1..=2 * TRIPS {
        writer.send(&pose(number), Some(LIMIT))?;
        assert!(writer.wait(Some(LIMIT))?);
        reader.take(Some(LIMIT))?.expect("it comes back");
    }
    assert!(begin.elapsed() < LIMIT, "they were not woken");
    child.kill();
    Ok(())
}

#[test]
fn a_wait_ends_in_time_with_a_successor_and_with_garbage() -> Outcome {
    const SHORT: Option<Duration> = Some(Duration::from_millis(20));
    const LONG: Option<Duration> = Some(Duration::from_secs(60));
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let mut reader = mailbox.reader()?;
    let begin = Instant::now();
    assert!(reader.receive(SHORT)?.is_none() && !reader.wait(SHORT)? && reader.take(SHORT)?.is_none());
    assert_eq!(reader.take_into(&mut Vec::new(), SHORT)?, None);
    assert!(begin.elapsed() >= Duration::from_millis(80));
    assert!(reader.receive(Some(Duration::ZERO))?.is_none());

    // A writer that is killed, and one that comes after it, each while the reader sleeps.
    std::thread::scope(|scope| -> Outcome {
        let receiving = scope.spawn(|| -> Result<u64, ReceiveError> {
            reader.take(LONG)?.expect("the first");
            Ok(reader.take(LONG)?.expect("its successor's").0.get())
        });
        let mut child = Child::start("send", scratch.name());
        child.hear();
        child.kill();
        assert_eq!(mailbox.writer()?.send(&pose(2), LONG)?.get(), 2);
        assert_eq!(receiving.join().expect("no panic")?, 2);
        Ok(())
    })?;

    let mut writer = mailbox.writer()?;
    writer.try_send(&pose(3))?;
    let error = writer.send(&pose(4), SHORT).expect_err("nobody consumes it");
    let waited = Duration::from_millis(20);
    assert_eq!(error, SendError::TimedOut { mailbox: scratch.name().into(), waited });
    assert!(!writer.wait(SHORT)? && reader.wait(SHORT)?);
    assert_eq!(reader.take(SHORT)?.map(|(_, message)| message), Some(pose(3)));
    assert!(writer.wait(SHORT)?);

    std::thread::scope(|scope| -> Outcome {
        let receiving = scope.spawn(|| reader.wait(None));
        sleep(Duration::from_millis(5));
        scratch.patch("ready", STATE, |_| state(9, false).bits());
        let error = receiving.join().expect("no panic").expect_err("garbage");
        assert!(matches!(error, ReceiveError::Corrupt { .. }), "{error:?}");
        Ok(())
    })?;
    assert!(matches!(writer.send(&pose(4), None), Err(SendError::Corrupt { .. })));
    assert!(matches!(writer.wait(None), Err(SendError::Corrupt { .. })));
    Ok(())
}

#[test]
fn a_second_writer_or_reader_is_refused_and_told_who_has_the_role() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let (writer, reader) = (mailbox.writer()?, mailbox.reader()?);
    let holder = Some(std::process::id());
    for (role, error) in [(Role::MailboxWriter, mailbox.writer().err()), (Role::MailboxReader, mailbox.reader().err())]
    {
        let error = error.expect("the role is taken");
        assert_eq!(error, OpenError::RoleTaken { channel: scratch.name().into(), role, holder });
        let said = format!("mailbox {}: the role of {role} is held by process", scratch.name());
        assert!(error.to_string().starts_with(&said), "{error}");
    }
    for (role, held) in
        [(Role::MailboxWriter, Box::new(writer) as Box<dyn Send>), (Role::MailboxReader, Box::new(reader))]
    {
        let error = mailbox.remove(Force::No).expect_err("it is in use");
        assert_eq!(error, RemoveError::InUse { channel: scratch.name().into(), role, holder });
        assert!(error.to_string().starts_with(&format!("mailbox {}: not removed", scratch.name())), "{error}");
        assert_eq!(lastword::remove_unused(scratch.name())?, []);
        drop(held);
    }
    assert!(mailbox.remove(Force::No)?);
    assert!(!mailbox.remove(Force::No)?);
    Ok(())
}

#[test]
fn a_mailbox_removed_by_force_stays_with_those_who_have_it() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let (mut writer, mut reader) = (mailbox.writer()?, mailbox.reader()?);
    writer.try_send(&pose(1))?;
    assert!(mailbox.remove(Force::Yes)?);
    assert!(scratch.is_gone());
    let mut other = mailbox.reader()?;
    assert_eq!(other.try_take()?, None, "a new mailbox is empty");
    assert_eq!(reader.try_take()?.map(|(_, message)| message), Some(pose(1)));
    Ok(())
}

#[test]
fn a_monitor_sees_the_state_and_who_lives_and_holds_no_role() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    assert!(matches!(mailbox.monitor(), Err(OpenError::NotFound { .. })));
    scratch.plant("ready", &[]);
    assert!(matches!(mailbox.monitor(), Err(OpenError::Incomplete { .. })));
    drop(mailbox.reader()?);
    let monitor: Monitor = mailbox.monitor()?;
    let this = Some(std::process::id());
    assert_eq!((monitor.state()?, monitor.capacity()), (State { sequence: None, set: false }, 24));
    assert_eq!((monitor.writer_lives()?, monitor.last_writer()), (false, None));
    assert_eq!((monitor.reader_lives()?, monitor.last_reader()), (false, this));
    let mut child = Child::start("send", scratch.name());
    child.hear();
    assert_eq!(monitor.state()?, state(1, true));
    assert_eq!((monitor.writer_lives()?, monitor.last_writer()), (true, Some(child.id())));
    child.kill();
    assert!(!monitor.writer_lives()?);
    let mut reader = mailbox.reader()?;
    reader.try_take()?.expect("it waits");
    assert_eq!((monitor.state()?, monitor.reader_lives()?), (state(1, false), true));
    drop(reader);
    assert!(mailbox.remove(Force::No)?, "a monitor is in nobody's way");
    assert_eq!(monitor.state()?, state(1, false), "the memory lives as long as the monitor");
    Ok(())
}

#[test]
fn garbage_in_the_state_is_an_error_and_no_panic() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let (mut writer, mut reader, monitor) = (mailbox.writer()?, mailbox.reader()?, mailbox.monitor()?);
    writer.try_send(&pose(1))?;
    reader.try_take()?.expect("it waits");
    let found = state(1, false).bits();
    // No state; no message that was sent; a state of another message than the last.
    for garbage in [u64::MAX, 1, state(9, false).bits(), state(9, true).bits()] {
        scratch.patch("ready", STATE, |_| garbage);
        let errors = [
            writer.try_send(&pose(2)).expect_err("garbage").to_string(),
            reader.try_receive().expect_err("garbage").to_string(),
            reader.try_take().expect_err("garbage").to_string(),
        ];
        for error in errors {
            let named = error.starts_with(&format!("mailbox {}: the word state is corrupt", scratch.name()));
            assert!(named && error.contains("create it anew"), "{error}");
        }
        scratch.patch("ready", STATE, |_| found);
        assert_eq!(reader.try_take()?, None, "nothing was touched");
    }
    drop((writer, reader));
    for garbage in [u64::MAX, 1] {
        scratch.patch("ready", STATE, |_| garbage);
        assert!(matches!(monitor.state(), Err(ReceiveError::Corrupt { .. })));
        for error in [mailbox.writer().err(), mailbox.reader().err()] {
            let error = error.expect("the numbering is lost");
            assert!(matches!(error, OpenError::CorruptMailbox { .. }), "{error:?}");
            assert!(error.source().is_some() && error.to_string().contains("create it anew"), "{error}");
        }
    }
    assert!(mailbox.remove(Force::No)?);
    Ok(())
}

#[test]
fn a_length_that_no_message_has_is_an_error_and_no_panic() -> Outcome {
    for length in [0, 23, 25, u64::MAX] {
        let scratch = Scratch::new();
        let mailbox = Mailbox::<Pose>::new(scratch.name())?;
        let mut writer = mailbox.writer()?;
        writer.try_send(&pose(1))?;
        scratch.patch("ready", LENGTH, |_| length);
        let mut reader = mailbox.reader()?;
        for _ in ["once", "again"] {
            let errors = [
                reader.try_receive().expect_err("a wrong length"),
                reader.try_take().expect_err("a wrong length"),
                reader.try_take_into(&mut Vec::new()).expect_err("a wrong length"),
            ];
            for error in errors {
                let named = error.to_string().starts_with(&format!("mailbox {}: the word length", scratch.name()));
                assert!(named, "{error}");
                assert_eq!(length < 24, matches!(error, ReceiveError::Length { expected: 24, .. }), "{error:?}");
            }
        }
        assert_eq!(writer.try_send(&pose(2)), Err(SendError::Full), "the message waits on");
        drop(reader);
        scratch.patch("ready", LENGTH, |_| 24);
        assert_eq!(mailbox.reader()?.try_take()?.map(|(_, message)| message), Some(pose(1)));
    }
    Ok(())
}

#[test]
fn the_numbers_go_on_from_1_after_the_last() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<u64>::new(scratch.name())?;
    drop(mailbox.writer()?);
    scratch.patch("ready", STATE, |_| state(Sequence::LAST.get() - 1, false).bits());
    let (mut writer, mut reader) = (mailbox.writer()?, mailbox.reader()?);
    for expected in [Sequence::LAST, Sequence::FIRST, Sequence::FIRST.next()] {
        assert_eq!(writer.try_send(&expected.get())?, expected);
        drop(writer);
        writer = mailbox.writer()?;
        drop(reader);
        reader = mailbox.reader()?;
        assert_eq!(reader.try_take()?, Some((expected, expected.get())));
    }
    Ok(())
}

#[test]
fn a_mailbox_that_is_not_the_one_asked_for_is_refused() -> Outcome {
    let scratch = Scratch::new();
    let name = scratch.name();
    drop(Mailbox::<Pose>::new(name)?.writer()?);
    let mismatch = |error: OpenError, expected: &str| {
        assert!(matches!(error, OpenError::Mismatch { field, .. } if field == expected), "{error:?}");
    };
    mismatch(Mailbox::<[u64; 3]>::new(name)?.writer().expect_err("another type"), "message type");
    mismatch(Mailbox::<[u64; 3]>::new(name)?.reader().expect_err("another type"), "message type");
    mismatch(Mailbox::<[u64; 3]>::new(name)?.monitor().expect_err("another type"), "message type");
    mismatch(Mailbox::bytes(name, 24)?.reader().expect_err("another type"), "message type");

    let bytes = Scratch::new();
    drop(Mailbox::bytes(bytes.name(), 10)?.writer()?);
    mismatch(Mailbox::bytes(bytes.name(), 11)?.reader().expect_err("another capacity"), "capacity in bytes");
    assert_eq!(Mailbox::<[u8]>::new(bytes.name())?.reader()?.capacity(), 10, "what is not asked for is taken");

    let other = Scratch::new();
    drop(Channel::<Pose>::new(other.name())?.producer()?);
    std::fs::copy(other.path("locks"), scratch.path("ready"))?;
    mismatch(Mailbox::<Pose>::new(name)?.reader().expect_err("no mailbox"), "kind");
    scratch.plant("ready", b"somebody else's bytes");
    let error = Mailbox::<Pose>::new(name)?.writer().expect_err("no mailbox");
    assert!(matches!(error, OpenError::Header { .. }), "{error:?}");
    assert!(Mailbox::<Pose>::new(name)?.remove(Force::No)?);
    Ok(())
}

#[test]
fn a_channel_a_mailbox_and_a_board_of_one_name_are_in_nobodys_way() -> Outcome {
    let scratch = Scratch::new();
    let (channel, mailbox) = (Channel::<Pose>::new(scratch.name())?, Mailbox::<Pose>::new(scratch.name())?);
    let producer = channel.producer()?;
    let board = Writer::create(scratch.name(), 1, 0o600)?;
    let writer = mailbox.writer()?;
    drop((producer, board));
    assert_eq!(lastword::remove_unused(scratch.name())?.len(), 3);
    drop(writer);
    assert_eq!(lastword::remove_unused(scratch.name())?.len(), 1);
    Ok(())
}

#[test]
fn capacities_from_nothing_to_more_than_there_is() -> Outcome {
    let scratch = Scratch::new();
    let empty = Mailbox::bytes(scratch.name(), 0)?;
    let (mut writer, mut reader) = (empty.writer()?, empty.reader()?);
    writer.try_send(&[])?;
    let message = reader.try_receive()?.expect("an empty message is a message");
    assert_eq!((message.len(), message.to_vec(), message.clear().get()), (0, Vec::new(), 1));
    assert!(matches!(writer.try_send(&[1]), Err(SendError::TooLong { .. })));
    drop((writer, reader));
    assert!(empty.remove(Force::No)?);

    let most = Mailbox::bytes(scratch.name(), lastword::ready::CAPACITY_MAX)?;
    for error in [most.writer().err(), most.reader().err()] {
        let error = error.expect("a TiB of memory is more than there is");
        assert!(matches!(error, OpenError::Os(_)), "{error:?}");
        assert!(error.to_string().contains(".ready: posix_fallocate failed"), "{error}");
        assert!(scratch.is_gone(), "something is left");
    }
    for capacity in [lastword::ready::CAPACITY_MAX + 1, usize::MAX] {
        let error = Mailbox::bytes(scratch.name(), capacity)?.writer().expect_err("no mailbox has that");
        assert_eq!(error, OpenError::Capacity { mailbox: scratch.name().into(), found: capacity as u64 });
        assert!(scratch.is_gone(), "something is left");
    }
    let error = Mailbox::<[u8]>::new(scratch.name())?.reader().expect_err("nobody said how long");
    assert_eq!(error, OpenError::CapacityNotGiven { channel: scratch.name().into() });
    assert!(scratch.is_gone(), "something is left");
    Ok(())
}

#[test]
fn the_mode_is_0600_or_exactly_what_was_asked_for_and_never_keeps_the_owner_out() -> Outcome {
    for (mode, expected) in [(None, 0o600), (Some(0o666), 0o666), (Some(0o640), 0o640)] {
        let scratch = Scratch::new();
        let mailbox = Mailbox::<Pose>::new(scratch.name())?;
        let mailbox = mode.map_or(mailbox.clone(), |mode| mailbox.mode(mode));
        drop(mailbox.reader()?);
        assert_eq!(scratch.path("ready").metadata()?.permissions().mode() & 0o7777, expected);
    }
    let scratch = Scratch::new();
    for mode in [0, 0o400, 0o200, 0o066] {
        let mailbox = Mailbox::<Pose>::new(scratch.name())?.mode(mode);
        for error in [mailbox.writer().err(), mailbox.reader().err()] {
            assert!(matches!(error, Some(OpenError::Mode { found, .. }) if found == mode), "{error:?}");
        }
        assert!(scratch.is_gone());
    }
    Ok(())
}

lastword::message! {
    /// As a pose, but for one name.
    struct OtherPose {
        x: f64,
        z: f64,
        at_ns: u64,
    }
}

#[test]
fn a_mailbox_says_what_its_messages_are_and_in_which_field_a_type_differs() -> Outcome {
    let scratch = Scratch::new();
    let _writer = Mailbox::<Pose>::new(scratch.name())?.writer()?;
    let monitor = Monitor::open(scratch.name())?;
    let names: Vec<_> = monitor.description().fields().map(|field| field.name.to_owned()).collect();
    assert_eq!(names, ["x", "y", "at_ns"]);
    let other = Mailbox::<OtherPose>::new(scratch.name())?;
    for error in [other.reader().map(drop), other.monitor().map(drop)] {
        let Err(OpenError::Mismatch { field: "message type", found, expected, .. }) = error else {
            return Err(format!("expected another type, found {error:?}").into());
        };
        assert!(found.contains("y: f64 at byte 8") && expected.contains("z: f64 at byte 8"), "{found}; {expected}");
    }
    Ok(())
}
