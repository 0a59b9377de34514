//! Makes a failure smaller: fewer kills, then fewer operations, then fewer changes of the process, then plainer values.
//!
//! A run is its script and its turns, and any list of turns is a run: those of a process that cannot go are passed
//! over. So a smaller one is tried by taking something out, or moving it, and running what is left; it counts if a
//! promise is still broken, be it another one.

use crate::choose::{Choose, Listed, Question, index_of, nth_enabled};
use crate::sample::run_to_end;
use crate::world::Scripted;
use lastword_protocol::model::Violation;

/// A failure that cannot be made smaller by taking one thing out.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The operations of each process, as numbers into the scenario's lists.
    pub script: Vec<Vec<u16>>,
    /// The answers.
    pub answers: Vec<u8>,
    /// The promise that is broken.
    pub violation: Violation,
    /// How many kills there are.
    pub kills: usize,
    /// How often a process goes on that was not the last to.
    pub switches: usize,
    /// How many runs this took.
    pub tries: u64,
}

/// What one step of a run was: whose, and what else was answered in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Turn {
    who: u32,
    rest: Vec<u8>,
}

/// Follows a schedule as far as it can be followed: turns of those who cannot go are passed over, and after the last
/// one the answer is 0.
struct Scheduled<'a> {
    turns: std::slice::Iter<'a, Turn>,
    rest: std::slice::Iter<'a, u8>,
}

impl<'a> Scheduled<'a> {
    fn new(turns: &'a [Turn]) -> Self {
        Self { turns: turns.iter(), rest: [].iter() }
    }

    /// The next turn of somebody who can go.
    fn next(&mut self, enabled: u32) -> Option<u32> {
        let turn = self.turns.by_ref().find(|turn| enabled & (1 << turn.who) != 0);
        self.rest = turn.map_or([].iter(), |turn| turn.rest.iter());
        turn.map(|turn| turn.who)
    }
}

impl Choose for Scheduled<'_> {
    fn choose(&mut self, question: Question, n: usize) -> usize {
        match question {
            Question::Who { enabled, last } => self.next(enabled).map_or(0, |who| index_of(enabled, last, who)),
            _ => self.rest.next().map_or(0, |&answer| usize::from(answer).min(n - 1)),
        }
    }

    fn alone(&mut self, who: u32) {
        self.next(1 << who);
    }
}

/// Notes a run as turns and as answers.
struct Noted<'c, C> {
    inner: &'c mut C,
    turns: Vec<Turn>,
    answers: Vec<u8>,
}

impl<C: Choose> Choose for Noted<'_, C> {
    fn choose(&mut self, question: Question, n: usize) -> usize {
        let answer = self.inner.choose(question, n);
        self.answers.push(answer as u8);
        match question {
            Question::Who { enabled, last } => {
                self.turns.push(Turn { who: nth_enabled(enabled, last, answer), rest: Vec::new() });
            }
            _ => {
                if let Some(turn) = self.turns.last_mut() {
                    turn.rest.push(answer as u8);
                }
            }
        }
        answer
    }

    fn alone(&mut self, who: u32) {
        self.inner.alone(who);
        self.turns.push(Turn { who, rest: Vec::new() });
    }
}

/// A failure.
struct Run {
    turns: Vec<Turn>,
    answers: Vec<u8>,
    violation: Violation,
    kills: usize,
}

impl Run {
    fn switches(&self) -> usize {
        self.turns.windows(2).filter(|pair| pair[0].who != pair[1].who).count()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.answers.clone();
        // What follows the last answer is 0 anyway.
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }
}

/// Smaller is better.
type Cost = (usize, usize, usize, usize, usize);

/// The smallest failure so far.
struct Best<'w, S> {
    system: &'w mut S,
    script: Vec<Vec<u16>>,
    run: Run,
    tries: u64,
}

