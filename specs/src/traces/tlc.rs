//! TLC, run once on a module.

use super::coverage::{self, Instrumented};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Where TLC is, what it reads and where it may write.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The command `java`.
    pub java: PathBuf,
    /// The jar of the TLA+ tools.
    pub jar: PathBuf,
    /// The directory of the specifications.
    pub modules: PathBuf,
    /// A directory for files of the run, which is made.
    pub scratch: PathBuf,
    /// Whether runs are short, so that Java does better to compile soon than to compile well.
    pub short: bool,
    /// Set to have everybody stop.
    pub stop: Arc<AtomicBool>,
}

/// What one run of TLC is given.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// A name for its files.
    pub name: &'a str,
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
    /// How long it took.
    pub time: Duration,
}

const LIMIT: Duration = Duration::from_secs(3600);

impl Tools {
    /// Runs TLC on one thread.
    ///
    /// # Errors
    /// It cannot be run, or stops, or says that something is wrong; a violated invariant is not.
    pub fn run(&self, task: &Task<'_>) -> Result<Output, String> {
        let home = self.scratch.join(task.name);
        let io = |what: &Path, error: std::io::Error| format!("{}: {error}", what.display());
        if home.exists() {
            fs::remove_dir_all(&home).map_err(|error| io(&home, error))?;
        }
        fs::create_dir_all(&home).map_err(|error| io(&home, error))?;
        let write = |name: String, text: &str| {
            let path = home.join(name);
            fs::write(&path, text).map_err(|error| io(&path, error))
        };
        write("run.cfg".to_owned(), &task.config)?;
        if let Some((name, text)) = &task.data {
            write(format!("{name}.tla"), text)?;
        }
        // A copy: newer versions of TLC write beside the module.
        for entry in fs::read_dir(&self.modules).map_err(|error| io(&self.modules, error))?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "tla") {
                fs::copy(&path, home.join(entry.file_name())).map_err(|error| io(&path, error))?;
            }
        }
        let mut instrumented = Instrumented::default();
        if let Some(module) = task.instrumented {
            let path = self.modules.join(format!("{module}.tla"));
            let text = fs::read_to_string(&path).map_err(|error| io(&path, error))?;
            instrumented = coverage::instrument(&text);
            write(format!("{module}.tla"), &instrumented.text)?;
        }
        let out = home.join("out.txt");
        let file = fs::File::create(&out).map_err(|error| io(&out, error))?;
        let mut command = Command::new(&self.java);
        // The data are deep in operators of one line each; a state is small.
        command.args(["-XX:+UseSerialGC", "-Xss64m", "-Xmx3g"]);
        // TLC unpacks its own modules there, and another one's could be half unpacked.
        let mut temporary = std::ffi::OsString::from("-Djava.io.tmpdir=");
        temporary.push(&home);
        command.arg(temporary).arg("-XX:-UsePerfData");
        if self.short {
            command.arg("-XX:TieredStopAtLevel=1");
        }
        command.arg("-cp").arg(&self.jar).arg("tlc2.TLC");
        command.args(["-workers", "1", "-deadlock", "-metadir"]);
        command.arg(home.join("states")).arg("-config").arg(home.join("run.cfg"));
        if task.instrumented.is_some() {
            command.args(["-coverage", "60"]);
        }
        command
            .arg(format!("{}.tla", task.module))
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null());
        let begun = Instant::now();
        let child = command.spawn().map_err(|error| io(&self.java, error))?;
        let code = self.wait(Running(child), begun)?;
        let text = fs::read(&out).map_err(|error| io(&out, error))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        // 12: an invariant is violated.
        if code != 0 && code != 12 {
            return Err(format!("TLC ended with {code} on {}, see {}:\n{}", task.name, out.display(), errors(&text)));
        }
        Ok(Output { text, instrumented, time: begun.elapsed() })
    }

    fn wait(&self, mut running: Running, begun: Instant) -> Result<i32, String> {
        loop {
            match running.0.try_wait() {
                Ok(Some(status)) => return Ok(status.code().unwrap_or(-1)),
                Ok(None) if self.stop.load(Relaxed) => return Err("stopped".to_owned()),
                Ok(None) if begun.elapsed() > LIMIT => return Err(format!("TLC takes more than {LIMIT:?}")),
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(format!("waiting for TLC: {error}")),
            }
        }
    }
}

/// A process that is ended when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = self.0.kill();
            let _ = self.0.wait();
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
