//! Creation, attachment and removal over a simulated kernel: one system call at a time, with kills.
//!
//! The processes run the shipped code of [`lastword_protocol::creation`]; what is simulated is what lies below
//! [`Objects`](lastword_protocol::creation::Objects): names, objects, open file descriptions, locks of their bytes.
//!
//! # What a step is
//!
//! One system call. A process can be killed before and after each, and stopped there for any time: it need not go on
//! before all others are through. A process that is killed begins its list of operations anew.
//!
//! A death closes the process's descriptors, and with them gives up its locks, in one moment. In between the signal and
//! that moment nobody could tell the process from one that is stopped, and those runs are there. The descriptors are
//! closed one after the other, and that cannot be told from one moment either where only one of them has locks, which
//! is so of whoever has at most one role.
//!
//! Who waits for a lock has it when it is free, and never gives up. Where [`Scenario::stops`] says so it may give up at
//! any time at which it is not free, as it would if its holder were stopped for so long.
//!
//! # What is not here
//!
//! Failing system calls other than for a mode that keeps the owner out; other users; forks, by which two processes
//! share a description; the bytes of messages.

mod calls;
mod state;

use crate::case::{Case, Maker, Spec, delegate_to_maker, numbered};
use crate::choose::{Choose, Listed, Question, nth_enabled};
use crate::coverage::Coverage;
use crate::images::{Pictured, Stand};
use crate::memory::Model;
use crate::program::{Ask, NodeId, Outcome, Program};
use crate::trace::{Line, What};
use crate::world::{Kills, Scripted, Step, System};
use calls::{Action, Call, DENIED, Ending, FULL, Failed, LEFT, Lives, OPEN, OPENED, ROLES_MAX, Removed, SITES, Word};
use foldhash::quality::FixedState;
use hashbrown::HashSet;
use lastword_protocol::creation::{CONSUMERS, Force, LockByte, PRODUCER, Part};
use lastword_protocol::model::Violation;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

/// A role of a channel, or of a board, whose writer is here called its producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The one producer.
    Producer,
    /// A consumer, one of the first few.
    Consumer(u8),
}

impl Role {
    /// The byte whose lock is the role.
    fn byte(self) -> LockByte {
        match self {
            Role::Producer => PRODUCER,
            Role::Consumer(index) => CONSUMERS + LockByte::from(index),
        }
    }
}

/// An object that has a name, as anybody can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Visible {
    /// Its first word; 0 where it has none.
    pub first_word: u64,
    /// Its length in bytes, as if every complete object were of [`LENGTH_FULL`].
    pub length: u16,
    /// Which pair number is in its header: 0 for none, 1 for the first that is seen, the anchor's being looked at
    /// first.
    pub pair: u8,
    /// Whether its mode keeps its owner out.
    pub keeps_owner_out: bool,
}

/// Length of every complete object here, in bytes.
pub const LENGTH_FULL: u16 = FULL;

/// Something that a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Takes a role, creating what is not there, and opens the data object.
    Attach(Role),
    /// Gives up the roles that it has.
    Detach,
    /// Looks at the channel without a role.
    Observe,
    /// Removes the channel.
    Remove(Force),
    /// Removes the channel if nobody uses it, and waits for nobody.
    Tidy,
}

impl Op {
    /// The bits of the roles that, had by a live process, are a reason to refuse this.
    fn wanted(self) -> u8 {
        match self {
            Op::Attach(role) => 1 << role.byte(),
            Op::Remove(Force::No) | Op::Tidy => ROLES,
            _ => 0,
        }
    }
}

/// Processes, and what may happen to them.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What each process does.
    pub processes: &'static [&'static [Op]],
    /// Which kills there are.
    pub kills: Kills,
    /// Whether it is a board, which has no data object.
    pub board: bool,
    /// Whether the umask takes the owner's permission from what is created.
    pub umask: bool,
    /// Whether a process may be stopped for so long that others give up waiting for it.
    pub stops: bool,
    /// So many system calls an operation takes at most. A call that waits counts as one.
    pub calls: u16,
}

/// What is broken below the shipped code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The anchor is completed before the data object is there.
    AnchorFirst,
    /// An object is reserved without a first word that says that it is incomplete.
    NotBegun,
    /// A remover does not mark the anchor incomplete before it removes the data object.
    NotMarked,
    /// An object that was opened is taken for the one that has the name.
    NoSecondLook,
    /// A death gives up no locks.
    LocksStay,
    /// Locks are given up by closing alone.
    NotUnlocked,
    /// A header is written after the word that says that it is there.
    DescribedLate,
    /// A description is.
    DescriptionLate,
    /// What was left incomplete keeps its name.
    IncompleteStays,
    /// The data object keeps its name.
    DataStays,
    /// The right to create and remove is not taken.
    RightNotTaken,
    /// A role is not taken.
    RoleNotTaken,
    /// A remover does not take the roles.
    RolesNotTaken,
    /// The length is not looked at again when the header is found complete.
    LengthOnce,
    /// Who is refused for the mode, and finds then that it was just set or the object removed, does not try again.
    LentOnce,
}

