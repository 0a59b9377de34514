//! What the messages of a channel consist of: as a type says, and as it is noted in a channel.

mod builder;

use crate::message::Message;
use crate::text;
use crate::value::{Style, Value};
pub use builder::{DescribeError, DescriptionBuilder};
use lastword_protocol::description::{Description as Parsed, WHOLE, encode};
pub use lastword_protocol::description::{DescriptionError, Dimension, Entry, EntryError, Kind, Shape};
use lastword_protocol::header::TypeLayout;
use std::fmt;

/// What the messages of a channel consist of, so that a program can print them that was not built with their type.
///
/// ```
/// lastword::message! {
///     /// Where the arm is.
///     pub struct Pose {
///         /// East of the base.
///         pub x: f64 ["m"],
///         /// The joints, from the base on.
///         pub joints: [f32; 2] ["rad"],
///     }
/// }
/// # fn main() -> Result<(), lastword::DescriptionError> {
/// use lastword::zerocopy::IntoBytes;
/// let description = lastword::Description::of::<Pose>()?;
/// let pose = Pose { x: 1.5, joints: [0.0, 0.25] };
/// assert_eq!(description.text(pose.as_bytes()).to_string(), "x: 1.5 m\njoints[]: [0.0, 0.25] rad\n");
/// assert_eq!(description.json(pose.as_bytes()).to_string(), r#"{"x":1.5,"joints[]":[0.0,0.25]}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    message_type: TypeLayout,
    bytes: Vec<u8>,
}

