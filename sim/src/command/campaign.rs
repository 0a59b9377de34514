//! What searches and random series come to, and what their parts add up to.

use super::output::count;
use lastword_sim::case::Spec;
use lastword_sim::coverage::{Coverage, Point};
use lastword_sim::exhaustive::Gauge;
use lastword_sim::token::{handover_name, model_name};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering::Relaxed;

/// What a campaign came to. Those of its parts can be added up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Campaign {
    /// The scenario.
    pub(crate) name: String,
    /// The memory model.
    pub(crate) model: String,
    /// What the kernel's hand-over of a role orders.
    pub(crate) handover: String,
    /// At most so many kills.
    pub(crate) kills: u8,
    /// The broken variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
    /// How the runs were chosen: `exhaustive`, or the method.
    pub(crate) method: String,
    /// What random runs were drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// How many random runs were asked for, of all parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<u64>,
    /// Whether everything asked for was run.
    pub(crate) complete: bool,
    /// Runs.
    pub(crate) executions: u64,
    /// Different states; 0 of random runs, which do not tell them apart.
    pub(crate) states: u64,
    /// Points at which a process could be killed.
    pub(crate) kill_points: usize,
    /// Those at which one was.
    pub(crate) kill_points_hit: usize,
    /// Broken promises found.
    pub(crate) violations: u32,
    /// Time taken.
    pub(crate) seconds: f64,
    /// The part that this is, and of how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<(u32, u32)>,
    /// The points that were hit, where this is a part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hits: Vec<Point>,
    /// The points that were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) missed: Vec<Point>,
    /// The first broken promise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) violation: Option<String>,
    /// The run that breaks it, for `replay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<String>,
}

/// The method of a search of every run.
pub(crate) const EXHAUSTIVE: &str = "exhaustive";

impl Campaign {
    /// What `gauge` and `coverage` say of a search by `method`, of this part if it is one.
    pub(crate) fn new(
        name: &str,
        spec: &Spec,
        method: &str,
        shard: Option<(u32, u32)>,
        gauge: &Gauge,
        seconds: f64,
        coverage: &Coverage,
    ) -> Self {
        Self {
            name: name.to_owned(),
            model: model_name(spec.model).to_owned(),
            handover: handover_name(spec.handover).to_owned(),
            kills: spec.kills,
            variant: spec.variant.clone(),
            method: method.to_owned(),
            seed: None,
            asked: None,
            complete: false,
            executions: gauge.executions.load(Relaxed),
            states: gauge.states.load(Relaxed),
            kill_points: coverage.reached(),
            kill_points_hit: coverage.hit(),
            violations: 0,
            seconds: (seconds * 1000.0).round() / 1000.0,
            shard,
            hits: if shard.is_some() { coverage.hits() } else { Vec::new() },
            missed: coverage.missed(),
            violation: None,
            replay: None,
        }
    }
}

/// A campaign in one line.
pub(crate) fn summary(campaign: &Campaign) -> String {
    let verdict = match (campaign.violations, campaign.complete) {
        (0, true) => "clean",
        (0, false) => "clean so far, NOT COMPLETE",
        _ => "VIOLATION",
    };
    let states = if campaign.states > 0 { format!(", {} states", count(campaign.states)) } else { String::new() };
    let seed = campaign.seed.map_or_else(String::new, |seed| format!(", seed {seed}"));
    format!(
        "{verdict}: {} {}, {}, {}, at most {} kills{seed}: {} runs{states}, {} of {} kill points, {:.1} s",
        campaign.name,
        campaign.model,
        campaign.method,
        campaign.handover,
        campaign.kills,
        count(campaign.executions),
        campaign.kill_points_hit,
        campaign.kill_points,
        campaign.seconds
    )
}
