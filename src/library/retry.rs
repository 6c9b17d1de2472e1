//! How often something is tried again, in the words of the library.

use std::time::Duration;

use crate::spec::RetryPolicy;

/// How often and when a command that failed is tried again.
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
    /// `max` was said; else it follows the delay.
    capped: bool,
}

impl Retry {
    /// Never again.
    pub fn never() -> Self {
        Self::times(0)
    }

    /// So many extra attempts, at once one after the other unless a delay is said.
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
            capped: false,
        }
    }

    /// Until it succeeds or is stopped.
    pub fn forever() -> Self {
        Self::times(0).with_attempts(None)
    }

    pub(super) fn with_attempts(mut self, attempts: Option<u32>) -> Self {
        self.policy.attempts = attempts;
        self
    }

    pub(super) fn with_delay(mut self, delay: Duration) -> Self {
        self.policy.initial = delay;
        if !self.capped {
            self.policy.max = if self.policy.factor > 1.0 { Duration::MAX } else { delay };
        }
        self
    }

    /// How long to wait before the first one.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        self.with_delay(delay)
    }

    /// Each delay is so many times the one before.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.policy.factor = factor;
        let delay = self.policy.initial;
        self.with_delay(delay)
    }

    /// No delay is longer.
    #[must_use]
    pub fn max_delay(mut self, max: Duration) -> Self {
        self.policy.max = max;
        self.capped = true;
        self
    }

    /// Each delay is made longer or shorter at random by up to this part of it: 0.1 is a tenth.
    #[must_use]
    pub fn jitter(mut self, jitter: f64) -> Self {
        self.policy.jitter = jitter;
        self
    }

    /// An attempt that lasted this long gives all retries back.
    #[must_use]
    pub fn reset_after(mut self, time: Duration) -> Self {
        self.policy.reset_after = time;
        self
    }

    pub(super) fn is_any(&self) -> bool {
        self.policy.attempts != Some(0)
    }
}
