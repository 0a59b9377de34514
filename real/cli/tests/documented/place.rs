//! Somewhere with a `/dev/shm` of its own, and terminals there.

use crate::common::{OnTerminal, lastword};
use crate::documents::top;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A place whose `/dev/shm` nobody else sees, so that what is documented can be tried under the names that are
/// documented. Where there is none to be had, it is the machine's own.
pub(crate) struct Place {
    /// A process in a mount namespace of its own.
    holder: Option<Child>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg("mount -t tmpfs -o size=64M,mode=1777 tmpfs /dev/shm && echo ready && exec sleep infinity");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = child else { return Self { holder: None } };
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take().expect("it is a pipe")).read_line(&mut line);
        if read.is_ok() && line == "ready\n" {
            return Self { holder: Some(child) };
        }
        child.wait().expect("it is a child");
        let objects = lastword::objects("").expect("they can be listed");
        assert!(
            objects.is_empty(),
            "no /dev/shm of its own is to be had here, and the machine's is in use: {objects:?}"
        );
        Self { holder: None }
    }

    /// Whether nobody else sees its `/dev/shm`.
    pub(crate) fn is_own(&self) -> bool {
        self.holder.is_some()
    }

    /// A program, there.
    pub(crate) fn command(&self, program: &str) -> Command {
        let Some(holder) = &self.holder else {
            let mut command = Command::new(program);
            command.current_dir(top());
            return command;
        };
        let mut command = Command::new("nsenter");
        command.args(["--target", &holder.id().to_string(), "--user", "--mount", "--preserve-credentials"]);
        command.arg(format!("--wd={}", top().display())).arg("--").arg(program);
        command
    }

    /// A terminal there, in which a shell waits for commands.
    pub(crate) fn terminal(&self, title: &str) -> Shell {
        self.terminal_of(title, ROWS, COLUMNS)
    }

    /// The same, of another size.
    pub(crate) fn terminal_of(&self, title: &str, rows: u16, columns: u16) -> Shell {
        let mut command = self.command("bash");
        command.args(["--norc", "--noprofile", "-i"]);
        command.env("PATH", path());
        for (name, value) in [("PS1", PROMPT), ("HISTFILE", ""), ("INPUTRC", "/dev/null"), ("NO_COLOR", "1")] {
            command.env(name, value);
        }
        // Pasted text is not bracketed.
        command.env("TERM", "dumb");
        let mut terminal = OnTerminal::start_command(&command, rows, columns);
        terminal.hear(PROMPT);
        if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
            terminal.write_line(&format!("source {}", top().join(CURL).display()));
            terminal.hear("\x1b[H");
        }
        Shell { title: title.to_owned(), terminal }
    }
}

/// Where a shell finds the command.
pub(crate) fn path() -> String {
    let program = lastword();
    let directory = Path::new(program.get_program()).parent().expect("it is in a directory");
    format!("{}:{}", directory.display(), std::env::var("PATH").unwrap_or_default())
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.holder {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

pub(crate) const PROMPT: &str = "$ ";
/// What is needed of curl, for machines without it.
const CURL: &str = "real/cli/tests/documented/curl.sh";
pub(crate) const ROWS: u16 = 400;
const COLUMNS: u16 = 116;
const CTRL_C: u8 = 3;

/// A shell in a terminal.
pub(crate) struct Shell {
    title: String,
    pub(crate) terminal: OnTerminal,
}

impl Shell {
    /// Types a command.
    pub(crate) fn run(&mut self, line: &str) {
        self.terminal.write_line(line);
        // The terminal echoes it.
        self.terminal.hear(line);
    }

    /// Types a command, and waits until it is over.
    pub(crate) fn run_to_its_end(&mut self, line: &str) {
        self.run(line);
        self.ended();
    }

    pub(crate) fn hear(&mut self, words: &str) {
        self.terminal.hear(words);
    }

    /// Waits for a word that comes after these.
    pub(crate) fn word_after(&mut self, words: &str) -> String {
        self.terminal.hear(words);
        let word = self.terminal.hear_word();
        word.split_whitespace().next().unwrap_or_default().trim_end_matches(':').to_owned()
    }

    /// Ctrl-C, and waits for the end.
    pub(crate) fn interrupt(&mut self) {
        self.terminal.press(CTRL_C);
        // Where nothing is said, the prompt comes in the same line.
        self.terminal.hear("^C");
        self.terminal.hear(PROMPT);
    }

    /// Waits until the command is over.
    pub(crate) fn ended(&mut self) {
        self.terminal.hear(&format!("\r\n{PROMPT}"));
    }

    /// What there was on the terminal.
    pub(crate) fn transcript(&mut self) -> String {
        let screen = self.terminal.screen();
        let lines = screen.trim_end().trim_end_matches(PROMPT.trim_end()).trim_end();
        format!("# {}\n{lines}\n", self.title)
    }
}
