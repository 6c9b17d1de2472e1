//! Types of the project state for interfaces: the complete state, and changes.

use std::ops::Deref;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::PoolStatus;
use crate::machine::{ProcessId, ProcessRecord};
use crate::spec::{Condition, ProcessSpec, Signal, StdinKind, choices};

/// Whether the pushed state is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StateQuery {
    /// Go on with what changes: server-sent events, each a whole overview or changes to it.
    #[serde(default)]
    pub follow: bool,
    /// Measure what the processes take: once, or every five seconds as long as this is followed.
    #[serde(default)]
    pub measure: bool,
}

/// Something pushed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StateUpdate {
    /// Everything; the first that comes, and again when so much has changed.
    Whole(ProjectState),
    /// What is different from what was pushed before.
    Changed(StateChanges),
}

choices! {
    /// Whether the project is up or on its way down.
    #[derive(Default)]
    pub enum PhaseName {
        /// Running.
        #[default]
        Up = "up",
        /// Everything is being stopped in order.
        Stopping = "stopping",
        /// Everything is being killed.
        Killing = "killing",
    }
}

/// The project at one moment: `ps --json`, and what an interface shows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ProjectState {
    /// The name of the project.
    pub project: String,
    /// The process the shell knows: the guardian of the project.
    pub pid: u32,
    /// The version of the program that runs it.
    pub version: String,
    /// Every process that was started is ready or has succeeded.
    pub ready: bool,
    /// Up or on its way down.
    pub phase: PhaseName,
    /// What has become of the project's file, when it is not where it was at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_gone: Option<String>,
    /// When this was so: RFC 3339 with milliseconds. `until_ms` and the like count from here.
    pub time: String,
    /// Every process, replica and job, in the order of the file.
    pub processes: Vec<ProcessState>,
    /// Every pool, in the order of the file.
    pub pools: Vec<PoolStatus>,
}

/// What has changed in an [`ProjectState`]; see [`ProjectState::apply`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct StateChanges {
    /// As in the overview.
    pub ready: bool,
    /// As in the overview.
    pub phase: PhaseName,
    /// As in the overview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_gone: Option<String>,
    /// As in the overview.
    pub time: String,
    /// Those that are new or different.
    pub changed: Vec<ProcessState>,
    /// The numbers of those that are no members any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<ProcessId>,
    /// The numbers of all in their order, where somebody is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<ProcessId>>,
    /// Every pool, where one is different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<PoolStatus>>,
}

impl ProjectState {
    /// What it is after this was pushed.
    pub fn apply(&mut self, pushed: StateUpdate) {
        let changes = match pushed {
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
            self.processes.retain(|one| !changes.removed.contains(&one.id));
        }
        // They are in the order of their numbers unless the order says otherwise.
        let places: std::collections::HashMap<ProcessId, usize> =
            self.processes.iter().enumerate().map(|(place, one)| (one.id, place)).collect();
        for one in changes.changed {
            match places.get(&one.id).and_then(|place| self.processes.get_mut(*place)) {
                Some(old) => *old = one,
                None => self.processes.push(one),
            }
        }
        if let Some(order) = changes.order {
            let places: std::collections::HashMap<ProcessId, usize> =
                order.into_iter().enumerate().map(|(place, id)| (id, place)).collect();
            let place = |one: &ProcessState| places.get(&one.id).copied().unwrap_or(usize::MAX);
            self.processes.sort_by_key(place);
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

/// Options of a process, from its specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessOptions {
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
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
    /// The signal that asks it to end; `None` if that is a command.
    pub stop_signal: Option<Signal>,
    /// How long it may take to end before its tree is killed.
    pub grace_ms: u64,
}

impl ProcessOptions {
    pub(in crate::control) fn of(spec: &ProcessSpec, replica: Option<u32>) -> Self {
        let log_file = spec.log.as_ref().map(|log| log.path_for(replica).display().to_string());
        let depends_on = spec.depends_on.iter().map(|(name, dependency)| DependencyState {
            name: name.to_string(),
            condition: dependency.condition,
            restart: dependency.restart,
        });
        Self {
            description: spec.description.clone(),
            depends_on: depends_on.collect(),
            tags: spec.tags.iter().map(ToString::to_string).collect(),
            autostart: spec.autostart,
            retries: spec.retry.attempts,
            log_file,
            stdin: spec.stdin == StdinKind::Pipe,
            stop_signal: spec.stop.command.is_none().then_some(spec.stop.signal),
            grace_ms: millis(spec.stop.grace),
        }
    }
}

/// A duration in milliseconds.
pub(in crate::control) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Something that is depended on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DependencyState {
    /// A process, a job or a pool.
    pub name: String,
    /// What it must have reached.
    pub condition: Condition,
    /// A new run of it restarts the dependant too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
}
