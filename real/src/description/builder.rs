//! Descriptions of types that are known at run time alone.

use super::Description;
use lastword_protocol::description::{
    DescriptionError, Dimension, Entry, EntryError, Kind, LENGTH_MAX, NAME_MAX, UNIT_MAX, encode, is_printable,
};
use lastword_protocol::header::{self, TypeLayout};
use lastword_protocol::slots::{CAPACITY_MAX, PAYLOAD_ALIGN};
use std::collections::HashSet;
use std::error::Error;
use std::fmt;

/// Into so many pieces, with gaps between them, the arrays of all fields together may be cut by other fields.
const PIECES_MAX: u64 = 1 << 20;

/// Fields of a type that is known at run time alone, one after the other. See [`Description::build`].
#[derive(Clone, Debug)]
#[must_use = "the description is made by `finish`"]
pub struct DescriptionBuilder {
    type_name: String,
    size: u64,
    align: u64,
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    unit: String,
    kind: Kind,
    offset: u64,
    dimensions: Vec<Dimension>,
}

/// Why a type cannot be described so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DescribeError {
    /// The type cannot be called so.
    TypeName {
        /// The name.
        found: String,
    },
    /// The type cannot have this size.
    Size {
        /// The size, in bytes.
        found: u64,
        /// The alignment, of which it is a multiple.
        align: u64,
    },
    /// The type cannot have this alignment.
    Align {
        /// The alignment, in bytes.
        found: u64,
    },
    /// There are no fields.
    NoFields,
    /// A field cannot be.
    Field {
        /// The field, as it was given.
        field: String,
        /// What is wrong with it.
        why: EntryError,
    },
    /// Two fields have one name.
    Duplicate {
        /// The name.
        name: String,
    },
    /// Two fields have a byte in common.
    Overlap {
        /// The field that begins first.
        field: String,
        /// The other one.
        other: String,
        /// A byte that they have in common.
        offset: u64,
    },
    /// Arrays lie between each other in too many pieces.
    Pieces,
    /// The description is too long.
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
}

impl fmt::Display for DescribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DescribeError::TypeName { found } => write!(
                f,
                "the type's name {found:?} has {} bytes; a name has 1 to {} bytes and no control characters",
                found.len(),
                header::NAME_MAX
            ),
            DescribeError::Size { found, align } => write!(
                f,
                "the type has {found} bytes and an alignment of {align}; a type has 1 to {CAPACITY_MAX} bytes, a \
                 multiple of its alignment"
            ),
            DescribeError::Align { found } => {
                write!(f, "the type's alignment is {found}; one is a power of two up to {PAYLOAD_ALIGN}")
            }
            DescribeError::NoFields => f.write_str("the type has no fields; give it one, or use a channel of bytes"),
            DescribeError::Field { field, why: EntryError::Name } => write!(
                f,
                "field {field}: its name is not 1 to {NAME_MAX} bytes without control characters, with a [] for each \
                 of its dimensions; give it another one"
            ),
            DescribeError::Field { field, why: EntryError::Unit } => {
                write!(f, "field {field}: its unit is longer than {UNIT_MAX} bytes, or has control characters")
            }
            DescribeError::Field { field, why } => write!(f, "field {field}: {why}"),
            DescribeError::Duplicate { name } => write!(f, "two fields are called {name}; rename one"),
            DescribeError::Overlap { field, other, offset } => {
                write!(f, "field {field} and field {other} both have byte {offset}; move one")
            }
            DescribeError::Pieces => write!(
                f,
                "the type's arrays lie in more than {PIECES_MAX} pieces between each other; make arrays of structs \
                 shorter, or structs of arrays of them"
            ),
            DescribeError::TooLong { found } => {
                write!(f, "the type's description has {found} bytes; it has room for {LENGTH_MAX}")
            }
        }
    }
}

impl Error for DescribeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            DescribeError::Field { why, .. } => Some(why),
            _ => None,
        }
    }
}

impl DescriptionBuilder {
    pub(super) fn new(type_name: &str, size: u64, align: u64) -> Self {
        Self { type_name: type_name.to_owned(), size, align, fields: Vec::new() }
    }

