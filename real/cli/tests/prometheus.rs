//! The exporter, scraped by a real Prometheus while the server is killed and started again.
//!
//! `.ci/run` runs it: `cargo test -p lastword-cli --test prometheus -- --ignored`.

mod common;

use common::{Board, Running, http, wait_for};
use lastword::status::{Definition, Writer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Kills while it is scraped.
const KILLS: usize = 5;
const ALIVE: Duration = Duration::from_millis(3200);
const DEAD: Duration = Duration::from_millis(2800);
/// How far off a sample's time may be, in seconds: Prometheus puts them on a grid.
const GRID: f64 = 0.02;

/// The program, by `LASTWORD_PROMETHEUS` or from the path.
fn prometheus() -> PathBuf {
    let found = std::env::var_os("LASTWORD_PROMETHEUS").map(PathBuf::from).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("prometheus")).find(|program| program.is_file())
    });
    let found = found.filter(|program| program.is_file());
    found.expect(
        "there is no Prometheus: name one with LASTWORD_PROMETHEUS=/path/to/prometheus, or have one in PATH. On Debian, \
         without installing it: `apt-get download prometheus && dpkg-deb -x prometheus_*.deb target/prometheus`, then \
         LASTWORD_PROMETHEUS=$PWD/target/prometheus/usr/bin/prometheus",
    )
}

/// A Prometheus with a folder of its own, ended and removed with this.
struct Prometheus {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Prometheus {
    fn start(target: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prometheus-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("target can be written");
        let configuration = folder.join("prometheus.yml");
        let words = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: lastword\n    \
             static_configs:\n      - targets: ['{target}']\n"
        );
        fs::write(&configuration, words).expect("target can be written");
        let log = fs::File::create(folder.join("log")).expect("target can be written");
        // A port that was free just now.
        let free = TcpListener::bind("127.0.0.1:0").expect("there are ports");
        let address = free.local_addr().expect("it is bound").to_string();
        drop(free);
        let child = Command::new(prometheus())
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Prometheus starts");
        let mut prometheus = Self { child, folder, address };
        wait_for("Prometheus", || {
            let ended = prometheus.child.try_wait().expect("it is a child");
            assert_eq!(ended, None, "{}", fs::read_to_string(prometheus.folder.join("log")).unwrap_or_default());
            std::net::TcpStream::connect(&prometheus.address).ok()?;
            http(&prometheus.address, "GET", "/-/ready").starts_with("HTTP/1.0 200").then_some(())
        });
        prometheus
    }

    /// All samples of a metric: times in seconds since 1970, as they are printed, with values.
    fn samples(&self, metric: &str) -> BTreeMap<String, f64> {
        // `metric[1h]`, all in one series.
        let answer = http(&self.address, "GET", &format!("/api/v1/query?query={metric}%5B1h%5D"));
        let (_, body) = answer.split_once("\r\n\r\n").expect("it has a body");
        let body: Value = serde_json::from_str(body).expect("it is JSON");
        assert_eq!(body["status"], "success", "{body}");
        let series = body["data"]["result"].as_array().expect("a list");
        assert_eq!(series.len(), 1, "{metric}: {body}");
        let values = series[0]["values"].as_array().expect("a list").iter();
        let number = |value: &Value| value.as_str().and_then(|value| value.parse().ok()).expect("a number");
        values.map(|sample| (sample[0].to_string(), number(&sample[1]))).collect()
    }

    fn end(mut self) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).expect("it lives");
        let ended = wait_for("Prometheus's end", || self.child.try_wait().expect("it is a child"));
        assert_eq!(ended.code(), Some(0));
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs_f64()
}

fn is_within(inner: &Range<f64>, outer: &[Range<f64>]) -> bool {
    outer.iter().any(|outer| outer.start <= inner.start && inner.end <= outer.end)
}

