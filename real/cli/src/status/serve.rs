//! A game server that plays no game: it sets the words that such a server would.

use super::BOARD;
use crate::input::{self, Line};
use crate::names;
use crate::names::as_option;
use crate::output;
use crate::signals::exit_code;
use crate::stop::Stop;
use crate::tell::tell;
use lastword::status::{self, Board, Definition, StatusError, Writer};
use lastword::{Force, RemoveError};
use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// How the server is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The board's name
    #[arg(long, default_value = BOARD, value_parser = names::name)]
    name: String,
    /// Milliseconds between two ticks
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    interval_ms: u64,
    /// End after so many seconds
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=7 * 24 * 60 * 60))]
    seconds: Option<u64>,
    /// Print the words at each tick
    #[arg(long)]
    verbose: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword status serve                        and in other terminals: lastword status monitor
  lastword status serve --interval-ms 100 --verbose
  (echo load=0.5; sleep 5; echo load=wave) | lastword status serve

The board has three words: user_count (u64), one more at each tick; rpc_per_minute (u64, in 1/min) and load (f64), which
go up and down with it. Kill the server with `kill -9` and start it again: it goes on from the count that is there.
Any number of monitors may watch: they are never waited for, and a tick takes the same instructions with them.

Lines of a pipe or a file set words: user_count=7, from where it goes on; rpc_per_minute=90 and load=0.5, which stay so
until a line says `wave`, as load=wave. The end of the lines ends nothing. Ctrl-C ends the server and removes the board.

Exit code: 0 ended by its time; 1 failed; 2 usage; 128 + n ended by signal n.";

lastword::board! {
    struct Words {
        user_count: u64,
        rpc_per_minute: u64 ["1/min"],
        load: f64,
    }
}

/// A board of the server's own: a name with which it is not found by mistake is up to who starts it.
const MODE: u32 = 0o600;
/// So often it looks whether there are lines, as long as there may be.
const LISTEN_EVERY: Duration = Duration::from_millis(20);
/// So much of a line is shown that is of no use.
const SHOWN_MAX: usize = 60;

/// Serves until it is asked to end; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let stop = Stop::on_signals()?;
    let mut definition = Definition::new();
    let words = Words::define(&mut definition)?;
    let writer = Writer::define(&options.name, &definition, MODE)?;
    let mut server = Server { writer, words, rpc_by_hand: false, load_by_hand: false };
    let served = server.serve(options, &stop);
    drop(server);
    match status::remove(&options.name, Force::No) {
        Ok(true) => tell!("removed board {}", options.name),
        Ok(false) => tell!("board {} was removed already", options.name),
        // A successor was quick.
        Err(error @ RemoveError::InUse { .. }) => tell!("board {} stays: {error}", options.name),
        Err(error) => return Err(error.into()),
    }
    served?;
    Ok(stop.signal().map_or(0, exit_code))
}

struct Server {
    writer: Writer,
    words: Words,
    /// Whether a line has set the word, which therefore stays.
    rpc_by_hand: bool,
    load_by_hand: bool,
}

type Lines = Receiver<io::Result<Line>>;

impl Server {
    fn serve(&mut self, options: &Options, stop: &Stop) -> Result<(), Error> {
        let Options { name, interval_ms, seconds, verbose } = options;
        let argument = as_option("--name", name, BOARD);
        let words: Vec<&str> = self.writer.words().map(status::Word::name).collect();
        let words = words.join(", ");
        output::line(format_args!("serving board {name}: {words}; watch it with: lastword status monitor{argument}"))?;
        let count = self.writer.get(self.words.user_count)?;
        if count > 0 {
            tell!("going on from user_count {count}, as the server before left it");
        }
        let mut lines = if input::is_given() { Some(input::lines()?) } else { None };
        let interval = Duration::from_millis(*interval_ms);
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        loop {
            self.tick()?;
            if *verbose {
                output::line(&*self)?;
            }
            let left = end.map_or(interval, |end| end.saturating_duration_since(Instant::now()).min(interval));
            if self.rest(left, stop, &mut lines)? || end.is_some_and(|end| Instant::now() >= end) {
                return Ok(());
            }
        }
    }

