//! Causes of events.

use serde::{Deserialize, Serialize};

use super::ShutdownReason;
use crate::spec::{CheckRole, Name, Signal};

/// Why something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// The project was started.
    Start,
    /// A person or a program asked for it.
    User,
    /// Something else depends on it, or it depends on something.
    Dependency { on: Name },
    /// Files that are watched have changed.
    FileChanged {
        /// The first of them, relative to `cwd`.
        path: String,
    },
    /// The project's file was read again.
    Reload {
        /// Which time that was, from 1; `config_reloaded` has the same number.
        reload: u32,
    },
    /// The run before returned this code.
    Exit { exit_code: i32 },
    /// A signal ended the run, or asked for it.
    Signal { signal: Signal },
    /// It is tried again.
    Retry {
        /// Which retry it is, from 1.
        retry: u32,
        /// How many there can be; nothing when unlimited.
        #[serde(skip_serializing_if = "Option::is_none")]
        retries: Option<u32>,
    },
    /// There are no tries left.
    RetriesExhausted { retries: u32 },
    /// It ran longer than its `timeout`.
    Timeout {
        /// That timeout in milliseconds.
        after_ms: u64,
    },
    /// It was silent longer than its `idle_timeout`.
    IdleTimeout {
        /// That timeout in milliseconds.
        after_ms: u64,
    },
    /// It was not ready in time.
    ReadyTimeout {
        /// That time in milliseconds.
        after_ms: u64,
        probe: String,
        /// What that answered last, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// A check missed too often.
    Unhealthy {
        check: CheckRole,
        probe: String,
        /// What that answered last.
        answer: String,
        /// How many misses in a row there were.
        misses: u32,
    },
    /// Its pool stops because a member failed.
    Pool {
        pool: Name,
        /// The member that failed.
        failed: Name,
    },
    /// The project is being stopped.
    Shutdown { reason: ShutdownReason },
}
