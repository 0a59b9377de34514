//! `lastword torture`: what ships is killed systematically, and judged.

mod hostile;
mod instructions;
mod soak;
mod startup;

use clap::Subcommand;

/// How the shipped program is tortured.
#[derive(Debug, Subcommand)]
pub(crate) enum Torture {
    /// Garbage is written over all objects while processes work with them
    Hostile(hostile::Options),
    /// One process of `hostile`
    #[command(hide = true)]
    HostileWorker(hostile::WorkerOptions),
    /// The process of `hostile` that writes garbage
    #[command(hide = true)]
    HostileVandal(hostile::VandalOptions),
    /// Every operation, stopped at each of its instructions and killed wherever memory looks different
    Instructions(instructions::Options),
    /// One process of `instructions`
    #[command(hide = true)]
    InstructionsSubject(instructions::SubjectOptions),
    /// Processes are killed as they start, and the next ones have to start at once
    Startup(startup::Options),
    /// All protocols at once: processes are killed, stopped and hand roles around for as long as you like
    Soak(soak::Options),
    /// One process of `soak`
    #[command(hide = true)]
    SoakWorker(soak::WorkerOptions),
    /// One process of `startup`
    #[command(hide = true)]
    StartupWorker(startup::WorkerOptions),
}

/// Runs one of them.
pub(crate) fn run(torture: &Torture) -> Result<u8, Box<dyn std::error::Error>> {
    match torture {
        Torture::Startup(options) => startup::run(options),
        Torture::Hostile(options) => hostile::run(options),
        Torture::Instructions(options) => instructions::run(options),
        Torture::InstructionsSubject(options) => instructions::obey(options),
        Torture::HostileWorker(options) => hostile::work(options),
        Torture::HostileVandal(options) => hostile::vandalise(options),
        Torture::Soak(options) => soak::run(options),
        Torture::SoakWorker(options) => soak::work(options),
        Torture::StartupWorker(options) => startup::work(options),
    }
}
