//! Timeline screen: all events with their causes, newest first.

use std::collections::VecDeque;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{nothing, widest};
use crate::machine::{Event, EventText};
use crate::output::safe_name;
use crate::tui::appearance::{Appearance, put, tint, window};
use crate::tui::pattern::ListFilter;
use crate::tui::text;
use crate::tui::theme::Role;

/// Events that are kept here; the project keeps them too.
const KEPT: usize = 10_000;

/// All events, which of them are shown, and which one the cursor is on.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    all: VecDeque<EventText>,
    /// Numbers of those that the filter shows, the oldest first.
    shown: VecDeque<u64>,
    filter: ListFilter,
    /// Nothing: the newest, whatever comes.
    cursor: Option<u64>,
    /// The newest one that was looked at.
    read: u64,
}

impl Timeline {
    /// One more. What was told already, as after a lost connection, is passed over.
    pub fn push(&mut self, event: &Event) {
        let told = EventText::of(event);
        if self.all.back().is_some_and(|last| last.seq >= told.seq) {
            return;
        }
        if self.filter.shows(&told.line()) {
            self.shown.push_back(told.seq);
        }
        self.all.push_back(told);
        while self.all.len() > KEPT {
            let gone = self.all.pop_front();
            if gone.is_some_and(|gone| self.shown.front() == Some(&gone.seq)) {
                self.shown.pop_front();
            }
        }
    }

    pub fn filter(&mut self, filter: ListFilter) {
        self.filter = filter;
        let fits = self.all.iter().filter(|told| self.filter.shows(&told.line()));
        self.shown = fits.map(|told| told.seq).collect();
        self.cursor = None;
    }

    pub fn is_filtered(&self) -> bool {
        !matches!(self.filter, ListFilter::All)
    }

    /// How many there are, and how many are shown.
    pub fn counts(&self) -> (usize, usize) {
        (self.all.len(), self.shown.len())
    }

    /// Events since the timeline was looked at.
    pub fn unread(&self) -> usize {
        let first = self.all.partition_point(|told| told.seq <= self.read);
        self.all.len() - first
    }

    /// Everything there is has been looked at.
    pub fn mark_read(&mut self) {
        self.read = self.all.back().map_or(self.read, |told| told.seq);
    }

    /// The newest events, the newest first.
    pub fn latest(&self) -> impl Iterator<Item = &EventText> {
        self.all.iter().rev()
    }

    /// What the cursor is on: where in time to jump to.
    pub fn chosen(&self) -> Option<&EventText> {
        let seq = self.cursor.or_else(|| self.shown.back().copied())?;
        self.find(seq).or_else(|| self.find(*self.shown.front()?))
    }

    /// So many rows down, to older ones, or up.
    pub fn step(&mut self, rows: isize) {
        let to = self.row().saturating_add_signed(rows).min(self.shown.len().saturating_sub(1));
        self.cursor = match to {
            // The newest is followed again.
            0 => None,
            row => self.shown.iter().rev().nth(row).copied(),
        };
    }

    pub fn first(&mut self) {
        self.cursor = None;
    }

    pub fn last(&mut self) {
        self.cursor = self.shown.front().copied();
    }

    fn find(&self, seq: u64) -> Option<&EventText> {
        let at = self.all.binary_search_by_key(&seq, |told| told.seq).ok()?;
        self.all.get(at)
    }

    /// The row of the cursor, from the newest.
    fn row(&self) -> usize {
        let Some(seq) = self.cursor else { return 0 };
        // One that is not kept any more: the oldest there is.
        let at = self.shown.partition_point(|one| *one < seq);
        self.shown.len().saturating_sub(at + 1)
    }

    pub fn draw(&self, area: Rect, look: &Appearance, zone: &TimeZone, buffer: &mut Buffer) {
        let (all, shown) = self.counts();
        let title = if self.is_filtered() {
            format!("Events {} {shown} of {all}, filtered", look.glyphs.dot)
        } else {
            format!("Events {} {all}", look.glyphs.dot)
        };
        let inside = if area.height >= 8 && area.width >= 40 {
            look.pane(area, &title, true, buffer)
        } else {
            area
        };
        if self.shown.is_empty() {
            let words =
                if all == 0 { "nothing has happened yet" } else { "nothing fits the filter" };
            return nothing(inside, words, look, buffer);
        }
        let cursor = self.row();
        let rows = window(shown, cursor, usize::from(inside.height));
        let visible: Vec<&EventText> = rows
            .clone()
            .filter_map(|row| self.shown.iter().rev().nth(row))
            .filter_map(|seq| self.find(*seq))
            .collect();
        let names = visible.iter().filter_map(|told| told.name.as_deref());
        let names = widest(names, 7, 16);
        for (at, told) in visible.into_iter().enumerate() {
            if rows.start + at == cursor {
                tint(inside, at, look.style(Role::Cursor), buffer);
            }
            let line = line(told, names, usize::from(inside.width), look, zone);
            put(inside, at, &line, buffer);
        }
    }
}

/// One event in one row: time, sign, name, what, why.
pub fn line(
    told: &EventText,
    names: usize,
    columns: usize,
    look: &Appearance,
    zone: &TimeZone,
) -> Line<'static> {
    let time = told.time.to_zoned_datetime(zone.clone()).strftime("%H:%M:%S").to_string();
    let (sign, style) = match told.state {
        Some(state) => (look.glyphs.state(state, true), look.theme.state(state)),
        None => (look.glyphs.dot, look.style(Role::Text)),
    };
    let name = told.name.as_deref();
    let name_style = name.map_or(look.style(Role::Title), |name| look.theme.process(name));
    let name = look.pad(name.unwrap_or("project"), names);
    let what = safe_name(&told.what).into_owned();
    let why = safe_name(&told.why).into_owned();
    let mut spans = vec![look.span(time, Role::Dim), " ".into()];
    spans.push(ratatui::text::Span::styled(sign, style));
    spans.extend([" ".into(), ratatui::text::Span::styled(name, name_style), " ".into()]);
    let used = 8 + 1 + 1 + 1 + names + 1;
    let room = columns.saturating_sub(used);
    let role = if told.is_bad() { Role::Bad } else { Role::Text };
    let what = look.fit(&what, room);
    let left = room.saturating_sub(text::width(&what) + 2);
    spans.push(look.span(what, role));
    if !why.is_empty() && left > 4 {
        spans.push("  ".into());
        spans.push(look.span(look.fit(&why, left), Role::Dim));
    }
    Line::from(spans)
}
