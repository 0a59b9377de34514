//! Proof.

mod actions;
mod error;
mod instance;
mod module;
mod obligation;
mod slots;
mod solver;
mod sort;
mod term;
mod translate;
mod value;

pub use error::ProofError;
pub use obligation::Obligation;
pub use slots::{Report, prove};
pub use solver::{Answer, VERSION};
