//! Operations of the protocols of words: [`slots`](super::slots), [`mailbox`](super::mailbox),
//! [`status`](super::status).
//!
//! The stage is a scenario of the protocol's model: the same processes with the same operations, messages of the same
//! lengths and content, judged by the same oracle. So the simulator, which runs that scenario, predicts each word of
//! memory.

use super::Trouble;
use super::image::{Camera, Image, Note};
use super::part::{Answer, Command, Dimensions, Part};
use super::scene::{Host, Operation, Phase, Prediction, Scene, check_gone, nearest};
use super::tracee::{At, PATIENCE, Tracee, stranded};
use lastword::protocol::memory::Numbering;
use lastword::protocol::model::Scenario;
use lastword_sim::images::{self, Images, Plan};
use lastword_sim::memory::Model;
use lastword_sim::world::{Kills, Setting, World};
use std::time::Duration;

/// What the words of an image have to be like.
pub(super) type Condition<P> = fn(&P, &[u64]) -> bool;

/// Who sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleeper {
    Nobody,
    /// A process whose next operation is to sleep is asleep in it when the operation begins.
    Other(usize),
    /// The process itself, and then others do what they do meanwhile.
    Itself,
}

/// One operation of a protocol's scenario.
pub(super) struct Script<P: ?Sized> {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Whose next operation comes before it, one after the other. What comes first of a process is that it takes its
    /// role.
    pub(super) before: &'static [usize],
    /// Whose next operation it is, or taking of its role.
    pub(super) process: usize,
    /// Who performs the next operation when the process has changed memory for so many times.
    pub(super) meanwhile: &'static [(usize, usize)],
    pub(super) sleeper: Sleeper,
    /// If so, the process is killed where memory is so first, and it is its successor's recovery that is looked at.
    pub(super) killed_where: Option<Condition<P>>,
}

type Op<P> = <<P as Play>::Model as Scenario>::Op;
type Oracle<P> = <<P as Play>::Model as Scenario>::Oracle;
type Word<P> = <<P as Play>::Model as Scenario>::Word;

