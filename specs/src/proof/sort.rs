//! Sorts: what the values of TLA+ are to the solver.

use super::term::Term;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// The sort of a value that is neither a set nor a function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Bool,
    Int,
    /// A string: an enumeration of those that occur in the text. There are no others, as nothing makes strings.
    Text,
    /// A record, with its fields in the order of their names.
    Record(Vec<(Arc<str>, Sort)>),
    /// A tuple.
    Tuple(Vec<Sort>),
}

/// The sorts and strings that a script uses.
#[derive(Default)]
pub(crate) struct Sorts {
    structures: Vec<Sort>,
    texts: BTreeSet<Arc<str>>,
}

impl Sorts {
    /// The sort's name in SMT-LIB, which is also the constructor of its values.
    pub(crate) fn name(&mut self, sort: &Sort) -> String {
        let parts: Vec<_> = match sort {
            Sort::Bool => return "Bool".to_owned(),
            Sort::Int => return "Int".to_owned(),
            Sort::Text => return "Text".to_owned(),
            Sort::Record(fields) => fields.iter().map(|(_, sort)| sort.clone()).collect(),
            Sort::Tuple(parts) => parts.clone(),
        };
        // Parts are declared before what is made of them.
        for part in &parts {
            self.name(part);
        }
        let known = self.structures.iter().position(|structure| structure == sort);
        let index = known.unwrap_or_else(|| {
            self.structures.push(sort.clone());
            self.structures.len() - 1
        });
        let kind = if matches!(sort, Sort::Record(_)) { "record" } else { "tuple" };
        format!("{kind}.{index}")
    }

    pub(crate) fn text(&mut self, text: &str) -> Term {
        self.texts.insert(text.into());
        text_symbol(text)
    }

    /// The declarations of all sorts used so far.
    pub(crate) fn declarations(&mut self) -> String {
        let mut script = String::new();
        let mut texts: Vec<_> = self.texts.iter().map(|text| format!("({})", text_symbol(text))).collect();
        if texts.is_empty() {
            texts.push("(text.)".to_owned());
        }
        let _ = writeln!(script, "(declare-datatypes ((Text 0)) (({})))", texts.join(" "));
        for structure in self.structures.clone() {
            let name = self.name(&structure);
            let parts: Vec<_> = match &structure {
                Sort::Record(fields) => {
                    fields.iter().map(|(field, sort)| format!("({name}.{field} {})", self.name(sort))).collect()
                }
                Sort::Tuple(parts) => {
                    let part = |(index, sort)| format!("({name}.{index} {})", self.name(sort));
                    parts.iter().enumerate().map(part).collect()
                }
                _ => continue,
            };
            let _ = writeln!(script, "(declare-datatypes (({name} 0)) ((({name} {}))))", parts.join(" "));
        }
        script
    }
}

fn text_symbol(text: &str) -> Term {
    Term::symbol(&format!("text.{text}"))
}
