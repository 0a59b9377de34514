//! Status boards: single words that one process sets and any number of others read, each word whole.
//!
//! A board is one object, `/lastword-NAME.status`. Nothing is promised across words; who needs that publishes a struct
//! through a [`Channel`](crate::Channel).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = format!("doc-status-{}", std::process::id());
//! # let name = name.as_str();
//! use lastword::status::{Monitor, Writer, remove};
//! let mut writer = Writer::create(name, 2, 0o600)?;
//! writer.set(0, 42u32)?;
//! writer.set(1, 0.5f64)?;
//!
//! let monitor = Monitor::open(name)?;
//! assert_eq!(monitor.get::<u32>(0)?, 42);
//! assert!(monitor.writer_lives()?);
//! drop(writer);
//! assert!(!monitor.writer_lives()?);
//! remove(name, lastword::Force::No)?;
//! # Ok(())
//! # }
//! ```

use crate::creation::{Named, expect};
use crate::error::{OpenError, OsError, RemoveError};
use crate::name::Name;
use crate::object::{Object, Permission};
use crate::region::Region;
use crate::role::{Held, Role};
use lastword_protocol::creation::{self, Access, Attached, Force, Part, Plan, WAIT};
use lastword_protocol::header::{Header, Kind, TypeLayout};
use lastword_protocol::memory::{Memory, Site};
use lastword_protocol::status::{self as protocol, Layout, Word};
pub use lastword_protocol::status::{StatusError, Value, WORDS_MAX};
use std::sync::atomic::fence;

const WORDS: TypeLayout = TypeLayout::new("words", 8, 8, &[]);

/// The memory of a board, as the protocol reaches it.
#[derive(Debug)]
struct StatusMemory {
    region: Region,
    layout: Layout,
}

impl StatusMemory {
    /// Where a word is. The protocol names no other words than the layout has.
    #[inline]
    fn place(&self, word: Word) -> usize {
        self.layout.offset(word).unwrap_or_else(|| panic!("word {} is not on this board", word.0))
    }
}

impl Memory for StatusMemory {
    type Word = Word;

    #[inline]
    fn load(&self, word: Word, site: &'static Site) -> u64 {
        self.region.load(self.place(word), site.order)
    }

    #[inline]
    fn store(&self, word: Word, value: u64, site: &'static Site) {
        self.region.store(self.place(word), value, site.order);
    }

    #[inline]
    fn compare_exchange(&self, word: Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        self.region.compare_exchange(self.place(word), current, new, site.order, site.failure)
    }

    #[inline]
    fn fence(&self, site: &'static Site) {
        fence(site.order);
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
    _held: Held,
}

impl Writer {
    /// Takes the writer's role of board `name`, creating the board of `words` words (1 to 4,096) if it is not there,
    /// with permissions exactly `mode` whatever the umask. The words are as a predecessor left them; of a new board they
    /// are 0.
    ///
    /// # Errors
    /// A live process has the role, the board has another number of words, the mode keeps the owner from reading or
    /// writing, or the board cannot be created or opened.
    ///
    /// # Crash safety
    /// *Repeatable.* What a kill leaves half-made the next call completes.
    pub fn create(name: &str, words: u16, mode: u32) -> Result<Self, OpenError> {
        let board = Name::new(name)?;
        let Some(layout) = Layout::new(words) else {
            return Err(OpenError::Words { board: board.to_string(), found: words.into() });
        };
        let wanted = Header {
            kind: Kind::Status,
            pair: 0,
            length: layout.length() as u64,
            consumers: words.into(),
            capacity: 0,
            payload: WORDS,
        };
        let permission = Permission::exactly(name, mode & 0o777)?;
        let objects = Named::board(&board, permission);
        let object_name = objects.object(Part::Anchor);
        let plan = || Ok(Plan { anchor: wanted, description: &[], data: None });
        let check = |header: &Header| {
            expect(&object_name, "kind", header.kind, wanted.kind)?;
            expect(&object_name, "words", header.consumers, wanted.consumers)?;
            Ok((check(&object_name, header)?, Role::Writer.bytes()))
        };
        let refuse = |object: &Object, _: &Layout| {
            let (role, holder) = (Role::Writer, Role::Writer.holder(object));
            OpenError::RoleTaken { channel: board.to_string(), role, holder }
        };
        let Attached { anchor, again, .. } =
            creation::attach(&objects, plan, check, refuse).map_err(|failure| objects.failed(failure))?;
        let held = Held::new(anchor, Role::Writer);
        let region = again.map(layout.length(), Access::ReadWrite)?;
        Role::Writer.sign(&region);
        let inner = protocol::Writer::recover(StatusMemory { region, layout }, layout);
        Ok(Self { inner, _held: held })
    }

