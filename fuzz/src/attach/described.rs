//! What the objects found say of their messages and words.

use super::planted::{Type, Value};
use arbitrary::Arbitrary;
use lastword::Kind;
use lastword::status::{Definition, Key};
use lastword_protocol::description::{Entry, encode};

/// What a channel and a board say: by default a channel what its type says, and a board nothing.
#[derive(Arbitrary, Clone, Debug, Default)]
pub(super) struct Described {
    channel: Option<Section>,
    board: Option<Section>,
}

/// The bytes after an object's layout.
#[derive(Arbitrary, Clone, Debug)]
enum Section {
    /// The right ones, of the type or of a board whose words have names.
    Right,
    /// The right ones with words changed, and with a checksum that agrees.
    Changed(Vec<(u8, Value)>),
    /// Any entries, with a checksum that agrees.
    Entries(Vec<Piece>),
    /// Any bytes.
    Raw(Vec<u8>),
}

/// Nearly an entry.
#[derive(Arbitrary, Clone, Debug)]
struct Piece {
    kind: u8,
    name: u8,
    unit: u8,
    dimensions: Vec<(u8, u8)>,
    offset: u8,
    text: [u8; 8],
}

impl Piece {
    fn push(&self, bytes: &mut Vec<u8>) {
        let (name, unit) = (self.name % 12, self.unit % 12);
        let count = self.dimensions.len().min(9);
        bytes.extend([self.kind % 16, name, unit, count as u8, 0, 0, 0, 0]);
        bytes.extend(u64::from(self.offset).to_ne_bytes());
        for &(count, stride) in &self.dimensions[..count] {
            bytes.extend([count, stride].map(u64::from).into_iter().flat_map(u64::to_ne_bytes));
        }
        let texts = usize::from(name + unit);
        let mut text: Vec<u8> = self.text.iter().copied().cycle().take(texts).collect();
        text.resize(texts.next_multiple_of(8), 0);
        bytes.extend(text);
    }
}

impl Section {
    fn build(&self, right: Vec<u8>) -> Vec<u8> {
        match self {
            Section::Right => right,
            Section::Changed(changes) => {
                let mut entries = right;
                entries.truncate(entries.len().saturating_sub(8));
                for (index, value) in changes {
                    if let Some(word) = entries.as_chunks_mut().0.get_mut(usize::from(*index)) {
                        *word = value.apply(u64::from_ne_bytes(*word)).to_ne_bytes();
                    }
                }
                sealed(entries)
            }
            Section::Entries(pieces) => {
                let mut entries = Vec::new();
                pieces.iter().for_each(|piece| piece.push(&mut entries));
                sealed(entries)
            }
            Section::Raw(bytes) => bytes.clone(),
        }
    }
}

/// With a checksum that agrees.
fn sealed(mut entries: Vec<u8>) -> Vec<u8> {
    entries.extend(super::model::hash(&entries).to_ne_bytes());
    entries
}

impl Described {
    /// What the locks object of a channel says.
    pub(super) fn channel(&self, messages: Type) -> Vec<u8> {
        let right = of_type(messages);
        self.channel.as_ref().map_or(right.clone(), |section| section.build(right))
    }

    /// What a board of so many words says.
    pub(super) fn board(&self, words: u16) -> Vec<u8> {
        self.board.as_ref().map_or(Vec::new(), |section| section.build(of_board(words)))
    }

    /// Whether the board's writer gives its words names.
    pub(super) fn has_names(&self) -> bool {
        self.board.is_some()
    }
}

/// What a channel of this type says, written by hand.
fn of_type(messages: Type) -> Vec<u8> {
    let entry = |name, kind, offset| Entry::new(name, "", kind, offset);
    let entries = match messages {
        Type::Pose => vec![entry("x", Kind::F64, 0), entry("y", Kind::F64, 8), entry("at_ns", Kind::U64, 16)],
        Type::Number => vec![entry("value", Kind::U64, 0)],
        Type::Bytes => Vec::new(),
    };
    encoded(entries)
}

/// What a board of so many words says, of which every other one is a `bool`.
pub(super) fn of_board(words: u16) -> Vec<u8> {
    let names: Vec<String> = (0..words).map(|index| format!("w{index}")).collect();
    let kind = |index| if is_flag(index) { Kind::Bool } else { Kind::U64 };
    let indices = (0..words).zip(&names);
    encoded(indices.map(|(index, name)| Entry::new(name, "", kind(index), u64::from(index) * 8)).collect())
}

fn encoded(entries: Vec<Entry<'_>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(entries, u64::MAX, &mut bytes).expect("the entries can be");
    bytes
}

/// Whether a word with a name is a `bool`.
pub(super) fn is_flag(index: u16) -> bool {
    index % 2 == 1
}

/// The definition of a board of so many words; the keys to those that are numbers.
pub(super) fn definition(words: u16) -> (Definition, Vec<Key<u64>>) {
    let mut definition = Definition::new();
    let mut keys = Vec::new();
    for index in 0..words {
        let name = format!("w{index}");
        if is_flag(index) {
            definition.word::<bool>(&name, "").expect("the word can be");
        } else {
            keys.push(definition.word(&name, "").expect("the word can be"));
        }
    }
    (definition, keys)
}
