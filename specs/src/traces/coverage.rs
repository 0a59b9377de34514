//! Which parts of a specification's actions the traces have exercised.
//!
//! TLC counts how often it has evaluated each expression of an action. It does not count constants, and where a process
//! goes on to is one (`IF .. THEN "idle" ELSE "abandon"`); nor what is inside of a function (`[p \in .. |-> IF ..]`).
//! So in the copy that is run each simple branch is `Branch(1001, "idle")`: an operator that is its second argument,
//! and that says so when it is evaluated for the first time.

use std::collections::BTreeSet;

/// A part of a module's text: the first line and column, and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Region {
    first: (usize, usize),
    last: (usize, usize),
}

impl Region {
    /// As TLC prints it: `line 268, col 13 to line 268, col 24`.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(|letter: char| !letter.is_ascii_digit()).filter(|word| !word.is_empty());
        let mut number = || numbers.next()?.parse().ok();
        Some(Self { first: (number()?, number()?), last: (number()?, number()?) })
    }

    fn contains(&self, other: &Region) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// A module whose branches say when they are evaluated.
#[derive(Clone, Debug, Default)]
pub struct Instrumented {
    /// Its text. Lines are where they were.
    pub text: String,
    /// The branches, in the order of their numbers.
    branches: Vec<Region>,
}

/// How much of a module's actions has been evaluated, in any of the runs added up.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    covered: BTreeSet<Region>,
    all: BTreeSet<Region>,
}

impl Coverage {
    /// Adds what TLC printed of a run of `module`, which was instrumented.
    ///
    /// TLC prints the parts of an expression, which are those of the operators that it applies too, only if their
    /// counts differ from the whole's. They come right after it: before the next expression of the same definition. So
    /// a count covers its expression if no part of that is printed there, and a definition that it applies, if no part
    /// of that is.
    pub fn add(&mut self, text: &str, instrumented: &Instrumented, module: &str) {
        let definitions = Definitions::of(&instrumented.text);
        let actions = definitions.applied_by("Next");
        for (number, branch) in (FIRST..).zip(&instrumented.branches) {
            if actions.iter().any(|action| action.contains(branch)) {
                self.all.insert(*branch);
                let said = format!("<<\"branch\", {number}>>");
                self.covered.extend(text.lines().any(|line| line == said).then_some(*branch));
            }
        }
        // It prints the counts now and then; the last ones count.
        let begin = text.rfind("The coverage statistics at").unwrap_or(text.len());
        let module = format!(" of module {module}");
        let entry = |line: &str| {
            let (place, count) = line.rsplit_once(": ")?;
            // An action's own line has two counts, and is in angle brackets.
            let place = place.trim_start_matches([' ', '|']).strip_prefix("line ")?.strip_suffix(&module)?;
            // Of an expression that is expensive its cost is there too.
            Some((Region::parse(place)?, count.trim().split(':').next()?.parse::<u64>().ok()?))
        };
        let is_ours = |(region, _): &(Region, u64)| actions.iter().any(|action| action.contains(region));
        let entries: Vec<_> = text[begin..].lines().filter_map(entry).filter(is_ours).collect();
        for (at, &(region, count)) in entries.iter().enumerate() {
            self.all.insert(region);
            if count == 0 {
                continue;
            }
            let home = definitions.around(&region);
            let is_next = |other: &Region| {
                *other == region || home.is_some_and(|home| home.contains(other)) && !region.contains(other)
            };
            let rest = entries[at + 1..].iter().map(|(other, _)| other);
            let parts: Vec<_> = rest.take_while(|other| !is_next(other)).collect();
            let is_whole = |whole: &Region| !parts.iter().any(|part| whole.contains(part));
            self.covered.extend(is_whole(&region).then_some(region));
            self.covered.extend(definitions.applied(&region).into_iter().filter(is_whole));
        }
    }

    /// How many parts of actions there are, and those of them that were never evaluated, by their lines.
    pub fn uncovered(&self) -> (usize, Vec<String>) {
        let within =
            |part: &Region, set: &BTreeSet<Region>| set.iter().any(|other| other != part && part.contains(other));
        // Of a part that has parts of its own, these tell.
        let parts = self.all.iter().filter(|part| !within(part, &self.all));
        let is_covered = |part: &Region| self.covered.iter().any(|covered| covered.contains(part));
        let never = parts.filter(|part| !is_covered(part)).map(|Region { first, last }| {
            format!("line {}, column {} to line {}, column {}", first.0, first.1, last.0, last.1)
        });
        (self.all.len(), never.collect())
    }
}

