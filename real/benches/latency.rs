//! What an operation costs: by itself, and between two processes while the other is busy.
//!
//! `cargo bench -p lastword` prints four tables. Each figure is the middle of batches or of single calls, as said above
//! the table; compare ratios within one run, since machines and their moods differ. Payload is written and read whole.

use hdrhistogram::Histogram;
use lastword::ready::{Mailbox, Reader, SendError, Writer};
use lastword::{Channel, Force, status};
use nix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn Error>>;

const SIZES: [usize; 4] = [8, 64, 4096, 65536];
const BATCHES: usize = 200;
const LATENCY_SECONDS: u64 = 2;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, task, name, size] = arguments.as_slice()
        && task.starts_with("child-")
    {
        return child(task, name, size.parse()?);
    }
    let name = format!("bench-{}", std::process::id());
    let outcome = alone(&name)
        .and_then(|()| against_the_other(&name))
        .and_then(|()| one_way(&name))
        .and_then(|()| there_and_back(&name));
    Channel::<[u8]>::new(&name)?.remove(Force::Yes)?;
    for mailbox in mailboxes(&name, 0)? {
        mailbox.remove(Force::Yes)?;
    }
    status::remove(&name, Force::Yes)?;
    outcome
}

/// Nanoseconds of one call of `act`, the median of batches.
fn median_ns(mut act: impl FnMut()) -> f64 {
    let begin = Instant::now();
    (0..10).for_each(|_| act());
    // A batch of about 100 us.
    let one = begin.elapsed().as_nanos().max(10) / 10;
    let batch = u32::try_from((100_000 / one).clamp(1, 100_000)).unwrap_or(1);
    let mut figures: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let begin = Instant::now();
            (0..batch).for_each(|_| act());
            begin.elapsed().as_nanos() as f64 / f64::from(batch)
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    figures[BATCHES / 2]
}

fn alone(name: &str) -> Outcome {
    println!("One process, one thread: median ns a call (batches of about 100 us), and times the copy");
    println!(
        "{:>8} | {:>8} | {:>16} | {:>16} | {:>16} | {:>16}",
        "bytes", "copy", "publish", "loan, publish", "acquire, read", "peek"
    );
    for size in SIZES {
        let channel = Channel::bytes(name, size)?.consumers(3);
        let (mut producer, mut consumer, observer) = (channel.producer()?, channel.consumer(0)?, channel.observer()?);
        let message = vec![7; size];
        let mut buffer = vec![0; size];
        let mut fails = 0u64;
        let copy = median_ns(|| black_box(&mut buffer).copy_from_slice(black_box(&message)));
        let publish = median_ns(|| fails += u64::from(producer.publish(black_box(&message)).is_err()));
        let loan = median_ns(|| {
            let written = producer.loan_bytes(size).and_then(|mut loan| {
                loan.write_at(0, black_box(&message))?;
                Ok(loan.publish())
            });
            fails += u64::from(written.is_err());
        });
        let acquire = median_ns(|| match consumer.acquire() {
            Ok(Some(sample)) => fails += u64::from(sample.read_into(black_box(&mut buffer)) != size),
            _ => fails += 1,
        });
        let mut peeked = Vec::new();
        let peek = median_ns(|| fails += u64::from(observer.peek_into(black_box(&mut peeked)).is_err()));
        assert_eq!(fails, 0, "a call failed");
        let times = |figure: f64| format!("{figure:8.1} {:6.1}x", figure / copy);
        println!(
            "{size:8} | {copy:8.1} | {:>16} | {:>16} | {:>16} | {:>16}",
            times(publish),
            times(loan),
            times(acquire),
            times(peek)
        );
        drop((producer, consumer));
        channel.remove(Force::No)?;
    }
    let mut writer = status::Writer::create(name, 1, 0o600)?;
    let monitor = status::Monitor::open(name)?;
    let word = status::Key::<u64>::at(0);
    let mut value = 0u64;
    let set = median_ns(|| {
        value += 1;
        black_box(&mut writer).set(word, value).expect("the board has a word");
    });
    let get = median_ns(|| {
        black_box(black_box(&monitor).get(word).expect("the board has a word"));
    });
    println!("status: set {set:.1}, get {get:.1}");
    for size in SIZES {
        let [mailbox, _] = mailboxes(name, size)?;
        let (mut writer, mut reader) = (mailbox.writer()?, mailbox.reader()?);
        let (message, mut buffer) = (vec![7; size], vec![0; size]);
        let mut fails = 0u64;
        let exchange = median_ns(|| {
            fails += u64::from(writer.try_send(black_box(&message)).is_err());
            match reader.try_receive() {
                Ok(Some(received)) => {
                    fails += u64::from(received.read_into(black_box(&mut buffer)) != size);
                    received.clear();
                }
                _ => fails += 1,
            }
        });
        assert_eq!(fails, 0, "a call failed");
        println!("ready: send, receive, read and clear {size} bytes {exchange:.1}");
        drop((writer, reader));
        mailbox.remove(Force::No)?;
    }
    println!();
    Ok(())
}

