//! The exchange's supervisor: it starts the processes, shows what they say, and kills and starts them on command.

use crate::USAGE;
use crate::crew::{self, Crew, Event};
use crate::explain::cannot;
use crate::input;
use crate::names;
use crate::party::Party;
use crate::session::Session;
use crate::signals;
use crate::table::{CTRL_C, send_keys};
use crate::tell::tell;
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// How an exchange is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// How many processes; at most 10 on a terminal, where each has a digit
    #[arg(value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=64))]
    of: u64,
    /// Milliseconds between two rounds of a process, on average
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    interval_ms: u64,
    /// End after so many seconds
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=7 * 24 * 60 * 60))]
    seconds: Option<u64>,
    /// Be this one process of an exchange, in this terminal, instead of starting all
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=63))]
    index: Option<u64>,
    /// With --index: how many processes there are, as N
    #[arg(
        long = "of",
        value_name = "N",
        requires = "index",
        conflicts_with = "of",
        value_parser = clap::value_parser!(u64).range(2..=64)
    )]
    by_hand_of: Option<u64>,
    /// With --index: the name that the exchange's processes have in common
    #[arg(long, value_name = "NAME", requires = "index", default_value = BY_HAND, value_parser = session_name)]
    session: String,
    /// The process to die with
    #[arg(long, hide = true, requires = "index")]
    supervisor: Option<i32>,
}

/// So many commands are under way at most. A signal waits behind no more.
const COMMANDS: usize = 16;
/// So much is shown of what is no command, in characters.
const SHOWN: usize = 40;

/// The exchange whose processes are started by hand is called so, unless they are told otherwise.
const BY_HAND: &str = "exchange";
/// The longest name of an exchange, in bytes.
const SESSION_MAX: usize = 180;

const EXAMPLES: &str = "\
Examples:
  lastword exchange 4                          on a terminal: keys 0 to 3 kill and start, q ends it
  lastword exchange 3 --interval-ms 100        faster
  (sleep 2; echo k 1; sleep 2; echo 1; sleep 2; echo q) | lastword exchange 3
  lastword exchange --index 0 --of 3           one process, in a terminal of its own; 1 and 2 in two others

Each process writes numbers and reads everybody else's newest. A digit kills that process with SIGKILL, or starts it
again; q or Ctrl-C ends the exchange and removes all objects. Off a terminal, lines of standard input do the same: `1`
kills or starts process 1, `k 1` kills it, `q` ends. The end of standard input changes nothing: the exchange goes on.

With --index each process is started by hand. It waits until all N are there, goes on when others are killed, and when it
is killed itself (kill -9) and started again, goes on from its last number. Ctrl-C ends it; the last one removes all objects.

Exit code: 0 ended by q or by its time; 1 a process failed; 2 usage; 128 + n ended by signal n.";

/// Runs the exchange, or one process of it; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    if let Some(index) = options.index {
        return take_part(options, index);
    }
    let interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    if interactive && options.of > 10 {
        tell!("lastword: {} processes asked for; on a terminal there are 2 to 10, one for each digit", options.of);
        return Ok(USAGE);
    }
    let (sender, events) = mpsc::channel();
    signals::send(&sender)?;
    let session = Session::begin("exchange")?;
    let (under_way, obeyed) = mpsc::sync_channel(COMMANDS);
    let crew = Crew::new(options.of as usize, sender.clone());
    let mut exchange = Exchange { options, session: &session, crew, obeyed };
    let terminal = if interactive { Some(RawTerminal::open().map_err(cannot("use the terminal"))?) } else { None };
    listen(interactive, sender, under_way)?;
    let output = Output { newline: if interactive { "\r\n" } else { "\n" } };
    let ended = exchange.supervise(&output, &events);
    exchange.crew.kill_all()?;
    drop(terminal);
    drop(exchange);
    session.end()?;
    ended
}

fn take_part(options: &Options, index: u64) -> Result<u8, Error> {
    let of = options.by_hand_of.unwrap_or(options.of);
    if index >= of {
        tell!("lastword: process {index} asked for; an exchange of {of} has processes 0 to {}", of - 1);
        return Ok(USAGE);
    }
    let interval = Duration::from_millis(options.interval_ms);
    let party = Party { session: &options.session, index: index as usize, of: of as usize, interval };
    match options.supervisor {
        Some(supervisor) => {
            crew::die_with(supervisor)?;
            party.take_part(None, None)
        }
        None => party.take_part_by_hand(options.seconds.map(Duration::from_secs)),
    }
}

