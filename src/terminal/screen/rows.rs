//! From the emulator's cells to rows of runs.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::term::color::Colors;
use alacritty_terminal::vte::ansi::{Color as CellColor, NamedColor};

use super::emulator::EmulatorState;
use super::frame::{CellRun, Row};
use super::style::{Attributes, Color, Rgb, Style, Underline};

/// Colours that the program has changed: index and value.
pub(super) struct Changed<'a>(&'a Colors);

impl<'a> Changed<'a> {
    pub(super) fn of(state: &'a EmulatorState) -> Self {
        Self(state.term().colors())
    }

    fn get(&self, index: usize) -> Option<Color> {
        let color = self.0[index]?;
        Some(Color::Rgb(Rgb::new(color.r, color.g, color.b)))
    }

    fn color(&self, color: CellColor) -> Color {
        match color {
            CellColor::Spec(rgb) => Color::Rgb(Rgb::new(rgb.r, rgb.g, rgb.b)),
            CellColor::Indexed(index) => {
                self.get(usize::from(index)).unwrap_or(Color::Indexed(index))
            }
            CellColor::Named(named) => {
                let index = named as usize;
                let own = match (named, u8::try_from(index)) {
                    (_, Ok(index)) => Color::Indexed(index),
                    (_, Err(_)) => Color::Default,
                };
                let can_change = index <= NamedColor::BrightWhite as usize || own == Color::Default;
                self.get(index).filter(|_| can_change).unwrap_or(own)
            }
        }
    }

    fn style(&self, cell: &Cell) -> Style {
        let flags = cell.flags;
        let mut attributes = Attributes::default();
        let pairs = [
            (Flags::BOLD, Attributes::BOLD),
            (Flags::DIM, Attributes::DIM),
            (Flags::ITALIC, Attributes::ITALIC),
            (Flags::INVERSE, Attributes::INVERSE),
            (Flags::HIDDEN, Attributes::HIDDEN),
            (Flags::STRIKEOUT, Attributes::STRIKE),
        ];
        for (flag, attribute) in pairs {
            if flags.contains(flag) {
                attributes = attributes.with(attribute);
            }
        }
        Style {
            foreground: self.color(cell.fg),
            background: self.color(cell.bg),
            underline_color: cell.underline_color().map_or(Color::Default, |c| self.color(c)),
            underline: underline(flags),
            attributes,
        }
    }
}

fn underline(flags: Flags) -> Underline {
    if !flags.intersects(Flags::ALL_UNDERLINES) {
        Underline::None
    } else if flags.contains(Flags::DOUBLE_UNDERLINE) {
        Underline::Double
    } else if flags.contains(Flags::UNDERCURL) {
        Underline::Curly
    } else if flags.contains(Flags::DOTTED_UNDERLINE) {
        Underline::Dotted
    } else if flags.contains(Flags::DASHED_UNDERLINE) {
        Underline::Dashed
    } else {
        Underline::Single
    }
}

/// Flags that tell how a cell is drawn and not where a line ends.
const LOOK: Flags = Flags::WRAPLINE
    .union(Flags::WIDE_CHAR)
    .union(Flags::WIDE_CHAR_SPACER)
    .union(Flags::LEADING_WIDE_CHAR_SPACER)
    .complement();

/// Whether two cells look alike but for their characters.
fn is_alike(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg
        && a.bg == b.bg
        && a.flags.intersection(LOOK) == b.flags.intersection(LOOK)
        && match (&a.extra, &b.extra) {
            (None, None) => true,
            _ => a.underline_color() == b.underline_color() && a.hyperlink() == b.hyperlink(),
        }
}

/// Flags of cells that are not one character in one column.
const SPECIAL: Flags =
    Flags::WIDE_CHAR.union(Flags::WIDE_CHAR_SPACER).union(Flags::LEADING_WIDE_CHAR_SPACER);

/// Whether a cell is one character in one column.
fn is_simple(cell: &Cell) -> bool {
    !cell.flags.intersects(SPECIAL)
        && cell.zerowidth().is_none_or(<[char]>::is_empty)
        && !cell.c.is_control()
}

/// The runs of row number `row`.
pub(super) fn row(state: &EmulatorState, colors: &Changed<'_>, row: u16) -> Row {
    let cells = state.row(row);
    let wrapped = cells.last().is_some_and(|cell| cell.flags.contains(Flags::WRAPLINE));
    let mut builder = Builder { runs: Vec::new(), last: None, shown: (0, 0), colors };
    let mut rest = cells;
    while let Some((cell, after)) = rest.split_first() {
        if is_simple(cell) {
            let goes_on = |next: &&Cell| is_alike(cell, next) && is_simple(next);
            let count = 1 + after.iter().take_while(goes_on).count();
            let (run, left) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            builder.push_simple(cell, run);
            rest = left;
        } else {
            let is_spacer = |cell: &Cell| cell.flags.contains(Flags::WIDE_CHAR_SPACER);
            // Half of a wide character whose other half was overwritten is a blank.
            let is_wide =
                cell.flags.contains(Flags::WIDE_CHAR) && after.first().is_some_and(is_spacer);
            builder.push_special(cell, is_wide);
            rest = if is_wide { after.get(1..).unwrap_or_default() } else { after };
        }
    }
    Row { runs: builder.finish(), wrapped }
}

