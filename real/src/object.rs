//! A POSIX shared-memory object: opening, sizing, its header, and byte-range locks on it.
//!
//! Locks are those of the open file description (`F_OFD_SETLK`, fcntl(2)): the kernel drops them when the last process
//! that has the description is gone, however it went, and two descriptions conflict even within one process. A mapping
//! keeps the description that it was made from alive, so a description that holds a role is never mapped
//! ([`Object::reopen`]): whoever looks into a dying process's memory does not prolong its role.

use crate::error::{OpenError, OsError};
use crate::list::DIRECTORY;
use crate::owner::Owner;
use crate::region::Region;
use lastword_protocol::creation::{ATTEMPTS, Access, LockByte};
use lastword_protocol::description;
use lastword_protocol::header::{self, Header, HeaderError};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, OFlag, fcntl, posix_fallocate};
use nix::libc;
use nix::sys::mman::{shm_open, shm_unlink};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, faccessat, geteuid};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::num::NonZeroUsize;
use std::ops::{Range, RangeInclusive};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};
use zerocopy::IntoBytes;

/// That the owner may read and write.
const OWNER: u32 = 0o600;
/// Most bytes that are read at once.
const READ_MAX: usize = 256;
const LOCK_POLL: Duration = Duration::from_millis(1);

/// An open shared-memory object.
#[derive(Debug)]
pub(crate) struct Object {
    name: String,
    file: File,
    /// As it was when it was opened. Which object it is and whose it is does not change by anything that peers can do.
    found: Metadata,
}

/// Which object it was that was open, to open it again: it takes no file descriptor.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    name: String,
    found: Metadata,
}

impl Identity {
    /// Opens that object to look at it, as [`Object::look`] does; `None` if the name is gone or is another object's now.
    pub(crate) fn look(&self) -> Result<Option<Object>, OsError> {
        Ok(Object::look(&self.name)?.filter(|object| object.is_what(&self.found)))
    }
}

/// The permissions of a new object, whatever the umask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// 0600.
    Default,
    /// These.
    Exactly(u32),
}

impl Permission {
    /// Exactly these, which must let the owner read and write: processes open an object by its name many times.
    pub(crate) fn exactly(object: &str, mode: u32) -> Result<Self, OpenError> {
        if mode & OWNER == OWNER {
            Ok(Permission::Exactly(mode))
        } else {
            Err(OpenError::Mode { object: object.to_owned(), found: mode })
        }
    }

    fn mode(self) -> u32 {
        match self {
            Permission::Default => OWNER,
            Permission::Exactly(mode) => mode,
        }
    }

    fn is_met_by(self, mode: u32) -> bool {
        match self {
            Permission::Default => mode & OWNER == OWNER,
            Permission::Exactly(exactly) => mode == exactly,
        }
    }
}

impl Object {
    /// Its name, as shm_overview(7) spells it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens an object; `None` where there is none of that name.
    pub(crate) fn open(name: &str, access: Access) -> Result<Option<Self>, OsError> {
        let flags = match access {
            Access::Read => OFlag::O_RDONLY,
            Access::ReadWrite => OFlag::O_RDWR,
        };
        let mut opened = shm(name, flags, Mode::empty());
        // Again only where the name has changed meanwhile, or something else than the mode refuses.
        for _ in 0..ATTEMPTS {
            if !matches!(opened, Err(Errno::EACCES)) || !lend_permission(name) {
                break;
            }
            opened = shm(name, flags, Mode::empty());
        }
        match opened {
            Ok(file) => {
                let object = Self::of(name, file)?;
                // Every call on something else would fail for a reason of its own.
                if !object.found.is_file() {
                    return Err(OsError::new(name, "shm_open", Errno::EINVAL));
                }
                // Under another name it may be something of this user's that somebody wants to have overwritten.
                if object.found.nlink() > 1 {
                    return Err(OsError::new(name, "shm_open", Errno::EMLINK));
                }
                Ok(Some(object))
            }
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(OsError::new(name, "shm_open", errno).of_ours(is_ours(name))),
        }
    }

