//! Executions of the code as behaviours of its specifications.

pub mod check;
pub mod coverage;
pub mod damage;
pub mod data;
pub mod engine;
pub mod equal;
pub mod event;
pub mod sets;
pub mod slots;
pub mod subject;
pub mod tlc;
