//! Lines on standard output, for people and for programs.

use crate::explain::cannot;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::fmt;
use std::io::{self, IsTerminal, Write};

/// What is well, as `alive`.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What wants to be looked at.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// What is broken, as `dead`.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// Heads of tables.
pub(crate) const HEAD: Style = Style::new().bold();

/// Words in a style: `Styled(GOOD, "alive")`. Widths of format strings do not count its escape sequences, so pad before.
pub(crate) struct Styled<D>(pub(crate) Style, pub(crate) D);

impl<D: fmt::Display> fmt::Display for Styled<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:#}", self.0, self.1, self.0)
    }
}

/// Writes words on standard output, in one piece and at once. Styles are left out where that is no terminal, or with
/// `NO_COLOR`, see <https://no-color.org>.
pub(crate) fn print(words: impl fmt::Display) -> io::Result<()> {
    let mut output = anstream::AutoStream::auto(io::stdout().lock());
    let written = output.write_all(words.to_string().as_bytes()).and_then(|()| output.flush());
    written.map_err(cannot("write standard output"))
}

/// The same, with an end of line.
pub(crate) fn line(words: impl fmt::Display) -> io::Result<()> {
    print(format_args!("{words}\n"))
}

/// A value as a line of JSON.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    line(serde_json::to_string(value)?)
}

/// Whether somebody looks at standard output.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
