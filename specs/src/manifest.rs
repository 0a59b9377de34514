//! The manifest: every run, and what it must come to.

use crate::checker;
use crate::checks::{self, Check};
use crate::job::{Engine, Expectation, Found, Gauge, Job, Title};
use crate::model::Model;
use crate::tlc::{Search, Tlc};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Every run.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Where it was read.
    pub path: PathBuf,
    /// The runs, in its order.
    pub runs: Vec<Run>,
    /// The checks, in its order.
    pub checks: Vec<Check>,
}

/// Something that can be chosen: a run by one of its engines, or a check.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// What runs it.
    pub engine: Engine,
    /// Whether it is one of the small ones.
    pub quick: bool,
}

/// Finds what engines need.
pub trait FindTools {
    /// TLC.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn tlc(&self) -> Result<Tlc, String>;

    /// z3.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn z3(&self) -> Result<PathBuf, String>;
}

/// A table `[[run]]`: a model, checked by every one of its engines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Unlike every other.
    pub name: String,
    /// The specification: `Slots`, `Register`.
    pub spec: String,
    /// The module, beside the manifest in `tla`, without `.tla`.
    pub module: String,
    /// Its configuration, without `.cfg`.
    pub config: String,
    /// What checks it.
    pub engines: Vec<Engine>,
    /// Whether it is one of the small ones.
    #[serde(default)]
    pub quick: bool,
    /// Whether everything must hold, or something be violated.
    pub expected: Expected,
    /// The invariant or property that must be violated.
    pub violates: Option<String>,
    /// How many distinct states there are.
    pub distinct_states: Option<u64>,
    /// How deep the search is; 1 is the depth of the initial states.
    pub depth: Option<u64>,
    /// With how many threads TLC checks it; 1, if it is not said. With more, its depth is not exact, and may be found
    /// larger than it is pinned.
    pub workers: Option<NonZeroUsize>,
}

/// Whether everything must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// It must.
    Pass,
    /// Something must be violated.
    Fail,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug)]
pub struct ManifestError {
    /// The manifest.
    pub path: PathBuf,
    /// What is wrong, each in a line.
    pub problems: Vec<String>,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problems.join("\n  "))
    }
}

