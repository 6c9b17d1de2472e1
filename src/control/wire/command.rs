//! Responses to commands: the outcome for each process.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LastOutput, ProcessState, ProjectEnd};

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandResponse {
    /// Every process reached what the command asks for.
    pub ok: bool,
    /// The processes that the command is about.
    pub processes: Vec<ProcessOutcome>,
    /// After `start` and `restart`: files of the project that have changed since they were read.
    /// `reload` applies what is different in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_files: Vec<String>,
    /// Why the project ends, where it does: then nothing starts any more.
    #[serde(default)]
    pub ending: Option<ProjectEnd>,
}

/// What became of one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessOutcome {
    /// It reached what the command asks for.
    pub ok: bool,
    /// The process as in `ps --json`.
    #[serde(flatten)]
    pub status: ProcessState,
    /// What it printed last, where it did not get there because it, or what it needs, failed.
    #[serde(default)]
    pub last_output: Option<LastOutput>,
}
