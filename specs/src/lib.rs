//! Runs the TLA+ specifications of lastword's protocols, and checks that they come to what they must.
//!
//! What is run, and what it must come to, is in a [manifest]. Each of its runs becomes a [job] of an engine: [TLC](tlc)
//! in a Java that is [found or downloaded](tools), or [tla-checker](checker) in this process. [`schedule`] runs them,
//! as many at once as there are cores.
//!
//! What ties the specifications to the code is in [`traces`]; what holds beyond all bounds is [proved](proof).
#![forbid(unsafe_code)]

pub mod checker;
pub mod checks;
pub mod job;
pub mod manifest;
pub mod model;
pub mod process;
pub mod proof;
pub mod schedule;
pub mod scratch;
pub mod tlc;
pub mod tools;
pub mod traces;

use std::path::Path;

/// The directory of this package: `specs`.
pub fn directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
