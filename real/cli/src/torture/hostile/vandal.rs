//! The process that writes garbage over objects that it owns.

use super::targets::Targets;
use crate::crew;
use crate::worker::say;
use lastword::ObjectName;
use lastword::protocol::header::{self, Header};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// What a vandal is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    session: String,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    supervisor: i32,
}

/// How many writes it says to have made with each of its lines.
pub(super) const WRITES: &str = "writes";
/// Between two looks at which objects there are.
const LOOK_EVERY: u32 = 32;
const REST_MAX: Duration = Duration::from_micros(400);
/// Now and then it leaves them alone for so long, so that others get as far as working.
const PAUSE_EVERY: u32 = 200;
const PAUSE_MAX: Duration = Duration::from_millis(20);
const SAY_EVERY: Duration = Duration::from_millis(50);
/// Where the words of the protocols are: from here on, and a few of them.
const WORDS_FROM: u64 = 256;
const WORDS_LENGTH: u64 = 512;
const LONGEST: usize = 64;

/// Vandalises until it is killed.
pub(crate) fn vandalise(options: &Options) -> Result<u8, Error> {
    crew::die_with(options.supervisor)?;
    let targets = Targets::new(&options.session);
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let (mut files, mut writes, mut said) = (Vec::new(), 0u64, Instant::now());
    for turn in 0u32.. {
        if turn.is_multiple_of(LOOK_EVERY) {
            files = lastword::objects(targets.name())?.iter().filter_map(open).collect();
        }
        if let Some(file) = files.choose(&mut rng) {
            // An object may be shorter than one would think while it is being created, and is never made longer here.
            writes += u64::from(vandalise_once(file, &mut rng)?);
        }
        if said.elapsed() >= SAY_EVERY {
            say(&format!("{WRITES} {writes}"))?;
            (writes, said) = (0, Instant::now());
        }
        let longest = if rng.random_range(0..PAUSE_EVERY) == 0 { PAUSE_MAX } else { REST_MAX };
        thread::sleep(longest.mul_f64(rng.random()));
    }
    Ok(0)
}

/// Opened as any process of the same user can.
fn open(object: &ObjectName) -> Option<File> {
    // Its name begins with a slash.
    File::options().read(true).write(true).open(format!("/dev/shm{object}")).ok()
}

/// Writes something somewhere; whether anything was written.
fn vandalise_once(file: &File, rng: &mut ChaCha8Rng) -> Result<bool, Error> {
    let length = file.metadata()?.len();
    if length < header::LENGTH as u64 {
        return Ok(false);
    }
    if rng.random_range(0..8) == 0 {
        return forge(file, rng);
    }
    // A third of the writes each to the header, to the first words after it, and anywhere.
    let range = match rng.random_range(0..3) {
        0 => 0..header::LENGTH as u64,
        1 if length > WORDS_FROM => WORDS_FROM..length.min(WORDS_FROM + WORDS_LENGTH),
        _ => 0..length,
    };
    let mut offset = rng.random_range(range);
    let mut bytes = [0; LONGEST];
    let count = if rng.random_range(0..4) == 0 {
        rng.fill_bytes(&mut bytes);
        rng.random_range(1..=LONGEST)
    } else {
        offset -= offset % 8;
        bytes[..8].copy_from_slice(&word(rng).to_ne_bytes());
        8
    };
    let count = count.min((length - offset) as usize);
    file.write_all_at(&bytes[..count], offset)?;
    Ok(true)
}

/// A word that may be taken for something.
fn word(rng: &mut ChaCha8Rng) -> u64 {
    match rng.random_range(0..7) {
        0 => 0,
        1 => u64::MAX,
        2 => rng.random(),
        // A small number, a length perhaps.
        3 => rng.random_range(0..4096),
        // A stamp: a number, a slot, a state, in one of the ways to pack them.
        4 => rng.random_range(0..1 << 20) << 8 | rng.random_range(0..16),
        5 => rng.random_range(0..4) << 62 | rng.random_range(0..1 << 20) << 8 | rng.random_range(0..16),
        _ => header::CREATING,
    }
}

/// Writes a header that is one, its checksum too, and is not this object's.
fn forge(file: &File, rng: &mut ChaCha8Rng) -> Result<bool, Error> {
    let mut bytes = [0; header::LENGTH];
    file.read_exact_at(&mut bytes, 0)?;
    let mut words = [0; header::WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    let length = file.metadata()?.len();
    let Ok(found) = Header::parse(&words, length) else { return Ok(false) };
    let value = word(rng);
    let forged = match rng.random_range(0..4) {
        0 => Header { capacity: value, ..found },
        1 => Header { consumers: value, ..found },
        2 => Header { pair: value, ..found },
        _ => Header { length: value, ..found },
    };
    let bytes: Vec<u8> = forged.encode().iter().flat_map(|word| word.to_ne_bytes()).collect();
    file.write_all_at(&bytes, 0)?;
    Ok(true)
}
