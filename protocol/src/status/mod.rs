//! # `status`: a board of words that a dead writer cannot spoil
//!
//! **Problem.** A server shows its state (users, load, a flag) to monitors that come and go. It must not pay for them,
//! and may die at any instruction.
//!
//! **Memory.** Words of 64 bits, each holding one value of one kind; one writer.
//!
//! ```text
//! +------------------------+ 0
//! | header, 256 bytes      |
//! +------------------------+ 256
//! | word[0]    8           |
//! | word[1]    8           |
//! | ...                    |
//! +------------------------+ 256 + 8 * words
//! | description, if any    |
//! +------------------------+
//! ```
//!
//! The last two words before the first, at 248 and 240, say who took the writer's role last (its
//! signature) and since when. No protocol reads them.
//!
//! **Legal states.** A `bool` is 0 or 1, a `u32` below 2^32, every other kind any word; 0 is every kind's first value.
//!
//! **Invariants.**
//! 1. Each word is one value that the writer set, whole.
//! 2. A monitor that has read a value sees, in every word, what the writer had set there before, or later.
//!
//! Nothing else is promised across words: a board is not a snapshot. Who needs one publishes a struct through
//! [`slots`](crate::slots).
//!
//! **Who may write what.** The writer every word, monitors none.
//!
//! **Orderings.** [`site`]: a Release store and an Acquire load, on x86-64 the plain instructions.
//!
//! **What a death leaves.** Before a store, the old value; after it, the new one. The next writer reads its words back
//! and goes on. Whether the writer lives is not a word of the board: ask the kernel, which holds the role.
//!
//! **Checked** with loom, shuttle and proptest (`tests/`), by the simulator (`lastword-sim`), and in real processes
//! (package `lastword`). **Specified** in TLA+ (`specs/tla/Status.tla`).

pub mod site {
    //! The table of `status`: every access to shared memory, with its ordering.
    use crate::memory::{Ordering, Site};
    /// Stores a value. Releases everything set before to [`GET`]. (Inv 2)
    pub const SET: &Site = &Site::store(0, "status.set", Ordering::Release);
    /// Loads a value. Acquires what was set before it. (Inv 2)
    pub const GET: &Site = &Site::load(1, "status.get", Ordering::Acquire);
    /// Loads a value of the writer's own. Nobody else writes it.
    pub const RESTORE: &Site = &Site::load(2, "status.restore", Ordering::Relaxed);
    /// The whole table.
    pub const SITES: [&Site; 3] = [SET, GET, RESTORE];
    const _: () = crate::memory::assert_numbered(&SITES);
}

use crate::description::Kind;
use crate::header;
use crate::memory::{Memory, Numbering};
use core::fmt;

/// Most words of a board.
pub const WORDS_MAX: u16 = 4096;

const FIRST: usize = 256;

/// Byte offset of the signature of the process that last took the writer's role.
pub const WRITER_HOLDER: usize = 248;
/// Byte offset of the time at which it took the role.
pub const WRITER_SINCE: usize = 240;

const _: () = {
    assert!(header::LENGTH <= WRITER_SINCE && WRITER_SINCE + 8 == WRITER_HOLDER && WRITER_HOLDER + 8 <= FIRST);
};

/// The name of a word: its index on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Word(pub u16);

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "word[{}]", self.0)
    }
}

/// How many words a board has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    words: u16,
}

impl Layout {
    /// A board of `words` words, 1 to 4,096; `None` otherwise.
    #[must_use]
    pub const fn new(words: u16) -> Option<Self> {
        if words == 0 || words > WORDS_MAX { None } else { Some(Self { words }) }
    }

    /// How many words.
    #[must_use]
    pub const fn words(&self) -> u16 {
        self.words
    }

    /// Length of the object, in bytes.
    #[must_use]
    pub const fn length(&self) -> usize {
        FIRST + self.words as usize * 8
    }

    /// Byte offset of a word; `None` if the board has no such word.
    #[must_use]
    #[inline]
    pub const fn offset(&self, word: Word) -> Option<usize> {
        if word.0 < self.words { Some(FIRST + word.0 as usize * 8) } else { None }
    }
}

impl Numbering for Layout {
    type Word = Word;
    fn words(&self) -> usize {
        self.words.into()
    }
    fn number(&self, word: Word) -> Option<usize> {
        (word.0 < self.words).then_some(word.0.into())
    }
    fn word(&self, number: usize) -> Option<Word> {
        u16::try_from(number).ok().filter(|&index| index < self.words).map(Word)
    }
    fn areas(&self) -> usize {
        0
    }
    fn area_words(&self) -> usize {
        0
    }
}

