//! Types of process details.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DependencyState, ProcessState};
use crate::machine::event::Cause;
use crate::spec::{CheckRole, ProbeKind, Restart, RetryPolicy, ShutdownOn, StopPolicy, WatchSpec};

/// Options of the process details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DetailsQuery {
    /// Include the values of variables that look like secrets.
    #[serde(default)]
    pub reveal: bool,
}

/// The details of a process, replica or job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessDetails {
    /// The process as in the project state.
    pub member: ProcessState,
    /// The program and its arguments; for a shell command, the shell comes first.
    pub command: Vec<String>,
    /// The shell command, if it is one.
    pub script: Option<String>,
    /// The working directory.
    pub cwd: String,
    /// Environment variables that the project's file and `port` set.
    pub env: Vec<EnvVariable>,
    /// The process also inherits the environment of pitcrew.
    pub env_inherited: bool,
    /// The restart policy, as in the file.
    pub restart: Restart,
    /// The retry policy.
    pub retry: RetryPolicy,
    /// The time limit of a run.
    pub timeout_ms: Option<u64>,
    /// The longest time without output.
    pub idle_timeout_ms: Option<u64>,
    /// Exit codes that mean success.
    pub success_exit_codes: Vec<i32>,
    /// Which end of the process shuts down the project, as in the file.
    pub shutdown_on: ShutdownOn,
    /// The stop policy.
    pub stop: StopPolicy,
    /// The checks, with their latest results while the process runs.
    pub checks: Vec<CheckDetails>,
    /// The file watch, if there is one.
    #[schema(value_type = Option<WatchSpec>)]
    pub watch: Option<Arc<WatchSpec>>,
    /// The processes that depend on it.
    pub needed_by: Vec<DependencyState>,
    /// Where the project's files define it.
    pub defined: Option<SourceLocation>,
    /// The latest runs, newest first.
    pub runs: Vec<RunDetails>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvVariable {
    /// Name of the variable.
    pub name: String,
    /// The value; `null` if it looks like a secret and `reveal` was not set.
    pub value: Option<String>,
}

/// A check and its latest result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckDetails {
    /// The role of the check.
    pub which: CheckRole,
    /// The kind of the probe, as in the file.
    pub kind: ProbeKind,
    /// The probe as text.
    pub probe: String,
    /// The time from the start of one probe to the start of the next.
    pub interval_ms: u64,
    /// The time limit for becoming ready.
    pub timeout_ms: Option<u64>,
    /// Successes in a row that are needed to pass.
    pub successes: u32,
    /// Failures in a row that are needed to fail.
    pub failures: u32,
    /// The latest result as text, while the process runs.
    pub answer: Option<String>,
    /// Whether the latest probe succeeded.
    pub good: Option<bool>,
    /// The current number of successes or failures in a row.
    pub in_a_row: u32,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceLocation {
    /// Path of the file.
    pub file: String,
    /// Line number, from 1.
    pub line: usize,
}

/// A run of a process.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RunDetails {
    /// Number of the run.
    pub run: u32,
    /// When the run started, if that is still known: RFC 3339 with milliseconds.
    pub started: Option<String>,
    /// Why the run was started.
    pub cause: Option<Cause>,
    /// When the run ended, if it has: RFC 3339 with milliseconds.
    pub ended: Option<String>,
    /// How long the run took.
    pub duration_ms: Option<u64>,
    /// How the run ended, such as `failed: exit 1 after 8.1s`.
    pub end: Option<String>,
    /// Whether the run succeeded.
    pub success: Option<bool>,
    /// The next step after the run, such as `retry 5 of 8 in 8s`.
    pub next: Option<String>,
}
