//! Output queries of the logs pane.

use super::{LogsPane, LogsPosition};
use crate::control::wire::{
    LineCriteria, OutputQuery, ProgressQuery, SearchQuery, SeekQuery, SliceQuery,
};
use crate::tui::model::log_window::{RowKey, WindowStart};

/// So many lines that have come are looked through rather than all from the end.
const FEW: u64 = 50_000;

/// What is asked of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsQuery {
    /// Answers to older questions are of no use.
    pub generation: u64,
    pub from: WindowStart,
    /// The same, as it is sent.
    pub slice: SliceQuery,
}

impl LogsPane {
    /// What has to be asked so that a pane of so many rows can be drawn and moved in.
    pub fn wanted(&mut self, rows: usize) -> Option<LogsQuery> {
        if self.asked.is_some() {
            return None;
        }
        let from = self.missing(rows)?;
        self.asked = Some(from);
        self.is_stale = false;
        let mut slice = SliceQuery { rows: Some(rows * 3 + 20), ..self.asked_lines() };
        match from {
            WindowStart::End => slice.rows = Some(rows * 2 + 20),
            WindowStart::At(key) => (slice.at, slice.above) = (Some(key.place()), Some(rows)),
            WindowStart::Before(key) => slice.before = Some(key.place()),
            WindowStart::After(key) | WindowStart::Since(key) => slice.after = Some(key.place()),
        }
        Some(LogsQuery { generation: self.generation, from, slice })
    }

    fn missing(&self, rows: usize) -> Option<WindowStart> {
        let window = &self.window;
        let LogsPosition::Paused { top, .. } = self.position else {
            return match (self.is_loaded, window.is_end()) {
                (true, true) => None,
                (true, false) => self.since().or(Some(WindowStart::End)),
                (false, _) => Some(WindowStart::End),
            };
        };
        if !self.is_loaded {
            return Some(WindowStart::At(top));
        }
        let place = window.place(top);
        if place < rows && !window.is_start() {
            return window.first().map(WindowStart::Before);
        }
        if place + rows * 2 > window.items().len() && !window.is_end() {
            return self
                .since()
                .or(window.last().map(WindowStart::After))
                .or(Some(WindowStart::End));
        }
        None
    }

    /// Where few lines fit, those before were looked through already.
    fn since(&self) -> Option<WindowStart> {
        let complete = self.window.complete().filter(|_| self.is_picked_out())?;
        let is_few = self.next.saturating_sub(complete) <= FEW || !self.is_following();
        let last = complete.checked_sub(1).filter(|_| is_few)?;
        Some(WindowStart::Since(RowKey::line(last)))
    }

    /// Some lines are not shown.
    fn is_picked_out(&self) -> bool {
        self.filter.is_some() || self.level.is_some()
    }

    /// The names and the filter of the pane.
    fn criteria(&self) -> LineCriteria {
        LineCriteria {
            names: self.whom.names(),
            stream: None,
            grep: self.filter.as_ref().map(|(text, _)| text.clone()),
            invert: self.filter.as_ref().is_some_and(|(_, inverted)| *inverted),
            level: self.level,
        }
    }

    /// Which lines are shown at all.
    pub fn asked_lines(&self) -> SliceQuery {
        SliceQuery {
            cleared: self.floor.checked_sub(1).map(|last| last.to_string()),
            // Between lines that were picked out they would say more than they know.
            no_marks: self.is_picked_out(),
            ..SliceQuery::of(self.criteria())
        }
    }

    /// The same, all of them.
    pub fn asked_output(&self) -> OutputQuery {
        let from = (self.floor > 0).then_some(self.floor);
        OutputQuery { from, ..OutputQuery::of(self.criteria()) }
    }

    /// Looks for this among them, from this line outwards.
    pub fn asked_search(&self, search: String, at: Option<u64>) -> SearchQuery {
        let from = (self.floor > 0).then_some(self.floor);
        SearchQuery { search, at, from, follow: true, ..SearchQuery::of(self.criteria()) }
    }

    /// The next one of them.
    pub fn asked_seek(&self) -> SeekQuery {
        let cleared = self.asked_lines().cleared;
        SeekQuery { cleared, ..SeekQuery::of(self.criteria()) }
    }

    /// Whose growth is wanted, if that is not told already. New lines are counted while it is paused.
    pub fn following(&mut self) -> Option<ProgressQuery> {
        let whose = self.whose();
        let is_new = self.followed.as_ref() != Some(&whose);
        if is_new {
            self.followed = Some(whose.clone());
        }
        is_new.then_some(whose)
    }

    /// Whether this is what is told of.
    pub fn is_told_of(&self, whose: &ProgressQuery) -> bool {
        self.followed.as_ref() == Some(whose)
    }

    fn whose(&self) -> ProgressQuery {
        if self.is_following() {
            return ProgressQuery { names: self.whom.names(), ..ProgressQuery::default() };
        }
        ProgressQuery { since: Some(self.seen), ..ProgressQuery::of(self.criteria()) }
    }
}
