//! One operation, killed wherever memory looks different, or others sleep.

use super::Trouble;
use super::image::{Image, difference};
use super::scene::{Host, Operation, Phase, Prediction, Scene};
use super::tracee::At;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

/// Findings that are kept of one operation. All are counted.
const FINDINGS_MAX: usize = 20;

/// What an operation came to.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Outcome {
    pub(super) operation: &'static str,
    /// Instructions of the operation when nobody is killed.
    pub(super) instructions: u64,
    /// How many different images there were at its instruction boundaries.
    pub(super) distinct_images: usize,
    /// The same, those before and after a wake-up or a sleep told apart: each has somebody killed.
    pub(super) distinct_moments: usize,
    pub(super) kills: usize,
    /// Recoveries that were completed and judged.
    pub(super) recoveries: usize,
    /// Kills of a process that recovers.
    pub(super) nested_kills: usize,
    /// How many images the simulator predicts for the operation.
    pub(super) predicted: usize,
    /// Images that it does not predict.
    pub(super) misses: usize,
    pub(super) violations: usize,
    /// Instructions of all recoveries that were stepped.
    pub(super) recovery_instructions: u64,
    /// How many images the simulator predicts for a recovery.
    pub(super) predicted_recovery: usize,
    pub(super) seconds: f64,
    /// Where the evidence is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<String>,
    #[serde(skip)]
    pub(super) findings: Vec<Finding>,
}

/// A miss or a violation.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) operation: &'static str,
    /// `miss` or `violation`.
    pub(super) kind: &'static str,
    /// What was found, and what was expected.
    pub(super) what: String,
    /// Where processes were killed on the way, and what they had done to memory by then.
    pub(super) way: Vec<Point>,
}

/// An instruction boundary.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Point {
    /// Whose: `operation` or `recovery`.
    pub(super) of: &'static str,
    /// Instructions since it began.
    pub(super) instruction: u64,
    /// What was different from how it began.
    pub(super) changed: Vec<String>,
}

/// What a kill leaves: memory, and who sleeps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Moment {
    image: Image,
    /// How often the process has woken others, where others sleep.
    wakes: u64,
    /// Whether it sleeps itself.
    is_asleep: bool,
}

impl Moment {
    fn now(scene: &mut dyn Scene) -> Result<Self, Trouble> {
        let (image, others_sleep) = (scene.look()?, scene.others_sleep());
        let subject = scene.subject()?;
        Ok(Self { image, wakes: if others_sleep { subject.wakes } else { 0 }, is_asleep: subject.is_asleep })
    }
}

/// A moment, and where it was seen first.
#[derive(Clone, Debug)]
struct Seen {
    moment: Moment,
    instruction: u64,
    system_calls: u64,
}

/// Everything that one process showed, the first moment being that before it did anything.
#[derive(Debug)]
struct Walk {
    seen: Vec<Seen>,
    instructions: u64,
}

/// How much is done.
#[derive(Debug)]
pub(super) struct Effort {
    /// Whether recovery is stepped, and killed, after every image's kill; otherwise after the first one's and the last
    /// one's.
    pub(super) is_whole: bool,
    /// Kills so far, for the progress line.
    pub(super) kills: AtomicU32,
}

/// Runs an operation.
///
/// # Errors
/// Only what keeps it from being run. Misses and violations are in the outcome.
pub(super) fn run(operation: &dyn Operation, host: &Host<'_>, effort: &Effort) -> Result<Outcome, Trouble> {
    let prediction = operation.predict()?;
    let mut outcome = Outcome {
        operation: operation.name(),
        predicted: prediction.performing(),
        predicted_recovery: prediction.recovering(),
        ..Outcome::default()
    };
    let mut trial = Trial { operation, host, prediction: &*prediction, missed: HashSet::new(), outcome: &mut outcome };
    let Some(walk) = trial.alive()? else { return Ok(outcome) };
    trial.outcome.instructions = walk.instructions;
    trial.outcome.distinct_moments = walk.seen.len();
    trial.outcome.distinct_images = walk.seen.iter().map(|seen| &seen.moment.image).collect::<HashSet<_>>().len();
    for (at, seen) in walk.seen.iter().enumerate() {
        // What is broken on purpose has to be found once.
        if host.broken.is_some() && trial.outcome.misses + trial.outcome.violations > 0 {
            break;
        }
        effort.kills.fetch_add(1, Ordering::Relaxed);
        let steps = effort.is_whole || at == 0 || at + 1 == walk.seen.len();
        let Some(recovery) = trial.killed(&walk, seen, steps)? else { continue };
        for nested in &recovery.seen {
            effort.kills.fetch_add(1, Ordering::Relaxed);
            trial.killed_again((&walk, seen), (&recovery, nested))?;
        }
    }
    Ok(outcome)
}

