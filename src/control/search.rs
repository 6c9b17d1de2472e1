//! Search in the stored output, outwards from the position of the reader.
//!
//! A chunk is copied out under the lock and looked at without it, on a thread where that holds up
//! nobody. It ends at the next chunk when nobody waits for it any more. One that follows is woken by
//! new lines, and looks at those alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::blocking::cancellable_blocking;
use super::line_pattern::LinePattern;
use super::response_stream::ResponseSink;
use super::run_markers::{RowPosition, RunMarkers};
use super::severity::shown;
use super::slice::{CHUNK, LineFilter, ScanLimit, SliceJob, SourceChoice, place_of};
use super::wire::{
    OutputRow, RunMarkerKind, SearchProgress, SearchQuery, SeekQuery, SeekResponse, SliceQuery,
};
use super::{ControlError, ControlErrorKind, ResponseStream};
use crate::output::{LogStore, ReadFrom, Slice, SliceLine, WakeReason};

mod hit_counter;

use hit_counter::HitCounter;

/// Between two tellings of how far it has come.
const PACE: Duration = Duration::from_millis(25);
/// Between two looks at what is new.
const FOLLOWS: Duration = Duration::from_millis(200);

/// A search that is to be done.
#[derive(Debug)]
pub(super) struct SearchJob {
    store: Arc<LogStore>,
    choice: SourceChoice,
    filter: LineFilter,
    wanted: LinePattern,
    at: u64,
    from: u64,
    follow: bool,
}

/// How far it is in one direction.
struct SearchCursor {
    /// Where it goes on: the number of the next line forwards, of the one after it backwards.
    at: u64,
    over: bool,
}

impl SearchJob {
    pub(super) fn new(
        store: Arc<LogStore>,
        choice: SourceChoice,
        asked: &SearchQuery,
    ) -> Result<Self, ControlError> {
        let SearchQuery { search, at, from, follow, .. } = asked;
        if search.is_empty() {
            return Err(ControlError::new(ControlErrorKind::Wrong, "no search pattern is given"));
        }
        let filter = LineFilter::new(&asked.criteria())?;
        let wanted = LinePattern::new(search)?;
        let (at, from) = (at.unwrap_or(u64::MAX), from.unwrap_or(0));
        Ok(Self { store, choice, filter, wanted, at, from, follow: *follow })
    }

    /// How far it has come, now and then; no more of these run at a time than there are `places`.
    pub(super) fn flow(self, places: Arc<Semaphore>) -> ResponseStream<SearchProgress> {
        ResponseStream::latest(|sink| self.tell(places, sink))
    }

