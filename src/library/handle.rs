//! A command under way.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::error::Error;
use super::record::{CommandOutcome, CommandRecord, lock};
use super::streams::{Chunks, Cursor, Line, Lines};
use crate::engine::StdinWrite;
use crate::machine::{Intent, ProcessId, StateName};
use crate::output::CapturePosition;
use crate::session::Session;
use crate::spec::Signal;

/// A command that was started. Cheap to clone; dropping it changes nothing about the command, which
/// lives on until it ends, is stopped, or its manager goes.
#[derive(Clone)]
pub struct ProcessHandle {
    pub(super) session: Session,
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
    /// Its number in its manager; never given again.
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// The command as it could be typed, for people.
    pub fn command(&self) -> &str {
        &self.record.command
    }

    /// The pid of its leader, which is also the id of its group; nothing while none is alive. For
    /// people: it may be somebody else's the moment it is read.
    pub fn pid(&self) -> Option<u32> {
        self.record.stage.borrow().pid
    }

    /// Where it is.
    pub fn state(&self) -> StateName {
        self.record.stage.borrow().state
    }

    /// Waits until it is over and says how it ended. Any number may wait, and later calls give the
    /// same again. Cancel safe.
    ///
    /// # Errors
    ///
    /// See [`Error`]: a broken time limit, say. A non-zero exit code is a result.
    pub async fn wait(&self) -> CommandOutcome {
        self.record.outcome().await
    }

    /// Waits until exec has succeeded, or is known never to.
    pub(super) async fn started(&self) -> Result<(), Error> {
        let mut stage = self.record.stage.subscribe();
        let reached = stage.wait_for(|stage| stage.started || stage.outcome.is_some()).await;
        match reached {
            Ok(stage) if stage.started => Ok(()),
            Ok(stage) => stage.outcome.clone().unwrap_or(Err(Error::NotFound(self.id))).map(|_| ()),
            Err(_) => Err(Error::Closed("the manager")),
        }
    }

    /// Waits for a line that `wanted` says yes to, and gives it. Sees what was printed before the
    /// call as far as it is kept, so there is no race with a fast command. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when it is over without such a line, [`Error::Unread`] when nobody reads its
    /// outputs here: [`Output::Null`](crate::Output::Null), [`Output::Inherit`](crate::Output::Inherit).
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

    /// Its output line by line: what is kept, then what comes. Ends when it is over.
    pub fn lines(&self) -> Lines {
        Lines::new(self.chunks())
    }

    /// Its output as it comes: what is kept, then what comes. Ends when it is over.
    pub fn chunks(&self) -> Chunks {
        Chunks::new(Arc::clone(&self.record.capture), CapturePosition::default())
    }

    /// Gives what is new since one looked. Each cursor is on its own, and begins at the beginning.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(Arc::clone(&self.record.capture))
    }

    /// Writes to its input and returns when the system has taken all of it.
    ///
    /// Not cancel safe: when the future is dropped, none or all of it will have been written.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] when its input is not [`Stdin::Piped`](crate::Stdin::Piped), is closed, or
    /// nobody reads it any more.
    pub async fn write(&self, bytes: impl Into<Vec<u8>>) -> Result<(), Error> {
        let fault = |reason: &str| Error::Input {
            command: self.record.command.clone(),
            reason: reason.to_owned(),
        };
        let input = lock(&self.record.input).clone();
        let input = input.ok_or_else(|| fault("its input is closed, or is no pipe"))?;
        let (written, answer) = oneshot::channel();
        let parcel = StdinWrite { bytes: bytes.into(), written };
        input.send(parcel).await.map_err(|_| fault("nobody reads it any more"))?;
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(fault(&error.to_string())),
            Err(_) => Err(fault("it has ended")),
        }
    }

    /// Ends its input, once what was written has been taken. A second time changes nothing.
    pub fn close_stdin(&self) {
        lock(&self.record.input).take();
    }

    /// Sends a signal to its group.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when nothing of it is alive.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        if self.pid().is_none() {
            return Err(Error::NotFound(self.id));
        }
        self.session.wish(Intent::Signal(vec![self.id], signal));
        Ok(())
    }

    /// Stops it by its stop policy, waits until it is over, and says how it ended. Many may ask; it
    /// is stopped once. Cancel safe: it is stopped even if nobody waits.
    pub async fn stop(&self) -> CommandOutcome {
        self.session.wish(Intent::Stop(vec![self.id]));
        self.wait().await
    }

    /// Ends its whole tree at once, waits until it is over, and says how it ended. Cancel safe.
    pub async fn kill(&self) -> CommandOutcome {
        self.session.wish(Intent::Kill(vec![self.id]));
        self.wait().await
    }
}