struct Trial<'t> {
    operation: &'t dyn Operation,
    host: &'t Host<'t>,
    prediction: &'t dyn Prediction,
    /// What was found missing before.
    missed: HashSet<(Phase, String)>,
    outcome: &'t mut Outcome,
}

impl Trial<'_> {
    /// Nobody is killed.
    fn alive(&mut self) -> Result<Option<Walk>, Trouble> {
        let mut walked = None;
        let done = self.operation.set(self.host).and_then(|mut scene| {
            let walk = self.walk(&mut *scene, Phase::Performing, &[])?;
            walked = Some(walk);
            scene.complete()?;
            scene.go_on()
        });
        self.judge(done, Vec::new)?;
        Ok(walked)
    }

    /// The subject is killed at an image. Its successor is stepped, or only judged.
    fn killed(&mut self, walk: &Walk, seen: &Seen, steps: bool) -> Result<Option<Walk>, Trouble> {
        let mut walked = None;
        let kinds = self.kinds();
        let done = self.operation.set(self.host).and_then(|mut scene| {
            bring_to(&mut *scene, seen, self.host)?;
            self.outcome.kills += 1;
            scene.succeed()?;
            if steps {
                let way = [point(kinds, "operation", walk, seen)];
                let recovery = self.walk(&mut *scene, Phase::Recovering, &way)?;
                self.outcome.recovery_instructions += recovery.instructions;
                walked = Some(recovery);
            } else {
                scene.subject()?.finish()?;
            }
            scene.complete()?;
            self.outcome.recoveries += 1;
            scene.go_on()
        });
        self.judge(done, || vec![point(kinds, "operation", walk, seen)])?;
        Ok(walked)
    }

    /// The subject is killed, and its successor too.
    fn killed_again(&mut self, first: (&Walk, &Seen), second: (&Walk, &Seen)) -> Result<(), Trouble> {
        let done = self.operation.set(self.host).and_then(|mut scene| {
            bring_to(&mut *scene, first.1, self.host)?;
            self.outcome.kills += 1;
            scene.succeed()?;
            bring_to(&mut *scene, second.1, self.host)?;
            self.outcome.nested_kills += 1;
            scene.succeed()?;
            scene.subject()?.finish()?;
            scene.complete()?;
            self.outcome.recoveries += 1;
            scene.go_on()
        });
        let kinds = self.kinds();
        self.judge(done, || {
            vec![point(kinds, "operation", first.0, first.1), point(kinds, "recovery", second.0, second.1)]
        })
    }

    /// Steps the subject to the end, and looks at memory before each instruction.
    fn walk(&mut self, scene: &mut dyn Scene, phase: Phase, way: &[Point]) -> Result<Walk, Trouble> {
        let mut last = Moment::now(scene)?;
        let mut known = HashSet::from([last.clone()]);
        let mut walk =
            Walk { seen: vec![Seen { moment: last.clone(), instruction: 0, system_calls: 0 }], instructions: 0 };
        self.compare(phase, &walk, way);
        let mut changes = 0;
        loop {
            self.host.check()?;
            if scene.subject()?.step()? == At::End {
                break;
            }
            let mut now = Moment::now(scene)?;
            if now == last {
                continue;
            }
            changes += usize::from(now.image != last.image);
            loop {
                if known.insert(now.clone()) {
                    let subject = scene.subject()?;
                    let (instruction, system_calls) = (subject.instructions, subject.system_calls);
                    walk.seen.push(Seen { moment: now.clone(), instruction, system_calls });
                    self.compare(phase, &walk, way);
                }
                last = now;
                if !scene.meanwhile(changes)? {
                    break;
                }
                now = Moment::now(scene)?;
            }
        }
        let subject = scene.subject()?;
        walk.instructions = subject.instructions;
        if let Some(what) = self.prediction.unfinished(phase, &last.image) {
            let seen = Seen { moment: last, instruction: walk.instructions, system_calls: subject.system_calls };
            self.miss(phase, format!("at the end: {what}"), &walk, &seen, way);
        }
        if phase == Phase::Recovering && subject.sleeps > 0 {
            return Err(Trouble::Violation(format!("recovery slept {} times", subject.sleeps)));
        }
        Ok(walk)
    }

    /// Compares the newest image with what is predicted.
    fn compare(&mut self, phase: Phase, walk: &Walk, way: &[Point]) {
        let (Some(first), Some(seen)) = (walk.seen.first(), walk.seen.last()) else { return };
        if let Some(what) = self.prediction.miss(phase, &first.moment.image, &seen.moment.image) {
            self.miss(phase, what, walk, seen, way);
        }
    }

    fn miss(&mut self, phase: Phase, what: String, walk: &Walk, seen: &Seen, way: &[Point]) {
        // The same one after another kill is the same finding.
        if !self.missed.insert((phase, what.clone())) {
            return;
        }
        self.outcome.misses += 1;
        let of = if phase == Phase::Performing { "operation" } else { "recovery" };
        let way = way.iter().cloned().chain([point(self.kinds(), of, walk, seen)]).collect();
        self.find("miss", what, way);
    }

    fn judge(&mut self, done: Result<(), Trouble>, way: impl FnOnce() -> Vec<Point>) -> Result<(), Trouble> {
        match done {
            Err(Trouble::Violation(what)) => {
                self.outcome.violations += 1;
                self.find("violation", what, way());
                Ok(())
            }
            done => done,
        }
    }

    fn find(&mut self, kind: &'static str, what: String, way: Vec<Point>) {
        if self.outcome.findings.len() < FINDINGS_MAX {
            self.outcome.findings.push(Finding { operation: self.operation.name(), kind, what, way });
        }
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.operation.kinds()
    }
}

