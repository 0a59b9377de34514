//! What has to be accepted, and what has to be refused: judged from the bytes alone, without the library's parser.

use super::planted::BOARD;
use lastword::{CONSUMERS_MAX, ObjectKind, Sequence, TypeLayout};
use lastword_protocol::header::{CREATING, Kind, MAGIC, VERSION, WORDS};
use lastword_protocol::slots;
use lastword_protocol::status::WORDS_MAX;

const CHECKSUM: usize = WORDS - 1;

/// What is asked of a channel.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) consumers: Option<u8>,
    pub(crate) capacity: Option<u64>,
    /// The messages' type; any.
    pub(crate) payload: Option<TypeLayout>,
}

/// What attaching to the objects found has to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They are what was asked for.
    Attach {
        /// Consumers of the channel, words of the board.
        count: u16,
        /// Whether the producer can go on from the last message.
        is_numbered: bool,
    },
    /// They are not complete: the next one that may create, creates.
    Create,
    /// They are something else, and are left as they are.
    Refuse,
}

/// Length of a locks object without its description: header, lock words and holders, wait words.
fn locks_length(consumers: u64) -> u64 {
    256 + 128 * consumers + (8 * consumers).next_multiple_of(64)
}

/// The verdict on a channel.
pub(crate) fn channel(locks: Option<&[u8]>, data: Option<&[u8]>, asked: &Asked) -> Verdict {
    if is_incomplete(locks) {
        return Verdict::Create;
    }
    let attach = || {
        let locks_bytes = locks?;
        let locks = channel_header(locks_bytes, Kind::SlotsLocks, asked)?;
        let data_bytes = data?;
        let data = channel_header(data_bytes, Kind::SlotsData, asked)?;
        let (consumers, capacity) = (locks[4], locks[5]);
        let stride = 64 + capacity.next_multiple_of(64);
        let lengths = (locks_length(consumers), 384 + (consumers + 2) * stride);
        let is_pair = locks[2] == data[2] && locks[4..CHECKSUM] == data[4..CHECKSUM];
        let is_length = section_length(locks[3], lengths.0).is_some() && data[3] == lengths.1;
        let is_size = is_type(&locks, &TypeLayout::BYTES) || locks[7] == capacity;
        let latest = word(data_bytes, 256 / 8)?;
        // A generation that has replaced it is never there.
        let is_newest = word(locks_bytes, slots::layout::SUCCESSOR / 8)? == 0;
        (is_newest && is_pair && is_length && is_size).then(|| Verdict::Attach {
            count: consumers as u16,
            is_numbered: latest == 0 || latest >> 62 == 0 && latest >> 8 != 0 && (latest & 0xff) < consumers + 2,
        })
    };
    attach().unwrap_or(Verdict::Refuse)
}

/// The newest message of a data object that can be attached to; `Err` where there should be one and it is garbage.
pub(crate) fn newest(data: &[u8], size: Option<usize>) -> Result<Option<(Sequence, Vec<u8>)>, ()> {
    match word(data, 256 / 8) {
        Some(0) => Ok(None),
        Some(latest) if latest >> 62 == 0 => match message(data, latest & 0xff, size) {
            Some(message) if message.0.get() == latest >> 8 => Ok(Some(message)),
            _ => Err(()),
        },
        _ => Err(()),
    }
}

/// The message in a slot; `None` where its words are garbage.
pub(crate) fn message(data: &[u8], slot: u64, size: Option<usize>) -> Option<(Sequence, Vec<u8>)> {
    let (consumers, capacity) = (word(data, 4)?, word(data, 5)?);
    let start = (384 + slot * (64 + capacity.next_multiple_of(64))) as usize;
    let sequence = Sequence::new(word(data, start / 8)?)?;
    let length = word(data, start / 8 + 1).filter(|&length| length <= capacity)? as usize;
    let is_sized = size.is_none_or(|size| size == length);
    (slot < consumers + 2 && is_sized).then(|| (sequence, data[start + 64..][..length].to_vec()))
}

