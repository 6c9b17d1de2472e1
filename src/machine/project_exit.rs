//! The reason and the exit code of a project's end.

use serde::{Deserialize, Serialize};

use crate::spec::{Name, Signal};

/// Why the project is being stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShutdownReason {
    /// A signal to pitcrew.
    Signal(Signal),
    Asked,
    /// A process with `shutdown_on` ended for good.
    ShutdownOn(Name),
    /// The first final failure under `--fail-fast`.
    FailFast(Name),
    /// What the project was started for has ended.
    Done,
    /// The guardian is gone, so nothing would end the children if pitcrew died too.
    GuardianGone,
}

/// How the project ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectExit {
    /// Nothing was left to do, or somebody asked; whether everything that ended ended well.
    Quiet {
        /// Every process that ended ended well.
        well: bool,
    },
    Asked,
    Signal(Signal),
    /// A process ended the project with this code.
    Code(i32),
}
