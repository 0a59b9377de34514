//! The `lastword` command.
fn main() {}
