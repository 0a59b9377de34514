//! What there is to know of a protocol to check its executions.

use super::event::{Event, KILL};
use lastword_protocol::model::Scenario;
use lastword_sim::trace::Line;

/// An action of a specification, of which several may stand for one site.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// The site that it is, by its name in the protocol's table; none where it is no access.
    pub site: Option<&'static str>,
    /// The method of the code that makes the access, as `File::method`.
    pub method: &'static str,
    /// The values of its process's `pc` at which the specification allows it.
    pub places: &'static [&'static str],
    /// The role whose processes take it.
    pub role: &'static str,
}

impl Action {
    /// An action whose name is its site's, in CamelCase or not.
    pub const fn of(
        name: &'static str,
        site: &'static str,
        role: &'static str,
        method: &'static str,
        places: &'static [&'static str],
    ) -> Self {
        Self { name, site: Some(site), method, places, role }
    }

    /// Whether there is a place at which both are allowed.
    pub fn meets(&self, other: &Action) -> bool {
        self.places.iter().any(|place| other.places.contains(place))
    }

    /// Whether it begins with a dead process, and with no other.
    pub fn is_recovery(&self) -> bool {
        self.places == ["dead"]
    }

    /// Whether it is allowed to the dead and to those who are not: it moves nobody.
    pub fn is_anywhere(&self) -> bool {
        self.places.contains(&"dead") && self.places.contains(&"idle") && self.site.is_none()
    }

    /// Whether it is a death.
    pub fn is_kill(&self) -> bool {
        self.name == KILL
    }
}

/// Why a broken step is not seen in a trace.
pub(super) const STOPPED: &str =
    "an oracle of the simulator ends the execution before an access that the specification does not allow";

/// A protocol, its specification and its scenarios.
pub trait Subject {
    /// The protocol's scenarios.
    type Scenario: Scenario + Clone + 'static;

    /// The module that accepts its traces.
    const MODULE: &'static str;
    /// The module of the algorithm.
    const SPECIFICATION: &'static str;
    /// Every action, the death last.
    const ACTIONS: &'static [Action];
    /// Words that nobody but a store of this execution can have changed, by their [place](super::event::Place): what is
    /// in them is never open, whatever a kill may undo.
    const CERTAIN: &'static [&'static str];

    /// Broken variants of the code whose executions are all behaviours of the specification, and why.
    const UNSEEN: &'static [(&'static str, &'static str)];

    /// What happened in an execution, as events.
    ///
    /// # Errors
    /// A word has a value that the protocol does not have, or the scenario is not one that the specification covers.
    fn events(scenario: &Self::Scenario, lines: &[Line]) -> Result<Vec<Event>, String>;

    /// The constants of the specification for a scenario, as lines of a configuration.
    fn constants(scenario: &Self::Scenario, options: Options) -> Vec<String>;

    /// What a process is, by the roles of [`Action::role`].
    fn role(scenario: &Self::Scenario, process: usize) -> &'static str;

    /// What the trace module needs to know beside the traces, as definitions.
    fn definitions(traces: &mut dyn Iterator<Item = &[Event]>) -> String {
        let _ = traces;
        String::new()
    }

    /// The places that an action leaves its process at, where a death is told by them.
    fn leaves(action: &str) -> Option<&'static [&'static str]> {
        let _ = action;
        None
    }

    /// The action of this name.
    fn action(name: &str) -> Option<&'static Action> {
        Self::ACTIONS.iter().find(|action| action.name == name)
    }
}

/// What a specification leaves to choose, and executions do too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Options {
    /// What a kill leaves of stores that nothing has ordered yet: the constant `Leaves`.
    pub leaves: &'static str,
    /// Whether the specification goes in the code's order, or in any.
    pub in_order: bool,
}

impl Options {
    /// As strict as the code is, with everything that a kill can do.
    pub const STRICT: Self = Self { leaves: "any", in_order: true };
    /// A kill may leave anything, which nobody looks at: not for executions with observers.
    pub const GARBAGE: Self = Self { leaves: "garbage", in_order: true };
    /// A kill undoes nothing, and the specification may go in any order.
    pub const ANY_ORDER: Self = Self { leaves: "all", in_order: false };

    /// Whether the executions too are of a memory that loses stores.
    pub fn loses_stores(self) -> bool {
        self.leaves != "all"
    }
}
