//! Creating and removing channels, mailboxes and boards.
//!
//! Memory is the objects that have the names: their modes, lengths, first words and headers. What the simulator knows
//! of those is compared with its kernel, under which the same code of creation runs.

use super::Trouble;
use super::image::{Camera, Image, Note};
use super::part::{Answer, Command, Dimensions, Part};
use super::scene::{Host, Operation, Phase, Prediction, Scene, check_gone};
use super::tracee::Tracee;
use super::words::{check_answer, strange};
use crate::names::MODE;
use lastword::Force;
use lastword::protocol::header::{MAGIC, WORDS};
use lastword::protocol::{ready, slots, status};
use lastword_sim::images::{self, Images, Plan};
use lastword_sim::kernel::{Kernel, LENGTH_FULL, Op, Role, Scenario, Visible};
use lastword_sim::world::Kills;
use std::collections::HashSet;

const CONSUMERS: u8 = 1;
const CAPACITY: usize = 16;
const BOARD_WORDS: u16 = 2;
const MESSAGE: [u8; 12] = *b"twelve bytes";
const VALUE: u64 = 7;
/// In a header that is none, and in none.
const NO_PAIR: u8 = 0;

/// What the names are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Channel,
    Mailbox,
    Board,
}

/// What somebody does who comes to the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coming {
    /// Takes the role of the producer or the writer, creating what is not there.
    Takes,
    Removes,
}

/// One of the operations.
pub(super) struct OfNames {
    name: &'static str,
    about: &'static str,
    of: Of,
    subject: Coming,
    successor: Coming,
}

/// All of them.
pub(super) const OPERATIONS: &[OfNames] = &[
    OfNames {
        name: "create-channel",
        about: "the producer's role of a channel that is not there",
        of: Of::Channel,
        subject: Coming::Takes,
        successor: Coming::Takes,
    },
    OfNames {
        name: "create-channel-removed",
        about: "the same; what is left is removed",
        of: Of::Channel,
        subject: Coming::Takes,
        successor: Coming::Removes,
    },
    OfNames {
        name: "remove-channel",
        about: "of a channel with a message; what is left is used",
        of: Of::Channel,
        subject: Coming::Removes,
        successor: Coming::Takes,
    },
    OfNames {
        name: "remove-channel-again",
        about: "the same; what is left is removed",
        of: Of::Channel,
        subject: Coming::Removes,
        successor: Coming::Removes,
    },
    OfNames {
        name: "create-mailbox",
        about: "the writer's role of a mailbox that is not there",
        of: Of::Mailbox,
        subject: Coming::Takes,
        successor: Coming::Takes,
    },
    OfNames {
        name: "remove-mailbox",
        about: "of a mailbox in which a message waits; what is left is used",
        of: Of::Mailbox,
        subject: Coming::Removes,
        successor: Coming::Takes,
    },
    OfNames {
        name: "create-board",
        about: "the writer's role of a board that is not there",
        of: Of::Board,
        subject: Coming::Takes,
        successor: Coming::Takes,
    },
    OfNames {
        name: "remove-board",
        about: "of a board with a value; what is left is used",
        of: Of::Board,
        subject: Coming::Removes,
        successor: Coming::Takes,
    },
];

/// The simulated processes: who was there before, the subject, its successor.
const BEFORE: usize = 0;
const SUBJECT: usize = 1;
const SUCCESSOR: usize = 2;
const TAKES: &[Op] = &[Op::Attach(Role::Producer)];
const REMOVES: &[Op] = &[Op::Remove(Force::No)];
const WAS_THERE: &[Op] = &[Op::Attach(Role::Producer), Op::Detach];

impl Coming {
    const fn simulated(self) -> &'static [Op] {
        match self {
            Coming::Takes => TAKES,
            Coming::Removes => REMOVES,
        }
    }
}

impl OfNames {
    fn dimensions(&self) -> Dimensions {
        match self.of {
            Of::Channel => Dimensions::Channel { consumers: CONSUMERS, capacity: CAPACITY },
            Of::Mailbox => Dimensions::Mailbox { capacity: CAPACITY },
            Of::Board => Dimensions::Board { words: BOARD_WORDS },
        }
    }

    fn take(&self) -> Command {
        match self.of {
            Of::Channel => Command::TakeProducer,
            Of::Mailbox => Command::TakeSender,
            Of::Board => Command::TakeWriter,
        }
    }

    fn command(&self, coming: Coming) -> Command {
        match coming {
            Coming::Takes => self.take(),
            Coming::Removes => Command::Remove,
        }
    }

