//! Types of searches in the output.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::line_query::line_query;
use super::{OutputRow, Severity};

line_query! {
    /// What is looked for in everything that is kept.
    pub struct SearchQuery {
        /// This regular expression; `(?i)` at its beginning takes capitals for small letters.
        pub search: String,
        /// The nearest hits are those around the line with this number, the end without it.
        pub at: Option<u64>,
        /// Nothing before the line with this number.
        pub from: Option<u64>,
        /// When everything was looked at it goes on counting, as lines come and are dropped.
        pub follow: bool,
    }
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

line_query! {
    /// What is to be found next: a line, with `run` the start of a run, or with `event` its place.
    pub struct SeekQuery {
        /// A line in which this is found too.
        pub search: Option<String>,
        /// The start of a run instead of a line.
        pub run: bool,
        /// Where the event with this number stands, or the last start or end of a run before it.
        pub event: Option<u64>,
        /// Nothing up to this place.
        pub cleared: Option<String>,
        /// After this place, the beginning without it; or with `back` before it, the end without it.
        pub from: Option<String>,
        /// Towards the beginning.
        pub back: bool,
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct SeekResponse {
    /// The place of it, as `at` of a slice takes it; nothing when there is none in that direction.
    pub place: Option<String>,
    /// The row.
    pub row: Option<OutputRow>,
}