impl<S: Scripted> Best<'_, S> {
    fn cost_of(script: &[Vec<u16>], run: &Run) -> Cost {
        let operations = script.iter().map(Vec::len).sum();
        let plain = run.answers.iter().map(|&answer| usize::from(answer)).sum();
        (run.kills, operations, run.switches(), run.turns.len(), plain)
    }

    fn cost(&self) -> Cost {
        Self::cost_of(&self.script, &self.run)
    }

    /// Runs this; keeps it if it is a smaller failure.
    fn attempt(&mut self, script: Option<Vec<Vec<u16>>>, turns: &[Turn]) -> bool {
        let script = script.unwrap_or_else(|| self.script.clone());
        let Some(run) = fail(self.system, &script, &mut Scheduled::new(turns), &mut self.tries) else { return false };
        if Self::cost_of(&script, &run) >= self.cost() {
            return false;
        }
        (self.run, self.script) = (run, script);
        true
    }

    /// A turn has its other answers, the kill among them, be 0.
    fn plain(&mut self) {
        let mut at = 0;
        while at < self.run.turns.len() {
            let mut turns = self.run.turns.clone();
            let rest = turns[at].rest.iter().position(|&answer| answer > 0);
            if let Some(first) = rest {
                turns[at].rest[first..].fill(0);
                let all = self.attempt(None, &turns);
                let mut less = self.run.turns.clone();
                if !all && let Some(answer) = less[at].rest.get_mut(first) {
                    *answer -= 1;
                    self.attempt(None, &less);
                }
            }
            at += 1;
        }
    }

    /// A process performs one operation less.
    fn omit(&mut self) {
        for process in 0..self.script.len() {
            for at in (0..self.script[process].len()).rev() {
                if at >= self.script[process].len() {
                    continue;
                }
                let mut script = self.script.clone();
                script[process].remove(at);
                let turns = self.run.turns.clone();
                if self.attempt(Some(script.clone()), &turns) {
                    continue;
                }
                // The operation's own turns are too many now: without some of this process's, wherever they lie.
                let own: Vec<_> = (0..turns.len()).filter(|&turn| turns[turn].who as usize == process).collect();
                let fewer = |from: usize, count: usize| -> Vec<Turn> {
                    let out = &own[from..from + count];
                    (0..turns.len()).filter(|turn| !out.contains(turn)).map(|turn| turns[turn].clone()).collect()
                };
                'tried: for count in 1..=own.len().min(TURNS_OF_AN_OPERATION) {
                    for from in 0..=own.len() - count {
                        if self.attempt(Some(script.clone()), &fewer(from, count)) {
                            break 'tried;
                        }
                    }
                }
            }
        }
    }

    /// Turns are left out.
    fn shorten(&mut self, length: usize) {
        let mut at = 0;
        while at + length <= self.run.turns.len() {
            let mut turns = self.run.turns.clone();
            turns.drain(at..at + length);
            if !self.attempt(None, &turns) {
                at += 1;
            }
        }
    }

    /// A turn comes right after the one before of the same process, or right before the next one.
    fn gather(&mut self) {
        let mut at = 0;
        while at < self.run.turns.len() {
            let turns = &self.run.turns;
            let who = turns[at].who;
            let before = turns[..at].iter().rposition(|turn| turn.who == who).map(|before| before + 1);
            let after = turns[at + 1..].iter().position(|turn| turn.who == who).map(|after| at + after);
            for to in [before, after].into_iter().flatten().filter(|&to| to != at) {
                let mut turns = self.run.turns.clone();
                if at < turns.len() && to < turns.len() {
                    let turn = turns.remove(at);
                    turns.insert(to, turn);
                    self.attempt(None, &turns);
                }
            }
            at += 1;
        }
    }
}

/// Most turns of an operation that are tried to leave out with it.
const TURNS_OF_AN_OPERATION: usize = 8;

fn fail<S: Scripted>(system: &mut S, script: &[Vec<u16>], choose: &mut impl Choose, tries: &mut u64) -> Option<Run> {
    *tries += 1;
    system.set_script(script.to_vec());
    let mut state = system.initial().clone();
    let mut noted = Noted { inner: choose, turns: Vec::new(), answers: Vec::new() };
    let result = run_to_end(system, &mut state, &mut noted);
    let Noted { turns, answers, .. } = noted;
    let kills = system.deaths(&state);
    result.err().map(|violation| Run { turns, answers, violation, kills })
}

/// Makes the failure that these answers lead to smaller; `None` if they lead to none.
pub fn shrink<S: Scripted>(system: &mut S, answers: &[u8]) -> Option<Shrunk> {
    let script = system.script().to_vec();
    let mut tries = 0;
    let run = fail(system, &script, &mut Listed::new(answers), &mut tries)?;
    let mut best = Best { system, script, run, tries };
    loop {
        let before = best.cost();
        best.plain();
        best.omit();
        for length in [8, 4, 2, 1] {
            best.shorten(length);
        }
        best.gather();
        if best.cost() >= before {
            break;
        }
    }
    let Best { system, script, run, tries, .. } = best;
    system.set_script(script.clone());
    Some(Shrunk {
        script,
        answers: run.bytes(),
        violation: run.violation,
        kills: run.kills,
        switches: run.switches(),
        tries,
    })
}
