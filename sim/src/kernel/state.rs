//! What the kernel knows: names, objects, open file descriptions and their locks.

use super::calls::{Call, DENIED, FULL, LEFT, OPEN, OPENED, Word, words};
use lastword_protocol::creation::{Access, Part};
use lastword_protocol::header::LENGTH;
use std::hash::{Hash, Hasher};

/// So many objects there are at most at once.
const OBJECTS_MAX: usize = 16;
/// So many descriptors a process has at most at once.
const DESCRIPTORS_MAX: usize = 12;
/// What is answered of a mode that keeps the owner out of what is not empty.
const GIVEN: u64 = 2;
/// No object.
const NONE: u8 = u8::MAX;

/// An object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Object {
    pub(super) word: Word,
    /// Its length, in bytes.
    pub(super) length: u16,
    /// The pair number in its header; 0 where it has none.
    pub(super) pair: u8,
    /// The pair number that its description goes with; 0 where it has none.
    pub(super) described: u8,
    /// Whether its mode keeps its owner out.
    pub(super) closed: bool,
}

/// An open file description.
#[derive(Clone, Copy, Debug)]
pub(super) struct Description {
    pub(super) object: u8,
    /// Whether it can be written and locked.
    writes: bool,
    /// A bit for each byte that it has locked.
    pub(super) locks: u8,
}

/// The descriptors of a process.
pub(super) type Descriptors = [Option<Description>; DESCRIPTORS_MAX];
/// No descriptors.
pub(super) const CLOSED: Descriptors = [None; DESCRIPTORS_MAX];

/// What the kernel knows.
#[derive(Debug)]
pub(super) struct State {
    /// The object of each name.
    names: [u8; 2],
    objects: [Object; OBJECTS_MAX],
    /// The descriptors of each process.
    pub(super) open: Vec<Descriptors>,
    /// Locks that a death should have given up.
    pub(super) left: Vec<Description>,
}

impl Clone for State {
    fn clone(&self) -> Self {
        Self { names: self.names, objects: self.objects, open: self.open.clone(), left: self.left.clone() }
    }

    fn clone_from(&mut self, other: &Self) {
        (self.names, self.objects) = (other.names, other.objects);
        self.open.clone_from(&other.open);
        self.left.clone_from(&other.left);
    }
}

impl State {
    /// No names, and so many processes.
    pub(super) fn new(processes: usize) -> Self {
        let objects = [Object::default(); OBJECTS_MAX];
        Self { names: [NONE; 2], objects, open: vec![CLOSED; processes], left: Vec::new() }
    }

    /// The number of the object that has this name.
    pub(super) fn named(&self, part: Part) -> Option<u8> {
        Some(self.names[part as usize]).filter(|&object| object != NONE)
    }

    /// An object.
    pub(super) fn object(&self, number: u8) -> &Object {
        &self.objects[usize::from(number)]
    }

    /// What a descriptor refers to.
    pub(super) fn description(&self, process: usize, descriptor: u8) -> &Description {
        match &self.open[process][usize::from(descriptor)] {
            Some(description) => description,
            None => panic!("descriptor {descriptor} of process {process} is closed"),
        }
    }

    fn description_mut(&mut self, process: usize, descriptor: u8) -> &mut Description {
        match &mut self.open[process][usize::from(descriptor)] {
            Some(description) => description,
            None => panic!("descriptor {descriptor} of process {process} is closed"),
        }
    }

    fn object_of(&self, process: usize, descriptor: u8) -> &Object {
        self.object(self.description(process, descriptor).object)
    }

    fn object_of_mut(&mut self, process: usize, descriptor: u8) -> &mut Object {
        let number = self.description(process, descriptor).object;
        &mut self.objects[usize::from(number)]
    }

    fn descriptions(&self) -> impl Iterator<Item = &Description> {
        self.open.iter().flatten().flatten().chain(&self.left)
    }

