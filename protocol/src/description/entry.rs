//! An entry of a description: a field of a message, or a word of a board.

use super::{DIMENSIONS_MAX, EntryError, NAME_MAX, UNIT_MAX};
use core::fmt;

/// Length of an entry before its dimensions.
const FIXED: usize = 16;
/// Length of a dimension.
const DIMENSION: usize = 16;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal, $size:literal;)*) => {
        /// What a value is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each but `Char` is Rust's type of that name")]
        pub enum Kind {
            $($kind = $number),*
        }

        impl Kind {
            const ALL: &'static [Self] = &[$(Kind::$kind),*];

            /// Rust's name of the kind; of a character, C's.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name),*
                }
            }

            /// Size of a value in a message, in bytes. On a board every value has 8.
            #[must_use]
            pub const fn size(self) -> usize {
                match self {
                    $(Kind::$kind => $size),*
                }
            }
        }
    };
}

kinds! {
    U8 = 1, "u8", 1;
    U16 = 2, "u16", 2;
    U32 = 3, "u32", 4;
    U64 = 4, "u64", 8;
    U128 = 5, "u128", 16;
    I8 = 6, "i8", 1;
    I16 = 7, "i16", 2;
    I32 = 8, "i32", 4;
    I64 = 9, "i64", 8;
    I128 = 10, "i128", 16;
    F32 = 11, "f32", 4;
    F64 = 12, "f64", 8;
    Bool = 13, "bool", 1;
    /// A byte of text, as C's `char`: UTF-8 where several make one character. An array of them is a text of at most
    /// that length, which ends before the first byte that is 0.
    Char = 14, "char", 1;
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A dimension of an array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dimension {
    /// How many elements.
    pub count: u64,
    /// How many bytes after an element the next one begins.
    pub stride: u64,
}

/// A field of a message, or a word of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name; of a message's field, the path: `pose.x`, `points[].x`.
    pub name: &'a str,
    /// The unit that its value is in; empty where it has none or does not say.
    pub unit: &'a str,
    /// What its value is, or each element of it.
    pub kind: Kind,
    /// Byte offset in the message or among the board's words; of an array, that of the first element.
    pub offset: u64,
    dimensions: [Dimension; DIMENSIONS_MAX],
    count: u8,
}

impl<'a> Entry<'a> {
    /// An entry of one value.
    #[must_use]
    pub const fn new(name: &'a str, unit: &'a str, kind: Kind, offset: u64) -> Self {
        Self { name, unit, kind, offset, dimensions: [Dimension { count: 0, stride: 0 }; DIMENSIONS_MAX], count: 0 }
    }

    /// The same entry, as an array of these dimensions, the outermost first.
    ///
    /// # Errors
    /// There are more than [`DIMENSIONS_MAX`].
    pub fn with_dimensions(mut self, dimensions: &[Dimension]) -> Result<Self, EntryError> {
        self.dimensions.get_mut(..dimensions.len()).ok_or(EntryError::Dimensions)?.copy_from_slice(dimensions);
        self.count = dimensions.len() as u8;
        Ok(self)
    }

    /// The dimensions, the outermost first; none where it is one value.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        self.dimensions.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Checks everything that does not follow from the types.
    pub(super) fn check(&self, size: u64) -> Result<(), EntryError> {
        if self.name.is_empty() || self.name.len() > NAME_MAX || !is_printable(self.name) {
            return Err(EntryError::Name);
        }
        if self.unit.len() > UNIT_MAX || !is_printable(self.unit) {
            return Err(EntryError::Unit);
        }
        let extent = self.extent().ok_or(EntryError::Dimensions)?;
        match self.offset.checked_add(extent) {
            Some(end) if end <= size => Ok(()),
            _ => Err(EntryError::Outside { size }),
        }
    }

    /// How many bytes it takes from its first element to the end of its last; `None` where its dimensions cannot be.
    fn extent(&self) -> Option<u64> {
        self.dimensions().iter().rev().try_fold(self.kind.size() as u64, |inner, dimension| {
            let last = dimension.count.checked_sub(1)?.checked_mul(dimension.stride)?;
            if dimension.stride < inner { None } else { last.checked_add(inner) }
        })
    }

    /// Its bytes as pieces without gaps: the length of each, and the outer dimensions that say where they are.
    #[must_use]
    pub fn pieces(&self) -> (u64, &[Dimension]) {
        let (mut length, mut outer) = (self.kind.size() as u64, self.dimensions());
        while let Some((dimension, rest)) = outer.split_last() {
            if dimension.stride != length {
                break;
            }
            length = length.saturating_mul(dimension.count);
            outer = rest;
        }
        (length, outer)
    }

