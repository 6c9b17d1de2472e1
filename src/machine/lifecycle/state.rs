//! The states of a lifecycle, with the data of each.

use std::time::Duration;

use super::checks::Checks;
use super::port::PortPhase;
use crate::machine::event::{Cause, EndCause, RunError, SkipLink};
use crate::machine::event_text::{exit_after, health_failure};
use crate::machine::{Moment, ProcessId};
use crate::spec::Exit;

/// How long a member stays in the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retention {
    /// As long as the project: it can be started again.
    #[default]
    Keep,
    /// Like `Keep`, until newer members of this kind replace it; its outcome does not count for the
    /// project.
    KeepRecent,
    /// Until it has finally ended.
    RemoveOnExit,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) enum State {
    /// No start was requested.
    Idle,
    /// Its dependencies do not hold yet. `again`: they held for the run before, so a dependency that
    /// can no longer hold does not skip this run. `until`: the earliest start.
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
    /// The spawn was requested and not answered; `pending_stop` is carried out afterwards. If it has
    /// a port, the port is checked before that, and the process may have to wait again.
    Starting {
        cause: Cause,
        again: bool,
        pending_stop: Option<Closing>,
        port: PortPhase,
    },
    /// `idle_check_at` is when the engine is asked next for the time of the last output.
    Running {
        pid: u32,
        since: Moment,
        cause: Cause,
        timeout_at: Option<Moment>,
        idle_check_at: Option<Moment>,
        checks: Checks,
    },
    /// The run is being ended; `exit` is known once its leader has ended.
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

/// The progress of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum StopProgress {
    /// The stop signal was sent to the run, or its strays have their grace; the deadline kills.
    Asked,
    /// The tree was killed; at the deadline the run is given up as unkillable.
    Killed,
}

/// How a run is being ended, and the next state.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) struct Closing {
    pub(in crate::machine) ending: Ending,
    pub(in crate::machine) then: AfterExit,
    /// Kill the tree immediately.
    pub(in crate::machine) kill: bool,
}

/// The kind of end event that a run will get.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) enum Ending {
    /// `process_completed`: its leader ended by itself.
    ByItself,
    /// `process_killed`
    OnPurpose { by: EndCause, cause: Cause },
    /// `process_failed`: it exceeded a limit, or cannot be ended.
    Broken { error: RunError, message: String, cause: Cause },
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) enum AfterExit {
    /// No further run; the state is `stopped`.
    Stop,
    /// A new run, for this reason.
    Restart(Cause),
    /// As `restart` and `retry` decide.
    ApplyPolicy,
}

/// How a process finally ended.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) enum Outcome {
    /// On request.
    Stopped,
    /// Its last run succeeded.
    Succeeded,
    /// Its last run failed.
    Failed { gave_up: bool },
    /// A dependency can no longer meet its condition, or the pool was stopped. A new run of the
    /// dependency `by` makes the process wait again.
    Skipped { chain: Vec<SkipLink>, by: Option<ProcessId> },
}

/// How the latest run ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::machine) struct LastRun {
    pub(in crate::machine) exit: Option<Exit>,
    pub(in crate::machine) error: Option<(RunError, String)>,
    /// The misses of the health check, if that ended the run.
    pub(in crate::machine) health_misses: Option<String>,
    pub(in crate::machine) success: bool,
    /// A user has killed it, and requested nothing else since.
    pub(in crate::machine) killed: bool,
    pub(in crate::machine) duration: Duration,
    /// A likely reason for the end, and the way out: an empty input, a port that is taken.
    pub(in crate::machine) note: Option<String>,
}

impl State {
    pub(super) fn starting(cause: Cause, again: bool, port: PortPhase) -> Self {
        Self::Starting { cause, again, pending_stop: None, port }
    }
}

impl LastRun {
    /// The exit code of pitcrew that stands for this end.
    pub(in crate::machine) fn shell_code(&self) -> i32 {
        match (&self.error, self.exit) {
            (Some((RunError::ProgramNotFound, _)), _) => 127,
            (Some((RunError::NotExecutable, _)), _) => 126,
            (Some((RunError::Timeout | RunError::IdleTimeout | RunError::ReadyTimeout, _)), _) => {
                124
            }
            (Some((RunError::Unkillable, _)), _) | (_, None) => 1,
            // It was stopped, so its exit code may be 0.
            _ if self.health_misses.is_some() => 1,
            (_, Some(exit)) => exit.shell_code(),
        }
    }

    /// Whether the run was ended because its health check failed.
    pub(in crate::machine) fn failed_health_check(&self) -> bool {
        self.error.is_none() && self.health_misses.is_some()
    }

    /// Describes the end: `exit 1 after 8.1s`.
    pub(in crate::machine) fn describe(&self) -> String {
        if let (None, Some(health_misses)) = (&self.error, &self.health_misses) {
            return format!("{}: {health_misses}", health_failure(self.duration));
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

impl Ending {
    /// `None` if the leader ended by itself.
    pub(super) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::OnPurpose { cause, .. } | Self::Broken { cause, .. } => Some(cause),
            Self::ByItself => None,
        }
    }
}

impl Closing {
    /// The leader ended without a request.
    pub(super) fn by_itself() -> Self {
        Self { ending: Ending::ByItself, then: AfterExit::ApplyPolicy, kill: false }
    }

    /// Joins another stop to this one.
    ///
    /// The first reason stays the reason, because the run ends for it; only a kill replaces a stop on
    /// request. The latest request decides the next state, and a kill is never taken back.
    pub(super) fn join(&mut self, other: Self) {
        use EndCause::{FileChange, Kill, Reload, Restart, Stop};
        if let (
            Ending::OnPurpose { by: Stop | Restart | FileChange | Reload, .. },
            Ending::OnPurpose { by: Kill, .. },
        ) = (&self.ending, &other.ending)
        {
            self.ending = other.ending;
        }
        self.then = other.then;
        self.kill |= other.kill;
    }
}
