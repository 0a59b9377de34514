//! # Creation: a kill at any system call leaves something that the next process completes
//!
//! A channel is two objects, a board is one. One of them is the [anchor](Part::Anchor): the locks of its bytes are the
//! roles, and the lock of byte 0 is the right to create and remove. The code here reaches the kernel only through
//! [`Objects`], as the protocols reach memory only through [`Memory`](crate::memory::Memory): what ships is what is
//! checked.
//!
//! **Legal states.** Of one object:
//!
//! | the object | its first word | length | what it is | what the next creator does |
//! |---|---|---|---|---|
//! | not there | | | | creates it empty, goes on as below |
//! | empty | | 0 | a creator has just begun, or died there | builds it |
//! | begun | CREATING | 8 or more | a creator is at work, or died there | waits for its lock; then removes it, begins anew |
//! | complete | MAGIC | as in its header | ready, described; never begun again | opens it |
//!
//! Building, replacing and removing need the lock [`CREATE`] on the object that the name refers to, which is looked at
//! again after the lock was had. Opening a complete object needs no lock: a process that is stopped while it creates
//! one channel keeps nobody from another, and nobody from a channel that is complete. No object is ever shortened, so
//! nobody who has mapped one is sent SIGBUS.
//!
//! **What a death leaves.** The anchor of a channel is completed after the data object, so a complete anchor says that
//! the data object is complete. Removal goes the other way round.
//!
//! | a creator or remover dies after | anchor | data object | the next creator |
//! |---|---|---|---|
//! | creating the anchor | empty | - | builds both |
//! | beginning the anchor | CREATING | - | removes it, builds both |
//! | removing an old data object, beginning its own | CREATING | CREATING | removes both, builds both |
//! | completing the data object | CREATING | complete | removes both, builds both |
//! | completing the anchor | complete | complete | attaches |
//! | (removal) marking the anchor | CREATING | complete | removes both, builds both |
//! | (removal) removing the data object | CREATING | - | removes it, builds both |
//!
//! A role is taken first, then the anchor is looked at again: it must still be the one with that name, and complete.
//! From there on nobody removes it who does not use force, because that needs every role.
//!
//! Locks are given up on the way out ([`Drop`]), and by a death. Closing would not do: a process that has a role goes
//! on to have the anchor open, and with it would keep the right to create.

mod objects;

use crate::header::{Header, HeaderError};
use core::ops::RangeInclusive;
use core::time::Duration;
pub use objects::{ALL_ROLES, Access, CONSUMERS, CREATE, LockByte, Objects, PRODUCER, Part, REPLACE};

/// How long a call waits for another process that creates or removes the same object.
pub const WAIT: Duration = Duration::from_secs(5);
/// How often a call begins anew because the name was given to another object meanwhile.
pub const ATTEMPTS: u32 = 100;

/// The headers and the description of what is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan<'d> {
    /// The anchor's.
    pub anchor: Header,
    /// What the anchor carries after its layout; empty where it has no [description](crate::description).
    pub description: &'d [u8],
    /// The data object's, if it is a channel.
    pub data: Option<Header>,
}

/// Why a role or a view was not had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<E, R> {
    /// A system call failed.
    Kernel(E),
    /// The caller refuses what was found, or what is to be created.
    Refused(R),
    /// There is no such object, and it is not created here.
    Missing(Part),
    /// The object is incomplete, or none of this version, or damaged.
    Header(Part, HeaderError),
    /// Another process has been creating or removing the anchor for [`WAIT`].
    BeingCreated,
    /// The object was removed and created again, each time this call had opened it.
    Unsettled(Part),
}

impl<E, R> From<E> for Failure<E, R> {
    fn from(error: E) -> Self {
        Failure::Kernel(error)
    }
}

/// Locks that this process has.
struct Lock<'o, O: Objects> {
    objects: &'o O,
    object: &'o O::Object,
    bytes: RangeInclusive<LockByte>,
}

impl<O: Objects> Lock<'_, O> {
    /// Leaves the locks to the object, until that is closed. The first of their bytes.
    fn keep(self) -> LockByte {
        let byte = *self.bytes.start();
        core::mem::forget(self);
        byte
    }
}

impl<O: Objects> Drop for Lock<'_, O> {
    /// Closing the object would do, if another thread were not just starting a program: between its fork and its exec
    /// the child has the object open too.
    fn drop(&mut self) {
        // Where this fails, closing follows.
        let _ = self.objects.unlock(self.object, &self.bytes);
    }
}

