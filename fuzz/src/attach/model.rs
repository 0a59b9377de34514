//! What has to be accepted, and what has to be refused: judged from the bytes alone, without the library's parser.

use super::planted::BOARD;
use lastword::{CONSUMERS_MAX, ObjectKind, Sequence, TypeLayout};
use lastword_protocol::header::{CREATING, Kind, MAGIC, VERSION, WORDS};
use lastword_protocol::status::WORDS_MAX;

const CHECKSUM: usize = WORDS - 1;

/// What is asked of a channel.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) consumers: Option<u8>,
    pub(crate) capacity: Option<u64>,
    pub(crate) payload: TypeLayout,
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

/// The verdict on a channel.
pub(crate) fn channel(locks: Option<&[u8]>, data: Option<&[u8]>, asked: &Asked) -> Verdict {
    if is_incomplete(locks) {
        return Verdict::Create;
    }
    let attach = || {
        let locks = channel_header(locks?, Kind::SlotsLocks, asked)?;
        let data_bytes = data?;
        let data = channel_header(data_bytes, Kind::SlotsData, asked)?;
        let (consumers, capacity) = (locks[4], locks[5]);
        let stride = 64 + capacity.next_multiple_of(64);
        let lengths = (256 + 128 * consumers, 384 + (consumers + 2) * stride);
        let is_pair = locks[2] == data[2] && (consumers, capacity) == (data[4], data[5]);
        let latest = word(data_bytes, 256 / 8)?;
        (is_pair && lengths == (locks[3], data[3])).then(|| Verdict::Attach {
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

/// The verdict on a board; any number of words will do where none is asked for.
pub(crate) fn board(found: Option<&[u8]>, words: Option<u16>) -> Verdict {
    if is_incomplete(found) {
        return Verdict::Create;
    }
    let attach = || {
        let header = header(found?)?;
        let count = header[4];
        let is_board = header[1] as u32 == Kind::Status as u32 && is_type(&header, &BOARD);
        let is_count = (1..=WORDS_MAX.into()).contains(&count) && words.is_none_or(|words| count == words.into());
        (is_board && is_count && header[3] == 256 + 8 * count)
            .then_some(Verdict::Attach { count: count as u16, is_numbered: true })
    };
    attach().unwrap_or(Verdict::Refuse)
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
    let is_kind = header[1] as u32 == kind as u32 && is_type(&header, &asked.payload);
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

/// FNV-1a, 64 bits, of words 1 to 22.
fn checksum(words: &[u64; WORDS]) -> u64 {
    let bytes = words[1..CHECKSUM].iter().flat_map(|word| word.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
