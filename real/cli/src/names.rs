//! Names as they are given and proposed, and the objects of a session, as everybody in it calls them.

use lastword::{Channel, NameError, OpenError};

/// The permissions of a session's objects: nobody else's business.
pub(crate) const MODE: u32 = 0o600;

/// A name that a channel, mailbox or board can have, as an argument.
pub(crate) fn name(text: &str) -> Result<String, NameError> {
    // What it is a name for is of no account.
    Channel::<u64>::new(text).map(|_| text.to_owned())
}

/// What such a name can begin with.
pub(crate) fn prefix(text: &str) -> Result<String, NameError> {
    if text.is_empty() { Ok(String::new()) } else { name(text) }
}

/// A name as an argument of a command that is proposed: one that begins like an option is none after `--`.
pub(crate) fn as_argument(name: &str) -> String {
    if name.starts_with('-') { format!("-- {name}") } else { name.to_owned() }
}

/// The option that gives a name, after a blank; nothing where that is the name without it.
pub(crate) fn as_option(option: &str, name: &str, default: &str) -> String {
    match name {
        _ if name == default => String::new(),
        _ if name.starts_with('-') => format!(" {option}={name}"),
        _ => format!(" {option} {name}"),
    }
}

/// The board whose writer is the session's supervisor.
pub(crate) fn session_board(session: &str) -> String {
    format!("{session}.session")
}

/// The board whose writer is a process.
pub(crate) fn board(session: &str, process: usize) -> String {
    format!("{session}.{process}")
}

/// The channel whose producer is a process.
pub(crate) fn channel_name(session: &str, process: usize) -> String {
    format!("{session}.{process}")
}

/// The channel of bytes whose producer is a process of `of`, and whose consumers are all others.
pub(crate) fn channel(session: &str, process: usize, of: usize, capacity: usize) -> Result<Channel<[u8]>, OpenError> {
    Ok(Channel::<[u8]>::bytes(&channel_name(session, process), capacity)?.consumers(others(of)).mode(MODE))
}

/// How many consumers each channel has.
pub(crate) fn others(of: usize) -> u8 {
    (of - 1) as u8
}

/// The index that `process` has among the consumers of another one's channel.
pub(crate) fn consumer_index(process: usize, channel: usize) -> u8 {
    (if process < channel { process } else { process - 1 }) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposed_command_takes_every_name_for_a_name() {
        assert_eq!(["arm", "-h2", "--force"].map(as_argument), ["arm", "-- -h2", "-- --force"]);
        let option = |name| as_option("--name", name, "record");
        assert_eq!(["arm", "-h2", "record"].map(option), [" --name arm", " --name=-h2", ""]);
    }

    #[test]
    fn what_no_name_can_be_is_refused_and_a_prefix_may_be_nothing() {
        for text in ["a/b", "a b", "ü", "a*", &"x".repeat(201)] {
            assert!(name(text).is_err() && prefix(text).is_err(), "{text}");
        }
        assert!(name("").is_err() && prefix("").is_ok());
        assert!(name("-A.b_9").is_ok() && prefix("-A.b_9").is_ok());
    }

    #[test]
    fn the_consumers_of_a_channel_are_everybody_else_numbered_without_a_gap() {
        for channel in 0..5 {
            let indices: Vec<u8> =
                (0..5).filter(|&process| process != channel).map(|process| consumer_index(process, channel)).collect();
            assert_eq!(indices, [0, 1, 2, 3]);
        }
    }
}
