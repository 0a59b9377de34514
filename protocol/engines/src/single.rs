//! One thread that plays every process, an operation at a time; kills fall within operations.

use super::{Backend, BrokenView, Killed, World};
use lastword_protocol::memory::Ordering;
use lastword_protocol::model::{Scenario, Violation};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

/// The memory of one thread.
pub struct Single;

impl Backend for Single {
    type Word = Cell<u64>;
    type Payload = Cell<u64>;

    fn word(value: u64) -> Cell<u64> {
        Cell::new(value)
    }
    fn load(word: &Cell<u64>, _: Ordering) -> u64 {
        word.get()
    }
    fn store(word: &Cell<u64>, value: u64, _: Ordering) {
        word.set(value);
    }
    fn compare_exchange(word: &Cell<u64>, current: u64, new: u64, _: Ordering, _: Ordering) -> Result<u64, u64> {
        let found = word.get();
        if found != current {
            return Err(found);
        }
        word.set(new);
        Ok(found)
    }
    fn fence(_: Ordering) {}
    fn payload(_: bool) -> Cell<u64> {
        Cell::new(0)
    }
    fn read(payload: &Cell<u64>) -> u64 {
        payload.get()
    }
    fn write(payload: &Cell<u64>, value: u64) {
        payload.set(value);
    }
    fn pause() {}
}

/// The memory of a run on this engine.
pub type SingleWorld<S> = Arc<World<Single, S>>;
/// A process's way to it.
pub type SingleView<S> = BrokenView<Single, S>;

/// A view whose process dies before access `fuse` from now, once that is set.
pub fn view<S: Scenario + 'static>(
    world: &SingleWorld<S>,
    process: usize,
    fuse: &Rc<Cell<Option<u32>>>,
) -> SingleView<S> {
    let fuse = Rc::clone(fuse);
    super::view(
        world,
        process,
        Box::new(move |_| match fuse.get() {
            Some(0) => {
                fuse.set(None);
                true
            }
            left => {
                fuse.set(left.map(|left| left - 1));
                false
            }
        }),
    )
}

/// Runs `act`; `None` if the process was killed in it.
pub fn survive<T>(act: impl FnOnce() -> Result<T, Violation>) -> Option<Result<T, Violation>> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(result) => Some(result),
        Err(cause) if cause.is::<Killed>() => None,
        Err(cause) => resume_unwind(cause),
    }
}
