//! Whole executions, as what happens in them: all of a small system, or one that an engine chooses.
//!
//! A search goes on from a state once, whichever way it came there. Who wants to see executions wants each way.

use crate::choose::{Choose, Odometer};
use crate::exhaustive::Found;
use crate::sample;
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

/// What happens in the execution that an engine chooses, and whether a promise is broken at its end.
pub fn chosen<S: System>(system: &mut S, choose: &mut impl Choose) -> (Vec<Line>, Result<(), Violation>) {
    let mut state = system.initial().clone();
    system.record();
    let result = sample::run_to_end(system, &mut state, choose);
    (system.recorded(), result)
}
