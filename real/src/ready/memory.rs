//! The memory of a mailbox, as the protocol reaches it: one mapped object.

use crate::region::Region;
use lastword_protocol::memory::{Memory, Ordering, Site};
use lastword_protocol::ready::{Layout, State, Word};
use std::sync::atomic::fence;
use std::time::Duration;

/// What the protocol's processes have.
#[cfg(not(feature = "broken"))]
pub(super) type MailboxMemory = Mapped;
#[cfg(feature = "broken")]
pub(super) type MailboxMemory = crate::broken::Breakable<Mapped, Layout>;

/// The mapped object of a mailbox. A monitor's is read-only.
#[derive(Clone, Debug)]
pub(super) struct Mapped {
    region: Region,
    pub(super) layout: Layout,
}

/// The memory of a mailbox that is mapped.
pub(super) fn memory(region: Region, layout: Layout) -> MailboxMemory {
    let mapped = Mapped { region, layout };
    #[cfg(feature = "broken")]
    let mapped = crate::broken::Breakable::new(mapped, layout, lastword_protocol::model::variant::READY);
    mapped
}

impl Mapped {
    /// The word `state` as it is now, and what it says; `None` where that is garbage.
    ///
    /// No site of the protocol, because nothing is read or written on the strength of it.
    pub(super) fn look(&self) -> (u64, Option<State>) {
        let bits = self.region.load(self.layout.offset(Word::State), Ordering::Relaxed);
        (bits, State::parse(bits))
    }

    /// Whether the state is another than `before`. If not, `sleep` may wait for that.
    pub(super) fn is_past(&self, before: State) -> bool {
        self.look().1 != Some(before)
    }

    /// The address of the payload.
    #[inline]
    pub(super) fn payload_ptr(&self) -> *mut u8 {
        self.region.as_ptr(self.layout.payload_offset())
    }

    /// The offset in the object of `length` bytes of the payload, from byte `offset`.
    #[inline]
    fn payload(&self, area: usize, offset: usize, length: usize) -> usize {
        match offset.checked_add(length) {
            Some(end) if area == 0 && end <= self.layout.payload_length() => self.layout.payload_offset() + offset,
            _ => panic!("bytes {offset} and {length} on of payload area {area} are not in this memory"),
        }
    }
}

impl Memory for Mapped {
    type Word = Word;

    #[inline]
    fn load(&self, word: Word, site: &'static Site) -> u64 {
        self.region.load(self.layout.offset(word), site.order)
    }

    #[inline]
    fn store(&self, word: Word, value: u64, site: &'static Site) {
        self.region.store(self.layout.offset(word), value, site.order);
    }

    #[inline]
    fn compare_exchange(&self, word: Word, current: u64, new: u64, site: &'static Site) -> Result<u64, u64> {
        self.region.compare_exchange(self.layout.offset(word), current, new, site.order, site.failure)
    }

    #[inline]
    fn fence(&self, site: &'static Site) {
        fence(site.order);
    }

    fn wait(&self, word: Word, current: u64, limit: Duration, site: &'static Site) {
        fence(site.order);
        self.region.wait(self.layout.offset(word), current, limit);
    }

    fn wake(&self, word: Word, _: &'static Site) {
        self.region.wake(self.layout.offset(word));
    }

    #[inline]
    fn read_word(&self, area: usize, index: usize, _: &'static Site) -> u64 {
        self.region.load(self.payload(area, index.saturating_mul(8), 8), Ordering::Relaxed)
    }

    #[inline]
    fn write_word(&self, area: usize, index: usize, value: u64, _: &'static Site) {
        self.region.store(self.payload(area, index.saturating_mul(8), 8), value, Ordering::Relaxed);
    }

    #[inline]
    fn read(&self, area: usize, offset: usize, into: &mut [u8], _: &'static Site) {
        self.region.read(self.payload(area, offset, into.len()), into);
    }

    #[inline]
    fn write(&self, area: usize, offset: usize, from: &[u8], _: &'static Site) {
        self.region.write(self.payload(area, offset, from.len()), from);
    }
}
