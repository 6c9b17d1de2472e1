//! Lifecycle of one process: its state, one function per kind of input, one `deadline`.
//!
//! The supervisor decides whether dependencies hold and whether a slot is free, and then calls
//! [`Lifecycle::dependencies_met`] and [`Lifecycle::slot_acquired`]. Each deadline is part of the
//! state it belongs to, so leaving the state drops it and a stale timer cannot exist. Requests are
//! handled in this file, facts about a run in `facts`, the end of a run in `stopping`.

use std::sync::Arc;
use std::time::Duration;

use super::event::{
    Cause, EndCause, EventStamp, EventSubject, ProcessQueued, ProcessSkipped, ProcessWaiting,
    SkipLink, WaitingOn,
};
use super::retry::RetryBudget;
use super::step_context::StepContext;
use super::{Effect, InputRequest, Moment, ProcessId, RunId, TerminalStatus};
use crate::spec::{Name, ProcessSpec, Stray};

mod checks;
mod empty_input;
mod facts;
mod port;
mod progress;
mod spec_update;
mod state;
mod stopping;
mod watch;

pub(super) use checks::{CheckState, Checks, Readiness};
pub(super) use port::PortPhase;
pub use state::Retention;
pub(super) use state::{AfterExit, Closing, Ending, LastRun, Outcome, State, StopProgress};
pub(super) use stopping::code_and_signal;
pub(super) use watch::{ChangeResponse, Watch};

/// The reason why a process can never run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocker {
    /// The dependency; the process may run again if that gets a new run.
    pub(super) by: Option<ProcessId>,
    /// The name of the dependency as written in `depends_on`, or the member that stopped the pool.
    pub(super) on: Name,
    /// From the dependency down to the root cause.
    pub(super) chain: Vec<SkipLink>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
pub(super) struct Lifecycle {
    pub(super) id: ProcessId,
    /// `worker.1`; the name of the process is in `spec`.
    pub(super) name: Name,
    pub(super) replica: Option<u32>,
    pub(super) spec: Arc<ProcessSpec>,
    pub(super) state: State,
    /// When the state was entered.
    pub(super) entered: Moment,
    /// Number of the latest run, 0 before the first.
    pub(super) run: u32,
    /// When the latest run was requested: it sees files as they are from then on.
    pub(super) requested_at: Moment,
    /// Exec of the latest run has succeeded; reset by the next run.
    pub(super) started: bool,
    /// How the latest run ended; `None` before that, and again from the next run on.
    pub(super) last: Option<LastRun>,
    /// The processes of its tree that still exist while the run is ending.
    pub(super) left: Vec<Stray>,
    /// Why the latest signal did not reach the latest run.
    pub(super) signal_error: Option<String>,
    /// What the live run asks for, if it waits for input.
    pub(super) waiting_for_input: Option<InputRequest>,
    /// What the terminal of the latest run shows beside the text.
    pub(super) terminal: TerminalStatus,
    /// A run that was given up as unkillable and still exists: no other run may start before it is
    /// gone. 0 if it is a run of an earlier member of the same name.
    pub(super) unreaped_run: Option<u32>,
    pub(super) retry_budget: RetryBudget,
    /// The try number of the latest run.
    pub(super) attempt: u32,
    /// Number of state changes; tells the supervisor that dependants have to be reconsidered.
    pub(super) transitions: u64,
    /// The project is being stopped: no run follows the current one.
    pub(super) restart_disabled: bool,
    pub(super) retention: Retention,
    /// Added while the project runs, not declared in the file.
    pub(super) added: bool,
    /// Priority in the queue of its pool.
    pub(super) priority: i32,
    /// Delay from the first start request to the earliest start.
    pub(super) delay: Duration,
    /// A user has stopped the process since the latest start request, whatever the outcome of its run.
    pub(super) stopped_by_user: bool,
    /// The member whose failure stopped the pool and this process; reset by the next start request.
    pub(super) halted_by: Option<Name>,
    pub(super) watch: Watch,
    /// The port of the current run if it is not the one in the file.
    port: Option<u16>,
}

impl Lifecycle {
    pub(super) fn new(
        id: ProcessId,
        name: Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) -> Self {
        Self {
            id,
            name,
            replica,
            spec,
            state: State::Idle,
            entered: Moment::default(),
            run: 0,
            requested_at: Moment::default(),
            started: false,
            last: None,
            left: Vec::new(),
            signal_error: None,
            waiting_for_input: None,
            terminal: TerminalStatus::default(),
            unreaped_run: None,
            retry_budget: RetryBudget::default(),
            attempt: 1,
            transitions: 0,
            restart_disabled: false,
            retention: Retention::Keep,
            added: false,
            priority: 0,
            delay: Duration::ZERO,
            stopped_by_user: false,
            halted_by: None,
            watch: Watch::Off,
            port: None,
        }
    }

