//! Creation and removal, killed at every system call.
//!
//! A child process creates or removes a channel, a mailbox or a board under ptrace, and is killed by SIGKILL at its
//! n-th stop: at each entry into the kernel and at each return from it, for every n until it finishes. Between two
//! system calls creation changes nothing that outlives the process, so these are all the kill points that differ. After
//! each kill the channel must be there, or be created by the next who asks, and nothing may be left when it is removed;
//! then the same once more with a second creator that is killed too.
//!
//! And instead of being killed, the child is stopped there while this process opens the channel, and goes on later.
//! Then both must have one and the same channel, or the child must have been refused.
//!
//! This suite has its own `main`, because only a process of one thread is stepped through easily.

mod common;

use common::{Pose, Scratch, pose};
use lastword::ready::Mailbox;
use lastword::status::{self, Definition, Key, Monitor, Writer};
use lastword::{Channel, Force, OpenError, RemoveError, UntypedObserver};
use lastword_protocol::header::{CREATING, MAGIC};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_WRLCK, SEEK_SET, flock};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

/// Up to here a child that opens something is stopped that does not get it.
const STOPS_OF_ATTACHING: u32 = 90;

/// The message of the channel that is replaced, and of the one that replaces it.
const OLD: u64 = 1;
const NEW: u64 = 2;
/// The word of the first locks object that names the newest generation.
const SUCCESSOR: u64 = 232 / 8;

type Outcome = Result<(), Box<dyn Error>>;

