//! Requests to a running engine, by the names of the command line, with a reply.
//!
//! The loop itself replies, so nothing changes between the lookup of a name and the command.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::command::{
    ControlCommand, EnqueueRequest, RunRequest, ScaleRequest, SendRequest, SignalRequest,
    WatchRequest,
};
use super::preflight::os_error_text;
use super::{Engine, StdinWrite};
use crate::machine::targets::{Target, UnknownName};
use crate::machine::{
    Explanation, Input, Intent, NewMember, ProcessId, ProjectPhase, ScaleError, ScalePlan,
    ShutdownReason, Snapshot, StateName,
};
use crate::spec::{CommandLine, Signal};
use crate::sys::{Host, Usage};

/// A request that has a reply.
#[derive(Debug)]
pub(crate) enum Request {
    /// Carry out a command.
    Command { command: ControlCommand, reply: ReplySender<Accepted> },
    /// Look up which processes these names of the command line mean.
    Resolve { names: Vec<String>, reply: ReplySender<Accepted> },
    /// The front end that owns the project has gone without a shutdown.
    HangUp,
    /// Measure the resource usage of each live run, by the pid of its leader.
    Measure { reply: oneshot::Sender<HashMap<u32, Usage>> },
    /// Explain the state of a process.
    Why { name: String, reply: ReplySender<Option<Explanation>> },
}

type ReplySender<T> = oneshot::Sender<Result<T, RequestError>>;

