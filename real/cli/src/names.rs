//! The objects of a session, as everybody in it calls them.

use lastword::{Channel, OpenError};

/// The permissions of a session's objects: nobody else's business.
pub(crate) const MODE: u32 = 0o600;

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
    fn the_consumers_of_a_channel_are_everybody_else_numbered_without_a_gap() {
        for channel in 0..5 {
            let indices: Vec<u8> =
                (0..5).filter(|&process| process != channel).map(|process| consumer_index(process, channel)).collect();
            assert_eq!(indices, [0, 1, 2, 3]);
        }
    }
}
