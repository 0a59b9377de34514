#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

pub mod creation;
pub mod description;
pub mod header;
pub mod memory;
pub mod model;
pub mod ready;
pub mod sequence;
pub mod slots;
pub mod status;
