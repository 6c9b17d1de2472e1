//! Types for reloading and checking the project's files.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::spec::{CheckReport, Faults, Name, RestartReason, SpecDiff};

/// A request to read the project's files again.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReloadRequest {
    /// Only report what a reload would do.
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

/// The faults and warnings of the project's files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckResponse {
    /// The files have no faults.
    pub ok: bool,
    /// All faults.
    pub faults: Vec<FaultItem>,
    /// Settings that are valid, but do not have the effect that they seem to have.
    #[serde(default)]
    pub warnings: Vec<FaultItem>,
}

/// A fault or a warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaultItem {
    /// Path of the file.
    pub file: String,
    /// Line number, from 1.
    pub line: Option<u64>,
    /// Character of the line, from 1.
    pub column: Option<u64>,
    /// The message.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

impl FaultItem {
    pub(in crate::control) fn all(faults: &Faults) -> Vec<Self> {
        let item = |fault: &crate::spec::Fault| Self {
            file: fault.file().to_string_lossy().into_owned(),
            line: fault.line().map(|line| line as u64),
            column: fault.column().map(|column| column as u64),
            message: fault.message().to_owned(),
            hint: fault.hint().map(str::to_owned),
        };
        faults.iter().map(item).collect()
    }
}

impl CheckResponse {
    pub(in crate::control) fn of(report: &CheckReport) -> Self {
        let CheckReport { faults, warnings } = report;
        Self {
            ok: faults.is_empty(),
            faults: FaultItem::all(faults),
            warnings: FaultItem::all(warnings),
        }
    }
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
            faults: FaultItem::all(faults),
            report: Some(faults.render(request.colour)),
            ..Self::of(SpecDiff::default(), request.dry_run)
        }
    }
}
