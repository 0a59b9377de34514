//! The exchange's supervisor: it starts the processes, shows what they say, and kills and starts them on command.

use crate::USAGE;
use crate::crew::{self, Crew, Event};
use crate::explain::cannot;
use crate::party::Party;
use crate::session::Session;
use crate::signals;
use crate::table::{CTRL_C, send_keys};
use crate::tell::tell;
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use std::io::{self, BufRead, IsTerminal, Write};
use std::panic;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
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
    /// Be this one process of the exchange, instead of starting all
    #[arg(long, hide = true, requires = "session", value_parser = clap::value_parser!(u64).range(0..=63))]
    index: Option<u64>,
    /// The exchange's name, the same for all of its processes
    #[arg(long, hide = true, requires = "index")]
    session: Option<String>,
    /// The process to die with
    #[arg(long, hide = true, requires = "index")]
    supervisor: Option<i32>,
}

const EXAMPLES: &str = "\
Examples:
  lastword exchange 4                          on a terminal: keys 0 to 3 kill and start, q ends it
  lastword exchange 3 --interval-ms 100        faster
  (sleep 2; echo k 1; sleep 2; echo 1; sleep 2; echo q) | lastword exchange 3

Each process writes numbers and reads everybody else's newest. A digit kills that process with SIGKILL, or starts it
again; q or Ctrl-C ends the exchange and removes all objects. Off a terminal, lines of standard input do the same: `1`
kills or starts process 1, `k 1` kills it, `q` ends. The end of standard input changes nothing: the exchange goes on.

Exit code: 0 ended by q or by its time; 1 a process failed; 2 usage; 128 + n ended by signal n.";

/// Runs the exchange, or one process of it; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    if let (Some(index), Some(session)) = (options.index, &options.session) {
        return take_part(options, index, session);
    }
    let interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    if interactive && options.of > 10 {
        tell!("lastword: {} processes asked for; on a terminal there are 2 to 10, one for each digit", options.of);
        return Ok(USAGE);
    }
    let (sender, events) = mpsc::channel();
    signals::send(&sender)?;
    let session = Session::begin("exchange")?;
    let mut exchange = Exchange { options, session: &session, crew: Crew::new(options.of as usize, sender.clone()) };
    let terminal = if interactive { Some(RawTerminal::open().map_err(cannot("use the terminal"))?) } else { None };
    listen(interactive, sender).map_err(cannot("start a thread that reads commands"))?;
    let output = Output { newline: if interactive { "\r\n" } else { "\n" } };
    let ended = exchange.supervise(&output, &events);
    exchange.crew.kill_all()?;
    drop(terminal);
    drop(exchange);
    session.end()?;
    ended
}

fn take_part(options: &Options, index: u64, session: &str) -> Result<u8, Error> {
    if index >= options.of {
        tell!(
            "lastword: process {index} asked for; an exchange of {} has processes 0 to {}",
            options.of,
            options.of - 1
        );
        return Ok(USAGE);
    }
    if let Some(supervisor) = options.supervisor {
        crew::die_with(supervisor)?;
    }
    let interval = Duration::from_millis(options.interval_ms);
    let Err(error) = Party { session, index: index as usize, of: options.of as usize, interval }.take_part();
    Err(error)
}

struct Exchange<'e> {
    options: &'e Options,
    session: &'e Session,
    crew: Crew,
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
                output.line(&format!("{command:?} is no command: 0 to {last} kills or starts that process, q ends"))?;
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

/// Sends commands as events: keys, or lines of standard input.
fn listen(interactive: bool, events: Sender<Event>) -> io::Result<()> {
    let listener = thread::Builder::new();
    if interactive {
        listener.spawn(move || send_keys(&events))?;
    } else {
        listener.spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if events.send(Event::Command(line)).is_err() {
                    return;
                }
            }
        })?;
    }
    Ok(())
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
