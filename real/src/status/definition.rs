//! What the words of a board are: as its writer defines them, and as they are found.

use lastword_protocol::description::{
    Description, DescriptionError, Entry, EntryError, Kind, UNIT_MAX, encode, is_printable,
};
use lastword_protocol::status::{Layout, StatusError, Value, WORDS_MAX};
use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;

/// Length of the longest name of a word, in bytes.
pub const NAME_MAX: usize = 64;

const WORD: u64 = 8;

/// A word of a board, of which it is known what is in it.
///
/// A key is good for every board that has this word at this place, with this name, kind and unit, and is refused by
/// others. The kind was checked when the key was made, so that setting and getting need not.
pub struct Key<V> {
    index: u16,
    identity: u64,
    value: PhantomData<fn() -> V>,
}

impl<V> Clone for Key<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Key<V> {}

impl<V> fmt::Debug for Key<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("index", &self.index).field("identity", &self.identity).finish()
    }
}

impl<V: Value> Key<V> {
    /// Word `index` of a board whose words have no names. Nobody checks that it is set and read as the same kind.
    #[must_use]
    pub const fn at(index: u16) -> Self {
        Self { index, identity: NAMELESS, value: PhantomData }
    }

    /// The word's index on the board.
    #[must_use]
    pub const fn index(self) -> u16 {
        self.index
    }
}

/// The identity of every word without a name.
const NAMELESS: u64 = 0;

/// What a word of a board is. Shown as `temperature: f64 in °C`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Word {
    index: u16,
    name: Box<str>,
    unit: Box<str>,
    kind: Kind,
}

impl Word {
    /// Its index on the board.
    #[must_use]
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Its name; empty on a board whose words have none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The unit that its value is in; empty where it has none or does not say.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// What is in it; `u64` on a board whose words have no names.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn entry(&self) -> Entry<'_> {
        Entry::new(&self.name, &self.unit, self.kind, u64::from(self.index) * WORD)
    }

    fn identity(&self) -> u64 {
        if self.name.is_empty() {
            return NAMELESS;
        }
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        // No name has the identity of none.
        hasher.finish().max(NAMELESS + 1)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return write!(f, "word {} without a name", self.index);
        }
        write!(f, "{}: {}", self.name, self.kind)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " in {}", self.unit) }
    }
}

/// What a board's words are going to be.
///
/// ```
/// # fn main() -> Result<(), lastword::status::DefinitionError> {
/// use lastword::status::{Definition, Key};
/// let mut definition = Definition::new();
/// let temperature: Key<f64> = definition.word("temperature", "°C")?;
/// let players = definition.word::<u32>("players", "")?;
/// assert_eq!((temperature.index(), players.index()), (0, 1));
/// # Ok(())
/// # }
/// ```
//
// No `Clone`: its words are told apart by their names.
#[derive(Debug, Default)]
pub struct Definition {
    words: Vec<Word>,
    names: HashSet<Box<str>>,
}

/// A word that cannot be defined.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefinitionError {
    /// Its name cannot be.
    Name {
        /// The name asked for.
        found: String,
    },
    /// Its unit cannot be.
    Unit {
        /// The word's name.
        name: String,
        /// The unit asked for.
        found: String,
    },
    /// There is a word of that name.
    Duplicate {
        /// The name asked for.
        name: String,
    },
    /// There are as many words as a board can have.
    TooMany {
        /// The name asked for.
        name: String,
    },
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DefinitionError::Name { found } => write!(
                f,
                "{found:?} is no name for a word: use 1 to {NAME_MAX} bytes of UTF-8 without control characters"
            ),
            DefinitionError::Unit { name, found } => write!(
                f,
                "word {name}: {found:?} is no unit: use 0 to {UNIT_MAX} bytes of UTF-8 without control characters"
            ),
            DefinitionError::Duplicate { name } => {
                write!(f, "word {name}: defined already; give each word of a board a name of its own")
            }
            DefinitionError::TooMany { name } => {
                write!(f, "word {name}: {WORDS_MAX} words are defined, and a board has no more; use a second board")
            }
        }
    }
}

