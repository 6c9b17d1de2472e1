//! Errors of commands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::result::ProcessResult;
use crate::machine::ProcessId;
use crate::spec::{StartError, format_limit, io_error_text};

/// Why a command has no result, or no usable one. Cheap to clone.
///
/// A non-zero exit code is a result and not an error, unless
/// [`ensure_success`](ProcessResult::ensure_success) makes it one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command is invalid; nothing was started.
    #[error("cannot run `{command}`: {fault}")]
    Invalid {
        /// Its program and arguments in one line.
        command: String,
        /// The mistake.
        fault: CommandFault,
    },
    /// It could not be started in any attempt.
    #[error("cannot start `{command}`: {}", error.message)]
    Start {
        /// Its program and arguments in one line.
        command: String,
        /// The error of the last attempt.
        error: StartError,
    },
    /// Its last attempt exceeded a time limit and was stopped.
    #[error("`{}` {limit}", result.command())]
    TimedOut {
        /// The result until then.
        result: ProcessResult,
        /// The exceeded limit.
        limit: TimeLimit,
    },
    /// It was not successful; only created by [`ensure_success`](ProcessResult::ensure_success).
    #[error("{}", .0.failure_text())]
    Failed(ProcessResult),
    /// Part of its tree cannot be ended: the kernel holds it, or it may not be signalled.
    #[error("`{}`: {message}", result.command())]
    Unkillable {
        /// Its result until then.
        result: ProcessResult,
        /// The processes that are left.
        message: String,
    },
    /// It was stopped before it had started.
    #[error("`{command}` was cancelled before it started")]
    Cancelled {
        /// Its program and arguments in one line.
        command: String,
    },
    /// A job of its pool failed, and the pool starts nothing more.
    #[error("`{command}` was skipped: {why}")]
    Skipped {
        /// Its program and arguments in one line.
        command: String,
        /// The job that failed.
        why: String,
    },
    /// It ended before the awaited line or screen came.
    #[error("`{command}` ended before a line or the screen matched")]
    Ended {
        /// Its program and arguments in one line.
        command: String,
    },
    /// Its outputs are not read here, so no line can be awaited.
    #[error("cannot wait for a line of `{command}`: its output is not read; use `Output::Discard`")]
    Unread {
        /// Its program and arguments in one line.
        command: String,
    },
    /// Its input cannot be written to.
    #[error("cannot write to `{command}`: {reason}")]
    Input {
        /// Its program and arguments in one line.
        command: String,
        /// The state of the input, or the error of the system.
        reason: String,
    },
    /// There is no live process with this number.
    #[error("there is no running process {0}")]
    NotFound(ProcessId),
    /// The manager or the pool is closed.
    #[error("{0} is closed")]
    Closed(&'static str),
    /// It was called outside of a tokio runtime with time and I/O.
    #[error("there is no tokio runtime here; running commands needs one")]
    NoRuntime,
    /// The system lacks something that all commands need.
    #[error("cannot run commands here: {}", io_error_text(&**.0))]
    System(Arc<std::io::Error>),
}

impl Error {
    /// The result of the command, if it ran at all.
    pub fn result(&self) -> Option<&ProcessResult> {
        if let Self::TimedOut { result, .. }
        | Self::Unkillable { result, .. }
        | Self::Failed(result) = self
        {
            Some(result)
        } else {
            None
        }
    }
}

/// A time limit that was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// The maximum duration.
    Total(Duration),
    /// The maximum time without output.
    Idle(Duration),
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (excess, limit) = match self {
            Self::Total(limit) => ("ran longer than", limit),
            Self::Idle(limit) => ("printed nothing for", limit),
        };
        write!(f, "{excess} {} and was stopped", format_limit(*limit))
    }
}

/// Why a command is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandFault {
    /// There is no program.
    #[error("it has no program")]
    NoProgram,
    /// A NUL byte, which is not allowed in arguments and variables.
    #[error("{0} contains a NUL byte, which is not allowed in arguments and variables")]
    Nul(String),
    /// An invalid variable name.
    #[error("{0:?} is not a valid variable name: it is empty or contains `=`")]
    VariableName(String),
    /// A time limit of zero.
    #[error("{0} is zero; leave it unset for no limit")]
    ZeroLimit(&'static str),
    /// An idle timeout without outputs that are read.
    #[error("an idle timeout needs outputs that are read; use `Output::Discard` to keep nothing")]
    IdleUnseen,
    /// A piped input without a handle to write to it.
    #[error("a piped input needs a handle that writes to it; use `start`, or pass bytes or a file")]
    PipedUnheld,
    /// A piped input with retries: the input of the first attempt is not available again.
    #[error("a piped input cannot be written again for a retry; pass bytes or a file")]
    PipedRetry,
    /// An invalid number for delays.
    #[error("its retry {0}")]
    Retry(&'static str),
    /// A stage of a pipeline with retries.
    #[error("a stage of a pipeline cannot be retried")]
    StageRetry,
    /// A stage with its own input; it reads from the stage before.
    #[error("only the first stage of a pipeline can have its own input")]
    StageInput,
    /// A stage with its own output; it writes to the next stage.
    #[error("only the last stage of a pipeline can have its own output")]
    StageOutput,
    /// A stage with an idle timeout; its output is not seen here.
    #[error("only the last stage of a pipeline can have an idle timeout; use `timeout`")]
    StageIdle,
    /// An empty name.
    #[error("its name is empty; omit it for the name of its program")]
    NoName,
    /// A terminal together with another input or output: the terminal is both.
    #[error("{0} cannot be combined with `tty(true)`: the terminal is its input and its output")]
    TerminalStdio(&'static str),
    /// A stage of a pipeline with a terminal.
    #[error("a stage of a pipeline cannot have a terminal")]
    StageTerminal,
    /// A pipeline without stages.
    #[error("a pipeline needs at least one stage")]
    NoStage,
    /// The current folder is needed but unknown.
    #[error("the current folder is unknown: {0}")]
    NoFolder(String),
}
