//! The manager: one engine, its books, and the way to both.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::command::Command;
use super::error::Error;
use super::events::{Events, Observer};
use super::handle::ProcessHandle;
use super::manager_core::{KillOnDrop, ManagerCore, QueuedCommand, start};
use super::pipeline::Pipeline;
use super::plan::held;
use super::record::{CommandOutcome, CommandRecord, CommandRegistry, lock};
use crate::machine::{Event, Intent, ProcessId, ShutdownReason, Snapshot};
use crate::session::Session;
use crate::spec::Signal;
use crate::sys::{Host, HostOptions, RealHost};

/// Runs commands, knows which are alive, tells what happens to them, and leaves nothing behind.
///
/// Cheap to clone; clones are the same manager. When the last clone (and pool) of it goes, everything
/// that it still runs is killed, trees and all. Several managers know nothing of each other. It
/// installs no signal handler, prints nothing, and has no thread before the first command.
///
/// Its methods need a tokio runtime with time and I/O. It works in the one of its first command and
/// ends with that: its commands are killed then, and later ones are [`Error::Closed`].
///
/// ```
/// use pitcrew::{Command, ProcessManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pitcrew::Error> {
/// let manager = ProcessManager::new();
/// let result = manager.run(Command::new("echo").arg("hello")).await?;
/// assert!(result.success() && result.stdout_contains("hello"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ProcessManager(pub(super) Arc<ManagerCore>);

impl fmt::Debug for ProcessManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessManager").field("active", &self.active()).finish()
    }
}

impl Default for ProcessManager {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessManager {
    /// A manager of real processes.
    pub fn new() -> Self {
        Self::starting(|| {
            let host = RealHost::new(HostOptions::default());
            host.map_err(|error| Error::System(Arc::new(error)))
        })
    }

    /// A manager of processes of this host. In a test that is a
    /// [`ScriptedHost`](crate::testing::ScriptedHost) of [`pitcrew::testing`](crate::testing), which runs
    /// nothing: each command does what a script says, everything above it is the real thing.
    ///
    /// ```
    /// use pitcrew::testing::{Script, ScriptedHost};
    /// use pitcrew::{Command, ProcessManager};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), pitcrew::Error> {
    /// let host = ScriptedHost::new().on("git push*", Script::new().err("rejected").exit(1));
    /// let manager = ProcessManager::with_host(host.clone());
    /// assert_eq!(manager.run(Command::shell("git push --tags")).await?.code(), 1);
    /// host.assert_ran_times("git *", 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_host<H: Host>(host: H) -> Self {
        Self::starting(|| Ok(host))
    }

    fn starting<H: Host>(host: impl FnOnce() -> Result<H, Error> + Send + 'static) -> Self {
        let start = move |books: &Arc<CommandRegistry>| Ok(start(host()?, books));
        Self(Arc::new(ManagerCore::new(Box::new(start))))
    }

    /// Runs a command to its end and gives its result. When the future is dropped, the command is
    /// killed with its tree.
    ///
    /// # Errors
    ///
    /// See [`Error`]: it makes no sense, could not be started, or broke a time limit. A non-zero exit
    /// code is a result.
    pub async fn run(&self, command: Command) -> CommandOutcome {
        let guard = self.admit_one(&command, held)?;
        let outcome = guard.record.outcome().await;
        guard.keep();
        outcome
    }

    /// Starts a command and returns when exec has succeeded.
    ///
    /// Cancel safe in the sense that a command whose start is under way is killed when the future is
    /// dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything happens, [`Error::Start`] when it could not be started.
    pub async fn start(&self, command: Command) -> Result<ProcessHandle, Error> {
        let guard = self.admit_one(&command, |_| Ok(()))?;
        let handle = self.numbered(&guard.record).await?;
        handle.started().await?;
        guard.keep();
        Ok(handle)
    }

    fn admit_one(
        &self,
        command: &Command,
        check: impl FnOnce(&Command) -> Result<(), Error>,
    ) -> Result<KillOnDrop, Error> {
        let entry = QueuedCommand::new(command, None)?;
        check(command)?;
        let mut guards = self.admit(vec![entry])?;
        guards.pop().ok_or(Error::Closed("the manager"))
    }

