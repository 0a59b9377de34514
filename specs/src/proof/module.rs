//! Modules of TLA+: what they define, and the outlines of single definitions.

use super::error::ProofError;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tla_checker::ast::{Expr, InstanceDecl};
use tla_checker::parser::{parse_expr, parse_with_warnings};

/// A definition: its parameters and its body. The parser has put the bodies of what the module itself defined earlier in
/// place of their names.
pub(crate) struct Definition {
    pub(crate) parameters: Vec<Arc<str>>,
    pub(crate) body: Arc<Expr>,
    /// The module's file.
    pub(crate) path: PathBuf,
}

/// A module of which there is an instance, and what its constants and variables are there.
pub(crate) struct Instantiated {
    pub(crate) module: Module,
    pub(crate) substitutions: BTreeMap<Arc<str>, Expr>,
}

/// Modules and all that they extend.
pub(crate) struct Module {
    /// The file of the first module that was asked for.
    pub(crate) path: PathBuf,
    pub(crate) variables: Vec<Arc<str>>,
    pub(crate) constants: Vec<Arc<str>>,
    pub(crate) definitions: BTreeMap<Arc<str>, Definition>,
    pub(crate) assumptions: Vec<Expr>,
    /// What is instantiated, by the instance's name.
    pub(crate) instances: BTreeMap<Arc<str>, Instantiated>,
    texts: Vec<(PathBuf, String)>,
}

impl Module {
    /// Reads modules, and what they extend, from a directory. A module that is not there must be a standard one.
    ///
    /// # Errors
    /// A module cannot be read or parsed.
    pub(crate) fn load(directory: &Path, names: &[&str]) -> Result<Self, ProofError> {
        let mut module = Self {
            path: directory.join(format!("{}.tla", names.first().copied().unwrap_or_default())),
            variables: Vec::new(),
            constants: Vec::new(),
            definitions: BTreeMap::new(),
            assumptions: Vec::new(),
            instances: BTreeMap::new(),
            texts: Vec::new(),
        };
        for name in names {
            module.add(directory, name)?;
        }
        Ok(module)
    }

    fn add(&mut self, directory: &Path, name: &str) -> Result<(), ProofError> {
        const STANDARD: [&str; 5] = ["Naturals", "Integers", "FiniteSets", "Sequences", "TLC"];
        let path = directory.join(format!("{name}.tla"));
        if STANDARD.contains(&name) || self.texts.iter().any(|(known, _)| *known == path) {
            return Ok(());
        }
        let text = fs::read_to_string(&path).map_err(|error| ProofError::Read { path: path.clone(), error })?;
        let bad = |message: String| ProofError::Parse { path: path.clone(), message };
        let (spec, warnings) = parse_with_warnings(&text).map_err(|error| bad(error.message))?;
        if let Some(warning) = warnings.first() {
            return Err(bad(warning.value.clone()));
        }
        self.texts.push((path.clone(), text));
        for extended in &spec.extends {
            self.add(directory, extended)?;
        }
        self.variables.extend(spec.vars);
        self.constants.extend(spec.constants);
        self.assumptions.extend(spec.assumes);
        for InstanceDecl { alias, params, module_name, substitutions, .. } in spec.instances {
            // Instances of other kinds are not looked into.
            let (Some(alias), true) = (alias, params.is_empty()) else { continue };
            let substitutions = substitutions.into_iter().collect();
            let module = Self::load(directory, &[&module_name])?;
            self.instances.insert(alias, Instantiated { module, substitutions });
        }
        for (name, (parameters, body)) in spec.definitions {
            if let Expr::Unparsed(unparsed) = &*body {
                return Err(bad(unparsed.to_string()));
            }
            self.definitions.insert(name, Definition { parameters, body, path: path.clone() });
        }
        Ok(())
    }

    pub(crate) fn definition(&self, name: &str) -> Result<&Definition, ProofError> {
        self.definitions.get(name).ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> ProofError {
        ProofError::Missing { name: name.to_owned(), path: self.path.clone() }
    }

    /// The body of a definition with the names that it is written with, which the parser resolves otherwise.
    pub(crate) fn outline(&self, name: &str) -> Result<Expr, ProofError> {
        let Some((path, text)) = self.texts.iter().find_map(|(path, text)| Some((path, body_of(name, text)?))) else {
            return Err(self.missing(name));
        };
        parse_expr(&text).map_err(|error| ProofError::Parse {
            path: path.clone(),
            message: format!("`{name}`, taken by itself: {}", error.message),
        })
    }
}

/// The text of a definition's body, each character in its column. A definition begins in the first column, and ends
/// where something else does.
fn body_of(name: &str, text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !defines(name, line));
    let (head, rest) = lines.next()?.split_once("==")?;
    let mut body = " ".repeat(head.len() + 2) + rest;
    for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        body.push('\n');
        body.push_str(line);
    }
    Some(body)
}

fn defines(name: &str, line: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with('(') || rest.trim_start().starts_with("=="))
        && line.contains("==")
}
