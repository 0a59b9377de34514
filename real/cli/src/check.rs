//! What must hold of everything that a process reads. Pure functions, so that each verdict is tested.

use crate::payload::{self, Header, Torn};
use lastword::Recovery;
use std::fmt;

/// The promises that a run counts breaches of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A message is whole, is the one its number says, and stays so while it is locked.
    Torn,
    /// What a reader sees never gets older, across its restarts too.
    WentBack,
    /// What a reader sees is as new as the newest publish that had returned before.
    Stale,
    /// A restart loses nothing: neither a number nor a lock.
    Lost,
}

impl Promise {
    /// All of them, in the order of the counters.
    pub(crate) const ALL: [Self; 4] = [Promise::Torn, Promise::WentBack, Promise::Stale, Promise::Lost];

    /// Its name in tables and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Promise::Torn => "torn",
            Promise::WentBack => "went_back",
            Promise::Stale => "stale",
            Promise::Lost => "lost",
        }
    }
}

/// A breach of a promise, with what there is to show for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which promise.
    pub(crate) promise: Promise,
    /// What was seen.
    pub(crate) evidence: String,
}

impl Violation {
    fn new(promise: Promise, evidence: impl Into<String>) -> Self {
        Self { promise, evidence: evidence.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.promise.name(), self.evidence)
    }
}

/// What a reader knew of a channel before it read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The channel: who publishes in it.
    pub(crate) channel: u8,
    /// The newest number that this reader or a predecessor has seen; 0 for none.
    pub(crate) seen: u64,
    /// The newest number whose publish was known to have returned; 0 for none.
    pub(crate) returned: u64,
}

impl Known {
    /// Judges a message that was read under the number `stamp`.
    pub(crate) fn message(&self, bytes: &[u8], stamp: u64) -> Result<Header, Violation> {
        self.verified(payload::verify(bytes), stamp, bytes.len())
    }

    /// Judges a message that was read under the number `stamp`, and has to have this length.
    pub(crate) fn message_of_length(&self, bytes: &[u8], stamp: u64, length: usize) -> Result<Header, Violation> {
        let known = Header { sequence: stamp, nonce: 0, channel: self.channel, length };
        self.verified(payload::verify_known(bytes, &known), stamp, bytes.len())
    }

    fn verified(&self, verified: Result<Header, Torn>, stamp: u64, length: usize) -> Result<Header, Violation> {
        let channel = self.channel;
        let header = verified.map_err(|torn| {
            Violation::new(Promise::Torn, format!("message {stamp} of channel {channel}, {length} bytes: {torn}"))
        })?;
        // A message under another's number is judged by the older of the two.
        self.number(stamp.min(header.sequence))?;
        if header.sequence != stamp || header.channel != channel {
            let evidence = format!("message {stamp} of channel {channel} holds {header:?}");
            return Err(Violation::new(Promise::Torn, evidence));
        }
        Ok(header)
    }

    /// Judges the answer that nothing has been published yet.
    pub(crate) fn nothing(&self) -> Result<(), Violation> {
        self.number(0)
    }

    /// Judges that this is the newest number.
    pub(crate) fn number(&self, found: u64) -> Result<(), Violation> {
        let Known { channel, seen, returned } = *self;
        if found < seen {
            let evidence = format!("message {found} of channel {channel} after message {seen}");
            Err(Violation::new(Promise::WentBack, evidence))
        } else if found < returned {
            let evidence = format!("message {found} of channel {channel} when {returned} had been published");
            Err(Violation::new(Promise::Stale, evidence))
        } else {
            Ok(())
        }
    }

