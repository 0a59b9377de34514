//! The operations of a mailbox, the protocol `ready`: messages of up to 32 bytes.

use super::Trouble;
use super::image::Note;
use super::part::{Answer, Command, Dimensions};
use super::words::{Play, Script, Stage, strange};
use lastword::protocol::memory::Numbering;
use lastword::protocol::model::ready::{Event, Op, Oracle, Scenario};
use lastword::protocol::model::{self, Scenario as _, check_answer};
use lastword::protocol::ready::{READER_HOLDER, READER_SINCE, State, WRITER_HOLDER, WRITER_SINCE, Word};
use lastword::ready::Sequence;

use Op::{TryReceiveAndClear, TrySend, TrySendInPlace};

const CAPACITY: usize = 32;
const WRITER: usize = 0;
const READER: usize = 1;

/// One of them.
pub(super) struct OfMailbox {
    model: Scenario<'static>,
    script: Script<Self>,
}

const fn processes(processes: &'static [&'static [Op]; 2]) -> Scenario<'static> {
    Scenario { processes, capacity: CAPACITY, genesis: None }
}

/// A message has been sent and received, so that the next one is written over it.
const SENDS: &[usize] = &[WRITER, WRITER, READER, READER];
const RECEIVES: &[usize] = &[WRITER, WRITER, READER];
const SENDER: Scenario<'static> = processes(&[&[TrySend(32), TrySend(17)], &[TryReceiveAndClear]]);
const PLAIN: Script<OfMailbox> =
    Script { name: "", about: "", before: SENDS, process: WRITER, meanwhile: &[], killed_where: None };

/// All of them.
pub(super) const OPERATIONS: &[OfMailbox] = &[
    OfMailbox {
        model: SENDER,
        script: Script { name: "send", about: "a copy of 17 bytes to a mailbox, over an older message", ..PLAIN },
    },
    OfMailbox {
        model: processes(&[&[TrySend(32), TrySendInPlace(20)], &[TryReceiveAndClear]]),
        script: Script {
            name: "send-in-place",
            about: "a loan, written in two pieces that share a word, the second first",
            ..PLAIN
        },
    },
    OfMailbox {
        model: SENDER,
        script: Script {
            name: "receive",
            about: "a message that waits is read and cleared",
            before: RECEIVES,
            process: READER,
            ..PLAIN
        },
    },
    OfMailbox {
        model: SENDER,
        script: Script {
            name: "recover-sender",
            about: "whose predecessor died with a message half-written",
            killed_where: Some(|play, words| {
                play.state(words).is_some_and(|state| !state.set) && play.word(words, Word::Length) == 17
            }),
            ..PLAIN
        },
    },
    OfMailbox {
        model: SENDER,
        script: Script {
            name: "recover-sender-when-sent",
            about: "whose predecessor died when it had set the flag",
            killed_where: Some(|play, words| play.state(words).is_some_and(|state| state.set)),
            ..PLAIN
        },
    },
    OfMailbox {
        model: SENDER,
        script: Script {
            name: "recover-receiver",
            about: "whose predecessor died before it cleared the flag",
            before: RECEIVES,
            process: READER,
            killed_where: Some(|play, words| play.state(words).is_some_and(|state| state.set)),
            ..PLAIN
        },
    },
    OfMailbox {
        model: SENDER,
        script: Script {
            name: "recover-receiver-when-cleared",
            about: "whose predecessor died when it had cleared the flag",
            before: RECEIVES,
            process: READER,
            killed_where: Some(|play, words| play.state(words).is_some_and(|state| !state.set)),
            ..PLAIN
        },
    },
];

impl OfMailbox {
    fn word(&self, words: &[u64], word: Word) -> u64 {
        self.model.layout().number(word).and_then(|number| words.get(number)).copied().unwrap_or(u64::MAX)
    }

    fn state(&self, words: &[u64]) -> Option<State> {
        State::parse(self.word(words, Word::State))
    }
}

fn sequence(number: u64) -> Result<Sequence, Trouble> {
    Sequence::new(number).ok_or_else(|| Trouble::Violation(format!("message {number}, and there is no such number")))
}

