//! The end that writes.

use super::{
    CAPACITY, COUNT, COUNT_MAX, Error, Message, NAME, Progress, RULES, TIME_MS_MAX, interrupted, mailbox, remove,
};
use crate::input;
use crate::names;
use crate::presence::{ASK, Presence};
use crate::stop::Stop;
use crate::tell::tell;
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
    sending.run(options.message.as_deref().unwrap_or(TEXT), options.count.unwrap_or(COUNT))
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
    /// Sends what is left of a run.
    fn run(mut self, text: &str, count: u64) -> Result<u8, Error> {
        let found = Progress::from(self.writer.recovery());
        let end = found.end_of_run(count);
        let message = |number| format!("{text} {number}");
        if message(end).len() > CAPACITY {
            let (mailbox, length) = (self.mailbox.name().to_owned(), message(end).len());
            return Err(SendError::TooLong { mailbox, length, capacity: CAPACITY }.into());
        }
        // Whoever reads has seen that run's end, and waits for the next one.
        if found.is_between_runs(count) && !self.monitor.reader_lives()? {
            tell!("all messages up to {} were consumed: that run is over", found.sent);
            return self.finish(0);
        }
        self.say_where_it_continues(found);
        for number in found.sent + 1..=end {
            if let Some(signal) = self.wait_until_free()? {
                return self.interrupted(signal);
            }
            self.send(message(number).as_bytes())?;
            if number < end && self.pause()? {
                break;
            }
        }
        match self.wait_until_free()? {
            Some(signal) => self.interrupted(signal),
            None => self.finish(0),
        }
    }

    /// Sends the lines of standard input.
    fn lines(mut self) -> Result<u8, Error> {
        self.say_where_it_continues(self.writer.recovery().into());
        let lines = input::lines()?;
        let (mut line_number, mut refused) = (0, 0);
        loop {
            self.look()?;
            if let Some(signal) = self.stop.signal() {
                return self.interrupted(signal);
            }
            let line = match lines.recv_timeout(ASK) {
                Ok(line) => line?,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            line_number += 1;
            if let Some(signal) = self.wait_until_free()? {
                return self.interrupted(signal);
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
            return self.interrupted(signal);
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

    fn interrupted(self, signal: i32) -> Result<u8, Error> {
        let progress = self.monitor.state()?.into();
        drop(self.writer);
        Ok(interrupted(self.mailbox, progress, signal)?)
    }
}
