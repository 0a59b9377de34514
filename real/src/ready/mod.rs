//! Mailboxes: one writer hands messages to one reader, one at a time, and either may be killed at any moment.
//!
//! Every message arrives, in order, and is numbered 1, 2, 3 and so on. A message stays in the mailbox until the reader
//! clears it; the next one is sent after that. Only a message that was received and not cleared comes again, with the
//! same number ([`Reader`] says how to act on it once).
//!
//! A mailbox is one object, `/lastword-NAME.ready`, which outlives its processes.
//!
//! ```
//! lastword::message! {
//!     /// What the arm is to do.
//!     pub struct Order {
//!         /// Which part to pick up.
//!         pub part: u64,
//!         /// Metres.
//!         pub at: f64,
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = format!("doc-ready-{}", std::process::id());
//! # let name = name.as_str();
//! use lastword::ready::{Mailbox, SendError};
//! use std::time::Duration;
//! let mailbox = Mailbox::<Order>::new(name)?;
//!
//! // One process:
//! let mut writer = mailbox.writer()?;
//! writer.try_send(&Order { part: 7, at: 0.5 })?;
//! assert_eq!(writer.try_send(&Order { part: 8, at: 0.5 }), Err(SendError::Full));
//!
//! // The other:
//! let mut reader = mailbox.reader()?;
//! if let Some(order) = reader.try_receive()? {
//!     assert_eq!((order.sequence().get(), order.read().part), (1, 7));
//!     // What the order asks for is done. A death before this line, and the successor gets the order again.
//!     order.clear();
//! }
//!
//! // Either end can wait for the other: asleep, and woken.
//! assert_eq!(writer.send(&Order { part: 8, at: 0.5 }, None)?.get(), 2);
//! assert!(reader.wait(Some(Duration::from_secs(1)))?);
//!
//! // A successor of the reader finds what waits, and a successor of the writer what its predecessor had sent.
//! drop((writer, reader));
//! let state = mailbox.writer()?.recovery();
//! assert_eq!((state.sequence.map(|number| number.get()), state.set), (Some(2), true));
//! assert!(mailbox.reader()?.try_receive()?.is_some_and(|order| order.may_be_repeated()));
//! mailbox.remove(lastword::Force::No)?;
//! # Ok(())
//! # }
//! ```

mod error;
mod memory;
mod monitor;
mod reader;
mod writer;

use crate::creation::{Named, expect, read_description, section};
use crate::description::Description;
use crate::error::{OpenError, OsError, RemoveError};
use crate::holder::Holder;
use crate::message::{Message, fixed_length};
use crate::name::{Name, NameError};
use crate::object::{Object, Permission};
use crate::owner::Owner;
use crate::role::{Held, Role};
pub use error::{ReceiveError, SendError};
use lastword_protocol::creation::{self, Access, Failure, Force, Part, Plan, WAIT};
use lastword_protocol::description::object_length;
use lastword_protocol::header::{Header, Kind, TypeLayout};
use lastword_protocol::ready::Layout;
pub use lastword_protocol::ready::{CAPACITY_MAX, Corrupt, Expected, Sequence, State, Word};
use memory::MailboxMemory;
pub use monitor::Monitor;
pub use reader::{Reader, Received};
use std::cell::OnceCell;
use std::marker::PhantomData;
use std::sync::Arc;
pub use writer::{Loan, Writer};

/// A mailbox by its name, and what is asked of it. Nothing is opened or created before a role is taken.
///
/// What is not asked for is taken as it is found; a mailbox that is created gets mode 0600 whatever the umask. What is
/// asked for and is otherwise is an error; and so is an object of another user than this process's or root, unless the
/// mode that is asked for would let him write, or he was asked for ([`owner`](Self::owner)).
#[derive(Debug)]
pub struct Mailbox<T: Message + ?Sized> {
    name: Name,
    capacity: Option<usize>,
    /// The messages' type; `None` where any will do.
    payload: Option<TypeLayout>,
    permission: Permission,
    owner: Owner,
    messages: PhantomData<fn(&T)>,
}

const MESSAGE_TYPE: &str = "message type";

impl<T: Message + ?Sized> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), messages: PhantomData, ..*self }
    }
}

/// A role of a mailbox, and the mapped memory to go with it.
struct Attached {
    name: Name,
    memory: MailboxMemory,
    layout: Layout,
    held: Held,
}

