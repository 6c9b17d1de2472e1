//! Reports the extent of the output when it changes, at the pace of the client.

use std::sync::Arc;
use std::time::Duration;

use super::ControlResult;
use super::blocking::cancellable_blocking;
use super::response_stream::ResponseSink;
use super::run_markers::RunMarkers;
use super::slice::{CHUNK, LineFilter};
use super::wire::{OutputProgress, ProgressQuery};
use crate::output::{LogStore, ReadFrom, SourceSelection, WakeReason};

/// The shortest time between two reports, because output can arrive much faster.
const REPORT_INTERVAL: Duration = Duration::from_millis(16);

pub(super) struct TailWatch {
    pub(super) store: Arc<LogStore>,
    pub(super) selection: SourceSelection,
    pub(super) markers: RunMarkers,
    pub(super) counter: NewLineCounter,
}

/// Counts the matching lines from a line number on.
#[derive(Debug, Clone)]
pub(super) struct NewLineCounter {
    filter: LineFilter,
    since: Option<u64>,
    /// The next line to test.
    next: u64,
    count: u64,
}

impl NewLineCounter {
    pub(super) fn new(query: &ProgressQuery) -> ControlResult<Self> {
        let filter = LineFilter::new(&query.criteria())?;
        Ok(Self { filter, since: query.since, next: query.since.unwrap_or(0), count: 0 })
    }

    /// Counts the lines that have arrived since the last count.
    fn count_new(
        mut self,
        store: &LogStore,
        selection: &SourceSelection,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Self {
        let end = store.next_seq();
        while self.next < end && !is_cancelled() {
            let slice = store.read(selection, self.next, CHUNK);
            let matching = self.filter.matching(&slice).filter(|line| line.seq < end);
            self.count += matching.count() as u64;
            self.next = slice.next().min(end).max(self.next + 1);
        }
        self
    }
}

impl TailWatch {
    pub(super) async fn send_progress(mut self, sink: ResponseSink<OutputProgress>) {
        let mut marker_changes = self.markers.change_count();
        let mut reader = self.store.reader(self.selection.clone(), ReadFrom::Now);
        let mut last = None;
        loop {
            let Some(slot) = sink.reserve().await else { return };
            reader.skip();
            let Some(Some(new)) = sink.unless_closed(self.count_new()).await else { return };
            let extent = self.store.extent(&self.selection, u64::MAX);
            let marks = *marker_changes.borrow_and_update();
            let (next, lines, first) = (extent.next, extent.lines, extent.first);
            let progress =
                OutputProgress { next, lines, first, marks, partials: extent.partials, new };
            // A new line of another process changes only `next`.
            let is_same = last
                .replace(progress)
                .is_some_and(|last| OutputProgress { next, ..last } == progress);
            if !is_same {
                slot.send(Ok(progress));
                tokio::time::sleep(REPORT_INTERVAL).await;
            }
            tokio::select! {
                woken = std::future::poll_fn(|cx| reader.poll_newer(cx)) => {
                    if woken == WakeReason::Closed {
                        return;
                    }
                }
                changed = marker_changes.changed() => if changed.is_err() {
                    return;
                },
                () = sink.closed() => return,
            }
        }
    }

    /// Returns the number of matching lines from `since` on, or `None` if counting failed.
    async fn count_new(&mut self) -> Option<u64> {
        let Some(since) = self.counter.since else { return Some(0) };
        if self.counter.filter.matches_all() {
            let extent = self.store.extent(&self.selection, since);
            return Some(extent.lines.saturating_sub(extent.before));
        }
        let (store, selection) = (Arc::clone(&self.store), self.selection.clone());
        let counter = self.counter.clone();
        let result = cancellable_blocking(move |is_cancelled| {
            counter.count_new(&store, &selection, is_cancelled)
        });
        self.counter = result.await.ok()?;
        Some(self.counter.count)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::control::ResponseStream;
    use crate::control::wire::Severity;
    use crate::output::{LineSplitter, Stream};
    use crate::spec::{Name, OutputLimits};

    struct World {
        store: Arc<LogStore>,
        web: LineSplitter,
        db: LineSplitter,
    }

    impl World {
        fn new() -> Self {
            let store = LogStore::new(OutputLimits::default());
            let intake = |name| LineSplitter::new(&store, store.source(&Name::new(name)), 1, None);
            Self { web: intake("web"), db: intake("db"), store }
        }

        fn watch(&self, query: &ProgressQuery) -> ResponseStream<OutputProgress> {
            let web = self.store.source(&Name::new("web"));
            let (store, markers) = (Arc::clone(&self.store), RunMarkers::default());
            let counter = NewLineCounter::new(query).unwrap();
            let selection = SourceSelection::only([web]);
            let watch = TailWatch { store, selection, markers, counter };
            ResponseStream::latest(|sink| watch.send_progress(sink))
        }
    }

    #[tokio::test]
    async fn what_has_come_since_is_counted_of_those_that_are_meant() {
        let mut world = World::new();
        let time = Timestamp::UNIX_EPOCH;
        world.web.push(Stream::Out, b"ERROR old\n", time);
        let errors = ProgressQuery {
            since: Some(1),
            level: Some(Severity::Error),
            ..ProgressQuery::default()
        };
        let all = ProgressQuery { since: Some(1), ..ProgressQuery::default() };
        let not_a = ProgressQuery {
            since: Some(1),
            grep: Some("a$".into()),
            invert: true,
            ..ProgressQuery::default()
        };
        let mut streams = [world.watch(&errors), world.watch(&all), world.watch(&not_a)];
        for stream in &mut streams {
            assert_eq!(stream.next().await.unwrap().unwrap().new, 0);
        }
        world.db.push(Stream::Out, b"ERROR of another\n", time);
        world.web.push(Stream::Out, b"\x1b[31mERROR\x1b[0m a\nINFO b\nINFO c\n", time);
        for (stream, expected) in streams.iter_mut().zip([1, 3, 2]) {
            let mut new = 0;
            while new < expected {
                new = stream.next().await.unwrap().unwrap().new;
            }
            assert_eq!(new, expected);
        }
        world.web.push(Stream::Out, b"ERROR d\n", time);
        let [errors, ..] = &mut streams;
        assert_eq!(
            errors.next().await.unwrap().unwrap().new,
            2,
            "it continues from the last count"
        );
        let wrong = ProgressQuery { grep: Some("(".into()), ..ProgressQuery::default() };
        assert!(NewLineCounter::new(&wrong).is_err());
    }
}
