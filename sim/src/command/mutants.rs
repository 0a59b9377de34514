//! `mutants`.

use super::output::{Ended, Failure, count, print, print_json, tell};
use super::search::Threads;
use super::watch::{stop_on_signals, watched};
use lastword_sim::exhaustive::{Gauge, Limits};
use lastword_sim::mutants::{LADDERS, Ladder, Verdict, judge, variants};
use lastword_sim::token::model_name;
use serde::Serialize;
use std::time::Instant;

/// Options of `mutants`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only this protocol
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// One JSON object a line: one for each variant
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// What became of a variant.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    protocol: &'a str,
    verdict: &'static str,
    /// The search that rejected it: scenario, model, kills.
    rejected_by: Option<String>,
    /// The promise that is broken.
    promise: Option<&'a str>,
    executions: u64,
    seconds: f64,
    /// For `replay`: the failure, made as small as it could be.
    replay: Option<String>,
}

/// Runs `mutants`.
pub(crate) fn run(options: &Options) -> Ended {
    let known = || LADDERS.iter().map(|ladder| ladder.protocol);
    if let Some(name) = &options.protocol
        && !known().any(|protocol| protocol == name)
    {
        let known: Vec<_> = known().collect();
        return Err(Failure::Usage(format!("there is no protocol `{name}`; there are {}", known.join(", "))));
    }
    let stop = stop_on_signals();
    let limits = Limits { threads: options.threads.count(), ..Limits::default() };
    let begun = Instant::now();
    let (mut rejected, mut survived) = (0, 0);
    let mut sound = true;
    for ladder in LADDERS.iter().filter(|ladder| options.protocol.as_ref().is_none_or(|name| ladder.protocol == name)) {
        // First the protocol as it is: a ladder that rejects everything would say nothing.
        let names = variants(ladder)?;
        for variant in std::iter::once(None).chain(names.iter().map(|name| Some(name.as_str()))) {
            let gauge = Gauge::stopped_by(&stop);
            let begun = Instant::now();
            let label = format!("{}: {}", ladder.protocol, variant.unwrap_or("as it is"));
            let verdict = watched(&label, &gauge, None, || judge(ladder, variant, &limits, &gauge))?;
            if stop.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(Failure::Stopped);
            }
            match (variant, &verdict.rejected_by) {
                (None, None) => {}
                (None, Some(_)) => sound = false,
                (Some(_), Some(_)) => rejected += 1,
                (Some(_), None) => survived += 1,
            }
            show(ladder, &verdict, begun.elapsed().as_secs_f64(), options.json)?;
        }
    }
    if !options.json {
        let all = rejected + survived;
        print(format_args!(
            "{all} variants: {rejected} rejected, {survived} survive; {:.1} s",
            begun.elapsed().as_secs_f64()
        ))?;
    }
    if !sound {
        tell(format_args!("a protocol as it ships is rejected: run `verify`"));
    }
    Ok(sound && survived == 0)
}

fn show(ladder: &Ladder, verdict: &Verdict, seconds: f64, json: bool) -> Result<(), Failure> {
    let by = verdict.rejected_by.as_ref();
    let search = by.map(|(token, _)| {
        let kills = match token.spec.kills {
            0 => "no kill".to_owned(),
            1 => "1 kill".to_owned(),
            many => format!("{many} kills"),
        };
        format!("{}, {}, {kills}", token.scenario, model_name(token.spec.model))
    });
    let row = Row {
        name: verdict.variant.as_deref().unwrap_or("as it is"),
        protocol: ladder.protocol,
        verdict: match (&verdict.variant, by) {
            (_, Some(_)) => "rejected",
            (None, None) => "clean",
            (Some(_), None) => "survived",
        },
        rejected_by: search,
        promise: by.map(|(_, promise)| promise.as_str()),
        executions: verdict.executions,
        seconds: (seconds * 1000.0).round() / 1000.0,
        replay: by.map(|(token, _)| token.to_string()),
    };
    if json {
        return Ok(print_json(&row)?);
    }
    let what = match (row.verdict, &row.rejected_by, row.promise) {
        ("rejected", Some(by), Some(promise)) => format!("{by}: {promise}"),
        ("survived", ..) => "SURVIVED".to_owned(),
        (other, ..) => other.to_owned(),
    };
    print(format_args!("{:6} {:58} {:>10} {what}", row.protocol, row.name, count(row.executions)))?;
    Ok(())
}