/// The fields that a channel says its messages have: those of who does not know their type. `None` where there is no
/// channel, or what it says cannot be.
pub(crate) fn fields(locks: Option<&[u8]>, data: Option<&[u8]>) -> Option<Vec<Entry>> {
    let any = Asked { consumers: None, capacity: None, payload: None };
    let is_there = !is_incomplete(locks) && matches!(channel(locks, data, &any), Verdict::Attach { .. });
    let found = locks.filter(|_| is_there)?;
    let layout = locks_length(word(found, 4)?) as usize;
    entries(found.get(layout..)?, word(found, 7)?)
}

/// The verdict on a board of this many words, of which this is said; any will do where none is asked for.
pub(crate) fn board(found: Option<&[u8]>, asked: Option<(u16, &[u8])>) -> Verdict {
    if is_incomplete(found) {
        return Verdict::Create;
    }
    let attach = || {
        let found = found?;
        let header = header(found)?;
        let count = header[4];
        if !(1..=WORDS_MAX.into()).contains(&count) {
            return None;
        }
        section_length(header[3], 256 + 8 * count)?;
        let section = found.get(256 + 8 * count as usize..)?;
        let is_asked = asked.is_none_or(|(words, said)| count == words.into() && section == said);
        let is_board = header[1] as u32 == Kind::Status as u32 && is_type(&header, &board_type(section));
        let entries = entries(section, 8 * count)?;
        let is_word = |(index, entry): (usize, &Entry)| {
            let is_first = entries[..index].iter().all(|other| other.name != entry.name);
            let is_kind = [3, 4, 9, 12, 13].contains(&entry.kind);
            is_first
                && is_kind
                && entry.dimensions.is_empty()
                && entry.offset == 8 * index as u64
                && entry.name.len() <= 64
        };
        let is_named = entries.len() as u64 == count && entries.iter().enumerate().all(is_word);
        (is_board && is_asked && (section.is_empty() || is_named))
            .then_some(Verdict::Attach { count: count as u16, is_numbered: true })
    };
    attach().unwrap_or(Verdict::Refuse)
}

/// An entry of a description.
pub(crate) struct Entry {
    pub(crate) name: String,
    kind: u8,
    offset: u64,
    dimensions: Vec<(u64, u64)>,
}

/// The type that the header of a board names which says this of its words.
pub(crate) fn board_type(section: &[u8]) -> TypeLayout {
    let said = section.last_chunk().filter(|_| section.len() > 8);
    said.map_or(BOARD, |checksum| BOARD.described_by(u64::from_ne_bytes(*checksum)))
}

/// How long a description is, of an object of this length, after a layout of that one; 0 where there is none.
fn section_length(length: u64, layout: u64) -> Option<u64> {
    let section = length.checked_sub(layout)?;
    (section == 0 || section > 8 && section <= 1 << 20 && section % 8 == 0).then_some(section)
}

/// The entries of a description of so many bytes; `None` where it cannot be.
fn entries(section: &[u8], size: u64) -> Option<Vec<Entry>> {
    if section.is_empty() {
        return Some(Vec::new());
    }
    let (mut rest, checksum) = section.split_at(section.len() - 8);
    let (mut entries, mut left) = (Vec::new(), size);
    if hash(rest).to_ne_bytes() != checksum {
        return None;
    }
    while !rest.is_empty() {
        let kind = *rest.first()?;
        let element = *[1, 2, 4, 8, 16, 1, 2, 4, 8, 16, 4, 8, 1, 1].get(usize::from(kind).checked_sub(1)?)?;
        let [name, unit, count] = *rest.get(1..4)?.first_chunk()?;
        let (name, unit, count) = (usize::from(name), usize::from(unit), usize::from(count));
        let offset = word(rest, 1)?;
        let texts = 16 + 16 * count;
        let end = texts + (name + unit).next_multiple_of(8);
        let numbers = |index| Some((word(rest, 2 + 2 * index)?, word(rest, 3 + 2 * index)?));
        let dimensions: Vec<(u64, u64)> = (0..count.min(9)).map(numbers).collect::<Option<_>>()?;
        let fits = dimensions.iter().rev().try_fold(element, |inner: u64, &(count, stride)| {
            count.checked_sub(1)?.checked_mul(stride)?.checked_add(inner).filter(|_| inner <= stride)
        });
        let reaches = offset.checked_add(fits?)?;
        let is_zero = rest[4..8] == [0; 4] && rest.get(texts + name + unit..end)?.iter().all(|&byte| byte == 0);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().filter(|text| is_shown(text));
        let unit = text(&rest[texts + name..][..unit])?;
        let name = text(&rest[texts..][..name])?;
        if count > 8 || reaches > size || !is_zero || name.is_empty() || unit.len() > 32 {
            return None;
        }
        let all = dimensions.iter().fold(element, |all, (count, _)| all * count);
        left = left.checked_sub(all)?;
        entries.push(Entry { name, kind, offset, dimensions });
        rest = &rest[end..];
    }
    Some(entries)
}

