//! The objects of a channel, mailbox or board by their names, as [creation](lastword_protocol::creation) reaches them.

#[cfg(feature = "broken")]
use crate::broken;
use crate::description::Description;
use crate::error::{OpenError, OsError, RemoveError};
use crate::name::{Name, ObjectKind};
use crate::object::{Object, Permission};
use crate::owner::Owner;
use crate::role::Role;
use lastword_protocol::creation::{
    self, ALL_ROLES, Access, CREATE, Failure, Force, LockByte, Objects, Part, Parts, Removal, WAIT,
};
use lastword_protocol::description;
use lastword_protocol::header::{Header, HeaderError};
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

/// The objects of one channel, mailbox or board.
pub(crate) struct Named<'n> {
    name: &'n Name,
    anchor: ObjectKind,
    permission: Permission,
    owner: Owner,
}

impl<'n> Named<'n> {
    /// The objects of a channel, with these permissions if they are created, of these owners if they are there.
    pub(crate) fn channel(name: &'n Name, permission: Permission, owner: Owner) -> Self {
        Self { name, anchor: ObjectKind::Locks, permission, owner }
    }

    /// The object of a mailbox, with these permissions if it is created, of these owners if it is there.
    pub(crate) fn mailbox(name: &'n Name, permission: Permission, owner: Owner) -> Self {
        Self { name, anchor: ObjectKind::Ready, permission, owner }
    }

    /// The object of a board, with these permissions if it is created, of these owners if it is there.
    pub(crate) fn board(name: &'n Name, permission: Permission, owner: Owner) -> Self {
        Self { name, anchor: ObjectKind::Status, permission, owner }
    }

    /// The objects of a channel that are only removed, whosever they are: nothing in them is believed.
    pub(crate) fn channel_to_remove(name: &'n Name) -> Self {
        Self::channel(name, Permission::Default, Owner::Anybody)
    }

    /// The object of a mailbox that is only removed.
    pub(crate) fn mailbox_to_remove(name: &'n Name) -> Self {
        Self::mailbox(name, Permission::Default, Owner::Anybody)
    }

    /// The object of a board that is only removed.
    pub(crate) fn board_to_remove(name: &'n Name) -> Self {
        Self::board(name, Permission::Default, Owner::Anybody)
    }

    /// An object's name, as shm_overview(7) spells it.
    pub(crate) fn object(&self, part: Part) -> String {
        self.name.object(match part {
            Part::Anchor => self.anchor,
            Part::Data => ObjectKind::Data,
        })
    }

    /// Why a role or a view was not had, in words that say of what.
    pub(crate) fn failed(&self, failure: Failure<OsError, OpenError>) -> OpenError {
        match failure {
            Failure::Kernel(error) => error.into(),
            Failure::Refused(error) => error,
            Failure::Missing(Part::Anchor) => OpenError::NotFound { object: self.object(Part::Anchor) },
            Failure::Missing(Part::Data) => OpenError::DataMissing { object: self.object(Part::Data) },
            Failure::Header(part, HeaderError::Incomplete) => OpenError::Incomplete { object: self.object(part) },
            Failure::Header(part, source) => OpenError::Header { object: self.object(part), source },
            Failure::BeingCreated => OpenError::BeingCreated { object: self.object(Part::Anchor), waited: WAIT },
            Failure::Unsettled(part) => OpenError::Unsettled { object: self.object(part) },
        }
    }

    /// Whether a live process has a role, or is creating or removing these objects.
    pub(crate) fn is_used(&self) -> Result<bool, OsError> {
        self.is_locked(*CREATE.start()..=*ALL_ROLES.end())
    }

    /// Whether a live process has a lock of one of these bytes of the anchor.
    pub(crate) fn is_locked(&self, bytes: RangeInclusive<LockByte>) -> Result<bool, OsError> {
        // As it has to be opened to be removed, so that the same is refused.
        let Some(anchor) = self.open(Part::Anchor, Access::ReadWrite)? else { return Ok(false) };
        Object::check_unlink(anchor.name())?;
        anchor.locked(&bytes).map(|lock| lock.is_some())
    }

    /// Removes the channel, mailbox or board; false where there was none. Waits that long for another process that
    /// creates or removes it.
    pub(crate) fn remove(&self, force: Force, wait: Duration) -> Result<bool, RemoveError> {
        let parts = match self.anchor {
            ObjectKind::Data | ObjectKind::Locks => Parts::Both,
            ObjectKind::Ready | ObjectKind::Status => Parts::Anchor,
        };
        let object = || self.object(Part::Anchor);
        match creation::remove(self, parts, force, wait)? {
            Removal::Removed => Ok(true),
            Removal::Missing => Ok(false),
            Removal::InUse(anchor, byte) => {
                let role = match self.anchor {
                    ObjectKind::Data | ObjectKind::Locks => Role::of_channel(byte),
                    ObjectKind::Ready => Role::of_mailbox(byte),
                    ObjectKind::Status => Role::Writer,
                };
                let holder = role.holder(&anchor);
                Err(RemoveError::InUse { channel: self.name.to_string(), role, holder })
            }
            Removal::BeingCreated => Err(RemoveError::BeingCreated { object: object(), waited: wait }),
            Removal::Unsettled => Err(RemoveError::Unsettled { object: object() }),
        }
    }
}

