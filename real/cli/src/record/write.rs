//! `record write`: publishes a record, its fields written in place one after the other.

use super::fields::{self, Piece};
use super::{Error, NAME, layout, sample};
use crate::explain::cannot;
use crate::input::{self, Line};
use crate::names;
use crate::names::{as_argument, as_option};
use crate::stop::Stop;
use crate::tell::tell;
use crate::{output, signals};
use lastword::{Channel, Description, OpenError, Producer, UntypedObserver};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// What is written.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Options {
    /// The record
    #[arg(long, default_value = NAME, value_parser = names::name)]
    name: String,
    /// The file with the struct that the record is; if not given, what the record of that name is, or else the sample
    #[arg(long, value_name = "FILE")]
    layout: Option<PathBuf>,
    /// Milliseconds between one field and the next
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pause_ms: u64,
    /// Print what was published as a JSON object, on a line of its own
    #[arg(long)]
    json: bool,
    /// Fields to set; the others stay as they were published last
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<String>,
}

const HELP: &str = "\
Without fields the sample is published: PI is defined as: 22/7==3.14286, and goodbye.

Examples:
  lastword record write                                    the sample
  lastword record write numerator=355 denominator=113 value=3.1415929
  lastword record write --name mine --layout my_struct.h text=hello 'points[1].x=0.5' 'joints=1,2,3'
  lastword record write --pause-ms 500                     slowly: kill it on its way, and nothing has changed
  printf 'value=1\\n\\nvalue=2\\n' | lastword record write    two records

Fields are written in place, into memory that nobody reads before it is published: all of them, or none. Standard input
that is a pipe or a file gives them line by line; an empty line publishes, and so does the end; without any line
nothing is published. A record with a wrong line is not published. Texts are taken as they are, integers may be hexadecimal (0x...), arrays are values with commas
between.

The writer ends, and the record stays in /dev/shm for readers (`lastword record read`) until `lastword rm record`.

JSON: record (the name), message (its number), bytes (its size).

Exit code: 0 published; 1 failed, or a line of standard input was wrong; 2 usage; 128 + n ended by signal n.";

const POLL: Duration = Duration::from_millis(50);

/// Publishes; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let stop = Stop::on_signals()?;
    let from_input = options.fields.is_empty() && input::is_given();
    let lines = if from_input { Some(input::lines()?) } else { None };
    let is_sample = options.fields.is_empty() && options.layout.is_none();
    let description = describe(options, is_sample && !from_input)?;
    if description.fields().next().is_none() {
        let name = &options.name;
        return Err(format!(
            "record {name}: found messages of {}, which name no fields, expected fields to set; choose another --name",
            description.message_type()
        )
        .into());
    }
    // Before anything is created.
    let given = parse_all(&description, &options.fields)?;
    let channel = Channel::described(&options.name, description.clone())?;
    let mut writer = Writer { options, stop: &stop, producer: channel.producer()?, description };
    let code = match lines {
        None if is_sample => writer.publish(&parse_all(&writer.description, sample::PIECES)?),
        None => writer.publish(&given),
        Some(lines) => writer.publish_lines(&lines),
    };
    let Writer { producer, .. } = writer;
    let last = producer.last();
    drop(producer);
    let code = code?;
    if last.is_some() {
        let name = &options.name;
        tell!(
            "it stays in /dev/shm for readers: lastword record read{}; to remove it: lastword rm {}",
            as_option("--name", name, NAME),
            as_argument(name)
        );
    }
    Ok(code)
}

/// The fields of the record that is to be written.
fn describe(options: &Options, is_sample: bool) -> Result<Description, Error> {
    if let Some(file) = &options.layout {
        return layout::read(file);
    }
    let sample = sample::description()?;
    if is_sample {
        return Ok(sample);
    }
    match UntypedObserver::open(&options.name) {
        Ok(observer) => Ok(observer.description().clone()),
        Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. } | OpenError::DataMissing { .. }) => Ok(sample),
        Err(error) => Err(error.into()),
    }
}

fn parse_all(description: &Description, fields: impl IntoIterator<Item: AsRef<str>>) -> Result<Vec<Piece>, Error> {
    let parse = |field: String| fields::parse(description, &field).map_err(Error::from);
    fields.into_iter().map(|field| parse(field.as_ref().to_owned())).collect()
}

