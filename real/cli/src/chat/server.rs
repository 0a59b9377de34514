//! The server of a room.

use super::room::{Board, Room, Said, is_removed, parse};
use super::{Error, Event, ROOM};
use crate::names::as_option;
use crate::signals;
use crate::stop::Stop;
use crate::tell::tell;
use lastword::ready::{Monitor, Reader};
use lastword::status::{self, Board as _, Definition};
use lastword::{Force, OpenError, Producer, RemoveError};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const CLIENTS: u8 = 64;
const CLIENTS_MAX: i64 = 254;
/// How often it is looked who has come and who is gone.
const LOOK: Duration = Duration::from_millis(100);
/// How often the mailboxes are looked into while nobody says anything: one load each.
const POLL: Duration = Duration::from_millis(5);
const MODE: u32 = 0o600;

/// Which room is served.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{RULES}\n\n{EXIT}"))]
pub(crate) struct Options {
    /// The room
    #[arg(long, default_value = ROOM, value_parser = Room::parse)]
    name: Room,
    /// How many clients there can be at a time, 1 to 254 [default: 64, or as the room has been]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=CLIENTS_MAX))]
    clients: Option<u8>,
    /// Print each event as a JSON object: joined and left (name, connected), message (number, from, text, again)
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword chat serve                the room chat
  lastword chat join alice           in other terminals
  lastword status monitor --name chat   how many clients are connected: the word connected_clients of board chat";

const RULES: &str = "\
Kill it with kill -9 whenever you like, and start it again: the clients wait, and what they send meanwhile is not lost.
A message is published before its sender is told so, and once, whoever is killed when; the room's numbers have no gap.
Ctrl-C closes the room: what nobody uses is removed, and clients that are in it wait for the next server.";

const EXIT: &str = "\
Exit code: 1 failed; 2 usage; 130 Ctrl-C, 128 + n signal n.";

/// Serves until a signal comes; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let stop = Stop::on_signals()?;
    let mut server = Server::open(&options.name, options.clients, options.json)?;
    let room = options.name.name();
    tell!("room {room} is open: lastword chat join NAME{}", as_option("--room", room, ROOM));
    if let Some(number) = server.producer.last() {
        tell!("continues after message {number}");
    }
    let served = server.serve(&stop);
    // Whatever ended it, nothing is left that nobody uses.
    let closed = server.close();
    let signal = served?;
    closed?;
    Ok(signals::exit_code(signal))
}

/// A server at work.
struct Server {
    room: Room,
    board: status::Writer,
    words: Board,
    producer: Producer<Said>,
    clients: BTreeMap<String, Client>,
    /// Why mailboxes are left alone, as it was said.
    left_alone: BTreeMap<String, String>,
    json: bool,
}

/// A client, as the server sees it.
struct Client {
    reader: Reader<[u8]>,
    monitor: Monitor,
    /// Whether it was seen to live, and is counted.
    is_connected: bool,
}

impl Server {
    /// Opens the room, and finishes what a server that was killed had begun.
    fn open(room: &Room, clients: Option<u8>, json: bool) -> Result<Self, Error> {
        let mut definition = Definition::new();
        let words = Board::define(&mut definition)?;
        // Its role is the server's: of two, the second is told who the first is.
        let board = status::Writer::define(room.name(), &definition, MODE)?;
        let opened = Self::take_over(room, clients, json, words, board);
        if opened.is_err() {
            // What is on the board is counted anew by each server.
            let _ = status::remove(room.name(), Force::No);
        }
        opened
    }

    fn take_over(
        room: &Room,
        clients: Option<u8>,
        json: bool,
        words: Board,
        board: status::Writer,
    ) -> Result<Self, Error> {
        let channel = room.channel()?;
        let clients = clients.unwrap_or_else(|| channel.observer().map_or(CLIENTS, |found| found.consumers()));
        let producer = channel.consumers(clients).mode(MODE).producer()?;
        let (clients, left_alone) = (BTreeMap::new(), BTreeMap::new());
        let mut server = Self { room: room.clone(), board, words, producer, clients, left_alone, json };
        server.finish_last()?;
        Ok(server)
    }

