//! A channel that is replaced while it is in use: by one of another type and other dimensions, without a moment in
//! which somebody who opens it gets neither.

mod common;

use common::{Child, Pose, Scratch, pose, role, say, wait_for_the_end};
use lastword::ready::Mailbox;
use lastword::{Channel, Force, ObjectKind, OpenError, RemoveError, Role, UntypedObserver, unused};
use lastword_protocol::header::VERSION;
use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

type Outcome = Result<(), Box<dyn Error>>;

/// The word of the locks object that names the newest generation.
const SUCCESSOR: u64 = 232 / 8;

lastword::message! {
    /// What the second generation carries.
    #[derive(PartialEq)]
    pub struct Longer {
        /// Metres.
        pub x: f64,
        /// More.
        pub more: [u64; 7],
    }
}

fn longer(number: u64) -> Longer {
    Longer { x: number as f64, more: [number; 7] }
}

#[test]
#[ignore = "other tests run it in child processes"]
fn child_process() -> Outcome {
    let (role, name) = role();
    let channel = Channel::<Pose>::new(&name)?;
    match role.as_str() {
        "begin to replace" => {
            let mut replacement = channel.replace()?;
            replacement.producer().publish(&pose(2))?;
            say("ready");
            wait_for_the_end();
        }
        "consume" => {
            let mut consumer = channel.consumer(0)?;
            let sample = consumer.acquire()?.expect("a message is out");
            say(sample.read().at_ns);
            wait_for_the_end();
        }
        _ => return Err(format!("no such role: {role}").into()),
    }
    Ok(())
}

/// The objects of the channel, as `generation kind`.
fn objects(scratch: &Scratch) -> Vec<String> {
    let objects = lastword::objects(scratch.name()).expect("/dev/shm can be read");
    objects.iter().map(|object| format!("{} {}", object.generation, object.kind.suffix())).collect()
}

