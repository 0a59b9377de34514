//! The table of `slots`: every access to shared memory, with its ordering. The only file that names one.
//!
//! `SeqCst` stands in pairs, a store and a later load of another word (Dekker's pattern). Whichever pair's store comes
//! second, that process sees the other's:
//!
//! - *The producer's [`PUBLISH`] comes before the consumer's [`RECHECK`]* (or [`CATCH_UP`]): the consumer sees that
//!   `latest` has moved on, and does not use what it had announced.
//! - *The consumer's [`ANNOUNCE`] (or [`CLAIM`]) comes before the producer's next [`SCAN`]*: the producer sees the lock
//!   word, and keeps off the slot (or helps).
//!
//! Sleeping has a pair of its own, of the same kind: [`PUBLISH`] and [`SLEEPERS`], [`DOZE`] and [`SLEEP`],
//! which begins with a fence.
//!
//! Neither half orders anything alone; the tests weaken each by itself, and each is found.

use crate::memory::{Kind, Ordering, Site};
use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

// Producer.

/// Recovery of the producer: loads `latest`.
pub const RESUME: &Site = &Site::load(0, "slots.resume", Acquire).equivalent(
    "the kernel's hand-over of the role already orders what the predecessor did; Acquire so that reading the last \
     message back does not rest on that alone",
);
/// Loads each lock word before a slot is chosen. Pairs with [`ANNOUNCE`] and [`CLAIM`] (Dekker), and with
/// [`RELEASE`]: what a consumer read happens-before the slot is written again.
pub const SCAN: &Site = &Site::load(1, "slots.scan", SeqCst);
/// Compare-exchange of a lock word from Claim to Held(newest). Success releases the message to the consumer
/// ([`SETTLE`]), and acquires the end of its reads: the Claim replaced may be a later one than [`SCAN`] found, with a
/// message read in between. After a failure the word is scanned again.
pub const HELP: &Site = &Site::compare_exchange(2, "slots.help", AcqRel, Relaxed);
/// Stores 0 to the slot's sequence number: peeks that began on its old message will be refused.
pub const RETIRE: &Site = &Site::store(3, "slots.retire", Relaxed);
/// Orders [`RETIRE`] before [`FILL`]. Pairs with [`PEEK_FENCE`].
pub const RETIRE_FENCE: &Site = &Site::fence(4, "slots.retire_fence", Release);
/// Writes the payload.
pub const FILL: &Site = &Site::payload(5, "slots.fill", Kind::Write);
/// Stores the length.
pub const MEASURE: &Site = &Site::store(6, "slots.measure", Relaxed);
/// Stores the slot's sequence number.
pub const SEAL: &Site = &Site::store(7, "slots.seal", Relaxed);
/// Stores `latest`: the message is out. Releases it to [`RECHECK`], [`CATCH_UP`] and [`PEEK`]; first half of the
/// producer's Dekker pair, whose second is the next [`SCAN`].
pub const PUBLISH: &Site = &Site::store(8, "slots.publish", SeqCst);
/// Loads a slot's sequence number, for the producer's own last message.
pub const REREAD_SEQUENCE: &Site = &Site::load(9, "slots.reread_sequence", Relaxed);
/// Loads a slot's length, for the producer's own last message.
pub const REREAD_LENGTH: &Site = &Site::load(10, "slots.reread_length", Relaxed);
/// Reads payload of the producer's own last message.
pub const REREAD: &Site = &Site::payload(11, "slots.reread", Kind::Read);

// Consumer.