/// A child process that has said that it is ready, and ends when its standard input closes.
struct Peer(Child);

impl Peer {
    fn start(task: &str, name: &str, size: usize) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([task, name, &size.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no standard output")?).read_line(&mut line)?;
        if line.trim() == "ready" { Ok(Self(child)) } else { Err(format!("the child said {line:?}").into()) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // A child that is gone already is as good.
        let _ = self.0.wait();
    }
}

/// The mailboxes of a round trip: there, and back.
fn mailboxes(name: &str, size: usize) -> Result<[Mailbox<[u8]>; 2], Box<dyn Error>> {
    Ok([Mailbox::bytes(&format!("{name}.there"), size)?, Mailbox::bytes(&format!("{name}.back"), size)?])
}

/// Sends a message, trying again while the mailbox is full; false where that is over first.
fn send(writer: &mut Writer<[u8]>, message: &[u8], over: impl Fn() -> bool) -> Result<bool, Box<dyn Error>> {
    loop {
        match writer.try_send(message) {
            Ok(_) => return Ok(true),
            Err(SendError::Full) if over() => return Ok(false),
            Err(SendError::Full) => std::hint::spin_loop(),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes the next message, waiting for it; false where that is over first.
fn take(reader: &mut Reader<[u8]>, into: &mut Vec<u8>, over: impl Fn() -> bool) -> Result<bool, Box<dyn Error>> {
    while reader.try_take_into(into)?.is_none() {
        if over() {
            return Ok(false);
        }
        std::hint::spin_loop();
    }
    Ok(true)
}

fn child(task: &str, name: &str, size: usize) -> Outcome {
    if task == "child-echo" {
        return echo(name, size);
    }
    if task == "child-echo-asleep" {
        return echo_asleep(name, size);
    }
    let channel = Channel::bytes(name, size)?.consumers(3);
    let over = std::thread::spawn(|| std::io::stdin().read_line(&mut String::new()));
    let ready = || writeln!(std::io::stdout(), "ready");
    match task {
        "child-produce" => {
            let mut producer = channel.producer()?;
            let mut message = vec![1; size];
            producer.publish(&message)?;
            ready()?;
            while !over.is_finished() {
                message[0] = message[0].wrapping_add(1);
                producer.publish(&message)?;
            }
        }
        "child-consume" => {
            let mut consumer = channel.consumer(1)?;
            let mut buffer = vec![0; size];
            ready()?;
            while !over.is_finished() {
                if let Some(sample) = consumer.acquire()? {
                    black_box(sample.read_into(&mut buffer));
                }
            }
        }
        // Publishes the time, at intervals.
        "child-clock" => {
            let mut producer = channel.producer()?;
            producer.publish(&now_ns()?.to_ne_bytes())?;
            ready()?;
            while !over.is_finished() {
                let until = Instant::now() + Duration::from_micros(20);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                producer.publish(&now_ns()?.to_ne_bytes())?;
            }
        }
        _ => return Err(format!("no such task: {task}").into()),
    }
    Ok(())
}

fn row(name: &str, size: usize, histogram: &Histogram<u64>) {
    let at = |quantile| histogram.value_at_quantile(quantile);
    println!(
        "{name:40} | {size:>8} | {:>8} | {:>8} | {:>8} | {:>8} | {:>10}",
        histogram.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        histogram.max()
    );
}

fn heading(what: &str) {
    println!("{what}");
    println!(
        "{:40} | {:>8} | {:>8} | {:>8} | {:>8} | {:>8} | {:>10}",
        "", "bytes", "calls", "p50", "p99", "p99.9", "max"
    );
}

/// Times single calls for a while.
fn timed(mut act: impl FnMut() -> Outcome) -> Result<Histogram<u64>, Box<dyn Error>> {
    let mut histogram = Histogram::new(3)?;
    let end = Instant::now() + Duration::from_secs(LATENCY_SECONDS);
    loop {
        let begin = Instant::now();
        act()?;
        let after = Instant::now();
        histogram.record(u64::try_from((after - begin).as_nanos())?)?;
        if after >= end {
            return Ok(histogram);
        }
    }
}

fn against_the_other(name: &str) -> Outcome {
    let empty = timed(|| Ok(()))?;
    heading("Two processes, single calls in ns, the clock's own cost included");
    row("the clock alone", 0, &empty);
    for size in [64, 65536] {
        let channel = Channel::bytes(name, size)?.consumers(3);
        let mut buffer = vec![0; size];
        {
            let mut consumer = channel.consumer(0)?;
            channel.producer()?.publish(&vec![1; size])?;
            let idle = timed(|| {
                consumer.acquire()?.ok_or("nothing published")?.read_into(&mut buffer);
                Ok(())
            })?;
            row("acquire, read; the producer idle", size, &idle);
            let _producer = Peer::start("child-produce", name, size)?;
            let busy = timed(|| {
                consumer.acquire()?.ok_or("nothing published")?.read_into(&mut buffer);
                Ok(())
            })?;
            row("acquire, read; the producer saturating", size, &busy);
        }
        {
            let mut producer = channel.producer()?;
            let message = vec![2; size];
            let _consumer = Peer::start("child-consume", name, size)?;
            let busy = timed(|| {
                producer.publish(&message)?;
                Ok(())
            })?;
            row("publish; a consumer saturating", size, &busy);
        }
        channel.remove(Force::No)?;
    }
    println!();
    Ok(())
}

fn now_ns() -> Result<u64, Box<dyn Error>> {
    Ok(u64::try_from(Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC)?).as_nanos())?)
}

fn one_way(name: &str) -> Outcome {
    heading("One way between two processes in ns: from before a publish to after the read, the consumer polling");
    let channel = Channel::bytes(name, 8)?.consumers(3);
    {
        let mut consumer = channel.consumer(0)?;
        let _producer = Peer::start("child-clock", name, 8)?;
        let mut histogram = Histogram::<u64>::new(3)?;
        let end = Instant::now() + Duration::from_secs(LATENCY_SECONDS);
        while Instant::now() < end {
            if !consumer.has_newer()? {
                std::hint::spin_loop();
                continue;
            }
            let mut bytes = [0; 8];
            consumer.acquire()?.ok_or("nothing published")?.read_into(&mut bytes);
            histogram.record(now_ns()?.saturating_sub(u64::from_ne_bytes(bytes)))?;
        }
        row("publish to read", 8, &histogram);
    }
    channel.remove(Force::No)?;
    Ok(())
}

/// Sends back what comes.
fn echo(name: &str, size: usize) -> Outcome {
    let [there, back] = mailboxes(name, size)?;
    let (mut reader, mut writer) = (there.reader()?, back.writer()?);
    let mut message = Vec::new();
    let over = std::thread::spawn(|| std::io::stdin().read_line(&mut String::new()));
    writeln!(std::io::stdout(), "ready")?;
    let over = || over.is_finished();
    while take(&mut reader, &mut message, over)? && send(&mut writer, &message, over)? {}
    Ok(())
}

/// As [`echo`], asleep between two messages.
fn echo_asleep(name: &str, size: usize) -> Outcome {
    let [there, back] = mailboxes(name, size)?;
    let (mut reader, mut writer) = (there.reader()?, back.writer()?);
    let mut message = Vec::new();
    let over = std::thread::spawn(|| std::io::stdin().read_line(&mut String::new()));
    writeln!(std::io::stdout(), "ready")?;
    let moment = Some(Duration::from_millis(10));
    while !over.is_finished() {
        if reader.take_into(&mut message, moment)?.is_some() {
            writer.send(&message, Some(Duration::from_secs(1)))?;
        }
    }
    Ok(())
}

fn there_and_back(name: &str) -> Outcome {
    heading("Two mailboxes between two processes in ns: there and back");
    for size in [8, 4096, 65536] {
        let [there, back] = mailboxes(name, size)?;
        let (mut writer, mut reader) = (there.writer()?, back.reader()?);
        let (message, mut answer) = (vec![3; size], Vec::new());
        {
            let _echo = Peer::start("child-echo", name, size)?;
            // A process that has died answers no more.
            let end = Instant::now() + Duration::from_secs(10 * LATENCY_SECONDS);
            let over = || Instant::now() > end;
            let trips = timed(|| {
                let came = send(&mut writer, &message, over)? && take(&mut reader, &mut answer, over)?;
                if came && answer == message { Ok(()) } else { Err("the message did not come back".into()) }
            })?;
            row("send to take, twice; both poll", size, &trips);
        }
        {
            let _echo = Peer::start("child-echo-asleep", name, size)?;
            let moment = Some(Duration::from_secs(10));
            let trips = timed(|| {
                writer.send(&message, moment)?;
                let came = reader.take_into(&mut answer, moment)?.is_some();
                if came && answer == message { Ok(()) } else { Err("the message did not come back".into()) }
            })?;
            row("send to take, twice; both wait", size, &trips);
        }
        drop((writer, reader));
        there.remove(Force::No)?;
        back.remove(Force::No)?;
    }
    println!();
    Ok(())
}
