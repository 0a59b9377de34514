//! # `slots`: every consumer locks the most recent message, and anybody may be killed
//!
//! **Problem.** N processes share N+1 slots. One of them, the producer, publishes messages; each of the other C = N-1,
//! the consumers, locks the most recent one in place for as long as it likes. Nobody waits for anybody, every operation
//! ends in a bounded number of its own steps, and every process may be killed at any instruction, or stopped for ever,
//! and be started again.
//!
//! **Legal states.** A consumer's lock word is Free, Claim, Tentative(stamp) or Held(stamp): the table, who may write
//! which and what recovery makes of it are at [`Lock`], the packed words at [`Word`], [`Stamp`] and [`Lock`].
//!
//! ```text
//!                         announce, from Free or, giving up what is held, from Held
//!                               v
//!         abandon           Tentative ------ hold ------> Held ---- release ----> Free
//!   Free <------- Tentative,    |                        ^    ^
//!                 Claim         | claim           settle |    | help
//!                               v          (the consumer)|    | (the producer)
//!                             Claim ---------------------+----+
//! ```
//!
//! Settle and help are compare-exchanges. Abandon is recovery, or an acquire that found garbage.
//!
//! **Memory.** The two objects are drawn at [`layout`].
//!
//! **Invariants.**
//! 1. A slot that `latest` or a Held lock names is not written.
//! 2. `latest` names a complete message.
//! 3. A publish finds a free slot: C lock words and `latest` name at most C+1 of the C+2 slots.
//! 4. The sequence numbers that a consumer sees never go back, and an acquire gives a message at least as new as the
//!    newest one whose publish returned before it began.
//! 5. Every operation, recovery too, ends within a bounded number of its own steps, whatever the others do.
//! 6. A slot that is only Tentative is not read.
//! 7. A consumer that sleeps although there is a message which it has not seen is woken: by the process that published
//!    it, or, if that one died in between, by the next that takes up the producer's role. Until there is one, it sleeps
//!    for at most the time it asked for.
//!
//! Together they make the channel an atomic register with one writer: strictly linearizable, so that a publish which a
//! kill interrupts has taken effect before the kill, or never will.
//!
//! **Sleeping.** A consumer that has seen the newest message may sleep until there is another: it notes in `wait[c]`
//! what `latest` is, and sleeps on that word, which the kernel compares again, for as long as it does not change. A
//! producer that has published looks at the wait words, and wakes who sleeps on what `latest` was before. Nothing has
//! to be cleared or counted, so a death leaves nothing to put right: an old wait word costs at most one call to the
//! kernel for nobody.
//!
//! **Who may write what.** The producer: `latest`, the slots, and a lock word from Claim to Held. Consumer c: `lock[c]`
//! and `wait[c]`. An observer: nothing.
//!
//! **Orderings.** [`site`], and nowhere else.
//!
//! **What a death leaves.**
//!
//! | killed | at | is left | and then |
//! |---|---|---|---|
//! | producer | anywhere before `slots.publish` | a free slot with any content | the next publish may take it |
//! | producer | after `slots.publish` | the message, out | the successor goes on from its number, and wakes who sleeps |
//! | producer | after `slots.help` | a consumer helped | it finds its message |
//! | consumer | before `slots.announce` | what it held before | the successor may read it |
//! | consumer | before `slots.hold` or `slots.settle` | Tentative or Claim | one slot is spared until the successor frees it |
//! | consumer | after them | Held | the successor may read it |
//! | consumer | asleep, or before | a wait word | at most one wake in vain |
//! | consumer | in recovery | the same as before | recovery begins again |
//! | observer | anywhere | nothing | |
//!
//! A dead consumer costs the one slot that the channel has for it. Nobody cleans up after it but its successor.
//!
//! **Assumptions.** The kernel keeps two processes from one role and hands it on only after the holder is dead; memory
//! is coherent across that hand-over; words are read and written whole. Power loss is out of scope.
//!
//! **Origin.** Chen and Burns' asynchronous reader/writer mechanism (J. Chen, A. Burns, *A fully asynchronous
//! reader/writer mechanism for multiprocessor real-time systems*, University of York YCS-288, 1997): N+2 buffers for N
//! readers. Ours has a fast path without a compare-exchange, helping only on request, and recovery.
//!
//! **Checked** by the simulator (`lastword-sim`: every run of small scenarios with several kills, four memory models),
//! with loom (every access a kill point, weak memory), shuttle (large runs) and proptest, all against
//! [`model::slots`](crate::model::slots); each ordering and each step is shown to be needed (`tests/broken.rs`). Run
//! over POSIX shared memory by the package `lastword`.
//!
//! **Specified** in TLA+ (`specs/tla/Slots.tla`), with one action for each [`site`], of the same name; executions of this
//! source are checked to be behaviours of that, and invariants 1 to 4, 6 and 7 are proved there for any number of
//! consumers and messages.

mod consumer;
pub mod layout;
mod observer;
mod producer;
pub mod site;
mod waiter;
mod word;

pub use crate::sequence::Sequence;
pub use consumer::{Consumer, Message, Recovery};
pub use layout::{CAPACITY_MAX, CONSUMERS_MAX, Layout, LayoutError, Object, PAYLOAD_ALIGN};
pub use observer::{Observer, PeekError};
pub use producer::{Loan, Producer, PublishError};
pub use waiter::{Doze, Waiter};
pub use word::{Corrupt, Garbage, Lock, Stamp, Word, asleep_on};
