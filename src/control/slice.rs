//! Slices of the output: rows of lines, with markers for starts and ends of runs.

use std::collections::HashSet;
use std::sync::Arc;

use super::line_pattern::LinePattern;
use super::run_markers::{RowPosition, RunMarkers, place};
use super::severity::{level, shown};
use super::wire::{
    LineCriteria, OutputLine, OutputRow, RunMarker, Severity, SliceQuery, SliceResponse,
};
use super::{ControlError, ControlErrorKind};
use crate::output::{LogStore, ReadLimit, Slice, SliceLine, SourceSelection, Stream};

/// Looked at before the lock is let go.
pub(super) const CHUNK: ReadLimit = ReadLimit { lines: 1000, bytes: 256 << 10 };
/// Rows in one answer.
const MOST: usize = 10_000;
const USUAL: usize = 100;
/// Bytes of lines in one answer.
const BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Default)]
pub(super) struct LineFilter {
    pub(super) stream: Option<Stream>,
    pub(super) grep: Option<LinePattern>,
    pub(super) invert: bool,
    pub(super) level: Option<Severity>,
    /// Found in the line too.
    pub(super) search: Option<LinePattern>,
}

impl LineFilter {
    pub(super) fn new(criteria: &LineCriteria) -> Result<Self, ControlError> {
        Ok(Self {
            stream: criteria.stream.as_deref().map(stream_of).transpose()?,
            grep: criteria.grep.as_deref().map(LinePattern::new).transpose()?,
            invert: criteria.invert,
            level: criteria.level,
            search: None,
        })
    }

    pub(super) fn is_all(&self) -> bool {
        self.stream.is_none()
            && self.grep.is_none()
            && self.level.is_none()
            && self.search.is_none()
    }

    pub(super) fn among<'a>(&self, slice: &'a Slice) -> impl Iterator<Item = SliceLine<'a>> {
        let lines = self.may_take(slice).then(|| slice.lines());
        lines.into_iter().flatten().filter(|line| self.takes(line))
    }

    /// False when it takes none of these lines.
    pub(super) fn may_take(&self, slice: &Slice) -> bool {
        let has =
            |pattern: &Option<LinePattern>| pattern.as_ref().is_none_or(|it| it.may_be_in(slice));
        (self.invert || has(&self.grep)) && has(&self.search)
    }

    pub(super) fn takes(&self, line: &SliceLine<'_>) -> bool {
        if self.stream.is_some_and(|stream| stream != line.stream) {
            return false;
        }
        if self.is_all() {
            return true;
        }
        let text = shown(line.bytes);
        self.grep.as_ref().is_none_or(|grep| grep.is_match(&text) != self.invert)
            && self.search.as_ref().is_none_or(|search| search.is_match(&text))
            && self.level.is_none_or(|least| level(&text).unwrap_or(Severity::Info) >= least)
    }
}

fn stream_of(text: &str) -> Result<Stream, ControlError> {
    text.parse().map_err(|error| {
        ControlError::new(ControlErrorKind::Wrong, format!("no stream `{text}`: {error}"))
    })
}

/// Whose lines are looked at.
#[derive(Debug, Clone)]
pub(super) struct SourceChoice {
    pub(super) selection: SourceSelection,
    /// Their names; nothing means all.
    pub(super) names: Option<Arc<HashSet<String>>>,
}

impl SourceChoice {
    pub(super) fn means(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }
}

#[derive(Debug, Clone, Copy)]
enum SliceAnchor {
    /// So many rows right before it.
    Before(RowPosition),
    /// From it on, with so many before it, and more where it is not enough.
    At(RowPosition, usize),
    From(RowPosition),
}

/// Rows that are wanted of a store.
#[derive(Debug, Clone)]
pub(super) struct SliceJob {
    pub(super) store: Arc<LogStore>,
    pub(super) marks: RunMarkers,
    choice: SourceChoice,
    filter: LineFilter,
    anchor: SliceAnchor,
    /// Nothing that stands before.
    floor: RowPosition,
    rows: usize,
    no_marks: bool,
}

/// Rows found in one direction.
struct FoundRows {
    rows: Vec<OutputRow>,
    /// There are more of them, as far as is known.
    more: bool,
    /// Time ran out: there it goes on.
    rest: Option<RowPosition>,
}

/// When looking ends early.
pub(super) struct ScanLimit<'a> {
    /// Nobody waits for it any more.
    pub(super) gone: &'a dyn Fn() -> bool,
    /// It has taken long enough.
    pub(super) late: &'a dyn Fn() -> bool,
}

