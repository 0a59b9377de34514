//! lib
pub mod case;
pub mod choose;
pub mod coverage;
pub mod exhaustive;
pub mod memory;
pub mod mutants;
pub mod program;
pub mod sample;
pub mod shrink;
pub mod token;
pub mod trace;
pub mod verify;
pub mod world;