impl std::error::Error for DefinitionError {}

impl Definition {
    /// No words yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more word, for values of kind `V`. Its unit may be empty.
    ///
    /// # Errors
    /// The name is empty, longer than 64 bytes or has control characters, or another word has it; the unit is longer
    /// than
    /// 32 bytes or has control characters; or there are 4,096 words.
    pub fn word<V: Value>(&mut self, name: &str, unit: &str) -> Result<Key<V>, DefinitionError> {
        let owned = || name.to_owned();
        if name.is_empty() || name.len() > NAME_MAX || !is_printable(name) {
            return Err(DefinitionError::Name { found: owned() });
        }
        if unit.len() > UNIT_MAX || !is_printable(unit) {
            return Err(DefinitionError::Unit { name: owned(), found: unit.to_owned() });
        }
        let index = u16::try_from(self.words.len()).ok().filter(|&index| index < WORDS_MAX);
        let Some(index) = index else { return Err(DefinitionError::TooMany { name: owned() }) };
        if !self.names.insert(name.into()) {
            return Err(DefinitionError::Duplicate { name: owned() });
        }
        let word = Word { index, name: name.into(), unit: unit.into(), kind: V::DESCRIBED };
        let key = Key { index, identity: word.identity(), value: PhantomData };
        self.words.push(word);
        Ok(key)
    }

    /// The words, in their order.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &Word> {
        self.words.iter()
    }
}

/// Words of a board that belong together, as [`board!`](crate::board!) declares them.
pub trait Board: Sized {
    /// Defines the words, one after the other.
    ///
    /// # Errors
    /// One of them cannot be defined.
    fn define(definition: &mut Definition) -> Result<Self, DefinitionError>;

    /// Finds the words on a board, wherever they are there.
    ///
    /// # Errors
    /// The board has not all of them, or one is of another kind.
    fn find(monitor: &super::Monitor) -> Result<Self, super::KeyError>;
}

