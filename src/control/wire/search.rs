//! Types for searches in the output.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::line_query::line_query;
use super::{OutputRow, Severity};

line_query! {
    /// A search in the stored output.
    pub struct SearchQuery {
        /// The regular expression to find; `(?i)` at its start ignores case.
        pub search: String,
        /// Line number around which the nearest hits are reported; default: the end.
        pub at: Option<u64>,
        /// Only lines from this line number on.
        pub from: Option<u64>,
        /// Keep the stream open and update the count as lines arrive and are dropped.
        pub follow: bool,
    }
}

/// Progress of a search; `over` is set when every line was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SearchProgress {
    /// Number of searched lines.
    pub looked: u64,
    /// Number of lines to search.
    pub of: u64,
    /// Number of hits: lines that match.
    pub hits: u64,
    /// Number of hits before the line `at`.
    pub before: u64,
    /// Line number of the first hit from the line `at` on.
    pub next: Option<u64>,
    /// Line number of the last hit before the line `at`.
    pub previous: Option<u64>,
    /// Line number of the first hit of all, once the search is over.
    pub first: Option<u64>,
    /// Line number of the last hit of all, once the search is over.
    pub last: Option<u64>,
    /// Every line was searched.
    pub over: bool,
}

line_query! {
    /// The target of the seek: a line, with `run` the start of a run, with `event` the marker of an
    /// event.
    pub struct SeekQuery {
        /// A regular expression that the line must match in addition to the filter.
        pub search: Option<String>,
        /// Find the start of a run instead of a line.
        pub run: bool,
        /// Find the marker of the event with this number, or the last marker before it.
        pub event: Option<u64>,
        /// Only rows after this position.
        pub cleared: Option<String>,
        /// Search after this position, or before it with `back`; default: the start, or the end with `back`.
        pub from: Option<String>,
        /// Search towards the start.
        pub back: bool,
    }
}

/// The row that was found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct SeekResponse {
    /// The position of the row, as `at` of a slice accepts it; `null` if nothing was found.
    pub place: Option<String>,
    /// The row that was found.
    pub row: Option<OutputRow>,
}
