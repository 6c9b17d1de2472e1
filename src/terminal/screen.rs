//! Screen of a process with a terminal: an emulator without a window.
//!
//! Pure: bytes in; replies, output for the log and frames out. No I/O, no clock, no runtime. Only
//! the files below this one name the emulator crate.

mod ansi;
mod content;
mod emulator;
mod frame;
mod kitty;
mod palette;
mod restore;
mod rows;
mod scan;
mod size;
mod split;
mod style;
mod wire;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use alacritty_terminal::term::TermMode;
use alacritty_terminal::vte::ansi as vte;

pub use self::content::ScreenContent;
pub use self::emulator::{ClipboardKind, ClipboardWrite};
use self::emulator::{Effects, Emulator, EmulatorState};
pub use self::frame::{
    CellRun, ChangedRow, CursorShape, Frame, Modes, Row, ScreenCursor, ScreenSnapshot, Version,
    View,
};
pub use self::palette::Palette;
pub use self::size::Size;
pub use self::split::Segment;
use self::split::Splitter;
pub use self::style::{Attributes, Color, Rgb, Style, Underline};
pub use self::wire::DecodeError;
use crate::terminal::key::{InputModes, MouseEncoding, MouseTracking};

/// What the bytes of one [`TerminalScreen::advance`] have led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advance {
    /// The output for the log, in order, and where a full-screen program began and ended.
    pub segments: Vec<Segment>,
    /// Answers to queries, to be written to the child.
    pub replies: Vec<u8>,
    /// How often the bell rang.
    pub bells: u32,
    /// The title has changed.
    pub title_changed: bool,
    /// The last request of each kind to change the clipboard.
    pub clipboard: Vec<ClipboardWrite>,
    /// The emulator has failed. The screen is blank; the output is whole.
    pub failed: bool,
}

/// An emulated screen.
pub struct TerminalScreen {
    emulator: Emulator,
    splitter: Splitter,
    /// Version of what frames were made of last.
    version: Version,
    /// Fingerprint of each row then, and the version it came with.
    rows: Vec<(u64, Version)>,
    /// The size then.
    size: Option<Size>,
    /// Version that it came with; earlier viewers need all rows.
    resized: Version,
    /// Cursor, modes and title of then.
    rest: Option<(ScreenCursor, Modes, Option<String>)>,
    /// Bytes or a size came since.
    is_stale: bool,
    palette: Palette,
    cell: Option<(u16, u16)>,
    failures: u32,
    #[cfg(test)]
    fails_next: bool,
}

