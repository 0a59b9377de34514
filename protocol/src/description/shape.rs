//! What a type consists of, as it is known when a program is compiled, and the checksum of its description.

use super::{DIMENSIONS_MAX, Dimension, Kind};
use crate::header::{FNV_OFFSET, Field, hash_bytes};

/// A message that is one value and no struct is called so.
pub const WHOLE: &str = "value";

/// What a message consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It does not say.
    Opaque,
    /// One value.
    Scalar(Kind),
    /// Elements of one shape, one behind the other.
    Array {
        /// What an element consists of.
        element: &'static Shape,
        /// How many there are.
        count: usize,
        /// How many bytes after an element the next one begins.
        stride: usize,
    },
    /// Fields of several shapes.
    Struct {
        /// The fields.
        fields: &'static [Field],
    },
}

impl Shape {
    /// Bytes that mean nothing, and are not described.
    pub const NOTHING: Self = Self::Struct { fields: &[] };

    /// The fields of a struct; none of anything else.
    #[must_use]
    pub const fn fields(&self) -> &'static [Field] {
        match self {
            Shape::Struct { fields } => fields,
            Shape::Opaque | Shape::Scalar(_) | Shape::Array { .. } => &[],
        }
    }

    /// Whether it, or a part of it, does not say what it consists of.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        match self {
            Shape::Opaque => true,
            Shape::Scalar(_) => false,
            Shape::Array { element, .. } => element.is_opaque(),
            Shape::Struct { fields } => {
                let mut i = 0;
                while i < fields.len() {
                    if fields[i].shape.is_opaque() {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }

    /// The checksum of the description of a message of this shape, as [`encode`](super::encode) gives it.
    pub(crate) const fn checksum(&self) -> u64 {
        let whole = Path { before: None, separator: "", part: WHOLE };
        let path = if matches!(self, Shape::Struct { .. }) { None } else { Some(&whole) };
        let dimensions = [Dimension { count: 0, stride: 0 }; DIMENSIONS_MAX];
        hash_shape(FNV_OFFSET, self, &Place { path, unit: "", offset: 0, dimensions, count: 0 })
    }
}

/// A path, from its last part on.
struct Path<'p> {
    before: Option<&'p Path<'p>>,
    separator: &'static str,
    part: &'static str,
}

impl Path<'_> {
    const fn length(&self) -> usize {
        let before = match self.before {
            Some(before) => before.length(),
            None => 0,
        };
        before + self.separator.len() + self.part.len()
    }

    const fn hash(&self, hash: u64) -> u64 {
        let before = match self.before {
            Some(before) => before.hash(hash),
            None => hash,
        };
        hash_bytes(hash_bytes(before, self.separator.as_bytes()), self.part.as_bytes())
    }
}

/// Where a part of a message is.
struct Place<'p> {
    path: Option<&'p Path<'p>>,
    unit: &'static str,
    offset: u64,
    /// What is more than fits cannot be described.
    dimensions: [Dimension; DIMENSIONS_MAX],
    count: usize,
}

const fn hash_shape(hash: u64, shape: &Shape, place: &Place<'_>) -> u64 {
    match *shape {
        Shape::Opaque | Shape::Array { count: 0, .. } => hash,
        Shape::Scalar(kind) => hash_entry(hash, kind, place),
        Shape::Array { element, count, stride } => {
            let path = Path { before: place.path, separator: "", part: "[]" };
            let mut dimensions = place.dimensions;
            if place.count < DIMENSIONS_MAX {
                dimensions[place.count] = Dimension { count: count as u64, stride: stride as u64 };
            }
            let Place { unit, offset, count, .. } = *place;
            hash_shape(hash, element, &Place { path: Some(&path), unit, offset, dimensions, count: count + 1 })
        }
        Shape::Struct { fields } => {
            let mut hash = hash;
            let mut i = 0;
            while i < fields.len() {
                let field = &fields[i];
                let separator = if place.path.is_some() { "." } else { "" };
                let path = Path { before: place.path, separator, part: field.name };
                let unit = if field.unit.is_empty() { place.unit } else { field.unit };
                let offset = place.offset.saturating_add(field.offset as u64);
                let Place { dimensions, count, .. } = *place;
                hash = hash_shape(hash, &field.shape, &Place { path: Some(&path), unit, offset, dimensions, count });
                i += 1;
            }
            hash
        }
    }
}

/// The same bytes as an entry is encoded to.
const fn hash_entry(hash: u64, kind: Kind, place: &Place<'_>) -> u64 {
    let name = match place.path {
        Some(path) => path.length(),
        None => 0,
    };
    let lengths = [kind as u8, name as u8, place.unit.len() as u8, place.count as u8, 0, 0, 0, 0];
    let mut hash = hash_bytes(hash_bytes(hash, &lengths), &place.offset.to_ne_bytes());
    let mut i = 0;
    while i < place.count && i < DIMENSIONS_MAX {
        hash = hash_bytes(hash, &place.dimensions[i].count.to_ne_bytes());
        hash = hash_bytes(hash, &place.dimensions[i].stride.to_ne_bytes());
        i += 1;
    }
    if let Some(path) = place.path {
        hash = path.hash(hash);
    }
    hash = hash_bytes(hash, place.unit.as_bytes());
    let texts = name + place.unit.len();
    let mut padding = texts.next_multiple_of(8) - texts;
    while padding > 0 {
        hash = hash_bytes(hash, &[0]);
        padding -= 1;
    }
    hash
}
