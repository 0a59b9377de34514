//! What a channel says of its messages: programs print them that do not know their type, another type is refused by the
//! first field that differs, and a description that is damaged or hostile is an error.

mod common;

use common::{Pose, Scratch, pose};
use lastword::ready::Mailbox;
use lastword::zerocopy::{FromBytes, Immutable, IntoBytes};
use lastword::{
    Channel, Description, DescriptionError, EntryError, Field, Force, Kind, Message, OpenError, Shape, TypeLayout,
    UntypedObserver, Value,
};
use lastword_protocol::description::{Dimension, Entry, LENGTH_MAX, encode};
use lastword_protocol::header::Header;
use lastword_protocol::slots;
use std::error::Error;
use std::fmt::Debug;

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

    /// A bit of everything.
    #[derive(PartialEq)]
    pub struct Frame {
        /// The largest numbers.
        pub id: u128,
        /// And the smallest.
        pub least: i128,
        /// A matrix.
        pub rotation: [[f64; 2]; 3],
        /// Says its own unit for one of its fields.
        pub center: Point ["m"],
        /// Structs in an array.
        pub corners: [Point; 2] ["m"],
        /// Four bytes.
        pub color: [u8; 4],
        /// A small number.
        pub level: i16 ["dB"],
        /// Another one.
        pub r#type: u16,
        /// Nothing at all.
        pub nothing: [u64; 0],
    }
}

fn frame() -> Frame {
    let corners = [Point { x: 1.0, y: 2.0 }, Point { x: 3.0, y: 4.0 }];
    Frame {
        id: u128::MAX,
        least: i128::MIN,
        rotation: [[1.0, 0.0], [-0.5, 1e300], [f64::NAN, f64::INFINITY]],
        center: Point { x: 0.5, y: -1.5 },
        corners,
        color: [1, 2, 3, 255],
        level: -3,
        r#type: 7,
        nothing: [],
    }
}

/// The observer's newest message, as text.
fn printed(observer: &UntypedObserver) -> Result<String, Box<dyn Error>> {
    let (_, message) = observer.peek()?.ok_or("no message is out")?;
    Ok(observer.description().text(&message).to_string())
}

/// Puts another description into a channel's locks object, with a header that agrees.
fn plant_description(scratch: &Scratch, section: &[u8]) -> Outcome {
    let mut bytes = std::fs::read(scratch.path("locks"))?;
    let words: Vec<u64> = bytes.as_chunks().0.iter().take(24).map(|word| u64::from_ne_bytes(*word)).collect();
    let header = Header::parse(&words, bytes.len() as u64)?;
    let layout = slots::Layout::new(u8::try_from(header.consumers)?, usize::try_from(header.capacity)?)?;
    bytes.truncate(layout.length(slots::Object::Locks).next_multiple_of(8));
    bytes.extend_from_slice(section);
    let header = Header { length: bytes.len() as u64, ..header };
    for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(header.encode()) {
        *place = word.to_ne_bytes();
    }
    scratch.plant("locks", &bytes);
    Ok(())
}

/// The checksum is made to agree with the entries.
fn sealed(entries: &[u8]) -> Vec<u8> {
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let checksum: u64 = entries.iter().fold(0xcbf2_9ce4_8422_2325, hash);
    [entries, &checksum.to_ne_bytes()].concat()
}

/// A channel of poses, of which one was published.
fn existing() -> Result<(Scratch, Channel<Pose>), Box<dyn Error>> {
    let scratch = Scratch::new();
    let channel = Channel::new(scratch.name())?.consumers(2);
    channel.producer()?.publish(&pose(1))?;
    Ok((scratch, channel))
}

