//! Looking into a channel, mailbox or board.

use super::ls::objects;
use super::names::not_found;
use super::record::{Details, Found, Lock as LockRecord, Message, Place, Reading, Slot};
use super::table::{Cell, Table, clip};
use super::text::{ago, holder, problem, shown};
use super::{Error, Kind, kinds};
use crate::grid;
use crate::hex;
use crate::names;
use crate::output::{self, BAD, GOOD, HEAD, Styled, WARNING};
use crate::signals::exit_code;
use crate::stop::Stop;
use lastword::Role;
use lastword::inspect::{Condition, Consumer, Inspection, Payload, Problem, SleepNote, Slots, Survey, Wait, What};
use lastword::protocol::slots::Lock;
use ratatui::crossterm::terminal;
use serde_json::value::RawValue;
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::time::Duration;

/// What is to be looked into.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Its name
    #[arg(value_parser = names::name)]
    name: String,
    /// What of that name; everything if not given
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Print one JSON object: {"found": [...]}; with --watch, one each time
    #[arg(long)]
    json: bool,
    /// The bytes of the message, too, and where everything lies; bytes alone are shown in any case
    #[arg(long)]
    hex: bool,
    /// What is in this slot of a channel, in place of the newest message
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8))]
    slot: Option<u8>,
    /// Look again twice a second, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword inspect arm             what is called arm
  lastword inspect arm --hex       with the bytes of the newest message, and where everything lies
  lastword inspect arm --slot 3    what is in slot 3: an old message, or a torn one
  lastword inspect arm --watch     again and again

Nothing is changed, and nobody is disturbed: no role or lock is taken. A message is called torn if it may be parts of
several: of the newest one of a channel that is a producer that was faster 64 times, of another slot one that is being
rewritten, of a mailbox a message that was consumed. `process 1234?` took a role which a live process has, and is itself
gone (one that it forked has it), or lives in another pid namespace.

Exit code: 0 done, also where it is damaged; 1 there is no such name, or no such slot; 2 usage; 128 + n ended by
signal n.";

/// How often is looked again.
const INTERVAL: Duration = Duration::from_millis(500);
/// So much of a message is read, in bytes.
const MESSAGE_MAX: usize = 64 << 20;
/// So many bytes are shown where they were not asked for.
const SHOWN_MAX: usize = 512;

/// Looks into what is asked for; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let all = kinds(options.kind);
    let mut inspections = Vec::new();
    for &what in &all {
        inspections.push(Inspection::open(&options.name, what)?);
    }
    if inspections.iter().all(is_gone) {
        return Err(not_found(&options.name, &all)?.into());
    }
    if let Some(slot) = options.slot {
        check_slot(&inspections, &options.name, slot)?;
    }
    if !options.watch {
        print(&inspections, options)?;
        return Ok(0);
    }
    let stop = Stop::on_signals()?;
    loop {
        show_again(&inspections, options)?;
        if stop.sleep(INTERVAL) {
            return Ok(stop.signal().map_or(0, exit_code));
        }
        for inspection in &mut inspections {
            inspection.refresh();
        }
    }
}

fn is_gone(inspection: &Inspection) -> bool {
    inspection.survey().condition == Condition::Gone
}

/// That there is a channel, and that it has that slot.
fn check_slot(inspections: &[Inspection], name: &str, slot: u8) -> Result<(), Error> {
    let found = inspections.iter().find(|one| one.survey().what == What::Channel && !is_gone(one));
    let Some(channel) = found else {
        return Err(format!("slot {slot} asked for, and {name} is no channel: only a channel has slots").into());
    };
    match channel.slot(slot, 0) {
        Err(error @ Problem::NoSuchSlot { .. }) => Err(format!("channel {name}: {error}").into()),
        _ => Ok(()),
    }
}

/// What there is, once.
fn print(inspections: &[Inspection], options: &Options) -> io::Result<()> {
    if options.json {
        return output::json(&Report { found: there(inspections).map(|one| details(one, options)).collect() });
    }
    output::print(text(inspections, options))
}

/// The same over what was shown before, where that is a terminal.
fn show_again(inspections: &[Inspection], options: &Options) -> io::Result<()> {
    if options.json || !output::is_terminal() {
        return print(inspections, options);
    }
    let (columns, rows) = terminal::size()?;
    let clipped = clip(&text(inspections, options), rows.saturating_sub(1).into(), columns.into());
    // The cursor goes home, and what is below it away. This is no style, which NO_COLOR is about.
    io::stdout().lock().write_all(b"\x1b[H\x1b[J")?;
    output::line(clipped)
}

