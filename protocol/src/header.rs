//! The header of every object, and the parse of one that was found.
//!
//! ```text
//! word  0         1                2        3       4          5         6          7          8
//!     +---------+----------------+--------+-------+----------+---------+----------+----------+----------+
//!     | magic   | version , kind | pair   | length| consumers| capacity| type hash| type size|type align|
//!     +---------+----------------+--------+-------+----------+---------+----------+----------+----------+
//! word  9 .. 22                                    23
//!     +-------------------------------------------+-------------------------+
//!     | type name, UTF-8, 112 bytes, NUL-padded   | checksum of words 1..22 |
//!     +-------------------------------------------+-------------------------+
//! ```
//!
//! Words are 64 bits in the machine's own order: shared memory does not leave the machine, and a header of the other
//! order fails the magic. The magic is written last, so an object either has a complete header or is
//! [`Incomplete`](HeaderError::Incomplete), which is what a creator leaves that was killed on its way. Everything here
//! is parsed as untrusted bytes.
//!
//! The length is that of the whole object: of an anchor, with the [description](crate::description) that follows the
//! protocol's layout. An object without one ends where its layout ends, and none is shorter.
//!
//! | version | |
//! |---|---|
//! | 1 | objects end where their layouts end |
//! | 2 | descriptions; the hash of a type covers its description, and so its fields' units |

use crate::description::Shape;
use core::fmt;

/// Length of a header, in bytes.
pub const LENGTH: usize = 192;
/// Length of a header, in 64-bit words.
pub const WORDS: usize = LENGTH / 8;
/// Length of the longest type name, in bytes.
pub const NAME_MAX: usize = 112;
/// The version of the layouts in this crate. An object of another version is never touched.
pub const VERSION: u32 = 2;
/// First word of a complete object.
pub const MAGIC: u64 = u64::from_be_bytes(*b"lastword");
/// First word of an object whose creator has not finished.
pub const CREATING: u64 = u64::from_be_bytes(*b"lw-start");

const NAME_WORD: usize = 9;
const CHECKSUM_WORD: usize = 23;
const _: () = {
    assert!(LENGTH.is_multiple_of(8) && CHECKSUM_WORD == WORDS - 1);
    assert!(NAME_WORD + NAME_MAX / 8 == CHECKSUM_WORD);
};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Messages of a `slots` channel.
    SlotsData = 1,
    /// Lock words of a `slots` channel.
    SlotsLocks = 2,
    /// A `ready` mailbox.
    Ready = 3,
    /// A `status` board.
    Status = 4,
}

impl Kind {
    const ALL: [Self; 4] = [Kind::SlotsData, Kind::SlotsLocks, Kind::Ready, Kind::Status];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::SlotsData => "the data object of a slots channel",
            Kind::SlotsLocks => "the locks object of a slots channel",
            Kind::Ready => "a ready mailbox",
            Kind::Status => "a status board",
        })
    }
}

/// The layout of a payload type, as far as two programs must agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeLayout {
    /// A hash of everything that the two must agree on: name, size, alignment, and the description of the fields.
    pub hash: u64,
    /// Size in bytes; 0 for byte messages of varying length.
    pub size: u64,
    /// Alignment in bytes.
    pub align: u64,
    name: [u8; NAME_MAX],
}

/// A named field of a payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name.
    pub name: &'static str,
    /// The name of the field's type.
    pub kind: &'static str,
    /// Offset in bytes.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// The unit that its value is in; empty where it has none or does not say.
    pub unit: &'static str,
    /// What the field's type consists of.
    pub shape: Shape,
}

impl TypeLayout {
    /// Messages of bytes, whose length varies up to the capacity.
    pub const BYTES: Self = Self::new("bytes", 0, 1, &[]);

