//! Server-sent events: the items of a stream as a response.

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

/// An idle stream sends a comment after this time, which fails if the client has disappeared without
/// closing the connection.
pub(in crate::control) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends each item as an event, at the pace of the connection.
pub(super) fn items<T: Serialize + Send + 'static>(items: ResponseStream<T>) -> Response {
    respond(items, |item| vec![Event::default().json_data(item)])
}

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
    items: ResponseStream<T>,
    to_events: fn(T) -> Vec<EventResult>,
) -> Response {
    let events = EventStream { items, to_events, ready: Vec::new().into_iter() };
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    ([(header::CACHE_CONTROL, "no-store")], events).into_response()
}

struct EventStream<T> {
    items: ResponseStream<T>,
    to_events: fn(T) -> Vec<EventResult>,
    /// The remaining events of the last item.
    ready: vec::IntoIter<EventResult>,
}

impl<T> Stream for EventStream<T> {
    type Item = EventResult;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EventResult>> {
        loop {
            if let Some(event) = self.ready.next() {
                return Poll::Ready(Some(event));
            }
            match ready!(Pin::new(&mut self.items).poll_next(cx)) {
                Some(Ok(item)) => self.ready = (self.to_events)(item).into_iter(),
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
    }
}