impl Objects for Named<'_> {
    type Object = Object;
    type Error = OsError;

    fn open(&self, part: Part, access: Access) -> Result<Option<Object>, OsError> {
        let Some(object) = Object::open(&self.object(part), access)? else { return Ok(None) };
        object.check_owner(self.owner, self.permission)?;
        Ok(Some(object))
    }

    fn create(&self, part: Part) -> Result<Option<Object>, OsError> {
        Object::create(&self.object(part), self.permission)
    }

    fn unlink(&self, part: Part) -> Result<(), OsError> {
        #[cfg(feature = "broken")]
        if broken::is(if part == Part::Anchor { broken::ANCHOR_STAYS } else { broken::DATA_STAYS }) {
            return Ok(());
        }
        Object::unlink(&self.object(part))
    }

    fn reopen(&self, object: &Object, access: Access) -> Result<Option<Object>, OsError> {
        object.reopen(access)
    }

    fn is_empty(&self, object: &Object) -> Result<bool, OsError> {
        object.is_empty()
    }

    fn header(&self, object: &Object) -> Result<Result<Header, HeaderError>, OsError> {
        object.header()
    }

    fn begin(&self, object: &Object, length: u64) -> Result<(), OsError> {
        object.begin(self.permission, length)
    }

    fn describe(&self, object: &Object, header: &Header, description: &[u8]) -> Result<(), OsError> {
        #[cfg(feature = "broken")]
        if broken::is(broken::ANCHOR_FIRST) && header.kind == lastword_protocol::header::Kind::SlotsLocks {
            object.describe(header, description)?;
            return object.complete();
        }
        object.describe(header, description)
    }

    fn complete(&self, object: &Object) -> Result<(), OsError> {
        #[cfg(feature = "broken")]
        if broken::is(broken::NOT_COMPLETED) {
            return Ok(());
        }
        object.complete()
    }

    fn mark_incomplete(&self, object: &Object) -> Result<(), OsError> {
        #[cfg(feature = "broken")]
        if broken::is(broken::NOT_MARKED) {
            return Ok(());
        }
        // Who may write a channel and not remove it is not to spoil it.
        for part in [Part::Data, Part::Anchor] {
            Object::check_unlink(&self.object(part))?;
        }
        object.mark_incomplete()
    }

    fn try_lock(&self, object: &Object, bytes: &RangeInclusive<LockByte>) -> Result<bool, OsError> {
        object.try_lock(bytes)
    }

    fn lock_within(&self, object: &Object, bytes: &RangeInclusive<LockByte>, wait: Duration) -> Result<bool, OsError> {
        object.lock_within(bytes, wait)
    }

    fn unlock(&self, object: &Object, bytes: &RangeInclusive<LockByte>) -> Result<(), OsError> {
        object.unlock(bytes)
    }

    fn locked(
        &self,
        object: &Object,
        bytes: &RangeInclusive<LockByte>,
    ) -> Result<Option<RangeInclusive<LockByte>>, OsError> {
        object.locked(bytes)
    }
}

/// Checks that an object ends where its layout ends, or has a description after it: where that lies.
pub(crate) fn section(object: &str, header: &Header, layout: usize) -> Result<Range<u64>, OpenError> {
    description::section(layout, header.length).ok_or_else(|| OpenError::Mismatch {
        object: object.to_owned(),
        field: "length in bytes",
        found: header.length.to_string(),
        expected: format!("{layout}, or more where a description follows"),
    })
}

/// What an anchor with this header, after a layout of `layout` bytes, says of its messages.
pub(crate) fn read_description(
    name: &str,
    anchor: &Object,
    header: &Header,
    layout: usize,
) -> Result<Description, OpenError> {
    let bytes = anchor.description(section(name, header, layout)?)?;
    Description::parse(header.payload, bytes)
        .map_err(|source| OpenError::Description { object: name.to_owned(), source })
}

/// Checks that a field of an object's header is what was asked for.
pub(crate) fn expect<V: PartialEq + Display>(
    object: &str,
    field: &'static str,
    found: V,
    expected: V,
) -> Result<(), OpenError> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.to_string(), expected.to_string());
    Err(OpenError::Mismatch { object: object.to_owned(), field, found, expected })
}
