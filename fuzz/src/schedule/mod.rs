//! Target `schedule`: processes run in the simulator as the input says: who takes the next step, who dies, what a load
//! finds, what a death leaves. No promise of a protocol is broken.

mod worlds;

use arbitrary::{Arbitrary, Result, Unstructured};
use lastword_protocol::model::{Scenario, Violation};
use lastword_sim::choose::Listed;
use lastword_sim::memory::{Handover, Model};
use lastword_sim::world::{Scripted, Step, System, World};
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use worlds::{Visit, Worlds};

/// Most operations of a process.
const OPERATIONS_MAX: u8 = 8;
/// Most processes of a world.
const PROCESSES_MAX: usize = 6;
/// Most deaths of a run.
const KILLS_MAX: u8 = 3;
/// More steps than any run takes: 6 processes, 8 operations each, at most 30 accesses to each of them, some done again
/// after a death, and as many flushes.
const STEPS_MAX: usize = 10_000;

/// A run.
#[derive(Clone, Debug)]
pub struct Input {
    protocol: Protocol,
    dimensions: Dimensions,
    kills: u8,
    /// The operations of each process, as numbers into what it can do.
    scripts: [Vec<u8>; PROCESSES_MAX],
    /// What every choice is answered.
    answers: Vec<u8>,
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

impl<'a> Arbitrary<'a> for Input {
    /// By hand, so that a byte is a number and an answer is a byte: a mutation then changes one thing.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let protocol = *bytes.choose(&[Protocol::Slots, Protocol::Ready, Protocol::Status])?;
        let dimensions = Dimensions {
            shape: bytes.arbitrary()?,
            genesis: bytes.arbitrary()?,
            model: *bytes.choose(&[Model::Sc, Model::Tso, Model::Pso, Model::Weak])?,
            handover: *bytes.choose(&[Handover::Bare, Handover::Synchronized])?,
        };
        let kills = bytes.int_in_range(0..=KILLS_MAX)?;
        let mut scripts = [const { Vec::new() }; PROCESSES_MAX];
        for script in &mut scripts {
            let count = bytes.int_in_range(0..=OPERATIONS_MAX)?;
            *script = (0..count).map(|_| bytes.arbitrary()).collect::<Result<_>>()?;
        }
        let answers = bytes.bytes(bytes.len())?.to_vec();
        Ok(Self { protocol, dimensions, kills, scripts, answers })
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
        let scripts = input.scripts.iter().take(scenario.processes()).enumerate();
        let script = scripts.map(|(process, numbers)| {
            let count = scenario.operations(process).len();
            numbers.iter().map(|&number| (usize::from(number) % count) as u16).collect()
        });
        world.set_script(script.collect());
        world.set_kills(input.kills);
        if let Err(violation) = follow(world, &input.answers) {
            panic!("{}", story(world, scenario, input, violation));
        }
        world.rest();
    }
}

/// Runs a world to its end.
fn follow<S: Scenario + Clone + 'static>(world: &mut World<S>, answers: &[u8]) -> std::result::Result<(), Violation> {
    let mut state = world.initial().clone();
    let mut answers = Listed::new(answers);
    for _ in 0..STEPS_MAX {
        if world.step(&mut state, &mut answers)? == Step::End {
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
    let _ = follow(world, &input.answers);
    let lines = world.recorded();
    let lines = lines.iter().map(|line| {
        let role = scenario.role(line.process);
        format!("{role} {}, life {}: {}\n", line.process, line.incarnation + 1, line.what)
    });
    let lines: String = lines.collect();
    format!("{violation}\n{:?}, {model:?}, {handover:?}:\n{lines}", input.protocol)
}
