//! Status boards: single words that one process sets and any number of others read, each word whole.
//!
//! A board is one object, `/lastword-NAME.status`. Its words have names, kinds and units, which are noted in it, so
//! that a monitor needs nothing of the writer's but the board's name. Nothing is promised across words; who needs that
//! publishes a struct through a [`Channel`](crate::Channel).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = format!("doc-status-{}", std::process::id());
//! # let name = name.as_str();
//! use lastword::status::{Definition, Monitor, Writer, remove};
//! let mut definition = Definition::new();
//! let players = definition.word::<u32>("players", "")?;
//! let temperature = definition.word::<f64>("temperature", "°C")?;
//! let mut writer = Writer::define(name, &definition, 0o600)?;
//! writer.set(players, 42)?;
//! writer.set(temperature, 21.5)?;
//!
//! // By name: the kind is looked at once, when the key is made.
//! let monitor = Monitor::open(name)?;
//! let temperature = monitor.key::<f64>("temperature")?;
//! assert_eq!(monitor.get(temperature)?, 21.5);
//!
//! // Whatever there is.
//! let lines: Vec<String> = monitor.readings().map(|reading| reading.map(|r| r.to_string())).collect::<Result<_,
//! _>>()?; assert_eq!(lines, ["players: 42", "temperature: 21.5 °C"]);
//!
//! assert!(monitor.writer_lives()?);
//! drop(writer);
//! assert!(!monitor.writer_lives()?);
//! remove(name, lastword::Force::No)?;
//! # Ok(())
//! # }
//! ```
//!
//! [`board!`](crate::board!) declares the words in one place. Without names, a board is so many words that are known by
//! their places alone: [`Writer::create`], [`Key::at`].

mod definition;

use crate::creation::{Named, expect, section};
use crate::error::{OpenError, OsError, RemoveError};
use crate::holder::Holder;
use crate::name::Name;
use crate::object::{Object, Permission};
use crate::owner::Owner;
use crate::region::Region;
use crate::role::{Held, Role};
use crate::value::Value as Dynamic;
use definition::Words;
pub use definition::{Board, Definition, DefinitionError, Key, NAME_MAX, Word};
use lastword_protocol::creation::{self, Access, Attached, Failure, Force, Part, Plan, WAIT};
use lastword_protocol::description::{Description, Kind, object_length};
use lastword_protocol::header::{self, Header, TypeLayout};
use lastword_protocol::memory::{Memory, Site};
use lastword_protocol::status::{self as protocol, Layout, Word as Place};
pub use lastword_protocol::status::{StatusError, Value, WORDS_MAX};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::fence;
use std::time::Duration;

/// The type of the words; with names, their description's checksum is in its hash.
const WORDS: TypeLayout = TypeLayout::new("words", 8, 8, &[]);
/// What an error is about that names the first word that differs.
const DEFINITION: &str = "definition";

/// What the protocol's processes have.
#[cfg(not(feature = "broken"))]
type StatusMemory = Mapped;
#[cfg(feature = "broken")]
type StatusMemory = crate::broken::Breakable<Mapped, Layout>;

/// The memory of a board, as the protocol reaches it.
#[derive(Clone, Debug)]
struct Mapped {
    region: Region,
    layout: Layout,
}

/// The memory of a board that is mapped.
fn memory(region: Region, layout: Layout) -> StatusMemory {
    let mapped = Mapped { region, layout };
    #[cfg(feature = "broken")]
    let mapped = crate::broken::Breakable::new(mapped, layout, lastword_protocol::model::variant::STATUS);
    mapped
}

impl Mapped {
    /// Where a word is. The protocol names no other words than the layout has.
    #[inline]
    fn place(&self, word: Place) -> usize {
        self.layout.offset(word).unwrap_or_else(|| panic!("word {} is not on this board", word.0))
    }
}

impl Memory for Mapped {
    type Word = Place;

    #[inline]
    fn load(&self, word: Place, site: &'static Site) -> u64 {
        self.region.load(self.place(word), site.order)
    }

    #[inline]
    fn store(&self, word: Place, value: u64, site: &'static Site) {
        self.region.store(self.place(word), value, site.order);
    }

    #[inline]
    fn compare_exchange(&self, word: Place, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        self.region.compare_exchange(self.place(word), current, new, site.order, site.failure)
    }

    #[inline]
    fn fence(&self, site: &'static Site) {
        fence(site.order);
    }

    fn wait(&self, word: protocol::Word, current: u64, limit: Duration, site: &'static Site) {
        fence(site.order);
        self.region.wait(self.place(word), current, limit);
    }

    fn wake(&self, word: protocol::Word, _: &'static Site) {
        self.region.wake(self.place(word));
    }

    fn read_word(&self, area: usize, _: usize, _: &'static Site) -> u64 {
        panic!("payload area {area} is not on this board, which has none")
    }

