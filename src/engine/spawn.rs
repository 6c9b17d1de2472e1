//! Starts a run: builds its launch, and the task that owns it.

use std::ffi::OsString;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::environment::{RunLabel, argv};
use super::notify::{NotifyListener, NotifyPeer};
use super::run::{Outlet, RunContext, RunTask, StdinFeed};
use super::stdio::StdinWrite;
use super::{Engine, Foreground};
use crate::machine::{Fact, RunId};
use crate::output::LineSplitter;
use crate::spec::{Name, Probe, ProcessSpec, StartError, StartErrorKind, StdinKind};
use crate::sys::notify::NotifySocket;
use crate::sys::{self, Host, Launch};

/// A socket, and the environment of those that may speak through it.
type NotifySetup = (NotifySocket, Arc<[(OsString, OsString)]>);

/// Texts sent to a process that it has not read.
const UNREAD: usize = 64;

impl<H: Host> Engine<H> {
    pub(super) fn spawn(
        &mut self,
        run: RunId,
        name: Name,
        (replica, port): (Option<u32>, Option<u16>),
        spec: Arc<ProcessSpec>,
    ) {
        let (orders, received) = mpsc::unbounded_channel();
        self.orders.insert(run.process, (run.run, orders.clone()));
        self.begun.insert(run.process, self.store.next_seq());
        let front =
            self.front.as_ref().filter(|(id, _)| *id == run.process).map(|(_, f)| f.clone());
        self.surroundings.ports.update(&self.supervisor);
        let whose = RunLabel { spec: &spec, replica, run: run.run, port, role: None };
        let wiring = self.guests.get(&run.process).cloned();
        let (mut launch, outlet) = if let Some(wiring) = &wiring {
            wiring.capture.begin();
            let env = self.surroundings.of_guest(run, whose, &wiring.env);
            let outlet = Outlet::Capture(Arc::clone(&wiring.capture));
            (wiring.launch(spec.cwd.clone(), env), outlet)
        } else {
            let launch = self.launch(&spec, whose, front.as_ref());
            (launch, Outlet::Store(Box::new(self.intake(run, &name, replica, &spec))))
        };
        let socket = match self.socket(run, &spec, &mut launch) {
            Ok(socket) => socket,
            Err(error) => {
                _ = self.facts.0.send(Fact::SpawnFailed { run, error });
                return;
            }
        };
        let facts = self.facts.0.clone();
        let tap = match front {
            Some(Foreground::Passed(tap)) => Some(tap),
            Some(Foreground::Terminal) | None => None,
        };
        let context = RunContext {
            host: Arc::clone(&self.host),
            surroundings: self.surroundings.clone(),
            replica,
            port,
            run,
            name,
            spec,
            clock: self.clock.clone(),
            facts: facts.clone(),
            notices: self.notices.clone(),
            fallback: orders,
        };
        let input = self.input(run, &launch);
        // Calling `launch` puts it in the host's queue, so starts happen in the order of the effects.
        let launched = self.host.launch(launch);
        self.starts.push(async move {
            match launched.await {
                Ok(child) => {
                    let pid = sys::Child::pid(&child);
                    let ear = socket.map(|(socket, env)| {
                        let speaker =
                            NotifyPeer { run, name: context.name.clone(), leader: pid, env };
                        NotifyListener::new(socket, speaker, facts.clone(), context.notices.clone())
                    });
                    let source = match (&wiring, input) {
                        (Some(wiring), _) => StdinFeed::Guest(wiring),
                        (None, Some(parcels)) => StdinFeed::Sent(parcels),
                        (None, None) => StdinFeed::Nothing,
                    };
                    let task = RunTask::new(context, child, outlet, source, tap, received);
                    tokio::spawn(task.with_notify(ear).live());
                    Fact::Spawned { run, pid }
                }
                Err(error) => Fact::SpawnFailed { run, error },
            }
        });
    }

    /// The socket through which the run says that it is ready, where that is its check; and the
    /// environment by which those are known that may speak.
    fn socket(
        &self,
        run: RunId,
        spec: &ProcessSpec,
        launch: &mut Launch,
    ) -> Result<Option<NotifySetup>, StartError> {
        if !matches!(spec.ready.as_ref().map(|check| &check.probe), Some(Probe::Notify)) {
            return Ok(None);
        }
        let name = format!("{}-{}", run.process.0, run.run);
        let socket = self.sockets.bind(&name).map_err(|error| StartError {
            kind: StartErrorKind::Other,
            message: format!("cannot make its notify socket: {error}"),
        })?;
        launch.env.retain(|(name, _)| name != "NOTIFY_SOCKET");
        launch.env.push(("NOTIFY_SOCKET".into(), socket.path().into()));
        Ok(Some((socket, launch.env.as_slice().into())))
    }

    /// A way to its input, where it has a pipe for it; the one to the run before is closed.
    fn input(&mut self, run: RunId, launch: &Launch) -> Option<mpsc::Receiver<StdinWrite>> {
        self.inputs.remove(&run.process);
        if !matches!(launch.stdin, sys::StdinTarget::Pipe) || self.guests.contains_key(&run.process)
        {
            return None;
        }
        let (sender, parcels) = mpsc::channel(UNREAD);
        self.inputs.insert(run.process, sender);
        Some(parcels)
    }

    pub(super) fn launch(
        &self,
        spec: &ProcessSpec,
        whose: RunLabel<'_>,
        front: Option<&Foreground>,
    ) -> Launch {
        let stdin = match (front, spec.stdin) {
            (Some(_), _) => sys::StdinTarget::Inherit,
            (None, StdinKind::Open) => sys::StdinTarget::Open,
            (None, StdinKind::Null) => sys::StdinTarget::Null,
            (None, StdinKind::Pipe) => sys::StdinTarget::Pipe,
        };
        let output = match front {
            Some(Foreground::Terminal) => sys::OutputFd::Inherit,
            Some(Foreground::Passed(_)) | None => sys::OutputFd::Pipe,
        };
        Launch {
            argv: argv(&spec.command),
            cwd: spec.cwd.clone(),
            env: self.surroundings.of(whose),
            stdin,
            stdout: output.clone(),
            stderr: output,
            foreground: front.is_some() && self.takes_terminal,
        }
    }

    fn intake(
        &mut self,
        run: RunId,
        name: &Name,
        replica: Option<u32>,
        spec: &ProcessSpec,
    ) -> LineSplitter {
        let log = self.logs.of(run.process, name, replica, spec.log.as_ref());
        let known = self.sources.entry(run.process);
        let source = *known.or_insert_with(|| self.store.source(name));
        let mut intake = LineSplitter::new(&self.store, source, run.run, log);
        if let Some(pattern) = spec.ready_line() {
            intake.look_for(pattern.clone());
        }
        intake
    }
}