#[test]
fn a_channel_is_replaced_by_one_of_another_type_while_it_is_in_use() -> Outcome {
    let scratch = Scratch::new();
    let old = Channel::<Pose>::new(scratch.name())?.consumers(2);
    let mut old_producer = old.producer()?;
    let mut old_consumer = old.consumer(1)?;
    let old_observer = old.observer()?;
    old_producer.publish(&pose(1))?;

    let new = Channel::<Longer>::new(scratch.name())?.consumers(5);
    let mut replacement = new.clone().replace()?;
    replacement.producer().publish(&longer(1))?;
    // Nobody sees it yet.
    assert!(!old_producer.is_replaced() && !old_consumer.is_replaced() && !old_observer.is_replaced());
    assert!(!replacement.producer().is_replaced());
    assert_eq!(old.observer()?.peek()?.map(|(_, message)| message), Some(pose(1)));
    assert!(matches!(new.observer(), Err(OpenError::Mismatch { field: "message type", .. })));
    let mut producer = replacement.commit();
    assert!(old_producer.is_replaced() && old_consumer.is_replaced() && old_observer.is_replaced());
    assert!(!producer.is_replaced());

    // Who has the old one goes on undisturbed.
    old_producer.publish(&pose(2))?;
    assert_eq!(old_consumer.acquire()?.map(|sample| sample.read()), Some(pose(2)));
    assert_eq!(old_observer.peek()?.map(|(_, message)| message), Some(pose(2)));

    // Who opens it gets the new one, complete and with its first message.
    let mut consumer = new.consumer(4)?;
    assert_eq!(consumer.consumers(), 5);
    assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(longer(1)));
    producer.publish(&longer(2))?;
    assert_eq!(new.observer()?.peek()?.map(|(_, message)| message), Some(longer(2)));
    assert!(!consumer.is_replaced() && !new.observer()?.is_replaced());
    let error = new.producer().expect_err("this process has the role");
    assert!(matches!(error, OpenError::RoleTaken { role: Role::Producer, .. }), "{error:?}");
    assert_eq!(new.holder(Role::Consumer(4))?.and_then(|holder| holder.pid()), Some(std::process::id()));

    // A program of before is told what it finds.
    for error in
        [old.consumer(0).expect_err("another type").to_string(), old.observer().expect_err("another type").to_string()]
    {
        let (found, expected) =
            ("with the field more[0..7]: u64 at byte 8, expected Pose", "with the field y: f64 at byte 8");
        assert!(error.contains("message type: found Longer") && error.contains(found), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    Ok(())
}

#[test]
fn an_observer_of_any_type_follows_a_replacement_and_its_description() -> Outcome {
    let scratch = Scratch::new();
    let mut old_producer = Channel::<Pose>::new(scratch.name())?.producer()?;
    old_producer.publish(&pose(1))?;
    let old = UntypedObserver::open(scratch.name())?;
    let replacement = Channel::<Longer>::new(scratch.name())?.replace()?;
    assert!(!UntypedObserver::open(scratch.name())?.is_replaced() && !old.is_replaced());
    let mut producer = replacement.commit();
    producer.publish(&longer(2))?;
    assert!(old.is_replaced());

    let new = UntypedObserver::open(scratch.name())?;
    assert!(!new.is_replaced());
    let (_, message) = new.peek()?.ok_or("a message is out")?;
    let text = new.description().text(&message).to_string();
    assert_eq!(text, "x: 2.0\nmore[]: [2, 2, 2, 2, 2, 2, 2]\n");
    assert_eq!(new.producer()?.and_then(|holder| holder.pid()), Some(std::process::id()));

    // Who has the old one open goes on with it, and with what it says.
    let (_, message) = old.peek()?.ok_or("a message is out")?;
    let text = old.description().text(&message).to_string();
    assert_eq!(text, "x: 1.0\ny: -1.0\nat_ns: 1\n");
    drop(producer);
    assert!(new.producer()?.is_none() && old.producer()?.is_some());
    Ok(())
}

#[test]
fn a_channel_is_unused_only_if_none_of_its_generations_is_used() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let listed = || -> Result<Vec<String>, Box<dyn Error>> {
        Ok(unused(scratch.name())?
            .iter()
            .map(|object| format!("{} {}", object.generation, object.kind.suffix()))
            .collect())
    };
    let old = channel.producer()?;
    assert_eq!(listed()?, [""; 0]);
    let replacement = channel.clone().replace()?;
    drop(old);
    assert_eq!(listed()?, [""; 0], "somebody is replacing it");
    let new = replacement.commit();
    assert_eq!(listed()?, [""; 0], "the second generation is used");
    assert!(lastword::remove_unused(scratch.name())?.is_empty());
    drop(new);
    assert_eq!(listed()?, objects(&scratch));
    assert_eq!(listed()?, ["0 data", "0 locks", "1 data", "1 locks"]);
    assert_eq!(lastword::remove_unused(scratch.name())?.len(), 4);
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn a_mailbox_of_the_same_name_is_no_generation_of_a_channel() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    mailbox.writer()?.try_send(&pose(1))?;
    drop(channel.producer()?);
    std::fs::copy(scratch.path("ready"), format!("/dev/shm/lastword-{}~1.ready", scratch.name()))?;
    assert_eq!(objects(&scratch), ["0 data", "0 locks", "0 ready"], "mailboxes are not replaced");
    // Its name is taken all the same.
    drop(channel.clone().replace()?.commit());
    assert_eq!(objects(&scratch), ["0 data", "0 locks", "0 ready", "2 data", "2 locks"]);
    assert!(channel.remove(Force::No)?);
    assert_eq!(objects(&scratch), ["0 ready"]);
    assert!(mailbox.monitor()?.state()?.set, "the message waits");
    assert!(mailbox.remove(Force::No)?);
    std::fs::remove_file(format!("/dev/shm/lastword-{}~1.ready", scratch.name()))?;
    Ok(())
}

