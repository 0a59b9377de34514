//! One object, as the directory shows it and as it begins.

use crate::error::OpenError;
use crate::list::ObjectName;
use crate::object::Object;
use lastword_protocol::header::{Header, HeaderError};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of a block of [`Metadata::blocks`], whatever the file system's blocks are.
const BLOCK: u64 = 512;
const PERMISSIONS: u32 = 0o7777;

/// An object in `/dev/shm`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectFile {
    /// Its name, and what it is by that.
    pub name: ObjectName,
    /// Its length, in bytes.
    pub length: u64,
    /// How much memory it takes, in bytes.
    pub allocated: u64,
    /// Who may do what with it, as in chmod(2).
    pub mode: u32,
    /// The user that it belongs to.
    pub owner: u32,
    /// The group that it belongs to.
    pub group: u32,
    /// When it was created, or, where the file system does not note that, when it last was changed by a system call.
    pub created: Option<SystemTime>,
    /// When it was last written by a system call: that is its creation. Messages are written to mapped memory, which is
    /// not noted.
    pub modified: Option<SystemTime>,
    /// Its header, or why there is none to tell of.
    pub header: Result<Header, OpenError>,
}

/// An object that is looked at, and stays open where it is complete.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) file: ObjectFile,
    /// It could be opened.
    pub(super) object: Option<Arc<Object>>,
    /// What it has as a header, where it could be read.
    pub(super) parsed: Option<Result<Header, HeaderError>>,
    /// How many names it has.
    pub(super) names: u64,
}

impl Kept {
    /// Looks at the object of that name, which may be the one that was found before; `None` where there is none.
    pub(super) fn look(name: &ObjectName, before: Option<Self>) -> Option<Self> {
        let path = name.to_string();
        let listed = match Object::status(&path) {
            Ok(found) => found?,
            Err(error) => return Some(Self::unreadable(name, error.into())),
        };
        let same = before.and_then(|before| {
            // An incomplete one may have been completed, which its length has to be looked at anew for.
            before.object.filter(|object| object.is_what(&listed) && matches!(before.parsed, Some(Ok(_))))
        });
        let opened = match same {
            Some(object) => Ok(object),
            // Gone meanwhile, or another one: this one is told of.
            None => match Object::look(&path) {
                Ok(found) => Ok(Arc::new(found?)),
                Err(error) => Err(error),
            },
        };
        let read = opened.and_then(|object| Ok((object.header()?, object)));
        let (object, parsed, header) = match read {
            Ok((parsed, object)) => {
                let header = parsed.map_err(|source| match source {
                    HeaderError::Incomplete => OpenError::Incomplete { object: path.clone() },
                    source => OpenError::Header { object: path.clone(), source },
                });
                (Some(object), Some(parsed), header)
            }
            Err(error) => (None, None, Err(error.into())),
        };
        // The name may have been given to another object in between: all that is told is of the one that is open.
        let metadata = match object.as_deref().map(Object::metadata).transpose() {
            Ok(opened) => opened.unwrap_or(listed),
            Err(error) => return Some(Self::unreadable(name, error.into())),
        };
        let file = ObjectFile {
            length: metadata.len(),
            allocated: metadata.blocks().saturating_mul(BLOCK),
            mode: metadata.mode() & PERMISSIONS,
            owner: metadata.uid(),
            group: metadata.gid(),
            created: metadata.created().ok().or_else(|| changed(&metadata)),
            modified: metadata.modified().ok(),
            header,
            name: name.clone(),
        };
        Some(Self { file, object, parsed, names: metadata.nlink() })
    }

    /// What cannot even be asked for its length.
    fn unreadable(name: &ObjectName, error: OpenError) -> Self {
        let file = ObjectFile {
            name: name.clone(),
            length: 0,
            allocated: 0,
            mode: 0,
            owner: 0,
            group: 0,
            created: None,
            modified: None,
            header: Err(error),
        };
        Self { file, object: None, parsed: None, names: 1 }
    }
}

/// When an object was last changed by a system call.
fn changed(metadata: &Metadata) -> Option<SystemTime> {
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let part = Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).ok()?);
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?.checked_add(part)
}
