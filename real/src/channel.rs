//! Channels: what is asked of one, and what of it is mapped. How its objects are created, attached to and removed is at
//! [`creation`].

use crate::consumer::Consumer;
use crate::creation::{Named, expect, read_description, section};
use crate::description::{Description, DescriptionError};
use crate::error::{OpenError, OsError, RemoveError};
use crate::generation::{self, Link, Right, follow};
use crate::holder::Holder;
use crate::message::{Message, fixed_length};
use crate::name::{Name, NameError};
use crate::object::{Object, Permission};
use crate::observer::Observer;
use crate::owner::Owner;
use crate::producer::Producer;
use crate::region::Region;
use crate::replacement::Replacement;
use crate::role::{Held, Role};
use crate::slots::{SlotsMemory, memory};
use lastword_protocol::creation::{self, Access, CONSUMERS, Failure, Force, LockByte, Objects, Part, Plan, WAIT};
use lastword_protocol::description::object_length;
use lastword_protocol::header::{Header, Kind, TypeLayout};
use lastword_protocol::slots::{self, Layout, LayoutError};
use std::cell::OnceCell;
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::Arc;

const CONSUMERS_DEFAULT: u8 = 8;
/// What an error is about that names the first field that differs.
const MESSAGE_TYPE: &str = "message type";

/// A channel by its name, and what is asked of it. Nothing is opened or created before a role is taken.
///
/// What is not asked for is taken as it is found; a channel that is created gets 8 consumers, and mode 0600 whatever
/// the umask. What is asked for and is otherwise is an error; and so are objects of another user than this process's or
/// root, unless the mode that is asked for would let him write, or he was asked for ([`owner`](Self::owner)).
#[derive(Debug)]
pub struct Channel<T: Message + ?Sized> {
    name: Name,
    consumers: Option<u8>,
    capacity: Option<usize>,
    /// The messages' type; whichever is found.
    payload: Option<TypeLayout>,
    /// What the messages consist of, where `T` does not say.
    description: Option<Arc<Description>>,
    permission: Permission,
    owner: Owner,
    messages: PhantomData<fn(&T)>,
}

impl<T: Message + ?Sized> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), description: self.description.clone(), messages: PhantomData, ..*self }
    }
}

/// A role of a channel, and the mapped memory to go with it.
///
/// `roles` is the locks object, opened without a lock, to ask who has the other roles.
pub(crate) struct Attached {
    pub(crate) name: Name,
    pub(crate) memory: SlotsMemory,
    pub(crate) layout: Layout,
    /// The length that all messages have, if they have one.
    pub(crate) fixed: Option<usize>,
    pub(crate) held: Held,
    pub(crate) roles: Arc<Object>,
}

impl Channel<[u8]> {
    /// The channel `name` for messages of bytes, at most `capacity` long.
    ///
    /// # Errors
    /// The name cannot be.
    pub fn bytes(name: &str, capacity: usize) -> Result<Self, NameError> {
        Self::new(name).map(|channel| channel.capacity(capacity))
    }

    /// The channel `name` for messages of a type that is known at run time alone, each as long as the type. Programs
    /// that know the type open the same channel by it, and this is the same to them.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let name = format!("doc-described-{}", std::process::id());
    /// # let name = name.as_str();
    /// use lastword::{Channel, Description, Force, Kind};
    /// let pose = Description::build("Pose", 16, 8)
    ///     .field("x", "m", Kind::F64, 0)
    ///     .field("y", "m", Kind::F64, 8)
    ///     .finish()?;
    /// let channel = Channel::described(name, pose)?;
    /// let mut producer = channel.producer()?;
    /// let mut loan = producer.loan_bytes(16)?;
    /// loan.write_at(0, &1.5_f64.to_ne_bytes())?;
    /// loan.write_at(8, &(-2.0_f64).to_ne_bytes())?;
    /// loan.publish();
    ///
    /// lastword::message! { pub struct Pose { pub x: f64 ["m"], pub y: f64 ["m"] } }
    /// let seen = Channel::<Pose>::new(name)?.observer()?.peek()?;
    /// assert_eq!(seen.map(|(_, pose)| (pose.x, pose.y)), Some((1.5, -2.0)));
    /// # drop(producer);
    /// # channel.remove(Force::No)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The name cannot be.
    pub fn described(name: &str, description: Description) -> Result<Self, NameError> {
        let payload = *description.message_type();
        let capacity = if payload.is_bytes() { None } else { usize::try_from(payload.size).ok() };
        let channel = Self::new(name)?;
        Ok(Self { payload: Some(payload), capacity, description: Some(Arc::new(description)), ..channel })
    }

