//! A module and its configuration: what an engine is given.

use std::fs;
use std::path::{Path, PathBuf};
use tla_checker::config::parse_cfg;

/// A module and its configuration.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where the modules are.
    pub directory: PathBuf,
    /// The module, without `.tla`.
    pub module: String,
    /// The configuration, without `.cfg`.
    pub config: String,
    /// A directory with further modules, for TLC.
    pub library: Option<PathBuf>,
}

impl Model {
    /// A module and a configuration beside it.
    pub fn new(directory: &Path, module: &str, config: &str) -> Self {
        Self { directory: directory.to_owned(), module: module.to_owned(), config: config.to_owned(), library: None }
    }

    /// The module's file.
    pub fn module_path(&self) -> PathBuf {
        self.directory.join(format!("{}.tla", self.module))
    }

    /// The configuration's file.
    pub fn config_path(&self) -> PathBuf {
        self.directory.join(format!("{}.cfg", self.config))
    }
}

/// What a configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Under `INVARIANT`.
    pub invariants: Vec<String>,
    /// Under `PROPERTY`.
    pub properties: Vec<String>,
}

impl Names {
    /// Whether it is one of them.
    pub fn has(&self, name: &str) -> bool {
        self.invariants.iter().chain(&self.properties).any(|known| known == name)
    }
}

impl Model {
    /// What the configuration names.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub fn names(&self) -> Result<Names, String> {
        let path = self.config_path();
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| told(&error))?;
        let config = parse_cfg(&text).map_err(|error| told(&error))?;
        let owned = |names: &[std::sync::Arc<str>]| names.iter().map(|name| name.to_string()).collect();
        Ok(Names { invariants: owned(&config.invariants), properties: owned(&config.properties) })
    }
}
