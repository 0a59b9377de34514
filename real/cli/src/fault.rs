//! Faults to order, which show that every check of the demo can fail.

use clap::ValueEnum;

/// A fault that the demo brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// A byte of most messages that are published by copy is wrong.
    Torn,
    /// Most messages bear an old number.
    WentBack,
    /// A publish is said to have returned before it has begun.
    Stale,
    /// Most publishes that returned are not noted.
    Lost,
    /// Somebody else takes the role of a process that was killed.
    LostRole,
}
