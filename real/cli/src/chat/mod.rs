//! A chat room between terminals: one server, many clients, and no lock that a dead process could leave.
//!
//! A client sends its lines through a mailbox of its own, and the server publishes each in the room's channel, from
//! which all clients read. How many there are is on the room's board. Any of them may be killed at any moment.

mod client;
mod room;
mod server;

use crate::output;
use crate::text::{escaped, escaped_json};
use clap::Subcommand;
use serde::Serialize;
use std::io;

type Error = Box<dyn std::error::Error>;

const ROOM: &str = "chat";

/// What is asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Chat {
    /// Open a room: take everybody's lines and publish them
    Serve(server::Options),
    /// Enter a room: send lines and see what others say
    Join(client::Options),
}

/// Runs the server or a client; the exit code.
pub(crate) fn run(chat: &Chat) -> Result<u8, Error> {
    match chat {
        Chat::Serve(options) => server::run(options),
        Chat::Join(options) => client::run(options),
    }
}

/// Something that happened in a room. Its JSON is an interface: fields and events are added, never renamed.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    /// A client has come. Of the server only.
    Joined {
        /// The client.
        name: &'a str,
        /// How many there are now.
        connected: u32,
    },
    /// A client has left, or was killed. Of the server only.
    Left {
        /// The client.
        name: &'a str,
        /// How many there are now.
        connected: u32,
    },
    /// Somebody has said something.
    Message {
        /// The message's number in the room: 1, 2, 3 and so on without a gap.
        number: u64,
        /// The client that sent it.
        from: &'a str,
        /// What it says.
        text: &'a str,
        /// Whether it is an old one, which a server that was killed had published and perhaps printed. Of the server
        /// only.
        #[serde(skip_serializing_if = "Option::is_none")]
        again: Option<bool>,
    },
    /// There were messages that this client was too slow for. Of clients only.
    Missed {
        /// How many.
        messages: u64,
    },
    /// The server has published a line of this client's. Of clients only.
    Sent {
        /// Which line of standard input it was, from 1 on.
        line: u64,
    },
}

impl Event<'_> {
    fn print(&self, json: bool) -> Result<(), io::Error> {
        if json {
            return output::line(escaped_json(&serde_json::to_string(self)?));
        }
        match self {
            Event::Joined { name, connected } => output::line(format_args!("{name} joined ({connected} connected)")),
            Event::Left { name, connected } => output::line(format_args!("{name} left ({connected} connected)")),
            Event::Message { number, from, text, again } => {
                let (from, text) = (escaped(from.as_bytes()), escaped(text.as_bytes()));
                match again {
                    None => output::line(format_args!("{from}: {text}")),
                    Some(false) => output::line(format_args!("{number} {from}: {text}")),
                    Some(true) => {
                        output::line(format_args!("{number} {from}: {text} (published by the server before)"))
                    }
                }
            }
            Event::Missed { messages: 1 } => output::line("(1 message was missed)"),
            Event::Missed { messages } => output::line(format_args!("({messages} messages were missed)")),
            Event::Sent { line } => output::line(format_args!("(line {line} was sent)")),
        }
    }
}
