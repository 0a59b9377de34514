//! lib
pub mod choose;
pub mod coverage;
pub mod memory;
pub mod program;
pub mod trace;
pub mod world;
pub mod exhaustive;
pub mod case;
pub mod sample;
pub mod shrink;
