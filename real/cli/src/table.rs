//! The demo's live view: one screen on a terminal, one line a second elsewhere.

use crate::check::Promise;
use crate::crew::Event;
use crate::explain::cannot;
use crate::report::Counts;
use crate::tell::tell;
use ratatui::DefaultTerminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, enable_raw_mode};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Gauge, Row, Table};
use std::io::{self, IsTerminal};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

/// How a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is taking its roles for the first time.
    Starting,
    /// It has all of its roles.
    Alive,
    /// It is dead.
    Killed,
    /// It is taking its roles back.
    Recovering,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Alive => "alive",
            State::Killed => "killed",
            State::Recovering => "recovering",
        }
    }

    fn color(self) -> Color {
        match self {
            State::Starting | State::Recovering => Color::Yellow,
            State::Alive => Color::Green,
            State::Killed => Color::Red,
        }
    }
}

/// One process, as it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) state: State,
    pub(crate) kills: u64,
    pub(crate) recovery_us: Option<u64>,
    pub(crate) counts: Counts,
    /// What was counted when this was shown last.
    pub(crate) before: Counts,
}

/// The run, as it is shown.
#[derive(Debug)]
pub(crate) struct View<'v> {
    pub(crate) title: &'v str,
    pub(crate) elapsed: Duration,
    pub(crate) length: Duration,
    /// Since this was shown last.
    pub(crate) since: Duration,
    pub(crate) kills: u64,
    pub(crate) planned_kills: usize,
    pub(crate) lost_roles: u64,
    pub(crate) processes: &'v [Shown],
    pub(crate) evidence: &'v [String],
}

impl View<'_> {
    fn total(&self) -> (Counts, Counts) {
        let sum = |pick: fn(&Shown) -> &Counts| {
            self.processes.iter().fold(Counts::default(), |sum, process| sum.plus(pick(process)))
        };
        (sum(|process| &process.counts), sum(|process| &process.before))
    }

    fn per_second(&self, now: u64, before: u64) -> u64 {
        (now.saturating_sub(before) as f64 / self.since.as_secs_f64().max(0.001)) as u64
    }
}

/// Where the view is shown.
pub(crate) enum Display {
    /// One screen, drawn again and again.
    Screen(Screen),
    /// Nowhere: there was a screen, and it is gone.
    Gone,
    /// Lines on standard error.
    Lines,
}

impl Display {
    /// The terminal, if there is one; its keys come as events. It is given back on drop, and before a panic's message.
    pub(crate) fn open(events: &Sender<Event>) -> io::Result<Self> {
        if !(io::stdout().is_terminal() && io::stdin().is_terminal()) {
            return Ok(Display::Lines);
        }
        let screen = Screen::open().map_err(cannot("use the terminal"))?;
        let events = events.clone();
        let listener = thread::Builder::new().spawn(move || send_keys(&events));
        listener.map_err(cannot("start a thread that reads keys"))?;
        Ok(Display::Screen(screen))
    }

    /// How often the view is to be shown.
    pub(crate) fn period(&self) -> Duration {
        match self {
            Display::Screen(_) => Duration::from_millis(200),
            Display::Lines | Display::Gone => Duration::from_secs(1),
        }
    }

    /// Whether breaches are shown by the view itself, as they happen, and must be said again in the end.
    pub(crate) fn is_screen(&self) -> bool {
        matches!(self, Display::Screen(_) | Display::Gone)
    }

    /// Shows the view, for as long as there is somewhere to show it.
    pub(crate) fn show(&mut self, view: &View<'_>) {
        match self {
            Display::Screen(screen) => {
                if screen.terminal.draw(|frame| draw(frame, view)).is_err() {
                    *self = Display::Gone;
                }
            }
            Display::Gone => {}
            Display::Lines => {
                let (now, before) = view.total();
                let alive = view.processes.iter().filter(|process| process.state == State::Alive).count();
                tell!(
                    "{:>3} s  {alive}/{} alive  {} published ({}/s)  {} read ({}/s)  {}/{} kills  {} recoveries  {}",
                    view.elapsed.as_secs(),
                    view.processes.len(),
                    now.published,
                    view.per_second(now.published, before.published),
                    now.reads,
                    view.per_second(now.reads, before.reads),
                    view.kills,
                    view.planned_kills,
                    now.recoveries,
                    violations(&now, view.lost_roles)
                );
            }
        }
    }
}

/// The terminal's other screen. The terminal is as before when this is dropped, and before a panic's message.
pub(crate) struct Screen {
    /// Never dropped: it would print that the terminal is gone, and panic because it is.
    terminal: ManuallyDrop<DefaultTerminal>,
}

