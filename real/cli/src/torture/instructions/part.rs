//! One role, as a real process plays it: what it is told to do, and what it answers.
//!
//! What is between the marks of a process that is stepped is [`Part::perform`] and nothing else: what is done is the
//! library's call, and its result is told afterwards.

use crate::names::MODE;
use lastword::ready::{self, Mailbox, SendError, State};
use lastword::status::{self, Key, Monitor, Writer};
use lastword::{Channel, Consumer, Force, NameError, Observer, OpenError, Producer, Recovery};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::time::Duration;

/// Who sleeps for so long was not woken.
const SLEEP: Duration = Duration::from_secs(60);

/// The channel or the board that a part is of, by its dimensions.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Dimensions {
    Channel { consumers: u8, capacity: usize },
    Board { words: u16 },
    Mailbox { capacity: usize },
}

/// What a part is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Command {
    TakeProducer,
    TakeConsumer(u8),
    TakeObserver,
    TakeWriter,
    TakeMonitor,
    TakeSender,
    TakeReceiver,
    Publish {
        message: Vec<u8>,
    },
    /// Writes the second half of the message first.
    PublishInPlace {
        message: Vec<u8>,
    },
    Acquire,
    Reread,
    Release,
    Newest,
    Peek,
    ReadLast,
    Set {
        word: u16,
        value: u64,
    },
    Get {
        word: u16,
    },
    Send {
        message: Vec<u8>,
    },
    /// Writes the second half of the message first.
    SendInPlace {
        message: Vec<u8>,
    },
    /// Receives what waits, and clears it.
    Take,
    /// Receives what waits, which waits on.
    TryReceive,
    /// Clears what waits.
    Clear,
    /// Sleeps until a message is there that the consumer has not had, or until the mailbox is free.
    Wait,
    /// Sleeps until a message waits, and receives it, which waits on.
    WaitAndReceive,
    /// The same, and clears it.
    WaitAndTake,
    /// Sleeps until the mailbox is free, and sends.
    WaitAndSend {
        message: Vec<u8>,
    },
    Remove,
}

/// A message, by its number and its bytes.
pub(super) type Message = (u64, Vec<u8>);

/// What a part answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// A producer goes on from this number.
    Resumed(Option<u64>),
    /// A consumer has found this locked, or that its predecessor was interrupted.
    Recovered {
        held: Option<Message>,
        interrupted: bool,
    },
    /// An observer or a monitor looks.
    Observes,
    /// A writer has found these words.
    Restored(Vec<u64>),
    Published(u64),
    Read(Option<Message>),
    Newest(Option<u64>),
    Got(u64),
    /// A sender has found this message to be the last, and that it waits or not.
    Found {
        last: Option<u64>,
        waits: bool,
    },
    /// A receiver goes on.
    Receives,
    /// The number of what was sent, if the mailbox was free.
    Sent(Option<u64>),
    /// The number of what was cleared, if anything was.
    Cleared(Option<u64>),
    /// Whether what was slept for is there.
    Awake(bool),
    Done,
    Removed(bool),
    /// Somebody else has the role.
    RoleTaken,
    Failed(String),
}

/// What a call gave, before it is told.
#[derive(Clone, Copy, Debug)]
enum Gave {
    Role,
    Number(Option<u64>),
    Word(u64),
    Held,
    Awake(bool),
    Cleared(Option<u64>),
    Nothing,
    Removed(bool),
}

/// A role, or none yet.
#[derive(Debug)]
pub(super) struct Part {
    name: String,
    dimensions: Dimensions,
    channel: Channel<[u8]>,
    mailbox: Mailbox<[u8]>,
    role: Role,
    buffer: Vec<u8>,
}

#[derive(Debug, Default)]
enum Role {
    #[default]
    None,
    Producer(Producer<[u8]>),
    Consumer(Consumer<[u8]>),
    Observer(Observer<[u8]>),
    Writer(Writer),
    Monitor(Monitor),
    Sender(ready::Writer<[u8]>),
    Receiver(ready::Reader<[u8]>),
}

impl Part {
    /// A part of the channel or board `name`, without a role.
    pub(super) fn new(name: &str, dimensions: Dimensions) -> Result<Self, NameError> {
        let (consumers, capacity) = match dimensions {
            Dimensions::Channel { consumers, capacity } => (consumers, capacity),
            Dimensions::Mailbox { capacity } => (1, capacity),
            Dimensions::Board { .. } => (1, 0),
        };
        let channel = Channel::<[u8]>::bytes(name, capacity)?.consumers(consumers).mode(MODE);
        let mailbox = Mailbox::<[u8]>::bytes(name, capacity)?.mode(MODE);
        let buffer = Vec::with_capacity(capacity);
        Ok(Self { name: name.to_owned(), dimensions, channel, mailbox, role: Role::None, buffer })
    }

