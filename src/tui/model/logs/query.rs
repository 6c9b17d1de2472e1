//! Output queries of the logs pane.

use super::{LogsPane, LogsPosition};
use crate::control::wire::{
    LineCriteria, OutputQuery, ProgressQuery, SearchQuery, SeekQuery, SliceQuery,
};
use crate::tui::model::log_window::{RowKey, WindowStart};

/// Up to this many new lines are filtered after the loaded ones, rather than from the end.
const FEW_LINES: u64 = 50_000;

/// A request for rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsQuery {
    /// The response to an older generation is ignored.
    pub generation: u64,
    pub from: WindowStart,
    pub slice: SliceQuery,
}

impl LogsPane {
    /// Returns the request for rows that a pane of this height needs, if some are missing.
    pub fn next_query(&mut self, rows: usize) -> Option<LogsQuery> {
        if self.asked.is_some() {
            return None;
        }
        let from = self.missing(rows)?;
        self.asked = Some(from);
        self.is_stale = false;
        let mut slice = SliceQuery { rows: Some(rows * 3 + 20), ..self.slice_query() };
        match from {
            WindowStart::End => slice.rows = Some(rows * 2 + 20),
            WindowStart::At(key) => (slice.at, slice.above) = (Some(key.to_query()), Some(rows)),
            WindowStart::Before(key) => slice.before = Some(key.to_query()),
            WindowStart::After(key) | WindowStart::Since(key) => slice.after = Some(key.to_query()),
        }
        Some(LogsQuery { generation: self.generation, from, slice })
    }

    fn missing(&self, rows: usize) -> Option<WindowStart> {
        let window = &self.window;
        let LogsPosition::Paused { top, .. } = self.position else {
            return match (self.is_loaded, window.is_end) {
                (true, true) => None,
                (true, false) => self.since().or(Some(WindowStart::End)),
                (false, _) => Some(WindowStart::End),
            };
        };
        if !self.is_loaded {
            return Some(WindowStart::At(top));
        }
        let place = window.index_of(top);
        if place < rows && !window.is_start {
            return window.first_key().map(WindowStart::Before);
        }
        if place + rows * 2 > window.items.len() && !window.is_end {
            return self
                .since()
                .or(window.last_key().map(WindowStart::After))
                .or(Some(WindowStart::End));
        }
        None
    }

    /// Returns the start of new lines if only some lines are shown, as the earlier ones were filtered already.
    fn since(&self) -> Option<WindowStart> {
        let complete = self.window.complete.filter(|_| self.is_filtered())?;
        let is_few = self.next_seq.saturating_sub(complete) <= FEW_LINES || !self.is_following();
        let last = complete.checked_sub(1).filter(|_| is_few)?;
        Some(WindowStart::Since(RowKey::line(last)))
    }

    /// Whether a filter hides lines.
    fn is_filtered(&self) -> bool {
        self.filter.is_some() || self.level.is_some()
    }

    fn criteria(&self) -> LineCriteria {
        LineCriteria {
            names: self.source.names(),
            stream: None,
            grep: self.filter.as_ref().map(|(text, _)| text.clone()),
            invert: self.filter.as_ref().is_some_and(|(_, inverted)| *inverted),
            level: self.level,
        }
    }

    /// Returns a query for the shown lines.
    pub fn slice_query(&self) -> SliceQuery {
        SliceQuery {
            cleared: self.floor.checked_sub(1).map(|last| last.to_string()),
            // Markers of runs would be misleading between filtered lines.
            no_marks: self.is_filtered(),
            ..SliceQuery::of(self.criteria())
        }
    }

    pub fn output_query(&self) -> OutputQuery {
        let from = (self.floor > 0).then_some(self.floor);
        OutputQuery { from, ..OutputQuery::of(self.criteria()) }
    }

    /// Returns a query for a search in the shown lines, from a line in both directions.
    pub fn search_query(&self, search: String, at: Option<u64>) -> SearchQuery {
        let from = (self.floor > 0).then_some(self.floor);
        SearchQuery { search, at, from, follow: true, ..SearchQuery::of(self.criteria()) }
    }

    pub fn seek_query(&self) -> SeekQuery {
        let cleared = self.slice_query().cleared;
        SeekQuery { cleared, ..SeekQuery::of(self.criteria()) }
    }

    /// Returns the query for the progress of the output, if it has changed. New lines are counted during a pause.
    pub fn changed_progress_query(&mut self) -> Option<ProgressQuery> {
        let query = if self.is_following() {
            ProgressQuery { names: self.source.names(), ..ProgressQuery::default() }
        } else {
            ProgressQuery { since: Some(self.seen), ..ProgressQuery::of(self.criteria()) }
        };
        let is_new = !self.follows(&query);
        is_new.then(|| self.followed.insert(query).clone())
    }

    pub fn follows(&self, query: &ProgressQuery) -> bool {
        self.followed.as_ref() == Some(query)
    }
}
