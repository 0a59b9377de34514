//! Broken variants: ways to break a protocol without touching its source.
//!
//! A [`Change`] is applied at the memory seam, by site. The engine that sees it applied has to find a violation.

use crate::memory::{Kind, Ordering, Site};

/// Which of a compare-exchange's two orderings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The ordering; of a compare-exchange, that of its success.
    Order,
    /// The ordering of a compare-exchange that fails.
    Failure,
}

/// What is done differently at a site.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// The access has a weaker ordering. A fence that is weakened to Relaxed is none.
    Weaken {
        /// Where.
        site: &'static Site,
        /// Which ordering.
        part: Part,
        /// The ordering that it has instead.
        to: Ordering,
    },
    /// A store, a payload write or a fence is left out; a load gives what this process last knew of the word, without
    /// looking; a compare-exchange is believed to have failed on the very value it expected.
    Skip {
        /// Where.
        site: &'static Site,
    },
    /// A compare-exchange is believed to have succeeded, without being done.
    Assume {
        /// Where.
        site: &'static Site,
    },
    /// A loaded value is replaced.
    Forge {
        /// Where.
        site: &'static Site,
        /// By what, given the value found.
        with: fn(u64) -> u64,
    },
    /// A load is not done: it gives what this process last loaded at another site, in another form.
    Remember {
        /// Where.
        site: &'static Site,
        /// What was loaded where.
        from: &'static Site,
        /// In which form.
        with: fn(u64) -> u64,
    },
    /// Stores and payload writes at a site are done right after the next store at another.
    Postpone {
        /// What is late.
        site: &'static Site,
        /// After what.
        until: &'static Site,
    },
    /// A store is done as two: the low half first, with the old high half; then the whole.
    Tear {
        /// Where.
        site: &'static Site,
    },
    /// A load or a store is followed by a store of another value to the same word.
    StoreAgain {
        /// Where.
        site: &'static Site,
        /// The value, given the one loaded or stored.
        with: fn(u64) -> u64,
    },
    /// The channel has one slot too few.
    OneSlotTooFew,
}

/// A named way to break a protocol.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// What is broken, in the words of the protocol.
    pub name: &'static str,
    /// How.
    pub change: Change,
}

/// Every way to weaken an ordering of a table: each ordering to each weaker one that its kind of access can have.
pub fn weakenings(sites: &'static [&'static Site]) -> impl Iterator<Item = Change> {
    sites.iter().flat_map(|&site| {
        let order = weaker(site.kind, site.order).iter().map(move |&to| (Part::Order, to));
        let failure = match site.kind {
            Kind::CompareExchange => weaker(Kind::Load, site.failure),
            _ => &[],
        };
        let failure = failure.iter().map(move |&to| (Part::Failure, to));
        order.chain(failure).map(move |(part, to)| Change::Weaken { site, part, to })
    })
}

/// Why weakening this ordering is not expected to be found, if so.
#[must_use]
pub fn equivalent(change: &Change) -> Option<&'static str> {
    match change {
        Change::Weaken { site, part: Part::Order, .. } => site.weaker_order_is_equivalent,
        _ => None,
    }
}

fn weaker(kind: Kind, order: Ordering) -> &'static [Ordering] {
    match (kind, order) {
        (Kind::Load, Ordering::SeqCst) => &[Ordering::Acquire, Ordering::Relaxed],
        (Kind::Store, Ordering::SeqCst) => &[Ordering::Release, Ordering::Relaxed],
        (_, Ordering::SeqCst) => &[Ordering::AcqRel, Ordering::Acquire, Ordering::Release, Ordering::Relaxed],
        (_, Ordering::AcqRel) => &[Ordering::Acquire, Ordering::Release, Ordering::Relaxed],
        (_, Ordering::Acquire | Ordering::Release) => &[Ordering::Relaxed],
        _ => &[],
    }
}

