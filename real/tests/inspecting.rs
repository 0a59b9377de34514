//! Looking from outside: every state that a channel, mailbox or board can be in is told as what it is, made for real;
//! nothing is changed and nobody disturbed by it; and no message is called whole that was torn.

mod common;

use common::{Child, Pose, Scratch, pose, role, say, wait_for_the_end};
use lastword::inspect::{Condition, Inspection, Problem, SleepNote, Survey, Surveyor, What, survey};
use lastword::protocol::slots::Lock;
use lastword::ready::{Mailbox, State};
use lastword::status::{self, Definition, Writer};
use lastword::{Channel, Force, ObjectKind, OpenError, Role};
use lastword_protocol::header::{CREATING, VERSION};
use nix::fcntl::{AT_FDCWD, FcntlArg, RenameFlags, fcntl, renameat2};
use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Pid, Uid, mkfifo, setgid, setuid};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn Error>>;
/// So long that copying it takes longer than publishing the next one.
type Long = [u64; 2048];

const PATIENCE: Duration = Duration::from_secs(120);
const STRANGER: u32 = 65_534;
/// Most files that a process has open that surveys more than that.
const FILES: u64 = 32;
/// A message that takes a while to reserve the memory for.
const HUGE: usize = 64 << 20;

#[test]
#[ignore = "other tests run it in child processes"]
fn child_process() -> Outcome {
    let (role, name) = role();
    match role.as_str() {
        "produce without end" => {
            let mut producer = Channel::<Long>::new(&name)?.consumers(2).producer()?;
            say("ready");
            for number in 1_u64.. {
                producer.publish(&[number; 2048])?;
            }
        }
        "write without end" => {
            let mut writer = Mailbox::<Long>::new(&name)?.writer()?;
            say("ready");
            for number in 1_u64.. {
                writer.send(&[number; 2048], None)?;
            }
        }
        "read without end" => {
            let mut reader = Mailbox::<Long>::new(&name)?.reader()?;
            loop {
                reader.wait(None)?;
                if let Some(message) = reader.try_receive()? {
                    message.clear();
                }
            }
        }
        "consume and check" => {
            let mut consumer = Channel::<Long>::new(&name)?.consumer(0)?;
            say("ready");
            let mut newest = 0;
            loop {
                consumer.wait(None)?;
                if let Some(sample) = consumer.acquire()? {
                    let (number, message) = (sample.sequence().get(), sample.read());
                    assert!(number >= newest && message == [message[0]; 2048]);
                    newest = number;
                }
            }
        }
        "hold a message" => {
            let mut consumer = Channel::<Pose>::new(&name)?.consumer(1)?;
            consumer.acquire()?.expect("a message is out").keep();
            say("ready");
            wait_for_the_end();
        }
        "sleep" => {
            let mut consumer = Channel::<Pose>::new(&name)?.consumer(0)?;
            consumer.acquire()?.expect("a message is out");
            say("ready");
            consumer.wait(None)?;
            say("awake");
        }
        "write half a message" => {
            let mut producer = Channel::<Pose>::new(&name)?.producer()?;
            let mut loan = producer.loan()?;
            loan.write(&pose(9))?;
            say("ready");
            wait_for_the_end();
        }
        "create what is huge" => drop(Channel::bytes(&name, HUGE)?.consumers(1).producer()?),
        "look with few files" => {
            setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES)?;
            let found = survey(&name)?;
            let is_seen = |one: &Survey| one.condition == Condition::Complete && one.roles[0].holder.is_some();
            say(format!("{} of {}", found.iter().filter(|one| is_seen(one)).count(), found.len()));
            wait_for_the_end();
            let watch =
                |one: &Survey| one.roles[0].holder.as_ref().map(|holder| holder.watch().map(|watch| watch.pid()));
            for one in &found[..3] {
                say(format!("{:?}", watch(one).ok_or("nobody has it")?));
            }
        }
        "look as another user" => {
            setgid(Gid::from_raw(STRANGER))?;
            setuid(Uid::from_raw(STRANGER))?;
            let own = format!("{name}.own");
            let path = format!("/dev/shm/lastword-{own}.ready");
            fs::write(&path, [])?;
            fs::set_permissions(&path, Permissions::from_mode(0o000))?;
            for found in survey(&name)? {
                let Survey { name, what, condition, mode, owner, .. } = &found;
                let known = (mode.unwrap_or_default(), owner.unwrap_or_default(), found.bytes());
                say(format!("{name} {what} {condition} {known:?}"));
            }
            say(format!("{:o}", fs::metadata(&path)?.permissions().mode() & 0o7777));
        }
        _ => return Err(format!("no such role: {role}").into()),
    }
    Ok(())
}

fn look(scratch: &Scratch, what: What) -> Result<Inspection, Box<dyn Error>> {
    Ok(Inspection::open(scratch.name(), what)?)
}