#[test]
fn what_is_not_asked_for_is_as_it_was() -> Outcome {
    let scratch = Scratch::new();
    drop(Channel::bytes(scratch.name(), 100)?.consumers(3).mode(0o640).producer()?);
    let mut replacement = Channel::<[u8]>::new(scratch.name())?.replace()?;
    assert_eq!((replacement.producer().consumers(), replacement.producer().capacity()), (3, 100));
    drop(replacement.commit());
    let replaced = Channel::bytes(scratch.name(), 1000)?.mode(0o660).replace()?.commit();
    assert_eq!((replaced.consumers(), replaced.capacity()), (3, 1000));
    for object in lastword::objects(scratch.name())? {
        let mode = std::fs::metadata(format!("/dev/shm{object}"))?.permissions().mode() & 0o777;
        assert_eq!(mode, if object.generation == 2 { 0o660 } else { 0o640 }, "{object}");
    }
    // From a type to bytes there is no capacity to go by.
    let typed = Scratch::new();
    drop(Channel::<Pose>::new(typed.name())?.producer()?);
    let error = Channel::<[u8]>::new(typed.name())?.replace().expect_err("no capacity");
    assert!(matches!(error, OpenError::CapacityNotGiven { .. }), "{error:?}");
    assert_eq!(objects(&typed), ["0 data", "0 locks"]);
    Ok(())
}

#[test]
fn what_nobody_uses_any_more_is_removed_by_the_next_replacer() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    drop(channel.producer()?);
    drop(channel.clone().replace()?.commit());
    assert_eq!(objects(&scratch), ["0 data", "0 locks", "1 data", "1 locks"]);
    let consumer = channel.consumer(0)?;
    drop(channel.clone().replace()?.commit());
    // The first locks object stays, since it names the newest generation.
    assert_eq!(objects(&scratch), ["0 locks", "1 data", "1 locks", "2 data", "2 locks"]);
    drop(channel.clone().replace()?.commit());
    assert_eq!(objects(&scratch), ["0 locks", "1 data", "1 locks", "2 data", "2 locks", "3 data", "3 locks"]);
    drop(consumer);
    let mut producer = channel.clone().replace()?.commit();
    assert_eq!(objects(&scratch), ["0 locks", "3 data", "3 locks", "4 data", "4 locks"]);
    producer.publish(&pose(4))?;
    assert_eq!(channel.any_consumer()?.acquire()?.map(|sample| sample.read()), Some(pose(4)));
    Ok(())
}

