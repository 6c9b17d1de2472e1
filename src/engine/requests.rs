//! What can be asked of a running engine: wishes in the words of the command line, with an answer.
//!
//! The loop answers itself, so a name means what it means at that moment and nothing comes between
//! the look and the deed.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::{Engine, StdinWrite};
use crate::machine::targets::{Target, UnknownName};
use crate::machine::{
    Explanation, Input, Intent, ProcessId, ProjectPhase, ScaleError, ScalePlan, ShutdownReason,
    Snapshot, StateName,
};
use crate::spec::{CommandLine, Signal};
use crate::sys::{Host, Usage};

/// Something that has an answer.
#[derive(Debug)]
pub(crate) enum Request {
    /// That something be done with these.
    Act {
        /// As on the command line.
        names: Vec<String>,
        act: Verb,
        answer: ReplySender<Resolved>,
    },
    /// What these names stand for.
    Targets { names: Vec<String>, answer: ReplySender<ResolvedTargets> },
    /// So many replicas of a process.
    Scale { process: String, count: u32, answer: ReplySender<Resolved> },
    /// One more job for a pool.
    Enqueue { work: EnqueueRequest, answer: ReplySender<Resolved> },
    /// Something for its standard input.
    Send { name: String, parcel: StdinWrite, answer: ReplySender<()> },
    /// A line for the shell, as a process of its own.
    Run { name: Option<String>, script: String, answer: ReplySender<Resolved> },
    /// Whether changes of their files count.
    Watch { names: Vec<String>, on: bool, answer: ReplySender<Resolved> },
    /// Whoever the project belongs to is gone without a word.
    HangUp,
    /// What each live run takes, by the number of its leader.
    Measure { answer: oneshot::Sender<HashMap<u32, Usage>> },
    /// Why it is where it is.
    Why { name: String, answer: ReplySender<Option<Explanation>> },
}

/// A job that comes while the project runs.
#[derive(Debug)]
pub(crate) struct EnqueueRequest {
    pub(crate) pool: String,
    pub(crate) name: Option<String>,
    pub(crate) argv: Vec<String>,
}

type ReplySender<T> = oneshot::Sender<Result<T, RequestError>>;

/// What can be done with processes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Nothing: it is asked who they are.
    Look,
    Start(Scope),
    Stop,
    Restart(Scope),
    Kill,
    Signal(Signal),
}

/// Who is meant besides those that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    NamedOnly,
    /// Whoever depends on them, directly or not.
    WithDependants,
}

/// Who was meant, and how everything was right before.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) ids: Vec<ProcessId>,
    /// Any snapshot with a higher number shows what follows.
    pub(crate) before: Arc<Snapshot>,
}

/// What names stand for, and how everything was right then.
#[derive(Debug)]
pub(crate) struct ResolvedTargets {
    pub(crate) targets: Vec<Target>,
    pub(crate) before: Arc<Snapshot>,
}

/// Why something was not done at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    #[error("the project is being stopped; nothing starts any more")]
    Ending,
    #[error("{0} is not running, so there is nothing to signal")]
    NotRunning(String),
    #[error(transparent)]
    Misfit(#[from] ScaleError),
    #[error("{0}; its run goes on")]
    CannotStart(String),
    #[error("`{0}` means several; name one, such as `{0}.1`")]
    Several(String),
    #[error("{0} does not run, so nothing reads its input")]
    NoReader(String),
    #[error("{0} has no input to send to; `stdin = \"pipe\"` gives it one")]
    NoInput(String),
    #[error("{0} does not read its input, and much is waiting there already")]
    Unread(String),
}

impl<H: Host> Engine<H> {
    pub(super) fn answer(&mut self, question: Request) {
        match question {
            Request::Act { names, act, answer } => _ = answer.send(self.act(&names, act)),
            Request::Targets { names, answer } => _ = answer.send(self.targets(&names)),
            Request::Scale { process, count, answer } => {
                _ = answer.send(self.scale(&process, count));
            }
            Request::Enqueue { work, answer } => _ = answer.send(self.enqueue(work)),
            Request::Send { name, parcel, answer } => {
                _ = answer.send(self.send(&name, parcel));
            }
            Request::Run { name, script, answer } => {
                _ = answer.send(self.run_by_hand(name.as_deref(), script));
            }
            Request::Watch { names, on, answer } => _ = answer.send(self.watch(&names, on)),
            Request::HangUp => {
                // Said while it stops already, it would mean that all is to be killed.
                if self.supervisor.snapshot(self.clock.now()).phase == ProjectPhase::Up {
                    let reason = ShutdownReason::Signal(Signal::HUP);
                    self.take(Input::Intent(Intent::Shutdown(reason)));
                }
            }
            Request::Measure { answer } => {
                let measured = self.host.measure();
                tokio::spawn(async move { answer.send(measured.await) });
            }
            Request::Why { name, answer } => {
                let now = self.clock.now();
                let snapshot = self.supervisor.snapshot(now);
                let why = self.one(&name).map(|id| Explanation::of(&snapshot, id, now));
                _ = answer.send(why);
            }
        }
    }

    fn targets(&mut self, names: &[String]) -> Result<ResolvedTargets, RequestError> {
        let targets = self.supervisor.targets(names)?;
        let before = Arc::new(self.supervisor.snapshot(self.clock.now()));
        Ok(ResolvedTargets { targets, before })
    }