    /// Does what it is told, and answers.
    pub(super) fn play(&mut self, command: &Command) -> Answer {
        self.play_between(command, || {}, || {})
    }

    /// The same, with marks around what is done.
    pub(super) fn play_between(&mut self, command: &Command, begins: impl Fn(), ends: impl Fn()) -> Answer {
        begins();
        let gave = self.perform(command);
        ends();
        match gave.and_then(|gave| self.tell(gave)) {
            Ok(answer) => answer,
            Err(error) => match error.downcast_ref() {
                Some(OpenError::RoleTaken { .. }) => Answer::RoleTaken,
                _ => Answer::Failed(error.to_string()),
            },
        }
    }

    #[inline(never)]
    fn perform(&mut self, command: &Command) -> Result<Gave, Box<dyn Error>> {
        Ok(match (command, &mut self.role) {
            (Command::TakeProducer, role) => {
                *role = Role::Producer(self.channel.producer()?);
                Gave::Role
            }
            (Command::TakeConsumer(index), role) => {
                *role = Role::Consumer(self.channel.consumer(*index)?);
                Gave::Role
            }
            (Command::TakeObserver, role) => {
                *role = Role::Observer(self.channel.observer()?);
                Gave::Role
            }
            (Command::TakeWriter, role) => {
                let Dimensions::Board { words } = self.dimensions else { return Err("a channel has no writer".into()) };
                *role = Role::Writer(Writer::create(&self.name, words, MODE)?);
                Gave::Role
            }
            (Command::TakeMonitor, role) => {
                *role = Role::Monitor(Monitor::open(&self.name)?);
                Gave::Role
            }
            (Command::TakeSender, role) => {
                *role = Role::Sender(self.mailbox.writer()?);
                Gave::Role
            }
            (Command::TakeReceiver, role) => {
                *role = Role::Receiver(self.mailbox.reader()?);
                Gave::Role
            }
            (Command::Send { message }, Role::Sender(writer)) => Gave::Number(sent(writer.try_send(message))?),
            (Command::SendInPlace { message }, Role::Sender(writer)) => {
                let middle = message.len() / 2;
                match writer.try_loan_bytes(message.len()) {
                    Ok(mut loan) => {
                        loan.write_at(middle, &message[middle..])?;
                        loan.write_at(0, &message[..middle])?;
                        Gave::Number(Some(loan.send().get()))
                    }
                    Err(error) => Gave::Number(sent(Err(error))?),
                }
            }
            (Command::Take, Role::Receiver(reader)) => {
                Gave::Number(reader.try_take_into(&mut self.buffer)?.map(|number| number.get()))
            }
            (Command::TryReceive, Role::Receiver(reader)) => {
                Gave::Number(reader.try_receive()?.map(|message| copy(&message, &mut self.buffer)))
            }
            (Command::WaitAndTake, Role::Receiver(reader)) => {
                Gave::Number(reader.take_into(&mut self.buffer, Some(SLEEP))?.map(|number| number.get()))
            }
            (Command::WaitAndSend { message }, Role::Sender(writer)) => {
                Gave::Number(Some(writer.send(message, Some(SLEEP))?.get()))
            }
            (Command::WaitAndReceive, Role::Receiver(reader)) => {
                Gave::Number(reader.receive(Some(SLEEP))?.map(|message| copy(&message, &mut self.buffer)))
            }
            (Command::Clear, Role::Receiver(reader)) => {
                Gave::Cleared(reader.try_receive()?.map(|message| message.clear().get()))
            }
            (Command::Wait, Role::Consumer(consumer)) => Gave::Awake(consumer.wait(Some(SLEEP))?),
            (Command::Wait, Role::Sender(writer)) => Gave::Awake(writer.wait(Some(SLEEP))?),
            (Command::Publish { message }, Role::Producer(producer)) => {
                Gave::Number(Some(producer.publish(message)?.get()))
            }
            (Command::PublishInPlace { message }, Role::Producer(producer)) => {
                let middle = message.len() / 2;
                let mut loan = producer.loan_bytes(message.len())?;
                loan.write_at(middle, &message[middle..])?;
                loan.write_at(0, &message[..middle])?;
                Gave::Number(Some(loan.publish().get()))
            }
            (Command::ReadLast, Role::Producer(_)) => Gave::Held,
            (Command::Acquire, Role::Consumer(consumer)) => {
                if let Some(sample) = consumer.acquire()? {
                    sample.keep();
                }
                Gave::Held
            }
            (Command::Reread, Role::Consumer(_)) => Gave::Held,
            (Command::Release, Role::Consumer(consumer)) => {
                drop(consumer.held());
                Gave::Nothing
            }
            (Command::Newest, Role::Consumer(consumer)) => Gave::Number(consumer.newest()?.map(|newest| newest.get())),
            (Command::Peek, Role::Observer(observer)) => {
                Gave::Number(observer.peek_into(&mut self.buffer)?.map(|number| number.get()))
            }
            (Command::Set { word, value }, Role::Writer(writer)) => {
                writer.set(Key::at(*word), *value)?;
                Gave::Nothing
            }
            (Command::Get { word }, Role::Monitor(monitor)) => Gave::Word(monitor.get(Key::at(*word))?),
            (Command::Remove, Role::None) => Gave::Removed(match self.dimensions {
                Dimensions::Channel { .. } => self.channel.remove(Force::No)?,
                Dimensions::Board { .. } => status::remove(&self.name, Force::No)?,
                Dimensions::Mailbox { .. } => self.mailbox.remove(Force::No)?,
            }),
            (command, role) => return Err(format!("{role:?} cannot do {command:?}").into()),
        })
    }

