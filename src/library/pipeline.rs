//! A pipeline: several commands at once, each reading what the one before writes.

use std::borrow::Cow;
use std::os::fd::OwnedFd;

use super::command::{Command, Output, Stdin};
use super::error::{CommandFault, Error};
use super::handle::ProcessHandle;
use super::manager::ProcessManager;
use super::manager_core::{KillOnDrop, QueuedCommand};
use super::plan::shown;
use super::record::CommandOutcome;
use super::result::ProcessResult;
use crate::engine::{OutputTarget, StdinSource, TakeOnce};
use crate::spec::{Exit, Signal};
use crate::sys;

/// Several commands at once, joined by pipes of the system: nothing of what flows passes through this
/// program. Made by [`ProcessManager::pipeline`].
///
/// ```
/// use pitcrew::{Command, ProcessManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pitcrew::Error> {
/// let manager = ProcessManager::new();
/// let sorted = manager
///     .pipeline([
///         Command::new("printf").arg("b\\na\\n"),
///         Command::new("sort"),
///     ])
///     .run()
///     .await?;
/// assert!(sorted.success() && sorted.stdout() == b"a\nb\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a pipeline does nothing before it is run"]
pub struct Pipeline {
    manager: ProcessManager,
    stages: Vec<Command>,
}

impl Pipeline {
    pub(super) fn new(manager: ProcessManager, stages: Vec<Command>) -> Self {
        Self { manager, stages }
    }

    /// One more stage at the end.
    pub fn pipe(mut self, stage: Command) -> Self {
        self.stages.push(stage);
        self
    }

    /// Runs all stages at once and waits until all are over. When the future is dropped, all are
    /// killed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is started; [`Error::Start`] when a stage cannot be started,
    /// after the others were killed. A broken time limit or a failure of a stage is in its own result.
    pub async fn run(self) -> Result<PipelineResult, Error> {
        let entries = self.entries()?;
        let guards = self.manager.admit(entries)?;
        let mut handles: Vec<ProcessHandle> = Vec::new();
        for guard in &guards {
            handles.push(self.manager.numbered(&guard.record).await?);
        }
        let mut failed = None;
        for handle in &handles {
            let outcome = handle.started().await;
            if let Err(error) = outcome {
                failed.get_or_insert(error);
            }
        }
        let mut stages = Vec::new();
        for handle in &handles {
            let outcome = match failed {
                Some(_) => handle.kill().await,
                None => handle.wait().await,
            };
            stages.push(outcome);
        }
        guards.into_iter().for_each(KillOnDrop::keep);
        match failed {
            Some(error) => Err(error),
            None => Ok(PipelineResult { stages }),
        }
    }

    fn entries(&self) -> Result<Vec<QueuedCommand>, Error> {
        let last = self.stages.len().checked_sub(1);
        let Some(last) = last else {
            return Err(Error::Invalid { command: String::new(), fault: CommandFault::NoStage });
        };
        let mut before: Option<OwnedFd> = None;
        let mut entries = Vec::new();
        for (place, stage) in self.stages.iter().enumerate() {
            let invalid = |fault| Error::Invalid { command: shown(stage), fault };
            if stage.retry.is_any() {
                return Err(invalid(CommandFault::StageRetry));
            }
            if place > 0 && !matches!(stage.stdin, Stdin::Null) {
                return Err(invalid(CommandFault::StageInput));
            }
            if matches!(stage.stdin, Stdin::Piped) {
                return Err(invalid(CommandFault::PipedUnheld));
            }
            if place < last && stage.idle_timeout.is_some() {
                return Err(invalid(CommandFault::StageIdle));
            }
            if place < last && matches!(stage.output, Output::Null | Output::Inherit) {
                return Err(invalid(CommandFault::StageOutput));
            }
            let mut entry = QueuedCommand::new(stage, None)?;
            if let Some(read) = before.take() {
                entry.wiring.stdin = StdinSource::Passed(TakeOnce::new(read));
            }
            if place < last {
                let (read, write) =
                    sys::pipe().map_err(|error| Error::System(std::sync::Arc::new(error)))?;
                entry.wiring.stdout = OutputTarget::Passed(TakeOnce::new(write));
                before = Some(read);
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// How the stages of a pipeline ended.
#[derive(Debug, Clone)]
pub struct PipelineResult {
    stages: Vec<CommandOutcome>,
}

impl PipelineResult {
    /// How each stage ended, in order.
    pub fn stages(&self) -> &[CommandOutcome] {
        &self.stages
    }

    /// Whether every stage succeeded. One that was ended by SIGPIPE because the stage after it had
    /// ended, and well, counts as success: `yes | head -1` is one.
    pub fn success(&self) -> bool {
        let mut after_succeeded = false;
        self.stages.iter().rev().all(|stage| {
            let Ok(result) = stage else { return false };
            let was_cut = after_succeeded && result.status() == Some(Exit::Signal(Signal::PIPE));
            let succeeded = result.success() || was_cut;
            after_succeeded = succeeded;
            succeeded
        })
    }

    fn last(&self) -> Option<&ProcessResult> {
        self.stages.last().and_then(|stage| match stage {
            Ok(result) => Some(result),
            Err(error) => error.result(),
        })
    }

    /// What the last stage printed to stdout, as far as it was kept.
    pub fn stdout(&self) -> &[u8] {
        self.last().map(ProcessResult::stdout).unwrap_or_default()
    }

    /// The same as text; bytes that are none are replaced.
    pub fn stdout_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.stdout())
    }

    /// Whether what is kept of it has this in it.
    pub fn stdout_contains(&self, text: impl AsRef<[u8]>) -> bool {
        self.last().is_some_and(|last| last.stdout_contains(text))
    }

    /// Itself if it was a success, else the error of the first stage that was none.
    pub fn ensure_success(self) -> Result<Self, Error> {
        if self.success() {
            return Ok(self);
        }
        let fault = self.stages.iter().find_map(|stage| match stage {
            Ok(result) if result.success() => None,
            Ok(result) if result.status() == Some(Exit::Signal(Signal::PIPE)) => None,
            Ok(result) => Some(Error::Failed(result.clone())),
            Err(error) => Some(error.clone()),
        });
        let cut = || self.stages.iter().find_map(|stage| stage.clone().ok().map(Error::Failed));
        fault.or_else(cut).map_or(Ok(self.clone()), Err)
    }
}
