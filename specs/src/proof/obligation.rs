//! Obligations: what is asked of the solver, and what it has to answer.

use super::error::ProofError;
use super::solver::{Answer, Solver};
use super::term::Term;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// One question and its answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Obligation {
    /// What it is about.
    pub name: String,
    /// The action of which it is.
    pub action: Option<String>,
    /// The conjunct or invariant that is to hold.
    pub conjunct: Option<String>,
    /// What has to be answered: `Unsat` where the negation of something true is asked for, `Sat` where something has to
    /// be possible.
    pub expected: Answer,
    /// What was answered.
    pub answer: Answer,
    /// How long that took, in seconds.
    pub seconds: f64,
}

impl Obligation {
    /// Whether the answer is what it has to be.
    #[must_use]
    pub fn is_discharged(&self) -> bool {
        self.answer == self.expected
    }
}

/// A question.
pub(crate) struct Query {
    pub(crate) name: String,
    pub(crate) action: Option<String>,
    pub(crate) conjunct: Option<String>,
    pub(crate) expected: Answer,
    pub(crate) formulas: Vec<String>,
}

impl Query {
    pub(crate) fn new(name: impl Into<String>, expected: Answer, formulas: &[Term]) -> Self {
        let formulas = formulas.iter().map(Term::to_string).collect();
        Self { name: name.into(), action: None, conjunct: None, expected, formulas }
    }

    pub(crate) fn of_action(self, action: &str) -> Self {
        Self { action: Some(action.to_owned()), ..self }
    }

    pub(crate) fn of_conjunct(self, conjunct: &str) -> Self {
        Self { conjunct: Some(conjunct.to_owned()), ..self }
    }
}

/// Questions that share their declarations and assumptions.
pub(crate) struct Job {
    pub(crate) script: String,
    pub(crate) queries: Vec<Query>,
}

/// Has all questions answered, by at most `processes` solvers at a time. The answers are in the order of the questions.
pub(crate) fn answer(
    z3: &Path,
    jobs: &[Job],
    limit: Duration,
    processes: usize,
) -> Result<Vec<Obligation>, ProofError> {
    let next = AtomicUsize::new(0);
    let answered = Mutex::new(Vec::new());
    let work = || -> Result<(), ProofError> {
        while let Some((index, job)) = take(&next, jobs) {
            let obligations = answer_job(z3, job, limit)?;
            if let Ok(mut answered) = answered.lock() {
                answered.push((index, obligations));
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..processes.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(ProofError::Solver("a thread that asks it has failed".to_owned())))
        })
    })?;
    let mut answered = answered.into_inner().unwrap_or_default();
    answered.sort_by_key(|(index, _)| *index);
    Ok(answered.into_iter().flat_map(|(_, obligations)| obligations).collect())
}

fn take<'a>(next: &AtomicUsize, jobs: &'a [Job]) -> Option<(usize, &'a Job)> {
    // Relaxed: each number is handed out once, and nothing else is passed on by it.
    let index = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(index).map(|job| (index, job))
}

fn answer_job(z3: &Path, job: &Job, limit: Duration) -> Result<Vec<Obligation>, ProofError> {
    let mut solver = Solver::start(z3, &job.script, limit)?;
    let mut obligations = Vec::new();
    for query in &job.queries {
        let (answer, took) = solver.check(&query.formulas)?;
        obligations.push(Obligation {
            name: query.name.clone(),
            action: query.action.clone(),
            conjunct: query.conjunct.clone(),
            expected: query.expected.clone(),
            answer,
            seconds: took.as_secs_f64(),
        });
    }
    Ok(obligations)
}
