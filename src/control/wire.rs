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
mod terminal;
mod why;

pub use crate::engine::command::{
    ControlCommand, EnqueueRequest, KeysRequest, RunRequest, ScaleRequest, SendRequest,
    SignalRequest, StartRequest, StopRequest, WaitRequest, WatchRequest,
};
pub use crate::machine::{PoolStatus, WatchState};
pub use command::{CommandResponse, ProcessOutcome};
pub use details::{
    CheckDetails, DetailsQuery, EnvVariable, ProcessDetails, RunDetails, SourceLocation,
};
pub use failure::{LastOutput, ProjectEnd};
use line_query::line_query;
pub use line_query::{LineCriteria, Severity};
pub use output::{
    OutputProgress, OutputRow, ProgressQuery, RunMarker, RunMarkerKind, SliceQuery, SliceResponse,
};
pub use reload::{CheckReport, FaultItem, ReloadRequest, ReloadResponse, RestartedProcess};
pub(super) use schemas::ServerSent;
pub use search::{SearchProgress, SearchQuery, SeekQuery, SeekResponse};
pub(super) use state::millis;
pub use state::{
    DependencyState, PhaseName, ProcessOptions, ProcessState, ProjectState, StateChanges,
    StateQuery, StateUpdate,
};
pub use terminal::{ScreenQuery, ScreenResponse, TerminalMessage, TerminalNote, ViewerMessage};
pub use why::{WhyLink, WhyResponse};

/// An item of the event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventItem {
    /// An event: its number and its JSON.
    Event { seq: u64, event: Arc<str> },
    /// The events with these numbers are no longer stored.
    Missed { from: u64, to: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Only events with a higher number; default: 0, which means all stored events.
    #[param(format = "uint64")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Keep the stream open for new events; otherwise it ends with the latest event. Default: true.
    #[serde(default = "default_true")]
    pub follow: bool,
}

fn default_true() -> bool {
    true
}

line_query! {
    /// Which lines to return.
    pub struct OutputQuery {
        /// Only lines printed at or after this time: RFC 3339, or a duration before now such as `5m`.
        #[param(schema_with = schemas::since)]
        pub since: Option<String>,
        /// Only lines from this line number on.
        #[param(format = "uint64")]
        pub from: Option<u64>,
        /// Only the last lines, at most this many.
        #[param(format = "uint64")]
        pub tail: Option<u64>,
        /// Keep the stream open for new lines.
        pub follow: bool,
    }
}

/// An item of the output stream; each is a JSON object on a separate line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum OutputItem {
    /// A line of output.
    Line(OutputLine),
    /// Lines of this process were dropped from the store before they could be sent.
    Missed {
        /// Name of the process.
        name: String,
        /// Number of dropped lines.
        lines: u64,
    },
}

/// A line of output. Its bytes are `text`, or `base64` if they are not valid UTF-8, followed by a newline
/// unless it is `partial`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputLine {
    /// The line number: the position in the output of the whole project, from 0.
    pub seq: u64,
    /// When the line was read: RFC 3339 with milliseconds.
    pub time: String,
    /// Name of the process, such as `worker.1`.
    pub name: String,
    /// Number of the run that printed it.
    pub run: u32,
    /// `out` or `err`.
    pub stream: Stream,
    /// The line without its newline, if it is valid UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The line without its newline in Base64, if it is not valid UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// No newline follows: the line is a piece of a long line, or the output ended without a newline.
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

    /// Returns the bytes of the line as they were printed.
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

/// A request to shut down the project.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShutdownRequest {
    /// Kill all process trees immediately instead of stopping them in order.
    #[serde(default)]
    pub kill: bool,
}