    /// The number of a new, empty object. One that has no name and no description is forgotten.
    fn create(&mut self, object: Object) -> u8 {
        let in_use = self.descriptions().map(|description| description.object).chain(self.names);
        let in_use = in_use.filter(|&object| object != NONE).fold(0_u32, |bits, object| bits | 1 << object);
        let number = in_use.trailing_ones() as usize;
        assert!(number < OBJECTS_MAX, "at most {OBJECTS_MAX} objects");
        self.objects[number] = object;
        number as u8
    }

    fn add(&mut self, process: usize, object: u8, writes: bool) -> u64 {
        let Some(number) = self.open[process].iter().position(Option::is_none) else {
            panic!("at most {DESCRIPTORS_MAX} descriptors")
        };
        self.open[process][number] = Some(Description { object, writes, locks: 0 });
        number as u64 + OPENED
    }

    /// The other descriptions of an object.
    fn others(&self, process: usize, descriptor: u8) -> impl Iterator<Item = &Description> {
        let mine = self.description(process, descriptor);
        self.descriptions().filter(move |other| other.object == mine.object && !std::ptr::eq(*other, mine))
    }

    /// Whether a call that waits would be answered now.
    pub(super) fn is_free(&self, process: usize, descriptor: u8, bytes: u8) -> bool {
        self.others(process, descriptor).all(|other| other.locks & bytes == 0)
    }

    /// Does a call. The answer, and whether a death leaves something else now than before.
    pub(super) fn call(&mut self, process: usize, call: Call, umask: bool) -> (u64, bool) {
        let writes = |descriptor| self.description(process, descriptor).writes;
        let refused = match call {
            Call::Begin(descriptor)
            | Call::WriteWord(descriptor, _)
            | Call::WriteHeader(descriptor, _)
            | Call::WriteDescription(descriptor, _)
            | Call::Reserve(descriptor)
            | Call::TryLock(descriptor, _)
            | Call::Wait(descriptor, _) => !writes(descriptor),
            Call::Open(part, _) => self.named(part).is_some_and(|object| self.object(object).closed),
            _ => false,
        };
        if refused {
            return (DENIED, false);
        }
        match call {
            Call::Open(part, access) => {
                let writes = access == Access::ReadWrite;
                (self.named(part).map_or(0, |object| self.add(process, object, writes)), false)
            }
            Call::OpenPath(part) => (self.named(part).map_or(0, |object| self.add(process, object, false)), false),
            Call::OpenSame(descriptor, access) => {
                let object = self.description(process, descriptor).object;
                (self.add(process, object, access == Access::ReadWrite), false)
            }
            Call::Create(part) => {
                if self.named(part).is_some() {
                    return (0, false);
                }
                let object = self.create(Object { closed: umask, ..Object::default() });
                self.names[part as usize] = object;
                (self.add(process, object, true), true)
            }
            Call::Unlink(part) => {
                let was = std::mem::replace(&mut self.names[part as usize], NONE);
                (u64::from(was != NONE), was != NONE)
            }
            Call::Close(descriptor) => {
                let closed = self.open[process][usize::from(descriptor)].take();
                (0, closed.is_some_and(|closed| closed.locks != 0))
            }
            Call::IsSame(left, right) => {
                let object = |descriptor| self.description(process, descriptor).object;
                (u64::from(object(left) == object(right)), false)
            }
            Call::Mode(descriptor) => {
                let object = self.object_of(process, descriptor);
                (
                    if !object.closed {
                        OPEN
                    } else if object.length == 0 {
                        LEFT
                    } else {
                        GIVEN
                    },
                    false,
                )
            }
            Call::Length(descriptor) => (self.object_of(process, descriptor).length.into(), false),
            Call::ReadWord(descriptor) => {
                let object = self.object_of(process, descriptor);
                (object.word as u64 | words(object.length).min(1) << 16, false)
            }
            Call::ReadHeader(descriptor) => {
                let object = self.object_of(process, descriptor);
                (object.word as u64 | u64::from(object.pair) << 8 | words(object.length) << 16, false)
            }
            Call::Begin(descriptor) => self.call(process, Call::WriteWord(descriptor, Word::Creating), umask),
            Call::WriteWord(descriptor, word) => {
                let object = self.object_of_mut(process, descriptor);
                (object.word, object.length) = (word, object.length.max(8));
                (0, true)
            }
            Call::WriteHeader(descriptor, pair) => {
                let object = self.object_of_mut(process, descriptor);
                (object.pair, object.length) = (pair, object.length.max(LENGTH as u16));
                (0, true)
            }
            Call::ReadDescription(descriptor) => (self.object_of(process, descriptor).described.into(), false),
            Call::WriteDescription(descriptor, pair) => {
                let object = self.object_of_mut(process, descriptor);
                (object.described, object.length) = (pair, object.length.max(FULL));
                (0, true)
            }
            Call::SetMode(descriptor) => {
                let object = self.object_of_mut(process, descriptor);
                let closed = std::mem::replace(&mut object.closed, false);
                (0, closed)
            }
            Call::Reserve(descriptor) => {
                let object = self.object_of_mut(process, descriptor);
                object.length = object.length.max(FULL);
                (0, true)
            }
            Call::TryLock(descriptor, bytes) | Call::Wait(descriptor, bytes) => {
                let had = self.is_free(process, descriptor, bytes);
                if had {
                    self.description_mut(process, descriptor).locks |= bytes;
                    return (OPENED, true);
                }
                (0, false)
            }
            Call::Unlock(descriptor, bytes) => {
                let description = self.description_mut(process, descriptor);
                let had = description.locks & bytes != 0;
                description.locks &= !bytes;
                (0, had)
            }
            Call::Locked(descriptor, bytes) => {
                let found = self.others(process, descriptor).find(|other| other.locks & bytes != 0);
                (found.map_or(0, |found| range(found.locks, bytes) + 1), false)
            }
        }
    }

