//! Expressions of TLA+ as formulas of first-order logic.

use super::error::ProofError;
use super::module::Module;
use super::sort::{Sort, Sorts};
use super::term::{Term, and, eq, implies, ite, not, or, quantified};
use super::value::{Function, Set, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tla_checker::ast::{Expr, IntDomain, Value as Literal};

/// Why something is not translated; the caller adds where.
pub(crate) type Translated<T> = Result<T, String>;

/// What a variable or constant is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar(Sort),
    Set(Sort),
    /// A function on a set of numbers, with the set's [`Set::key`].
    Function(Term, Sort),
}

/// Which of the two states of a step a variable is looked up in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

pub(crate) struct Translator<'a> {
    module: &'a Module,
    pub(crate) sorts: Sorts,
    constants: BTreeMap<Arc<str>, Value>,
    /// The variables: what they are, and of a function its domain.
    variables: BTreeMap<Arc<str>, (Kind, Option<Set>)>,
    /// In a finite instance, all numbers that a set of numbers can have.
    universe: Option<Vec<Term>>,
    side: Side,
    /// Bound variables and parameters, the innermost last.
    bound: Vec<(Arc<str>, Value)>,
    /// What `@` is, the innermost last.
    old: Vec<Value>,
    /// The definitions that are being translated, the innermost last.
    within: Vec<Arc<str>>,
    fresh: u32,
    /// What stands between the whole formula and what is being translated.
    path: Vec<Guard>,
    /// The conditions under which each application met so far has a value, each from the whole formula's point of view.
    defined: Vec<Term>,
}

#[derive(Clone)]
enum Guard {
    Assume(Term),
    Bind(Term, String),
}

impl<'a> Translator<'a> {
    /// `constants` gives each constant its value; `universe` is as in the instance.
    pub(crate) fn new(
        module: &'a Module,
        sorts: Sorts,
        constants: BTreeMap<Arc<str>, Value>,
        universe: Option<Vec<Term>>,
    ) -> Self {
        Self {
            module,
            sorts,
            constants,
            variables: BTreeMap::new(),
            universe,
            side: Side::Before,
            bound: Vec::new(),
            old: Vec::new(),
            within: Vec::new(),
            fresh: 0,
            path: Vec::new(),
            defined: Vec::new(),
        }
    }

