//! The one source of nondeterminism: [`Choose::choose`].
//!
//! Which process steps, whether it dies, which stores survive it, which value a load finds: a world asks for a number
//! below `n`, and says what it is about. An engine is a way to answer. The answer 0 always is the plainest one (go on
//! with the same process, do not die, find the newest value), so that a run is simpler the more of its choices are 0.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// What a choice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who goes next. The answer counts the set bits from `last` on, around.
    Who {
        /// A bit for each that can: processes first, then store buffers that can be flushed.
        enabled: u32,
        /// Who went last.
        last: u32,
    },
    /// Whether the process dies instead of going on.
    Dies,
    /// Which store in a buffer is flushed.
    Flush,
    /// How far back the value is that a load finds.
    Older,
    /// What is left of a dead process's unordered stores to a word.
    Left,
}

/// An engine.
pub trait Choose {
    /// A number below `n`, which is at least 2.
    fn choose(&mut self, question: Question, n: usize) -> usize;

    /// Told where there is no choice but that `who` goes next.
    #[inline]
    fn alone(&mut self, who: u32) {
        let _ = who;
    }
}

/// The `index`-th of `enabled` from `last` on, around.
#[inline]
pub fn nth_enabled(enabled: u32, last: u32, index: usize) -> u32 {
    let turned = enabled.rotate_right(last);
    let mut rest = turned;
    for _ in 0..index {
        rest &= rest - 1;
    }
    (rest.trailing_zeros() + last) % u32::BITS
}

/// The index whose answer to [`Question::Who`] is `who`.
#[inline]
pub fn index_of(enabled: u32, last: u32, who: u32) -> usize {
    let turned = enabled.rotate_right(last);
    let at = (who + u32::BITS - last) % u32::BITS;
    (turned & ((1 << at) - 1)).count_ones() as usize
}

/// Numbers drawn from a seed.
#[derive(Clone, Debug)]
pub struct Random {
    rng: SmallRng,
    dies_one_in: u32,
    switches_one_in: u32,
}

impl Random {
    /// Processes die with a chance of 1 in `dies_one_in` at each point, and take turns with 1 in `switches_one_in`; 1
    /// is a new draw at each step.
    pub fn new(seed: u64, dies_one_in: u32, switches_one_in: u32) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(seed),
            dies_one_in: dies_one_in.max(1),
            switches_one_in: switches_one_in.max(1),
        }
    }
}

impl Choose for Random {
    #[inline]
    fn choose(&mut self, question: Question, n: usize) -> usize {
        match question {
            Question::Dies => (below(&mut self.rng, self.dies_one_in) == 0).into(),
            Question::Who { enabled, last }
                if self.switches_one_in > 1
                    && enabled & (1 << last) != 0
                    && below(&mut self.rng, self.switches_one_in) != 0 =>
            {
                0
            }
            _ => below(&mut self.rng, n as u32) as usize,
        }
    }
}

#[inline]
fn below(rng: &mut SmallRng, n: u32) -> u32 {
    ((u64::from(rng.random::<u32>()) * u64::from(n)) >> 32) as u32
}

/// Probabilistic concurrency testing: processes have priorities, the first one that can go does, and at a few random
/// steps the one that goes becomes the last. (Burckhardt, Kothari, Musuvathi, Nagarakatte: *A Randomized Scheduler with
/// Probabilistic Guarantees of Finding Bugs*, ASPLOS 2010.)
#[derive(Clone, Debug)]
pub struct Pct {
    random: Random,
    priority: [u32; u32::BITS as usize],
    changes: Vec<u32>,
    step: u32,
    lowest: u32,
}

impl Pct {
    /// A run of about `steps` steps with `depth - 1` changes of priority.
    pub fn new(seed: u64, dies_one_in: u32, depth: u32, steps: u32) -> Self {
        let mut random = Random::new(seed, dies_one_in, 1);
        let mut priority = std::array::from_fn(|index| u32::BITS + index as u32);
        for index in (1..priority.len()).rev() {
            priority.swap(index, below(&mut random.rng, index as u32 + 1) as usize);
        }
        let changes = (1..depth).map(|_| below(&mut random.rng, steps.max(1))).collect();
        Self { random, priority, changes, step: 0, lowest: u32::BITS - 1 }
    }

    fn first(&self, enabled: u32) -> u32 {
        let highest =
            (0..u32::BITS).filter(|&who| enabled & (1 << who) != 0).max_by_key(|&who| self.priority[who as usize]);
        highest.unwrap_or(0)
    }
}

impl Choose for Pct {
    fn choose(&mut self, question: Question, n: usize) -> usize {
        let Question::Who { enabled, last } = question else { return self.random.choose(question, n) };
        let mut who = self.first(enabled);
        if self.changes.contains(&self.step) {
            self.priority[who as usize] = self.lowest;
            self.lowest = self.lowest.saturating_sub(1);
            who = self.first(enabled);
        }
        self.step += 1;
        index_of(enabled, last, who)
    }
}

/// Answers from a list, and 0 when it is used up. A fuzzer's bytes, and the record of a failure.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    rest: &'a [u8],
}

impl<'a> Listed<'a> {
    /// These answers; one that is too large is taken modulo `n`.
    pub fn new(answers: &'a [u8]) -> Self {
        Self { rest: answers }
    }
}

impl Choose for Listed<'_> {
    #[inline]
    fn choose(&mut self, _: Question, n: usize) -> usize {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(first) % n
    }
}

/// Notes every answer that another engine gives.
#[derive(Debug)]
pub struct Recorder<'a, C> {
    inner: C,
    /// The answers so far, and what they were about.
    pub answers: &'a mut Vec<(u8, Question)>,
}

impl<'a, C> Recorder<'a, C> {
    /// Notes the answers of `inner`.
    pub fn new(inner: C, answers: &'a mut Vec<(u8, Question)>) -> Self {
        Self { inner, answers }
    }
}

impl<C: Choose> Choose for Recorder<'_, C> {
    #[inline]
    fn choose(&mut self, question: Question, n: usize) -> usize {
        let answer = self.inner.choose(question, n);
        self.answers.push((answer as u8, question));
        answer
    }
}

/// Every sequence of answers, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Odometer {
    /// The answers of this round, and how many there were to choose from.
    digits: Vec<(u8, u8)>,
    at: usize,
}

impl Odometer {
    /// Begins with the first sequence.
    pub fn start(&mut self) {
        self.digits.clear();
        self.at = 0;
    }

    /// Begins the present sequence again.
    pub fn rewind(&mut self) {
        self.at = 0;
    }

    /// Goes on to the next sequence; false where there is none.
    pub fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((answer, n)) = self.digits.pop() {
            if answer + 1 < n {
                self.digits.push((answer + 1, n));
                return true;
            }
        }
        false
    }

    /// The answers of this round.
    pub fn answers(&self) -> impl Iterator<Item = u8> + '_ {
        self.digits.iter().map(|&(answer, _)| answer)
    }
}

impl Choose for Odometer {
    #[inline]
    fn choose(&mut self, _: Question, n: usize) -> usize {
        if self.at == self.digits.len() {
            self.digits.push((0, n as u8));
        }
        let (answer, _) = self.digits[self.at];
        self.at += 1;
        answer.into()
    }
}
