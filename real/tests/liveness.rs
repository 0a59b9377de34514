//! Who has a role, since when, and the event of its death.

mod common;

use common::{Child, Pose, Scratch, pose, role, say, wait_for_the_end};
use lastword::ready::{self, Mailbox};
use lastword::status::{self, Monitor, Writer};
use lastword::{Channel, OpenError, Role, WatchError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::error::Error;
use std::os::fd::{AsFd, AsRawFd};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

type Outcome = Result<(), Box<dyn Error>>;

/// More than any death takes.
const LONG: Option<Duration> = Some(Duration::from_secs(60));

#[test]
#[ignore = "other tests run it in child processes"]
fn child_process() -> Outcome {
    let (role, name) = role();
    let channel = Channel::<Pose>::new(&name)?.consumers(3);
    match role.as_str() {
        "produce" => {
            let _producer = channel.producer()?;
            say("ready");
            wait_for_the_end();
        }
        "consume" => {
            let _consumer = channel.consumer(2)?;
            say("ready");
            wait_for_the_end();
        }
        "write" => {
            let _writer = Writer::create(&name, 1, 0o600)?;
            say("ready");
            wait_for_the_end();
        }
        "send" => {
            let _writer = Mailbox::<Pose>::new(&name)?.writer()?;
            say("ready");
            wait_for_the_end();
        }
        "receive" => {
            let _reader = Mailbox::<Pose>::new(&name)?.reader()?;
            say("ready");
            wait_for_the_end();
        }
        "watch from another pid namespace" => {
            let holder = channel.holder(Role::Producer)?.expect("the test has the role");
            say(holder.pid().expect("it is known"));
            say(holder.watch().expect_err("it cannot be seen from here"));
        }
        _ => return Err(format!("no such role: {role}").into()),
    }
    Ok(())
}

#[test]
fn a_role_is_held_by_the_process_that_took_it_until_it_dies() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    assert!(matches!(channel.holder(Role::Producer), Err(OpenError::NotFound { .. })));
    let before = SystemTime::now();
    let mut child = Child::start("produce", scratch.name());
    child.hear();
    let after = SystemTime::now();
    let consumer = channel.consumer(0)?;
    let observer = channel.observer()?;
    // Of what type the messages are is of no account.
    let untyped = Channel::<[u8]>::new(scratch.name())?;
    for holder in
        [channel.holder(Role::Producer)?, untyped.holder(Role::Producer)?, consumer.producer()?, observer.producer()?]
    {
        let holder = holder.expect("the child lives");
        assert_eq!((holder.role(), holder.pid()), (Role::Producer, Some(child.id())));
        let since = holder.since().expect("the child has noted it");
        assert!(before <= since && since <= after, "{since:?}");
    }
    assert!(channel.holder(Role::Consumer(1))?.is_none());
    let own = channel.holder(Role::Consumer(0))?.expect("this process has it");
    assert_eq!(own.pid(), Some(std::process::id()));
    child.kill();
    assert!(channel.holder(Role::Producer)?.is_none());
    assert!(consumer.producer()?.is_none() && observer.producer()?.is_none());
    let producer = channel.producer()?;
    assert_eq!(producer.consumer(0)?.and_then(|holder| holder.pid()), Some(std::process::id()));
    assert!(producer.consumer(1)?.is_none() && producer.consumer(3)?.is_none());
    drop(consumer);
    assert!(producer.consumer(0)?.is_none(), "a role that is dropped is held by nobody");
    Ok(())
}

#[test]
fn a_role_that_there_is_not_is_held_by_nobody_and_an_error() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    drop(channel.producer()?);
    assert!(matches!(channel.holder(Role::Consumer(3)), Err(OpenError::NoSuchConsumer { index: 3, consumers: 3, .. })));
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    drop(mailbox.writer()?);
    for role in [Role::Writer, Role::MailboxWriter, Role::MailboxReader] {
        let error = channel.holder(role).expect_err("no role of a channel");
        assert_eq!(error, OpenError::NoSuchRole { channel: scratch.name().into(), role });
    }
    for role in [Role::Producer, Role::Consumer(0), Role::Writer] {
        let error = mailbox.holder(role).expect_err("no role of a mailbox");
        assert_eq!(error, OpenError::NoSuchRole { channel: scratch.name().into(), role });
        assert!(error.to_string().contains("a mailbox a writer and a reader"), "{error}");
    }
    Ok(())
}

