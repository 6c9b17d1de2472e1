//! Events: typed state changes with their causes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use super::cause::Cause;
use crate::spec::{FaultItem, Name, Signal, WatchAction};

pub use parts::{EndCause, EndDetails, EventSubject, RunError, SkipLink, WaitingOn};

mod parts;

/// Number and time of an event; set by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventStamp {
    /// Grows by one with each event of the project, from 1.
    pub seq: u64,
    /// When it happened; formatted with milliseconds.
    #[serde(serialize_with = "millis")]
    pub time: Timestamp,
    /// The number of the next line of output at that time; the start of a run comes before all its
    /// output. 0 in an event that was deserialized.
    #[serde(skip)]
    pub(crate) output: u64,
}

impl Default for EventStamp {
    fn default() -> Self {
        Self { seq: 0, time: Timestamp::UNIX_EPOCH, output: 0 }
    }
}

/// Serializes a time as RFC 3339 in UTC with exactly three digits of a second.
fn millis<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{time:.3}"))
}

/// The serialized form of an event: number, time and kind first.
#[derive(Serialize)]
struct EventRecord<'a, T> {
    #[serde(flatten)]
    stamp: EventStamp,
    event: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// Declares the event types, each with its name in JSON: first the subject (`of`) if it is an event
/// of a process, then its own fields, then the cause.
macro_rules! events {
    (@subject $event:ident) => { None };
    (@subject $event:ident $subject:ident) => { Some(&$event.$subject) };
    ($($(#[$doc:meta])* $name:ident $kind:literal $(($subject:ident))? { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            pub struct $name {
                /// Number and time; serialized with the [`Event`] that contains this.
                #[serde(flatten, skip_serializing)]
                pub stamp: EventStamp,
                $(
                    /// The process and its run.
                    #[serde(flatten)]
                    pub $subject: EventSubject,
                )?
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
                match self { $(Self::$name(body) => EventRecord { stamp, event, body }.serialize(to),)* }
            }
        }

        impl Event {
            /// The names of all kinds, in order.
            #[cfg(test)]
            pub(crate) const KINDS: &[&str] = &[$($kind,)*];

            /// Returns the name of the kind, such as `process_started`.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind,)* }
            }

            /// Returns number and time.
            pub fn stamp(&self) -> EventStamp {
                match self { $(Self::$name(event) => event.stamp,)* }
            }

            /// Returns the process and its run; `None` if the event is not about a run.
            pub fn subject(&self) -> Option<&EventSubject> {
                match self { $(Self::$name(_event) => events!(@subject _event $($subject)?),)* }
            }

            pub(crate) fn set_stamp(&mut self, stamp: EventStamp) {
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
    /// The process waits for a slot of its pool.
    ProcessQueued "process_queued" (of) {
        pool: Name,
        /// Why it is started.
        cause: Cause,
    }
    /// The process waits for its dependencies.
    ProcessWaiting "process_waiting" (of) {
        on: Vec<WaitingOn>,
        /// Why it is started.
        cause: Cause,
    }
    /// Exec has succeeded.
    ProcessStarted "process_started" (of) {
        /// Pid of the leader, which is also the id of the process group.
        pid: u32,
        /// Why it was started.
        cause: Cause,
    }
    /// The process is ready.
    ProcessReady "process_ready" (of) {
        /// The probe, if there is a check.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// Why it was started.
        cause: Cause,
    }
    /// The process is no longer ready, but keeps running.
    ProcessUnhealthy "process_unhealthy" (of) {
        /// The probe and its answer.
        cause: Cause,
    }
    /// The run ended, and another one follows after a delay.
    ProcessRetrying "process_retrying" (of) {
        /// The delay in milliseconds.
        delay_ms: u64,
        /// The number of the retry; 0 if the run succeeded and `restart = "always"` runs it again.
        retry: u32,
        /// The maximum number of retries; `None` if unlimited.
        #[serde(skip_serializing_if = "Option::is_none")]
        retries: Option<u32>,
        /// The cause of the end of the last run.
        cause: Cause,
    }
    /// The run is being stopped.
    ProcessStopping "process_stopping" (of) {
        /// The signal that is sent; `None` if the stop command runs instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<Signal>,
        cause: Cause,
    }
    /// The run ended by itself, whatever the exit code.
    ProcessCompleted "process_completed" (of) {
        #[serde(flatten)]
        end: EndDetails,
        /// A possible reason of an unwanted end, and the way out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        /// Exit code or signal.
        cause: Cause,
    }
    /// The run was ended on purpose.
    ProcessKilled "process_killed" (of) {
        by: EndCause,
        #[serde(flatten)]
        end: EndDetails,
        cause: Cause,
    }
    /// The run could not be spawned, or had to be ended because it exceeded a limit.
    ProcessFailed "process_failed" (of) {
        /// The error, from a fixed set.
        error: RunError,
        /// The same for people.
        message: String,
        #[serde(flatten)]
        end: EndDetails,
        cause: Cause,
    }
    /// All retries are used up.
    ProcessGaveUp "process_gave_up" (of) {
        /// The number of retries.
        retries: u32,
        /// The exit code of the last run, if it returned one.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        /// The signal that ended the last run, if one did.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<Signal>,
        /// The error of the last run, if it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<RunError>,
        /// How the last run ended, for people.
        #[serde(default)]
        message: String,
        /// Always [`Cause::RetriesExhausted`].
        cause: Cause,
    }
    /// The process can never run, because a dependency can no longer meet its condition.
    ProcessSkipped "process_skipped" (of) {
        /// The dependency.
        on: Name,
        /// From that dependency down to the root cause.
        chain: Vec<SkipLink>,
        /// The dependency, or the pool that was stopped.
        cause: Cause,
    }
    /// Files of a process have changed, which has consequences.
    FileChanged "file_changed" {
        /// The process, whatever its number of replicas.
        name: Name,
        process: Name,
        /// The first changed file, relative to the `cwd` of the process.
        path: String,
        /// The number of further changed files.
        more: u64,
        /// The action in the file: `restart`, `signal:HUP`, `run:NAME`.
        action: WatchAction,
    }
    /// A process was restarted too often in a row, each time soon after its start: changes of its
    /// files are ignored until it is restarted manually.
    WatchSuspended "watch_suspended" {
        name: Name,
        process: Name,
        /// The file that changed last.
        path: String,
        /// The number of restarts.
        restarts: u32,
    }
    /// The project's file was reloaded; contains the processes, jobs and pools that are different.
    ConfigReloaded "config_reloaded" {
        /// The number of the reload, from 1.
        reload: u32,
        added: Vec<Name>,
        changed: Vec<Name>,
        removed: Vec<Name>,
        /// The cause of the reload: a user, a signal, or a change of a file.
        cause: Cause,
    }
    /// The project's file was reloaded and has mistakes; nothing has changed.
    ConfigRejected "config_rejected" {
        /// All mistakes, as `check --json` formats them.
        faults: Vec<FaultItem>,
        /// The cause of the reload.
        cause: Cause,
    }
    /// No member of a pool is left to run.
    PoolDrained "pool_drained" {
        pool: Name,
        /// The number of members that succeeded.
        succeeded: u32,
        /// The number of members that failed.
        failed: u32,
        /// The number of members that were stopped.
        #[serde(default)]
        stopped: u32,
        /// The number of members that were skipped.
        #[serde(default)]
        skipped: u32,
    }
    /// Every process that was started is ready or has succeeded.
    ProjectReady "project_ready" {}
    /// The project is being stopped.
    ProjectStopping "project_stopping" {
        cause: Cause,
    }
    /// Everything has ended.
    ProjectStopped "project_stopped" {}
}

#[cfg(test)]
mod tests;
