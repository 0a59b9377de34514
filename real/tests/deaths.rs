//! What the kernel does for us: roles end with their process, consumers cannot write messages, permissions hold, and a
//! full `/dev/shm` is an error when a channel is created.

mod common;

use common::{Child, Pose, Scratch, pose, role, say, wait_for_the_end};
use lastword::{Channel, Force, OpenError, Recovery, RemoveError, Role, status};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_WRLCK, SEEK_SET, SIGSEGV, flock};
use nix::mount::{MsFlags, mount};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::sys::statvfs::statvfs;
use nix::unistd::{Gid, Pid, Uid, setgid, setuid};
use std::error::Error;
use std::fs::{File, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn Error>>;

#[test]
#[ignore = "other tests run it in child processes"]
fn child_process() -> Outcome {
    let (role, name) = role();
    let channel = Channel::<Pose>::new(&name)?;
    match role.as_str() {
        "produce" => {
            let mut producer = channel.producer()?;
            for number in 1..=7 {
                producer.publish(&pose(number))?;
            }
            let mut unfinished = producer.loan()?;
            unfinished.write(&pose(8))?;
            say("ready");
            wait_for_the_end();
        }
        "produce and start a program" => {
            let _producer = channel.producer()?;
            let quiet = || std::process::Stdio::null();
            let program = Command::new("sleep").arg("60").stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn()?;
            say(program.id());
            wait_for_the_end();
        }
        "consume" => {
            let mut consumer = channel.consumer(3)?;
            let sample = consumer.acquire()?.expect("a message is out");
            say(sample.sequence());
            wait_for_the_end();
        }
        "stop creating" => {
            // As a creator that is stopped: it has the right to create, and does nothing.
            let path = format!("/dev/shm/lastword-{name}.locks");
            let object = File::options().create_new(true).read(true).write(true).open(path)?;
            lock_create(&object);
            say("ready");
            wait_for_the_end();
        }
        "write to a message" => {
            let mut consumer = channel.consumer(0)?;
            let sample = consumer.acquire()?.expect("a message is out");
            let address = sample.as_ptr().cast_mut();
            say("ready");
            // SAFETY: there is none. The page is mapped read-only, and the process is meant to die here.
            unsafe { address.write_volatile(1) };
            say("it was written");
        }
        "be nobody" => {
            become_nobody()?;
            say(format!("{:?}", channel.producer().map(drop)));
            say(format!("{:?}", channel.observer().map(drop)));
            say(format!("{:?}", channel.remove(Force::No)));
        }
        "be nobody with a umask" => {
            become_nobody()?;
            let mut said = Vec::new();
            for bits in [0o777, 0o477, 0o277, 0o077] {
                umask(Mode::from_bits_truncate(bits));
                for (mode, expected) in [(None, 0o600), (Some(0o666), 0o666), (Some(0o600), 0o600)] {
                    let channel = mode.map_or(channel.clone(), |mode| channel.clone().mode(mode));
                    drop((channel.producer()?, channel.consumer(0)?, channel.observer()?));
                    for kind in ["locks", "data"] {
                        let path = format!("/dev/shm/lastword-{name}.{kind}");
                        assert_eq!(std::fs::metadata(path)?.permissions().mode() & 0o7777, expected, "{bits:o}");
                    }
                    assert!(channel.remove(Force::No)?);
                }
                // What a creator leaves that dies before it has set the mode.
                let locks = format!("/dev/shm/lastword-{name}.locks");
                for use_it in [|channel: &Channel<Pose>| channel.producer().is_ok(), |_: &Channel<Pose>| true] {
                    File::options().create_new(true).write(true).mode(0o0).open(&locks)?;
                    assert!(use_it(&channel) && channel.remove(Force::No)?);
                }
            }
            drop(channel.producer()?);
            let locks = format!("/dev/shm/lastword-{name}.locks");
            std::fs::set_permissions(&locks, Permissions::from_mode(0o0))?;
            said.push(channel.producer().expect_err("nobody may open it").to_string());
            said.push(channel.remove(Force::No).expect_err("nobody may open it").to_string());
            std::fs::set_permissions(&locks, Permissions::from_mode(0o600))?;
            assert!(channel.remove(Force::No)?);
            said.into_iter().for_each(say);
        }
        "make no large files" => {
            for limit in [0, 7, 100, 1000] {
                setrlimit(Resource::RLIMIT_FSIZE, limit, RLIM_INFINITY)?;
                say(channel.producer().expect_err("the file would be too large"));
                say(status::Writer::create(&name, 4000, 0o600).expect_err("the file would be too large"));
                assert!(lastword::objects(&name)?.is_empty(), "something is left");
            }
            setrlimit(Resource::RLIMIT_FSIZE, 1 << 20, RLIM_INFINITY)?;
            drop(channel.producer()?);
            // What is there is used, whatever the limit. To be removed it is written to, but for a board.
            setrlimit(Resource::RLIMIT_FSIZE, 0, RLIM_INFINITY)?;
            channel.producer()?.publish(&pose(1))?;
            say(channel.remove(Force::No).expect_err("it may not be written to"));
            setrlimit(Resource::RLIMIT_FSIZE, 8, RLIM_INFINITY)?;
            assert!(channel.remove(Force::No)?);
        }
        "fill /dev/shm" => {
            let none: Option<&str> = None;
            mount(none, "/dev/shm", Some("tmpfs"), MsFlags::empty(), Some("size=256k"))?;
            let large = Channel::bytes(&name, 64 << 10)?.consumers(4);
            let error = large.producer().expect_err("that is more than there is");
            say(&error);
            say(std::fs::read_dir("/dev/shm")?.count());
            // Up to the last page: what could be created can be written, every byte of it.
            let mut count = 0;
            loop {
                let channel = Channel::bytes(&format!("{name}-{count}"), 1000)?.consumers(2);
                let Ok(mut producer) = channel.producer() else { break };
                for _ in 0..10 {
                    producer.publish(&[7; 1000])?;
                }
                count += 1;
            }
            say(count);
            say(std::fs::read_dir("/dev/shm")?.count());
        }
        _ => return Err(format!("no such role: {role}").into()),
    }
    Ok(())
}

/// Gives up root's rights, which no permission bits bind. Who has none stays who he is.
fn become_nobody() -> nix::Result<()> {
    if Uid::effective().is_root() {
        setgid(Gid::from_raw(65534))?;
        setuid(Uid::from_raw(65534))?;
    }
    Ok(())
}

/// Takes the right to create, as a creator does.
fn lock_create(object: &File) {
    let lock = flock { l_type: F_WRLCK as _, l_whence: SEEK_SET as _, l_start: 0, l_len: 1, l_pid: 0 };
    fcntl(object, FcntlArg::F_OFD_SETLK(&lock)).expect("the lock is free");
}

#[test]
fn a_killed_producers_role_is_free_and_its_successor_goes_on_from_the_last_number() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut child = Child::start("produce", scratch.name());
    child.hear();
    let error = channel.producer().expect_err("the child lives");
    let (channel_name, holder) = (scratch.name().to_owned(), Some(child.id()));
    assert_eq!(error, OpenError::RoleTaken { channel: channel_name, role: Role::Producer, holder });
    assert!(error.to_string().contains(&format!("process {}", child.id())), "{error}");
    child.kill();
    let mut producer = channel.producer()?;
    assert_eq!(producer.read_last()?, Some(pose(7)), "message 8 was never published");
    assert_eq!(producer.publish(&pose(8))?.get(), 8);
    Ok(())
}

