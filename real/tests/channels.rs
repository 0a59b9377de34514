//! Messages through real shared memory, and who may have which role, within one process.

mod common;

use common::{Pose, Scratch, pose};
use lastword::{Channel, Force, OpenError, Recovery, RemoveError, Role, Sequence};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn a_typed_message_arrives_as_it_was_published() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(2);
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(1)?;
    assert!(consumer.acquire()?.is_none());
    assert!(!consumer.has_newer()?);
    for number in 1..=10 {
        assert_eq!(producer.publish(&pose(number))?.get(), number);
        assert!(consumer.has_newer()?);
        let sample = consumer.acquire()?.expect("a message is out");
        assert_eq!((sample.sequence().get(), sample.len(), sample.read()), (number, 24, pose(number)));
        assert_eq!(sample.as_ptr() as usize % lastword::PAYLOAD_ALIGN, 0);
        drop(sample);
        assert!(!consumer.has_newer()?);
    }
    assert_eq!((producer.consumers(), producer.capacity()), (2, 24));
    Ok(())
}

#[test]
fn bytes_of_every_length_up_to_the_capacity_arrive() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::bytes(scratch.name(), 100)?.consumers(1);
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(0)?;
    let observer = channel.observer()?;
    for length in (0..=100).chain((0..=100).rev()) {
        let message: Vec<u8> = (0..length).map(|byte| byte ^ length).collect();
        let sequence = producer.publish(&message)?;
        let sample = consumer.acquire()?.expect("a message is out");
        assert_eq!(sample.to_vec(), message);
        assert_eq!(producer.read_last_bytes()?, Some(message.clone()));
        assert_eq!(observer.peek_bytes()?, Some((sequence, message)));
    }
    let error = producer.publish(&[0; 101]).expect_err("one byte too many");
    assert!(error.to_string().contains("101 bytes") && error.to_string().contains("capacity is 100"), "{error}");
    assert_eq!(producer.last().map(Sequence::get), Some(202));
    Ok(())
}

#[test]
fn a_message_can_be_written_in_place_and_piece_by_piece() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::bytes(scratch.name(), 64)?;
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(0)?;
    let mut loan = producer.loan_bytes(20)?;
    assert_eq!((loan.len(), loan.as_mut_ptr() as usize % lastword::PAYLOAD_ALIGN), (20, 0));
    loan.write(&[0; 20])?;
    loan.write_at(3, b"abc")?;
    loan.write_at(6, b"defghijkl")?;
    loan.write_at(19, b"z")?;
    assert!(loan.write_at(19, b"zz").is_err());
    loan.publish();
    assert_eq!(consumer.acquire()?.expect("a message is out").to_vec(), b"\0\0\0abcdefghijkl\0\0\0\0z");
    Ok(())
}

#[test]
fn a_loan_that_is_dropped_is_not_published() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut producer = channel.producer()?;
    producer.publish(&pose(1))?;
    producer.loan()?.write(&pose(2))?;
    assert_eq!(producer.read_last()?, Some(pose(1)));
    let mut loan = producer.loan()?;
    loan.write(&pose(3))?;
    assert_eq!(loan.publish().get(), 2);
    assert_eq!(channel.consumer(0)?.acquire()?.map(|sample| sample.read()), Some(pose(3)));
    Ok(())
}

#[test]
fn a_locked_message_stays_while_others_are_published() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    let mut producer = channel.producer()?;
    let mut consumers = [channel.consumer(0)?, channel.consumer(1)?, channel.consumer(2)?];
    for (number, consumer) in (1..).zip(&mut consumers) {
        producer.publish(&pose(number))?;
        consumer.acquire()?.expect("a message is out").keep();
    }
    for number in 4..100 {
        producer.publish(&pose(number))?;
    }
    for (number, consumer) in (1..).zip(&mut consumers) {
        assert_eq!(consumer.held().map(|sample| sample.read()), Some(pose(number)));
        assert!(consumer.held().is_none(), "the sample was dropped, which releases");
        assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(99)));
    }
    Ok(())
}

