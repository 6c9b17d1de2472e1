//! Command records: one per command, updated by the engine's loop before events are published, so that
//! the receiver of an event finds the record up to date.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{SetOnce, broadcast, mpsc, watch};

use super::error::{Error, TimeLimit};
use super::events::ObserverMessage;
use super::result::{Attempt, ProcessResult, ResultInner};
use crate::engine::terminal::ProcessTerminal;
use crate::engine::{StdinWrite, StepObserver};
use crate::machine::event::{Cause, EndCause, EndDetails, Event, RunError};
use crate::machine::event_text::pool_stopped;
use crate::machine::{ProcessId, ProcessView, StateName};
use crate::output::{Capture, Stream};
use crate::spec::{ProcessSpec, StartError, StartErrorKind, Stray};

/// The result of a command, or why there is none.
pub(super) type CommandOutcome = Result<ProcessResult, Error>;

/// The record of one command.
#[derive(Debug)]
pub(super) struct CommandRecord {
    pub(super) id: OnceLock<ProcessId>,
    pub(super) spec: Arc<ProcessSpec>,
    /// The command as it could be typed.
    pub(super) command: String,
    pub(super) capture: Arc<Capture>,
    /// Whether any of its outputs is captured.
    pub(super) is_read: bool,
    pub(super) terminal: Option<Arc<ProcessTerminal>>,
    pub(super) input: Mutex<Option<mpsc::Sender<StdinWrite>>>,
    pub(super) stage: watch::Sender<CommandStage>,
    /// Set when it is over. Separate from the stage, so that waiting tasks are woken only once.
    pub(super) over: SetOnce<()>,
    pub(super) pending: Option<Arc<PendingCounter>>,
    /// Whether it is to be killed as soon as it has a number.
    pub(super) is_abandoned: AtomicBool,
}

/// The number of commands of a pool that are not over.
#[derive(Debug, Default)]
pub(super) struct PendingCounter(pub(super) watch::Sender<usize>);

impl PendingCounter {
    pub(super) fn add(&self, count: usize) {
        self.0.send_modify(|pending| *pending += count);
    }

    pub(super) fn remove(&self, count: usize) {
        self.0.send_modify(|pending| *pending = pending.saturating_sub(count));
    }
}

/// The progress of a command.
#[derive(Debug, Clone)]
pub(super) struct CommandStage {
    pub(super) state: StateName,
    pub(super) pid: Option<u32>,
    /// Whether it has started at least once.
    pub(super) started: bool,
    attempts: Vec<Attempt>,
    last: LastRunEnd,
    pub(super) outcome: Option<CommandOutcome>,
}

impl Default for CommandStage {
    fn default() -> Self {
        Self {
            state: StateName::Idle,
            pid: None,
            started: false,
            attempts: Vec::new(),
            last: LastRunEnd::default(),
            outcome: None,
        }
    }
}

/// Details of the end of the latest run, beyond its attempt.
#[derive(Debug, Clone, Default)]
struct LastRunEnd {
    success: bool,
    cause: Option<EndCause>,
    message: String,
    strays: Vec<Stray>,
}

impl CommandRecord {
    /// Waits until it is over and returns the result.
    pub(super) async fn outcome(&self) -> CommandOutcome {
        self.over.wait().await;
        let outcome = self.stage.borrow().outcome.clone();
        outcome.unwrap_or(Err(Error::Closed("the manager")))
    }

    /// Assigns its number; returns whether it must be killed because it was abandoned.
    pub(super) fn set_id(&self, id: ProcessId) -> bool {
        _ = self.id.set(id);
        // Wakes tasks that wait for the number.
        self.stage.send_modify(|_| {});
        self.is_abandoned.load(Ordering::SeqCst)
    }

    /// Abandons it; returns its number, if it has one, so that it can be killed.
    pub(super) fn abandon(&self) -> Option<ProcessId> {
        // First: whichever comes second, this or the assignment of the number, sees the other.
        self.is_abandoned.store(true, Ordering::SeqCst);
        self.id.get().copied()
    }

    /// Ends it with an error before it has started.
    pub(super) fn fail(&self, error: Error) {
        self.finish(StateName::Stopped, Err(error));
        self.wake();
    }

