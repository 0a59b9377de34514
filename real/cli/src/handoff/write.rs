//! The end that writes.

use super::{
    CAPACITY, COUNT, COUNT_MAX, Error, Message, NAME, Progress, RULES, SAME_COMMAND, TIME_MS_MAX, interrupted, mailbox,
    remove,
};
use crate::input::{self, LINE_MAX};
use crate::names;
use crate::names::as_argument;
use crate::presence::{ASK, Presence};
use crate::signals::exit_code;
use crate::stop::Stop;
use crate::tell::tell;
use crate::text::escaped;
use lastword::inspect::{Inspection, What};
use lastword::ready::{Mailbox, Monitor, SendError, Writer};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

const TEXT: &str = "hello";
const INTERVAL_MS: u64 = 500;

/// What is to be sent.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{RULES}\n\n{EXIT}"))]
pub(crate) struct Options {
    /// The mailbox
    #[arg(long, default_value = NAME, value_parser = names::name)]
    name: String,
    /// How many messages a run has, 1 to 1,000,000,000 [default: 5]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=COUNT_MAX))]
    count: Option<u64>,
    /// What each message says, before its number [default: hello]
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Pause after each message, 0 to 3,600,000 [default: 500, of lines 0]
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=TIME_MS_MAX))]
    interval_ms: Option<u64>,
    /// Print each message that was sent as a JSON object: number, text
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword handoff write                          hello 1 to hello 5
  lastword handoff read                           in another terminal
  seq 1000 | lastword handoff write               each line of standard input is a message
  lastword handoff write --count 9 --message hi   hi 1 to hi 9

Standard input is read if it is a pipe or a file, and neither --count nor --message is given. Its lines are sent after
what was sent before, and its end is the end of the run. Lines longer than 1,024 bytes are refused.";

const EXIT: &str = "\
Exit code: 0 all was sent and cleared; 1 failed, or a line was refused; 2 usage; 130 Ctrl-C, 128 + n signal n.";

/// Sends what is asked for; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let stop = Stop::on_signals()?;
    let mailbox = mailbox(&options.name)?;
    let is_lines = options.count.is_none() && options.message.is_none() && input::is_given();
    let text = options.message.as_deref().unwrap_or(TEXT);
    let count = options.count.unwrap_or(COUNT);
    if !is_lines {
        // Before there is a mailbox. In one that is there, its numbers may be longer.
        check_length(&options.name, text, count)?;
    }
    let interval = options.interval_ms.unwrap_or(if is_lines { 0 } else { INTERVAL_MS });
    let writer = mailbox.writer()?;
    let sending = Sending {
        monitor: mailbox.monitor()?,
        mailbox: &mailbox,
        writer,
        reader: Presence::of("the reader"),
        stop: &stop,
        interval: Duration::from_millis(interval),
        json: options.json,
    };
    if is_lines {
        return sending.lines();
    }
    sending.run(text, count)
}

/// What the message of this number says.
fn message(text: &str, number: u64) -> String {
    format!("{text} {number}")
}

/// Whether the message of this number fits.
fn check_length(mailbox: &str, text: &str, number: u64) -> Result<(), SendError> {
    let length = message(text, number).len();
    if length > CAPACITY {
        return Err(SendError::TooLong { mailbox: mailbox.to_owned(), length, capacity: CAPACITY });
    }
    Ok(())
}

/// The writer at work.
struct Sending<'a> {
    mailbox: &'a Mailbox<[u8]>,
    writer: Writer<[u8]>,
    monitor: Monitor,
    reader: Presence,
    stop: &'a Stop,
    interval: Duration,
    json: bool,
}

