//! One channel, mailbox or board, looked at word by word.

use super::file::Kept;
use super::payload::{self, Payload};
use super::survey::{Condition, Problem, RoleState, Survey, What};
use super::words::{self, Board, Place, Slots, Wait};
use crate::channel::Channel;
use crate::creation::{Named, read_description};
use crate::description::Description;
use crate::error::{OpenError, OsError};
use crate::generation;
use crate::holder::Holder;
use crate::list::{self, ObjectName};
use crate::name::{Name, NameError, ObjectKind};
use crate::object::{Object, Permission};
use crate::owner::Owner;
use crate::ready::Mailbox;
use crate::role::Role;
use crate::status::{self, Word};
use lastword_protocol::creation::{ALL_ROLES, CREATE, Part, REPLACE};
use lastword_protocol::header::{self, Header, HeaderError};
use lastword_protocol::slots::{self, Sequence, Stamp};
use lastword_protocol::{ready, status as protocol};
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::sync::Arc;

/// So often it is looked at anew while it changes.
const ATTEMPTS: u32 = 8;

/// A channel, mailbox or board that is looked at, and looked at again ([`refresh`](Self::refresh)).
///
/// What it is made of stays open in between. If it is removed and created anew, or replaced, the next refresh finds the
/// new one; what is asked in between is told of the old one.
#[derive(Debug)]
pub struct Inspection {
    name: Name,
    what: What,
    kept: BTreeMap<ObjectName, Kept>,
    inside: Inside,
    survey: Survey,
}

/// What can be read of it.
#[derive(Debug)]
enum Inside {
    Nothing,
    Channel {
        locks: Option<Arc<Object>>,
        data: Result<Arc<Object>, Problem>,
        layout: slots::Layout,
        described: Option<Described<Description>>,
    },
    Mailbox {
        object: Arc<Object>,
        layout: ready::Layout,
        described: Described<Description>,
    },
    Board {
        object: Arc<Object>,
        layout: protocol::Layout,
        described: Described<(protocol::Layout, Arc<[Word]>, Option<OpenError>)>,
    },
}

/// What an object of this header says of its messages or words, which is read once.
#[derive(Clone, Debug)]
struct Described<D> {
    object: Arc<Object>,
    header: Header,
    found: Result<D, OpenError>,
}

impl<D: Clone> Described<D> {
    fn new(
        object: &Arc<Object>,
        header: &Header,
        before: Option<&Self>,
        read: impl FnOnce() -> Result<D, OpenError>,
    ) -> Self {
        match before {
            Some(same) if Arc::ptr_eq(&same.object, object) && same.header == *header => same.clone(),
            _ => Self { object: Arc::clone(object), header: *header, found: read() },
        }
    }
}

