//! A memory that applies a [`Change`], for any engine.
//!
//! It lies between the protocol and the engine's memory, and belongs to one incarnation of a process. Every access that
//! is left is made through the engine's memory, which is where engines switch and kill processes. In the place of one
//! that is not made there is [`NOTHING`]. [`Change::Weaken`] is the engine's own business, and
//! [`Change::OneSlotTooFew`] the scenario's.

use super::variant::Change;
use crate::memory::{Kind, Memory, Numbering, Ordering, Site};
use core::cell::Cell;
use core::fmt;
use core::time::Duration;

/// A Relaxed fence, which is none, where an access is not made: the process can be killed there nevertheless. It is in
/// no protocol's table.
pub const NOTHING: &Site = &Site::fence(u8::MAX, "broken.nothing", Ordering::Relaxed);

/// Most words of a layout.
const WORDS_MAX: usize = 64;
/// Most stores and payload writes that can be late at once.
const LATE_MAX: usize = 32;

/// A memory with a change applied at its site.
pub struct Broken<M: Memory, N: Numbering<Word = M::Word>> {
    memory: M,
    layout: N,
    change: Option<Change>,
    /// What this process knows of each word, by its number.
    known: [Cell<u64>; WORDS_MAX],
    /// What it loaded at the site that the change remembers.
    remembered: Cell<u64>,
    /// The stores and payload writes that are late, in order.
    postponed: [Cell<Option<Late<M::Word>>>; LATE_MAX],
}

/// A store or a payload write that is not done yet.
#[derive(Clone, Copy)]
struct Late<W> {
    place: Place<W>,
    value: u64,
    site: &'static Site,
}

#[derive(Clone, Copy)]
enum Place<W> {
    Word(W),
    Payload(usize, usize),
}

impl<M: Memory + fmt::Debug, N: Numbering<Word = M::Word>> fmt::Debug for Broken<M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").field("memory", &self.memory).field("change", &self.change).finish_non_exhaustive()
    }
}

impl<M: Memory, N: Numbering<Word = M::Word>> Broken<M, N> {
    /// A process's way to `memory`, of the dimensions `layout`, with `change` applied.
    ///
    /// # Panics
    /// There is a change, and the layout has more than 64 words.
    pub fn new(memory: M, layout: N, change: Option<Change>) -> Self {
        let knows_all = change.is_none() || layout.words() <= WORDS_MAX;
        assert!(knows_all, "{} words, and a change knows {WORDS_MAX}", layout.words());
        Self {
            memory,
            layout,
            change,
            known: [const { Cell::new(0) }; WORDS_MAX],
            remembered: Cell::new(0),
            postponed: [const { Cell::new(None) }; LATE_MAX],
        }
    }

    /// A hash of what the change itself carries from one operation to the next; 0 where it carries nothing. Of two
    /// incarnations with the same one, the change makes the same.
    pub fn carried(&self) -> u64 {
        match self.change {
            Some(Change::Skip { site }) if site.kind == Kind::Load => {
                self.known[..self.layout.words()].iter().fold(FNV_OFFSET, |hash, value| fnv(hash, value.get()))
            }
            Some(Change::Remember { .. }) => fnv(FNV_OFFSET, self.remembered.get()),
            Some(Change::Postpone { .. }) => {
                self.postponed.iter().map_while(Cell::get).fold(FNV_OFFSET, |hash, late| {
                    let (kind, place) = match late.place {
                        Place::Word(word) => (0, self.number(word)),
                        Place::Payload(area, index) => (1, area * self.layout.area_words() + index),
                    };
                    [kind, place as u64, late.value].into_iter().fold(hash, fnv)
                })
            }
            _ => 0,
        }
    }

    fn number(&self, word: M::Word) -> usize {
        match self.layout.number(word) {
            Some(number) => number,
            None => panic!("{word:?} is no word of the channel"),
        }
    }

    fn known(&self, word: M::Word) -> u64 {
        self.known[self.number(word)].get()
    }

    fn know(&self, word: M::Word, value: u64) {
        if self.change.is_some() {
            self.known[self.number(word)].set(value);
        }
    }