fn condition(scratch: &Scratch, what: What) -> Result<Condition, Box<dyn Error>> {
    let inspection = look(scratch, what)?;
    let found = inspection.survey();
    assert_eq!(
        found.problems.is_empty(),
        matches!(found.condition, Condition::Complete | Condition::Gone),
        "{found:?}"
    );
    // Whatever it is, everything can be asked.
    ask_everything(&inspection);
    let all = survey(scratch.name())?;
    let surveyed = all.iter().find(|one| one.name == scratch.name() && one.what == what);
    assert_eq!(surveyed.map_or(Condition::Gone, |one| one.condition), found.condition);
    Ok(found.condition)
}

/// Asks for everything; how many answers were errors.
fn ask_everything(inspection: &Inspection) -> usize {
    let newest = inspection.newest(1 << 20).is_err();
    let slots: usize = (0..=u8::MAX).map(|slot| usize::from(inspection.slot(slot, 64).is_err())).sum();
    let waits = [Role::MailboxWriter, Role::MailboxReader].map(|role| inspection.wait(role).is_err());
    let words = inspection.slots().map_or(0, |slots| {
        slots.slots.iter().filter(|slot| slot.sequence.is_err() || slot.length.is_err()).count()
            + slots.consumers.iter().filter(|one| one.lock.is_err() || one.wait.is_err()).count()
    });
    let found = inspection.survey();
    let readings = found.board.iter().flat_map(|board| board.readings()).filter(Result::is_err).count();
    let texts = found.problems.iter().filter(|problem| problem.to_string().is_empty()).count();
    assert_eq!(texts, 0, "every problem has words");
    let state = inspection.state().is_err();
    drop((inspection.places(), inspection.description().map(ToString::to_string)));
    slots + words + readings + [newest, waits[0], waits[1], state].into_iter().filter(|&is| is).count()
}

fn existing() -> Result<(Scratch, Channel<Pose>), Box<dyn Error>> {
    let scratch = Scratch::new();
    let channel = Channel::new(scratch.name())?.consumers(2);
    channel.producer()?.publish(&pose(1))?;
    Ok((scratch, channel))
}

fn lock(file: &fs::File, kind: i32, byte: i64) -> nix::Result<()> {
    let lock = flock { l_type: kind as _, l_whence: SEEK_SET as _, l_start: byte, l_len: 1, l_pid: 0 };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).map(drop)
}

#[test]
fn what_is_complete_is_told_with_all_that_is_known() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(2).mode(0o640);
    let mut producer = channel.producer()?;
    let consumer = channel.consumer(1)?;
    producer.publish(&pose(1))?;
    producer.publish(&pose(2))?;
    let mailbox = Mailbox::<u64>::new(scratch.name())?;
    let mut writer = mailbox.writer()?;
    writer.try_send(&7)?;
    let mut definition = Definition::new();
    let players = definition.word::<u32>("players", "")?;
    definition.word::<f64>("temperature", "°C")?;
    let mut board = Writer::define(scratch.name(), &definition, 0o600)?;
    board.set(players, 3)?;

    let found = survey(scratch.name())?;
    let [channel_found, mailbox_found, board_found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(found.iter().map(|one| one.what).collect::<Vec<_>>(), What::ALL);
    for one in &found {
        assert_eq!((one.condition, one.problems.as_slice()), (Condition::Complete, [].as_slice()));
        assert_eq!((one.name.as_str(), one.generation, one.owner), (scratch.name(), 0, Some(Uid::current().as_raw())));
        let pids: Vec<_> = one.roles.iter().filter_map(|state| state.holder.as_ref()?.pid()).collect();
        assert!(!pids.is_empty() && pids.iter().all(|&pid| pid == std::process::id()) && one.is_used);
        assert!(!one.is_changing && !one.is_replaced());
        assert!(one.created.is_some_and(|then| then.elapsed().is_ok_and(|age| age < PATIENCE)));
    }
    assert_eq!(channel_found.message_type.map(|found| found.name().to_owned()).as_deref(), Some("Pose"));
    assert_eq!((channel_found.capacity, channel_found.consumers, channel_found.messages), (Some(24), Some(2), Some(2)));
    assert_eq!(channel_found.mode, Some(0o640));
    let lengths = fs::metadata(scratch.path("data"))?.len() + fs::metadata(scratch.path("locks"))?.len();
    assert_eq!(channel_found.bytes(), lengths);
    let held: Vec<Role> = channel_found.roles.iter().filter(|one| one.holder.is_some()).map(|one| one.role).collect();
    assert_eq!(held, [Role::Producer, Role::Consumer(1)]);
    assert_eq!((mailbox_found.messages, mailbox_found.is_set, mailbox_found.capacity), (Some(1), Some(true), Some(8)));
    assert_eq!(mailbox_found.roles.len(), 2);
    let words = board_found.board.as_ref().expect("it is a board");
    let lines: Vec<String> =
        words.readings().map(|reading| reading.map(|one| one.to_string())).collect::<Result<_, _>>()?;
    assert_eq!(lines, ["players: 3", "temperature: 0.0 °C"]);
    assert_eq!((board_found.words, board_found.messages), (Some(2), None));
    drop((consumer, writer));
    Ok(())
}

