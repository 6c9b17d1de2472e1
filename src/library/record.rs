//! The books: one record for each command under way, kept up in the engine's loop itself, so that who
//! sees an event finds the record already as it says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{SetOnce, broadcast, mpsc, watch};

use super::error::{Error, TimeLimit};
use super::events::ObserverMessage;
use super::pool::PendingCounter;
use super::result::{Attempt, ProcessResult, ResultInner};
use crate::engine::{StdinWrite, StepObserver};
use crate::machine::event::{Cause, EndCause, EndDetails, Event, RunError};
use crate::machine::{ProcessId, ProcessView, StateName};
use crate::output::{Capture, Stream};
use crate::spec::{Exit, StartError, StartErrorKind, Stray};

/// How a command ended, or why there is no such thing.
pub(super) type CommandOutcome = Result<ProcessResult, Error>;

/// One command under way, or over.
#[derive(Debug)]
pub(super) struct CommandRecord {
    pub(super) id: OnceLock<ProcessId>,
    pub(super) name: String,
    pub(super) command: String,
    pub(super) limits: CommandLimits,
    pub(super) capture: Arc<Capture>,
    /// Something of its outputs comes to the capture.
    pub(super) is_read: bool,
    pub(super) input: Mutex<Option<mpsc::Sender<StdinWrite>>>,
    pub(super) stage: watch::Sender<CommandStage>,
    /// It is over. Apart from the stage, so that who waits for that alone is woken once.
    pub(super) over: SetOnce<()>,
    pub(super) tally: Option<Arc<PendingCounter>>,
    /// Nobody wants it any more, and it had no number yet when that was said.
    pub(super) unwanted: AtomicBool,
}

/// The limits of a command, for the words about a broken one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CommandLimits {
    pub(super) timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
}

/// How far a command has got.
#[derive(Debug, Clone)]
pub(super) struct CommandStage {
    pub(super) state: StateName,
    pub(super) pid: Option<u32>,
    /// It has started at least once.
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

/// What the end event of the latest run said, beyond its attempt.
#[derive(Debug, Clone, Default)]
struct LastRunEnd {
    success: bool,
    by: Option<EndCause>,
    message: String,
    strays: Vec<Stray>,
}

impl CommandRecord {
    /// Once it is over: how it ended.
    pub(super) async fn outcome(&self) -> CommandOutcome {
        self.over.wait().await;
        let outcome = self.stage.borrow().outcome.clone();
        outcome.unwrap_or(Err(Error::Closed("the manager")))
    }

    /// Gives it its number; whether it is to be killed, as nobody wants it any more.
    pub(super) fn number(&self, id: ProcessId) -> bool {
        _ = self.id.set(id);
        // Wakes who waits for the number.
        self.stage.send_modify(|_| {});
        self.unwanted.load(Ordering::SeqCst)
    }

    /// Nobody wants it any more; gives its number if it has one, to be killed by.
    pub(super) fn give_up(&self) -> Option<ProcessId> {
        // Said first: whoever comes second, we or the one who numbers it, sees what the other did.
        self.unwanted.store(true, Ordering::SeqCst);
        self.id.get().copied()
    }

    /// Ends it without anything having happened.
    pub(super) fn fail(&self, error: Error) {
        self.finish(StateName::Stopped, Err(error));
        self.tell();
    }

    fn finish(&self, state: StateName, outcome: CommandOutcome) {
        self.capture.close();
        lock(&self.input).take();
        self.stage.send_modify(|stage| {
            (stage.state, stage.pid) = (state, None);
            stage.outcome = Some(outcome);
        });
    }

    /// Wakes who waits for its end, once everything else says so too.
    fn tell(&self) {
        // The second time changes nothing.
        if self.over.set(()).is_ok()
            && let Some(tally) = &self.tally
        {
            tally.finished();
        }
    }

