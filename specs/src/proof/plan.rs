//! The obligations, made from the modules.

use super::actions::{Action, actions, conjuncts};
use super::error::ProofError;
use super::instance::{arbitrary, instance};
use super::module::Module;
use super::obligation::{Job, Query};
use super::slots::{self, INDUCTIVE, INIT, NEXT};
use super::solver::Answer;
use super::sort::Sort;
use super::term::{Term, and, eq, not, or};
use super::translate::{Translator, View};
use super::value::{Function, Set, Value};
use std::collections::BTreeMap;
use tla_checker::ast::Expr;

/// Everything that has to be proved.
pub(crate) fn proof(module: &Module) -> Result<Vec<Job>, ProofError> {
    let actions = actions(module, NEXT, &BTreeMap::new())?;
    let mut jobs = vec![defined(module, &actions)?, decomposed(module, &actions)?, initially(module)?];
    for action in &actions {
        jobs.push(step(module, action)?);
        jobs.push(promise(module, action)?);
    }
    jobs.push(parts(module)?);
    jobs.push(consequences(module)?);
    jobs.push(pigeonhole(module)?);
    Ok(jobs)
}

/// That none of it is proved from what is impossible.
pub(crate) fn possible(module: &Module) -> Result<Job, ProofError> {
    let actions = actions(module, NEXT, &BTreeMap::new())?;
    let (mut translator, declared) = instance(module, &slots::small(), INIT)?;
    let assumed = vec![translator.before(INDUCTIVE)?];
    let mut queries = Vec::new();
    for action in &actions {
        let happens = translator.formula(NEXT, &action.formula)?;
        queries.push(Query::new("is possible", Answer::Sat, &[happens]).of_action(&action.name));
    }
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

/// What a broken action, in the place of one of the specification, does to each conjunct in a small instance.
pub(crate) fn broken(module: &Module, replaced: &str, by: &str) -> Result<Job, ProofError> {
    let actions = actions(module, NEXT, &BTreeMap::from([(replaced, by)]))?;
    let Some(action) = actions.iter().find(|action| action.name == replaced) else {
        return Err(ProofError::Missing { name: replaced.to_owned(), path: module.path.clone() });
    };
    module.definition(by)?;
    let (mut translator, declared) = instance(module, &slots::small(), INIT)?;
    let assumed = vec![translator.before(INDUCTIVE)?, translator.formula(NEXT, &action.formula)?];
    let mut queries = kept(module, &mut translator, Answer::Sat)?;
    let (next, idle) = promised(&mut translator)?;
    queries.push(Query::new("is promised", Answer::Sat, &[not(&next), not(&idle)]).of_conjunct(slots::PROMISE));
    let queries = queries.into_iter().map(|query| query.of_action(by)).collect();
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

/// What a slot too few does to invariant 3, in a small instance.
pub(crate) fn one_slot_too_few(module: &Module) -> Result<Job, ProofError> {
    let (mut translator, declared) = instance(module, &slots::one_slot_too_few(), INIT)?;
    let assumed = vec![translator.before(INDUCTIVE)?];
    let exists = translator.before(slots::FREE_SLOT)?;
    let query = Query::new("one slot too few", Answer::Sat, &[not(&exists)]).of_conjunct(slots::FREE_SLOT);
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries: vec![query] })
}

fn script(translator: &mut Translator<'_>, constants: &str, assumptions: &[Term]) -> String {
    let variables = translator.declarations();
    let sorts = translator.sorts.declarations();
    let assumptions: String = assumptions.iter().map(|term| format!("(assert {term})\n")).collect();
    format!("{sorts}{constants}{variables}{assumptions}")
}

/// A translator for any constants that the modules' ASSUMEs allow, and these.
fn general(module: &Module) -> Result<(Translator<'_>, String, Vec<Term>), ProofError> {
    let (mut translator, declared) = arbitrary(module, &slots::constants(), INIT)?;
    let assumptions = module.assumptions.iter().map(|assumption| translator.formula(INIT, assumption));
    let assumptions = assumptions.collect::<Result<_, _>>()?;
    translator.take_defined();
    Ok((translator, declared, assumptions))
}

