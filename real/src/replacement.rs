//! A channel that is about to replace another one of the same name.

use crate::generation::Right;
use crate::message::Message;
use crate::producer::Producer;

/// The next generation of a channel, complete, that nobody sees before it is committed ([`Channel::replace`]).
///
/// As long as this is kept no other process can replace or remove the channel. Dropped, it is as if nothing had been.
///
/// [`Channel::replace`]: crate::Channel::replace
#[derive(Debug)]
#[must_use = "a replacement that is dropped replaces nothing"]
pub struct Replacement<T: Message + ?Sized> {
    producer: Producer<T>,
    right: Right,
}

impl<T: Message + ?Sized> Replacement<T> {
    pub(crate) fn new(producer: Producer<T>, right: Right) -> Self {
        Self { producer, right }
    }

    /// The producer of the next generation, to publish the message that those find who open the channel after
    /// [`commit`](Self::commit).
    pub fn producer(&mut self) -> &mut Producer<T> {
        &mut self.producer
    }

    /// Makes this the channel: whoever opens it from now on gets this generation. Those who have the old one open go on
    /// with it, and can ask whether it was replaced.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed on its way, the channel was replaced, or is as it was.
    pub fn commit(self) -> Producer<T> {
        let Self { producer, right } = self;
        right.commit();
        producer
    }
}
