//! What can be a message.

use lastword_protocol::description::{Kind, Shape};
use lastword_protocol::header::TypeLayout;
use lastword_protocol::slots::{Corrupt, Garbage, Message as Locked, PAYLOAD_ALIGN, Sequence, Word};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A type whose values travel through a channel.
///
/// Every pattern of bytes is a value of it (`FromBytes`), so that garbage in shared memory makes a wrong value and
/// never undefined behaviour. [`message!`](crate::message!) declares structs with it; integers, floats, and arrays of
/// messages have it; `[u8]` is a message of bytes, of any length up to the channel's capacity.
///
/// Two programs understand each other if their [`LAYOUT`](Self::LAYOUT)s are equal. They are if the types have the same
/// name, size and alignment, and fields of the same names, kinds, places and units: in another program, or in a
/// [`Description`](crate::Description) that was [built](crate::Description::build) at run time.
///
/// A type that is declared in another way can implement this by hand. [`SHAPE`](Self::SHAPE) is then what tools see of
/// its messages; without it they see bytes.
pub trait Message: FromBytes + IntoBytes + Immutable {
    /// What two programs must agree on: name, size, alignment, and the fields' names, types, offsets and units.
    const LAYOUT: TypeLayout;

    /// What a message consists of, which is noted in the channel for programs that do not know the type.
    const SHAPE: Shape = Shape::Opaque;
}

impl Message for [u8] {
    const LAYOUT: TypeLayout = TypeLayout::BYTES;
}

macro_rules! numbers {
    ($($number:ty, $kind:ident;)*) => {$(
        impl Message for $number {
            const LAYOUT: TypeLayout =
                TypeLayout::of(stringify!($number), size_of::<$number>(), align_of::<$number>(), &Self::SHAPE, &[]);
            const SHAPE: Shape = Shape::Scalar(Kind::$kind);
        }
        const _: () = assert!(size_of::<$number>() == Kind::$kind.size());
    )*};
}

numbers! {
    u8, U8; u16, U16; u32, U32; u64, U64; u128, U128; usize, U64;
    i8, I8; i16, I16; i32, I32; i64, I64; i128, I128; isize, I64;
    f32, F32; f64, F64;
}

impl<T: Message, const N: usize> Message for [T; N] {
    const LAYOUT: TypeLayout =
        TypeLayout::of("array", size_of::<Self>(), align_of::<Self>(), &Self::SHAPE, &[T::LAYOUT]);
    const SHAPE: Shape = Shape::Array { element: &T::SHAPE, count: N, stride: size_of::<T>() };
}

/// A name as other languages write it: that of `r#type` is `type`. For this package's macros.
#[doc(hidden)]
#[must_use]
pub const fn plain_name(identifier: &'static str) -> &'static str {
    match identifier.as_bytes() {
        [b'r', b'#', ..] => identifier.split_at(2).1,
        _ => identifier,
    }
}

/// The length that every message of `T` has; `None` for bytes, whose length varies.
#[inline]
pub(crate) fn fixed_length<T: Message + ?Sized>() -> Option<usize> {
    const {
        assert!(T::LAYOUT.align <= PAYLOAD_ALIGN as u64, "a message's alignment is at most 64");
        if T::LAYOUT.is_bytes() { None } else { Some(T::LAYOUT.size as usize) }
    }
}

/// Checks that a message found has a length that messages of `T` have.
#[inline]
pub(crate) fn check_length<T: Message + ?Sized>(length: usize, slot: u8) -> Result<(), Corrupt> {
    check_fixed_length(fixed_length::<T>(), length, slot)
}

/// Checks that a message found has the length that all have, if they have one.
#[inline]
pub(crate) fn check_fixed_length(fixed: Option<usize>, length: usize, slot: u8) -> Result<(), Corrupt> {
    match fixed {
        Some(fixed) if fixed != length => Err(Corrupt {
            word: Word::Length(slot),
            found: length as u64,
            why: Garbage::Unexpected { expected: "the size of the channel's message type" },
        }),
        _ => Ok(()),
    }
}

/// As [`check_length`], of a message that a consumer has locked. Messages of bytes may be known to have one length,
/// too.
#[inline]
pub(crate) fn check_locked<T: Message + ?Sized>(message: &Locked, fixed: Option<usize>) -> Result<Sequence, Corrupt> {
    let fixed = fixed_length::<T>().or(fixed);
    check_fixed_length(fixed, message.length(), message.stamp().slot()).map(|()| message.stamp().sequence())
}

/// Declares structs that are messages.
///
/// Each becomes `#[repr(C)]`, `Clone`, `Copy` and `Debug`, and a [`Message`](crate::Message). Every field is a message
/// of fixed size itself; texts are [`Text`](crate::Text). The compiler refuses structs with padding, whose bytes would
/// be undefined: order the fields by size, or name the gap (`pub gap: Padding<4>`, see [`Padding`](crate::Padding)).
/// The path `::lastword` must be this package.
///
/// A unit may follow a field's type in brackets. The fields' names, types, places and units are noted in the channel,
/// so that any program can print its messages ([`UntypedObserver`](crate::UntypedObserver)); two programs must agree on
/// all of them. A unit goes for all numbers of an array or a struct that say none of their own. A name that is a word
/// of Rust's is noted without its `r#`, as other languages write it.
///
/// ```
/// lastword::message! {
///     /// Where the arm is.
///     pub struct Pose {
///         /// East of the base.
///         pub x: f64 ["m"],
///         /// North of the base.
///         pub y: f64 ["m"],
///         /// Since the start.
///         pub at: u64 ["ns"],
///         /// How often the arm has moved.
///         pub moves: u64,
///     }
/// }
/// let pose = Pose { x: 1.0, y: 2.0, at: 3, moves: 4 };
/// assert_eq!(pose.x, 1.0);
/// ```
//
// A reflection crate in this macro's place would have to work in programs that forbid `unsafe`, and to be small.
// `facet`
// 0.46, the one that knows offsets, is an `unsafe trait`, which its derive implements in the caller's crate; it knows
// far more than is needed here, and had a breaking release each few weeks.
#[macro_export]
macro_rules! message {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident : $kind:ty $([$unit:literal])?),* $(,)?
        }
    )+) => {$(
        $(#[$attribute])*
        #[derive(
            Clone,
            Copy,
            Debug,
            $crate::zerocopy::FromBytes,
            $crate::zerocopy::IntoBytes,
            $crate::zerocopy::Immutable,
        )]
        #[zerocopy(crate = "lastword::zerocopy")]
        #[repr(C)]
        $visibility struct $name {
            $($(#[$field_attribute])* $field_visibility $field: $kind,)*
        }

        impl $crate::Message for $name {
            const LAYOUT: $crate::TypeLayout = $crate::TypeLayout::of(
                $crate::plain_name(::core::stringify!($name)),
                ::core::mem::size_of::<$name>(),
                ::core::mem::align_of::<$name>(),
                &<$name as $crate::Message>::SHAPE,
                &[$(<$kind as $crate::Message>::LAYOUT),*],
            );
            const SHAPE: $crate::Shape = $crate::Shape::Struct {
                fields: &[$($crate::Field {
                    name: $crate::plain_name(::core::stringify!($field)),
                    kind: ::core::stringify!($kind),
                    offset: ::core::mem::offset_of!($name, $field),
                    size: ::core::mem::size_of::<$kind>(),
                    unit: ::core::concat!($($unit)?),
                    shape: <$kind as $crate::Message>::SHAPE,
                }),*],
            };
        }
    )+};
}