impl Mailbox<[u8]> {
    /// The mailbox `name` for messages of bytes, at most `capacity` long.
    ///
    /// # Errors
    /// The name cannot be.
    pub fn bytes(name: &str, capacity: usize) -> Result<Self, NameError> {
        Self::new(name).map(|mailbox| mailbox.capacity(capacity))
    }

    /// A mailbox whatever its messages are.
    pub(crate) fn of_any_type(name: Name) -> Self {
        let (permission, owner) = (Permission::Default, Owner::default());
        Self { name, capacity: None, payload: None, permission, owner, messages: PhantomData }
    }

    /// Asks for messages of at most `capacity` bytes, 0 to 2^40.
    #[must_use]
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity: Some(capacity), ..self }
    }
}

impl<T: Message + ?Sized> Mailbox<T> {
    /// The mailbox `name`: 1 to 200 of `A-Z a-z 0-9 . _ -`.
    ///
    /// # Errors
    /// The name cannot be.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let (name, capacity) = (Name::new(name)?, fixed_length::<T>());
        let (payload, permission, owner) = (Some(T::LAYOUT), Permission::Default, Owner::default());
        Ok(Self { name, capacity, payload, permission, owner, messages: PhantomData })
    }

    /// Permissions of the object, if it is created: exactly these, whatever the umask.
    ///
    /// Writer and reader need to read and write, monitors only to read. Taking a role is refused if the owner is not to
    /// read and write ([`OpenError::Mode`]).
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { permission: Permission::Exactly(mode & 0o777), ..self }
    }

    /// Whose object may be used if it is there, besides this process's user's and root's. If this is not asked for,
    /// [`Owner::AsMode`]: that of whom the mode would let write.
    #[must_use]
    pub fn owner(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }

    /// The mailbox's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Takes the writer's role, creating the mailbox if it is not there, and goes on from a predecessor's last message
    /// ([`Writer::recovery`]).
    ///
    /// # Errors
    /// A live process has the role, the mailbox is not what was asked for, or it cannot be created or opened.
    ///
    /// # Crash safety
    /// *Repeatable.* What a kill leaves half-made the next call completes.
    pub fn writer(&self) -> Result<Writer<T>, OpenError> {
        self.attach(Role::MailboxWriter).and_then(Writer::recover)
    }

    /// Takes the reader's role, creating the mailbox if it is not there. A message that a predecessor had not cleared
    /// is received again.
    ///
    /// # Errors
    /// As [`writer`](Self::writer).
    ///
    /// # Crash safety
    /// *Repeatable*, as [`writer`](Self::writer).
    pub fn reader(&self) -> Result<Reader<T>, OpenError> {
        self.attach(Role::MailboxReader).and_then(Reader::recover)
    }

    /// Looks at the mailbox without a role, mapping it read-only. Creates nothing.
    ///
    /// A monitor of a mailbox that is removed and created anew goes on seeing the old one.
    ///
    /// # Errors
    /// The mailbox is not there, not complete yet, not what was asked for, belongs to another user, or cannot be
    /// opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn monitor(&self) -> Result<Monitor, OpenError> {
        let objects = self.objects();
        let opened = creation::open(&objects, Part::Anchor, Access::Read);
        let (object, header) = opened.map_err(|failure| objects.failed(failure))?;
        let layout = self.check(&objects, &header).map_err(|error| self.explained(&objects, error))?;
        let description = read_description(&objects.object(Part::Anchor), &object, &header, layout.length())?;
        let region = object.map(layout.length(), Access::Read)?;
        Ok(Monitor::new(self.name.clone(), memory::memory(region, layout), Arc::new(object), description))
    }

    /// The live process that has a role, as the kernel knows; `None` where none has. What is asked of the mailbox is of
    /// no account, but whose it may be.
    ///
    /// # Errors
    /// A mailbox has no such role, it is not there, not complete yet, or cannot be opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn holder(&self, role: Role) -> Result<Option<Holder>, OpenError> {
        let objects = self.objects();
        let opened = creation::open(&objects, Part::Anchor, Access::Read);
        let (object, header) = opened.map_err(|failure| objects.failed(failure))?;
        expect(object.name(), "kind", header.kind, Kind::Ready)?;
        match role {
            Role::MailboxWriter | Role::MailboxReader => Ok(Holder::find(&Arc::new(object), role)?),
            Role::Producer | Role::Consumer(_) | Role::Writer => {
                Err(OpenError::NoSuchRole { channel: self.name.to_string(), role })
            }
        }
    }

    /// Removes the mailbox, and the message that waits in it; false where there was none. Its memory is freed when the
    /// last process that has it mapped is gone.
    ///
    /// What is asked of the mailbox is of no account, and its object need not be intact.
    ///
    /// # Errors
    /// A live process has a role and `force` is [`Force::No`], another process is creating or removing the mailbox, or
    /// a system call failed.
    ///
    /// # Crash safety
    /// *Repeatable.*
    pub fn remove(&self, force: Force) -> Result<bool, RemoveError> {
        Named::mailbox_to_remove(&self.name).remove(force, WAIT)
    }

    fn attach(&self, role: Role) -> Result<Attached, OpenError> {
        if let Permission::Exactly(mode) = self.permission {
            Permission::exactly(self.name.as_str(), mode)?;
        }
        let objects = self.objects();
        let description = OnceCell::new();
        let found = creation::attach(
            &objects,
            || self.plan(&description),
            |header| Ok((self.check(&objects, header)?, role.bytes())),
            |anchor: &Object, _| {
                let channel = self.name.to_string();
                OpenError::RoleTaken { channel, role, holder: role.holder(anchor) }
            },
        );
        let creation::Attached { anchor, again, checked: layout, .. } =
            found.map_err(|failure| self.failed(&objects, failure))?;
        let held = Held::new(anchor, role);
        let region = again.map(layout.length(), Access::ReadWrite)?;
        role.sign(&region);
        Ok(Attached { name: self.name.clone(), memory: memory::memory(region, layout), layout, held })
    }

    fn objects(&self) -> Named<'_> {
        Named::mailbox(&self.name, self.permission, self.owner)
    }

    /// Checks that an object is what was asked for; its dimensions.
    pub(crate) fn check(&self, objects: &Named<'_>, header: &Header) -> Result<Layout, OpenError> {
        let name = &objects.object(Part::Anchor);
        expect(name, "kind", header.kind, Kind::Ready)?;
        expect(name, MESSAGE_TYPE, header.payload, self.payload.unwrap_or(header.payload))?;
        let asked = self.capacity.map_or(header.capacity, |asked| asked as u64);
        expect(name, "capacity in bytes", header.capacity, asked)?;
        let layout = self.layout(header.capacity)?;
        section(name, header, layout.length())?;
        Ok(layout)
    }

    fn failed(&self, objects: &Named<'_>, failure: Failure<OsError, OpenError>) -> OpenError {
        self.explained(objects, objects.failed(failure))
    }

    /// The error, which names the first field that differs where the messages are of another type.
    fn explained(&self, objects: &Named<'_>, error: OpenError) -> OpenError {
        match error {
            OpenError::Mismatch { field: MESSAGE_TYPE, .. } => self.first_difference(objects).unwrap_or(error),
            _ => error,
        }
    }

    /// The first field in which the messages' type differs from what is noted; `None` where that cannot be told.
    fn first_difference(&self, objects: &Named<'_>) -> Option<OpenError> {
        let expected = Description::of::<T>().ok()?;
        let any = Mailbox::<[u8]>::of_any_type(self.name.clone());
        let (anchor, header) = creation::open::<_, OpenError>(objects, Part::Anchor, Access::Read).ok()?;
        let layout = any.check(objects, &header).ok()?;
        let object = objects.object(Part::Anchor);
        let found = read_description(&object, &anchor, &header, layout.length()).ok()?;
        let (found, expected) = found.first_difference(&expected)?;
        Some(OpenError::Mismatch { object, field: MESSAGE_TYPE, found, expected })
    }

    /// The object's header, and what is noted of the messages, if the mailbox is created.
    fn plan<'d>(&self, description: &'d OnceCell<Description>) -> Result<Plan<'d>, OpenError> {
        let Some(capacity) = self.capacity else {
            return Err(OpenError::CapacityNotGiven { channel: self.name.to_string() });
        };
        let capacity = capacity as u64;
        let layout = self.layout(capacity)?;
        let described = Description::of::<T>()
            .map_err(|source| OpenError::NotDescribed { channel: self.name.to_string(), source })?;
        let description = description.get_or_init(|| described).bytes();
        let length = object_length(layout.length(), description.len());
        let anchor = Header { kind: Kind::Ready, pair: 0, length, consumers: 0, capacity, payload: T::LAYOUT };
        Ok(Plan { anchor, description, data: None })
    }

    fn layout(&self, capacity: u64) -> Result<Layout, OpenError> {
        let layout = usize::try_from(capacity).ok().and_then(Layout::new);
        layout.ok_or_else(|| OpenError::Capacity { mailbox: self.name.to_string(), found: capacity })
    }
}
