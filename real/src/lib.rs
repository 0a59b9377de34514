#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[cfg(feature = "broken")]
pub mod broken;
mod channel;
mod consumer;
mod creation;
mod description;
mod error;
mod generation;
mod holder;
pub mod inspect;
mod list;
mod message;
mod name;
mod notifier;
mod object;
mod observer;
mod owner;
mod producer;
pub mod ready;
#[allow(unsafe_code, reason = "the one place where memory is mapped and reached")]
mod region;
mod replacement;
mod role;
mod slots;
pub mod status;
mod text;
mod value;
mod waiting;

pub use channel::Channel;
pub use consumer::{Consumer, Sample};
pub use description::{
    DescribeError, Description, DescriptionBuilder, DescriptionError, Dimension, Entry, EntryError, FieldValue, Kind,
    Shape,
};
pub use error::{AcquireError, OpenError, OsError, PeekError, PublishError, RemoveError, WatchError};
pub use holder::{DeathWatch, Holder};
/// The protocols themselves, whose errors are the sources of this package's.
pub use lastword_protocol as protocol;
pub use lastword_protocol::creation::Force;
pub use lastword_protocol::header::{Field, HeaderError, TypeLayout};
pub use lastword_protocol::slots::{
    CAPACITY_MAX, CONSUMERS_MAX, Corrupt, Garbage, LayoutError, PAYLOAD_ALIGN, Recovery, Sequence, Word,
};
pub use list::{ObjectName, objects, remove_unused, unused};
pub use message::Message;
#[doc(hidden)]
pub use message::plain_name;
pub use name::{NameError, ObjectKind};
pub use notifier::Notifier;
pub use observer::{Observer, UntypedObserver};
pub use owner::Owner;
pub use producer::{Loan, Producer};
pub use replacement::Replacement;
pub use role::Role;
pub use text::{Char, Padding, Text};
pub use value::Value;
#[doc(hidden)]
pub use zerocopy;