/// A protocol, as real processes play it.
pub(super) trait Play: Sync {
    /// Its model.
    type Model: Scenario + Clone + Sync + 'static;
    /// The ends of its objects' names.
    const KINDS: &'static [&'static str];

    /// The processes and their operations.
    fn model(&self) -> &Self::Model;

    /// Which of them is looked at.
    fn script(&self) -> &Script<Self>;

    /// The dimensions of the channel or board.
    fn dimensions(&self) -> Dimensions;

    /// The object that a word is in, and the byte offset.
    fn place(&self, word: Word<Self>) -> Option<(usize, usize)>;

    /// The object that a payload area is in, and the byte offset.
    fn payload(&self, area: usize) -> Option<(usize, usize)>;

    /// The words that note who has a role, which no protocol reads, and the simulator does not know of.
    fn notes(&self) -> Vec<Note>;

    /// Whether nobody else can have the role of a process.
    fn is_exclusive(&self, process: usize) -> bool;

    /// The word that processes sleep on, if any does.
    fn slept_on(&self) -> Option<Word<Self>> {
        None
    }

    /// Somebody does what a process sleeps for.
    fn rouse(&self, stage: &mut Stage<'_, Self>, process: usize) -> Result<(), Trouble>
    where
        Self: Sized,
    {
        let _ = (stage, process);
        Ok(())
    }

    /// A process that is awake gets what it slept for.
    fn awake(&self, stage: &mut Stage<'_, Self>, process: usize, op: Op<Self>) -> Result<(), Trouble>
    where
        Self: Sized,
    {
        let _ = (stage, process, op);
        Ok(())
    }

    /// How the operation that is looked at is done, where that is not as [`begin`](Self::begin) says.
    fn instead(&self, op: Op<Self>) -> Option<Command> {
        let _ = op;
        None
    }

    /// How a process takes its role.
    fn take(&self, process: usize) -> Command;

    /// Judges what a process has found that took its role.
    fn taken(&self, oracle: &mut Oracle<Self>, process: usize, answer: Answer) -> Result<(), Trouble>;

    /// Tells the judge that an operation begins; how a real process does it.
    fn begin(&self, oracle: &mut Oracle<Self>, process: usize, op: Op<Self>) -> Result<Command, Trouble>;

    /// Judges how it ended.
    fn end(&self, oracle: &mut Oracle<Self>, process: usize, op: Op<Self>, answer: &Answer) -> Result<(), Trouble>;

    /// Everybody goes on for long enough that whatever is wrong shows.
    fn finale(&self, stage: &mut Stage<'_, Self>) -> Result<(), Trouble>
    where
        Self: Sized;
}

/// What an operation is that is under way.
#[derive(Clone, Copy, Debug)]
enum Doing<O> {
    Taking,
    Performing(O),
}

/// Who plays a part.
enum Player {
    /// This process.
    Here(Box<Part>),
    /// A process of its own, which can sleep.
    Apart(Tracee),
}

impl Player {
    fn play(&mut self, command: &Command) -> Result<Answer, Trouble> {
        match self {
            Player::Here(part) => Ok(part.play(command)),
            Player::Apart(process) => process.play(command),
        }
    }
}

/// A process that is asleep, or was and has not been looked at since.
struct Asleep<P: Play> {
    process: usize,
    op: Op<P>,
    /// The word that it sleeps on, when it fell asleep.
    word: u64,
}

/// A channel or board, its processes, and their judge.
pub(super) struct Stage<'h, P: Play> {
    play: &'h P,
    host: &'h Host<'h>,
    name: String,
    camera: Camera,
    oracle: Oracle<P>,
    /// The processes but the subject.
    parts: Vec<Option<Player>>,
    subject: Option<Tracee>,
    asleep: Option<Asleep<P>>,
    /// How many operations of each process are begun.
    begun: Vec<usize>,
    doing: Doing<Op<P>>,
    /// How much of what happens meanwhile has happened.
    meanwhile: usize,
}

impl<P: Play> Operation for P {
    fn name(&self) -> &'static str {
        self.script().name
    }

    fn about(&self) -> &'static str {
        self.script().about
    }

    fn kinds(&self) -> &'static [&'static str] {
        P::KINDS
    }

    fn predict(&self) -> Result<Box<dyn Prediction + '_>, Trouble> {
        let script = self.script();
        let kills = Kills { max: 3, of: 1 << script.process };
        let setting = Setting { kills, ..Setting::new(Model::Sc, kills.max) };
        let mut world = World::new(self.model(), &setting)?;
        let is_here = script.killed_where.map(|condition| move |words: &Vec<u64>| condition(self, words));
        let mut before = script.before.to_vec();
        if let Sleeper::Other(process) = script.sleeper {
            before.push(process);
        }
        let plan = Plan {
            before: &before,
            process: script.process,
            meanwhile: script.meanwhile,
            successor: script.process,
            deaths: kills.max.into(),
            first_death: is_here.as_ref().map(|is_here| is_here as &dyn Fn(&Vec<u64>) -> bool),
        };
        let images = images::images(&mut world, &plan).map_err(|broken| format!("the simulator itself: {broken}"))?;
        Ok(Box::new(Predicted { play: self, images }))
    }

    fn set<'h>(&'h self, host: &'h Host<'h>) -> Result<Box<dyn Scene + 'h>, Trouble> {
        let script = self.script();
        let name = host.name();
        let mut parts = Vec::new();
        parts.resize_with(self.model().processes(), || None);
        // Somebody has created the objects before.
        let mut creator = Part::new(&name, self.dimensions())?;
        check_answer(creator.play(&self.take(0)))?;
        drop(creator);
        let subject = host.start(&name, self.dimensions())?;
        let mut stage = Stage {
            play: self,
            host,
            camera: Camera::new(&name, P::KINDS, self.notes()),
            name,
            oracle: self.model().oracle(),
            begun: vec![0; parts.len()],
            parts,
            subject: Some(subject),
            asleep: None,
            doing: Doing::Taking,
            meanwhile: 0,
        };
        for (at, &process) in script.before.iter().enumerate() {
            if script.before[..at].contains(&process) {
                stage.perform_next(process)?;
            } else {
                stage.take(process)?;
            }
        }
        if let Sleeper::Other(process) = script.sleeper {
            stage.fall_asleep(process)?;
        }
        stage.begin(script.before.contains(&script.process))?;
        if let Some(condition) = script.killed_where {
            stage.reach(condition)?;
            stage.succeed()?;
        }
        Ok(Box::new(stage))
    }
}

