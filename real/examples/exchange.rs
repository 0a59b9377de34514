//! N processes: each writes numbers that all others read. Kill any of them with `kill -9`, and start it again.
//!
//! In three terminals, each with another first number:
//!
//! ```sh
//! cargo run -p lastword --example exchange -- 0 3
//! cargo run -p lastword --example exchange -- 1 3
//! cargo run -p lastword --example exchange -- 2 3
//! ```

use lastword::{Channel, OpenError};
use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

/// The channel that a process writes, and all others read: N - 1 consumers, N + 1 slots.
fn channel(of_process: u8, processes: u8) -> Result<Channel<u64>, OpenError> {
    Ok(Channel::new(&format!("exchange-example.{of_process}"))?.consumers(processes - 1))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<u8> = std::env::args().skip(1).map(|number| number.parse()).collect::<Result<_, _>>()?;
    let &[me, processes @ 2..=255] = &arguments[..] else {
        return Err("which process, of how many (2 to 255)?".into());
    };

    // Roles are locks that the kernel drops when a process dies, however it dies: a restart has them at once.
    let mut producer = channel(me, processes)?.producer()?;
    let mut consumers = Vec::new();
    for other in (0..processes).filter(|&other| other != me) {
        // The others' consumers are numbered without a gap.
        let index = if me < other { me } else { me - 1 };
        consumers.push((other, channel(other, processes)?.consumer(index)?));
    }

    // A restarted process goes on from what it wrote last, and finds locked what it was reading when it was killed.
    let mut number = producer.read_last()?.unwrap_or(0);
    for (other, consumer) in &mut consumers {
        if let Some(held) = consumer.held() {
            println!("{me}: still held {} from {other}", held.read());
        }
    }

    loop {
        for (other, consumer) in &mut consumers {
            // The newest message, locked in place: it does not change while `message` lives, and nobody waits for us.
            match consumer.acquire()? {
                Some(message) => println!("{me}: read {} from {other}", message.read()),
                None => println!("{me}: {other} has written nothing yet"),
            }
        }
        number += 1;
        producer.publish(&number)?;
        println!("{me}: wrote {number}");
        sleep(Duration::from_secs(1));
    }
}
