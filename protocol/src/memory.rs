//! The one door to shared memory, and the points at which a protocol goes through it.
//!
//! A protocol never touches memory itself. It calls [`Memory`], and names at each call the [`Site`] it calls from. A
//! site is a row of the protocol's table: its name, what it does and with which ordering. The backend of real processes
//! takes the ordering from the site, a constant, so that after inlining nothing is left of the indirection. A model
//! checker takes it from a table of its own, and there a weakened ordering, a step left out or a value forged is one
//! more row: *the source that is broken is the source that ships*, unchanged.
//!
//! Implementations exist for mapped POSIX shared memory (package `lastword`), for the simulator (`lastword-sim`) and,
//! for this package's tests, for loom, shuttle and a single thread that plays every process (`engines`), all in one
//! build.

use core::fmt;
pub use core::sync::atomic::Ordering;
use core::time::Duration;

/// What a [`Site`] does to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Atomic load of a word.
    Load,
    /// Atomic store to a word.
    Store,
    /// Strong atomic compare-exchange of a word.
    CompareExchange,
    /// A fence, which touches no word.
    Fence,
    /// Read of payload that nobody writes meanwhile: a data race here is a bug of the protocol.
    Read,
    /// Read of payload that may be rewritten meanwhile; what it saw is checked afterwards.
    RacyRead,
    /// Write of payload.
    Write,
    /// Sleeping until a word changes.
    Wait,
    /// Waking those who sleep on a word.
    Wake,
}

/// A named point of a protocol's code at which it reaches shared memory.
///
/// Every protocol lists its sites in a table (`SITES`), the one place where its orderings stand.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// Position in the protocol's table.
    pub id: u8,
    /// `protocol.step`, unique in this crate. Traces and the specifications use the same name.
    pub name: &'static str,
    /// What happens here.
    pub kind: Kind,
    /// The ordering; of a compare-exchange, the one of its success; of a wait, that of the fence that it begins with.
    /// Of payload accesses and wakes, [`Ordering::Relaxed`].
    pub order: Ordering,
    /// The ordering of a compare-exchange that fails; [`Ordering::Relaxed`] elsewhere.
    pub failure: Ordering,
    /// Why a weaker `order` would do as well where the kernel's hand-over of a role orders memory, as it does under
    /// loom, to which a restarted process is the same thread. The simulator, where it need not, tells the
    /// difference.
    pub weaker_order_is_equivalent: Option<&'static str>,
}

