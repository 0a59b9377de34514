//! What can be a message.

use lastword_protocol::header::TypeLayout;
use lastword_protocol::slots::{Corrupt, Garbage, Message as Locked, PAYLOAD_ALIGN, Sequence, Word};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A type whose values travel through a channel.
///
/// Every pattern of bytes is a value of it (`FromBytes`), so that garbage in shared memory makes a wrong value and never
/// undefined behaviour. [`message!`](crate::message!) declares structs with it; integers, floats, and arrays of messages
/// have it; `[u8]` is a message of bytes, of any length up to the channel's capacity.
///
/// Two programs understand each other if their [`LAYOUT`](Self::LAYOUT)s are equal.
pub trait Message: FromBytes + IntoBytes + Immutable {
    /// What two programs must agree on: name, size, alignment, and the fields' names, types and offsets.
    const LAYOUT: TypeLayout;
}

impl Message for [u8] {
    const LAYOUT: TypeLayout = TypeLayout::BYTES;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Message for $number {
            const LAYOUT: TypeLayout =
                TypeLayout::new(stringify!($number), size_of::<$number>(), align_of::<$number>(), &[]);
        }
    )*};
}

numbers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 }

impl<T: Message, const N: usize> Message for [T; N] {
    const LAYOUT: TypeLayout =
        TypeLayout::new("array", size_of::<Self>(), align_of::<Self>(), &[]).containing(&T::LAYOUT);
}

/// The length that every message of `T` has; `None` for bytes, whose length varies.
pub(crate) fn fixed_length<T: Message + ?Sized>() -> Option<usize> {
    const { assert!(T::LAYOUT.align <= PAYLOAD_ALIGN as u64, "a message's alignment is at most 64") };
    if T::LAYOUT == TypeLayout::BYTES { None } else { usize::try_from(T::LAYOUT.size).ok() }
}

/// Checks that a message found has a length that messages of `T` have.
pub(crate) fn check_length<T: Message + ?Sized>(length: usize, slot: u8) -> Result<(), Corrupt> {
    match fixed_length::<T>() {
        Some(fixed) if fixed != length => Err(Corrupt {
            word: Word::Length(slot),
            found: length as u64,
            why: Garbage::Unexpected { expected: "the size of the channel's message type" },
        }),
        _ => Ok(()),
    }
}

/// As [`check_length`], of a message that a consumer has locked.
pub(crate) fn check_locked<T: Message + ?Sized>(message: &Locked) -> Result<Sequence, Corrupt> {
    check_length::<T>(message.length(), message.stamp().slot()).map(|()| message.stamp().sequence())
}

/// Declares structs that are messages.
///
/// Each becomes `#[repr(C)]`, `Clone`, `Copy` and `Debug`, and a [`Message`](crate::Message). Every field is a message
/// of fixed size itself. The compiler refuses structs with padding, whose bytes would be undefined: order the fields by
/// size, or name the gap (`pub unused: [u8; 4]`). The path `::lastword` must be this package.
///
/// ```
/// lastword::message! {
///     /// Where the arm is.
///     pub struct Pose {
///         /// Metres.
///         pub x: f64,
///         /// Metres.
///         pub y: f64,
///         /// Nanoseconds since the start.
///         pub at_ns: u64,
///     }
/// }
/// let pose = Pose { x: 1.0, y: 2.0, at_ns: 3 };
/// assert_eq!(pose.x, 1.0);
/// ```
#[macro_export]
macro_rules! message {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident : $kind:ty),* $(,)?
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
            const LAYOUT: $crate::TypeLayout = $crate::TypeLayout::new(
                ::core::stringify!($name),
                ::core::mem::size_of::<$name>(),
                ::core::mem::align_of::<$name>(),
                &[$($crate::Field {
                    name: ::core::stringify!($field),
                    kind: ::core::stringify!($kind),
                    offset: ::core::mem::offset_of!($name, $field),
                    size: ::core::mem::size_of::<$kind>(),
                }),*],
            )
            $(.containing(&<$kind as $crate::Message>::LAYOUT))*;
        }
    )+};
}
