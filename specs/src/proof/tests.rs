//! What can be tested without the solver: the translation of single expressions, how a next-state relation is taken apart,
//! and that nothing is left out. With the solver, `cargo specs` runs it all.

use super::actions::{actions, conjuncts};
use super::error::ProofError;
use super::instance::{arbitrary, instance};
use super::module::Module;
use super::slots::{self, INDUCTIVE, INIT, NEXT};
use super::{VERSION, plan, prove};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn specifications() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tla")
}

fn slots_module() -> Module {
    Module::load(&specifications(), &[slots::MODULE]).unwrap()
}

/// A module of a test's own, gone when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        // Beside the test itself, in `target`.
        let test = std::env::current_exe().unwrap();
        let directory = test.with_file_name(format!("proof-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("Test.tla"), format!("---- MODULE Test ----\n{text}\n====\n")).unwrap();
        Self(directory)
    }

    fn load(&self) -> Module {
        Module::load(&self.0, &["Test"]).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The translation of the definition `Formula` of a module with these variables.
fn translated(name: &str, text: &str) -> Result<String, ProofError> {
    let scratch = Scratch::new(name, text);
    let module = scratch.load();
    let (mut translator, _) = arbitrary(&module, &slots::constants(), INIT)?;
    translator.before("Formula").map(|formula| formula.to_string())
}

#[test]
fn a_change_of_a_function_at_one_place_is_an_equation_for_each_argument() {
    let formula = translated(
        "change",
        "CONSTANT Consumers\nVARIABLE x\nInit == x = [c \\in Consumers |-> 0]\n\
         Formula == \\E c \\in Consumers : x' = [x EXCEPT ![c] = @ + 1]",
    );
    assert_eq!(
        formula.unwrap(),
        "(exists ((c.2 Int)) (and (constant.Consumers c.2) (forall ((a.5 Int)) (=> (constant.Consumers a.5) \
         (= (after.x a.5) (ite (= a.5 c.2) (+ (before.x c.2) 1) (before.x a.5)))))))"
    );
}

#[test]
fn sets_are_compared_member_by_member_both_ways() {
    let formula =
        translated("sets", "CONSTANT Consumers\nVARIABLE s\nInit == s = {}\nFormula == s \\cup {7} = Consumers");
    let formula = formula.unwrap();
    assert!(formula.contains("(=> (or (before.s m.4) (= m.4 7)) (constant.Consumers m.4))"), "{formula}");
    assert!(formula.contains("(=> (constant.Consumers m.5) (or (before.s m.5) (= m.5 7)))"), "{formula}");
}

#[test]
fn records_compare_and_change_by_their_fields() {
    let formula = translated(
        "records",
        "VARIABLE r\nInit == r = [seq |-> 0, tag |-> \"free\"]\n\
         Formula == r.tag \\in {\"free\", \"held\"} /\\ r' = [r EXCEPT !.seq = 5]",
    );
    assert_eq!(
        formula.unwrap(),
        "(and (or (= (record.0.tag before.r) text.free) (= (record.0.tag before.r) text.held)) \
         (= after.r (record.0 5 (record.0.tag before.r))))"
    );
}

#[test]
fn what_is_not_translated_is_named_with_its_file() {
    let error = translated("unsupported", "VARIABLE n\nInit == n = 0\nFormula == n \\in SUBSET {1}").unwrap_err();
    let told = error.to_string();
    assert!(told.contains("Test.tla") && told.contains("`Formula`") && told.contains("Powerset"), "{told}");
}

#[test]
fn a_function_on_another_domain_is_rejected() {
    let error = translated(
        "domains",
        "CONSTANTS Consumers, Observers\nVARIABLE x\nInit == x = [c \\in Consumers |-> 0]\n\
         Formula == x' = [c \\in Observers |-> 0]",
    );
    assert!(error.unwrap_err().to_string().contains("domains are not the same text"));
}

#[test]
fn a_next_state_relation_is_taken_apart_down_to_the_named_actions() {
    let text = "VARIABLE x\nS == {1}\nA == x' = 1\nB(c) == x' = c\nC(c) == x' = c + 1 \\/ x' = c\nD == A\n\
                E(p) == IF p = 1 THEN A ELSE B(p)\nOf(c) == \\/ B(c) \\/ C(c)\n\
                Next ==\n    \\/ D\n    \\/ \\E c \\in S : Of(c)\n    \\/ \\E p \\in S : E(p)";
    let scratch = Scratch::new("apart", text);
    let found = actions(&scratch.load(), "Next", &BTreeMap::new()).unwrap();
    let names: Vec<_> = found.iter().map(|action| action.name.as_str()).collect();
    assert_eq!(names, ["D", "B", "C", "A", "B"]);
}

#[test]
fn a_disjunct_without_a_name_is_rejected() {
    let scratch = Scratch::new("nameless", "VARIABLE x\nA == x' = 1\nNext ==\n    \\/ A\n    \\/ x' = 2");
    assert!(actions(&scratch.load(), "Next", &BTreeMap::new()).is_err());
}

#[test]
fn there_is_an_obligation_for_each_action_and_each_conjunct() {
    let module = slots_module();
    let jobs = plan::proof(&module).unwrap();
    let asked: Vec<_> = jobs.iter().flat_map(|job| &job.queries).collect();
    let is_asked = |name: &str, action: Option<&str>, conjunct: Option<&str>| {
        let same = |query: &&&super::obligation::Query| {
            query.name == name && query.action.as_deref() == action && query.conjunct.as_deref() == conjunct
        };
        assert_eq!(asked.iter().filter(same).count(), 1, "{name} {action:?} {conjunct:?}");
    };
    let conjuncts = conjuncts(&module, INDUCTIVE).unwrap();
    let actions = actions(&module, NEXT, &BTreeMap::new()).unwrap();
    for action in &actions {
        for conjunct in &conjuncts {
            is_asked("is kept", Some(&action.name), Some(conjunct));
        }
        is_asked("is promised", Some(&action.name), Some(slots::PROMISE));
        is_asked("has a value", Some(&action.name), None);
    }
    for conjunct in &conjuncts {
        is_asked("holds at first", None, Some(conjunct));
    }
    for invariant in slots::INVARIANTS {
        is_asked("follows", None, Some(invariant));
    }
}

#[test]
fn the_actions_of_slots_are_those_that_its_text_lists() {
    // Every definition with `pc' =` or `Go(...)` of its own is an action or a part of one.
    let parts = ["Go", "WakeAll", "Scanned", "Reread", "Dies"];
    let text = fs::read_to_string(specifications().join("Slots.tla")).unwrap();
    let mut expected = std::collections::BTreeSet::from(["Newest".to_owned()]);
    let mut defined = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("\\*")) {
        if let Some((head, _)) = line.split_once("==").filter(|_| !line.starts_with([' ', '-', '='])) {
            defined = head.split('(').next().unwrap_or_default().trim().to_owned();
        }
        let steps = ["pc' =", "Go(", "WakeAll(", "Scanned(", "Reread(", "Dies("];
        let body = line.split_once("==").map_or(line, |(_, body)| body);
        if steps.iter().any(|step| body.contains(step)) && !parts.contains(&defined.as_str()) {
            expected.insert(defined.clone());
        }
    }
    let found = actions(&slots_module(), NEXT, &BTreeMap::new()).unwrap();
    let found: std::collections::BTreeSet<_> = found.into_iter().map(|action| action.name).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_broken_action_stands_in_for_one_that_there_is() {
    let module = Module::load(&specifications(), &[slots::MODULE, slots::BROKEN_MODULE]).unwrap();
    for (action, by) in slots::BROKEN {
        plan::broken(&module, action, by).unwrap();
    }
}

#[test]
fn nothing_is_quantified_in_a_small_instance() {
    let module = slots_module();
    let (mut translator, _) = instance(&module, &slots::small(), INIT).unwrap();
    for action in actions(&module, NEXT, &BTreeMap::new()).unwrap() {
        let formula = translator.formula(NEXT, &action.formula).unwrap().to_string();
        assert!(!formula.contains("(forall") && !formula.contains("(exists"), "{}: {formula}", action.name);
    }
}

#[test]
fn a_solver_that_is_not_there_is_told_with_its_path() {
    let error = prove(&specifications(), Path::new("/nowhere/z3"), 1, &|| false).unwrap_err();
    assert!(error.to_string().contains("/nowhere/z3"), "{error}");
}

#[test]
fn a_solver_of_another_version_is_rejected() {
    let error = prove(&specifications(), Path::new("/bin/echo"), 1, &|| false).unwrap_err();
    assert!(error.to_string().contains(VERSION), "{error}");
}
