//! Generations of a channel: how a channel is replaced while it is in use, so that nobody who opens it sees neither.
//!
//! **Problem.** The messages of a running channel are to be of another type, or longer, or for more consumers. Its
//! objects have a fixed length, and removing them to create others leaves a moment in which there are none.
//!
//! **Objects.** Each generation is a channel of its own, as [creation](lastword_protocol::creation) makes them. The
//! first is called `NAME`, the next ones `NAME~1`, `NAME~2`, which no channel of a user can be called. The locks object
//! of the first, the *base*, has a word, `successor`: 0, or the number of the newest generation. It stays for as long
//! as the channel.
//!
//! **Replacing.** The right to do it is a lock of the base ([`REPLACE`]), which the kernel drops with its holder. Under
//! it, what earlier replacers left is removed, the next generation is created completely and gets its first messages,
//! and then one store to `successor` makes it the channel's.
//!
//! | a replacer dies after | `successor` | `NAME~n+1` | who opens the channel | the next replacer |
//! |---|---|---|---|---|
//! | taking the right | n | - | gets n | makes n+1 |
//! | beginning the next generation | n | empty, begun or without data | gets n | removes it, makes n+1 |
//! | completing it | n | complete | gets n | removes it, makes n+1 |
//! | publishing into it | n | complete, with messages | gets n | removes it, makes n+1 |
//! | storing `successor` | n+1 | complete, with messages | gets n+1 | removes n if nobody uses it, makes n+2 |
//!
//! **Opening.** Who opens the channel loads `successor`, opens that generation, and then looks whether the base is
//! still the one that has the name and still names that generation. If not, it begins anew. So a generation that is not
//! there, or that was removed meanwhile, is an error only if it is the newest one. Only the first generation is created
//! by opening it.
//!
//! **Live processes** of a generation that was replaced go on with it, and its objects stay until they are gone. They
//! can ask, by one load, and open the channel again.
//!
//! **Removing** needs the right to replace, so that there is no next generation meanwhile, and the roles of all
//! generations. While it has them it removes the base, and the other generations after it: without a base they are
//! nobody's.
//!
//! | a remover dies after | base | `NAME~n` | who opens the channel | the next replacer or remover |
//! |---|---|---|---|---|
//! | taking the rights and roles | complete | complete | gets n | as if nothing had been |
//! | marking the base | begun | complete | creates it anew | removes `NAME~n` |
//! | removing the base | - | complete | creates it anew | removes `NAME~n` |
//! | marking or removing `NAME~n` | - | begun or gone | creates it anew | removes what is left of it |

use crate::creation::Named;
use crate::error::{OpenError, OsError, RemoveError};
use crate::list;
use crate::name::{Name, ObjectKind};
use crate::object::{Object, number};
use crate::region::{Region, process_id};
use crate::role::Role;
use lastword_protocol::creation::{ALL_ROLES, ATTEMPTS, Access, CREATE, Force, LockByte, Objects, Part, REPLACE, WAIT};
use lastword_protocol::header::{Header, HeaderError, Kind};
use lastword_protocol::slots::layout::SUCCESSOR;
use std::ops::RangeInclusive;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

/// So much of the base is mapped: what stands before the lock words.
const BASE_LENGTH: usize = 256;
const BASE_WORDS: usize = BASE_LENGTH / 8;
const _: () = assert!(SUCCESSOR + 8 <= BASE_LENGTH && SUCCESSOR.is_multiple_of(8));

/// So many numbers are tried for the next generation.
const NUMBERS_MAX: usize = 1 << 16;

/// The locks object of a channel's first generation, opened to read.
struct Base {
    object: Object,
    successor: u64,
}

impl Base {
    /// The base of a channel; `None` where there is none that is complete, so that nothing can have replaced it.
    ///
    /// Its version is of no account: a program that does not know the first generation's layout may know the newest
    /// one's.
    fn open(first: &Named<'_>) -> Result<Option<Self>, OsError> {
        let Some(object) = first.open(Part::Anchor, Access::Read)? else { return Ok(None) };
        let (words, header) = object.glance::<BASE_WORDS>()?;
        Ok(is_base(&object, header).then_some(Self { object, successor: words[SUCCESSOR / 8] }))
    }

    /// The newest generation, as it was when this was opened.
    fn newest(&self) -> Result<u32, OpenError> {
        parse(&self.object, self.successor)
    }

    /// Whether it is the same object, and names this generation.
    fn still_names(&self, object: &Object, generation: u32) -> bool {
        self.object.is(object) && self.successor == generation.into()
    }
}

