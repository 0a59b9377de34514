//! What a forked child does to its parent's roles: nothing, unless it outlives its parent.
//!
//! This suite has its own `main`, because only a process of one thread may go on after a fork as if nothing
//! had happened.

mod common;

use common::{Pose, Scratch, pose};
use lastword::ready::Mailbox;
use lastword::{Channel, Force, OpenError, Role, WatchError};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::error::Error;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    if std::env::args().any(|argument| argument == "--list") {
        return Ok(());
    }
    type Test = (&'static str, fn() -> Outcome);
    let tests: [Test; 6] = [
        (
            "a_child_that_outlives_its_parent_has_the_role_and_is_not_taken_for_its_parent",
            a_child_that_outlives_its_parent_has_the_role,
        ),
        (
            "a_child_that_drops_a_sample_leaves_the_message_locked",
            a_child_that_drops_a_sample_leaves_the_message_locked,
        ),
        ("a_child_that_drops_a_role_leaves_it_to_its_parent", a_child_that_drops_a_role_leaves_it_to_its_parent),
        (
            "a_child_that_drops_a_replacement_leaves_it_to_its_parent",
            a_child_that_drops_a_replacement_leaves_it_to_its_parent,
        ),
        (
            "a_child_that_drops_what_it_has_of_a_mailbox_leaves_it_to_its_parent",
            a_child_that_drops_what_it_has_of_a_mailbox_leaves_it_to_its_parent,
        ),
        ("a_child_has_roles_and_watches_of_its_own", a_child_has_roles_and_watches_of_its_own),
    ];
    for (name, test) in tests {
        test().map_err(|error| format!("{name}: {error}"))?;
        println!("test {name} ... ok");
    }
    Ok(())
}

/// Runs `child` in a forked process, which ends without dropping anything else.
fn forked(child: impl FnOnce() -> bool) -> nix::Result<Pid> {
    // SAFETY: this process has one thread, so the child finds no lock in the hands of a thread that it does not have.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(false);
            // A child that returned would run the rest of the tests too.
            std::process::exit(i32::from(!well));
        }
    }
}

fn ended_well(child: Pid) -> Outcome {
    match waitpid(child, None)? {
        WaitStatus::Exited(_, 0) => Ok(()),
        status => Err(format!("expected a child that ends well, found {status:?}").into()),
    }
}

fn a_child_that_drops_a_sample_leaves_the_message_locked() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(2);
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(0)?;
    producer.publish(&pose(1))?;
    let sample = consumer.acquire()?.expect("a message is out");
    let mut copy = Some(sample);
    let child = forked(|| {
        copy = None;
        true
    })?;
    ended_well(child)?;
    // More messages than there are slots: what is not locked is overwritten.
    for number in 2..100 {
        producer.publish(&pose(number))?;
    }
    assert_eq!(copy.as_ref().map(|sample| (sample.sequence().get(), sample.read())), Some((1, pose(1))));
    drop(copy);
    assert!(consumer.held().is_none(), "the parent itself releases it");

    // A child's own role is its own: what it releases is released.
    let child = forked(|| {
        let mut own = channel.consumer(1).expect("the role is free");
        drop(own.acquire().expect("no garbage"));
        own.held().is_none()
    })?;
    ended_well(child)
}

fn a_child_that_drops_a_role_leaves_it_to_its_parent() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(2);
    let mut roles = Some((channel.producer()?, channel.consumer(1)?));
    let child = forked(|| {
        roles = None;
        true
    })?;
    ended_well(child)?;
    for (role, error) in [(Role::Producer, channel.producer().err()), (Role::Consumer(1), channel.consumer(1).err())] {
        let taken = OpenError::RoleTaken { channel: scratch.name().into(), role, holder: Some(std::process::id()) };
        assert_eq!(error, Some(taken));
    }
    // What the parent drops is free at once, though a child has a copy.
    let (wait, go_on) = std::io::pipe()?;
    let mut go_on = Some(go_on);
    let child = forked(|| {
        go_on = None;
        (&wait).read_to_end(&mut Vec::new()).is_ok()
    })?;
    drop(roles);
    drop((channel.producer()?, channel.consumer(1)?));
    drop(go_on);
    ended_well(child)?;
    assert!(channel.remove(Force::No)?);
    Ok(())
}

fn a_child_that_drops_a_replacement_leaves_it_to_its_parent() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    channel.producer()?.publish(&pose(1))?;
    let mut replacement = Some(channel.clone().replace()?);
    if let Some(replacement) = &mut replacement {
        replacement.producer().publish(&pose(2))?;
    }
    let child = forked(|| {
        replacement = None;
        true
    })?;
    ended_well(child)?;
    let taken = channel.clone().replace().map(drop);
    assert!(matches!(taken, Err(OpenError::BeingReplaced { .. })), "{taken:?}");
    let producer = replacement.ok_or("the parent has it")?.commit();
    assert_eq!(channel.consumer(0)?.acquire()?.map(|sample| sample.read()), Some(pose(2)));
    drop(producer);
    assert!(channel.remove(Force::No)?);
    assert!(scratch.is_gone());
    Ok(())
}