/// The missing and misplaced steps of `slots`.
pub const SLOTS: &[Variant] = {
    use crate::slots::site;
    &[
        Variant { name: "one slot too few", change: Change::OneSlotTooFew },
        Variant { name: "the producer never helps", change: Change::Skip { site: site::HELP } },
        Variant { name: "the producer thinks it helped", change: Change::Assume { site: site::HELP } },
        Variant { name: "the producer does not scan", change: Change::Forge { site: site::SCAN, with: |_| 0 } },
        Variant {
            name: "the producer takes Tentative for Free",
            change: Change::Forge { site: site::SCAN, with: tentative_to_free },
        },
        Variant {
            name: "the producer takes Held for Free",
            change: Change::Forge { site: site::SCAN, with: held_to_free },
        },
        Variant { name: "the slot is not retired", change: Change::Skip { site: site::RETIRE } },
        Variant { name: "no fence after retiring", change: Change::Skip { site: site::RETIRE_FENCE } },
        Variant { name: "no length", change: Change::Skip { site: site::MEASURE } },
        Variant { name: "no sequence number in the slot", change: Change::Skip { site: site::SEAL } },
        Variant { name: "nothing is published", change: Change::Skip { site: site::PUBLISH } },
        Variant { name: "payload after publish", change: Change::Postpone { site: site::FILL, until: site::PUBLISH } },
        Variant {
            name: "length after publish",
            change: Change::Postpone { site: site::MEASURE, until: site::PUBLISH },
        },
        Variant { name: "a restarted producer begins anew", change: Change::Forge { site: site::RESUME, with: |_| 0 } },
        Variant { name: "nothing is announced", change: Change::Skip { site: site::ANNOUNCE } },
        Variant { name: "no re-check", change: Change::Skip { site: site::RECHECK } },
        Variant { name: "no Held before reading", change: Change::Skip { site: site::HOLD } },
        Variant { name: "no Claim on the slow path", change: Change::Skip { site: site::CLAIM } },
        Variant { name: "no second look after Claim", change: Change::Skip { site: site::CATCH_UP } },
        Variant { name: "Claim is never settled", change: Change::Assume { site: site::SETTLE } },
        Variant { name: "released before reading", change: Change::StoreAgain { site: site::HOLD, with: |_| 0 } },
        Variant { name: "no release", change: Change::Skip { site: site::RELEASE } },
        Variant {
            name: "resume from Tentative",
            change: Change::Forge { site: site::RECOVER, with: tentative_to_held },
        },
        Variant {
            name: "a restarted consumer forgets what it held",
            change: Change::Forge { site: site::RECOVER, with: held_to_tentative },
        },
        Variant { name: "recovery leaves the lock word", change: Change::Skip { site: site::ABANDON } },
        Variant {
            name: "peek does not look again",
            change: Change::Remember { site: site::PEEK_VERIFY, from: site::PEEK, with: |stamp| stamp >> 8 },
        },
        Variant { name: "no fence before peek looks again", change: Change::Skip { site: site::PEEK_FENCE } },
        Variant { name: "nobody is woken", change: Change::Skip { site: site::WAKE } },
        Variant { name: "a restarted producer wakes nobody", change: Change::Skip { site: site::RESUME_WAKE } },
        Variant { name: "a sleeper leaves no note", change: Change::Skip { site: site::DOZE } },
    ]
};

/// The missing and misplaced steps of `ready`.
pub const READY: &[Variant] = {
    use crate::ready::site;
    &[
        Variant {
            name: "the writer does not look",
            change: Change::Forge { site: site::LOOK, with: |word| word & !1 },
        },
        Variant { name: "flag before payload", change: Change::Postpone { site: site::FILL, until: site::SEND } },
        Variant { name: "flag before length", change: Change::Postpone { site: site::MEASURE, until: site::SEND } },
        Variant { name: "no length", change: Change::Skip { site: site::MEASURE } },
        Variant { name: "the flag is never set", change: Change::Skip { site: site::SEND } },
        Variant { name: "the flag is never cleared", change: Change::Skip { site: site::CLEAR } },
        Variant {
            name: "flag cleared before reading",
            change: Change::StoreAgain { site: site::RECEIVE, with: |word| word & !1 },
        },
        Variant {
            name: "the reader does not wait for the flag",
            change: Change::Forge { site: site::RECEIVE, with: |word| word | 1 },
        },
        Variant {
            name: "a restarted writer begins anew",
            change: Change::Forge { site: site::WRITER_RECOVER, with: |_| 0 },
        },
        Variant {
            name: "a restarted reader takes the waiting message for consumed",
            change: Change::Forge { site: site::READER_RECOVER, with: |word| word & !1 },
        },
        Variant { name: "the reader is not woken", change: Change::Skip { site: site::WAKE_READER } },
        Variant { name: "the writer is not woken", change: Change::Skip { site: site::WAKE_WRITER } },
        Variant {
            name: "a restarted writer does not wake the reader",
            change: Change::Skip { site: site::WRITER_RECOVER_WAKE },
        },
        Variant {
            name: "a restarted reader does not wake the writer",
            change: Change::Skip { site: site::READER_RECOVER_WAKE },
        },
        Variant { name: "a sleeping writer leaves no note", change: Change::Skip { site: site::WRITER_DOZE } },
        Variant { name: "a sleeping reader leaves no note", change: Change::Skip { site: site::READER_DOZE } },
    ]
};

/// The misplaced steps of `status`.
pub const STATUS: &[Variant] = {
    use crate::status::site;
    &[
        Variant { name: "a word is stored in two halves", change: Change::Tear { site: site::SET } },
        Variant { name: "a word is never stored", change: Change::Skip { site: site::SET } },
        Variant { name: "a restarted writer begins anew", change: Change::Forge { site: site::RESTORE, with: |_| 0 } },
    ]
};

const TAGS: u64 = 3 << 62;
const TENTATIVE: u64 = 2 << 62;
const HELD: u64 = 3 << 62;

fn tentative_to_free(word: u64) -> u64 {
    if word & TAGS == TENTATIVE { 0 } else { word }
}

fn held_to_free(word: u64) -> u64 {
    if word & TAGS == HELD { 0 } else { word }
}

fn tentative_to_held(word: u64) -> u64 {
    if word & TAGS == TENTATIVE { word | HELD } else { word }
}

fn held_to_tentative(word: u64) -> u64 {
    if word & TAGS == HELD { word & !TAGS | TENTATIVE } else { word }
}
