//! Requests with a reply, which name processes as on the command line.
//!
//! The loop itself replies, so nothing changes between the lookup of a name and the command.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::command::{
    ControlCommand, EnqueueRequest, RunRequest, ScaleRequest, SendRequest, SignalRequest,
    StopRequest, WatchRequest,
};
use super::terminal::ProcessTerminal;
use super::{Engine, StdinWrite};
use crate::machine::targets::{NameKind, Target, UnknownName};
use crate::machine::{
    Explanation, Input, Intent, NewMember, ProcessId, ProcessView, ProjectPhase, ScaleError,
    ScalePlan, ShutdownReason, Snapshot, StateName,
};
use crate::spec::{CommandLine, Signal, counted, io_error_text};
use crate::sys::{Host, Usage};

/// A request that has a reply.
#[derive(Debug)]
pub(crate) enum Request {
    /// Carry out a command.
    Command { command: ControlCommand, reply: ReplySender<AcceptedRequest> },
    /// Look up the processes of these names.
    Resolve { names: Vec<String>, reply: ReplySender<AcceptedRequest> },
    /// The front end that owns the project has exited without a shutdown.
    HangUp,
    /// Measure the resource usage of each live run, by the pid of its leader.
    Measure { reply: oneshot::Sender<HashMap<u32, Usage>> },
    /// Explain the state of a process.
    Why { name: String, reply: ReplySender<Option<Explanation>> },
    /// Find the terminal of a process.
    Terminal { name: String, reply: ReplySender<(ProcessId, Arc<ProcessTerminal>)> },
}

type ReplySender<T> = oneshot::Sender<Result<T, RequestError>>;

/// The reply to a request that was carried out, with the data to observe its effect.
#[derive(Debug)]
pub(crate) struct AcceptedRequest {
    /// The affected processes, each once, in the order of the names.
    pub(crate) ids: Vec<ProcessId>,
    /// The targets of the names, which stay valid when processes are added or removed.
    pub(crate) targets: Vec<Target>,
    /// The snapshot before the effect: any with a higher number shows it.
    pub(crate) before: Arc<Snapshot>,
    /// Resolves when the line of a `send` is written.
    pub(crate) written: Option<oneshot::Receiver<io::Result<()>>>,
}

impl AcceptedRequest {
    /// Returns the process of a name that matches exactly one.
    pub(crate) fn only(&self, name: &str) -> Result<&ProcessView, RequestError> {
        let first = self.ids.first().and_then(|id| self.before.get(*id));
        match (first, self.ids.len()) {
            (Some(view), 1) => Ok(view),
            (_, count) => {
                let first = first.map(|view| view.name.to_string());
                Err(RequestError::NotOne { name: name.to_owned(), count, first })
            }
        }
    }
}

