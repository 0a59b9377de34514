//! What can go wrong besides an obligation that is not proved.

use std::fmt;
use std::path::PathBuf;

/// Why there is no answer at all.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProofError {
    /// A module cannot be read.
    Read {
        /// The module's file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A module cannot be parsed.
    Parse {
        /// The module's file.
        path: PathBuf,
        /// What the parser says.
        message: String,
    },
    /// A definition is looked for that no module has.
    Missing {
        /// The definition's name.
        name: String,
        /// The file of the module that was asked.
        path: PathBuf,
    },
    /// A definition uses something of TLA+ that is not translated, or that does not fit together.
    Untranslatable {
        /// The file of the definition.
        path: PathBuf,
        /// The definition's name.
        definition: String,
        /// What is used, and what would do.
        what: String,
    },
    /// The solver cannot be used.
    Solver(String),
    /// The evaluator of `tla-checker` fails, which the translation is compared with.
    Evaluator(String),
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::Parse { path, message } => write!(f, "{}: {message}", path.display()),
            Self::Missing { name, path } => {
                write!(f, "{}: neither this module nor what it extends defines `{name}`", path.display())
            }
            Self::Untranslatable { path, definition, what } => {
                write!(f, "{}: `{definition}` cannot be translated for the solver: {what}", path.display())
            }
            Self::Solver(message) => write!(f, "z3: {message}"),
            Self::Evaluator(message) => write!(f, "tla-checker: {message}"),
        }
    }
}

impl std::error::Error for ProofError {}