/// Declares the words of a board: each field becomes a [`Key`](crate::status::Key) to a word of its name, without an
/// `r#`, and kind. A unit may follow the kind in brackets.
///
/// ```
/// lastword::board! {
///     /// How the server is.
///     pub struct Server {
///         /// Players who are logged in.
///         pub players: u32,
///         /// Of the processor.
///         pub temperature: f64 ["°C"],
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let name = format!("doc-board-{}", std::process::id());
/// # let name = name.as_str();
/// use lastword::status::{Board, Definition, Monitor, Writer};
/// let mut definition = Definition::new();
/// let server = Server::define(&mut definition)?;
/// let mut writer = Writer::define(name, &definition, 0o600)?;
/// writer.set(server.players, 3)?;
///
/// let monitor = Monitor::open(name)?;
/// let server = Server::find(&monitor)?;
/// assert_eq!(monitor.get(server.players)?, 3);
/// # drop(writer);
/// # lastword::status::remove(name, lastword::Force::No)?;
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! board {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$word_attribute:meta])* $word_visibility:vis $word:ident : $kind:ty $([$unit:literal])?),* $(,)?
        }
    )+) => {$(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name {
            $($(#[$word_attribute])* $word_visibility $word: $crate::status::Key<$kind>,)*
        }

        impl $crate::status::Board for $name {
            fn define(
                definition: &mut $crate::status::Definition,
            ) -> ::core::result::Result<Self, $crate::status::DefinitionError> {
                ::core::result::Result::Ok(Self {
                    $($word: definition.word(
                        $crate::plain_name(::core::stringify!($word)),
                        ::core::concat!($($unit)?),
                    )?,)*
                })
            }

            fn find(
                monitor: &$crate::status::Monitor,
            ) -> ::core::result::Result<Self, $crate::status::KeyError> {
                ::core::result::Result::Ok(Self {
                    $($word: monitor.key($crate::plain_name(::core::stringify!($word)))?,)*
                })
            }
        }
    )+};
}

/// The words of a board, defined or found.
#[derive(Clone, Debug)]
pub(super) struct Words {
    words: Box<[Word]>,
    /// Of each word, what a key to it has to know. Keys are compared with it at each access.
    identities: Box<[u64]>,
}

impl Words {
    fn new(words: Box<[Word]>) -> Self {
        let identities = words.iter().map(Word::identity).collect();
        Self { words, identities }
    }

    /// As many words without names.
    pub(super) fn nameless(count: u16) -> Self {
        let word = |index| Word { index, name: "".into(), unit: "".into(), kind: Kind::U64 };
        Self::new((0..count).map(word).collect())
    }

    /// The words that a definition has.
    pub(super) fn defined(definition: &Definition) -> Self {
        Self::new(definition.words.as_slice().into())
    }

    /// The words that a board of these dimensions was found to have.
    pub(super) fn found(description: &Description<'_>, layout: &Layout) -> Result<Self, DescriptionError> {
        if description.is_empty() {
            return Ok(Self::nameless(layout.words()));
        }
        let (found, expected) = (description.entries().count(), layout.words().into());
        if found != expected {
            return Err(DescriptionError::Count { found, expected });
        }
        let mut names = HashSet::new();
        let words = description.entries().zip(0..layout.words()).map(|(entry, index)| {
            let word = Word { index, name: entry.name.into(), unit: entry.unit.into(), kind: entry.kind };
            let is_kind = matches!(entry.kind, Kind::U32 | Kind::U64 | Kind::I64 | Kind::F64 | Kind::Bool);
            let why = if word.entry() != entry || !is_kind || entry.name.len() > NAME_MAX {
                EntryError::NotAWord
            } else if !names.insert(entry.name) {
                EntryError::Duplicate
            } else {
                return Ok(word);
            };
            Err(DescriptionError::Entry { number: index.into(), why })
        });
        Ok(Self::new(words.collect::<Result<_, _>>()?))
    }

    /// As they are noted on a board, and the checksum of that; no bytes where they have no names.
    pub(super) fn describe(&self) -> Result<(Vec<u8>, u64), DescriptionError> {
        let mut bytes = Vec::new();
        let named = self.words.iter().filter(|word| !word.name.is_empty()).map(Word::entry);
        let checksum = encode(named, self.words.len() as u64 * WORD, &mut bytes)?;
        Ok((bytes, checksum))
    }

    /// The first word in which what is expected differs from these.
    pub(super) fn first_difference(&self, expected: &Self) -> Option<(String, String)> {
        let count = self.words.len().max(expected.words.len());
        let pairs = (0..count).map(|index| (self.words.get(index), expected.words.get(index)));
        let (index, pair) = pairs.enumerate().find(|(_, (found, expected))| found != expected)?;
        let describe = |word: Option<&Word>| match word {
            Some(word) if word.name.is_empty() => word.to_string(),
            Some(word) => format!("word {index}, {word}"),
            None => format!("no word {index}"),
        };
        Some((describe(pair.0), describe(pair.1)))
    }

    /// Whether the words have names.
    pub(super) fn is_named(&self) -> bool {
        self.words.iter().any(|word| !word.name.is_empty())
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Word> {
        self.words.iter()
    }

    pub(super) fn get(&self, index: u16) -> Option<&Word> {
        self.words.get(usize::from(index))
    }

    /// The word of that name.
    pub(super) fn named(&self, name: &str) -> Option<&Word> {
        self.words.iter().find(|word| !name.is_empty() && *word.name == *name)
    }

    /// A key to a word, of whose kind `V` is.
    pub(super) fn key<V>(&self, word: &Word) -> Key<V> {
        Key { index: word.index, identity: word.identity(), value: PhantomData }
    }

    /// The index of the word that a key is to.
    #[inline]
    pub(super) fn index<V>(&self, key: Key<V>) -> Result<u16, StatusError> {
        match self.identities.get(usize::from(key.index)) {
            Some(&identity) if identity == key.identity => Ok(key.index),
            Some(_) => Err(StatusError::OtherWord { index: key.index }),
            None => Err(StatusError::OutOfRange { index: key.index, words: self.identities.len() as u16 }),
        }
    }
}