/// Whether an object is complete, and the locks object of a channel, by its header.
fn is_base(object: &Object, header: Result<Header, HeaderError>) -> bool {
    match header {
        Ok(header) => header.kind == Kind::SlotsLocks && header.length >= BASE_LENGTH as u64,
        Err(HeaderError::Version { .. }) => object.had(BASE_LENGTH as u64),
        Err(_) => false,
    }
}

/// The newest generation of a channel, as the locks object of its first one says, which has this header.
pub(crate) fn newest(base: &Object, header: Result<Header, HeaderError>) -> Result<u32, OpenError> {
    if is_base(base, header) { parse(base, base.peek_word(SUCCESSOR)) } else { Ok(0) }
}

/// The generation that a word names that any process of the channel may have written.
fn parse(base: &Object, word: u64) -> Result<u32, OpenError> {
    u32::try_from(word).map_err(|_| OpenError::Successor { object: base.name().to_owned(), found: word })
}

/// What a process of a channel looks at to know whether its generation was replaced.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    base: Region,
    generation: u32,
}

impl Link {
    #[inline]
    pub(crate) fn is_replaced(&self) -> bool {
        // Acquire: who sees that it was replaced sees the next generation complete. Pairs with `Right::commit`. A death
        // leaves nothing.
        self.base.load(SUCCESSOR, Ordering::Acquire) > self.generation.into()
    }
}

/// Opens the newest generation of a channel, whose first one is `first`, by `open`, which is given its name and says
/// also which locks object it found.
pub(crate) fn follow<T>(
    first: &Named<'_>,
    name: &Name,
    open: impl Fn(&Name) -> Result<T, OpenError>,
    locks: impl Fn(&T) -> &Object,
) -> Result<(T, Link), OpenError> {
    for _ in 0..ATTEMPTS {
        let before = Base::open(first)?;
        let generation = before.as_ref().map_or(Ok(0), Base::newest)?;
        // Acquire: whoever is led to a generation finds it complete. Pairs with `Right::commit`.
        fence(Ordering::Acquire);
        let opened = open(&name.of(generation));
        let Some(base) = Base::open(first)? else {
            match opened {
                // It was removed, just before or just now.
                Ok(_) => continue,
                Err(_) if before.is_some() => continue,
                Err(error) => return Err(error),
            }
        };
        // Of the first generation the locks object itself has to be the one that has the name.
        let expected = match (&opened, &before) {
            (Ok(found), _) if generation == 0 => Some(locks(found)),
            (_, Some(before)) => Some(&before.object),
            (_, None) => None,
        };
        if !expected.map_or(base.successor == generation.into(), |object| base.still_names(object, generation)) {
            continue;
        }
        let opened = opened?;
        let base = base.object.map(BASE_LENGTH, Access::Read)?;
        return Ok((opened, Link { base, generation }));
    }
    Err(OpenError::Unsettled { object: first.object(Part::Anchor) })
}

/// Locks that this process has, given up when dropped.
#[derive(Debug)]
struct Locked {
    object: Object,
    bytes: RangeInclusive<LockByte>,
    process: u32,
}

impl Locked {
    /// Takes locks of an object, trying for a time; `None` where another process has them.
    fn within(object: Object, bytes: RangeInclusive<LockByte>, wait: Duration) -> Result<Option<Self>, OsError> {
        Ok(object.lock_within(&bytes, wait)?.then(|| Self { object, bytes, process: process_id() }))
    }
}

impl Drop for Locked {
    /// Closing the object would do, but for programs that are just being started; a forked child leaves its parent's.
    fn drop(&mut self) {
        if self.process == process_id() {
            // Where this fails, closing follows.
            let _ = self.object.unlock(&self.bytes);
        }
    }
}

/// The right to replace a channel.
#[derive(Debug)]
pub(crate) struct Right {
    locked: Locked,
    base: Region,
    name: Name,
    previous: u32,
    next: u32,
    committed: bool,
}

