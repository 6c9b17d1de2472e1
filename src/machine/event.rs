//! Events: one change each, typed, with its cause.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ProcessId;
pub use super::cause::Cause;
use crate::spec::{Name, Signal, StartErrorKind, Stray};

/// Number and time of an event; put on by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Grows by one from event to event over the whole project, from 1.
    pub seq: u64,
    /// When it happened; milliseconds are shown.
    #[serde(serialize_with = "millis")]
    pub time: Timestamp,
}

impl Default for Stamp {
    fn default() -> Self {
        Self { seq: 0, time: Timestamp::UNIX_EPOCH }
    }
}

/// Writes a time as RFC 3339 in UTC with exactly three digits of a second.
pub(crate) fn millis<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{time:.3}"))
}

/// Whose event it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its number in this program; nothing in an event that was read.
    #[serde(skip)]
    pub id: Option<ProcessId>,
    /// `worker.1`
    pub name: Name,
    /// `worker`
    pub process: Name,
    /// The run it is about; the latest one, or 0 before the first.
    pub run: u32,
    /// The try number of that run.
    pub attempt: u32,
}

/// Why a run was `failed`: it could not be spawned, or we had to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunError {
    /// See [`StartErrorKind::ProgramNotFound`].
    ProgramNotFound,
    /// See [`StartErrorKind::CwdNotFound`].
    CwdNotFound,
    /// See [`StartErrorKind::NotExecutable`].
    NotExecutable,
    /// See [`StartErrorKind::ArgumentsTooLong`].
    ArgumentsTooLong,
    /// See [`StartErrorKind::ResourceLimit`].
    ResourceLimit,
    /// See [`StartErrorKind::Other`].
    Other,
    /// It ran longer than its `timeout`.
    Timeout,
    /// It was silent longer than its `idle_timeout`.
    IdleTimeout,
    /// Something of its tree could not be ended.
    Unkillable,
}

impl From<StartErrorKind> for RunError {
    fn from(kind: StartErrorKind) -> Self {
        match kind {
            StartErrorKind::ProgramNotFound => Self::ProgramNotFound,
            StartErrorKind::CwdNotFound => Self::CwdNotFound,
            StartErrorKind::NotExecutable => Self::NotExecutable,
            StartErrorKind::ArgumentsTooLong => Self::ArgumentsTooLong,
            StartErrorKind::ResourceLimit => Self::ResourceLimit,
            StartErrorKind::Other => Self::Other,
        }
    }
}

impl RunError {
    /// As it is written in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProgramNotFound => "program_not_found",
            Self::CwdNotFound => "cwd_not_found",
            Self::NotExecutable => "not_executable",
            Self::ArgumentsTooLong => "arguments_too_long",
            Self::ResourceLimit => "resource_limit",
            Self::Other => "other",
            Self::Timeout => "timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::Unkillable => "unkillable",
        }
    }
}

/// By what a run was ended on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A stop.
    Stop,
    /// A kill.
    Kill,
    /// A restart.
    Restart,
    /// A change of its files.
    FileChange,
    /// Its part of the project's file is another one.
    Reload,
    /// The project was being stopped.
    Shutdown,
}

/// What the three end events share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Ended {
    /// The leader's exit code, if it returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended the leader, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// Whether the run ended well: by itself, with one of its success codes.
    pub success: bool,
    /// How long it ran, in milliseconds; 0 when it was never spawned.
    pub duration_ms: u64,
    /// Whether descendants outlived the leader.
    pub leaked: bool,
    /// Which ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strays: Vec<Stray>,
}

/// One link of the chain that explains a skipped process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The dependency.
    pub name: Name,
    /// What it was to reach.
    pub condition: crate::spec::Condition,
    /// Why it cannot any more.
    pub why: String,
}

/// A dependency that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingOn {
    /// The dependency.
    pub name: Name,
    /// What it must reach.
    pub condition: crate::spec::Condition,
}

/// An event as it is written: number, time and kind first.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    stamp: Stamp,
    event: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// Declares the event types, each with its name in JSON: subject first, then its own fields, then
/// the cause.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $kind:literal { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            pub struct $name {
                /// Its number and time; written with the [`Event`] it is part of.
                #[serde(flatten, skip_serializing)]
                pub stamp: Stamp,
                $($(#[$field_doc])* pub $field: $ty,)*
            }
        )*

        /// One change in the project. As JSON it is one flat object whose `event` names the kind.
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(tag = "event")]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $kind)] $name($name),)*
        }

        impl Serialize for Event {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let (stamp, event) = (self.stamp(), self.kind());
                match self { $(Self::$name(body) => Line { stamp, event, body }.serialize(to),)* }
            }
        }

        impl Event {
            /// The name of its kind, such as `process_started`.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind,)* }
            }

            /// Its number and time.
            pub fn stamp(&self) -> Stamp {
                match self { $(Self::$name(event) => event.stamp,)* }
            }

            /// Puts number and time on it.
            pub(crate) fn set_stamp(&mut self, stamp: Stamp) {
                match self { $(Self::$name(event) => event.stamp = stamp,)* }
            }
        }

        $(impl From<$name> for Event {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })*
    };
}

