//! The operations of a mailbox, the protocol `ready`: messages of up to 32 bytes.

use super::Trouble;
use super::image::Note;
use super::part::{Answer, Command, Dimensions};
use super::words::{Play, Script, Sleeper, Stage, strange};
use lastword::protocol::memory::Numbering;
use lastword::protocol::model::ready::{Event, Op, Oracle, Scenario};
use lastword::protocol::model::{self, Scenario as _, check_answer};
use lastword::protocol::ready::{READER_HOLDER, READER_SINCE, State, WRITER_HOLDER, WRITER_SINCE, Word};
use lastword::ready::Sequence;

use Op::{SleepAndReceive, SleepAndSend, TryReceive, TryReceiveAndClear, TrySend, TrySendInPlace};

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
const PLAIN: Script<OfMailbox> = Script {
    name: "",
    about: "",
    before: SENDS,
    process: WRITER,
    meanwhile: &[],
    sleeper: Sleeper::Nobody,
    killed_where: None,
};

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
        model: processes(&[&[TrySend(32)], &[TryReceive]]),
        script: Script {
            name: "receive-only",
            about: "a message that waits is read, and waits on",
            before: RECEIVES,
            process: READER,
            ..PLAIN
        },
    },
    OfMailbox {
        model: processes(&[&[TrySend(32)], &[TryReceive, TryReceiveAndClear]]),
        script: Script {
            name: "clear",
            about: "of a message that was read",
            before: &[WRITER, WRITER, READER, READER],
            process: READER,
            ..PLAIN
        },
    },
    OfMailbox {
        model: processes(&[&[TrySend(32), TrySend(17)], &[TryReceiveAndClear, SleepAndReceive]]),
        script: Script {
            name: "send-to-sleeper",
            about: "as send, while the reader sleeps until a message waits",
            sleeper: Sleeper::Other(READER),
            ..PLAIN
        },
    },
    OfMailbox {
        model: processes(&[&[TrySend(32), SleepAndSend(17)], &[TryReceiveAndClear]]),
        script: Script {
            name: "receive-from-sleeper",
            about: "as receive, while the writer sleeps until the mailbox is free",
            before: RECEIVES,
            process: READER,
            sleeper: Sleeper::Other(WRITER),
            ..PLAIN
        },
    },
    OfMailbox {
        model: processes(&[&[TrySend(32), TrySend(17)], &[TryReceiveAndClear, SleepAndReceive]]),
        script: Script {
            name: "receive-sleeping",
            about: "the reader falls asleep, and is woken by a message",
            before: SENDS,
            process: READER,
            meanwhile: &[(1, WRITER)],
            sleeper: Sleeper::Itself,
            ..PLAIN
        },
    },
    OfMailbox {
        model: processes(&[&[TrySend(32), SleepAndSend(17)], &[TryReceiveAndClear]]),
        script: Script {
            name: "wait-to-send",
            about: "the writer falls asleep, and is woken when the mailbox is free",
            before: RECEIVES,
            meanwhile: &[(1, READER)],
            sleeper: Sleeper::Itself,
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

    fn is_stepped_asleep(&self) -> bool {
        self.script.sleeper == Sleeper::Itself
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

    fn is_exclusive(&self, _: usize) -> bool {
        true
    }

    fn slept_on(&self) -> Option<Word> {
        Some(Word::State)
    }

    fn rouse(&self, stage: &mut Stage<'_, Self>, process: usize) -> Result<(), Trouble> {
        let (who, op) = if process == READER { (WRITER, TrySend(11)) } else { (READER, TryReceiveAndClear) };
        stage.perform(who, op).map(drop)
    }

    /// A writer sends what it waited with. A reader has received.
    fn awake(&self, stage: &mut Stage<'_, Self>, process: usize, op: Op) -> Result<(), Trouble> {
        let SleepAndSend(length) = op else { return Ok(()) };
        match stage.perform(process, TrySend(length))? {
            Answer::Sent(Some(_)) => Ok(()),
            _ => Err(Trouble::Violation("a writer was woken, and the mailbox is full".to_owned())),
        }
    }

    /// Who has read a message before only clears it.
    fn instead(&self, op: Op) -> Option<Command> {
        let has_read = self.model.processes[READER].first() == Some(&TryReceive);
        (has_read && op == TryReceiveAndClear).then_some(Command::Clear)
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
            TryReceive => Command::TryReceive,
            // Who sleeps while another process is stepped changes nothing when it wakes up, so that memory is the same
            // in every run.
            SleepAndSend(_) if !self.is_stepped_asleep() => Command::Wait,
            SleepAndReceive if !self.is_stepped_asleep() => Command::WaitAndReceive,
            SleepAndSend(length) => Command::WaitAndSend { message: message(length)? },
            SleepAndReceive => {
                Scenario::judge(oracle, Event::BeginClear)?;
                Command::WaitAndTake
            }
            op => return Err(format!("{op:?} is not played").into()),
        })
    }

    fn end(&self, oracle: &mut Oracle, _: usize, op: Op, answer: &Answer) -> Result<(), Trouble> {
        match (op, answer) {
            (TrySend(_) | TrySendInPlace(_) | SleepAndSend(_), Answer::Sent(number)) => {
                Scenario::judge(oracle, Event::EndSend(number.map(sequence).transpose()?))?;
            }
            (SleepAndSend(_), Answer::Awake(true)) => {}
            (TryReceiveAndClear, Answer::Cleared(Some(number))) => {
                Scenario::judge(oracle, Event::Received(sequence(*number)?))?;
                Scenario::judge(oracle, Event::BeginClear)?;
                Scenario::judge(oracle, Event::EndClear)?;
            }
            (TryReceive | TryReceiveAndClear | SleepAndReceive, Answer::Read(Some((number, bytes)))) => {
                let content = Scenario::judge(oracle, Event::Received(sequence(*number)?))?;
                if bytes.len() > model::MESSAGE_MAX {
                    return Err(Trouble::Violation(format!("a message of {} bytes", bytes.len())));
                }
                check_answer(bytes, content)?;
                let clears = op == TryReceiveAndClear || op == SleepAndReceive && self.is_stepped_asleep();
                if clears {
                    Scenario::judge(oracle, Event::BeginClear)?;
                    Scenario::judge(oracle, Event::EndClear)?;
                }
            }
            (TryReceive | TryReceiveAndClear | SleepAndReceive, Answer::Read(None)) => {
                return Err(Trouble::Violation("a message waits, and none was received".to_owned()));
            }
            (_, answer) => return Err(strange(answer)),
        }
        Ok(())
    }

    /// The mailbox is used until it is certain that what waited has been received, and that it goes on.
    fn finale(&self, stage: &mut Stage<'_, Self>) -> Result<(), Trouble> {
        (0..stage.processes()).try_for_each(|process| stage.take_missing(process))?;
        let words = stage.words()?;
        let Some(State { sequence, set }) = self.state(&words) else {
            return Err(Trouble::Violation("the word state is garbage".to_owned()));
        };
        // It is full where a message waits.
        let is_full = stage.perform(WRITER, TrySend(8))? == Answer::Sent(None);
        // What was cleared does not come again, and what was not does.
        let expected = sequence.map_or(0, |last| last.get()) + u64::from(!set);
        let received = stage.perform(READER, TryReceiveAndClear)?;
        let is_next = matches!(received, Answer::Read(Some((number, _))) if number == expected);
        if is_full != set || !is_next {
            let flag = if set { "set" } else { "clear" };
            return Err(Trouble::Violation(format!(
                "the flag is {flag}: expected message {expected} next, found {received:?}; the mailbox was full: {is_full}"
            )));
        }
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