impl Right {
    /// Takes the right, and removes what earlier replacers left.
    pub(crate) fn take(first: &Named<'_>, name: &Name) -> Result<Self, OpenError> {
        let anchor = || first.object(Part::Anchor);
        for _ in 0..ATTEMPTS {
            let Some(object) = first.open(Part::Anchor, Access::ReadWrite)? else {
                return Err(OpenError::NotFound { object: anchor() });
            };
            let Some(locked) = Locked::within(object, REPLACE, Duration::ZERO)? else {
                return Err(OpenError::BeingReplaced { object: anchor() });
            };
            // Opened once more, since a description that has a lock is never mapped.
            let Some(again) = locked.object.reopen(Access::ReadWrite)? else { continue };
            let header = again.header()?;
            if !is_base(&again, header) {
                return Err(match header {
                    Ok(_) | Err(HeaderError::Incomplete) => OpenError::Incomplete { object: anchor() },
                    Err(source) => OpenError::Header { object: anchor(), source },
                });
            }
            let base = again.map(BASE_LENGTH, Access::ReadWrite)?;
            // Acquire: what the last replacer made is whole. Pairs with `Right::commit`, of a process that is dead or has
            // given up the right. Killed after: nothing was changed, but for what `remove_left` has removed.
            let found = base.load(SUCCESSOR, Ordering::Acquire);
            let previous = parse(&again, found)?;
            let no_next = || OpenError::Successor { object: anchor(), found };
            previous.checked_add(1).ok_or_else(no_next)?;
            remove_left(&locked, name, previous)?;
            let next = free_number(name, previous).ok_or_else(no_next)?;
            return Ok(Self { locked, base, name: name.clone(), previous, next, committed: false });
        }
        Err(OpenError::Unsettled { object: anchor() })
    }

    /// The name of the generation that is to be replaced.
    pub(crate) fn previous(&self) -> Name {
        self.name.of(self.previous)
    }

    /// The name of the generation that is to replace it.
    pub(crate) fn next(&self) -> Name {
        self.name.of(self.next)
    }

    /// The mode of the base.
    pub(crate) fn mode(&self) -> Result<u32, OsError> {
        self.locked.object.mode()
    }

    /// What a process of the next generation looks at.
    pub(crate) fn link(&self) -> Result<Option<Link>, OsError> {
        let Some(base) = self.locked.object.reopen(Access::Read)? else { return Ok(None) };
        Ok(Some(Link { base: base.map(BASE_LENGTH, Access::Read)?, generation: self.next }))
    }

    /// Makes the next generation the channel's.
    pub(crate) fn commit(mut self) {
        // Release: who follows this finds the generation complete, and its first messages. Pairs with `follow` and
        // `Link::is_replaced`. Killed before: the channel is as it was, and the next replacer removes what was made.
        // Killed after: it is replaced. Who sleeps on the generation before is not woken by this, and sees it when its
        // sleep ends, in at most 100 ms.
        self.base.store(SUCCESSOR, self.next.into(), Ordering::Release);
        self.committed = true;
    }
}

impl Drop for Right {
    /// What was made and not committed is removed. The next replacer would do it too.
    fn drop(&mut self) {
        if !self.committed && self.locked.process == process_id() {
            // Where this fails, the next replacer does it.
            let _ = Named::channel_to_remove(&self.next()).remove(Force::Yes, Duration::ZERO);
        }
    }
}

