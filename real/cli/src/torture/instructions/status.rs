//! The operations of a status board of three words.

use super::Trouble;
use super::image::Note;
use super::part::{Answer, Command, Dimensions};
use super::words::{Play, Script, Sleeper, Stage, strange};
use lastword::protocol::model::Scenario as _;
use lastword::protocol::model::status::{Event, Op, Oracle, Scenario};
use lastword::protocol::status::{self, Word};

use Op::{Get, Set};

const WORDS: u16 = 3;
const WRITER: usize = 0;
const MONITOR: usize = 1;

/// One of them.
pub(super) struct OfBoard {
    model: Scenario<'static>,
    script: Script<Self>,
}

const MODEL: Scenario<'static> = Scenario { processes: &[&[Set(1), Set(1), Set(2)], &[]], words: WORDS };

/// All of them.
pub(super) const OPERATIONS: &[OfBoard] = &[
    OfBoard {
        model: MODEL,
        script: Script {
            name: "status-set",
            about: "a word that has a value",
            before: &[WRITER, WRITER],
            process: WRITER,
            meanwhile: &[],
            sleeper: Sleeper::Nobody,
            killed_where: None,
        },
    },
    OfBoard {
        model: MODEL,
        script: Script {
            name: "status-recover",
            about: "the writer's role, whose holder died when it had set a word",
            before: &[WRITER, WRITER],
            process: WRITER,
            meanwhile: &[],
            sleeper: Sleeper::Nobody,
            killed_where: Some(|_, words| words[1] == 2 << 32 | 2),
        },
    },
];

impl Play for OfBoard {
    type Model = Scenario<'static>;
    const KINDS: &'static [&'static str] = &["status"];

    fn model(&self) -> &Scenario<'static> {
        &self.model
    }

    fn script(&self) -> &Script<Self> {
        &self.script
    }

    fn dimensions(&self) -> Dimensions {
        Dimensions::Board { words: WORDS }
    }

    fn place(&self, word: Word) -> Option<(usize, usize)> {
        Some((0, self.model.layout().offset(word)?))
    }

    fn payload(&self, _: usize) -> Option<(usize, usize)> {
        None
    }

    fn notes(&self) -> Vec<Note> {
        [status::WRITER_HOLDER, status::WRITER_SINCE].map(|offset| (0, offset / 8)).to_vec()
    }

    fn is_exclusive(&self, process: usize) -> bool {
        process == WRITER
    }

    fn take(&self, process: usize) -> Command {
        if process == WRITER { Command::TakeWriter } else { Command::TakeMonitor }
    }

    fn taken(&self, oracle: &mut Oracle, process: usize, answer: Answer) -> Result<(), Trouble> {
        match answer {
            Answer::Restored(words) if process == WRITER => {
                let mut newest = 0;
                for word in words {
                    newest = newest.max(whole(word)?);
                }
                Scenario::judge(oracle, Event::Restored(newest))?;
            }
            Answer::Observes => {}
            answer => return Err(strange(&answer)),
        }
        Ok(())
    }

    fn begin(&self, oracle: &mut Oracle, _: usize, op: Op) -> Result<Command, Trouble> {
        Ok(match op {
            Set(word) => {
                let value = Scenario::judge(oracle, Event::BeginSet(word))?;
                Command::Set { word: word.into(), value: value << 32 | value }
            }
            Get(word) => Command::Get { word: word.into() },
        })
    }

    fn end(&self, oracle: &mut Oracle, process: usize, op: Op, answer: &Answer) -> Result<(), Trouble> {
        match (op, answer) {
            (Set(_), Answer::Done) => Scenario::judge(oracle, Event::EndSet)?,
            (Get(word), Answer::Got(found)) => {
                Scenario::judge(oracle, Event::Got((process - MONITOR) as u8, word, *found))?
            }
            (_, answer) => return Err(strange(answer)),
        };
        Ok(())
    }

    fn finale(&self, stage: &mut Stage<'_, Self>) -> Result<(), Trouble> {
        (0..stage.processes()).try_for_each(|process| stage.take_missing(process))?;
        let words = || 0..WORDS as u8;
        for word in words() {
            stage.perform(MONITOR, Get(word))?;
        }
        for word in words().chain(words()) {
            let before = stage.perform(MONITOR, Get(word))?;
            stage.perform(WRITER, Set(word))?;
            // No two values are the same.
            if stage.perform(MONITOR, Get(word))? == before {
                return Err(Trouble::Violation(format!("word {word} is {before:?} after it was set to another value")));
            }
        }
        Ok(())
    }
}

fn whole(word: u64) -> Result<u32, Trouble> {
    let (high, low) = ((word >> 32) as u32, word as u32);
    if high == low { Ok(low) } else { Err(Trouble::Violation(format!("a word holds {word:#x}, which nobody set"))) }
}
