//! Layout files: the structs of a C program, from which a record's fields, their places and their units are known.
//!
//! A small part of C's declarations, so that a struct can be pasted as it is, and two additions: a unit in quotes, and
//! `@ offset` for a field that is elsewhere than C would put it. Sizes and alignments are those of 64-bit Linux (LP64).

use lastword::{CAPACITY_MAX, Description, Dimension, Kind};
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The longest layout file, in bytes.
const FILE_MAX: u64 = 1 << 20;
/// Most fields of a record, those of structs within it included.
const FIELDS_MAX: usize = 4096;
const PATH_MAX: usize = lastword::protocol::description::NAME_MAX;
const DIMENSIONS_MAX: usize = lastword::protocol::description::DIMENSIONS_MAX;
const UNIT_MAX: usize = lastword::protocol::description::UNIT_MAX;

const TYPES: &str = "a type: char, bool, (u)int8_t to (u)int64_t, (unsigned) short, int or long, float, double, or \
                     struct and the name of one that is declared above";

/// What is wrong with a layout, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayoutError {
    place: Place,
    what: String,
}

impl fmt::Display for LayoutError {
    /// As `3:14: found ..., expected ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.what)
    }
}

impl std::error::Error for LayoutError {}

/// A line and a column, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn error(self, what: impl Into<String>) -> LayoutError {
        LayoutError { place: self, what: what.into() }
    }
}

/// The record that a file describes: the last struct in it.
pub(crate) fn read(path: &Path) -> Result<Description, Box<dyn std::error::Error>> {
    let shown = path.display();
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes)).map_err(|error| {
        format!("{shown}: cannot read the layout: {error}; give the path of a file that can be read")
    })?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(format!("{shown}: found more than {FILE_MAX} bytes, expected a layout of at most as many").into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{shown}: byte {at} is not UTF-8; expected a text with the declaration of a struct")
    })?;
    parse(&text).map_err(|error| format!("{shown}:{error}").into())
}

/// The record that a text describes.
pub(crate) fn parse(text: &str) -> Result<Description, LayoutError> {
    let mut parser = Parser { lexer: Lexer::new(text), next: None, structs: HashMap::new(), last: None };
    while parser.peek()?.0 != Token::End {
        parser.declaration()?;
    }
    let (_, place) = parser.peek()?;
    let Some((name, place_of_struct)) = parser.last.take() else {
        return Err(place.error("found no struct, expected at least one: struct name { int32_t field; };"));
    };
    let Some(record) = parser.structs.remove(&name) else {
        return Err(place_of_struct.error("found no such struct"));
    };
    let mut description = Description::build(&name, record.size, record.align);
    for Leaf { path, unit, kind, offset, dimensions } in &record.leaves {
        description = description.array(path, unit, *kind, *offset, dimensions);
    }
    description.finish().map_err(|error| place_of_struct.error(error.to_string()))
}

