//! Clock of the interface: the only place that reads the time for the model.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A clock that starts with the interface.
#[derive(Debug, Clone, Copy)]
pub struct FrameClock {
    start: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockReading {
    /// Monotonic time since the interface started.
    pub since_start: Duration,
    pub wall: Timestamp,
}

impl FrameClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of the interface, in one place")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub fn now(&self) -> ClockReading {
        ClockReading { since_start: self.start.elapsed(), wall: Timestamp::now() }
    }
}