    /// Opens what has a name to look at it, and changes nothing, not even the mode that keeps its owner from reading;
    /// `None` where there is nothing of that name. What is no object is not opened: a pipe's writer would be woken.
    pub(crate) fn look(name: &str) -> Result<Option<Self>, OsError> {
        match Self::status(name)? {
            None => return Ok(None),
            Some(found) if !found.is_file() => return Err(OsError::new(name, "shm_open", Errno::EINVAL)),
            Some(_) => {}
        }
        match shm(name, OFlag::O_RDONLY, Mode::empty()) {
            Ok(file) => Self::of(name, file).map(Some),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(OsError::new(name, "shm_open", errno).of_ours(is_ours(name))),
        }
    }

    /// What the directory says of a name, be it an object or not; `None` where there is nothing of that name.
    pub(crate) fn status(name: &str) -> Result<Option<Metadata>, OsError> {
        match path(name).symlink_metadata() {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OsError::new(name, "lstat", number(&error))),
        }
    }

    /// Creates an object; `None` where there is one of that name.
    pub(crate) fn create(name: &str, permission: Permission) -> Result<Option<Self>, OsError> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL;
        match shm(name, flags, Mode::from_bits_truncate(permission.mode())) {
            Ok(file) => {
                let object = Self::of(name, file)?;
                // At once: what the umask took away may be what opening it again needs.
                object.set_mode(&object.found, permission)?;
                Ok(Some(object))
            }
            Err(Errno::EEXIST) => Ok(None),
            Err(errno) => Err(OsError::new(name, "shm_open", errno)),
        }
    }

    /// Whether there is anything of that name, an object or not.
    pub(crate) fn is_taken(name: &str) -> bool {
        path(name).symlink_metadata().is_ok()
    }

    /// Removes the name, if there is one. Who has the object open or mapped keeps it.
    pub(crate) fn unlink(name: &str) -> Result<(), OsError> {
        match shm_unlink(name) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(OsError::new(name, "shm_unlink", errno)),
        }
    }

    /// Fails as [`unlink`](Self::unlink) would where this process may not remove the name, and removes nothing.
    ///
    /// In a directory with the sticky bit, as `/dev/shm` is, whoever may write an object need not be able to remove it.
    /// rmdir(2) of what is no directory asks for the same permissions as unlink(2), and fails in any case.
    pub(crate) fn check_unlink(name: &str) -> Result<(), OsError> {
        match std::fs::remove_dir(path(name)).map_err(|error| number(&error)) {
            Ok(()) | Err(Errno::ENOTDIR | Errno::ENOENT) => Ok(()),
            // Not the directory, but a sandbox that lets files be removed and no directories, as Landlock can.
            Err(Errno::EACCES) if may_write(DIRECTORY) => Ok(()),
            Err(errno) => Err(OsError::new(name, "shm_unlink", errno)),
        }
    }

    /// The same object through another open file description; `None` if the name is gone or is another object's now.
    pub(crate) fn reopen(&self, access: Access) -> Result<Option<Self>, OsError> {
        let Some(again) = Self::open(&self.name, access)? else { return Ok(None) };
        Ok(self.is(&again).then_some(again))
    }

    /// Which object it is.
    pub(crate) fn identity(&self) -> Identity {
        Identity { name: self.name.clone(), found: self.found.clone() }
    }

    /// Whether it is the same object as another one that is open too.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.is_what(&other.found)
    }

    /// Whether it is the object that the directory says this of.
    pub(crate) fn is_what(&self, found: &Metadata) -> bool {
        let identity = |found: &Metadata| (found.dev(), found.ino());
        identity(&self.found) == identity(found)
    }

    /// Checks that it is an object of a user that is trusted.
    pub(crate) fn check_owner(&self, owner: Owner, permission: Permission) -> Result<(), OsError> {
        let is_accepted = owner.accepts(&self.found, permission);
        if is_accepted { Ok(()) } else { Err(OsError::of_a_stranger(&self.name, self.found.uid())) }
    }

    /// The bits of its mode that say who may read and write.
    pub(crate) fn mode(&self) -> Result<u32, OsError> {
        Ok(self.metadata()?.mode() & 0o777)
    }

    /// Maps the object's first `length` bytes, which the caller has found it to have.
    pub(crate) fn map(&self, length: usize, access: Access) -> Result<Region, OsError> {
        let length = NonZeroUsize::new(length).ok_or_else(|| self.failed_with("mmap", Errno::EINVAL))?;
        Region::map(&self.file, length, access == Access::ReadWrite).map_err(|errno| self.failed_with("mmap", errno))
    }

    /// Whether the object is as its creation leaves it at first.
    pub(crate) fn is_empty(&self) -> Result<bool, OsError> {
        self.length().map(|length| length == 0)
    }

    /// Whether the object was at least that long when it was opened, in bytes.
    pub(crate) fn had(&self, length: u64) -> bool {
        self.found.len() >= length
    }

    /// The first words of an object that was complete when it was opened, and its header or what it has instead; fewer
    /// words where the object is shorter. For looking at what is looked at again: a creator may be at work meanwhile.
    pub(crate) fn glance<const WORDS: usize>(&self) -> Result<([u64; WORDS], Result<Header, HeaderError>), OsError> {
        let mut words = [0; WORDS];
        let count = self.read(&mut words)?;
        let header = Header::parse(&words[..count], self.found.len());
        Ok((words, header))
    }

    /// The object's header, or what it has instead. Its header says how long the object is, too.
    ///
    /// A creator may be at work meanwhile. Before its magic, which it writes last, nothing but the first word is looked
    /// at; whoever sees the magic sees the rest and the full length.
    pub(crate) fn header(&self) -> Result<Result<Header, HeaderError>, OsError> {
        let mut words = [0; header::WORDS];
        let mut length = self.length()?;
        let mut count = self.read(&mut words[..1])?;
        if words[0] == header::MAGIC {
            fence(Ordering::Acquire);
            count = self.read(&mut words)?;
            length = self.length()?;
        }
        let words = if length == 0 { &[] } else { &words[..count] };
        Ok(Header::parse(words, length))
    }

    /// Begins to make this empty object one of `length` bytes, all zero: its first word says that it is incomplete.
    ///
    /// The memory is reserved here, so that a full `/dev/shm` is an error now and not a SIGBUS later.
    pub(crate) fn begin(&self, permission: Permission, length: u64) -> Result<(), OsError> {
        self.check_limit("posix_fallocate", length)?;
        self.mark_incomplete()?;
        // Again: the one who created the object may have died before, or have wanted another mode.
        self.set_mode(&self.metadata()?, permission)?;
        let length = length.try_into().map_err(|_| self.failed_with("posix_fallocate", Errno::EFBIG))?;
        retry(|| posix_fallocate(&self.file, 0, length)).map_err(|errno| self.failed_with("posix_fallocate", errno))
    }

    /// Writes a header, all but its first word, and a description, which ends where the object ends.
    pub(crate) fn describe(&self, header: &Header, description: &[u8]) -> Result<(), OsError> {
        self.write(8, &header.encode()[1..])?;
        if description.is_empty() {
            return Ok(());
        }
        let start = header.length.checked_sub(description.len() as u64);
        self.write_bytes(start.ok_or_else(|| self.failed_with("pwrite", Errno::EINVAL))?, description)
    }

    /// The bytes of an object's description, which lies there and is at most 1 MiB long. The object has to be complete.
    pub(crate) fn description(&self, section: Range<u64>) -> Result<Vec<u8>, OsError> {
        let length = section.end.saturating_sub(section.start).min(description::LENGTH_MAX as u64);
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, section.start).map_err(|error| self.failed("pread", &error))?;
        Ok(bytes)
    }

    /// Writes the first word of a complete object.
    pub(crate) fn complete(&self) -> Result<(), OsError> {
        self.write(0, &[header::MAGIC])
    }

    /// Writes the first word of an incomplete object.
    pub(crate) fn mark_incomplete(&self) -> Result<(), OsError> {
        self.write(0, &[header::CREATING])
    }

    /// The word at `offset`; 0 where it cannot be read.
    pub(crate) fn peek_word(&self, offset: usize) -> u64 {
        // To where a word lies, so that it is not copied in pieces.
        let mut word = 0_u64;
        match self.file.read_exact_at(word.as_mut_bytes(), offset as u64) {
            Ok(()) => word,
            Err(_) => 0,
        }
    }

    /// Copies the object's bytes from `offset` on; how many there were. The object may be shorter than it was: this is
    /// for those who must not be sent SIGBUS by whoever shortens it.
    pub(crate) fn copy(&self, offset: u64, into: &mut [u8]) -> Result<usize, OsError> {
        let mut done = 0;
        while let Some(left) = into.get_mut(done..).filter(|left| !left.is_empty()) {
            match self.file.read_at(left, offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed("pread", &error)),
            }
        }
        Ok(done)
    }

    /// Takes an exclusive lock; false where another open file description has one of these bytes.
    pub(crate) fn try_lock(&self, bytes: &RangeInclusive<LockByte>) -> Result<bool, OsError> {
        match retry(|| fcntl(&self.file, FcntlArg::F_OFD_SETLK(&request(libc::F_WRLCK, bytes)))) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(errno) => Err(self.failed_with("fcntl(F_OFD_SETLK)", errno)),
        }
    }

    /// As [`try_lock`](Self::try_lock), trying again for a time.
    pub(crate) fn lock_within(&self, bytes: &RangeInclusive<LockByte>, wait: Duration) -> Result<bool, OsError> {
        let deadline = Instant::now() + wait;
        while !self.try_lock(bytes)? {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(LOCK_POLL);
        }
        Ok(true)
    }

    /// Gives locks up.
    pub(crate) fn unlock(&self, bytes: &RangeInclusive<LockByte>) -> Result<(), OsError> {
        retry(|| fcntl(&self.file, FcntlArg::F_OFD_SETLK(&request(libc::F_UNLCK, bytes))))
            .map(drop)
            .map_err(|errno| self.failed_with("fcntl(F_OFD_SETLK)", errno))
    }

    /// Whether another open file description has an exclusive lock of this byte. Who may only read the object can have
    /// another one, which keeps everybody from the role, and is nobody's.
    pub(crate) fn is_held(&self, byte: &RangeInclusive<LockByte>) -> Result<bool, OsError> {
        self.conflicting(byte).map(|lock| i32::from(lock.l_type) == libc::F_WRLCK)
    }

    /// A lock that another open file description has of one of these bytes: all bytes that it is of.
    pub(crate) fn locked(&self, bytes: &RangeInclusive<LockByte>) -> Result<Option<RangeInclusive<LockByte>>, OsError> {
        let lock = self.conflicting(bytes)?;
        // A length of 0 is that it goes on for ever.
        let length = if lock.l_len == 0 { libc::off_t::MAX - lock.l_start } else { lock.l_len };
        let byte = |at| LockByte::try_from(at).unwrap_or(LockByte::MAX);
        Ok((i32::from(lock.l_type) != libc::F_UNLCK).then(|| byte(lock.l_start)..=byte(lock.l_start + length - 1)))
    }

    /// A lock that keeps this open file description from an exclusive one of these bytes.
    fn conflicting(&self, bytes: &RangeInclusive<LockByte>) -> Result<libc::flock, OsError> {
        let mut lock = request(libc::F_WRLCK, bytes);
        retry(|| fcntl(&self.file, FcntlArg::F_OFD_GETLK(&mut lock)))
            .map_err(|errno| self.failed_with("fcntl(F_OFD_GETLK)", errno))?;
        Ok(lock)
    }

    fn set_mode(&self, found: &Metadata, permission: Permission) -> Result<(), OsError> {
        if permission.is_met_by(found.mode() & 0o7777) {
            return Ok(());
        }
        self.file
            .set_permissions(Permissions::from_mode(permission.mode()))
            .map_err(|error| self.failed("fchmod", &error))
    }

    fn length(&self) -> Result<u64, OsError> {
        self.metadata().map(|metadata| metadata.len())
    }

    /// What the kernel says of it now, whatever has its name.
    pub(crate) fn metadata(&self) -> Result<Metadata, OsError> {
        self.file.metadata().map_err(|error| self.failed("fstat", &error))
    }

    /// Reads words from the object's beginning on; how many there were.
    fn read(&self, words: &mut [u64]) -> Result<usize, OsError> {
        let mut bytes = [0; READ_MAX];
        let bytes = &mut bytes[..words.len() * 8];
        let mut done = 0;
        while done < bytes.len() {
            match self.file.read_at(&mut bytes[done..], done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed("pread", &error)),
            }
        }
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        Ok(done / 8)
    }

    fn write(&self, offset: u64, words: &[u64]) -> Result<(), OsError> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.write_bytes(offset, &bytes)
    }

    fn write_bytes(&self, offset: u64, bytes: &[u8]) -> Result<(), OsError> {
        self.check_limit("pwrite", offset.saturating_add(bytes.len() as u64))?;
        self.file.write_all_at(bytes, offset).map_err(|error| self.failed("pwrite", &error))
    }

    /// Fails as `call` would that makes a file of `length` bytes, if it did not send SIGXFSZ first.
    fn check_limit(&self, call: &'static str, length: u64) -> Result<(), OsError> {
        let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE).map_err(|errno| self.failed_with("getrlimit", errno))?;
        if length <= limit { Ok(()) } else { Err(self.failed_with(call, Errno::EFBIG)) }
    }

    fn of(name: &str, file: File) -> Result<Self, OsError> {
        match file.metadata() {
            Ok(found) => Ok(Self { name: name.to_owned(), file, found }),
            Err(error) => Err(OsError::new(name, "fstat", number(&error))),
        }
    }

    fn failed(&self, call: &'static str, error: &io::Error) -> OsError {
        self.failed_with(call, number(error))
    }

    fn failed_with(&self, call: &'static str, errno: Errno) -> OsError {
        OsError::new(&self.name, call, errno)
    }
}

