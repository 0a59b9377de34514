//! Everything that can be found in `/dev/shm` instead of the channel that was asked for: each is an error that says
//! what was found and what was expected, and the object is left as it is.

mod common;

use common::{Pose, Scratch, pose};
use lastword::status::{self, Monitor, Writer};
use lastword::{Channel, Force, HeaderError, OpenError};
use std::error::Error;
use std::os::unix::fs::PermissionsExt;

type Outcome = Result<(), Box<dyn Error>>;

const CREATING: u64 = lastword_protocol::header::CREATING;

mod same_name_other_field {
    lastword::message! {
        /// As the other one, but for a field's name.
        pub struct Pose {
            /// Metres.
            pub x: f64,
            /// Metres.
            pub z: f64,
            /// Nanoseconds.
            pub at_ns: u64,
        }
    }
}

mod longer {
    lastword::message! {
        /// As the other one, but for one more field.
        pub struct Pose {
            /// Metres.
            pub x: f64,
            /// Metres.
            pub y: f64,
            /// Nanoseconds.
            pub at_ns: u64,
            /// More.
            pub more: u64,
        }
    }
}

/// A channel that exists, and into which nothing has been published.
fn existing() -> Result<(Scratch, Channel<Pose>), Box<dyn Error>> {
    let scratch = Scratch::new();
    let channel = Channel::new(scratch.name())?.consumers(4);
    drop(channel.producer()?);
    Ok((scratch, channel))
}

/// Every way to attach fails like this, and leaves both objects byte for byte as they were.
fn all_fail(scratch: &Scratch, channel: &Channel<Pose>, expected: impl Fn(&OpenError) -> bool) -> Outcome {
    let before = (std::fs::read(scratch.path("locks"))?, std::fs::read(scratch.path("data"))?);
    for error in [channel.producer().err(), channel.consumer(0).err(), channel.any_consumer().err()] {
        let error = error.expect("this cannot be attached to");
        assert!(expected(&error), "{error:?}");
        assert!(error.to_string().contains(scratch.name()), "{error}");
    }
    assert_eq!(before, (std::fs::read(scratch.path("locks"))?, std::fs::read(scratch.path("data"))?));
    assert!(channel.remove(Force::No)?, "what cannot be attached to can be removed");
    channel.producer()?.publish(&pose(1))?;
    Ok(())
}

fn is_mismatch(error: &OpenError, expected: &str) -> bool {
    matches!(error, OpenError::Mismatch { field, .. } if *field == expected)
}

#[test]
fn a_name_that_cannot_be_is_refused() {
    for name in ["", "a/b", "../x", "ä", "a b", &"x".repeat(201)] {
        let error = Channel::<Pose>::new(name).expect_err("no name");
        assert!(error.to_string().contains("A-Z a-z 0-9 . _ -"), "{error}");
    }
    assert!(Channel::<Pose>::new(&"x".repeat(200)).is_ok());
}

#[test]
fn another_type_is_refused_by_its_layout() -> Outcome {
    let (scratch, channel) = existing()?;
    let errors = [
        Channel::<same_name_other_field::Pose>::new(scratch.name())?.producer().expect_err("another field"),
        Channel::<longer::Pose>::new(scratch.name())?.producer().expect_err("another size"),
        Channel::<longer::Pose>::new(scratch.name())?.observer().expect_err("another size"),
        Channel::<[u8]>::new(scratch.name())?.producer().expect_err("bytes"),
        Channel::<u64>::new(scratch.name())?.consumer(0).expect_err("a number"),
    ];
    for error in errors {
        assert!(is_mismatch(&error, "message type"), "{error:?}");
        assert!(error.to_string().contains("found Pose (24 bytes"), "{error}");
    }
    channel.producer()?;
    Ok(())
}

#[test]
fn other_dimensions_are_refused_and_none_at_all_are_taken_as_found() -> Outcome {
    let scratch = Scratch::new();
    drop(Channel::bytes(scratch.name(), 100)?.consumers(4).producer()?);
    let error = Channel::<[u8]>::new(scratch.name())?.consumers(5).producer().expect_err("more consumers");
    assert!(is_mismatch(&error, "consumers"), "{error:?}");
    let error = Channel::bytes(scratch.name(), 101)?.consumer(0).expect_err("a larger capacity");
    assert!(is_mismatch(&error, "capacity in bytes"), "{error:?}");
    assert!(error.to_string().contains("found 100, expected 101"), "{error}");
    let error = Channel::bytes(scratch.name(), 101)?.observer().expect_err("a larger capacity");
    assert!(is_mismatch(&error, "capacity in bytes"), "{error:?}");
    let consumer = Channel::<[u8]>::new(scratch.name())?.consumer(3)?;
    assert_eq!((consumer.consumers(), consumer.capacity()), (4, 100));
    Ok(())
}

