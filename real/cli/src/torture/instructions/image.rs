//! What shared memory looks like at one moment: the objects that have the names, and every byte of theirs.
//!
//! Two runs of one operation are to show the same images. What is not the same in any two runs is put in a form that
//! is: the notes of who has taken a role last, and the number that a channel draws when it is created.

use super::Trouble;
use super::tracee::Tracee;
use crate::explain::cannot;
use lastword::protocol::header::{self, Header, MAGIC};
use std::fmt::Write;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

const DIRECTORY: &str = "/dev/shm/lastword-";
/// The word of a header that both objects of a channel have the same.
const PAIR: usize = 2;
const CHECKSUM: usize = header::WORDS - 1;
/// In the place of a checksum that is right.
const RIGHT: u64 = 1;

/// An object at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Object {
    pub(super) mode: u32,
    pub(super) words: Vec<u64>,
    /// The bytes after the last whole word.
    rest: Vec<u8>,
}

impl Object {
    /// Its length, in bytes.
    pub(super) fn length(&self) -> usize {
        self.words.len() * 8 + self.rest.len()
    }
}

/// All objects of a channel or board at one moment.
pub(super) type Image = Vec<Option<Object>>;

/// A word that notes who has taken a role last: of which object, and which word of it.
pub(super) type Note = (usize, usize);

/// Where images come from.
#[derive(Debug)]
pub(super) struct Camera {
    paths: Vec<String>,
    /// The objects that had the names when they were looked for last, with their modes and lengths.
    files: Vec<Option<(File, Metadata)>>,
    /// The process that was stepped then, and how many system calls it had done.
    found_at: Option<(u32, u64)>,
    notes: Vec<Note>,
    bytes: Vec<u8>,
}

impl Camera {
    /// Of the objects `kinds` of `name`, which may come and go.
    pub(super) fn new(name: &str, kinds: &[&str], notes: Vec<Note>) -> Self {
        let paths = kinds.iter().map(|kind| format!("{DIRECTORY}{name}.{kind}")).collect();
        Self { paths, files: Vec::new(), found_at: None, notes, bytes: Vec::new() }
    }

    /// Looks at them while `subject` is stopped. A role that it has noted is told from another's.
    ///
    /// What has which name, mode and length changes by system calls only. After each of the subject's it is looked for
    /// anew.
    pub(super) fn look(&mut self, subject: &Tracee) -> Result<Image, Trouble> {
        let now = Some((subject.id(), subject.system_calls));
        if self.found_at != now {
            self.files = self.paths.iter().map(|path| find(path)).collect::<Result<_, _>>()?;
            self.found_at = now;
        }
        let mut image = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let object = file.as_ref().map(|(file, metadata)| read(file, metadata, &mut self.bytes)).transpose();
            image.push(object.map_err(cannot("read an object"))?);
        }
        self.normalise(&mut image, subject.id());
        Ok(image)
    }

    fn normalise(&self, image: &mut Image, subject: u32) {
        for &(object, word) in &self.notes {
            if let Some(note) = image[object].as_mut().and_then(|object| object.words.get_mut(word)) {
                *note = match *note {
                    0 => 0,
                    found if found == u64::from(subject) => 1,
                    _ => 2,
                };
            }
        }
        let mut pairs = Vec::new();
        for object in image.iter_mut().flatten() {
            let length = object.length() as u64;
            let Some(words) = object.words.first_chunk_mut::<{ header::WORDS }>() else { continue };
            let mut complete = *words;
            complete[0] = MAGIC;
            if Header::parse(&complete, length).is_err() {
                continue;
            }
            let pair = words[PAIR];
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
            words[PAIR] = pairs.iter().position(|&known| known == pair).map_or(0, |at| at as u64 + 1);
            words[CHECKSUM] = RIGHT;
        }
    }
}

/// The object that has a name, if one has.
fn find(path: &str) -> Result<Option<(File, Metadata)>, Trouble> {
    let found = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("open an object")(error).into()),
    }
}

fn read(file: &File, metadata: &Metadata, bytes: &mut Vec<u8>) -> io::Result<Object> {
    bytes.resize(usize::try_from(metadata.len()).unwrap_or(usize::MAX), 0);
    file.read_exact_at(bytes, 0)?;
    let (words, rest) = bytes.as_chunks();
    let words = words.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    Ok(Object { mode: metadata.mode() & 0o7777, words, rest: rest.to_vec() })
}

/// What is different in `now`, for people.
pub(super) fn difference(kinds: &[&str], before: &Image, now: &Image) -> Vec<String> {
    let mut lines = Vec::new();
    for ((kind, before), now) in kinds.iter().zip(before).zip(now) {
        match (before, now) {
            (None, None) => {}
            (Some(_), None) => lines.push(format!("{kind}: gone")),
            (None, Some(now)) => {
                let mut line = format!("{kind}: created, mode {:o}, {} bytes", now.mode, now.length());
                for (at, word) in now.words.iter().enumerate().filter(|(_, word)| **word != 0) {
                    let _ = write!(line, ", {}: {word:#x}", at * 8);
                }
                lines.push(line);
            }
            (Some(before), Some(now)) => {
                if before.mode != now.mode {
                    lines.push(format!("{kind}: mode {:o} became {:o}", before.mode, now.mode));
                }
                if before.length() != now.length() {
                    lines.push(format!("{kind}: {} bytes became {}", before.length(), now.length()));
                }
                let words = before.words.iter().zip(&now.words).enumerate().filter(|(_, (before, now))| before != now);
                lines.extend(
                    words.map(|(at, (before, now))| format!("{kind} at {}: {before:#x} became {now:#x}", at * 8)),
                );
            }
        }
    }
    lines
}
