//! A status board as people first meet one: a server whose load monitors watch, and which pays nothing for it.

mod export;
mod monitor;
mod serve;

use clap::Subcommand;
use std::error::Error;

/// What a board, its server and those who watch it do.
#[derive(Debug, Subcommand)]
pub(crate) enum Status {
    /// A pseudo game server, which sets the words of a board
    Serve(serve::Options),
    /// Print the words of any board as they change
    Monitor(monitor::Options),
    /// Give the words of boards to Prometheus
    Export(export::Options),
}

/// Does what is asked for; the exit code.
pub(crate) fn run(status: &Status) -> Result<u8, Box<dyn Error>> {
    match status {
        Status::Serve(options) => serve::run(options),
        Status::Monitor(options) => monitor::run(options),
        Status::Export(options) => export::run(options),
    }
}

/// The board where no other is named.
const BOARD: &str = "status";
