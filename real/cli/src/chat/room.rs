//! What a room consists of, and what its server and its clients agree on.

use crate::explain::cannot_list;
use lastword::ready::Mailbox;
use lastword::{Channel, NameError, ObjectKind, RemoveError};
use std::io;

/// The longest text of a message, in bytes.
pub(super) const TEXT_MAX: usize = 1024;
/// The longest name of a client.
pub(super) const NAME_MAX: usize = 32;
/// The longest name of a room, so that there is room for its clients' names after it.
pub(super) const ROOM_NAME_MAX: usize = 160;

/// Bytes before the text of a line in a mailbox.
const SESSION: usize = size_of::<u64>();

lastword::message! {
    /// The last message of a room, as it is in the room's channel. Its number in the room is the channel's.
    pub(super) struct Said {
        /// Which mailbox of the sender's it came through: a new one of the same name counts from 1 again.
        pub(super) session: u64,
        /// The line's number in that mailbox.
        pub(super) line: u64,
        /// Bytes of `sender` that are in use.
        pub(super) sender_length: u32,
        /// Bytes of `text` that are in use.
        pub(super) text_length: u32,
        /// The client's name.
        pub(super) sender: [u8; NAME_MAX],
        /// UTF-8.
        pub(super) text: [u8; TEXT_MAX],
    }
}

lastword::board! {
    /// What a room shows to monitors.
    pub(super) struct Board {
        /// Clients that live.
        pub(super) connected_clients: u32,
    }
}

impl Said {
    pub(super) fn new(sender: &str, text: &str, session: u64, line: u64) -> Self {
        let mut said =
            Self { session, line, sender_length: 0, text_length: 0, sender: [0; NAME_MAX], text: [0; TEXT_MAX] };
        said.sender_length = copy(&mut said.sender, sender);
        said.text_length = copy(&mut said.text, text);
        said
    }

    /// The sender's name. What is not UTF-8 is a replacement character: it is shared memory.
    pub(super) fn sender(&self) -> String {
        used(&self.sender, self.sender_length)
    }

    pub(super) fn text(&self) -> String {
        used(&self.text, self.text_length)
    }
}

/// Copies as much as there is room for; how much.
fn copy(into: &mut [u8], text: &str) -> u32 {
    let length = text.len().min(into.len());
    into[..length].copy_from_slice(&text.as_bytes()[..length]);
    length as u32
}

fn used(bytes: &[u8], length: u32) -> String {
    let length = usize::try_from(length).map_or(bytes.len(), |length| length.min(bytes.len()));
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// A line as it is in a client's mailbox.
pub(super) fn encode(session: u64, text: &str) -> Vec<u8> {
    [&session.to_ne_bytes(), text.as_bytes()].concat()
}

/// The session and the text of such a line, or why it is none.
pub(super) fn parse(line: &[u8]) -> Result<(u64, &str), String> {
    let Some((session, text)) = line.split_first_chunk::<SESSION>() else {
        return Err(format!("found {} bytes, expected {SESSION} and a text; use lastword chat join", line.len()));
    };
    Ok((u64::from_ne_bytes(*session), check_text(text)?))
}

/// The bytes as a text that can be said, or why they cannot.
pub(super) fn check_text(bytes: &[u8]) -> Result<&str, String> {
    match bytes.len() {
        0 => Err(format!("it is empty, expected 1 to {TEXT_MAX} bytes of text; say something")),
        1..=TEXT_MAX => std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to() + 1;
            format!("byte {at} is not UTF-8, expected UTF-8 text; convert it, as with iconv -t UTF-8")
        }),
        length => Err(format!("found {length} bytes, expected 1 to {TEXT_MAX}; shorten it, or send it in parts")),
    }
}

/// Whether a client can be called so.
pub(super) fn check_name(name: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(format!("expected 1 to {NAME_MAX} of A-Z a-z 0-9 _ -"))
    }
}

/// A room, by its name.
#[derive(Clone, Debug)]
pub(super) struct Room {
    name: String,
    prefix: String,
}

impl Room {
    /// The room of that name, if one can be called so.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        match Channel::<Said>::new(name) {
            Ok(_) if name.len() <= ROOM_NAME_MAX => {
                Ok(Self { name: name.to_owned(), prefix: format!("{name}.client.") })
            }
            _ => Err(format!("expected 1 to {ROOM_NAME_MAX} of A-Z a-z 0-9 . _ -")),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn channel(&self) -> Result<Channel<Said>, NameError> {
        Channel::new(&self.name)
    }

    /// The mailbox from a client to the server.
    pub(super) fn mailbox(&self, client: &str) -> Result<Mailbox<[u8]>, NameError> {
        Mailbox::bytes(&format!("{}{client}", self.prefix), SESSION + TEXT_MAX)
    }

    /// The clients that have a mailbox, whether they live or not.
    pub(super) fn clients(&self) -> io::Result<Vec<String>> {
        let objects = lastword::objects(&self.prefix).map_err(cannot_list)?;
        let mailboxes = objects.into_iter().filter(|object| object.kind == ObjectKind::Ready);
        Ok(mailboxes.filter_map(|object| check_name(object.name.strip_prefix(&self.prefix)?).ok()).collect())
    }
}

/// Whether it was removed. What others use is theirs to remove.
pub(super) fn is_removed(removal: Result<bool, RemoveError>) -> Result<bool, RemoveError> {
    match removal {
        Err(RemoveError::InUse { .. }) => Ok(false),
        removal => removal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_back_and_garbage_is_no_more_than_wrong() {
        let (name, text) = ("n".repeat(NAME_MAX), "ü".repeat(TEXT_MAX / 2));
        let mut said = Said::new(&name, &text, 7, 8);
        assert_eq!((said.sender(), said.text()), (name, text));
        (said.sender_length, said.text_length) = (u32::MAX, u32::MAX);
        assert_eq!((said.sender().len(), said.text().len()), (NAME_MAX, TEXT_MAX));
    }

    #[test]
    fn lines_that_cannot_be_are_refused_with_the_reason() {
        assert_eq!(parse(&encode(7, "hello")), Ok((7, "hello")));
        assert_eq!(parse(&encode(7, &"x".repeat(TEXT_MAX))).map(|(_, text)| text.len()), Ok(TEXT_MAX));
        let why = |bytes: &[u8]| parse(bytes).expect_err("it cannot be");
        assert!(why(b"1234567").contains("found 7 bytes"));
        assert!(why(&encode(7, "")).contains("empty"));
        assert!(why(&encode(7, &"x".repeat(TEXT_MAX + 1))).contains("found 1025 bytes, expected 1 to 1024"));
        assert!(why(b"12345678ab\xff").contains("byte 3 is not UTF-8"));
    }

    #[test]
    fn names_are_parts_of_file_names() {
        for name in ["a", "A_b-9", &"x".repeat(NAME_MAX)] {
            assert!(check_name(name).is_ok());
        }
        for name in ["", "a.b", "a/b", "ü", "a b", &"x".repeat(NAME_MAX + 1)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(Room::parse(&"x".repeat(ROOM_NAME_MAX)).is_ok_and(|room| room.mailbox(&"x".repeat(NAME_MAX)).is_ok()));
        assert!(Room::parse(&"x".repeat(ROOM_NAME_MAX + 1)).is_err() && Room::parse("a/b").is_err());
    }
}