    fn use_it(&self) -> Command {
        match self.of {
            Of::Channel => Command::Publish { message: MESSAGE.to_vec() },
            Of::Mailbox => Command::Send { message: MESSAGE.to_vec() },
            Of::Board => Command::Set { word: 1, value: VALUE },
        }
    }

    /// What the role is found with, of a channel, mailbox or board that is as it was before, or that is new.
    fn found(&self, is_old: bool) -> Answer {
        match (self.of, is_old) {
            (Of::Channel, false) => Answer::Resumed(None),
            (Of::Channel, true) => Answer::Resumed(Some(1)),
            (Of::Mailbox, false) => Answer::Found { last: None, waits: false },
            (Of::Mailbox, true) => Answer::Found { last: Some(1), waits: true },
            (Of::Board, false) => Answer::Restored(vec![0; BOARD_WORDS.into()]),
            (Of::Board, true) => Answer::Restored(vec![0, VALUE]),
        }
    }

    fn notes(&self) -> Vec<Note> {
        let offsets = match self.of {
            Of::Channel => vec![
                slots::layout::PRODUCER_HOLDER,
                slots::layout::PRODUCER_SINCE,
                slots::layout::consumer_holder(0),
                slots::layout::consumer_since(0),
            ],
            Of::Mailbox => vec![ready::WRITER_HOLDER, ready::WRITER_SINCE, ready::READER_HOLDER, ready::READER_SINCE],
            Of::Board => vec![status::WRITER_HOLDER, status::WRITER_SINCE],
        };
        offsets.into_iter().map(|offset| (0, offset / 8)).collect()
    }

    /// Length of an object, in bytes.
    fn length(&self, object: usize) -> Option<usize> {
        let of_channel = if object == 0 { slots::Object::Locks } else { slots::Object::Data };
        match self.of {
            Of::Channel => slots::Layout::new(CONSUMERS, CAPACITY).ok().map(|layout| layout.length(of_channel)),
            Of::Mailbox => ready::Layout::new(CAPACITY).map(|layout| layout.length()),
            Of::Board => status::Layout::new(BOARD_WORDS).map(|layout| layout.length()),
        }
    }

    /// An object as the simulator has it.
    fn visible(&self, at: usize, image: &Image) -> Result<Option<Visible>, String> {
        let Some(object) = image.get(at).and_then(Option::as_ref) else { return Ok(None) };
        let kind = self.kinds()[at];
        let length = match object.length() {
            length @ (0 | 8) => length as u16,
            length if Some(length) == self.length(at) => LENGTH_FULL,
            length => {
                return Err(format!("the {kind} object has {length} bytes, expected none, 8 or {:?}", self.length(at)));
            }
        };
        if object.mode != MODE {
            return Err(format!("the {kind} object has mode {:o}, expected {MODE:o}", object.mode));
        }
        let header = object.words.get(1..WORDS).unwrap_or(&[]);
        let pair = match (header.iter().all(|&word| word == 0), header.get(1), header.last()) {
            (true, ..) => NO_PAIR,
            // The camera has put a right checksum, and the pair, in this form.
            (false, Some(&pair), Some(1)) if pair <= 2 => pair as u8,
            _ => return Err(format!("the {kind} object has a header that is neither zero nor whole")),
        };
        let first_word = object.words.first().copied().unwrap_or(0);
        Ok(Some(Visible { first_word, length, pair, keeps_owner_out: false }))
    }

    /// A word after the header that is neither as at the beginning nor zero.
    fn elsewhere(&self, first: &Image, image: &Image) -> Option<String> {
        for (at, object) in image.iter().enumerate() {
            let Some(object) = object else { continue };
            let before = first.get(at).and_then(Option::as_ref);
            for (word, &found) in object.words.iter().enumerate().skip(WORDS) {
                let expected = before.and_then(|before| before.words.get(word)).copied().unwrap_or(0);
                if found != 0 && found != expected && !self.notes().contains(&(at, word)) {
                    let (kind, offset) = (self.kinds()[at], word * 8);
                    return Some(format!(
                        "byte {offset} of the {kind} object: found {found:#x}, expected {expected:#x} or 0"
                    ));
                }
            }
        }
        None
    }
}