impl<P: Play> Stage<'_, P> {
    /// How many processes there are.
    pub(super) fn processes(&self) -> usize {
        self.parts.len()
    }

    /// Takes the role of a process that has none yet.
    pub(super) fn take_missing(&mut self, process: usize) -> Result<(), Trouble> {
        if process == self.play.script().process || self.parts[process].is_some() { Ok(()) } else { self.take(process) }
    }

    fn take(&mut self, process: usize) -> Result<(), Trouble> {
        let command = self.play.take(process);
        if process != self.play.script().process {
            let dimensions = self.play.dimensions();
            self.parts[process] = Some(if self.play.script().sleeper == Sleeper::Other(process) {
                Player::Apart(self.host.start(&self.name, dimensions)?)
            } else {
                Player::Here(Box::new(Part::new(&self.name, dimensions)?))
            });
        }
        let answer = self.command(process, &command)?;
        self.play.taken(&mut self.oracle, process, answer)
    }

    fn perform_next(&mut self, process: usize) -> Result<(), Trouble> {
        let op = self.next(process)?;
        self.perform(process, op).map(drop)
    }

    fn next(&mut self, process: usize) -> Result<Op<P>, Trouble> {
        let at = self.begun[process];
        self.begun[process] += 1;
        match self.play.model().operations(process).get(at) {
            Some(&op) => Ok(op),
            None => Err(format!("process {process} has no operation number {at}").into()),
        }
    }

    /// Has a process perform an operation, and judges it; what it answered.
    pub(super) fn perform(&mut self, process: usize, op: Op<P>) -> Result<Answer, Trouble> {
        let command = self.play.begin(&mut self.oracle, process, op)?;
        let answer = self.command(process, &command)?;
        self.play.end(&mut self.oracle, process, op, &answer)?;
        Ok(answer)
    }

    fn command(&mut self, process: usize, command: &Command) -> Result<Answer, Trouble> {
        let answer = match &mut self.parts[process] {
            Some(player) => player.play(command)?,
            None => self.subject()?.play(command)?,
        };
        check_answer(answer)
    }

    /// The protocol's words in memory as it is now.
    pub(super) fn words(&mut self) -> Result<Vec<u64>, Trouble> {
        Ok(words(self.play, &self.look()?))
    }

    /// The word that processes sleep on, as it is now.
    fn slept_on(&mut self) -> Result<u64, Trouble> {
        let words = self.words()?;
        let number = self.play.slept_on().and_then(|word| self.play.model().layout().number(word));
        number.and_then(|number| words.get(number)).copied().ok_or_else(|| "nobody sleeps on a word".into())
    }

    fn player(&mut self, process: usize) -> Result<&mut Tracee, Trouble> {
        match &mut self.parts[process] {
            Some(Player::Apart(process)) => Ok(process),
            _ => Err("who sleeps has no process of its own".into()),
        }
    }

    /// A process falls asleep in its next operation.
    fn fall_asleep(&mut self, process: usize) -> Result<(), Trouble> {
        let op = self.next(process)?;
        let command = self.play.begin(&mut self.oracle, process, op)?;
        let word = self.slept_on()?;
        let player = self.player(process)?;
        player.begin(&command)?;
        player.fall_asleep()?;
        self.asleep = Some(Asleep { process, op, word });
        Ok(())
    }

    /// Who sleeps has been woken, if what it sleeps for is there. If not it sleeps on, and is woken by the next who
    /// does that.
    fn wake_up(&mut self) -> Result<(), Trouble> {
        let Some(Asleep { process, op, word }) = self.asleep.take() else { return Ok(()) };
        if self.slept_on()? == word {
            if self.player(process)?.is_awake_within(Duration::ZERO)? {
                return Err(Trouble::Violation("a process woke up, and what it slept for is not there".to_owned()));
            }
            self.play.rouse(self, process)?;
        }
        let player = self.player(process)?;
        if !player.is_awake_within(PATIENCE)? {
            return Err(stranded());
        }
        let answer = check_answer(player.answer()?)?;
        self.play.end(&mut self.oracle, process, op, &answer)?;
        self.play.awake(self, process, op)
    }

    /// Nobody else can have a role that somebody has.
    fn check_roles(&mut self) -> Result<(), Trouble> {
        for process in 0..self.processes() {
            let is_had = self.parts[process].is_some() || process == self.play.script().process;
            if !is_had || !self.play.is_exclusive(process) {
                continue;
            }
            match Part::new(&self.name, self.play.dimensions())?.play(&self.play.take(process)) {
                Answer::RoleTaken => {}
                answer => {
                    return Err(Trouble::Violation(format!("the role of process {process} was had twice: {answer:?}")));
                }
            }
        }
        Ok(())
    }

    /// The subject comes to the first instruction of what is looked at.
    fn begin(&mut self, has_role: bool) -> Result<(), Trouble> {
        let process = self.play.script().process;
        let command = if has_role {
            let op = self.next(process)?;
            self.doing = Doing::Performing(op);
            let command = self.play.begin(&mut self.oracle, process, op)?;
            self.play.instead(op).unwrap_or(command)
        } else {
            self.doing = Doing::Taking;
            self.play.take(process)
        };
        self.subject()?.begin(&command)
    }

    /// The subject goes on to where memory is as it has to be.
    fn reach(&mut self, condition: Condition<P>) -> Result<(), Trouble> {
        let mut last = self.look()?;
        let mut changes = 0;
        while !condition(self.play, &words(self.play, &last)) {
            self.host.check()?;
            if self.subject()?.step()? == At::End {
                return Err(Trouble::Violation(
                    "memory never is as it has to be where the process is killed".to_owned(),
                ));
            }
            let mut now = self.look()?;
            if now != last {
                changes += 1;
                while self.meanwhile(changes)? {
                    now = self.look()?;
                }
            }
            last = now;
        }
        // It is recovery that is looked at now.
        self.meanwhile = self.play.script().meanwhile.len();
        Ok(())
    }
}

