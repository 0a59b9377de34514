//! Checks of a specification that are no search of its states: traces of the code, its states, the proof.

use crate::job::{Engine, Expectation, Found, Gauge, Job, Outcome, Title};
use crate::proof::{self, Mistake};
use crate::tlc::Tlc;
use crate::traces::{self, Protocol, equal, tlc as trace_tlc};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A table `[[check]]`: everything in it has to hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Unlike every other, and unlike that of a run.
    pub name: String,
    /// The specification: `Slots`, `Ready`, `Status`.
    pub spec: String,
    /// The module that is to do with it, without `.tla`.
    pub config: String,
    /// What is checked: `traces`, `states`, `z3`.
    pub engine: Engine,
    /// Whether it is one of the small ones. Of traces, a quick run takes fewer.
    #[serde(default)]
    pub quick: bool,
}

/// What checks need, each as far as one of them needs it.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// TLC.
    pub tlc: Option<Arc<Tlc>>,
    /// z3.
    pub z3: Option<PathBuf>,
}

impl Check {
    /// What is wrong with it.
    pub fn problem(&self, tla: &Path) -> Option<String> {
        let module = tla.join(&self.config).with_extension("tla");
        if !module.is_file() {
            return Some(format!("config: there is no {}", module.display()));
        }
        match (self.engine, &self.spec[..]) {
            (Engine::Traces, "Slots" | "Ready" | "Status") | (Engine::States | Engine::Z3, "Slots") => None,
            (engine, spec) => Some(format!("there is no check of {spec} by {engine}")),
        }
    }

    /// What there is to do, of it and of what it has to refuse. `tla` is where the modules are.
    pub fn jobs(&self, tla: &Path, tools: &Tools, quick: bool) -> Vec<Box<dyn Job>> {
        let title = Title {
            name: self.name.clone(),
            spec: self.spec.clone(),
            config: self.config.clone(),
            engine: self.engine,
        };
        let job = |title, expectation, mistake| -> Box<dyn Job> {
            let (modules, tools) = (tla.to_owned(), tools.clone());
            Box::new(CheckJob { title, expectation, mistake, modules, tools, quick })
        };
        let mut jobs = vec![job(title.clone(), Expectation::Pass { distinct_states: None, depth: None }, None)];
        if self.engine == Engine::Z3 {
            for mistake in Mistake::all() {
                let name = format!("{}: {mistake}", self.name);
                let title = Title { name, config: mistake.to_string(), ..title.clone() };
                jobs.push(job(title, Expectation::Fail(INDUCTIVE.to_owned()), Some(mistake)));
            }
        }
        jobs
    }
}

/// What does not hold of what is broken on purpose.
const INDUCTIVE: &str = "Inductive";

/// How many solvers work on the proof at a time.
const PROVERS: usize = 2;

struct CheckJob {
    title: Title,
    expectation: Expectation,
    /// What is broken on purpose.
    mistake: Option<Mistake>,
    modules: PathBuf,
    tools: Tools,
    quick: bool,
}

impl Job for CheckJob {
    fn title(&self) -> &Title {
        &self.title
    }

    fn expectation(&self) -> &Expectation {
        &self.expectation
    }

    fn threads(&self) -> usize {
        match self.title.engine {
            // The proof is one long job, of many questions.
            Engine::Z3 if self.mistake.is_none() => PROVERS,
            // Genuine traces and damaged ones at a time; where there are many, one is soon done and the other is not.
            Engine::Traces if self.quick => 2,
            _ => 1,
        }
    }

    fn run(&self, gauge: &Gauge) -> Found {
        let found = match (self.title.engine, &self.title.spec[..]) {
            (Engine::Traces, spec) => match Protocol::ALL.into_iter().find(|protocol| protocol.module() == spec) {
                Some(protocol) => self.traces(protocol, gauge),
                None => Err(format!("there are no traces of {spec}")),
            },
            (Engine::States, _) => self.states(gauge),
            _ => match self.mistake {
                None => self.proof(gauge),
                Some(mistake) => self.refutation(mistake, gauge),
            },
        };
        match found {
            _ if gauge.stopped() => Found::stopped(),
            Ok(found) => found,
            Err(why) => {
                let (first, rest) = why.split_once('\n').unwrap_or((&why, ""));
                Found { details: rest.to_owned(), ..Found::error(first) }
            }
        }
    }
}

