//! What was found, as JSON.

use super::text::{is_certain, problem, user};
use lastword::inspect::{Condition, ObjectFile, RoleState, Survey};
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::{SystemTime, UNIX_EPOCH};

/// A channel, mailbox or board. An interface: fields are added, never renamed. What is not known is `null`.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    name: String,
    /// `channel`, `mailbox` or `board`.
    kind: String,
    /// `complete`, `being_created`, `incomplete`, `data_missing`, `locks_missing`, `generation_missing`,
    /// `other_version`, `damaged`, `denied`, `not_an_object`, `unreadable` or `gone`.
    condition: &'static str,
    /// What is wrong, in words; empty where it is complete and its words can be.
    problems: Vec<String>,
    /// How often the channel was replaced.
    generation: u32,
    /// The type of the messages.
    message_type: Option<MessageType>,
    /// The longest message, in bytes.
    capacity: Option<u64>,
    /// How many consumers a channel has.
    consumers: Option<u8>,
    /// How many words a board has.
    words: Option<u16>,
    /// All its objects together, in bytes.
    bytes: u64,
    /// As chmod(1) has it, in octal.
    mode: Option<String>,
    /// The user's id, and name.
    owner: Option<u32>,
    owner_name: Option<String>,
    /// Milliseconds since 1970.
    created_unix_ms: Option<u64>,
    roles: Vec<Role>,
    /// Whether a live process has a role, or is creating, replacing or removing it.
    is_used: bool,
    /// Whether a live process is creating, replacing or removing it.
    is_changing: bool,
    /// The number of the newest message; 0 before the first.
    messages: Option<u64>,
    /// Of a mailbox: whether that message still waits for the reader.
    is_set: Option<bool>,
    objects: Vec<Object>,
}

/// What messages are.
#[derive(Debug, Serialize)]
struct MessageType {
    name: String,
    /// In bytes; 0 where their length varies.
    size: u64,
    align: u64,
    /// Of everything that two programs must agree on, in hexadecimal.
    layout: String,
}

/// A role, and who has it.
#[derive(Debug, Serialize)]
struct Role {
    /// `producer`, `consumer 0`, `writer`, `reader`.
    role: String,
    /// Whether a live process has it.
    is_held: bool,
    /// The process that took it last: the one that has it, if one has and `is_certain`.
    pid: Option<u32>,
    /// Whether the process of that id has it: it lives, and can be seen from here. If one has it and this is false, the
    /// process that took it is gone, and one that it forked has it, or it lives in another pid namespace.
    is_certain: bool,
    /// Since when it has it: milliseconds since 1970.
    since_unix_ms: Option<u64>,
}

/// An object in `/dev/shm`.
#[derive(Debug, Serialize)]
struct Object {
    name: String,
    generation: u32,
    /// Its length.
    bytes: u64,
    /// The memory that it takes, in bytes.
    allocated: u64,
    mode: String,
    owner: u32,
    group: u32,
    /// What is wrong with its header.
    problem: Option<String>,
}

impl Found {
    pub(super) fn new(survey: &Survey) -> Self {
        Self {
            name: survey.name.clone(),
            kind: survey.what.to_string(),
            condition: condition(survey.condition),
            problems: survey.problems.iter().map(|found| problem(survey, found)).collect(),
            generation: survey.generation,
            message_type: survey.message_type.map(|found| MessageType {
                name: found.name().to_owned(),
                size: found.size,
                align: found.align,
                layout: format!("{:016x}", found.hash),
            }),
            capacity: survey.capacity,
            consumers: survey.consumers,
            words: survey.words,
            bytes: survey.bytes(),
            mode: survey.mode.map(super::text::mode),
            owner: survey.owner,
            owner_name: survey.owner.map(user),
            created_unix_ms: survey.created.and_then(unix_ms),
            roles: survey.roles.iter().map(Role::new).collect(),
            is_used: survey.is_used,
            is_changing: survey.is_changing,
            messages: survey.messages,
            is_set: survey.is_set,
            objects: survey.objects.iter().map(Object::new).collect(),
        }
    }
}