    fn finish(&self, state: StateName, outcome: CommandOutcome) {
        self.capture.close();
        lock(&self.input).take();
        self.stage.send_modify(|stage| {
            (stage.state, stage.pid) = (state, None);
            stage.outcome = Some(outcome);
        });
    }

    /// Wakes tasks that wait for its end, once everything else is up to date.
    fn wake(&self) {
        // A second call has no effect.
        if self.over.set(()).is_ok()
            && let Some(pending) = &self.pending
        {
            pending.remove(1);
        }
    }

    fn apply(&self, event: &Event) {
        self.stage.send_modify(|stage| match event {
            Event::ProcessQueued(_) => stage.state = StateName::Queued,
            Event::ProcessWaiting(_) => stage.state = StateName::Waiting,
            Event::ProcessStarted(event) => {
                stage.state = StateName::Starting;
                (stage.pid, stage.started) = (Some(event.pid), true);
            }
            Event::ProcessReady(_) => stage.state = StateName::Ready,
            Event::ProcessUnhealthy(_) => stage.state = StateName::Unhealthy,
            Event::ProcessRetrying(_) => stage.state = StateName::Backoff,
            Event::ProcessStopping(_) => stage.state = StateName::Stopping,
            Event::ProcessCompleted(event) => stage.end_run(&event.end, None, None),
            Event::ProcessKilled(event) => stage.end_run(&event.end, Some(event.by), None),
            Event::ProcessFailed(event) => {
                stage.end_run(&event.end, None, Some((event.error, &event.message)));
            }
            Event::ProcessSkipped(event) => {
                if let Cause::Pool { failed, .. } = &event.cause {
                    stage.last.message = pool_stopped(failed);
                }
            }
            // `end` handles the final end; the other events are not about a process.
            Event::ProcessGaveUp(_)
            | Event::FileChanged(_)
            | Event::WatchSuspended(_)
            | Event::ConfigReloaded(_)
            | Event::ConfigRejected(_)
            | Event::PoolDrained(_)
            | Event::ProjectReady(_)
            | Event::ProjectStopping(_)
            | Event::ProjectStopped(_) => {}
        });
    }

    /// Handles its final end.
    fn end(&self, view: &ProcessView) {
        let outcome = self.outcome_of(&self.stage.borrow(), view);
        self.finish(view.state, outcome);
    }

    fn outcome_of(&self, stage: &CommandStage, view: &ProcessView) -> CommandOutcome {
        let command = self.command.clone();
        if view.state == StateName::Skipped {
            let why = match stage.last.message.as_str() {
                "" => view.why(view.since),
                message => message.to_owned(),
            };
            return Err(Error::Skipped { command, why });
        }
        let Some(last) = stage.attempts.last() else { return Err(Error::Cancelled { command }) };
        let result = || self.result(view.id, stage);
        match last.error {
            None => Ok(result()),
            Some(RunError::Timeout) => {
                let limit = TimeLimit::Total(self.spec.timeout.unwrap_or_default());
                Err(Error::TimedOut { result: result(), limit })
            }
            Some(RunError::IdleTimeout) => {
                let limit = TimeLimit::Idle(self.spec.idle_timeout.unwrap_or_default());
                Err(Error::TimedOut { result: result(), limit })
            }
            Some(RunError::Unkillable) => {
                Err(Error::Unkillable { result: result(), message: stage.last.message.clone() })
            }
            // Stopped before a retry: the result of the previous attempt counts.
            Some(_) if stage.started && view.state == StateName::Stopped => Ok(result()),
            Some(error) => {
                let error = StartError { kind: kind(error), message: stage.last.message.clone() };
                Err(Error::Start { command, error })
            }
        }
    }

    fn result(&self, id: ProcessId, stage: &CommandStage) -> ProcessResult {
        ProcessResult::new(ResultInner {
            id,
            name: self.spec.name.to_string(),
            command: self.command.clone(),
            success: stage.last.success,
            duration: stage.attempts.last().map_or(Duration::ZERO, |last| last.duration),
            attempts: stage.attempts.clone(),
            stdout: self.capture.kept(Stream::Out),
            stderr: self.capture.kept(Stream::Err),
            strays: stage.last.strays.clone(),
            killed_by: stage.last.cause,
        })
    }
}

