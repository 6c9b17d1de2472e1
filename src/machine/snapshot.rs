//! Snapshot: the published state of the project, as immutable data.

use std::sync::Arc;
use std::time::Duration;

use super::event::{Cause, RunError, SkipLink, WaitingOn};
use super::event_text::{chain_sentence, gave_up, goals, next_try, pool_stopped};
use super::graph::DependencyGraph;
use super::lifecycle::{AfterExit, Lifecycle, Outcome, State, StopProgress, Watch};
use super::members::Members;
use super::slots::Slots;
use super::state_name::StateName;
use super::{Moment, ProcessId, ShutdownReason};
use crate::spec::{
    CheckRole, Exit, Name, ProbeResult, ProcessKind, ProcessSpec, Stray, format_duration,
};

mod checks;

/// One process at one moment.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ProcessView {
    pub id: ProcessId,
    /// `worker.1`
    pub name: Name,
    /// `worker`
    pub process: Name,
    pub kind: ProcessKind,
    /// 1, where there are replicas.
    pub replica: Option<u32>,
    /// The pool it takes a slot of.
    pub pool: Option<Name>,
    pub state: StateName,
    /// When it got there.
    pub since: Moment,
    /// The leader of the live run.
    pub pid: Option<u32>,
    /// Number of the latest run, 0 before the first.
    pub run: u32,
    /// The try number of that run.
    pub attempt: u32,
    /// How the latest run ended, if it has.
    pub exit: Option<Exit>,
    /// Exec of the latest run has succeeded.
    pub started: bool,
    /// The latest run ended well; as long as there is no other run.
    pub succeeded: bool,
    /// It is not of the file, but was added while the project ran.
    pub added: bool,
    /// It has a check that says whether it is ready.
    pub checked: bool,
    /// What went wrong with the latest run, where it was not the process itself that ended badly.
    pub error: Option<RunError>,
    /// When the live run began.
    pub alive_since: Option<Moment>,
    /// The port it is to listen on.
    pub port: Option<u16>,
    /// The code that stands for its end in pitcrew's own exit code.
    pub shell_code: Option<i32>,
    /// When a wait, a stop or a back-off is over at the latest.
    pub until: Option<Moment>,
    /// Whether the tree was killed and is waited for.
    pub killed: bool,
    /// What of the tree is still there while it ends.
    pub left: Vec<Stray>,
    /// What brought it there, where something did: what its run was started for, or is ended for.
    pub cause: Option<Cause>,
    /// The file because of which its files are not watched any more.
    pub suspended_by: Option<String>,
    pub waits_for: Vec<WaitingOn>,
    /// Why it was skipped, from the dependency down to the root.
    pub chain: Vec<SkipLink>,
    /// The member whose failure has stopped its pool, and it with that.
    pub halted_by: Option<Name>,
    /// How its checks stand, while it runs.
    pub probes: Vec<ProbeView>,
    /// Retries used since the budget was full.
    pub retries: u32,
    /// Whether a change of its files counts.
    pub watched: bool,
    /// What the file says about it.
    pub spec: Arc<ProcessSpec>,
    why: String,
}

impl ProcessView {
    /// One sentence that says why it is where it is, with the time left where there is one.
    pub fn why(&self, now: Moment) -> String {
        match self.until {
            Some(until) => format!("{} in {}", self.why, format_duration(until.since(now))),
            None => self.why.clone(),
        }
    }

    /// The same without the time left.
    pub fn reason(&self) -> &str {
        &self.why
    }

    /// How long until something happens by itself.
    pub fn left_until(&self, now: Moment) -> Option<Duration> {
        self.until.map(|until| until.since(now))
    }

    pub(super) fn of(one: &Lifecycle, order: &DependencyGraph, all: &Members) -> Self {
        let mut view = Self {
            id: one.id,
            name: one.name.clone(),
            process: one.spec.name.clone(),
            kind: one.spec.kind,
            replica: one.replica,
            pool: one.spec.pool.clone(),
            state: one.state_name(),
            since: one.entered,
            pid: None,
            run: one.run,
            attempt: one.attempt(),
            exit: one.last.as_ref().and_then(|last| last.exit),
            started: one.started,
            succeeded: one.succeeded(),
            added: one.added,
            checked: one.spec.ready.is_some(),
            error: one.last.as_ref().and_then(|last| last.error.as_ref().map(|(error, _)| *error)),
            alive_since: match &one.state {
                State::Running { since, .. } | State::Stopping { since, .. } => Some(*since),
                State::Idle
                | State::Waiting { .. }
                | State::Queued { .. }
                | State::Starting { .. }
                | State::Backoff { .. }
                | State::Ended(_) => None,
            },
            port: one.port(),
            shell_code: one.last.as_ref().map(super::lifecycle::LastRun::shell_code),
            until: None,
            killed: false,
            left: one.left.clone(),
            cause: one.cause().cloned(),
            suspended_by: one.suspended_by().map(str::to_owned),
            waits_for: Vec::new(),
            chain: Vec::new(),
            halted_by: one.halted_by.clone(),
            probes: Vec::new(),
            retries: one.retries_used(),
            watched: one.watch == Watch::On,
            spec: Arc::clone(&one.spec),
            why: String::new(),
        };
        view.explain(one, order, all);
        view
    }

