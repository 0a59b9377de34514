//! One process of a soak: it plays its parts, gives them up and takes others as it is told, and is killed and stopped
//! at any moment.

use super::Fault;
use super::company::Company;
use super::in_order::{Receiver, Sender};
use super::newest::{Locker, Onlooker, Publisher};
use super::stage::{BOARD_WORDS, BOARDS, CHANNELS, LEDGER_WORDS, Part, Stage, parts};
use super::tally;
use super::words::{Setter, Watcher};
use crate::crew;
use crate::names;
use crate::worker::{self, Failure, line, monotonic, say};
use lastword::OpenError;
use lastword::status::{Key, Writer};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::io;
use std::sync::mpsc::{self, Receiver as Inbox, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// What the supervisor tells a worker.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    session: String,
    #[arg(long)]
    index: usize,
    #[arg(long)]
    pub(super) payload: usize,
    /// The numbers of the parts that it has from the start.
    #[arg(long, value_delimiter = ',')]
    parts: Vec<usize>,
    /// When the supervisor started this process, on the monotonic clock.
    #[arg(long)]
    started_ns: u64,
    #[arg(long)]
    supervisor: i32,
    #[arg(long = "break")]
    pub(super) fault: Option<Fault>,
}

/// What a worker is told while it runs, and what it says when that is done.
pub(super) mod command {
    /// Give up a part.
    pub(crate) const GIVE: &str = "give";
    /// It was given up.
    pub(crate) const GAVE: &str = "gave";
    /// Take a part that nobody has.
    pub(crate) const TAKE: &str = "take";
    /// It was taken: microseconds that this took.
    pub(crate) const TOOK: &str = "took";
}

/// How long a role may be another process's although the supervisor knows that nobody has it.
const ROLE_WAIT_MAX: Duration = Duration::from_secs(3);
/// How long a process works before it sleeps, and sleeps at most for each process that a processor has.
const BURST: Duration = Duration::from_micros(400);
const SLEEP_MAX: Duration = Duration::from_micros(1000);

/// Takes a role that nobody has.
pub(super) fn take<T>(attempt: impl FnMut() -> Result<T, OpenError>) -> Result<T, Failure> {
    worker::take(ROLE_WAIT_MAX, attempt)
}

/// Takes every role that there is, where no process lives; what was refused.
pub(super) fn take_all(stage: &Stage) -> Vec<String> {
    let take = |part: Part| -> Result<(), OpenError> {
        Writer::create(&stage.ledger(part), LEDGER_WORDS, names::MODE).map(drop)?;
        match part {
            Part::Producer(channel) => stage.channel(channel)?.producer().map(drop),
            Part::Consumer(channel, index) => stage.channel(channel)?.consumer(index).map(drop),
            Part::Sender(mailbox) => stage.mailbox(mailbox)?.writer().map(drop),
            Part::Receiver(mailbox) => stage.mailbox(mailbox)?.reader().map(drop),
            Part::Setter(board) => Writer::create(&stage.board(board), BOARD_WORDS, names::MODE).map(drop),
        }
    };
    let error = |part: Part| take(part).err().map(|error| format!("{part}, after everybody's end: {error}"));
    parts().into_iter().filter_map(error).collect()
}

/// Works until it is killed; the exit code if something keeps it from working.
pub(crate) fn work(options: &Options) -> Result<u8, Box<dyn std::error::Error>> {
    if let Err(failure) = try_work(options) {
        say(&failure.to_string())?;
        return Ok(1);
    }
    Ok(0)
}

fn try_work(options: &Options) -> Result<(), Failure> {
    crew::die_with(options.supervisor)?;
    let inbox = listen()?;
    let begin = Instant::now();
    let stage = Stage::new(&options.session, options.payload);
    let board = take(|| Writer::create(&stage.process(options.index), tally::WORDS, names::MODE))?;
    // What a worker does need not be repeatable: when it is killed is not either. Two lives of it should differ.
    let rng = ChaCha8Rng::seed_from_u64(options.started_ns);
    let mut worker = Worker {
        company: Company::new(options, stage, board, rng),
        played: Vec::new(),
        onlookers: (0..CHANNELS).map(Onlooker::new).collect(),
        watchers: (0..BOARDS).map(Watcher::new).collect(),
    };
    // A predecessor was killed waiting.
    worker.company.tally.set(Key::at(tally::WAIT), 0u64)?;
    for &part in &options.parts {
        worker.take(part)?;
    }
    let recovery = begin.elapsed();
    let ready = monotonic()?.saturating_sub(Duration::from_nanos(options.started_ns));
    say(&format!("{} {} {}", line::READY, recovery.as_micros(), ready.as_micros()))?;
    worker.work(&inbox)
}

