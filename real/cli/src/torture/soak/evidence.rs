//! What there is to show for a breach: a log of what was done to whom, and the objects as they were found.

use crate::explain::cannot;
use std::collections::VecDeque;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SHM: &str = "/dev/shm";
/// Lines of the log that are kept, the last ones.
const LINES_MAX: usize = 20_000;

/// What was done, line by line.
#[derive(Debug, Default)]
pub(super) struct Log {
    lines: VecDeque<String>,
}

impl Log {
    pub(super) fn note(&mut self, at: Duration, what: impl Display) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>12.6} {what}\n", at.as_secs_f64()));
    }

    fn text(&self) -> String {
        self.lines.iter().map(String::as_str).collect()
    }
}

/// Copies the objects whose names begin so, and the log, to this directory, which is created.
pub(super) fn save(directory: &Path, prefix: &str, log: &Log) -> io::Result<()> {
    let attempt = || {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("log.txt"), log.text())?;
        for object in lastword::objects(prefix)? {
            // Its name begins with a slash.
            let name = object.to_string();
            fs::copy(format!("{SHM}{name}"), directory.join(name.trim_start_matches('/')))?;
        }
        Ok(())
    };
    attempt().map_err(cannot(format_args!("save the evidence in {}", directory.display())))
}

/// Writes the report beside the evidence.
pub(super) fn save_report(directory: &Path, report: &str) -> io::Result<()> {
    let path = directory.join("report.json");
    fs::write(&path, report).map_err(cannot(format_args!("write {}", path.display())))
}

/// Where evidence goes if nobody says so.
pub(super) fn default_directory(session: &str) -> PathBuf {
    std::env::temp_dir().join(format!("lastword-{session}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_last_lines() {
        let mut log = Log::default();
        for number in 0..LINES_MAX + 2 {
            log.note(Duration::from_millis(number as u64), number);
        }
        let text = log.text();
        assert_eq!(text.lines().count(), LINES_MAX);
        assert_eq!(text.lines().next(), Some("    0.002000 2"));
    }
}