#[derive(Clone, Debug, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Number(u64),
    Unit(&'t str),
    Symbol(char),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(word) => write!(f, "`{word}`"),
            Token::Number(number) => write!(f, "{number}"),
            Token::Unit(unit) => write!(f, "{unit:?}"),
            Token::Symbol(symbol) => write!(f, "`{}`", symbol.escape_debug()),
            Token::End => f.write_str("the end of the file"),
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    place: Place,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { rest, place: Place { line: 1, column: 1 } }
    }

    /// Goes on by so many bytes, which end where a character ends.
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        for char in taken.chars() {
            if char == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        taken
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        self.take(self.rest.find(|char| !belongs(char)).unwrap_or(self.rest.len()))
    }

    fn token(&mut self) -> Result<(Token<'t>, Place), LayoutError> {
        self.skip()?;
        let place = self.place;
        let Some(first) = self.rest.chars().next() else { return Ok((Token::End, place)) };
        let token = match first {
            '"' => self.unit()?,
            '0'..='9' => self.number()?,
            _ if first.is_ascii_alphabetic() || first == '_' => {
                Token::Word(self.take_while(|char| char.is_ascii_alphanumeric() || char == '_'))
            }
            _ => {
                self.take(first.len_utf8());
                Token::Symbol(first)
            }
        };
        Ok((token, place))
    }

    /// Skips what means nothing: white space, comments, and lines that include other files.
    fn skip(&mut self) -> Result<(), LayoutError> {
        loop {
            self.take_while(char::is_whitespace);
            let place = self.place;
            if self.rest.starts_with("//") {
                self.take_while(|char| char != '\n');
            } else if self.rest.starts_with("/*") {
                let end = self.rest.get(2..).and_then(|rest| rest.find("*/"));
                let end = end.ok_or_else(|| place.error("found a comment without an end, expected */"))?;
                self.take(end + 4);
            } else if self.rest.starts_with('#') {
                let line = self.take_while(|char| char != '\n');
                if !line[1..].trim_start().starts_with("include") {
                    let what = "found a line for C's preprocessor, expected declarations; leave it out, and where it \
                                packs structs, say __attribute__((packed)) or give places: @ offset";
                    return Err(place.error(what));
                }
            } else {
                return Ok(());
            }
        }
    }

    fn unit(&mut self) -> Result<Token<'t>, LayoutError> {
        let place = self.place;
        let end = self.rest.get(1..).and_then(|rest| rest.find(['"', '\n']).filter(|&at| rest[at..].starts_with('"')));
        let end = end.ok_or_else(|| place.error("found a unit without an end, expected a \" on the same line"))?;
        let unit = &self.take(end + 2)[1..=end];
        if unit.len() > UNIT_MAX || !lastword::protocol::description::is_printable(unit) {
            return Err(place.error(format!(
                "found a unit of {} bytes, expected at most {UNIT_MAX} without control characters",
                unit.len()
            )));
        }
        Ok(Token::Unit(unit))
    }

    fn number(&mut self) -> Result<Token<'t>, LayoutError> {
        let place = self.place;
        let word = self.take_while(|char| char.is_ascii_alphanumeric() || char == '_');
        let digits = word.trim_end_matches(['u', 'U', 'l', 'L']);
        let number = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        // C would read it as octal.
        let is_octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        match number {
            Ok(number) if !is_octal => Ok(Token::Number(number)),
            _ => Err(place.error(format!("found `{word}`, expected a number: decimal, or hexadecimal after 0x"))),
        }
    }
}

/// A value of a struct, or within one.
#[derive(Clone)]
struct Leaf {
    path: String,
    unit: String,
    kind: Kind,
    offset: u64,
    dimensions: Vec<Dimension>,
}

/// A type of fields.
#[derive(Clone)]
struct Type {
    size: u64,
    align: u64,
    leaves: Vec<Leaf>,
}

impl Type {
    fn of(kind: Kind) -> Self {
        let size = kind.size() as u64;
        let (path, unit) = (String::new(), String::new());
        Self { size, align: size, leaves: vec![Leaf { path, unit, kind, offset: 0, dimensions: Vec::new() }] }
    }
}

/// A struct of which the fields are being read.
struct Draft {
    found: Type,
    is_packed: bool,
    /// Where the next field may begin.
    end: u64,
    /// Name, and where it begins and ends.
    fields: Vec<(String, u64, u64)>,
}

/// A field as it is declared.
struct Declared {
    name: String,
    place: Place,
    counts: Vec<u64>,
    offset: Option<(u64, Place)>,
    unit: String,
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    next: Option<(Token<'t>, Place)>,
    structs: HashMap<String, Type>,
    /// The struct that was declared last, and where.
    last: Option<(String, Place)>,
}

impl<'t> Parser<'t> {
    fn token(&mut self) -> Result<(Token<'t>, Place), LayoutError> {
        match self.next.take() {
            Some(token) => Ok(token),
            None => self.lexer.token(),
        }
    }

    fn peek(&mut self) -> Result<(Token<'t>, Place), LayoutError> {
        let token = self.token()?;
        self.next = Some(token.clone());
        Ok(token)
    }

    /// Takes the next token if it is this one.
    fn accept(&mut self, wanted: &Token<'_>) -> Result<bool, LayoutError> {
        let is_it = self.peek()?.0 == *wanted;
        if is_it {
            self.token()?;
        }
        Ok(is_it)
    }

    fn expect(&mut self, symbol: char, after: &str) -> Result<(), LayoutError> {
        let (found, place) = self.token()?;
        if found == Token::Symbol(symbol) {
            return Ok(());
        }
        Err(place.error(format!("found {found}, expected `{symbol}` after {after}")))
    }

