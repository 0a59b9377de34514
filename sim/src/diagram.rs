//! A run as a picture: an SVG sequence diagram, or a page of them.
//!
//! One lane for each process on the left, time downwards, one row for each line of the run, and what it says on the
//! right. So no text is ever among the arrows. Where a load finds what another process stored, an arrow leads from
//! there to it: from the latest line before it that put this value into this word. A word that is flushed anywhere in
//! the run gets its values by the flushes, not by the stores before them.
//!
//! The output depends on the run and on nothing else.

use crate::trace::{Line, What, name};
use lastword_protocol::memory::{Kind, Ordering};
use lastword_protocol::model::Violation;
use std::fmt::{Display, Write};

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Diagram<'a> {
    /// What stands above it.
    pub title: &'a str,
    /// What each process is called.
    pub roles: &'a [String],
    /// The run.
    pub lines: &'a [Line],
    /// The promise that it breaks, if any.
    pub violation: Option<&'a Violation>,
}

/// A part of a page.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// What stands above it.
    pub heading: &'a str,
    /// What is said before the diagram.
    pub paragraphs: &'a [&'a str],
    /// The diagram.
    pub diagram: Diagram<'a>,
}

const MARGIN: i32 = 16;
const ROW: i32 = 20;
/// Between two columns of text, in characters.
const GAP: usize = 2;
const LANE_MIN: i32 = 76;
/// Between two arrows that go down side by side.
const TRACK: i32 = 8;
/// Half of an operation's bar.
const BAR: i32 = 6;
/// Text narrower than this is not worth wrapping.
const BODY_MIN: usize = 76;

/// Of each process, in the light and in the dark.
const PALETTE: [(&str, &str); 6] = [
    ("#1f6feb", "#58a6ff"),
    ("#8250df", "#bc8cff"),
    ("#1a7f37", "#3fb950"),
    ("#bc4c00", "#f0883e"),
    ("#bf3989", "#f778ba"),
    ("#0a7ea4", "#56d4dd"),
];

