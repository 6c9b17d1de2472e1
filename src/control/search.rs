//! Search in the stored output, outwards from the position of the reader.
//!
//! Each chunk is copied under the store's lock and searched without it, on a thread for blocking work.
//! A search ends at the next chunk when its client has gone. A search with `follow` is woken by new
//! lines, and searches only those.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::blocking::cancellable_blocking;
use super::line_pattern::LinePattern;
use super::response_stream::ResponseSink;
use super::run_markers::{RowPosition, RunMarkers};
use super::severity::visible_text;
use super::slice::{
    CHUNK, LineFilter, ScanLimit, SliceAnchor, SliceJob, SourceChoice, floor, position,
};
use super::wire::{
    OutputRow, RunMarker, RunMarkerKind, SearchProgress, SearchQuery, SeekQuery, SeekResponse,
};
use super::{ControlError, ControlResult, ResponseStream};
use crate::output::{LogStore, ReadFrom, Slice, SliceLine, WakeReason};

mod hit_counter;

use hit_counter::HitCounter;

/// The shortest time between two progress reports.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(25);
/// The shortest time between two searches of new lines.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// A search on a store.
#[derive(Debug)]
pub(super) struct SearchJob {
    store: Arc<LogStore>,
    choice: SourceChoice,
    filter: LineFilter,
    pattern: LinePattern,
    at: u64,
    from: u64,
    follow: bool,
}

/// The progress in one direction.
struct SearchCursor {
    /// Forwards the number of the next line, backwards that of the line before which to continue.
    at: u64,
    is_over: bool,
}

impl SearchJob {
    pub(super) fn new(
        store: Arc<LogStore>,
        choice: SourceChoice,
        query: &SearchQuery,
    ) -> ControlResult<Self> {
        let SearchQuery { search, at, from, follow, .. } = query;
        if search.is_empty() {
            return Err(ControlError::invalid_request("no search pattern is given"));
        }
        let filter = LineFilter::new(&query.criteria())?;
        let pattern = LinePattern::new(search)?;
        let (at, from) = (at.unwrap_or(u64::MAX), from.unwrap_or(0));
        Ok(Self { store, choice, filter, pattern, at, from, follow: *follow })
    }

    /// Runs the search and streams its progress; `permits` limits the searches at the same time.
    pub(super) fn stream(self, permits: Arc<Semaphore>) -> ResponseStream<SearchProgress> {
        ResponseStream::latest(|sink| self.send_progress(permits, sink))
    }

    async fn send_progress(self, permits: Arc<Semaphore>, sink: ResponseSink<SearchProgress>) {
        let permit = sink.unless_closed(Arc::clone(&permits).acquire_owned()).await;
        let Some(permit) = permit else { return };
        let (progress, mut reports) = watch::channel(SearchProgress::default());
        let search = tokio::task::spawn_blocking(move || {
            let counter = self.search_all(&progress);
            drop(permit);
            (self, counter)
        });
        let mut last = SearchProgress::default();
        loop {
            tokio::select! {
                changed = reports.changed() => if changed.is_err() {
                    break;
                },
                () = sink.closed() => return,
            }
            let Some(slot) = sink.reserve().await else { return };
            let now = *reports.borrow_and_update();
            slot.send(Ok(now));
            last = now;
            if now.over {
                break;
            }
            // The first hit and the end are sent immediately, because users wait for them.
            let has_hit = now.next.is_some() || now.previous.is_some();
            let is_urgent = |progress: &SearchProgress| {
                progress.over
                    || !has_hit && (progress.next.is_some() || progress.previous.is_some())
            };
            let urgent = tokio::time::timeout(PROGRESS_INTERVAL, reports.wait_for(is_urgent)).await;
            match urgent.map(|report| report.is_ok()) {
                // `wait_for` has marked the report as seen, but it was not sent.
                Ok(true) => reports.mark_changed(),
                Ok(false) => break,
                Err(_) => {}
            }
        }
        drop(reports);
        if let (Ok((search, counter)), true) = (search.await, last.over)
            && search.follow
        {
            search.follow_new_lines(counter, last, permits, sink).await;
        }
    }

