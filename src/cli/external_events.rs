//! External events of a running project: signals, job control, the end of the guardian, orphans.

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

/// Adopted orphans are reaped this often at most.
const REAP_PACE: Duration = Duration::from_millis(50);

/// What comes from outside while a project runs.
pub(super) struct ExternalEvents {
    pub(super) engine: EngineHandle,
    pub(super) host: Arc<RealHost>,
}

/// The tasks that listen to it.
pub(super) struct ExternalEventTasks {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    /// Signals that came, for the time after the engine.
    signals: mpsc::UnboundedReceiver<Signal>,
}

impl ExternalEvents {
    /// Listens to signals, to the end of the guardian, to orphans.
    pub(super) fn watch(&self, guardian: Guardian) -> ExternalEventTasks {
        let (sent, signals) = mpsc::unbounded_channel();
        let mut tasks = Vec::new();
        for (kind, name) in [
            (SignalKind::interrupt(), Signal::INT),
            (SignalKind::terminate(), Signal::TERM),
            (SignalKind::hangup(), Signal::HUP),
        ] {
            if own_process::stays_ignored(name) {
                continue;
            }
            let (engine, sent) = (self.engine.clone(), sent.clone());
            let Ok(mut stream) = signal(kind) else { continue };
            tasks.push(tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    engine.send(Intent::Shutdown(ShutdownReason::Signal(name)));
                    _ = sent.send(name);
                }
            }));
        }
        // A handler, so that a write beyond the file size limit is an error; an ignore would be
        // inherited by the children.
        if let Ok(mut stream) = signal(SignalKind::from_raw(libc::SIGXFSZ)) {
            tasks.push(tokio::spawn(async move { while stream.recv().await.is_some() {} }));
        }
        self.watch_reload(&mut tasks);
        self.watch_suspend(&mut tasks);
        watch_continue(&mut tasks, guardian.pid());
        self.watch_orphans(&mut tasks);
        let engine = self.engine.clone();
        tasks.push(tokio::spawn(async move {
            if guardian.gone().await.is_ok() {
                engine.send(Intent::ShutdownNow(ShutdownReason::GuardianGone));
            }
        }));
        ExternalEventTasks { tasks, signals }
    }

    /// SIGUSR1 reads the file again.
    fn watch_reload(&self, tasks: &mut Vec<tokio::task::JoinHandle<()>>) {
        let engine = self.engine.clone();
        let Ok(mut stream) = signal(SignalKind::user_defined1()) else { return };
        tasks.push(tokio::spawn(async move {
            while stream.recv().await.is_some() {
                engine.reload(Cause::Signal { signal: Signal::USR1 });
            }
        }));
    }

    /// Ctrl-Z: the clock stops first, then we do; the children run on.
    fn watch_suspend(&self, tasks: &mut Vec<tokio::task::JoinHandle<()>>) {
        let clock = self.engine.clock().clone();
        let Ok(mut stream) = signal(SignalKind::from_raw(libc::SIGTSTP)) else { return };
        tasks.push(tokio::spawn(async move {
            while stream.recv().await.is_some() {
                clock.suspend();
                own_process::stop_self();
                clock.resume();
            }
        }));
    }

    /// Reaps orphans that came to us.
    fn watch_orphans(&self, tasks: &mut Vec<tokio::task::JoinHandle<()>>) {
        let host = Arc::clone(&self.host);
        let Ok(mut stream) = signal(SignalKind::child()) else { return };
        tasks.push(tokio::spawn(async move {
            while stream.recv().await.is_some() {
                host.reap_adopted().await;
                tokio::time::sleep(REAP_PACE).await;
            }
        }));
    }
}

/// A guardian that has stopped along with us goes on when we were continued alone.
fn watch_continue(tasks: &mut Vec<tokio::task::JoinHandle<()>>, guardian: u32) {
    let Ok(mut stream) = signal(SignalKind::from_raw(libc::SIGCONT)) else { return };
    tasks.push(tokio::spawn(async move {
        while stream.recv().await.is_some() {
            guardian::resume(guardian);
        }
    }));
}

impl ExternalEventTasks {
    /// When nobody reads our stdout any more, the project ends as a program in a pipe does.
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

    /// Job control: when the one in the foreground is stopped, so are we, until the shell goes on.
    pub(super) fn follow_stops(&mut self, engine: &EngineHandle, own: Option<ProcessId>) {
        let engine = engine.clone();
        let Ok(mut changes) = signal(SignalKind::child()) else { return };
        let mut snapshots = engine.snapshots();
        self.tasks.push(tokio::spawn(async move {
            loop {
                // It may be stopped before its pid has come around to us: then the snapshot that
                // brings the pid is the occasion to look.
                let more = tokio::select! {
                    change = changes.recv() => change.is_some(),
                    change = snapshots.changed() => change.is_ok(),
                };
                if !more {
                    return;
                }
                let snapshot = engine.snapshot();
                let pid = snapshot.processes.iter().find(|one| Some(one.id) == own);
                let Some(pid) = pid.and_then(|one| one.pid) else { continue };
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

    /// Waits for the front to show the rest, unless a signal says to leave.
    pub(super) async fn finish(mut self, rest: impl Future<Output = ()>) {
        // Signals that ended the project are not a wish to leave before its last line is shown.
        while self.signals.try_recv().is_ok() {}
        tokio::select! {
            () = rest => {}
            _ = self.signals.recv() => {}
        }
        for task in &self.tasks {
            task.abort();
        }
    }
}