#[test]
fn a_channel_of_bytes_is_not_created_without_a_capacity() -> Outcome {
    let scratch = Scratch::new();
    let error = Channel::<[u8]>::new(scratch.name())?.producer().expect_err("no capacity");
    assert!(matches!(error, OpenError::CapacityNotGiven { .. }), "{error:?}");
    assert!(scratch.is_gone());
    let error = Channel::bytes(scratch.name(), lastword::CAPACITY_MAX + 1)?.producer().expect_err("too large");
    assert!(matches!(error, OpenError::Dimensions { .. }), "{error:?}");
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn an_observer_creates_nothing_and_waits_for_no_creator() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Pose>::new(scratch.name())?;
    let error = channel.observer().expect_err("nothing is there");
    assert!(matches!(error, OpenError::NotFound { .. }), "{error:?}");
    for bytes in [&[][..], &CREATING.to_ne_bytes(), &[&CREATING.to_ne_bytes()[..], &[0; 5000]].concat()] {
        scratch.plant("locks", bytes);
        let error = channel.observer().expect_err("it is incomplete");
        assert!(matches!(error, OpenError::Incomplete { .. }), "{error:?}");
        assert!(error.to_string().contains("try again"), "{error}");
    }
    Ok(())
}

#[test]
fn an_observer_never_sees_a_channel_that_its_creator_did_not_complete() -> Outcome {
    let (scratch, channel) = existing()?;
    // What a creator leaves that was killed between completing the data object and completing the locks object.
    scratch.patch("locks", 0, |_| CREATING);
    let error = channel.observer().expect_err("the next creator builds another data object");
    assert!(matches!(error, OpenError::Incomplete { .. }), "{error:?}");
    let mut producer = channel.producer()?;
    let observer = channel.observer()?;
    producer.publish(&pose(1))?;
    assert_eq!(observer.peek()?.map(|(_, pose)| pose), Some(pose(1)));
    Ok(())
}

#[test]
fn another_version_is_refused_in_either_object_and_the_error_names_the_way_out() -> Outcome {
    use lastword_protocol::header::VERSION;
    // A program of the next version that finds what this one made, and the other way round, differ in the number alone.
    for found in [VERSION + 1, VERSION - 1, u32::MAX] {
        let with_version = |word: u64| u64::from(found) << 32 | word & u64::from(u32::MAX);
        for suffix in ["locks", "data"] {
            let (scratch, channel) = existing()?;
            scratch.patch(suffix, 1, with_version);
            all_fail(&scratch, &channel, |error| {
                let said = error.to_string();
                assert!(
                    said.contains(&format!("has version {found}, and this program knows version {VERSION}")),
                    "{said}"
                );
                assert!(said.contains("remove it, or replace the channel"), "{said}");
                matches!(error, OpenError::Header { source: HeaderError::Version { found: said }, .. } if *said == found)
            })?;
        }
        let scratch = Scratch::new();
        drop(Writer::create(scratch.name(), 2, 0o600)?);
        scratch.patch("status", 1, with_version);
        let before = std::fs::read(scratch.path("status"))?;
        let opened = [
            Writer::create(scratch.name(), 2, 0o600).map(drop),
            Monitor::open(scratch.name()).map(drop),
            status::holder(scratch.name()).map(drop),
        ];
        for error in opened.into_iter().map(|opened| opened.expect_err("another version")) {
            let is_version = matches!(error, OpenError::Header { source: HeaderError::Version { .. }, .. });
            assert!(is_version, "{error:?}");
            let said = error.to_string();
            assert!(said.contains(&format!("has version {found}")) && said.contains("and remove it, or use"), "{said}");
        }
        assert_eq!(std::fs::read(scratch.path("status"))?, before, "it is left as it is");
        assert!(status::remove(scratch.name(), Force::No)?);
        Writer::create(scratch.name(), 2, 0o600)?;
    }
    Ok(())
}

