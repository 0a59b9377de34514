//! What a shell needs to complete the command's words.

use crate::Arguments;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use std::io::{self, Write};

type Error = Box<dyn std::error::Error>;

/// For which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  source <(lastword completions bash)          in this shell, until it ends
  lastword completions bash > ~/.local/share/bash-completion/completions/lastword
  lastword completions zsh > ~/.zfunc/_lastword
  lastword completions fish > ~/.config/fish/completions/lastword.fish

The first of the files is read by every new shell that has bash-completion, the third by every new fish. Of zsh, the
directory has to be in fpath before compinit is called.

Exit code: 0 done; 1 it could not be written; 2 usage.";

/// Prints it; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut shown(&Arguments::command()), "lastword", &mut text);
    let mut output = io::stdout().lock();
    output.write_all(&text)?;
    output.flush()?;
    Ok(0)
}

/// The command without what its help does not show: completions have everything that is there.
fn shown(command: &Command) -> Command {
    // Clap keeps names that live as long as the process, which ends in a moment.
    let name: &'static str = command.get_name().to_owned().leak();
    let mut shown = Command::new(name)
        .args(command.get_arguments().filter(|argument| !argument.is_hide_set()))
        .subcommands(command.get_subcommands().filter(|command| !command.is_hide_set()).map(self::shown));
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if command.get_version().is_some() {
        shown = shown.version(env!("CARGO_PKG_VERSION"));
    }
    shown
}