/// Every flaw, and its name.
pub const FLAWS: &[(&str, Flaw)] = &[
    ("anchor-first", Flaw::AnchorFirst),
    ("not-begun", Flaw::NotBegun),
    ("not-marked", Flaw::NotMarked),
    ("no-second-look", Flaw::NoSecondLook),
    ("locks-stay", Flaw::LocksStay),
    ("not-unlocked", Flaw::NotUnlocked),
    ("described-late", Flaw::DescribedLate),
    ("description-late", Flaw::DescriptionLate),
    ("incomplete-stays", Flaw::IncompleteStays),
    ("data-stays", Flaw::DataStays),
    ("right-not-taken", Flaw::RightNotTaken),
    ("role-not-taken", Flaw::RoleNotTaken),
    ("roles-not-taken", Flaw::RolesNotTaken),
    ("length-once", Flaw::LengthOnce),
    ("lent-once", Flaw::LentOnce),
];

const PRODUCES: &[Op] = &[Op::Attach(Role::Producer), Op::Detach];
const CONSUMES: &[Op] = &[Op::Attach(Role::Consumer(0)), Op::Detach];
const OBSERVES: &[Op] = &[Op::Observe];
const REMOVES: &[Op] = &[Op::Remove(Force::No)];
const FORCES: &[Op] = &[Op::Remove(Force::Yes)];
const TIDIES: &[Op] = &[Op::Tidy];
/// Its own role keeps a process from removing.
const CLEARS: &[Op] = &[Op::Attach(Role::Consumer(0)), Op::Remove(Force::No), Op::Detach, Op::Remove(Force::No)];

const CREATE: Scenario = Scenario {
    name: "creation",
    processes: &[PRODUCES, CONSUMES],
    kills: Kills::any(2),
    board: false,
    umask: false,
    stops: false,
    calls: 73,
};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    CREATE,
    Scenario { name: "creation-rivals", processes: &[PRODUCES, PRODUCES], kills: Kills::any(1), calls: 65, ..CREATE },
    Scenario {
        name: "creation-three",
        processes: &[PRODUCES, CONSUMES, PRODUCES],
        kills: Kills::any(0),
        calls: 49,
        ..CREATE
    },
    Scenario { name: "creation-removal", processes: &[PRODUCES, REMOVES], kills: Kills::any(2), calls: 174, ..CREATE },
    Scenario {
        name: "creation-removers",
        processes: &[PRODUCES, REMOVES, TIDIES],
        kills: Kills::any(0),
        calls: 109,
        ..CREATE
    },
    Scenario { name: "creation-clear", processes: &[PRODUCES, CLEARS], kills: Kills::any(1), calls: 125, ..CREATE },
    Scenario { name: "creation-force", processes: &[PRODUCES, FORCES], kills: Kills::any(1), calls: 139, ..CREATE },
    Scenario { name: "creation-observe", processes: &[PRODUCES, OBSERVES], kills: Kills::any(2), calls: 53, ..CREATE },
    Scenario {
        name: "creation-observe-removal",
        processes: &[CLEARS, OBSERVES],
        kills: Kills::any(1),
        calls: 53,
        ..CREATE
    },
    Scenario {
        name: "creation-board",
        processes: &[PRODUCES, PRODUCES, REMOVES],
        kills: Kills::any(0),
        board: true,
        calls: 65,
        ..CREATE
    },
    Scenario {
        name: "creation-umask",
        processes: &[PRODUCES, CONSUMES],
        kills: Kills::any(1),
        umask: true,
        calls: 70,
        ..CREATE
    },
    Scenario {
        name: "creation-umask-removal",
        processes: &[PRODUCES, REMOVES],
        kills: Kills::any(1),
        umask: true,
        calls: 140,
        ..CREATE
    },
    Scenario {
        name: "creation-stops",
        processes: &[PRODUCES, CLEARS],
        kills: Kills::any(1),
        stops: true,
        calls: 192,
        ..CREATE
    },
];

/// The bits of the roles.
const ROLES: u8 = 0xFE;
/// The bit of the right to create and remove.
const RIGHT: u8 = 1;