impl std::error::Error for ManifestError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    run: Vec<Run>,
    #[serde(default)]
    check: Vec<Check>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no manifest. [`check`](Self::check) has what else can be wrong.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let failed = |problem| ManifestError { path: path.to_owned(), problems: vec![problem] };
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let tables: Tables = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let path = std::path::absolute(path).map_err(|error| failed(error.to_string()))?;
        Ok(Self { path, runs: tables.run, checks: tables.check })
    }

    /// What is wrong with its runs; nothing else is run then. `unpinned`: counts may be missing, as before `--bless`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub fn check(&self, unpinned: bool) -> Result<(), ManifestError> {
        let mut problems = Vec::new();
        let mut names = BTreeSet::new();
        if self.runs.is_empty() {
            problems.push("there is no [[run]]".to_owned());
        }
        for run in &self.runs {
            if !names.insert(&run.name) {
                problems.push(format!("{}: there are two runs of this name", run.name));
            }
            problems.extend(run.problems(&self.tla(), unpinned).into_iter().map(|why| format!("{}: {why}", run.name)));
        }
        for check in &self.checks {
            if !names.insert(&check.name) {
                problems.push(format!("{}: there are two of this name", check.name));
            }
            problems.extend(check.problem(&self.tla()).map(|why| format!("{}: {why}", check.name)));
        }
        if problems.is_empty() { Ok(()) } else { Err(ManifestError { path: self.path.clone(), problems }) }
    }

    /// Where the modules are.
    pub fn tla(&self) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join("tla")
    }

    /// Everything there is.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let of = |run| {
            let Run { name, quick, engines, .. }: &Run = run;
            engines.iter().map(|engine| Entry { name, engine: *engine, quick: *quick })
        };
        let runs = self.runs.iter().flat_map(of);
        runs.chain(self.checks.iter().map(|check| Entry {
            name: &check.name,
            engine: check.engine,
            quick: check.quick,
        }))
    }

    /// What is chosen, as jobs. A tool is looked for as soon as one of them needs it. `quick`: checks that can do less
    /// do less.
    ///
    /// # Errors
    ///
    /// Why a tool cannot be had.
    pub fn jobs(
        &self,
        chosen: impl Fn(Entry<'_>) -> bool,
        quick: bool,
        tools: &impl FindTools,
    ) -> Result<Vec<Box<dyn Job>>, String> {
        let is_needed = |engines: &[Engine]| self.entries().any(|it| engines.contains(&it.engine) && chosen(it));
        let tlc = is_needed(&[Engine::Tlc, Engine::Traces, Engine::States]).then(|| tools.tlc()).transpose()?;
        let tlc = tlc.map(Arc::new);
        let z3 = is_needed(&[Engine::Z3]).then(|| tools.z3()).transpose()?;
        let tools = checks::Tools { tlc: tlc.clone(), z3 };
        let mut jobs: Vec<Box<dyn Job>> = Vec::new();
        for run in &self.runs {
            for &engine in &run.engines {
                if !chosen(Entry { name: &run.name, engine, quick: run.quick }) {
                    continue;
                }
                let model = Model::new(&self.tla(), &run.module, &run.config);
                let (title, expectation) = (run.title(engine), run.expectation());
                jobs.push(match engine {
                    Engine::Tlc => {
                        let tlc = tlc.clone().ok_or("TLC is needed and was not looked for")?;
                        Box::new(TlcJob { title, expectation, model, tlc, search: run.search() })
                    }
                    _ => Box::new(CheckerJob { title, expectation, model }),
                });
            }
        }
        for check in &self.checks {
            if chosen(Entry { name: &check.name, engine: check.engine, quick: check.quick }) {
                jobs.extend(check.jobs(&self.tla(), &tools, quick));
            }
        }
        Ok(jobs)
    }

    /// Writes the counts that were found into the manifest's file, and leaves everything else in it as it is.
    ///
    /// # Errors
    ///
    /// The file has changed so that it has no such run any more, or cannot be written.
    ///
    /// # Crash safety
    ///
    /// *All or nothing.* The new file takes the place of the old one by a rename.
    pub fn pin(&self, counts: &BTreeMap<String, Counts>) -> Result<(), ManifestError> {
        let failed = |problem| ManifestError { path: self.path.clone(), problems: vec![problem] };
        let text = fs::read_to_string(&self.path).map_err(|error| failed(error.to_string()))?;
        let mut document: toml_edit::DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| failed(error.to_string()))?;
        let runs = document.get_mut("run").and_then(toml_edit::Item::as_array_of_tables_mut);
        let runs = runs.ok_or_else(|| failed("there is no [[run]]".to_owned()))?;
        for (name, counts) in counts {
            let named = |run: &&mut toml_edit::Table| run.get("name").and_then(|found| found.as_str()) == Some(name);
            let run = runs.iter_mut().find(named).ok_or_else(|| failed(format!("there is no run {name} any more")))?;
            for (key, count) in [("distinct_states", counts.distinct_states), ("depth", counts.depth)] {
                let count = i64::try_from(count).map_err(|error| failed(format!("{name}: {key} {count}: {error}")))?;
                match run.get_mut(key).and_then(toml_edit::Item::as_value_mut) {
                    Some(value) => {
                        let decor = value.decor().clone();
                        *value = count.into();
                        *value.decor_mut() = decor;
                    }
                    None => run[key] = toml_edit::value(count),
                }
            }
        }
        let new = self.path.with_extension(format!("toml.new-{}", std::process::id()));
        let replaced = fs::write(&new, document.to_string()).and_then(|()| fs::rename(&new, &self.path));
        replaced.map_err(|error| {
            let _ = fs::remove_file(&new);
            failed(error.to_string())
        })
    }
}

/// What is pinned of a run in which everything holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// How many distinct states there are.
    pub distinct_states: u64,
    /// How deep the search is.
    pub depth: u64,
}

