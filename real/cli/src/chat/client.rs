//! A client of a room.

use super::room::{Room, Said, TEXT_MAX, check_name, check_text, encode, is_removed};
use super::{Error, Event, ROOM};
use crate::input::{self, LINE_MAX, Line};
use crate::names::as_argument;
use crate::signals;
use crate::stop::Stop;
use crate::tell::tell;
use crate::{peer, presence};
use lastword::ready::{Mailbox, Writer};
use lastword::{Consumer, Force, OpenError, Role, Sequence, status};
use std::io::{self, IsTerminal};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// How long to wait for a message before looking for lines of standard input.
const IDLE: Duration = Duration::from_millis(50);
/// The same while the server is about to take a line.
const BUSY: Duration = Duration::from_millis(5);
/// How long the server may take to remove the mailbox of one who has left.
const REMOVAL_MAX: Duration = Duration::from_millis(300);

/// Who joins which room.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{RULES}\n\n{EXIT}"))]
pub(crate) struct Options {
    /// Who joins: 1 to 32 of A-Z a-z 0-9 _ -
    #[arg(value_parser = check_name)]
    name: String,
    /// The room
    #[arg(long, default_value = ROOM, value_parser = Room::parse)]
    room: Room,
    /// Go on listening after the end of standard input
    #[arg(long)]
    stay: bool,
    /// Say of each line that the server has published it
    #[arg(long)]
    verbose: bool,
    /// Print each event as a JSON object: message (number, from, text), missed (messages), sent (line)
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lastword chat join alice                   type lines, see those of others; Ctrl-D or Ctrl-C leaves
  seq 9 | lastword chat join bob             nine messages
  lastword chat join carol < /dev/null       listen only";

const RULES: &str = "\
Each line is a message of 1 to 1,024 bytes of UTF-8; others are refused. If the server is not there, lines wait until it
is. Of the room's messages a client sees the newest, and is told how many it was too slow for.";

const EXIT: &str = "\
Exit code: 0 left at the end of standard input, when all was published; 1 failed, or a line of a file or a pipe was
refused; 2 usage; 130 Ctrl-C, 128 + n signal n.";

/// Takes part in a room until the end of standard input, or until a signal; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let stop = Stop::on_signals()?;
    let Options { room, name, .. } = options;
    let is_file = input::is_given();
    let lines = if is_file || io::stdin().is_terminal() { Some(input::lines()?) } else { None };
    let server = format!("the server of room {}", room.name());
    // First a place in the room: without one, nobody sees this client come and go.
    let consumer = match peer::wait_for(&stop, server, || enter(room)) {
        Ok(Some(consumer)) => consumer,
        Ok(None) => return Ok(signals::exit_code(stop.signal().unwrap_or_default())),
        Err(error @ OpenError::AllConsumersTaken { .. }) => {
            return Err(format!("room {} is full: {error}", room.name()).into());
        }
        Err(error) => return Err(error.into()),
    };
    let mailbox = room.mailbox(name)?;
    let begin = Instant::now();
    let writer = loop {
        match mailbox.writer() {
            Ok(writer) => break writer,
            // The server has it for a moment, while it removes the mailbox of one who has left.
            Err(OpenError::RoleTaken { .. }) if begin.elapsed() < REMOVAL_MAX => _ = stop.sleep(BUSY),
            Err(error @ OpenError::RoleTaken { .. }) => return Err(format!("{error}; or choose another name").into()),
            Err(error) => return Err(error.into()),
        }
    };
    let mut client = Client {
        room,
        mailbox,
        writer,
        consumer,
        session: rand::random(),
        seen: None,
        pending: None,
        line: 0,
        refused: 0,
        server_lives: true,
        next_look: Instant::now(),
        options,
    };
    client.settle()?;
    tell!("joined room {} as {name}", room.name());
    let ended = client.take_part(lines, &stop);
    let refused = client.refused;
    // Whatever ended it, nothing is left that nobody uses.
    let left = client.leave();
    let signal = ended?;
    left?;
    Ok(signal.map_or(u8::from(is_file && refused > 0), signals::exit_code))
}

/// Takes a place in a room whose server lives.
fn enter(room: &Room) -> Result<Consumer<Said>, OpenError> {
    let channel = room.channel()?;
    // As many as there are, so that a room that has just been removed is made again as it was.
    let places = channel.observer()?.consumers();
    if channel.holder(Role::Producer)?.is_none() {
        return Err(OpenError::NotFound { object: room.name().to_owned() });
    }
    channel.consumers(places).any_consumer()
}

/// A client at work.
struct Client<'a> {
    room: &'a Room,
    mailbox: Mailbox<[u8]>,
    writer: Writer<[u8]>,
    consumer: Consumer<Said>,
    /// Tells this process's messages from those of others of the same name.
    session: u64,
    /// The newest message that was seen.
    seen: Option<Sequence>,
    /// The line that the server has yet to take.
    pending: Option<u64>,
    /// The line of standard input that was read last.
    line: u64,
    refused: u64,
    server_lives: bool,
    next_look: Instant,
    options: &'a Options,
}

