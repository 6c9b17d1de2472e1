//! Pending starts, whose results are handled in the order of the starts.
//!
//! The loop itself waits for them: a separate task would cost each run one more switch, and few are
//! pending (see `docs/benchmarks.md`).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::machine::Fact;

/// A start in progress: returns its result once the task of the run is spawned.
type PendingStart = Pin<Box<dyn Future<Output = Fact> + Send>>;

#[derive(Default)]
pub(super) struct PendingStarts(VecDeque<PendingStart>);

impl PendingStarts {
    pub(super) fn push(&mut self, start: impl Future<Output = Fact> + Send + 'static) {
        self.0.push_back(Box::pin(start));
    }

    /// Waits for the result of the oldest start; forever if there is none. Cancel safe.
    pub(super) async fn next(&mut self) -> Fact {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Returns the result of the oldest start, if it is known.
    pub(super) fn try_next(&mut self) -> Option<Fact> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(fact) => Some(fact),
            // `next` registers a waker.
            Poll::Pending => None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fact> {
        let Some(oldest) = self.0.front_mut() else { return Poll::Pending };
        let result = oldest.as_mut().poll(cx);
        if result.is_ready() {
            self.0.pop_front();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::machine::{ProcessId, RunId};

    fn spawned(run: u32) -> Fact {
        Fact::Spawned { run: RunId { process: ProcessId(1), run }, pid: 1 }
    }

    #[tokio::test]
    async fn the_oldest_is_answered_first_and_wakes() {
        let mut starts = PendingStarts::default();
        assert!(starts.try_next().is_none());
        let (first, answer) = oneshot::channel();
        starts.push(async { answer.await.unwrap() });
        starts.push(std::future::ready(spawned(2)));
        assert!(starts.try_next().is_none(), "the second result waits for the first");
        let next =
            async { tokio::join!(starts.next(), async { first.send(spawned(1)).unwrap() }).0 };
        assert!(matches!(next.await, Fact::Spawned { run, .. } if run.run == 1));
        assert!(matches!(starts.try_next(), Some(Fact::Spawned { run, .. }) if run.run == 2));
        assert!(starts.try_next().is_none());
    }
}
