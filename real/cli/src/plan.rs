//! The kill plan: who is killed when, and for how long, drawn wholly from the seed before anything starts.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// One kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    /// When, counted from the start of the run.
    pub(crate) at: Duration,
    /// Who.
    pub(crate) victim: usize,
    /// How long after its death it is started again.
    pub(crate) restart_after: Duration,
}

/// What the supervisor does to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// `SIGKILL`.
    Kill,
    /// A new process in the same roles.
    Start,
}

/// One action at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// When, counted from the start of the run.
    pub(crate) at: Duration,
    /// To whom.
    pub(crate) process: usize,
    /// What.
    pub(crate) action: Action,
}

/// All kills of a run, in order.
#[derive(Debug)]
pub(crate) struct Plan {
    kills: Vec<Kill>,
}

/// One kill in five is an ambush: it comes this soon after a restart, and so hits start-up and recovery.
const AMBUSH_MAX: Duration = Duration::from_millis(5);
/// One ambush for four other kills.
const OTHERS_PER_AMBUSH: u32 = 4;

fn up_to(rng: &mut ChaCha8Rng, longest: Duration) -> Duration {
    Duration::from_micros(rng.random_range(0..=longest.as_micros() as u64))
}

impl Plan {
    /// Draws the kills of `length`, one every `average`; none where `average` is zero.
    pub(crate) fn draw(seed: u64, processes: usize, length: Duration, average: Duration) -> Self {
        let mut kills = Vec::new();
        if average.is_zero() {
            return Self { kills };
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let gap_max = average * 2 * (OTHERS_PER_AMBUSH + 1) / OTHERS_PER_AMBUSH;
        let mut alive_from = vec![Duration::ZERO; processes];
        let mut at = Duration::ZERO;
        loop {
            at += up_to(&mut rng, gap_max);
            // With everybody dead, the next one to come back is waited for.
            at = at.max(alive_from.iter().copied().min().unwrap_or_default());
            if at >= length {
                break;
            }
            let alive: Vec<usize> = (0..processes).filter(|&process| alive_from[process] <= at).collect();
            let victim = alive[rng.random_range(0..alive.len())];
            let mut kill = |rng: &mut ChaCha8Rng, at: Duration| {
                // Half of the dead are back at once.
                let restart_after = if rng.random() { Duration::ZERO } else { up_to(rng, average) };
                kills.push(Kill { at, victim, restart_after });
                at + restart_after
            };
            alive_from[victim] = kill(&mut rng, at);
            let ambush = alive_from[victim] + up_to(&mut rng, AMBUSH_MAX);
            if rng.random_range(0..OTHERS_PER_AMBUSH) == 0 && ambush < length {
                alive_from[victim] = kill(&mut rng, ambush);
            }
        }
        kills.sort_by_key(|kill| kill.at);
        Self { kills }
    }

    /// How many kills.
    pub(crate) fn len(&self) -> usize {
        self.kills.len()
    }

    /// Kills and restarts, in the order in which they are done.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = self
            .kills
            .iter()
            .flat_map(|&Kill { at, victim: process, restart_after }| {
                [
                    Step { at, process, action: Action::Kill },
                    Step { at: at + restart_after, process, action: Action::Start },
                ]
            })
            .collect();
        // Stable: a restart at once stays behind its kill.
        steps.sort_by_key(|step| step.at);
        steps
    }

    /// A number that two plans share only if they are the same.
    pub(crate) fn hash(&self) -> u64 {
        let words = self
            .kills
            .iter()
            .flat_map(|kill| [kill.at.as_micros() as u64, kill.victim as u64, kill.restart_after.as_micros() as u64]);
        // FNV-1a over words; the plan is no secret.
        words.fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64, processes: usize, average_ms: u64) -> Plan {
        Plan::draw(seed, processes, Duration::from_secs(20), Duration::from_millis(average_ms))
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        assert_eq!(plan(1, 4, 40).kills, plan(1, 4, 40).kills);
        assert_eq!(plan(1, 4, 40).hash(), plan(1, 4, 40).hash());
        assert_ne!(plan(1, 4, 40).hash(), plan(2, 4, 40).hash());
        assert_ne!(plan(1, 4, 40).hash(), plan(1, 5, 40).hash());
    }

    #[test]
    fn only_the_living_are_killed_and_only_the_dead_started() {
        for seed in 0..50 {
            for (processes, average) in [(2, 1), (2, 40), (4, 40), (64, 5)] {
                let plan = plan(seed, processes, average);
                let mut alive = vec![true; processes];
                let mut before = Duration::ZERO;
                for step in plan.steps() {
                    assert!(step.at >= before);
                    before = step.at;
                    assert_eq!(alive[step.process], step.action == Action::Kill, "{step:?} of seed {seed}");
                    alive[step.process] = !alive[step.process];
                }
                assert!(alive.iter().all(|&alive| alive), "everybody is started again in the end");
            }
        }
    }

    #[test]
    fn kills_come_as_often_as_asked_for() {
        for average in [10, 40, 200] {
            let kills: usize = (0..20).map(|seed| plan(seed, 4, average).len()).sum();
            let expected = 20 * 20_000 / average as usize;
            assert!(kills > expected * 8 / 10 && kills < expected * 12 / 10, "{kills} kills, {expected} expected");
        }
    }

    #[test]
    fn everybody_is_killed_and_some_are_killed_as_they_start() {
        let plan = plan(3, 4, 40);
        for process in 0..4 {
            let steps: Vec<Step> = plan.steps().into_iter().filter(|step| step.process == process).collect();
            let ambushes = steps
                .windows(2)
                .filter(|pair| pair[0].action == Action::Start && pair[1].at - pair[0].at <= AMBUSH_MAX)
                .count();
            assert!(steps.len() > 20 && ambushes > 3, "process {process}: {} steps, {ambushes} ambushes", steps.len());
        }
    }

    #[test]
    fn an_average_of_zero_means_no_kills() {
        assert_eq!(plan(1, 4, 0).len(), 0);
    }
}
