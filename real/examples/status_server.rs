//! A game server that shows how it is doing. In two terminals:
//!
//! ```sh
//! cargo run -p lastword --example status_server
//! cargo run -p lastword --example status_monitor
//! ```
//!
//! Kill it, by Ctrl-C or `kill -9`, and start it again: it goes on from the count that is there. Any number of monitors
//! may watch; they map the board read-only, and the server never notices. To remove the board: `lastword clean example`.

use lastword::status::{Board, Definition, Writer};
use std::error::Error;
use std::thread;
use std::time::Duration;

lastword::board! {
    /// How the server is.
    pub struct Server {
        /// Who is logged in.
        pub user_count: u64,
        /// How busy it is.
        pub rpc_per_minute: u64 ["1/min"],
        /// From 0 to 1.
        pub load: f64,
    }
}

const BOARD: &str = "example-status";

fn main() -> Result<(), Box<dyn Error>> {
    let mut definition = Definition::new();
    let server = Server::define(&mut definition)?;
    // Takes the role of the one who sets the words. As long as this process lives nobody else gets it.
    let mut writer = Writer::define(BOARD, &definition, 0o600)?;

    // Of a new board all words are 0.
    let mut users = writer.get(server.user_count)?;
    println!("board {BOARD}: going on from {users} users");
    loop {
        users += 1;
        let wave = users % 60 * (60 - users % 60);
        // Each is one plain store: a kill at any instruction leaves the old value or the new one.
        writer.set(server.user_count, users)?;
        writer.set(server.rpc_per_minute, 60 + wave)?;
        writer.set(server.load, wave as f64 / 900.0)?;
        thread::sleep(Duration::from_millis(500));
    }
}
