//! Types of the project state for interfaces: the complete state, and changes.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{PoolStatus, ProcessStatus};
use crate::machine::condition::{ConditionSubject, Progress};
use crate::machine::event::{Cause, RunError, SkipLink, WaitingOn};
use crate::spec::{Condition, ProcessKind, Signal, Stray, choices};

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
    #[derive(Default, ToSchema)]
    #[schema(rename_all = "snake_case")]
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

/// The project at one moment, with all that an interface shows of it.
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
    pub removed: Vec<u64>,
    /// The numbers of all in their order, where somebody is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<u64>>,
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
        let places: std::collections::HashMap<u64, usize> =
            self.processes.iter().enumerate().map(|(place, one)| (one.id, place)).collect();
        for one in changes.changed {
            match places.get(&one.id).and_then(|place| self.processes.get_mut(*place)) {
                Some(old) => *old = one,
                None => self.processes.push(one),
            }
        }
        if let Some(order) = changes.order {
            let places: std::collections::HashMap<u64, usize> =
                order.into_iter().enumerate().map(|(place, id)| (id, place)).collect();
            let place = |one: &ProcessState| places.get(&one.id).copied().unwrap_or(usize::MAX);
            self.processes.sort_by_key(place);
        }
    }
}

/// One process, replica or job, with all that an interface shows of it.
///
/// `why` is without the time that is left until something happens by itself: that is `until_ms`,
/// and a reader shows both as `WHY in 8s`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ProcessState {
    /// Its number in this project; never used again for another.
    pub id: u64,
    /// As in `ps --json`.
    #[serde(flatten)]
    pub status: ProcessStatus,
    /// `process` or `job`.
    #[schema(value_type = String, example = "process")]
    pub kind: ProcessKind,
    /// What the file says about it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How long it has been in its state.
    pub since_ms: u64,
    /// When a wait, a stop or a back-off is over at the latest: RFC 3339 with milliseconds.
    pub until: Option<String>,
    /// How long that is from now.
    pub until_ms: Option<u64>,
    /// Exec of the latest run has succeeded.
    pub started: bool,
    /// The latest run ended well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub succeeded: bool,
    /// It is not of the file, but was added while the project ran.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
    /// The tree was killed and is waited for.
    pub killed: bool,
    /// What of the tree is still there while it ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub left: Vec<Stray>,
    /// What its run was started for, or is ended for.
    #[schema(value_type = Option<Object>)]
    pub cause: Option<Cause>,
    /// What went wrong with the latest run, where it was not the process itself that ended badly.
    #[schema(value_type = Option<String>, example = "timeout")]
    pub error: Option<RunError>,
    /// Retries used since the budget was full.
    pub retry: u32,
    /// How many there can be; nothing when unlimited.
    pub retries: Option<u32>,
    /// How it stands with the files it watches; nothing where it watches none.
    pub watch: Option<WatchState>,
    /// The file because of which its files are not watched any more.
    pub suspended_by: Option<String>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub waits_for: Vec<WaitingOn>,
    /// Why it was skipped, from the dependency down to the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub chain: Vec<SkipLink>,
    /// What it depends on: processes, jobs and pools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencyState>,
    /// For `@TAG`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// It starts with the project.
    pub autostart: bool,
    /// Its log file, where it has one.
    pub log_file: Option<String>,
    /// Lines can be sent to its input.
    pub stdin: bool,
    /// How it is asked to end: a signal, or nothing where it is a command.
    #[schema(value_type = Option<String>, example = "TERM")]
    pub stop_signal: Option<Signal>,
    /// How long it may take then before everything left is killed.
    pub grace_ms: u64,
}

impl ProcessState {
    /// What conditions on it need to know.
    pub fn condition_subject(&self) -> ConditionSubject<'_> {
        let status = &self.status;
        ConditionSubject {
            name: &status.name,
            process: &status.process,
            job_of: status.pool.as_deref().filter(|_| self.kind == ProcessKind::Job || self.added),
            added: self.added,
            progress: Progress {
                state: status.state,
                started: self.started,
                succeeded: self.succeeded,
            },
        }
    }
}

/// Something that is depended on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DependencyState {
    /// A process, a job or a pool.
    pub name: String,
    /// What it must have reached.
    #[schema(value_type = String, example = "ready")]
    pub condition: Condition,
    /// A new run of it restarts the dependant too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
}

choices! {
    /// How it stands with the files a process watches.
    #[derive(ToSchema)]
    #[schema(rename_all = "snake_case")]
    pub enum WatchState {
        /// A change counts.
        On = "on",
        /// It does not, by a wish of the user.
        Off = "off",
        /// It was restarted too often by changes; a restart by hand resumes it.
        Suspended = "suspended",
    }
}
