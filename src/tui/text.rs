//! Styled text for drawing, made from process output and names.
//!
//! A line goes through `safe_parts` first, which leaves text, tabs and styles and nothing else; here
//! the styles become those of cells, and tabs become blanks. Widths are counted as the buffer that
//! is drawn into counts them.

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

/// A line of output: pieces of one style each, without any control character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StyledLine {
    pieces: Vec<(String, Style)>,
}

impl StyledLine {
    /// From the bytes of one line; without `coloured`, its styles are dropped.
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
            LinePart::Text(part) => text.push(part, style, &mut column),
            LinePart::Style(params) => sgr::apply(&mut style, params),
        });
        text
    }

    /// A text of our own with names in it, in one style.
    pub fn plain_of(text: &str, style: Style) -> Self {
        Self { pieces: vec![(safe_name(text).into_owned(), style)] }
    }

    fn push(&mut self, part: &str, style: Style, column: &mut usize) {
        if part.is_empty() {
            return;
        }
        let mut shown = String::with_capacity(part.len());
        for (at, word) in part.split('\t').enumerate() {
            if at > 0 {
                let blanks = TAB - *column % TAB;
                shown.extend(std::iter::repeat_n(' ', blanks));
                *column += blanks;
            }
            *column += width(word);
            shown.push_str(word);
        }
        match self.pieces.last_mut() {
            Some((last, same)) if *same == style => last.push_str(&shown),
            _ => self.pieces.push((shown, style)),
        }
    }

    /// What is searched in: the text alone, tabs as blanks.
    pub fn plain(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(text, _)| width(text)).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(|(text, _)| text.is_empty())
    }

    /// A style below that of the child: what it says itself stays.
    #[must_use]
    pub fn on(mut self, base: Style) -> Self {
        for (_, style) in &mut self.pieces {
            *style = base.patch(*style);
        }
        self
    }

    /// A style over that of the child, for these bytes of [`StyledLine::plain`].
    #[must_use]
    pub fn highlighted(self, range: &Range<usize>, over: Style) -> Self {
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2);
        let mut start = 0;
        for (text, style) in self.pieces {
            let within = |at: usize| floor(&text, at.saturating_sub(start).min(text.len()));
            let (from, to) = (within(range.start), within(range.end));
            let parts = [(0..from, style), (from..to, style.patch(over)), (to..text.len(), style)];
            for (part, style) in parts {
                if let Some(part) = text.get(part).filter(|part| !part.is_empty()) {
                    pieces.push((part.to_owned(), style));
                }
            }
            start += text.len();
        }
        Self { pieces }
    }

    /// The columns from `from` on, `columns` of them at most. A wide character that is cut on the
    /// left leaves blanks, on the right nothing.
    pub fn cut(&self, from: usize, columns: usize) -> Line<'static> {
        let end = from.saturating_add(columns);
        let mut line = StyledLineBuilder::default();
        let mut column = 0;
        for (grapheme, wide, style) in self.graphemes() {
            let (start, next) = (column, column + wide);
            column = next;
            if next > end {
                break;
            }
            if start >= from {
                line.push(grapheme, style);
            } else if next > from {
                (from..next).for_each(|_| line.push(" ", style));
            }
        }
        line.finish()
    }

    /// All of it, in rows of so many columns.
    pub fn wrap(&self, columns: usize) -> Vec<Line<'static>> {
        let columns = columns.max(1);
        let (mut rows, mut line, mut column) = (Vec::new(), StyledLineBuilder::default(), 0);
        for (grapheme, wide, style) in self.graphemes() {
            // Too wide for any row: it is shown that something is there.
            let (grapheme, wide) = if wide > columns { ("\u{fffd}", 1) } else { (grapheme, wide) };
            if column + wide > columns {
                rows.push(std::mem::take(&mut line).finish());
                column = 0;
            }
            line.push(grapheme, style);
            column += wide;
        }
        rows.push(line.finish());
        rows
    }

    /// As [`StyledLine::wrap`], at blanks where there are some: for texts of our own.
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
            let mut line = StyledLineBuilder::default();
            for (grapheme, wide, style) in rest.iter().take(end) {
                line.push(if *wide > columns { "\u{fffd}" } else { grapheme }, *style);
            }
            rows.push(line.finish());
            start += end;
            // The blank it was broken at.
            start += usize::from(cells.get(start).is_some_and(|cell| cell.0 == " "));
        }
        if rows.is_empty() {
            rows.push(Line::default());
        }
        rows
    }

    /// Rows of [`StyledLine::wrap`].
    pub fn rows(&self, columns: usize) -> usize {
        let columns = columns.max(1);
        let narrow = self.pieces.iter().all(|(text, _)| text.is_ascii());
        if narrow {
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

    /// What is one character for a reader, its width, its style.
    fn graphemes(&self) -> impl Iterator<Item = (&str, usize, Style)> {
        self.pieces.iter().flat_map(|(text, style)| {
            let cells = text.graphemes(true);
            cells.map(move |one| (one, usize::from(one.cell_width()), *style))
        })
    }
}

/// Puts graphemes of one style together.
#[derive(Default)]
struct StyledLineBuilder {
    spans: Vec<(String, Style)>,
}

impl StyledLineBuilder {
    fn push(&mut self, grapheme: &str, style: Style) {
        match self.spans.last_mut() {
            Some((text, same)) if *same == style => text.push_str(grapheme),
            _ => self.spans.push((grapheme.to_owned(), style)),
        }
    }

    fn finish(self) -> Line<'static> {
        let spans = self.spans.into_iter().map(|(text, style)| Span::styled(text, style));
        Line::from(spans.collect::<Vec<_>>())
    }
}

