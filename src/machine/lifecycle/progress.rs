//! Progress of a lifecycle: what conditions on it need to know.

use super::{Level, Lifecycle, Outcome, State};
use crate::machine::StateName;
use crate::machine::condition::Progress;

impl Lifecycle {
    /// How far it has come.
    pub(in crate::machine) fn progress(&self) -> Progress {
        Progress { state: self.state_name(), started: self.started, succeeded: self.succeeded() }
    }

    /// Whether its latest run has ended well.
    pub(in crate::machine) fn succeeded(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.success)
    }

    /// The state by the name that everybody sees.
    pub(in crate::machine) fn state_name(&self) -> StateName {
        match &self.state {
            State::Idle => StateName::Idle,
            State::Waiting { .. } => StateName::Waiting,
            State::Queued { .. } => StateName::Queued,
            State::Starting { .. } => StateName::Starting,
            State::Running { checks, .. } => match checks.level {
                Level::NotYet => StateName::Starting,
                Level::Ready => StateName::Ready,
                Level::Unhealthy => StateName::Unhealthy,
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
