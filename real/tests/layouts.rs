//! Types that are known at run time alone: what cannot be described is an error that names the field, and what can be
//! is the same channel to programs that know the type and to programs that do not.

mod common;

use common::Scratch;
use lastword::zerocopy::{FromBytes, Immutable, IntoBytes};
use lastword::{
    Channel, Char, DescribeError, Description, DescriptionBuilder, Dimension, EntryError, Kind, Message, OpenError,
    Padding, PublishError, Shape, Text, TypeLayout, UntypedObserver, Value,
};
use lastword_protocol::description::encode;
use lastword_protocol::slots;
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

lastword::message! {
    /// A point.
    #[derive(PartialEq)]
    pub struct Point {
        /// To the right.
        pub x: f32,
        /// Up.
        pub y: f32 ["px"],
    }

    /// What a C program would declare, with the gaps that its compiler leaves.
    #[derive(PartialEq)]
    pub struct Record {
        /// A text.
        pub text: Text<5>,
        /// A character.
        pub letter: Char,
        /// What a compiler leaves.
        pub gap: Padding<2>,
        /// A number.
        pub count: i32 ["apples"],
        /// Texts in an array.
        pub names: [Text<3>; 2],
        /// What a compiler leaves.
        pub gap_2: Padding<6>,
        /// A matrix.
        pub matrix: [[f64; 2]; 3],
        /// Structs in an array.
        pub points: [Point; 2] ["m"],
    }
}

mod of_raw_names {
    lastword::message! {
        /// Its own name is a raw one, too.
        pub(crate) struct r#Match {
            /// A word of Rust's.
            pub(crate) r#type: u32,
            /// And one within.
            pub(crate) r#in: super::Inner,
        }
    }
}

lastword::message! {
    /// Within another one.
    pub struct Inner {
        /// A word of Rust's.
        pub r#ref: u16 ["m"],
        /// Begins as one does.
        pub r: u16,
    }
}

fn dimensions(dimensions: &[(u64, u64)]) -> Vec<Dimension> {
    dimensions.iter().map(|&(count, stride)| Dimension { count, stride }).collect()
}

fn record() -> DescriptionBuilder {
    Description::build("Record", 88, 8)
        .array("text[]", "", Kind::Char, 0, &dimensions(&[(5, 1)]))
        .field("letter", "", Kind::Char, 5)
        .field("count", "apples", Kind::I32, 8)
        .array("names[][]", "", Kind::Char, 12, &dimensions(&[(2, 3), (3, 1)]))
        .array("matrix[][]", "", Kind::F64, 24, &dimensions(&[(3, 16), (2, 8)]))
        .array("points[].x", "m", Kind::F32, 72, &dimensions(&[(2, 8)]))
        .array("points[].y", "px", Kind::F32, 76, &dimensions(&[(2, 8)]))
}

fn value() -> Record {
    let text = |text| Text::new(text).expect("it fits");
    let name = |text| Text::new(text).expect("it fits");
    Record {
        text: text("a\"é"),
        letter: Char(b'/'),
        gap: Padding::default(),
        count: -3,
        names: [name("one"), name("2")],
        gap_2: Padding::default(),
        matrix: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        points: [Point { x: 1.0, y: 2.0 }, Point { x: 3.0, y: 4.0 }],
    }
}

#[test]
fn who_knows_the_type_and_who_does_not_have_the_same_channel() -> Outcome {
    let description = record().finish()?;
    assert_eq!(description, Description::of::<Record>()?);
    assert_eq!(*description.message_type(), Record::LAYOUT);
    let (bytes, size) = (value(), size_of::<Record>());
    for typed_first in [true, false] {
        let scratch = Scratch::new();
        let typed = Channel::<Record>::new(scratch.name())?;
        let described = Channel::described(scratch.name(), description.clone())?;
        if typed_first {
            typed.producer()?.publish(&value())?;
            let mut producer = described.producer()?;
            assert_eq!(producer.read_last_bytes()?.as_deref(), Some(bytes.as_bytes()));
            let mut loan = producer.loan_bytes(size)?;
            loan.write(bytes.as_bytes())?;
            loan.write_at(8, &7_i32.to_ne_bytes())?;
            loan.publish();
        } else {
            let mut producer = described.producer()?;
            producer.publish(bytes.as_bytes())?;
            drop(producer);
            let mut producer = typed.producer()?;
            assert_eq!(producer.read_last()?, Some(value()));
            producer.publish(&Record { count: 7, ..value() })?;
        }
        let expected = Record { count: 7, ..value() };
        assert_eq!(typed.observer()?.peek()?.map(|(_, record)| record), Some(expected));
        let mut consumer = typed.any_consumer()?;
        assert_eq!(consumer.acquire()?.map(|sample| sample.read()), Some(expected));
        let (_, seen) = described.observer()?.peek_bytes()?.ok_or("nothing is out")?;
        assert_eq!(seen, expected.as_bytes());
        let mut consumer = described.any_consumer()?;
        assert_eq!(consumer.acquire()?.map(|sample| sample.to_vec()), Some(expected.as_bytes().to_vec()));
        let observer = UntypedObserver::open(scratch.name())?;
        assert_eq!(*observer.description(), description);
    }
    Ok(())
}

