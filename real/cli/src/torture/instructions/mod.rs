//! `lastword torture instructions`: what is run, and what is said of it.

mod creation;
mod image;
mod mailbox;
mod part;
mod scene;
mod slots;
mod status;
mod subject;
mod tracee;
mod trial;
mod words;

use crate::USAGE;
use crate::explain::cannot;
use crate::session::Session;
use crate::signals;
use crate::tell::tell;
use lastword::protocol::model::Violation;
use scene::{Host, Operation};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::error::Error;
use std::fmt;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
pub(crate) use subject::{Options as SubjectOptions, run as obey};
use trial::{Effort, Outcome};

/// What to torture.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Runs this operation only; can be given more than once
    #[arg(long, value_name = "NAME")]
    operation: Vec<String>,
    /// Lists the operations
    #[arg(long)]
    list: bool,
    /// Steps and kills recovering processes after the first and the last image of an operation only
    #[arg(long)]
    quick: bool,
    /// One JSON object for each operation
    #[arg(long)]
    json: bool,
    /// Where evidence is saved, if there is any [default: a new directory for temporary files]
    #[arg(long, value_name = "DIRECTORY")]
    evidence: Option<PathBuf>,
    /// Breaks a step of a protocol in the processes that are killed and in those that sleep, which has to be found,
    /// after which its operation ends (builds with the feature `broken` only)
    #[arg(long = "break", value_name = "VARIANT", hide = cfg!(not(feature = "broken")))]
    variant: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  lastword torture instructions                              everything
  lastword torture instructions --operation acquire-helped   one of --list
  lastword torture instructions --quick --json               fewer kills, figures for a program

Each operation is done by a process of this very program that is stopped before each of its instructions. Memory is looked
at there. For each different image a process is brought to that point again and killed with SIGKILL; the next one takes
its role and recovers, is stopped at each of its instructions too, and is killed at each of its images; the one after that
recovers, everybody goes on, and is judged. Where somebody sleeps, before and after a wake-up are two moments to be killed
at; who sleeps must get what it sleeps for from whoever comes next.

  images      different contents of shared memory at the operation's instruction boundaries
  kills       of a process in its operation; nested: of the process that recovered from that
  recoveries  completed and judged
  predicted   images that the simulator says there can be
  misses      images that it does not; violations: promises that were broken

Exit code: 0 clean; 1 a miss, a violation, or it cannot be run; 2 usage; 128 + n ended by signal n.";

/// When nothing has been said for so long, something is.
const SAY_AFTER: Duration = Duration::from_secs(2);
const SAY_EVERY: Duration = Duration::from_secs(10);
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// In the place of a signal's number, where something failed.
const FAILED: usize = usize::MAX;

fn operations() -> impl Iterator<Item = &'static dyn Operation> {
    let slots = slots::OPERATIONS.iter().map(|operation| operation as &dyn Operation);
    let mailbox = mailbox::OPERATIONS.iter().map(|operation| operation as &dyn Operation);
    let status = status::OPERATIONS.iter().map(|operation| operation as &dyn Operation);
    let creation = creation::OPERATIONS.iter().map(|operation| operation as &dyn Operation);
    slots.chain(mailbox).chain(status).chain(creation)
}

/// What can be broken.
#[cfg(feature = "broken")]
fn variants() -> impl Iterator<Item = &'static str> {
    use lastword::protocol::model::variant::{READY, SLOTS, STATUS};
    let steps = SLOTS.iter().chain(READY).chain(STATUS).map(|variant| variant.name);
    steps.chain(lastword::broken::OBJECTS.iter().copied())
}

/// What can be broken: nothing.
#[cfg(not(feature = "broken"))]
fn variants() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}

