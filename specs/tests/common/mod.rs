//! A manifest of a test's own, and the command.

#![allow(dead_code, reason = "each suite uses some of it")]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of a test's own with the fixtures' modules, below `target`.
pub(crate) struct Scratch {
    pub(crate) path: PathBuf,
}

impl Scratch {
    pub(crate) fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("tla")).expect("a directory");
        for entry in fs::read_dir(fixtures().join("tla")).expect("the fixtures") {
            let from = entry.expect("a fixture").path();
            fs::copy(&from, path.join("tla").join(from.file_name().expect("a name"))).expect("a copy");
        }
        Self { path }
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.path.join("runs.toml")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path.join(name), text).expect("a file");
    }

    /// The command, with this manifest and a target directory of its own.
    pub(crate) fn command(&self) -> Command {
        let mut command = command(&self.manifest());
        command.env("CARGO_TARGET_DIR", self.path.join("target"));
        command
    }

    /// Runs all of a manifest without Java, and returns how it ended and its rows.
    pub(crate) fn rows(&self, manifest: &str) -> (Output, Vec<Value>) {
        self.write("runs.toml", manifest);
        let output = self.command().args(["--json", "--engine", "tla-checker"]).output().expect("the command");
        let rows = rows(&output);
        (output, rows)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

pub(crate) fn fixtures() -> PathBuf {
    lastword_specs::directory().join("tests/fixtures")
}

/// The command with this manifest.
pub(crate) fn command(manifest: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastword-specs"));
    command.arg("--manifest").arg(manifest);
    command
}

/// What was printed with `--json`.
pub(crate) fn rows(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A run of the fixtures' counter.
pub(crate) fn run(name: &str, config: &str, engine: &str, rest: &str) -> String {
    run_of("Counter", name, config, engine, rest)
}

/// A run of this module.
pub(crate) fn run_of(module: &str, name: &str, config: &str, engine: &str, rest: &str) -> String {
    format!(
        "[[run]]\nname = \"{name}\"\nspec = \"Counter\"\nmodule = \"{module}\"\nconfig = \"{config}\"\n\
         engines = [\"{engine}\"]\n{rest}\n"
    )
}
