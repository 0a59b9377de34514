//! The process that is killed while it starts.

use crate::check::{self, Known};
use crate::crew;
use crate::names;
use crate::payload::Header;
use crate::worker::{line, monotonic, say};
use lastword::ready::{self, Mailbox, SendError};
use lastword::status::{Key, Monitor, Writer};
use lastword::{Channel, Consumer, OpenError, Producer};
use std::path::Path;

type Error = Box<dyn std::error::Error>;

/// What a worker is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Of the channel and of the board.
    #[arg(long)]
    name: String,
    #[arg(long)]
    supervisor: i32,
}

/// Words of the board.
pub(super) const WORDS: u16 = 64;
/// On the board: number of the newest message whose publish has returned.
const RETURNED: u16 = 0;
/// So large that creating takes a part of a start that kills can hit.
const CAPACITY: usize = 1 << 17;
const LENGTH: usize = 100;

/// The channel of this name.
pub(super) fn channel(name: &str) -> Result<Channel<[u8]>, OpenError> {
    Ok(Channel::<[u8]>::bytes(name, CAPACITY)?.consumers(4).mode(names::MODE))
}

/// The mailbox of this name.
pub(super) fn mailbox(name: &str) -> Result<Mailbox<[u8]>, OpenError> {
    Ok(Mailbox::<[u8]>::bytes(name, CAPACITY)?.mode(names::MODE))
}

/// Whether the object is there that is created first.
pub(super) fn has_begun(name: &str) -> bool {
    // Listing the directory takes as long as creating does.
    Path::new(&format!("/dev/shm/lastword-{name}.locks")).exists()
}

/// Takes every role, exchanges a message, says so, and goes on exchanging until it is killed.
pub(crate) fn work(options: &Options) -> Result<u8, Error> {
    crew::die_with(options.supervisor)?;
    let began = monotonic()?;
    let mut ends = Ends::attach(&options.name)?;
    let attached = monotonic()?;
    ends.exchange()?;
    let exchanged = monotonic()?;
    let [began, attached, exchanged] = [began, attached, exchanged].map(|time| time.as_nanos());
    say(&format!("{} {began} {attached} {exchanged}", line::READY))?;
    loop {
        ends.exchange()?;
    }
}

/// Everything that there is to have.
struct Ends {
    producer: Producer<[u8]>,
    consumer: Consumer<[u8]>,
    sender: ready::Writer<[u8]>,
    receiver: ready::Reader<[u8]>,
    board: Writer,
    monitor: Monitor,
}

impl Ends {
    fn attach(name: &str) -> Result<Self, Error> {
        let producer = channel(name)?.producer()?;
        let mut consumer = channel(name)?.consumer(0)?;
        let mailbox = mailbox(name)?;
        let (sender, receiver) = (mailbox.writer()?, mailbox.reader()?);
        let board = Writer::create(name, WORDS, names::MODE)?;
        let monitor = Monitor::open(name)?;
        let last = producer.last().map_or(0, |sequence| sequence.get());
        check::numbering(0, last, board.get(Key::at(RETURNED))?).map_err(|violation| violation.to_string())?;
        if let Some(sample) = consumer.held() {
            let stamp = sample.sequence().get();
            let known = Known { channel: 0, seen: 0, returned: 0 };
            known.message(&sample.to_vec(), stamp).map_err(|violation| violation.to_string())?;
        }
        Ok(Self { producer, consumer, sender, receiver, board, monitor })
    }

    fn exchange(&mut self) -> Result<(), Error> {
        self.exchange_newest()?;
        self.exchange_in_order()
    }

    /// A message through the channel.
    fn exchange_newest(&mut self) -> Result<(), Error> {
        let sequence = self.producer.last().map_or(1, |last| last.get() + 1);
        let published = self.producer.publish(&message(sequence))?.get();
        check::published(0, published, sequence).map_err(|violation| violation.to_string())?;
        self.board.set(Key::at(RETURNED), published)?;
        let known = Known { channel: 0, seen: 0, returned: self.monitor.get(Key::at(RETURNED))? };
        let Some(sample) = self.consumer.acquire()? else {
            return Err("a message that was published is not there".into());
        };
        let stamp = sample.sequence().get();
        known.message(&sample.to_vec(), stamp).map_err(|violation| violation.to_string())?;
        // It stays locked, so that a kill finds it so.
        sample.keep();
        Ok(())
    }

    /// A message through the mailbox.
    fn exchange_in_order(&mut self) -> Result<(), Error> {
        let sequence = self.sender.last().map_or(1, |last| last.get() + 1);
        match self.sender.try_send(&message(sequence)) {
            // A predecessor was killed before it had received that one.
            Ok(_) | Err(SendError::Full) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(received) = self.receiver.try_receive()? else {
            return Err("a message that was sent is not there".into());
        };
        let known = Known { channel: 0, seen: 0, returned: 0 };
        let verdict = known.message(&received.to_vec(), received.sequence().get());
        verdict.map_err(|violation| violation.to_string())?;
        received.clear();
        Ok(())
    }
}

fn message(sequence: u64) -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    Header { sequence, nonce: std::process::id().into(), channel: 0, length: LENGTH }.fill(0, &mut message);
    message
}
