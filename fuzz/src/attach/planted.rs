//! The objects that are found: raw bytes, or a valid object with edits.

use super::described::Described;
use super::model;
use arbitrary::Arbitrary;
use lastword::{Message, ObjectKind, TypeLayout};
use lastword_protocol::header::{CREATING, Header, Kind, MAGIC};
use lastword_protocol::ready;
use lastword_protocol::slots::{self, Layout, Lock, Sequence, Stamp, Word};
use lastword_protocol::status;

/// No object is made longer than this.
const LENGTH_MAX: usize = 256 << 10;
const VERSION_WORD: usize = 1;
const LENGTH_WORD: usize = 3;

lastword::message! {
    /// A position.
    pub(super) struct Pose {
        /// Metres.
        pub x: f64,
        /// Metres.
        pub y: f64,
        /// Nanoseconds.
        pub at_ns: u64,
    }
}

/// What the messages of a channel are.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Type {
    /// [`Pose`].
    Pose,
    /// `u64`.
    Number,
    /// `[u8]`.
    Bytes,
}

/// The dimensions of a valid channel and a valid board. They are brought into range.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Dimensions {
    consumers: u8,
    capacity: u16,
    messages: Type,
    words: u8,
}

impl Dimensions {
    pub(super) fn messages(self) -> Type {
        self.messages
    }

    /// Few consumers, as most channels have; or the most that there can be.
    fn consumers(self) -> u8 {
        if self.consumers == u8::MAX { lastword::CONSUMERS_MAX } else { 1 + self.consumers % 4 }
    }

    fn capacity(self) -> usize {
        match self.messages {
            Type::Pose => size_of::<Pose>(),
            Type::Number => size_of::<u64>(),
            Type::Bytes => usize::from(self.capacity) % 900,
        }
    }

    pub(super) fn words(self) -> u16 {
        if self.words == u8::MAX { status::WORDS_MAX } else { 1 + u16::from(self.words % 16) }
    }

    fn layout(self) -> Layout {
        Layout::new(self.consumers(), self.capacity()).expect("the dimensions are in range")
    }

    /// The complete object of these dimensions, in which nothing was published yet.
    fn object(self, kind: ObjectKind, described: &Described) -> Vec<u8> {
        let layout = self.layout();
        let payload = match self.messages {
            Type::Pose => Pose::LAYOUT,
            Type::Number => u64::LAYOUT,
            Type::Bytes => <[u8]>::LAYOUT,
        };
        let section = match kind {
            ObjectKind::Data => Vec::new(),
            ObjectKind::Locks | ObjectKind::Ready => described.channel(self.messages),
            ObjectKind::Status => described.board(self.words()),
        };
        let channel = |kind, object| Header {
            kind,
            pair: 1,
            length: (layout.length(object) + section.len()) as u64,
            consumers: layout.consumers().into(),
            capacity: layout.capacity() as u64,
            payload,
        };
        let header = match kind {
            ObjectKind::Data => channel(Kind::SlotsData, slots::Object::Data),
            ObjectKind::Locks => channel(Kind::SlotsLocks, slots::Object::Locks),
            ObjectKind::Ready => Header {
                kind: Kind::Ready,
                pair: 0,
                length: (ready::Layout::new(layout.capacity()).expect("the capacity is in range").length()
                    + section.len()) as u64,
                consumers: 0,
                capacity: layout.capacity() as u64,
                payload,
            },
            ObjectKind::Status => Header {
                kind: Kind::Status,
                pair: 0,
                length: (status::Layout::new(self.words()).expect("the dimensions are in range").length()
                    + section.len()) as u64,
                consumers: self.words().into(),
                capacity: 0,
                payload: model::board_type(&section),
            },
        };
        let mut bytes: Vec<u8> = header.encode().into_iter().flat_map(u64::to_ne_bytes).collect();
        bytes.resize(header.length as usize - section.len(), 0);
        bytes.extend(section);
        bytes
    }
}

/// The type that the header of every board names.
pub(crate) const BOARD: TypeLayout = TypeLayout::new("words", 8, 8, &[]);

/// An object that is found: a valid one, unless something is done to it. Bytes that an input does not have count as 0,
/// so that a short input is a channel that works.
#[derive(Arbitrary, Clone, Debug)]
pub(super) struct Planted {
    instead: Option<Instead>,
    edits: Vec<Edit>,
}

/// What is found in a valid object's place.
#[derive(Arbitrary, Clone, Debug)]
enum Instead {
    /// Nothing.
    Missing,
    /// These bytes.
    Raw(Vec<u8>),
    /// A valid object of other dimensions than the other object.
    Other(Dimensions),
    /// A valid object that belongs elsewhere.
    Misplaced(Place),
}