#[test]
fn a_field_that_is_called_as_a_word_of_rusts_is_the_same_as_anybody_elses() -> Outcome {
    let description = Description::build("Match", 8, 4)
        .field("type", "", Kind::U32, 0)
        .field("in.ref", "m", Kind::U16, 4)
        .field("in.r", "", Kind::U16, 6)
        .finish()?;
    assert_eq!(description, Description::of::<of_raw_names::Match>()?);
    assert_eq!(*description.message_type(), of_raw_names::Match::LAYOUT);
    Ok(())
}

#[test]
fn texts_are_shown_as_texts_and_characters_as_characters() -> Outcome {
    let (description, value) = (record().finish()?, value());
    let text = "text[]: \"a\\\"é\"\nletter: '/'\ncount: -3 apples\nnames[][]: [\"one\", \"2\"]\n\
                matrix[][]: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]\npoints[].x: [1.0, 3.0] m\n\
                points[].y: [2.0, 4.0] px\n";
    assert_eq!(description.text(value.as_bytes()).to_string(), text);
    let json = "{\"text[]\":\"a\\\"é\",\"letter\":\"/\",\"count\":-3,\"names[][]\":[\"one\",\"2\"],\
                \"matrix[][]\":[[1.0,2.0],[3.0,4.0],[5.0,6.0]],\"points[].x\":[1.0,3.0],\"points[].y\":[2.0,4.0]}";
    assert_eq!(description.json(value.as_bytes()).to_string(), json);
    let fields: Vec<_> = description.values(value.as_bytes()).collect();
    assert_eq!((fields[0].text(), fields[1].text(), fields[3].text()), (Some("a\"é".as_bytes()), None, None));
    assert_eq!(fields[1].elements().collect::<Vec<_>>(), [Value::Char(b'/')]);
    assert_eq!(fields[0].elements().count(), 5);
    // Whatever is cut off or in there.
    for length in 0..=size_of::<Record>() {
        let (zeros, ones) = (vec![0; length], vec![0xff; length]);
        for bytes in [&zeros, &ones] {
            assert_eq!(description.text(bytes).to_string().lines().count(), 7);
            assert!(description.json(bytes).to_string().ends_with('}'));
        }
    }
    assert_eq!(description.values(&[0; 88]).next().map(|value| value.to_string()), Some("text[]: \"\"".to_owned()));
    Ok(())
}

/// A type that does not say what it consists of.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
struct Secret(u64);

impl Message for Secret {
    const LAYOUT: TypeLayout = TypeLayout::new("Secret", 8, 8, &[]);
}

/// Another one.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
struct Hidden(u64);

impl Message for Hidden {
    const LAYOUT: TypeLayout = TypeLayout::new("Hidden", 8, 8, &[]);
}

mod of_secret {
    lastword::message! {
        /// Says a part of it.
        pub(crate) struct Half {
            /// Told.
            pub(crate) told: u64,
            /// Not told.
            pub(crate) rest: super::Secret,
        }
    }
}

mod of_hidden {
    lastword::message! {
        /// Says a part of it.
        pub(crate) struct Half {
            /// Told.
            pub(crate) told: u64,
            /// Not told.
            pub(crate) rest: super::Hidden,
        }
    }
}

