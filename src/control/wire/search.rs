//! Something looked for in the output.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{OutputRow, Severity};

/// What is looked for in everything that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// `NAME`, `NAME.N`, `@TAG` or `POOL`, with commas between; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
    /// `out` or `err`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Only lines of this level and above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Severity>,
    /// Only lines in which this regular expression is found too: those that are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grep: Option<String>,
    /// Only lines in which that is not found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invert: bool,
    /// This regular expression; `(?i)` at its beginning takes capitals for small letters.
    pub search: String,
    /// The nearest hits are those around the line with this number, the end without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// Nothing before the line with this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// When everything was looked at it goes on counting, as lines come and are dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
}

/// How far a search has come; once everything was looked at it has `over`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SearchProgress {
    /// Lines looked at.
    pub looked: u64,
    /// Lines there are to look at.
    pub of: u64,
    /// Lines found.
    pub hits: u64,
    /// How many of them come before the line that was asked about.
    pub before: u64,
    /// The first one found from that line on.
    pub next: Option<u64>,
    /// The last one found before it.
    pub previous: Option<u64>,
    /// The first one found of all, once it is over.
    pub first: Option<u64>,
    /// The last one found of all, once it is over.
    pub last: Option<u64>,
    /// There is nothing more to look at.
    pub over: bool,
}

/// What is to be found next: a line, with `run` the start of a run, or with `event` its place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SeekQuery {
    /// `NAME`, `NAME.N`, `@TAG` or `POOL`, with commas between; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
    /// `out` or `err`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// A line of this level or above: `error` for the next error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Severity>,
    /// A line in which this regular expression is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grep: Option<String>,
    /// One in which it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invert: bool,
    /// A line in which this is found too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// The start of a run instead of a line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run: bool,
    /// Where the event with this number stands, or the last start or end of a run before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// Nothing up to this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared: Option<String>,
    /// After this place, the beginning without it; or with `back` before it, the end without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Towards the beginning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct SeekResponse {
    /// The place of it, as `at` of a slice takes it; nothing when there is none in that direction.
    pub place: Option<String>,
    /// The row.
    pub row: Option<OutputRow>,
}
