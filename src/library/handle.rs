//! Handle of a running command.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::error::Error;
use super::record::{CommandOutcome, CommandRecord, CommandStage, lock};
use super::streams::{Chunks, Cursor, Line, Lines};
use crate::engine::{EngineHandle, StdinWrite};
use crate::machine::{Intent, ProcessId, StateName};
use crate::spec::{Signal, io_error_text};

/// A started command. Cheap to clone; dropping it does not affect the command, which runs until it ends,
/// is stopped, or its manager is dropped.
#[derive(Clone)]
pub struct ProcessHandle {
    pub(super) engine: EngineHandle,
    pub(super) record: Arc<CommandRecord>,
    pub(super) id: ProcessId,
}

impl fmt::Debug for ProcessHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ProcessHandle");
        shown.field("id", &self.id).field("command", &self.record.command);
        shown.field("state", &self.state()).finish_non_exhaustive()
    }
}

impl ProcessHandle {
    /// Its number in its manager; never reused.
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Its name in events.
    pub fn name(&self) -> &str {
        self.record.spec.name.as_str()
    }

    /// The command as it could be typed, for display.
    pub fn command(&self) -> &str {
        &self.record.command
    }

    /// The pid of its leader, which is also the id of its group; `None` if none is alive. For display only:
    /// the pid may be reused at any time.
    pub fn pid(&self) -> Option<u32> {
        self.record.stage.borrow().pid
    }

    /// Its current state.
    pub fn state(&self) -> StateName {
        self.record.stage.borrow().state
    }

    /// Waits until it is over and returns the result. Several callers may wait, and later calls return the
    /// same result. Cancel safe.
    ///
    /// # Errors
    ///
    /// See [`Error`]: an exceeded time limit, for example. A non-zero exit code is a result.
    pub async fn wait(&self) -> CommandOutcome {
        self.record.outcome().await
    }

    /// Waits until exec has succeeded, or has finally failed.
    pub(super) async fn started(&self) -> Result<(), Error> {
        let mut stage = self.record.stage.subscribe();
        let stage = stage.wait_for(|stage| stage.started || stage.outcome.is_some()).await;
        match stage.ok().as_deref() {
            Some(CommandStage { started: true, .. }) => Ok(()),
            Some(CommandStage { outcome: Some(outcome), .. }) => outcome.clone().map(drop),
            Some(_) | None => Err(Error::Closed("the manager")),
        }
    }

    /// Waits for a line for which `wanted` returns true, and returns it. Also checks stored earlier lines, so
    /// there is no race with a fast command. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if it ends without such a line, [`Error::Unread`] if its outputs are not read here:
    /// [`Output::Null`](crate::Output::Null), [`Output::Inherit`](crate::Output::Inherit).
    pub async fn wait_for_line(
        &self,
        mut wanted: impl FnMut(&Line) -> bool,
    ) -> Result<Line, Error> {
        if !self.record.is_read {
            return Err(Error::Unread { command: self.record.command.clone() });
        }
        let mut lines = self.lines();
        while let Some(line) = lines.next().await {
            if wanted(&line) {
                return Ok(line);
            }
        }
        Err(Error::Ended { command: self.record.command.clone() })
    }

    /// Streams its output line by line: stored lines first, then new ones. Ends when it is over.
    pub fn lines(&self) -> Lines {
        Lines::new(self.chunks())
    }

    /// Streams its output in chunks: stored ones first, then new ones. Ends when it is over.
    pub fn chunks(&self) -> Chunks {
        Chunks::new(Arc::clone(&self.record.capture))
    }

    /// Returns a cursor, which reads new output on request. Cursors are independent and start at the
    /// beginning.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(Arc::clone(&self.record.capture))
    }

    /// Writes to its input and returns when the system has accepted all of it.
    ///
    /// Not cancel safe: when the future is dropped, none or all of it will have been written.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if its input is not [`Stdin::Piped`](crate::Stdin::Piped), is closed, or is not read
    /// any more.
    pub async fn write(&self, bytes: impl Into<Vec<u8>>) -> Result<(), Error> {
        let error = |reason: &str| Error::Input {
            command: self.record.command.clone(),
            reason: reason.to_owned(),
        };
        let input = lock(&self.record.input).clone();
        let input = input.ok_or_else(|| error("its input is closed, or is not a pipe"))?;
        let (written, result) = oneshot::channel();
        let write = StdinWrite { bytes: bytes.into(), written };
        input.send(write).await.map_err(|_| error("its input is no longer read"))?;
        let result = result.await.map_err(|_| error("it has ended"))?;
        result.map_err(|failure| error(&io_error_text(&failure)))
    }

    /// Closes its input once everything written was accepted. A second call has no effect.
    pub fn close_stdin(&self) {
        lock(&self.record.input).take();
    }

    /// Sends a signal to its group.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if it is not running.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        if self.pid().is_none() {
            return Err(Error::NotFound(self.id));
        }
        self.engine.send(Intent::Signal(vec![self.id], signal));
        Ok(())
    }

    /// Stops it by its stop policy, waits until it is over, and returns the result. Several calls stop it
    /// once. Cancel safe: it is stopped even if the future is dropped.
    pub async fn stop(&self) -> CommandOutcome {
        self.engine.send(Intent::Stop(vec![self.id]));
        self.wait().await
    }

    /// Kills its whole tree, waits until it is over, and returns the result. Cancel safe.
    pub async fn kill(&self) -> CommandOutcome {
        self.engine.send(Intent::Kill(vec![self.id]));
        self.wait().await
    }
}
