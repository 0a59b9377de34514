//! `slots`: its executions as events of `Slots.tla`, by the layout of its words as documented.

use super::event::{Event, Place, Value, action_of};
use super::subject::{Action, Options, Subject};
use lastword_protocol::memory::Numbering;
use lastword_protocol::model::Scenario as _;
use lastword_protocol::model::slots::{Op, PEEK_ATTEMPTS, Scenario};
use lastword_protocol::slots::{Layout, Word};
use lastword_sim::memory::POISON;
use lastword_sim::trace::{Facts, Line, Place as Cell, What};

/// The protocol `slots`.
#[derive(Clone, Copy, Debug)]
pub struct Slots;

/// Length in bytes of every message: two words of payload.
pub const MESSAGE_LENGTH: u8 = 16;

const PRODUCER: usize = 0;

const IDLE: &[&str] = &["idle"];
const RESTING: &[&str] = &["idle", "holding"];
const PEEKS: &[&str] = &["dead", "idle", "peeked", "peek"];
const ALIVE: &[&str] = &[
    "abandon",
    "announce",
    "asleep",
    "catch_up",
    "claim",
    "doze",
    "fill_first",
    "fill_second",
    "help",
    "hold",
    "holding",
    "idle",
    "length",
    "measure",
    "peek",
    "peek_fence",
    "peek_first",
    "peek_length",
    "peek_second",
    "peek_verify",
    "peeked",
    "publish",
    "read_second",
    "recheck",
    "reread_first",
    "reread_length",
    "reread_second",
    "rescan",
    "resume_wake",
    "retire",
    "retire_fence",
    "scan",
    "seal",
    "settle",
    "sleep",
    "sleepers",
    "verify",
    "wake",
];

const ACTIONS: &[Action] = &[
    Action::of("Resume", "slots.resume", "producer", "producer.rs: recover", &["dead"]),
    Action::of("ResumeWake", "slots.resume_wake", "producer", "producer.rs: recover", &["resume_wake"]),
    Action { name: "BeginPublish", site: None, method: "producer.rs: publish", places: IDLE, role: "producer" },
    Action::of("Scan", "slots.scan", "producer", "producer.rs: scan", &["scan"]),
    Action::of("Help", "slots.help", "producer", "producer.rs: scan", &["help"]),
    Action::of("Rescan", "slots.scan", "producer", "producer.rs: scan", &["rescan"]),
    Action::of("Retire", "slots.retire", "producer", "producer.rs: loan", &["retire"]),
    Action::of("RetireFence", "slots.retire_fence", "producer", "producer.rs: loan", &["retire_fence"]),
    Action::of("FillFirst", "slots.fill", "producer", "producer.rs: publish", &["fill_first"]),
    Action::of("FillSecond", "slots.fill", "producer", "producer.rs: publish", &["fill_second"]),
    Action::of("Measure", "slots.measure", "producer", "producer.rs: publish", &["measure"]),
    Action::of("Seal", "slots.seal", "producer", "producer.rs: publish", &["seal"]),
    Action::of("Publish", "slots.publish", "producer", "producer.rs: publish", &["publish"]),
    Action::of("Sleepers", "slots.sleepers", "producer", "producer.rs: wake_sleepers", &["sleepers"]),
    Action::of("Wake", "slots.wake", "producer", "producer.rs: wake_sleepers", &["wake"]),
    Action::of("RereadSequence", "slots.reread_sequence", "producer", "producer.rs: last_length", IDLE),
    Action::of("RereadLength", "slots.reread_length", "producer", "producer.rs: last_length", &["reread_length"]),
    Action::of("RereadFirst", "slots.reread", "producer", "producer.rs: read_last", &["reread_first"]),
    Action::of("RereadSecond", "slots.reread", "producer", "producer.rs: read_last", &["reread_second"]),
    Action::of("Recover", "slots.recover", "consumer", "consumer.rs: recover", &["dead"]),
    Action::of("Abandon", "slots.abandon", "consumer", "consumer.rs: recover", &["abandon"]),
    Action::of("Observe", "slots.observe", "consumer", "consumer.rs: acquire", RESTING),
    Action::of("Newest", "slots.observe", "consumer", "consumer.rs: newest", RESTING),
    Action::of("Announce", "slots.announce", "consumer", "consumer.rs: lock", &["announce"]),
    Action::of("Recheck", "slots.recheck", "consumer", "consumer.rs: lock", &["recheck"]),
    Action::of("Hold", "slots.hold", "consumer", "consumer.rs: lock", &["hold"]),
    Action::of("Claim", "slots.claim", "consumer", "consumer.rs: lock", &["claim"]),
    Action::of("CatchUp", "slots.catch_up", "consumer", "consumer.rs: lock", &["catch_up"]),
    Action::of("Settle", "slots.settle", "consumer", "consumer.rs: lock", &["settle"]),
    Action::of("Verify", "slots.verify", "consumer", "consumer.rs: measure", &["verify"]),
    Action::of("Length", "slots.length", "consumer", "consumer.rs: measure", &["length"]),
    Action::of("ReadFirst", "slots.read", "consumer", "consumer.rs: read", &["holding"]),
    Action::of("ReadSecond", "slots.read", "consumer", "consumer.rs: read", &["read_second"]),
    Action::of("Release", "slots.release", "consumer", "consumer.rs: release", &["holding"]),
    Action::of("Look", "slots.look", "consumer", "waiter.rs: doze", RESTING),
    Action::of("Doze", "slots.doze", "consumer", "waiter.rs: doze", &["doze"]),
    Action::of("Sleep", "slots.sleep", "consumer", "waiter.rs: sleep", &["sleep"]),
    Action::of("Peek", "slots.peek", "observer", "observer.rs: newest", PEEKS),
    Action::of("PeekLength", "slots.peek_length", "observer", "observer.rs: peek", &["peek_length"]),
    Action::of("PeekFirst", "slots.peek_read", "observer", "observer.rs: peek", &["peek_first"]),
    Action::of("PeekSecond", "slots.peek_read", "observer", "observer.rs: peek", &["peek_second"]),
    Action::of("PeekFence", "slots.peek_fence", "observer", "observer.rs: peek", &["peek_fence"]),
    Action::of("PeekVerify", "slots.peek_verify", "observer", "observer.rs: peek", &["peek_verify"]),
    Action { name: super::event::KILL, site: None, method: "any", places: ALIVE, role: "any" },
];