    fn word(&mut self, what: &str) -> Result<(&'t str, Place), LayoutError> {
        match self.token()? {
            (Token::Word(word), place) => Ok((word, place)),
            (found, place) => Err(place.error(format!("found {found}, expected {what}"))),
        }
    }

    fn number(&mut self, what: &str) -> Result<(u64, Place), LayoutError> {
        match self.token()? {
            (Token::Number(number), place) => Ok((number, place)),
            (found, place) => Err(place.error(format!("found {found}, expected {what}"))),
        }
    }

    /// A struct, or the typedef of one.
    fn declaration(&mut self) -> Result<(), LayoutError> {
        let (found, place) = self.token()?;
        let is_typedef = found == Token::Word("typedef");
        let (found, place) = if is_typedef { self.token()? } else { (found, place) };
        if found != Token::Word("struct") {
            return Err(place.error(format!("found {found}, expected the declaration of a struct: struct name {{")));
        }
        let is_packed = self.packed()?;
        let mut names = Vec::new();
        match self.peek()? {
            (Token::Word(_), _) => names.push(self.word("the struct's name")?),
            (Token::Symbol('{'), _) if is_typedef => {}
            (found, place) => return Err(place.error(format!("found {found}, expected the struct's name"))),
        }
        self.expect('{', "the struct's name")?;
        let mut members = Vec::new();
        while !self.accept(&Token::Symbol('}'))? {
            self.member(&mut members)?;
        }
        let is_packed = self.packed()? || is_packed;
        if is_typedef {
            let (alias, place) = self.word("the name of the type")?;
            names.retain(|(name, _)| *name != alias);
            names.push((alias, place));
        }
        self.expect(';', "the struct")?;
        let found = Type { size: 0, align: 1, leaves: Vec::new() };
        let mut draft = Draft { found, is_packed, end: 0, fields: Vec::new() };
        for (declared, element) in members {
            draft.add(declared, &element)?;
        }
        let is_empty = draft.fields.is_empty();
        for &(name, place) in &names {
            if is_empty {
                return Err(place.error(format!("found a struct `{name}` without fields, expected at least one")));
            }
            if self.structs.contains_key(name) {
                return Err(place.error(format!("found a second struct `{name}`, expected another name")));
            }
        }
        let found = draft.finish(place)?;
        for (name, place) in names {
            self.structs.insert(name.to_owned(), found.clone());
            // A type is called what C programs call it, which of a typedef is the last name.
            self.last = Some((name.to_owned(), place));
        }
        Ok(())
    }

    /// Whether `__attribute__((packed))` is next.
    fn packed(&mut self) -> Result<bool, LayoutError> {
        if !self.accept(&Token::Word("__attribute__"))? {
            return Ok(false);
        }
        self.expect('(', "__attribute__")?;
        self.expect('(', "__attribute__(")?;
        let (word, place) = self.word("`packed`")?;
        if !["packed", "__packed__"].contains(&word) {
            return Err(
                place.error(format!("found the attribute `{word}`, expected `packed`, the only one known here"))
            );
        }
        self.expect(')', "`packed`")?;
        self.expect(')', "`packed)`")?;
        Ok(true)
    }

    /// The fields that are declared up to a semicolon.
    fn member(&mut self, members: &mut Vec<(Declared, Type)>) -> Result<(), LayoutError> {
        let element = self.type_name()?;
        loop {
            let declared = self.declarator()?;
            if members.len() == FIELDS_MAX {
                return Err(declared
                    .place
                    .error(format!("found more than {FIELDS_MAX} fields, expected at most as many")));
            }
            members.push((declared, element.clone()));
            if !self.accept(&Token::Symbol(','))? {
                break;
            }
        }
        self.expect(';', "the field")
    }