    /// Judges what a restarted reader finds locked: `holding` is what its predecessor certainly had, 0 for nothing.
    pub(crate) fn held(&self, found: Option<u64>, holding: u64) -> Result<(), Violation> {
        let Known { channel, seen, .. } = *self;
        let found = found.unwrap_or(0);
        if holding != 0 && found != holding {
            let evidence = format!("channel {channel}: a restarted reader finds {found} locked, and {holding} was");
            Err(Violation::new(Promise::Lost, evidence))
        } else if found != 0 && found < seen {
            let evidence = format!("channel {channel}: a restarted reader finds {found} locked, and {seen} was seen");
            Err(Violation::new(Promise::WentBack, evidence))
        } else {
            Ok(())
        }
    }
}

/// Judges what a restarted reader found in its lock word: only other people's writing makes it something to repair.
pub(crate) fn recovery(channel: u8, found: &Recovery) -> Result<(), Violation> {
    match found {
        Recovery::Nothing | Recovery::Interrupted | Recovery::Held(_) => Ok(()),
        Recovery::Repaired(corrupt) => Err(Violation::new(Promise::Lost, format!("channel {channel}: {corrupt}"))),
    }
}

/// Judges a locked message that is read again.
pub(crate) fn again(before: &Header, bytes: &[u8]) -> Result<(), Violation> {
    // The header decides every byte, so two whole messages with one header are the same.
    match payload::verify_known(bytes, before) {
        Ok(now) if now == *before => Ok(()),
        Ok(now) => Err(Violation::new(Promise::Torn, format!("locked {before:?} became {now:?}"))),
        Err(torn) => Err(Violation::new(Promise::Torn, format!("locked {before:?} became torn: {torn}"))),
    }
}

/// Judges the number that a restarted producer continues from: the one of the last publish that is known to have
/// returned, or the next, whose publish was interrupted after it had taken effect.
pub(crate) fn numbering(channel: u8, recovered: u64, returned: u64) -> Result<(), Violation> {
    if recovered == returned || recovered == returned + 1 {
        return Ok(());
    }
    let evidence = format!("channel {channel}: the producer continues from {recovered}, and had returned {returned}");
    Err(Violation::new(Promise::Lost, evidence))
}

/// Judges the number that a reader of a mailbox receives next: the one after the newest that was `received` before, or
/// that one again if a predecessor may have been killed with it.
pub(crate) fn in_order(channel: u8, found: u64, received: u64, may_be_repeated: bool) -> Result<(), Violation> {
    if found == received + 1 || (found == received && may_be_repeated) {
        return Ok(());
    }
    let promise = if found > received { Promise::Lost } else { Promise::WentBack };
    Err(Violation::new(promise, format!("mailbox {channel}: message {found} comes after message {received}")))
}

/// Judges how far a restarted reader finds a mailbox consumed: to the newest message that was `received`, which may not
/// have been cleared yet.
pub(crate) fn consumed(channel: u8, found: u64, received: u64) -> Result<(), Violation> {
    if found == received || found + 1 == received {
        return Ok(());
    }
    let promise = if found > received { Promise::Lost } else { Promise::WentBack };
    Err(Violation::new(promise, format!("mailbox {channel}: consumed up to {found}, and {received} was received")))
}

/// Judges the words of a board, which its writer sets to one number, the first word first: what is read last word first
/// cannot get older. `seen` is the newest number that was seen there before, `returned` the newest that had
/// been set everywhere before.
pub(crate) fn board(board: u8, last_word_first: &[u64], seen: u64, returned: u64) -> Result<(), Violation> {
    let Some((&oldest, &newest)) = last_word_first.first().zip(last_word_first.last()) else { return Ok(()) };
    let words = format!("board {board}: {last_word_first:?}, last word first");
    if !last_word_first.is_sorted() {
        Err(Violation::new(Promise::Stale, words))
    } else if newest < seen {
        Err(Violation::new(Promise::WentBack, format!("{words}, after {seen}")))
    } else if oldest < returned {
        Err(Violation::new(Promise::Stale, format!("{words}, when {returned} had been set")))
    } else {
        Ok(())
    }
}

