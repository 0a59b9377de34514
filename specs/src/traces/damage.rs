//! Executions that cannot be: genuine ones, damaged.
//!
//! A check that accepts everything checks nothing. So beside each genuine trace damaged ones are tried, and each of
//! them has to be rejected. Damage could by chance give another legal behaviour (two neighbours that have nothing to do
//! with each other change places, a reading that changes nothing is dropped). So only damage is done that cannot, by
//! these arguments. In all of them, *place* is the value of `pc[p]`, and each action has the places at which it is
//! allowed ([`Action::places`]). A process leaves its place only by an event of its own; or when it is woken, and the
//! place "asleep" allows nothing but a death.
//!
//! - **An event is dropped**, where none of its places allows the next event of its process. The process was at one of
//!   these places, and without the event it still is when its next one comes.
//! - **An event is given to another process**, where it could be dropped: its own process is without it.
//! - **An event's action is changed** to one of the same role that none of the event's places allows.
//! - **A kill is left out**, where the next event of its process is the first of a recovery, which is allowed to the
//!   dead only: a kill is of a process that is not dead. Or where the event before it leaves the process at a place
//!   ([`Subject::leaves`]) that does not allow the next one.
//! - **Two neighbours change places**, of one process where the second is not allowed at any place of the first (as
//!   above, and nobody dead makes an access but a recovery); of two where one stores to a word and the other finds
//!   something there: in the other order it would find something else. The word is one that no kill leaves open, and
//!   the store changed it, by what the trace says was there before.
//! - **A value found is changed**, in a word that no kill leaves open to any other value, in another word to a value
//!   that nobody ever stores.
//! - **A value stored is changed.** What is stored follows from the process's state. Where it does not (which message
//!   is sent), to a value that nobody ever stores.

use super::event::{Event, Place, Value};
use super::subject::{Action, Subject};

/// What is done to a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    /// An event is dropped.
    Dropped,
    /// Two neighbours change places.
    Swapped,
    /// Another value is found.
    Found,
    /// Another value is stored.
    Stored,
    /// Another process does it.
    Process,
    /// It is another action.
    Action,
    /// A death is left out.
    KillLeftOut,
}

impl Damage {
    /// Every kind.
    pub const ALL: [Damage; 7] = [
        Damage::Dropped,
        Damage::Swapped,
        Damage::Found,
        Damage::Stored,
        Damage::Process,
        Damage::Action,
        Damage::KillLeftOut,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Damage::Dropped => "an event dropped",
            Damage::Swapped => "neighbours swapped",
            Damage::Found => "a value found changed",
            Damage::Stored => "a value stored changed",
            Damage::Process => "a process changed",
            Damage::Action => "an action changed",
            Damage::KillLeftOut => "a kill left out",
        }
    }
}

/// A damaged trace.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// What was done.
    pub damage: Damage,
    /// To which event, from 0.
    pub at: usize,
    /// What is left.
    pub events: Vec<Event>,
}

/// Numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())]) }
    }
}

/// More than any number that a scenario comes to.
const FAR: u64 = 1000;

/// Does this damage to a trace, somewhere; `None` where it can be done nowhere.
pub fn damage<S: Subject>(
    scenario: &S::Scenario,
    trace: &[Event],
    damage: Damage,
    numbers: &mut Numbers,
) -> Option<Damaged> {
    let trace = Trace::<S> { scenario, events: trace, subject: std::marker::PhantomData };
    let possible: Vec<usize> = (0..trace.events.len()).filter(|&at| trace.can_be(damage, at)).collect();
    let at = numbers.pick(&possible)?;
    let mut events = trace.events.to_vec();
    match damage {
        Damage::Dropped | Damage::KillLeftOut => drop(events.remove(at)),
        Damage::Swapped => events.swap(at, at + 1),
        Damage::Found => events[at].found = trace.other_value(at, events[at].found, numbers),
        Damage::Stored => events[at].stored = trace.other_value(at, events[at].stored, numbers),
        Damage::Process => events[at].by = numbers.pick(&trace.other_processes(at))?,
        Damage::Action => events[at].action = numbers.pick(&trace.other_actions(at))?,
    }
    Some(Damaged { damage, at, events })
}

struct Trace<'a, S: Subject> {
    scenario: &'a S::Scenario,
    events: &'a [Event],
    subject: std::marker::PhantomData<S>,
}

