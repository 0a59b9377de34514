//! `ready`: its executions as events of `Ready.tla`, by the layout of its words as documented.

use super::event::{Event, KILL, Place, Value, action_of};
use super::subject::{Action, Options, STOPPED, Subject};
use lastword_protocol::memory::Numbering;
use lastword_protocol::model::Scenario as _;
use lastword_protocol::model::ready::{Op, Scenario};
use lastword_protocol::ready::{Layout, Word};
use lastword_protocol::sequence::Sequence;
use lastword_sim::memory::POISON;
use lastword_sim::trace::{Facts, Line, Place as Cell, What};
use std::collections::BTreeSet;

/// The protocol `ready`.
#[derive(Clone, Copy, Debug)]
pub struct Ready;

const WRITER: usize = 0;
/// Stands for 2^54 - 1, the last sequence number, which is too large for TLC.
const LAST_NUMBER: u64 = 1000;
/// Stands for a word of 64 bits that are set, which an abandoned loan writes.
const ONES: u64 = 2;

const ALIVE: &[&str] = &[
    "asleep",
    "fill",
    "idle",
    "length",
    "measure",
    "read_second",
    "reader_asleep",
    "reader_doze",
    "reader_recover_wake",
    "reader_sleep",
    "send",
    "wake_reader",
    "wake_writer",
    "writer_asleep",
    "writer_doze",
    "writer_recover_wake",
    "writer_sleep",
];

const ACTIONS: &[Action] = &[
    Action::of("WriterRecover", "ready.writer_recover", "writer", "mod.rs: recover", &["dead"]),
    Action::of("WriterRecoverWake", "ready.writer_recover_wake", "writer", "mod.rs: recover", &["writer_recover_wake"]),
    Action::of("Look", "ready.look", "writer", "mod.rs: try_loan", &["idle"]),
    Action::of("FillFirst", "ready.fill", "writer", "mod.rs: try_send", &["fill"]),
    Action::of("FillSecond", "ready.fill", "writer", "mod.rs: try_send", &["fill"]),
    Action { name: "Drop", site: None, method: "mod.rs: try_loan", places: &["fill", "measure"], role: "writer" },
    Action::of("Measure", "ready.measure", "writer", "mod.rs: send", &["measure"]),
    Action::of("Send", "ready.send", "writer", "mod.rs: send", &["send"]),
    Action::of("ReaderAsleep", "ready.reader_asleep", "writer", "mod.rs: send", &["reader_asleep"]),
    Action::of("WakeReader", "ready.wake_reader", "writer", "mod.rs: send", &["wake_reader"]),
    Action::of("WriterLook", "ready.writer_look", "writer", "mod.rs: sleep", &["idle"]),
    Action::of("WriterDoze", "ready.writer_doze", "writer", "mod.rs: sleep", &["writer_doze"]),
    Action::of("WriterSleep", "ready.writer_sleep", "writer", "mod.rs: sleep", &["writer_sleep"]),
    Action::of("ReaderRecover", "ready.reader_recover", "reader", "mod.rs: recover", &["dead"]),
    Action::of("ReaderRecoverWake", "ready.reader_recover_wake", "reader", "mod.rs: recover", &["reader_recover_wake"]),
    Action::of("Receive", "ready.receive", "reader", "mod.rs: try_receive", &["idle"]),
    Action::of("Length", "ready.length", "reader", "mod.rs: try_receive", &["length"]),
    Action::of("ReadFirst", "ready.read", "reader", "mod.rs: read", &["idle"]),
    Action::of("ReadSecond", "ready.read", "reader", "mod.rs: read", &["read_second"]),
    Action::of("Clear", "ready.clear", "reader", "mod.rs: clear", &["idle"]),
    Action::of("WriterAsleep", "ready.writer_asleep", "reader", "mod.rs: clear", &["writer_asleep"]),
    Action::of("WakeWriter", "ready.wake_writer", "reader", "mod.rs: clear", &["wake_writer"]),
    Action::of("ReaderLook", "ready.reader_look", "reader", "mod.rs: sleep", &["idle"]),
    Action::of("ReaderDoze", "ready.reader_doze", "reader", "mod.rs: sleep", &["reader_doze"]),
    Action::of("ReaderSleep", "ready.reader_sleep", "reader", "mod.rs: sleep", &["reader_sleep"]),
    Action { name: KILL, site: None, method: "any", places: ALIVE, role: "any" },
];

