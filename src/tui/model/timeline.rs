//! Timeline: the events so far, a filter, and a cursor.

use std::collections::VecDeque;
use std::ops::Range;

use crate::machine::{Event, EventText};
use crate::tui::pattern::ListFilter;

/// Events that are kept here; the project keeps them too.
const MAX_EVENTS: usize = 10_000;

#[derive(Debug, Clone, Default)]
pub struct Timeline {
    events: VecDeque<EventText>,
    /// Numbers of the events that match the filter, the oldest first.
    shown: VecDeque<u64>,
    filter: ListFilter,
    /// `None` follows the newest event.
    cursor: Option<u64>,
    /// The newest event that was displayed.
    read: u64,
}

impl Timeline {
    /// Adds an event, unless it is known already, as after a lost connection.
    pub fn push(&mut self, event: &Event) {
        let event = EventText::of(event);
        if self.events.back().is_some_and(|last| last.seq >= event.seq) {
            return;
        }
        if self.filter.shows(&event.line()) {
            self.shown.push_back(event.seq);
        }
        self.events.push_back(event);
        while self.events.len() > MAX_EVENTS {
            let oldest = self.events.pop_front();
            if oldest.is_some_and(|oldest| self.shown.front() == Some(&oldest.seq)) {
                self.shown.pop_front();
            }
        }
    }

    pub fn filter(&mut self, filter: ListFilter) {
        self.filter = filter;
        let matching = self.events.iter().filter(|event| self.filter.shows(&event.line()));
        self.shown = matching.map(|event| event.seq).collect();
        self.cursor = None;
    }

    pub fn is_filtered(&self) -> bool {
        !matches!(self.filter, ListFilter::All)
    }

    /// The number of events, and of events that match the filter.
    pub fn counts(&self) -> (usize, usize) {
        (self.events.len(), self.shown.len())
    }

    /// Number of events since the timeline was displayed.
    pub fn unread(&self) -> usize {
        self.events.len() - self.events.partition_point(|event| event.seq <= self.read)
    }

    pub fn mark_read(&mut self) {
        self.read = self.events.back().map_or(self.read, |event| event.seq);
    }

    /// All events, the newest first.
    pub fn latest(&self) -> impl Iterator<Item = &EventText> {
        self.events.iter().rev()
    }

    /// Rows of the filtered events, the newest first.
    pub fn rows(&self, rows: Range<usize>) -> impl Iterator<Item = &EventText> {
        rows.filter_map(|row| self.shown.iter().rev().nth(row)).filter_map(|seq| self.find(*seq))
    }

    /// The event at the cursor.
    pub fn chosen(&self) -> Option<&EventText> {
        let seq = self.cursor.or_else(|| self.shown.back().copied())?;
        self.find(seq).or_else(|| self.find(*self.shown.front()?))
    }

    /// Moves the cursor down, to older events, or up.
    pub fn step(&mut self, rows: isize) {
        let row = self.row().saturating_add_signed(rows).min(self.shown.len().saturating_sub(1));
        let seq = self.shown.iter().rev().nth(row).copied();
        self.cursor = seq.filter(|_| row > 0);
    }

    fn find(&self, seq: u64) -> Option<&EventText> {
        let index = self.events.binary_search_by_key(&seq, |event| event.seq).ok()?;
        self.events.get(index)
    }

    /// The row of the cursor, counted from the newest event; the oldest event if the one at the
    /// cursor is no longer kept.
    pub fn row(&self) -> usize {
        let Some(seq) = self.cursor else { return 0 };
        let older = self.shown.partition_point(|shown| *shown < seq);
        self.shown.len().saturating_sub(older + 1)
    }
}
