//! Words as gauges, in the text format of OpenMetrics 1.0.

use lastword::Value;
use lastword::status::Word;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, GaugeValueEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What was found of a board.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) board: String,
    /// Its words; `None` if it is not up.
    pub(super) samples: Option<Vec<Sample>>,
}

impl Look {
    /// A board that is not up.
    pub(super) fn down(board: &str) -> Self {
        Self { board: board.to_owned(), samples: None }
    }
}

/// A word that has a name, and what is in it.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) word: Word,
    pub(super) value: Value,
}

const PREFIX: &str = "lastword_";
const UP: &str = "board_up";
const UP_HELP: &str = "Whether the board is there and a live process sets its words: 1 or 0.";

/// The answer to a scrape.
pub(super) fn page(looks: Vec<Look>) -> String {
    let mut page = Page { up: Vec::new(), families: BTreeMap::new() };
    for look in looks {
        page.up.push((vec![("board", look.board.clone())], Number::Signed(look.samples.is_some().into())));
        for sample in look.samples.into_iter().flatten() {
            page.add(&look.board, &sample);
        }
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(page));
    let mut text = String::new();
    // Strings take whatever is written.
    let _ = text::encode(&mut text, &registry);
    text
}

type Labels = Vec<(&'static str, String)>;

/// All that is said at a scrape. Of each name there is one family, whatever boards its words are of.
#[derive(Debug)]
struct Page {
    up: Vec<(Labels, Number)>,
    families: BTreeMap<String, Family>,
}

/// The words of one name.
#[derive(Debug, Default)]
struct Family {
    samples: BTreeMap<Labels, Number>,
    words: BTreeSet<String>,
    units: BTreeSet<String>,
}

impl Page {
    fn add(&mut self, board: &str, sample: &Sample) {
        let Sample { word, value } = sample;
        let name = family_name(word);
        let mut labels = vec![("board", board.to_owned())];
        let is_plain = name == word.name() || name.strip_suffix(word.unit()) == Some(&format!("{}_", word.name()));
        let family = self.families.entry(name).or_default();
        family.words.insert(word.name().to_owned());
        family.units.insert(word.unit().to_owned());
        // Another word of this board may have the same name and unit in one piece.
        if !is_plain || family.samples.contains_key(&labels) {
            labels.push(("word", word.name().to_owned()));
        }
        if let Entry::Vacant(entry) = family.samples.entry(labels) {
            entry.insert(Number::of(*value));
        }
    }
}

/// What the words of this name and unit are called, after the prefix.
fn family_name(word: &Word) -> String {
    let fits = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
    let mut name: String = word.name().chars().map(fits).collect();
    if is_sane(word.unit()) && !ends_with(&name, word.unit()) {
        name = format!("{name}_{}", word.unit());
    }
    if name == UP { format!("word_{name}") } else { name }
}

/// Whether a unit can be in a name.
fn is_sane(unit: &str) -> bool {
    unit.starts_with(|char: char| char.is_ascii_alphabetic())
        && unit.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

fn ends_with(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit).is_some_and(|stem| stem.is_empty() || stem.ends_with('_'))
}

impl Family {
    /// The unit, if it is that of all, and can be in a name.
    fn unit(&self) -> Option<&str> {
        let unit = self.units.first().filter(|_| self.units.len() == 1)?;
        is_sane(unit).then_some(unit)
    }

    fn help(&self) -> String {
        let list = |words: &BTreeSet<String>| {
            words.iter().filter(|word| !word.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" or ")
        };
        let (words, units) = (list(&self.words), list(&self.units));
        let units = if units.is_empty() { units } else { format!(", in {units}") };
        escape(&format!("Word {words} of a status board{units}."))
    }
}

/// A help text, as the format has it. OpenMetrics escapes quotation marks, and who reads it as Prometheus's older format
/// takes that for an error: so there are none. The label `word` has the name as it is.
fn escape(help: &str) -> String {
    help.replace('"', "'").replace('\\', "\\\\").replace('\n', "\\n")
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let name = format!("{PREFIX}{UP}");
        let mut metric = encoder.encode_descriptor(&name, UP_HELP, None, MetricType::Gauge)?;
        for (labels, number) in &self.up {
            metric.encode_family(labels)?.encode_gauge(number)?;
        }
        for (name, family) in &self.families {
            let name = format!("{PREFIX}{name}");
            // The encoder puts the unit behind the name.
            let stem = family.unit().and_then(|unit| name.strip_suffix(unit)?.strip_suffix('_'));
            let unit = stem.and(family.unit()).map(|unit| Unit::Other(unit.to_owned()));
            let stem = stem.unwrap_or(&name);
            let mut metric = encoder.encode_descriptor(stem, &family.help(), unit.as_ref(), MetricType::Gauge)?;
            for (labels, number) in &family.samples {
                metric.encode_family(labels)?.encode_gauge(number)?;
            }
        }
        Ok(())
    }
}