struct Builder<'a, 'b> {
    runs: Vec<CellRun>,
    /// The cell that the last run began with, if it is of wide characters and can go on.
    last: Option<&'a Cell>,
    /// Number of runs and length of the last one's text without the blanks at the end.
    shown: (usize, usize),
    colors: &'b Changed<'b>,
}

impl<'a> Builder<'a, '_> {
    /// Adds cells that look alike, each one character in one column.
    fn push_simple(&mut self, first: &Cell, cells: &[Cell]) {
        let mut text = String::with_capacity(cells.len());
        text.extend(cells.iter().map(|cell| cell.c));
        let style = self.colors.style(first);
        let link = link(first);
        let is_bare = style.is_default() && link.is_none();
        let length = if is_bare { text.trim_end_matches(' ').len() } else { text.len() };
        self.last = None;
        self.runs.push(CellRun { text, cells: cells.len() as u16, wide: false, style, link });
        if length > 0 {
            self.shown = (self.runs.len(), length);
        }
    }

    fn push_special(&mut self, cell: &'a Cell, is_wide: bool) {
        let is_blank = !is_wide && cell.flags.intersects(SPECIAL) || cell.c.is_control();
        let character = if is_blank { ' ' } else { cell.c };
        let marks = if is_blank { &[] } else { cell.zerowidth().unwrap_or_default() };
        if is_wide
            && marks.is_empty()
            && self.last.is_some_and(|last| is_alike(last, cell))
            && let Some(run) = self.runs.last_mut()
        {
            run.text.push(character);
            run.cells += 1;
        } else {
            let mut text = String::from(character);
            text.extend(marks.iter().filter(|mark| !mark.is_control()));
            let style = self.colors.style(cell);
            self.runs.push(CellRun { text, cells: 1, wide: is_wide, style, link: link(cell) });
            self.last = (is_wide && marks.is_empty()).then_some(cell);
        }
        if let Some(run) = self.runs.last()
            && !(run.text == " " && run.style.is_default() && run.link.is_none())
        {
            self.shown = (self.runs.len(), run.text.len());
        }
    }

    /// The runs without blanks at the end.
    fn finish(mut self) -> Vec<CellRun> {
        let (count, length) = self.shown;
        self.runs.truncate(count);
        if let Some(run) = self.runs.last_mut()
            && run.text.len() > length
        {
            let dropped = run.text.len() - length;
            run.text.truncate(length);
            // Blanks are one byte each.
            run.cells = run.cells.saturating_sub(u16::try_from(dropped).unwrap_or(u16::MAX));
        }
        self.runs
    }
}

fn link(cell: &Cell) -> Option<Arc<str>> {
    cell.extra.as_ref()?;
    cell.hyperlink().map(|link| Arc::from(link.uri()))
}

/// A number that differs, as good as surely, if a row's content does.
pub(super) fn fingerprint(state: &EmulatorState, row: u16) -> u64 {
    let mut hasher = Mixer(state.color_changes());
    for cell in state.row(row) {
        hasher.write_u64(u64::from(u32::from(cell.c)) | u64::from(cell.flags.bits()) << 32);
        hasher.write_u64(color_bits(cell.fg) << 32 | color_bits(cell.bg));
        if cell.extra.is_some() {
            cell.zerowidth().hash(&mut hasher);
            cell.underline_color().map(color_bits).hash(&mut hasher);
            if let Some(link) = cell.hyperlink() {
                link.uri().hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

fn color_bits(color: CellColor) -> u64 {
    match color {
        CellColor::Named(named) => named as u64,
        CellColor::Indexed(index) => 1 << 24 | u64::from(index),
        CellColor::Spec(rgb) => {
            2 << 24 | u64::from(rgb.r) << 16 | u64::from(rgb.g) << 8 | u64::from(rgb.b)
        }
    }
}

/// Hash by multiplication: no defence against chosen input, which can only spoil the child's own
/// rows.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        let mixed = u128::from(self.0 ^ value ^ 0x9e37_79b9_7f4a_7c15) * 0xf39c_c060_5ced_c835;
        self.0 = (mixed as u64) ^ ((mixed >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
