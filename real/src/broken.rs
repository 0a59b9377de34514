//! What is broken on purpose, in builds with the feature `broken`: one step, which the variable `LASTWORD_BREAK` names.
//!
//! For checks that have to find it. The steps of the protocols are those of
//! [`lastword_protocol::model::variant`], applied at the memory seam; those of creation are [`OBJECTS`]. What ships has
//! nothing of this.

use lastword_protocol::memory::{Kind, Memory, Numbering, Ordering, Site};
use lastword_protocol::model::broken::Broken;
use lastword_protocol::model::variant::Variant;
use lastword_protocol::status::site::SET;
use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The environment variable.
const VARIABLE: &str = "LASTWORD_BREAK";
/// The environment variable that, being `none`, makes sleeps last until somebody wakes, or the time has passed.
const BACKSTOP: &str = "LASTWORD_BACKSTOP";

/// An anchor is completed as soon as it is described, before the data object is there.
pub(crate) const ANCHOR_FIRST: &str = "anchor-first";
/// A remover does not mark the anchor incomplete before it removes the data object.
pub(crate) const NOT_MARKED: &str = "not-marked";
/// No object is ever completed.
pub(crate) const NOT_COMPLETED: &str = "not-completed";
/// The data object's name is never removed.
pub(crate) const DATA_STAYS: &str = "data-stays";
/// The anchor's name is never removed.
pub(crate) const ANCHOR_STAYS: &str = "anchor-stays";

/// The steps of creation and removal that can be broken.
pub const OBJECTS: &[&str] = &[ANCHOR_FIRST, NOT_MARKED, NOT_COMPLETED, DATA_STAYS, ANCHOR_STAYS];

/// Whether this step is broken.
pub(crate) fn is(step: &str) -> bool {
    std::env::var(VARIABLE).is_ok_and(|broken| broken == step)
}

/// Whether a sleeper looks by itself from time to time.
pub(crate) fn has_backstop() -> bool {
    std::env::var(BACKSTOP).map_or(true, |backstop| backstop != "none")
}

/// A memory, one step of whose protocol may be broken.
pub(crate) struct Breakable<M: Memory, N: Numbering<Word = M::Word>> {
    mapped: M,
    layout: N,
    variants: &'static [Variant],
    broken: Mutex<Broken<Unfenced<M>, N>>,
}

impl<M: Memory + Clone, N: Numbering<Word = M::Word> + Copy> Breakable<M, N> {
    /// What the environment says to break of these, if it does.
    pub(crate) fn new(mapped: M, layout: N, variants: &'static [Variant]) -> Self {
        let change = variants.iter().find(|variant| is(variant.name)).map(|variant| variant.change);
        Self { broken: Mutex::new(Broken::new(Unfenced(mapped.clone()), layout, change)), mapped, layout, variants }
    }

    fn broken(&self) -> MutexGuard<'_, Broken<Unfenced<M>, N>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Memory, N: Numbering<Word = M::Word>> Deref for Breakable<M, N> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.mapped
    }
}

impl<M: Memory + Clone, N: Numbering<Word = M::Word> + Copy> Clone for Breakable<M, N> {
    fn clone(&self) -> Self {
        Self::new(self.mapped.clone(), self.layout, self.variants)
    }
}

impl<M: Memory + fmt::Debug, N: Numbering<Word = M::Word>> fmt::Debug for Breakable<M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakable").field("mapped", &self.mapped).finish_non_exhaustive()
    }
}

impl<M: Memory + Clone, N: Numbering<Word = M::Word> + Copy> Memory for Breakable<M, N> {
    type Word = M::Word;

    fn load(&self, word: M::Word, site: &'static Site) -> u64 {
        self.broken().load(word, site)
    }

    fn store(&self, word: M::Word, value: u64, site: &'static Site) {
        self.broken().store(word, value, site);
    }

    fn compare_exchange(&self, word: M::Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        self.broken().compare_exchange(word, current, new, site)
    }

    fn fence(&self, site: &'static Site) {
        self.broken().fence(site);
    }

    fn wait(&self, word: M::Word, current: u64, limit: Duration, site: &'static Site) {
        self.broken().wait(word, current, limit, site);
    }

    fn wake(&self, word: M::Word, site: &'static Site) {
        self.broken().wake(word, site);
    }

    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64 {
        self.broken().read_word(area, index, site)
    }

    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site) {
        self.broken().write_word(area, index, value, site);
    }
}

/// A memory where a Relaxed fence, which stands for an access that is left out, does nothing.
struct Unfenced<M>(M);

impl<M: Memory> Memory for Unfenced<M> {
    type Word = M::Word;

    fn load(&self, word: M::Word, site: &'static Site) -> u64 {
        self.0.load(word, site)
    }

    fn store(&self, word: M::Word, value: u64, site: &'static Site) {
        // What is stored right after a load has the load's ordering.
        self.0.store(word, value, if site.kind == Kind::Load { SET } else { site });
    }

    fn compare_exchange(&self, word: M::Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        self.0.compare_exchange(word, current, new, site)
    }

    fn fence(&self, site: &'static Site) {
        if site.order != Ordering::Relaxed {
            self.0.fence(site);
        }
    }

    fn wait(&self, word: M::Word, current: u64, limit: Duration, site: &'static Site) {
        self.0.wait(word, current, limit, site);
    }

    fn wake(&self, word: M::Word, site: &'static Site) {
        self.0.wake(word, site);
    }

    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64 {
        self.0.read_word(area, index, site)
    }

    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site) {
        self.0.write_word(area, index, value, site);
    }
}