#[test]
fn a_message_of_any_type_is_printed_by_who_does_not_know_it() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Frame>::new(scratch.name())?.consumers(3);
    let mut producer = channel.producer()?;
    let observer = UntypedObserver::open(scratch.name())?;
    assert_eq!((observer.peek()?, observer.newest()?), (None, None));
    assert_eq!((observer.consumers(), observer.capacity()), (3, size_of::<Frame>()));
    producer.publish(&frame())?;
    let expected = "id: 340282366920938463463374607431768211455\n\
        least: -170141183460469231731687303715884105728\n\
        rotation[][]: [[1.0, 0.0], [-0.5, 1e300], [NaN, inf]]\n\
        center.x: 0.5 m\n\
        center.y: -1.5 px\n\
        corners[].x: [1.0, 3.0] m\n\
        corners[].y: [2.0, 4.0] px\n\
        color[]: [1, 2, 3, 255]\n\
        level: -3 dB\n\
        type: 7\n";
    assert_eq!(printed(&observer)?, expected);
    let (sequence, message) = observer.peek()?.ok_or("no message is out")?;
    assert_eq!((sequence.get(), message.as_slice()), (1, frame().as_bytes()));
    let json = observer.description().json(&message).to_string();
    let expected = r#"{"id":340282366920938463463374607431768211455,"least":-170141183460469231731687303715884105728,"#;
    assert!(json.starts_with(expected), "{json}");
    let expected = r#""rotation[][]":[[1.0,0.0],[-0.5,1e300],[null,null]],"center.x":0.5,"center.y":-1.5,"#;
    assert!(json.contains(expected), "{json}");
    assert!(json.ends_with(r#""color[]":[1,2,3,255],"level":-3,"type":7}"#), "{json}");
    Ok(())
}

#[test]
fn what_is_noted_is_what_the_type_says() -> Outcome {
    let scratch = Scratch::new();
    drop(Channel::<Frame>::new(scratch.name())?.producer()?);
    let found = UntypedObserver::open(scratch.name())?.description().clone();
    assert_eq!(found, Description::of::<Frame>()?);
    assert_eq!((found.message_type().name(), found.message_type().size), ("Frame", size_of::<Frame>() as u64));
    let fields: Vec<_> = found.fields().map(|field| field.to_string()).collect();
    let corner = std::mem::offset_of!(Frame, corners);
    assert_eq!(fields[2], "rotation[0..3][0..2]: f64 at byte 32");
    assert_eq!(fields[6], format!("corners[0..2].y: f32 at byte {}, in px", corner + 4));
    let field = found.fields().nth(5).ok_or("no such field")?;
    assert_eq!((field.name, field.unit, field.kind, field.offset), ("corners[].x", "m", Kind::F32, corner as u64));
    assert_eq!(field.dimensions(), [Dimension { count: 2, stride: 8 }]);
    let frame = frame();
    let elements: Vec<_> = found.values(frame.as_bytes()).map(|value| value.elements().collect::<Vec<_>>()).collect();
    assert_eq!(elements[0], [Value::Unsigned(u128::MAX)]);
    assert_eq!(elements[2][..4], [1.0, 0.0, -0.5, 1e300].map(Value::F64));
    assert_eq!(elements[6], [Value::F32(2.0), Value::F32(4.0)]);
    assert_eq!(elements[8], [Value::Signed(-3)]);
    assert!(found.to_string().contains("center.y: f32 at byte"), "{found}");
    Ok(())
}

#[test]
fn messages_that_are_no_structs_are_described_too() -> Outcome {
    let text = |description: Result<Description, DescriptionError>, message: &[u8]| {
        description.map(|description| description.text(message).to_string())
    };
    assert_eq!(text(Description::of::<u64>(), 7_u64.as_bytes())?, "value: 7\n");
    assert_eq!(text(Description::of::<[i8; 3]>(), [-1_i8, 0, 1].as_bytes())?, "value[]: [-1, 0, 1]\n");
    let points = [Point { x: 1.0, y: 2.0 }; 2];
    let expected = "value[].x: [1.0, 1.0]\nvalue[].y: [2.0, 2.0] px\n";
    assert_eq!(text(Description::of::<[Point; 2]>(), points.as_bytes())?, expected);
    assert_eq!(Description::of::<[u8]>()?.fields().count(), 0);
    assert_eq!(Description::of::<[u8]>()?.json(b"abc").to_string(), "{}");
    Ok(())
}

/// A type that implements [`Message`] by hand, and does not say what it consists of.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
struct Secret(u64);

impl Message for Secret {
    const LAYOUT: TypeLayout = TypeLayout::new("Secret", 8, 8, &[]);
}

#[test]
fn channels_that_say_nothing_of_their_messages_are_seen_as_bytes() -> Outcome {
    let scratch = Scratch::new();
    let channel = Channel::<Secret>::new(scratch.name())?;
    channel.producer()?.publish(&Secret(5))?;
    let observer = UntypedObserver::open(scratch.name())?;
    assert_eq!(observer.description().fields().count(), 0);
    assert_eq!(observer.peek()?.map(|(_, message)| message), Some(5_u64.to_ne_bytes().to_vec()));

    let bytes = Scratch::new();
    let mut producer = Channel::bytes(bytes.name(), 100)?.producer()?;
    producer.publish(b"of any length")?;
    let observer = UntypedObserver::open(bytes.name())?;
    assert_eq!(observer.peek()?.map(|(_, message)| message), Some(b"of any length".to_vec()));
    assert_eq!(*observer.description().message_type(), TypeLayout::BYTES);
    // As long as the layout, to the byte: there is nothing to say.
    let length = slots::Layout::new(8, 100)?.length(slots::Object::Locks) as u64;
    assert_eq!(bytes.path("locks").metadata()?.len(), length);
    Ok(())
}

mod other {
    macro_rules! poses {
        ($($module:ident { $($field:ident : $kind:ty $([$unit:literal])?),* })*) => {$(
            pub(crate) mod $module {
                lastword::message! {
                    /// Nearly the other one.
                    pub(crate) struct Pose {
                        $(
                            /// A field.
                            pub(crate) $field: $kind $([$unit])?
                        ),*
                    }
                }
            }
        )*};
    }

    poses! {
        name { x: f64, z: f64, at_ns: u64 }
        kind { x: f64, y: u64, at_ns: u64 }
        place { x: f64, at_ns: u64, y: f64 }
        unit { x: f64, y: f64, at_ns: u64 ["ns"] }
        shorter { x: f64, y: f64 }
        longer { x: f64, y: f64, at_ns: u64, more: u64 }
    }
}

#[test]
fn another_type_is_refused_by_the_first_field_that_differs() -> Outcome {
    fn refused<T: Message + Debug>(scratch: &Scratch) -> Result<[String; 2], Box<dyn Error>> {
        let channel = Channel::<T>::new(scratch.name())?;
        let by_role = channel.producer().expect_err("another type");
        assert_eq!(channel.observer().expect_err("another type"), by_role);
        assert_eq!(channel.any_consumer().expect_err("another type"), by_role);
        match by_role {
            OpenError::Mismatch { field: "message type", found, expected, .. } => Ok([found, expected]),
            error => Err(format!("{error:?}").into()),
        }
    }
    let (scratch, channel) = existing()?;
    let with = |field: &str| format!("Pose (24 bytes, aligned to 8) with the field {field}");
    let y = with("y: f64 at byte 8");
    assert_eq!(refused::<other::name::Pose>(&scratch)?, [y.clone(), with("z: f64 at byte 8")]);
    assert_eq!(refused::<other::kind::Pose>(&scratch)?, [y.clone(), with("y: u64 at byte 8")]);
    assert_eq!(refused::<other::place::Pose>(&scratch)?, [y, with("at_ns: u64 at byte 8")]);
    let at = with("at_ns: u64 at byte 16");
    assert_eq!(refused::<other::unit::Pose>(&scratch)?, [at.clone(), with("at_ns: u64 at byte 16, in ns")]);
    let shorter = "Pose (16 bytes, aligned to 8) without another field".to_owned();
    assert_eq!(refused::<other::shorter::Pose>(&scratch)?, [at, shorter]);
    let longer = "Pose (32 bytes, aligned to 8) with the field more: u64 at byte 24".to_owned();
    let shorter = "Pose (24 bytes, aligned to 8) without another field".to_owned();
    assert_eq!(refused::<other::longer::Pose>(&scratch)?, [shorter, longer]);
    // Of types that say nothing, or the same, the hashes are left.
    let [found, expected] = refused::<Secret>(&scratch)?;
    assert!(found.contains("x: f64 at byte 0") && expected.contains("Secret (8 bytes, aligned to 8)"), "{expected}");
    channel.producer()?;
    Ok(())
}

#[test]
fn a_damaged_description_is_told_wherever_the_damage_is_and_disturbs_no_role() -> Outcome {
    let (scratch, channel) = existing()?;
    let intact = std::fs::read(scratch.path("locks"))?;
    let start = slots::Layout::new(2, 24)?.length(slots::Object::Locks);
    assert!(intact.len() > start);
    for at in start..intact.len() {
        for bit in [0, 5, 7] {
            let mut damaged = intact.clone();
            damaged[at] ^= 1 << bit;
            scratch.plant("locks", &damaged);
            let error = UntypedObserver::open(scratch.name()).expect_err("it is damaged");
            let is_checksum = matches!(error, OpenError::Description { source: DescriptionError::Checksum { .. }, .. });
            assert!(is_checksum && error.to_string().contains(scratch.name()), "{error}");
            assert_eq!(channel.observer()?.peek()?.map(|(_, pose)| pose), Some(pose(1)));
            let other = Channel::<u64>::new(scratch.name())?.observer().expect_err("another type");
            assert!(matches!(other, OpenError::Mismatch { field: "message type", .. }), "{other:?}");
        }
    }
    channel.producer()?.publish(&pose(2))?;
    assert!(channel.remove(Force::No)?);
    Ok(())
}

#[test]
fn a_hostile_description_is_an_error_and_no_panic() -> Outcome {
    let entry = |kind: u8, lengths: [u8; 2], dimensions: &[[u64; 2]], offset: u64, texts: &[u8]| {
        let mut bytes = vec![kind, lengths[0], lengths[1], dimensions.len() as u8, 0, 0, 0, 0];
        bytes.extend(offset.to_ne_bytes());
        bytes.extend(dimensions.iter().flatten().flat_map(|number| number.to_ne_bytes()));
        bytes.extend(texts);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let f64 = Kind::F64 as u8;
    let outside = EntryError::Outside { size: 24 };
    let mut not_zero = entry(f64, [1, 0], &[], 0, b"x");
    not_zero[5] = 1;
    let hostile = [
        (entry(0, [1, 0], &[], 0, b"x"), EntryError::UnknownKind { found: 0 }),
        (entry(200, [1, 0], &[], 0, b"x"), EntryError::UnknownKind { found: 200 }),
        (entry(f64, [0, 0], &[], 0, b""), EntryError::Name),
        (entry(f64, [1, 0], &[], 0, b"\xff"), EntryError::Name),
        (entry(f64, [4, 0], &[], 0, b"\x1b[2J"), EntryError::Name),
        (entry(f64, [3, 0], &[], 0, "\u{202e}".as_bytes()), EntryError::Name),
        (entry(f64, [1, 1], &[], 0, b"x\n"), EntryError::Unit),
        (entry(f64, [1, 33], &[], 0, &[b'x'; 34]), EntryError::Unit),
        (entry(f64, [1, 0], &[], 17, b"x"), outside),
        (entry(f64, [1, 0], &[], u64::MAX, b"x"), outside),
        (entry(f64, [1, 0], &[[4, 8]], 0, b"x"), outside),
        (entry(f64, [1, 0], &[[u64::MAX, 8]], 0, b"x"), EntryError::Dimensions),
        (entry(f64, [1, 0], &[[0, 8]], 0, b"x"), EntryError::Dimensions),
        // As many elements as there are numbers, all of them in the same place.
        (entry(f64, [1, 0], &[[u64::MAX, 0]], 0, b"x"), EntryError::Dimensions),
        (entry(f64, [1, 0], &[[2, 8], [3, 8]], 0, b"x"), EntryError::Dimensions),
        (entry(f64, [1, 0], &[[1, 8]; 9], 0, b"x"), EntryError::Dimensions),
        (entry(f64, [255, 0], &[], 0, b"x"), EntryError::CutOff),
        (entry(f64, [1, 0], &[], 0, b"xyz"), EntryError::NotZero),
        (not_zero, EntryError::NotZero),
        (vec![f64; 8], EntryError::CutOff),
    ];
    let (scratch, _channel) = existing()?;
    let good = entry(f64, [1, 0], &[], 16, b"a");
    for (bytes, why) in hostile {
        for number in [0, 1] {
            plant_description(&scratch, &sealed(&[&good.repeat(number)[..], &bytes].concat()))?;
            let error = UntypedObserver::open(scratch.name()).expect_err("it is hostile");
            let source = DescriptionError::Entry { number, why };
            assert_eq!(error, OpenError::Description { object: format!("/lastword-{}.locks", scratch.name()), source });
        }
    }
    plant_description(&scratch, &sealed(&good))?;
    assert_eq!(printed(&UntypedObserver::open(scratch.name())?)?, format!("a: {:?}\n", f64::from_bits(1)));
    Ok(())
}

#[test]
fn an_object_of_a_length_that_no_description_has_is_refused() -> Outcome {
    let (scratch, channel) = existing()?;
    // The longest that there can be is read, and found to be none.
    plant_description(&scratch, &vec![0; LENGTH_MAX])?;
    let error = UntypedObserver::open(scratch.name()).expect_err("zeros");
    assert!(matches!(error, OpenError::Description { .. }), "{error:?}");
    assert!(channel.observer().is_ok());
    for length in [4, 8, 20, LENGTH_MAX + 8] {
        plant_description(&scratch, &vec![0; length])?;
        let is_refused =
            |error: Option<OpenError>| matches!(error, Some(OpenError::Mismatch { field: "length in bytes", .. }));
        assert!(is_refused(UntypedObserver::open(scratch.name()).err()), "{length}");
        assert!(is_refused(channel.observer().err()) && is_refused(channel.producer().err()), "{length}");
    }
    // Shorter than the layout.
    let bytes = std::fs::read(scratch.path("locks"))?;
    let words: Vec<u64> = bytes.as_chunks().0.iter().take(24).map(|word| u64::from_ne_bytes(*word)).collect();
    let header = Header { length: 256, ..Header::parse(&words, bytes.len() as u64)? };
    let mut cut: Vec<u8> = header.encode().into_iter().flat_map(u64::to_ne_bytes).collect();
    cut.resize(256, 0);
    scratch.plant("locks", &cut);
    assert!(channel.observer().is_err() && UntypedObserver::open(scratch.name()).is_err());
    Ok(())
}

#[test]
fn a_message_of_any_length_is_printed_without_a_panic() -> Outcome {
    let description = Description::of::<Frame>()?;
    let message = frame();
    for length in 0..=size_of::<Frame>() {
        let cut = &message.as_bytes()[..length];
        let (text, json) = (description.text(cut).to_string(), description.json(cut).to_string());
        assert_eq!(text.lines().count(), 10);
        assert_eq!((json.matches('[').count(), json.starts_with('{')), (json.matches(']').count(), true));
        let elements: usize = description.values(cut).map(|value| value.elements().count()).sum();
        assert_eq!(elements == 20, length == size_of::<Frame>(), "{length}");
    }
    Ok(())
}

#[test]
fn a_kind_that_no_message_has_is_shown_as_it_is_found() -> Outcome {
    let (scratch, _channel) = existing()?;
    let mut section = Vec::new();
    let flags = Entry::new("flags[]", "", Kind::Bool, 0).with_dimensions(&[Dimension { count: 8, stride: 1 }])?;
    encode([flags], 24, &mut section)?;
    plant_description(&scratch, &section)?;
    // The bytes of 1.0.
    let expected = "flags[]: [false, false, false, false, false, false, 240, 63]\n";
    assert_eq!(printed(&UntypedObserver::open(scratch.name())?)?, expected);
    Ok(())
}

mod long {
    lastword::message! {
        /// As long a name as a line has room for.
        pub struct Inner {
            /// 95 letters.
            pub aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: u8,
        }

        /// As long a path as may be.
        pub struct Middle {
            /// 95 letters.
            pub aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: Inner,
        }

        /// Too long a path.
        pub struct Outer {
            /// 95 letters.
            pub aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: Middle,
        }
    }
}

#[test]
fn a_type_that_cannot_be_described_is_refused_at_creation_and_leaves_nothing() -> Outcome {
    let scratch = Scratch::new();
    let error = Channel::<long::Outer>::new(scratch.name())?.producer().expect_err("too long a path");
    let source = DescriptionError::Entry { number: 0, why: EntryError::Name };
    assert_eq!(error, OpenError::NotDescribed { channel: scratch.name().to_owned(), source });
    assert!(scratch.is_gone());
    drop(Channel::<long::Middle>::new(scratch.name())?.producer()?);
    let deep = Description::of::<[[[[[[[[[u8; 1]; 1]; 1]; 1]; 1]; 1]; 1]; 1]; 1]>().expect_err("nine dimensions");
    assert_eq!(deep, DescriptionError::Entry { number: 0, why: EntryError::Dimensions });
    Ok(())
}

/// Says of all its bytes what they are, and of some of them twice.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
struct Overlapping(u64);

impl Message for Overlapping {
    const LAYOUT: TypeLayout = TypeLayout::of("Overlapping", 8, 8, &Self::SHAPE, &[]);
    const SHAPE: Shape = Shape::Struct {
        fields: &[
            Field { name: "all", kind: "u64", offset: 0, size: 8, unit: "", shape: Shape::Scalar(Kind::U64) },
            Field { name: "half", kind: "u32", offset: 4, size: 4, unit: "", shape: Shape::Scalar(Kind::U32) },
        ],
    };
}

#[test]
fn a_shape_that_whoever_reads_it_would_refuse_is_refused_at_creation_and_leaves_nothing() -> Outcome {
    let source = DescriptionError::Entry { number: 1, why: EntryError::Overlap { size: 8 } };
    assert_eq!(Description::of::<Overlapping>(), Err(source));
    let scratch = Scratch::new();
    let expected = OpenError::NotDescribed { channel: scratch.name().to_owned(), source };
    let error = Channel::<Overlapping>::new(scratch.name())?.producer().expect_err("its fields overlap");
    assert_eq!(error, expected);
    let error = Mailbox::<Overlapping>::new(scratch.name())?.writer().expect_err("its fields overlap");
    assert_eq!(error, expected);
    assert!(scratch.is_gone());
    Ok(())
}

#[test]
fn an_untyped_observer_says_what_is_wrong_with_what_it_finds() -> Outcome {
    let scratch = Scratch::new();
    let missing = UntypedObserver::open(scratch.name()).expect_err("nothing is there");
    assert!(matches!(missing, OpenError::NotFound { .. }), "{missing:?}");
    assert!(matches!(UntypedObserver::open("a/b"), Err(OpenError::Name(_))));
    let (scratch, _channel) = existing()?;
    let observer = UntypedObserver::open(scratch.name())?;
    // The length of the message in slot 0: another one than the type's.
    scratch.patch("data", (384 + 8) / 8, |_| 23);
    let error = observer.peek().expect_err("a wrong length");
    assert!(error.to_string().contains("slot[0].length"), "{error}");
    // A data object of another type, with everything else as it should be.
    let (other, _kept) = existing()?;
    std::fs::copy(other.path("data"), scratch.path("data"))?;
    let error = UntypedObserver::open(scratch.name()).expect_err("of another pair");
    assert!(matches!(error, OpenError::Mismatch { .. }), "{error:?}");
    Ok(())
}
