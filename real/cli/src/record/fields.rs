//! Values that are set from text: `field=value`.

use lastword::{Description, Dimension, Entry, Kind};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// So many fields are named where one is not known.
const NAMED_MAX: usize = 12;

/// A field that is set: the bytes to write, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    /// As it was set.
    pub(super) text: String,
    /// Offsets in the message, and what comes there.
    pub(super) writes: Vec<(usize, Vec<u8>)>,
}

impl Piece {
    /// Sets it in a message.
    pub(super) fn apply(&self, message: &mut [u8]) {
        for (offset, bytes) in &self.writes {
            if let Some(place) = message.get_mut(*offset..offset + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        }
    }
}

/// What `field=value` sets.
///
/// # Errors
/// There is no such field, or the value is none that it can have: what was found, what was expected.
pub(super) fn parse(description: &Description, text: &str) -> Result<Piece, String> {
    let (path, value) = text
        .split_once('=')
        .ok_or_else(|| format!("found {text:?}, expected a field and its value: {}=...", example(description)))?;
    let path = path.trim();
    let (pattern, indices) = parse_path(path)?;
    let field = description
        .fields()
        .find(|field| {
            field.name.strip_prefix(pattern.as_str()).is_some_and(|rest| rest.trim_end_matches("[]").is_empty())
        })
        .ok_or_else(|| unknown(description, path))?;
    let (indexed, rest) =
        field.dimensions().split_at_checked(indices.len()).ok_or_else(|| unknown(description, path))?;
    let mut offset = field.offset;
    for (&index, dimension) in indices.iter().zip(indexed) {
        if index >= dimension.count {
            let last = dimension.count - 1;
            return Err(format!("field {path}: found index {index}, expected 0 to {last}; {field} is all there is"));
        }
        offset += index * dimension.stride;
    }
    let writes = parse_value(&field, rest, offset, value).map_err(|what| format!("field {path}: {what}"))?;
    let place = |(offset, bytes)| usize::try_from(offset).map(|offset| (offset, bytes));
    let writes = writes.into_iter().map(place).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    Ok(Piece { text: format!("{path} = {}", shown(&field, rest, value)), writes })
}

fn shown(field: &Entry<'_>, rest: &[Dimension], value: &str) -> String {
    match (field.kind, rest) {
        (Kind::Char, [_]) => format!("{value:?}"),
        (Kind::Char, _) => format!("{:?}", value.chars().next().unwrap_or('\0')),
        _ => value.trim().escape_debug().to_string(),
    }
}

fn example(description: &Description) -> String {
    description
        .fields()
        .next()
        .map_or("field".to_owned(), |field| field.name.trim_end_matches("[]").replace("[]", "[0]"))
}

fn unknown(description: &Description, path: &str) -> String {
    let names: Vec<&str> =
        description.fields().take(NAMED_MAX).map(|field| field.name.trim_end_matches("[]")).collect();
    let more = description.fields().count().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "found a field {path:?}, expected one of {}: {}{more}",
        description.message_type().name().escape_debug(),
        names.join(", ")
    )
}

/// A path with `[]` in place of its indices, and these.
fn parse_path(path: &str) -> Result<(String, Vec<u64>), String> {
    let (mut pattern, mut indices) = (String::new(), Vec::new());
    let mut parts = path.split('[');
    pattern.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (index, rest) = part.split_once(']').ok_or_else(|| format!("field {path}: found [ without ]"))?;
        let index = index.trim();
        let number =
            index.parse().map_err(|_| format!("field {path}: found index {index:?}, expected a number from 0 on"))?;
        indices.push(number);
        pattern.push_str("[]");
        pattern.push_str(rest);
    }
    Ok((pattern, indices))
}

