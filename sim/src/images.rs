//! What memory can look like at each moment of one operation, and of the recovery after a death in it.
//!
//! A search as [`exhaustive`](crate::exhaustive), of a part only: the run is led up to the operation, then its process
//! goes on, others with what they are told to do meanwhile, and whoever takes up the role after a death. It is for
//! engines that compare real memory with what is predicted.
//!
//! An *image* is what somebody finds who looks at all of memory at once. Stores that are lost if their process dies now
//! are in it or not, each for itself: a compiler may have moved them, so that they have not been done yet.

use crate::choose::{Choose, Odometer, Question, index_of};
use crate::world::{Scripted, Step};
use lastword_protocol::model::Violation;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

/// A system whose memory can be looked at while it takes a step.
pub trait Pictured: Scripted {
    /// What memory looks like.
    type Image: Clone + Eq + Hash;

    /// What memory looks like now, with every store done.
    fn image(&self, state: &Self::State) -> Self::Image;

    /// From here on, notes what memory can look like after each access, for `process`, whose stores may not be done
    /// yet; with `None`, does not.
    fn watch(&mut self, process: Option<usize>);

    /// Notes what memory can look like now.
    fn picture(&mut self, state: &Self::State);

    /// What has been noted since the last call.
    fn pictures(&mut self) -> Vec<Self::Image>;

    /// How far a process is.
    fn stand(&self, state: &Self::State, process: usize) -> Stand;
}

/// How far a process is.
#[derive(Clone, Copy, Debug)]
pub struct Stand {
    /// How many operations are complete.
    pub complete: usize,
    /// How often it has died.
    pub deaths: u16,
    /// Whether its present incarnation has done anything.
    pub begun: bool,
    /// Whether it sleeps until it is woken.
    pub asleep: bool,
    /// Whether it has taken up its role and is between two operations.
    pub idle: bool,
    /// Whether it has nothing left to do.
    pub finished: bool,
}

/// The operation that is looked at.
pub struct Plan<'a, I> {
    /// Whose next operation is performed before it, one after the other, up to its end or until it sleeps. What comes
    /// first of a process is that it takes up its role.
    pub before: &'a [usize],
    /// Whose next operation, or taking up of its role, is looked at.
    pub process: usize,
    /// Whose next operation is performed in between, whole, as soon as the process has changed memory so many times.
    pub meanwhile: &'a [(usize, usize)],
    /// Who goes on after a death.
    pub successor: usize,
    /// At most so many deaths: of the process, then of the successor.
    pub deaths: u16,
    /// Where the process dies for the first time; anywhere, if there is no such condition.
    pub first_death: Option<&'a dyn Fn(&I) -> bool>,
}

impl<I> fmt::Debug for Plan<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("before", &self.before).field("process", &self.process).finish_non_exhaustive()
    }
}

/// What memory can look like.
#[derive(Clone, Debug)]
pub struct Images<I> {
    /// From the operation's beginning to its end.
    pub performing: HashSet<I>,
    /// Those of them at its end.
    pub performed: HashSet<I>,
    /// From a death in it until a successor has taken up the role.
    pub recovering: HashSet<I>,
    /// Those of them at that end.
    pub recovered: HashSet<I>,
    /// How many states were gone through.
    pub states: usize,
}

/// Every image that `system` can show as `plan` has it.
///
/// # Errors
/// A promise was broken on the way.
pub fn images<S: Pictured>(system: &mut S, plan: &Plan<'_, S::Image>) -> Result<Images<S::Image>, Violation> {
    system.set_script(script(system.script().len(), plan));
    system.watch(None);
    let mut state = system.initial().clone();
    for (at, &process) in plan.before.iter().enumerate() {
        let is_start = !plan.before[..at].contains(&process);
        lead(system, &mut state, process, is_start)?;
    }
    let mut found = Images {
        performing: HashSet::new(),
        performed: HashSet::new(),
        recovering: HashSet::new(),
        recovered: HashSet::new(),
        states: 0,
    };
    system.watch(Some(plan.process));
    system.picture(&state);
    found.performing.extend(system.pictures());
    let mut seen = HashSet::from([(system.digest(&state), Meanwhile::default())]);
    let mut open = vec![(state, Meanwhile::default())];
    while let Some((state, meanwhile)) = open.pop() {
        found.states += 1;
        let mut odometer = Odometer::default();
        loop {
            odometer.rewind();
            let (mut next, mut meanwhile) = (state.clone(), meanwhile);
            let gone = go(system, &mut next, plan, &mut odometer)?;
            if gone == Some(Stage::Performing) && meanwhile.is_last {
                system.pictures();
            } else if let Some(stage) = gone {
                let mut images = system.pictures();
                if stage == Stage::Performing && system.image(&next) != system.image(&state) {
                    meanwhile.changes += 1;
                    // It can die before they have done anything.
                    let dies = Meanwhile { is_last: true, ..meanwhile };
                    if seen.insert((system.digest(&next), dies)) {
                        open.push((next.clone(), dies));
                    }
                    images.extend(others(system, &mut next, plan, &mut meanwhile)?);
                }
                let is_over = is_over(system, &next, plan, stage).then(|| system.image(&next));
                if stage == Stage::Performing {
                    found.performing.extend(images);
                    found.performed.extend(is_over);
                } else {
                    found.recovering.extend(images);
                    found.recovered.extend(is_over);
                }
                if seen.insert((system.digest(&next), meanwhile)) {
                    open.push((next, meanwhile));
                }
            }
            if !odometer.advance() {
                break;
            }
        }
    }
    system.watch(None);
    Ok(found)
}