fn there(inspections: &[Inspection]) -> impl Iterator<Item = &Inspection> {
    inspections.iter().filter(|one| !is_gone(one))
}

/// What there is, in words.
fn text(inspections: &[Inspection], options: &Options) -> String {
    let sections: Vec<String> = there(inspections).map(|one| section(one, options)).collect();
    if sections.is_empty() {
        return format!("{}: gone\n", options.name);
    }
    sections.join("\n")
}

/// One of them, in words.
fn section(inspection: &Inspection, options: &Options) -> String {
    let survey = inspection.survey();
    let mut text = head(survey);
    // Writing to a string never fails, here and below.
    for found in &survey.problems {
        let _ = writeln!(text, "  {}", Styled(BAD, problem(survey, found)));
    }
    text += &objects(survey);
    text += &facts(survey);
    text += &roles(survey);
    if let Some(slots) = inspection.slots() {
        text += &locks(&slots);
    }
    for role in [Role::MailboxWriter, Role::MailboxReader] {
        if let Ok(Some(wait)) = inspection.wait(role) {
            let _ =
                writeln!(text, "  the {role} {}", sleep(&wait, |state| format!("message {}", number(state.sequence))));
        }
    }
    if options.hex {
        text += &places(inspection);
    }
    match survey.what {
        What::Board => text += &readings(survey),
        What::Channel | What::Mailbox => text += &message(inspection, options),
    }
    text
}

fn title(text: &str) -> String {
    format!("{}\n", Styled(HEAD, text))
}

fn head(survey: &Survey) -> String {
    let style = match survey.condition {
        Condition::Complete => GOOD,
        Condition::BeingCreated | Condition::Denied => WARNING,
        _ => BAD,
    };
    let name = format!("{} {}", survey.what, survey.name);
    format!("{}: {}\n", Styled(HEAD, name), Styled(style, survey.condition))
}

/// What its header says.
fn facts(survey: &Survey) -> String {
    let mut text = String::new();
    let mut facts = Vec::new();
    if let Some(ago) = survey.created.and_then(ago) {
        facts.push(format!("created {ago} ago"));
    }
    if survey.is_replaced() {
        facts.push(format!("generation {}: it was replaced", survey.generation));
    }
    if survey.is_changing {
        facts.push("a process is creating, replacing or removing it".to_owned());
    }
    if !facts.is_empty() {
        let _ = writeln!(text, "  {}", facts.join("; "));
    }
    if let (Some(message_type), Some(capacity)) = (survey.message_type, survey.capacity) {
        let _ = writeln!(text, "  messages: {message_type}, at most {capacity} bytes");
    }
    if let Some(words) = survey.words {
        let _ = writeln!(text, "  words: {words}");
    }
    match (survey.messages, survey.is_set) {
        (Some(0), _) => text += "  nothing was sent yet\n",
        (Some(number), None) => {
            let _ = writeln!(text, "  newest message: {number}");
        }
        (Some(number), Some(is_set)) => {
            let flag = if is_set { "set: it waits for the reader" } else { "clear: it was consumed" };
            let _ = writeln!(text, "  newest message: {number}; the flag is {flag}");
        }
        (None, _) => {}
    }
    text
}

fn roles(survey: &Survey) -> String {
    if survey.roles.is_empty() {
        return String::new();
    }
    let roles = survey.roles.iter().map(|state| {
        let style = if state.holder.is_some() { GOOD } else { anstyle::Style::new() };
        (state.role.to_string(), Styled(style, holder(state)).to_string())
    });
    let roles = folded(roles);
    let width = roles.iter().map(|(role, _)| role.len()).max().unwrap_or(0);
    let mut text = title("roles");
    for (role, holder) in roles {
        let _ = writeln!(text, "  {role:width$}  {holder}");
    }
    text
}

/// The same things as one, where neighbours are alike: `consumer 1` to `consumer 7` as `consumer 1 to 7`.
fn folded<S: PartialEq>(all: impl Iterator<Item = (String, S)>) -> Vec<(String, S)> {
    let mut runs: Vec<(String, Option<String>, S)> = Vec::new();
    let kind = |name: &str| name.trim_end_matches(|char: char| char.is_ascii_digit()).to_owned();
    for (name, state) in all {
        match runs.last_mut() {
            Some((first, last, alike)) if *alike == state && kind(first) == kind(&name) => *last = Some(name),
            _ => runs.push((name, None, state)),
        }
    }
    let number = |name: &str| name.rsplit(' ').next().unwrap_or_default().to_owned();
    runs.into_iter()
        .map(|(first, last, state)| match last {
            Some(last) => (format!("{first} to {}", number(&last)), state),
            None => (first, state),
        })
        .collect()
}