/// What the first words of a channel's locks object and data object can be. (`protocol/src/creation` has the table.)
type State = [&'static str; 2];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, task, name] = &arguments[..]
        && task.starts_with("child-")
    {
        ptrace::traceme()?;
        raise(Signal::SIGSTOP)?;
        return perform(task, name);
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return Ok(());
    }
    type Test = (&'static str, fn() -> Outcome);
    let tests: [Test; 13] = [
        ("a_creator_killed_anywhere_is_completed_by_the_next", a_creator_killed_anywhere_is_completed_by_the_next),
        (
            "two_creators_killed_anywhere_are_completed_by_the_third",
            two_creators_killed_anywhere_are_completed_by_the_third,
        ),
        ("a_remover_killed_anywhere_leaves_a_channel_or_none", a_remover_killed_anywhere_leaves_a_channel_or_none),
        ("a_forced_remover_killed_anywhere_disturbs_no_holder", a_forced_remover_killed_anywhere_disturbs_no_holder),
        ("a_board_survives_its_creator_and_its_remover_killed_anywhere", a_board_survives_its_creator_and_its_remover),
        ("a_sleeper_wakes_wherever_its_waker_is_killed", a_sleeper_wakes_wherever_its_waker_is_killed),
        (
            "a_sleeping_reader_wakes_wherever_the_writer_is_killed",
            a_sleeping_reader_wakes_wherever_the_writer_is_killed,
        ),
        (
            "a_mailbox_survives_its_creator_and_its_remover_killed_anywhere",
            a_mailbox_survives_its_creator_and_its_remover,
        ),
        ("a_remover_that_dies_keeps_nobody_from_a_role", a_remover_that_dies_keeps_nobody_from_a_role),
        (
            "one_channel_comes_of_it_wherever_the_other_is_stopped",
            one_channel_comes_of_it_wherever_the_other_is_stopped,
        ),
        ("a_replacer_killed_anywhere_leaves_the_old_or_the_new", a_replacer_killed_anywhere_leaves_the_old_or_the_new),
        (
            "a_replacer_stopped_anywhere_keeps_nobody_from_a_message",
            a_replacer_stopped_anywhere_keeps_nobody_from_a_message,
        ),
        (
            "a_remover_of_generations_killed_anywhere_is_completed",
            a_remover_of_generations_killed_anywhere_is_completed,
        ),
    ];
    for (name, test) in tests {
        test().map_err(|error| format!("{name}: {error}"))?;
        println!("test {name} ... ok");
    }
    Ok(())
}

/// What a child does.
fn perform(task: &str, name: &str) -> Outcome {
    let channel = Channel::<Pose>::new(name)?.consumers(2).mode(0o640);
    match task {
        "child-create" => channel.producer().map(drop)?,
        "child-publish" => channel.producer()?.publish(&pose(1)).map(drop)?,
        "child-hold" => {
            let _producer = channel.producer()?;
            raise(Signal::SIGSTOP)?;
        }
        "child-remove" => match channel.remove(Force::No) {
            Ok(_) | Err(RemoveError::InUse { .. }) => {}
            Err(error) => return Err(error.into()),
        },
        "child-force" => channel.remove(Force::Yes).map(drop)?,
        "child-replace" => {
            let mut replacement = channel.replace()?;
            replacement.producer().publish(&pose(NEW))?;
            drop(replacement.commit());
        }
        "child-create-board" => define_board(name).map(drop)?,
        "child-send" => Mailbox::<Pose>::new(name)?.mode(0o640).writer()?.try_send(&pose(1)).map(drop)?,
        "child-create-mailbox" => Mailbox::<Pose>::new(name)?.mode(0o640).writer().map(drop)?,
        "child-remove-mailbox" => Mailbox::<Pose>::new(name)?.remove(Force::No).map(drop)?,
        "child-remove-board" => status::remove(name, Force::No).map(drop)?,
        _ => return Err(format!("no such task: {task}").into()),
    }
    Ok(())
}

/// Takes the writer's role of a board whose words have names; the key to the last of them.
fn define_board(name: &str) -> Result<(Writer, Key<f64>), Box<dyn Error>> {
    let mut definition = Definition::new();
    definition.word::<u64>("users", "")?;
    definition.word::<bool>("open", "")?;
    let load = definition.word("load", "%")?;
    Ok((Writer::define(name, &definition, 0o640)?, load))
}

/// Runs a task in a child process up to its `stops`-th stop; `None` where it finished before that.
fn stopped(task: &str, name: &str, stops: u32) -> Result<Option<Pid>, Box<dyn Error>> {
    let child = Command::new(std::env::current_exe()?).args([task, name]).spawn()?;
    let pid = Pid::from_raw(child.id().try_into()?);
    expect_stop(waitpid(pid, None)?)?;
    ptrace::setoptions(pid, ptrace::Options::PTRACE_O_EXITKILL | ptrace::Options::PTRACE_O_TRACESYSGOOD)?;
    for _ in 0..stops {
        ptrace::syscall(pid, None)?;
        match waitpid(pid, None)? {
            WaitStatus::Exited(_, 0) => return Ok(None),
            WaitStatus::Stopped(_, Signal::SIGSTOP) => return end(pid).map(|()| None),
            status => expect_stop(status)?,
        }
    }
    Ok(Some(pid))
}

/// Runs a task in a child process and kills it at its `stops`-th stop; false where it finished before that.
fn killed(task: &str, name: &str, stops: u32) -> Result<bool, Box<dyn Error>> {
    let Some(pid) = stopped(task, name, stops)? else { return Ok(false) };
    end(pid).map(|()| true)
}

/// Kills a child, and waits until the kernel is done with it.
fn end(pid: Pid) -> Outcome {
    kill(pid, Signal::SIGKILL)?;
    match waitpid(pid, None)? {
        WaitStatus::Signaled(_, Signal::SIGKILL, _) => Ok(()),
        status => Err(format!("expected a killed child, found {status:?}").into()),
    }
}

fn expect_stop(status: WaitStatus) -> Outcome {
    match status {
        WaitStatus::Stopped(..) | WaitStatus::PtraceSyscall(_) => Ok(()),
        status => Err(format!("expected a stopped child, found {status:?}").into()),
    }
}

fn state(scratch: &Scratch) -> State {
    ["locks", "data"].map(|suffix| what_is(scratch.first_word(suffix)))
}

/// What an object with this first word is.
fn what_is(first_word: Option<u64>) -> &'static str {
    match first_word {
        None => "none",
        Some(0) => "empty",
        Some(CREATING) => "begun",
        Some(MAGIC) => "complete",
        Some(_) => "garbage",
    }
}