/// The lines of standard input.
fn listen() -> Result<Inbox<String>, Failure> {
    let (sender, inbox) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(inbox)
}

/// A part that this process has.
enum Played {
    Publisher(Publisher),
    Locker(Locker),
    Sender(Sender),
    Receiver(Receiver),
    Setter(Setter),
}

impl Played {
    /// Takes a part, and verifies what its predecessor has left.
    fn take(part: Part, company: &mut Company<'_>) -> Result<Self, Failure> {
        let ledger = take(|| Writer::create(&company.stage.ledger(part), LEDGER_WORDS, names::MODE))?;
        Ok(match part {
            Part::Producer(channel) => Played::Publisher(Publisher::recover(channel, ledger, company)?),
            Part::Consumer(channel, index) => Played::Locker(Locker::recover((channel, index), ledger, company)?),
            Part::Sender(mailbox) => Played::Sender(Sender::recover(mailbox, ledger, company)?),
            Part::Receiver(mailbox) => Played::Receiver(Receiver::recover(mailbox, ledger, company)?),
            Part::Setter(board) => Played::Setter(Setter::recover(board, ledger, company)?),
        })
    }

    fn step(&mut self, company: &mut Company<'_>) -> Result<(), Failure> {
        match self {
            Played::Publisher(publisher) => publisher.step(company),
            Played::Locker(locker) => locker.step(company),
            Played::Sender(sender) => sender.step(company),
            Played::Receiver(receiver) => receiver.step(company),
            Played::Setter(setter) => setter.step(company),
        }
    }
}

struct Worker<'o> {
    company: Company<'o>,
    /// By the numbers of the parts.
    played: Vec<(usize, Played)>,
    onlookers: Vec<Onlooker>,
    watchers: Vec<Watcher>,
}

impl Worker<'_> {
    fn work(&mut self, inbox: &Inbox<String>) -> Result<(), Failure> {
        let processors = thread::available_parallelism().map_or(1, |count| count.get() as u32);
        let gets_stuck = self.company.options.fault == Some(Fault::HeldUp) && self.company.options.index == 0;
        let sleep_max = SLEEP_MAX * parts().len() as u32 / processors / 4;
        loop {
            let begin = Instant::now();
            while begin.elapsed() < BURST {
                if gets_stuck {
                    // Until it is killed.
                    thread::sleep(Duration::MAX);
                }
                self.step()?;
                self.company.add(tally::STEPS, 1)?;
            }
            match inbox.recv_timeout(self.company.up_to(sleep_max)) {
                Ok(said) => self.obey(&said)?,
                Err(RecvTimeoutError::Timeout) => {}
                // The supervisor is gone.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn step(&mut self) -> Result<(), Failure> {
        let company = &mut self.company;
        match company.rng.random_range(0..16) {
            0 => {
                let position = company.rng.random_range(0..self.onlookers.len());
                self.onlookers[position].step(company)
            }
            1 => {
                let position = company.rng.random_range(0..self.watchers.len());
                self.watchers[position].step(company)
            }
            _ if self.played.is_empty() => Ok(()),
            _ => {
                let position = company.rng.random_range(0..self.played.len());
                self.played[position].1.step(company)
            }
        }
    }

    fn obey(&mut self, said: &str) -> Result<(), Failure> {
        let unknown = || Failure::Other(format!("told {said:?}, which is no command"));
        let (word, part) = said.split_once(' ').ok_or_else(unknown)?;
        let part = part.parse().map_err(|_| unknown())?;
        match word {
            command::GIVE => {
                self.played.retain(|(number, _)| *number != part);
                self.company.own.retain(|own| parts().get(part) != Some(own));
                say(&format!("{} {part}", command::GAVE))?;
            }
            command::TAKE => {
                let begin = Instant::now();
                self.take(part)?;
                say(&format!("{} {part} {}", command::TOOK, begin.elapsed().as_micros()))?;
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn take(&mut self, number: usize) -> Result<(), Failure> {
        let part = *parts().get(number).ok_or_else(|| Failure::Other(format!("there is no part {number}")))?;
        self.company.own.push(part);
        self.played.push((number, Played::take(part, &mut self.company)?));
        Ok(())
    }
}
