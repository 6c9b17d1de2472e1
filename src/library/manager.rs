//! Process manager: runs commands on one engine.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::command::Command;
use super::error::Error;
use super::events::{Events, Observer};
use super::handle::ProcessHandle;
use super::manager_core::{KillOnDrop, ManagerCore, start};
use super::pipeline::Pipeline;
use super::plan::QueuedCommand;
use super::record::{CommandOutcome, CommandRegistry, lock};
use crate::engine::EngineHandle;
use crate::machine::{Event, Intent, ProcessId, ShutdownReason, Snapshot};
use crate::spec::Signal;
use crate::sys::{Host, HostOptions, RealHost};

/// Runs commands, tracks them, emits events, and leaves nothing behind.
///
/// Cheap to clone; clones are the same manager. When the last clone (and pool) is dropped, everything
/// that still runs is killed, including whole trees. Several managers are independent. It installs no
/// signal handler, prints nothing, and has no thread before the first command.
///
/// Its methods need a tokio runtime with time and I/O. It uses that of its first command and ends with
/// it: its commands are killed then, and later ones return [`Error::Closed`].
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
        self.0.fmt(f)
    }
}

impl Default for ProcessManager {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessManager {
    /// Creates a manager of real processes.
    pub fn new() -> Self {
        Self::starting(|| {
            let host = RealHost::new(HostOptions::default());
            host.map_err(|error| Error::System(Arc::new(error)))
        })
    }

    /// Creates a manager on this host. In a test that is a [`ScriptedHost`](crate::testing::ScriptedHost) of
    /// [`pitcrew::testing`](crate::testing), which runs nothing: scripts define what commands do, everything
    /// above the host is real.
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
        let start = move |registry: &Arc<CommandRegistry>| Ok(start(host()?, registry));
        Self(Arc::new(ManagerCore::new(Box::new(start))))
    }

    /// Runs a command to its end and returns the result. If the future is dropped, the command is killed
    /// with its tree.
    ///
    /// # Errors
    ///
    /// See [`Error`]: it is invalid, could not be started, or exceeded a time limit. A non-zero exit code is
    /// a result.
    pub async fn run(&self, command: Command) -> CommandOutcome {
        let guard = self.admit_one(&command, false)?;
        let outcome = guard.record.outcome().await;
        guard.keep();
        outcome
    }

    /// Starts a command and returns when exec has succeeded.
    ///
    /// If the future is dropped during the start, the command is killed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if it is invalid, [`Error::Start`] if it could not be started.
    pub async fn start(&self, command: Command) -> Result<ProcessHandle, Error> {
        let guard = self.admit_one(&command, true)?;
        let handle = self.0.wait_for_id(&guard.record).await?;
        handle.started().await?;
        guard.keep();
        Ok(handle)
    }

    fn admit_one(&self, command: &Command, has_handle: bool) -> Result<KillOnDrop, Error> {
        let command = QueuedCommand::new(command, has_handle, None)?;
        let mut guards = self.0.admit_guarded(vec![command])?;
        guards.pop().ok_or(Error::Closed("the manager"))
    }

    /// The command with this number, as long as it is not over.
    pub fn get(&self, id: ProcessId) -> Option<ProcessHandle> {
        let engine = self.0.engine()?.clone();
        Some(ProcessHandle { engine, record: self.0.registry.get(id)?, id })
    }

    /// Returns all commands that are not over, including those that wait for a slot or a retry, in order of
    /// admission.
    pub fn active(&self) -> Vec<ProcessHandle> {
        self.0.active()
    }

    /// Kills the whole tree of a command and waits until it is over.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if no active command has this number, else the errors of
    /// [`ProcessHandle::wait`].
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

    /// Stops all active commands by their stop policies, at the same time, and waits until they are over.
    /// Commands that wait for a slot or a retry never start.
    pub async fn stop_all(&self) {
        let active = self.active();
        self.0.send(Intent::Stop(active.iter().map(ProcessHandle::id).collect()));
        for handle in active {
            // The outcome is for those who hold the handle.
            _ = handle.wait().await;
        }
    }

    /// Closes the manager, stops everything as [`ProcessManager::stop_all`] does, and returns when nothing
    /// is left.
    pub async fn shutdown(&self) {
        let (Some(running), is_first) = self.0.close() else { return };
        if is_first {
            running.engine.send(Intent::Shutdown(ShutdownReason::Asked));
        }
        let mut ended = running.ended.clone();
        // The sender is dropped only with the engine.
        _ = ended.wait_for(|ended| *ended).await;
    }

    /// Streams every event from now on.
    pub fn events(&self) -> Events {
        Events::new(self.0.registry.events.subscribe())
    }

    /// Calls the function for every event from now on, however slow it is: none is missed, and pending
    /// events take memory. It runs in a separate task; after a panic it is not called again, and nothing else
    /// is affected.
    ///
    /// # Errors
    ///
    /// [`Error::NoRuntime`] outside of a runtime.
    pub fn observe(
        &self,
        callback: impl FnMut(&Event) + Send + 'static,
    ) -> Result<Observer, Error> {
        Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let (observer, messages) = Observer::start(callback);
        lock(&self.0.registry.observers).push(messages);
        Ok(observer)
    }

    /// Returns the current state; `None` before the first command.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.0.engine().map(EngineHandle::snapshot)
    }

    /// Creates a pipeline: commands that run at the same time, each reading the output of the previous
    /// one.
    pub fn pipeline(&self, stages: impl IntoIterator<Item = Command>) -> Pipeline {
        Pipeline::new(Arc::clone(&self.0), stages.into_iter().collect())
    }
}
