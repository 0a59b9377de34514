//! The proof that `slots` is right for any number of consumers and of messages, and keeps its promise.
//!
//! What is proved is the text that TLC checks: `Slots.tla`, with the inductive invariant of `SlotsInductive.tla`. The parser
//! of the crate `tla-checker` reads it, this module translates it to first-order logic (SMT-LIB 2), and z3 answers. What
//! exactly is asked, and what is trusted, says `specs/README.proof.md`.
//!
//! | module | what it does |
//! |---|---|
//! | `module` | reads modules of TLA+ with all that they extend and instantiate |
//! | `actions` | takes a next-state relation and an invariant apart |
//! | `translate`, `value`, `sort`, `term` | expressions of TLA+ as formulas |
//! | `instance` | the constants: arbitrary, or of a small instance |
//! | `slots` | what is particular to `slots` |
//! | `plan` | the obligations |
//! | `obligation`, `solver` | has them answered |
//! | `agreement` | compares the translation with the evaluator of `tla-checker` |

mod actions;
mod agreement;
mod error;
mod instance;
mod module;
mod obligation;
mod plan;
mod slots;
mod solver;
mod sort;
mod term;
mod translate;
mod value;

pub use agreement::Agreement;
pub use error::ProofError;
pub use obligation::Obligation;
pub use solver::{Answer, VERSION};

use module::Module;
use std::path::Path;
use std::time::Duration;

/// How long the solver may think about one question: many times what it needs.
const LIMIT: Duration = Duration::from_secs(60);

/// How many steps of each action are compared, in each instance.
const STEPS: usize = 5;

/// What came out: see [`is_proved`](Report::is_proved).
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// The solver, as it names itself.
    pub solver: String,
    /// What is proved.
    pub obligations: Vec<Obligation>,
    /// Whether the translation means what the specification means, for each of some instances.
    pub agreements: Vec<Agreement>,
    /// What must not be provable.
    pub controls: Vec<Control>,
}

impl Report {
    /// Whether every obligation is discharged, the translation agrees with the specification, and every mistake is found.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.obligations.iter().all(Obligation::is_discharged)
            && self.agreements.iter().all(|agreement| agreement.differences.is_empty())
            && self.controls.iter().all(Control::is_found)
    }
}

/// Something broken, of which some obligation has to fail.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Control {
    /// What is broken: an action of the specification and the one in its place, or "one slot too few".
    pub name: String,
    /// What the solver has an example against.
    pub refuted: Vec<String>,
}

impl Control {
    /// Whether the mistake is found.
    #[must_use]
    pub fn is_found(&self) -> bool {
        !self.refuted.is_empty()
    }
}

/// Proves that the invariant of `SlotsInductive.tla` is one, that what `slots` promises follows from it, and that mistakes
/// would be found. `specifications` is the directory of the modules, `z3` the solver's program, of version [`VERSION`], of
/// which at most `processes` run at a time. Takes half a minute on two cores.
///
/// # Errors
/// The modules cannot be read or translated, or the solver cannot be used. An obligation that fails is no error here.
pub fn prove_slots(specifications: &Path, z3: &Path, processes: usize) -> Result<Report, ProofError> {
    let solver = solver::version(z3)?;
    let module = Module::load(specifications, &[slots::MODULE])?;
    let mut jobs = plan::proof(&module)?;
    jobs.push(plan::possible(&module)?);
    let obligations = obligation::answer(z3, &jobs, LIMIT, processes)?;
    let controls = controls(specifications, z3, processes)?;
    let agreements = slots::compared().into_iter().map(|chosen| agreement::compare(&module, &chosen, STEPS, z3, LIMIT));
    let agreements = agreements.collect::<Result<_, _>>()?;
    Ok(Report { solver, obligations, agreements, controls })
}

fn controls(specifications: &Path, z3: &Path, processes: usize) -> Result<Vec<Control>, ProofError> {
    let broken = Module::load(specifications, &[slots::MODULE, slots::BROKEN_MODULE])?;
    let mut names = vec!["one slot too few".to_owned()];
    let mut jobs = vec![plan::one_slot_too_few(&broken)?];
    for (action, by) in slots::BROKEN {
        names.push(format!("{action} <- {by}"));
        jobs.push(plan::broken(&broken, action, by)?);
    }
    let mut answers = obligation::answer(z3, &jobs, LIMIT, processes)?.into_iter();
    let mut controls = Vec::new();
    for (name, job) in names.into_iter().zip(&jobs) {
        let refuted = answers.by_ref().take(job.queries.len()).filter(|found| found.answer == Answer::Sat);
        controls.push(Control { name, refuted: refuted.filter_map(|found| found.conjunct).collect() });
    }
    Ok(controls)
}

#[cfg(test)]
mod tests;