/// Removes the generations that are not the channel's: those that were never made the channel's, and those that were
/// replaced and that no process uses. Of the first one its data object alone, since the base names the newest one. What
/// belongs to another user is left alone.
fn remove_left(right: &Locked, name: &Name, newest: u32) -> Result<(), OpenError> {
    let listed = generations(name).map_err(|error| unlisted(right.object.name(), &error))?;
    for generation in listed.into_iter().filter(|&generation| generation != newest) {
        let name = name.of(generation);
        let named = Named::channel_to_remove(&name);
        // A later one only a replacer or a remover can have left that is dead: nobody has followed `successor` there.
        let (force, wait) = if generation > newest { (Force::Yes, WAIT) } else { (Force::No, Duration::ZERO) };
        match named.remove(force, wait) {
            Ok(_) | Err(RemoveError::InUse { .. } | RemoveError::BeingCreated { .. }) => {}
            Err(RemoveError::Os(error)) if error.is_denied() => {}
            Err(RemoveError::Os(error)) => return Err(error.into()),
            Err(_) => return Err(OpenError::Unsettled { object: named.object(Part::Anchor) }),
        }
    }
    let first = Named::channel_to_remove(name);
    if newest > 0
        && let Ok(_closed) = Closed::off(&first, name, Duration::ZERO)
    {
        match first.unlink(Part::Data) {
            Err(error) if !error.is_denied() => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// The number of the next generation: the first one of which nothing is left, by a stranger for example.
fn free_number(name: &Name, newest: u32) -> Option<u32> {
    let is_free = |generation: &u32| {
        let name = name.of(*generation);
        !ObjectKind::ALL.into_iter().any(|kind| Object::is_taken(&name.object(kind)))
    };
    (newest.checked_add(1)?..=u32::MAX).take(NUMBERS_MAX).find(is_free)
}

/// The generations, besides the first, of which there are objects, in order.
fn generations(name: &Name) -> std::io::Result<Vec<u32>> {
    let mut found: Vec<u32> = list::objects(name.as_str())?
        .into_iter()
        .filter(|object| {
            object.name == name.as_str() && object.kind.anchor() == ObjectKind::Locks && object.generation != 0
        })
        .map(|object| object.generation)
        .collect();
    found.dedup();
    Ok(found)
}

fn unlisted(object: &str, error: &std::io::Error) -> OsError {
    OsError::new(object, "readdir", number(error))
}

/// A generation that nobody can take a role of as long as this is kept, though it is complete.
struct Closed {
    _roles: Option<Locked>,
}

impl Closed {
    fn off(named: &Named<'_>, name: &Name, wait: Duration) -> Result<Self, RemoveError> {
        let object = || named.object(Part::Anchor);
        for _ in 0..ATTEMPTS {
            let Some(anchor) = Object::open(&object(), Access::ReadWrite)? else { return Ok(Self { _roles: None }) };
            // The right to create with the roles, as a remover: who wants a role waits for it and does not take it for
            // taken.
            let Some(right) = Locked::within(anchor, CREATE, wait)? else {
                return Err(RemoveError::BeingCreated { object: object(), waited: wait });
            };
            if right.object.reopen(Access::Read)?.is_none() {
                continue;
            }
            while !right.object.try_lock(&ALL_ROLES)? {
                // Where the role was given up in between, the next attempt tells.
                if let Some(lock) = right.object.locked(&ALL_ROLES)? {
                    let role = Role::of_channel(*lock.start());
                    let holder = role.holder(&right.object);
                    return Err(RemoveError::InUse { channel: name.to_string(), role, holder });
                }
            }
            let mut roles = right;
            roles.bytes = *CREATE.start()..=*ALL_ROLES.end();
            return Ok(Self { _roles: Some(roles) });
        }
        Err(RemoveError::Unsettled { object: object() })
    }
}

/// Whether a live process has a role in one of the generations of a channel, or is creating, replacing or removing it.
/// What belongs to another user is left out, unless it is the newest generation.
pub(crate) fn is_used(name: &Name) -> Result<bool, OsError> {
    let first = Named::channel_to_remove(name);
    if first.is_locked(*CREATE.start()..=*REPLACE.end())? {
        return Ok(true);
    }
    let base = first.open(Part::Anchor, Access::Read)?;
    let newest = base.map_or(0, |base| base.peek_word(SUCCESSOR));
    let listed = generations(name).map_err(|error| unlisted(&first.object(Part::Anchor), &error))?;
    for generation in listed {
        match Named::channel_to_remove(&name.of(generation)).is_used() {
            Ok(false) => {}
            Err(error) if error.is_denied() && u64::from(generation) != newest => {}
            used => return used,
        }
    }
    Ok(false)
}

/// Removes a channel with all its generations; false where there was nothing of it. Waits that long for another process
/// that creates, replaces or removes it. What belongs to another user is left alone, unless it is the newest
/// generation.
pub(crate) fn remove(name: &Name, force: Force, wait: Duration) -> Result<bool, RemoveError> {
    let first = Named::channel_to_remove(name);
    for _ in 0..ATTEMPTS {
        let (anchor, was_there) = match Object::open(&first.object(Part::Anchor), Access::ReadWrite)? {
            Some(anchor) => (anchor, true),
            None if generations(name).is_ok_and(|generations| !generations.is_empty()) => {
                // What a remover left that died is removed under the rights of the base.
                match first.create(Part::Anchor)? {
                    Some(anchor) => (anchor, false),
                    None => continue,
                }
            }
            None => return first.remove(force, wait),
        };
        let Some(right) = Locked::within(anchor, REPLACE, wait)? else {
            return Err(RemoveError::BeingCreated { object: first.object(Part::Anchor), waited: wait });
        };
        if right.object.reopen(Access::Read)?.is_none() {
            continue;
        }
        let newest = right.object.peek_word(SUCCESSOR);
        let listed = generations(name).map_err(|error| unlisted(right.object.name(), &error))?;
        let names: Vec<Name> = listed.into_iter().map(|generation| name.of(generation)).collect();
        let mut closed = Vec::new();
        if force == Force::No {
            for name in &names {
                match Closed::off(&Named::channel_to_remove(name), name, wait) {
                    Ok(roles) => closed.push(roles),
                    Err(RemoveError::Os(error)) if error.is_denied() && u64::from(name.generation()) != newest => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let mut is_removed = first.remove(force, wait)? && was_there;
        drop(closed);
        for name in &names {
            // Who opens one of them now finds the base gone, and lets go of it.
            match Named::channel_to_remove(name).remove(Force::Yes, wait) {
                Err(RemoveError::Os(error)) if error.is_denied() => {}
                removed => is_removed |= removed?,
            }
        }
        return Ok(is_removed);
    }
    Err(RemoveError::Unsettled { object: first.object(Part::Anchor) })
}