    /// State and reason from the same data that decides.
    fn explain(&mut self, one: &Lifecycle, order: &DependencyGraph, all: &Members) {
        let last = one.last.as_ref().map(super::lifecycle::LastRun::describe);
        let last = last.unwrap_or_else(|| "it ended".to_owned());
        (self.state, self.why) = match &one.state {
            State::Idle => (StateName::Idle, "not started".to_owned()),
            State::Waiting { until: Some(until), .. } => {
                self.until = Some(*until);
                (StateName::Waiting, "delayed; may start".to_owned())
            }
            State::Waiting { .. } => {
                self.waits_for = order.missing(one.id, all);
                let why = match (self.waits_for.is_empty(), one.unreaped_run) {
                    (false, _) => format!("waiting for {}", goals(&self.waits_for)),
                    (true, Some(_)) => {
                        "the run before cannot be ended and is still there".to_owned()
                    }
                    (true, None) => "about to start".to_owned(),
                };
                (StateName::Waiting, why)
            }
            State::Queued { .. } => {
                let pool = one.spec.pool.as_ref().map_or("", Name::as_str);
                (StateName::Queued, format!("waiting for a free slot of {pool}"))
            }
            State::Starting { port, .. } => {
                let (why, until) = port.explain(one.spec.port_of(one.replica));
                self.until = until;
                (StateName::Starting, why)
            }
            State::Running { pid, checks, .. } => {
                self.pid = Some(*pid);
                let (state, why, until) = checks::explain(checks, &one.spec, one.port());
                self.until = until;
                self.probes = checks::probes(checks, &one.spec, one.port());
                (state, why)
            }
            State::Stopping { pid, until, step, closing, .. } => {
                self.pid = Some(*pid);
                self.until = Some(*until);
                self.killed = *step == StopProgress::Killed;
                let next = match (step, &closing.then) {
                    (StopProgress::Killed, _) => "killed; called unkillable",
                    (StopProgress::Asked, AfterExit::Restart(_)) => {
                        "stopping to start again; killed"
                    }
                    (StopProgress::Asked, AfterExit::Stop | AfterExit::ApplyPolicy) => {
                        "stopping; killed"
                    }
                };
                (StateName::Stopping, next.to_owned())
            }
            State::Backoff { until, retry, .. } => {
                self.until = Some(*until);
                let next = next_try(*retry, one.spec.retry.attempts);
                (StateName::Backoff, format!("{last}; {next}"))
            }
            State::Ended(Outcome::Stopped) => {
                let halted = one.halted_by.as_ref().map(pool_stopped);
                let why = halted.unwrap_or_else(|| "stopped on request".to_owned());
                (StateName::Stopped, why)
            }
            State::Ended(Outcome::Succeeded) => (StateName::Succeeded, last),
            State::Ended(Outcome::Failed { gave_up: true }) => {
                (StateName::Failed, format!("{last}; {}", gave_up(one.retries_used())))
            }
            State::Ended(Outcome::Failed { gave_up: false }) => (StateName::Failed, last),
            State::Ended(Outcome::Skipped { chain, .. }) => {
                self.chain.clone_from(chain);
                let halted = one.halted_by.as_ref().map(pool_stopped);
                (StateName::Skipped, halted.unwrap_or_else(|| chain_sentence(chain)))
            }
        };
        if let (Some(note), None) = (one.note_on_files(), self.until) {
            self.why = format!("{}; {note}", self.why);
        }
    }
}

/// Whether the project is up or on its way down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectPhase {
    Up,
    /// Everything is being stopped in order.
    Stopping(ShutdownReason),
    Killing(ShutdownReason),
}

/// A check at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeView {
    pub which: CheckRole,
    pub probe: String,
    /// What that answered last.
    pub answer: Option<ProbeResult>,
    /// Successes in a row.
    pub good: u32,
    /// Misses in a row.
    pub bad: u32,
}

/// A pool at one moment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct PoolStatus {
    #[cfg_attr(feature = "control", schema(value_type = String))]
    pub name: Name,
    /// How many of its members may run at a time.
    pub slots: u32,
    /// How many have a slot.
    pub running: usize,
    /// How many wait for one.
    pub queued: usize,
    /// Nobody gets a slot until it is resumed.
    pub paused: bool,
}

impl PoolStatus {
    pub(super) fn of(slots: &Slots) -> Self {
        let (running, queued) = slots.counts();
        let (name, slots, paused) = (slots.spec.name.clone(), slots.spec.concurrency, slots.paused);
        Self { name, slots, running, queued, paused }
    }
}

/// The whole project at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub at: Moment,
    /// Grows with every snapshot.
    pub number: u64,
    pub phase: ProjectPhase,
    /// A third request to end came: whatever is left is left to the guardian.
    pub leaving: bool,
    /// Whether every process that was started is ready or has succeeded.
    pub ready: bool,
    /// Every process and job, in the order of the file.
    pub processes: Vec<Arc<ProcessView>>,
    /// Every pool, in the order of the file.
    pub pools: Vec<PoolStatus>,
}

impl Snapshot {
    /// The process or job with this number.
    pub fn get(&self, id: ProcessId) -> Option<&Arc<ProcessView>> {
        let place = self.processes.binary_search_by_key(&id, |view| view.id).ok()?;
        self.processes.get(place)
    }
}