/// The next boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A line as it is copied: text and tabs, nothing else.
pub fn copied(bytes: &[u8]) -> Cow<'_, str> {
    safe_line(bytes, StyleMode::Drop)
}

/// Columns of a text. Control characters count nothing: the buffer leaves them out.
pub fn width(text: &str) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.len();
    }
    let shown = text.graphemes(true).filter(|one| !one.contains(char::is_control));
    shown.map(|one| usize::from(one.cell_width())).sum()
}

/// A name, a path or a message in so many columns at most, made safe; `sign` is at its end where it
/// was cut.
pub fn fit(text: &str, columns: usize, sign: &str) -> String {
    let text = safe_name(text);
    if width(&text) <= columns {
        return text.into_owned();
    }
    let room = columns.saturating_sub(width(sign));
    let mut fitted = start(&text, room).to_owned();
    if width(sign) <= columns {
        fitted.push_str(sign);
    }
    fitted
}

/// As [`fit`], filled with blanks.
pub fn pad(text: &str, columns: usize, sign: &str) -> String {
    let mut text = fit(text, columns, sign);
    let blanks = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', blanks));
    text
}

/// As [`pad`], with the blanks before it.
pub fn pad_left(text: &str, columns: usize, sign: &str) -> String {
    let text = fit(text, columns, sign);
    let blanks = columns.saturating_sub(width(&text));
    format!("{}{text}", " ".repeat(blanks))
}

/// What of a text fits.
fn start(text: &str, columns: usize) -> &str {
    let mut left = columns;
    for (at, one) in text.grapheme_indices(true) {
        match left.checked_sub(usize::from(one.cell_width())) {
            Some(rest) => left = rest,
            None => return text.get(..at).unwrap_or_default(),
        }
    }
    text
}

/// The byte at which a column of a text begins; its end for all that are beyond it.
pub fn byte_at(text: &str, column: usize) -> usize {
    let mut left = column;
    for (at, one) in text.grapheme_indices(true) {
        match left.checked_sub(usize::from(one.cell_width())) {
            Some(rest) if left > 0 => left = rest,
            _ => return at,
        }
    }
    text.len()
}
