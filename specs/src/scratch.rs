//! Temporary directories of this process, all of them below `target/specs`.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A directory of this process alone, and of nobody after it.
///
/// Dropped, it is removed; what a killed process leaves, the next one removes.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    next: AtomicU64,
    /// Locked as long as the process lives.
    _mark: File,
}

impl Scratch {
    /// A new one in `parent`, after the removal of those whose processes are dead.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn new(parent: &Path) -> io::Result<Self> {
        let all = parent.join("scratch");
        fs::create_dir_all(&all)?;
        // Held until the new directory is marked: who sweeps sees no directory that is not.
        let sweeping = File::create(parent.join("scratch.lock"))?;
        sweeping.lock()?;
        for entry in fs::read_dir(&all)? {
            let path = entry?.path();
            if !is_used(&path)? {
                // A Java that outlives a killed process may still write there; the next sweep has it then.
                let _ = fs::remove_dir_all(&path);
            }
        }
        let pid = std::process::id();
        let path = (0u64..).map(|number| all.join(format!("{pid}-{number}"))).find(|path| !path.exists());
        let path = path.ok_or_else(|| io::Error::other("no name is left for a temporary directory"))?;
        fs::create_dir(&path)?;
        let mark = File::create(path.join(MARK))?;
        mark.lock()?;
        Ok(Self { path, next: AtomicU64::new(0), _mark: mark })
    }

    /// A new, empty directory.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn directory(&self) -> io::Result<PathBuf> {
        let path = self.path.join(self.next.fetch_add(1, Relaxed).to_string());
        fs::create_dir(&path)?;
        Ok(path)
    }
}

const MARK: &str = "mark";

fn is_used(directory: &Path) -> io::Result<bool> {
    let mark = match File::open(directory.join(MARK)) {
        Ok(mark) => mark,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match mark.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A courtesy: the next one removes it otherwise.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_leaves_is_removed_and_what_a_living_one_uses_stays() -> io::Result<()> {
        let parent = std::env::temp_dir().join(format!("lastword-specs-scratch-{}", std::process::id()));
        let left = parent.join("scratch/1-0");
        fs::create_dir_all(left.join("0"))?;
        File::create(left.join(MARK))?;
        let first = Scratch::new(&parent)?;
        let used = first.directory()?;
        let second = Scratch::new(&parent)?;
        assert!(!left.exists());
        assert!(used.exists());
        assert_ne!(first.path, second.path);
        drop((first, second));
        assert_eq!(fs::read_dir(parent.join("scratch"))?.count(), 0);
        fs::remove_dir_all(&parent)
    }
}
