//! Terminal pane: the screen of a process that has a terminal, in place of its logs.

mod bells;
mod selection;

use std::time::Duration;

use ratatui::layout::{Position, Rect};

pub use bells::Bells;
pub use selection::{ScreenPoint, ScreenSelection, run_cells};

use super::layout::{PaneArea, areas};
use super::list::RowId;
use super::{Model, Pane, Screen};
use crate::control::wire::ProcessState;
use crate::terminal::{CursorShape, Palette, Rgb, Size, View};

/// Keys within this time after typing has ended by itself were meant for the process.
const STRAY_KEYS: Duration = Duration::from_millis(600);
/// The longest time during which such keys are ignored, however fast they follow each other.
const MAX_STRAY_KEYS: Duration = Duration::from_secs(3);

/// The state of the connection to a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StreamState {
    #[default]
    Opening,
    Live,
    /// It has failed, for this reason, and is opened again.
    Lost(String),
}

/// The terminal that is on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenTerminal {
    pub name: String,
    pub view: View,
    pub stream: StreamState,
    /// A frame was requested and has not arrived. There is one such request at most, and the next one
    /// follows when the last frame has been drawn: a slow terminal skips frames.
    pub is_taking: bool,
    /// The size that the project knows.
    pub sent_size: Option<Size>,
    /// The run that knows the colours of the outer terminal.
    pub colored_run: Option<u32>,
}

/// The process that keys go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    pub name: String,
    /// The run that the user types into. The next one may want other keys.
    pub run: u32,
    /// The pane that had the focus before, and gets it again.
    pub from: Pane,
}

/// The logs of a process in place of its terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownLog {
    pub name: String,
    /// The user has scrolled back: the latest line leads back to the screen.
    pub is_scrollback: bool,
    /// Keys went to the process before, and will again; the pane that had the focus before that.
    pub typing_from: Option<Pane>,
}

#[derive(Debug, Clone, Default)]
pub struct TerminalPane {
    pub open: Option<OpenTerminal>,
    /// The number of the latest stream. Events of earlier ones are dropped.
    pub stream: u64,
    pub typing: Option<Typing>,
    pub log: Option<ShownLog>,
    /// The process that the last key stopped typing into, and when: the same key soon after is sent to it.
    pub left: Option<(String, Duration)>,
    /// The process to show alone and to type into as soon as the project is known.
    pub attach_to: Option<String>,
    /// The colours of the outer terminal that are known, for text and behind it.
    pub colors: (Option<Rgb>, Option<Rgb>),
    pub selection: Option<ScreenSelection>,
    /// Where the left button was pressed.
    pub drag_from: Option<ScreenPoint>,
    /// A button was pressed on the screen, and the process has been told.
    pub is_button_sent: bool,
    /// When typing ended by itself, and until when keys are ignored for that reason.
    stray_keys: Option<(Duration, Duration)>,
}

impl TerminalPane {
    /// Whether the terminal of this process is open.
    pub fn is_open(&self, name: &str) -> bool {
        self.open.as_ref().is_some_and(|open| open.name == name)
    }

    /// Whether the first frame has not arrived.
    pub fn is_loading(&self) -> bool {
        let is_loading = |open: &OpenTerminal| {
            !matches!(open.stream, StreamState::Lost(_)) && open.view.rows().is_empty()
        };
        self.open.as_ref().is_some_and(is_loading)
    }

    /// Returns the colours of the outer terminal, for programs that ask; `None` if they are not known.
    pub fn palette(&self) -> Option<Palette> {
        let (text, background) = self.colors;
        let background = background?;
        let usual = if background.is_dark() { Rgb::new(229, 229, 229) } else { Rgb::default() };
        let foreground = text.unwrap_or(usual);
        Some(Palette { foreground, background, cursor: foreground, ..Palette::default() })
    }

    /// Ignores keys for a moment, as they were meant for the process.
    pub fn expect_stray_keys(&mut self, now: Duration) {
        self.stray_keys = Some((now, now + STRAY_KEYS));
    }

    /// Whether a key was meant for the process that the user typed into a moment ago.
    pub fn is_stray_key(&mut self, now: Duration) -> bool {
        let Some((since, until)) = self.stray_keys else { return false };
        if now >= until {
            self.stray_keys = None;
            return false;
        }
        self.stray_keys = Some((since, (now + STRAY_KEYS).min(since + MAX_STRAY_KEYS)));
        true
    }
}