    fn type_name(&mut self) -> Result<Type, LayoutError> {
        let mut words: Vec<&str> = Vec::new();
        let place = loop {
            let (found, place) = self.peek()?;
            match found {
                Token::Word("const" | "volatile") => {
                    self.token()?;
                }
                Token::Word("struct") if words.is_empty() => {
                    self.token()?;
                    if self.peek()?.0 == Token::Symbol('{') {
                        let what = "found a struct without a name within another one, expected one that is declared \
                                    above: struct name field;";
                        return Err(place.error(what));
                    }
                    let (name, place) = self.word("the struct's name")?;
                    return self.known_struct(name, place);
                }
                Token::Word(word @ ("union" | "enum")) if words.is_empty() => {
                    return Err(place.error(format!(
                        "found `{word}`, expected {TYPES}; declare the one of its types that is used, or bytes: \
                         uint8_t field[8];"
                    )));
                }
                Token::Word(word) if is_type_word(word) && (words.is_empty() || is_keyword(word)) => {
                    self.token()?;
                    words.push(word);
                }
                Token::Word(word) if words.is_empty() => {
                    self.token()?;
                    return self.known_struct(word, place);
                }
                found if words.is_empty() => return Err(place.error(format!("found {found}, expected {TYPES}"))),
                _ => break place,
            }
        };
        match kind(&words) {
            Some(kind) => Ok(Type::of(kind)),
            None => Err(place.error(format!("found the type `{}`, expected {TYPES}", words.join(" ")))),
        }
    }

    fn known_struct(&self, name: &str, place: Place) -> Result<Type, LayoutError> {
        self.structs.get(name).cloned().ok_or_else(|| place.error(format!("found `{name}`, expected {TYPES}")))
    }

    /// A field's name, with its dimensions, its place and its unit.
    fn declarator(&mut self) -> Result<Declared, LayoutError> {
        let (name, place) = match self.token()? {
            (Token::Word(word), place) => (word, place),
            (Token::Symbol('*'), place) => {
                let what = "found a pointer, which means nothing in another process, expected the field's name; put \
                            what it points to into the record, as a field or as an array";
                return Err(place.error(what));
            }
            (found, place) => return Err(place.error(format!("found {found}, expected the field's name"))),
        };
        let mut declared =
            Declared { name: name.to_owned(), place, counts: Vec::new(), offset: None, unit: String::new() };
        let mut has_unit = false;
        loop {
            let (found, place) = self.peek()?;
            match found {
                Token::Symbol('[') if declared.offset.is_none() && !has_unit => {
                    self.token()?;
                    let (count, place) = self.number("how many elements the array has, a number")?;
                    if count == 0 || declared.counts.len() == DIMENSIONS_MAX {
                        return Err(place.error(format!(
                            "found [{count}] as dimension {}, expected 1 or more, and at most {DIMENSIONS_MAX} \
                             dimensions",
                            declared.counts.len() + 1
                        )));
                    }
                    self.expect(']', "how many elements the array has")?;
                    declared.counts.push(count);
                }
                Token::Symbol('@') if declared.offset.is_none() => {
                    self.token()?;
                    declared.offset = Some(self.number("the field's offset in bytes, a number, after `@`")?);
                }
                Token::Unit(unit) if !has_unit => {
                    self.token()?;
                    declared.unit = unit.to_owned();
                    has_unit = true;
                }
                Token::Symbol(':') => {
                    let what =
                        "found a bit-field, expected a field of whole bytes; declare the number that its bits are in";
                    return Err(place.error(what));
                }
                Token::Symbol(',' | ';') => return Ok(declared),
                found => {
                    return Err(place.error(format!(
                        "found {found}, expected [elements], @ offset, \"unit\", or `;` after the field `{name}`"
                    )));
                }
            }
        }
    }
}

impl Draft {
    /// Adds a field where it is declared, or else where C puts it.
    fn add(&mut self, declared: Declared, element: &Type) -> Result<(), LayoutError> {
        let Declared { name, place, counts, offset, unit } = declared;
        if self.fields.iter().any(|(other, ..)| *other == name) {
            return Err(place.error(format!("found a second field `{name}`, expected another name")));
        }
        let too_large =
            || place.error(format!("found `{name}`, with which the struct has more than {CAPACITY_MAX} bytes"));
        let mut size = element.size;
        let mut dimensions = Vec::new();
        for &count in counts.iter().rev() {
            dimensions.insert(0, Dimension { count, stride: size });
            size = size.checked_mul(count).ok_or_else(too_large)?;
        }
        let align = if self.is_packed { 1 } else { element.align };
        let start = match offset {
            Some((offset, _)) => offset,
            None => self.end.checked_next_multiple_of(align).ok_or_else(too_large)?,
        };
        let end = start.checked_add(size).filter(|&end| end <= CAPACITY_MAX as u64).ok_or_else(too_large)?;
        if let Some((_, place)) = offset {
            let other = self.fields.iter().find(|(_, from, to)| start < *to && *from < end);
            if let Some((other, from, to)) = other {
                return Err(place.error(format!(
                    "found `{name}` at bytes {start} to {}, expected none of the bytes {from} to {} that `{other}` has",
                    end - 1,
                    to - 1
                )));
            }
        }
        // A field that is not aligned where it is asked for is not aligned in C either.
        if start.is_multiple_of(align) {
            self.found.align = self.found.align.max(align);
        }
        if self.found.leaves.len() + element.leaves.len() > FIELDS_MAX {
            return Err(place.error(format!("found more than {FIELDS_MAX} fields, expected at most as many")));
        }
        for leaf in &element.leaves {
            let separator = if leaf.path.is_empty() { "" } else { "." };
            let path = format!("{name}{}{separator}{}", "[]".repeat(counts.len()), leaf.path);
            let all: Vec<Dimension> = dimensions.iter().chain(&leaf.dimensions).copied().collect();
            if path.len() > PATH_MAX || all.len() > DIMENSIONS_MAX {
                return Err(place.error(format!(
                    "found a path of {} bytes and {} dimensions, expected at most {PATH_MAX} and {DIMENSIONS_MAX}",
                    path.len(),
                    all.len()
                )));
            }
            let unit = if leaf.unit.is_empty() { unit.clone() } else { leaf.unit.clone() };
            let offset = start + leaf.offset;
            self.found.leaves.push(Leaf { path, unit, kind: leaf.kind, offset, dimensions: all });
        }
        self.fields.push((name, start, end));
        // A field that was put elsewhere does not move the next one back into others.
        self.end = self.end.max(end);
        self.found.size = self.found.size.max(end);
        Ok(())
    }

