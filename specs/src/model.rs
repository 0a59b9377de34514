//! A module and its configuration: what an engine is given.

use std::path::{Path, PathBuf};

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
