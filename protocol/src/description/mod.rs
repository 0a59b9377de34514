//! # Descriptions: what an object holds, so that programs can print it that were not built with it
//!
//! The [anchor](crate::creation::Part::Anchor) of a channel or a board carries, after its protocol's own layout, a list
//! of entries: the fields of the messages, or the words of the board. A tool that knows neither the message type nor
//! the writer's source finds names, kinds, places and units there. The protocols themselves never look at it.
//!
//! ```text
//! +-----------------------------------------------------+ 0
//! | header, and the protocol's own layout               |
//! +-----------------------------------------------------+ length of the layout, rounded up to 8
//! | entry[0]   16 + 16 * dimensions + texts, rounded up |
//! | entry[1]   ...                                      |
//! | checksum of the entries, 8                          |
//! +-----------------------------------------------------+ header.length
//!
//! entry
//! byte  0        1            2            3            4 .. 7   8 .. 15
//!     +--------+------------+------------+------------+--------+-----------------+
//!     | kind   | length of  | length of  | dimensions | 0      | offset in bytes |
//!     |        | the name   | the unit   |            |        |                 |
//!     +--------+------------+------------+------------+--------+-----------------+
//!     | of each dimension, the outermost first: count 8, stride in bytes 8       |
//!     +--------------------------------------------------------------------------+
//!     | name, unit: UTF-8, padded with zeros to a multiple of 8                  |
//!     +--------------------------------------------------------------------------+
//! ```
//!
//! Numbers are in the machine's own order, as in the [header](crate::header). An object without a description ends
//! where its layout ends: one of messages of bytes, of a type that does not say what it consists of, or a board whose
//! words have no names.
//!
//! **Messages.** A field that is a struct is not an entry of its own. Its fields are, by their paths: `pose.x`. A field
//! within an array is one entry with a dimension, however long the array is: `points[].x`, 3 times, 16 bytes apart. The
//! offset is from the message's beginning, and is that of the first element. A type that says all of what it consists
//! of is known by its name, size, alignment and the checksum of these entries
//! ([`TypeLayout::of`](crate::header::TypeLayout::of)), so that programs agree on it whatever they declare it in.
//!
//! **Boards.** Entry i is word i, at offset 8 i. Either every word has an entry, or there is none.
//!
//! **Untrusted bytes.** The section is parsed with limits on everything, and a list that was damaged is told by its
//! checksum. Every element of an entry lies inside of the message or the board, and all elements of all entries
//! together have no more bytes than that: what a description makes of a message is in proportion to it. Names and units
//! have no control characters, and none that turn the direction of writing, so that they can be shown on a terminal.
//!
//! **What a death leaves.** The description is written before the object is complete
//! ([`Objects::describe`](crate::creation::Objects::describe)) and never again. An object that is complete has all of
//! it.

mod entry;
mod shape;

use crate::header::{FNV_OFFSET, hash_bytes};
use core::fmt;
use core::ops::Range;
pub use entry::{Dimension, Entry, Kind, is_printable};
pub use shape::{Shape, WHOLE};

/// Length of the longest description, in bytes.
pub const LENGTH_MAX: usize = 1 << 20;
/// Length of the longest name of a field with its path, or of a word, in bytes.
pub const NAME_MAX: usize = u8::MAX as usize;
/// Length of the longest unit, in bytes.
pub const UNIT_MAX: usize = 32;
/// Most dimensions of an entry: arrays in arrays.
pub const DIMENSIONS_MAX: usize = 8;

const CHECKSUM: usize = 8;

/// A description that was found, all of it checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    entries: &'a [u8],
    checksum: u64,
}

/// What was found is no description, or what was to be written cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DescriptionError {
    /// It is too long, or its length is none that a description can have.
    Length {
        /// Its length, in bytes.
        found: usize,
    },
    /// It was damaged.
    Checksum {
        /// The checksum of what is there.
        computed: u64,
        /// The checksum that is noted.
        found: u64,
    },
    /// It has not as many entries as the board has words.
    Count {
        /// How many there are.
        found: usize,
        /// How many words there are.
        expected: usize,
    },
    /// An entry cannot be.
    Entry {
        /// Its number.
        number: usize,
        /// What is wrong with it.
        why: EntryError,
    },
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryError {
    /// It is cut off.
    CutOff,
    /// Its kind is none that this version knows.
    UnknownKind {
        /// The kind found.
        found: u8,
    },
    /// Its name is empty, too long, no UTF-8 or has control characters.
    Name,
    /// Its unit is too long, no UTF-8 or has control characters.
    Unit,
    /// It has too many dimensions, an empty one, or elements that overlap.
    Dimensions,
    /// It reaches beyond the message or the board.
    Outside {
        /// How many bytes the message or the board has.
        size: u64,
    },
    /// With the entries before it, it takes more bytes than the message or the board has, so that some of them overlap.
    Overlap {
        /// How many bytes the message or the board has.
        size: u64,
    },
    /// Bytes that have to be 0 are not.
    NotZero,
    /// It is not the word that belongs there, or none that a board can have.
    NotAWord,
    /// Another word has its name.
    Duplicate,
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DescriptionError::Length { found } => {
                write!(f, "its description has {found} bytes, and one has at most {LENGTH_MAX}, a multiple of 8")
            }
            DescriptionError::Checksum { computed, found } => {
                write!(f, "its description is damaged: checksum {found:#018x}, computed {computed:#018x}")
            }
            DescriptionError::Count { found, expected } => {
                write!(f, "its description has {found} entries, and it has {expected} words")
            }
            DescriptionError::Entry { number, why } => write!(f, "entry {number} of its description: {why}"),
        }
    }
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryError::CutOff => f.write_str("it is cut off"),
            EntryError::UnknownKind { found } => {
                write!(f, "its kind is {found}, which this program does not know")
            }
            EntryError::Name => write!(f, "its name is not 1 to {NAME_MAX} bytes of UTF-8 without control characters"),
            EntryError::Unit => write!(f, "its unit is not 0 to {UNIT_MAX} bytes of UTF-8 without control characters"),
            EntryError::Dimensions => {
                write!(f, "its dimensions are more than {DIMENSIONS_MAX}, or one of them is empty or overlaps itself")
            }
            EntryError::Outside { size } => write!(f, "it reaches beyond the {size} bytes that there are"),
            EntryError::Overlap { size } => {
                write!(f, "with those before it, it takes more than the {size} bytes that there are")
            }
            EntryError::NotZero => f.write_str("it has bytes that should be 0"),
            EntryError::NotAWord => f.write_str("it is not the word of a board that belongs there"),
            EntryError::Duplicate => f.write_str("another one has its name"),
        }
    }
}

