//! Server-sent events: the pieces of a stream as a response.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::vec;

use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Serialize;

use crate::control::ResponseStream;
use crate::control::wire::EventItem;

/// A stream in which nothing happens sends a comment after this, by which a client that has gone without a
/// word is noticed.
pub(in crate::control) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends each piece as an event, no further ahead than the connection takes them.
pub(super) fn pieces<T: Serialize + Send + 'static>(pieces: ResponseStream<T>) -> Response {
    respond(pieces, |piece| vec![Event::default().json_data(piece)])
}

/// Sends the events of the project.
pub(super) fn events(items: ResponseStream<Vec<EventItem>>) -> Response {
    respond(items, |items| items.iter().map(|item| Ok(event(item))).collect())
}

fn event(item: &EventItem) -> Event {
    match item {
        EventItem::Event { seq, event } => Event::default().id(seq.to_string()).data(event),
        EventItem::Missed { from, to } => {
            Event::default().event("missed").data(format!("{{\"from\":{from},\"to\":{to}}}"))
        }
    }
}

type EventResult = Result<Event, axum::Error>;

fn respond<T: Send + 'static>(
    pieces: ResponseStream<T>,
    to_events: fn(T) -> Vec<EventResult>,
) -> Response {
    let events = EventStream { pieces, to_events, made: Vec::new().into_iter() };
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    ([(header::CACHE_CONTROL, "no-store")], events).into_response()
}

struct EventStream<T> {
    pieces: ResponseStream<T>,
    to_events: fn(T) -> Vec<EventResult>,
    /// The rest of the last piece.
    made: vec::IntoIter<EventResult>,
}

impl<T> Stream for EventStream<T> {
    type Item = EventResult;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EventResult>> {
        loop {
            if let Some(event) = self.made.next() {
                return Poll::Ready(Some(event));
            }
            match ready!(Pin::new(&mut self.pieces).poll_next(cx)) {
                Some(Ok(piece)) => self.made = (self.to_events)(piece).into_iter(),
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
    }
}
