//! What the fuzz targets of lastword do. Each has a module here and a file of a few lines in `fuzz_targets`, so that
//! tests can run an input too.

pub mod attach;
pub mod ops;
pub mod schedule;