/// Where an object belongs.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Place {
    /// As the data object.
    Data,
    /// As the locks object.
    Locks,
    /// As the board.
    Status,
}

/// A change of a valid object.
#[derive(Arbitrary, Clone, Debug)]
pub(super) enum Edit {
    /// A word of the header, with a checksum that agrees.
    Header(u8, Value),
    /// The version and the kind, with a checksum that agrees.
    Kind(u8, u8),
    /// A word anywhere, and the checksum as it is.
    Word(u16, Value),
    /// A word of the protocol.
    State(Name, Value),
    /// A byte anywhere.
    Byte(u16, u8),
    /// Cut or extended to a length.
    Length(u32),
    /// Cut or extended by a few bytes.
    Longer(i8),
    /// The header notes the length that the object has.
    Fit,
    /// Its creator has not finished.
    Creating,
}

/// The name of a word of the protocol.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Name {
    /// The newest message's stamp.
    Latest,
    /// A consumer's lock word.
    Lock(u8),
    /// The number of the message in a slot.
    Sequence(u8),
    /// The length of the message in a slot.
    Length(u8),
}

/// A message that was published, whole, in both objects; newest or not, locked by a consumer or not.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Published {
    slot: u8,
    sequence: u8,
    /// Shorter than the capacity by so much.
    shorter: u8,
    is_newest: bool,
    held_by: Option<u8>,
}

/// What is written into a word.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Value {
    /// A small number.
    Small(u8),
    /// Any number.
    Exactly(u64),
    /// What is there, and so much more.
    More(i8),
    /// What is there, and a bit the other way.
    Flipped(u8),
    /// A stamp, with the tag of a lock word or without.
    Stamp {
        /// The two highest bits.
        tag: u8,
        /// The message's number, or how far below the last one.
        sequence: i8,
        /// The slot.
        slot: u8,
    },
}

impl Value {
    pub(super) fn apply(self, found: u64) -> u64 {
        match self {
            Value::Small(value) => value.into(),
            Value::Exactly(value) => value,
            Value::More(difference) => found.wrapping_add_signed(difference.into()),
            Value::Flipped(bit) => found ^ 1 << (bit % 64),
            Value::Stamp { tag, sequence, slot } => {
                let sequence = 0_u64.wrapping_add_signed(sequence.into()) & Sequence::LAST.get();
                u64::from(tag) << 62 | sequence << 8 | u64::from(slot)
            }
        }
    }
}

impl Planted {
    /// The object's bytes; `None` where there is none.
    pub(crate) fn build(
        &self,
        place: ObjectKind,
        dimensions: Dimensions,
        messages: &[Published],
        described: &Described,
    ) -> Option<Vec<u8>> {
        let (dimensions, kind) = match &self.instead {
            None => (dimensions, place),
            Some(Instead::Missing) => return None,
            Some(Instead::Raw(bytes)) => return Some(bytes.clone()),
            Some(Instead::Other(other)) => (*other, place),
            Some(Instead::Misplaced(Place::Data)) => (dimensions, ObjectKind::Data),
            Some(Instead::Misplaced(Place::Locks)) => (dimensions, ObjectKind::Locks),
            Some(Instead::Misplaced(Place::Status)) => (dimensions, ObjectKind::Status),
        };
        let layout = dimensions.layout();
        let mut bytes = dimensions.object(kind, described);
        for message in messages {
            message.apply(&mut bytes, kind, &layout);
        }
        for edit in &self.edits {
            edit.apply(&mut bytes, kind, &layout);
        }
        Some(bytes)
    }
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>, kind: ObjectKind, layout: &Layout) {
        match *self {
            Edit::Header(index, value) => {
                edit_word(bytes, usize::from(index % 23), |found| value.apply(found));
                model::seal(bytes);
            }
            Edit::Kind(version, kind) => {
                edit_word(bytes, VERSION_WORD, |_| u64::from(version) << 32 | u64::from(kind));
                model::seal(bytes);
            }
            Edit::Word(index, value) => edit_word(bytes, index.into(), |found| value.apply(found)),
            Edit::State(name, value) => {
                let word = match name {
                    Name::Latest => Word::Latest,
                    Name::Lock(consumer) => Word::Lock(consumer % layout.consumers()),
                    Name::Sequence(slot) => Word::Sequence(wrap(slot, layout)),
                    Name::Length(slot) => Word::Length(wrap(slot, layout)),
                };
                edit_state(bytes, kind, layout, word, |found| value.apply(found));
            }
            Edit::Byte(offset, value) => {
                if let Some(byte) = bytes.get_mut(usize::from(offset)) {
                    *byte = value;
                }
            }
            Edit::Length(length) => bytes.resize(length as usize % (LENGTH_MAX + 1), 0),
            Edit::Longer(difference) => {
                let length = bytes.len().saturating_add_signed(difference.into());
                bytes.resize(length.min(LENGTH_MAX), 0);
            }
            Edit::Fit => {
                let length = bytes.len() as u64;
                edit_word(bytes, LENGTH_WORD, |_| length);
                model::seal(bytes);
            }
            Edit::Creating => edit_word(bytes, 0, |found| if found == MAGIC { CREATING } else { MAGIC }),
        }
    }
}