/// The channel is there, or is created; it works, and it can be removed.
fn works(scratch: &Scratch) -> Outcome {
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(2).mode(0o640);
    let mut consumer = channel.consumer(1)?;
    let mut producer = channel.producer()?;
    producer.publish(&pose(1))?;
    assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(1)));
    assert_eq!(channel.observer()?.peek()?.map(|(_, message)| message), Some(pose(1)));
    let observer = UntypedObserver::open(scratch.name())?;
    let text = observer.peek()?.map(|(_, message)| observer.description().text(&message).to_string());
    assert_eq!(text.as_deref(), Some("x: 1.0\ny: -1.0\nat_ns: 1\n"), "it is described, whoever created it");
    drop((producer, consumer));
    assert!(channel.remove(Force::No)?);
    assert!(scratch.is_gone(), "something is left");
    Ok(())
}

fn a_creator_killed_anywhere_is_completed_by_the_next() -> Outcome {
    let mut seen = BTreeSet::new();
    let mut stops = 0;
    loop {
        let scratch = Scratch::new();
        if !killed("child-create", scratch.name(), stops)? {
            break;
        }
        let state = state(&scratch);
        seen.insert(state);
        let observer = Channel::<Pose>::new(scratch.name())?.observer();
        match (state[0], observer) {
            ("none", Err(OpenError::NotFound { .. }))
            | ("empty" | "begun", Err(OpenError::Incomplete { .. }))
            | ("complete", Ok(_)) => {}
            (locks, observer) => {
                return Err(format!("the locks object is {locks}, the observer got {observer:?}").into());
            }
        }
        works(&scratch)?;
        // Half-made, it can be removed too.
        if killed("child-create", scratch.name(), stops)? {
            lastword::remove_unused(scratch.name())?;
            assert!(scratch.is_gone(), "something is left");
        }
        stops += 1;
    }
    let expected = [
        ["none", "none"],
        ["empty", "none"],
        ["begun", "none"],
        ["begun", "empty"],
        ["begun", "begun"],
        ["begun", "complete"],
        ["complete", "complete"],
    ];
    assert_eq!(seen, BTreeSet::from(expected), "these states, and no other, were to be seen");
    println!("{stops} kills of a creator");
    Ok(())
}

fn two_creators_killed_anywhere_are_completed_by_the_third() -> Outcome {
    let mut kills = 0;
    // The first is killed where it leaves each of the states, the second everywhere.
    let mut first = BTreeSet::new();
    for stops in 0.. {
        let scratch = Scratch::new();
        if !killed("child-create", scratch.name(), stops)? {
            break;
        }
        if !first.insert(state(&scratch)) {
            continue;
        }
        for second in 0.. {
            let scratch = Scratch::new();
            killed("child-create", scratch.name(), stops)?;
            if !killed("child-create", scratch.name(), second)? {
                break;
            }
            works(&scratch)?;
            kills += 1;
        }
    }
    println!("{kills} kills of a second creator");
    Ok(())
}

fn a_remover_killed_anywhere_leaves_a_channel_or_none() -> Outcome {
    let mut seen = BTreeSet::new();
    let mut stops = 0;
    loop {
        let scratch = Scratch::new();
        perform("child-create", scratch.name())?;
        if !killed("child-remove", scratch.name(), stops)? {
            break;
        }
        seen.insert(state(&scratch));
        works(&scratch)?;
        perform("child-create", scratch.name())?;
        killed("child-remove", scratch.name(), stops)?;
        Channel::<Pose>::new(scratch.name())?.remove(Force::No)?;
        assert!(scratch.is_gone(), "something is left");
        stops += 1;
    }
    let expected = [["complete", "complete"], ["begun", "complete"], ["begun", "none"], ["none", "none"]];
    assert_eq!(seen, BTreeSet::from(expected), "these states, and no other, were to be seen");
    println!("{stops} kills of a remover");
    Ok(())
}