impl ScanLimit<'_> {
    /// At its end only.
    pub(super) const NEVER: Self = Self { gone: &|| false, late: &|| false };
}

impl SliceJob {
    pub(super) fn new(
        (store, marks): (Arc<LogStore>, RunMarkers),
        choice: SourceChoice,
        asked: &SliceQuery,
    ) -> Result<Self, ControlError> {
        let place = |text: &Option<String>| text.as_deref().map(place_of).transpose();
        let anchor = match (place(&asked.at)?, place(&asked.before)?, place(&asked.after)?) {
            (None, None, None) => SliceAnchor::Before(RowPosition::END),
            (Some(at), None, None) => SliceAnchor::At(at, asked.above.unwrap_or(0)),
            (None, Some(before), None) => SliceAnchor::Before(before),
            (None, None, Some(after)) => SliceAnchor::From(after.next()),
            _ => {
                let text = "only one of `at`, `before` and `after` can be given";
                return Err(ControlError::new(ControlErrorKind::Wrong, text));
            }
        };
        let filter = LineFilter::new(&asked.criteria())?;
        let floor = place(&asked.cleared)?.map_or(RowPosition::start_of(0), RowPosition::next);
        let rows = asked.rows.unwrap_or(USUAL).clamp(1, MOST);
        Ok(Self { store, marks, choice, filter, anchor, floor, rows, no_marks: asked.no_marks })
    }

    /// Only lines in which this is found too.
    pub(super) fn searching(mut self, search: Option<LinePattern>) -> Self {
        self.filter.search = search;
        self
    }

    /// Whether it takes a moment only, however much is kept.
    pub(super) fn is_quick(&self) -> bool {
        self.filter.is_all()
    }

    /// The rows, or as many as were found before it had to end. Each direction gets as far as one
    /// chunk, so whoever goes on from there comes to the end.
    pub(super) fn cut(&self, ends: &ScanLimit<'_>) -> SliceResponse {
        // Before it looks: what comes meanwhile may be given or not, and is asked for again.
        let next = self.store.next_seq();
        let (above, below) = match self.anchor {
            SliceAnchor::Before(place) => {
                (self.back(place, self.rows, ends), self.from(place, 0, ends))
            }
            SliceAnchor::From(place) => {
                (self.back(place, 0, ends), self.from(place, self.rows, ends))
            }
            SliceAnchor::At(place, above) => {
                let mut below = self.from(place, self.rows, ends);
                let above = above.min(self.rows - 1).max(self.rows - below.rows.len());
                let above = self.back(place, above, ends);
                let room = self.rows - above.rows.len();
                if below.rows.len() > room {
                    (below.more, below.rest) = (true, None);
                    below.rows.truncate(room);
                }
                (above, below)
            }
        };
        let (before, after) = (above.more, below.more);
        let rests = (above.rest, below.rest);
        let mut rows = above.rows;
        rows.extend(below.rows);
        let first = rows.first().map_or(u64::MAX, |row| place_of_row(row).seq);
        let extent = self.store.extent(&self.choice.selection, first);
        let partials = if after { Vec::new() } else { self.partials(extent.next) };
        SliceResponse {
            rows,
            partials,
            before,
            after,
            before_from: rests.0.map(RowPosition::written),
            after_from: rests.1.map(RowPosition::written),
            lines: extent.lines,
            above: extent.before,
            first: extent.first,
            next,
        }
    }

    fn partials(&self, next: u64) -> Vec<OutputLine> {
        let partials = self.store.partials(&self.choice.selection);
        let lines = partials.iter().map(|(name, partial)| {
            let (source, run, stream, at) =
                (partial.source, partial.run, partial.stream, partial.at);
            let bytes = partial.bytes.as_slice();
            (name, SliceLine { source, run, stream, at, seq: next, continues: false, bytes })
        });
        let wanted = lines.filter(|(_, line)| self.filter.takes(line));
        wanted.map(|(name, line)| OutputLine::new(name.clone(), &line)).collect()
    }

