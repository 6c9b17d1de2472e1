//! What a viewer gets of a screen: rows as runs of cells, cursor, modes, title.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::size::Size;
use super::style::Style;

/// State of a screen's content. A larger one is later; zero is before everything.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

/// Cells next to each other with the same style.
///
/// With one cell, `text` is that cell, however many characters it has. With more, each character is
/// a cell. So a viewer never has to guess how wide the emulator took a character to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellRun {
    /// Characters; never a control character.
    pub text: String,
    /// How many cells.
    pub cells: u16,
    /// Each cell takes two columns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wide: bool,
    /// Look of the cells.
    #[serde(flatten)]
    pub style: Style,
    /// Target of the hyperlink (OSC 8) that the cells are part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Arc<str>>,
}

impl CellRun {
    /// How many columns it takes.
    pub fn columns(&self) -> u16 {
        if self.wide { self.cells.saturating_mul(2) } else { self.cells }
    }
}

/// A row of a screen. Blank cells at its end are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Row {
    /// Runs from column 0 on, without gaps.
    pub runs: Vec<CellRun>,
    /// The line goes on in the next row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wrapped: bool,
}

impl Row {
    /// The characters, without blanks at the end.
    pub fn text(&self) -> String {
        let mut text: String = self.runs.iter().map(|run| run.text.as_str()).collect();
        text.truncate(text.trim_end_matches(' ').len());
        text
    }
}

/// Shape of the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CursorShape {
    /// The whole cell.
    #[default]
    Block,
    /// A line below.
    Underline,
    /// A line at the left.
    Bar,
}

/// The cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScreenCursor {
    /// Row, from 0.
    pub row: u16,
    /// Column, from 0.
    pub column: u16,
    /// Whether it is shown.
    pub visible: bool,
    /// Its shape.
    pub shape: CursorShape,
    /// Whether it blinks.
    pub blinking: bool,
}

/// What a viewer has to know of the terminal's modes. Keys, paste and mouse are encoded by the
/// owner of the screen, see [`super::TerminalScreen::input_modes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mode that is on or off")]
pub struct Modes {
    /// The alternate screen is shown: a full-screen program runs.
    pub alternate_screen: bool,
    /// The program wants mouse events.
    pub mouse: bool,
    /// The wheel sends arrow keys, as it is the alternate screen without mouse events.
    pub wheel_as_arrows: bool,
    /// The program wants to know whether it has the focus.
    pub focus: bool,
    /// Pasted text is bracketed.
    pub bracketed_paste: bool,
}

/// A row that has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedRow {
    /// Row, from 0.
    pub row: u16,
    /// Its content now.
    #[serde(flatten)]
    pub content: Row,
}

/// What has changed on a screen since a version, and what is small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The screen has this version with it.
    pub version: Version,
    /// All rows are in it; what the viewer had before is to be dropped.
    pub full: bool,
    /// Size of the screen.
    pub size: Size,
    /// The cursor.
    pub cursor: ScreenCursor,
    /// The modes.
    pub modes: Modes,
    /// The title that the program has set.
    pub title: Option<String>,
    /// Rows that have changed, or all.
    pub rows: Vec<ChangedRow>,
}

/// A whole screen for a script: what `pitcrew screen NAME --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenSnapshot {
    /// The rows as text, see [`super::TerminalScreen::text`].
    pub text: String,
    /// The rows with their styles, the cursor, the modes and the title.
    #[serde(flatten)]
    pub frame: Frame,
}

/// What a viewer sees: frames applied one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    version: Version,
    size: Size,
    cursor: ScreenCursor,
    modes: Modes,
    title: Option<String>,
    rows: Vec<Row>,
}

impl View {
    /// The version to ask the next frame from.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Size of the screen.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The cursor.
    pub fn cursor(&self) -> ScreenCursor {
        self.cursor
    }

    /// The modes.
    pub fn modes(&self) -> Modes {
        self.modes
    }

    /// The title that the program has set.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// All rows, from the top; none before the first frame.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Takes in a frame that was asked for with [`Self::version`].
    pub fn apply(&mut self, frame: Frame) {
        let Frame { version, full, size, cursor, modes, title, rows } = frame;
        if full {
            self.rows.clear();
        }
        self.rows.resize_with(usize::from(size.rows()), Row::default);
        for ChangedRow { row, content } in rows {
            if let Some(place) = self.rows.get_mut(usize::from(row)) {
                *place = content;
            }
        }
        (self.version, self.size, self.cursor, self.modes) = (version, size, cursor, modes);
        self.title = title;
    }
}
