//! Causes: why something happened.

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

impl Cause {
    /// Where it came from, in words that go after what is, if there is more to say than that
    /// somebody wanted it.
    pub fn origin(&self) -> Option<String> {
        match self {
            Self::FileChanged { path } => Some(format!("because {path} changed")),
            Self::Reload { reload } => {
                Some(format!("because the file was read again (reload {reload})"))
            }
            Self::Dependency { on } => Some(format!("because of {on}")),
            Self::Retry { retry, retries: Some(of) } => Some(format!("as retry {retry} of {of}")),
            Self::Retry { retry, retries: None } => Some(format!("as retry {retry}")),
            Self::Pool { failed, .. } => Some(format!("because {failed} failed")),
            Self::Unhealthy { .. } => Some("because its health check failed".to_owned()),
            Self::Start
            | Self::User
            | Self::Exit { .. }
            | Self::Signal { .. }
            | Self::RetriesExhausted { .. }
            | Self::Timeout { .. }
            | Self::IdleTimeout { .. }
            | Self::ReadyTimeout { .. }
            | Self::Shutdown { .. } => None,
        }
    }

    /// What a check missed and how often, if that is the cause.
    pub fn misses(&self) -> Option<String> {
        let Self::Unhealthy { probe, answer, misses, .. } = self else { return None };
        let often = if *misses > 1 { format!("; {misses} misses in a row") } else { String::new() };
        Some(format!("{probe}: {answer}{often}"))
    }
}
