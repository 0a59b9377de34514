//! Whether the translation means what the specification means: steps of a small instance, real ones and changed ones, are
//! put to the evaluator of `tla-checker`, which takes the expressions as they are, and to the solver, which is given their
//! translations.

use super::actions::{Action, actions, conjuncts};
use super::error::ProofError;
use super::instance::{Chosen, Instance, instance};
use super::module::Module;
use super::slots::{INDUCTIVE, INIT, NEXT};
use super::solver::{Answer, Solver};
use super::sort::Sort;
use super::term::{Term, eq, not};
use super::translate::{Kind, Translator};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tla_checker::ast::{DefinitionMap, Env, Expr, State, Value as Literal};
use tla_checker::eval::{eval, init_states, make_primed_names, next_states, set_symbolic_integers};
use tla_checker::stdlib::load_builtins;

/// What came out of a comparison.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Agreement {
    /// Steps that can happen.
    pub steps: usize,
    /// Steps with one variable changed.
    pub changed: usize,
    /// Answers compared: of each action to each step, and of each conjunct to each state after it.
    pub answers: usize,
    /// How many of them are "it holds".
    pub hold: usize,
    /// How many are not compared as the evaluator has none: something is applied outside of its domain.
    pub without_value: usize,
    /// What the two differ in, and actions that were not taken often enough. There has to be nothing.
    pub differences: Vec<String>,
}

/// How many steps there are at most.
const WALK: usize = 200_000;

/// What the names of the actions begin with that are deaths.
const DEATH: &str = "Kill";

/// Expressions nest deeply.
const STACK_BYTES: usize = 64 << 20;

/// Takes steps at random until each action has been taken `times` times, and compares.
pub(crate) fn compare(
    module: &Module,
    chosen: &Instance<'_>,
    times: usize,
    z3: &Path,
    limit: Duration,
) -> Result<Agreement, ProofError> {
    thread::scope(|scope| {
        // The evaluator keeps its settings for each thread.
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        let compared = thread.spawn_scoped(scope, || Comparison::new(module, chosen, z3, limit)?.run(times));
        let compared = compared.map_err(|error| ProofError::Evaluator(format!("has no thread: {error}")))?;
        compared.join().unwrap_or_else(|_| Err(ProofError::Evaluator("has failed".to_owned())))
    })
}

struct Comparison<'a> {
    evaluator: Evaluator<'a>,
    solver: Solver,
    translator: Translator<'a>,
    actions: Vec<Action>,
    conjuncts: Vec<Arc<str>>,
    found: Agreement,
    /// What was true at least once.
    held: BTreeSet<String>,
    random: u64,
}

impl<'a> Comparison<'a> {
    fn new(module: &'a Module, chosen: &Instance<'_>, z3: &Path, limit: Duration) -> Result<Self, ProofError> {
        let (mut translator, declared) = instance(module, chosen, INIT)?;
        let actions = actions(module, NEXT, &BTreeMap::new())?;
        let conjuncts = conjuncts(module, INDUCTIVE)?;
        let mut formulas = Vec::new();
        for action in &actions {
            formulas.push((action.name.to_string(), translator.formula(NEXT, &action.formula)?));
        }
        for conjunct in &conjuncts {
            formulas.push((conjunct.to_string(), translator.after(conjunct)?));
        }
        let variables = translator.declarations();
        let mut script = translator.sorts.declarations() + &declared + &variables;
        for (name, formula) in formulas {
            script += &format!("(define-fun holds.{name} () Bool {formula})\n");
        }
        let solver = Solver::start(z3, &script, limit)?;
        let evaluator = Evaluator::new(module, chosen);
        let (found, held) = (Agreement::default(), BTreeSet::new());
        Ok(Self { evaluator, solver, translator, actions, conjuncts, found, held, random: 1 })
    }

    /// Goes on until each action has been taken `times` times. What has been taken that often already is not compared.
    fn run(mut self, times: usize) -> Result<Agreement, ProofError> {
        set_symbolic_integers(true);
        let mut taken = vec![0_usize; self.actions.len()];
        let mut state = self.evaluator.initial()?;
        let mut seen = vec![state.clone()];
        for _ in 0..WALK {
            let (index, next) = self.walk(&state)?;
            if taken[index] < times {
                taken[index] += 1;
                self.step(&state, &next)?;
                self.found.steps += 1;
                if let Some(changed) = self.changed(&next, &seen) {
                    self.step(&state, &changed)?;
                    self.found.changed += 1;
                }
                seen.push(next.clone());
            }
            if taken.iter().all(|count| *count == times) {
                break;
            }
            state = next;
        }
        for (action, count) in self.actions.iter().zip(taken).filter(|(_, count)| *count < times) {
            self.found.differences.push(format!("{} was taken {count} times only", action.name));
        }
        let names = self.actions.iter().map(|action| action.name.as_str()).chain(self.conjuncts.iter().map(|name| &**name));
        for name in names.filter(|name| !self.held.contains(*name)) {
            self.found.differences.push(format!("{name} was never true"));
        }
        Ok(self.found)
    }

