//! What an expression of TLA+ becomes: a term, a set or a function. Sets and functions are not terms: they are there to
//! be asked for their members and values, so that the solver is given first-order formulas without arrays.

use super::sort::Sort;
use super::term::{Term, and, not, or};

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Sort, Term),
    Set(Set),
    Function(Function),
}

/// A set, as the condition for being its member.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    /// The sort of its members; `None` for the empty set, which is one of all sorts.
    pub(crate) member_sort: Option<Sort>,
    /// What stands for the member in the condition.
    pub(crate) member: Term,
    pub(crate) condition: Term,
    /// Terms that every member is equal to one of, where that is known.
    pub(crate) candidates: Option<Vec<Term>>,
}

/// A function, as the term for its value.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) domain: Box<Set>,
    /// What stands for the argument in the value.
    pub(crate) argument: Term,
    pub(crate) sort: Sort,
    pub(crate) value: Term,
}

impl Set {
    pub(crate) fn contains(&self, member: &Term) -> Term {
        replace(&self.condition, &self.member, member)
    }

    /// A set of those for which `combine` of both conditions holds.
    pub(crate) fn combined(&self, other: &Self, combine: fn(Term, Term) -> Term) -> Self {
        let condition = combine(self.condition.clone(), other.contains(&self.member));
        let candidates = self.candidates.clone().zip(other.candidates.clone()).map(|(mut all, others)| {
            all.extend(others.into_iter().filter(|other| !all.contains(other)).collect::<Vec<_>>());
            all
        });
        let member_sort = self.member_sort.clone().or_else(|| other.member_sort.clone());
        Self { member_sort, member: self.member.clone(), condition, candidates }
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        self.combined(other, |a, b| or([a, b]))
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let smaller = self.candidates.clone().or_else(|| other.candidates.clone());
        Self { candidates: smaller, ..self.combined(other, |a, b| and([a, b])) }
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        Self { candidates: self.candidates.clone(), ..self.combined(other, |a, b| and([a, not(&b)])) }
    }

    /// Equal for sets whose conditions are the same text, whatever their variable is called.
    pub(crate) fn key(&self) -> Term {
        self.contains(&Term::symbol("member"))
    }
}

impl Function {
    pub(crate) fn of(&self, argument: &Term) -> Term {
        replace(&self.value, &self.argument, argument)
    }
}

fn replace(term: &Term, variable: &Term, replacement: &Term) -> Term {
    match variable {
        Term::Symbol(name) => term.substitute(name, replacement),
        Term::List(_) => term.clone(),
    }
}