impl CheckJob {
    fn tlc(&self, gauge: &Gauge) -> Result<trace_tlc::Tools, String> {
        let tlc = self.tools.tlc.clone().ok_or("TLC is needed and was not looked for")?;
        Ok(trace_tlc::Tools { tlc, modules: self.modules.clone(), short: self.quick, stop: gauge.stop() })
    }

    fn traces(&self, protocol: Protocol, gauge: &Gauge) -> Result<Found, String> {
        let tools = self.tlc(gauge)?;
        let mut details = String::new();
        let mut states = 0;
        let mut sums =
            [("executions", 0), ("traces", 0), ("events", 0), ("accepted", 0), ("damaged", 0), ("refused", 0)];
        let report = traces::check(&tools, protocol, self.quick, &mut |row| {
            let (damaged, refused) = row.damage();
            let these = [row.executions, row.traces, row.events, row.accepted, damaged, refused];
            for (sum, this) in sums.iter_mut().zip(these) {
                sum.1 += this as u64;
            }
            states += row.states;
            gauge.states.store(states, Relaxed);
            details.push_str(&format!("{row}\n"));
        })?;
        let mut figures: Vec<_> = sums.into();
        figures.extend([("parts", report.parts as u64), ("uncovered", report.uncovered.len() as u64)]);
        if let Some(broken) = &report.broken {
            let unseen = broken.all.iter().filter(|variant| variant.rejected == 0).count();
            figures.extend([("variants", broken.all.len() as u64), ("variants_unseen", unseen as u64)]);
        }
        let outcome = match report.uncovered.len() {
            0 => Outcome::Pass,
            uncovered => {
                // Either the code cannot do that, and the specification has too much; or `sets.rs` lacks something.
                details = report.uncovered.join("\n");
                let module = protocol.module();
                Outcome::Error(format!("no execution exercises these {uncovered} parts of the actions of {module}.tla"))
            }
        };
        Ok(Found { outcome, distinct_states: Some(states), depth: None, details, figures })
    }

    fn states(&self, gauge: &Gauge) -> Result<Found, String> {
        let tools = self.tlc(gauge)?;
        let compared = equal::compare(&tools)?;
        let figures = vec![("code_states", compared.code as u64), ("spec_states", compared.specification as u64)];
        let distinct_states = Some(compared.specification as u64);
        Ok(Found { outcome: Outcome::Pass, distinct_states, depth: None, details: String::new(), figures })
    }

    fn proof(&self, gauge: &Gauge) -> Result<Found, String> {
        let z3 = self.tools.z3.as_ref().ok_or("z3 is needed and was not looked for")?;
        let stopped = || gauge.stopped();
        let report = proof::prove(&self.modules, z3, self.threads(), &stopped).map_err(|error| error.to_string())?;
        let wrong = report.wrong();
        let discharged = report.obligations.iter().filter(|obligation| obligation.is_discharged()).count();
        let agreements: usize = report.agreements.iter().map(|agreement| agreement.answers).sum();
        let figures =
            [("obligations", report.obligations.len()), ("discharged", discharged), ("agreements", agreements)];
        let outcome = match wrong.len() {
            0 => Outcome::Pass,
            wrong => Outcome::Error(format!("{wrong} answers are not as they have to be")),
        };
        let figures = figures.map(|(name, figure)| (name, figure as u64)).into();
        Ok(Found { outcome, distinct_states: None, depth: None, details: wrong.join("\n"), figures })
    }

    fn refutation(&self, mistake: Mistake, gauge: &Gauge) -> Result<Found, String> {
        let z3 = self.tools.z3.as_ref().ok_or("z3 is needed and was not looked for")?;
        let refuted =
            proof::refute(&self.modules, z3, mistake, &|| gauge.stopped()).map_err(|error| error.to_string())?;
        let (outcome, details) = match refuted.len() {
            0 => (Outcome::Pass, String::new()),
            _ => (Outcome::Fail(vec![INDUCTIVE.to_owned()]), format!("not kept: {}", refuted.join(", "))),
        };
        Ok(Found { outcome, distinct_states: None, depth: None, details, figures: Vec::new() })
    }
}