    /// The layout of a type called `name`, of `size` bytes, with these fields.
    ///
    /// # Panics
    /// At compile time where used in a constant: the name is empty, longer than 112 bytes or has a NUL.
    #[must_use]
    pub const fn new(name: &str, size: usize, align: usize, fields: &[Field]) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= NAME_MAX, "a type name has 1 to 112 bytes");
        let mut padded = [0; NAME_MAX];
        let mut i = 0;
        while i < bytes.len() {
            assert!(bytes[i] != 0, "a type name has no NUL");
            padded[i] = bytes[i];
            i += 1;
        }
        let mut hash = hash_bytes(FNV_OFFSET, bytes);
        hash = hash_word(hash_word(hash, size as u64), align as u64);
        let mut i = 0;
        while i < fields.len() {
            let field = &fields[i];
            hash = hash_word(hash_bytes(hash, field.name.as_bytes()), field.name.len() as u64);
            hash = hash_word(hash_bytes(hash, field.kind.as_bytes()), field.kind.len() as u64);
            hash = hash_word(hash_word(hash, field.offset as u64), field.size as u64);
            hash = hash_word(hash_bytes(hash, field.unit.as_bytes()), field.unit.len() as u64);
            i += 1;
        }
        Self { hash, size: size as u64, align: align as u64, name: padded }
    }

    /// The layout of a type of this shape, which contains types of the layouts `inner`.
    ///
    /// Of a type that says all of what it consists of, the description is what two programs agree on, beside name, size
    /// and alignment: `TypeLayout::new(name, size, align, &[]).described_by(checksum)`. So it makes no difference how
    /// they spell the types of the fields, nor whether they knew them when they were compiled. Where the shape does not
    /// say, the fields as they are declared are agreed on, with the hashes of `inner`.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[must_use]
    pub const fn of(name: &str, size: usize, align: usize, shape: &Shape, inner: &[Self]) -> Self {
        if !shape.is_opaque() {
            return Self::new(name, size, align, &[]).described_by(shape.checksum());
        }
        let mut layout = Self::new(name, size, align, shape.fields());
        let mut i = 0;
        while i < inner.len() {
            layout.hash = hash_word(layout.hash, inner[i].hash);
            i += 1;
        }
        layout
    }

    /// The same layout, with a description's checksum mixed into its hash.
    #[must_use]
    pub const fn described_by(mut self, checksum: u64) -> Self {
        self.hash = hash_word(self.hash, checksum);
        self
    }

    /// Whether this is [`BYTES`](Self::BYTES).
    #[must_use]
    pub const fn is_bytes(&self) -> bool {
        self.size == Self::BYTES.size && self.hash == Self::BYTES.hash
    }

    /// The type's name; what is not UTF-8 in an object found is cut off.
    #[must_use]
    pub fn name(&self) -> &str {
        let end = self.name.iter().position(|&byte| byte == 0).unwrap_or(NAME_MAX);
        let bytes = &self.name[..end];
        match core::str::from_utf8(bytes) {
            Ok(name) => name,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
        }
    }
}

impl fmt::Display for TypeLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Escaped: in an object found, it may have controls of a terminal.
        let name = self.name().escape_debug();
        if self.size == 0 {
            write!(f, "{name} (layout {:016x})", self.hash)
        } else {
            write!(f, "{name} ({} bytes, aligned to {}, layout {:016x})", self.size, self.align, self.hash)
        }
    }
}

/// A complete header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the object is.
    pub kind: Kind,
    /// A random number that the two objects of one channel share.
    pub pair: u64,
    /// Length of the whole object, in bytes, with its description.
    pub length: u64,
    /// Consumers of a `slots` channel, words of a `status` board; 0 elsewhere.
    pub consumers: u64,
    /// Longest message, in bytes; 0 for a `status` board.
    pub capacity: u64,
    /// The payload's type.
    pub payload: TypeLayout,
}

