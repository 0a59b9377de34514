//! Names in `/dev/shm` that no other process uses, and that do not outlive their use.

use lastword::{ObjectKind, ObjectName};
use std::fs::File;
use std::io::Write;
use std::panic;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

const DIRECTORY: &str = "/dev/shm";
const PREFIX: &str = "fuzz-attach-";
pub(crate) const KINDS: [ObjectKind; 3] = [ObjectKind::Data, ObjectKind::Locks, ObjectKind::Status];

/// Removes what killed processes left, and sees to it that a panic leaves nothing.
///
/// libFuzzer aborts in its panic hook, before anything is dropped. This hook comes before that one.
pub fn prepare() {
    sweep(|process| !Path::new(&format!("/proc/{process}")).exists());
    let next = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let this = process::id().to_string();
        sweep(|process| process == this);
        next(info);
    }));
}

/// Removes the objects of the processes that `is_meant` says.
fn sweep(is_meant: impl Fn(&str) -> bool) {
    for object in lastword::objects(PREFIX).unwrap_or_default() {
        let process = object.name[PREFIX.len()..].split('-').next().unwrap_or_default();
        if is_meant(process) {
            // Where this fails, the next start tries again.
            let _ = std::fs::remove_file(path(&object.name, object.kind));
        }
    }
}

/// Whether there is shared memory here at all. OSS-Fuzz runs its targets without `/dev`.
pub(crate) fn is_there() -> bool {
    Path::new(DIRECTORY).is_dir()
}

fn path(name: &str, kind: ObjectKind) -> PathBuf {
    PathBuf::from(format!("{DIRECTORY}/lastword-{name}.{}", kind.suffix()))
}

/// A name of a channel and a board. Its objects are removed when this is dropped.
pub(crate) struct Scratch {
    name: String,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        // The full stop keeps one name from being the beginning of another.
        Self { name: format!("{PREFIX}{}-{number}.", process::id()) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Makes an object of these bytes. Zeros at the end are a hole, which is faster.
    pub(crate) fn plant(&self, kind: ObjectKind, bytes: &[u8]) {
        // By the piece: comparing bytes one at a time is slow where every comparison is traced.
        const ZEROS: [u8; 512] = [0; 512];
        let last = bytes.chunks(ZEROS.len()).rposition(|piece| *piece != ZEROS[..piece.len()]);
        let end = last.map_or(0, |last| bytes.len().min((last + 1) * ZEROS.len()));
        let mut file = File::create_new(path(&self.name, kind)).expect("/dev/shm can be written");
        file.write_all(&bytes[..end]).expect("/dev/shm has room");
        file.set_len(bytes.len() as u64).expect("/dev/shm has room");
    }

    pub(crate) fn read(&self, kind: ObjectKind) -> Option<Vec<u8>> {
        std::fs::read(path(&self.name, kind)).ok()
    }

    /// Which objects of this name there are, in the order of `lastword::objects`.
    pub(crate) fn objects(&self) -> Vec<ObjectName> {
        let there = |kind: &ObjectKind| path(&self.name, *kind).exists();
        KINDS
            .into_iter()
            .filter(there)
            .map(|kind| ObjectName { name: self.name.clone(), generation: 0, kind })
            .collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for kind in KINDS {
            // Most of them are gone by now.
            let _ = std::fs::remove_file(path(&self.name, kind));
        }
    }
}
