//! What is printed: tables and JSON on standard output, everything else on standard error.

use lastword_sim::case::Told;
use lastword_sim::token::Token;
use lastword_sim::trace::{Line, name};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};

/// Why a command could not do what it was asked for.
pub(crate) enum Failure {
    /// It was asked for something that cannot be.
    Usage(String),
    /// Its results could not be written.
    Output(io::Error),
    /// It was stopped by a signal.
    Stopped,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl From<String> for Failure {
    fn from(error: String) -> Self {
        Failure::Usage(error)
    }
}

/// Whether everything held.
pub(crate) type Ended = Result<bool, Failure>;

/// Prints a line.
pub(crate) fn print(line: fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints an object as one line of JSON.
pub(crate) fn print_json(object: &impl Serialize) -> io::Result<()> {
    let line = serde_json::to_string(object)?;
    print(format_args!("{line}"))
}

/// Says a line on standard error, where somebody listens.
pub(crate) fn tell(line: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// A number as people read it.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The command that runs a token again.
pub(crate) fn replay_command(token: &Token) -> String {
    format!("cargo run --release -q --bin lastword-sim -- replay '{token}'")
}

/// Prints a run line by line, the broken promise last.
pub(crate) fn print_told(told: &Told, roles: &[String]) -> io::Result<()> {
    print_lines(&told.lines, roles)?;
    match told.violation {
        Some(violation) => print(format_args!("BROKEN: {violation}")),
        None => print(format_args!("nothing is broken")),
    }
}

/// Prints what happened, line by line.
pub(crate) fn print_lines(lines: &[Line], roles: &[String]) -> io::Result<()> {
    let width = roles.iter().map(String::len).max().unwrap_or(0) + 2;
    for line in lines {
        print(format_args!("{:width$} {}", name(roles, line), line.what))?;
    }
    Ok(())
}
