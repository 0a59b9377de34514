//! A run as a word that can be copied: what a replay needs, and nothing else.
//!
//! `SCENARIO,MODEL,KILLS,HANDOVER,VARIANT,SCRIPT,ANSWERS`. The script is each process's operations, by their numbers in
//! the scenario, `0.1.2` and `-` between processes; empty for all of them. Answers are two hexadecimal digits each.

use crate::case::Spec;
use crate::memory::{Handover, Model};
use std::fmt;
use std::str::FromStr;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The scenario's name.
    pub scenario: String,
    /// How it is run.
    pub spec: Spec,
    /// The operations of each process; all of them, if none.
    pub script: Option<Vec<Vec<u16>>>,
    /// The answers.
    pub answers: Vec<u8>,
}

/// The name of a model.
pub fn model_name(model: Model) -> &'static str {
    match model {
        Model::Sc => "sc",
        Model::Tso => "tso",
        Model::Pso => "pso",
        Model::Weak => "weak",
    }
}

/// The name of a hand-over.
pub fn handover_name(handover: Handover) -> &'static str {
    match handover {
        Handover::Bare => "bare",
        Handover::Synchronized => "synchronized",
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spec { model, kills, handover, variant } = &self.spec;
        write!(f, "{},{},{kills},{},", self.scenario, model_name(*model), handover_name(*handover))?;
        // Names of variants have blanks and colons; a word has neither.
        let variant = variant.as_deref().unwrap_or("");
        for c in variant.chars() {
            match c {
                ' ' => f.write_str("+")?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str(",")?;
        for (process, list) in self.script.iter().flatten().enumerate() {
            let numbers: Vec<_> = list.iter().map(u16::to_string).collect();
            write!(f, "{}{}", if process > 0 { "-" } else { "" }, numbers.join("."))?;
        }
        f.write_str(",")?;
        self.answers.iter().try_for_each(|answer| write!(f, "{answer:02x}"))
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.trim().split(',').collect();
        let &[scenario, model, kills, handover, variant, script, answers] = &parts[..] else {
            return Err(format!(
                "a run has 7 parts (scenario, model, kills, hand-over, variant, operations, answers) with commas between them, and \
                 this has {}: copy all of what was printed after `replay`",
                parts.len()
            ));
        };
        let script = if script.is_empty() {
            None
        } else {
            let number = |number: &str| number.parse().map_err(|_| format!("`{number}` is no number of an operation"));
            let list = |list: &str| list.split('.').filter(|part| !part.is_empty()).map(number).collect();
            Some(script.split('-').map(list).collect::<Result<_, _>>()?)
        };
        let digits = answers.as_bytes();
        if !digits.len().is_multiple_of(2) || !answers.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(format!("the answers are two hexadecimal digits each, and these are `{answers}`"));
        }
        let byte = |pair: &[u8]| {
            pair.iter().fold(0, |byte, &digit| byte << 4 | (digit as char).to_digit(16).unwrap_or(0) as u8)
        };
        let kills = kills.parse().map_err(|_| format!("`{kills}` is no number of kills, which is 0 to 255"))?;
        let variant = (!variant.is_empty()).then(|| variant.replace('+', " "));
        Ok(Self {
            scenario: scenario.to_owned(),
            spec: Spec { model: parse_model(model)?, kills, handover: parse_handover(handover)?, variant },
            script,
            answers: digits.chunks(2).map(byte).collect(),
        })
    }
}

/// The model of this name.
///
/// # Errors
/// There is none.
pub fn parse_model(name: &str) -> Result<Model, String> {
    let all = [Model::Sc, Model::Tso, Model::Pso, Model::Weak];
    all.into_iter()
        .find(|&model| model_name(model) == name)
        .ok_or_else(|| format!("`{name}` is no model; sc, tso, pso and weak are"))
}

/// The hand-over of this name.
///
/// # Errors
/// There is none.
pub fn parse_handover(name: &str) -> Result<Handover, String> {
    let all = [Handover::Bare, Handover::Synchronized];
    all.into_iter()
        .find(|&handover| handover_name(handover) == name)
        .ok_or_else(|| format!("`{name}` is no hand-over; bare and synchronized are"))
}
