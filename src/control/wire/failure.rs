//! Types for the last output of a failed process and the reason of a shutdown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The last lines of a process that failed, is in back-off or is unhealthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastOutput {
    /// Name of the process that printed the lines; for a skipped process, the name of the failed
    /// one.
    pub name: String,
    /// Number of the run that printed the lines.
    pub run: u32,
    /// Up to 20 lines, oldest first, without newlines. Invalid UTF-8 is replaced, and long lines are
    /// cut; `logs` returns the lines as they were printed.
    pub lines: Vec<String>,
}

/// Why a project is shutting down or has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectEnd {
    /// The reason in one sentence.
    pub reason: String,
    /// The process that caused the shutdown, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The last output of that process, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_output: Option<LastOutput>,
}
