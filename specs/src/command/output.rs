//! What is printed: tables and JSON on standard output, everything else on standard error.

use lastword_specs::job::Row;
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};

/// Why the command could not do what it was asked for.
pub(super) enum Failure {
    /// It was asked for something that cannot be.
    Usage(String),
    /// What it needs is not there, or not as it must be.
    Needs(String),
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

/// Prints a line.
pub(super) fn print(line: fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints an object as one line of JSON.
pub(super) fn print_json(object: &impl Serialize) -> io::Result<()> {
    let line = serde_json::to_string(object)?;
    print(format_args!("{line}"))
}

/// Says a line on standard error, where somebody listens.
pub(super) fn tell(line: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// A number as people read it.
pub(super) fn count(number: u64) -> String {
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

/// What stands above the rows; `config` is as wide as the widest.
pub(super) fn head(config: usize) -> String {
    format!(
        "{:8} {:config$} {:11} {:8} {:7} {:>15} {:>5} {:>8}",
        "spec", "config", "engine", "expected", "result", "distinct states", "depth", "seconds"
    )
}

/// A row of the table.
pub(super) fn line(row: &Row, config: usize) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), count);
    let figures: String = row.figures.iter().map(|(name, figure)| format!("  {name} {}", count(*figure))).collect();
    let end = match (row.ok, &row.violated) {
        (true, Some(violated)) => format!("  {violated}"),
        (true, None) => String::new(),
        (false, _) => "  NOT AS EXPECTED".to_owned(),
    };
    format!(
        "{:8} {:config$} {:11} {:8} {:7} {:>15} {:>5} {:>8.2}{end}",
        row.spec,
        row.config,
        row.engine,
        row.expected,
        row.result,
        number(row.distinct_states),
        number(row.depth),
        row.seconds
    ) + &figures
}
