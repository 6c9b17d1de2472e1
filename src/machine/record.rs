//! The record of a process: what the machine publishes and the control socket serves.

use serde::{Deserialize, Serialize};

use super::condition::{ConditionSubject, Progress};
use super::event::{Cause, RunError, SkipLink, WaitingOn};
use super::{ProcessId, StateName};
use crate::spec::{Name, ProcessKind, Signal, Stray, choices};

/// The facts about one process, replica or job at one moment that need no clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct ProcessRecord {
    /// The number of the process in this project; never reused.
    pub id: ProcessId,
    /// `worker.1`
    pub name: Name,
    /// `worker`
    pub process: Name,
    pub kind: ProcessKind,
    /// The number of the replica, from 1.
    pub replica: Option<u32>,
    /// The pool whose slots it uses.
    pub pool: Option<Name>,
    pub state: StateName,
    /// Whether it is ready now.
    pub ready: bool,
    /// Whether it has a `ready` check; without one it is ready as soon as it has started.
    pub checked: bool,
    /// The leader of the live run.
    pub pid: Option<u32>,
    /// Number of the latest run, 0 before the first.
    pub run: u32,
    /// The try number of the latest run.
    pub attempt: u32,
    /// Runs beyond the first.
    pub restarts: u32,
    /// Exit code of the latest run, if it returned one.
    pub exit_code: Option<i32>,
    /// Signal that ended the latest run.
    pub signal: Option<Signal>,
    /// The error of the latest run, unless the process itself exited with a failure.
    pub error: Option<RunError>,
    /// Exec of the latest run has succeeded.
    pub started: bool,
    /// The latest run ended well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub succeeded: bool,
    /// It was added while the project ran; it is not in the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
    /// It is blocked in a read of its terminal or of its input.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting_for_input: bool,
    /// What it asks for is not shown while it is typed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_secret: bool,
    /// The title that the program in its terminal has set: at most 256 bytes, safe to display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The program in its terminal draws on the alternate screen, as full-screen programs do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alternate_screen: bool,
    /// How often the latest run has rung the bell of its terminal.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bells: u64,
    /// The port it is to listen on.
    pub port: Option<u16>,
    /// The tree was killed and has not ended yet.
    pub killed: bool,
    /// Processes of the tree that are still there while the run ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Stray>,
    /// Why its run was started, or is being ended.
    pub cause: Option<Cause>,
    /// Retries used since the budget was full.
    pub retry: u32,
    /// The state of its file watch; `None` if it watches no files.
    pub watch: Option<WatchState>,
    /// The file whose changes suspended the watch.
    pub suspended_by: Option<String>,
    /// The dependencies it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<WaitingOn>,
    /// Why it was skipped, from the dependency down to the root cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<SkipLink>,
}

choices! {
    /// State of a file watch.
    pub enum WatchState {
        /// A change restarts the process.
        On = "on",
        /// The user turned it off.
        Off = "off",
        /// Changes restarted the process too often; a manual restart resumes it.
        Suspended = "suspended",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ProcessRecord {
    /// How far it has come.
    #[doc(hidden)]
    pub fn progress(&self) -> Progress {
        Progress { state: self.state, started: self.started, succeeded: self.succeeded }
    }

    /// The facts that decide conditions on it.
    #[doc(hidden)]
    pub fn condition_subject(&self) -> ConditionSubject<'_> {
        ConditionSubject {
            name: self.name.as_str(),
            process: self.process.as_str(),
            pool: self.pool.as_ref().map(Name::as_str),
            kind: self.kind,
            added: self.added,
            progress: self.progress(),
        }
    }
}
