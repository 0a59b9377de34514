//! The crate `tla-checker`, in this process.

use crate::job::{Depth, Found, Gauge, Outcome};
use crate::model::Model;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tla_checker::ast::{Expr, InstanceDecl, SafetyProperty, Spec, State};
use tla_checker::checker::{
    self, CheckResult, CheckStats, PrepareSpecError, format_eval_error, format_trace_with_actions,
};
use tla_checker::lexer::{Lexer, Token};
use tla_checker::load::{PrepareError, Prepared, prepare_from_path};

/// Expressions of the specifications nest deeply.
const STACK_BYTES: usize = 256 << 20;

/// Checks a model. It cannot be interrupted: stopped, it goes on in its thread until the process ends.
pub fn check(model: &Model, gauge: &Gauge) -> Found {
    let model = model.clone();
    // The crate keeps what it knows of a specification in thread-locals: every run has a thread of its own.
    let thread = thread::Builder::new().name("tla-checker".to_owned()).stack_size(STACK_BYTES);
    let thread = match thread.spawn(move || in_this_thread(&model)) {
        Ok(thread) => thread,
        Err(error) => return Found::error(format!("cannot start a thread for tla-checker: {error}")),
    };
    while !thread.is_finished() {
        if gauge.stopped() {
            return Found::stopped();
        }
        thread::sleep(Duration::from_millis(5));
    }
    thread.join().unwrap_or_else(|_| Found::error("tla-checker panicked; what it said is above"))
}

fn in_this_thread(model: &Model) -> Found {
    let mut prepared = match prepare_from_path(&model.module_path(), Some(&model.config_path()), &[]) {
        Ok(prepared) => prepared,
        Err(error) => return Found::error(not_prepared(model, &error)),
    };
    let warnings: Vec<_> = prepared.warnings.iter().map(|warning| warning.value.as_str()).collect();
    if !warnings.is_empty() {
        // Each is a difference from TLC.
        return Found::error(format!("tla-checker warns: {}", warnings.join("; ")));
    }
    if let Err(why) = refuse_unchanged(model, &prepared.spec) {
        return Found::error(why);
    }
    if let Err(why) = see_into_promises(model, &mut prepared.spec) {
        return Found::error(why);
    }
    prepared.checker_config.max_states = usize::MAX;
    prepared.checker_config.max_depth = usize::MAX;
    prepared.checker_config.allow_deadlock = true;
    // Without it, `Nat` ends at 100.
    prepared.checker_config.symbolic_integers = true;
    let result = checker::check(&prepared.spec, &prepared.domains, &prepared.checker_config);
    found(&prepared, result)
}

/// Spells out a property that is the specification of an instance, as `Promise!Spec`: the crate takes it for a
/// predicate of the initial states. [`SPEC`] says what that specification must look like.
fn see_into_promises(model: &Model, spec: &mut Spec) -> Result<(), String> {
    let mut spelled_out = Vec::new();
    for property in std::mem::take(&mut spec.safety_properties) {
        let SafetyProperty::Init { name, predicate: Expr::QualifiedCall(instance, formula, arguments) } = &property
        else {
            spelled_out.push(property);
            continue;
        };
        let Expr::Var(alias) = &**instance else {
            return Err(format!("property {name}: tla-checker sees into an instance without parameters only"));
        };
        let named = |instance: &&InstanceDecl| instance.alias.as_ref() == Some(alias);
        let Some(instance_of) = spec.instances.iter().find(named) else {
            return Err(format!("property {name}: there is no instance `{alias}`"));
        };
        let source = source_of_instance(model, instance_of)?;
        if !arguments.is_empty() || !source.lines().any(|line| is_spec(line, formula)) {
            // A predicate, then; what is neither, the crate refuses.
            spelled_out.push(property);
            continue;
        }
        let of_promise = |name: &str| Expr::QualifiedCall(instance.clone(), name.into(), Vec::new());
        let formula = Expr::BoxAction(Box::new(of_promise("Next")), Box::new(of_promise("vars")));
        spelled_out.push(SafetyProperty::Init { name: name.clone(), predicate: of_promise("Init") });
        spelled_out.push(SafetyProperty::Action { name: name.clone(), formula });
    }
    spec.safety_properties = spelled_out;
    Ok(())
}

/// What a promise's specification looks like.
const SPEC: &str = "Spec == Init /\\ [][Next]_vars";

fn is_spec(line: &str, formula: &str) -> bool {
    let Some((name, body)) = line.split_once("==") else { return false };
    let expected = SPEC.split_once("==").map_or(SPEC, |(_, expected)| expected);
    name.trim() == formula && body.split_whitespace().eq(expected.split_whitespace())
}

/// Refuses `UNCHANGED` in a module whose variables are substituted: the crate does not substitute there, and would
/// speak of whatever bears the variable's name in the instancing module.
fn refuse_unchanged(model: &Model, spec: &Spec) -> Result<(), String> {
    for instance in spec.instances.iter().filter(|instance| !instance.substitutions.is_empty()) {
        let module = &instance.module_name;
        let source = source_of_instance(model, instance)?;
        let tokens = Lexer::new(&source).tokenize().map_err(|error| format!("module {module}: {error}"))?;
        if tokens.contains(&Token::Unchanged) {
            return Err(format!(
                "module {module} is instanced and has UNCHANGED, in which tla-checker does not substitute: write \
                 `x' = x` there, or leave the run to tlc"
            ));
        }
    }
    Ok(())
}

