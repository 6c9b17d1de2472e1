//! Progress of a lifecycle, for conditions.

use super::{Lifecycle, Outcome, Readiness, State};
use crate::machine::StateName;
use crate::machine::condition::Progress;

impl Lifecycle {
    pub(in crate::machine) fn progress(&self) -> Progress {
        Progress { state: self.state_name(), started: self.started, succeeded: self.succeeded() }
    }

    /// Whether the latest run succeeded.
    pub(in crate::machine) fn succeeded(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.success)
    }

    /// The published name of the state.
    pub(in crate::machine) fn state_name(&self) -> StateName {
        match &self.state {
            State::Idle => StateName::Idle,
            State::Waiting { .. } => StateName::Waiting,
            State::Queued { .. } => StateName::Queued,
            State::Starting { .. } => StateName::Starting,
            State::Running { checks, .. } => match checks.level {
                Readiness::NotYet => StateName::Starting,
                Readiness::Ready => StateName::Ready,
                Readiness::Unhealthy => StateName::Unhealthy,
            },
            State::Stopping { .. } => StateName::Stopping,
            State::Backoff { .. } => StateName::Backoff,
            State::Ended(Outcome::Stopped) => StateName::Stopped,
            State::Ended(Outcome::Succeeded) => StateName::Succeeded,
            State::Ended(Outcome::Failed { .. }) => StateName::Failed,
            State::Ended(Outcome::Skipped { .. }) => StateName::Skipped,
        }
    }
}