    /// How many bytes all its elements have, without the gaps. Of an entry that was checked, at most its extent.
    pub(super) fn bytes(&self) -> u64 {
        let count = self.dimensions().iter().fold(1_u64, |count, dimension| count.saturating_mul(dimension.count));
        count.saturating_mul(self.kind.size() as u64)
    }

    pub(super) fn encode(&self, put: &mut impl FnMut(&[u8])) {
        let lengths = [self.kind as u8, self.name.len() as u8, self.unit.len() as u8, self.count];
        put(&lengths);
        put(&[0; 4]);
        put(&self.offset.to_ne_bytes());
        for dimension in self.dimensions() {
            put(&dimension.count.to_ne_bytes());
            put(&dimension.stride.to_ne_bytes());
        }
        put(self.name.as_bytes());
        put(self.unit.as_bytes());
        let texts = self.name.len() + self.unit.len();
        put(&[0; 8][..texts.next_multiple_of(8) - texts]);
    }

    /// Takes an entry off the bytes.
    pub(super) fn decode(rest: &mut &'a [u8]) -> Result<Self, EntryError> {
        let fixed = take(rest, FIXED)?;
        let [number, name, unit, count, zeros @ ..] = *fixed.first_chunk::<8>().ok_or(EntryError::CutOff)?;
        let offset = u64::from_ne_bytes(*fixed.last_chunk().ok_or(EntryError::CutOff)?);
        let Some(&kind) = Kind::ALL.iter().find(|&&kind| kind as u8 == number) else {
            return Err(EntryError::UnknownKind { found: number });
        };
        let mut dimensions = [Dimension::default(); DIMENSIONS_MAX];
        let found = take(rest, usize::from(count) * DIMENSION)?;
        let places = dimensions.get_mut(..usize::from(count)).ok_or(EntryError::Dimensions)?;
        for (dimension, [count, stride]) in places.iter_mut().zip(found.as_chunks::<8>().0.as_chunks().0) {
            *dimension = Dimension { count: u64::from_ne_bytes(*count), stride: u64::from_ne_bytes(*stride) };
        }
        let (name, unit) = (usize::from(name), usize::from(unit));
        let texts = take(rest, (name + unit).next_multiple_of(8))?;
        let (name, texts) = texts.split_at_checked(name).ok_or(EntryError::CutOff)?;
        let (unit, padding) = texts.split_at_checked(unit).ok_or(EntryError::CutOff)?;
        let name = core::str::from_utf8(name).map_err(|_| EntryError::Name)?;
        let unit = core::str::from_utf8(unit).map_err(|_| EntryError::Unit)?;
        if zeros.iter().chain(padding).any(|&byte| byte != 0) {
            return Err(EntryError::NotZero);
        }
        Ok(Self { name, unit, kind, offset, dimensions, count })
    }
}

impl fmt::Display for Entry<'_> {
    /// As `points[0..3].x: f64 at byte 16, in m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.name.split("[]");
        f.write_str(parts.next().unwrap_or_default())?;
        let mut dimensions = self.dimensions().iter();
        for part in parts {
            match dimensions.next() {
                Some(dimension) => write!(f, "[0..{}]{part}", dimension.count)?,
                None => write!(f, "[]{part}")?,
            }
        }
        write!(f, ": {} at byte {}", self.kind, self.offset)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, ", in {}", self.unit) }
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], EntryError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(EntryError::CutOff)?;
    *rest = left;
    Ok(taken)
}

/// Whether a name or a unit can be shown on a terminal as it is.
#[must_use]
pub fn is_printable(text: &str) -> bool {
    // Marks of direction, which make what follows look like something else, and ends of lines that are no controls.
    let turns =
        |char| matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|char| char.is_control() || turns(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_the_direction_or_ends_a_line_is_not_printable() {
        let marks = ['\u{61c}', '\u{200e}', '\u{200f}'];
        for char in marks.into_iter().chain('\u{2028}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
            assert!(!is_printable(char.encode_utf8(&mut [0; 4])), "{}", char.escape_unicode());
        }
        assert!(!is_printable("a\u{1b}[2J") && !is_printable("\u{85}"));
        assert!(is_printable("") && is_printable("°C, ١ م, שלום"));
    }
}
