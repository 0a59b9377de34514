//! What is to be proved of `slots`.

use super::actions::{Action, actions, conjuncts};
use super::error::ProofError;
use super::instance::{Chosen, Instance, arbitrary, instance};
use super::module::Module;
use super::obligation::{Job, Obligation, Query, answer};
use super::solver::{Answer, version};
use super::sort::Sort;
use super::term::{Term, and, not};
use super::translate::{Kind, Translator};
use super::value::{Function, Set, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tla_checker::ast::Expr;

const MODULES: [&str; 1] = ["SlotsInductive"];
const INIT: &str = "Init";
const NEXT: &str = "Next";
const INDUCTIVE: &str = "Inductive";

/// What follows from the inductive invariant.
const INVARIANTS: [&str; 7] = [
    "Inv1HeldSlotsAreNotWritten",
    "Inv2MessagesAreComplete",
    "Inv2ReadsAreWhole",
    "Inv4ReadsAreNotOld",
    "Inv6TentativeIsNotRead",
    "Inv7NoSleeperIsForgotten",
    "TypeOK",
];

/// How long the solver may think about one question.
const LIMIT: Duration = Duration::from_secs(20);

/// The sorts of the constants. What the variables are is taken from `Init`.
fn constants() -> [(&'static str, Kind); 8] {
    let set = Kind::Set(Sort::Int);
    [
        ("Consumers", set.clone()),
        ("Observers", set.clone()),
        ("Producer", Kind::Scalar(Sort::Int)),
        ("Slots", set.clone()),
        ("Sleeping", set),
        ("Attempts", Kind::Scalar(Sort::Int)),
        ("Leaves", Kind::Scalar(Sort::Text)),
        ("InOrder", Kind::Scalar(Sort::Bool)),
    ]
}

/// Two consumers, of which one sleeps, and an observer.
fn small() -> Instance<'static> {
    BTreeMap::from([
        ("Consumers", Chosen::Set(vec![0, 1])),
        ("Observers", Chosen::Set(vec![101])),
        ("Producer", Chosen::Int(100)),
        ("Slots", Chosen::Set(vec![0, 1, 2, 3])),
        ("Sleeping", Chosen::Set(vec![1])),
        ("Attempts", Chosen::Int(2)),
        ("Leaves", Chosen::Text("any")),
        ("InOrder", Chosen::Bool(false)),
    ])
}

/// What came out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// The solver, as it names itself.
    pub solver: String,
    /// What is proved, in its order.
    pub obligations: Vec<Obligation>,
}

/// Proves.
pub fn prove(specifications: &Path, z3: &Path, processes: usize) -> Result<Report, ProofError> {
    let solver = version(z3)?;
    let module = Module::load(specifications, &MODULES)?;
    let mut jobs = Vec::new();
    let actions = actions(&module, NEXT, &BTreeMap::new())?;
    jobs.push(initially(&module)?);
    for action in &actions {
        jobs.push(step(&module, action)?);
    }
    let obligations = answer(z3, &jobs, LIMIT, processes)?;
    Ok(Report { solver, obligations })
}

fn script(translator: &mut Translator<'_>, constants: &str, assumptions: &[Term]) -> String {
    let variables = translator.declarations();
    let sorts = translator.sorts.declarations();
    let assumptions: String = assumptions.iter().map(|term| format!("(assert {term})\n")).collect();
    format!("{sorts}{constants}{variables}{assumptions}")
}

fn assumptions(module: &Module, translator: &mut Translator<'_>) -> Result<Vec<Term>, ProofError> {
    module.assumptions.iter().map(|assumption| translator.formula(INIT, assumption)).collect()
}

fn initially(module: &Module) -> Result<Job, ProofError> {
    let (mut translator, declared) = arbitrary(module, &constants(), INIT)?;
    let mut assumed = assumptions(module, &mut translator)?;
    assumed.push(translator.before(INIT)?);
    let mut queries = Vec::new();
    for conjunct in conjuncts(module, INDUCTIVE)? {
        let holds = translator.before(&conjunct)?;
        let mut query = Query::new("at first", Answer::Unsat, &[not(&holds)]);
        query.conjunct = Some(conjunct.to_string());
        queries.push(query);
    }
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

fn step(module: &Module, action: &Action) -> Result<Job, ProofError> {
    let (mut translator, declared) = arbitrary(module, &constants(), INIT)?;
    let mut assumed = assumptions(module, &mut translator)?;
    let conjuncts = conjuncts(module, INDUCTIVE)?;
    for conjunct in &conjuncts {
        assumed.push(translator.before(conjunct)?);
    }
    assumed.push(translator.formula(NEXT, &action.formula)?);
    let mut queries = Vec::new();
    for conjunct in &conjuncts {
        let kept = translator.after(conjunct)?;
        let mut query = Query::new("is kept", Answer::Unsat, &[not(&kept)]);
        query.action = Some(action.name.clone());
        query.conjunct = Some(conjunct.to_string());
        queries.push(query);
    }
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}
