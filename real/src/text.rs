//! Texts and gaps in messages.

use crate::message::Message;
use lastword_protocol::description::{Kind, Shape, is_printable};
use lastword_protocol::header::TypeLayout;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::str::Utf8Error;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A byte of text in a message, as C's `char`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct Char(pub u8);

impl Message for Char {
    const LAYOUT: TypeLayout = TypeLayout::of("char", 1, 1, &Self::SHAPE, &[]);
    const SHAPE: Shape = Shape::Scalar(Kind::Char);
}

impl fmt::Debug for Char {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", escaped(&[self.0], '\''))
    }
}

/// A text of at most `N` bytes in a message, as C's `char name[N]`: it ends before the first byte that is 0, or fills
/// all `N`. What is behind that byte is of no account: C programs leave there what was in the array before.
///
/// ```
/// let name = lastword::Text::<8>::new("arm").expect("it has at most 8 bytes");
/// assert_eq!(name.as_str(), Ok("arm"));
/// assert!(lastword::Text::<2>::new("arm").is_none());
/// ```
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    /// A text; `None` where it has more than `N` bytes, or a NUL, which would end it.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        (!text.contains('\0')).then_some(Self(bytes))
    }

    /// Its bytes, without the first 0 and what is behind it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        until_nul(&self.0)
    }

    /// The text.
    ///
    /// # Errors
    /// It is not UTF-8: whoever wrote the message has put something else there.
    pub fn as_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(self.as_bytes())
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for Text<N> {}

impl<const N: usize> Hash for Text<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl<const N: usize> Message for Text<N> {
    const LAYOUT: TypeLayout = TypeLayout::of("array", N, 1, &Self::SHAPE, &[]);
    const SHAPE: Shape = Shape::Array { element: &Char::SHAPE, count: N, stride: 1 };
}

impl<const N: usize> fmt::Debug for Text<N> {
    /// In quotes, and escaped, so that it can be shown on a terminal whoever wrote it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", escaped(self.as_bytes(), '"'))
    }
}

/// A gap of `N` bytes in a message, which mean nothing and are not noted in the channel: what a C compiler puts between
/// fields so that each is aligned.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct Padding<const N: usize>([u8; N]);

impl<const N: usize> Default for Padding<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> PartialEq for Padding<N> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<const N: usize> Eq for Padding<N> {}

impl<const N: usize> Message for Padding<N> {
    const LAYOUT: TypeLayout = TypeLayout::of("padding", N, 1, &Self::SHAPE, &[]);
    const SHAPE: Shape = Shape::NOTHING;
}

impl<const N: usize> fmt::Debug for Padding<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes of padding")
    }
}

/// The bytes before the first 0.
pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Bytes as text within such quotes, for people: what cannot be shown is escaped, and what is not UTF-8 by its bytes.
pub(crate) fn escaped(bytes: &[u8], quote: char) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        for chunk in bytes.utf8_chunks() {
            for char in chunk.valid().chars() {
                match char {
                    '\0' => f.write_str("\\0")?,
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    '\\' => f.write_str("\\\\")?,
                    _ if char == quote => write!(f, "\\{quote}")?,
                    _ if is_printable(char.encode_utf8(&mut [0; 4])) => f.write_char(char)?,
                    _ => write!(f, "{}", char.escape_unicode())?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    })
}

/// Bytes as a string of JSON, with its quotes. What is not UTF-8 becomes U+FFFD.
pub(crate) fn json(bytes: &[u8]) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        f.write_char('"')?;
        for char in String::from_utf8_lossy(bytes).chars() {
            match char {
                '"' | '\\' => write!(f, "\\{char}")?,
                _ if is_printable(char.encode_utf8(&mut [0; 4])) => f.write_char(char)?,
                // All that is not printable is in the plane that four digits are enough for.
                _ => write!(f, "\\u{:04x}", u32::from(char))?,
            }
        }
        f.write_char('"')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_text_is_what_is_before_its_first_zero_and_never_longer_than_its_place() {
        let text = |text: &str| Text::<5>::new(text);
        assert_eq!(text("hello").expect("it fits").as_bytes(), b"hello");
        assert_eq!(text("").expect("it fits").as_str(), Ok(""));
        assert_eq!((text("hello!"), text("a\0b"), text("größe")), (None, None, None));
        let garbage = Text([b'a', 0, b'x', 0xff, 0]);
        assert_eq!((garbage.as_str(), format!("{garbage:?}")), (Ok("a"), "\"a\"".to_owned()));
        assert!(Text([0xff]).as_str().is_err());
    }

    #[test]
    fn texts_are_equal_whatever_is_behind_them() {
        let left = |bytes| Text::<4>(bytes);
        let texts = [left([b'a', 0, 0, 0]), left([b'a', 0, b'x', 0xff]), left([b'a', 0, 0, b'b'])];
        assert!(texts.iter().all(|&text| Text::new("a") == Some(text)));
        assert_eq!(HashSet::from(texts).len(), 1);
        for other in [[b'a', b'b', 0, 0], [b'b', 0, 0, 0], [0, b'a', 0, 0], [b'a'; 4]] {
            assert_ne!(texts[0], left(other));
        }
        assert_eq!(HashSet::from([left([0, 1, 2, 3]), Text::default()]).len(), 1);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let hostile = b"a\x1b[2J\n\"\\\xff\xe2\x80\xae";
        assert_eq!(escaped(hostile, '"').to_string(), r#"a\u{1b}[2J\n\"\\\xff\u{202e}"#);
        assert_eq!(json(hostile).to_string(), "\"a\\u001b[2J\\u000a\\\"\\\\\u{fffd}\\u202e\"");
        assert_eq!(format!("{:?} {:?} {:?}", Char(b'/'), Char(b'\''), Char(0)), r"'/' '\'' '\0'");
    }
}
