use super::*;
use lastword::{Dimension, Kind};

fn build(size: u64) -> lastword::DescriptionBuilder {
    Description::build("T", size, 1)
}

fn array(count: u64, stride: u64) -> [Dimension; 1] {
    [Dimension { count, stride }]
}

fn described(builder: lastword::DescriptionBuilder) -> Description {
    builder.finish().expect("it is right")
}

#[test]
fn a_field_is_a_row_and_bytes_of_no_field_are_padding() {
    let description =
        described(build(32).array("text[]", "", Kind::Char, 1, &array(5, 1)).field("n", "apples", Kind::I32, 8).array(
            "points[].x",
            "m",
            Kind::U16,
            16,
            &array(3, 4),
        ));
    let message: Vec<u8> = (0..32).collect();
    let expected = "\
offset  size  type     name            value                           bytes
     0     1           (padding)                                       00
     1     5  char[5]  text            \"\\u{1}\\u{2}\\u{3}\\u{4}\\u{5}\"     01 02 03 04 05
     6     2           (padding)                                       06 07
     8     4  i32      n               185207048 apples                08 09 0a 0b
    12     4           (padding)                                       0c 0d 0e 0f
    16     6  u16      points[0..3].x  [4368, 5396, 6424] m            10 11 14 15 18 19
    18     2           (padding)                                       12 13
    22     2           (padding)                                       16 17
    26     6           (padding)                                       1a 1b 1c 1d 1e 1f
";
    let shown = grid(&description, &message).to_string();
    let columns =
        |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(columns(&shown), columns(expected), "{shown}");
    // The bytes are below each other.
    let starts: Vec<_> = shown.lines().map(|line| line.rfind("  ")).collect();
    assert!(starts.iter().all(|start| *start == starts[0]), "{shown}");
    let without = layout(&description).to_string();
    assert!(
        without.starts_with("offset  size  type     name            unit\n     0     1           (padding)\n"),
        "{without}"
    );
    assert!(without.contains("     8     4  i32      n               apples\n"), "{without}");
    assert_eq!(gaps(&description), [(0, 1), (6, 8), (12, 16), (18, 20), (22, 24), (26, 32)]);
}

#[test]
fn long_values_are_cut_and_every_line_fits() {
    let long = "a.very.long.path.to.a.field.with.many.parts";
    let description = described(
        build(1 << 20)
            .array(&format!("{long}[]"), "m", Kind::F64, 0, &array(10_000, 8))
            .array("texts[]", "", Kind::Char, 100_000, &array(500, 1))
            .array("cube[][][]", "", Kind::U128, 200_000, &[array(100, 1600), array(10, 160), array(10, 16)].concat()),
    );
    for byte in [0, b'x', 0xff] {
        let shown = grid(&description, &vec![byte; 1 << 20]).to_string();
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
        assert!(
            shown.contains("... 79968 more bytes") && shown.contains("a.very.long") && shown.contains("..."),
            "{shown}"
        );
        assert!(shown.lines().count() < 40, "{shown}");
    }
    let description = described(build(1 << 40).array("all[]", "", Kind::U8, 0, &array(1 << 40, 1)));
    let shown = grid(&description, &[1, 2, 3]).to_string();
    assert!(shown.contains("01 02 03") && shown.contains("1099511627773 bytes missing"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
}

#[test]
fn a_message_of_any_length_is_shown_with_what_it_lacks_or_has_beyond_its_type() {
    let description = described(build(8).field("a", "", Kind::U32, 0).field("b", "", Kind::U32, 4));
    let shown = |message: &[u8]| grid(&description, message).to_string();
    assert!(shown(&[]).contains("4 bytes missing"), "{}", shown(&[]));
    assert!(shown(&[1, 0, 0, 0, 2]).contains("b     missing"), "{}", shown(&[1, 0, 0, 0, 2]));
    assert!(shown(&[1; 10]).contains("(beyond the type)"), "{}", shown(&[1; 10]));
    let rows = shown(&[1, 0, 0, 0, 2, 0, 0, 0]);
    assert!(!rows.contains("missing") && !rows.contains("padding"), "{rows}");
}

#[test]
fn a_message_of_a_type_that_says_nothing_is_shown_as_bytes() {
    let bytes = Description::of::<[u8]>().expect("bytes are described by nothing");
    let shown = grid(&bytes, b"of any length\x1b").to_string();
    assert!(shown.contains("of any l  6f 66 20 61 6e 79 20 6c\n") && shown.contains("ength.    65 6e"), "{shown}");
    let shown = grid(&bytes, &[0; 10_000]).to_string();
    assert!(shown.lines().count() < 520 && shown.contains("(the rest)"), "{shown}");
}

#[test]
fn thousands_of_gaps_are_summed_up() {
    let description = described(build(3000).array("a[]", "", Kind::U8, 0, &array(1000, 3)));
    let shown = grid(&description, &[0; 3000]).to_string();
    assert!(shown.contains("and 936 more gaps with 1872 bytes of padding"), "{shown}");
    assert_eq!(gaps(&described(build(8).field("a", "", Kind::U64, 0))), []);
}