    /// One of the actions that can be taken now, and the state after it. A death is rare enough for the rest to go on.
    fn walk(&mut self, state: &State) -> Result<(usize, State), ProofError> {
        for _ in 0..10_000 {
            let index = self.choose(self.actions.len());
            let action = &self.actions[index];
            if action.name.starts_with(DEATH) && self.choose(8) > 0 {
                continue;
            }
            let mut successors = self.evaluator.successors(&self.actions[index].formula, state)?;
            if !successors.is_empty() {
                let chosen = self.choose(successors.len());
                return Ok((index, successors.swap_remove(chosen)));
            }
        }
        Err(ProofError::Evaluator(format!("finds no step from {state:?}")))
    }

    /// The state with one variable as it was in another state.
    fn changed(&mut self, state: &State, seen: &[State]) -> Option<State> {
        (0..20).find_map(|_| {
            let variable = self.choose(state.values.len());
            let value = &seen[self.choose(seen.len())].values[variable];
            let mut changed = state.clone();
            changed.values[variable] = value.clone();
            (changed != *state).then_some(changed)
        })
    }

    fn choose(&mut self, count: usize) -> usize {
        // Xorshift: any sequence will do, if it is the same each time.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % count.max(1) as u64).unwrap_or(0)
    }

    /// Puts one step to both.
    fn step(&mut self, before: &State, after: &State) -> Result<(), ProofError> {
        let mut formulas = Vec::new();
        for (side, state) in [("before", before), ("after", after)] {
            for (name, value) in self.evaluator.variables.iter().zip(&state.values) {
                let symbol = format!("{side}.{name}");
                formulas.extend(equations(&mut self.translator, name, &symbol, value)?.iter().map(Term::to_string));
            }
        }
        self.solver.tell("(push)\n")?;
        if self.solver.check_here(&formulas)? != Answer::Sat {
            return Err(ProofError::Solver("there is no such step, as it was written down for it".to_owned()));
        }
        let actions = self.actions.iter().map(|action| action.name.as_str());
        let names: Vec<_> = actions.chain(self.conjuncts.iter().map(|name| &**name)).map(str::to_owned).collect();
        let asked: Vec<_> = names.iter().map(|name| format!("holds.{name}")).collect();
        let solved = self.solver.values(&asked)?;
        self.solver.tell("(pop)\n")?;
        let mut evaluated: Vec<_> =
            self.actions.iter().map(|action| self.evaluator.step_holds(&action.formula, before, after)).collect();
        evaluated.extend(self.conjuncts.iter().map(|name| self.evaluator.holds(&Expr::Var(name.clone()), after)));
        for ((name, solved), evaluated) in names.iter().zip(solved).zip(evaluated) {
            let Some(evaluated) = evaluated else {
                self.found.without_value += 1;
                continue;
            };
            self.found.answers += 1;
            if evaluated {
                self.found.hold += 1;
                self.held.insert(name.clone());
            }
            if solved != evaluated {
                let told = format!("{name}: tla-checker says {evaluated}, the translation {solved}, of {after:?}");
                self.found.differences.push(told);
            }
        }
        Ok(())
    }
}

/// The evaluator of `tla-checker`, for one instance.
struct Evaluator<'a> {
    variables: &'a [Arc<str>],
    primed: Vec<Arc<str>>,
    constants: Env,
    definitions: DefinitionMap,
}

impl<'a> Evaluator<'a> {
    fn new(module: &'a Module, chosen: &Instance<'_>) -> Self {
        let mut constants = Env::new();
        load_builtins(&mut constants);
        for (name, value) in chosen {
            let value = match value {
                Chosen::Bool(value) => Literal::Bool(*value),
                Chosen::Int(value) => Literal::Int(*value),
                Chosen::Text(value) => Literal::Str((*value).into()),
                Chosen::Set(members) => Literal::set(members.iter().copied().map(Literal::Int).collect()),
            };
            constants.insert((*name).into(), value);
        }
        let definition = |(name, definition): (&Arc<str>, &super::module::Definition)| {
            (name.clone(), (definition.parameters.clone(), definition.body.clone()))
        };
        Self {
            variables: &module.variables,
            primed: make_primed_names(&module.variables),
            constants,
            definitions: module.definitions.iter().map(definition).collect(),
        }
    }

