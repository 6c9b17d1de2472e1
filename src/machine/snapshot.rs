//! Snapshot: the published state of the project, as immutable data.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::event::{SkipLink, WaitingOn};
use super::event_text::{chain_sentence, gave_up, goals, next_try, pool_stopped, watch_suspended};
use super::graph::DependencyGraph;
use super::lifecycle::{
    AfterExit, LastRun, Lifecycle, Outcome, State, StopProgress, Watch, code_and_signal,
};
use super::members::Members;
use super::slots::Slots;
use super::state_name::StateName;
use super::{Moment, ProcessId, ProcessRecord, ShutdownReason, WatchState};
use crate::spec::{CheckRole, Name, ProbeResult, ProcessSpec, format_duration};

mod checks;

/// A process at one moment: its [record](ProcessRecord), and data that needs the machine's clock or
/// the specification.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessView {
    pub record: ProcessRecord,
    /// When it entered its state.
    pub since: Moment,
    /// When the live run began.
    pub alive_since: Option<Moment>,
    /// When a wait, a stop or a back-off is over at the latest.
    pub until: Option<Moment>,
    /// The code of its end in pitcrew's own exit code.
    pub shell_code: Option<i32>,
    /// The member whose failure stopped the pool, and with it this process.
    pub halted_by: Option<Name>,
    /// The state of its checks while it runs.
    pub probes: Vec<ProbeView>,
    /// Its specification.
    #[doc(hidden)]
    pub spec: Arc<ProcessSpec>,
    why: String,
    /// The reason begins with the word of the state.
    why_names_state: bool,
}

impl Deref for ProcessView {
    type Target = ProcessRecord;

    fn deref(&self) -> &ProcessRecord {
        &self.record
    }
}

/// Published values derived from the state of a lifecycle.
#[derive(Default)]
struct StateSummary {
    why: String,
    /// `why` begins with the word of the state.
    names_state: bool,
    pid: Option<u32>,
    until: Option<Moment>,
    killed: bool,
    waits_for: Vec<WaitingOn>,
    chain: Vec<SkipLink>,
    probes: Vec<ProbeView>,
}

impl ProcessView {
    /// One sentence that explains the state, with the time left if something is due.
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

    /// The reason, with the note about its files that has no place before a time left.
    pub(super) fn why_with_files(&self, now: Moment) -> String {
        let why = self.why(now);
        match (&self.suspended_by, self.until) {
            (Some(path), Some(_)) => format!("{why}; {}", watch_suspended(path)),
            _ => why,
        }
    }

    /// Whether the reason begins with the word of the state: `stopped on request`.
    pub(crate) fn why_names_state(&self) -> bool {
        self.why_names_state
    }

    /// How long until something happens by itself.
    pub fn left_until(&self, now: Moment) -> Option<Duration> {
        self.until.map(|until| until.since(now))
    }

    pub(super) fn of(process: &Lifecycle, graph: &DependencyGraph, members: &Members) -> Self {
        let (state, explained) = (process.state_name(), explain(process, graph, members));
        let spec = &process.spec;
        let last = process.last.as_ref();
        let (exit_code, signal) = code_and_signal(last.and_then(|last| last.exit));
        let (watch_state, suspended_by) = match &process.watch {
            Watch::On => (WatchState::On, None),
            Watch::Off => (WatchState::Off, None),
            Watch::Suspended(path) => (WatchState::Suspended, Some(path.clone())),
        };
        let record = ProcessRecord {
            id: process.id,
            name: process.name.clone(),
            process: spec.name.clone(),
            kind: spec.kind,
            replica: process.replica,
            pool: spec.pool.clone(),
            state,
            ready: state == StateName::Ready,
            checked: spec.ready.is_some(),
            pid: explained.pid,
            run: process.run,
            attempt: process.attempt,
            restarts: process.run.saturating_sub(1),
            exit_code,
            signal,
            error: last.and_then(|last| last.error.as_ref().map(|(error, _)| *error)),
            started: process.started,
            succeeded: process.succeeded(),
            added: process.added,
            waiting_for_input: process.waiting_for_input.is_some(),
            asks_secret: process
                .waiting_for_input
                .as_ref()
                .is_some_and(|request| request.is_secret),
            title: process.terminal.title.clone(),
            alternate_screen: process.terminal.alternate_screen,
            bells: process.terminal.bells,
            port: process.port(),
            killed: explained.killed,
            left: process.left.clone(),
            cause: process.cause().cloned(),
            retry: process.retry_budget.used,
            watch: spec.watch.as_ref().map(|_| watch_state),
            suspended_by,
            waits_for: explained.waits_for,
            chain: explained.chain,
        };
        Self {
            record,
            since: process.entered,
            alive_since: process.alive_since(),
            until: explained.until,
            shell_code: last.map(LastRun::shell_code),
            halted_by: process.halted_by.clone(),
            probes: explained.probes,
            spec: Arc::clone(spec),
            why: explained.why,
            why_names_state: explained.names_state,
        }
    }
}

