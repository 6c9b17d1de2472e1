//! Appearance: colours, glyphs, and the boxes of overlays.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
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
    /// The terminal understands nothing else, whosever text it is: bytes of UTF-8 could be controls
    /// to it.
    pub ascii: bool,
}

impl Default for Appearance {
    fn default() -> Self {
        Self::new(ThemeName::Terminal, true)
    }
}

impl Appearance {
    /// A theme, with or without Unicode.
    pub fn new(theme: ThemeName, unicode: bool) -> Self {
        let glyphs = if unicode { glyphs::UNICODE } else { glyphs::ASCII };
        Self { theme: Theme::new(theme), glyphs, ascii: false }
    }

    /// The same with other colours.
    #[must_use]
    pub fn themed(self, theme: ThemeName) -> Self {
        Self { theme: Theme::new(theme), ..self }
    }

    /// Takes out of what is drawn what this terminal cannot show: signs of ours in any case, what
    /// others have said where it is not to get UTF-8 at all.
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
            if self.ascii || OURS.contains(first) {
                cell.set_char(plain(first));
            }
        }
    }

    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// A piece of a line.
    pub fn span(&self, text: impl Into<String>, role: Role) -> Span<'static> {
        Span::styled(text.into(), self.style(role))
    }

    /// A text in so many columns, with blanks after it.
    pub fn pad(&self, text: &str, columns: usize) -> String {
        text::pad(text, columns, self.glyphs.ellipsis)
    }

    /// A text in so many columns at most.
    pub fn fit(&self, text: &str, columns: usize) -> String {
        text::fit(text, columns, self.glyphs.ellipsis)
    }

    /// Replaces signs of ours that are not ASCII in a fixed text.
    pub fn words(&self, text: &str) -> String {
        if self.glyphs.unicode {
            return text.to_owned();
        }
        text.chars().map(|char| if char.is_ascii() { char } else { plain(char) }).collect()
    }

    /// The box of a pane or a popup: where its inside is.
    pub fn pane(&self, area: Rect, title: &str, focused: bool, buffer: &mut Buffer) -> Rect {
        let (set, role) = if focused {
            (self.glyphs.focus_border, Role::Focus)
        } else {
            (self.glyphs.border, Role::Border)
        };
        let room = usize::from(area.width).saturating_sub(4);
        let block = Block::bordered().border_set(set).border_style(self.style(role));
        let block = if title.is_empty() || room == 0 {
            block
        } else {
            let title = format!(" {} ", self.fit(title, room.saturating_sub(2)));
            block.title_top(Line::styled(title, self.style(Role::Title)))
        };
        let inside = block.inner(area);
        block.render(area, buffer);
        inside
    }

    /// A box over everything else, in the middle: where its inside is. What is too small for a
    /// border has none.
    pub fn popup(&self, area: Rect, title: &str, buffer: &mut Buffer) -> Rect {
        Clear.render(area, buffer);
        let inside = inside(area);
        if inside != area {
            self.pane(area, title, false, buffer);
        }
        inside
    }
}

/// Signs in words of ours that have no place in the table of signs.
const OURS: &str = "…·";

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

/// The inside of a popup. What is too small for a border has none.
pub fn inside(area: Rect) -> Rect {
    if area.height < 5 || area.width < 24 {
        return area;
    }
    Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
}

/// So much of an area, in its middle.
pub fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// One row of an area, counted from its top.
pub fn row(area: Rect, at: usize) -> Option<Rect> {
    let at = u16::try_from(at).ok().filter(|at| *at < area.height)?;
    Some(Rect { y: area.y + at, height: 1, ..area })
}

/// Draws a line in a row of an area; outside of it, nothing.
pub fn put(area: Rect, at: usize, line: &Line<'_>, buffer: &mut Buffer) {
    if let Some(row) = row(area, at) {
        buffer.set_line(row.x, row.y, line, row.width);
    }
}

/// A style for a whole row.
pub fn tint(area: Rect, at: usize, style: Style, buffer: &mut Buffer) {
    if let Some(row) = row(area, at) {
        buffer.set_style(row, style);
    }
}

/// Which rows are shown so that the one of the cursor is among them, in the middle where that can be.
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
