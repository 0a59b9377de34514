//! Printing the words of a board, whoever sets them, for as long as anybody does.

use super::BOARD;
use crate::names;
use crate::output::{self, HEAD, Styled};
use crate::peer::wait_for;
use crate::signals::exit_code;
use crate::stop::Stop;
use crate::tell::tell;
use lastword::status::{Monitor, Word};
use lastword::{DeathWatch, Holder, OpenError, OsError, Value};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

type Error = Box<dyn std::error::Error>;

/// What is to be watched.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The board's name
    #[arg(long, default_value = BOARD, value_parser = names::name)]
    name: String,
    /// Print the words as they are now, one a line, and end
    #[arg(long)]
    once: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Milliseconds between two looks at the words
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    interval_ms: u64,
}

const EXAMPLES: &str = "\
Examples:
  lastword status monitor                      board status, which `lastword status serve` serves
  lastword status monitor --name engine        any other board
  lastword status monitor --once --json
  lastword status monitor --json | jq .words.load

A line has all words, and comes when one of them is found changed; on a terminal those that changed are bold. Words
without names have their numbers. Each word is whole; together they are no snapshot. The board is mapped read-only: its
server does not notice. It is said within a second when the server dies; when it is back, or another is, the monitor
goes on, also where the board was removed and created anew.

JSON: {\"event\":\"words\",\"board\",\"alive\",\"pid\",\"changed\":[names],\"words\":{name:value}}, and where nobody asked for
--once the events up, down (with \"lived_s\", seconds) and removed. A value that is no number is null.

Exit code: 0 done; 1 failed, as with --once where there is no board; 2 usage; 128 + n ended by signal n.";

/// So often it is asked whether the server lives.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So long a process that has taken the role may take to note who it is; then it is taken for unknown.
const NOTED_WITHIN: Duration = Duration::from_millis(100);
const NOTED_POLL: Duration = Duration::from_millis(2);

/// Prints until it is asked to end; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let Options { name, json, .. } = options;
    if options.once {
        let mut view = View::new(options, Monitor::open(name)?);
        view.server = Server::of(&view.monitor)?;
        if view.server.is_none() {
            tell!("{}", view.unserved());
        }
        if *json {
            view.print_changes()?;
        } else {
            let words: Vec<String> = view.read().iter().map(Shown::to_string).collect();
            output::line(words.join("\n"))?;
        }
        return Ok(0);
    }
    let stop = Stop::on_signals()?;
    let opened = wait_for(&stop, format_args!("board {name}"), || Monitor::open(name))?;
    if let Some(monitor) = opened {
        View::new(options, monitor).watch(&stop)?;
    }
    Ok(stop.signal().map_or(0, exit_code))
}

/// What is known of a board.
struct View<'o> {
    options: &'o Options,
    monitor: Monitor,
    /// Who sets its words; `None` where nobody does.
    server: Option<Server>,
    /// Whether the board was there when its name was last looked up.
    is_there: bool,
    /// The values printed last, as text, which not even a NaN differs from.
    printed: Vec<String>,
}

impl<'o> View<'o> {
    fn new(options: &'o Options, monitor: Monitor) -> Self {
        Self { options, monitor, server: None, is_there: true, printed: Vec::new() }
    }

    fn watch(&mut self, stop: &Stop) -> Result<(), Error> {
        self.server = Server::of(&self.monitor)?;
        if self.server.is_some() {
            self.say_up()?;
        } else {
            tell!("{}; waiting for its next server", self.unserved());
        }
        let interval = Duration::from_millis(self.options.interval_ms);
        let (mut look_at, mut read_at) = (Instant::now(), Instant::now());
        loop {
            let now = Instant::now();
            // Who has set the words is said before the words.
            if now >= look_at {
                self.look()?;
                look_at = now + LOOK_EVERY;
            }
            if now >= read_at {
                self.print_changes()?;
                read_at = now + interval;
            }
            if stop.sleep(look_at.min(read_at).saturating_duration_since(Instant::now())) {
                return Ok(());
            }
        }
    }

