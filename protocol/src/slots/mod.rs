//! slots
mod consumer;
pub mod layout;
mod observer;
mod producer;
pub mod site;
mod word;
pub use crate::sequence::Sequence;
pub use consumer::{Consumer, Message, Recovery};
pub use layout::{CAPACITY_MAX, CONSUMERS_MAX, Layout, LayoutError, Object, PAYLOAD_ALIGN};
pub use observer::{Observer, PeekError};
pub use producer::{Loan, Producer, PublishError};
pub use word::{Corrupt, Garbage, Lock, Stamp, Word};
