//! Retry policy of the library API.

use std::time::Duration;

use crate::spec::RetryPolicy;

/// The retry policy of a failed command.
///
/// ```
/// use std::time::Duration;
/// use pitcrew::Retry;
///
/// // After 1 s, 2 s, 4 s, 8 s and then every 10 s, each up to a tenth more or less.
/// let patient = Retry::times(20)
///     .delay(Duration::from_secs(1))
///     .factor(2.0)
///     .max_delay(Duration::from_secs(10))
///     .jitter(0.1);
/// # let _ = patient;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    pub(super) policy: RetryPolicy,
    /// Whether `max_delay` was called; otherwise the maximum follows the delay.
    has_max: bool,
}

impl Retry {
    /// No retries.
    pub fn never() -> Self {
        Self::times(0)
    }

    /// This number of retries, without a delay by default.
    pub fn times(retries: u32) -> Self {
        Self {
            policy: RetryPolicy {
                attempts: Some(retries),
                initial: Duration::ZERO,
                factor: 1.0,
                max: Duration::ZERO,
                jitter: 0.0,
                reset_after: Duration::MAX,
            },
            has_max: false,
        }
    }

    /// Retries until it succeeds or is stopped.
    pub fn forever() -> Self {
        let mut retry = Self::never();
        retry.policy.attempts = None;
        retry
    }

    /// Sets the delay before the first retry.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.policy.initial = delay;
        if !self.has_max {
            self.policy.max = if self.policy.factor > 1.0 { Duration::MAX } else { delay };
        }
        self
    }

    /// Sets the factor from one delay to the next.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.policy.factor = factor;
        let delay = self.policy.initial;
        self.delay(delay)
    }

    /// Sets the maximum delay.
    #[must_use]
    pub fn max_delay(mut self, max: Duration) -> Self {
        self.policy.max = max;
        self.has_max = true;
        self
    }

    /// Sets the random variation of each delay as a fraction: 0.1 is a tenth.
    #[must_use]
    pub fn jitter(mut self, jitter: f64) -> Self {
        self.policy.jitter = jitter;
        self
    }

    /// Sets the duration of an attempt that resets the number of retries.
    #[must_use]
    pub fn reset_after(mut self, time: Duration) -> Self {
        self.policy.reset_after = time;
        self
    }

    pub(super) fn is_any(&self) -> bool {
        self.policy.attempts != Some(0)
    }
}
