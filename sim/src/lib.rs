//! lib
pub mod choose;
pub mod coverage;
pub mod memory;
pub mod museum;
pub mod program;
pub mod trace;
pub mod world;
pub mod exhaustive;