impl Published {
    fn apply(self, bytes: &mut [u8], kind: ObjectKind, layout: &Layout) {
        let Some(sequence) = Sequence::new(self.sequence.into()) else { return };
        let slot = wrap(self.slot, layout);
        let stamp = Stamp::new(sequence, slot);
        let length = layout.capacity().saturating_sub(self.shorter.into());
        let mut set = |word, value| edit_state(bytes, kind, layout, word, |_| value);
        set(Word::Sequence(slot), sequence.get());
        set(Word::Length(slot), length as u64);
        if self.is_newest {
            set(Word::Latest, stamp.bits());
        }
        if let Some(consumer) = self.held_by {
            set(Word::Lock(consumer % layout.consumers()), Lock::Held(stamp).bits());
        }
        if kind == ObjectKind::Data
            && let Some(offset) = layout.payload_offset(slot.into())
            && let Some(payload) = bytes.get_mut(offset..offset + length)
        {
            payload.fill(self.sequence);
        }
    }
}

fn wrap(slot: u8, layout: &Layout) -> u8 {
    (u16::from(slot) % layout.slots()) as u8
}

/// Changes a word of the protocol, if it is in this object.
fn edit_state(bytes: &mut [u8], kind: ObjectKind, layout: &Layout, word: Word, change: impl Fn(u64) -> u64) {
    let place = match kind {
        ObjectKind::Data => slots::Object::Data,
        ObjectKind::Locks => slots::Object::Locks,
        ObjectKind::Ready | ObjectKind::Status => return,
    };
    if let Some((object, offset)) = layout.offset(word)
        && object == place
    {
        edit_word(bytes, offset / 8, change);
    }
}

/// Changes a word, if the object has it.
fn edit_word(bytes: &mut [u8], index: usize, change: impl Fn(u64) -> u64) {
    if let Some(word) = bytes.as_chunks_mut::<8>().0.get_mut(index) {
        *word = change(u64::from_ne_bytes(*word)).to_ne_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::super::described;
    use super::super::scratch::Scratch;
    use super::*;
    use lastword::{Channel, Force, ready::Mailbox, status::Writer};

    /// Without the pair number, which is drawn, the checksum over it, and the words for the roles' holders.
    fn comparable(mut bytes: Vec<u8>) -> Vec<u8> {
        let signed = [
            slots::layout::PRODUCER_HOLDER,
            slots::layout::PRODUCER_SINCE,
            slots::layout::consumer_holder(0),
            slots::layout::consumer_since(0),
            ready::READER_HOLDER,
            ready::READER_SINCE,
        ];
        for word in [2, 23].into_iter().chain(signed.map(|offset| offset / 8)) {
            edit_word(&mut bytes, word, |_| 0);
        }
        bytes
    }

    #[test]
    fn what_is_planted_unedited_is_what_the_library_creates() {
        let dimensions = Dimensions { consumers: 1, capacity: 0, messages: Type::Pose, words: 2 };
        let scratch = Scratch::new();
        drop(Channel::<Pose>::new(scratch.name()).expect("a name").consumers(2).producer().expect("it is created"));
        drop(Writer::create(scratch.name(), 3, 0o600).expect("it is created"));
        let mailbox = Mailbox::<Pose>::new(scratch.name()).expect("a name");
        drop(mailbox.writer().expect("it is created"));
        for kind in [ObjectKind::Data, ObjectKind::Locks, ObjectKind::Ready, ObjectKind::Status] {
            let planted = Planted { instead: None, edits: Vec::new() };
            let planted = planted.build(kind, dimensions, &[], &Described::default()).expect("it is there");
            let created = scratch.read(kind).expect("it is there");
            assert_eq!(comparable(planted), comparable(created), "{kind:?}");
        }
        assert!(mailbox.remove(Force::No).expect("nobody has it"));
    }

    #[test]
    fn a_board_that_is_planted_with_names_is_what_the_library_creates() {
        let scratch = Scratch::new();
        let (definition, _) = described::definition(3);
        drop(Writer::define(scratch.name(), &definition, 0o600).expect("it is created"));
        let created = scratch.read(ObjectKind::Status).expect("it is there");
        assert_eq!(created[280..], described::of_board(3));
        assert_eq!(created[..280].as_chunks().0[6], model::board_type(&described::of_board(3)).hash.to_ne_bytes());
    }
}
