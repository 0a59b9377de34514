//! The states that the code reaches, and those that the specification reaches: the same.
//!
//! Traces show that the specification allows what the code does. This shows, for one small scenario, that the code does
//! all that the specification allows. The simulator goes access by access, with a death at every point, and loses no
//! stores; `MCSlotsEqual.tla` has the specification do the operations of that scenario and no others. Either way a
//! state is written as one line: each shared word and each word of payload, where each process stands, how many
//! operations it has completed, and how many deaths there have been. The sets of lines are compared.
//!
//! Where a process stands is the access that it makes next. What it carries in its own memory is not among a state's
//! parts: the specification has it in variables of its own, of which the code knows nothing.

use super::event::{Place, Value, action_of};
use super::slots::{Slots, decode};
use super::subject::Options;
use super::subject::Subject as _;
use super::tlc::{Task, Tools};
use lastword_protocol::memory::Numbering as _;
use lastword_protocol::model::Scenario as _;
use lastword_protocol::model::slots::{Op, Scenario};
use lastword_protocol::slots::Word;
use lastword_sim::choose::Odometer;
use lastword_sim::images::Pictured as _;
use lastword_sim::memory::Model;
use lastword_sim::trace::Place as Cell;
use lastword_sim::world::{Scripted as _, Setting, Standing, State, Step, System as _, World};
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

const SCENARIO: Scenario<'static> = Scenario::new(
    &[&[Op::Publish(16), Op::Publish(16), Op::Publish(16)], &[Op::Acquire, Op::Release, Op::Acquire]],
    1,
    16,
);
/// How many deaths there are at most.
const KILLS: u8 = 2;
const PRODUCER: usize = 0;
const CONSUMER: usize = 1;

/// What the comparison came to.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// How many states the code reaches.
    pub code: usize,
    /// How many states the specification reaches.
    pub specification: usize,
    /// How long it took.
    pub time: Duration,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, specification, time } = self;
        write!(f, "equal states: {code} of the code, {specification} of the specification, {:.1} s", time.as_secs_f64())
    }
}

/// Compares the states that both reach.
///
/// # Errors
/// They differ: some of those that only one reaches. Or one of them cannot be run.
pub fn compare(tools: &Tools) -> Result<Comparison, String> {
    let begun = Instant::now();
    let code = of_the_code()?;
    let specification = of_the_specification(tools)?;
    let only = |these: &BTreeSet<String>, those: &BTreeSet<String>| {
        const SHOWN: usize = 5;
        let difference: Vec<_> = these.difference(those).collect();
        let shown: String = difference.iter().take(SHOWN).map(|state| format!("  {state}\n")).collect();
        format!("{} states, such as\n{shown}", difference.len())
    };
    if code != specification {
        return Err(format!(
            "the code reaches {} states and the specification {}.\nOnly the code: {}Only the specification: {}",
            code.len(),
            specification.len(),
            only(&code, &specification),
            only(&specification, &code)
        ));
    }
    Ok(Comparison { code: code.len(), specification: specification.len(), time: begun.elapsed() })
}

fn of_the_specification(tools: &Tools) -> Result<BTreeSet<String>, String> {
    let publishes = SCENARIO.processes[PRODUCER].len();
    let mut constants = Slots::constants(&SCENARIO, Options { leaves: "all", in_order: true });
    constants.extend([format!("Publishes = {publishes}"), format!("Kills = {KILLS}")]);
    let config = format!("SPECIFICATION EqualSpec\nINVARIANT Shown\nCONSTANTS\n    {}\n", constants.join("\n    "));
    let task = Task { module: "MCSlotsEqual", config, data: None, instrumented: None };
    let output = tools.run(&task)?;
    // TLC prints a string in quotes, with those in it escaped.
    let state = |line: &str| Some(line.strip_prefix('"')?.strip_suffix('"')?.replace("\\\"", "\""));
    Ok(output.text.lines().filter_map(state).collect())
}

type Code = World<Scenario<'static>>;
type At = State<<Scenario<'static> as lastword_protocol::model::Scenario>::Oracle>;