#[test]
fn a_killed_consumers_successor_finds_its_message_locked() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut producer = channel.producer()?;
    producer.publish(&pose(1))?;
    let mut child = Child::start("consume", scratch.name());
    assert_eq!(child.hear(), "1");
    assert!(matches!(channel.consumer(3), Err(OpenError::RoleTaken { role: Role::Consumer(3), .. })));
    child.kill();
    for number in 2..100 {
        producer.publish(&pose(number))?;
    }
    let mut consumer = channel.consumer(3)?;
    assert!(matches!(consumer.recovery(), Recovery::Held(_)));
    assert_eq!(consumer.held().map(|sample| sample.read()), Some(pose(1)));
    assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(99)));
    Ok(())
}

#[test]
fn a_channel_is_removed_when_the_last_of_its_processes_is_dead() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut producing = Child::start("produce", scratch.name());
    producing.hear();
    let mut consuming = Child::start("consume", scratch.name());
    consuming.hear();
    let refused =
        |role, child: &Child| RemoveError::InUse { channel: scratch.name().to_owned(), role, holder: Some(child.id()) };
    assert_eq!(channel.remove(Force::No), Err(refused(Role::Producer, &producing)));
    producing.kill();
    assert_eq!(channel.remove(Force::No), Err(refused(Role::Consumer(3), &consuming)));
    assert_eq!(lastword::remove_unused(scratch.name())?, []);
    consuming.kill();
    assert_eq!(lastword::remove_unused(scratch.name())?.len(), 2);
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn a_creator_that_is_stopped_is_an_error_after_5_s_and_keeps_nobody_when_killed() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut child = Child::start("stop creating", scratch.name());
    child.hear();
    let start = Instant::now();
    let error = channel.producer().expect_err("the creator lives");
    assert!(matches!(error, OpenError::BeingCreated { .. }), "{error:?}");
    assert!(error.to_string().contains("is it stopped?"), "{error}");
    assert!((Duration::from_secs(5)..Duration::from_secs(8)).contains(&start.elapsed()));
    assert_eq!(lastword::remove_unused(scratch.name())?, [], "it is in use");
    child.kill();
    channel.producer()?;
    Ok(())
}

#[test]
fn a_consumer_that_writes_to_a_message_dies_of_sigsegv_and_damages_nothing() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut producer = channel.producer()?;
    producer.publish(&pose(1))?;
    let mut child = Child::start("write to a message", scratch.name());
    child.hear();
    assert_eq!(child.wait().signal(), Some(SIGSEGV));
    assert_eq!(producer.read_last()?, Some(pose(1)));
    assert_eq!(channel.consumer(0)?.held().map(|sample| sample.read()), Some(pose(1)));
    Ok(())
}