/// A word was asked for that is not there, or is not of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusError {
    /// The board has no such word.
    OutOfRange {
        /// The index asked for.
        index: u16,
        /// How many words the board has.
        words: u16,
    },
    /// The word there is another one than was asked for by its name, kind and unit.
    OtherWord {
        /// The index asked for.
        index: u16,
    },
    /// The word is no value of the kind asked for: it was set as another kind, or is garbage.
    NotOfKind {
        /// The word's index.
        index: u16,
        /// What was found in it.
        found: u64,
        /// The kind asked for.
        kind: &'static str,
    },
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusError::OutOfRange { index, words } => {
                write!(f, "word {index} asked for, and the board has words 0 to {}", words.saturating_sub(1))
            }
            StatusError::OtherWord { index } => {
                write!(f, "word {index} is another one than the key is for; use a key of this board")
            }
            StatusError::NotOfKind { index, found, kind } => {
                write!(f, "word {index} holds {found:#x}, which is no {kind}; read it as the kind it was set as")
            }
        }
    }
}

impl core::error::Error for StatusError {}

mod sealed {
    pub trait Sealed {}
}

/// A kind of value that fits one word: `u32`, `u64`, `usize`, `i64`, `f64`, `bool`.
pub trait Value: Copy + sealed::Sealed {
    /// The kind's name.
    const KIND: &'static str;
    /// The kind in a description, in which `usize` is `u64`.
    const DESCRIBED: Kind;
    /// The word for a value.
    fn to_word(self) -> u64;
    /// The value of a word, if it is one of this kind.
    fn from_word(word: u64) -> Option<Self>;
}

macro_rules! value {
    ($($kind:ty, $described:ident, |$value:ident| $to:expr, |$word:ident| $from:expr;)*) => {$(
        impl sealed::Sealed for $kind {}
        impl Value for $kind {
            const KIND: &'static str = stringify!($kind);
            const DESCRIBED: Kind = Kind::$described;
            #[inline]
            fn to_word(self) -> u64 {
                let $value = self;
                $to
            }
            #[inline]
            fn from_word($word: u64) -> Option<Self> {
                $from
            }
        }
    )*};
}

value! {
    u32, U32, |value| value.into(), |word| u32::try_from(word).ok();
    u64, U64, |value| value, |word| Some(word);
    usize, U64, |value| value as u64, |word| usize::try_from(word).ok();
    i64, I64, |value| value.cast_unsigned(), |word| Some(word.cast_signed());
    f64, F64, |value| value.to_bits(), |word| Some(f64::from_bits(word));
    bool, Bool, |value| value.into(), |word| match word { 0 => Some(false), 1 => Some(true), _ => None };
}

fn get<V: Value, M: Memory<Word = Word>>(
    memory: &M,
    layout: &Layout,
    index: u16,
    site: &'static crate::memory::Site,
) -> Result<V, StatusError> {
    if index >= layout.words {
        return Err(StatusError::OutOfRange { index, words: layout.words });
    }
    let found = memory.load(Word(index), site);
    V::from_word(found).ok_or(StatusError::NotOfKind { index, found, kind: V::KIND })
}

/// The one process that sets the words.
#[derive(Debug)]
pub struct Writer<M> {
    memory: M,
    layout: Layout,
}

impl<M: Memory<Word = Word>> Writer<M> {
    /// Takes up the writer's role, for the first time or after a predecessor's death. No shared access: every word is
    /// whole as it is.
    ///
    /// The caller sees to it that nobody else has the role.
    pub fn recover(memory: M, layout: Layout) -> Self {
        Self { memory, layout }
    }

    /// The memory that this process works on.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The board's dimensions.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Sets word `index`. 1 shared access, a plain store on x86-64.
    ///
    /// # Errors
    /// The board has no such word.
    ///
    /// # Crash safety
    /// *All or nothing.*
    #[inline]
    pub fn set<V: Value>(&mut self, index: u16, value: V) -> Result<(), StatusError> {
        if index >= self.layout.words {
            return Err(StatusError::OutOfRange { index, words: self.layout.words });
        }
        // Release `status.set`: what was set before is seen by whoever sees this (Inv 2).
        // Pairs with `status.get` (Monitor::get).
        // Killed before: the old value stays. Killed after: the new one is out.
        self.memory.store(Word(index), value.to_word(), site::SET);
        Ok(())
    }

    /// Reads word `index` back, to go on from where a predecessor was. 1 shared access.
    ///
    /// # Errors
    /// The board has no such word, or it is no value of this kind.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn get<V: Value>(&self, index: u16) -> Result<V, StatusError> {
        get(&self.memory, &self.layout, index, site::RESTORE)
    }
}

/// A process that reads the words. There may be any number.
#[derive(Debug)]
pub struct Monitor<M> {
    memory: M,
    layout: Layout,
}

impl<M: Memory<Word = Word>> Monitor<M> {
    /// A monitor of the board in `memory`.
    pub fn new(memory: M, layout: Layout) -> Self {
        Self { memory, layout }
    }

    /// The memory that this process works on.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The board's dimensions.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads word `index`. 1 shared access, a plain load on x86-64.
    ///
    /// # Errors
    /// The board has no such word, or it is no value of this kind.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn get<V: Value>(&self, index: u16) -> Result<V, StatusError> {
        // Acquire `status.get`: what was set before this value is visible from here on (Inv 2).
        // Pairs with `status.set`.
        get(&self.memory, &self.layout, index, site::GET)
    }
}