#[test]
fn a_replacement_that_is_dropped_or_killed_was_never_there() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    channel.producer()?.publish(&pose(1))?;
    let mut replacement = channel.clone().replace()?;
    replacement.producer().publish(&pose(2))?;
    drop(replacement);
    assert_eq!(objects(&scratch), ["0 data", "0 locks"]);
    let mut child = Child::start("begin to replace", scratch.name());
    child.hear();
    let error = channel.clone().replace().expect_err("the child is replacing it");
    assert!(matches!(error, OpenError::BeingReplaced { .. }), "{error:?}");
    assert!(matches!(channel.remove(Force::Yes), Err(RemoveError::BeingCreated { .. })));
    assert_eq!(lastword::remove_unused(scratch.name())?, []);
    child.kill();
    assert_eq!(objects(&scratch), ["0 data", "0 locks", "1 data", "1 locks"]);
    assert_eq!(channel.any_consumer()?.acquire()?.map(|sample| sample.read()), Some(pose(1)));
    let mut replacement = channel.clone().replace()?;
    assert_eq!(replacement.producer().last(), None, "nothing of the dead one's is left");
    replacement.producer().publish(&pose(3))?;
    drop(replacement.commit());
    assert_eq!(channel.any_consumer()?.acquire()?.map(|sample| sample.read()), Some(pose(3)));
    assert!(channel.remove(Force::No)?);
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn a_channel_is_removed_with_all_its_generations_and_not_while_one_is_in_use() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    channel.producer()?.publish(&pose(1))?;
    let mut child = Child::start("consume", scratch.name());
    assert_eq!(child.hear(), "1");
    let producer = channel.clone().replace()?.commit();
    let refused = |role, holder| {
        let channel = scratch.name().to_owned();
        Err(RemoveError::InUse { channel, role, holder: Some(holder) })
    };
    assert_eq!(channel.remove(Force::No), refused(Role::Producer, std::process::id()));
    drop(producer);
    assert_eq!(channel.remove(Force::No), refused(Role::Consumer(0), child.id()));
    assert_eq!(lastword::remove_unused(scratch.name())?, []);
    child.kill();
    let removed = lastword::remove_unused(scratch.name())?;
    let removed: Vec<_> = removed.iter().map(|object| (object.generation, object.kind)).collect();
    let expected = [0, 1].map(|generation| [(generation, ObjectKind::Data), (generation, ObjectKind::Locks)]);
    assert_eq!(removed, expected.concat());
    assert!(scratch.is_gone());
    assert!(!channel.remove(Force::No)?);

    // By force, whoever uses it. What is created then is the first generation again.
    let old = channel.producer()?;
    let new = channel.clone().replace()?.commit();
    assert!(channel.remove(Force::Yes)?);
    assert!(scratch.is_gone());
    drop(channel.producer()?);
    assert_eq!(objects(&scratch), ["0 data", "0 locks"]);
    drop((old, new));
    Ok(())
}

#[test]
fn what_a_remover_left_of_other_generations_is_in_nobodys_way() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    drop(channel.producer()?);
    drop(channel.clone().replace()?.commit());
    for suffix in ["locks", "data"] {
        std::fs::remove_file(scratch.path(suffix))?;
    }
    // Without its base a generation is nobody's.
    assert!(matches!(channel.observer(), Err(OpenError::NotFound { .. })));
    channel.producer()?.publish(&pose(1))?;
    assert_eq!(objects(&scratch), ["0 data", "0 locks", "1 data", "1 locks"]);
    let mut replacement = channel.clone().replace()?;
    replacement.producer().publish(&pose(2))?;
    drop(replacement.commit());
    assert_eq!(channel.any_consumer()?.acquire()?.map(|sample| sample.read()), Some(pose(2)));
    for suffix in ["locks", "data"] {
        std::fs::remove_file(scratch.path(suffix))?;
    }
    assert!(channel.remove(Force::No)?);
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn a_replacement_that_does_not_fit_leaves_the_channel_as_it_was() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::bytes(scratch.name(), 100)?.consumers(2);
    channel.producer()?.publish(b"here")?;
    for channel in
        [channel.clone().capacity(lastword::CAPACITY_MAX), channel.clone().capacity(lastword::CAPACITY_MAX + 1)]
    {
        let error = channel.replace().expect_err("too large").to_string();
        assert!(error.contains("/dev/shm is full") || error.contains("capacity of"), "{error}");
        assert_eq!(objects(&scratch), ["0 data", "0 locks"]);
    }
    assert!(matches!(channel.clone().mode(0o400).replace(), Err(OpenError::Mode { .. })));
    assert_eq!(channel.observer()?.peek_bytes()?.map(|(_, bytes)| bytes), Some(b"here".to_vec()));
    drop(channel.clone().capacity(1000).replace()?.commit());
    assert_eq!(Channel::<[u8]>::new(scratch.name())?.observer()?.capacity(), 1000);
    Ok(())
}

