//! Output requests: which stored lines are sent, and in which order.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::frame::{LineEncoder, LineFormat};
use super::response_stream::ResponseSink;
use super::slice::LineFilter;
use super::wire::{OutputItem, OutputLine, OutputQuery};
use super::{ControlError, ControlResult, ResponseStream};
use crate::engine::Clock;
use crate::output::{
    LogStore, ReadFrom, ReadLimit, Slice, SliceLine, SourceId, SourceSelection, WakeReason,
};

/// The maximum amount read under one lock of the store.
const CHUNK: ReadLimit = ReadLimit { lines: 4000, bytes: 512 << 10 };

#[derive(Debug)]
pub(super) struct OutputRequest {
    selection: SourceSelection,
    filter: LineFilter,
    since: Option<Timestamp>,
    from: Option<u64>,
    tail: Option<u64>,
    follow: bool,
}

impl OutputRequest {
    /// Creates the request of a query for these sources; `None` means all.
    pub(super) fn new(query: &OutputQuery, sources: Option<Vec<SourceId>>) -> ControlResult<Self> {
        let filter = LineFilter::new(&query.criteria())?;
        Ok(Self {
            selection: sources.map_or(SourceSelection::All, SourceSelection::only),
            filter,
            since: query.since.as_deref().map(parse_since).transpose()?,
            from: query.from,
            tail: query.tail,
            follow: query.follow,
        })
    }

    /// Streams the lines, oldest first.
    pub(super) fn stream(self, store: Arc<LogStore>) -> ResponseStream<Vec<OutputItem>> {
        let names = Arc::clone(&store);
        let convert = move |request: &Self, slice: &Slice, end| {
            let items = request.items(&names, slice, end);
            (!items.is_empty()).then_some(items)
        };
        ResponseStream::of(move |sink| self.send_slices(store, sink, convert))
    }

    /// Streams the lines in the encoding of a response body.
    pub(super) fn encoded_stream(
        self,
        store: Arc<LogStore>,
        format: LineFormat,
    ) -> ResponseStream<Vec<u8>> {
        let mut encoder = LineEncoder::new(format, Arc::clone(&store));
        let convert = move |request: &Self, slice: &Slice, end| {
            let mut bytes = Vec::new();
            for missed in slice.missed() {
                encoder.push_missed(&mut bytes, missed.source, missed.lines);
            }
            for line in slice.lines().filter(|line| line.seq < end && request.is_match(line)) {
                encoder.push_line(&mut bytes, &line);
            }
            (!bytes.is_empty()).then_some(bytes)
        };
        ResponseStream::of(move |sink| self.send_slices(store, sink, convert))
    }

    async fn send_slices<T: Send + 'static>(
        self,
        store: Arc<LogStore>,
        sink: ResponseSink<T>,
        mut convert: impl FnMut(&Self, &Slice, u64) -> Option<T> + Send,
    ) {
        let end = store.next_seq();
        let start = match (self.tail, self.from) {
            (Some(lines), _) => self.first_of_last(&store, lines, end),
            (None, Some(from)) => from,
            // Start at the first stored line, so that lines dropped earlier are not reported as missed.
            (None, None) => {
                let first = store.read(&self.selection, 0, ReadLimit::lines(1));
                first.lines().next().map_or(end, |line| line.seq)
            }
        };
        let mut reader = store.reader(self.selection.clone(), ReadFrom::Seq(start));
        loop {
            let slice = reader.read(CHUNK);
            let item = convert(&self, &slice, if self.follow { u64::MAX } else { end });
            if let Some(item) = item
                && !sink.send(Ok(item)).await
            {
                return;
            }
            if !self.follow && slice.next() >= end {
                return;
            }
            if !slice.is_empty() {
                continue;
            }
            let woken = std::future::poll_fn(|cx| reader.poll_newer(cx));
            if !self.follow || sink.unless_closed(woken).await != Some(WakeReason::Lines) {
                return;
            }
        }
    }

    fn items(&self, store: &LogStore, slice: &Slice, end: u64) -> Vec<OutputItem> {
        let name = |source| store.name(source).map_or_else(String::new, |name| name.to_string());
        let missed = slice
            .missed()
            .iter()
            .map(|missed| OutputItem::Missed { name: name(missed.source), lines: missed.lines });
        let lines = slice.lines().filter(|line| line.seq < end && self.is_match(line));
        missed
            .chain(lines.map(|line| OutputItem::Line(OutputLine::new(name(line.source), &line))))
            .collect()
    }

    fn is_match(&self, line: &SliceLine<'_>) -> bool {
        self.since.is_none_or(|since| line.at >= since) && self.filter.is_match(line)
    }

    /// Returns the number of the first of the last `lines` matching lines.
    fn first_of_last(&self, store: &LogStore, lines: u64, end: u64) -> u64 {
        let (mut first, mut before, mut found) = (end, end, 0);
        while found < lines {
            let slice = store.read_back(&self.selection, before, CHUNK);
            let Some(first_read) = slice.lines().next() else { return first };
            let matching: Vec<u64> =
                slice.lines().filter(|line| self.is_match(line)).map(|line| line.seq).collect();
            for seq in matching.into_iter().rev().take((lines - found) as usize) {
                first = seq;
                found += 1;
            }
            if self.since.is_some_and(|since| first_read.at < since) {
                return first;
            }
            before = first_read.seq;
        }
        first
    }
}

/// Parses a time, or an age.
fn parse_since(text: &str) -> ControlResult<Timestamp> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let age: Duration = crate::spec::parse_duration(text).map_err(|_| {
        let text = format!(
            "invalid time `{text}`: expected a time such as `2026-01-02T03:04:05Z`, or an age such as `5m`"
        );
        ControlError::invalid_request(text)
    })?;
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    Ok(Clock::wall().saturating_sub(age).unwrap_or(Timestamp::MIN))
}