impl Sending<'_> {
    /// Sends what is left of a run, or the next run if nothing is.
    fn run(mut self, text: &str, count: u64) -> Result<u8, Error> {
        let found = Progress::from(self.writer.recovery());
        let is_ours = self.is_of(found, text)?;
        // Nobody's message is taken for sent because another one was: of a run that is at its end, only who has sent
        // its last message waits for it.
        let is_over = found.is_at_end(count) && !(found.waits && is_ours);
        let end = Progress { waits: found.waits && !is_over, ..found }.end_of_run(count);
        check_length(self.mailbox.name(), text, end)?;
        if is_over {
            let (sent, next) = (found.sent, found.sent + 1);
            let state = if found.waits { "waits for the reader" } else { "was consumed" };
            tell!("message {sent}, the last of a run, {state}: begins the next run, {next} to {end}");
        } else if found.sent > 0 {
            if !is_ours {
                return Err(self.foreign(found, text));
            }
            self.say_where_it_continues(found);
            match end - found.sent {
                0 => tell!("nothing is left to send of the run that ends with {end}"),
                left => tell!("left of the run that ends with {end}: {left} of {count} messages"),
            }
        }
        for number in found.sent + 1..=end {
            if let Some(signal) = self.wait_until_free()? {
                return self.interrupted(signal, SAME_COMMAND);
            }
            self.send(message(text, number).as_bytes())?;
            if number < end
                && self.pause()?
                && let Some(signal) = self.stop.signal()
            {
                return self.interrupted(signal, SAME_COMMAND);
            }
        }
        match self.wait_until_free()? {
            Some(signal) if self.monitor.state()?.set => self.interrupted(signal, SAME_COMMAND),
            // It was consumed at that moment, and the run is over.
            Some(signal) => self.finish(exit_code(signal)),
            None => self.finish(0),
        }
    }

    /// Whether the last message that was sent says this text. Of one that was consumed the number does not count: a
    /// writer may have been killed while it wrote the next one over it.
    fn is_of(&self, found: Progress, text: &str) -> Result<bool, Error> {
        let Some(bytes) = self.newest()? else { return Ok(false) };
        Ok(if found.waits {
            bytes == message(text, found.sent).as_bytes()
        } else {
            bytes.starts_with(format!("{text} ").as_bytes())
        })
    }

    /// The last message that was sent.
    fn newest(&self) -> Result<Option<Vec<u8>>, Error> {
        let newest = Inspection::open(self.mailbox.name(), What::Mailbox)?.newest(CAPACITY)?;
        Ok(newest.map(|newest| newest.bytes))
    }

    /// The mailbox is in the midst of a run whose text is another one.
    fn foreign(&self, found: Progress, text: &str) -> Error {
        let (name, sent) = (self.mailbox.name(), found.sent);
        let newest = self.newest().ok().flatten().unwrap_or_default();
        format!(
            "mailbox {name} is in the midst of a run: found message {sent}, \"{}\", expected \"{}\"; nothing was sent; \
             finish that run with its own command, use --count 1, which is a run of its own, or remove the mailbox \
             with lastword rm {}",
            escaped(&newest),
            escaped(message(text, sent).as_bytes()),
            as_argument(name)
        )
        .into()
    }

    /// Sends the lines of standard input.
    fn lines(mut self) -> Result<u8, Error> {
        self.say_where_it_continues(self.writer.recovery().into());
        let lines = input::lines()?;
        let (mut line_number, mut refused) = (0_u64, 0);
        loop {
            self.look()?;
            if let Some(signal) = self.stop.signal() {
                return self.interrupted_after(line_number, signal);
            }
            let line = match lines.recv_timeout(ASK) {
                Ok(line) => line?,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Some(signal) = self.wait_until_free()? {
                tell!("line {} was read and not sent", line_number + 1);
                return self.interrupted_after(line_number, signal);
            }
            line_number += 1;
            if line.is_cut {
                refused += 1;
                tell!(
                    "line {line_number}: refused: it has more than {LINE_MAX} bytes, and a message at most {CAPACITY}"
                );
                continue;
            }
            match self.send(&line.bytes) {
                Ok(()) => {}
                Err(error) => match error.downcast_ref() {
                    Some(SendError::TooLong { .. }) => {
                        refused += 1;
                        tell!("line {line_number}: refused: {error}");
                    }
                    _ => return Err(error),
                },
            }
            self.pause()?;
        }
        if let Some(signal) = self.wait_until_free()? {
            return self.interrupted(signal, "all lines were sent, and nothing is left to do but to read");
        }
        self.finish(u8::from(refused > 0))
    }

    fn say_where_it_continues(&self, found: Progress) {
        let Progress { sent, waits } = found;
        if sent > 0 {
            tell!("continues after message {sent}{}", if waits { ", which waits for the reader" } else { "" });
        }
    }

    /// Sends a message into the free mailbox, and prints it.
    fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.look()?;
        let number = self.writer.try_send(message)?.get();
        let text = String::from_utf8_lossy(message).into_owned();
        Ok(Message { number, text, again: None }.print("sent ", self.json)?)
    }

    /// Waits until the message before has been cleared; the signal if one came first.
    fn wait_until_free(&mut self) -> Result<Option<i32>, Error> {
        // Looked at first: a reader that has cleared the last message ends.
        while !self.writer.wait(Some(ASK))? {
            self.look()?;
            if let Some(signal) = self.stop.signal() {
                return Ok(Some(signal));
            }
        }
        Ok(None)
    }

    /// Lets the time between two messages pass; whether a signal came.
    fn pause(&mut self) -> Result<bool, Error> {
        let deadline = Instant::now() + self.interval;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stop.sleep(left.min(ASK)) {
                return Ok(self.stop.is_asked());
            }
            self.look()?;
        }
    }

    /// Says whether the reader has come or gone.
    fn look(&mut self) -> Result<(), Error> {
        self.reader.note(self.monitor.reader()?.as_ref());
        Ok(())
    }

    /// Everything was consumed; the exit code.
    fn finish(self, code: u8) -> Result<u8, Error> {
        drop(self.writer);
        remove(self.mailbox, "its reader lives, and removes it at its end")?;
        Ok(code)
    }

    fn interrupted(self, signal: i32, go_on: &str) -> Result<u8, Error> {
        let progress = self.monitor.state()?.into();
        drop(self.writer);
        Ok(interrupted(self.mailbox, progress, signal, go_on)?)
    }

    /// The same after this line was sent or refused. The next writer knows nothing of lines.
    fn interrupted_after(self, line: u64, signal: i32) -> Result<u8, Error> {
        let name = self.mailbox.name();
        let argument = if name == NAME { String::new() } else { format!(" --name {name}") };
        let next = line + 1;
        let done =
            if line > 0 { format!("all lines up to {line} were sent or refused") } else { "no line was sent".into() };
        tell!("{done}");
        let go_on = format!("go on from line {next}: tail -n +{next} FILE | lastword handoff write{argument}");
        self.interrupted(signal, &go_on)
    }
}
