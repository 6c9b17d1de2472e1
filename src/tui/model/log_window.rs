//! Log window: the loaded part of the output, visible lines and some pages on both sides.

use std::sync::Arc;

use jiff::Timestamp;

use crate::control::wire::{OutputLine, OutputRow, RunMarkerKind, Severity, SliceResponse};
use crate::tui::text::StyledLine;

/// Where something is shown: stays the same when lines come on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct RowKey {
    /// This line, or what stands before it.
    pub seq: u64,
    /// It is the line.
    pub line: bool,
    /// Which of those before it.
    pub event: u64,
}

impl RowKey {
    pub fn line(seq: u64) -> Self {
        Self { seq, line: true, event: 0 }
    }

    pub fn of(row: &OutputRow) -> Self {
        match row {
            OutputRow::Line { line, .. } => Self::line(line.seq),
            OutputRow::Mark(mark) => Self { seq: mark.seq, line: false, event: mark.event },
        }
    }

    /// The place right before it.
    #[must_use]
    pub fn before(self) -> Self {
        let event = if self.line { u64::MAX - 1 } else { self.event.saturating_sub(1) };
        Self { seq: self.seq, line: false, event }
    }

    /// The place right after it.
    #[must_use]
    pub fn after(self) -> Self {
        if self.line {
            Self { seq: self.seq.saturating_add(1), line: false, event: 0 }
        } else {
            Self { event: self.event.saturating_add(1), ..self }
        }
    }

    /// As the project is asked for it.
    pub fn place(self) -> String {
        if self.line { self.seq.to_string() } else { format!("{}.{}", self.seq, self.event) }
    }
}

#[derive(Debug, Clone)]
pub struct LogLine {
    /// Its place in the order of the whole project; nothing while it has not come to its end.
    pub seq: Option<u64>,
    pub time: Timestamp,
    pub name: Arc<str>,
    pub run: u32,
    /// How grave it says it is.
    pub level: Option<Severity>,
    /// It goes on in the next one.
    pub continues: bool,
    /// As it came.
    pub bytes: Arc<[u8]>,
    /// As it is drawn.
    pub text: StyledLine,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Separator {
    pub time: Timestamp,
    /// Whom it is about; nothing for a mark of the user's.
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
    /// The line, if it is one.
    pub fn line(&self) -> Option<&LogLine> {
        match self {
            Self::Line(line) => Some(line),
            Self::Separator(_) => None,
        }
    }

    /// The separator, if it is one.
    pub fn separator(&self) -> Option<&Separator> {
        match self {
            Self::Line(_) => None,
            Self::Separator(separator) => Some(separator),
        }
    }
}

/// From where on rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowStart {
    End,
    /// This one, those around it.
    At(RowKey),
    Before(RowKey),
    After(RowKey),
    /// Those that have come after this one, up to which everything was looked at.
    Since(RowKey),
}

/// Rows that follow each other without a gap.
#[derive(Debug, Clone, Default)]
pub struct LogWindow {
    items: Vec<(RowKey, LogItem)>,
    partials: Vec<LogLine>,
    is_start: bool,
    is_end: bool,
    /// Everything before this line was looked at, and what fits is there.
    complete: Option<u64>,
}

impl LogWindow {
    /// All of them, oldest first.
    pub fn items(&self) -> &[(RowKey, LogItem)] {
        &self.items
    }

    /// Lines that have not come to their end.
    pub fn partials(&self) -> &[LogLine] {
        &self.partials
    }

    /// None older is kept.
    pub fn is_start(&self) -> bool {
        self.is_start
    }

    /// None newer was there when it was looked last.
    pub fn is_end(&self) -> bool {
        self.is_end
    }

    /// Where the first one stands.
    pub fn first(&self) -> Option<RowKey> {
        self.items.first().map(|(key, _)| *key)
    }

    /// Where the last one stands.
    pub fn last(&self) -> Option<RowKey> {
        self.items.last().map(|(key, _)| *key)
    }

    /// Up to which line everything that fits is at hand.
    pub fn complete(&self) -> Option<u64> {
        self.complete
    }

    /// There are newer ones now.
    pub fn outdate(&mut self) {
        self.is_end = false;
    }

    /// How many stand before this one.
    pub fn place(&self, key: RowKey) -> usize {
        self.items.partition_point(|(one, _)| *one < key)
    }

    /// Takes in what was given; at most `most` are kept, those nearest to the new ones.
    pub fn take(&mut self, from: WindowStart, given: SliceResponse, most: usize) {
        let (is_start, is_end) = (!given.before, !given.after);
        let complete = is_end.then_some(given.next);
        let mut new: Vec<(RowKey, LogItem)> = given.rows.into_iter().map(item).collect();
        let partials: Vec<LogLine> =
            given.partials.iter().map(|line| log_line(line, None, false)).collect();
        match from {
            WindowStart::Before(key) if self.first() == Some(key) => {
                new.append(&mut self.items);
                self.is_start = is_start;
                if new.len() > most {
                    new.truncate(most);
                    (self.is_end, self.complete) = (false, None);
                }
                self.items = new;
            }
            WindowStart::After(_) | WindowStart::Since(_) if self.goes_on(from) => {
                let last = self.last();
                new.retain(|(key, _)| last.is_none_or(|last| *key > last));
                self.items.append(&mut new);
                (self.is_end, self.partials, self.complete) = (is_end, partials, complete);
                let over = self.items.len().saturating_sub(most);
                if over > 0 {
                    self.items.drain(..over);
                    self.is_start = false;
                }
            }
            WindowStart::End
            | WindowStart::At(_)
            | WindowStart::Before(_)
            | WindowStart::After(_)
            | WindowStart::Since(_) => {
                *self = Self { items: new, partials, is_start, is_end, complete };
            }
        }
    }

    /// Whether rows from there follow on what is at hand.
    fn goes_on(&self, from: WindowStart) -> bool {
        match from {
            WindowStart::After(key) => self.last() == Some(key),
            WindowStart::Since(key) => self.complete == Some(key.seq.saturating_add(1)),
            WindowStart::End | WindowStart::At(_) | WindowStart::Before(_) => false,
        }
    }
}

/// A row as it is shown.
pub fn item(row: OutputRow) -> (RowKey, LogItem) {
    match row {
        OutputRow::Line { line, level, continues } => {
            (RowKey::line(line.seq), LogItem::Line(log_line(&line, level, continues)))
        }
        OutputRow::Mark(mark) => {
            let next = mark.next.as_ref().map(|next| format!(" · {next}")).unwrap_or_default();
            let separator = Separator {
                time: time(&mark.time),
                text: format!("{} {} · run {}{next}", mark.name, mark.text, mark.run),
                name: Some(mark.name.into()),
                run: mark.run,
                is_start: mark.kind == RunMarkerKind::Started,
                is_bad: mark.success == Some(false),
            };
            let key = RowKey { seq: mark.seq, line: false, event: mark.event };
            (key, LogItem::Separator(separator))
        }
    }
}

fn log_line(line: &OutputLine, level: Option<Severity>, continues: bool) -> LogLine {
    let bytes = line.bytes();
    LogLine {
        seq: Some(line.seq),
        time: time(&line.time),
        name: line.name.as_str().into(),
        run: line.run,
        level,
        continues,
        text: StyledLine::of(&bytes, true),
        bytes: bytes.into(),
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}