impl Subject for Ready {
    type Scenario = Scenario<'static>;

    const MODULE: &'static str = "TraceReady";
    const SPECIFICATION: &'static str = "Ready";
    const ACTIONS: &'static [Action] = ACTIONS;
    const CERTAIN: &'static [&'static str] = &["state"];
    const UNSEEN: &'static [(&'static str, &'static str)] = &[
        ("the writer does not look", STOPPED),
        ("the reader does not wait for the flag", STOPPED),
        ("a restarted writer begins anew", STOPPED),
        ("a restarted reader takes the waiting message for consumed", STOPPED),
    ];

    fn events(scenario: &Scenario<'static>, lines: &[Line]) -> Result<Vec<Event>, String> {
        covered(scenario)?;
        let mut reader = Reader {
            layout: scenario.layout(),
            events: Vec::new(),
            last: vec![None; scenario.processes()],
            abandons: false,
        };
        for line in lines {
            reader.read(line)?;
        }
        Ok(reader.events)
    }

    fn constants(scenario: &Scenario<'static>, _: Options) -> Vec<String> {
        let sleepers =
            [(0, "\"writer\""), (1, "\"reader\"")].into_iter().filter(|&(process, _)| scenario.sleeps(process));
        let sleepers: Vec<_> = sleepers.map(|(_, name)| name).collect();
        let genesis = scenario.genesis.map_or(0, |sequence| number(sequence.get()));
        vec![
            "Messages <- TraceMessages".to_owned(),
            format!("LastNumber = {LAST_NUMBER}"),
            format!("Genesis = {genesis}"),
            format!("Sleepers = {{{}}}", sleepers.join(", ")),
        ]
    }

    fn role(scenario: &Scenario<'static>, process: usize) -> &'static str {
        scenario.role(process)
    }

    /// The messages: what is filled from each look of the writer on, up to its next event of another kind.
    fn definitions(traces: &mut dyn Iterator<Item = &[Event]>) -> String {
        let mut messages = BTreeSet::from([Vec::new()]);
        for trace in traces {
            let mut words = [None, None];
            for event in trace.iter().filter(|event| event.by == WRITER) {
                match event.action {
                    "FillFirst" => words[0] = Some(event.stored.1),
                    "FillSecond" => words[1] = Some(event.stored.1),
                    _ => words = [None, None],
                }
                // One that a kill cut short is among them with the words that would have come.
                match words {
                    [Some(first), Some(second)] => drop(messages.insert(vec![first, second])),
                    [Some(first), None] => {
                        messages.insert(vec![first]);
                        messages.insert(vec![first, other_half(first)]);
                    }
                    [None, Some(second)] => drop(messages.insert(vec![other_half(second), second])),
                    [None, None] => {}
                }
            }
        }
        let messages: Vec<_> = messages.iter().map(|words| format!("<<{}>>", join(words))).collect();
        format!("Sent == {{{}}}", messages.join(", "))
    }
}

