//! Selection of text on the screen of a process.

use crate::terminal::{CellRun, Row, View};

/// A cell of the screen, in the order of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ScreenPoint {
    pub row: u16,
    pub column: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSelection {
    pub from: ScreenPoint,
    /// The end that the user moves.
    pub to: ScreenPoint,
    pub is_whole_rows: bool,
}

impl ScreenSelection {
    /// Returns all rows of a screen.
    pub fn all(view: &View) -> Self {
        let last = view.size().rows().saturating_sub(1);
        let to = ScreenPoint { row: last, column: 0 };
        Self { from: ScreenPoint::default(), to, is_whole_rows: true }
    }

    /// Returns the first selected column of a row and the first one after the selection.
    pub fn columns(&self, row: u16) -> Option<(u16, u16)> {
        let (start, end) = (self.from.min(self.to), self.from.max(self.to));
        if row < start.row || row > end.row {
            return None;
        }
        if self.is_whole_rows {
            return Some((0, u16::MAX));
        }
        let from = if row == start.row { start.column } else { 0 };
        let to = if row == end.row { end.column.saturating_add(1) } else { u16::MAX };
        Some((from, to))
    }

    /// Moves the end by rows, within the screen.
    pub fn extend(&mut self, rows: isize, view: &View) {
        let last = usize::from(view.size().rows().saturating_sub(1));
        let row = usize::from(self.to.row).saturating_add_signed(rows).min(last);
        self.to.row = u16::try_from(row).unwrap_or(u16::MAX);
    }

    /// Returns the selected text. A line that the program has wrapped is one line.
    pub fn text(&self, view: &View) -> String {
        let mut text = String::new();
        let mut is_wrapped = true;
        for (number, row) in (0_u16..).zip(view.rows()) {
            let Some((from, to)) = self.columns(number) else { continue };
            if !is_wrapped {
                text.push('\n');
            }
            let part = cut(row, from, to);
            is_wrapped = row.wrapped;
            // Blanks at the end of a row are cells that nothing was written to.
            text.push_str(if is_wrapped { &part } else { part.trim_end_matches(' ') });
        }
        if self.is_whole_rows {
            text.truncate(text.trim_end_matches('\n').len());
            if !text.is_empty() {
                text.push('\n');
            }
        }
        text
    }
}

/// Returns the text of each cell of a run that begins at a column, with the column of the cell.
pub fn run_cells(run: &CellRun, column: u16) -> impl Iterator<Item = (&str, u16)> {
    // A single cell can hold several characters.
    let cells = run.text.split_inclusive(move |_: char| run.cells != 1);
    cells.zip((column..).step_by(if run.wide { 2 } else { 1 }))
}

/// Returns the characters of a row in these columns; half a wide character counts as all of it.
fn cut(row: &Row, from: u16, to: u16) -> String {
    let mut text = String::new();
    let mut column = 0_u16;
    for run in &row.runs {
        let width = if run.wide { 2 } else { 1 };
        let is_selected = |at: u16| at < to && at.saturating_add(width) > from;
        let cells = run_cells(run, column).filter(|(_, at)| is_selected(*at));
        text.extend(cells.map(|(cell, _)| cell));
        column = column.saturating_add(run.columns());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::{Size, TerminalScreen, Version};

    fn view(bytes: &[u8]) -> View {
        let mut screen = TerminalScreen::new(Size::new(8, 4));
        screen.advance(bytes);
        let mut view = View::default();
        view.apply(screen.frame(Version::default()));
        view
    }

    fn selected(view: &View, from: (u16, u16), to: (u16, u16), is_whole_rows: bool) -> String {
        let point = |(row, column)| ScreenPoint { row, column };
        ScreenSelection { from: point(from), to: point(to), is_whole_rows }.text(view)
    }

    #[test]
    fn text_is_copied_as_it_is_read() {
        let view = view("one two\r\n日本 x\r\nlast".as_bytes());
        assert_eq!(selected(&view, (0, 4), (0, 6), false), "two");
        assert_eq!(selected(&view, (0, 6), (0, 4), false), "two", "also backwards");
        assert_eq!(selected(&view, (0, 4), (1, 1), false), "two\n日");
        assert_eq!(selected(&view, (1, 1), (1, 2), false), "日本", "halves count");
        assert_eq!(selected(&view, (0, 7), (1, 0), true), "one two\n日本 x\n");
        assert_eq!(ScreenSelection::all(&view).text(&view), "one two\n日本 x\nlast\n");
        assert_eq!(selected(&view, (3, 0), (3, 5), false), "");
    }

    #[test]
    fn a_wrapped_line_is_one_line() {
        let view = view(b"0123456789\r\nx");
        assert_eq!(ScreenSelection::all(&view).text(&view), "0123456789\nx\n");
        assert_eq!(selected(&view, (0, 6), (1, 0), false), "678");
    }
}
