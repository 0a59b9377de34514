//! Messages, copied without a lock, and told apart from those that were written to meanwhile.

use super::survey::Problem;
use super::words::{copy_all, latest, length, sequence, state, word, word_of};
use crate::object::Object;
use lastword_protocol::ready;
use lastword_protocol::slots::{self, Sequence};

/// So often the newest message is tried, while its producer is faster.
const ATTEMPTS: u32 = 64;

/// A copy of a message, or of what is in the place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payload {
    /// The slot that it is in; `None` of a mailbox, which has one place.
    pub slot: Option<u8>,
    /// Its number, if it has one.
    pub sequence: Option<Sequence>,
    /// Its length as it is noted, in bytes. It may be longer than what was asked for.
    pub length: usize,
    /// Its bytes, from the first on.
    pub bytes: Vec<u8>,
    /// Whether these bytes are of that one message, which was published, all of them. If not, they may be of several
    /// (*torn*): it was rewritten meanwhile, a producer was killed while it wrote, or it was consumed and the next one
    /// may be on its way.
    ///
    /// A producer that was killed just before it published has left a number that its successor gives to a message in
    /// another slot. Of two slots with one number the newest message's is whole, and neither where both are older: which
    /// of them was published is not noted. One such slot can be taken for whole once the other is used again: that which
    /// no producer takes, because a consumer was killed as it announced an older message there.
    pub is_whole: bool,
}

/// The newest message of a channel, at most `limit` bytes of it; `None` before the first.
///
/// As [`Observer::peek`](slots::Observer::peek): the message counts if its slot has its number afterwards.
pub(super) fn newest(data: &Object, layout: &slots::Layout, limit: usize) -> Result<Option<Payload>, Problem> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let Some(stamp) = latest(data, layout)? else { return Ok(None) };
        let found = in_slot(data, layout, stamp.slot(), limit)?;
        if found.is_whole && found.sequence == Some(stamp.sequence()) {
            return Ok(Some(found));
        }
        last = Some(Payload { is_whole: false, ..found });
    }
    Ok(last)
}

/// What is in a slot, at most `limit` bytes of it.
pub(super) fn in_slot(data: &Object, layout: &slots::Layout, slot: u8, limit: usize) -> Result<Payload, Problem> {
    let no_slot = Problem::NoSuchSlot { slot, slots: layout.slots() };
    let offset = layout.payload_offset(slot.into()).ok_or(no_slot)?;
    // Acquire: a message that is no later than this one was written before this was read. Pairs with `slots.publish`.
    let published = latest(data, layout)?;
    let before = sequence(data, layout, slot)?;
    let found = length(data, layout, slot);
    // A length that cannot be may be of a slot that is being rewritten.
    let length = found.clone().unwrap_or(0);
    let bytes = copy(data, offset, length.min(limit))?;
    // After `latest`, and before the number is read again: slots are taken in turn, so a slot that was sealed and not
    // published is retired before the one that has its number is.
    let is_published = before.is_some_and(|number| {
        published.is_some_and(|stamp| {
            stamp == slots::Stamp::new(number, slot)
                || !number.is_after(stamp.sequence()) && is_only(data, layout, slot, number)
        })
    });
    // Acquire: if a byte was of a later message, the number is no longer what it was. Pairs with `slots.retire_fence`.
    let after = sequence(data, layout, slot)?;
    let is_whole = is_published && before == after;
    if is_whole {
        found?;
    }
    Ok(Payload { slot: Some(slot), sequence: before, length, bytes, is_whole })
}

/// Whether all other slots have other numbers than this one.
fn is_only(data: &Object, layout: &slots::Layout, slot: u8, number: Sequence) -> bool {
    let others = (0..layout.slots()).filter_map(|other| u8::try_from(other).ok()).filter(|&other| other != slot);
    others.map(slots::Word::Sequence).all(|word| word_of(data, layout, word).is_ok_and(|found| found != number.get()))
}

/// What is in a mailbox, at most `limit` bytes of it; `None` before the first message.
///
/// As long as the flag is set and the number is the same, nobody writes.
pub(super) fn in_mailbox(object: &Object, layout: &ready::Layout, limit: usize) -> Result<Option<Payload>, Problem> {
    // Acquire: the message was written before. Pairs with `ready.send`.
    let before = state(object, layout)?;
    let Some(sequence) = before.sequence else { return Ok(None) };
    let capacity = layout.capacity();
    let found = word(object, layout.offset(ready::Word::Length))?;
    let length = usize::try_from(found).ok().filter(|&length| length <= capacity);
    let bytes = copy(object, layout.payload_offset(), length.unwrap_or(0).min(limit))?;
    let is_whole = before.set && state(object, layout)? == before;
    let Some(length) = length.or((!is_whole).then_some(0)) else {
        let expected = ready::Expected::Length { capacity };
        return Err(Problem::MailboxWord(ready::Corrupt { word: ready::Word::Length, found, expected }));
    };
    Ok(Some(Payload { slot: None, sequence: Some(sequence), length, bytes, is_whole }))
}

fn copy(object: &Object, offset: usize, length: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = vec![0; length];
    copy_all(object, offset, &mut bytes)?;
    Ok(bytes)
}
