//! Names that are not there, and those that may have been meant.

use crate::explain::cannot_list;
use lastword::inspect::What;
use std::collections::BTreeSet;
use std::io;

/// So many are proposed.
const SIMILAR_MAX: usize = 5;
/// So many letters may be wrong.
const DISTANCE_MAX: usize = 2;

/// That there is nothing of that name, in words that propose others.
pub(super) fn not_found(name: &str, kinds: &[What]) -> io::Result<String> {
    let what = match kinds {
        [what] => what.to_string(),
        _ => "channel, mailbox or board".to_owned(),
    };
    let objects = lastword::objects("").map_err(cannot_list)?;
    let there: BTreeSet<String> = objects
        .into_iter()
        .map(|object| match kinds {
            [what] if *what == What::of(object.kind) => object.name,
            [_] if object.name == name => format!("{} (a {})", object.name, What::of(object.kind)),
            _ => object.name,
        })
        .collect();
    let similar: Vec<&str> = there.iter().map(String::as_str).filter(|other| is_similar(name, other)).collect();
    let advice = match similar.as_slice() {
        [] => "`lastword ls` lists what there is".to_owned(),
        all => format!("similar names are {}", all.get(..SIMILAR_MAX).unwrap_or(all).join(", ")),
    };
    Ok(format!("no {what} is called {name} in /dev/shm; {advice}"))
}

/// Whether one may have been written for the other.
fn is_similar(asked: &str, other: &str) -> bool {
    let (asked, other) = (asked.to_lowercase(), other.to_lowercase());
    other.contains(&asked) || (other.len() > DISTANCE_MAX && asked.contains(&other)) || {
        let most = DISTANCE_MAX.min(asked.len() / 2);
        asked.len().abs_diff(other.len()) <= most && distance(asked.as_bytes(), other.as_bytes()) <= most
    }
}

/// How many letters have to be put in, left out or changed to make one of the other (Levenshtein).
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, letter) in one.iter().enumerate() {
        let mut diagonal = number;
        let mut left = number + 1;
        for (above, wanted) in row.iter_mut().skip(1).zip(other) {
            let least = (diagonal + usize::from(letter != wanted)).min(*above + 1).min(left + 1);
            diagonal = std::mem::replace(above, least);
            left = least;
        }
        if let Some(first) = row.first_mut() {
            *first = number + 1;
        }
    }
    row.last().copied().unwrap_or(one.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_similar_that_differ_in_a_letter_or_two_or_contain_each_other() {
        for (asked, other) in
            [("arm", "arn"), ("arm", "left-arm"), ("status", "sttaus"), ("Arm", "arm"), ("arm-2", "arm")]
        {
            assert!(is_similar(asked, other), "{asked} {other}");
        }
        for (asked, other) in [("arm", "leg"), ("a", "b"), ("status", "chat"), ("arm", "a")] {
            assert!(!is_similar(asked, other), "{asked} {other}");
        }
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!((distance(b"", b"abc"), distance(b"abc", b"")), (3, 3));
    }
}
