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
    These(BTreeSet<String>),
}

impl LogsSource {
    /// As the project is asked for them; nothing for all.
    pub fn names(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::These(names) => {
                Some(names.iter().map(String::as_str).collect::<Vec<_>>().join(","))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogsPosition {
    #[default]
    Follow,
    /// From here on, whatever comes.
    Paused {
        /// What is in the first row.
        top: RowKey,
        /// Which row of it that is.
        row: usize,
    },
}

#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct LogsPane {
    whom: LogsSource,
    generation: u64,
    window: LogWindow,
    is_loaded: bool,
    asked: Option<WindowStart>,
    /// It has grown since that was asked.
    is_stale: bool,
    marks: Vec<(RowKey, Separator)>,
    /// Window, marks and unfinished lines in one.
    items: Vec<(RowKey, LogItem)>,
    position: LogsPosition,
    /// Lines kept.
    lines: u64,
    /// Where new lines began when it was paused, and how many have come.
    seen: u64,
    new: u64,
    followed: Option<ProgressQuery>,
    /// The number the next line of the project will have.
    next: u64,
    /// Long lines take several rows.
    pub wrap: bool,
    /// Columns that are not shown on the left.
    pub left: usize,
    pub stamps: TimestampStyle,
    level: Option<Severity>,
    filter: Option<(String, bool)>,
    pub filter_text: String,
    floor: u64,
    pub search: Option<SearchState>,
    pretty: bool,
    /// The number of the last question about what is somewhere.
    looks: u64,
    /// What is on its way, to go there.
    pub seeking: Option<SeekRequest>,
    /// Where that led.
    landed: Option<RowKey>,
    /// Where to stand once it is there.
    landing: Option<RowKey>,
    /// Rows to move by once there are some.
    pub(super) owed: isize,
}

impl LogsPane {
    pub fn whom(&self) -> &LogsSource {
        &self.whom
    }

    /// What there is to show, in order.
    pub fn items(&self) -> &[(RowKey, LogItem)] {
        &self.items
    }

    pub fn position(&self) -> LogsPosition {
        self.position
    }

    pub fn is_following(&self) -> bool {
        self.position == LogsPosition::Follow
    }

    /// No line below that is shown.
    pub fn level(&self) -> Option<Severity> {
        self.level
    }

    /// What has to match, and whether it must not.
    pub fn filter(&self) -> Option<(&str, bool)> {
        self.filter.as_ref().map(|(text, inverted)| (text.as_str(), *inverted))
    }

    /// Something was asked for that has not come.
    pub fn is_waiting(&self) -> bool {
        !self.is_loaded
    }

    /// Nothing newer than what is at hand was there.
    pub fn is_at_end(&self) -> bool {
        self.is_loaded && self.window.is_end()
    }

    /// How many lines are kept of those that are shown.
    pub fn total(&self) -> u64 {
        self.lines
    }

    /// How many have come since it was paused.
    pub fn unseen(&self) -> u64 {
        self.new
    }

    /// The number the next line of the project will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn is_cleared(&self) -> bool {
        self.floor > 0
    }

    /// Begins to look for something: the number of the question.
    pub fn look(&mut self) -> u64 {
        self.looks += 1;
        self.looks
    }

    /// Where the last look led.
    pub fn landed(&self) -> Option<RowKey> {
        self.landed
    }

    /// Goes to what was found.
    pub fn land(&mut self, place: RowKey, pane: TextArea) {
        self.landed = Some(place);
        if self.shows(place, pane) {
            // What is read stays where it is.
            return self.hold(pane);
        }
        self.jump(place);
        if self.is_loaded {
            self.centre(place, pane);
        } else {
            self.landing = Some(place);
        }
    }

    /// Shows the lines of others.
    pub fn show(&mut self, whom: LogsSource) -> bool {
        let is_new = self.whom != whom;
        if is_new {
            self.whom = whom;
            self.position = LogsPosition::Follow;
            (self.new, self.landed) = (0, None);
            self.left = 0;
            self.ask_anew();
        }
        is_new
    }

    /// Shows only lines that match.
    pub fn set_filter(&mut self, typed: &str, reading: PatternMode) {
        let filter = match ListFilter::of(typed, reading) {
            Ok(ListFilter::Matching(regex)) => Some((regex.as_str().to_owned(), false)),
            Ok(ListFilter::NotMatching(regex)) => Some((regex.as_str().to_owned(), true)),
            Ok(ListFilter::All) => None,
            // What was right last goes on.
            Ok(ListFilter::Fuzzy(_)) | Err(_) => return,
        };
        typed.clone_into(&mut self.filter_text);
        if self.filter != filter {
            self.filter = filter;
            self.ask_anew();
        }
    }

    /// Shows no line below that.
    pub fn set_level(&mut self, level: Option<Severity>) {
        if self.level != level {
            self.level = level;
            self.ask_anew();
        }
    }

    /// Shows only what comes from now on.
    pub fn clear(&mut self) {
        self.floor = self.next;
        self.marks.clear();
        self.position = LogsPosition::Follow;
        self.ask_anew();
    }

    /// Shows what was cleared again; false when nothing was.
    pub fn unclear(&mut self) -> bool {
        let was = self.floor > 0;
        if was {
            self.floor = 0;
            self.ask_anew();
        }
        was
    }

    /// What is at hand answers another question.
    fn ask_anew(&mut self) {
        self.generation += 1;
        self.window = LogWindow::default();
        self.owed = 0;
        (self.is_loaded, self.asked, self.is_stale) = (false, None, false);
        self.arrange();
    }

    /// Rows came; false when nobody waits for them any more.
    pub fn take(
        &mut self,
        generation: u64,
        from: WindowStart,
        given: SliceResponse,
        pane: TextArea,
    ) -> bool {
        if generation != self.generation || self.asked != Some(from) {
            return false;
        }
        self.asked = None;
        self.is_loaded = true;
        (self.lines, self.next) = (given.lines, given.next.max(self.next));
        self.window.take(from, given, pane.rows * 12 + 200);
        if self.is_stale {
            self.window.outdate();
        }
        self.arrange();
        if matches!(from, WindowStart::At(_)) {
            self.fill(pane);
        }
        if let Some(place) = self.landing.take() {
            self.centre(place, pane);
        }
        let owed = std::mem::take(&mut self.owed);
        if owed != 0 {
            self.scroll(owed, pane);
        }
        true
    }

    /// A question could not be answered.
    pub fn give_up(&mut self, generation: u64) {
        if generation == self.generation {
            self.asked = None;
            self.is_loaded = true;
        }
    }

    pub fn grown(&mut self, grown: &OutputProgress) {
        (self.next, self.lines) = (grown.next.max(self.next), grown.lines);
        self.new = grown.new;
        self.window.outdate();
        self.is_stale = true;
    }

    /// A mark of the user's.
    pub fn mark(&mut self, time: Timestamp, text: String) {
        let event = u64::MAX / 2 + self.marks.len() as u64;
        let key = RowKey { seq: self.next, line: false, event };
        let separator =
            Separator { time, name: None, run: 0, is_start: false, is_bad: false, text };
        self.marks.push((key, separator));
        self.arrange();
    }

    /// Lays JSON out, or no more.
    pub fn set_pretty(&mut self, pretty: bool) {
        self.pretty = pretty;
        self.arrange();
    }

    /// JSON is laid out.
    pub fn is_pretty(&self) -> bool {
        self.pretty
    }

    fn arrange(&mut self) {
        let mut items: Vec<(RowKey, LogItem)> = if self.pretty {
            self.window.items().iter().flat_map(|(key, item)| json::laid_out(*key, item)).collect()
        } else {
            self.window.items().to_vec()
        };
        let (first, is_end) = (self.window.first(), self.window.is_end());
        let ours = |key: RowKey| {
            let after = first.is_some_and(|first| first < key) || self.window.is_start();
            after && (is_end || self.window.last().is_some_and(|last| key < last))
        };
        let marks = self.marks.iter().filter(|(key, _)| ours(*key));
        items.extend(marks.map(|(key, one)| (*key, LogItem::Separator(one.clone()))));
        items.sort_by_key(|(key, _)| *key);
        for (at, line) in self.window.partials().iter().enumerate() {
            let key = RowKey { seq: u64::MAX, line: true, event: at as u64 };
            items.push((key, LogItem::Line(LogLine { seq: None, ..line.clone() })));
        }
        self.items = items;
    }

    /// Shows the latest from now on.
    pub fn follow(&mut self) {
        if !self.is_following() {
            self.position = LogsPosition::Follow;
            (self.new, self.landed) = (0, None);
            self.asked = None;
            // What is at hand may be long ago.
            self.window.outdate();
        }
    }

    pub fn pause(&mut self, top: RowKey, row: usize) {
        if self.is_following() {
            // What is known of and not shown is new.
            (self.seen, self.new) = (self.window.complete().unwrap_or(self.next), 0);
        }
        self.position = LogsPosition::Paused { top, row };
    }

    /// Stands where it stood before.
    pub fn go_back(&mut self, position: LogsPosition) {
        match position {
            LogsPosition::Follow => self.follow(),
            LogsPosition::Paused { top, row } => {
                self.jump(top);
                self.pause(top, row);
            }
        }
    }

    /// Goes to a place, wherever it is.
    pub fn jump(&mut self, key: RowKey) {
        self.pause(key, 0);
        let (first, last) = (self.window.first(), self.window.last());
        let is_here =
            first.is_some_and(|first| first <= key) && last.is_some_and(|last| key <= last);
        if !is_here {
            self.ask_anew();
        }
    }
}
