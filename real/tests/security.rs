//! What somebody else on the machine can do by putting something into `/dev/shm`, and what a process of a channel can:
//! each is an error, a signal, or nothing at all, and no other file is ever touched.

mod common;

use common::{Child, Pose, Scratch, pose, role, say, wait_for_the_end};
use lastword::ready::{self, Mailbox};
use lastword::status::{self, Monitor, Writer};
use lastword::{CAPACITY_MAX, Channel, Force, OpenError, Owner, Role, UntypedObserver};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_RDLCK, F_UNLCK, SEEK_SET, SIGBUS, flock};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, setgid, setuid};
use std::error::Error;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

type Outcome = Result<(), Box<dyn Error>>;

/// A user and a group whom this test's process is not.
const STRANGER: u32 = 65_534;

#[test]
#[ignore = "other tests run it in child processes"]
fn child_process() -> Outcome {
    let (role, name) = role();
    let channel = Channel::<Pose>::new(&name)?;
    match role.as_str() {
        "read a message that is cut" => {
            let mut consumer = channel.consumer(0)?;
            let sample = consumer.acquire()?.expect("a message is out");
            say("ready");
            wait_for_the_end();
            say(format!("{:?}", sample.read()));
        }
        "acquire from what is cut" => {
            let mut consumer = channel.consumer(0)?;
            consumer.acquire()?.expect("a message is out");
            say("ready");
            wait_for_the_end();
            say(match consumer.acquire() {
                Ok(found) => format!("{:?}", found.map(|sample| sample.read())),
                Err(error) => format!("an error: {error}"),
            });
        }
        "wait for more of what is cut" => {
            let mut consumer = channel.consumer(0)?;
            consumer.acquire()?.expect("a message is out");
            say("ready");
            wait_for_the_end();
            say(match consumer.wait(None) {
                Ok(found) => format!("{found}"),
                Err(error) => format!("an error: {error}"),
            });
        }
        "peek at what is cut" => {
            let observer = channel.observer()?;
            observer.peek()?.expect("a message is out");
            say("ready");
            wait_for_the_end();
            say(match observer.peek() {
                Ok(found) => format!("{found:?}"),
                Err(error) => format!("an error: {error}"),
            });
        }
        "publish into what is cut" => {
            let mut producer = channel.producer()?;
            say("ready");
            wait_for_the_end();
            say(match producer.publish(&pose(2)) {
                Ok(number) => format!("{number}"),
                Err(error) => format!("an error: {error}"),
            });
        }
        "take the name first" => {
            become_a_stranger()?;
            drop(channel.mode(0o666).producer()?);
            drop(Writer::create(&name, 2, 0o666)?);
            say("ready");
        }
        "take the name first, and leave it empty" => {
            become_a_stranger()?;
            umask(Mode::empty());
            std::fs::write(format!("/dev/shm/lastword-{name}.locks"), [])?;
            std::fs::set_permissions(format!("/dev/shm/lastword-{name}.locks"), Permissions::from_mode(0o666))?;
            say("ready");
        }
        "consume as another user" => {
            become_a_stranger()?;
            say(channel.consumer(0)?.acquire()?.expect("a message is out").read().at_ns);
            let written = std::fs::OpenOptions::new().write(true).open(format!("/dev/shm/lastword-{name}.data"));
            say(written.expect_err("it may only be read").kind());
            say(channel.producer().expect_err("the messages may only be read"));
        }
        "remove as another user who may write" => {
            become_a_stranger()?;
            let denied = "shm_unlink failed: Operation not permitted (EPERM)";
            for force in [Force::No, Force::Yes] {
                let error = channel.remove(force).expect_err("/dev/shm is sticky").to_string();
                say(if error.contains(denied) { "denied".to_owned() } else { error });
            }
            say(lastword::remove_unused(&name)?.len() + lastword::unused(&name)?.len());
        }
        "replace and remove as another user" => {
            become_a_stranger()?;
            drop(channel.producer()?);
            drop(channel.clone().replace()?.commit());
            let mut replacement = channel.clone().replace()?;
            replacement.producer().publish(&pose(1))?;
            drop(replacement.commit());
            let found = channel.observer()?.peek()?.expect("a message is out").1.at_ns;
            let mut generations: Vec<_> = lastword::objects(&name)?
                .into_iter()
                .filter(|object| std::fs::File::open(format!("/dev/shm{object}")).is_ok() && object.generation != 0)
                .map(|object| object.generation.to_string())
                .collect();
            generations.dedup();
            say(format!("{found} {}", generations.join(" ")));
            say(if channel.remove(Force::No)? { "removed" } else { "nothing to remove" });
            say(if channel.remove(Force::No)? { "removed" } else { "nothing to remove" });
        }
        _ => return Err(format!("no such role: {role}").into()),
    }
    Ok(())
}

