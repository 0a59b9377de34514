//! The processes: the shipped code of creation, and below it [`Objects`] as sequences of simulated system calls.
//!
//! Each primitive makes the calls that the real one makes, in their order. Calls are left out that always find the
//! same: the resource limit on files' lengths, and whether an object is a regular file.

use super::{Flaw, Op, Role, Scenario};
use crate::program::{Code, Outcome, Port};
use foldhash::quality::FixedState;
use lastword_protocol::creation::{self, Access, Failure, Force, LockByte, Objects, Part, Parts, Plan, Removal, WAIT};
use lastword_protocol::header::{CREATING, Header, HeaderError, Kind, LENGTH, MAGIC, TypeLayout, WORDS};
use lastword_protocol::model::Violation;
use std::cell::Cell;
use std::hash::{BuildHasher, Hash};
use std::ops::RangeInclusive;
use std::time::Duration;

const SEED: FixedState = FixedState::with_seed(0x0063_616c_6c73);
/// Length of every object, in bytes.
pub(super) const FULL: u16 = 256;
/// So many roles a process has at most at once.
pub(super) const ROLES_MAX: usize = 2;
/// What [`Call::Mode`] answers where the owner is let in.
pub(super) const OPEN: u64 = 0;
/// What it answers where he is kept out of an empty object, as its creator leaves it that dies.
pub(super) const LEFT: u64 = 1;
/// What a call answers that is refused for want of permission. A descriptor is answered as its number and [`OPENED`].
pub(super) const DENIED: u64 = 1;
/// What is added to a descriptor that a call answers. 0 is that there is no such name, or already one.
pub(super) const OPENED: u64 = 2;
/// Bytes of locks that are told apart: the right to create, the producer, some consumers.
const BYTES: LockByte = 8;

/// The first word of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Word {
    /// Zero, or none where the object is empty.
    #[default]
    Zero,
    /// Incomplete.
    Creating,
    /// Complete.
    Magic,
}

impl Word {
    /// The word as it is in memory.
    pub(super) fn bits(self) -> u64 {
        match self {
            Word::Zero => 0,
            Word::Creating => CREATING,
            Word::Magic => MAGIC,
        }
    }

    /// The word that a call answered, as it is in memory.
    fn stored(answer: u64) -> u64 {
        match answer & 0xFF {
            1 => Word::Creating,
            2 => Word::Magic,
            _ => Word::Zero,
        }
        .bits()
    }
}

/// A system call. Descriptors are numbers of the calling process; locks are a bit for each byte.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Call {
    Open(Part, Access),
    /// Opens the object of a name to look at its inode and to set its mode, which needs no permission.
    OpenPath(Part),
    /// Opens what a descriptor refers to, whatever its name refers to. Only a flaw does.
    OpenSame(u8, Access),
    Create(Part),
    Unlink(Part),
    Close(u8),
    /// Whether two descriptors refer to one object.
    IsSame(u8, u8),
    /// Whether the object's mode keeps its owner out, and whether it is empty.
    Mode(u8),
    Length(u8),
    ReadWord(u8),
    ReadHeader(u8),
    /// Writes the first word of an incomplete object that is new.
    Begin(u8),
    WriteWord(u8, Word),
    /// Reads the description.
    ReadDescription(u8),
    /// Writes the header of this pair number, all but its first word.
    WriteHeader(u8, u8),
    /// Writes the description that goes with this pair number.
    WriteDescription(u8, u8),
    SetMode(u8),
    Reserve(u8),
    TryLock(u8, u8),
    /// Tries to lock again and again.
    Wait(u8, u8),
    Unlock(u8, u8),
    Locked(u8, u8),
}

/// What a process asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Action {
    /// A system call, and the number of its [`SITES`] name.
    Call(Call, u8),
    /// A number that nobody knows.
    Draw,
    /// Tells the judge how the operation ended.
    Ends(Ending),
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ending {
    /// The role was had; the descriptors of the anchor and of the data object, which a board has not.
    Attached(Role, u8, Option<u8>),
    /// It was not.
    NotAttached(Failed),
    /// The observer has seen both objects.
    Observed,
    /// It has not.
    NotObserved(Failed),
    /// What became of a removal.
    Removal(Removed),
}

/// Why a role or a view was not had. Its number is what a violation notes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub(super) enum Failed {
    Taken = 1,
    BeingCreated,
    AnchorMissing,
    AnchorIncomplete,
    AnchorDamaged,
    AnchorUnsettled,
    DataMissing,
    DataIncomplete,
    DataDamaged,
    DataUnsettled,
    OtherPair,
    Undescribed,
    Kernel,
}

