//! What the command line offers.

#[cfg(feature = "compare")]
mod bench;
mod campaign;
mod draw;
mod merge;
mod museum;
mod mutants;
mod output;
mod replay;
mod search;
mod verify;
mod watch;

use clap::{Parser, Subcommand};
use output::Failure;
use std::process::ExitCode;

/// A promise was broken, or a check did not hold.
const VIOLATION: u8 = 1;
/// The same as clap's.
const USAGE: u8 = 2;

/// Runs lastword's protocols in every interleaving, with a kill at every access.
///
/// The source that runs is the source that ships. Exit codes: 0 everything held, 1 a promise was broken or a check did
/// not come out as it must, 2 wrong usage, 130 stopped by Ctrl-C, 141 nobody read the results.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  lastword-sim verify                          every search that the project promises, a few minutes
  lastword-sim verify --quick --json           the small ones, one JSON object a line
  lastword-sim search slots-2 --kills 1        one scenario, every run
  lastword-sim search slots-1 --variant \"no re-check\"
                                               a broken variant: its shortest failure, line by line
  lastword-sim random slots-large --kills 3 --executions 1000000 --seed 7
                                               random runs of a scenario that is too large to search
  lastword-sim random slots-large --executions 100000000 --seed 1 --shard 3/8 --json
                                               the fourth of eight parts of a campaign; `merge` adds them up
  lastword-sim replay TOKEN                    a recorded run again; every failure prints its token
  lastword-sim replay TOKEN --svg run.svg      the same, as a sequence diagram; --html for a page
  lastword-sim museum                          designs that are wrong, each with its shortest failure
  lastword-sim museum --html museum.html       the same as a page of diagrams";

#[derive(Debug, Subcommand)]
enum Command {
    /// Search every scenario that the project promises to hold
    Verify(verify::Options),
    /// Run every broken variant of the protocols until it is rejected
    Mutants(mutants::Options),
    /// Find the shortest failure of designs that are wrong
    Museum(museum::Options),
    /// Search one scenario, every run
    Search(search::SearchOptions),
    /// Try random runs of one scenario
    Random(search::RandomOptions),
    /// Run a recorded run again and tell what happens
    Replay(replay::Options),
    /// Add up the results of the parts of a campaign
    Merge(merge::Options),
    /// Compare with loom and shuttle: how many executions a second, how many seconds to a seeded bug
    #[cfg(feature = "compare")]
    Bench(bench::Options),
    /// List the scenarios, their processes and their variants
    List(search::ListOptions),
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Verify(options) => verify::run(&options),
        Command::Mutants(options) => mutants::run(&options),
        Command::Museum(options) => museum::run(&options),
        Command::Search(options) => search::search(&options),
        Command::Random(options) => search::random(&options),
        Command::Replay(options) => replay::run(&options),
        Command::Merge(options) => merge::run(&options),
        #[cfg(feature = "compare")]
        Command::Bench(options) => bench::run(&options),
        Command::List(options) => search::list(&options),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => VIOLATION.into(),
        Err(Failure::Usage(error)) => {
            output::tell(format_args!("lastword-sim: {error}"));
            USAGE.into()
        }
        // Nobody reads any more: the end that SIGPIPE would have been, whatever the results were to be.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            (128 + signal_hook::consts::SIGPIPE as u8).into()
        }
        Err(Failure::Output(error)) => {
            output::tell(format_args!("lastword-sim: cannot write the results: {error}"));
            VIOLATION.into()
        }
        Err(Failure::Stopped) => {
            output::tell(format_args!("lastword-sim: stopped"));
            (128 + signal_hook::consts::SIGINT as u8).into()
        }
    }
}
