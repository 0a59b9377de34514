//! The searches that `verify` makes, and what they have to have come to.

use crate::case::Spec;
use crate::coverage::{NESTING_MAX, Point, RECOVERY};
use crate::memory::Model::{Pso, Sc, Tso, Weak};
use std::collections::BTreeSet;

/// One exhaustive search.
#[derive(Clone, Debug)]
pub struct Check {
    /// The scenario's name.
    pub scenario: &'static str,
    /// How it is run.
    pub spec: Spec,
    /// Whether `--quick` makes it too.
    pub quick: bool,
    /// About how many states there are, for an estimate of the time.
    pub states: u64,
}

const fn check(scenario: &'static str, spec: Spec, states: u64) -> Check {
    Check { scenario, spec, quick: false, states }
}

const fn quick(scenario: &'static str, spec: Spec, states: u64) -> Check {
    Check { scenario, spec, quick: true, states }
}

/// Every search, the cheapest of a protocol first.
pub const CHECKS: &[Check] = &[
    quick("slots-1", Spec::new(Sc, 2), 112_000),
    quick("slots-1", Spec::new(Sc, 2).synchronized(), 112_000),
    quick("slots-1", Spec::new(Weak, 1), 13_000),
    check("slots-1", Spec::new(Weak, 2), 190_000),
    check("slots-1", Spec::new(Weak, 2).synchronized(), 190_000),
    quick("slots-1-long", Spec::new(Weak, 0), 9_000),
    check("slots-1-long", Spec::new(Weak, 1), 400_000),
    quick("slots-1-mixed", Spec::new(Sc, 2), 435_000),
    check("slots-1-mixed", Spec::new(Sc, 2).synchronized(), 435_000),
    check("slots-1-mixed", Spec::new(Weak, 1), 64_000),
    quick("slots-observed", Spec::new(Sc, 1), 311_000),
    check("slots-observed", Spec::new(Sc, 2), 7_190_000),
    quick("slots-observed", Spec::new(Weak, 0), 32_000),
    check("slots-observed", Spec::new(Weak, 1), 4_050_000),
    quick("slots-peeked", Spec::new(Sc, 1), 163_000),
    check("slots-peeked", Spec::new(Weak, 1), 830_000),
    quick("slots-2", Spec::new(Sc, 1), 2_200_000),
    check("slots-2", Spec::new(Sc, 1).synchronized(), 2_200_000),
    check("slots-2", Spec::new(Tso, 1), 2_500_000),
    check("slots-2", Spec::new(Pso, 1), 2_500_000),
    check("slots-2", Spec::new(Weak, 0), 356_000),
    quick("slots-2-long", Spec::new(Weak, 0), 243_000),
    quick("slots-2-long", Spec::new(Sc, 1), 1_805_000),
    check("slots-2-long", Spec::new(Sc, 1).synchronized(), 1_805_000),
    check("slots-2-long", Spec::new(Tso, 1), 1_900_000),
    check("slots-3-long", Spec::new(Sc, 0), 19_620_000),
    check("slots-2", Spec::new(Sc, 2), 44_600_000),
    quick("slots-3", Spec::new(Sc, 0), 75_000),
    check("slots-3", Spec::new(Sc, 1), 6_300_000),
    quick("slots-sleep", Spec::new(Sc, 2), 59_000),
    quick("slots-sleep", Spec::new(Tso, 1), 20_000),
    quick("slots-sleep", Spec::new(Pso, 1), 20_000),
    quick("slots-sleep", Spec::new(Weak, 2), 227_000),
    check("slots-sleep-2", Spec::new(Sc, 1), 976_000),
    check("slots-sleep-2", Spec::new(Weak, 0), 2_492_000),
    quick("ready-3", Spec::new(Sc, 3), 14_200),
    quick("ready-3", Spec::new(Sc, 3).synchronized(), 14_200),
    quick("ready-3", Spec::new(Tso, 2), 10_000),
    quick("ready-3", Spec::new(Pso, 2), 10_000),
    quick("ready-3", Spec::new(Weak, 3), 14_600),
    quick("ready-tried", Spec::new(Sc, 2), 30_000),
    quick("ready-tried", Spec::new(Weak, 2), 40_000),
    quick("ready-in-place", Spec::new(Sc, 2), 2_800),
    quick("ready-in-place", Spec::new(Weak, 2), 2_900),
    quick("ready-sleep", Spec::new(Sc, 2), 121_000),
    quick("ready-sleep", Spec::new(Tso, 1), 40_000),
    quick("ready-sleep", Spec::new(Pso, 1), 40_000),
    quick("ready-sleep", Spec::new(Weak, 2), 1_230_000),
    quick("status-2", Spec::new(Sc, 2), 20_000),
    quick("status-2", Spec::new(Tso, 1), 20_000),
    quick("status-2", Spec::new(Pso, 1), 20_000),
    quick("status-2", Spec::new(Weak, 2), 32_000),
    quick("creation-observe", Spec::new(Sc, 2), 17_400),
    quick("creation-observe-removal", Spec::new(Sc, 1), 6_400),
    quick("creation-force", Spec::new(Sc, 1), 91_000),
    quick("creation-removers", Spec::new(Sc, 0), 200_000),
    quick("creation-rivals", Spec::new(Sc, 1), 800_000),
    check("creation-removal", Spec::new(Sc, 2), 1_370_000),
    check("creation-clear", Spec::new(Sc, 1), 1_250_000),
    check("creation-three", Spec::new(Sc, 0), 2_530_000),
    check("creation-umask", Spec::new(Sc, 1), 4_600_000),
    check("creation-umask-removal", Spec::new(Sc, 2), 7_320_000),
    check("creation-stops", Spec::new(Sc, 1), 3_640_000),
    check("creation-board", Spec::new(Sc, 0), 4_220_000),
    check("creation", Spec::new(Sc, 2), 7_620_000),
];

/// The points beside the sites of a protocol at which no process was killed in any of its searches: each site is one
/// before and one after, for a first kill and for another one during the recovery from it.
pub fn untouched(sites: &[&'static str], hits: &[Point]) -> Vec<String> {
    let hit: BTreeSet<_> = hits.iter().map(|point| (point.site.as_str(), point.after, point.nesting)).collect();
    // What only recovery comes to may be out of the way of a process that nobody has killed yet.
    let only_in_recovery = |site: &str| {
        let mut here = hits.iter().filter(|point| point.site == site).peekable();
        here.peek().is_some() && here.all(|point| point.operation == RECOVERY)
    };
    let mut missed = Vec::new();
    for &site in sites {
        let first = if only_in_recovery(site) { 2 } else { 1 };
        for after in [false, true] {
            for nesting in first..=NESTING_MAX {
                if !hit.contains(&(site, after, nesting)) {
                    let side = if after { "after" } else { "before" };
                    missed.push(format!("{side} {site}, kill {nesting}"));
                }
            }
        }
    }
    missed
}
