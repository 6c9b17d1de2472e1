//! Types of reloads and checks of the file.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::spec::{CheckReport, Faults, Name, RestartReason, SpecDiff};

/// How the file is to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReloadRequest {
    /// Tell what would be done, and do nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// `report` is in colour.
    #[serde(default)]
    pub colour: bool,
}

/// What came of reading the file again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReloadResponse {
    /// The file has no mistake; with one nothing has changed.
    pub ok: bool,
    /// It was only asked what would be done.
    pub dry_run: bool,
    /// Processes, jobs and pools that were not there before.
    pub added: Vec<String>,
    /// Those that are something else now.
    pub changed: Vec<String>,
    /// Those that are not in the file any more.
    pub removed: Vec<String>,
    /// Who gets a new run because of it, one by one.
    pub restarted: Vec<RestartedProcess>,
    /// Every mistake of the file.
    pub faults: Vec<FaultItem>,
    /// The same with the lines of the file, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// Who gets a new run, and what for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RestartedProcess {
    /// `worker.1`
    pub name: String,
    /// The keys that make a new run and are different.
    #[schema(value_type = Vec<String>, example = json!(["command", "env"]))]
    pub because: Vec<RestartReason>,
}

/// What is wrong with the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckResponse {
    /// There is no mistake.
    pub ok: bool,
    /// Every mistake.
    pub faults: Vec<FaultItem>,
    /// What is no mistake, but does not do what it seems to.
    #[serde(default)]
    pub warnings: Vec<FaultItem>,
}

/// A mistake of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaultItem {
    /// The file.
    pub file: String,
    /// Which line of it, from 1.
    pub line: Option<u64>,
    /// Which character of the line, from 1.
    pub column: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl FaultItem {
    pub(in crate::control) fn all(faults: &Faults) -> Vec<Self> {
        let one = |fault: &crate::spec::Fault| Self {
            file: fault.file().to_string_lossy().into_owned(),
            line: fault.line().map(|line| line as u64),
            column: fault.column().map(|column| column as u64),
            message: fault.message().to_owned(),
            hint: fault.hint().map(str::to_owned),
        };
        faults.iter().map(one).collect()
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
                .map(|one| RestartedProcess { name: one.name.to_string(), because: one.because })
                .collect(),
            faults: Vec::new(),
            report: None,
        }
    }

    pub(in crate::control) fn rejected(faults: &Faults, how: ReloadRequest) -> Self {
        Self {
            ok: false,
            faults: FaultItem::all(faults),
            report: Some(faults.render(how.colour)),
            ..Self::of(SpecDiff::default(), how.dry_run)
        }
    }
}
