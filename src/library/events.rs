//! Events as a stream, and observers that miss none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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
    /// The receive in progress; `None` when the manager is gone.
    next: Option<Pin<Box<dyn Future<Output = NextEvent> + Send>>>,
    missed: u64,
}

type NextEvent = (Result<Event, RecvError>, broadcast::Receiver<Event>);

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("missed", &self.missed).finish_non_exhaustive()
    }
}

async fn receive(mut events: broadcast::Receiver<Event>) -> NextEvent {
    (events.recv().await, events)
}

impl Events {
    pub(super) fn new(events: broadcast::Receiver<Event>) -> Self {
        Self { next: Some(Box::pin(receive(events))), missed: 0 }
    }

    /// Returns the next event; `None` when the manager is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Returns the number of events missed since the last call, because they were not read in time.
    pub fn missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        while let Some(next) = &mut self.next {
            let (event, events) = ready!(next.as_mut().poll(cx));
            let is_closed = matches!(event, Err(RecvError::Closed));
            self.next = (!is_closed).then(|| Box::pin(receive(events)) as _);
            match event {
                Ok(event) => return Poll::Ready(Some(event)),
                Err(RecvError::Lagged(missed)) => self.missed += missed,
                Err(RecvError::Closed) => {}
            }
        }
        Poll::Ready(None)
    }
}

/// A running observer of all events, see [`ProcessManager::observe`](crate::ProcessManager::observe).
/// Dropping it ends the observation.
#[derive(Debug)]
#[must_use = "dropping it ends the observation"]
pub struct Observer {
    task: JoinHandle<()>,
    messages: mpsc::UnboundedSender<ObserverMessage>,
}

#[derive(Debug)]
pub(super) enum ObserverMessage {
    Event(Box<Event>),
    /// Confirms that all earlier events were delivered.
    Flush(oneshot::Sender<()>),
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
        let (flushed, is_flushed) = oneshot::channel();
        if self.messages.send(ObserverMessage::Flush(flushed)).is_ok() {
            // An error means that it panicked.
            _ = is_flushed.await;
        }
    }

    /// Like [`Observer::caught_up`], and ends the observation: the observer is dropped when this returns.
    pub async fn finish(mut self) {
        self.caught_up().await;
        self.task.abort();
        // An error means that it was aborted or has panicked.
        _ = (&mut self.task).await;
    }

    /// Calls the function for each event in a separate task. After a panic it is not called again.
    pub(super) fn start(
        mut callback: impl FnMut(&Event) + Send + 'static,
    ) -> (Self, mpsc::UnboundedSender<ObserverMessage>) {
        let (sender, mut messages) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                match message {
                    ObserverMessage::Flush(flushed) => _ = flushed.send(()),
                    ObserverMessage::Event(event) => {
                        if catch_unwind(AssertUnwindSafe(|| callback(&event))).is_err() {
                            tracing::error!(
                                "an event observer panicked and receives no more events"
                            );
                            return;
                        }
                    }
                }
            }
        });
        (Self { task, messages: sender.clone() }, sender)
    }
}
