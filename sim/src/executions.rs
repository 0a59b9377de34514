//! Whole executions, as what happens in them: all of a small system, or random ones.
//!
//! A search goes on from a state once, whichever way it came there. Who wants to see executions wants each way.

use crate::choose::Odometer;
use crate::exhaustive::Found;
use crate::sample::{self, Sampling};
use crate::trace::Line;
use crate::world::{Step, System};
use lastword_protocol::model::Violation;

/// Hands every execution to `each`, depth-first, until that says false; how many there were.
///
/// There are as many as ways to interleave the processes' steps: a scenario of a few dozen accesses has millions.
///
/// # Errors
/// A promise was broken.
pub fn every<S: System>(system: &mut S, mut each: impl FnMut(Vec<Line>) -> bool) -> Result<u64, Found> {
    let mut odometer = Odometer::default();
    let mut state = system.initial().clone();
    let mut executions = 0;
    loop {
        odometer.rewind();
        state.clone_from(system.initial());
        system.record();
        loop {
            match system.step(&mut state, &mut odometer) {
                Ok(Step::More) => {}
                Ok(Step::End) => break,
                Err(violation) => return Err(Found { answers: odometer.answers().collect(), violation }),
            }
        }
        executions += 1;
        if !each(system.recorded()) || !odometer.advance() {
            return Ok(executions);
        }
        system.rest();
    }
}

/// What happens in run number `number` of a series, and whether a promise is broken at its end.
pub fn random<S: System>(system: &mut S, sampling: &Sampling, number: u64) -> (Vec<Line>, Result<(), Violation>) {
    let mut state = system.initial().clone();
    system.record();
    let result = sample::run(system, &mut state, sampling, number, &mut 0);
    (system.recorded(), result)
}