impl Model {
    /// Whether keys go to a process.
    pub fn is_typing(&self) -> bool {
        self.terminal.typing.is_some()
    }

    /// Whether keys go to a process, and nothing here changes by them.
    pub fn passes_keys_on(&self) -> bool {
        self.is_typing() && self.terminal.selection.is_none() && self.terminal.drag_from.is_none()
    }

    /// Returns the process at the cursor, if it has a terminal.
    pub fn terminal_process(&self) -> Option<&ProcessState> {
        if self.list.marks.len() >= 2 || self.list.cursor == RowId::All {
            return None;
        }
        self.cursor_process().filter(|process| process.options.tty)
    }

    /// Returns the process whose terminal is shown in place of its logs, if the pane is shown.
    pub fn shown_terminal(&self) -> Option<&ProcessState> {
        let process = self.terminal_process().filter(|_| self.screen == Screen::Dashboard)?;
        let log = self.terminal.log.as_ref();
        log.is_none_or(|log| process.name != log.name).then_some(process)
    }

    /// Returns the logs that are shown in place of a terminal.
    pub fn shown_log(&self) -> Option<&ShownLog> {
        let process = self.terminal_process().filter(|_| self.screen == Screen::Dashboard)?;
        self.terminal.log.as_ref().filter(|log| process.name == log.name)
    }

    /// Returns the open terminal and its pane, if both are visible.
    pub fn visible_terminal(&self) -> Option<(&OpenTerminal, PaneArea)> {
        let pane = areas(self).terminal?;
        let open = self.terminal.open.as_ref()?;
        self.shown_terminal().filter(|process| process.name == open.name)?;
        Some((open, pane))
    }

    /// Returns the size that the pane has room for.
    pub fn terminal_size(&self) -> Option<Size> {
        let inside = areas(self).terminal?.inside;
        (inside.width > 0 && inside.height > 0).then(|| Size::new(inside.width, inside.height))
    }

    /// Returns the shape of the cursor in the terminal that the user types into.
    pub fn cursor_shape(&self) -> Option<(CursorShape, bool)> {
        let (open, _) = self.visible_terminal().filter(|_| self.is_typing())?;
        let cursor = open.view.cursor();
        cursor.visible.then_some((cursor.shape, cursor.blinking))
    }

    /// Returns the cell of the screen at a position of the interface.
    pub fn screen_point(&self, at: Position) -> Option<ScreenPoint> {
        let (open, pane) = self.visible_terminal()?;
        let (left, top) = window_origin(&open.view, pane.inside);
        let column = at.x.checked_sub(pane.inside.x)?;
        let row = at.y.checked_sub(pane.inside.y)?;
        let is_inside = column < pane.inside.width && row < pane.inside.height;
        let point = ScreenPoint { row: top + row, column: left + column };
        let size = open.view.size();
        (is_inside && point.row < size.rows() && point.column < size.columns()).then_some(point)
    }

    /// As [`Self::screen_point`], moved to the nearest visible cell.
    pub fn nearest_screen_point(&self, at: Position) -> Option<ScreenPoint> {
        let (open, pane) = self.visible_terminal()?;
        let (inside, size) = (pane.inside, open.view.size());
        let clamp = |at: u16, first: u16, room: u16, cells: u16| {
            at.clamp(first, first.saturating_add(room.min(cells)).saturating_sub(1).max(first))
        };
        let x = clamp(at.x, inside.x, inside.width, size.columns());
        let y = clamp(at.y, inside.y, inside.height, size.rows());
        self.screen_point(Position { x, y })
    }

    /// Returns the number of processes that wait for input.
    pub fn waiting_count(&self) -> usize {
        self.overview.processes.iter().filter(|process| waits_for_input(process)).count()
    }
}

/// Whether a process waits for an answer. A full-screen program waits for keys all the time.
pub fn waits_for_input(process: &ProcessState) -> bool {
    process.waiting_for_input && !process.alternate_screen
}

/// Returns the first column and row of a screen that an area shows, so that the cursor is visible.
pub fn window_origin(view: &View, area: Rect) -> (u16, u16) {
    let (cursor, size) = (view.cursor(), view.size());
    let first = |cursor: u16, room: u16, length: u16| {
        let last = length.saturating_sub(room);
        (cursor + 1).saturating_sub(room).min(last)
    };
    (first(cursor.column, area.width, size.columns()), first(cursor.row, area.height, size.rows()))
}
