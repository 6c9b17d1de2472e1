//! The emulator: `alacritty_terminal`'s grid behind a handler of our own, which answers queries,
//! bounds what a child can make it hold, and mends what differs from xterm.

mod handler;
mod report;

use alacritty_terminal::Term;
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::{Dimensions, Grid};
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::term::{Config, TermMode};
use alacritty_terminal::vte::ansi::{Handler, Processor, Timeout};
use unicode_width::UnicodeWidthStr;

use super::kitty;
use super::palette::Palette;
use super::size::Size;

/// Combining characters kept in a cell; text that shapes more does not exist.
const COMBINING_LIMIT: usize = 16;
/// Bytes of a title that are kept.
const TITLE_LIMIT: usize = 256;
/// Titles kept by `CSI 22 t`.
const TITLES_LIMIT: usize = 16;
/// Longest target of a hyperlink, the limit of other terminals.
const LINK_LIMIT: usize = 2083;
/// Bytes of a clipboard write.
const CLIPBOARD_LIMIT: usize = 100 << 10;

/// Never waits: a synchronized update (mode 2026) is applied to the grid as it comes, so that
/// queries within are answered, and only frames wait for its end.
#[derive(Debug, Default)]
struct NoWait;

impl Timeout for NoWait {
    fn set_timeout(&mut self, _: std::time::Duration) {}
    fn clear_timeout(&mut self) {}
    fn pending_timeout(&self) -> bool {
        false
    }
}

/// Selection a program writes to by OSC 52.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClipboardKind {
    /// The clipboard.
    Clipboard,
    /// The primary selection, pasted by the middle button.
    Primary,
}

/// A program's request to change the clipboard (OSC 52).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipboardWrite {
    /// Which selection.
    pub kind: ClipboardKind,
    /// At most 100 KiB.
    pub text: String,
}

/// What bytes have led to besides the change of the grid.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// To be written to the child.
    pub(super) replies: Vec<u8>,
    pub(super) bells: u32,
    pub(super) title_changed: bool,
    /// The last one of each kind.
    pub(super) clipboard: Vec<ClipboardWrite>,
}

struct Dimension(Size);

impl Dimensions for Dimension {
    fn total_lines(&self) -> usize {
        self.screen_lines()
    }
    fn screen_lines(&self) -> usize {
        usize::from(self.0.rows())
    }
    fn columns(&self) -> usize {
        usize::from(self.0.columns())
    }
}

/// Parser and grid.
pub(super) struct Emulator {
    parser: Processor<NoWait>,
    /// The beginning of a character that the last chunk ended in.
    ///
    /// The parser (vte 0.15) must not get it: it loses a character if a chunk ends within one of
    /// two bytes, and ASCII and another of several bytes follow.
    partial: Vec<u8>,
    state: EmulatorState,
}

/// The grid and what the emulator crate does not hold or hides.
pub(super) struct EmulatorState {
    term: Term<VoidListener>,
    size: Size,
    /// Scrolling region: first row, and the row after the last.
    region: (usize, usize),
    effects: Effects,
    palette: Palette,
    /// Width and height of a cell in pixels, if the viewer has said so.
    cell: Option<(u16, u16)>,
    title: Option<String>,
    titles: Vec<Option<String>>,
    /// Flags of the primary and of the alternate screen.
    kitty: [kitty::Flags; 2],
    /// Mode 2026: the program is in the middle of a change.
    is_updating: bool,
    /// Mode 2031: the program wants to know when the colours change.
    wants_theme: bool,
    /// How often the program has changed a colour.
    color_changes: u64,
}

impl Emulator {
    pub(super) fn new(size: Size) -> Self {
        // No history: its first row would bring a thousand with it (2.9 MB at 120 columns).
        let config = Config { scrolling_history: 0, ..Config::default() };
        let state = EmulatorState {
            term: Term::new(config, &Dimension(size), VoidListener),
            size,
            region: (0, usize::from(size.rows())),
            effects: Effects::default(),
            palette: Palette::default(),
            cell: None,
            title: None,
            titles: Vec::new(),
            kitty: Default::default(),
            is_updating: false,
            wants_theme: false,
            color_changes: 0,
        };
        Self { parser: Processor::new(), partial: Vec::new(), state }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let bytes = if self.partial.is_empty() { bytes } else { self.complete(bytes) };
        self.parser.advance(&mut self.state, bytes);
    }

    /// Keeps the beginning of a character, see [`incomplete`], until the rest comes.
    pub(super) fn keep(&mut self, partial: &[u8]) {
        let partial = if self.partial.is_empty() { partial } else { self.complete(partial) };
        self.partial.extend_from_slice(partial);
    }

