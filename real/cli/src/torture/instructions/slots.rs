//! The operations of a `slots` channel: two consumers, an observer, messages of up to 32 bytes.

use super::Trouble;
use super::image::Note;
use super::part::{Answer, Command, Dimensions, Message};
use super::words::{Play, Script, Sleeper, Stage, strange};
use lastword::Sequence;
use lastword::protocol::memory::Numbering;
use lastword::protocol::model::slots::{Event, Op, Oracle, Scenario};
use lastword::protocol::model::{self, Scenario as _, check_answer};
use lastword::protocol::slots::{self, Lock, Object, Stamp, Word};

use Op::{Acquire, Newest, Peek, Publish, PublishInPlace, ReadLast, Release, Reread, Sleep};

const CONSUMERS: u8 = 2;
const CAPACITY: usize = 32;
/// The processes.
const PRODUCER: usize = 0;
const CONSUMER: usize = 1;
const OBSERVER: usize = 3;

/// One of them.
pub(super) struct OfChannel {
    model: Scenario<'static>,
    script: Script<Self>,
}

const fn processes(processes: &'static [&'static [Op]]) -> Scenario<'static> {
    Scenario::new(processes, CONSUMERS, CAPACITY)
}

/// Four messages, so that the slot of what is published next has an old one; the first stays locked.
const PUBLISHES: &[usize] = &[PRODUCER, PRODUCER, CONSUMER, CONSUMER, PRODUCER, PRODUCER, PRODUCER];
const ACQUIRES: Scenario<'static> =
    processes(&[&[Publish(32), Publish(24), Publish(9)], &[Acquire, Acquire], &[], &[]]);
const RELEASES: Scenario<'static> = processes(&[&[Publish(32)], &[Acquire, Release], &[], &[]]);
const SLEEPS: Scenario<'static> =
    processes(&[&[Publish(32), Publish(32), Publish(32), Publish(32), Publish(17)], &[Acquire, Sleep], &[], &[]]);
const PLAIN: Script<OfChannel> = Script {
    name: "",
    about: "",
    before: &[],
    process: PRODUCER,
    meanwhile: &[],
    sleeper: Sleeper::Nobody,
    killed_where: None,
};

const fn publishes(next: &'static [&'static [Op]]) -> Scenario<'static> {
    processes(next)
}