/// The bytes of a value that has these dimensions.
fn parse_value(field: &Entry<'_>, rest: &[Dimension], offset: u64, value: &str) -> Result<Vec<(u64, Vec<u8>)>, String> {
    match (field.kind, rest) {
        (Kind::Char, [dimension]) => {
            let (found, most) = (value.len() as u64, dimension.count);
            if found > most {
                return Err(format!("found {found} bytes of text, expected at most {most}; shorten it"));
            }
            if value.contains('\0') {
                return Err("found a NUL, which would end the text, expected text without it".to_owned());
            }
            let length = usize::try_from(most).map_err(|error| error.to_string())?;
            let mut padded = value.as_bytes().to_vec();
            padded.resize(length, 0);
            if dimension.stride == 1 {
                return Ok(vec![(offset, padded)]);
            }
            let place = |(number, byte)| (offset + number as u64 * dimension.stride, vec![byte]);
            Ok(padded.into_iter().enumerate().map(place).collect())
        }
        (Kind::Char, [_, ..]) => Err(format!(
            "found a value for an array of texts, expected one of them: {}",
            indexed(field, rest.len() - 1)
        )),
        (kind, []) => Ok(vec![(offset, parse_scalar(kind, value)?)]),
        (kind, dimensions) => {
            let list = value.trim();
            let list = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(list);
            let values: Vec<&str> = list.split(',').collect();
            let count = dimensions.iter().fold(1_u64, |all, dimension| all.saturating_mul(dimension.count));
            if values.len() as u64 != count {
                return Err(format!(
                    "found {} values, expected {count}, separated by commas, or one of them by its index: {}",
                    values.len(),
                    indexed(field, dimensions.len())
                ));
            }
            let mut writes = Vec::with_capacity(values.len());
            for (number, value) in values.iter().enumerate() {
                let (mut number, mut offset) = (number as u64, offset);
                for dimension in dimensions.iter().rev() {
                    offset += number % dimension.count * dimension.stride;
                    number /= dimension.count;
                }
                writes.push((offset, parse_scalar(kind, value)?));
            }
            Ok(writes)
        }
    }
}

/// How one of the elements is written.
fn indexed(field: &Entry<'_>, missing: usize) -> String {
    format!("{}{}=...", field.name.trim_end_matches("[]"), "[0]".repeat(missing))
}

fn parse_scalar(kind: Kind, value: &str) -> Result<Vec<u8>, String> {
    macro_rules! integer {
        ($number:ty) => {
            number::<$number>(kind, value.trim(), <$number>::MIN..=<$number>::MAX)?.to_ne_bytes().to_vec()
        };
    }
    macro_rules! float {
        ($number:ty) => {{
            let text = value.trim();
            let expected = || format!("found {text:?}, expected {kind}: a number as 3.14, -1e-3, inf or nan");
            let parsed: $number = text.parse().map_err(|_| expected())?;
            if parsed.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
                return Err(format!("found {text}, expected {kind}: {:e} to {:e}", <$number>::MIN, <$number>::MAX));
            }
            parsed.to_ne_bytes().to_vec()
        }};
    }
    Ok(match kind {
        Kind::U8 => integer!(u8),
        Kind::U16 => integer!(u16),
        Kind::U32 => integer!(u32),
        Kind::U64 => integer!(u64),
        Kind::U128 => integer!(u128),
        Kind::I8 => integer!(i8),
        Kind::I16 => integer!(i16),
        Kind::I32 => integer!(i32),
        Kind::I64 => integer!(i64),
        Kind::I128 => integer!(i128),
        Kind::F32 => float!(f32),
        Kind::F64 => float!(f64),
        Kind::Bool => match value.trim() {
            "true" | "1" => vec![1],
            "false" | "0" => vec![0],
            found => return Err(format!("found {found:?}, expected bool: true or false")),
        },
        Kind::Char => match value.as_bytes() {
            [] => vec![0],
            [byte] => vec![*byte],
            bytes => return Err(format!("found {value:?} of {} bytes, expected char: one byte", bytes.len())),
        },
    })
}

/// An integer: decimal, or hexadecimal after 0x.
fn number<N>(kind: Kind, text: &str, range: RangeInclusive<N>) -> Result<N, String>
where
    N: FromStr + Display + TryFrom<u128>,
{
    let hexadecimal = text.strip_prefix("0x").map(|digits| u128::from_str_radix(digits, 16).ok()?.try_into().ok());
    let parsed = hexadecimal.unwrap_or_else(|| text.parse().ok());
    parsed.ok_or_else(|| format!("found {text:?}, expected {kind}: {} to {}", range.start(), range.end()))
}

#[cfg(test)]
mod tests;
