//! The table of actions against the sources, and executions as events: what can be checked without Java.

use lastword_protocol::memory::Site;
use lastword_protocol::{ready, slots, status};
use lastword_specs::traces::check::{Set, executions};
use lastword_specs::traces::coverage::{Coverage, instrument};
use lastword_specs::traces::damage::{Damage, Damaged, Numbers, damage};
use lastword_specs::traces::data;
use lastword_specs::traces::event::{Event, action_of};
use lastword_specs::traces::ready::Ready;
use lastword_specs::traces::sets;
use lastword_specs::traces::slots::Slots;
use lastword_specs::traces::status::Status;
use lastword_specs::traces::subject::{Action, Subject};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Sites whose actions are not called as they are, and why.
const EXCEPTIONS: &[(&str, &[&str])] = &[
    // Used at two places of the algorithm.
    ("slots.scan", &["Scan", "Rescan"]),
    ("slots.observe", &["Observe", "Newest"]),
    // A payload of two words.
    ("slots.fill", &["FillFirst", "FillSecond"]),
    ("slots.reread", &["RereadFirst", "RereadSecond"]),
    ("slots.read", &["ReadFirst", "ReadSecond"]),
    ("slots.peek_read", &["PeekFirst", "PeekSecond"]),
    ("ready.fill", &["FillFirst", "FillSecond"]),
    ("ready.read", &["ReadFirst", "ReadSecond"]),
];

/// Actions that are no access.
const SILENT: &[(&str, &[&str])] =
    &[("Slots", &["BeginPublish", "Kill"]), ("Ready", &["Drop", "Kill"]), ("Status", &["Flush", "Kill"])];

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn names(actions: &[Action]) -> BTreeSet<&'static str> {
    actions.iter().map(|action| action.name).collect()
}

