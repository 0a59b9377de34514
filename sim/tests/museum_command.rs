//! `museum`, and the files that `museum`, `replay`, `search` and `random` draw.

use lastword_sim::museum::PIECES;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of its own, gone at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lastword-sim-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sim(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_lastword-sim")).args(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn is_page(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(&text, options).unwrap();
    text
}

/// A broken variant, its failure found by `search`.
fn broken<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["search", "slots-1", "--variant", "no re-check", "--threads", "1"];
    arguments.extend(more);
    arguments
}

#[test]
fn every_piece_is_an_object_of_its_own() {
    let (code, out, error) = sim(&["museum", "--json"]);
    assert_eq!((code, error.as_str()), (0, ""));
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), PIECES.len());
    for (row, piece) in rows.iter().zip(PIECES) {
        assert_eq!(row["name"], piece.name);
        assert_eq!(
            (&row["title"], &row["models"], &row["why"]),
            (&piece.title.into(), &piece.models.into(), &piece.why.into())
        );
        assert_eq!((&row["found"], &row["repaired"]), (&true.into(), &"clean".into()), "{}", piece.name);
        assert!(row["promise"].as_str().is_some_and(|promise| !promise.is_empty()), "{}", piece.name);
        for number in ["kills", "executions", "states", "steps"] {
            assert!(row[number].is_u64(), "{number}");
        }
        assert!(row["seconds"].is_f64() && ["sc", "tso", "pso", "weak"].contains(&row["model"].as_str().unwrap()));
        let lines = row["lines"].as_array().unwrap();
        let killed = lines.iter().filter(|line| line["what"].as_str().unwrap().starts_with("IS KILLED")).count();
        assert_eq!(row["kills"], killed);
        assert!(lines.iter().all(|line| line["process"].is_string() && line["incarnation"].is_u64()));
    }
}

#[test]
fn a_piece_is_told_and_the_table_ends_it() {
    let (code, out, _) = sim(&["museum", "two-step-creation", "mutex-whose-owner-dies"]);
    assert_eq!(code, 0);
    assert!(out.lines().all(|line| line.chars().count() <= 160), "{out}");
    for text in ["IS KILLED", "BROKEN: nobody waits for ever", "the repaired variant: clean"] {
        assert_eq!(out.matches(text).count(), 2, "{text}: {out}");
    }
    let rows: Vec<_> = out.lines().rev().take(2).collect();
    assert!(rows[1].starts_with("two-step-creation ") && rows[0].starts_with("mutex-whose-owner-dies "), "{out}");
    let (code, out, _) = sim(&["museum", "--list"]);
    assert_eq!((code, out.lines().count()), (0, PIECES.len()));
}

#[test]
fn a_name_that_is_none_is_answered_with_those_there_are() {
    let (code, out, error) = sim(&["museum", "mona-lisa"]);
    assert_eq!((code, out.as_str()), (2, ""));
    for piece in PIECES {
        assert!(error.contains(piece.name), "{error}");
    }
}

#[test]
fn the_museum_is_drawn_into_files_and_nothing_else_is_left() {
    let directory = Directory::new("museum");
    let (page, drawings) = (directory.file("museum.html"), directory.file("drawings"));
    fs::create_dir(&drawings).unwrap();
    let (code, ..) = sim(&["museum", "--svg", &drawings, "--html", &page]);
    assert_eq!(code, 0);
    assert_eq!(directory.names(), ["drawings", "museum.html"]);
    let text = is_page(&page);
    assert_eq!(text.matches("<svg").count(), PIECES.len());
    let mut expected: Vec<_> = PIECES.iter().map(|piece| format!("{}.svg", piece.name)).collect();
    expected.sort();
    assert_eq!(Directory(PathBuf::from(&drawings)).names(), expected);
}

#[test]
fn a_failure_is_drawn_when_it_is_found_and_when_it_is_replayed() {
    let directory = Directory::new("found");
    let files: Vec<String> = ["1.svg", "1.html", "2.svg", "2.html"].iter().map(|name| directory.file(name)).collect();
    // What was there before is replaced.
    fs::write(&files[0], "before").unwrap();
    let (code, out, _) = sim(&broken(&["--json", "--svg", &files[0], "--html", &files[1]]));
    assert_eq!(code, 1, "{out}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let (code, out, _) = sim(&["replay", found["replay"].as_str().unwrap(), "--svg", &files[2], "--html", &files[3]]);
    assert!(code == 1 && out.contains("BROKEN"), "{out}");
    for (first, second) in [(0, 2), (1, 3)] {
        assert_eq!(is_page(&files[first]), is_page(&files[second]));
    }
    assert_eq!(directory.names(), ["1.html", "1.svg", "2.html", "2.svg"]);
}

#[test]
fn what_holds_is_not_drawn() {
    let directory = Directory::new("clean");
    let file = directory.file("run.svg");
    let (code, _, error) = sim(&["random", "ready-3", "--executions", "10", "--seed", "1", "--svg", &file]);
    assert!(code == 0 && error.contains("is not written"), "{error}");
    assert!(directory.names().is_empty());
}

#[test]
fn a_file_that_cannot_be_written_is_told_of_before_anything_is_searched() {
    let directory = Directory::new("failing");
    let plain = directory.file("plain");
    fs::write(&plain, "").unwrap();
    let (missing, below, itself) = (directory.file("no/run.svg"), format!("{plain}/run.svg"), directory.file(""));
    for path in [&missing, &below, &itself] {
        for option in ["--svg", "--html"] {
            let (code, out, error) = sim(&broken(&[option, path]));
            assert_eq!((code, out.as_str()), (2, ""), "{error}");
            assert!(error.contains("cannot write") && error.contains(path.as_str()), "{error}");
        }
        let (code, out, error) = sim(&["museum", "--html", path]);
        assert!(code == 2 && out.is_empty() && error.contains("cannot write"), "{error}");
    }
    let (code, _, error) = sim(&["museum", "--svg", &missing]);
    assert!(code == 2 && error.contains("is no directory"), "{error}");
    assert_eq!(directory.names(), ["plain"]);
    assert!(!Path::new(&missing).exists());
}
