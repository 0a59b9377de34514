//! The check: executions become traces, and TLC has to accept the genuine ones and no others.

use super::coverage::Coverage;
use super::damage::{Damage, Damaged, Numbers, damage};
use super::data;
use super::engine::Engine;
use super::event::Event;
use super::subject::{Options, Subject};
use super::tlc::{Output, Task, Tools};
use lastword_sim::executions;
use lastword_sim::memory::Model;
use lastword_sim::world::{Setting, World};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

/// Which executions of its scenarios a set has.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// Every one there is, of steps as the simulator merges them.
    Every {
        /// Whether it is part of a quick check.
        quick: bool,
    },
    /// So many random ones; fewer for a quick check.
    Random {
        /// How many.
        executions: u64,
        /// How many in a quick check.
        quick: u64,
    },
}

/// Scenarios with the same constants, whose traces TLC checks in one run.
#[derive(Clone, Copy, Debug)]
pub struct Set<S: 'static> {
    /// Its name.
    pub name: &'static str,
    /// The scenarios, whose turn it is one after the other, and how many deaths there are at most in an execution.
    pub scenarios: &'static [(S, u8)],
    /// Which executions.
    pub which: Which,
    /// What is left to choose.
    pub options: Options,
    /// The memory's model: `Sc`, or `Tso` for who has store buffers in the specification.
    pub model: Model,
}

impl<S> Set<S> {
    /// Whether it is checked at all.
    pub fn is_part_of(&self, quick: bool) -> bool {
        !quick || !matches!(self.which, Which::Every { quick: false })
    }
}

/// What a set came to.
#[derive(Clone, Debug)]
pub struct Row {
    /// The set's name.
    pub name: String,
    /// How many executions there were.
    pub executions: usize,
    /// How many of them differ in their events: the traces.
    pub traces: usize,
    /// How many events the traces have.
    pub events: usize,
    /// How many traces were accepted.
    pub accepted: usize,
    /// How many damaged traces there were of each kind.
    pub damaged: BTreeMap<Damage, usize>,
    /// How many of them were accepted.
    pub damaged_accepted: usize,
    /// The states that TLC found of the genuine ones.
    pub states: u64,
    /// How long it took.
    pub time: Duration,
}

impl Row {
    /// Traces of genuine executions that were not accepted.
    pub fn rejected(&self) -> usize {
        self.traces - self.accepted
    }

    /// How many damaged traces there were, and how many of them were rejected.
    pub fn damage(&self) -> (usize, usize) {
        let all = self.damaged.values().sum::<usize>();
        (all, all - self.damaged_accepted)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (damaged, rejected) = self.damage();
        write!(
            f,
            "{:24} {:>6} executions {:>6} traces {:>8} events {:>6} accepted {:>5} damaged {:>5} rejected {:>7} states \
             {:>5.1} s",
            self.name,
            self.executions,
            self.traces,
            self.events,
            self.accepted,
            damaged,
            rejected,
            self.states,
            self.time.as_secs_f64()
        )
    }
}

/// Seed of everything that is drawn.
const SEED: u64 = 1;
/// A damaged execution of one kind for each so many genuine ones.
const DAMAGED_ONE_IN: usize = 2;
/// A scenario with more traces than this is not a small one.
const TRACES_MAX: usize = 20_000;

/// Checks a set.
///
/// # Errors
/// A genuine execution is rejected, a damaged one accepted, or TLC cannot be run: what to look at.
pub fn check<S: Subject>(
    tools: &Tools,
    set: &Set<S::Scenario>,
    quick: bool,
    coverage: &mut Coverage,
) -> Result<Row, String> {
    let begun = Instant::now();
    let mut constants = set.scenarios.iter().map(|(scenario, _)| S::constants(scenario, set.options));
    let Some(first) = constants.next() else { return Err(format!("{}: there is no scenario", set.name)) };
    if let Some(other) = constants.find(|other| *other != first) {
        return Err(format!("{}: the scenarios differ in their constants: {first:?}, {other:?}", set.name));
    }
    let constants = first;
    let (executions, genuine) = executions::<S>(set, quick)?;
    let damaged = damaged::<S>(set, &genuine);
    let traces = || genuine.iter().map(|(_, events)| &events[..]);
    let definitions = S::definitions(&mut traces());
    let runner = Runner { tools, module: S::MODULE, specification: S::SPECIFICATION, constants, definitions };
    // By themselves: what the damaged ones exercise does not count.
    let (output, wrong) = thread::scope(|scope| {
        let damaged = scope.spawn(|| runner.run(damaged.iter().map(|of| &of.events[..]), 0, false));
        let output = runner.run(traces(), 0, true);
        (output, damaged.join().unwrap_or_else(|_| Err("the thread that runs TLC has failed".to_owned())))
    });
    let output = output?;
    coverage.add(&output.text, &output.instrumented, S::SPECIFICATION);
    let accepted = output.accepted();
    if let Some(number) = (1..=genuine.len()).find(|number| !accepted.contains(number)) {
        return Err(runner.explain(set.name, &genuine[number - 1].1)?);
    }
    let wrong = wrong?.accepted();
    if let Some(number) = wrong.first() {
        return Err(format!("{}: a damaged execution is accepted\n{}", set.name, show(&damaged[number - 1])));
    }
    let mut counts = BTreeMap::new();
    for of in &damaged {
        *counts.entry(of.damage).or_default() += 1;
    }
    Ok(Row {
        name: set.name.to_owned(),
        executions,
        traces: genuine.len(),
        events: genuine.iter().map(|(_, events)| events.len()).sum(),
        accepted: accepted.len(),
        damaged: counts,
        damaged_accepted: wrong.len(),
        states: output.states().map_or(0, |(_, distinct)| distinct),
        time: begun.elapsed(),
    })
}

