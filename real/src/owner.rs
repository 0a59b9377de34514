//! Whose objects are used.
//!
//! Everybody may create objects in `/dev/shm`, of any name that is free. Who owns a channel's objects can write to
//! them, truncate them and remove them whatever their mode, so an object that somebody else has put there first is not
//! used without being asked for.

use crate::object::Permission;
use nix::unistd::{getegid, geteuid};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

const ROOT: u32 = 0;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Whose objects a channel or board may be made of, besides this process's user's and root's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Those of whom the mode that is asked for would let write to them: of anybody if all may write (0666), and if the
    /// group may (0660), of anybody if their group is this process's. Nobody else's, and without such a mode nobody's.
    #[default]
    AsMode,
    /// That user's.
    User(u32),
    /// Anybody's. What is read then is whatever somebody on this machine has put there first.
    Anybody,
}

impl Owner {
    /// Whether an object is used of which this is known, by a process that asks for these permissions.
    pub(crate) fn accepts(self, found: &Metadata, permission: Permission) -> bool {
        let owner = found.uid();
        if owner == ROOT || owner == geteuid().as_raw() {
            return true;
        }
        let mode = match permission {
            Permission::Default => 0,
            Permission::Exactly(mode) => mode,
        };
        match self {
            Owner::AsMode => mode & OTHERS_WRITE != 0 || mode & GROUP_WRITES != 0 && found.gid() == getegid().as_raw(),
            Owner::User(user) => owner == user,
            Owner::Anybody => true,
        }
    }
}