fn counted_matches(count: usize, first: Option<&str>) -> String {
    match first {
        Some(first) => format!("{}; name one, such as `{first}`", counted(count, "process")),
        None => "no process".to_owned(),
    }
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("no {0} is given")]
    Missing(&'static str),
    #[error("`wait` and `no_wait` exclude each other: send one of them")]
    WaitAndNoWait,
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    #[error("the project is shutting down")]
    Ending,
    #[error("{0} is not running")]
    NotRunning(String),
    #[error(transparent)]
    Misfit(#[from] ScaleError),
    #[error("{0}; it keeps running")]
    CannotRestart(String),
    #[error("{name} cannot be signalled: pid {pid}: {reason}")]
    Forbidden { name: String, pid: u32, reason: String },
    #[error("`{name}` matches {}", counted_matches(*count, first.as_deref()))]
    NotOne { name: String, count: usize, first: Option<String> },
    #[error("{0} is not running")]
    NoReader(String),
    #[error("stdin of {0} is not a pipe; set `stdin = \"pipe\"`")]
    NoInput(String),
    #[error("{0} does not read its stdin: the queue is full")]
    Unread(String),
    #[error("{0} has no terminal (tty = false)")]
    NoTerminal(String),
    #[error("{0} runs in the terminal that pitcrew was started in, which is not recorded")]
    OwnTerminal(String),
    #[error("{0} is not running, so nothing reads its keys")]
    NoKeyReader(String),
    #[error("{0} does not read its keys: too many are queued already")]
    UnreadKeys(String),
    #[error("{0}")]
    UnknownKey(String),
    #[error("give one of `keys`, `text` and `paste`")]
    KeysOrText,
}

impl<H: Host> Engine<H> {
    pub(super) fn respond(&mut self, request: Request) {
        match request {
            Request::Command { command, reply } => _ = reply.send(self.execute(command)),
            Request::Resolve { names, reply } => _ = reply.send(self.resolve(&names)),
            Request::HangUp => {
                // During a shutdown, a second one would kill everything.
                if self.supervisor.snapshot(self.context.clock.now()).phase == ProjectPhase::Up {
                    let reason = ShutdownReason::Signal(Signal::HUP);
                    self.handle_input(Input::Intent(Intent::Shutdown(reason)));
                }
            }
            Request::Measure { reply } => {
                let usage = self.context.host.measure();
                tokio::spawn(async move { reply.send(usage.await) });
            }
            Request::Why { name, reply } => {
                let now = self.context.clock.now();
                let snapshot = self.supervisor.snapshot(now);
                let why = self.resolve_one(&name).map(|id| Explanation::of(&snapshot, id, now));
                _ = reply.send(why);
            }
            Request::Terminal { name, reply } => _ = reply.send(self.terminal(&name)),
        }
    }

    fn execute(&mut self, command: ControlCommand) -> Result<AcceptedRequest, RequestError> {
        match command {
            ControlCommand::Start(request) | ControlCommand::Restart(request)
                if request.wait && request.no_wait =>
            {
                Err(RequestError::WaitAndNoWait)
            }
            ControlCommand::Start(request) => {
                let mut accepted = self.resolve_to_start(&request.names)?;
                if request.dependants {
                    accepted.ids.extend(self.supervisor.dependants_of(&accepted.ids));
                }
                Ok(self.request(accepted, Intent::Start))
            }
            ControlCommand::Restart(request) => {
                let mut accepted = self.resolve_to_start(&request.names)?;
                if request.dependants {
                    let mut dependants = self.supervisor.dependants_of(&accepted.ids);
                    dependants.retain(|id| is_active_or_failed(&accepted.before, *id));
                    accepted.ids.extend(dependants);
                }
                if let Some(problem) = self.first_restart_problem(&accepted.ids) {
                    return Err(RequestError::CannotRestart(problem));
                }
                Ok(self.request(accepted, Intent::Restart))
            }
            ControlCommand::Stop(StopRequest { names, .. }) => {
                self.resolve(&names).map(|accepted| self.request(accepted, Intent::Stop))
            }
            ControlCommand::Kill(StopRequest { names, .. }) => {
                self.resolve(&names).map(|accepted| self.request(accepted, Intent::Kill))
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
                let process = self.supervisor.new_ad_hoc_process(name.as_deref(), command)?;
                self.start_new(process)
            }
            ControlCommand::Watch(WatchRequest { names, on }) => {
                let accepted = self.resolve(&names)?;
                self.supervisor.set_watch(&accepted.ids, on)?;
                // The snapshot after the change, because nothing else creates a later one.
                Ok(AcceptedRequest { before: self.snapshot_now(), ..accepted })
            }
            ControlCommand::Send(request) => self.send(request),
            ControlCommand::Keys(request) => self.type_keys(request),
        }
    }

    fn snapshot_now(&mut self) -> Arc<Snapshot> {
        Arc::new(self.supervisor.snapshot(self.context.clock.now()))
    }

    fn resolve(&mut self, names: &[String]) -> Result<AcceptedRequest, RequestError> {
        if names.is_empty() {
            return Err(RequestError::Missing("name"));
        }
        let targets = self.supervisor.targets(names)?;
        let ids = self.supervisor.select(names)?;
        Ok(AcceptedRequest { targets, ..self.accept(ids) })
    }

    pub(super) fn accept(&mut self, ids: Vec<ProcessId>) -> AcceptedRequest {
        AcceptedRequest { ids, targets: Vec::new(), before: self.snapshot_now(), written: None }
    }

    /// Like [`Self::resolve`], for starts, which are not possible during a shutdown.
    fn resolve_to_start(&mut self, names: &[String]) -> Result<AcceptedRequest, RequestError> {
        let accepted = self.resolve(names)?;
        if accepted.before.phase == ProjectPhase::Up {
            Ok(accepted)
        } else {
            Err(RequestError::Ending)
        }
    }

    fn request(
        &mut self,
        accepted: AcceptedRequest,
        intent: impl FnOnce(Vec<ProcessId>) -> Intent,
    ) -> AcceptedRequest {
        self.handle_input(Input::Intent(intent(accepted.ids.clone())));
        accepted
    }

    fn scale(&mut self, request: &ScaleRequest) -> Result<AcceptedRequest, RequestError> {
        let now = self.context.clock.now();
        if self.supervisor.snapshot(now).phase != ProjectPhase::Up {
            return Err(RequestError::Ending);
        }
        let ScalePlan { start, stop } =
            self.supervisor.scale(now, &request.process, request.replicas)?;
        let accepted = self.accept(start.iter().chain(&stop).copied().collect());
        // Stops go first: the starts may need their ports or slots.
        self.handle_input(Input::Intent(Intent::Stop(stop)));
        self.handle_input(Input::Intent(Intent::Start(start)));
        Ok(accepted)
    }

    fn enqueue(&mut self, request: EnqueueRequest) -> Result<AcceptedRequest, RequestError> {
        let EnqueueRequest { pool, name, command } = request;
        if command.first().is_none_or(String::is_empty) {
            return Err(RequestError::Missing("command"));
        }
        let job = self.supervisor.new_job(&pool, name.as_deref(), CommandLine::Argv(command))?;
        self.start_new(job)
    }

    fn start_new(&mut self, member: NewMember) -> Result<AcceptedRequest, RequestError> {
        let ids = self.supervisor.admit(vec![member]).ok_or(RequestError::Ending)?;
        let accepted = self.accept(ids);
        Ok(self.request(accepted, Intent::Start))
    }

    fn send(&mut self, request: SendRequest) -> Result<AcceptedRequest, RequestError> {
        let SendRequest { name, mut text } = request;
        let id = self.resolve_one(&name)?;
        // What the Enter key of a terminal sends; the kernel makes a newline of it, unless the program has
        // changed that.
        text.push(if self.supervisor.has_terminal(id) { '\r' } else { '\n' });
        let (written, is_written) = oneshot::channel();
        match self.processes.get(&id).and_then(|entry| entry.stdin.as_ref()) {
            Some(stdin) => {
                let sent = stdin.try_send(StdinWrite { bytes: text.into_bytes(), written });
                sent.map_err(|error| match error {
                    TrySendError::Full(_) => RequestError::Unread(name),
                    TrySendError::Closed(_) => RequestError::NoReader(name),
                })?;
            }
            None if self.supervisor.reads_input(id) => return Err(RequestError::NoReader(name)),
            None => return Err(RequestError::NoInput(name)),
        }
        Ok(AcceptedRequest { written: Some(is_written), ..self.accept(vec![id]) })
    }

    /// Returns the process of a name that matches exactly one.
    pub(super) fn resolve_one(&mut self, name: &str) -> Result<ProcessId, RequestError> {
        match self.resolve(&[name.to_owned()]) {
            Err(RequestError::Unknown(_)) => {
                Err(self.supervisor.unknown_name(name, NameKind::One).into())
            }
            resolved => Ok(resolved?.only(name)?.id),
        }
    }

    /// Fails if a running process belongs to another user, so that no signal would reach it.
    fn check_may_signal(&self, accepted: &AcceptedRequest) -> Result<(), RequestError> {
        for view in accepted.ids.iter().filter_map(|id| accepted.before.get(*id)) {
            let Some(pid) = view.pid else { continue };
            self.context.host.may_end(pid).map_err(|error| RequestError::Forbidden {
                name: view.name.to_string(),
                pid,
                reason: io_error_text(&error),
            })?;
        }
        Ok(())
    }
}

/// Whether a process runs, is about to, or has failed to.
fn is_active_or_failed(snapshot: &Snapshot, id: ProcessId) -> bool {
    let state = snapshot.get(id).map(|view| view.state);
    state.is_some_and(|state| state.is_requested() && state != StateName::Succeeded)
}

/// Fails if none of the processes runs.
fn check_running(accepted: &AcceptedRequest) -> Result<(), RequestError> {
    let views = || accepted.ids.iter().filter_map(|id| accepted.before.get(*id));
    match views().next() {
        Some(view) if views().all(|view| view.pid.is_none()) => {
            Err(RequestError::NotRunning(view.name.to_string()))
        }
        _ => Ok(()),
    }
}