impl std::fmt::Debug for TerminalScreen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Screen")
            .field("size", &self.size())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl TerminalScreen {
    /// A blank screen.
    pub fn new(size: Size) -> Self {
        Self {
            emulator: Emulator::new(size),
            splitter: Splitter::default(),
            version: Version::default(),
            rows: Vec::new(),
            size: None,
            resized: Version(1),
            rest: None,
            is_stale: true,
            palette: Palette::default(),
            cell: None,
            failures: 0,
            #[cfg(test)]
            fails_next: false,
        }
    }

    /// A blank screen for the next run. Its versions go on from here, so that a viewer of this screen
    /// gets the new one whole.
    #[must_use]
    pub fn next(&self, size: Size) -> Self {
        let version = self.version;
        Self { version, resized: Version(version.0 + 1), ..Self::new(size) }
    }

    /// Takes in what the child has written.
    pub fn advance(&mut self, bytes: &[u8]) -> Advance {
        self.is_stale = true;
        let done = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            self.fail_if_asked();
            let segments = self.splitter.advance(&mut self.emulator, bytes);
            (segments, self.emulator.state_mut().take_effects())
        }));
        if let Ok((segments, effects)) = done {
            let Effects { replies, bells, title_changed, clipboard } = effects;
            return Advance { segments, replies, bells, title_changed, clipboard, failed: false };
        }
        let segments = self.restart(bytes.len());
        Advance { segments, title_changed: true, failed: true, ..Advance::default() }
    }

    #[cfg(test)]
    fn fail_if_asked(&mut self) {
        assert!(!std::mem::take(&mut self.fails_next), "asked for by a test");
    }

    /// Replaces an emulator that has failed at a chunk of this length.
    fn restart(&mut self, length: usize) -> Vec<Segment> {
        self.failures = self.failures.saturating_add(1);
        let size = self.size();
        self.emulator = Emulator::new(size);
        self.emulator.state_mut().set_palette(self.palette.clone());
        self.emulator.state_mut().set_cell_size(self.cell);
        self.is_stale = true;
        self.splitter.restart(length)
    }

    /// How often the emulator has failed and was replaced.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Bytes of an unfinished sequence that were kept back, to be called at the end of the output.
    pub fn finish(&mut self) -> Vec<u8> {
        self.splitter.finish()
    }

    /// Gives the screen another size. The child learns it from the kernel, not from here.
    pub fn resize(&mut self, size: Size) {
        if size == self.size() {
            return;
        }
        self.is_stale = true;
        let done = catch_unwind(AssertUnwindSafe(|| self.emulator.state_mut().resize(size)));
        if done.is_err() {
            self.emulator = Emulator::new(size);
            self.restart(0);
        }
    }

    /// The size.
    pub fn size(&self) -> Size {
        self.state().size()
    }

    /// Sets the colours that queries are answered with; returns what to write to the child, if it
    /// has asked to be told (mode 2031).
    pub fn set_palette(&mut self, palette: Palette) -> Vec<u8> {
        self.palette = palette.clone();
        self.emulator.state_mut().set_palette(palette);
        self.emulator.state_mut().take_effects().replies
    }

    /// Sets width and height of a cell in pixels, as the viewer's terminal has them. Without, the
    /// size in pixels (`CSI 14 t`) is not answered.
    pub fn set_cell_size(&mut self, cell: Option<(u16, u16)>) {
        self.cell = cell;
        self.emulator.state_mut().set_cell_size(cell);
    }

    /// Whether the program is in the middle of a change (mode 2026). A frame should wait for its
    /// end, though no longer than 150 ms.
    pub fn is_updating(&self) -> bool {
        self.state().is_updating()
    }

    /// Whether a full-screen program runs.
    pub fn is_alternate(&self) -> bool {
        self.state().is_alternate()
    }

    /// The title that the program has set: at most 256 bytes, no control characters.
    pub fn title(&self) -> Option<&str> {
        self.state().title()
    }

    fn state(&self) -> &EmulatorState {
        self.emulator.state()
    }

    /// The cursor.
    pub fn cursor(&self) -> ScreenCursor {
        let state = self.state();
        let (row, column) = state.cursor();
        let style = state.term().cursor_style();
        let (shape, is_shown) = match style.shape {
            vte::CursorShape::Block | vte::CursorShape::HollowBlock => (CursorShape::Block, true),
            vte::CursorShape::Underline => (CursorShape::Underline, true),
            vte::CursorShape::Beam => (CursorShape::Bar, true),
            vte::CursorShape::Hidden => (CursorShape::Block, false),
        };
        ScreenCursor {
            row: row as u16,
            column: column as u16,
            visible: is_shown && state.has(TermMode::SHOW_CURSOR),
            shape,
            blinking: style.blinking,
        }
    }

    /// The modes that a viewer has to know.
    pub fn modes(&self) -> Modes {
        let state = self.state();
        let mouse = state.term().mode().intersects(TermMode::MOUSE_MODE);
        Modes {
            alternate_screen: state.is_alternate(),
            mouse,
            wheel_as_arrows: !mouse
                && state.has(TermMode::ALT_SCREEN.union(TermMode::ALTERNATE_SCROLL)),
            focus: state.has(TermMode::FOCUS_IN_OUT),
            bracketed_paste: state.has(TermMode::BRACKETED_PASTE),
        }
    }

    /// How keys, paste, mouse and focus have to be encoded now.
    pub fn input_modes(&self) -> InputModes {
        let state = self.state();
        let has = |mode| state.has(mode);
        let mouse = if has(TermMode::MOUSE_MOTION) {
            MouseTracking::Motion
        } else if has(TermMode::MOUSE_DRAG) {
            MouseTracking::Drag
        } else if has(TermMode::MOUSE_REPORT_CLICK) {
            MouseTracking::Click
        } else {
            MouseTracking::Off
        };
        let mouse_encoding = if has(TermMode::SGR_MOUSE) {
            MouseEncoding::Sgr
        } else if has(TermMode::UTF8_MOUSE) {
            MouseEncoding::Utf8
        } else {
            MouseEncoding::X10
        };
        InputModes {
            application_cursor: has(TermMode::APP_CURSOR),
            application_keypad: has(TermMode::APP_KEYPAD),
            newline: has(TermMode::LINE_FEED_NEW_LINE),
            kitty: crate::terminal::key::KittyFlags::from_bits(state.kitty_flags()),
            bracketed_paste: has(TermMode::BRACKETED_PASTE),
            focus: has(TermMode::FOCUS_IN_OUT),
            wheel_as_arrows: self.modes().wheel_as_arrows,
            mouse,
            mouse_encoding,
        }
    }

    /// Finds the rows that differ from those of the last frame.
    fn refresh(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let next = Version(self.version.0 + 1);
        let mut changed = false;
        let is_resized = self.size.replace(self.size()) != Some(self.size());
        let state = self.emulator.state();
        let prints = (0..state.size().rows()).map(|row| rows::fingerprint(state, row));
        let before = self.rows.iter().copied().map(Some).chain(std::iter::repeat(None));
        let now: Vec<_> = prints
            .zip(before)
            .map(|(print, before)| match before {
                Some((old, version)) if old == print && !is_resized => (old, version),
                _ => {
                    changed = true;
                    (print, next)
                }
            })
            .collect();
        let rest = (self.cursor(), self.modes(), self.title().map(str::to_owned));
        changed |= self.rest.as_ref() != Some(&rest);
        self.rows = now;
        self.rest = Some(rest);
        if is_resized {
            self.resized = next;
        }
        if changed {
            self.version = next;
        }
    }

    /// The version of what is on the screen now. The same as before if nothing visible has changed.
    pub fn version(&mut self) -> Version {
        self.refresh();
        self.version
    }

    /// What has changed since a version; everything if that was before the last change of size.
    pub fn frame(&mut self, since: Version) -> Frame {
        self.refresh();
        let full = since < self.resized || since > self.version;
        let state = self.emulator.state();
        let colors = rows::Changed::of(state);
        let rows = (0..).zip(&self.rows).filter(|(_, (_, version))| full || *version > since);
        let rows = rows
            .map(|(row, _)| ChangedRow { row, content: rows::row(state, &colors, row) })
            .collect();
        Frame {
            version: self.version,
            full,
            size: self.size(),
            cursor: self.cursor(),
            modes: self.modes(),
            title: self.title().map(str::to_owned),
            rows,
        }
    }

    /// The whole screen, with its text.
    pub fn snapshot(&mut self) -> ScreenSnapshot {
        ScreenSnapshot { text: self.text(), frame: self.frame(Version(0)) }
    }

    /// The rows, without blanks at their ends, and without blank rows at the end.
    pub fn text(&self) -> String {
        let state = self.state();
        let colors = rows::Changed::of(state);
        let rows = (0..self.size().rows()).map(|row| rows::row(state, &colors, row).text());
        let text = rows.collect::<Vec<_>>().join("\n");
        text.trim_end_matches('\n').to_owned()
    }

    /// The rows with their colours and styles as escape sequences, to be printed on a terminal.
    pub fn ansi(&self) -> String {
        let state = self.state();
        let colors = rows::Changed::of(state);
        ansi::render((0..self.size().rows()).map(|row| rows::row(state, &colors, row)))
    }
}