fn become_a_stranger() -> nix::Result<()> {
    setgid(Gid::from_raw(STRANGER))?;
    setuid(Uid::from_raw(STRANGER))
}

/// Whether this process may act as other users. Where not, says what was not tested.
fn is_root(test: &str) -> bool {
    let is_root = Uid::effective().is_root();
    if !is_root {
        eprintln!("NOT TESTED: {test}, which needs root to act as another user");
    }
    is_root
}

/// A call, and what it said.
type Said = (&'static str, Result<(), String>);

/// Every way to use a channel and a board of that name, and what each said.
fn everything(name: &str) -> Result<Vec<Said>, Box<dyn Error>> {
    fn said<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<(), String> {
        result.map(drop).map_err(|error| error.to_string())
    }
    let channel = Channel::<Pose>::new(name)?;
    let mailbox = Mailbox::<Pose>::new(name)?;
    Ok(vec![
        ("observer", said(channel.observer())),
        ("holder", said(channel.holder(Role::Producer))),
        ("producer", said(channel.producer())),
        ("consumer", said(channel.any_consumer())),
        ("replace", said(channel.clone().replace())),
        ("monitor", said(Monitor::open(name))),
        ("writer", said(Writer::create(name, 2, 0o600))),
        ("holder of the board", said(status::holder(name))),
        ("untyped observer", said(UntypedObserver::open(name))),
        ("mailbox's writer", said(mailbox.writer())),
        ("mailbox's reader", said(mailbox.reader())),
        ("mailbox's monitor", said(mailbox.monitor())),
        ("holder of the mailbox", said(mailbox.holder(Role::MailboxReader))),
        ("unused", said(lastword::unused(name))),
        ("list", said(lastword::remove_unused(name))),
        ("remove", said(channel.remove(Force::Yes))),
        ("remove the mailbox", said(mailbox.remove(Force::Yes))),
        ("remove the board", said(status::remove(name, Force::Yes))),
    ])
}

/// A file of this test's that nobody may touch.
struct Victim(PathBuf);

impl Victim {
    const CONTENT: &'static [u8] = b"not to be touched";

    fn new(scratch: &Scratch) -> std::io::Result<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}victim", scratch.name()));
        std::fs::write(&path, Self::CONTENT)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o640))?;
        Ok(Self(path))
    }

    fn is_untouched(&self) -> std::io::Result<bool> {
        let mode = std::fs::metadata(&self.0)?.permissions().mode() & 0o7777;
        Ok(std::fs::read(&self.0)? == Self::CONTENT && mode == 0o640)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_planted_link_is_never_followed_wherever_it_leads() -> Outcome {
    for suffix in ["locks", "data", "ready", "status"] {
        for is_there in [true, false] {
            let scratch = Scratch::new();
            let victim = Victim::new(&scratch)?;
            let target = if is_there { victim.0.clone() } else { victim.0.with_extension("nowhere") };
            symlink(&target, scratch.path(suffix))?;
            let said = everything(scratch.name())?;
            let refused = |what: &str| {
                said.iter().any(|(name, said)| {
                    *name == what && said.as_ref().is_err_and(|said| said.contains("a pipe, a socket or a link"))
                })
            };
            match suffix {
                "locks" => assert!(["observer", "producer", "consumer", "remove"].into_iter().all(refused), "{said:?}"),
                "ready" => {
                    let named = ["mailbox's writer", "mailbox's reader", "mailbox's monitor", "remove the mailbox"];
                    assert!(named.into_iter().all(refused), "{said:?}");
                }
                "status" => assert!(["monitor", "writer", "remove the board"].into_iter().all(refused), "{said:?}"),
                // Where the messages are to be, the link itself is removed when the channel is created.
                _ => assert!(said.iter().any(|(name, said)| *name == "producer" && said.is_ok()), "{said:?}"),
            }
            assert!(victim.is_untouched()?, "{suffix}");
            assert!(!victim.0.with_extension("nowhere").exists(), "it was created through a link");
        }
        // And in the middle of a channel that is there.
        let scratch = Scratch::new();
        let victim = Victim::new(&scratch)?;
        let channel = Channel::<Pose>::new(scratch.name())?;
        drop(channel.producer()?);
        drop(Writer::create(scratch.name(), 2, 0o600)?);
        drop(Mailbox::<Pose>::new(scratch.name())?.writer()?);
        std::fs::remove_file(scratch.path(suffix))?;
        symlink(&victim.0, scratch.path(suffix))?;
        everything(scratch.name())?;
        assert!(victim.is_untouched()?, "{suffix}");
    }
    Ok(())
}

#[test]
fn a_planted_link_in_place_of_the_next_generation_is_never_followed() -> Outcome {
    for suffix in ["locks", "data"] {
        let scratch = Scratch::new();
        let victim = Victim::new(&scratch)?;
        let channel = Channel::<Pose>::new(scratch.name())?;
        drop(channel.producer()?);
        let link = scratch.path(suffix).with_file_name(format!("lastword-{}~1.{suffix}", scratch.name()));
        symlink(&victim.0, &link)?;
        // What is no file is no object, so it is not removed; the name is taken, or the link is replaced.
        match channel.clone().replace() {
            Ok(replacement) => drop(replacement.commit()),
            Err(error) => assert!(error.to_string().contains("a link"), "{error}"),
        }
        assert!(victim.is_untouched()?, "{suffix}");
        channel.observer()?;
        if link.is_symlink() {
            std::fs::remove_file(&link)?;
        }
        drop(channel.clone().replace()?.commit());
        assert!(channel.remove(Force::No)?);
        assert!(victim.is_untouched()?, "{suffix}");
    }
    Ok(())
}

#[test]
fn an_object_that_has_another_name_too_is_not_touched() -> Outcome {
    for suffix in ["locks", "data", "ready", "status"] {
        let scratch = Scratch::new();
        let victim = Scratch::new();
        let channel = Channel::<Pose>::new(victim.name())?;
        channel.producer()?.publish(&pose(1))?;
        drop(Writer::create(victim.name(), 2, 0o600)?);
        Mailbox::<Pose>::new(victim.name())?.writer()?.try_send(&pose(1))?;
        let before = std::fs::read(victim.path(suffix))?;
        std::fs::hard_link(victim.path(suffix), scratch.path(suffix))?;
        let said = everything(scratch.name())?;
        if suffix != "data" {
            assert!(
                said.iter().any(|(_, said)| said.as_ref().is_err_and(|said| said.contains("another name"))),
                "{said:?}"
            );
        }
        assert_eq!(std::fs::read(victim.path(suffix))?, before, "{suffix}");
    }
    Ok(())
}

#[test]
fn an_object_of_another_user_is_not_used_unless_that_was_asked_for() -> Outcome {
    if !is_root("objects of another user") {
        return Ok(());
    }
    for suffix in ["locks", "data"] {
        let scratch = Scratch::new();
        let channel = Channel::<Pose>::new(scratch.name())?;
        channel.producer()?.publish(&pose(1))?;
        chown(scratch.path(suffix), Some(STRANGER), None)?;
        let refused = |channel: &Channel<Pose>| -> Outcome {
            for error in [
                channel.producer().expect_err("a stranger's"),
                channel.consumer(0).expect_err("a stranger's"),
                channel.observer().expect_err("a stranger's"),
                UntypedObserver::open(scratch.name()).expect_err("a stranger's"),
            ] {
                assert!(matches!(error, OpenError::Owner { found: STRANGER, expected: 0, .. }), "{error:?}");
                let said = error.to_string();
                assert!(said.contains("belongs to user 65534") && said.contains("ask for that owner"), "{said}");
                assert!(said.contains(scratch.name()), "{said}");
            }
            Ok(())
        };
        let accepted = |channel: &Channel<Pose>| -> Outcome {
            channel.producer()?;
            assert_eq!(channel.consumer(0)?.acquire()?.map(|sample| sample.read()), Some(pose(1)));
            assert_eq!(channel.observer()?.peek()?.map(|(_, message)| message), Some(pose(1)));
            Ok(())
        };
        refused(&channel)?;
        refused(&channel.clone().owner(Owner::User(STRANGER - 1)))?;
        accepted(&channel.clone().owner(Owner::User(STRANGER)))?;
        UntypedObserver::open_of(scratch.name(), Owner::User(STRANGER))?;
        accepted(&channel.clone().owner(Owner::Anybody))?;
        // Of whom the mode would let write.
        for mode in [0o600, 0o640, 0o644] {
            refused(&channel.clone().mode(mode))?;
        }
        accepted(&channel.clone().mode(0o666))?;
        accepted(&channel.clone().mode(0o660))?;
        chown(scratch.path(suffix), None, Some(STRANGER))?;
        refused(&channel.clone().mode(0o660))?;
        accepted(&channel.clone().mode(0o666))?;
        // Removing it is not believing it.
        assert!(channel.remove(Force::No)?);
    }
    let scratch = Scratch::new();
    drop(Writer::create(scratch.name(), 2, 0o600)?);
    chown(scratch.path("status"), Some(STRANGER), None)?;
    let strangers = [
        Monitor::open(scratch.name()).map(drop),
        status::holder(scratch.name()).map(drop),
        Writer::create(scratch.name(), 2, 0o600).map(drop),
    ];
    for error in strangers {
        assert!(matches!(error, Err(OpenError::Owner { found: STRANGER, .. })), "{error:?}");
    }
    Monitor::open_of(scratch.name(), Owner::User(STRANGER))?;
    Writer::create(scratch.name(), 2, 0o666)?;
    assert!(status::remove(scratch.name(), Force::No)?);
    Ok(())
}

#[test]
fn a_mailbox_of_another_user_is_not_used_unless_that_was_asked_for() -> Outcome {
    if !is_root("mailboxes of another user") {
        return Ok(());
    }
    let scratch = Scratch::new();
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    mailbox.writer()?.try_send(&pose(1))?;
    chown(scratch.path("ready"), Some(STRANGER), None)?;
    let all = |mailbox: &Mailbox<Pose>| {
        [
            mailbox.writer().map(drop),
            mailbox.reader().map(drop),
            mailbox.monitor().map(drop),
            mailbox.holder(Role::MailboxWriter).map(drop),
        ]
    };
    let refusing = [mailbox.clone(), mailbox.clone().owner(Owner::User(STRANGER - 1)), mailbox.clone().mode(0o644)];
    for mailbox in refusing {
        for error in all(&mailbox) {
            assert!(matches!(error, Err(OpenError::Owner { found: STRANGER, expected: 0, .. })), "{error:?}");
        }
    }
    let error = ready::Monitor::open(scratch.name()).map(drop);
    assert!(matches!(error, Err(OpenError::Owner { found: STRANGER, .. })), "{error:?}");
    ready::Monitor::open_of(scratch.name(), Owner::User(STRANGER))?;
    let accepting = [
        mailbox.clone().owner(Owner::User(STRANGER)),
        mailbox.clone().owner(Owner::Anybody),
        mailbox.clone().mode(0o660),
        mailbox.clone().mode(0o666),
    ];
    for mailbox in accepting {
        for opened in all(&mailbox) {
            opened?;
        }
        assert_eq!(mailbox.reader()?.try_receive()?.map(|message| message.read()), Some(pose(1)));
    }
    // Removing it is not believing it.
    assert!(mailbox.remove(Force::No)?);
    Ok(())
}

#[test]
fn who_takes_a_name_first_is_not_believed() -> Outcome {
    if !is_root("a stranger who takes a name first") {
        return Ok(());
    }
    for role in ["take the name first", "take the name first, and leave it empty"] {
        let scratch = Scratch::new();
        let mut child = Child::start(role, scratch.name());
        child.hear();
        assert!(child.wait().success());
        let channel = Channel::<Pose>::new(scratch.name())?;
        let before = std::fs::read(scratch.path("locks"))?;
        for error in [channel.producer().map(drop), channel.observer().map(drop), channel.clone().replace().map(drop)] {
            assert!(matches!(error, Err(OpenError::Owner { found: STRANGER, .. })), "{error:?}");
        }
        assert_eq!(std::fs::read(scratch.path("locks"))?, before, "nothing was built in it");
        assert_eq!(std::fs::metadata(scratch.path("locks"))?.uid(), STRANGER);
        assert!(channel.remove(Force::No)?, "root may");
        drop(channel.producer()?);
        assert_eq!(std::fs::metadata(scratch.path("locks"))?.uid(), 0);
    }
    Ok(())
}

#[test]
fn a_consumer_of_another_user_needs_only_to_read_the_messages() -> Outcome {
    if !is_root("a consumer of another user") {
        return Ok(());
    }
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut producer = channel.producer()?;
    producer.publish(&pose(1))?;
    std::fs::set_permissions(scratch.path("locks"), Permissions::from_mode(0o666))?;
    std::fs::set_permissions(scratch.path("data"), Permissions::from_mode(0o644))?;
    let mut child = Child::start("consume as another user", scratch.name());
    assert_eq!(child.hear(), "1");
    assert_eq!(child.hear(), "permission denied");
    let said = child.hear();
    assert!(said.contains("producer is held by"), "{said}");
    assert_eq!(producer.publish(&pose(2))?.get(), 2);
    Ok(())
}

#[test]
fn who_may_write_a_channel_and_not_remove_it_does_not_spoil_it() -> Outcome {
    if !is_root("a group member who removes") {
        return Ok(());
    }
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    channel.producer()?.publish(&pose(1))?;
    for suffix in ["locks", "data"] {
        std::fs::set_permissions(scratch.path(suffix), Permissions::from_mode(0o666))?;
    }
    let mut child = Child::start("remove as another user who may write", scratch.name());
    assert_eq!([child.hear(), child.hear(), child.hear()], ["denied", "denied", "0"]);
    assert_eq!(channel.observer()?.peek()?.map(|(_, message)| message.at_ns), Some(1));
    Ok(())
}

#[test]
fn what_cannot_be_removed_keeps_nobody_from_seeing_what_can() -> Outcome {
    let scratch = Scratch::new();
    let other = Scratch::new();
    drop(Channel::<Pose>::new(scratch.name())?.producer()?);
    // Another name of a file, which is no object then.
    std::fs::write(other.path("status"), [])?;
    std::fs::hard_link(other.path("status"), scratch.path("status"))?;
    let unused = lastword::unused(scratch.name())?;
    assert_eq!(unused.len(), 2, "{unused:?}");
    Ok(())
}

#[test]
fn who_may_only_read_can_keep_others_from_a_role_and_is_not_taken_for_its_holder() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    drop(channel.producer()?);
    let locks = std::fs::File::open(scratch.path("locks"))?;
    let lock = flock { l_type: F_RDLCK as _, l_whence: SEEK_SET as _, l_start: 1, l_len: 1, l_pid: 0 };
    fcntl(&locks, FcntlArg::F_OFD_SETLK(&lock))?;
    // A denial of service, which SECURITY.md names.
    assert!(matches!(channel.producer(), Err(OpenError::RoleTaken { .. })));
    assert!(channel.holder(Role::Producer)?.is_none());
    channel.consumer(0)?;
    // Closing would leave it to a program that another test is just starting.
    fcntl(&locks, FcntlArg::F_OFD_SETLK(&flock { l_type: F_UNLCK as _, ..lock }))?;
    channel.producer()?;
    Ok(())
}