/// `f[x]` is what the specification thinks only where x is of f's domain, and CASE only where one branch applies. That
/// is so wherever it is written: in `Init`, in each conjunct, given those before it, and in each action and each
/// invariant, given all conjuncts.
fn defined(module: &Module, actions: &[Action]) -> Result<Job, ProofError> {
    let (mut translator, declared, assumed) = general(module)?;
    let mut queries = Vec::new();
    translator.before(INIT)?;
    queries.push(has_values(&mut translator, &Term::bool(true)).of_action(INIT));
    let mut premises = Vec::new();
    for conjunct in conjuncts(module, INDUCTIVE)? {
        let holds = translator.before(&conjunct)?;
        queries.push(has_values(&mut translator, &and(premises.clone())).of_conjunct(&conjunct));
        premises.push(holds);
    }
    let inductive = and(premises);
    let both = and([inductive.clone(), translator.after(INDUCTIVE)?]);
    translator.take_defined();
    translator.define_instance(slots::PROMISE)?;
    promised(&mut translator)?;
    queries.push(has_values(&mut translator, &both).of_conjunct(slots::PROMISE));
    for invariant in slots::INVARIANTS.iter().chain([&slots::FREE_SLOT]) {
        translator.before(invariant)?;
        queries.push(has_values(&mut translator, &inductive).of_conjunct(invariant));
    }
    for action in actions {
        translator.formula(NEXT, &action.formula)?;
        queries.push(has_values(&mut translator, &inductive).of_action(&action.name));
    }
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

fn has_values(translator: &mut Translator<'_>, premise: &Term) -> Query {
    let conditions = and(translator.take_defined());
    Query::new("has a value", Answer::Unsat, &[premise.clone(), not(&conditions)])
}

/// The actions together are the next-state relation: in a small instance, as it is about their lists and not about what
/// they do.
fn decomposed(module: &Module, actions: &[Action]) -> Result<Job, ProofError> {
    let (mut translator, declared) = instance(module, &slots::small(), INIT)?;
    let next = translator.before(NEXT)?;
    let disjuncts = actions.iter().map(|action| translator.formula(NEXT, &action.formula));
    let disjuncts = or(disjuncts.collect::<Result<Vec<_>, _>>()?);
    let queries = vec![
        Query::new("every step is one of the actions", Answer::Unsat, &[next.clone(), not(&disjuncts)]),
        Query::new("every action is a step", Answer::Unsat, &[disjuncts, not(&next)]),
    ];
    Ok(Job { script: script(&mut translator, &declared, &[]), queries })
}

fn initially(module: &Module) -> Result<Job, ProofError> {
    let (mut translator, declared, mut assumed) = general(module)?;
    assumed.push(translator.before(INIT)?);
    let mut queries = Vec::new();
    for conjunct in conjuncts(module, INDUCTIVE)? {
        let holds = translator.before(&conjunct)?;
        queries.push(Query::new("holds at first", Answer::Unsat, &[not(&holds)]).of_conjunct(&conjunct));
    }
    let promised = translator.of_instance(slots::PROMISE, &Expr::Var(slots::PROMISE_INIT.into()))?;
    queries.push(Query::new("holds at first", Answer::Unsat, &[not(&promised)]).of_conjunct(slots::PROMISE));
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

fn step(module: &Module, action: &Action) -> Result<Job, ProofError> {
    let (mut translator, declared, mut assumed) = general(module)?;
    for conjunct in conjuncts(module, INDUCTIVE)? {
        assumed.push(translator.before(&conjunct)?);
    }
    assumed.push(translator.formula(NEXT, &action.formula)?);
    let queries = kept(module, &mut translator, Answer::Unsat)?;
    let queries = queries.into_iter().map(|query| query.of_action(&action.name)).collect();
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

/// Whether the step can make each conjunct false, and whether it can be one that the promise does not allow.
fn kept(module: &Module, translator: &mut Translator<'_>, expected: Answer) -> Result<Vec<Query>, ProofError> {
    let mut queries = Vec::new();
    for conjunct in conjuncts(module, INDUCTIVE)? {
        let kept = translator.after(&conjunct)?;
        queries.push(Query::new("is kept", expected.clone(), &[not(&kept)]).of_conjunct(&conjunct));
    }
    Ok(queries)
}

/// Each step is one of the promise, or none to it. In parts: what the promise has of others than the one whose step it is
/// stays as it is, and what it has of that one changes as the promise allows. [`parts`] puts them together.
fn promise(module: &Module, action: &Action) -> Result<Job, ProofError> {
    let (mut translator, declared, mut assumed) = general(module)?;
    let who = Term::symbol("who");
    for conjunct in conjuncts(module, INDUCTIVE)? {
        assumed.push(translator.before(&conjunct)?);
    }
    let (happens, somebody) = translator.opened(NEXT, &action.formula, &who)?;
    assumed.push(happens);
    assumed.extend(translator.define_instance(slots::PROMISE)?);
    let who = somebody.then_some(who);
    let others = translator.others_unchanged(slots::PROMISE, who.as_ref())?;
    translator.look_at(View::At(who));
    let (next, idle) = promised(&mut translator)?;
    let queries = vec![
        Query::new("leaves others alone", Answer::Unsat, &[not(&others)]).of_conjunct(slots::PROMISE),
        Query::new("is promised", Answer::Unsat, &[not(&next), not(&idle)]).of_conjunct(slots::PROMISE),
    ];
    let queries = queries.into_iter().map(|query| query.of_action(&action.name)).collect();
    let declared = declared + "(declare-fun who () Int)\n";
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

/// The two parts of [`promise`] come to a step of the promise, whatever its variables stand for.
fn parts(module: &Module) -> Result<Job, ProofError> {
    let (mut translator, declared, assumed) = general(module)?;
    translator.define_instance(slots::PROMISE)?;
    let mut queries = Vec::new();
    for (name, who) in [("the parts of a step", Some(Term::symbol("who"))), ("the parts of nobody's step", None)] {
        let others = translator.others_unchanged(slots::PROMISE, who.as_ref())?;
        translator.look_at(View::At(who.clone()));
        let (next_here, idle_here) = promised(&mut translator)?;
        translator.look_at(View::Of(who));
        let (next, idle) = promised(&mut translator)?;
        let formulas = [others, or([next_here, idle_here]), not(&next), not(&idle)];
        queries.push(Query::new(name, Answer::Unsat, &formulas).of_conjunct(slots::PROMISE));
    }
    let declared = declared + "(declare-fun who () Int)\n";
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

/// That the step is one of the promise, and that it is none to it.
fn promised(translator: &mut Translator<'_>) -> Result<(Term, Term), ProofError> {
    let next = translator.of_instance(slots::PROMISE, &Expr::Var(slots::PROMISE_NEXT.into()))?;
    let unchanged = Expr::Unchanged(vec![slots::PROMISE_VARIABLES.into()]);
    Ok((next, translator.of_instance(slots::PROMISE, &unchanged)?))
}

fn consequences(module: &Module) -> Result<Job, ProofError> {
    let (mut translator, declared, mut assumed) = general(module)?;
    assumed.push(translator.before(INDUCTIVE)?);
    let mut queries = Vec::new();
    for invariant in slots::INVARIANTS {
        let follows = translator.before(invariant)?;
        queries.push(Query::new("follows", Answer::Unsat, &[not(&follows)]).of_conjunct(invariant));
    }
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

/// Invariant 3. What is induction here, and over what, says `SlotsInductive.tla`.
fn pigeonhole(module: &Module) -> Result<Job, ProofError> {
    let (mut translator, declared, assumed) = general(module)?;
    let declared = declared + "(declare-fun f (Int) Int)\n(declare-fun n () Int)\n(assert (<= 0 n))\n";
    let n = Term::symbol("n");
    let number = Value::Scalar(Sort::Int, n.clone());
    let f = Value::Function(any_function("f", &n));
    let base = translator.applied("PigeonholeBase", vec![f.clone()])?;
    let hypothesis = translator.applied("PigeonholeHypothesis", vec![f.clone(), number.clone()])?;
    let step = translator.applied("PigeonholeStep", vec![f, number])?;
    let taken = translator.before("PigeonholeOfTaken")?;
    let applied = translator.before("PigeonholeApplied")?;
    let values = and(translator.take_defined());
    let two = |constant: &str| eq(&Term::symbol(constant), &Term::int(2));
    let queries = vec![
        Query::new("pigeonhole: base", Answer::Unsat, &[not(&base)]),
        Query::new("pigeonhole: step", Answer::Unsat, &[not(&step)]),
        Query::new("pigeonhole: applied", Answer::Unsat, &[not(&applied)]).of_conjunct(slots::FREE_SLOT),
        Query::new("pigeonhole: has a value", Answer::Unsat, &[not(&values)]),
        Query::new("pigeonhole: its hypothesis is possible", Answer::Sat, &[two("n"), hypothesis]),
        Query::new("pigeonhole: what is applied is possible", Answer::Sat, &[two("cardinality.Consumers"), taken]),
    ];
    Ok(Job { script: script(&mut translator, &declared, &assumed), queries })
}

/// The function `name`, of which nothing is known but that it is one on 0 .. last.
fn any_function(name: &str, last: &Term) -> Function {
    let argument = Term::symbol("argument");
    let inside = [("<=", Term::int(0), argument.clone()), ("<=", argument.clone(), last.clone())];
    let condition = and(inside.map(|(less, a, b)| Term::apply(less, &[a, b])));
    let domain = Set { member_sort: Some(Sort::Int), member: argument.clone(), condition, candidates: None };
    let value = Term::apply(name, std::slice::from_ref(&argument));
    Function { domain: Box::new(domain), argument, sort: Sort::Int, value }
}
