//! Scrolling: which rows of the logs are visible.

use super::{LogsPane, LogsPosition};
use crate::tui::model::log_window::{LogItem, RowKey};

/// The size of the text in the logs pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextArea {
    /// Columns of the text, without times and names.
    pub text: usize,
    pub rows: usize,
}

/// One row on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownRow {
    pub item: usize,
    pub row: usize,
}

impl LogsPane {
    /// Returns the number of rows of an item.
    fn height(&self, at: usize, area: TextArea) -> usize {
        match self.items().get(at) {
            Some((_, LogItem::Line(line))) if self.wrap => line.text.rows(area.text),
            _ => 1,
        }
    }

    /// Returns the visible rows, from the top.
    pub fn shown(&self, area: TextArea) -> Vec<ShownRow> {
        let start = self.start(area);
        let mut rows = Vec::with_capacity(area.rows);
        let (mut item, mut row) = start;
        while item < self.items().len() && rows.len() < area.rows {
            rows.push(ShownRow { item, row });
            (item, row) = self.below((item, row), area);
        }
        rows
    }

    /// Whether a row is visible.
    pub fn shows(&self, key: RowKey, area: TextArea) -> bool {
        let shown = self.shown(area);
        let key_of = |row: &ShownRow| self.items().get(row.item).map(|(key, _)| *key);
        shown.iter().filter_map(key_of).any(|shown| shown == key)
    }

    /// Returns the first visible row.
    fn start(&self, area: TextArea) -> (usize, usize) {
        match self.position {
            LogsPosition::Follow => self.last_page(area),
            LogsPosition::Paused { top, row } => {
                let item = self.items().partition_point(|(key, _)| *key < top);
                let same = self.items().get(item).is_some_and(|(key, _)| *key == top);
                // After a resize it may have fewer rows.
                let last = self.height(item, area).saturating_sub(1);
                (item, if same { row.min(last) } else { 0 })
            }
        }
    }

    /// Returns the first visible row if the last one is at the bottom.
    fn last_page(&self, area: TextArea) -> (usize, usize) {
        self.rows_above((self.items().len(), 0), area.rows, area)
    }

    /// Returns the row that is this many rows above another, or the first row.
    fn rows_above(&self, at: (usize, usize), rows: usize, area: TextArea) -> (usize, usize) {
        let above = std::iter::successors(Some(at), |at| self.above(*at, area));
        above.take(rows.saturating_add(1)).last().unwrap_or(at)
    }

    fn above(&self, (item, row): (usize, usize), area: TextArea) -> Option<(usize, usize)> {
        if row > 0 {
            return Some((item, row - 1));
        }
        let item = item.checked_sub(1)?;
        Some((item, self.height(item, area).saturating_sub(1)))
    }

    fn below(&self, (item, row): (usize, usize), area: TextArea) -> (usize, usize) {
        if row + 1 < self.height(item, area) { (item, row + 1) } else { (item + 1, 0) }
    }

    /// Scrolls by rows. Up pauses; scrolling down to the latest row follows again.
    pub fn scroll(&mut self, rows: isize, area: TextArea) {
        if self.is_loading() {
            self.pending_scroll = self.pending_scroll.saturating_add(rows);
            return;
        }
        let mut at = self.start(area);
        if rows < 0 {
            at = self.rows_above(at, rows.unsigned_abs(), area);
        } else {
            if self.is_following() {
                return;
            }
            let last = self.last_page(area);
            for _ in 0..rows.unsigned_abs() {
                if at >= last {
                    break;
                }
                at = self.below(at, area);
            }
            if at >= last && self.is_at_end() {
                self.follow();
                return;
            }
        }
        self.stop_at(at);
    }

    /// Scrolls up from the latest line, as soon as that is loaded.
    pub fn scroll_back(&mut self, rows: isize, area: TextArea) {
        self.follow();
        if !self.is_at_end() {
            self.reset();
        }
        self.scroll(-rows, area);
    }

    pub fn hold(&mut self, area: TextArea) {
        let at = self.start(area);
        self.stop_at(at);
    }

    /// Avoids empty rows below the last line if there are lines above the first visible one.
    pub fn fill(&mut self, area: TextArea) {
        let last = self.last_page(area);
        if self.is_at_end() && !self.is_following() && self.start(area) > last {
            self.stop_at(last);
        }
    }

    fn stop_at(&mut self, (item, row): (usize, usize)) {
        if let Some((key, _)) = self.items().get(item) {
            self.pause(*key, row);
        }
    }

    /// Moves a row to a third of the height, if there are enough rows above it.
    pub fn centre(&mut self, key: RowKey, area: TextArea) {
        let Ok(item) = self.items().binary_search_by_key(&key, |(key, _)| *key) else { return };
        self.stop_at(self.rows_above((item, 0), area.rows / 3, area));
    }
}