fn a_forced_remover_killed_anywhere_disturbs_no_holder() -> Outcome {
    for stops in 0.. {
        let scratch = Scratch::new();
        let channel = Channel::<Pose>::new(scratch.name())?.consumers(2).mode(0o640);
        let mut producer = channel.producer()?;
        let mut consumer = channel.consumer(1)?;
        if !killed("child-force", scratch.name(), stops)? {
            println!("{stops} kills of a forced remover");
            return Ok(());
        }
        // Who comes now gets the old channel or a new one. The holders' memory stays theirs in either case.
        let is_new = state(&scratch) != ["complete", "complete"];
        let newcomer = channel.consumer(0)?;
        assert_eq!(channel.producer().is_ok(), is_new);
        assert_eq!(channel.consumer(1).is_ok(), is_new);
        producer.publish(&pose(7))?;
        assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(7)));
        drop(newcomer);
        channel.remove(Force::Yes)?;
        assert!(scratch.is_gone(), "something is left");
    }
    Ok(())
}

fn a_board_survives_its_creator_and_its_remover() -> Outcome {
    let said = Some(Ok("load: 0.5 %".to_owned()));
    for task in ["child-create-board", "child-remove-board"] {
        for stops in 0.. {
            let scratch = Scratch::new();
            if task == "child-remove-board" {
                perform("child-create-board", scratch.name())?;
            }
            if !killed(task, scratch.name(), stops)? {
                println!("{stops} kills in {task}");
                break;
            }
            let (mut writer, load) = define_board(scratch.name())?;
            writer.set(load, 0.5)?;
            let monitor = Monitor::open(scratch.name())?;
            let last = monitor.readings().map(|reading| reading.map(|reading| reading.to_string())).last();
            assert_eq!(last, said, "it is described, whoever created it");
            drop(writer);
            assert!(status::remove(scratch.name(), Force::No)?);
            assert!(scratch.is_gone(), "something is left");
        }
    }
    Ok(())
}

fn a_sleeper_wakes_wherever_its_waker_is_killed() -> Outcome {
    const LONG: Duration = Duration::from_secs(60);
    let mut out = 0;
    for stops in 0.. {
        let scratch = Scratch::new();
        let channel = Channel::<Pose>::new(scratch.name())?.consumers(2).mode(0o640);
        let mut consumer = channel.consumer(0)?;
        let was_killed = std::thread::scope(|scope| -> Result<bool, Box<dyn Error>> {
            let sleeper = scope.spawn(|| consumer.wait(Some(LONG)));
            // Long enough to be asleep, nearly always.
            std::thread::sleep(Duration::from_millis(2));
            let was_killed = killed("child-publish", scratch.name(), stops)?;
            if channel.observer()?.newest()?.is_none() {
                channel.producer()?.publish(&pose(2))?;
            } else {
                // Nobody wakes it any more.
                out += u32::from(was_killed);
            }
            check(sleeper.join().expect("no panic")?, "the sleeper slept on")?;
            Ok(was_killed)
        })?;
        check(consumer.acquire()?.is_some(), "there is no message")?;
        drop(consumer);
        check(channel.remove(Force::No)? && scratch.is_gone(), "something is left")?;
        if !was_killed {
            check(out > 0, "no kill came between publishing and waking")?;
            println!("{stops} kills of a waker, {out} of them when its message was out");
            return Ok(());
        }
    }
    Ok(())
}

fn a_sleeping_reader_wakes_wherever_the_writer_is_killed() -> Outcome {
    const LONG: Duration = Duration::from_secs(60);
    let mut out = 0;
    for stops in 0.. {
        let scratch = Scratch::new();
        let mailbox = Mailbox::<Pose>::new(scratch.name())?.mode(0o640);
        let mut reader = mailbox.reader()?;
        let was_killed = std::thread::scope(|scope| -> Result<bool, Box<dyn Error>> {
            let sleeper = scope.spawn(|| reader.take(Some(LONG)));
            // Long enough to be asleep, nearly always.
            std::thread::sleep(Duration::from_millis(2));
            let was_killed = killed("child-send", scratch.name(), stops)?;
            if mailbox.monitor()?.state()?.sequence.is_none() {
                mailbox.writer()?.try_send(&pose(1))?;
            } else {
                // Nobody wakes it any more.
                out += u32::from(was_killed);
            }
            let taken = sleeper.join().expect("no panic")?;
            let taken = taken.map(|(sequence, message)| (sequence.get(), message));
            check(taken == Some((1, pose(1))), "the reader slept on")?;
            Ok(was_killed)
        })?;
        drop(reader);
        check(mailbox.remove(Force::No)? && scratch.is_gone(), "something is left")?;
        if !was_killed {
            check(out > 0, "no kill came between sending and waking")?;
            println!("{stops} kills of a writer, {out} of them when its message was out");
            return Ok(());
        }
    }
    Ok(())
}

