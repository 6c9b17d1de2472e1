//! Ad-hoc processes of a program: what they run, their descriptors, and the observer of their
//! records.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::machine::{Event, ProcessId, ProcessView};
use crate::output::Capture;
use crate::sys;

/// Sees every change in the loop itself, before anybody outside is told. Must not block.
pub(crate) trait StepObserver: Send + Sync + fmt::Debug {
    /// What one step has told, and who has ended for good in it.
    fn step(&self, events: &[Event], over: &[(ProcessId, Arc<ProcessView>)]);

    /// What the steps before have changed can be seen in the snapshot (which of a crowd comes at a
    /// pace).
    fn published(&self);

    /// Says once that whoever owns all this has gone and is killing it at this very moment. Asked
    /// before anything else is taken, so that no end is mistaken for one of its own accord.
    fn is_abandoned(&self) -> bool;
}

/// What a guest runs, and where its descriptors lead. Limits and policies are in its spec.
#[derive(Debug)]
pub(crate) struct Stdio {
    pub(crate) argv: Vec<OsString>,
    /// The whole environment but for the marker variables.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) stdin: StdinSource,
    pub(crate) stdout: OutputTarget,
    pub(crate) stderr: OutputTarget,
    pub(crate) capture: Arc<Capture>,
}

impl Stdio {
    pub(super) fn launch(&self, cwd: PathBuf, env: Vec<(OsString, OsString)>) -> sys::Launch {
        sys::Launch {
            argv: self.argv.clone(),
            cwd,
            env,
            stdin: self.stdin.descriptor(),
            stdout: self.stdout.descriptor(),
            stderr: self.stderr.descriptor(),
            foreground: false,
        }
    }
}

#[derive(Debug)]
pub(crate) enum StdinSource {
    Null,
    Open,
    Inherit,
    File(PathBuf),
    /// Given to the first run.
    Passed(TakeOnce<OwnedFd>),
    Bytes(Arc<[u8]>),
    /// Taken by the first run.
    Piped(TakeOnce<mpsc::Receiver<StdinWrite>>),
}

/// Where an output of a guest goes.
#[derive(Debug)]
pub(crate) enum OutputTarget {
    Capture,
    Null,
    Inherit,
    /// For descriptor 2: where descriptor 1 goes.
    Stdout,
    /// Given to the first run.
    Passed(TakeOnce<OwnedFd>),
}

/// Something that can be taken out once.
#[derive(Debug)]
pub(crate) struct TakeOnce<T>(Mutex<Option<T>>);

impl<T> TakeOnce<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Bytes for the input of a guest, and who wants to know that they were written.
#[derive(Debug)]
pub(crate) struct StdinWrite {
    pub(crate) bytes: Vec<u8>,
    pub(crate) written: oneshot::Sender<io::Result<()>>,
}

impl StdinSource {
    pub(super) fn descriptor(&self) -> sys::StdinTarget {
        match self {
            Self::Null => sys::StdinTarget::Null,
            Self::Open => sys::StdinTarget::Open,
            Self::Inherit => sys::StdinTarget::Inherit,
            Self::File(path) => sys::StdinTarget::Path(path.clone()),
            Self::Passed(fd) => {
                fd.take().map_or(sys::StdinTarget::Null, |fd| sys::StdinTarget::File(Arc::new(fd)))
            }
            Self::Bytes(_) | Self::Piped(_) => sys::StdinTarget::Pipe,
        }
    }

    /// Writes to the input of a run for as long as the answer is kept.
    pub(super) fn start(
        &self,
        to: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Option<StdinWriter> {
        match self {
            Self::Null | Self::Open | Self::Inherit | Self::File(_) | Self::Passed(_) => None,
            Self::Bytes(bytes) => Some(StdinWriter(tokio::spawn(write_all(to, Arc::clone(bytes))))),
            Self::Piped(parcels) => Some(StdinWriter(tokio::spawn(pass_on(to, parcels.take()?)))),
        }
    }
}

impl OutputTarget {
    pub(super) fn descriptor(&self) -> sys::OutputFd {
        match self {
            Self::Capture => sys::OutputFd::Pipe,
            Self::Null => sys::OutputFd::Null,
            Self::Inherit => sys::OutputFd::Inherit,
            Self::Stdout => sys::OutputFd::Stdout,
            Self::Passed(fd) => {
                fd.take().map_or(sys::OutputFd::Null, |fd| sys::OutputFd::File(Arc::new(fd)))
            }
        }
    }
}

/// A task that writes to the input of a run; ends with it.
#[derive(Debug)]
pub(super) struct StdinWriter(JoinHandle<()>);

impl Drop for StdinWriter {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Holds the input of a run open, and writes to it what comes.
pub(super) fn feed(
    to: impl AsyncWrite + Unpin + Send + 'static,
    parcels: mpsc::Receiver<StdinWrite>,
) -> StdinWriter {
    StdinWriter(tokio::spawn(pass_on(to, parcels)))
}

/// That a child does not read its input to the end is its own affair.
async fn write_all(mut to: impl AsyncWrite + Unpin, bytes: Arc<[u8]>) {
    _ = to.write_all(&bytes).await;
}

async fn pass_on(mut to: impl AsyncWrite + Unpin, mut parcels: mpsc::Receiver<StdinWrite>) {
    while let Some(parcel) = parcels.recv().await {
        let written = to.write_all(&parcel.bytes).await;
        let failed = written.is_err();
        _ = parcel.written.send(written);
        if failed {
            return;
        }
    }
}
