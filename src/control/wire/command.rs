//! The response to a command: what became of each process.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LastOutput, ProjectEnd};
use crate::machine::StateName;
use crate::spec::Signal;

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
