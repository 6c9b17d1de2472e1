//! Scrolling: which rows of the logs are visible.

use super::{LogsPane, LogsPosition};
use crate::tui::model::log_window::{LogItem, RowKey};

/// How wide and how high the text of the logs is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextArea {
    /// Columns for the text of lines, without times and names.
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
    /// How many rows an item takes.
    fn height(&self, at: usize, pane: TextArea) -> usize {
        match self.items().get(at) {
            Some((_, LogItem::Line(line))) if self.wrap => line.text.rows(pane.text),
            _ => 1,
        }
    }

    /// The rows that are shown, from the top.
    pub fn shown(&self, pane: TextArea) -> Vec<ShownRow> {
        let start = self.start(pane);
        let mut rows = Vec::with_capacity(pane.rows);
        let (mut item, mut row) = start;
        while item < self.items().len() && rows.len() < pane.rows {
            rows.push(ShownRow { item, row });
            (item, row) = self.below((item, row), pane);
        }
        rows
    }

    /// Whether it is on the screen.
    pub fn shows(&self, key: RowKey, pane: TextArea) -> bool {
        let shown = self.shown(pane);
        let key_of = |row: &ShownRow| self.items().get(row.item).map(|(key, _)| *key);
        shown.iter().filter_map(key_of).any(|shown| shown == key)
    }

    /// What is in the first row.
    fn start(&self, pane: TextArea) -> (usize, usize) {
        match self.position() {
            LogsPosition::Follow => self.last_page(pane),
            LogsPosition::Paused { top, row } => {
                let item = self.items().partition_point(|(key, _)| *key < top);
                let same = self.items().get(item).is_some_and(|(key, _)| *key == top);
                // Another width may have made fewer rows of it.
                let last = self.height(item, pane).saturating_sub(1);
                (item, if same { row.min(last) } else { 0 })
            }
        }
    }

    /// The first row when the last one is at the bottom.
    fn last_page(&self, pane: TextArea) -> (usize, usize) {
        let mut at = (self.items().len(), 0);
        for _ in 0..pane.rows {
            match self.above(at, pane) {
                Some(above) => at = above,
                None => break,
            }
        }
        at
    }

    fn above(&self, (item, row): (usize, usize), pane: TextArea) -> Option<(usize, usize)> {
        if row > 0 {
            return Some((item, row - 1));
        }
        let item = item.checked_sub(1)?;
        Some((item, self.height(item, pane).saturating_sub(1)))
    }

    fn below(&self, (item, row): (usize, usize), pane: TextArea) -> (usize, usize) {
        if row + 1 < self.height(item, pane) { (item, row + 1) } else { (item + 1, 0) }
    }

    /// Moves by so many rows. Up pauses; whoever comes down to the latest row follows again.
    pub fn scroll(&mut self, rows: isize, pane: TextArea) {
        if self.is_waiting() {
            // Typed faster than it comes.
            self.owed = self.owed.saturating_add(rows);
            return;
        }
        let mut at = self.start(pane);
        if rows < 0 {
            for _ in 0..rows.unsigned_abs() {
                match self.above(at, pane) {
                    Some(above) => at = above,
                    None => break,
                }
            }
        } else {
            if self.is_following() {
                return;
            }
            let last = self.last_page(pane);
            for _ in 0..rows.unsigned_abs() {
                if at >= last {
                    break;
                }
                at = self.below(at, pane);
            }
            if at >= last && self.is_at_end() {
                self.follow();
                return;
            }
        }
        self.stop_at(at);
    }

    pub fn hold(&mut self, pane: TextArea) {
        let at = self.start(pane);
        self.stop_at(at);
    }

    /// No rows are empty below the last line as long as there are lines above the first.
    pub fn fill(&mut self, pane: TextArea) {
        let last = self.last_page(pane);
        if self.is_at_end() && !self.is_following() && self.start(pane) > last {
            self.stop_at(last);
        }
    }

    /// Goes to the oldest row.
    pub fn go_top(&mut self) {
        self.jump(RowKey::default());
    }

    fn stop_at(&mut self, (item, row): (usize, usize)) {
        if let Some((key, _)) = self.items().get(item) {
            self.pause(*key, row);
        }
    }

    /// Puts a line a third below the top, if there is that much above it.
    pub fn centre(&mut self, key: RowKey, pane: TextArea) {
        let Ok(item) = self.items().binary_search_by_key(&key, |(key, _)| *key) else { return };
        let mut at = (item, 0);
        for _ in 0..pane.rows / 3 {
            match self.above(at, pane) {
                Some(above) => at = above,
                None => break,
            }
        }
        self.stop_at(at);
    }
}
