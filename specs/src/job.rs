//! A run, what it must come to and what it came to, whatever the engine.
//!
//! Every kind of run is a [`Job`]. A new kind is an [`Engine`], a table of the [manifest](crate::manifest), a `Job`,
//! and a line in [`Manifest::jobs`](crate::manifest::Manifest::jobs).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What runs a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Engine {
    /// TLC, the model checker of the TLA+ tools, in a Java of its own.
    Tlc,
    /// The crate `tla-checker`, in this process.
    TlaChecker,
    /// Executions of the code, which TLC accepts or refuses: [`traces`](crate::traces).
    Traces,
    /// The states that the code reaches and those that TLC reaches: [`equal`](crate::traces::equal).
    States,
    /// The solver z3: [`proof`](crate::proof).
    Z3,
}

impl Engine {
    /// All of them.
    pub const ALL: [Engine; 5] = [Engine::Tlc, Engine::TlaChecker, Engine::Traces, Engine::States, Engine::Z3];

    /// Its name in the manifest and in the results.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Tlc => "tlc",
            Engine::TlaChecker => "tla-checker",
            Engine::Traces => "traces",
            Engine::States => "states",
            Engine::Z3 => "z3",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a run is called.
#[derive(Clone, Debug)]
pub struct Title {
    /// The run's name in the manifest.
    pub name: String,
    /// The specification, as `Slots`.
    pub spec: String,
    /// The configuration, as `MCSlots2`.
    pub config: String,
    /// What runs it.
    pub engine: Engine,
}

/// What a run must come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Everything holds. A count that is not pinned is not compared.
    Pass {
        /// The pinned number of distinct states.
        distinct_states: Option<u64>,
        /// The pinned depth of the search; 1 is the depth of the initial states.
        depth: Option<u64>,
    },
    /// This invariant or property, by its name, is violated.
    Fail(String),
}

/// A run that can be run.
pub trait Job: Send + Sync {
    /// What it is called.
    fn title(&self) -> &Title;

    /// What it must come to.
    fn expectation(&self) -> &Expectation;

    /// How many threads it works with.
    fn threads(&self) -> usize {
        1
    }

    /// Runs it. Looks at [`Gauge::stopped`] often, and ends when it is.
    fn run(&self, gauge: &Gauge) -> Found;
}

/// How far a run is, and whether it has to stop.
#[derive(Debug, Default)]
pub struct Gauge {
    stop: Arc<AtomicBool>,
    /// Distinct states so far, 0 where the engine does not say.
    pub states: AtomicU64,
}

impl Gauge {
    /// A gauge of a run that ends when `stop` is set.
    pub fn stopped_by(stop: &Arc<AtomicBool>) -> Self {
        Self { stop: Arc::clone(stop), states: AtomicU64::new(0) }
    }

    /// Whether the run has to end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// What is set when the run has to end.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Found {
    /// Whether everything held.
    pub outcome: Outcome,
    /// How many distinct states there are, or were found before a violation.
    pub distinct_states: Option<u64>,
    /// The depth of the search.
    pub depth: Option<Depth>,
    /// For people: the counterexample state by state, or what the engine said of an error.
    pub details: String,
    /// What else was counted, by its name.
    pub figures: Vec<(&'static str, u64)>,
}

impl Found {
    /// Nothing was found out, for this reason.
    pub fn error(why: impl Into<String>) -> Self {
        Self::of(Outcome::Error(why.into()))
    }

    /// The run was stopped.
    pub fn stopped() -> Self {
        Self::of(Outcome::Stopped)
    }

    fn of(outcome: Outcome) -> Self {
        Self { outcome, distinct_states: None, depth: None, details: String::new(), figures: Vec::new() }
    }
}

/// The depth of a search; 1 is the depth of the initial states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Breadth-first, one state after the other: the length of the longest of all shortest ways to a state.
    Exact(u64),
    /// Several threads overtake each other, so that some states are found on a detour: not less than the exact depth.
    AtMost(u64),
}

impl Depth {
    /// As the engine said it.
    pub fn said(self) -> u64 {
        match self {
            Depth::Exact(depth) | Depth::AtMost(depth) => depth,
        }
    }

