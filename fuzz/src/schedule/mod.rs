//! Target `schedule`: processes run in the simulator as the input says: who takes the next step, who dies, what a load
//! finds, what a death leaves. No promise of a protocol is broken.

mod turns;
mod worlds;

use arbitrary::{Arbitrary, Result, Unstructured};
use lastword_protocol::model::{Scenario, Violation};
use lastword_protocol::sequence::Sequence;
use lastword_sim::choose::{Choose, Recorder};
use lastword_sim::memory::{Handover, Model};
use lastword_sim::world::{Scripted, Step, System, World};
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use turns::Turns;
use worlds::{Visit, Worlds};

/// Most operations of a process.
const OPERATIONS_MAX: usize = 8;
/// Operations of each process, where an input names none.
const OPERATIONS_USUAL: usize = 3;
/// Most deaths of a run.
const KILLS_MAX: u8 = 3;
/// What can have been the last message before a run, by number: near the wrap, and not.
const GENESES: [Option<Sequence>; 4] = [None, Some(Sequence::FIRST), Sequence::LAST.previous(), Some(Sequence::LAST)];
/// More steps than any run takes: 6 processes, 8 operations each, at most 30 accesses to each of them, some done again
/// after a death, and as many flushes.
const STEPS_MAX: usize = 10_000;

/// A run.
#[derive(Clone, Debug)]
pub struct Input {
    protocol: Protocol,
    dimensions: Dimensions,
    kills: u8,
    /// Operations, as numbers of a process and of what it can do. None: everybody does its first one a few times.
    operations: Vec<(u8, u8)>,
    /// Who goes on, who dies, what is found: see [`Turns`].
    turns: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Protocol {
    Slots,
    Ready,
    Status,
}

/// What a world is made of; shape and genesis as numbers into what there is.
#[derive(Clone, Copy, Debug)]
struct Dimensions {
    shape: u8,
    genesis: u8,
    model: Model,
    handover: Handover,
}

impl Dimensions {
    /// The message that was the last before the run.
    fn genesis(&self) -> Option<Sequence> {
        GENESES[usize::from(self.genesis) % GENESES.len()]
    }
}

impl<'a> Arbitrary<'a> for Input {
    /// By hand. libFuzzer begins with a few bytes, so few are enough for a run in which something happens; and what
    /// follows a byte that is changed keeps its meaning.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let [rules, dimensions, limits]: [u8; 3] = bytes.arbitrary()?;
        let protocol = [Protocol::Slots, Protocol::Ready, Protocol::Slots, Protocol::Status][usize::from(rules & 3)];
        let dimensions = Dimensions {
            shape: dimensions >> 2,
            genesis: dimensions & 3,
            model: [Model::Sc, Model::Tso, Model::Pso, Model::Weak][usize::from(rules >> 2 & 3)],
            handover: [Handover::Bare, Handover::Synchronized][usize::from(rules >> 4 & 1)],
        };
        let count = usize::from(limits >> 2).min(bytes.len());
        let operations = bytes.bytes(count)?.iter().map(|byte| (byte & 7, byte >> 3)).collect();
        let turns = bytes.bytes(bytes.len())?.to_vec();
        Ok(Self { protocol, dimensions, kills: limits & 3, operations, turns })
    }
}

thread_local! {
    /// Never dropped: what belongs to a world and is never freed would be a leak without it.
    static WORLDS: RefCell<ManuallyDrop<Worlds>> = RefCell::default();
}

/// Runs one input.
///
/// # Panics
/// A promise was broken. The message tells what happened, step by step.
pub fn run(input: &Input) {
    WORLDS.with_borrow_mut(|worlds| worlds.with(input.protocol, &input.dimensions, Run(input)));
}

struct Run<'i>(&'i Input);

impl Visit for Run<'_> {
    fn visit<S: Scenario + Clone + 'static>(self, world: &mut World<S>, scenario: &S) {
        let Self(input) = self;
        let processes = scenario.processes();
        let mut script = vec![Vec::new(); processes];
        for &(process, number) in &input.operations {
            let process = usize::from(process) % processes;
            if script[process].len() < OPERATIONS_MAX {
                script[process].push(u16::from(number) % scenario.operations(process).len() as u16);
            }
        }
        if input.operations.is_empty() {
            script.fill(vec![0; OPERATIONS_USUAL]);
        }
        world.set_script(script);
        world.set_kills(input.kills);
        if let Err(violation) = follow(world, Turns::new(&input.turns)) {
            panic!("{}", story(world, scenario, input, violation));
        }
    }
}

/// Runs a world to its end.
fn follow<S: Scenario + Clone + 'static>(
    world: &mut World<S>,
    mut choose: impl Choose,
) -> std::result::Result<(), Violation> {
    let mut state = world.initial().clone();
    for _ in 0..STEPS_MAX {
        if world.step(&mut state, &mut choose)? == Step::End {
            return Ok(());
        }
    }
    Err(Violation::new("every run ends (steps)", STEPS_MAX as u64, 0))
}

/// What happened in a run that broke a promise, for people.
fn story<S: Scenario + Clone + 'static>(
    world: &mut World<S>,
    scenario: &S,
    input: &Input,
    violation: Violation,
) -> String {
    let Dimensions { model, handover, .. } = input.dimensions;
    world.record();
    let mut answers = Vec::new();
    let _ = follow(world, Recorder::new(Turns::new(&input.turns), &mut answers));
    let answers: Vec<u8> = answers.into_iter().map(|(answer, _)| answer).collect();
    let lines = world.recorded();
    let lines = lines.iter().map(|line| {
        let role = scenario.role(line.process);
        format!("{role} {}, life {}: {}\n", line.process, line.incarnation + 1, line.what)
    });
    let lines: String = lines.collect();
    let does = world.script().iter().enumerate().map(|(process, numbers)| {
        let operations: Vec<_> = numbers.iter().map(|&number| world.operation(process, number)).collect();
        format!("{} {process} does {operations:?}\n", scenario.role(process))
    });
    let does: String = does.collect();
    let genesis = input.dimensions.genesis();
    format!(
        "{violation}\n{:?}, {model:?}, {handover:?}, after {genesis:?}:\n{does}{lines}answers: {answers:?}",
        input.protocol
    )
}