    /// Clears the message that was published last, if a server was killed before it had.
    ///
    /// A server publishes a message and then clears it, and touches no other mailbox in between. So of all messages that
    /// wait, at most one has been published: the channel's last one, known by its sender, its mailbox's session and its
    /// number there. It is looked for here, before anything else is published, because the channel remembers one
    /// message only.
    ///
    /// # Crash safety
    /// *Repeatable.* Killed before the clear, the successor finds the same. Killed after, it finds nothing to clear.
    fn finish_last(&mut self) -> Result<(), Error> {
        let (Some(number), Some(last)) = (self.producer.last(), self.producer.read_last()?) else { return Ok(()) };
        let sender = last.sender();
        if !self.room.clients()?.contains(&sender) {
            return Ok(());
        }
        let mut client = match Client::find(&self.room, &sender) {
            Ok(Some(client)) => client,
            // Nobody can have a message in there.
            Ok(None) => return Ok(()),
            // To go on without would be to publish a message twice.
            Err(error) => return Err(error.into()),
        };
        if let Some(message) = client.reader.try_receive()? {
            let bytes = message.to_vec();
            let is_last = message.sequence().get() == last.line
                && parse(&bytes).is_ok_and(|(session, text)| session == last.session && text == last.text());
            if is_last {
                let (number, text) = (number.get(), last.text());
                let printed = Event::Message { number, from: &sender, text: &text, again: Some(true) }.print(self.json);
                message.clear();
                printed?;
            }
        }
        self.clients.insert(sender, client);
        Ok(())
    }

    /// Serves until a signal comes; the signal.
    fn serve(&mut self, stop: &Stop) -> Result<i32, Error> {
        let mut next_look = Instant::now();
        loop {
            if let Some(signal) = stop.signal() {
                return Ok(signal);
            }
            if Instant::now() >= next_look {
                self.look()?;
                next_look = Instant::now() + LOOK;
            }
            // One of each, so that nobody has to wait for a client that never stops.
            let mut is_any = false;
            for name in self.clients.keys().cloned().collect::<Vec<_>>() {
                is_any |= self.take_from(&name)?;
            }
            if !is_any {
                stop.sleep(POLL);
            }
        }
    }

    /// Publishes the message that waits in a client's mailbox, if one does; whether one did.
    ///
    /// # Crash safety
    /// *All or nothing.* Killed before the publish, the successor publishes the message. Killed after it and before the
    /// clear, the successor clears it ([`finish_last`](Self::finish_last)).
    fn take_from(&mut self, name: &str) -> Result<bool, Error> {
        let Some(client) = self.clients.get_mut(name) else { return Ok(false) };
        let message = match client.reader.try_receive() {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(false),
            Err(error) => {
                self.leave_alone(name, error.to_string());
                return Ok(false);
            }
        };
        let (line, bytes) = (message.sequence().get(), message.to_vec());
        match parse(&bytes) {
            Ok((session, text)) => {
                let number = self.producer.publish(&Said::new(name, text, session, line))?.get();
                let printed = Event::Message { number, from: name, text, again: Some(false) }.print(self.json);
                // Whether that went well or not: what is published is never to be found again.
                message.clear();
                printed?;
            }
            Err(why) => {
                message.clear();
                tell!("{name}: line {line} is refused: {why}");
            }
        }
        Ok(true)
    }

    /// Sees who has come and who is gone.
    fn look(&mut self) -> Result<(), Error> {
        for name in self.room.clients()? {
            if self.clients.contains_key(&name) {
                continue;
            }
            match Client::find(&self.room, &name) {
                Ok(Some(mut client)) => match client.reader.try_receive().map(drop) {
                    Ok(()) => {
                        self.left_alone.remove(&name);
                        self.clients.insert(name, client);
                    }
                    Err(error) => self.leave_alone(&name, error.to_string()),
                },
                Ok(None) => {}
                Err(error) => self.leave_alone(&name, error.to_string()),
            }
        }
        for name in self.clients.keys().cloned().collect::<Vec<_>>() {
            let Some(client) = self.clients.get_mut(&name) else { continue };
            let lives = client.monitor.writer_lives()?;
            if lives && !client.is_connected {
                client.is_connected = true;
                let connected = self.count()?;
                Event::Joined { name: &name, connected }.print(self.json)?;
            } else if !lives {
                // What it sent before its death counts.
                self.take_from(&name)?;
                self.forget(&name)?;
            }
        }
        self.count()?;
        Ok(())
    }

