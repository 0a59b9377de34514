//! A message as a grid: a row for each field, with its place, its type and its value, beside the bytes it is made of.

use lastword::{Description, Entry, FieldValue};
use std::fmt::{self, Write};

/// So wide is a grid, at most, as long as characters are one column wide.
const WIDTH: usize = 100;
/// Bytes on one line.
const BYTES: usize = 8;
/// Lines of one row's bytes.
const LINES: usize = 4;
/// Lines of a message that has no fields.
const LINES_OF_BYTES: usize = 512;
/// Rows of bytes that belong to no field.
const GAPS: usize = 64;
/// The longest type and the longest name that are shown whole.
const TYPE_WIDTH: usize = 14;
const NAME_WIDTH: usize = 28;
const HEX_WIDTH: usize = 3 * BYTES - 1;
const ELLIPSIS: &str = "...";
/// Into more pieces than that a description that was found may cut a message; so many are looked at.
const PIECES_MAX: usize = 1 << 20;

/// A message's fields, the gaps between them, and the bytes of each. A message of a type that says nothing is shown as
/// bytes.
pub(crate) fn grid(description: &Description, message: &[u8]) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        if description.fields().next().is_none() {
            return write_rows(f, &rows_of_bytes(message), Columns::All);
        }
        let size = description.message_type().size;
        let mut rows: Vec<Row> = description.values(message).map(|value| Row::of(&value, message)).collect();
        rows.extend(gaps(description).into_iter().take(GAPS).map(|(offset, end)| Row::gap(offset, end, message)));
        if message.len() as u64 > size {
            rows.push(Row::bytes(size, message, "(beyond the type)"));
        }
        rows.sort_by_key(|row| row.offset);
        write_rows(f, &rows, Columns::All)?;
        note_gaps(f, description)
    })
}

/// The fields of a type and the gaps between them, without a message.
pub(crate) fn layout(description: &Description) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let mut rows: Vec<Row> = description.values(&[]).map(|value| Row::of(&value, &[])).collect();
        rows.extend(gaps(description).into_iter().take(GAPS).map(|(offset, end)| Row::gap(offset, end, &[])));
        rows.sort_by_key(|row| row.offset);
        write_rows(f, &rows, Columns::Layout)?;
        note_gaps(f, description)
    })
}

/// Where the bytes begin and end that belong to no field; none where fields are cut into too many pieces to tell.
pub(crate) fn gaps(description: &Description) -> Vec<(u64, u64)> {
    let mut found: Vec<(u64, u64)> = Vec::new();
    for field in description.fields() {
        found.extend(pieces(&field).take(PIECES_MAX + 1 - found.len()));
    }
    let mut gaps = Vec::new();
    if found.len() > PIECES_MAX {
        return gaps;
    }
    found.sort_unstable();
    let mut end = 0;
    for (from, to) in found {
        if from > end {
            gaps.push((end, from));
        }
        end = end.max(to);
    }
    if end < description.message_type().size {
        gaps.push((end, description.message_type().size));
    }
    gaps
}

/// Where the bytes of a field are.
fn pieces(field: &Entry<'_>) -> impl Iterator<Item = (u64, u64)> {
    let (length, outer) = field.pieces();
    (0..pieces_count(field)).map(move |mut number| {
        let mut start = field.offset;
        for dimension in outer.iter().rev() {
            start += number % dimension.count * dimension.stride;
            number /= dimension.count;
        }
        (start, start + length)
    })
}

/// Into how many pieces it is cut.
fn pieces_count(field: &Entry<'_>) -> u64 {
    field.pieces().1.iter().fold(1_u64, |all, dimension| all.saturating_mul(dimension.count))
}

#[derive(Clone, Copy, PartialEq)]
enum Columns {
    All,
    /// Without value and bytes.
    Layout,
}

struct Row {
    offset: u64,
    size: u64,
    type_name: String,
    name: String,
    unit: String,
    value: String,
    /// The first of its bytes.
    bytes: Vec<u8>,
    /// How many there are in the message.
    found: u64,
}

impl Row {
    fn of(value: &FieldValue<'_>, message: &[u8]) -> Self {
        let field = value.field();
        // The last dimensions are the field's own, the others those of structs around it.
        let own = field.name.len() - field.name.trim_end_matches("[]").len();
        let (dimensions, own) = (field.dimensions(), own / 2);
        let (outer, inner) = dimensions.split_at(dimensions.len().saturating_sub(own));
        let mut type_name = field.kind.to_string();
        for dimension in inner {
            let _ = write!(type_name, "[{}]", dimension.count);
        }
        let mut parts = field.name.trim_end_matches("[]").split("[]");
        let mut name = parts.next().unwrap_or_default().to_owned();
        for (part, dimension) in parts.zip(outer) {
            let _ = write!(name, "[0..{}]{part}", dimension.count);
        }
        let size = field.pieces().0.saturating_mul(pieces_count(field));
        let (mut bytes, mut found) = (Vec::new(), 0);
        for (from, to) in pieces(field).take(PIECES_MAX) {
            let piece = within(message, from, to);
            if piece.is_empty() {
                break;
            }
            found += piece.len() as u64;
            bytes.extend(piece.iter().take(BYTES * LINES - bytes.len()));
        }
        let mut shown = Limited { text: String::new(), left: field.name.chars().count() + WIDTH };
        // It fails where the text is as long as can be shown.
        let _ = write!(shown, "{value}");
        let value = shown.text.strip_prefix(&format!("{}: ", field.name)).map(str::to_owned).unwrap_or_default();
        Self { offset: field.offset, size, type_name, name, unit: field.unit.to_owned(), value, bytes, found }
    }

