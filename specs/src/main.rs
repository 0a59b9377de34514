//! The `lastword-specs` command.
#![forbid(unsafe_code)]
// They panic where nobody listens.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