#[test]
fn what_a_creator_leaves_is_told_from_what_it_is_still_at() -> Outcome {
    let begun = [&CREATING.to_ne_bytes()[..], &[0; 5000]].concat();
    for (suffix, what) in [("locks", What::Channel), ("ready", What::Mailbox), ("status", What::Board)] {
        for bytes in [&[][..], &begun[..8], &begun] {
            let scratch = Scratch::new();
            scratch.plant(suffix, bytes);
            assert_eq!(condition(&scratch, what)?, Condition::Incomplete, "{what}");
            let creator = scratch.open(suffix);
            lock(&creator, F_WRLCK, 0)?;
            assert_eq!(condition(&scratch, what)?, Condition::BeingCreated, "{what}");
            assert!(look(&scratch, what)?.survey().is_changing);
            lock(&creator, F_UNLCK, 0)?;
            assert_eq!(condition(&scratch, what)?, Condition::Incomplete, "{what}");
        }
    }
    Ok(())
}

#[test]
fn a_creator_that_is_killed_at_it_leaves_what_is_half_created() -> Outcome {
    for _ in 0..200 {
        let scratch = Scratch::new();
        let creator = Child::start("create what is huge", scratch.name());
        let deadline = Instant::now() + PATIENCE;
        while scratch.first_word("data") != Some(CREATING) && Instant::now() < deadline {
            if scratch.first_word("locks").is_some_and(|word| word != CREATING && word != 0) {
                break;
            }
        }
        kill(Pid::from_raw(creator.id() as i32), Signal::SIGSTOP)?;
        if scratch.first_word("data") != Some(CREATING) || scratch.first_word("locks") != Some(CREATING) {
            continue;
        }
        assert_eq!(condition(&scratch, What::Channel)?, Condition::BeingCreated);
        creator.kill();
        assert_eq!(condition(&scratch, What::Channel)?, Condition::Incomplete);
        // It can be begun anew, and is seen to be complete then by who has looked before.
        let mut inspection = look(&scratch, What::Channel)?;
        drop(Channel::bytes(scratch.name(), 16)?.producer()?);
        assert_eq!(inspection.refresh().condition, Condition::Complete);
        return Ok(());
    }
    panic!("no creator was caught at its work");
}

#[test]
fn what_is_missing_is_told_and_the_rest_too() -> Outcome {
    let (scratch, channel) = existing()?;
    fs::remove_file(scratch.path("data"))?;
    assert_eq!(condition(&scratch, What::Channel)?, Condition::DataMissing);
    let inspection = look(&scratch, What::Channel)?;
    let found = inspection.survey();
    assert_eq!((found.consumers, found.roles.len(), found.messages), (Some(2), 3, None));
    let slots = inspection.slots().expect("the dimensions are known");
    assert!(matches!(slots.latest, Err(Problem::Object(OpenError::DataMissing { .. }))));
    assert_eq!(slots.consumers.len(), 2);
    assert!(channel.remove(Force::No)?);
    assert_eq!(condition(&scratch, What::Channel)?, Condition::Gone);

    let (scratch, _channel) = existing()?;
    fs::remove_file(scratch.path("locks"))?;
    assert_eq!(condition(&scratch, What::Channel)?, Condition::LocksMissing);
    let inspection = look(&scratch, What::Channel)?;
    assert_eq!((inspection.survey().messages, inspection.survey().roles.len()), (Some(1), 0));
    assert!(inspection.newest(100)?.is_some_and(|found| found.is_whole));

    let (scratch, channel) = existing()?;
    drop(channel.clone().replace()?.commit());
    assert_eq!(look(&scratch, What::Channel)?.survey().generation, 1);
    fs::remove_file(format!("/dev/shm/lastword-{}~1.locks", scratch.name()))?;
    assert_eq!(condition(&scratch, What::Channel)?, Condition::GenerationMissing);
    Ok(())
}