impl Description {
    /// What the messages of type `T` consist of.
    ///
    /// # Errors
    /// A path of its fields is longer than 255 bytes, a unit longer than 32, arrays are nested deeper than 8, all of it
    /// is longer than 1 MiB, or a shape that was written by hand has more bytes than the type.
    pub fn of<T: Message + ?Sized>() -> Result<Self, DescriptionError> {
        let mut leaves = Leaves::default();
        let is_struct = matches!(T::SHAPE, Shape::Struct { .. });
        leaves.path.push_str(if is_struct { "" } else { WHOLE });
        leaves.visit(&T::SHAPE, "", 0);
        let mut bytes = Vec::new();
        let too_deep = |number| move |why| DescriptionError::Entry { number, why };
        let entries = leaves.found.iter().enumerate().map(|(number, leaf)| {
            Entry::new(&leaf.name, leaf.unit, leaf.kind, leaf.offset)
                .with_dimensions(&leaf.dimensions)
                .map_err(too_deep(number))
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        encode(entries, T::LAYOUT.size, &mut bytes)?;
        // A shape that was written by hand may be one that whoever reads it refuses.
        Self::parse(T::LAYOUT, bytes)
    }

    /// Begins the description of a type that is known at run time alone, of `size` bytes, aligned to `align`. Its
    /// fields follow, and [`finish`](DescriptionBuilder::finish).
    ///
    /// A channel of such messages is opened by [`Channel::described`](crate::Channel::described), and is the same that
    /// a program opens that knows the type: the name, size and alignment are the same, and the fields in the same
    /// order.
    ///
    /// ```
    /// lastword::message! {
    ///     pub struct Pose {
    ///         pub x: f64 ["m"],
    ///         pub joints: [f32; 2] ["rad"],
    ///     }
    /// }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use lastword::{Description, Dimension, Kind, Message};
    /// let pose = Description::build("Pose", 16, 8)
    ///     .field("x", "m", Kind::F64, 0)
    ///     .array("joints[]", "rad", Kind::F32, 8, &[Dimension { count: 2, stride: 4 }])
    ///     .finish()?;
    /// assert_eq!(pose, Description::of::<Pose>()?);
    /// assert_eq!(*pose.message_type(), Pose::LAYOUT);
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(type_name: &str, size: u64, align: u64) -> DescriptionBuilder {
        DescriptionBuilder::new(type_name, size, align)
    }

    /// What is noted in a channel of messages of this type.
    pub(crate) fn parse(message_type: TypeLayout, bytes: Vec<u8>) -> Result<Self, DescriptionError> {
        Parsed::parse(&bytes, message_type.size)?;
        Ok(Self { message_type, bytes })
    }

    /// As it is noted in a channel.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name, size and alignment of the messages' type.
    #[must_use]
    pub fn message_type(&self) -> &TypeLayout {
        &self.message_type
    }

    /// The numbers of a message, by their paths: `pose.x`, `points[].x`. None where the messages are bytes, or of a
    /// type that does not say what it consists of.
    pub fn fields(&self) -> impl Iterator<Item = Entry<'_>> {
        Parsed::parse(&self.bytes, self.message_type.size).unwrap_or(Parsed::EMPTY).entries()
    }

    /// The fields of a message with their values there, whatever the bytes are.
    pub fn values<'a>(&'a self, message: &'a [u8]) -> impl Iterator<Item = FieldValue<'a>> {
        self.fields().map(|field| FieldValue { field, message })
    }

    /// The values in a message, a line each: `x: 1.5 m`.
    pub fn text(&self, message: &[u8]) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            for value in self.values(message) {
                writeln!(f, "{value}")?;
            }
            Ok(())
        })
    }

    /// The values in a message, as a JSON object. What is not finite is `null`.
    pub fn json(&self, message: &[u8]) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            for (number, value) in self.values(message).enumerate() {
                f.write_str(if number == 0 { "{" } else { "," })?;
                write!(f, "\"{}\":{}", value.field.name.replace('\\', "\\\\").replace('"', "\\\""), value.json())?;
            }
            f.write_str(if self.bytes.is_empty() { "{}" } else { "}" })
        })
    }

    /// The first field in which what is expected differs from this; each says which type it is of.
    pub(crate) fn first_difference(&self, expected: &Self) -> Option<(String, String)> {
        let (mut found, mut wanted) = (self.fields(), expected.fields());
        loop {
            let pair = (found.next(), wanted.next());
            if pair == (None, None) {
                return None;
            }
            if pair.0 != pair.1 {
                return Some((self.with(pair.0), expected.with(pair.1)));
            }
        }
    }

    fn with(&self, field: Option<Entry<'_>>) -> String {
        let TypeLayout { size, align, .. } = self.message_type;
        let name = self.message_type.name().escape_debug();
        let message_type =
            if size == 0 { name.to_string() } else { format!("{name} ({size} bytes, aligned to {align})") };
        match field {
            Some(field) => format!("{message_type} with the field {field}"),
            None if self.bytes.is_empty() => format!("{message_type}, which names no fields"),
            None => format!("{message_type} without another field"),
        }
    }
}

impl fmt::Display for Description {
    /// A line for the type, and one for each field: `x: f64 at byte 0, in m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.message_type)?;
        for field in self.fields() {
            writeln!(f, "{field}")?;
        }
        Ok(())
    }
}

/// A field of a message, and its value there. Shown as `x: 1.5 m`, an array as `joints[]: [0.0, 0.25] rad`, a text as
/// `name[]: "arm"`.
#[derive(Clone, Copy, Debug)]
pub struct FieldValue<'a> {
    field: Entry<'a>,
    message: &'a [u8],
}

