//! A mapping of a shared-memory object, and a page that a fork wipes. The only module of the workspace that may use
//! `unsafe`.
//!
//! What other processes do to the mapped bytes is outside of Rust's memory model. This module holds on to three facts:
//!
//! 1. *Every access is an atomic access of an aligned 64-bit word*, payload included (with `Relaxed`). No reference is
//!    ever made but to atomics, which promises nothing about values that another process may write.
//! 2. *The range is mapped from construction until the last clone is dropped*, and every offset is checked against it.
//! 3. *The object is not shorter than the mapping.* Its creator reserved all of its memory, attaching compared the
//!    lengths, and no process that runs this code shortens an object that anybody has mapped. Who does so all the same
//!    (`truncate` on `/dev/shm/...`) sends SIGBUS to those who have mapped it; there is no protection against that.
//!
//! Rust promises that `Relaxed` loads work on read-only pages and leaves the stronger ones to the platform. On x86-64
//! and aarch64 an 8-byte load of any ordering is a load instruction (`mov`; `ldr`, `ldar`, `ldapr`), never a
//! compare-exchange, and a page that can be read permits it.

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("lastword loads from read-only pages with every ordering, which is known to work on x86-64 and aarch64");

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use rustix::thread::futex::{self, Timespec};
use std::fs::File;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const WORD: usize = size_of::<u64>();

/// The bytes of a shared-memory object, mapped into this process.
///
/// An offset out of range, an unaligned one, and a write to a region that is mapped read-only are bugs of the caller
/// and panic. Offsets come from layouts that were checked against the object's length, never from a word that another
/// process can write.
///
/// A clone is the same bytes at the same place, which are unmapped when the last of them is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    /// As in `_mapping`, one step nearer.
    base: NonNull<u8>,
    length: usize,
    writable: bool,
    _mapping: Arc<Mapping>,
}

