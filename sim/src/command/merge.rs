//! `merge`: adds up the parts of a campaign.

use super::campaign::{Campaign, summary};
use super::output::{Ended, Failure, print, print_json, tell};
use lastword_sim::coverage::Point;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Options of `merge`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Files of results, as `search`, `random` and `verify` print them with `--json` and `--shard`
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON object a line: one for each campaign
    #[arg(long)]
    json: bool,
}

/// What parts have in common.
type Key = (String, String, String, u8, Option<String>, String, Option<u64>, Option<u64>, u32);

/// Runs `merge`.
pub(crate) fn run(options: &Options) -> Ended {
    let mut parts: BTreeMap<Key, BTreeMap<u32, Campaign>> = BTreeMap::new();
    for file in &options.files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let place = || format!("{}, line {}", file.display(), number + 1);
            let part: Campaign = serde_json::from_str(line)
                .map_err(|error| format!("{}: no result of this command: {error}", place()))?;
            let Some((shard, shards)) = part.shard else {
                return Err(Failure::Usage(format!("{}: not a part: it was made without --shard", place())));
            };
            let key = (
                part.name.clone(),
                part.model.clone(),
                part.handover.clone(),
                part.kills,
                part.variant.clone(),
                part.method.clone(),
                part.seed,
                part.asked,
                shards,
            );
            if parts.entry(key).or_default().insert(shard, part).is_some() {
                return Err(Failure::Usage(format!("{}: part {shard} of {shards} is there twice", place())));
            }
        }
    }
    let mut clean = true;
    for (key, parts) in parts {
        let shards = key.8;
        let missing: Vec<_> =
            (0..shards).filter(|shard| !parts.contains_key(shard)).map(|shard| shard.to_string()).collect();
        let Some(mut whole) = add(parts.into_values()) else { continue };
        if !missing.is_empty() {
            whole.complete = false;
            tell(format_args!(
                "{} {}: parts are missing, of {shards}: {}",
                whole.name,
                whole.model,
                missing.join(", ")
            ));
        }
        clean &= whole.violations == 0 && whole.complete;
        if options.json {
            print_json(&whole)?;
        } else {
            print(format_args!("{}", summary(&whole)))?;
            if let (Some(violation), Some(replay)) = (&whole.violation, &whole.replay) {
                print(format_args!("  {violation}\n  replay '{replay}'"))?;
            }
        }
    }
    Ok(clean)
}

/// The sum of some parts. States that two of them met are counted twice.
fn add(parts: impl Iterator<Item = Campaign>) -> Option<Campaign> {
    let mut whole: Option<Campaign> = None;
    let (mut hits, mut missed): (BTreeSet<Point>, BTreeSet<Point>) = Default::default();
    for mut part in parts {
        hits.extend(part.hits.drain(..));
        missed.extend(part.missed.drain(..));
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => {
                whole.complete &= part.complete;
                whole.executions += part.executions;
                whole.states += part.states;
                whole.violations += part.violations;
                whole.seconds += part.seconds;
                whole.violation = whole.violation.take().or(part.violation);
                whole.replay = whole.replay.take().or(part.replay);
            }
        }
    }
    let mut whole = whole?;
    let missed: Vec<_> = missed.difference(&hits).cloned().collect();
    whole.kill_points_hit = hits.len();
    whole.kill_points = hits.len() + missed.len();
    whole.missed = missed;
    whole.shard = None;
    Some(whole)
}