#[test]
fn a_stranger_who_takes_names_of_generations_keeps_nobody_from_replacing_or_removing() -> Outcome {
    if !is_root("a stranger who takes names of generations") {
        return Ok(());
    }
    let scratch = Scratch::new();
    let planted = [(1, "locks"), (1, "data"), (2, "data"), (9, "locks")].map(|(number, suffix)| {
        scratch.path(suffix).with_file_name(format!("lastword-{}~{number}.{suffix}", scratch.name()))
    });
    for path in &planted {
        std::fs::write(path, b"not to be touched")?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    }
    let mut child = Child::start("replace and remove as another user", scratch.name());
    assert_eq!(child.hear(), "1 3 4", "the message, and the generations that there were");
    assert_eq!(child.hear(), "removed");
    assert_eq!(child.hear(), "nothing to remove");
    assert!(child.wait().success());
    for path in &planted {
        assert_eq!(std::fs::read(path)?, b"not to be touched");
    }
    assert_eq!(lastword::objects(scratch.name())?.len(), planted.len(), "nothing else is left");
    Ok(())
}

/// This process's mappings of an object, as /proc/self/maps shows their permissions.
fn mappings(scratch: &Scratch, suffix: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let path = scratch.path(suffix);
    let path = path.to_str().ok_or("a path of ASCII")?;
    Ok(maps
        .lines()
        .filter(|line| line.ends_with(path))
        .filter_map(|line| Some(line.split(' ').nth(1)?.into()))
        .collect())
}