    fn gap(offset: u64, end: u64, message: &[u8]) -> Self {
        let bytes = within(message, offset, end);
        let (found, size) = (bytes.len() as u64, end - offset);
        let bytes = bytes.iter().take(BYTES * LINES).copied().collect();
        let (type_name, unit, value) = Default::default();
        Self { offset, size, type_name, name: "(padding)".to_owned(), unit, value, bytes, found }
    }

    fn bytes(offset: u64, message: &[u8], name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::gap(offset, message.len() as u64, message) }
    }
}

fn within(message: &[u8], from: u64, to: u64) -> &[u8] {
    let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(message.len());
    message.get(place(from)..place(to)).unwrap_or_default()
}

/// A message that has no fields: its bytes, and what they are as text.
fn rows_of_bytes(message: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, bytes) in message.chunks(BYTES).take(LINES_OF_BYTES).enumerate() {
        let shown = |&byte: &u8| if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '.' };
        let (size, value) = (bytes.len() as u64, bytes.iter().map(shown).collect());
        let (type_name, unit) = Default::default();
        let (offset, name, bytes) = ((number * BYTES) as u64, String::new(), bytes.to_vec());
        rows.push(Row { offset, size, type_name, name, unit, value, bytes, found: size });
    }
    let shown = LINES_OF_BYTES * BYTES;
    if message.len() > shown {
        rows.push(Row::bytes(shown as u64, message, "(the rest)"));
    }
    rows
}

fn note_gaps(f: &mut fmt::Formatter<'_>, description: &Description) -> fmt::Result {
    let gaps = gaps(description);
    let rest = gaps.get(GAPS..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(());
    }
    let bytes: u64 = rest.iter().map(|(from, to)| to - from).sum();
    writeln!(f, "and {} more gaps with {bytes} bytes of padding", rest.len())
}

fn write_rows(f: &mut fmt::Formatter<'_>, rows: &[Row], columns: Columns) -> fmt::Result {
    let widest = |head: &str, of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0).max(head.len());
    let offset = widest("offset", |row| row.offset.to_string().len());
    let size = widest("size", |row| row.size.to_string().len());
    let type_width = widest("type", |row| row.type_name.chars().count()).min(TYPE_WIDTH);
    let left = WIDTH - (offset + size + type_width + HEX_WIDTH + 5 * 2);
    let name = widest("name", |row| row.name.chars().count()).min(NAME_WIDTH).min(left / 2);
    let value = widest("value", |row| row.value.chars().count()).min(left + 2 - 2 - name);
    let last = if columns == Columns::Layout { "unit" } else { "value" };
    let head = format!("{:>offset$}  {:>size$}  {:type_width$}  {:name$}  ", "offset", "size", "type", "name");
    match columns {
        Columns::Layout => writeln!(f, "{head}{last}")?,
        Columns::All => writeln!(f, "{head}{last:value$}  bytes")?,
    }
    for row in rows {
        let (type_name, name_cut) = (cut(&row.type_name, type_width), cut(&row.name, name));
        let left = format!("{:>offset$}  {:>size$}  {type_name:type_width$}  {name_cut:name$}  ", row.offset, row.size);
        match columns {
            Columns::Layout => writeln!(f, "{}", format!("{left}{}", row.unit).trim_end())?,
            Columns::All => {
                let mut lines = hex_lines(row).into_iter();
                let (first, shown) = (lines.next().unwrap_or_default(), cut(&row.value, value));
                writeln!(f, "{}", format!("{left}{shown:value$}  {first}").trim_end())?;
                let indent = left.chars().count() + value + 2;
                for line in lines {
                    writeln!(f, "{:indent$}{line}", "")?;
                }
            }
        }
    }
    Ok(())
}

fn hex_lines(row: &Row) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = row.bytes.chunks(BYTES).map(hex).collect();
    let more = row.found.saturating_sub(row.bytes.len() as u64);
    if more > 0 {
        lines.push(format!("{ELLIPSIS} {more} more bytes"));
    }
    let missing = row.size.saturating_sub(row.found);
    if missing > 0 {
        lines.push(format!("{missing} bytes missing"));
    }
    lines
}

/// The beginning of a text that is too long.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(ELLIPSIS.len())).collect();
    kept + ELLIPSIS
}

/// As much of a text as can be shown: an array may have millions of elements.
struct Limited {
    text: String,
    left: usize,
}

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(char);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
