//! Slices of the output: rows of lines, with markers for starts and ends of runs.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use super::line_pattern::LinePattern;
use super::run_markers::{RowPosition, RunMarkers};
use super::severity::{severity, visible_text};
use super::wire::{
    LineCriteria, OutputLine, OutputRow, RunMarker, Severity, SliceQuery, SliceResponse,
};
use super::{ControlError, ControlResult};
use crate::output::{LogStore, ReadLimit, Slice, SliceLine, SourceSelection, Stream};

/// The maximum amount read under one lock of the store.
pub(super) const CHUNK: ReadLimit = ReadLimit { lines: 1000, bytes: 256 << 10 };
/// The most rows in one response.
const MAX_ROWS: usize = 10_000;
const DEFAULT_ROWS: usize = 100;
/// The most bytes of lines in one response.
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Default)]
pub(super) struct LineFilter {
    stream: Option<Stream>,
    grep: Option<LinePattern>,
    invert: bool,
    level: Option<Severity>,
    /// A second pattern that must match too.
    pub(super) search: Option<LinePattern>,
}

impl LineFilter {
    pub(super) fn new(criteria: &LineCriteria) -> ControlResult<Self> {
        Ok(Self {
            stream: criteria.stream,
            grep: criteria.grep.as_deref().map(LinePattern::new).transpose()?,
            invert: criteria.invert,
            level: criteria.level,
            search: None,
        })
    }

    /// Whether every line matches.
    pub(super) fn matches_all(&self) -> bool {
        self.stream.is_none()
            && self.grep.is_none()
            && self.level.is_none()
            && self.search.is_none()
    }

    /// Returns the lines of a slice that match.
    pub(super) fn matching<'a>(&self, slice: &'a Slice) -> impl Iterator<Item = SliceLine<'a>> {
        let lines = self.may_match(slice).then(|| slice.lines());
        lines.into_iter().flatten().filter(|line| self.is_match(line))
    }

    /// Returns false only if no line of the slice matches.
    pub(super) fn may_match(&self, slice: &Slice) -> bool {
        let may_match = |pattern: &Option<LinePattern>| {
            pattern.as_ref().is_none_or(|pattern| pattern.may_match(slice))
        };
        (self.invert || may_match(&self.grep)) && may_match(&self.search)
    }

    pub(super) fn is_match(&self, line: &SliceLine<'_>) -> bool {
        if self.stream.is_some_and(|stream| stream != line.stream) {
            return false;
        }
        if self.matches_all() {
            return true;
        }
        let text = visible_text(line.bytes);
        self.grep.as_ref().is_none_or(|grep| grep.is_match(&text) != self.invert)
            && self.search.as_ref().is_none_or(|search| search.is_match(&text))
            && self.level.is_none_or(|lowest| severity(&text).unwrap_or(Severity::Info) >= lowest)
    }
}

/// The processes whose rows are selected.
#[derive(Debug, Clone)]
pub(super) struct SourceChoice {
    pub(super) selection: SourceSelection,
    /// The names of the processes; `None` means all.
    pub(super) names: Option<Arc<HashSet<String>>>,
}

impl SourceChoice {
    pub(super) fn includes(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum SliceAnchor {
    /// The last rows before the position.
    Before(RowPosition),
    /// The rows from the position on, this many rows before it, and more of those if there are too few
    /// after it.
    At(RowPosition, usize),
    /// The first rows from the position on.
    From(RowPosition),
}

impl SliceAnchor {
    fn new(query: &SliceQuery) -> ControlResult<Self> {
        let SliceQuery { at, before, after, .. } = query;
        let [at, before, after] = [at, before, after].map(|text| position(text.as_deref()));
        match (at?, before?, after?) {
            (None, None, None) => Ok(Self::Before(RowPosition::END)),
            (Some(at), None, None) => Ok(Self::At(at, query.above.unwrap_or(0))),
            (None, Some(before), None) => Ok(Self::Before(before)),
            (None, None, Some(after)) => Ok(Self::From(after.next())),
            _ => {
                let text = "only one of `at`, `before` and `after` can be given";
                Err(ControlError::invalid_request(text))
            }
        }
    }
}

/// Parses an optional position.
pub(super) fn position(text: Option<&str>) -> ControlResult<Option<RowPosition>> {
    text.map(RowPosition::parse).transpose()
}

/// Returns the first position after the cleared ones.
pub(super) fn floor(cleared: Option<&str>) -> ControlResult<RowPosition> {
    Ok(position(cleared)?.map_or(RowPosition::start_of(0), RowPosition::next))
}

/// A slice query on a store.
#[derive(Debug, Clone)]
pub(super) struct SliceJob {
    pub(super) store: Arc<LogStore>,
    pub(super) markers: RunMarkers,
    pub(super) choice: SourceChoice,
    pub(super) filter: LineFilter,
    pub(super) anchor: SliceAnchor,
    /// The first position that may be returned.
    pub(super) floor: RowPosition,
    /// The most rows.
    pub(super) rows: usize,
    pub(super) no_markers: bool,
}

/// Rows in one direction.
struct FoundRows {
    rows: Vec<OutputRow>,
    /// There are, or may be, more rows.
    has_more: bool,
    /// The time limit was hit: where the scan continues.
    resume_at: Option<RowPosition>,
}

/// Reasons to end a scan early.
pub(super) struct ScanLimit<'a> {
    /// The client has stopped waiting.
    pub(super) is_cancelled: &'a dyn Fn() -> bool,
    /// The time limit is exceeded.
    pub(super) is_late: &'a dyn Fn() -> bool,
}

impl ScanLimit<'_> {
    pub(super) const NONE: Self = Self { is_cancelled: &|| false, is_late: &|| false };
}