    async fn tell(self, places: Arc<Semaphore>, sink: ResponseSink<SearchProgress>) {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = sink.gone() => return,
        };
        let (told, mut found) = watch::channel(SearchProgress::default());
        let work = tokio::task::spawn_blocking(move || {
            let tally = self.look(&told);
            drop(place);
            (self, tally)
        });
        let mut last = SearchProgress::default();
        loop {
            tokio::select! {
                changed = found.changed() => if changed.is_err() {
                    break;
                },
                () = sink.gone() => return,
            }
            let Some(room) = sink.reserve().await else { return };
            let now = *found.borrow_and_update();
            room.send(Ok(now));
            last = now;
            if now.over {
                break;
            }
            // The first hit and the end are what somebody waits for.
            let has_hit = now.next.is_some() || now.previous.is_some();
            let is_urgent = |found: &SearchProgress| {
                found.over || !has_hit && (found.next.is_some() || found.previous.is_some())
            };
            let early = tokio::time::timeout(PACE, found.wait_for(is_urgent)).await;
            match early.map(|found| found.is_ok()) {
                // It has been looked at, and not been told.
                Ok(true) => found.mark_changed(),
                Ok(false) => break,
                Err(_) => {}
            }
        }
        drop(found);
        if let (Ok((search, tally)), true) = (work.await, last.over)
            && search.follow
        {
            search.go_on(tally, last, places, sink).await;
        }
    }

    /// Goes on counting when there is more, and says when the count is another one.
    async fn go_on(
        self,
        tally: HitCounter,
        told: SearchProgress,
        places: Arc<Semaphore>,
        sink: ResponseSink<SearchProgress>,
    ) {
        let mut reader = self.store.reader(self.choice.selection.clone(), ReadFrom::Seq(tally.end));
        let (mut search, mut tally, mut told) = (self, tally, told);
        loop {
            tokio::select! {
                newer = std::future::poll_fn(|cx| reader.poll_newer(cx)) => {
                    if newer == WakeReason::Closed {
                        return;
                    }
                }
                () = sink.gone() => return,
            }
            reader.skip();
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = sink.gone() => return,
            };
            let looked = cancellable_blocking(move |is_gone| {
                let found = search.look_on(&mut tally, is_gone);
                drop(place);
                (search, tally, found)
            });
            let looked = tokio::select! {
                looked = looked => looked,
                () = sink.gone() => return,
            };
            let Ok((same, counted, found)) = looked else { return };
            (search, tally) = (same, counted);
            let count =
                |found: &SearchProgress| (found.hits, found.before, found.first, found.last);
            if count(&found) != count(&told) {
                let Some(room) = sink.reserve().await else { return };
                room.send(Ok(found));
                told = found;
            }
            tokio::select! {
                () = tokio::time::sleep(FOLLOWS) => {}
                () = sink.gone() => return,
            }
        }
    }

    /// Looks at what has come since it looked last.
    fn look_on(&self, tally: &mut HitCounter, is_gone: &dyn Fn() -> bool) -> SearchProgress {
        let end = self.store.next_seq();
        while tally.end < end && !is_gone() {
            let slice = self.store.read(&self.choice.selection, tally.end, CHUNK);
            for line in self.hits(&slice).take_while(|line| line.seq < end) {
                tally.newer(&line);
            }
            tally.end = slice.next().min(end).max(tally.end + 1);
        }
        tally.drop_gone(&self.store);
        let extent = self.store.extent(&self.choice.selection, self.from);
        tally.found(extent.lines - extent.before)
    }

    /// Looks at everything, a chunk forwards and a chunk backwards in turns.
    fn look(&self, told: &watch::Sender<SearchProgress>) -> HitCounter {
        let end = self.store.next_seq();
        let at = self.at.clamp(self.from, end.max(self.from));
        let of = {
            let extent = self.store.extent(&self.choice.selection, self.from);
            extent.lines - extent.before
        };
        let mut found = SearchProgress { of, ..SearchProgress::default() };
        let (mut on, mut back) =
            (SearchCursor { at, over: at >= end }, SearchCursor { at, over: at <= self.from });
        let mut tally = HitCounter::new(end, at);
        while !(on.over && back.over) {
            if told.is_closed() {
                return tally;
            }
            // The nearest ones first: what has found one waits for the other side.
            if !on.over && (found.next.is_none() || found.previous.is_some() || back.over) {
                self.forwards(&mut on, end, &mut found, &mut tally);
            }
            if !back.over && (found.previous.is_none() || found.next.is_some() || on.over) {
                self.backwards(&mut back, &mut found, &mut tally);
            }
            told.send_replace(found);
        }
        // What was dropped meanwhile was not looked at, and what is over has no rest.
        let (first, last) = (found.first.or(found.next), found.last.or(found.previous));
        told.send_replace(SearchProgress { of: found.looked, over: true, first, last, ..found });
        tally
    }

    fn forwards(
        &self,
        way: &mut SearchCursor,
        end: u64,
        found: &mut SearchProgress,
        tally: &mut HitCounter,
    ) {
        let slice = self.store.read(&self.choice.selection, way.at, CHUNK);
        found.looked += slice.seqs().take_while(|seq| *seq < end).count() as u64;
        for line in self.hits(&slice).take_while(|line| line.seq < end) {
            found.hits += 1;
            found.next.get_or_insert(line.seq);
            found.last = Some(line.seq);
            if self.follow {
                tally.newer(&line);
            }
        }
        (way.at, way.over) = (slice.next(), slice.next() >= end);
    }

    fn backwards(
        &self,
        way: &mut SearchCursor,
        found: &mut SearchProgress,
        tally: &mut HitCounter,
    ) {
        let slice = self.store.read_back(&self.choice.selection, way.at, CHUNK);
        let first = slice.lines().next().map(|line| line.seq);
        let (mut first_hit, mut last, mut chunk) = (None, None, Vec::new());
        found.looked += slice.seqs().filter(|seq| *seq >= self.from).count() as u64;
        for line in self.hits(&slice).filter(|line| line.seq >= self.from) {
            found.hits += 1;
            found.before += 1;
            first_hit.get_or_insert(line.seq);
            last = Some(line.seq);
            if self.follow {
                chunk.push((line.source, line.seq));
            }
        }
        tally.older(&chunk);
        (found.previous, found.first) = (found.previous.or(last), first_hit.or(found.first));
        way.over = first.is_none_or(|first| first <= self.from);
        way.at = first.unwrap_or(way.at);
    }

    fn hits<'a>(&'a self, slice: &'a Slice) -> impl Iterator<Item = SliceLine<'a>> {
        let any = self.wanted.may_be_in(slice) && self.filter.may_take(slice);
        let lines = any.then(|| slice.lines()).into_iter().flatten();
        let has = |line: &SliceLine<'_>| self.wanted.is_match(&shown(line.bytes));
        lines.filter(move |line| has(line) && self.filter.takes(line))
    }
}

