//! Response stream: items are produced at the pace of the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;

use super::ControlResult;

/// The most items that are produced before the client takes them.
const BUFFER: usize = 2;

/// A stream of response items. Its producer waits until an item is taken, and ends when the stream is
/// dropped.
#[derive(Debug)]
pub struct ResponseStream<T>(mpsc::Receiver<ControlResult<T>>);

/// The producer's end of a [`ResponseStream`].
#[derive(Debug)]
pub(super) struct ResponseSink<T>(mpsc::Sender<ControlResult<T>>);

impl<T: Send + 'static> ResponseStream<T> {
    /// Spawns a task that produces the items.
    pub(super) fn of<F>(produce: impl FnOnce(ResponseSink<T>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(BUFFER);
        tokio::spawn(produce(ResponseSink(sender)));
        Self(receiver)
    }

    /// Like [`of`](Self::of), with a buffer of one item: for a state of which only the latest matters.
    pub(super) fn latest<F>(produce: impl FnOnce(ResponseSink<T>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(produce(ResponseSink(sender)));
        Self(receiver)
    }

    /// Returns the next item, or `None` at the end.
    pub async fn next(&mut self) -> Option<ControlResult<T>> {
        self.0.recv().await
    }
}

impl<T> ResponseSink<T> {
    /// Waits for room and sends the item; returns false if the client has gone.
    pub(super) async fn send(&self, item: ControlResult<T>) -> bool {
        self.0.send(item).await.is_ok()
    }

    /// Waits for room before the item is produced; returns `None` if the client has gone.
    pub(super) async fn reserve(&self) -> Option<mpsc::Permit<'_, ControlResult<T>>> {
        self.0.reserve().await.ok()
    }

    /// Waits for the future; returns `None` if the client goes before.
    pub(super) async fn unless_closed<R>(&self, future: impl Future<Output = R>) -> Option<R> {
        tokio::select! {
            result = future => Some(result),
            () = self.closed() => None,
        }
    }

    /// Waits until the client has gone.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }
}

impl<T> Stream for ResponseStream<T> {
    type Item = ControlResult<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