    /// Lets these in and starts them; they are killed when what is given back goes.
    pub(super) fn admit(&self, entries: Vec<QueuedCommand>) -> Result<Vec<KillOnDrop>, Error> {
        let records = self.0.admit(None, entries)?;
        let session = self.0.session().ok_or(Error::Closed("the manager"))?;
        let guard = |record| KillOnDrop::new(session, record);
        Ok(records.into_iter().map(guard).collect())
    }

    /// The handle, once it has its number.
    pub(super) async fn numbered(
        &self,
        record: &Arc<CommandRecord>,
    ) -> Result<ProcessHandle, Error> {
        let session = self.0.session().ok_or(Error::Closed("the manager"))?.clone();
        let mut stage = record.stage.subscribe();
        let reached = stage.wait_for(|stage| record.id.get().is_some() || stage.outcome.is_some());
        let refused = reached.await.ok().and_then(|stage| stage.outcome.clone());
        match (record.id.get().copied(), refused) {
            (Some(id), _) => Ok(ProcessHandle { session, record: Arc::clone(record), id }),
            (None, Some(Err(error))) => Err(error),
            (None, Some(Ok(_)) | None) => Err(Error::Closed("the manager")),
        }
    }

    /// The command with this number, as long as it is not over.
    pub fn get(&self, id: ProcessId) -> Option<ProcessHandle> {
        let session = self.0.session()?.clone();
        let record = self.0.books.get(id)?;
        Some(ProcessHandle { session, record, id })
    }

    /// All commands that are not over, those that wait for a slot or their next attempt too, in the
    /// order in which they came.
    pub fn active(&self) -> Vec<ProcessHandle> {
        let Some(session) = self.0.session() else { return Vec::new() };
        let handle = |(id, record)| {
            let session = session.clone();
            ProcessHandle { session, record, id }
        };
        self.0.books.all().into_iter().map(handle).collect()
    }

    /// Ends the whole tree of a command at once and waits until it is over.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none with this number that is not over, else what
    /// [`ProcessHandle::wait`] gives.
    pub async fn kill(&self, id: ProcessId) -> CommandOutcome {
        self.get(id).ok_or(Error::NotFound(id))?.kill().await
    }

    /// Sends a signal to the group of a command.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when nothing with this number is alive.
    pub fn signal(&self, id: ProcessId, signal: Signal) -> Result<(), Error> {
        self.get(id).ok_or(Error::NotFound(id))?.signal(signal)
    }

    /// Stops all that is there now by their stop policies, at the same time, and waits until they are
    /// over. What waits for a slot or its next attempt never starts.
    pub async fn stop_all(&self) {
        let all = self.active();
        self.0.wish(Intent::Stop(all.iter().map(ProcessHandle::id).collect()));
        for handle in all {
            // How each ended is known to who waits for it.
            _ = handle.wait().await;
        }
    }

    /// Takes no more commands, stops everything as [`ProcessManager::stop_all`] does, and returns when
    /// nothing is left.
    pub async fn shutdown(&self) {
        let (Some(running), is_first) = self.0.close() else { return };
        if is_first {
            running.session.wish(Intent::Shutdown(ShutdownReason::Asked));
        }
        let mut ended = running.ended.clone();
        // The sender goes only when the engine does.
        _ = ended.wait_for(|ended| *ended).await;
    }

    /// Every event from now on.
    pub fn events(&self) -> Events {
        Events::new(self.0.books.events.subscribe())
    }

    /// Calls `told` for every event from now on, however slow it is: none is missed, and what is not
    /// told yet takes memory. It runs in a task of its own; one that panics is told no more, and
    /// nobody else notices.
    ///
    /// # Errors
    ///
    /// [`Error::NoRuntime`] outside of a runtime.
    pub fn observe(&self, told: impl FnMut(&Event) + Send + 'static) -> Result<Observer, Error> {
        Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let (observer, way) = Observer::start(told);
        lock(&self.0.books.observers).push(way);
        Ok(observer)
    }

    /// Everything that is there now; nothing before the first command.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.0.session().map(Session::snapshot)
    }

    /// Several commands at once, each reading what the one before writes.
    pub fn pipeline(&self, stages: impl IntoIterator<Item = Command>) -> Pipeline {
        Pipeline::new(self.clone(), stages.into_iter().collect())
    }
}
