//! Traces as a module of TLA+.

use super::event::Event;
use std::collections::HashMap;
use std::fmt::Write;

/// The module `TraceData` with these traces, numbered from 1, and with other definitions.
///
/// The different events of thousands of traces are some hundreds: the traces are made of their numbers. Sequences are
/// operators of their own, as what reads them (SANY) takes no literal of any size.
pub fn module<'a>(traces: impl Iterator<Item = &'a [Event]>, definitions: &str, stop: usize) -> String {
    let mut numbers: HashMap<Event, usize> = HashMap::new();
    let mut events: Vec<Event> = Vec::new();
    let mut number = |event: &Event| {
        *numbers.entry(*event).or_insert_with(|| {
            events.push(*event);
            events.len()
        })
    };
    let traces: Vec<Vec<usize>> = traces.map(|trace| trace.iter().map(&mut number).collect()).collect();
    let mut text = String::from("---- MODULE TraceData ----\nEXTENDS Sequences\n");
    sequence(&mut text, "Events", events.iter().map(ToString::to_string));
    let join = |trace: &Vec<usize>| {
        let numbers: Vec<_> = trace.iter().map(ToString::to_string).collect();
        format!("<<{}>>", numbers.join(","))
    };
    sequence(&mut text, "Traces", traces.iter().map(join));
    let _ = writeln!(text, "Stop == {stop}\n{definitions}\n====");
    text
}

/// A sequence, in pieces.
fn sequence(text: &mut String, name: &str, items: impl Iterator<Item = String>) {
    const PIECE: usize = 200;
    let items: Vec<_> = items.collect();
    let mut pieces = Vec::new();
    for (number, piece) in items.chunks(PIECE).enumerate() {
        let _ = writeln!(text, "{name}{number} == <<\n{}\n>>", piece.join(",\n"));
        pieces.push(format!("{name}{number}"));
    }
    if pieces.is_empty() {
        pieces.push("<<>>".to_owned());
    }
    let _ = writeln!(text, "{name} == {}", pieces.join(" \\o "));
}