    /// Looks for the server.
    fn look(&mut self) -> Result<(), Error> {
        if let Some(known) = &mut self.server {
            let found = self.monitor.writer()?;
            let is_same = found.as_ref().is_some_and(|found| known.is(found));
            if is_same && !known.is_dead()? {
                return Ok(());
            }
            // What it set last.
            self.print_changes()?;
            self.say_down(found.is_some())?;
            self.server = None;
        }
        match Monitor::open(&self.options.name) {
            Ok(monitor) => {
                self.is_there = true;
                if let Some(server) = Server::of(&monitor)? {
                    self.monitor = monitor;
                    self.server = Some(server);
                    self.say_up()?;
                    self.print_changes()?;
                }
            }
            Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. } | OpenError::Unsettled { .. }) => {
                self.say_removed()?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn say_up(&self) -> Result<(), Error> {
        let pid = self.pid();
        tell!("{} serves board {}", process(pid), self.options.name);
        self.event(Event { pid, alive: true, ..Event::of("up", &self.options.name) })
    }

    fn say_down(&mut self, is_served: bool) -> Result<(), Error> {
        let Some(known) = &self.server else { return Ok(()) };
        let (pid, name, lived) = (known.pid, &self.options.name, known.lived());
        let after = lived.map(|lived| format!(" after {:.1} s", lived.as_secs_f64())).unwrap_or_default();
        let left = "; the words are as it left them";
        let (ended, left, next) = match (known.is_dead()?, Monitor::open(name)) {
            // It went in an orderly way; what comes next is said with that.
            (_, Err(OpenError::NotFound { .. })) => ("has ended", "", ""),
            (true, _) => ("is dead", left, "; waiting for its next server"),
            (false, _) => ("has given the board up", left, "; waiting for its next server"),
        };
        let next = if is_served { "" } else { next };
        tell!("{} of board {name} {ended}{after}{left}{next}", process(pid));
        let lived_s = lived.map(|lived| lived.as_secs_f64());
        self.event(Event { pid, lived_s, ..Event::of("down", &self.options.name) })
    }

    fn say_removed(&mut self) -> Result<(), Error> {
        if !self.is_there {
            return Ok(());
        }
        self.is_there = false;
        tell!("board {0} was removed; waiting for board {0}", self.options.name);
        self.event(Event::of("removed", &self.options.name))
    }

    /// That the server is dead.
    fn unserved(&self) -> String {
        let by = self.monitor.last_writer().map(|pid| format!(" by process {pid}")).unwrap_or_default();
        format!("no process serves board {}; the words are as they were left{by}", self.options.name)
    }

    fn event(&self, event: Event<'_>) -> Result<(), Error> {
        if self.options.json {
            output::json(&event)?;
        }
        Ok(())
    }

    fn pid(&self) -> Option<u32> {
        self.server.as_ref().and_then(|server| server.pid)
    }

    /// Prints the words if one has changed.
    fn print_changes(&mut self) -> Result<(), Error> {
        let words = self.read();
        let values: Vec<String> = words.iter().map(Shown::value).collect();
        if values == self.printed {
            return Ok(());
        }
        // What was not printed before is new, and not changed.
        let is_first = self.printed.is_empty();
        let is_changed = |at: usize| is_first || self.printed.get(at) != values.get(at);
        if self.options.json {
            let changed = words.iter().enumerate().filter(|&(at, _)| is_changed(at)).map(|(_, word)| word.name());
            let event = Event {
                alive: self.server.is_some(),
                pid: self.pid(),
                changed: Some(changed.collect()),
                words: Some(Words(&words)),
                ..Event::of("words", &self.options.name)
            };
            output::json(&event)?;
        } else {
            let words = words.iter().enumerate().map(|(at, word)| match is_first || !is_changed(at) {
                true => word.to_string(),
                false => Styled(HEAD, word).to_string(),
            });
            output::line(words.collect::<Vec<_>>().join(", "))?;
        }
        self.printed = values;
        Ok(())
    }

    fn read(&self) -> Vec<Shown<'_>> {
        let words = self.monitor.words();
        words
            .map(|word| Shown { word, value: self.monitor.reading(word.index()).ok().map(|read| read.value) })
            .collect()
    }
}

