//! Makes a failure smaller: fewer kills, then fewer operations, then fewer changes of the process, then plainer values.
//!
//! A run is its script and its answers, and any list of bytes is a run. So a smaller one is tried by taking
//! something out and running what is left; it counts if a promise is still broken, be it another one.

use crate::choose::Question;
use crate::sample::trace_answers;
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

struct Run {
    answers: Vec<(u8, Question)>,
    violation: Violation,
}

impl Run {
    fn kills(&self) -> usize {
        self.answers.iter().filter(|(answer, question)| *question == Question::Dies && *answer == 1).count()
    }

    fn switches(&self) -> usize {
        self.answers.iter().filter(|(answer, question)| matches!(question, Question::Who { .. }) && *answer > 0).count()
    }

    fn plain(&self) -> usize {
        self.answers.iter().map(|&(answer, _)| usize::from(answer)).sum()
    }

    /// Smaller is better.
    fn cost(&self, operations: usize) -> (usize, usize, usize, usize, usize) {
        (self.kills(), operations, self.switches(), self.answers.len(), self.plain())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.answers.iter().map(|&(answer, _)| answer).collect();
        // What follows the last answer is 0 anyway.
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }
}

/// The smallest failure so far.
struct Best<'w, S> {
    world: &'w mut S,
    script: Vec<Vec<u16>>,
    run: Run,
    tries: u64,
}

impl<S: Scripted> Best<'_, S> {
    /// Runs this; keeps it if it is a smaller failure.
    fn attempt(&mut self, script: Option<Vec<Vec<u16>>>, answers: &[u8]) -> bool {
        let script = script.unwrap_or_else(|| self.script.clone());
        let Some(run) = fail(self.world, &script, answers, &mut self.tries) else { return false };
        if run.cost(count(&script)) >= self.cost() {
            return false;
        }
        (self.run, self.script) = (run, script);
        true
    }

    fn cost(&self) -> (usize, usize, usize, usize, usize) {
        self.run.cost(count(&self.script))
    }

    /// A process that was killed lives on.
    fn spare(&mut self) {
        let mut at = 0;
        while at < self.run.answers.len() {
            let mut bytes = self.run.bytes();
            if self.run.answers[at] == (1, Question::Dies) {
                bytes[at] = 0;
                if self.attempt(None, &bytes) {
                    continue;
                }
            }
            at += 1;
        }
    }

    /// A process performs one operation less.
    fn omit(&mut self) {
        for process in 0..self.script.len() {
            for at in (0..self.script[process].len()).rev() {
                let mut script = self.script.clone();
                script[process].remove(at);
                let bytes = self.run.bytes();
                self.attempt(Some(script), &bytes);
            }
        }
    }

    /// Answers are left out, are 0, or one less.
    fn simplify(&mut self, length: usize) {
        let mut at = 0;
        loop {
            let bytes = self.run.bytes();
            if at + length > bytes.len() {
                return;
            }
            let mut shorter = bytes.clone();
            shorter.drain(at..at + length);
            let mut plainer = bytes.clone();
            plainer[at..at + length].fill(0);
            let mut less = bytes.clone();
            less[at] = less[at].saturating_sub(1);
            let smaller = self.attempt(None, &shorter)
                || plainer != bytes && self.attempt(None, &plainer)
                || length == 1 && less != plainer && self.attempt(None, &less);
            if !smaller {
                at += 1;
            }
        }
    }
}

fn count(script: &[Vec<u16>]) -> usize {
    script.iter().map(Vec::len).sum()
}

fn fail<S: Scripted>(world: &mut S, script: &[Vec<u16>], answers: &[u8], tries: &mut u64) -> Option<Run> {
    *tries += 1;
    world.set_script(script.to_vec());
    let (result, answers) = trace_answers(world, answers);
    result.err().map(|violation| Run { answers, violation })
}

/// Makes the failure that these answers lead to smaller; `None` if they lead to none.
pub fn shrink<S: Scripted>(world: &mut S, answers: &[u8]) -> Option<Shrunk> {
    let script = world.script().to_vec();
    let mut tries = 0;
    let run = fail(world, &script, answers, &mut tries)?;
    let mut best = Best { world, script, run, tries };
    loop {
        let before = best.cost();
        best.spare();
        best.omit();
        for length in [8, 4, 2, 1] {
            best.simplify(length);
        }
        if best.cost() >= before {
            break;
        }
    }
    let Best { script, run, tries, .. } = best;
    Some(Shrunk {
        script,
        answers: run.bytes(),
        violation: run.violation,
        kills: run.kills(),
        switches: run.switches(),
        tries,
    })
}
