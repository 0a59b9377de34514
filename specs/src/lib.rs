//! x
pub mod checker;
pub mod job;
pub mod model;
