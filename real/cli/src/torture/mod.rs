//! `lastword torture`: what ships is killed systematically, and judged.

mod hostile;
mod soak;
mod startup;

use clap::Subcommand;
use lastword::protocol::model::Violation;
use std::error::Error;
use std::fmt;

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
        Torture::HostileWorker(options) => hostile::work(options),
        Torture::HostileVandal(options) => hostile::vandalise(options),
        Torture::Soak(options) => soak::run(options),
        Torture::SoakWorker(options) => soak::work(options),
        Torture::StartupWorker(options) => startup::work(options),
    }
}

/// Runs one of them; the exit code.
pub(crate) fn run(torture: &Torture) -> Result<u8, Box<dyn Error>> {
    match torture {
        Torture::Instructions(options) => instructions::run(options),
        Torture::Subject(options) => subject::run(options),
    }
}

/// Why an operation was not run to its end.
enum Trouble {
    /// A promise was broken.
    Violation(String),
    /// Everybody is to stop.
    Stopped,
    /// It cannot be run.
    Other(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Violation(what) => f.write_str(what),
            Trouble::Stopped => f.write_str("stopped"),
            Trouble::Other(error) => error.fmt(f),
        }
    }
}

impl From<Violation> for Trouble {
    fn from(violation: Violation) -> Self {
        Trouble::Violation(violation.to_string())
    }
}

macro_rules! other {
    ($($error:ty)*) => {$(
        impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                Trouble::Other(error.into())
            }
        }
    )*};
}

other! { std::io::Error serde_json::Error lastword::NameError String &str }
