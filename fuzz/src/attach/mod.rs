//! Target `attach`: whatever lies in `/dev/shm` in a channel's and a board's place, a call has its result or a clear
//! error, and afterwards a new channel of that name works.
//!
//! What has to be accepted is judged by [`model`], from the bytes alone.

mod channel;
mod described;
mod model;
mod planted;
mod scratch;
mod survey;

use arbitrary::Arbitrary;
use described::Described;
use lastword::status::{self, Key, Monitor, StatusError, Value, Writer};
use lastword::{Channel, Force, ObjectKind, OpenError, RemoveError};
use model::Verdict;
use planted::{Dimensions, Planted, Pose, Published, Type};
pub use scratch::prepare;
use scratch::{KINDS, Scratch};
use std::fmt::{Debug, Display};

/// More operations than that find nothing new and take time.
const STEPS_MAX: usize = 16;

/// What is found, and what is done with it.
#[derive(Arbitrary, Clone, Debug)]
pub struct Input {
    dimensions: Dimensions,
    messages: Vec<Published>,
    locks: Planted,
    data: Planted,
    board: Planted,
    removal: Removal,
    is_consumer_first: bool,
    asked: Option<Asked>,
    steps: Vec<Step>,
    described: Described,
}

/// What is asked of the channel and the board: by default nothing, and they are taken as they are found.
#[derive(Arbitrary, Clone, Copy, Debug, Default)]
struct Asked {
    /// Another type than the channel's.
    other: Option<Type>,
    consumers: Option<u8>,
    /// Of a channel of bytes.
    capacity: Option<u16>,
    /// The consumer's index; any that is free.
    index: Option<u8>,
    /// Of the board; as many as it would have.
    words: Option<u16>,
}

/// An operation.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    /// Publishes a message of this length and of these bytes.
    Publish(u16, u8),
    /// The same in place.
    Loan(u16, u8),
    /// Locks the newest message, reads it, and releases it or keeps it.
    Acquire { keeps: bool },
    /// Reads what is locked, and releases it or keeps it.
    Held { keeps: bool },
    /// Copies the newest message as an observer.
    Peek,
    /// Reads the producer's newest message back.
    ReadLast,
    /// Gives the consumer's role up and takes it again.
    Restart,
    /// Takes roles that are taken.
    Contend,
    /// Sets a word of the board and reads it back.
    Set(u16, u64),
    /// Reads a word of the board as every kind.
    Get(u16),
}

/// How everything is removed at the end.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Removal {
    /// By name, whoever has a role.
    Force,
    /// By name, unless somebody has a role; nobody has.
    Unforced,
    /// As everything whose name begins so.
    Unused,
}

/// The objects that were planted.
struct Found {
    locks: Option<Vec<u8>>,
    data: Option<Vec<u8>>,
    board: Option<Vec<u8>>,
}

impl Found {
    fn of(&self, kind: ObjectKind) -> Option<&[u8]> {
        match kind {
            ObjectKind::Data => self.data.as_deref(),
            ObjectKind::Locks => self.locks.as_deref(),
            ObjectKind::Ready => None,
            ObjectKind::Status => self.board.as_deref(),
        }
    }
}

/// Runs one input.
///
/// # Panics
/// Something is not as it has to be.
pub fn run(input: &Input) {
    let build = |planted: &Planted, place| planted.build(place, input.dimensions, &input.messages, &input.described);
    let asked = input.asked.unwrap_or_default();
    let found = Found {
        locks: build(&input.locks, ObjectKind::Locks),
        data: build(&input.data, ObjectKind::Data),
        board: build(&input.board, ObjectKind::Status),
    };
    for kind in KINDS {
        if let Some(bytes) = found.of(kind) {
            survey::check(bytes, kind);
        }
    }
    // Without shared memory the parser is all that there is to check.
    if !scratch::is_there() {
        return;
    }
    let scratch = Scratch::new();
    for kind in KINDS {
        if let Some(bytes) = found.of(kind) {
            scratch.plant(kind, bytes);
        }
    }
    match asked.other.unwrap_or(input.dimensions.messages()) {
        Type::Pose => channel::exercise::<Pose>(&scratch, &found, input),
        Type::Number => channel::exercise::<u64>(&scratch, &found, input),
        Type::Bytes => channel::exercise::<[u8]>(&scratch, &found, input),
    }
    exercise_board(&scratch, &found, input);
    let objects = scratch.objects();
    assert_eq!(lastword::objects(scratch.name()).expect("/dev/shm can be read"), objects);
    remove(&scratch, input.removal);
    start_anew(&scratch);
}

