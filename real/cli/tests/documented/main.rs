//! What the documents say is what happens: every command line in them is tried, and every transcript is one of a real
//! run.

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod documents;
mod examples;
mod place;
mod sessions;
