//! Looking at what there is, from outside: every channel, mailbox and board, whole or not, and what is in them.
//!
//! For tools. Nothing here takes a role or a lock, creates, waits, or changes anything: objects are opened to read, and
//! read by pread(2). They are not mapped, so that who shortens an object sends no SIGBUS to those who look at it. What
//! is found is believed of nobody: garbage, an object that was cut or is of another version, or what a creator has left
//! half-made is a value of the answer ([`Condition`], [`Problem`]), and the rest is told where it can be.
//!
//! [`survey`] tells of everything, [`Surveyor`] does so again and again, and [`Inspection`] looks at one of them, word
//! by word.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = format!("doc-inspect-{}", std::process::id());
//! # let name = name.as_str();
//! use lastword::inspect::{Condition, Inspection, What, survey};
//! use lastword::{Channel, Role};
//! let channel = Channel::<u64>::new(name)?.consumers(2);
//! let mut producer = channel.producer()?;
//! producer.publish(&42)?;
//!
//! let found = survey(name)?;
//! assert_eq!((found[0].what, found[0].condition), (What::Channel, Condition::Complete));
//! assert_eq!((found[0].messages, found[0].capacity), (Some(1), Some(8)));
//! let holder = found[0].holder(Role::Producer).expect("it is this process");
//! assert_eq!(holder.pid(), Some(std::process::id()));
//! assert!(found[0].holder(Role::Consumer(0)).is_none());
//!
//! let inspection = Inspection::open(name, What::Channel)?;
//! let message = inspection.newest(1 << 20)?.expect("a message is out");
//! assert!(message.is_whole);
//! assert_eq!(message.bytes, 42_u64.to_ne_bytes());
//! # drop(producer);
//! # channel.remove(lastword::Force::No)?;
//! # Ok(())
//! # }
//! ```
//!
//! # How far it can be believed
//!
//! What is told was true when it was read, one thing after the other: together it is no snapshot of what runs. Words
//! are copied by the kernel, 8 aligned bytes at once, as x86-64 and aarch64 do. A message is called whole
//! ([`Payload::is_whole`]) only where the protocol shows that it was published and that nobody wrote to it meanwhile.

mod file;
mod inspection;
mod payload;
mod survey;
mod words;

pub use file::ObjectFile;
pub use inspection::Inspection;
pub use payload::Payload;
pub use survey::{Condition, Problem, RoleState, Survey, Surveyor, What, survey};
pub use words::{Board, Consumer, Place, SleepNote, Slot, Slots, Wait};
