//! Exit status of a run, start errors, and strays.

use std::fmt;

use super::{Signal, choices};

/// How the leader of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    Code(i32),
    Signal(Signal),
}

impl Exit {
    /// Returns the code a shell would show: the exit code, or 128 + the signal's number.
    pub fn shell_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal.number(),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// The reason why a run could not be spawned: a kind for programs, a message for users.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    /// The kind of the error, from a fixed set.
    pub kind: StartErrorKind,
    /// A fragment that fits after "cannot start NAME: ".
    pub message: String,
}

choices! {
    /// The kind of a start error.
    pub enum StartErrorKind {
        /// The program, or the interpreter of a script, does not exist.
        ProgramNotFound = "program_not_found",
        /// The working folder is missing or is not a folder.
        CwdNotFound = "cwd_not_found",
        /// The program or the folder is not accessible, or the file is not a program.
        NotExecutable = "not_executable",
        /// Arguments and environment are too long for the kernel.
        ArgumentsTooLong = "arguments_too_long",
        /// Another program listens on its port.
        PortBusy = "port_busy",
        /// The limit of processes, descriptors or memory is reached; a retry can help.
        ResourceLimit = "resource_limit",
        /// Any other error.
        Other = "other",
    }
}

impl StartErrorKind {
    /// Whether a retry can help.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::ResourceLimit)
    }
}

/// A descendant that outlived the leader of its run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct Stray {
    /// The process ID.
    pub pid: u32,
    /// The command line, or the name if the command line cannot be read.
    pub command: String,
}

/// `4711 (sleep 60)`
impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.pid, self.command)
    }
}