#[test]
fn a_damaged_header_is_refused_wherever_the_damage_is() -> Outcome {
    for suffix in ["locks", "data"] {
        for word in 2..24 {
            let (scratch, channel) = existing()?;
            scratch.patch(suffix, word, |found| found ^ 1 << (word % 64));
            all_fail(&scratch, &channel, |error| {
                matches!(error, OpenError::Header { source: HeaderError::Checksum { .. }, .. })
            })?;
        }
    }
    Ok(())
}

#[test]
fn an_object_that_was_cut_or_extended_is_refused() -> Outcome {
    for suffix in ["locks", "data"] {
        for change in [-1, 1, -8, 4096] {
            let (scratch, channel) = existing()?;
            let file = scratch.open(suffix);
            file.set_len(file.metadata()?.len().strict_add_signed(change))?;
            all_fail(&scratch, &channel, |error| {
                matches!(error, OpenError::Header { source: HeaderError::Length { .. }, .. })
            })?;
        }
        for length in [1, 7, 8, 191] {
            let (scratch, channel) = existing()?;
            scratch.open(suffix).set_len(length)?;
            all_fail(&scratch, &channel, |error| {
                matches!(error, OpenError::Header { source: HeaderError::TooShort { .. }, .. })
            })?;
        }
    }
    Ok(())
}

#[test]
fn somebody_elses_bytes_are_refused() -> Outcome {
    for suffix in ["locks", "data"] {
        let (scratch, channel) = existing()?;
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .take(5000)
        .collect();
        scratch.plant(suffix, &noise);
        all_fail(&scratch, &channel, |error| {
            matches!(error, OpenError::Header { source: HeaderError::NotOurs { .. }, .. })
        })?;
    }
    Ok(())
}

#[test]
fn what_a_dead_creator_left_is_replaced_whatever_it_holds() -> Outcome {
    let begun = [&CREATING.to_ne_bytes()[..], &[0xff; 100_000]].concat();
    for length in [0, 8, 16, 192, 256, 1000, 100_000] {
        for data in [None, Some(0), Some(8), Some(256), Some(100_000)] {
            let scratch = Scratch::new();
            scratch.plant("locks", &begun[..length]);
            if let Some(length) = data {
                scratch.plant("data", &begun[..length]);
            }
            let channel = Channel::<Pose>::new(scratch.name())?;
            let mut consumer = channel.consumer(0)?;
            assert_eq!(consumer.recovery(), lastword::Recovery::Nothing);
            assert_eq!(channel.producer()?.publish(&pose(1))?.get(), 1);
            assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(1)));
        }
    }
    // A complete data object beside an incomplete locks object: its creator died between the two.
    let (scratch, channel) = existing()?;
    channel.producer()?.publish(&pose(1))?;
    scratch.patch("locks", 0, |_| CREATING);
    assert_eq!(channel.producer()?.last(), None);
    Ok(())
}

#[test]
fn objects_that_do_not_belong_together_are_refused() -> Outcome {
    let (scratch, channel) = existing()?;
    let (other, _channel) = existing()?;
    std::fs::rename(other.path("data"), scratch.path("data"))?;
    all_fail(&scratch, &channel, |error| is_mismatch(error, "number, which is the same in both objects of a channel"))?;

    let (scratch, channel) = existing()?;
    std::fs::copy(scratch.path("data"), scratch.path("locks"))?;
    all_fail(&scratch, &channel, |error| is_mismatch(error, "kind"))?;

    let (scratch, channel) = existing()?;
    std::fs::remove_file(scratch.path("data"))?;
    let error = channel.producer().expect_err("half of it is gone");
    assert!(matches!(error, OpenError::DataMissing { .. }), "{error:?}");
    assert!(channel.remove(Force::No)?);
    channel.producer()?;
    Ok(())
}

#[test]
fn a_symbolic_link_is_not_followed() -> Outcome {
    let scratch = Scratch::new();
    let other = Scratch::new();
    other.plant("data", &[]);
    std::os::unix::fs::symlink(other.path("data"), scratch.path("locks"))?;
    let error = Channel::<Pose>::new(scratch.name())?.producer().expect_err("a link");
    assert!(matches!(error, OpenError::Os(_)), "{error:?}");
    assert_eq!(std::fs::read(other.path("data"))?, []);
    Ok(())
}

