//! The parser by itself: what it accepts, the model accepts, and every word that a header promises is there.

use super::model;
use lastword::ObjectKind;
use lastword_protocol::header::{Header, HeaderError, Kind, WORDS};
use lastword_protocol::slots::{self, Layout, Word};

/// Checks the parse of an object.
pub(super) fn check(bytes: &[u8], place: ObjectKind) {
    let words: Vec<u64> = bytes.as_chunks().0.iter().take(WORDS).map(|word| u64::from_ne_bytes(*word)).collect();
    let length = bytes.len() as u64;
    let parsed = parse(&words, length);
    match &parsed {
        Ok(header) => {
            read_every_word(header, bytes);
            assert_eq!(header.encode()[..], words[..], "nothing is lost");
            assert!(!header.payload.to_string().is_empty() && !header.kind.to_string().is_empty());
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(*error == HeaderError::Incomplete, model::is_incomplete(Some(bytes)), "{error}");
        }
    }
    assert_eq!(parsed.is_ok(), model::header(bytes).is_some(), "{parsed:?} in place of {}", model::kind(place));
}

/// Reads the words that an object with such a header has, as whoever attaches does. That they are there is what the
/// parser has to see to.
fn read_every_word(header: &Header, bytes: &[u8]) {
    let object = match header.kind {
        Kind::SlotsData => slots::Object::Data,
        Kind::SlotsLocks => slots::Object::Locks,
        Kind::Ready | Kind::Status => return,
    };
    let (Ok(consumers), Ok(capacity)) = (u8::try_from(header.consumers), usize::try_from(header.capacity)) else {
        return;
    };
    let Ok(layout) = Layout::new(consumers, capacity) else { return };
    if header.length < layout.length(object) as u64 {
        return;
    }
    let slots = (0..layout.slots()).flat_map(|slot| [Word::Sequence(slot as u8), Word::Length(slot as u8)]);
    for word in slots.chain((0..consumers).map(Word::Lock)).chain([Word::Latest]) {
        if let Some((found, offset)) = layout.offset(word)
            && found == object
        {
            assert!(bytes[offset..offset + 8].len() == 8);
        }
    }
}

#[cfg(not(feature = "seeded-bug"))]
fn parse(words: &[u64], length: u64) -> Result<Header, HeaderError> {
    Header::parse(words, length)
}

/// The planted bug: the length that the header notes is taken for the object's own, as one writes who has not thought
/// of an object that was cut. The lock words that `consumers` promises then lie outside of it.
#[cfg(feature = "seeded-bug")]
fn parse(words: &[u64], length: u64) -> Result<Header, HeaderError> {
    Header::parse(words, words.get(3).copied().unwrap_or(length))
}