/// All of them.
pub(super) const OPERATIONS: &[OfChannel] = &[
    OfChannel {
        model: processes(&[&[], &[], &[], &[]]),
        script: Script { name: "take-producer", about: "the producer's role, of a channel that is there", ..PLAIN },
    },
    OfChannel {
        model: ACQUIRES,
        script: Script {
            name: "take-consumer",
            about: "a consumer's role, of a channel with a message",
            before: &[PRODUCER, PRODUCER],
            process: CONSUMER,
            ..PLAIN
        },
    },
    OfChannel {
        model: publishes(&[&[Publish(32), Publish(32), Publish(32), Publish(32), Publish(17)], &[Acquire], &[], &[]]),
        script: Script {
            name: "publish",
            about: "a copy of 17 bytes, to a slot with an older message",
            before: PUBLISHES,
            ..PLAIN
        },
    },
    OfChannel {
        model: publishes(&[
            &[Publish(32), Publish(32), Publish(32), Publish(32), PublishInPlace(20)],
            &[Acquire],
            &[],
            &[],
        ]),
        script: Script {
            name: "publish-in-place",
            about: "a loan, written in two pieces that share a word, the second first",
            before: PUBLISHES,
            ..PLAIN
        },
    },
    OfChannel {
        model: SLEEPS,
        script: Script {
            name: "publish-to-sleeper",
            about: "as publish, while a consumer sleeps that has the message before locked",
            before: &[PRODUCER, PRODUCER, CONSUMER, PRODUCER, PRODUCER, PRODUCER, CONSUMER],
            sleeper: Sleeper::Other(CONSUMER),
            ..PLAIN
        },
    },
    OfChannel {
        model: SLEEPS,
        script: Script {
            name: "wait",
            about: "a consumer falls asleep, and is woken by a message",
            before: &[PRODUCER, PRODUCER, CONSUMER, CONSUMER],
            process: CONSUMER,
            meanwhile: &[(1, PRODUCER)],
            sleeper: Sleeper::Itself,
            ..PLAIN
        },
    },
    OfChannel {
        model: SLEEPS,
        script: Script {
            name: "wait-overtaken",
            about: "the message is published when the consumer has noted that it sleeps, and does not yet",
            before: &[PRODUCER, PRODUCER, CONSUMER, CONSUMER],
            process: CONSUMER,
            meanwhile: &[(1, PRODUCER)],
            ..PLAIN
        },
    },
    OfChannel {
        model: ACQUIRES,
        script: Script {
            name: "acquire-fast",
            about: "nobody publishes meanwhile",
            before: &[PRODUCER, PRODUCER, CONSUMER],
            process: CONSUMER,
            ..PLAIN
        },
    },
    OfChannel {
        model: ACQUIRES,
        script: Script {
            name: "acquire-again",
            about: "as acquire-fast, with an older message locked",
            before: &[PRODUCER, PRODUCER, CONSUMER, CONSUMER, PRODUCER],
            process: CONSUMER,
            ..PLAIN
        },
    },
    OfChannel {
        model: ACQUIRES,
        script: Script {
            name: "acquire-slow",
            about: "a message is published after the announcement: a Claim, settled by itself",
            before: &[PRODUCER, PRODUCER, CONSUMER],
            process: CONSUMER,
            meanwhile: &[(1, PRODUCER)],
            ..PLAIN
        },
    },
    OfChannel {
        model: ACQUIRES,
        script: Script {
            name: "acquire-helped",
            about: "and another after the Claim, which the producer settles",
            before: &[PRODUCER, PRODUCER, CONSUMER],
            process: CONSUMER,
            meanwhile: &[(1, PRODUCER), (2, PRODUCER)],
            ..PLAIN
        },
    },
    OfChannel {
        model: RELEASES,
        script: Script {
            name: "release",
            about: "of a locked message",
            before: &[PRODUCER, PRODUCER, CONSUMER, CONSUMER],
            process: CONSUMER,
            ..PLAIN
        },
    },
    OfChannel {
        model: processes(&[&[Publish(32)], &[], &[], &[Peek]]),
        script: Script {
            name: "peek",
            about: "an observer's copy",
            before: &[PRODUCER, PRODUCER, OBSERVER],
            process: OBSERVER,
            ..PLAIN
        },
    },
    OfChannel {
        model: publishes(&[&[Publish(32), Publish(32), Publish(32), Publish(32), Publish(17)], &[Acquire], &[], &[]]),
        script: Script {
            name: "recover-producer",
            about: "whose predecessor died with a message half-written",
            before: PUBLISHES,
            killed_where: Some(|play, words| {
                // The slot is not the newest one's, nor is it sealed.
                (0..CONSUMERS + 2).any(|slot| play.word(words, Word::Sequence(slot)) == 0)
            }),
            ..PLAIN
        },
    },
    OfChannel {
        model: RELEASES,
        script: Script {
            name: "recover-consumer-from-free",
            about: "whose predecessor died when it had released",
            before: &[PRODUCER, PRODUCER, CONSUMER, CONSUMER],
            process: CONSUMER,
            killed_where: Some(|play, words| play.lock(words) == Some(Lock::Free)),
            ..PLAIN
        },
    },
    OfChannel {
        model: ACQUIRES,
        script: Script {
            name: "recover-consumer-from-tentative",
            about: "whose predecessor died after the announcement",
            before: &[PRODUCER, PRODUCER, CONSUMER],
            process: CONSUMER,
            killed_where: Some(|play, words| matches!(play.lock(words), Some(Lock::Tentative(_)))),
            ..PLAIN
        },
    },
    OfChannel {
        model: ACQUIRES,
        script: Script {
            name: "recover-consumer-from-claim",
            about: "whose predecessor died while it asked for help",
            before: &[PRODUCER, PRODUCER, CONSUMER],
            process: CONSUMER,
            meanwhile: &[(1, PRODUCER)],
            killed_where: Some(|play, words| play.lock(words) == Some(Lock::Claim)),
            ..PLAIN
        },
    },
    OfChannel {
        model: ACQUIRES,
        script: Script {
            name: "recover-consumer-from-held",
            about: "whose predecessor died with a message locked",
            before: &[PRODUCER, PRODUCER, CONSUMER],
            process: CONSUMER,
            killed_where: Some(|play, words| matches!(play.lock(words), Some(Lock::Held(_)))),
            ..PLAIN
        },
    },
];

