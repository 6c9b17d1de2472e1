//! Effect of file changes on a process.

use super::{AfterExit, Lifecycle, Outcome, PortPhase, State};
use crate::machine::Moment;
use crate::machine::event_text::watch_suspended;
use crate::spec::ProcessSpec;

/// Whether changes of its files act on a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::machine) enum Watch {
    Off,
    On,
    /// The process has restarted too often because of this file, and no longer does.
    Suspended(String),
}

impl Watch {
    pub(in crate::machine) fn of(spec: &ProcessSpec, no_watch: bool) -> Self {
        if spec.watch.is_some() && !no_watch { Self::On } else { Self::Off }
    }
}

/// The response of a process to a file change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum ChangeResponse {
    /// No run is wanted, or the run began after the change.
    Ignore,
    /// A restart that will see the change is already in progress.
    AlreadyRestarting,
    /// Restart or signal it.
    Act,
}

impl Lifecycle {
    /// The response to files that were last changed at `last`.
    pub(in crate::machine) fn change_response(&self, last: Moment) -> ChangeResponse {
        // A run that was requested since then has seen the change.
        let act =
            if last < self.requested_at { ChangeResponse::Ignore } else { ChangeResponse::Act };
        match &self.state {
            State::Ended(_) if self.stopped_by_user => ChangeResponse::Ignore,
            // Like a waiting process, a start that is checking its port has read no file yet.
            State::Starting { port, .. } if *port != PortPhase::Settled => ChangeResponse::Ignore,
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Ended(Outcome::Stopped | Outcome::Skipped { .. }) => ChangeResponse::Ignore,
            State::Running { .. }
            | State::Backoff { .. }
            | State::Ended(Outcome::Succeeded | Outcome::Failed { .. }) => act,
            State::Starting { .. } | State::Stopping { .. } => {
                match self.closing().map(|closing| &closing.then) {
                    Some(AfterExit::Stop) => ChangeResponse::Ignore,
                    Some(AfterExit::Restart(_)) => ChangeResponse::AlreadyRestarting,
                    Some(AfterExit::ApplyPolicy) | None => act,
                }
            }
        }
    }

    /// Whether it has ended and a change of its files would start it.
    pub(in crate::machine) fn starts_on_file_change(&self) -> bool {
        let rests = matches!(self.state, State::Ended(Outcome::Succeeded | Outcome::Failed { .. }));
        rests && !self.stopped_by_user && self.watch == Watch::On
    }

    /// The note about its files that is appended to a reason.
    pub(in crate::machine) fn note_on_files(&self) -> Option<String> {
        match &self.watch {
            Watch::Suspended(path) if self.state != State::Idle => Some(watch_suspended(path)),
            Watch::On if self.starts_on_file_change() => {
                Some("starts when its files change".to_owned())
            }
            Watch::Off | Watch::On | Watch::Suspended(_) => None,
        }
    }

    /// Whether the requested run has succeeded; `None` while that is open.
    pub(in crate::machine) fn result(&self) -> Option<bool> {
        if let State::Ended(outcome) = &self.state {
            return Some(*outcome == Outcome::Succeeded);
        }
        // It succeeded and runs again by `restart = "always"`.
        matches!(self.state, State::Backoff { retry: 0, .. }).then_some(true)
    }
}
