//! A look at a mailbox from outside.

use super::Mailbox;
use super::error::ReceiveError;
use super::memory::MailboxMemory;
use crate::description::Description;
use crate::error::{OpenError, OsError};
use crate::holder::Holder;
use crate::name::Name;
use crate::object::Object;
use crate::owner::Owner;
use crate::role::Role;
use lastword_protocol::ready::{Corrupt, Expected, State, Word};
use std::sync::Arc;

/// A process that sees how far a mailbox is, and none of its messages. There may be any number, and nobody notices
/// them.
#[derive(Debug)]
pub struct Monitor {
    memory: MailboxMemory,
    object: Arc<Object>,
    name: Name,
    description: Description,
}

impl Monitor {
    pub(super) fn new(name: Name, memory: MailboxMemory, object: Arc<Object>, description: Description) -> Self {
        Self { memory, object, name, description }
    }

    /// Looks at mailbox `name`, whatever its messages are, mapping it read-only. Creates nothing.
    ///
    /// # Errors
    /// The mailbox is not there, not complete yet, belongs to another user, or cannot be opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::open_of(name, Owner::AsMode)
    }

    /// As [`open`](Self::open), of a mailbox that may be of such an owner, besides this process's user and root.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn open_of(name: &str, owner: Owner) -> Result<Self, OpenError> {
        Mailbox::of_any_type(Name::new(name)?).owner(owner).monitor()
    }

    /// What the mailbox notes of its messages' type.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The number of the last message sent, and whether it still waits for the reader. One plain load.
    ///
    /// # Errors
    /// The word in shared memory is garbage.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn state(&self) -> Result<State, ReceiveError> {
        let (found, state) = self.memory.look();
        state.ok_or_else(|| ReceiveError::Corrupt {
            mailbox: self.name.to_string(),
            source: Corrupt { word: Word::State, found, expected: Expected::State },
        })
    }

    /// The live process that has the writer's role, as the kernel knows; `None` where none has.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn writer(&self) -> Result<Option<Holder>, OsError> {
        Holder::find(&self.object, Role::MailboxWriter)
    }

    /// The live process that has the reader's role, as the kernel knows; `None` where none has.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn reader(&self) -> Result<Option<Holder>, OsError> {
        Holder::find(&self.object, Role::MailboxReader)
    }

    /// Whether a live process has the writer's role, as the kernel knows.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn writer_lives(&self) -> Result<bool, OsError> {
        self.lives(Role::MailboxWriter)
    }

    /// Whether a live process has the reader's role, as the kernel knows.
    ///
    /// # Errors
    /// The system call failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn reader_lives(&self) -> Result<bool, OsError> {
        self.lives(Role::MailboxReader)
    }

    /// The process that took the writer's role last, if it is known, as its own pid namespace numbers it.
    #[must_use]
    pub fn last_writer(&self) -> Option<u32> {
        Role::MailboxWriter.holder(&self.object)
    }

    /// The process that took the reader's role last, if it is known, as its own pid namespace numbers it.
    #[must_use]
    pub fn last_reader(&self) -> Option<u32> {
        Role::MailboxReader.holder(&self.object)
    }

    /// Longest message, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.layout.capacity()
    }

    fn lives(&self, role: Role) -> Result<bool, OsError> {
        self.object.is_held(&role.bytes())
    }
}
