//! A process that works with objects that are being vandalised. It says every error by its kind, takes its role again,
//! and removes what cannot be attached to.

use super::Fault;
use super::targets::{CAPACITY, CONSUMERS, Target, Targets, WORDS};
use crate::crew;
use crate::names;
use crate::worker::{monotonic, say};
use lastword::ready::{self, ReceiveError, SendError};
use lastword::status::{Key, Monitor, StatusError, Writer};
use lastword::{Consumer, Force, Observer, OpenError, Producer};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// What a worker is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    session: String,
    /// Which of the [`WORKERS`] it is.
    #[arg(long)]
    index: usize,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    supervisor: i32,
    #[arg(long = "break")]
    fault: Option<Fault>,
}

pub(super) const WORKERS: usize = 4;
/// What begins a line with what was done since the last one: operations, then kind=count for each kind of error.
pub(super) const DONE: &str = "done";
/// What begins a line with what must not be.
pub(super) const WRONG: &str = "wrong";

/// Words of a worker's own board, which nobody vandalises.
pub(super) const BOARD_WORDS: u16 = 2;
/// When the operation began that is under way, on the monotonic clock in nanoseconds; 0 for none.
pub(super) const BEGAN: u16 = 0;
/// Whether that operation is one that may have to wait for another process: attaching, removing.
pub(super) const MAY_WAIT: u16 = 1;

const SAY_EVERY: Duration = Duration::from_millis(50);
/// A role is given up and taken again after so long, so that attaching is vandalised too.
const ROLE_MAX: Duration = Duration::from_millis(60);
/// So many failures to attach in a row, and the object is removed; by force after so many.
const REMOVE_AFTER: u32 = 3;
const FORCE_AFTER: u32 = 6;
/// Longest time to wait for another process where that is asked for.
const WAIT: Duration = Duration::from_micros(200);
const REST: Duration = Duration::from_micros(300);
/// Operations between two rests, so that everybody gets a turn.
const BURST: u32 = 50;

/// The board of a worker.
pub(super) fn board(session: &str, index: usize) -> String {
    format!("{session}.worker{index}")
}

/// Works until standard input is closed, or it is killed.
pub(crate) fn work(options: &Options) -> Result<u8, Error> {
    crew::die_with(options.supervisor)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let listener = Arc::clone(&is_over);
    thread::Builder::new().spawn(move || {
        let _ = io::stdin().lines().count();
        listener.store(true, Ordering::Relaxed);
    })?;
    let mut worker = Worker {
        targets: Targets::new(&options.session),
        board: Writer::create(&board(&options.session, options.index), BOARD_WORDS, names::MODE)?,
        rng: ChaCha8Rng::seed_from_u64(options.seed),
        fault: options.fault,
        operations: 0,
        errors: BTreeMap::new(),
        said: Instant::now(),
    };
    // A predecessor may have been killed in the middle of an operation.
    worker.board.set(Key::at(BEGAN), 0u64)?;
    let mut actors: Vec<Actor> = acts(options.index).iter().map(|&act| Actor::new(act)).collect();
    while !is_over.load(Ordering::Relaxed) {
        for actor in &mut actors {
            for _ in 0..BURST {
                actor.act(&mut worker)?;
            }
        }
        worker.say_now_and_then()?;
        thread::sleep(REST);
    }
    drop(actors);
    worker.say()?;
    Ok(0)
}

/// What one process does.
fn acts(index: usize) -> &'static [Act] {
    match index {
        0 => &[Act::Produce, Act::Send],
        1 => &[Act::Consume(0), Act::Receive],
        2 => &[Act::Consume(1), Act::Set],
        _ => &[Act::Observe, Act::Monitor, Act::Watch],
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Produce,
    Consume(u8),
    Observe,
    Send,
    Receive,
    Watch,
    Set,
    Monitor,
}

impl Act {
    fn target(self) -> Target {
        match self {
            Act::Produce | Act::Consume(_) | Act::Observe => Target::Channel,
            Act::Send | Act::Receive | Act::Watch => Target::Mailbox,
            Act::Set | Act::Monitor => Target::Board,
        }
    }
}

/// A role, or a view.
enum Handle {
    Producer(Producer<[u8]>),
    Consumer(Consumer<[u8]>),
    Observer(Observer<[u8]>),
    Sender(ready::Writer<[u8]>),
    Receiver(ready::Reader<[u8]>),
    Watcher(ready::Monitor),
    Setter(Writer),
    Monitor(Monitor),
}

/// One act of a process.
struct Actor {
    act: Act,
    handle: Option<Handle>,
    /// When it gives up its handle.
    until: Instant,
    /// Failures to attach in a row.
    failed: u32,
}

struct Worker {
    targets: Targets,
    /// Its own, which nobody vandalises.
    board: Writer,
    rng: ChaCha8Rng,
    fault: Option<Fault>,
    operations: u64,
    errors: BTreeMap<String, u64>,
    said: Instant,
}

