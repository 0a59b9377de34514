//! Channels: how their two objects are created, attached to and removed.
//!
//! The locks object is the anchor: its lock is the right to create (see [`crate::creation`]), and it is completed after
//! the data object, so a complete locks object says that the data object is complete. Removal goes the other way round.
//!
//! | a creator or remover dies after | locks object | data object | the next creator |
//! |---|---|---|---|
//! | creating the locks object | empty | - | builds both |
//! | beginning the locks object | CREATING | - | removes it, builds both |
//! | removing an old data object, beginning its own | CREATING | CREATING | removes both, builds both |
//! | completing the data object | CREATING | complete | removes both, builds both |
//! | completing the locks object | complete | complete | attaches |
//! | (removal) marking the locks object | CREATING | complete | removes both, builds both |
//! | (removal) removing the data object | CREATING | - | removes it, builds both |
//!
//! A role is taken first, then the locks object is looked at again: it must still be the one with that name, and
//! complete. From there on nobody removes it who does not use force, because that needs every role.

use crate::consumer::Consumer;
use crate::creation::{ATTEMPTS, Force, Taken, WAIT, expect, open_or_create, remove, take_all, take_beside_removers};
use crate::error::{OpenError, RemoveError};
use crate::message::{Message, fixed_length};
use crate::name::{Name, NameError, ObjectKind};
use crate::object::{Access, Object, Permission};
use crate::observer::Observer;
use crate::producer::Producer;
use crate::region::Region;
use crate::role::{Held, Role};
use crate::slots::SlotsMemory;
use lastword_protocol::header::{Header, Kind};
use lastword_protocol::slots::{self, Layout, LayoutError};
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::time::Duration;

const CONSUMERS_DEFAULT: u8 = 8;

/// A channel by its name, and what is asked of it. Nothing is opened or created before a role is taken.
///
/// What is not asked for is taken as it is found; a channel that is created gets 8 consumers, and mode 0600
/// whatever the umask. What is asked for and is otherwise is an error.
#[derive(Debug)]
pub struct Channel<T: Message + ?Sized> {
    name: Name,
    consumers: Option<u8>,
    capacity: Option<usize>,
    permission: Permission,
    messages: PhantomData<fn(&T)>,
}

impl<T: Message + ?Sized> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), messages: PhantomData, ..*self }
    }
}

/// A role of a channel, and the mapped memory to go with it.
pub(crate) struct Attached {
    pub(crate) name: Name,
    pub(crate) memory: SlotsMemory,
    pub(crate) layout: Layout,
    pub(crate) held: Held,
}

impl Channel<[u8]> {
    /// The channel `name` for messages of bytes, at most `capacity` long.
    ///
    /// # Errors
    /// The name cannot be.
    pub fn bytes(name: &str, capacity: usize) -> Result<Self, NameError> {
        Self::new(name).map(|channel| channel.capacity(capacity))
    }

    /// Asks for messages of at most `capacity` bytes.
    #[must_use]
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity: Some(capacity), ..self }
    }
}