    fn tell(&mut self, gave: Gave) -> Result<Answer, Box<dyn Error>> {
        Ok(match (gave, &mut self.role) {
            (Gave::Role, Role::Producer(producer)) => Answer::Resumed(producer.last().map(|last| last.get())),
            (Gave::Role, Role::Consumer(consumer)) => {
                if let Recovery::Repaired(corrupt) = consumer.recovery() {
                    return Err(format!("it found garbage, and repaired it: {corrupt}").into());
                }
                let interrupted = consumer.recovery() == Recovery::Interrupted;
                Answer::Recovered { held: held(consumer), interrupted }
            }
            (Gave::Role, Role::Observer(_) | Role::Monitor(_)) => Answer::Observes,
            (Gave::Role, Role::Writer(writer)) => {
                let words = 0..writer.words().len() as u16;
                Answer::Restored(words.map(|word| writer.get(Key::at(word))).collect::<Result<_, _>>()?)
            }
            (Gave::Held, Role::Consumer(consumer)) => Answer::Read(held(consumer)),
            (Gave::Held, Role::Producer(producer)) => {
                let bytes = producer.read_last_bytes()?;
                Answer::Read(producer.last().map(|last| last.get()).zip(bytes))
            }
            (Gave::Role, Role::Sender(writer)) => {
                let State { sequence, set } = writer.recovery();
                Answer::Found { last: sequence.map(|last| last.get()), waits: set }
            }
            (Gave::Role, Role::Receiver(_)) => Answer::Receives,
            (Gave::Number(number), Role::Sender(_)) => Answer::Sent(number),
            (Gave::Number(number), Role::Observer(_) | Role::Receiver(_)) => {
                Answer::Read(number.map(|number| (number, self.buffer.clone())))
            }
            (Gave::Number(number), Role::Consumer(_)) => Answer::Newest(number),
            (Gave::Number(Some(number)), _) => Answer::Published(number),
            (Gave::Word(word), _) => Answer::Got(word),
            (Gave::Cleared(number), _) => Answer::Cleared(number),
            (Gave::Awake(is_there), _) => Answer::Awake(is_there),
            (Gave::Removed(removed), _) => Answer::Removed(removed),
            _ => Answer::Done,
        })
    }
}

/// What a consumer has locked, which stays locked.
fn held(consumer: &mut Consumer<[u8]>) -> Option<Message> {
    let sample = consumer.held()?;
    let message = (sample.sequence().get(), sample.to_vec());
    sample.keep();
    Some(message)
}

/// Copies a message that was received; its number.
fn copy(message: &ready::Received<'_, [u8]>, into: &mut Vec<u8>) -> u64 {
    into.resize(message.len(), 0);
    message.read_into(into);
    message.sequence().get()
}

/// The number of what was sent; `None` where the mailbox was full.
fn sent(result: Result<ready::Sequence, SendError>) -> Result<Option<u64>, SendError> {
    match result {
        Ok(number) => Ok(Some(number.get())),
        Err(SendError::Full) => Ok(None),
        Err(error) => Err(error),
    }
}
