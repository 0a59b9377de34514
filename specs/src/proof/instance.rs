//! What the constants are: arbitrary, or those of a small instance.

use super::error::ProofError;
use super::module::Module;
use super::sort::{Sort, Sorts};
use super::term::{Term, eq, or};
use super::translate::{Kind, Translator};
use super::value::{Set, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// The constants of a specification: the sort of each.
pub(crate) type Constants<'a> = &'a [(&'a str, Kind)];

/// A value for a constant of a small instance.
#[derive(Clone, Debug)]
pub(crate) enum Chosen {
    Bool(bool),
    Int(i64),
    Text(&'static str),
    Set(Vec<i64>),
}

/// An instance with few processes, in which nothing is quantified: the solver can answer `sat` too, with a model.
pub(crate) type Instance<'a> = BTreeMap<&'a str, Chosen>;

/// A translator for arbitrary constants, with their declarations.
pub(crate) fn arbitrary<'a>(
    module: &'a Module,
    constants: Constants<'_>,
    init: &str,
) -> Result<(Translator<'a>, String), ProofError> {
    let mut sorts = Sorts::default();
    let mut script = String::new();
    let mut values = BTreeMap::new();
    for (name, kind) in constants {
        let symbol = format!("constant.{name}");
        let value = match kind {
            Kind::Scalar(sort) => {
                let _ = writeln!(script, "(declare-fun {symbol} () {})", sorts.name(sort));
                Value::Scalar(sort.clone(), Term::symbol(&symbol))
            }
            Kind::Set(sort) => {
                let _ = writeln!(script, "(declare-fun {symbol} ({}) Bool)", sorts.name(sort));
                let _ = writeln!(script, "(declare-fun cardinality.{name} () Int)");
                let _ = writeln!(script, "(assert (<= 0 cardinality.{name}))");
                let member = Term::symbol(&format!("member.{name}"));
                let condition = Term::apply(&symbol, std::slice::from_ref(&member));
                Value::Set(Set { member_sort: Some(sort.clone()), member, condition, candidates: None })
            }
            Kind::Function(..) => {
                return Err(ProofError::Solver(format!("a constant that is a function: `{name}`")));
            }
        };
        values.insert(Arc::from(*name), value);
    }
    let mut translator = Translator::new(module, sorts, values, None);
    translator.infer_variables(init)?;
    Ok((translator, script))
}

/// A translator for an instance, with the declarations that it needs.
pub(crate) fn instance<'a>(
    module: &'a Module,
    chosen: &Instance<'_>,
    init: &str,
) -> Result<(Translator<'a>, String), ProofError> {
    let mut sorts = Sorts::default();
    let mut script = String::new();
    let mut universe = Vec::new();
    let mut values = BTreeMap::new();
    for (name, value) in chosen {
        let value = match value {
            Chosen::Bool(value) => Value::Scalar(Sort::Bool, Term::bool(*value)),
            Chosen::Text(value) => Value::Scalar(Sort::Text, sorts.text(value)),
            Chosen::Int(value) => {
                universe.push(Term::int(*value));
                Value::Scalar(Sort::Int, Term::int(*value))
            }
            Chosen::Set(members) => {
                let members: Vec<_> = members.iter().map(|member| Term::int(*member)).collect();
                let _ = writeln!(script, "(define-fun cardinality.{name} () Int {})", members.len());
                universe.extend(members.clone());
                let member = Term::symbol(&format!("member.{name}"));
                let condition = or(members.iter().map(|known| eq(&member, known)));
                Value::Set(Set { member_sort: Some(Sort::Int), member, condition, candidates: Some(members) })
            }
        };
        values.insert(Arc::from(*name), value);
    }
    universe.sort();
    universe.dedup();
    let mut translator = Translator::new(module, sorts, values, Some(universe));
    translator.infer_variables(init)?;
    Ok((translator, script))
}
