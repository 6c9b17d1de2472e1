//! Signals to the interface.

use std::task::Poll;

use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

use crate::spec::Signal;

/// The signals that are handled, the most urgent first.
pub(super) struct Signals(Vec<(UiSignal, SignalStream)>);

#[derive(Clone, Copy)]
pub(super) enum UiSignal {
    End(Signal),
    Stop,
    Continue,
    Resize,
}

impl Signals {
    pub(super) fn listen(ending: &[Signal]) -> Self {
        let stop = "TSTP".parse().ok().map(|signal| (UiSignal::Stop, signal));
        let others = [(UiSignal::Continue, Signal::CONT), (UiSignal::Resize, Signal::WINCH)];
        let handled = ending.iter().map(|signal| (UiSignal::End(*signal), *signal));
        let stream = |(kind, number): (UiSignal, Signal)| {
            Some((kind, signal(SignalKind::from_raw(number.number())).ok()?))
        };
        Self(handled.chain(stop).chain(others).filter_map(stream).collect())
    }

    /// Returns the next signal. Cancel safe.
    pub(super) async fn next(&mut self) -> UiSignal {
        std::future::poll_fn(|cx| {
            for (kind, stream) in &mut self.0 {
                if stream.poll_recv(cx).is_ready() {
                    return Poll::Ready(*kind);
                }
            }
            Poll::Pending
        })
        .await
    }
}