/// The definitions of a module: their names and where they are.
struct Definitions<'a> {
    lines: Vec<&'a str>,
    named: Vec<(&'a str, Region)>,
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

impl<'a> Definitions<'a> {
    fn of(source: &'a str) -> Self {
        let lines: Vec<_> = source.lines().collect();
        let name = |line: &'a str| {
            let name = &line[..line.find(|letter| !is_name(letter))?];
            (!name.is_empty() && line.contains(" ==")).then_some(name)
        };
        let begins: Vec<_> = (1..).zip(&lines).filter_map(|(number, line)| Some((number, name(line)?))).collect();
        let ends = begins.iter().skip(1).map(|&(number, _)| number).chain([lines.len() + 1]);
        let named = begins
            .iter()
            .zip(ends)
            .map(|(&(first, name), next)| (name, Region { first: (first, 1), last: (next - 1, usize::MAX) }));
        let named = named.collect();
        Self { lines, named }
    }

    fn around(&self, region: &Region) -> Option<Region> {
        self.named.iter().map(|&(_, all)| all).find(|all| all.contains(region))
    }

    /// A definition, those that it applies, and that those apply.
    fn applied_by(&self, name: &str) -> Vec<Region> {
        let Some(&(_, all)) = self.named.iter().find(|(other, _)| *other == name) else { return Vec::new() };
        let mut found = self.applied(&all);
        found.push(all);
        found
    }

    /// The definitions that an expression applies, and that those apply.
    fn applied(&self, region: &Region) -> Vec<Region> {
        let mut found: Vec<Region> = Vec::new();
        let mut open = vec![*region];
        while let Some(next) = open.pop() {
            let text = self.text(&next);
            let words: BTreeSet<_> = text.split(|letter| !is_name(letter)).collect();
            let named = self.named.iter().filter(|(name, _)| words.contains(name)).map(|&(_, all)| all);
            let new: Vec<_> = named.filter(|all| !found.contains(all) && !all.contains(region)).collect();
            found.extend(&new);
            open.extend(new);
        }
        found
    }

    fn text(&self, region: &Region) -> String {
        let (first, last) = (region.first, region.last);
        let part = |(number, line): (usize, &&str)| {
            let from = if number == first.0 { first.1 - 1 } else { 0 };
            let to = if number == last.0 { last.1.min(line.len()) } else { line.len() };
            line.get(from..to).unwrap_or_default().to_owned()
        };
        let lines = (1..).zip(&self.lines).skip(first.0 - 1).take(last.0 + 1 - first.0);
        lines.map(part).collect::<Vec<_>>().join("\n")
    }
}

/// The number of the first branch: low ones are TLC's for other uses.
const FIRST: usize = 1001;

/// The module with each simple branch as an operator's application. Lines stay where they are.
pub fn instrument(module: &str) -> Instrumented {
    let mut text = String::with_capacity(module.len() * 2);
    let mut branches = Vec::new();
    let mut rest = module;
    while let Some(at) = ["THEN ", "ELSE "].iter().filter_map(|word| rest.find(word)).min() {
        let (before, after) = rest.split_at(at + "THEN ".len());
        text.push_str(before);
        let skipped = after.len() - after.trim_start_matches(' ').len();
        text.push_str(&after[..skipped]);
        rest = &after[skipped..];
        let length = term(rest);
        if length > 0 {
            let line = text.matches('\n').count() + 1;
            let application = format!("Branch({}, {})", FIRST + branches.len(), &rest[..length]);
            let column = text.len() - text.rfind('\n').map_or(0, |end| end + 1) + 1;
            branches.push(Region { first: (line, column), last: (line, column + application.len() - 1) });
            text.push_str(&application);
        }
        rest = &rest[length..];
    }
    text.push_str(rest);
    // Defined before it is used: on the line that names what the module extends.
    let extends = text.find("\nEXTENDS").and_then(|at| text[at + 1..].find('\n').map(|end| (at + 1, at + 1 + end)));
    if let Some((begin, end)) = extends {
        let tlc = if text[begin..end].contains("TLC") { "" } else { ", TLC" };
        let last = FIRST + branches.len();
        let definition = format!(
            "{tlc} ASSUME \\A number \\in {FIRST}..{last} : TLCSet(number, 0) \
             Branch(number, value) == IF TLCGet(number) = 1 THEN value \
             ELSE IF TLCSet(number, 1) /\\ PrintT(<<\"branch\", number>>) THEN value ELSE value"
        );
        text.insert_str(end, &definition);
    }
    Instrumented { text, branches }
}

/// Length of the term that is a whole branch here: a name, a string or a number, with arguments; 0 if it is something
/// else.
fn term(text: &str) -> usize {
    let mut length = match text.strip_prefix('"') {
        Some(quoted) => quoted.find('"').map_or(0, |end| end + 2),
        None => text.find(|letter| !is_name(letter)).unwrap_or(text.len()),
    };
    if matches!(&text[..length], "" | "IF" | "UNCHANGED" | "LET" | "CASE" | "CHOOSE") {
        return 0;
    }
    while let Some(arguments) = text[length..].chars().next().filter(|letter| matches!(letter, '(' | '[' | '.')) {
        let Some(end) = (if arguments == '.' {
            text[length + 1..].find(|letter| !is_name(letter)).map(|end| end + 1)
        } else {
            closed(&text[length..])
        }) else {
            return 0;
        };
        length += end;
    }
    let after = text[length..].trim_start_matches(' ');
    let is_alone = ["\n", ")", "]", "ELSE", ","].iter().any(|end| after.starts_with(end));
    if is_alone && !text[..length].contains(['\'', '\n']) { length } else { 0 }
}

/// Length of the text up to the bracket that closes the one that it begins with.
fn closed(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, letter)| {
        depth += match letter {
            '(' | '[' => 1,
            ')' | ']' => -1,
            _ => 0,
        };
        (depth == 0).then_some(at + 1)
    })
}