/// Whether this process may create and remove names in a directory, but for the sticky bit.
fn may_write(directory: &str) -> bool {
    faccessat(AT_FDCWD, directory, AccessFlags::W_OK | AccessFlags::X_OK, AtFlags::AT_EACCESS).is_ok()
}

/// The number of an error, as in errno(3).
pub(crate) fn number(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

fn shm(name: &str, flags: OFlag, mode: Mode) -> nix::Result<File> {
    // Not blocking: somebody may have put a pipe there, which nobody writes to.
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    retry(|| shm_open(name, flags, mode)).map(File::from)
}

/// Where Linux shows an object, see shm_overview(7).
fn path(name: &str) -> PathBuf {
    PathBuf::from(format!("{DIRECTORY}{name}"))
}

/// Whether an object belongs to the user that this process runs as.
fn is_ours(name: &str) -> bool {
    path(name).symlink_metadata().is_ok_and(|metadata| metadata.uid() == geteuid().as_raw())
}

/// Lets the owner read and write an empty object of this user's that he may not; whether to open it again.
///
/// Under a umask that takes away the owner's permission, this is what a creator leaves that dies before it has set the
/// mode. Nobody has a role of an object that is still empty. One that is not was given its mode by a person.
///
/// A creator that lives sets the mode itself, or somebody removes the name, in between being refused and looking here.
/// Then there is nothing to lend, and opening it again tells.
fn lend_permission(name: &str) -> bool {
    let file = match File::options().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path(name)) {
        Ok(file) => file,
        Err(error) => return error.kind() == io::ErrorKind::NotFound,
    };
    let Ok(metadata) = file.metadata() else { return false };
    if !metadata.is_file() || metadata.uid() != geteuid().as_raw() {
        return false;
    }
    if metadata.mode() & OWNER == OWNER {
        return true;
    }
    // Through the descriptor, so that it is the object that was looked at; fchmod(2) refuses one of this kind.
    let there = format!("/proc/self/fd/{}", file.as_raw_fd());
    metadata.len() == 0 && std::fs::set_permissions(there, Permissions::from_mode(OWNER)).is_ok()
}

fn request(kind: i32, bytes: &RangeInclusive<LockByte>) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: (*bytes.start()).into(),
        l_len: (*bytes.end() - *bytes.start() + 1).into(),
        // What locks of open file descriptions have to have here.
        l_pid: 0,
    }
}

fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}