    /// Closes every descriptor of a process. With `leaves`, what it has locked stays so.
    pub(super) fn exit(&mut self, process: usize, leaves: bool) {
        let closed = std::mem::replace(&mut self.open[process], CLOSED);
        if leaves {
            self.left.extend(closed.into_iter().flatten().filter(|description| description.locks != 0));
        }
    }

    /// The pair numbers that are in a header.
    pub(super) fn pairs(&self) -> u64 {
        // Those of forgotten objects too: it is of no account which number is drawn, as long as nobody knows it.
        let reachable = self.reachable();
        (0..OBJECTS_MAX).filter(|&at| reachable[at] != NONE).fold(0, |pairs, at| pairs | 1 << self.objects[at].pair)
    }

    /// The objects in the order in which they are come to, so that numbers are of no account.
    fn reachable(&self) -> [u8; OBJECTS_MAX] {
        let mut order = [NONE; OBJECTS_MAX];
        let mut count = 0;
        for object in self.names.into_iter().chain(self.descriptions().map(|description| description.object)) {
            if object != NONE && order[usize::from(object)] == NONE {
                order[usize::from(object)] = count;
                count += 1;
            }
        }
        order
    }
}

/// The first of the ranges of locks that has one of these bytes: its first byte, and its last one times 256.
fn range(locks: u8, bytes: u8) -> u64 {
    let first = (locks & bytes).trailing_zeros();
    let start = first + 1 - (locks << (7 - first)).leading_ones();
    let end = start + (locks >> start).trailing_ones() - 1;
    u64::from(start | end << 8)
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let order = self.reachable();
        let number = |object: u8| if object == NONE { NONE } else { order[usize::from(object)] };
        for object in self.names {
            hasher.write_u8(number(object));
        }
        let mut objects = [None; OBJECTS_MAX];
        for (object, &at) in self.objects.iter().zip(&order) {
            if at != NONE {
                objects[usize::from(at)] = Some(object);
            }
        }
        for object in objects.into_iter().map_while(|object| object) {
            object.hash(hasher);
        }
        for descriptors in self.open.iter() {
            for (at, description) in descriptors.iter().enumerate() {
                if let Some(description) = description {
                    hasher.write_u32(u32::from_le_bytes([
                        at as u8,
                        number(description.object),
                        description.writes.into(),
                        description.locks,
                    ]));
                }
            }
            hasher.write_u8(NONE);
        }
        for description in &self.left {
            hasher.write_u16(u16::from_le_bytes([number(description.object), description.locks]));
        }
    }
}
