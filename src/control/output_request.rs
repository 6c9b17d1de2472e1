//! Output requests: which stored lines are sent, and in which order.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::frame::{LineEncoder, LineFormat};
use super::response_stream::ResponseSink;
use super::slice::LineFilter;
use super::wire::{OutputItem, OutputLine, OutputQuery};
use super::{ControlError, ControlErrorKind, ResponseStream};
use crate::engine::Clock;
use crate::output::{
    LogStore, ReadFrom, ReadLimit, Reader, Slice, SliceLine, SourceId, SourceSelection, WakeReason,
};

/// Read from the store at once.
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
    /// What was asked, about these sources; nothing means all.
    pub(super) fn new(
        asked: &OutputQuery,
        sources: Option<Vec<SourceId>>,
    ) -> Result<Self, ControlError> {
        let filter = LineFilter::new(&asked.criteria())?;
        Ok(Self {
            selection: sources.map_or(SourceSelection::All, SourceSelection::only),
            filter,
            since: asked.since.as_deref().map(since).transpose()?,
            from: asked.from,
            tail: asked.tail,
            follow: asked.follow,
        })
    }

    /// These lines, oldest first.
    pub(super) fn flow(self, store: Arc<LogStore>) -> ResponseStream<Vec<OutputItem>> {
        let names = Arc::clone(&store);
        let given = move |wanted: &Self, slice: &Slice, end| {
            let given = wanted.given(&names, slice, end);
            (!given.is_empty()).then_some(given)
        };
        ResponseStream::of(move |sink| self.pass(store, sink, given))
    }

    /// The same as they are sent.
    pub(super) fn written(self, store: Arc<LogStore>, form: LineFormat) -> ResponseStream<Vec<u8>> {
        let mut encoder = LineEncoder::new(form, Arc::clone(&store));
        let given = move |wanted: &Self, slice: &Slice, end| {
            let mut text = Vec::new();
            for missed in slice.missed() {
                encoder.missed(&mut text, missed.source, missed.lines);
            }
            for line in slice.lines().filter(|line| line.seq < end && wanted.takes(line)) {
                encoder.line(&mut text, &line);
            }
            (!text.is_empty()).then_some(text)
        };
        ResponseStream::of(move |sink| self.pass(store, sink, given))
    }

    async fn pass<T: Send + 'static>(
        self,
        store: Arc<LogStore>,
        sink: ResponseSink<T>,
        mut given: impl FnMut(&Self, &Slice, u64) -> Option<T> + Send,
    ) {
        let end = store.next_seq();
        let start = match (self.tail, self.from) {
            (Some(lines), _) => self.place_of_last(&store, lines, end),
            (None, Some(from)) => from,
            // Before the first one that is kept nothing counts as missed.
            (None, None) => {
                let first = store.read(&self.selection, 0, ReadLimit::lines(1));
                first.lines().next().map_or(end, |line| line.seq)
            }
        };
        let mut reader = store.reader(self.selection.clone(), ReadFrom::Seq(start));
        loop {
            let slice = reader.read(CHUNK);
            let given = given(&self, &slice, if self.follow { u64::MAX } else { end });
            if let Some(given) = given
                && !sink.put(Ok(given)).await
            {
                return;
            }
            if !self.follow && slice.next() >= end {
                return;
            }
            if !slice.is_empty() {
                continue;
            }
            if !self.follow || self.wait(&reader, &sink).await != Some(WakeReason::Lines) {
                return;
            }
        }
    }

    async fn wait<T>(&self, reader: &Reader, sink: &ResponseSink<T>) -> Option<WakeReason> {
        tokio::select! {
            newer = std::future::poll_fn(|cx| reader.poll_newer(cx)) => Some(newer),
            () = sink.gone() => None,
        }
    }

    fn given(&self, store: &LogStore, slice: &Slice, end: u64) -> Vec<OutputItem> {
        let name = |source| store.name(source).map_or_else(String::new, |name| name.to_string());
        let missed = slice
            .missed()
            .iter()
            .map(|missed| OutputItem::Missed { name: name(missed.source), lines: missed.lines });
        let lines = slice.lines().filter(|line| line.seq < end && self.takes(line));
        missed
            .chain(lines.map(|line| OutputItem::Line(OutputLine::new(name(line.source), &line))))
            .collect()
    }

    fn takes(&self, line: &SliceLine<'_>) -> bool {
        self.since.is_none_or(|since| line.at >= since) && self.filter.takes(line)
    }

    /// The number of the last line but so many, of those that are wanted.
    fn place_of_last(&self, store: &LogStore, lines: u64, end: u64) -> u64 {
        let (mut place, mut before, mut found) = (end, end, 0);
        while found < lines {
            let slice = store.read_back(&self.selection, before, CHUNK);
            let Some(first) = slice.lines().next() else { return place };
            let wanted: Vec<u64> =
                slice.lines().filter(|line| self.takes(line)).map(|line| line.seq).collect();
            for seq in wanted.into_iter().rev().take((lines - found) as usize) {
                place = seq;
                found += 1;
            }
            if self.since.is_some_and(|since| first.at < since) {
                return place;
            }
            before = first.seq;
        }
        place
    }
}

/// A time, or how long ago it was.
fn since(text: &str) -> Result<Timestamp, ControlError> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago: Duration = crate::spec::parse_duration(text).map_err(|_| {
        let text =
            format!("`{text}` is no time; write `2026-01-02T03:04:05Z`, or `5m` for long ago");
        ControlError::new(ControlErrorKind::Wrong, text)
    })?;
    let ago = SignedDuration::try_from(ago).unwrap_or(SignedDuration::MAX);
    Ok(Clock::wall().saturating_sub(ago).unwrap_or(Timestamp::MIN))
}