    /// Completes the kept character; returns what follows it.
    fn complete<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while let Some((byte, rest)) = bytes.split_first() {
            self.partial.push(*byte);
            match str::from_utf8(&self.partial) {
                Ok(character) => {
                    self.parser.advance(&mut self.state, character.as_bytes());
                    self.partial.clear();
                    return rest;
                }
                Err(error) if error.error_len().is_none() => bytes = rest,
                // It ends before this byte.
                Err(_) => {
                    self.parser.advance(&mut self.state, "\u{fffd}".as_bytes());
                    self.partial.clear();
                    return bytes;
                }
            }
        }
        bytes
    }

    pub(super) fn state(&self) -> &EmulatorState {
        &self.state
    }

    pub(super) fn state_mut(&mut self) -> &mut EmulatorState {
        &mut self.state
    }
}

/// How many bytes at the end are the beginning of a character.
pub(super) fn incomplete(bytes: &[u8]) -> usize {
    let is_beginning = |length: &usize| {
        let tail = bytes.len().checked_sub(*length).and_then(|start| bytes.get(start..));
        tail.and_then(|tail| str::from_utf8(tail).err())
            .is_some_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=3).find(is_beginning).unwrap_or(0)
}

impl EmulatorState {
    pub(super) fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn term(&self) -> &Term<VoidListener> {
        &self.term
    }

    pub(super) fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    pub(super) fn kitty_flags(&self) -> u8 {
        let [primary, alternate] = &self.kitty;
        if self.is_alternate() { alternate.now() } else { primary.now() }
    }

    fn kitty(&mut self) -> &mut kitty::Flags {
        let is_alternate = self.is_alternate();
        let [primary, alternate] = &mut self.kitty;
        if is_alternate { alternate } else { primary }
    }

    pub(super) fn is_alternate(&self) -> bool {
        self.has(TermMode::ALT_SCREEN)
    }

    pub(super) fn color_changes(&self) -> u64 {
        self.color_changes
    }

    pub(super) fn is_updating(&self) -> bool {
        self.is_updating
    }

    pub(super) fn has(&self, mode: TermMode) -> bool {
        self.term.mode().contains(mode)
    }

    pub(super) fn set_cell_size(&mut self, cell: Option<(u16, u16)>) {
        self.cell = cell;
    }

    /// Sets the colours; tells the program if it wants to know.
    pub(super) fn set_palette(&mut self, palette: Palette) {
        let was_dark = self.palette.background.is_dark();
        let is_dark = palette.background.is_dark();
        self.palette = palette;
        if self.wants_theme && was_dark != is_dark {
            self.report_theme();
        }
    }

    pub(super) fn resize(&mut self, size: Size) {
        if size == self.size {
            return;
        }
        let grows = size.rows() > self.size.rows();
        self.size = size;
        self.term.resize(Dimension(size));
        self.region = (0, usize::from(size.rows()));
        if grows {
            self.drop_spare_rows();
        }
    }

    /// Frees the thousand rows that the grids allocate ahead when they grow: 2.9 MB each at 120
    /// columns.
    ///
    /// Only the active grid can be reached. So the screens are swapped, which spoils the saved
    /// cursor of the primary screen and clears the alternate one; both are put back.
    fn drop_spare_rows(&mut self) {
        compact(self.term.grid_mut());
        if self.is_alternate() {
            let alternate = std::mem::replace(self.term.grid_mut(), Grid::new(1, 2, 0));
            self.term.swap_alt();
            compact(self.term.grid_mut());
            self.term.swap_alt();
            *self.term.grid_mut() = alternate;
        } else {
            let saved = self.term.grid().saved_cursor.clone();
            self.term.swap_alt();
            compact(self.term.grid_mut());
            self.term.swap_alt();
            self.term.grid_mut().saved_cursor = saved;
        }
    }

    /// Resets what `CSI ! p` (DECSTR) resets.
    pub(super) fn soft_reset(&mut self) {
        use alacritty_terminal::vte::ansi::{
            Attr, CharsetIndex, KeyboardModesApplyBehavior, Mode, NamedMode, NamedPrivateMode,
            StandardCharset,
        };
        let (row, column) = self.cursor();
        let term = &mut self.term;
        term.set_private_mode(NamedPrivateMode::ShowCursor.into());
        for mode in [NamedPrivateMode::Origin, NamedPrivateMode::CursorKeys] {
            term.unset_private_mode(mode.into());
        }
        term.set_private_mode(NamedPrivateMode::LineWrap.into());
        term.unset_mode(Mode::Named(NamedMode::Insert));
        term.unset_keypad_application_mode();
        term.terminal_attribute(Attr::Reset);
        for index in [CharsetIndex::G0, CharsetIndex::G1, CharsetIndex::G2, CharsetIndex::G3] {
            term.configure_charset(index, StandardCharset::Ascii);
        }
        term.set_active_charset(CharsetIndex::G0);
        term.set_scrolling_region(1, None);
        self.region = (0, usize::from(self.size.rows()));
        self.move_to(row, column);
        self.kitty().change(0, KeyboardModesApplyBehavior::Replace);
    }