    fn finish(mut self, place: Place) -> Result<Type, LayoutError> {
        let size = self.found.size.next_multiple_of(self.found.align);
        if size > CAPACITY_MAX as u64 {
            return Err(place.error(format!("found a struct of {size} bytes, expected at most {CAPACITY_MAX}")));
        }
        self.found.size = size;
        Ok(self.found)
    }
}

/// Words that several of make one type.
fn is_keyword(word: &str) -> bool {
    ["char", "double", "int", "long", "short", "signed", "unsigned", "__int128"].contains(&word)
}

fn is_type_word(word: &str) -> bool {
    is_keyword(word) || kind(&[word]).is_some()
}

/// What C means by these words, on 64-bit Linux.
fn kind(words: &[&str]) -> Option<Kind> {
    let is_unsigned = words.contains(&"unsigned");
    if is_unsigned && words.contains(&"signed") {
        return None;
    }
    let mut rest: Vec<&str> = words.iter().copied().filter(|word| !["signed", "unsigned"].contains(word)).collect();
    rest.sort_unstable();
    if rest.len() > 1 && rest.iter().all(|word| ["int", "long", "short"].contains(word)) {
        // They are sorted, so that it would be the first.
        if let ["int", "long" | "short", ..] = rest.as_slice() {
            rest.remove(0);
        }
    }
    let has_sign = rest.len() < words.len() && words.iter().any(|word| ["signed", "unsigned"].contains(word));
    let either = |signed, unsigned| if is_unsigned { unsigned } else { signed };
    let kind = match rest.as_slice() {
        ["char"] if !has_sign => Kind::Char,
        ["char"] => either(Kind::I8, Kind::U8),
        ["short"] => either(Kind::I16, Kind::U16),
        ["int"] => either(Kind::I32, Kind::U32),
        [] if has_sign => either(Kind::I32, Kind::U32),
        ["long"] | ["long", "long"] => either(Kind::I64, Kind::U64),
        ["__int128"] => either(Kind::I128, Kind::U128),
        _ if has_sign => return None,
        ["int8_t"] => Kind::I8,
        ["int16_t"] => Kind::I16,
        ["int32_t"] => Kind::I32,
        ["int64_t" | "intptr_t" | "ssize_t" | "ptrdiff_t" | "intmax_t"] => Kind::I64,
        ["uint8_t"] => Kind::U8,
        ["uint16_t"] => Kind::U16,
        ["uint32_t"] => Kind::U32,
        ["uint64_t" | "uintptr_t" | "size_t" | "uintmax_t"] => Kind::U64,
        ["float"] => Kind::F32,
        ["double"] => Kind::F64,
        ["bool" | "_Bool"] => Kind::Bool,
        _ => return None,
    };
    Some(kind)
}

#[cfg(test)]
mod tests;
