//! Pending starts, whose results are processed in the order of the requests.
//!
//! The loop itself waits for them, not a task of their own: that would be one more change of hands for
//! each run, and there are few of them (see `docs/benchmarks.md`).

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::machine::Fact;

/// A start under way: gives what has become of it, once what follows is in good hands.
type PendingStart = Pin<Box<dyn Future<Output = Fact> + Send>>;

#[derive(Default)]
pub(super) struct PendingStarts(VecDeque<PendingStart>);

impl fmt::Debug for PendingStarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Starts").field(&self.0.len()).finish()
    }
}

impl PendingStarts {
    pub(super) fn push(&mut self, start: impl Future<Output = Fact> + Send + 'static) {
        self.0.push_back(Box::pin(start));
    }

    /// The answer to the oldest; never, when there is none. Cancel safe.
    pub(super) async fn next(&mut self) -> Fact {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The answer to the oldest, if there is one already.
    pub(super) fn try_next(&mut self) -> Option<Fact> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(fact) => Some(fact),
            // Who wants to be woken asks again with `next`.
            Poll::Pending => None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fact> {
        let Some(oldest) = self.0.front_mut() else { return Poll::Pending };
        let answer = oldest.as_mut().poll(cx);
        if answer.is_ready() {
            self.0.pop_front();
        }
        answer
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
        assert!(starts.try_next().is_none(), "the second is not told before the first");
        let next =
            async { tokio::join!(starts.next(), async { first.send(spawned(1)).unwrap() }).0 };
        assert!(matches!(next.await, Fact::Spawned { run, .. } if run.run == 1));
        assert!(matches!(starts.try_next(), Some(Fact::Spawned { run, .. }) if run.run == 2));
        assert!(starts.try_next().is_none());
    }
}
