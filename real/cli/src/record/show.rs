//! `record layout`: where the fields of a layout file are.

use super::{Error, layout, sample};
use crate::{grid, output};
use lastword::Description;
use serde::Serialize;
use std::path::PathBuf;

/// Which layout is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Options {
    /// The layout file; if not given, the sample record
    file: Option<PathBuf>,
    /// Print it as one JSON object
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
A layout file is the declaration of a C struct, pasted as it is, with units in quotes and other places if you like:

  struct record {               // the name of the type
      char    text[24];         // a text of at most 24 bytes
      int32_t numerator \"apples\";
      double  value @ 32;       // at byte 32; without it, where C puts it
  };

Types: char, bool, (u)int8_t to (u)int64_t, (unsigned) short, int, long and long long, float, double, size_t, __int128,
sized and aligned as on 64-bit Linux; arrays of any dimensions; structs that are declared above. The last struct is the
record. __attribute__((packed)), typedef, comments and #include lines are understood.

Rust programs have the same record as a struct in `lastword::message!`, with the same name, fields, places and units:
`lastword::Text<24>` for char text[24], `lastword::Char` for char, and `lastword::Padding<N>` where padding is shown.

Examples:
  lastword record layout my_struct.h
  lastword record write --name mine --layout my_struct.h text=hello value=1.5

Exit code: 0 shown; 1 the layout has an error, or cannot be read; 2 usage.";

/// Shows it; the exit code.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let description = match &options.file {
        Some(file) => layout::read(file)?,
        None => sample::description()?,
    };
    if options.json {
        output::json(&Layout::of(&description))?;
    } else {
        let of = description.message_type();
        output::line(format_args!("{}: {} bytes, aligned to {}", of.name(), of.size, of.align))?;
        output::print(grid::layout(&description))?;
    }
    Ok(0)
}

/// A layout. Its JSON is an interface: fields are added, never renamed.
#[derive(Debug, Serialize)]
struct Layout {
    /// The type's name.
    name: String,
    /// Bytes.
    size: u64,
    /// Bytes.
    align: u64,
    fields: Vec<Field>,
    /// The bytes that belong to no field.
    padding: Vec<Padding>,
}

/// A field, or all fields of one name of structs in an array.
#[derive(Debug, Serialize)]
struct Field {
    /// The path, with a `[]` for each dimension.
    name: String,
    /// Rust's name of the type of each element; `char` for a byte of text.
    kind: String,
    /// Bytes from the beginning to the first element.
    offset: u64,
    /// The outermost first.
    dimensions: Vec<Dimension>,
    /// Empty where it has none.
    unit: String,
}

#[derive(Debug, Serialize)]
struct Dimension {
    /// Elements.
    count: u64,
    /// Bytes from one to the next.
    stride: u64,
}

#[derive(Debug, Serialize)]
struct Padding {
    /// Bytes from the beginning.
    offset: u64,
    /// Bytes.
    size: u64,
}

impl Layout {
    fn of(description: &Description) -> Self {
        let fields = description.fields().map(|field| Field {
            name: field.name.to_owned(),
            kind: field.kind.to_string(),
            offset: field.offset,
            dimensions: field.dimensions().iter().map(|of| Dimension { count: of.count, stride: of.stride }).collect(),
            unit: field.unit.to_owned(),
        });
        let gaps = grid::gaps(description).into_iter().map(|(offset, end)| Padding { offset, size: end - offset });
        let of = description.message_type();
        let (fields, padding) = (fields.collect(), gaps.collect());
        Self { name: of.name().to_owned(), size: of.size, align: of.align, fields, padding }
    }
}
