//! `/dev/shm`, where the objects are.

use super::{Check, LEAST, MIB, Question, SHM, bytes};
use nix::errno::Errno;
use nix::fcntl::posix_fallocate;
use nix::libc;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::statvfs;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

const DIRECTORY: Question = Question::new("shm-directory", "a directory, /dev/shm");
const FILE_SYSTEM: Question = Question::new("shm-file-system", "tmpfs");
const MODE: Question = Question::new("shm-mode", "1777: everybody may create, and nobody removes another user's");
const CREATE: Question = Question::new("shm-create", "an object can be created");
const RESERVE: Question = Question::new("shm-reserve", "memory can be reserved (posix_fallocate)");
const SPACE: Question = Question::new("shm-space", "16 MiB free");
const INODES: Question = Question::new("shm-inodes", "64 free");

const MOUNT: &str = "as root: mkdir -p /dev/shm && mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm";
const INSTEAD: &str = "as root: remove that file (rm /dev/shm), then mkdir /dev/shm && mount -t tmpfs -o \
                       mode=1777,nosuid,nodev tmpfs /dev/shm";
const SPACE_WANTED: u64 = 16 * MIB;
const INODES_WANTED: u64 = 64;
/// A channel is two objects.
const INODES_LEAST: u64 = 2;
const ROOM: &str = "remove what is not used (`lastword clean --dry-run` shows it, and see what else lies in /dev/shm), \
                    or as root make it larger: mount -o remount,size=1G /dev/shm (of a Docker container: \
                    --shm-size=1g)";
const MORE_INODES: &str = "remove what is not used (`lastword clean --dry-run` shows it, and see what else lies in \
                           /dev/shm), or as root: mount -o remount,nr_inodes=100000 /dev/shm";

/// The checks. Where the directory is not there, there is no other.
pub(super) fn checks() -> Vec<Check> {
    let metadata = match fs::metadata(SHM) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => return vec![DIRECTORY.problem("no directory", INSTEAD)],
        Err(error) => return vec![DIRECTORY.problem(error.to_string(), MOUNT)],
    };
    let mut checks = vec![DIRECTORY.ok("it is there"), file_system(), mode(&metadata)];
    match probe() {
        Ok(probe) => checks.extend([CREATE.ok("one was created, without a name"), reserve(&probe)]),
        Err(error) => checks.push(CREATE.problem(error.to_string(), why_not_created(&error))),
    }
    match statvfs(SHM) {
        Ok(found) => {
            let unit = found.fragment_size();
            checks.push(space(found.blocks_available() * unit, found.blocks() * unit));
            checks.push(inodes(found.files_available(), found.files()));
        }
        Err(errno) => checks.push(SPACE.problem(format!("statvfs failed: {errno}"), "see statvfs(3)")),
    }
    checks
}

/// An object without a name: whatever happens, nothing is left.
pub(super) fn probe() -> io::Result<File> {
    File::options().read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE | libc::O_CLOEXEC).open(SHM)
}

fn file_system() -> Check {
    match statfs(SHM) {
        Ok(found) if found.filesystem_type() == TMPFS_MAGIC => FILE_SYSTEM.ok("tmpfs"),
        Ok(found) => FILE_SYSTEM.warning(
            format!("a file system of type {:#x}", found.filesystem_type().0),
            format!("it may write shared memory to a disk, and reserve none: {MOUNT}"),
        ),
        Err(errno) => FILE_SYSTEM.problem(format!("statfs failed: {errno}"), MOUNT),
    }
}

fn mode(metadata: &Metadata) -> Check {
    let mode = metadata.mode() & 0o7777;
    let found = format!("{mode:04o}, of user {}", metadata.uid());
    if mode == 0o1777 {
        return MODE.ok(found);
    }
    let costs = if mode & 0o1000 == 0 && mode & 0o022 != 0 {
        "everybody who may write there can remove everybody's objects"
    } else {
        "not everybody may create objects"
    };
    MODE.warning(found, format!("{costs}; as root: chmod 1777 /dev/shm"))
}

fn why_not_created(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EROFS) => "it is mounted read-only; as root: mount -o remount,rw /dev/shm",
        Some(Errno::EACCES | Errno::EPERM) => "this user may not write there; as root: chmod 1777 /dev/shm",
        Some(Errno::ENOSPC) => MORE_INODES,
        Some(Errno::EMFILE | Errno::ENFILE) => "too many files are open: raise the limit (ulimit -n)",
        Some(Errno::EOPNOTSUPP | Errno::EISDIR) => MOUNT,
        _ => "see open(2), of O_TMPFILE",
    }
}

fn reserve(probe: &File) -> Check {
    match posix_fallocate(probe, 0, LEAST as libc::off_t) {
        Ok(()) => RESERVE.ok(bytes(LEAST)),
        Err(errno) => {
            let advice = match errno {
                Errno::ENOSPC => ROOM,
                Errno::EFBIG => "this process may not make files that large: raise the limit (ulimit -f)",
                Errno::ENOMEM => "memory is short: end other processes, or raise the control group's limit",
                _ => "see posix_fallocate(3)",
            };
            RESERVE.problem(format!("{} cannot be reserved: {}", bytes(LEAST), errno.desc()), advice)
        }
    }
}

/// How much is free, of how much; a size of 0 is none.
fn space(free: u64, size: u64) -> Check {
    if size == 0 {
        return SPACE.ok("no limit");
    }
    let found = format!("{} of {} free", bytes(free), bytes(size));
    match free {
        SPACE_WANTED.. => SPACE.ok(found),
        LEAST.. => SPACE.warning(found, ROOM),
        _ => SPACE.problem(found, ROOM),
    }
}

/// How many are free, of how many; 0 of 0 is no limit.
fn inodes(free: u64, all: u64) -> Check {
    if all == 0 {
        return INODES.ok("no limit");
    }
    let found = format!("{free} of {all} free");
    match free {
        INODES_WANTED.. => INODES.ok(found),
        INODES_LEAST.. => INODES.warning(found, MORE_INODES),
        _ => INODES.problem(found, MORE_INODES),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_is_short_is_a_warning_and_what_is_none_a_problem() {
        let states: Vec<State> =
            [(0, 0), (SPACE_WANTED, MIB << 10), (SPACE_WANTED - 1, MIB << 10), (LEAST, MIB), (LEAST - 1, MIB)]
                .map(|(free, size)| space(free, size).state)
                .into();
        assert_eq!(states, [State::Ok, State::Ok, State::Warning, State::Warning, State::Problem]);
        let states: Vec<State> =
            [(0, 0), (64, 100), (63, 100), (2, 100), (1, 100)].map(|(free, all)| inodes(free, all).state).into();
        assert_eq!(states, [State::Ok, State::Ok, State::Warning, State::Warning, State::Problem]);
    }
}
