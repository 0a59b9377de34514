//! Records: values of several types, each at its own place in a message, written by one process and read by others.

mod fields;
mod layout;
mod read;
mod sample;
mod show;
mod write;

use clap::Subcommand;

type Error = Box<dyn std::error::Error>;

/// The record's name, where none is given.
const NAME: &str = "record";

/// What is done with records.
#[derive(Debug, Subcommand)]
pub(crate) enum Record {
    /// Publish a record, its fields written one after the other
    Write(write::Options),
    /// Print the newest record
    Read(read::Options),
    /// Show where the fields of a layout file are
    Layout(show::Options),
}

/// Does it; the exit code.
pub(crate) fn run(record: &Record) -> Result<u8, Error> {
    match record {
        Record::Write(options) => write::run(options),
        Record::Read(options) => read::run(options),
        Record::Layout(options) => show::run(options),
    }
}
