//! Appearance: colours, glyphs, and the boxes of overlays.

use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::glyphs::{self, Glyphs};
use super::text;
use super::theme::{Role, Theme, ThemeName};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appearance {
    pub theme: Theme,
    pub glyphs: Glyphs,
    /// The terminal accepts only ASCII, also from processes: it could take bytes of UTF-8 for
    /// control characters.
    pub ascii: bool,
}

impl Default for Appearance {
    fn default() -> Self {
        Self::new(ThemeName::Terminal, true)
    }
}

impl Appearance {
    pub fn new(theme: ThemeName, unicode: bool) -> Self {
        let glyphs = if unicode { glyphs::UNICODE } else { glyphs::ASCII };
        Self { theme: Theme::new(theme), glyphs, ascii: false }
    }

    #[must_use]
    pub fn themed(self, theme: ThemeName) -> Self {
        Self { theme: Theme::new(theme), ..self }
    }

    /// Replaces the characters that the terminal cannot show: the glyphs of the interface without
    /// Unicode, and all that are not ASCII if it accepts nothing else.
    pub fn flatten(&self, buffer: &mut Buffer) {
        if self.glyphs.unicode {
            return;
        }
        for cell in &mut buffer.content {
            let mut chars = cell.symbol().chars();
            let Some(first) = chars.next().filter(|first| !first.is_ascii()) else {
                if self.ascii && !cell.symbol().is_ascii() {
                    cell.set_char('?');
                }
                continue;
            };
            if self.ascii || OWN_SIGNS.contains(first) {
                cell.set_char(plain(first));
            }
        }
    }

    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    pub fn span(&self, text: impl Into<String>, role: Role) -> Span<'static> {
        Span::styled(text.into(), self.style(role))
    }

    /// Pads or cuts a text to this width.
    pub fn pad(&self, text: &str, columns: usize) -> String {
        text::pad(text, columns, self.glyphs.ellipsis)
    }

    /// Cuts a text to this width.
    pub fn fit(&self, text: &str, columns: usize) -> String {
        text::fit(text, columns, self.glyphs.ellipsis)
    }

    /// Replaces the characters of a fixed text that are not ASCII, if the terminal has no Unicode.
    pub fn words(&self, text: &str) -> String {
        if self.glyphs.unicode {
            return text.to_owned();
        }
        text.chars().map(|char| if char.is_ascii() { char } else { plain(char) }).collect()
    }

    /// Draws the rows around the cursor, whose row is highlighted.
    pub(super) fn draw_rows(
        &self,
        area: Rect,
        rows: usize,
        cursor: usize,
        buffer: &mut Buffer,
        line: impl Fn(usize) -> Line<'static>,
    ) {
        for (at, row) in window(rows, cursor, usize::from(area.height)).enumerate() {
            if row == cursor {
                tint(area, at, self.style(Role::Cursor), buffer);
            }
            put(area, at, &line(row), buffer);
        }
    }

    /// Draws the border of a pane; returns the area inside.
    pub fn pane(&self, area: Rect, title: &str, focused: bool, buffer: &mut Buffer) -> Rect {
        let (set, role) = if focused {
            (self.glyphs.focus_border, Role::Focus)
        } else {
            (self.glyphs.border, Role::Border)
        };
        let room = usize::from(area.width).saturating_sub(4);
        let mut block = Block::bordered().border_set(set).border_style(self.style(role));
        if !title.is_empty() && room > 0 {
            let title = format!(" {} ", self.fit(title, room.saturating_sub(2)));
            block = block.title_top(self.span(title, Role::Title));
        }
        let inside = block.inner(area);
        block.render(area, buffer);
        inside
    }

    /// Clears an area and draws a border, if there is room for one; returns the area inside.
    pub fn popup(&self, area: Rect, title: &str, buffer: &mut Buffer) -> Rect {
        Clear.render(area, buffer);
        let inside = inside(area);
        if inside != area {
            self.pane(area, title, false, buffer);
        }
        inside
    }
}

/// Characters in texts of the interface that are not in the table of glyphs.
const OWN_SIGNS: &str = "…·";

fn plain(char: char) -> char {
    match char {
        '…' | '·' => '-',
        '↵' | '←' => '<',
        '↑' => '^',
        '↓' => 'v',
        '→' | '›' | '▸' => '>',
        _ => '?',
    }
}

/// The area inside the border of a popup; all of it if there is no room for a border.
pub fn inside(area: Rect) -> Rect {
    if area.height < 5 || area.width < 24 {
        return area;
    }
    area.inner(Margin::new(1, 1))
}

/// An area of this size in the middle of another, as far as it fits.
pub fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// An area without its first rows.
pub fn skip_rows(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// One row of an area, counted from its top.
pub fn row(area: Rect, at: usize) -> Option<Rect> {
    let at = u16::try_from(at).ok().filter(|at| *at < area.height)?;
    Some(Rect { y: area.y + at, height: 1, ..area })
}

/// Draws a line in a row of an area, if it has that row.
pub fn put(area: Rect, at: usize, line: &Line<'_>, buffer: &mut Buffer) {
    if let Some(row) = row(area, at) {
        buffer.set_line(row.x, row.y, line, row.width);
    }
}

/// Styles a whole row.
pub fn tint(area: Rect, at: usize, style: Style, buffer: &mut Buffer) {
    if let Some(row) = row(area, at) {
        buffer.set_style(row, style);
    }
}

/// The visible rows of a list, with the cursor in the middle where possible.
pub fn window(rows: usize, cursor: usize, height: usize) -> std::ops::Range<usize> {
    let first = cursor.saturating_sub(height / 2).min(rows.saturating_sub(height));
    first..(first + height).min(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_cursor_is_always_shown(rows in 1_usize..200, at in 0_usize..200, height in 1_usize..50) {
            let cursor = at % rows;
            let shown = window(rows, cursor, height);
            prop_assert!(shown.contains(&cursor));
            prop_assert_eq!(shown.len(), height.min(rows));
        }

        #[test]
        fn the_middle_lies_inside(w in 0_u16..50, h in 0_u16..50, width in 0_u16..60, height in 0_u16..60) {
            let area = Rect::new(3, 4, w, h);
            prop_assert_eq!(area.intersection(middle(area, width, height)), middle(area, width, height));
        }
    }
}
