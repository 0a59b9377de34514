//! Whether there is memory behind what `/dev/shm` promises.

use super::{Check, Question, SHM, bytes};
use nix::sys::statvfs::statvfs;
use std::fs;

const AVAILABLE: Question = Question::new("memory-available", "at least what is free in /dev/shm");
const OVERCOMMIT: Question = Question::new("memory-overcommit", "0 or 1, or room for what is free in /dev/shm");
const KIB: u64 = 1 << 10;

/// The checks.
pub(super) fn checks() -> Vec<Check> {
    // A file in its place is on another file system.
    let Ok(true) = fs::metadata(SHM).map(|found| found.is_dir()) else { return Vec::new() };
    let Ok(shm) = statvfs(SHM) else { return Vec::new() };
    // Of one without a limit, nothing is promised.
    let free = shm.blocks_available() * shm.fragment_size();
    let Ok(meminfo) = fs::read_to_string("/proc/meminfo") else {
        return vec![AVAILABLE.warning("not known: /proc/meminfo cannot be read", "mount -t proc proc /proc")];
    };
    let group = fs::read_to_string("/proc/self/cgroup").ok().and_then(|groups| group_room(&groups));
    let mut checks = vec![available(free, &meminfo, group)];
    if let Ok(policy) = fs::read_to_string("/proc/sys/vm/overcommit_memory") {
        checks.push(overcommit(free, &meminfo, policy.trim()));
    }
    checks
}

fn available(free: u64, meminfo: &str, group: Option<u64>) -> Check {
    let Some(machine) = field(meminfo, "MemAvailable:") else {
        return AVAILABLE.warning("not known: /proc/meminfo has no MemAvailable", "use Linux 3.14 or newer");
    };
    let swap = field(meminfo, "SwapFree:").unwrap_or(0);
    let memory = machine.saturating_add(swap).min(group.unwrap_or(u64::MAX));
    let whose = if memory == machine.saturating_add(swap) { "of the machine's" } else { "of the control group's" };
    let found = format!("{} {whose}, and {} free in /dev/shm", bytes(memory), bytes(free));
    if memory >= free {
        return AVAILABLE.ok(found);
    }
    AVAILABLE.warning(
        found,
        "an object that fits into /dev/shm may not fit into memory, and then the kernel kills somebody: create less, \
         or as root make /dev/shm smaller: mount -o remount,size=50% /dev/shm",
    )
}

fn overcommit(free: u64, meminfo: &str, policy: &str) -> Check {
    if policy != "2" {
        return OVERCOMMIT.ok(policy);
    }
    let [limit, committed] = ["CommitLimit:", "Committed_AS:"].map(|name| field(meminfo, name).unwrap_or(0));
    let room = limit.saturating_sub(committed);
    let found = format!("2 (strict), with room for {}, and {} free in /dev/shm", bytes(room), bytes(free));
    if room >= free {
        return OVERCOMMIT.ok(found);
    }
    OVERCOMMIT.warning(found, "creating an object may fail with ENOMEM: raise vm.overcommit_ratio, or create less")
}

/// A field of `/proc/meminfo`, in bytes.
fn field(meminfo: &str, name: &str) -> Option<u64> {
    let rest = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(KIB)
}

/// How much the control groups of this process leave it, where they limit it (cgroups(7), version 2).
fn group_room(groups: &str) -> Option<u64> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let ancestors = std::path::Path::new("/sys/fs/cgroup").join(path);
    let number = |path: std::path::PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    ancestors
        .ancestors()
        .take_while(|group| group.starts_with("/sys/fs/cgroup"))
        .filter_map(|group| {
            Some(number(group.join("memory.max"))?.saturating_sub(number(group.join("memory.current"))?))
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const MEMINFO: &str =
        "MemTotal: 9 kB\nMemAvailable:   3072 kB\nSwapFree: 1024 kB\nCommitLimit: 2048 kB\nCommitted_AS: 1024 kB\n";

    #[test]
    fn a_file_system_larger_than_memory_is_a_warning() {
        let state = |free, group| available(free, MEMINFO, group).state;
        assert_eq!(state(4 << 20, None), State::Ok);
        assert_eq!(state((4 << 20) + 1, None), State::Warning);
        assert_eq!(state(4 << 20, Some(1 << 20)), State::Warning);
        assert!(available(2 << 20, MEMINFO, Some(1 << 20)).found.contains("1 MiB of the control group's"));
        assert_eq!(available(0, "MemTotal: 9 kB\n", None).state, State::Warning);
    }

    #[test]
    fn strict_accounting_is_a_warning_where_it_leaves_less_than_is_free() {
        let state = |free, policy| overcommit(free, MEMINFO, policy).state;
        assert_eq!([state(u64::MAX, "0"), state(1 << 20, "2")], [State::Ok; 2]);
        assert_eq!(state((1 << 20) + 1, "2"), State::Warning);
    }
}
