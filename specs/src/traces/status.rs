//! `status`: its executions as events of `Status.tla`.

use super::event::{Event, KILL, Place, Value, action_of};
use super::slots::set;
use super::subject::{Action, Options, STOPPED, Subject};
use lastword_protocol::model::Scenario as _;
use lastword_protocol::model::status::{Scenario, VALUES_MAX};
use lastword_sim::trace::{Facts, Line, Place as Cell, What};

/// The protocol `status`.
#[derive(Clone, Copy, Debug)]
pub struct Status;

const WRITER: usize = 0;
const ALIVE: &[&str] = &["restore", "idle"];
const ANYWHERE: &[&str] = &["dead", "restore", "idle"];

const ACTIONS: &[Action] = &[
    Action::of("Restore", "status.restore", "writer", "mod.rs: get", &["dead", "restore"]),
    Action::of("Set", "status.set", "writer", "mod.rs: set", &["idle"]),
    // The processor does it, whatever the writer does.
    Action { name: "Flush", site: None, method: "any", places: ANYWHERE, role: "writer" },
    Action::of("Get", "status.get", "monitor", "mod.rs: get", &["dead", "idle"]),
    Action { name: KILL, site: None, method: "any", places: ALIVE, role: "any" },
];

impl Subject for Status {
    type Scenario = Scenario<'static>;

    const MODULE: &'static str = "TraceStatus";
    const SPECIFICATION: &'static str = "Status";
    const ACTIONS: &'static [Action] = ACTIONS;
    // In memory; not in a buffer.
    const CERTAIN: &'static [&'static str] = &["word"];
    const UNSEEN: &'static [(&'static str, &'static str)] = &[
        ("a word is never stored", "as if the writer had never been asked to: no event says that it was"),
        ("a restarted writer begins anew", STOPPED),
    ];

    fn events(scenario: &Scenario<'static>, lines: &[Line]) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        let mut has_acted = vec![false; scenario.processes()];
        for line in lines {
            let by = line.process;
            match &line.what {
                What::Access { site, facts, .. } => {
                    has_acted[by] = true;
                    let name = action_of(site.name);
                    let action = ACTIONS.iter().find(|action| action.name == name && action.site == Some(site.name));
                    let action = action.ok_or_else(|| format!("{} would be {name}, which is no action", site.name))?;
                    events.push(event(by, action.name, facts)?);
                }
                What::Flushes { facts, .. } => events.push(event(by, "Flush", facts)?),
                // A process that has made no access since it last died is as dead as before.
                What::Dies { .. } if std::mem::take(&mut has_acted[by]) => events.push(Event::kill(by)),
                _ => {}
            }
        }
        Ok(events)
    }

    fn constants(scenario: &Scenario<'static>, _: Options) -> Vec<String> {
        let monitors: Vec<_> = (1..scenario.processes()).map(|number| format!("\"monitor {number}\"")).collect();
        vec![
            format!("Words = {}", set(0..scenario.words.into())),
            format!("Monitors = {{{}}}", monitors.join(", ")),
            format!("LastValue = {VALUES_MAX}"),
        ]
    }

    fn role(scenario: &Scenario<'static>, process: usize) -> &'static str {
        scenario.role(process)
    }

    fn leaves(action: &str) -> Option<&'static [&'static str]> {
        (action == "Set").then_some(&["idle"])
    }
}

fn event(by: usize, action: &'static str, facts: &Facts) -> Result<Event, String> {
    let Some(Cell::Word(number)) = facts.place else { return Err(format!("{action} is of no word")) };
    // A value set is in the writer's buffer until that is flushed.
    let on = Place(if action == "Set" { "buffer" } else { "word" }, number);
    let value = |bits: Option<u64>| bits.map_or(Value::NONE, |bits| Value("halves", bits >> 32, bits & 0xffff_ffff));
    let event = Event { by, action, on, found: value(facts.found), stored: value(facts.stored) };
    if by == WRITER || action == "Get" { Ok(event) } else { Err(format!("{action} is of the writer only")) }
}
