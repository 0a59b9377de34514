//! Shared memory between processes that survives `kill -9`.
