//! Random executions of several characters.

use lastword_protocol::model::Violation;
use lastword_sim::choose::{Choose, Pct, Question, Random, index_of};
use lastword_sim::executions;
use lastword_sim::trace::Line;
use lastword_sim::world::System;

/// How an execution is chosen.
#[derive(Clone, Debug)]
pub struct Engine {
    character: u64,
    seed: u64,
}

/// A process dies with a chance of 1 in so many at each point.
const DIES_ONE_IN: u32 = 24;
/// How many characters there are.
const CHARACTERS: u64 = 5;

impl Engine {
    /// One of the characters by turns, with a seed.
    pub fn new(turn: u64, seed: u64) -> Self {
        Self { character: turn % CHARACTERS, seed }
    }

    /// Runs a system to its end.
    pub fn run<S: System>(&self, system: &mut S) -> (Vec<Line>, Result<(), Violation>) {
        let seed = self.seed;
        match self.character {
            0 => executions::chosen(system, &mut Random::new(seed, DIES_ONE_IN, 1)),
            1 => executions::chosen(system, &mut Random::new(seed, DIES_ONE_IN, 6)),
            2 => executions::chosen(system, &mut Pct::new(seed, DIES_ONE_IN, 4, 64)),
            one => {
                let random = Random::new(seed, 4 * DIES_ONE_IN, 1);
                executions::chosen(system, &mut Favouring { favourite: (one - 3) as u32, random })
            }
        }
    }
}

/// Has one process make most of the steps, so that it overtakes the others.
struct Favouring {
    favourite: u32,
    random: Random,
}

const FAVOURED_IN: usize = 5;

impl Choose for Favouring {
    fn choose(&mut self, question: Question, n: usize) -> usize {
        match question {
            Question::Who { enabled, last }
                if enabled & (1 << self.favourite) != 0 && self.random.choose(Question::Flush, FAVOURED_IN) != 0 =>
            {
                index_of(enabled, last, self.favourite)
            }
            _ => self.random.choose(question, n),
        }
    }
}
