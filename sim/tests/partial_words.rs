//! A write of some of a word's bytes reads the others first. That read is a part of the write: it is ordered like it,
//! for the successor of a process that died while it wrote, too.

use lastword_protocol::memory::Ordering;
use lastword_protocol::model::variant::{Change, Part};
use lastword_protocol::model::{Scenario, ready, slots};
use lastword_sim::exhaustive::{Gauge, Limits, Searched, search};
use lastword_sim::memory::Model;
use lastword_sim::world::{Setting, World};

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Pso, Model::Weak];

fn searched<S: Scenario + Clone + Sync + 'static>(scenario: &S, setting: &Setting) -> Searched {
    search(&|| World::new(scenario, setting).expect("it is small enough"), &Limits::default(), &Gauge::default())
}

#[test]
fn a_successor_writes_over_its_predecessors_half_written_message() {
    use slots::Op::{Acquire, Peek, Publish};
    let slots: [&[&[slots::Op]]; 2] = [&[&[Publish(1)], &[Acquire]], &[&[Publish(1)], &[], &[Peek]]];
    for model in MODELS {
        let setting = Setting::new(model, 1);
        for processes in slots {
            let searched = searched(&slots::Scenario::new(processes, 1, 8), &setting);
            assert!(searched.complete, "{model:?}: {:?}", searched.found);
        }
        let scenario = ready::Scenario { processes: &[&[ready::Op::Send(1)], &[]], capacity: 8, genesis: None };
        let searched = searched(&scenario, &setting);
        assert!(searched.complete, "{model:?}: {:?}", searched.found);
    }
}

#[test]
fn what_is_read_back_has_to_be_ordered_by_recovery() {
    use lastword_protocol::slots::site::RESUME;
    use slots::Op::{Publish, ReadLast};
    let scenario = slots::Scenario::new(&[&[Publish(1), ReadLast], &[]], 1, 8);
    let setting = Setting::new(Model::Sc, 1);
    assert!(searched(&scenario, &setting).complete);
    let change = Change::Weaken { site: RESUME, part: Part::Order, to: Ordering::Relaxed };
    assert!(searched(&scenario, &Setting { change: Some(change), ..setting }).found.is_some());
}
