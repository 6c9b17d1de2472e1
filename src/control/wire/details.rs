//! Types of process details.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DependencyState, ProcessState};
use crate::machine::event::Cause;
use crate::spec::{CheckRole, ProbeKind, Restart, ShutdownOn, Signal, StraysPolicy};

/// How one process is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DetailsQuery {
    /// With the values of variables that look like secrets.
    #[serde(default)]
    pub reveal: bool,
}

/// All there is to know about one process, replica or job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessDetails {
    /// What is shown of it everywhere.
    pub member: ProcessState,
    /// The program and its arguments; of a line for the shell, the shell comes first.
    pub command: Vec<String>,
    /// The line for the shell, where it is one.
    pub script: Option<String>,
    /// Its working folder.
    pub cwd: String,
    /// What the file and `port` set of its environment.
    pub env: Vec<EnvVariable>,
    /// It has the environment of pitcrew besides.
    pub env_inherited: bool,
    /// Whether a run that ended by itself is followed by another, as in the file.
    pub restart: Restart,
    /// When it is tried again, in words.
    pub retry: String,
    /// The longest a run may take.
    pub timeout_ms: Option<u64>,
    /// The longest it may be silent.
    pub idle_timeout_ms: Option<u64>,
    /// Exit codes that mean success.
    pub success_exit_codes: Vec<i32>,
    /// Whether its end ends the project, as in the file.
    pub shutdown_on: ShutdownOn,
    /// How it is stopped.
    pub stop: StopDetails,
    /// Its checks, with what they answered last while it runs.
    pub checks: Vec<CheckDetails>,
    /// The files it watches.
    pub watch: Option<WatchDetails>,
    /// Who depends on it.
    pub needed_by: Vec<DependencyState>,
    /// Where it stands in the files of the project.
    pub defined: Option<SourceLocation>,
    /// Its last runs, the newest first.
    pub runs: Vec<RunDetails>,
}

/// One variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvVariable {
    /// Its name.
    pub name: String,
    /// Its value; nothing where it looks like a secret and that was not asked for.
    pub value: Option<String>,
}

/// How a process is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StopDetails {
    /// Sent to the group first.
    pub signal: Signal,
    /// How long it may take before everything left is killed.
    pub grace_ms: u64,
    /// Runs instead of the signal.
    pub command: Option<Vec<String>>,
    /// What happens to descendants that are left.
    pub strays: StraysPolicy,
}

/// A check, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckDetails {
    /// Which check of the process.
    pub which: CheckRole,
    /// What kind of check, as in the file.
    pub kind: ProbeKind,
    /// What is asked.
    pub probe: String,
    /// From the beginning of one probe to that of the next.
    pub interval_ms: u64,
    /// How long becoming ready may take altogether.
    pub timeout_ms: Option<u64>,
    /// So many successes in a row are needed.
    pub successes: u32,
    /// So many misses in a row are too many.
    pub failures: u32,
    /// What it answered last, while it runs.
    pub answer: Option<String>,
    /// Whether that was as it should be.
    pub good: Option<bool>,
    /// Successes or misses in a row.
    pub in_a_row: u32,
}

/// The files a process watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WatchDetails {
    /// Globs relative to its working folder.
    pub paths: Vec<String>,
    /// Globs of what does not count.
    pub ignore: Vec<String>,
    /// What happens on a change, as in the file.
    pub action: String,
    /// Silence after the last change before that.
    pub debounce_ms: u64,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceLocation {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RunDetails {
    /// Its number.
    pub run: u32,
    /// When it started, where that is still known: RFC 3339 with milliseconds.
    pub started: Option<String>,
    /// Why it ran.
    pub cause: Option<Cause>,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it ran.
    pub duration_ms: Option<u64>,
    /// How it ended: `failed: exit 1 after 8.1s`.
    pub end: Option<String>,
    /// Whether that was well.
    pub success: Option<bool>,
    /// What followed: `retry 5 of 8 in 8s`.
    pub next: Option<String>,
}