/// A request that was carried out, with what it takes to watch its effect.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The processes that it is about, each once, in the order of the names.
    pub(crate) ids: Vec<ProcessId>,
    /// What the names stand for, also after processes have come or gone.
    pub(crate) targets: Vec<Target>,
    /// The snapshot from before: any with a higher number shows the effect.
    pub(crate) before: Arc<Snapshot>,
    /// Resolves when the line of a `send` was written.
    pub(crate) written: Option<oneshot::Receiver<io::Result<()>>>,
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("no {0} is given")]
    Missing(&'static str),
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
    #[error("{name} cannot be signalled: pid {pid}: {reason}")]
    Forbidden { name: String, pid: u32, reason: String },
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
    pub(super) fn respond(&mut self, request: Request) {
        match request {
            Request::Command { command, reply } => _ = reply.send(self.execute(command)),
            Request::Resolve { names, reply } => _ = reply.send(self.resolve(&names)),
            Request::HangUp => {
                // During a shutdown, a second one would kill everything.
                if self.supervisor.snapshot(self.clock.now()).phase == ProjectPhase::Up {
                    let reason = ShutdownReason::Signal(Signal::HUP);
                    self.take(Input::Intent(Intent::Shutdown(reason)));
                }
            }
            Request::Measure { reply } => {
                let usage = self.host.measure();
                tokio::spawn(async move { reply.send(usage.await) });
            }
            Request::Why { name, reply } => {
                let now = self.clock.now();
                let snapshot = self.supervisor.snapshot(now);
                let why = self.one(&name).map(|id| Explanation::of(&snapshot, id, now));
                _ = reply.send(why);
            }
        }
    }

    fn execute(&mut self, command: ControlCommand) -> Result<Accepted, RequestError> {
        match command {
            ControlCommand::Start(request) => {
                let mut accepted = self.resolve_up(&request.names)?;
                if request.dependants {
                    accepted.ids.extend(self.supervisor.dependants_of(&accepted.ids));
                }
                Ok(self.request(accepted, Intent::Start))
            }
            ControlCommand::Restart(request) => {
                let mut accepted = self.resolve_up(&request.names)?;
                if request.dependants {
                    let mut dependants = self.supervisor.dependants_of(&accepted.ids);
                    dependants.retain(|id| is_wanted(&accepted.before, *id));
                    accepted.ids.extend(dependants);
                }
                if let Some(refusal) = self.refused_restarts(&accepted.ids).into_iter().next() {
                    return Err(RequestError::CannotStart(refusal));
                }
                Ok(self.request(accepted, Intent::Restart))
            }
            ControlCommand::Stop(request) => {
                let accepted = self.resolve(&request.names)?;
                Ok(self.request(accepted, Intent::Stop))
            }
            ControlCommand::Kill(request) => {
                let accepted = self.resolve(&request.names)?;
                Ok(self.request(accepted, Intent::Kill))
            }
            ControlCommand::Signal(SignalRequest { names, signal }) => {
                let accepted = self.resolve(&names)?;
                check_running(&accepted)?;
                self.check_may_signal(&accepted)?;
                Ok(self.request(accepted, |ids| Intent::Signal(ids, signal)))
            }
            ControlCommand::Wait(request) => self.resolve(&request.names),
            ControlCommand::Scale(request) => self.scale(&request),
            ControlCommand::Enqueue(request) => self.enqueue(request),
            ControlCommand::Run(RunRequest { name, command }) => {
                if command.trim().is_empty() {
                    return Err(RequestError::Missing("command"));
                }
                let process = self.supervisor.by_hand(name.as_deref(), command)?;
                self.start_new(process)
            }
            ControlCommand::Watch(WatchRequest { names, on }) => {
                let accepted = self.resolve(&names)?;
                self.supervisor.set_watch(&accepted.ids, on)?;
                // From after the change: nothing else makes a later one.
                Ok(Accepted { before: self.snapshot_now(), ..accepted })
            }
            ControlCommand::Send(request) => self.send(request),
        }
    }

    fn snapshot_now(&mut self) -> Arc<Snapshot> {
        Arc::new(self.supervisor.snapshot(self.clock.now()))
    }

    fn resolve(&mut self, names: &[String]) -> Result<Accepted, RequestError> {
        if names.is_empty() {
            return Err(RequestError::Missing("name"));
        }
        let targets = self.supervisor.targets(names)?;
        let ids = self.supervisor.select(names)?;
        Ok(Accepted { ids, targets, before: self.snapshot_now(), written: None })
    }

    /// The same for what starts processes, which a shutdown rules out.
    fn resolve_up(&mut self, names: &[String]) -> Result<Accepted, RequestError> {
        let accepted = self.resolve(names)?;
        match accepted.before.phase {
            ProjectPhase::Up => Ok(accepted),
            ProjectPhase::Stopping(_) | ProjectPhase::Killing(_) => Err(RequestError::Ending),
        }
    }

    fn request(
        &mut self,
        accepted: Accepted,
        intent: impl FnOnce(Vec<ProcessId>) -> Intent,
    ) -> Accepted {
        self.take(Input::Intent(intent(accepted.ids.clone())));
        accepted
    }

    fn scale(&mut self, request: &ScaleRequest) -> Result<Accepted, RequestError> {
        let now = self.clock.now();
        if self.supervisor.snapshot(now).phase != ProjectPhase::Up {
            return Err(RequestError::Ending);
        }
        let ScalePlan { start, stop } =
            self.supervisor.scale(now, &request.process, request.replicas)?;
        let ids = start.iter().chain(&stop).copied().collect();
        let before = self.snapshot_now();
        // Stops go first: the starts may need their ports or slots.
        self.take(Input::Intent(Intent::Stop(stop)));
        self.take(Input::Intent(Intent::Start(start)));
        Ok(Accepted { ids, targets: Vec::new(), before, written: None })
    }

    fn enqueue(&mut self, request: EnqueueRequest) -> Result<Accepted, RequestError> {
        let EnqueueRequest { pool, name, command } = request;
        if command.first().is_none_or(String::is_empty) {
            return Err(RequestError::Missing("command"));
        }
        let job = self.supervisor.job(&pool, name.as_deref(), CommandLine::Argv(command))?;
        self.start_new(job)
    }

    fn start_new(&mut self, member: NewMember) -> Result<Accepted, RequestError> {
        let ids = self.supervisor.admit(vec![member]).ok_or(RequestError::Ending)?;
        let before = self.snapshot_now();
        let accepted = Accepted { ids, targets: Vec::new(), before, written: None };
        Ok(self.request(accepted, Intent::Start))
    }

    fn send(&mut self, request: SendRequest) -> Result<Accepted, RequestError> {
        let SendRequest { name, mut text } = request;
        let id = self.one(&name)?;
        text.push('\n');
        let (written, is_written) = oneshot::channel();
        match self.inputs.get(&id) {
            Some(input) => {
                input.try_send(StdinWrite { bytes: text.into_bytes(), written }).map_err(
                    |error| match error {
                        TrySendError::Full(_) => RequestError::Unread(name),
                        TrySendError::Closed(_) => RequestError::NoReader(name),
                    },
                )?;
            }
            None if self.supervisor.reads_input(id) => return Err(RequestError::NoReader(name)),
            None => return Err(RequestError::NoInput(name)),
        }
        let before = self.snapshot_now();
        Ok(Accepted { ids: vec![id], targets: Vec::new(), before, written: Some(is_written) })
    }

    /// The process that a name means, if it is exactly one.
    fn one(&self, name: &str) -> Result<ProcessId, RequestError> {
        match self.supervisor.select(&[name.to_owned()])?.as_slice() {
            [id] => Ok(*id),
            _ => Err(RequestError::Several(name.to_owned())),
        }
    }

    /// Fails if one of the running processes acts as another user, so that no signal would reach it.
    fn check_may_signal(&self, accepted: &Accepted) -> Result<(), RequestError> {
        for view in accepted.ids.iter().filter_map(|id| accepted.before.get(*id)) {
            let Some(pid) = view.pid else { continue };
            self.host.may_end(pid).map_err(|error| RequestError::Forbidden {
                name: view.name.to_string(),
                pid,
                reason: os_error_text(&error),
            })?;
        }
        Ok(())
    }
}

/// Whether a process runs, is about to, or has failed to.
fn is_wanted(snapshot: &Snapshot, id: ProcessId) -> bool {
    snapshot.get(id).is_some_and(|view| {
        !matches!(view.state, StateName::Idle | StateName::Stopped | StateName::Succeeded)
    })
}

/// At least one of the processes must run to get a signal.
fn check_running(accepted: &Accepted) -> Result<(), RequestError> {
    let views = || accepted.ids.iter().filter_map(|id| accepted.before.get(*id));
    match views().next() {
        Some(view) if views().all(|view| view.pid.is_none()) => {
            Err(RequestError::NotRunning(view.name.to_string()))
        }
        _ => Ok(()),
    }
}
