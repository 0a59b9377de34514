//! The live screen, and its keys.

use super::cannot_look;
use super::lines::cells;
use super::row::{Row, clock, counted, number_per_second};
use super::watcher::Watcher;
use crate::explain::cannot;
use crate::look::table::cut;
use crate::look::text::{ago, mode, shown, size, user};
use crate::signals;
use crate::table::Screen;
use lastword::inspect::{Condition, Inspection, What};
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Paragraph, Row as Cells, Table, TableState};
use signal_hook::consts::{SIGHUP, SIGINT};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// So much of a message is shown.
const MESSAGE_MAX: usize = 64 << 10;
/// So much of a message of bytes.
const BYTES_MAX: usize = 256;
/// Heights from which on there is room for events: a few, or more.
const FEW_EVENTS_FROM: u16 = 10;
const MANY_EVENTS_FROM: u16 = 18;

/// What the screen waits for.
#[derive(Debug)]
enum Event {
    Key(KeyEvent),
    Resized,
    Signal(i32),
    /// The terminal is gone.
    Closed,
}

/// Shows everything until it is told to end; the exit code.
pub(super) fn run(watcher: Watcher, prefix: &str, interval: Duration) -> Result<u8, Error> {
    let (sender, events) = mpsc::channel();
    signals::send_as(&sender, Event::Signal)?;
    let mut view = View::new(watcher, prefix, interval);
    view.watcher.look().map_err(cannot_look)?;
    let mut screen = Screen::open().map_err(cannot("use the terminal"))?;
    let listener = thread::Builder::new().spawn(move || send_input(&sender));
    listener.map_err(cannot("start a thread that reads keys"))?;
    let mut next = Instant::now() + interval;
    loop {
        if screen.draw(|frame| view.draw(frame)).is_err() {
            return Ok(signals::exit_code(SIGHUP));
        }
        match events.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Event::Key(key)) => {
                if let Some(code) = view.press(key) {
                    return Ok(code);
                }
            }
            Ok(Event::Resized) => {}
            Ok(Event::Signal(signal)) => return Ok(signals::exit_code(signal)),
            Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => return Ok(signals::exit_code(SIGHUP)),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if Instant::now() >= next {
            next = Instant::now() + interval;
            if !view.is_paused {
                view.look()?;
            }
        }
    }
}

fn send_input(events: &Sender<Event>) {
    while let Ok(input) = event::read() {
        let event = match input {
            Input::Key(key) if key.kind != KeyEventKind::Release => Event::Key(key),
            Input::Resize(..) => Event::Resized,
            _ => continue,
        };
        if events.send(event).is_err() {
            return;
        }
    }
    let _ = events.send(Event::Closed);
}

/// By what the rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Name,
    Rate,
    Size,
}

impl Sort {
    fn name(self) -> &'static str {
        match self {
            Sort::Name => "name",
            Sort::Rate => "rate",
            Sort::Size => "size",
        }
    }

    fn next(self) -> Self {
        match self {
            Sort::Name => Sort::Rate,
            Sort::Rate => Sort::Size,
            Sort::Size => Sort::Name,
        }
    }

    fn apply(self, rows: &mut [&Row]) {
        // They come in the order of names, which a sort keeps where the rest is the same.
        match self {
            Sort::Name => {}
            Sort::Rate => rows.sort_by(|one, other| other.rate.unwrap_or(0.0).total_cmp(&one.rate.unwrap_or(0.0))),
            Sort::Size => rows.sort_by_key(|row| std::cmp::Reverse(row.bytes)),
        }
    }
}

/// What is on the screen instead of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Table,
    /// Of the selected row, from this line on.
    Details(u16),
    Help,
}

/// What was read of one.
#[derive(Debug)]
struct Details {
    of: (String, What),
    lines: Vec<String>,
}

struct View {
    watcher: Watcher,
    prefix: String,
    interval: Duration,
    page: Page,
    sort: Sort,
    is_paused: bool,
    /// What the names have to contain.
    filter: String,
    is_typing: bool,
    /// By name, so that it stays where the rows move.
    selected: Option<(String, What)>,
    table: TableState,
    /// What was last read of the one whose details are shown.
    details: Option<Details>,
    /// How many rows fitted when they were drawn last.
    page_rows: usize,
    has_color: bool,
}

