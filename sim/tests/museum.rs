//! Every piece of the museum is found wrong, and the repaired ones are not.

use lastword_sim::exhaustive::Gauge;
use lastword_sim::museum::{PIECES, Piece};
use lastword_sim::trace::What;
use std::time::{Duration, Instant};

/// What each piece breaks, and with how many kills.
const EXPECTED: &[(&str, &str, u8)] = &[
    ("boolean-ready-flag", "every message arrives once and in order", 1),
    ("dirty-status-struct", "a snapshot is of one moment", 0),
    ("mutex-whose-owner-dies", "nobody waits for ever", 1),
    ("two-buffers-reader-count", "a value is whole", 0),
    ("reader-count-leaks", "nobody waits for ever", 1),
    ("seqlock-without-fences", "a value is whole", 0),
    ("flag-only-drop-clears", "a restarted process gets its role back", 1),
    ("two-step-creation", "nobody waits for ever", 1),
    ("ring-index-before-payload", "nobody waits for ever", 1),
    ("ring-private-index", "every message arrives once and in order", 1),
    ("one-slot-too-few", "Inv 3: a publish within the capacity finds a free slot", 0),
    ("dekker-with-plain-stores", "one process at a time is inside", 0),
];

#[test]
fn every_piece_is_found_wrong_and_its_run_can_be_run_again() {
    assert_eq!(PIECES.len(), EXPECTED.len());
    for (piece, &(name, promise, kills)) in PIECES.iter().zip(EXPECTED) {
        assert_eq!(piece.name, name);
        let begun = Instant::now();
        let exhibit = piece.show(&Gauge::default());
        let took = begun.elapsed();
        let found = exhibit.found.unwrap_or_else(|| panic!("{name}: nothing found"));
        let accesses = exhibit.lines.iter().filter(|line| matches!(line.what, What::Access { .. })).count();
        println!(
            "{name}: {}; {accesses} accesses, {} kills, {:?}, {} states, {took:?}",
            found.violation, exhibit.kills, exhibit.model, exhibit.states
        );
        for line in &exhibit.lines {
            println!("    {:10} {} {}", exhibit.roles[line.process], line.incarnation, line.what);
        }
        assert!(found.violation.promise.starts_with(promise), "{name}: {}", found.violation);
        assert_eq!(exhibit.kills, kills, "{name}");
        assert_eq!(exhibit.replayed, Err(found.violation), "{name}");
        let died = exhibit.lines.iter().filter(|line| matches!(line.what, What::Dies { .. })).count();
        assert_eq!(died, usize::from(kills), "{name}: a run of the fewest kills has as many as the search allowed");
        assert!(took < Duration::from_secs(10), "{name} took {took:?}");
    }
}

#[test]
fn a_search_finds_the_same_run_each_time() {
    for piece in PIECES {
        let answers = |piece: &Piece| piece.show(&Gauge::default()).found.map(|found| found.answers);
        assert_eq!(answers(piece), answers(piece), "{}", piece.name);
    }
}

#[test]
fn the_same_judge_and_search_find_nothing_in_what_is_repaired() {
    let mut repaired = 0;
    for piece in PIECES {
        let Some(exhibit) = piece.show_repaired(&Gauge::default()) else { continue };
        println!("{}: {} kills, {} states", piece.name, exhibit.kills, exhibit.states);
        for line in &exhibit.lines {
            println!("    {:10} {} {}", exhibit.roles[line.process], line.incarnation, line.what);
        }
        assert!(exhibit.found.is_none(), "{}: {:?}", piece.name, exhibit.found);
        assert!(exhibit.complete && exhibit.executions > 0, "{}", piece.name);
        repaired += 1;
    }
    assert_eq!(repaired, PIECES.len());
}

#[test]
fn pieces_have_names_of_their_own_that_a_shell_likes() {
    for (at, piece) in PIECES.iter().enumerate() {
        assert!(piece.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", piece.name);
        assert!(PIECES[..at].iter().all(|other| other.name != piece.name), "{}", piece.name);
        assert_eq!(lastword_sim::museum::piece(piece.name).map(|piece| piece.title), Some(piece.title));
    }
}
