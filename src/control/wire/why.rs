//! Types of explanations, link by link.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LastOutput;
use crate::machine::StateName;
use crate::machine::event::Cause;
use crate::spec::Condition;

/// Why a process is where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhyResponse {
    /// The process that was asked about.
    pub name: String,
    /// Where it is.
    pub state: StateName,
    /// One sentence.
    pub why: String,
    /// It has a check that says whether it is ready.
    pub checked: bool,
    /// What its run was started for, or is ended for: as in the events.
    pub cause: Option<Cause>,
    /// The file because of which its files are not watched any more.
    pub suspended_by: Option<String>,
    /// What it printed last, where it failed, is tried again or is unhealthy.
    #[serde(default)]
    pub last_output: Option<LastOutput>,
    /// What has become of the project's file, when it is not where it was at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_gone: Option<String>,
    /// What keeps it, each followed by what keeps that, down to the root.
    pub chain: Vec<WhyLink>,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhyLink {
    /// How many links lie between it and what was asked about.
    pub depth: u32,
    /// Whom it is about.
    pub name: String,
    /// What it is to reach, where it is a dependency.
    pub condition: Option<Condition>,
    /// Where it is.
    pub state: StateName,
    /// One sentence.
    pub why: String,
    /// It has a check that says whether it is ready.
    pub checked: bool,
    /// What its run was started for, or is ended for: as in the events.
    pub cause: Option<Cause>,
    /// The file because of which its files are not watched any more.
    pub suspended_by: Option<String>,
    /// What it printed last, where it failed, is tried again or is unhealthy.
    #[serde(default)]
    pub last_output: Option<LastOutput>,
}
