//! The words of boards for Prometheus: OpenMetrics over HTTP.

mod http;
mod metrics;

use super::BOARD;
use crate::explain::cannot_list;
use crate::names;
use crate::output;
use crate::signals::exit_code;
use crate::stop::Stop;
use crate::tell::tell;
use lastword::status::Monitor;
use lastword::{ObjectKind, OpenError};
use metrics::{Look, Sample};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

type Error = Box<dyn std::error::Error>;

/// What is to be exported, and where.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The address and port at which to listen; port 0 for a free one
    #[arg(long, default_value = "127.0.0.1:9464", value_parser = address)]
    listen: SocketAddr,
    /// A board; may be given several times [default: status]
    #[arg(long, value_parser = names::name)]
    name: Vec<String>,
    /// All boards that are there and that this user may read
    #[arg(long)]
    all: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword status export                       board status, at http://127.0.0.1:9464/metrics
  lastword status export --name status --name engine
  lastword status export --all --listen [::1]:9100

In prometheus.yml:
  scrape_configs:
    - job_name: lastword
      static_configs: [{targets: ['127.0.0.1:9464']}]

A word that has a name is a gauge: user_count of board status is lastword_user_count{board=\"status\"}. Characters that
cannot be in a metric's name become _, and a label `word` has the name as it is. A unit is the name's end if it is made
of letters, digits and _, and is in the help text in any case. A bool is 0 or 1; numbers beyond 2^53 are rounded to a
double by Prometheus. Words that are not a value of their kind are left out.

lastword_board_up{board} is 1 if the board is there and a live process sets its words, as the kernel says when it is
asked, at each scrape; else 0. The words of a board that is not up are left out: no value is better than an old one.
With --all, boards that are gone are left out too; name those whose absence matters.

Whoever reaches the address can read the words: listen at an address of this machine alone, or have it guarded.

Exit code: 1 failed, as where the port is in use; 2 usage; 128 + n ended by signal n.";

/// Answers until it is asked to end; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let mut names: BTreeSet<String> = options.name.iter().cloned().collect();
    if names.is_empty() && !options.all {
        names.insert(BOARD.to_owned());
    }
    let stop = Stop::on_signals()?;
    let listener = TcpListener::bind(options.listen).map_err(|error| cannot_listen(options.listen, error))?;
    let of = match (options.all, names.len()) {
        (true, _) => "all boards".to_owned(),
        (false, 1) => format!("board {}", names.iter().next().map_or("", String::as_str)),
        (false, _) => format!("boards {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
    };
    output::line(format_args!("serving http://{}/metrics: {of}", listener.local_addr()?))?;
    let exporter = Exporter { names, all: options.all, troubles: Mutex::default() };
    http::serve(listener, &stop, Arc::new(move || exporter.page()))?;
    Ok(stop.signal().map_or(0, exit_code))
}

/// What is exported.
struct Exporter {
    names: BTreeSet<String>,
    all: bool,
    /// What was said last to be wrong with a board, so that it is said once.
    troubles: Mutex<BTreeMap<String, String>>,
}

impl Exporter {
    /// The answer to a scrape. A scrape does not fail, whatever boards do.
    fn page(&self) -> String {
        let mut troubles = BTreeMap::new();
        let mut names = self.names.clone();
        if self.all {
            match lastword::objects("") {
                Ok(objects) => {
                    let boards = objects.into_iter().filter(|object| object.kind == ObjectKind::Status);
                    names.extend(boards.map(|board| board.name));
                }
                Err(error) => {
                    troubles.insert(String::new(), cannot_list(error).to_string());
                }
            }
        }
        let looks = names.iter().filter_map(|name| match look(name) {
            Ok(samples) => Some(Look { board: name.clone(), samples }),
            Err(trouble) => {
                let is_named = self.names.contains(name);
                if is_named || !trouble.is_foreign {
                    troubles.insert(name.clone(), trouble.why);
                }
                (is_named || !trouble.is_gone && !trouble.is_foreign).then(|| Look::down(name))
            }
        });
        let page = metrics::page(looks.collect());
        self.tell(troubles);
        page
    }

    /// Says what is wrong, where it was not wrong at the last scrape.
    fn tell(&self, troubles: BTreeMap<String, String>) {
        let mut told = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        for (board, why) in &troubles {
            if told.get(board) != Some(why) {
                tell!("{why}");
            }
        }
        for board in told.keys().filter(|board| !troubles.contains_key(*board)) {
            match board.as_str() {
                "" => tell!("/dev/shm can be read again"),
                board => tell!("board {board} is there again"),
            }
        }
        *told = troubles;
    }
}

/// Why a board is not to be read.
struct Trouble {
    why: String,
    is_gone: bool,
    /// Whether it is another user's.
    is_foreign: bool,
}

/// What a board's words are; `None` if no live process sets them. It is opened each time, for it may be another one by
/// now.
fn look(name: &str) -> Result<Option<Vec<Sample>>, Trouble> {
    let monitor = Monitor::open(name).map_err(|error| Trouble {
        why: error.to_string(),
        is_gone: matches!(error, OpenError::NotFound { .. }),
        is_foreign: match &error {
            OpenError::Owner { .. } => true,
            OpenError::Os(error) => crate::removal::is_denied(error.raw_os_error()),
            _ => false,
        },
    })?;
    let lives = monitor.writer_lives();
    if !lives.map_err(|error| Trouble { why: error.to_string(), is_gone: false, is_foreign: false })? {
        return Ok(None);
    }
    let readings = monitor.readings().flatten().filter(|reading| !reading.word.name().is_empty());
    Ok(Some(readings.map(|reading| Sample { word: reading.word.clone(), value: reading.value }).collect()))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, as 127.0.0.1:9464 or [::1]:9464".to_owned())
}

fn cannot_listen(address: SocketAddr, error: io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there: end it, or use another port (--listen; port 0: a free one)"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 are the administrator's: use another one (--listen)",
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: use one that `ip address` lists, or 127.0.0.1 (--listen)"
        }
        _ => "use another address (--listen)",
    };
    io::Error::new(error.kind(), format!("cannot listen at {address}: {error}; {advice}"))
}
