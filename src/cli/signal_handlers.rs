//! Signal handlers of the engine process: shutdown, reload, job control, orphans; and the end of
//! the guardian and of the reader of stdout.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::engine::EngineHandle;
use crate::machine::event::Cause;
use crate::machine::{Intent, ProcessId, ShutdownReason};
use crate::spec::Signal;
use crate::sys::guardian::{self, Guardian};
use crate::sys::{RealHost, own_process};

/// Adopted orphans are reaped at most once in this time.
const REAP_INTERVAL: Duration = Duration::from_millis(50);

pub(super) struct SignalHandlers {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    /// Termination signals, for the time after the end of the engine.
    termination: mpsc::UnboundedReceiver<Signal>,
}

impl SignalHandlers {
    pub(super) fn start(engine: &EngineHandle, host: &Arc<RealHost>, guardian: Guardian) -> Self {
        let (sent, termination) = mpsc::unbounded_channel();
        let mut handlers = Self { tasks: Vec::new(), termination };
        for (kind, name) in [
            (SignalKind::interrupt(), Signal::INT),
            (SignalKind::terminate(), Signal::TERM),
            (SignalKind::hangup(), Signal::HUP),
        ] {
            if own_process::stays_ignored(name) {
                continue;
            }
            let (engine, sent) = (engine.clone(), sent.clone());
            handlers.on_signal(kind, move || {
                engine.send(Intent::Shutdown(ShutdownReason::Signal(name)));
                _ = sent.send(name);
            });
        }
        // With a handler, a write beyond the file size limit is an error. An ignored signal would
        // be inherited by the children.
        handlers.on_signal(SignalKind::from_raw(libc::SIGXFSZ), || {});
        let reloaded = engine.clone();
        handlers.on_signal(SignalKind::user_defined1(), move || {
            reloaded.reload(Cause::Signal { signal: Signal::USR1 });
        });
        // Ctrl-Z: the clock stops first, then this process; the children keep running.
        let clock = engine.clock().clone();
        handlers.on_signal(SignalKind::from_raw(libc::SIGTSTP), move || {
            clock.suspend();
            own_process::stop_self();
            clock.resume();
        });
        // The guardian has stopped too, and may not have been continued.
        let guardian_pid = guardian.pid;
        handlers.on_signal(SignalKind::from_raw(libc::SIGCONT), move || {
            guardian::resume(guardian_pid);
        });
        if let Ok(mut stream) = signal(SignalKind::child()) {
            let host = Arc::clone(host);
            handlers.tasks.push(tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    host.reap_adopted().await;
                    tokio::time::sleep(REAP_INTERVAL).await;
                }
            }));
        }
        let engine = engine.clone();
        handlers.tasks.push(tokio::spawn(async move {
            if guardian.exited().await.is_ok() {
                engine.send(Intent::ShutdownNow(ShutdownReason::GuardianGone));
            }
        }));
        handlers
    }

    fn on_signal(&mut self, kind: SignalKind, handle: impl Fn() + Send + 'static) {
        let Ok(mut stream) = signal(kind) else { return };
        self.tasks.push(tokio::spawn(async move {
            while stream.recv().await.is_some() {
                handle();
            }
        }));
    }

    /// Stops the project when the reader of stdout is gone, as a program in a pipe would end.
    pub(super) fn follow_reader(
        &mut self,
        closed: Option<oneshot::Receiver<()>>,
        engine: &EngineHandle,
    ) {
        let (Some(closed), engine) = (closed, engine.clone()) else { return };
        self.tasks.push(tokio::spawn(async move {
            if closed.await.is_ok() {
                engine.send(Intent::Shutdown(ShutdownReason::Signal(Signal::PIPE)));
            }
        }));
    }

    /// Job control: when the process in the foreground stops, this process stops too, until the
    /// shell continues it.
    pub(super) fn follow_stops(&mut self, engine: &EngineHandle, foreground: Option<ProcessId>) {
        let engine = engine.clone();
        let Ok(mut changes) = signal(SignalKind::child()) else { return };
        let mut snapshots = engine.snapshots();
        self.tasks.push(tokio::spawn(async move {
            loop {
                // It may stop before its pid is known here; then the snapshot with the pid is the
                // occasion to look.
                let is_open = tokio::select! {
                    change = changes.recv() => change.is_some(),
                    change = snapshots.changed() => change.is_ok(),
                };
                if !is_open {
                    return;
                }
                let snapshot = engine.snapshot();
                let process = snapshot.processes.iter().find(|view| Some(view.id) == foreground);
                let Some(pid) = process.and_then(|process| process.pid) else { continue };
                if own_process::is_stopped(pid) {
                    engine.clock().suspend();
                    _ = own_process::reclaim_terminal();
                    own_process::stop_self();
                    _ = own_process::hand_terminal_to(pid);
                    engine.clock().resume();
                }
            }
        }));
    }

    /// Waits until the front end has shown the rest, unless a signal requests to leave.
    pub(super) async fn finish(mut self, rest: impl Future<Output = ()>) {
        // The signals that ended the project do not ask to leave before its last line is shown.
        while self.termination.try_recv().is_ok() {}
        tokio::select! {
            () = rest => {}
            _ = self.termination.recv() => {}
        }
        for task in &self.tasks {
            task.abort();
        }
    }
}