#[test]
fn what_is_damaged_or_foreign_is_told_and_who_uses_it_too() -> Outcome {
    for (suffix, what) in
        [("locks", What::Channel), ("data", What::Channel), ("ready", What::Mailbox), ("status", What::Board)]
    {
        let make = || -> Result<(Scratch, Box<dyn std::any::Any>), Box<dyn Error>> {
            let scratch = Scratch::new();
            let held: Box<dyn std::any::Any> = match what {
                What::Channel => Box::new(Channel::<Pose>::new(scratch.name())?.producer()?),
                What::Mailbox => Box::new(Mailbox::<Pose>::new(scratch.name())?.writer()?),
                What::Board => Box::new(Writer::create(scratch.name(), 4, 0o600)?),
            };
            Ok((scratch, held))
        };
        let (scratch, _held) = make()?;
        scratch.patch(suffix, 1, |word| u64::from(VERSION + 1) << 32 | word & u64::from(u32::MAX));
        assert_eq!(condition(&scratch, what)?, Condition::OtherVersion { found: VERSION + 1 });
        assert!(look(&scratch, what)?.survey().is_used);
        for word in [0, 2, 9, 23] {
            let (scratch, _held) = make()?;
            scratch.patch(suffix, word, |found| found ^ 1 << 17);
            assert_eq!(condition(&scratch, what)?, Condition::Damaged, "{suffix} {word}");
            let found = look(&scratch, what)?;
            let holders: Vec<_> = found.survey().roles.iter().filter_map(|one| one.holder.as_ref()?.pid()).collect();
            assert_eq!(holders, [std::process::id()], "{suffix} {word}");
        }
        for length in [1, 7, 191, 192, 300] {
            let (scratch, held) = make()?;
            drop(held);
            scratch.open(suffix).set_len(length)?;
            assert_eq!(condition(&scratch, what)?, Condition::Damaged, "{suffix} {length}");
        }
        let (scratch, held) = make()?;
        drop(held);
        let other = scratch.path("linked");
        fs::hard_link(scratch.path(suffix), &other)?;
        assert_eq!(condition(&scratch, what)?, Condition::Damaged);
        fs::remove_file(other)?;
        assert_eq!(condition(&scratch, what)?, Condition::Complete);
    }
    Ok(())
}

#[test]
fn what_is_no_object_is_told_and_not_opened() -> Outcome {
    type Make = fn(&Path) -> std::io::Result<()>;
    let makers: [Make; 3] = [
        |path| fs::create_dir(path),
        |path| symlink("/dev/null", path),
        |path| mkfifo(path, Mode::S_IRWXU).map_err(Into::into),
    ];
    for make in makers {
        for (suffix, what) in [("locks", What::Channel), ("ready", What::Mailbox), ("status", What::Board)] {
            let scratch = Scratch::new();
            make(&scratch.path(suffix))?;
            let found = condition(&scratch, what);
            let _ = fs::remove_dir(scratch.path(suffix));
            assert_eq!(found?, Condition::NotAnObject, "{suffix}");
        }
    }
    Ok(())
}

#[test]
fn another_users_objects_are_told_as_far_as_the_directory_shows_and_nothing_is_changed() -> Outcome {
    if !Uid::effective().is_root() {
        eprintln!("NOT TESTED: looking as another user, which needs root");
        return Ok(());
    }
    let (scratch, _channel) = existing()?;
    let length = look(&scratch, What::Channel)?.survey().bytes();
    let mut stranger = Child::start("look as another user", scratch.name());
    let name = scratch.name();
    assert_eq!(stranger.hear(), format!("{name} channel permission denied {:?}", (0o600, 0, length)));
    // An empty one whose mode keeps its owner out may be given another by its owner who wants a role; not by a look.
    assert_eq!(stranger.hear(), format!("{name}.own mailbox permission denied {:?}", (0, STRANGER, 0)));
    assert_eq!(stranger.hear(), "0");
    assert!(stranger.wait().success());
    Ok(())
}

#[test]
fn more_is_surveyed_than_files_can_be_open_and_its_holders_are_watched_all_the_same() -> Outcome {
    let scratch = Scratch::new();
    let name = |number: u64| format!("{}{number:03}", scratch.name());
    let mut writers = Vec::new();
    for number in 0..2 * FILES {
        writers.push(Some(Mailbox::<u64>::new(&name(number))?.writer()?));
    }
    let mut surveyor = Child::start("look with few files", scratch.name());
    assert_eq!(surveyor.hear(), format!("{0} of {0}", 2 * FILES));
    // Of the second the role is given up, and the third is removed, and is another one's of the same name.
    writers[1] = None;
    writers[2] = None;
    let third = Mailbox::<u64>::new(&name(2))?;
    assert!(third.remove(Force::No)?);
    writers[2] = Some(third.writer()?);
    surveyor.nudge();
    let process = std::process::id();
    let not_held = format!("Err(NotHeld {{ role: {:?}, process: {process} }})", Role::MailboxWriter);
    assert_eq!(surveyor.hear(), format!("Ok({process})"));
    assert_eq!([surveyor.hear(), surveyor.hear()], [not_held.clone(), not_held]);
    assert!(surveyor.wait().success());
    Ok(())
}