impl Inspection {
    /// Looks at a channel, mailbox or board. That there is none is [`Condition::Gone`].
    ///
    /// # Errors
    /// The name cannot be.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn open(name: &str, what: What) -> Result<Self, NameError> {
        let mut inspection = Self::unopened(name, what)?;
        inspection.refresh();
        Ok(inspection)
    }

    pub(super) fn unopened(name: &str, what: What) -> Result<Self, NameError> {
        let survey = Survey::new(name, what);
        Ok(Self { name: Name::new(name)?, what, kept: BTreeMap::new(), inside: Inside::Nothing, survey })
    }

    /// Looks again, and finds what has the name now.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn refresh(&mut self) -> &Survey {
        // Of a mailbox and a board the one name is known. Where the directory cannot be read, so are the newest
        // generation's.
        let mut listed = Vec::new();
        if self.what == What::Channel {
            listed = list::names(self.name.as_str(), |_| true).unwrap_or_default();
            listed.retain(|object| object.name == self.name.as_str() && What::of(object.kind) == self.what);
        }
        self.refresh_of(&listed);
        &self.survey
    }

    /// Looks again, at these objects too.
    pub(super) fn refresh_of(&mut self, listed: &[ObjectName]) {
        let mut before = None;
        for _ in 0..ATTEMPTS {
            self.look(listed);
            let found = (self.survey.condition, self.survey.generation);
            // What is half-made may have been caught in the making: then it is otherwise by now.
            if found.0 == Condition::Complete || before.replace(found) == Some(found) {
                return;
            }
        }
    }

    /// What the last refresh has found.
    #[must_use]
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    pub(super) fn into_survey(self) -> Survey {
        self.survey
    }

    /// What a channel's or mailbox's messages consist of; `None` of a board, and where that cannot be told.
    #[must_use]
    pub fn description(&self) -> Option<&Description> {
        let described = match &self.inside {
            Inside::Channel { described, .. } => described.as_ref()?,
            Inside::Mailbox { described, .. } => described,
            Inside::Nothing | Inside::Board { .. } => return None,
        };
        described.found.as_ref().ok()
    }

    /// The words of a channel as they are now; `None` where there is none whose dimensions are known.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    #[must_use]
    pub fn slots(&self) -> Option<Slots> {
        let Inside::Channel { locks, data, layout, .. } = &self.inside else { return None };
        Some(words::slots(data.as_deref().map_err(Clone::clone), locks.as_deref(), layout))
    }

    /// The state of a mailbox as it is now; `None` where there is none.
    ///
    /// # Errors
    /// The word is garbage, or the object was cut.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn state(&self) -> Result<Option<ready::State>, Problem> {
        let Inside::Mailbox { object, layout, .. } = &self.inside else { return Ok(None) };
        words::state(object, layout).map(Some)
    }

    /// What the writer or the reader of a mailbox last went to sleep on; `None` of what is no such role of a mailbox.
    ///
    /// # Errors
    /// The object was cut.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn wait(&self, role: Role) -> Result<Option<Wait<ready::State>>, Problem> {
        let Inside::Mailbox { object, layout, .. } = &self.inside else { return Ok(None) };
        let which = match role {
            Role::MailboxWriter => ready::Word::WriterWait,
            Role::MailboxReader => ready::Word::ReaderWait,
            Role::Producer | Role::Consumer(_) | Role::Writer => return Ok(None),
        };
        let state = words::state(object, layout).ok();
        words::mailbox_wait(object, layout, which, state).map(Some)
    }

    /// A copy of the newest message, at most `limit` bytes of it; `None` before the first, and of a board.
    ///
    /// Of a channel it is whole, as a [peek](crate::Observer::peek) is, if the producer is not faster 64 times. Of a
    /// mailbox it is whole while it waits for the reader.
    ///
    /// # Errors
    /// A word is garbage, or the object was cut.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn newest(&self, limit: usize) -> Result<Option<Payload>, Problem> {
        match &self.inside {
            Inside::Channel { data, layout, .. } => {
                payload::newest(data.as_deref().map_err(Clone::clone)?, layout, limit)
            }
            Inside::Mailbox { object, layout, .. } => payload::in_mailbox(object, layout, limit),
            Inside::Nothing | Inside::Board { .. } => Ok(None),
        }
    }

    /// A copy of what is in a channel's slot, at most `limit` bytes of it; `None` of what is no channel.
    ///
    /// # Errors
    /// There is no such slot, a word is garbage, or the object was cut.
    ///
    /// # Crash safety
    /// *Nothing to undo.*
    pub fn slot(&self, slot: u8, limit: usize) -> Result<Option<Payload>, Problem> {
        let Inside::Channel { data, layout, .. } = &self.inside else { return Ok(None) };
        payload::in_slot(data.as_deref().map_err(Clone::clone)?, layout, slot, limit).map(Some)
    }

    /// Where everything lies in the objects, in order; nothing where the dimensions are not known.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let places = match &self.inside {
            Inside::Nothing => Vec::new(),
            Inside::Channel { layout, .. } => channel_places(layout),
            Inside::Mailbox { layout, .. } => mailbox_places(layout),
            Inside::Board { layout, .. } => board_places(layout),
        };
        let described = self.survey.objects.iter().filter(|object| object.name.generation == self.survey.generation);
        let mut places = self.with_descriptions(places, described.map(|object| (object.name.kind, object.length)));
        places.sort_by_key(|place| (place.object, place.offset));
        places
    }

    /// With what follows the layout of those objects that are longer.
    fn with_descriptions(
        &self,
        mut places: Vec<Place>,
        objects: impl Iterator<Item = (ObjectKind, u64)>,
    ) -> Vec<Place> {
        let layout = match &self.inside {
            Inside::Nothing => return places,
            Inside::Channel { layout, .. } => layout.length(slots::Object::Locks),
            Inside::Mailbox { layout, .. } => layout.length(),
            Inside::Board { layout, .. } => layout.length(),
        };
        for (object, length) in objects.filter(|&(kind, _)| kind == kind.anchor()) {
            if let Some(section) = lastword_protocol::description::section(layout, length).filter(|s| !s.is_empty()) {
                let (offset, length) = (section.start, section.end - section.start);
                places.push(Place { object, name: "description".to_owned(), offset, length });
            }
        }
        places
    }

    /// Looks at everything once.
    fn look(&mut self, listed: &[ObjectName]) {
        let mut before = std::mem::take(&mut self.kept);
        let kinds: &[ObjectKind] = match self.what {
            What::Channel => &[ObjectKind::Locks, ObjectKind::Data],
            What::Mailbox => &[ObjectKind::Ready],
            What::Board => &[ObjectKind::Status],
        };
        for &kind in kinds {
            self.keep(0, kind, &mut before);
        }
        let generation = self.newest_generation();
        for &kind in kinds {
            self.keep(*generation.as_ref().unwrap_or(&0), kind, &mut before);
        }
        for object in listed {
            self.keep(object.generation, object.kind, &mut before);
        }
        let inside = std::mem::replace(&mut self.inside, Inside::Nothing);
        self.survey = Survey::new(self.name.as_str(), self.what);
        if self.kept.is_empty() {
            return;
        }
        self.survey.condition = Condition::Complete;
        self.survey.generation = *generation.as_ref().unwrap_or(&0);
        self.survey.objects = self.kept.values().map(|kept| kept.file.clone()).collect();
        if let Err(problem) = generation {
            self.survey.note(Condition::Damaged, problem);
        }
        match self.what {
            What::Channel => self.look_at_channel(&inside),
            What::Mailbox => self.look_at_mailbox(&inside),
            What::Board => self.look_at_board(&inside),
        }
        self.look_at_objects();
        if let Err(error) = self.look_at_roles() {
            self.survey.note(Condition::Unreadable, OpenError::from(error));
        }
        if let Err(problem) = self.look_at_words() {
            self.survey.note(Condition::Damaged, problem);
        }
    }

    /// Looks at an object, once.
    fn keep(&mut self, generation: u32, kind: ObjectKind, before: &mut BTreeMap<ObjectName, Kept>) {
        let name = ObjectName { name: self.name.to_string(), generation, kind };
        if !self.kept.contains_key(&name)
            && let Some(kept) = Kept::look(&name, before.remove(&name))
        {
            self.kept.insert(name, kept);
        }
    }

    /// The newest generation of a channel.
    fn newest_generation(&self) -> Result<u32, OpenError> {
        let base = self.kept(0, ObjectKind::Locks);
        match base.and_then(|base| Some((base.object.as_deref()?, base.parsed?))) {
            Some((object, parsed)) => generation::newest(object, parsed),
            None => Ok(0),
        }
    }

    fn kept(&self, generation: u32, kind: ObjectKind) -> Option<&Kept> {
        self.kept.get(&ObjectName { name: self.name.to_string(), generation, kind })
    }

    /// The object of the newest generation that has the roles.
    fn anchor(&self) -> Option<&Kept> {
        let kind = match self.what {
            What::Channel => ObjectKind::Locks,
            What::Mailbox => ObjectKind::Ready,
            What::Board => ObjectKind::Status,
        };
        self.kept(self.survey.generation, kind)
    }

    fn look_at_channel(&mut self, before: &Inside) {
        let generation = self.survey.generation;
        let name = self.name.of(generation);
        let objects = Named::channel(&name, Permission::Default, Owner::Anybody);
        // No other name is refused than one that was had.
        let Ok(any) = Channel::of_any_type(self.name.as_str()) else { return };
        let (locks, data) = (open(self.anchor()), open(self.kept(generation, ObjectKind::Data)));
        let mut checked = None;
        match &locks {
            None if generation > 0 => {
                let object = objects.object(Part::Anchor);
                self.survey.note(Condition::GenerationMissing, OpenError::GenerationMissing { object });
            }
            None => {
                let object = objects.object(Part::Anchor);
                self.survey.note(Condition::LocksMissing, OpenError::NotFound { object });
            }
            Some(Err(error)) => self.note(error.clone()),
            Some(Ok((_, header))) => match any.check(&objects, Part::Anchor, header) {
                Ok(layout) => checked = Some(layout),
                Err(error) => self.survey.note(Condition::Damaged, error),
            },
        }
        let is_begun = matches!(self.survey.condition, Condition::BeingCreated | Condition::Incomplete);
        let missing = || OpenError::DataMissing { object: objects.object(Part::Data) };
        let found = match (data, &locks) {
            // What a creator has left there is begun anew.
            _ if is_begun => return,
            (None, _) => Err((Condition::DataMissing, missing())),
            (Some(Err(error)), _) => Err((self.condition_of(&error, None), error)),
            (Some(Ok((object, header))), Some(Ok((_, locks)))) if let Some(layout) = checked => {
                let belongs = any.check_data(&objects, &header, locks, &layout);
                belongs.map(|()| (object, header, layout)).map_err(|error| (Condition::Damaged, error))
            }
            (Some(Ok((object, header))), _) => {
                let known = any.check(&objects, Part::Data, &header);
                known.map(|layout| (object, header, layout)).map_err(|error| (Condition::Damaged, error))
            }
        };
        let header = locks.as_ref().and_then(|locks| Some(locks.as_ref().ok()?.1));
        let header = header.or(found.as_ref().ok().map(|(_, header, _)| *header));
        let layout = checked.or(found.as_ref().ok().map(|(_, _, layout)| *layout));
        let data = match found {
            Ok((object, _, _)) => Ok(object),
            Err((condition, error)) => {
                self.survey.note(condition, error.clone());
                Err(error.into())
            }
        };
        let (Some(header), Some(layout)) = (header, layout) else { return };
        self.survey.message_type = Some(header.payload);
        self.survey.capacity = Some(header.capacity);
        self.survey.consumers = Some(layout.consumers());
        let locks = checked.and(locks).and_then(Result::ok).map(|(object, _)| object);
        let before = if let Inside::Channel { described, .. } = before { described.as_ref() } else { None };
        let described = locks.as_ref().map(|object| {
            let length = layout.length(slots::Object::Locks);
            Described::new(object, &header, before, || read_description(object.name(), object, &header, length))
        });
        self.note_description(described.as_ref());
        self.inside = Inside::Channel { locks, data, layout, described };
    }

    fn look_at_mailbox(&mut self, before: &Inside) {
        let objects = Named::mailbox(&self.name, Permission::Default, Owner::Anybody);
        let (object, header) = match open(self.anchor()) {
            None => return,
            Some(Err(error)) => return self.note(error),
            Some(Ok(found)) => found,
        };
        let layout = match Mailbox::of_any_type(self.name.clone()).check(&objects, &header) {
            Ok(layout) => layout,
            Err(error) => return self.survey.note(Condition::Damaged, error),
        };
        self.survey.message_type = Some(header.payload);
        self.survey.capacity = Some(header.capacity);
        let before = if let Inside::Mailbox { described, .. } = before { Some(described) } else { None };
        let read = || read_description(object.name(), &object, &header, layout.length());
        let described = Described::new(&object, &header, before, read);
        self.note_description(Some(&described));
        self.inside = Inside::Mailbox { object, layout, described };
    }

    fn look_at_board(&mut self, before: &Inside) {
        let (object, header) = match open(self.anchor()) {
            None => return,
            Some(Err(error)) => return self.note(error),
            Some(Ok(found)) => found,
        };
        let before = if let Inside::Board { described, .. } = before { Some(described) } else { None };
        let read = || status::look(&object, &header).map(|(layout, words, problem)| (layout, words.into(), problem));
        let described = Described::new(&object, &header, before, read);
        match described.found.clone() {
            Err(error) => self.survey.note(Condition::Damaged, error),
            Ok((layout, _, problem)) => {
                self.survey.words = Some(layout.words());
                if let Some(problem) = problem {
                    self.survey.note(Condition::Damaged, problem);
                }
                self.inside = Inside::Board { object, layout, described };
            }
        }
    }

    fn note_description(&mut self, described: Option<&Described<Description>>) {
        if let Some(Described { found: Err(error), .. }) = described {
            self.survey.note(Condition::Damaged, error.clone());
        }
    }

    /// Notes why the object that has the roles has no header to tell of.
    fn note(&mut self, error: OpenError) {
        let object = self.anchor().and_then(|kept| kept.object.as_deref());
        let condition = self.condition_of(&error, object);
        self.survey.note(condition, error);
    }

    /// How something is of which this is the matter, and which has the right to create it, if it could be opened.
    fn condition_of(&self, error: &OpenError, anchor: Option<&Object>) -> Condition {
        match error {
            OpenError::Incomplete { .. } => match anchor.map(|anchor| anchor.locked(&CREATE)) {
                Some(Ok(Some(_))) => Condition::BeingCreated,
                Some(_) => Condition::Incomplete,
                // Of a data object: the locks object, which is complete, says that it is complete.
                None => Condition::Damaged,
            },
            OpenError::Header { source: HeaderError::Version { found }, .. } => {
                Condition::OtherVersion { found: *found }
            }
            OpenError::Os(error) if error.is_denied() => Condition::Denied,
            OpenError::Os(error) if error.raw_os_error() == Errno::EINVAL as i32 => Condition::NotAnObject,
            OpenError::Os(error) if error.raw_os_error() == Errno::ELOOP as i32 => Condition::NotAnObject,
            OpenError::Os(_) => Condition::Unreadable,
            _ => Condition::Damaged,
        }
    }

    /// What the directory says of the objects.
    fn look_at_objects(&mut self) {
        let generation = self.survey.generation;
        let first = self.anchor().or_else(|| self.kept.values().next()).map(|kept| kept.file.clone());
        if let Some(file) = first {
            self.survey.mode = Some(file.mode);
            self.survey.owner = Some(file.owner);
            self.survey.created = file.created;
        }
        let newest = self.kept.values().filter(|kept| kept.file.name.generation == generation);
        self.survey.modified = newest.clone().filter_map(|kept| kept.file.modified).max();
        let linked: Vec<String> = newest
            .filter(|kept| kept.names > 1 && kept.object.is_some())
            .map(|kept| kept.file.name.to_string())
            .collect();
        for object in linked {
            let error = OsError::new(&object, "shm_open", Errno::EMLINK);
            self.survey.note(Condition::Damaged, OpenError::from(error));
        }
    }

    /// Who has the roles.
    fn look_at_roles(&mut self) -> Result<(), OsError> {
        let base = self.kept(0, ObjectKind::Locks).and_then(|kept| kept.object.as_deref());
        if let Some(base) = base {
            self.survey.is_changing = base.locked(&REPLACE)?.is_some();
        }
        let Some(anchor) = self.anchor() else { return Ok(()) };
        let Some((object, parsed)) = anchor.object.clone().zip(anchor.parsed) else { return Ok(()) };
        self.survey.is_changing |= object.locked(&CREATE)?.is_some();
        let is_had = object.locked(&ALL_ROLES)?.is_some();
        self.survey.is_used = is_had || self.survey.is_changing;
        let all: Vec<Role> = match (self.what, &self.inside) {
            // The signatures may lie elsewhere.
            _ if matches!(parsed, Err(HeaderError::Version { .. } | HeaderError::Incomplete)) => Vec::new(),
            (What::Mailbox, _) => vec![Role::MailboxWriter, Role::MailboxReader],
            (What::Board, _) => vec![Role::Writer],
            (What::Channel, Inside::Channel { layout, .. }) => {
                std::iter::once(Role::Producer).chain((0..layout.consumers()).map(Role::Consumer)).collect()
            }
            (What::Channel, _) if is_had => ALL_ROLES.map(Role::of_channel).collect(),
            (What::Channel, _) => Vec::new(),
        };
        let are_known = !matches!(self.inside, Inside::Nothing);
        for role in all {
            // A remover has all of them at once, for a moment, and is the holder of none.
            let is_its_own = is_had && object.locked(&role.bytes())? == Some(role.bytes());
            let holder = if is_its_own { Holder::find(&object, role)? } else { None };
            if are_known || holder.is_some() {
                let last = holder.as_ref().map_or_else(|| role.holder(&object), Holder::pid);
                self.survey.roles.push(RoleState { role, holder, last });
            }
        }
        Ok(())
    }

    /// How far it is.
    fn look_at_words(&mut self) -> Result<(), Problem> {
        match &self.inside {
            Inside::Channel { data: Ok(data), layout, .. } => {
                let newest = words::latest(data, layout)?;
                self.survey.messages = Some(number(newest.map(Stamp::sequence)));
            }
            Inside::Mailbox { object, layout, .. } => {
                let state = words::state(object, layout)?;
                self.survey.messages = Some(number(state.sequence));
                self.survey.is_set = Some(state.set);
            }
            Inside::Board { object, layout, described: Described { found: Ok((_, words, _)), .. } } => {
                let Some(first) = layout.offset(protocol::Word(0)) else { return Ok(()) };
                let mut values = vec![0; words.len()];
                words::copy_words(object, first, &mut values)?;
                let board = Board { words: Arc::clone(words), values };
                let garbage = board.readings().find_map(Result::err);
                self.survey.board = Some(board);
                garbage.map_or(Ok(()), |error| Err(Problem::BoardWord(error)))?;
            }
            Inside::Nothing | Inside::Channel { .. } | Inside::Board { .. } => {}
        }
        Ok(())
    }
}

