//! Text that somebody else has written.

use lastword::protocol::description::is_printable;
use std::fmt::{self, Write};

/// Such text, for a terminal: control characters and marks of direction are escaped, as `\u{1b}`; what is not UTF-8 is
/// a replacement character.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    escape(&String::from_utf8_lossy(bytes), |escaped, char| write!(escaped, "{}", char.escape_unicode()))
}

/// A line of JSON, for a terminal too: what it would not show as it is, is escaped as JSON escapes. Such characters are
/// in strings alone.
pub(crate) fn escaped_json(json: &str) -> String {
    escape(json, |escaped, char| {
        char.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(escaped, "\\u{unit:04x}"))
    })
}

fn escape(text: &str, write: impl Fn(&mut String, char) -> fmt::Result) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if is_printable(char.encode_utf8(&mut [0; 4])) {
            escaped.push(char);
        } else {
            // Writing to a string does not fail.
            let _ = write(&mut escaped, char);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_all_else_is_as_it_was() {
        assert_eq!(escaped("grüße 🦀 \\ \"".as_bytes()), "grüße 🦀 \\ \"");
        assert_eq!(escaped(b"\x1b[2Ja\rb\xffc"), "\\u{1b}[2Ja\\u{d}b\u{fffd}c");
        assert_eq!(escaped("\u{202e}\u{9b}".as_bytes()), "\\u{202e}\\u{9b}");
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let text = "\u{1b}[2J \u{9b} \u{202e} grüße 🦀 \" \\ \u{7f}";
        let json = escaped_json(&serde_json::to_string(text).expect("a string is JSON"));
        assert!(is_printable(&json), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).expect("it is JSON"), text);
    }
}