    /// Sets the words, in the same instructions whatever they are.
    fn tick(&mut self) -> Result<(), StatusError> {
        let count = self.writer.get(self.words.user_count)?.wrapping_add(1);
        self.writer.set(self.words.user_count, count)?;
        let wave = wave(count);
        if !self.rpc_by_hand {
            self.writer.set(self.words.rpc_per_minute, u64::from(RPC_MIN + wave))?;
        }
        if !self.load_by_hand {
            self.writer.set(self.words.load, f64::from(wave) / f64::from(WAVE_MAX))?;
        }
        Ok(())
    }

    /// Waits for the next tick, doing what lines say meanwhile; whether a signal came.
    fn rest(&mut self, mut left: Duration, stop: &Stop, lines: &mut Option<Lines>) -> Result<bool, StatusError> {
        loop {
            let is_open = lines.as_ref().map(|lines| self.obey(lines)).transpose()?;
            if is_open != Some(true) {
                *lines = None;
                return Ok(stop.sleep(left));
            }
            let slice = left.min(LISTEN_EVERY);
            if stop.sleep(slice) {
                return Ok(true);
            }
            left -= slice;
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// Does what the lines say that have come; whether more may come.
    fn obey(&mut self, lines: &Lines) -> Result<bool, StatusError> {
        loop {
            match lines.try_recv() {
                Ok(Ok(line)) => {
                    let text = String::from_utf8_lossy(&line.bytes);
                    let set = if line.is_cut { Err("the line is too long") } else { self.set(text.trim())? };
                    let Err(refused) = set else { continue };
                    let shown: String = text.trim().chars().take(SHOWN_MAX).collect();
                    let more = if text.trim().chars().nth(SHOWN_MAX).is_some() { "..." } else { "" };
                    tell!("{shown:?}{more} sets nothing: {refused}");
                }
                Ok(Err(error)) => {
                    tell!("standard input cannot be read any more: {error}");
                    return Ok(false);
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    /// Sets a word as a line says; why not, where it is of no use.
    fn set(&mut self, line: &str) -> Result<Result<(), &'static str>, StatusError> {
        let Some((word, value)) = line.split_once('=') else {
            return Ok(Err("expected word=value, as load=0.5"));
        };
        let value = value.trim();
        match word.trim() {
            "user_count" => {
                let Ok(count) = value.parse() else { return Ok(Err("user_count is a whole number from 0")) };
                self.writer.set(self.words.user_count, count)?;
            }
            "rpc_per_minute" if value == WAVE => self.rpc_by_hand = false,
            "rpc_per_minute" => {
                let Ok(rpc) = value.parse() else { return Ok(Err("rpc_per_minute is a whole number from 0, or wave")) };
                self.writer.set(self.words.rpc_per_minute, rpc)?;
                self.rpc_by_hand = true;
            }
            "load" if value == WAVE => self.load_by_hand = false,
            "load" => {
                let Some(load) = value.parse().ok().filter(|load: &f64| load.is_finite()) else {
                    return Ok(Err("load is a number, or wave"));
                };
                self.writer.set(self.words.load, load)?;
                self.load_by_hand = true;
            }
            _ => return Ok(Err("the words are user_count, rpc_per_minute and load")),
        }
        Ok(Ok(()))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { writer, words, .. } = self;
        let failed = |_: StatusError| fmt::Error;
        let (count, rpc) = (writer.get(words.user_count), writer.get(words.rpc_per_minute));
        let (count, rpc) = (count.map_err(failed)?, rpc.map_err(failed)?);
        let load = writer.get(words.load).map_err(failed)?;
        write!(f, "user_count: {count}, rpc_per_minute: {rpc} 1/min, load: {load:?}")
    }
}

/// What a line says to let a word go up and down again.
const WAVE: &str = "wave";
/// Ticks from one low to the next.
const WAVE_TICKS: u32 = 60;
const WAVE_MAX: u32 = WAVE_TICKS / 2 * (WAVE_TICKS / 2);
const RPC_MIN: u32 = 60;

/// From 0 up to [`WAVE_MAX`] and down again, without a branch.
fn wave(tick: u64) -> u32 {
    let phase = (tick % u64::from(WAVE_TICKS)) as u32;
    phase * (WAVE_TICKS - phase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wave_goes_up_and_down_and_fits_every_tick() {
        assert_eq!([0, 1, 29, 30, 31, 59, 60].map(wave), [0, 59, 899, WAVE_MAX, 899, 59, 0]);
        assert!((0..200).chain(u64::MAX - 200..=u64::MAX).all(|tick| wave(tick) <= WAVE_MAX));
    }
}