    fn initial(&self) -> Result<State, ProofError> {
        let (_, init) = self.definitions.get(INIT).ok_or_else(|| ProofError::Evaluator("no Init".to_owned()))?;
        let states = init_states(init, self.variables, &self.constants, &self.definitions);
        let states = states.map_err(|error| ProofError::Evaluator(error.to_string()))?;
        states.into_iter().next().ok_or_else(|| ProofError::Evaluator("finds no initial state".to_owned()))
    }

    fn successors(&self, action: &Expr, state: &State) -> Result<Vec<State>, ProofError> {
        let mut env = self.constants.clone();
        let found = next_states(action, state, self.variables, &self.primed, &mut env, &self.definitions);
        let found = found.map_err(|error| ProofError::Evaluator(error.to_string()))?;
        Ok(found.into_iter().map(|transition| transition.state).collect())
    }

    fn holds(&self, formula: &Expr, state: &State) -> Option<bool> {
        self.evaluate(formula, [(self.variables, state)])
    }

    fn step_holds(&self, action: &Expr, before: &State, after: &State) -> Option<bool> {
        self.evaluate(action, [(self.variables, before), (&self.primed, after)])
    }

    /// `None` where the formula has no value.
    fn evaluate<'s>(
        &self,
        formula: &Expr,
        states: impl IntoIterator<Item = (&'s [Arc<str>], &'s State)>,
    ) -> Option<bool> {
        let mut env = self.constants.clone();
        for (names, state) in states {
            for (name, value) in names.iter().zip(&state.values) {
                env.insert(name.clone(), value.clone());
            }
        }
        match eval(formula, &mut env, &self.definitions) {
            Ok(Literal::Bool(value)) => Some(value),
            _ => None,
        }
    }
}

/// That the variable, as `symbol`, is this value.
fn equations(
    translator: &mut Translator<'_>,
    name: &str,
    symbol: &str,
    value: &Literal,
) -> Result<Vec<Term>, ProofError> {
    let bad = || ProofError::Evaluator(format!("has a value for `{name}` that does not fit: {value:?}"));
    let Some(kind) = translator.kind(name).cloned() else { return Ok(Vec::new()) };
    match (kind, value) {
        (Kind::Set(_), Literal::Set(members)) => {
            let contains = |number: &Term| Term::apply(symbol, std::slice::from_ref(number));
            let members: BTreeSet<_> = members.iter().filter_map(integer).collect();
            let universe = translator.universe().to_vec();
            Ok(universe
                .iter()
                .map(|number| if members.contains(number) { contains(number) } else { not(&contains(number)) })
                .collect())
        }
        (Kind::Function(_, sort), function) => {
            let map = function.as_function_map().ok_or_else(bad)?;
            let equation = |(argument, value): (&Literal, &Literal)| {
                let applied = Term::apply(symbol, &[integer(argument)?]);
                Some(eq(&applied, &encoded(translator, &sort, value)?))
            };
            map.iter().map(equation).collect::<Option<_>>().ok_or_else(bad)
        }
        (Kind::Scalar(sort), value) => {
            let value = encoded(translator, &sort, value).ok_or_else(bad)?;
            Ok(vec![eq(&Term::symbol(symbol), &value)])
        }
        (Kind::Set(_), _) => Err(bad()),
    }
}

fn integer(value: &Literal) -> Option<Term> {
    match value {
        Literal::Int(value) => Some(Term::int(*value)),
        _ => None,
    }
}

/// A value of this sort as a term.
fn encoded(translator: &mut Translator<'_>, sort: &Sort, value: &Literal) -> Option<Term> {
    match (sort, value) {
        (Sort::Bool, Literal::Bool(value)) => Some(Term::bool(*value)),
        (Sort::Int, Literal::Int(value)) => Some(Term::int(*value)),
        (Sort::Text, Literal::Str(text)) => Some(translator.sorts.text(text)),
        (Sort::Record(fields), Literal::Record(values)) if fields.len() == values.len() => {
            let values = fields.iter().map(|(name, sort)| encoded(translator, sort, values.get(name)?));
            let values: Vec<_> = values.collect::<Option<_>>()?;
            Some(Term::apply(&translator.sorts.name(sort), &values))
        }
        (Sort::Tuple(parts), Literal::Tuple(values)) if parts.len() == values.len() => {
            let values = parts.iter().zip(&**values).map(|(sort, value)| encoded(translator, sort, value));
            let values: Vec<_> = values.collect::<Option<_>>()?;
            Some(Term::apply(&translator.sorts.name(sort), &values))
        }
        _ => None,
    }
}
