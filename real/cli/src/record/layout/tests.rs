use super::*;
use lastword::protocol::slots::PAYLOAD_ALIGN;

fn fields(text: &str) -> Vec<String> {
    let description = parse(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    let of = description.message_type();
    let head = format!("{} {} {}", of.name(), of.size, of.align);
    std::iter::once(head).chain(description.fields().map(|field| field.to_string())).collect()
}

fn error(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn fields_are_where_c_puts_them_or_where_they_are_asked_for() {
    let text = "// a comment\n#include <stdint.h>\nstruct record { /* another\n one */\n char text[24];\n\
                int32_t numerator \"apples\";\n double value @ 48;\n char end; };";
    let expected = [
        "record 64 8",
        "text[0..24]: char at byte 0",
        "numerator: i32 at byte 24, in apples",
        "value: f64 at byte 48",
        "end: char at byte 56",
    ];
    assert_eq!(fields(text), expected);
    // Back before others, and not aligned there, so that it does not align the struct.
    let moved = "struct s { char a @ 8; double b @ 1, c[2] @ 0x9 \"m\"; uint8_t d; };";
    let expected =
        ["s 26 1", "a: char at byte 0", "b: f64 at byte 1", "c[0..2]: f64 at byte 9, in m", "d: u8 at byte 25"];
    assert_eq!(fields(&moved.replace("@ 8", "@ 0")), expected);
}

#[test]
fn every_type_of_c_has_its_kind() {
    let kinds = |types: &str| -> Vec<Kind> {
        let members: String = types.split(',').enumerate().map(|(i, name)| format!("{name} f{i};")).collect();
        let description = parse(&format!("struct s {{ {members} }};")).unwrap_or_else(|error| panic!("{error}"));
        description.fields().map(|field| field.kind).collect()
    };
    use Kind::{Bool, Char, F32, F64, I8, I16, I32, I64, I128, U8, U16, U32, U64, U128};
    assert_eq!(kinds("char,signed char,unsigned char,int8_t,uint8_t,bool,_Bool"), [Char, I8, U8, I8, U8, Bool, Bool]);
    assert_eq!(
        kinds("short,short int,unsigned short,int unsigned short,int16_t,uint16_t"),
        [I16, I16, U16, U16, I16, U16]
    );
    assert_eq!(kinds("int,signed,unsigned,unsigned int,int32_t,uint32_t"), [I32, I32, U32, U32, I32, U32]);
    assert_eq!(kinds("long,long long int,unsigned long,long unsigned,int64_t,size_t"), [I64, I64, U64, U64, I64, U64]);
    assert_eq!(kinds("float,double,const double,__int128,unsigned __int128"), [F32, F64, F64, I128, U128]);
    for cannot in
        ["long double", "short long", "unsigned double", "signed unsigned", "char int", "float float", "int int"]
    {
        assert!(error(&format!("struct s {{ {cannot} x; }};")).contains("expected"), "{cannot}");
    }
}

#[test]
fn structs_contain_structs_and_arrays_of_them() {
    let text = "typedef struct { float x, y \"px\"; } point;\nstruct inner { point at \"m\"; char tag[2][3]; };\n\
                struct outer { struct inner first; inner all[4]; point corners[2][2]; };";
    let expected = [
        "outer 112 4",
        "first.at.x: f32 at byte 0, in m",
        "first.at.y: f32 at byte 4, in px",
        "first.tag[0..2][0..3]: char at byte 8",
        "all[0..4].at.x: f32 at byte 16, in m",
        "all[0..4].at.y: f32 at byte 20, in px",
        "all[0..4].tag[0..2][0..3]: char at byte 24",
        "corners[0..2][0..2].x: f32 at byte 80",
        "corners[0..2][0..2].y: f32 at byte 84, in px",
    ];
    assert_eq!(fields(text), expected);
    let packed = "struct __attribute__((packed)) a { char c; int i; };\nstruct b { char c; struct a a; short s; } \
                  __attribute__((__packed__));";
    assert_eq!(fields(packed)[..3], ["b 8 1", "c: char at byte 0", "a.c: char at byte 1"]);
    assert_eq!(fields("typedef struct tag { int x; } name;")[0], "name 4 4");
    assert_eq!(fields("typedef struct t { int x; } t; struct u { struct t a; t b; };")[1..].len(), 2);
    assert_eq!(fields("typedef struct tag { int x; } name; struct u { struct tag a; name b; };")[0], "u 8 4");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_was_expected() {
    let cases = [
        ("", "1:1: found no struct, expected at least one"),
        ("int x;", "1:1: found `int`, expected the declaration of a struct"),
        ("struct s { int x }", "1:18: found `}`, expected [elements], @ offset, \"unit\", or `;` after the field `x`"),
        ("struct s {\n  int x;\n  int x;\n};", "3:7: found a second field `x`"),
        ("struct s { int x; };\nstruct s { int x; };", "2:8: found a second struct `s`"),
        ("struct s { };", "1:8: found a struct `s` without fields"),
        ("struct s { foo x; };", "1:12: found `foo`, expected a type: char"),
        ("struct s { struct foo x; };", "1:19: found `foo`, expected a type: char"),
        ("struct s { struct s x; };", "1:19: found `s`, expected a type"),
        ("struct s { struct { int x; } y; };", "1:12: found a struct without a name"),
        ("struct s { union u x; };", "1:12: found `union`"),
        ("struct s { char *x; };", "1:17: found a pointer, which means nothing in another process"),
        ("struct s { int x : 3; };", "1:18: found a bit-field"),
        ("struct s { int x[0]; };", "1:18: found [0] as dimension 1, expected 1 or more"),
        ("struct s { int x[]; };", "1:18: found `]`, expected how many elements"),
        ("struct s { int x[N]; };", "1:18: found `N`, expected how many elements"),
        ("struct s { int x[2; };", "1:19: found `;`, expected `]`"),
        ("struct s { int x[010]; };", "1:18: found `010`, expected a number"),
        ("struct s { int x[99999999999999999999]; };", "1:18: found `99999999999999999999`, expected a number"),
        ("struct s { int x[0xffffffffffffffff][8]; };", "1:16: found `x`, with which the struct has more than"),
        ("struct s { int x @ 0x10000000000; };", "1:16: found `x`, with which the struct has more than"),
        ("struct s { int x @ -1; };", "1:20: found `-`, expected the field's offset"),
        (
            "struct s { int x; char y @ 3; };",
            "1:28: found `y` at bytes 3 to 3, expected none of the bytes 0 to 3 that `x` has",
        ),
        ("struct s { int x \"m; };", "1:18: found a unit without an end"),
        ("struct s { int x \"m\" \"m\"; };", "1:22: found \"m\", expected"),
        ("struct s { int x \"\x1b\"; };", "1:18: found a unit of 1 bytes"),
        ("struct s { int x; } /* never", "1:21: found a comment without an end"),
        ("struct s { int x; }", "1:20: found the end of the file, expected `;` after the struct"),
        ("struct s { int x; } __attribute__((aligned));", "1:36: found the attribute `aligned`"),
        ("#pragma pack(1)\nstruct s { int x; };", "1:1: found a line for C's preprocessor"),
        ("struct größe { int x; };", "1:10: found `ö`, expected `{`"),
        ("struct s { long double x; };", "1:24: found the type `long double`"),
        ("struct { int x; };", "1:8: found `{`, expected the struct's name"),
    ];
    for (text, expected) in cases {
        assert!(error(text).starts_with(expected), "{text}: {}", error(text));
    }
    let unit = format!("struct s {{ int x \"{}\"; }};", "m".repeat(33));
    assert!(error(&unit).contains("found a unit of 33 bytes, expected at most 32"));
}

#[test]
fn what_would_not_end_is_limited() {
    let many = |count| (0..count).map(|number| format!("char f{number};")).collect::<String>();
    assert_eq!(fields(&format!("struct s {{ {} }};", many(4096))).len(), 4097);
    assert!(error(&format!("struct s {{ {} }};", many(4097))).contains("more than 4096 fields"));
    // Twice as many at each step.
    let mut doubling = "struct s0 { char a; };".to_owned();
    for number in 1..60 {
        doubling += &format!("struct s{number} {{ struct s{} a, b; }};", number - 1);
    }
    assert!(error(&doubling).contains("more than 4096 fields"));
    let mut deep = "struct s0 { char a[1]; };".to_owned();
    for number in 1..9 {
        deep += &format!("struct s{number} {{ struct s{} a[1]; }};", number - 1);
    }
    assert!(error(&deep).contains("and 9 dimensions"), "{}", error(&deep));
    let name = "a".repeat(256);
    assert!(error(&format!("struct s {{ char {name}; }};")).contains("found a path of 256 bytes"));
    let name = "a".repeat(113);
    assert!(error(&format!("struct {name} {{ char a; }};")).contains("113 bytes"));
}

#[test]
fn every_beginning_of_a_layout_is_read_or_refused() {
    let text = "#include <x>\ntypedef struct { float x, y \"px\"; } point; struct __attribute__((packed)) s { // c\n\
                unsigned long long a[2][3] @ 8 \"m\"; point p[2]; };";
    let description = parse(text).expect("all of it is right");
    assert!(description.message_type().align <= PAYLOAD_ALIGN as u64);
    for length in 0..text.len() {
        let _ = parse(&text[..length]);
        // Without one of its characters, or with another one.
        let _ = parse(&format!("{}{}", &text[..length], &text[length + 1..]));
        let _ = parse(&format!("{}\"{}", &text[..length], &text[length..]));
    }
}
