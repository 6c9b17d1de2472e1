//! Types of the control protocol.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::machine::{ProcessView, StateName};
use crate::output::{SliceLine, Stream};
use crate::spec::{Exit, Signal};

mod command;
mod details;
mod failure;
mod line_query;
mod output;
mod reload;
mod schemas;
mod search;
mod state;
mod why;

pub use crate::engine::command::{
    ControlCommand, EnqueueRequest, RunRequest, ScaleRequest, SendRequest, SignalRequest,
    StartRequest, StopRequest, WaitRequest, WatchRequest,
};
pub use crate::machine::PoolStatus;
pub use command::{CommandResponse, ProcessOutcome};
pub use details::{
    CheckDetails, DetailsQuery, EnvVariable, ProcessDetails, RunDetails, SourceLocation,
    StopDetails, WatchDetails,
};
pub use failure::{LastOutput, ProjectEnd};
use line_query::line_query;
pub use line_query::{LineCriteria, Severity};
pub use output::{
    OutputProgress, OutputRow, ProgressQuery, RunMarker, RunMarkerKind, SliceQuery, SliceResponse,
};
pub use reload::{CheckResponse, FaultItem, ReloadRequest, ReloadResponse, RestartedProcess};
pub(super) use schemas::ServerSent;
pub use search::{SearchProgress, SearchQuery, SeekQuery, SeekResponse};
pub use state::{
    DependencyState, PhaseName, ProcessState, ProjectState, StateChanges, StateQuery, StateUpdate,
    WatchState,
};
pub use why::{WhyLink, WhyResponse};

/// The project at one moment: `ps --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The name of the project.
    pub project: String,
    /// The process the shell knows: the guardian of the project.
    pub pid: u32,
    /// Every process that was started is ready or has succeeded.
    pub ready: bool,
    /// What has become of the project's file, when it is not where it was at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_gone: Option<String>,
    /// Every process, replica and job, in the order of the file.
    pub processes: Vec<ProcessStatus>,
}

/// One process, replica or job at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessStatus {
    /// `worker.1`
    pub name: String,
    /// `worker`
    pub process: String,
    /// Which replica it is.
    pub replica: Option<u32>,
    /// The pool it takes a slot of.
    pub pool: Option<String>,
    /// Where it is.
    #[schema(value_type = String, example = "backoff")]
    pub state: StateName,
    /// Whether it is ready now.
    pub ready: bool,
    /// The leader of the live run.
    pub pid: Option<u32>,
    /// Number of the latest run, 0 before the first.
    pub run: u32,
    /// The try number of that run.
    pub attempt: u32,
    /// Runs beyond the first.
    pub restarts: u32,
    /// When it got into this state: RFC 3339 with milliseconds.
    pub since: String,
    /// How long the live run has been running.
    pub uptime_ms: Option<u64>,
    /// How the latest run ended, if it returned a code.
    pub exit_code: Option<i32>,
    /// How the latest run ended, if by a signal.
    #[schema(value_type = Option<String>, example = "TERM")]
    pub signal: Option<Signal>,
    /// One sentence that says why it is where it is.
    pub why: String,
    /// The port it is to listen on.
    pub port: Option<u16>,
    /// What its tree takes of one processor: 100 is all of one. Only where it was asked to measure.
    #[schema(example = 12.5)]
    pub cpu_percent: Option<f64>,
    /// What its tree has in memory; a page that several share counts for each.
    pub memory_bytes: Option<u64>,
    /// It has a check that says whether it is ready; without one it is as soon as it has started.
    pub checked: bool,
}

impl ProcessStatus {
    /// What a view comes to, with the times that only a clock can tell.
    pub(super) fn of(view: &ProcessView, since: String, why: String, uptime: Option<u64>) -> Self {
        let (exit_code, signal) = match view.exit {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Self {
            name: view.name.to_string(),
            process: view.process.to_string(),
            replica: view.replica,
            pool: view.pool.as_ref().map(ToString::to_string),
            state: view.state,
            ready: view.state == StateName::Ready,
            pid: view.pid,
            run: view.run,
            attempt: view.attempt,
            restarts: view.run.saturating_sub(1),
            since,
            uptime_ms: uptime,
            exit_code,
            signal,
            why,
            port: view.port,
            cpu_percent: None,
            memory_bytes: None,
            checked: view.checked,
        }
    }
}

/// What is told of the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventItem {
    /// An event, as it is written.
    Event { seq: u64, event: Arc<str> },
    /// These are not kept any more.
    Missed { from: u64, to: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Those with a higher number; 0, the default, means all that are kept.
    #[param(format = "uint64")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Go on with those that come; otherwise end with the last one there is.
    #[serde(default = "yes")]
    pub follow: bool,
}

fn yes() -> bool {
    true
}

line_query! {
    /// Which lines are wanted.
    pub struct OutputQuery {
        /// Only lines from this time on: RFC 3339, or a duration until now such as `5m`.
        #[param(schema_with = schemas::since)]
        pub since: Option<String>,
        /// From the line with this number on.
        #[param(format = "uint64")]
        pub from: Option<u64>,
        /// Only the last so many.
        #[param(format = "uint64")]
        pub tail: Option<u64>,
        /// Go on with those that come.
        pub follow: bool,
    }
}

/// What is given of the output, one JSON object a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum OutputItem {
    /// A line.
    Line(OutputLine),
    /// Lines of this process are not kept any more; they were dropped before they could be sent.
    Missed {
        /// Whose lines.
        name: String,
        /// How many.
        lines: u64,
    },
}

/// One line of output. Its bytes are `text`, or `base64` where they are no UTF-8, and then a newline
/// unless it is `partial`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputLine {
    /// Its place in the order of the whole project, from 0.
    pub seq: u64,
    /// When it came: RFC 3339 with milliseconds.
    pub time: String,
    /// `worker.1`
    pub name: String,
    /// Which run of it.
    pub run: u32,
    /// `out` or `err`.
    #[schema(value_type = String, example = "out")]
    pub stream: Stream,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The same where it is no UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// No newline follows: a piece of a long line, or the last words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

impl OutputLine {
    pub(super) fn new(name: String, line: &SliceLine<'_>) -> Self {
        let whole = line.bytes.strip_suffix(b"\n");
        let bytes = whole.unwrap_or(line.bytes);
        let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
        Self {
            seq: line.seq,
            time: format!("{:.3}", line.at),
            name,
            run: line.run,
            stream: line.stream,
            base64: text.is_none().then(|| BASE64_STANDARD.encode(bytes)),
            text,
            partial: whole.is_none(),
        }
    }

    /// As it came.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = match (&self.text, &self.base64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(text)) => BASE64_STANDARD.decode(text).unwrap_or_default(),
            (None, None) => Vec::new(),
        };
        if !self.partial {
            bytes.push(b'\n');
        }
        bytes
    }
}

/// How the project is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShutdownRequest {
    /// Every tree now, instead of in order.
    #[serde(default)]
    pub kill: bool,
}
