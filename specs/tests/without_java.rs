//! Every run that needs no Java: the same results, and the same counts that TLC is held to.
//!
//! `cargo specs` runs the same and those of TLC.

use lastword_specs::job::{Engine, Row};
use lastword_specs::manifest::Manifest;
use lastword_specs::schedule::{Event, run_all};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

mod common;

fn every_run_is_as_expected(manifest: &Path) -> usize {
    let manifest = Manifest::read(manifest).expect("a manifest");
    manifest.check(false).expect("a manifest without a mistake");
    let jobs = manifest.jobs(|_, engine| engine == Engine::TlaChecker, || Err("no Java is needed".to_owned()));
    let jobs = jobs.expect("jobs");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wrong = Vec::new();
    let mut ended = 0;
    run_all(&jobs, cores, &Arc::new(AtomicBool::new(false)), |event| {
        if let Event::Ended { index, found, seconds } = event {
            ended += 1;
            let row = Row::new(jobs[index].title(), jobs[index].expectation(), &found, seconds);
            if let Some(why) = row.why {
                wrong.push(format!("{}: {why}\n{}", row.name, found.details));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(ended, jobs.len());
    ended
}

#[test]
fn every_run_of_the_specifications_is_as_expected() {
    every_run_is_as_expected(&lastword_specs::directory().join("runs.toml"));
}

#[test]
fn every_run_of_the_fixtures_is_as_expected() {
    assert_eq!(every_run_is_as_expected(&common::fixtures().join("runs.toml")), 10);
}