#[test]
fn what_a_role_does_not_write_is_mapped_read_only_and_nothing_is_ever_executable() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let producer = channel.producer()?;
    assert_eq!(mappings(&scratch, "data")?, ["rw-s"]);
    drop(producer);
    assert_eq!(mappings(&scratch, "data")?, [""; 0]);
    let consumer = channel.consumer(0)?;
    assert_eq!(mappings(&scratch, "data")?, ["r--s"]);
    drop(consumer);
    let observer = channel.observer()?;
    assert_eq!(mappings(&scratch, "data")?, ["r--s"]);
    assert_eq!(mappings(&scratch, "locks")?, ["r--s"], "the word for a successor");
    drop(observer);
    drop(Writer::create(scratch.name(), 1, 0o600)?);
    let monitor = Monitor::open(scratch.name())?;
    assert_eq!(mappings(&scratch, "status")?, ["r--s"]);
    drop(monitor);
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    drop(mailbox.reader()?);
    let monitor = mailbox.monitor()?;
    assert_eq!(mappings(&scratch, "ready")?, ["r--s"]);
    drop(monitor);
    Ok(())
}

#[test]
fn no_descriptor_survives_exec() -> Outcome {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let roles = (channel.producer()?, channel.consumer(0)?, channel.observer()?);
    let board = (Writer::create(scratch.name(), 1, 0o600)?, Monitor::open(scratch.name())?);
    let mailbox = Mailbox::<Pose>::new(scratch.name())?;
    let mailbox = (mailbox.writer()?, mailbox.reader()?, mailbox.monitor()?);
    let watch = channel.holder(Role::Producer)?.expect("this process has it").watch()?;
    let notifier = roles.1.notifier()?;
    let replacement = channel.clone().replace()?;
    let mut seen = 0;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let Ok(target) = std::fs::read_link(entry.path()) else { continue };
        let target = target.to_string_lossy();
        if !target.contains(scratch.name()) && !target.contains("pidfd") && !target.contains("eventfd") {
            continue;
        }
        let information = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(entry.file_name()))?;
        let flags = information.lines().find_map(|line| line.strip_prefix("flags:")).ok_or("no flags")?;
        let flags = u32::from_str_radix(flags.trim(), 8)?;
        assert!(flags & CLOSE_ON_EXEC != 0, "{target}");
        seen += 1;
    }
    assert!(seen >= 9, "only {seen} descriptors");
    drop((notifier, roles, board, mailbox, watch, replacement));
    Ok(())
}

