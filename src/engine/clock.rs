//! The logical clock: the only file that reads the time.
//!
//! It stops while pitcrew is suspended, and all timers with it.

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::machine::Moment;

/// The time since the engine started, without suspended time. Cheap to clone; clones share the time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<ClockState>);

#[derive(Debug)]
struct ClockState {
    start: Instant,
    suspended: Mutex<SuspendedTime>,
    resumed: Notify,
}

#[derive(Debug, Default)]
struct SuspendedTime {
    total: Duration,
    since: Option<Instant>,
}

impl Clock {
    /// Creates a clock that shows zero.
    pub(crate) fn start() -> Self {
        let (suspended, resumed) = (Mutex::default(), Notify::new());
        Self(Arc::new(ClockState { start: Instant::now(), suspended, resumed }))
    }

    pub fn now(&self) -> Moment {
        let suspended = self.suspended();
        let now = suspended.since.unwrap_or_else(Instant::now);
        Moment::after_start(now.duration_since(self.0.start).saturating_sub(suspended.total))
    }

    /// The wall clock, for people.
    pub fn wall() -> Timestamp {
        Timestamp::now()
    }

    /// The wall clock, as file times are given.
    pub(crate) fn since_1970() -> Duration {
        Duration::try_from(Timestamp::now().duration_since(Timestamp::UNIX_EPOCH))
            .unwrap_or_default()
    }

    pub fn suspend(&self) {
        let mut suspended = self.suspended();
        suspended.since.get_or_insert_with(Instant::now);
    }

    /// Continues after [`Clock::suspend`].
    pub fn resume(&self) {
        let mut suspended = self.suspended();
        if let Some(since) = suspended.since.take() {
            suspended.total += since.elapsed();
        }
        drop(suspended);
        self.0.resumed.notify_waiters();
    }

    /// Sleeps until a moment; forever if there is none. Cancel safe.
    pub(crate) async fn until(&self, moment: Option<Moment>) {
        let Some(moment) = moment else { return std::future::pending().await };
        // While the clock is suspended the moment does not come nearer, and polling would keep a
        // processor busy.
        while self.now() < moment {
            let resumed = self.0.resumed.notified();
            let (is_suspended, total) = {
                let suspended = self.suspended();
                (suspended.since.is_some(), suspended.total)
            };
            let deadline = moment.since_start().checked_add(total);
            match deadline.and_then(|deadline| self.0.start.checked_add(deadline)) {
                _ if is_suspended => resumed.await,
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                // Beyond the range of `Instant`: a limit of `Duration::MAX`, say.
                None => std::future::pending().await,
            }
        }
    }

    /// Sleeps for this time, not counting suspended time. Cancel safe.
    pub(crate) async fn after(&self, time: Duration) {
        let moment = self.now() + time;
        while self.now() < moment {
            self.until(Some(moment)).await;
        }
    }

    fn suspended(&self) -> std::sync::MutexGuard<'_, SuspendedTime> {
        self.0.suspended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_out_of_range_never_fires() {
        let clock = Clock::start();
        let never = clock.until(Some(Moment::after_start(Duration::MAX)));
        assert!(tokio::time::timeout(Duration::from_hours(1), never).await.is_err());
    }
}
