//! Styled text for drawing, made from process output and names.
//!
//! `safe_parts` reduces a line to text, tabs and styles; here the styles become those of cells, and
//! tabs become blanks. Widths are counted as the buffer of ratatui counts them.

mod sgr;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use ratatui::buffer::CellWidth;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

use crate::output::{LinePart, StyleMode, safe_line, safe_name, safe_parts};

/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// A line in pieces of one style each, without control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StyledLine {
    pieces: Vec<(String, Style)>,
}

impl StyledLine {
    /// Parses the bytes of one line; without `coloured`, its styles are dropped.
    ///
    /// ```
    /// use pitcrew::tui::text::StyledLine;
    ///
    /// let text = StyledLine::of(b"\x1b[31mred\x1b[0m\tand\x1b[2J more\n", true);
    /// assert_eq!(text.plain(), "red     and more");
    /// ```
    pub fn of(bytes: &[u8], coloured: bool) -> Self {
        let styles = if coloured { StyleMode::Keep } else { StyleMode::Drop };
        let (mut text, mut style, mut column) = (Self::default(), Style::new(), 0);
        safe_parts(bytes, styles, |part| match part {
            LinePart::Text(part) => text.append_expanded(part, style, &mut column),
            LinePart::Style(params) => sgr::apply(&mut style, params),
        });
        text
    }

    /// A text in one style, made safe.
    pub fn plain_of(text: &str, style: Style) -> Self {
        Self { pieces: vec![(safe_name(text).into_owned(), style)] }
    }

    /// Appends a text with its tabs expanded.
    fn append_expanded(&mut self, part: &str, style: Style, column: &mut usize) {
        for (at, word) in part.split('\t').enumerate() {
            if at > 0 {
                let blanks = TAB - *column % TAB;
                self.append(&" ".repeat(blanks), style);
                *column += blanks;
            }
            *column += width(word);
            self.append(word, style);
        }
    }

    fn append(&mut self, text: &str, style: Style) {
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some((last, same)) if *same == style => last.push_str(text),
            _ => self.pieces.push((text.to_owned(), style)),
        }
    }

    fn into_line(self) -> Line<'static> {
        self.pieces.into_iter().map(|(text, style)| Span::styled(text, style)).collect()
    }

    /// The text without styles, with tabs as blanks, as searches see it.
    pub fn plain(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }

    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(text, _)| width(text)).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(|(text, _)| text.is_empty())
    }

    /// Adds a style below those of the line.
    #[must_use]
    pub fn on(mut self, base: Style) -> Self {
        for (_, style) in &mut self.pieces {
            *style = base.patch(*style);
        }
        self
    }

    /// Adds a style over those of the line, for these bytes of [`StyledLine::plain`].
    #[must_use]
    pub fn highlighted(self, range: &Range<usize>, over: Style) -> Self {
        let mut highlighted = Self::default();
        let mut start = 0;
        for (text, style) in self.pieces {
            let within = |at: usize| floor(&text, at.saturating_sub(start).min(text.len()));
            let (from, to) = (within(range.start), within(range.end));
            let parts = [(0..from, style), (from..to, style.patch(over)), (to..text.len(), style)];
            for (part, style) in parts {
                highlighted.append(text.get(part).unwrap_or_default(), style);
            }
            start += text.len();
        }
        highlighted
    }

    /// At most `columns` columns, beginning at `from`. A wide character that is cut on the left
    /// leaves blanks, on the right nothing.
    pub fn cut(&self, from: usize, columns: usize) -> Line<'static> {
        let end = from.saturating_add(columns);
        let mut line = Self::default();
        let mut column = 0;
        for (grapheme, wide, style) in self.graphemes() {
            let (start, next) = (column, column + wide);
            column = next;
            if next > end {
                break;
            }
            if start >= from {
                line.append(grapheme, style);
            } else if next > from {
                (from..next).for_each(|_| line.append(" ", style));
            }
        }
        line.into_line()
    }

    /// Rows of at most `columns` columns.
    pub fn wrap(&self, columns: usize) -> Vec<Line<'static>> {
        let columns = columns.max(1);
        let (mut rows, mut line, mut column) = (Vec::new(), Self::default(), 0);
        for (grapheme, wide, style) in self.graphemes() {
            // A placeholder for a character that is wider than a row.
            let (grapheme, wide) = if wide > columns { ("\u{fffd}", 1) } else { (grapheme, wide) };
            if column + wide > columns {
                rows.push(std::mem::take(&mut line).into_line());
                column = 0;
            }
            line.append(grapheme, style);
            column += wide;
        }
        rows.push(line.into_line());
        rows
    }

    /// As [`StyledLine::wrap`], but breaks at blanks where possible.
    pub fn wrap_words(&self, columns: usize) -> Vec<Line<'static>> {
        let columns = columns.max(1);
        let cells: Vec<(&str, usize, Style)> = self.graphemes().collect();
        let (mut rows, mut start) = (Vec::new(), 0);
        while start < cells.len() {
            let rest = cells.get(start..).unwrap_or_default();
            let mut used = 0;
            let fits = rest.iter().take_while(|(_, wide, _)| {
                used += wide;
                used <= columns
            });
            let mut end = fits.count().max(1);
            if end < rest.len() {
                let blank = rest.get(..=end).unwrap_or_default().iter();
                end = blank.rev().position(|cell| cell.0 == " ").map_or(end, |back| end - back);
                end = end.max(1);
            }
            let mut line = Self::default();
            for (grapheme, wide, style) in rest.iter().take(end) {
                line.append(if *wide > columns { "\u{fffd}" } else { grapheme }, *style);
            }
            rows.push(line.into_line());
            start += end;
            // Skips the blank at the break.
            start += usize::from(cells.get(start).is_some_and(|cell| cell.0 == " "));
        }
        if rows.is_empty() {
            rows.push(Line::default());
        }
        rows
    }

    /// Number of rows of [`StyledLine::wrap`].
    pub fn rows(&self, columns: usize) -> usize {
        let columns = columns.max(1);
        if self.pieces.iter().all(|(text, _)| text.is_ascii()) {
            return self.width().div_ceil(columns).max(1);
        }
        let (mut rows, mut column) = (1, 0);
        for (_, wide, _) in self.graphemes() {
            let wide = if wide > columns { 1 } else { wide };
            if column + wide > columns {
                rows += 1;
                column = 0;
            }
            column += wide;
        }
        rows
    }

    /// Grapheme clusters with their width and style.
    fn graphemes(&self) -> impl Iterator<Item = (&str, usize, Style)> {
        self.pieces.iter().flat_map(|(text, style)| {
            let graphemes = text.graphemes(true);
            graphemes.map(|grapheme| (grapheme, usize::from(grapheme.cell_width()), *style))
        })
    }
}

