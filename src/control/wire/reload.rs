//! Types for reloading and checking the project's files.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::spec::{CheckReport, FaultItem};
use crate::spec::{Faults, Name, RestartReason, SpecDiff};

/// A request to read the project's files again.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReloadRequest {
    /// Only report the changes.
    #[serde(default)]
    pub dry_run: bool,
    /// Render `report` in colour.
    #[serde(default)]
    pub colour: bool,
}

/// The outcome of a reload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReloadResponse {
    /// The files have no faults; if they have any, nothing was changed.
    pub ok: bool,
    /// Nothing was changed, because `dry_run` was requested.
    pub dry_run: bool,
    /// New processes, jobs and pools.
    pub added: Vec<String>,
    /// Processes, jobs and pools whose definition differs.
    pub changed: Vec<String>,
    /// Processes, jobs and pools that the files no longer define.
    pub removed: Vec<String>,
    /// Processes and replicas that are restarted because of the changes.
    pub restarted: Vec<RestartedProcess>,
    /// All faults of the files.
    pub faults: Vec<FaultItem>,
    /// The faults with the lines of the files, as text for a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// A process that is restarted, and the reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RestartedProcess {
    /// Name of the process, such as `worker.1`.
    pub name: String,
    /// The changed keys that require a restart.
    #[schema(value_type = Vec<String>, example = json!(["command", "env"]))]
    pub because: Vec<RestartReason>,
}

impl ReloadResponse {
    pub(in crate::control) fn of(difference: SpecDiff, dry_run: bool) -> Self {
        let names = |names: Vec<Name>| names.iter().map(ToString::to_string).collect();
        let restarted = difference.restarted.into_iter();
        Self {
            ok: true,
            dry_run,
            added: names(difference.added),
            changed: names(difference.changed),
            removed: names(difference.removed),
            restarted: restarted
                .map(|restart| RestartedProcess {
                    name: restart.name.to_string(),
                    because: restart.because,
                })
                .collect(),
            faults: Vec::new(),
            report: None,
        }
    }

    pub(in crate::control) fn rejected(faults: &Faults, request: ReloadRequest) -> Self {
        Self {
            ok: false,
            faults: faults.items(),
            report: Some(faults.render(request.colour)),
            ..Self::of(SpecDiff::default(), request.dry_run)
        }
    }
}