impl<'a> FieldValue<'a> {
    /// The field.
    #[must_use]
    pub fn field(&self) -> &Entry<'a> {
        &self.field
    }

    /// The value; of an array its elements, the last index counting fastest. Elements that the message is too short for
    /// are left out.
    pub fn elements(&self) -> impl Iterator<Item = Value> + use<'a> {
        let this = *self;
        let mut next = Some([0_u64; lastword_protocol::description::DIMENSIONS_MAX]);
        std::iter::from_fn(move || {
            let index = next.as_mut()?;
            let dimensions = this.field.dimensions();
            let steps = index.iter().zip(dimensions).map(|(&index, dimension)| index * dimension.stride);
            let value = this.value_at(this.field.offset + steps.sum::<u64>())?;
            let mut is_last = true;
            for (index, dimension) in index.iter_mut().zip(dimensions).rev() {
                *index += 1;
                if *index < dimension.count {
                    is_last = false;
                    break;
                }
                *index = 0;
            }
            if is_last {
                next = None;
            }
            Some(value)
        })
    }

    /// The value as JSON: a number, `true`, `false`, a string for characters, or arrays of them. What is not finite,
    /// and a value that the message is too short for, is `null`.
    pub fn json(&self) -> impl fmt::Display + use<'a> {
        let this = *self;
        fmt::from_fn(move |f| this.write(f, Style::Json, this.field.dimensions(), this.field.offset))
    }

    /// The text, as long as it is or as the message has of it, if it is one: characters side by side.
    #[must_use]
    pub fn text(&self) -> Option<&'a [u8]> {
        let dimensions = self.field.dimensions();
        if dimensions.len() == 1 { self.text_at(dimensions.first()?, self.field.offset) } else { None }
    }

    fn text_at(&self, dimension: &Dimension, offset: u64) -> Option<&'a [u8]> {
        if self.field.kind != Kind::Char || dimension.stride != 1 {
            return None;
        }
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(self.message.len());
        let bytes = self.message.get(place(offset)..place(offset.saturating_add(dimension.count)))?;
        Some(text::until_nul(bytes))
    }

    fn value_at(&self, offset: u64) -> Option<Value> {
        let start = usize::try_from(offset).ok()?;
        Value::read(self.field.kind, self.message.get(start..)?)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, style: Style, dimensions: &[Dimension], offset: u64) -> fmt::Result {
        let Some((dimension, inner)) = dimensions.split_first() else {
            return match self.value_at(offset) {
                Some(value) => value.write(f, style),
                None => f.write_str(style.missing()),
            };
        };
        if let ([], Some(bytes)) = (inner, self.text_at(dimension, offset)) {
            return match style {
                Style::Text => write!(f, "\"{}\"", text::escaped(bytes, '"')),
                Style::Json => write!(f, "{}", text::json(bytes)),
            };
        }
        f.write_str("[")?;
        // Every element has bytes of its own, so there are no more of them than the message has bytes.
        let starts = (0..dimension.count).map(|index| offset + index * dimension.stride);
        for (number, start) in starts.take_while(|&start| start < self.message.len() as u64).enumerate() {
            f.write_str(if number == 0 { "" } else { style.separator() })?;
            self.write(f, style, inner, start)?;
        }
        f.write_str("]")
    }
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field.name)?;
        self.write(f, Style::Text, self.field.dimensions(), self.field.offset)?;
        if self.field.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.field.unit) }
    }
}

/// The values that a shape consists of.
#[derive(Default)]
struct Leaves {
    path: String,
    dimensions: Vec<Dimension>,
    found: Vec<Leaf>,
}

struct Leaf {
    name: String,
    unit: &'static str,
    kind: Kind,
    offset: u64,
    dimensions: Vec<Dimension>,
}

impl Leaves {
    fn visit(&mut self, shape: &Shape, unit: &'static str, offset: u64) {
        let length = self.path.len();
        match *shape {
            // There is nothing to say of what says nothing, and of no elements.
            Shape::Opaque | Shape::Array { count: 0, .. } => {}
            Shape::Scalar(kind) => {
                let dimensions = self.dimensions.clone();
                self.found.push(Leaf { name: self.path.clone(), unit, kind, offset, dimensions });
            }
            Shape::Array { element, count, stride } => {
                self.path.push_str("[]");
                self.dimensions.push(Dimension { count: count as u64, stride: stride as u64 });
                self.visit(element, unit, offset);
                self.dimensions.pop();
            }
            Shape::Struct { fields } => {
                for field in fields {
                    if length > 0 {
                        self.path.push('.');
                    }
                    self.path.push_str(field.name);
                    let unit = if field.unit.is_empty() { unit } else { field.unit };
                    self.visit(&field.shape, unit, offset.saturating_add(field.offset as u64));
                    self.path.truncate(length);
                }
            }
        }
        self.path.truncate(length);
    }
}
