//! What can go wrong with a command.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::result::ProcessResult;
use crate::machine::ProcessId;
use crate::spec::StartError;

/// Why there is no result, or none that one may go on with. Cheap to clone.
///
/// A non-zero exit code is a result and no error, until
/// [`ensure_success`](ProcessResult::ensure_success) makes it one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command makes no sense; nothing was started.
    #[error("cannot run `{command}`: {fault}")]
    Invalid {
        /// The command.
        command: String,
        /// What is wrong with it.
        fault: CommandFault,
    },
    /// It could not be started, after all attempts there were.
    #[error("cannot start `{command}`: {}", error.message)]
    Start {
        /// The command.
        command: String,
        /// Why.
        error: StartError,
    },
    /// It ran too long, or was silent too long, in its last attempt, and was stopped.
    #[error("`{}` {limit}", result.command())]
    TimedOut {
        /// What it had done until then.
        result: ProcessResult,
        /// Which limit it broke.
        limit: TimeLimit,
    },
    /// Its end was no success; made by [`ensure_success`](ProcessResult::ensure_success) only.
    #[error("{}", .0.complaint())]
    Failed(ProcessResult),
    /// Something of its tree cannot be ended: the kernel holds it, or we may not signal it.
    #[error("`{}`: {message}", result.command())]
    Unkillable {
        /// What it had done until then.
        result: ProcessResult,
        /// Who is left.
        message: String,
    },
    /// It was stopped before it had started.
    #[error("`{command}` was cancelled before it started")]
    Cancelled {
        /// The command.
        command: String,
    },
    /// A job of its pool failed, and nothing more is started there.
    #[error("`{command}` was skipped: {why}")]
    Skipped {
        /// The command.
        command: String,
        /// Which job.
        why: String,
    },
    /// It ended before what was waited for came.
    #[error("`{command}` ended before that came")]
    Ended {
        /// The command.
        command: String,
    },
    /// Nobody reads its outputs here, so no line of it is ever seen.
    #[error(
        "no line of `{command}` can be waited for: its outputs are not read; use `Output::Discard`"
    )]
    Unread {
        /// The command.
        command: String,
    },
    /// Its input cannot be written to.
    #[error("cannot write to `{command}`: {reason}")]
    Input {
        /// The command.
        command: String,
        /// Why.
        reason: String,
    },
    /// There is no live process with this number.
    #[error("there is no process {0} that runs")]
    NotFound(ProcessId),
    /// The manager or the pool takes nothing more.
    #[error("{0} takes no more commands")]
    Closed(&'static str),
    /// It was called outside of a tokio runtime with time and I/O.
    #[error("there is no tokio runtime here; commands are run by one")]
    NoRuntime,
    /// Something of the system that all commands need is not to be had.
    #[error("cannot run commands here: {0}")]
    System(Arc<std::io::Error>),
}

impl Error {
    /// What the command had done, where it ran at all.
    pub fn result(&self) -> Option<&ProcessResult> {
        match self {
            Self::TimedOut { result, .. }
            | Self::Unkillable { result, .. }
            | Self::Failed(result) => Some(result),
            Self::Invalid { .. }
            | Self::Start { .. }
            | Self::Cancelled { .. }
            | Self::Skipped { .. }
            | Self::Ended { .. }
            | Self::Unread { .. }
            | Self::Input { .. }
            | Self::NotFound(_)
            | Self::Closed(_)
            | Self::NoRuntime
            | Self::System(_) => None,
        }
    }
}

/// A limit in time that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// How long it may run.
    Total(Duration),
    /// How long it may be silent.
    Idle(Duration),
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total(limit) => write!(f, "ran longer than {limit:?} and was stopped"),
            Self::Idle(limit) => write!(f, "printed nothing for {limit:?} and was stopped"),
        }
    }
}

/// What makes a command senseless.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandFault {
    /// There is no program.
    #[error("it names no program")]
    NoProgram,
    /// No program can be given a NUL byte.
    #[error("{0} holds a NUL byte, which no program can be given")]
    Nul(String),
    /// Such a variable cannot be.
    #[error("{0:?} cannot be the name of a variable: it is empty or holds a `=`")]
    VariableName(String),
    /// A limit of no time at all.
    #[error("its {0} is zero; leave it out for none")]
    ZeroLimit(&'static str),
    /// Nobody sees whether it is silent.
    #[error("an idle timeout needs outputs that are read; use `Output::Discard` to keep nothing")]
    IdleUnseen,
    /// Whoever waits for its end has no handle to write with.
    #[error(
        "nobody can write to a piped input here; use `start`, or give it as bytes or as a file"
    )]
    PipedUnheld,
    /// What was written to the first attempt is not there for the second.
    #[error("a piped input cannot be written again for a retry; give it as bytes or as a file")]
    PipedRetry,
    /// Not a number that delays can be made of.
    #[error("its retry {0}")]
    Retry(&'static str),
    /// A stage of a pipeline is run once.
    #[error("a stage of a pipeline cannot be retried")]
    StageRetry,
    /// A stage of a pipeline reads the stage before it.
    #[error("only the first stage of a pipeline has an input of its own")]
    StageInput,
    /// A stage of a pipeline writes to the stage after it.
    #[error("only the last stage of a pipeline has an output of its own")]
    StageOutput,
    /// What a stage writes to the next one is not seen here.
    #[error("only the last stage of a pipeline can have an idle timeout; use `timeout`")]
    StageIdle,
    /// It cannot be called that.
    #[error("its name is empty; leave it out for the name of its program")]
    NoName,
    /// There are no pseudo-terminals yet.
    #[error(
        "a child cannot be given a terminal of its own yet; \
         `Stdin::Inherit` and `Output::Inherit` hand on ours, `script -qc` makes one"
    )]
    NoTerminal,
    /// Nothing to run.
    #[error("a pipeline needs at least one stage")]
    NoStage,
    /// The current folder is needed and not there.
    #[error("the current folder cannot be told: {0}")]
    NoFolder(String),
}