impl Operation for OfNames {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn kinds(&self) -> &'static [&'static str] {
        match self.of {
            Of::Channel => &["locks", "data"],
            Of::Mailbox => &["ready"],
            Of::Board => &["status"],
        }
    }

    fn predict(&self) -> Result<Box<dyn Prediction + '_>, Trouble> {
        let processes: &'static [&'static [Op]] = match (self.subject, self.successor) {
            (Coming::Takes, Coming::Takes) => &[WAS_THERE, TAKES, TAKES],
            (Coming::Takes, Coming::Removes) => &[WAS_THERE, TAKES, REMOVES],
            (Coming::Removes, Coming::Takes) => &[WAS_THERE, REMOVES, TAKES],
            (Coming::Removes, Coming::Removes) => &[WAS_THERE, REMOVES, REMOVES],
        };
        debug_assert_eq!(processes[SUBJECT], self.subject.simulated());
        let kills = Kills { max: 3, of: 1 << SUBJECT | 1 << SUCCESSOR };
        let (umask, stops, calls) = (false, false, u16::MAX);
        // What the simulator knows of a board, one object, is as it is for a mailbox.
        let board = self.of != Of::Channel;
        let scenario = Scenario { name: self.name, processes, kills, board, umask, stops, calls };
        let before: &[usize] = match self.subject {
            Coming::Takes => &[SUBJECT],
            Coming::Removes => &[BEFORE, BEFORE, BEFORE, SUBJECT],
        };
        let plan = Plan {
            before,
            process: SUBJECT,
            meanwhile: &[],
            successor: SUCCESSOR,
            deaths: kills.max.into(),
            first_death: None,
        };
        let images = images::images(&mut Kernel::new(&scenario, None), &plan)
            .map_err(|broken| format!("the simulator itself: {broken}"))?;
        Ok(Box::new(Predicted { of: self, images }))
    }

    fn set<'h>(&'h self, host: &'h Host<'h>) -> Result<Box<dyn Scene + 'h>, Trouble> {
        let name = host.name();
        if self.subject == Coming::Removes {
            let mut before = Part::new(&name, self.dimensions())?;
            for command in [self.take(), self.use_it()] {
                check_answer(before.play(&command))?;
            }
        }
        let mut subject = host.start(&name, self.dimensions())?;
        subject.begin(&self.command(self.subject))?;
        let camera = Camera::new(&name, self.kinds(), self.notes());
        // What a remover begins with is there.
        let is_old = self.subject == Coming::Removes;
        Ok(Box::new(Stage {
            of: self,
            host,
            name,
            camera,
            subject: Some(subject),
            coming: self.subject,
            deaths: 0,
            is_old,
        }))
    }
}

struct Predicted<'o> {
    of: &'o OfNames,
    images: Images<[Option<Visible>; 2]>,
}

impl Prediction for Predicted<'_> {
    fn performing(&self) -> usize {
        self.images.performing.len()
    }

    fn recovering(&self) -> usize {
        self.images.recovering.len()
    }

    fn miss(&self, phase: Phase, first: &Image, image: &Image) -> Option<String> {
        let predicted = match phase {
            Phase::Performing => &self.images.performing,
            Phase::Recovering => &self.images.recovering,
        };
        self.none_of(predicted, image).or_else(|| self.of.elsewhere(first, image))
    }

    fn unfinished(&self, phase: Phase, image: &Image) -> Option<String> {
        self.none_of(
            match phase {
                Phase::Performing => &self.images.performed,
                Phase::Recovering => &self.images.recovered,
            },
            image,
        )
    }
}

impl Predicted<'_> {
    fn none_of(&self, predicted: &HashSet<[Option<Visible>; 2]>, image: &Image) -> Option<String> {
        let found = match (self.of.visible(0, image), self.of.visible(1, image)) {
            (Ok(anchor), Ok(data)) => [anchor, data],
            (Err(wrong), _) | (_, Err(wrong)) => return Some(wrong),
        };
        let count = predicted.len();
        (!predicted.contains(&found))
            .then(|| format!("found {found:?}, expected one of the {count} that the simulator predicts: {predicted:?}"))
    }
}

struct Stage<'h> {
    of: &'h OfNames,
    host: &'h Host<'h>,
    name: String,
    camera: Camera,
    subject: Option<Tracee>,
    /// What the subject does.
    coming: Coming,
    deaths: usize,
    /// Whether there is the channel or board that was there before, intact.
    is_old: bool,
}