/// A value as it is written: exactly, where it can be.
#[derive(Clone, Copy, Debug)]
enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

impl Number {
    fn of(value: Value) -> Self {
        match value {
            Value::Bool(value) => Self::Signed(value.into()),
            Value::Signed(value) => i64::try_from(value).map_or(Self::Float(value as f64), Self::Signed),
            Value::Unsigned(value) => u64::try_from(value).map_or(Self::Float(value as f64), Self::Unsigned),
            Value::F32(value) => Self::Float(value.into()),
            Value::F64(value) => Self::Float(value),
            // Words have no other kind.
            _ => Self::Float(f64::NAN),
        }
    }
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Signed(value) => value.encode(encoder),
            Self::Unsigned(value) => value.encode(encoder),
            Self::Float(value) => value.encode(encoder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword::status::Definition;

    fn look(board: &str, words: &[(&str, &str, u64)]) -> Look {
        let mut definition = Definition::new();
        for (name, unit, _) in words {
            definition.word::<u64>(name, unit).expect("it is a word");
        }
        let value = |&(_, _, value): &(&str, &str, u64)| Value::Unsigned(value.into());
        let samples = definition.words().cloned().zip(words.iter().map(value));
        let samples = samples.map(|(word, value)| Sample { word, value }).collect();
        Look { board: board.to_owned(), samples: Some(samples) }
    }

    /// The samples of a page: everything that is no comment and not about boards.
    fn samples(page: &str) -> Vec<&str> {
        page.lines().filter(|line| !line.starts_with('#') && !line.starts_with("lastword_board_up")).collect()
    }

    #[test]
    fn words_whose_names_become_one_are_told_apart_by_a_label() {
        let words = [("a b", "", 1), ("a_b", "", 2), ("a-b", "", 3), ("t_ms", "", 4), ("t", "ms", 5), ("t_ms_", "", 6)];
        let page = page(vec![look("x", &words)]);
        assert_eq!(
            samples(&page),
            [
                "lastword_a_b{board=\"x\"} 2",
                "lastword_a_b{board=\"x\",word=\"a b\"} 1",
                "lastword_a_b{board=\"x\",word=\"a-b\"} 3",
                "lastword_t_ms{board=\"x\"} 4",
                "lastword_t_ms{board=\"x\",word=\"t\"} 5",
                "lastword_t_ms_{board=\"x\"} 6",
            ]
        );
        assert!(!page.contains("# UNIT"), "they are not all said to be in it: {page}");
    }

    #[test]
    fn a_unit_is_the_end_of_the_name_if_it_can_be() {
        let words = [
            ("wait", "seconds", 1),
            ("lag_ms", "ms", 2),
            ("bytes", "bytes", 3),
            ("rate", "1/min", 4),
            ("share", "%", 5),
            ("terms", "ms", 6),
            ("speed", "m_s", 7),
        ];
        let page = page(vec![look("x", &words)]);
        let units: Vec<&str> = page.lines().filter(|line| line.starts_with("# UNIT")).collect();
        assert_eq!(
            units,
            [
                "# UNIT lastword_bytes bytes",
                "# UNIT lastword_lag_ms ms",
                "# UNIT lastword_speed_m_s m_s",
                "# UNIT lastword_terms_ms ms",
                "# UNIT lastword_wait_seconds seconds",
            ]
        );
        assert!(page.contains("# HELP lastword_rate Word rate of a status board, in 1/min.\n"), "{page}");
    }

    #[test]
    fn each_family_is_in_one_piece_and_none_is_taken_for_our_own() {
        let one = look("x", &[("n", "", 1), ("board", "up", 2), ("m", "s", 3)]);
        let two = look("y", &[("m", "s", 4), ("n", "items", 5), ("n_items", "", 6)]);
        let page = page(vec![one, two, Look::down("z")]);
        let up =
            "lastword_board_up{board=\"x\"} 1\nlastword_board_up{board=\"y\"} 1\nlastword_board_up{board=\"z\"} 0\n";
        assert!(page.contains(up), "{page}");
        assert_eq!(
            samples(&page),
            [
                "lastword_m_s{board=\"x\"} 3",
                "lastword_m_s{board=\"y\"} 4",
                "lastword_n{board=\"x\"} 1",
                "lastword_n_items{board=\"y\"} 5",
                "lastword_n_items{board=\"y\",word=\"n_items\"} 6",
                "lastword_word_board_up{board=\"x\",word=\"board\"} 2",
            ]
        );
        let mut families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let count = families.len();
        families.sort_unstable();
        families.dedup();
        assert_eq!(families.len(), count, "{page}");
    }
}