    /// Takes from the initial predicate what each variable is: `v = e` for each variable v. A set that is empty at first
    /// is one of numbers.
    ///
    /// A variable without such a conjunct stays unknown: using it is an error.
    ///
    /// # Errors
    /// Such a conjunct cannot be translated.
    pub(crate) fn infer_variables(&mut self, init: &str) -> Result<(), ProofError> {
        let mut conjuncts = vec![(*self.module.definition(init)?.body).clone()];
        while let Some(conjunct) = conjuncts.pop() {
            match conjunct {
                Expr::And(left, right) => conjuncts.extend([*left, *right]),
                Expr::Eq(variable, value) => {
                    let Expr::Var(name) = &*variable else { continue };
                    if !self.module.variables.contains(name) {
                        continue;
                    }
                    let value = self.top(init, |this| this.value(&value))?;
                    let entry = match value {
                        Value::Scalar(sort, _) => (Kind::Scalar(sort), None),
                        Value::Set(set) => (Kind::Set(set.member_sort.unwrap_or(Sort::Int)), None),
                        Value::Function(function) => {
                            (Kind::Function(function.domain.key(), function.sort), Some(*function.domain))
                        }
                    };
                    self.variables.insert(name.clone(), entry);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A formula about one state, or about a step.
    pub(crate) fn formula(&mut self, name: &str, formula: &Expr) -> Result<Term, ProofError> {
        self.top(name, |this| this.bool(formula))
    }

    /// The definition `name`, which has no parameters, of the state before the step.
    pub(crate) fn before(&mut self, name: &str) -> Result<Term, ProofError> {
        self.formula(name, &Expr::Var(name.into()))
    }

    /// The definition `name`, which has no parameters, of the state after the step.
    pub(crate) fn after(&mut self, name: &str) -> Result<Term, ProofError> {
        self.side = Side::After;
        let formula = self.before(name);
        self.side = Side::Before;
        formula
    }

    /// The definition `name` with these arguments, of the state before the step.
    pub(crate) fn applied(&mut self, name: &str, arguments: Vec<Value>) -> Result<Term, ProofError> {
        self.top(name, |this| match this.call(name, arguments)? {
            Value::Scalar(Sort::Bool, term) => Ok(term),
            _ => Err("it is no formula".to_owned()),
        })
    }

    /// The conditions, gathered since this was last called, under which all applications have a value.
    pub(crate) fn take_defined(&mut self) -> Vec<Term> {
        std::mem::take(&mut self.defined)
    }

    /// The declarations of the variables, in both states.
    pub(crate) fn declarations(&mut self) -> String {
        let mut script = String::new();
        for (name, (kind, _)) in self.variables.clone() {
            let (domain, sort) = match kind {
                Kind::Scalar(sort) => (String::new(), sort),
                Kind::Set(sort) => (self.sorts.name(&sort), Sort::Bool),
                Kind::Function(_, sort) => ("Int".to_owned(), sort),
            };
            let sort = self.sorts.name(&sort);
            script += &format!("(declare-fun before.{name} ({domain}) {sort})\n");
            script += &format!("(declare-fun after.{name} ({domain}) {sort})\n");
        }
        script
    }

    /// All numbers there are in the instance; none outside of one.
    pub(crate) fn universe(&self) -> &[Term] {
        self.universe.as_deref().unwrap_or_default()
    }

    /// What a variable is.
    pub(crate) fn kind(&self, variable: &str) -> Option<&Kind> {
        self.variables.get(variable).map(|(kind, _)| kind)
    }

    fn top<T>(&mut self, name: &str, translate: impl FnOnce(&mut Self) -> Translated<T>) -> Result<T, ProofError> {
        self.within = vec![name.into()];
        self.bound.clear();
        self.old.clear();
        self.path.clear();
        let translated = translate(self);
        translated.map_err(|what| {
            let within = self.within.last().map_or_else(|| name.to_owned(), |name| name.to_string());
            self.untranslatable(&within, what)
        })
    }

    fn untranslatable(&self, definition: &str, what: String) -> ProofError {
        let path = self.module.definition(definition).map_or(&self.module.path, |found| &found.path);
        ProofError::Untranslatable { path: PathBuf::from(path), definition: definition.to_owned(), what }
    }

    fn fresh(&mut self, name: &str) -> Term {
        self.fresh += 1;
        Term::symbol(&format!("{name}.{}", self.fresh))
    }

    pub(crate) fn bool(&mut self, expr: &Expr) -> Translated<Term> {
        match self.value(expr)? {
            Value::Scalar(Sort::Bool, term) => Ok(term),
            _ => Err(format!("a formula is expected, and this is none: {}", told(expr))),
        }
    }

    fn int(&mut self, expr: &Expr) -> Translated<Term> {
        match self.value(expr)? {
            Value::Scalar(Sort::Int, term) => Ok(term),
            _ => Err(format!("a number is expected, and this is none: {}", told(expr))),
        }
    }

    fn scalar(&mut self, expr: &Expr) -> Translated<(Sort, Term)> {
        match self.value(expr)? {
            Value::Scalar(sort, term) => Ok((sort, term)),
            _ => Err(format!("neither a set nor a function can be here: {}", told(expr))),
        }
    }

    fn set(&mut self, expr: &Expr) -> Translated<Set> {
        match self.value(expr)? {
            Value::Set(set) => Ok(set),
            _ => Err(format!("a set is expected, and this is none: {}", told(expr))),
        }
    }

    fn under<T>(&mut self, guard: Guard, translate: impl FnOnce(&mut Self) -> Translated<T>) -> Translated<T> {
        self.path.push(guard);
        let translated = translate(self);
        self.path.pop();
        translated
    }

    /// Notes that something has a value only where `condition` holds.
    fn require(&mut self, condition: Term) {
        let whole = self.path.iter().rev().fold(condition, |inner, guard| match guard {
            Guard::Assume(premise) => implies(premise, &inner),
            Guard::Bind(name, sort) => quantified("forall", name, sort, &inner),
        });
        if !whole.is(true) {
            self.defined.push(whole);
        }
    }

    fn value(&mut self, expr: &Expr) -> Translated<Value> {
        let truth = |term| Ok(Value::Scalar(Sort::Bool, term));
        let number = |term| Ok(Value::Scalar(Sort::Int, term));
        match expr {
            Expr::Lit(literal) => self.literal(literal),
            Expr::Var(name) => self.name(name),
            Expr::Prime(name) => self.prime(name),
            Expr::OldValue => self.old.last().cloned().ok_or_else(|| "`@` is outside of EXCEPT".to_owned()),

            Expr::And(left, right) => {
                let left = self.bool(left)?;
                let right = self.under(Guard::Assume(left.clone()), |this| this.bool(right))?;
                truth(and([left, right]))
            }
            Expr::Or(left, right) => {
                let left = self.bool(left)?;
                let right = self.under(Guard::Assume(not(&left)), |this| this.bool(right))?;
                truth(or([left, right]))
            }
            Expr::Implies(left, right) => {
                let left = self.bool(left)?;
                let right = self.under(Guard::Assume(left.clone()), |this| this.bool(right))?;
                truth(implies(&left, &right))
            }
            Expr::Equiv(left, right) => {
                let (left, right) = (self.bool(left)?, self.bool(right)?);
                truth(eq(&left, &right))
            }
            Expr::Not(inner) => truth(not(&self.bool(inner)?)),
            Expr::Eq(left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                truth(self.equal(&left, &right)?)
            }
            Expr::Neq(left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                truth(not(&self.equal(&left, &right)?))
            }
            Expr::In(member, set) => truth(self.membership(member, set)?),
            Expr::NotIn(member, set) => truth(not(&self.membership(member, set)?)),
            Expr::Subset(left, right) => {
                let (left, right) = (self.set(left)?, self.set(right)?);
                truth(self.for_all("m", &left, |_, member| Ok(right.contains(member)))?)
            }
            Expr::Forall(name, set, body) => {
                let set = self.set(set)?;
                truth(self.for_all(name, &set, |this, member| this.with(name, &set, member, body))?)
            }
            Expr::Exists(name, set, body) => {
                let set = self.set(set)?;
                truth(self.there_is(name, &set, |this, member| this.with(name, &set, member, body))?)
            }

            Expr::Add(left, right) => number(Term::apply("+", &[self.int(left)?, self.int(right)?])),
            Expr::Sub(left, right) => number(Term::apply("-", &[self.int(left)?, self.int(right)?])),
            Expr::Mul(left, right) => number(Term::apply("*", &[self.int(left)?, self.int(right)?])),
            Expr::Neg(inner) => match &**inner {
                Expr::Lit(Literal::Int(value)) => number(Term::int(-value)),
                inner => number(Term::apply("-", &[self.int(inner)?])),
            },
            Expr::Lt(left, right) => truth(Term::apply("<", &[self.int(left)?, self.int(right)?])),
            Expr::Le(left, right) => truth(Term::apply("<=", &[self.int(left)?, self.int(right)?])),
            Expr::Gt(left, right) => truth(Term::apply(">", &[self.int(left)?, self.int(right)?])),
            Expr::Ge(left, right) => truth(Term::apply(">=", &[self.int(left)?, self.int(right)?])),
            Expr::Cardinality(set) => match &**set {
                Expr::Var(name) if matches!(self.constants.get(name), Some(Value::Set(_))) => {
                    number(Term::symbol(&format!("cardinality.{name}")))
                }
                other => Err(format!("the cardinality of other sets than constants: {}", told(other))),
            },

            Expr::SetEnum(members) => self.enumeration(members),
            Expr::SetRange(first, last) => {
                let (first, last) = (self.int(first)?, self.int(last)?);
                let member = self.fresh("m");
                let condition = and([
                    Term::apply("<=", &[first.clone(), member.clone()]),
                    Term::apply("<=", &[member.clone(), last.clone()]),
                ]);
                Ok(Value::Set(Set { member_sort: Some(Sort::Int), member, condition, candidates: None }))
            }
            Expr::SetFilter(name, set, condition) => {
                let set = self.set(set)?;
                let Some(sort) = set.member_sort.clone() else { return Ok(Value::Set(set)) };
                let member = self.fresh(name);
                let kept = self.under_member(&member, &sort, &set, |this| this.with(name, &set, &member, condition))?;
                let condition = and([set.contains(&member), kept]);
                Ok(Value::Set(Set { member_sort: Some(sort), member, condition, candidates: set.candidates }))
            }
            Expr::Union(left, right) => Ok(Value::Set(self.set(left)?.union(&self.set(right)?))),
            Expr::Intersect(left, right) => Ok(Value::Set(self.set(left)?.intersection(&self.set(right)?))),
            Expr::SetMinus(left, right) => Ok(Value::Set(self.set(left)?.minus(&self.set(right)?))),
            Expr::RecordSet(fields) => self.record_set(fields),

            Expr::FnDef(name, domain, value) => {
                let domain = self.set(domain)?;
                let sort = domain.member_sort.clone().unwrap_or(Sort::Int);
                let argument = self.fresh(name);
                let (sort, value) = self.under_member(&argument, &sort, &domain, |this| {
                    this.with_scalar(name, &domain, &argument, value)
                })?;
                Ok(Value::Function(Function { domain: Box::new(domain), argument, sort, value }))
            }
            Expr::FnApp(function, argument) => {
                let (function, argument) = (self.value(function)?, self.value(argument)?);
                self.application(function, &argument)
            }
            Expr::TupleAccess(base, index) => match self.value(base)? {
                Value::Scalar(sort, term) => self.part(&sort, &term, *index),
                function => {
                    let argument = i64::try_from(*index).map_err(|error| error.to_string())? + 1;
                    self.application(function, &Value::Scalar(Sort::Int, Term::int(argument)))
                }
            },
            Expr::RecordAccess(base, field) => {
                let (sort, term) = self.scalar(base)?;
                let (sort, term) = self.field(&sort, &term, field)?;
                Ok(Value::Scalar(sort, term))
            }
            Expr::RecordLit(fields) => {
                let fields = fields.iter().map(|(name, value)| Ok((name.clone(), self.scalar(value)?)));
                let fields = fields.collect::<Translated<BTreeMap<_, _>>>()?;
                let sort = Sort::Record(fields.iter().map(|(name, (sort, _))| (name.clone(), sort.clone())).collect());
                let values: Vec<_> = fields.into_values().map(|(_, value)| value).collect();
                let constructor = self.sorts.name(&sort);
                Ok(Value::Scalar(sort, Term::apply(&constructor, &values)))
            }
            Expr::TupleLit(parts) => {
                let parts = parts.iter().map(|part| self.scalar(part)).collect::<Translated<Vec<_>>>()?;
                let (sorts, values): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
                let sort = Sort::Tuple(sorts);
                let constructor = self.sorts.name(&sort);
                Ok(Value::Scalar(sort, Term::apply(&constructor, &values)))
            }
            Expr::Except(base, changes) => {
                let mut changed = self.value(base)?;
                for (path, value) in changes {
                    changed = self.except(changed, path, value)?;
                }
                Ok(changed)
            }

            Expr::If(condition, then, otherwise) => {
                let condition = self.bool(condition)?;
                let then = self.under(Guard::Assume(condition.clone()), |this| this.value(then))?;
                let otherwise = self.under(Guard::Assume(not(&condition)), |this| this.value(otherwise))?;
                choice(&condition, then, otherwise)
            }
            Expr::Case(branches) => self.case(branches),
            Expr::Let(name, value, body) => {
                let value = self.value(value)?;
                self.bound.push((name.clone(), value));
                let translated = self.value(body);
                self.bound.pop();
                translated
            }
            Expr::FnCall(name, arguments) => {
                let arguments = arguments.iter().map(|argument| self.value(argument)).collect::<Translated<Vec<_>>>()?;
                self.call(name, arguments)
            }
            Expr::LabeledAction(_, inner) => self.value(inner),
            Expr::Unchanged(names) => {
                let unchanged = names.iter().map(|name| self.unchanged(&Expr::Var(name.clone())));
                truth(and(unchanged.collect::<Translated<Vec<_>>>()?))
            }
            other => Err(format!("this of TLA+ is not supported: {}", told(other))),
        }
    }

    fn literal(&mut self, literal: &Literal) -> Translated<Value> {
        match literal {
            Literal::Bool(value) => Ok(Value::Scalar(Sort::Bool, Term::bool(*value))),
            Literal::Int(value) => Ok(Value::Scalar(Sort::Int, Term::int(*value))),
            Literal::Str(text) => Ok(Value::Scalar(Sort::Text, self.sorts.text(text))),
            Literal::IntSet(domain @ (IntDomain::Int | IntDomain::Nat)) => {
                let member = self.fresh("m");
                let condition = match domain {
                    IntDomain::Nat => Term::apply("<=", &[Term::int(0), member.clone()]),
                    _ => Term::bool(true),
                };
                Ok(Value::Set(Set { member_sort: Some(Sort::Int), member, condition, candidates: None }))
            }
            other => Err(format!("this literal is not supported: {other:?}")),
        }
    }

    fn name(&mut self, name: &Arc<str>) -> Translated<Value> {
        if let Some((_, value)) = self.bound.iter().rev().find(|(bound, _)| bound == name) {
            return Ok(value.clone());
        }
        if self.variables.contains_key(name) {
            return self.variable(name, self.side);
        }
        if let Some(value) = self.constants.get(name) {
            return Ok(value.clone());
        }
        match &**name {
            "Nat" => self.literal(&Literal::IntSet(IntDomain::Nat)),
            "Int" => self.literal(&Literal::IntSet(IntDomain::Int)),
            _ => self.call(name, Vec::new()),
        }
    }

    fn variable(&mut self, name: &str, side: Side) -> Translated<Value> {
        let Some((kind, domain)) = self.variables.get(name).cloned() else {
            return Err(format!("there is no variable `{name}`"));
        };
        let symbol = format!("{}.{name}", if side == Side::Before { "before" } else { "after" });
        Ok(match (kind, domain) {
            (Kind::Scalar(sort), _) => Value::Scalar(sort, Term::symbol(&symbol)),
            (Kind::Function(_, sort), Some(domain)) => {
                let argument = self.fresh("a");
                let value = Term::apply(&symbol, std::slice::from_ref(&argument));
                Value::Function(Function { domain: Box::new(domain), argument, sort, value })
            }
            (Kind::Set(sort), _) => {
                let member = self.fresh("m");
                let mut condition = Term::apply(&symbol, std::slice::from_ref(&member));
                let candidates = self.universe.clone().filter(|_| sort == Sort::Int);
                if let Some(universe) = &candidates {
                    condition = and([or(universe.iter().map(|number| eq(&member, number))), condition]);
                }
                Value::Set(Set { member_sort: Some(sort), member, condition, candidates })
            }
            (Kind::Function(..), None) => return Err(format!("the function `{name}` has no domain")),
        })
    }

    /// `name'`, of a variable or of a definition.
    fn prime(&mut self, name: &Arc<str>) -> Translated<Value> {
        if self.side == Side::After {
            return Err(format!("`{name}'` is in a formula about the state after the step"));
        }
        self.side = Side::After;
        let value = self.name(name);
        self.side = Side::Before;
        value
    }

    fn call(&mut self, name: &str, arguments: Vec<Value>) -> Translated<Value> {
        let Ok(definition) = self.module.definition(name) else {
            return Err(format!("`{name}` is neither defined nor declared"));
        };
        let (parameters, body) = (definition.parameters.clone(), definition.body.clone());
        if parameters.len() != arguments.len() {
            return Err(format!("`{name}` takes {} arguments, and is given {}", parameters.len(), arguments.len()));
        }
        if self.within.len() > 100 {
            return Err(format!("`{name}` is defined by itself"));
        }
        let frame = parameters.into_iter().zip(arguments).collect();
        let outer = std::mem::replace(&mut self.bound, frame);
        self.within.push(name.into());
        let translated = self.value(&body)?;
        self.within.pop();
        self.bound = outer;
        Ok(translated)
    }

    fn with(&mut self, name: &Arc<str>, set: &Set, member: &Term, body: &Expr) -> Translated<Term> {
        match self.with_scalar(name, set, member, body)? {
            (Sort::Bool, term) => Ok(term),
            _ => Err(format!("a formula is expected, and this is none: {}", told(body))),
        }
    }

    /// `body` where `name` is a member of `set`.
    fn with_scalar(&mut self, name: &Arc<str>, set: &Set, member: &Term, body: &Expr) -> Translated<(Sort, Term)> {
        let sort = set.member_sort.clone().unwrap_or(Sort::Int);
        self.bound.push((name.clone(), Value::Scalar(sort, member.clone())));
        let translated = self.scalar(body);
        self.bound.pop();
        translated
    }

    fn under_member<T>(
        &mut self,
        member: &Term,
        sort: &Sort,
        set: &Set,
        translate: impl FnOnce(&mut Self) -> Translated<T>,
    ) -> Translated<T> {
        let sort = self.sorts.name(sort);
        self.under(Guard::Bind(member.clone(), sort), |this| {
            this.under(Guard::Assume(set.contains(member)), translate)
        })
    }

    /// Whether something holds of all members of a set.
    fn for_all(
        &mut self,
        name: &str,
        set: &Set,
        mut body: impl FnMut(&mut Self, &Term) -> Translated<Term>,
    ) -> Translated<Term> {
        let Some(sort) = set.member_sort.clone() else { return Ok(Term::bool(true)) };
        if let Some(candidates) = &set.candidates {
            let each = candidates.iter().map(|candidate| {
                let premise = set.contains(candidate);
                let holds = self.under(Guard::Assume(premise.clone()), |this| body(this, candidate))?;
                Ok(implies(&premise, &holds))
            });
            return Ok(and(each.collect::<Translated<Vec<_>>>()?));
        }
        let member = self.fresh(name);
        let holds = self.under_member(&member, &sort, set, |this| body(this, &member))?;
        let sort = self.sorts.name(&sort);
        Ok(quantified("forall", &member, &sort, &implies(&set.contains(&member), &holds)))
    }

    /// Whether something holds of a member of a set.
    fn there_is(
        &mut self,
        name: &str,
        set: &Set,
        mut body: impl FnMut(&mut Self, &Term) -> Translated<Term>,
    ) -> Translated<Term> {
        let Some(sort) = set.member_sort.clone() else { return Ok(Term::bool(false)) };
        if let Some(candidates) = &set.candidates {
            let each = candidates.iter().map(|candidate| {
                let premise = set.contains(candidate);
                let holds = self.under(Guard::Assume(premise.clone()), |this| body(this, candidate))?;
                Ok(and([premise, holds]))
            });
            return Ok(or(each.collect::<Translated<Vec<_>>>()?));
        }
        let member = self.fresh(name);
        let holds = self.under_member(&member, &sort, set, |this| body(this, &member))?;
        let sort = self.sorts.name(&sort);
        Ok(quantified("exists", &member, &sort, &and([set.contains(&member), holds])))
    }

    pub(crate) fn equal(&mut self, left: &Value, right: &Value) -> Translated<Term> {
        match (left, right) {
            (Value::Scalar(a, left), Value::Scalar(b, right)) if a == b => Ok(eq(left, right)),
            (Value::Set(left), Value::Set(right)) => {
                if left.member_sort.is_some() && right.member_sort.is_some() && left.member_sort != right.member_sort {
                    return Err("two sets of different sorts are compared".to_owned());
                }
                let there = self.for_all("m", left, |_, member| Ok(right.contains(member)))?;
                let back = self.for_all("m", right, |_, member| Ok(left.contains(member)))?;
                Ok(and([there, back]))
            }
            (Value::Function(left), Value::Function(right)) => {
                if left.domain.key() != right.domain.key() {
                    let told = format!("{:?} and {:?}", left.domain.key(), right.domain.key());
                    return Err(format!("two functions are compared whose domains are not the same text: {told}"));
                }
                if left.sort != right.sort {
                    return Err("two functions with values of different sorts are compared".to_owned());
                }
                self.for_all("a", &left.domain, |_, argument| Ok(eq(&left.of(argument), &right.of(argument))))
            }
            _ => Err(format!("two values of different sorts are compared: {left:?} and {right:?}")),
        }
    }

    fn membership(&mut self, member: &Expr, set: &Expr) -> Translated<Term> {
        let (sort, member) = self.scalar(member)?;
        let set = self.set(set)?;
        match &set.member_sort {
            None => Ok(Term::bool(false)),
            Some(expected) if *expected == sort => Ok(set.contains(&member)),
            Some(_) => Err("membership is asked of a value of another sort than the members".to_owned()),
        }
    }

    fn enumeration(&mut self, members: &[Expr]) -> Translated<Value> {
        let members = members.iter().map(|member| self.scalar(member)).collect::<Translated<Vec<_>>>()?;
        let member_sort = members.first().map(|(sort, _)| sort.clone());
        if members.iter().any(|(sort, _)| Some(sort) != member_sort.as_ref()) {
            return Err("a set has members of different sorts".to_owned());
        }
        let candidates: Vec<_> = members.into_iter().map(|(_, member)| member).collect();
        let member = self.fresh("m");
        let condition = or(candidates.iter().map(|candidate| eq(&member, candidate)));
        // An enumeration is gone through one by one, in any instance.
        Ok(Value::Set(Set { member_sort, member, condition, candidates: Some(candidates) }))
    }

    fn record_set(&mut self, fields: &[(Arc<str>, Expr)]) -> Translated<Value> {
        let fields = fields.iter().map(|(name, set)| Ok((name.clone(), self.set(set)?)));
        let fields = fields.collect::<Translated<BTreeMap<_, _>>>()?;
        let sorts = fields.iter().map(|(name, set)| Some((name.clone(), set.member_sort.clone()?)));
        let Some(sorts) = sorts.collect::<Option<Vec<_>>>() else {
            return Ok(Value::Set(Set {
                member_sort: None,
                member: self.fresh("m"),
                condition: Term::bool(false),
                candidates: Some(Vec::new()),
            }));
        };
        let sort = Sort::Record(sorts);
        let member = self.fresh("m");
        let mut conditions = Vec::new();
        for (name, set) in &fields {
            let (_, field) = self.field(&sort, &member, name)?;
            conditions.push(set.contains(&field));
        }
        let constructor = self.sorts.name(&sort);
        let all = fields.values().try_fold(vec![Vec::new()], |records, set| {
            let candidates = set.candidates.as_ref()?;
            let extended = |record: &Vec<Term>| {
                candidates.iter().map(|value| [record.as_slice(), std::slice::from_ref(value)].concat()).collect()
            };
            Some(records.iter().flat_map::<Vec<_>, _>(extended).collect())
        });
        let candidates = all.map(|records: Vec<_>| records.iter().map(|r| Term::apply(&constructor, r)).collect());
        // Outside of a finite instance the condition says it shorter.
        let candidates = candidates.filter(|_| self.universe.is_some());
        Ok(Value::Set(Set { member_sort: Some(sort), member, condition: and(conditions), candidates }))
    }

    fn application(&mut self, function: Value, argument: &Value) -> Translated<Value> {
        let Value::Function(function) = function else {
            return Err("something is applied that is no function".to_owned());
        };
        let Value::Scalar(sort, argument) = argument else {
            return Err("a function is applied to a set or a function".to_owned());
        };
        if function.domain.member_sort.as_ref().is_some_and(|expected| expected != sort) {
            return Err("a function is applied to a value of another sort than its domain's".to_owned());
        }
        self.require(function.domain.contains(argument));
        Ok(Value::Scalar(function.sort.clone(), function.of(argument)))
    }

    fn part(&mut self, sort: &Sort, term: &Term, index: usize) -> Translated<Value> {
        let Sort::Tuple(parts) = sort else { return Err("a component is asked of what is no tuple".to_owned()) };
        let Some(part) = parts.get(index) else { return Err(format!("a tuple has no component {}", index + 1)) };
        Ok(Value::Scalar(part.clone(), self.selected(sort, term, &index.to_string(), index)))
    }

    fn field(&mut self, sort: &Sort, term: &Term, field: &str) -> Translated<(Sort, Term)> {
        let Sort::Record(fields) = sort else { return Err(format!("`.{field}` of what is no record")) };
        let Some(index) = fields.iter().position(|(name, _)| **name == *field) else {
            return Err(format!("a record has no field `{field}`"));
        };
        Ok((fields[index].1.clone(), self.selected(sort, term, field, index)))
    }

    /// A part of a record or tuple, at once where the whole is written out.
    fn selected(&mut self, sort: &Sort, term: &Term, name: &str, index: usize) -> Term {
        let constructor = self.sorts.name(sort);
        if let Term::List(parts) = term
            && parts.first() == Some(&Term::symbol(&constructor))
            && let Some(part) = parts.get(index + 1)
        {
            return part.clone();
        }
        Term::apply(&format!("{constructor}.{name}"), std::slice::from_ref(term))
    }

    /// `[base EXCEPT !path = value]`.
    fn except(&mut self, base: Value, path: &[Expr], value: &Expr) -> Translated<Value> {
        let Some((first, rest)) = path.split_first() else {
            self.old.push(base);
            let value = self.value(value);
            self.old.pop();
            return value;
        };
        match base {
            Value::Function(function) => {
                let (_, index) = self.scalar(first)?;
                // `[f EXCEPT ![x] = e]` is f where x is not of f's domain, but what `@` and `![x].y` are is not known.
                let inside = Guard::Assume(function.domain.contains(&index));
                let old = Value::Scalar(function.sort.clone(), function.of(&index));
                let changed = self.under(inside, |this| this.except(old, rest, value))?;
                let Value::Scalar(sort, changed) = changed else {
                    return Err("a function of sets or functions is not supported".to_owned());
                };
                if sort != function.sort {
                    return Err("EXCEPT gives a function a value of another sort".to_owned());
                }
                let value = ite(&eq(&function.argument, &index), &changed, &function.value);
                Ok(Value::Function(Function { value, ..function }))
            }
            Value::Scalar(sort, term) => {
                let (Sort::Record(fields), Expr::Lit(Literal::Str(changed))) = (&sort, first) else {
                    return Err("EXCEPT of what is neither a function nor a field of a record".to_owned());
                };
                let mut values = Vec::new();
                for (name, _) in fields {
                    let (field_sort, old) = self.field(&sort, &term, name)?;
                    if name != changed {
                        values.push(old);
                        continue;
                    }
                    match self.except(Value::Scalar(field_sort.clone(), old), rest, value)? {
                        Value::Scalar(sort, value) if sort == field_sort => values.push(value),
                        _ => return Err(format!("EXCEPT gives the field `{name}` a value of another sort")),
                    }
                }
                let constructor = self.sorts.name(&sort);
                Ok(Value::Scalar(sort, Term::apply(&constructor, &values)))
            }
            Value::Set(_) => Err("EXCEPT of a set".to_owned()),
        }
    }

    /// CASE: the first branch whose condition holds, or else the last one. In TLA+ any branch whose condition holds may be
    /// taken, and there must be one: that there is exactly one goes to the conditions of being defined.
    fn case(&mut self, branches: &[(Expr, Expr)]) -> Translated<Value> {
        match branches {
            [] => Err("CASE without branches".to_owned()),
            [(Expr::Lit(Literal::Bool(true)), otherwise)] => self.value(otherwise),
            [(condition, value)] => {
                let condition = self.bool(condition)?;
                self.require(condition);
                self.value(value)
            }
            [(condition, value), rest @ ..] => {
                let condition = self.bool(condition)?;
                let value = self.under(Guard::Assume(condition.clone()), |this| {
                    for (other, _) in rest.iter().filter(|(other, _)| *other != OTHER) {
                        let other = this.bool(other)?;
                        this.require(not(&other));
                    }
                    this.value(value)
                })?;
                let rest = self.under(Guard::Assume(not(&condition)), |this| this.case(rest))?;
                choice(&condition, value, rest)
            }
        }
    }

    fn unchanged(&mut self, expr: &Expr) -> Translated<Term> {
        match expr {
            Expr::TupleLit(parts) => {
                Ok(and(parts.iter().map(|part| self.unchanged(part)).collect::<Translated<Vec<_>>>()?))
            }
            Expr::Var(name) if self.variables.contains_key(name) => {
                if self.side == Side::After {
                    return Err("UNCHANGED is in a formula about the state after the step".to_owned());
                }
                let (before, after) = (self.variable(name, Side::Before)?, self.variable(name, Side::After)?);
                self.equal(&after, &before)
            }
            Expr::Var(name) => match self.module.definition(name) {
                Ok(definition) if definition.parameters.is_empty() => {
                    let body = definition.body.clone();
                    self.unchanged(&body)
                }
                _ => Err(format!("UNCHANGED of `{name}`, which is no variable")),
            },
            other => Err(format!("UNCHANGED of other than variables: {}", told(other))),
        }
    }
}

/// How the parser writes the condition of OTHER.
const OTHER: Expr = Expr::Lit(Literal::Bool(true));

fn choice(condition: &Term, then: Value, otherwise: Value) -> Translated<Value> {
    match (then, otherwise) {
        (Value::Scalar(a, then), Value::Scalar(b, otherwise)) if a == b => {
            Ok(Value::Scalar(a, ite(condition, &then, &otherwise)))
        }
        (Value::Set(then), Value::Set(otherwise)) => {
            if then.member_sort.is_some()
                && otherwise.member_sort.is_some()
                && then.member_sort != otherwise.member_sort
            {
                return Err("the branches of an IF are sets of different sorts".to_owned());
            }
            let mut both = then.union(&otherwise);
            both.condition = ite(condition, &then.condition, &otherwise.contains(&then.member));
            Ok(Value::Set(both))
        }
        (Value::Function(then), Value::Function(otherwise))
            if then.domain.key() == otherwise.domain.key() && then.sort == otherwise.sort =>
        {
            let value = ite(condition, &then.value, &otherwise.of(&then.argument));
            Ok(Value::Function(Function { value, ..then }))
        }
        _ => Err("the branches of an IF or CASE are of different sorts".to_owned()),
    }
}

/// An expression, shortened.
fn told(expr: &Expr) -> String {
    let mut text = format!("{expr:?}");
    if text.len() > 200 {
        let end = (0..=200).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}