    /// A client that does not live has nothing left in its mailbox.
    fn forget(&mut self, name: &str) -> Result<(), Error> {
        let Some(client) = self.clients.remove(name) else { return Ok(()) };
        let is_connected = client.is_connected;
        client.remove(&self.room, name)?;
        if is_connected {
            let connected = self.count()?;
            Event::Left { name, connected }.print(self.json)?;
        }
        Ok(())
    }

    /// Sets on the board how many clients live; how many.
    fn count(&mut self) -> Result<u32, Error> {
        let connected = self.clients.values().filter(|client| client.is_connected).count() as u32;
        self.board.set(self.words.connected_clients, connected)?;
        Ok(connected)
    }

    /// Goes on without a mailbox, and says why, once.
    fn leave_alone(&mut self, name: &str, why: String) {
        self.clients.remove(name);
        if self.left_alone.get(name) != Some(&why) {
            tell!("{name} is left alone: {why}");
            self.left_alone.insert(name.to_owned(), why);
        }
    }

    /// Closes the room: removes what nobody uses.
    fn close(mut self) -> Result<(), Error> {
        let looked = self.look();
        let Self { room, board, producer, clients, .. } = self;
        for (name, client) in clients {
            client.remove(&room, &name)?;
        }
        // Before the producer's role is free: by the board clients tell a server that leaves from one that was killed.
        drop(board);
        // A successor may have been quick.
        if is_removed(status::remove(room.name(), Force::No))? {
            tell!("removed board {}", room.name());
        }
        drop(producer);
        remove_channel(&room)?;
        looked
    }
}