    fn scale(&mut self, process: &str, count: u32) -> Result<Resolved, RequestError> {
        let now = self.clock.now();
        if self.supervisor.snapshot(now).phase != ProjectPhase::Up {
            return Err(RequestError::Ending);
        }
        let ScalePlan { start, stop } = self.supervisor.scale(now, process, count)?;
        let before = Arc::new(self.supervisor.snapshot(now));
        let ids = start.iter().chain(&stop).copied().collect();
        // Those to go first: a port or a slot of theirs may be needed.
        self.take(Input::Intent(Intent::Stop(stop)));
        self.take(Input::Intent(Intent::Start(start)));
        Ok(Resolved { ids, before })
    }

    fn enqueue(&mut self, work: EnqueueRequest) -> Result<Resolved, RequestError> {
        let command = CommandLine::Argv(work.argv);
        let job = self.supervisor.job(&work.pool, work.name.as_deref(), command)?;
        let ids = self.supervisor.admit(vec![job]).ok_or(RequestError::Ending)?;
        let before = Arc::new(self.supervisor.snapshot(self.clock.now()));
        self.take(Input::Intent(Intent::Start(ids.clone())));
        Ok(Resolved { ids, before })
    }

    fn run_by_hand(
        &mut self,
        name: Option<&str>,
        script: String,
    ) -> Result<Resolved, RequestError> {
        let newcomer = self.supervisor.by_hand(name, script)?;
        let ids = self.supervisor.admit(vec![newcomer]).ok_or(RequestError::Ending)?;
        let before = Arc::new(self.supervisor.snapshot(self.clock.now()));
        self.take(Input::Intent(Intent::Start(ids.clone())));
        Ok(Resolved { ids, before })
    }

    fn watch(&mut self, names: &[String], on: bool) -> Result<Resolved, RequestError> {
        let ids = self.supervisor.select(names)?;
        self.supervisor.set_watch(&ids, on)?;
        let before = Arc::new(self.supervisor.snapshot(self.clock.now()));
        Ok(Resolved { ids, before })
    }

    fn send(&mut self, name: &str, parcel: StdinWrite) -> Result<(), RequestError> {
        let id = self.one(name)?;
        let name = || name.to_owned();
        match self.inputs.get(&id) {
            Some(input) => input.try_send(parcel).map_err(|error| match error {
                TrySendError::Full(_) => RequestError::Unread(name()),
                TrySendError::Closed(_) => RequestError::NoReader(name()),
            }),
            None if self.supervisor.reads_input(id) => Err(RequestError::NoReader(name())),
            None => Err(RequestError::NoInput(name())),
        }
    }

    /// A name that means exactly one.
    fn one(&self, name: &str) -> Result<ProcessId, RequestError> {
        match self.supervisor.select(&[name.to_owned()])?.as_slice() {
            [id] => Ok(*id),
            _ => Err(RequestError::Several(name.to_owned())),
        }
    }

    fn act(&mut self, names: &[String], act: Verb) -> Result<Resolved, RequestError> {
        let mut ids = self.supervisor.select(names)?;
        let before = Arc::new(self.supervisor.snapshot(self.clock.now()));
        if let Verb::Start(Scope::WithDependants) | Verb::Restart(Scope::WithDependants) = act {
            let mut more = self.supervisor.dependants_of(&ids);
            if matches!(act, Verb::Restart(_)) {
                more.retain(|id| before.get(*id).is_some_and(|view| is_wanted(view.state)));
            }
            ids.extend(more);
        }
        if matches!(act, Verb::Start(_) | Verb::Restart(_)) && before.phase != ProjectPhase::Up {
            return Err(RequestError::Ending);
        }
        if let Verb::Restart(_) = act
            && let Some(refused) = self.refused_restarts(&ids).into_iter().next()
        {
            return Err(RequestError::CannotStart(refused));
        }
        if let Verb::Signal(_) = act {
            running(&before, &ids)?;
        }
        let list = ids.clone();
        let intent = match act {
            Verb::Look => return Ok(Resolved { ids, before }),
            Verb::Start(_) => Intent::Start(list),
            Verb::Stop => Intent::Stop(list),
            Verb::Restart(_) => Intent::Restart(list),
            Verb::Kill => Intent::Kill(list),
            Verb::Signal(signal) => Intent::Signal(list, signal),
        };
        self.take(Input::Intent(intent));
        Ok(Resolved { ids, before })
    }
}

/// Whether somebody wants it to run, or wanted it and it failed.
fn is_wanted(state: StateName) -> bool {
    !matches!(state, StateName::Idle | StateName::Stopped | StateName::Succeeded)
}

/// A signal reaches those that run; one name that means several is content with one of them.
fn running(now: &Snapshot, ids: &[ProcessId]) -> Result<(), RequestError> {
    let views = || ids.iter().filter_map(|id| now.get(*id));
    let idle = |state| !matches!(state, StateName::Ready | StateName::Stopping);
    match views().find(|view| view.pid.is_none() || idle(view.state)) {
        Some(view) if views().all(|view| view.pid.is_none()) => {
            Err(RequestError::NotRunning(view.name.to_string()))
        }
        _ => Ok(()),
    }
}
