//! Signals to the interface.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::spec::Signal;

/// The signals that are listened to.
pub(super) struct Signals {
    streams: Vec<(Signal, Stream)>,
    stopped: Option<Stream>,
    continued: Option<Stream>,
    resized: Option<Stream>,
}

pub(super) enum UiSignal {
    End(Signal),
    Stop,
    Continue,
    Resize,
}

impl Signals {
    pub(super) fn listen(wanted: &[Signal]) -> Self {
        let stream = |one: &Signal| {
            let stream = signal(SignalKind::from_raw(one.number())).ok()?;
            Some((*one, stream))
        };
        let raw = |number| signal(SignalKind::from_raw(number)).ok();
        Self {
            streams: wanted.iter().filter_map(stream).collect(),
            stopped: "TSTP".parse::<Signal>().ok().and_then(|one| raw(one.number())),
            continued: raw(Signal::CONT.number()),
            resized: signal(SignalKind::window_change()).ok(),
        }
    }

    /// The next one. Cancel safe.
    pub(super) async fn next(&mut self) -> UiSignal {
        std::future::poll_fn(|cx| {
            for (which, stream) in &mut self.streams {
                if stream.poll_recv(cx).is_ready() {
                    return std::task::Poll::Ready(UiSignal::End(*which));
                }
            }
            if self.stopped.as_mut().is_some_and(|stream| stream.poll_recv(cx).is_ready()) {
                return std::task::Poll::Ready(UiSignal::Stop);
            }
            if self.continued.as_mut().is_some_and(|stream| stream.poll_recv(cx).is_ready()) {
                return std::task::Poll::Ready(UiSignal::Continue);
            }
            if self.resized.as_mut().is_some_and(|stream| stream.poll_recv(cx).is_ready()) {
                return std::task::Poll::Ready(UiSignal::Resize);
            }
            std::task::Poll::Pending
        })
        .await
    }
}
