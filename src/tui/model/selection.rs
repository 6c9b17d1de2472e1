//! Selection of text in the logs.

use super::log_window::{LogItem, RowKey};
use crate::tui::text;

/// A position in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TextPoint {
    pub key: RowKey,
    /// The column in the text of the row.
    pub column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    pub from: TextPoint,
    /// The end that the user moves.
    pub to: TextPoint,
    pub is_whole_lines: bool,
}

impl Selection {
    pub fn bounds(&self) -> (TextPoint, TextPoint) {
        (self.from.min(self.to), self.from.max(self.to))
    }

    pub fn is_empty(&self) -> bool {
        !self.is_whole_lines && self.from == self.to
    }

    /// Returns the first selected column of a row and the first one after the selection.
    pub fn columns(&self, key: RowKey) -> Option<(usize, usize)> {
        let (start, end) = self.bounds();
        if key < start.key || key > end.key {
            return None;
        }
        if self.is_whole_lines {
            return Some((0, usize::MAX));
        }
        let from = if key == start.key { start.column } else { 0 };
        let to = if key == end.key { end.column.saturating_add(1) } else { usize::MAX };
        Some((from, to))
    }

    /// Returns the selected text: lines as they were printed, without time and name.
    pub fn text(&self, items: &[(RowKey, LogItem)]) -> String {
        let mut selected = String::new();
        for (key, item) in items {
            let Some((from, to)) = self.columns(*key) else { continue };
            let LogItem::Line(line) = item else { continue };
            if from == 0 && to == usize::MAX {
                selected.push_str(text::copied(&line.bytes).trim_end_matches(['\n', '\r']));
            } else {
                let part = line.text.cut(from, to.saturating_sub(from));
                part.spans.iter().for_each(|span| selected.push_str(&span.content));
            }
            // The next item may be another piece of the same long line.
            if !line.continues {
                selected.push('\n');
            }
        }
        let is_within_row = !self.is_whole_lines && self.bounds().0.key == self.bounds().1.key;
        if is_within_row {
            selected.truncate(selected.trim_end_matches('\n').len());
        }
        selected
    }
}
