//! A table that fits the terminal.

use crate::output::{HEAD, Styled};
use anstyle::Style;
use ratatui::text::Span;
use std::fmt;

/// What is cut off ends so.
const CUT: char = '…';
const GAP: &str = "  ";

/// A place in a table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::new() }
    }

    pub(super) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

/// Rows below a head, each column as wide as its widest cell, or narrower where the whole would not fit.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
    /// The columns that are made narrower first, and how narrow they can be.
    narrow: &'static [(usize, usize)],
}

impl Table {
    /// With a head, and the columns that may be made narrower: first the first of them, down to that width.
    pub(super) fn new(head: &[&str], narrow: &'static [(usize, usize)]) -> Self {
        Self { rows: vec![head.iter().map(|text| Cell::styled(HEAD, *text)).collect()], narrow }
    }

    pub(super) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// The table, no line wider than `width`, if there is one.
    pub(super) fn shown(&self, width: Option<usize>) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            let widths = self.widths(width);
            for row in &self.rows {
                let mut left = width.unwrap_or(usize::MAX);
                for (number, cell) in row.iter().enumerate() {
                    let is_last = number + 1 == row.len();
                    let column = if is_last && width.is_none() { usize::MAX } else { widths[number] };
                    let text = cut(&cell.text, column.min(left));
                    let used = measure(&text);
                    left -= used;
                    write!(f, "{}", Styled(cell.style, text))?;
                    if !is_last {
                        let blanks = (widths[number].saturating_sub(used) + GAP.len()).min(left);
                        left -= blanks;
                        write!(f, "{:blanks$}", "")?;
                    }
                }
                writeln!(f)?;
            }
            Ok(())
        })
    }

    fn widths(&self, width: Option<usize>) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| measure(&cell.text)).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..columns).map(widest).collect();
        let gaps = columns.saturating_sub(1) * GAP.len();
        for &(column, least) in self.narrow {
            let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(width.unwrap_or(usize::MAX));
            if let Some(width) = widths.get_mut(column) {
                *width = (*width).saturating_sub(over).max(least.min(*width));
            }
        }
        widths
    }
}

/// How many columns of a terminal a text takes.
fn measure(text: &str) -> usize {
    Span::raw(text).width()
}

/// As much of a text as fits, which shows that something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if measure(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut left = width.saturating_sub(1);
    for char in text.chars() {
        let Some(rest) = left.checked_sub(measure(char.encode_utf8(&mut [0; 4]))) else { break };
        left = rest;
        kept.push(char);
    }
    if width > 0 {
        kept.push(CUT);
    }
    kept
}

/// A text without the lines and columns that a terminal of that size does not have. Styles take no columns.
pub(super) fn clip(text: &str, rows: usize, columns: usize) -> String {
    text.lines().take(rows).map(|line| clip_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn clip_line(line: &str, columns: usize) -> String {
    let mut kept = String::new();
    let mut left = columns;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            // A style: all of it up to its `m`, wherever the line is cut.
            kept.push(char);
            kept.extend(chars.by_ref().take_while(|&char| char != 'm'));
            kept.push('m');
        } else if let Some(rest) = left.checked_sub(measure(char.encode_utf8(&mut [0; 4]))) {
            left = rest;
            kept.push(char);
        } else {
            left = 0;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "KIND", "ROLES"], &[(2, 5), (0, 4)]);
        table.push(["arm", "channel", "producer 1234, consumers 0/4"].map(Cell::new).into());
        table.push(["a-longer-name", "board", "日本語日本語"].map(Cell::new).into());
        table
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_whatever_its_width() {
        let table = table();
        for width in 0..80 {
            let text = anstream::adapter::strip_str(&table.shown(Some(width)).to_string()).to_string();
            assert_eq!(text.lines().count(), 3);
            assert!(text.lines().all(|line| measure(line) <= width), "{width}:\n{text}");
        }
    }

    #[test]
    fn the_last_column_is_cut_first_and_nothing_is_in_a_pipe() {
        let strip = |text: String| anstream::adapter::strip_str(&text).to_string();
        let whole = strip(table().shown(None).to_string());
        assert!(whole.contains("arm            channel  producer 1234, consumers 0/4\n"), "{whole}");
        let narrow = strip(table().shown(Some(32)).to_string());
        assert!(narrow.contains("a-longer-name  board    日本語…") || narrow.contains("日本語日…"), "{narrow}");
        assert!(narrow.contains("arm            channel  produc"), "{narrow}");
    }

    #[test]
    fn a_screen_is_clipped_in_both_directions_and_styles_are_ended() {
        let line = Styled(HEAD, "abcdef").to_string();
        let clipped = clip(&format!("{line}\n{line}\n{line}"), 2, 3);
        assert_eq!(anstream::adapter::strip_str(&clipped).to_string(), "abc\nabc");
        assert!(clipped.ends_with("\u{1b}[0m"), "{clipped:?}");
    }
}