/// An object and its header, or why there is none; `None` where there is no object.
fn open(kept: Option<&Kept>) -> Option<Result<(Arc<Object>, Header), OpenError>> {
    let kept = kept?;
    Some(kept.file.header.clone().and_then(|header| match &kept.object {
        Some(object) => Ok((Arc::clone(object), header)),
        None => Err(OpenError::NotFound { object: kept.file.name.to_string() }),
    }))
}

fn number(sequence: Option<Sequence>) -> u64 {
    sequence.map_or(0, Sequence::get)
}

fn place(object: ObjectKind, name: impl Into<String>, offset: usize, length: usize) -> Place {
    Place { object, name: name.into(), offset: offset as u64, length: length as u64 }
}

/// A role's two words: who took it last, and since when.
fn signature(object: ObjectKind, role: Role) -> [Place; 2] {
    let (holder, since) = role.offsets();
    [place(object, format!("{role}: holder"), holder, 8), place(object, format!("{role}: since"), since, 8)]
}

fn channel_places(layout: &slots::Layout) -> Vec<Place> {
    use slots::Word;
    let mut places = vec![
        place(ObjectKind::Data, "header", 0, header::LENGTH),
        place(ObjectKind::Locks, "header", 0, header::LENGTH),
        place(ObjectKind::Locks, "successor", slots::layout::SUCCESSOR, 8),
    ];
    let consumers = 0..layout.consumers();
    let slots = (0..layout.slots()).filter_map(|slot| u8::try_from(slot).ok());
    let words = std::iter::once(Word::Latest)
        .chain(slots.clone().flat_map(|slot| [Word::Sequence(slot), Word::Length(slot)]))
        .chain(consumers.clone().flat_map(|consumer| [Word::Lock(consumer), Word::Wait(consumer)]));
    places.extend(words.filter_map(|word| {
        let (object, offset) = layout.offset(word)?;
        let kind = match object {
            slots::Object::Data => ObjectKind::Data,
            slots::Object::Locks => ObjectKind::Locks,
        };
        Some(place(kind, word.to_string(), offset, 8))
    }));
    let payload = |slot: u8| {
        Some(place(
            ObjectKind::Data,
            format!("slot[{slot}].payload"),
            layout.payload_offset(slot.into())?,
            layout.capacity(),
        ))
    };
    places.extend(slots.filter_map(payload));
    let roles = std::iter::once(Role::Producer).chain(consumers.map(Role::Consumer));
    places.extend(roles.flat_map(|role| signature(ObjectKind::Locks, role)));
    places
}

fn mailbox_places(layout: &ready::Layout) -> Vec<Place> {
    use ready::Word;
    let kind = ObjectKind::Ready;
    let mut places = vec![
        place(kind, "header", 0, header::LENGTH),
        place(kind, "payload", layout.payload_offset(), layout.capacity()),
    ];
    let words = [Word::State, Word::Length, Word::WriterWait, Word::ReaderWait];
    places.extend(words.map(|word| place(kind, word.to_string(), layout.offset(word), 8)));
    places.extend([Role::MailboxWriter, Role::MailboxReader].into_iter().flat_map(|role| signature(kind, role)));
    places
}

fn board_places(layout: &protocol::Layout) -> Vec<Place> {
    let kind = ObjectKind::Status;
    let mut places = vec![place(kind, "header", 0, header::LENGTH)];
    let words = (0..layout.words()).map(protocol::Word);
    places.extend(words.filter_map(|word| Some(place(kind, word.to_string(), layout.offset(word)?, 8))));
    places.extend(signature(kind, Role::Writer));
    places
}