/// An object that was found is not a complete object of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Its creator has not finished, or was killed before it had: the next one that creates it completes it.
    Incomplete,
    /// It is shorter than a header.
    TooShort {
        /// Its length, in bytes.
        found: u64,
    },
    /// It does not begin as an object of lastword does.
    NotOurs {
        /// Its first word.
        found: u64,
    },
    /// It was made by a program with another version of the layout.
    Version {
        /// The version found; this one has [`VERSION`].
        found: u32,
    },
    /// Its header was damaged.
    Checksum {
        /// The checksum of what is there.
        computed: u64,
        /// The checksum that is noted.
        found: u64,
    },
    /// Its kind is none that this version knows.
    UnknownKind {
        /// The kind found.
        found: u32,
    },
    /// The object's length is not the one that its header notes: it was truncated or extended.
    Length {
        /// The object's length, in bytes.
        found: u64,
        /// The length noted, in bytes.
        expected: u64,
    },
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderError::Incomplete => f.write_str("its creator has not finished"),
            HeaderError::TooShort { found } => {
                write!(f, "it has {found} bytes, and the header alone has {LENGTH}")
            }
            HeaderError::NotOurs { found } => {
                write!(f, "it begins with {found:#018x}, and an object of lastword with {MAGIC:#018x}")
            }
            HeaderError::Version { found } => {
                write!(f, "its layout has version {found}, and this program knows version {VERSION} only")
            }
            HeaderError::Checksum { computed, found } => {
                write!(f, "its header is damaged: checksum {found:#018x}, computed {computed:#018x}")
            }
            HeaderError::UnknownKind { found } => write!(f, "its kind is {found}, which this program does not know"),
            HeaderError::Length { found, expected } => {
                write!(f, "it has {found} bytes, and its header says {expected}")
            }
        }
    }
}

impl core::error::Error for HeaderError {}

impl Header {
    /// The header as words. The first one, [`MAGIC`], has to be written last.
    #[must_use]
    pub fn encode(&self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        words[0] = MAGIC;
        words[1] = u64::from(VERSION) << 32 | u64::from(self.kind as u32);
        words[2] = self.pair;
        words[3] = self.length;
        words[4] = self.consumers;
        words[5] = self.capacity;
        words[6] = self.payload.hash;
        words[7] = self.payload.size;
        words[8] = self.payload.align;
        for (word, bytes) in words[NAME_WORD..].iter_mut().zip(self.payload.name.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        words[CHECKSUM_WORD] = checksum(&words);
        words
    }

    /// Parses the first words of an object of `length` bytes. An object that is shorter than a header is passed as the
    /// words it has.
    ///
    /// # Errors
    /// What the object is instead of a complete object of this version.
    pub fn parse(words: &[u64], length: u64) -> Result<Self, HeaderError> {
        match words.first() {
            None if length == 0 => return Err(HeaderError::Incomplete),
            Some(&CREATING) => return Err(HeaderError::Incomplete),
            Some(&MAGIC) => {}
            Some(&found) if length >= 8 => return Err(HeaderError::NotOurs { found }),
            _ => return Err(HeaderError::TooShort { found: length }),
        }
        let Some(words) = words.first_chunk::<WORDS>() else {
            return Err(HeaderError::TooShort { found: length });
        };
        // The version stands where every later version will have it too, so it is looked at before the rest.
        let version = (words[1] >> 32) as u32;
        if version != VERSION {
            return Err(HeaderError::Version { found: version });
        }
        let computed = checksum(words);
        let found = words[CHECKSUM_WORD];
        if computed != found {
            return Err(HeaderError::Checksum { computed, found });
        }
        let number = words[1] as u32;
        let Some(kind) = Kind::ALL.into_iter().find(|&kind| kind as u32 == number) else {
            return Err(HeaderError::UnknownKind { found: number });
        };
        if words[3] != length {
            return Err(HeaderError::Length { found: length, expected: words[3] });
        }
        let mut name = [0; NAME_MAX];
        for (bytes, word) in name.as_chunks_mut::<8>().0.iter_mut().zip(&words[NAME_WORD..]) {
            *bytes = word.to_ne_bytes();
        }
        Ok(Self {
            kind,
            pair: words[2],
            length: words[3],
            consumers: words[4],
            capacity: words[5],
            payload: TypeLayout { hash: words[6], size: words[7], align: words[8], name },
        })
    }
}

pub(crate) const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1a, 64 bits. Against accident, not against intent: who can write a header can write its checksum.
pub(crate) const fn hash_bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(FNV_PRIME);
        i += 1;
    }
    hash
}

const fn hash_word(hash: u64, word: u64) -> u64 {
    hash_bytes(hash, &word.to_le_bytes())
}

fn checksum(words: &[u64; WORDS]) -> u64 {
    words[1..CHECKSUM_WORD].iter().fold(FNV_OFFSET, |hash, &word| hash_word(hash, word))
}