#[test]
fn types_agree_by_their_descriptions_and_where_these_do_not_say_by_all_that_they_contain() -> Outcome {
    fn agrees<T: Message>() -> Result<bool, Box<dyn Error>> {
        let (description, mut bytes) = (Description::of::<T>()?, Vec::new());
        let checksum = encode(description.fields(), T::LAYOUT.size, &mut bytes)?;
        let plain = TypeLayout::new(T::LAYOUT.name(), size_of::<T>(), align_of::<T>(), &[]);
        Ok(T::LAYOUT == plain.described_by(checksum))
    }
    assert!(agrees::<Record>()? && agrees::<Point>()? && agrees::<common::Pose>()? && agrees::<u64>()?);
    assert!(agrees::<[[Point; 2]; 3]>()? && agrees::<Text<4>>()? && agrees::<Char>()? && agrees::<[[u8; 0]; 3]>()?);
    assert!(!agrees::<Secret>()? && !agrees::<of_secret::Half>()? && !agrees::<[Secret; 2]>()?);
    assert_ne!(of_secret::Half::LAYOUT, of_hidden::Half::LAYOUT);
    assert_eq!(Description::of::<of_secret::Half>()?.fields().count(), 1);
    assert!(Shape::Opaque.is_opaque() && !Record::SHAPE.is_opaque() && <[Secret; 2]>::SHAPE.is_opaque());
    Ok(())
}

#[test]
fn what_differs_is_refused_by_its_first_field_whoever_is_first() -> Outcome {
    let scratch = Scratch::new();
    drop(Channel::<Record>::new(scratch.name())?.producer()?);
    let refused = |builder: DescriptionBuilder| -> Result<[String; 2], Box<dyn Error>> {
        let channel = Channel::described(scratch.name(), builder.finish()?)?;
        let error = channel.producer().expect_err("another type");
        assert_eq!(channel.observer().expect_err("another type"), error);
        match error {
            OpenError::Mismatch { field: "message type", found, expected, .. } => Ok([found, expected]),
            error => Err(error.into()),
        }
    };
    let first =
        |kind, offset| Description::build("Record", 88, 8).array("text[]", "", kind, offset, &dimensions(&[(5, 1)]));
    let [found, expected] = refused(first(Kind::U8, 0))?;
    assert!(
        found.ends_with("text[0..5]: char at byte 0") && expected.ends_with("text[0..5]: u8 at byte 0"),
        "{expected}"
    );
    let [_, expected] = refused(first(Kind::Char, 1))?;
    assert!(expected.ends_with("text[0..5]: char at byte 1"), "{expected}");
    let [found, expected] = refused(Description::build("Record", 96, 8).field("text", "", Kind::U8, 0))?;
    assert!(found.contains("88 bytes") && expected.contains("96 bytes"), "{expected}");
    let bytes = Channel::bytes(scratch.name(), 88)?.producer().expect_err("bytes are another type");
    assert!(bytes.to_string().contains("which names no fields"), "{bytes}");
    // The other way round.
    let scratch = Scratch::new();
    drop(Channel::described(scratch.name(), first(Kind::Char, 0).finish()?)?.producer()?);
    let error = Channel::<Record>::new(scratch.name())?.producer().expect_err("another type").to_string();
    assert!(
        error.contains("without another field, expected Record") && error.contains("letter: char at byte 5"),
        "{error}"
    );
    // As many bytes as the type has, and no others.
    let error = Channel::described(scratch.name(), first(Kind::Char, 0).finish()?)?.capacity(8).producer();
    assert!(matches!(error, Err(OpenError::Mismatch { field: "capacity in bytes", .. })), "{error:?}");
    Ok(())
}

#[test]
fn a_message_that_is_shorter_or_longer_than_its_type_is_not_published() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::described(scratch.name(), record().finish()?)?;
    let mut producer = channel.producer()?;
    for length in [0, 1, 87, 89, 1000] {
        let PublishError { source, .. } = producer.publish(&vec![0; length]).expect_err("a wrong length");
        assert_eq!(source, slots::PublishError::NotOfType { length, size: 88 });
        assert!(source.to_string().contains("has 88; publish all of it"), "{source}");
        assert_eq!(producer.loan_bytes(length).expect_err("a wrong length").source, source);
    }
    assert_eq!(producer.last(), None);
    producer.publish(&[0; 88])?;
    // Who puts another length into the slot is found out, by all.
    scratch.patch("data", (384 + 8) / 8, |_| 87);
    assert!(channel.observer()?.peek_bytes().is_err() && channel.any_consumer()?.acquire().is_err());
    assert!(producer.read_last_bytes().is_err());
    Ok(())
}

