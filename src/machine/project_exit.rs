//! The reason and the exit code of a project's end.

use serde::{Deserialize, Serialize};

use crate::spec::{Name, Signal};

/// Why the project is being stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub enum ShutdownReason {
    /// A signal to pitcrew.
    Signal(Signal),
    /// A user stopped the project.
    Asked,
    /// A process with `shutdown_on` has finally ended.
    ShutdownOn(Name),
    /// The first final failure under `--fail-fast`.
    FailFast(Name),
    /// Nothing is left to run.
    Done,
    /// The guardian is gone, so nothing would end the children if pitcrew died too.
    GuardianGone,
}

/// How the project ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectExit {
    /// Nothing was left to run, or the guardian is gone.
    Quiet {
        /// No process has failed or was skipped.
        well: bool,
    },
    Asked,
    Signal(Signal),
    /// A process ended the project with this code.
    Code(i32),
}