/// A name to which those of objects can be added.
fn session_name(text: &str) -> Result<String, String> {
    let name = names::name(text).map_err(|error| error.to_string())?;
    if name.len() <= SESSION_MAX {
        Ok(name)
    } else {
        Err(format!("found {} characters, expected 1 to {SESSION_MAX}", name.len()))
    }
}

struct Exchange<'e> {
    options: &'e Options,
    session: &'e Session,
    crew: Crew,
    /// Makes room for another line of standard input.
    obeyed: Receiver<()>,
}

impl Exchange<'_> {
    fn supervise(&mut self, output: &Output, events: &Receiver<Event>) -> Result<u8, Error> {
        let deadline = self.options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        for process in 0..self.crew.len() {
            self.start(process)?;
        }
        loop {
            let event = match deadline {
                None => events.recv()?,
                Some(deadline) => match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Err(RecvTimeoutError::Timeout) => return Ok(0),
                    event => event?,
                },
            };
            match event {
                Event::Line { line, .. } => output.line(&line)?,
                Event::Closed { process, generation } => {
                    let Some(status) = self.crew.ended(process, generation)? else { continue };
                    if status.code().is_some() {
                        output.line(&format!("{process}: ended by itself, {status}"))?;
                        return Ok(1);
                    }
                    output.line(&format!("{process}: killed from outside, {status}; {process} starts it again"))?;
                }
                Event::Signal(signal) => return Ok(signals::exit_code(signal)),
                Event::Command(command) => {
                    if self.obey(command.trim(), output)? {
                        return Ok(0);
                    }
                    // There is nothing to make room for where it was a key.
                    let _ = self.obeyed.try_recv();
                }
            }
        }
    }

    /// Carries out a command; whether it was the last one.
    fn obey(&mut self, command: &str, output: &Output) -> Result<bool, Error> {
        let (number, only_kill) = match command.strip_prefix('k') {
            Some(number) => (number.trim(), true),
            None => (command, false),
        };
        match number.parse() {
            Ok(process) if process < self.crew.len() => {
                if self.crew.kill(process)?.is_some() {
                    output.line(&format!("{process}: killed"))?;
                } else if !only_kill {
                    output.line(&format!("{process}: started again"))?;
                    self.start(process)?;
                }
            }
            _ if command == "q" || command == CTRL_C => return Ok(true),
            _ if command.is_empty() => {}
            _ => {
                let last = self.crew.len() - 1;
                let more = if command.chars().nth(SHOWN).is_some() { "..." } else { "" };
                let shown: String = command.chars().take(SHOWN).collect();
                output.line(&format!(
                    "{shown:?}{more} is no command: 0 to {last} kills or starts that process, q ends"
                ))?;
            }
        }
        Ok(false)
    }

    fn start(&mut self, process: usize) -> Result<(), Error> {
        let arguments = [
            "exchange",
            &self.options.of.to_string(),
            "--interval-ms",
            &self.options.interval_ms.to_string(),
            "--session",
            self.session.name(),
            "--index",
            &process.to_string(),
        ]
        .map(str::to_owned);
        self.crew.start(process, &arguments)?;
        Ok(())
    }
}

/// Where the processes' lines are shown.
struct Output {
    newline: &'static str,
}

impl Output {
    fn line(&self, line: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        write!(output, "{line}{}", self.newline)?;
        output.flush()
    }
}

/// Sends commands as events: keys, or lines of standard input, each of which is noted as under way before.
fn listen(interactive: bool, events: Sender<Event>, under_way: SyncSender<()>) -> io::Result<()> {
    let listener = thread::Builder::new();
    let listener = if interactive {
        listener.spawn(move || send_keys(&events))
    } else {
        let lines = input::lines()?;
        listener.spawn(move || {
            for line in lines {
                let line = match line {
                    Ok(line) => line,
                    // The exchange goes on, as after the end of the lines.
                    Err(error) => return tell!("no more commands are read: standard input: {error}"),
                };
                let command = String::from_utf8_lossy(&line.bytes).into_owned();
                if under_way.send(()).is_err() || events.send(Event::Command(command)).is_err() {
                    return;
                }
            }
        })
    };
    listener.map(drop).map_err(cannot("start a thread that reads commands"))
}

/// A terminal that gives every key at once. It is as before when this is dropped, and before a panic's message.
struct RawTerminal;

impl RawTerminal {
    fn open() -> io::Result<Self> {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let _ = disable_raw_mode();
            report(panic);
        }));
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // There is nobody to tell that the terminal is gone.
        let _ = disable_raw_mode();
    }
}
