//! `museum`.

use super::draw;
use super::output::{Ended, Failure, count, print, print_json, print_lines};
use super::watch::{stop_on_signals, watched};
use lastword_protocol::model::Violation;
use lastword_sim::diagram::{Diagram, Section, page, wrapped};
use lastword_sim::exhaustive::Gauge;
use lastword_sim::museum::{Exhibit, PIECES, Piece, piece};
use lastword_sim::token::model_name;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Options of `museum`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these pieces, by their names in `--list`
    names: Vec<String>,
    /// Only say which pieces there are
    #[arg(long, conflicts_with_all = ["names", "svg", "html"])]
    list: bool,
    /// One JSON object a line: one for each piece
    #[arg(long)]
    json: bool,
    /// Draw each run into this directory, as NAME.svg
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// Draw all runs into this file, as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// A piece that is only named.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    title: &'static str,
}

/// What happened.
#[derive(Serialize)]
struct Event {
    process: String,
    incarnation: u16,
    what: String,
}

/// What came of a piece.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    title: &'static str,
    models: &'static str,
    why: &'static str,
    /// Whether it was found wrong.
    found: bool,
    /// The promise that it breaks.
    promise: Option<String>,
    #[serde(skip)]
    violation: Option<Violation>,
    /// How many kills that takes.
    kills: u8,
    /// The memory model.
    model: &'static str,
    executions: u64,
    states: u64,
    /// Accesses in the run.
    steps: usize,
    seconds: f64,
    /// What the same search came to of the repaired variant.
    repaired: Option<&'static str>,
    /// The run.
    lines: Vec<Event>,
}

/// Runs `museum`.
pub(crate) fn run(options: &Options) -> Ended {
    let chosen = chosen(&options.names)?;
    if options.list {
        for Piece { name, title, .. } in chosen {
            if options.json {
                print_json(&Listed { name, title })?;
            } else {
                print(format_args!("{name:26} {title}"))?;
            }
        }
        return Ok(true);
    }
    if let Some(directory) = &options.svg
        && !directory.is_dir()
    {
        return Err(Failure::Usage(format!(
            "{} is no directory, and --svg writes a file for each piece",
            directory.display()
        )));
    }
    options.html.as_deref().map_or(Ok(()), draw::check)?;
    let stop = stop_on_signals();
    let mut shown = Vec::new();
    for piece in chosen {
        let gauge = Gauge::stopped_by(&stop);
        let (exhibit, seconds) = watched(piece.name, &gauge, None, || {
            let begun = Instant::now();
            (piece.show(&gauge), begun.elapsed().as_secs_f64())
        });
        let repaired = watched(&format!("{}, repaired", piece.name), &gauge, None, || piece.show_repaired(&gauge));
        if stop.load(Relaxed) {
            return Err(Failure::Stopped);
        }
        let row = row(piece, &exhibit, repaired.as_ref(), seconds);
        if options.json {
            print_json(&row)?;
        } else {
            tell_of(&row, &exhibit)?;
        }
        if let Some(directory) = &options.svg {
            draw::write(&directory.join(format!("{}.svg", piece.name)), &diagram(piece, &exhibit).svg())?;
        }
        shown.push((piece, exhibit, row));
    }
    if let Some(path) = &options.html {
        draw::write(path, &whole(&shown))?;
    }
    let rows = || shown.iter().map(|(_, _, row)| row);
    if !options.json {
        table(rows())?;
    }
    Ok(rows().all(|row| row.found && row.repaired != Some(NOT_CLEAN)))
}

const CLEAN: &str = "clean";
const NOT_CLEAN: &str = "NOT CLEAN";

/// The pieces of these names; all, if there are none.
fn chosen(names: &[String]) -> Result<Vec<&'static Piece>, Failure> {
    if names.is_empty() {
        return Ok(PIECES.iter().collect());
    }
    let known = |name: &String| {
        piece(name).ok_or_else(|| {
            let known: Vec<_> = PIECES.iter().map(|piece| piece.name).collect();
            Failure::Usage(format!("there is no piece `{name}`; there are {}", known.join(", ")))
        })
    };
    names.iter().map(known).collect()
}

