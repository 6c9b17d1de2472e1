//! Event log: the latest events of a project, for clients that connect later or are slow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::ResponseStream;
use super::response_stream::ResponseSink;
use super::run_markers::RunMarkers;
use super::wire::EventItem;
use crate::machine::Event;

/// The most events that are stored.
const MAX_EVENTS: usize = 20_000;
/// The most bytes of events that are stored.
const MAX_BYTES: usize = 16 << 20;
/// The most events in one item of the stream.
const BATCH: usize = 256;

/// The latest events as JSON. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct EventLog {
    state: Arc<Mutex<LogState>>,
    /// The number of the last event, and whether more events can follow.
    last: watch::Receiver<(u64, bool)>,
}

#[derive(Debug, Default)]
struct LogState {
    events: VecDeque<Arc<str>>,
    bytes: usize,
    /// The number of the first stored event.
    first: u64,
}

impl EventLog {
    /// Spawns a task that stores the events, after it has recorded them as run markers.
    pub(super) fn start(mut events: mpsc::UnboundedReceiver<Event>, markers: RunMarkers) -> Self {
        let state = Arc::new(Mutex::new(LogState { first: 1, ..LogState::default() }));
        let (sender, last) = watch::channel((0, true));
        let log = Self { state: Arc::clone(&state), last };
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                markers.record(&event);
                let Ok(text) = serde_json::to_string(&event) else { continue };
                lock(&state).push(text.into());
                sender.send_replace((event.stamp().seq, true));
            }
            sender.send_modify(|(_, more)| *more = false);
        });
        log
    }

    /// Streams the events after this number, with `follow` also later ones. Dropped events are reported as
    /// missed.
    pub(super) fn stream(&self, after: u64, follow: bool) -> ResponseStream<Vec<EventItem>> {
        let log = self.clone();
        ResponseStream::of(move |sink| log.send_events(after, follow, sink))
    }

    async fn send_events(
        mut self,
        mut after: u64,
        follow: bool,
        sink: ResponseSink<Vec<EventItem>>,
    ) {
        loop {
            let (last, more) = *self.last.borrow_and_update();
            while after < last {
                let batch = lock(&self.state).after(&mut after);
                if !sink.send(Ok(batch)).await {
                    return;
                }
            }
            if !follow || !more {
                return;
            }
            let Some(changed) = sink.unless_closed(self.last.changed()).await else { return };
            // The sender is dropped after it has set that no more events follow.
            if changed.is_err() && after >= self.last.borrow().0 {
                return;
            }
        }
    }
}

impl LogState {
    fn push(&mut self, event: Arc<str>) {
        self.bytes += event.len();
        self.events.push_back(event);
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(event) = self.events.pop_front() else { return };
            self.bytes -= event.len();
            self.first += 1;
        }
    }

    /// Returns the next batch of events after this number, and advances it.
    fn after(&self, after: &mut u64) -> Vec<EventItem> {
        let mut items = Vec::new();
        if *after + 1 < self.first {
            items.push(EventItem::Missed { from: *after + 1, to: self.first - 1 });
            *after = self.first - 1;
        }
        let from = usize::try_from(*after + 1 - self.first).unwrap_or(usize::MAX);
        for event in self.events.iter().skip(from).take(BATCH) {
            *after += 1;
            items.push(EventItem::Event { seq: *after, event: Arc::clone(event) });
        }
        items
    }
}

fn lock(state: &Mutex<LogState>) -> MutexGuard<'_, LogState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::event::{EventStamp, ProjectReady};

    fn event(seq: u64) -> Event {
        Event::from(ProjectReady { stamp: EventStamp { seq, ..EventStamp::default() } })
    }

    async fn all(mut stream: ResponseStream<Vec<EventItem>>) -> Vec<EventItem> {
        let mut all = Vec::new();
        while let Some(items) = stream.next().await {
            all.extend(items.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn a_late_subscriber_gets_every_event_once_and_learns_what_is_missing() {
        let (sender, receiver) = mpsc::unbounded_channel();
        let log = EventLog::start(receiver, RunMarkers::default());
        let following = log.stream(0, true);
        let dropped = 10;
        let count = MAX_EVENTS as u64 + dropped;
        for seq in 1..=count {
            sender.send(event(seq)).unwrap();
        }
        drop(sender);
        let late = |log: EventLog| async move { all(log.stream(3, true)).await };
        let items = late(log.clone()).await;
        let mut next = 4;
        for item in &items {
            next = match item {
                EventItem::Missed { from, to } => {
                    assert_eq!(*from, next);
                    to + 1
                }
                EventItem::Event { seq, event } => {
                    assert_eq!(*seq, next);
                    assert!(event.contains(&format!("\"seq\":{seq},")), "{event}");
                    seq + 1
                }
            };
        }
        assert_eq!(next, count + 1);
        // The log has all events now, so it has dropped the first ones.
        let items = all(log.stream(3, false)).await;
        assert_eq!(items.first(), Some(&EventItem::Missed { from: 4, to: dropped }));
        assert_eq!(items.len(), MAX_EVENTS + 1);
        drop(following);
    }
}