/// What was so at some time since an operation began, and excuses how it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Seen {
    /// A live process had a role that was wanted.
    taken: bool,
    /// A live process had the right to create and remove.
    right: bool,
    /// There was no complete anchor.
    absent: bool,
    /// A removal by force was under way. Or since the process has taken its role.
    forced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Held {
    role: Role,
    anchor: u8,
    data: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    node: NodeId,
    /// How many operations are complete.
    progress: u8,
    finished: bool,
    /// Whether this incarnation has done anything.
    begun: bool,
    /// Whether dying here leaves the same as dying where it last could have.
    clean: bool,
    /// Kills since the last complete operation.
    deaths: u8,
    incarnation: u16,
    /// The last call.
    behind: Option<u8>,
    /// Calls since the operation began.
    calls: u16,
    /// A bit for each pair number that it has drawn or read since.
    knows: u64,
    /// What the judge knows.
    seen: Seen,
    held: [Option<Held>; ROLES_MAX],
}

impl Process {
    fn new(node: NodeId) -> Self {
        Self {
            node,
            progress: 0,
            finished: false,
            begun: false,
            clean: true,
            deaths: 0,
            incarnation: 0,
            behind: None,
            calls: 0,
            knows: 0,
            seen: Seen::default(),
            held: [None; ROLES_MAX],
        }
    }

    fn has_role(&self) -> bool {
        self.held.iter().any(Option::is_some)
    }
}

/// A state of a [`Kernel`].
#[derive(Debug)]
pub struct State {
    kernel: state::State,
    processes: Vec<Process>,
    kills: u8,
    last: u8,
}

impl Clone for State {
    fn clone(&self) -> Self {
        Self { kernel: self.kernel.clone(), processes: self.processes.clone(), ..*self }
    }

    fn clone_from(&mut self, other: &Self) {
        self.kernel.clone_from(&other.kernel);
        self.processes.clone_from(&other.processes);
        (self.kills, self.last) = (other.kills, other.last);
    }
}

const SEED: FixedState = FixedState::with_seed(0x6b65_726e_656c);
/// How much code is remembered between the runs of a series.
const NODES_MAX: usize = 1_000_000;

/// A scenario over a simulated kernel.
pub struct Kernel {
    program: Program<Lives>,
    initial: State,
    /// The operations that each process performs, as numbers into the scenario's lists.
    script: Vec<Vec<u16>>,
    /// The ends that the auditor has seen.
    audited: HashSet<u64, FixedState>,
    coverage: Coverage,
    lines: Option<Vec<Line>>,
    /// Whether images are noted, and those.
    watches: bool,
    pictures: Vec<[Option<Visible>; 2]>,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel")
            .field("scenario", self.scenario())
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl Kernel {
    /// The kernel of a scenario, with a flaw or without.
    ///
    /// The scenario is never freed: coroutines refer to it, and are not unwound.
    pub fn new(scenario: &Scenario, flaw: Option<Flaw>) -> Self {
        let scenario: &'static Scenario = Box::leak(Box::new(*scenario));
        let program = Program::new(Box::leak(Box::new(Lives { scenario, flaw })));
        let count = scenario.processes.len();
        let names = |list: &&[Op]| list.iter().map(|op| name(*op).to_owned()).collect();
        let roles = scenario.processes.iter().map(|list| list.first().map_or("nobody", |op| role(*op)));
        let coverage = Coverage::of(roles.collect(), scenario.processes.iter().map(names).collect(), SITES.to_vec());
        let initial = State {
            kernel: state::State::new(count + 1),
            processes: (0..=count).map(|process| Process::new(program.root(process))).collect(),
            kills: scenario.kills.max,
            last: 0,
        };
        let script = scenario.processes.iter().map(|list| (0..list.len() as u16).collect()).collect();
        let audited = HashSet::with_hasher(SEED);
        Self { program, initial, script, audited, coverage, lines: None, watches: false, pictures: Vec::new() }
    }

    fn scenario(&self) -> &'static Scenario {
        self.program.code().scenario
    }

    fn flaw(&self) -> Option<Flaw> {
        self.program.code().flaw
    }

    fn operation(&self, state: &State, process: usize) -> Option<Op> {
        self.program.code().operations(process).get(usize::from(self.number(state, process)?)).copied()
    }

    /// The number of a process's operation; none where it has no more. The auditor's are not for others to choose.
    fn number(&self, state: &State, process: usize) -> Option<u16> {
        let progress = state.processes[process].progress;
        match self.script.get(process) {
            Some(list) => list.get(usize::from(progress)).copied(),
            None => Some(progress.into()),
        }
    }

    /// The operation that a process is at.
    fn under_way(&self, state: &State, process: usize) -> Option<Op> {
        let now = &state.processes[process];
        self.operation(state, process).filter(|_| now.begun && matches!(self.program.node(now.node).ask, Ask::Act(_)))
    }