impl<P: Play> Scene for Stage<'_, P> {
    fn subject(&mut self) -> Result<&mut Tracee, Trouble> {
        self.subject.as_mut().ok_or_else(|| "nobody is stepped".into())
    }

    fn look(&mut self) -> Result<Image, Trouble> {
        let subject = self.subject.as_ref().ok_or("nobody is stepped")?;
        self.camera.look(subject)
    }

    fn others_sleep(&self) -> bool {
        self.play.script().sleeper != Sleeper::Nobody
    }

    fn has_meanwhile(&self) -> bool {
        self.meanwhile < self.play.script().meanwhile.len()
    }

    fn meanwhile(&mut self, changes: usize) -> Result<bool, Trouble> {
        let Some(&(at, process)) = self.play.script().meanwhile.get(self.meanwhile) else { return Ok(false) };
        let sleeps = self.play.script().sleeper == Sleeper::Itself;
        if changes < at || sleeps && !self.subject()?.is_asleep {
            return Ok(false);
        }
        self.meanwhile += 1;
        self.perform_next(process)?;
        Ok(true)
    }

    fn complete(&mut self) -> Result<(), Trouble> {
        let process = self.play.script().process;
        let answer = check_answer(self.subject()?.answer()?)?;
        match self.doing {
            Doing::Taking => self.play.taken(&mut self.oracle, process, answer),
            Doing::Performing(op) => self.play.end(&mut self.oracle, process, op, &answer),
        }
    }

    fn succeed(&mut self) -> Result<(), Trouble> {
        if let Some(dead) = self.subject.take() {
            dead.kill()?;
        }
        P::Model::died(&mut self.oracle, self.play.script().process);
        self.subject = Some(self.host.start(&self.name, self.play.dimensions())?);
        // Of what happens meanwhile nothing happens any more.
        self.meanwhile = self.play.script().meanwhile.len();
        self.begin(false)
    }

    fn go_on(mut self: Box<Self>) -> Result<(), Trouble> {
        self.check_roles()?;
        self.wake_up()?;
        self.play.finale(&mut self)?;
        self.parts.clear();
        if let Some(subject) = self.subject.take() {
            subject.dismiss()?;
        }
        let removed = check_answer(Part::new(&self.name, self.play.dimensions())?.play(&Command::Remove))?;
        if removed != Answer::Removed(true) {
            return Err(Trouble::Violation("what was to be removed was not there".to_owned()));
        }
        check_gone(&self.name)
    }
}

impl<P: Play> Drop for Stage<'_, P> {
    fn drop(&mut self) {
        // Where this fails the session removes it.
        self.parts.clear();
        drop(self.subject.take());
        let _ = lastword::remove_unused(&self.name);
    }
}