#[test]
fn both_ends_of_a_mailbox_are_known_and_watched() -> Outcome {
    let scratch = Scratch::new();
    // Of what type the messages are is of no account.
    let mailbox = Mailbox::<[u8]>::new(scratch.name())?;
    assert!(matches!(mailbox.holder(Role::MailboxWriter), Err(OpenError::NotFound { .. })));
    for (task, role, other) in
        [("send", Role::MailboxWriter, Role::MailboxReader), ("receive", Role::MailboxReader, Role::MailboxWriter)]
    {
        let before = SystemTime::now();
        let mut child = Child::start(task, scratch.name());
        child.hear();
        let after = SystemTime::now();
        let monitor = ready::Monitor::open(scratch.name())?;
        let seen = |role| if role == Role::MailboxWriter { monitor.writer() } else { monitor.reader() };
        for holder in [mailbox.holder(role)?, seen(role)?] {
            let holder = holder.expect("the child lives");
            assert_eq!((holder.role(), holder.pid()), (role, Some(child.id())));
            let since = holder.since().expect("the child has noted it");
            assert!(before <= since && since <= after, "{since:?}");
        }
        assert!(mailbox.holder(other)?.is_none() && seen(other)?.is_none(), "{task}");
        let holder = seen(role)?.expect("the child lives");
        let watch = holder.watch()?;
        assert!(!watch.wait(Some(Duration::ZERO))?, "it lives");
        child.kill();
        assert!(watch.wait(LONG)?);
        assert!(mailbox.holder(role)?.is_none() && seen(role)?.is_none());
        assert!(matches!(holder.watch(), Err(WatchError::NotHeld { .. })));
    }
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let (_writer, _reader) = (mailbox.writer()?, mailbox.reader()?);
    for role in [Role::MailboxWriter, Role::MailboxReader] {
        assert_eq!(mailbox.holder(role)?.and_then(|holder| holder.pid()), Some(std::process::id()));
    }
    Ok(())
}

#[test]
fn a_boards_writer_is_known_and_watched() -> Outcome {
    let scratch = Scratch::new();
    assert!(matches!(status::holder(scratch.name()), Err(OpenError::NotFound { .. })));
    let mut child = Child::start("write", scratch.name());
    child.hear();
    let monitor = Monitor::open(scratch.name())?;
    let holder = status::holder(scratch.name())?.expect("the child lives");
    assert_eq!((holder.role(), holder.pid()), (Role::Writer, Some(child.id())));
    assert_eq!(monitor.writer()?.and_then(|writer| writer.since()), holder.since());
    let watch = holder.watch()?;
    child.kill();
    assert!(watch.wait(LONG)?);
    assert!(monitor.writer()?.is_none() && status::holder(scratch.name())?.is_none());
    Ok(())
}

#[test]
fn a_death_is_an_event_and_the_role_is_free_when_it_comes() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    drop(channel.producer()?);
    for role in ["produce", "consume"] {
        let asked = if role == "produce" { Role::Producer } else { Role::Consumer(2) };
        for _ in 0..20 {
            let mut child = Child::start(role, scratch.name());
            child.hear();
            let watch = channel.holder(asked)?.expect("the child lives").watch()?;
            assert_eq!(watch.pid(), child.id());
            assert!(!watch.wait(Some(Duration::ZERO))?, "it lives");
            let id = nix::unistd::Pid::from_raw(child.id().try_into()?);
            nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGKILL)?;
            assert!(watch.wait(LONG)?);
            // At once, and though nobody has waited for the child yet.
            assert!(channel.holder(asked)?.is_none());
            match asked {
                Role::Producer => drop(channel.producer()?),
                _ => drop(channel.consumer(2)?),
            }
            assert!(watch.wait(None)? && watch.wait(Some(Duration::ZERO))?, "it stays dead");
        }
    }
    Ok(())
}