/// The text of the module that an instance is of.
fn source_of_instance(model: &Model, instance: &InstanceDecl) -> Result<String, String> {
    let path = model.directory.join(format!("{}.tla", instance.module_name));
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn not_prepared(model: &Model, error: &PrepareError) -> String {
    match error {
        PrepareError::Parse { message, span: Some(span) } => {
            format!("{}: from byte {}: {message}", model.module_path().display(), span.start)
        }
        other => format!("{}: {other}", model.module_path().display()),
    }
}

fn found(prepared: &Prepared, result: CheckResult) -> Found {
    let spec = &prepared.spec;
    let trace = |trace: &[State], actions: &[Option<Arc<str>>]| format_trace_with_actions(trace, actions, &spec.vars);
    let violated = |name: &str| Outcome::Fail(vec![name.to_owned()]);
    let (outcome, details, stats) = match result {
        CheckResult::Ok(stats) => (Outcome::Pass, String::new(), Some(stats)),
        CheckResult::InvariantViolation(example, stats) => {
            let name = spec.invariant_names.get(example.violated_invariant).cloned().flatten();
            let name = name.unwrap_or_else(|| "an invariant without a name".into());
            (violated(&name), trace(&example.trace, &example.actions), Some(stats))
        }
        CheckResult::PropertyViolation(example, stats) => {
            (violated(&example.property), trace(&example.trace, &example.actions), Some(stats))
        }
        CheckResult::RefinementViolation(example, stats) => {
            (violated(&example.alias), trace(&example.trace, &example.actions), Some(stats))
        }
        CheckResult::LivenessViolation(example, stats) => {
            (violated(&example.property), lasso(spec, &example.prefix, &example.cycle), Some(stats))
        }
        CheckResult::Deadlock(states, actions, stats) => {
            (Outcome::Error("deadlock".to_owned()), trace(&states, &actions), Some(stats))
        }
        CheckResult::InitError(error) => (failed("the initial states", &error), String::new(), None),
        CheckResult::NextError(error, states, _) => (failed("the next states", &error), trace(&states, &[]), None),
        CheckResult::InvariantError(error, states, _) => (failed("an invariant", &error), trace(&states, &[]), None),
        CheckResult::LivenessError(error, stats) => {
            let what = error.property.as_deref().unwrap_or("fairness");
            (failed(what, &error.error), String::new(), Some(stats))
        }
        CheckResult::NoInitialStates => (Outcome::Error("there is no initial state".to_owned()), String::new(), None),
        CheckResult::PrepareError(error) => (Outcome::Error(not_ready(&error)), String::new(), None),
        CheckResult::MaxStatesExceeded(stats)
        | CheckResult::MaxDepthExceeded(stats)
        | CheckResult::MaxTimeExceeded(stats) => {
            (Outcome::Error("tla-checker came to its limits".to_owned()), String::new(), Some(stats))
        }
    };
    let number = |count: fn(&CheckStats) -> usize| stats.as_ref().and_then(|stats| u64::try_from(count(stats)).ok());
    Found {
        outcome,
        distinct_states: number(|stats| stats.states_explored),
        depth: number(|stats| stats.max_depth_reached).map(Depth::Exact),
        details,
        figures: Vec::new(),
    }
}

fn failed(what: &str, error: &tla_checker::eval::EvalError) -> Outcome {
    Outcome::Error(format!("cannot evaluate {what}: {}", format_eval_error(error)))
}

fn not_ready(error: &PrepareSpecError) -> String {
    match error {
        PrepareSpecError::InstanceError(error) => format!("an instance: {}", format_eval_error(error)),
        PrepareSpecError::ModuleParse(message)
        | PrepareSpecError::RefinementConfigError(message)
        | PrepareSpecError::LivenessProperty(message)
        | PrepareSpecError::ConstantSubstitution(message) => message.clone(),
        PrepareSpecError::MissingConstants(names) => format!("constants without a value: {}", names.join(", ")),
        PrepareSpecError::AssumeViolation(index) => format!("assumption {index}, counted from 0, is false"),
        PrepareSpecError::AssumeError(index, error) => {
            format!("assumption {index}, counted from 0: {}", format_eval_error(error))
        }
        PrepareSpecError::NonModelValueSymmetry(name, values) => {
            format!("symmetry of {name}, whose elements are no model values: {}", values.join(", "))
        }
    }
}

/// A behaviour that goes round for ever.
fn lasso(spec: &Spec, prefix: &[State], cycle: &[State]) -> String {
    let mut states = prefix.to_vec();
    states.extend_from_slice(cycle.get(1..).unwrap_or_default());
    let told = format_trace_with_actions(&states, &[], &spec.vars);
    let back = prefix.len().saturating_sub(1);
    format!("{told}\nfrom here back to state {back}, for ever\n")
}