impl Screen {
    pub(crate) fn open() -> io::Result<Self> {
        // Ratatui's own hook prints, too.
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
        let opened = enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen))
            .and_then(|()| DefaultTerminal::new(CrosstermBackend::new(io::stdout())));
        match opened {
            Ok(terminal) => Ok(Self { terminal: ManuallyDrop::new(terminal) }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Draws everything anew.
    pub(crate) fn draw(&mut self, render: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(render).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.show_cursor();
        restore();
    }
}

/// Gives the terminal back. If it is gone, there is nobody to tell.
fn restore() {
    let _ = ratatui::try_restore();
}

fn violations(counts: &Counts, lost_roles: u64) -> String {
    let mut words: Vec<String> =
        Promise::ALL.iter().map(|&promise| format!("{} {}", promise.name(), counts.of(promise))).collect();
    words.push(format!("lost_roles {lost_roles}"));
    words.join("  ")
}

/// Ctrl-C as a command, which it is where it is a key.
pub(crate) const CTRL_C: &str = "\u{3}";

/// Sends every key pressed as a command.
pub(crate) fn send_keys(events: &Sender<Event>) {
    while let Ok(input) = event::read() {
        let Input::Key(key) = input else { continue };
        let command = match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => CTRL_C.to_owned(),
            KeyCode::Char(key) => key.into(),
            _ => continue,
        };
        if key.kind != KeyEventKind::Release && events.send(Event::Command(command)).is_err() {
            return;
        }
    }
}

fn draw(frame: &mut ratatui::Frame<'_>, view: &View<'_>) {
    let (now, before) = view.total();
    let block = Block::bordered().title(format!(" {} ", view.title)).title_bottom(" q ends it ");
    let inner = block.inner(frame.area());
    frame.render_widget(block, frame.area());
    let [time, plan, table, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(3), Constraint::Length(6)])
            .areas(inner);

    let left = view.length.saturating_sub(view.elapsed).as_secs_f64();
    let share = (view.elapsed.as_secs_f64() / view.length.as_secs_f64()).clamp(0.0, 1.0);
    frame.render_widget(Gauge::default().ratio(share).label(format!("{left:.0} s left")), time);
    let share = (view.kills as f64 / view.planned_kills.max(1) as f64).clamp(0.0, 1.0);
    let label = format!("kill plan: {} of {}", view.kills, view.planned_kills);
    frame.render_widget(Gauge::default().ratio(share).label(label).gauge_style(Style::new().fg(Color::Red)), plan);

    // What does not fit on the screen is counted in the last row.
    let room = usize::from(table.height.saturating_sub(3));
    let row = |name: String, state: &str, now: &Counts, before: &Counts, kills: u64, recovery_us: String| {
        [
            name,
            state.to_owned(),
            now.published.to_string(),
            view.per_second(now.published, before.published).to_string(),
            now.reads.to_string(),
            view.per_second(now.reads, before.reads).to_string(),
            now.peeks.to_string(),
            kills.to_string(),
            now.recoveries.to_string(),
            recovery_us,
        ]
    };
    let mut rows: Vec<Row<'_>> = view
        .processes
        .iter()
        .enumerate()
        .take(room)
        .map(|(number, process)| {
            let recovery = process.recovery_us.map_or_else(String::new, |time| time.to_string());
            let cells = row(
                number.to_string(),
                process.state.name(),
                &process.counts,
                &process.before,
                process.kills,
                recovery,
            );
            Row::new(cells).style(Style::new().fg(process.state.color()))
        })
        .collect();
    let hidden = view.processes.len().saturating_sub(room);
    let name = if hidden > 0 { format!("all (+{hidden})") } else { "all".to_owned() };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    rows.push(Row::new(row(name, "", &now, &before, view.kills, String::new())).style(bold));
    let header = ["process", "state", "published", "/s", "read", "/s", "peeked", "kills", "recovered", "last, us"];
    let widths = [10, 10, 11, 9, 11, 9, 10, 7, 9, 9].map(Constraint::Length);
    frame.render_widget(Table::new(rows, widths).header(Row::new(header).style(bold)), table);

    let clean = now.violations.iter().sum::<u64>() + view.lost_roles == 0;
    let style = Style::new().fg(if clean { Color::Green } else { Color::Red });
    let mut lines = vec![Line::styled(violations(&now, view.lost_roles), style)];
    lines.extend(view.evidence.iter().rev().take(5).map(|evidence| Line::raw(evidence.as_str())));
    frame.render_widget(Text::from(lines), foot);
}
