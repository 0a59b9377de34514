//! Strings, integers, a double and a character at explicit places in shared memory: one process writes them piece by
//! piece, another reads them as a whole.
//!
//! ```sh
//! cargo run -p lastword --example record -- write    # in one terminal
//! cargo run -p lastword --example record -- read     # in another; it prints PI is defined as: 22/7==3.14286
//! ```
//!
//! Kill the writer on its way as you like: what is not published was never there. The record stays until
//! `cargo run -p lastword --example record -- remove`. `lastword record read` prints the same, and `lastword record
//! write` writes the same: a program need not know the struct.

use lastword::{Channel, Char, Force, Padding, Text};
use std::mem::offset_of;

lastword::message! {
    /// As a C compiler would place it: `#[repr(C)]`, with the gaps that align the numbers.
    struct Record {
        text: Text<24>,
        numerator: i32,
        slash: Char,
        gap_1: Padding<3>,
        denominator: i32,
        equals: Text<2>,
        gap_2: Padding<2>,
        value: f64,
        farewell: Text<16>,
    }
}
const _: () =
    assert!(offset_of!(Record, numerator) == 24 && offset_of!(Record, value) == 40 && size_of::<Record>() == 64);

fn main() {
    if let Err(error) = run() {
        eprintln!("record: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let channel = Channel::<Record>::new(arguments.next().as_deref().unwrap_or("record"))?;
    match what.as_str() {
        "write" => {
            let mut producer = channel.producer()?;
            // A slot that nobody reads before it is published.
            let mut loan = producer.loan()?;
            // It has an older record's bytes; a text shorter than its place would leave some of them.
            loan.write_at(0, &[0; size_of::<Record>()])?;
            loan.write_at(offset_of!(Record, text), b"PI is defined as: ")?;
            loan.write_at(offset_of!(Record, numerator), &22_i32.to_ne_bytes())?;
            loan.write_at(offset_of!(Record, slash), b"/")?;
            loan.write_at(offset_of!(Record, denominator), &7_i32.to_ne_bytes())?;
            loan.write_at(offset_of!(Record, equals), b"==")?;
            loan.write_at(offset_of!(Record, value), &3.14286_f64.to_ne_bytes())?;
            loan.write_at(offset_of!(Record, farewell), b"goodbye")?;
            println!("published message {}", loan.publish());
        }
        "read" => {
            let (_, record) = channel.observer()?.peek()?.ok_or("nothing is published yet")?;
            let Record { text, numerator, slash, denominator, equals, value, farewell, .. } = record;
            let (text, slash, equals) = (text.as_str()?, char::from(slash.0), equals.as_str()?);
            println!("{text}{numerator}{slash}{denominator}{equals}{value}");
            println!("{}", farewell.as_str()?);
        }
        "remove" => println!("removed: {}", channel.remove(Force::No)?),
        _ => return Err("usage: record write|read|remove [NAME]".into()),
    }
    Ok(())
}
