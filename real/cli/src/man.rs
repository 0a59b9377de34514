//! The manual: a page for the whole command, and one for each of its commands.

use crate::Arguments;
use crate::explain::cannot;
use crate::tell::tell;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

type Error = Box<dyn std::error::Error>;

/// Which pages, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Write all pages into this directory, which is created where it is not there, instead of the first one to
    /// standard output
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  lastword man | man -l -                      the page of the whole command
  lastword man --directory ~/.local/share/man/man1
  man lastword-clean                           one of those

Exit code: 0 done; 1 a page could not be written; 2 usage.";

/// Writes the pages; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let Some(directory) = &options.directory else {
        let mut output = io::stdout().lock();
        output.write_all(&page(&command)?.1)?;
        output.flush()?;
        return Ok(0);
    };
    fs::create_dir_all(directory).map_err(cannot(format_args!("create {}", directory.display())))?;
    let written = write_all(command, directory)?;
    tell!("wrote {written} pages into {}", directory.display());
    Ok(0)
}

/// Writes the page of a command, and those of its commands; how many there are.
fn write_all(command: Command, directory: &Path) -> Result<usize, Error> {
    let mut written = 1;
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        written += write_all(command.clone(), directory)?;
    }
    let (name, page) = page(&command)?;
    let path = directory.join(name);
    fs::write(&path, page).map_err(cannot(format_args!("write {}", path.display())))?;
    Ok(written)
}

/// The page of a command, and the name of its file.
fn page(command: &Command) -> io::Result<(String, Vec<u8>)> {
    let man = Man::new(command.clone());
    let name = command.get_display_name().unwrap_or(command.get_name());
    // Written here, because an empty date of the generator's is no argument at all, and shifts the others.
    let title = format!(".TH {name} 1 \"\" \"lastword {}\" \"lastword\"\n", env!("CARGO_PKG_VERSION"));
    let mut page = title.into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.get_subcommands().any(|command| !command.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(more) = command.get_after_help() {
        after_help(&more.to_string()).to_writer(&mut page)?;
    }
    Ok((man.get_filename(), page))
}

/// What the help of a command says last, in sections. Indented lines stay lines; others are filled.
fn after_help(text: &str) -> Roff {
    const NOTES: &str = "NOTES";
    let mut page = Roff::default();
    let (mut section, mut is_verbatim, mut is_first) = ("", false, true);
    for line in text.lines() {
        let is_indented = line.starts_with(' ');
        if is_verbatim && !is_indented {
            page.control("EE", []);
            is_verbatim = false;
        }
        let (heading, rest) = match line.strip_prefix("Exit code: ") {
            Some(rest) => ("EXIT STATUS", rest),
            None if line == "Examples:" => ("EXAMPLES", ""),
            // The first line of a paragraph that is none of these.
            None if is_first && !is_indented && !line.is_empty() => (NOTES, line),
            None => (section, line),
        };
        if line.is_empty() {
            is_first = true;
            continue;
        }
        if heading != section {
            page.control("SH", [heading]);
            section = heading;
        } else if is_first {
            page.control("PP", []);
        }
        is_first = false;
        if is_indented && !is_verbatim {
            page.control("EX", []);
            is_verbatim = true;
        }
        if !rest.is_empty() {
            page.text([roman(rest)]);
        }
    }
    if is_verbatim {
        page.control("EE", []);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_stay_lines_and_each_paragraph_has_its_section() {
        let text = "Examples:\n  lastword x    one\n  lastword y\n\nIt goes\non.\n\nMore.\n\nExit code: 0 done.";
        let page = after_help(text).to_roff();
        let expected = "\
.SH EXAMPLES
.EX
  lastword x    one
  lastword y
.EE
.SH NOTES
It goes
on.
.PP
More.
.SH \"EXIT STATUS\"
0 done.
";
        assert_eq!(page, expected);
    }
}