impl Subject for Slots {
    type Scenario = Scenario<'static>;

    const MODULE: &'static str = "TraceSlots";
    const SPECIFICATION: &'static str = "Slots";
    const ACTIONS: &'static [Action] = ACTIONS;
    // Stores to the others are Relaxed.
    const CERTAIN: &'static [&'static str] = &["latest", "lock"];
    const UNSEEN: &'static [(&'static str, &'static str)] =
        &[("no release", "as if the consumer had never been asked to release: no event says that it was")];

    fn events(scenario: &Scenario<'static>, lines: &[Line]) -> Result<Vec<Event>, String> {
        covered(scenario)?;
        let mut reader = Reader::new(scenario);
        for line in lines {
            reader.read(line)?;
        }
        Ok(reader.events)
    }

    fn constants(scenario: &Scenario<'static>, options: Options) -> Vec<String> {
        let consumers = usize::from(scenario.consumers);
        let sleeping = (1..=consumers).filter(|&process| scenario.sleeps(process));
        vec![
            format!("Consumers = {}", set(1..=consumers)),
            format!("Observers = {}", set(consumers + 1..scenario.processes.len())),
            format!("Producer = {PRODUCER}"),
            format!("Slots = {}", set(0..consumers + 2)),
            format!("Sleeping = {}", set(sleeping)),
            format!("Attempts = {PEEK_ATTEMPTS}"),
            format!("Leaves = \"{}\"", options.leaves),
            format!("InOrder = {}", boolean(options.in_order)),
        ]
    }

    fn role(scenario: &Scenario<'static>, process: usize) -> &'static str {
        scenario.role(process)
    }
}

/// Numbers as a set of TLA+.
pub fn set(numbers: impl Iterator<Item = usize>) -> String {
    let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(", "))
}

/// A truth value of TLA+.
pub fn boolean(value: bool) -> &'static str {
    if value { "TRUE" } else { "FALSE" }
}

/// Whether the specification has all that the scenario does.
fn covered(scenario: &Scenario<'_>) -> Result<(), String> {
    let foreign = |op: &&Op| match op {
        Op::Publish(length) => *length != MESSAGE_LENGTH,
        Op::PublishInPlace(_) | Op::AbandonLoan(_) => true,
        _ => false,
    };
    match scenario.processes.iter().copied().flatten().find(foreign) {
        Some(op) => Err(format!("{op:?} is none of the specification's operations")),
        None if scenario.genesis.is_some() => Err("the specification begins without a message".to_owned()),
        None => Ok(()),
    }
}

/// Makes events of lines.
struct Reader {
    layout: Layout,
    events: Vec<Event>,
    /// For each process its last event since it last died.
    last: Vec<Option<Event>>,
    /// For each process whether what it does is an acquire.
    acquires: Vec<bool>,
}

impl Reader {
    fn new(scenario: &Scenario<'_>) -> Self {
        let processes = scenario.processes.len();
        Self {
            layout: scenario.layout(),
            events: Vec::new(),
            last: vec![None; processes],
            acquires: vec![false; processes],
        }
    }