impl Role {
    fn new(state: &RoleState) -> Self {
        Self {
            role: state.role.to_string(),
            is_held: state.holder.is_some(),
            pid: state.last,
            is_certain: state.holder.as_ref().is_some_and(is_certain),
            since_unix_ms: state.holder.as_ref().and_then(|holder| holder.since()).and_then(unix_ms),
        }
    }
}

impl Object {
    fn new(file: &ObjectFile) -> Self {
        Self {
            name: file.name.to_string(),
            generation: file.name.generation,
            bytes: file.length,
            allocated: file.allocated,
            mode: super::text::mode(file.mode),
            owner: file.owner,
            group: file.group,
            problem: file.header.as_ref().err().map(ToString::to_string),
        }
    }
}

fn unix_ms(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Complete => "complete",
        Condition::BeingCreated => "being_created",
        Condition::Incomplete => "incomplete",
        Condition::DataMissing => "data_missing",
        Condition::LocksMissing => "locks_missing",
        Condition::GenerationMissing => "generation_missing",
        Condition::OtherVersion { .. } => "other_version",
        Condition::Damaged => "damaged",
        Condition::Denied => "denied",
        Condition::NotAnObject => "not_an_object",
        Condition::Gone => "gone",
        _ => "unreadable",
    }
}

/// As [`Found`], with what is in it. An interface as that.
#[derive(Debug, Serialize)]
pub(super) struct Details {
    #[serde(flatten)]
    pub(super) found: Found,
    /// Where everything lies.
    pub(super) layout: Vec<Place>,
    /// A channel's slots.
    pub(super) slots: Vec<Slot>,
    /// A channel's consumers' words.
    pub(super) locks: Vec<Lock>,
    /// The newest message, or what is in the slot that was asked for.
    pub(super) message: Option<Message>,
    /// A board's words.
    pub(super) readings: Vec<Reading>,
}

/// Where something lies in an object.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    /// The object: `data`, `locks`, `ready` or `status`.
    pub(super) object: &'static str,
    /// As the protocol calls it: `latest`, `slot[0].payload`.
    pub(super) name: String,
    /// In bytes.
    pub(super) offset: u64,
    /// In bytes.
    pub(super) length: u64,
}

/// A slot of a channel.
#[derive(Debug, Serialize)]
pub(super) struct Slot {
    pub(super) slot: u8,
    /// The number of the message in it; `null` before the first one, and while it is rewritten.
    pub(super) sequence: Option<u64>,
    /// In bytes.
    pub(super) length: Option<usize>,
    pub(super) is_newest: bool,
    /// The consumers whose lock words name it.
    pub(super) locked_by: Vec<u8>,
}

/// A consumer's lock word.
#[derive(Debug, Serialize)]
pub(super) struct Lock {
    pub(super) consumer: u8,
    /// `idle`, `claim`, `tentative`, `held` or `garbage`.
    pub(super) state: &'static str,
    /// The message that it names.
    pub(super) sequence: Option<u64>,
    pub(super) slot: Option<u8>,
    /// Whether its note says that it sleeps until there is another message than the newest one.
    pub(super) may_sleep: bool,
}

/// A copy of a message.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    pub(super) slot: Option<u8>,
    pub(super) sequence: Option<u64>,
    /// Whether it is one message and not parts of several.
    pub(super) is_whole: bool,
    /// In bytes.
    pub(super) length: usize,
    /// The values by their paths, where the type is described.
    pub(super) values: Option<Box<RawValue>>,
    /// The bytes, as hexadecimal digits. Of a message longer than 64 MiB, the first of them.
    pub(super) bytes: String,
}

/// A word of a board.
#[derive(Debug, Serialize)]
pub(super) struct Reading {
    pub(super) index: u16,
    pub(super) name: String,
    pub(super) unit: String,
    /// As `u32`.
    pub(super) kind: &'static str,
    /// `null` where it is garbage or not finite.
    pub(super) value: Option<Box<RawValue>>,
}
