//! Lifecycle of one process: its state, one function per kind of input, one `deadline`.
//!
//! Whether dependencies hold and whether a slot is free is decided by the supervisor, which then
//! says [`Lifecycle::dependencies_met`] and [`Lifecycle::slot_acquired`]. Every deadline lives in the state it
//! belongs to, so leaving the state drops it and a stale timer cannot exist. Wishes are in here,
//! what happened to a run is in `facts`, how a run ends and what follows is in `closing`.

use std::sync::Arc;
use std::time::Duration;

use super::event::{
    Cause, EndCause, Event, EventStamp, EventSubject, ProcessQueued, ProcessSkipped,
    ProcessWaiting, SkipLink, WaitingOn,
};
use super::retry::RetryBudget;
use super::{Effect, Moment, ProcessId, ProcessView, RunId, Step};
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

pub(super) use checks::{CheckState, Checks, Level};
pub(super) use port::PortPhase;
pub use state::Retention;
pub(super) use state::{AfterExit, Closing, Ending, LastRun, Outcome, State, StopProgress};
pub(super) use watch::{Watch, WatchCall};

/// What keeps a process from ever running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocker {
    /// A dependency: its new run changes everything.
    pub(super) by: Option<ProcessId>,
    /// Its name as it is written in `depends_on`, or the member that stopped the pool.
    pub(super) on: Name,
    /// From there down to the root of the matter.
    pub(super) chain: Vec<SkipLink>,
}