fn number(sequence: Option<lastword::Sequence>) -> String {
    sequence.map_or_else(|| "0".to_owned(), |sequence| sequence.to_string())
}

/// A value, or what is wrong with it.
fn told<T>(value: &Result<T, Problem>, told: impl FnOnce(&T) -> String) -> String {
    value.as_ref().map_or_else(ToString::to_string, told)
}

fn sleep<S>(wait: &Wait<S>, seen: impl FnOnce(&S) -> String) -> String {
    match (&wait.note, wait.is_current) {
        (SleepNote::Never, _) => "never slept".to_owned(),
        (SleepNote::On(on), true) => format!("sleeps on {}, or was killed so", seen(on)),
        (SleepNote::On(on), false) => format!("slept on {} last", seen(on)),
        (SleepNote::Garbage(found), _) => format!("has {found:#x} for a wait word, which is garbage"),
    }
}

/// The slots, and the consumers' lock words.
fn locks(slots: &Slots) -> String {
    let mut text = title("slots");
    let mut table = Table::new(&["  slot", "message", "bytes", "state"], &[]);
    let rows = slots.slots.iter().map(|slot| {
        let is_empty = matches!(slot.sequence, Ok(None));
        let mut states = Vec::new();
        if slot.is_newest {
            states.push("newest".to_owned());
        }
        if !slot.locked_by.is_empty() {
            let consumers: Vec<String> = slot.locked_by.iter().map(ToString::to_string).collect();
            states.push(format!("locked by consumer {}", consumers.join(", ")));
        }
        if states.is_empty() {
            states.push(if is_empty { "free: never used, or being written" } else { "free" }.to_owned());
        }
        let sequence =
            told(&slot.sequence, |sequence| sequence.map_or_else(|| "-".to_owned(), |number| number.to_string()));
        let bytes = if is_empty { "-".to_owned() } else { told(&slot.length, ToString::to_string) };
        (slot.slot.to_string(), [sequence, bytes, states.join(", ")])
    });
    for (slot, states) in folded(rows) {
        let cells = [vec![format!("  {slot}")], states.into()].concat();
        table.push(cells.into_iter().map(Cell::new).collect::<Vec<_>>());
    }
    let _ = write!(text, "{}", table.shown(None));
    if slots.consumers.is_empty() {
        return text;
    }
    text += &title("locks");
    let consumers = slots.consumers.iter().map(|Consumer { consumer, lock, wait, .. }| {
        let lock = told(lock, |lock| match lock {
            Lock::Free => "idle".to_owned(),
            Lock::Claim => "asks for the newest message".to_owned(),
            Lock::Tentative(stamp) => {
                format!("wants message {} in slot {}, not locked yet", stamp.sequence(), stamp.slot())
            }
            Lock::Held(stamp) => format!("holds message {} in slot {}", stamp.sequence(), stamp.slot()),
        });
        let wait = told(wait, |wait| sleep(wait, |on| format!("message {}", number(on.map(|stamp| stamp.sequence())))));
        (format!("consumer {consumer}"), format!("{lock}; {wait}"))
    });
    for (consumer, state) in folded(consumers) {
        let _ = writeln!(text, "  {consumer}: {state}");
    }
    text
}

fn places(inspection: &Inspection) -> String {
    let places = inspection.places();
    if places.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["  object", "offset", "bytes", "what"], &[]);
    for place in places {
        let object = format!("  {}", place.object.suffix());
        table.push([object, place.offset.to_string(), place.length.to_string(), place.name].map(Cell::new).into());
    }
    format!("{}{}", title("layout"), table.shown(None))
}

fn readings(survey: &Survey) -> String {
    let Some(board) = &survey.board else { return String::new() };
    let mut text = title("words");
    for reading in board.readings() {
        let _ = match reading {
            Ok(reading) => writeln!(text, "  {reading}"),
            Err(error) => writeln!(text, "  {}", Styled(BAD, error)),
        };
    }
    text
}

/// The message that is asked for.
fn payload(inspection: &Inspection, options: &Options) -> Result<Option<Payload>, Problem> {
    match options.slot {
        Some(slot) if inspection.survey().what == What::Channel => inspection.slot(slot, MESSAGE_MAX),
        _ => inspection.newest(MESSAGE_MAX),
    }
}

/// That what is in a slot cannot be read, and why.
fn unreadable(slot: u8, why: impl Display) -> String {
    format!("{}  {}\n", title(&format!("slot {slot}")), Styled(BAD, format_args!("it cannot be read: {why}")))
}