/// What became of asking for the right to create and remove.
enum Asked<'o, O: Objects> {
    /// It was had.
    Had(Lock<'o, O>),
    /// The name refers to another object now, or to none.
    Moved,
    /// A live process has had it all the time.
    Waited,
}

/// Asks for the right to create, complete and remove what the anchor's name refers to.
fn ask_right<'o, O: Objects>(objects: &'o O, anchor: &'o O::Object, wait: Duration) -> Result<Asked<'o, O>, O::Error> {
    if !objects.lock_within(anchor, &CREATE, wait)? {
        return Ok(Asked::Waited);
    }
    let right = Lock { objects, object: anchor, bytes: CREATE };
    Ok(if objects.reopen(anchor, Access::Read)?.is_some() { Asked::Had(right) } else { Asked::Moved })
}

/// What became of asking for a role.
enum Taken<'o, O: Objects> {
    /// It was had.
    Had(Lock<'o, O>),
    /// Live processes have all of those that were wanted.
    Refused,
    /// Who had it has given it up, a remover perhaps: the anchor has to be looked at anew.
    Anew,
}

impl<O: Objects> Taken<'_, O> {
    /// As [`Lock::keep`], if it was had.
    fn keep(self) -> Option<LockByte> {
        if let Taken::Had(role) = self { Some(role.keep()) } else { None }
    }
}

/// Takes one of these roles.
///
/// Refused is who was seen to be so by a live process's lock of that role alone. A remover has every role for a moment.
/// It may be about to die, so that the role is tried again after it.
fn take<'o, O: Objects>(
    objects: &'o O,
    anchor: &'o O::Object,
    roles: &RangeInclusive<LockByte>,
) -> Result<Taken<'o, O>, O::Error> {
    for role in roles.clone() {
        let bytes = role..=role;
        if objects.try_lock(anchor, &bytes)? {
            return Ok(Taken::Had(Lock { objects, object: anchor, bytes }));
        }
        match objects.locked(anchor, &bytes)? {
            Some(lock) if lock == bytes => {}
            Some(_) if !outlast_remover(objects, anchor)? => return Ok(Taken::Refused),
            // Whoever had the role has given it up.
            Some(_) | None => return Ok(Taken::Anew),
        }
    }
    Ok(Taken::Refused)
}

/// Waits for a process that creates or removes an object; false where it does not finish.
fn outlast_remover<O: Objects>(objects: &O, anchor: &O::Object) -> Result<bool, O::Error> {
    let is_over = objects.lock_within(anchor, &CREATE, WAIT)?;
    if is_over {
        drop(Lock { objects, object: anchor, bytes: CREATE });
    }
    Ok(is_over)
}

/// The complete anchor, which is built as `plan` says if it has to be created. What cannot be built is removed.
fn open_or_create<'d, O: Objects, R>(
    objects: &O,
    plan: impl Fn() -> Result<Plan<'d>, R>,
) -> Result<(O::Object, Header), Failure<O::Error, R>> {
    for _ in 0..ATTEMPTS {
        // O_CREAT only where there is nothing: `fs.protected_regular` refuses it on what another user owns.
        let anchor = match objects.open(Part::Anchor, Access::ReadWrite)? {
            Some(anchor) => anchor,
            None => match objects.create(Part::Anchor)? {
                Some(anchor) => anchor,
                None => continue,
            },
        };
        if let Some(header) = complete_header(objects, &anchor)? {
            return Ok((anchor, header));
        }
        let right = match ask_right(objects, &anchor, WAIT)? {
            Asked::Had(right) => right,
            Asked::Moved => continue,
            Asked::Waited => return Err(Failure::BeingCreated),
        };
        if complete_header(objects, &anchor)?.is_none() {
            if !objects.is_empty(&anchor)? {
                // Its creator or remover died. A process may have had it mapped before that, so it is not used again.
                objects.unlink(Part::Anchor)?;
                continue;
            }
            let built = plan().map_err(Failure::Refused).and_then(|plan| build(objects, &anchor, &plan));
            if let Err(failure) = built {
                // The error that counts is the first one. Where this fails too, an incomplete object stays.
                let _ = objects.unlink(Part::Anchor);
                return Err(failure);
            }
        }
        let header = header_of(objects, &anchor, Part::Anchor)?;
        drop(right);
        return Ok((anchor, header));
    }
    Err(Failure::Unsettled(Part::Anchor))
}

