//! Deadlines and short pauses for threads and processes of this layer without a runtime.

use std::time::{Duration, Instant};

use rustix::event::Timespec;

/// A moment after which a bounded loop gives up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// The moment that is `span` from now.
    #[expect(clippy::disallowed_methods, reason = "bounds a sweep; no decision rests on it")]
    pub(super) fn after(span: Duration) -> Self {
        Self(Instant::now() + span)
    }

    /// Whether the moment has come.
    #[expect(clippy::disallowed_methods, reason = "bounds a sweep; no decision rests on it")]
    pub(super) fn is_over(self) -> bool {
        Instant::now() >= self.0
    }

    #[expect(clippy::disallowed_methods, reason = "bounds a wait; no decision rests on it")]
    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Sleeps for about `span`. A signal may end it early.
///
/// The kernel does not report some events, such as the end of a process that is not a child; they can
/// only be noticed by checking again after a moment.
pub(super) fn pause(span: Duration) {
    let span = Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    };
    let _ = rustix::event::poll(&mut [], Some(&span));
}