    /// The last so many rows before a place.
    fn back(&self, before: RowPosition, count: usize, ends: &ScanLimit<'_>) -> FoundRows {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let (mut next, mut is_over, mut is_late) = (before.seq, false, false);
        while rows.len() <= count && bytes <= BYTES && !is_over && !is_late && !(ends.gone)() {
            let slice = self.store.read_back(&self.choice.selection, next, self.limit(count));
            let first = slice.lines().next().map(|line| line.seq);
            is_over = first.is_none_or(|first| RowPosition::line(first) < self.floor);
            next = first.unwrap_or(next);
            let wanted =
                self.filter.among(&slice).filter(|line| RowPosition::line(line.seq) >= self.floor);
            let wanted: Vec<SliceLine<'_>> = wanted.collect();
            for line in wanted.iter().rev().take(count + 1 - rows.len()) {
                bytes += line.bytes.len();
                rows.push(self.row(line));
            }
            is_late = (ends.late)();
        }
        let rest = (is_late && !is_over && rows.len() <= count).then(|| RowPosition::line(next));
        let down_to = match rows.last() {
            _ if rest.is_some() => RowPosition::line(next),
            Some(row) if !is_over => place_of_row(row),
            _ => self.floor,
        };
        let marks = self.marks(|marks, means| marks.before((down_to, before), count + 1, means));
        rows.extend(marks);
        rows.sort_by_key(|row| std::cmp::Reverse(place_of_row(row)));
        let more = rows.len() > count || !is_over;
        let rest = rest.filter(|_| rows.len() <= count);
        rows.truncate(count);
        rows.reverse();
        FoundRows { rows, more, rest }
    }

    /// The first so many rows from a place on.
    fn from(&self, from: RowPosition, count: usize, ends: &ScanLimit<'_>) -> FoundRows {
        let from = from.max(self.floor);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        // A mark stands before the line of its number, so that line is still to come.
        let (mut next, mut is_over, mut is_late) = (from.seq, false, false);
        let end = self.store.next_seq();
        while rows.len() <= count && bytes <= BYTES && !is_over && !is_late && !(ends.gone)() {
            let slice = self.store.read(&self.choice.selection, next, self.limit(count));
            is_over = slice.next() >= end;
            next = slice.next();
            let wanted = self.filter.among(&slice).filter(|line| line.seq < end);
            for line in wanted.take(count + 1 - rows.len()) {
                bytes += line.bytes.len();
                rows.push(self.row(&line));
                is_over &= rows.len() <= count;
            }
            is_late = (ends.late)();
        }
        let rest = (is_late && !is_over && rows.len() <= count)
            .then(|| RowPosition::line(next.saturating_sub(1)));
        let up_to = match (rows.last(), rest) {
            (_, Some(rest)) => rest,
            (Some(row), None) if !is_over => place_of_row(row),
            _ => RowPosition::END,
        };
        rows.extend(self.marks(|marks, means| marks.after((from, up_to), count + 1, means)));
        rows.sort_by_key(place_of_row);
        let more = rows.len() > count || !is_over;
        let rest = rest.filter(|_| rows.len() <= count);
        rows.truncate(count);
        FoundRows { rows, more, rest }
    }

    fn marks(
        &self,
        take: impl FnOnce(&RunMarkers, &dyn Fn(&RunMarker) -> bool) -> Vec<RunMarker>,
    ) -> Vec<OutputRow> {
        if self.no_marks {
            return Vec::new();
        }
        take(&self.marks, &|mark| self.choice.means(&mark.name))
            .into_iter()
            .map(OutputRow::Mark)
            .collect()
    }

    /// What is read at once for so many rows.
    fn limit(&self, count: usize) -> ReadLimit {
        if self.is_quick() { ReadLimit { lines: count + 1, bytes: BYTES } } else { CHUNK }
    }

    fn row(&self, line: &SliceLine<'_>) -> OutputRow {
        let name = self.store.name(line.source).map_or_else(String::new, |name| name.to_string());
        let (level, continues) = (level(line.bytes), line.continues);
        OutputRow::Line { line: OutputLine::new(name, line), level, continues }
    }
}

pub(super) fn place_of_row(row: &OutputRow) -> RowPosition {
    match row {
        OutputRow::Line { line, .. } => RowPosition::line(line.seq),
        OutputRow::Mark(mark) => place(mark),
    }
}

/// Parses `12`, or `12.7` for the marker of event 7 before line 12.
pub(super) fn place_of(text: &str) -> Result<RowPosition, ControlError> {
    let (seq, event) = match text.split_once('.') {
        Some((seq, event)) => (seq.parse().ok(), event.parse().ok()),
        None => (text.parse().ok(), Some(u64::MAX)),
    };
    let (Some(seq), Some(event)) = (seq, event) else {
        let text = format!("invalid position `{text}`: expected a line number, such as `12`");
        return Err(ControlError::new(ControlErrorKind::Wrong, text));
    };
    Ok(RowPosition { seq, event })
}

#[cfg(test)]
mod tests;