    fn note(&mut self, process: usize, state: &State, what: What) {
        if let Some(lines) = &mut self.lines {
            lines.push(Line { process, incarnation: state.processes[process].incarnation, what });
        }
    }

    /// Whether a process can go on.
    fn can_go(&self, state: &State, process: usize) -> bool {
        let now = &state.processes[process];
        match self.program.node(now.node).ask {
            _ if now.finished => false,
            Ask::Act(Action::Call(Call::Wait(descriptor, bytes), _)) => {
                self.scenario().stops || state.kernel.is_free(process, descriptor, bytes)
            }
            _ => true,
        }
    }

    /// Whether the process dies here, where it may.
    fn dies(&mut self, state: &mut State, process: usize, choose: &mut impl Choose) -> bool {
        let Process { clean, deaths, behind, .. } = state.processes[process];
        if !self.may_die(state, process) {
            return false;
        }
        let (operation, ahead) = self.stand(state, process);
        // Who looks at images looks at all of them.
        let clean = clean && !self.watches;
        let dies = !clean && choose.choose(Question::Dies, 2) == 1;
        // Where it could have died before, and nothing is different, that was this point too.
        self.coverage.at(process, operation, behind, ahead, deaths, dies || clean);
        if dies {
            self.kill(state, process);
            return true;
        }
        state.processes[process].clean = true;
        false
    }

    fn may_die(&self, state: &State, process: usize) -> bool {
        state.kills > 0 && state.processes[process].begun && self.scenario().kills.of & 1 << process != 0
    }

    /// Which operation a process is at, and which call comes next.
    fn stand(&self, state: &State, process: usize) -> (Option<u16>, Option<u8>) {
        let Process { node, progress, .. } = state.processes[process];
        let (at, ahead) = match self.program.node(node).ask {
            Ask::Act(Action::Call(_, site)) => (Some(progress), Some(site)),
            Ask::Act(_) => (Some(progress), None),
            _ => (progress.checked_sub(1), None),
        };
        (at.map(u16::from), ahead)
    }

    fn kill(&mut self, state: &mut State, process: usize) {
        self.note(process, state, What::Dies { lost: Vec::new() });
        state.kernel.exit(process, self.flaw() == Some(Flaw::LocksStay));
        state.kills -= 1;
        let before = state.processes[process];
        let is_over = self.operation(state, process).is_none();
        state.processes[process] = Process {
            progress: if before.has_role() && !is_over { 0 } else { before.progress },
            finished: is_over,
            deaths: before.deaths.saturating_add(1),
            incarnation: before.incarnation + 1,
            ..Process::new(self.program.root(process))
        };
        self.picture(state);
    }

    /// A process goes on with its next call.
    fn turn(&mut self, state: &mut State, process: usize, choose: &mut impl Choose) -> Result<(), Violation> {
        let mut done = false;
        loop {
            let node = state.processes[process].node;
            let answer = match self.program.node(node).ask {
                Ask::Failed(violation) => return Err(violation),
                // No more than a place at which histories become one.
                Ask::Next { outcome: Outcome::Blocked, .. } => 0,
                Ask::Next { .. } => {
                    if done || self.dies(state, process, choose) {
                        return Ok(());
                    }
                    let Some(op) = self.operation(state, process) else {
                        state.processes[process].finished = true;
                        return Ok(());
                    };
                    self.begin(state, process, op);
                    self.number(state, process).unwrap_or(0).into()
                }
                Ask::Act(Action::Call(call, site)) => {
                    let inline = is_inline(state, process, call);
                    if done && !inline || self.dies(state, process, choose) {
                        return Ok(());
                    }
                    done |= !inline;
                    self.call(state, process, call, site)?
                }
                Ask::Act(Action::Draw) => {
                    let known = state.processes.iter().fold(state.kernel.pairs(), |known, other| known | other.knows);
                    // 0 is that there is no header.
                    let pair = (known | 1).trailing_ones();
                    if pair == u64::BITS {
                        // Each time that it creates, an operation draws one; it is told to give up before it drew so
                        // many.
                        let promise = "an operation ends, and does not create for ever (times)";
                        return Err(Violation::new(promise, pair.into(), pair.into()));
                    }
                    state.processes[process].knows |= 1 << pair;
                    pair.into()
                }
                Ask::Act(Action::Ends(ending)) => {
                    if self.may_die(state, process) {
                        // Dying before its end is told leaves the same as dying right after, which comes next.
                        let (operation, _) = self.stand(state, process);
                        let Process { behind, deaths, .. } = state.processes[process];
                        self.coverage.at(process, operation, behind, None, deaths, true);
                    }
                    let judged = self.judge(state, process, ending);
                    let answer = judged.is_ok().then_some(0);
                    if self.lines.is_some() {
                        self.note(process, state, What::Tells { event: format!("{ending:?}"), answer });
                    }
                    judged?;
                    0
                }
            };
            let node = self.program.advance(node, answer);
            state.processes[process].node = node;
            if let Ask::Next { outcome: Outcome::Done, .. } = self.program.node(node).ask {
                let now = &mut state.processes[process];
                (now.progress, now.deaths, now.calls, now.knows) = (now.progress + 1, 0, 0, 0);
                now.seen = Seen { forced: now.seen.forced && now.has_role(), ..Seen::default() };
                self.note(process, state, What::Completes);
            }
        }
    }

