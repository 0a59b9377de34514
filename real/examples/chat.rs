//! A chat: each client sends lines through a mailbox of its own, and the server publishes them to all.
//!
//! ```sh
//! cargo run -p lastword --example chat -- serve    # in one terminal
//! cargo run -p lastword --example chat -- alice    # in a second
//! cargo run -p lastword --example chat -- bob      # in a third
//! ```
//!
//! Kill any of them with `kill -9` whenever you like: no line that the server has taken is lost or published twice.
//! What is left in the end `lastword clean chat-example` removes.

use lastword::ready::{Mailbox, Reader};
use lastword::{Channel, ObjectKind};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead;
use std::process;
use std::thread::{sleep, spawn};
use std::time::{Duration, SystemTime};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

const ROOM: &str = "chat-example";
const PREFIX: &str = "chat-example.client.";

lastword::message! {
    /// A line: zeros after the text.
    #[derive(PartialEq)]
    pub struct Line {
        /// Tells this line from all others: when its client started, and its number there.
        pub id: [u64; 2],
        /// Who says it.
        pub sender: [u8; 32],
        /// What.
        pub text: [u8; 256],
    }
}

fn main() -> Outcome {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve(),
        Some(name) => join(name),
        None => Err("say serve, or a name to join by: cargo run -p lastword --example chat -- serve".into()),
    }
}

fn serve() -> Outcome {
    let mut room = Channel::<Line>::new(ROOM)?.producer()?;
    let mut clients = BTreeMap::<String, Reader<Line>>::new();
    // What a server that was killed has published and not cleared is the channel's last message.
    let last = room.read_last()?;
    println!("the room is open");
    loop {
        let mailboxes = lastword::objects(PREFIX)?.into_iter().filter(|object| object.kind == ObjectKind::Ready);
        for name in mailboxes.map(|object| object.name).filter(|name| !clients.contains_key(name)).collect::<Vec<_>>() {
            let mut reader = Mailbox::new(&name)?.reader()?;
            // Looked at when it is opened, and all are opened before the next publish.
            if let Some(line) = reader.try_receive()?.filter(|line| Some(line.read()) == last) {
                line.clear();
            }
            clients.insert(name, reader);
        }
        for reader in clients.values_mut() {
            if let Some(line) = reader.try_receive()? {
                // Killed before the publish, the line waits for the next server; killed after it, that one clears it.
                room.publish(&line.read())?;
                line.clear();
            }
        }
        sleep(Duration::from_millis(10));
    }
}

fn join(name: &str) -> Outcome {
    // An error says who has the name, or that the room is full.
    let mut writer = Mailbox::<Line>::new(&format!("{PREFIX}{name}"))?.writer()?;
    let mut room = Channel::<Line>::new(ROOM)?.any_consumer()?;
    println!("{name} is in the room");
    spawn(move || -> Outcome {
        loop {
            let Some(line) = room.acquire_newer(None)? else { continue };
            let line = line.read();
            let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').escape_debug().to_string();
            println!("{}: {}", show(&line.sender), show(&line.text));
        }
    });
    let start = SystemTime::UNIX_EPOCH.elapsed()?.as_nanos() as u64 ^ u64::from(process::id()) << 48;
    for (number, text) in std::io::stdin().lock().lines().enumerate() {
        // Waits until the server has taken the line before.
        writer.send(&Line { id: [start, number as u64], sender: fill(name), text: fill(&text?) }, None)?;
    }
    writer.wait(None)?;
    Ok(())
}

/// As much of a text as there is room for.
fn fill<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes.iter_mut().zip(text.bytes()).for_each(|(into, byte)| *into = byte);
    bytes
}
