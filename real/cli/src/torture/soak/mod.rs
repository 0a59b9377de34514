//! Everything at once for as long as one likes: channels, mailboxes and boards among processes that are killed, stopped
//! and continued at random moments, and that hand roles to each other.
//!
//! - [`stage`]: the objects, and the parts to be played.
//! - [`worker`]: a process, with what its parts do in [`newest`], [`in_order`] and [`words`].
//! - [`supervisor`]: kills, stops and starts them, and hears what they find.
//! - [`cast`]: which process has which part.

mod cast;
mod company;
mod evidence;
mod in_order;
mod newest;
mod report;
mod stage;
mod supervisor;
mod tally;
mod words;
mod worker;

use crate::report::print;
use crate::room;
use crate::session::Session;
use crate::signals;
use crate::tell::tell;
use clap::ValueEnum;
use std::path::PathBuf;
use std::sync::mpsc;
use supervisor::{End, Supervisor};
pub(crate) use worker::{Options as WorkerOptions, work};

type Error = Box<dyn std::error::Error>;

/// How it is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// How long
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    /// How many processes share the parts
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(2..=18))]
    processes: u64,
    /// Bytes of the longest message; lengths vary from 0 to this
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u64).range(0..=1 << 24))]
    payload: u64,
    /// Seed of what is done to whom; a random one if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Directory for the evidence of a breach [default: a new one among the temporary files]
    #[arg(long)]
    evidence: Option<PathBuf>,
    /// Print the figures as one JSON object, the last line of standard output
    #[arg(long)]
    json: bool,
    /// Bring about a fault, to see that it is found
    #[arg(long = "break", hide = true)]
    fault: Option<Fault>,
}

const SECONDS_MAX: u64 = 365 * 24 * 60 * 60;

/// A fault that is brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// A byte of some messages that are published by copy is wrong.
    Torn,
    /// Some messages bear an old number.
    WentBack,
    /// What is being published or set is said to be so already.
    Stale,
    /// Most messages that are out are not noted.
    Lost,
    /// Somebody else takes the role of a process that was killed.
    LostRole,
    /// A process does not get on.
    HeldUp,
    /// Who waits is not woken.
    Stranded,
}

const EXAMPLES: &str = "\
Examples:
  lastword torture soak                               a minute
  lastword torture soak --seconds 28800 --json        a night, figures for a program
  lastword torture soak --processes 12 --payload 100000

3 channels with 3 consumers each, 2 mailboxes and 2 boards. Every role of theirs is one of 18 parts, which the processes
share. Processes are killed with SIGKILL, several at once too, when they start, and while they are stopped; stopped with
SIGSTOP and continued; and told to give a part to another one. Kills come every 10 ms on average, or more slowly where
less than half of the processes would be at work.

Everything read is checked. A breach ends the run: the objects' images, a log and the report are saved. A process is
stopped until everybody else has got on meanwhile; who has not after 5 s counts as held up. Who waits for a message, or
for one to be received, and goes on waiting for 5 s although it is there, counts as stranded.

Exit code: 0 clean; 1 a breach, or a process that failed; 2 usage; 128 + n ended by signal n.";

/// Runs it; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let (sender, events) = mpsc::channel();
    signals::send(&sender)?;
    let session = Session::begin("soak")?;
    room::check(stage::Stage::new(session.name(), options.payload as usize).needed()?)?;
    tell!("{}: {} processes, {} s, seed {seed}", session.name(), options.processes, options.seconds);

    let mut supervisor = Supervisor::new(options, session.name(), seed, &sender);
    let ended = supervisor.supervise(&events);
    let mut end = ended.unwrap_or_else(|error| End::Failure(error.to_string()));
    let directory = options.evidence.clone().unwrap_or_else(|| evidence::default_directory(session.name()));
    let saved = match end {
        End::Breach | End::Failure(_) => supervisor.save_evidence(&directory).map(|()| Some(directory)),
        End::Complete | End::Signal(_) => Ok(None),
    };
    let is_over = !matches!(end, End::Failure(_));
    if let Err(error) = supervisor.end(&events, is_over) {
        end = End::Failure(error.to_string());
    }
    let mut report = supervisor.report(&end);
    drop(supervisor);
    let saved = match saved {
        Ok(directory) => directory,
        Err(error) => {
            tell!("{error}");
            None
        }
    };
    if let Some(directory) = saved {
        report.evidence = Some(directory.display().to_string());
        evidence::save_report(&directory, &serde_json::to_string(&report)?)?;
    }
    // Before the session ends, which may fail.
    let printed = print(&report, options.json);
    session.end()?;
    printed?;
    Ok(match end {
        _ if !report.is_clean() => 1,
        End::Signal(signal) => signals::exit_code(signal),
        _ => 0,
    })
}
