//! System errors, in words that say what was being done and what to do.

use nix::errno::Errno;
use std::fmt::Display;
use std::io;

/// What such an error is turned into: `map_err(cannot("do this"))`.
pub(crate) fn cannot(what: impl Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| {
        let advice = match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EMFILE | Errno::ENFILE) => {
                "; raise the limit of open files (ulimit -n), or ask for fewer processes"
            }
            Some(Errno::EAGAIN) => {
                "; raise the limit of processes and threads (ulimit -u, or pids.max of the control group), or ask for \
                 fewer processes"
            }
            Some(Errno::ENOMEM) => "; end other processes, or ask for less",
            _ => "",
        };
        io::Error::new(error.kind(), format!("cannot {what}: {error}{advice}"))
    }
}

/// The same for reading the directory of all objects.
pub(crate) fn cannot_list(error: io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => ": mount a tmpfs there",
        io::ErrorKind::NotADirectory => ": remove that file, and mount a tmpfs on a directory there",
        _ => "",
    };
    cannot(format_args!("read /dev/shm, where the objects are{advice}"))(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(errno: Errno) -> String {
        cannot("start process 3")(errno.into()).to_string()
    }

    #[test]
    fn an_error_says_what_was_being_done_and_what_to_do() {
        let text = explained(Errno::EMFILE);
        assert!(
            text.starts_with("cannot start process 3: Too many open files") && text.contains("ulimit -n"),
            "{text}"
        );
        assert!(explained(Errno::EAGAIN).contains("ulimit -u"));
        assert_eq!(explained(Errno::EIO), "cannot start process 3: Input/output error (os error 5)");
        let text = cannot_list(Errno::ENOENT.into()).to_string();
        assert!(text.contains("/dev/shm") && text.contains("mount a tmpfs") && text.contains("No such file"), "{text}");
        let text = cannot_list(Errno::ENOTDIR.into()).to_string();
        assert!(text.contains("remove that file") && text.contains("Not a directory"), "{text}");
    }
}
