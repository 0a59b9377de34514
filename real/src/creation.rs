//! Creating an object so that a kill at any instruction leaves something that the next process completes.
//!
//! | the object | its first word | length | what it is | what the next creator does |
//! |---|---|---|---|---|
//! | not there | | | | creates it empty, goes on as below |
//! | empty | | 0 | a creator has just begun, or died there | builds it |
//! | begun | CREATING | 8 or more | a creator is at work, or died there | waits for its lock; then removes it, begins anew |
//! | complete | MAGIC | as in its header | ready; never begun again | opens it |
//!
//! Building, replacing and removing need the lock [`CREATE`] on the object that the name refers to, which is looked at
//! again after the lock was had. Opening a complete object needs no lock: a process that is stopped while it creates one
//! channel keeps nobody from another, and nobody from a channel that is complete. No object is ever shortened, so
//! nobody who has mapped one is sent SIGBUS.

use crate::error::{ObjectError, OpenError, OsError, RemoveError};
use crate::object::{Access, Object, Permission};
use crate::role::{ALL_ROLES, CREATE, LockByte};
use lastword_protocol::header::Header;
use std::fmt::Display;
use std::time::Duration;

/// How long a call waits for another process that creates or removes the same object.
pub(crate) const WAIT: Duration = Duration::from_secs(5);
/// How often a call begins anew because the name was given to another object meanwhile.
pub(crate) const ATTEMPTS: u32 = 100;

/// The right to create, complete and remove what an object's name refers to.
pub(crate) struct Right<'o> {
    object: &'o Object,
}

impl Drop for Right<'_> {
    /// As with a role: closing the object would do, if no other thread were starting a program.
    fn drop(&mut self) {
        // Where this fails, closing follows.
        let _ = self.object.unlock(&CREATE);
    }
}

/// What became of asking for the right.
pub(crate) enum Asked<'o> {
    /// It was had.
    Had(Right<'o>),
    /// The name refers to another object now, or to none.
    Moved,
    /// A live process has had it for this long.
    Waited(Duration),
}

/// Asks for the right to create and remove.
pub(crate) fn ask_right(object: &Object, wait: Duration) -> Result<Asked<'_>, OsError> {
    if !object.lock_within(&CREATE, wait)? {
        return Ok(Asked::Waited(wait));
    }
    let right = Right { object };
    Ok(if object.reopen(Access::Read)?.is_some() { Asked::Had(right) } else { Asked::Moved })
}

/// What came of taking a role of an object: the role, or the object again where live processes have it.
pub(crate) type Taken<T, E> = Result<T, (Object, E)>;

/// Takes a role of `object` by `take`. `None` where a remover is gone that had it, and the object has to be looked at
/// anew.
///
/// A remover has every role for a moment. It may be about to refuse, or die, so that the role is tried again after it.
pub(crate) fn take_beside_removers<T, E>(
    object: Object,
    take: impl Fn(Object) -> Result<Taken<T, E>, OpenError>,
) -> Result<Option<Taken<T, E>>, OpenError> {
    let (object, _) = match take(object)? {
        Ok(taken) => return Ok(Some(Ok(taken))),
        Err(refused) => refused,
    };
    match find_remover(&object)? {
        Remover::Gone => return Ok(None),
        Remover::Stays => return take(object).map(Some),
        Remover::None => {}
    }
    // The one that had the role may have been a remover that was gone before it was looked for.
    let (object, error) = match take(object)? {
        Ok(taken) => return Ok(Some(Ok(taken))),
        Err(refused) => refused,
    };
    Ok(if find_remover(&object)? == Remover::Gone { None } else { Some(Err((object, error))) })
}

/// Who creates or removes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remover {
    /// Nobody.
    None,
    /// Somebody did, who has finished or is dead.
    Gone,
    /// Somebody who has not finished for so long.
    Stays,
}

