//! The actions that a next-state relation is made of.

use super::error::ProofError;
use super::module::Module;
use std::collections::BTreeMap;
use std::sync::Arc;
use tla_checker::ast::Expr;
use tla_checker::substitution::substitute_expr;

/// One disjunct of the next-state relation.
#[derive(Clone)]
pub(crate) struct Action {
    /// The name of its definition.
    pub(crate) name: String,
    /// The disjunct whole: the quantifiers and conditions that it stands under, and the definition applied.
    pub(crate) formula: Expr,
}

/// The disjuncts of the definition `next`, in their order. Where `replaced` has a definition's name, that which it gives
/// is applied instead.
pub(crate) fn actions(
    module: &Module,
    next: &str,
    replaced: &BTreeMap<&str, &str>,
) -> Result<Vec<Action>, ProofError> {
    let outline = module.outline(next)?;
    let mut found = Vec::new();
    collect(module, &outline, &|formula| formula, replaced, &mut found)?;
    Ok(found)
}

/// `around` puts a disjunct under what it stands under.
fn collect(
    module: &Module,
    outline: &Expr,
    around: &dyn Fn(Expr) -> Expr,
    replaced: &BTreeMap<&str, &str>,
    found: &mut Vec<Action>,
) -> Result<(), ProofError> {
    match outline {
        Expr::Or(left, right) => {
            collect(module, left, around, replaced, found)?;
            collect(module, right, around, replaced, found)
        }
        Expr::Exists(name, set, body) => {
            let around = |formula| around(Expr::Exists(name.clone(), set.clone(), Box::new(formula)));
            collect(module, body, &around, replaced, found)
        }
        Expr::If(condition, then, otherwise) => {
            let holds = |formula| around(Expr::And(condition.clone(), Box::new(formula)));
            collect(module, then, &holds, replaced, found)?;
            let fails = Expr::Not(condition.clone());
            let fails = |formula| around(Expr::And(Box::new(fails.clone()), Box::new(formula)));
            collect(module, otherwise, &fails, replaced, found)
        }
        Expr::Var(name) => named(module, name, &[], around, replaced, found),
        Expr::FnCall(name, arguments) => named(module, name, arguments, around, replaced, found),
        _ => Err(ProofError::Parse {
            path: module.path.clone(),
            message: "a disjunct of the next-state relation has no name: give it a definition of its own".to_owned(),
        }),
    }
}

fn named(
    module: &Module,
    name: &Arc<str>,
    arguments: &[Expr],
    around: &dyn Fn(Expr) -> Expr,
    replaced: &BTreeMap<&str, &str>,
    found: &mut Vec<Action>,
) -> Result<(), ProofError> {
    let outline = module.outline(name)?;
    if !is_call(&outline) && is_combination(&outline) {
        let parameters = module.definition(name)?.parameters.iter().cloned();
        let outline = substitute_expr(&outline, &parameters.zip(arguments.iter().cloned()).collect::<Vec<_>>());
        return collect(module, &outline, around, replaced, found);
    }
    let applied: Arc<str> = replaced.get(&**name).map_or_else(|| name.clone(), |other| (*other).into());
    let formula =
        if arguments.is_empty() { Expr::Var(applied) } else { Expr::FnCall(applied, arguments.to_vec()) };
    found.push(Action { name: name.to_string(), formula: around(formula) });
    Ok(())
}

/// Whether something is made of named actions and nothing else.
fn is_combination(outline: &Expr) -> bool {
    match outline {
        Expr::Or(left, right) | Expr::If(_, left, right) => is_combination(left) && is_combination(right),
        Expr::Exists(_, _, body) => is_combination(body),
        other => is_call(other),
    }
}

fn is_call(outline: &Expr) -> bool {
    matches!(outline, Expr::Var(_) | Expr::FnCall(..))
}

/// The names that a definition is the conjunction of.
pub(crate) fn conjuncts(module: &Module, name: &str) -> Result<Vec<Arc<str>>, ProofError> {
    fn collect(module: &Module, outline: &Expr, names: &mut Vec<Arc<str>>) -> Result<(), ProofError> {
        match outline {
            Expr::And(left, right) => {
                collect(module, left, names)?;
                collect(module, right, names)
            }
            Expr::Var(name) => {
                names.push(name.clone());
                Ok(())
            }
            _ => Err(ProofError::Parse {
                path: module.path.clone(),
                message: "a conjunct of the invariant has no name: give it a definition of its own".to_owned(),
            }),
        }
    }
    let mut names = Vec::new();
    collect(module, &module.outline(name)?, &mut names)?;
    Ok(names)
}
