//! Responses to commands: the outcome for each process.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LastOutput, ProcessState, ProjectEnd};

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandResponse {
    /// Every process reached the state that the command requests.
    pub ok: bool,
    /// The processes that the command names.
    pub processes: Vec<ProcessOutcome>,
    /// After `start` and `restart`: files of the project that have changed since they were read.
    /// `reload` applies the changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_files: Vec<String>,
    /// Why the project is shutting down, if it is; processes no longer start.
    #[serde(default)]
    pub ending: Option<ProjectEnd>,
}

/// The outcome for one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessOutcome {
    /// The process reached the state that the command requests.
    pub ok: bool,
    /// The process as in `ps --json`.
    #[serde(flatten)]
    pub status: ProcessState,
    /// The last output, if the command failed because the process or one of its dependencies failed.
    #[serde(default)]
    pub last_output: Option<LastOutput>,
}
