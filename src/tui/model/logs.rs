//! Logs pane: its source, its window, and the visible part.

mod query;
pub mod scroll;

use scroll::TextArea;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::json;
use super::log_window::{LogItem, LogLine, LogWindow, RowKey, Separator, WindowStart};
use super::search::{SearchState, SeekRequest};
pub use query::LogsQuery;

use crate::control::wire::{OutputProgress, ProgressQuery, Severity, SliceResponse};
use crate::tui::config::TimestampStyle;
use crate::tui::pattern::{ListFilter, PatternMode};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogsSource {
    #[default]
    All,
    Names(BTreeSet<String>),
}

impl LogsSource {
    /// Returns the names for a query; `None` for all.
    pub fn names(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Names(names) => {
                Some(names.iter().map(String::as_str).collect::<Vec<_>>().join(","))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogsPosition {
    #[default]
    Follow,
    /// New lines do not scroll.
    Paused {
        /// The item in the first row.
        top: RowKey,
        /// Which row of that item.
        row: usize,
    },
}

#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct LogsPane {
    pub source: LogsSource,
    generation: u64,
    window: LogWindow,
    is_loaded: bool,
    asked: Option<WindowStart>,
    /// Whether there is new output since the last request.
    is_stale: bool,
    marks: Vec<(RowKey, Separator)>,
    /// Window, markers and incomplete lines together.
    items: Vec<(RowKey, LogItem)>,
    pub position: LogsPosition,
    /// The number of lines that are kept.
    pub line_count: u64,
    /// The first new line since the pause, and the number of new lines.
    seen: u64,
    pub unseen: u64,
    followed: Option<ProgressQuery>,
    /// The number of the next line of the project.
    pub next_seq: u64,
    /// Whether long lines take several rows.
    pub wrap: bool,
    /// Hidden columns on the left.
    pub left: usize,
    pub stamps: TimestampStyle,
    pub level: Option<Severity>,
    pub filter: Option<(String, bool)>,
    pub filter_text: String,
    floor: u64,
    pub search: Option<SearchState>,
    pub pretty: bool,
    /// The number of the last search or seek.
    question: u64,
    pub seeking: Option<SeekRequest>,
    /// The row of the last jump.
    pub last_jump: Option<RowKey>,
    /// The row to centre as soon as it is loaded.
    pending_jump: Option<RowKey>,
    /// Rows to scroll by as soon as rows are loaded.
    pub(super) pending_scroll: isize,
}

impl LogsPane {
    pub fn items(&self) -> &[(RowKey, LogItem)] {
        &self.items
    }

    pub fn is_following(&self) -> bool {
        self.position == LogsPosition::Follow
    }

    pub fn is_loading(&self) -> bool {
        !self.is_loaded
    }

    /// Whether the latest line is loaded.
    pub fn is_at_end(&self) -> bool {
        self.is_loaded && self.window.is_end
    }

    pub fn is_cleared(&self) -> bool {
        self.floor > 0
    }

    /// Returns the number of a new search or seek.
    pub fn next_question(&mut self) -> u64 {
        self.question += 1;
        self.question
    }

    /// Jumps to the result of a search or seek.
    pub fn jump_to_hit(&mut self, place: RowKey, area: TextArea) {
        self.last_jump = Some(place);
        if self.shows(place, area) {
            // A visible row does not move.
            return self.hold(area);
        }
        self.jump(place);
        if self.is_loaded {
            self.centre(place, area);
        } else {
            self.pending_jump = Some(place);
        }
    }

    /// Shows other processes; returns whether that is a change.
    pub fn show(&mut self, source: LogsSource) -> bool {
        let is_new = self.source != source;
        if is_new {
            self.source = source;
            self.position = LogsPosition::Follow;
            (self.unseen, self.last_jump) = (0, None);
            self.left = 0;
            self.reset();
        }
        is_new
    }

    pub fn set_filter(&mut self, typed: &str, reading: PatternMode) {
        let filter = match ListFilter::of(typed, reading) {
            Ok(ListFilter::Matching(regex)) => Some((regex.as_str().to_owned(), false)),
            Ok(ListFilter::NotMatching(regex)) => Some((regex.as_str().to_owned(), true)),
            Ok(ListFilter::All) => None,
            // The last valid filter stays.
            Ok(ListFilter::Fuzzy(_)) | Err(_) => return,
        };
        typed.clone_into(&mut self.filter_text);
        if self.filter != filter {
            self.filter = filter;
            self.reset();
        }
    }

    pub fn set_level(&mut self, level: Option<Severity>) {
        if self.level != level {
            self.level = level;
            self.reset();
        }
    }

    /// Hides all lines until now.
    pub fn clear(&mut self) {
        self.floor = self.next_seq;
        self.marks.clear();
        self.position = LogsPosition::Follow;
        self.reset();
    }

    /// Shows cleared lines again; returns whether there were any.
    pub fn unclear(&mut self) -> bool {
        let was = self.floor > 0;
        if was {
            self.floor = 0;
            self.reset();
        }
        was
    }

    /// Drops the rows, which answer another query.
    pub(super) fn reset(&mut self) {
        self.generation += 1;
        self.window = LogWindow::default();
        self.pending_scroll = 0;
        (self.is_loaded, self.asked, self.is_stale) = (false, None, false);
        self.rebuild_items();
    }

    /// Takes the rows of a response, unless it answers an old query.
    pub fn take(
        &mut self,
        generation: u64,
        from: WindowStart,
        response: SliceResponse,
        area: TextArea,
    ) {
        if generation != self.generation || self.asked != Some(from) {
            return;
        }
        self.asked = None;
        self.is_loaded = true;
        (self.line_count, self.next_seq) = (response.lines, response.next.max(self.next_seq));
        self.window.take(from, response, area.rows * 12 + 200);
        if self.is_stale {
            self.window.is_end = false;
        }
        self.rebuild_items();
        if matches!(from, WindowStart::At(_)) {
            self.fill(area);
        }
        if let Some(place) = self.pending_jump.take() {
            self.centre(place, area);
        }
        let rows = std::mem::take(&mut self.pending_scroll);
        if rows != 0 {
            self.scroll(rows, area);
        }
    }

    /// Handles a failed query.
    pub fn give_up(&mut self, generation: u64) {
        if generation == self.generation {
            self.asked = None;
            self.is_loaded = true;
        }
    }

    pub fn set_progress(&mut self, progress: &OutputProgress) {
        self.next_seq = progress.next.max(self.next_seq);
        (self.line_count, self.unseen) = (progress.lines, progress.new);
        self.window.is_end = false;
        self.is_stale = true;
    }

    /// Adds a marker of the user at the end.
    pub fn mark(&mut self, time: Timestamp, text: String) {
        let event = u64::MAX / 2 + self.marks.len() as u64;
        let key = RowKey { seq: self.next_seq, is_line: false, event };
        let separator =
            Separator { time, name: None, run: 0, is_start: false, is_bad: false, text };
        self.marks.push((key, separator));
        self.rebuild_items();
    }

    /// Formats lines of JSON, or shows them raw.
    pub fn set_pretty(&mut self, pretty: bool) {
        self.pretty = pretty;
        self.rebuild_items();
    }

    fn rebuild_items(&mut self) {
        let mut items: Vec<(RowKey, LogItem)> = if self.pretty {
            let rows = self.window.items.iter();
            rows.flat_map(|(key, item)| json::pretty_rows(*key, item)).collect()
        } else {
            self.window.items.clone()
        };
        let (first, is_end) = (self.window.first_key(), self.window.is_end);
        let is_in_window = |key: RowKey| {
            let after = first.is_some_and(|first| first < key) || self.window.is_start;
            after && (is_end || self.window.last_key().is_some_and(|last| key < last))
        };
        let marks = self.marks.iter().filter(|(key, _)| is_in_window(*key));
        items.extend(marks.map(|(key, mark)| (*key, LogItem::Separator(mark.clone()))));
        items.sort_by_key(|(key, _)| *key);
        for (at, line) in self.window.partials.iter().enumerate() {
            let key = RowKey { seq: u64::MAX, is_line: true, event: at as u64 };
            items.push((key, LogItem::Line(LogLine { seq: None, ..line.clone() })));
        }
        self.items = items;
    }

    /// Shows the latest lines from now on.
    pub fn follow(&mut self) {
        if !self.is_following() {
            self.position = LogsPosition::Follow;
            (self.unseen, self.last_jump) = (0, None);
            self.asked = None;
            // The loaded rows may be old.
            self.window.is_end = false;
        }
    }

    pub fn pause(&mut self, top: RowKey, row: usize) {
        if self.is_following() {
            // Lines that are reported and not shown are new.
            (self.seen, self.unseen) = (self.window.complete.unwrap_or(self.next_seq), 0);
        }
        self.position = LogsPosition::Paused { top, row };
    }

    /// Returns to an earlier position.
    pub fn go_back(&mut self, position: LogsPosition) {
        match position {
            LogsPosition::Follow => self.follow(),
            LogsPosition::Paused { top, row } => {
                self.jump(top);
                self.pause(top, row);
            }
        }
    }

    /// Moves a row to the top, and loads the rows around it if necessary.
    pub fn jump(&mut self, key: RowKey) {
        self.pause(key, 0);
        let (first, last) = (self.window.first_key(), self.window.last_key());
        let is_here =
            first.is_some_and(|first| first <= key) && last.is_some_and(|last| key <= last);
        if !is_here {
            self.reset();
        }
    }
}
