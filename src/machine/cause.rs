//! Causes of events.

use serde::{Deserialize, Serialize};

use super::ShutdownReason;
use crate::spec::{CheckRole, Name, Signal};

/// Why something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub enum Cause {
    /// The project was started.
    Start,
    /// A user or a program requested it.
    User,
    /// A dependant needs the process, or a dependency has changed.
    Dependency { on: Name },
    /// Watched files have changed.
    FileChanged {
        /// The first changed file, relative to `cwd`.
        path: String,
    },
    /// The project's file was reloaded.
    Reload {
        /// The number of the reload, from 1, as in `config_reloaded`.
        reload: u32,
    },
    /// The last run returned this code.
    Exit { exit_code: i32 },
    /// A signal ended the run, or requested it.
    Signal { signal: Signal },
    /// The run is a retry.
    Retry {
        /// The number of the retry, from 1.
        retry: u32,
        /// The maximum number of retries; `None` if unlimited.
        #[serde(skip_serializing_if = "Option::is_none")]
        retries: Option<u32>,
    },
    /// No retries are left.
    RetriesExhausted { retries: u32 },
    /// The run lasted longer than its `timeout`.
    Timeout {
        /// That timeout in milliseconds.
        after_ms: u64,
    },
    /// The run was silent longer than its `idle_timeout`.
    IdleTimeout {
        /// That timeout in milliseconds.
        after_ms: u64,
    },
    /// The run was not ready in time.
    ReadyTimeout {
        /// That time in milliseconds.
        after_ms: u64,
        probe: String,
        /// The last answer, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// A check missed too often.
    Unhealthy {
        check: CheckRole,
        probe: String,
        /// The last answer.
        answer: String,
        /// The number of consecutive misses.
        misses: u32,
    },
    /// The pool stops because a member failed.
    Pool {
        pool: Name,
        /// The member that failed.
        failed: Name,
    },
    /// The project is being stopped.
    Shutdown { reason: ShutdownReason },
}