/// Builds the anchor, which is empty, and the data object. The anchor is completed last.
fn build<O: Objects, R>(objects: &O, anchor: &O::Object, plan: &Plan<'_>) -> Result<(), Failure<O::Error, R>> {
    objects.begin(anchor, plan.anchor.length)?;
    objects.describe(anchor, &plan.anchor, plan.description)?;
    let Some(data) = &plan.data else { return Ok(objects.complete(anchor)?) };
    objects.unlink(Part::Data)?;
    let built = build_data(objects, data).and_then(|()| Ok(objects.complete(anchor)?));
    if built.is_err() {
        // The error that counts is the first one. Where this fails too, the anchor stays incomplete.
        let _ = objects.unlink(Part::Data);
    }
    built
}

fn build_data<O: Objects, R>(objects: &O, header: &Header) -> Result<(), Failure<O::Error, R>> {
    let Some(data) = objects.create(Part::Data)? else { return Err(Failure::Unsettled(Part::Data)) };
    objects.begin(&data, header.length)?;
    objects.describe(&data, header, &[])?;
    Ok(objects.complete(&data)?)
}

fn header_of<O: Objects, R>(objects: &O, object: &O::Object, part: Part) -> Result<Header, Failure<O::Error, R>> {
    objects.header(object)?.map_err(|error| Failure::Header(part, error))
}

/// The anchor's header; `None` where it is not complete yet.
fn complete_header<O: Objects, R>(objects: &O, anchor: &O::Object) -> Result<Option<Header>, Failure<O::Error, R>> {
    match objects.header(anchor)? {
        Ok(header) => Ok(Some(header)),
        Err(HeaderError::Incomplete) => Ok(None),
        Err(error) => Err(Failure::Header(Part::Anchor, error)),
    }
}

/// The anchor, opened anew, if it still has its name and its header.
///
/// Both the name and the content: a remover that died left the name of an object that it had begun to remove.
fn look_again<O: Objects>(
    objects: &O,
    anchor: &O::Object,
    header: &Header,
    access: Access,
) -> Result<Option<O::Object>, O::Error> {
    let again = objects.reopen(anchor, access)?;
    Ok(again.filter(|again| matches!(objects.header(again), Ok(Ok(found)) if found == *header)))
}

/// A role, and what it is of.
#[derive(Clone, Copy, Debug)]
pub struct Attached<T, L> {
    /// The role, whose lock `anchor` has.
    pub role: LockByte,
    /// The anchor, as long as which is open this process has the role.
    pub anchor: T,
    /// The anchor, opened once more, which has no lock.
    pub again: T,
    /// The anchor's header.
    pub header: Header,
    /// What `check` made of it.
    pub checked: L,
}

/// Takes one of some roles, the first that no live process has, creating what is not there as `plan` says.
///
/// `check` judges the anchor's header, and says which roles are wanted. `refuse` says the error where live processes
/// have them all.
///
/// # Errors
/// The caller refuses, what is there cannot be used, another process does not finish, or a system call failed.
///
/// # Crash safety
/// *Repeatable.* What a kill leaves half-made the next call completes.
pub fn attach<'d, O: Objects, L, R>(
    objects: &O,
    plan: impl Fn() -> Result<Plan<'d>, R>,
    check: impl Fn(&Header) -> Result<(L, RangeInclusive<LockByte>), R>,
    refuse: impl Fn(&O::Object, &L) -> R,
) -> Result<Attached<O::Object, L>, Failure<O::Error, R>> {
    for _ in 0..ATTEMPTS {
        let (anchor, header) = open_or_create(objects, &plan)?;
        let (checked, roles) = check(&header).map_err(Failure::Refused)?;
        let taken = take(objects, &anchor, &roles)?;
        if let Taken::Anew = taken {
            continue;
        }
        let Some(again) = look_again(objects, &anchor, &header, Access::ReadWrite)? else { continue };
        let Some(role) = taken.keep() else { return Err(Failure::Refused(refuse(&anchor, &checked))) };
        return Ok(Attached { role, anchor, again, header, checked });
    }
    Err(Failure::Unsettled(Part::Anchor))
}

