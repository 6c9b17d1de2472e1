//! What is to be done, and what became of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LastOutput, ProjectEnd, schemas};
use crate::machine::StateName;
use crate::spec::{Condition, Signal};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum ControlCommand {
    /// Start these and what they depend on.
    Start(StartRequest),
    /// Ask these to end, and wait until they have.
    Stop(StopRequest),
    /// A new run of these, whatever their state.
    Restart(StartRequest),
    /// End these and their trees now.
    Kill(StopRequest),
    /// Send a signal to these.
    Signal(SignalRequest),
    /// Wait until these have got there.
    Wait(WaitRequest),
    /// More or fewer replicas.
    Scale(ScaleRequest),
    /// One more job for a pool.
    Enqueue(EnqueueRequest),
    /// A line for the shell, as a process beside those of the file.
    Run(RunRequest),
    /// Whether changes of their files count.
    Watch(WatchRequest),
}

/// A line for the shell, as a process beside those of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Its name; `run.N` when none is given.
    #[serde(default)]
    pub name: Option<String>,
    /// What the shell of the project runs.
    pub command: String,
}

/// Whether changes of the files of these count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// They do.
    pub on: bool,
}

/// Whom an order is about.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// Answer at once.
    #[serde(default)]
    pub no_wait: bool,
}

/// Who is to run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// Answer when they are ready; otherwise when exec has succeeded.
    #[serde(default)]
    pub wait: bool,
    /// And whoever depends on these, directly or not; of a restart those that are wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dependants: bool,
    /// Answer at once.
    #[serde(default)]
    pub no_wait: bool,
}

/// Who gets which signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// Such as `HUP`.
    #[schema(schema_with = schemas::signal)]
    pub signal: Signal,
}

/// Who is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// What they are to reach. Without it each has to be ready or to have succeeded.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::condition)]
    pub until: Option<Condition>,
    /// Answer with the problem `timeout` after this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandResponse {
    /// Everything went as it was asked.
    pub ok: bool,
    /// Each one it was about.
    pub processes: Vec<ProcessOutcome>,
    /// After `start` and `restart`: files of the project that have changed since they were read.
    /// `reload` applies what is different in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_files: Vec<String>,
    /// Why the project ends, where it does: then nothing starts any more.
    #[serde(default)]
    pub ending: Option<ProjectEnd>,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessOutcome {
    /// It got where it was to get.
    pub ok: bool,
    /// `worker.1`
    pub name: String,
    /// Where it is.
    #[schema(value_type = String, example = "ready")]
    pub state: StateName,
    /// The leader of the live run.
    pub pid: Option<u32>,
    /// Number of the latest run, 0 before the first.
    pub run: u32,
    /// How the latest run ended, if it returned a code.
    pub exit_code: Option<i32>,
    /// How the latest run ended, if by a signal.
    #[schema(value_type = Option<String>, example = "TERM")]
    pub signal: Option<Signal>,
    /// One sentence that says why it is where it is.
    pub why: String,
    /// It has a check that says whether it is ready.
    pub checked: bool,
    /// What it printed last, where it did not get there because it, or what it needs, failed.
    #[serde(default)]
    pub last_output: Option<LastOutput>,
}

/// How many replicas there are to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleRequest {
    /// Of this process.
    pub process: String,
    /// So many; 0 stops them all.
    #[schema(maximum = 10_000)]
    #[serde(deserialize_with = "schemas::whole")]
    pub replicas: u32,
    /// Answer at once.
    #[serde(default)]
    pub no_wait: bool,
}

/// A job for a pool of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnqueueRequest {
    /// That pool.
    pub pool: String,
    /// Its name; `POOL.N` when none is given.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,60}$")]
    #[serde(default)]
    pub name: Option<String>,
    /// The program and its arguments.
    #[schema(schema_with = schemas::command)]
    pub command: Vec<String>,
}
