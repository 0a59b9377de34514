//! lib
pub mod choose;
pub mod coverage;
pub mod exhaustive;
pub mod kernel;
pub mod memory;
pub mod program;
pub mod trace;
pub mod world;