impl Run {
    /// What it is called in the results of this engine.
    pub fn title(&self, engine: Engine) -> Title {
        Title { name: self.name.clone(), spec: self.spec.clone(), config: self.config.clone(), engine }
    }

    /// What it must come to.
    pub fn expectation(&self) -> Expectation {
        match (self.expected, &self.violates) {
            (Expected::Fail, violates) => Expectation::Fail(violates.clone().unwrap_or_default()),
            (Expected::Pass, _) => Expectation::Pass { distinct_states: self.distinct_states, depth: self.depth },
        }
    }

    fn search(&self) -> Search {
        const SHORT_STATES: u64 = 100_000;
        let states = match self.expected {
            Expected::Pass => self.distinct_states.unwrap_or(u64::MAX),
            Expected::Fail => 0,
        };
        Search { workers: self.workers.map_or(1, NonZeroUsize::get), short: states <= SHORT_STATES }
    }

    fn problems(&self, tla: &Path, unpinned: bool) -> Vec<String> {
        let mut problems = Vec::new();
        let mut problem = |why: String| problems.push(why);
        let engines: BTreeSet<_> = self.engines.iter().map(|engine| engine.name()).collect();
        if engines.is_empty() || engines.len() < self.engines.len() {
            problem("engines: each one once, and at least one".to_owned());
        }
        if self.engines.iter().any(|engine| !matches!(engine, Engine::Tlc | Engine::TlaChecker)) {
            problem("engines: a model is run by tlc and by tla-checker; what else there is, is a [[check]]".to_owned());
        }
        let model = Model::new(tla, &self.module, &self.config);
        if !model.module_path().is_file() {
            problem(format!("module: there is no {}", model.module_path().display()));
        }
        let names = match model.names() {
            Ok(names) => names,
            Err(why) => {
                problem(format!("config: {why}"));
                return problems;
            }
        };
        if names == Default::default() {
            problem(format!("{} names neither an INVARIANT nor a PROPERTY: nothing could fail", self.config));
        }
        let pinned = [self.distinct_states, self.depth];
        match (self.expected, &self.violates) {
            (Expected::Pass, Some(_)) => problem("violates: expected is pass".to_owned()),
            (Expected::Pass, None) if !unpinned && pinned.iter().any(Option::is_none) => {
                problem("distinct_states and depth are not pinned; `--bless` runs it and pins them".to_owned());
            }
            (Expected::Fail, _) if pinned.iter().any(Option::is_some) => {
                problem("distinct_states, depth: a search that ends at a violation has no pinned ones".to_owned());
            }
            (Expected::Fail, None) => problem("violates: what must be violated is not said".to_owned()),
            (Expected::Fail, Some(name)) if !names.has(name) => {
                problem(format!("violates: {} names no invariant or property {name}", self.config));
            }
            // TLC does not say which one was violated.
            (Expected::Fail, Some(name)) if names.properties.contains(name) && names.properties.len() > 1 => {
                problem(format!("violates: {name} must be the only property that {} names", self.config));
            }
            _ => {}
        }
        problems
    }
}

/// A run of TLC.
struct TlcJob {
    title: Title,
    expectation: Expectation,
    model: Model,
    tlc: Arc<Tlc>,
    search: Search,
}

impl Job for TlcJob {
    fn title(&self) -> &Title {
        &self.title
    }

    fn expectation(&self) -> &Expectation {
        &self.expectation
    }

    fn threads(&self) -> usize {
        self.search.workers
    }

    fn run(&self, gauge: &Gauge) -> Found {
        self.tlc.check(&self.model, self.search, gauge)
    }
}

/// A run of tla-checker.
struct CheckerJob {
    title: Title,
    expectation: Expectation,
    model: Model,
}

impl Job for CheckerJob {
    fn title(&self) -> &Title {
        &self.title
    }

    fn expectation(&self) -> &Expectation {
        &self.expectation
    }

    fn run(&self, gauge: &Gauge) -> Found {
        checker::check(&self.model, gauge)
    }
}
