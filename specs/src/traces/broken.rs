//! The code with a step broken: its executions are rejected.
//!
//! The protocols' variants with a missing or misplaced step are the ones that the simulator's oracles have to find.
//! Here no oracle is asked: each of them must have executions that TLC does not accept. An execution ends where an
//! oracle finds a promise broken, if that comes first.

use super::check::Set;
use super::engine::Engine;
use super::event::Event;
use super::subject::Subject;
use super::tlc::Tools;
use lastword_protocol::model::variant::Variant;
use lastword_sim::world::{Setting, World};
use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

/// What became of a broken variant.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// How many different traces it has.
    pub traces: usize,
    /// How many of them were rejected.
    pub rejected: usize,
}

/// What became of the broken variants of a protocol.
#[derive(Clone, Debug)]
pub struct Mutants {
    /// Each of them.
    pub all: Vec<Mutant>,
    /// How long it took.
    pub time: Duration,
}

impl fmt::Display for Mutants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let traces = self.all.iter().map(|mutant| mutant.traces).sum::<usize>();
        let rejected = self.all.iter().map(|mutant| mutant.rejected).sum::<usize>();
        let (variants, seconds) = (self.all.len(), self.time.as_secs_f64());
        let unseen = self.all.iter().filter(|mutant| mutant.rejected == 0).count();
        write!(
            f,
            "{variants} broken variants of the code, {unseen} of them unseen: {rejected} of {traces} traces rejected, \
             {seconds:.1} s"
        )
    }
}

/// How many executions of each variant.
const EXECUTIONS: u64 = 60;

/// Checks that TLC rejects executions of every variant.
///
/// # Errors
/// All executions of one are accepted that is not expected to be, or TLC cannot be run.
pub fn check<S: Subject>(tools: &Tools, set: &Set<S::Scenario>, variants: &[Variant]) -> Result<Mutants, String> {
    let begun = Instant::now();
    let mut traces: Vec<(usize, Vec<Event>)> = Vec::new();
    let mut all = Vec::new();
    for (number, variant) in variants.iter().enumerate() {
        let mut of_this = BTreeSet::new();
        // Those with a word that the protocol does not have are not even traces.
        let mut garbage = 0;
        for (scenario, kills) in set.scenarios {
            let setting = Setting { change: Some(variant.change), ..Setting::new(set.model, *kills) };
            let mut world = World::new(scenario, &setting)?.access_by_access();
            for seed in 0..EXECUTIONS {
                let (lines, _) = Engine::new(seed, seed).run(&mut world);
                match S::events(scenario, &lines) {
                    Ok(events) => drop(of_this.insert(events)),
                    Err(_) => garbage += 1,
                }
            }
        }
        all.push(Mutant { name: variant.name, traces: of_this.len() + garbage, rejected: of_this.len() + garbage });
        traces.extend(of_this.into_iter().map(|events| (number, events)));
    }
    let accepted = super::check::accepted::<S>(tools, set, traces.iter().map(|(_, events)| &events[..]))?;
    for number in accepted {
        all[traces[number - 1].0].rejected -= 1;
    }
    let unseen: Vec<_> = all.iter().filter(|mutant| mutant.rejected == 0).map(|mutant| mutant.name).collect();
    let expected: Vec<_> = S::UNSEEN.iter().map(|(name, _)| *name).collect();
    if unseen != expected {
        return Err(format!(
            "{}: of these variants of the code every execution is accepted: {unseen:?}; and it should be so of {expected:?}",
            S::SPECIFICATION
        ));
    }
    Ok(Mutants { all, time: begun.elapsed() })
}
