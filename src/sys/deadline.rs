//! Clock, deadlines and short pauses for threads and processes of this layer without a runtime.

use std::time::{Duration, Instant};

/// Returns the time. Only for bounds of loops and waits; no decision of the machine rests on it.
#[expect(clippy::disallowed_methods, reason = "bounds loops and waits, and measures them")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A moment after which a bounded loop gives up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// The moment that is `span` from now.
    pub(super) fn after(span: Duration) -> Self {
        Self(now() + span)
    }

    pub(super) fn is_over(self) -> bool {
        now() >= self.0
    }

    pub(super) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(now())
    }
}

/// Sleeps for about `span`. A signal may end it early.
///
/// The kernel does not report some events, such as the end of a process that is not a child; they can
/// only be noticed by checking again after a moment.
pub(super) fn pause(span: Duration) {
    let _ = rustix::event::poll(&mut [], span.try_into().ok().as_ref());
}