fn a_mailbox_survives_its_creator_and_its_remover() -> Outcome {
    let mut seen = BTreeSet::new();
    for task in ["child-create-mailbox", "child-remove-mailbox"] {
        for stops in 0.. {
            let scratch = Scratch::new();
            let mailbox = Mailbox::<Pose>::new(scratch.name())?.mode(0o640);
            if task == "child-remove-mailbox" {
                // A message that waits, which is there or not, but never another one.
                mailbox.writer()?.try_send(&pose(7))?;
            }
            if !killed(task, scratch.name(), stops)? {
                println!("{stops} kills in {task}");
                break;
            }
            let state = what_is(scratch.first_word("ready"));
            seen.insert(state);
            match (state, mailbox.monitor()) {
                ("none", Err(OpenError::NotFound { .. }))
                | ("empty" | "begun", Err(OpenError::Incomplete { .. }))
                | ("complete", Ok(_)) => {}
                (state, monitor) => return Err(format!("the mailbox is {state}, the monitor got {monitor:?}").into()),
            }
            let waits = task == "child-remove-mailbox" && state == "complete";
            let mut reader = mailbox.reader()?;
            assert_eq!(reader.try_take()?.map(|(_, message)| message), waits.then(|| pose(7)));
            let mut writer = mailbox.writer()?;
            assert_eq!(writer.try_send(&pose(8))?.get(), 1 + u64::from(waits));
            assert_eq!(reader.try_take()?.map(|(_, message)| message), Some(pose(8)));
            drop((writer, reader));
            assert!(mailbox.remove(Force::No)?);
            assert!(scratch.is_gone(), "something is left");
            // Half-made or half-removed, it can be removed too.
            if killed("child-create-mailbox", scratch.name(), stops)? {
                lastword::remove_unused(scratch.name())?;
            } else {
                mailbox.remove(Force::No)?;
            }
            assert!(scratch.is_gone(), "something is left");
        }
    }
    let expected = ["none", "empty", "begun", "complete"];
    assert_eq!(seen, BTreeSet::from(expected), "these states, and no other, were to be seen");
    Ok(())
}

fn a_remover_that_dies_keeps_nobody_from_a_role() -> Outcome {
    // More stops than it takes to ask for a role, and to find a remover and to wait for it.
    for stops in 0..STOPS_OF_ATTACHING {
        for (task, suffix) in
            [("child-hold", "locks"), ("child-create-board", "status"), ("child-create-mailbox", "ready")]
        {
            let scratch = Scratch::new();
            perform("child-create", scratch.name())?;
            perform("child-create-board", scratch.name())?;
            perform("child-create-mailbox", scratch.name())?;
            // As a remover that has the right to remove, and every role.
            let lock = flock { l_type: F_WRLCK as _, l_whence: SEEK_SET as _, l_start: 0, l_len: 256, l_pid: 0 };
            let removed = scratch.open(suffix);
            fcntl(&removed, FcntlArg::F_OFD_SETLK(&lock))?;
            let Some(pid) = stopped(task, scratch.name(), stops)? else {
                return Err(format!("{task} had a role at stop {stops} that the remover had").into());
            };
            drop(removed);
            let holds = finish(pid).map_err(|error| format!("{task} at {stops}: {error}"))?;
            if task == "child-hold" {
                check(holds, "the child has no role")?;
                end(pid)?;
            }
        }
    }
    Ok(())
}