impl Client<'_> {
    /// What was said before this client came is not for it.
    fn settle(&mut self) -> Result<(), Error> {
        self.seen = self.consumer.acquire()?.map(|sample| sample.sequence());
        Ok(())
    }

    /// Sends and listens; the signal that ended it, or none at the end of the lines.
    fn take_part(&mut self, mut lines: Option<Receiver<io::Result<Line>>>, stop: &Stop) -> Result<Option<i32>, Error> {
        let listens = lines.is_none() || self.options.stay;
        loop {
            if let Some(signal) = stop.signal() {
                return Ok(Some(signal));
            }
            self.look_for_the_server()?;
            let is_free = self.writer.wait(Some(Duration::ZERO))?;
            if is_free {
                self.acknowledged()?;
                if let Some(input) = &lines {
                    match input.try_recv() {
                        Ok(line) => self.say(&line?)?,
                        Err(TryRecvError::Empty) => {}
                        Err(TryRecvError::Disconnected) => lines = None,
                    }
                }
                if lines.is_none() && !listens {
                    // The last line was published before it was taken, and is seen here too.
                    self.hear(Duration::ZERO)?;
                    return Ok(None);
                }
            }
            self.hear(if is_free && self.pending.is_none() { IDLE } else { BUSY })?;
        }
    }

    /// The mailbox is free: what was in it was published.
    fn acknowledged(&mut self) -> Result<(), Error> {
        if let Some(line) = self.pending.take()
            && (self.options.json || self.options.verbose)
        {
            Event::Sent { line }.print(self.options.json)?;
        }
        Ok(())
    }

    /// Sends a line, or refuses it.
    fn say(&mut self, line: &Line) -> Result<(), Error> {
        self.line += 1;
        let too_long = || format!("found more than {LINE_MAX} bytes, expected 1 to {TEXT_MAX}; send it in parts");
        let checked = if line.is_cut { Err(too_long()) } else { check_text(&line.bytes) };
        match checked {
            Ok(text) => {
                self.writer.try_send(encode(self.session, text).as_slice())?;
                self.pending = Some(self.line);
            }
            Err(why) => {
                self.refused += 1;
                tell!("line {} is refused: {why}", self.line);
            }
        }
        Ok(())
    }

    /// Prints what somebody says, if somebody does within that time.
    fn hear(&mut self, timeout: Duration) -> Result<(), Error> {
        let Some(sample) = self.consumer.acquire_newer(Some(timeout))? else { return Ok(()) };
        let (number, said) = (sample.sequence(), sample.read());
        drop(sample);
        if !self.server_lives {
            self.next_look = Instant::now();
            self.look_for_the_server()?;
        }
        let json = self.options.json;
        let gap = number.get().saturating_sub(self.seen.map_or(0, Sequence::get)).saturating_sub(1);
        if gap > 0 {
            Event::Missed { messages: gap }.print(json)?;
        }
        self.seen = Some(number);
        let (from, text) = (said.sender(), said.text());
        Event::Message { number: number.get(), from: &from, text: &text, again: None }.print(json)?;
        Ok(())
    }

    /// Says whether the server has come or gone, as the kernel knows.
    fn look_for_the_server(&mut self) -> Result<(), Error> {
        if Instant::now() < self.next_look {
            return Ok(());
        }
        self.next_look = Instant::now() + presence::ASK;
        let lives = self.consumer.producer()?.is_some();
        match (self.server_lives, lives) {
            // A server that leaves takes its board with it.
            (true, false) => match status::holder(self.room.name()) {
                Err(OpenError::NotFound { .. }) => tell!("the server has left; waiting for the next one"),
                _ => tell!("the server was killed; waiting for it"),
            },
            (false, true) => tell!("the server is back"),
            _ => {}
        }
        self.server_lives = lives;
        Ok(())
    }

    /// Leaves the room, and removes what nobody uses: where the server lives, that is nothing.
    fn leave(mut self) -> Result<(), Error> {
        let waits = !self.writer.wait(Some(Duration::ZERO))?;
        let Self { room, mailbox, writer, consumer, .. } = self;
        let server_lives = consumer.producer()?.is_some();
        let name = mailbox.name();
        if !waits {
            match mailbox.reader() {
                // Both roles are this process's: nobody can send before it is gone.
                Ok(_reader) => _ = is_removed(mailbox.remove(Force::Yes))?,
                // The server's, which removes it.
                Err(OpenError::RoleTaken { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        drop((writer, consumer));
        match (waits, server_lives) {
            (false, _) => {}
            (true, true) => tell!("a line is still in mailbox {name}: the server takes it"),
            (true, false) => {
                tell!(
                    "a line is still in mailbox {name}: the next server takes it, or remove it with lastword rm {}",
                    as_argument(name)
                );
            }
        }
        // As long as a line waits, the channel has to tell whether it was published.
        if !room.clients()?.is_empty() {
            return Ok(());
        }
        let is_board = is_removed(status::remove(room.name(), Force::No))?;
        if is_removed(room.channel()?.remove(Force::No))? || is_board {
            tell!("removed room {}, which nobody was in any more", room.name());
        }
        Ok(())
    }
}
