//! Starts a run: builds its launch, and the task that owns it.

use std::ffi::OsString;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::ad_hoc::StdinFeed;
use super::environment::{RunLabel, argv};
use super::notify::{NotifyListener, NotifyPeer};
use super::run::{OutputSink, RunContext, RunIo, RunTask};
use super::{Engine, Foreground};
use crate::machine::{Fact, RunId};
use crate::output::LineSplitter;
use crate::spec::{Name, Probe, ProcessSpec, StartError, StartErrorKind, StdinKind, io_error_text};
use crate::sys::notify::NotifySocket;
use crate::sys::{self, Host, Launch};

/// A socket, and the environment of the processes that may send to it.
type NotifySetup = (NotifySocket, Arc<[(OsString, OsString)]>);

/// The number of lines that can be queued for the input of a process.
const UNREAD_WRITES: usize = 64;

impl<H: Host> Engine<H> {
    pub(super) fn spawn(
        &mut self,
        run: RunId,
        name: Name,
        replica: Option<u32>,
        port: Option<u16>,
        spec: Arc<ProcessSpec>,
    ) {
        self.context.environment.update_ports(&self.supervisor);
        let (sender, commands) = mpsc::unbounded_channel();
        let foreground = self.options.foreground.as_ref().filter(|(id, _)| *id == run.process);
        let foreground = foreground.map(|(_, foreground)| foreground.clone());
        let context = RunContext {
            engine: Arc::clone(&self.context),
            replica,
            port,
            run,
            name,
            // In the foreground it has pitcrew's own terminal.
            has_terminal: spec.tty && !matches!(foreground, Some(Foreground::Terminal)),
            spec,
            commands: sender.clone(),
        };
        let entry = self.processes.entry(run.process).or_default();
        entry.run = Some((run.run, sender));
        entry.output_start = Some(self.store.next_seq());
        entry.stdin = None;
        let ad_hoc = entry.ad_hoc.clone();
        let label = context.label(None);
        let (mut launch, sink) = if let Some(ad_hoc) = &ad_hoc {
            ad_hoc.capture.begin();
            let environment = &self.context.environment;
            let launch = ad_hoc.next_launch(|base| environment.of_ad_hoc_run(run, label, base));
            (launch, OutputSink::Capture(Arc::clone(&ad_hoc.capture)))
        } else {
            let launch = self.launch(label, foreground.as_ref());
            (launch, OutputSink::Store(Box::new(self.line_splitter(&context))))
        };
        let notify = match self.bind_notify_socket(run, &context.spec, &mut launch) {
            Ok(notify) => notify,
            Err(error) => return self.context.send_fact(Fact::SpawnFailed { run, error }),
        };
        let terminal = context.has_terminal.then(|| {
            let own = ad_hoc.as_ref().and_then(|ad_hoc| ad_hoc.terminal.clone());
            let terminal = own.unwrap_or_else(|| self.handle.terminals.get_or_create(run.process));
            let run = terminal.begin_run();
            launch.terminal = Some(run.size);
            run
        });
        let feed = match &ad_hoc {
            Some(ad_hoc) => ad_hoc.next_feed(),
            None if terminal.is_some() || matches!(launch.stdin, sys::StdinTarget::Pipe) => {
                let (sender, writes) = mpsc::channel(UNREAD_WRITES);
                self.processes.entry(run.process).or_default().stdin = Some(sender);
                Some(StdinFeed::Writes(writes))
            }
            None => None,
        };
        let raw_output = match foreground {
            Some(Foreground::Passed(raw_output)) => Some(raw_output),
            Some(Foreground::Terminal) | None => None,
        };
        // Calling `launch` puts it in the host's queue, so starts happen in the order of the effects.
        let launched = self.context.host.launch(launch);
        self.starts.push(async move {
            match launched.await {
                Ok(child) => {
                    let pid = sys::Child::pid(&child);
                    let listener = notify.map(|(socket, env)| {
                        let name = context.name.clone();
                        let peer = NotifyPeer { run, name, leader: pid, env };
                        NotifyListener::new(socket, peer, Arc::clone(&context.engine))
                    });
                    let io = RunIo { sink, raw_output, feed, terminal };
                    let task = RunTask::new(context, child, io, commands, listener);
                    tokio::spawn(task.run());
                    Fact::Spawned { run, pid }
                }
                Err(error) => Fact::SpawnFailed { run, error },
            }
        });
    }

    /// Creates the notify socket of a run with a `notify` check, and puts it into the environment.
    fn bind_notify_socket(
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
            message: format!("cannot create its notify socket: {}", io_error_text(&error)),
        })?;
        launch.env.retain(|(name, _)| name != "NOTIFY_SOCKET");
        launch.env.push(("NOTIFY_SOCKET".into(), socket.path.clone().into()));
        Ok(Some((socket, launch.env.as_slice().into())))
    }

    pub(super) fn launch(&self, label: RunLabel<'_>, foreground: Option<&Foreground>) -> Launch {
        let stdin = match (foreground, label.spec.stdin) {
            (Some(_), _) => sys::StdinTarget::Inherit,
            (None, StdinKind::Open) => sys::StdinTarget::Open,
            (None, StdinKind::Null) => sys::StdinTarget::Null,
            (None, StdinKind::Pipe) => sys::StdinTarget::Pipe,
        };
        let output = match foreground {
            Some(Foreground::Terminal) => sys::OutputFd::Inherit,
            Some(Foreground::Passed(_)) | None => sys::OutputFd::Pipe,
        };
        Launch {
            argv: argv(&label.spec.command),
            cwd: label.spec.cwd.clone(),
            env: self.context.environment.of_run(label),
            stdin,
            stdout: output.clone(),
            stderr: output,
            foreground: foreground.is_some() && !label.has_terminal && self.options.takes_terminal,
            terminal: None,
        }
    }

    fn line_splitter(&mut self, context: &RunContext<H>) -> LineSplitter {
        let RunContext { run, name, replica, spec, .. } = context;
        let log = self.logs.of(run.process, name, *replica, spec.log.as_ref());
        let entry = self.processes.entry(run.process).or_default();
        let source = *entry.source.get_or_insert_with(|| self.store.source(name));
        let mut splitter = LineSplitter::new(&self.store, source, run.run, log);
        if let Some(pattern) = spec.ready_line() {
            splitter.look_for(pattern.clone());
        }
        splitter
    }
}
