//! The specifications of lastword's protocols, and what checks them.

#![forbid(unsafe_code)]

pub mod proof;