/// One process.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Lifecycle {
    pub(super) id: ProcessId,
    /// `worker.1`; the name of its process is in `spec`.
    pub(super) name: Name,
    pub(super) replica: Option<u32>,
    pub(super) spec: Arc<ProcessSpec>,
    pub(super) state: State,
    /// When the state was entered.
    pub(super) entered: Moment,
    /// Number of the latest run, 0 before the first.
    pub(super) run: u32,
    /// When the latest run was asked for: it sees the files as they are from then on.
    pub(super) asked: Moment,
    /// The latest run got as far as exec; goes with the next run.
    pub(super) started: bool,
    /// How the latest run ended; nothing before that, and again from the next run on.
    pub(super) last: Option<LastRun>,
    /// What of its tree is still there while it ends.
    pub(super) left: Vec<Stray>,
    /// Why the latest signal did not reach the latest run.
    pub(super) signal_error: Option<String>,
    /// A run that was given up as unkillable and is not gone: no other may start before it is. 0
    /// where it is one of a member before this one, which had the same name.
    pub(super) unreaped_run: Option<u32>,
    /// How many retries are left.
    budget: RetryBudget,
    /// The try number of the latest run.
    attempt: u32,
    /// How often it entered a state; tells the supervisor that others may have to look at it.
    pub(super) moves: u64,
    /// The project is being stopped: no run follows the one at hand.
    last_run: bool,
    pub(super) retention: Retention,
    /// It is not of the file, but was added while the project ran.
    pub(super) added: bool,
    /// Among those that queue for the same pool.
    pub(super) priority: i32,
    /// How long after it was first wanted it may run.
    pub(super) delay: Duration,
    /// A person has stopped it, whatever its end came to.
    stopped: bool,
    /// The member whose failure has stopped the pool, and it with that; goes when it is wanted again.
    pub(super) halted_by: Option<Name>,
    /// How it stands with its files.
    pub(super) watch: Watch,
    /// The port of the run at hand, where it is not the one of the file.
    port: Option<u16>,
    /// As it was shown last; nothing when something has changed since.
    pub(super) view: Option<Arc<ProcessView>>,
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
            asked: Moment::default(),
            started: false,
            last: None,
            left: Vec::new(),
            signal_error: None,
            unreaped_run: None,
            budget: RetryBudget::default(),
            attempt: 1,
            moves: 0,
            last_run: false,
            retention: Retention::Keep,
            added: false,
            priority: 0,
            delay: Duration::ZERO,
            stopped: false,
            halted_by: None,
            watch: Watch::Off,
            port: None,
            view: None,
        }
    }

    pub(super) fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(super) fn retries_used(&self) -> u32 {
        self.budget.used()
    }

    /// The next moment at which [`Lifecycle::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Running { times_out, quiet_out, checks, .. } => {
                [*times_out, *quiet_out, checks.deadline()].into_iter().flatten().min()
            }
            State::Stopping { until, .. } | State::Backoff { until, .. } => Some(*until),
            State::Waiting { until, .. } => *until,
            State::Starting { port, .. } => port.deadline(),
            State::Idle | State::Queued { .. } | State::Ended(_) => None,
        }
    }

    /// Whether there is, or may be, something of it in the process table.
    pub(super) fn is_alive(&self) -> bool {
        match self.state {
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => true,
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Backoff { .. }
            | State::Ended(_) => false,
        }
    }

    /// Whether the project is not done while it is like this.
    pub(super) fn is_busy(&self) -> bool {
        match self.state {
            State::Idle | State::Ended(_) => false,
            State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. } => true,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// Whether it waits for its time.
    pub(super) fn is_delayed(&self) -> bool {
        matches!(self.state, State::Waiting { until: Some(_), .. })
    }

    /// Whether it will rest once its run has ended.
    pub(super) fn is_going_to_rest(&self) -> bool {
        match &self.state {
            State::Stopping { closing, .. } | State::Starting { wish: Some(closing), .. } => {
                closing.then == AfterExit::Stop
            }
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { wish: None, .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Ended(_) => false,
        }
    }

    /// What its run was started for, or is ended for.
    pub(super) fn cause(&self) -> Option<&Cause> {
        match &self.state {
            State::Waiting { cause, .. }
            | State::Queued { cause, .. }
            | State::Starting { cause, .. }
            | State::Running { cause, .. }
            | State::Backoff { cause, .. } => Some(cause),
            State::Stopping { closing, .. } => match &closing.ending {
                Ending::OnPurpose { cause, .. } | Ending::Broken { cause, .. } => Some(cause),
                Ending::ByItself => None,
            },
            State::Idle | State::Ended(_) => None,
        }
    }

    pub(super) fn subject(&self) -> EventSubject {
        EventSubject {
            id: Some(self.id),
            name: self.name.clone(),
            process: self.spec.name.clone(),
            run: self.run,
            attempt: self.attempt(),
        }
    }

    fn run_id(&self) -> RunId {
        RunId { process: self.id, run: self.run }
    }

    fn enter(&mut self, now: Moment, state: State) {
        self.state = state;
        self.entered = now;
        self.moves += 1;
    }

    /// Gives the retry budget back. The run at hand keeps its number, the next one is the first.
    pub(super) fn reset_budget(&mut self) {
        self.budget.reset();
        if !self.is_alive() {
            self.attempt = 1;
        }
    }

    /// Whether a person has stopped it since it was wanted last.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// From now on nothing follows a run.
    pub(super) fn disable_restart(&mut self) {
        self.last_run = true;
    }

    /// It shall run, once its dependencies hold and its pool has a slot.
    pub(super) fn request_start(&mut self, now: Moment, cause: Cause) {
        self.stopped = false;
        match &mut self.state {
            State::Idle | State::Ended(_) => {
                self.reset_budget();
                // Whoever depends on it being started means the run that comes now.
                self.started = false;
                self.wait(now, cause, false);
            }
            State::Backoff { .. } => {
                self.reset_budget();
                self.wait(now, cause, true);
            }
            State::Stopping { closing: Closing { then, .. }, .. }
            | State::Starting { wish: Some(Closing { then, .. }), .. } => match then {
                AfterExit::Stop | AfterExit::ApplyPolicy => {
                    *then = AfterExit::Restart(cause);
                    self.reset_budget();
                }
                AfterExit::Restart(_) => {}
            },
            State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { wish: None, .. }
            | State::Running { .. } => {}
        }
    }

    /// A new run, whatever the state.
    pub(super) fn restart(&mut self, now: Moment, by: EndCause, cause: Cause, out: &mut Step) {
        self.stopped = false;
        match &mut self.state {
            State::Idle | State::Ended(_) | State::Backoff { .. } => self.request_start(now, cause),
            State::Waiting { cause: why, .. } | State::Queued { cause: why, .. } => *why = cause,
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => {
                let ending = Ending::OnPurpose { by, cause: cause.clone() };
                self.close(
                    now,
                    Closing { ending, then: AfterExit::Restart(cause), now: false },
                    out,
                );
            }
        }
    }

    /// It shall end: asked first, or at once when `kill`.
    pub(super) fn stop(
        &mut self,
        now: Moment,
        by: EndCause,
        cause: Cause,
        kill: bool,
        out: &mut Step,
    ) {
        if cause == Cause::User {
            self.stopped = true;
            self.halted_by = None;
        }
        match &self.state {
            // It would wait again when what it depends on gets a new run; it shall not.
            State::Ended(Outcome::Skipped { .. }) if by != EndCause::Shutdown => {
                self.enter(now, State::Ended(Outcome::Stopped));
            }
            State::Idle | State::Ended(_) => {}
            State::Waiting { .. } | State::Queued { .. } | State::Backoff { .. } => {
                self.enter(now, State::Ended(Outcome::Stopped));
            }
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => {
                let ending = Ending::OnPurpose { by, cause };
                self.close(now, Closing { ending, then: AfterExit::Stop, now: kill }, out);
            }
        }
    }

    /// It cannot run any more; only something that waits can be skipped.
    pub(super) fn skip(&mut self, now: Moment, why: Blocker, cause: Cause, out: &mut Step) {
        match self.state {
            State::Waiting { .. } | State::Queued { .. } | State::Backoff { .. } => {
                let Blocker { by, on, chain } = why;
                out.events.push(Event::from(ProcessSkipped {
                    stamp: EventStamp::default(),
                    of: self.subject(),
                    on,
                    chain: chain.clone(),
                    cause,
                }));
                self.enter(now, State::Ended(Outcome::Skipped { chain, by }));
            }
            State::Idle
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Ended(_) => {}
        }
    }

    /// Tells what it waits for.
    pub(super) fn tell_waiting(&self, on: Vec<WaitingOn>, out: &mut Step) {
        if let State::Waiting { cause, .. } = &self.state {
            let (stamp, of, cause) = (EventStamp::default(), self.subject(), cause.clone());
            out.events.push(Event::from(ProcessWaiting { stamp, of, on, cause }));
        }
    }

    fn wait(&mut self, now: Moment, cause: Cause, again: bool) {
        self.halted_by = None;
        let delay = std::mem::take(&mut self.delay);
        let until = (!delay.is_zero()).then(|| now + delay);
        self.enter(now, State::Waiting { cause, again, until });
    }

    /// Its dependencies hold: it queues for its pool, or starts.
    pub(super) fn dependencies_met(&mut self, now: Moment, out: &mut Step) {
        let State::Waiting { cause, again, until: None } = &self.state else { return };
        let (cause, again) = (cause.clone(), *again);
        if let Some(pool) = self.spec.pool.clone() {
            let (stamp, of) = (EventStamp::default(), self.subject());
            out.events.push(Event::from(ProcessQueued { stamp, of, pool, cause: cause.clone() }));
            self.enter(now, State::Queued { cause, again });
        } else {
            self.begin(now, cause, out);
        }
    }

    /// Its dependencies do not hold any more: it leaves the queue of its pool.
    pub(super) fn uncleared(&mut self, now: Moment) {
        if let State::Queued { cause, again } = &self.state {
            let (cause, again) = (cause.clone(), *again);
            self.wait(now, cause, again);
        }
    }

    /// A slot of its pool is its own now.
    pub(super) fn slot_acquired(&mut self, now: Moment, out: &mut Step) {
        if let State::Queued { cause, .. } = &self.state {
            let cause = cause.clone();
            self.begin(now, cause, out);
        }
    }

    /// The next run begins. Its number is taken: exec is asked for, or the start has failed.
    fn begin_run(&mut self, now: Moment, cause: Cause) {
        self.run = self.run.saturating_add(1);
        self.asked = now;
        self.attempt = self.budget.attempt();
        self.started = false;
        self.last = None;
        self.left.clear();
        self.signal_error = None;
        let port = PortPhase::Settled;
        self.enter(now, State::Starting { since: now, cause, wish: None, port });
    }

    fn spawn(&mut self, now: Moment, cause: Cause, out: &mut Step) {
        self.begin_run(now, cause);
        out.effects.push(Effect::Spawn {
            run: self.run_id(),
            name: self.name.clone(),
            replica: self.replica,
            port: self.port(),
            spec: Arc::clone(&self.spec),
        });
    }
}
