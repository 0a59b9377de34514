//! x
use lastword_protocol::model::slots::{Op::*, Scenario};
use lastword_sim::{
    executions,
    memory::Model,
    world::{Setting, World},
};
use lastword_specs::traces::{slots::Slots, subject::Subject};
use std::collections::BTreeSet;
fn main() {
    for (name, s) in [
        ("P x A", Scenario::new(&[&[Publish(16)], &[Acquire]], 1, 16)),
        ("PP x A", Scenario::new(&[&[Publish(16), Publish(16)], &[Acquire]], 1, 16)),
        ("PP x ", Scenario::new(&[&[Publish(16), Publish(16)], &[]], 1, 16)),
        ("P x AA", Scenario::new(&[&[Publish(16)], &[Acquire, Acquire]], 1, 16)),
    ] {
        for kills in 0..3 {
            let mut world = World::new(&s, &Setting::new(Model::Sc, kills)).unwrap();
            let mut set = BTreeSet::new();
            let mut n = 0;
            let _ = executions::every(&mut world, |l| {
                set.insert(Slots::events(&s, &l).unwrap());
                n += 1;
                n < 100000
            });
            println!("{name} kills {kills}: {n} {}", set.len());
        }
    }
}