impl Stage<'_> {
    fn part(&self) -> Result<Part, Trouble> {
        Ok(Part::new(&self.name, self.of.dimensions())?)
    }

    fn expect(&self, what: &str, found: Answer, expected: Answer) -> Result<(), Trouble> {
        if found == expected {
            return Ok(());
        }
        let found = check_answer(found)?;
        Err(Trouble::Violation(format!("{what}: found {found:?}, expected {expected:?}")))
    }

    /// Who has the role uses it, and others see that.
    fn check_works(
        &mut self,
        mut play: impl FnMut(&mut Self, &Command) -> Result<Answer, Trouble>,
    ) -> Result<(), Trouble> {
        let mut rival = self.part()?;
        match rival.play(&self.of.take()) {
            Answer::RoleTaken => {}
            answer => return Err(Trouble::Violation(format!("a role was had twice: {answer:?}"))),
        }
        let mut reader = self.part()?;
        let message = |number| Answer::Read(Some((number, MESSAGE.to_vec())));
        if self.of.of == Of::Mailbox {
            self.expect("a reader takes its role", reader.play(&Command::TakeReceiver), Answer::Receives)?;
            if self.is_old {
                self.expect("the reader takes what waited", reader.play(&Command::Take), message(1))?;
            }
            self.expect("a second reader", self.part()?.play(&Command::TakeReceiver), Answer::RoleTaken)?;
        }
        let used = check_answer(play(self, &self.of.use_it())?)?;
        let number = match (self.of.of, used) {
            (Of::Channel, Answer::Published(number)) => number,
            (Of::Mailbox, Answer::Sent(Some(number))) => {
                return self.expect("the reader takes", reader.play(&Command::Take), message(number));
            }
            (Of::Board, Answer::Done) => {
                check_answer(reader.play(&Command::TakeMonitor))?;
                return self.expect("a monitor reads", reader.play(&Command::Get { word: 1 }), Answer::Got(VALUE));
            }
            (_, used) => return Err(strange(&used)),
        };
        let nothing = Answer::Recovered { held: None, interrupted: false };
        self.expect("a consumer takes its role", reader.play(&Command::TakeConsumer(0)), nothing)?;
        self.expect("a consumer acquires", reader.play(&Command::Acquire), message(number))?;
        let mut observer = self.part()?;
        check_answer(observer.play(&Command::TakeObserver))?;
        self.expect("an observer peeks", observer.play(&Command::Peek), message(number))
    }
}

impl Scene for Stage<'_> {
    fn subject(&mut self) -> Result<&mut Tracee, Trouble> {
        self.subject.as_mut().ok_or_else(|| "nobody is stepped".into())
    }

    fn look(&mut self) -> Result<Image, Trouble> {
        let subject = self.subject.as_ref().ok_or("nobody is stepped")?;
        self.camera.look(subject)
    }

    fn others_sleep(&self) -> bool {
        false
    }

    fn has_meanwhile(&self) -> bool {
        false
    }

    fn meanwhile(&mut self, _: usize) -> Result<bool, Trouble> {
        Ok(false)
    }

    fn complete(&mut self) -> Result<(), Trouble> {
        let answer = self.subject()?.answer()?;
        match self.coming {
            Coming::Takes => self.expect("the role is taken", answer, self.of.found(self.is_old)),
            // Whoever removes what another has begun to remove may find nothing.
            Coming::Removes if self.deaths > 0 => match check_answer(answer)? {
                Answer::Removed(_) => Ok(()),
                answer => Err(strange(&answer)),
            },
            Coming::Removes => self.expect("it is removed", answer, Answer::Removed(true)),
        }
    }

    fn succeed(&mut self) -> Result<(), Trouble> {
        let image = self.look()?;
        if let Some(dead) = self.subject.take() {
            dead.kill()?;
        }
        let anchor = image.first().and_then(Option::as_ref);
        self.is_old &= anchor.and_then(|anchor| anchor.words.first()) == Some(&MAGIC);
        self.deaths += 1;
        self.coming = self.of.successor;
        let mut subject = self.host.start(&self.name, self.of.dimensions())?;
        subject.begin(&self.of.command(self.coming))?;
        self.subject = Some(subject);
        Ok(())
    }

    fn go_on(mut self: Box<Self>) -> Result<(), Trouble> {
        if self.coming == Coming::Takes {
            self.check_works(|stage, command| stage.subject()?.play(command))?;
        }
        if let Some(subject) = self.subject.take() {
            subject.dismiss()?;
        }
        if self.coming == Coming::Removes {
            check_gone(&self.name)?;
            // It can be created anew.
            self.is_old = false;
            let mut next = self.part()?;
            self.expect("the role is taken anew", next.play(&self.of.take()), self.of.found(false))?;
            self.check_works(|_, command| Ok(next.play(command)))?;
        }
        self.expect("it is removed", self.part()?.play(&Command::Remove), Answer::Removed(true))?;
        check_gone(&self.name)
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        // Where this fails the session removes it.
        drop(self.subject.take());
        let _ = lastword::remove_unused(&self.name);
    }
}
