//! What all pieces have in common: a scenario with less ceremony.
//!
//! A piece is a few words, which are 0 at the start, and processes that carry two numbers at most. So a piece says what
//! its processes do, and what the judge wants; this makes a [`Scenario`] of it.

use lastword_protocol::memory::{Kind, Memory, Numbering, Ordering, Site};
use lastword_protocol::model::{Judge, Progress, Scenario, Violation};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

/// A site of a piece's table.
pub(super) const fn site(id: u8, name: &'static str, kind: Kind, order: Ordering) -> Site {
    Site { id, name, kind, order, failure: Ordering::Relaxed, weaker_order_is_equivalent: None }
}

/// A process of a piece, and what it does next.
pub(super) type Part<Op> = (&'static str, &'static [Op]);

/// A small protocol, and its judge.
pub(super) trait Design: Copy + Send + Sync + 'static {
    /// Its words, which are 0 at the start.
    type Word: Copy + PartialEq + fmt::Debug + fmt::Display + Send + 'static;
    /// What the judge is told of.
    type Event: Copy + PartialEq + fmt::Debug + Send + 'static;
    /// What the judge knows.
    type Oracle: Clone + Default + PartialEq + Hash + fmt::Debug + Send + 'static;
    /// What a process does.
    type Op: Copy + PartialEq + fmt::Debug + Send + Sync + 'static;

    /// The table of sites.
    const SITES: &'static [&'static Site];
    /// All words.
    const WORDS: &'static [Self::Word];
    /// How many payload areas there are, and how long they are, in words.
    const AREAS: (usize, usize) = (0, 1);
    /// Whether payload is read while others may write it.
    const RACY: bool = false;

    /// The processes: each one's role and operations.
    fn cast(&self) -> &'static [Part<Self::Op>];

    /// Tells the judge of `event`; its answer.
    fn judge(oracle: &mut Self::Oracle, event: Self::Event) -> Result<u64, Violation>;

    /// Tells the judge that a process died.
    fn died(oracle: &mut Self::Oracle, process: usize) {
        let _ = (oracle, process);
    }

    /// A process begins, for the first time or after its predecessor's death.
    fn start<M: Memory<Word = Self::Word>>(
        me: &mut Actor<Self, M>,
        judge: &impl Judge<Self::Event>,
    ) -> Result<(), Violation> {
        let _ = (me, judge);
        Ok(())
    }

    /// Performs an operation.
    fn perform<M: Memory<Word = Self::Word>>(
        me: &mut Actor<Self, M>,
        op: Self::Op,
        judge: &impl Judge<Self::Event>,
    ) -> Result<Progress, Violation>;

    /// Writes a value of `word`, for people.
    fn show(word: Self::Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// One incarnation of a process of a piece.
pub(super) struct Actor<D, M> {
    /// Which variant of the piece this is.
    pub(super) design: D,
    /// The shared memory.
    pub(super) memory: M,
    /// The process's number.
    pub(super) number: usize,
    /// The process's private memory: a death forgets it.
    pub(super) private: u64,
}

impl<D: Design, M: Memory<Word = D::Word>> Actor<D, M> {
    /// Adds 1 to `word`, or subtracts it, in one step.
    ///
    /// A fetch-add that is made of compare-exchanges: the first of them guesses what it finds.
    pub(super) fn count(&self, word: D::Word, guess: u64, step: i64, site: &'static Site) {
        let mut found = guess;
        while let Err(other) = self.memory.compare_exchange(word, found, found.wrapping_add_signed(step), site) {
            found = other;
        }
    }
}

/// The memory of a piece.
pub(super) struct Stage<D>(PhantomData<D>);

impl<D> Clone for Stage<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for Stage<D> {}

impl<D: Design> Numbering for Stage<D> {
    type Word = D::Word;
    fn words(&self) -> usize {
        D::WORDS.len()
    }
    fn number(&self, word: D::Word) -> Option<usize> {
        D::WORDS.iter().position(|&other| other == word)
    }
    fn word(&self, number: usize) -> Option<D::Word> {
        D::WORDS.get(number).copied()
    }
    fn areas(&self) -> usize {
        D::AREAS.0
    }
    fn area_words(&self) -> usize {
        D::AREAS.1
    }
}

/// A design as a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staged<D>(pub(super) D);

impl<D: Design> Scenario for Staged<D> {
    type Word = D::Word;
    type Layout = Stage<D>;
    type Event = D::Event;
    type Oracle = D::Oracle;
    type Op = D::Op;
    type Process<M: Memory<Word = D::Word>> = Actor<D, M>;
    const SITES: &'static [&'static Site] = D::SITES;

    fn layout(&self) -> Stage<D> {
        Stage(PhantomData)
    }

    fn initial(&self) -> impl Iterator<Item = (D::Word, u64)> {
        std::iter::empty()
    }

    fn processes(&self) -> usize {
        self.0.cast().len()
    }

    fn role(&self, process: usize) -> &'static str {
        self.0.cast()[process].0
    }

    fn oracle(&self) -> D::Oracle {
        D::Oracle::default()
    }

    fn operations(&self, process: usize) -> &[D::Op] {
        self.0.cast()[process].1
    }

    fn judge(oracle: &mut D::Oracle, event: D::Event) -> Result<u64, Violation> {
        D::judge(oracle, event)
    }

    fn start<M: Memory<Word = D::Word>>(
        &self,
        process: usize,
        memory: M,
        judge: &impl Judge<D::Event>,
    ) -> Result<Actor<D, M>, Violation> {
        let mut actor = Actor { design: self.0, memory, number: process, private: 0 };
        D::start(&mut actor, judge)?;
        Ok(actor)
    }

    fn perform<M: Memory<Word = D::Word>>(
        process: &mut Actor<D, M>,
        op: D::Op,
        judge: &impl Judge<D::Event>,
    ) -> Result<Progress, Violation> {
        D::perform(process, op, judge)
    }

    fn carried<M: Memory<Word = D::Word>>(process: &Actor<D, M>) -> [u64; 2] {
        [process.private, 0]
    }

    fn died(oracle: &mut D::Oracle, process: usize) {
        D::died(oracle, process);
    }

    fn reads_while_written(&self, _: usize) -> bool {
        D::RACY
    }

    fn show(&self, word: D::Word, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        D::show(word, value, f)
    }

    fn check_write(&self, _: usize, _: &dyn Fn(D::Word) -> u64) -> Result<(), Violation> {
        // What is written too early shows in what is read: judges of pieces look at nothing else.
        Ok(())
    }
}
