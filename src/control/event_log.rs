//! Event log: the latest events of a project, for clients that connect later or are slow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::ResponseStream;
use super::response_stream::ResponseSink;
use super::wire::EventItem;
use crate::machine::Event;

/// So many events are kept at most,
const EVENTS: usize = 20_000;
/// and so many bytes of them.
const BYTES: usize = 16 << 20;
/// Events given at once.
const BATCH: usize = 256;

/// A bounded number of past events, as they are written. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct EventLog {
    kept: Arc<Mutex<LogState>>,
    /// The number of the last event, and whether there will be more.
    last: watch::Receiver<(u64, bool)>,
}

#[derive(Debug, Default)]
struct LogState {
    events: VecDeque<Arc<str>>,
    bytes: usize,
    /// The number of the first one kept.
    first: u64,
}

impl EventLog {
    /// Keeps what comes; `also` is shown it first.
    pub(super) fn keep(
        mut events: mpsc::UnboundedReceiver<Event>,
        mut also: impl FnMut(&Event) + Send + 'static,
    ) -> Self {
        let kept = Arc::new(Mutex::new(LogState { first: 1, ..LogState::default() }));
        let (told, last) = watch::channel((0, true));
        let ring = Self { kept: Arc::clone(&kept), last };
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                also(&event);
                let Ok(text) = serde_json::to_string(&event) else { continue };
                lock(&kept).push(text.into());
                told.send_replace((event.stamp().seq, true));
            }
            told.send_modify(|(_, more)| *more = false);
        });
        ring
    }

    /// Events after this number; later ones too if it is to follow. What is gone is told.
    pub(super) fn flow(&self, after: u64, follow: bool) -> ResponseStream<Vec<EventItem>> {
        let ring = self.clone();
        ResponseStream::of(move |sink| ring.pass(after, follow, sink))
    }

    async fn pass(mut self, mut after: u64, follow: bool, sink: ResponseSink<Vec<EventItem>>) {
        loop {
            let (last, more) = *self.last.borrow_and_update();
            while after < last {
                let batch = lock(&self.kept).after(&mut after);
                if !sink.put(Ok(batch)).await {
                    return;
                }
            }
            if !follow || !more {
                return;
            }
            tokio::select! {
                // The sender goes after it has said that there is no more.
                changed = self.last.changed() => if changed.is_err() && after >= self.last.borrow().0 {
                    return;
                },
                () = sink.gone() => return,
            }
        }
    }
}

impl LogState {
    fn push(&mut self, event: Arc<str>) {
        self.bytes += event.len();
        self.events.push_back(event);
        while self.events.len() > EVENTS || self.bytes > BYTES {
            let Some(event) = self.events.pop_front() else { return };
            self.bytes -= event.len();
            self.first += 1;
        }
    }

    /// Some of what comes after this number, which is moved on.
    fn after(&self, after: &mut u64) -> Vec<EventItem> {
        let mut told = Vec::new();
        if *after + 1 < self.first {
            told.push(EventItem::Missed { from: *after + 1, to: self.first - 1 });
            *after = self.first - 1;
        }
        let from = usize::try_from(*after + 1 - self.first).unwrap_or(usize::MAX);
        for event in self.events.iter().skip(from).take(BATCH) {
            *after += 1;
            told.push(EventItem::Event { seq: *after, event: Arc::clone(event) });
        }
        told
    }
}

fn lock(kept: &Mutex<LogState>) -> MutexGuard<'_, LogState> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::event::{EventStamp, ProjectReady};

    fn event(seq: u64) -> Event {
        Event::from(ProjectReady { stamp: EventStamp { seq, ..EventStamp::default() } })
    }

    async fn all(mut flow: ResponseStream<Vec<EventItem>>) -> Vec<EventItem> {
        let mut all = Vec::new();
        while let Some(told) = flow.next().await {
            all.extend(told.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn whoever_comes_late_gets_every_event_once_and_is_told_what_is_gone() {
        let (sender, receiver) = mpsc::unbounded_channel();
        let ring = EventLog::keep(receiver, |_| ());
        let following = ring.flow(0, true);
        let gone = 10;
        let count = EVENTS as u64 + gone;
        for seq in 1..=count {
            sender.send(event(seq)).unwrap();
        }
        drop(sender);
        let late = |ring: EventLog| async move { all(ring.flow(3, true)).await };
        let told = late(ring.clone()).await;
        let mut next = 4;
        for one in &told {
            next = match one {
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
        // All is here now, so the beginning is gone.
        let told = all(ring.flow(3, false)).await;
        assert_eq!(told.first(), Some(&EventItem::Missed { from: 4, to: gone }));
        assert_eq!(told.len(), EVENTS + 1);
        drop(following);
    }
}
