//! Types for the last output of a failed process and the reason of the project's end.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The last lines of a process that failed, is tried again or is unhealthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastOutput {
    /// Whose lines: of a process that was skipped, those of the one that failed.
    pub name: String,
    /// Which run of it.
    pub run: u32,
    /// Up to 20 lines, oldest first, without their newlines. Bytes that are no UTF-8 are replaced, and
    /// long lines are cut; `logs` has them as they came.
    pub lines: Vec<String>,
}

/// Why a project ends or has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectEnd {
    /// One sentence.
    pub reason: String,
    /// The process that ended it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// What that process printed last, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_output: Option<LastOutput>,
}
