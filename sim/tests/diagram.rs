//! Diagrams are well-formed, whole and always the same, and hold text that would break them.

use lastword_sim::case::{self, Spec, Told};
use lastword_sim::diagram::{Diagram, Section, page, wrapped};
use lastword_sim::exhaustive::Gauge;
use lastword_sim::memory::Model;
use lastword_sim::museum::PIECES;
use lastword_sim::trace::{Line, What};
use roxmltree::{Document, Node, ParsingOptions};

fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// All text that is shown, with single blanks.
fn shown(root: Node<'_, '_>) -> String {
    let texts = root.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")));
    let words: Vec<_> = texts.flat_map(|node| node.text().unwrap_or("").split_whitespace()).collect();
    words.join(" ")
}

/// The words of a line, but for the colon after a word that is exchanged, which is a column.
fn words(line: &Line) -> Vec<String> {
    let text = line.what.to_string();
    let is_exchange = matches!(line.what, What::Access { .. });
    text.split_whitespace().map(|word| if is_exchange { word.trim_end_matches(':') } else { word }.to_owned()).collect()
}

fn number(node: Node<'_, '_>, name: &str) -> i32 {
    node.attribute(name).unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

fn check(diagram: &Diagram<'_>) {
    let svg = diagram.svg();
    assert_eq!(svg, diagram.svg());
    let document = parsed(&svg);
    let root = document.root_element();
    let all = shown(root);
    let mut rest = all.replace(": failed", " failed").replace(": ", " ");
    for line in diagram.lines {
        for word in words(line).iter().map(|word| word.trim_end_matches(':')) {
            let Some(at) = rest.find(word) else { panic!("`{word}` of `{}` is not where it should be", line.what) };
            rest.drain(..at + word.len());
        }
    }
    for role in diagram.roles {
        assert!(all.contains(role.as_str()), "{role}");
    }
    let verdict = diagram.violation.map_or("nothing is broken".to_owned(), |violation| format!("BROKEN: {violation}"));
    assert!(all.contains(&verdict), "{verdict}");
    does_not_overlap(root);
}

/// No text leaves the picture, and no two of a row overlap. Characters are not narrower than in most fonts.
fn does_not_overlap(root: Node<'_, '_>) {
    let (right, bottom) = (number(root, "width"), number(root, "height"));
    let mut spans = Vec::new();
    for text in root.descendants().filter(|node| node.tag_name().name() == "text") {
        let (x, y) = (number(text, "x"), number(text, "y"));
        let class = text.attribute("class").unwrap_or("");
        let size = if class.contains("title") { 84 } else { 72 };
        let wide = text.text().unwrap_or("").chars().count() as i32 * size / 10;
        let from = match class {
            class if class.contains("end") => x - wide,
            class if class.contains("middle") => x - wide / 2,
            _ => x,
        };
        assert!(from >= 0 && from + wide <= right && y <= bottom, "{:?} is cut", text.text());
        spans.push((y, from, from + wide, text.text().unwrap_or("")));
    }
    spans.sort_unstable();
    for pair in spans.windows(2) {
        let ((y, _, end, left), (other, from, _, right)) = (pair[0], pair[1]);
        assert!(y != other || end <= from, "`{left}` and `{right}` overlap");
        assert!(y == other || other - y >= 12, "`{left}` and `{right}` overlap");
    }
}

fn told(scenario: &str, spec: &Spec) -> (Vec<String>, Told) {
    let case = case::find(scenario).unwrap();
    let found = case.shortest(spec, 2_000_000, &Gauge::default()).unwrap().expect("it is broken");
    (case.roles(), case.tell(spec, None, &found.answers).unwrap())
}

#[test]
fn every_piece_of_the_museum_is_drawn_whole() {
    for piece in PIECES {
        let exhibit = piece.show(&Gauge::default());
        let violation = exhibit.found.as_ref().map(|found| &found.violation);
        check(&Diagram { title: piece.title, roles: &exhibit.roles, lines: &exhibit.lines, violation });
    }
}

#[test]
fn a_failure_of_a_broken_variant_is_drawn_whole() {
    for (scenario, variant) in [("slots-1", "no re-check"), ("ready-3", "flag before payload")] {
        let (roles, told) = told(scenario, &Spec::new(Model::Sc, 1).broken(variant));
        check(&Diagram { title: variant, roles: &roles, lines: &told.lines, violation: told.violation.as_ref() });
    }
}

/// A whole run of four processes, three of which die, has more than a hundred lines.
#[test]
fn a_long_run_of_many_processes_is_drawn_whole() {
    let case = case::find("slots-large").unwrap();
    let mut most = 0;
    for seed in 0..40_u8 {
        let answers: Vec<u8> =
            (0..900_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 % (2 + seed % 5) / 2).collect();
        let told = case.tell(&Spec::new(Model::Sc, 3), None, &answers).unwrap();
        let roles = case.roles();
        check(&Diagram { title: "", roles: &roles, lines: &told.lines, violation: None });
        most = most.max(told.lines.len());
    }
    assert!(most > 100, "{most} lines");
}

#[test]
fn an_arrow_leads_to_each_load_that_found_what_another_process_stored() {
    let flows = |name: &str| {
        let piece = lastword_sim::museum::piece(name).unwrap();
        let exhibit = piece.show(&Gauge::default());
        let diagram = Diagram { title: "", roles: &exhibit.roles, lines: &exhibit.lines, violation: None };
        let svg = diagram.svg();
        let document = parsed(&svg);
        let is_flow = |node: &Node<'_, '_>| {
            node.tag_name().name() == "path" && node.attribute("class").is_some_and(|class| class.starts_with("flow"))
        };
        document.descendants().filter(is_flow).count()
    };
    // The flag and the payload, by the reader and, after its death, by its successor.
    assert_eq!(flows("boolean-ready-flag"), 4);
    // Neither sees the other's flag: that is what is wrong.
    assert_eq!(flows("dekker-with-plain-stores"), 0);
}

#[test]
fn text_is_escaped_and_wrapped() {
    let line = |what| Line { process: 0, incarnation: 0, what };
    let nasty = "<script>alert(\"&'\")</script> \u{1}\u{fffe} ]]>";
    let lines = [
        line(What::Begins { operation: format!("{nasty} {}", "x".repeat(500)) }),
        line(What::Call { call: nasty.to_owned(), result: "und so weiter ".repeat(30) }),
        line(What::Dies { lost: vec![nasty.to_owned(); 20] }),
    ];
    let roles = [nasty.to_owned(), "another".to_owned()];
    let diagram = Diagram { title: nasty, roles: &roles, lines: &lines, violation: None };
    let svg = diagram.svg();
    does_not_overlap(parsed(&svg).root_element());
    let section = Section { heading: nasty, paragraphs: &[nasty, ""], diagram };
    let page = page(nasty, &[section, section]);
    let document = parsed(&page);
    assert!(!document.descendants().any(|node| node.tag_name().name() == "script"));
    assert_eq!(document.descendants().filter(|node| node.tag_name().name() == "svg").count(), 2);
    for empty in [&[][..], &roles[..1]] {
        let diagram = Diagram { title: "", roles: empty, lines: &[], violation: None };
        parsed(&diagram.svg());
    }
}

#[test]
fn lines_are_wrapped_between_words_where_there_are_any() {
    assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
    assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
    assert_eq!(wrapped("", 10), [""]);
    assert_eq!(wrapped("a b", 0), ["a", "b"]);
}
