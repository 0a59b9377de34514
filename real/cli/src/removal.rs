//! Removing objects, each channel, mailbox and board by itself, and saying why others stay.

use crate::explain::cannot_list;
use lastword::ready::Mailbox;
use lastword::{Channel, Force, ObjectKind, ObjectName, RemoveError, status};
use nix::errno::Errno;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

type Error = Box<dyn std::error::Error>;

/// Why a channel, mailbox or board stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A live process has a role, or is creating or removing it.
    Used,
    /// It belongs to another user.
    Foreign,
    /// A system call failed.
    Failed,
}

/// The objects of a channel, mailbox or board that stay.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) objects: Vec<ObjectName>,
    pub(crate) cause: Cause,
    /// In words that name it.
    pub(crate) reason: String,
}

/// What became of a removal.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) removed: Vec<ObjectName>,
    pub(crate) left: Vec<Left>,
}

/// Removes each channel, mailbox and board for itself whose name begins so, which is `chosen`, and of which no live
/// process has a role.
pub(crate) fn remove_each(prefix: &str, chosen: impl Fn(&ObjectName) -> bool) -> Result<Outcome, Error> {
    let before: Vec<ObjectName> = lastword::objects(prefix).map_err(cannot_list)?.into_iter().filter(&chosen).collect();
    let mut tried: BTreeMap<(String, ObjectKind), Left> = BTreeMap::new();
    let mut ours = BTreeSet::new();
    for object in &before {
        let Entry::Vacant(untried) = tried.entry((object.name.clone(), object.kind.anchor())) else { continue };
        // Of what type its messages are is of no account.
        let removed = match object.kind {
            ObjectKind::Data | ObjectKind::Locks => Channel::<u64>::new(&object.name)?.remove(Force::No),
            ObjectKind::Ready => Mailbox::<u64>::new(&object.name)?.remove(Force::No),
            ObjectKind::Status => status::remove(&object.name, Force::No),
        };
        if removed == Ok(true) {
            ours.insert(untried.key().clone());
        }
        untried.insert(why(object, removed));
    }
    let after = lastword::objects(prefix).map_err(cannot_list)?;
    let mut removed = Vec::new();
    for object in before {
        let key = (object.name.clone(), object.kind.anchor());
        if after.contains(&object) {
            if let Some(left) = tried.get_mut(&key) {
                left.objects.push(object);
            }
        } else if ours.contains(&key) {
            // What is gone otherwise, another process has removed.
            removed.push(object);
        }
    }
    Ok(Outcome { removed, left: tried.into_values().filter(|left| !left.objects.is_empty()).collect() })
}

/// Why an object is still there, if it is.
fn why(object: &ObjectName, removed: Result<bool, RemoveError>) -> Left {
    let (cause, reason) = match removed {
        Err(RemoveError::Os(error)) if is_denied(error.raw_os_error()) && !error.is_own() => {
            (Cause::Foreign, format!("object {object}: belongs to another user, who can remove it"))
        }
        Err(error @ (RemoveError::InUse { .. } | RemoveError::BeingCreated { .. })) => (Cause::Used, error.to_string()),
        Err(error) => (Cause::Failed, error.to_string()),
        Ok(_) => (Cause::Used, format!("object {object}: it is there again")),
    };
    Left { objects: Vec::new(), cause, reason }
}

/// Whether this is the number of an error that says that permission is lacking.
pub(crate) fn is_denied(number: i32) -> bool {
    matches!(Errno::from_raw(number), Errno::EACCES | Errno::EPERM)
}
