//! TLC, in a Java of its own for each run.

mod transcript;

pub use transcript::Transcript;

use crate::job::{Found, Gauge};
use crate::model::Model;
use crate::process::{Ended, Stream, stream};
use crate::scratch::Scratch;
use crate::tools::Toolbox;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A TLC that can be run.
#[derive(Debug)]
pub struct Tlc {
    java: PathBuf,
    jar: PathBuf,
    /// Today's TLC writes a module that explores the counterexample, unless it is told not to; 2.15 does neither.
    writes_modules: bool,
    /// How much of the memory each may have.
    heap_percent: usize,
    scratch: Arc<Scratch>,
}

/// How TLC searches.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// With how many threads. With one, the search is breadth-first, its depth exact and its counterexamples the
    /// shortest.
    pub workers: usize,
    /// Whether it will be short, so that Java does better to compile soon than to compile well: half the time.
    pub short: bool,
}

impl Tlc {
    /// Finds Java and TLC, and tries whether they work. `at_once` of them will run at a time.
    ///
    /// # Errors
    ///
    /// What is missing, or what Java said; and what to do.
    pub fn find(
        tools: &Toolbox,
        scratch: &Arc<Scratch>,
        at_once: usize,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        // Together they leave a third of it to everybody else.
        const PERCENT: usize = 66;
        let java = tools.java().map_err(|error| error.to_string())?;
        let jar = tools.tlc_jar(stopped).map_err(|error| error.to_string())?;
        let mut tlc = Self {
            java,
            jar,
            writes_modules: false,
            heap_percent: (PERCENT / at_once.max(1)).max(1),
            scratch: Arc::clone(scratch),
        };
        let help = tlc.help(stopped)?;
        tlc.writes_modules = help.contains("-noGenerateSpecTE");
        Ok(tlc)
    }

    /// A new temporary directory.
    ///
    /// # Errors
    ///
    /// There cannot be one.
    pub fn directory(&self) -> Result<PathBuf, String> {
        self.scratch.directory().map_err(|error| format!("there is no temporary directory: {error}"))
    }

    /// TLC with these options of Java's, which writes what it has to write into `directory`. What it is to check, and how,
    /// is yet to be said.
    pub fn command(&self, directory: &Path, short: bool, java_options: &[OsString]) -> Command {
        let mut command = self.java();
        command.arg(format!("-XX:MaxRAMPercentage={}.0", self.heap_percent));
        if short {
            command.arg("-XX:TieredStopAtLevel=1");
        }
        // TLC unpacks its own modules there, and another one's could be half unpacked.
        command.arg(definition("java.io.tmpdir", directory)).args(java_options);
        command.args(["tlc2.TLC", "-deadlock"]);
        if self.writes_modules {
            command.arg("-noGenerateSpecTE");
        }
        // A run takes minutes, and begins anew.
        command.args(["-checkpoint", "0"]).arg("-metadir").arg(directory.join("states"));
        command
    }

    /// What TLC says of its options.
    fn help(&self, stopped: &dyn Fn() -> bool) -> Result<String, String> {
        let command = format!("{} -cp {} tlc2.TLC", self.java.display(), self.jar.display());
        let mut said = String::new();
        let ended = stream(self.java().arg("tlc2.TLC").arg("-h"), stopped, |_, line| {
            said.push_str(line);
            said.push('\n');
        });
        match ended {
            Ok(Ended::Stopped) => Err("stopped".to_owned()),
            // TLC 2.15 knows no help, and says how it is used.
            Ok(Ended::Exited(_)) if said.contains("TLC") && said.contains("-h") => Ok(said),
            Ok(Ended::Exited(status)) => {
                Err(format!("`{command}` does not run TLC ({status}); it said: {}", said.trim_end()))
            }
            Err(error) => Err(format!("`{command}` cannot be started: {error}")),
        }
    }

    fn java(&self) -> Command {
        let mut java = Command::new(&self.java);
        // Nothing in /tmp; and TLC goes on, or hangs, when a thread of it has run out of memory.
        java.args(["-XX:+UseParallelGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError"]).arg("-cp").arg(&self.jar);
        java
    }

    /// Checks a model.
    pub fn check(&self, model: &Model, search: Search, gauge: &Gauge) -> Found {
        let names = match model.names() {
            Ok(names) => names,
            Err(why) => return Found::error(why),
        };
        let directory = match self.directory() {
            Ok(directory) => directory,
            Err(why) => return Found::error(why),
        };
        let mut transcript = Transcript::default();
        let mut errors = String::new();
        let ended = stream(
            &mut self.command_for(model, search, &directory),
            || gauge.stopped(),
            |from, line| match from {
                Stream::Output => {
                    transcript.line(line);
                    gauge.states.store(transcript.states_so_far(), Relaxed);
                }
                Stream::Error => transcript::keep(&mut errors, line),
            },
        );
        // What is left goes with the parent.
        let _ = fs::remove_dir_all(&directory);
        match ended {
            _ if gauge.stopped() => Found::stopped(),
            Ok(Ended::Stopped) => Found::stopped(),
            Ok(Ended::Exited(status)) => transcript.found(status, &errors, &names, search.workers),
            Err(error) => Found::error(format!("cannot run {}: {error}", self.java.display())),
        }
    }

    fn command_for(&self, model: &Model, search: Search, directory: &Path) -> Command {
        let library: Vec<_> = model.library.iter().map(|library| definition("TLA-Library", library)).collect();
        let mut command = self.command(directory, search.short, &library);
        command.args(["-tool", "-difftrace", "-workers"]).arg(search.workers.to_string());
        command.arg("-config").arg(format!("{}.cfg", model.config)).arg(format!("{}.tla", model.module));
        command.current_dir(&model.directory);
        command
    }
}

fn definition(name: &str, value: &Path) -> OsString {
    let mut definition = OsString::from(format!("-D{name}="));
    definition.push(value);
    definition
}