    /// The next moment at which [`Lifecycle::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Running { timeout_at, idle_check_at, checks, .. } => {
                [*timeout_at, *idle_check_at, checks.deadline()].into_iter().flatten().min()
            }
            State::Stopping { until, .. } | State::Backoff { until, .. } => Some(*until),
            State::Waiting { until, .. } => *until,
            State::Starting { port, .. } => port.deadline(),
            State::Idle | State::Queued { .. } | State::Ended(_) => None,
        }
    }

    /// Whether a process of it exists or is being spawned.
    pub(super) fn is_alive(&self) -> bool {
        let state = &self.state;
        matches!(state, State::Starting { .. } | State::Running { .. } | State::Stopping { .. })
    }

    /// Whether the spawn of the current run was requested and the run has not ended.
    pub(super) fn has_run(&self) -> bool {
        let is_checking_port =
            matches!(&self.state, State::Starting { port, .. } if *port != PortPhase::Settled);
        self.is_alive() && !is_checking_port
    }

    /// When the live run started.
    pub(super) fn alive_since(&self) -> Option<Moment> {
        let (State::Running { since, .. } | State::Stopping { since, .. }) = self.state else {
            return None;
        };
        Some(since)
    }

    /// Whether the project cannot end in this state.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.state, State::Idle | State::Ended(_))
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// Whether the start is delayed and the delay is not over.
    pub(super) fn is_delayed(&self) -> bool {
        matches!(self.state, State::Waiting { until: Some(_), .. })
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    pub(super) fn is_in_pool(&self, pool: &Name) -> bool {
        self.spec.pool.as_ref() == Some(pool)
    }

    /// The pending or current stop of the run.
    pub(super) fn closing(&self) -> Option<&Closing> {
        let (State::Stopping { closing, .. } | State::Starting { pending_stop: Some(closing), .. }) =
            &self.state
        else {
            return None;
        };
        Some(closing)
    }

    /// Whether the process will stay stopped when its run has ended.
    pub(super) fn will_stay_stopped(&self) -> bool {
        self.closing().is_some_and(|closing| closing.then == AfterExit::Stop)
    }

    /// Why the run was started, or why it is being ended.
    pub(super) fn cause(&self) -> Option<&Cause> {
        match &self.state {
            State::Waiting { cause, .. }
            | State::Queued { cause, .. }
            | State::Starting { cause, .. }
            | State::Running { cause, .. }
            | State::Backoff { cause, .. } => Some(cause),
            State::Stopping { closing, .. } => closing.ending.cause(),
            State::Idle | State::Ended(_) => None,
        }
    }

    pub(super) fn subject(&self) -> EventSubject {
        EventSubject {
            id: Some(self.id),
            name: self.name.clone(),
            process: self.spec.name.clone(),
            run: self.run,
            attempt: self.attempt,
        }
    }

    pub(super) fn run_id(&self) -> RunId {
        RunId { process: self.id, run: self.run }
    }

    fn enter(&mut self, now: Moment, state: State) {
        self.state = state;
        self.mark_transition(now);
    }

    fn mark_transition(&mut self, now: Moment) {
        self.entered = now;
        self.transitions += 1;
    }

    /// Refills the retry budget. The current run keeps its try number, the next one is attempt 1.
    pub(super) fn reset_budget(&mut self) {
        self.retry_budget.reset();
        if !self.is_alive() {
            self.attempt = 1;
        }
    }

    /// Requests a run as soon as dependencies hold and the pool has a slot.
    pub(super) fn request_start(&mut self, cause: Cause, cx: &StepContext) {
        self.stopped_by_user = false;
        match &mut self.state {
            State::Idle | State::Ended(_) => {
                self.reset_budget();
                // Dependants with the condition `started` mean the new run.
                self.started = false;
                self.wait(cause, false, cx);
            }
            State::Backoff { .. } => {
                self.reset_budget();
                self.wait(cause, true, cx);
            }
            State::Stopping { closing: Closing { then, .. }, .. }
            | State::Starting { pending_stop: Some(Closing { then, .. }), .. } => {
                if !matches!(then, AfterExit::Restart(_)) {
                    *then = AfterExit::Restart(cause);
                    self.reset_budget();
                }
            }
            State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { pending_stop: None, .. }
            | State::Running { .. } => {}
        }
    }

    /// Requests a new run, whatever the state.
    pub(super) fn restart(&mut self, by: EndCause, cause: Cause, cx: &mut StepContext) {
        self.stopped_by_user = false;
        match &mut self.state {
            State::Idle | State::Ended(_) | State::Backoff { .. } => self.request_start(cause, cx),
            State::Waiting { cause: current, .. } | State::Queued { cause: current, .. } => {
                *current = cause;
            }
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => {
                let ending = Ending::OnPurpose { by, cause: cause.clone() };
                self.close(Closing { ending, then: AfterExit::Restart(cause), kill: false }, cx);
            }
        }
    }

    /// Stops it: with its stop signal and grace period, or immediately if `kill`.
    pub(super) fn stop(&mut self, by: EndCause, cause: Cause, kill: bool, cx: &mut StepContext) {
        if cause == Cause::User {
            self.stopped_by_user = true;
            self.halted_by = None;
            self.last.iter_mut().for_each(|last| last.killed = false);
        }
        match &self.state {
            // A skipped process would wait again when its dependency gets a new run.
            State::Ended(Outcome::Skipped { .. }) if by != EndCause::Shutdown => {
                self.enter(cx.now, State::Ended(Outcome::Stopped));
            }
            State::Idle | State::Ended(_) => {}
            State::Waiting { .. } | State::Queued { .. } | State::Backoff { .. } => {
                self.enter(cx.now, State::Ended(Outcome::Stopped));
            }
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => {
                let ending = Ending::OnPurpose { by, cause };
                self.close(Closing { ending, then: AfterExit::Stop, kill }, cx);
            }
        }
    }

    /// Skips a process that has no run and can never start.
    pub(super) fn skip(&mut self, blocker: Blocker, cause: Cause, cx: &mut StepContext) {
        let state = &self.state;
        if matches!(state, State::Waiting { .. } | State::Queued { .. } | State::Backoff { .. }) {
            let Blocker { by, on, chain } = blocker;
            let (stamp, of) = (EventStamp::default(), self.subject());
            cx.emit(ProcessSkipped { stamp, of, on, chain: chain.clone(), cause });
            self.enter(cx.now, State::Ended(Outcome::Skipped { chain, by }));
        }
    }

    /// Emits `process_waiting` with the missing conditions.
    pub(super) fn emit_waiting(&self, on: Vec<WaitingOn>, cx: &mut StepContext) {
        if let State::Waiting { cause, .. } = &self.state {
            let (stamp, of, cause) = (EventStamp::default(), self.subject(), cause.clone());
            cx.emit(ProcessWaiting { stamp, of, on, cause });
        }
    }

    fn wait(&mut self, cause: Cause, again: bool, cx: &StepContext) {
        self.halted_by = None;
        let delay = std::mem::take(&mut self.delay);
        let until = (!delay.is_zero()).then(|| cx.now + delay);
        self.enter(cx.now, State::Waiting { cause, again, until });
    }

    /// Queues for a slot of its pool, or starts.
    pub(super) fn dependencies_met(&mut self, cx: &mut StepContext) {
        let State::Waiting { cause, again, until: None } = &self.state else { return };
        let (cause, again) = (cause.clone(), *again);
        if let Some(pool) = self.spec.pool.clone() {
            let (stamp, of) = (EventStamp::default(), self.subject());
            cx.emit(ProcessQueued { stamp, of, pool, cause: cause.clone() });
            self.enter(cx.now, State::Queued { cause, again });
        } else {
            self.begin_start(cause, again, cx);
        }
    }

    /// Leaves the queue of its pool and waits for its dependencies again.
    pub(super) fn dependencies_lost(&mut self, cx: &StepContext) {
        if let State::Queued { cause, again } = &self.state {
            self.wait(cause.clone(), *again, cx);
        }
    }

    /// Starts, with a slot of its pool.
    pub(super) fn slot_acquired(&mut self, cx: &mut StepContext) {
        if let State::Queued { cause, again } = &self.state {
            self.begin_start(cause.clone(), *again, cx);
        }
    }

    /// Begins the next run: from here on its number is taken.
    fn begin_run(&mut self, cause: Cause, now: Moment) {
        self.run = self.run.saturating_add(1);
        self.requested_at = now;
        self.attempt = self.retry_budget.attempt();
        self.started = false;
        self.last = None;
        self.left.clear();
        self.signal_error = None;
        self.enter(now, State::starting(cause, true, PortPhase::Settled));
    }

    fn spawn(&mut self, cause: Cause, cx: &mut StepContext) {
        self.begin_run(cause, cx.now);
        cx.request(Effect::Spawn {
            run: self.run_id(),
            name: self.name.clone(),
            replica: self.replica,
            port: self.port(),
            spec: Arc::clone(&self.spec),
        });
    }
}