fn exercise_board(scratch: &Scratch, found: &Found, input: &Input) {
    let before = found.of(ObjectKind::Status);
    let monitor = says(Monitor::open(scratch.name()), scratch);
    match (model::board(before, None), monitor) {
        (Verdict::Attach { count, .. }, Ok(monitor)) => {
            assert_eq!(monitor.words().len(), count.into());
            let shown = monitor.readings().filter_map(said).map(|reading| reading.to_string());
            assert!(shown.flat_map(|text| text.chars().collect::<Vec<_>>()).all(|char| !char.is_control()));
        }
        (Verdict::Create | Verdict::Refuse, Err(_)) => {}
        (verdict, monitor) => panic!("{verdict:?}, and {monitor:?}"),
    }
    let words = input.asked.and_then(|asked| asked.words).unwrap_or(input.dimensions.words());
    let is_possible = (1..=status::WORDS_MAX).contains(&words);
    // What cannot be defined is asked for without names.
    let has_names = input.described.has_names() && is_possible;
    let (definition, keys) = described::definition(if has_names { words } else { 0 });
    let wanted = if has_names { described::of_board(words) } else { Vec::new() };
    let verdict = model::board(before, Some((words, &wanted)));
    let take = || {
        let name = scratch.name();
        let writer =
            if has_names { Writer::define(name, &definition, 0o600) } else { Writer::create(name, words, 0o600) };
        says(writer, scratch)
    };
    let writer = take();
    assert_eq!(writer.is_ok(), is_possible && verdict != Verdict::Refuse, "{verdict:?}");
    if verdict == Verdict::Refuse {
        assert_eq!(scratch.read(ObjectKind::Status).as_deref(), before, "what is refused is left as it is");
    }
    let Ok(mut writer) = writer else { return };
    assert!(take().is_err(), "the role is taken");
    let monitor = Monitor::open(scratch.name()).expect("the writer has it");
    assert!(monitor.writer_lives().expect("the kernel knows"));
    for step in input.steps.iter().take(STEPS_MAX) {
        match *step {
            Step::Set(index, value) if has_names => {
                let Some(key) = keys.get(usize::from(index) % keys.len()) else { continue };
                round_trip(&mut writer, &monitor, *key, value);
                let found = monitor.key::<u64>(&format!("w{}", key.index())).expect("the word has this name");
                assert_eq!(monitor.get(found), Ok(value));
                assert!(writer.set(Key::at(key.index()), value).is_err(), "a key without a name is of another board");
            }
            Step::Set(index, value) => {
                round_trip(&mut writer, &monitor, Key::at(index), value);
                round_trip(&mut writer, &monitor, Key::at(index), value as u32);
                round_trip(&mut writer, &monitor, Key::at(index), value as i64);
                round_trip(&mut writer, &monitor, Key::at(index), value & 1 == 1);
            }
            Step::Get(index) => {
                said(monitor.get::<u32>(Key::at(index)));
                said(monitor.get::<bool>(Key::at(index)));
                said(monitor.get::<f64>(Key::at(index)));
                said(monitor.get::<usize>(Key::at(index)));
                said(monitor.reading(index));
            }
            _ => {}
        }
    }
}

fn round_trip<V: Value + PartialEq + Debug>(writer: &mut Writer, monitor: &Monitor, key: Key<V>, value: V) {
    let set = said(writer.set(key, value));
    assert_eq!(set.is_some(), usize::from(key.index()) < monitor.words().len());
    assert_eq!(said(monitor.get(key)), set.map(|()| value));
}

/// The value; where there is none, the error says something.
fn said<V>(result: Result<V, StatusError>) -> Option<V> {
    result.inspect_err(|error| assert!(!error.to_string().is_empty())).ok()
}

/// Every error says which channel or board it is about.
fn says<V, E: Display>(result: Result<V, E>, scratch: &Scratch) -> Result<V, E> {
    result.inspect_err(|error| {
        let message = error.to_string();
        assert!(message.contains(scratch.name()), "{message}");
    })
}

/// Removes everything; whatever it is, that works.
fn remove(scratch: &Scratch, removal: Removal) {
    let objects = scratch.objects();
    let force = match removal {
        Removal::Force => Force::Yes,
        Removal::Unforced => Force::No,
        Removal::Unused => {
            let removed = lastword::remove_unused(scratch.name()).expect("all of it is ours");
            assert_eq!(removed, objects);
            return assert!(scratch.objects().is_empty());
        }
    };
    let channel = Channel::<Pose>::new(scratch.name()).expect("a name");
    let is_there = |is_board| objects.iter().any(|object| (object.kind == ObjectKind::Status) == is_board);
    assert_eq!(says::<_, RemoveError>(channel.remove(force), scratch), Ok(is_there(false)));
    assert_eq!(says::<_, RemoveError>(status::remove(scratch.name(), force), scratch), Ok(is_there(true)));
    assert!(scratch.objects().is_empty());
}

/// A new channel of the same name works.
fn start_anew(scratch: &Scratch) {
    let round = || -> Result<(), OpenError> {
        let channel = Channel::<u64>::new(scratch.name())?.consumers(2);
        let mut consumer = channel.consumer(1)?;
        let mut producer = channel.producer()?;
        let sequence = producer.publish(&7).expect("the channel is new");
        assert_eq!(sequence.get(), 1);
        let sample = consumer.acquire().expect("the channel is new").expect("a message is out");
        assert_eq!((sample.read(), sample.sequence()), (7, sequence));
        Ok(())
    };
    round().expect("nothing is in the way");
}