    fn read(&mut self, line: &Line) -> Result<(), String> {
        let by = line.process;
        match &line.what {
            What::Access { site, facts, .. } => {
                let event = self.event(by, site.name, facts)?;
                self.add(event);
            }
            // A process that has made no access since it last died is as dead as before.
            What::Dies { .. } if self.last[by].take().is_some() => self.events.push(Event::kill(by)),
            What::Tells { event, .. } => {
                if event.starts_with("BeginPublish") {
                    self.add(Event::silent(by, "BeginPublish"));
                }
                self.acquires[by] = event.starts_with("BeginAcquire");
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, event: Event) {
        self.last[event.by] = Some(event);
        self.events.push(event);
    }

    fn event(&self, by: usize, site: &'static str, facts: &Facts) -> Result<Event, String> {
        let on = self.place(facts.place)?;
        let value = |bits: Option<u64>| bits.map_or(Ok(Value::NONE), |bits| decode(on, bits));
        let (found, stored) = (value(facts.found)?, value(facts.stored)?);
        let name = self.action(by, site, on);
        let action = ACTIONS.iter().find(|action| action.name == name && action.site == Some(site));
        let action = action.ok_or_else(|| format!("{site} would be {name}, which is no action"))?.name;
        Ok(Event { by, action, on, found, stored })
    }

    /// The action that an access is. Sites with two actions are told apart here.
    fn action(&self, by: usize, site: &'static str, on: Place) -> String {
        let half = |name: &str| format!("{name}{}", if on.0 == "first" { "First" } else { "Second" });
        let helped = self.last[by].is_some_and(|last| last.action == "Help" && last.stored == Value::NONE);
        match site {
            "slots.scan" if helped => "Rescan".to_owned(),
            "slots.observe" if !self.acquires[by] => "Newest".to_owned(),
            "slots.fill" => half("Fill"),
            "slots.reread" => half("Reread"),
            "slots.read" => half("Read"),
            "slots.peek_read" => half("Peek"),
            site => action_of(site),
        }
    }

    fn place(&self, cell: Option<Cell>) -> Result<Place, String> {
        Ok(match cell {
            None => Place::NONE,
            Some(Cell::Payload { area, index: 0 }) => Place("first", area),
            Some(Cell::Payload { area, index: 1 }) => Place("second", area),
            Some(Cell::Payload { index, .. }) => return Err(format!("a message has two words, and this is {index}")),
            Some(Cell::Word(number)) => match self.layout.word(number) {
                None => return Err(format!("there is no word {number}")),
                Some(Word::Latest) => Place("latest", 0),
                // Consumers are numbered from 1: the producer is process 0.
                Some(Word::Lock(consumer)) => Place("lock", 1 + usize::from(consumer)),
                Some(Word::Wait(consumer)) => Place("wait", 1 + usize::from(consumer)),
                Some(Word::Sequence(slot)) => Place("sequence", slot.into()),
                Some(Word::Length(slot)) => Place("length", slot.into()),
            },
        })
    }
}

/// A word's value, by the layout that `slots::word` documents and by nothing of its code.
pub(super) fn decode(on: Place, bits: u64) -> Result<Value, String> {
    let (tag, sequence, slot) = (bits >> 62, bits >> 8 & ((1 << 54) - 1), bits & 0xff);
    let bad = || Err(format!("{}[{}] has {bits:#x}, which is no value of it", on.0, on.1));
    let stamp = |kind| if sequence == 0 { bad() } else { Ok(Value(kind, sequence, slot)) };
    match (on.0, tag) {
        ("latest", _) if bits == 0 => Ok(Value("stamp", 0, 0)),
        ("latest", 0) => stamp("stamp"),
        ("lock", 0) if bits == 0 => Ok(Value("free", 0, 0)),
        ("lock", 1) if sequence == 0 && slot == 0 => Ok(Value("claim", 0, 0)),
        ("lock", 2) => stamp("tentative"),
        ("lock", 3) => stamp("held"),
        ("wait", 0) if bits == 0 => Ok(Value("never", 0, 0)),
        ("wait", 2) => Ok(Value("asleep", sequence, slot)),
        ("sequence", 0) => Ok(Value("number", bits, 0)),
        ("length", 0) => Ok(Value("bytes", bits, 0)),
        ("first" | "second", _) => content(on.0, bits).map_or_else(bad, Ok),
        _ => bad(),
    }
}

/// A word of a payload: which attempt at which message it is of, as `model::fill` writes it.
fn content(kind: &'static str, bits: u64) -> Option<Value> {
    let index = match kind {
        "first" => 1,
        _ => 2,
    };
    let attempt = bits >> 32;
    match bits {
        0 => Some(Value(kind, 0, 0)),
        // A copy that was cut short has left neither the old word nor the new one.
        POISON => Some(Value(kind, 0, 1)),
        _ if bits & u64::from(u32::MAX) == index && attempt >> 8 > 0 => Some(Value(kind, attempt >> 8, attempt & 0xff)),
        _ => None,
    }
}
