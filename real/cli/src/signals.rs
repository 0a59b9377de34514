//! Signals that ask the program to end.

use crate::crew::Event;
use crate::explain::cannot;
use nix::sys::signal::Signal;
use ratatui::crossterm::terminal::disable_raw_mode;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// A signal that comes so soon after the first one is the same request: `timeout` signals a process and then its group,
/// and a terminal that is closed is told of by the kernel and by the shell.
const SAME_REQUEST: Duration = Duration::from_millis(500);

/// From now on these signals no longer kill this program, but are events.
pub(crate) fn send(events: &Sender<Event>) -> io::Result<()> {
    send_as(events, Event::Signal)
}

/// The same, as events of another kind.
pub(crate) fn send_as<E: Send + 'static>(events: &Sender<E>, event: fn(i32) -> E) -> io::Result<()> {
    let events = events.clone();
    // Where nobody waits for events any more, the program ends by itself.
    listen(move |signal| drop(events.send(event(signal))))
}

/// From now on SIGINT, SIGTERM and SIGHUP no longer kill this program, but are told, by a thread. What was ignored when
/// the program started, as `nohup` has it, stays ignored.
///
/// A second request kills as it always would: the first may wait behind a write to a pipe that nobody reads.
pub(crate) fn listen(mut tell: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    let ignored = ignored();
    let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| (ignored >> (signal - 1)) & 1 == 0);
    let mut signals = Signals::new(heard).map_err(cannot("listen to signals"))?;
    let listener = thread::Builder::new().spawn(move || {
        let mut first = None;
        for signal in signals.forever() {
            if first.get_or_insert_with(Instant::now).elapsed() > SAME_REQUEST {
                // A terminal that was raw does not stay so; where there is none, nothing happens.
                let _ = disable_raw_mode();
                let _ = low_level::emulate_default_handler(signal);
            }
            tell(signal);
        }
    });
    listener.map(drop).map_err(cannot("start a thread that listens to signals"))
}

/// The signals that are ignored, as bits from that of signal 1 on; none where `/proc` does not tell.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

/// From now on an object that is larger than this process may make is an error, which says what to do. The signal would
/// kill without a word.
pub(crate) fn survive_file_limit() -> io::Result<()> {
    // Nobody reads the flag; that there is a handler is enough.
    flag::register(Signal::SIGXFSZ as i32, Arc::new(AtomicBool::new(false))).map(drop)
}

/// The exit code of a program that a signal has ended, as shells have it.
pub(crate) fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}
