//! Response stream: items are produced at the pace of the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;

use super::ControlError;

/// Pieces that were made and not taken yet.
const AHEAD: usize = 2;

/// Something that comes piece by piece. Whoever makes it waits until a piece is taken, and ends
/// when this is dropped.
#[derive(Debug)]
pub struct ResponseStream<T>(mpsc::Receiver<Result<T, ControlError>>);

/// Where the pieces are put.
#[derive(Debug)]
pub(super) struct ResponseSink<T>(mpsc::Sender<Result<T, ControlError>>);

impl<T: Send + 'static> ResponseStream<T> {
    /// What the task puts into its sink.
    pub(super) fn of<F>(make: impl FnOnce(ResponseSink<T>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::spawn(make(ResponseSink(sender)));
        Self(receiver)
    }

    /// The same, with no more than one piece made ahead: for a state, of which only the latest matters.
    pub(super) fn latest<F>(make: impl FnOnce(ResponseSink<T>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(make(ResponseSink(sender)));
        Self(receiver)
    }

    /// The next piece; nothing when there is no more.
    pub async fn next(&mut self) -> Option<Result<T, ControlError>> {
        self.0.recv().await
    }
}

impl<T> ResponseSink<T> {
    /// Waits until there is place; false when nobody takes any more.
    pub(super) async fn put(&self, piece: Result<T, ControlError>) -> bool {
        self.0.send(piece).await.is_ok()
    }

    /// Waits until there is place, before the piece is made; nothing when nobody takes any more.
    pub(super) async fn reserve(&self) -> Option<mpsc::Permit<'_, Result<T, ControlError>>> {
        self.0.reserve().await.ok()
    }

    /// Returns when nobody takes any more.
    pub(super) async fn gone(&self) {
        self.0.closed().await;
    }
}

impl<T> Stream for ResponseStream<T> {
    type Item = Result<T, ControlError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
