//! The memory of a `slots` channel, as the protocol reaches it: two mapped objects.

use crate::region::Region;
use lastword_protocol::memory::{Memory, Ordering, Site};
use lastword_protocol::slots::{Layout, Object, Word};
use std::sync::atomic::fence;
use std::time::Duration;

/// What the protocol's processes have.
#[cfg(not(feature = "broken"))]
pub(crate) type SlotsMemory = Mapped;
#[cfg(feature = "broken")]
pub(crate) type SlotsMemory = crate::broken::Breakable<Mapped, Layout>;

/// The mapped objects of a channel. Observers have no locks object, consumers a data object that is read-only.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    data: Region,
    locks: Option<Region>,
    pub(crate) layout: Layout,
}

/// The memory of a channel whose objects are mapped.
pub(crate) fn memory(data: Region, locks: Option<Region>, layout: Layout) -> SlotsMemory {
    let mapped = Mapped { data, locks, layout };
    #[cfg(feature = "broken")]
    let mapped = crate::broken::Breakable::new(mapped, layout, lastword_protocol::model::variant::SLOTS);
    mapped
}

impl Mapped {
    /// Where a word is. The protocol names no other words than the layout has, and observers no locks.
    #[inline]
    fn place(&self, word: Word) -> (&Region, usize) {
        match (self.layout.offset(word), &self.locks) {
            (Some((Object::Data, offset)), _) => (&self.data, offset),
            (Some((Object::Locks, offset)), Some(locks)) => (locks, offset),
            _ => panic!("the word {word} is not in this memory"),
        }
    }

    /// The offset in the data object of `length` bytes of a slot's payload, from byte `offset`.
    #[inline]
    fn payload(&self, slot: usize, offset: usize, length: usize) -> usize {
        let end = offset.checked_add(length).filter(|&end| end <= self.layout.payload_length());
        match (self.layout.payload_offset(slot), end) {
            (Some(payload), Some(_)) => payload + offset,
            _ => panic!("bytes {offset} and {length} on of slot {slot} are not in this memory"),
        }
    }

    /// The address of a slot's payload.
    #[inline]
    pub(crate) fn payload_ptr(&self, slot: u8) -> *mut u8 {
        self.data.as_ptr(self.payload(slot.into(), 0, 0))
    }
}

impl Memory for Mapped {
    type Word = Word;

    #[inline]
    fn load(&self, word: Word, site: &'static Site) -> u64 {
        let (region, offset) = self.place(word);
        region.load(offset, site.order)
    }

    #[inline]
    fn store(&self, word: Word, value: u64, site: &'static Site) {
        let (region, offset) = self.place(word);
        region.store(offset, value, site.order);
    }

    #[inline]
    fn compare_exchange(&self, word: Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        let (region, offset) = self.place(word);
        region.compare_exchange(offset, current, new, site.order, site.failure)
    }

    #[inline]
    fn fence(&self, site: &'static Site) {
        fence(site.order);
    }

    fn wait(&self, word: Word, current: u64, limit: Duration, site: &'static Site) {
        let (region, offset) = self.place(word);
        fence(site.order);
        region.wait(offset, current, limit);
    }

    fn wake(&self, word: Word, _: &'static Site) {
        let (region, offset) = self.place(word);
        region.wake(offset);
    }

    #[inline]
    fn read_word(&self, slot: usize, index: usize, _: &'static Site) -> u64 {
        self.data.load(self.payload(slot, index.saturating_mul(8), 8), Ordering::Relaxed)
    }

    #[inline]
    fn write_word(&self, slot: usize, index: usize, value: u64, _: &'static Site) {
        self.data.store(self.payload(slot, index.saturating_mul(8), 8), value, Ordering::Relaxed);
    }

    #[inline]
    fn read(&self, slot: usize, offset: usize, into: &mut [u8], _: &'static Site) {
        self.data.read(self.payload(slot, offset, into.len()), into);
    }

    #[inline]
    fn write(&self, slot: usize, offset: usize, from: &[u8], _: &'static Site) {
        self.data.write(self.payload(slot, offset, from.len()), from);
    }
}