fn point(kinds: &[&str], of: &'static str, walk: &Walk, seen: &Seen) -> Point {
    let first = walk.seen.first();
    let mut changed = first.map(|first| difference(kinds, &first.moment.image, &seen.moment.image)).unwrap_or_default();
    if seen.moment.wakes > 0 {
        changed.push(format!("others woken {} times", seen.moment.wakes));
    }
    if seen.moment.is_asleep {
        changed.push("asleep".to_owned());
    }
    Point { of, instruction: seen.instruction, changed }
}

/// Brings the subject to where it has been seen before.
///
/// System calls before that are not stepped, where nobody does anything meanwhile: the image is not there before the
/// last of them.
fn bring_to(scene: &mut dyn Scene, target: &Seen, host: &Host<'_>) -> Result<(), Trouble> {
    let mut changes = 0;
    let mut last = Moment::now(scene)?;
    let mut skips = if scene.has_meanwhile() { 0 } else { target.system_calls };
    while last != target.moment {
        host.check()?;
        let at = if skips > 0 { scene.subject()?.skip()? } else { scene.subject()?.step()? };
        if at == At::End {
            return Err(Trouble::Violation("an operation that is repeated does not show the same images".to_owned()));
        }
        let now = Moment::now(scene)?;
        skips = skips.saturating_sub(1);
        if now == last {
            continue;
        }
        changes += usize::from(now.image != last.image);
        last = now;
        while last != target.moment && scene.meanwhile(changes)? {
            last = Moment::now(scene)?;
        }
    }
    Ok(())
}
