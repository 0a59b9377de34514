//! Arbitrary interleavings, deaths and values found, in the simulator.

#![no_main]
#![expect(unsafe_code, reason = "a function with a name that AddressSanitizer looks for")]

use lastword_fuzz::schedule::{self, Input};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input| schedule::run(&input));

/// Where AddressSanitizer keeps the frames of coroutines that are abandoned, it keeps them for ever.
// SAFETY: AddressSanitizer's own interface, in its words; nobody else defines it.
#[unsafe(no_mangle)]
extern "C" fn __asan_default_options() -> *const std::ffi::c_char {
    c"detect_stack_use_after_return=0".as_ptr()
}
