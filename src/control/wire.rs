//! What is said over the socket, as types.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::machine::{ProcessView, StateName};
use crate::spec::{Condition, Exit, Signal};

/// The project at one moment: `ps --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The name of the project.
    pub project: String,
    /// The process the shell knows: the guardian of the project.
    pub pid: u32,
    /// Every process that was started is ready or has succeeded.
    pub ready: bool,
    /// Every process, replica and job, in the order of the file.
    pub processes: Vec<ProcessStatus>,
}

/// One process, replica or job at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessStatus {
    /// `worker.1`
    pub name: String,
    /// `worker`
    pub process: String,
    /// Which replica it is.
    pub replica: Option<u32>,
    /// The pool it takes a slot of.
    pub pool: Option<String>,
    /// Where it is.
    #[schema(value_type = String, example = "backoff")]
    pub state: StateName,
    /// Whether it is ready now.
    pub ready: bool,
    /// The leader of the live run.
    pub pid: Option<u32>,
    /// Number of the latest run, 0 before the first.
    pub run: u32,
    /// The try number of that run.
    pub attempt: u32,
    /// Runs beyond the first.
    pub restarts: u32,
    /// When it got into this state: RFC 3339 with milliseconds.
    pub since: String,
    /// How long the live run has been running.
    pub uptime_ms: Option<u64>,
    /// How the latest run ended, if it returned a code.
    pub exit_code: Option<i32>,
    /// How the latest run ended, if by a signal.
    #[schema(value_type = Option<String>, example = "TERM")]
    pub signal: Option<Signal>,
    /// One sentence that says why it is where it is.
    pub why: String,
    /// The port it is to listen on.
    pub port: Option<u16>,
    /// Not measured yet.
    pub cpu_percent: Option<f64>,
    /// Not measured yet.
    pub memory_bytes: Option<u64>,
}

impl ProcessStatus {
    /// What a view comes to, with the times that only a clock can tell.
    pub(super) fn of(view: &ProcessView, since: String, why: String, uptime: Option<u64>) -> Self {
        let (exit_code, signal) = match view.exit {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Self {
            name: view.name.to_string(),
            process: view.process.to_string(),
            replica: view.replica,
            pool: view.pool.as_ref().map(ToString::to_string),
            state: view.state,
            ready: view.state == StateName::Ready,
            pid: view.pid,
            run: view.run,
            attempt: view.attempt,
            restarts: view.run.saturating_sub(1),
            since,
            uptime_ms: uptime,
            exit_code,
            signal,
            why,
            port: view.port,
            cpu_percent: None,
            memory_bytes: None,
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Start these and what they depend on.
    Start(Started),
    /// Ask these to end, and wait until they have.
    Stop(Names),
    /// A new run of these, whatever their state.
    Restart(Started),
    /// End these and their trees now.
    Kill(Names),
    /// Send a signal to these.
    Signal(Signalled),
    /// Wait until these have got there.
    Wait(Waited),
}

/// Whom an order is about.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    pub names: Vec<String>,
    /// Answer at once.
    #[serde(default)]
    pub no_wait: bool,
}

/// Who is to run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    pub names: Vec<String>,
    /// Answer when they are ready; otherwise when exec has succeeded.
    #[serde(default)]
    pub wait: bool,
    /// Answer at once.
    #[serde(default)]
    pub no_wait: bool,
}

/// Who gets which signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signalled {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    pub names: Vec<String>,
    /// Such as `HUP`.
    #[schema(value_type = String, example = "HUP")]
    pub signal: Signal,
}

/// Who is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Waited {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    pub names: Vec<String>,
    /// What they are to reach.
    #[serde(rename = "for", default = "ready")]
    #[schema(value_type = String, example = "ready")]
    pub until: Condition,
}

fn ready() -> Condition {
    Condition::Ready
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// Everything went as it was asked.
    pub ok: bool,
    /// Each one it was about.
    pub processes: Vec<Became>,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Became {
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
}

/// How the project is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// Every tree now, instead of in order.
    #[serde(default)]
    pub kill: bool,
}