    fn begin(&mut self, state: &mut State, process: usize, op: Op) {
        if self.lines.is_some() {
            self.note(process, state, What::Begins { operation: format!("{op:?}") });
        }
        let force = Op::Remove(Force::Yes);
        let is_forced = (0..state.processes.len()).any(|other| self.under_way(state, other) == Some(force));
        let now = &mut state.processes[process];
        (now.begun, now.behind) = (true, None);
        now.seen.forced |= is_forced;
        match op {
            Op::Detach => now.held = [None; ROLES_MAX],
            Op::Remove(Force::Yes) => state.processes.iter_mut().for_each(|other| other.seen.forced = true),
            _ => {}
        }
        self.excuse(state, process, Some(op));
    }

    /// Does a call, and has the judge look at what it has done.
    fn call(&mut self, state: &mut State, process: usize, call: Call, site: u8) -> Result<u64, Violation> {
        if let Call::Begin(descriptor) = call {
            let length = state.kernel.object(state.kernel.description(process, descriptor).object).length;
            if length != 0 {
                return Err(Violation::new("an object is begun once (its length in bytes)", length.into(), 0));
            }
        }
        let is_kept = self.flaw() == Some(Flaw::IncompleteStays)
            && matches!(call, Call::Unlink(part) if state.kernel.named(part).is_some_and(|object| {
                state.kernel.object(object).word == Word::Creating
            }));
        let (answer, effect) =
            if is_kept { (0, false) } else { state.kernel.call(process, call, self.scenario().umask) };
        let now = &mut state.processes[process];
        now.behind = Some(site);
        now.calls += 1;
        now.clean &= !effect;
        if let Call::ReadHeader(_) = call {
            now.knows |= 1 << (answer >> 8 & 0xFF);
        }
        let (calls, most) = (now.calls, self.scenario().calls);
        if self.lines.is_some() {
            let name = SITES[usize::from(site)].to_owned();
            self.note(process, state, What::Call { call: name, result: result(call, answer) });
        }
        if calls > most {
            return Err(Violation::new("an operation takes so many system calls", calls.into(), most.into()));
        }
        if effect {
            self.picture(state);
            for other in 0..state.processes.len() {
                let op = self.under_way(state, other);
                self.excuse(state, other, op);
                check_held(state, other)?;
            }
        }
        Ok(answer)
    }

    /// Notes what is so now and excuses how a process's operation may end.
    fn excuse(&self, state: &mut State, process: usize, op: Option<Op>) {
        let Some(op) = op else { return };
        let now = &state.processes[process];
        let mut seen = now.seen;
        let mine = now.held.iter().flatten().fold(0, |roles, held| roles | 1 << held.role.byte());
        seen.taken |= op.wanted() & mine != 0;
        for other in (0..state.processes.len()).filter(|&other| other != process) {
            for description in state.kernel.open[other].iter().flatten() {
                let roles = description.locks & ROLES;
                // A remover has them all. It excuses nobody, unless it may have been stopped for long.
                seen.taken |= roles & op.wanted() != 0 && (roles.count_ones() == 1 || self.scenario().stops);
                seen.right |= description.locks & RIGHT != 0 && (self.scenario().stops || op == Op::Tidy);
            }
        }
        let anchor = state.kernel.named(Part::Anchor).map(|anchor| state.kernel.object(anchor).word);
        seen.absent |= anchor != Some(Word::Magic) && !matches!(op, Op::Attach(_) | Op::Detach);
        state.processes[process].seen = seen;
    }

