//! Saying things on standard error.

use std::fmt;
use std::io::{self, Write};

/// Says a line on standard error, as `eprintln!` does. Where it cannot be said, nothing happens: a terminal that is
/// gone is no reason to panic, and to leave objects behind.
macro_rules! tell {
    ($($words:tt)*) => { $crate::tell::line(format_args!($($words)*)) };
}
pub(crate) use tell;

/// Says it in one piece.
pub(crate) fn line(words: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_all(format!("{words}\n").as_bytes());
}