/// What a channel can be when somebody comes.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Begun,
    HalfRemoved,
    Complete,
    /// Complete, until a remover dies half-way while the child is stopped.
    CompleteThenHalfRemoved,
    /// Complete, and the second generation.
    Replaced,
}

const BEFORE: [Before; 6] = [
    Before::Nothing,
    Before::Begun,
    Before::HalfRemoved,
    Before::Complete,
    Before::CompleteThenHalfRemoved,
    Before::Replaced,
];

impl Before {
    fn prepare(self, scratch: &Scratch) -> Outcome {
        match self {
            Before::Nothing => {}
            Before::Begun => scratch.plant("locks", &CREATING.to_ne_bytes()),
            Before::HalfRemoved => {
                perform("child-create", scratch.name())?;
                scratch.patch("locks", 0, |_| CREATING);
            }
            Before::Complete | Before::CompleteThenHalfRemoved => perform("child-create", scratch.name())?,
            Before::Replaced => {
                perform("child-create", scratch.name())?;
                perform("child-replace", scratch.name())?;
            }
        }
        Ok(())
    }

    /// What happens while the child is stopped.
    fn disturb(self, scratch: &Scratch) {
        if let Before::CompleteThenHalfRemoved = self
            && scratch.first_word("locks").is_some()
        {
            let lock = flock { l_type: F_WRLCK as _, l_whence: SEEK_SET as _, l_start: 0, l_len: 256, l_pid: 0 };
            let locks = scratch.open("locks");
            // A remover comes so far only where the child has neither a role nor the right to create.
            if fcntl(&locks, FcntlArg::F_OFD_SETLK(&lock)).is_ok() {
                scratch.patch("locks", 0, |_| CREATING);
            }
        }
    }
}

fn one_channel_comes_of_it_wherever_the_other_is_stopped() -> Outcome {
    let mut stops = 0;
    for before in BEFORE {
        for task in ["child-create", "child-hold", "child-remove"] {
            for stop in 0.. {
                let scratch = Scratch::new();
                before.prepare(&scratch)?;
                let Some(pid) = stopped(task, scratch.name(), stop)? else { break };
                before.disturb(&scratch);
                meets(&scratch, task, pid, before).map_err(|error| format!("{before:?}, {task} at {stop}: {error}"))?;
                stops += 1;
            }
        }
    }
    println!("{stops} meetings");
    Ok(())
}

/// Opens the channel while the child is stopped, lets the child go on, and looks whether all have the same channel.
fn meets(scratch: &Scratch, task: &str, pid: Pid, before: Before) -> Outcome {
    let channel = &Channel::<Pose>::new(scratch.name())?.consumers(2).mode(0o640);
    let (consumer, child) = if let Before::CompleteThenHalfRemoved = before {
        // The child finds what the remover left before anybody puts it right.
        let child = finish(pid);
        (channel.consumer(1), child)
    } else {
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| channel.consumer(1));
            // Where the child has what this waits for, the child has to go on first.
            let start = Instant::now();
            while !opening.is_finished() && start.elapsed() < Duration::from_millis(3) {
                std::thread::yield_now();
            }
            let child = finish(pid);
            (opening.join().expect("no panic"), child)
        })
    };
    let (mut consumer, holds) = (consumer?, child?);
    check(matches!(channel.consumer(1), Err(OpenError::RoleTaken { .. })), "there are two channels")?;
    if task == "child-hold" {
        check(holds, "the child has no role")?;
        check(matches!(channel.producer(), Err(OpenError::RoleTaken { .. })), "there are two channels")?;
        end(pid)?;
    }
    channel.producer()?.publish(&pose(1))?;
    check(consumer.acquire()?.map(|sample| sample.read()) == Some(pose(1)), "the message did not arrive")?;
    drop(consumer);
    check(channel.remove(Force::No)?, "the channel was not there")?;
    check(scratch.is_gone(), "something is left")
}

/// What a channel can be when it is replaced.
#[derive(Clone, Copy, Debug)]
enum Replaced {
    /// Never replaced before.
    Never,
    /// Replaced once, so that there is something to clean up.
    Once,
    /// Never, but another replacer was killed before it committed.
    Half,
}

