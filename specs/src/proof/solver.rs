//! The solver: a process of z3 that is given SMT-LIB 2 and asked again and again.

use super::error::ProofError;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The version whose answers the obligations are known to get within their time.
pub const VERSION: &str = "5.4.0";

/// What the solver says of a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It can be true.
    Sat,
    /// It cannot be true.
    Unsat,
    /// The solver does not know, and says why.
    Unknown(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sat => f.write_str("sat"),
            Self::Unsat => f.write_str("unsat"),
            Self::Unknown(why) => write!(f, "unknown ({why})"),
        }
    }
}

/// A z3 that runs.
pub(crate) struct Solver {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    limit: Duration,
}

impl Solver {
    /// Starts z3 with a script of declarations and assumptions. `limit` bounds each answer.
    pub(crate) fn start(z3: &Path, script: &str, limit: Duration) -> Result<Self, ProofError> {
        let mut child = Command::new(z3)
            .args(["-in", "-smt2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| not_started(z3, &error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ProofError::Solver("its pipes are gone".to_owned()));
        };
        let (sender, lines) = channel();
        // Ends with the process, which closes the pipe.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut solver = Self { child, input, lines, limit };
        solver.tell(&format!("(set-option :timeout {})\n{script}", limit.as_millis()))?;
        Ok(solver)
    }

    pub(crate) fn tell(&mut self, script: &str) -> Result<(), ProofError> {
        let told = self.input.write_all(script.as_bytes()).and_then(|()| self.input.flush());
        told.map_err(|error| ProofError::Solver(format!("does not listen: {error}")))
    }

    /// Whether these formulas can be true together with what has been assumed.
    pub(crate) fn check(&mut self, formulas: &[String]) -> Result<(Answer, Duration), ProofError> {
        let began = Instant::now();
        self.tell("(push)\n")?;
        let answer = self.check_here(formulas)?;
        self.tell("(pop)\n")?;
        Ok((answer, began.elapsed()))
    }

    /// As [`check`](Self::check), and what is asked stays assumed, so that [`values`](Self::values) may be asked for.
    pub(crate) fn check_here(&mut self, formulas: &[String]) -> Result<Answer, ProofError> {
        let mut script = String::new();
        for formula in formulas {
            script += &format!("(assert {formula})\n");
        }
        script += "(check-sat)\n";
        self.tell(&script)?;
        match self.line()?.as_str() {
            "sat" => Ok(Answer::Sat),
            "unsat" => Ok(Answer::Unsat),
            "unknown" => {
                self.tell("(get-info :reason-unknown)\n")?;
                Ok(Answer::Unknown(self.line()?))
            }
            other => Err(ProofError::Solver(format!("answers `{other}`"))),
        }
    }

    /// The truth of formulas in the model of the last check, which was `sat`.
    pub(crate) fn values(&mut self, formulas: &[String]) -> Result<Vec<bool>, ProofError> {
        let asked: String = formulas.iter().map(|formula| format!("(eval {formula} :completion true)\n")).collect();
        self.tell(&asked)?;
        let value = |formula: &String| match self.line()?.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(ProofError::Solver(format!("evaluates {formula} to `{other}`"))),
        };
        formulas.iter().map(value).collect()
    }

    fn line(&mut self) -> Result<String, ProofError> {
        // Its own limit is what counts; this is for a process that hangs.
        match self.lines.recv_timeout(self.limit * 2 + Duration::from_secs(30)) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(ProofError::Solver("does not answer".to_owned())),
            Err(RecvTimeoutError::Disconnected) => Err(ProofError::Solver("has ended without an answer".to_owned())),
        }
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The solver's version, as it says.
///
/// # Errors
/// It does not run, or it is another version than [`VERSION`].
pub(crate) fn version(z3: &Path) -> Result<String, ProofError> {
    let output = Command::new(z3).arg("--version").output().map_err(|error| not_started(z3, &error))?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned();
    if text.split_whitespace().any(|word| word == VERSION) {
        return Ok(text);
    }
    let found = if text.is_empty() { "nothing" } else { &text };
    Err(ProofError::Solver(format!("{} says `{found}`: version {VERSION} is needed", PathBuf::from(z3).display())))
}

fn not_started(z3: &Path, error: &std::io::Error) -> ProofError {
    ProofError::Solver(format!("cannot start {}: {error}", z3.display()))
}