/// Judges the words that a restarted writer finds on its board: all had been set to `returned`, and perhaps, the first
/// word first, some to the number after it.
pub(crate) fn board_recovered(board: u8, first_word_first: &[u64], returned: u64) -> Result<(), Violation> {
    let is_so = first_word_first.iter().all(|&word| word == returned || word == returned + 1);
    if is_so && first_word_first.is_sorted_by(|word, next| word >= next) {
        return Ok(());
    }
    Err(Violation::new(Promise::Lost, format!("board {board}: {first_word_first:?}, and {returned} had been set")))
}

/// Judges the number that a message was published under.
pub(crate) fn published(channel: u8, found: u64, expected: u64) -> Result<(), Violation> {
    if found == expected {
        return Ok(());
    }
    Err(Violation::new(Promise::Lost, format!("channel {channel}: message {expected} was published as {found}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known { channel: 3, seen: 10, returned: 12 };

    fn header(sequence: u64) -> Header {
        Header { sequence, nonce: 5, channel: 3, length: 100 }
    }

    fn bytes(header: &Header) -> Vec<u8> {
        let mut bytes = vec![0; header.length];
        header.fill(0, &mut bytes);
        bytes
    }

    fn promise<T>(result: Result<T, Violation>) -> Option<Promise> {
        result.err().map(|violation| violation.promise)
    }

    #[test]
    fn the_newest_message_or_a_newer_one_is_right() {
        for sequence in [12, 13, 1000] {
            assert_eq!(KNOWN.message(&bytes(&header(sequence)), sequence), Ok(header(sequence)));
        }
        assert_eq!(Known { channel: 3, seen: 0, returned: 0 }.nothing(), Ok(()));
    }

    #[test]
    fn an_older_one_is_stale_and_one_older_than_seen_went_back() {
        assert_eq!(promise(KNOWN.message(&bytes(&header(11)), 11)), Some(Promise::Stale));
        assert_eq!(promise(KNOWN.message(&bytes(&header(9)), 9)), Some(Promise::WentBack));
        assert_eq!(promise(KNOWN.message(&bytes(&header(9)), 12)), Some(Promise::WentBack));
        assert_eq!(promise(KNOWN.nothing()), Some(Promise::WentBack));
        assert_eq!(promise(Known { seen: 0, ..KNOWN }.nothing()), Some(Promise::Stale));
    }

    #[test]
    fn a_changed_byte_a_foreign_message_and_a_foreign_number_are_torn() {
        let mut changed = bytes(&header(12));
        changed[99] ^= 1;
        assert_eq!(promise(KNOWN.message(&changed, 12)), Some(Promise::Torn));
        let foreign = Header { channel: 2, ..header(12) };
        assert_eq!(promise(KNOWN.message(&bytes(&foreign), 12)), Some(Promise::Torn));
        assert_eq!(promise(KNOWN.message(&bytes(&header(13)), 12)), Some(Promise::Torn));
    }

    #[test]
    fn a_locked_message_may_not_change() {
        let before = header(12);
        assert_eq!(again(&before, &bytes(&before)), Ok(()));
        assert_eq!(promise(again(&before, &bytes(&Header { nonce: 6, ..before }))), Some(Promise::Torn));
        assert_eq!(promise(again(&before, &bytes(&before)[..99])), Some(Promise::Torn));
    }

    #[test]
    fn a_producer_continues_from_what_returned_or_the_one_after() {
        assert_eq!(numbering(0, 7, 7), Ok(()));
        assert_eq!(numbering(0, 8, 7), Ok(()));
        assert_eq!(promise(numbering(0, 6, 7)), Some(Promise::Lost));
        assert_eq!(promise(numbering(0, 9, 7)), Some(Promise::Lost));
    }

    #[test]
    fn a_message_is_published_under_the_next_number() {
        assert_eq!(published(0, 7, 7), Ok(()));
        assert_eq!(promise(published(0, 8, 7)), Some(Promise::Lost));
    }

    #[test]
    fn messages_of_a_mailbox_come_in_order_and_again_only_after_a_death() {
        assert_eq!(in_order(0, 8, 7, false), Ok(()));
        assert_eq!(in_order(0, 8, 7, true), Ok(()));
        assert_eq!(in_order(0, 7, 7, true), Ok(()));
        assert_eq!(promise(in_order(0, 7, 7, false)), Some(Promise::WentBack));
        assert_eq!(promise(in_order(0, 6, 7, true)), Some(Promise::WentBack));
        assert_eq!(promise(in_order(0, 9, 7, true)), Some(Promise::Lost));
        assert_eq!((consumed(0, 7, 7), consumed(0, 6, 7)), (Ok(()), Ok(())));
        assert_eq!(promise(consumed(0, 5, 7)), Some(Promise::WentBack));
        assert_eq!(promise(consumed(0, 8, 7)), Some(Promise::Lost));
    }

    #[test]
    fn words_of_a_board_are_as_they_were_set_and_in_order() {
        assert_eq!(board(0, &[5, 5, 6], 5, 5), Ok(()));
        assert_eq!(board(0, &[], 5, 5), Ok(()));
        assert_eq!(promise(board(0, &[6, 5, 6], 5, 5)), Some(Promise::Stale));
        assert_eq!(promise(board(0, &[4, 4, 4], 5, 4)), Some(Promise::WentBack));
        assert_eq!(promise(board(0, &[4, 5, 5], 5, 5)), Some(Promise::Stale));
        assert_eq!((board_recovered(0, &[6, 6, 5], 5), board_recovered(0, &[5, 5], 5)), (Ok(()), Ok(())));
        assert_eq!(promise(board_recovered(0, &[5, 6], 5)), Some(Promise::Lost));
        assert_eq!(promise(board_recovered(0, &[7, 5], 5)), Some(Promise::Lost));
        assert_eq!(promise(board_recovered(0, &[4, 4], 5)), Some(Promise::Lost));
    }

    #[test]
    fn a_message_of_a_known_length_has_that_length() {
        let short = Header { length: 10, ..header(12) };
        let mut bytes = vec![0; 10];
        short.write(&mut bytes);
        assert_eq!(KNOWN.message_of_length(&bytes, 12, 10), Ok(Header { nonce: 0, ..short }));
        assert_eq!(promise(KNOWN.message_of_length(&bytes, 13, 10)), Some(Promise::Torn));
        assert_eq!(promise(KNOWN.message_of_length(&bytes[..9], 12, 10)), Some(Promise::Torn));
        assert_eq!(promise(KNOWN.message_of_length(&[], 12, 10)), Some(Promise::Torn));
        assert_eq!(promise(KNOWN.message_of_length(&bytes, 9, 10)), Some(Promise::Torn));
    }

    #[test]
    fn a_lock_word_needs_no_repair() {
        let word = lastword::Word::Lock(0);
        let corrupt = lastword::Corrupt { word, found: 1, why: lastword::Garbage::StrayBits };
        assert_eq!(recovery(0, &Recovery::Nothing), Ok(()));
        assert_eq!(recovery(0, &Recovery::Interrupted), Ok(()));
        assert_eq!(promise(recovery(0, &Recovery::Repaired(corrupt))), Some(Promise::Lost));
    }

    #[test]
    fn a_lock_survives_and_is_no_older_than_what_was_seen() {
        assert_eq!(KNOWN.held(None, 0), Ok(()));
        assert_eq!(KNOWN.held(Some(10), 10), Ok(()));
        assert_eq!(KNOWN.held(Some(11), 0), Ok(()));
        assert_eq!(promise(KNOWN.held(None, 10)), Some(Promise::Lost));
        assert_eq!(promise(KNOWN.held(Some(11), 10)), Some(Promise::Lost));
        assert_eq!(promise(KNOWN.held(Some(9), 0)), Some(Promise::WentBack));
    }
}
