//! Prints how the server of the example `status_server` is doing, and says when it dies and when it is back:
//!
//! ```sh
//! cargo run -p lastword --example status_monitor
//! ```
//!
//! `lastword status monitor --name example-status` does the same, for any board.

use lastword::OpenError;
use lastword::status::{Board, Monitor};
use std::error::Error;
use std::thread;
use std::time::Duration;

lastword::board! {
    /// What is looked at. The server's board may have more words, in any order.
    pub struct Server {
        /// Who is logged in.
        pub user_count: u64,
        /// From 0 to 1.
        pub load: f64,
    }
}

const BOARD: &str = "example-status";
const LOOK_EVERY: Duration = Duration::from_millis(250);

fn main() -> Result<(), Box<dyn Error>> {
    loop {
        // Anew each time: somebody may have removed the board, and the next server created another.
        match Monitor::open(BOARD) {
            Ok(monitor) => watch(&monitor)?,
            Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Prints until the server is dead.
fn watch(monitor: &Monitor) -> Result<(), Box<dyn Error>> {
    let server = Server::find(monitor)?;
    // The kernel is asked, so the answer is right whatever killed the server.
    let Some(holder) = monitor.writer()? else { return Ok(()) };
    // `None` for a server in another pid namespace, which cannot be waited for.
    let death = holder.watch().ok();
    println!("the server is process {:?}", holder.pid());
    while monitor.writer_lives()? {
        // One plain load each.
        println!("{} users, load {:.2}", monitor.get(server.user_count)?, monitor.get(server.load)?);
        match &death {
            // Asleep until it is time to look again, or at once when the server dies.
            Some(death) => drop(death.wait(Some(LOOK_EVERY))?),
            None => thread::sleep(LOOK_EVERY),
        }
    }
    println!("the server is gone; it left {} users", monitor.get(server.user_count)?);
    Ok(())
}
