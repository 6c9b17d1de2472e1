//! Pipeline: several commands at once, each reading the output of the one before.

use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::command::{Command, Output, Stdin};
use super::error::{CommandFault, Error};
use super::handle::ProcessHandle;
use super::manager_core::{KillOnDrop, ManagerCore, QueuedCommand};
use super::plan::shown;
use super::record::CommandOutcome;
use super::result::ProcessResult;
use crate::engine::{OutputTarget, StdinSource, TakeOnce};
use crate::spec::{Exit, Signal};
use crate::sys;

/// Several commands at once, connected by system pipes: the data does not pass through this program.
/// Created by [`crate::ProcessManager::pipeline`].
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
    manager: Arc<ManagerCore>,
    stages: Vec<Command>,
}

impl Pipeline {
    pub(super) fn new(manager: Arc<ManagerCore>, stages: Vec<Command>) -> Self {
        Self { manager, stages }
    }

    /// Appends a stage.
    pub fn pipe(mut self, stage: Command) -> Self {
        self.stages.push(stage);
        self
    }

    /// Runs all stages at once and waits until all are over. If the future is dropped, all are killed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is started; [`Error::Start`] if a stage cannot be started, after
    /// the others were killed. Exceeded time limits and failures of stages are in their own results.
    pub async fn run(self) -> Result<PipelineResult, Error> {
        let entries = self.entries()?;
        let guards = self.manager.admit_guarded(entries)?;
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
                let (read, write) = sys::pipe().map_err(|error| Error::System(Arc::new(error)))?;
                entry.wiring.stdout = OutputTarget::Passed(TakeOnce::new(write));
                before = Some(read);
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// The results of the stages of a pipeline.
#[derive(Debug, Clone)]
pub struct PipelineResult {
    stages: Vec<CommandOutcome>,
}

impl PipelineResult {
    /// The result of each stage, in order.
    pub fn stages(&self) -> &[CommandOutcome] {
        &self.stages
    }

    /// Whether every stage succeeded. A stage ended by SIGPIPE because the next stage had ended
    /// successfully counts as success, as in `yes | head -1`.
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

    /// The captured stdout of the last stage.
    pub fn stdout(&self) -> &[u8] {
        self.last().map(ProcessResult::stdout).unwrap_or_default()
    }

    /// The captured stdout of the last stage as text; invalid UTF-8 is replaced.
    pub fn stdout_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.stdout())
    }

    /// Whether the captured stdout contains this.
    pub fn stdout_contains(&self, text: impl AsRef<[u8]>) -> bool {
        self.last().is_some_and(|last| last.stdout_contains(text))
    }

    /// Returns itself on success, else the error of the first stage that failed.
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