/// Looks for a process that creates or removes an object, and waits for it.
fn find_remover(object: &Object) -> Result<Remover, OsError> {
    if object.locked(&CREATE)?.is_none() {
        return Ok(Remover::None);
    }
    if !object.lock_within(&CREATE, WAIT)? {
        return Ok(Remover::Stays);
    }
    drop(Right { object });
    Ok(Remover::Gone)
}

/// The complete object `name`, which `build` completes if it has to be created. What `build` fails at is removed.
pub(crate) fn open_or_create(
    name: &str,
    permission: Permission,
    build: impl Fn(&Object) -> Result<(), OpenError>,
) -> Result<(Object, Header), OpenError> {
    for _ in 0..ATTEMPTS {
        // O_CREAT only where there is nothing: `fs.protected_regular` refuses it on what another user owns.
        let object = match Object::open(name, Access::ReadWrite)? {
            Some(object) => object,
            None => match Object::create(name, permission)? {
                Some(object) => object,
                None => continue,
            },
        };
        if let Some(header) = complete_header(&object)? {
            return Ok((object, header));
        }
        let right = match ask_right(&object, WAIT)? {
            Asked::Had(right) => right,
            Asked::Moved => continue,
            Asked::Waited(waited) => return Err(OpenError::BeingCreated { object: name.to_owned(), waited }),
        };
        if complete_header(&object)?.is_none() {
            if !object.is_empty()? {
                // Its creator or remover died. A process may have had it mapped before that, so it is not used again.
                Object::unlink(name)?;
                continue;
            }
            if let Err(error) = build(&object) {
                // The error that counts is the first one. Where this fails too, an incomplete object stays.
                let _ = Object::unlink(name);
                return Err(error);
            }
        }
        let header = object.header()?;
        drop(right);
        return Ok((object, header));
    }
    Err(OpenError::Unsettled { object: name.to_owned() })
}

/// The header of an object; `None` where it is not complete yet.
fn complete_header(object: &Object) -> Result<Option<Header>, ObjectError> {
    match object.header() {
        Ok(header) => Ok(Some(header)),
        Err(error) if error.is_incomplete() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether live processes are asked before something is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Refuse while a live process has a role.
    No,
    /// Remove the names all the same. Who has the objects open goes on with them, unseen by those who come later.
    Yes,
}

/// Calls `remove` with the object `name`, under the right to remove it; false where there is none.
///
/// `orphaned` says whether parts are left that are removed under the right to `name`, though `name` itself is gone.
pub(crate) fn remove(
    name: &str,
    wait: Duration,
    orphaned: impl Fn() -> Result<bool, OsError>,
    remove: impl Fn(&Object) -> Result<(), RemoveError>,
) -> Result<bool, RemoveError> {
    for _ in 0..ATTEMPTS {
        let object = match Object::open(name, Access::ReadWrite)? {
            Some(object) => object,
            None if !orphaned()? => return Ok(false),
            None => match Object::create(name, Permission::Default)? {
                Some(object) => object,
                None => continue,
            },
        };
        match ask_right(&object, wait)? {
            Asked::Had(_right) => return remove(&object).map(|()| true),
            Asked::Moved => {}
            Asked::Waited(waited) => return Err(RemoveError::BeingCreated { object: name.to_owned(), waited }),
        }
    }
    Err(RemoveError::Unsettled { object: name.to_owned() })
}

/// Takes every role, so that nobody can have one while the object is removed; where that fails, a role that a live
/// process has.
pub(crate) fn take_all(object: &Object) -> Result<Option<LockByte>, OsError> {
    loop {
        if object.try_lock(&ALL_ROLES)? {
            return Ok(None);
        }
        // Where the role was given up in between, the next attempt tells.
        if let Some(byte) = object.locked(&ALL_ROLES)? {
            return Ok(Some(byte));
        }
    }
}

/// Checks that a field of an object's header is what was asked for.
pub(crate) fn expect<V: PartialEq + Display>(
    object: &str,
    field: &'static str,
    found: V,
    expected: V,
) -> Result<(), OpenError> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.to_string(), expected.to_string());
    Err(OpenError::Mismatch { object: object.to_owned(), field, found, expected })
}
