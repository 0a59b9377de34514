//! Specifications.

#![forbid(unsafe_code)]

pub mod proof;
