//! A ready flag between two terminals: every message arrives, in order, whoever is killed when.
//!
//! ```sh
//! cargo run -p lastword --example handoff -- read     # in one terminal
//! cargo run -p lastword --example handoff -- write    # in another
//! ```
//!
//! Kill either with `kill -9` whenever you like, and start it again: it goes on.

use lastword::Force;
use lastword::ready::Mailbox;
use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

const MESSAGES: u64 = 5;

lastword::message! {
    /// What is handed over.
    pub struct Order {
        /// Which part to pick up.
        pub part: u64,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let orders = Mailbox::<Order>::new("handoff-example")?;
    match std::env::args().nth(1).as_deref() {
        Some("write") => write(&orders)?,
        Some("read") => read(&orders)?,
        _ => return Err("say read or write: cargo run -p lastword --example handoff -- read".into()),
    }
    // Who is the last to end removes it; for the other it is in use.
    let _ = orders.remove(Force::No);
    Ok(())
}

fn write(orders: &Mailbox<Order>) -> Result<(), Box<dyn Error>> {
    // The kernel frees the role of a process that was killed. What it had sent, its successor finds.
    let mut writer = orders.writer()?;
    let sent = writer.last().map_or(0, |number| number.get());
    println!("continues after order {sent}");
    for part in sent + 1..=MESSAGES {
        // Waits until the order before was cleared: asleep, and woken.
        let number = writer.send(&Order { part }, None)?;
        println!("sent order {number}");
        sleep(Duration::from_millis(500));
    }
    writer.wait(None)?;
    Ok(())
}

fn read(orders: &Mailbox<Order>) -> Result<(), Box<dyn Error>> {
    let mut reader = orders.reader()?;
    while reader.consumed().is_none_or(|number| number.get() < MESSAGES) {
        let Some(order) = reader.receive(None)? else { continue };
        let again = if order.may_be_repeated() { " (perhaps again)" } else { "" };
        println!("order {}: part {}{again}", order.sequence(), order.read().part);
        // Killed up to here, the next reader receives the order once more, with the same number.
        order.clear();
    }
    Ok(())
}