    fn write_word(&self, area: usize, _: usize, _: u64, _: &'static Site) {
        panic!("payload area {area} is not on this board, which has none")
    }
}

/// The one process that sets the words of a board.
///
/// The role lasts until this is dropped or the process dies. If a process dies that has forked, its child has the role
/// until it calls exec or is gone too; the child must not use it.
#[derive(Debug)]
pub struct Writer {
    inner: protocol::Writer<StatusMemory>,
    words: Words,
    _held: Held,
}

impl Writer {
    /// Takes the writer's role of board `name`, creating the board of these words (1 to 4,096) if it is not there, with
    /// permissions exactly `mode` whatever the umask. The words are as a predecessor left them; of a new board they are
    /// 0.
    ///
    /// # Errors
    /// A live process has the role, the board has other words, the mode keeps the owner from reading or writing, or the
    /// board cannot be created or opened.
    ///
    /// # Crash safety
    /// *Repeatable.* What a kill leaves half-made the next call completes.
    pub fn define(name: &str, definition: &Definition, mode: u32) -> Result<Self, OpenError> {
        Self::attach(name, Words::defined(definition), mode)
    }

    /// As [`define`](Self::define), of `words` words without names, which [`Key::at`] is for.
    ///
    /// # Errors
    /// As [`define`](Self::define).
    ///
    /// # Crash safety
    /// *Repeatable*, as [`define`](Self::define).
    pub fn create(name: &str, words: u16, mode: u32) -> Result<Self, OpenError> {
        Self::attach(name, Words::nameless(words), mode)
    }

    fn attach(name: &str, words: Words, mode: u32) -> Result<Self, OpenError> {
        let board = Name::new(name)?;
        let count = words.iter().len();
        let Some(layout) = u16::try_from(count).ok().and_then(Layout::new) else {
            return Err(OpenError::Words { board: board.to_string(), found: count as u64 });
        };
        let permission = Permission::exactly(name, mode & 0o777)?;
        let objects = Named::board(&board, permission, Owner::AsMode);
        let object_name = objects.object(Part::Anchor);
        let described = words.describe();
        let (description, checksum) =
            described.map_err(|source| OpenError::Description { object: object_name.clone(), source })?;
        let wanted = Header {
            kind: header::Kind::Status,
            pair: 0,
            length: object_length(layout.length(), description.len()),
            consumers: layout.words().into(),
            capacity: 0,
            payload: if description.is_empty() { WORDS } else { WORDS.described_by(checksum) },
        };
        let plan = || Ok(Plan { anchor: wanted, description: &description, data: None });
        let check = |header: &Header| {
            let layout = check(&object_name, header)?;
            expect(&object_name, "words", header.consumers, wanted.consumers)?;
            expect(&object_name, DEFINITION, header.payload, wanted.payload)?;
            Ok((layout, Role::Writer.bytes()))
        };
        let refuse = |object: &Object, _: &Layout| {
            let (role, holder) = (Role::Writer, Role::Writer.holder(object));
            OpenError::RoleTaken { channel: board.to_string(), role, holder }
        };
        let attached = creation::attach(&objects, plan, check, refuse);
        let Attached { anchor, again, header, .. } = attached.map_err(|failure| explain(&objects, failure, &words))?;
        // A board that monitors could not read is no use to its writer either.
        find_words(&object_name, &again, &header)?;
        let held = Held::new(anchor, Role::Writer);
        let region = again.map(layout.length(), Access::ReadWrite)?;
        Role::Writer.sign(&region);
        let inner = protocol::Writer::recover(memory(region, layout), layout);
        Ok(Self { inner, words, _held: held })
    }

    /// Sets a word. One plain store on x86-64.
    ///
    /// # Errors
    /// The board has no such word.
    ///
    /// # Crash safety
    /// *All or nothing.*
    #[inline]
    pub fn set<V: Value>(&mut self, key: Key<V>, value: V) -> Result<(), StatusError> {
        self.inner.set(self.words.index(key)?, value)
    }

    /// Reads a word back, to go on from where a predecessor was.
    ///
    /// # Errors
    /// The board has no such word, or what is in it is no value of this kind.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn get<V: Value>(&self, key: Key<V>) -> Result<V, StatusError> {
        self.inner.get(self.words.index(key)?)
    }

    /// The board's words, in their order.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &Word> {
        self.words.iter()
    }
}

/// A process that reads the words of a board. There may be any number, and the writer does not notice them.
#[derive(Debug)]
pub struct Monitor {
    inner: protocol::Monitor<StatusMemory>,
    name: Name,
    words: Words,
    object: Arc<Object>,
}

/// A value of a word whose kind was found on the board. Shown as `temperature: 21.5 °C`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading<'a> {
    /// The word.
    pub word: &'a Word,
    /// What is in it.
    pub value: Dynamic,
}

