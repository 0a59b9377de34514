//! Lines of standard input.

use crate::explain::cannot;
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// The longest line that is read; of a longer one the rest is dropped, and it is said to be cut.
pub(crate) const LINE_MAX: usize = 1 << 20;
/// So many lines wait to be taken, at most.
const AHEAD: usize = 16;

/// A line of standard input, without its end.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) bytes: Vec<u8>,
    /// Whether it was longer than [`LINE_MAX`].
    pub(crate) is_cut: bool,
}

/// Whether somebody has given lines on purpose: a pipe, a socket or a file; not a terminal, not `/dev/null`.
pub(crate) fn is_given() -> bool {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return false;
    }
    let kind = stdin.as_fd().try_clone_to_owned().and_then(|input| Ok(File::from(input).metadata()?.file_type()));
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket() || kind.is_file())
}

/// The lines of standard input, read by a thread. They end where the input ends, or with an error.
pub(crate) fn lines() -> io::Result<Receiver<io::Result<Line>>> {
    let (sender, lines) = mpsc::sync_channel(AHEAD);
    let reader = thread::Builder::new().spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next(&mut input).transpose() {
            let is_error = line.is_err();
            if sender.send(line).is_err() || is_error {
                return;
            }
        }
    });
    reader.map_err(cannot("start a thread that reads lines"))?;
    Ok(lines)
}

/// The next line; `None` at the end.
fn next(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    // One more than fits tells that it is too long.
    input.by_ref().take(LINE_MAX as u64 + 1).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let is_cut = bytes.len() > LINE_MAX && bytes.last() != Some(&b'\n');
    if is_cut {
        bytes.truncate(LINE_MAX);
        input.skip_until(b'\n')?;
    } else if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(Some(Line { bytes, is_cut }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_empty_or_cut_and_the_last_needs_no_end() {
        let mut long = vec![b'x'; LINE_MAX + 3];
        long.extend(b"\n\nlast");
        let mut input = &long[..];
        let mut line = || next(&mut input).expect("memory can be read").map(|line| (line.bytes.len(), line.is_cut));
        assert_eq!(
            [line(), line(), line(), line()],
            [Some((LINE_MAX, true)), Some((0, false)), Some((4, false)), None]
        );
        let exact = [vec![b'x'; LINE_MAX], b"\n".to_vec()].concat();
        let line = next(&mut &exact[..]).expect("memory can be read").expect("there is a line");
        assert_eq!((line.bytes.len(), line.is_cut), (LINE_MAX, false));
    }
}
