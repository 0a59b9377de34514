//! Executions of the code as behaviours of its specifications.
//!
//! The simulator runs the shipped source of the protocols. What each access found and stored becomes an
//! [event] that bears the name of a TLA+ action; an execution is a sequence of events; TLC accepts it only if the
//! specification has a behaviour with exactly these events ([`check`](mod@check)). Traces that are [damaged](damage)
//! have to be rejected, and so have executions of the code with a step [broken]. The traces have to exercise every
//! branch of every action ([`coverage`]). And for a small scenario the code and the specification reach the same states
//! ([`equal`]).
//!
//! `specs/traces.md` is the guide.

pub mod broken;
pub mod check;
pub mod coverage;
pub mod damage;
pub mod data;
pub mod engine;
pub mod equal;
pub mod event;
pub mod ready;
pub mod sets;
pub mod slots;
pub mod status;
pub mod subject;
pub mod tlc;

use check::{Row, Set};
use coverage::Coverage;
use lastword_protocol::model::variant::{self, Variant};
use subject::Subject;
use tlc::Tools;

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// One producer, many consumers.
    Slots,
    /// One message at a time.
    Ready,
    /// A board of words.
    Status,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 3] = [Protocol::Slots, Protocol::Ready, Protocol::Status];

    /// The module of its algorithm.
    pub fn module(self) -> &'static str {
        match self {
            Protocol::Slots => slots::Slots::SPECIFICATION,
            Protocol::Ready => ready::Ready::SPECIFICATION,
            Protocol::Status => status::Status::SPECIFICATION,
        }
    }
}

/// What the executions of a protocol came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Set by set.
    pub rows: Vec<Row>,
    /// How many parts the specification's actions have.
    pub parts: usize,
    /// Those of them that no execution exercises, by their lines. There has to be none.
    pub uncovered: Vec<String>,
    /// What became of the code with a step broken. A quick check leaves that out.
    pub broken: Option<broken::Mutants>,
}

/// Checks the executions of a protocol, and tells of each set when it is done.
///
/// # Errors
/// A genuine execution is rejected, a damaged one accepted, or TLC cannot be run: what to look at.
pub fn check(tools: &Tools, protocol: Protocol, quick: bool, each: &mut dyn FnMut(&Row)) -> Result<Report, String> {
    match protocol {
        Protocol::Slots => {
            check_all::<slots::Slots>(tools, sets::SLOTS, (&sets::SLOTS_BROKEN, variant::SLOTS), quick, each)
        }
        Protocol::Ready => {
            check_all::<ready::Ready>(tools, sets::READY, (&sets::READY_BROKEN, variant::READY), quick, each)
        }
        Protocol::Status => {
            check_all::<status::Status>(tools, sets::STATUS, (&sets::STATUS_BROKEN, variant::STATUS), quick, each)
        }
    }
}

fn check_all<S: Subject>(
    tools: &Tools,
    sets: &[Set<S::Scenario>],
    (broken, variants): (&Set<S::Scenario>, &[Variant]),
    quick: bool,
    each: &mut dyn FnMut(&Row),
) -> Result<Report, String> {
    let mut coverage = Coverage::default();
    let mut rows = Vec::new();
    for set in sets.iter().filter(|set| set.is_part_of(quick)) {
        let row = check::check::<S>(tools, set, quick, &mut coverage)?;
        each(&row);
        rows.push(row);
    }
    let (parts, uncovered) = coverage.uncovered();
    if parts == 0 {
        return Err(format!("TLC counted nothing in the actions of {}", S::SPECIFICATION));
    }
    let broken = (!quick).then(|| broken::check::<S>(tools, broken, variants)).transpose()?;
    Ok(Report { rows, parts, uncovered, broken })
}
