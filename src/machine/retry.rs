//! Retry budget and back-off delays.

use std::time::Duration;

use crate::spec::RetryPolicy;

/// A small random number generator for jitter (`SplitMix64`); the same seed gives the same delays.
#[derive(Debug, Clone)]
pub(crate) struct JitterRng(u64);

impl JitterRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The number of retries of one process since the budget was last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RetryBudget {
    /// Number of retries since the last reset.
    pub(crate) used: u32,
}

/// A retry that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryGrant {
    /// The number of the retry, from 1.
    pub(crate) retry: u32,
    /// The back-off before it.
    pub(crate) delay: Duration,
}

impl RetryBudget {
    /// The try number of the current or next run, from 1.
    pub(crate) fn attempt(&self) -> u32 {
        self.used.saturating_add(1)
    }

    pub(crate) fn reset(&mut self) {
        self.used = 0;
    }

    /// Takes one retry; `None` if none is left.
    pub(crate) fn take(
        &mut self,
        policy: &RetryPolicy,
        jitter_rng: &mut JitterRng,
    ) -> Option<RetryGrant> {
        if policy.attempts.is_some_and(|limit| self.used >= limit) {
            return None;
        }
        self.used = self.used.saturating_add(1);
        Some(RetryGrant { retry: self.used, delay: delay(policy, self.used, jitter_rng) })
    }
}

/// `min(initial × factor^(k−1), max)` ± jitter.
pub(crate) fn delay(policy: &RetryPolicy, retry: u32, jitter_rng: &mut JitterRng) -> Duration {
    let exponent = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
    if policy.initial.is_zero() {
        // Zero times an infinite factor is NaN.
        return Duration::ZERO;
    }
    let uncapped = policy.initial.as_secs_f64() * policy.factor.powi(exponent);
    let capped = uncapped.min(policy.max.as_secs_f64());
    let swing = 1.0 + policy.jitter * (2.0 * jitter_rng.unit() - 1.0);
    Duration::try_from_secs_f64((capped * swing).max(0.0)).unwrap_or(policy.max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(jitter: f64) -> RetryPolicy {
        RetryPolicy { jitter, ..RetryPolicy::default() }
    }

    #[test]
    fn no_delay_stays_none_however_often_it_grows() {
        let policy = RetryPolicy {
            initial: Duration::ZERO,
            factor: 2.0,
            max: Duration::MAX,
            ..RetryPolicy::default()
        };
        let mut jitter_rng = JitterRng::new(1);
        for retry in [1, 1000, 2000, u32::MAX] {
            assert_eq!(delay(&policy, retry, &mut jitter_rng), Duration::ZERO);
        }
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut jitter_rng = JitterRng::new(1);
        let delays: Vec<u128> =
            (1..=9).map(|k| delay(&policy(0.0), k, &mut jitter_rng).as_millis()).collect();
        assert_eq!(delays, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    }

    #[test]
    fn a_huge_retry_number_still_gives_the_longest_delay() {
        assert_eq!(delay(&policy(0.0), u32::MAX, &mut JitterRng::new(1)), Duration::from_secs(30));
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let mut jitter_rng = JitterRng::new(7);
        let (mut low, mut high) = (f64::MAX, 0.0_f64);
        for _ in 0..10_000 {
            let seconds = delay(&policy(0.1), 1, &mut jitter_rng).as_secs_f64();
            low = low.min(seconds);
            high = high.max(seconds);
        }
        assert!((0.45..0.451).contains(&low) && (0.549..=0.55).contains(&high), "{low} {high}");
    }

    #[test]
    fn attempts_are_extra_tries_and_can_be_reset() {
        let mut budget = RetryBudget::default();
        let mut jitter_rng = JitterRng::new(1);
        let policy = RetryPolicy { attempts: Some(2), ..policy(0.0) };
        assert_eq!(budget.attempt(), 1);
        assert_eq!(budget.take(&policy, &mut jitter_rng).map(|g| g.retry), Some(1));
        assert_eq!(budget.attempt(), 2);
        assert_eq!(budget.take(&policy, &mut jitter_rng).map(|g| g.retry), Some(2));
        assert_eq!(budget.take(&policy, &mut jitter_rng), None);
        budget.reset();
        assert_eq!((budget.attempt(), budget.used), (1, 0));
        assert!(budget.take(&RetryPolicy { attempts: None, ..policy }, &mut jitter_rng).is_some());
    }
}
