//! Terms of SMT-LIB 2.

use std::fmt;
use std::rc::Rc;

/// A symbol, or a list of terms. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Term {
    Symbol(Rc<str>),
    List(Rc<[Term]>),
}

impl Term {
    pub(crate) fn symbol(name: &str) -> Self {
        Self::Symbol(name.into())
    }

    /// `(head arguments ...)`, or the head alone where there are no arguments.
    pub(crate) fn apply(head: &str, arguments: &[Self]) -> Self {
        if arguments.is_empty() {
            return Self::symbol(head);
        }
        Self::List(std::iter::once(Self::symbol(head)).chain(arguments.iter().cloned()).collect())
    }

    pub(crate) fn int(value: i64) -> Self {
        if value < 0 {
            return Self::apply("-", &[Self::symbol(&value.unsigned_abs().to_string())]);
        }
        Self::symbol(&value.to_string())
    }

    pub(crate) fn bool(value: bool) -> Self {
        Self::symbol(if value { "true" } else { "false" })
    }

    pub(crate) fn is(&self, value: bool) -> bool {
        *self == Self::bool(value)
    }

    /// This term with `replacement` for each occurrence of the symbol `name`. Bound variables have names of their own
    /// all over a script, so nothing is captured.
    pub(crate) fn substitute(&self, name: &str, replacement: &Self) -> Self {
        match self {
            Self::Symbol(symbol) if **symbol == *name => replacement.clone(),
            Self::Symbol(_) => self.clone(),
            Self::List(terms) => {
                let replaced: Vec<_> = terms.iter().map(|term| term.substitute(name, replacement)).collect();
                // What was equal by its text may be the same term now.
                match (replaced.as_slice(), terms.first()) {
                    ([_, a, b], Some(Self::Symbol(head))) if **head == *"=" => eq(a, b),
                    ([_, c, a, b], Some(Self::Symbol(head))) if **head == *"ite" => ite(c, a, b),
                    ([_, all @ ..], Some(Self::Symbol(head))) if **head == *"and" => and(all.iter().cloned()),
                    ([_, all @ ..], Some(Self::Symbol(head))) if **head == *"or" => or(all.iter().cloned()),
                    ([_, a], Some(Self::Symbol(head))) if **head == *"not" => not(a),
                    _ => Self::List(replaced.into()),
                }
            }
        }
    }

    fn is_literal(&self) -> bool {
        match self {
            Self::Symbol(symbol) => symbol.starts_with("text.") || symbol.bytes().all(|byte| byte.is_ascii_digit()),
            Self::List(terms) => match &**terms {
                [Self::Symbol(head), only] => **head == *"-" && only.is_literal(),
                _ => false,
            },
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbol(symbol) => f.write_str(symbol),
            Self::List(terms) => {
                f.write_str("(")?;
                for (index, term) in terms.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" ")?;
                    }
                    term.fmt(f)?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(crate) fn and(terms: impl IntoIterator<Item = Term>) -> Term {
    junction("and", true, terms)
}

pub(crate) fn or(terms: impl IntoIterator<Item = Term>) -> Term {
    junction("or", false, terms)
}

fn junction(head: &str, neutral: bool, terms: impl IntoIterator<Item = Term>) -> Term {
    let mut kept = Vec::new();
    for term in terms {
        if term.is(!neutral) {
            return term;
        }
        if !term.is(neutral) && !kept.contains(&term) {
            kept.push(term);
        }
    }
    match kept.as_slice() {
        [] => Term::bool(neutral),
        [only] => only.clone(),
        _ => Term::apply(head, &kept),
    }
}

pub(crate) fn not(term: &Term) -> Term {
    if term.is(true) || term.is(false) {
        return Term::bool(term.is(false));
    }
    Term::apply("not", std::slice::from_ref(term))
}

pub(crate) fn implies(premise: &Term, conclusion: &Term) -> Term {
    if premise.is(true) || conclusion.is(true) {
        return conclusion.clone();
    }
    if premise.is(false) {
        return Term::bool(true);
    }
    Term::apply("=>", &[premise.clone(), conclusion.clone()])
}

pub(crate) fn eq(a: &Term, b: &Term) -> Term {
    if a == b {
        return Term::bool(true);
    }
    if a.is_literal() && b.is_literal() {
        return Term::bool(false);
    }
    Term::apply("=", &[a.clone(), b.clone()])
}

pub(crate) fn ite(condition: &Term, then: &Term, otherwise: &Term) -> Term {
    if condition.is(true) || then == otherwise {
        return then.clone();
    }
    if condition.is(false) {
        return otherwise.clone();
    }
    Term::apply("ite", &[condition.clone(), then.clone(), otherwise.clone()])
}

/// `(forall ((name sort)) body)`, or `exists`.
pub(crate) fn quantified(quantifier: &str, name: &Term, sort: &str, body: &Term) -> Term {
    if body.is(true) || body.is(false) {
        return body.clone();
    }
    let binding = Term::List([name.clone(), Term::symbol(sort)].into());
    Term::apply(quantifier, &[Term::List([binding].into()), body.clone()])
}
