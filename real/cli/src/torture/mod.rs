//! `lastword torture`: what ships is killed systematically, and judged.

mod startup;

use clap::Subcommand;

/// How the shipped program is tortured.
#[derive(Debug, Subcommand)]
pub(crate) enum Torture {
    /// Processes are killed as they start, and the next ones have to start at once
    Startup(startup::Options),
    /// One process of `startup`
    #[command(hide = true)]
    StartupWorker(startup::WorkerOptions),
}

/// Runs one of them.
pub(crate) fn run(torture: &Torture) -> Result<u8, Box<dyn std::error::Error>> {
    match torture {
        Torture::Startup(options) => startup::run(options),
        Torture::StartupWorker(options) => startup::work(options),
    }
}
