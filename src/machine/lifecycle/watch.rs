//! Effect of file changes on a process.

use super::{AfterExit, Closing, Ending, Lifecycle, Outcome, State};
use crate::machine::event::{Cause, EndCause};
use crate::machine::event_text::watch_suspended;
use crate::machine::{Moment, Step};
use crate::spec::ProcessSpec;

/// How it stands with the files of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::machine) enum Watch {
    #[default]
    Off,
    On,
    /// It has restarted too often because of this file, and does not any more.
    Suspended(String),
}

impl Watch {
    pub(in crate::machine) fn of(spec: &ProcessSpec, no_watch: bool) -> Self {
        if spec.watch.is_some() && !no_watch { Self::On } else { Self::Off }
    }
}

/// What a change means to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum WatchCall {
    /// Nothing: nobody wants it to run, or its run began after the change.
    Nothing,
    /// A new run is on its way already and will see the change.
    Joins,
    /// It has to run anew, or to be told.
    Acts,
}

impl Lifecycle {
    /// What files that were last changed at `last` mean to it.
    pub(in crate::machine) fn call_of(&self, last: Moment) -> WatchCall {
        // Whatever has begun since then has seen it.
        let acts = if last < self.asked { WatchCall::Nothing } else { WatchCall::Acts };
        match &self.state {
            State::Ended(_) if self.stopped => WatchCall::Nothing,
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Ended(Outcome::Stopped | Outcome::Skipped { .. }) => WatchCall::Nothing,
            State::Starting { wish: None, .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Ended(Outcome::Succeeded | Outcome::Failed { .. }) => acts,
            State::Starting { wish: Some(closing), .. } | State::Stopping { closing, .. } => {
                match closing.then {
                    AfterExit::Stop => WatchCall::Nothing,
                    AfterExit::Restart(_) => WatchCall::Joins,
                    AfterExit::ApplyPolicy => acts,
                }
            }
        }
    }

    /// A new run in the place of the one at hand, or of the next try; not for one that rests.
    pub(in crate::machine) fn run_anew(
        &mut self,
        now: Moment,
        by: EndCause,
        cause: Cause,
        out: &mut Step,
    ) {
        self.reset_budget();
        match &self.state {
            State::Starting { wish: None, .. } | State::Running { .. } => {
                let ending = Ending::OnPurpose { by, cause: cause.clone() };
                self.close(
                    now,
                    Closing { ending, then: AfterExit::Restart(cause), now: false },
                    out,
                );
            }
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Ended(_) => self.request_start(now, cause),
        }
    }

    /// Whether it rests, and a change of its files would start it.
    pub(in crate::machine) fn rests_watched(&self) -> bool {
        let rests = matches!(self.state, State::Ended(Outcome::Succeeded | Outcome::Failed { .. }));
        rests && !self.stopped && self.watch == Watch::On
    }

    /// The file because of which its files are not watched any more.
    pub(in crate::machine) fn suspended_by(&self) -> Option<&str> {
        match &self.watch {
            Watch::Suspended(path) => Some(path),
            Watch::Off | Watch::On => None,
        }
    }

    /// What is to be said about its files.
    pub(in crate::machine) fn note_on_files(&self) -> Option<String> {
        match &self.watch {
            Watch::Suspended(path) if !matches!(self.state, State::Idle) => {
                Some(watch_suspended(path))
            }
            Watch::On if self.rests_watched() => Some("a change of its files starts it".to_owned()),
            Watch::Off | Watch::On | Watch::Suspended(_) => None,
        }
    }

    /// Whether the run that was asked for has done what it was to do; nothing while that is open.
    pub(in crate::machine) fn verdict(&self) -> Option<bool> {
        match &self.state {
            State::Ended(outcome) => Some(*outcome == Outcome::Succeeded),
            // It ended well and runs again by `restart = "always"`.
            State::Backoff { retry: 0, .. } => Some(true),
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. } => None,
        }
    }
}