impl CommandStage {
    fn end_run(
        &mut self,
        end: &EndDetails,
        cause: Option<EndCause>,
        failure: Option<(RunError, &str)>,
    ) {
        self.attempts.push(Attempt {
            status: end.exit(),
            error: failure.map(|(error, _)| error),
            duration: Duration::from_millis(end.duration_ms),
        });
        self.last = LastRunEnd {
            success: end.success,
            cause,
            message: failure.map_or_else(String::new, |(_, message)| message.to_owned()),
            strays: end.strays.clone(),
        };
        // The next event or the final end decides what follows.
        (self.state, self.pid) = (StateName::Waiting, None);
    }
}

/// Returns the kind of a start error; the other errors are about runs that were spawned.
fn kind(error: RunError) -> StartErrorKind {
    match error {
        RunError::ProgramNotFound => StartErrorKind::ProgramNotFound,
        RunError::CwdNotFound => StartErrorKind::CwdNotFound,
        RunError::NotExecutable => StartErrorKind::NotExecutable,
        RunError::ArgumentsTooLong => StartErrorKind::ArgumentsTooLong,
        RunError::PortBusy => StartErrorKind::PortBusy,
        RunError::ResourceLimit => StartErrorKind::ResourceLimit,
        RunError::Other
        | RunError::Timeout
        | RunError::IdleTimeout
        | RunError::ReadyTimeout
        | RunError::Unkillable => StartErrorKind::Other,
    }
}

/// All records of one manager, and the subscribers of its events.
#[derive(Debug)]
pub(super) struct CommandRegistry {
    records: Mutex<BTreeMap<ProcessId, Arc<CommandRecord>>>,
    /// Finished commands whose waiting tasks were not woken yet: events and the snapshot are published
    /// first, so that a woken task sees a consistent state.
    ended: Mutex<Vec<Arc<CommandRecord>>>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) observers: Mutex<Vec<mpsc::UnboundedSender<ObserverMessage>>>,
    /// Whether the manager was dropped.
    abandoned: AtomicBool,
}

/// The number of events kept for a slow subscriber.
const EVENT_CAPACITY: usize = 4096;

impl CommandRegistry {
    pub(super) fn new() -> Self {
        let (events, _) = broadcast::channel(EVENT_CAPACITY);
        Self {
            records: Mutex::default(),
            ended: Mutex::default(),
            events,
            observers: Mutex::default(),
            abandoned: AtomicBool::new(false),
        }
    }

    /// Notes that the manager is being dropped.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
    }

    pub(super) fn open(&self, id: ProcessId, record: Arc<CommandRecord>) {
        lock(&self.records).insert(id, record);
    }

    pub(super) fn get(&self, id: ProcessId) -> Option<Arc<CommandRecord>> {
        lock(&self.records).get(&id).cloned()
    }

    /// Returns all commands that are not over, by number.
    pub(super) fn active(&self) -> Vec<(ProcessId, Arc<CommandRecord>)> {
        lock(&self.records).iter().map(|(id, record)| (*id, Arc::clone(record))).collect()
    }

    /// Ends all remaining records, because the engine is gone.
    pub(super) fn close(&self) {
        self.published();
        let records = std::mem::take(&mut *lock(&self.records));
        for record in records.into_values() {
            record.fail(Error::Closed("the manager"));
        }
    }
}

impl StepObserver for CommandRegistry {
    fn take_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst) && self.abandoned.swap(false, Ordering::SeqCst)
    }

    fn step(&self, events: &[Event], over: &[Arc<ProcessView>]) {
        for event in events {
            let id = event.subject().and_then(|of| of.id);
            if let Some(record) = id.and_then(|id| self.get(id)) {
                record.apply(event);
            }
        }
        for view in over {
            let record = lock(&self.records).remove(&view.id);
            if let Some(record) = record {
                record.end(view);
                lock(&self.ended).push(record);
            }
        }
        let mut observers = lock(&self.observers);
        for event in events {
            // Usually there are no subscribers.
            if self.events.receiver_count() > 0 {
                _ = self.events.send(event.clone());
            }
            observers.retain(|observer| {
                observer.send(ObserverMessage::Event(Box::new(event.clone()))).is_ok()
            });
        }
    }

    fn published(&self) {
        for record in std::mem::take(&mut *lock(&self.ended)) {
            record.wake();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