    /// A field of one value, `offset` bytes after the beginning. It need not be aligned there.
    pub fn field(self, name: &str, unit: &str, kind: Kind, offset: u64) -> Self {
        self.array(name, unit, kind, offset, &[])
    }

    /// A field that is an array, of arrays where it has several dimensions, the outermost first. Its path has a `[]`
    /// for each: `joints[]`, or `points[].x` for a field of a struct in an array. A text is an array of [`Kind::Char`].
    pub fn array(mut self, name: &str, unit: &str, kind: Kind, offset: u64, dimensions: &[Dimension]) -> Self {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        self.fields.push(Field { name, unit, kind, offset, dimensions: dimensions.to_vec() });
        self
    }

    /// The description.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with the name of its field.
    pub fn finish(self) -> Result<Description, DescribeError> {
        let Self { type_name, size, align, fields } = &self;
        let (size, align) = (*size, *align);
        if type_name.is_empty() || type_name.len() > header::NAME_MAX || !is_printable(type_name) {
            return Err(DescribeError::TypeName { found: type_name.clone() });
        }
        if !align.is_power_of_two() || align > PAYLOAD_ALIGN as u64 {
            return Err(DescribeError::Align { found: align });
        }
        if size == 0 || size > CAPACITY_MAX as u64 || !size.is_multiple_of(align) {
            return Err(DescribeError::Size { found: size, align });
        }
        if fields.is_empty() {
            return Err(DescribeError::NoFields);
        }
        let mut names = HashSet::new();
        let mut entries = Vec::with_capacity(fields.len());
        for field in fields {
            let failed = |why| DescribeError::Field { field: field.name.escape_debug().to_string(), why };
            if field.name.matches("[]").count() != field.dimensions.len() {
                return Err(failed(EntryError::Name));
            }
            let entry = Entry::new(&field.name, &field.unit, field.kind, field.offset);
            let entry = entry.with_dimensions(&field.dimensions).map_err(failed)?;
            // By itself, so that an error names the field.
            encode([entry], size, &mut Vec::new()).map_err(|error| match error {
                DescriptionError::Entry { why, .. } => failed(why),
                _ => failed(EntryError::CutOff),
            })?;
            if !names.insert(field.name.as_str()) {
                return Err(DescribeError::Duplicate { name: field.name.clone() });
            }
            entries.push(entry);
        }
        check_overlaps(&entries)?;
        let mut bytes = Vec::new();
        let checksum = encode(entries.iter().copied(), size, &mut bytes).map_err(|error| match error {
            DescriptionError::Length { found } => DescribeError::TooLong { found },
            DescriptionError::Entry { number, why } => {
                let field = entries.get(number).map_or("", |entry| entry.name);
                DescribeError::Field { field: field.to_owned(), why }
            }
            _ => DescribeError::NoFields,
        })?;
        let (Ok(size), Ok(align)) = (usize::try_from(size), usize::try_from(align)) else {
            return Err(DescribeError::Size { found: size, align });
        };
        let message_type = TypeLayout::new(type_name, size, align, &[]).described_by(checksum);
        Ok(Description { message_type, bytes })
    }
}

/// Checks that no two fields have a byte in common. Each of them was checked by itself.
fn check_overlaps(entries: &[Entry<'_>]) -> Result<(), DescribeError> {
    let count = |entry: &Entry<'_>| entry.pieces().1.iter().fold(1_u64, |all, outer| all.saturating_mul(outer.count));
    if entries.iter().fold(0_u64, |all, entry| all.saturating_add(count(entry))) > PIECES_MAX {
        return Err(DescribeError::Pieces);
    }
    let mut pieces: Vec<(u64, u64, &str)> = Vec::new();
    for entry in entries {
        let (length, outer) = entry.pieces();
        let mut starts = vec![entry.offset];
        for dimension in outer {
            let within = |start: u64| (0..dimension.count).map(move |index| start + index * dimension.stride);
            starts = starts.into_iter().flat_map(within).collect();
        }
        pieces.extend(starts.into_iter().map(|start| (start, start + length, entry.name)));
    }
    pieces.sort_unstable();
    match pieces.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        None => Ok(()),
        Some(pair) => {
            let (field, other) = (pair[0].2.to_owned(), pair[1].2.to_owned());
            Err(DescribeError::Overlap { field, other, offset: pair[1].0 })
        }
    }
}
