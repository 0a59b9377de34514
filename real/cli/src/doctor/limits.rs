//! What this process may have, see getrlimit(2). What it starts has the same limits.

use super::{Check, LEAST, Question, bytes};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

const FILE_SIZE: Question = Question::new("limit-file-size", "none (ulimit -f), or more than the largest object");
const OPEN_FILES: Question = Question::new("limit-open-files", "1024 (ulimit -n)");
const ADDRESS_SPACE: Question = Question::new("limit-address-space", "none (ulimit -v)");

const FILES_WANTED: u64 = 1024;
/// What a command with one channel, one mailbox and one board opens.
const FILES_LEAST: u64 = 24;

/// The checks.
pub(super) fn checks() -> Vec<Check> {
    [
        (FILE_SIZE, Resource::RLIMIT_FSIZE, file_size as fn(u64) -> Check),
        (OPEN_FILES, Resource::RLIMIT_NOFILE, open_files),
        (ADDRESS_SPACE, Resource::RLIMIT_AS, address_space),
    ]
    .into_iter()
    .map(|(question, resource, check)| match getrlimit(resource) {
        Ok((limit, _)) => check(limit),
        Err(errno) => question.warning(format!("getrlimit failed: {errno}"), "see getrlimit(2)"),
    })
    .collect()
}

fn file_size(limit: u64) -> Check {
    const RAISE: &str = "raise it (ulimit -f unlimited; of a service: LimitFSIZE=): objects are files to the kernel";
    match limit {
        RLIM_INFINITY => FILE_SIZE.ok("none"),
        LEAST.. => FILE_SIZE.warning(bytes(limit), RAISE),
        _ => FILE_SIZE.problem(bytes(limit), RAISE),
    }
}

fn open_files(limit: u64) -> Check {
    const RAISE: &str = "raise it (ulimit -n 1024; of a service: LimitNOFILE=): each role and each view takes up to 3";
    match limit {
        RLIM_INFINITY => OPEN_FILES.ok("no limit"),
        FILES_WANTED.. => OPEN_FILES.ok(limit.to_string()),
        FILES_LEAST.. => OPEN_FILES.warning(limit.to_string(), RAISE),
        _ => OPEN_FILES.problem(limit.to_string(), RAISE),
    }
}

fn address_space(limit: u64) -> Check {
    match limit {
        RLIM_INFINITY => ADDRESS_SPACE.ok("none"),
        _ => ADDRESS_SPACE.warning(
            bytes(limit),
            "raise it (ulimit -v unlimited; of a service: LimitAS=): every object that a process has open counts",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_limit_is_a_warning_before_it_is_a_problem() {
        let states = |check: fn(u64) -> Check, limits: [u64; 3]| limits.map(|limit| check(limit).state);
        let worse = [State::Ok, State::Warning, State::Problem];
        assert_eq!(states(file_size, [RLIM_INFINITY, LEAST, LEAST - 1]), worse);
        assert_eq!(states(open_files, [FILES_WANTED, FILES_WANTED - 1, FILES_LEAST - 1]), worse);
        assert_eq!(states(address_space, [RLIM_INFINITY, 1 << 40, 0]), [State::Ok, State::Warning, State::Warning]);
    }
}
