//! The end that reads.

use super::{
    COUNT, COUNT_MAX, Error, Message, NAME, Progress, RULES, SAME_COMMAND, TIME_MS_MAX, interrupted, mailbox, remove,
};
use crate::names;
use crate::names::as_argument;
use crate::presence::{ASK, Presence};
use crate::signals::exit_code;
use crate::stop::Stop;
use crate::tell::tell;
use lastword::ready::{Mailbox, Monitor, Reader};
use std::time::{Duration, Instant};

/// What is to be read.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{RULES}\n\n{EXIT}"))]
pub(crate) struct Options {
    /// The mailbox
    #[arg(long, default_value = NAME, value_parser = names::name)]
    name: String,
    /// How many messages a run has; 0: read until Ctrl-C
    #[arg(long, default_value_t = COUNT, value_parser = clap::value_parser!(u64).range(0..=COUNT_MAX))]
    count: u64,
    /// How long to hold each message before it is cleared, 0 to 3,600,000: time to kill the reader
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=TIME_MS_MAX))]
    hold_ms: u64,
    /// Print each message as a JSON object: number, text, again
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword handoff read                 five messages
  lastword handoff write                in another terminal
  lastword handoff read --count 0       whatever comes, until Ctrl-C
  lastword handoff read --hold-ms 5000  five seconds to kill it in: the message comes again";

const EXIT: &str = "\
Exit code: 0 all was read and cleared; 1 failed; 2 usage; 130 Ctrl-C, 128 + n signal n.";

/// Reads what is asked for; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let stop = Stop::on_signals()?;
    let mailbox = mailbox(&options.name)?;
    // Looked at before this process is the last reader itself. Where it cannot be seen, taking the role says why.
    let had_reader = mailbox.monitor().is_ok_and(|monitor| monitor.last_reader().is_some());
    let reader = mailbox.reader()?;
    let reading = Reading {
        monitor: mailbox.monitor()?,
        mailbox: &mailbox,
        reader,
        writer: Presence::of("the writer"),
        stop: &stop,
        had_reader,
        hold: Duration::from_millis(options.hold_ms),
        json: options.json,
    };
    reading.run(options.count)
}

/// The reader at work.
struct Reading<'a> {
    mailbox: &'a Mailbox<[u8]>,
    reader: Reader<[u8]>,
    monitor: Monitor,
    writer: Presence,
    stop: &'a Stop,
    /// Whether the mailbox had a reader before this one.
    had_reader: bool,
    hold: Duration,
    json: bool,
}

impl Reading<'_> {
    fn run(mut self, count: u64) -> Result<u8, Error> {
        let found = Progress::from(self.reader.recovery());
        let end = if count == 0 { None } else { Some(found.end_of_run(count)) };
        if found.consumed() > 0 {
            tell!("continues after message {}", found.consumed());
        }
        loop {
            self.writer.note(self.monitor.writer()?.as_ref());
            if let Some(signal) = self.stop.signal() {
                return self.interrupted(count, signal);
            }
            let Some(message) = self.reader.receive(Some(ASK))? else { continue };
            self.writer.note(self.monitor.writer()?.as_ref());
            let number = message.sequence().get();
            let again = self.had_reader && message.may_be_repeated();
            let text = String::from_utf8_lossy(&message.to_vec()).into_owned();
            Message { number, text, again: Some(again) }.print("", self.json)?;
            let deadline = Instant::now() + self.hold;
            while !self.stop.is_asked() && Instant::now() < deadline {
                self.stop.sleep(deadline.saturating_duration_since(Instant::now()).min(ASK));
                self.writer.note(self.monitor.writer()?.as_ref());
            }
            if self.stop.is_asked() {
                continue;
            }
            // A writer does not end before its last message is cleared, so one that is not there was killed.
            let writer_lives = self.monitor.writer_lives()?;
            message.clear();
            if end == Some(number) {
                return self.finish(number, writer_lives);
            }
        }
    }

    /// The run's last message was cleared.
    fn finish(self, number: u64, writer_lives: bool) -> Result<u8, Error> {
        drop(self.reader);
        if writer_lives {
            remove(self.mailbox, "its writer lives, and removes it at its end")?;
        } else {
            let name = self.mailbox.name();
            tell!(
                "the writer is gone and does not know that message {number} was read: mailbox {name} stays; a writer \
                 that is started now begins the next run; remove it with lastword rm {}",
                as_argument(name)
            );
        }
        Ok(0)
    }

    fn interrupted(self, count: u64, signal: i32) -> Result<u8, Error> {
        let progress = Progress::from(self.monitor.state()?);
        drop(self.reader);
        // Without an end, a run is over whenever everything was read.
        if count == 0 && !progress.waits {
            remove(self.mailbox, "its writer lives, and removes it at its end")?;
            return Ok(exit_code(signal));
        }
        Ok(interrupted(self.mailbox, progress, signal, SAME_COMMAND)?)
    }
}
