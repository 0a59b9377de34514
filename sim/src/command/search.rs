//! `search`, `random` and `list`.

use super::campaign::{Campaign, EXHAUSTIVE, summary};
use super::draw::Draw;
use super::output::{Ended, Failure, count, print, print_json, print_told, replay_command, tell};
use super::watch::{stop_on_signals, watched};
use lastword_sim::case::{self, Case, Spec};
use lastword_sim::exhaustive::{self, Gauge, Limits};
use lastword_sim::memory::{Handover, Model};
use lastword_sim::sample::{Method, Sampling};
use lastword_sim::token::{Token, parse_handover, parse_model};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How many threads.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Threads {
    /// How many threads; as many as there are cores, if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl Threads {
    pub(crate) fn count(self) -> usize {
        self.threads.map_or_else(exhaustive::threads, usize::from)
    }
}

/// How the scenario is run.
#[derive(Debug, clap::Args)]
struct How {
    /// The scenario, by its name in `list`
    scenario: String,
    /// What a load may find: sc, tso, pso, weak
    #[arg(long, default_value = "sc", value_parser = parse_model)]
    model: Model,
    /// At most so many kills in one run
    #[arg(long, default_value_t = 1)]
    kills: u8,
    /// Whether the kernel's hand-over of a role orders memory: bare (it does not), synchronized
    #[arg(long, default_value = "bare", value_parser = parse_handover)]
    handover: Handover,
    /// A broken variant of the protocol, by its name in `list --variants`
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
    /// Only part I of N, counted from 0
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(u32, u32)>,
    #[command(flatten)]
    draw: Draw,
}

/// Options of `search`.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchOptions {
    #[command(flatten)]
    how: How,
    /// Give up beyond so many states, of 8 to 16 bytes each
    #[arg(long, value_name = "N", default_value_t = Limits::default().states_max)]
    states_max: u64,
}

/// Options of `random`.
#[derive(Debug, clap::Args)]
pub(crate) struct RandomOptions {
    #[command(flatten)]
    how: How,
    /// How processes are chosen: random, bursts, or pct:DEPTH
    #[arg(long, default_value = "random", value_parser = method)]
    method: Method,
    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    executions: u64,
    /// Stop after so many seconds, even if not all runs were run
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// What the runs are drawn from; the same one gives the same runs
    #[arg(long)]
    seed: Option<u64>,
    /// A process dies with a chance of 1 in N at each point
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..))]
    dies_one_in: u32,
}

/// Options of `list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListOptions {
    /// The broken variants too
    #[arg(long)]
    variants: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Parses `I/N`.
pub(crate) fn shard(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('/').and_then(|(part, all)| Some((part.parse().ok()?, all.parse().ok()?)));
    match parsed {
        Some((part, all)) if part < all => Ok((part, all)),
        _ => Err(format!("`{text}` is not I/N with I from 0 to N-1, as in 0/4 or 3/4")),
    }
}

fn method(text: &str) -> Result<Method, String> {
    match (text, text.strip_prefix("pct:").map(str::parse)) {
        ("random", _) => Ok(Method::Random),
        ("bursts", _) => Ok(Method::Bursts),
        (_, Some(Ok(depth))) if (1..=32).contains(&depth) => Ok(Method::Pct(depth)),
        _ => Err(format!("`{text}` is no method: random, bursts, or pct:DEPTH with a depth of 1 to 32, as in pct:3")),
    }
}

impl How {
    fn case(&self) -> Result<&'static dyn Case, Failure> {
        case::find(&self.scenario)
            .ok_or_else(|| Failure::Usage(format!("there is no scenario `{}`; `list` shows them", self.scenario)))
    }

    fn spec(&self) -> Spec {
        Spec { model: self.model, kills: self.kills, handover: self.handover, variant: self.variant.clone() }
    }
}

/// Runs `search`.
pub(crate) fn search(options: &SearchOptions) -> Ended {
    let how = &options.how;
    let (case, spec) = (how.case()?, how.spec());
    how.draw.check()?;
    let stop = stop_on_signals();
    let gauge = Gauge::stopped_by(&stop);
    let limits =
        Limits { threads: how.threads.count(), states_max: options.states_max, shard: how.shard.unwrap_or((0, 1)) };
    let begun = Instant::now();
    let searched = watched(case.name(), &gauge, None, || case.search(&spec, &limits, &gauge))?;
    let seconds = begun.elapsed().as_secs_f64();
    let campaign = Campaign {
        complete: searched.complete,
        ..Campaign::new(case.name(), &spec, EXHAUSTIVE, how.shard, &gauge, seconds, &searched.coverage)
    };
    let found = searched.found.map(|found| found.answers);
    if stop.load(Relaxed) {
        finish(campaign, case, &spec, None, how)?;
        return Err(Failure::Stopped);
    }
    let complete = campaign.complete;
    let clean = finish(campaign, case, &spec, found.as_deref(), how)?;
    if clean && !complete {
        tell(format_args!("not everything was searched: there are more than {} states", count(options.states_max)));
    }
    Ok(clean && complete)
}

