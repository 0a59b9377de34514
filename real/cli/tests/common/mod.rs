//! Driving the real command, and looking at what it leaves behind.
#![allow(dead_code, reason = "each test file uses a part of this")]

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::num::NonZero;
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);

/// The command.
pub(crate) fn lastword() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lastword"))
}

/// Waits until `condition` gives something.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(POLL);
    }
}

/// A running command, its output line by line.
pub(crate) struct Running {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Everything that was read, for the message of a failure.
    heard: Vec<String>,
}

impl Running {
    /// Starts the command with these arguments; standard output and standard error come together.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::of(lastword().args(arguments))
    }

    /// Starts another command.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let (sender, lines) = mpsc::channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
        for output in outputs {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let stdin = child.stdin.take();
        Self { child, stdin, lines, heard: Vec::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).expect("it lives");
    }

    /// Writes a line to standard input.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().expect("open"), "{line}").expect("it listens");
    }

    /// The same with any bytes, of which the last is the line's end.
    pub(crate) fn tell_bytes(&mut self, line: &[u8]) {
        self.stdin.as_mut().expect("open").write_all(line).expect("it listens");
    }

    /// Writes `y` to standard input, line by line, as long as somebody reads.
    pub(crate) fn flood(&mut self) -> JoinHandle<()> {
        let mut stdin = self.stdin.take().expect("open");
        let lines = b"y\n".repeat(4096);
        thread::spawn(move || while stdin.write_all(&lines).is_ok() {})
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line that begins so, without that beginning.
    pub(crate) fn hear(&mut self, beginning: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if let Some(rest) = line.strip_prefix(beginning) {
                        return rest.to_owned();
                    }
                }
                Err(_) => panic!("no line began with {beginning:?} in\n{}", self.heard.join("\n")),
            }
        }
    }

    /// Waits until it is over; everything that it printed.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        let status = wait_for("the command's end", || self.child.try_wait().expect("it is a child"));
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.heard.push(line);
        }
        (status, std::mem::take(&mut self.heard).join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After a failure; its processes die with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command on a terminal of its own, which is its controlling terminal: Ctrl-C typed there is a signal.
pub(crate) struct OnTerminal {
    pub(crate) child: Child,
    ends: OpenptyResult,
    output: Receiver<Vec<u8>>,
    /// Everything that came.
    heard: Vec<u8>,
    /// How much of it was waited for.
    past: usize,
    size: (u16, u16),
}

const ROWS: u16 = 30;
const COLUMNS: u16 = 120;

impl OnTerminal {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_sized(arguments, ROWS, COLUMNS)
    }

    /// On a terminal of that size.
    pub(crate) fn start_sized(arguments: &[&str], rows: u16, columns: u16) -> Self {
        Self::start_command(lastword().args(arguments), rows, columns)
    }

    /// With these variables of the environment.
    pub(crate) fn start_in(variables: &[(&str, &str)], arguments: &[&str], rows: u16, columns: u16) -> Self {
        Self::start_command(lastword().args(arguments).envs(variables.iter().copied()), rows, columns)
    }

    /// Another command.
    pub(crate) fn start_command(program: &Command, rows: u16, columns: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let ends = openpty(Some(&size), None).expect("there are terminals");
        let end = || Stdio::from(ends.slave.try_clone().expect("descriptors are left"));
        // It becomes the command, with the same process id.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program.get_program()).args(program.get_args());
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(directory) = program.get_current_dir() {
            command.current_dir(directory);
        }
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("it starts");
        let mut master = File::from(ends.master.try_clone().expect("descriptors are left"));
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = master.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, ends, output, heard: Vec::new(), past: 0, size: (rows, columns) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).expect("it lives");
    }

    /// Waits until these words come, after those that were waited for before.
    pub(crate) fn hear(&mut self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let new = &self.heard[self.past..];
            if let Some(at) = new.windows(words.len()).position(|window| window == words.as_bytes()) {
                self.past += at + words.len();
                return;
            }
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.heard.extend(bytes),
                Err(_) => panic!("{words:?} was not on the terminal:\n{}", self.text()),
            }
        }
    }

    /// The word that comes next, when it is whole.
    pub(crate) fn hear_word(&mut self) -> String {
        let from = self.past;
        self.hear(" ");
        String::from_utf8_lossy(&self.heard[from..self.past]).trim().to_owned()
    }

    /// Waits until the screen is like this, and gives it, line by line.
    pub(crate) fn see(&mut self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if condition(&screen) {
                return screen;
            }
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.heard.extend(bytes),
                Err(_) => panic!("waited in vain for {what} on the screen:\n{screen}"),
            }
        }
    }

    /// What the screen shows now.
    pub(crate) fn screen(&mut self) -> String {
        self.heard.extend(self.output.try_iter().flatten());
        let [rows, columns] = [self.size.0, self.size.1].map(|size| NonZero::new(size).expect("a screen has a size"));
        let mut screen = vt100::Parser::new(rows, columns, 0);
        screen.process(&self.heard);
        screen.screen().contents()
    }

    /// Everything that came so far, with the escape sequences.
    pub(crate) fn text(&mut self) -> String {
        self.heard.extend(self.output.try_iter().flatten());
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// Makes the terminal larger or smaller, which the command is told.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.ends.master, size).expect("it is a terminal");
        self.size = (rows, columns);
    }

    pub(crate) fn press(&self, key: u8) {
        self.keys(&[key]);
    }

    /// Types a line, and Enter.
    pub(crate) fn write_line(&self, line: &str) {
        self.keys(format!("{line}\r").as_bytes());
    }

    /// Types these bytes, as an arrow's.
    pub(crate) fn keys(&self, keys: &[u8]) {
        File::from(self.ends.master.try_clone().expect("descriptors are left")).write_all(keys).expect("it is open");
    }

    /// Closes the terminal under the command: from now on reading and writing there fails.
    pub(crate) fn hang_up(&mut self) {
        // The thread that reads has the terminal, too, and ends with the next byte.
        self.output = mpsc::channel().1;
        self.ends.master = File::open("/dev/null").expect("it is there").into();
    }

    pub(crate) fn is_raw(&self) -> bool {
        !tcgetattr(&self.ends.slave).expect("it is a terminal").local_flags.contains(LocalFlags::ICANON)
    }

    /// Waits until it ends; its exit code, `None` if a signal killed it.
    pub(crate) fn end(&mut self) -> Option<i32> {
        wait_for("the command's end", || self.child.try_wait().expect("it is a child")).code()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A board's name that no other test has; the board is removed in the end.
pub(crate) struct Board(pub(crate) String);

impl Board {
    pub(crate) fn new(test: &str) -> Self {
        Self(format!("board-{}-{test}", std::process::id()))
    }

    pub(crate) fn is_gone(&self) -> bool {
        lastword::objects(&self.0).expect("/dev/shm can be read").is_empty()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = lastword::status::remove(&self.0, lastword::Force::Yes);
    }
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    lastword().args(arguments).stdin(Stdio::null()).output().expect("the command runs")
}

/// What a server of HTTP answers to this method and path, with its head.
pub(crate) fn http(address: &str, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    // Of version 1.0, so that nothing comes in chunks and the connection ends.
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("it takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

/// The JSON that a run of the demo has printed last.
pub(crate) fn json(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| {
        panic!("no JSON ({error}) at the end of\n{text}\n{}", String::from_utf8_lossy(&output.stderr))
    })
}

/// The objects of the sessions that this process began.
pub(crate) fn objects_of(kind: &str, pid: u32) -> Vec<String> {
    lastword::objects(&format!("{kind}.{pid}-"))
        .expect("objects can be listed")
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The processes of the sessions that this process began, itself excepted.
pub(crate) fn processes_of(kind: &str, pid: u32) -> Vec<u32> {
    let session = format!("{kind}.{pid}-");
    fs::read_dir("/proc")
        .expect("there is /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|process: &u32| {
            let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).split('\0').any(|argument| argument.starts_with(&session))
        })
        .collect()
}

/// Nothing is left of the sessions that this process began.
pub(crate) fn assert_nothing_left(kind: &str, pid: u32) {
    assert_eq!(objects_of(kind, pid), [] as [&str; 0], "objects are left");
    assert_eq!(processes_of(kind, pid), [] as [u32; 0], "processes are left");
}