#[test]
fn a_dropped_role_is_free_though_another_thread_is_starting_programs() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| -> Outcome {
        let starter = scope.spawn(move || -> std::io::Result<u32> {
            let mut started = 0;
            while !done.load(Ordering::Relaxed) {
                Command::new("true").status()?;
                started += 1;
            }
            Ok(started)
        });
        let outcome = (0..3000).try_for_each(|_| channel.producer().map(drop));
        done.store(true, Ordering::Relaxed);
        assert!(starter.join().expect("no panic")? > 0);
        Ok(outcome?)
    })
}

#[test]
fn a_started_program_does_not_inherit_a_role() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut child = Child::start("produce and start a program", scratch.name());
    let program = child.hear();
    child.kill();
    assert!(Path::new("/proc").join(&program).exists(), "the program lives");
    let producer = channel.producer();
    kill(Pid::from_raw(program.parse()?), Signal::SIGKILL)?;
    producer?;
    Ok(())
}

#[test]
fn who_has_no_permission_is_told_so() -> Outcome {
    let denied = |said: &str| said.contains("EACCES") || said.contains("EPERM");
    let permit = |scratch: &Scratch, mode| {
        ["locks", "data"].map(|suffix| std::fs::set_permissions(scratch.path(suffix), Permissions::from_mode(mode)))
    };
    let scratch = Scratch::new();
    drop(Channel::<Pose>::new(scratch.name())?.producer()?);
    // The child is another user, or has no more rights than the file's own bits give its owner.
    let [locks, data] = permit(&scratch, if Uid::effective().is_root() { 0o600 } else { 0 });
    locks.and(data)?;
    let mut child = Child::start("be nobody", scratch.name());
    for _ in ["producer", "observer", "remove"] {
        let said = child.hear();
        assert!(denied(&said), "{said}");
    }

    let readable = Scratch::new();
    drop(Channel::<Pose>::new(readable.name())?.producer()?);
    let [locks, data] = permit(&readable, 0o444);
    locks.and(data)?;
    let mut child = Child::start("be nobody", readable.name());
    let said = child.hear();
    assert!(denied(&said), "{said}");
    assert_eq!(child.hear(), "Ok(())", "an observer needs to read and no more");
    let said = child.hear();
    assert!(denied(&said), "{said}");
    assert!(readable.path("locks").exists() && readable.path("data").exists());
    Ok(())
}

#[test]
fn the_mode_holds_whatever_the_umask_and_an_owner_is_not_told_to_ask_himself() -> Outcome {
    let scratch = Scratch::new();
    let mut child = Child::start("be nobody with a umask", scratch.name());
    for _ in ["producer", "remove"] {
        let said = child.hear();
        assert!(said.contains("EACCES") && said.contains("chmod u+rw") && !said.contains("ask its owner"), "{said}");
    }
    assert!(child.wait().success());
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn a_limit_of_file_size_is_an_error_and_no_signal() -> Outcome {
    let scratch = Scratch::new();
    let mut child = Child::start("make no large files", scratch.name());
    for _ in 0..9 {
        let said = child.hear();
        assert!(said.contains("EFBIG") && said.contains("ulimit -f"), "{said}");
    }
    assert!(child.wait().success());
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn a_channel_larger_than_dev_shm_is_an_error_and_leaves_nothing_half_made() -> Outcome {
    let scratch = Scratch::new();
    let shm = statvfs("/dev/shm")?;
    let capacity = usize::try_from(shm.blocks() * shm.fragment_size())?;
    let error =
        Channel::bytes(scratch.name(), capacity)?.consumers(4).producer().expect_err("that is more than there is");
    assert!(error.to_string().contains("/dev/shm is full"), "{error}");
    assert!(scratch.is_gone(), "something is left");
    Ok(())
}

#[test]
fn a_full_dev_shm_is_an_error_at_creation_and_leaves_nothing_half_made() -> Outcome {
    let scratch = Scratch::new();
    let own_mounts = ["--mount", "--user", "--map-root-user"];
    // Not every system lets every user have mounts of his own. The test above runs everywhere.
    if !Command::new("unshare").args(own_mounts).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TESTED: a full /dev/shm, since this user may not have a namespace of his own (unshare(1))");
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.args(own_mounts).arg(std::env::current_exe()?);
    let mut child = Child::start_by(command, "fill /dev/shm", scratch.name());
    let error = child.hear();
    assert!(error.contains("posix_fallocate") && error.contains("/dev/shm is full"), "{error}");
    assert_eq!(child.hear(), "0", "objects left");
    let channels: usize = child.hear().parse()?;
    assert!(channels > 5, "only {channels} channels fitted");
    assert_eq!(child.hear(), (2 * channels).to_string(), "objects left");
    assert!(child.wait().success());
    Ok(())
}