#[test]
fn a_channel_is_replaced_by_one_of_a_described_type_and_back() -> Outcome {
    let scratch = Scratch::new();
    let bytes = Channel::bytes(scratch.name(), 10)?.consumers(3);
    bytes.producer()?.publish(b"before")?;
    let mut replacement = Channel::described(scratch.name(), record().finish()?)?.replace()?;
    replacement.producer().publish(value().as_bytes())?;
    drop(replacement.commit());
    let typed = Channel::<Record>::new(scratch.name())?.consumers(3);
    assert_eq!(typed.producer()?.read_last()?, Some(value()));
    let back = Channel::bytes(scratch.name(), 20)?.replace()?.commit();
    assert_eq!((back.capacity(), back.consumers()), (20, 3));
    assert_eq!(UntypedObserver::open(scratch.name())?.description().fields().count(), 0);
    Ok(())
}

#[test]
fn what_cannot_be_described_is_an_error_that_names_the_field() {
    let build = |size, align| Description::build("T", size, align);
    let error = |builder: DescriptionBuilder| builder.finish().expect_err("it cannot be");
    let field = |field: &str, why| DescribeError::Field { field: field.to_owned(), why };
    let a = |offset| build(8, 8).field("a", "", Kind::U32, offset);
    for name in ["", "a\n", &"x".repeat(113)] {
        let builder = Description::build(name, 4, 4).field("a", "", Kind::U32, 0);
        assert_eq!(error(builder), DescribeError::TypeName { found: name.to_owned() });
    }
    for found in [0, 3, 128, u64::MAX] {
        assert_eq!(error(build(8, found)), DescribeError::Align { found });
    }
    for found in [0, 12, (1 << 40) + 8, u64::MAX] {
        assert_eq!(error(build(found, 8)), DescribeError::Size { found, align: 8 });
    }
    assert_eq!(error(build(8, 8)), DescribeError::NoFields);
    assert_eq!(error(a(5)), field("a", EntryError::Outside { size: 8 }));
    assert_eq!(error(a(u64::MAX)), field("a", EntryError::Outside { size: 8 }));
    assert_eq!(error(a(0).field("a", "", Kind::U32, 4)), DescribeError::Duplicate { name: "a".to_owned() });
    let overlap = |offset| DescribeError::Overlap { field: "a".to_owned(), other: "b".to_owned(), offset };
    assert_eq!(error(a(0).field("b", "", Kind::U8, 3)), overlap(3));
    assert_eq!(error(a(0).field("b", "", Kind::U32, 0)), overlap(0));
    assert_eq!(error(a(0).field("", "", Kind::U8, 4)), field("", EntryError::Name));
    assert_eq!(error(a(0).field("b[]", "", Kind::U8, 4)), field("b[]", EntryError::Name));
    assert_eq!(error(a(0).field("b\u{1b}", "", Kind::U8, 4)), field("b\\u{1b}", EntryError::Name));
    assert_eq!(error(a(0).field("b", &"m".repeat(33), Kind::U8, 4)), field("b", EntryError::Unit));
    let array = |offset, list: &[(u64, u64)]| a(0).array("b[]", "", Kind::U8, offset, &dimensions(list));
    for cannot in [(0, 1), (2, 0), (u64::MAX, 8)] {
        assert_eq!(error(array(4, &[cannot])), field("b[]", EntryError::Dimensions));
    }
    assert_eq!(error(array(4, &[(5, 1)])), field("b[]", EntryError::Outside { size: 8 }));
    assert!(array(4, &[(4, 1)]).finish().is_ok() && a(4).field("b", "", Kind::U8, 1).finish().is_ok());
    // Arrays between each other.
    let pairs = |second| {
        let every = dimensions(&[(4, 8)]);
        build(32, 8).array("a[]", "", Kind::U32, 0, &every).array("b[]", "", Kind::U32, second, &every)
    };
    assert!(pairs(4).finish().is_ok());
    let between = DescribeError::Overlap { field: "a[]".to_owned(), other: "b[]".to_owned(), offset: 2 };
    assert_eq!(error(pairs(2)), between);
    let many = dimensions(&[(1 << 20, 2)]);
    let pieces = build(1 << 21, 1).array("a[]", "", Kind::U8, 0, &many).array("b[]", "", Kind::U8, 1, &many);
    assert_eq!(error(pieces), DescribeError::Pieces);
    let whole = build(1 << 40, 1).array("a[]", "", Kind::U8, 0, &dimensions(&[(1 << 40, 1)]));
    assert!(whole.finish().is_ok());
    // As many fields as there is room for, and more.
    let fields = |count: u64| {
        (0..count).fold(build(1 << 20, 1), |all, number| all.field(&format!("{number:0>230}"), "", Kind::U8, number))
    };
    assert!(fields(4000).finish().is_ok());
    assert!(matches!(error(fields(5000)), DescribeError::TooLong { found } if found > 1 << 20));
}
