//! Arbitrary bytes as the objects of a channel and a board, through the real parser and the real operations.

#![no_main]

use lastword_fuzz::attach::{self, Input};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: attach::prepare(), |input: Input| attach::run(&input));