/// How much of what others do meanwhile has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Meanwhile {
    /// How often the process has changed memory.
    changes: usize,
    done: usize,
    /// Whether the process does nothing more, but for dying.
    is_last: bool,
}

/// Others do what they do now. What memory can look like after each.
fn others<S: Pictured>(
    system: &mut S,
    state: &mut S::State,
    plan: &Plan<'_, S::Image>,
    meanwhile: &mut Meanwhile,
) -> Result<Vec<S::Image>, Violation> {
    let mut images = Vec::new();
    while let Some(&(changes, process)) = plan.meanwhile.get(meanwhile.done)
        && changes <= meanwhile.changes
    {
        meanwhile.done += 1;
        lead(system, state, process, false)?;
        // Nobody looks while they are at it.
        system.pictures();
        system.picture(state);
        images.extend(system.pictures());
    }
    Ok(images)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Performing,
    Recovering,
}

/// Whether the operation is complete, or its recovery.
fn is_over<S: Pictured>(system: &S, state: &S::State, plan: &Plan<'_, S::Image>, stage: Stage) -> bool {
    if stage == Stage::Recovering {
        let successor = system.stand(state, plan.successor);
        return successor.begun && successor.idle;
    }
    let now = system.stand(state, plan.process);
    now.begun && now.idle && now.complete == system.script()[plan.process].len()
}

/// Takes a step of the plan; `None` where it is none.
fn go<S: Pictured>(
    system: &mut S,
    state: &mut S::State,
    plan: &Plan<'_, S::Image>,
    odometer: &mut Odometer,
) -> Result<Option<Stage>, Violation> {
    let deaths = |system: &S, state: &S::State, process| system.stand(state, process).deaths;
    let mortal = |process: usize| process == plan.process || process == plan.successor;
    let all = |system: &S, state: &S::State| -> u16 {
        (0..system.script().len()).map(|process| deaths(system, state, process)).sum()
    };
    let had_died = all(system, state);
    let who = if had_died > 0 {
        let successor = system.stand(state, plan.successor);
        if successor.begun && successor.idle || successor.finished {
            return Ok(None);
        }
        plan.successor
    } else if system.stand(state, plan.process).finished {
        return Ok(None);
    } else {
        plan.process
    };
    let mut led = Led { odometer, who: who as u32, may_die: had_died < plan.deaths, strayed: false };
    let stepped = system.step(state, &mut led);
    if led.strayed {
        system.pictures();
        return Ok(None);
    }
    if stepped? == Step::End {
        return Ok(None);
    }
    let has_died = all(system, state);
    let is_first = had_died == 0 && has_died > 0;
    let others_died = (0..system.script().len()).any(|process| !mortal(process) && deaths(system, state, process) > 0);
    if others_died || is_first && plan.first_death.is_some_and(|here| !here(&system.image(state))) {
        system.pictures();
        return Ok(None);
    }
    Ok(Some(if has_died > 0 { Stage::Recovering } else { Stage::Performing }))
}

/// Has one process take up its role, or perform its next operation, or sleep in it, while nobody else does anything.
fn lead<S: Pictured>(system: &mut S, state: &mut S::State, process: usize, is_start: bool) -> Result<(), Violation> {
    let complete = system.stand(state, process).complete;
    let mut odometer = Odometer::default();
    loop {
        let now = system.stand(state, process);
        if if is_start { now.idle } else { now.complete > complete || now.asleep } {
            return Ok(());
        }
        let mut led = Led { odometer: &mut odometer, who: process as u32, may_die: false, strayed: false };
        let step = system.step(state, &mut led)?;
        if led.strayed || step == Step::End || now.finished {
            return Err(Violation::new("what comes before the operation can be done (process)", process as u64, 0));
        }
        odometer.start();
    }
}

/// The operations of each process that the plan needs.
fn script<I>(processes: usize, plan: &Plan<'_, I>) -> Vec<Vec<u16>> {
    let times = |list: &[usize], process: usize| list.iter().filter(|&&other| other == process).count();
    let count = |process: usize| {
        let before = times(plan.before, process).saturating_sub(1);
        let meanwhile = plan.meanwhile.iter().filter(|&&(_, other)| other == process).count();
        // What comes first of a process is no operation.
        let own = usize::from(process == plan.process && plan.before.contains(&process));
        let successor = usize::from(process == plan.successor && plan.successor != plan.process);
        before + meanwhile + own + successor
    };
    (0..processes).map(|process| (0..count(process) as u16).collect()).collect()
}

/// Answers as a search where only one process goes on.
struct Led<'o> {
    odometer: &'o mut Odometer,
    who: u32,
    may_die: bool,
    /// Whether somebody else went on.
    strayed: bool,
}

impl Choose for Led<'_> {
    fn choose(&mut self, question: Question, n: usize) -> usize {
        match question {
            Question::Who { enabled, last } => {
                self.strayed |= enabled & (1 << self.who) == 0;
                if self.strayed { 0 } else { index_of(enabled, last, self.who) }
            }
            Question::Dies if !self.may_die => 0,
            _ => self.odometer.choose(question, n),
        }
    }

    fn alone(&mut self, who: u32) {
        self.strayed |= who != self.who;
    }
}