/// The message, by what the channel says of its fields, and its bytes.
fn message(inspection: &Inspection, options: &Options) -> String {
    let survey = inspection.survey();
    let asked = options.slot.filter(|_| survey.what == What::Channel);
    let found = match (payload(inspection, options), asked) {
        (Ok(Some(found)), Some(slot)) if found.sequence.is_none() && found.length == 0 => {
            return format!("{}  nothing: it was never used, or is being written\n", title(&format!("slot {slot}")));
        }
        (Ok(Some(found)), _) => found,
        (Ok(None), Some(slot)) => return unreadable(slot, survey.condition),
        (Err(problem), Some(slot)) => return unreadable(slot, problem),
        (Ok(None), None) => return String::new(),
        (Err(problem), None) if survey.problems.contains(&problem) => return String::new(),
        (Err(problem), None) => return format!("{}  {}\n", title("message"), Styled(BAD, problem)),
    };
    let mut about = match found.sequence {
        Some(sequence) => format!("message {sequence}"),
        None => "message without a number".to_owned(),
    };
    if let Some(slot) = found.slot {
        let _ = write!(about, " in slot {slot}");
    }
    let _ = write!(about, ", {} bytes", found.length);
    let mut text = Styled(HEAD, about).to_string();
    if !found.is_whole {
        let _ = write!(text, ", {}", Styled(WARNING, "maybe torn"));
    }
    if found.bytes.len() < found.length {
        let _ = write!(text, ", the first {} of them", found.bytes.len());
    }
    text.push('\n');
    let description = inspection.description().filter(|description| description.fields().next().is_some());
    if let Some(description) = description {
        let _ = write!(text, "{}", grid::grid(description, &found.bytes));
    }
    if options.hex || description.is_none() {
        let most = if options.hex { usize::MAX } else { SHOWN_MAX };
        let shown = found.bytes.get(..most).unwrap_or(&found.bytes);
        let _ = write!(text, "{}", hex::dump(shown));
        if shown.len() < found.bytes.len() {
            let _ = writeln!(text, "... and {} bytes more: --hex", found.bytes.len() - shown.len());
        }
    }
    text
}

/// What there is. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, serde::Serialize)]
struct Report {
    found: Vec<Details>,
}

/// One of them, for programs.
fn details(inspection: &Inspection, options: &Options) -> Details {
    let survey = inspection.survey();
    let words = inspection.slots();
    let (slots, consumers) = words.map_or_else(Default::default, |words| (words.slots, words.consumers));
    let places = inspection.places().into_iter().map(|place| Place {
        object: place.object.suffix(),
        name: place.name,
        offset: place.offset,
        length: place.length,
    });
    let slots = slots.into_iter().map(|slot| Slot {
        slot: slot.slot,
        sequence: slot.sequence.ok().flatten().map(|sequence| sequence.get()),
        length: slot.length.ok(),
        is_newest: slot.is_newest,
        locked_by: slot.locked_by,
    });
    let message = payload(inspection, options).ok().flatten().map(|found| Message {
        slot: found.slot,
        sequence: found.sequence.map(|sequence| sequence.get()),
        is_whole: found.is_whole,
        length: found.length,
        values: inspection
            .description()
            .filter(|description| description.fields().next().is_some())
            .and_then(|description| raw(description.json(&found.bytes))),
        bytes: hex::digits(&found.bytes),
    });
    let readings = survey.board.iter().flat_map(|board| {
        board.words().iter().zip(board.readings()).map(|(word, reading)| Reading {
            index: word.index(),
            name: shown(word.name()).into_owned(),
            unit: shown(word.unit()).into_owned(),
            kind: word.kind().name(),
            value: reading.ok().and_then(|reading| raw(reading.value.json())),
        })
    });
    Details {
        found: Found::new(survey),
        layout: places.collect(),
        slots: slots.collect(),
        locks: consumers.into_iter().map(lock).collect(),
        message,
        readings: readings.collect(),
    }
}

fn raw(json: impl Display) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_string()).ok()
}

fn lock(consumer: Consumer) -> LockRecord {
    let state = match consumer.lock {
        Ok(Lock::Free) => "idle",
        Ok(Lock::Claim) => "claim",
        Ok(Lock::Tentative(_)) => "tentative",
        Ok(Lock::Held(_)) => "held",
        Err(_) => "garbage",
    };
    let stamp = consumer.lock.ok().and_then(Lock::stamp);
    LockRecord {
        consumer: consumer.consumer,
        state,
        sequence: stamp.map(|stamp| stamp.sequence().get()),
        slot: stamp.map(|stamp| stamp.slot()),
        may_sleep: consumer.wait.is_ok_and(|wait| wait.is_current),
    }
}
