//! Ad-hoc processes: their launches, the data for their inputs, and the observer of their records.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::terminal::ProcessTerminal;
use crate::machine::{Event, ProcessView};
use crate::output::Capture;
use crate::sys::{Launch, OutputFd, StdinTarget};

/// Observes every step in the loop itself, before its events are published. Must not block.
pub(crate) trait StepObserver: Send + Sync + fmt::Debug {
    /// The events of a step, and the processes that have finally ended in it.
    fn step(&self, events: &[Event], over: &[Arc<ProcessView>]);

    /// The snapshot shows all earlier steps (in a large project, at a pace).
    fn published(&self);

    /// Whether the owner is being dropped and kills everything right now; true only once. Called before
    /// each input, so that no such end is taken for a regular one.
    fn take_abandoned(&self) -> bool;
}

/// How the runs of an ad-hoc process are launched. Limits and policies are in its spec.
#[derive(Debug)]
pub(crate) struct AdHocLaunch {
    /// The launch of the next run; its environment lacks the marker variables.
    launch: Mutex<Launch>,
    feed: Mutex<Option<StdinFeed>>,
    pub(super) capture: Arc<Capture>,
    /// Its terminal, if it has one.
    pub(super) terminal: Option<Arc<ProcessTerminal>>,
}

impl AdHocLaunch {
    pub(crate) fn new(
        launch: Launch,
        feed: Option<StdinFeed>,
        capture: Arc<Capture>,
        terminal: Option<Arc<ProcessTerminal>>,
    ) -> Self {
        Self { launch: Mutex::new(launch), feed: Mutex::new(feed), capture, terminal }
    }

    /// Returns the launch of the next run, with the environment that `env` makes of the base
    /// environment. Passed descriptors are closed with the first run.
    pub(super) fn next_launch(
        &self,
        env: impl FnOnce(&[(OsString, OsString)]) -> Vec<(OsString, OsString)>,
    ) -> Launch {
        let mut launch = lock(&self.launch);
        let Launch { argv, cwd, stdin, stdout, stderr, foreground, .. } = &*launch;
        let next = Launch {
            argv: argv.clone(),
            cwd: cwd.clone(),
            env: env(&launch.env),
            stdin: stdin.clone(),
            stdout: stdout.clone(),
            stderr: stderr.clone(),
            foreground: *foreground,
            terminal: None,
        };
        if matches!(launch.stdin, StdinTarget::File(_)) {
            launch.stdin = StdinTarget::Null;
        }
        if matches!(launch.stdout, OutputFd::File(_)) {
            launch.stdout = OutputFd::Null;
        }
        next
    }

    /// Returns the data for the input of the next run; writes are for the first run only.
    pub(super) fn next_feed(&self) -> Option<StdinFeed> {
        let mut feed = lock(&self.feed);
        match &*feed {
            Some(StdinFeed::Bytes(bytes)) => Some(StdinFeed::Bytes(Arc::clone(bytes))),
            Some(StdinFeed::Writes(_)) | None => feed.take(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes for the input of a run, and the receiver of the result.
#[derive(Debug)]
pub(crate) struct StdinWrite {
    pub(crate) bytes: Vec<u8>,
    pub(crate) written: oneshot::Sender<io::Result<()>>,
}

/// The data for the input of a run.
#[derive(Debug)]
pub(crate) enum StdinFeed {
    Bytes(Arc<[u8]>),
    /// Writes, until the sender is dropped.
    Writes(mpsc::Receiver<StdinWrite>),
}

impl StdinFeed {
    /// Writes to the input of a run until the writer is dropped; notifies `written_to` of each write.
    pub(super) fn start(
        self,
        mut stdin: impl AsyncWrite + Unpin + Send + 'static,
        written_to: Option<Arc<Notify>>,
    ) -> StdinWriter {
        StdinWriter(tokio::spawn(async move {
            match self {
                // A child need not read its input to the end.
                Self::Bytes(bytes) => _ = stdin.write_all(&bytes).await,
                Self::Writes(mut writes) => {
                    while let Some(StdinWrite { bytes, written }) = writes.recv().await {
                        let result = stdin.write_all(&bytes).await;
                        let has_failed = result.is_err();
                        if let Some(notify) = &written_to {
                            notify.notify_one();
                        }
                        _ = written.send(result);
                        if has_failed {
                            return;
                        }
                    }
                }
            }
        }))
    }
}

/// A task that writes to the input of a run. Dropping it ends the task and closes the input.
#[derive(Debug)]
pub(super) struct StdinWriter(JoinHandle<()>);

impl Drop for StdinWriter {
    fn drop(&mut self) {
        self.0.abort();
    }
}