/// What became of a removal. Its number is what a violation notes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub(super) enum Removed {
    Done = 1,
    Missing,
    InUse,
    BeingCreated,
    Unsettled,
    Kernel,
}

macro_rules! sites {
    ($($site:ident $name:literal)*) => {
        /// Where in a primitive a call stands.
        #[derive(Clone, Copy, Debug)]
        #[repr(u8)]
        enum Site {
            $($site),*
        }
        /// The names of the calls: of which object, and where in which primitive.
        pub(super) const SITES: &[&str] = &[$(concat!("anchor.", $name), concat!("data.", $name)),*];
    };
}

sites! {
    Open "open"
    LendOpen "open.lend.open"
    LendStat "open.lend.fstat"
    LendMode "open.lend.fchmod"
    LentOpen "open.lent"
    Create "create"
    CreateMode "create.fchmod"
    Unlink "unlink"
    Reopen "reopen"
    ReopenStat "reopen.fstat"
    IsEmpty "is_empty"
    HeaderLength "header.fstat"
    HeaderWord "header.read"
    HeaderWords "header.read.all"
    HeaderLengthAgain "header.fstat.again"
    BeginWord "begin.write"
    BeginMode "begin.fchmod"
    BeginReserve "begin.fallocate"
    Describe "describe"
    DescribeMore "describe.more"
    Description "description.read"
    Complete "complete"
    MarkIncomplete "mark_incomplete"
    TryLock "lock"
    Wait "lock.again"
    Unlock "unlock"
    Locked "locked"
    Close "close"
}

/// What every anchor is described by. Its bytes are of no account, the call that writes them stands for them.
const DESCRIPTION: &[u8] = &[0; 16];

/// The header of an object of the channel that has this pair number.
fn header(part: Part, pair: u64) -> Header {
    let kind = if part == Part::Anchor { Kind::SlotsLocks } else { Kind::SlotsData };
    Header { kind, pair, length: FULL.into(), consumers: 1, capacity: 8, payload: TypeLayout::BYTES }
}

fn mask(bytes: &RangeInclusive<LockByte>) -> u8 {
    bytes.clone().take_while(|&byte| byte < BYTES).fold(0, |mask, byte| mask | 1 << byte)
}

/// A system call failed.
#[derive(Debug)]
struct Errno;

/// What a caller of `attach` refuses.
enum Refusal {
    Taken,
    OtherPair,
    Undescribed,
}

/// The objects of the channel, as one process reaches them.
struct Names<'p, 'y> {
    port: &'p Port<'y, Action>,
    scenario: &'static Scenario,
    flaw: Option<Flaw>,
    /// What [`Flaw::DescribedLate`] and [`Flaw::DescriptionLate`] keep back: the pair number.
    kept_back: Cell<u8>,
    /// The roles that the process has.
    carried: Cell<[u64; 2]>,
    /// The operation, and how often it has begun.
    operation: Cell<(u64, u64)>,
    /// Stands for what the primitives have answered since.
    answered: Cell<u64>,
}

/// An opened object.
struct Opened<'p, 'y> {
    port: &'p Port<'y, Action>,
    part: Part,
    number: u8,
}

impl Opened<'_, '_> {
    fn ask(&self, site: Site, call: Call) -> u64 {
        ask(self.port, self.part, site, call)
    }
}

impl Drop for Opened<'_, '_> {
    fn drop(&mut self) {
        self.ask(Site::Close, Call::Close(self.number));
    }
}

fn ask(port: &Port<'_, Action>, part: Part, site: Site, call: Call) -> u64 {
    port.ask(Action::Call(call, site as u8 * 2 + u8::from(part == Part::Data)))
}

fn done(answer: u64) -> Result<(), Errno> {
    if answer == DENIED { Err(Errno) } else { Ok(()) }
}

impl<'p, 'y> Names<'p, 'y> {
    /// The process goes on to an operation.
    fn begin(&self, operation: usize, carried: [u64; 2]) {
        self.carried.set(carried);
        self.operation.set((operation as u64, 0));
        self.answered.set(0);
    }

    /// The operation begins, perhaps anew. Of its attempts before it knows nothing but how many there were.
    fn attempt(&self) {
        let (operation, attempts) = self.operation.get();
        self.operation.set((operation, attempts + 1));
        self.answered.set(0);
        self.merge();
    }