fn each(mut check: impl FnMut(&'static str, &'static [Action], &'static str, &'static [&'static Site])) {
    check(Slots::SPECIFICATION, Slots::ACTIONS, Slots::MODULE, &slots::site::SITES);
    check(Ready::SPECIFICATION, Ready::ACTIONS, Ready::MODULE, &ready::site::SITES);
    check(Status::SPECIFICATION, Status::ACTIONS, Status::MODULE, &status::site::SITES);
}

#[test]
fn every_site_is_an_action_of_its_name_or_an_exception() {
    each(|specification, actions, _, sites| {
        for site in sites {
            let of = actions.iter().filter(|action| action.site == Some(site.name)).map(|action| action.name);
            let of: Vec<_> = of.collect();
            match EXCEPTIONS.iter().find(|(name, _)| *name == site.name) {
                Some((_, expected)) => assert_eq!(of, *expected, "{}", site.name),
                None => assert_eq!(of, [action_of(site.name)], "{}", site.name),
            }
        }
        let silent = actions.iter().filter(|action| action.site.is_none()).map(|action| action.name);
        let (_, expected) = SILENT.iter().find(|(name, _)| *name == specification).expect("each is there");
        assert_eq!(silent.collect::<Vec<_>>(), *expected);
        let known: BTreeSet<_> = sites.iter().map(|site| site.name).collect();
        for site in actions.iter().filter_map(|action| action.site) {
            assert!(known.contains(site), "{site} is no site");
        }
    });
}

/// The definitions of a module: name and text, without comments.
fn definitions(module: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in module.lines() {
        let code = line.split("\\*").next().unwrap_or_default();
        let name = &code[..code.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(code.len())];
        if !name.is_empty() && code.contains("==") {
            found.push((name, code.split_once("==").map_or_else(String::new, |(_, text)| text.to_owned())));
        } else if code.starts_with(' ')
            && let Some((_, text)) = found.last_mut()
        {
            text.push('\n');
            text.push_str(code);
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// The actions that a disjunction is made of: what it names, but for sets of processes and words, and other
/// disjunctions.
fn leaves(definitions: &[(&str, String)], name: &str, found: &mut BTreeSet<String>) {
    let (_, text) = definitions.iter().find(|(other, _)| *other == name).unwrap_or_else(|| panic!("{name} is defined"));
    for word in words(text) {
        let Some((next, body)) = definitions.iter().find(|(other, _)| *other == word) else { continue };
        let is_set = body.trim_start().starts_with('{') || body.contains("\\cup") && !body.contains('\'');
        if body.trim_start().starts_with("\\/") {
            leaves(definitions, next, found);
        } else if !is_set {
            found.insert((*next).to_owned());
        }
    }
}

#[test]
fn every_action_of_the_specification_is_in_the_table_and_in_its_trace_module() {
    each(|specification, actions, trace_module, _| {
        let module = file(&format!("tla/{specification}.tla"));
        let mut found = BTreeSet::new();
        leaves(&definitions(&module), "Next", &mut found);
        let table: BTreeSet<_> = names(actions).into_iter().map(str::to_owned).collect();
        assert_eq!(found, table, "{specification}");
        let traces = file(&format!("tla/{trace_module}.tla"));
        for action in table {
            let takes = format!("Is(\"{action}\", ");
            let at = traces.find(&takes).unwrap_or_else(|| panic!("{trace_module} takes {action}"));
            // The action itself, on the same line or on the next.
            let line: Vec<_> = traces[at + takes.len()..].lines().take(2).collect();
            assert!(words(&line.join(" ")).any(|word| word == action), "{trace_module} takes {action} as itself");
        }
    });
}

/// The text of each method of this name.
fn methods<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
    let starts = [format!("fn {name}("), format!("fn {name}<")];
    let at = starts.iter().flat_map(|start| source.match_indices(start.as_str()).map(|(at, _)| at));
    let text = |at: usize| {
        let line = source[..at].rfind('\n').map_or(0, |end| end + 1);
        let indent = source[line..].len() - source[line..].trim_start().len();
        let end = format!("\n{}}}", " ".repeat(indent));
        &source[at..source[at..].find(&end).map_or(source.len(), |end| at + end)]
    };
    at.map(text).collect()
}

#[test]
fn every_method_of_the_table_uses_its_site() {
    each(|specification, actions, _, _| {
        for action in actions.iter().filter(|action| action.method != "any") {
            let (source, method) = action.method.split_once(": ").expect("a file and a method");
            let path = format!("../protocol/src/{}/{source}", specification.to_lowercase());
            let source = file(&path);
            let methods = methods(&source, method);
            assert!(!methods.is_empty(), "{path} has a method {method}");
            let Some(site) = action.site else { continue };
            let constant = format!("site::{}", site.split_once('.').expect("a protocol").1.to_uppercase());
            let is_end = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
            let uses = |text: &&str| {
                text.match_indices(&constant).any(|(at, _)| text[at + constant.len()..].starts_with(is_end))
            };
            assert!(methods.iter().any(uses), "{method} in {path} uses {constant}");
        }
    });
}

#[test]
fn every_place_of_the_table_is_one_of_the_specification() {
    each(|specification, actions, _, _| {
        let module = file(&format!("tla/{specification}.tla"));
        for action in actions {
            for place in action.places {
                assert!(module.contains(&format!("\"{place}\"")), "{specification} knows the place {place}");
            }
        }
    });
}

#[test]
fn the_guide_has_every_action() {
    let guide = file("traces.md");
    each(|specification, actions, _, _| {
        for action in actions {
            let site = action.site.map_or_else(|| "none".to_owned(), |site| format!("`{site}`"));
            let row = format!("| `{}` | {site} | `{}` |", action.name, action.method);
            assert!(guide.contains(&row), "{specification}: the guide has the row {row}");
        }
    });
}

fn all<S: Subject>(sets: &[Set<S::Scenario>]) {
    let mut taken = BTreeSet::new();
    for set in sets.iter().filter(|set| set.is_part_of(true)) {
        let (count, traces) = executions::<S>(set, true).unwrap_or_else(|error| panic!("{error}"));
        assert!(count >= traces.len() && !traces.is_empty(), "{}", set.name);
        taken.extend(traces.iter().flat_map(|(_, events)| events).map(|event| event.action));
    }
    assert_eq!(taken, names(S::ACTIONS), "every action is taken");
}

#[test]
fn the_executions_take_every_action() {
    all::<Slots>(sets::SLOTS);
    all::<Ready>(sets::READY);
    all::<Status>(sets::STATUS);
}

#[test]
fn damage_is_the_same_for_a_seed_and_never_drops_what_changes_nothing() {
    for set in sets::SLOTS.iter().filter(|set| set.is_part_of(true)) {
        let (_, traces) = executions::<Slots>(set, true).unwrap_or_else(|error| panic!("{error}"));
        for (scenario, events) in &traces {
            let scenario = &set.scenarios[*scenario].0;
            for kind in Damage::ALL {
                let once = damage::<Slots>(scenario, events, kind, &mut Numbers(7));
                let again = damage::<Slots>(scenario, events, kind, &mut Numbers(7));
                assert_eq!(once.as_ref().map(|of| &of.events), again.as_ref().map(|of| &of.events));
                let Some(Damaged { at, events: damaged, .. }) = once else { continue };
                assert_ne!(*events, damaged, "{}", kind.name());
                if kind == Damage::Dropped {
                    assert!(!["Newest", "Kill"].contains(&events[at].action), "{:?}", events[at]);
                }
            }
        }
    }
}

#[test]
fn traces_are_made_of_the_numbers_of_their_different_events() {
    let (kill, begin) = (Event::kill(1), Event::silent(0, "BeginPublish"));
    let traces = [vec![kill, begin, kill], vec![begin]];
    let text = data::module(traces.iter().map(|trace| &trace[..]), "Sent == {}", 4);
    assert_eq!(text.matches("action |->").count(), 2);
    assert!(text.contains("<<1,2,1>>,\n<<2>>"), "{text}");
    assert!(text.contains("Stop == 4\nSent == {}\n===="), "{text}");
}

const MODULE: &str = "\
---- MODULE Small ----
EXTENDS Naturals
VARIABLE x
Go(next) == x' = next
First == Go(IF x = 1 THEN 2 ELSE 3)
Second ==
    /\\ x = 2
    /\\ IF x > 1
       THEN x' = x + 1
       ELSE Go(4)
Next == First \\/ Second
Inv == IF x = 9 THEN TRUE ELSE FALSE
====
";

/// What TLC prints of it, with these counts.
fn printed(second: [u64; 4], branches: &[usize]) -> String {
    let said: String = branches.iter().map(|number| format!("<<\"branch\", {number}>>\n")).collect();
    let [whole, test, then, other] = second;
    format!(
        "{said}The coverage statistics at 2026\n  line 5, col 10 to line 5, col 60 of module Small: 7\n\
         <Second line 6, col 1 to line 6, col 6 of module Small>: 1:1\n\
         \x20 line 7, col 8 to line 7, col 12 of module Small: {whole}\n\
         \x20 |line 8, col 11 to line 8, col 15 of module Small: {test}\n\
         \x20 line 9, col 13 to line 9, col 22 of module Small: {then}:12\n\
         \x20 line 10, col 13 to line 10, col 30 of module Small: {other}\n"
    )
}

#[test]
fn each_simple_branch_is_marked_and_lines_stay_where_they_are() {
    let instrumented = instrument(MODULE).text;
    assert_eq!(instrumented.lines().count(), MODULE.lines().count());
    let line = |number: usize| instrumented.lines().nth(number - 1).unwrap_or_default();
    assert!(line(2).starts_with("EXTENDS Naturals, TLC ASSUME"));
    assert_eq!(line(5), "First == Go(IF x = 1 THEN Branch(1001, 2) ELSE Branch(1002, 3))");
    assert_eq!(line(9), "       THEN x' = x + 1");
    assert_eq!(line(10), "       ELSE Branch(1003, Go(4))");
}

#[test]
fn what_was_never_evaluated_in_any_run_is_uncovered() {
    let instrumented = instrument(MODULE);
    let mut coverage = Coverage::default();
    coverage.add(&printed([5, 5, 5, 0], &[1001]), &instrumented, "Small");
    let lines = |coverage: &Coverage| -> Vec<String> {
        coverage.uncovered().1.iter().map(|part| part.split(',').next().unwrap_or_default().to_owned()).collect()
    };
    // The invariant's branches are none of an action's.
    assert_eq!(lines(&coverage), ["line 5", "line 10"]);
    coverage.add(&printed([5, 5, 0, 5], &[1002, 1003]), &instrumented, "Small");
    assert_eq!(lines(&coverage), [""; 0]);
}
