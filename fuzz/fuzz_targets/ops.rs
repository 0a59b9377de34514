//! Arbitrary sequences of operations, with deaths or with garbage, played by one thread.

#![no_main]

use lastword_fuzz::ops::{self, Input};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input| ops::run(&input));