#[test]
fn an_inspection_that_stays_open_finds_what_has_the_name_now() -> Outcome {
    let (scratch, channel) = existing()?;
    let mut inspection = look(&scratch, What::Channel)?;
    let mut surveyor = Surveyor::new(scratch.name());
    let now = |surveyor: &mut Surveyor| -> Result<Vec<(Option<u64>, u32)>, std::io::Error> {
        Ok(surveyor.refresh()?.map(|one| (one.messages, one.generation)).collect())
    };
    assert_eq!(now(&mut surveyor)?, [(Some(1), 0)]);
    channel.producer()?.publish(&pose(2))?;
    assert_eq!((inspection.refresh().messages, now(&mut surveyor)?.as_slice()), (Some(2), [(Some(2), 0)].as_slice()));

    channel.remove(Force::No)?;
    assert_eq!((inspection.refresh().condition, now(&mut surveyor)?.len()), (Condition::Gone, 0));
    let again = Channel::<u64>::new(scratch.name())?;
    drop(again.producer()?);
    assert_eq!((inspection.refresh().messages, now(&mut surveyor)?.as_slice()), (Some(0), [(Some(0), 0)].as_slice()));
    assert_eq!(inspection.survey().message_type.map(|found| found.size), Some(8));

    let mut replacement = again.clone().replace()?;
    assert!(inspection.refresh().is_changing && !inspection.survey().is_replaced());
    replacement.producer().publish(&5)?;
    let producer = replacement.commit();
    assert_eq!((inspection.refresh().generation, now(&mut surveyor)?.as_slice()), (1, [(Some(1), 1)].as_slice()));
    assert!(inspection.survey().is_replaced() && !inspection.survey().is_changing);
    assert!(inspection.survey().holder(Role::Producer).is_some());
    drop(producer);
    assert!(inspection.refresh().holder(Role::Producer).is_none());
    Ok(())
}

#[test]
fn one_answer_is_of_one_object_while_the_name_is_given_to_others() -> Outcome {
    let (scratch, other) = (Scratch::new(), Scratch::new());
    drop(Mailbox::bytes(scratch.name(), 100)?.mode(0o600).writer()?);
    drop(Mailbox::bytes(other.name(), 10_000)?.mode(0o640).writer()?);
    let (path, other) = (scratch.path("ready"), other.path("ready"));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let exchange = scope.spawn(|| -> nix::Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                renameat2(AT_FDCWD, &path, AT_FDCWD, &other, RenameFlags::RENAME_EXCHANGE)?;
            }
            Ok(())
        });
        let (mut modes, deadline) = (BTreeMap::new(), Instant::now() + PATIENCE);
        let mut answers = || -> Outcome {
            // Both have been seen by then, many times.
            while modes.len() < 2 || modes.values().any(|&count| count < 3000) {
                assert!(Instant::now() < deadline, "{modes:?}");
                let found = Inspection::open(scratch.name(), What::Mailbox)?;
                let found = found.survey();
                let [object] = found.objects.as_slice() else { panic!("{found:?}") };
                let header = object.header.clone()?;
                let mode = if header.capacity == 100 { 0o600 } else { 0o640 };
                assert_eq!((object.length, object.mode), (header.length, mode));
                *modes.entry(mode).or_insert(0) += 1;
            }
            Ok(())
        };
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut answers));
        is_over.store(true, Ordering::Relaxed);
        let exchanged = exchange.join();
        found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(exchanged.expect("it does not panic")?)
    })
}