    /// Notes what a primitive answers, which is all that the shipped code knows of what went on in it.
    fn note(&self, answer: impl Hash) {
        self.answered.set(SEED.hash_one((self.answered.get(), answer)));
    }

    /// Histories become one here that differ only in what went on within primitives.
    fn merge(&self) {
        let [first, second] = self.carried.get();
        self.port.next(Outcome::Blocked, [first, second, SEED.hash_one((self.operation.get(), self.answered.get()))]);
    }

    fn note_object(&self, object: &Result<Option<Opened<'p, 'y>>, Errno>) {
        self.note(object.as_ref().map_or(0, |object| object.as_ref().map_or(1, |object| object.number + 2)));
    }

    fn ask(&self, part: Part, site: Site, call: Call) -> u64 {
        ask(self.port, part, site, call)
    }

    fn opened(&self, part: Part, answer: u64) -> Result<Option<Opened<'p, 'y>>, Errno> {
        match answer {
            0 => Ok(None),
            DENIED => Err(Errno),
            answer => Ok(Some(Opened { port: self.port, part, number: (answer - OPENED) as u8 })),
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn open_at(&self, part: Part, access: Access, site: Site) -> Result<Option<Opened<'p, 'y>>, Errno> {
        let mut answer = self.ask(part, site, Call::Open(part, access));
        while answer == DENIED && self.lend_permission(part)? {
            answer = self.ask(part, Site::LentOpen, Call::Open(part, access));
        }
        self.opened(part, answer)
    }

    fn lend_permission(&self, part: Part) -> Result<bool, Errno> {
        let found = self.ask(part, Site::LendOpen, Call::OpenPath(part));
        let Some(object) = self.opened(part, found)? else { return Ok(!self.has(Flaw::LentOnce)) };
        let mode = object.ask(Site::LendStat, Call::Mode(object.number));
        if mode == LEFT {
            object.ask(Site::LendMode, Call::SetMode(object.number));
        }
        Ok(mode == LEFT || mode == OPEN && !self.has(Flaw::LentOnce))
    }

    fn set_mode(&self, object: &Opened<'p, 'y>, site: Site) {
        // Where the umask takes nothing away, the mode is found right and nothing is done.
        if self.scenario.umask {
            object.ask(site, Call::SetMode(object.number));
        }
    }

    fn write_header(&self, object: &Opened<'p, 'y>, pair: u8) -> Result<(), Errno> {
        done(object.ask(Site::Describe, Call::WriteHeader(object.number, pair)))
    }

    fn write_description(&self, object: &Opened<'p, 'y>, pair: u8) -> Result<(), Errno> {
        done(object.ask(Site::DescribeMore, Call::WriteDescription(object.number, pair)))
    }

    /// Whether the description is there that goes with this header.
    fn is_described(&self, object: &Opened<'p, 'y>, header: &Header) -> bool {
        let found = object.ask(Site::Description, Call::ReadDescription(object.number));
        self.note(found);
        found == header.pair
    }
}

impl<'p, 'y> Objects for Names<'p, 'y> {
    type Object = Opened<'p, 'y>;
    type Error = Errno;

    fn open(&self, part: Part, access: Access) -> Result<Option<Self::Object>, Errno> {
        // Each attempt begins with this one.
        if part == Part::Anchor {
            self.attempt();
        }
        let opened = self.open_at(part, access, Site::Open);
        self.note_object(&opened);
        opened
    }

    fn create(&self, part: Part) -> Result<Option<Self::Object>, Errno> {
        let created = self.ask(part, Site::Create, Call::Create(part));
        let created = self.opened(part, created);
        self.note_object(&created);
        if let Ok(Some(object)) = &created {
            self.set_mode(object, Site::CreateMode);
        }
        created
    }

    fn unlink(&self, part: Part) -> Result<(), Errno> {
        if !(self.has(Flaw::DataStays) && part == Part::Data) {
            self.ask(part, Site::Unlink, Call::Unlink(part));
        }
        Ok(())
    }

    fn reopen(&self, object: &Self::Object, access: Access) -> Result<Option<Self::Object>, Errno> {
        if self.has(Flaw::NoSecondLook) {
            let again = object.ask(Site::Reopen, Call::OpenSame(object.number, access));
            let again = self.opened(object.part, again);
            self.note_object(&again);
            return again;
        }
        let again = self.open_at(object.part, access, Site::Reopen).map(|again| {
            again.filter(|again| object.ask(Site::ReopenStat, Call::IsSame(object.number, again.number)) == 1)
        });
        self.note_object(&again);
        self.merge();
        again
    }

    fn is_empty(&self, object: &Self::Object) -> Result<bool, Errno> {
        let is_empty = object.ask(Site::IsEmpty, Call::Length(object.number)) == 0;
        self.note(is_empty);
        Ok(is_empty)
    }

    fn header(&self, object: &Self::Object) -> Result<Result<Header, HeaderError>, Errno> {
        let mut words = [0; WORDS];
        let mut length = object.ask(Site::HeaderLength, Call::Length(object.number));
        let first = object.ask(Site::HeaderWord, Call::ReadWord(object.number));
        words[0] = Word::stored(first);
        let mut count = (first >> 16) as usize;
        if words[0] == MAGIC {
            let found = object.ask(Site::HeaderWords, Call::ReadHeader(object.number));
            if let pair @ 1.. = found >> 8 & 0xFF {
                words = header(object.part, pair).encode();
            }
            words[0] = Word::stored(found);
            count = (found >> 16) as usize;
            if !self.has(Flaw::LengthOnce) {
                length = object.ask(Site::HeaderLengthAgain, Call::Length(object.number));
            }
        }
        let words = if length == 0 { &[] } else { &words[..count] };
        let parsed = Header::parse(words, length);
        match &parsed {
            Ok(header) => self.note((0, header.pair)),
            Err(HeaderError::Incomplete) => self.note(1),
            Err(_) => self.note(2),
        }
        self.merge();
        Ok(parsed)
    }

    fn begin(&self, object: &Self::Object, _: u64) -> Result<(), Errno> {
        if !self.has(Flaw::NotBegun) {
            done(object.ask(Site::BeginWord, Call::Begin(object.number)))?;
        }
        self.set_mode(object, Site::BeginMode);
        done(object.ask(Site::BeginReserve, Call::Reserve(object.number)))
    }

    fn describe(&self, object: &Self::Object, header: &Header, description: &[u8]) -> Result<(), Errno> {
        let pair = header.pair as u8;
        self.kept_back.set(pair);
        if !self.has(Flaw::DescribedLate) {
            self.write_header(object, pair)?;
        }
        if !description.is_empty() && !self.has(Flaw::DescriptionLate) {
            self.write_description(object, pair)?;
        }
        if self.has(Flaw::AnchorFirst) && object.part == Part::Anchor { self.complete(object) } else { Ok(()) }
    }

    fn complete(&self, object: &Self::Object) -> Result<(), Errno> {
        done(object.ask(Site::Complete, Call::WriteWord(object.number, Word::Magic)))?;
        if self.has(Flaw::DescribedLate) {
            self.write_header(object, self.kept_back.get())?;
        }
        if self.has(Flaw::DescriptionLate) && object.part == Part::Anchor {
            self.write_description(object, self.kept_back.get())?;
        }
        Ok(())
    }

    fn mark_incomplete(&self, object: &Self::Object) -> Result<(), Errno> {
        if self.has(Flaw::NotMarked) {
            return Ok(());
        }
        done(object.ask(Site::MarkIncomplete, Call::WriteWord(object.number, Word::Creating)))
    }

    fn try_lock(&self, object: &Self::Object, bytes: &RangeInclusive<LockByte>) -> Result<bool, Errno> {
        let is_all = *bytes == creation::ALL_ROLES;
        if self.has(Flaw::RoleNotTaken) && !is_all || self.has(Flaw::RolesNotTaken) && is_all {
            return Ok(true);
        }
        let answer = object.ask(Site::TryLock, Call::TryLock(object.number, mask(bytes)));
        self.note(answer);
        done(answer)?;
        Ok(answer != 0)
    }

    fn lock_within(
        &self,
        object: &Self::Object,
        bytes: &RangeInclusive<LockByte>,
        wait: Duration,
    ) -> Result<bool, Errno> {
        if self.has(Flaw::RightNotTaken) {
            return Ok(true);
        }
        // At the first attempt the process can die. From there on, trying changes nothing until the lock is had.
        let mut answer = object.ask(Site::TryLock, Call::TryLock(object.number, mask(bytes)));
        if answer == 0 && !wait.is_zero() {
            answer = object.ask(Site::Wait, Call::Wait(object.number, mask(bytes)));
        }
        self.note(answer);
        self.merge();
        done(answer)?;
        Ok(answer != 0)
    }

    fn unlock(&self, object: &Self::Object, bytes: &RangeInclusive<LockByte>) -> Result<(), Errno> {
        if !self.has(Flaw::NotUnlocked) {
            object.ask(Site::Unlock, Call::Unlock(object.number, mask(bytes)));
        }
        Ok(())
    }

    fn locked(
        &self,
        object: &Self::Object,
        bytes: &RangeInclusive<LockByte>,
    ) -> Result<Option<RangeInclusive<LockByte>>, Errno> {
        let found = object.ask(Site::Locked, Call::Locked(object.number, mask(bytes)));
        self.note(found);
        Ok(found.checked_sub(1).map(|found| (found & 0xFF) as LockByte..=(found >> 8) as LockByte))
    }
}

/// A role that a process has, and what it has opened with it.
struct Held<'p, 'y> {
    role: Role,
    data: Option<Opened<'p, 'y>>,
    anchor: Opened<'p, 'y>,
    again: Opened<'p, 'y>,
}

impl Held<'_, '_> {
    /// All of it, as a number.
    fn carried(&self) -> u64 {
        let data = self.data.as_ref().map_or(0, |data| data.number + 1);
        u64::from_le_bytes([self.role.byte() as u8, data, self.anchor.number, self.again.number, 0, 0, 0, 0])
    }
}

/// The code of a scenario's processes, and of the auditor, which comes last.
pub(super) struct Lives {
    pub(super) scenario: &'static Scenario,
    pub(super) flaw: Option<Flaw>,
}

/// What the auditor does when all others are through.
const AUDIT: &[Op] =
    &[Op::Attach(Role::Producer), Op::Attach(Role::Consumer(0)), Op::Detach, Op::Observe, Op::Remove(Force::No)];
const AUDIT_BOARD: &[Op] = &[Op::Attach(Role::Producer), Op::Detach, Op::Observe, Op::Remove(Force::No)];

impl Lives {
    /// What a process does.
    pub(super) fn operations(&self, process: usize) -> &'static [Op] {
        let audit = if self.scenario.board { AUDIT_BOARD } else { AUDIT };
        self.scenario.processes.get(process).copied().unwrap_or(audit)
    }

    fn attach<'p, 'y>(&self, names: &Names<'p, 'y>, role: Role) -> Result<Held<'p, 'y>, Failure<Errno, Refusal>> {
        let plan = || {
            let pair = names.port.ask(Action::Draw);
            names.note(pair);
            let data = (!self.scenario.board).then(|| header(Part::Data, pair));
            Ok(Plan { anchor: header(Part::Anchor, pair), description: DESCRIPTION, data })
        };
        let check = |_: &Header| Ok(((), role.byte()..=role.byte()));
        let attached = creation::attach(names, plan, check, |_, ()| Refusal::Taken)?;
        let creation::Attached { anchor, again, header, .. } = attached;
        // As the real one's, the lock is given up before the object is closed.
        let mut held = Held { role, data: None, anchor, again };
        match self.open_data(names, &header) {
            Ok(data) => held.data = data,
            Err(failure) => {
                detach(names, held);
                return Err(failure);
            }
        }
        Ok(held)
    }

    /// Opens the data object that belongs to this anchor, if there is one.
    fn open_data<'p, 'y>(
        &self,
        names: &Names<'p, 'y>,
        anchor: &Header,
    ) -> Result<Option<Opened<'p, 'y>>, Failure<Errno, Refusal>> {
        if self.scenario.board {
            return Ok(None);
        }
        let (data, header) = creation::open(names, Part::Data, Access::Read)?;
        if header.pair == anchor.pair { Ok(Some(data)) } else { Err(Failure::Refused(Refusal::OtherPair)) }
    }

    /// Looks at all of it, the description too, as who does not know the messages' type.
    fn observe(&self, names: &Names<'_, '_>) -> Result<(), Failure<Errno, Refusal>> {
        let described = |anchor: &Opened<'_, '_>, header: &Header| {
            let is_described = names.is_described(anchor, header);
            if is_described { Ok(()) } else { Err(Failure::Refused(Refusal::Undescribed)) }
        };
        if self.scenario.board {
            let (anchor, header) = creation::open(names, Part::Anchor, Access::Read)?;
            return described(&anchor, &header);
        }
        let look = |anchor: &Opened<'_, '_>, header: &Header, (): &()| {
            let data = self.open_data(names, header)?;
            described(anchor, header).map(|()| data)
        };
        creation::observe(names, |_| Ok(()), look).map(drop)
    }

    fn remove(&self, names: &Names<'_, '_>, force: Force, wait: Duration) -> Ending {
        let parts = if self.scenario.board { Parts::Anchor } else { Parts::Both };
        Ending::Removal(match creation::remove(names, parts, force, wait) {
            Ok(Removal::Removed) => Removed::Done,
            Ok(Removal::Missing) => Removed::Missing,
            Ok(Removal::InUse(..)) => Removed::InUse,
            Ok(Removal::BeingCreated) => Removed::BeingCreated,
            Ok(Removal::Unsettled) => Removed::Unsettled,
            Err(Errno) => Removed::Kernel,
        })
    }
}

fn detach<'p, 'y>(names: &Names<'p, 'y>, held: Held<'p, 'y>) {
    let byte = held.role.byte();
    // Closing follows, whatever comes of it.
    let _ = names.unlock(&held.anchor, &(byte..=byte));
}

fn failed(failure: &Failure<Errno, Refusal>) -> Failed {
    match failure {
        Failure::Kernel(Errno) => Failed::Kernel,
        Failure::Refused(Refusal::Taken) => Failed::Taken,
        Failure::Refused(Refusal::OtherPair) => Failed::OtherPair,
        Failure::Refused(Refusal::Undescribed) => Failed::Undescribed,
        Failure::Missing(Part::Anchor) => Failed::AnchorMissing,
        Failure::Missing(Part::Data) => Failed::DataMissing,
        Failure::Header(Part::Anchor, HeaderError::Incomplete) => Failed::AnchorIncomplete,
        Failure::Header(Part::Anchor, _) => Failed::AnchorDamaged,
        Failure::Header(Part::Data, HeaderError::Incomplete) => Failed::DataIncomplete,
        Failure::Header(Part::Data, _) => Failed::DataDamaged,
        Failure::BeingCreated => Failed::BeingCreated,
        Failure::Unsettled(Part::Anchor) => Failed::AnchorUnsettled,
        Failure::Unsettled(Part::Data) => Failed::DataUnsettled,
    }
}

impl Code for Lives {
    type Action = Action;