    /// Row and column of the cursor.
    pub(super) fn cursor(&self) -> (usize, usize) {
        let point = self.term.grid().cursor.point;
        (usize::try_from(point.line.0).unwrap_or(0), point.column.0)
    }

    /// Moves the cursor to a row of the screen, whatever the origin mode is.
    fn move_to(&mut self, row: usize, column: usize) {
        let offset = if self.has(TermMode::ORIGIN) { self.region.0 } else { 0 };
        let row = i32::try_from(row.saturating_sub(offset)).unwrap_or(0);
        self.term.goto(row, column);
    }

    /// The row that is `count` up, no further than the top margin if the cursor is below it.
    fn row_up(&self, count: usize) -> usize {
        let (row, _) = self.cursor();
        let top = if row >= self.region.0 { self.region.0 } else { 0 };
        row.saturating_sub(count).max(top)
    }

    fn row_down(&self, count: usize) -> usize {
        let (row, _) = self.cursor();
        let bottom =
            if row < self.region.1 { self.region.1 } else { usize::from(self.size.rows()) };
        row.saturating_add(count).min(bottom.saturating_sub(1))
    }

    /// The cell that a combining character goes to.
    fn previous_cell(&mut self) -> Option<(usize, &mut Cell)> {
        let cursor = &self.term.grid().cursor;
        let line = cursor.point.line;
        let mut column = cursor.point.column;
        if !cursor.input_needs_wrap {
            column.0 = column.0.checked_sub(1)?;
        }
        let row = &mut self.term.grid_mut()[line];
        if row[column].flags.contains(Flags::WIDE_CHAR_SPACER) {
            column.0 = column.0.checked_sub(1)?;
        }
        Some((column.0, &mut row[column]))
    }

    /// Takes a combining character; true if it was dealt with.
    fn combine(&mut self, character: char) -> bool {
        let Some((column, cell)) = self.previous_cell() else { return true };
        if cell.zerowidth().is_some_and(|marks| marks.len() >= COMBINING_LIMIT) {
            return true;
        }
        if character == '\u{fe0f}' && !cell.flags.contains(Flags::WIDE_CHAR) {
            let mut text = [0; 8];
            let length = cell.c.len_utf8();
            cell.c.encode_utf8(&mut text);
            if let Some(place) = text.get_mut(length..) {
                character.encode_utf8(place);
            }
            let text = text.get(..length + 3).and_then(|text| str::from_utf8(text).ok());
            if text.is_some_and(|text| text.width() == 2) {
                self.widen(column);
            }
        }
        false
    }

    /// Makes the character at `column`, the last one written, two columns wide: an emoji that the
    /// variation selector has just made one. In the last column there is no room for it.
    fn widen(&mut self, column: usize) {
        let last = usize::from(self.size.columns()).saturating_sub(1);
        let grid = self.term.grid_mut();
        if grid.cursor.input_needs_wrap || grid.cursor.point.column.0 != column + 1 {
            return;
        }
        let line = grid.cursor.point.line;
        let mut spacer = grid.cursor.template.clone();
        spacer.flags.insert(Flags::WIDE_CHAR_SPACER);
        // What is in the way loses its other half.
        let row = &mut grid[line];
        let is_wide = row[Column(column + 1)].flags.contains(Flags::WIDE_CHAR);
        if is_wide && column + 2 <= last {
            row[Column(column + 2)] = Cell::default();
        }
        row[Column(column)].flags.insert(Flags::WIDE_CHAR);
        row[Column(column + 1)] = spacer;
        if column + 1 == last {
            grid.cursor.input_needs_wrap = true;
        } else {
            grid.cursor.point.column.0 += 1;
        }
    }

    fn set_title_text(&mut self, title: Option<String>) {
        let title = title.map(|title| {
            let shown = title.chars().filter(|character| !character.is_control());
            let mut text = String::new();
            for character in shown {
                if text.len() + character.len_utf8() > TITLE_LIMIT {
                    break;
                }
                text.push(character);
            }
            text
        });
        let title = title.filter(|title| !title.is_empty());
        if title != self.title {
            self.title = title;
            self.effects.title_changed = true;
        }
    }

    /// The cells of a row.
    pub(super) fn row(&self, row: u16) -> &[Cell] {
        &self.term.grid()[Line(i32::from(row))][..]
    }
}

/// Frees rows that are allocated and not used, and the room for them: 33 KB.
fn compact(grid: &mut Grid<Cell>) {
    grid.truncate();
    *grid = grid.clone();
}