/// Runs what is asked for; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Box<dyn Error>> {
    if options.list {
        return list().map(|()| 0).map_err(Into::into);
    }
    if cfg!(not(target_arch = "x86_64")) {
        return Err(
            "single steps are understood on x86-64 only, and this is another architecture; docs/design.md says \
                    what others need"
                .into(),
        );
    }
    if let Some(unknown) = options.operation.iter().find(|name| operations().all(|known| known.name() != **name)) {
        tell!("error: there is no operation `{unknown}`; --list shows them");
        return Ok(USAGE);
    }
    if let Some(variant) = &options.variant
        && !variants().any(|known| known == variant)
    {
        let known: Vec<_> = variants().collect();
        tell!("error: this build cannot break `{variant}`, only: {}", known.join(", "));
        return Ok(USAGE);
    }
    let chosen: Vec<_> = operations()
        .filter(|known| options.operation.is_empty() || options.operation.iter().any(|name| name == known.name()))
        .collect();
    let stop = Arc::new(AtomicUsize::new(0));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_usize(signal, Arc::clone(&stop), signal.unsigned_abs() as usize)
            .map_err(cannot("listen to signals"))?;
    }
    let session = Session::begin("torture")?;
    let host = Host::new(session.name().to_owned(), options.variant.as_deref(), &stop);
    let effort = Effort { is_whole: !options.quick, kills: AtomicU32::new(0) };
    let ran = run_all(&chosen, &host, &effort);
    session.end()?;
    let mut outcomes = ran?;
    let is_clean = outcomes.iter().all(|outcome| outcome.misses + outcome.violations == 0);
    if !is_clean {
        save(&mut outcomes, options.evidence.as_deref())?;
    }
    print(&outcomes, options.json).map_err(cannot("print the report"))?;
    match stop.load(Ordering::Relaxed) {
        _ if !is_clean => Ok(1),
        0 => Ok(0),
        signal => Ok(signals::exit_code(i32::try_from(signal)?)),
    }
}

/// Runs operations, as many at once as there are cores; what has come of those that were run to their end.
fn run_all(chosen: &[&dyn Operation], host: &Host<'_>, effort: &Effort) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let next = AtomicUsize::new(0);
    let (sender, ended) = mpsc::channel();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(chosen.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            let next = &next;
            // Everything that is traced is traced by the thread that has started it, and dies with it.
            std::thread::Builder::new()
                .spawn_scoped(scope, move || {
                    while let Some(operation) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let started = Instant::now();
                        let ran = trial::run(*operation, host, effort).map(|mut outcome| {
                            outcome.seconds = started.elapsed().as_secs_f64();
                            outcome
                        });
                        let failed = ran.is_err();
                        if sender.send((operation.name(), ran)).is_err() || failed {
                            return;
                        }
                    }
                })
                .map_err(cannot("start a thread"))?;
        }
        drop(sender);
        let mut progress = Progress::new(chosen.len());
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut failed = None;
        loop {
            match ended.recv_timeout(DRAW_EVERY) {
                Ok((_, Ok(outcome))) => outcomes.push(outcome),
                Ok((_, Err(Trouble::Stopped))) => {}
                Ok((name, Err(trouble))) => {
                    failed.get_or_insert(format!("{name}: {trouble}"));
                    host.stop.compare_exchange(0, FAILED, Ordering::Relaxed, Ordering::Relaxed).ok();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            progress.say(outcomes.len(), effort);
        }
        progress.clear();
        let place = |name: &str| chosen.iter().position(|operation| operation.name() == name);
        outcomes.sort_by_key(|outcome| place(outcome.operation));
        match failed {
            Some(failed) => Err(failed.into()),
            None => Ok(outcomes),
        }
    })
}

/// What a person sees meanwhile.
struct Progress {
    started: Instant,
    said: Option<Instant>,
    all: usize,
    is_terminal: bool,
}

impl Progress {
    fn new(all: usize) -> Self {
        Self { started: Instant::now(), said: None, all, is_terminal: io::stderr().is_terminal() }
    }

    fn say(&mut self, done: usize, effort: &Effort) {
        let every = if self.is_terminal { DRAW_EVERY } else { SAY_EVERY };
        if self.said.map_or(self.started.elapsed() < SAY_AFTER, |said| said.elapsed() < every) {
            return;
        }
        self.said = Some(Instant::now());
        let kills = effort.kills.load(Ordering::Relaxed);
        let (all, seconds) = (self.all, self.started.elapsed().as_secs());
        let line = format!("{done} of {all} operations, {kills} kills, {seconds} s");
        if self.is_terminal {
            // Nobody may be there to read.
            let _ = write!(io::stderr().lock(), "\r{line}\x1b[K");
        } else {
            tell!("{line}");
        }
    }

