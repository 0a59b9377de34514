//! Waiting for another message: woken by other processes and threads, late, in vain, and by a descriptor.

mod common;

use common::{Child, Scratch, role, say};
use lastword::{Channel, Force, Notifier};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on any machine.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

fn channel(name: &str) -> Channel<u64> {
    Channel::new(name).expect("a name").consumers(2)
}

/// What the other process does.
#[test]
#[ignore = "other tests run it in child processes"]
fn child_process() {
    let (task, name) = role();
    let mut consumer = channel(&name).consumer(1).expect("the role is free");
    say("ready");
    match task.as_str() {
        "wait" => {
            let mut last = 0;
            while last < 100 {
                let number = consumer.acquire_newer(Some(LONG)).expect("no garbage").expect("in time").read();
                assert!(number > last, "a message that was not seen before");
                last = number;
                say(last);
            }
        }
        "sleep" => {
            drop(consumer.acquire().expect("no garbage"));
            consumer.wait(None).expect("no garbage");
        }
        _ => panic!("no such task: {task}"),
    }
}

#[test]
fn a_message_wakes_who_waits_in_another_process() {
    let scratch = Scratch::new();
    let mut producer = channel(scratch.name()).producer().expect("a new channel");
    let mut child = Child::start("wait", scratch.name());
    assert_eq!(child.hear(), "ready");
    let mut number = 0;
    while number < 100 {
        number += 1;
        producer.publish(&number).expect("published");
        // Some of them it finds asleep, some not.
        if number % 3 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    while child.hear() != "100" {}
    assert!(child.wait().success());
    channel(scratch.name()).remove(Force::Yes).expect("removed");
}

#[test]
fn who_waits_in_vain_is_told_so_and_not_before_its_time() {
    let scratch = Scratch::new();
    let mut producer = channel(scratch.name()).producer().expect("a new channel");
    let mut consumer = channel(scratch.name()).consumer(0).expect("the role is free");
    let start = Instant::now();
    assert!(!consumer.wait(Some(SHORT)).expect("no garbage"), "nothing was published");
    assert!(start.elapsed() >= SHORT);
    assert!(!consumer.wait(Some(Duration::ZERO)).expect("no garbage"));
    assert!(consumer.acquire_newer(Some(SHORT)).expect("no garbage").is_none());
    producer.publish(&1).expect("published");
    assert!(consumer.wait(Some(Duration::ZERO)).expect("no garbage"), "there is one");
    assert!(consumer.wait(None).expect("no garbage"), "there still is");
    assert_eq!(consumer.acquire_newer(None).expect("no garbage").map(|sample| sample.read()), Some(1));
    assert!(!consumer.wait(Some(SHORT)).expect("no garbage"), "it was seen");
}

#[test]
fn a_sleeper_is_killed_like_anybody_else_and_keeps_nobody() {
    let scratch = Scratch::new();
    let mut producer = channel(scratch.name()).producer().expect("a new channel");
    for number in 1..=10 {
        let mut child = Child::start("sleep", scratch.name());
        assert_eq!(child.hear(), "ready");
        // Wherever it is between taking its role and sleeping.
        thread::sleep(Duration::from_millis(number));
        child.kill();
        producer.publish(&number).expect("published");
        let mut successor = channel(scratch.name()).consumer(1).expect("the role is free at once");
        assert_eq!(successor.acquire_newer(Some(LONG)).expect("no garbage").map(|sample| sample.read()), Some(number));
    }
}

#[test]
fn threads_that_wait_for_several_channels_are_woken_by_theirs() {
    let names: Vec<Scratch> = (0..4).map(|_| Scratch::new()).collect();
    let mut producers: Vec<_> =
        names.iter().map(|name| channel(name.name()).producer().expect("a new channel")).collect();
    thread::scope(|scope| {
        let waiting: Vec<_> = names
            .iter()
            .map(|name| {
                scope.spawn(|| {
                    let mut consumer = channel(name.name()).consumer(0).expect("the role is free");
                    consumer.acquire_newer(Some(LONG)).expect("no garbage").map(|sample| sample.read())
                })
            })
            .collect();
        for (number, (producer, waiting)) in producers.iter_mut().zip(waiting).enumerate() {
            thread::sleep(Duration::from_millis(2));
            producer.publish(&(number as u64)).expect("published");
            assert_eq!(waiting.join().expect("no panic"), Some(number as u64));
        }
    });
}

fn is_readable(notifier: &Notifier, timeout: Duration) -> bool {
    let mut fds = [PollFd::new(notifier.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(timeout).expect("a timeout that poll knows");
    poll(&mut fds, timeout).expect("poll works") > 0
}

#[test]
fn a_descriptor_is_readable_while_there_is_a_message_that_was_not_had() {
    let scratch = Scratch::new();
    let mut producer = channel(scratch.name()).producer().expect("a new channel");
    let mut consumer = channel(scratch.name()).consumer(0).expect("the role is free");
    let notifier = consumer.notifier().expect("a thread and a descriptor");
    assert!(!is_readable(&notifier, SHORT), "nothing was published");
    for number in 1..=200 {
        producer.publish(&number).expect("published");
        assert!(is_readable(&notifier, LONG), "message {number} is there");
        assert!(is_readable(&notifier, LONG), "and stays");
        let sample = consumer.acquire().expect("no garbage").expect("a message");
        assert_eq!(sample.read(), number);
        drop(sample);
        consumer.rearm(&notifier);
    }
    assert!(!is_readable(&notifier, SHORT), "all were had");
    // Between the last look and arming it again.
    let sample = consumer.acquire().expect("no garbage").map(|sample| sample.read());
    assert_eq!(sample, Some(200));
    producer.publish(&201).expect("published");
    consumer.rearm(&notifier);
    assert!(is_readable(&notifier, LONG), "it was not missed");
}

#[test]
fn waiting_and_a_descriptor_go_together() {
    let scratch = Scratch::new();
    let mut producer = channel(scratch.name()).producer().expect("a new channel");
    let mut consumer = channel(scratch.name()).consumer(0).expect("the role is free");
    let notifiers = [consumer.notifier(), consumer.notifier()].map(|notifier| notifier.expect("a descriptor"));
    thread::scope(|scope| {
        let publishing = scope.spawn(move || {
            for number in 1..=50_u64 {
                thread::sleep(Duration::from_millis(1));
                producer.publish(&number).expect("published");
            }
            producer
        });
        let mut last = 0;
        while last < 50 {
            last = consumer.acquire_newer(Some(LONG)).expect("no garbage").expect("in time").read();
            for notifier in &notifiers {
                consumer.rearm(notifier);
            }
        }
        publishing.join().expect("no panic")
    })
    .publish(&51)
    .expect("published");
    for notifier in &notifiers {
        assert!(is_readable(notifier, LONG));
    }
}

#[test]
fn a_descriptor_outlives_its_consumer_in_silence() {
    let scratch = Scratch::new();
    let mut producer = channel(scratch.name()).producer().expect("a new channel");
    let consumer = channel(scratch.name()).consumer(0).expect("the role is free");
    let notifier = consumer.notifier().expect("a descriptor");
    drop(consumer);
    let mut successor = channel(scratch.name()).consumer(0).expect("the role is free at once");
    let waiting = thread::spawn(move || successor.wait(Some(LONG)));
    thread::sleep(Duration::from_millis(5));
    producer.publish(&1).expect("published");
    assert!(waiting.join().expect("no panic").expect("no garbage"), "the successor is woken");
    drop(notifier);
}

#[test]
fn who_sleeps_on_a_channel_that_is_replaced_is_told_so() {
    let scratch = Scratch::new();
    let mut producer = channel(scratch.name()).producer().expect("a new channel");
    producer.publish(&1).expect("published");
    let mut consumer = channel(scratch.name()).consumer(0).expect("the role is free");
    assert_eq!(consumer.acquire().expect("no garbage").map(|sample| sample.read()), Some(1));
    let notifier = consumer.notifier().expect("a descriptor");
    let waiting = thread::spawn(move || {
        while !consumer.is_replaced() {
            assert!(consumer.acquire_newer(None).expect("no garbage").is_none(), "nothing more is published");
        }
        consumer
    });
    thread::sleep(SHORT);
    let mut replacement = channel(scratch.name()).replace().expect("nobody else replaces it");
    replacement.producer().publish(&2).expect("published");
    let _successor = replacement.commit();
    assert!(is_readable(&notifier, LONG));
    let consumer = waiting.join().expect("no panic");
    consumer.rearm(&notifier);
    assert!(is_readable(&notifier, LONG), "it still is replaced");
    let mut newer = channel(scratch.name()).consumer(0).expect("of the next generation");
    assert_eq!(newer.acquire_newer(None).expect("no garbage").map(|sample| sample.read()), Some(2));
    drop((consumer, newer, producer));
    channel(scratch.name()).remove(Force::Yes).expect("removed");
}

#[test]
fn a_message_that_vanishes_ends_the_sleep_with_an_error() {
    let scratch = Scratch::new();
    let mut producer = channel(scratch.name()).producer().expect("a new channel");
    producer.publish(&1).expect("published");
    let mut consumer = channel(scratch.name()).consumer(0).expect("the role is free");
    drop(consumer.acquire().expect("no garbage"));
    let notifier = consumer.notifier().expect("a descriptor");
    let waiting = thread::spawn(move || consumer.wait(None).expect_err("a word is garbage"));
    thread::sleep(SHORT);
    // `latest`.
    scratch.patch("data", 32, |_| 0);
    assert!(waiting.join().expect("no panic").to_string().contains("latest"));
    assert!(is_readable(&notifier, LONG), "its consumer is gone");
}

#[test]
fn a_descriptor_of_a_consumer_that_is_gone_is_readable_for_good() {
    let scratch = Scratch::new();
    let first = channel(scratch.name()).consumer(0).expect("a new channel");
    let second = channel(scratch.name()).consumer(1).expect("the role is free");
    let notifiers = [first.notifier(), first.notifier()].map(|notifier| notifier.expect("a descriptor"));
    assert!(!is_readable(&notifiers[0], SHORT));
    second.rearm(&notifiers[1]);
    assert!(is_readable(&notifiers[1], LONG), "armed by a consumer that it is not of");
    drop(first);
    for notifier in &notifiers {
        assert!(is_readable(notifier, LONG));
    }
}