/// A range of this process's addresses, which is unmapped when this is dropped.
#[derive(Debug)]
struct Mapping {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread: any thread may unmap it.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` gives access to nothing.
unsafe impl Sync for Mapping {}
// SAFETY: a mapping belongs to the process, not to a thread: any thread may access it.
unsafe impl Send for Region {}
// SAFETY: `&Region` gives atomic accesses only (fact 1), which may run side by side.
unsafe impl Sync for Region {}

impl Region {
    /// Maps the first `length` bytes of `file`. The caller has checked that the object has that many.
    pub(crate) fn map(file: &File, length: NonZeroUsize, writable: bool) -> nix::Result<Self> {
        let protection = if writable { ProtFlags::PROT_READ | ProtFlags::PROT_WRITE } else { ProtFlags::PROT_READ };
        // SAFETY: without an address hint the kernel chooses a range that nothing else uses, so no memory of this
        // process is replaced. The file's bytes are accessed as fact 1 says.
        let base = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, file, 0) }?;
        let (base, length) = (base.cast(), length.get());
        Ok(Self { base, length, writable, _mapping: Arc::new(Mapping { base, length }) })
    }

    /// Loads the word at `offset`.
    #[inline]
    pub(crate) fn load(&self, offset: usize, order: Ordering) -> u64 {
        self.word(offset).load(order)
    }

    /// Stores to the word at `offset`.
    #[inline]
    pub(crate) fn store(&self, offset: usize, value: u64, order: Ordering) {
        self.assert_writable();
        self.word(offset).store(value, order);
    }

    /// Replaces `current` by `new` in the word at `offset`; the word found where it was not `current`.
    #[inline]
    pub(crate) fn compare_exchange(
        &self,
        offset: usize,
        current: u64,
        new: u64,
        order: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.assert_writable();
        self.word(offset).compare_exchange(current, new, order, failure)
    }

    /// Sleeps until somebody [wakes](Self::wake) who sleeps on the word at `offset`, for at most `limit`, or for less
    /// for no reason; not at all where the word's low half is not that of `current`. A system call, futex(2).
    ///
    /// The kernel compares 32 bits. A word whose high half alone has changed is taken for unchanged: `latest`, where a
    /// multiple of 2^24 messages later the newest one is in the same slot again; the state of a mailbox, a multiple of
    /// 2^31 messages later. So many would have to come between a look and the sleep after it; then the sleep lasts
    /// until the next wake, or for `limit`. It works on a page that is mapped read-only, too.
    pub(crate) fn wait(&self, offset: usize, current: u64, limit: Duration) {
        // A limit of more seconds than the kernel can count is none that anybody lives to see.
        let limit = Timespec::try_from(limit).ok();
        // Whether it was woken, interrupted, late or too late is all the same to the caller, who looks again.
        let _ = futex::wait(self.half(offset), futex::Flags::empty(), current as u32, limit.as_ref());
    }

    /// Wakes everybody who sleeps on the word at `offset`. A system call, futex(2).
    pub(crate) fn wake(&self, offset: usize) {
        // It fails only where nobody can sleep.
        let _ = futex::wake(self.half(offset), futex::Flags::empty(), i32::MAX as u32);
    }

    /// The low half of the word at `offset`, as the kernel knows futexes. No code reads or writes it.
    fn half(&self, offset: usize) -> &AtomicU32 {
        let low = if cfg!(target_endian = "little") { 0 } else { size_of::<AtomicU32>() };
        let word: *const AtomicU64 = self.word(offset);
        // SAFETY: the half lies within a word that lives as long as `self` and is aligned to 8 bytes; `AtomicU32` is
        // valid for all bits. Nobody accesses it but the kernel, which loads it: accesses of two sizes never
        // meet (fact 1).
        unsafe { &*word.cast::<AtomicU32>().wrapping_byte_add(low) }
    }

    /// Copies the bytes from `offset` on into `into`, word by word.
    #[inline]
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) {
        let words = self.words(offset, into.len());
        let skip = offset % WORD;
        let head = if skip == 0 { 0 } else { into.len().min(WORD - skip) };
        let (head, rest) = into.split_at_mut(head);
        let (whole, tail) = rest.as_chunks_mut::<WORD>();
        let (first, words) = words.split_at(usize::from(!head.is_empty()));
        if let Some(word) = first.first() {
            head.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes()[skip..skip + head.len()]);
        }
        for (chunk, word) in whole.iter_mut().zip(words) {
            *chunk = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        if let Some(word) = words.get(whole.len()) {
            tail.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes()[..tail.len()]);
        }
    }

    /// Copies `from` to the bytes from `offset` on, word by word. A word covered in part keeps its other bytes, which
    /// only this process writes.
    #[inline]
    pub(crate) fn write(&self, offset: usize, from: &[u8]) {
        self.assert_writable();
        let words = self.words(offset, from.len());
        let skip = offset % WORD;
        let head = if skip == 0 { 0 } else { from.len().min(WORD - skip) };
        let (head, rest) = from.split_at(head);
        let (whole, tail) = rest.as_chunks::<WORD>();
        let (first, words) = words.split_at(usize::from(!head.is_empty()));
        if let Some(word) = first.first() {
            merge(word, skip, head);
        }
        for (word, chunk) in words.iter().zip(whole) {
            word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
        if let Some(word) = words.get(whole.len()) {
            merge(word, 0, tail);
        }
    }

    /// The address of the byte at `offset`.
    #[inline]
    pub(crate) fn as_ptr(&self, offset: usize) -> *mut u8 {
        assert!(offset <= self.length, "offset {offset} is outside of a region of {} bytes", self.length);
        self.base.as_ptr().wrapping_add(offset)
    }

    #[inline]
    fn assert_writable(&self) {
        assert!(self.writable, "a write to a region that is mapped read-only");
    }

    #[inline]
    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(WORD), "offset {offset} is not that of a word");
        &self.words(offset, WORD)[0]
    }

    /// The words that `length` bytes from `offset` on touch.
    #[inline]
    fn words(&self, offset: usize, length: usize) -> &[AtomicU64] {
        let end = offset.checked_add(length).and_then(|end| end.checked_next_multiple_of(WORD));
        let first = offset - offset % WORD;
        match end {
            Some(end) if end <= self.length => {
                // SAFETY: `base + first` is a multiple of 8 (mmap returns whole pages) and `first..end` lies within the
                // mapping (checked above), which lives at least as long as `self` (fact 2). `AtomicU64` is valid for
                // all bits, has interior mutability, and every other access to these bytes is atomic
                // too (fact 1). Where the pages are read-only, callers only load: `assert_writable`
                // stands before every store.
                unsafe {
                    std::slice::from_raw_parts(
                        self.base.as_ptr().wrapping_add(first).cast::<AtomicU64>().cast_const(),
                        (end - first) / WORD,
                    )
                }
            }
            _ => panic!("bytes {offset} and {length} on are outside of a region of {} bytes", self.length),
        }
    }
}

#[inline]
fn merge(word: &AtomicU64, skip: usize, from: &[u8]) {
    let mut bytes = word.load(Ordering::Relaxed).to_ne_bytes();
    bytes[skip..skip + from.len()].copy_from_slice(from);
    word.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map`, is unmapped only here, and no reference to it outlives the regions
        // that have this, of which the last is being dropped. A raw pointer that `as_ptr` gave away dangles
        // from now on, as its documentation says.
        let unmapped = unsafe { munmap(self.base.cast(), self.length) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

/// The id of this process; in a forked child, the child's. A load where the kernel can wipe a page at a fork (Linux
/// 4.14), a system call where it cannot.
#[inline]
pub(crate) fn process_id() -> u32 {
    static NOTE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();
    let Some(note) = *NOTE.get_or_init(wiped_on_fork) else { return std::process::id() };
    match note.load(Ordering::Relaxed) {
        0 => fill_in(note),
        id => id,
    }
}

#[cold]
fn fill_in(note: &AtomicU32) -> u32 {
    let id = std::process::id();
    note.store(id, Ordering::Relaxed);
    id
}

/// A word that is 0 at first, and again in every forked child. `None` where the kernel has no such memory.
#[cold]
fn wiped_on_fork() -> Option<&'static AtomicU32> {
    // The least that can be mapped; the kernel rounds it up to a page.
    let length = NonZeroUsize::MIN;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: without an address hint the kernel chooses a range that nothing else uses, so no memory of this process
    // is replaced.
    let page = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_PRIVATE) }.ok()?;
    // SAFETY: the page is ours and nobody refers to it yet. This advice changes what a forked child finds there (zeros,
    // which are an `AtomicU32`), and nothing in this process.
    if unsafe { madvise(page, length.get(), MmapAdvise::MADV_WIPEONFORK) }.is_err() {
        // SAFETY: the page was mapped above, and nobody refers to it.
        let unmapped = unsafe { munmap(page, length.get()) };
        debug_assert_eq!(unmapped, Ok(()));
        return None;
    }
    // SAFETY: the page is aligned, zero, can be read and written, and is never unmapped; a child inherits it at the
    // same address. Only this reference, which is to an atomic, gives access to it.
    Some(unsafe { page.cast::<AtomicU32>().as_ref() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const LENGTH: usize = 64;

    fn region(writable: bool) -> Region {
        let file = tempfile();
        file.set_len(LENGTH as u64).expect("the file grows");
        Region::map(&file, NonZeroUsize::new(LENGTH).expect("not 0"), writable).expect("the file can be mapped")
    }

    fn tempfile() -> File {
        use nix::sys::memfd::{MFdFlags, memfd_create};
        memfd_create("region", MFdFlags::MFD_CLOEXEC).expect("memory can be had").into()
    }

    #[test]
    fn bytes_of_every_range_are_copied_and_no_others() {
        let region = region(true);
        let source: Vec<u8> = (1..=LENGTH as u8).collect();
        for start in 0..LENGTH {
            for end in start..=LENGTH {
                region.write(0, &[0xff; LENGTH]);
                region.write(start, &source[start..end]);
                let mut expected = [0xff; LENGTH];
                expected[start..end].copy_from_slice(&source[start..end]);
                let mut found = [0; LENGTH];
                region.read(0, &mut found);
                assert_eq!(found, expected);
                let mut part = vec![0; end - start];
                region.read(start, &mut part);
                assert_eq!(part, source[start..end]);
            }
        }
    }

    fn refused<T>(call: impl FnOnce() -> T) -> bool {
        catch_unwind(AssertUnwindSafe(call)).is_err()
    }

    #[test]
    fn what_is_outside_of_a_region_is_refused() {
        let region = region(true);
        assert!(refused(|| region.load(LENGTH, Ordering::Relaxed)));
        assert!(refused(|| region.load(LENGTH - 4, Ordering::Relaxed)));
        assert!(refused(|| region.load(1, Ordering::Relaxed)));
        assert!(refused(|| region.load(usize::MAX - 7, Ordering::Relaxed)));
        assert!(refused(|| region.store(LENGTH, 0, Ordering::Relaxed)));
        assert!(refused(|| region.write(LENGTH - 1, &[0; 2])));
        assert!(refused(|| region.write(usize::MAX, &[0; 2])));
        assert!(refused(|| region.read(1, &mut [0; LENGTH])));
        assert!(refused(|| region.as_ptr(LENGTH + 1)));
        region.read(LENGTH, &mut []);
    }

    #[test]
    fn a_read_only_region_is_read_with_every_ordering_and_refuses_writes() {
        let region = region(false);
        for order in [Ordering::Relaxed, Ordering::Acquire, Ordering::SeqCst] {
            assert_eq!(region.load(8, order), 0);
        }
        assert!(refused(|| region.store(8, 1, Ordering::Relaxed)));
        assert!(refused(|| region.write(8, &[1])));
        assert!(refused(|| region.compare_exchange(8, 0, 1, Ordering::Relaxed, Ordering::Relaxed)));
        assert_eq!(region.load(8, Ordering::Relaxed), 0);
    }
}