#[test]
fn locks_and_sleepers_are_seen_and_what_a_killed_consumer_held_stays() -> Outcome {
    let (scratch, channel) = existing()?;
    let mut producer = channel.producer()?;
    let mut holder = Child::start("hold a message", scratch.name());
    assert_eq!(holder.hear(), "ready");
    let mut sleeper = Child::start("sleep", scratch.name());
    assert_eq!(sleeper.hear(), "ready");
    let mut inspection = look(&scratch, What::Channel)?;
    let deadline = Instant::now() + PATIENCE;
    let slots = loop {
        let slots = inspection.slots().expect("it is a channel");
        if slots.consumers[0].wait.as_ref().is_ok_and(|wait| wait.is_current) {
            break slots;
        }
        assert!(Instant::now() < deadline, "it never slept: {slots:?}");
    };
    let newest = slots.latest?.expect("a message is out");
    assert_eq!(slots.consumers[0].lock, Ok(Lock::Free));
    assert_eq!(slots.consumers[0].wait.as_ref().map(|wait| wait.note), Ok(SleepNote::On(Some(newest))));
    assert_eq!(slots.consumers[1].lock, Ok(Lock::Held(newest)));
    assert_eq!(slots.consumers[1].wait.as_ref().map(|wait| wait.note), Ok(SleepNote::Never));
    let locked: Vec<_> = slots.slots.iter().map(|slot| (slot.is_newest, slot.locked_by.clone())).collect();
    let expected: Vec<_> =
        (0..4).map(|slot| (slot == newest.slot(), if slot == newest.slot() { vec![1] } else { vec![] })).collect();
    assert_eq!(locked, expected);
    let pids = |inspection: &Inspection| {
        [0, 1].map(|index| inspection.survey().holder(Role::Consumer(index)).and_then(|holder| holder.pid()))
    };
    inspection.refresh();
    assert_eq!(pids(&inspection), [Some(sleeper.id()), Some(holder.id())]);

    let dead = holder.id();
    holder.kill();
    inspection.refresh();
    assert_eq!(pids(&inspection), [Some(sleeper.id()), None]);
    assert_eq!(
        inspection.survey().roles.iter().find(|one| one.role == Role::Consumer(1)).and_then(|one| one.last),
        Some(dead)
    );
    assert_eq!(inspection.slots().expect("a channel").consumers[1].lock, Ok(Lock::Held(newest)));
    producer.publish(&pose(2))?;
    assert_eq!(sleeper.hear(), "awake");
    let wait = inspection.slots().expect("a channel").consumers[0].wait.clone()?;
    assert_eq!((wait.note, wait.is_current), (SleepNote::On(Some(newest)), false));
    assert!(inspection.slot(newest.slot(), 100)?.is_some_and(|held| held.is_whole), "it is still locked");
    Ok(())
}

#[test]
fn what_a_killed_producer_wrote_without_publishing_is_never_called_whole() -> Outcome {
    let (scratch, _channel) = existing()?;
    let mut producer = Child::start("write half a message", scratch.name());
    assert_eq!(producer.hear(), "ready");
    let inspection = look(&scratch, What::Channel)?;
    producer.kill();
    let slots = inspection.slots().expect("a channel");
    for slot in slots.slots {
        let found = inspection.slot(slot.slot, 100)?.expect("a channel has slots");
        assert_eq!(found.is_whole, slot.is_newest, "{found:?}");
    }
    assert!(matches!(inspection.slot(4, 100), Err(Problem::NoSuchSlot { slot: 4, slots: 4 })));

    // Killed later, after it had written the number and before `latest`.
    let newest = inspection.slots().expect("a channel").latest?.expect("a message is out");
    let unpublished = (newest.slot() + 1) % 4;
    let sequence = (384 + u64::from(unpublished) * (64 + 64)) / 8;
    scratch.patch("data", sequence, |_| newest.sequence().next().get());
    scratch.patch("data", sequence + 1, |_| 24);
    let found = inspection.slot(unpublished, 100)?.expect("a channel has slots");
    assert_eq!((found.sequence, found.is_whole), (Some(newest.sequence().next()), false));
    Ok(())
}

#[test]
fn of_two_slots_with_one_number_only_the_newest_messages_is_called_whole() -> Outcome {
    let (scratch, channel) = existing()?;
    let inspection = look(&scratch, What::Channel)?;
    let first = inspection.slots().expect("a channel").latest?.expect("a message is out");
    let slot = |ahead: u8| (first.slot() + ahead) % 4;
    let is_whole = |ahead| -> Result<bool, Box<dyn Error>> {
        Ok(inspection.slot(slot(ahead), 100)?.expect("a channel has slots").is_whole)
    };
    let whole =
        || -> Result<[bool; 4], Box<dyn Error>> { Ok([is_whole(0)?, is_whole(1)?, is_whole(2)?, is_whole(3)?]) };
    // What a producer leaves that found two slots locked, and was killed after it had written the number.
    let left = (384 + u64::from(slot(3)) * (64 + 64)) / 8;
    scratch.patch("data", left, |_| first.sequence().next().get());
    scratch.patch("data", left + 1, |_| 24);
    assert_eq!(whole()?, [true, false, false, false]);
    // Its successor finds the first of them free.
    let mut successor = channel.producer()?;
    successor.publish(&pose(2))?;
    assert_eq!(whole()?, [true, true, false, false]);
    assert!(inspection.newest(100)?.is_some_and(|found| found.is_whole && found.slot == Some(slot(1))));
    // Both are older now, and look alike.
    successor.publish(&pose(3))?;
    assert_eq!(whole()?, [true, false, true, false]);
    successor.publish(&pose(4))?;
    assert_eq!(whole()?, [true; 4]);
    Ok(())
}

