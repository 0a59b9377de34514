//! Which process has which part, and which parts are on their way from one to another.

/// Where a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A process has it, or will when it is started again.
    With(usize),
    /// A process was told to give it up, for another one.
    Leaving { from: usize, to: usize },
}

/// Which process has which part.
#[derive(Debug)]
pub(super) struct Cast {
    places: Vec<Place>,
}

impl Cast {
    /// So many parts, dealt out to so many processes.
    pub(super) fn new(parts: usize, processes: usize) -> Self {
        Self { places: (0..parts).map(|part| Place::With(part % processes)).collect() }
    }

    /// The parts that a process has, which are those that it takes when it is started.
    pub(super) fn of(&self, process: usize) -> Vec<usize> {
        (0..self.places.len()).filter(|&part| self.places[part] == Place::With(process)).collect()
    }

    /// Notes that a process is told to give up a part for another one. False if it does not have it.
    pub(super) fn leave(&mut self, part: usize, from: usize, to: usize) -> bool {
        let is_there = self.places[part] == Place::With(from);
        if is_there {
            self.places[part] = Place::Leaving { from, to };
        }
        is_there
    }

    /// Notes that a process has given up a part: who has it from now on, if it was for somebody.
    pub(super) fn left(&mut self, part: usize, by: usize) -> Option<usize> {
        match self.places.get(part) {
            Some(&Place::Leaving { from, to }) if from == by => {
                self.places[part] = Place::With(to);
                Some(to)
            }
            _ => None,
        }
    }

    /// Notes that a process has died: the parts that it was told to give up, and who has each from now on.
    pub(super) fn died(&mut self, process: usize) -> Vec<(usize, usize)> {
        (0..self.places.len()).filter_map(|part| self.left(part, process).map(|to| (part, to))).collect()
    }

    /// Gives a part of a dead process to another one.
    pub(super) fn inherit(&mut self, part: usize, to: usize) {
        self.places[part] = Place::With(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_goes_to_another_process_once_it_was_given_up() {
        let mut cast = Cast::new(5, 2);
        assert_eq!((cast.of(0), cast.of(1)), (vec![0, 2, 4], vec![1, 3]));
        assert!(cast.leave(2, 0, 1) && !cast.leave(2, 0, 1) && !cast.leave(1, 0, 1));
        assert_eq!((cast.of(0), cast.of(1)), (vec![0, 4], vec![1, 3]));
        assert_eq!((cast.left(2, 1), cast.left(0, 0), cast.left(9, 0)), (None, None, None));
        assert_eq!(cast.left(2, 0), Some(1));
        assert_eq!(cast.of(1), [1, 2, 3]);
    }

    #[test]
    fn a_death_gives_up_what_was_to_be_given_up_and_nothing_else() {
        let mut cast = Cast::new(4, 2);
        assert!(cast.leave(0, 0, 1));
        assert_eq!(cast.died(0), [(0, 1)]);
        assert_eq!((cast.of(0), cast.of(1)), (vec![2], vec![0, 1, 3]));
        assert_eq!(cast.died(0), []);
        cast.inherit(2, 1);
        assert_eq!(cast.of(1), [0, 1, 2, 3]);
    }
}