    /// Asks for messages of at most `capacity` bytes. A [described](Self::described) type has but one that can be.
    #[must_use]
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity: Some(capacity), ..self }
    }
}

impl Channel<[u8]> {
    /// The channel `name`, whatever its messages are, to be observed alone.
    pub(crate) fn of_any_type(name: &str) -> Result<Self, NameError> {
        Self::new(name).map(|channel| Self { payload: None, ..channel })
    }

    /// Looks at a channel as [`observer`](Self::observer) does; with the description that it was found to have.
    pub(crate) fn described_observer(&self) -> Result<(Observer<[u8]>, Description), OpenError> {
        self.observe(|objects, anchor, header, layout| self.description(objects, anchor, header, layout))
    }
}

impl<T: Message + ?Sized> Channel<T> {
    /// The channel `name`: 1 to 200 of `A-Z a-z 0-9 . _ -`.
    ///
    /// # Errors
    /// The name cannot be.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let name = Name::new(name)?;
        let (capacity, payload) = (fixed_length::<T>(), Some(T::LAYOUT));
        let (permission, owner) = (Permission::Default, Owner::default());
        let (consumers, description) = (None, None);
        Ok(Self { name, consumers, capacity, payload, description, permission, owner, messages: PhantomData })
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

    /// Whose objects may be used if they are there, besides this process's user's and root's. If this is not asked for,
    /// [`Owner::AsMode`]: those of whom the mode would let write.
    #[must_use]
    pub fn owner(self, owner: Owner) -> Self {
        Self { owner, ..self }
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
        self.attach(Wanted::Producer).and_then(|((_, attached), link)| Producer::recover(attached, link))
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
        let ((index, attached), link) = self.attach(Wanted::Consumer(index))?;
        Consumer::recover(attached, link, index)
    }

    /// Takes the role of the first consumer that no live process has.
    ///
    /// # Errors
    /// As [`consumer`](Self::consumer); or live processes have all of them.
    ///
    /// # Crash safety
    /// *Repeatable*, as [`producer`](Self::producer).
    pub fn any_consumer(&self) -> Result<Consumer<T>, OpenError> {
        let ((index, attached), link) = self.attach(Wanted::AnyConsumer)?;
        Consumer::recover(attached, link, index)
    }