#[test]
fn a_word_that_is_garbage_is_told_and_all_others_too() -> Outcome {
    let (scratch, _channel) = existing()?;
    scratch.patch("locks", (256 + 128) / 8, |_| u64::MAX);
    let inspection = look(&scratch, What::Channel)?;
    let slots = inspection.slots().expect("a channel");
    assert!(matches!(slots.consumers[1].lock, Err(Problem::Word(_))));
    assert!(slots.consumers[0].lock.is_ok() && slots.latest.is_ok());
    scratch.patch("data", 256 / 8, |_| u64::MAX);
    assert_eq!(condition(&scratch, What::Channel)?, Condition::Damaged);
    assert!(inspection.newest(100).is_err());

    let mut definition = Definition::new();
    let players = definition.word::<u32>("players", "")?;
    definition.word::<bool>("is_up", "")?;
    Writer::define(scratch.name(), &definition, 0o600)?.set(players, 3)?;
    scratch.patch("status", 256 / 8 + 1, |_| 7);
    let found = look(&scratch, What::Board)?;
    let board = found.survey().board.as_ref().expect("a board");
    let readings: Vec<String> =
        board.readings().map(|reading| reading.map_or_else(|error| error.to_string(), |one| one.to_string())).collect();
    assert_eq!(readings[0], "players: 3");
    assert!(readings[1].contains("0x7, which is no bool"), "{readings:?}");
    assert_eq!(found.survey().condition, Condition::Damaged);
    // Its description: the words are told without names.
    scratch.patch("status", 256 / 8 + 3, |word| word ^ 1);
    let found = look(&scratch, What::Board)?;
    assert_eq!((found.survey().condition, found.survey().words), (Condition::Damaged, Some(2)));
    assert_eq!(found.survey().board.as_ref().map(|board| board.values()), Some([3, 7].as_slice()));
    Ok(())
}

#[test]
fn garbage_and_cuts_anywhere_are_answers_and_no_panics() -> Outcome {
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut errors = 0;
    for round in 0..300 {
        let (scratch, _channel) = existing()?;
        Mailbox::<Pose>::new(scratch.name())?.writer()?.try_send(&pose(1))?;
        drop(Writer::create(scratch.name(), 4, 0o600)?);
        let mut open = Vec::new();
        for what in What::ALL {
            open.push(look(&scratch, what)?);
        }
        for suffix in ["data", "locks", "ready", "status"] {
            let file = scratch.open(suffix);
            let length = file.metadata()?.len();
            for _ in 0..4 {
                file.write_all_at(&[0, 1, 0xff, 0x80, next(256) as u8][next(5) as usize..][..1], next(length))?;
            }
            if round % 3 == 0 {
                file.set_len(next(length))?;
            }
        }
        for inspection in &mut open {
            // First as it was found, whose lengths are not true any more.
            errors += ask_everything(inspection);
            inspection.refresh();
            errors += ask_everything(inspection);
        }
        survey(scratch.name())?;
    }
    assert!(errors > 1000, "damage is found: {errors}");
    Ok(())
}

#[test]
fn an_object_that_is_cut_under_an_open_inspection_is_an_answer_and_no_signal() -> Outcome {
    let (scratch, _channel) = existing()?;
    let mut inspection = look(&scratch, What::Channel)?;
    scratch.open("data").set_len(0)?;
    scratch.open("locks").set_len(200)?;
    assert!(matches!(inspection.newest(100), Err(Problem::CutOff { .. })));
    assert!(inspection.slots().is_some_and(|slots| slots.consumers.iter().all(|one| one.lock.is_err())));
    assert_eq!(inspection.refresh().condition, Condition::Damaged);
    Ok(())
}

#[test]
fn a_look_leaves_everything_as_it_was() -> Outcome {
    let (scratch, channel) = existing()?;
    let mut mailbox = Mailbox::<Pose>::new(scratch.name())?.writer()?;
    mailbox.try_send(&pose(1))?;
    let mut board = Writer::create(scratch.name(), 4, 0o600)?;
    board.set(status::Key::<u64>::at(2), 5)?;
    let consumer = channel.consumer(0)?;
    let state = || -> Result<Vec<_>, std::io::Error> {
        ["data", "locks", "ready", "status"]
            .map(|suffix| {
                let metadata = fs::metadata(scratch.path(suffix))?;
                let changed = (metadata.ctime(), metadata.ctime_nsec(), metadata.mode(), metadata.blocks());
                Ok((changed, fs::read(scratch.path(suffix))?))
            })
            .into_iter()
            .collect()
    };
    let before = state()?;
    let open: Vec<_> = What::ALL.into_iter().map(|what| look(&scratch, what)).collect::<Result<_, _>>()?;
    for inspection in &open {
        assert_eq!(ask_everything(inspection), if inspection.survey().what == What::Channel { 256 - 4 } else { 0 });
        for place in inspection.places() {
            let kept = scratch.path(place.object.suffix()).metadata()?.len();
            assert!(place.offset + place.length <= kept, "{place:?}");
        }
    }
    assert!(state()? == before, "something was changed");
    // Nothing is locked while they are open.
    drop((consumer, mailbox, board));
    assert!(channel.remove(Force::No)? && status::remove(scratch.name(), Force::No)?);
    assert!(Mailbox::<Pose>::new(scratch.name())?.remove(Force::No)?);
    Ok(())
}

