//! Commands: the changes that a front end can request of a running project.
//!
//! One enum from the interface, the command line, the socket and the MCP server down to the engine's
//! loop. A new variant does not compile until the engine executes it, the control API awaits its effect,
//! the socket has a route for it, and each front end offers it or says that it does not.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ArrayItems, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::spec::{Condition, Signal, words_schema};

/// A change that a front end requests of a running project. Serialized as its request alone, which is
/// the body of the request to its route.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ControlCommand {
    /// Start processes and what they depend on.
    Start(StartRequest),
    /// Stop processes by their stop policy.
    Stop(StopRequest),
    /// Restart processes, whatever their state.
    Restart(StartRequest),
    /// Kill processes and all their descendants immediately.
    Kill(StopRequest),
    /// Send a signal to the process groups of processes.
    Signal(SignalRequest),
    /// Wait until processes reach a condition.
    Wait(WaitRequest),
    /// Change the number of replicas of a process.
    Scale(ScaleRequest),
    /// Add a job to a pool.
    Enqueue(EnqueueRequest),
    /// Run a shell command as an ad-hoc process.
    Run(RunRequest),
    /// Turn restarts on file changes on or off.
    Watch(WatchRequest),
    /// Write a line to the standard input of a process.
    Send(SendRequest),
    /// Type into the terminal of a process.
    Keys(KeysRequest),
}

/// A shell command to run as an ad-hoc process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Name of the process; default: `run.N`.
    #[serde(default)]
    pub name: Option<String>,
    /// Command line for the project's shell.
    pub command: String,
}

/// Processes whose restarts on file changes are turned on or off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// Whether file changes restart them.
    pub on: bool,
}

/// Processes to stop or to kill.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// Respond immediately instead of when the command has taken effect.
    #[serde(default)]
    pub no_wait: bool,
}

/// Processes to start or to restart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// Respond when they are ready; otherwise when exec has succeeded.
    #[serde(default)]
    pub wait: bool,
    /// Include the processes that depend on these, directly or not; a restart includes those that
    /// are not idle, stopped or succeeded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dependants: bool,
    /// Respond immediately instead of when the command has taken effect.
    #[serde(default)]
    pub no_wait: bool,
}

/// Processes and the signal to send to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// Such as `HUP`.
    #[schema(schema_with = signal_schema)]
    pub signal: Signal,
}

/// Processes and the condition to wait for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitRequest {
    /// `NAME`, `NAME.N`, `@TAG`, `POOL` or `all`.
    #[schema(min_items = 1)]
    pub names: Vec<String>,
    /// The condition; default: each process is ready or has succeeded.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = condition_schema)]
    pub until: Option<Condition>,
    /// Fail with the error `timeout` after this many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "optional_whole_number")]
    pub timeout_ms: Option<u64>,
}

/// The number of replicas that a process is to have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleRequest {
    /// Name of the process.
    pub process: String,
    /// Number of replicas; 0 stops them all.
    #[schema(maximum = 10_000)]
    #[serde(deserialize_with = "whole_number")]
    pub replicas: u32,
    /// Respond immediately instead of when the command has taken effect.
    #[serde(default)]
    pub no_wait: bool,
}

/// A job for a pool of the project's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnqueueRequest {
    /// Name of the pool.
    pub pool: String,
    /// Name of the job; default: `POOL.N`.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,60}$")]
    #[serde(default)]
    pub name: Option<String>,
    /// The program and its arguments.
    #[schema(schema_with = argv_schema)]
    pub command: Vec<String>,
}

/// A line for the standard input of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// Name of the process.
    pub name: String,
    /// The line; a newline is appended.
    pub text: String,
}

/// Keys, text or a paste for the terminal of a process; exactly one of the three.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeysRequest {
    /// Name of the process.
    pub name: String,
    /// Words as of tmux's `send-keys`, such as `C-c`, `Enter`, `Up`, `M-x` or `F5`. Any other word is text;
    /// one in double quotes always is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Text to type; a newline is the Enter key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Text to paste: bracketed, if the program has asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paste: Option<String>,
}

fn text_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn signal_schema() -> RefOr<Schema> {
    words_schema(Signal::names())
}

fn condition_schema() -> RefOr<Schema> {
    words_schema(Condition::WORDS.iter().copied())
}

/// A program, which has a name, and any arguments.
fn argv_schema() -> RefOr<Schema> {
    let program: Schema = text_schema().min_length(Some(1)).into();
    let argv = ArrayBuilder::new()
        .prefix_items([program])
        .items(ArrayItems::RefOrSchema(Box::new(RefOr::T(text_schema().into()))))
        .min_items(Some(1));
    RefOr::T(argv.into())
}

/// What the error of a wrong number names.
pub(crate) const WHOLE_NUMBER: &str = "a whole number from 0 on";

/// Reads a whole number, also from `3.0`, which is the same number in JSON.
fn whole_number<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    to_whole(&Number::deserialize(from)?)
}

fn optional_whole_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Option::<Number>::deserialize(from)?.as_ref().map(to_whole).transpose()
}

fn to_whole<T: TryFrom<u64>, E: Error>(number: &Number) -> Result<T, E> {
    let is_whole =
        |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number);
    let from_float = || number.as_f64().filter(is_whole).map(|number| number as u64);
    let whole = number.as_u64().or_else(from_float).and_then(|number| number.try_into().ok());
    whole.ok_or_else(|| E::custom(format_args!("expected {WHOLE_NUMBER}")))
}
