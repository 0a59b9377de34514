//! `verify`.

use super::campaign::{Campaign, EXHAUSTIVE};
use super::output::{Ended, Failure, count, print, print_json, print_told, replay_command, tell};
use super::search::{Threads, shard};
use super::watch::{stop_on_signals, watched};
use lastword_sim::case::{self, Case};
use lastword_sim::coverage::Point;
use lastword_sim::exhaustive::{Gauge, Limits, Searched};
use lastword_sim::token::{Token, model_name};
use lastword_sim::verify::{CHECKS, Check, untouched};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// Options of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only the small searches, in seconds
    #[arg(long)]
    quick: bool,
    /// Only searches of these scenarios
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// One JSON object a line: one for each search
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
    /// Only part I of N of each search, counted from 0
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(u32, u32)>,
}

/// Runs `verify`.
pub(crate) fn run(options: &Options) -> Ended {
    for name in &options.scenarios {
        if !CHECKS.iter().any(|check| check.scenario == name) {
            return Err(Failure::Usage(format!("`verify` searches no scenario `{name}`; `list` shows them")));
        }
    }
    let chosen = |check: &&Check| {
        (check.quick || !options.quick)
            && (options.scenarios.is_empty() || options.scenarios.iter().any(|name| check.scenario == name))
    };
    let checks: Vec<_> = CHECKS.iter().filter(chosen).collect();
    let stop = stop_on_signals();
    let begun = Instant::now();
    if !options.json {
        print(format_args!(
            "{:15} {:5} {:12} {:>5} {:>14} {:>14} {:>11} {:>8}",
            "scenario", "model", "hand-over", "kills", "runs", "states", "points hit", "seconds"
        ))?;
    }
    let mut clean = true;
    let mut protocols: BTreeMap<&'static str, (Vec<&'static str>, Vec<Point>)> = BTreeMap::new();
    for check in &checks {
        let case = find(check.scenario)?;
        let (row, searched) = one(check, case, options, &stop)?;
        if stop.load(Relaxed) {
            return Err(Failure::Stopped);
        }
        let whole = row.missed.is_empty() || options.shard.is_some();
        clean &= row.violations == 0 && row.complete && whole;
        show(&row, case, options.json)?;
        let (_, hits) = protocols.entry(case.protocol()).or_insert_with(|| (case.sites(), Vec::new()));
        hits.extend(searched.coverage.hits());
    }
    // A site that no scenario reaches, or at which nobody was killed, is one that nothing is known of.
    let everything = options.scenarios.is_empty() && !options.quick && options.shard.is_none();
    if clean && everything {
        for (protocol, (sites, hits)) in &protocols {
            let missed = untouched(sites, hits);
            if !missed.is_empty() {
                clean = false;
                tell(format_args!("{protocol}: nobody was ever killed {}", missed.join("; ")));
            }
        }
    }
    if !options.json {
        let all = if options.quick { ", the small ones" } else { "" };
        let verdict = if clean { "clean" } else { "NOT CLEAN" };
        print(format_args!("{verdict}: {} searches{all}, {:.1} s", checks.len(), begun.elapsed().as_secs_f64()))?;
    }
    Ok(clean)
}

fn find(name: &str) -> Result<&'static dyn Case, Failure> {
    case::find(name).ok_or_else(|| Failure::Usage(format!("there is no scenario `{name}`")))
}

fn one(
    check: &Check,
    case: &'static dyn Case,
    options: &Options,
    stop: &Arc<AtomicBool>,
) -> Result<(Campaign, Searched), Failure> {
    let gauge = Gauge::stopped_by(stop);
    let shard = options.shard.unwrap_or((0, 1));
    let limits = Limits { threads: options.threads.count(), shard, ..Limits::default() };
    let begun = Instant::now();
    let label = format!("{} {} {} kills", check.scenario, model_name(check.spec.model), check.spec.kills);
    let total = check.states / u64::from(shard.1);
    let searched = watched(&label, &gauge, Some(total), || case.search(&check.spec, &limits, &gauge))?;
    let token = match &searched.found {
        None => None,
        Some(found) => {
            let shrunk = case.shrink(&check.spec, &found.answers)?;
            let (scenario, spec) = (check.scenario.to_owned(), check.spec.clone());
            Some((Token { scenario, spec, script: Some(shrunk.script), answers: shrunk.answers }, shrunk.violation))
        }
    };
    let row = Campaign {
        complete: searched.complete,
        violations: token.is_some().into(),
        violation: token.as_ref().map(|(_, violation)| violation.to_string()),
        replay: token.as_ref().map(|(token, _)| token.to_string()),
        ..Campaign::new(
            check.scenario,
            &check.spec,
            EXHAUSTIVE,
            options.shard,
            &gauge,
            begun.elapsed().as_secs_f64(),
            &searched.coverage,
        )
    };
    Ok((row, searched))
}

fn show(row: &Campaign, case: &dyn Case, json: bool) -> Result<(), Failure> {
    if json {
        print_json(row)?;
    } else {
        print(format_args!("{}", line(row)))?;
    }
    if row.shard.is_none() {
        for point in &row.missed {
            tell(format_args!("{}: nobody was killed: {point}", row.name));
        }
    }
    if !row.complete && row.violations == 0 {
        tell(format_args!("{}: not everything was searched: too many states", row.name));
    }
    let Some(token) = &row.replay else { return Ok(()) };
    let token: Token = token.parse()?;
    if json {
        tell(format_args!("{}", replay_command(&token)));
        return Ok(());
    }
    let told = case.tell(&token.spec, token.script.as_deref(), &token.answers)?;
    print_told(&told, &case.roles())?;
    print(format_args!("again: {}", replay_command(&token)))?;
    Ok(())
}

/// A row of the table.
fn line(row: &Campaign) -> String {
    let end = match (row.violations, row.complete) {
        (0, true) => "",
        (0, false) => "  INCOMPLETE",
        _ => "  VIOLATION",
    };
    format!(
        "{:15} {:5} {:12} {:>5} {:>14} {:>14} {:>11} {:>8.2}{end}",
        row.name,
        row.model,
        row.handover,
        row.kills,
        count(row.executions),
        count(row.states),
        format!("{}/{}", row.kill_points_hit, row.kill_points),
        row.seconds
    )
}
