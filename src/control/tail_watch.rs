//! Reports that there is more output, at the pace of the client.

use std::sync::Arc;
use std::time::Duration;

use super::ControlError;
use super::blocking::cancellable_blocking;
use super::response_stream::ResponseSink;
use super::run_markers::RunMarkers;
use super::slice::{CHUNK, LineFilter};
use super::wire::{OutputProgress, ProgressQuery};
use crate::output::{LogStore, ReadFrom, SourceSelection, WakeReason};

/// Between two tellings, so that a flood does not become one of these too.
const PACE: Duration = Duration::from_millis(16);

pub(super) struct TailWatch {
    pub(super) store: Arc<LogStore>,
    pub(super) selection: SourceSelection,
    pub(super) marks: RunMarkers,
    pub(super) new: NewLineCounter,
}

/// Counts lines from one on.
#[derive(Debug, Clone)]
pub(super) struct NewLineCounter {
    filter: LineFilter,
    since: Option<u64>,
    /// It has looked at all before this one.
    at: u64,
    found: u64,
}

impl NewLineCounter {
    pub(super) fn of(asked: &ProgressQuery) -> Result<Self, ControlError> {
        let filter = LineFilter::new(&asked.criteria())?;
        Ok(Self { filter, since: asked.since, at: asked.since.unwrap_or(0), found: 0 })
    }

    /// Looks at what has come since it looked last.
    fn go_on(
        mut self,
        store: &LogStore,
        selection: &SourceSelection,
        is_gone: &dyn Fn() -> bool,
    ) -> Self {
        let end = store.next_seq();
        while self.at < end && !is_gone() {
            let slice = store.read(selection, self.at, CHUNK);
            let fits = self.filter.among(&slice).filter(|line| line.seq < end);
            self.found += fits.count() as u64;
            self.at = slice.next().min(end).max(self.at + 1);
        }
        self
    }
}

impl TailWatch {
    pub(super) async fn tell(mut self, sink: ResponseSink<OutputProgress>) {
        let mut count = self.marks.count();
        let mut reader = self.store.reader(self.selection.clone(), ReadFrom::Now);
        let mut told = None;
        loop {
            let Some(place) = sink.reserve().await else { return };
            reader.skip();
            let counted = tokio::select! {
                counted = self.count() => counted,
                () = sink.gone() => return,
            };
            let Some(new) = counted else { return };
            let extent = self.store.extent(&self.selection, u64::MAX);
            let marks = *count.borrow_and_update();
            let (next, lines, first) = (extent.next, extent.lines, extent.first);
            let grown =
                OutputProgress { next, lines, first, marks, partials: extent.partials, new };
            // Lines of others may have come in between.
            let is_same =
                told.replace(grown).is_some_and(|told| OutputProgress { next, ..told } == grown);
            if !is_same {
                place.send(Ok(grown));
                tokio::time::sleep(PACE).await;
            }
            tokio::select! {
                newer = std::future::poll_fn(|cx| reader.poll_newer(cx)) => {
                    if newer == WakeReason::Closed {
                        return;
                    }
                }
                changed = count.changed() => if changed.is_err() {
                    return;
                },
                () = sink.gone() => return,
            }
        }
    }

    /// How many lines have come since, of those that are counted.
    async fn count(&mut self) -> Option<u64> {
        let Some(since) = self.new.since else { return Some(0) };
        if self.new.filter.is_all() {
            let extent = self.store.extent(&self.selection, since);
            return Some(extent.lines.saturating_sub(extent.before));
        }
        let (store, selection) = (Arc::clone(&self.store), self.selection.clone());
        let new = self.new.clone();
        let counted =
            cancellable_blocking(move |is_gone| new.go_on(&store, &selection, is_gone)).await;
        self.new = counted.ok()?;
        Some(self.new.found)
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

        fn grow(&self, asked: &ProgressQuery) -> ResponseStream<OutputProgress> {
            let web = self.store.source(&Name::new("web"));
            let (store, marks) = (Arc::clone(&self.store), RunMarkers::default());
            let new = NewLineCounter::of(asked).unwrap();
            let selection = SourceSelection::only([web]);
            let growth = TailWatch { store, selection, marks, new };
            ResponseStream::latest(|sink| growth.tell(sink))
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
        let mut flows = [world.grow(&errors), world.grow(&all), world.grow(&not_a)];
        for flow in &mut flows {
            assert_eq!(flow.next().await.unwrap().unwrap().new, 0);
        }
        world.db.push(Stream::Out, b"ERROR of another\n", time);
        world.web.push(Stream::Out, b"\x1b[31mERROR\x1b[0m a\nINFO b\nINFO c\n", time);
        for (flow, wanted) in flows.iter_mut().zip([1, 3, 2]) {
            let mut new = 0;
            while new < wanted {
                new = flow.next().await.unwrap().unwrap().new;
            }
            assert_eq!(new, wanted);
        }
        world.web.push(Stream::Out, b"ERROR d\n", time);
        let [errors, ..] = &mut flows;
        assert_eq!(errors.next().await.unwrap().unwrap().new, 2, "it goes on where it was");
        let wrong = ProgressQuery { grep: Some("(".into()), ..ProgressQuery::default() };
        assert!(NewLineCounter::of(&wrong).is_err());
    }
}