struct Predicted<'p, P> {
    play: &'p P,
    images: Images<Vec<u64>>,
}

impl<P: Play> Predicted<'_, P> {
    fn is_recovery(&self, phase: Phase) -> bool {
        phase == Phase::Recovering || self.play.script().killed_where.is_some()
    }

    fn show(&self, cell: usize, value: u64) -> String {
        let model = self.play.model();
        let layout = model.layout();
        let value = value_of(model, cell, value);
        match layout.word(cell) {
            Some(word) => format!("{word:?} = {value}"),
            None => {
                let at = cell - layout.words();
                format!("payload[{}][{}] = {value}", at / layout.area_words(), at % layout.area_words())
            }
        }
    }
}

impl<P: Play> Prediction for Predicted<'_, P> {
    fn performing(&self) -> usize {
        if self.is_recovery(Phase::Performing) { self.recovering() } else { self.images.performing.len() }
    }

    fn recovering(&self) -> usize {
        self.images.recovering.len()
    }

    fn unfinished(&self, phase: Phase, image: &Image) -> Option<String> {
        let predicted = if self.is_recovery(phase) { &self.images.recovered } else { &self.images.performed };
        nearest(predicted, &words(self.play, image), |cell, value| self.show(cell, value))
    }

    fn miss(&self, phase: Phase, first: &Image, image: &Image) -> Option<String> {
        let predicted = if self.is_recovery(phase) { &self.images.recovering } else { &self.images.performing };
        nearest(predicted, &words(self.play, image), |cell, value| self.show(cell, value))
            .or_else(|| elsewhere(self.play, first, image))
    }
}

fn value_of<S: Scenario>(model: &S, cell: usize, value: u64) -> String {
    match model.layout().word(cell) {
        Some(word) => std::fmt::from_fn(|f| model.show(word, value, f)).to_string(),
        None => format!("{value:#x}"),
    }
}

/// Where each word of the model, and each of its payload words, is in an image.
fn places<P: Play>(play: &P) -> impl Iterator<Item = Option<(usize, usize)>> + '_ {
    let layout = play.model().layout();
    let words = (0..layout.words()).map(move |number| play.place(layout.word(number)?));
    let area_words = layout.area_words();
    let payload = (0..layout.areas() * area_words).map(move |at| {
        let (object, offset) = play.payload(at / area_words)?;
        Some((object, offset + at % area_words * 8))
    });
    words.chain(payload)
}

/// The words and payload words of an image, as the model numbers them.
fn words<P: Play>(play: &P, image: &Image) -> Vec<u64> {
    let word = |place: Option<(usize, usize)>| {
        let (object, offset) = place?;
        image[object].as_ref()?.words.get(offset / 8).copied()
    };
    places(play).map(|place| word(place).unwrap_or(u64::MAX)).collect()
}

/// A change where the protocol has no word.
fn elsewhere<P: Play>(play: &P, first: &Image, image: &Image) -> Option<String> {
    let mut ours: Vec<_> = places(play).flatten().map(|(object, offset)| (object, offset / 8)).collect();
    ours.extend(play.notes());
    for (object, (before, now)) in first.iter().zip(image).enumerate() {
        let kind = P::KINDS[object];
        let (Some(before), Some(now)) = (before, now) else { return Some(format!("the {kind} object is gone")) };
        if before.mode != now.mode || before.length() != now.length() {
            return Some(format!("the {kind} object has another mode or length"));
        }
        for (at, (before, now)) in before.words.iter().zip(&now.words).enumerate() {
            if before != now && !ours.contains(&(object, at)) {
                let offset = at * 8;
                return Some(format!(
                    "nobody writes to byte {offset} of the {kind} object: found {now:#x}, expected {before:#x}"
                ));
            }
        }
    }
    None
}

/// An answer, if it is not that something failed.
pub(super) fn check_answer(answer: Answer) -> Result<Answer, Trouble> {
    match answer {
        Answer::Failed(error) => Err(Trouble::Violation(format!("an operation failed: {error}"))),
        Answer::RoleTaken => Err(Trouble::Violation("a role is taken that nobody has".to_owned())),
        answer => Ok(answer),
    }
}

/// An answer that is none to what was asked.
pub(super) fn strange(answer: &Answer) -> Trouble {
    Trouble::Violation(format!("a process answered {answer:?}, which is no answer to what it was told"))
}
