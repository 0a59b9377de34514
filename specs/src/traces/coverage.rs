//! Which parts of a specification's actions the traces have exercised.
//!
//! TLC counts how often it has evaluated each expression of an action. It does not count constants; and where a process
//! goes on to is one (`IF .. THEN "idle" ELSE "abandon"`). So the copy that is run has each constant that is a whole
//! branch as `Branch("idle")`, an operator that is its argument, and which TLC counts.

use std::collections::BTreeMap;

/// How often each expression of a module's actions was evaluated, in any of the runs added up.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    counts: BTreeMap<(usize, String), u64>,
}

impl Coverage {
    /// Adds what TLC printed of a run.
    pub fn add(&mut self, text: &str, module: &str) {
        // It prints the counts now and then; the last ones count.
        let begin = text.rfind("The coverage statistics at").unwrap_or(text.len());
        for line in text[begin..].lines() {
            let Some((place, count)) = line.rsplit_once(": ") else { continue };
            let place = place.trim_start_matches([' ', '|']);
            let Some(place) = place.strip_suffix(&format!(" of module {module}")) else { continue };
            let number = place.strip_prefix("line ").and_then(|rest| rest.split(',').next()?.parse().ok());
            let (Some(number), Ok(count)) = (number, count.trim().parse::<u64>()) else { continue };
            *self.counts.entry((number, place.to_owned())).or_default() += count;
        }
    }

    /// How many expressions there are, and the places of those that were never evaluated.
    pub fn uncovered(&self) -> (usize, Vec<String>) {
        let never = self.counts.iter().filter(|(_, count)| **count == 0).map(|((_, place), _)| place.clone());
        (self.counts.len(), never.collect())
    }
}

/// The module with each constant branch as an operator's application. Lines stay where they are.
pub fn instrument(module: &str) -> String {
    let mut text = String::with_capacity(module.len() * 2);
    let mut rest = module;
    while let Some(at) = ["THEN ", "ELSE "].iter().filter_map(|word| rest.find(word)).min() {
        let (before, after) = rest.split_at(at + "THEN ".len());
        text.push_str(before);
        let skipped = after.len() - after.trim_start_matches(' ').len();
        text.push_str(&after[..skipped]);
        rest = &after[skipped..];
        let length = constant(rest);
        if length > 0 {
            text.push_str("Branch(");
            text.push_str(&rest[..length]);
            text.push(')');
        }
        rest = &rest[length..];
    }
    text.push_str(rest);
    // Defined before it is used: after the line that names what the module extends.
    let extends = text.find("\nEXTENDS").and_then(|at| text[at + 1..].find('\n').map(|end| at + 1 + end));
    if let Some(at) = extends {
        text.insert_str(at, " Branch(value) == value");
    }
    text
}

/// Length of the constant that is a whole branch here; 0 if there is none.
fn constant(text: &str) -> usize {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let length = match text.strip_prefix('"') {
        Some(quoted) => quoted.find('"').map_or(0, |end| end + 2),
        None => text.find(|letter| !is_name(letter)).unwrap_or(text.len()),
    };
    let word = &text[..length];
    let after = text[length..].trim_start_matches(' ');
    let is_alone = ["\n", ")", "]", "ELSE", ","].iter().any(|end| after.starts_with(end));
    let is_keyword = matches!(word, "IF" | "UNCHANGED" | "LET" | "CASE");
    if is_alone && !is_keyword { length } else { 0 }
}