fn of_the_code() -> Result<BTreeSet<String>, String> {
    let world = World::new(&SCENARIO, &Setting::new(Model::Sc, KILLS))?;
    let mut world = world.access_by_access().without_lost_stores();
    let first = world.initial().clone();
    let mut lines = BTreeSet::from([line(&world, &first)?]);
    let mut seen = HashSet::from([world.digest(&first)]);
    let mut open = vec![first];
    while let Some(state) = open.pop() {
        let mut odometer = Odometer::default();
        loop {
            odometer.rewind();
            let mut next = state.clone();
            let step = world.step(&mut next, &mut odometer).map_err(|violation| violation.to_string())?;
            if step == Step::More && seen.insert(world.digest(&next)) {
                lines.insert(line(&world, &next)?);
                open.push(next);
            }
            if !odometer.advance() {
                break;
            }
        }
    }
    Ok(lines)
}

/// A state as `State` of `MCSlotsEqual.tla` is printed.
fn line(world: &Code, state: &At) -> Result<String, String> {
    let layout = SCENARIO.layout();
    let values = world.values(state);
    let word = |word: Word, on: Place| decode(on, layout.number(word).map_or(0, |number| values[number]));
    let payload = |slot: u8, index: usize, kind| {
        let cell = layout.words() + usize::from(slot) * layout.area_words() + index;
        decode(Place(kind, slot.into()), values[cell])
    };
    let latest = word(Word::Latest, Place("latest", 0))?;
    let lock = word(Word::Lock(0), Place("lock", CONSUMER))?;
    let mut slots = Vec::new();
    for slot in 0..layout.slots() as u8 {
        let sequence = word(Word::Sequence(slot), Place("sequence", slot.into()))?.1;
        let length = word(Word::Length(slot), Place("length", slot.into()))?.1;
        let (Value(_, first, of_first), Value(_, second, of_second)) =
            (payload(slot, 0, "first")?, payload(slot, 1, "second")?);
        slots.push(format!("<<{sequence}, {length}, <<{first}, {of_first}>>, <<{second}, {of_second}>>>>"));
    }
    let complete = |process| world.stand(state, process).complete;
    Ok(format!(
        "<<<<{}, {}>>, {lock}, <<{}>>, <<\"{}\", \"{}\">>, <<{}, {}, {}>>>>",
        latest.1,
        latest.2,
        slots.join(", "),
        pc(world, state, PRODUCER, lock)?,
        pc(world, state, CONSUMER, lock)?,
        complete(PRODUCER),
        complete(CONSUMER),
        world.deaths(state)
    ))
}

/// The specification's name of where a process stands.
fn pc(world: &Code, state: &At, process: usize, lock: Value) -> Result<String, String> {
    // A consumer that rests has what its lock word says: see Inv6TentativeIsNotRead.
    let rests = if process == CONSUMER && lock.0 == "held" { "holding" } else { "idle" };
    let (next, place, last) = match world.standing(state, process) {
        Standing::Dead => return Ok("dead".to_owned()),
        Standing::Asleep => return Ok("asleep".to_owned()),
        Standing::Resting => return Ok(rests.to_owned()),
        Standing::Before { next, place, last } => (next.name, place, last.map_or("", |last| last.name)),
    };
    let name = match (next, place) {
        ("slots.scan", _) if last == "slots.help" => "Rescan".to_owned(),
        ("slots.fill", Some(Cell::Payload { index: 0, .. })) => "FillFirst".to_owned(),
        ("slots.fill", _) => "FillSecond".to_owned(),
        ("slots.read", Some(Cell::Payload { index: 0, .. })) => "ReadFirst".to_owned(),
        ("slots.read", _) => "ReadSecond".to_owned(),
        _ => action_of(next),
    };
    match Slots::action(&name).map(|action| action.places) {
        Some([only]) => Ok((*only).to_owned()),
        // What may be done at any rest.
        Some([..]) => Ok(rests.to_owned()),
        None => Err(format!("{next} would be {name}, which is no action")),
    }
}