impl Worker {
    /// Does something that the supervisor watches.
    fn watched<T>(&mut self, may_wait: bool, operation: impl FnOnce(&mut Self) -> T) -> Result<T, Error> {
        self.operations += 1;
        self.board.set(Key::at(MAY_WAIT), u64::from(may_wait))?;
        self.board.set(Key::at(BEGAN), monotonic()?.as_nanos() as u64)?;
        match self.fault {
            Some(Fault::Panic) => panic!("a panic was ordered"),
            Some(Fault::Crash) => std::process::abort(),
            Some(Fault::Hang) => thread::sleep(Duration::MAX),
            Some(Fault::Unrestored) | None => {}
        }
        let done = operation(self);
        self.board.set(Key::at(BEGAN), 0u64)?;
        Ok(done)
    }

    fn count(&mut self, error: Kind) {
        *self.errors.entry(error.0).or_default() += 1;
    }

    fn say_now_and_then(&mut self) -> io::Result<()> {
        if self.said.elapsed() >= SAY_EVERY { self.say() } else { Ok(()) }
    }

    fn say(&mut self) -> io::Result<()> {
        let errors: Vec<String> = self.errors.iter().map(|(kind, count)| format!(" {kind}={count}")).collect();
        say(&format!("{DONE} {}{}", self.operations, errors.concat()))?;
        self.operations = 0;
        self.errors.clear();
        self.said = Instant::now();
        Ok(())
    }
}

/// The kind of an error: what was done, and the name of the error.
struct Kind(String);

impl Kind {
    fn of(what: &str, error: &impl Debug) -> Self {
        let debug = format!("{error:?}");
        let name: String = debug.chars().take_while(|symbol| symbol.is_alphanumeric()).collect();
        Self(format!("{what}.{name}"))
    }
}

impl Actor {
    fn new(act: Act) -> Self {
        Self { act, handle: None, until: Instant::now(), failed: 0 }
    }

    fn act(&mut self, worker: &mut Worker) -> Result<(), Error> {
        if Instant::now() >= self.until {
            self.handle = None;
            self.until = Instant::now() + ROLE_MAX.mul_f64(worker.rng.random());
        }
        let Some(handle) = &mut self.handle else { return self.attach(worker) };
        if let Err(kind) = worker.watched(false, |worker| step(handle, &mut worker.rng))? {
            if kind.0 == WRONG {
                say(&format!("{WRONG} {:?}: a message is longer than the channel's capacity", self.act))?;
            }
            worker.count(kind);
            // The role is taken again, or what is there is put up with.
            if worker.rng.random() {
                self.handle = None;
            }
        }
        Ok(())
    }

    fn attach(&mut self, worker: &mut Worker) -> Result<(), Error> {
        let act = self.act;
        match worker.watched(true, |worker| attach(act, &worker.targets))? {
            Ok(handle) => {
                self.handle = Some(handle);
                self.failed = 0;
            }
            Err(error) => {
                worker.count(Kind::of("attach", &error));
                self.failed += 1;
                // An observer or a monitor creates nothing and so has nothing to remove.
                let is_looking = matches!(act, Act::Observe | Act::Monitor | Act::Watch);
                if self.failed >= REMOVE_AFTER && !is_looking {
                    let force = if self.failed >= FORCE_AFTER { Force::Yes } else { Force::No };
                    let target = act.target();
                    if let Err(error) = worker.watched(true, |worker| worker.targets.remove(target, force))? {
                        let kind = match error.downcast_ref::<lastword::RemoveError>() {
                            Some(error) => Kind::of("remove", error),
                            None => Kind::of("remove", &error),
                        };
                        worker.count(kind);
                    }
                }
                thread::sleep(REST);
            }
        }
        Ok(())
    }
}

fn attach(act: Act, targets: &Targets) -> Result<Handle, OpenError> {
    Ok(match act {
        Act::Produce => Handle::Producer(targets.channel()?.producer()?),
        Act::Consume(index) => Handle::Consumer(targets.channel()?.consumer(index % CONSUMERS)?),
        Act::Observe => Handle::Observer(targets.channel()?.observer()?),
        Act::Send => Handle::Sender(targets.mailbox()?.writer()?),
        Act::Receive => Handle::Receiver(targets.mailbox()?.reader()?),
        Act::Watch => Handle::Watcher(targets.mailbox()?.monitor()?),
        Act::Set => Handle::Setter(Writer::create(targets.name(), WORDS, names::MODE)?),
        Act::Monitor => Handle::Monitor(Monitor::open(targets.name())?),
    })
}

