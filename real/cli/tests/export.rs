//! The exporter, as anything that speaks HTTP sees it.

mod common;

use common::{Board, PATIENCE, Running, http, run};
use lastword::Force;
use lastword::status::{self, Definition, Writer};
use nix::sys::signal::Signal;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// An exporter at a free port, and where it is.
fn export(arguments: &[&str]) -> (Running, String) {
    let mut exporter = Running::start(&[&["status", "export", "--listen", "127.0.0.1:0"], arguments].concat());
    let serving = exporter.hear("serving http://");
    let address = serving.split_once('/').expect("a path").0.to_owned();
    assert!(!address.ends_with(":0"), "{serving}");
    (exporter, address)
}

fn end(exporter: Running) -> String {
    exporter.signal(Signal::SIGINT);
    let (status, said) = exporter.finish();
    assert_eq!(status.code(), Some(130), "{said}");
    said
}

fn page(address: &str) -> String {
    let answer = http(address, "GET", "/metrics");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a body");
    assert!(head.starts_with("HTTP/1.0 200 OK"), "{head}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == kind), "{head}");
    body.to_owned()
}

#[test]
fn words_are_exported_while_their_server_lives_and_never_after() {
    let (board, other) = (Board::new("words"), Board::new("words-other"));
    let mut definition = Definition::new();
    let count = definition.word::<u64>("user_count", "").expect("it is a word");
    let open = definition.word::<bool>("open", "").expect("it is a word");
    let wait = definition.word::<f64>("wait", "seconds").expect("it is a word");
    let oil = definition.word::<f64>("oil \"t\"", "°C").expect("it is a word");
    let depth = definition.word::<i64>("depth", "").expect("it is a word");
    let (exporter, address) = export(&["--name", &board.0, "--name", &other.0]);
    let down = format!(
        "# HELP lastword_board_up Whether the board is there and a live process sets its words: 1 or 0.\n\
         # TYPE lastword_board_up gauge\n\
         lastword_board_up{{board=\"{0}\"}} 0\nlastword_board_up{{board=\"{1}\"}} 0\n# EOF\n",
        board.0, other.0
    );
    assert_eq!(page(&address), down);

    let mut writer = Writer::define(&board.0, &definition, 0o600).expect("it is new");
    writer.set(count, u64::MAX).expect("it is there");
    writer.set(open, true).expect("it is there");
    writer.set(wait, 0.25).expect("it is there");
    writer.set(oil, f64::INFINITY).expect("it is there");
    writer.set(depth, -4).expect("it is there");
    let mut second = Writer::define(&other.0, &definition, 0o600).expect("it is new");
    second.set(count, 3).expect("it is there");
    let exported = page(&address);
    let (one, two) = (&board.0, &other.0);
    for lines in [
        format!("lastword_board_up{{board=\"{one}\"}} 1\nlastword_board_up{{board=\"{two}\"}} 1\n"),
        format!(
            "# HELP lastword_user_count Word user_count of a status board.\n# TYPE lastword_user_count gauge\n\
             lastword_user_count{{board=\"{one}\"}} 18446744073709551615\nlastword_user_count{{board=\"{two}\"}} 3\n"
        ),
        format!("lastword_open{{board=\"{one}\"}} 1\nlastword_open{{board=\"{two}\"}} 0\n"),
        format!(
            "# HELP lastword_wait_seconds Word wait of a status board, in seconds.\n\
             # TYPE lastword_wait_seconds gauge\n# UNIT lastword_wait_seconds seconds\n\
             lastword_wait_seconds{{board=\"{one}\"}} 0.25\n"
        ),
        format!(
            "# HELP lastword_oil__t_ Word oil 't' of a status board, in °C.\n# TYPE lastword_oil__t_ gauge\n\
             lastword_oil__t_{{board=\"{one}\",word=\"oil \\\"t\\\"\"}} inf\n"
        ),
        format!("lastword_depth{{board=\"{one}\"}} -4\n"),
    ] {
        assert!(exported.contains(&lines), "{lines}\nis not in\n{exported}");
    }
    assert!(exported.ends_with("# EOF\n"));

    drop((writer, second));
    assert_eq!(page(&address), down, "it is there, and nobody sets its words");
    let said = end(exporter);
    assert!(said.contains(&format!("object /lastword-{}.status: not found", board.0)), "{said}");
    assert!(said.contains(&format!("board {} is there again", board.0)), "{said}");
}

#[test]
fn all_boards_are_exported_and_those_that_are_gone_are_not() {
    let board = Board::new("all");
    let (exporter, address) = export(&["--all"]);
    let up = format!("lastword_board_up{{board=\"{}\"}} ", board.0);
    assert!(!page(&address).contains(&up));
    // Without names it has no gauges.
    let writer = Writer::create(&board.0, 2, 0o600).expect("it is new");
    assert!(page(&address).contains(&format!("{up}1\n")));
    drop(writer);
    assert!(page(&address).contains(&format!("{up}0\n")));
    assert!(status::remove(&board.0, Force::No).expect("nobody has it"));
    assert!(!page(&address).contains(&up));
    // What is no board is one that is not up.
    std::fs::write(format!("/dev/shm/lastword-{}.status", board.0), [7; 4096]).expect("/dev/shm can be written");
    assert!(page(&address).contains(&format!("{up}0\n")));
    let said = end(exporter);
    assert!(said.contains(&format!("object /lastword-{}.status: ", board.0)), "{said}");
}

#[test]
fn paths_and_methods_are_answered_as_http_has_it() {
    let board = Board::new("http");
    let (exporter, address) = export(&["--name", &board.0]);
    let head = |method, path| http(&address, method, path).lines().next().unwrap_or_default().to_owned();
    assert!(http(&address, "GET", "/").ends_with("the metrics are at /metrics\n"));
    assert_eq!(head("GET", "/"), "HTTP/1.0 200 OK");
    assert_eq!(head("GET", "/metrics?x=y"), "HTTP/1.0 200 OK");
    assert_eq!(head("GET", "/other"), "HTTP/1.0 404 Not Found");
    assert_eq!(head("POST", "/other"), "HTTP/1.0 404 Not Found");
    for path in ["/", "/metrics"] {
        let refused = http(&address, "POST", path);
        assert!(refused.starts_with("HTTP/1.0 405 Method Not Allowed"), "{refused}");
        assert!(refused.contains("\r\nallow: GET, HEAD\r\n"), "{refused}");
    }
    let (long, short) = (http(&address, "GET", "/metrics"), http(&address, "HEAD", "/metrics"));
    let (heads, body) = long.split_once("\r\n\r\n").expect("it has a body");
    let length = format!("content-length: {}", body.len());
    assert!(heads.contains(&length) && short.contains(&length), "{heads}\n{short}");
    assert!(short.starts_with("HTTP/1.0 200 OK") && short.ends_with("\r\n\r\n"), "{short}");

    // What is no request at all.
    for garbage in [&b"\0\xff\x80garbage\r\n\r\n"[..], &[b'x'; 1 << 20]] {
        let mut stream = TcpStream::connect(&address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        // It may hang up meanwhile.
        let _ = stream.write_all(garbage);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
    page(&address);
    end(exporter);
}

#[test]
fn clients_that_ask_for_nothing_disturb_nobody_however_many_there_are() {
    let board = Board::new("slow");
    let (exporter, address) = export(&["--name", &board.0]);
    let mut slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).expect("it listens");
            stream.write_all(b"GET /metrics HTTP/1.1\r\n").expect("it takes that");
            stream
        })
        .collect();
    for _ in 0..10 {
        page(&address);
    }
    // The first ones had to give way, and the last are told to go when their time is over.
    for stream in [slow.remove(0), slow.pop().expect("there are some")] {
        let mut stream = stream;
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        let began = Instant::now();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(began.elapsed() < PATIENCE, "it was not closed");
    }
    // Signals end it, too.
    end(exporter);
}

#[test]
fn an_address_that_cannot_be_listened_at_is_told_with_what_to_do() {
    let board = Board::new("address");
    let (exporter, address) = export(&["--name", &board.0]);
    let told = |listen: &str| {
        let output = run(&["status", "export", "--name", &board.0, "--listen", listen]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = told(&address);
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("cannot listen at {address}")) && said.contains("another program"), "{said}");
    // An address for documentation, which nobody has.
    let (code, said) = told("192.0.2.1:0");
    assert_eq!(code, Some(1));
    assert!(said.contains("this machine has no such address"), "{said}");
    for wrong in ["localhost:9464", "127.0.0.1", "9464", "127.0.0.1:65536", ""] {
        let (code, said) = told(wrong);
        assert_eq!(code, Some(2), "{wrong}");
        assert!(said.contains("expected an IP address and a port, as 127.0.0.1:9464"), "{said}");
    }
    let output = run(&["status", "export", "--name", "a/b", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
    end(exporter);
}
