//! The sample record: a sentence in pieces, each at its own place.

use super::layout;
use lastword::protocol::description::is_printable;
use lastword::{Description, FieldValue, Value};

/// Its layout. A C compiler puts 3 bytes behind the slash and 2 behind the sign, so that the numbers are aligned.
pub(super) const LAYOUT: &str = "\
struct Record {
    char    text[24];
    int32_t numerator;
    char    slash;
    int32_t denominator;
    char    equals[2];
    double  value;
    char    farewell[16];
};
";

/// What it says, piece by piece: strings, integers, characters and a double.
pub(super) const PIECES: [&str; 7] = [
    "text=PI is defined as: ",
    "numerator=22",
    "slash=/",
    "denominator=7",
    "equals===",
    "value=3.14286",
    "farewell=goodbye",
];

pub(super) fn description() -> Result<Description, layout::LayoutError> {
    layout::parse(LAYOUT)
}

/// The sentence that a message of this type says, for people; `None` where it is of another type.
pub(super) fn sentence(description: &Description, message: &[u8]) -> Option<String> {
    if *description != self::description().ok()? {
        return None;
    }
    let parts: Vec<String> = description.values(message).map(|value| part(&value)).collect();
    let [text, numerator, slash, denominator, equals, value, farewell] = parts.try_into().ok()?;
    Some(format!("{text}{numerator}{slash}{denominator}{equals}{value}\n{farewell}"))
}

/// A part of the sentence, without quotes.
fn part(value: &FieldValue<'_>) -> String {
    match (value.text(), value.elements().next()) {
        (Some(text), _) => printable(text),
        (None, Some(Value::Char(0)) | None) => String::new(),
        (None, Some(Value::Char(character))) => printable(&[character]),
        // Debug shows 22.0 where this shows 22, and hundreds of digits where this shows an exponent.
        (None, Some(Value::F64(number))) if number.abs() < 1e16 => number.to_string(),
        (None, Some(number)) => number.to_string(),
    }
}

/// Text as it can be shown on a terminal.
fn printable(text: &[u8]) -> String {
    let escaped = |char: char| {
        let is_shown = is_printable(char.encode_utf8(&mut [0; 4]));
        if is_shown { char.to_string() } else { char.escape_default().to_string() }
    };
    String::from_utf8_lossy(text).chars().map(escaped).collect()
}