impl Replaced {
    const ALL: [Self; 3] = [Replaced::Never, Replaced::Once, Replaced::Half];

    /// A channel with the message [`OLD`].
    fn prepare(self, scratch: &Scratch) -> Outcome {
        let channel = Channel::<Pose>::new(scratch.name())?.consumers(2).mode(0o640);
        channel.producer()?.publish(&pose(OLD))?;
        match self {
            Replaced::Never => {}
            Replaced::Once => {
                let mut replacement = channel.replace()?;
                replacement.producer().publish(&pose(OLD))?;
                drop(replacement.commit());
            }
            Replaced::Half => {
                std::fs::copy(scratch.path("locks"), scratch.path("locks").with_file_name(next(scratch, 1, "locks")))?;
                std::fs::write(scratch.path("data").with_file_name(next(scratch, 1, "data")), CREATING.to_ne_bytes())?;
            }
        }
        Ok(())
    }

    /// The number of the generation that replaces it.
    fn next(self) -> u64 {
        if let Replaced::Once = self { 2 } else { 1 }
    }
}

/// The file of a generation's object.
fn next(scratch: &Scratch, generation: u64, suffix: &str) -> String {
    format!("lastword-{}~{generation}.{suffix}", scratch.name())
}

/// What the first word of a generation's locks object and data object can be.
fn state_of(scratch: &Scratch, generation: u64) -> State {
    ["locks", "data"].map(|suffix| {
        let Ok(bytes) = std::fs::read(scratch.path(suffix).with_file_name(next(scratch, generation, suffix))) else {
            return "none";
        };
        match bytes.first_chunk().map(|&bytes| u64::from_ne_bytes(bytes)) {
            None => "empty",
            Some(CREATING) => "begun",
            Some(MAGIC) => "complete",
            Some(_) => "garbage",
        }
    })
}

/// The message that those find who open the channel, in each way.
fn message(scratch: &Scratch) -> Result<u64, Box<dyn Error>> {
    let channel = Channel::<Pose>::new(scratch.name())?;
    let consumed = channel.consumer(1)?.acquire()?.map(|sample| sample.read()).ok_or("an empty channel")?;
    let observed = channel.observer()?.peek()?.map(|(_, message)| message).ok_or("an empty channel")?;
    check(consumed == observed && consumed == pose(consumed.at_ns), "two different channels")?;
    Ok(consumed.at_ns)
}

fn a_replacer_killed_anywhere_leaves_the_old_or_the_new() -> Outcome {
    let mut seen = BTreeSet::new();
    let (mut kills, mut committed) = (0, 0);
    for before in Replaced::ALL {
        for stops in 0.. {
            let scratch = Scratch::new();
            before.prepare(&scratch)?;
            let is_killed = killed("child-replace", scratch.name(), stops)?;
            let is_new = scratch.word("locks", SUCCESSOR) == before.next();
            let found = message(&scratch).map_err(|error| format!("{before:?} at {stops}: {error}"))?;
            assert_eq!(found, if is_new { NEW } else { OLD }, "{before:?} at {stops}");
            if is_killed {
                kills += 1;
                committed += u32::from(is_new);
                seen.insert((is_new, state_of(&scratch, before.next())));
            } else {
                assert!(is_new, "it was replaced");
            }
            // Another one, killed at the same place, and one that is not.
            if is_killed {
                killed("child-replace", scratch.name(), stops)?;
                check(message(&scratch)? >= found, "the old one is back")?;
            }
            perform("child-replace", scratch.name())?;
            assert_eq!(message(&scratch)?, NEW);
            let generations = lastword::objects(scratch.name())?.into_iter().map(|object| object.generation).max();
            assert_eq!(generations.map(u64::from), Some(scratch.word("locks", SUCCESSOR)), "a dead one's is left");
            assert!(Channel::<Pose>::new(scratch.name())?.remove(Force::No)?);
            assert!(scratch.is_gone(), "something is left");
            if !is_killed {
                break;
            }
        }
    }
    let half = [["none", "none"], ["empty", "none"], ["begun", "none"], ["begun", "empty"], ["begun", "begun"]];
    let made = [["begun", "complete"], ["complete", "complete"]];
    // The last one is what was copied here of another replacer's, and its removal.
    let copied = ["complete", "begun"];
    let mut expected: BTreeSet<_> = half.into_iter().chain(made).chain([copied]).map(|state| (false, state)).collect();
    expected.insert((true, ["complete", "complete"]));
    assert_eq!(seen, expected, "these states, and no other, were to be seen");
    println!("{kills} kills of a replacer, {committed} of them after the commit");
    Ok(())
}

