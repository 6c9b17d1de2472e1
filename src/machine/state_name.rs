//! The state of a process by its name, and what follows from the name alone.

use crate::spec::choices;

choices! {
    /// The state of a process, by the name it has everywhere.
    pub enum StateName {
        /// Not started.
        Idle = "idle",
        /// Waits for dependencies.
        Waiting = "waiting",
        /// Waits for a slot.
        Queued = "queued",
        /// Being spawned, or spawned and not ready yet.
        Starting = "starting",
        /// Started, and no check says otherwise.
        Ready = "ready",
        /// It was ready, and its check says otherwise now.
        Unhealthy = "unhealthy",
        /// On its way down.
        Stopping = "stopping",
        /// Waits for the next try.
        Backoff = "backoff",
        /// Down on request.
        Stopped = "stopped",
        /// Its last run ended well.
        Succeeded = "succeeded",
        /// Its last run did not, and nothing more will be tried.
        Failed = "failed",
        /// A dependency cannot get where it should.
        Skipped = "skipped",
    }
}

impl StateName {
    /// Whether there is a run that has not ended.
    pub fn is_alive(self) -> bool {
        match self {
            Self::Starting | Self::Ready | Self::Unhealthy | Self::Stopping => true,
            Self::Idle
            | Self::Waiting
            | Self::Queued
            | Self::Backoff
            | Self::Stopped
            | Self::Succeeded
            | Self::Failed
            | Self::Skipped => false,
        }
    }

    /// Whether nothing of it runs and nothing will by itself.
    pub fn is_at_rest(self) -> bool {
        match self {
            Self::Idle | Self::Stopped | Self::Succeeded | Self::Failed | Self::Skipped => true,
            Self::Waiting
            | Self::Queued
            | Self::Starting
            | Self::Ready
            | Self::Unhealthy
            | Self::Stopping
            | Self::Backoff => false,
        }
    }

    /// What stands between a name and the word in a sentence: `web failed`, `web is waiting`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Succeeded | Self::Failed => " ",
            Self::Skipped => " was ",
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

    /// The word for people: a process without a check is `running`, and not `ready`.
    pub fn word(self, checked: bool) -> &'static str {
        if self == Self::Ready && !checked { "running" } else { self.as_str() }
    }
}
