//! Who waits is woken by what others do, and by nothing else.

use lastword_protocol::model::ready::{Op, Scenario};
use lastword_sim::choose::Listed;
use lastword_sim::memory::Model;
use lastword_sim::world::{Setting, Step, System, World};

/// Far more than any run of these has.
const STEPS_MAX: usize = 1_000;

#[test]
fn a_run_that_always_goes_on_with_the_same_process_ends() {
    const PROCESSES: &[&[Op]; 2] = &[&[Op::Send(8); 3], &[Op::Receive; 3]];
    for model in [Model::Sc, Model::Tso, Model::Pso, Model::Weak] {
        let scenario = Scenario { processes: PROCESSES, capacity: 8, genesis: None };
        let mut world = World::new(&scenario, &Setting::new(model, 0)).expect("it is small enough");
        let mut state = world.initial().clone();
        let mut answers = Listed::new(&[]);
        let mut steps = (0..STEPS_MAX).map(|_| world.step(&mut state, &mut answers).expect("no violation"));
        assert!(steps.any(|step| step == Step::End), "a store in its own buffer wakes nobody up under {model:?}");
    }
}