#[test]
fn whoever_reads_what_was_cut_dies_or_gets_an_error_and_never_a_message() -> Outcome {
    // To nothing; before the word for the newest message; after it, before the first slot.
    for (length, roles) in [
        (
            0,
            &[
                "read a message that is cut",
                "acquire from what is cut",
                "wait for more of what is cut",
                "peek at what is cut",
                "publish into what is cut",
            ][..],
        ),
        (200, &["acquire from what is cut", "wait for more of what is cut"][..]),
        (300, &["acquire from what is cut", "peek at what is cut"][..]),
    ] {
        for role in roles {
            let scratch = Scratch::new();
            let channel = Channel::<Pose>::new(scratch.name())?;
            channel.producer()?.publish(&pose(1))?;
            let mut child = Child::start(role, scratch.name());
            child.hear();
            scratch.open("data").set_len(length)?;
            child.nudge();
            if length == 0 {
                assert_eq!(child.wait().signal(), Some(SIGBUS), "{role}");
            } else {
                let said = child.hear();
                assert!(said.starts_with("an error: "), "{role}, cut to {length}: {said}");
            }
            // Who comes later is told what is the matter.
            let error = channel.observer().expect_err("it was cut");
            assert!(matches!(error, OpenError::Header { .. } | OpenError::Incomplete { .. }), "{error:?}");
        }
    }
    Ok(())
}