/// Runs `random`.
pub(crate) fn random(options: &RandomOptions) -> Ended {
    let how = &options.how;
    let (case, spec) = (how.case()?, how.spec());
    how.draw.check()?;
    if how.shard.is_some() && options.seed.is_none() {
        let error = "the parts of a series have its seed in common: give all of them the same --seed";
        return Err(Failure::Usage(error.to_owned()));
    }
    let seed = options.seed.unwrap_or_else(rand::random);
    let stop = stop_on_signals();
    let gauge = Gauge::default();
    let sampling = Sampling {
        method: options.method,
        executions: options.executions,
        seed,
        dies_one_in: options.dies_one_in,
        threads: how.threads.count(),
        shard: how.shard.unwrap_or((0, 1)),
    };
    let total = options.executions / u64::from(sampling.shard.1);
    let begun = Instant::now();
    let limit = options.seconds.map(Duration::from_secs);
    let done = AtomicBool::new(false);
    let sampled = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                if stop.load(Relaxed) || limit.is_some_and(|limit| begun.elapsed() >= limit) {
                    gauge.stop.store(true, Relaxed);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let sampled = watched(case.name(), &gauge, Some(total), || case.sample(&spec, &sampling, &gauge));
        done.store(true, Relaxed);
        sampled
    })?;
    let method = match options.method {
        Method::Random => "random".to_owned(),
        Method::Bursts => "bursts".to_owned(),
        Method::Pct(depth) => format!("pct:{depth}"),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let campaign = Campaign {
        complete: sampled.complete,
        seed: Some(seed),
        asked: Some(options.executions),
        ..Campaign::new(case.name(), &spec, &method, how.shard, &gauge, seconds, &sampled.coverage)
    };
    let found = sampled.found.map(|(_, found)| found.answers);
    let clean = finish(campaign, case, &spec, found.as_deref(), how)?;
    if stop.load(Relaxed) { Err(Failure::Stopped) } else { Ok(clean) }
}

/// Prints what a campaign came to, its failure made small, and draws that; whether there is none.
fn finish(
    mut campaign: Campaign,
    case: &dyn Case,
    spec: &Spec,
    found: Option<&[u8]>,
    how: &How,
) -> Result<bool, Failure> {
    let shrunk = match found {
        None => None,
        Some(answers) => Some(case.shrink(spec, answers)?),
    };
    let token = shrunk.as_ref().map(|shrunk| Token {
        scenario: campaign.name.clone(),
        spec: spec.clone(),
        script: Some(shrunk.script.clone()),
        answers: shrunk.answers.clone(),
    });
    campaign.violations = shrunk.is_some().into();
    campaign.violation = shrunk.as_ref().map(|shrunk| shrunk.violation.to_string());
    campaign.replay = token.as_ref().map(Token::to_string);
    let told = match &token {
        Some(token) => Some(case.tell(spec, token.script.as_deref(), &token.answers)?),
        None => None,
    };
    match (&token, &told) {
        (Some(token), Some(told)) => how.draw.run(case, token, told)?,
        _ => how.draw.nothing(),
    }
    if how.json {
        print_json(&campaign)?;
        return Ok(campaign.violations == 0);
    }
    if let (Some(shrunk), Some(token), Some(told)) = (&shrunk, &token, &told) {
        print_told(told, &case.roles())?;
        print(format_args!(
            "made small in {} runs: {} kills, {} switches of the process",
            count(shrunk.tries),
            shrunk.kills,
            shrunk.switches
        ))?;
        print(format_args!("again: {}", replay_command(token)))?;
    }
    print(format_args!("{}", summary(&campaign)))?;
    Ok(campaign.violations == 0)
}

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    processes: Vec<(String, Vec<String>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variants: Vec<String>,
}

/// Runs `list`.
pub(crate) fn list(options: &ListOptions) -> Ended {
    let mut shown = Vec::new();
    for case in case::CASES {
        let processes: Vec<_> = case.roles().into_iter().zip(case.operations()).collect();
        let variants = if options.variants { case.variants() } else { Vec::new() };
        if options.json {
            print_json(&Listed { name: case.name(), processes, variants })?;
            continue;
        }
        print(format_args!("{}", case.name()))?;
        for (role, operations) in processes {
            print(format_args!("  {role:12} {}", operations.join(", ")))?;
        }
        if !variants.is_empty() && !shown.contains(&variants) {
            print(format_args!("  variants, of every scenario of this protocol:"))?;
            for variant in &variants {
                print(format_args!("    {variant}"))?;
            }
            shown.push(variants);
        }
    }
    Ok(true)
}
