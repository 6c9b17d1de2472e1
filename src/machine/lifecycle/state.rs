//! The states of a lifecycle, with the data of each.

use std::time::Duration;

use super::checks::Checks;
use super::port::PortPhase;
use crate::machine::event::{Cause, EndCause, RunError, SkipLink};
use crate::machine::event_text::{exit_after, health_failure};
use crate::machine::{Moment, ProcessId, ShutdownReason};
use crate::spec::Exit;

/// How long something stays a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retention {
    /// As long as the project: it can be started again.
    #[default]
    Keep,
    /// The same, until others that came like it have taken its place; how it ends says nothing about
    /// the project.
    KeepRecent,
    /// Until it has ended for good.
    RemoveOnExit,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) enum State {
    /// Nobody has asked for it.
    Idle,
    /// Its dependencies do not hold yet. `again`: they held for the run before, so one that can no
    /// longer get there does not stop this one. `until`: it is not to start before.
    Waiting {
        cause: Cause,
        again: bool,
        until: Option<Moment>,
    },
    /// No slot of its pool is free yet.
    Queued {
        cause: Cause,
        again: bool,
    },
    /// Exec was asked for and not answered; `wish` is what to do once it is.
    ///
    /// Before that it is looked whether its port is free, where it has one.
    Starting {
        since: Moment,
        cause: Cause,
        wish: Option<Closing>,
        port: PortPhase,
    },
    /// Up. `quiet_out` is when the next look for silence is due.
    Running {
        pid: u32,
        since: Moment,
        cause: Cause,
        times_out: Option<Moment>,
        quiet_out: Option<Moment>,
        checks: Checks,
    },
    /// The run is on its way out; `exit` is known once its leader has ended.
    Stopping {
        pid: u32,
        since: Moment,
        until: Moment,
        step: StopProgress,
        closing: Closing,
        exit: Option<Exit>,
    },
    /// Waits for the next try.
    Backoff {
        until: Moment,
        retry: u32,
        cause: Cause,
    },
    Ended(Outcome),
}

/// How far the ending of a run has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum StopProgress {
    /// Asked to go, or its strays were; the deadline kills.
    Asked,
    /// Everything was killed; the deadline gives it up.
    Killed,
}

/// How a run is being ended and what comes after.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) struct Closing {
    /// Which end event it will get.
    pub(in crate::machine) ending: Ending,
    pub(in crate::machine) then: AfterExit,
    /// Whether it goes without being asked first.
    pub(in crate::machine) now: bool,
}

/// Which end event a run will get.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) enum Ending {
    /// Completed: its leader ended by itself.
    ByItself,
    OnPurpose {
        by: EndCause,
        cause: Cause,
    },
    /// Failed: it broke a limit.
    Broken {
        error: RunError,
        message: String,
        cause: Cause,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) enum AfterExit {
    /// `stopped`.
    Stop,
    /// A new run, for this reason.
    Restart(Cause),
    /// What `restart` and `retry` say.
    ApplyPolicy,
}

/// How a process got down for good.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) enum Outcome {
    /// On request.
    Stopped,
    /// Its last run ended well.
    Succeeded,
    /// Its last run did not.
    Failed { gave_up: bool },
    /// A dependency cannot get where it should, or its pool was stopped. `by` is the dependency
    /// whose new run lets it wait again.
    Skipped { chain: Vec<SkipLink>, by: Option<ProcessId> },
}

/// How the latest run ended.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) struct LastRun {
    pub(in crate::machine) exit: Option<Exit>,
    pub(in crate::machine) error: Option<(RunError, String)>,
    /// What its health check missed, if that ended it.
    pub(in crate::machine) unwell: Option<String>,
    pub(in crate::machine) success: bool,
    pub(in crate::machine) duration: Duration,
    /// A likely reason for the end, and the way out: an input that was empty, a port that was taken.
    pub(in crate::machine) note: Option<String>,
}

impl LastRun {
    /// The code that pitcrew passes on for it.
    pub(in crate::machine) fn shell_code(&self) -> i32 {
        match (&self.error, self.exit) {
            (Some((RunError::ProgramNotFound, _)), _) => 127,
            (Some((RunError::NotExecutable, _)), _) => 126,
            (Some((RunError::Timeout | RunError::IdleTimeout | RunError::ReadyTimeout, _)), _) => {
                124
            }
            (Some((RunError::Unkillable, _)), _) | (_, None) => 1,
            // It was asked to go, and may have gone well.
            _ if self.unwell.is_some() => 1,
            (_, Some(exit)) => exit.shell_code(),
        }
    }

    /// Such as `exit 1 after 8.1s`.
    pub(in crate::machine) fn describe(&self) -> String {
        if let (None, Some(unwell)) = (&self.error, &self.unwell) {
            return format!("{}: {unwell}", health_failure(self.duration));
        }
        let end = match (&self.error, self.exit) {
            (Some((_, message)), _) => message.clone(),
            (None, Some(exit)) => exit_after(exit, self.duration),
            (None, None) => "it ended".to_owned(),
        };
        match &self.note {
            Some(note) => format!("{end}; {note}"),
            None => end,
        }
    }
}

impl Closing {
    /// Of a run whose leader ended without being asked.
    pub(super) fn by_itself() -> Self {
        Self { ending: Ending::ByItself, then: AfterExit::ApplyPolicy, now: false }
    }
}

/// What becomes of a closing under way when another comes.
///
/// The first reason stays the reason: the run ends because of it. What follows is decided by the
/// last wish, and "now" is never taken back.
pub(super) fn merged(current: Option<Closing>, next: Closing) -> Closing {
    let Some(current) = current else { return next };
    let ending = match (&current.ending, &next.ending) {
        (
            Ending::OnPurpose {
                by: EndCause::Stop | EndCause::Restart | EndCause::FileChange | EndCause::Reload,
                ..
            },
            Ending::OnPurpose { by: EndCause::Kill, .. },
        ) => next.ending,
        _ => current.ending,
    };
    Closing { ending, then: next.then, now: current.now || next.now }
}

impl From<ShutdownReason> for Cause {
    fn from(reason: ShutdownReason) -> Self {
        Self::Shutdown { reason }
    }
}