/// Loads `latest`, to announce it. `SeqCst` so that "nothing yet" is as fresh an answer as any other.
pub const OBSERVE: &Site = &Site::load(12, "slots.observe", SeqCst);
/// Stores Tentative to the lock word. First half of the fast path's Dekker pair; releases what was read before.
pub const ANNOUNCE: &Site = &Site::store(13, "slots.announce", SeqCst);
/// Loads `latest` again. Second half of the fast path's pair; acquires the message.
pub const RECHECK: &Site = &Site::load(14, "slots.recheck", SeqCst);
/// Stores Held. Releases what was read *before* this acquire: the producer may see this store without having seen
/// [`ANNOUNCE`], and a plain store would not carry that edge.
pub const HOLD: &Site = &Site::store(15, "slots.hold", Release);
/// Stores Claim. First half of the slow path's Dekker pair; releases as [`HOLD`] does.
pub const CLAIM: &Site = &Site::store(16, "slots.claim", SeqCst);
/// Loads `latest` for the last time. Second half of the slow path's pair; acquires the message.
pub const CATCH_UP: &Site = &Site::load(17, "slots.catch_up", SeqCst);
/// Compare-exchange of the lock word from Claim to Held. Failure acquires the message that [`HELP`] chose.
pub const SETTLE: &Site = &Site::compare_exchange(18, "slots.settle", Release, Acquire).equivalent(
    "a compare-exchange continues the release sequence of Claim, which carries every earlier read; Release so that a \
     successor which finds Held need not rest on the kernel's hand-over alone",
);
/// Loads the locked slot's sequence number: it must be the one that was locked.
pub const VERIFY: &Site = &Site::load(19, "slots.verify", Relaxed);
/// Loads the locked slot's length.
pub const LENGTH: &Site = &Site::load(20, "slots.length", Relaxed);
/// Reads the locked payload.
pub const READ: &Site = &Site::payload(21, "slots.read", Kind::Read);
/// Stores Free. Releases what was read to [`SCAN`]: it happens-before the slot is written again.
pub const RELEASE: &Site = &Site::store(22, "slots.release", Release);
/// Recovery of a consumer: loads its lock word. Acquires a message that was Held.
///
/// The kernel's hand-over of the role orders what the predecessor did, but not what the producer did: a Claim may have
/// been made Held by [`HELP`] after that death.
pub const RECOVER: &Site = &Site::load(23, "slots.recover", Acquire);
/// Recovery of a consumer: stores Free over anything but Held.
pub const ABANDON: &Site = &Site::store(24, "slots.abandon", Release);

// Observer.

/// Loads `latest`. Acquires the message.
pub const PEEK: &Site = &Site::load(25, "slots.peek", SeqCst);
/// Loads the slot's length.
pub const PEEK_LENGTH: &Site = &Site::load(26, "slots.peek_length", Relaxed);
/// Reads payload that may be rewritten meanwhile.
pub const PEEK_READ: &Site = &Site::payload(27, "slots.peek_read", Kind::RacyRead);
/// Orders [`PEEK_READ`] before [`PEEK_VERIFY`]. Pairs with [`RETIRE_FENCE`]: whoever read a byte of the next message
/// also sees that the slot was retired.
pub const PEEK_FENCE: &Site = &Site::fence(28, "slots.peek_fence", Acquire);
/// Loads the slot's sequence number: what was read counts if it still is the one that `latest` gave.
pub const PEEK_VERIFY: &Site = &Site::load(29, "slots.peek_verify", Relaxed);

// Sleeping and waking.

/// Loads each consumer's wait word after [`PUBLISH`]. Second half of a Dekker pair whose first is that store: either we
/// see that a consumer sleeps, or it sees the message ([`SLEEP`]).
pub const SLEEPERS: &Site = &Site::load(30, "slots.sleepers", SeqCst);
/// Wakes who sleeps on `latest`.
pub const WAKE: &Site = &Site::wake(31, "slots.wake");
/// Recovery of the producer: wakes who sleeps on `latest`, as the predecessor may have died before it did.
pub const RESUME_WAKE: &Site = &Site::wake(32, "slots.resume_wake");
/// Loads `latest`, to see whether there is anything to sleep for. [`SLEEP`] looks again.
pub const LOOK: &Site = &Site::load(33, "slots.look", Relaxed);
/// Stores to the wait word which message the consumer sleeps on. Ordered by [`SLEEP`].
pub const DOZE: &Site = &Site::store(34, "slots.doze", Relaxed);
/// Fences, and sleeps on `latest`. With [`DOZE`] a Dekker pair.
pub const SLEEP: &Site = &Site::wait(35, "slots.sleep", SeqCst);

/// The whole table.
pub const SITES: [&Site; 36] = [
    RESUME,
    SCAN,
    HELP,
    RETIRE,
    RETIRE_FENCE,
    FILL,
    MEASURE,
    SEAL,
    PUBLISH,
    REREAD_SEQUENCE,
    REREAD_LENGTH,
    REREAD,
    OBSERVE,
    ANNOUNCE,
    RECHECK,
    HOLD,
    CLAIM,
    CATCH_UP,
    SETTLE,
    VERIFY,
    LENGTH,
    READ,
    RELEASE,
    RECOVER,
    ABANDON,
    PEEK,
    PEEK_LENGTH,
    PEEK_READ,
    PEEK_FENCE,
    PEEK_VERIFY,
    SLEEPERS,
    WAKE,
    RESUME_WAKE,
    LOOK,
    DOZE,
    SLEEP,
];

const _: () = crate::memory::assert_numbered(&SITES);
