//! Selection in the logs, and its text.

use super::log_window::{LogItem, RowKey};
use crate::tui::text;

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TextPoint {
    pub key: RowKey,
    /// Which column of its text.
    pub column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    pub from: TextPoint,
    /// Where it has got to.
    pub to: TextPoint,
    /// Whole lines.
    pub lines: bool,
}

impl Selection {
    pub fn ends(&self) -> (TextPoint, TextPoint) {
        (self.from.min(self.to), self.from.max(self.to))
    }

    pub fn is_empty(&self) -> bool {
        !self.lines && self.from == self.to
    }

    /// Which columns of an item are selected, the end excluded.
    pub fn columns(&self, key: RowKey) -> Option<(usize, usize)> {
        let (start, end) = self.ends();
        if key < start.key || key > end.key {
            return None;
        }
        if self.lines {
            return Some((0, usize::MAX));
        }
        let from = if key == start.key { start.column } else { 0 };
        let to = if key == end.key { end.column.saturating_add(1) } else { usize::MAX };
        Some((from, to))
    }

    /// Its text: lines as they were printed, without what stands before them on the screen.
    pub fn text(&self, items: &[(RowKey, LogItem)]) -> String {
        let mut all = String::new();
        for (key, item) in items {
            let Some((from, to)) = self.columns(*key) else { continue };
            let LogItem::Line(line) = item else { continue };
            if from == 0 && to == usize::MAX {
                all.push_str(text::copied(&line.bytes).trim_end_matches(['\n', '\r']));
            } else {
                let shown = line.text.cut(from, to.saturating_sub(from));
                shown.spans.iter().for_each(|span| all.push_str(&span.content));
            }
            // A piece of a long line goes on in the next.
            if !line.continues {
                all.push('\n');
            }
        }
        let is_part = !self.lines && self.ends().0.key == self.ends().1.key;
        if is_part {
            all.truncate(all.trim_end_matches('\n').len());
        }
        all
    }
}