impl fmt::Display for Reading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { word, value } = self;
        match (word.name(), word.unit()) {
            ("", _) => write!(f, "word {}: {value}", word.index()),
            (name, "") => write!(f, "{name}: {value}"),
            (name, unit) => write!(f, "{name}: {value} {unit}"),
        }
    }
}

/// Why there is no key to a word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The board has no word of that name.
    NoSuchWord {
        /// The board.
        board: String,
        /// The name asked for.
        name: String,
        /// The names that there are.
        found: Vec<String>,
    },
    /// The word is of another kind.
    Kind {
        /// The board.
        board: String,
        /// The word.
        name: String,
        /// Its kind.
        found: Kind,
        /// The kind asked for.
        expected: Kind,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::NoSuchWord { board, name, found } if found.is_empty() => {
                write!(f, "board {board}: word {name:?} asked for, and its words have no names; use Key::at")
            }
            KeyError::NoSuchWord { board, name, found } => {
                const SHOWN: usize = 8;
                let more = if found.len() > SHOWN { ", ..." } else { "" };
                let found = found.get(..SHOWN).unwrap_or(found).join(", ");
                write!(f, "board {board}: word {name:?} asked for, found {found}{more}; use one of them")
            }
            KeyError::Kind { board, name, found, expected } => {
                write!(f, "board {board}: word {name}: found {found}, expected {expected}; read it as {found}")
            }
        }
    }
}

impl Error for KeyError {}

impl Monitor {
    /// Opens board `name`, mapping it read-only. Creates nothing.
    ///
    /// A monitor of a board that is removed and created anew goes on seeing the old one.
    ///
    /// # Errors
    /// The board is not there, not complete yet, no board, damaged, belongs to another user, or cannot be opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::open_of(name, Owner::AsMode)
    }

    /// As [`open`](Self::open), of a board that may be of such an owner, besides this process's user and root.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn open_of(name: &str, owner: Owner) -> Result<Self, OpenError> {
        let name = Name::new(name)?;
        let (object, header) = open(&name, owner)?;
        let (layout, words) = find_words(object.name(), &object, &header)?;
        let region = object.map(layout.length(), Access::Read)?;
        Ok(Self { inner: protocol::Monitor::new(memory(region, layout), layout), name, words, object })
    }

    /// The key to the word of that name, which has to be of kind `V`. `usize` is `u64`.
    ///
    /// # Errors
    /// The board has no such word, or it is of another kind.
    pub fn key<V: Value>(&self, name: &str) -> Result<Key<V>, KeyError> {
        let board = || self.name.to_string();
        let Some(word) = self.words.named(name) else {
            let named = self.words.iter().filter(|word| !word.name().is_empty());
            let found = named.map(|word| word.name().to_owned()).collect();
            return Err(KeyError::NoSuchWord { board: board(), name: name.to_owned(), found });
        };
        if word.kind() != V::DESCRIBED {
            let (name, found) = (word.name().to_owned(), word.kind());
            return Err(KeyError::Kind { board: board(), name, found, expected: V::DESCRIBED });
        }
        Ok(self.words.key(word))
    }

    /// Reads a word. One plain load on x86-64.
    ///
    /// # Errors
    /// The board has no such word, or what is in it is no value of this kind.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn get<V: Value>(&self, key: Key<V>) -> Result<V, StatusError> {
        self.inner.get(self.words.index(key)?)
    }

    /// Reads word `index` as what the board says that it is.
    ///
    /// # Errors
    /// The board has no such word, or what is in it is no value of its kind.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn reading(&self, index: u16) -> Result<Reading<'_>, StatusError> {
        let Some(word) = self.words.get(index) else {
            return Err(StatusError::OutOfRange { index, words: self.inner.layout().words() });
        };
        // A load is the same whatever the kind.
        reading(word, self.inner.get::<u64>(index)?)
    }

    /// Reads all words, one after the other; together they are no snapshot.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn readings(&self) -> impl Iterator<Item = Result<Reading<'_>, StatusError>> {
        self.words.iter().map(|word| self.reading(word.index()))
    }

    /// The board's words, in their order.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &Word> {
        self.words.iter()
    }

    /// The live process that has the writer's role, as the kernel knows; `None` where none has.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn writer(&self) -> Result<Option<Holder>, OsError> {
        Holder::find(&self.object, Role::Writer)
    }

    /// Whether a live process has the writer's role, as the kernel knows.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn writer_lives(&self) -> Result<bool, OsError> {
        self.object.is_held(&Role::Writer.bytes())
    }

    /// The process that took the writer's role last, if it is known, as its own pid namespace numbers it.
    #[must_use]
    pub fn last_writer(&self) -> Option<u32> {
        Role::Writer.holder(&self.object)
    }
}

