//! What a [trial](super::trial) needs of an operation: a stage that is set anew for each kill, and a judge.

use super::Trouble;
use super::image::Image;
use super::part::Dimensions;
use super::tracee::Tracee;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// An operation of the table.
pub(super) trait Operation: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What it is, in one line.
    fn about(&self) -> &'static str;

    /// The ends of the names of its objects.
    fn kinds(&self) -> &'static [&'static str];

    /// What the simulator says that memory can look like.
    fn predict(&self) -> Result<Box<dyn Prediction + '_>, Trouble>;

    /// Sets the stage: fresh objects, everybody in their roles, the subject about to begin.
    fn set<'h>(&'h self, host: &'h Host<'h>) -> Result<Box<dyn Scene + 'h>, Trouble>;
}

/// What the simulator says that memory can look like.
pub(super) trait Prediction {
    /// How many images there are during the operation.
    fn performing(&self) -> usize;

    /// How many there are during recovery.
    fn recovering(&self) -> usize;

    /// Why an image is none of those, given the first one; `None` if it is one.
    fn miss(&self, phase: Phase, first: &Image, image: &Image) -> Option<String>;

    /// Why an image is none of those at the end, if so.
    fn unfinished(&self, phase: Phase, image: &Image) -> Option<String>;
}

/// What the stepped process is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// The operation.
    Performing,
    /// The recovery after a death.
    Recovering,
}

/// A stage.
pub(super) trait Scene {
    /// The process that is stepped now.
    fn subject(&mut self) -> Result<&mut Tracee, Trouble>;

    /// What memory looks like.
    fn look(&mut self) -> Result<Image, Trouble>;

    /// Whether somebody sleeps who has to be woken.
    fn others_sleep(&self) -> bool;

    /// Whether others do something while the subject is stopped.
    fn has_meanwhile(&self) -> bool;

    /// The subject has changed memory for the `changes`-th time, or fallen asleep: others do what they do now. Whether
    /// anybody did.
    fn meanwhile(&mut self, changes: usize) -> Result<bool, Trouble>;

    /// The subject's operation, or its recovery, is complete: what it answers is judged.
    fn complete(&mut self) -> Result<(), Trouble>;

    /// Kills the subject, and starts its successor, which is about to recover.
    fn succeed(&mut self) -> Result<(), Trouble>;

    /// Everybody goes on, and is judged. Then everything is removed, and nothing must be left.
    fn go_on(self: Box<Self>) -> Result<(), Trouble>;
}

/// Who sets stages.
#[derive(Debug)]
pub(super) struct Host<'h> {
    /// What the names of all objects begin with.
    pub(super) prefix: String,
    /// What is broken in the processes that are stepped.
    pub(super) broken: Option<&'h str>,
    /// Not 0 where everybody is to stop.
    pub(super) stop: &'h AtomicUsize,
    stages: AtomicU32,
}

impl<'h> Host<'h> {
    /// Of objects whose names begin with `prefix`.
    pub(super) fn new(prefix: String, broken: Option<&'h str>, stop: &'h AtomicUsize) -> Self {
        Self { prefix, broken, stop, stages: AtomicU32::new(0) }
    }

    /// A name that no other stage has, nor begins with.
    pub(super) fn name(&self) -> String {
        format!("{}.{:08}", self.prefix, self.stages.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts a process to be stepped.
    pub(super) fn start(&self, name: &str, dimensions: Dimensions) -> Result<Tracee, Trouble> {
        Tracee::start(name, dimensions, self.broken)
    }

    /// Fails where everybody is to stop.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        if self.stop.load(Ordering::Relaxed) == 0 { Ok(()) } else { Err(Trouble::Stopped) }
    }
}

/// Checks that nothing is left of `name`.
pub(super) fn check_gone(name: &str) -> Result<(), Trouble> {
    let left = lastword::objects(name).map_err(crate::explain::cannot_list)?;
    let left: Vec<_> = left.iter().filter(|object| object.name == name).map(ToString::to_string).collect();
    if left.is_empty() { Ok(()) } else { Err(Trouble::Violation(format!("left behind: {}", left.join(", ")))) }
}

/// Why an image is not among the predicted ones, with what the nearest of those has instead.
pub(super) fn nearest(
    predicted: &HashSet<Vec<u64>>,
    found: &[u64],
    show: impl Fn(usize, u64) -> String,
) -> Option<String> {
    if predicted.contains(found) {
        return None;
    }
    let wrong = |other: &Vec<u64>| other.iter().zip(found).filter(|(other, found)| other != found).count();
    let Some(nearest) = predicted.iter().min_by_key(|other| wrong(other)) else {
        return Some("no image is predicted at all".to_owned());
    };
    let cells = nearest.iter().zip(found).enumerate().filter(|(_, (other, found))| other != found);
    let words: Vec<_> = cells
        .map(|(at, (&other, &found))| format!("found {}, expected {}", show(at, found), show(at, other)))
        .collect();
    Some(format!(
        "the simulator predicts {} images, of which the nearest differs: {}",
        predicted.len(),
        words.join("; ")
    ))
}
