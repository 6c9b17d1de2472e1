//! Types for explanations of a state: the process, then the processes that are the reason.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LastOutput;
use crate::machine::StateName;
use crate::machine::event::Cause;
use crate::spec::Condition;

/// Why a process is in its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhyResponse {
    /// The process itself.
    #[serde(flatten)]
    pub root: WhyLink,
    /// What happened to the project's file, if it is no longer at its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_gone: Option<String>,
    /// The processes that are the reason, each followed by its own reasons, down to the root cause.
    pub chain: Vec<WhyLink>,
}

/// The state of a process and its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhyLink {
    /// Depth in the tree of reasons; 0 for the process itself.
    #[serde(default)]
    pub depth: u32,
    /// Name of the process.
    pub name: String,
    /// The condition that it must reach, if it is a dependency.
    pub condition: Option<Condition>,
    /// The state of the process.
    pub state: StateName,
    /// The reason in one sentence.
    pub why: String,
    /// `why` begins with the state, such as `stopped on request`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub why_names_state: bool,
    /// The process has a `ready` check.
    pub checked: bool,
    /// Why the run was started or is being ended, as in the events.
    pub cause: Option<Cause>,
    /// The file because of which the watch is suspended.
    pub suspended_by: Option<String>,
    /// The last output, if the process failed, is in back-off or is unhealthy.
    #[serde(default)]
    pub last_output: Option<LastOutput>,
}
