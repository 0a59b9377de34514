//! TLC, run once on a module.

use super::coverage::{self, Instrumented};
use crate::process::{Ended, Stream, stream};
use crate::tlc::Tlc;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// TLC, and what it reads.
#[derive(Clone, Debug)]
pub struct Tools {
    /// TLC.
    pub tlc: Arc<Tlc>,
    /// The directory of the specifications.
    pub modules: PathBuf,
    /// Whether runs are short, so that Java does better to compile soon than to compile well.
    pub short: bool,
    /// Set to have everybody stop.
    pub stop: Arc<AtomicBool>,
}

/// What one run of TLC is given.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// The module.
    pub module: &'a str,
    /// The text of its configuration.
    pub config: String,
    /// The text of the module that it extends and that is written for this run, and that module's name.
    pub data: Option<(&'a str, String)>,
    /// The module whose expressions are counted, see [`coverage`].
    pub instrumented: Option<&'a str>,
}

/// What TLC said.
#[derive(Clone, Debug)]
pub struct Output {
    /// All of it.
    pub text: String,
    /// The module whose expressions were counted, as it was run.
    pub instrumented: Instrumented,
}

impl Tools {
    /// Runs TLC on one thread.
    ///
    /// # Errors
    /// It cannot be run, or stops, or says that something is wrong; a violated invariant is not.
    pub fn run(&self, task: &Task<'_>) -> Result<Output, String> {
        let home = self.tlc.directory()?;
        let output = self.run_in(&home, task);
        // What is left goes with the parent.
        let _ = fs::remove_dir_all(&home);
        output
    }

    fn run_in(&self, home: &Path, task: &Task<'_>) -> Result<Output, String> {
        let io = |what: &Path, error: std::io::Error| format!("{}: {error}", what.display());
        let write = |name: String, text: &str| {
            let path = home.join(name);
            fs::write(&path, text).map_err(|error| io(&path, error))
        };
        // A copy, as one of the modules may be another one here.
        for entry in fs::read_dir(&self.modules).map_err(|error| io(&self.modules, error))?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "tla") {
                fs::copy(&path, home.join(entry.file_name())).map_err(|error| io(&path, error))?;
            }
        }
        write("run.cfg".to_owned(), &task.config)?;
        if let Some((name, text)) = &task.data {
            write(format!("{name}.tla"), text)?;
        }
        let mut instrumented = Instrumented::default();
        if let Some(module) = task.instrumented {
            let path = self.modules.join(format!("{module}.tla"));
            let text = fs::read_to_string(&path).map_err(|error| io(&path, error))?;
            instrumented = coverage::instrument(&text);
            write(format!("{module}.tla"), &instrumented.text)?;
        }
        // The data are deep in operators of one line each.
        let mut command = self.tlc.command(home, self.short, &["-Xss64m".into()]);
        command.args(["-workers", "1", "-config", "run.cfg"]);
        if task.instrumented.is_some() {
            command.args(["-coverage", "60"]);
        }
        command.arg(format!("{}.tla", task.module)).current_dir(home);
        let mut text = String::new();
        let ended = stream(
            &mut command,
            || self.stop.load(Relaxed),
            |from, line| {
                if from == Stream::Output {
                    text.push_str(line);
                    text.push('\n');
                }
            },
        );
        const VIOLATED: i32 = 12;
        match ended {
            Ok(Ended::Stopped) => Err("stopped".to_owned()),
            Ok(Ended::Exited(status)) if matches!(status.code(), Some(0 | VIOLATED)) => {
                Ok(Output { text, instrumented })
            }
            Ok(Ended::Exited(status)) => Err(format!("TLC ended with {status} on {}:\n{}", task.module, errors(&text))),
            Err(error) => Err(format!("cannot run TLC: {error}")),
        }
    }
}

/// The lines from the first error on.
fn errors(text: &str) -> String {
    const SHOWN: usize = 40;
    let from = text.lines().position(|line| line.contains("rror")).unwrap_or(0);
    text.lines().skip(from).take(SHOWN).collect::<Vec<_>>().join("\n")
}

impl Output {
    /// The numbers of the traces that came to their end.
    pub fn accepted(&self) -> BTreeSet<usize> {
        let number = |line: &str| line.strip_prefix("<<\"accepted\", ")?.strip_suffix(">>")?.parse().ok();
        self.text.lines().filter_map(number).collect()
    }

    /// How many states were generated, and how many of them are distinct.
    pub fn states(&self) -> Option<(u64, u64)> {
        let line = self.text.lines().rfind(|line| line.contains("distinct states found"))?;
        let mut numbers = line.split_whitespace().filter_map(|word| word.replace(',', "").parse().ok());
        Some((numbers.next()?, numbers.next()?))
    }

    /// How many states the longest behaviour has.
    pub fn depth(&self) -> Option<usize> {
        let line =
            self.text.lines().find_map(|line| line.strip_prefix("The depth of the complete state graph search is "))?;
        line.trim_end_matches('.').parse().ok()
    }

    /// The last state of the behaviour that violates an invariant: its variables, as TLC writes them.
    pub fn last_state(&self) -> Option<String> {
        let lines: Vec<_> = self.text.lines().collect();
        let at = lines.iter().rposition(|line| line.starts_with("State "))?;
        let state = lines[at + 1..].iter().take_while(|line| !line.is_empty());
        Some(state.copied().collect::<Vec<_>>().join("\n"))
    }
}
