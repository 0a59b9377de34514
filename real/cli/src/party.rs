//! One process of an exchange: it writes numbers and reads everybody else's.
//!
//! It needs nobody who supervises it: started by hand in a terminal of its own, it takes part just as well.

use crate::names;
use crate::signals;
use crate::stop::Stop;
use crate::tell::tell;
use lastword::status::{self, Key, Monitor, Writer};
use lastword::{Channel, Consumer, Force, OpenError, RemoveError};
use rand::RngExt;
use std::error::Error;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// On a process's board: whether it has seen everybody there. Then nobody waits any more, a restarted process neither.
const BEGUN: Key<bool> = Key::at(0);
const WORDS: u16 = 1;
const POLL: Duration = Duration::from_millis(20);
/// One read in this many keeps its message locked until the next round.
const KEEP_EVERY: u32 = 3;

/// What a process is told.
pub(crate) struct Party<'p> {
    /// The session's name.
    pub(crate) session: &'p str,
    /// Which process it is.
    pub(crate) index: usize,
    /// Of how many.
    pub(crate) of: usize,
    /// Time between rounds, on average.
    pub(crate) interval: Duration,
}

struct Source {
    channel: usize,
    consumer: Consumer<u64>,
    /// Whether its producer lived when it was looked last.
    lives: bool,
}

impl Party<'_> {
    /// Takes part in a terminal of its own, until a signal comes or the time is up; the exit code. Who leaves last
    /// removes all objects.
    pub(crate) fn take_part_by_hand(&self, time: Option<Duration>) -> Result<u8, Box<dyn Error>> {
        let stop = Stop::on_signals()?;
        let pid = std::process::id();
        self.say(&format!("is process {pid}: kill -9 {pid}, and start it again, at any time"))?;
        // A pipe that was closed and every other error leave no more behind than an orderly end does.
        let ended = self.take_part(Some(&stop), time);
        let removed = self.remove();
        let code = ended?;
        match removed {
            Ok(()) => tell!("the last one has left: all objects of {} are removed", self.session),
            Err(error) if is_used(&error) => {
                tell!("others are in {} still: its objects stay until the last one leaves", self.session);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(code)
    }

    /// Takes part until it is killed, or until a signal comes, the time is up or something keeps it from it; the exit
    /// code.
    pub(crate) fn take_part(&self, stop: Option<&Stop>, time: Option<Duration>) -> Result<u8, Box<dyn Error>> {
        let by_hand = stop.is_some();
        let stop = &stop.cloned().unwrap_or_default();
        let deadline = time.map(|time| Instant::now() + time);
        let index = self.index;
        let mut board = Writer::create(&names::board(self.session, index), WORDS, names::MODE)?;
        let mut producer = self.channel(index)?.producer()?;
        let mut sources = (0..self.of)
            .filter(|&channel| channel != index)
            .map(|channel| {
                let consumer = self.channel(channel)?.consumer(names::consumer_index(index, channel))?;
                Ok(Source { channel, consumer, lives: true })
            })
            .collect::<Result<Vec<_>, OpenError>>()?;

        let mut number = producer.read_last()?.unwrap_or(0);
        if number > 0 {
            self.say(&format!("continues from {number}"))?;
        }
        for Source { channel, consumer, .. } in &mut sources {
            if let Some(sample) = consumer.held() {
                self.say(&format!("still held {} from {channel}", sample.read()))?;
            }
        }
        self.wait_for_all(&board, stop, deadline)?;
        if let Some(code) = ended(stop, deadline) {
            return Ok(code);
        }
        board.set(BEGUN, true)?;

        let mut rng = rand::rng();
        loop {
            for Source { channel, consumer, lives } in &mut sources {
                if by_hand && consumer.producer()?.is_some() != *lives {
                    *lives = !*lives;
                    self.say(&format!(
                        "{channel} is {}",
                        if *lives { "back" } else { "gone; what it wrote last stays" }
                    ))?;
                }
                match consumer.acquire()? {
                    None => self.say(&format!("read info from {channel}: empty"))?,
                    Some(sample) => {
                        self.say(&format!("read info from {channel}: {}", sample.read()))?;
                        // It stays locked until the next round, so that a kill finds it so.
                        if rng.random_range(0..KEEP_EVERY) == 0 {
                            sample.keep();
                        }
                    }
                }
            }
            number += 1;
            producer.publish(&number)?;
            self.say(&format!("write {number}"))?;
            let longest = self.interval.as_micros() as u64 * 2;
            stop.sleep(Duration::from_micros(rng.random_range(0..=longest)));
            if let Some(code) = ended(stop, deadline) {
                return Ok(code);
            }
        }
    }

    fn channel(&self, process: usize) -> Result<Channel<u64>, OpenError> {
        let name = names::channel_name(self.session, process);
        Ok(Channel::new(&name)?.consumers(names::others(self.of)).mode(names::MODE))
    }

    /// Removes the objects of which nobody has a role. While another process takes part, it has a role of each channel,
    /// so all stay. What cannot be removed keeps none of the others; the first error is the one returned.
    fn remove(&self) -> Result<(), RemoveError> {
        let mut outcome = Ok(());
        for process in 0..self.of {
            let removed = Channel::<u64>::new(&names::channel_name(self.session, process))?.remove(Force::No);
            // A process that is there, or will be again, finds its board as it was.
            if !removed.as_ref().is_err_and(is_used) {
                let board = status::remove(&names::board(self.session, process), Force::No);
                outcome = outcome.and(removed.and(board).map(drop));
            } else {
                outcome = outcome.and(removed.map(drop));
            }
        }
        outcome
    }

    fn wait_for_all(&self, board: &Writer, stop: &Stop, deadline: Option<Instant>) -> Result<(), Box<dyn Error>> {
        let mut begun = board.get(BEGUN)?;
        let mut waited_for = None;
        while !begun && ended(stop, deadline).is_none() {
            let mut missing = None;
            for process in (0..self.of).filter(|&process| process != self.index) {
                let there = match Monitor::open(&names::board(self.session, process)) {
                    Ok(monitor) => {
                        begun |= monitor.get(BEGUN)?;
                        monitor.writer_lives()?
                    }
                    Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => false,
                    Err(error) => return Err(error.into()),
                };
                if !there {
                    missing = missing.or(Some(process));
                }
            }
            begun |= missing.is_none();
            if !begun {
                if missing != waited_for
                    && let Some(process) = missing
                {
                    self.say(&format!("waits for {process}"))?;
                    waited_for = missing;
                }
                stop.sleep(POLL);
            }
        }
        Ok(())
    }

    /// Prints a line in one piece, so that the lines of several processes stay apart.
    fn say(&self, words: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        output.write_all(format!("{}: {words}\n", self.index).as_bytes())?;
        output.flush()
    }
}

/// Whether somebody uses it.
fn is_used(error: &RemoveError) -> bool {
    matches!(error, RemoveError::InUse { .. } | RemoveError::BeingCreated { .. })
}

/// The exit code, if it is time to end.
fn ended(stop: &Stop, deadline: Option<Instant>) -> Option<u8> {
    let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
    stop.signal().map(signals::exit_code).or(is_over.then_some(0))
}