    /// Looks at the channel without a role: reads the locks object's header, which says that the channel is complete,
    /// and maps the data object read-only. Creates nothing.
    ///
    /// An observer of a channel that is removed and created anew, or replaced, goes on seeing the old one.
    ///
    /// # Errors
    /// The channel is not there, not complete yet, not what was asked for, belongs to another user, or cannot be
    /// opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn observer(&self) -> Result<Observer<T>, OpenError> {
        self.observe(|_, _, _, _| Ok(())).map(|(observer, ())| observer)
    }

    /// Begins to replace the channel, which has to be there, by one of this type and these dimensions: creates it
    /// completely, and gives its producer, before anybody sees it. What is not asked for is as it was: the consumers,
    /// the mode, and the capacity where both are of bytes.
    ///
    /// Who opens the channel gets the old one until [`Replacement::commit`], and the new one from then on, in one step.
    /// Who has the old one open goes on with it undisturbed, and can ask ([`Consumer::is_replaced`]). What its producer
    /// goes on to publish there is not seen here: end it first, or take its role, where that matters.
    ///
    /// The objects are this process's user's and group's. A channel that several users share is replaced by the one who
    /// created it.
    ///
    /// # Errors
    /// Another process is replacing or removing the channel, it is not there, it cannot be created, or a system call
    /// failed.
    ///
    /// # Crash safety
    /// *Nothing to undo.* Killed before the commit, the channel is as it was, and the next replacer removes what was
    /// made.
    pub fn replace(self) -> Result<Replacement<T>, OpenError> {
        if let Permission::Exactly(mode) = self.permission {
            Permission::exactly(self.name.as_str(), mode)?;
        }
        let right = Right::take(&self.objects(&self.name), &self.name)?;
        let permission = match self.permission {
            Permission::Default => Permission::exactly(self.name.as_str(), right.mode()?).unwrap_or(self.permission),
            asked @ Permission::Exactly(_) => asked,
        };
        let previous = right.previous();
        // Its header may be of a version that this program does not know.
        let found = creation::open::<_, OpenError>(&self.objects(&previous), Part::Anchor, Access::Read).ok();
        let found = found.map(|(_, header)| header);
        let asked = self.payload.unwrap_or(T::LAYOUT);
        let are_bytes = |header: &Header| header.payload == TypeLayout::BYTES && asked == TypeLayout::BYTES;
        let consumers = found.and_then(|header| u8::try_from(header.consumers).ok());
        let capacity = found.filter(are_bytes).and_then(|header| usize::try_from(header.capacity).ok());
        let next = Self {
            permission,
            consumers: self.consumers.or(consumers),
            capacity: self.capacity.or(capacity),
            name: right.next(),
            ..self.clone()
        };
        let description = OnceCell::new();
        let (_, attached) = next.attach_to(&next.name, Wanted::Producer, || next.plan(&description))?;
        let unsettled = OpenError::Unsettled { object: self.objects(&self.name).object(Part::Anchor) };
        let link = right.link()?.ok_or(unsettled)?;
        Ok(Replacement::new(Producer::recover(attached, link)?, right))
    }

    /// The live process that has a role, as the kernel knows; `None` where none has. What is asked of the channel is of
    /// no account.
    ///
    /// # Errors
    /// The channel has no such role, is not there, not complete yet, or cannot be opened.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn holder(&self, role: Role) -> Result<Option<Holder>, OpenError> {
        let open = |name: &Name| {
            let objects = self.objects(name);
            let opened = creation::open(&objects, Part::Anchor, Access::Read);
            let (anchor, header) = opened.map_err(|failure| objects.failed(failure))?;
            expect(&objects.object(Part::Anchor), "kind", header.kind, Kind::SlotsLocks)?;
            Ok((anchor, header))
        };
        let ((anchor, header), _) = follow(&self.objects(&self.name), &self.name, open, |(anchor, _)| anchor)?;
        let channel = self.name.to_string();
        match role {
            Role::Writer | Role::MailboxWriter | Role::MailboxReader => {
                return Err(OpenError::NoSuchRole { channel, role });
            }
            Role::Consumer(index) if u64::from(index) >= header.consumers => {
                let consumers = u8::try_from(header.consumers).unwrap_or(u8::MAX);
                return Err(OpenError::NoSuchConsumer { channel, index, consumers });
            }
            Role::Producer | Role::Consumer(_) => {}
        }
        Ok(Holder::find(&Arc::new(anchor), role)?)
    }

    /// Removes the channel's names, of all its generations; false where there was no such channel. Its memory is freed
    /// when the last process that has it mapped is gone.
    ///
    /// What is asked of the channel is of no account, and its objects need not be intact. They must be such that this
    /// user may read and write them: without that nobody can tell whether a live process has a role. Only an object
    /// that is still empty, of which nobody can have one, is removed by its owner whatever its mode.
    ///
    /// # Errors
    /// A live process has a role and `force` is [`Force::No`], another process is creating, replacing or removing the
    /// channel, or a system call failed.
    ///
    /// # Crash safety
    /// *Repeatable.* Killed on its way, the channel is there, or is created anew by whoever opens it next.
    pub fn remove(&self, force: Force) -> Result<bool, RemoveError> {
        generation::remove(&self.name, force, WAIT)
    }

    /// Takes a role of the newest generation. The first one is created if it is not there.
    fn attach(&self, wanted: Wanted) -> Result<((u8, Attached), Link), OpenError> {
        if let Permission::Exactly(mode) = self.permission {
            Permission::exactly(self.name.as_str(), mode)?;
        }
        let description = OnceCell::new();
        let attach = |name: &Name| {
            if name.generation() == 0 {
                return self.attach_to(name, wanted, || self.plan(&description));
            }
            let objects = self.objects(name);
            let missing = || OpenError::GenerationMissing { object: objects.object(Part::Anchor) };
            if objects.open(Part::Anchor, Access::Read)?.is_none() {
                return Err(missing());
            }
            self.attach_to(name, wanted, || Err(missing()))
        };
        follow(&self.objects(&self.name), &self.name, attach, |(_, attached)| &attached.roles)
    }

    /// Takes a role of one generation, creating it as `plan` says if it is not there.
    fn attach_to<'d>(
        &self,
        name: &Name,
        wanted: Wanted,
        plan: impl Fn() -> Result<Plan<'d>, OpenError>,
    ) -> Result<(u8, Attached), OpenError> {
        let objects = self.objects(name);
        let found = creation::attach(
            &objects,
            plan,
            |header| {
                let layout = self.check(&objects, Part::Anchor, header)?;
                Ok((layout, self.roles(wanted, &layout)?))
            },
            |anchor, layout| self.refuse(wanted, anchor, layout),
        );
        let creation::Attached { role, anchor, again, header, checked: layout } =
            found.map_err(|failure| self.failed(&objects, failure))?;
        let role = Role::of_channel(role);
        let held = Held::new(anchor, role);
        let access = if role == Role::Producer { Access::ReadWrite } else { Access::Read };
        let data = self.open_data(&objects, &header, &layout, access).map_err(|failure| objects.failed(failure))?;
        let locks = again.map(layout.length(slots::Object::Locks), Access::ReadWrite)?;
        role.sign(&locks);
        let index = if let Role::Consumer(index) = role { index } else { 0 };
        let memory = memory(data, Some(locks), layout);
        let (name, fixed) = (self.name.clone(), self.fixed());
        Ok((index, Attached { name, memory, layout, fixed, held, roles: Arc::new(again) }))
    }

    /// Looks at the newest generation without a role; with what `read` makes of its locks object.
    fn observe<D>(
        &self,
        read: impl Fn(&Named<'_>, &Object, &Header, &Layout) -> Result<D, Failure<OsError, OpenError>>,
    ) -> Result<(Observer<T>, D), OpenError> {
        let look = |name: &Name| {
            let objects = self.objects(name);
            let seen = creation::observe(
                &objects,
                |header| self.check(&objects, Part::Anchor, header),
                |anchor, header, layout| {
                    let data = self.open_data(&objects, header, layout, Access::Read)?;
                    Ok((*layout, data, read(&objects, anchor, header, layout)?))
                },
            );
            seen.map_err(|failure| self.failed(&objects, failure))
        };
        let ((anchor, (layout, data, found)), link) =
            follow(&self.objects(&self.name), &self.name, look, |(anchor, _)| anchor)?;
        let memory = memory(data, None, layout);
        Ok((Observer::new(self.name.clone(), memory, layout, self.fixed(), Arc::new(anchor), link), found))
    }

    fn objects<'n>(&self, name: &'n Name) -> Named<'n> {
        Named::channel(name, self.permission, self.owner)
    }

    /// The locks of the roles any of which is wanted.
    fn roles(&self, wanted: Wanted, layout: &Layout) -> Result<RangeInclusive<LockByte>, OpenError> {
        let consumers = layout.consumers();
        match wanted {
            Wanted::Producer => Ok(Role::Producer.bytes()),
            Wanted::Consumer(index) if index >= consumers => {
                Err(OpenError::NoSuchConsumer { channel: self.name.to_string(), index, consumers })
            }
            Wanted::Consumer(index) => Ok(Role::Consumer(index).bytes()),
            Wanted::AnyConsumer => Ok(CONSUMERS..=CONSUMERS + LockByte::from(consumers) - 1),
        }
    }

    /// That live processes have all the roles that are wanted.
    fn refuse(&self, wanted: Wanted, anchor: &Object, layout: &Layout) -> OpenError {
        let channel = self.name.to_string();
        let role = match wanted {
            Wanted::Producer => Role::Producer,
            Wanted::Consumer(index) => Role::Consumer(index),
            Wanted::AnyConsumer => return OpenError::AllConsumersTaken { channel, consumers: layout.consumers() },
        };
        OpenError::RoleTaken { channel, role, holder: role.holder(anchor) }
    }

    /// Why a role or a view was not had. Where the messages are of another type, in which field they differ first.
    fn failed(&self, objects: &Named<'_>, failure: Failure<OsError, OpenError>) -> OpenError {
        let error = objects.failed(failure);
        match &error {
            OpenError::Mismatch { object, field: MESSAGE_TYPE, .. } if *object == objects.object(Part::Anchor) => {
                self.first_difference(objects).unwrap_or(error)
            }
            _ => error,
        }
    }

    /// The first field in which the messages' type differs from what is noted; `None` where that cannot be told.
    fn first_difference(&self, objects: &Named<'_>) -> Option<OpenError> {
        let expected = self.described_messages().ok()?;
        let any = Channel::of_any_type(self.name()).ok()?;
        let (anchor, header) = creation::open::<_, OpenError>(objects, Part::Anchor, Access::Read).ok()?;
        let layout = any.check(objects, Part::Anchor, &header).ok()?;
        let found = any.description(objects, &anchor, &header, &layout).ok()?;
        let (found, expected) = found.first_difference(&expected)?;
        Some(OpenError::Mismatch { object: objects.object(Part::Anchor), field: MESSAGE_TYPE, found, expected })
    }

    /// What is noted of the messages in a locks object with this header.
    pub(crate) fn description(
        &self,
        objects: &Named<'_>,
        anchor: &Object,
        header: &Header,
        layout: &Layout,
    ) -> Result<Description, Failure<OsError, OpenError>> {
        let length = layout.length(slots::Object::Locks);
        read_description(&objects.object(Part::Anchor), anchor, header, length).map_err(Failure::Refused)
    }

    /// Opens, checks and maps the data object that belongs to a locks object with this header.
    fn open_data(
        &self,
        objects: &Named<'_>,
        locks: &Header,
        layout: &Layout,
        access: Access,
    ) -> Result<Region, Failure<OsError, OpenError>> {
        let (object, header) = creation::open(objects, Part::Data, access)?;
        self.check_data(objects, &header, locks, layout).map_err(Failure::Refused)?;
        Ok(object.map(layout.length(slots::Object::Data), access)?)
    }

    /// Checks that a data object belongs to a locks object with this header.
    pub(crate) fn check_data(
        &self,
        objects: &Named<'_>,
        data: &Header,
        locks: &Header,
        layout: &Layout,
    ) -> Result<(), OpenError> {
        let found = self.check(objects, Part::Data, data)?;
        let name = &objects.object(Part::Data);
        expect(name, "number, which is the same in both objects of a channel", data.pair, locks.pair)?;
        expect(name, MESSAGE_TYPE, data.payload, locks.payload)?;
        expect(name, "consumers", found.consumers(), layout.consumers())?;
        expect(name, "capacity in bytes", found.capacity(), layout.capacity())
    }

    /// Checks that an object is what was asked for; its dimensions.
    pub(crate) fn check(&self, objects: &Named<'_>, part: Part, header: &Header) -> Result<Layout, OpenError> {
        let name = &objects.object(part);
        let (kind, which) = match part {
            Part::Anchor => (Kind::SlotsLocks, slots::Object::Locks),
            Part::Data => (Kind::SlotsData, slots::Object::Data),
        };
        expect(name, "kind", header.kind, kind)?;
        expect(name, MESSAGE_TYPE, header.payload, self.payload.unwrap_or(header.payload))?;
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
        match part {
            Part::Anchor => section(name, header, layout.length(which)).map(|_| ())?,
            Part::Data => expect(name, "length in bytes", header.length, layout.length(which) as u64)?,
        }
        // Messages of a type that is not known here have the size that is noted.
        if header.payload != TypeLayout::BYTES {
            expect(name, "capacity in bytes", header.capacity, header.payload.size)?;
        }
        Ok(layout)
    }

    /// The length of all messages, where they are asked for as bytes of a type.
    fn fixed(&self) -> Option<usize> {
        let payload = self.payload.filter(|payload| !payload.is_bytes())?;
        usize::try_from(payload.size).ok()
    }

    /// What the messages consist of, as it is asked for.
    fn described_messages(&self) -> Result<Description, DescriptionError> {
        match &self.description {
            Some(description) => Ok(Description::clone(description)),
            None => Description::of::<T>(),
        }
    }

    /// The headers of both objects, and what is noted of the messages, if the channel is created.
    fn plan<'d>(&self, description: &'d OnceCell<Description>) -> Result<Plan<'d>, OpenError> {
        let channel = self.name.to_string();
        let Some(capacity) = self.capacity else { return Err(OpenError::CapacityNotGiven { channel }) };
        let consumers = self.consumers.unwrap_or(CONSUMERS_DEFAULT);
        let layout = Layout::new(consumers, capacity).map_err(|source| OpenError::Dimensions { channel, source })?;
        let described = self
            .described_messages()
            .map_err(|source| OpenError::NotDescribed { channel: self.name.to_string(), source })?;
        let description = description.get_or_init(|| described);
        let payload = *description.message_type();
        if !payload.is_bytes() {
            let name = &self.objects(&self.name).object(Part::Anchor);
            expect(name, "capacity in bytes", payload.size, capacity as u64)?;
        }
        let description = description.bytes();
        // After a fork, parent and child have the same hasher and different pids.
        let pair = std::hash::RandomState::new().hash_one(std::process::id());
        let header = |kind, object, description| Header {
            kind,
            pair,
            length: object_length(layout.length(object), description),
            consumers: consumers.into(),
            capacity: capacity as u64,
            payload,
        };
        Ok(Plan {
            anchor: header(Kind::SlotsLocks, slots::Object::Locks, description.len()),
            description,
            data: Some(header(Kind::SlotsData, slots::Object::Data, 0)),
        })
    }
}

#[derive(Clone, Copy)]
enum Wanted {
    Producer,
    Consumer(u8),
    AnyConsumer,
}