    fn can_be(self, pinned: u64) -> bool {
        match self {
            Depth::Exact(depth) => depth == pinned,
            Depth::AtMost(depth) => depth >= pinned,
        }
    }
}

/// Whether everything held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did, in every state.
    Pass,
    /// This invariant or property is violated, by its name in the configuration; one of several, where the engine does
    /// not say which.
    Fail(Vec<String>),
    /// The run did not come to an end, for this reason, in a line: the specification does not parse, cannot be
    /// evaluated, the engine failed.
    Error(String),
    /// Somebody wanted the run to end.
    Stopped,
}

impl Outcome {
    /// As the results name it.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail(_) => "fail",
            Outcome::Error(_) => "error",
            Outcome::Stopped => "stopped",
        }
    }
}

/// A row of the results.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The run's name in the manifest.
    pub name: String,
    /// The specification.
    pub spec: String,
    /// The configuration.
    pub config: String,
    /// What ran it.
    pub engine: Engine,
    /// `pass` or `fail`.
    pub expected: &'static str,
    /// `pass`, `fail` or `error`.
    pub result: &'static str,
    /// Whether it came to what it must.
    pub ok: bool,
    /// Distinct states, up to a violation.
    pub distinct_states: Option<u64>,
    /// Depth of the search, up to a violation.
    pub depth: Option<u64>,
    /// How long it took.
    pub seconds: f64,
    /// What is violated.
    pub violated: Option<String>,
    /// Why it is not ok.
    pub why: Option<String>,
    /// What else was counted.
    #[serde(flatten)]
    pub figures: BTreeMap<&'static str, u64>,
}

impl Row {
    /// Compares what a run came to with what it must.
    pub fn new(title: &Title, expectation: &Expectation, found: &Found, seconds: f64) -> Self {
        let complaints = complaints(expectation, found);
        Self {
            name: title.name.clone(),
            spec: title.spec.clone(),
            config: title.config.clone(),
            engine: title.engine,
            expected: match expectation {
                Expectation::Pass { .. } => "pass",
                Expectation::Fail(_) => "fail",
            },
            result: found.outcome.name(),
            ok: complaints.is_empty(),
            distinct_states: found.distinct_states,
            depth: found.depth.map(Depth::said),
            seconds: (seconds * 1000.0).round() / 1000.0,
            violated: match &found.outcome {
                Outcome::Fail(names) => Some(names.join(" or ")),
                _ => None,
            },
            why: (!complaints.is_empty()).then(|| complaints.join("; ")),
            figures: found.figures.iter().copied().collect(),
        }
    }
}

/// In what a run did not come to what it must.
fn complaints(expectation: &Expectation, found: &Found) -> Vec<String> {
    match (expectation, &found.outcome) {
        (Expectation::Pass { distinct_states, depth }, Outcome::Pass) => {
            let mut complaints = Vec::new();
            if let Some(pinned) = distinct_states
                && found.distinct_states != Some(*pinned)
            {
                complaints.push(other_count("distinct states", found.distinct_states, *pinned));
            }
            if let Some(pinned) = depth
                && !found.depth.is_some_and(|depth| depth.can_be(*pinned))
            {
                complaints.push(other_count("depth", found.depth.map(Depth::said), *pinned));
            }
            complaints
        }
        (Expectation::Pass { .. }, Outcome::Fail(names)) => {
            vec![format!("{} is violated, and nothing should be", names.join(" or "))]
        }
        (Expectation::Fail(name), Outcome::Pass) => vec![format!("everything holds, and {name} should be violated")],
        (Expectation::Fail(name), Outcome::Fail(names)) => match &names[..] {
            [violated] if violated == name => Vec::new(),
            names => vec![format!("{} is violated, and {name} should be", names.join(" or "))],
        },
        (_, Outcome::Error(why)) => vec![why.clone()],
        (_, Outcome::Stopped) => vec!["stopped".to_owned()],
    }
}

fn other_count(what: &str, found: Option<u64>, pinned: u64) -> String {
    let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
    format!("{what}: found {found}, expected {pinned}; if the change is meant, pin it in the manifest (`--bless`)")
}