    /// Sets word `index`. One plain store on x86-64.
    ///
    /// # Errors
    /// The board has no such word.
    ///
    /// # Crash safety
    /// *All or nothing.*
    #[inline]
    pub fn set<V: Value>(&mut self, index: u16, value: V) -> Result<(), StatusError> {
        self.inner.set(index, value)
    }

    /// Reads word `index` back, to go on from where a predecessor was.
    ///
    /// # Errors
    /// The board has no such word, or it is no value of this kind.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn get<V: Value>(&self, index: u16) -> Result<V, StatusError> {
        self.inner.get(index)
    }

    /// How many words the board has.
    #[must_use]
    pub fn words(&self) -> u16 {
        self.inner.layout().words()
    }
}

/// A process that reads the words of a board. There may be any number, and the writer does not notice them.
#[derive(Debug)]
pub struct Monitor {
    inner: protocol::Monitor<StatusMemory>,
    object: Object,
}

impl Monitor {
    /// Opens board `name`, mapping it read-only. Creates nothing.
    ///
    /// A monitor of a board that is removed and created anew goes on seeing the old one.
    ///
    /// # Errors
    /// The board is not there, not complete yet, no board, or cannot be opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn open(name: &str) -> Result<Self, OpenError> {
        let board = Name::new(name)?;
        let objects = Named::board(&board, Permission::Default);
        let opened = creation::open(&objects, Part::Anchor, Access::Read);
        let (object, header) = opened.map_err(|failure| objects.failed(failure))?;
        let layout = check(&objects.object(Part::Anchor), &header)?;
        let region = object.map(layout.length(), Access::Read)?;
        Ok(Self { inner: protocol::Monitor::new(StatusMemory { region, layout }, layout), object })
    }

    /// Reads word `index`. One plain load on x86-64.
    ///
    /// # Errors
    /// The board has no such word, or it is no value of this kind.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[inline]
    pub fn get<V: Value>(&self, index: u16) -> Result<V, StatusError> {
        self.inner.get(index)
    }

    /// How many words the board has.
    #[must_use]
    pub fn words(&self) -> u16 {
        self.inner.layout().words()
    }

    /// Whether a live process has the writer's role, as the kernel knows.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn writer_lives(&self) -> Result<bool, OsError> {
        self.object.locked(&Role::Writer.bytes()).map(|lock| lock.is_some())
    }

    /// The process that took the writer's role last, if it is known, as its own pid namespace numbers it.
    #[must_use]
    pub fn last_writer(&self) -> Option<u32> {
        Role::Writer.holder(&self.object)
    }
}

/// Removes board `name`; false where there was none. Who has it mapped keeps it.
///
/// # Errors
/// Its writer lives and `force` is [`Force::No`], another process is creating or removing it, or a system call failed.
///
/// # Crash safety
/// *Repeatable.*
pub fn remove(name: &str, force: Force) -> Result<bool, RemoveError> {
    Named::board(&Name::new(name)?, Permission::Default).remove(force, WAIT)
}

/// Checks that an object is a board; its dimensions.
fn check(name: &str, header: &Header) -> Result<Layout, OpenError> {
    expect(name, "kind", header.kind, Kind::Status)?;
    expect(name, "type", header.payload, WORDS)?;
    let Some(layout) = u16::try_from(header.consumers).ok().and_then(Layout::new) else {
        return Err(OpenError::Words { board: name.to_owned(), found: header.consumers });
    };
    expect(name, "length in bytes", header.length, layout.length() as u64)?;
    Ok(layout)
}