fn a_replacer_stopped_anywhere_keeps_nobody_from_a_message() -> Outcome {
    let mut meetings = 0;
    for before in Replaced::ALL {
        for stop in 0.. {
            let scratch = Scratch::new();
            before.prepare(&scratch)?;
            let Some(pid) = stopped("child-replace", scratch.name(), stop)? else { break };
            let is_new = scratch.word("locks", SUCCESSOR) == before.next();
            let found = message(&scratch).map_err(|error| format!("{before:?} at {stop}: {error}"))?;
            assert_eq!(found, if is_new { NEW } else { OLD }, "{before:?} at {stop}");
            let channel = Channel::<Pose>::new(scratch.name())?;
            // The child itself has the producer's role of the generation that it has just committed.
            let mut producer = if is_new { None } else { Some(channel.producer()?) };
            let mut consumer = channel.consumer(0)?;
            finish(pid).map_err(|error| format!("{before:?} at {stop}: {error}"))?;
            // Who had the old one open goes on with it.
            assert_eq!(consumer.is_replaced(), !is_new, "{before:?} at {stop}");
            if let Some(producer) = &mut producer {
                producer.publish(&pose(9))?;
                assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(9)));
            }
            assert_eq!(message(&scratch)?, NEW, "{before:?} at {stop}");
            drop((producer, consumer));
            assert!(channel.remove(Force::No)?);
            assert!(scratch.is_gone(), "something is left");
            meetings += 1;
        }
    }
    println!("{meetings} meetings with a replacer");
    Ok(())
}

fn a_remover_of_generations_killed_anywhere_is_completed() -> Outcome {
    let mut seen = BTreeSet::new();
    for stops in 0.. {
        let scratch = Scratch::new();
        Replaced::Once.prepare(&scratch)?;
        if !killed("child-remove", scratch.name(), stops)? {
            println!("{stops} kills of a remover of generations");
            break;
        }
        seen.insert((state(&scratch), state_of(&scratch, 1)));
        // By the next one who opens the channel, and by the next remover.
        let again = Scratch::new();
        Replaced::Once.prepare(&again)?;
        killed("child-remove", again.name(), stops)?;
        Channel::<Pose>::new(again.name())?.remove(Force::No)?;
        assert!(again.is_gone(), "something is left");
        let was_whole = state(&scratch)[0] == "complete";
        let observed = Channel::<Pose>::new(scratch.name())?.observer().is_ok();
        assert_eq!(observed, was_whole, "it is there, or none is");
        works(&scratch)?;
    }
    let whole = ["complete", "complete"];
    let expected = [
        (whole, whole),
        (["begun", "complete"], whole),
        (["begun", "none"], whole),
        (["none", "none"], whole),
        (["none", "none"], ["begun", "complete"]),
        (["none", "none"], ["begun", "none"]),
        (["none", "none"], ["none", "none"]),
    ];
    assert_eq!(seen, BTreeSet::from(expected), "these states, and no other, were to be seen");
    Ok(())
}

/// Lets a child go on until it ends (false) or stops by itself (true).
fn finish(pid: Pid) -> Result<bool, Box<dyn Error>> {
    ptrace::cont(pid, None)?;
    match waitpid(pid, None)? {
        WaitStatus::Exited(_, 0) => Ok(false),
        WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(true),
        status => Err(format!("expected a child that ends well, found {status:?}").into()),
    }
}

fn check(holds: bool, otherwise: &str) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