impl core::error::Error for DescriptionError {}
impl core::error::Error for EntryError {}

/// Where the description of an object of `length` bytes lies, after a layout of `layout` bytes; empty where it has
/// none.
/// `None` where no object of this layout has that length.
#[must_use]
pub fn section(layout: usize, length: u64) -> Option<Range<u64>> {
    let start = layout.checked_next_multiple_of(8)? as u64;
    if length == layout as u64 {
        return Some(length..length);
    }
    let is_possible = |bytes: u64| bytes > CHECKSUM as u64 && bytes <= LENGTH_MAX as u64 && bytes.is_multiple_of(8);
    length.checked_sub(start).filter(|&bytes| is_possible(bytes)).map(|_| start..length)
}

/// The length of an object with a layout of `layout` bytes and a description of `description` bytes.
#[must_use]
pub const fn object_length(layout: usize, description: usize) -> u64 {
    if description == 0 { layout as u64 } else { layout.next_multiple_of(8) as u64 + description as u64 }
}

impl<'a> Description<'a> {
    /// No entries.
    pub const EMPTY: Self = Self { entries: &[], checksum: FNV_OFFSET };

    /// Parses the bytes of an object's description, of a message or board of `size` bytes. No bytes are no entries.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: &'a [u8], size: u64) -> Result<Self, DescriptionError> {
        if bytes.is_empty() {
            return Ok(Self::EMPTY);
        }
        let length = DescriptionError::Length { found: bytes.len() };
        if bytes.len() <= CHECKSUM || bytes.len() > LENGTH_MAX || !bytes.len().is_multiple_of(8) {
            return Err(length);
        }
        let Some((entries, checksum)) = bytes.split_last_chunk::<CHECKSUM>() else { return Err(length) };
        let (computed, found) = (hash_bytes(FNV_OFFSET, entries), u64::from_ne_bytes(*checksum));
        if computed != found {
            return Err(DescriptionError::Checksum { computed, found });
        }
        let mut rest = entries;
        let (mut number, mut left) = (0, size);
        while !rest.is_empty() {
            let failed = |why| DescriptionError::Entry { number, why };
            let entry = Entry::decode(&mut rest).map_err(failed)?;
            entry.check(size).map_err(failed)?;
            left = left.checked_sub(entry.bytes()).ok_or(failed(EntryError::Overlap { size }))?;
            number += 1;
        }
        Ok(Self { entries, checksum: found })
    }

    /// The entries, in their order.
    #[must_use]
    pub const fn entries(&self) -> Entries<'a> {
        Entries { rest: self.entries }
    }

    /// The checksum of the entries. Two descriptions are equal whose entries are, and hardly any others have it in
    /// common.
    #[must_use]
    pub const fn checksum(&self) -> u64 {
        self.checksum
    }

    /// Whether there are no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The entries of a description.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        // Parsing the description has shown that each of them can be decoded.
        Entry::decode(&mut self.rest).ok()
    }
}

/// Appends the bytes of a description with these entries, of a message or board of `size` bytes: none where there are
/// no entries. Its checksum.
///
/// # Errors
/// An entry cannot be, or they are too long together. What was appended then is of no account.
pub fn encode<'a>(
    entries: impl IntoIterator<Item = Entry<'a>>,
    size: u64,
    into: &mut impl Extend<u8>,
) -> Result<u64, DescriptionError> {
    let mut checksum = FNV_OFFSET;
    let mut length = 0;
    for (number, entry) in entries.into_iter().enumerate() {
        entry.check(size).map_err(|why| DescriptionError::Entry { number, why })?;
        entry.encode(&mut |bytes| {
            checksum = hash_bytes(checksum, bytes);
            length += bytes.len();
            into.extend(bytes.iter().copied());
        });
        if length > LENGTH_MAX - CHECKSUM {
            return Err(DescriptionError::Length { found: length + CHECKSUM });
        }
    }
    if length > 0 {
        into.extend(checksum.to_ne_bytes());
    }
    Ok(checksum)
}
