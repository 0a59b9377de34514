//! What is going on now: a live screen, or lines.

mod lines;
mod row;
mod screen;
mod watcher;

use crate::explain::cannot_list;
use crate::names;
use crate::output;
use crate::signals;
use crate::stop::Stop;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::{self, IsTerminal};
use std::time::Duration;
use watcher::Watcher;

type Error = Box<dyn std::error::Error>;

/// What is looked at, and how it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// What the names begin with; all if not given
    #[arg(default_value = "", hide_default_value = true, value_parser = names::prefix)]
    prefix: String,
    /// Milliseconds between two looks
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    interval_ms: u64,
    /// Print one table, after one interval, and end
    #[arg(long)]
    once: bool,
    /// Print one JSON object for each interval, on one line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword top                     a live screen; on no terminal, a table each interval
  lastword top arm --interval-ms 100
  lastword top --once --json | jq '.objects[] | select(.roles[0].pid == null) | .name'

Keys: q or Ctrl-C ends; up, down, PgUp, PgDn, Home and End select; Enter or i shows the selected one's roles, words and
newest message; s sorts by name, rate or size; p pauses; / filters by a part of the name; ? explains.

A rate is of messages, by their numbers; of a board, of words that were different at the next look, which misses what
changed twice. Times are UTC. A process that has ended `died`, whatever it ended by; one that lives, and no longer has
its role, `gave the role up`. 1234? is a process that took a role which a live process has, and is itself gone (one that
it forked has it), or lives in another pid namespace; it is not counted. Nothing is written, no lock is
taken, and nobody is disturbed.

In JSON each object has `at_ms` (since 1970), `interval_ms`, `objects` and `events`, whose fields are named as the
columns are; `event` is one of created, removed, created_anew, replaced, condition, taken, died, given_up, and lost
where it cannot be seen whether the process lives.

Exit code: 0 ended by q, or after --once; 1 /dev/shm cannot be read; 2 usage; 128 + n ended by signal n.";

/// Looks until it is told to end; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    open_many_files();
    let watcher = Watcher::new(&options.prefix);
    let is_seen = output::is_terminal() && io::stdin().is_terminal();
    if is_seen && !options.once && !options.json {
        return screen::run(watcher, &options.prefix, Duration::from_millis(options.interval_ms));
    }
    print(options, watcher)
}

/// Raises the limit of open files as far as this process may: every object and every process that has a role is one.
/// Where that is not enough, the error says so.
fn open_many_files() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Why nothing was looked at. Here every object is an open file.
fn cannot_look(error: io::Error) -> io::Error {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE | Errno::ENFILE) => io::Error::new(
            error.kind(),
            format!(
                "cannot look at all objects at once: {error}; look at fewer (lastword top PREFIX), or raise the limit \
                 of open files (ulimit -n)"
            ),
        ),
        _ => cannot_list(error),
    }
}

/// Prints a table or an object for each interval.
fn print(options: &Options, mut watcher: Watcher) -> Result<u8, Error> {
    let stop = Stop::on_signals()?;
    // Rates need two looks.
    watcher.look().map_err(cannot_look)?;
    while !stop.sleep(Duration::from_millis(options.interval_ms)) {
        watcher.look().map_err(cannot_look)?;
        if options.json {
            output::json(&lines::object(&watcher))?;
        } else {
            output::print(lines::table(&watcher))?;
        }
        if options.once {
            return Ok(0);
        }
    }
    Ok(stop.signal().map_or(0, signals::exit_code))
}