/// One operation. What is read may be anything, but no longer than a message can be.
fn step(handle: &mut Handle, rng: &mut ChaCha8Rng) -> Result<(), Kind> {
    let turn = rng.random_range(0..4);
    let mut bytes = [0; CAPACITY];
    let length = rng.random_range(0..=CAPACITY);
    match handle {
        Handle::Producer(producer) => produce(producer, turn, &bytes[..length]),
        Handle::Consumer(consumer) => consume(consumer, turn, &mut bytes),
        Handle::Observer(observer) => {
            let (peek, newest) = (|error: &lastword::PeekError| Kind::of("peek", &error.source), observer.newest());
            newest.map_err(|error| peek(&error))?;
            let peeked = observer.peek_bytes().map_err(|error| peek(&error))?;
            fits(peeked.map_or(0, |(_, bytes)| bytes.len()))
        }
        Handle::Sender(writer) if turn == 0 => {
            writer.wait(Some(WAIT)).map(drop).map_err(|error| Kind::of("send", &error))
        }
        Handle::Sender(writer) => match writer.try_send(&bytes[..length]) {
            Ok(_) | Err(SendError::Full) => Ok(()),
            Err(error) => Err(Kind::of("send", &error)),
        },
        Handle::Receiver(reader) => receive(reader, turn, &mut bytes).map_err(|error| match error {
            Some(error) => Kind::of("receive", &error),
            None => Kind(WRONG.to_owned()),
        }),
        Handle::Watcher(monitor) => {
            monitor.state().map_err(|error| Kind::of("watch", &error))?;
            let lives = if turn == 0 { monitor.writer_lives() } else { monitor.reader_lives() };
            lives.map(drop).map_err(|error| Kind::of("watch", &error))
        }
        Handle::Setter(writer) => {
            let word = rng.random_range(0..WORDS);
            let set = match turn {
                0 => writer.set(Key::at(word), rng.random::<f64>()),
                1 => writer.set(Key::at(word), rng.random::<u32>()),
                2 => writer.set(Key::at(word), rng.random::<bool>()),
                _ => writer.get::<u32>(Key::at(word)).map(drop),
            };
            set.map_err(|error| Kind::of("set", &error))
        }
        Handle::Monitor(monitor) => {
            watch(monitor, turn, rng.random_range(0..WORDS)).map_err(|error| Kind::of("get", &error))
        }
    }
}

fn produce(producer: &mut Producer<[u8]>, turn: u32, message: &[u8]) -> Result<(), Kind> {
    let failed = |error: lastword::PublishError| Kind::of("publish", &error.source);
    match turn {
        0 => {
            let mut loan = producer.loan_bytes(message.len()).map_err(failed)?;
            loan.write(message).map_err(failed)?;
            loan.publish();
            Ok(())
        }
        1 => {
            let last = producer.read_last_bytes().map_err(|error| Kind::of("read_last", &error.source.why))?;
            fits(last.map_or(0, |bytes| bytes.len()))
        }
        _ => producer.publish(message).map(drop).map_err(failed),
    }
}

fn consume(consumer: &mut Consumer<[u8]>, turn: u32, bytes: &mut [u8]) -> Result<(), Kind> {
    let failed = |error: lastword::AcquireError| Kind::of("acquire", &error.source.why);
    match turn {
        0 => consumer.wait(Some(WAIT)).map(drop).map_err(failed),
        1 => {
            let Some(sample) = consumer.held() else { return Ok(()) };
            sample.read_into(bytes);
            fits(sample.len())
        }
        _ => {
            let Some(sample) = consumer.acquire().map_err(failed)? else { return Ok(()) };
            sample.read_into(bytes);
            let length = sample.len();
            if turn == 2 {
                sample.keep();
            }
            fits(length)
        }
    }
}

fn receive(reader: &mut ready::Reader<[u8]>, turn: u32, bytes: &mut [u8]) -> Result<(), Option<ReceiveError>> {
    let timeout = if turn == 1 { WAIT } else { Duration::ZERO };
    let Some(message) = reader.receive(Some(timeout)).map_err(Some)? else { return Ok(()) };
    message.read_into(bytes);
    let length = message.len();
    if turn != 0 {
        message.clear();
    }
    fits(length).map_err(|_| None)
}

fn watch(monitor: &Monitor, turn: u32, word: u16) -> Result<(), StatusError> {
    match turn {
        0 => monitor.get::<f64>(Key::at(word)).map(drop),
        1 => monitor.get::<u32>(Key::at(word)).map(drop),
        2 => monitor.get::<bool>(Key::at(word)).map(drop),
        _ => monitor.get::<i64>(Key::at(word)).map(drop),
    }
}

fn fits(length: usize) -> Result<(), Kind> {
    if length <= CAPACITY { Ok(()) } else { Err(Kind(WRONG.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_error_is_its_name_without_what_it_is_about() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only their names are looked at")]
        enum Error {
            Plain,
            Tuple(u8),
            Fields { of: u8 },
        }
        let kinds = [Error::Plain, Error::Tuple(1), Error::Fields { of: 2 }].map(|error| Kind::of("do", &error).0);
        assert_eq!(kinds, ["do.Plain", "do.Tuple", "do.Fields"]);
    }

    #[test]
    fn every_role_and_every_view_is_played_by_somebody() {
        let acts: Vec<Act> = (0..WORKERS).flat_map(acts).copied().collect();
        let all = [
            Act::Produce,
            Act::Consume(0),
            Act::Consume(1),
            Act::Observe,
            Act::Send,
            Act::Receive,
            Act::Watch,
            Act::Set,
            Act::Monitor,
        ];
        assert!(all.iter().all(|act| acts.contains(act)) && acts.len() == all.len());
    }
}