impl OfChannel {
    fn word(&self, words: &[u64], word: Word) -> u64 {
        self.model.layout().number(word).and_then(|number| words.get(number)).copied().unwrap_or(u64::MAX)
    }

    fn lock(&self, words: &[u64]) -> Option<Lock> {
        Lock::parse(self.word(words, Word::Lock(0)), &self.model.layout()).ok()
    }
}

/// A stamp for the judge, who asks for the number alone.
fn stamp(number: u64) -> Result<Stamp, Trouble> {
    match Sequence::new(number) {
        Some(sequence) => Ok(Stamp::new(sequence, 0)),
        None => Err(Trouble::Violation(format!("message {number}, and there is no such number"))),
    }
}

fn stamp_of(message: Option<&Message>) -> Result<Option<Stamp>, Trouble> {
    message.map(|(number, _)| stamp(*number)).transpose()
}

/// Judges a message's content.
fn check_content(oracle: &mut Oracle, message: Option<&Message>) -> Result<(), Trouble> {
    let Some((number, bytes)) = message else { return Ok(()) };
    let answer = Scenario::judge(oracle, Event::Identify(stamp(*number)?))?;
    if bytes.len() > model::MESSAGE_MAX {
        return Err(Trouble::Violation(format!("a message of {} bytes", bytes.len())));
    }
    Ok(check_answer(bytes, answer)?)
}

fn reader(process: usize) -> u8 {
    (process - 1) as u8
}