    /// Judges how an operation ended.
    fn judge(&self, state: &mut State, process: usize, ending: Ending) -> Result<(), Violation> {
        let stops = self.scenario().stops;
        let op = self.operation(state, process);
        let seen = state.processes[process].seen;
        match ending {
            Ending::Attached(role, anchor, data) => {
                let object = |process, anchor| state.kernel.description(process, anchor).object;
                for (other, theirs) in state.processes.iter().enumerate().filter(|&(other, _)| other != process) {
                    for held in theirs.held.iter().flatten().filter(|held| held.role == role) {
                        let is_forced = seen.forced || theirs.seen.forced;
                        if !is_forced || object(other, held.anchor) == object(process, anchor) {
                            return Err(Violation::new(
                                "a role is one process's (also process)",
                                other as u64,
                                u64::MAX,
                            ));
                        }
                    }
                }
                match state.processes[process].held.iter_mut().find(|held| held.is_none()) {
                    Some(free) => *free = Some(Held { role, anchor, data }),
                    None => return Err(Violation::new("a process has so many roles", 1 + ROLES_MAX as u64, 0)),
                }
                check_held(state, process)
            }
            Ending::NotAttached(failed) => {
                let is_excused = match failed {
                    Failed::Taken => seen.taken,
                    Failed::BeingCreated => stops && seen.right,
                    Failed::DataMissing | Failed::DataIncomplete | Failed::OtherPair => seen.forced,
                    _ => false,
                };
                excused(is_excused, "a role is had that no live process has", failed as u64)
            }
            Ending::Observed => Ok(()),
            Ending::NotObserved(failed) => {
                let is_excused = matches!(failed, Failed::AnchorMissing | Failed::AnchorIncomplete) && seen.absent;
                excused(is_excused, "a channel is seen that is there and complete all the time", failed as u64)
            }
            Ending::Removal(removed) => {
                let is_excused = match removed {
                    Removed::Done => true,
                    Removed::Missing => seen.absent,
                    Removed::InUse => seen.taken,
                    Removed::BeingCreated => seen.right && (stops || op == Some(Op::Tidy)),
                    Removed::Unsettled | Removed::Kernel => false,
                };
                excused(is_excused, "a channel is removed that no live process uses", removed as u64)
            }
        }
    }

    /// Everybody is through and gone: a channel can be had and used by the next ones, and removed without a rest.
    fn audit(&mut self, end: &State) -> Result<(), Violation> {
        let is_new = self.audited.insert(SEED.hash_one(&end.kernel));
        if !is_new && self.lines.is_none() {
            return Ok(());
        }
        let mut state = end.clone();
        state.kills = 0;
        let auditor = self.scenario().processes.len();
        for process in 0..auditor {
            state.kernel.exit(process, self.flaw() == Some(Flaw::LocksStay));
            state.processes[process] = Process::new(self.program.root(process));
        }
        while !state.processes[auditor].finished {
            if !self.can_go(&state, auditor) {
                return Err(Violation::new("nobody waits for ever (processes that wait)", 1, 0));
            }
            self.turn(&mut state, auditor, &mut Listed::new(&[]))?;
        }
        let left = [Part::Anchor, Part::Data].into_iter().filter(|&part| state.kernel.named(part).is_some()).count();
        if left > 0 {
            return Err(Violation::new("removal leaves nothing (names left)", left as u64, 0));
        }
        Ok(())
    }
}

/// Whether nobody could tell when a call is done, so that it need not be a step of its own.
fn is_inline(state: &State, process: usize, call: Call) -> bool {
    match call {
        Call::IsSame(..) => true,
        Call::Close(descriptor) => state.kernel.description(process, descriptor).locks == 0,
        _ => false,
    }
}

fn excused(is_excused: bool, promise: &'static str, found: u64) -> Result<(), Violation> {
    if is_excused { Ok(()) } else { Err(Violation::new(promise, found, 0)) }
}

/// Checks that who has a role uses the objects that the names refer to.
fn check_held(state: &State, process: usize) -> Result<(), Violation> {
    let now = &state.processes[process];
    for held in now.held.iter().flatten().filter(|_| !now.seen.forced) {
        let of = |part, descriptor| {
            let number = state.kernel.description(process, descriptor).object;
            let object = state.kernel.object(number);
            let is_described = object.described == object.pair || part == Part::Data;
            let is_ready = object.word == Word::Magic && object.length == FULL && object.pair != 0 && is_described;
            (is_ready && state.kernel.named(part) == Some(number)).then_some(object.pair)
        };
        let anchor = of(Part::Anchor, held.anchor);
        if anchor.is_none() {
            return Err(Violation::new("who has a role uses the anchor of that name, complete", 0, 1));
        }
        if held.data.is_some_and(|data| of(Part::Data, data) != anchor) {
            return Err(Violation::new(
                "who has a role uses the data object of that name, complete, of the pair",
                0,
                1,
            ));
        }
    }
    Ok(())
}

/// What a process of the scenario is called that begins with this operation.
fn role(op: Op) -> &'static str {
    match op {
        Op::Attach(Role::Producer) => "producer",
        Op::Attach(Role::Consumer(_)) => "consumer",
        Op::Detach => "nobody",
        Op::Observe => "observer",
        Op::Remove(_) | Op::Tidy => "remover",
    }
}

