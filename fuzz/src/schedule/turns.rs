//! How the bytes of an input answer the simulator.

use lastword_sim::choose::{Choose, Question};

/// What follows a lead: below this a turn of somebody else, from here on a death.
const DIES: u8 = 13;

/// A byte is not an answer, since nearly all answers are 0: go on, live, find the newest. It is a lead, how many
/// answers are 0, and what comes then. So a few bytes make a run with turns and deaths anywhere in it.
///
/// Turns and deaths are taken from the front, the values that loads find, and what is left of stores, from the back: a
/// change of one leaves the other.
#[derive(Clone, Debug)]
pub(super) struct Turns<'a> {
    bytes: &'a [u8],
    /// The lead to the next turn or death, and which it is.
    event: Option<(u8, u8)>,
    /// The lead to the next value that is not the newest, and which it is.
    value: Option<(u8, u8)>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut turns = Self { bytes, event: None, value: None };
        turns.next_event();
        turns.next_value();
        turns
    }

    fn next_event(&mut self) {
        self.event = self.bytes.split_off_first().map(|byte| (byte & 15, byte >> 4));
    }

    fn next_value(&mut self) {
        self.value = self.bytes.split_off_last().map(|byte| (byte & 15, byte >> 4));
    }

    fn answer(next: &mut Option<(u8, u8)>, n: usize) -> usize {
        match next {
            None => 0,
            Some((0, kind)) => 1 + usize::from(*kind) % (n - 1),
            Some((lead, _)) => {
                *lead -= 1;
                0
            }
        }
    }
}

impl Choose for Turns<'_> {
    fn choose(&mut self, question: Question, n: usize) -> usize {
        let is_death = self.event.is_some_and(|(_, kind)| kind >= DIES);
        match question {
            // Only questions about what comes next are counted.
            Question::Who { .. } if is_death => 0,
            Question::Dies if !is_death => 0,
            Question::Who { .. } | Question::Dies => {
                let answer = Self::answer(&mut self.event, n);
                if answer > 0 {
                    self.next_event();
                }
                answer
            }
            Question::Flush | Question::Older | Question::Left => {
                let answer = Self::answer(&mut self.value, n);
                if answer > 0 {
                    self.next_value();
                }
                answer
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_and_deaths_come_from_the_front_and_values_from_the_back() {
        let who = Question::Who { enabled: 0b111, last: 0 };
        // Two steps, then a turn of the second other; one point, then a death; one value, then the oldest of three.
        let mut turns = Turns::new(&[0x12, 0xd1, 0x11]);
        assert_eq!([who; 3].map(|question| turns.choose(question, 3)), [0, 0, 2]);
        assert_eq!(turns.choose(who, 3), 0, "a death is next");
        assert_eq!([Question::Older; 3].map(|question| turns.choose(question, 3)), [0, 2, 0]);
        assert_eq!([Question::Dies; 3].map(|question| turns.choose(question, 2)), [0, 1, 0]);
    }
}