#[test]
fn a_watch_is_polled_like_any_descriptor_and_calls_back() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    let mut child = Child::start("produce", scratch.name());
    child.hear();
    let holder = channel.holder(Role::Producer)?.expect("the child lives");
    let (polled, called) = (holder.watch()?, holder.watch()?);
    assert_eq!(polled.as_fd().as_raw_fd(), polled.as_raw_fd());
    let ready =
        |timeout| poll(&mut [PollFd::new(&polled, PollFlags::IN)], Some(&Timespec { tv_sec: timeout, tv_nsec: 0 }));
    assert_eq!(ready(0)?, 0);
    let (tell, told) = mpsc::channel();
    let restarted = channel.clone();
    let thread = called.on_death(move |is_dead| {
        let number = restarted.producer().map(|mut producer| producer.publish(&pose(1)).map(|number| number.get()));
        tell.send((is_dead, number)).expect("the test listens");
    })?;
    assert!(told.try_recv().is_err(), "it lives");
    child.kill();
    assert_eq!(ready(60)?, 1);
    let (is_dead, number) = told.recv_timeout(Duration::from_secs(60))?;
    assert!(is_dead);
    assert_eq!(number?, Ok(1), "a supervisor takes the role, or starts another process that does");
    thread.join().expect("no panic");
    Ok(())
}

#[test]
fn who_no_longer_has_the_role_is_not_watched() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    let producer = channel.producer()?;
    let holder = channel.holder(Role::Producer)?.expect("this process has it");
    holder.watch()?;
    drop(producer);
    assert!(matches!(holder.watch(), Err(WatchError::NotHeld { role: Role::Producer, .. })));
    let mut child = Child::start("produce", scratch.name());
    child.hear();
    let error = holder.watch().expect_err("another process has it");
    assert!(error.to_string().contains("ask again"), "{error}");
    Ok(())
}

#[test]
fn a_process_that_was_given_a_dead_ones_id_is_not_taken_for_it() -> Outcome {
    const PRODUCER_HOLDER: u64 = 248 / 8;
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    let _producer = channel.producer()?;
    // As one that started earlier or later, and as one whose start is not known.
    for change in [|word| word + (1 << 32), |word| word & u64::from(u32::MAX)] {
        let before = scratch.word("locks", PRODUCER_HOLDER);
        scratch.patch("locks", PRODUCER_HOLDER, change);
        let holder = channel.holder(Role::Producer)?.expect("this process has it");
        assert_eq!(holder.pid(), Some(std::process::id()));
        let error = holder.watch().expect_err("it is not that one");
        assert_eq!(error, WatchError::NotSeen { role: Role::Producer, process: std::process::id() });
        scratch.patch("locks", PRODUCER_HOLDER, |_| before);
    }
    // Killed between taking the role and noting it, or garbage.
    scratch.patch("locks", PRODUCER_HOLDER, |_| 0);
    let holder = channel.holder(Role::Producer)?.expect("this process has it");
    assert_eq!((holder.pid(), holder.since()), (None, None));
    assert_eq!(holder.watch().expect_err("it is not known"), WatchError::NotKnown { role: Role::Producer });
    for garbage in [u64::MAX, 1 << 31, u64::from(u32::MAX)] {
        scratch.patch("locks", PRODUCER_HOLDER, |_| garbage);
        let holder = channel.holder(Role::Producer)?.expect("this process has it");
        assert!(matches!(holder.watch(), Err(WatchError::NotSeen { .. })), "{garbage:x}");
    }
    Ok(())
}

#[test]
fn a_process_of_another_pid_namespace_is_not_watched_by_its_number() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    let _producer = channel.producer()?;
    let own_processes = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    if !Command::new("unshare").args(own_processes).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TESTED: another pid namespace, since this user may not have one of his own (unshare(1))");
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.args(own_processes).arg(std::env::current_exe()?);
    let mut child = Child::start_by(command, "watch from another pid namespace", scratch.name());
    assert_eq!(child.hear(), std::process::id().to_string());
    let said = child.hear();
    assert!(said.contains("another pid or time namespace"), "{said}");
    assert!(child.wait().success());
    Ok(())
}
