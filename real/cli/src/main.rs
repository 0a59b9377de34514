//! The `lastword` command.
#![forbid(unsafe_code)]
// They panic where nobody listens.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod board;
mod chat;
mod check;
mod clean;
mod completions;
mod crew;
mod demo;
mod doctor;
mod exchange;
mod explain;
mod fault;
mod grid;
mod handoff;
mod hex;
mod input;
mod look;
mod man;
mod names;
mod output;
mod party;
mod payload;
mod peer;
mod plan;
mod presence;
mod record;
mod removal;
mod report;
mod room;
mod session;
mod signals;
mod status;
mod stop;
mod table;
mod tell;
mod text;
mod top;
mod torture;
mod worker;

use clap::{Parser, Subcommand};
use signal_hook::consts::SIGPIPE;
use std::io;
use std::process::ExitCode;
use tell::tell;

/// The exit code of a program that was asked for what cannot be, the same as clap's.
const USAGE: u8 = 2;

/// Processes that share memory and survive each other's death.
#[derive(Debug, Parser)]
#[command(name = "lastword", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A status board: a server that sets its words, and those who watch them
    #[command(subcommand)]
    Status(status::Status),
    /// Processes that exchange numbers, to be killed and started again with a key
    Exchange(exchange::Options),
    /// Records of strings, integers, doubles and characters, each at its own place
    #[command(subcommand)]
    Record(record::Record),
    /// A chat room between terminals, whose server and clients may be killed
    #[command(subcommand)]
    Chat(chat::Chat),
    /// A mailbox between two terminals, every message of which arrives
    #[command(subcommand)]
    Handoff(handoff::Handoff),
    /// List channels, mailboxes and boards: who uses them, how far they are
    Ls(look::ls::Options),
    /// Look into a channel, mailbox or board: roles, locks, the newest message
    Inspect(look::inspect::Options),
    /// Watch channels, mailboxes and boards: rates, who has which role, and who has died
    Top(top::Options),
    /// Remove channels, mailboxes and boards by their names
    Rm(look::rm::Options),
    /// Remove channels, mailboxes and boards that nobody uses
    Clean(clean::Options),
    /// Look whether this machine has what is needed, and what lies about
    Doctor(doctor::Options),
    /// Processes that are killed at random moments while everything they read is checked
    Demo(demo::Options),
    /// What ships, killed systematically while everything is checked
    #[command(subcommand)]
    Torture(torture::Torture),
    /// Print what a shell needs to complete this command's words
    Completions(completions::Options),
    /// Print the manual, or write all of its pages
    Man(man::Options),
    /// One process of the demo
    #[command(hide = true)]
    DemoWorker(worker::Options),
}

fn main() -> ExitCode {
    // Where it fails, the signal kills as it did.
    let _ = signals::survive_file_limit();
    let ended = match Arguments::parse().command {
        Command::Exchange(options) => exchange::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Status(status) => status::run(&status),
        Command::Chat(chat) => chat::run(&chat),
        Command::Handoff(handoff) => handoff::run(&handoff),
        Command::Torture(torture) => torture::run(&torture),
        Command::Ls(options) => look::ls::run(&options),
        Command::Inspect(options) => look::inspect::run(&options),
        Command::Rm(options) => look::rm::run(&options),
        Command::Record(record) => record::run(&record),
        Command::Clean(options) => clean::run(&options),
        Command::Top(options) => top::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
        Command::DemoWorker(options) => worker::run(&options),
    };
    match ended {
        Ok(code) => code.into(),
        // Who listened has heard enough.
        Err(error) if is_closed_pipe(&*error) => signals::exit_code(SIGPIPE).into(),
        Err(error) => {
            tell!("lastword: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
