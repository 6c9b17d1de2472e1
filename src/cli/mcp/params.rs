//! Parameters of the MCP tools that differ from the requests of the control protocol. Their schemas
//! are generated.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::output::Stream;
use crate::spec::Condition;

pub(super) const DEFAULT_LINES: u64 = 100;
pub(super) const MAX_LINES: u64 = 2000;
pub(super) const DEFAULT_EVENTS: u64 = 50;
pub(super) const MAX_EVENTS: u64 = 1000;
pub(super) const DEFAULT_TIMEOUT: u64 = 60;
pub(super) const MAX_TIMEOUT: u64 = 600;
pub(super) const DEFAULT_SCREEN_TIMEOUT: u64 = 10;

/// The process to explain.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhyParams {
    /// NAME or NAME.N (a replica)
    pub(super) name: String,
}

/// The lines to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputParams {
    /// NAME, NAME.N, @TAG or POOL; default: all processes
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// The number of last lines: 100 by default, at most 2000
    pub(super) lines: Option<u64>,
    /// Only lines after a time (RFC 3339), or an age such as 5m
    pub(super) since: Option<String>,
    /// Only one of the two outputs: out or err
    #[serde(default)]
    #[schemars(schema_with = "stream_schema")]
    pub(super) stream: Option<Stream>,
}

/// The lines to search for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchParams {
    /// A regular expression; (?i) at its beginning ignores case
    pub(super) pattern: String,
    /// NAME, NAME.N, @TAG or POOL; default: all processes
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// The number of last matches: 100 by default, at most 2000
    pub(super) lines: Option<u64>,
    /// Only lines after a time (RFC 3339), or an age such as 5m
    pub(super) since: Option<String>,
}

/// The events to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsParams {
    /// Only events with a higher sequence number
    #[serde(default)]
    pub(super) after: u64,
    /// The number of last events: 50 by default, at most 1000
    pub(super) last: Option<u64>,
}

/// The processes and the condition to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitParams {
    /// NAME, NAME.N (a replica), @TAG, POOL or all
    pub(super) names: Vec<String>,
    /// The condition; default: each process is ready or has succeeded
    #[serde(default, rename = "for")]
    #[schemars(schema_with = "condition_schema")]
    pub(super) until: Option<Condition>,
    /// Stop waiting after this time: 60 by default, at most 600
    pub(super) timeout_seconds: Option<u64>,
}

/// The screen to read, and what to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScreenParams {
    /// NAME or NAME.N (a replica) with `tty = true`
    pub(super) name: String,
    /// Wait until the screen matches this regular expression; ^ and $ match at the ends of rows
    #[serde(default)]
    pub(super) wait_for: Option<String>,
    /// Stop waiting after this time: 10 by default, at most 600
    #[serde(default)]
    pub(super) timeout_seconds: Option<u64>,
}

fn stream_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Stream::WORDS })
}

fn condition_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Condition::WORDS })
}
