//! Which objects there are, and removing those that nobody uses.

use crate::creation::Named;
use crate::error::RemoveError;
use crate::generation;
use crate::name::{Name, ObjectKind, PREFIX, object_name};
use lastword_protocol::creation::Force;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::DirEntry;
use std::io;
use std::time::Duration;

/// Where Linux shows POSIX shared memory, see shm_overview(7).
pub(crate) const DIRECTORY: &str = "/dev/shm";

/// An object of a channel, a mailbox or a board, by its name alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// The name of the channel, mailbox or board.
    pub name: String,
    /// Which generation of the channel it is of: 0, and one more each time the channel was replaced.
    pub generation: u32,
    /// What the object is.
    pub kind: ObjectKind,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&object_name(&self.name, self.generation, self.kind))
    }
}

/// The objects of the channels, mailboxes and boards whose names begin with `prefix`, in order. Nothing is opened.
/// What is no regular file is no object.
///
/// # Errors
/// `/dev/shm` cannot be read.
///
/// # Crash safety
/// *Nothing to undo.*
pub fn objects(prefix: &str) -> io::Result<Vec<ObjectName>> {
    // A directory, a pipe or a link of such a name is no object. What is gone by now is none either.
    names(prefix, |entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
}

/// What has the name of an object that begins with `prefix`, where it is `chosen`, in order.
pub(crate) fn names(prefix: &str, chosen: impl Fn(&DirEntry) -> bool) -> io::Result<Vec<ObjectName>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(DIRECTORY)? {
        let entry = entry?;
        if !chosen(&entry) {
            continue;
        }
        let file_name = entry.file_name();
        let Some(rest) = file_name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let Some((name, suffix)) = rest.rsplit_once('.') else { continue };
        let Some(kind) = ObjectKind::ALL.into_iter().find(|kind| kind.suffix() == suffix) else { continue };
        let Some(name) = Name::parse(name).filter(|name| name.as_str().starts_with(prefix)) else { continue };
        // Mailboxes and boards are not replaced.
        if kind.anchor() == ObjectKind::Locks || name.generation() == 0 {
            found.insert(ObjectName { name: name.to_string(), generation: name.generation(), kind });
        }
    }
    Ok(found.into_iter().collect())
}

/// Removes the channels, mailboxes and boards whose names begin with `prefix` and of which no live process has a role
/// or is creating or removing them; the objects that were there of those that were removed. What this process may not
/// remove is left alone: another user's, unless it runs as root.
///
/// Each of them is judged by itself. Of a system of several, a part whose process has just died and is about to be
/// started again counts as unused: ask first whether the system as a whole still lives.
///
/// # Errors
/// `/dev/shm` cannot be read and nothing was removed; or one of these could not be removed for another reason than a
/// lack of permission, and all others were. The error is the first such one's.
///
/// # Crash safety
/// *Repeatable.*
pub fn remove_unused(prefix: &str) -> io::Result<Vec<ObjectName>> {
    let mut removed = Vec::new();
    let mut failed = None;
    let mut objects = objects(prefix)?;
    while let Some(object) = objects.pop() {
        let Ok(name) = Name::new(&object.name) else { continue };
        let of_the_same =
            |other: &mut ObjectName| other.name == object.name && other.kind.anchor() == object.kind.anchor();
        let mut parts: Vec<_> = objects.extract_if(.., of_the_same).collect();
        parts.push(object.clone());
        let removal = match object.kind.anchor() {
            ObjectKind::Data | ObjectKind::Locks => generation::remove(&name, Force::No, Duration::ZERO),
            ObjectKind::Ready => Named::mailbox_to_remove(&name).remove(Force::No, Duration::ZERO),
            ObjectKind::Status => Named::board_to_remove(&name).remove(Force::No, Duration::ZERO),
        };
        match removal {
            Ok(true) => removed.append(&mut parts),
            Ok(false) | Err(RemoveError::InUse { .. } | RemoveError::BeingCreated { .. }) => {}
            Err(RemoveError::Os(error)) if error.is_denied() => {}
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    removed.sort();
    failed.map_or(Ok(removed), |error| Err(io::Error::other(error)))
}

/// The objects that [`remove_unused`] would remove now. What cannot be removed, or looked at, is none of them. Nothing is
/// changed.
///
/// # Errors
/// `/dev/shm` cannot be read.
///
/// # Crash safety
/// *Nothing to undo.*
pub fn unused(prefix: &str) -> io::Result<Vec<ObjectName>> {
    let mut unused = Vec::new();
    for object in objects(prefix)? {
        let Ok(name) = Name::new(&object.name) else { continue };
        let is_used = match object.kind.anchor() {
            ObjectKind::Data | ObjectKind::Locks => generation::is_used(&name),
            ObjectKind::Ready => Named::mailbox_to_remove(&name).is_used(),
            ObjectKind::Status => Named::board_to_remove(&name).is_used(),
        };
        if is_used.is_ok_and(|is_used| !is_used) {
            unused.push(object);
        }
    }
    Ok(unused)
}
