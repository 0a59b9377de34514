//! Every broken variant of a protocol, each run until it is rejected.

use crate::case::{self, Case, Spec};
use crate::exhaustive::{Gauge, Limits};
use crate::memory::Model::{Pso, Sc, Tso, Weak};
use crate::token::Token;
use std::sync::atomic::Ordering::Relaxed;

/// A scenario and how it is run: a step of a ladder from the cheap to the dear.
#[derive(Clone, Debug)]
pub struct Rung {
    /// The scenario's name.
    pub scenario: &'static str,
    /// How it is run.
    pub spec: Spec,
}

const fn rung(scenario: &'static str, spec: Spec) -> Rung {
    Rung { scenario, spec }
}

/// A protocol's searches, one after the other until one rejects. The protocol as it is must pass them all.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// The protocol.
    pub protocol: &'static str,
    /// The searches.
    pub rungs: &'static [Rung],
}

/// The ladders.
pub const LADDERS: &[Ladder] = &[
    Ladder {
        protocol: "slots",
        rungs: &[
            rung("slots-1", Spec::new(Sc, 0)),
            rung("slots-1-long", Spec::new(Sc, 0)),
            rung("slots-1-mixed", Spec::new(Sc, 0)),
            rung("slots-1", Spec::new(Sc, 1)),
            rung("slots-1", Spec::new(Sc, 1).synchronized()),
            rung("slots-1-mixed", Spec::new(Sc, 1)),
            rung("slots-1-long", Spec::new(Tso, 0)),
            rung("slots-1-long", Spec::new(Weak, 0)),
            rung("slots-peeked", Spec::new(Weak, 0)),
            rung("slots-sleep", Spec::new(Sc, 0)),
            rung("slots-sleep", Spec::new(Sc, 1)),
            rung("slots-sleep", Spec::new(Tso, 0)),
            rung("slots-sleep", Spec::new(Weak, 0)),
            rung("slots-1", Spec::new(Sc, 2)),
            rung("slots-observed", Spec::new(Weak, 1)),
        ],
    },
    Ladder {
        protocol: "ready",
        rungs: &[
            rung("ready-3", Spec::new(Sc, 0)),
            rung("ready-3", Spec::new(Sc, 1)),
            rung("ready-tried", Spec::new(Sc, 1)),
            rung("ready-tried", Spec::new(Weak, 1).synchronized()),
            rung("ready-sleep", Spec::new(Sc, 0)),
            rung("ready-sleep", Spec::new(Sc, 1)),
            rung("ready-sleep", Spec::new(Tso, 0)),
            rung("ready-sleep", Spec::new(Weak, 0)),
        ],
    },
    Ladder {
        protocol: "status",
        rungs: &[
            rung("status-2", Spec::new(Sc, 0)),
            rung("status-2", Spec::new(Sc, 1)),
            rung("status-2", Spec::new(Pso, 0)),
            rung("status-2", Spec::new(Weak, 1)),
        ],
    },
    Ladder {
        protocol: "creation",
        rungs: &[
            rung("creation-observe", Spec::new(Sc, 1)),
            rung("creation-clear", Spec::new(Sc, 0)),
            rung("creation-rivals", Spec::new(Sc, 1)),
            rung("creation-force", Spec::new(Sc, 1)),
            rung("creation", Spec::new(Sc, 1)),
            rung("creation-removal", Spec::new(Sc, 1)),
            rung("creation-umask", Spec::new(Sc, 0)),
            rung("creation-umask-removal", Spec::new(Sc, 1)),
        ],
    },
];

/// What became of a variant.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The variant; none for the protocol as it is.
    pub variant: Option<String>,
    /// The run that rejects it, as short as it could be made, and the promise that it breaks.
    pub rejected_by: Option<(Token, String)>,
    /// How many runs it took.
    pub executions: u64,
    /// Set where the search was ended before it was through.
    pub interrupted: bool,
}

/// The names of a ladder's variants.
///
/// # Errors
/// A rung names no scenario.
pub fn variants(ladder: &Ladder) -> Result<Vec<String>, String> {
    match ladder.rungs.first() {
        Some(first) => Ok(scenario(first)?.variants()),
        None => Ok(Vec::new()),
    }
}

/// Climbs a ladder with a variant, or with the protocol as it is.
///
/// # Errors
/// A scenario cannot be run so.
pub fn judge(ladder: &Ladder, variant: Option<&str>, limits: &Limits, gauge: &Gauge) -> Result<Verdict, String> {
    let before = gauge.executions.load(Relaxed);
    let mut verdict =
        Verdict { variant: variant.map(str::to_owned), rejected_by: None, executions: 0, interrupted: false };
    for rung in ladder.rungs {
        let case = scenario(rung)?;
        let spec = Spec { variant: verdict.variant.clone(), ..rung.spec.clone() };
        let searched = case.search(&spec, limits, gauge)?;
        if let Some(found) = searched.found {
            let shrunk = case.shrink(&spec, &found.answers)?;
            let token =
                Token { scenario: case.name().to_owned(), spec, script: Some(shrunk.script), answers: shrunk.answers };
            verdict.rejected_by = Some((token, shrunk.violation.to_string()));
            break;
        }
        if !searched.complete {
            verdict.interrupted = true;
            break;
        }
    }
    verdict.executions = gauge.executions.load(Relaxed) - before;
    Ok(verdict)
}

fn scenario(rung: &Rung) -> Result<&'static dyn Case, String> {
    case::find(rung.scenario).ok_or_else(|| format!("there is no scenario `{}`", rung.scenario))
}