#[test]
fn a_successor_finds_what_was_kept_and_goes_on_from_the_last_number() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(5)?;
    assert_eq!(consumer.recovery(), Recovery::Nothing);
    producer.publish(&pose(1))?;
    consumer.acquire()?.expect("a message is out").keep();
    drop((producer, consumer));

    let mut producer = channel.producer()?;
    assert_eq!(producer.read_last()?, Some(pose(1)));
    assert_eq!(producer.publish(&pose(2))?.get(), 2);
    let mut consumer = channel.consumer(5)?;
    assert!(matches!(consumer.recovery(), Recovery::Held(_)));
    assert!(consumer.has_newer()?);
    assert_eq!(consumer.held().map(|sample| sample.read()), Some(pose(1)));
    Ok(())
}

#[test]
fn an_observer_sees_the_newest_message_and_holds_no_role() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let mut producer = channel.producer()?;
    let observer = channel.observer()?;
    assert_eq!((observer.newest()?, observer.peek()?, observer.peek_bytes()?), (None, None, None));
    let sequence = producer.publish(&pose(1))?;
    assert_eq!((observer.newest()?, observer.peek()?), (Some(sequence), Some((sequence, pose(1)))));
    drop(producer);
    assert!(channel.remove(Force::No)?);
    assert_eq!(observer.peek()?, Some((sequence, pose(1))), "the memory lives as long as the observer");
    Ok(())
}

#[test]
fn a_second_producer_is_refused_and_told_who_has_the_role() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let producer = channel.producer()?;
    let error = channel.producer().expect_err("the role is taken");
    let holder = Some(std::process::id());
    assert_eq!(error, OpenError::RoleTaken { channel: scratch.name().into(), role: Role::Producer, holder });
    drop(producer);
    channel.producer()?;
    Ok(())
}

#[test]
fn a_consumer_that_is_taken_or_does_not_exist_is_refused() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?.consumers(3);
    let name = || scratch.name().to_owned();
    let taken = channel.consumer(1)?;
    let holder = Some(std::process::id());
    let error = channel.consumer(1).expect_err("the role is taken");
    assert_eq!(error, OpenError::RoleTaken { channel: name(), role: Role::Consumer(1), holder });
    let error = channel.consumer(3).expect_err("there is no such consumer");
    assert_eq!(error, OpenError::NoSuchConsumer { channel: name(), index: 3, consumers: 3 });
    assert!(error.to_string().contains("consumers 0 to 2"), "{error}");

    let first = channel.any_consumer()?;
    let second = channel.any_consumer()?;
    assert_eq!((first.index(), second.index()), (0, 2));
    let error = channel.any_consumer().expect_err("all are taken");
    assert_eq!(error, OpenError::AllConsumersTaken { channel: name(), consumers: 3 });
    drop(taken);
    assert_eq!(channel.any_consumer()?.index(), 1);
    Ok(())
}

#[test]
fn a_channel_has_up_to_254_consumers() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<u64>::new(scratch.name())?.consumers(lastword::CONSUMERS_MAX);
    let mut producer = channel.producer()?;
    let mut consumers: Vec<_> = (0..254).map(|index| channel.consumer(index)).collect::<Result<_, _>>()?;
    for number in 1..=254 {
        producer.publish(&number)?;
        consumers[number as usize - 1].acquire()?.expect("a message is out").keep();
    }
    for number in 255..1000 {
        producer.publish(&number)?;
    }
    for (number, consumer) in (1..).zip(&mut consumers) {
        assert_eq!(consumer.held().map(|sample| sample.read()), Some(number));
    }
    let error = channel.remove(Force::No).expect_err("everybody lives");
    assert!(matches!(error, RemoveError::InUse { .. }), "{error}");
    for consumers in [0, 255] {
        let scratch = Scratch::new();
        let error = Channel::<u64>::new(scratch.name())?.consumers(consumers).producer().expect_err("out of range");
        assert!(error.to_string().contains("a channel has 1 to 254"), "{error}");
        assert!(scratch.is_gone());
    }
    Ok(())
}

#[test]
fn a_channel_of_capacity_0_carries_numbers_alone() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::bytes(scratch.name(), 0)?.consumers(1);
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(0)?;
    for number in 1..10 {
        producer.publish(&[])?;
        let sample = consumer.acquire()?.expect("a message is out");
        assert_eq!((sample.sequence().get(), sample.to_vec()), (number, vec![]));
    }
    assert!(producer.publish(&[1]).is_err());
    Ok(())
}