/// Removes the room's channel if nobody is in the room; otherwise says so.
fn remove_channel(room: &Room) -> Result<(), Error> {
    let (name, inside) = (room.name(), room.clients()?);
    // As long as a message may wait, the channel has to tell whether it was published.
    if !inside.is_empty() {
        tell!("channel {name} stays, and these clients can go on with the next server: {}", inside.join(", "));
        return Ok(());
    }
    match room.channel()?.remove(Force::No) {
        Ok(true) => tell!("removed channel {name}"),
        Ok(false) => {}
        Err(RemoveError::InUse { .. }) => tell!("channel {name} stays: a client is in the room"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

impl Client {
    /// The client's mailbox, opened to read; `None` where it is not there, or not yet.
    fn find(room: &Room, name: &str) -> Result<Option<Self>, OpenError> {
        let mailbox = room.mailbox(name)?;
        // Looked at first: who opens one that is being created waits for that.
        match mailbox.monitor() {
            Ok(_) => {}
            Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let reader = mailbox.reader()?;
        let monitor = mailbox.monitor()?;
        Ok(Some(Self { reader, monitor, is_connected: false }))
    }

    /// Gives the mailbox up, and removes it unless the client lives or a message waits.
    ///
    /// Both roles are had meanwhile, so that nobody can send between the look and the removal.
    fn remove(self, room: &Room, name: &str) -> Result<(), Error> {
        let mailbox = room.mailbox(name)?;
        let writer = match mailbox.writer() {
            Ok(writer) => writer,
            Err(OpenError::RoleTaken { .. }) => return Ok(()),
            Err(error) => {
                tell!("{name}: {error}");
                return Ok(());
            }
        };
        // A message that waits is of a new process of that name. The next look finds it.
        if !writer.recovery().set
            && let Err(error) = mailbox.remove(Force::Yes)
        {
            tell!("{name}: {error}");
        }
        drop((writer, self.reader));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::room::encode;
    use super::*;
    use lastword::Channel;
    use std::ops::Deref;

    /// A room of one test, which leaves nothing.
    struct Scratch(Room);

    impl Scratch {
        fn new(test: &str) -> Self {
            Self(Room::parse(&format!("test-chat-{}-{test}", std::process::id())).expect("a name"))
        }
    }

    impl Deref for Scratch {
        type Target = Room;

        fn deref(&self) -> &Room {
            &self.0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = lastword::remove_unused(self.name());
        }
    }

    fn send(room: &Room, name: &str, session: u64, text: &str) {
        let mut writer = room.mailbox(name).expect("a name").writer().expect("the role is free");
        writer.try_send(encode(session, text).as_slice()).expect("the mailbox is free");
    }

    /// What is in the channel: number, sender, text.
    fn last(server: &Server) -> (u64, String, String) {
        let last = server.producer.read_last().expect("no garbage").expect("there is one");
        (server.producer.last().map_or(0, |number| number.get()), last.sender(), last.text())
    }

    /// The state that a server leaves that is killed between the publish and the clear, with others waiting before and
    /// after that client in the order of names.
    #[test]
    fn a_message_that_was_published_and_not_cleared_is_not_published_again_whoever_waits_before_it() {
        let room = Scratch::new("between");
        for (name, session) in [("alice", 1), ("mallory", 2), ("zed", 3)] {
            send(&room, name, session, "hello");
        }
        let mut killed = room.channel().expect("a name").consumers(CLIENTS).producer().expect("the role is free");
        killed.publish(&Said::new("mallory", "hello", 2, 1)).expect("published");
        drop(killed);
        // That server's successor is killed too, at each point where it can be.
        for _ in 0..2 {
            let server = Server::open(&room, None, false).expect("the room is free");
            assert_eq!(last(&server).0, 1);
        }
        let mut server = Server::open(&room, None, false).expect("the room is free");
        server.look().expect("it looks");
        assert_eq!(last(&server), (3, "zed".to_owned(), "hello".to_owned()));
        assert_eq!(room.clients().expect("they can be listed"), [] as [&str; 0], "all were dead");
    }

    /// The same client leaves, and joins again with a new mailbox, which counts from 1 again.
    #[test]
    fn the_same_text_under_the_same_number_of_another_mailbox_is_another_message() {
        let room = Scratch::new("another");
        send(&room, "alice", 1, "hello");
        let mut server = Server::open(&room, None, false).expect("the room is free");
        server.look().expect("it looks");
        assert_eq!(last(&server), (1, "alice".to_owned(), "hello".to_owned()));
        drop(server);
        send(&room, "alice", 2, "hello");
        let mut server = Server::open(&room, None, false).expect("the room is free");
        server.look().expect("it looks");
        assert_eq!(last(&server), (2, "alice".to_owned(), "hello".to_owned()));
    }

    #[test]
    fn what_is_no_line_is_refused_and_what_is_no_mailbox_left_alone() {
        let room = Scratch::new("refused");
        let mut writer = room.mailbox("bob").expect("a name").writer().expect("it is new");
        writer.try_send(b"123".as_slice()).expect("the mailbox is free");
        let other = lastword::ready::Mailbox::<u64>::new(&format!("{}.client.eve", room.name())).expect("a name");
        let eve = other.writer().expect("it is new");
        let mut server = Server::open(&room, Some(2), false).expect("the room is free");
        for _ in 0..2 {
            server.look().expect("it looks");
            server.take_from("bob").expect("it takes");
        }
        assert_eq!(writer.try_send(encode(1, "now").as_slice()).map(|number| number.get()), Ok(2));
        assert!(server.take_from("bob").expect("it takes"));
        assert_eq!(last(&server), (1, "bob".to_owned(), "now".to_owned()));
        assert_eq!(server.left_alone.keys().collect::<Vec<_>>(), ["eve"]);
        assert_eq!(server.count().expect("it can be set"), 1);
        drop((writer, eve));
        server.close().expect("it closes");
        assert_eq!(Channel::<Said>::new(room.name()).expect("a name").observer().map(drop), Ok(()), "eve's is left");
    }
}
