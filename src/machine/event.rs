//! Events: typed state changes with their causes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use super::cause::Cause;
use crate::spec::{Name, Signal};

pub use parts::{EndCause, EndDetails, EventSubject, RunError, SkipLink, WaitingOn};

mod parts;

/// Number and time of an event; put on by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventStamp {
    /// Grows by one from event to event over the whole project, from 1.
    pub seq: u64,
    /// When it happened; milliseconds are shown.
    #[serde(serialize_with = "millis")]
    pub time: Timestamp,
    /// The number the next line of output had then; the start of a run comes before all it prints.
    /// Nothing in an event that was read.
    #[serde(skip)]
    pub(crate) output: u64,
}

impl Default for EventStamp {
    fn default() -> Self {
        Self { seq: 0, time: Timestamp::UNIX_EPOCH, output: 0 }
    }
}

/// Writes a time as RFC 3339 in UTC with exactly three digits of a second.
pub(crate) fn millis<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{time:.3}"))
}

/// An event as it is written: number, time and kind first.
#[derive(Serialize)]
struct EventRecord<'a, T> {
    #[serde(flatten)]
    stamp: EventStamp,
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
                pub stamp: EventStamp,
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

            /// The name of its kind, such as `process_started`.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind,)* }
            }

            /// Its number and time.
            pub fn stamp(&self) -> EventStamp {
                match self { $(Self::$name(event) => event.stamp,)* }
            }

            /// Puts number and time on it.
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
    /// It waits for a slot of its pool.
    ProcessQueued "process_queued" {
        #[serde(flatten)]
        of: EventSubject,
        /// For a slot of this pool.
        pool: Name,
        /// Why it is to run.
        cause: Cause,
    }
    /// It waits for its dependencies.
    ProcessWaiting "process_waiting" {
        #[serde(flatten)]
        of: EventSubject,
        on: Vec<WaitingOn>,
        /// Why it is to run.
        cause: Cause,
    }
    /// Exec has succeeded.
    ProcessStarted "process_started" {
        #[serde(flatten)]
        of: EventSubject,
        /// The leader, whose pid is also the id of the group.
        pid: u32,
        /// Why it runs.
        cause: Cause,
    }
    /// It is ready.
    ProcessReady "process_ready" {
        #[serde(flatten)]
        of: EventSubject,
        /// What was asked, where it has a check.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// Why it runs.
        cause: Cause,
    }
    /// It was ready and is not any more, but goes on running.
    ProcessUnhealthy "process_unhealthy" {
        #[serde(flatten)]
        of: EventSubject,
        /// What was asked, and what it answered.
        cause: Cause,
    }
    /// It ended and will be tried again after a delay.
    ProcessRetrying "process_retrying" {
        #[serde(flatten)]
        of: EventSubject,
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
        #[serde(flatten)]
        of: EventSubject,
        /// The signal it gets; nothing when its stop command runs instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<Signal>,
        cause: Cause,
    }
    /// The run ended by itself, whatever the code.
    ProcessCompleted "process_completed" {
        #[serde(flatten)]
        of: EventSubject,
        #[serde(flatten)]
        end: EndDetails,
        /// What may have ended it without anybody wanting that, and the way out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        /// How, in the words of causes.
        cause: Cause,
    }
    /// The run was ended on purpose.
    ProcessKilled "process_killed" {
        #[serde(flatten)]
        of: EventSubject,
        by: EndCause,
        #[serde(flatten)]
        end: EndDetails,
        cause: Cause,
    }
    /// The run could not be spawned, or had to be ended because it broke a limit.
    ProcessFailed "process_failed" {
        #[serde(flatten)]
        of: EventSubject,
        /// What went wrong, from a fixed set.
        error: RunError,
        /// The same for people.
        message: String,
        #[serde(flatten)]
        end: EndDetails,
        cause: Cause,
    }
    /// All tries are used up.
    ProcessGaveUp "process_gave_up" {
        #[serde(flatten)]
        of: EventSubject,
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
        /// How the last run ended, for people.
        #[serde(default)]
        message: String,
        /// That the tries are used up.
        cause: Cause,
    }
    /// It cannot run any more, because something it depends on cannot get where it should.
    ProcessSkipped "process_skipped" {
        #[serde(flatten)]
        of: EventSubject,
        /// The dependency.
        on: Name,
        /// From that dependency down to the root of the matter.
        chain: Vec<SkipLink>,
        /// The dependency, or the pool that was stopped.
        cause: Cause,
    }
    /// Files of a process have changed, and something follows from that.
    FileChanged "file_changed" {
        /// The process, whatever number of replicas it has.
        name: Name,
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
        name: Name,
        process: Name,
        /// The file that changed last.
        path: String,
        /// How many restarts there were.
        restarts: u32,
    }
    /// The project's file was read again; processes, jobs and pools that are different.
    ConfigReloaded "config_reloaded" {
        /// Which time it is, from 1.
        reload: u32,
        added: Vec<Name>,
        changed: Vec<Name>,
        removed: Vec<Name>,
        /// Who wanted it to be read: a person, a signal, or a change of a file.
        cause: Cause,
    }
    /// The project's file was read again and has mistakes: nothing follows from it.
    ConfigRejected "config_rejected" {
        /// Every one, as `check --json` tells them.
        faults: Vec<serde_json::Value>,
        /// Who wanted it to be read.
        cause: Cause,
    }
    /// Nothing of a pool is left to run.
    PoolDrained "pool_drained" {
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
        cause: Cause,
    }
    /// Everything has ended.
    ProjectStopped "project_stopped" {}
}

impl Event {
    /// Whose event it is, for those of a process.
    pub fn subject(&self) -> Option<&EventSubject> {
        match self {
            Self::ProcessQueued(e) => Some(&e.of),
            Self::ProcessWaiting(e) => Some(&e.of),
            Self::ProcessStarted(e) => Some(&e.of),
            Self::ProcessReady(e) => Some(&e.of),
            Self::ProcessUnhealthy(e) => Some(&e.of),
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