    /// Searches new lines, and sends the progress whenever the counts change.
    async fn follow_new_lines(
        self,
        counter: HitCounter,
        last: SearchProgress,
        permits: Arc<Semaphore>,
        sink: ResponseSink<SearchProgress>,
    ) {
        let selection = self.choice.selection.clone();
        let mut reader = self.store.reader(selection, ReadFrom::Seq(counter.end));
        let (mut search, mut counter, mut last) = (self, counter, last);
        loop {
            let woken = std::future::poll_fn(|cx| reader.poll_newer(cx));
            if sink.unless_closed(woken).await != Some(WakeReason::Lines) {
                return;
            }
            reader.skip();
            let permit = sink.unless_closed(Arc::clone(&permits).acquire_owned()).await;
            let Some(permit) = permit else { return };
            let searched = cancellable_blocking(move |is_cancelled| {
                let progress = search.search_new(&mut counter, is_cancelled);
                drop(permit);
                (search, counter, progress)
            });
            let Some(Ok(searched)) = sink.unless_closed(searched).await else { return };
            let progress;
            (search, counter, progress) = searched;
            let counts = |progress: &SearchProgress| {
                (progress.hits, progress.before, progress.first, progress.last)
            };
            if counts(&progress) != counts(&last) {
                let Some(slot) = sink.reserve().await else { return };
                slot.send(Ok(progress));
                last = progress;
            }
            if sink.unless_closed(tokio::time::sleep(FOLLOW_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    /// Searches the lines that have arrived since the last search.
    fn search_new(
        &self,
        counter: &mut HitCounter,
        is_cancelled: &dyn Fn() -> bool,
    ) -> SearchProgress {
        let end = self.store.next_seq();
        while counter.end < end && !is_cancelled() {
            let slice = self.store.read(&self.choice.selection, counter.end, CHUNK);
            for line in self.hits(&slice).take_while(|line| line.seq < end) {
                counter.push(&line);
            }
            counter.end = slice.next().min(end).max(counter.end + 1);
        }
        counter.remove_dropped(&self.store);
        counter.progress(self.line_count())
    }

    /// The number of lines to search.
    fn line_count(&self) -> u64 {
        let extent = self.store.extent(&self.choice.selection, self.from);
        extent.lines - extent.before
    }

    /// Searches all lines, alternating between a chunk forwards and a chunk backwards.
    fn search_all(&self, reports: &watch::Sender<SearchProgress>) -> HitCounter {
        let end = self.store.next_seq();
        let at = self.at.clamp(self.from, end.max(self.from));
        let mut progress = SearchProgress { of: self.line_count(), ..SearchProgress::default() };
        let mut forwards = SearchCursor { at, is_over: at >= end };
        let mut backwards = SearchCursor { at, is_over: at <= self.from };
        let mut counter = HitCounter::new(end, at);
        while !(forwards.is_over && backwards.is_over) {
            if reports.is_closed() {
                return counter;
            }
            // The nearest hits first: a direction with a hit pauses until the other one has a hit too.
            let (has_next, has_previous) = (progress.next.is_some(), progress.previous.is_some());
            if !forwards.is_over && (!has_next || has_previous || backwards.is_over) {
                self.search_forwards(&mut forwards, end, &mut progress, &mut counter);
            }
            let (has_next, has_previous) = (progress.next.is_some(), progress.previous.is_some());
            if !backwards.is_over && (!has_previous || has_next || forwards.is_over) {
                self.search_backwards(&mut backwards, &mut progress, &mut counter);
            }
            reports.send_replace(progress);
        }
        // Lines that were dropped meanwhile were not searched, so `of` becomes the searched number.
        let (first, last) = (progress.first.or(progress.next), progress.last.or(progress.previous));
        let of = progress.looked;
        reports.send_replace(SearchProgress { of, over: true, first, last, ..progress });
        counter
    }

    fn search_forwards(
        &self,
        cursor: &mut SearchCursor,
        end: u64,
        progress: &mut SearchProgress,
        counter: &mut HitCounter,
    ) {
        let slice = self.store.read(&self.choice.selection, cursor.at, CHUNK);
        progress.looked += slice.seqs().take_while(|seq| *seq < end).count() as u64;
        for line in self.hits(&slice).take_while(|line| line.seq < end) {
            progress.hits += 1;
            progress.next.get_or_insert(line.seq);
            progress.last = Some(line.seq);
            if self.follow {
                counter.push(&line);
            }
        }
        (cursor.at, cursor.is_over) = (slice.next(), slice.next() >= end);
    }

    fn search_backwards(
        &self,
        cursor: &mut SearchCursor,
        progress: &mut SearchProgress,
        counter: &mut HitCounter,
    ) {
        let slice = self.store.read_back(&self.choice.selection, cursor.at, CHUNK);
        let first_line = slice.lines().next().map(|line| line.seq);
        let (mut first_hit, mut last_hit, mut hits) = (None, None, Vec::new());
        progress.looked += slice.seqs().filter(|seq| *seq >= self.from).count() as u64;
        for line in self.hits(&slice).filter(|line| line.seq >= self.from) {
            progress.hits += 1;
            progress.before += 1;
            first_hit.get_or_insert(line.seq);
            last_hit = Some(line.seq);
            if self.follow {
                hits.push((line.source, line.seq));
            }
        }
        counter.push_older(&hits);
        progress.previous = progress.previous.or(last_hit);
        progress.first = first_hit.or(progress.first);
        cursor.is_over = first_line.is_none_or(|first| first <= self.from);
        cursor.at = first_line.unwrap_or(cursor.at);
    }

    fn hits<'a>(&'a self, slice: &'a Slice) -> impl Iterator<Item = SliceLine<'a>> {
        let may_match = self.pattern.may_match(slice) && self.filter.may_match(slice);
        let lines = may_match.then(|| slice.lines()).into_iter().flatten();
        let is_hit = |line: &SliceLine<'_>| self.pattern.is_match(&visible_text(line.bytes));
        lines.filter(move |line| is_hit(line) && self.filter.is_match(line))
    }
}

/// Returns a function that finds the row of a seek query; it ends early when its argument returns true.
pub(super) fn seek(
    (store, markers): (Arc<LogStore>, RunMarkers),
    choice: SourceChoice,
    query: &SeekQuery,
) -> ControlResult<impl FnOnce(&dyn Fn() -> bool) -> SeekResponse + Send + 'static + use<>> {
    let (back, run, event) = (query.back, query.run, query.event);
    let from = position(query.from.as_deref())?;
    let floor = floor(query.cleared.as_deref())?;
    let search = query.search.as_deref().map(LinePattern::new).transpose()?;
    let mut filter = LineFilter::new(&query.criteria())?;
    filter.search = search;
    let anchor = if back {
        SliceAnchor::Before(from.unwrap_or(RowPosition::END))
    } else {
        SliceAnchor::From(from.map_or(floor, RowPosition::next))
    };
    let job = SliceJob { store, markers, choice, filter, anchor, floor, rows: 1, no_markers: true };
    Ok(move |is_cancelled: &dyn Fn() -> bool| {
        let row = match event {
            Some(event) => marker_of_event(&job, event),
            None if run => start_of_run(&job, from, back),
            None => job.run(&ScanLimit { is_cancelled, ..ScanLimit::NONE }).rows.pop(),
        };
        SeekResponse { place: row.as_ref().map(OutputRow::position), row }
    })
}

fn start_of_run(job: &SliceJob, from: Option<RowPosition>, back: bool) -> Option<OutputRow> {
    let is_match = |marker: &RunMarker| {
        marker.kind == RunMarkerKind::Started && job.choice.includes(&marker.name)
    };
    let found = if back {
        job.markers.before((job.floor, from.unwrap_or(RowPosition::END)), 1, &is_match)
    } else {
        let from = from.map_or(job.floor, RowPosition::next).max(job.floor);
        job.markers.after((from, RowPosition::END), 1, &is_match)
    };
    found.into_iter().next().map(OutputRow::Mark)
}

/// Returns the marker of this event, or the last marker before it.
fn marker_of_event(job: &SliceJob, event: u64) -> Option<OutputRow> {
    let is_match = |marker: &RunMarker| marker.event <= event && job.choice.includes(&marker.name);
    let found = job.markers.before((job.floor, RowPosition::END), 1, &is_match);
    found.into_iter().next().map(OutputRow::Mark)
}

#[cfg(test)]
mod tests;
