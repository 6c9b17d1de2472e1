//! Types of the control protocol.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::output::{SliceLine, Stream};

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
pub use crate::machine::{PoolStatus, WatchState};
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
pub(super) use state::millis;
pub use state::{
    DependencyState, PhaseName, ProcessOptions, ProcessState, ProjectState, StateChanges,
    StateQuery, StateUpdate,
};
pub use why::{WhyLink, WhyResponse};

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
