//! Types of the project state for front ends: the complete state, and changes.

use std::collections::HashMap;
use std::ops::Deref;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::PoolStatus;
use crate::machine::event_text::StateReason;
use crate::machine::{ProcessId, ProcessRecord, ProcessView};
use crate::spec::{Dependency, Signal, StdinKind, choices};

/// Options of the project state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StateQuery {
    /// Stream the changes: server-sent events with the complete state first, then the changes.
    #[serde(default)]
    pub follow: bool,
    /// Measure resource usage: once, or every five seconds with `follow`.
    #[serde(default)]
    pub measure: bool,
}

/// An item of the state feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StateUpdate {
    /// The complete state: the first item, and later if too much has changed.
    Whole(ProjectState),
    /// The changes since the previous item.
    Changed(StateChanges),
}

choices! {
    /// The phase of the project.
    #[derive(Default)]
    pub enum PhaseName {
        /// The project is running.
        #[default]
        Up = "up",
        /// The processes are being stopped in order.
        Stopping = "stopping",
        /// The processes are being killed.
        Killing = "killing",
    }
}

/// The state of the project at one moment, for `ps --json` and front ends.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ProjectState {
    /// Name of the project.
    pub project: String,
    /// The pid of the project's guardian, the process that the shell started.
    pub pid: u32,
    /// The version of pitcrew that runs the project.
    pub version: String,
    /// Every started process is ready or has succeeded.
    pub ready: bool,
    /// The phase of the project.
    pub phase: PhaseName,
    /// What happened to the project's file, if it is no longer at its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_gone: Option<String>,
    /// The time of this state: RFC 3339 with milliseconds. `until_ms` and `since_ms` count from it.
    pub time: String,
    /// All processes, replicas and jobs, in the order of the file.
    pub processes: Vec<ProcessState>,
    /// All pools, in the order of the file.
    pub pools: Vec<PoolStatus>,
}

/// Changes of a [`ProjectState`]; see [`ProjectState::apply`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct StateChanges {
    /// As in the complete state.
    pub ready: bool,
    /// As in the complete state.
    pub phase: PhaseName,
    /// As in the complete state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_gone: Option<String>,
    /// As in the complete state.
    pub time: String,
    /// The processes that are new or have changed.
    pub changed: Vec<ProcessState>,
    /// Ids of the processes that are no longer members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<ProcessId>,
    /// Ids of all processes in their order, if a process is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<ProcessId>>,
    /// All pools, if one has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<PoolStatus>>,
}

impl ProjectState {
    /// Applies an item of the state feed.
    pub fn apply(&mut self, update: StateUpdate) {
        let changes = match update {
            StateUpdate::Whole(whole) => {
                *self = whole;
                return;
            }
            StateUpdate::Changed(changes) => changes,
        };
        (self.ready, self.phase, self.time) = (changes.ready, changes.phase, changes.time);
        self.file_gone = changes.file_gone;
        if let Some(pools) = changes.pools {
            self.pools = pools;
        }
        if !changes.removed.is_empty() {
            self.processes.retain(|process| !changes.removed.contains(&process.id));
        }
        // New processes go to the end, unless `order` says otherwise.
        let indices = self.processes.iter().enumerate().map(|(index, process)| (process.id, index));
        let indices: HashMap<ProcessId, usize> = indices.collect();
        for process in changes.changed {
            match indices.get(&process.id).and_then(|index| self.processes.get_mut(*index)) {
                Some(old) => *old = process,
                None => self.processes.push(process),
            }
        }
        if let Some(order) = changes.order {
            let indices: HashMap<ProcessId, usize> =
                order.into_iter().enumerate().map(|(index, id)| (id, index)).collect();
            self.processes
                .sort_by_key(|process| indices.get(&process.id).copied().unwrap_or(usize::MAX));
        }
    }
}

/// One process, replica or job at one moment: its record, its times, its usage and its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessState {
    #[serde(flatten)]
    pub record: ProcessRecord,
    /// One sentence that explains the state. In `ps --json` it contains the time left until
    /// something is due; in the state feed it does not, and readers append ` in ` and `until_ms`.
    pub why: String,
    /// `why` begins with the state, such as `stopped on request`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub why_names_state: bool,
    /// When it entered its state: RFC 3339 with milliseconds.
    pub since: String,
    /// How long it has been in its state.
    pub since_ms: u64,
    /// When a wait, a stop or a back-off is over at the latest: RFC 3339 with milliseconds.
    pub until: Option<String>,
    /// How long that is from now.
    pub until_ms: Option<u64>,
    /// How long the live run has been running.
    pub uptime_ms: Option<u64>,
    /// Processor usage of its tree: 100 is one whole processor. Only if measuring was requested.
    #[schema(example = 12.5)]
    pub cpu_percent: Option<f64>,
    /// Memory of its tree; a page that several processes share counts for each.
    pub memory_bytes: Option<u64>,
    #[serde(flatten)]
    pub options: ProcessOptions,
}

impl Deref for ProcessState {
    type Target = ProcessRecord;

    fn deref(&self) -> &ProcessRecord {
        &self.record
    }
}

impl ProcessState {
    /// The state and its reason, for a sentence.
    pub(crate) fn reason(&self) -> StateReason<'_> {
        let word = self.state.word(self.checked);
        StateReason { word, why: &self.why, names_state: self.why_names_state }
    }

    /// The state and its reason as a sentence: `web failed: exit 1 after 8.1s`.
    pub(crate) fn sentence(&self) -> String {
        format!("{}{}{}", self.name, self.state.verb(), self.reason())
    }
}

/// Options of a process, from its specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessOptions {
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The address of its page, for a browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The processes, jobs and pools that it depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencyState>,
    /// For `@TAG`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// It starts with the project.
    pub autostart: bool,
    /// The most retries; `None` if unlimited.
    pub retries: Option<u32>,
    /// The path of its log file.
    pub log_file: Option<String>,
    /// Lines can be sent to its standard input.
    pub stdin: bool,
    /// It runs in a terminal, which can be shown and typed into.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tty: bool,
    /// The signal that asks it to end; `None` if that is a command.
    pub stop_signal: Option<Signal>,
    /// How long it may take to end before its tree is killed.
    pub grace_ms: u64,
}

impl ProcessOptions {
    pub(in crate::control) fn of(view: &ProcessView) -> Self {
        let spec = &view.spec;
        let log_file =
            spec.log.as_ref().map(|log| log.path_for(view.replica).display().to_string());
        let depends_on = spec.depends_on.iter().map(|(name, dependency)| DependencyState {
            name: name.to_string(),
            dependency: *dependency,
        });
        Self {
            description: spec.description.clone(),
            url: spec.page(view.port),
            depends_on: depends_on.collect(),
            tags: spec.tags.iter().map(ToString::to_string).collect(),
            autostart: spec.autostart,
            retries: spec.retry.attempts,
            log_file,
            stdin: spec.stdin == StdinKind::Pipe,
            tty: spec.tty,
            stop_signal: spec.stop.command.is_none().then_some(spec.stop.signal),
            grace_ms: millis(spec.stop.grace),
        }
    }
}

/// A duration in milliseconds.
pub(in crate::control) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A dependency of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DependencyState {
    /// Name of the process, job or pool.
    pub name: String,
    #[serde(flatten)]
    pub dependency: Dependency,
}