/// Opens an object that has to be there and complete, and reads its header.
///
/// # Errors
/// It is not there, its header is none, or a system call failed.
///
/// # Crash safety
/// *Nothing to undo.*
pub fn open<O: Objects, R>(
    objects: &O,
    part: Part,
    access: Access,
) -> Result<(O::Object, Header), Failure<O::Error, R>> {
    let object = objects.open(part, access)?.ok_or(Failure::Missing(part))?;
    let header = header_of(objects, &object, part)?;
    Ok((object, header))
}

/// Looks at a channel without a role: its anchor, and what `look` made of it. `check` judges the anchor's header,
/// `look` opens the data object that belongs to it, and may read the anchor's description.
///
/// # Errors
/// The channel is not there or not complete, the caller refuses, or a system call failed.
///
/// # Crash safety
/// *Nothing to undo.*
pub fn observe<O: Objects, L, T, R>(
    objects: &O,
    check: impl Fn(&Header) -> Result<L, R>,
    look: impl Fn(&O::Object, &Header, &L) -> Result<T, Failure<O::Error, R>>,
) -> Result<(O::Object, T), Failure<O::Error, R>> {
    for _ in 0..ATTEMPTS {
        let (anchor, header) = open(objects, Part::Anchor, Access::Read)?;
        let checked = check(&header).map_err(Failure::Refused)?;
        let seen = look(&anchor, &header, &checked);
        // A failure counts only if the channel is still the one that was found: it may be just being removed.
        if seen.is_err() && look_again(objects, &anchor, &header, Access::Read)?.is_none() {
            continue;
        }
        return seen.map(|seen| (anchor, seen));
    }
    Err(Failure::Unsettled(Part::Anchor))
}

/// Whether live processes are asked before something is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Refuse while a live process has a role.
    No,
    /// Remove the names all the same. Who has the objects open goes on with them, unseen by those who come later.
    Yes,
}

/// Which objects are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The anchor: a board.
    Anchor,
    /// The anchor and the data object: a channel.
    Both,
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal<T> {
    /// The names are gone.
    Removed,
    /// There was none.
    Missing,
    /// A live process has this role of this anchor.
    InUse(T, LockByte),
    /// Another process has been creating or removing the anchor all the time.
    BeingCreated,
    /// The anchor was removed and created again, each time this call had opened it.
    Unsettled,
}

/// Removes the names, waiting that long for another process that creates or removes the same.
///
/// # Errors
/// A system call failed.
///
/// # Crash safety
/// *Repeatable.* Killed on its way, the channel or board is there, or is created anew by whoever opens it next.
pub fn remove<O: Objects>(
    objects: &O,
    parts: Parts,
    force: Force,
    wait: Duration,
) -> Result<Removal<O::Object>, O::Error> {
    for _ in 0..ATTEMPTS {
        let anchor = match objects.open(Part::Anchor, Access::ReadWrite)? {
            Some(anchor) => anchor,
            None if parts == Parts::Anchor || objects.open(Part::Data, Access::Read)?.is_none() => {
                return Ok(Removal::Missing);
            }
            // A data object that was left alone is removed under the right to its anchor.
            None => match objects.create(Part::Anchor)? {
                Some(anchor) => anchor,
                None => continue,
            },
        };
        let right = match ask_right(objects, &anchor, wait)? {
            Asked::Had(right) => right,
            Asked::Moved => continue,
            Asked::Waited => return Ok(Removal::BeingCreated),
        };
        if force == Force::No
            && let Some(byte) = take_all(objects, &anchor)?
        {
            drop(right);
            return Ok(Removal::InUse(anchor, byte));
        }
        if parts == Parts::Both {
            // From here on whoever opens the channel begins it anew.
            objects.mark_incomplete(&anchor)?;
            objects.unlink(Part::Data)?;
        }
        objects.unlink(Part::Anchor)?;
        return Ok(Removal::Removed);
    }
    Ok(Removal::Unsettled)
}

/// Takes every role, so that nobody can have one while the object is removed; where that fails, a role that a live
/// process has.
fn take_all<O: Objects>(objects: &O, anchor: &O::Object) -> Result<Option<LockByte>, O::Error> {
    loop {
        if objects.try_lock(anchor, &ALL_ROLES)? {
            return Ok(None);
        }
        // Where the role was given up in between, the next attempt tells.
        if let Some(lock) = objects.locked(anchor, &ALL_ROLES)? {
            return Ok(Some(*lock.start()));
        }
    }
}