#[test]
fn a_successor_that_is_not_there_or_garbage_is_an_error_and_creates_nothing() -> Outcome {
    for (found, is_missing) in [(7, true), (u64::from(u32::MAX), true), (1 << 32, false), (u64::MAX, false)] {
        let scratch = Scratch::new();
        let channel = Channel::<Pose>::new(scratch.name())?;
        drop(channel.producer()?);
        scratch.patch("locks", SUCCESSOR, |_| found);
        let errors = [
            channel.producer().expect_err("a successor that is not there"),
            channel.any_consumer().expect_err("a successor that is not there"),
            channel.observer().expect_err("a successor that is not there"),
            channel.holder(Role::Producer).expect_err("a successor that is not there"),
        ];
        for error in errors {
            let is_expected = match error {
                OpenError::GenerationMissing { .. } | OpenError::NotFound { .. } => is_missing,
                OpenError::Successor { found: said, .. } => !is_missing && said == found,
                _ => false,
            };
            assert!(is_expected, "{error:?}");
        }
        if found >= u64::from(u32::MAX) {
            assert!(matches!(channel.clone().replace(), Err(OpenError::Successor { .. })));
        }
        assert_eq!(objects(&scratch), ["0 data", "0 locks"]);
        assert!(channel.remove(Force::No)?);
        channel.producer()?;
    }
    Ok(())
}

#[test]
fn what_is_not_there_or_not_complete_is_not_replaced() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    assert!(matches!(channel.clone().replace(), Err(OpenError::NotFound { .. })));
    scratch.plant("locks", &lastword_protocol::header::CREATING.to_ne_bytes());
    assert!(matches!(channel.clone().replace(), Err(OpenError::Incomplete { .. })));
    scratch.plant("locks", &[7; 300]);
    assert!(matches!(channel.clone().replace(), Err(OpenError::Header { .. })));
    assert_eq!(objects(&scratch), ["0 locks"]);
    Ok(())
}

#[test]
fn no_name_of_a_user_is_that_of_a_generation() -> Outcome {
    for name in ["a~1", "~", "a~", "~1"] {
        assert!(Channel::<Pose>::new(name).is_err(), "{name}");
    }
    let scratch = Scratch::new();
    for planted in ["~0", "~01", "~+1", "~x", "~", "~4294967296", "~1~1"] {
        std::fs::write(format!("/dev/shm/lastword-{}{planted}.locks", scratch.name()), [])?;
    }
    assert_eq!(objects(&scratch), [""; 0], "none of these is a generation");
    for planted in ["~0", "~01", "~+1", "~x", "~", "~4294967296", "~1~1"] {
        std::fs::remove_file(format!("/dev/shm/lastword-{}{planted}.locks", scratch.name()))?;
    }
    Ok(())
}

#[test]
fn a_channel_of_another_version_is_replaced_and_then_opens() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(2);
    let old = channel.consumer(0)?;
    for suffix in ["locks", "data"] {
        scratch.patch(suffix, 1, |word| word + (1 << 32));
    }
    let error = channel.producer().expect_err("another version").to_string();
    let expected = format!("has version {}, and this program knows version {VERSION}", VERSION + 1);
    assert!(error.contains(&expected) && error.contains("replace"), "{error}");
    let mut replacement = channel.clone().replace()?;
    replacement.producer().publish(&pose(1))?;
    let _producer = replacement.commit();
    assert!(old.is_replaced(), "a program of that version that runs is told");
    assert_eq!(channel.consumer(1)?.acquire()?.map(|sample| sample.read()), Some(pose(1)));
    assert_eq!(channel.observer()?.peek()?.map(|(_, message)| message), Some(pose(1)));
    Ok(())
}

