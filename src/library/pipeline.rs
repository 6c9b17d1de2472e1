//! Pipeline: commands that run at the same time, each reading the output of the previous one.

use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::command::{Command, Output, Stdin};
use super::error::{CommandFault, Error};
use super::handle::ProcessHandle;
use super::manager_core::{KillOnDrop, ManagerCore};
use super::plan::{QueuedCommand, display};
use super::record::CommandOutcome;
use super::result::ProcessResult;
use crate::spec::{Exit, Signal};
use crate::sys::{self, OutputFd, StdinTarget};

/// Commands that run at the same time, connected by system pipes: the data does not pass through this
/// program.
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

    /// Runs all stages at the same time and waits until all are over. If the future is dropped, all are killed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is started; [`Error::Start`] if a stage cannot be started, after
    /// the others were killed. Exceeded time limits and failures of stages are in their own results.
    pub async fn run(self) -> Result<PipelineResult, Error> {
        let guards = self.manager.admit_guarded(self.connect()?)?;
        let mut handles: Vec<ProcessHandle> = Vec::new();
        for guard in &guards {
            handles.push(self.manager.wait_for_id(&guard.record).await?);
        }
        let mut failed = None;
        for handle in &handles {
            if let Err(error) = handle.started().await {
                failed.get_or_insert(error);
            }
        }
        let mut stages = Vec::new();
        for handle in &handles {
            stages.push(match failed {
                Some(_) => handle.kill().await,
                None => handle.wait().await,
            });
        }
        guards.into_iter().for_each(KillOnDrop::keep);
        failed.map_or(Ok(PipelineResult { stages }), Err)
    }

    /// Validates the stages and connects their outputs to the next inputs.
    fn connect(&self) -> Result<Vec<QueuedCommand>, Error> {
        let Some(last) = self.stages.len().checked_sub(1) else {
            return Err(Error::Invalid { command: String::new(), fault: CommandFault::NoStage });
        };
        let mut previous_output: Option<OwnedFd> = None;
        let mut commands = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            let has_input = index > 0 && !matches!(stage.stdin, Stdin::Null);
            let has_output = matches!(stage.output, Output::Null | Output::Inherit);
            let faults = [
                (stage.retry.is_any(), CommandFault::StageRetry),
                (stage.tty, CommandFault::StageTerminal),
                (has_input, CommandFault::StageInput),
                (index < last && stage.idle_timeout.is_some(), CommandFault::StageIdle),
                (index < last && has_output, CommandFault::StageOutput),
            ];
            if let Some((_, fault)) = faults.into_iter().find(|(is_present, _)| *is_present) {
                return Err(Error::Invalid { command: display(stage), fault });
            }
            let mut command = QueuedCommand::new(stage, false, None)?;
            if let Some(read) = previous_output.take() {
                command.launch.stdin = StdinTarget::File(Arc::new(read));
            }
            if index < last {
                let (read, write) = sys::pipe().map_err(|error| Error::System(Arc::new(error)))?;
                command.launch.stdout = OutputFd::File(Arc::new(write));
                previous_output = Some(read);
            }
            commands.push(command);
        }
        Ok(commands)
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
        // From the end, so that the next stage is known to have succeeded, except for the last one.
        self.stages.iter().rev().enumerate().all(|(index, stage)| {
            let Ok(result) = stage else { return false };
            result.success() || index > 0 && was_cut_off(result)
        })
    }

    fn last(&self) -> Option<&ProcessResult> {
        self.stages.last()?.as_ref().map_or_else(Error::result, Some)
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
            Ok(result) if result.success() || was_cut_off(result) => None,
            Ok(result) => Some(Error::Failed(result.clone())),
            Err(error) => Some(error.clone()),
        });
        let cut = || self.stages.iter().find_map(|stage| stage.clone().ok().map(Error::Failed));
        fault.or_else(cut).map_or(Ok(self.clone()), Err)
    }
}

/// Whether a stage ended by SIGPIPE, because nothing read its output any more.
fn was_cut_off(result: &ProcessResult) -> bool {
    result.status() == Some(Exit::Signal(Signal::PIPE))
}
