//! Every run that needs no Java: the same results, and the same counts that TLC is held to.
//!
//! `cargo specs` runs the same and those of TLC.

use lastword_specs::job::{Engine, Row};
use lastword_specs::manifest::{FindTools, Manifest};
use lastword_specs::schedule::{Event, run_all};
use lastword_specs::tlc::Tlc;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

mod common;

/// There are none, as on a machine without Java and without a network.
struct NoTools;

impl FindTools for NoTools {
    fn tlc(&self) -> Result<Tlc, String> {
        Err("no Java is needed".to_owned())
    }
    fn z3(&self) -> Result<PathBuf, String> {
        Err("no z3 is needed".to_owned())
    }
}

fn every_run_is_as_expected(manifest: &Path) -> usize {
    let manifest = Manifest::read(manifest).expect("a manifest");
    manifest.check(false).expect("a manifest without a mistake");
    let jobs = manifest.jobs(|entry| entry.engine == Engine::TlaChecker, false, &NoTools);
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