#[test]
fn whoever_opens_a_channel_that_is_replaced_100_times_gets_a_message_each_time() -> Outcome {
    const REPLACED: u64 = 100;
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(8);
    channel.producer()?.publish(&pose(0))?;
    let (committed, done, opened) = (&AtomicU64::new(0), &AtomicBool::new(false), &AtomicU64::new(0));
    let channel = &channel;
    std::thread::scope(|scope| -> Outcome {
        let consumers = [0, 1].map(|index| {
            scope.spawn(move || -> Result<(), String> {
                while !done.load(Ordering::Relaxed) {
                    let at_least = committed.load(Ordering::Acquire);
                    let mut consumer = channel.consumer(index).map_err(|error| error.to_string())?;
                    let found =
                        consumer.acquire().map_err(|error| error.to_string())?.ok_or("an empty channel")?.read();
                    check(found, at_least)?;
                    opened.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        });
        let observer = scope.spawn(move || -> Result<(), String> {
            while !done.load(Ordering::Relaxed) {
                let at_least = committed.load(Ordering::Acquire);
                let observer = channel.observer().map_err(|error| error.to_string())?;
                let (_, found) = observer.peek().map_err(|error| error.to_string())?.ok_or("an empty channel")?;
                check(found, at_least)?;
                opened.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        let replace = |number| -> Outcome {
            let mut replacement = channel.clone().replace()?;
            replacement.producer().publish(&pose(number))?;
            drop(replacement.commit());
            committed.store(number, Ordering::Release);
            // Each generation is opened by somebody.
            let before = opened.load(Ordering::Relaxed);
            while opened.load(Ordering::Relaxed) < before + 3 && !observer.is_finished() {
                std::thread::yield_now();
            }
            Ok(())
        };
        let outcome = (1..=REPLACED).try_for_each(replace);
        done.store(true, Ordering::Relaxed);
        for thread in consumers.into_iter().chain([observer]) {
            thread.join().expect("no panic")?;
        }
        outcome
    })?;
    assert!(opened.load(Ordering::Relaxed) > REPLACED, "too few have opened it: {opened:?}");
    // Those that nobody used any more were removed on the way.
    assert!(objects(&scratch).len() <= 1 + 2 * 4, "{:?}", objects(&scratch));
    assert!(channel.remove(Force::No)?);
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn of_several_who_replace_a_channel_one_does_it_at_a_time_and_none_is_lost() -> Outcome {
    const EACH: u64 = 20;
    let scratch = Scratch::new();
    let channel = &Channel::<Pose>::new(scratch.name())?;
    channel.producer()?.publish(&pose(0))?;
    let replacing = &AtomicU64::new(0);
    let replace = move || -> Result<(), String> {
        let mut done = 0;
        while done < EACH {
            let mut replacement = match channel.clone().replace() {
                Ok(replacement) => replacement,
                Err(OpenError::BeingReplaced { .. }) => {
                    std::thread::yield_now();
                    continue;
                }
                Err(error) => return Err(error.to_string()),
            };
            let others = replacing.fetch_add(1, Ordering::Relaxed);
            // From the newest on: a replacement that was lost would be seen as a number that is there twice.
            let newest = channel.observer().map_err(|error| error.to_string())?.peek();
            let newest = newest.map_err(|error| error.to_string())?.ok_or("an empty channel")?.1.at_ns;
            replacement.producer().publish(&pose(newest + 1)).map_err(|error| error.to_string())?;
            replacing.fetch_sub(1, Ordering::Relaxed);
            drop(replacement.commit());
            if others != 0 {
                return Err(format!("{others} others are replacing it too"));
            }
            done += 1;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads = [(); 3].map(|()| scope.spawn(replace));
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    assert_eq!(channel.observer()?.peek()?.map(|(_, message)| message), Some(pose(3 * EACH)));
    assert_eq!(scratch.word("locks", SUCCESSOR), 3 * EACH);
    assert!(channel.remove(Force::No)?);
    assert!(scratch.is_gone());
    Ok(())
}

/// A message is whole, and of the generation that had been committed before the channel was opened, or of a later one.
fn check(found: Pose, at_least: u64) -> Result<(), String> {
    if found != pose(found.at_ns) || found.at_ns < at_least {
        return Err(format!("found {found:?}, expected one from {at_least} on"));
    }
    Ok(())
}
