//! Events as a stream, and observers that miss none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::machine::Event;

/// All events of a manager since this stream was created.
///
/// A slow reader delays nothing: after 4,096 unread events the oldest are dropped, and the next call
/// reports their number in [`Events::missed`]. The current state is in
/// [`ProcessManager::snapshot`](crate::ProcessManager::snapshot).
pub struct Events {
    events: EventSource,
    missed: u64,
}

type NextEvent = (Result<Event, RecvError>, broadcast::Receiver<Event>);

enum EventSource {
    Here(broadcast::Receiver<Event>),
    /// A receive in progress, for the poll of a stream.
    Away(Pin<Box<dyn Future<Output = NextEvent> + Send>>),
    Gone,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("missed", &self.missed).finish_non_exhaustive()
    }
}

async fn take(mut events: broadcast::Receiver<Event>) -> NextEvent {
    (events.recv().await, events)
}

impl Events {
    pub(super) fn new(events: broadcast::Receiver<Event>) -> Self {
        Self { events: EventSource::Here(events), missed: 0 }
    }

    /// Returns the next event; `None` when the manager is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Returns the number of events missed since the last call, because they were not read in time.
    pub fn missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            let mut away = match std::mem::replace(&mut self.events, EventSource::Gone) {
                EventSource::Here(events) => Box::pin(take(events)) as Pin<Box<_>>,
                EventSource::Away(away) => away,
                EventSource::Gone => return Poll::Ready(None),
            };
            match away.as_mut().poll(cx) {
                Poll::Pending => {
                    self.events = EventSource::Away(away);
                    return Poll::Pending;
                }
                Poll::Ready((Ok(event), events)) => {
                    self.events = EventSource::Here(events);
                    return Poll::Ready(Some(event));
                }
                Poll::Ready((Err(RecvError::Lagged(missed)), events)) => {
                    self.missed += missed;
                    self.events = EventSource::Here(events);
                }
                Poll::Ready((Err(RecvError::Closed), _)) => return Poll::Ready(None),
            }
        }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll(cx)
    }
}

/// A running observer of all events, see [`ProcessManager::observe`](crate::ProcessManager::observe).
/// Dropping it ends the observation.
#[derive(Debug)]
#[must_use = "dropping it ends the observation"]
pub struct Observer {
    task: JoinHandle<()>,
    way: mpsc::UnboundedSender<ObserverMessage>,
}

#[derive(Debug)]
pub(super) enum ObserverMessage {
    Event(Box<Event>),
    /// Confirms that all earlier events were delivered.
    Until(oneshot::Sender<()>),
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Observer {
    /// Waits until everything that happened before this call was delivered, or the observer has panicked.
    /// Cancel safe.
    pub async fn caught_up(&self) {
        let (there, reached) = oneshot::channel();
        if self.way.send(ObserverMessage::Until(there)).is_ok() {
            // An error means that it panicked.
            _ = reached.await;
        }
    }

    /// Like [`Observer::caught_up`], and ends the observation: the observer is dropped when this returns.
    pub async fn finish(mut self) {
        self.caught_up().await;
        self.task.abort();
        // Ended by that, or by its panic.
        _ = (&mut self.task).await;
    }

    /// Calls the function for each event in a separate task. After a panic it is not called again.
    pub(super) fn start(
        mut told: impl FnMut(&Event) + Send + 'static,
    ) -> (Self, mpsc::UnboundedSender<ObserverMessage>) {
        let (way, mut events) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(next) = events.recv().await {
                match next {
                    ObserverMessage::Until(there) => _ = there.send(()),
                    ObserverMessage::Event(event) => {
                        if catch_unwind(AssertUnwindSafe(|| told(&event))).is_err() {
                            tracing::error!(
                                "an event observer panicked and receives no more events"
                            );
                            return;
                        }
                    }
                }
            }
        });
        (Self { task, way: way.clone() }, way)
    }
}