impl Site {
    const fn new(id: u8, name: &'static str, kind: Kind, order: Ordering, failure: Ordering) -> Self {
        Self { id, name, kind, order, failure, weaker_order_is_equivalent: None }
    }
    pub(crate) const fn load(id: u8, name: &'static str, order: Ordering) -> Self {
        Self::new(id, name, Kind::Load, order, Ordering::Relaxed)
    }
    pub(crate) const fn store(id: u8, name: &'static str, order: Ordering) -> Self {
        Self::new(id, name, Kind::Store, order, Ordering::Relaxed)
    }
    pub(crate) const fn compare_exchange(id: u8, name: &'static str, success: Ordering, failure: Ordering) -> Self {
        Self::new(id, name, Kind::CompareExchange, success, failure)
    }
    pub(crate) const fn fence(id: u8, name: &'static str, order: Ordering) -> Self {
        Self::new(id, name, Kind::Fence, order, Ordering::Relaxed)
    }
    pub(crate) const fn payload(id: u8, name: &'static str, kind: Kind) -> Self {
        Self::new(id, name, kind, Ordering::Relaxed, Ordering::Relaxed)
    }
    pub(crate) const fn wait(id: u8, name: &'static str, order: Ordering) -> Self {
        Self::new(id, name, Kind::Wait, order, Ordering::Relaxed)
    }
    pub(crate) const fn wake(id: u8, name: &'static str) -> Self {
        Self::new(id, name, Kind::Wake, Ordering::Relaxed, Ordering::Relaxed)
    }
    pub(crate) const fn equivalent(mut self, reason: &'static str) -> Self {
        self.weaker_order_is_equivalent = Some(reason);
        self
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The shared memory of one channel, as one process reaches it.
///
/// Words are 64 bits, named by the protocol's `Word`. Payload is bytes in *areas* (of `slots`, one for each slot; of
/// `ready`, one), reached in whole 64-bit words only, so that accesses of different sizes never meet.
///
/// # What an implementation owes
///
/// - Atomics with the site's ordering, as in the C++20 memory model. `SeqCst` is used for accesses only, always in
///   pairs of a store and a later load of another word (Dekker's pattern); real memory uses a `SeqCst` store (one
///   `xchg` on x86-64, 10 ns where a fence costs 45) and a `SeqCst` load.
/// - What a process stored is what its successor in the same role loads: the role is handed over by the kernel, and
///   that hand-over is a synchronisation.
/// - A word or an offset outside of the channel is a bug of the caller, not something that a value found in memory can
///   lead to: the implementation panics rather than reach outside.
/// - A process dies between any two accesses, or in the middle of a payload access of many words.
pub trait Memory {
    /// The names of the protocol's words.
    type Word: Copy + fmt::Debug;

    /// Loads `word`.
    fn load(&self, word: Self::Word, site: &'static Site) -> u64;

    /// Stores `value` to `word`.
    fn store(&self, word: Self::Word, value: u64, site: &'static Site);

    /// Replaces `current` by `new` in `word`, never failing spuriously.
    ///
    /// # Errors
    /// The value found, where it was not `current`.
    fn compare_exchange(&self, word: Self::Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64>;

    /// A fence with the site's ordering.
    fn fence(&self, site: &'static Site);

    /// A fence with the site's ordering; then sleeps until somebody [wakes](Self::wake) those who sleep on `word`, for
    /// at most `limit`; not at all where `word` is not `current`. May return for no reason: the caller looks again.
    /// The kernel's futex(2).
    ///
    /// Looking at the word and falling asleep are one step to whoever wakes: a wake that comes after it ends the sleep,
    /// and one that came before it has shown what its process stored before.
    ///
    /// The kernel compares the low 32 bits only: where nothing but the high half has changed, it sleeps, until it is
    /// woken or `limit` is over.
    fn wait(&self, word: Self::Word, current: u64, limit: Duration, site: &'static Site);

    /// Wakes everybody who sleeps on `word`.
    fn wake(&self, word: Self::Word, site: &'static Site);

    /// Reads the 64-bit word `index` of payload area `area`.
    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64;

    /// Writes the 64-bit word `index` of payload area `area`.
    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site);

    /// Copies `into.len()` bytes of payload out of `area`, from byte `offset`.
    #[inline]
    fn read(&self, area: usize, offset: usize, into: &mut [u8], site: &'static Site) {
        let mut at = offset;
        let mut rest = into;
        while !rest.is_empty() {
            let skip = at % 8;
            let take = rest.len().min(8 - skip);
            let (now, later) = rest.split_at_mut(take);
            now.copy_from_slice(&self.read_word(area, at / 8, site).to_ne_bytes()[skip..skip + take]);
            at += take;
            rest = later;
        }
    }

    /// Copies `from` into payload `area`, from byte `offset`.
    ///
    /// A word that is covered in part keeps its other bytes: it is read first, which is no race, since payload has one
    /// writer.
    #[inline]
    fn write(&self, area: usize, offset: usize, from: &[u8], site: &'static Site) {
        let mut at = offset;
        let mut rest = from;
        while !rest.is_empty() {
            let skip = at % 8;
            let take = rest.len().min(8 - skip);
            let mut bytes = if take == 8 { [0; 8] } else { self.read_word(area, at / 8, site).to_ne_bytes() };
            bytes[skip..skip + take].copy_from_slice(&rest[..take]);
            self.write_word(area, at / 8, u64::from_ne_bytes(bytes), site);
            at += take;
            rest = &rest[take..];
        }
    }
}

impl<M: Memory> Memory for &M {
    type Word = M::Word;
    #[inline]
    fn load(&self, word: M::Word, site: &'static Site) -> u64 {
        (**self).load(word, site)
    }
    #[inline]
    fn store(&self, word: M::Word, value: u64, site: &'static Site) {
        (**self).store(word, value, site);
    }
    #[inline]
    fn compare_exchange(&self, word: M::Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        (**self).compare_exchange(word, current, new, site)
    }
    #[inline]
    fn fence(&self, site: &'static Site) {
        (**self).fence(site);
    }
    fn wait(&self, word: M::Word, current: u64, limit: Duration, site: &'static Site) {
        (**self).wait(word, current, limit, site);
    }
    fn wake(&self, word: M::Word, site: &'static Site) {
        (**self).wake(word, site);
    }
    #[inline]
    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64 {
        (**self).read_word(area, index, site)
    }
    #[inline]
    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site) {
        (**self).write_word(area, index, value, site);
    }
    #[inline]
    fn read(&self, area: usize, offset: usize, into: &mut [u8], site: &'static Site) {
        (**self).read(area, offset, into, site);
    }
    #[inline]
    fn write(&self, area: usize, offset: usize, from: &[u8], site: &'static Site) {
        (**self).write(area, offset, from, site);
    }
}

/// How an engine that keeps a channel's words in an array numbers them.
pub trait Numbering {
    /// The names of the protocol's words.
    type Word: Copy + fmt::Debug;
    /// How many words there are.
    fn words(&self) -> usize;
    /// The number of `word`, below [`words`](Self::words); `None` where the channel has no such word.
    fn number(&self, word: Self::Word) -> Option<usize>;
    /// The word of this number; `None` where there is none.
    fn word(&self, number: usize) -> Option<Self::Word>;
    /// How many payload areas there are.
    fn areas(&self) -> usize;
    /// Length of a payload area, in 64-bit words.
    fn area_words(&self) -> usize;
}

/// Asserts that the sites of a table are numbered by their position in it.
pub(crate) const fn assert_numbered(sites: &[&Site]) {
    let mut i = 0;
    while i < sites.len() {
        assert!(sites[i].id as usize == i, "a site's id is not its position in the table");
        i += 1;
    }
}
