//! Which objects there are, and removing those that nobody uses.

use crate::channel::remove_channel;
use crate::creation::Force;
use crate::error::RemoveError;
use crate::name::{Name, ObjectKind, PREFIX};
use crate::status::remove_board;
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::time::Duration;

/// Where Linux shows POSIX shared memory, see shm_overview(7).
pub(crate) const DIRECTORY: &str = "/dev/shm";

/// An object of a channel or a board, by its name alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// The name of the channel or board.
    pub name: String,
    /// What the object is.
    pub kind: ObjectKind,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{PREFIX}{}.{}", self.name, self.kind.suffix())
    }
}

/// The objects of the channels and boards whose names begin with `prefix`, in order. Nothing is opened.
///
/// # Errors
/// `/dev/shm` cannot be read.
///
/// # Crash safety
/// *Nothing to undo.*
pub fn objects(prefix: &str) -> io::Result<Vec<ObjectName>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(DIRECTORY)? {
        let file_name = entry?.file_name();
        let Some(rest) = file_name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let Some((name, suffix)) = rest.rsplit_once('.') else { continue };
        let Some(kind) = ObjectKind::ALL.into_iter().find(|kind| kind.suffix() == suffix) else { continue };
        if name.starts_with(prefix) && Name::new(name).is_ok() {
            found.insert(ObjectName { name: name.to_owned(), kind });
        }
    }
    Ok(found.into_iter().collect())
}

/// Removes the channels and boards whose names begin with `prefix` and of which no live process has a role or is
/// creating or removing them; the objects that were there of those that were removed. What belongs to another user is
/// left alone.
///
/// Each channel and board is judged by itself. Of a system of several, a part whose process has just died and is about to
/// be started again counts as unused: ask first whether the system as a whole still lives.
///
/// # Errors
/// `/dev/shm` cannot be read, or a system call failed for another reason than a lack of permission.
///
/// # Crash safety
/// *Repeatable.*
pub fn remove_unused(prefix: &str) -> io::Result<Vec<ObjectName>> {
    let mut removed = Vec::new();
    let mut objects = objects(prefix)?;
    while let Some(object) = objects.pop() {
        let Ok(name) = Name::new(&object.name) else { continue };
        let is_board = object.kind == ObjectKind::Status;
        let of_the_same =
            |other: &mut ObjectName| other.name == object.name && (other.kind == ObjectKind::Status) == is_board;
        let mut parts: Vec<_> = objects.extract_if(.., of_the_same).collect();
        parts.push(object.clone());
        let outcome = if is_board {
            remove_board(&name, Force::No, Duration::ZERO)
        } else {
            remove_channel(&name, Force::No, Duration::ZERO)
        };
        match outcome {
            Ok(true) => removed.append(&mut parts),
            Ok(false) | Err(RemoveError::InUse { .. } | RemoveError::BeingCreated { .. }) => {}
            Err(RemoveError::Os(error)) if is_denied(error.raw_os_error()) => {}
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    removed.sort();
    Ok(removed)
}

fn is_denied(number: i32) -> bool {
    matches!(Errno::from_raw(number), Errno::EACCES | Errno::EPERM)
}