const LIGHT: &str = "\
.lw text{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:12px;fill:#1b1f24;white-space:pre}
.lw .title{font-size:14px;font-weight:bold}
.lw .strong{font-weight:bold}
.lw .end{text-anchor:end}
.lw .middle{text-anchor:middle}
.lw .muted{fill:#6b7280}
.lw .judge{fill:#6b7280;font-style:italic}
.lw .red{fill:#c81e1e}
.lw .back{fill:#ffffff}
.lw .band{fill:#f5f6f8}
.lw .life{stroke:#8c959f;stroke-width:1.5}
.lw .guide{stroke:#d5d9df;stroke-width:1}
.lw .flow{stroke:#57606a;stroke-width:1.3;fill:none}
.lw .left{stroke-dasharray:5 3}
.lw .head{fill:#57606a}
.lw .cross{stroke:#c81e1e;stroke-width:3}
.lw .wait{stroke-width:4;stroke-dasharray:2 5}
.lw .bar{fill-opacity:0.2;stroke-width:1}
.lw .mark{stroke-width:2}
";

const DARK: &str = "\
.lw text{fill:#e6edf3}
.lw .muted,.lw .judge{fill:#8b949e}
.lw .red{fill:#ff7b72}
.lw .back{fill:#0d1117}
.lw .band{fill:#161b22}
.lw .life{stroke:#6e7681}
.lw .guide{stroke:#2b323b}
.lw .flow{stroke:#9aa4af}
.lw .head{fill:#9aa4af}
.lw .cross{stroke:#ff7b72}
";

/// Of diagrams, in the light and in the dark.
fn style() -> String {
    let mut out = LIGHT.to_owned();
    for (number, (light, _)) in PALETTE.iter().enumerate() {
        out += &format!(".lw .s{number}{{stroke:{light}}}\n.lw .f{number}{{fill:{light}}}\n");
    }
    // After what is filled by process, which a mark may not be.
    out += ".lw .hollow{fill:#ffffff}\n@media (prefers-color-scheme:dark){\n";
    out += DARK;
    for (number, (_, dark)) in PALETTE.iter().enumerate() {
        out += &format!(".lw .s{number}{{stroke:{dark}}}\n.lw .f{number}{{fill:{dark}}}\n");
    }
    out + ".lw .hollow{fill:#0d1117}\n}\n"
}

/// Text as XML has it. Control characters, which XML cannot have, become the replacement character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The width of so many characters: an estimate that no usual monospace font exceeds.
fn width(chars: usize) -> i32 {
    chars as i32 * 73 / 10
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Text in lines of at most so many characters. Words that are longer are cut.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let last = lines.len() - 1;
            let used = length(&lines[last]);
            let blank = usize::from(used > 0);
            if used + blank + word.len() <= columns {
                lines[last].extend(std::iter::repeat_n(' ', blank).chain(word));
                break;
            }
            if used == 0 {
                let rest = word.split_off(columns);
                lines[last].extend(word);
                word = rest;
            }
            lines.push(String::new());
        }
    }
    lines
}

/// What a row says.
enum Text {
    /// An access, in columns: its site, its ordering, the word, the value.
    Columns([String; 4]),
    /// Anything else.
    Free { class: String, lines: Vec<String> },
}

/// For each line the line that stored what it found, if another process did.
fn sources(lines: &[Line]) -> Vec<Option<usize>> {
    let flushed = |at: &str| lines.iter().any(|line| matches!(&line.what, What::Flushes { place, .. } if place == at));
    let stores = |line: &Line, at: &str, wanted: &str, buffered: bool| match &line.what {
        What::Access { site, order, place: Some(place), stored: Some(value), .. } => {
            let visible = !buffered || *order == Ordering::SeqCst || site.kind == Kind::CompareExchange;
            place == at && value == wanted && visible
        }
        What::Flushes { place, value, .. } => place == at && value == wanted,
        _ => false,
    };
    let source = |(number, line): (usize, &Line)| {
        let What::Access { place: Some(place), found: Some(found), .. } = &line.what else { return None };
        let buffered = flushed(place);
        let from = lines[..number].iter().rposition(|earlier| stores(earlier, place, found, buffered))?;
        (lines[from].process != line.process).then_some(from)
    };
    lines.iter().enumerate().map(source).collect()
}

/// A trunk of arrows: from one line, down beside one lane.
struct Trunk {
    from: usize,
    gap: usize,
    last: usize,
    track: usize,
}

/// The gap between lanes in which an arrow goes down: the one beside the lane that it leads to.
fn gap(from: usize, to: usize) -> usize {
    if from < to { to - 1 } else { to }
}

/// The trunks of all arrows, those of one gap on different tracks while they are side by side.
fn trunks(lines: &[Line], sources: &[Option<usize>]) -> Vec<Trunk> {
    let mut trunks: Vec<Trunk> = Vec::new();
    for (to, from) in sources.iter().enumerate().filter_map(|(to, from)| from.map(|from| (to, from))) {
        let gap = gap(lines[from].process, lines[to].process);
        match trunks.iter_mut().find(|trunk| trunk.from == from && trunk.gap == gap) {
            Some(trunk) => trunk.last = to,
            None => trunks.push(Trunk { from, gap, last: to, track: 0 }),
        }
    }
    trunks.sort_by_key(|trunk| (trunk.from, trunk.gap));
    for number in 0..trunks.len() {
        let (before, now) = trunks.split_at_mut(number);
        let now = &mut now[0];
        let taken =
            |track| before.iter().any(|other| other.gap == now.gap && other.track == track && other.last >= now.from);
        now.track = (0..).find(|&track| !taken(track)).unwrap_or(0);
    }
    trunks
}

/// Where everything goes.
struct Layout {
    lane: i32,
    tracks: usize,
    /// The middle of each row, then the end of the last.
    rows: Vec<i32>,
    texts: Vec<Text>,
    numbers: i32,
    who: i32,
    columns: [i32; 4],
    right: i32,
}

impl Layout {
    fn new(diagram: &Diagram<'_>, top: i32, tracks: usize) -> Self {
        let Diagram { roles, lines, .. } = diagram;
        let names = lines.iter().map(|line| length(&name(roles, line))).max().unwrap_or(0);
        let roles_width = roles.iter().map(|role| length(role)).max().unwrap_or(0);
        let lane = LANE_MIN.max(width(roles_width + 3)).max(TRACK * tracks as i32 + 4 * BAR + 16);
        let mut texts: Vec<Text> = lines.iter().map(text).collect();
        let mut widths = [0; 4];
        for text in &texts {
            if let Text::Columns(columns) = text {
                for (width, column) in widths.iter_mut().zip(columns) {
                    *width = length(column).max(*width);
                }
            }
        }
        let body = (widths.iter().sum::<usize>() + 3 * GAP).max(BODY_MIN);
        let mut rows = Vec::with_capacity(lines.len() + 1);
        let mut y = top + ROW / 2;
        for text in &mut texts {
            rows.push(y);
            y += match text {
                Text::Columns(_) => ROW,
                Text::Free { lines, .. } => {
                    *lines = wrapped(&lines.concat(), body);
                    ROW * lines.len() as i32
                }
            };
        }
        rows.push(y - ROW / 2);
        let numbers = MARGIN + lane * roles.len() as i32 + width(length(&lines.len().to_string()) + 1);
        let who = numbers + width(GAP);
        let mut at = who + width(names + GAP);
        let columns = widths.map(|chars| {
            let x = at;
            at += width(chars + GAP);
            x
        });
        Self { lane, tracks, rows, texts, numbers, who, columns, right: columns[0] + width(body) + MARGIN }
    }

    /// The middle of a lane.
    fn x(&self, process: usize) -> i32 {
        MARGIN + self.lane * process as i32 + self.lane / 2
    }

    /// Where a trunk goes down.
    fn track(&self, trunk: &Trunk) -> i32 {
        self.x(trunk.gap) + self.lane / 2 + (2 * trunk.track as i32 + 1 - self.tracks as i32) * TRACK / 2
    }

    /// The end of the last row.
    fn bottom(&self) -> i32 {
        self.rows.last().copied().unwrap_or(0)
    }
}

/// What a row says; what has to be wrapped is one line still.
fn text(line: &Line) -> Text {
    let free = |class: String, text: String| Text::Free { class, lines: vec![text] };
    let color = line.process % PALETTE.len();
    match &line.what {
        What::Access { site, order, place, found, stored, left, .. } => {
            let value = match (site.kind, found, stored) {
                (Kind::CompareExchange, Some(found), Some(stored)) => format!("{found} -> {stored}"),
                (Kind::CompareExchange, Some(found), None) => format!("failed, found {found}"),
                (_, Some(found), _) => format!("= {found}"),
                (_, _, Some(stored)) => format!(":= {stored}"),
                _ => String::new(),
            };
            let left = if *left { "   (what a death left)" } else { "" };
            let place = place.clone().unwrap_or_default();
            Text::Columns([site.name.to_owned(), format!("{order:?}"), place, value + left])
        }
        What::Starts | What::Begins { .. } => free(format!("strong f{color}"), line.what.to_string()),
        What::Completes | What::Waits => free(format!("f{color}"), line.what.to_string()),
        What::Tells { answer: Some(_), .. } => free("judge".to_owned(), line.what.to_string()),
        What::Tells { answer: None, .. } => free("judge red".to_owned(), line.what.to_string()),
        What::Dies { .. } => free("strong red".to_owned(), line.what.to_string()),
        What::Flushes { .. } | What::Call { .. } => free(String::new(), line.what.to_string()),
    }
}

/// What is being drawn.
struct Canvas {
    out: String,
}

impl Canvas {
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.out, "{element}");
    }

    fn text(&mut self, x: i32, y: i32, class: &str, text: &str) {
        if !text.is_empty() {
            self.put(format_args!("<text x=\"{x}\" y=\"{}\" class=\"{class}\">{}</text>", y + 4, escaped(text)));
        }
    }

    fn line(&mut self, class: &str, (x, y): (i32, i32), (to_x, to_y): (i32, i32)) {
        self.put(format_args!("<line x1=\"{x}\" y1=\"{y}\" x2=\"{to_x}\" y2=\"{to_y}\" class=\"{class}\"/>"));
    }

    fn cross(&mut self, x: i32, y: i32) {
        self.line("cross", (x - 7, y - 7), (x + 7, y + 7));
        self.line("cross", (x - 7, y + 7), (x + 7, y - 7));
    }

    fn bar(&mut self, x: i32, from: i32, to: i32, color: usize) {
        self.put(format_args!(
            "<rect x=\"{}\" y=\"{from}\" width=\"{}\" height=\"{}\" rx=\"3\" class=\"bar s{color} f{color}\"/>",
            x - BAR,
            2 * BAR,
            (to - from).max(2)
        ));
    }

    fn mark(&mut self, x: i32, y: i32, what: Mark, color: usize) {
        let fill = |filled: bool| if filled { format!("f{color}") } else { "hollow".to_owned() };
        match what {
            Mark::Circle(filled) => {
                let fill = fill(filled);
                self.put(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" class=\"mark s{color} {fill}\"/>"));
            }
            Mark::Diamond(filled) => {
                let fill = fill(filled);
                self.put(format_args!(
                    "<path d=\"M{} {y} L{x} {} L{} {y} L{x} {} Z\" class=\"mark s{color} {fill}\"/>",
                    x - 6,
                    y - 6,
                    x + 6,
                    y + 6
                ));
            }
            Mark::Stroke => self.line(&format!("mark s{color}"), (x - 9, y), (x + 9, y)),
            Mark::Triangle => self.put(format_args!(
                "<path d=\"M{} {} L{} {} L{x} {} Z\" class=\"mark s{color} f{color}\"/>",
                x - 5,
                y - 4,
                x + 5,
                y - 4,
                y + 5
            )),
        }
    }

    fn head(&mut self, x: i32, y: i32, direction: i32) {
        let back = x - 8 * direction;
        self.put(format_args!("<path d=\"M{x} {y} L{back} {} L{back} {} Z\" class=\"head\"/>", y - 4, y + 4));
    }
}

/// How an access looks.
#[derive(Clone, Copy)]
enum Mark {
    Circle(bool),
    Diamond(bool),
    Stroke,
    Triangle,
}

fn mark(what: &What) -> Option<Mark> {
    match what {
        What::Access { site, stored, .. } => Some(match site.kind {
            Kind::CompareExchange => Mark::Diamond(stored.is_some()),
            Kind::Store | Kind::Write => Mark::Circle(true),
            Kind::Load | Kind::Read | Kind::RacyRead => Mark::Circle(false),
            Kind::Fence | Kind::Wait | Kind::Wake => Mark::Stroke,
        }),
        What::Flushes { .. } => Some(Mark::Triangle),
        What::Call { .. } => Some(Mark::Circle(true)),
        _ => None,
    }
}

impl Diagram<'_> {
    /// The diagram as a file of its own.
    pub fn svg(&self) -> String {
        self.draw(&style())
    }

    fn draw(&self, style: &str) -> String {
        let sources = sources(self.lines);
        let trunks = trunks(self.lines, &sources);
        let tracks = trunks.iter().map(|trunk| trunk.track + 1).max().unwrap_or(0);
        // The width decides how the title wraps, and that decides where the rows are.
        let narrow = Layout::new(self, 0, tracks);
        let columns = ((narrow.right - 2 * MARGIN) * 10 / 85) as usize;
        let title = wrapped(self.title, columns);
        let heads = MARGIN + ROW * title.len() as i32 + ROW;
        let layout = Layout::new(self, heads + ROW, tracks);
        let mut canvas = Canvas { out: String::new() };
        for (number, line) in title.iter().enumerate() {
            canvas.text(MARGIN, MARGIN + ROW * number as i32 + ROW / 2, "title", line);
        }
        for (process, role) in self.roles.iter().enumerate() {
            let class = format!("middle strong f{}", process % PALETTE.len());
            canvas.text(layout.x(process), heads, &class, role);
        }
        self.guides(&mut canvas, &layout);
        for process in 0..self.roles.len() {
            self.lane(&mut canvas, &layout, process, heads + ROW / 2 + 2);
        }
        self.arrows(&mut canvas, &layout, &sources, &trunks);
        self.rows(&mut canvas, &layout);
        let mut y = layout.bottom() + ROW;
        let (class, verdict) = match self.violation {
            Some(violation) => ("strong red", format!("BROKEN: {violation}")),
            None => ("strong", "nothing is broken".to_owned()),
        };
        for line in wrapped(&verdict, ((narrow.right - 2 * MARGIN) * 10 / 73) as usize) {
            canvas.text(MARGIN, y, class, &line);
            y += ROW;
        }
        y = legend(&mut canvas, y + ROW / 2, layout.right) + MARGIN;
        let right = layout.right;
        let style = if style.is_empty() { String::new() } else { format!("<style>\n{style}</style>\n") };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lw\" role=\"img\" width=\"{right}\" height=\"{y}\" \
             viewBox=\"0 0 {right} {y}\">\n<title>{}</title>\n{style}\
             <rect width=\"{right}\" height=\"{y}\" class=\"back\"/>\n{}</svg>\n",
            escaped(self.title),
            canvas.out
        )
    }

    /// From each row of a lane to what it says, so that the eye finds the way.
    fn guides(&self, canvas: &mut Canvas, layout: &Layout) {
        for (number, line) in self.lines.iter().enumerate() {
            let (y, next) = (layout.rows[number] - ROW / 2, layout.rows.get(number + 1));
            if number % 2 == 1 {
                let last = number + 1 == self.lines.len();
                let end = next.map_or(y + ROW, |&next| if last { next } else { next - ROW / 2 });
                canvas.put(format_args!(
                    "<rect x=\"{MARGIN}\" y=\"{y}\" width=\"{}\" height=\"{}\" class=\"band\"/>",
                    layout.right - 2 * MARGIN,
                    end - y
                ));
            }
            let lanes = MARGIN + layout.lane * self.roles.len() as i32;
            canvas.line("guide", (layout.x(line.process), layout.rows[number]), (lanes, layout.rows[number]));
        }
    }

    /// A process's lifeline, its operations, where it waits and where it dies.
    fn lane(&self, canvas: &mut Canvas, layout: &Layout, process: usize, top: i32) {
        let (x, color) = (layout.x(process), process % PALETTE.len());
        let mine: Vec<usize> = (0..self.lines.len()).filter(|&number| self.lines[number].process == process).collect();
        let mut alive = Some(top);
        let mut bar = None;
        let (mut bars, mut waits) = (Vec::new(), Vec::new());
        for (at, &number) in mine.iter().enumerate() {
            let y = layout.rows[number];
            let next = mine.get(at + 1).map_or(layout.bottom(), |&next| layout.rows[next]);
            if alive.is_none() {
                alive = Some(y - ROW / 2);
                canvas.line(&format!("mark s{color}"), (x - 9, y - ROW / 2), (x + 9, y - ROW / 2));
            }
            match self.lines[number].what {
                What::Starts | What::Begins { .. } => {
                    // Where it starts, it is through with that when it begins something else.
                    bars.extend(bar.replace(y - BAR).map(|from| (from, y - BAR - 4)));
                }
                What::Completes => bars.extend(bar.take().map(|from| (from, y + BAR))),
                What::Waits => waits.push((y, next)),
                What::Dies { .. } => {
                    bars.extend(bar.take().map(|from| (from, y)));
                    let from = alive.take().unwrap_or(y);
                    canvas.line("life", (x, from), (x, y));
                }
                _ => {}
            }
        }
        bars.extend(bar.map(|from| (from, layout.bottom())));
        if let Some(from) = alive {
            canvas.line("life", (x, from), (x, layout.bottom()));
        }
        for (from, to) in bars {
            canvas.bar(x, from, to, color);
        }
        for (from, to) in waits {
            canvas.line(&format!("wait s{color}"), (x, from), (x, to));
        }
    }

    fn arrows(&self, canvas: &mut Canvas, layout: &Layout, sources: &[Option<usize>], trunks: &[Trunk]) {
        for (to, from) in sources.iter().enumerate().filter_map(|(to, from)| from.map(|from| (to, from))) {
            let (source, target) = (&self.lines[from], &self.lines[to]);
            let gap = gap(source.process, target.process);
            let Some(trunk) = trunks.iter().find(|trunk| trunk.from == from && trunk.gap == gap) else { continue };
            let direction = if source.process < target.process { 1 } else { -1 };
            let (x, y) = (layout.x(source.process) + 8 * direction, layout.rows[from]);
            let (to_x, to_y) = (layout.x(target.process) - 8 * direction, layout.rows[to]);
            let (down, round) = (layout.track(trunk), 5 * direction);
            let left = matches!(target.what, What::Access { left: true, .. });
            canvas.put(format_args!(
                "<path d=\"M{x} {y} H{} Q{down} {y} {down} {} V{} Q{down} {to_y} {} {to_y} H{}\" class=\"flow{}\"/>",
                down - round,
                y + 5,
                to_y - 5,
                down + round,
                to_x - 6 * direction,
                if left { " left" } else { "" }
            ));
            canvas.head(to_x, to_y, direction);
        }
    }

    /// What the rows say, and a mark for each access.
    fn rows(&self, canvas: &mut Canvas, layout: &Layout) {
        for (number, (line, text)) in self.lines.iter().zip(&layout.texts).enumerate() {
            let (x, y, color) = (layout.x(line.process), layout.rows[number], line.process % PALETTE.len());
            if let What::Dies { .. } = line.what {
                canvas.cross(x, y);
            }
            if let Some(mark) = mark(&line.what) {
                canvas.mark(x, y, mark, color);
            }
            canvas.text(layout.numbers, y, "muted end", &(number + 1).to_string());
            canvas.text(layout.who, y, &format!("f{color}"), &name(self.roles, line));
            match text {
                Text::Columns(columns) => {
                    let all = columns.iter().zip(layout.columns).zip(["", "muted", "strong", ""]);
                    for ((column, x), class) in all {
                        canvas.text(x, y, class, column);
                    }
                }
                Text::Free { class, lines } => {
                    for (below, text) in lines.iter().enumerate() {
                        canvas.text(layout.columns[0], y + ROW * below as i32, class, text);
                    }
                }
            }
        }
    }
}

/// What the marks mean; where it ends.
fn legend(canvas: &mut Canvas, top: i32, right: i32) -> i32 {
    type Sign = fn(&mut Canvas, i32, i32);
    let signs: [(&str, Sign); 11] = [
        ("load", |canvas, x, y| canvas.mark(x, y, Mark::Circle(false), 0)),
        ("store", |canvas, x, y| canvas.mark(x, y, Mark::Circle(true), 0)),
        ("compare-exchange", |canvas, x, y| canvas.mark(x, y, Mark::Diamond(true), 0)),
        ("failed compare-exchange", |canvas, x, y| canvas.mark(x, y, Mark::Diamond(false), 0)),
        ("fence", |canvas, x, y| canvas.mark(x, y, Mark::Stroke, 0)),
        ("buffer flushed", |canvas, x, y| canvas.mark(x, y, Mark::Triangle, 0)),
        ("operation", |canvas, x, y| canvas.bar(x, y - 8, y + 8, 0)),
        ("waits", |canvas, x, y| canvas.line("wait s0", (x, y - 8), (x, y + 8))),
        ("killed", Canvas::cross),
        ("value found that another process stored", |canvas, x, y| {
            canvas.line("flow", (x - 12, y), (x + 4, y));
            canvas.head(x + 10, y, 1);
        }),
        ("that a death left", |canvas, x, y| {
            canvas.line("flow left", (x - 12, y), (x + 4, y));
            canvas.head(x + 10, y, 1);
        }),
    ];
    let (mut x, mut y) = (MARGIN, top);
    for (text, sign) in signs {
        let wide = 36 + width(length(text) + GAP);
        if x > MARGIN && x + wide > right - MARGIN {
            (x, y) = (MARGIN, y + ROW + 4);
        }
        sign(canvas, x + 14, y);
        canvas.text(x + 32, y, "muted", text);
        x += wide;
    }
    y + ROW
}

const PAGE: &str = "\
body{font:14px/1.5 'DejaVu Sans Mono',Menlo,Consolas,monospace;margin:2em;color:#1b1f24;background:#ffffff}
h1{font-size:20px}
h2{font-size:16px;margin-top:3em}
p{max-width:100ch}
a{color:inherit}
.drawing{overflow-x:auto}
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}}
";

/// A page of diagrams, which needs no other file. With several, it begins with a list of them.
pub fn page(title: &str, sections: &[Section<'_>]) -> String {
    let title = escaped(title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n\
         <style>\n{PAGE}{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n",
        style()
    );
    if sections.len() > 1 {
        let entries = sections.iter().enumerate();
        let list = entries.map(|(number, section)| {
            format!("<li><a href=\"#part-{}\">{}</a></li>\n", number + 1, escaped(section.heading))
        });
        out += &format!("<ol>\n{}</ol>\n", list.collect::<String>());
    }
    for (number, section) in sections.iter().enumerate() {
        let paragraphs = section.paragraphs.iter().map(|text| element("p", text)).collect::<String>();
        out += &format!(
            "<section id=\"part-{}\">\n{}{paragraphs}<div class=\"drawing\">\n{}</div>\n</section>\n",
            number + 1,
            element("h2", section.heading),
            section.diagram.draw("")
        );
    }
    out + "</body>\n</html>\n"
}

fn element(tag: &str, text: impl Display) -> String {
    let text = text.to_string();
    if text.is_empty() { String::new() } else { format!("<{tag}>{}</{tag}>\n", escaped(&text)) }
}