#[test]
#[ignore = "needs Prometheus"]
fn every_scrape_succeeds_and_tells_what_is_so_while_the_server_is_killed_and_started_again() {
    // Before anything else is started.
    prometheus();
    let board = &Board::new("prometheus").0;
    let serve = || {
        let mut server = Running::start(&["status", "serve", "--name", board, "--interval-ms", "300"]);
        server.hear("serving board ");
        server
    };
    let mut monitor = Running::start(&["status", "monitor", "--name", board, "--json", "--interval-ms", "5"]);
    monitor.hear("waiting for board ");
    let mut exporter = Running::start(&["status", "export", "--listen", "127.0.0.1:0", "--name", board]);
    let serving = exporter.hear("serving http://");
    let target = serving.split_once('/').expect("a path").0.to_owned();
    let prometheus = Prometheus::start(&target);

    let (mut alive, mut dead) = (Vec::new(), Vec::new());
    let mut gone_at = now();
    for round in 0..=KILLS {
        dead.push(gone_at..now());
        let server = serve();
        let from = now();
        thread::sleep(ALIVE);
        alive.push(from..now());
        server.signal(if round < KILLS { Signal::SIGKILL } else { Signal::SIGTERM });
        let (status, said) = server.finish();
        assert_eq!(status.code(), (round == KILLS).then_some(143), "{said}");
        gone_at = now();
        thread::sleep(DEAD);
    }
    dead.push(gone_at..now());

    let scrapes = prometheus.samples("up%7Bjob%3D%22lastword%22%7D");
    let durations = prometheus.samples("scrape_duration_seconds");
    let boards_up = prometheus.samples("lastword_board_up");
    let counts = prometheus.samples("lastword_user_count");
    let loads = prometheus.samples("lastword_load");
    let rpcs = prometheus.samples("lastword_rpc_per_minute");
    prometheus.end();
    monitor.signal(Signal::SIGTERM);
    let (_, printed) = monitor.finish();
    exporter.signal(Signal::SIGTERM);
    assert_eq!(exporter.finish().0.code(), Some(143));

    assert!(scrapes.len() >= 20, "{} scrapes", scrapes.len());
    assert!(scrapes.values().all(|&up| up == 1.0), "a scrape failed: {scrapes:?}");
    assert_eq!(boards_up.keys().collect::<Vec<_>>(), scrapes.keys().collect::<Vec<_>>());
    let (mut ups, mut downs) = (0, 0);
    for (at, &up) in &boards_up {
        let from: f64 = at.parse().expect("a time");
        let scrape = from - GRID..from + durations[at] + GRID;
        match (is_within(&scrape, &alive), is_within(&scrape, &dead)) {
            (true, _) => {
                assert_eq!(up, 1.0, "the server lived at {at}");
                ups += 1;
            }
            (_, true) => {
                assert_eq!(up, 0.0, "the server was dead at {at}");
                downs += 1;
            }
            // It was killed or started meanwhile.
            (false, false) => {}
        }
    }
    println!("{} scrapes, {ups} while the server lived, {downs} while it was dead", scrapes.len());
    assert!(ups >= KILLS && downs >= KILLS, "{ups} and {downs} scrapes of {}", scrapes.len());
    // Words are there whenever the board is up, and never else.
    let up: Vec<&String> = boards_up.iter().filter(|(_, up)| **up == 1.0).map(|(at, _)| at).collect();
    for words in [&counts, &loads, &rpcs] {
        assert_eq!(words.keys().collect::<Vec<_>>(), up);
    }
    let seen: BTreeSet<u64> = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["words"]["user_count"].as_u64())
        .collect();
    let exported: Vec<u64> = counts.values().map(|&count| count as u64).collect();
    assert!(exported.is_sorted(), "{exported:?}");
    assert!(exported.last() > exported.first(), "{exported:?}");
    // What the board held before the first tick was never printed.
    let unseen: Vec<_> = exported.iter().filter(|&count| *count > 0 && !seen.contains(count)).collect();
    assert_eq!(unseen, [] as [&u64; 0], "the monitor saw {seen:?}");
}

#[test]
#[ignore = "needs Prometheus"]
fn what_is_exported_is_well_formed() {
    let board = &Board::new("promtool").0;
    let mut definition = Definition::new();
    definition.word::<f64>("oil \"temperature\" \\", "°C").expect("it is a word");
    definition.word::<i64>("depth", "meters").expect("it is a word");
    definition.word::<bool>("ready", "").expect("it is a word");
    let _writer = Writer::define(board, &definition, 0o600).expect("it is new");
    let mut exporter = Running::start(&["status", "export", "--listen", "127.0.0.1:0", "--name", board]);
    let serving = exporter.hear("serving http://");
    let answer = http(serving.split_once('/').expect("a path").0, "GET", "/metrics");
    let (_, page) = answer.split_once("\r\n\r\n").expect("it has a body");
    let mut promtool = Command::new(prometheus().with_file_name("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is beside prometheus");
    promtool.stdin.take().expect("piped").write_all(page.as_bytes()).expect("it reads");
    let checked = promtool.wait_with_output().expect("it is a child");
    let told = String::from_utf8_lossy(&checked.stderr);
    assert_eq!((checked.status.code(), &*told), (Some(0), ""), "{page}");
    exporter.signal(Signal::SIGTERM);
    assert_eq!(exporter.finish().0.code(), Some(143));
}