#[test]
fn who_has_a_channel_open_goes_on_when_its_names_are_deleted() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let (mut producer, mut consumer, observer) = (channel.producer()?, channel.consumer(0)?, channel.observer()?);
    std::fs::remove_file(scratch.path("data"))?;
    let error = channel.consumer(1).expect_err("half of it is gone");
    assert!(matches!(error, OpenError::DataMissing { .. }), "{error:?}");
    std::fs::remove_file(scratch.path("locks"))?;
    producer.publish(&pose(1))?;
    assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(1)));
    assert_eq!(observer.peek()?.map(|(_, message)| message), Some(pose(1)));
    assert!(consumer.producer()?.is_some());
    assert!(matches!(channel.observer(), Err(OpenError::NotFound { .. })));
    // Who comes now begins anew, and does not see those.
    let mut successor = channel.producer()?;
    assert_eq!(successor.publish(&pose(2))?.get(), 1);
    assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(1)));
    Ok(())
}

#[test]
fn the_largest_channel_that_can_be_asked_for_is_refused_and_leaves_nothing() -> Outcome {
    let scratch = Scratch::new();
    for consumers in [1, 254] {
        let error =
            Channel::bytes(scratch.name(), CAPACITY_MAX)?.consumers(consumers).producer().expect_err("too large");
        assert!(matches!(&error, OpenError::Os(_)), "{error:?}");
        assert!(error.to_string().contains("/dev/shm is full"), "{error}");
        assert!(scratch.is_gone(), "something is left");
    }
    for (consumers, capacity) in [(1, CAPACITY_MAX + 1), (254, usize::MAX), (0, 1), (255, 1)] {
        let error = Channel::bytes(scratch.name(), capacity)?.consumers(consumers).producer().expect_err("impossible");
        assert!(matches!(&error, OpenError::Dimensions { .. }), "{error:?}");
        assert!(scratch.is_gone(), "something is left");
    }
    Ok(())
}
