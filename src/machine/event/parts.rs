//! What several kinds of events are made of.

use serde::{Deserialize, Serialize};

use crate::machine::ProcessId;
use crate::spec::{Name, Signal, StartErrorKind, Stray};

/// Whose event it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSubject {
    /// Its number in this program; nothing in an event that was read.
    #[serde(skip)]
    pub id: Option<ProcessId>,
    /// `worker.1`
    pub name: Name,
    /// `worker`
    pub process: Name,
    /// The run it is about; the latest one, or 0 before the first.
    pub run: u32,
    /// The try number of that run.
    pub attempt: u32,
}

/// Why a run was `failed`: it could not be spawned, or we had to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunError {
    /// See [`StartErrorKind::ProgramNotFound`].
    ProgramNotFound,
    /// See [`StartErrorKind::CwdNotFound`].
    CwdNotFound,
    /// See [`StartErrorKind::NotExecutable`].
    NotExecutable,
    /// See [`StartErrorKind::ArgumentsTooLong`].
    ArgumentsTooLong,
    /// See [`StartErrorKind::PortBusy`].
    PortBusy,
    /// See [`StartErrorKind::ResourceLimit`].
    ResourceLimit,
    /// See [`StartErrorKind::Other`].
    Other,
    /// It ran longer than its `timeout`.
    Timeout,
    /// It was silent longer than its `idle_timeout`.
    IdleTimeout,
    /// It was not ready in time.
    ReadyTimeout,
    /// Something of its tree could not be ended.
    Unkillable,
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
    /// As it is written in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProgramNotFound => "program_not_found",
            Self::CwdNotFound => "cwd_not_found",
            Self::NotExecutable => "not_executable",
            Self::ArgumentsTooLong => "arguments_too_long",
            Self::PortBusy => "port_busy",
            Self::ResourceLimit => "resource_limit",
            Self::Other => "other",
            Self::Timeout => "timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::ReadyTimeout => "ready_timeout",
            Self::Unkillable => "unkillable",
        }
    }
}

/// By what a run was ended on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    Stop,
    Kill,
    Restart,
    /// A change of its files.
    FileChange,
    /// Its part of the project's file is another one.
    Reload,
    /// Its health check failed.
    Health,
    /// The project was being stopped.
    Shutdown,
}

/// What the three end events share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct EndDetails {
    /// The leader's exit code, if it returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended the leader, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// Whether the run ended well: by itself, with one of its success codes.
    pub success: bool,
    /// How long it ran, in milliseconds; 0 when it was never spawned.
    pub duration_ms: u64,
    /// Whether descendants outlived the leader.
    pub leaked: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strays: Vec<Stray>,
}

/// One link of the chain that explains a skipped process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipLink {
    /// The dependency.
    pub name: Name,
    /// What it was to reach.
    pub condition: crate::spec::Condition,
    /// Why it cannot any more.
    pub why: String,
}

/// A dependency that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingOn {
    /// The dependency.
    pub name: Name,
    pub condition: crate::spec::Condition,
}