fn join(words: &[u64]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The second word of a message whose first is this one; and back.
fn other_half(word: u64) -> u64 {
    match (word, word % 10) {
        (ONES, _) => ONES,
        (_, 1) => word + 1,
        _ => word - 1,
    }
}

fn covered(scenario: &Scenario<'_>) -> Result<(), String> {
    let is_whole = |length: u8| matches!(length, 0 | 8 | 16);
    let foreign = |op: &&Op| match op {
        Op::Send(length) | Op::TrySend(length) | Op::SleepAndSend(length) => !is_whole(*length),
        // In halves: of whole words.
        Op::TrySendInPlace(length) | Op::AbandonLoan(length) => *length != 16,
        _ => false,
    };
    match scenario.processes.iter().copied().flatten().find(foreign) {
        Some(op) => Err(format!("{op:?} does not write whole words, of which the specification has at most two")),
        None => Ok(()),
    }
}

struct Reader {
    layout: Layout,
    events: Vec<Event>,
    /// For each process its last event since it last died.
    last: Vec<Option<Event>>,
    /// Whether the writer is about to drop its loan.
    abandons: bool,
}

impl Reader {
    fn read(&mut self, line: &Line) -> Result<(), String> {
        let by = line.process;
        match &line.what {
            What::Access { site, facts, .. } => {
                let event = self.event(by, site.name, facts)?;
                self.add(event);
            }
            // A process that has made no access since it last died is as dead as before.
            What::Dies { .. } if self.last[by].take().is_some() => self.events.push(Event::kill(by)),
            What::Begins { operation } if by == WRITER => self.abandons = operation.starts_with("AbandonLoan"),
            What::Completes if by == WRITER && self.abandons => {
                self.abandons = false;
                // Otherwise the mailbox was full.
                if self.last[by].is_some_and(|last| last.action.starts_with("Fill")) {
                    self.add(Event::silent(by, "Drop"));
                }
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
        let half = |name: &str| format!("{name}{}", if on.0 == "first" { "First" } else { "Second" });
        let name = match site {
            "ready.fill" => half("Fill"),
            "ready.read" => half("Read"),
            site => action_of(site),
        };
        let action = ACTIONS.iter().find(|action| action.name == name && action.site == Some(site));
        let action = action.ok_or_else(|| format!("{site} would be {name}, which is no action"))?.name;
        Ok(Event { by, action, on, found, stored })
    }

    fn place(&self, cell: Option<Cell>) -> Result<Place, String> {
        Ok(match cell {
            None => Place::NONE,
            Some(Cell::Payload { index: 0, .. }) => Place("first", 0),
            Some(Cell::Payload { index: 1, .. }) => Place("second", 0),
            Some(Cell::Payload { index, .. }) => return Err(format!("a message has two words, and this is {index}")),
            Some(Cell::Word(number)) => match self.layout.word(number) {
                None => return Err(format!("there is no word {number}")),
                Some(Word::State) => Place("state", 0),
                Some(Word::Length) => Place("length", 0),
                Some(Word::WriterWait) => Place("writer_wait", 0),
                Some(Word::ReaderWait) => Place("reader_wait", 0),
            },
        })
    }
}

/// A sequence number in TLC's range: those before the last one stay that far before it.
fn number(sequence: u64) -> u64 {
    let before_the_last = Sequence::LAST.get().saturating_sub(sequence);
    if before_the_last < LAST_NUMBER / 2 { LAST_NUMBER - before_the_last } else { sequence }
}

/// A word's value, by the layout that `ready` documents and by nothing of its code.
fn decode(on: Place, bits: u64) -> Result<Value, String> {
    let bad = || Err(format!("{} has {bits:#x}, which is no value of it", on.0));
    let (asleep, flag, sequence) = (bits >> 63, bits & 1, bits << 1 >> 2);
    match (on.0, asleep) {
        ("state", 0) if sequence > 0 || flag == 0 => Ok(Value("state", number(sequence), flag)),
        ("writer_wait" | "reader_wait", 0) if bits == 0 => Ok(Value("never", 0, 0)),
        ("writer_wait" | "reader_wait", 1) => Ok(Value("asleep", number(sequence), flag)),
        ("length", 0) if bits.is_multiple_of(8) => Ok(Value("length", bits / 8, 0)),
        ("first" | "second", _) => content(on.0, bits).map_or_else(bad, Ok),
        _ => bad(),
    }
}

/// A word of a payload as a number: which word of which attempt at which message it is, as `model::fill` writes it.
fn content(kind: &'static str, bits: u64) -> Option<Value> {
    let index = if kind == "first" { 1 } else { 2 };
    let (rank, retry) = (bits >> 40, bits >> 32 & 0xff);
    match bits {
        0 => Some(Value(kind, 0, 0)),
        POISON => Some(Value(kind, 1, 0)),
        u64::MAX => Some(Value(kind, ONES, 0)),
        _ if bits & u64::from(u32::MAX) == index && rank > 0 && retry < 10 => {
            Some(Value(kind, rank * 100 + retry * 10 + index, 0))
        }
        _ => None,
    }
}