impl Play for OfChannel {
    type Model = Scenario<'static>;
    const KINDS: &'static [&'static str] = &["data", "locks"];

    fn model(&self) -> &Scenario<'static> {
        &self.model
    }

    fn script(&self) -> &Script<Self> {
        &self.script
    }

    fn dimensions(&self) -> Dimensions {
        Dimensions::Channel { consumers: CONSUMERS, capacity: CAPACITY }
    }

    fn place(&self, word: Word) -> Option<(usize, usize)> {
        let (object, offset) = self.model.layout().offset(word)?;
        Some((usize::from(object == Object::Locks), offset))
    }

    fn payload(&self, area: usize) -> Option<(usize, usize)> {
        Some((0, self.model.layout().payload_offset(area)?))
    }

    fn notes(&self) -> Vec<Note> {
        let of_consumer =
            |consumer| [slots::layout::consumer_holder(consumer), slots::layout::consumer_since(consumer)];
        let consumers = (0..CONSUMERS).flat_map(of_consumer);
        let producer = [slots::layout::PRODUCER_HOLDER, slots::layout::PRODUCER_SINCE];
        consumers.chain(producer).map(|offset| (1, offset / 8)).collect()
    }

    fn is_exclusive(&self, process: usize) -> bool {
        process != OBSERVER
    }

    fn slept_on(&self) -> Option<Word> {
        Some(Word::Latest)
    }

    fn rouse(&self, stage: &mut Stage<'_, Self>, _: usize) -> Result<(), Trouble> {
        stage.perform(PRODUCER, Publish(11)).map(drop)
    }

    /// It can lock a newer message than the one it has.
    fn awake(&self, stage: &mut Stage<'_, Self>, process: usize, _: Op) -> Result<(), Trouble> {
        let before = stage.perform(process, Reread)?;
        let after = stage.perform(process, Acquire)?;
        match (&before, &after) {
            (Answer::Read(None), Answer::Read(Some(_))) => Ok(()),
            (Answer::Read(Some((before, _))), Answer::Read(Some((after, _)))) if after > before => Ok(()),
            _ => Err(Trouble::Violation(format!("a consumer that was woken has {after:?}, and had {before:?}"))),
        }
    }

    fn take(&self, process: usize) -> Command {
        match process {
            PRODUCER => Command::TakeProducer,
            OBSERVER => Command::TakeObserver,
            _ => Command::TakeConsumer(reader(process)),
        }
    }

    fn taken(&self, oracle: &mut Oracle, process: usize, answer: Answer) -> Result<(), Trouble> {
        match answer {
            Answer::Resumed(last) => {
                Scenario::judge(oracle, Event::Resumed(last.map(stamp).transpose()?))?;
            }
            Answer::Recovered { held, interrupted } => {
                if interrupted && held.is_some() {
                    return Err(Trouble::Violation("a consumer was interrupted, and holds a message".to_owned()));
                }
                Scenario::judge(oracle, Event::Recovered(reader(process), stamp_of(held.as_ref())?))?;
                check_content(oracle, held.as_ref())?;
            }
            Answer::Observes => {}
            answer => return Err(strange(&answer)),
        }
        Ok(())
    }

    fn begin(&self, oracle: &mut Oracle, process: usize, op: Op) -> Result<Command, Trouble> {
        let mut message = |length: u8| -> Result<Vec<u8>, Trouble> {
            let attempt = Scenario::judge(oracle, Event::BeginPublish(length))?;
            let mut bytes = vec![0; length.into()];
            model::fill(&mut bytes, attempt as u32);
            Ok(bytes)
        };
        Ok(match op {
            Publish(length) => Command::Publish { message: message(length)? },
            PublishInPlace(length) => Command::PublishInPlace { message: message(length)? },
            ReadLast => Command::ReadLast,
            Acquire => {
                Scenario::judge(oracle, Event::BeginAcquire(reader(process)))?;
                Command::Acquire
            }
            Reread => Command::Reread,
            Sleep => Command::Wait,
            Release => {
                Scenario::judge(oracle, Event::BeginRelease(reader(process)))?;
                Command::Release
            }
            Newest | Peek => {
                Scenario::judge(oracle, Event::BeginRead(reader(process)))?;
                if op == Peek { Command::Peek } else { Command::Newest }
            }
            op => return Err(format!("{op:?} is not played").into()),
        })
    }

    fn end(&self, oracle: &mut Oracle, process: usize, op: Op, answer: &Answer) -> Result<(), Trouble> {
        match (op, answer) {
            (Publish(_) | PublishInPlace(_), Answer::Published(number)) => {
                Scenario::judge(oracle, Event::EndPublish(stamp(*number)?))?;
            }
            (Acquire, Answer::Read(message)) => {
                Scenario::judge(oracle, Event::EndAcquire(reader(process), stamp_of(message.as_ref())?))?;
                check_content(oracle, message.as_ref())?;
            }
            (Peek, Answer::Read(message)) => {
                Scenario::judge(oracle, Event::EndRead(reader(process), stamp_of(message.as_ref())?))?;
                check_content(oracle, message.as_ref())?;
            }
            (Newest, Answer::Newest(number)) => {
                Scenario::judge(oracle, Event::EndRead(reader(process), number.map(stamp).transpose()?))?;
            }
            (Reread | ReadLast, Answer::Read(message)) => check_content(oracle, message.as_ref())?,
            (Sleep, Answer::Awake(true)) => {}
            (Release, Answer::Done) => {
                Scenario::judge(oracle, Event::EndRelease(reader(process)))?;
            }
            (_, answer) => return Err(strange(answer)),
        }
        Ok(())
    }

    /// What is locked stays as it is while every slot is used again; everybody sees what is published.
    fn finale(&self, stage: &mut Stage<'_, Self>) -> Result<(), Trouble> {
        (0..stage.processes()).try_for_each(|process| stage.take_missing(process))?;
        let consumers = CONSUMER..CONSUMER + usize::from(CONSUMERS);
        let slots = usize::from(CONSUMERS) + 2;
        for process in consumers.clone() {
            stage.perform(process, Reread)?;
            stage.perform(process, Newest)?;
        }
        stage.perform(OBSERVER, Peek)?;
        stage.perform(PRODUCER, ReadLast)?;
        for round in 0..2 * slots {
            stage.perform(PRODUCER, Publish([8, 32, 0, 13][round % 4]))?;
            for process in consumers.clone() {
                stage.perform(process, Reread)?;
            }
            // At first nobody acquires, so that what is locked has to last.
            if round >= slots {
                let process = CONSUMER + round % usize::from(CONSUMERS);
                stage.perform(process, if round % 3 == 0 { Release } else { Acquire })?;
            }
            stage.perform(OBSERVER, Peek)?;
        }
        for process in consumers {
            stage.perform(process, Acquire)?;
            stage.perform(process, Release)?;
        }
        stage.perform(PRODUCER, ReadLast).map(drop)
    }
}
