//! Values whose type is known only when they are read.

use crate::text;
use lastword_protocol::description::Kind;
use std::fmt;

/// A value of a message or a board, of a kind that was found there.
///
/// Shown as Rust does. [`json`](Self::json) shows it as JSON does, characters as strings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `u8` to `u128`.
    Unsigned(u128),
    /// `i8` to `i128`.
    Signed(i128),
    /// `f32`.
    F32(f32),
    /// `f64`.
    F64(f64),
    /// `bool`.
    Bool(bool),
    /// C's `char`: a byte of text.
    Char(u8),
}

/// How values are written.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Style {
    pub(crate) fn separator(self) -> &'static str {
        match self {
            Style::Text => ", ",
            Style::Json => ",",
        }
    }

    /// In place of a value that is not there.
    pub(crate) fn missing(self) -> &'static str {
        match self {
            Style::Text => "missing",
            Style::Json => "null",
        }
    }
}

impl Value {
    /// The value at the beginning of these bytes; `None` where they are too few. A `bool` that is neither 0 nor 1 is
    /// given as its number.
    pub(crate) fn read(kind: Kind, bytes: &[u8]) -> Option<Self> {
        macro_rules! number {
            ($number:ty) => {
                <$number>::from_ne_bytes(*bytes.first_chunk()?).into()
            };
        }
        Some(match kind {
            Kind::U8 => Value::Unsigned(number!(u8)),
            Kind::U16 => Value::Unsigned(number!(u16)),
            Kind::U32 => Value::Unsigned(number!(u32)),
            Kind::U64 => Value::Unsigned(number!(u64)),
            Kind::U128 => Value::Unsigned(number!(u128)),
            Kind::I8 => Value::Signed(number!(i8)),
            Kind::I16 => Value::Signed(number!(i16)),
            Kind::I32 => Value::Signed(number!(i32)),
            Kind::I64 => Value::Signed(number!(i64)),
            Kind::I128 => Value::Signed(number!(i128)),
            Kind::F32 => Value::F32(number!(f32)),
            Kind::F64 => Value::F64(number!(f64)),
            Kind::Bool => match *bytes.first()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                garbage => Value::Unsigned(garbage.into()),
            },
            Kind::Char => Value::Char(*bytes.first()?),
        })
    }

    /// As JSON: a number, `true` or `false`, or a string for a character, an empty one for 0; `null` for a float that
    /// is not finite.
    #[must_use]
    pub fn json(self) -> impl fmt::Display {
        fmt::from_fn(move |f| self.write(f, Style::Json))
    }

    pub(crate) fn write(self, f: &mut fmt::Formatter<'_>, style: Style) -> fmt::Result {
        let is_finite = match self {
            Value::F32(value) => value.is_finite(),
            Value::F64(value) => value.is_finite(),
            Value::Unsigned(_) | Value::Signed(_) | Value::Bool(_) | Value::Char(_) => true,
        };
        match (self, style) {
            (_, Style::Json) if !is_finite => f.write_str(style.missing()),
            (Value::Unsigned(value), _) => write!(f, "{value}"),
            (Value::Signed(value), _) => write!(f, "{value}"),
            // Always with a point or an exponent, and never hundreds of digits long.
            (Value::F32(value), _) => write!(f, "{value:?}"),
            (Value::F64(value), _) => write!(f, "{value:?}"),
            (Value::Bool(value), _) => write!(f, "{value}"),
            (Value::Char(value), Style::Text) => write!(f, "'{}'", text::escaped(&[value], '\'')),
            (Value::Char(value), Style::Json) => write!(f, "{}", text::json(text::until_nul(&[value]))),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Style::Text)
    }
}