fn row(piece: &Piece, exhibit: &Exhibit, repaired: Option<&Exhibit>, seconds: f64) -> Row {
    let event = |line: &lastword_sim::trace::Line| Event {
        process: exhibit.roles.get(line.process).map_or("?", String::as_str).to_owned(),
        incarnation: line.incarnation,
        what: line.what.to_string().trim().to_owned(),
    };
    Row {
        name: piece.name,
        title: piece.title,
        models: piece.models,
        why: piece.why,
        found: exhibit.found.is_some(),
        promise: exhibit.found.as_ref().map(|found| found.violation.to_string()),
        violation: exhibit.found.as_ref().map(|found| found.violation),
        kills: exhibit.kills,
        model: model_name(exhibit.model),
        executions: exhibit.executions,
        states: exhibit.states,
        steps: exhibit.steps(),
        seconds: (seconds * 1e6).round() / 1e6,
        repaired: repaired.map(|exhibit| if exhibit.found.is_none() && exhibit.complete { CLEAN } else { NOT_CLEAN }),
        lines: exhibit.lines.iter().map(event).collect(),
    }
}

/// As wide as the terminal, and not wider than a line that is easy to read.
fn columns() -> usize {
    const MOST: usize = 100;
    terminal_size::terminal_size().map_or(MOST, |(width, _)| usize::from(width.0).clamp(40, MOST))
}

fn tell_of(row: &Row, exhibit: &Exhibit) -> Result<(), Failure> {
    let columns = columns();
    let say = |text: &str| wrapped(text, columns).iter().try_for_each(|line| print(format_args!("{line}")));
    say(&format!("{}: {}", row.name, row.title))?;
    print(format_args!(""))?;
    say(row.models)?;
    print(format_args!(""))?;
    print_lines(&exhibit.lines, &exhibit.roles)?;
    match &row.promise {
        Some(promise) => say(&format!("BROKEN: {promise}"))?,
        None => print(format_args!("NOTHING FOUND: the piece says that it is wrong"))?,
    }
    print(format_args!(""))?;
    say(row.why)?;
    print(format_args!(""))?;
    let repaired = row.repaired.map_or_else(String::new, |verdict| format!("; the repaired variant: {verdict}"));
    say(&format!("{} runs, {} states{repaired}", count(row.executions), count(row.states)))?;
    print(format_args!("\n"))?;
    Ok(())
}

/// The rows of the table, and what stands above them.
fn table<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<(), Failure> {
    let head = format!("{:26} {:>5} {:>5} {:>5} {:>8}  {:9} ", "piece", "model", "kills", "steps", "ms", "repaired");
    print(format_args!("{head}promise"))?;
    for row in rows {
        // What the numbers of a promise mean is said where they are.
        let promise = row.violation.map_or("NOTHING FOUND", |violation| violation.promise);
        let promise = promise.split(" (").next().unwrap_or(promise);
        let mut promise = wrapped(promise, columns().saturating_sub(head.len()).max(36)).into_iter();
        print(format_args!(
            "{:26} {:>5} {:>5} {:>5} {:>8.2}  {:9} {}",
            row.name,
            row.model,
            row.kills,
            row.steps,
            row.seconds * 1e3,
            row.repaired.unwrap_or("-"),
            promise.next().unwrap_or_default()
        ))?;
        promise.try_for_each(|rest| print(format_args!("{:1$}{rest}", "", head.len())))?;
    }
    Ok(())
}

fn diagram<'a>(piece: &Piece, exhibit: &'a Exhibit) -> Diagram<'a> {
    let violation = exhibit.found.as_ref().map(|found| &found.violation);
    Diagram { title: piece.title, roles: &exhibit.roles, lines: &exhibit.lines, violation }
}

/// The whole museum as a page.
fn whole(shown: &[(&Piece, Exhibit, Row)]) -> String {
    let paragraphs: Vec<[&str; 2]> = shown.iter().map(|(piece, ..)| [piece.models, piece.why]).collect();
    let sections: Vec<_> = shown
        .iter()
        .zip(&paragraphs)
        .map(|((piece, exhibit, _), paragraphs)| Section {
            heading: piece.name,
            paragraphs,
            diagram: diagram(piece, exhibit),
        })
        .collect();
    page("Designs that are wrong, each with its shortest failure", &sections)
}