/// The process that sets the words.
struct Server {
    pid: Option<u32>,
    since: Option<SystemTime>,
    /// There is none of a process in another pid namespace.
    watch: Option<DeathWatch>,
}

impl Server {
    /// The one that there is now. Who has just taken the role notes in a moment who it is, and until then it looks like
    /// nobody known, or like a predecessor who is dead: that moment is waited for.
    fn of(monitor: &Monitor) -> Result<Option<Self>, OsError> {
        let asked = Instant::now();
        loop {
            let Some(holder) = monitor.writer()? else { return Ok(None) };
            let server = Self::from(&holder);
            if server.watch.is_some() || asked.elapsed() >= NOTED_WITHIN {
                return Ok(Some(server));
            }
            thread::sleep(NOTED_POLL);
        }
    }

    /// Whether it is this one who has the role. It may not have been known who had just taken it.
    fn is(&mut self, found: &Holder) -> bool {
        if self.pid.is_none() {
            *self = Self::from(found);
        }
        self.pid == found.pid()
    }

    fn is_dead(&self) -> Result<bool, OsError> {
        self.watch.as_ref().map_or(Ok(false), |watch| watch.wait(Some(Duration::ZERO)))
    }

    /// For how long it has had the board.
    fn lived(&self) -> Option<Duration> {
        SystemTime::now().duration_since(self.since?).ok()
    }
}

impl From<&Holder> for Server {
    fn from(holder: &Holder) -> Self {
        Self { pid: holder.pid(), since: holder.since(), watch: holder.watch().ok() }
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"))
}

/// A word and what is in it; `None` if that is no value of its kind.
struct Shown<'a> {
    word: &'a Word,
    value: Option<Value>,
}

impl Shown<'_> {
    fn name(&self) -> String {
        if self.word.name().is_empty() { self.word.index().to_string() } else { self.word.name().to_owned() }
    }

    fn value(&self) -> String {
        self.value.map_or_else(|| format!("no {}", self.word.kind()), |value| value.to_string())
    }
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name(), self.value())?;
        if self.word.unit().is_empty() { Ok(()) } else { write!(f, " {}", self.word.unit()) }
    }
}

/// A line of JSON. It is an interface: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Event<'e> {
    /// What has happened: `words`, they are these now; `up`, a process serves the board; `down`, it does no more;
    /// `removed`, the board is not there.
    event: &'static str,
    /// The board's name.
    board: &'e str,
    /// Whether a live process serves it.
    alive: bool,
    /// Which one; null if none does, or none is known. With `down`, which one did.
    pid: Option<u32>,
    /// With `down`: for how many seconds it had the board, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    lived_s: Option<f64>,
    /// With `words`: the names of those that differ from the line before.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Vec<String>>,
    /// With `words`: all of them, by name, or by number where they have no names.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Words<'e>>,
}

impl<'e> Event<'e> {
    fn of(event: &'static str, board: &'e str) -> Self {
        Self { event, board, alive: false, pid: None, lived_s: None, changed: None, words: None }
    }
}

/// Words as an object, in their order on the board.
struct Words<'e>(&'e [Shown<'e>]);

impl std::fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(Shown::to_string)).finish()
    }
}

impl Serialize for Words<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for shown in self.0 {
            // As the library writes it, a float that is not finite is null.
            let value = shown.value.map_or_else(|| "null".to_owned(), |value| value.json().to_string());
            let value: serde_json::Value = serde_json::from_str(&value).map_err(serde::ser::Error::custom)?;
            map.serialize_entry(&shown.name(), &value)?;
        }
        map.end()
    }
}
