//! Every input of the corpora, without libFuzzer: with any toolchain, as a test.

use arbitrary::{Arbitrary, Unstructured};
use std::error::Error;
use std::path::Path;

type Outcome = Result<(), Box<dyn Error>>;

/// Runs every input of a target, as `fuzz_target!` makes it of a file's bytes.
fn replay<I: for<'a> Arbitrary<'a>>(target: &str, run: impl Fn(&I)) -> Outcome {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        println!("{}", path.display());
        run(&I::arbitrary_take_rest(Unstructured::new(&std::fs::read(path)?))?);
        count += 1;
    }
    assert!(count > 0, "there is no corpus of {target}");
    Ok(())
}

#[test]
fn attach() -> Outcome {
    replay("attach", lastword_fuzz::attach::run)
}

#[test]
fn ops() -> Outcome {
    replay("ops", lastword_fuzz::ops::run)
}

#[test]
fn schedule() -> Outcome {
    replay("schedule", lastword_fuzz::schedule::run)
}