impl SliceJob {
    pub(super) fn new(
        (store, markers): (Arc<LogStore>, RunMarkers),
        choice: SourceChoice,
        query: &SliceQuery,
    ) -> ControlResult<Self> {
        Ok(Self {
            store,
            markers,
            choice,
            filter: LineFilter::new(&query.criteria())?,
            anchor: SliceAnchor::new(query)?,
            floor: floor(query.cleared.as_deref())?,
            rows: query.rows.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS),
            no_markers: query.no_marks,
        })
    }

    /// Whether the cost does not depend on the number of stored lines.
    pub(super) fn is_quick(&self) -> bool {
        self.filter.matches_all()
    }

    /// Returns the rows, or the rows found before a limit was hit. Each direction advances by at
    /// least one chunk, so a client that continues from the response reaches the end.
    pub(super) fn run(&self, limit: &ScanLimit<'_>) -> SliceResponse {
        // Read first: lines that arrive during the scan may be missing, and the client asks for them again.
        let next = self.store.next_seq();
        let (above, below) = match self.anchor {
            SliceAnchor::Before(position) => {
                (self.rows_before(position, self.rows, limit), self.rows_from(position, 0, limit))
            }
            SliceAnchor::From(position) => {
                (self.rows_before(position, 0, limit), self.rows_from(position, self.rows, limit))
            }
            SliceAnchor::At(position, above) => {
                let mut below = self.rows_from(position, self.rows, limit);
                let above = above.min(self.rows - 1).max(self.rows - below.rows.len());
                let above = self.rows_before(position, above, limit);
                let room = self.rows - above.rows.len();
                if below.rows.len() > room {
                    (below.has_more, below.resume_at) = (true, None);
                    below.rows.truncate(room);
                }
                (above, below)
            }
        };
        let mut rows = above.rows;
        rows.extend(below.rows);
        let first = rows.first().map_or(u64::MAX, |row| RowPosition::of_row(row).seq);
        let extent = self.store.extent(&self.choice.selection, first);
        let partials = if below.has_more { Vec::new() } else { self.partials(extent.next) };
        SliceResponse {
            rows,
            partials,
            before: above.has_more,
            after: below.has_more,
            before_from: above.resume_at.map(|position| position.to_string()),
            after_from: below.resume_at.map(|position| position.to_string()),
            lines: extent.lines,
            above: extent.before,
            first: extent.first,
            next,
        }
    }

    /// The unfinished lines that match, with `next` as their number.
    fn partials(&self, next: u64) -> Vec<OutputLine> {
        let partials = self.store.partials(&self.choice.selection);
        let lines = partials.iter().map(|(name, partial)| {
            let (source, run, stream, at) =
                (partial.source, partial.run, partial.stream, partial.at);
            let bytes = partial.bytes.as_slice();
            (name, SliceLine { source, run, stream, at, seq: next, continues: false, bytes })
        });
        let matching = lines.filter(|(_, line)| self.filter.is_match(line));
        matching.map(|(name, line)| OutputLine::new(name.clone(), &line)).collect()
    }

    /// Finds the last `count` rows before a position.
    fn rows_before(&self, before: RowPosition, count: usize, limit: &ScanLimit<'_>) -> FoundRows {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let (mut next, mut is_over, mut is_late) = (before.seq, false, false);
        while rows.len() <= count
            && bytes <= MAX_BYTES
            && !is_over
            && !is_late
            && !(limit.is_cancelled)()
        {
            let slice = self.store.read_back(&self.choice.selection, next, self.chunk(count));
            let first = slice.lines().next().map(|line| line.seq);
            is_over = first.is_none_or(|first| RowPosition::line(first) < self.floor);
            next = first.unwrap_or(next);
            let matching = self.filter.matching(&slice);
            let matching = matching.filter(|line| RowPosition::line(line.seq) >= self.floor);
            let matching: Vec<SliceLine<'_>> = matching.collect();
            for line in matching.iter().rev().take(count + 1 - rows.len()) {
                bytes += line.bytes.len();
                rows.push(self.row(line));
            }
            is_late = (limit.is_late)();
        }
        let resume_at =
            (is_late && !is_over && rows.len() <= count).then(|| RowPosition::line(next));
        let start = match rows.last() {
            _ if resume_at.is_some() => RowPosition::line(next),
            Some(row) if !is_over => RowPosition::of_row(row),
            _ => self.floor,
        };
        rows.extend(
            self.marker_rows(|markers, is_match| {
                markers.before((start, before), count + 1, is_match)
            }),
        );
        rows.sort_by_key(|row| Reverse(RowPosition::of_row(row)));
        let has_more = rows.len() > count || !is_over;
        let resume_at = resume_at.filter(|_| rows.len() <= count);
        rows.truncate(count);
        rows.reverse();
        FoundRows { rows, has_more, resume_at }
    }

    /// Finds the first `count` rows from a position on.
    fn rows_from(&self, from: RowPosition, count: usize, limit: &ScanLimit<'_>) -> FoundRows {
        let from = from.max(self.floor);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        // A marker comes before the line of its number, so that line is not excluded.
        let (mut next, mut is_over, mut is_late) = (from.seq, false, false);
        let end = self.store.next_seq();
        while rows.len() <= count
            && bytes <= MAX_BYTES
            && !is_over
            && !is_late
            && !(limit.is_cancelled)()
        {
            let slice = self.store.read(&self.choice.selection, next, self.chunk(count));
            is_over = slice.next() >= end;
            next = slice.next();
            let matching = self.filter.matching(&slice).filter(|line| line.seq < end);
            for line in matching.take(count + 1 - rows.len()) {
                bytes += line.bytes.len();
                rows.push(self.row(&line));
                is_over &= rows.len() <= count;
            }
            is_late = (limit.is_late)();
        }
        let resume_at = (is_late && !is_over && rows.len() <= count)
            .then(|| RowPosition::line(next.saturating_sub(1)));
        let end = match (rows.last(), resume_at) {
            (_, Some(resume_at)) => resume_at,
            (Some(row), None) if !is_over => RowPosition::of_row(row),
            _ => RowPosition::END,
        };
        rows.extend(
            self.marker_rows(|markers, is_match| markers.after((from, end), count + 1, is_match)),
        );
        rows.sort_by_key(RowPosition::of_row);
        let has_more = rows.len() > count || !is_over;
        let resume_at = resume_at.filter(|_| rows.len() <= count);
        rows.truncate(count);
        FoundRows { rows, has_more, resume_at }
    }

    fn marker_rows(
        &self,
        read: impl FnOnce(&RunMarkers, &dyn Fn(&RunMarker) -> bool) -> Vec<RunMarker>,
    ) -> Vec<OutputRow> {
        if self.no_markers {
            return Vec::new();
        }
        let markers = read(&self.markers, &|marker| self.choice.includes(&marker.name));
        markers.into_iter().map(OutputRow::Mark).collect()
    }

    /// The maximum amount read under one lock to find `count` rows.
    fn chunk(&self, count: usize) -> ReadLimit {
        if self.is_quick() { ReadLimit { lines: count + 1, bytes: MAX_BYTES } } else { CHUNK }
    }

    fn row(&self, line: &SliceLine<'_>) -> OutputRow {
        let name = self.store.name(line.source).map_or_else(String::new, |name| name.to_string());
        let (level, continues) = (severity(line.bytes), line.continues);
        OutputRow::Line { line: OutputLine::new(name, line), level, continues }
    }
}

#[cfg(test)]
mod tests;
