//! The process that is stepped and killed: this program, started once more.
//!
//! It stops itself (SIGSTOP) before and after each thing that it is told to do, and again when it has answered. In
//! between the first two lies the shipped code alone.

use super::part::{Answer, Command, Dimensions, Part};
use crate::crew::die_with;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use std::error::Error;
use std::io::{BufRead, Write};

/// The exit code of a process that may not be traced.
pub(super) const NOT_TRACED: i32 = 77;

/// A process that is stepped and killed.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The channel or board
    #[arg(long)]
    name: String,
    /// Its dimensions, as JSON
    #[arg(long)]
    dimensions: String,
    /// The process that it dies with
    #[arg(long)]
    supervisor: i32,
}

/// Does what it is told, line by line, until its input ends.
pub(crate) fn run(options: &Options) -> Result<u8, Box<dyn Error>> {
    die_with(options.supervisor)?;
    let dimensions: Dimensions = serde_json::from_str(&options.dimensions)?;
    let mut part = Part::new(&options.name, dimensions)?;
    if let Err(errno) = ptrace::traceme() {
        writeln!(std::io::stderr().lock(), "{errno}")?;
        return Ok(NOT_TRACED as u8);
    }
    stop();
    for line in std::io::stdin().lock().lines() {
        let command: Command = serde_json::from_str(&line?)?;
        let answer: Answer = part.play_between(&command, stop, stop);
        let mut output = std::io::stdout().lock();
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
        output.flush()?;
        stop();
    }
    Ok(0)
}

fn stop() {
    // A signal of its own to itself is never refused.
    let _ = raise(Signal::SIGSTOP);
}
