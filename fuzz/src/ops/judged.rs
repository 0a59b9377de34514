//! Any sequence of operations and deaths: every promise is kept, as the protocols' oracles judge.

use super::Bench;
use super::{Dimensions, Step};
use lastword_protocol::model::broken::Broken;
use lastword_protocol::model::variant::Change;
use lastword_protocol::model::{Scenario, ready, slots, status};

/// More operations of a run.
pub(super) const STEPS_MAX: usize = status::VALUES_MAX;

pub(super) fn slots(dimensions: &Dimensions, steps: &[Step]) {
    let empty = [&[][..]; 1 + slots::READERS_MAX];
    let (scenario, capacity) = (dimensions.slots(&empty), dimensions.capacity);
    play(scenario, planted(), steps, |process, step| {
        use slots::Op::{AbandonLoan, Acquire, Newest, Peek, Publish, PublishInPlace, ReadLast, Release, Reread};
        let length = step.length(capacity);
        match (scenario.role(process), step.operation % 6) {
            ("producer", 0 | 1) => Publish(length),
            ("producer", 2 | 3) => PublishInPlace(length),
            ("producer", 4) => AbandonLoan(length),
            ("producer", _) => ReadLast,
            ("consumer", 0..=2) => Acquire,
            ("consumer", 3) => Reread,
            ("consumer", 4) => Release,
            ("consumer", _) => Newest,
            _ => Peek,
        }
    });
}

pub(super) fn ready(dimensions: &Dimensions, steps: &[Step]) {
    let scenario = dimensions.ready(&[&[], &[]]);
    // An operation that would wait has no one to wait for: it has been tried, and the run goes on.
    play(scenario, None, steps, |process, step| match (process, step.operation % 3) {
        (0, _) => ready::Op::Send(step.length(dimensions.capacity)),
        (_, 0) => ready::Op::TryReceive,
        _ => ready::Op::Receive,
    });
}

pub(super) fn status(dimensions: &Dimensions, steps: &[Step]) {
    let empty = [&[][..]; 1 + status::MONITORS_MAX];
    let scenario = dimensions.status(&empty);
    play(scenario, None, steps, |process, step| {
        let word = (u16::from(step.operation) % scenario.words) as u8;
        if process == 0 { status::Op::Set(word) } else { status::Op::Get(word) }
    });
}

/// Plays a run. Who dies is started again by its next step.
fn play<S: Scenario + Copy>(
    scenario: S,
    change: Option<Change>,
    steps: &[Step],
    operation: impl Fn(usize, &Step) -> S::Op,
) {
    let bench = Bench::new(scenario, true);
    let mut processes: Vec<_> = (0..scenario.processes()).map(|_| None).collect();
    for (number, step) in steps.iter().take(STEPS_MAX).enumerate() {
        let process = usize::from(step.process) % processes.len();
        let operation = operation(process, step);
        let now = processes[process].take();
        let lived = bench.perform(process, step.dies_after(), || {
            let mut now = match now {
                Some(now) => now,
                None => scenario.start(process, Broken::new(&bench, scenario.layout(), change), &bench)?,
            };
            let _ = S::perform(&mut now, operation, &bench)?;
            Ok(now)
        });
        processes[process] = lived.map(|lived| match lived {
            Ok(now) => now,
            Err(violation) => {
                panic!("{violation} (step {number}: {operation:?} of {} {process})", scenario.role(process))
            }
        });
    }
}

#[cfg(not(feature = "seeded-bug"))]
fn planted() -> Option<Change> {
    None
}

/// The planted bug: a consumer reads what it has announced and never says that it holds it. Its successor gives up what
/// it should find.
#[cfg(feature = "seeded-bug")]
fn planted() -> Option<Change> {
    Some(Change::Skip { site: lastword_protocol::slots::site::HOLD })
}
