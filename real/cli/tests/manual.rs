//! Completions and manual pages, read by the programs that they are for.

mod common;

use common::{lastword, run};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Commands that people do not call.
const HIDDEN: [&str; 3] = ["-worker", "hostile-vandal", "instructions-subject"];

fn completions(shell: &str) -> String {
    let output = run(&["completions", shell]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

/// Runs a program with this input; `None` where there is no such program.
fn feed(program: &str, arguments: &[&str], input: &str) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("NOT TESTED: what {program} says, since there is none");
        return None;
    };
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it listens");
    Some(child.wait_with_output().expect("it is a child"))
}

/// The commands that the help of a command shows.
fn commands(of: &[String]) -> Vec<String> {
    let output = lastword().args(of).arg("--help").output().expect("the command runs");
    let help = String::from_utf8(output.stdout).expect("it is text");
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let names = list.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The names of the pages that there have to be.
fn pages_of(command: Vec<String>, pages: &mut BTreeSet<String>) {
    let name = ["lastword".to_owned()].into_iter().chain(command.clone()).collect::<Vec<_>>().join("-");
    pages.insert(format!("{name}.1"));
    for next in commands(&command) {
        pages_of([command.clone(), vec![next]].concat(), pages);
    }
}

/// A directory of a test that is removed with it.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn bash_loads_its_completions_and_completes_commands_and_options() {
    let script = completions("bash");
    if let Some(output) = feed("bash", &["-n"], &script) {
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    let complete = |words: &str, count: usize| {
        let asked = format!(
            "{script}\ncomplete -p lastword\nCOMP_WORDS=(lastword {words}); COMP_CWORD={count}\n\
             _lastword lastword \"${{COMP_WORDS[{count}]}}\" \"${{COMP_WORDS[$(({count} - 1))]}}\"\n\
             echo \"${{COMPREPLY[@]}}\"\n"
        );
        let output = feed("bash", &[], &asked)?;
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    if let Some(said) = complete("cl", 1) {
        assert!(said.contains("_lastword") && said.ends_with(" lastword\nclean\n"), "{said}");
    }
    if let Some(said) = complete("clean --d", 2) {
        assert!(said.ends_with("\n--dry-run\n"), "{said}");
    }
    if let Some(said) = complete("completions ''", 2) {
        assert!(said.contains("bash elvish fish powershell zsh"), "{said}");
    }
}

#[test]
fn every_shell_has_completions_without_what_is_hidden() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = completions(shell);
        for shown in ["exchange", "completions", "torture", "dry-run"] {
            assert!(script.contains(shown), "{shell}: no {shown}");
        }
        for hidden in HIDDEN.into_iter().chain(["supervisor"]) {
            assert!(!script.contains(hidden), "{shell}: {hidden}");
        }
    }
    for shell in ["zsh", "fish"] {
        if let Some(output) = feed(shell, &["-n"], &completions(shell)) {
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        }
    }
    assert_eq!(run(&["completions", "sh"]).status.code(), Some(2));
}

#[test]
fn every_command_that_the_help_shows_has_a_page_and_no_other() {
    let directory = Directory::new("pages");
    let path = directory.0.join("man1");
    let output = run(&["man", "--directory", path.to_str().expect("it is text")]);
    assert!(output.status.success(), "{output:?}");
    let written: BTreeSet<String> = fs::read_dir(&path)
        .expect("it was created")
        .map(|entry| entry.expect("it can be read").file_name().into_string().expect("it is text"))
        .collect();
    let mut expected = BTreeSet::new();
    pages_of(Vec::new(), &mut expected);
    assert_eq!(written, expected);
    assert!(expected.contains("lastword-torture-soak.1") && expected.contains("lastword-man.1"), "{expected:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("wrote {} pages", expected.len())));

    for name in &written {
        let page = fs::read_to_string(path.join(name)).expect("it is text");
        for hidden in HIDDEN.into_iter().chain(["--supervisor"]) {
            assert!(!page.contains(&hidden.replace('-', "\\-")), "{name}: {hidden}");
        }
        assert!(page.lines().all(|line| line.len() < 1000), "{name}");
        let groff = ["-man", "-Tutf8", "-P-cbou", "-ww", "-rLL=100n"];
        if let Some(output) = feed("groff", &groff, &page) {
            let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success() && said.is_empty(), "{name}: {said}");
            assert!(text.contains("SYNOPSIS") && text.contains("lastword"), "{name}: {text}");
        }
        if let Some(output) = feed("mandoc", &["-Tlint", "-Werror"], &page) {
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn the_first_page_goes_to_standard_output_and_man_shows_it() {
    let output = run(&["man"]);
    assert!(output.status.success(), "{output:?}");
    let page = String::from_utf8(output.stdout).expect("it is text");
    assert!(page.contains(".TH lastword 1") && page.contains("lastword\\-clean(1)"), "{page}");
    let directory = Directory::new("shown");
    fs::create_dir_all(&directory.0).expect("there is room");
    let file = directory.0.join("lastword.1");
    fs::write(&file, &page).expect("there is room");
    let Ok(shown) = Command::new("man").args(["--warnings", "-P", "cat", "-l"]).arg(&file).output() else {
        return eprintln!("NOT TESTED: what man shows, since there is none");
    };
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success() && shown.stderr.is_empty(), "{shown:?}");
    assert!(text.contains("clean") && text.contains("SUBCOMMANDS"), "{text}");
}

#[test]
fn a_page_that_cannot_be_written_is_an_error_that_names_it() {
    let output = run(&["man", "--directory", "/dev/null/x"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("lastword: cannot create /dev/null/x: Not a directory"), "{said}");
}
