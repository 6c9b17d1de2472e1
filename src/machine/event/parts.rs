//! Types that several kinds of events share.

use serde::{Deserialize, Serialize};

use crate::machine::ProcessId;
use crate::spec::{Condition, Name, Signal, StartErrorKind, Stray, choices};

/// The process of an event, and its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSubject {
    /// Its number in this program; `None` in an event that was deserialized.
    #[serde(skip)]
    pub id: Option<ProcessId>,
    /// `worker.1`
    pub name: Name,
    /// `worker`
    pub process: Name,
    /// Number of the latest run, 0 before the first.
    pub run: u32,
    /// The try number of that run.
    pub attempt: u32,
}

choices! {
    /// Why a run has `failed`: it could not be spawned, or it had to be ended.
    pub enum RunError {
        /// See [`StartErrorKind::ProgramNotFound`].
        ProgramNotFound = "program_not_found",
        /// See [`StartErrorKind::CwdNotFound`].
        CwdNotFound = "cwd_not_found",
        /// See [`StartErrorKind::NotExecutable`].
        NotExecutable = "not_executable",
        /// See [`StartErrorKind::ArgumentsTooLong`].
        ArgumentsTooLong = "arguments_too_long",
        /// See [`StartErrorKind::PortBusy`].
        PortBusy = "port_busy",
        /// See [`StartErrorKind::ResourceLimit`].
        ResourceLimit = "resource_limit",
        /// See [`StartErrorKind::Other`].
        Other = "other",
        /// It ran longer than its `timeout`.
        Timeout = "timeout",
        /// It was silent longer than its `idle_timeout`.
        IdleTimeout = "idle_timeout",
        /// It was not ready in time.
        ReadyTimeout = "ready_timeout",
        /// A process of its tree could not be ended.
        Unkillable = "unkillable",
    }
}

impl From<StartErrorKind> for RunError {
    fn from(kind: StartErrorKind) -> Self {
        match kind {
            StartErrorKind::ProgramNotFound => Self::ProgramNotFound,
            StartErrorKind::CwdNotFound => Self::CwdNotFound,
            StartErrorKind::NotExecutable => Self::NotExecutable,
            StartErrorKind::ArgumentsTooLong => Self::ArgumentsTooLong,
            StartErrorKind::PortBusy => Self::PortBusy,
            StartErrorKind::ResourceLimit => Self::ResourceLimit,
            StartErrorKind::Other => Self::Other,
        }
    }
}

impl RunError {
    /// Whether the run was spawned.
    pub(in crate::machine) fn was_spawned(self) -> bool {
        matches!(self, Self::Timeout | Self::IdleTimeout | Self::ReadyTimeout | Self::Unkillable)
    }
}

choices! {
    /// Why a run was ended on purpose.
    pub enum EndCause {
        /// A stop.
        Stop = "stop",
        /// A kill.
        Kill = "kill",
        /// A restart.
        Restart = "restart",
        /// A change of its files.
        FileChange = "file_change",
        /// Its part of the project's file has changed.
        Reload = "reload",
        /// Its health check failed.
        Health = "health",
        /// The project was being stopped.
        Shutdown = "shutdown",
    }
}

/// The common fields of the three end events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct EndDetails {
    /// The leader's exit code, if it returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended the leader, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// Whether the run ended by itself with one of its success codes.
    pub success: bool,
    /// How long the run lasted, in milliseconds; 0 if it was never spawned.
    pub duration_ms: u64,
    /// Whether descendants outlived the leader.
    pub leaked: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strays: Vec<Stray>,
}

/// One link of the chain that explains a skipped process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct SkipLink {
    /// The dependency.
    pub name: Name,
    /// The condition that it can no longer meet.
    pub condition: Condition,
    /// Why it cannot meet it.
    pub why: String,
}

/// A dependency whose condition does not hold yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct WaitingOn {
    /// The dependency.
    pub name: Name,
    pub condition: Condition,
}
