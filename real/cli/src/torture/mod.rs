//! `lastword torture`: what ships is killed systematically, and judged.

use clap::Subcommand;

/// How the shipped program is tortured.
#[derive(Debug, Subcommand)]
pub(crate) enum Torture {}

/// Runs one of them.
pub(crate) fn run(torture: &Torture) -> Result<u8, Box<dyn std::error::Error>> {
    match *torture {}
}