fn is_shown(text: &str) -> bool {
    let is_hidden = |char: char| {
        let turns = [0x200e..0x2010, 0x2028..0x202f, 0x2066..0x206a];
        char.is_control() || turns.iter().any(|range| range.contains(&(char as u32)))
    };
    !text.chars().any(is_hidden)
}

/// Whether an object is not there, or is what a creator leaves that is killed.
pub(crate) fn is_incomplete(bytes: Option<&[u8]>) -> bool {
    bytes.is_none_or(|bytes| bytes.is_empty() || word(bytes, 0) == Some(CREATING))
}

/// The words of a complete header of this version, of an object as long as it says.
pub(crate) fn header(bytes: &[u8]) -> Option<[u64; WORDS]> {
    let words: Vec<u64> = bytes.as_chunks().0.iter().take(WORDS).map(|word| u64::from_ne_bytes(*word)).collect();
    let words: [u64; WORDS] = words.try_into().ok()?;
    let is_known = (Kind::SlotsData as u32..=Kind::Status as u32).contains(&(words[1] as u32));
    let is_complete = words[0] == MAGIC && words[1] >> 32 == VERSION.into() && words[CHECKSUM] == checksum(&words);
    (is_complete && is_known && words[3] == bytes.len() as u64).then_some(words)
}

/// Makes the checksum of a header right, if there is a whole one.
pub(crate) fn seal(bytes: &mut [u8]) {
    if let Some(words) = bytes.as_chunks_mut::<8>().0.first_chunk_mut::<WORDS>() {
        words[CHECKSUM] = checksum(&words.map(u64::from_ne_bytes)).to_ne_bytes();
    }
}

/// The kind of object that belongs in a place.
pub(crate) fn kind(place: ObjectKind) -> Kind {
    match place {
        ObjectKind::Data => Kind::SlotsData,
        ObjectKind::Locks => Kind::SlotsLocks,
        ObjectKind::Ready => Kind::Ready,
        ObjectKind::Status => Kind::Status,
    }
}

/// A header of a channel that is what was asked for, with dimensions that a channel can have.
fn channel_header(bytes: &[u8], kind: Kind, asked: &Asked) -> Option<[u64; WORDS]> {
    let header = header(bytes)?;
    let is_kind = header[1] as u32 == kind as u32 && asked.payload.is_none_or(|payload| is_type(&header, &payload));
    let is_asked = asked.consumers.is_none_or(|asked| header[4] == asked.into())
        && asked.capacity.is_none_or(|asked| header[5] == asked);
    let is_possible = (1..=CONSUMERS_MAX.into()).contains(&header[4]) && header[5] <= lastword::CAPACITY_MAX as u64;
    (is_kind && is_asked && is_possible).then_some(header)
}

fn is_type(header: &[u64; WORDS], payload: &TypeLayout) -> bool {
    let name: Vec<u8> = header[9..CHECKSUM].iter().flat_map(|word| word.to_ne_bytes()).collect();
    let (found, rest) = name.split_at(payload.name().len());
    found == payload.name().as_bytes()
        && rest.iter().all(|&byte| byte == 0)
        && [header[6], header[7], header[8]] == [payload.hash, payload.size, payload.align]
}

fn word(bytes: &[u8], index: usize) -> Option<u64> {
    bytes.as_chunks().0.get(index).map(|word| u64::from_ne_bytes(*word))
}

/// Of words 1 to 22.
fn checksum(words: &[u64; WORDS]) -> u64 {
    let bytes: Vec<u8> = words[1..CHECKSUM].iter().flat_map(|word| word.to_le_bytes()).collect();
    hash(&bytes)
}

/// FNV-1a, 64 bits.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