fn a_child_has_roles_and_watches_of_its_own() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(2);
    let mut producer = channel.producer()?;
    producer.publish(&pose(1))?;
    let parent = channel.holder(Role::Producer)?.ok_or("this process has it")?;
    let (mut told, tell) = std::io::pipe()?;
    let (wait, go_on) = std::io::pipe()?;
    let mut go_on = Some(go_on);
    let child = forked(|| {
        // What it opens itself, after the fork, is its own, and is signed so.
        let mut own = channel.consumer(1).expect("the role is free");
        let is_read = own.acquire().expect("no garbage").is_some_and(|sample| sample.read() == pose(1));
        let signed = channel.holder(Role::Consumer(1)).expect("the channel is there").and_then(|holder| holder.pid());
        let watched = parent.watch().expect("the parent lives").wait(Some(Duration::ZERO)).expect("it is polled");
        (&tell).write_all(&[u8::from(is_read && signed == Some(std::process::id()) && !watched)]).expect("it listens");
        go_on = None;
        let ended = (&wait).read_to_end(&mut Vec::new()).is_ok();
        // It ends with the role.
        std::mem::forget(own);
        ended
    })?;
    let mut said = [0];
    told.read_exact(&mut said)?;
    assert_eq!(said, [1]);
    let watch = channel.holder(Role::Consumer(1))?.ok_or("the child has it")?.watch()?;
    assert_eq!(watch.pid(), child.as_raw().try_into()?);
    assert!(!watch.wait(Some(Duration::ZERO))?);
    drop(go_on);
    assert!(watch.wait(Some(Duration::from_secs(60)))?);
    drop(channel.consumer(1)?);
    ended_well(child)?;
    assert_eq!(producer.publish(&pose(2))?.get(), 2);
    Ok(())
}

fn a_child_that_drops_what_it_has_of_a_mailbox_leaves_it_to_its_parent() -> Outcome {
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let (mut writer, mut reader) = (mailbox.writer()?, mailbox.reader()?);
    writer.try_send(&pose(1))?;
    let mut received = reader.try_receive()?;
    let child = forked(|| {
        received = None;
        true
    })?;
    ended_well(child)?;
    assert!(mailbox.monitor()?.state()?.set, "the message waits");
    let message = received.expect("the parent has it still");
    assert_eq!((message.read(), message.clear().get()), (pose(1), 1));

    let mut roles = Some((writer, reader));
    let child = forked(|| {
        roles = None;
        true
    })?;
    ended_well(child)?;
    for (role, error) in [(Role::MailboxWriter, mailbox.writer().err()), (Role::MailboxReader, mailbox.reader().err())]
    {
        let taken = OpenError::RoleTaken { channel: scratch.name().into(), role, holder: Some(std::process::id()) };
        assert_eq!(error, Some(taken));
    }
    drop(roles);
    drop((mailbox.writer()?, mailbox.reader()?));
    assert!(mailbox.remove(Force::No)?);
    Ok(())
}

fn a_child_that_outlives_its_parent_has_the_role() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let (mut told, tell) = std::io::pipe()?;
    let (wait, go_on) = std::io::pipe()?;
    let mut go_on = Some(go_on);
    let parent = forked(|| {
        // It ends with the role: dropped, the role would be free at once.
        std::mem::forget(channel.producer().expect("the role is free"));
        forked(|| {
            (&tell).write_all(&std::process::id().to_ne_bytes()).expect("the test listens");
            // Ends when the test closes its end, or ends itself.
            go_on = None;
            (&wait).read_to_end(&mut Vec::new()).is_ok()
        })
        .is_ok()
    })?;
    let mut child = [0; 4];
    told.read_exact(&mut child)?;
    // The parent has ended, but nobody has waited for it yet: it lives no more than later, when it is gone.
    waitid(Id::Pid(parent), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
    let expected = format!("last taken by process {parent}, which is gone");
    for _ in ["ended", "gone"] {
        let said = channel.producer().expect_err("the child has the role").to_string();
        assert!(said.contains(&expected) && said.contains("forked"), "{said}");
        let said = channel.remove(Force::No).expect_err("the child has the role").to_string();
        assert!(said.contains(&expected), "{said}");
        // Whose death is no event: the role outlives it.
        let holder = channel.holder(Role::Producer)?.expect("the child has the role");
        let process = parent.as_raw().try_into()?;
        assert_eq!(holder.pid(), Some(process));
        assert_eq!(holder.watch().map(drop), Err(WatchError::NotSeen { role: Role::Producer, process }));
        let _ = waitpid(parent, None);
    }
    let own = channel.consumer(0)?;
    let said = channel.consumer(0).expect_err("this process has the role").to_string();
    assert!(said.contains(&format!("process {}, which lives", std::process::id())), "{said}");
    drop((own, go_on));
    // The kernel gives the role up when the child has ended.
    let deadline = Instant::now() + Duration::from_secs(10);
    while channel.producer().is_err() {
        assert!(Instant::now() < deadline, "the role is not free");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
