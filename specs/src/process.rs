//! Children, whose lines are read while they run, and which end when they have to.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// How a child ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended {
    /// By itself, or by somebody else's signal.
    Exited(ExitStatus),
    /// It was killed because `stopped` said so.
    Stopped,
}

/// Runs a command without standard input, and hands over its lines as they come.
///
/// # Errors
///
/// It cannot be started, or not be waited for.
pub fn stream(
    command: &mut Command,
    stopped: impl Fn() -> bool,
    mut line: impl FnMut(Stream, &str),
) -> io::Result<Ended> {
    const LOOK: Duration = Duration::from_millis(20);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (sender, lines) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        read(output, Stream::Output, sender.clone());
    }
    if let Some(error) = child.stderr.take() {
        read(error, Stream::Error, sender.clone());
    }
    drop(sender);
    loop {
        match lines.recv_timeout(LOOK) {
            Ok((stream, text)) => line(stream, &text),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if stopped() {
            return end(&mut child);
        }
    }
    // Both pipes are closed, and yet it may go on.
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if stopped() { Ended::Stopped } else { Ended::Exited(status) });
        }
        if stopped() {
            return end(&mut child);
        }
        thread::sleep(LOOK);
    }
}

fn end(child: &mut Child) -> io::Result<Ended> {
    child.kill()?;
    child.wait()?;
    Ok(Ended::Stopped)
}

fn read(from: impl Read + Send + 'static, stream: Stream, lines: Sender<(Stream, String)>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if lines.send((stream, text)).is_err() {
                return;
            }
            line.clear();
        }
    });
}