impl Play for OfMailbox {
    type Model = Scenario<'static>;
    const KINDS: &'static [&'static str] = &["ready"];

    fn model(&self) -> &Scenario<'static> {
        &self.model
    }

    fn script(&self) -> &Script<Self> {
        &self.script
    }

    fn dimensions(&self) -> Dimensions {
        Dimensions::Mailbox { capacity: CAPACITY }
    }

    fn place(&self, word: Word) -> Option<(usize, usize)> {
        Some((0, self.model.layout().offset(word)))
    }

    fn payload(&self, _: usize) -> Option<(usize, usize)> {
        Some((0, self.model.layout().payload_offset()))
    }

    fn notes(&self) -> Vec<Note> {
        [WRITER_HOLDER, WRITER_SINCE, READER_HOLDER, READER_SINCE].map(|offset| (0, offset / 8)).to_vec()
    }

    fn take(&self, process: usize) -> Command {
        if process == WRITER { Command::TakeSender } else { Command::TakeReceiver }
    }

    fn taken(&self, oracle: &mut Oracle, process: usize, answer: Answer) -> Result<(), Trouble> {
        match answer {
            Answer::Found { last, waits } if process == WRITER => {
                let state = State { sequence: last.map(sequence).transpose()?, set: waits };
                Scenario::judge(oracle, Event::WriterRecovered(state))?;
                Ok(())
            }
            Answer::Receives if process == READER => Ok(()),
            answer => Err(strange(&answer)),
        }
    }

    fn begin(&self, oracle: &mut Oracle, _: usize, op: Op) -> Result<Command, Trouble> {
        let mut message = |length: u8| -> Result<Vec<u8>, Trouble> {
            let attempt = Scenario::judge(oracle, Event::BeginSend(length))?;
            let mut bytes = vec![0; length.into()];
            model::fill(&mut bytes, attempt as u32);
            Ok(bytes)
        };
        Ok(match op {
            TrySend(length) => Command::Send { message: message(length)? },
            TrySendInPlace(length) => Command::SendInPlace { message: message(length)? },
            TryReceiveAndClear => {
                // A reader that is killed from here on has cleared or not.
                Scenario::judge(oracle, Event::BeginClear)?;
                Command::Take
            }
            op => return Err(format!("{op:?} is not played").into()),
        })
    }

    fn end(&self, oracle: &mut Oracle, _: usize, op: Op, answer: &Answer) -> Result<(), Trouble> {
        match (op, answer) {
            (TrySend(_) | TrySendInPlace(_), Answer::Sent(number)) => {
                Scenario::judge(oracle, Event::EndSend(number.map(sequence).transpose()?))?;
            }
            (TryReceiveAndClear, Answer::Read(Some((number, bytes)))) => {
                let content = Scenario::judge(oracle, Event::Received(sequence(*number)?))?;
                if bytes.len() > model::MESSAGE_MAX {
                    return Err(Trouble::Violation(format!("a message of {} bytes", bytes.len())));
                }
                check_answer(bytes, content)?;
                Scenario::judge(oracle, Event::BeginClear)?;
                Scenario::judge(oracle, Event::EndClear)?;
            }
            (TryReceiveAndClear, Answer::Read(None)) => {
                return Err(Trouble::Violation("a message waits, and none was received".to_owned()));
            }
            (_, answer) => return Err(strange(answer)),
        }
        Ok(())
    }

    /// The mailbox is used until it is certain that what waited has been received, and that it goes on.
    fn finale(&self, stage: &mut Stage<'_, Self>) -> Result<(), Trouble> {
        (0..stage.processes()).try_for_each(|process| stage.take_missing(process))?;
        // It is full where a message waits.
        stage.perform(WRITER, TrySend(8))?;
        stage.perform(READER, TryReceiveAndClear)?;
        for length in [32, 0, 13] {
            if stage.perform(WRITER, TrySend(length))? == Answer::Sent(None) {
                return Err(Trouble::Violation("a mailbox is full whose message was cleared".to_owned()));
            }
            if stage.perform(WRITER, TrySend(5))? != Answer::Sent(None) {
                return Err(Trouble::Violation("a message was written over that nobody had cleared".to_owned()));
            }
            stage.perform(READER, TryReceiveAndClear)?;
        }
        Ok(())
    }
}