    fn put_now(&self, place: Place<M::Word>, value: u64, site: &'static Site) {
        match place {
            Place::Word(word) => {
                self.memory.store(word, value, site);
                self.know(word, value);
            }
            Place::Payload(area, index) => self.memory.write_word(area, index, value, site),
        }
    }

    /// A store or a payload write, or what the change makes of it.
    fn put(&self, place: Place<M::Word>, value: u64, site: &'static Site) {
        match (self.change, place) {
            (Some(Change::Skip { site: at }), _) if at.id == site.id => return self.memory.fence(NOTHING),
            (Some(Change::Postpone { site: at, .. }), _) if at.id == site.id => {
                self.memory.fence(NOTHING);
                return self.postpone(Late { place, value, site });
            }
            (Some(Change::Tear { site: at }), Place::Word(word)) if at.id == site.id => {
                // The old half is the one that this process knows: nobody else writes the word.
                let low = u64::from(u32::MAX);
                self.put_now(place, self.known(word) & !low | value & low, site);
            }
            _ => {}
        }
        self.put_now(place, value, site);
        match self.change {
            Some(Change::StoreAgain { site: at, with }) if at.id == site.id => self.put_now(place, with(value), site),
            Some(Change::Postpone { until, .. }) if until.id == site.id => {
                for late in self.postponed.iter().map_while(Cell::take) {
                    self.put_now(late.place, late.value, late.site);
                }
            }
            _ => {}
        }
    }

    fn postpone(&self, late: Late<M::Word>) {
        match self.postponed.iter().find(|free| free.get().is_none()) {
            Some(free) => free.set(Some(late)),
            None => panic!("more than {LATE_MAX} stores at {} are late", late.site),
        }
    }
}

impl<M: Memory, N: Numbering<Word = M::Word>> Memory for Broken<M, N> {
    type Word = M::Word;

    fn load(&self, word: M::Word, site: &'static Site) -> u64 {
        match self.change {
            Some(Change::Skip { site: at }) if at.id == site.id => {
                self.memory.fence(NOTHING);
                return self.known(word);
            }
            Some(Change::Remember { site: at, with, .. }) if at.id == site.id => {
                self.memory.fence(NOTHING);
                return with(self.remembered.get());
            }
            _ => {}
        }
        let found = self.memory.load(word, site);
        self.know(word, found);
        match self.change {
            Some(Change::Remember { from, .. }) if from.id == site.id => self.remembered.set(found),
            Some(Change::Forge { site: at, with }) if at.id == site.id => return with(found),
            Some(Change::StoreAgain { site: at, with }) if at.id == site.id => {
                self.put_now(Place::Word(word), with(found), site);
            }
            _ => {}
        }
        found
    }

    fn store(&self, word: M::Word, value: u64, site: &'static Site) {
        self.put(Place::Word(word), value, site);
    }

    fn compare_exchange(&self, word: M::Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        match self.change {
            Some(Change::Skip { site: at }) if at.id == site.id => {
                self.memory.fence(NOTHING);
                return Err(current);
            }
            Some(Change::Assume { site: at }) if at.id == site.id => {
                self.memory.fence(NOTHING);
                return Ok(current);
            }
            _ => {}
        }
        let result = self.memory.compare_exchange(word, current, new, site);
        self.know(word, result.map_or_else(|found| found, |_| new));
        result
    }

    fn wait(&self, word: M::Word, current: u64, limit: Duration, site: &'static Site) {
        self.memory.wait(word, current, limit, site);
    }

    fn wake(&self, word: M::Word, site: &'static Site) {
        match self.change {
            Some(Change::Skip { site: at }) if at.id == site.id => self.memory.fence(NOTHING),
            _ => self.memory.wake(word, site),
        }
    }

    fn fence(&self, site: &'static Site) {
        let skip = matches!(self.change, Some(Change::Skip { site: at }) if at.id == site.id);
        self.memory.fence(if skip { NOTHING } else { site });
    }

    fn read_word(&self, area: usize, index: usize, site: &'static Site) -> u64 {
        self.memory.read_word(area, index, site)
    }

    fn write_word(&self, area: usize, index: usize, value: u64, site: &'static Site) {
        self.put(Place::Payload(area, index), value, site);
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, value: u64) -> u64 {
    value.to_le_bytes().iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
