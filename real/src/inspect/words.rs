//! The words of channels, mailboxes and boards, decoded.

use super::survey::Problem;
use crate::name::ObjectKind;
use crate::object::Object;
use crate::status::{self, Reading, Word};
use lastword_protocol::ready;
use lastword_protocol::slots::{self, Lock, Sequence, Stamp, asleep_on};
use lastword_protocol::status::StatusError;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use zerocopy::IntoBytes;

/// The words of a board, as they were when they were read, one after the other.
#[derive(Clone, Debug)]
pub struct Board {
    pub(super) words: Arc<[Word]>,
    pub(super) values: Vec<u64>,
}

impl Board {
    /// What is in each word, by its kind.
    ///
    /// # Errors
    /// Of a word: what is in it is no value of its kind.
    pub fn readings(&self) -> impl ExactSizeIterator<Item = Result<Reading<'_>, StatusError>> {
        self.words.iter().zip(&self.values).map(|(word, &value)| status::reading(word, value))
    }

    /// What the words are.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// What is in the words, undecoded.
    #[must_use]
    pub fn values(&self) -> &[u64] {
        &self.values
    }
}

/// The words of a channel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Slots {
    /// The newest message: its slot and its number; `None` before the first.
    pub latest: Result<Option<Stamp>, Problem>,
    /// The slots, two more than consumers.
    pub slots: Vec<Slot>,
    /// The consumers; none where the locks object is not there.
    pub consumers: Vec<Consumer>,
}

/// A slot of a channel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Slot {
    /// Its number.
    pub slot: u8,
    /// The number of the message in it; `None` before the first one, and while it is rewritten, or where a producer was
    /// killed at that. A producer that was killed before it had published has left a number that no message has, or
    /// that another slot has, too.
    pub sequence: Result<Option<Sequence>, Problem>,
    /// The length of the message in it, in bytes.
    pub length: Result<usize, Problem>,
    /// Whether it has the newest message.
    pub is_newest: bool,
    /// The consumers whose lock words name it, so that the producer keeps off.
    pub locked_by: Vec<u8>,
}

/// A consumer's words.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Consumer {
    /// Its index.
    pub consumer: u8,
    /// Its lock word, which outlives the consumer: its successor has what it held.
    pub lock: Result<Lock, Problem>,
    /// What it notes of its sleep.
    pub wait: Result<Wait<Option<Stamp>>, Problem>,
}

/// A note of what somebody last went to sleep on, and whether that is still so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait<S> {
    /// What is noted.
    pub note: SleepNote<S>,
    /// Whether it is as it was noted. Who is asleep has such a note; so have those who have just looked, have given up
    /// waiting, or were killed in their sleep.
    pub is_current: bool,
}

/// What is noted of a sleep: what was to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SleepNote<S> {
    /// It never slept.
    Never,
    /// It went to sleep on this.
    On(S),
    /// Garbage, which costs nobody anything.
    Garbage(u64),
}

/// Where something lies in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// In which one.
    pub object: ObjectKind,
    /// What it is, as the protocol calls it: `header`, `latest`, `slot[0].seq`.
    pub name: String,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length, in bytes.
    pub length: u64,
}

const ASLEEP: u64 = 1 << (u64::BITS - 1);

/// The word at `offset`.
///
/// The fences order it, as a load of any ordering would be, with what this thread reads before and after.
pub(super) fn word(object: &Object, offset: usize) -> Result<u64, Problem> {
    let mut word = [0];
    copy_words(object, offset, &mut word)?;
    let [word] = word;
    Ok(word)
}

/// The words from `offset` on. They are copied to where words lie, so that none is copied in pieces.
pub(super) fn copy_words(object: &Object, offset: usize, into: &mut [u64]) -> Result<(), Problem> {
    copy_all(object, offset, into.as_mut_bytes())
}

/// The bytes from `offset` on, which the object's header says that it has.
pub(super) fn copy_all(object: &Object, offset: usize, into: &mut [u8]) -> Result<(), Problem> {
    fence(Ordering::SeqCst);
    let copied = object.copy(offset as u64, into).map_err(|error| Problem::Object(error.into()))?;
    fence(Ordering::SeqCst);
    if copied < into.len() {
        let offset = offset as u64 + copied as u64;
        return Err(Problem::CutOff { object: object.name().to_owned(), offset });
    }
    Ok(())
}

/// A word of a channel.
pub(super) fn word_of(object: &Object, layout: &slots::Layout, word: slots::Word) -> Result<u64, Problem> {
    match layout.offset(word) {
        Some((_, offset)) => self::word(object, offset),
        None => Err(Problem::CutOff { object: object.name().to_owned(), offset: 0 }),
    }
}