events! {
    /// It waits for a slot of its pool.
    ProcessQueued "process_queued" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// For a slot of this pool.
        pool: Name,
        /// Why it is to run.
        cause: Cause,
    }
    /// It waits for its dependencies.
    ProcessWaiting "process_waiting" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// For these.
        on: Vec<WaitingOn>,
        /// Why it is to run.
        cause: Cause,
    }
    /// Exec has succeeded.
    ProcessStarted "process_started" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// The leader, whose pid is also the id of the group.
        pid: u32,
        /// Why it runs.
        cause: Cause,
    }
    /// It is ready.
    ProcessReady "process_ready" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// Why it runs.
        cause: Cause,
    }
    /// It ended and will be tried again after a delay.
    ProcessRetrying "process_retrying" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// The delay in milliseconds.
        delay_ms: u64,
        /// Which retry this will be; 0 when it succeeded and `restart = "always"` runs it again.
        retry: u32,
        /// How many there can be; nothing when unlimited.
        #[serde(skip_serializing_if = "Option::is_none")]
        retries: Option<u32>,
        /// What ended the run before.
        cause: Cause,
    }
    /// It was asked to end.
    ProcessStopping "process_stopping" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// The signal it gets; nothing when its stop command runs instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<Signal>,
        /// Why.
        cause: Cause,
    }
    /// The run ended by itself, whatever the code.
    ProcessCompleted "process_completed" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// How.
        #[serde(flatten)]
        end: Ended,
        /// How, in the words of causes.
        cause: Cause,
    }
    /// The run was ended on purpose.
    ProcessKilled "process_killed" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// By what.
        by: By,
        /// How.
        #[serde(flatten)]
        end: Ended,
        /// Why.
        cause: Cause,
    }
    /// The run could not be spawned, or had to be ended because it broke a limit.
    ProcessFailed "process_failed" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// What went wrong, from a fixed set.
        error: RunError,
        /// The same for people.
        message: String,
        /// How.
        #[serde(flatten)]
        end: Ended,
        /// Why.
        cause: Cause,
    }
    /// All tries are used up.
    ProcessGaveUp "process_gave_up" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// How many retries there were.
        retries: u32,
        /// How the last run ended, if it returned a code.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        /// How the last run ended, if by a signal.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<Signal>,
        /// What went wrong in the last run, if it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<RunError>,
        /// That the tries are used up.
        cause: Cause,
    }
    /// It cannot run any more, because something it depends on cannot get where it should.
    ProcessSkipped "process_skipped" {
        /// Who.
        #[serde(flatten)]
        of: Subject,
        /// The dependency.
        on: Name,
        /// From that dependency down to the root of the matter.
        chain: Vec<Link>,
        /// The dependency, or the pool that was stopped.
        cause: Cause,
    }
    /// Files of a process have changed, and something follows from that.
    FileChanged "file_changed" {
        /// The process, whatever number of replicas it has.
        name: Name,
        /// The same.
        process: Name,
        /// The first that changed, relative to its `cwd`.
        path: String,
        /// How many others changed with it.
        more: u64,
        /// What follows, as in the file: `restart`, `signal:HUP`, `run:NAME`.
        action: String,
    }
    /// A process was restarted too often in a row, each time soon after its start: changes of its
    /// files do nothing until it is restarted by hand.
    WatchSuspended "watch_suspended" {
        /// The process.
        name: Name,
        /// The same.
        process: Name,
        /// The file that changed last.
        path: String,
        /// How many restarts there were.
        restarts: u32,
    }
    /// The project's file was read again; processes, jobs and pools that are different.
    ConfigReloaded "config_reloaded" {
        /// Not there before.
        added: Vec<Name>,
        /// Something else now.
        changed: Vec<Name>,
        /// Not there any more.
        removed: Vec<Name>,
    }
    /// The project's file was read again and has mistakes: nothing follows from it.
    ConfigRejected "config_rejected" {
        /// Every one, as `check --json` tells them.
        faults: Vec<serde_json::Value>,
    }
    /// Nothing of a pool is left to run.
    PoolDrained "pool_drained" {
        /// That pool.
        pool: Name,
        /// How many of its members succeeded.
        succeeded: u32,
        /// How many failed, were stopped or skipped.
        failed: u32,
    }
    /// Every process that was started is ready or has succeeded.
    ProjectReady "project_ready" {}
    /// The project is being stopped.
    ProjectStopping "project_stopping" {
        /// Why.
        cause: Cause,
    }
    /// Everything has ended.
    ProjectStopped "project_stopped" {}
}

impl Event {
    /// Whose event it is, for those of a process.
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            Self::ProcessQueued(e) => Some(&e.of),
            Self::ProcessWaiting(e) => Some(&e.of),
            Self::ProcessStarted(e) => Some(&e.of),
            Self::ProcessReady(e) => Some(&e.of),
            Self::ProcessRetrying(e) => Some(&e.of),
            Self::ProcessStopping(e) => Some(&e.of),
            Self::ProcessCompleted(e) => Some(&e.of),
            Self::ProcessKilled(e) => Some(&e.of),
            Self::ProcessFailed(e) => Some(&e.of),
            Self::ProcessGaveUp(e) => Some(&e.of),
            Self::ProcessSkipped(e) => Some(&e.of),
            Self::FileChanged(_)
            | Self::WatchSuspended(_)
            | Self::ConfigReloaded(_)
            | Self::ConfigRejected(_)
            | Self::PoolDrained(_)
            | Self::ProjectReady(_)
            | Self::ProjectStopping(_)
            | Self::ProjectStopped(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
