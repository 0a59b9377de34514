//! Whether the objects of a demo fit, asked before any is created.
//!
//! Creating an object reserves its memory, and `/dev/shm` may be larger than the machine: then the kernel would kill
//! somebody, and not say who asked for too much.

use crate::explain::{cannot, cannot_list};
use lastword::protocol::slots::{Layout, Object};
use nix::sys::statvfs::statvfs;
use std::error::Error;
use std::fs;

const SHM: &str = "/dev/shm";
const MIB: u64 = 1 << 20;

/// The memory of that many channels, each with a consumer for everybody else.
pub(crate) fn needed(processes: usize, payload: usize) -> Result<u64, Box<dyn Error>> {
    let layout = Layout::new(crate::names::others(processes), payload)?;
    Ok(processes as u64 * (layout.length(Object::Data) + layout.length(Object::Locks)) as u64)
}

/// Fails, saying what to do, where so many bytes of shared memory are not to be had.
pub(crate) fn check(needed: u64) -> Result<(), Box<dyn Error>> {
    let shm = statvfs(SHM).map_err(|errno| cannot_list(errno.into()))?;
    let memory = fs::read_to_string("/proc/meminfo").map_err(cannot("read /proc/meminfo"))?;
    let free = shm.blocks_available() as u64 * shm.fragment_size() as u64;
    fits(needed, free, available(&memory).unwrap_or(u64::MAX)).map_err(Into::into)
}

fn fits(needed: u64, free: u64, available: u64) -> Result<(), String> {
    if needed <= free.min(available) {
        return Ok(());
    }
    Err(format!(
        "the objects need {} MiB, {SHM} has room for {} MiB, and {} MiB of memory are available: ask for a smaller \
         --payload or fewer --processes, remove what is not used from {SHM}, or mount it larger",
        needed.div_ceil(MIB),
        free / MIB,
        available / MIB
    ))
}

/// What the kernel can give away without taking it from anybody, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_neither_the_file_system_nor_the_memory_is_refused() {
        assert_eq!(fits(5 * MIB, 5 * MIB, 6 * MIB), Ok(()));
        let error = fits(5 * MIB + 1, 5 * MIB, 7 * MIB).expect_err("the file system is too small");
        assert!(error.contains("need 6 MiB") && error.contains("room for 5 MiB"), "{error}");
        assert!(fits(5 * MIB, 6 * MIB, 4 * MIB).is_err());
    }

    #[test]
    fn a_demo_needs_a_slot_for_every_reader_and_two_more() {
        let needed = needed(4, 1 << 20).expect("that many there may be");
        assert!((4 * 5 * MIB..4 * 5 * MIB + MIB).contains(&needed), "{needed}");
    }

    #[test]
    fn available_memory_is_read_from_the_kernels_words() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   24117248 kB\n"), Some(24_117_248 * 1024));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
    }
}