fn name(op: Op) -> &'static str {
    match op {
        Op::Attach(_) => "Attach",
        Op::Detach => "Detach",
        Op::Observe => "Observe",
        Op::Remove(_) => "Remove",
        Op::Tidy => "Tidy",
    }
}

/// What a call came to, for people.
fn result(call: Call, answer: u64) -> String {
    let word = |answer: u64| match answer & 0xFF {
        1 => "CREATING",
        2 => "MAGIC",
        _ => "0",
    };
    match (call, answer) {
        (Call::Open(..) | Call::OpenPath(_) | Call::OpenSame(..), 0) => "no such name".to_owned(),
        (Call::Create(_), 0) => "the name is taken".to_owned(),
        (Call::Open(..), DENIED) => "EACCES".to_owned(),
        (Call::Open(..) | Call::OpenPath(_) | Call::OpenSame(..) | Call::Create(_), _) => {
            format!("descriptor {}", answer - OPENED)
        }
        (Call::Unlink(_), 0) => "no such name".to_owned(),
        (Call::IsSame(..), _) => if answer == 1 { "the same" } else { "another" }.to_owned(),
        (Call::Mode(_), OPEN) => "lets the owner in".to_owned(),
        (Call::Mode(_), LEFT) => "keeps the owner out, empty".to_owned(),
        (Call::Mode(_), _) => "keeps the owner out".to_owned(),
        (Call::Length(_), _) => format!("{answer} bytes"),
        (Call::ReadWord(_), _) if answer >> 16 == 0 => "nothing".to_owned(),
        (Call::ReadWord(_), _) => word(answer).to_owned(),
        (Call::ReadDescription(_), 0) => "nothing".to_owned(),
        (Call::ReadDescription(_), _) => format!("of pair {answer}"),
        (Call::ReadHeader(_), _) => format!("{}, pair {}", word(answer), answer >> 8 & 0xFF),
        (Call::TryLock(..) | Call::Wait(..), 0) => "another has it".to_owned(),
        (Call::Locked(..), 0) => "nobody".to_owned(),
        (Call::Locked(..), _) => format!("bytes {} to {}", (answer - 1) & 0xFF, (answer - 1) >> 8),
        (_, DENIED) if !matches!(call, Call::Unlink(_)) => "EBADF".to_owned(),
        _ => "done".to_owned(),
    }
}

impl System for Kernel {
    type State = State;

    fn initial(&self) -> &State {
        &self.initial
    }

    fn step(&mut self, state: &mut State, choose: &mut impl Choose) -> Result<Step, Violation> {
        let count = self.scenario().processes.len();
        let enabled = (0..count).fold(0_u32, |bits, at| bits | u32::from(self.can_go(state, at)) << at);
        if enabled == 0 {
            let waiting = state.processes[..count].iter().filter(|process| !process.finished).count();
            if waiting > 0 {
                return Err(Violation::new("nobody waits for ever (processes that wait)", waiting as u64, 0));
            }
            return self.audit(state).map(|()| Step::End);
        }
        let last = u32::from(state.last);
        let ways = enabled.count_ones() as usize;
        let index = if ways > 1 {
            choose.choose(Question::Who { enabled, last }, ways)
        } else {
            choose.alone(enabled.trailing_zeros());
            0
        };
        let who = nth_enabled(enabled, last, index) as usize;
        state.last = who as u8;
        self.turn(state, who, choose)?;
        Ok(Step::More)
    }

    fn digest(&mut self, state: &State) -> u64 {
        let mut hasher = SEED.build_hasher();
        state.kernel.hash(&mut hasher);
        hasher.write_u8(state.kills);
        for now in &state.processes[..self.scenario().processes.len()] {
            let deaths = if state.kills > 0 { now.deaths.min(2) } else { 0 };
            hasher.write_u64(self.program.node(now.node).digest);
            (now.progress, now.finished, now.begun, deaths, now.calls, now.seen, now.held).hash(&mut hasher);
        }
        hasher.finish()
    }

    fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    fn merged(&mut self, state: &State) {
        for process in 0..self.scenario().processes.len() {
            let now = &state.processes[process];
            if !now.finished && self.may_die(state, process) {
                let (operation, ahead) = self.stand(state, process);
                self.coverage.at(process, operation, now.behind, ahead, now.deaths, true);
            }
        }
    }

    fn rest(&mut self) {
        if self.program.len() > NODES_MAX {
            self.program.forget();
            for process in 0..self.initial.processes.len() {
                self.initial.processes[process].node = self.program.root(process);
            }
        }
    }

