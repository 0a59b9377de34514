//! The proof that `slots` is right for any number of consumers and of messages, and keeps its promise.
//!
//! What is proved is the text that TLC checks: `Slots.tla`, with the inductive invariant of `SlotsInductive.tla`. The parser
//! of the crate `tla-checker` reads it, this module translates it to first-order logic (SMT-LIB 2), and z3 answers. What
//! exactly is asked, and what is trusted, says `specs/proof.md`.
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
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// How long the solver may think about one question: many times what it needs.
const LIMIT: Duration = Duration::from_secs(60);

/// How many steps of each action are compared, in each instance.
const STEPS: usize = 5;

/// What came out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// The solver, as it names itself.
    pub solver: String,
    /// What is proved.
    pub obligations: Vec<Obligation>,
    /// Whether the translation means what the specification means, for each of some instances.
    pub agreements: Vec<Agreement>,
}

impl Report {
    /// What is not as it has to be, a line for each.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let open = self.obligations.iter().filter(|obligation| !obligation.is_discharged()).map(Obligation::to_string);
        open.chain(self.agreements.iter().flat_map(|agreement| agreement.differences.iter().cloned())).collect()
    }
}

/// Something broken on purpose, for which there must be no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// There are C+1 slots.
    OneSlotTooFew,
    /// An action is not what it should be.
    Action {
        /// The action of the specification.
        action: &'static str,
        /// The one in its place.
        by: &'static str,
    },
}

impl Mistake {
    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let actions = slots::BROKEN.into_iter().map(|(action, by)| Self::Action { action, by });
        std::iter::once(Self::OneSlotTooFew).chain(actions).collect()
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneSlotTooFew => f.pad("OneSlotTooFew"),
            Self::Action { by, .. } => f.pad(by),
        }
    }
}

/// Whether `z3` is the program of the solver, of version [`VERSION`]; how it names itself.
///
/// # Errors
/// It does not run, or is another version.
pub fn solver_of_version(z3: &Path) -> Result<String, ProofError> {
    solver::version(z3)
}

/// Proves that the invariant of `SlotsInductive.tla` is one, and that what `slots` promises follows from it.
/// `specifications` is the directory of the modules, `z3` the solver's program, of version [`VERSION`], of which at most
/// `processes` run at a time. Also compares the translation with the specification. Ends early when `stopped`. Takes half
/// a minute on two cores.
///
/// # Errors
/// The modules cannot be read or translated, or the solver cannot be used. An obligation that fails is no error here.
pub fn prove(
    specifications: &Path,
    z3: &Path,
    processes: usize,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Report, ProofError> {
    let solver = solver::version(z3)?;
    let module = Module::load(specifications, &[slots::MODULE])?;
    let mut jobs = plan::proof(&module)?;
    jobs.push(plan::possible(&module)?);
    let obligations = obligation::answer(z3, &jobs, LIMIT, processes, stopped)?;
    let agreements = slots::compared().into_iter().filter(|_| !stopped());
    let agreements = agreements.map(|chosen| agreement::compare(&module, &chosen, STEPS, z3, LIMIT));
    let agreements = agreements.collect::<Result<_, _>>()?;
    Ok(Report { solver, obligations, agreements })
}

/// What the solver has an example against where this mistake is made: conjuncts and invariants, by name. There has to be
/// something.
///
/// # Errors
/// As [`prove`].
pub fn refute(
    specifications: &Path,
    z3: &Path,
    mistake: Mistake,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<String>, ProofError> {
    let broken = Module::load(specifications, &[slots::MODULE, slots::BROKEN_MODULE])?;
    let job = match mistake {
        Mistake::OneSlotTooFew => plan::one_slot_too_few(&broken)?,
        Mistake::Action { action, by } => plan::broken(&broken, action, by)?,
    };
    let answers = obligation::answer(z3, &[job], LIMIT, 1, stopped)?;
    let refuted = answers.into_iter().filter(|found| found.answer == Answer::Sat);
    Ok(refuted.filter_map(|found| found.conjunct).collect())
}

#[cfg(test)]
mod tests;
