//! Runs lastword's protocols in every interleaving, with a kill at every access.
//!
//! The source that runs is the source that ships: [`lastword_protocol`] reaches memory through a trait, and here
//! that trait is a [memory model](memory). Its processes are [turned into data](program), so that a [world] of them can
//! be at any of its states again, and a search can [go through all of them](exhaustive), or [try some at
//! random](sample). Whatever is not determined is one call, [`Choose::choose`](choose::Choose::choose); a run is the
//! list of its answers, which can be [told line by line](executions), [made smaller](shrink), [written down](token),
//! [drawn](diagram) and run again.
//!
//! [`case`] has the scenarios by name, [`verify`] those that the project promises to hold, [`mutants`] the broken
//! variants that they have to reject, [`museum`] designs by others that fail.

pub mod case;
pub mod choose;
pub mod coverage;
pub mod diagram;
pub mod executions;
pub mod exhaustive;
pub mod images;
pub mod kernel;
pub mod memory;
pub mod museum;
pub mod mutants;
pub mod program;
pub mod sample;
pub mod shrink;
pub mod token;
pub mod trace;
pub mod verify;
pub mod world;