impl View {
    fn new(watcher: Watcher, prefix: &str, interval: Duration) -> Self {
        Self {
            watcher,
            prefix: prefix.to_owned(),
            interval,
            page: Page::Table,
            sort: Sort::Name,
            is_paused: false,
            filter: String::new(),
            is_typing: false,
            selected: None,
            table: TableState::default(),
            details: None,
            page_rows: 1,
            has_color: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    fn look(&mut self) -> Result<(), Error> {
        self.details = None;
        Ok(self.watcher.look().map_err(cannot_look)?)
    }

    /// The rows that are shown, in their order.
    fn shown(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.watcher.rows().iter().filter(|row| row.name.contains(&self.filter)).collect();
        self.sort.apply(&mut rows);
        rows
    }

    /// Where the selected row is; the first one where it is gone or none is.
    fn position(&self, rows: &[&Row]) -> usize {
        let is_selected =
            |row: &&Row| self.selected.as_ref().is_some_and(|(name, what)| row.key() == (name.as_str(), *what));
        rows.iter().position(is_selected).unwrap_or(0)
    }

    fn select(&mut self, step: impl FnOnce(usize) -> usize) {
        let rows = self.shown();
        let position = step(self.position(&rows)).min(rows.len().saturating_sub(1));
        let selected = rows.get(position).map(|row| (row.name.clone(), row.what));
        self.selected = selected;
    }

    /// Does what a key is for; the exit code, if it is the last one.
    fn press(&mut self, key: KeyEvent) -> Option<u8> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(signals::exit_code(SIGINT));
        }
        if self.is_typing {
            match key.code {
                KeyCode::Char(char) => self.filter.push(char),
                KeyCode::Backspace => drop(self.filter.pop()),
                KeyCode::Enter => self.is_typing = false,
                KeyCode::Esc => {
                    self.is_typing = false;
                    self.filter.clear();
                }
                _ => {}
            }
            return None;
        }
        let page = self.page_rows;
        match (self.page, key.code) {
            (_, KeyCode::Char('q')) => return Some(0),
            (_, KeyCode::Char('p')) => self.is_paused = !self.is_paused,
            (Page::Help, _) => self.page = Page::Table,
            (_, KeyCode::Char('?')) => self.page = Page::Help,
            (Page::Details(_), KeyCode::Char('i') | KeyCode::Enter | KeyCode::Esc) => self.page = Page::Table,
            (Page::Details(line), KeyCode::Up) => self.page = Page::Details(line.saturating_sub(1)),
            (Page::Details(line), KeyCode::Down) => self.page = Page::Details(line.saturating_add(1)),
            (Page::Details(line), KeyCode::PageUp) => self.page = Page::Details(line.saturating_sub(10)),
            (Page::Details(line), KeyCode::PageDown) => self.page = Page::Details(line.saturating_add(10)),
            (Page::Details(_), KeyCode::Home) => self.page = Page::Details(0),
            (Page::Table, KeyCode::Char('i') | KeyCode::Enter) => {
                self.select(|position| position);
                if self.selected.is_some() {
                    self.page = Page::Details(0);
                }
            }
            (Page::Table, KeyCode::Up) => self.select(|position| position.saturating_sub(1)),
            (Page::Table, KeyCode::Down) => self.select(|position| position + 1),
            (Page::Table, KeyCode::PageUp) => self.select(|position| position.saturating_sub(page)),
            (Page::Table, KeyCode::PageDown) => self.select(|position| position + page),
            (Page::Table, KeyCode::Home) => self.select(|_| 0),
            (Page::Table, KeyCode::End) => self.select(|_| usize::MAX),
            (Page::Table, KeyCode::Char('s')) => self.sort = self.sort.next(),
            (Page::Table, KeyCode::Char('/')) => self.is_typing = true,
            (Page::Table, KeyCode::Esc) => self.filter.clear(),
            _ => {}
        }
        None
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let events = match area.height {
            _ if self.page == Page::Help => 0,
            MANY_EVENTS_FROM.. => 6,
            FEW_EVENTS_FROM.. => 3,
            _ => 0,
        };
        let rows = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(events),
            Constraint::Length(1),
        ]);
        let [head, body, log, foot] = rows.areas(area);
        frame.render_widget(Line::styled(self.title(), self.bold()), head);
        match self.page {
            Page::Table => self.draw_table(frame, body),
            Page::Details(line) => self.draw_details(frame, body, line),
            Page::Help => frame.render_widget(Paragraph::new(HELP), body),
        }
        if events > 0 {
            self.draw_log(frame, log);
        }
        frame.render_widget(Line::raw(self.keys()), foot);
    }

    fn title(&self) -> String {
        let rows = self.watcher.rows();
        let rate: f64 = rows.iter().filter(|row| row.what != What::Board).filter_map(|row| row.rate).sum();
        // What a narrow screen cuts off is known anyway.
        let mut title = format!("lastword top {}  ", clock(self.watcher.at()));
        if self.is_paused {
            title += "PAUSED  ";
        }
        if !self.filter.is_empty() {
            title += &format!("{} with {:?} of ", self.shown().len(), shown(&self.filter));
        }
        title += &counted(rows.len(), "object", "objects");
        title += &format!("  {}", counted(self.watcher.processes(), "process", "processes"));
        title += &format!("  {} messages/s", number_per_second(rate));
        title += &format!("  every {} ms", self.interval.as_millis());
        if !self.prefix.is_empty() {
            title += &format!("  {}...", self.prefix);
        }
        title
    }

    fn keys(&self) -> String {
        if self.is_typing {
            return format!("filter: {}_   Enter keeps it, Esc clears it", shown(&self.filter));
        }
        match self.page {
            Page::Table => {
                format!("q quit  up/down select  i details  s sort: {}  p pause  / filter  ? help", self.sort.name())
            }
            Page::Details(_) => "q quit  up/down scroll  i back  p pause  ? help".to_owned(),
            Page::Help => "q quit  p pause  any other key: back".to_owned(),
        }
    }

    fn draw_table(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let page_rows = usize::from(area.height.saturating_sub(1)).max(1);
        self.page_rows = page_rows;
        let rows = self.shown();
        if rows.is_empty() {
            let prefix =
                if self.prefix.is_empty() { String::new() } else { format!(" that begins with {}", self.prefix) };
            let text = match self.filter.is_empty() {
                true => format!("There is no channel, mailbox or board{prefix} in /dev/shm."),
                false => "No name has that in it.".to_owned(),
            };
            return frame.render_widget(Paragraph::new(text), area);
        }
        let position = self.position(&rows);
        let texts: Vec<[String; 6]> = rows.iter().map(|row| cells(row)).collect();
        let widths = widths(&texts, area.width);
        let name_width = widths[0];
        let lines: Vec<Cells<'_>> = rows
            .iter()
            .zip(texts)
            .map(|(row, [name, kind, rate, number, bytes, state])| {
                let right = |text: String| Text::from(text).right_aligned();
                let name = cut(&name, name_width.into());
                let cells = [name.into(), kind.into(), right(rate), right(number), right(bytes), state.into()];
                Cells::new(cells).style(self.style_of(row))
            })
            .collect();
        let last_offset = rows.len().saturating_sub(page_rows);
        let heads = ["NAME", "KIND", "RATE/S", "NUMBER", "SIZE", "STATE"].map(Text::from);
        let [name, kind, rate, number, bytes, state] = heads;
        let heads = [name, kind, rate.right_aligned(), number.right_aligned(), bytes.right_aligned(), state];
        let [name, kind, rate, number, bytes, _] = widths.map(Constraint::Length);
        let table = Table::new(lines, [name, kind, rate, number, bytes, Constraint::Fill(1)])
            .header(Cells::new(heads).style(self.bold()))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
        self.table.select(Some(position));
        // Where more fits, or there is less, no row stays hidden above an empty one.
        *self.table.offset_mut() = self.table.offset().min(last_offset);
        frame.render_stateful_widget(table, area, &mut self.table);
    }

    fn draw_details(&mut self, frame: &mut Frame<'_>, area: Rect, line: u16) {
        let lines = self.read_details();
        let last = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(1);
        let line = line.min(last);
        self.page = Page::Details(line);
        let text: Vec<Line<'_>> = lines.into_iter().map(Line::raw).collect();
        frame.render_widget(Paragraph::new(text).scroll((line, 0)), area);
    }

    /// The selected one's details, as they are now; while it is paused, as they were read first.
    fn read_details(&mut self) -> Vec<String> {
        let kept = self.details.take().filter(|kept| self.is_paused && Some(&kept.of) == self.selected.as_ref());
        let found = kept.or_else(|| {
            let (name, what) = self.selected.as_ref()?;
            let row = self.watcher.rows().iter().find(|row| row.key() == (name.as_str(), *what))?;
            let lines = details(row, self.watcher.inspection(name, *what)?);
            Some(Details { of: (name.clone(), *what), lines })
        });
        let lines = found.as_ref().map_or_else(|| vec!["It is gone.".to_owned()], |found| found.lines.clone());
        self.details = found;
        lines
    }

    fn draw_log(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::new().borders(ratatui::widgets::Borders::TOP).title("What has happened (UTC)");
        let room = usize::from(area.height.saturating_sub(1));
        let log = self.watcher.log();
        let lines: Vec<Line<'_>> = log
            .iter()
            .skip(log.len().saturating_sub(room))
            .map(|event| {
                let style = if event.is_grave() { self.color(Color::Red) } else { Style::new() };
                Line::styled(event.text(), style)
            })
            .collect();
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn style_of(&self, row: &Row) -> Style {
        match row.condition {
            Condition::Complete if row.is_used => self.color(Color::Green),
            Condition::Complete | Condition::BeingCreated => Style::new(),
            Condition::Incomplete | Condition::Denied | Condition::OtherVersion { .. } => self.color(Color::Yellow),
            _ => self.color(Color::Red),
        }
    }

    fn color(&self, color: Color) -> Style {
        if self.has_color { Style::new().fg(color) } else { Style::new() }
    }

    fn bold(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
}

/// How wide the columns are; the last one takes the rest.
fn widths(texts: &[[String; 6]], width: u16) -> [u16; 6] {
    let longest = |column: usize, least: usize, most: usize| {
        let longest = texts.iter().map(|texts| texts[column].chars().count()).max().unwrap_or(0);
        longest.clamp(least, most) as u16
    };
    let name = longest(0, 8, 40).min(width / 3);
    // On a narrow screen the name and the state matter more than the size. A number is never cut: the rest of it would
    // be another one.
    match width {
        70.. => [name, 7, longest(2, 7, 20), longest(3, 10, 20), longest(4, 9, 20), 0],
        _ => [name, 7, 6, 0, 0, 0],
    }
}

/// The keys come first, for screens of few rows.
const HELP: &str = "\
q, Ctrl-C      end                      s    sort by name, rate or size
up, down       select (also PgUp ...)   p    pause, and go on
Enter, i       details, and back        /    filter by a part of the name
?              this                     Esc  no filter

Channels, mailboxes and boards in /dev/shm, read only: nobody is disturbed.

RATE/S  messages per second, by their numbers; of a board, changed words
NUMBER  of the newest message: how many there were
SIZE    of all its objects
STATE   who has which role (process ids), and what is wrong; 1234? took the
        role, and is gone or in another pid namespace: a live process has it

Green: a live process uses it. Yellow: half-created, of another version, or not
yours to read. Red: damaged.

`lastword inspect NAME` shows more of one, `lastword doctor` what is wrong.";

/// Everything that is known of one.
fn details(row: &Row, inspection: &Inspection) -> Vec<String> {
    let survey = inspection.survey();
    let mut lines = vec![format!("{} {}: {}", row.what, row.name, row.condition)];
    lines.extend(row.problems.iter().map(|problem| format!("  {problem}")));
    if let Some(message_type) = &row.type_name {
        let capacity = survey.capacity.unwrap_or(0);
        lines.push(format!("messages: {message_type}, at most {capacity} bytes; rate {}/s", row.rate()));
    }
    if let (Some(bits), Some(owner)) = (survey.mode, survey.owner) {
        let age = row.created.and_then(ago).map_or_else(String::new, |age| format!(", created {age} ago"));
        lines.push(format!("mode {}, of {}{age}, generation {}", mode(bits), user(owner), row.generation));
    }
    lines.extend(survey.objects.iter().map(|object| format!("object {}: {}", object.name, size(object.length))));
    for role in &row.roles {
        let last = role.last.map_or_else(String::new, |last| format!("; the last one was process {last}"));
        let since = role.since.and_then(ago).map_or_else(String::new, |since| format!(" for {since}"));
        lines.push(match (role.is_taken, role.pid) {
            (true, Some(pid)) if role.is_certain => format!("{}: process {pid}{since}", role.role),
            (true, Some(pid)) => {
                format!("{}: process {pid}?, which is gone or lives in another pid namespace{since}", role.role)
            }
            (true, None) => format!("{}: a process that has not said which one it is", role.role),
            (false, _) => format!("{}: nobody{last}", role.role),
        });
    }
    if let Some(board) = &survey.board {
        lines.extend(board.readings().map(|reading| match reading {
            Ok(reading) => shown(&reading.to_string()).into_owned(),
            Err(error) => error.to_string(),
        }));
    }
    match inspection.newest(MESSAGE_MAX) {
        Ok(Some(message)) => {
            let number = message.sequence.map_or_else(String::new, |number| format!(" {}", number.get()));
            let torn = if message.is_whole { "" } else { " (not whole: it changes or was consumed)" };
            lines.push(format!("newest message{number}, {} bytes{torn}:", message.length));
            let text = inspection.description().map(|description| description.text(&message.bytes).to_string());
            match text.filter(|text| !text.is_empty()) {
                Some(text) => lines.extend(text.lines().map(|line| format!("  {}", shown(line)))),
                None => {
                    let shown = message.bytes.get(..BYTES_MAX).unwrap_or(&message.bytes);
                    lines.push(format!("  {}", shown.escape_ascii()));
                }
            }
        }
        Ok(None) => {}
        Err(problem) => lines.push(format!("newest message: {problem}")),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword::status::Writer;
    use lastword::{Channel, Force, status};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn view(prefix: &str) -> View {
        View::new(Watcher::new(prefix), prefix, Duration::from_millis(500))
    }

    fn press(view: &mut View, keys: &[KeyCode]) -> Vec<Option<u8>> {
        keys.iter().map(|&key| view.press(KeyEvent::new(key, KeyModifiers::NONE))).collect()
    }

    #[test]
    fn every_page_is_drawn_at_every_size() {
        let name = format!("top-sizes-{}", std::process::id());
        let channel = Channel::<u64>::new(&name).expect("a name can be that").consumers(3);
        let mut producer = channel.producer().expect("nobody has it");
        producer.publish(&7).expect("memory is well");
        let board = Writer::create(&name, 40, 0o600).expect("nobody has it");
        let mut view = view(&name);
        for page in [Page::Table, Page::Details(3), Page::Details(u16::MAX), Page::Help] {
            view.watcher.look().expect("there is /dev/shm");
            view.select(|_| 1);
            for (width, height) in (0..=24).flat_map(|size| [(size, size), (size * 9, 5), (100, size), (3, size)]) {
                view.page = page;
                let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("it is memory");
                terminal.draw(|frame| view.draw(frame)).expect("it is memory");
            }
        }
        drop((producer, board));
        channel.remove(Force::No).expect("nobody uses it");
        status::remove(&name, Force::No).expect("nobody uses it");
    }

    /// The screen, line by line.
    fn drawn(view: &mut View, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("it is memory");
        terminal.draw(|frame| view.draw(frame)).expect("it is memory");
        let buffer = terminal.backend().buffer();
        let line = |row: u16| (0..width).map(|column| buffer[(column, row)].symbol()).collect::<String>();
        (0..height).map(|row| line(row).trim_end().to_owned()).collect()
    }

    #[test]
    fn no_digit_of_a_number_is_cut() {
        let texts = ["a", "channel", "12M", "12345678901234567", "1.0 KiB", ""].map(str::to_owned);
        assert_eq!(widths(std::slice::from_ref(&texts), 80), [8, 7, 7, 17, 9, 0]);
        assert_eq!(widths(&[texts], 60)[3], 0);
    }

    #[test]
    fn what_fits_is_shown_after_the_screen_grew_and_a_long_name_shows_that_it_is_cut() {
        let prefix = format!("top-fits-{}", std::process::id());
        let names: Vec<String> = (0..12).map(|number| format!("{prefix}-{number:02}-{}", "n".repeat(30))).collect();
        let boards: Vec<Writer> =
            names.iter().map(|name| Writer::create(name, 1, 0o600).expect("nobody has it")).collect();
        let mut view = view(&prefix);
        view.watcher.look().expect("there is /dev/shm");
        press(&mut view, &[KeyCode::End]);
        let rows = |lines: &[String]| lines.iter().filter(|line| line.starts_with(&prefix)).count();
        assert_eq!(rows(&drawn(&mut view, 80, 9)), 6);
        let lines = drawn(&mut view, 80, 40);
        assert_eq!(rows(&lines), 12, "{lines:#?}");
        assert!(
            lines.iter().filter(|line| line.starts_with(&prefix)).all(|line| line.contains("n… board")),
            "{lines:#?}"
        );
        drop(boards);
        for name in names {
            status::remove(&name, Force::No).expect("nobody uses it");
        }
    }

    #[test]
    fn details_stay_as_they_were_while_it_is_paused() {
        let name = format!("top-paused-{}", std::process::id());
        let channel = Channel::<u64>::new(&name).expect("a name can be that");
        let mut producer = channel.producer().expect("nobody has it");
        producer.publish(&41).expect("memory is well");
        let mut view = view(&name);
        view.look().expect("there is /dev/shm");
        press(&mut view, &[KeyCode::Enter]);
        let shows = |view: &mut View, words: &str| drawn(view, 80, 24).iter().any(|line| line.contains(words));
        assert!(shows(&mut view, "newest message 1,"));
        press(&mut view, &[KeyCode::Char('p')]);
        producer.publish(&42).expect("memory is well");
        assert!(shows(&mut view, "newest message 1,"));
        press(&mut view, &[KeyCode::Char('p')]);
        assert!(shows(&mut view, "newest message 2,"));
        drop(producer);
        channel.remove(Force::No).expect("nobody uses it");
    }

    #[test]
    fn the_help_is_whole_on_an_ordinary_screen_and_the_keys_on_a_small_one() {
        let mut view = view("nothing-is-called-like-this");
        view.look().expect("there is /dev/shm");
        press(&mut view, &[KeyCode::Char('?')]);
        let lines = drawn(&mut view, 80, 24);
        for line in HELP.lines() {
            assert!(lines.iter().any(|shown| shown == line), "{line:?} in {lines:#?}");
        }
        let lines = drawn(&mut view, 80, 12);
        assert!(HELP.lines().take(4).all(|line| lines.iter().any(|shown| shown == line)), "{lines:#?}");
        press(&mut view, &[KeyCode::Char('p')]);
        assert_eq!((view.page, view.is_paused), (Page::Help, true));
    }

    #[test]
    fn keys_change_what_is_shown_and_only_q_and_ctrl_c_end() {
        let mut view = view("nothing-is-called-like-this");
        view.watcher.look().expect("there is /dev/shm");
        let keys = [KeyCode::Down, KeyCode::End, KeyCode::Up, KeyCode::PageDown, KeyCode::Enter, KeyCode::F(1)];
        assert_eq!(press(&mut view, &keys), [None; 6]);
        assert_eq!((view.page, view.sort), (Page::Table, Sort::Name));
        press(&mut view, &[KeyCode::Char('s')]);
        assert_eq!(view.sort, Sort::Rate);
        // While a filter is typed, letters are letters.
        press(&mut view, &[KeyCode::Char('/'), KeyCode::Char('q'), KeyCode::Char('p'), KeyCode::Backspace]);
        assert_eq!((view.filter.as_str(), view.is_typing, view.is_paused), ("q", true, false));
        press(&mut view, &[KeyCode::Enter, KeyCode::Char('p'), KeyCode::Esc]);
        assert_eq!((view.filter.as_str(), view.is_typing, view.is_paused), ("", false, true));
        press(&mut view, &[KeyCode::Char('?')]);
        assert_eq!(view.page, Page::Help);
        press(&mut view, &[KeyCode::Char('x')]);
        assert_eq!(view.page, Page::Table);
        assert_eq!(press(&mut view, &[KeyCode::Char('q')]), [Some(0)]);
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(view.press(ctrl_c), Some(130));
    }
}