/// The reason of the state, from the same data that decides.
fn explain(process: &Lifecycle, graph: &DependencyGraph, members: &Members) -> StateSummary {
    let last_end =
        || process.last.as_ref().map_or_else(|| "it ended".to_owned(), LastRun::describe);
    let because = |why: String| StateSummary { why, ..StateSummary::default() };
    let named = |why: String| StateSummary { names_state: true, ..because(why) };
    let halted = || process.halted_by.as_ref().map(pool_stopped);
    let mut explained = match &process.state {
        State::Idle => because("not started".to_owned()),
        State::Waiting { until: Some(until), .. } => {
            StateSummary { until: Some(*until), ..because("delayed; starts".to_owned()) }
        }
        State::Waiting { .. } => {
            let waits_for = graph.missing(process.id, members);
            let explained = match (waits_for.is_empty(), process.unreaped_run) {
                (false, _) => named(format!("waiting for {}", goals(&waits_for))),
                (true, Some(_)) => {
                    because("the previous run is still alive and cannot be killed".to_owned())
                }
                (true, None) => because("about to start".to_owned()),
            };
            StateSummary { waits_for, ..explained }
        }
        State::Queued { .. } => {
            let pool = process.spec.pool.as_ref().map_or("", Name::as_str);
            because(format!("waiting for a free slot of {pool}"))
        }
        State::Starting { port, .. } => {
            let (why, until) = port.explain(process.spec.port_of(process.replica));
            StateSummary { until, ..because(why) }
        }
        State::Running { pid, checks, .. } => {
            let waiting = process.waiting_for_input.as_ref();
            let (why, until) = checks::explain(checks, &process.spec, process.port(), waiting);
            let names_state = waiting.is_none() && checks::names_state(checks, &process.spec);
            let probes = checks::probes(checks, &process.spec, process.port());
            StateSummary { pid: Some(*pid), until, probes, names_state, ..because(why) }
        }
        State::Stopping { pid, until, step, closing, .. } => {
            let why = match (step, &closing.then) {
                (StopProgress::Killed, _) => "killed; unkillable if it does not end",
                (StopProgress::Asked, AfterExit::Restart(_)) => "stopping for a restart; killed",
                (StopProgress::Asked, AfterExit::Stop | AfterExit::ApplyPolicy) => {
                    "stopping; killed"
                }
            };
            let (pid, until, killed) = (Some(*pid), Some(*until), *step == StopProgress::Killed);
            let names_state = !killed;
            StateSummary { names_state, pid, until, killed, ..because(why.to_owned()) }
        }
        State::Backoff { until, retry, .. } => {
            let next = next_try(*retry, process.spec.retry.attempts);
            StateSummary { until: Some(*until), ..because(format!("{}; {next}", last_end())) }
        }
        State::Ended(Outcome::Stopped) => {
            let request = || match &process.last {
                Some(LastRun { killed: true, .. }) => because("killed on request".to_owned()),
                Some(_) | None => named("stopped on request".to_owned()),
            };
            halted().map_or_else(request, because)
        }
        State::Ended(Outcome::Succeeded) => because(last_end()),
        State::Ended(Outcome::Failed { gave_up: has_given_up }) => {
            let names_state = process.last.as_ref().is_some_and(LastRun::failed_health_check);
            let why = if *has_given_up {
                format!("{}; {}", last_end(), gave_up(process.retry_budget.used))
            } else {
                last_end()
            };
            StateSummary { names_state, ..because(why) }
        }
        State::Ended(Outcome::Skipped { chain, .. }) => {
            let why = halted().unwrap_or_else(|| chain_sentence(chain));
            StateSummary { chain: chain.clone(), ..because(why) }
        }
    };
    if let (Some(note), None) = (process.note_on_files(), explained.until) {
        explained.why = format!("{}; {note}", explained.why);
    }
    explained
}

/// Whether the project is up or is being stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectPhase {
    Up,
    /// Everything is being stopped in order.
    Stopping(ShutdownReason),
    Killing(ShutdownReason),
}

/// The state of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeView {
    pub which: CheckRole,
    pub probe: String,
    /// The latest answer.
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
    pub name: Name,
    /// Members that may run at the same time.
    pub slots: u32,
    /// Members that have a slot.
    pub running: usize,
    /// Members that wait for a slot.
    pub queued: usize,
    /// No member gets a slot until the pool is resumed.
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
    /// Increases with every snapshot.
    pub number: u64,
    pub phase: ProjectPhase,
    /// After a third request to end: the guardian ends the remaining processes.
    pub leaving: bool,
    /// Every process that was started is ready or has succeeded.
    pub ready: bool,
    /// Every process and job, in the order of the file.
    pub processes: Vec<Arc<ProcessView>>,
    /// Every pool, in the order of the file.
    pub pools: Vec<PoolStatus>,
}

impl Snapshot {
    /// The process or job with this number.
    pub fn get(&self, id: ProcessId) -> Option<&Arc<ProcessView>> {
        let index = self.processes.binary_search_by_key(&id, |view| view.id).ok()?;
        self.processes.get(index)
    }
}
