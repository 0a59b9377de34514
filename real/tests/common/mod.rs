//! Names that no other test uses, removed again whatever happens; and child processes, which are this test binary
//! again.

#![allow(dead_code, reason = "every test binary uses another part of this module")]

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

lastword::message! {
    /// A position.
    #[derive(PartialEq)]
    pub(crate) struct Pose {
        /// Metres.
        pub x: f64,
        /// Metres.
        pub y: f64,
        /// Nanoseconds.
        pub at_ns: u64,
    }
}

/// A pose by its number.
pub(crate) fn pose(number: u64) -> Pose {
    Pose { x: number as f64, y: -(number as f64), at_ns: number }
}

/// The name of a channel or board of one test.
pub(crate) struct Scratch {
    name: String,
}

impl Scratch {
    /// A new name.
    pub(crate) fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Self { name: format!("test-{}-{number}.", std::process::id()) }
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The path of an object.
    pub(crate) fn path(&self, suffix: &str) -> PathBuf {
        PathBuf::from(format!("/dev/shm/lastword-{}.{suffix}", self.name))
    }

    /// An object, opened.
    pub(crate) fn open(&self, suffix: &str) -> File {
        OpenOptions::new().read(true).write(true).open(self.path(suffix)).expect("the object is there")
    }

    /// Makes an object of these bytes.
    pub(crate) fn plant(&self, suffix: &str, bytes: &[u8]) {
        std::fs::write(self.path(suffix), bytes).expect("/dev/shm can be written");
    }

    /// A word of an object.
    pub(crate) fn word(&self, suffix: &str, word: u64) -> u64 {
        let mut bytes = [0; 8];
        self.open(suffix).read_exact_at(&mut bytes, word * 8).expect("the word is there");
        u64::from_ne_bytes(bytes)
    }

    /// Changes a word of an object.
    pub(crate) fn patch(&self, suffix: &str, word: u64, change: impl Fn(u64) -> u64) {
        let bytes = change(self.word(suffix, word)).to_ne_bytes();
        self.open(suffix).write_all_at(&bytes, word * 8).expect("the object can be written");
    }

    /// The first word of an object: `None` where it is not there, 0 where it is empty.
    pub(crate) fn first_word(&self, suffix: &str) -> Option<u64> {
        let bytes = std::fs::read(self.path(suffix)).ok()?;
        Some(bytes.first_chunk().map_or(0, |&bytes| u64::from_ne_bytes(bytes)))
    }

    /// Whether no object of this name is left.
    pub(crate) fn is_gone(&self) -> bool {
        lastword::objects(&self.name).expect("/dev/shm can be read").is_empty()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for suffix in ["data", "locks", "ready", "status"] {
            let _ = std::fs::remove_file(self.path(suffix));
        }
        for object in lastword::objects(&self.name).unwrap_or_default() {
            let _ = std::fs::remove_file(format!("/dev/shm{object}"));
        }
    }
}

const ROLE: &str = "LASTWORD_TEST_CHILD";
const NAME: &str = "LASTWORD_TEST_NAME";
const SIGN: &str = "child: ";

/// What the parent wants of this process: the role, and the name of the channel.
pub(crate) fn role() -> (String, String) {
    let get = |key| std::env::var(key).expect("this test is started by another one, as a child process");
    (get(ROLE), get(NAME))
}

/// Tells the parent something.
pub(crate) fn say(what: impl std::fmt::Display) {
    eprintln!("{SIGN}{what}");
}

/// Waits for the parent to kill this process, or to close its end.
pub(crate) fn wait_for_the_end() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// A child process, which runs the ignored test `child_process` of this binary. Killed when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
    log: String,
}

impl Child {
    /// Starts a child in a role.
    pub(crate) fn start(role: &str, name: &str) -> Self {
        Self::start_by(Command::new(std::env::current_exe().expect("a test has a path")), role, name)
    }

    /// Starts a child by a command that takes the arguments of the test binary.
    pub(crate) fn start_by(mut command: Command, role: &str, name: &str) -> Self {
        command.args(["child_process", "--exact", "--ignored", "--nocapture"]);
        command.env(ROLE, role).env(NAME, name);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the child process starts");
        let lines = BufReader::new(process.stderr.take().expect("stderr is a pipe")).lines();
        Self { process, lines, log: String::new() }
    }

    /// What the child says next.
    pub(crate) fn hear(&mut self) -> String {
        for line in self.lines.by_ref() {
            let line = line.expect("the child says something readable");
            if let Some(said) = line.strip_prefix(SIGN) {
                return said.to_owned();
            }
            self.log.push_str(&line);
            self.log.push('\n');
        }
        panic!("the child ended without a word; its stderr was:\n{}", self.log)
    }

    /// The child's pid.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Lets the child go on from [`wait_for_the_end`].
    pub(crate) fn nudge(&mut self) {
        self.process.stdin.as_mut().expect("stdin is a pipe").write_all(b"\n").expect("the child reads");
    }

    /// Kills the child by SIGKILL, and waits until the kernel is done with it.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("the child can be killed");
        assert_eq!(self.wait().signal(), Some(9));
    }

    /// Waits for the child to end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().expect("the child can be waited for")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