#[test]
fn the_mode_is_0600_or_exactly_what_was_asked_for() -> Outcome {
    for (mode, expected) in [(None, 0o600), (Some(0o666), 0o666), (Some(0o640), 0o640)] {
        let scratch = Scratch::new();
        let channel = Channel::<Pose>::new(scratch.name())?;
        let channel = mode.map_or(channel.clone(), |mode| channel.mode(mode));
        drop(channel.producer()?);
        for suffix in ["locks", "data"] {
            assert_eq!(scratch.path(suffix).metadata()?.permissions().mode() & 0o7777, expected, "{suffix}");
        }
    }
    Ok(())
}

#[test]
fn a_mode_that_keeps_the_owner_out_is_refused() -> Outcome {
    for mode in [0, 0o400, 0o200, 0o066, 0o177] {
        let scratch = Scratch::new();
        let channel = Channel::<Pose>::new(scratch.name())?.mode(mode);
        let board = lastword::status::Writer::create(scratch.name(), 1, mode).map(drop);
        for error in [channel.producer().err(), channel.consumer(0).err(), board.err()] {
            let error = error.expect("no owner could open it");
            assert!(matches!(error, OpenError::Mode { found, .. } if found == mode), "{error:?}");
            assert!(error.to_string().contains("at least 0600"), "{error}");
        }
        assert!(scratch.is_gone());
    }
    Ok(())
}

#[test]
fn garbage_in_a_lock_word_stops_the_producer_until_that_consumer_is_restarted() -> Outcome {
    let (scratch, channel) = existing()?;
    let mut producer = channel.producer()?;
    producer.publish(&pose(1))?;
    scratch.patch("locks", (256 + 128) / 8, |_| u64::MAX);
    let error = producer.publish(&pose(2)).expect_err("garbage");
    assert!(error.to_string().contains("lock[1]") && error.to_string().contains("restart consumer 1"), "{error}");
    let consumer = channel.consumer(1)?;
    assert!(matches!(consumer.recovery(), lastword::Recovery::Repaired(_)));
    assert_eq!(producer.publish(&pose(2))?.get(), 2);
    Ok(())
}

#[test]
fn garbage_in_the_data_object_is_an_error_and_no_panic() -> Outcome {
    let (scratch, channel) = existing()?;
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(0)?;
    let observer = channel.observer()?;
    producer.publish(&pose(1))?;
    // The length of the message in slot 0: another one than the type's.
    scratch.patch("data", (384 + 8) / 8, |_| 23);
    let errors = [
        consumer.acquire().expect_err("a wrong length").to_string(),
        observer.peek().expect_err("a wrong length").to_string(),
        observer.peek_bytes().expect_err("a wrong length").to_string(),
        observer.peek_into(&mut Vec::new()).expect_err("a wrong length").to_string(),
        producer.read_last().expect_err("a wrong length").to_string(),
    ];
    assert!(errors.iter().all(|error| error.contains("slot[0].length")), "{errors:?}");
    scratch.patch("data", 256 / 8, |_| u64::MAX);
    assert!(consumer.acquire().is_err() && observer.peek().is_err() && consumer.newest().is_err());
    drop((producer, consumer));
    let error = channel.producer().expect_err("the numbering is lost");
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("create it anew"), "{error}");
    Ok(())
}

#[test]
fn an_acquire_that_finds_garbage_leaves_nothing_locked() -> Outcome {
    const LATEST: u64 = 256 / 8;
    const LOCK: usize = 256 / 8;
    let (scratch, channel) = existing()?;
    let mut producer = channel.producer()?;
    let mut consumer = channel.consumer(0)?;
    producer.publish(&pose(1))?;
    let lock = |scratch: &Scratch| -> Result<u64, Box<dyn Error>> {
        let bytes = std::fs::read(scratch.path("locks"))?;
        Ok(u64::from_ne_bytes(bytes.as_chunks().0[LOCK]))
    };
    let free = lock(&scratch)?;
    consumer.acquire()?.expect("a message is out").keep();
    assert_ne!(lock(&scratch)?, free);
    scratch.patch("data", LATEST, |found| found ^ u64::MAX);
    let error = consumer.acquire().expect_err("garbage");
    assert!(error.to_string().contains("latest"), "{error}");
    assert!(consumer.held().is_none());
    assert_eq!(lock(&scratch)?, free, "the message that was kept is not locked either");
    scratch.patch("data", LATEST, |found| found ^ u64::MAX);
    assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(pose(1)));
    Ok(())
}
