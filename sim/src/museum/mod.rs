//! Designs that are wrong, each with the shortest run in which it fails.
//!
//! Each piece is a well-known or published way to share memory, as a small protocol over the same
//! [`Memory`](lastword_protocol::memory::Memory) as the protocols that ship, under a judge that wants what its users
//! want. Most have a repaired variant next to them, which the same search under the same judge finds nothing in: what
//! fails is the design, not the judge.
//!
//! A piece models the part of a design that fails, and says what it leaves out. It is not the library's code.

mod boolean_flag;
mod creation;
mod dekker;
mod design;
mod drop_clears;
mod mutex;
mod ring;
mod ring_private;
mod seqlock;
mod slots;
mod status;
mod two_buffers;

use crate::case::numbered;
use crate::exhaustive::{Found, Gauge, shortest, tell};
use crate::memory::Model;
use crate::trace::{Line, What};
use crate::world::{Setting, World};
use lastword_protocol::model::{Scenario, Violation};
use std::sync::atomic::Ordering::Relaxed;

/// A design that is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Its name on a command line.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Whose design it is, which part of it is modelled, and which is not.
    pub models: &'static str,
    /// Why it fails, and what does it right.
    pub why: &'static str,
    pub(crate) show: fn(&Gauge) -> Exhibit,
    pub(crate) repaired: Option<fn(&Gauge) -> Exhibit>,
}

impl Piece {
    /// Searches for the shortest failure.
    pub fn show(&self, gauge: &Gauge) -> Exhibit {
        (self.show)(gauge)
    }

    /// The same search of the repaired variant, where there is one.
    pub fn show_repaired(&self, gauge: &Gauge) -> Option<Exhibit> {
        self.repaired.map(|show| show(gauge))
    }
}

/// What a search of a piece came to.
#[derive(Debug)]
pub struct Exhibit {
    /// The run with the fewest kills, and of those the one with the fewest steps, that breaks a promise.
    pub found: Option<Found>,
    /// What happens in it.
    pub lines: Vec<Line>,
    /// How that run ended when it was run again for `lines`.
    pub replayed: Result<(), Violation>,
    /// What each process is called.
    pub roles: Vec<String>,
    /// The memory model.
    pub model: Model,
    /// How many kills the search allowed in a run, in the end.
    pub kills: u8,
    /// Different states, of all searches together.
    pub states: u64,
    /// Runs, to their end or to a state that was met before.
    pub executions: u64,
    /// Whether the searches were small enough to look at everything, or were ended by what they found.
    pub complete: bool,
}

impl Exhibit {
    /// How many accesses there are in the run.
    pub fn steps(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.what, What::Access { .. })).count()
    }
}

/// Every piece.
pub const PIECES: &[Piece] = &[
    boolean_flag::PIECE,
    status::PIECE,
    mutex::PIECE,
    two_buffers::COUNT_TOO_LATE,
    two_buffers::COUNT_LEAKS,
    seqlock::PIECE,
    drop_clears::PIECE,
    creation::PIECE,
    ring::PIECE,
    ring_private::PIECE,
    slots::PIECE,
    dekker::PIECE,
];

/// The piece with this name.
pub fn piece(name: &str) -> Option<&'static Piece> {
    PIECES.iter().find(|piece| piece.name == name)
}

/// Far more than any piece has.
const STATES_MAX: u64 = 2_000_000;

/// Searches for the shortest failure of a scenario: without kills, then with one, and so on.
fn shortest_failure<S: Scenario + Clone + 'static>(
    scenario: &S,
    model: Model,
    kills_max: u8,
    gauge: &Gauge,
) -> Exhibit {
    debug_assert!(S::SITES.iter().enumerate().all(|(at, site)| usize::from(site.id) == at), "sites are in order");
    let before = (gauge.states.load(Relaxed), gauge.executions.load(Relaxed));
    let mut exhibit = Exhibit {
        found: None,
        lines: Vec::new(),
        replayed: Ok(()),
        roles: numbered(&(0..scenario.processes()).map(|process| scenario.role(process)).collect::<Vec<_>>()),
        model,
        kills: 0,
        states: 0,
        executions: 0,
        complete: true,
    };
    for kills in 0..=kills_max {
        let mut world = match World::new(scenario, &Setting::new(model, kills)) {
            Ok(world) => world,
            Err(error) => panic!("a piece is small: {error}"),
        };
        let so_far = gauge.states.load(Relaxed);
        exhibit.kills = kills;
        exhibit.found = shortest(&mut world, STATES_MAX, gauge);
        if let Some(found) = &exhibit.found {
            (exhibit.replayed, exhibit.lines) = tell(&mut world, &found.answers);
            break;
        }
        exhibit.complete &= gauge.states.load(Relaxed) - so_far <= STATES_MAX && !gauge.stop.load(Relaxed);
    }
    exhibit.states = gauge.states.load(Relaxed) - before.0;
    exhibit.executions = gauge.executions.load(Relaxed) - before.1;
    exhibit
}
