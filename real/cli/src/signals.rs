//! Signals that ask the program to end, as events.

use crate::crew::Event;
use crate::explain::cannot;
use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;
use std::thread;

/// From now on these signals no longer kill this program.
pub(crate) fn send(events: &Sender<Event>) -> io::Result<()> {
    send_as(events, Event::Signal)
}

/// The same, as events of another kind.
pub(crate) fn send_as<E: Send + 'static>(events: &Sender<E>, event: fn(i32) -> E) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(cannot("listen to signals"))?;
    let events = events.clone();
    let listener = thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            if events.send(event(signal)).is_err() {
                return;
            }
        }
    });
    listener.map(drop).map_err(cannot("start a thread that listens to signals"))
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