#[test]
fn numbers_and_arrays_are_messages_too() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<[[f32; 3]; 5]>::new(scratch.name())?;
    let message = [[1.0, 2.0, 3.0]; 5];
    channel.producer()?.publish(&message)?;
    assert_eq!(channel.any_consumer()?.acquire()?.map(|sample| sample.read()), Some(message));
    let error = Channel::<[[f32; 5]; 3]>::new(scratch.name())?.producer().expect_err("another type");
    assert!(matches!(error, OpenError::Mismatch { field: "message type", .. }), "{error}");
    Ok(())
}

#[test]
fn remove_refuses_while_a_role_is_held_unless_it_is_forced() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    assert!(!channel.remove(Force::No)?, "there is nothing to remove");
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(2)?;
    let refused = |role| RemoveError::InUse { channel: scratch.name().into(), role, holder: Some(std::process::id()) };
    assert_eq!(channel.remove(Force::No), Err(refused(Role::Producer)));

    assert!(channel.remove(Force::Yes)?);
    assert!(scratch.is_gone());
    producer.publish(&pose(1))?;
    assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(1)), "its holders go on, unseen");
    let second = channel.consumer(2)?;
    assert_eq!(second.newest()?, None, "who comes later has another channel");
    assert_eq!(channel.remove(Force::No), Err(refused(Role::Consumer(2))));
    drop(second);
    assert!(channel.remove(Force::No)?);
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn taking_a_role_does_not_fail_because_somebody_removes_the_channel_meanwhile() -> Outcome {
    let scratch = Scratch::new();
    let channel = &Channel::<Pose>::new(scratch.name())?;
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| -> Outcome {
        let take = |attempt: fn(&Channel<Pose>) -> Result<(), OpenError>| {
            scope.spawn(move || -> Result<(), OpenError> {
                while !done.load(Ordering::Relaxed) {
                    attempt(channel)?;
                    std::thread::yield_now();
                }
                Ok(())
            })
        };
        let takers = [
            take(|channel| channel.producer().map(drop)),
            take(|channel| channel.consumer(1).map(drop)),
            take(|channel| channel.any_consumer().map(drop)),
        ];
        let mut removed = 0;
        let removal = loop {
            match channel.remove(Force::No) {
                Ok(there) => removed += u32::from(there),
                Err(RemoveError::InUse { .. }) => {}
                Err(error) => break Err(error),
            }
            if removed == 200 || takers.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                break Ok(());
            }
        };
        done.store(true, Ordering::Relaxed);
        takers.into_iter().try_for_each(|taker| taker.join().expect("no panic"))?;
        Ok(removal?)
    })
}

#[test]
fn a_data_object_alone_is_removed_and_is_replaced() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    drop(channel.producer()?);
    std::fs::remove_file(scratch.path("locks"))?;
    assert!(channel.remove(Force::No)?);
    assert!(scratch.is_gone());
    channel.producer()?.publish(&pose(1))?;
    std::fs::remove_file(scratch.path("locks"))?;
    assert_eq!(channel.consumer(0)?.newest()?, None);
    Ok(())
}

#[test]
fn nobody_sees_a_torn_message_under_load() -> Outcome {
    type Block = [u64; 64];
    let scratch = Scratch::new();
    let channel = Channel::<Block>::new(scratch.name())?.consumers(2);
    let mut producer = channel.producer()?;
    let done = &AtomicBool::new(false);
    let check = |sequence: Sequence, block: Block, last: u64| {
        assert!(block.iter().all(|&word| word == sequence.get()), "torn: {sequence} {block:?}");
        assert!(sequence.get() >= last, "{sequence} after {last}");
        sequence.get()
    };
    std::thread::scope(|scope| -> Outcome {
        for index in 0..2 {
            let mut consumer = channel.consumer(index)?;
            scope.spawn(move || {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    if let Some(sample) = consumer.acquire().expect("no garbage") {
                        last = check(sample.sequence(), sample.read(), last);
                    }
                }
            });
        }
        let observer = channel.observer()?;
        scope.spawn(move || {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                if let Ok(Some((sequence, block))) = observer.peek() {
                    last = check(sequence, block, last);
                }
            }
        });
        for number in 1..=200_000 {
            producer.publish(&[number; 64])?;
        }
        done.store(true, Ordering::Relaxed);
        Ok(())
    })
}