    fn processes(&self) -> usize {
        self.scenario.processes.len() + 1
    }

    fn live(&self, process: usize, port: &Port<'_, Action>) -> Violation {
        let names = Names {
            port,
            scenario: self.scenario,
            flaw: self.flaw,
            kept_back: Cell::new(0),
            carried: Cell::default(),
            operation: Cell::default(),
            answered: Cell::default(),
        };
        let mut roles: [Option<Held<'_, '_>>; ROLES_MAX] = [None, None];
        let mut outcome = Outcome::Started;
        loop {
            let [first, second] = [&roles[0], &roles[1]].map(|held| held.as_ref().map_or(0, Held::carried));
            let number = port.next(outcome, [first, second, 0]);
            names.begin(number, [first, second]);
            let ending = match self.operations(process)[number] {
                Op::Attach(role) => Some(match self.attach(&names, role) {
                    Ok(held) => {
                        let data = held.data.as_ref().map(|data| data.number);
                        let ending = Ending::Attached(role, held.anchor.number, data);
                        match roles.iter_mut().find(|held| held.is_none()) {
                            Some(free) => *free = Some(held),
                            None => return Violation::new("a process has so many roles", 3, ROLES_MAX as u64),
                        }
                        ending
                    }
                    Err(failure) => Ending::NotAttached(failed(&failure)),
                }),
                Op::Detach => {
                    for held in roles.iter_mut().filter_map(Option::take) {
                        detach(&names, held);
                    }
                    None
                }
                Op::Observe => Some(match self.observe(&names) {
                    Ok(()) => Ending::Observed,
                    Err(failure) => Ending::NotObserved(failed(&failure)),
                }),
                Op::Remove(force) => Some(self.remove(&names, force, WAIT)),
                Op::Tidy => Some(self.remove(&names, Force::No, Duration::ZERO)),
            };
            if let Some(ending) = ending {
                port.ask(Action::Ends(ending));
            }
            outcome = Outcome::Done;
        }
    }
}

/// How many words of the header a read of an object of this length has.
pub(super) fn words(length: u16) -> u64 {
    (usize::from(length).min(LENGTH) / 8) as u64
}