#[test]
fn places_do_not_overlap_and_are_where_the_words_are() -> Outcome {
    let (scratch, channel) = existing()?;
    channel.producer()?.publish(&pose(2))?;
    let inspection = look(&scratch, What::Channel)?;
    let places = inspection.places();
    for pair in places.windows(2) {
        let end = pair[0].offset + pair[0].length;
        assert!(pair[0].object != pair[1].object || end <= pair[1].offset, "{pair:?}");
    }
    let of = |kind: ObjectKind, name: &str| {
        let found = places.iter().find(|place| place.object == kind && place.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {places:?}"))
    };
    let latest = inspection.slots().expect("a channel").latest?.expect("a message is out");
    assert_eq!(scratch.word("data", of(ObjectKind::Data, "latest").offset / 8), latest.bits());
    let payload = of(ObjectKind::Data, &format!("slot[{}].payload", latest.slot()));
    assert_eq!((payload.length, scratch.word("data", payload.offset / 8)), (24, 2.0_f64.to_bits()));
    let holder = of(ObjectKind::Locks, "producer: holder");
    assert_eq!(scratch.word("locks", holder.offset / 8) as u32, std::process::id());
    assert_eq!(of(ObjectKind::Locks, "description").length % 8, 0);
    Ok(())
}

#[test]
fn no_torn_message_of_a_producer_at_full_speed_is_called_whole_and_nobody_is_disturbed() -> Outcome {
    let scratch = Scratch::new();
    let mut producer = Child::start("produce without end", scratch.name());
    assert_eq!(producer.hear(), "ready");
    let mut consumer = Child::start("consume and check", scratch.name());
    assert_eq!(consumer.hear(), "ready");
    let mut inspection = look(&scratch, What::Channel)?;
    let is_mixed = |bytes: &[u8]| bytes.chunks(8).any(|word| word != &bytes[..8]);
    let (mut whole, mut torn, mut newest) = (0, 0, 0);
    let deadline = Instant::now() + PATIENCE;
    // Until both have been seen, so that it is known that there was something to find.
    while whole < 2000 || torn < 20 {
        assert!(Instant::now() < deadline, "{whole} whole, {torn} torn");
        for slot in 0..4 {
            let found = inspection.slot(slot, 1 << 20)?.expect("a channel has slots");
            if found.is_whole {
                assert_eq!(found.bytes.len(), 2048 * 8);
                assert!(!is_mixed(&found.bytes), "torn, and called whole");
                whole += 1;
            } else if !found.bytes.is_empty() && is_mixed(&found.bytes) {
                torn += 1;
            }
        }
        if let Some(found) = inspection.newest(1 << 20)?.filter(|found| found.is_whole) {
            let number = found.sequence.expect("it is out").get();
            assert!(number >= newest && !is_mixed(&found.bytes));
            newest = number;
            whole += 1;
        }
        let found = inspection.refresh();
        assert_eq!((found.condition, found.problems.as_slice()), (Condition::Complete, [].as_slice()));
    }
    let before = inspection.refresh().messages;
    let goes_on = || look(&scratch, What::Channel).is_ok_and(|now| now.survey().messages > before);
    while !goes_on() {
        assert!(Instant::now() < deadline, "the producer stands still");
    }
    // Neither has found anything wrong.
    consumer.kill();
    producer.kill();
    Ok(())
}

#[test]
fn no_torn_message_of_a_mailbox_at_full_speed_is_called_whole() -> Outcome {
    let scratch = Scratch::new();
    let mut writer = Child::start("write without end", scratch.name());
    assert_eq!(writer.hear(), "ready");
    let mut inspection = look(&scratch, What::Mailbox)?;
    let deadline = Instant::now() + PATIENCE;
    while inspection.state()? != Some(State { sequence: lastword::Sequence::new(1), set: true }) {
        assert!(Instant::now() < deadline, "nothing is sent");
    }
    assert!(inspection.newest(1 << 20)?.is_some_and(|found| found.is_whole && found.bytes[..8] == 1_u64.to_ne_bytes()));
    let reader = Child::start("read without end", scratch.name());
    let (mut whole, mut not_whole) = (0, 0);
    while whole < 1000 || not_whole < 1000 {
        assert!(Instant::now() < deadline, "{whole} whole, {not_whole} not");
        let found = inspection.newest(1 << 20)?.expect("a message is out");
        if found.is_whole {
            assert!(found.bytes.chunks(8).all(|word| word == &found.bytes[..8]), "torn, and called whole");
            whole += 1;
        } else {
            not_whole += 1;
        }
    }
    assert_eq!(inspection.refresh().condition, Condition::Complete);
    reader.kill();
    writer.kill();
    Ok(())
}