impl<T: Message + ?Sized> Channel<T> {
    /// The channel `name`: 1 to 200 of `A-Z a-z 0-9 . _ -`.
    ///
    /// # Errors
    /// The name cannot be.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let name = Name::new(name)?;
        let capacity = fixed_length::<T>();
        Ok(Self { name, consumers: None, capacity, permission: Permission::Default, messages: PhantomData })
    }

    /// Asks for that many consumers, 1 to 254.
    #[must_use]
    pub fn consumers(self, consumers: u8) -> Self {
        Self { consumers: Some(consumers), ..self }
    }

    /// Permissions of the objects, if they are created: exactly these, whatever the umask.
    ///
    /// Producer and consumers need to read and write, observers only to read. Taking a role is refused if the owner is
    /// not to read and write ([`OpenError::Mode`]).
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { permission: Permission::Exactly(mode & 0o777), ..self }
    }

    /// The channel's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Takes the producer's role, creating the channel if it is not there, and goes on from a predecessor's last
    /// message.
    ///
    /// # Errors
    /// A live process has the role, the channel is not what was asked for, or it cannot be created or opened.
    ///
    /// # Crash safety
    /// *Repeatable.* What a kill leaves half-made the next call completes.
    pub fn producer(&self) -> Result<Producer<T>, OpenError> {
        self.attach(Wanted::Producer).and_then(|(_, attached)| Producer::recover(attached))
    }

    /// Takes the role of consumer `index`, creating the channel if it is not there, and takes over what a predecessor
    /// had locked ([`Consumer::recovery`]).
    ///
    /// # Errors
    /// As [`producer`](Self::producer); or the channel has no such consumer.
    ///
    /// # Crash safety
    /// *Repeatable*, as [`producer`](Self::producer).
    pub fn consumer(&self, index: u8) -> Result<Consumer<T>, OpenError> {
        let (index, attached) = self.attach(Wanted::Consumer(index))?;
        Consumer::recover(attached, index)
    }

    /// Takes the role of the first consumer that no live process has.
    ///
    /// # Errors
    /// As [`consumer`](Self::consumer); or live processes have all of them.
    ///
    /// # Crash safety
    /// *Repeatable*, as [`producer`](Self::producer).
    pub fn any_consumer(&self) -> Result<Consumer<T>, OpenError> {
        let (index, attached) = self.attach(Wanted::AnyConsumer)?;
        Consumer::recover(attached, index)
    }

    /// Looks at the channel without a role: reads the locks object's header, which says that the channel is complete, and
    /// maps the data object read-only. Creates nothing.
    ///
    /// An observer of a channel that is removed and created anew goes on seeing the old one.
    ///
    /// # Errors
    /// The channel is not there, not complete yet, not what was asked for, or cannot be opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn observer(&self) -> Result<Observer<T>, OpenError> {
        let locks_name = self.name.object(ObjectKind::Locks);
        for _ in 0..ATTEMPTS {
            let Some(locks) = Object::open(&locks_name, Access::Read)? else {
                return Err(OpenError::NotFound { object: locks_name });
            };
            let header = locks.header()?;
            let layout = self.check(&locks_name, &header, slots::Object::Locks)?;
            let data = self.open_data(&header, &layout, Access::Read);
            // A failure counts only if the channel is still the one that was found: it may be just being removed.
            let again = locks.reopen(Access::Read)?;
            if data.is_err() && !again.is_some_and(|again| again.header().as_ref() == Ok(&header)) {
                continue;
            }
            return Ok(Observer::new(self.name.clone(), SlotsMemory { data: data?, locks: None, layout }, layout));
        }
        Err(OpenError::Unsettled { object: locks_name })
    }

    /// Removes the channel's names; false where there was no such channel. Its memory is freed when the last process
    /// that has it mapped is gone.
    ///
    /// What is asked of the channel is of no account, and its objects need not be intact. They must be such that this
    /// user may read and write them: without that nobody can tell whether a live process has a role. Only an object that
    /// is still empty, of which nobody can have one, is removed by its owner whatever its mode.
    ///
    /// # Errors
    /// A live process has a role and `force` is [`Force::No`], another process is creating or removing the channel, or
    /// a system call failed.
    ///
    /// # Crash safety
    /// *Repeatable.* Killed on its way, the channel is there, or is created anew by whoever opens it next.
    pub fn remove(&self, force: Force) -> Result<bool, RemoveError> {
        remove_channel(&self.name, force, WAIT)
    }

    fn attach(&self, wanted: Wanted) -> Result<(u8, Attached), OpenError> {
        if let Permission::Exactly(mode) = self.permission {
            Permission::exactly(self.name.as_str(), mode)?;
        }
        let locks_name = self.name.object(ObjectKind::Locks);
        for _ in 0..ATTEMPTS {
            let (object, header) = open_or_create(&locks_name, self.permission, |locks| self.build(locks))?;
            let layout = self.check(&locks_name, &header, slots::Object::Locks)?;
            let Some(taken) = take_beside_removers(object, |object| self.take(object, wanted, &layout))? else {
                continue;
            };
            let object = match &taken {
                Ok((_, held)) => held.object(),
                Err((object, _)) => object,
            };
            // Both the name and the content: a remover that died left the name of an object that it had begun to remove.
            let again = object.reopen(Access::ReadWrite)?;
            let Some(again) = again.filter(|again| again.header().as_ref() == Ok(&header)) else { continue };
            let (role, held) = taken.map_err(|(_, error)| error)?;
            let access = if role == Role::Producer { Access::ReadWrite } else { Access::Read };
            let data = self.open_data(&header, &layout, access)?;
            let locks = again.map(layout.length(slots::Object::Locks), Access::ReadWrite)?;
            role.sign(&locks);
            let index = if let Role::Consumer(index) = role { index } else { 0 };
            let memory = SlotsMemory { data, locks: Some(locks), layout };
            return Ok((index, Attached { name: self.name.clone(), memory, layout, held }));
        }
        Err(OpenError::Unsettled { object: locks_name })
    }

    /// Takes one of the wanted roles; the object and the error where live processes have them all.
    fn take(
        &self,
        mut object: Object,
        wanted: Wanted,
        layout: &Layout,
    ) -> Result<Taken<(Role, Held), OpenError>, OpenError> {
        let channel = || self.name.to_string();
        let consumers = layout.consumers();
        let (roles, one) = match wanted {
            Wanted::Producer => (vec![Role::Producer], Some(Role::Producer)),
            Wanted::Consumer(index) if index >= consumers => {
                return Err(OpenError::NoSuchConsumer { channel: channel(), index, consumers });
            }
            Wanted::Consumer(index) => (vec![Role::Consumer(index)], Some(Role::Consumer(index))),
            Wanted::AnyConsumer => ((0..consumers).map(Role::Consumer).collect(), None),
        };
        for role in roles {
            match Held::take(object, role)? {
                Ok(held) => return Ok(Ok((role, held))),
                Err(back) => object = back,
            }
        }
        let error = match one {
            Some(role) => OpenError::RoleTaken { channel: channel(), role, holder: role.holder(&object) },
            None => OpenError::AllConsumersTaken { channel: channel(), consumers },
        };
        Ok(Err((object, error)))
    }

    /// Opens, checks and maps the data object that belongs to a locks object with this header.
    fn open_data(&self, locks: &Header, layout: &Layout, access: Access) -> Result<Region, OpenError> {
        let name = self.name.object(ObjectKind::Data);
        let Some(object) = Object::open(&name, access)? else {
            return Err(OpenError::DataMissing { object: name });
        };
        let header = object.header()?;
        let found = self.check(&name, &header, slots::Object::Data)?;
        expect(&name, "number, which is the same in both objects of a channel", header.pair, locks.pair)?;
        expect(&name, "consumers", found.consumers(), layout.consumers())?;
        expect(&name, "capacity in bytes", found.capacity(), layout.capacity())?;
        Ok(object.map(layout.length(slots::Object::Data), access)?)
    }

    /// Checks that an object is what was asked for; its dimensions.
    fn check(&self, name: &str, header: &Header, which: slots::Object) -> Result<Layout, OpenError> {
        let kind = match which {
            slots::Object::Data => Kind::SlotsData,
            slots::Object::Locks => Kind::SlotsLocks,
        };
        expect(name, "kind", header.kind, kind)?;
        expect(name, "message type", header.payload, T::LAYOUT)?;
        expect(name, "consumers", header.consumers, self.consumers.map_or(header.consumers, u64::from))?;
        expect(
            name,
            "capacity in bytes",
            header.capacity,
            self.capacity.map_or(header.capacity, |asked| asked as u64),
        )?;
        let layout = match (u8::try_from(header.consumers), usize::try_from(header.capacity)) {
            (Err(_), _) => Err(LayoutError::Consumers { found: header.consumers }),
            (_, Err(_)) => Err(LayoutError::Capacity { found: header.capacity }),
            (Ok(consumers), Ok(capacity)) => Layout::new(consumers, capacity),
        };
        let layout = layout.map_err(|source| OpenError::Dimensions { channel: self.name.to_string(), source })?;
        expect(name, "length in bytes", header.length, layout.length(which) as u64)?;
        Ok(layout)
    }

    /// Builds both objects of the channel, the empty one given and the data object. The locks object is completed last.
    fn build(&self, locks: &Object) -> Result<(), OpenError> {
        let channel = self.name.to_string();
        let Some(capacity) = self.capacity else { return Err(OpenError::CapacityNotGiven { channel }) };
        let consumers = self.consumers.unwrap_or(CONSUMERS_DEFAULT);
        let layout = Layout::new(consumers, capacity).map_err(|source| OpenError::Dimensions { channel, source })?;
        // After a fork, parent and child have the same hasher and different pids.
        let pair = std::hash::RandomState::new().hash_one(std::process::id());
        let header = |kind, object| Header {
            kind,
            pair,
            length: layout.length(object) as u64,
            consumers: consumers.into(),
            capacity: capacity as u64,
            payload: T::LAYOUT,
        };
        let locks_header = header(Kind::SlotsLocks, slots::Object::Locks);
        let data_header = header(Kind::SlotsData, slots::Object::Data);
        locks.begin(self.permission, locks_header.length)?;
        locks.describe(&locks_header)?;
        let data_name = self.name.object(ObjectKind::Data);
        Object::unlink(&data_name)?;
        let built = self.build_data(&data_name, &data_header).and_then(|()| Ok(locks.complete()?));
        if built.is_err() {
            // The error that counts is the first one. Where this fails too, the locks object stays incomplete.
            let _ = Object::unlink(&data_name);
        }
        built
    }

    fn build_data(&self, name: &str, header: &Header) -> Result<(), OpenError> {
        let Some(data) = Object::create(name, self.permission)? else {
            return Err(OpenError::Unsettled { object: name.to_owned() });
        };
        data.begin(self.permission, header.length)?;
        data.describe(header)?;
        Ok(data.complete()?)
    }
}

#[derive(Clone, Copy)]
enum Wanted {
    Producer,
    Consumer(u8),
    AnyConsumer,
}

/// Removes a channel's objects, waiting that long for another process that creates or removes them.
pub(crate) fn remove_channel(name: &Name, force: Force, wait: Duration) -> Result<bool, RemoveError> {
    let locks_name = name.object(ObjectKind::Locks);
    let data_name = name.object(ObjectKind::Data);
    let orphaned = || Ok(Object::open(&data_name, Access::Read)?.is_some());
    remove(&locks_name, wait, orphaned, |locks| {
        if force == Force::No
            && let Some(byte) = take_all(locks)?
        {
            let role = Role::of_channel(byte);
            return Err(RemoveError::InUse { channel: name.to_string(), role, holder: role.holder(locks) });
        }
        // From here on whoever opens the channel begins it anew.
        locks.mark_incomplete()?;
        Object::unlink(&data_name)?;
        Object::unlink(&locks_name)?;
        Ok(())
    })
}