/// The next line or start of a run; it ends early when nobody waits for it any more.
pub(super) fn seek(
    (store, marks): (Arc<LogStore>, RunMarkers),
    choice: SourceChoice,
    asked: &SeekQuery,
) -> Result<impl FnOnce(&dyn Fn() -> bool) -> SeekResponse + Send + 'static + use<>, ControlError> {
    let from = asked.from.clone();
    let (back, run, event) = (asked.back, asked.run, asked.event);
    let place = from.as_deref().map(place_of).transpose()?;
    let floor = asked.cleared.as_deref().map(place_of).transpose()?;
    let floor = floor.map_or(RowPosition::start_of(0), RowPosition::next);
    let slice = SliceQuery {
        cleared: asked.cleared.clone(),
        before: from.clone().filter(|_| back),
        after: from.filter(|_| !back),
        at: (!back && place.is_none()).then(|| "0.0".to_owned()),
        rows: Some(1),
        no_marks: true,
        ..SliceQuery::of(asked.criteria())
    };
    let search = asked.search.as_deref().map(LinePattern::new).transpose()?;
    let cutting = SliceJob::new((store, marks.clone()), choice.clone(), &slice)?.searching(search);
    Ok(move |is_gone: &dyn Fn() -> bool| {
        let row = match event {
            Some(event) => mark_of(&marks, &choice, floor, event),
            None if run => start_of_run(&marks, &choice, (floor, place), back),
            None => cutting.cut(&ScanLimit { gone: is_gone, ..ScanLimit::NEVER }).rows.pop(),
        };
        SeekResponse { place: row.as_ref().map(OutputRow::place), row }
    })
}

fn start_of_run(
    marks: &RunMarkers,
    choice: &SourceChoice,
    (floor, from): (RowPosition, Option<RowPosition>),
    back: bool,
) -> Option<OutputRow> {
    let is_meant = |mark: &super::wire::RunMarker| {
        mark.kind == RunMarkerKind::Started && choice.means(&mark.name)
    };
    let found = if back {
        marks.before((floor, from.unwrap_or(RowPosition::END)), 1, &is_meant)
    } else {
        let from = from.map_or(floor, RowPosition::next).max(floor);
        marks.after((from, RowPosition::END), 1, &is_meant)
    };
    found.into_iter().next().map(OutputRow::Mark)
}

/// What this event did to a run, or the last one before it that did something.
fn mark_of(
    marks: &RunMarkers,
    choice: &SourceChoice,
    floor: RowPosition,
    event: u64,
) -> Option<OutputRow> {
    let is_meant = |mark: &super::wire::RunMarker| mark.event <= event && choice.means(&mark.name);
    marks.before((floor, RowPosition::END), 1, &is_meant).into_iter().next().map(OutputRow::Mark)
}

#[cfg(test)]
mod tests;
