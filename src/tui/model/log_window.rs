//! Log window: the loaded part of the output, which is the visible lines and some pages before and after.

use std::sync::Arc;

use jiff::Timestamp;

use crate::control::wire::{OutputLine, OutputRow, RunMarkerKind, Severity, SliceResponse};
use crate::tui::text::StyledLine;

/// The position of a row, which is not affected by lines that are loaded before or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct RowKey {
    /// The number of the line, or of the line after a separator.
    pub seq: u64,
    /// Separators sort before the line of their number.
    pub is_line: bool,
    /// The number of a separator among those before the same line.
    pub event: u64,
}

impl RowKey {
    pub fn line(seq: u64) -> Self {
        Self { seq, is_line: true, event: 0 }
    }

    pub fn of_row(row: &OutputRow) -> Self {
        match row {
            OutputRow::Line { line, .. } => Self::line(line.seq),
            OutputRow::Mark(mark) => Self { seq: mark.seq, is_line: false, event: mark.event },
        }
    }

    /// Returns the position immediately before this one.
    #[must_use]
    pub fn before(self) -> Self {
        let event = if self.is_line { u64::MAX - 1 } else { self.event.saturating_sub(1) };
        Self { seq: self.seq, is_line: false, event }
    }

    /// Returns the position immediately after this one.
    #[must_use]
    pub fn after(self) -> Self {
        if self.is_line {
            Self { seq: self.seq.saturating_add(1), is_line: false, event: 0 }
        } else {
            Self { event: self.event.saturating_add(1), ..self }
        }
    }

    /// Returns the position in the form of the control API.
    pub fn to_query(self) -> String {
        if self.is_line { self.seq.to_string() } else { format!("{}.{}", self.seq, self.event) }
    }
}

#[derive(Debug, Clone)]
pub struct LogLine {
    /// The number of the line in the output of the project; `None` for an unfinished line.
    pub seq: Option<u64>,
    pub time: Timestamp,
    pub name: Arc<str>,
    pub run: u32,
    /// The severity that the line states.
    pub level: Option<Severity>,
    /// The next line is another piece of the same long line.
    pub continues: bool,
    /// The text as it was printed.
    pub bytes: Arc<[u8]>,
    /// The text as it is drawn.
    pub text: StyledLine,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Separator {
    pub time: Timestamp,
    /// The process; `None` for a mark that the user has set.
    pub name: Option<Arc<str>>,
    pub run: u32,
    pub is_start: bool,
    pub is_bad: bool,
    pub text: String,
}

#[derive(Debug, Clone)]
pub enum LogItem {
    Line(LogLine),
    Separator(Separator),
}

impl LogItem {
    pub fn line(&self) -> Option<&LogLine> {
        if let Self::Line(line) = self { Some(line) } else { None }
    }
}

/// The start of a request for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowStart {
    End,
    /// This row and those around it.
    At(RowKey),
    Before(RowKey),
    After(RowKey),
    /// New rows after this one, up to which all lines were searched.
    Since(RowKey),
}

/// Consecutive rows without a gap.
#[derive(Debug, Clone, Default)]
pub struct LogWindow {
    /// All rows, oldest first.
    pub(super) items: Vec<(RowKey, LogItem)>,
    /// The unfinished lines.
    pub(super) partials: Vec<LogLine>,
    /// Whether the project has no older rows.
    pub(super) is_start: bool,
    /// Whether the project had no newer rows at the latest request.
    pub(super) is_end: bool,
    /// All lines before this number were searched, and the matching ones are loaded.
    pub(super) complete: Option<u64>,
}

impl LogWindow {
    pub fn first_key(&self) -> Option<RowKey> {
        self.items.first().map(|(key, _)| *key)
    }

    pub fn last_key(&self) -> Option<RowKey> {
        self.items.last().map(|(key, _)| *key)
    }

    /// Returns the number of rows before this position.
    pub fn index_of(&self, key: RowKey) -> usize {
        self.items.partition_point(|(row, _)| *row < key)
    }

    /// Adds the rows of a response; keeps at most `max_rows`, those nearest to the new ones.
    pub fn take(&mut self, from: WindowStart, response: SliceResponse, max_rows: usize) {
        let (is_start, is_end) = (!response.before, !response.after);
        let complete = is_end.then_some(response.next);
        let mut new: Vec<(RowKey, LogItem)> = response.rows.into_iter().map(log_item).collect();
        let partials: Vec<LogLine> =
            response.partials.iter().map(|line| log_line(line, None, false)).collect();
        if let WindowStart::Before(key) = from
            && self.first_key() == Some(key)
        {
            new.append(&mut self.items);
            self.is_start = is_start;
            if new.len() > max_rows {
                new.truncate(max_rows);
                (self.is_end, self.complete) = (false, None);
            }
            self.items = new;
        } else if self.is_continued_by(from) {
            let last = self.last_key();
            new.retain(|(key, _)| last.is_none_or(|last| *key > last));
            self.items.append(&mut new);
            (self.is_end, self.partials, self.complete) = (is_end, partials, complete);
            let excess = self.items.len().saturating_sub(max_rows);
            if excess > 0 {
                self.items.drain(..excess);
                self.is_start = false;
            }
        } else {
            *self = Self { items: new, partials, is_start, is_end, complete };
        }
    }

    /// Whether rows from this start follow the loaded ones without a gap.
    fn is_continued_by(&self, from: WindowStart) -> bool {
        match from {
            WindowStart::After(key) => self.last_key() == Some(key),
            WindowStart::Since(key) => self.complete == Some(key.seq.saturating_add(1)),
            WindowStart::End | WindowStart::At(_) | WindowStart::Before(_) => false,
        }
    }
}

/// Converts a row of the output.
pub fn log_item(row: OutputRow) -> (RowKey, LogItem) {
    match row {
        OutputRow::Line { line, level, continues } => {
            (RowKey::line(line.seq), LogItem::Line(log_line(&line, level, continues)))
        }
        OutputRow::Mark(mark) => {
            let next = mark.next.as_ref().map(|next| format!(" · {next}")).unwrap_or_default();
            let separator = Separator {
                time: parse_time(&mark.time),
                text: format!("{} {} · run {}{next}", mark.name, mark.text, mark.run),
                name: Some(mark.name.into()),
                run: mark.run,
                is_start: mark.kind == RunMarkerKind::Started,
                is_bad: mark.success == Some(false),
            };
            let key = RowKey { seq: mark.seq, is_line: false, event: mark.event };
            (key, LogItem::Separator(separator))
        }
    }
}

fn log_line(line: &OutputLine, level: Option<Severity>, continues: bool) -> LogLine {
    let bytes = line.bytes();
    LogLine {
        seq: Some(line.seq),
        time: parse_time(&line.time),
        name: line.name.as_str().into(),
        run: line.run,
        level,
        continues,
        text: StyledLine::of(&bytes, true),
        bytes: bytes.into(),
    }
}

fn parse_time(text: &str) -> Timestamp {
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}