/// The numbers of the traces, from 1, that TLC accepts of some of broken code, with the constants of a set.
pub(super) fn accepted<'e, S: Subject>(
    tools: &Tools,
    set: &Set<S::Scenario>,
    traces: impl Iterator<Item = &'e [Event]> + Clone,
) -> Result<BTreeSet<usize>, String> {
    let Some((scenario, _)) = set.scenarios.first() else { return Err(format!("{}: there is no scenario", set.name)) };
    let runner = Runner {
        tools,
        module: S::MODULE,
        specification: S::SPECIFICATION,
        constants: S::constants(scenario, set.options),
        definitions: S::definitions(&mut traces.clone()),
    };
    Ok(runner.run(traces, 0, false)?.accepted())
}

/// A trace, with the number of its scenario in the set.
pub type Numbered = (usize, Vec<Event>);

/// How many executions a set has, and their different traces.
///
/// # Errors
/// An execution breaks a promise, or has a word that the protocol does not have; or there are too many.
pub fn executions<S: Subject>(set: &Set<S::Scenario>, quick: bool) -> Result<(usize, Vec<Numbered>), String> {
    let mut worlds = Vec::new();
    for (scenario, kills) in set.scenarios {
        let world = World::new(scenario, &Setting::new(set.model, *kills))?;
        worlds.push(if set.options.loses_stores() { world } else { world.without_lost_stores() });
    }
    let mut traces = BTreeSet::new();
    let events = |scenario: usize, lines: &[_]| S::events(&set.scenarios[scenario].0, lines);
    let count = match set.which {
        Which::Every { .. } => {
            let mut count = 0;
            for (scenario, world) in worlds.iter_mut().enumerate() {
                let mut wrong = None;
                let all = executions::every(world, |lines| {
                    match events(scenario, &lines) {
                        Ok(events) => drop(traces.insert((scenario, events))),
                        Err(error) => wrong = Some(error),
                    }
                    wrong.is_none() && traces.len() <= TRACES_MAX
                });
                count += all.map_err(|found| format!("{}: {}", set.name, found.violation))?;
                if let Some(wrong) = wrong {
                    return Err(wrong);
                }
            }
            if traces.len() > TRACES_MAX {
                return Err(format!("{}: there are more than {TRACES_MAX} traces", set.name));
            }
            count
        }
        Which::Random { executions: full, quick: few } => {
            let mut worlds: Vec<_> = worlds.into_iter().map(World::access_by_access).collect();
            let count = if quick { few } else { full };
            for number in 0..count {
                // Each of the scenarios with each of the engines.
                let scenario = number as usize % worlds.len();
                let engine = Engine::new(number / worlds.len() as u64, number);
                let (lines, result) = engine.run(&mut worlds[scenario]);
                result.map_err(|violation| format!("{}, execution {number}: {violation}", set.name))?;
                traces.insert((scenario, events(scenario, &lines)?));
            }
            count
        }
    };
    Ok((count as usize, traces.into_iter().collect()))
}

fn damaged<S: Subject>(set: &Set<S::Scenario>, genuine: &[Numbered]) -> Vec<Damaged> {
    let mut numbers = Numbers(SEED);
    let each = genuine.iter().step_by(DAMAGED_ONE_IN).enumerate();
    let damaged = each.filter_map(|(number, (scenario, events))| {
        let kind = Damage::ALL[number % Damage::ALL.len()];
        damage::<S>(&set.scenarios[*scenario].0, events, kind, &mut numbers)
    });
    damaged.collect()
}

fn show(damaged: &Damaged) -> String {
    let line = |(number, event): (usize, &Event)| {
        let mark = if number == damaged.at { "->" } else { "  " };
        format!("{mark} {:3} {event}\n", number + 1)
    };
    let lines: String = damaged.events.iter().enumerate().map(line).collect();
    format!("{}, at the event that is marked:\n{lines}", damaged.damage.name())
}

struct Runner<'a> {
    tools: &'a Tools,
    module: &'a str,
    specification: &'a str,
    constants: Vec<String>,
    definitions: String,
}

impl Runner<'_> {
    fn run<'e>(
        &self,
        traces: impl Iterator<Item = &'e [Event]>,
        stop: usize,
        coverage: bool,
    ) -> Result<Output, String> {
        let constants = self.constants.join("\n    ");
        let config = format!("SPECIFICATION TraceSpec\nINVARIANT Stops\nCONSTANTS\n    {constants}\n");
        self.tools.run(&Task {
            module: self.module,
            config,
            data: Some(("TraceData", data::module(traces, &self.definitions, stop))),
            instrumented: coverage.then_some(self.specification),
        })
    }

    /// Where a trace is not gone on with, for people.
    fn explain(&self, name: &str, trace: &[Event]) -> Result<String, String> {
        const AROUND: usize = 12;
        let alone = |stop| self.run(std::iter::once(trace), stop, false);
        // In a behaviour of n states, n - 1 events were taken.
        let reached = alone(0)?.depth().unwrap_or(1);
        let state = alone(reached)?.last_state().unwrap_or_default();
        let from = reached.saturating_sub(AROUND + 1);
        let line = |(number, event): (usize, &Event)| {
            let mark = if number + 1 == reached { "->" } else { "  " };
            format!("{mark} {:3} {event}\n", number + 1)
        };
        let events: String = trace.iter().enumerate().skip(from).take(2 * AROUND).map(line).collect();
        Ok(format!(
            "{name}: {} does not allow event {reached} of {}, at which an execution of the code arrives:\n{events}\
             The state before it:\n{state}",
            self.specification,
            trace.len(),
        ))
    }
}