/// The live process that has the writer's role of board `name`, as the kernel knows; `None` where none has.
///
/// # Errors
/// As [`Monitor::open`].
///
/// # Crash safety
/// *Nothing to undo.*
pub fn holder(name: &str) -> Result<Option<Holder>, OpenError> {
    let (object, header) = open(&Name::new(name)?, Owner::AsMode)?;
    check(object.name(), &header)?;
    Ok(Holder::find(&object, Role::Writer)?)
}

/// Removes board `name`; false where there was none. Who has it mapped keeps it.
///
/// # Errors
/// Its writer lives and `force` is [`Force::No`], another process is creating or removing it, or a system call failed.
///
/// # Crash safety
/// *Repeatable.*
pub fn remove(name: &str, force: Force) -> Result<bool, RemoveError> {
    Named::board_to_remove(&Name::new(name)?).remove(force, WAIT)
}

/// The dimensions and the words of a board, and what is wrong with what it notes of its words, which then are nameless.
pub(crate) fn look(object: &Object, header: &Header) -> Result<(Layout, Vec<Word>, Option<OpenError>), OpenError> {
    let layout = check(object.name(), header)?;
    let (words, problem) = match find_words(object.name(), object, header) {
        Ok((_, words)) => (words, None),
        Err(problem) => (Words::nameless(layout.words()), Some(problem)),
    };
    Ok((layout, words.iter().cloned().collect(), problem))
}

/// What is in a word of a board, as what the board says that it is.
pub(crate) fn reading(word: &Word, found: u64) -> Result<Reading<'_>, StatusError> {
    let garbage = StatusError::NotOfKind { index: word.index(), found, kind: word.kind().name() };
    let value = match word.kind() {
        Kind::U32 => u32::from_word(found).map(|value| Dynamic::Unsigned(value.into())),
        Kind::I64 => i64::from_word(found).map(|value| Dynamic::Signed(value.into())),
        Kind::F64 => f64::from_word(found).map(Dynamic::F64),
        Kind::Bool => bool::from_word(found).map(Dynamic::Bool),
        // No other kind is accepted of a word that was found.
        _ => Some(Dynamic::Unsigned(found.into())),
    };
    value.map(|value| Reading { word, value }).ok_or(garbage)
}

/// Opens a board that is there, to read.
fn open(board: &Name, owner: Owner) -> Result<(Arc<Object>, Header), OpenError> {
    let objects = Named::board(board, Permission::Default, owner);
    let opened = creation::open(&objects, Part::Anchor, Access::Read);
    let (object, header) = opened.map_err(|failure| objects.failed(failure))?;
    Ok((Arc::new(object), header))
}

/// Checks that an object is a board; its dimensions. What its words are is another question.
fn check(name: &str, header: &Header) -> Result<Layout, OpenError> {
    expect(name, "kind", header.kind, header::Kind::Status)?;
    let mut payload = header.payload;
    payload.hash = WORDS.hash;
    expect(name, "type", payload, WORDS)?;
    let Some(layout) = u16::try_from(header.consumers).ok().and_then(Layout::new) else {
        return Err(OpenError::Words { board: name.to_owned(), found: header.consumers });
    };
    section(name, header, layout.length())?;
    Ok(layout)
}

/// The dimensions and the words of a board that was found.
fn find_words(name: &str, object: &Object, header: &Header) -> Result<(Layout, Words), OpenError> {
    let layout = check(name, header)?;
    let bytes = object.description(section(name, header, layout.length())?)?;
    let failed = |source| OpenError::Description { object: name.to_owned(), source };
    let description = Description::parse(&bytes, u64::from(layout.words()) * 8).map_err(failed)?;
    let expected = if description.is_empty() { WORDS } else { WORDS.described_by(description.checksum()) };
    expect(name, DEFINITION, header.payload, expected)?;
    Ok((layout, Words::found(&description, &layout).map_err(failed)?))
}

/// Why the role was not had. Where the board has other words, which is the first of them.
fn explain(objects: &Named<'_>, failure: Failure<OsError, OpenError>, expected: &Words) -> OpenError {
    let error = objects.failed(failure);
    if !matches!(error, OpenError::Mismatch { field: DEFINITION | "words", .. }) {
        return error;
    }
    let name = objects.object(Part::Anchor);
    let difference = || {
        let (object, header) = creation::open::<_, OpenError>(objects, Part::Anchor, Access::Read).ok()?;
        let (_, found) = find_words(&name, &object, &header).ok()?;
        // Of words without names, only their number differs.
        if found.is_named() || expected.is_named() { found.first_difference(expected) } else { None }
    };
    match difference() {
        Some((found, expected)) => OpenError::Mismatch { object: name, field: DEFINITION, found, expected },
        None => error,
    }
}