    fn record(&mut self) {
        self.lines = Some(Vec::new());
    }

    fn recorded(&mut self) -> Vec<Line> {
        self.lines.take().unwrap_or_default()
    }
}

impl Pictured for Kernel {
    /// What the names of the anchor and of the data object refer to.
    type Image = [Option<Visible>; 2];

    fn image(&self, state: &State) -> Self::Image {
        let mut pairs = Vec::new();
        [Part::Anchor, Part::Data].map(|part| {
            let object = *state.kernel.object(state.kernel.named(part)?);
            if object.pair != 0 && !pairs.contains(&object.pair) {
                pairs.push(object.pair);
            }
            Some(Visible {
                first_word: object.word.bits(),
                length: object.length,
                pair: pairs.iter().position(|&pair| pair == object.pair).map_or(0, |at| at as u8 + 1),
                keeps_owner_out: object.closed,
            })
        })
    }

    fn watch(&mut self, process: Option<usize>) {
        self.watches = process.is_some();
        self.pictures.clear();
    }

    fn picture(&mut self, state: &State) {
        if self.watches {
            self.pictures.push(self.image(state));
        }
    }

    fn pictures(&mut self) -> Vec<Self::Image> {
        std::mem::take(&mut self.pictures)
    }

    fn stand(&self, state: &State, process: usize) -> Stand {
        let now = &state.processes[process];
        Stand {
            complete: now.progress.into(),
            deaths: now.incarnation,
            begun: now.begun,
            asleep: false,
            idle: matches!(
                self.program.node(now.node).ask,
                Ask::Next { outcome: Outcome::Started | Outcome::Done, .. }
            ),
            finished: now.finished,
        }
    }
}

impl Scripted for Kernel {
    fn script(&self) -> &[Vec<u16>] {
        &self.script
    }

    fn set_script(&mut self, script: Vec<Vec<u16>>) {
        // An end that was fine after other operations is to be looked at again.
        self.audited.clear();
        self.script = script;
    }

    fn set_kills(&mut self, max: u8) {
        self.initial.kills = max;
    }

    fn deaths(&self, state: &State) -> usize {
        usize::from(self.initial.kills - state.kills)
    }
}

/// A scenario of this module among those with a name.
pub(crate) struct Named(pub(crate) usize);

impl Named {
    fn scenario(&self) -> &'static Scenario {
        &SCENARIOS[self.0]
    }
}

impl Maker for Named {
    type System = Kernel;

    fn make(&self, spec: &Spec) -> Result<Kernel, String> {
        if spec.model != Model::Sc {
            return Err("system calls are done one after the other, whatever the memory model: use sc".to_owned());
        }
        let flaw = match &spec.variant {
            None => None,
            Some(name) => match FLAWS.iter().find(|(known, _)| known == name) {
                Some(&(_, flaw)) => Some(flaw),
                None => return Err(format!("creation has no variant `{name}`; `list --variants` shows them")),
            },
        };
        let scenario = *self.scenario();
        // With more kills an operation may take more calls than it was counted to take.
        let calls = if spec.kills > scenario.kills.max { u16::MAX } else { scenario.calls };
        Ok(Kernel::new(&Scenario { kills: Kills::any(spec.kills), calls, ..scenario }, flaw))
    }
}

impl Case for Named {
    fn name(&self) -> &'static str {
        self.scenario().name
    }
    fn protocol(&self) -> &'static str {
        "creation"
    }
    fn roles(&self) -> Vec<String> {
        let processes = self.scenario().processes.iter();
        let all: Vec<_> = processes.map(|list| list.first().map_or("nobody", |op| role(*op))).collect();
        numbered(&all).into_iter().chain(["auditor".to_owned()]).collect()
    }
    fn operations(&self) -> Vec<Vec<String>> {
        self.scenario().processes.iter().map(|list| list.iter().map(|op| format!("{op:?}")).collect()).collect()
    }
    fn sites(&self) -> Vec<&'static str> {
        SITES.iter().copied().filter(|site| !NOT_KILLED_TWICE.contains(site)).collect()
    }
    fn variants(&self) -> Vec<String> {
        FLAWS.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
    delegate_to_maker!();
}

/// What is done with the anchor alone, whose locks are the roles and the right to create, and which has the
/// description; what is left by a creator that died before it had set the mode, which the next one begins with; and the
/// reading of a description by who has no role, of whose death nothing is left.
const NOT_KILLED_TWICE: &[&str] = &[
    "data.describe.more",
    "data.description.read",
    "anchor.description.read",
    "data.reopen",
    "data.reopen.fstat",
    "data.is_empty",
    "data.mark_incomplete",
    "data.lock",
    "data.lock.again",
    "data.unlock",
    "data.locked",
];