struct Writer<'o> {
    options: &'o Options,
    stop: &'o Stop,
    producer: Producer<[u8]>,
    description: Description,
}

impl Writer<'_> {
    /// The values that fields have which are not set: those of the newest message, or of the sample.
    fn base(&self) -> Result<Vec<u8>, Error> {
        if let Some(last) = self.producer.read_last_bytes()? {
            return Ok(last);
        }
        let mut base = vec![0; usize::try_from(self.description.message_type().size)?];
        if self.description == sample::description()? {
            parse_all(&self.description, sample::PIECES)?.iter().for_each(|piece| piece.apply(&mut base));
        }
        Ok(base)
    }

    /// Publishes one record; the exit code.
    fn publish(&mut self, pieces: &[Piece]) -> Result<u8, Error> {
        let base = self.base()?;
        let last = self.producer.last();
        let mut loan = self.producer.loan_bytes(base.len())?;
        loan.write(&base)?;
        for (number, piece) in pieces.iter().enumerate() {
            if number > 0 && self.options.pause_ms > 0 {
                self.stop.sleep(Duration::from_millis(self.options.pause_ms));
            }
            if let Some(signal) = self.stop.signal() {
                let state = match last {
                    Some(last) => format!("readers still see message {last}"),
                    None => {
                        let name = &self.options.name;
                        format!("record {name} is empty; to remove it: lastword rm {}", as_argument(name))
                    }
                };
                tell!("nothing was published: {state}");
                return Ok(signals::exit_code(signal));
            }
            for (offset, bytes) in &piece.writes {
                loan.write_at(*offset, bytes)?;
            }
            if !self.options.json {
                let at = piece.writes.first().map_or(0, |(offset, _)| *offset);
                output::line(format_args!("byte {at:>3}: {}", piece.text))?;
            }
        }
        let message = loan.publish().get();
        let published = Published { record: &self.options.name, message, bytes: base.len() };
        if self.options.json {
            output::json(&published)?;
        } else {
            output::line(format_args!("published message {message} of record {}", published.record))?;
        }
        Ok(0)
    }

    /// Publishes the records that standard input gives; the exit code.
    fn publish_lines(&mut self, lines: &std::sync::mpsc::Receiver<std::io::Result<Line>>) -> Result<u8, Error> {
        let (mut pieces, mut number, mut is_wrong, mut any_wrong) = (Vec::new(), 0, false, false);
        loop {
            if let Some(signal) = self.stop.signal() {
                if !pieces.is_empty() {
                    tell!("the last {} lines were not published", pieces.len());
                }
                return Ok(signals::exit_code(signal));
            }
            let line = match lines.recv_timeout(POLL) {
                Ok(line) => Some(line.map_err(cannot("read standard input"))?),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => None,
            };
            let is_end = line.is_none();
            if let Some(line) = line.filter(|line| !line.bytes.trim_ascii().is_empty()) {
                number += 1;
                match self.parse_line(&line) {
                    Ok(piece) => pieces.push(piece),
                    Err(what) => {
                        tell!("lastword: line {number} of standard input: {what}; this record is not published");
                        (is_wrong, any_wrong) = (true, true);
                    }
                }
                continue;
            }
            number += usize::from(!is_end);
            if is_end && number == 0 {
                tell!("standard input has no line: nothing is published");
            }
            if !is_wrong && !pieces.is_empty() {
                let code = self.publish(&pieces)?;
                if code != 0 {
                    return Ok(code);
                }
            }
            if is_end {
                return Ok(u8::from(any_wrong));
            }
            pieces.clear();
            is_wrong = false;
        }
    }

    fn parse_line(&self, line: &Line) -> Result<Piece, String> {
        if line.is_cut {
            return Err(format!("found more than {} bytes, expected at most as many", input::LINE_MAX));
        }
        let text = std::str::from_utf8(&line.bytes)
            .map_err(|error| format!("found no UTF-8 at byte {}, expected field=value", error.valid_up_to()))?;
        fields::parse(&self.description, text)
    }
}

/// What was published. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Published<'o> {
    /// The record's name.
    record: &'o str,
    /// The message's number.
    message: u64,
    /// Its size.
    bytes: usize,
}