/// The word `latest` of a channel.
pub(super) fn latest(data: &Object, layout: &slots::Layout) -> Result<Option<Stamp>, Problem> {
    let found = word_of(data, layout, slots::Word::Latest)?;
    let corrupt = |why| Problem::Word(slots::Corrupt { word: slots::Word::Latest, found, why });
    Stamp::parse(found, layout).map_err(corrupt)
}

/// The sequence number of the message in a slot; `None` where there is none.
pub(super) fn sequence(data: &Object, layout: &slots::Layout, slot: u8) -> Result<Option<Sequence>, Problem> {
    let word = slots::Word::Sequence(slot);
    match word_of(data, layout, word)? {
        0 => Ok(None),
        found => Sequence::new(found).map(Some).ok_or(Problem::Word(slots::Corrupt {
            word,
            found,
            why: slots::Garbage::StrayBits,
        })),
    }
}

/// The length of the message in a slot, in bytes.
pub(super) fn length(data: &Object, layout: &slots::Layout, slot: u8) -> Result<usize, Problem> {
    let (word, capacity) = (slots::Word::Length(slot), layout.capacity());
    let found = word_of(data, layout, word)?;
    let why = slots::Garbage::LengthOverCapacity { capacity };
    let length = usize::try_from(found).ok().filter(|&length| length <= capacity);
    length.ok_or(Problem::Word(slots::Corrupt { word, found, why }))
}

/// The words of a channel whose objects are these.
pub(super) fn slots(data: Result<&Object, Problem>, locks: Option<&Object>, layout: &slots::Layout) -> Slots {
    let latest = data.clone().and_then(|data| latest(data, layout));
    let newest = latest.as_ref().ok().copied().flatten();
    let consumers =
        (0..layout.consumers()).filter_map(|consumer| Some(read_consumer(locks?, layout, consumer, newest)));
    let consumers: Vec<Consumer> = consumers.collect();
    let slots = (0..layout.slots()).filter_map(|slot| u8::try_from(slot).ok()).map(|slot| Slot {
        slot,
        sequence: data.clone().and_then(|data| sequence(data, layout, slot)),
        length: data.clone().and_then(|data| length(data, layout, slot)),
        is_newest: newest.is_some_and(|stamp| stamp.slot() == slot),
        locked_by: consumers
            .iter()
            .filter(|consumer| consumer.lock.as_ref().is_ok_and(|lock| names(*lock, slot)))
            .map(|consumer| consumer.consumer)
            .collect(),
    });
    Slots { latest, slots: slots.collect(), consumers }
}

fn names(lock: Lock, slot: u8) -> bool {
    lock.stamp().is_some_and(|stamp| stamp.slot() == slot)
}

fn read_consumer(locks: &Object, layout: &slots::Layout, consumer: u8, newest: Option<Stamp>) -> Consumer {
    let word = slots::Word::Lock(consumer);
    let lock = word_of(locks, layout, word)
        .and_then(|found| Lock::parse(found, layout).map_err(|why| Problem::Word(slots::Corrupt { word, found, why })));
    let wait = word_of(locks, layout, slots::Word::Wait(consumer)).map(|found| {
        let seen = || Stamp::parse(found & !ASLEEP, layout).ok();
        Wait { note: note(found, seen), is_current: found == asleep_on(newest) }
    });
    Consumer { consumer, lock, wait }
}

/// What a wait word says.
pub(super) fn note<S>(found: u64, seen: impl FnOnce() -> Option<S>) -> SleepNote<S> {
    match found {
        0 => SleepNote::Never,
        _ if found & ASLEEP == 0 => SleepNote::Garbage(found),
        _ => seen().map_or(SleepNote::Garbage(found), SleepNote::On),
    }
}

/// The state of a mailbox.
pub(super) fn state(object: &Object, layout: &ready::Layout) -> Result<ready::State, Problem> {
    let found = word(object, layout.offset(ready::Word::State))?;
    let corrupt = ready::Corrupt { word: ready::Word::State, found, expected: ready::Expected::State };
    ready::State::parse(found).ok_or(Problem::MailboxWord(corrupt))
}

/// A wait word of a mailbox.
pub(super) fn mailbox_wait(
    object: &Object,
    layout: &ready::Layout,
    which: ready::Word,
    state: Option<ready::State>,
) -> Result<Wait<ready::State>, Problem> {
    let found = word(object, layout.offset(which))?;
    let seen = || ready::State::parse(found & !ASLEEP);
    Ok(Wait { note: note(found, seen), is_current: state.is_some_and(|state| found == state.asleep()) })
}