impl<S: Subject> Trace<'_, S> {
    fn action(&self, at: usize) -> Option<&'static Action> {
        S::action(self.events[at].action)
    }

    /// The next event of the same process.
    fn next(&self, at: usize) -> Option<&'static Action> {
        let by = self.events[at].by;
        self.events[at + 1..].iter().find(|event| event.by == by).and_then(|event| S::action(event.action))
    }

    fn can_be(&self, damage: Damage, at: usize) -> bool {
        let event = &self.events[at];
        let Some(action) = self.action(at) else { return false };
        match damage {
            Damage::Dropped => self.is_missed(at),
            Damage::Process => self.is_missed(at) && !self.other_processes(at).is_empty(),
            Damage::Swapped => at + 1 < self.events.len() && self.are_ordered(at),
            Damage::Found => event.found != Value::NONE,
            Damage::Stored => event.stored != Value::NONE,
            Damage::Action => !self.other_actions(at).is_empty(),
            Damage::KillLeftOut => action.is_kill() && self.is_death_missed(at),
        }
    }

    /// Whether the event's process cannot go on without it.
    fn is_missed(&self, at: usize) -> bool {
        let (Some(action), Some(next)) = (self.action(at), self.next(at)) else { return false };
        !action.is_kill() && !next.is_kill() && !action.meets(next)
    }

    /// Whether the event's process cannot go on without having died.
    fn is_death_missed(&self, at: usize) -> bool {
        let Some(next) = self.next(at) else { return false };
        let by = self.events[at].by;
        // What anybody may do anywhere tells nothing.
        let own =
            self.events[..at].iter().rev().filter(|event| event.by == by).filter_map(|event| {
                S::action(event.action).filter(|action| !action.is_kill() && !action.is_anywhere())
            });
        let left = own.map(|action| S::leaves(action.name)).next().flatten();
        next.is_recovery() || left.is_some_and(|left| !left.iter().any(|place| next.places.contains(place)))
    }

    /// Whether an event and the next one cannot change places.
    fn are_ordered(&self, at: usize) -> bool {
        let (first, second) = (&self.events[at], &self.events[at + 1]);
        let (Some(one), Some(other)) = (self.action(at), self.action(at + 1)) else { return false };
        if first.by == second.by {
            return match (one.is_kill(), other.is_kill()) {
                (true, _) => other.is_recovery(),
                (false, true) => !one.places.contains(&"dead"),
                (false, false) => !one.meets(other),
            };
        }
        if first.on != second.on || !S::CERTAIN.contains(&first.on.0) {
            return false;
        }
        let finds_the_store = first.stored != Value::NONE
            && second.found == first.stored
            && self.before(at).is_some_and(|before| before != first.stored);
        let finds_what_was_before = first.found != Value::NONE
            && first.stored == Value::NONE
            && second.stored != Value::NONE
            && second.stored != first.found;
        finds_the_store || finds_what_was_before
    }

    /// What the trace says was in the event's word before it.
    fn before(&self, at: usize) -> Option<Value> {
        if self.events[at].found != Value::NONE {
            return Some(self.events[at].found);
        }
        let on = self.events[at].on;
        self.events[..at].iter().rev().find(|event| event.on == on).and_then(left)
    }

    fn other_value(&self, at: usize, value: Value, numbers: &mut Numbers) -> Value {
        let on: Place = self.events[at].on;
        if S::CERTAIN.contains(&on.0) {
            let there = self.events.iter().filter(|event| event.on == on).filter_map(left);
            let others: Vec<_> = there.filter(|&other| other != value).collect();
            if let Some(other) = numbers.pick(&others) {
                return other;
            }
        }
        Value(value.0, value.1 + FAR, value.2)
    }

    fn other_processes(&self, at: usize) -> Vec<usize> {
        let by = self.events[at].by;
        let role = S::role(self.scenario, by);
        let others = |alike: bool| {
            let all = 0..lastword_protocol::model::Scenario::processes(self.scenario);
            all.filter(|&other| other != by && (S::role(self.scenario, other) == role) == alike).collect::<Vec<_>>()
        };
        let alike = others(true);
        if alike.is_empty() { others(false) } else { alike }
    }

    fn other_actions(&self, at: usize) -> Vec<&'static str> {
        let role = S::role(self.scenario, self.events[at].by);
        let Some(action) = self.action(at) else { return Vec::new() };
        let others = S::ACTIONS.iter().filter(|other| other.role == role && !other.is_kill() && !other.meets(action));
        others.map(|other| other.name).collect()
    }
}

/// What is in an event's word after it.
fn left(event: &Event) -> Option<Value> {
    [event.stored, event.found].into_iter().find(|&value| value != Value::NONE)
}
