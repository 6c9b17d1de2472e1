//! State names: the published state of a process.

use crate::spec::choices;

choices! {
    /// The state of a process, with the same name everywhere.
    pub enum StateName {
        /// Not started.
        Idle = "idle",
        /// Waits for its dependencies.
        Waiting = "waiting",
        /// Waits for a slot of its pool.
        Queued = "queued",
        /// Being spawned, or not ready yet.
        Starting = "starting",
        /// Started, and its check succeeds if it has one.
        Ready = "ready",
        /// It was ready, and its check misses.
        Unhealthy = "unhealthy",
        /// Being stopped.
        Stopping = "stopping",
        /// Waits for the next try.
        Backoff = "backoff",
        /// Stopped on request.
        Stopped = "stopped",
        /// Its last run succeeded.
        Succeeded = "succeeded",
        /// Its last run failed, and there is no retry.
        Failed = "failed",
        /// A dependency can no longer meet its condition.
        Skipped = "skipped",
    }
}

impl StateName {
    /// Whether a run exists or is being spawned.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Starting | Self::Ready | Self::Unhealthy | Self::Stopping)
    }

    /// Whether a run exists or is being spawned, and is not being stopped.
    pub(crate) fn is_up(self) -> bool {
        self.is_alive() && self != Self::Stopping
    }

    /// Whether the process has reached its goal: a service is ready, a one-shot has succeeded.
    pub(crate) fn is_settled(self) -> bool {
        matches!(self, Self::Ready | Self::Succeeded)
    }

    /// Whether something went wrong.
    pub(crate) fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Backoff | Self::Unhealthy)
    }

    /// Whether the process was started, and not stopped since.
    pub(crate) fn is_requested(self) -> bool {
        !matches!(self, Self::Idle | Self::Stopped)
    }

    /// Whether nothing runs and nothing will start by itself.
    pub fn is_at_rest(self) -> bool {
        use StateName::{Failed, Idle, Skipped, Stopped, Succeeded};
        matches!(self, Idle | Stopped | Succeeded | Failed | Skipped)
    }

    /// The words between the name of a process and the state: `web failed`, `web is waiting`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Succeeded | Self::Failed | Self::Skipped => " ",
            Self::Backoff => " is in ",
            Self::Idle
            | Self::Waiting
            | Self::Queued
            | Self::Starting
            | Self::Ready
            | Self::Unhealthy
            | Self::Stopping
            | Self::Stopped => " is ",
        }
    }

    /// The word for people: a process without a check is `running` instead of `ready`.
    pub fn word(self, checked: bool) -> &'static str {
        if self == Self::Ready && !checked { "running" } else { self.as_str() }
    }
}
