//! `record read`: prints the newest record, or each newer one. Takes no role, and disturbs nobody.

use super::{Error, NAME, sample};
use crate::names;
use crate::names::as_option;
use crate::stop::Stop;
use crate::tell::tell;
use crate::{grid, output, peer, signals};
use lastword::protocol::slots;
use lastword::{Description, PeekError, Sequence, UntypedObserver};
use std::time::Duration;

/// Which record is read, and how it is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Options {
    /// The record
    #[arg(long, default_value = NAME, value_parser = names::name)]
    name: String,
    /// Do not wait for a record that is not there
    #[arg(long, conflicts_with = "follow")]
    once: bool,
    /// Go on with each newer record, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Print a line for each field
    #[arg(long, conflicts_with_all = ["json", "grid"])]
    fields: bool,
    /// Print a grid of the fields, with the bytes that they are made of
    #[arg(long, conflicts_with = "json")]
    grid: bool,
    /// Print a record as a JSON object on one line
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Examples:
  lastword record read                       waits for a record if there is none, prints it, ends
  lastword record read --grid                its fields with their places, beside its bytes
  lastword record read --name pose --json    any channel's newest message, by its own description
  lastword record read --follow              each newer one

The sample record is printed as the sentence that it is, others field by field. Records are read whole, whatever happens
to their writer: one that is killed while it writes has published nothing. Between two looks, 50 ms apart, a writer may
publish several records; --follow prints the newest, and says how many were missed. It is no error that the writer has
ended, nor that the record is removed: --follow then waits for the next one of that name.

JSON: record (the name), type, message (its number), fields (by their paths; texts are strings).

Exit code: 0 printed; 1 failed, with --once also where there is none; 2 usage; 128 + n ended by signal n.";

const POLL: Duration = Duration::from_millis(50);

/// A message that was read.
struct Found {
    observer: UntypedObserver,
    sequence: Sequence,
    message: Vec<u8>,
}

/// Reads; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let stop = Stop::on_signals()?;
    if options.once {
        let Some(found) = look(&options.name)? else {
            let name = &options.name;
            return Err(format!(
                "record {name}: found no message in it yet, expected one; publish one: lastword record write{}",
                as_option("--name", name, NAME)
            )
            .into());
        };
        print(options, &found)?;
        return Ok(0);
    }
    let mut last: Option<(Sequence, Vec<u8>)> = None;
    let mut is_said = false;
    while let Some(looked) = peer::wait_for(&stop, Waiting(&options.name), || UntypedObserver::open(&options.name))? {
        // Opened anew each time, so that a record that was removed and created anew is found.
        let looked = match found(looked) {
            Err(error) if is_overtaken(&*error) && !stop.sleep(POLL) => continue,
            looked => looked?,
        };
        match looked {
            None if !is_said => {
                tell!("waiting for the first message of record {}", options.name);
                is_said = true;
            }
            Some(found) if last.as_ref().is_none_or(|last| *last != (found.sequence, found.message.clone())) => {
                // One of a lower number is of a record that was removed and created anew.
                let before = last.as_ref().map_or(found.sequence.get(), |(before, _)| before.get() + 1);
                if let missed @ 1.. = found.sequence.get().saturating_sub(before) {
                    tell!("({missed} were published and overwritten meanwhile)");
                }
                print(options, &found)?;
                if !options.follow {
                    return Ok(0);
                }
                last = Some((found.sequence, found.message));
            }
            _ => {}
        }
        if stop.sleep(POLL) {
            break;
        }
    }
    Ok(stop.signal().map_or(0, signals::exit_code))
}

/// What is waited for, as it is said.
struct Waiting<'n>(&'n str);

impl std::fmt::Display for Waiting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "record {}; to publish one: lastword record write{}", self.0, as_option("--name", self.0, NAME))
    }
}

/// Whether the producer was faster than each attempt to read a message.
fn is_overtaken(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<PeekError>().is_some_and(|error| matches!(error.source, slots::PeekError::Overtaken { .. }))
}

fn look(name: &str) -> Result<Option<Found>, Error> {
    found(UntypedObserver::open(name)?)
}

fn found(observer: UntypedObserver) -> Result<Option<Found>, Error> {
    let peeked = observer.peek()?;
    Ok(peeked.map(|(sequence, message)| Found { observer, sequence, message }))
}

fn print(options: &Options, found: &Found) -> Result<(), Error> {
    let (description, message) = (found.observer.description(), found.message.as_slice());
    let number = found.sequence.get();
    if options.json {
        // The library writes numbers of all sizes.
        let name = serde_json::to_string(&options.name)?;
        let type_name = serde_json::to_string(description.message_type().name())?;
        let fields = description.json(message);
        output::line(format_args!(r#"{{"record":{name},"type":{type_name},"message":{number},"fields":{fields}}}"#))?;
        return Ok(());
    }
    if options.follow {
        output::line(format_args!("message {number}"))?;
    }
    output::print(text(options, description, message, number))?;
    Ok(())
}

fn text(options: &Options, description: &Description, message: &[u8], number: u64) -> String {
    if options.grid {
        let of = description.message_type();
        let type_name = of.name().escape_debug();
        let grid = grid::grid(description, message);
        return format!("{type_name}, message {number}: {} bytes, aligned to {}\n{grid}", message.len(), of.align);
    }
    if let (false, Some(sentence)) = (options.fields, sample::sentence(description, message)) {
        return sentence + "\n";
    }
    if description.fields().next().is_none() {
        grid::grid(description, message).to_string()
    } else {
        description.text(message).to_string()
    }
}
