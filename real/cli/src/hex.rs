//! Bytes, as they lie in memory.

use std::fmt;

const WIDTH: usize = 16;
const HALF: usize = WIDTH / 2;

/// A line for each 16 bytes: where they are, in hexadecimal; each byte; and what of them is ASCII.
pub(crate) fn dump(bytes: &[u8]) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        for (number, line) in bytes.chunks(WIDTH).enumerate() {
            write!(f, "{:08x} ", number * WIDTH)?;
            for place in 0..WIDTH {
                let gap = if place == HALF { "  " } else { " " };
                match line.get(place) {
                    Some(byte) => write!(f, "{gap}{byte:02x}")?,
                    None => write!(f, "{gap}  ")?,
                }
            }
            let shown = |&byte: &u8| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' };
            writeln!(f, "  |{}|", line.iter().map(shown).collect::<String>())?;
        }
        Ok(())
    })
}

/// The same digits without anything else.
pub(crate) fn digits(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // A string takes everything.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_offset_sixteen_bytes_and_their_ascii() {
        let bytes: Vec<u8> = (b'A'..=b'Q').chain([0, 0x7f, 0xff]).collect();
        let expected = "\
00000000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  |ABCDEFGHIJKLMNOP|
00000010  51 00 7f ff                                       |Q...|
";
        assert_eq!(dump(&bytes).to_string(), expected);
        assert_eq!(dump(&[]).to_string(), "");
        assert_eq!(digits(&bytes[16..]), "51007fff");
    }
}