    fn clear(&self) {
        if self.is_terminal && self.said.is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn list() -> io::Result<()> {
    let mut text = String::new();
    for operation in operations() {
        let _ = writeln!(text, "{:<34}{}", operation.name(), operation.about());
    }
    io::stdout().lock().write_all(text.as_bytes())
}

/// Saves what was found wrong.
fn save(outcomes: &mut [Outcome], directory: Option<&Path>) -> io::Result<()> {
    let directory = match directory {
        Some(directory) => directory.to_owned(),
        None => std::env::temp_dir().join(format!("lastword-torture-{}", std::process::id())),
    };
    let cannot_save = || cannot(format!("save evidence in {}", directory.display()));
    fs::create_dir_all(&directory).map_err(cannot_save())?;
    for outcome in outcomes.iter_mut().filter(|outcome| !outcome.findings.is_empty()) {
        let path = directory.join(format!("{}.json", outcome.operation));
        fs::write(&path, serde_json::to_string_pretty(&outcome.findings)?).map_err(cannot_save())?;
        outcome.evidence = Some(path.display().to_string());
    }
    Ok(())
}

fn print(outcomes: &[Outcome], json: bool) -> io::Result<()> {
    let mut output = io::stdout().lock();
    if json {
        for outcome in outcomes {
            serde_json::to_writer(&mut output, outcome)?;
            output.write_all(b"\n")?;
        }
        return output.flush();
    }
    output.write_all(table(outcomes).as_bytes())?;
    output.flush()
}

fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!("{:<34}", "operation");
    for head in ["instructions", "images", "predicted", "kills", "nested", "recoveries", "misses", "violations"] {
        let _ = write!(text, " {head:>12}");
    }
    let mut sums = [0; 8];
    for outcome in outcomes {
        let figures = [
            usize::try_from(outcome.instructions).unwrap_or(usize::MAX),
            outcome.distinct_images,
            outcome.predicted,
            outcome.kills,
            outcome.nested_kills,
            outcome.recoveries,
            outcome.misses,
            outcome.violations,
        ];
        row(&mut text, outcome.operation, &figures);
        for (sum, figure) in sums.iter_mut().zip(figures) {
            *sum += figure;
        }
    }
    row(&mut text, "all", &sums);
    text.push('\n');
    for outcome in outcomes {
        if let Some(first) = outcome.findings.first() {
            let _ = writeln!(text, "\n{}: {}: {}", outcome.operation, first.kind, first.what);
            for point in &first.way {
                let _ = writeln!(text, "  {} at instruction {}", point.of, point.instruction);
                for line in &point.changed {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
        if let Some(evidence) = &outcome.evidence {
            let _ = writeln!(text, "  all of it: {evidence}");
        }
    }
    let wrong: usize = outcomes.iter().map(|outcome| outcome.misses + outcome.violations).sum();
    text.push_str(if wrong == 0 { "clean\n" } else { "NOT clean\n" });
    text
}

fn row(text: &mut String, name: &str, figures: &[usize]) {
    let _ = write!(text, "\n{name:<34}");
    for figure in figures {
        let _ = write!(text, " {figure:>12}");
    }
}

/// Why an operation was not run to its end.
enum Trouble {
    /// A promise was broken.
    Violation(String),
    /// Everybody is to stop.
    Stopped,
    /// It cannot be run.
    Other(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Violation(what) => f.write_str(what),
            Trouble::Stopped => f.write_str("stopped"),
            Trouble::Other(error) => error.fmt(f),
        }
    }
}

impl From<Violation> for Trouble {
    fn from(violation: Violation) -> Self {
        Trouble::Violation(violation.to_string())
    }
}

macro_rules! other {
    ($($error:ty)*) => {$(
        impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                Trouble::Other(error.into())
            }
        }
    )*};
}

other! { std::io::Error serde_json::Error lastword::NameError String &str }