/// The last boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A line as it is copied: text and tabs, without styles.
pub fn copied(bytes: &[u8]) -> Cow<'_, str> {
    safe_line(bytes, StyleMode::Drop)
}

/// Columns of a text. Control characters count 0: the buffer leaves them out.
pub fn width(text: &str) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.len();
    }
    let graphemes = text.graphemes(true);
    let shown = graphemes.filter(|grapheme| !grapheme.contains(char::is_control));
    shown.map(|grapheme| usize::from(grapheme.cell_width())).sum()
}

/// Makes a text safe and cuts it to `columns` columns, with `sign` at its end if it was cut.
pub fn fit(text: &str, columns: usize, sign: &str) -> String {
    let text = safe_name(text);
    if width(&text) <= columns {
        return text.into_owned();
    }
    let sign = if width(sign) <= columns { sign } else { "" };
    let end = byte_at(&text, columns - width(sign));
    format!("{}{sign}", text.get(..end).unwrap_or_default())
}

/// As [`fit`], with blanks after the text.
pub fn pad(text: &str, columns: usize, sign: &str) -> String {
    let text = fit(text, columns, sign);
    let blanks = columns.saturating_sub(width(&text));
    format!("{text}{}", " ".repeat(blanks))
}

/// As [`fit`], with blanks before the text.
pub fn pad_left(text: &str, columns: usize, sign: &str) -> String {
    let text = fit(text, columns, sign);
    let blanks = columns.saturating_sub(width(&text));
    format!("{}{text}", " ".repeat(blanks))
}

/// The byte at which a column of a text begins; the end of the text if it has fewer columns.
pub fn byte_at(text: &str, column: usize) -> usize {
    let mut left = column;
    for (at, grapheme) in text.grapheme_indices(true) {
        match left.checked_sub(usize::from(grapheme.cell_width())) {
            Some(rest) if left > 0 => left = rest,
            _ => return at,
        }
    }
    text.len()
}
