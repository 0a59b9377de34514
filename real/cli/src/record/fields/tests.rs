use super::super::layout;
use super::*;

const LAYOUT: &str = "typedef struct { float x, y; } point;
struct s {
    char text[5]; char letter; bool flag; int8_t small; uint8_t byte; int16_t i16; uint16_t u16; int32_t i32;
    uint32_t u32; int64_t i64; uint64_t u64; __int128 i128; unsigned __int128 u128; float f32; double f64;
    int32_t matrix[2][3]; point points[2]; char names[2][3];
};";

fn description() -> Description {
    layout::parse(LAYOUT).expect("it is right")
}

/// The message after one field was set, as text.
fn set(field: &str) -> Result<String, String> {
    let description = description();
    let piece = parse(&description, field)?;
    let mut message = vec![0; usize::try_from(description.message_type().size).expect("it is small")];
    piece.apply(&mut message);
    let path = field.split(['=', '[']).next().unwrap_or_default();
    let value = description.values(&message).find(|value| value.field().name.split("[]").next() == Some(path));
    Ok(value.ok_or("there is no such field")?.to_string())
}

#[test]
fn zero_and_the_limits_of_every_integer_are_taken_and_one_more_is_not() {
    macro_rules! limits {
        ($($name:literal, $number:ty;)*) => {$({
            let set = |value: String| set(&format!("{}={value}", $name));
            for value in [0, <$number>::MIN, <$number>::MAX] {
                assert_eq!(set(value.to_string()), Ok(format!("{}: {value}", $name)));
            }
            let hexadecimal = set(format!("0x{:x}", <$number>::MAX));
            assert_eq!(hexadecimal, Ok(format!("{}: {}", $name, <$number>::MAX)));
            let range = format!("{} to {}", <$number>::MIN, <$number>::MAX);
            // Ten times as much, whatever the size.
            let most = <$number>::MAX;
            for value in [format!("{most}0"), format!("0x{most:x}0"), format!("-{most}0")] {
                let error = set(value.clone()).expect_err(&value);
                assert!(error.contains(&format!("found {value:?}")) && error.ends_with(&range), "{error}");
            }
        })*};
    }
    limits! {
        "small", i8; "byte", u8; "i16", i16; "u16", u16; "i32", i32; "u32", u32; "i64", i64; "u64", u64; "i128", i128;
        "u128", u128;
    }
    assert_eq!(set("byte=256").expect_err("one more"), "field byte: found \"256\", expected u8: 0 to 255");
    assert_eq!(set("small=-129").expect_err("one less"), "field small: found \"-129\", expected i8: -128 to 127");
    for value in ["", " ", "1.5", "1e3", "x", "0x", "--1"] {
        assert!(set(&format!("i32={value}")).is_err(), "{value}");
    }
    assert_eq!(set("i32= 7 "), Ok("i32: 7".to_owned()));
}

#[test]
fn floats_booleans_and_characters_are_what_they_say() {
    assert_eq!(set("f64=-1e-3"), Ok("f64: -0.001".to_owned()));
    assert_eq!(set("f64=inf"), Ok("f64: inf".to_owned()));
    assert_eq!(set("f32=nan"), Ok("f32: NaN".to_owned()));
    assert_eq!(set("f64=1.7976931348623157e308"), Ok("f64: 1.7976931348623157e308".to_owned()));
    assert!(set("f64=1e309").expect_err("too large").contains("expected f64: -1.7976931348623157e308 to"));
    assert!(set("f32=1e39").expect_err("too large").contains("expected f32: -3.4028235e38 to 3.4028235e38"));
    assert!(set("f64=x").expect_err("no number").contains("a number as 3.14"));
    assert_eq!((set("flag=true"), set("flag=0")), (Ok("flag: true".to_owned()), Ok("flag: false".to_owned())));
    assert!(set("flag=2").expect_err("no truth").contains("expected bool: true or false"));
    assert_eq!((set("letter=/"), set("letter= ")), (Ok("letter: '/'".to_owned()), Ok("letter: ' '".to_owned())));
    assert!(set("letter=é").expect_err("two bytes").contains("of 2 bytes, expected char: one byte"));
}

#[test]
fn texts_are_taken_as_they_are_up_to_the_last_byte_of_their_place() {
    assert_eq!(set("text=a=b "), Ok("text[]: \"a=b \"".to_owned()));
    assert_eq!(set("text=hello"), Ok("text[]: \"hello\"".to_owned()));
    assert_eq!(set("text="), Ok("text[]: \"\"".to_owned()));
    assert_eq!(
        set("text=hello!").expect_err("too long"),
        "field text: found 6 bytes of text, expected at most 5; shorten it"
    );
    assert!(set("text=a\0b").expect_err("a NUL").contains("would end the text"));
    assert_eq!(set("text[1]=x"), Ok("text[]: \"\"".to_owned()));
    assert_eq!(set("names[1]=abc"), Ok("names[][]: [\"\", \"abc\"]".to_owned()));
    assert!(set("names=abc").expect_err("which of them").ends_with("names[0]=..."));
    // A shorter text leaves nothing of a longer one.
    let description = description();
    let mut message = vec![0xff; 200];
    parse(&description, "text=a").expect("it is right").apply(&mut message);
    assert_eq!(message[..6], [b'a', 0, 0, 0, 0, 0xff]);
}

#[test]
fn arrays_are_set_as_a_whole_or_by_their_indices() {
    assert_eq!(set("matrix=1,2,3,4,5,6"), Ok("matrix[][]: [[1, 2, 3], [4, 5, 6]]".to_owned()));
    assert_eq!(set("matrix[1]=[7, 8, 9]"), Ok("matrix[][]: [[0, 0, 0], [7, 8, 9]]".to_owned()));
    assert_eq!(set("matrix[1][2]=-1"), Ok("matrix[][]: [[0, 0, 0], [0, 0, -1]]".to_owned()));
    assert_eq!(set("points[1].x=1.5"), Ok("points[].x: [0.0, 1.5]".to_owned()));
    for (field, expected) in [
        (
            "matrix=1,2",
            "found 2 values, expected 6, separated by commas, or one of them by its index: matrix[0][0]=...",
        ),
        ("matrix[2][0]=1", "found index 2, expected 0 to 1"),
        ("matrix[x]=1", "found index \"x\", expected a number"),
        ("matrix[1=1", "found [ without ]"),
        ("matrix[0][0][0]=1", "found a field"),
        ("points.x=1", "found a field"),
        ("points[0]=1", "found a field"),
        ("points[0].z=1", "found a field \"points[0].z\", expected one of s: text, letter, flag"),
        ("nothing=1", "found a field \"nothing\""),
        ("i32", "found \"i32\", expected a field and its value: text=..."),
        ("=1", "found a field \"\""),
    ] {
        let error = set(field).expect_err(field);
        assert!(error.contains(expected), "{error}");
    }
}