    fn note(&self, event: &Event) {
        self.stage.send_modify(|stage| match event {
            Event::ProcessQueued(_) => stage.state = StateName::Queued,
            Event::ProcessWaiting(_) => stage.state = StateName::Waiting,
            Event::ProcessStarted(e) => {
                (stage.state, stage.pid, stage.started) = (StateName::Starting, Some(e.pid), true);
            }
            Event::ProcessReady(_) => stage.state = StateName::Ready,
            Event::ProcessUnhealthy(_) => stage.state = StateName::Unhealthy,
            Event::ProcessRetrying(_) => stage.state = StateName::Backoff,
            Event::ProcessStopping(_) => stage.state = StateName::Stopping,
            Event::ProcessCompleted(e) => stage.ended(&e.end, None, None),
            Event::ProcessKilled(e) => stage.ended(&e.end, Some(e.by), None),
            Event::ProcessFailed(e) => stage.ended(&e.end, None, Some((e.error, &e.message))),
            Event::ProcessSkipped(e) => {
                if let Cause::Pool { failed, .. } = &e.cause {
                    stage.last.message = format!("{failed} failed, and its pool stops then");
                }
            }
            // About the end for good, or not about a process.
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

    /// It has ended for good.
    fn over(&self, id: ProcessId, view: &ProcessView) {
        let stage = self.stage.borrow().clone();
        let outcome = self.judge(id, &stage, view);
        self.finish(view.state, outcome);
    }

    fn judge(&self, id: ProcessId, stage: &CommandStage, view: &ProcessView) -> CommandOutcome {
        let command = self.command.clone();
        if view.state == StateName::Skipped {
            let why = match stage.last.message.as_str() {
                "" => view.why(view.since),
                message => message.to_owned(),
            };
            return Err(Error::Skipped { command, why });
        }
        let Some(last) = stage.attempts.last() else { return Err(Error::Cancelled { command }) };
        let result = || self.result(id, stage);
        match last.error {
            None => Ok(result()),
            Some(RunError::Timeout) => {
                let limit = TimeLimit::Total(self.limits.timeout.unwrap_or_default());
                Err(Error::TimedOut { result: result(), limit })
            }
            Some(RunError::IdleTimeout) => {
                let limit = TimeLimit::Idle(self.limits.idle_timeout.unwrap_or_default());
                Err(Error::TimedOut { result: result(), limit })
            }
            Some(RunError::Unkillable) => {
                Err(Error::Unkillable { result: result(), message: stage.last.message.clone() })
            }
            // Stopped while it was to be tried again: the attempt before is what there is.
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
            name: self.name.clone(),
            command: self.command.clone(),
            success: stage.last.success,
            duration: stage.attempts.last().map_or(Duration::ZERO, |last| last.duration),
            attempts: stage.attempts.clone(),
            stdout: self.capture.kept(Stream::Out),
            stderr: self.capture.kept(Stream::Err),
            strays: stage.last.strays.clone(),
            killed_by: stage.last.by,
        })
    }
}

impl CommandStage {
    fn ended(&mut self, end: &EndDetails, by: Option<EndCause>, broken: Option<(RunError, &str)>) {
        let status = match (end.exit_code, end.signal) {
            (Some(code), _) => Some(Exit::Code(code)),
            (None, Some(signal)) => Some(Exit::Signal(signal)),
            (None, None) => None,
        };
        self.attempts.push(Attempt {
            status,
            error: broken.map(|(error, _)| error),
            duration: Duration::from_millis(end.duration_ms),
        });
        self.last = LastRunEnd {
            success: end.success,
            by,
            message: broken.map_or_else(String::new, |(_, message)| message.to_owned()),
            strays: end.strays.clone(),
        };
        // What follows is said by the next event, or by its end for good.
        (self.state, self.pid) = (StateName::Waiting, None);
    }
}

/// What kept it from being spawned; the other errors are about runs that were.
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

/// All records of one manager, and those who want to know of every event.
#[derive(Debug)]
pub(super) struct CommandRegistry {
    records: Mutex<HashMap<ProcessId, Arc<CommandRecord>>>,
    /// Over, and who waits for that has not been woken: first the events are told and the snapshot is
    /// made, so that who was woken finds nothing that says otherwise.
    untold: Mutex<Vec<Arc<CommandRecord>>>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) observers: Mutex<Vec<mpsc::UnboundedSender<ObserverMessage>>>,
    /// The manager has gone, and the engine has not been told.
    abandoned: AtomicBool,
}

/// Events kept for a subscriber who does not read just now.
const EVENTS: usize = 4096;

impl CommandRegistry {
    pub(super) fn new() -> Self {
        let (events, _) = broadcast::channel(EVENTS);
        Self {
            records: Mutex::default(),
            untold: Mutex::default(),
            events,
            observers: Mutex::default(),
            abandoned: AtomicBool::new(false),
        }
    }

    /// The manager goes.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
    }

    pub(super) fn open(&self, id: ProcessId, record: Arc<CommandRecord>) {
        lock(&self.records).insert(id, record);
    }

    pub(super) fn get(&self, id: ProcessId) -> Option<Arc<CommandRecord>> {
        lock(&self.records).get(&id).cloned()
    }

    /// All that are not over, in the order of their numbers.
    pub(super) fn all(&self) -> Vec<(ProcessId, Arc<CommandRecord>)> {
        let records = lock(&self.records);
        let mut all: Vec<_> = records.iter().map(|(id, one)| (*id, Arc::clone(one))).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    /// Whatever is still under way will never be over: the engine is gone.
    pub(super) fn close(&self) {
        self.published();
        let records = std::mem::take(&mut *lock(&self.records));
        for record in records.into_values() {
            record.fail(Error::Closed("the manager"));
        }
    }
}

impl StepObserver for CommandRegistry {
    fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst) && self.abandoned.swap(false, Ordering::SeqCst)
    }

    fn step(&self, events: &[Event], over: &[(ProcessId, Arc<ProcessView>)]) {
        for event in events {
            let id = event.subject().and_then(|of| of.id);
            if let Some(record) = id.and_then(|id| self.get(id)) {
                record.note(event);
            }
        }
        for (id, view) in over {
            let record = lock(&self.records).remove(id);
            if let Some(record) = record {
                record.over(*id, view);
                lock(&self.untold).push(record);
            }
        }
        let mut observers = lock(&self.observers);
        for event in events {
            // Nobody has to listen, and most often nobody does.
            if self.events.receiver_count() > 0 {
                _ = self.events.send(event.clone());
            }
            observers.retain(|observer| {
                observer.send(ObserverMessage::Event(Box::new(event.clone()))).is_ok()
            });
        }
    }

    fn published(&self) {
        for record in std::mem::take(&mut *lock(&self.untold)) {
            record.tell();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
