use lastword_protocol::model::{slots, ready, status, Scenario};
use lastword_sim::{world::*, memory::*, exhaustive::*};
use slots::Op::*;
fn run<S: Scenario + Clone + Sync + Send + 'static>(name: &str, s: S, setting: Setting) {
    let t = std::time::Instant::now();
    let gauge = Gauge::default();
    let r = search(&|| World::new(&s, &setting).unwrap(), &Limits::default(), &gauge);
    let e = t.elapsed().as_secs_f64();
    println!("{name} {:?} k{}: complete {} states {:?} exec {:?} steps {:?} {:.2}s {:.2}M steps/s points {}/{}", setting.model, setting.kills.max, r.complete, gauge.states, gauge.executions, gauge.steps, e, gauge.steps.load(std::sync::atomic::Ordering::Relaxed) as f64/e/1e6, r.coverage.hit(), r.coverage.reached());
    if let Some(f) = r.found {
        println!("{:?} {:?}", f.violation, f.answers.len());
        let mut w = World::new(&s, &setting).unwrap();
        let (r, lines) = tell(&mut w, &f.answers);
        for l in lines { println!("{} {} {}", l.process, l.incarnation, l.what); }
        println!("{r:?}");
    }
}
fn main() {
    let a: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let k: u8 = std::env::args().nth(2).unwrap().parse().unwrap();
    let m = match std::env::args().nth(3).unwrap().as_str() { "tso" => Model::Tso, "pso" => Model::Pso, "weak" => Model::Weak, _ => Model::Sc };
    let set = Setting::new(m, k);
    match a {
        0 => run("s1", slots::Scenario::new(&[&[Publish(8), Publish(16), Publish(8)], &[Acquire, Acquire]], 1, 16), set),
        1 => run("s2x2", slots::Scenario::new(&[&[Publish(8), Publish(16), Publish(8)], &[Acquire, Acquire], &[Acquire, Acquire]], 2, 16), set),
        2 => run("s3x1", slots::Scenario::new(&[&[Publish(8), Publish(16), Publish(8)], &[Acquire], &[Acquire], &[Acquire]], 3, 16), set),
        3 => run("ready", ready::Scenario{processes: &[&[ready::Op::Send(16), ready::Op::Send(8), ready::Op::Send(16)], &[ready::Op::Receive,ready::Op::Receive,ready::Op::Receive]], capacity:16, genesis: None}, set),
        4 => run("status", status::Scenario{processes: &[&[status::Op::Set(0), status::Op::Set(1), status::Op::Set(0), status::Op::Set(1)], &[status::Op::Get(1), status::Op::Get(0), status::Op::Get(1)], &[status::Op::Get(1), status::Op::Get(0), status::Op::Get(1)]], words:2}, set),
        5 => run("peek", slots::Scenario::new(&[&[Publish(8), Publish(16), AbandonLoan(16), Publish(8), Publish(8)], &[], &[Peek, Peek]], 1, 16), set),
        6 => run("s1 4p", slots::Scenario::new(&[&[Publish(8), Publish(8), Publish(8), Publish(8)], &[Acquire, Acquire]], 1, 8), set),
        7 => run("s1 4p 3a", slots::Scenario::new(&[&[Publish(8), Publish(8), Publish(8), Publish(8), Publish(8)], &[Acquire, Acquire, Acquire]], 1, 8), set),
        8 => run("s1 rel", slots::Scenario::new(&[&[Publish(8), Publish(8), ReadLast, PublishInPlace(16), Publish(8)], &[Acquire, Release, Acquire, Reread]], 1, 16), set),
        _ => {}
    }
}
