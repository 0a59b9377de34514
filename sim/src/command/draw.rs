//! `--svg FILE` and `--html FILE`: a run as a picture.

use super::output::{Failure, tell};
use lastword_sim::case::{Case, Told};
use lastword_sim::diagram::{Diagram, Section, page};
use lastword_sim::token::{Token, model_name};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Draw {
    /// Draw the run into this file, as an SVG sequence diagram
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Draw the run into this file, as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Draw {
    fn files(&self) -> impl Iterator<Item = &Path> {
        self.svg.iter().chain(&self.html).map(PathBuf::as_path)
    }

    /// Says so before a long search, where its failure could not be drawn.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.files().try_for_each(check)
    }

    /// Draws a run.
    pub(crate) fn run(&self, case: &dyn Case, token: &Token, told: &Told) -> Result<(), Failure> {
        let (spec, roles) = (&token.spec, case.roles());
        let variant = spec.variant.as_ref().map_or_else(String::new, |variant| format!(", {variant}"));
        let title = format!("{} {}{variant}", token.scenario, model_name(spec.model));
        let diagram = Diagram { title: &title, roles: &roles, lines: &told.lines, violation: told.violation.as_ref() };
        if let Some(path) = &self.svg {
            write(path, &diagram.svg())?;
        }
        if let Some(path) = &self.html {
            let again = format!("Again: lastword-sim replay '{token}'");
            let section = Section { heading: "", paragraphs: &[&again], diagram };
            write(path, &page(&title, &[section]))?;
        }
        Ok(())
    }

    /// Says that there is nothing to draw, to who asked for it.
    pub(crate) fn nothing(&self) {
        for path in self.files() {
            tell(format_args!("no promise is broken, so {} is not written", path.display()));
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("cannot write {}: {error}", path.display()))
}

/// The directory that a file is in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file may be written there, as far as can be told without writing.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let checked = match fs::metadata(parent(path)) {
        Ok(parent) if !parent.is_dir() => Err(io::ErrorKind::NotADirectory.into()),
        Ok(_) if path.is_dir() || path.file_name().is_none() => Err(io::ErrorKind::IsADirectory.into()),
        // A device, a pipe or a link would be replaced by the file.
        Ok(_) if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) => {
            Err(io::Error::other("what is there is no plain file"))
        }
        other => other.map(drop),
    };
    checked.map_err(|error| failed(path, &error))
}

/// Writes a file: who opens it finds all of it, or what was there before.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    check(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = parent(path).join(format!(".{name}.{}.tmp", std::process::id()));
    let written = File::create_new(&beside).and_then(|mut file| {
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let moved = written.and_then(|()| fs::rename(&beside, path));
        moved.inspect_err(|_| {
            // The first error is the one to tell of.
            let _ = fs::remove_file(&beside);
        })
    });
    written.map_err(|error| failed(path, &error))
}
